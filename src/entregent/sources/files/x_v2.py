"""X API v2 JSON: pages of ``data`` and ``includes``, or tweets flattened by twarc, one a line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from entregent.i18n import T
from entregent.sources.files.json_format import JsonFormat
from entregent.sources.files.reading import Check, Reading, columns, observations, repeated, structure_sql

__all__ = ["XV2"]

_USER: dict[str, Any] = {
    **dict.fromkeys(
        ("id", "username", "name", "url", "description", "created_at", "verified_type"), "VARCHAR"
    ),
    "public_metrics": dict.fromkeys(("followers_count", "following_count", "tweet_count"), "BIGINT"),
}
_ENTITIES = {
    "urls": [dict.fromkeys(("expanded_url", "unwound_url", "url", "media_key"), "VARCHAR")],
    "hashtags": [{"tag": "VARCHAR"}],
    "mentions": [{"id": "VARCHAR", "username": "VARCHAR"}],
}
_TWEET: dict[str, Any] = {
    **dict.fromkeys(
        ("id", "text", "author_id", "created_at", "lang", "conversation_id", "in_reply_to_user_id"), "VARCHAR"
    ),
    "note_tweet": {"text": "VARCHAR", "entities": _ENTITIES},
    "entities": _ENTITIES,
    "attachments": {"media_keys": ["VARCHAR"], "media": ["JSON"]},
    "public_metrics": dict.fromkeys(
        ("retweet_count", "like_count", "reply_count", "quote_count", "impression_count"), "BIGINT"
    ),
    "edit_history_tweet_ids": ["VARCHAR"],
    "author": _USER,
}
_FULL: dict[str, Any] = {
    **_TWEET,
    "text": "JSON",
    "username": "VARCHAR",
    "referenced_tweets": [{"type": "VARCHAR", **_TWEET, "text": "JSON"}],
}
_MEDIA_LINK = r"^https?://(www\.)?(twitter|x)\.com/[^/]+/status/[0-9]+/(photo|video)/[0-9]+"


def _edits(row: str) -> str:
    """Return SQL of the ids of all versions of a post, none where its own is not among them."""
    told = f"{row}.edit_history_tweet_ids"
    numbers = f"list_filter({told}, lambda e: regexp_full_match(e, '[0-9]+'))"
    return f"CASE WHEN list_contains({told}, {row}.id) THEN {numbers} ELSE [] END"


def _reference(kind: str, field: str) -> str:
    return f"list_filter(t.referenced_tweets, lambda x: x.type = '{kind}')[1].{field}"


class _Pages(Reading):
    structure: ClassVar[Any] = {
        "data": "JSON",
        "errors": ["JSON"],
        "meta": {"result_count": "BIGINT"},
        "includes": {"users": [_USER], "tweets": [_FULL]},
        "__twarc": {"retrieved_at": "VARCHAR"},
        **dict.fromkeys(("id", "id_str", "user", "author_id", "text", "username"), "VARCHAR"),
    }
    accepted = (
        "j.data IS NOT NULL OR len(j.errors) > 0 OR j.meta.result_count IS NOT NULL"
        " OR j.id IS NOT NULL AND (j.author_id IS NOT NULL"
        " OR j.text IS NOT NULL AND j.id_str IS NULL AND j.user IS NULL)"
    )
    types: ClassVar[Mapping[str, str]] = {
        "$.data": "some",
        "$.includes": "object",
        "$.includes.users": "list",
        "$.includes.tweets": "list",
        "$.id": "id",
        "$.author_id": "id",
        "$.text": "text",
        "$.created_at": "text",
        "$.entities": "object",
        "$.public_metrics": "object",
        "$.author": "object",
        "$.referenced_tweets": "list",
        "$.data.id": "id",
        "$.data.text": "text",
        "$.data.author_id": "id",
        "$.data.created_at": "text",
        "$.data.entities": "object",
        "$.data.public_metrics": "object",
    }

    def raw_id(self) -> str:
        page = "'x:~page-' || md5(concat_ws(chr(31), coalesce(j.data::VARCHAR, ''), n))"
        return f"CASE WHEN j.id IS NOT NULL AND j.data IS NULL THEN 'x:' || j.id ELSE {page} END"

    def steps(self) -> Sequence[str]:
        full, listed = structure_sql(_FULL), structure_sql([_FULL])
        seen = f"coalesce({self.moment('j.__twarc.retrieved_at')}, {self.received})"
        own = f"SELECT j.n AS n, {seen} AS seen_at"
        return (
            f"""CREATE OR REPLACE TEMP TABLE found AS
            {own}, true AS asked, unnest(from_json(j.data, '{listed}')) AS t
                FROM parsed j WHERE json_type(j.data) = 'ARRAY'
            UNION ALL {own}, true, from_json(j.data, '{full}') FROM parsed j
                WHERE json_type(j.data) = 'OBJECT'
            UNION ALL {own}, true, from_json(l, '{full}') FROM parsed j JOIN lines USING (i)
                WHERE j.data IS NULL AND j.id IS NOT NULL
            UNION ALL {own}, false, unnest(j.includes.tweets) FROM parsed j""",
            # In flattened lines the referenced tweets are whole themselves.
            """CREATE OR REPLACE TEMP TABLE nested AS
            SELECT n, seen_at, unnest(t.referenced_tweets) AS r FROM found""",
            f"""CREATE OR REPLACE TEMP TABLE tweets AS
            WITH every AS (
                SELECT n, seen_at, asked, t.id AS id, t.author_id AS author, t.text AS text_json,
                    t.note_tweet AS note,
                    t.created_at AS written, t.lang AS lang, t.conversation_id AS root,
                        t.entities AS entities,
                    t.in_reply_to_user_id AS parent_account, t.attachments AS attachments,
                        t.public_metrics AS metrics,
                    {_edits("t")} AS edits, t.author AS u,
                    {_reference("retweeted", "id")} AS original, {_reference("replied_to", "id")} AS parent,
                    {_reference("quoted", "id")} AS quoted
                FROM found WHERE t IS NOT NULL AND (t.username IS NULL OR t.text IS NOT NULL)
                UNION ALL SELECT n, seen_at, false, r.id, r.author_id, r.text, r.note_tweet, r.created_at,
                    r.lang,
                    r.conversation_id, r.entities, r.in_reply_to_user_id, r.attachments, r.public_metrics,
                    {_edits("r")}, r.author, NULL, NULL, NULL
                FROM nested WHERE r.text IS NOT NULL)
            SELECT * REPLACE (filled(id) AS id, coalesce(filled(author), u.id) AS author),
                CASE json_type(text_json) WHEN 'VARCHAR' THEN text_json->>'$' END AS text FROM every""",
            f"""CREATE OR REPLACE TEMP TABLE users AS WITH every AS (
                SELECT n, seen_at, unnest(listed) AS u FROM
                    (SELECT n, {seen} AS seen_at, j.includes.users AS listed FROM parsed j)
                UNION ALL SELECT n, seen_at, u FROM tweets
                UNION ALL SELECT n, seen_at, from_json(to_json(t), '{structure_sql(_USER)}') FROM found
                    WHERE t.username IS NOT NULL AND t.text IS NULL)
            SELECT * FROM every WHERE filled(u.id) IS NOT NULL
            QUALIFY row_number() OVER (PARTITION BY u.id ORDER BY seen_at DESC, n DESC) = 1""",
            """CREATE OR REPLACE TEMP TABLE usernames AS SELECT lower(u.username) AS username,
                any_value(u.id) AS id
            FROM users WHERE u.username IS NOT NULL GROUP BY 1""",
            """CREATE OR REPLACE TEMP TABLE authors AS SELECT id, any_value(author) AS author FROM tweets
            WHERE id IS NOT NULL AND author IS NOT NULL GROUP BY 1""",
            """CREATE OR REPLACE TEMP TABLE firsts AS SELECT id, any_value(edits[1]) AS first_id FROM tweets
            WHERE len(edits) > 1 GROUP BY 1""",
            f"""CREATE OR REPLACE TEMP TABLE known AS
            SELECT t.* EXCLUDE (entities, note), {self.moment("written")} AS time,
                coalesce(note.text, text) AS said, coalesce(note.entities, entities) AS e,
                coalesce(note.entities.mentions, []) AS note_mentions,
                coalesce(f0.first_id, t.id) AS first_id, coalesce(f1.first_id, parent) AS parent_id,
                coalesce(f2.first_id, quoted) AS quoted_id, coalesce(f3.first_id, original) AS original_id,
                coalesce(parent_account, a1.author) AS answered, a2.author AS quoted_author,
                    a3.author AS original_author,
                entities.mentions AS mentioned, greatest(coalesce(list_position(edits, t.id), 1) - 1,
                    0) AS version
            FROM tweets t
            LEFT JOIN firsts f0 ON f0.id = t.id LEFT JOIN firsts f1 ON f1.id = parent
            LEFT JOIN firsts f2 ON f2.id = quoted LEFT JOIN firsts f3 ON f3.id = original
            LEFT JOIN authors a1 ON a1.id = parent LEFT JOIN authors a2 ON a2.id = quoted
            LEFT JOIN authors a3 ON a3.id = original
            WHERE t.id IS NOT NULL
            QUALIFY row_number() OVER (PARTITION BY t.id ORDER BY seen_at DESC, length(said) DESC NULLS LAST,
                t.n) = 1""",
            """CREATE OR REPLACE TEMP TABLE named AS
            SELECT m.id AS id, list('x:' || coalesce(filled(m.mention.id), u.id)) AS mentions
            FROM (SELECT id, unnest(coalesce(mentioned, e.mentions)) AS mention FROM known) m
            LEFT JOIN usernames u ON u.username = lower(m.mention.username)
            WHERE coalesce(filled(m.mention.id), u.id) IS NOT NULL GROUP BY 1""",
        )

    def selects(self) -> Mapping[str, str]:
        links = (
            "list_filter(list_transform(e.urls, lambda x: CASE WHEN x.media_key IS NULL"
            " THEN coalesce(filled(x.unwound_url), filled(x.expanded_url), x.url) END),"
            f" lambda x: NOT regexp_matches(x, '{_MEDIA_LINK}')"
            " AND NOT coalesce(ends_with(x, '/status/' || quoted), false))"
        )
        observed = (
            observations(
                "users",
                "'x:' || u.id",
                "account",
                "seen_at",
                {
                    "followers": "u.public_metrics.followers_count",
                    "following": "u.public_metrics.following_count",
                    "posts": "u.public_metrics.tweet_count",
                },
            ),
            observations(
                "known",
                "'x:' || first_id",
                "post",
                "seen_at",
                {
                    "reposts": "metrics.retweet_count",
                    "likes": "metrics.like_count",
                    "replies": "metrics.reply_count",
                    "quotes": "metrics.quote_count",
                    "views": "metrics.impression_count",
                },
                "original IS NULL",
            ),
        )
        return {
            "posts": columns(
                "posts",
                "known LEFT JOIN named USING (id) LEFT JOIN users ON users.u.id = author",
                "original IS NULL AND author IS NOT NULL",
                id="'x:' || first_id",
                network="'x'",
                account="'x:' || author",
                kind="CASE WHEN parent_id IS NOT NULL OR parent_account IS NOT NULL THEN 'reply'"
                " WHEN quoted_id IS NOT NULL THEN 'quote' ELSE 'post' END",
                time="time",
                text="clean(said)",
                lang="language(lang)",
                parent="'x:' || parent_id",
                parent_account="'x:' || answered",
                root="CASE WHEN root <> first_id THEN 'x:' || root END",
                quoted="'x:' || quoted_id",
                quoted_account="'x:' || quoted_author",
                url="'https://x.com/' || coalesce(filled(users.u.username), 'i') || '/status/' || id",
                links=f"texts({links})",
                hashtags="texts(list_transform(e.hashtags, lambda x: x.tag))",
                mentions="texts(mentions)",
                media="many(coalesce(attachments.media_keys, attachments.media::VARCHAR[]))",
                version="version",
            ),
            "accounts": columns(
                "accounts",
                "users",
                id="'x:' || u.id",
                network="'x'",
                handle="filled(u.username)",
                name="filled(u.name)",
                url="'https://x.com/' || filled(u.username)",
                description="filled(u.description)",
                kind="CASE WHEN u.verified_type IN ('business', 'government') THEN 'organization' END",
                created_at=self.moment("u.created_at"),
                seen_at="seen_at",
            ),
            "interactions": columns(
                "interactions",
                "known",
                "original IS NOT NULL AND author IS NOT NULL",
                id="'x:' || id",
                network="'x'",
                kind="'repost'",
                actor="'x:' || author",
                object="'x:' || original_id",
                target="'x:' || original_author",
                time="time",
            ),
            "observations": " UNION ALL ".join(observed),
        }

    def checks(self) -> Sequence[Check]:
        return (
            Check(
                "row.incomplete",
                T("A tweet without an id or an author was left out."),
                "id IS NULL OR author IS NULL",
                "tweets",
            ),
            Check(
                "time.impossible",
                T("A date that cannot be was left out."),
                "time IS NULL AND written IS NOT NULL",
                "known",
            ),
            Check("time.missing", T("A tweet has no date."), "written IS NULL", "known"),
            repeated("SELECT n, id FROM tweets WHERE asked AND id IS NOT NULL"),
            Check(
                "id.rounded",
                T("An id was rounded by another program before it came here; it may be wrong."),
                "regexp_matches(id, '[.eE]') OR regexp_matches(author, '[.eE]')",
                "tweets",
            ),
            Check(
                "field.wrong_type",
                T("The field {field} was not a {kind}, and was left out.", field="data.text", kind=T("text")),
                "json_type(text_json) NOT IN ('VARCHAR', 'NULL')",
                "tweets",
            ),
            Check(
                "page.errors",
                T("X reported posts or accounts that it would not give (deleted, protected)."),
                "len(j.errors) > 0",
            ),
            Check(
                "count.negative",
                T("A negative count was left out."),
                "least(metrics.retweet_count, metrics.like_count, metrics.reply_count,"
                " metrics.quote_count) < 0",
                "known",
            ),
        )


class XV2(JsonFormat):
    """Pages of the API v2 as twarc2 writes them, one a line or one document, and flattened tweets.

    An edited tweet keeps the id of its first version, as told by
    ``edit_history_tweet_ids``; its place there is its version.
    """

    name = "x-v2"
    title = "X API v2 JSON"
    markers = (
        (r'"(author_id|edit_history_tweet_ids|referenced_tweets|in_reply_to_user_id)"\s*:', 0.5),
        (r'"(public_metrics|conversation_id|context_annotations|includes|__twarc|reply_settings)"\s*:', 0.4),
        (r'^\s*[\[]?\s*\{\s*"data"\s*:\s*[\[{]', 0.2),
        (r'"data"\s*:\s*\[?\s*\{[^{}\[\]]*"id"\s*:\s*"[0-9]{8,}"', 0.4),
        (r'"(newest_id|oldest_id|result_count)"\s*:', 0.3),
        (r'"(username|text)"\s*:', 0.1),
    )
    reading = _Pages
