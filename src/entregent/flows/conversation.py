"""From files to the conversation under study: read, keep what is on topic and in the period.

The archive's views hold everything that was read. This module lays three
tables beside them, in a schema of their own that is searched first:

``study.posts``
    On-topic posts of the period, without their texts, language completed.
``study.interactions``
    Acts of the period on those posts, or on what no post is known of.
``study.acts``
    The voluntary ones among them that have a known author at the other end
    (or, for accounts, are follows): who listens to whom.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from entregent.clock import Period
from entregent.errors import InputError
from entregent.flows.request import StudyRequest
from entregent.i18n import N, T
from entregent.listening.atoms import Field
from entregent.listening.query import Query
from entregent.progress import Progress, check
from entregent.records import TABLES
from entregent.results import InputFile, Notice, merge_notices
from entregent.sources.files import Files
from entregent.sources.files.format import Options
from entregent.store.archive import Archive
from entregent.store.suppression import Suppression
from entregent.store.views import period_condition
from entregent.text.language import detect

__all__ = ["Collected", "collect", "everybody", "narrow"]

VOLUNTARY = ("repost", "quote", "reply", "mention", "share")
ROWS_AT_ONCE = 100_000
MOST_CAUSES = 5


@dataclass(frozen=True)
class Collected:
    """What came in: files with digests, and what readers must know of them."""

    files: tuple[InputFile, ...]
    notices: tuple[Notice, ...]
    rows: int


def collect(
    archive: Archive, request: StudyRequest, options: Options, erased: Suppression, progress: Progress
) -> Collected:
    """Read everything that was asked for into the archive, erased people left out."""
    source = Files(request.paths, format=request.format, options=options, stdin=request.stdin)
    files: list[InputFile] = []
    notices: list[Notice] = []
    rows = again = 0
    for batch in source.batches(None, progress):
        check(progress)
        admitted = erased.admit({table: getattr(batch, table) for table in TABLES})
        appended = archive.append(replace(batch, **admitted))
        again += appended.duplicate["posts"] + appended.duplicate["interactions"]
        rows += batch.rows
        files += batch.finished
        notices = list(merge_notices((*notices, *batch.notices)))
    if again:
        notices.append(
            Notice(
                "record.duplicate",
                N(
                    "A record that was already there was left out",
                    "Records that were already there were left out",
                    again,
                ),
                again,
            )
        )
    return Collected(tuple(files), tuple(notices), rows)


def _read_texts(con: duckdb.DuckDBPyConnection, topic: Query | None, progress: Progress) -> pa.Table:
    """Return id, whether on topic, and detected language of posts where either is asked of the text."""
    ids, hits, langs = [], [], []
    for batch in con.sql(_readable_posts(topic)).to_arrow_reader(ROWS_AT_ONCE):
        check(progress)
        chunk = pa.Table.from_batches([batch])
        texts, declared = chunk.column("text"), chunk.column("lang")
        unknown = pc.and_(declared.is_null(), texts.is_valid())
        found = pa.array(detect(texts.filter(unknown).to_pylist()), pa.string())
        guess = pc.replace_with_mask(pa.nulls(len(texts), pa.string()), unknown.combine_chunks(), found)
        langs.append(guess)
        ids.append(chunk.column("id"))
        if topic is None:
            hits.append(pa.array(np.ones(len(texts), bool)))
        elif _asks_fields(topic):
            place = chunk.column_names.index("lang")
            hits.append(topic.match_table(chunk.set_column(place, "lang", pc.coalesce(declared, guess))))
        else:
            hits.append(topic.match_table(texts))
        progress.advance(len(texts))
    columns = {
        "id": pa.chunked_array([part for column in ids for part in column.chunks], pa.string()),
        "on_topic": pa.chunked_array(hits, pa.bool_()),
        "found": pa.chunked_array(langs, pa.string()),
    }
    return pa.table(columns)


def _asks_fields(topic: Query) -> bool:
    return any(isinstance(atom, Field) for atom in topic.atoms)


def _readable_posts(topic: Query | None) -> str:
    """Return SQL of the posts to read, with the columns that are asked of them."""
    if topic is None:
        return "SELECT id, text, lang FROM main.posts WHERE text IS NOT NULL AND lang IS NULL"
    if not _asks_fields(topic):
        return "SELECT id, text, lang FROM main.posts WHERE text IS NOT NULL"
    return """
        SELECT p.id, p.text, p.lang, p.network, p.kind, p.account, a.handle, p.hashtags, p.mentions,
               p.links, p.media, f.value AS followers
        FROM main.posts p LEFT JOIN main.accounts a ON a.id = p.account
        LEFT JOIN main.latest_observations f
            ON f.subject = p.account AND f.subject_kind = 'account' AND f.metric = 'followers'
        """


def narrow(
    con: duckdb.DuckDBPyConnection,
    request: StudyRequest,
    topic: Query | None,
    progress: Progress,
    found: tuple[Notice, ...] = (),
) -> tuple[Notice, ...]:
    """Lay the tables of the study beside the archive's views.

    `found` is what reading warned of: where nothing is left, the error tells it.

    Raises
    ------
    InputError
        Where nothing is left to study.
    """
    progress.step("Reading texts", None, "posts")
    texts_read = _read_texts(con, topic, progress)
    con.register("texts_read", texts_read)
    con.sql("CREATE SCHEMA study")
    con.sql(
        f"""
        CREATE TABLE study.posts AS
        SELECT p.id, p.network, p.account, p.kind, p.time, coalesce(p.lang, r.found) AS lang,
               p.lang IS NULL AND r.found IS NOT NULL AS lang_detected, p.parent, p.parent_account,
               p.quoted, p.quoted_account, p.links, p.hashtags, p.mentions
        FROM main.posts p LEFT JOIN texts_read r USING (id)
        WHERE {"coalesce(r.on_topic, false)" if topic else "true"}
          AND {period_condition(request.period, "p.time")}
        """
    )
    kept_objects = (
        "i.object IN (SELECT id FROM study.posts) OR "
        "(i.object IS NULL AND regexp_replace(i.id, '#mention:.*$', '') IN (SELECT id FROM study.posts))"
        if topic
        else "true"
    )
    con.sql(
        f"""
        CREATE TABLE study.interactions AS
        SELECT i.* FROM main.interactions i
        WHERE (i.kind = 'follow' AND {_until(request.period)})
           OR (i.kind <> 'follow' AND {period_condition(request.period, "i.time")} AND ({kept_objects}))
        """
    )
    kinds = ", ".join(f"'{kind}'" for kind in VOLUNTARY)
    con.sql(
        f"""
        CREATE TABLE study.acts AS
        SELECT actor, target, object, kind, time FROM study.interactions
        WHERE kind IN ({kinds}) AND target IS NOT NULL AND actor <> target
        """
    )
    con.sql("SET search_path = 'study,main'")
    con.unregister("texts_read")
    return _what_is_left(con, request, found)


def _until(period: Period) -> str:
    # Who followed whom before the period still matters in it; most networks give follows no time.
    return f"(i.time IS NULL OR {period_condition(Period(None, period.end), 'i.time')})"


def _what_is_left(
    con: duckdb.DuckDBPyConnection, request: StudyRequest, found: tuple[Notice, ...]
) -> tuple[Notice, ...]:
    ((posts, acts, all_posts, first, last),) = con.sql(
        """
        SELECT (SELECT count(*) FROM study.posts),
               (SELECT count(*) FROM study.interactions WHERE kind <> 'follow'),
               (SELECT count(*) FROM main.posts), (SELECT min(time)::VARCHAR FROM main.posts),
               (SELECT max(time)::VARCHAR FROM main.posts)
        """
    ).fetchall()
    if posts == 0 and acts == 0:
        if all_posts:
            wanted = [f"topic {request.topic!r}"] if request.topic else []
            if request.period != Period():
                wanted.append("the period asked for")
            raise InputError(
                f"None of the {all_posts} posts that were read match {' and '.join(wanted) or 'the request'}."
                f" They date from {first} to {last}.",
                do="Widen --topic, --since or --until.",
            )
        causes = "; ".join(
            f"{notice.text} ({', first: '.join((f'{notice.count} x', *notice.where[:1]))})"
            for notice in found[:MOST_CAUSES]
        )
        raise InputError(
            "The files hold no post and no act on a post." + (f" {causes}" if causes else ""),
            do="Check --format and --map.",
        )
    untimed = con.sql(
        "SELECT count(*) FROM main.posts WHERE time IS NULL UNION ALL "
        "SELECT count(*) FROM main.interactions WHERE time IS NULL AND kind <> 'follow'"
    ).fetchall()
    without = sum(row[0] for row in untimed)
    if without and request.period != Period():
        return (
            Notice(
                "period.without_time",
                T("Records without a time were left out, since a period was asked for"),
                without,
            ),
        )
    return ()


def everybody(con: duckdb.DuckDBPyConnection) -> list[str]:
    """Return the ids of all accounts that a study can name."""
    rows = con.sql(
        """
        SELECT DISTINCT unnest([account, parent_account, quoted_account] || coalesce(mentions, [])) AS id
        FROM study.posts
        UNION SELECT actor FROM study.interactions UNION SELECT target FROM study.interactions
        UNION SELECT p.account FROM main.posts p JOIN study.interactions i ON i.object = p.id
        """
    ).fetchall()
    return sorted(row[0] for row in rows if row[0] is not None)
