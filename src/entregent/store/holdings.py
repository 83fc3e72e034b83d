"""What is appended to an archive, and what it holds at one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import pyarrow as pa
import sqlalchemy as sa

from entregent.clock import from_micros
from entregent.records import Gap
from entregent.results import InputFile, Notice
from entregent.store import hot, segments
from entregent.store.hot import Held
from entregent.store.segments import Segment
from entregent.store.state import State

__all__ = ["Batch", "Contents", "Holdings", "Within", "by_kind", "contents"]

Within = Callable[[sa.Connection, Mapping[str, pa.Table]], None]
"""What is done in the transaction of a batch, with its connection and what is new by kind."""


class Batch(Protocol):
    """What :class:`entregent.sources.base.Batch` looks like: rooms of one floor do not import each other."""

    @property
    def posts(self) -> pa.Table: ...
    @property
    def accounts(self) -> pa.Table: ...
    @property
    def interactions(self) -> pa.Table: ...
    @property
    def observations(self) -> pa.Table: ...
    @property
    def tombstones(self) -> pa.Table: ...
    @property
    def raw(self) -> pa.Table: ...
    @property
    def cursor(self) -> str | None: ...
    @property
    def notices(self) -> tuple[Notice, ...]: ...
    @property
    def finished(self) -> tuple[InputFile, ...]: ...
    @property
    def gaps(self) -> tuple[Gap, ...]: ...


@dataclass(frozen=True)
class Contents:
    """What an archive holds of one kind of record, old versions included."""

    segments: int
    rows: int
    bytes: int
    first: datetime | None
    last: datetime | None


@dataclass(frozen=True)
class Holdings:
    """What counts at one moment: segments, oldest first, and rows of the database by kind."""

    segments: tuple[Segment, ...]
    hot: Mapping[str, pa.Table] = field(default_factory=dict)

    @classmethod
    def read(cls, state: State) -> Holdings:
        """Read both in one transaction: what rolls meanwhile is in one of them, never in both."""
        with state.read() as con:
            return cls(segments.listed(con), hot.tables(con, state.where))


def by_kind(held: Iterable[Segment]) -> dict[str, list[Segment]]:
    """Return segments by kind, in the order given."""
    kinds: dict[str, list[Segment]] = {}
    for segment in held:
        kinds.setdefault(segment.kind, []).append(segment)
    return kinds


def contents(listed: Sequence[Segment], held: Sequence[Held]) -> dict[str, Contents]:
    """Return what there is of each kind of record, without reading a row.

    Parameters
    ----------
    listed : sequence of Segment
    held : sequence of Held
        What waits in the database.

    Returns
    -------
    dict of str to Contents
        By kind.
    """
    found = {}
    for kind in sorted({one.kind for one in listed} | {one.kind for one in held}):
        whole = [one for one in listed if one.kind == kind]
        every: list[Segment | Held] = [*whole, *(one for one in held if one.kind == kind)]
        first = [one.first_time for one in every if one.first_time is not None]
        last = [one.last_time for one in every if one.last_time is not None]
        found[kind] = Contents(
            len(whole),
            sum(one.n_rows for one in every),
            sum(one.n_bytes for one in every),
            from_micros(min(first)) if first else None,
            from_micros(max(last)) if last else None,
        )
    return found
