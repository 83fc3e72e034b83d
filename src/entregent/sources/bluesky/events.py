"""Events of the AT Protocol as Jetstream writes them, and what of them nobody knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import msgspec

from entregent.i18n import T
from entregent.results import MOST_PLACES, Notice
from entregent.sources.base import Batch
from entregent.sources.files.format import Options
from entregent.sources.files.jetstream import Jetstream

__all__ = ["COLLECTIONS", "Mapper", "time_of", "unknown_field"]

_NOTHING = msgspec.Raw(b"null")
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "app.bsky.feed.post": (
        *("text", "entities", "facets", "reply", "embed", "langs", "labels", "tags", "createdAt", "via"),
    ),
    "app.bsky.feed.repost": ("subject", "createdAt", "via"),
    "app.bsky.feed.like": ("subject", "createdAt", "via"),
    "app.bsky.graph.follow": ("subject", "createdAt", "via"),
    "app.bsky.actor.profile": (
        *("displayName", "description", "pronouns", "website", "avatar", "banner", "labels"),
        *("joinedViaStarterPack", "pinnedPost", "createdAt"),
    ),
}
"""Fields of the records by the lexicons ``app.bsky.*``."""

COLLECTIONS = tuple(_FIELDS)
"""What is read, and asked for unless told."""


def _record(fields: Sequence[str]) -> type[msgspec.Struct]:
    listed = [(name, msgspec.Raw, _NOTHING) for name in ("type_", *fields)]
    return msgspec.defstruct("Record", listed, rename={"type_": "$type"}, forbid_unknown_fields=True)


class _Commit(msgspec.Struct, forbid_unknown_fields=True):
    operation: msgspec.Raw = _NOTHING
    collection: str = ""
    record: msgspec.Raw = _NOTHING
    rev: msgspec.Raw = _NOTHING
    rkey: msgspec.Raw = _NOTHING
    cid: msgspec.Raw = _NOTHING


class _Event(msgspec.Struct, forbid_unknown_fields=True):
    did: msgspec.Raw = _NOTHING
    time_us: int | None = None
    kind: msgspec.Raw = _NOTHING
    commit: _Commit | None = None
    identity: msgspec.Raw = _NOTHING
    account: msgspec.Raw = _NOTHING


class _Timed(msgspec.Struct):
    time_us: int | None = None


_event = msgspec.json.Decoder(_Event)
_timed = msgspec.json.Decoder(_Timed)
_records = {name: msgspec.json.Decoder(_record(fields)) for name, fields in _FIELDS.items()}
_UNKNOWN = "unknown field"


def time_of(event: bytes) -> int | None:
    """Return the time of an event in microseconds, None where it tells none.

    >>> time_of(b'{"did":"did:plc:a","time_us":17,"kind":"account"}')
    17
    """
    try:
        return _timed.decode(event).time_us
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None


def unknown_field(event: bytes) -> str | None:
    """Return the name and place of a field of an event that nobody knows, None where there is none.

    >>> unknown_field(b'{"did":"did:plc:a","time_us":17,"kind":"account","mood":1}')
    'Object contains unknown field `mood`'
    """
    try:
        commit = _event.decode(event).commit
        if commit is not None and commit.collection in _records:
            _records[commit.collection].decode(commit.record)
    except msgspec.ValidationError as error:
        # What is of another type is counted by the reading itself.
        return str(error) if _UNKNOWN in str(error) else None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return None


class Mapper:
    """Events to batches, for as long as a stream lasts.

    Parameters
    ----------
    name : str
        Of the source, for the places in notices.
    keep_raw_days : int
        Days to keep payloads; 0 keeps none.
    received_at : datetime
        When it begins.
    """

    def __init__(self, name: str, keep_raw_days: int, received_at: datetime) -> None:
        self._name = name
        options = Options(received_at=received_at, keep_raw_days=keep_raw_days)
        self._run = Jetstream().opened(name, options)
        self._seen = 0

    def close(self) -> None:
        """Free the engine."""
        self._run.close()

    def batch(self, events: Sequence[bytes], received_at: datetime) -> Batch:
        """Return the records of some events.

        Parameters
        ----------
        events : sequence of bytes
            JSON texts as Jetstream sends them; what is none is counted.
        received_at : datetime

        Returns
        -------
        Batch
            Without a cursor.
        """
        if not events:
            return Batch()
        numbers = range(self._seen + 1, self._seen + len(events) + 1)
        self._seen += len(events)
        batch = self._run.received(events, numbers, received_at)
        unknown = [name for name in map(unknown_field, events) if name is not None]
        if unknown:
            places = tuple(dict.fromkeys(unknown))[:MOST_PLACES]
            text = T("A record has a field that is not known, and was read without it.")
            notice = Notice("field.unknown", text, len(unknown), tuple(f"{self._name}: {p}" for p in places))
            batch = replace(batch, notices=(*batch.notices, notice))
        return batch
