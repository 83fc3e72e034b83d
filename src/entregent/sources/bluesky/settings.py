"""What stands under a source of kind ``bluesky``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from entregent.errors import ConfigError
from entregent.sources import registry
from entregent.sources.bluesky.events import COLLECTIONS

__all__ = ["BlueskySettings", "read_settings"]

MOST_ACCOUNTS, MOST_COLLECTIONS = 10_000, 100
LEAST_REWIND = 1.0
LEAST_BYTES = 10_000
_SERVERS = {
    "jetstream": "wss://jetstream2.us-east.bsky.network",
    "jetstream2": "wss://jetstream.us-west.bsky.network",
    "firehose": "wss://bsky.network",
}
_LONGEST = {"jetstream": 1_000_000, "jetstream2": 1_000_000, "firehose": 6_000_000}
_ACCOUNT = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]{1,2000}|[a-zA-Z0-9-]{1,63}(\.[a-zA-Z0-9-]{1,63})+")
_COLLECTION = re.compile(r"[a-zA-Z][a-zA-Z0-9-]*(\.[a-zA-Z0-9-]+)*(\.\*)?")


class BlueskySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands under a source of kind ``bluesky``.

    Parameters
    ----------
    stream : {"jetstream", "jetstream2", "firehose"}
        Jetstream is small, and its server leaves out what is not asked for
        (``jetstream2``: its second protocol); the firehose is what the
        network itself speaks, all of it.
    server : str
        ``wss://...``; a public one of Bluesky unless told.
    collections : list of str
        Kinds of records; ``app.bsky.feed.*`` is possible.
    accounts : list of str
        Handles or DIDs; of these accounts only, of all unless told.
    rewind_seconds : float
        How far a Jetstream goes back when it is opened anew.
    silence_seconds : float
        Seconds without any event after which the stream is opened anew; 0
        never does. Unless told 60, and 0 where accounts are named.
    most_bytes : int
        Longest message that is read. Unless told 1,000,000 of a Jetstream,
        6,000,000 of a firehose.
    appview : str
        Server that knows whose a handle is; asked when a stream is opened and
        handles are named.
    keep_raw_days : int
        Days to keep events as they came; 0 keeps none.
    """

    stream: Literal["jetstream", "jetstream2", "firehose"] = "jetstream"
    server: str = ""
    collections: list[str] = msgspec.field(default_factory=lambda: list(COLLECTIONS))
    accounts: list[str] = []
    rewind_seconds: float = 5.0
    silence_seconds: float | None = None
    most_bytes: int | None = None
    appview: str = "https://public.api.bsky.app"
    keep_raw_days: int = 0

    @property
    def address(self) -> str:
        """The server asked for, or the public one of this stream."""
        return (self.server or _SERVERS[self.stream]).rstrip("/")

    @property
    def longest(self) -> int:
        """Bytes of the longest message that is read."""
        return _LONGEST[self.stream] if self.most_bytes is None else self.most_bytes

    @property
    def patience(self) -> float:
        """Seconds without any event that are borne; 0 bears any silence."""
        if self.silence_seconds is not None:
            return self.silence_seconds
        return 0.0 if self.accounts else 60.0


def read_settings(table: Mapping[str, Any], where: str) -> BlueskySettings:
    """Read and check the settings.

    Parameters
    ----------
    table : mapping
    where : str
        ``sources.NAME``, for messages.

    Returns
    -------
    BlueskySettings

    Raises
    ------
    ConfigError
        Where a value cannot be.

    Examples
    --------
    >>> read_settings({}, "sources.bluesky").address
    'wss://jetstream2.us-east.bsky.network'
    """
    told = registry.settings(BlueskySettings, table, where)
    address = urlsplit(told.address)
    if address.scheme not in ("ws", "wss") or not address.hostname or address.query:
        raise ConfigError(f"server is {told.server!r}.", where=where, valid=("wss://...",))
    if not 1 <= len(told.collections) <= MOST_COLLECTIONS:
        raise ConfigError(
            f"collections has {len(told.collections)} entries.",
            where=where,
            valid=(f"1 to {MOST_COLLECTIONS}",),
        )
    if len(told.accounts) > MOST_ACCOUNTS:
        raise ConfigError(
            f"accounts has {len(told.accounts)} entries.", where=where, valid=(f"up to {MOST_ACCOUNTS}",)
        )
    for collection in told.collections:
        if not _COLLECTION.fullmatch(collection):
            raise ConfigError(f"collections has {collection!r}.", where=where, valid=COLLECTIONS)
    for account in told.accounts:
        if not _ACCOUNT.fullmatch(account):
            raise ConfigError(
                f"accounts has {account!r}.", where=where, valid=("did:plc:...", "name.example.org")
            )
    if not told.appview.startswith(("https://", "http://")):
        raise ConfigError(f"appview is {told.appview!r}.", where=where, valid=("https://...",))
    for name, value, least in (
        ("rewind_seconds", told.rewind_seconds, LEAST_REWIND),
        ("silence_seconds", told.patience, 0.0),
        ("most_bytes", told.longest, LEAST_BYTES),
        ("keep_raw_days", told.keep_raw_days, 0),
    ):
        if not least <= value < float("inf"):
            raise ConfigError(f"{name} is {value}.", where=where, valid=(f"{least:g} or more",))
    return told
