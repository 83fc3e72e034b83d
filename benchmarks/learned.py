"""What the model of who moves whom finds in worlds whose truth is known.

    python benchmarks/learned.py [--seeds 6] [--people 2500] [--short]

Each world is told with three strengths of influence (none, ordinary, twice) and
with ordinary or strong homophily. *Brought about* is the number of adoptions
that somebody's influence brought about at once, in truth (`World.caused`), and
what the model says; *after me* is the naive count. Rank correlations are taken
over all people who showed something to somebody; the difference to the best of
followers, reposts received and PageRank is bootstrapped over people, and the
lower end of 90 % printed. *Flagged* is the share of people without any
influence whose 90 % interval does not hold 0.
"""

from __future__ import annotations

import argparse
import time

import networkit
import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from entregent.influence.cascades import Cascades, cascades
from entregent.influence.diffusion import Diffusion, causes, fit
from entregent.world import World, WorldSettings, collected, simulate
from entregent.world.simulation import KINDS

Floats = NDArray[np.float64]

STRENGTHS = (0.0, 1.0, 2.0)
HOMOPHILY = (0.6, 0.9)
RESAMPLES = 300


def simple(world: World, known: Cascades, code: NDArray[np.int64]) -> dict[str, Floats]:
    acts = world.acts
    reposts = acts.object[acts.kind == KINDS.index("repost")]
    received = np.bincount(acts.actor[reposts], minlength=world.population.size)[code]
    graph = known.exposure
    assert graph is not None
    tail = np.repeat(np.arange(graph.n), np.diff(graph.indptr))
    net = networkit.GraphFromCoo((tail, graph.indices.astype(np.int64)), n=graph.n, directed=True)
    rank = networkit.centrality.PageRank(net).run().scores()
    followers = np.diff(world.population.follows.indptr)[code]
    return {"followers": followers, "reposts": received, "PageRank": np.array(rank)}


def correlation(one: Floats, two: Floats) -> float:
    return float(np.corrcoef(rankdata(one), rankdata(two))[0, 1])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=6)
    parser.add_argument("--people", type=int, default=2500)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    seeds, people = (1, 1200) if options.short else (options.seeds, options.people)
    print(
        "| influence, homophily | seed | after me | brought about: truth | model | flagged | "
        "rank correlation | followers | reposts | PageRank | lower end of the lead | chances, seconds |"
    )
    print("|---|" + "---|" * 11, flush=True)
    for strength in STRENGTHS:
        for likeness in HOMOPHILY:
            for seed in range(1, seeds + 1):
                settings = WorldSettings(
                    seed=seed, people=people, days=60, influence=strength, homophily=likeness, gap_hours=0
                )
                row(settings)


def row(settings: WorldSettings) -> None:
    world = simulate(settings)
    known = cascades(*collected(world))
    begun = time.process_time()
    model = fit(known, rng=np.random.default_rng(1))
    spent = time.process_time() - begun
    assert isinstance(model, Diffusion), model
    code = np.array(known.accounts.to_pylist(), dtype=np.int64)
    truth = np.concatenate((world.caused(), np.zeros(world.population.size - world.population.people)))[code]
    shares = causes(model, known)
    found = np.bincount(known.account[shares.act], shares.share, minlength=known.n_accounts)
    none = (world.population.influence[code] == 0) & (model.exposures > 0)
    flagged = (model.influence_low[none] > 0).mean()
    cells = ["", "", "", "", ""]
    if truth.sum() > 0:
        heard = np.flatnonzero(model.exposures > 0)
        rivals = {name: value[heard] for name, value in simple(world, known, code).items()}
        mine, true = found[heard], truth[heard]
        rng = np.random.default_rng(settings.seed)
        lead = []
        for _ in range(RESAMPLES):
            draw = rng.integers(0, heard.size, heard.size)
            best = max(correlation(value[draw], true[draw]) for value in rivals.values())
            lead.append(correlation(mine[draw], true[draw]) - best)
        values = [correlation(mine, true), *(correlation(value, true) for value in rivals.values())]
        cells = [f"{value:.2f}" for value in (*values, np.quantile(lead, 0.05))]
    print(
        f"| {settings.influence:g}, {settings.homophily:g} | {settings.seed} | {model.followed.sum():.0f} | "
        f"{truth.sum():.0f} | {found.sum():.0f} | {100 * flagged:.1f} % | {' | '.join(cells)} | "
        f"{model.n_chances}, {spent:.1f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
