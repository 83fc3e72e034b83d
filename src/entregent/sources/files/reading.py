"""Turning a batch of JSON texts into the six tables with the query engine.

One typed statement makes a temporary table of the texts, and one SELECT each
of the tables. A value of another type becomes null there and its row survives.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from entregent.clock import to_micros
from entregent.i18n import T, Text
from entregent.records import schema
from entregent.sources.files.format import Options
from entregent.sources.files.values import Values

__all__ = ["KINDS", "Check", "Reading", "columns", "connect", "observations", "repeated", "structure_sql"]

_MACROS = r"""
CREATE TEMP MACRO possible(moment, low, high) AS
    CASE WHEN moment >= low AND moment <= high THEN moment END;
CREATE TEMP MACRO written(moment) AS coalesce(
    try_cast(moment AS TIMESTAMPTZ),
    try_strptime(moment, ['%a %b %d %H:%M:%S %z %Y', '%a, %d %b %Y %H:%M:%S %z']),
    CASE WHEN regexp_full_match(moment,
        '[0-9]{9,10}(\.[0-9]+)?') THEN to_timestamp(try_cast(moment AS DOUBLE))
         WHEN regexp_full_match(moment, '[0-9]{13}') THEN make_timestamptz(try_cast(moment AS BIGINT) * 1000)
    END);
CREATE TEMP MACRO language(code) AS CASE
    WHEN code IN ('iw', 'in', 'ji') THEN MAP {'iw': 'he', 'in': 'id', 'ji': 'yi'}[code]
    WHEN regexp_full_match(code, '[a-zA-Z]{2,3}([-_].*)?') AND NOT regexp_full_match(code, 'und|zxx|q[a-t].')
    THEN lower(regexp_extract(code, '^[a-zA-Z]{2,3}')) END;
CREATE TEMP MACRO filled(content) AS CASE WHEN content <> '' THEN content END;
CREATE TEMP MACRO clean(content) AS
    CASE WHEN contains(content, chr(0)) THEN replace(content, chr(0), '') ELSE content END;
CREATE TEMP MACRO counted(number) AS CASE WHEN number >= 0 THEN number END;
CREATE TEMP MACRO texts(list) AS CASE WHEN len(list) > 0 THEN
    list_distinct(list_filter(list, lambda x: x <> '' AND x[1] NOT IN ('{', '['))) ELSE [] END;
CREATE TEMP MACRO many(list) AS least(coalesce(len(list), 0), 32767);
"""


@dataclass(frozen=True)
class Check:
    """Something to count in each batch.

    Parameters
    ----------
    code : str
    text : Text
    where : str
        SQL condition.
    source : str
        Temporary table with the column `n`.
    """

    code: str
    text: Text
    where: str
    source: str = "parsed j"


def repeated(records: str) -> Check:
    """Return the check that counts records which one batch holds more than once.

    Parameters
    ----------
    records : str
        Query of `n` and `id`, a row for each time that a record was given.
    """
    return Check(
        "record.duplicate",
        T("A record that was given before was left out."),
        "turn > 1",
        f"(SELECT n, row_number() OVER (PARTITION BY id ORDER BY n) AS turn FROM ({records}))",
    )


def columns(table: str, source: str, where: str = "true", /, **expressions: str) -> str:
    """Return a SELECT with the columns of `table` in their order; those not named are null.

    >>> columns("tombstones", "parsed", "j.gone", id="j.id", kind="'post'")
    "SELECT j.id AS id, 'post' AS kind, NULL AS time FROM parsed WHERE j.gone"
    """
    unknown = expressions.keys() - set(schema(table).names)
    if unknown:
        raise ValueError(f"{table} has no columns {sorted(unknown)}")
    listed = ", ".join(f"{expressions.get(name, 'NULL')} AS {_quoted(name)}" for name in schema(table).names)
    return f"SELECT {listed} FROM {source} WHERE {where}"


def _quoted(name: str) -> str:
    return f'"{name}"' if name == "object" else name


def connect() -> duckdb.DuckDBPyConnection:
    """Return an engine in memory, in UTC, that never fetches anything."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:
        cores = os.cpu_count() or 1
    con = duckdb.connect(
        ":memory:", config={"threads": min(cores, 4), "autoinstall_known_extensions": "false"}
    )
    con.execute("SET TimeZone = 'UTC'").fetchall()
    for statement in _MACROS.split(";\n"):
        if statement.strip():
            con.execute(statement).fetchall()
    return con


class Reading:
    """One file being read as one format. Formats give SQL; this gives everything else."""

    structure: ClassVar[Any]
    """Fields and their types, as ``from_json`` takes them."""
    accepted: ClassVar[str]
    """Condition on ``parsed j`` for a value that this format can read."""
    types: ClassVar[Mapping[str, str]] = {}
    """JSON path to a key of :data:`KINDS`, for fields worth a word when they are of another type."""
    typed_lines: ClassVar[str] = "lines"
    """Table whose lines are held against `types`."""
    wrappers: ClassVar[tuple[str, ...]] = ()
    """Fields of an object that is no record itself but holds records."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.con = connect()
        self.at(options.received_at)
        self.expected = structure_sql(self.structure)
        self.paths = list(self.types)

    def at(self, received_at: datetime) -> None:
        """Take what follows as received at this moment: a stream goes on for days."""
        self.options = replace(self.options, received_at=received_at)
        received = to_micros(received_at)
        self.received = f"make_timestamptz({received})"
        self.latest = f"make_timestamptz({received + 86_400_000_000})"

    def close(self) -> None:
        self.con.close()

    def steps(self) -> Sequence[str]:
        """Return statements that prepare temporary tables from ``parsed``: `i`, `n` and the fields."""
        return ()

    def selects(self) -> Mapping[str, str]:
        """Return a SELECT by table."""
        raise NotImplementedError

    def checks(self) -> Sequence[Check]:
        """Return what to count."""
        return ()

    def raw_id(self) -> str:
        """Return the SQL expression, on ``parsed j``, of the id that a payload is kept under."""
        raise NotImplementedError

    def finish(self, tables: dict[str, pa.Table]) -> dict[str, pa.Table]:
        """Return tables as they should be, where SQL alone does not do it."""
        return tables

    def last(self) -> dict[str, pa.Table]:
        """Return what was held back until the end of the file."""
        return {}

    def moment(self, expression: str) -> str:
        """Return SQL of a moment that is written as text, null where it cannot be."""
        return f"possible(written({expression}), TIMESTAMPTZ '1990-01-01', {self.latest})"

    def parse(self, values: Values) -> None:
        """Fill ``parsed``; raise where a text is no JSON."""
        places = np.arange(len(values))
        self.con.register("lines", pa.table({"i": places, "n": values.numbers, "l": values.texts}))
        self.con.execute(
            "CREATE OR REPLACE TEMP TABLE parsed AS"
            f" SELECT i, n, unnest(from_json(l, '{self.expected}')) FROM lines"
        ).fetchall()

    def taken(self) -> np.ndarray:
        """Return which values this format can read, bool of shape (n,)."""
        column = self.con.sql(
            f"SELECT coalesce({self.accepted}, false) AS yes FROM parsed j"
        ).to_arrow_table()["yes"]
        return np.asarray(column.to_numpy(), bool)

    def tables(self, values: Values) -> dict[str, pa.Table]:
        """Return the tables of the values that are in ``parsed`` and went through the steps."""
        found = {table: self.con.sql(select).to_arrow_table() for table, select in self.selects().items()}
        found = self.finish(found)
        if self.options.keep_raw_days:
            found["raw"] = self._raw(values)
        return {table: rows.cast(schema(table)) for table, rows in found.items()}

    def _raw(self, values: Values) -> pa.Table:
        ids = (
            self.con.sql(f"SELECT {self.raw_id()} AS id FROM parsed j")
            .to_arrow_table()["id"]
            .combine_chunks()
        )
        known = ids.is_valid()
        ids, texts = ids.filter(known), values.texts.filter(known).cast(pa.string())
        until = self.options.received_at + timedelta(days=self.options.keep_raw_days)
        moment = schema("raw").field("received_at").type
        return pa.table(
            {
                "id": ids,
                "network": pc.list_element(pc.split_pattern(ids, ":", max_splits=1), 0),
                "payload": pc.ascii_rtrim_whitespace(texts),
                "received_at": pa.repeat(pa.scalar(self.options.received_at, moment), len(ids)),
                "keep_until": pa.repeat(pa.scalar(until, moment), len(ids)),
            }
        )

    def mistyped(self) -> list[tuple[int, str]]:
        """Return (row, path) of fields that are of another type than they should be."""
        if not self.paths:
            return []
        paths = json.dumps(self.paths).replace('"', "'")
        found = self.con.sql(f"SELECT i, json_type(l, {paths}) AS t FROM {self.typed_lines}").to_arrow_table()
        kinds = pc.dictionary_encode(pc.list_flatten(found["t"]).combine_chunks(), null_encoding="encode")
        names = kinds.dictionary.to_pylist()
        fits = np.array(
            [[name is None or name in KINDS[self.types[path]] for name in names] for path in self.paths], bool
        ).reshape(len(self.paths), len(names))
        codes = kinds.indices.to_numpy(zero_copy_only=False).reshape(-1, len(self.paths))
        rows, places = np.nonzero(~fits[np.arange(len(self.paths)), codes])
        numbers = found["i"].to_numpy()[rows].tolist()
        return [(row, self.paths[place]) for row, place in zip(numbers, places.tolist(), strict=True)]


_NUMBERS = {"BIGINT", "UBIGINT", "DOUBLE", "HUGEINT"}
KINDS = {
    "text": {"VARCHAR", "NULL"},
    "id": {"VARCHAR", "NULL", *_NUMBERS},
    "number": {"NULL", *_NUMBERS},
    "object": {"OBJECT", "NULL"},
    "list": {"ARRAY", "NULL"},
    "some": {"ARRAY", "OBJECT", "NULL"},
}


def structure_sql(structure: Any) -> str:
    """Return a structure as the inside of an SQL text."""
    return json.dumps(structure).replace("'", "''")


def observations(
    source: str, subject: str, kind: str, seen_at: str, values: Mapping[str, str], where: str = "true"
) -> str:
    """Return a SELECT of observations: for each metric of `values` the rows where its SQL is not null.

    A negative count is one that the platform hides or has wrong: null.
    """
    return " UNION ALL ".join(
        columns(
            "observations",
            source,
            f"{where} AND ({value}) IS NOT NULL",
            subject=subject,
            subject_kind=f"'{kind}'",
            metric=f"'{metric}'",
            value=f"counted({value})",
            seen_at=seen_at,
        )
        for metric, value in values.items()
    )
