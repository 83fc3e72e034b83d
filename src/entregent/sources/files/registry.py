"""The formats known: one line each, loaded when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module

from entregent.errors import UnknownFormat
from entregent.sources.files.format import Format
from entregent.sources.files.json_format import JsonFormat

__all__ = ["FORMATS", "json_formats", "named"]

_MODULES: Mapping[str, tuple[str, str]] = {
    "twitter-v1": ("twitter_v1", "TwitterV1"),
    "x-v2": ("x_v2", "XV2"),
    "jetstream": ("jetstream", "Jetstream"),
    "mastodon": ("mastodon", "Mastodon"),
    "activitystreams": ("activitystreams", "ActivityStreams"),
    "feed": ("feeds", "Feeds"),
    "csv": ("tables", "Csv"),
    "parquet": ("tables", "Parquet"),
}


class _Formats(Mapping[str, Format]):
    """Name to format, imported at first use."""

    def __getitem__(self, name: str) -> Format:
        return _loaded(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_MODULES)

    def __len__(self) -> int:
        return len(_MODULES)


FORMATS: Mapping[str, Format] = _Formats()


@cache
def _loaded(name: str) -> Format:
    module, kind = _MODULES[name]
    made: Format = getattr(import_module(f"entregent.sources.files.{module}"), kind)()
    return made


@cache
def json_formats() -> tuple[JsonFormat, ...]:
    """Return the formats that are made of JSON values."""
    return tuple(
        form
        for form in (_loaded(name) for name in _MODULES if name not in ("feed", "csv", "parquet"))
        if isinstance(form, JsonFormat)
    )


def named(name: str) -> Format:
    """Return the format of a name.

    Raises
    ------
    UnknownFormat
        Naming those that there are.
    """
    if name not in _MODULES:
        raise UnknownFormat(f"There is no format {name!r}.", valid=_MODULES)
    return FORMATS[name]
