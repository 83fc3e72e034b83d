"""Tables of a study as Parquet and as CSV that a spreadsheet cannot be made to run."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

__all__ = ["flat", "write_table"]

_FORMULA = r"^[\s\x00-\x1f]*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]|^[\t\r\n]"


def write_table(table: pa.Table, stem: Path) -> tuple[Path, Path]:
    """Write one table as ``stem.parquet`` and ``stem.csv``.

    Parameters
    ----------
    table : pyarrow.Table
    stem : Path
        Path without an ending, in a directory that exists.

    Returns
    -------
    tuple of Path
        The Parquet and the CSV file.
    """
    parquet, csv = stem.with_name(stem.name + ".parquet"), stem.with_name(stem.name + ".csv")
    pyarrow.parquet.write_table(table, parquet, compression="zstd")
    pyarrow.csv.write_csv(flat(table), csv)
    return parquet, csv


def flat(table: pa.Table) -> pa.Table:
    """Return the table as CSV can hold it: scalars and safe text only.

    Parameters
    ----------
    table : pyarrow.Table

    Returns
    -------
    pyarrow.Table
        Times are ISO 8601 in UTC. Lists are their values separated by spaces,
        other nested values JSON. A text that a spreadsheet would run as a
        formula (it starts with ``=``, ``+``, ``-``, ``@``, their full-width
        forms, a tab or a line break) gets an apostrophe in front, which
        spreadsheets hide.

    References
    ----------
    OWASP, CSV Injection, https://owasp.org/www-community/attacks/CSV_Injection

    Examples
    --------
    >>> flat(pa.table({"name": ["=1+1", "Zoé"]}))["name"].to_pylist()
    ["'=1+1", 'Zoé']
    """
    columns = [_flat(column) for column in table.columns]
    return pa.table(columns, names=[_safe_name(name) for name in table.column_names])


def _safe_name(name: str) -> str:
    return str(_safe(pa.chunked_array([[name]], pa.string()))[0])


def _safe(column: pa.ChunkedArray) -> pa.ChunkedArray:
    danger = pc.match_substring_regex(column, _FORMULA)
    return pc.if_else(danger, pc.binary_join_element_wise("'", column, ""), column)


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _flat(column.cast(kind.value_type))
    if pa.types.is_timestamp(kind):
        utc = column.cast(pa.timestamp("us", "UTC")) if kind.tz else column.cast(pa.timestamp("us"))
        return pc.strftime(utc, format="%Y-%m-%dT%H:%M:%SZ" if kind.tz else "%Y-%m-%dT%H:%M:%S")
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return _safe(column.cast(pa.string()))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        if pa.types.is_nested(kind.value_type):
            return _json(column)
        texts = column.cast(pa.list_(pa.string()))
        return _safe(pc.binary_join(texts, " "))
    if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return _json(column)
    return column


def _json(column: pa.ChunkedArray) -> pa.ChunkedArray:
    texts = [
        None if value is None else json.dumps(value, ensure_ascii=False, default=str)
        for value in column.to_pylist()
    ]
    return _safe(pa.chunked_array([texts], pa.string()))
