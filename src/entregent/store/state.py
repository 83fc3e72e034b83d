"""What the archive must remember beside its segments: one small relational database.

SQLAlchemy Core, so that the same code serves a SQLite file beside the segments
and, beyond one machine, PostgreSQL. Times are microseconds since 1970; people
appear only as keyed digests, whose key lies in the home, readable by its owner
alone.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from entregent.clock import from_micros, to_micros
from entregent.errors import StoreError
from entregent.records import Gap
from entregent.results import InputFile
from entregent.store import migrations

__all__ = ["State", "StudyEntry", "new_study_id"]

FILE_NAME = "state.sqlite"
KEY_NAME = "key"
KEY_BYTES = 32
BUSY_SECONDS = 20

_metadata = sa.MetaData()


def _text(name: str, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=more.pop("nullable", False), **more)


def _count(name: str, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=more.pop("nullable", False), **more)


def _flag(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer, nullable=False)


manifest = sa.Table(
    "manifest",
    _metadata,
    _text("name", primary_key=True),
    _text("kind"),
    _count("seq"),
    _count("n_rows"),
    _count("n_bytes"),
    _count("first_time", nullable=True),
    _count("last_time", nullable=True),
    _count("n_untimed"),
    _count("keep_until", nullable=True),
    _flag("pending"),
    _flag("retired"),
)
hot = sa.Table(
    "hot",
    _metadata,
    _count("seq", primary_key=True),
    _text("kind", primary_key=True),
    _count("n_rows"),
    _count("n_bytes"),
    _count("first_time", nullable=True),
    _count("last_time", nullable=True),
    sa.Column("held", sa.LargeBinary, nullable=False),
)
inputs = sa.Table(
    "inputs",
    _metadata,
    _text("sha256", primary_key=True),
    _text("name", primary_key=True),
    _count("n_bytes"),
    _count("n_rows"),
    _text("format"),
)
notices = sa.Table(
    "notices",
    _metadata,
    _text("source", primary_key=True),
    _text("code", primary_key=True),
    _text("words", primary_key=True),
    _count("n"),
    _text("places"),
)
cursors = sa.Table("cursors", _metadata, _text("source", primary_key=True), _text("place"))
gaps = sa.Table(
    "gaps",
    _metadata,
    _text("source", primary_key=True),
    _count("start_time", primary_key=True),
    _count("end_time"),
    _text("reason"),
)
studies = sa.Table(
    "studies",
    _metadata,
    _text("id", primary_key=True),
    _text("title"),
    _text("purpose"),
    _text("topic", nullable=True),
    _count("made_at"),
    _text("expires"),
    _text("paths"),
    _text("sha256"),
    _count("seed"),
    _flag("pseudonymised"),
    _text("version"),
)
study_people = sa.Table(
    "study_people", _metadata, _text("study", primary_key=True), _text("person", primary_key=True)
)
findings = sa.Table(
    "findings",
    _metadata,
    _text("id", primary_key=True),
    _text("kind"),
    _text("seen"),
    _text("cautions"),
    _text("method"),
    _text("version"),
    _count("seed"),
    _count("made_at"),
    _count("expires"),
)
finding_people = sa.Table(
    "finding_people",
    _metadata,
    _text("finding", primary_key=True),
    _text("person", primary_key=True),
    _text("role"),
)
finding_events = sa.Table(
    "finding_events",
    _metadata,
    _text("finding", primary_key=True),
    _count("number", primary_key=True),
    _count("at"),
    _text("kind"),
    _text("by", nullable=True),
    _text("person", nullable=True),
    _text("decision", nullable=True),
    _count("reverses", nullable=True),
    _text("words"),
)
suppressions = sa.Table(
    "suppressions", _metadata, _text("digest", primary_key=True), _text("kind"), _count("since")
)


@dataclass(frozen=True)
class StudyEntry:
    """A study in the register.

    Parameters
    ----------
    id : str
        From :func:`new_study_id`.
    expires : date
        First day on which the study must no longer be used.
    paths : tuple of str
        Where copies were written.
    sha256 : str
        Of ``index.html``.
    """

    id: str
    title: str
    purpose: str
    made_at: datetime
    expires: date
    paths: tuple[str, ...]
    sha256: str
    seed: int
    pseudonymised: bool
    version: str
    topic: str | None = None


def new_study_id() -> str:
    """Return an id that no other study has."""
    return secrets.token_hex(8)


def _configure(connection: Any, *, writable: bool) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    if writable:
        cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA secure_delete = ON")
    cursor.close()


def _engine(path: Path, *, writable: bool, immutable: bool = False) -> sa.Engine:
    address = f"file:{quote(str(path.absolute()))}?mode={'rwc' if writable else 'ro'}"
    if immutable:
        address += "&immutable=1"

    def opened() -> sqlite3.Connection:
        connection = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)
        try:
            _configure(connection, writable=writable)
        except BaseException:
            connection.close()
            raise
        return connection

    engine = sa.create_engine("sqlite://", creator=opened, poolclass=sa.pool.QueuePool)

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A transaction that reads first and writes later finds its snapshot stale under
        # concurrent writers; taking the write lock at once makes it wait instead.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _read_key(path: Path, *, writable: bool) -> bytes:
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        if not writable:
            return b""
        fresh = path.with_name(f".{KEY_NAME}-{secrets.token_hex(4)}")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, secrets.token_bytes(KEY_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            # Of two processes that come first, one wins and both read the winner's.
            os.link(fresh, path)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
        key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise StoreError(
            f"The key has {len(key)} bytes instead of {KEY_BYTES}.",
            where=str(path),
            do="Restore it from a backup: without it, erased people cannot be recognised.",
        )
    return key


class State:
    """The database of one home.

    Open it with :meth:`open`. Writing needs no lock of the archive: short
    transactions of several processes wait for each other.
    """

    def __init__(self, engine: sa.Engine, key: bytes, where: str) -> None:
        self.engine = engine
        self.key = key
        self.where = where

    @classmethod
    def open(cls, home: Path, *, writable: bool = True) -> State:
        """Open the database of a home, made and brought up to date where it may be written.

        Parameters
        ----------
        home : Path
            ``Config.home``.
        writable : bool
            Whether to make what is missing.

        Raises
        ------
        StoreError
            Where the home cannot be used, was written by a newer Entregent, or
            (not `writable`) does not exist.
        """
        path = home / FILE_NAME
        if not writable and not path.is_file():
            raise StoreError(
                "There is no archive here.",
                where=str(home),
                do="Name the home of an archive (ENTREGENT_HOME), or collect something first.",
            )
        try:
            if writable:
                home.mkdir(parents=True, exist_ok=True, mode=0o700)
            lost = path.exists() and not (home / KEY_NAME).exists()
            key = b"" if lost else _read_key(home / KEY_NAME, writable=writable)
        except (FileExistsError, NotADirectoryError) as error:
            raise StoreError(
                "This is a file; the home must be a directory.", where=str(home), do="Choose another home."
            ) from error
        except OSError as error:
            raise StoreError(
                f"The home cannot be used: {error.strerror}.", where=str(home), do="Check its permissions."
            ) from error
        if writable:
            state = cls(_engine(path, writable=True), key, str(path))
        else:
            immutable = not os.access(home, os.W_OK) and not path.with_name(FILE_NAME + "-wal").exists()
            state = cls(_engine(path, writable=False, immutable=immutable), key, str(path))
        try:
            state._prepare(writable)
            if lost and state._has_digests():
                raise StoreError(
                    "The key of this home is missing, so erased people cannot be recognised.",
                    where=str(home / KEY_NAME),
                    do="Restore it from a backup.",
                )
            if lost:
                state.key = _read_key(home / KEY_NAME, writable=writable)
        except BaseException:
            state.close()
            raise
        return state

    def _prepare(self, writable: bool) -> None:
        with self.read() as con:
            present = migrations.version(con)
        if writable and present != migrations.LATEST:
            with self.begin() as con:
                migrations.migrate(con, where=self.where)
        elif present > migrations.LATEST:
            with self.read() as con:
                migrations.migrate(con, where=self.where)
        elif present < migrations.LATEST:
            raise StoreError(
                f"The database has version {present}, this Entregent reads {migrations.LATEST}.",
                where=self.where,
                do="Open the archive for writing once; that brings it up to date.",
            )

    def _has_digests(self) -> bool:
        with self.read() as con:
            return any(
                con.scalar(sa.select(sa.func.count()).select_from(t))
                for t in (suppressions, study_people, finding_people)
            )

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def __enter__(self) -> State:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """Open a transaction that writes: all of it is kept, or none."""
        with self._told(), self.engine.connect().execution_options(writes=True) as con, con.begin():
            yield con

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """Open a transaction that reads one consistent state."""
        with self._told(), self.engine.connect() as con, con.begin():
            yield con

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            reason = str(error.orig)
            if "no such table" in reason or "not a database" in reason or "malformed" in reason:
                advice = "This is no database of Entregent, or it is damaged: restore it from a backup."
            elif "locked" in reason:
                advice = f"Another process held it for more than {BUSY_SECONDS} seconds: try again."
            elif "full" in reason:
                advice = "Free some space and run again; nothing of this transaction was kept."
            else:
                advice = "Check that its directory exists and may be written."
            raise StoreError(f"The database refused: {reason}.", where=self.where, do=advice) from error

    def scrub(self) -> None:
        """Rewrite the database so that nothing deleted is left in its files."""
        with self._told(), self.engine.connect() as con:
            raw: Any = con.connection.driver_connection
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            raw.execute("VACUUM")
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def settle(self) -> None:
        """Empty the write-ahead log, as far as nobody reads it: it still holds what was deleted."""
        with self._told(), self.engine.connect() as con:
            raw: Any = con.connection.driver_connection
            raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    # Cursors, inputs, gaps

    def cursor(self, source: str) -> str | None:
        """Return the place to go on from, None where the source never came."""
        with self.read() as con:
            return con.scalar(sa.select(cursors.c.place).where(cursors.c.source == source))

    def inputs(self) -> tuple[InputFile, ...]:
        """Return the files that were read to their end."""
        with self.read() as con:
            rows = con.execute(sa.select(inputs).order_by(inputs.c.name, inputs.c.sha256)).all()
        return tuple(InputFile(row.name, row.sha256, row.n_bytes, row.n_rows, row.format) for row in rows)

    def add_gap(self, gap: Gap) -> None:
        """Record a gap; one with the same source and start is replaced."""
        with self.begin() as con:
            self.record_gap(con, gap)

    def record_gap(self, con: sa.Connection, gap: Gap) -> None:
        """Record a gap as :meth:`add_gap` does, in the transaction of `con`."""
        row = {
            "source": gap.source,
            "start_time": to_micros(gap.start),
            "end_time": to_micros(gap.end),
            "reason": gap.reason,
        }
        con.execute(
            sa.delete(gaps).where(gaps.c.source == gap.source, gaps.c.start_time == row["start_time"])
        )
        con.execute(sa.insert(gaps), row)

    def gaps(
        self, source: str | None = None, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[Gap, ...]:
        """Return recorded gaps in order of time, of one source or of all.

        Parameters
        ----------
        source : str, optional
        since, until : datetime, optional
            Those only that reach into the time from `since` to before `until`.
        """
        query = sa.select(gaps).order_by(gaps.c.start_time, gaps.c.source)
        if source is not None:
            query = query.where(gaps.c.source == source)
        if since is not None:
            query = query.where(gaps.c.end_time > to_micros(since))
        if until is not None:
            query = query.where(gaps.c.start_time < to_micros(until))
        with self.read() as con:
            rows = con.execute(query).all()
        return tuple(
            Gap(row.source, from_micros(row.start_time), from_micros(row.end_time), row.reason)
            for row in rows
        )

    def suppressed(self) -> tuple[str, ...]:
        """Return the keyed digests of erased people and of their posts."""
        with self.read() as con:
            return tuple(con.scalars(sa.select(suppressions.c.digest)))

    # The register of studies

    def register_study(self, entry: StudyEntry, people: Iterable[str]) -> None:
        """Enter a study and, as keyed digests, the accounts that it names.

        Parameters
        ----------
        entry : StudyEntry
            An entry with the same id is replaced.
        people : iterable of str
            Account ids, ``network:native-id``; those of a pseudonymised study
            too, since its tables still speak of them.
        """
        import pyarrow as pa

        from entregent.store.keys import row_digests

        ids = pa.array(sorted(set(people)), pa.string())
        digests = row_digests([ids], self.key).astype("<u8")
        rows = [{"study": entry.id, "person": pair.tobytes().hex()} for pair in digests]
        with self.begin() as con:
            con.execute(sa.delete(studies).where(studies.c.id == entry.id))
            con.execute(sa.delete(study_people).where(study_people.c.study == entry.id))
            con.execute(
                sa.insert(studies),
                {
                    "id": entry.id,
                    "title": entry.title,
                    "purpose": entry.purpose,
                    "topic": entry.topic,
                    "made_at": to_micros(entry.made_at),
                    "expires": entry.expires.isoformat(),
                    "paths": json.dumps(entry.paths),
                    "sha256": entry.sha256,
                    "seed": entry.seed,
                    "pseudonymised": int(entry.pseudonymised),
                    "version": entry.version,
                },
            )
            if rows:
                con.execute(sa.insert(study_people), rows)

    def _studies(self, *conditions: sa.ColumnElement[bool]) -> tuple[StudyEntry, ...]:
        query = sa.select(studies).where(*conditions).order_by(studies.c.made_at, studies.c.id)
        with self.read() as con:
            rows = con.execute(query).all()
        return tuple(
            StudyEntry(
                id=row.id,
                title=row.title,
                purpose=row.purpose,
                made_at=from_micros(row.made_at),
                expires=date.fromisoformat(row.expires),
                paths=tuple(json.loads(row.paths)),
                sha256=row.sha256,
                seed=row.seed,
                pseudonymised=bool(row.pseudonymised),
                version=row.version,
                topic=row.topic,
            )
            for row in rows
        )

    def studies(self) -> tuple[StudyEntry, ...]:
        """Return all studies, oldest first."""
        return self._studies()

    def studies_holding(self, account_id: str) -> tuple[StudyEntry, ...]:
        """Return the studies that name an account: the copies that an erasure must reach."""
        from entregent.store.keys import digest

        holding = sa.select(study_people.c.study).where(study_people.c.person == digest(account_id, self.key))
        return self._studies(studies.c.id.in_(holding))

    def expired(self, now: datetime) -> tuple[StudyEntry, ...]:
        """Return the studies that must no longer be used: those whose day of expiry has come."""
        return self._studies(studies.c.expires <= now.date().isoformat())

    def forget_study(self, study_id: str) -> None:
        """Strike a study off the register, once its copies are gone."""
        with self.begin() as con:
            con.execute(sa.delete(studies).where(studies.c.id == study_id))
            con.execute(sa.delete(study_people).where(study_people.c.study == study_id))
