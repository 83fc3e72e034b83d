"""The numbers of a chart as a table in the reader's language, for those who read rather than look."""

from __future__ import annotations

from dataclasses import dataclass

from entregent.charts.spec import Chart, written
from entregent.i18n import Translator

__all__ = ["Table", "table"]


@dataclass(frozen=True)
class Table:
    """Texts of a table, not escaped for any format.

    Parameters
    ----------
    headers : tuple of str, shape (n_columns,)
    rows : tuple of tuple of str, shape (n_rows, n_columns)
    numeric : tuple of bool, shape (n_columns,)
        Columns of figures, to be aligned right.
    """

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[bool, ...]


_FIGURES = ("count", "number", "share")


def table(chart: Chart, translator: Translator) -> Table:
    """Return the numbers of a chart as texts.

    Parameters
    ----------
    chart : Chart
    translator : Translator
        Language and zone of the reader.

    Returns
    -------
    Table
        A dash stands for what is missing; it is not zero.
    """
    columns = chart.columns
    values = [chart.data.column(column.name).to_pylist() for column in columns]
    return Table(
        headers=tuple(translator.text(column.header) for column in columns),
        rows=tuple(
            tuple(
                "\u2013"
                if value is None and column.kind in _FIGURES
                else written(column, value, translator, chart.origin)
                for column, value in zip(columns, row, strict=True)
            )
            for row in zip(*values, strict=True)
        ),
        numeric=tuple(column.kind in _FIGURES for column in columns),
    )
