"""Momentum of hashtags: what gathers speed is found, what is only frequent or one person's is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from entregent.errors import InputError
from entregent.listening.trending import trending

NOW = datetime(2026, 3, 8, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def world(seed: int, *more: tuple[str, datetime, list[str]]) -> pa.Table:
    """A calm week with a hundred hashtags of very different size."""
    rng = np.random.default_rng(seed)
    size = 8000
    tags = np.minimum(rng.zipf(1.6, size), 100)
    hours = rng.uniform(0, 171, size)
    people = rng.integers(0, 4000, size)
    calm = [
        (f"x:{person}", NOW - float(hour) * HOUR, [f"tag{tag}"])
        for person, hour, tag in zip(people, hours, tags, strict=True)
    ]
    rows = [dict(zip(("account", "time", "hashtags"), row, strict=True)) for row in (*calm, *more)]
    kinds = [("account", pa.string()), ("time", pa.timestamp("us", tz="UTC"))]
    schema = pa.schema([*kinds, ("hashtags", pa.list_(pa.string()))])
    return pa.Table.from_pylist(rows, schema=schema)


def test_what_gathers_speed_is_found_first() -> None:
    burst = [(f"x:b{n}", NOW - n * timedelta(minutes=5), ["Grève"]) for n in range(1, 20)]
    found = trending(world(1, *burst), NOW)
    assert found[0].hashtag == "greve"
    assert (found[0].people, found[0].before) == (19, 0)
    assert found[0].momentum > 10


def test_calm_weeks_give_few_false_ones() -> None:
    false = [len(trending(world(seed), NOW)) > 0 for seed in range(40)]
    assert sum(false) <= 6


def test_one_person_makes_no_trend() -> None:
    loud = [("x:loud", NOW - n * timedelta(minutes=1), ["mine"]) for n in range(1, 100)]
    assert "mine" not in {trend.hashtag for trend in trending(world(2, *loud), NOW)}


def test_nothing_is_known_of_nothing() -> None:
    assert trending(world(3).slice(0, 0), NOW) == ()
    with pytest.raises(InputError, match="window"):
        trending(world(3), NOW, window=timedelta(0))
