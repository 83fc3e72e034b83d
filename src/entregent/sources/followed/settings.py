"""What stands under a source of kind ``files``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from entregent.errors import ConfigError, UnknownFormat
from entregent.sources import registry
from entregent.sources.files.registry import named

__all__ = ["FilesSettings", "read_settings"]


class FilesSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands under a source of kind ``files``.

    Parameters
    ----------
    paths : list of str
        Files, folders (with all that comes into them) or patterns.
    format : str, optional
        Format of all of them; told by their content unless given.
    map : dict of str to str
        Role to column, for tables, as ``--map`` of ``entregent study``.
    network : str, optional
        First part of the ids of rows of tables.
    check_seconds : float
        How often is looked.
    settle_seconds : float
        How long a file must stay as it is before one that is read whole, or a
        last row without an end, is taken to be complete.
    keep_raw_days : int
        Days to keep rows as they came; 0 keeps none.
    """

    paths: list[str]
    format: str | None = None
    map: dict[str, str] = {}
    network: str | None = None
    check_seconds: float = 2.0
    settle_seconds: float = 10.0
    keep_raw_days: int = 0


def read_settings(table: Mapping[str, Any], where: str) -> FilesSettings:
    """Read and check the settings.

    Parameters
    ----------
    table : mapping
    where : str
        ``sources.NAME``, for messages.

    Returns
    -------
    FilesSettings

    Raises
    ------
    ConfigError
        Where they are no good.
    """
    settings = registry.settings(FilesSettings, table, where)
    if not settings.paths or not all(settings.paths):
        raise ConfigError("paths is empty.", where=where, do="Name a file, a folder or a pattern.")
    if settings.format is not None:
        try:
            named(settings.format)
        except UnknownFormat as error:
            raise ConfigError(error.what, where=where, valid=error.valid) from error
    checks = (
        ("check_seconds", 0.05 <= settings.check_seconds <= 3600, "0.05 to 3600"),
        ("settle_seconds", 0 <= settings.settle_seconds <= 3600, "0 to 3600"),
        ("keep_raw_days", settings.keep_raw_days >= 0, "0 or more"),
    )
    for name, good, valid in checks:
        if not good:
            raise ConfigError(f"{name} is {getattr(settings, name)}.", where=where, valid=(valid,))
    return settings
