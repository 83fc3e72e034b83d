"""Volume over time; what is missing is hatched and never drawn as zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from entregent.charts.spec import HATCH, Chart, Column, Role
from entregent.errors import InputError
from entregent.i18n import T, Text

__all__ = ["slot_text", "volume"]

_SERIES: Mapping[str, Text] = {
    "posts": T("posts"),
    "interactions": T("reposts, likes and shares"),
    "mentions": T("mentions"),
}
_SLOTS: Mapping[int, Text] = {
    60: T("one minute"),
    300: T("five minutes"),
    900: T("a quarter of an hour"),
    3600: T("one hour"),
    10_800: T("three hours"),
    21_600: T("six hours"),
    86_400: T("one day"),
    604_800: T("one week"),
    2_419_200: T("four weeks"),
}
_DAY = 86_400
_FEW_BARS = 90
_LONG = 100_000
_AXIS_WIDTH = 52


def slot_text(seconds: int) -> Text:
    """Return the length of a slot in words.

    >>> str(slot_text(3600)), str(slot_text(7200))
    ('one hour', '2 hours')
    """
    return _SLOTS.get(seconds) or T("{hours} hours", hours=seconds / 3600)


def volume(
    starts: Sequence[datetime],
    series: Mapping[str, Sequence[int | None]],
    *,
    end: datetime,
    gaps: Sequence[tuple[datetime, datetime]] = (),
    origin: datetime | None = None,
    source: Text | None = None,
) -> Chart:
    """Draw counts over time, one panel a series, each with a scale of its own.

    Parameters
    ----------
    starts : sequence of datetime, shape (n_slots,)
        Aware starts of the slots, in order; a slot ends where the next starts.
    series : mapping of str to sequence of int or None
        Counts by slot of ``posts``, ``interactions`` or ``mentions``; None is
        missing, not zero.
    end : datetime
        End of the last slot.
    gaps : sequence of (datetime, datetime)
        Stretches without data, hatched.
    origin : datetime, optional
        Given where times have no known calendar: they are shown as days from
        here, the first being day 1.
    source : Text, optional
        Where the numbers come from.

    Returns
    -------
    Chart

    Raises
    ------
    InputError
        For a series that is not known or of another length than `starts`.
    """
    for name, values in series.items():
        if name not in _SERIES:
            raise InputError(f"There is no series {name!r}.", valid=tuple(_SERIES))
        if len(values) != len(starts):
            raise InputError(f"{name} has {len(values)} values for {len(starts)} slots.")
    when = pa.timestamp("us", tz="UTC")
    ends = [*starts[1:], end] if starts else []
    seconds = int(np.median([(b - a).total_seconds() for a, b in zip(starts, ends, strict=True)] or [_DAY]))
    columns = {"start": pa.array(starts, when), "end": pa.array(ends, when)}
    columns |= {name: pa.array(values, pa.int64()) for name, values in series.items()}
    spans = {
        "start": pa.array([a for a, _ in gaps], when),
        "end": pa.array([b for _, b in gaps], when),
    }
    most = max((value or 0 for values in series.values() for value in values), default=0)
    kind = "day" if seconds >= _DAY else "time"
    shown = (
        Column("start", T("from"), kind),
        *(Column(name, _SERIES[name], "count") for name in series),
    )
    unit = T("count in {slot}", slot=slot_text(seconds))
    return Chart(
        id="volume",
        title=_finding(starts, series, seconds, origin),
        alt=T(
            "Bars over time, one panel each for: {series}. The numbers are in the table beside.",
            series=_joined([_SERIES[name] for name in series]),
        ),
        unit=T("{unit}; hatched: no data", unit=unit) if gaps else unit,
        source=source,
        columns=shown,
        data=pa.table(columns),
        view=_view(list(series), len(starts), origin is not None, most, bool(gaps)),
        more={"gaps": pa.table(spans)} if gaps else {},
        origin=origin,
    )


def _joined(texts: list[Text]) -> Text:
    joined = texts[0]
    for text in texts[1:]:
        joined = T("{before}; {after}", before=joined, after=text)
    return joined


def _finding(
    starts: Sequence[datetime],
    series: Mapping[str, Sequence[int | None]],
    seconds: int,
    origin: datetime | None,
) -> Text:
    totals = {name: sum(value or 0 for value in values) for name, values in series.items()}
    if not starts or not any(totals.values()):
        return T("No volume to draw: nothing here carries a time")
    name = max(totals, key=lambda each: totals[each])
    known = np.array([value for value in series[name] if value is not None])
    counts = [-1 if value is None else value for value in series[name]]
    at = int(np.argmax(counts))
    middle = float(np.median(known))
    peak: Any = starts[at]
    if origin is not None:
        peak = T("day {day}", day=int((starts[at] - origin) / timedelta(days=1)) + 1)
    elif seconds >= _DAY:
        # Noon of a day that starts at midnight in the reader's zone is the same date in UTC.
        peak = (starts[at] + timedelta(hours=12)).date()
    words = {"peak": peak, "n": counts[at], "what": _SERIES[name], "slot": slot_text(seconds)}
    if len(known) > 2 and middle >= 1 and counts[at] >= 2 * middle:
        return T(
            "Peak on {peak}: {n} {what} in {slot}, {times} times the median",
            **words,
            times=round(counts[at] / middle, 1),
        )
    return T("At most {n} {what} in {slot}, on {peak}", **words)


def _view(names: list[str], slots: int, by_day_number: bool, most: int, gaps: bool) -> dict[str, Any]:
    x: dict[str, Any] = (
        {"field": "start", "type": "quantitative", "scale": {"zero": False, "nice": False}}
        if by_day_number
        else {"field": "start", "type": "temporal", "scale": {"type": "utc"}}
    )
    axis: dict[str, Any] = {"grid": False, "title": None, "labelFlush": True, "labelOverlap": True}
    if by_day_number:
        axis |= {"title": T("day"), "format": ",d", "tickMinStep": 1}
    else:
        axis |= {
            "tickCount": {"expr": "max(2, floor(width / 110))"},
            "format": {
                "year": "%Y",
                "quarter": "%b",
                "month": "%b",
                "week": "%-d %b",
                "date": "%-d %b",
                "day": "%-d %b",
                "hours": "%H:%M",
                "minutes": "%H:%M",
                "seconds": "%H:%M:%S",
            },
        }
    few = {"xOffset": 0.5, "x2Offset": -0.5} if slots <= _FEW_BARS else {}
    height = 150 if len(names) == 1 else 110 if len(names) == 2 else 72
    tooltip = [
        {"field": "start_text", "type": "nominal", "title": T("from")},
        *({"field": f"{name}_told", "type": "nominal", "title": _SERIES[name]} for name in names),
    ]
    told = [
        {"calculate": f"isValid(datum.{name}) ? format(datum.{name}, ',') : '\u2013'", "as": f"{name}_told"}
        for name in names
    ]
    hatched: list[dict[str, Any]] = [
        {
            "data": {"name": "gaps"},
            "mark": {"type": "rect", "fill": HATCH, "fillOpacity": 0.45},
            "encoding": {"y": {"value": 0}, "y2": {"value": height}},
        }
    ][: int(gaps)]
    panels = []
    for name in names:
        last = name == names[-1]
        along = {"x": {**x, "axis": axis if last else None}, "x2": {"field": "end"}}
        panels.append(
            {
                "height": height,
                "width": 640,
                "title": {
                    "text": _SERIES[name],
                    "fontSize": 12,
                    "fontWeight": "normal",
                    "color": Role("muted"),
                    "offset": 6,
                    "frame": "group",
                },
                "layer": [
                    *({**layer, "encoding": {**along, **layer["encoding"]}} for layer in hatched),
                    {
                        "data": {"name": "main"},
                        "mark": {"type": "rect", "fill": Role("bar"), **few},
                        "transform": [{"filter": f"isValid(datum.{name})"}],
                        "encoding": {
                            **along,
                            "y": {
                                "field": name,
                                "type": "quantitative",
                                "scale": {"zero": True, "nice": True},
                                "axis": {
                                    "title": None,
                                    "tickCount": 3,
                                    "format": ",d" if most < _LONG else "~s",
                                    "labelExpr": "datum.value == 0 ? '0' : datum.label",
                                    "domain": False,
                                    "ticks": False,
                                    "minExtent": 40,
                                    "maxExtent": 40,
                                    "tickMinStep": 1,
                                },
                            },
                            "y2": {"datum": 0},
                        },
                    },
                    {
                        "data": {"name": "main"},
                        "transform": told,
                        "mark": {"type": "rect", "fill": Role("ink"), "fillOpacity": 0, "tooltip": True},
                        "encoding": {
                            **along,
                            "y": {"value": 0},
                            "y2": {"value": height},
                            "tooltip": tooltip,
                        },
                    },
                ],
            }
        )
    return {
        "usermeta": {"margin": _AXIS_WIDTH + 8},
        "spacing": 12,
        "vconcat": panels,
        "resolve": {"scale": {"x": "shared"}},
    }
