"""ActivityStreams 2.0: activities, notes and their collections, as ActivityPub servers write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pyarrow as pa

from entregent.i18n import T
from entregent.sources.files.fediverse import actor, anchor_links, handle, hashtag
from entregent.sources.files.json_format import JsonFormat
from entregent.sources.files.markup import plain_texts
from entregent.sources.files.reading import Check, Reading, columns, observations, repeated, structure_sql

__all__ = ["ActivityStreams"]

_PUBLISHED = (
    "Note",
    "Article",
    "Question",
    "Page",
    "Video",
    "Image",
    "Audio",
    "Event",
    "Document",
    "ChatMessage",
)
_ACTORS = ("Person", "Service", "Organization", "Group", "Application")
_NOTE: dict[str, Any] = {
    **dict.fromkeys(("id", "content", "summary", "name", "published", "updated"), "VARCHAR"),
    **dict.fromkeys(("quote", "quoteUrl", "quoteUri", "_misskey_quote"), "VARCHAR"),
    **dict.fromkeys(
        ("type", "actor", "attributedTo", "url", "inReplyTo", "tag", "attachment", "to", "cc"), "JSON"
    ),
    **dict.fromkeys(("contentMap", "nameMap"), "JSON"),
    **{field: {"totalItems": "BIGINT"} for field in ("likes", "shares", "replies")},
    "preferredUsername": "VARCHAR",
}
_TAG = [dict.fromkeys(("type", "name", "href"), "VARCHAR")]

_MACROS = (
    # A reference is an address, an object with an id (or, for links, an href), or a list of those.
    "CREATE OR REPLACE TEMP MACRO one(x) AS CASE json_type(x) WHEN 'VARCHAR' THEN filled(x->>'$')"
    " WHEN 'OBJECT' THEN coalesce(filled(x->>'$.id'), filled(x->>'$.href'))"
    " WHEN 'ARRAY' THEN coalesce(filled(x->>'$[0].id'), filled(x->>'$[0].href'),"
    " CASE WHEN json_type(x, '$[0]') = 'VARCHAR' THEN filled(x->>'$[0]') END) END",
    "CREATE OR REPLACE TEMP MACRO listed(x) AS CASE json_type(x) WHEN 'ARRAY' THEN x"
    " WHEN 'OBJECT' THEN json_array(x) WHEN 'VARCHAR' THEN json_array(x) END",
    "CREATE OR REPLACE TEMP MACRO kind_of(x) AS CASE json_type(x) WHEN 'VARCHAR' THEN regexp_replace(x->>'$',"
    " '^(as:|https://www.w3.org/ns/activitystreams#)', '') WHEN 'ARRAY' THEN x->>'$[0]' END",
    "CREATE OR REPLACE TEMP MACRO page(x) AS coalesce(CASE WHEN json_type(x) = 'ARRAY' THEN"
    ' list_filter(from_json(x, \'[{"mediaType":"VARCHAR","href":"VARCHAR"}]\'),'
    " lambda y: y.mediaType = 'text/html')[1].href END, one(x))",
)


class _Activities(Reading):
    structure: ClassVar[Any] = {**_NOTE, "object": "JSON", "target": "JSON"}
    accepted = (
        "kind_of(j.type) IN"
        " ('Create', 'Update', 'Announce', 'Like', 'EmojiReact', 'Follow', 'Delete', 'Undo')"
        " AND j.object IS NOT NULL"
        f" OR kind_of(j.type) IN {_PUBLISHED} AND filled(j.id) IS NOT NULL"
        f" OR kind_of(j.type) IN {_ACTORS} AND filled(j.id) IS NOT NULL"
    )
    types: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("$.id", "$.content", "$.summary", "$.name", "$.published", "$.updated"), "text"),
        **dict.fromkeys(("$.contentMap",), "object"),
        **dict.fromkeys(
            ("$.object.id", "$.object.content", "$.object.published", "$.object.updated"), "text"
        ),
        "$.object.summary": "text",
        "$.object.contentMap": "object",
    }
    wrappers = ("orderedItems", "items", "first", "next")

    def parse(self, values: Any) -> None:
        for macro in _MACROS:
            self.con.execute(macro).fetchall()
        super().parse(values)

    def raw_id(self) -> str:
        return (
            "'fediverse:' || CASE WHEN kind_of(j.type) IN ('Create', 'Update')"
            " THEN coalesce(one(j.object), j.id)"
            " ELSE j.id END"
        )

    def steps(self) -> Sequence[str]:
        note = structure_sql(_NOTE)
        public = (
            "(o.to IS NULL AND o.cc IS NULL OR"
            " regexp_matches(concat(o.to::VARCHAR, o.cc::VARCHAR),"
            " '#Public|as:Public|\"Public\"|/followers'))"
        )
        content = "coalesce(filled(o.content), map_values(c)[1])"
        return (
            f"""CREATE OR REPLACE TEMP TABLE acts AS SELECT i, n, j.* EXCLUDE (i, n, id),
                kind_of(j.type) AS k, filled(j.id) AS id,
                one(coalesce(j.actor, j.attributedTo)) AS who, one(j.object) AS what,
                j.published AS written, {self.moment("j.published")} AS time FROM parsed j""",
            f"""CREATE OR REPLACE TEMP TABLE notes AS
            WITH every AS (
                SELECT n, k AS act, from_json(j.object, '{note}') AS o, who, j.published AS act_written
                    FROM acts j
                    WHERE k IN ('Create', 'Update') AND json_type(j.object) = 'OBJECT'
                UNION ALL SELECT n, 'Announce', from_json(j.object, '{note}'), NULL, NULL FROM acts j
                    WHERE k IN ('Announce', 'Like') AND json_type(j.object) = 'OBJECT'
                        AND json_exists(j.object, '$.content')
                UNION ALL SELECT acts.n, NULL, from_json(l, '{note}'), NULL, NULL FROM acts
                    JOIN lines USING (i)
                    WHERE k IN {_PUBLISHED})
            SELECT n, act, o, kind_of(o.type) AS k, filled(o.id) AS id,
                coalesce(one(o.attributedTo), one(o.actor), who) AS account,
                try_cast(o.contentMap AS MAP(VARCHAR, VARCHAR)) AS c, {public} AS public,
                coalesce(filled(o.published), act_written) AS written,
                {self.moment("coalesce(filled(o.published), act_written)")} AS time,
                    {self.moment("o.updated")} AS edited,
                coalesce(from_json(listed(o.tag), '{structure_sql(_TAG)}'), []) AS tags,
                coalesce(filled(o.quote), filled(o.quoteUrl), filled(o.quoteUri),
                    filled(o._misskey_quote)) AS quoted
            FROM every WHERE kind_of(o.type) IN {_PUBLISHED}""",
            f"""CREATE OR REPLACE TEMP TABLE originals AS
            SELECT *, {content} AS markup FROM notes
            WHERE id IS NOT NULL AND account IS NOT NULL AND public
            QUALIFY row_number() OVER (PARTITION BY id ORDER BY edited DESC NULLS LAST, act = 'Update' DESC,
                n) = 1""",
            "CREATE OR REPLACE TEMP TABLE authors AS"
            " SELECT id, any_value(account) AS account FROM notes GROUP BY 1",
            """CREATE OR REPLACE TEMP TABLE people AS
            SELECT address, max(n) AS n FROM (
                SELECT account AS address, n FROM originals
                UNION ALL SELECT who, n FROM acts WHERE k IN ('Announce', 'Like', 'Follow'))
            WHERE address IS NOT NULL GROUP BY 1""",
        )

    def selects(self) -> Mapping[str, str]:
        anchors = anchor_links("markup")
        parent = "one(o.inReplyTo)"

        def tagged(kind: str, value: str) -> str:
            return f"list_transform(list_filter(tags, lambda x: x.type = '{kind}'), lambda x: {value})"

        mentioned = tagged("Mention", actor("NULL", "x.href"))
        titled = "k IN ('Article', 'Video', 'Event', 'Page')"
        body = (
            f"concat_ws('<br><br>', filled(CASE WHEN {titled} THEN o.name END),"
            f" filled(CASE WHEN NOT {titled} THEN o.summary END),"
            f" coalesce(markup, CASE WHEN NOT {titled} THEN o.name END))"
        )
        made = (
            "coalesce(a.id, concat('~', md5(concat_ws(chr(31), 'fediverse', a.who, {0}, a.what,"
            " coalesce(epoch_us(a.time)::VARCHAR, '')))))"
        )
        observed = observations(
            "originals",
            "'fediverse:' || id",
            "post",
            self.received,
            {
                "likes": "o.likes.totalItems",
                "reposts": "o.shares.totalItems",
                "replies": "o.replies.totalItems",
            },
        )
        acted = "acts a LEFT JOIN authors w ON w.id = a.what"
        return {
            "posts": columns(
                "posts",
                "originals LEFT JOIN authors p ON p.id = one(originals.o.inReplyTo)"
                " LEFT JOIN authors q ON q.id = quoted",
                id="'fediverse:' || originals.id",
                network="'fediverse'",
                account="'fediverse:' || originals.account",
                kind=f"CASE WHEN {parent} IS NOT NULL THEN 'reply'"
                " WHEN quoted IS NOT NULL THEN 'quote' ELSE 'post' END",
                time="time",
                text=f"clean({body})",
                lang="language(coalesce(list_filter(map_entries(c), lambda x: x.value = o.content)[1].key,"
                " map_keys(c)[1]))",
                parent=f"'fediverse:' || {parent}",
                parent_account="'fediverse:' || p.account",
                quoted="'fediverse:' || quoted",
                quoted_account="'fediverse:' || q.account",
                url="coalesce(page(o.url), originals.id)",
                links=f"texts({anchors})",
                hashtags=f"texts({tagged('Hashtag', hashtag('x.name'))})",
                mentions=f"list_transform(texts({mentioned}), lambda x: 'fediverse:' || x)",
                media="many(from_json(listed(o.attachment), '[\"JSON\"]'))",
                version="coalesce(epoch_us(edited), 0)",
            ),
            "accounts": " UNION ALL ".join(
                (
                    columns(
                        "accounts",
                        "people",
                        f"address NOT IN (SELECT id FROM acts WHERE k IN {_ACTORS} AND id IS NOT NULL)",
                        id="'fediverse:' || address",
                        network="'fediverse'",
                        handle=handle("address"),
                        url="address",
                        seen_at=self.received,
                    ),
                    columns(
                        "accounts",
                        "acts j",
                        f"k IN {_ACTORS}",
                        id="'fediverse:' || id",
                        network="'fediverse'",
                        handle="coalesce(filled(j.preferredUsername) || '@'"
                        " || regexp_extract(id, '^https?://([^/]+)', 1),"
                        f" {handle('id')})",
                        name="filled(j.name)",
                        url="coalesce(page(j.url), id)",
                        description="filled(j.summary)",
                        kind="lower(k)",
                        created_at=self.moment("j.published"),
                        seen_at=self.received,
                    ),
                )
            ),
            "interactions": " UNION ALL ".join(
                columns(
                    "interactions",
                    acted,
                    f"a.k IN {kinds} AND a.who IS NOT NULL AND a.what IS NOT NULL",
                    id=f"'fediverse:' || {made.format(repr(kind))}",
                    network="'fediverse'",
                    kind=f"'{kind}'",
                    actor="'fediverse:' || a.who",
                    object="NULL" if kind == "follow" else "'fediverse:' || a.what",
                    target="'fediverse:' || " + ("a.what" if kind == "follow" else "w.account"),
                    time="a.time",
                )
                for kind, kinds in (
                    ("repost", "('Announce', '')"),
                    ("like", "('Like', 'EmojiReact')"),
                    ("follow", "('Follow', '')"),
                )
            ),
            "observations": observed,
            "tombstones": " UNION ALL ".join(
                (
                    columns(
                        "tombstones",
                        "acts j",
                        "k = 'Delete' AND what IS NOT NULL AND what IS DISTINCT FROM who",
                        id="'fediverse:' || what",
                        kind="'post'",
                        time="time",
                    ),
                    columns(
                        "tombstones",
                        "acts j",
                        "k = 'Undo' AND what IS NOT NULL",
                        id="'fediverse:' || what",
                        kind="'interaction'",
                        time="time",
                    ),
                )
            ),
        }

    def finish(self, tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
        for table, column in (("posts", "text"), ("accounts", "description")):
            place = tables[table].schema.get_field_index(column)
            tables[table] = tables[table].set_column(place, column, plain_texts(tables[table][column]))
        return tables

    def checks(self) -> Sequence[Check]:
        return (
            repeated(
                "SELECT n, (id, edited) AS id FROM notes"
                " WHERE id IS NOT NULL AND account IS NOT NULL AND public AND act IS DISTINCT FROM 'Announce'"
                " AND act IS DISTINCT FROM 'Update'"
            ),
            Check(
                "row.incomplete",
                T("An activity that only names a post, without its text, was left out."),
                "k IN ('Create', 'Update') AND json_type(j.object) <> 'OBJECT'",
                "acts j",
            ),
            Check(
                "row.incomplete",
                T("A post without an id or an author was left out."),
                "id IS NULL OR account IS NULL",
                "notes",
            ),
            Check(
                "row.incomplete",
                T("An act that does not say by whom or on what was left out."),
                "k IN ('Announce', 'Like', 'EmojiReact', 'Follow', 'Delete', 'Undo') AND (what IS NULL"
                " OR who IS NULL AND k NOT IN ('Delete', 'Undo'))",
                "acts j",
            ),
            Check(
                "row.private",
                T("A direct message is nobody else's business, and was left out."),
                "NOT public",
                "notes",
            ),
            Check(
                "time.impossible",
                T("A date that cannot be was left out."),
                "time IS NULL AND written IS NOT NULL",
                "notes",
            ),
            Check("time.missing", T("A post has no date."), "written IS NULL", "notes"),
        )


class ActivityStreams(JsonFormat):
    """Create, Update, Announce, Like, Follow, Delete, Undo; bare notes and actors; collections and outboxes.

    The author of what an act is on is known where the same batch holds it.
    An ``Undo`` deletes the act it names, whatever that was.
    """

    name = "activitystreams"
    title = "ActivityStreams 2.0 JSON"
    markers = (
        (r'"@context"\s*:', 0.2),
        (r'"https://www\.w3\.org/ns/activitystreams', 0.4),
        (
            r'"type"\s*:\s*\[?\s*"(Create|Announce|Like|Follow|Delete|Update|Undo|OrderedCollection(Page)?|Collection(Page)?)"',
            0.5,
        ),
        (r'"type"\s*:\s*\[?\s*"(Note|Article|Question|Person|Service)"', 0.3),
        (r'"(attributedTo|orderedItems|inReplyTo|contentMap|actor)"\s*:', 0.2),
    )
    reading = _Activities
