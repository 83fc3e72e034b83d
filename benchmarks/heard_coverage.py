"""How often the 90 % intervals of *heard* hold the truth, and the next block of time.

Usage::

    python benchmarks/heard_coverage.py [--seeds N] [--accounts N] [--data DIRECTORY] [--short]

Worlds differ in how rates vary between accounts (gamma, log-normal), how
lucky one post is (none, gamma, log-normal, Pareto of index 2), how rates
drift between blocks (0, 20 %, 40 %) and how much accounts post. The truth is
each account's rate in a block after the data. Beside it: an exact Poisson
interval of the account's own count, and a normal interval of its own mean.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
from scipy import stats

from entregent.influence.acts import Acts, acts
from entregent.influence.heard_check import Coverage
from entregent.influence.heard_sql import gather
from entregent.influence.rank import Heard, heard
from entregent.results import CannotTell

DAY = 86_400_000_000
BLOCKS = 6


@dataclass(frozen=True)
class World:
    """One way the world may be."""

    name: str
    rates: str
    luck: str
    drift: float
    posts: float
    mean: float = 2.0


WORLDS = (
    World("Poisson, no drift", "gamma", "none", 0.0, 10),
    World("gamma luck, no drift", "gamma", "gamma", 0.0, 10),
    World("gamma luck, drift 20 %", "gamma", "gamma", 0.2, 10),
    World("gamma luck, few posts", "gamma", "gamma", 0.2, 3),
    World("gamma luck, many posts", "gamma", "gamma", 0.2, 40),
    World("log-normal luck, no drift", "lognormal", "lognormal", 0.0, 10),
    World("log-normal luck, drift 20 %", "lognormal", "lognormal", 0.2, 10),
    World("log-normal luck, drift 40 %", "lognormal", "lognormal", 0.4, 10),
    World("Pareto luck, no drift", "lognormal", "pareto", 0.0, 10),
    World("Pareto luck, drift 20 %", "lognormal", "pareto", 0.2, 10),
    World("Pareto luck, few posts", "lognormal", "pareto", 0.2, 3),
    World("quiet topic (0.3 a post)", "lognormal", "lognormal", 0.2, 10, 0.3),
)


def simulate(world: World, accounts: int, rng: np.random.Generator) -> tuple[Acts, np.ndarray]:
    """Return posts and acts of 90 days, and the true rates of the 15 days after."""
    if world.rates == "gamma":
        rate = rng.gamma(0.6, world.mean / 0.6, accounts)
    else:
        rate = world.mean * np.exp(rng.normal(-0.72, 1.2, accounts))
    drift = np.exp(rng.normal(-(world.drift**2) / 2, world.drift, (accounts, BLOCKS + 1)))
    n = 1 + rng.negative_binomial(0.7, 0.7 / (0.7 + world.posts - 1), accounts)
    account = np.repeat(np.arange(accounts), n)
    when = rng.random(account.size) * 90
    luck = {
        "none": lambda k: np.ones(k),
        "gamma": lambda k: rng.gamma(0.7, 1 / 0.7, k),
        "lognormal": lambda k: np.exp(rng.normal(-0.72, 1.2, k)),
        "pareto": lambda k: (rng.pareto(2.0, k) + 1) / 2,
    }[world.luck](account.size)
    people = rng.poisson(rate[account] * drift[account, (when / 15).astype(int)] * luck)
    people = np.minimum(people, 50_000)
    post = np.repeat(np.arange(account.size), people)
    # Actors are numbered within a post: who they are does not matter here.
    actor = accounts + np.arange(post.size) - np.repeat(np.cumsum(people) - people, people)
    done = when[post] + np.exp(rng.normal(np.log(0.15), 1.5, post.size))
    inside = done < 90
    data = acts(
        account,
        (when * DAY).astype(np.int64),
        post[inside],
        actor[inside],
        (done[inside] * DAY).astype(np.int64),
        accounts + int(people.max()) + 1,
    )
    return data, rate * drift[:, BLOCKS]


def naive(data: Acts, accounts: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return 90 % intervals from each account's own counts alone."""
    people = np.bincount(data.post, minlength=data.account.size)
    n = np.bincount(data.account, minlength=accounts)[:accounts]
    total = np.bincount(data.account, weights=people, minlength=accounts)[:accounts]
    if kind == "poisson":
        low = np.where(total > 0, stats.gamma.ppf(0.05, np.maximum(total, 1)), 0) / n
        return low, stats.gamma.ppf(0.95, total + 1) / n
    square = np.bincount(data.account, weights=people.astype(float) ** 2, minlength=accounts)[:accounts]
    mean = total / n
    half = 1.645 * np.sqrt(np.maximum(square / n - mean**2, 0) / np.maximum(n - 1, 1))
    return mean - half, mean + half


def share(low: np.ndarray, high: np.ndarray, truth: np.ndarray) -> float:
    """Return the share of intervals that hold the truth."""
    return float(np.mean((low <= truth) & (truth <= high)))


def worlds(seeds: int, accounts: int, chosen: tuple[World, ...]) -> None:
    """Print the table of simulated worlds."""
    print(f"{accounts} accounts, {seeds} seeds; share of 90 % intervals that hold, in %")
    print("| world | truth | truth, top 100 | next block | (whole) | Poisson | normal | s |")
    print("|---|---|---|---|---|---|---|---|")
    pooled = np.zeros((0, 6))
    held = checked = 0
    for world in chosen:
        rows = []
        took = 0.0
        for seed in range(seeds):
            rng = np.random.default_rng([seed, 7])
            data, truth = simulate(world, accounts, rng)
            began = time.perf_counter()
            result = heard(data, rng)
            took += time.perf_counter() - began
            assert isinstance(result, Heard)
            listed, top = result.order, result.order[:100]
            block = result.coverage
            row = [
                share(result.low[listed], result.high[listed], truth[listed]),
                share(result.low[top], result.high[top], truth[top]),
                np.nan,
                np.nan,
            ]
            if isinstance(block, Coverage):
                row[2:] = [block.held / block.checked, block.whole]
                held, checked = held + block.held, checked + block.checked
            for kind in ("poisson", "normal"):
                low, high = naive(data, accounts, kind)
                row.append(share(low, high, truth))
            rows.append(row)
        pooled = np.vstack([pooled, rows])
        cells = " | ".join(f"{100 * x:.1f}" for x in np.nanmean(rows, axis=0))
        print(f"| {world.name} | {cells} | {took / seeds:.1f} |", flush=True)
    cells = " | ".join(f"{100 * x:.1f}" for x in np.nanmean(pooled, axis=0))
    print(f"| all | {cells} | |")
    print(f"next block, pooled: {held} of {checked} = {100 * held / checked:.1f} %")


def small(accounts: int, times: int) -> None:
    """Print the coverage of the truth on small topics."""
    held = n = untold = 0
    for seed in range(times):
        rng = np.random.default_rng([seed, accounts])
        data, truth = simulate(WORLDS[6], accounts, rng)
        result = heard(data, rng)
        if isinstance(result, CannotTell):
            untold += 1
            continue
        listed = result.order
        inside = (result.low[listed] <= truth[listed]) & (truth[listed] <= result.high[listed])
        held, n = held + int(inside.sum()), n + listed.size
    print(f"{accounts} accounts, {times} topics, {untold} not told: {held} of {n} = {100 * held / n:.1f} %")


def stack_exchange(directory: Path) -> None:
    """Print the check on real cascades."""
    for name in ("android", "christianity"):
        file = directory / "cascades-stackexchange" / f"{name}.csv"
        if not file.exists():
            print(f"{name}: {file} is not there")
            continue
        con = duckdb.connect()
        con.sql("set TimeZone='UTC'")
        con.sql(
            "create view posts as select null::text id, null::text account, null::timestamptz time limit 0"
        )
        con.sql(
            f"""create view interactions as select 'share' as kind, "user"::varchar as actor,
            item::varchar as object, root_user::varchar as target, to_timestamp(seconds) as time
            from read_csv('{file}')"""
        )
        result = heard(gather(con).acts, np.random.default_rng(0))
        con.close()
        block = result if isinstance(result, CannotTell) else result.coverage
        if isinstance(block, CannotTell):
            print(f"{name}: {block.reason} {block.needs}")
        else:
            print(
                f"{name}: {block.held} of {block.checked} = {100 * block.held / block.checked:.0f} % "
                f"[{100 * block.low:.0f}; {100 * block.high:.0f}], whole {100 * block.whole:.0f} %"
            )


def scale(rng: np.random.Generator) -> None:
    """Print the time for 100,000 accounts."""
    data, _ = simulate(World("scale", "lognormal", "lognormal", 0.2, 10), 100_000, rng)
    began, worked = time.perf_counter(), time.process_time()
    heard(data, rng)
    print(
        f"100,000 accounts, {data.account.size:,} posts, {data.post.size:,} acts: "
        f"{time.perf_counter() - began:.1f} s, {time.process_time() - worked:.1f} s of processor"
    )


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--accounts", type=int, default=2000)
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--short", action="store_true", help="three worlds, one seed, no scale run")
    asked = parser.parse_args()
    worlds(1 if asked.short else asked.seeds, asked.accounts, WORLDS[2:10:3] if asked.short else WORLDS)
    for accounts in () if asked.short else (30, 100):
        small(accounts, 30)
    stack_exchange(asked.data)
    if not asked.short:
        scale(np.random.default_rng(0))


if __name__ == "__main__":
    main()
