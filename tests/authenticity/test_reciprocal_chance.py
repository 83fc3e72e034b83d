"""Mutual engagement against chance: calibrated where there is none, found where it was put."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from entregent.authenticity.reciprocal import _law, _weights, reciprocal
from entregent.errors import InputError
from entregent.results import CannotTell, Estimate


def network(rng: np.random.Generator, n: int = 200) -> set[tuple[int, int]]:
    """Mutual partners by sociability alone, and acts that nobody answers."""
    x = np.exp(rng.normal(-1.6, 0.8, n))
    pairs = np.triu_indices(n, 1)
    chance = x[pairs[0]] * x[pairs[1]]
    drawn = rng.random(len(chance)) < chance / (1 + chance)
    arcs = {(int(a), int(b)) for a, b in zip(pairs[0][drawn], pairs[1][drawn], strict=True)}
    arcs |= {(b, a) for a, b in arcs}
    return arcs | {(int(a), int(b)) for a, b in rng.integers(0, n, (400, 2))}


def table(arcs: set[tuple[int, int]]) -> pa.Table:
    ordered = sorted(arcs)
    return pa.table({"actor": [f"x:{a}" for a, _ in ordered], "target": [f"x:{b}" for _, b in ordered]})


def test_chances_are_those_of_chance() -> None:
    p = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        members = [f"x:{k}" for k in rng.choice(200, 25, replace=False)]
        found = reciprocal(table(network(rng)), members)
        assert isinstance(found.chance, Estimate)
        p.append(found.p)
    assert np.mean(np.array(p) <= 0.05) <= 0.12
    assert 0.4 <= np.mean(p) <= 0.75


def test_a_circle_that_engages_each_other_is_seen() -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        arcs = network(rng)
        circle = rng.choice(200, 8, replace=False).tolist()
        arcs |= {(a, b) for a in circle for b in circle if a != b and rng.random() < 0.9}
        found = reciprocal(table(arcs), [f"x:{k}" for k in circle])
        assert found.p < 1e-3
        assert found.times > 3
        assert isinstance(found.chance, Estimate)
        assert found.chance.high < found.mutual <= found.pairs == 28
        assert found.inside is not None
        assert found.outside is not None
        assert found.inside.value > 0.5


def test_degrees_are_kept_on_average() -> None:
    degree = np.array([1, 1, 2, 3, 3, 4, 6, 6, 2, 2, 5, 5], float)
    x = _weights(degree)
    chance = np.outer(x, x) / (1 + np.outer(x, x))
    np.fill_diagonal(chance, 0)
    np.testing.assert_allclose(chance.sum(axis=1), degree, rtol=1e-5)


def test_law_of_a_sum_of_events() -> None:
    from scipy import stats

    np.testing.assert_allclose(_law(np.full(12, 0.3)), stats.binom.pmf(np.arange(13), 12, 0.3), atol=1e-12)


def test_what_cannot_be_told() -> None:
    few = reciprocal(table({(0, 1), (1, 0), (2, 2)}), ["x:0", "x:1", "x:9"])
    assert isinstance(few.chance, CannotTell)
    assert (few.members, few.mutual) == (2, 1)
    empty = pa.table({"actor": pa.array(["x:1", None]), "target": pa.array([None, "x:2"], pa.string())})
    nothing = reciprocal(empty, ["x:1"])
    assert nothing.notices[0].count == 2
    assert nothing.inside is None
    with pytest.raises(InputError, match="target"):
        reciprocal(pa.table({"actor": ["x:1"]}), [])
