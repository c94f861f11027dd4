"""Makes, reads and names the keys of a home; deliberately never replaces one.

Three keys of 256 random bits, one file each (mode 0600) in `<home>/keys`: `raw` and `lake` encrypt the two zones,
`pseudonym` keys the pseudonyms. `site.yml` records each key's fingerprint, so a wrong key is told from a right one
before anything is opened.
"""

import hashlib
import hmac
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from lakehouse.errors import KeyMissingError, SettingsError

KEY_NAMES = ("raw", "lake", "pseudonym")


def fingerprint_of(key: bytes) -> str:
    """Return the 16 hex digits by which a key is named in settings and errors."""
    return hashlib.sha256(b"radlake key fingerprint\x1f" + key).hexdigest()[:16]


def create_keys(folder: Path) -> dict[str, str]:
    """Make the keys of a new home and return their fingerprints by name.

    Raises SettingsError when a key file is already there: a key is never overwritten.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    fingerprints = {}
    for name in KEY_NAMES:
        path = folder / f"{name}.key"
        key = secrets.token_bytes(32)
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise SettingsError(f"a key is already at {path}; keys are never overwritten") from error
        with os.fdopen(handle, "w") as file:
            file.write(key.hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        fingerprints[name] = fingerprint_of(key)
    return fingerprints


def read_key(folder: Path, name: str, fingerprints: Mapping[str, str]) -> bytes:
    """Read one key and prove that it is the one the home was made with.

    Raises KeyMissingError, which names the fingerprints, never the key.
    """
    path = folder / f"{name}.key"
    expected = fingerprints.get(name, "unknown")
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except FileNotFoundError as error:
        raise KeyMissingError(
            f"key {name!r} (fingerprint {expected}) is missing: restore {path} from the key backup"
        ) from error
    except (OSError, ValueError) as error:
        raise KeyMissingError(f"key {name!r} (fingerprint {expected}) cannot be read at {path}") from error
    if len(key) != 32 or not hmac.compare_digest(fingerprint_of(key), expected):
        raise KeyMissingError(
            f"key {name!r} has fingerprint {fingerprint_of(key)}, but this home was made with {expected}: "
            f"restore the right {path}"
        )
    return key


def derive_key(key: bytes, *context: str) -> bytes:
    """Derive a 256-bit key for one purpose by HKDF-SHA256 without salt (RFC 5869)."""
    pseudo_random_key = hmac.new(b"\x00" * 32, key, hashlib.sha256).digest()
    return hmac.new(pseudo_random_key, "\x1f".join(context).encode() + b"\x01", hashlib.sha256).digest()
