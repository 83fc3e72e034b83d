"""The records that everything else speaks of, in the words of ActivityStreams 2.0.

Six tables, each with an Arrow schema (for work on many) and, where people
handle one, a frozen dataclass with the same fields in the same order. Ids are
``network:native-id``; times are UTC microseconds; what a platform hides is
null, never 0.

Replies, quotes and mentions are not kept twice: they are posts. The archive
derives their interactions from ``parent``, ``quoted`` and ``mentions`` of
posts, and stores as interactions only what has no text of its own (reposts,
likes, follows) or comes from a table of bare actions.

W3C, Activity Vocabulary, 2017, https://www.w3.org/TR/activitystreams-vocabulary/
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "INTERACTION_KINDS",
    "METRICS",
    "POST_KINDS",
    "TABLES",
    "Account",
    "Gap",
    "Interaction",
    "Observation",
    "Post",
    "Raw",
    "Tombstone",
    "join_id",
    "schema",
    "split_id",
    "stable_id",
]

POST_KINDS = ("post", "reply", "quote")
"""``quote`` is a post that quotes another; a reply that also quotes is a ``reply``."""

INTERACTION_KINDS = ("repost", "quote", "reply", "mention", "like", "follow", "share")
"""``share`` is an act on an object that is no post of a known author (a link, an item)."""

METRICS = ("followers", "following", "posts", "likes", "reposts", "replies", "quotes", "views")

ACCOUNT_KINDS = ("person", "organization", "group", "service", "application")
"""ActivityStreams actor types; null where the network does not say."""


@dataclass(frozen=True)
class Account:
    """A handle on one network, known by the network's stable id."""

    id: str
    network: str
    handle: str | None = None
    name: str | None = None
    url: str | None = None
    description: str | None = None
    kind: str | None = None
    declared: str | None = None
    created_at: datetime | None = None
    seen_at: datetime | None = None


@dataclass(frozen=True)
class Post:
    """What an account published. A later `version` of the same id replaces it.

    `hashtags` are without their ``#``; `mentions` are account ids, or
    ``network:@handle`` where only the handle is known.
    """

    id: str
    network: str
    account: str | None
    kind: str
    time: datetime | None
    text: str | None = None
    lang: str | None = None
    parent: str | None = None
    parent_account: str | None = None
    root: str | None = None
    quoted: str | None = None
    quoted_account: str | None = None
    url: str | None = None
    links: tuple[str, ...] = ()
    hashtags: tuple[str, ...] = ()
    mentions: tuple[str, ...] = ()
    media: int = 0
    version: int = 0


@dataclass(frozen=True)
class Interaction:
    """An act of `actor` on `object`, whose author is `target`, at a time.

    A follow has a `target` and no `object`. `target` is null where the author
    of the object is not known.
    """

    id: str
    network: str
    kind: str
    actor: str
    object: str | None
    target: str | None
    time: datetime | None


@dataclass(frozen=True)
class Observation:
    """A number that a platform showed at a moment; null where it hides it."""

    subject: str
    subject_kind: str
    metric: str
    value: int | None
    seen_at: datetime | None


@dataclass(frozen=True)
class Tombstone:
    """A deletion: the record with this id must disappear, now or when it comes."""

    id: str
    kind: str
    time: datetime | None


@dataclass(frozen=True)
class Gap:
    """A stretch in which a source brought nothing and should have: not known, not zero."""

    source: str
    start: datetime
    end: datetime
    reason: str


@dataclass(frozen=True)
class Raw:
    """The payload as received, so that a mapping fix needs no new collection."""

    id: str
    network: str
    payload: str
    received_at: datetime
    keep_until: datetime


TABLES = ("posts", "accounts", "interactions", "observations", "tombstones", "raw")


@cache
def schema(table: str) -> pa.Schema:
    """Return the Arrow schema of one of :data:`TABLES`.

    >>> schema("tombstones").names
    ['id', 'kind', 'time']
    """
    import pyarrow as pa

    text, when, count = pa.string(), pa.timestamp("us", tz="UTC"), pa.int64()
    texts = pa.list_(pa.field("element", text))
    columns: dict[str, dict[str, pa.DataType]] = {
        "posts": {
            **dict.fromkeys(("id", "network", "account", "kind"), text),
            "time": when,
            **dict.fromkeys(
                ("text", "lang", "parent", "parent_account", "root", "quoted", "quoted_account", "url"), text
            ),
            **dict.fromkeys(("links", "hashtags", "mentions"), texts),
            "media": pa.int16(),
            "version": count,
        },
        "accounts": {
            **dict.fromkeys(
                ("id", "network", "handle", "name", "url", "description", "kind", "declared"), text
            ),
            "created_at": when,
            "seen_at": when,
        },
        "interactions": {
            **dict.fromkeys(("id", "network", "kind", "actor", "object", "target"), text),
            "time": when,
        },
        "observations": {
            **dict.fromkeys(("subject", "subject_kind", "metric"), text),
            "value": count,
            "seen_at": when,
        },
        "tombstones": {"id": text, "kind": text, "time": when},
        "raw": {
            **dict.fromkeys(("id", "network", "payload"), text),
            "received_at": when,
            "keep_until": when,
        },
    }
    return pa.schema([pa.field(name, kind) for name, kind in columns[table].items()])


def join_id(network: str, native: str) -> str:
    """Return the id of a native id.

    >>> join_id("x", "445917982051179127")
    'x:445917982051179127'
    """
    return f"{network}:{native}"


def split_id(full: str) -> tuple[str, str]:
    """Return network and native id.

    >>> split_id("bluesky:did:plc:abc")
    ('bluesky', 'did:plc:abc')
    """
    network, _, native = full.partition(":")
    return network, native


def stable_id(network: str, actor: str | None, kind: str, object: str | None, micros: int | None) -> str:
    """Return the id of something that its network gives none.

    The same act read twice gets the same id. The query engine computes the
    same with ``md5(concat_ws(chr(31), ...))`` over the same five texts, an
    absent one being empty.

    >>> stable_id("file", "a", "repost", "b", 0)
    'file:~6791401710954e7861c47dfa034cfbdf'
    """
    text = "\x1f".join((network, actor or "", kind, object or "", "" if micros is None else str(micros)))
    return f"{network}:~{hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()}"
