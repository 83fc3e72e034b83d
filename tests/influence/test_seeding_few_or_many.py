"""Few or many at equal budgets, and the threshold model against its published window."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entregent.errors import Cancelled, InputError
from entregent.influence.seeding import KINDS, FewOrMany, Prices, few_or_many
from entregent.influence.spread_chances import weighted_cascade
from entregent.influence.thresholds import (
    cascade_window,
    easily_influenced,
    threshold_arcs,
    threshold_cascade,
)
from entregent.network.graph import Graph, build, in_degree
from entregent.results import CannotTell


def poisson_graph(n: int, degree: float, seed: int) -> Graph:
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, n, (2, int(n * degree / 2)))
    names = np.array([f"{i:05d}" for i in range(n)])
    both = pa.array(np.concatenate([names[a], names[b]])), pa.array(np.concatenate([names[b], names[a]]))
    return build(*both)


def star_graph() -> Graph:
    """Three stars of 200 listeners, 60 ordinary people of 4, nobody in common."""
    arcs = [(f"l{s}-{i}", f"star{s}") for s in range(3) for i in range(200)]
    arcs += [(f"m{o}-{i}", f"ordinary{o:02d}") for o in range(60) for i in range(4)]
    return build(pa.array([a for a, _ in arcs]), pa.array([b for _, b in arcs]))


def compared(prices: Prices, budget: float, **options: object) -> FewOrMany:
    graph = star_graph()
    given_ = {"stars": 3 / graph.n, "ordinary": (1 - 63 / graph.n, 1 - 3 / graph.n), "draws": 40} | options
    return few_or_many(
        graph, np.full(graph.m, 0.5), in_degree(graph), prices, budget, np.random.default_rng(1), **given_
    )


def test_watts_cascade_window() -> None:
    # Watts (2002), threshold 0.18: z exp(-z) (1 + z + z^2/2 + z^3/6) = 1.
    low, high = cascade_window(0.18)
    assert low == pytest.approx(1.0207, abs=5e-5)
    assert high == pytest.approx(5.7647, abs=5e-5)
    for z in (low, high):
        assert z * np.exp(-z) * (1 + z + z**2 / 2 + z**3 / 6) == pytest.approx(1.0)
    assert cascade_window(0.9) is None
    with pytest.raises(InputError, match="threshold is 0"):
        cascade_window(0.0)


@given(st.floats(0.05, 0.24))
def test_the_window_narrows_with_the_threshold(threshold: float) -> None:
    easier, harder = cascade_window(threshold), cascade_window(threshold + 0.01)
    assert easier is not None
    assert harder is None or easier[1] >= harder[1]


@pytest.mark.parametrize(("degree", "crowd"), [(0.7, False), (3.0, True), (9.0, False)])
def test_crowds_move_inside_the_window_only(degree: float, crowd: bool) -> None:
    graph = poisson_graph(5000, degree, 3)
    arcs = threshold_arcs(graph, 0.18)
    starts = np.random.default_rng(4).integers(0, graph.n, 60)
    shares = np.array([threshold_cascade(arcs, [v]).mean() for v in starts])
    assert bool(shares.max() > 0.5) is crowd
    easy = easily_influenced(graph, 0.18)
    assert (easy.largest > 0.1) is crowd
    assert easy.largest <= easy.share == easy.people.mean()


def test_thresholds_are_shares_of_those_listened_to() -> None:
    graph = build(pa.array(["z", "z", "z", "z"]), pa.array(["a", "b", "c", "d"]))
    arcs = threshold_arcs(graph, 0.5)
    assert not threshold_cascade(arcs, [0])[4]
    assert threshold_cascade(arcs, [0, 3])[4]
    assert threshold_cascade(threshold_arcs(graph, 0.0), [0])[4]
    assert threshold_cascade(threshold_arcs(graph, 0.0), []).sum() == 0
    with pytest.raises(InputError, match="outside"):
        threshold_arcs(graph, 1.2)


def test_the_known_best_kind_wins_on_either_side_of_the_known_price() -> None:
    # A star reaches 100 others on average, an ordinary person 2. Free of a
    # price per follower, 150 buys one star at a fixed price of 150 and 60
    # ordinary people at 2.5: one star wins where people are dear.
    dear = compared(Prices(150), 150)
    by_kind = {group.kind: group for group in dear.groups}
    assert tuple(by_kind) == KINDS
    assert by_kind["stars"].extra.value == pytest.approx(100, rel=0.1)
    assert by_kind["ordinary"].extra.value == pytest.approx(2, abs=0.7)
    assert by_kind["optimised"].extra.value >= 0.9 * by_kind["stars"].extra.value
    assert by_kind["random"].extra.value < 10
    assert isinstance(dear.best, CannotTell)
    # Where every follower costs, sixty ordinary people reach more than no star at all.
    cheap = compared(Prices(0.5, per_follower=1.0), 150)
    groups = {group.kind: group for group in cheap.groups}
    assert groups["stars"].people == 0
    assert groups["ordinary"].extra.value == pytest.approx(2 * groups["ordinary"].people, rel=0.2)
    assert [notice.code for notice in cheap.notices] == ["seeding.nobody"]
    for group in (*dear.groups, *cheap.groups):
        assert group.spent <= 150 * (1 + 1e-6)
        assert group.extra.low <= group.extra.value <= group.extra.high


def test_the_price_that_flips_the_ranking_is_found() -> None:
    # With 320 to spend and 1 a follower, a star (200 + fixed) brings 100 and
    # ordinary people (4 + fixed) 2 each, 60 of them at most: ordinary lead
    # while 2 * 320 / (4 + fixed) is above 100, so up to a fixed price of 2.4.
    found = compared(Prices(1, per_follower=1.0, fixed_range=(1.0, 6.0)), 320, steps=5, draws=60)
    flip = next(f for f in found.flips if {f.cheaper, f.dearer} == {"stars", "ordinary"})
    assert (flip.cheaper, flip.dearer) == ("ordinary", "stars")
    assert flip.price.low <= flip.price.value <= flip.price.high
    assert flip.price.value == pytest.approx(2.4, rel=0.2)
    assert flip.share > 0.9
    assert len(found.sweep) == 5 * 4
    assert found.ahead[0, 1] + found.ahead[1, 0] == pytest.approx(1)


def test_clear_winners_are_named_and_overlaps_are_not() -> None:
    clear = compared(Prices(150, quotes=None), 150, model="threshold", thresholds=0.5)
    assert clear.best == "stars"
    assert [group.kind for group in clear.groups] == ["stars", "ordinary", "random"]
    assert "seeding.no_circle" in [notice.code for notice in clear.notices]
    same = compared(Prices(1), 5, stars=0.5, ordinary=(0.0, 1.0), model="threshold", thresholds=0.5)
    assert isinstance(same.best, CannotTell)
    assert same.best.code == "seeding.overlap"
    assert len(same.limits) == 4


def test_the_same_seed_gives_the_same_answer_and_quotes_replace_prices() -> None:
    one, two = compared(Prices(5), 50), compared(Prices(5), 50, threads=2)
    assert [g.draws.tolist() for g in one.groups] == [g.draws.tolist() for g in two.groups]
    graph = star_graph()
    quotes = np.full(graph.n, np.nan)
    quotes[in_degree(graph) == 200] = 51.0
    quoted = compared(Prices(5, quotes=quotes), 50)
    assert quoted.groups[0].people == 0
    assert one.groups[0].people > 0


@pytest.mark.parametrize(
    ("prices", "budget", "options", "message"),
    [
        (Prices(10), 5, {}, "below every price"),
        (Prices(-1), 5, {}, "numbers from 0"),
        (Prices(1, fixed_range=(3, 2)), 5, {}, "range"),
        (Prices(1), np.inf, {}, "budget is inf"),
        (Prices(1), 5, {"draws": 3}, "20 draws"),
        (Prices(1), 5, {"stars": 0.0}, "stars is 0"),
        (Prices(1), 5, {"model": "threshold"}, "no thresholds"),
        (Prices(1), 5, {"model": "gossip"}, "Valid"),
        (Prices(1, quotes=np.ones(2)), 5, {}, "shape|quoted"),
    ],
)
def test_what_cannot_be_used_is_named(
    prices: Prices, budget: float, options: dict[str, object], message: str
) -> None:
    with pytest.raises((InputError, ValueError), match=message):
        compared(prices, budget, **options)


def test_it_stops_where_asked() -> None:
    class Stop:
        def step(self, name: str, total: int | None = None, unit: str = "") -> None:
            pass

        def advance(self, amount: int, note: str = "") -> None:
            pass

        def cancelled(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        compared(Prices(1), 5, progress=Stop())


def test_people_without_followers_and_a_graph_without_arcs() -> None:
    graph = Graph(
        pa.array(["a", "b", "c"]), np.zeros(4, np.int64), np.empty(0, np.int32), np.empty(0, np.float64)
    )
    found = few_or_many(graph, [], np.zeros(3), Prices(1), 2, np.random.default_rng(1), draws=20)
    assert {group.extra.value for group in found.groups} == {0.0}
    assert isinstance(found.best, CannotTell)


def test_weighted_cascade_on_a_real_shape() -> None:
    graph = poisson_graph(1500, 6.0, 8)
    chance = weighted_cascade(graph)
    found = few_or_many(
        graph, chance, in_degree(graph), Prices(10.0), 100.0, np.random.default_rng(3), draws=60
    )
    means = {group.kind: group.extra.value for group in found.groups}
    assert means["optimised"] > means["random"]
    assert means["stars"] > means["random"]
