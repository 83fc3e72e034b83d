"""What came in the last minutes: rows of the state database, until they roll to segments.

A segment for each batch of a live source would be thousands of files a day.
A live batch is therefore kept as Arrow rows in the transaction of its cursor;
readers see it beside the segments. Rolling writes what has gathered as
segments by day and takes it out of the database in the transaction that
enters them: a crash in between leaves files that do not count, and are swept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from entregent.errors import StoreError
from entregent.store import segments
from entregent.store.compaction import DAY_ROWS
from entregent.store.segments import DAY, TIME_COLUMN, Segment, SegmentWriter, kind_schema
from entregent.store.state import State, hot

__all__ = ["ROLL_BYTES", "ROLL_ROWS", "Held", "Rolled", "enter", "held", "roll", "tables"]

ROLL_ROWS = 250_000
"""Rows that readers take from the database at most, before they roll."""

ROLL_BYTES = 64 << 20
"""Bytes that the database holds of them at most, before they roll."""

NEAR_DAYS = 7
"""Small days share a file with others of the same week: one old post must not make a file of all years."""

# Less is kept as it is: to press it takes longer than to write it.
_WORTH_PRESSING = 64 << 10

_ORDER = {"posts": "version", "observations": "metric"}


@dataclass(frozen=True)
class Held:
    """Rows of one batch and kind in the database; times are microseconds."""

    seq: int
    kind: str
    n_rows: int
    n_bytes: int
    first_time: int | None
    last_time: int | None


@dataclass(frozen=True)
class Rolled:
    """What rolling did: rows taken out of the database, segments written."""

    rows: int
    segments: int


def enter(con: sa.Connection, seq: int, new: Mapping[str, pa.Table]) -> tuple[Held, ...]:
    """Keep the rows of a batch, in the transaction of `con`.

    Parameters
    ----------
    con : sqlalchemy.Connection
    seq : int
        Number of the batch.
    new : mapping of str to pyarrow.Table
        By kind of segment.

    Returns
    -------
    tuple of Held
    """
    entered = []
    for kind, table in new.items():
        packed = _packed(table)
        one = Held(seq, kind, table.num_rows, len(packed), *_bounds(kind, table))
        con.execute(sa.insert(hot), {**vars(one), "held": packed})
        entered.append(one)
    return tuple(entered)


def _bounds(kind: str, table: pa.Table) -> tuple[int | None, int | None]:
    column = TIME_COLUMN[kind]
    if column is None:
        return None, None
    bounds = pc.min_max(table.column(column))
    first, last = (bounds[name].cast(pa.int64()).as_py() for name in ("min", "max"))
    return first, last


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    codec = "zstd" if table.nbytes > _WORTH_PRESSING else None
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=codec)) as writer:
        # A slice would bring along what it was cut from.
        writer.write_table(table.combine_chunks())
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def held(con: sa.Connection) -> tuple[Held, ...]:
    """Return what the database holds, oldest batch first, without its rows.

    Parameters
    ----------
    con : sqlalchemy.Connection

    Returns
    -------
    tuple of Held
    """
    columns = [column for column in hot.c if column.name != "held"]
    query = sa.select(*columns).order_by(hot.c.seq, hot.c.kind)
    return tuple(Held(**row._mapping) for row in con.execute(query))


def tables(con: sa.Connection, where: str) -> dict[str, pa.Table]:
    """Return the rows that the database holds, by kind of segment; kinds without rows are left out.

    Parameters
    ----------
    con : sqlalchemy.Connection
    where : str
        Name of the database in messages.

    Returns
    -------
    dict of str to pyarrow.Table

    Raises
    ------
    StoreError
        Where what the database holds is damaged.
    """
    parts: dict[str, list[pa.Table]] = {}
    for row in con.execute(sa.select(hot.c.seq, hot.c.kind, hot.c.held).order_by(hot.c.seq)):
        try:
            with pa.ipc.open_stream(pa.py_buffer(row.held)) as reader:
                # A record may have got columns since it was kept.
                parts.setdefault(row.kind, []).append(_present(row.kind, reader.read_all()))
        except (OSError, pa.ArrowException) as error:
            raise StoreError(
                f"The {row.kind} of batch {row.seq} are damaged: {str(error).splitlines()[0]}.",
                where=where,
                do="Restore the database from a backup.",
            ) from error
    return {kind: pa.concat_tables(some) for kind, some in parts.items()}


def _present(kind: str, table: pa.Table) -> pa.Table:
    expected = kind_schema(kind)
    if table.schema.equals(expected):
        return table
    names = set(table.column_names)
    columns = [
        table.column(field.name).cast(field.type)
        if field.name in names
        else pa.nulls(table.num_rows, field.type)
        for field in expected
    ]
    return pa.table(columns, schema=expected)


def roll(home: Path, state: State, *, seq: int, durable: bool) -> Rolled:
    """Write what the database holds as segments by day, and take it out.

    Parameters
    ----------
    home : Path
    state : State
    seq : int
        Number of the new segments.
    durable : bool
        Whether they must survive a power failure.

    Returns
    -------
    Rolled

    Raises
    ------
    StoreError
        Where a disk is full; the rows are then where they were.
    """
    with state.read() as con:
        listed = held(con)
        rows = tables(con, state.where)
    if not listed:
        return Rolled(0, 0)
    written: list[Segment] = []
    try:
        for kind, table in rows.items():
            for part in _by_day(kind, table):
                writer = SegmentWriter(home, kind, durable=durable)
                writer.add(part)
                written.append(writer.finish(seq))
        with state.begin() as con:
            segments.record(con, written)
            con.execute(sa.delete(hot).where(hot.c.seq <= listed[-1].seq))
    except BaseException:
        segments.discard(home, written)
        raise
    return Rolled(sum(one.n_rows for one in listed), len(written))


def _by_day(kind: str, table: pa.Table) -> Iterator[pa.Table]:
    """Cut rows where the day changes: large days alone, small ones with their neighbours of a week."""
    column = TIME_COLUMN[kind]
    if column is None:
        yield table
        return
    keys = [(column, "ascending"), (table.column_names[0], "ascending")]
    if kind in _ORDER:
        keys.append((_ORDER[kind], "ascending"))
    table = table.sort_by(keys)
    times = table.column(column)
    timed = table.num_rows - times.null_count
    days = times.slice(0, timed).cast(pa.int64()).to_numpy() // DAY
    starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1)) if timed else np.empty(0, np.int64)
    begin = 0
    for at in starts[1:].tolist():
        # The piece so far and the day that follows: together only where both are small and near.
        size = int(np.searchsorted(days, days[at], "right")) - begin
        if size > DAY_ROWS or days[at] - days[begin] >= NEAR_DAYS:
            yield table.slice(begin, at - begin)
            begin = at
    if begin < timed:
        yield table.slice(begin, timed - begin)
    if timed < table.num_rows:
        yield table.slice(timed)
