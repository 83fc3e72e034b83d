"""Videos, channels and comments of the API as records.

https://developers.google.com/youtube/v3/docs
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pyarrow as pa

from entregent.clock import to_micros
from entregent.i18n import T
from entregent.records import TABLES, schema
from entregent.results import MOST_PLACES, Notice
from entregent.sources.base import Batch

__all__ = ["Records", "moment_of", "number_of", "text_of"]

_HASHTAG = re.compile(r"(?<![\w#&/])#(\w*[^\W\d_]\w*)")
_LINK = re.compile(r"https?://[^\s<>\"]+")
_LANGUAGE = re.compile(r"([A-Za-z]{2,3})(?:-.*)?")
_KNOWN = frozenset(
    (
        *("kind", "etag", "id", "snippet", "statistics", "contentDetails", "publishedAt", "channelId"),
        *("title", "description", "thumbnails", "channelTitle", "tags", "categoryId", "country"),
        *("liveBroadcastContent", "defaultLanguage", "localized", "defaultAudioLanguage", "customUrl"),
        *("videoId", "textDisplay", "textOriginal", "parentId", "authorDisplayName", "canRate"),
        *("authorProfileImageUrl", "authorChannelUrl", "authorChannelId", "viewerRating", "likeCount"),
        *("moderationStatus", "updatedAt"),
    )
)


def text_of(value: object) -> str | None:
    """Return a text that is one and not empty."""
    return value.replace("\0", "") if isinstance(value, str) and value.strip() else None


def number_of(value: object) -> int | None:
    """Return a count, which the API writes as a text; None where it is none.

    >>> number_of("12"), number_of(None), number_of("-1")
    (12, None, None)
    """
    told = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(told) if re.fullmatch(r"[0-9]{1,18}", told) else None


def moment_of(value: object, latest: datetime) -> datetime | None:
    """Return a moment; None where it is none or cannot be.

    Parameters
    ----------
    value : object
    latest : datetime
        It may be up to a day later than this.

    Returns
    -------
    datetime or None
    """
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    if found is None:
        return None
    found = found if found.tzinfo else found.replace(tzinfo=UTC)
    fits = datetime(2005, 1, 1, tzinfo=UTC) <= found <= latest + timedelta(days=1)
    return found.astimezone(UTC) if fits else None


def _part(item: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = item.get(name)
    return found if isinstance(found, Mapping) else {}


class Records:
    """What one answer brings.

    Parameters
    ----------
    name : str
        Of the source, for the places in notices.
    moment : datetime
        When it came.
    keep_raw_days : int
        Days to keep payloads; 0 keeps none.
    """

    def __init__(self, name: str, moment: datetime, keep_raw_days: int) -> None:
        self._name = name
        self._moment = moment
        self._keep = timedelta(days=keep_raw_days)
        self._rows: dict[str, list[dict[str, Any]]] = {table: [] for table in TABLES}
        self._accounts: dict[str, dict[str, Any]] = {}
        self._unknown: list[str] = []
        self._incomplete: list[str] = []

    def video(self, item: Mapping[str, Any]) -> None:
        """Take a video: a post, its channel and its counts."""
        snippet, id = self._begun(item)
        author = text_of(snippet.get("channelId"))
        if id is None or author is None:
            self._incomplete.append(f"{self._name}: video {id or '?'}")
            return
        said = [text_of(snippet.get("title")), text_of(snippet.get("description"))]
        language = snippet.get("defaultAudioLanguage") or snippet.get("defaultLanguage")
        url = f"https://www.youtube.com/watch?v={id}"
        text = "\n\n".join(part for part in said if part) or None
        self._post(id, author, "post", snippet, text, url=url, lang=_language(language), media=1)
        self._account(author, text_of(snippet.get("channelTitle")), None)
        counts = _part(item, "statistics")
        told = {"views": "viewCount", "likes": "likeCount", "replies": "commentCount"}
        self._counts(id, "post", {metric: number_of(counts.get(key)) for metric, key in told.items()})
        self._raw(id, item)

    def channel(self, item: Mapping[str, Any]) -> None:
        """Take a channel: an account and its counts; subscribers that it hides are null."""
        snippet, id = self._begun(item)
        if id is None:
            self._incomplete.append(f"{self._name}: channel")
            return
        handle, title = text_of(snippet.get("customUrl")), text_of(snippet.get("title"))
        created = moment_of(snippet.get("publishedAt"), self._moment)
        about = text_of(snippet.get("description"))
        self._account(id, title, handle, description=about, created_at=created)
        counts = _part(item, "statistics")
        hidden = counts.get("hiddenSubscriberCount") is True
        sizes = {
            "followers": None if hidden else number_of(counts.get("subscriberCount")),
            "posts": number_of(counts.get("videoCount")),
            "views": number_of(counts.get("viewCount")),
        }
        self._counts(id, "account", sizes)

    def comment(
        self, item: Mapping[str, Any], video: str, parent_account: str | None, replies: int | None = None
    ) -> None:
        """Take a comment on a video, or an answer to one, with its author.

        Parameters
        ----------
        item : mapping
        video : str
            Its id.
        parent_account : str or None
            Channel that is answered.
        replies : int, optional
            How many answers it has, where that is told.
        """
        snippet, id = self._begun(item)
        if id is None:
            self._incomplete.append(f"{self._name}: comment on {video}")
            return
        author = text_of(_part(snippet, "authorChannelId").get("value"))
        parent = text_of(snippet.get("parentId")) or video
        text = text_of(snippet.get("textOriginal")) or text_of(snippet.get("textDisplay"))
        written = moment_of(snippet.get("publishedAt"), self._moment)
        edited = moment_of(snippet.get("updatedAt"), self._moment)
        self._post(
            id,
            author,
            "reply",
            snippet,
            text,
            url=f"https://www.youtube.com/watch?v={video}&lc={id}",
            parent=f"youtube:{parent}",
            parent_account=parent_account and f"youtube:{parent_account}",
            root=f"youtube:{video}",
            version=to_micros(edited) if edited and edited != written else 0,
        )
        named = text_of(snippet.get("authorDisplayName"))
        if author is not None:
            handle = named if named and named.startswith("@") else None
            self._account(author, None if handle else named, handle)
        counts = {"likes": number_of(snippet.get("likeCount"))}
        self._counts(id, "post", counts if replies is None else {**counts, "replies": replies})
        self._raw(id, item)

    def batch(self) -> Batch:
        """Return all of it."""
        self._rows["accounts"] = list(self._accounts.values())
        tables = {
            table: pa.Table.from_pylist(rows, schema=schema(table)) for table, rows in self._rows.items()
        }
        return Batch(**tables, notices=tuple(self._notices()), rows=len(self._rows["posts"]))

    def _begun(self, item: Mapping[str, Any]) -> tuple[Mapping[str, Any], str | None]:
        snippet = _part(item, "snippet")
        self._unknown += sorted({*item, *snippet} - _KNOWN)
        return snippet, text_of(item.get("id"))

    def _post(
        self,
        id: str,
        author: str | None,
        kind: str,
        snippet: Mapping[str, Any],
        text: str | None,
        **more: Any,
    ) -> None:
        self._rows["posts"].append(
            {
                "id": f"youtube:{id}",
                "network": "youtube",
                "account": author and f"youtube:{author}",
                "kind": kind,
                "time": moment_of(snippet.get("publishedAt"), self._moment),
                "text": text,
                "links": list(dict.fromkeys(link.rstrip(".,;:!?)]") for link in _LINK.findall(text or ""))),
                "hashtags": list(dict.fromkeys(_HASHTAG.findall(_LINK.sub(" ", text or "")))),
                "mentions": [],
                "media": 0,
                "version": 0,
                **more,
            }
        )

    def _account(self, id: str, name: str | None, handle: str | None, **more: Any) -> None:
        named = {"handle": handle and handle.removeprefix("@"), "name": name, "seen_at": self._moment}
        url = f"https://www.youtube.com/channel/{id}"
        row = {"id": f"youtube:{id}", "network": "youtube", "url": url, **named, **more}
        # One row for each: what was told fully is not hidden by what was told in passing.
        held = self._accounts.setdefault(row["id"], {})
        held |= {key: value for key, value in row.items() if held.get(key) is None}

    def _counts(self, id: str, kind: str, counts: Mapping[str, int | None]) -> None:
        for metric, value in counts.items():
            row = {"subject": f"youtube:{id}", "subject_kind": kind, "metric": metric, "value": value}
            self._rows["observations"].append({**row, "seen_at": self._moment})

    def _raw(self, id: str, item: Mapping[str, Any]) -> None:
        if self._keep:
            payload = msgspec.json.encode(item).decode()
            row = {"id": f"youtube:{id}", "network": "youtube", "payload": payload}
            until = self._moment + self._keep
            self._rows["raw"].append({**row, "received_at": self._moment, "keep_until": until})

    def _notices(self) -> Iterable[Notice]:
        if self._unknown:
            text = T("A record has a field that is not known, and was read without it.")
            places = tuple(f"{self._name}: {field}" for field in dict.fromkeys(self._unknown))
            yield Notice("field.unknown", text, len(self._unknown), places[:MOST_PLACES])
        if self._incomplete:
            text = T("A video, channel or comment without an id or a channel was left out.")
            yield Notice("row.incomplete", text, len(self._incomplete), tuple(self._incomplete[:MOST_PLACES]))


def _language(value: object) -> str | None:
    found = _LANGUAGE.fullmatch(value) if isinstance(value, str) else None
    told = found[1].lower() if found else None
    return None if told in ("und", "zxx", "mul", "mis") else told
