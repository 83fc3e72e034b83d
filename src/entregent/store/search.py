"""Looking through all posts of an archive, where an index of words can tell: only through some.

Whoever asks decides of each post that is shown to them; this shows them every
post that may be meant, in segments and in the database, and leaves out what
was deleted or replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from entregent.clock import Period, to_micros
from entregent.progress import Progress, Quiet, check
from entregent.records import schema
from entregent.store import fulltext, segments, views
from entregent.store.archive import Archive
from entregent.store.holdings import Holdings, by_kind
from entregent.store.segments import TIME_COLUMN, Segment
from entregent.text.needed import Needed

__all__ = ["Decide", "Found", "find"]

Decide = Callable[[pa.Table], pa.BooleanArray]
"""Says of each post of a table whether it is meant."""

_ROWS_AT_ONCE = 50_000
_KEPT = ("id", "version", "account", "time")


@dataclass(frozen=True)
class Found:
    """Posts that were meant, newest first.

    Parameters
    ----------
    ids : pyarrow.Table
        Columns ``id`` and ``time``.
    shown : int
        How many posts had to be looked at.
    """

    ids: pa.Table
    shown: int
    _rows: pa.Table
    _home: Path
    _holdings: Holdings

    def __len__(self) -> int:
        return int(self.ids.num_rows)

    def posts(self, most: int | None = None) -> pa.Table:
        """Return the newest of them, with all columns of a post.

        Parameters
        ----------
        most : int, optional
            All unless told.

        Returns
        -------
        pyarrow.Table
            Columns as in :func:`entregent.records.schema`.

        Raises
        ------
        StoreError
            Where a segment is missing or damaged.
        """
        rows = self._rows.slice(0, most)
        places, numbers = (rows.column(name).to_numpy() for name in ("place", "row"))
        parts, order = [], []
        kept = by_kind(self._holdings.segments).get("posts", [])
        for place in np.unique(places).tolist():
            at = np.flatnonzero(places == place)
            at = at[np.argsort(numbers[at], kind="stable")]
            order.append(at)
            if place < 0:
                parts.append(self._holdings.hot["posts"].take(pa.array(numbers[at])))
            else:
                pieces = _pieces(self._home, kept[place], schema("posts").names, numbers[at])
                parts += [piece for _, piece in pieces]
        if not parts:
            return schema("posts").empty_table()
        back = np.argsort(np.concatenate(order))
        return pa.concat_tables(parts).take(pa.array(back))


def find(
    archive: Archive,
    decide: Decide,
    *,
    columns: Sequence[str] = ("text",),
    needed: Needed | None = None,
    period: Period | None = None,
    progress: Progress | None = None,
) -> Found:
    """Find the posts that are meant.

    Parameters
    ----------
    archive : Archive
    decide : callable
        Shown tables of posts with `columns`, ``id``, ``version``, ``account``
        and ``time``.
    columns : sequence of str
        What it looks at.
    needed : Needed, optional
        What the text of every post that is meant holds; any text unless told.
    period : Period, optional
        As for :meth:`Archive.connection`.
    progress : Progress, optional

    Returns
    -------
    Found

    Raises
    ------
    StoreError
        Where a segment is missing or damaged.

    Notes
    -----
    What is meant does not depend on which segments have an index of words
    (:func:`entregent.store.fulltext.index`): only the time it takes does.
    """
    told = progress or Quiet()
    within = period or Period()
    holdings = Holdings.read(archive.state)
    trouble = segments.missing(archive.home, holdings.segments)
    if trouble is not None:
        raise trouble
    kept = by_kind(holdings.segments).get("posts", [])
    wanted = list(dict.fromkeys((*_KEPT, *columns)))
    told.step("Searching", sum(one.n_rows for one in kept), "posts")
    shown = 0
    meant: list[pa.Table] = []

    def look(place: int, rows: NDArray[np.int64], piece: pa.Table) -> None:
        nonlocal shown
        inside = _inside(piece, within)
        if not inside.all():
            piece, rows = piece.filter(pa.array(inside)), rows[inside]
        shown += len(rows)
        held = np.flatnonzero(np.asarray(decide(piece))) if len(rows) else np.empty(0, np.int64)
        if len(held):
            found = piece.select(_KEPT).take(pa.array(held))
            found = found.append_column("place", pa.array(np.full(len(held), place)))
            meant.append(found.append_column("row", pa.array(rows[held])))

    for place, segment in enumerate(kept):
        check(told)
        if _reaches(segment, within):
            rows = None if needed is None else fulltext.rows_with(archive.home, segment, needed)
            for numbers, piece in _pieces(archive.home, segment, wanted, rows):
                look(place, numbers, piece)
        told.advance(segment.n_rows)
    hot = holdings.hot.get("posts", schema("posts").empty_table())
    for start in range(0, hot.num_rows, _ROWS_AT_ONCE):
        check(told)
        piece = hot.slice(start, _ROWS_AT_ONCE).select(wanted)
        look(-1, np.arange(start, start + piece.num_rows), piece)
    rows = _living(archive, holdings, meant)
    return Found(rows.select(["id", "time"]), shown, rows, archive.home, holdings)


def _reaches(segment: Segment, period: Period) -> bool:
    if period.start is None and period.end is None:
        return True
    if segment.first_time is None or segment.last_time is None:
        return False
    early = period.end is not None and segment.first_time >= to_micros(period.end)
    return not early and not (period.start is not None and segment.last_time < to_micros(period.start))


def _inside(piece: pa.Table, period: Period) -> NDArray[np.bool_]:
    inside = np.ones(piece.num_rows, np.bool_)
    times = piece.column("time").cast(pa.int64())
    if period.start is not None:
        inside &= pc.greater_equal(times, to_micros(period.start)).fill_null(False).to_numpy()
    if period.end is not None:
        inside &= pc.less(times, to_micros(period.end)).fill_null(False).to_numpy()
    return inside


def _pieces(
    home: Path, segment: Segment, columns: Sequence[str], rows: NDArray[np.int64] | None
) -> Iterator[tuple[NDArray[np.int64], pa.Table]]:
    """Yield rows of a segment, all or those of ascending numbers, with their numbers."""
    names = list(columns)
    try:
        with pq.ParquetFile(home / segment.name) as file:
            start = 0
            for group in range(file.num_row_groups):
                end = start + file.metadata.row_group(group).num_rows
                if rows is None:
                    whole = file.read_row_group(group, columns=names).select(names)
                    for at in range(0, end - start, _ROWS_AT_ONCE):
                        piece = whole.slice(at, _ROWS_AT_ONCE)
                        yield np.arange(start + at, start + at + piece.num_rows), piece
                else:
                    some = rows[np.searchsorted(rows, start) : np.searchsorted(rows, end)]
                    if len(some):
                        whole = file.read_row_group(group, columns=names).select(names)
                        yield some, whole.take(pa.array(some - start))
                start = end
    except (OSError, pa.ArrowException) as error:
        raise segments.damaged(home, [segment]) or error from error


def _living(archive: Archive, holdings: Holdings, meant: Sequence[pa.Table]) -> pa.Table:
    """Return the rows that are the latest version and not deleted, newest first."""
    fields = [schema("posts").field(name) for name in _KEPT]
    blank = pa.schema([*fields, pa.field("place", pa.int64()), pa.field("row", pa.int64())]).empty_table()
    found = pa.concat_tables([blank, *meant])
    kinds = by_kind(holdings.segments)

    def paths(some: Sequence[Segment]) -> list[Path]:
        return [archive.home / segment.name for segment in some]

    with archive.engine() as con:
        con.register("found", found)
        for kind in ("newer", "tombstones"):
            if kind in holdings.hot:
                con.register(f"hot_{kind}", holdings.hot[kind])
        source = {kind: views.parquet(kind, ()) for kind in TIME_COLUMN} | {"posts": "found"}
        source["newer"] = views.both("newer", paths(kinds.get("newer", [])), holdings.hot)
        pending = [segment for segment in kinds.get("tombstones", []) if segment.pending]
        waiting = views.both("tombstones", paths(pending), holdings.hot)
        con.sql("CREATE SCHEMA stored")
        living = views.living(con, "stored", source, waiting)["posts"]
        table = con.sql(f"SELECT * FROM ({living}) ORDER BY time DESC NULLS LAST, id").to_arrow_table()
    return table.cast(blank.schema)
