"""Charts about people: what is heard with its interval, and known beside heard."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from entregent.charts.spec import HATCH, NAMES_LIMIT, Chart, Column, Role
from entregent.charts.theme import SHAPES
from entregent.errors import InputError
from entregent.i18n import N, T, Text
from entregent.results import CannotTell, Estimate

__all__ = ["heard", "known_heard"]

_WIDE_RANGE = 50.0
_FEWEST = 6
_LABELLED = 8
_LABELLED_NARROW = 3
_MARGIN = 0.22
_PADDING = 0.08
_STRIP = 0.3
_TOP = 10


def _columns(heard: Sequence[Estimate | CannotTell]) -> dict[str, pa.Array]:
    told = [each if isinstance(each, Estimate) else None for each in heard]
    number = pa.float64()
    return {
        "value": pa.array([each and each.value for each in told], number),
        "low": pa.array([each and each.low for each in told], number),
        "high": pa.array([each and each.high for each in told], number),
        "n": pa.array([each and each.n for each in told], pa.int64()),
    }


def _heard_columns(level: float) -> tuple[Column, ...]:
    return (
        Column("value", T("heard"), "number"),
        Column("low", T("low end, {level} %", level=round(100 * level)), "number"),
        Column("high", T("high end, {level} %", level=round(100 * level)), "number"),
        Column("n", T("observations"), "count"),
    )


def _level(heard: Sequence[Estimate | CannotTell]) -> float:
    return next((each.level for each in heard if isinstance(each, Estimate)), 0.9)


def _scale(heard: Sequence[Estimate | CannotTell]) -> dict[str, Any]:
    told = [each for each in heard if isinstance(each, Estimate)]
    low = min((each.low for each in told), default=0.0)
    high = max((each.high for each in told), default=1.0)
    if low > 0 and high / low > _WIDE_RANGE:
        return {"type": "log", "nice": False, "domain": [low / 1.15, high * 1.15]}
    return {"zero": True, "nice": False, "domainMax": high * 1.02 or 1.0}


def _ticks(scale: dict[str, Any]) -> dict[str, Any]:
    """Return few round ticks: decades on a long logarithmic axis, 1-2-5 on a short one."""
    if "domain" not in scale:
        return {"tickCount": 5}
    low, high = scale["domain"]
    steps = (1,) if high / low > 1000 else (1, 2, 5)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    # Written as a decimal so that a tick reads 0.2 and not 0.2000000001.
    ticks = [float(f"{step}e{decade}") for decade in decades for step in steps]
    return {"values": [tick for tick in ticks if low <= tick <= high]}


def heard(
    names: Sequence[str], heard: Sequence[Estimate | CannotTell], *, source: Text | None = None
) -> Chart:
    """Draw who is heard: an interval with a mark at the estimate, in the order given.

    Parameters
    ----------
    names : sequence of str, shape (n_people,)
    heard : sequence of Estimate or CannotTell, shape (n_people,)
        Distinct people who act per post on the topic.
    source : Text, optional

    Returns
    -------
    Chart
        Who cannot be told about gets an open hatched bar.
    """
    if len(names) != len(heard):
        raise InputError(f"{len(names)} names were given for {len(heard)} estimates.")
    told = [(name, each) for name, each in zip(names, heard, strict=True) if isinstance(each, Estimate)]
    level = _level(heard)
    if len(told) >= 2 and told[0][1].low > told[1][1].high:
        title = T("{name} is heard most, clearly ahead of the next", name=told[0][0])
    elif len(told) >= 2:
        level_with = sum(1 for _, each in told[1:] if each.high >= told[0][1].low)
        title = N(
            "{name} comes first, but the interval of {n} other reaches as high",
            "{name} comes first, but the intervals of {n} others reach as high",
            level_with,
            name=told[0][0],
        )
    else:
        title = T("Too little data to compare who is heard")
    scale = _scale(heard)
    data = pa.table({"name": pa.array(names, pa.string()), **_columns(heard)})
    return Chart(
        id="heard",
        title=title,
        alt=T(
            "One row a person: a line from the low to the high end of the interval ({level}%), "
            "a square at the estimate. The numbers are in the table beside.",
            level=round(100 * level),
        ),
        unit=T(
            "distinct people who act per post on the topic, interval of {level}%",
            level=round(100 * level),
        ),
        source=source,
        columns=(Column("name", T("account"), "text"), *_heard_columns(level)),
        data=data,
        view=_heard_view(scale, len(names)),
    )


def _heard_view(scale: dict[str, Any], rows: int) -> dict[str, Any]:
    y = {
        "field": "row",
        "type": "ordinal",
        "sort": "ascending",
        "axis": {
            "title": None,
            "domain": False,
            "ticks": False,
            "labelLimit": NAMES_LIMIT,
            "labelExpr": "data('main')[datum.value].name",
            "labelColor": Role("ink"),
        },
    }
    x = {
        "field": "value",
        "type": "quantitative",
        "scale": {**scale, "range": [0, {"expr": "width - 72"}]},
        "axis": {
            "title": None,
            "orient": "top",
            "format": ",~g",
            "domain": False,
            "ticks": False,
            "labelOverlap": True,
            **_ticks(scale),
        },
    }
    told = [{"filter": "isValid(datum.value)"}]
    untold = [{"filter": "!isValid(datum.value)"}]
    tooltip = [
        {"field": "name", "type": "nominal", "title": T("account")},
        *(
            {"field": name, "type": "quantitative", "format": ",.2~f", "title": title}
            for name, title in (("value", T("heard")), ("low", T("low end")), ("high", T("high end")))
        ),
        {"field": "n", "type": "quantitative", "format": ",", "title": T("observations")},
    ]
    return {
        "width": "container",
        "height": 24 * rows,
        "data": {"name": "main"},
        "encoding": {"y": y},
        "layer": [
            {
                "transform": untold,
                "mark": {
                    "type": "rect",
                    "fill": HATCH,
                    "fillOpacity": 0.45,
                    "height": 10,
                    "stroke": Role("muted"),
                    "strokeWidth": 1,
                },
                "encoding": {"x": {"value": 0}, "x2": {"value": 64}},
            },
            {
                "transform": untold,
                "mark": {"type": "text", "align": "left", "dx": 72, "color": Role("muted")},
                "encoding": {"x": {"value": 0}, "text": {"value": T("cannot tell")}},
            },
            {
                "transform": told,
                "mark": {"type": "rule", "stroke": Role("heard"), "strokeWidth": 2, "tooltip": True},
                "encoding": {"x": {**x, "field": "low"}, "x2": {"field": "high"}, "tooltip": tooltip},
            },
            {
                "transform": told,
                "mark": {
                    "type": "point",
                    "shape": SHAPES["heard"],
                    "size": 64,
                    "opacity": 1,
                    "tooltip": True,
                    "fill": Role("heard"),
                    "stroke": Role("paper"),
                    "strokeWidth": 1.5,
                },
                "encoding": {"x": x, "tooltip": tooltip},
            },
            {
                "transform": told,
                "mark": {"type": "text", "align": "right", "color": Role("muted"), "fontSize": 11},
                "encoding": {
                    "x": {"value": {"expr": "width"}},
                    "text": {"field": "n", "type": "quantitative", "format": ","},
                },
            },
            {
                "data": {"values": [{}]},
                "mark": {
                    "type": "text",
                    "align": "right",
                    "baseline": "bottom",
                    "fontStyle": "italic",
                    "color": Role("muted"),
                },
                "encoding": {
                    "x": {"value": {"expr": "width"}},
                    "y": {"value": -8},
                    "text": {"value": "n"},
                },
            },
        ],
    }


def known_heard(
    names: Sequence[str],
    known: Sequence[int | None],
    heard: Sequence[Estimate | CannotTell],
    *,
    source: Text | None = None,
) -> Chart | None:
    """Draw audience against being heard: two columns that say different things.

    Parameters
    ----------
    names : sequence of str, shape (n_people,)
    known : sequence of int or None, shape (n_people,)
        Audience; None where hidden, drawn in a margin of its own.
    heard : sequence of Estimate or CannotTell, shape (n_people,)
    source : Text, optional

    Returns
    -------
    Chart or None
        None where fewer than six people have both.
    """
    if not len(names) == len(known) == len(heard):
        raise InputError(f"{len(names)} names, {len(known)} audiences and {len(heard)} estimates were given.")
    both = [
        (audience, each)
        for audience, each in zip(known, heard, strict=True)
        if audience is not None and isinstance(each, Estimate)
    ]
    if len(both) < _FEWEST:
        return None
    top = min(_TOP, len(both) // 2)
    order = range(len(both))
    most_known = set(sorted(order, key=lambda k: -both[k][0])[:top])
    most_heard = set(sorted(order, key=lambda k: -both[k][1].low)[:top])
    shared = len(most_known & most_heard)
    title = N(
        "Of the {top} people most heard, {n} is among the {top} best known",
        "Of the {top} people most heard, {n} are among the {top} best known",
        shared,
        top=top,
    )
    audiences = [max(audience, 1) for audience, _ in both]
    low, high = min(audiences), max(audiences)
    reach = math.log10(max(high / low, 10.0))
    hidden = any(
        audience is None and isinstance(each, Estimate) for audience, each in zip(known, heard, strict=True)
    )
    left = reach * (_MARGIN if hidden else _PADDING)
    domain = [low / 10**left, high * 10 ** (reach * _PADDING)]
    strip = domain[0] * 10 ** (left * _STRIP)
    told = [isinstance(each, Estimate) for each in heard]
    data = pa.table(
        {
            "name": pa.array(names, pa.string()),
            "known": pa.array(known, pa.int64()),
            "at": pa.array([strip if value is None else max(value, 1) for value in known], pa.float64()),
            **_columns(heard),
            "label": pa.array(_labelled(names, known, heard, domain), pa.int64()),
        }
    ).filter(pa.array(told))
    level = _level(heard)
    return Chart(
        id="known-heard",
        title=title,
        alt=T(
            "Each person at their audience (across, each step ten times the one before) and at how much they "
            "are heard (up). The numbers are in the table beside."
        ),
        unit=T(
            "audience across, distinct people who act per post up, interval of {level}%",
            level=round(100 * level),
        ),
        source=source,
        columns=(
            Column("name", T("account"), "text"),
            Column("known", T("known"), "count"),
            *_heard_columns(level),
        ),
        data=data,
        view=_known_heard_view(domain, _scale(heard), strip if hidden else None),
    )


def _labelled(
    names: Sequence[str],
    known: Sequence[int | None],
    heard: Sequence[Estimate | CannotTell],
    domain: list[float],
) -> list[int]:
    """Number the people to name, from 1: most heard and best known, where their names do not meet."""
    told = [(k, each) for k, each in enumerate(heard) if isinstance(each, Estimate)]
    by_heard = [k for k, each in sorted(told, key=lambda one: -one[1].low)]
    by_known = sorted((k for k, _ in told if known[k] is not None), key=lambda k: -(known[k] or 0))
    wide = _scale(heard).get("type") == "log"
    heights = {k: math.log(each.value) if wide else each.value for k, each in told}
    span = (max(heights.values()) - min(heights.values())) or 1.0
    left, right = math.log(domain[0]), math.log(domain[1])

    def box(k: int) -> tuple[float, float, float]:
        audience = known[k]
        x = 0.02 if audience is None else (math.log(max(audience, 1)) - left) / (right - left)
        return x, min(x + 0.03 + 0.013 * len(names[k]), x + 0.3), heights[k] / span

    chosen: list[int] = []
    for pair in zip(by_heard[:_LABELLED], [*by_known[:_LABELLED], *[-1] * _LABELLED], strict=False):
        for k in pair:
            if k < 0 or k in chosen or len(chosen) == _LABELLED:
                continue
            x0, x1, y = box(k)
            if all(abs(y - v) > 0.06 or x1 < u0 or x0 > u1 for u0, u1, v in map(box, chosen)):
                chosen.append(k)
    return [chosen.index(k) + 1 if k in chosen else 0 for k in range(len(names))]


def _known_heard_view(domain: list[float], scale: dict[str, Any], strip: float | None) -> dict[str, Any]:
    decades = range(math.ceil(math.log10(domain[0])), math.floor(math.log10(domain[1])) + 1)
    x = {
        "field": "at",
        "type": "quantitative",
        "scale": {"type": "log", "domain": domain, "nice": False},
        "axis": {
            "title": T("known (audience)"),
            "format": "~s",
            "grid": False,
            "labelFlush": False,
            "values": [10.0**k for k in decades if strip is None or 10.0**k > strip * strip / domain[0]],
        },
    }
    y = {
        "field": "value",
        "type": "quantitative",
        "scale": scale,
        "axis": {"title": T("heard (people who act per post)"), "format": ",~g", **_ticks(scale)},
    }
    tooltip = [
        {"field": "name", "type": "nominal", "title": T("account")},
        {"field": "known", "type": "quantitative", "format": ",", "title": T("known")},
        *(
            {"field": name, "type": "quantitative", "format": ",.2~f", "title": title}
            for name, title in (("value", T("heard")), ("low", T("low end")), ("high", T("high end")))
        ),
    ]
    layers: list[dict[str, Any]] = [
        {
            "mark": {"type": "rule", "stroke": Role("heard"), "strokeWidth": 1, "strokeOpacity": 0.55},
            "encoding": {"x": x, "y": {**y, "field": "low"}, "y2": {"field": "high"}},
        },
        {
            "mark": {
                "type": "point",
                "shape": SHAPES["heard"],
                "size": 44,
                "opacity": 1,
                "tooltip": True,
                "fill": Role("heard"),
                "stroke": Role("paper"),
                "strokeWidth": 1,
            },
            "encoding": {"x": x, "y": y, "tooltip": tooltip},
        },
        {
            "transform": [
                {"filter": f"datum.label > 0 && (width > 420 || datum.label <= {_LABELLED_NARROW})"}
            ],
            "mark": {"type": "text", "align": "left", "dx": 8, "limit": 140, "color": Role("ink")},
            "encoding": {"x": x, "y": y, "text": {"field": "name", "type": "nominal"}},
        },
    ]
    if strip is not None:
        layers.append(
            {
                "data": {"values": [{}]},
                "mark": {"type": "rule", "stroke": Role("rule"), "strokeDash": [3, 3]},
                "encoding": {"x": {"datum": strip * strip / domain[0]}},
            }
        )
        layers.append(
            {
                "data": {"values": [{}]},
                "mark": {
                    "type": "text",
                    "align": "center",
                    "baseline": "top",
                    "dy": 8,
                    "color": Role("muted"),
                },
                "encoding": {
                    "x": {"datum": strip},
                    "y": {"value": {"expr": "height"}},
                    "text": {"value": T("not known")},
                },
            }
        )
    return {"width": "container", "height": 320, "data": {"name": "main"}, "layer": layers}
