"""What of a batch is new: duplicates, old versions, deleted and refused records are left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_bytes

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from entregent.errors import StoreError
from entregent.records import TABLES, schema
from entregent.store.keys import KNOWN, NEW, NEWER, Changes, Digests, Index, row_digests
from entregent.store.segments import Segment, damaged
from entregent.store.suppression import Suppression

__all__ = ["Appended", "Intake", "Sifted", "check_tables"]

_REQUIRED = {
    "posts": ("id", "network", "kind", "version"),
    "accounts": ("id", "network"),
    "interactions": ("id", "network", "kind", "actor"),
    "observations": ("subject", "subject_kind", "metric"),
    "tombstones": ("id", "kind"),
    "raw": ("id", "network", "payload", "received_at", "keep_until"),
}

_IDENTITY = {
    "posts": ("id",),
    "interactions": ("id",),
    "observations": ("subject", "subject_kind", "metric", "value", "seen_at"),
    "raw": ("id", "payload"),
}
"""Columns that tell rows apart; accounts and tombstones have rules of their own."""

_ACCOUNT_STATE = ("id", "handle", "name", "url", "description", "kind", "declared", "created_at")

_LEAST = np.iinfo(np.int64).min


def check_tables(tables: Mapping[str, pa.Table]) -> None:
    """Raise an error that names the column where tables are not as the records say."""
    for name in TABLES:
        table, expected = tables[name], schema(name)
        if table.schema.names != expected.names:
            wrong = next(
                (given for given in table.schema.names if given not in expected.names),
                next(
                    (column for column in expected.names if column not in table.schema.names), "their order"
                ),
            )
            raise StoreError(
                f"The columns of a batch's {name} are not those of the records: {wrong!r}.",
                where=name,
                valid=expected.names,
            )
        for column in expected:
            given = table.schema.field(column.name).type
            if given != column.type:
                raise StoreError(
                    f"The column {column.name!r} of a batch's {name} is {given}.",
                    where=name,
                    valid=(str(column.type),),
                )
        for column_name in _REQUIRED[name]:
            nulls = table.column(column_name).null_count
            if nulls:
                raise StoreError(
                    f"The column {column_name!r} of a batch's {name} is null in {nulls} rows.",
                    where=name,
                    do="This is a fault of the source: it must leave such records out and count them.",
                )


@dataclass(frozen=True)
class Appended:
    """What became of the rows of a batch, by table.

    Parameters
    ----------
    new : mapping of str to int
        Kept, not there before. An account that changed is new as well.
    duplicate : mapping of str to int
        Left out: there already, in the same or a later version. For accounts
        and observations these are mostly sightings that tell nothing new.
    replaced : mapping of str to int
        Kept, and an older version no longer shown.
    deleted : mapping of str to int
        Left out: a tombstone covers them.
    refused : mapping of str to int
        Left out: by or about an erased person.
    """

    new: Mapping[str, int]
    duplicate: Mapping[str, int]
    replaced: Mapping[str, int]
    deleted: Mapping[str, int]
    refused: Mapping[str, int]


@dataclass(frozen=True)
class Sifted:
    """What is to be kept of a batch, by kind of segment, and what became of all its rows."""

    tables: Mapping[str, pa.Table]
    appended: Appended


def _micros(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    micros: npt.NDArray[np.int64] = column.cast(pa.int64()).fill_null(_LEAST).to_numpy()
    return micros


def _only(table: pa.Table, mask: npt.NDArray[np.bool_]) -> pa.Table:
    return table if mask.all() else table.filter(pa.array(mask))


class Intake:
    """Knows every record of an archive by digest.

    Digests of a kind of record are read from its segments when the first
    records of that kind come.

    Parameters
    ----------
    home : Path
    segments : mapping of str to sequence of Segment
        Those that count, by kind.
    hot : mapping of str to pyarrow.Table
        Rows that have not rolled to segments yet, by kind.
    suppression : Suppression
        Who must not come back.
    """

    def __init__(
        self,
        home: Path,
        segments: Mapping[str, Sequence[Segment]],
        hot: Mapping[str, pa.Table],
        suppression: Suppression,
    ) -> None:
        self._home = home
        self._segments = segments
        self._hot = dict(hot)
        self._suppression = suppression
        # Fresh at every start: digests never leave the memory of this process.
        self._key = token_bytes(16)
        self._indexes: dict[str, Index] = {}
        self._accounts: Changes | None = None
        self._gone: tuple[Index, Index] | None = None

    def sift(self, tables: Mapping[str, pa.Table]) -> Sifted:
        """Return what of a batch's tables is new, and take it up as known.

        The caller throws this object away where the outcome is not committed.
        """
        counts: dict[str, dict[str, int]] = {
            name: dict.fromkeys(TABLES, 0) for name in ("new", "duplicate", "replaced", "deleted", "refused")
        }
        admitted = self._suppression.admit(tables)
        kept: dict[str, pa.Table] = {}
        for name in TABLES:
            counts["refused"][name] = tables[name].num_rows - admitted[name].num_rows
        self._bury(admitted["tombstones"], kept, counts)
        dead_ids: list[pa.Array] = []
        for name in ("posts", "interactions", "accounts", "observations", "raw"):
            table = admitted[name]
            if table.num_rows == 0:
                continue
            alive = self._alive(name, table, dead_ids)
            counts["deleted"][name] = int(len(alive) - alive.sum())
            table = _only(table, alive)
            if name == "accounts":
                codes = self._known_accounts().add(
                    row_digests([table.column("id")], self._key),
                    row_digests([table.column(column) for column in _ACCOUNT_STATE], self._key),
                    _micros(table.column("seen_at")),
                )
            else:
                codes = self._index(name).add(*self._identity(name, table))
            if name == "posts" and (codes == NEWER).any():
                kept["newer"] = table.filter(pa.array(codes == NEWER)).select(["id", "version"])
            counts["new"][name] = int((codes == NEW).sum())
            counts["replaced"][name] = int((codes == NEWER).sum())
            counts["duplicate"][name] = int((codes == KNOWN).sum())
            kept[name] = _only(table, codes != KNOWN)
        kept = {kind: table for kind, table in kept.items() if table.num_rows}
        return Sifted(kept, Appended(**counts))

    def _identity(self, name: str, table: pa.Table) -> tuple[Digests, npt.NDArray[np.int64]]:
        digests = row_digests([table.column(column) for column in _IDENTITY[name]], self._key)
        if name == "posts":
            return digests, table.column("version").to_numpy()
        return digests, np.zeros(len(digests), np.int64)

    def _stored(self, kind: str, columns: Sequence[str]) -> Iterator[pa.Table]:
        for segment in self._segments.get(kind, ()):
            try:
                with pq.ParquetFile(self._home / segment.name) as file:
                    for batch in file.iter_batches(columns=list(columns)):
                        yield pa.Table.from_batches([batch]).select(list(columns))
            except (OSError, pa.ArrowException) as error:
                raise damaged(self._home, [segment]) or error from error
        if kind in self._hot:
            # Each kind is read once; then its digests are known.
            yield self._hot.pop(kind).select(list(columns))

    def _expected(self, kind: str) -> int:
        waiting = self._hot[kind].num_rows if kind in self._hot else 0
        return waiting + sum(segment.n_rows for segment in self._segments.get(kind, ()))

    def _index(self, name: str) -> Index:
        if name not in self._indexes:
            index = Index(self._expected(name))
            columns = _IDENTITY[name] + (("version",) if name == "posts" else ())
            for part in self._stored(name, columns):
                index.add(*self._identity(name, part))
            self._indexes[name] = index
        return self._indexes[name]

    def _known_accounts(self) -> Changes:
        if self._accounts is None:
            self._accounts = Changes(self._expected("accounts"))
            for part in self._stored("accounts", (*_ACCOUNT_STATE, "seen_at")):
                self._accounts.add(
                    row_digests([part.column("id")], self._key),
                    row_digests([part.column(column) for column in _ACCOUNT_STATE], self._key),
                    _micros(part.column("seen_at")),
                )
        return self._accounts

    def _graves(self) -> tuple[Index, Index]:
        if self._gone is None:
            self._gone = (Index(self._expected("tombstones")), Index())
            for part in self._stored("tombstones", ("id", "kind")):
                self._bury_rows(part)
        return self._gone

    def _bury_rows(self, table: pa.Table) -> npt.NDArray[np.int8]:
        records, accounts = self._graves()
        digests = row_digests([table.column("id")], self._key)
        versions = np.zeros(len(digests), np.int64)
        of_account = pc.equal(table.column("kind"), "account").to_numpy()
        codes = np.empty(len(digests), np.int8)
        codes[of_account] = accounts.add(digests[of_account], versions[of_account])
        codes[~of_account] = records.add(digests[~of_account], versions[~of_account])
        return codes

    def _bury(self, table: pa.Table, kept: dict[str, pa.Table], counts: dict[str, dict[str, int]]) -> None:
        if table.num_rows == 0:
            return
        codes = self._bury_rows(table)
        counts["new"]["tombstones"] = int((codes == NEW).sum())
        counts["duplicate"]["tombstones"] = int((codes == KNOWN).sum())
        kept["tombstones"] = _only(table, codes == NEW)

    def _alive(self, name: str, table: pa.Table, dead_ids: list[pa.Array]) -> npt.NDArray[np.bool_]:
        records, accounts = self._graves()
        alive = np.ones(table.num_rows, np.bool_)
        subject = "subject" if name == "observations" else "id"
        of_account = np.full(table.num_rows, name == "accounts")
        if name == "observations":
            of_account = pc.equal(table.column("subject_kind"), "account").to_numpy()
        if len(records) or len(accounts):
            digests = row_digests([table.column(subject)], self._key)
            alive &= ~(records.holds(digests) & ~of_account)
            alive &= ~(accounts.holds(digests) & of_account)
        actor = {"posts": "account", "interactions": "actor"}.get(name)
        if len(accounts) and actor is not None:
            alive &= ~accounts.holds(row_digests([table.column(actor)], self._key))
        if name in ("posts", "interactions") and not alive.all():
            dead_ids.append(table.column("id").filter(pa.array(~alive)).combine_chunks())
        elif name in ("observations", "raw") and dead_ids:
            # What belongs to a record that goes, goes with it.
            dead = pc.is_in(table.column(subject), value_set=pa.concat_arrays(dead_ids)).to_numpy()
            alive &= ~(dead & ~of_account)
        return alive
