"""Starts real database servers for tests, private to the session: data in a temporary folder, a free port, loopback.

Installs Debian's packages when the servers are missing and this user may; a machine without both fails the test.
"""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PASSWORD = "密钥-canary-Pa55"  # hunted for in logs, errors, plans and reports
USER = "migration_reader"
_PACKAGES = {"postgresql": ["postgresql"], "mariadb": ["mariadb-server"]}


@dataclass(kw_only=True)
class Server:
    """A running server."""

    engine: str
    folder: Path
    port: int
    arguments: list[str]
    user: str | None = None
    """User the server runs as; None for whoever runs the tests."""
    process: subprocess.Popen[bytes] | None = None
    databases: int = 0
    log: Path = field(default=Path())

    def url(self, database: str, *, with_password: bool = True) -> str:
        """Return the SQLAlchemy URL of a database."""
        scheme = "postgresql" if self.engine == "postgresql" else "mysql"
        password = f":{PASSWORD}" if with_password else ""
        return f"{scheme}://{USER}{password}@127.0.0.1:{self.port}/{database}"

    def run(self, script: str | Path, database: str) -> None:
        """Run SQL, or a file of it, with the engine's own client as a user who may do everything."""
        text = script.read_bytes() if isinstance(script, Path) else script.encode()
        environment = os.environ | {"PGPASSWORD": PASSWORD, "MYSQL_PWD": PASSWORD, "PGCLIENTENCODING": "UTF8"}
        if self.engine == "postgresql":
            command = ["psql", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER]
            command += ["-d", database]
        else:
            command = ["mariadb", "--default-character-set=utf8mb4", "-h", "127.0.0.1", "-P", str(self.port)]
            command += ["-u", USER, database]
        result = subprocess.run(command, input=text, capture_output=True, env=environment)
        assert result.returncode == 0, result.stderr.decode(errors="replace")[-2000:]

    def new_database(self, script: str | Path | None = None) -> str:
        """Make an empty database, run a script in it and return its name."""
        self.databases += 1
        name = f"research_{self.databases}"
        if self.engine == "postgresql":
            self.run(f'create database "{name}"', "postgres")
        else:
            self.run(f"create database `{name}` character set utf8mb4", "mysql")
        if script is not None:
            self.run(script, name)
        return name

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(self.arguments, stdout=log, stderr=log, cwd="/", **_identity(self.user))
        for _ in range(600):
            if self.process.poll() is not None:
                break
            with socket.socket() as client:
                client.settimeout(0.2)
                if client.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.1)
        raise RuntimeError(f"{self.engine} did not start: {self.log.read_text(errors='replace')[-2000:]}")

    def stop(self, *, at_once: bool = False) -> None:
        """Stop the server, politely or at once."""
        if self.process is None:
            return
        (self.process.kill if at_once else self.process.terminate)()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


def _program(name: str, package: str) -> str:
    """Return the path of a server's program, installing its package when it is missing."""
    for attempt in range(2):
        found = shutil.which(name)
        if found:
            return found
        versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
        if versions:
            return str(versions[-1])
        if attempt == 0:
            _install(_PACKAGES[package])
    raise RuntimeError(f"{name} is missing and could not be installed: install {' '.join(_PACKAGES[package])}")


def _install(packages: Sequence[str]) -> None:
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "--no-install-recommends"]):
        arguments = [*sudo, *command, *(packages if command[1] == "install" else [])]
        subprocess.run(arguments, check=False, capture_output=True, env=environment)


def _free_port() -> int:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return int(server.getsockname()[1])


def _identity(user: str | None) -> dict[str, Any]:
    return {} if user is None else {"user": user, "group": user, "extra_groups": []}


def _give_to_service(user: str, folder: Path) -> str | None:
    """Give a folder to the service's user and return that user; both servers refuse to run as root."""
    if os.geteuid() != 0:
        return None
    shutil.chown(folder, user)
    # every folder above must let that user through
    for parent in folder.parents:
        if parent.stat().st_uid == 0 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    return user


def start_postgresql(folder: Path) -> Server:
    """Start a PostgreSQL in a new folder."""
    initdb = _program("initdb", "postgresql")
    folder.mkdir(parents=True)
    user = _give_to_service("postgres", folder)
    data, secret, port = folder / "data", folder / "secret", _free_port()
    secret.write_text(PASSWORD)
    secret.chmod(0o644)
    subprocess.run(
        [initdb, "-D", str(data), "-U", USER, "--pwfile", str(secret), "--auth=scram-sha-256",
         "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"],
        check=True, capture_output=True, cwd="/", **_identity(user),
    )  # fmt: skip
    server = Server(
        engine="postgresql",
        folder=folder,
        port=port,
        user=user,
        arguments=[
            str(Path(initdb).parent / "postgres"), "-D", str(data), "-p", str(port), "-k", str(folder),
            "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_wal_size=2GB",
        ],
        log=folder / "server.log",
    )  # fmt: skip
    server.start()
    _wait_for_login(server, "postgres")
    return server


def start_mariadb(folder: Path) -> Server:
    """Start a MariaDB in a new folder."""
    daemon = _program("mariadbd", "mariadb")
    folder.mkdir(parents=True)
    user = _give_to_service("mysql", folder)
    data, setup, port = folder / "data", folder / "setup.sql", _free_port()
    setup.write_text(
        f"create user '{USER}'@'127.0.0.1' identified by '{PASSWORD}';\n"
        f"grant all on *.* to '{USER}'@'127.0.0.1' with grant option;\n",
        encoding="utf-8",
    )
    setup.chmod(0o644)
    subprocess.run(
        [_program("mariadb-install-db", "mariadb"), "--no-defaults", f"--datadir={data}",
         "--auth-root-authentication-method=normal", "--skip-test-db"],
        check=True, capture_output=True, cwd="/", **_identity(user),
    )  # fmt: skip
    server = Server(
        engine="mariadb",
        folder=folder,
        port=port,
        user=user,
        arguments=[
            daemon, "--no-defaults", f"--datadir={data}", f"--socket={folder / 'socket'}", f"--port={port}",
            "--bind-address=127.0.0.1", f"--pid-file={folder / 'pid'}", f"--init-file={setup}",
            "--character-set-server=utf8mb4", "--event-scheduler=off", "--innodb-flush-log-at-trx-commit=0",
            "--skip-name-resolve", "--log-bin-trust-function-creators=1", "--innodb-buffer-pool-size=256M",
            "--local-infile=1", "--max-allowed-packet=256M", f"--secure-file-priv={folder}",
        ],
        log=folder / "server.log",
    )  # fmt: skip
    server.start()
    _wait_for_login(server, "mysql")
    # a restart would make the user again
    server.arguments = [argument for argument in server.arguments if not argument.startswith("--init-file")]
    return server


@contextmanager
def running(start: Callable[[Path], Server]) -> Iterator[Server]:
    """Yield a started server, and stop it and remove its folder in the end.

    The folder is not pytest's, whose roots are closed to other users whenever a session of pytest begins.
    """
    with tempfile.TemporaryDirectory(prefix="radlake_server_", ignore_cleanup_errors=True) as folder:
        server = start(Path(folder) / "server")
        try:
            yield server
        finally:
            server.stop()


def _wait_for_login(server: Server, database: str) -> None:
    for attempt in range(100):
        try:
            server.run("select 1", database)
            return
        except AssertionError:
            if attempt == 99:
                raise
            time.sleep(0.1)
