"""What a chart is: a finding, its numbers as a table, and a Vega-Lite view of them as plain data.

A chart speaks no language and has no colours until it is shown:
:func:`page_spec` writes it for a page in one reader's language and zone,
:mod:`entregent.charts.render` for files.

How a page of ours shows a chart
--------------------------------
For each chart, one figure; the finding, the table and the download are the
page's own HTML around it::

    <figure class="chart" id="chart-volume">
      <figcaption>{{ chart.title }}</figcaption>
      <div class="chart-view" role="img" aria-label="{{ chart.alt }}"></div>
      <script type="application/json" class="chart-spec">{ ...page_spec(...)... }</script>
      <p class="chart-source">{{ chart.unit }} · {{ chart.source }}</p>
      <details><summary>Table</summary> ... entregent.charts.table ... </details>
    </figure>

The JSON block must have ``<`` written as ``\\u003c`` (and U+2028 and U+2029
escaped). The page carries, inline and in this order, ``vega.min.js``,
``vega-lite.min.js`` and ``vega-embed.min.js`` from ``report/assets/vendor``,
then ``report/assets/charts.js`` and, in its style, ``report/assets/charts.css``;
then it calls ``window.entregentCharts()``, which draws every
``figure.chart`` below ``document`` (or below the element given) and returns a
promise. Language, notation of numbers and dates, and zone are already in the
specification. No ``unsafe-eval`` is needed: expressions run in Vega's
interpreter.

The page's style defines the colours as the variables ``--paper --ink --muted
--rule --bar --known --heard --effective --alert`` (values for light and dark
in :data:`entregent.charts.theme.COLOURS`); a chart follows them at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from entregent.charts.label import language_name
from entregent.charts.theme import colour, config
from entregent.clock import to_micros
from entregent.i18n import T, Text, Translator

__all__ = ["HATCH", "NAMES_LIMIT", "Chart", "Column", "Role", "page_spec", "spec", "written"]

HATCH = "url(#entregent-hatch)"
"""Fill of what is not known; the page's script and the file writer bring the pattern."""

NAMES_LIMIT = {"expr": "containerSize()[0] < 420 ? 96 : 150"}
"""Width of names beside an axis, in pixels: less on a phone."""

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Column:
    """One column of a chart's table.

    Parameters
    ----------
    name : str
        Name in `Chart.data`.
    header : Text
        What readers see above it.
    kind : {"text", "label", "language", "count", "number", "share", "time", "day"}
        How values are written. A ``label`` is looked up in `labels`.
    labels : mapping of str to Text
        Texts of the codes of a ``label``; a ``None`` is looked up as ``""``.
    """

    name: str
    header: Text
    kind: str
    labels: Mapping[str, Text] = field(default_factory=dict)


@dataclass(frozen=True)
class Role:
    """A colour by what it stands for, one of :data:`entregent.charts.theme.ROLES`."""

    name: str


@dataclass(frozen=True)
class Chart:
    """A finding and the numbers behind it.

    Parameters
    ----------
    id : str
        Short name, a part of file names and anchors.
    title : Text
        The finding, as a sentence.
    alt : Text
        What the picture shows, for those who do not see it.
    unit : Text
        What is counted.
    source : Text or None
        Where the numbers come from.
    columns : tuple of Column
        Columns of `data` that readers see, in order.
    data : pa.Table
        The numbers; times are UTC.
    view : mapping
        Vega-Lite without data and configuration, holding :class:`Text` where
        readers read and :class:`Role` where there is a colour. Its data are
        named ``main`` (rows of `data` with their number as ``row``) or as in `more`.
    more : mapping of str to pa.Table
        Further data of the view (gaps, marks).
    origin : datetime or None
        Where set, times are shown as days since then, the first being day 1.
    """

    id: str
    title: Text
    alt: Text
    unit: Text
    source: Text | None
    columns: tuple[Column, ...]
    data: pa.Table
    view: Mapping[str, Any]
    more: Mapping[str, pa.Table] = field(default_factory=dict)
    origin: datetime | None = None


def written(column: Column, value: Any, translator: Translator, origin: datetime | None = None) -> str:
    """Return a value as readers see it in a table.

    Parameters
    ----------
    column : Column
        Says how values are written.
    value : object
        None is written as nothing, except where it is a code with a text.
    translator : Translator
    origin : datetime, optional
        As in :class:`Chart`.

    Returns
    -------
    str
    """
    if column.kind == "language":
        return language_name(value, translator.lang)
    if column.kind == "label":
        text = column.labels.get("" if value is None else value)
        return str(value or "") if text is None else translator.text(text)
    if value is None:
        return ""
    if column.kind in ("time", "day"):
        return _moment(value, translator, origin, whole_days=column.kind == "day")
    if column.kind == "share":
        return translator.percent(value, 1)
    if column.kind in ("count", "number"):
        return translator.number(value, 0 if column.kind == "count" else 2)
    return str(value)


def _moment(value: datetime, translator: Translator, origin: datetime | None, *, whole_days: bool) -> str:
    if origin is None:
        return translator.day(value) if whole_days else translator.moment(value)
    day, rest = divmod(value - origin, _DAY)
    if whole_days:
        return translator.text(T("day {day}", day=day + 1))
    hour, minute = rest.seconds // 3600, rest.seconds % 3600 // 60
    return translator.text(T("day {day}, {clock}", day=day + 1, clock=f"{hour:02}:{minute:02}"))


def _drawn(value: Any, translator: Translator, origin: datetime | None) -> Any:
    if isinstance(value, datetime):
        if origin is not None:
            return (value - origin) / _DAY + 1
        # Vega knows UTC and the browser's zone, not the reader's: the hands of
        # the reader's clock are handed over as if they were UTC.
        wall = value.astimezone(translator.zone).replace(tzinfo=UTC)
        return to_micros(wall) // 1000
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def _rows(
    table: pa.Table, columns: tuple[Column, ...], translator: Translator, origin: datetime | None
) -> list[dict[str, Any]]:
    by_name = {column.name: column for column in columns}
    rows = []
    for number, record in enumerate(table.to_pylist()):
        row: dict[str, Any] = {"row": number}
        for name, value in record.items():
            column = by_name.get(name)
            if column is not None and column.kind in ("label", "language"):
                row[name] = written(column, value, translator)
            else:
                row[name] = _drawn(value, translator, origin)
            if column is not None and column.kind in ("time", "day"):
                row[f"{name}_text"] = written(column, value, translator, origin)
        rows.append(row)
    return rows


def _resolved(node: Any, translator: Translator, theme: str) -> Any:
    if isinstance(node, Text):
        return translator.text(node)
    if isinstance(node, Role):
        return colour(node.name, theme)
    if isinstance(node, Mapping):
        return {key: _resolved(value, translator, theme) for key, value in node.items()}
    if isinstance(node, list | tuple):
        return [_resolved(value, translator, theme) for value in node]
    return node


def spec(chart: Chart, translator: Translator, *, theme: str = "page") -> dict[str, Any]:
    """Return a chart as Vega-Lite that can be written as JSON and stands alone.

    Parameters
    ----------
    chart : Chart
    translator : Translator
        Language and zone of the reader.
    theme : {"page", "light", "dark"}

    Returns
    -------
    dict
        With data, language, notation and colours. No title: the page writes
        it as text, :func:`entregent.charts.render.svg` adds it to files.
    """
    datasets = {"main": _rows(chart.data, chart.columns, translator, chart.origin)}
    for name, table in chart.more.items():
        datasets[name] = _rows(table, chart.columns, translator, chart.origin)
    return {
        "description": translator.text(chart.alt),
        "config": config(theme, translator.lang),
        "padding": {"left": 0, "right": 8, "top": 4, "bottom": 0},
        "datasets": datasets,
        **_resolved(chart.view, translator, theme),
    }


def page_spec(chart: Chart, translator: Translator) -> dict[str, Any]:
    """Return a chart as the page's script takes it, see the top of this module."""
    return spec(chart, translator, theme="page")
