from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from entregent.clock import Period
from entregent.errors import InputError
from entregent.listening.series import Series, count_slots, rising, share_of_voice

START = datetime(2026, 1, 1, tzinfo=UTC)
SLOT = timedelta(minutes=10)
TIMES = pa.timestamp("us", tz="UTC")


def moments(minutes: list[float | None]) -> pa.Array:
    return pa.array([None if m is None else START + timedelta(minutes=m) for m in minutes], TIMES)


@given(
    st.lists(st.none() | st.floats(-30, 90), max_size=30),
    st.lists(st.tuples(st.integers(-20, 80), st.integers(1, 30)), max_size=3),
)
def test_counts_are_what_counting_says(minutes: list[float | None], gaps: list[tuple[int, int]]) -> None:
    periods = [
        Period(START + timedelta(minutes=a), START + timedelta(minutes=a + length)) for a, length in gaps
    ]
    series = count_slots(moments(minutes), Period(START, START + 6 * SLOT), SLOT, periods)
    for number, count in enumerate(series.counts):
        low, high = 10 * number, 10 * number + 10
        if any(a < high and a + length > low for a, length in gaps):
            assert np.isnan(count)
        else:
            within = [m for m in minutes if m is not None and low <= round(m * 60e6) / 60e6 < high]
            assert count == len(within)
    assert series.end == START + 6 * SLOT


def test_an_open_gap_reaches_to_the_end_and_a_rest_is_left_out() -> None:
    series = count_slots(moments([1]), Period(START, START + 3.5 * SLOT), SLOT, [Period(START + SLOT, None)])
    assert np.array_equal(series.counts, [1, np.nan, np.nan], equal_nan=True)


def test_what_has_no_width_or_end_is_refused() -> None:
    with pytest.raises(InputError, match="no width"):
        count_slots(moments([]), Period(START, START + SLOT), timedelta(0))
    with pytest.raises(InputError, match="open"):
        count_slots(moments([]), Period(START, None), SLOT)
    with pytest.raises(InputError, match="different slots"):
        share_of_voice([Series(START, SLOT, np.zeros(2)), Series(START, SLOT, np.zeros(3))])


def test_rising_is_the_exact_test_of_two_rates() -> None:
    (found,) = rising({"a": 12, "b": 3}, {"a": 10, "b": 30}, now_total=100, before_total=1000)
    exact = stats.binomtest(12, 22, 100 / 1100, alternative="greater").pvalue
    assert found.key == "a"
    assert found.chance == pytest.approx(2 * exact)
    assert found.expected == pytest.approx(1.05)


def test_nothing_rises_where_all_keep_their_share() -> None:
    rng = np.random.default_rng(3)
    names = [f"tag{number}" for number in range(300)]
    rates = rng.gamma(0.5, 20, len(names))
    false = 0
    for _ in range(40):
        now = dict(zip(names, map(int, rng.poisson(rates)), strict=True))
        before = dict(zip(names, map(int, rng.poisson(rates * 28)), strict=True))
        false += bool(rising(now, before, now_total=2000, before_total=56_000))
    assert false <= 6  # 0.05 of 40, and what chance adds to it once in a thousand
    assert rising({}, {"a": 1}, now_total=0, before_total=10) == ()
