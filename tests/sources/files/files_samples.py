"""Small files in the shapes that the networks publish, and a way to read them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa

from entregent.progress import Quiet
from entregent.records import TABLES, schema
from entregent.results import Notice, merge_notices
from entregent.sources.base import Batch
from entregent.sources.files import Files, Options

RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)

TWEET_V1: dict[str, Any] = {
    "created_at": "Sat Jul 19 14:53:39 +0000 2014",
    "id": 445917982051179127,
    "id_str": "445917982051179127",
    "text": "Le train est en retard #SNCF",
    "in_reply_to_status_id": None,
    "in_reply_to_status_id_str": None,
    "user": {
        "id": 2047829595,
        "id_str": "2047829595",
        "name": "Ana",
        "screen_name": "ana",
        "description": "une voyageuse",
        "followers_count": 47,
        "friends_count": 90,
        "statuses_count": 1083,
        "created_at": "Wed Dec 18 22:15:08 +0000 2013",
    },
    "retweet_count": 3,
    "favorite_count": 5,
    "entities": {
        "hashtags": [{"text": "SNCF", "indices": [23, 28]}],
        "urls": [{"url": "https://t.co/a", "expanded_url": "https://exemple.fr/retard"}],
        "user_mentions": [{"id": 12, "id_str": "12", "screen_name": "sncf"}],
    },
    "lang": "fr",
}

TWEET_V2: dict[str, Any] = {
    "id": "1391677057810288641",
    "text": "Le train est en retard #SNCF",
    "author_id": "1380086327023169540",
    "created_at": "2021-05-10T08:50:41.000Z",
    "lang": "fr",
    "conversation_id": "1391677057810288641",
    "public_metrics": {"retweet_count": 1, "reply_count": 0, "like_count": 2, "quote_count": 0},
    "entities": {
        "hashtags": [{"start": 23, "end": 28, "tag": "SNCF"}],
        "urls": [{"expanded_url": "https://exemple.fr/retard", "url": "https://t.co/a"}],
        "mentions": [{"username": "sncf", "id": "12"}],
    },
    "edit_history_tweet_ids": ["1391677057810288641"],
}
USER_V2: dict[str, Any] = {
    "id": "1380086327023169540",
    "username": "ana",
    "name": "Ana",
    "created_at": "2021-04-08T09:13:42.000Z",
    "public_metrics": {"followers_count": 47, "following_count": 90, "tweet_count": 3},
}
PAGE_V2: dict[str, Any] = {
    "data": [TWEET_V2],
    "includes": {"users": [USER_V2]},
    "meta": {"result_count": 1, "newest_id": "1391677057810288641"},
    "__twarc": {"retrieved_at": "2021-05-19T15:26:17+00:00"},
}

DID = "did:plc:eygmaihciaxprqvxpfvl6flk"
OTHER_DID = "did:plc:wa7b35aakoll7hugkrjtf3xf"


def commit(
    collection: str, record: Any, operation: str = "create", rkey: str = "3l3qo2vuowo2b"
) -> dict[str, Any]:
    """Return a Jetstream commit event."""
    event: dict[str, Any] = {
        "did": DID,
        "time_us": 1725911162329308,
        "kind": "commit",
        "commit": {"rev": "3l3qo2vutsw2b", "operation": operation, "collection": collection, "rkey": rkey},
    }
    if record is not None:
        event["commit"] |= {"record": record, "cid": "bafyrei"}
    return event


SKEET = commit(
    "app.bsky.feed.post",
    {
        "$type": "app.bsky.feed.post",
        "createdAt": "2024-09-09T19:46:02.102Z",
        "langs": ["fr"],
        "text": "Le train est en retard #SNCF",
        "facets": [
            {"features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "SNCF"}], "index": {}},
            {"features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://exemple.fr/retard"}]},
            {"features": [{"$type": "app.bsky.richtext.facet#mention", "did": OTHER_DID}]},
        ],
        "embed": {"$type": "app.bsky.embed.images", "images": [{"alt": ""}, {"alt": ""}]},
    },
)

TOOT: dict[str, Any] = {
    "id": "103270115826048975",
    "created_at": "2019-12-08T03:48:33.901Z",
    "in_reply_to_id": None,
    "in_reply_to_account_id": None,
    "spoiler_text": "",
    "visibility": "public",
    "language": "fr",
    "uri": "https://mastodon.social/users/ana/statuses/103270115826048975",
    "url": "https://mastodon.social/@ana/103270115826048975",
    "replies_count": 5,
    "reblogs_count": 6,
    "favourites_count": 11,
    "content": '<p>Le train est en retard <a href="https://mastodon.social/tags/SNCF" class="mention hashtag"'
    ' rel="tag">#<span>SNCF</span></a></p><p><a href="https://exemple.fr/retard">exemple.fr</a></p>',
    "reblog": None,
    "account": {
        "id": "1",
        "username": "ana",
        "acct": "ana",
        "display_name": "Ana",
        "bot": False,
        "note": "<p>une voyageuse</p>",
        "url": "https://mastodon.social/@ana",
        "uri": "https://mastodon.social/users/ana",
        "followers_count": 47,
        "following_count": 90,
        "statuses_count": 1083,
        "created_at": "2016-03-16T14:34:26.392Z",
    },
    "media_attachments": [],
    "mentions": [
        {"id": "7", "username": "sncf", "url": "https://piaille.fr/@sncf", "acct": "sncf@piaille.fr"}
    ],
    "tags": [{"name": "SNCF", "url": "https://mastodon.social/tags/SNCF"}],
}

NOTE: dict[str, Any] = {
    "@context": "https://www.w3.org/ns/activitystreams",
    "id": "https://mastodon.social/users/ana/statuses/103270115826048975",
    "type": "Note",
    "summary": None,
    "inReplyTo": None,
    "published": "2019-12-08T03:48:33Z",
    "url": "https://mastodon.social/@ana/103270115826048975",
    "attributedTo": "https://mastodon.social/users/ana",
    "to": ["https://www.w3.org/ns/activitystreams#Public"],
    "cc": ["https://mastodon.social/users/ana/followers"],
    "content": TOOT["content"],
    "contentMap": {"fr": TOOT["content"]},
    "attachment": [],
    "tag": [
        {"type": "Hashtag", "href": "https://mastodon.social/tags/sncf", "name": "#SNCF"},
        {"type": "Mention", "href": "https://piaille.fr/users/sncf", "name": "@sncf@piaille.fr"},
    ],
}
CREATE: dict[str, Any] = {
    "@context": "https://www.w3.org/ns/activitystreams",
    "id": NOTE["id"] + "/activity",
    "type": "Create",
    "actor": "https://mastodon.social/users/ana",
    "published": "2019-12-08T03:48:33Z",
    "to": NOTE["to"],
    "object": NOTE,
}

SAMPLES: dict[str, dict[str, Any]] = {
    "twitter-v1": TWEET_V1,
    "x-v2": PAGE_V2,
    "jetstream": SKEET,
    "mastodon": TOOT,
    "activitystreams": CREATE,
}
POST_IDS = {
    "twitter-v1": "x:445917982051179127",
    "x-v2": "x:1391677057810288641",
    "jetstream": f"bluesky:at://{DID}/app.bsky.feed.post/3l3qo2vuowo2b",
    "mastodon": "fediverse:https://mastodon.social/users/ana/statuses/103270115826048975",
    "activitystreams": "fediverse:https://mastodon.social/users/ana/statuses/103270115826048975",
}


class Read:
    """What came of reading: the six tables, the notices added up, and the files."""

    def __init__(self, batches: Iterable[Batch]) -> None:
        self.batches = list(batches)
        self.rows = sum(batch.rows for batch in self.batches)
        self.files = tuple(one for batch in self.batches for one in batch.finished)
        self.notices = merge_notices(tuple(one for batch in self.batches for one in batch.notices))
        for table in TABLES:
            for batch in self.batches:
                assert getattr(batch, table).schema.equals(schema(table)), table
            rows = pa.concat_tables(
                [getattr(batch, table) for batch in self.batches] or [schema(table).empty_table()]
            )
            rows.validate(full=True)
            setattr(self, table, rows.to_pylist())

    def __getattr__(self, name: str) -> list[dict[str, Any]]:
        raise AttributeError(name)

    @property
    def codes(self) -> dict[str, int]:
        return {
            code: sum(n.count for n in self.notices if n.code == code)
            for code in (n.code for n in self.notices)
        }

    def notice(self, code: str) -> Notice:
        (one,) = (each for each in self.notices if each.code == code)
        return one


def read(paths: Sequence[Path | str] | Path | str, cursor: str | None = None, **choices: Any) -> Read:
    """Read files as the reader does."""
    stdin, form = choices.pop("stdin", None), choices.pop("format", None)
    listed = [str(paths)] if isinstance(paths, (str, Path)) else [str(path) for path in paths]
    files = Files(
        listed,
        format=form,
        options=Options(**{"received_at": RECEIVED, **choices}),
        stdin=None if stdin is None else io.BytesIO(stdin),
    )
    return Read(files.batches(cursor, Quiet()))


def read_bytes(data: bytes, **choices: Any) -> Read:
    """Read bytes as they would come on standard input."""
    return read("-", stdin=data, **choices)


def read_values(*values: Any, **choices: Any) -> Read:
    """Read values as JSON lines."""
    return read_bytes(lines(*values), **choices)


def lines(*values: Any) -> bytes:
    """Return values as JSON lines."""
    return b"".join(json.dumps(value, ensure_ascii=False).encode() + b"\n" for value in values)
