"""Whom to choose so that what they start next reaches most, on real cascades, by rolling blocks of time.

    python benchmarks/real_cascades.py --data FOLDER [--sets android:15,christianity:10] [--short]

FOLDER holds NAME.csv with the columns item, root_user, user, seconds (who took
part in an item, and who started it) for each NAME:K in --sets; K people are
chosen. Other sets in the same form can be given; nothing here depends on which.

Items are put in the order of their first act and cut into tenths. At each
origin the tenth before it is the *choose* block and the tenth after it the
*final* block. Everybody is chosen from what was known at the origin: acts after
it are not seen, whichever item they belong to. Of six simple rules the one is
taken that, applied before the choose block, did best in it as known at the
origin (the pre-chosen rule). Score: share of the people who ever took part in
an item of the final block that took part in one started by the chosen.

The bootstrap resamples the items of the final block, the same for both sides.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pcsv
from numpy.typing import NDArray

from entregent.influence.cascades import Cascades, cascades, split
from entregent.influence.starters import Starters, choose_starters

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SEED = 11
SECOND = 1_000_000
TENTHS = 10
RANDOM_DRAWS = 50


@dataclass
class Record:
    """Who took part in what: acts that are no start, and items with their starters."""

    item: Ints
    user: Ints
    time: Ints
    starter: Ints
    first: Ints
    n: int

    @classmethod
    def of(cls, known: Cascades) -> Record:
        later = np.ones(known.n_adoptions, dtype=bool)
        later[known.indptr[:-1]] = False
        return cls(
            known.item()[later].astype(np.int64), known.account[later].astype(np.int64), known.time[later],
            known.starters().astype(np.int64), known.started(), known.n_accounts,
        )  # fmt: skip


def read(path: Path) -> Cascades:
    """Read a set; a starter has no time of its own and is put just before the first act."""
    table = pcsv.read_csv(path)
    item, root, user, seconds = (table[c].to_numpy() for c in ("item", "root_user", "user", "seconds"))
    known, at = np.unique(item, return_index=True)
    first = np.full(known.size, np.iinfo(np.int64).max)
    place = np.searchsorted(known, item)
    np.minimum.at(first, place, seconds.astype(np.int64) * SECOND)
    rows = {
        "account": np.concatenate((user, root[at])).astype(str),
        "item": np.concatenate((item, known)).astype(str),
        "time": np.concatenate((seconds.astype(np.int64) * SECOND, first - 1)),
    }
    return cascades(pa.table(rows), end=int(seconds.max()) * SECOND)


def top(value: Floats, k: int) -> Ints:
    return np.argsort(-value, kind="stable")[:k]


def most_active(past: Record, k: int) -> Ints:
    return top(np.bincount(past.user, minlength=past.n).astype(float), k)


def number_started(past: Record, k: int) -> Ints:
    return top(np.bincount(past.starter, minlength=past.n).astype(float), k)


def mean_size(past: Record, k: int) -> Ints:
    size = np.bincount(past.item, minlength=past.starter.size)
    started = np.bincount(past.starter, minlength=past.n)
    return top(np.bincount(past.starter, size, minlength=past.n) / np.maximum(started, 1), k)


def greedy_coverage(past: Record, k: int) -> Ints:
    by = past.starter[past.item]
    left = {int(s): set(past.user[by == s].tolist()) for s in np.unique(by)}
    chosen: list[int] = []
    while left and len(chosen) < k:
        best = max(left, key=lambda s: (len(left[s]), -s))
        reached = left.pop(best)
        chosen.append(best)
        for people in left.values():
            people -= reached
    return np.array(chosen)


def credit_by_position(past: Record, k: int) -> Ints:
    """Each one gets the share of an item's people who came later, its starter 1."""
    order = np.lexsort((past.time, past.item))
    size = np.bincount(past.item, minlength=past.starter.size)
    start = np.concatenate(([0], np.cumsum(size)))[:-1]
    item = past.item[order]
    place = np.arange(item.size) - start[item] + 1
    credit = np.bincount(past.user[order], 1 - place / size[item], minlength=past.n)
    return top(credit + np.bincount(past.starter, size > 0, minlength=past.n), k)


def random_users(past: Record, k: int) -> list[Ints]:
    rng = np.random.default_rng(SEED)
    seen = np.union1d(past.user, past.starter)
    return [rng.choice(seen, min(k, seen.size), replace=False) for _ in range(RANDOM_DRAWS)]


RULES: dict[str, Callable[[Record, int], Ints | list[Ints]]] = {
    "random user": random_users,
    "most active": most_active,
    "number started": number_started,
    "mean size": mean_size,
    "greedy coverage": greedy_coverage,
    "credit by position": credit_by_position,
}


@dataclass
class Block:
    """Items of a block: who is in each, as a table of yes and no."""

    member: NDArray[np.bool_]
    starter: Ints

    @classmethod
    def of(cls, record: Record, low: int, high: int, until: int) -> Block:
        items = np.flatnonzero((record.first >= low) & (record.first < high))
        place = np.full(record.starter.size, -1)
        place[items] = np.arange(items.size)
        inside = (place[record.item] >= 0) & (record.time < until)
        users, code = np.unique(record.user[inside], return_inverse=True)
        member = np.zeros((items.size, users.size), dtype=bool)
        member[place[record.item[inside]], code] = True
        return cls(member, record.starter[items])

    def score(self, chosen: Ints | list[Ints], times: Ints | None = None) -> Floats:
        """Share reached: of the block, or of each of the resampled ones (rows of counts by item)."""
        if isinstance(chosen, list):
            return np.asarray(np.mean([self.score(one, times) for one in chosen], axis=0))
        counts = np.ones((1, self.starter.size)) if times is None else times
        table = self.member.astype(np.float32)
        everybody = ((counts @ table) > 0).sum(axis=1)
        mine = np.isin(self.starter, chosen)
        reached = ((counts[:, mine] @ table[mine]) > 0).sum(axis=1)
        return np.asarray(reached / np.maximum(everybody, 1))

    def oracle(self, k: int) -> Ints:
        left = {int(s): self.member[self.starter == s].any(axis=0) for s in np.unique(self.starter)}
        chosen: list[int] = []
        while left and len(chosen) < k:
            best = max(left, key=lambda s: (int(left[s].sum()), -s))
            reached = left.pop(best)
            chosen.append(best)
            left = {s: people & ~reached for s, people in left.items()}
        return np.array(chosen)


@dataclass
class Cell:
    """One origin."""

    ours: float
    rule: str
    by_rule: dict[str, float]
    draws: Floats
    inside: bool
    predicted: Floats
    low: Floats
    high: Floats
    realised: Floats


def calibration(found: Starters, later: Record, high: int) -> Floats:
    """Count the people that each of the shortlist reached, items watched as long as was foretold."""
    block = later.first < high
    watched = block[later.item] & (later.time - later.first[later.item] <= found.within)
    starter = later.starter[later.item]
    return np.array(
        [np.unique(later.user[watched & (starter == s)]).size for s in found.shortlist.people], dtype=float
    )


def origin(known: Cascades, k: int, tenth: int, bootstraps: int) -> Cell:
    started = np.sort(known.started())
    cut = [int(started[min(int(t / TENTHS * started.size), started.size - 1)]) for t in range(TENTHS)]
    ends = [*cut, np.iinfo(np.int64).max]
    learn, _ = split(known, ends[tenth - 1])
    before, later = split(known, ends[tenth])
    whole, past, after = Record.of(known), Record.of(before), Record.of(later)

    choose = Block.of(past, ends[tenth - 1], ends[tenth], ends[tenth])
    earlier = Record.of(learn)
    trial = {name: float(choose.score(rule(earlier, k))[0]) for name, rule in RULES.items()}
    rule = max(trial, key=lambda name: trial[name])

    final = Block.of(whole, ends[tenth], ends[tenth + 1], np.iinfo(np.int64).max)
    found = choose_starters(before, k, rng=np.random.default_rng(SEED), ahead=final.starter.size)
    assert isinstance(found, Starters), found
    mine = found.people.astype(np.int64)
    by_rule = {name: float(final.score(choice(past, k))[0]) for name, choice in RULES.items()}
    by_rule["oracle"] = float(final.score(final.oracle(k))[0])
    rng = np.random.default_rng([SEED, tenth])
    items = final.starter.size
    times = rng.multinomial(items, np.full(items, 1 / items), size=bootstraps)
    draws = final.score(mine, times) - final.score(RULES[rule](past, k), times)

    watched = (after.first < ends[tenth + 1])[after.item]
    watched &= after.time - after.first[after.item] <= found.within
    reached = np.unique(after.user[watched & np.isin(after.starter[after.item], mine)]).size
    listed = found.shortlist
    return Cell(
        float(final.score(mine)[0]), rule, by_rule, draws,
        found.reach.low <= reached <= found.reach.high,
        listed.own, listed.own_low, listed.own_high, calibration(found, after, ends[tenth + 1]),
    )  # fmt: skip


def deciles(cells: list[Cell]) -> None:
    """Print predicted against realised reach of the shortlisted, by decile of the prediction."""
    predicted, realised, low, high = (
        np.concatenate([getattr(cell, name) for cell in cells])
        for name in ("predicted", "realised", "low", "high")
    )
    order = np.argsort(predicted, kind="stable")
    print("\n| decile | people | predicted reach | realised | inside their 90 % interval |")
    print("|---|---|---|---|---|")
    for number, part in enumerate(np.array_split(order, 10), 1):
        inside = ((realised[part] >= np.floor(low[part])) & (realised[part] <= np.ceil(high[part]))).mean()
        print(
            f"| {number} | {part.size} | {predicted[part].mean():.2f} | {realised[part].mean():.2f} "
            f"| {100 * inside:.0f} % |"
        )


def leak(known: Cascades, k: int) -> None:
    """Print the last fifth once more, with rules that see how the earlier items went on after it began."""
    started = np.sort(known.started())
    at = int(started[int(0.8 * started.size)])
    whole, before = Record.of(known), Record.of(split(known, at)[0])
    old = np.flatnonzero(whole.first < at)
    place = np.full(whole.starter.size, -1)
    place[old] = np.arange(old.size)
    mine = place[whole.item] >= 0
    leaky = Record(
        place[whole.item[mine]],
        whole.user[mine],
        whole.time[mine],
        whole.starter[old],
        whole.first[old],
        whole.n,
    )
    final = Block.of(whole, at, np.iinfo(np.int64).max, np.iinfo(np.int64).max)
    found = choose_starters(split(known, at)[0], k, rng=np.random.default_rng(SEED), ahead=final.starter.size)
    assert isinstance(found, Starters), found
    share = (whole.time[mine] >= at).mean()
    print(f"\nLast fifth; {100 * share:.0f} % of the acts on earlier items came after it began:")
    for name, past in (("as known then", before), ("whole items, a leak", leaky)):
        cells = ", ".join(
            f"{rule} {100 * final.score(choice(past, k))[0]:.1f}" for rule, choice in RULES.items()
        )
        print(f"  rules, {name}: {cells}")
    print(
        f"  starters, as known then: {100 * final.score(found.people.astype(np.int64))[0]:.1f}"
        f" (oracle {100 * final.score(final.oracle(k))[0]:.1f})"
    )


def arcs(path: Path, known: Cascades) -> None:
    """Print what the given arcs, which carry no time, have to do with the order of acts."""
    if not path.exists():
        return
    table = pcsv.read_csv(path)
    ids = {name: code for code, name in enumerate(known.accounts.to_pylist())}
    tail, head = (
        np.array([ids.get(str(user), -1) for user in table[name].to_pylist()])
        for name in ("from_user", "to_user")
    )
    both = (tail >= 0) & (head >= 0)
    first = np.full(known.n_accounts, np.iinfo(np.int64).max)
    np.minimum.at(first, known.account, known.time)
    at = int(np.sort(known.started())[int(0.8 * known.n_items)])
    late = np.maximum(first[tail[both]], first[head[both]]) >= at
    pair = set((tail[both] * known.n_accounts + head[both]).tolist())
    forward = backward = 0
    for low, high in zip(known.indptr[:-1], known.indptr[1:], strict=True):
        people = known.account[low:high].astype(np.int64)
        for place, one in enumerate(people[:-1]):
            rest = people[place + 1 :]
            forward += sum(key in pair for key in (one * known.n_accounts + rest).tolist())
            backward += sum(key in pair for key in (rest * known.n_accounts + one).tolist())
    print(
        f"Given arcs: {tail.size}; {100 * both.mean():.0f} % between two people who act; of these "
        f"{100 * late.mean():.0f} % have somebody who first acts in the last fifth or later acts. "
        f"Pairs in an item, earlier to later {forward}, later to earlier {backward}. They are not used."
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", default="android:15,christianity:10")
    parser.add_argument("--short", action="store_true", help="two origins, few resamples")
    options = parser.parse_args()
    bootstraps = 200 if options.short else 2000
    tenths = (7, 9) if options.short else (4, 5, 6, 7, 8, 9)
    every: list[Cell] = []
    for entry in options.sets.split(","):
        name, _, people = entry.partition(":")
        k = int(people)
        known = read(options.data / f"{name}.csv")
        print(f"\n## {name}: {known.n_items} items, {known.n_adoptions - known.n_items} acts, k = {k}\n")
        arcs(options.data / f"{name}.edges.csv", known)
        heads = [*RULES, "oracle"]
        print("\n| origin | " + " | ".join(heads) + " | **starters** | pre-chosen rule | difference (90 %) |")
        print("|---|" + "---|" * (len(heads) + 3), flush=True)
        cells: list[Cell] = []
        begun = time.process_time()
        for tenth in tenths:
            cell = origin(known, k, tenth, bootstraps)
            cells.append(cell)
            low, high = 100 * np.quantile(cell.draws, (0.05, 0.95))
            row = " | ".join(f"{100 * cell.by_rule[h]:.1f}" for h in heads)
            gain = 100 * (cell.ours - cell.by_rule[cell.rule])
            print(
                f"| {10 * tenth} % | {row} | **{100 * cell.ours:.1f}** | {cell.rule} "
                f"| {gain:+.1f} ({low:+.1f} to {high:+.1f}) |",
                flush=True,
            )
        mean = " | ".join(f"{100 * np.mean([c.by_rule[h] for c in cells]):.1f}" for h in heads)
        pooled = 100 * np.mean([c.draws for c in cells], axis=0)
        gain = 100 * np.mean([c.ours - c.by_rule[c.rule] for c in cells])
        low, high = np.quantile(pooled, (0.05, 0.95))
        ours, rule = (100 * np.mean(x) for x in ([c.ours for c in cells], [c.by_rule[c.rule] for c in cells]))
        print(f"| mean | {mean} | **{ours:.1f}** | {rule:.1f} | {gain:+.1f} ({low:+.1f} to {high:+.1f}) |")
        behind = sum(c.ours < c.by_rule[c.rule] for c in cells)
        print(
            f"\nAt or above the pre-chosen rule in {len(cells) - behind} of {len(cells)} blocks; "
            f"realised reach of the chosen inside the 90 % interval in {sum(c.inside for c in cells)}; "
            f"{time.process_time() - begun:.0f} processor seconds."
        )
        leak(known, k)
        every += cells
    deciles(every)


if __name__ == "__main__":
    main()
