"""Which of MySQL's conditional comments belong to a statement."""

_NEVER_VERSION = 900_000
_MYSQL_5_7, _MARIADB_10 = 50_700, 100_000


def is_skipped(mark: str, version: int, *, is_mysql: bool) -> bool:
    """Return whether a server passes over a conditional comment.

    MariaDB leaves out what is for MySQL 5.7 and later, MySQL what is marked for MariaDB.
    """
    if version >= _NEVER_VERSION:
        return True
    return mark == "M" if is_mysql else _MYSQL_5_7 <= version < _MARIADB_10 and mark != "M"
