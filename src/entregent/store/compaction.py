"""Compaction: few files by day, without what is deleted, replaced or past keeping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from entregent.errors import StoreError
from entregent.progress import Progress, check
from entregent.store import segments, views, watches
from entregent.store.segments import DAY, TIME_COLUMN, Segment, SegmentWriter, kind_schema
from entregent.store.state import State, manifest

__all__ = ["DAY_ROWS", "Compacted", "Rewriting", "compact", "group_days"]

DAY_ROWS = 100_000
"""A day with at least as many rows has a file of its own; smaller days that follow each other share one."""

DATED = ("posts", "interactions", "observations", "raw")
ROWS_AT_ONCE = 100_000

Engine: TypeAlias = Callable[[], duckdb.DuckDBPyConnection]

_ORDER = {
    "posts": "time NULLS LAST, id, version",
    "interactions": "time NULLS LAST, id",
    "observations": "seen_at NULLS LAST, subject, metric",
    "raw": "received_at, id",
    "accounts": "seen_at NULLS LAST, id",
    "tombstones": "time NULLS LAST, id",
}


@dataclass(frozen=True)
class Compacted:
    """What a compaction did: segments read and written, rows removed by kind."""

    segments_read: int
    segments_written: int
    removed: Mapping[str, int]


def group_days(days: Sequence[tuple[int | None, int]]) -> list[int]:
    """Return the row counts of the files that days are written to.

    Parameters
    ----------
    days : sequence of (int or None, int)
        Day and rows, in order; the rows without a time last, as None.

    Returns
    -------
    list of int
        Adds up to all rows; cuts fall between days only.

    Examples
    --------
    >>> group_days([(0, 10), (1, 20), (2, 250_000), (5, 1), (None, 7)])
    [30, 250000, 1, 7]
    """
    groups: list[int] = []
    open_group = 0
    for day, rows in days:
        alone = day is None or rows >= DAY_ROWS
        if open_group and (alone or open_group + rows > DAY_ROWS):
            groups.append(open_group)
            open_group = 0
        if alone:
            groups.append(rows)
        else:
            open_group += rows
    return [*groups, open_group] if open_group else groups


def _days(segment: Segment) -> tuple[int, int]:
    if segment.first_time is None or segment.last_time is None:
        return (-(2**62), -(2**62))
    return (segment.first_time // DAY, segment.last_time // DAY)


def _clusters(held: Sequence[Segment]) -> list[list[Segment]]:
    """Return segments that belong in one rewriting: their days overlap, or they are small neighbours."""
    clusters: list[list[Segment]] = []
    until, rows = -(2**63), 0
    for segment in sorted(held, key=lambda s: (_days(s), s.seq, s.name)):
        first, last = _days(segment)
        dated = segment.first_time is not None
        if clusters and (
            first <= until or (dated and until > -(2**62) and rows + segment.n_rows <= DAY_ROWS)
        ):
            clusters[-1].append(segment)
            until, rows = max(until, last), rows + segment.n_rows
        else:
            clusters.append([segment])
            until, rows = last, segment.n_rows
    return clusters


def _settled(cluster: Sequence[Segment]) -> bool:
    if len(cluster) > 1:
        return False
    (segment,) = cluster
    first, last = _days(segment)
    split = segment.n_untimed and segment.first_time is not None
    return not split and (first == last or segment.n_rows <= DAY_ROWS)


class Rewriting:
    """New segments and what they replace, collected for one transaction at the end.

    Parameters
    ----------
    home : Path
    con : duckdb.DuckDBPyConnection
        Runs the queries.
    seq : int
        Number of the new segments.
    durable : bool
        Whether they must survive a power failure.
    """

    def __init__(self, home: Path, con: duckdb.DuckDBPyConnection, *, seq: int, durable: bool) -> None:
        self.home = home
        self.con = con
        self.written: list[Segment] = []
        self.replaced: list[Segment] = []
        self.removed: dict[str, int] = {}
        self._seq = seq
        self._durable = durable

    def paths(self, some: Sequence[Segment]) -> list[Path]:
        """Return the files of segments."""
        return [self.home / segment.name for segment in some]

    def by_day(self, kind: str, some: Sequence[Segment], rows: str) -> None:
        """Rewrite segments of a kind with the rows of a query over them, split by day."""
        column = TIME_COLUMN[kind]
        days = self.con.sql(
            f"SELECT floor(epoch_us({column}) / {DAY})::BIGINT AS day, count(*) FROM ({rows}) "
            "GROUP BY day ORDER BY day NULLS LAST"
        ).fetchall()
        groups = group_days(days) if kind in DATED else [sum(n for _, n in days)]
        self._write(kind, some, f"SELECT * FROM ({rows}) ORDER BY {_ORDER[kind]}", [n for n in groups if n])

    def in_place(self, segment: Segment, rows: str) -> None:
        """Rewrite one segment with the rows of a query over it, and nothing else."""
        ((left,),) = self.con.sql(f"SELECT count(*) FROM ({rows})").fetchall()
        order = _ORDER.get(segment.kind, "id")
        self._write(segment.kind, [segment], f"SELECT * FROM ({rows}) ORDER BY {order}", [left])
        if left:
            self.written[-1] = replace(self.written[-1], pending=segment.pending)

    def enter(self, connection: sa.Connection) -> None:
        """Put the new segments in the place of the old ones, in the transaction of `connection`."""
        segments.record(connection, self.written)
        segments.retire(connection, [segment.name for segment in self.replaced])

    def _write(self, kind: str, some: Sequence[Segment], sql: str, groups: Sequence[int]) -> None:
        sizes = iter(groups)
        writer: SegmentWriter | None = None
        room = 0
        try:
            for piece in self._pieces(kind, sql):
                while piece.num_rows:
                    if room == 0:
                        if writer is not None:
                            self.written.append(writer.finish(self._seq))
                        writer = None
                        room = next(sizes)
                        writer = SegmentWriter(self.home, kind, durable=self._durable)
                    part = piece.slice(0, room)
                    if writer is not None:
                        writer.add(part)
                    room -= part.num_rows
                    piece = piece.slice(part.num_rows)
            if writer is not None:
                last, writer = writer, None
                self.written.append(last.finish(self._seq))
        except BaseException:
            if writer is not None:
                writer.abandon()
            raise
        self.replaced += some
        before = sum(segment.n_rows for segment in some)
        self.removed[kind] = self.removed.get(kind, 0) + before - sum(groups)

    def _pieces(self, kind: str, sql: str) -> Iterator[pa.Table]:
        expected = kind_schema(kind)
        for piece in self.con.sql(sql).to_arrow_reader(ROWS_AT_ONCE):
            yield pa.Table.from_batches([piece]).select(expected.names).cast(expected)

    def discard(self) -> None:
        """Remove the new segments; the old ones still count."""
        segments.discard(self.home, self.written)


def compact(
    home: Path,
    state: State,
    now_micros: int,
    *,
    seq: int,
    durable: bool,
    engine: Engine,
    progress: Progress,
    oldest: Mapping[str, int] | None = None,
) -> Compacted:
    """Compact an archive; see :meth:`entregent.store.archive.Archive.compact`."""
    with state.read() as connection:
        held = segments.listed(connection)
    trouble = segments.missing(home, held)
    if trouble is not None:
        raise trouble
    of_kind = {kind: [segment for segment in held if segment.kind == kind] for kind in TIME_COLUMN}
    progress.step("Compacting", sum(segment.n_rows for segment in held), "rows")
    with engine() as con:
        con.sql("CREATE SCHEMA work")
        work = Rewriting(home, con, seq=seq, durable=durable)
        try:
            _rewrite_all(work, of_kind, now_micros, oldest or {}, progress)
            check(progress)
            with state.begin() as connection:
                work.enter(connection)
                for network, micros in (oldest or {}).items():
                    watches.forget_before(connection, network, micros)
                connection.execute(sa.update(manifest).values(pending=0))
        except duckdb.Error as error:
            work.discard()
            raise (
                segments.damaged(home, held)
                or StoreError(
                    f"Compaction failed: {str(error).splitlines()[0]}",
                    where=str(home),
                    do="Give it more memory (memory_mb) or disk; the archive is as before.",
                )
            ) from error
        except BaseException:
            work.discard()
            raise
    return Compacted(len(work.replaced), len(work.written), work.removed)


def _rewrite_all(
    work: Rewriting,
    of_kind: Mapping[str, Sequence[Segment]],
    now_micros: int,
    oldest: Mapping[str, int],
    progress: Progress,
) -> None:
    pending = [segment for segment in of_kind["tombstones"] if segment.pending]
    source = {kind: views.parquet(kind, work.paths(some)) for kind, some in of_kind.items()}
    waiting = views.parquet("tombstones", work.paths(pending))
    plain = views.living(work.con, "work", source, waiting)
    for kind in DATED:
        touched = _touched(work, kind, of_kind[kind], plain[kind], source[kind], now_micros)
        expired = _expired(kind, oldest)
        touched |= _holding(work, kind, of_kind[kind], expired, oldest)
        for cluster in _clusters(of_kind[kind]):
            check(progress)
            if not _settled(cluster) or any(segment.name in touched for segment in cluster):
                rows = plain[kind].replace(source[kind], views.parquet(kind, work.paths(cluster)))
                if kind == "raw":
                    rows = f"SELECT * FROM ({rows}) WHERE keep_until > make_timestamptz({now_micros})"
                if oldest:
                    rows = f"SELECT * FROM ({rows}) WHERE NOT coalesce({expired}, false)"
                work.by_day(kind, cluster, rows)
            progress.advance(sum(segment.n_rows for segment in cluster))
    if len(of_kind["accounts"]) > 1 or (of_kind["accounts"] and "gone_accounts" in plain["accounts"]):
        work.by_day("accounts", of_kind["accounts"], plain["accounts"])
    if len(of_kind["tombstones"]) > 1:
        work.by_day("tombstones", of_kind["tombstones"], f"SELECT * FROM {source['tombstones']}")
    work.replaced += of_kind["newer"]


def _expired(kind: str, oldest: Mapping[str, int]) -> str:
    """Return SQL that a row is older than what its network is kept for."""
    network = "split_part(subject, ':', 1)" if kind == "observations" else "network"
    return (
        " OR ".join(
            f"({network} = {views.quoted(name)} AND {TIME_COLUMN[kind]} < make_timestamptz({micros}))"
            for name, micros in oldest.items()
        )
        or "false"
    )


def _holding(
    work: Rewriting, kind: str, some: Sequence[Segment], condition: str, oldest: Mapping[str, int]
) -> set[str]:
    """Return names of segments, among those that are old enough, that hold such rows."""
    latest = max(oldest.values(), default=-(2**63))
    old = [one for one in some if one.first_time is not None and one.first_time < latest]
    if not old:
        return set()
    named = views.parquet(kind, work.paths(old), extra=", filename = true")
    paths = {
        row[0] for row in work.con.sql(f"SELECT DISTINCT filename FROM {named} WHERE {condition}").fetchall()
    }
    return {one.name for one in old if str(work.home / one.name) in paths}


def _touched(
    work: Rewriting, kind: str, some: Sequence[Segment], kept: str, whole: str, now_micros: int
) -> set[str]:
    """Return names of segments that hold rows to remove."""
    touched = {
        segment.name
        for segment in some
        if segment.keep_until is not None and segment.keep_until <= now_micros
    }
    if "ANTI JOIN" in kept:
        extra = ", filename = true"
        # Rows that stay, subtracted by file from all rows.
        named = views.parquet(kind, work.paths(some), extra=extra)
        counts = dict(
            work.con.sql(
                f"SELECT filename, count(*) FROM ({kept.replace(whole, named)}) GROUP BY filename"
            ).fetchall()
        )
        touched |= {s.name for s in some if counts.get(str(work.home / s.name), 0) < s.n_rows}
    return touched
