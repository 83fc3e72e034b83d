"""Few or many as charts: what each kind reaches with one budget, and where prices turn the order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from entregent.charts.spec import Chart, Column, Role
from entregent.i18n import T, Text
from entregent.results import Estimate

__all__ = ["DRAWN", "prices", "reached"]

DRAWN = 200
"""Most campaigns drawn as ticks for each kind."""

_LOOK = {
    "stars": ("known", [1, 0], "circle"),
    "ordinary": ("heard", [6, 3], "square"),
    "random": ("bar", [2, 2], "diamond"),
    "optimised": ("effective", [10, 2, 2, 2], "triangle-up"),
}
_FLIP = [3, 3]


def reached(
    kinds: Sequence[str],
    people: Sequence[float],
    extra: Sequence[Estimate],
    draws: Sequence[Sequence[float]],
    *,
    names: Mapping[str, Text],
    title: Text,
) -> Chart:
    """Draw what campaigns of each kind reach: a tick for each one drawn, the interval, the mean.

    Parameters
    ----------
    kinds : sequence of str, shape (n_kinds,)
    people : sequence of float, shape (n_kinds,)
        People paid, on average.
    extra : sequence of Estimate, shape (n_kinds,)
        People reached besides those paid: mean and interval of single campaigns.
    draws : sequence of sequence of float
        Outcome of each campaign.
    names : mapping of str to Text
        What kinds are called.
    title : Text

    Returns
    -------
    Chart
    """
    number = pa.float64()
    data = pa.table(
        {
            "kind": pa.array(kinds, pa.string()),
            "people": pa.array(people, number),
            "value": pa.array([each.value for each in extra], number),
            "low": pa.array([each.low for each in extra], number),
            "high": pa.array([each.high for each in extra], number),
        }
    )
    rows = [
        (place, kind, value)
        for place, (kind, all_of_it) in enumerate(zip(kinds, draws, strict=True))
        for value in all_of_it[:DRAWN]
    ]
    ticks = pa.table(
        {
            "place": pa.array([row[0] for row in rows], pa.int64()),
            "kind": pa.array([row[1] for row in rows], pa.string()),
            "value": pa.array([row[2] for row in rows], number),
        }
    )
    level = round(100 * extra[0].level) if extra else 90
    return Chart(
        id="seeding-reached",
        title=title,
        alt=T(
            "One row a kind of people: a tick for each campaign drawn, a line from the low to the high end, "
            "a mark at the mean. The numbers are in the table beside."
        ),
        unit=T(
            "people reached besides those paid; the line is the interval of single campaigns at {level}%",
            level=level,
        ),
        source=None,
        columns=(
            Column("kind", T("kind of people"), "label", names),
            Column("people", T("people paid"), "number"),
            Column("value", T("mean reach"), "number"),
            Column("low", T("low end"), "number"),
            Column("high", T("high end"), "number"),
        ),
        data=data,
        more={"draws": ticks},
        view=_reached_view(kinds, names),
    )


def _reached_view(kinds: Sequence[str], names: Mapping[str, Text]) -> dict[str, Any]:
    order = [names[kind] for kind in kinds]
    y = {
        "field": "kind",
        "type": "nominal",
        "sort": order,
        "axis": {
            "title": None,
            "domain": False,
            "ticks": False,
            "labelLimit": {"expr": "containerSize()[0] < 420 ? 120 : 190"},
            "labelColor": Role("ink"),
        },
    }
    x = {
        "field": "value",
        "type": "quantitative",
        "scale": {"zero": True, "nice": False},
        "axis": {"title": None, "format": ",.6~g", "grid": False, "ticks": False, "tickCount": 5},
    }
    tooltip = [
        {"field": "kind", "type": "nominal", "title": T("kind of people")},
        {"field": "value", "type": "quantitative", "format": ",.1f", "title": T("mean reach")},
        {"field": "low", "type": "quantitative", "format": ",.0f", "title": T("low end")},
        {"field": "high", "type": "quantitative", "format": ",.0f", "title": T("high end")},
    ]
    return {
        "width": "container",
        "height": 44 * len(kinds),
        "data": {"name": "main"},
        "encoding": {"y": y},
        "layer": [
            {
                "data": {"name": "draws"},
                "mark": {
                    "type": "tick",
                    "color": Role("muted"),
                    "opacity": 0.28,
                    "height": 22,
                    "thickness": 1,
                },
                "encoding": {"x": x},
            },
            {
                "mark": {"type": "rule", "stroke": Role("ink"), "strokeWidth": 2, "tooltip": True},
                "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "tooltip": tooltip},
            },
            {
                "mark": {
                    "type": "point",
                    "shape": "circle",
                    "size": 72,
                    "opacity": 1,
                    "tooltip": True,
                    "fill": Role("ink"),
                    "stroke": Role("paper"),
                    "strokeWidth": 1.5,
                },
                "encoding": {"x": x, "tooltip": tooltip},
            },
        ],
    }


def prices(
    rows: Sequence[tuple[str, float, float, float]],
    flips: Sequence[float],
    *,
    names: Mapping[str, Text],
    title: Text,
    unit: Text,
    asked: float,
) -> Chart:
    """Draw mean reach of each kind over the fixed price, with the prices where the order turns.

    Parameters
    ----------
    rows : sequence of (kind, fixed price, mean, standard error)
    flips : sequence of float
        Fixed prices at which two kinds change places.
    names : mapping of str to Text
    title, unit : Text
    asked : float
        The fixed price of the comparison.

    Returns
    -------
    Chart
    """
    number = pa.float64()
    data = pa.table(
        {
            "kind": pa.array([row[0] for row in rows], pa.string()),
            "fixed": pa.array([row[1] for row in rows], number),
            "value": pa.array([row[2] for row in rows], number),
            "low": pa.array([max(row[2] - 1.645 * row[3], 0.0) for row in rows], number),
            "high": pa.array([row[2] + 1.645 * row[3] for row in rows], number),
        }
    )
    marks = pa.table({"fixed": pa.array([*flips], number)})
    return Chart(
        id="seeding-prices",
        title=title,
        alt=T(
            "Mean reach up, fixed price of a person across, each step ten times the one before; one line a "
            "kind of people, dashed uprights where two change places. The numbers are in the table beside."
        ),
        unit=unit,
        source=None,
        columns=(
            Column("kind", T("kind of people"), "label", names),
            Column("fixed", T("fixed price"), "number"),
            Column("value", T("mean reach"), "number"),
            Column("low", T("low end of the mean"), "number"),
            Column("high", T("high end of the mean"), "number"),
        ),
        data=data,
        more={"flips": marks, "asked": pa.table({"fixed": pa.array([asked], number)})},
        view=_prices_view(list(dict.fromkeys(row[0] for row in rows)), names),
    )


def _prices_view(kinds: list[str], names: Mapping[str, Text]) -> dict[str, Any]:
    x = {
        "field": "fixed",
        "type": "quantitative",
        "scale": {"type": "log", "nice": False},
        "axis": {"title": T("fixed price of a person"), "format": "~s", "grid": False, "tickCount": 5},
    }
    y = {
        "field": "value",
        "type": "quantitative",
        "scale": {"zero": True},
        "axis": {"title": T("mean reach"), "format": ",.6~g", "tickCount": 5},
    }
    texts = [names[kind] for kind in kinds]
    legend = {
        "title": None,
        "orient": "top",
        "symbolType": "stroke",
        "symbolOpacity": 1,
        "symbolStrokeWidth": 2,
        "symbolSize": 400,
        "columns": {"expr": "containerSize()[0] < 420 ? 2 : 4"},
        "labelColor": Role("ink"),
        "labelFontSize": 12,
        "labelLimit": 220,
    }
    colour = {
        "field": "kind",
        "type": "nominal",
        "scale": {"domain": texts, "range": [Role(_LOOK[kind][0]) for kind in kinds]},
        "legend": legend,
    }
    dash = {
        "field": "kind",
        "type": "nominal",
        "scale": {"domain": texts, "range": [_LOOK[kind][1] for kind in kinds]},
        "legend": legend,
    }
    tooltip = [
        {"field": "kind", "type": "nominal", "title": T("kind of people")},
        {"field": "fixed", "type": "quantitative", "format": ",.2~f", "title": T("fixed price")},
        {"field": "value", "type": "quantitative", "format": ",.1f", "title": T("mean reach")},
    ]
    return {
        "width": "container",
        "height": 280,
        "data": {"name": "main"},
        "layer": [
            {
                "data": {"name": "flips"},
                "mark": {"type": "rule", "stroke": Role("muted"), "strokeDash": _FLIP},
                "encoding": {"x": x},
            },
            {
                "mark": {"type": "area", "opacity": 0.14, "line": False},
                "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}, "color": colour},
            },
            {
                "mark": {
                    "type": "line",
                    "strokeWidth": 2,
                    "point": {"size": 36, "filled": True},
                    "tooltip": True,
                },
                "encoding": {"x": x, "y": y, "color": colour, "strokeDash": dash, "tooltip": tooltip},
            },
        ],
    }
