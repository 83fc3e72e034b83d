"""Statuses as the Mastodon API gives them (also GoToSocial, Pleroma, Misskey's imitation)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from entregent.i18n import T
from entregent.sources.files.fediverse import actor, anchor_links, handle, hashtag
from entregent.sources.files.format import Options
from entregent.sources.files.json_format import JsonFormat
from entregent.sources.files.markup import plain_texts
from entregent.sources.files.reading import Check, Reading, columns, observations, repeated

__all__ = ["Mastodon"]

_ACCOUNT: dict[str, Any] = {
    **dict.fromkeys(
        ("id", "uri", "url", "acct", "username", "display_name", "note", "created_at"), "VARCHAR"
    ),
    **dict.fromkeys(("followers_count", "following_count", "statuses_count"), "VARCHAR"),
    **dict.fromkeys(("bot", "group"), "BOOLEAN"),
}
_STATUS: dict[str, Any] = {
    **dict.fromkeys(
        (
            *("id", "uri", "url", "created_at", "edited_at", "content", "text", "spoiler_text"),
            *("in_reply_to_id", "in_reply_to_account_id", "language", "visibility"),
        ),
        "VARCHAR",
    ),
    **dict.fromkeys(("replies_count", "reblogs_count", "favourites_count", "quotes_count"), "BIGINT"),
    "account": _ACCOUNT,
    "mentions": [dict.fromkeys(("id", "url", "uri", "acct"), "VARCHAR")],
    "tags": [{"name": "VARCHAR"}],
    "media_attachments": ["JSON"],
    "card": {"url": "VARCHAR"},
}
_WITH_QUOTE: dict[str, Any] = {**_STATUS, "quoted_status": _STATUS}
_ACCOUNT_SQL = ", ".join(f'"{name}" {kind}' for name, kind in _ACCOUNT.items())
_NO_STATUS = (
    f"STRUCT(uri VARCHAR, account STRUCT({_ACCOUNT_SQL}),"
    f" quoted_status STRUCT(uri VARCHAR, account STRUCT({_ACCOUNT_SQL})))"
)


def _author(status: str, account: str) -> str:
    # A status of Mastodon carries its author's address in its own.
    own = f"filled(regexp_extract({status}, '^(https?://.+/users/[^/]+)/statuses/', 1))"
    return f"coalesce(filled({account}.uri), {own}, {actor('NULL', f'{account}.url')})"


class _Statuses(Reading):
    structure: ClassVar[Any] = {
        **_STATUS,
        "reblog": {**_STATUS, "quote": _WITH_QUOTE},
        "quote": _WITH_QUOTE,
    }
    accepted = (
        "filled(j.uri) IS NOT NULL AND (j.account IS NOT NULL AND"
        " (j.account.url IS NOT NULL OR j.account.uri IS NOT NULL"
        " OR j.account.acct IS NOT NULL) OR j.content IS NOT NULL)"
    )
    types: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(
            ("$.uri", "$.created_at", "$.edited_at", "$.content", "$.spoiler_text", "$.language"), "text"
        ),
        **dict.fromkeys(("$.id", "$.in_reply_to_id", "$.in_reply_to_account_id"), "id"),
        **dict.fromkeys(("$.mentions", "$.tags", "$.media_attachments"), "list"),
        **dict.fromkeys(("$.account", "$.reblog", "$.quote", "$.card"), "object"),
        **dict.fromkeys(("$.replies_count", "$.reblogs_count", "$.favourites_count"), "number"),
        **dict.fromkeys(
            ("$.account.uri", "$.account.url", "$.account.acct", "$.account.display_name"), "text"
        ),
        "$.account.followers_count": "number",
        "$.reblog.account": "object",
        "$.reblog.uri": "text",
        "$.reblog.content": "text",
    }
    wrappers = ("statuses", "status", "ancestors", "descendants")

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        # Parents are named by a number of one server, and may come later in the file.
        self.con.execute("CREATE TEMP TABLE local (id VARCHAR, uri VARCHAR, account VARCHAR)").fetchall()
        self.held: list[pa.Table] = []

    def raw_id(self) -> str:
        return "'fediverse:' || j.uri"

    def _status(self, status: str, boosted: str, quote: str, where: str) -> str:
        return f"""
        SELECT n, {str(status == "j").lower()} AS given,
            {status}.id AS id, filled({status}.uri) AS uri, {status}.account AS a,
            {status}.created_at AS written, {status}.edited_at AS edited_written,
                {status}.visibility AS visibility,
            {status}.spoiler_text AS warning, coalesce({status}.content, {status}.text) AS markup,
            {status}.language AS lang, filled({status}.url) AS url,
            filled({status}.in_reply_to_id) AS parent_local,
            filled({status}.in_reply_to_account_id) AS parent_account_local,
            filled({boosted}.uri) AS boosted, {boosted}.account AS boosted_a,
            coalesce(filled({quote}.quoted_status.uri), filled({quote}.uri)) AS quoted,
            coalesce({quote}.quoted_status.account, {quote}.account) AS quoted_a,
            {status}.mentions AS mentioned, {status}.tags AS tags,
            {status}.card.url AS card, {status}.media_attachments AS media,
            {status}.replies_count AS replies, {status}.reblogs_count AS reposts,
            {status}.favourites_count AS likes, {status}.quotes_count AS quotes
        FROM parsed j WHERE {where}"""

    def steps(self) -> Sequence[str]:
        none = f"(NULL::{_NO_STATUS})"
        # What is boosted, quoted, or quoted by what is boosted, is a status of its own.
        every = (
            self._status("j", "j.reblog", "j.quote", "true"),
            *(
                self._status(inner, none, quote, f"filled({inner}.uri) IS NOT NULL")
                for inner, quote in (
                    ("j.reblog", "j.reblog.quote"),
                    ("j.quote", none),
                    ("j.quote.quoted_status", none),
                    ("j.reblog.quote", none),
                    ("j.reblog.quote.quoted_status", none),
                )
            ),
        )
        answered = "list_filter(mentioned, lambda x: x.id = parent_account_local)[1]"
        warned = "filled(replace(replace(warning, '&', '&amp;'), '<', '&lt;'))"
        return (
            f"""CREATE OR REPLACE TEMP TABLE statuses AS SELECT *,
                {_author("uri", "a")} AS account, {self.moment("written")} AS time,
                {self.moment("edited_written")} AS edited,
                concat_ws('<br><br>', {warned}, markup) AS text,
                CASE WHEN parent_account_local = a.id THEN {_author("uri", "a")}
                    ELSE {actor(f"({answered}).uri", f"({answered}).url")} END AS parent_account,
                CASE WHEN boosted IS NOT NULL THEN {_author("boosted", "boosted_a")} END AS boosted_account,
                CASE WHEN quoted IS NOT NULL THEN {_author("quoted", "quoted_a")} END AS quoted_account,
                list_transform(mentioned, lambda x: {actor("x.uri", "x.url")}) AS mentions,
                list_transform(tags, lambda x: {hashtag("x.name")}) AS hashtags
            FROM ({" UNION ALL ".join(every)})""",
            "INSERT INTO local SELECT DISTINCT id, uri, account FROM statuses"
            " WHERE id IS NOT NULL AND boosted IS NULL",
            "CREATE OR REPLACE TEMP TABLE originals AS SELECT * FROM statuses WHERE boosted IS NULL"
            " AND account IS NOT NULL AND coalesce(visibility, '') <> 'direct'"
            " QUALIFY row_number() OVER (PARTITION BY uri ORDER BY edited DESC NULLS LAST, n) = 1",
            "CREATE OR REPLACE TEMP TABLE people AS SELECT * FROM statuses WHERE account IS NOT NULL"
            " AND coalesce(visibility, '') <> 'direct' QUALIFY row_number() OVER (PARTITION BY account"
            " ORDER BY a.followers_count IS NULL, n DESC) = 1",
        )

    def selects(self) -> Mapping[str, str]:
        anchors = anchor_links("markup")
        address = "coalesce(a.url, account)"
        host = f"regexp_extract({address}, '^https?://([^/]+)', 1)"
        named = (
            "CASE WHEN contains(a.acct, '@') THEN a.acct"
            f" WHEN filled(a.acct) IS NOT NULL AND {host} <> '' THEN a.acct || '@' || {host}"
            f" ELSE coalesce({handle('account')}, filled(a.acct)) END"
        )
        observed = (
            observations(
                "people",
                "'fediverse:' || account",
                "account",
                self.received,
                {
                    # Where a server hides a count it is -1: known to be hidden, not zero.
                    metric: f"CASE WHEN a.{field} IS NOT NULL"
                    f" THEN coalesce(try_cast(a.{field} AS BIGINT), -1) END"
                    for metric, field in (
                        ("followers", "followers_count"),
                        ("following", "following_count"),
                        ("posts", "statuses_count"),
                    )
                },
            ),
            observations(
                "originals",
                "'fediverse:' || uri",
                "post",
                self.received,
                {metric: metric for metric in ("likes", "reposts", "replies", "quotes")},
            ),
        )
        post = columns(
            "posts",
            "originals",
            id="'fediverse:' || uri",
            network="'fediverse'",
            account="'fediverse:' || account",
            kind="CASE WHEN parent_local IS NOT NULL OR parent_account_local IS NOT NULL THEN 'reply'"
            " WHEN quoted IS NOT NULL THEN 'quote' ELSE 'post' END",
            time="time",
            text="clean(text)",
            lang="language(lang)",
            # The number of the parent is exchanged for its address in `finish` or `last`.
            parent="parent_local",
            parent_account="'fediverse:' || parent_account",
            quoted="'fediverse:' || quoted",
            quoted_account="'fediverse:' || quoted_account",
            url="coalesce(url, uri)",
            links=f"texts(list_append({anchors}, card))",
            hashtags="texts(hashtags)",
            mentions="list_transform(texts(mentions), lambda x: 'fediverse:' || x)",
            media="many(media)",
            version="coalesce(epoch_us(edited), 0)",
        )
        return {
            "posts": post,
            "accounts": columns(
                "accounts",
                "people",
                id="'fediverse:' || account",
                network="'fediverse'",
                handle=named,
                name="filled(a.display_name)",
                url="coalesce(filled(a.url), account)",
                description="filled(a.note)",
                kind="CASE WHEN a.group THEN 'group' WHEN a.bot THEN 'service' END",
                created_at=self.moment("a.created_at"),
                seen_at=self.received,
            ),
            "interactions": columns(
                "interactions",
                "statuses",
                "boosted IS NOT NULL AND account IS NOT NULL AND coalesce(visibility, '') <> 'direct'",
                id="'fediverse:' || uri",
                network="'fediverse'",
                kind="'repost'",
                actor="'fediverse:' || account",
                object="'fediverse:' || boosted",
                target="'fediverse:' || boosted_account",
                time="time",
            ),
            "observations": " UNION ALL ".join(observed),
        }

    def finish(self, tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
        tables["posts"] = _with_plain(tables["posts"], "text")
        tables["accounts"] = _with_plain(tables["accounts"], "description")
        posts = tables["posts"]
        waiting = pc.is_valid(posts["parent"])
        held = posts.filter(waiting)
        if held.num_rows:
            self.held.append(held)
        tables["posts"] = posts.filter(pc.invert(waiting))
        return tables

    def last(self) -> dict[str, pa.Table]:
        if not self.held:
            return {}
        self.con.register("held", pa.concat_tables(self.held))
        self.held = []
        return {
            "posts": self.con.sql(
                "SELECT held.* REPLACE ('fediverse:' || k.uri AS parent,"
                " coalesce('fediverse:' || k.account, parent_account) AS parent_account) FROM held"
                " LEFT JOIN (SELECT id, any_value(uri) AS uri, any_value(account) AS account"
                " FROM local GROUP BY 1) k"
                " ON k.id = held.parent"
            ).to_arrow_table()
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
            repeated(
                "SELECT n, (uri, edited) AS id FROM statuses WHERE given AND boosted IS NULL"
                " AND account IS NOT NULL AND coalesce(visibility, '') <> 'direct'"
            ),
            Check(
                "row.private",
                T("A direct message is nobody else's business, and was left out."),
                "visibility = 'direct'",
                "statuses",
            ),
        )


def _with_plain(table: pa.Table, column: str) -> pa.Table:
    place = table.schema.get_field_index(column)
    return table.set_column(place, column, plain_texts(table[column]))


class Mastodon(JsonFormat):
    """Statuses with their boosts and quotes: an array, lines, one object, a search, a thread, notifications.

    Replies name their parent by a number of one server; it is exchanged for
    the parent's address where the same file holds it, and is null otherwise.
    """

    name = "mastodon"
    title = "Mastodon status JSON"
    markers = (
        (r'"(reblogs_count|spoiler_text|in_reply_to_account_id|media_attachments)"\s*:', 0.5),
        (r'"(reblog|favourites_count|display_name|acct)"\s*:', 0.2),
        (r'"account"\s*:\s*\{', 0.2),
        (r'"uri"\s*:\s*"https?:', 0.2),
    )
    reading = _Statuses
