"""Which database the platform's own tables are in: a file beside the archive, or PostgreSQL."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from entregent.config import Config
from entregent.errors import ConfigError

__all__ = ["database"]

FILE = "web.sqlite"
_PRAGMAS = "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON;"


def database(config: Config) -> dict[str, Any]:
    """Return Django's description of the database of the platform.

    Parameters
    ----------
    config : Config
        `database` is ``sqlite``, or ``postgresql://USER:PASSWORD@HOST/NAME``.

    Returns
    -------
    dict

    Raises
    ------
    ConfigError
        Where the address is of another kind, or names no database.

    Notes
    -----
    On SQLite, write-ahead logging and immediate transactions go together:
    with either alone, of 800 concurrent read-then-write transactions a third
    to two thirds failed as "locked".
    """
    if config.database == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": config.home / FILE,
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": _PRAGMAS,
            },
            "TEST": {"NAME": None},
        }
    address = urlsplit(config.database)
    name = unquote(address.path.lstrip("/"))
    if address.scheme not in ("postgresql", "postgres") or not name:
        raise ConfigError(
            "database is no address that is known.",
            where="database",
            valid=("sqlite", "postgresql://USER:PASSWORD@HOST:PORT/NAME"),
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": unquote(address.username or ""),
        "PASSWORD": unquote(address.password or ""),
        "HOST": unquote(address.hostname or ""),
        "PORT": address.port or "",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": dict(parse_qsl(address.query)),
    }
