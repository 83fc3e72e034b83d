"""Groups in worlds where the truth is known, on the shape of real retweets, beside simple rules.

    python benchmarks/groups.py --data russian_coord_tweets.parquet [--runs 100]
        [--with-groups 40] [--windows 10 60 600 3600] [--short] [--real]

`--data` is the set of retweets of Kulichkina, Righetti and Waldherr (2024). Who
shares what, how popular each post is and when it is shared stay as they are;
who shares *when* is dealt out anew, so that nobody acts together:

* shuffled: at random;
* fast fans: each account has a habitual speed, half of the variance of normal scores;
* alerts: one account in ten is told at once of seven posts in ten, and is then among the first.
  The null of the method does not know this form.

Into these, five groups of five new accounts are put. Each group picks posts
with at least ten shares; on each, a member takes part with a chance of 0.8,
within half a window after the time of a share drawn at random. Each member also
acts alone on eight posts, at times of shares drawn at random (camouflage).

Precision and recall are of accounts; runs in which nothing is found count for recall only.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import stats

from entregent.authenticity.coaction import coaction, first_acts, shuffled
from entregent.authenticity.groups import control_shuffled, find_groups
from entregent.authenticity.objects import Actions, actions
from entregent.stats.intervals import wilson
from entregent.stats.multiple import discoveries

SECOND = 1_000_000
WINDOWS = (10, 60, 600, 3600)
SEED = 2021
RULE_RUNS = 5  # the rules beside are run less often
GROUPS, SIZE, TAKES_PART, ALONE, LEAST_SHARES = 5, 5, 0.8, 8, 10


def real(path: Path) -> Actions:
    """Return the first acts of the set."""
    table = pq.read_table(path)
    micros = pa.array(table["timestamp_share"].to_numpy() * SECOND)
    return first_acts(actions(table["account_id"], table["object_id"], micros, kind="repost"))


def dealt(one: Actions, early: np.ndarray) -> Actions:
    """Give the times of each object to those who act on it, the lowest of `early` first."""
    return replace(one, account=one.account[np.lexsort((early, one.object))])


def fast_fans(one: Actions, rng: np.random.Generator) -> Actions:
    """Return the set with habitual speeds."""
    speed = rng.standard_normal(len(one.accounts))
    return dealt(one, (speed[one.account] + rng.standard_normal(len(one.time))) / np.sqrt(2))


def alerts(one: Actions, rng: np.random.Generator) -> Actions:
    """Return the set with accounts that are told at once."""
    told = (rng.random(len(one.accounts)) < 0.1)[one.account] & (rng.random(len(one.time)) < 0.7)
    return dealt(one, rng.standard_normal(len(one.time)) - 4.0 * told)


WORLDS: dict[str, Callable[[Actions, np.random.Generator], Actions]] = {
    "shuffled": shuffled,
    "fast fans": fast_fans,
    "alerts": alerts,
}


def with_groups(one: Actions, rng: np.random.Generator, window: float, acts: int) -> tuple[Actions, set[int]]:
    """Return the set with groups put in, and the codes of their members."""
    shares = np.bincount(one.object, minlength=len(one.objects))
    starts = np.concatenate(([0], np.cumsum(shares)))
    pool = np.flatnonzero(shares >= LEAST_SHARES)
    n = len(one.accounts)
    rows: list[tuple[int, int, int]] = []

    def some_time(object_: int) -> int:
        return int(one.time[rng.integers(starts[object_], starts[object_ + 1])])

    for group in range(GROUPS):
        members = n + SIZE * group + np.arange(SIZE)
        for object_ in rng.choice(pool, acts, replace=False):
            begun = some_time(object_)
            for member in members[rng.random(SIZE) < TAKES_PART]:
                rows.append((member, object_, begun + int(rng.random() * window / 2 * SECOND)))
        for member in members:
            for row in rng.choice(len(one.time), ALONE, replace=False):
                object_ = one.object[row]
                rows.append((member, object_, some_time(object_) + int(rng.integers(60) * SECOND)))
    account, object_, micros = (np.array(column) for column in zip(*rows, strict=True))
    total = n + GROUPS * SIZE
    more = replace(
        one,
        accounts=pa.array([f"{code:06d}" for code in range(total)]),
        account=np.concatenate((one.account, account)).astype(np.int32),
        object=np.concatenate((one.object, object_)).astype(np.int32),
        time=np.concatenate((one.time, micros)),
    )
    return first_acts(more), set(range(n, total))


def table(one: Actions) -> pa.Table:
    """Return actions as a table whose names of accounts are their codes."""
    return pa.table(
        {
            "account": pa.array(one.account).cast(pa.string()),
            "object": pa.array(one.object).cast(pa.string()),
            "time": one.time,
        }
    )


def weight_five(one: Actions, window: float) -> set[int]:
    """Return accounts of pairs with five objects in common."""
    a, b, _ = coaction(one, [window]).linked(window, 5)
    return set(a.tolist()) | set(b.tolist())


def quantile(one: Actions, window: float) -> set[int]:
    """Return accounts of the pairs in the highest twentieth of weights above one."""
    a, b, count = coaction(one, [window]).linked(window)
    if len(a) == 0:
        return set()
    high = count > np.quantile(count, 0.95, method="lower")
    return set(a[high].tolist()) | set(b[high].tolist())


def hypergeometric(one: Actions, window: float) -> set[int]:
    """Return accounts of pairs with more in common than their numbers of acts explain, at 5 %."""
    a, b, count = coaction(one, [window]).linked(window)
    acts = np.bincount(one.account, minlength=len(one.accounts))
    n_objects = int((np.bincount(one.object) >= 2).sum())
    p = stats.hypergeom.sf(
        count - 1, n_objects, np.minimum(acts[a], n_objects), np.minimum(acts[b], n_objects)
    )
    tested = len(coaction(one, [window], least=1).a)
    values = np.concatenate((p, np.ones(tested - len(p))))
    found = discoveries(values).rejected[: len(p)] if tested else np.zeros(0, bool)
    return set(a[found].tolist()) | set(b[found].tolist())


def ours(one: Actions, window: float, rng: np.random.Generator) -> tuple[set[int], int]:
    """Return accounts in groups, and how many groups."""
    result = find_groups(table(one), window=window, rng=rng)
    return {int(name) for group in result.groups for name in group.accounts.to_pylist()}, len(result.groups)


RULES = {"weight >= 5": weight_five, "top 5 % of weights": quantile, "hypergeometric + BH": hypergeometric}


def empty_cell(one: Actions, world: str, window: float, runs: int) -> tuple[int, dict[str, int]]:
    """Return in how many runs groups were found where there are none, for the rules too."""
    false, others = 0, dict.fromkeys(RULES, 0)
    for run in range(runs):
        rng = np.random.default_rng([SEED, list(WORLDS).index(world), window, 0, run])
        made = WORLDS[world](one, rng)
        false += ours(made, window, rng)[1] > 0
        for name, rule in RULES.items() if run < RULE_RUNS else ():
            others[name] += bool(rule(made, window))
    return false, others


def full_cell(
    one: Actions, world: str, window: float, acts: int, runs: int
) -> dict[str, tuple[float, float]]:
    """Return precision and recall pooled over runs, for the rules over the first five."""
    sums = {name: np.zeros(3) for name in ("entregent", *RULES)}
    for run in range(runs):
        rng = np.random.default_rng([SEED, list(WORLDS).index(world), window, acts, run])
        made, truth = with_groups(WORLDS[world](one, rng), rng, window, acts)
        found = {"entregent": ours(made, window, rng)[0]}
        if run < RULE_RUNS:
            found |= {name: rule(made, window) for name, rule in RULES.items()}
        for name, accounts in found.items():
            sums[name] += (len(accounts & truth), len(accounts), len(truth))
    return {name: (hit / max(n, 1), hit / max(true, 1)) for name, (hit, n, true) in sums.items()}


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--with-groups", type=int, default=40, help="runs of a cell with groups")
    parser.add_argument("--windows", type=int, nargs="+", default=WINDOWS)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--real", action="store_true", help="only the real data, and the control")
    given = parser.parse_args()
    runs, full_runs = (3, 3) if given.short else (given.runs, given.with_groups)
    one = real(given.data)
    begun = time.process_time()
    if not given.real:
        pooled = 0
        for world in WORLDS:
            for window in given.windows:
                false, others = empty_cell(one, world, window, runs)
                pooled += false
                share = wilson(false, runs, 0.95)
                rules = "; ".join(f"{name} {n} of {min(runs, RULE_RUNS)}" for name, n in others.items())
                print(
                    f"no group | {world} | {window} s | runs with a group {false} of {runs} "
                    f"(from {100 * float(share.low):.1f} to {100 * float(share.high):.1f} %) | {rules}",
                    flush=True,
                )
        print(f"no group, pooled: {pooled} of {runs * len(WORLDS) * len(given.windows)} runs", flush=True)
        for world in WORLDS:
            for window in given.windows:
                for acts in (5, 10):
                    cells = full_cell(one, world, window, acts, full_runs)
                    line = " | ".join(
                        f"{name} {precision:.3f} / {recall:.3f}"
                        for name, (precision, recall) in cells.items()
                    )
                    print(f"groups 5 x {acts} | {world} | {window} s | {full_runs} runs | {line}", flush=True)
    for window in given.windows:
        rng = np.random.default_rng(SEED)
        result = find_groups(table(one), window=window, rng=rng)
        control = control_shuffled(table(one), window=window, rng=rng, runs=min(runs, 20))
        print(
            f"real data | {window} s | {len(result.groups)} groups of {result.tried} tried; "
            f"shuffled: {control.groups} groups in {control.with_groups} of {control.runs} runs"
        )
        for group in result.groups:
            times, chance = group.times_chance, group.expected
            print(
                f"  {len(group.accounts)} accounts, {len(group.objects)} objects, {group.observed} pairs, "
                f"chance {chance.value:.2f} ({chance.low:.0f} to {chance.high:.0f}), "
                f"unseen {times.value:.1f} times ({times.low:.1f} to {times.high:.1f}), q {group.q:.4f}, "
                f"{group.grade}"
            )
    print(f"{time.process_time() - begun:.0f} CPU s")


if __name__ == "__main__":
    main()
