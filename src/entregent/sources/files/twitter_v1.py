"""Classic Twitter JSON (API v1.1, streaming and search): statuses with their originals inside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from entregent.i18n import T
from entregent.sources.files.json_format import JsonFormat
from entregent.sources.files.reading import Check, Reading, columns, observations, repeated

__all__ = ["TwitterV1"]

_ENTITIES = {
    "urls": [{"expanded_url": "VARCHAR", "url": "VARCHAR"}],
    "hashtags": [{"text": "VARCHAR"}],
    "user_mentions": [{"id": "VARCHAR", "id_str": "VARCHAR"}],
    "media": ["JSON"],
}
_USER = {
    **dict.fromkeys(("id", "id_str", "screen_name", "name", "url", "description", "created_at"), "VARCHAR"),
    **dict.fromkeys(("followers_count", "friends_count", "statuses_count"), "BIGINT"),
}
_STATUS: dict[str, Any] = {
    **dict.fromkeys(
        (
            *("id", "id_str", "created_at", "timestamp_ms", "text", "full_text", "lang"),
            *("in_reply_to_status_id", "in_reply_to_status_id_str"),
            *("in_reply_to_user_id", "in_reply_to_user_id_str"),
            *("quoted_status_id", "quoted_status_id_str"),
        ),
        "VARCHAR",
    ),
    **dict.fromkeys(("retweet_count", "favorite_count", "reply_count", "quote_count"), "BIGINT"),
    "entities": _ENTITIES,
    "extended_entities": {"media": ["JSON"]},
    "extended_tweet": {
        "full_text": "VARCHAR",
        "entities": _ENTITIES,
        "extended_entities": {"media": ["JSON"]},
    },
    "user": _USER,
}
_MEDIA_LINK = r"^https?://(www\.)?(twitter|x)\.com/[^/]+/status/[0-9]+/(photo|video)/[0-9]+"


def _native(base: str, name: str = "id") -> str:
    return f"coalesce(filled({base}.{name}_str), {base}.{name})"


class _Statuses(Reading):
    structure: ClassVar[Any] = {
        **_STATUS,
        "retweeted_status": {**_STATUS, "quoted_status": _STATUS},
        "quoted_status": _STATUS,
        "delete": {
            "status": dict.fromkeys(("id", "id_str", "user_id", "user_id_str"), "VARCHAR"),
            "timestamp_ms": "VARCHAR",
        },
    }
    accepted = (
        "(coalesce(j.id_str, j.id) IS NOT NULL AND (j.user.id IS NOT NULL OR j.user.id_str IS NOT NULL"
        " OR j.id_str IS NOT NULL AND coalesce(j.full_text, j.text) IS NOT NULL))"
        " OR coalesce(j.delete.status.id_str, j.delete.status.id) IS NOT NULL"
    )
    types: ClassVar[Mapping[str, str]] = {
        "$.id": "id",
        "$.id_str": "text",
        "$.created_at": "id",
        "$.text": "text",
        "$.full_text": "text",
        "$.lang": "text",
        "$.user": "object",
        "$.user.id": "id",
        "$.user.id_str": "text",
        "$.user.screen_name": "text",
        "$.user.name": "text",
        "$.user.description": "text",
        "$.user.url": "text",
        "$.user.followers_count": "number",
        "$.in_reply_to_status_id": "id",
        "$.in_reply_to_user_id": "id",
        "$.entities": "object",
        "$.entities.urls": "list",
        "$.entities.hashtags": "list",
        "$.entities.user_mentions": "list",
        "$.extended_tweet": "object",
        "$.extended_tweet.full_text": "text",
        "$.retweeted_status": "object",
        "$.retweeted_status.id": "id",
        "$.retweeted_status.text": "text",
        "$.retweeted_status.full_text": "text",
        "$.retweeted_status.created_at": "id",
        "$.retweeted_status.user": "object",
        "$.quoted_status": "object",
        "$.quoted_status.text": "text",
        "$.quoted_status.user": "object",
        "$.retweet_count": "number",
        "$.favorite_count": "number",
    }
    wrappers = ("statuses", "status", "tweet")

    def raw_id(self) -> str:
        return f"'x:' || coalesce({_native('j')}, {_native('j.delete.status')})"

    def _status(self, status: str, original: str, quoted: str, where: str) -> str:
        extended = f"{status}.extended_tweet"
        entities = f"coalesce({extended}.entities, {status}.entities)"
        quoted_id = f"coalesce(filled({_native(status, 'quoted_status_id')}), {_native(quoted)})"
        return f"""
        SELECT n, {str(status == "j").lower()} AS given,
            {_native(status)} AS id, {_native(status + ".user")} AS account,
            {status}.created_at AS written, j.created_at AS outermost, {status}.user AS u,
            coalesce({extended}.full_text, {status}.full_text, {status}.text) AS text,
            {status}.lang AS lang,
            {_native(status, "in_reply_to_status_id")} AS parent,
            {_native(status, "in_reply_to_user_id")} AS parent_account,
            {quoted_id} AS quoted, {_native(quoted + ".user")} AS quoted_account,
            {_native(original)} AS original, {_native(original + ".user")} AS original_account,
            list_transform({entities}.urls, lambda x: coalesce(filled(x.expanded_url), x.url)) AS links,
            list_transform({entities}.hashtags, lambda x: x.text) AS hashtags,
            list_transform({entities}.user_mentions, lambda x: {_native("x")}) AS mentions,
            coalesce({extended}.extended_entities.media, {status}.extended_entities.media,
                {entities}.media) AS media,
            {status}.retweet_count AS reposts, {status}.favorite_count AS likes,
            {status}.reply_count AS replies, {status}.quote_count AS quotes
        FROM parsed j WHERE {where}"""

    def steps(self) -> Sequence[str]:
        none = 'NULL::STRUCT(id VARCHAR, id_str VARCHAR, "user" STRUCT(id VARCHAR, id_str VARCHAR))'
        every = [
            self._status("j", "j.retweeted_status", "j.quoted_status", f"{_native('j')} IS NOT NULL"),
            *(
                self._status(status, f"({none})", quoted, f"{_native(status)} IS NOT NULL")
                for status, quoted in (
                    ("j.retweeted_status", "j.retweeted_status.quoted_status"),
                    ("j.quoted_status", f"({none})"),
                    ("j.retweeted_status.quoted_status", f"({none})"),
                )
            ),
        ]
        return (
            # Dates are read outside of the union, where the engine plans their long expression once.
            f"CREATE OR REPLACE TEMP TABLE statuses AS SELECT * EXCLUDE (outermost),"
            f" {self.moment('written')} AS time,"
            f" coalesce({self.moment('outermost')}, {self.received}) AS seen_at"
            f" FROM ({' UNION ALL '.join(every)})",
            "CREATE OR REPLACE TEMP TABLE originals AS SELECT * FROM statuses"
            " WHERE original IS NULL AND account IS NOT NULL QUALIFY row_number() OVER"
            " (PARTITION BY id ORDER BY length(text) DESC NULLS LAST, n) = 1",
            "CREATE OR REPLACE TEMP TABLE users AS SELECT * FROM statuses WHERE account IS NOT NULL"
            " QUALIFY row_number() OVER (PARTITION BY account ORDER BY seen_at DESC, n DESC) = 1",
            "CREATE OR REPLACE TEMP TABLE seen AS SELECT * FROM statuses WHERE original IS NULL"
            " QUALIFY row_number() OVER (PARTITION BY id ORDER BY seen_at DESC, n DESC) = 1",
        )

    def selects(self) -> Mapping[str, str]:
        links = (
            f"list_filter(links, lambda x: NOT regexp_matches(x, '{_MEDIA_LINK}')"
            " AND NOT coalesce(ends_with(x, '/status/' || quoted), false))"
        )
        observed = (
            observations(
                "users",
                "'x:' || account",
                "account",
                "seen_at",
                {
                    "followers": "u.followers_count",
                    "following": "u.friends_count",
                    "posts": "u.statuses_count",
                },
            ),
            observations(
                "seen",
                "'x:' || id",
                "post",
                "seen_at",
                {metric: metric for metric in ("reposts", "likes", "replies", "quotes")},
            ),
        )
        return {
            "posts": columns(
                "posts",
                "originals",
                id="'x:' || id",
                network="'x'",
                account="'x:' || account",
                kind="CASE WHEN parent IS NOT NULL OR parent_account IS NOT NULL THEN 'reply'"
                " WHEN quoted IS NOT NULL THEN 'quote' ELSE 'post' END",
                time="time",
                text="clean(text)",
                lang="language(lang)",
                parent="'x:' || parent",
                parent_account="'x:' || parent_account",
                quoted="'x:' || quoted",
                quoted_account="'x:' || quoted_account",
                url="'https://x.com/' || coalesce(filled(u.screen_name), 'i') || '/status/' || id",
                links=f"texts({links})",
                hashtags="texts(hashtags)",
                mentions="list_transform(texts(mentions), lambda x: 'x:' || x)",
                media="many(media)",
                version="0",
            ),
            "accounts": columns(
                "accounts",
                "users",
                id="'x:' || account",
                network="'x'",
                handle="filled(u.screen_name)",
                name="filled(u.name)",
                url="'https://x.com/' || filled(u.screen_name)",
                description="filled(u.description)",
                created_at=self.moment("u.created_at"),
                seen_at="seen_at",
            ),
            "interactions": columns(
                "interactions",
                "statuses",
                "original IS NOT NULL AND account IS NOT NULL",
                id="'x:' || id",
                network="'x'",
                kind="'repost'",
                actor="'x:' || account",
                object="'x:' || original",
                target="'x:' || original_account",
                time="time",
            ),
            "observations": " UNION ALL ".join(observed),
            "tombstones": columns(
                "tombstones",
                "parsed j",
                f"{_native('j.delete.status')} IS NOT NULL",
                id=f"'x:' || {_native('j.delete.status')}",
                kind="'post'",
                time=self.moment("j.delete.timestamp_ms"),
            ),
        }

    def checks(self) -> Sequence[Check]:
        return (
            Check(
                "row.incomplete", T("A status without an author was left out."), "account IS NULL", "statuses"
            ),
            Check(
                "time.impossible",
                T("A date that cannot be was left out."),
                "time IS NULL AND written IS NOT NULL",
                "statuses",
            ),
            Check("time.missing", T("A status has no date."), "written IS NULL", "statuses"),
            repeated("SELECT n, id FROM statuses WHERE given AND original IS NULL AND account IS NOT NULL"),
            Check(
                "id.rounded",
                T("An id was rounded by another program before it came here; it may be wrong."),
                "regexp_matches(id, '[.eE]') OR regexp_matches(account, '[.eE]')",
                "statuses",
            ),
            Check(
                "count.negative",
                T("A negative count was left out."),
                "least(reposts, likes, replies, quotes, u.followers_count) < 0",
                "statuses",
            ),
        )


class TwitterV1(JsonFormat):
    """Statuses of the API v1.1, one a line, in an array, or under ``statuses``.

    Counts are taken as seen at the date of the status that carries them, as
    in a stream; files collected later hold later counts.
    """

    name = "twitter-v1"
    title = "Twitter API v1.1 JSON"
    markers = (
        (r'"id_str"\s*:', 0.3),
        (r'"(in_reply_to_status_id|retweeted_status|favorite_count|is_quote_status)"\s*:', 0.3),
        (r'"created_at"\s*:\s*"[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:', 0.4),
        (r'"user"\s*:\s*\{', 0.2),
        (r'"screen_name"\s*:', 0.1),
        (r'"delete"\s*:\s*\{\s*"status"\s*:', 0.6),
    )
    reading = _Statuses
