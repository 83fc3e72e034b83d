"""What every source of posts brings, and how.

A source yields :class:`Batch` after :class:`Batch`; the archive commits each
one together with its cursor, so a source that is started again with the last
cursor loses nothing and doubles nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import pyarrow as pa

from entregent.progress import Progress
from entregent.records import TABLES, Gap, schema
from entregent.results import InputFile, Notice

__all__ = ["Batch", "Source", "empty", "joined"]


def empty(table: str) -> pa.Table:
    """Return a table of :data:`entregent.records.TABLES` with no rows."""
    return schema(table).empty_table()


@dataclass(frozen=True)
class Batch:
    """What was read in one go.

    The six tables have the schemas of :mod:`entregent.records`. `cursor` is
    the place to go on from after this batch, opaque to all but its source;
    `finished` lists the files that end in this batch, with their digests;
    `gaps` the stretches of time known to be lost; `budget` says, for people,
    how much of what a source may spend is spent.
    """

    posts: pa.Table = field(default_factory=lambda: empty("posts"))
    accounts: pa.Table = field(default_factory=lambda: empty("accounts"))
    interactions: pa.Table = field(default_factory=lambda: empty("interactions"))
    observations: pa.Table = field(default_factory=lambda: empty("observations"))
    tombstones: pa.Table = field(default_factory=lambda: empty("tombstones"))
    raw: pa.Table = field(default_factory=lambda: empty("raw"))
    cursor: str | None = None
    notices: tuple[Notice, ...] = ()
    finished: tuple[InputFile, ...] = ()
    gaps: tuple[Gap, ...] = ()
    rows: int = 0
    budget: str | None = None


def joined(batches: Sequence[Batch], cursor: str | None = None) -> Batch:
    """Put batches together.

    Parameters
    ----------
    batches : sequence of Batch
    cursor : str, optional
        Place after all of them.

    Returns
    -------
    Batch

    Examples
    --------
    >>> joined([Batch(rows=2), Batch(rows=3)], "5").rows
    5
    """
    if not batches:
        return Batch(cursor=cursor)
    tables = {
        table: pa.concat_tables([getattr(batch, table) for batch in batches]).combine_chunks()
        for table in TABLES
    }
    return Batch(
        **tables,
        cursor=cursor,
        notices=tuple(notice for batch in batches for notice in batch.notices),
        finished=tuple(file for batch in batches for file in batch.finished),
        gaps=tuple(gap for batch in batches for gap in batch.gaps),
        rows=sum(batch.rows for batch in batches),
    )


class Source(Protocol):
    """A place that posts come from."""

    name: str

    def batches(self, cursor: str | None, progress: Progress) -> Iterator[Batch]:
        """Yield what came after `cursor` (all of it where None), in order.

        Raises
        ------
        TransientError
            Where trying again later may succeed.
        PermanentError
            Where it will not.
        InputError
            Where what was given cannot be used.
        """
