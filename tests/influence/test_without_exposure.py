"""Codes, declared sources and access at random or in steps: known answers, coverage, bad input."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from entregent.errors import InputError
from entregent.influence.staggered import Staggered, staggered
from entregent.influence.without_exposure import (
    Declared,
    by_code,
    declared_source,
    randomised,
)
from entregent.results import CannotTell, Estimate


def _table(values: np.ndarray) -> pa.Table:
    unit, period = np.meshgrid(np.arange(values.shape[0]), np.arange(values.shape[1]), indexing="ij")
    names = [f"u{code:02}" for code in unit.ravel()]
    return pa.table({"unit": names, "period": period.ravel(), "outcome": values.ravel()})


def test_code_counts_those_who_would_not_have_come_anyway() -> None:
    found = by_code(400, would_have_anyway=25, answered=100)
    assert isinstance(found, Estimate)
    assert found.value == 300
    # Wilson's interval of 75 of 100 at 90 %: 0.6734 to 0.8136 (formula of Wilson 1927).
    assert (found.low / 400, found.high / 400) == pytest.approx((0.6734, 0.8136), abs=2e-3)


def test_code_alone_tells_nothing_of_the_effect() -> None:
    found = by_code(400)
    assert isinstance(found, CannotTell)
    assert "400" in str(found.reason)
    few = by_code(400, would_have_anyway=1, answered=5)
    assert isinstance(few, CannotTell)


@pytest.mark.parametrize("numbers", [(5, 6, 6), (5, 3, 2), (5, None, 2)])
def test_code_refuses_counts_that_cannot_be(numbers: tuple[int, int | None, int]) -> None:
    used, anyway, answered = numbers
    with pytest.raises(InputError):
        by_code(used, would_have_anyway=anyway, answered=answered)


def test_declared_sources_hold_at_once() -> None:
    rng = np.random.default_rng(5)
    truth = {"a": 0.1, "b": 0.3, "c": 0.6}
    held = 0
    for _ in range(400):
        counts = rng.multinomial(150, list(truth.values()))
        found = declared_source(dict(zip(truth, counts.tolist(), strict=True)))
        assert isinstance(found, Declared)
        held += all(
            found.shares[name].low <= share <= found.shares[name].high for name, share in truth.items()
        )
    assert held / 400 > 0.87


def test_the_silent_could_have_named_anybody() -> None:
    found = declared_source({"a": 20, "b": 20}, asked=100)
    assert isinstance(found, Declared)
    assert (found.least["a"], found.most["a"]) == (0.2, 0.8)
    with pytest.raises(InputError):
        declared_source({"a": 20}, asked=10)


def test_randomised_covers_the_truth() -> None:
    rng = np.random.default_rng(6)
    held = 0
    for _ in range(400):
        found = randomised(rng.exponential(3.0, 30) + 1, rng.exponential(3.0, 40))
        assert isinstance(found, Estimate)
        held += found.low <= 1 <= found.high
    assert 0.85 < held / 400 < 0.95
    assert isinstance(randomised([1.0], [2.0]), CannotTell)


def _world(rng: np.random.Generator, effect: float) -> tuple[np.ndarray, dict[str, int]]:
    units, periods = 20, 10
    values = (
        rng.normal(10, 3, (units, 1))
        + np.cumsum(rng.normal(0.5, 1, periods))
        + rng.normal(0, 1, (units, periods))
    )
    start = np.concatenate((rng.integers(3, 8, 14), np.full(6, 99)))
    values += effect * (np.arange(periods) >= start[:, None])
    return values, {f"u{code:02}": int(start[code]) for code in range(14)}


def test_staggered_covers_the_truth_and_sees_nothing_in_nothing() -> None:
    rng = np.random.default_rng(7)
    held = flagged = 0
    for _ in range(40):
        values, starts = _world(rng, 2.0)
        found = staggered(_table(values), starts, rng=rng, draws=99)
        assert isinstance(found, Staggered)
        held += found.effect.low <= 2.0 <= found.effect.high
        values, starts = _world(rng, 0.0)
        nothing = staggered(_table(values), starts, rng=rng, draws=99)
        assert isinstance(nothing, Staggered)
        flagged += nothing.p <= 0.05
    assert held >= 30
    assert flagged <= 6


def test_staggered_shows_different_ways_before() -> None:
    rng = np.random.default_rng(8)
    values, starts = _world(rng, 0.0)
    values[:14] += 2.0 * np.arange(10)
    found = staggered(_table(values), starts, rng=rng, draws=99)
    assert isinstance(found, Staggered)
    assert isinstance(found.before, Estimate)
    assert found.before.low > 0


def test_staggered_says_what_is_missing() -> None:
    rng = np.random.default_rng(9)
    values, starts = _world(rng, 1.0)
    assert isinstance(staggered(_table(values[:4]), {}, rng=rng), CannotTell)
    assert isinstance(staggered(_table(values), {}, rng=rng), CannotTell)
    with pytest.raises(InputError, match="nobody"):
        staggered(_table(values), {"nobody": 3}, rng=rng)
    with pytest.raises(InputError, match="two rows"):
        staggered(pa.concat_tables([_table(values), _table(values)[:1]]), starts, rng=rng)
    with pytest.raises(InputError, match="no row"):
        staggered(_table(values)[1:], starts, rng=rng)
