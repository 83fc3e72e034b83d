"""What stands under a source of kind ``feeds``."""

from __future__ import annotations

from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from entregent.errors import ConfigError
from entregent.sources import registry

__all__ = ["FeedsSettings", "addresses", "read_settings"]

MOST_FEEDS = 20_000
LEAST_MINUTES = 1.0


class FeedsSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands under a source of kind ``feeds``.

    Parameters
    ----------
    addresses : list of str
        Of the feeds, ``https://...``.
    addresses_from : str, optional
        A file with more of them: one a line, or the OPML of a feed reader.
    every_minutes : float
        How soon a feed that has something new is asked again.
    slowest_minutes : float
        How late one that never has is asked again.
    at_once, per_host : int
        Feeds asked at the same time, in all and of one machine.
    most_bytes : int
        Longest feed that is read.
    allow_private : bool
        Whether feeds may lie on machines of a private network.
    keep_raw_days : int
        Days to keep entries as they came; 0 keeps none.
    callback : str, optional
        Address at which hubs (WebSub) reach this machine from outside; none
        is asked to send anything unless told.
    listen : str
        ``HOST:PORT`` at which that is taken here: loopback, behind the proxy
        that the callback leads to.
    secret : str, optional
        ``env:NAME`` or ``file:PATH``: what subscriptions are signed with.
    """

    addresses: list[str] = []
    addresses_from: str | None = None
    every_minutes: float = 15.0
    slowest_minutes: float = 360.0
    at_once: int = 50
    per_host: int = 2
    most_bytes: int = 10_000_000
    allow_private: bool = False
    keep_raw_days: int = 0
    callback: str | None = None
    listen: str = "127.0.0.1:8471"
    secret: str | None = None


def read_settings(table: Mapping[str, Any], where: str) -> FeedsSettings:
    """Read and check the settings.

    Parameters
    ----------
    table : mapping
    where : str
        ``sources.NAME``, for messages.

    Returns
    -------
    FeedsSettings

    Raises
    ------
    ConfigError
        Where they are no good.
    """
    settings = registry.settings(FeedsSettings, table, where)
    checks = (
        ("every_minutes", LEAST_MINUTES <= settings.every_minutes <= 1440, "1 to 1440"),
        (
            "slowest_minutes",
            settings.every_minutes <= settings.slowest_minutes <= 10_080,
            "every_minutes to 10080",
        ),
        ("at_once", 1 <= settings.at_once <= 500, "1 to 500"),
        ("per_host", 1 <= settings.per_host <= 20, "1 to 20"),
        ("most_bytes", 10_000 <= settings.most_bytes <= 256 << 20, "10000 to 268435456"),
        ("keep_raw_days", settings.keep_raw_days >= 0, "0 or more"),
    )
    for name, good, valid in checks:
        if not good:
            raise ConfigError(f"{name} is {getattr(settings, name)}.", where=where, valid=(valid,))
    if settings.callback is not None:
        if not _is_address(settings.callback):
            raise ConfigError(
                f"callback is {settings.callback!r}.", where=where, valid=("https://example.org/websub",)
            )
        if settings.secret is None:
            raise ConfigError("callback needs secret.", where=where, valid=("env:NAME", "file:PATH"))
    return settings


def addresses(settings: FeedsSettings, where: str) -> list[str]:
    """Return the addresses of all feeds, each once.

    Parameters
    ----------
    settings : FeedsSettings
    where : str

    Returns
    -------
    list of str

    Raises
    ------
    ConfigError
        Where there is none, the file cannot be read, or one is no address.
    """
    found = list(settings.addresses)
    if settings.addresses_from is not None:
        found += _from_file(Path(settings.addresses_from).expanduser(), where)
    found = list(dict.fromkeys(address.strip() for address in found))
    if not found:
        raise ConfigError("No feed is named.", where=where, do="Set addresses or addresses_from.")
    if len(found) > MOST_FEEDS:
        raise ConfigError(
            f"{len(found)} feeds are too many for one source.", where=where, valid=(f"up to {MOST_FEEDS}",)
        )
    for address in found:
        if not _is_address(address):
            raise ConfigError(
                f"{address[:200]!r} is no address of a feed.",
                where=where,
                valid=("https://example.org/feed.xml",),
            )
    return found


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and parts.username is None
            and not any(letter.isspace() for letter in address)
        )
    except ValueError:
        return False


def _from_file(path: Path, where: str) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"addresses_from cannot be read: {path}: {type(error).__name__}.",
            where=where,
            do="Give a text file with one address a line, or the OPML of a feed reader.",
        ) from error
    if text.lstrip().startswith("<"):
        return _Outlines(text).found
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


class _Outlines(HTMLParser):
    """The feeds of an OPML file; this parser expands no entities and loads nothing."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        address = dict(attrs).get("xmlurl") if tag == "outline" else None
        if address:
            self.found.append(address)
