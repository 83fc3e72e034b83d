"""Small tables that somebody gives beside the data: a graph, prices, weights; CSV or Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as papq

from entregent.errors import InputError
from entregent.sources.plain import separator_of

__all__ = ["by_person", "given"]

_PARQUET = b"PAR1"


def given(path: Path, texts: Sequence[str], numbers: Sequence[str], optional: Sequence[str] = ()) -> pa.Table:
    """Read the columns asked for from a table with a header.

    Parameters
    ----------
    path : Path
        CSV in UTF-8 with a comma, semicolon or tab between cells (with
        semicolons, numbers have a decimal comma), or Parquet.
    texts, numbers : sequence of str
        Columns of text and of numbers.
    optional : sequence of str
        Those of them that may be missing.

    Returns
    -------
    pa.Table
        Text as string, numbers as float64; other columns are left out.

    Raises
    ------
    InputError
        For a missing column, an empty cell, or a cell that is no number.
    """
    if not path.is_file():
        raise InputError("There is no such file.", where=str(path))
    with path.open("rb") as file:
        head = file.read(65_536)
    try:
        table = papq.read_table(path) if head.startswith(_PARQUET) else _csv(path, head, texts, numbers)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise InputError(
            f"It cannot be read: {error}.", where=str(path), do="Give CSV or Parquet."
        ) from error
    columns = {}
    for name in (*texts, *numbers):
        if name not in table.column_names:
            if name in optional:
                continue
            raise InputError(
                f"There is no column {name!r}, only {', '.join(table.column_names[:12])}.",
                where=str(path),
                valid=(*texts, *numbers),
            )
        try:
            column = table[name].cast(pa.string() if name in texts else pa.float64())
        except pa.ArrowInvalid as error:
            raise InputError(f"Column {name!r} holds something else: {error}.", where=str(path)) from error
        if column.null_count:
            row = pc.index(pc.is_null(column), pa.scalar(value=True)).as_py() + 1
            raise InputError(f"Row {row} has no {name!r}.", where=str(path))
        columns[name] = column
    return pa.table(columns)


def _csv(path: Path, head: bytes, texts: Sequence[str], numbers: Sequence[str]) -> pa.Table:
    first = head.split(b"\n", 1)[0].decode("utf-8-sig")
    delimiter = separator_of(first)
    return pacsv.read_csv(
        path,
        parse_options=pacsv.ParseOptions(delimiter=delimiter),
        convert_options=pacsv.ConvertOptions(
            column_types={**dict.fromkeys(texts, pa.string()), **dict.fromkeys(numbers, pa.float64())},
            decimal_point="," if delimiter == ";" else ".",
            strings_can_be_null=True,
        ),
    )


def by_person(path: Path, number: str) -> dict[str, float]:
    """Read a table of ``account`` and one number.

    Parameters
    ----------
    path : Path
    number : str
        Name of the column of numbers.

    Returns
    -------
    dict of str to float

    Raises
    ------
    InputError
        For a table that cannot be used, or a person twice.
    """
    table = given(path, ("account",), (number,))
    people = table["account"].to_pylist()
    found = dict(zip(people, table[number].to_pylist(), strict=True))
    if len(found) < len(people):
        twice = next(name for place, name in enumerate(people) if name in people[:place])
        raise InputError(f"{twice!r} is there twice.", where=str(path))
    return found
