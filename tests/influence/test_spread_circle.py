"""Circles reach what they say, keep to their limits, and are the same on any number of threads."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entregent.errors import Cancelled, InputError
from entregent.influence.judge import forward, judge, runs
from entregent.influence.spread import Circle, circle, prepare
from entregent.influence.spread_chances import threshold_weights, trivalency, uniform, weighted_cascade
from entregent.network.graph import Graph


def graph_of(n: int, arcs: list[tuple[int, int]]) -> Graph:
    """Return a graph that keeps loops and doubles; (a, b) says that a listens to b."""
    rows = sorted(arcs)
    counts = np.bincount([a for a, _ in rows], minlength=n) if rows else np.zeros(n, dtype=int)
    return Graph(
        pa.array([f"p{i}" for i in range(n)], pa.string()),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.array([b for _, b in rows], dtype=np.int32),
        np.ones(len(rows)),
    )


def random_graph(n: int, m: int, seed: int) -> Graph:
    rng = np.random.default_rng(seed)
    popular = np.minimum((rng.pareto(1.3, n) + 1), n / 10)
    heads = rng.choice(n, m, p=popular / popular.sum())
    tails = rng.integers(0, n, m)
    return graph_of(n, [(int(a), int(b)) for a, b in set(zip(tails, heads, strict=True)) if a != b])


def exact_reach(graph: Graph, chance: np.ndarray, people: tuple[int, ...]) -> float:
    """Return the expected reach in the independent cascade, over all worlds."""
    tails = np.repeat(np.arange(graph.n), np.diff(graph.indptr))
    total = 0.0
    for live in product((0, 1), repeat=graph.m):
        weight = float(np.prod(np.where(live, chance, 1 - chance)))
        reached = set(people)
        while True:
            more = {
                int(t)
                for t, h, alive in zip(tails, graph.indices, live, strict=True)
                if alive and h in reached
            } - reached
            if not more:
                break
            reached |= more
        total += weight * len(reached)
    return total


SMALL = graph_of(6, [(1, 0), (2, 0), (2, 1), (3, 2), (4, 3), (4, 0), (5, 4), (0, 5), (1, 5)])


@pytest.mark.parametrize(
    "chance",
    [
        np.full(9, 0.3),
        np.array([0.9, 0.05, 0.4, 1.0, 0.0, 0.6, 0.2, 0.99, 0.5]),
        np.array([1e-3, 0.2, 0.3, 0.97, 0.1, 0.45, 1.0, 0.0, 0.8]),
    ],
    ids=["equal", "unequal", "mixed"],
)
def test_reverse_sets_and_forward_simulation_agree_with_the_exact_reach(chance: np.ndarray) -> None:
    sampler = prepare(SMALL, chance)
    for people in [(0,), (3,), (0, 4)]:
        truth = exact_reach(SMALL, chance, people)
        kept = circle(
            sampler,
            np.random.default_rng(3),
            k=len(people),
            include=people,
            most_samples=200_000,
            tolerance=1e-9,
            guarantee=0.999,
        )
        assert kept.reach.value == pytest.approx(truth, abs=0.03)
        values = runs(forward(SMALL, chance), people, np.random.default_rng(4), 40_000)
        assert values.mean() == pytest.approx(truth, abs=0.04)
        assert kept.lower <= truth <= kept.upper


def test_the_circle_is_the_best_pair_where_it_can_be_counted() -> None:
    chance = np.array([0.9, 0.05, 0.4, 0.8, 0.1, 0.6, 0.2, 0.99, 0.5])
    best = max(combinations(range(6), 2), key=lambda pair: exact_reach(SMALL, chance, pair))
    found = circle(prepare(SMALL, chance), np.random.default_rng(1), k=2)
    assert exact_reach(SMALL, chance, tuple(found.people)) >= 0.98 * exact_reach(SMALL, chance, best)
    assert found.upper >= exact_reach(SMALL, chance, best)


@pytest.mark.parametrize("model", ["independent_cascade", "linear_threshold"])
@pytest.mark.parametrize("unequal", [False, True])
def test_an_independent_judge_agrees(model: str, unequal: bool) -> None:
    graph = random_graph(2000, 12_000, 5)
    chance = threshold_weights(graph) * (0.7 if model == "linear_threshold" else 1.0)
    if unequal:
        chance = chance * np.random.default_rng(6).random(graph.m)
    found = circle(prepare(graph, chance, model=model), np.random.default_rng(7), k=20)
    judged = judge(forward(graph, chance, model=model), found.people, np.random.default_rng(8), n_runs=2000)
    assert judged.value == pytest.approx(found.reach.value, rel=0.03)
    assert found.lower < judged.value < found.upper
    assert found.ratio > 0.7


def test_bounds_hold_as_often_as_promised() -> None:
    graph = random_graph(500, 3000, 9)
    chance = weighted_cascade(graph)
    sampler, arcs = prepare(graph, chance), forward(graph, chance)
    outside = 0
    for seed in range(30):
        found = circle(sampler, np.random.default_rng(seed), k=5, most_samples=2000, confidence=0.8)
        judged = judge(arcs, found.people, np.random.default_rng(seed), n_runs=600)
        outside += not found.lower <= judged.value <= found.upper
    assert outside <= 30 * 0.2


def same_circle(a: Circle, b: Circle) -> bool:
    return (
        a.people.tolist() == b.people.tolist()
        and a.reach == b.reach
        and (a.lower, a.upper, a.samples) == (b.lower, b.upper, b.samples)
        and np.array_equal(a.shared, b.shared)
    )


def test_the_number_of_threads_changes_nothing() -> None:
    graph = random_graph(3000, 20_000, 10)
    chance = trivalency(graph, np.random.default_rng(1), (0.3, 0.1, 0.02))
    found = [
        circle(prepare(graph, chance, threads=t), np.random.default_rng(2), k=30, threads=t)
        for t in (1, 2, 3)
    ]
    assert same_circle(found[0], found[1])
    assert same_circle(found[0], found[2])
    other = circle(prepare(graph, chance), np.random.default_rng(3), k=30)
    assert not same_circle(found[0], other)
    arcs = forward(graph, chance)
    judged = [runs(arcs, [1, 2], np.random.default_rng(5), 100, threads=t).tolist() for t in (1, 3)]
    assert judged[0] == judged[1]


@st.composite
def limited(draw: st.DrawFn) -> dict[str, object]:
    n = draw(st.integers(4, 25))
    arcs = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=60))
    chances = draw(st.lists(st.floats(0, 1), min_size=len(arcs), max_size=len(arcs)))
    left = draw(st.sets(st.integers(1, n - 1), max_size=n - 2))
    return {
        "graph": graph_of(n, arcs),
        "chance": np.array(chances),
        "k": draw(st.integers(1, n)),
        "exclude": sorted(left),
        "cost": np.array(draw(st.lists(st.floats(0, 10), min_size=n, max_size=n))),
        "community": np.array(draw(st.lists(st.integers(-1, 3), min_size=n, max_size=n))),
        "seed": draw(st.integers(0, 99)),
    }


@settings(max_examples=60)
@given(limited())
def test_limits_are_kept_whatever_the_graph(given_: dict[str, object]) -> None:
    graph, cost, labels = given_["graph"], given_["cost"], given_["community"]
    allowed = [v for v in range(graph.n) if v not in given_["exclude"]]
    budget = max(float(cost[allowed].min()), float(np.median(cost)))
    found = circle(
        prepare(graph, given_["chance"]),
        np.random.default_rng(given_["seed"]),
        k=given_["k"],
        cost=cost,
        budget=budget,
        include=[0] if cost[0] <= budget else [],
        exclude=given_["exclude"],
        community=labels,
        most_samples=512,
    )
    people = found.people.tolist()
    assert len(set(people)) == len(people) <= given_["k"]
    assert not set(people) & set(given_["exclude"])
    assert found.cost == pytest.approx(cost[people].sum())
    assert found.cost <= budget * (1 + 1e-6) + 1e-9
    chosen = labels[people][labels[people] >= 0]
    assert len(np.unique(chosen)) == len(chosen)
    assert people[:1] == [0] or cost[0] > budget
    assert 0 <= found.lower <= found.upper <= graph.n
    assert found.reach.low <= found.reach.value <= found.reach.high
    assert np.allclose(found.shared, found.shared.T)


def test_only_people_who_count_are_reached_for() -> None:
    graph = graph_of(9, [(i, 0) for i in range(1, 6)] + [(7, 6), (8, 6)])
    region = np.array([0, 0, 0, 0, 0, 0, 1.0, 2.0, 3.0])
    found = circle(prepare(graph, np.ones(graph.m), audience=region), np.random.default_rng(1), k=1)
    assert found.ids.to_pylist() == ["p6"]
    assert found.reach.value == pytest.approx(6.0)
    judged = judge(forward(graph, np.ones(graph.m), audience=region), [6], np.random.default_rng(1), n_runs=5)
    assert judged.value == 6.0


def test_shared_audiences_are_those_of_the_graph() -> None:
    graph = graph_of(7, [(2, 0), (3, 0), (4, 0), (3, 1), (4, 1), (5, 1)])
    found = circle(prepare(graph, np.ones(6)), np.random.default_rng(1), k=2, include=[0, 1])
    assert found.own == pytest.approx([4, 4], abs=0.2)
    assert found.shared[0, 1] == pytest.approx(2, abs=0.2)
    assert found.share[0, 1] == pytest.approx(0.5, abs=0.05)
    assert found.added == pytest.approx([4, 2], abs=0.2)
    assert (found.own_low <= 4.0).all()
    assert (found.own_high >= 4.0).all()


def test_prices_change_who_is_chosen() -> None:
    arcs = [(i, 0) for i in range(3, 13)] + [(i, 1) for i in range(13, 20)] + [(i, 2) for i in range(20, 27)]
    graph = graph_of(27, arcs)
    sampler = prepare(graph, np.ones(graph.m))
    cost = np.full(27, 100.0)
    cost[:3] = [10, 5, 5]
    found = circle(sampler, np.random.default_rng(1), cost=cost, budget=10)
    assert sorted(found.people.tolist()) == [1, 2]
    # Greedy on reach per price alone would take the one below and have nothing left for the star.
    cost[:3] = [10, 1, 100]
    graph = graph_of(27, [(i, 0) for i in range(3, 26)] + [(26, 1)])
    found = circle(prepare(graph, np.ones(graph.m)), np.random.default_rng(1), cost=cost, budget=10)
    assert found.people.tolist() == [0]
    assert found.upper >= 24


class Stopping:
    """Progress that cancels after some reports."""

    def __init__(self, after: int) -> None:
        self.left = after
        self.steps: list[str] = []

    def step(self, name: str, total: int | None = None, unit: str = "") -> None:
        self.steps.append(name)

    def advance(self, amount: int, note: str = "") -> None:
        self.left -= 1

    def cancelled(self) -> bool:
        return self.left <= 0


def test_stopped_early_it_gives_the_best_so_far_with_its_bounds() -> None:
    graph = random_graph(3000, 20_000, 11)
    sampler = prepare(graph, weighted_cascade(graph))
    found = circle(sampler, np.random.default_rng(1), k=10, tolerance=1e-9, progress=Stopping(4))
    assert found.stopped == "cancelled"
    assert len(found.people) == 10
    assert 0 < found.lower <= found.upper
    assert [notice.code for notice in found.notices] == ["circle.cancelled"]
    with pytest.raises(Cancelled):
        circle(sampler, np.random.default_rng(1), k=10, progress=Stopping(0))


def test_more_samples_give_a_tighter_bound() -> None:
    graph = random_graph(2000, 12_000, 12)
    sampler = prepare(graph, weighted_cascade(graph))
    few, many = (
        circle(sampler, np.random.default_rng(1), k=20, tolerance=1e-9, most_samples=m)
        for m in (1000, 60_000)
    )
    assert many.ratio > few.ratio
    assert (few.stopped, many.stopped) == ("samples", "samples")
    assert many.rounds > few.rounds
    sure = circle(sampler, np.random.default_rng(1), k=20, guarantee=0.85)
    assert sure.ratio > 0.8


def test_memory_is_bounded() -> None:
    graph = random_graph(3000, 60_000, 13)
    sampler = prepare(graph, uniform(graph, 0.3))
    found = circle(sampler, np.random.default_rng(1), k=5, memory_mb=40, tolerance=1e-9)
    assert found.stopped == "memory"
    assert found.samples * found.own.max() / graph.n < 40 * 2**20 / 4
    with pytest.raises(InputError, match="or more"):
        circle(sampler, np.random.default_rng(1), k=5, memory_mb=1)


def test_doubled_arcs_and_loops_are_chances_of_their_own() -> None:
    graph = graph_of(3, [(0, 0), (1, 0), (1, 0), (2, 2)])
    chance = np.array([0.5, 0.5, 0.5, 1.0])
    found = circle(prepare(graph, chance), np.random.default_rng(1), k=1, include=[0], tolerance=1e-6)
    assert found.reach.value == pytest.approx(1.75, abs=0.1)
    values = runs(forward(graph, chance), [0], np.random.default_rng(1), 20_000)
    assert values.mean() == pytest.approx(1.75, abs=0.02)


def test_certain_arcs_always_carry() -> None:
    chain = graph_of(200, [(i + 1, i) for i in range(199)])
    wide = graph_of(50, [(49, i) for i in range(49)])
    mixed = np.full(49, 0.01)
    mixed[7] = 1.0
    assert circle(prepare(chain, np.ones(199)), np.random.default_rng(1), k=1).reach.value == 200
    found = circle(prepare(wide, mixed), np.random.default_rng(1), k=1)
    assert found.people.tolist() == [7]
    assert found.reach.value == pytest.approx(2, abs=0.2)


def test_a_graph_without_arcs_gives_anybody() -> None:
    found = circle(prepare(graph_of(20, []), []), np.random.default_rng(1), k=4)
    assert len(found.people) == 4
    assert found.reach.low <= 4 <= found.reach.high


@pytest.mark.parametrize("wrong", [-0.1, 1.5, np.nan, np.inf])
def test_chances_outside_the_unit_interval_are_named(wrong: float) -> None:
    chance = np.full(9, 0.1)
    chance[4] = wrong
    for make in (prepare, forward):
        with pytest.raises(InputError, match=r"1 of 9 chances are outside \[0, 1\].*arc 4"):
            make(SMALL, chance)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "Neither"),
        ({"k": 7}, "a whole number from 1 to 6"),
        ({"k": 0}, "k is 0"),
        ({"k": 2, "budget": 3.0}, "belong together"),
        ({"budget": 0.5, "cost": np.arange(1.0, 7)}, "below every price"),
        ({"budget": 5.0, "cost": np.full(6, np.nan)}, "negative or unknown"),
        ({"budget": np.nan, "cost": np.ones(6)}, "budget is nan"),
        ({"k": 2, "include": [9]}, "person 9"),
        ({"k": 2, "include": [1, 1]}, "twice"),
        ({"k": 1, "include": [1, 2]}, "to be kept, and k is 1"),
        ({"k": 2, "include": [1], "exclude": [1]}, "both"),
        ({"k": 2, "exclude": range(6)}, "Everybody"),
        ({"k": 2, "include": [1, 2], "community": np.zeros(6, int)}, "one community"),
        ({"budget": 1.0, "cost": np.ones(6), "include": [1, 2]}, "cost 2"),
        ({"k": 2, "community": np.zeros(3, int)}, "shape"),
        ({"k": 2, "tolerance": 0.0}, "tolerance"),
        ({"k": 2, "guarantee": 1.0}, "guarantee"),
        ({"k": 2, "most_samples": 0}, "most_samples"),
        ({"k": 2, "threads": 0}, "threads"),
    ],
)
def test_limits_that_cannot_be_kept_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        circle(prepare(SMALL, np.full(9, 0.5)), np.random.default_rng(1), **options)


def test_graphs_and_weights_that_cannot_be_used_are_named() -> None:
    with pytest.raises(InputError, match="nobody"):
        prepare(graph_of(0, []), [])
    with pytest.raises(InputError, match="for 9 arcs"):
        prepare(SMALL, np.full(8, 0.5))
    with pytest.raises(InputError, match="all weights"):
        prepare(SMALL, np.full(9, 0.5), audience=np.zeros(6))
    with pytest.raises(InputError, match="not a number from 0"):
        prepare(SMALL, np.full(9, 0.5), audience=np.array([1, 1, 1, 1, 1, -1.0]))
    with pytest.raises(InputError, match="add up to"):
        prepare(SMALL, np.full(9, 0.9), model="linear_threshold")
    with pytest.raises(InputError, match="Valid: independent_cascade"):
        prepare(SMALL, np.full(9, 0.5), model="contagion")
    with pytest.raises(InputError, match="not in the graph"):
        runs(forward(SMALL, np.full(9, 0.5)), [6], np.random.default_rng(1), 3)
