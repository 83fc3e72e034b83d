"""Segments: Parquet files that appear whole or not at all.

A segment is written under a temporary name, made safe on disk, renamed, and
counts only once its row in the manifest is committed. What is on disk and not
in the manifest was left by a crash and is swept when the next writer opens.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from entregent.errors import StoreError
from entregent.records import schema
from entregent.store.state import manifest

__all__ = [
    "KINDS",
    "PART",
    "TIME_COLUMN",
    "WORDS",
    "Segment",
    "SegmentWriter",
    "damaged",
    "day_of",
    "discard",
    "kind_schema",
    "listed",
    "missing",
    "record",
    "retire",
    "sweep",
    "write",
]

DIRECTORY = "segments"
PART = ".part"
WORDS = ".words"
ROW_GROUP = 128 * 1024
DAY = 86_400_000_000

TIME_COLUMN = {
    "posts": "time",
    "interactions": "time",
    "observations": "seen_at",
    "raw": "received_at",
    "accounts": "seen_at",
    "tombstones": "time",
    "newer": None,
}
"""Column by which a kind of segment is ordered; ``newer`` tells which versions of posts were replaced."""

KINDS = tuple(TIME_COLUMN)

# Worth a dictionary: few values. Accounts are too many and only cost time.
_REPEATED = {
    "posts": ("network", "kind", "lang"),
    "accounts": ("network", "kind"),
    "interactions": ("network", "kind"),
    "observations": ("subject_kind", "metric"),
    "tombstones": ("kind",),
    "raw": ("network",),
    "newer": (),
}


@dataclass(frozen=True)
class Segment:
    """A row of the manifest. `name` is the path below the home; times are microseconds."""

    name: str
    kind: str
    seq: int
    n_rows: int
    n_bytes: int
    first_time: int | None
    last_time: int | None
    n_untimed: int
    keep_until: int | None = None
    pending: int = 0


def kind_schema(kind: str) -> pa.Schema:
    """Return the Arrow schema of a kind of segment."""
    if kind == "newer":
        return pa.schema([pa.field("id", pa.string()), pa.field("version", pa.int64())])
    return schema(kind)


def day_of(micros: int) -> str:
    """Return the UTC day of a time.

    >>> day_of(86_400_000_000)
    '1970-01-02'
    """
    return str(np.datetime64(micros // DAY, "D"))


def _place(kind: str, first: int | None, last: int | None, untimed: int) -> str:
    if TIME_COLUMN[kind] is None or (first is not None and untimed):
        return "mixed"
    if first is None or last is None:
        return "day=unknown"
    start, end = day_of(first), day_of(last)
    return f"day={start}" if start == end else f"days={start}_{end}"


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class SegmentWriter:
    """Writes one segment in pieces.

    Parameters
    ----------
    home : Path
    kind : str
        One of :data:`KINDS`.
    durable : bool
        Whether the file must survive a power failure.
    """

    def __init__(self, home: Path, kind: str, *, durable: bool) -> None:
        self._home = home
        self._kind = kind
        self._durable = durable
        self._rows = self._untimed = 0
        self._first: int | None = None
        self._last: int | None = None
        self._keep_until: int | None = None
        directory = home / DIRECTORY / kind
        self._part = directory / f"{secrets.token_hex(8)}{PART}"
        self._writer: Any = None
        self._file: Any = None
        try:
            directory.mkdir(parents=True, exist_ok=True)
            self._file = self._part.open("wb")
            self._writer = pq.ParquetWriter(
                self._file,
                kind_schema(kind),
                compression="zstd",
                compression_level=1,
                use_dictionary=list(_REPEATED[kind]),
                write_statistics=[column for column in (TIME_COLUMN[kind],) if column],
                write_page_checksum=True,
                store_schema=False,
            )
        except OSError as error:
            self.abandon()
            raise self._refused(error) from error
        except BaseException:
            self.abandon()
            raise

    def _refused(self, error: OSError) -> StoreError:
        return StoreError(
            f"A segment could not be written: {error.strerror or error}.",
            where=str(self._part.parent),
            do="Free some space or check permissions, then run again; nothing of this batch was kept.",
        )

    def add(self, table: pa.Table) -> None:
        """Write more rows.

        Raises
        ------
        StoreError
            Where the disk refuses; nothing is left of the segment.
        """
        if table.num_rows == 0:
            return
        try:
            self._writer.write_table(table, row_group_size=ROW_GROUP)
        except OSError as error:
            self.abandon()
            raise self._refused(error) from error
        self._rows += table.num_rows
        column = TIME_COLUMN[self._kind]
        if column is None:
            return
        self._untimed += table.column(column).null_count
        bounds = pc.min_max(table.column(column))
        first, last = (bounds[name].cast(pa.int64()).as_py() for name in ("min", "max"))
        if first is not None:
            self._first = first if self._first is None else min(self._first, first)
            self._last = last if self._last is None else max(self._last, last)
        if self._kind == "raw":
            until = pc.min(table.column("keep_until")).cast(pa.int64()).as_py()
            if until is not None:
                self._keep_until = until if self._keep_until is None else min(self._keep_until, until)

    def finish(self, seq: int) -> Segment:
        """Make the segment safe and give it its name.

        Returns
        -------
        Segment
            To be entered in the manifest; without that it will be swept.

        Raises
        ------
        StoreError
            Where the disk refuses; nothing is left of the segment.
        """
        place = _place(self._kind, self._first, self._last, self._untimed)
        name = f"{DIRECTORY}/{self._kind}/{place}/{seq:08d}-{self._part.stem[:8]}.parquet"
        target = self._home / name
        try:
            self._writer.close()
            self._file.flush()
            size = os.fstat(self._file.fileno()).st_size
            if self._durable:
                os.fsync(self._file.fileno())
            self._file.close()
            fresh = not target.parent.exists()
            target.parent.mkdir(exist_ok=True)
            self._part.rename(target)
            if self._durable:
                _sync_directory(target.parent)
                if fresh:
                    _sync_directory(target.parent.parent)
        except OSError as error:
            self.abandon()
            raise self._refused(error) from error
        return Segment(
            name=name,
            kind=self._kind,
            seq=seq,
            n_rows=self._rows,
            n_bytes=size,
            first_time=self._first,
            last_time=self._last,
            n_untimed=self._untimed,
            keep_until=self._keep_until,
            pending=int(self._kind == "tombstones"),
        )

    def abandon(self) -> None:
        """Leave nothing behind."""
        for held in (self._writer, self._file):
            if held is not None:
                # What cannot be written cannot be flushed at close either.
                with suppress(OSError, pa.ArrowException):
                    held.close()
        self._part.unlink(missing_ok=True)


def write(home: Path, kind: str, table: pa.Table, *, seq: int, durable: bool) -> Segment:
    """Write a table as one segment."""
    writer = SegmentWriter(home, kind, durable=durable)
    writer.add(table)
    return writer.finish(seq)


def discard(home: Path, written: Iterable[Segment]) -> None:
    """Remove segments that will not be entered in the manifest."""
    for segment in written:
        with suppress(OSError):
            (home / segment.name).unlink(missing_ok=True)


def listed(con: sa.Connection, kind: str | None = None) -> tuple[Segment, ...]:
    """Return the segments that count, oldest first."""
    columns = [column for column in manifest.c if column.name != "retired"]
    query = sa.select(*columns).where(manifest.c.retired == 0).order_by(manifest.c.seq, manifest.c.name)
    if kind is not None:
        query = query.where(manifest.c.kind == kind)
    return tuple(Segment(**row._mapping) for row in con.execute(query))


def record(con: sa.Connection, segments: Sequence[Segment]) -> None:
    """Enter segments in the manifest."""
    if segments:
        con.execute(sa.insert(manifest), [{**vars(segment), "retired": 0} for segment in segments])


def retire(con: sa.Connection, names: Iterable[str]) -> None:
    """Mark segments as no longer counting; their files go when nobody reads them."""
    for name in names:
        con.execute(sa.update(manifest).where(manifest.c.name == name).values(retired=1))


def sweep(home: Path, con: sa.Connection, *, keep_retired: bool) -> int:
    """Remove every file below the segments that the manifest does not hold; return how many.

    Only for the one writer, in a transaction that writes. Retired segments go
    too, unless somebody may still read them; the index of words of a segment
    goes with it.
    """
    if not keep_retired:
        con.execute(sa.delete(manifest).where(manifest.c.retired == 1))
    held = {home / name for (name,) in con.execute(sa.select(manifest.c.name))}
    swept = 0
    for path in sorted((home / DIRECTORY).rglob("*"), reverse=True):
        if path.is_dir():
            with suppress(OSError):
                path.rmdir()
        elif path.suffix == PART or (
            path.suffix in (".parquet", WORDS) and path.with_suffix(".parquet") not in held
        ):
            path.unlink()
            swept += 1
    return swept


def missing(home: Path, segments: Iterable[Segment]) -> StoreError | None:
    """Return what to raise where a segment's file is gone or has another size than when written."""
    for segment in segments:
        try:
            size = (home / segment.name).stat().st_size
        except FileNotFoundError:
            return _trouble(home, segment, "This segment is missing.")
        except OSError as error:
            return _trouble(home, segment, f"This segment cannot be read: {error.strerror}.")
        if size != segment.n_bytes:
            return _trouble(
                home, segment, f"This segment has {size} bytes, it was written with {segment.n_bytes}."
            )
    return None


def damaged(home: Path, segments: Iterable[Segment]) -> StoreError | None:
    """Return what to raise where a segment cannot be read to its end, its pages' checksums included."""
    for segment in segments:
        try:
            with pq.ParquetFile(home / segment.name, page_checksum_verification=True) as file:
                for group in range(file.num_row_groups):
                    file.read_row_group(group)
        except (OSError, pa.ArrowException) as error:
            return _trouble(home, segment, f"This segment is damaged: {str(error).splitlines()[0]}.")
    return None


def _trouble(home: Path, segment: Segment, what: str) -> StoreError:
    return StoreError(
        what,
        where=str(home / segment.name),
        do=f"Restore the file from a backup. Or give up its {segment.n_rows} rows of {segment.kind} with "
        f"Archive.forget({segment.name!r}) and read their sources again.",
    )
