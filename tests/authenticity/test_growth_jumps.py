"""Jumps and runs of followers: found where they were put, seldom where there are none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from entregent.authenticity.growth import Event, follower_map, growth
from entregent.errors import InputError
from entregent.results import CannotTell

START = datetime(2026, 1, 1, tzinfo=UTC)


def days(n: int) -> list[datetime]:
    return [START + timedelta(days=k) for k in range(n)]


def counts(gains: np.ndarray) -> list[int]:
    return [10_000, *(10_000 + np.cumsum(gains)).tolist()]


def usual(rng: np.random.Generator, n: int = 180) -> np.ndarray:
    week = np.exp(0.4 * np.isin(np.arange(n) % 7, (5, 6)))
    return rng.poisson(np.exp(rng.normal(3.5 + 0.004 * np.arange(n), 0.3)) * week)


def test_few_false_jumps_in_ordinary_growth() -> None:
    false = [bool(growth(days(181), counts(usual(np.random.default_rng(s)))).jumps) for s in range(40)]
    assert np.mean(false) <= 0.1


def test_jumps_are_found_and_events_near_them_named() -> None:
    found_all = 0
    for seed in range(20):
        gains = usual(np.random.default_rng(seed))
        gains[60], gains[120] = 12 * gains[60] + 400, 700
        found = growth(days(181), counts(gains), [Event(START + timedelta(days=59.5), "prize draw")])
        assert isinstance(found.jumps, tuple)
        by_day = {(jump.start - START).days: jump for jump in found.jumps}
        if {60, 120} <= set(by_day):
            found_all += 1
            assert by_day[60].events == ("prize draw",)
            assert by_day[120].events == ()
            assert by_day[120].low <= by_day[120].expected <= by_day[120].high < by_day[120].gained
    assert found_all >= 19


def test_missing_days_are_rates_not_jumps() -> None:
    gains = usual(np.random.default_rng(1))
    times, seen = days(181), counts(gains)
    kept = [k for k in range(181) if not 80 < k < 95]
    found = growth([times[k] for k in kept], [seen[k] for k in kept])
    assert found.jumps == ()


def test_hidden_rounded_falling_and_short_series() -> None:
    gains = usual(np.random.default_rng(2))
    seen: list[int | None] = [100 * (value // 100) for value in counts(gains)]
    seen[5] = None
    found = growth(days(181), seen)
    assert {notice.code for notice in found.notices} == {"growth.hidden", "growth.rounded"}
    assert found.jumps == ()
    falling = growth(days(31), [1000 - 3 * k for k in range(31)])
    assert falling.losses == 30
    short = growth(days(4), [1, 2, 3, 4]).jumps
    assert isinstance(short, CannotTell)
    assert short.code == "growth.too_few"
    assert growth([], []).series.num_rows == 0
    with pytest.raises(InputError, match="is -1"):
        growth(days(1), [-1])


def test_events_everywhere_explain_little() -> None:
    found = growth(days(60), list(range(0, 600, 10)), [Event(day, "post") for day in days(60)])
    assert found.near_events == 1.0
    assert len(found.cautions) == 2


def smooth_followers(rng: np.random.Generator, n: int = 2000) -> list[datetime]:
    latest = 3000 + 0.5 * np.arange(n)
    return [START + timedelta(days=float(latest[k] * rng.beta(2, 1))) for k in range(n)]


def test_runs_of_followers_made_together_are_found() -> None:
    false, found = 0, 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        created = smooth_followers(rng)
        false += bool(follower_map(created).blocks)
        for k in range(1000, 1100):
            if rng.random() < 0.8:
                created[k] = START + timedelta(days=3000 + float(rng.uniform(0, 10)))
        blocks = follower_map(created).blocks
        assert isinstance(blocks, tuple)
        found += any(block.first <= 1060 and block.last >= 1040 for block in blocks)
        clearest = min(blocks, key=lambda block: block.q)
        assert clearest.inside > 3 * clearest.around
    assert false <= 1
    assert found == 8


def test_map_without_dates() -> None:
    few = follower_map([START] * 20 + [None] * 500)
    assert isinstance(few.blocks, CannotTell)
    assert few.notices[0].count == 500
    assert few.points.num_rows == 20
    same = follower_map([START] * 400)
    assert same.blocks == ()
