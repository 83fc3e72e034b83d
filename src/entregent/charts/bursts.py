"""What a group did, object by object: pairs seen within the window, beside what the times of all give."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa

from entregent.charts.spec import Chart, Column, Role
from entregent.i18n import T

__all__ = ["bursts"]

_HEIGHT = 110


def bursts(
    id: str,
    at: Sequence[datetime],
    observed: Sequence[int],
    expected: Sequence[float],
    *,
    origin: datetime | None = None,
) -> Chart:
    """Draw objects in order of time: a bar for pairs seen, a tick for pairs expected.

    Parameters
    ----------
    id : str
    at : sequence of datetime, shape (n_objects,)
        First act of a member, ascending.
    observed : sequence of int
    expected : sequence of float
        Pairs, had members acted at the times of just anybody who acted on it.
    origin : datetime, optional
        As in :class:`~entregent.charts.spec.Chart`.

    Returns
    -------
    Chart
    """
    seen, chance = sum(observed), sum(expected)
    data = pa.table(
        {
            "number": pa.array(range(1, len(at) + 1), pa.int64()),
            "at": pa.array(at, pa.timestamp("us", tz="UTC")),
            "observed": pa.array(observed, pa.int64()),
            "expected": pa.array(expected, pa.float64()),
        }
    )
    pairs = {"title": None, "tickCount": 3, "tickMinStep": 1, "domain": False, "ticks": False, "format": ",d"}
    along = {
        "field": "number",
        "type": "ordinal",
        "axis": {"title": None, "labelAngle": 0, "labelOverlap": True, "ticks": False},
    }
    tooltip = [
        {"field": "at_text", "type": "nominal", "title": T("first act")},
        {"field": "observed", "type": "quantitative", "title": T("pairs seen")},
        {"field": "expected", "type": "quantitative", "title": T("pairs expected"), "format": ".1f"},
    ]
    return Chart(
        id=id,
        title=T(
            "{seen} pairs within the window; the times of all who acted there give {expected}",
            seen=seen,
            expected=round(chance, 1),
        ),
        alt=T(
            "A bar an object in order of time: pairs of members within the window; a line across where the "
            "times of all who acted on it would put them. The numbers are in the table beside."
        ),
        unit=T("pairs of members, by object in order of time; the line is what the times of all give"),
        source=None,
        columns=(
            Column("number", T("object"), "count"),
            Column("at", T("first act"), "time"),
            Column("observed", T("pairs seen"), "count"),
            Column("expected", T("pairs expected"), "number"),
        ),
        data=data,
        origin=origin,
        view={
            "data": {"name": "main"},
            "width": "container",
            "height": _HEIGHT,
            "encoding": {"x": along},
            "layer": [
                {
                    "mark": {"type": "bar", "color": Role("bar"), "tooltip": True},
                    "encoding": {
                        "y": {"field": "observed", "type": "quantitative", "axis": pairs},
                        "tooltip": tooltip,
                    },
                },
                {
                    "mark": {"type": "tick", "color": Role("ink"), "thickness": 2},
                    "encoding": {"y": {"field": "expected", "type": "quantitative"}},
                },
            ],
        },
    )
