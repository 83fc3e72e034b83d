"""The stored past, as a watch sees it: which posts it matches, when, and what was not heard."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from entregent.clock import Period, from_micros, to_micros
from entregent.listening.alerts import Rule
from entregent.listening.atoms import Candidate, Field
from entregent.listening.columns import candidates_of
from entregent.listening.match import word_shares
from entregent.listening.query import Query, parse
from entregent.listening.series import Series, count_slots
from entregent.records import Gap, schema
from entregent.store import watches
from entregent.store.archive import Archive
from entregent.store.state import State
from entregent.store.watches import SLOT, Watch

__all__ = [
    "HISTORY",
    "SLOT_TIME",
    "Past",
    "aligned",
    "compiled",
    "fill",
    "latest_matches",
    "matched_times",
    "past_of",
    "posts_of",
    "recent_hashtags",
    "rule_of",
    "series_of",
    "shares_of",
    "silences",
    "spans_of",
    "stored_post",
]

HISTORY = timedelta(weeks=10)
"""How far back a watch is compared with itself: eight weeks, a week before them, and room."""

SLOT_TIME = timedelta(microseconds=SLOT)
_SILENT_SLOTS = 144
_SAMPLE = 20_000
_CAUSES = ("id", "account", "time", "text", "hashtags", "links", "parent", "quoted", "root")


def compiled(query: str, lang: str | None = None, *, name: str = "query") -> Query:
    """Understand the query of a watch, with its language.

    Parameters
    ----------
    query : str
    lang : str, optional
        Only posts of this language.
    name : str
        What errors call it.

    Returns
    -------
    Query

    Examples
    --------
    >>> from entregent.listening.atoms import Candidate
    >>> compiled("train OR bus", "fr").matches(Candidate(text="le bus", lang="en"))
    False
    """
    understood = parse(query, name=name)
    return understood if lang is None else parse(f"({query}) lang:{lang}", name=name)


def rule_of(watch: Watch) -> Rule:
    """Return when a watch alerts."""
    return Rule(watch.budget, tuple(timedelta(hours=hours) for hours in watch.hours))


def spans_of(query: Query, posts: pa.Table) -> list[str]:
    """Return what of each matched post made it so, as JSON.

    Parameters
    ----------
    query : Query
    posts : pyarrow.Table

    Returns
    -------
    list of str
    """
    return [json.dumps(query.why(post).spans) for post in candidates_of(posts)]


def _columns(query: Query) -> list[str]:
    known = {field.name for field in fields(Candidate)} & set(schema("posts").names)
    asked = {column for atom in query.atoms if isinstance(atom, Field) for column in atom.columns}
    return sorted({"text"} | (asked & known))


@dataclass(frozen=True)
class Past:
    """What an archive was able to hear.

    Parameters
    ----------
    start, end : datetime
        Begin of the slot of the first post, end of that of the last one.
    heard : mapping of int to int
        Posts of any kind by number of slot since 1970.
    gaps : tuple of Period
        When nobody listened.
    """

    start: datetime
    end: datetime
    heard: Mapping[int, int]
    gaps: tuple[Period, ...]

    @property
    def period(self) -> Period:
        """From `start` to before `end`."""
        return Period(self.start, self.end)


def silences(heard: Mapping[int, int], first: int, end: int) -> tuple[Period, ...]:
    """Return the stretches of half a day and more in which no post of any kind came.

    Parameters
    ----------
    heard : mapping of int to int
        Posts by number of slot.
    first, end : int
        Slots from `first` to before `end`.

    Returns
    -------
    tuple of Period
        A collection that is silent so long is taken for one that did not listen.
    """
    known = np.array(sorted(slot for slot in heard if first <= slot < end), np.int64)
    edges = np.concatenate(([first - 1], known, [end]))
    long = np.flatnonzero(np.diff(edges) > _SILENT_SLOTS)
    return tuple(
        Period(from_micros((int(edges[at]) + 1) * SLOT), from_micros(int(edges[at + 1]) * SLOT))
        for at in long
    )


def past_of(archive: Archive, since: datetime | None = None, until: datetime | None = None) -> Past | None:
    """Say what an archive was able to hear.

    Parameters
    ----------
    archive : Archive
    since, until : datetime, optional
        From the first slot with a post to the end of the last one unless told.

    Returns
    -------
    Past or None
        None where it holds no post of that time.
    """
    with archive.state.read() as con:
        heard = watches.counts_heard(con)
    if not heard:
        return None
    first, end = min(heard), max(heard) + 1
    first = first if since is None else max(first, to_micros(since) // SLOT)
    end = end if until is None else min(end, to_micros(until) // SLOT)
    if end <= first:
        return None
    start, over = from_micros(first * SLOT), from_micros(end * SLOT)
    gaps = _periods(archive.gaps(since=start, until=over))
    return Past(start, over, heard, (*gaps, *silences(heard, first, end)))


def aligned(past: Past, slot: timedelta) -> Past:
    """Widen a past to whole slots; what lies before its first and behind its last post is not known.

    Parameters
    ----------
    past : Past
    slot : timedelta

    Returns
    -------
    Past
    """
    width = slot // timedelta(microseconds=1)
    start = from_micros(to_micros(past.start) // width * width)
    end = from_micros(-(-to_micros(past.end) // width) * width)
    edges = [Period(a, b) for a, b in ((start, past.start), (past.end, end)) if a < b]
    return Past(start, end, past.heard, (*edges, *past.gaps))


def _periods(gaps: tuple[Gap, ...]) -> tuple[Period, ...]:
    return tuple(Period(gap.start, gap.end) for gap in gaps if gap.end > gap.start)


def matched_times(archive: Archive, query: Query, period: Period) -> tuple[pa.ChunkedArray, int]:
    """Match the stored posts of a period.

    Parameters
    ----------
    archive : Archive
    query : Query
    period : Period

    Returns
    -------
    times : pyarrow.ChunkedArray of timestamp
        Of the posts that match.
    of : int
        Posts that were looked at.
    """
    parts: list[pa.Array] = []
    looked = 0
    for piece in archive.scan("posts", ["time", *_columns(query)], period):
        table = pa.Table.from_batches([piece])
        looked += table.num_rows
        parts += table.column("time").filter(query.match_table(table)).chunks
    return pa.chunked_array(parts, schema("posts").field("time").type), looked


def series_of(archive: Archive, query: Query, past: Past, slot: timedelta) -> tuple[Series, int, int]:
    """Count the stored posts that a query matches.

    Parameters
    ----------
    archive : Archive
    query : Query
    past : Past
    slot : timedelta

    Returns
    -------
    series : Series
    posts, of : int
        Posts that match, and that were looked at.
    """
    times, looked = matched_times(archive, query, past.period)
    return count_slots(times, past.period, slot, past.gaps), len(times), looked


def fill(archive: Archive, state: State, watch: Watch) -> int:
    """Match what is stored already for a new watch, so that it need not wait for weeks.

    Parameters
    ----------
    archive : Archive
        May be written by another process meanwhile.
    state : State
        Of the same home, to write to.
    watch : Watch
        Kept already: posts that come now are matched by whoever listens.

    Returns
    -------
    int
        Posts that match.
    """
    past = past_of(archive)
    if past is None:
        return 0
    since = max(past.start, past.end - HISTORY)
    query = compiled(watch.query, watch.lang)
    found = 0
    for rows in _matched(archive, query, Period(since, past.end)):
        with state.begin() as con:
            entries = zip(*(rows.column(name).to_pylist() for name in ("id", "micros")), strict=True)
            found += watches.add_mentions(
                con,
                (
                    (watch.id, post, micros, spans)
                    for (post, micros), spans in zip(entries, spans_of(query, rows), strict=True)
                ),
            )
    with state.begin() as con:
        # What lies in the past is known, and wakes nobody.
        watches.judged(con, watch.id, past.end, since)
    return found


def _matched(archive: Archive, query: Query, period: Period) -> Iterator[pa.Table]:
    names = sorted({"id", "time", *_columns(query)})
    for piece in archive.scan("posts", names, period):
        table = pa.Table.from_batches([piece])
        rows = table.filter(query.match_table(table))
        if rows.num_rows:
            yield rows.append_column("micros", rows.column("time").cast(pa.int64()))


def posts_of(archive: Archive, watch: str, period: Period) -> pa.Table:
    """Return the stored posts that a watch matched in a period, with what explains an alert.

    Parameters
    ----------
    archive : Archive
    watch : str
        Id of the watch.
    period : Period

    Returns
    -------
    pyarrow.Table
        In order of time.
    """
    with archive.state.read() as con:
        ids = [one.post for one in watches.mentions_of(con, watch, period.start, period.end)]
    with archive.connection(period) as engine:
        engine.register("mentioned", pa.table({"id": pa.array(ids, pa.string())}))
        found: pa.Table = engine.sql(
            f"SELECT {', '.join(_CAUSES)} FROM main.posts SEMI JOIN mentioned USING (id) ORDER BY time, id"
        ).to_arrow_table()
    return found


def shares_of(archive: Archive) -> dict[str, float]:
    """Return in which share of the latest stored posts each word stands, for the linter."""
    with archive.connection() as engine:
        texts = engine.sql(
            f"SELECT text FROM main.posts WHERE text IS NOT NULL ORDER BY time DESC LIMIT {_SAMPLE}"
        ).to_arrow_table()
    return word_shares(texts.column("text"), least=20)


def latest_matches(archive: Archive, query: Query, most: int) -> list[dict[str, Any]]:
    """Return the latest stored posts that a query matches.

    Parameters
    ----------
    archive : Archive
    query : Query
    most : int

    Returns
    -------
    list of dict
        `id`, `time` and `text`, latest first.
    """
    latest: list[dict[str, Any]] = []
    for rows in _matched(archive, query, Period()):
        latest += rows.filter(rows.column("time").is_valid()).select(["id", "time", "text"]).to_pylist()
        latest = sorted(latest, key=lambda row: (row["time"], row["id"]), reverse=True)[:most]
    return latest


def stored_post(archive: Archive, id: str) -> pa.Table:
    """Return a stored post with what queries ask of its author; no row where it is not stored.

    Parameters
    ----------
    archive : Archive
    id : str

    Returns
    -------
    pyarrow.Table
    """
    with archive.connection() as engine:
        found: pa.Table = engine.sql(
            "SELECT p.*, a.handle FROM main.posts p LEFT JOIN main.accounts a ON a.id = p.account "
            "WHERE p.id = $id",
            params={"id": id},
        ).to_arrow_table()
    return found


def recent_hashtags(archive: Archive, now: datetime) -> pa.Table:
    """Return who used which hashtags when in the eight days before a moment.

    Parameters
    ----------
    archive : Archive
    now : datetime

    Returns
    -------
    pyarrow.Table
        `account`, `time` and `hashtags` of the posts that have any.
    """
    with archive.connection(Period(now - timedelta(days=8), now)) as engine:
        found: pa.Table = engine.sql(
            "SELECT account, time, hashtags FROM main.posts WHERE len(hashtags) > 0 ORDER BY time, id"
        ).to_arrow_table()
    return found
