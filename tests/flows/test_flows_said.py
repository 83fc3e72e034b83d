"""Slots, gaps: what is counted and what is not known."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from entregent.clock import EPOCH, to_micros
from entregent.flows.said import HOUR, MOST_SLOTS, find_gaps, slot_edges

PARIS = ZoneInfo("Europe/Paris")


def test_days_follow_the_clock_of_the_reader():
    width, edges = slot_edges(datetime(2024, 3, 1, tzinfo=UTC), datetime(2024, 5, 15, tzinfo=UTC), PARIS)
    assert width == 86400
    assert {edge.astimezone(PARIS).hour for edge in edges} == {0}
    lengths = {(b - a).total_seconds() / 3600 for a, b in pairwise(edges)}
    assert lengths == {23, 24}


@given(
    st.integers(0, 60 * 365 * 86400),
    st.integers(0, 3 * 365 * 86400),
    st.sampled_from(["UTC", "Europe/Paris", "America/St_Johns", "Asia/Kathmandu"]),
)
def test_slots_cover_the_stretch_and_stay_few(first, seconds, zone):
    first = EPOCH + timedelta(seconds=first)
    last = first + timedelta(seconds=seconds)
    width, edges = slot_edges(first, last, ZoneInfo(zone))
    assert edges[0] <= first
    assert last < edges[-1]
    assert edges == sorted(edges)
    assert len(edges) <= MOST_SLOTS + 3
    assert width > 0


def _hourly(rate, days, seed, empty=()):
    rng = np.random.default_rng(seed)
    hours = [h for h in range(24 * days) for _ in range(rng.poisson(rate(h % 24))) if h not in empty]
    return np.array([h * HOUR + int(rng.integers(HOUR)) for h in hours], dtype=np.int64)


def test_an_outage_is_a_gap_and_nights_are_not():
    def rate(hour):
        return 8 if 7 <= hour < 23 else 0.2

    outage = set(range(24 * 9 + 10, 24 * 9 + 21))
    gaps = find_gaps(_hourly(rate, 30, 1, outage))
    assert len(gaps) == 1
    assert to_micros(gaps[0].start) // HOUR == min(outage) - 1
    assert to_micros(gaps[0].end) // HOUR == max(outage) + 1


def test_no_gap_is_seen_where_there_is_none():
    found = [find_gaps(_hourly(lambda hour: 5 if 7 <= hour < 23 else 0.1, 40, seed)) for seed in range(40)]
    assert sum(map(bool, found)) == 0


def test_few_posts_are_no_gap():
    rng = np.random.default_rng(2)
    assert find_gaps(np.sort(rng.integers(0, 90 * 24 * HOUR, 60))) == ()
    assert find_gaps(np.zeros(0, dtype=np.int64)) == ()
    assert find_gaps(np.zeros(5, dtype=np.int64)) == ()
