"""Bluesky Jetstream: events of the AT Protocol as JSON lines.

Most events are likes and reposts, which need few fields: all events go
through one small structure, and those that hold more through a second one.
Each is one statement from text to Arrow, without a table in between.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from entregent.i18n import T
from entregent.records import schema
from entregent.sources.files.json_format import JsonFormat
from entregent.sources.files.reading import Check, Reading, columns, structure_sql
from entregent.sources.files.values import Values

__all__ = ["Jetstream"]

_LINKED = {"uri": "VARCHAR"}
_POST = "app.bsky.feed.post"
_COLLECTIONS = {
    "app.bsky.feed.like": "like",
    "app.bsky.feed.repost": "repost",
    "app.bsky.graph.follow": "follow",
    _POST: "post",
    "app.bsky.actor.profile": "profile",
}
_LAST_MICROSECOND = 4_102_444_800_000_000
_EVENT: dict[str, Any] = {
    "did": "VARCHAR",
    "time_us": "BIGINT",
    "kind": "VARCHAR",
    "account": {"status": "VARCHAR"},
    "commit": {
        **dict.fromkeys(("operation", "collection", "rkey"), "VARCHAR"),
        "record": {"createdAt": "VARCHAR", "subject": _LINKED},
    },
}
_DETAILS: dict[str, Any] = {
    "did": "VARCHAR",
    "time_us": "BIGINT",
    "identity": {"handle": "VARCHAR"},
    "commit": {
        "operation": "VARCHAR",
        "rkey": "VARCHAR",
        "record": {
            **dict.fromkeys(("text", "displayName", "description", "createdAt"), "VARCHAR"),
            "langs": ["VARCHAR"],
            "tags": ["VARCHAR"],
            "reply": {"root": _LINKED, "parent": _LINKED},
            "facets": [{"features": [{"tag": "VARCHAR", "uri": "VARCHAR", "did": "VARCHAR"}]}],
            "embed": {
                "external": _LINKED,
                "images": ["JSON"],
                "video": "JSON",
                "record": {"uri": "VARCHAR", "record": _LINKED},
                "media": {"external": _LINKED, "images": ["JSON"], "video": "JSON"},
            },
        },
    },
}
_FOLLOWED = {"commit": {"record": {"subject": "VARCHAR"}}}


def _author(uri: str) -> str:
    return f"'bluesky:' || filled(split_part({uri}, '/', 3))"


class _Events(Reading):
    structure: ClassVar[Any] = _EVENT
    accepted = "known"
    types: ClassVar[Mapping[str, str]] = {
        "$.commit.record.text": "text",
        "$.commit.record.createdAt": "text",
        "$.commit.record.langs": "list",
        "$.commit.record.tags": "list",
        "$.commit.record.facets": "list",
        "$.commit.record.reply": "object",
        "$.commit.record.embed": "object",
        "$.commit.record.displayName": "text",
        "$.commit.record.description": "text",
        "$.identity.handle": "text",
    }
    typed_lines = "(SELECT i, l FROM posted UNION ALL SELECT i, l FROM people)"

    def parse(self, values: Values) -> None:
        self.con.register(
            "lines", pa.table({"i": np.arange(len(values)), "n": values.numbers, "l": values.texts})
        )
        kinds = " ".join(f"WHEN '{collection}' THEN '{kind}'" for collection, kind in _COLLECTIONS.items())
        moment = (
            "CASE WHEN ends_with(written, 'Z') THEN try_cast(written AS TIMESTAMP)"
            " ELSE try_cast(written AS TIMESTAMPTZ) AT TIME ZONE 'UTC' END"
        )
        # Jetstream's own clock bounds the one of the client, which anybody may set.
        believed = f"possible({moment}, TIMESTAMP '2006-01-01', make_timestamp(us + 86400000000))"
        own = f"possible(make_timestamp(us), TIMESTAMP '2006-01-01', {self.latest} AT TIME ZONE 'UTC')"
        self.events = self.con.sql(f"""
            SELECT i, n, known, act, done, keyless, us, written IS NULL AS undated,
                believed IS NULL AS doubted,
                coalesce(CASE WHEN done <> 'delete' THEN believed END, own) AS time, own AS arrived,
                CASE WHEN act NOT IN ('profile', 'gone')
                    THEN concat('bluesky:at://', did, '/', collection, '/', rkey) END AS id,
                'bluesky:' || did AS actor, 'bluesky:' || aim AS object,
                {_author("aim")} AS target
            FROM (SELECT *, {believed} AS believed, {own} AS own FROM
                (SELECT *, CASE kind WHEN 'identity' THEN 'identity'
                        WHEN 'account' THEN CASE status WHEN 'deleted' THEN 'gone' END WHEN 'commit' THEN
                        CASE WHEN rkey <> '' AND operation IN ('create', 'update', 'delete')
                        THEN CASE collection {kinds} END END END AS act,
                    operation AS done, kind = 'commit' AND (operation IS NULL OR collection IS NULL
                        OR rkey IS NULL OR rkey = '') AS keyless,
                    kind IN ('commit', 'identity', 'account') AND starts_with(did, 'did:') AND us IS NOT NULL
                        OR kind = 'heartbeat' AS known,
                    CASE WHEN starts_with(subject, 'at://') THEN subject END AS aim
                FROM (SELECT i, n, j.did AS did, j.kind AS kind, j.account.status AS status,
                        j.commit.operation AS operation,
                        CASE WHEN j.time_us BETWEEN 1 AND {_LAST_MICROSECOND} THEN j.time_us END AS us,
                        j.commit.collection AS collection, j.commit.rkey AS rkey,
                        j.commit.record.createdAt AS written, j.commit.record.subject.uri AS subject
                    FROM (SELECT i, n, from_json(l, '{self.expected}') AS j FROM lines))))
        """).to_arrow_table()
        self.con.register("parsed", self.events)
        made = pc.fill_null(pc.not_equal(self.events["done"], "delete"), True)
        wanted = ("i", "act", "done", "id", "actor", "time", "arrived", "us")
        for table, kinds_in in (
            ("posted", ["post"]),
            ("people", ["profile", "identity"]),
            ("followed", ["follow"]),
        ):
            mask = pc.and_(made, pc.is_in(self.events["act"], pa.array(kinds_in))).combine_chunks()
            part = self.events.select(wanted).filter(mask)
            self.con.register(table, part.append_column("l", values.texts.filter(mask)))

    def raw_id(self) -> str:
        return "CASE WHEN act = 'identity' THEN actor WHEN done <> 'delete' THEN coalesce(id, actor) END"

    def selects(self) -> Mapping[str, str]:
        def detailed(source: str, structure: Any) -> str:
            return f"(SELECT *, from_json(l, '{structure_sql(structure)}') AS d FROM {source})"

        r = "d.commit.record"
        features = f"flatten(list_transform({r}.facets, lambda f: coalesce(f.features, [])))"

        def listed(field: str, more: str, none: str) -> str:
            # Most posts have neither, and list functions are slow even on nothing.
            return (
                f"CASE WHEN {r}.facets IS NULL AND {none} THEN [] ELSE"
                f" texts(list_concat(list_transform({features}, lambda x: x.{field}), {more})) END"
            )

        parent, root = f"filled({r}.reply.parent.uri)", f"filled({r}.reply.root.uri)"
        linked = f"coalesce(filled({r}.embed.record.uri), {r}.embed.record.record.uri)"
        quoted = f"CASE WHEN contains({linked}, '/{_POST}/') THEN {linked} END"
        external = f"coalesce({r}.embed.external.uri, {r}.embed.media.external.uri)"
        page = "concat('https://bsky.app/profile/', actor[9:])"
        return {
            "posts": columns(
                "posts",
                detailed("posted", _DETAILS),
                id="id",
                network="'bluesky'",
                account="actor",
                kind=f"CASE WHEN {parent} IS NOT NULL THEN 'reply'"
                f" WHEN {quoted} IS NOT NULL THEN 'quote' ELSE 'post' END",
                time="time",
                text=f"clean({r}.text)",
                lang=f"language({r}.langs[1])",
                parent=f"'bluesky:' || {parent}",
                parent_account=_author(parent),
                root=f"'bluesky:' || {root}",
                quoted=f"'bluesky:' || ({quoted})",
                quoted_account=_author(f"({quoted})"),
                url="concat('https://bsky.app/profile/', actor[9:], '/post/', split_part(id, '/', -1))",
                links=listed("uri", f"[{external}]", f"{external} IS NULL"),
                hashtags=listed("tag", f"{r}.tags", f"{r}.tags IS NULL"),
                mentions=f"list_transform({listed('did', '[]', 'true')}, lambda x: 'bluesky:' || x)",
                media=f"many(coalesce({r}.embed.images, {r}.embed.media.images))"
                f" + (coalesce({r}.embed.video, {r}.embed.media.video) IS NOT NULL)::INT",
                version="CASE done WHEN 'update' THEN us ELSE 0 END",
            ),
            "accounts": columns(
                "accounts",
                detailed("people", _DETAILS),
                id="actor",
                network="'bluesky'",
                handle="CASE WHEN d.identity.handle <> 'handle.invalid' THEN filled(d.identity.handle) END",
                name=f"filled({r}.displayName)",
                url=page,
                description=f"filled({r}.description)",
                seen_at="arrived",
            ),
            "interactions": columns(
                "interactions",
                f"(SELECT *, {r}.subject AS who FROM {detailed('followed', _FOLLOWED)})",
                "starts_with(who, 'did:')",
                id="id",
                network="'bluesky'",
                kind="'follow'",
                actor="actor",
                target="'bluesky:' || who",
                time="time",
            ),
            "tombstones": columns(
                "tombstones",
                "parsed",
                "act = 'gone' OR done = 'delete' AND id IS NOT NULL",
                id="CASE act WHEN 'gone' THEN actor ELSE id END",
                kind="CASE act WHEN 'gone' THEN 'account' WHEN 'post' THEN 'post' ELSE 'interaction' END",
                time="arrived",
            ),
        }

    def finish(self, tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
        events = self.events
        mask = pc.and_(pc.is_in(events["act"], pa.array(["like", "repost"])), pc.is_valid(events["object"]))
        acts = events.filter(mask)
        expected = schema("interactions")
        acts = acts.append_column("network", pa.repeat("bluesky", len(acts))).rename_columns({"act": "kind"})
        tables["interactions"] = pa.concat_tables(
            [acts.select(expected.names).cast(expected), tables["interactions"].cast(expected)]
        )
        return tables

    def checks(self) -> Sequence[Check]:
        acted = "act IN ('like', 'repost', 'follow', 'post') AND done <> 'delete'"
        return (
            Check(
                "time.impossible",
                T("A date that cannot be was replaced by the date of arrival at Bluesky."),
                f"doubted AND NOT undated AND {acted}",
            ),
            Check(
                "time.missing",
                T("A missing date was replaced by the date of arrival at Bluesky."),
                f"undated AND {acted}",
            ),
            Check(
                "row.incomplete",
                T("An act that does not say on what was left out."),
                "object IS NULL AND act IN ('like', 'repost') AND done <> 'delete'",
            ),
            Check("row.incomplete", T("A commit without a key was left out."), "keyless"),
        )


class Jetstream(JsonFormat):
    """Commits (posts, reposts, likes, follows, profiles), identities, accounts that were deleted.

    Other collections are passed over.

    Ids are AT-URIs. The author of what an act is on stands in its URI.
    """

    name = "jetstream"
    title = "Bluesky Jetstream JSON lines"
    markers = (
        (r'"did"\s*:\s*"did:', 0.5),
        (r'"time_us"\s*:\s*\d', 0.4),
        (r'"kind"\s*:\s*"(commit|identity|account)"', 0.3),
    )
    reading = _Events
