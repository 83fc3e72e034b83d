"""Settings: command line, then environment, then ``entregent.toml``, then defaults.

An unknown key or a bad value stops with the valid ones: a setting that is
silently ignored is worse than none.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from entregent.errors import ConfigError
from entregent.i18n import LANGUAGES

__all__ = ["Config", "load"]

FILE_NAME = "entregent.toml"
PREFIX = "ENTREGENT_"
SECRETS = ("secret_key",)
"""Read from the environment where they are needed, and never kept among the settings."""

_SECTIONS = ("sources", "delivery")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True)
class Config:
    """Everything that can be set.

    Parameters
    ----------
    home : Path
        Where data lives (archive, state).
    lang : {"fr", "en"}
        Language of what readers see.
    zone : str
        IANA name of the zone in which dates are shown.
    keep_raw_days : int
        Days that raw payloads are kept; 0 keeps none.
    keep_study_days : int
        Days until a study expires.
    memory_mb : int
        Most memory that the query engine may use, in megabytes.
    threads : int
        Most threads that the query engine may use; 0 means all cores.
    database : str
        Where the platform keeps its own tables: ``sqlite`` for a file in the
        home, or ``postgresql://USER:PASSWORD@HOST/NAME``.
    web_address : str
        Address under which people reach the platform.
    sources : mapping of str to mapping
        Live sources by name, as they stand under ``[sources.NAME]``; what may
        stand there depends on their `kind`. Only in the file.
    delivery : mapping of str to mapping
        Ways to tell of alerts by name, as they stand under ``[delivery.NAME]``;
        likewise.
    """

    home: Path = Path("entregent-data")
    lang: str = "en"
    zone: str = "UTC"
    keep_raw_days: int = 30
    keep_study_days: int = 180
    memory_mb: int = 1024
    threads: int = 0
    database: str = "sqlite"
    web_address: str = "http://localhost:8000"
    sources: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    delivery: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def _whole(name: str, value: Any, where: str, least: int) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = least - 1
    if isinstance(value, bool | float) or number < least:
        raise ConfigError(f"{name} is {value!r}.", where=where, valid=(f"a whole number from {least}",))
    return number


def _tables(section: str, value: Any, where: str) -> Mapping[str, Mapping[str, Any]]:
    if not isinstance(value, dict):
        raise ConfigError(f"{section} holds no tables.", where=where, valid=(f"[{section}.NAME]",))
    for name, table in value.items():
        if not isinstance(table, dict):
            raise ConfigError(f"{section}.{name} is no table.", where=where, valid=(f"[{section}.{name}]",))
        if not _NAME.fullmatch(name):
            raise ConfigError(
                f"{section}.{name!r} is no name.",
                where=where,
                valid=("small letters, digits, hyphen, underscore",),
            )
    return value


def _checked(name: str, value: Any, where: str) -> Any:
    if name in ("keep_raw_days", "threads"):
        return _whole(name, value, where, 0)
    if name == "keep_study_days":
        return _whole(name, value, where, 1)
    if name == "memory_mb":
        return _whole(name, value, where, 128)
    if name in _SECTIONS:
        return _tables(name, value, where)
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{name} is {value!r}.", where=where, valid=("a text in quotes",))
    if name == "home":
        return Path(value).expanduser()
    if name == "lang" and value not in LANGUAGES:
        raise ConfigError(f"lang is {value!r}.", where=where, valid=LANGUAGES)
    if name == "web_address" and not re.fullmatch(r"https?://[^/\s?#@]+", value):
        raise ConfigError(f"web_address is {value!r}.", where=where, valid=("https://entregent.example.org",))
    if name == "zone":
        from entregent.clock import zone
        from entregent.errors import InputError

        try:
            zone(value)
        except InputError as error:
            raise ConfigError(f"zone is {value!r}.", where=where, valid=error.valid) from error
    return value


def load(directory: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read ``entregent.toml`` of a directory and ``ENTREGENT_*`` of the environment.

    Parameters
    ----------
    directory : Path, optional
        Where to look for ``entregent.toml``; the present directory unless told.
    environ : mapping, optional
        ``os.environ`` unless told.

    Returns
    -------
    Config

    Raises
    ------
    ConfigError
        For a key that does not exist, a value that is not valid, or a file
        that is not TOML.
    """
    names = [field.name for field in fields(Config)]
    settable = [name for name in names if name not in _SECTIONS]
    values: dict[str, Any] = {}
    path = (directory or Path()) / FILE_NAME
    if path.is_file():
        try:
            settings = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"This is not TOML: {error}.", where=str(path)) from error
        for name, value in settings.items():
            if name not in names:
                raise ConfigError(f"There is no setting {name!r}.", where=str(path), valid=names)
            values[name] = _checked(name, value, str(path))
    for variable, value in (os.environ if environ is None else environ).items():
        if variable.startswith(PREFIX):
            name = variable.removeprefix(PREFIX).lower()
            if name in SECRETS:
                continue
            if name not in settable:
                raise ConfigError(
                    f"There is no setting {variable}.",
                    where="environment",
                    valid=[PREFIX + known.upper() for known in settable],
                )
            values[name] = _checked(name, value, variable)
    return Config(**values)
