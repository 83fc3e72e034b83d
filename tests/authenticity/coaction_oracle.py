"""Co-action as a plain self-join, and actions to try it on."""

from __future__ import annotations

from functools import cache

import duckdb
import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from entregent.authenticity.coaction import Coaction
from entregent.authenticity.objects import Actions

SECOND = 1_000_000
JOIN = """
WITH acts AS (SELECT *, row_number() OVER () AS row FROM {acts}),
near AS (
    SELECT object, x.account AS one, y.account AS two
    FROM acts x JOIN acts y USING (object)
    WHERE x.row < y.row AND abs(x.time - y.time) <= {micros}
),
fits AS (SELECT object FROM near GROUP BY object HAVING count(*) <= {most})
SELECT least(one, two) AS a, greatest(one, two) AS b, count(DISTINCT object) AS n
FROM near JOIN fits USING (object) WHERE one <> two GROUP BY ALL
"""
FIRST = "(SELECT account, object, min(time) AS time FROM every GROUP BY ALL)"


@cache
def _connection() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


Counts = dict[tuple[int, int], tuple[int, ...]]


def joined(actions: Actions, windows: list[float], acts: str = "first", most: int = 10**12) -> Counts:
    """Return the count of each pair in each window, by SQL."""
    every = pa.table({"account": actions.account, "object": actions.object, "time": actions.time})
    found: dict[tuple[int, int], list[int]] = {}
    con = _connection()
    con.register("every", every)
    for place, window in enumerate(windows):
        sql = JOIN.format(
            acts=FIRST if acts == "first" else "every", micros=round(window * SECOND), most=most
        )
        for a, b, n in con.sql(sql).fetchall():
            found.setdefault((a, b), [0] * len(windows))[place] = n
    return {pair: tuple(counts) for pair, counts in found.items()}


def listed(found: Coaction) -> Counts:
    """Return the count of each pair in each window."""
    pairs = zip(found.a.tolist(), found.b.tolist(), strict=True)
    return {pair: tuple(counts) for pair, counts in zip(pairs, found.count.tolist(), strict=True)}


def coded(account: list[int], object: list[int], seconds: list[float], **more: object) -> Actions:
    """Return actions of codes that are given."""
    return Actions(
        pa.array([f"a{code:03d}" for code in range(max(account, default=-1) + 1)], pa.string()),
        pa.array([f"o{code:03d}" for code in range(max(object, default=-1) + 1)], pa.string()),
        np.array(account, np.int32),
        np.array(object, np.int32),
        np.round(np.array(seconds, np.float64) * SECOND).astype(np.int64),
        **more,
    )


rows = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 4), st.integers(-40, 40)), min_size=1, max_size=60
)
window_lists = st.lists(
    st.sampled_from([1.0, 2.0, 5.0, 10.0, 30.0, 60.0]), min_size=1, max_size=4, unique=True
)
