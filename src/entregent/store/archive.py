"""The archive: append batches, read them as tables.

A home holds ``segments/`` (Parquet), ``state.sqlite`` (manifest, live rows
that have not rolled to segments yet, cursors, notices, register of studies),
``key``, and two lock files. One process writes, any number read. A batch is
kept whole with its cursor, or not at all: its segments count only once one
transaction has entered them in the manifest.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from entregent.clock import Period, to_micros
from entregent.errors import StoreError
from entregent.progress import Progress, Quiet
from entregent.records import TABLES, Gap
from entregent.results import InputFile, Notice
from entregent.store import compaction, hot, notices, segments, views
from entregent.store.compaction import Compacted, Rewriting
from entregent.store.engine import connect
from entregent.store.holdings import Batch, Contents, Holdings, Within, by_kind, contents
from entregent.store.hot import Rolled
from entregent.store.intake import Appended, Intake, check_tables
from entregent.store.lock import Lease, WriterLock, remove_abandoned
from entregent.store.segments import Segment
from entregent.store.state import State, cursors, inputs, manifest
from entregent.store.suppression import Suppression

__all__ = ["Appended", "Archive", "Batch", "Compacted", "Contents", "Rolled", "Within"]

WRITER_LOCK = "writer.lock"
READER_LEASE = "readers.lock"
SPILL = "spill"
THROW_AWAY = "entregent-throw-away-"
ROWS_AT_ONCE = 100_000
ROLL_AFTER = timedelta(hours=1)
SMALL_SEGMENTS = 200


class Archive:
    """Posts and all that belongs to them, on disk.

    Open one with :meth:`open` or :meth:`throw_away`; close it, or use it in a
    ``with`` statement. Not to be shared between threads that append.
    """

    def __init__(
        self,
        home: Path,
        state: State,
        *,
        lock: WriterLock | None,
        lease: Lease | None,
        durable: bool,
        memory_mb: int,
        threads: int,
    ) -> None:
        self.home = home
        self.state = state
        self._lock = lock
        self._lease = lease
        self._durable = durable
        self._memory_mb = memory_mb
        self._threads = threads
        self._intake: Intake | None = None
        self._seq = 0
        # Rows and bytes that wait to roll, and since when.
        self._waiting = (0, 0)
        self._since: datetime | None = None

    @classmethod
    def open(
        cls, home: Path, *, writer: bool, memory_mb: int = 1024, threads: int = 0, durable: bool = True
    ) -> Archive:
        """Open the archive of a home.

        Parameters
        ----------
        home : Path
            ``Config.home``; a writer makes it where it does not exist.
        writer : bool
            Whether to append, compact or erase. One process at a time may.
        memory_mb, threads : int
            Limits of each connection, see :func:`entregent.store.engine.connect`.
        durable : bool
            Whether what is committed must survive a power failure.

        Raises
        ------
        ArchiveLocked
            Where another process writes.
        StoreError
            Where there is no archive, or the home cannot be used.

        Examples
        --------
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as home:
        ...     with Archive.open(Path(home), writer=True) as archive:
        ...         archive.scan("posts", ["id"]).read_all().num_rows
        0
        """
        state = State.open(home, writable=writer)
        lock: WriterLock | None = None
        lease: Lease | None = None
        try:
            try:
                if writer:
                    lock = WriterLock(home / WRITER_LOCK)
                else:
                    lease = Lease(home / READER_LEASE)
            except OSError as error:
                raise StoreError(
                    f"The home cannot be used: {error.strerror}.",
                    where=str(home),
                    do="Check its permissions, or open the archive for reading.",
                ) from error
            archive = cls(
                home,
                state,
                lock=lock,
                lease=lease,
                durable=durable,
                memory_mb=memory_mb,
                threads=threads,
            )
            if writer:
                archive._recover()
        except BaseException:
            state.close()
            for held in (lock, lease):
                if held is not None:
                    held.release()
            raise
        return archive

    @classmethod
    @contextmanager
    def throw_away(cls, *, memory_mb: int = 1024, threads: int = 0) -> Iterator[Archive]:
        """Open an archive in a temporary directory that is removed at the end, whatever happens.

        What a killed process left of one is removed when the next one opens.
        """
        parent = Path(tempfile.gettempdir())
        remove_abandoned(parent, f"{THROW_AWAY}*", WRITER_LOCK)
        home = Path(tempfile.mkdtemp(prefix=THROW_AWAY, dir=parent))
        try:
            with cls.open(home, writer=True, memory_mb=memory_mb, threads=threads, durable=False) as archive:
                yield archive
        finally:
            shutil.rmtree(home, ignore_errors=True)

    def close(self) -> None:
        """Let the next writer in."""
        self._intake = None
        self.state.close()
        for held in (self._lock, self._lease):
            if held is not None:
                held.release()

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _writes(self) -> None:
        if self._lock is None:
            raise StoreError(
                "This archive was opened for reading.", where=str(self.home), do="Open it with writer=True."
            )

    def _recover(self) -> None:
        shutil.rmtree(self.home / SPILL, ignore_errors=True)
        try:
            with self.state.begin() as con:
                segments.sweep(self.home, con, keep_retired=Lease.anybody(self.home / READER_LEASE))
                held = hot.held(con)
                self._seq = max(
                    int(con.scalar(sa.select(sa.func.max(manifest.c.seq))) or 0),
                    max((one.seq for one in held), default=0),
                )
                self._waiting = (sum(one.n_rows for one in held), sum(one.n_bytes for one in held))
        except OSError as error:
            raise StoreError(
                f"What a stopped writer left cannot be removed: {error}.",
                where=str(self.home),
                do="Check the permissions of the home.",
            ) from error

    # Appending

    def append(
        self, batch: Batch, *, source: str = "", live: bool = False, within: Within | None = None
    ) -> Appended:
        """Keep what is new of a batch, together with its cursor, notices, gaps and finished files.

        Parameters
        ----------
        batch : Batch
            Tables with exactly the columns of :func:`entregent.records.schema`.
        source : str
            Name under which the cursor and the notices are kept.
        live : bool
            Whether its rows wait in the database for :meth:`roll`, as many small batches come.
        within : callable, optional
            Called in the transaction that keeps the batch, with its connection
            and the tables of what is new: what it writes to the state is kept
            with the batch or not at all. Where it raises, nothing is kept.

        Returns
        -------
        Appended

        Raises
        ------
        StoreError
            Where a table is not as the records say, a disk is full, or a
            segment is damaged. Nothing of the batch is kept then.

        Notes
        -----
        Records are told apart by a keyed digest of 128 bits of network and
        native id (posts: with the version, of which the highest stays). Of a
        record that comes twice in the same version the first stays. A deleted
        record that comes later is left out.
        """
        self._writes()
        tables = {name: getattr(batch, name) for name in TABLES}
        check_tables(tables)
        written: list[Segment] = []
        try:
            sifted = self._known().sift(tables)
            waiting = self._waiting
            for kind, table in () if live else sifted.tables.items():
                written.append(
                    segments.write(self.home, kind, table, seq=self._seq + 1, durable=self._durable)
                )
            told = batch.cursor is not None or batch.notices or batch.finished or batch.gaps
            if sifted.tables or told:
                with self.state.begin() as con:
                    self._enter(con, batch, written, source)
                    for one in hot.enter(con, self._seq + 1, sifted.tables) if live else ():
                        waiting = (waiting[0] + one.n_rows, waiting[1] + one.n_bytes)
                    if within is not None:
                        within(con, sifted.tables)
        except BaseException:
            # The digests of what was not kept must not be taken for known.
            self._intake = None
            segments.discard(self.home, written)
            raise
        self._seq += 1
        self._waiting = waiting
        return sifted.appended

    def _enter(self, con: sa.Connection, batch: Batch, written: Sequence[Segment], source: str) -> None:
        segments.record(con, written)
        if batch.cursor is not None:
            con.execute(sa.delete(cursors).where(cursors.c.source == source))
            con.execute(sa.insert(cursors), {"source": source, "place": batch.cursor})
        for file in batch.finished:
            row = {"sha256": file.sha256, "name": file.name}
            con.execute(sa.delete(inputs).where(*(inputs.c[name] == row[name] for name in row)))
            con.execute(
                sa.insert(inputs),
                {**row, "n_bytes": file.bytes, "n_rows": file.rows, "format": file.format},
            )
        notices.add(con, source, batch.notices)
        for gap in batch.gaps:
            self.state.record_gap(con, gap)

    def _known(self) -> Intake:
        if self._intake is None:
            erased = Suppression(self.state.suppressed(), self.state.key)
            held = Holdings.read(self.state)
            self._intake = Intake(self.home, by_kind(held.segments), held.hot, erased)
        return self._intake

    def cursor(self, source: str) -> str | None:
        """Return the place to go on from, None where the source never came."""
        return self.state.cursor(source)

    def inputs(self) -> tuple[InputFile, ...]:
        """Return the files that were read to their end."""
        return self.state.inputs()

    def notices(self, source: str | None = None) -> tuple[Notice, ...]:
        """Return the notices that came with batches, of one source or of all, merged."""
        with self.state.read() as con:
            return notices.read(con, source)

    def gaps(
        self, source: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[Gap, ...]:
        """Return the stretches in which a source brought nothing and should have, in order of time.

        Parameters
        ----------
        source : str, optional
            Of all sources unless told.
        since, until : datetime, optional
            Those only that reach into the time from `since` to before `until`.
        """
        return self.state.gaps(source, since, until)

    # Reading

    def segments(self, kind: str | None = None) -> tuple[Segment, ...]:
        """Return the segments that count, oldest first."""
        with self.state.read() as con:
            return segments.listed(con, kind)

    def contents(self) -> dict[str, Contents]:
        """Return what the archive holds of each kind of record, without reading a row."""
        with self.state.read() as con:
            return contents(segments.listed(con), hot.held(con))

    def connection(self, period: Period | None = None) -> duckdb.DuckDBPyConnection:
        """Return a connection on which the archive's present state is laid out as views.

        Parameters
        ----------
        period : Period, optional
            Posts and interactions (by time) and raw payloads (by reception)
            of this period only; a record without a time is in the open period
            alone. Observations up to its end. Accounts always all.

        Returns
        -------
        duckdb.DuckDBPyConnection
            With the views ``posts`` (latest version), ``accounts`` (latest
            known value of each column), ``interactions``, ``observations``,
            ``latest_observations`` (one for each subject and metric), ``raw``
            (latest payload of each id) and ``tombstones``, columns as in
            :func:`entregent.records.schema`. Close it after use.

        Raises
        ------
        StoreError
            Where a segment is missing or damaged.

        Notes
        -----
        ``interactions`` holds what is stored and, derived from posts, replies
        (id of the post and ``#reply``), quotes (``#quote``) and mentions
        (``#mention:`` and the account; without an object). A `target` that is
        not known is that of the author of the object where a post of that id
        is known, in the period or not.

        What is deleted is in no view, nor what derives from it. Acts of others
        on a deleted post stay, their object is then the id of no post.

        The views show the moment of this call. They stay readable during
        appends, and during compactions by another process; after
        :meth:`compact` or an erasure by this one, take a new connection.
        """
        return self._laid(Holdings.read(self.state), period)

    def _laid(self, held: Holdings, period: Period | None) -> duckdb.DuckDBPyConnection:
        trouble = segments.missing(self.home, held.segments)
        if trouble is not None:
            raise trouble
        con = self.engine()
        try:
            views.lay(
                con,
                {kind: self._paths(some) for kind, some in by_kind(held.segments).items()},
                self._paths(s for s in held.segments if s.kind == "tombstones" and s.pending),
                period or Period(),
                held.hot,
            )
        except duckdb.Error as error:
            con.close()
            raise self._explained(error, held.segments) from error
        except BaseException:
            con.close()
            raise
        return con

    def engine(self) -> duckdb.DuckDBPyConnection:
        """Return a connection within the limits of this archive, on which nothing is laid out."""
        spill = self.home / SPILL if self._lock is not None else None
        return connect(memory_mb=self._memory_mb, threads=self._threads, temp_directory=spill)

    def _paths(self, some: Iterable[Segment]) -> list[Path]:
        return [self.home / segment.name for segment in some]

    def _explained(self, error: duckdb.Error, held: Sequence[Segment]) -> StoreError:
        trouble = segments.missing(self.home, held) or segments.damaged(self.home, held)
        return trouble or StoreError(
            f"A query failed: {str(error).splitlines()[0]}",
            where=str(self.home),
            do="Give it more memory (memory_mb) or disk where it ran out.",
        )

    def scan(
        self, view: str, columns: Sequence[str] | None = None, period: Period | None = None
    ) -> pa.RecordBatchReader:
        """Read columns of a view in pieces, in no promised order.

        Parameters
        ----------
        view : str
            One of the views of :meth:`connection`.
        columns : sequence of str, optional
            All unless told.
        period : Period, optional
            As for :meth:`connection`.

        Returns
        -------
        pyarrow.RecordBatchReader
            With the types of :func:`entregent.records.schema`;
            ``.read_all()`` gives a table. Read it to its end or close it.

        Raises
        ------
        StoreError
            For a view or column that does not exist, a segment that is
            missing, or (while reading) one that is damaged.
        """
        if view not in views.VIEWS:
            raise StoreError(f"There is no view {view!r}.", valid=views.VIEWS)
        whole = views.view_schema(view)
        names = list(columns) if columns is not None else whole.names
        for name in names:
            if name not in whole.names:
                raise StoreError(f"There is no column {name!r} in {view}.", valid=whole.names)
        if not names:
            raise StoreError(f"No column of {view} was named.", valid=whole.names)
        chosen = pa.schema([whole.field(name) for name in names])
        held = Holdings.read(self.state)
        con = self._laid(held, period)

        def pieces() -> Iterator[pa.RecordBatch]:
            with con:
                try:
                    found = con.sql(f"SELECT {', '.join(names)} FROM main.{view}").to_arrow_reader(
                        ROWS_AT_ONCE
                    )
                    for piece in found:
                        yield piece.cast(chosen)
                except duckdb.Error as error:
                    raise self._explained(error, held.segments) from error

        return pa.RecordBatchReader.from_batches(chosen, pieces())

    def verify(self) -> None:
        """Read everything to its end, checksums of pages included.

        Raises
        ------
        StoreError
            Naming the first segment that is missing or damaged, and what to do.
        """
        held = Holdings.read(self.state).segments
        trouble = segments.missing(self.home, held) or segments.damaged(self.home, held)
        if trouble is not None:
            raise trouble

    # Upkeep

    def roll_due(self, now: datetime) -> bool:
        """Whether live rows are many, or have been asked about for an hour, so that they should roll.

        Parameters
        ----------
        now : datetime
        """
        rows, size = self._waiting
        if not rows:
            return False
        self._since = self._since or now
        return rows >= hot.ROLL_ROWS or size >= hot.ROLL_BYTES or now - self._since >= ROLL_AFTER

    def roll(self) -> Rolled:
        """Write the live rows that have gathered as segments by day.

        Returns
        -------
        Rolled

        Raises
        ------
        StoreError
            Where a disk is full; the rows are then where they were.

        Notes
        -----
        One transaction enters the segments and takes the rows out of the
        database: at no instant are they in both, or in neither.
        """
        self._writes()
        rolled = hot.roll(self.home, self.state, seq=self._seq + 1, durable=self._durable)
        self._seq += 1
        self._waiting, self._since = (0, 0), None
        if rolled.rows:
            self.state.settle()
        return rolled

    def compact_due(self) -> bool:
        """Whether so many small segments have gathered that reading them has become slow."""
        small = sum(segment.n_rows < compaction.DAY_ROWS for segment in self.segments("posts"))
        return small > SMALL_SEGMENTS

    def compact(
        self,
        now: datetime,
        *,
        keep_days: Mapping[str, int] | None = None,
        progress: Progress | None = None,
    ) -> Compacted:
        """Bring segments into few files by day; remove for good what is deleted, replaced or past keeping.

        Parameters
        ----------
        now : datetime
            Raw payloads whose ``keep_until`` is not after it are dropped.
        keep_days : mapping of str to int, optional
            By network, how long its posts are kept. Accounts and what has no time stay.
        progress : Progress, optional

        Returns
        -------
        Compacted

        Notes
        -----
        Files that no segment needs any more are removed at once, or, while
        other processes read the archive, when a writer next opens or compacts.
        """
        self.roll()
        done = compaction.compact(
            self.home,
            self.state,
            to_micros(now),
            seq=self._seq + 1,
            durable=self._durable,
            engine=self.engine,
            progress=progress or Quiet(),
            oldest={network: to_micros(now - timedelta(days)) for network, days in (keep_days or {}).items()},
        )
        self.renew()
        self.sweep()
        return done

    def rewriting(self, con: duckdb.DuckDBPyConnection) -> Rewriting:
        """Return what collects segments that will take the place of others; :meth:`renew` after it.

        Everything must be in segments: :meth:`roll` before.
        """
        self._writes()
        return Rewriting(self.home, con, seq=self._seq + 1, durable=self._durable)

    def renew(self) -> None:
        """Take note that segments were rewritten: digests are read again when next needed."""
        self._seq += 1
        self._intake = None

    def sweep(self, *, at_once: bool = False) -> None:
        """Remove files that no longer count; `at_once` even while somebody reads them."""
        self._writes()
        reading = not at_once and Lease.anybody(self.home / READER_LEASE)
        with self.state.begin() as con:
            segments.sweep(self.home, con, keep_retired=reading)
        shutil.rmtree(self.home / SPILL, ignore_errors=True)

    def forget(self, name: str) -> None:
        """Give up a segment that is damaged or missing.

        Parameters
        ----------
        name : str
            As the error named it, a path below the home.

        Raises
        ------
        StoreError
            Where there is no such segment.
        """
        self._writes()
        if name not in {segment.name for segment in self.segments()}:
            raise StoreError(f"There is no segment {name!r}.", where=str(self.home))
        with self.state.begin() as con:
            segments.retire(con, [name])
        self._intake = None
        self.sweep()
