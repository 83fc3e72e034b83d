"""Followers by order of following: when each account was made, runs of other dates marked."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from entregent.charts.spec import Chart, Column, Role
from entregent.i18n import N, T

__all__ = ["follower_map"]

_HEIGHT = 320


def follower_map(points: pa.Table) -> Chart:
    """Draw a follower map.

    Parameters
    ----------
    points : pa.Table
        Columns place (order of following), created_at and block (null outside
        of runs), as :class:`entregent.authenticity.growth.FollowerMap` has them.

    Returns
    -------
    Chart
    """
    marked = points["block"].is_valid()
    blocks = pc.count_distinct(points["block"].filter(marked)).as_py()
    data = pa.table(
        {
            "place": points["place"].cast(pa.int64()),
            "created_at": points["created_at"].cast(pa.timestamp("us", tz="UTC")),
            "run": pc.if_else(marked, "run", "rest"),
        }
    )
    names = {"run": T("in a run of other dates"), "rest": T("like those around it")}
    place, made = T("order of following"), T("account made")
    return Chart(
        id="follower-map",
        title=N(
            "{n} run of followers whose accounts are of other dates than those around it",
            "{n} runs of followers whose accounts are of other dates than those around them",
            blocks,
        )
        if blocks
        else T("No run of followers whose accounts are of other dates than those around it"),
        alt=T(
            "A dot a follower: along the order of following, up when the account was made. "
            "The numbers are in the table beside."
        ),
        unit=T("one dot a follower; nothing is said about a single account"),
        source=None,
        columns=(
            Column("place", place, "count"),
            Column("created_at", made, "day"),
            Column("run", T("run"), "label", names),
        ),
        data=data,
        view={
            "data": {"name": "main"},
            "width": "container",
            "height": _HEIGHT,
            "mark": {"type": "point", "filled": True, "size": 12, "opacity": 0.7},
            "encoding": {
                "x": {"field": "place", "type": "quantitative", "axis": {"title": place, "format": ",d"}},
                "y": {
                    "field": "created_at",
                    "type": "temporal",
                    "scale": {"type": "utc"},
                    "axis": {"title": made},
                },
                "color": {
                    "field": "run",
                    "type": "nominal",
                    "scale": {
                        "domain": [names["rest"], names["run"]],
                        "range": [Role("bar"), Role("effective")],
                    },
                    "legend": {"title": None, "orient": "top"},
                },
            },
        },
    )
