"""A file as the table that it is, no roles looked for: profiles, series of counts, lists of events."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from entregent.errors import InputError, UnknownFormat

__all__ = ["FORMATS", "read_table", "separator_of"]

FORMATS = (".csv", ".tsv", ".parquet", ".json", ".jsonl")
_SEPARATORS = (",", ";", "\t")


def read_table(path: str) -> pa.Table:
    """Read a table.

    Parameters
    ----------
    path : str
        CSV (comma, semicolon or tab, names in the first line), Parquet, or
        JSON (a list of objects, or one object a line).

    Returns
    -------
    pa.Table

    Raises
    ------
    InputError
        Where there is no such file, or it is damaged or empty.
    UnknownFormat
        For any other kind of file.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError("There is no such file.", where=path, do="Check its name.")
    kind = file.suffix.lower()
    if kind not in FORMATS:
        raise UnknownFormat(f"{kind or 'A file without ending'} is no table.", where=path, valid=FORMATS)
    try:
        if kind == ".parquet":
            table = pq.read_table(file)
        elif kind in (".json", ".jsonl"):
            table = _objects(file.read_text(encoding="utf-8-sig"), path)
        else:
            table = _separated(file)
    except (pa.ArrowException, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(
            f"The table is damaged: {str(error).splitlines()[0]}", where=path, do="Export it again as UTF-8."
        ) from error
    if table.num_rows == 0:
        raise InputError("The table has no rows.", where=path, do="Check the export.")
    return table


def separator_of(head: str) -> str:
    """Return what stands between the cells of a table, told by its line of names.

    Parameters
    ----------
    head : str

    Returns
    -------
    str
        Comma, semicolon or tab, whichever there is most of.

    Examples
    --------
    >>> separator_of("time;followers;change, in percent")
    ';'
    """
    return max(_SEPARATORS, key=head.count)


def _separated(file: Path) -> pa.Table:
    with file.open(encoding="utf-8-sig") as lines:
        head = lines.readline()
    if not head.strip():
        raise InputError("The table has no rows.", where=str(file), do="Check the export.")
    return pa_csv.read_csv(
        file,
        parse_options=pa_csv.ParseOptions(delimiter=separator_of(head), newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(strings_can_be_null=True),
    )


def _objects(text: str, path: str) -> pa.Table:
    whole = text.lstrip()
    rows = (
        json.loads(whole)
        if whole.startswith("[")
        else [json.loads(line) for line in text.splitlines() if line.strip()]
    )
    if not all(isinstance(row, dict) for row in rows):
        raise InputError(
            "Not every element is an object.", where=path, valid=('[{"followers": 12, ...}, ...]',)
        )
    names = dict.fromkeys(name for row in rows for name in row)
    return pa.table({name: pa.array([row.get(name) for row in rows]) for name in names})
