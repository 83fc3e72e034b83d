"""What servers show of posts and people: records and, beside them, counts at a moment.

Lexicons ``app.bsky.feed.defs`` and ``app.bsky.actor.defs``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa

from entregent.clock import to_micros
from entregent.records import schema

__all__ = ["event_of", "key_of", "moment_of", "people", "post_counts"]

_encode = msgspec.json.Encoder().encode
_URI = re.compile(r"at://(did:[^/\s]+)/([^/\s]+)/([^/\s]+)")
_ALPHABET = "234567abcdefghijklmnopqrstuvwxyz"
_COUNTS = {"likeCount": "likes", "repostCount": "reposts", "replyCount": "replies", "quoteCount": "quotes"}
_SIZES = {"followersCount": "followers", "followsCount": "following", "postsCount": "posts"}


def event_of(uri: object, record: object, moment: datetime, cid: object = None) -> bytes | None:
    """Return a record as the event that Jetstream would have sent, None where it has no place.

    Parameters
    ----------
    uri : str
        ``at://DID/COLLECTION/KEY``
    record : mapping
    moment : datetime
        When it came.
    cid : str, optional

    Returns
    -------
    bytes or None
    """
    found = _URI.fullmatch(uri) if isinstance(uri, str) else None
    if found is None or not isinstance(record, Mapping):
        return None
    did, collection, key = found.groups()
    commit = {"operation": "create", "collection": collection, "rkey": key, "record": record, "cid": cid}
    return _encode({"did": did, "time_us": to_micros(moment), "kind": "commit", "commit": commit})


def key_of(moment: datetime) -> str:
    """Return the key that a record of a moment has, so that newer ones come after it.

    References
    ----------
    https://atproto.com/specs/tid

    Examples
    --------
    >>> key_of(datetime(2024, 5, 1, tzinfo=UTC))
    '3krf6piv22222'
    """
    number = max(0, to_micros(moment)) << 10
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(60, -1, -5))


def moment_of(text: object, latest: datetime) -> datetime | None:
    """Return a moment that is written in a view; None where there is none or it cannot be."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if found is None or not datetime(2006, 1, 1, tzinfo=UTC) <= (found := _aware(found)):
        return None
    return found if found <= latest + timedelta(days=1) else None


def _aware(moment: datetime) -> datetime:
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _counted(
    subject: str, kind: str, names: Mapping[str, str], view: Mapping[str, Any], moment: datetime
) -> Iterable[dict[str, Any]]:
    for field, metric in names.items():
        value = view.get(field)
        if isinstance(value, int) and 0 <= value < 2**63:
            yield {
                "subject": subject,
                "subject_kind": kind,
                "metric": metric,
                "value": value,
                "seen_at": moment,
            }


def post_counts(views: Sequence[Mapping[str, Any]], moment: datetime) -> pa.Table:
    """Return the observations of posts that are shown at a moment."""
    rows = [
        row
        for view in views
        if isinstance(view.get("uri"), str)
        for row in _counted(f"bluesky:{view['uri']}", "post", _COUNTS, view, moment)
    ]
    return pa.Table.from_pylist(rows, schema=schema("observations"))


def people(views: Sequence[Mapping[str, Any]], moment: datetime) -> tuple[pa.Table, pa.Table]:
    """Return accounts and observations of people who are shown at a moment."""
    accounts: list[dict[str, Any]] = []
    sizes: list[dict[str, Any]] = []
    for view in views:
        did, handle = view.get("did"), view.get("handle")
        if not isinstance(did, str) or not did.startswith("did:"):
            continue
        accounts.append(
            {
                "id": f"bluesky:{did}",
                "network": "bluesky",
                "handle": handle if _filled(handle) and handle != "handle.invalid" else None,
                "name": _filled(view.get("displayName")),
                "url": f"https://bsky.app/profile/{did}",
                "description": _filled(view.get("description")),
                "created_at": moment_of(view.get("createdAt"), moment),
                "seen_at": moment,
            }
        )
        sizes += _counted(f"bluesky:{did}", "account", _SIZES, view, moment)
    return (
        pa.Table.from_pylist(accounts, schema=schema("accounts")),
        pa.Table.from_pylist(sizes, schema=schema("observations")),
    )


def _filled(text: object) -> str | None:
    return text.replace("\0", "") if isinstance(text, str) and text else None
