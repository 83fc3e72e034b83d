"""Statuses to batches, for as long as a source is followed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import msgspec
import pyarrow as pa

from entregent.i18n import T
from entregent.records import schema
from entregent.results import MOST_PLACES, Notice
from entregent.sources.base import Batch
from entregent.sources.files.format import Options
from entregent.sources.files.mastodon import Mastodon

__all__ = ["Head", "Statuses", "head_of"]

MOST_REMEMBERED = 100_000
FRESH_AFTER = 100_000
_NOTHING = msgspec.Raw(b"null")
_FIELDS = (
    *("id", "uri", "url", "created_at", "edited_at", "account", "content", "text", "visibility"),
    *("sensitive", "spoiler_text", "media_attachments", "application", "mentions", "tags", "emojis"),
    *("reblogs_count", "favourites_count", "replies_count", "quotes_count", "in_reply_to_id"),
    *("in_reply_to_account_id", "reblog", "poll", "card", "language", "favourited", "reblogged"),
    *("muted", "bookmarked", "pinned", "filtered", "quote", "quote_approval", "quote_approval_policy"),
    *("tagged_collections", "local_only"),
)
"""Fields of a status by the documentation of Mastodon 4.5."""


class Head(msgspec.Struct):
    """What of a status says which and when it is."""

    id: str
    uri: str = ""
    created_at: datetime | None = None
    edited_at: str | None = None
    reblog: msgspec.Raw = _NOTHING

    @property
    def order(self) -> tuple[int, str]:
        """What ids are sorted by: a longer one is later."""
        return len(self.id), self.id


_head = msgspec.json.Decoder(Head)
_known = msgspec.json.Decoder(
    msgspec.defstruct(
        "Status", [(name, msgspec.Raw, _NOTHING) for name in _FIELDS], forbid_unknown_fields=True
    )
)


def head_of(status: bytes | msgspec.Raw) -> Head | None:
    """Return which and when a status is, None where it does not say.

    >>> head_of(b'{"id": "7", "uri": "https://example.org/7"}').order
    (1, '7')
    """
    try:
        return _head.decode(status)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _unknown(status: bytes) -> str | None:
    try:
        _known.decode(status)
    except msgspec.ValidationError as error:
        return str(error) if "unknown field" in str(error) else None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return None


class Statuses:
    """Reads statuses, and knows which one a number of the server was.

    Parameters
    ----------
    name : str
        Of the source, for the places in notices.
    keep_raw_days : int
    now : datetime
    """

    def __init__(self, name: str, keep_raw_days: int, now: datetime) -> None:
        self._name = name
        self._options = Options(received_at=now, keep_raw_days=keep_raw_days)
        self._run = Mastodon().opened(name, self._options)
        self._seen = 0
        self._opened_at = 0
        self._uris: OrderedDict[str, tuple[str, str, str | None]] = OrderedDict()

    def close(self) -> None:
        """Free the engine."""
        self._run.close()

    def batch(self, statuses: Sequence[bytes], deleted: Sequence[str], moment: datetime) -> Batch:
        """Return the records of statuses and of deletions.

        Parameters
        ----------
        statuses : sequence of bytes
        deleted : sequence of str
            Numbers that the server gave to what is deleted; those that were
            not seen since the source was opened cannot be told apart.
        moment : datetime
            When they came.

        Returns
        -------
        Batch
            Without a cursor.
        """
        if self._seen - self._opened_at > FRESH_AFTER:
            # The engine remembers each status for its replies.
            self._run.close()
            self._run = Mastodon().opened(self._name, self._options)
            self._opened_at = self._seen
        statuses = [status for status in statuses if self._new(status)]
        while len(self._uris) > MOST_REMEMBERED:
            self._uris.popitem(last=False)
        batch = Batch()
        if statuses:
            numbers = range(self._seen + 1, self._seen + len(statuses) + 1)
            self._seen += len(statuses)
            batch = self._run.received(statuses, numbers, moment)
        gone = [self._uris[number] for number in deleted if number in self._uris]
        rows = [{"id": f"fediverse:{uri}", "kind": kind, "time": moment} for uri, kind, _ in gone]
        notices = [*batch.notices]
        unknown = [told for told in map(_unknown, statuses) if told is not None]
        if unknown:
            text = T("A record has a field that is not known, and was read without it.")
            places = tuple(f"{self._name}: {told}" for told in dict.fromkeys(unknown))[:MOST_PLACES]
            notices.append(Notice("field.unknown", text, len(unknown), places))
        if len(gone) < len(deleted):
            missed = tuple(f"{self._name}: {number}" for number in deleted if number not in self._uris)
            notices.append(
                Notice(
                    "deletion.unmatched",
                    T("A status was deleted that came before the source was opened; it was not found."),
                    len(missed),
                    missed[:MOST_PLACES],
                )
            )
        return replace(
            batch,
            tombstones=pa.Table.from_pylist(rows, schema=schema("tombstones")),
            notices=tuple(notices),
            rows=batch.rows + len(deleted),
        )

    def _new(self, status: bytes) -> bool:
        """Whether a status, or this edit of it, did not come before: what is asked for again overlaps."""
        head = head_of(status)
        if head is None or not head.uri:
            return True
        boost = bytes(head.reblog) != b"null"
        told = head.uri, "interaction" if boost else "post", head.edited_at
        if self._uris.get(head.id) == told:
            return False
        self._uris[head.id] = told
        self._uris.move_to_end(head.id)
        return True
