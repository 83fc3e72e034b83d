"""Prints rows as a table for people, or as CSV or JSON for programs."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import click

__all__ = ["plain", "print_json", "print_rows"]


def plain(text: str) -> str:
    r"""Return a text that a terminal shows and does not obey.

    Names come from strangers: control characters, which could move the cursor
    or turn the line around, become a space.

    >>> plain("a\x1b[31mb")
    'a [31mb'
    """
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") else c for c in text)


def _cell(value: Any) -> str:
    if isinstance(value, list | tuple):
        value = " ".join(map(str, value))
    return "" if value is None else plain(str(value))


def print_json(value: Any) -> None:
    """Print plain values for programs on standard output."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=1))


def print_rows(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], form: str) -> None:
    """Print rows on standard output.

    Parameters
    ----------
    columns : sequence of str
        Keys of the rows, in order.
    rows : sequence of mapping
    form : {"table", "csv", "json"}
    """
    if form == "json":
        print_json([{c: row.get(c) for c in columns} for row in rows])
        return
    cells = [[_cell(row.get(column)) for column in columns] for row in rows]
    if form == "csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(cells)
        click.echo(out.getvalue(), nl=False)
        return
    widths = [max(len(row[k]) for row in [list(columns), *cells]) for k in range(len(columns))]
    for row in [list(columns), ["-" * width for width in widths], *cells]:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
