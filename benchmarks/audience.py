"""Does the interval of the share of fake followers hold, and does it abstain where it should?

    python benchmarks/audience.py --data labelled_followers.csv [--audiences 1000] [--short]

`--data` is a table of profiles that people judged (column is_fake), as those of
Instagram followers by SRF Data (2017). Every audience has a division of the
people of its own: the program learns from one half, and the audience of 1,000
is drawn, with replacement, from the other at a known share. A second kind is
an endless world: reference and audience are both drawn from all people with
their counts moved at random, so that nobody comes twice. Foreign platforms are the same
audiences with their numbers changed. One row is printed as it is done.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
from numpy.typing import NDArray

from entregent.authenticity.audience import Audience, audience
from entregent.authenticity.audience_model import learned
from entregent.results import Estimate
from entregent.stats.intervals import wilson

PEOPLE = 1000
LABELS = 200
SEED = 1

Floats = NDArray[np.float64]
Columns = dict[str, Floats]
COUNTS = ("posts", "following", "followers")


def one_count(factor: float) -> Callable[[Columns, np.random.Generator], Columns]:
    def changed(columns: Columns, rng: np.random.Generator) -> Columns:
        name = COUNTS[int(rng.integers(3))]
        return columns | {name: np.round(columns[name] * factor)}

    return changed


def all_counts(power: float, factor: float) -> Callable[[Columns, np.random.Generator], Columns]:
    def changed(columns: Columns, rng: np.random.Generator) -> Columns:  # noqa: ARG001
        return columns | {c: np.round(np.expm1(np.log1p(columns[c]) * power) * factor) for c in COUNTS}

    return changed


def swapped(columns: Columns, rng: np.random.Generator) -> Columns:  # noqa: ARG001
    return columns | {"following": columns["followers"], "followers": columns["following"]}


def permuted(columns: Columns, rng: np.random.Generator) -> Columns:
    return {name: rng.permutation(values) for name, values in columns.items()}


def redrawn(columns: Columns, rng: np.random.Generator) -> Columns:
    n = len(columns["posts"])
    return columns | {name: np.round(np.exp(rng.normal(5, 2, n))) for name in COUNTS}


def renamed(columns: Columns, rng: np.random.Generator) -> Columns:
    n = len(columns["posts"])
    return columns | {
        "username_length": columns["username_length"] + 3,
        "username_digits": rng.poisson(2, n).astype(float),
    }


FOREIGN: dict[str, Callable[[Columns, np.random.Generator], Columns]] = {
    "one count x 3": one_count(3),
    "one count / 3": one_count(1 / 3),
    "all counts x 2": all_counts(1, 2),
    "all counts x 10": all_counts(1, 10),
    "counts to the power 1.3": all_counts(1.3, 1),
    "counts to the power 0.7": all_counts(0.7, 1),
    "following and followers exchanged": swapped,
    "every column shuffled": permuted,
    "counts of another distribution": redrawn,
    "names made otherwise": renamed,
}


def halves(fake: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return who is learned from: half of each kind."""
    chosen = np.zeros(len(fake), bool)
    for kind in (True, False):
        rows = rng.permutation(np.flatnonzero(fake == kind))
        chosen[rows[: len(rows) // 2]] = True
    return chosen


def smooth(rows: NDArray[np.int64], table: Columns, rng: np.random.Generator) -> Columns:
    """Return people like these and none of them: logarithms moved by a fifth of their spread."""
    made: Columns = {}
    for name, values in table.items():
        drawn = values[rows]
        if name in COUNTS:
            noise = rng.normal(0, 0.2 * np.log1p(values).std(), len(rows))
            drawn = np.round(np.maximum(np.expm1(np.log1p(drawn) + noise), 0))
        made[name] = drawn
    return made


def drawn(
    share: float, fake: NDArray[np.bool_], left: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.int64]:
    k = rng.binomial(PEOPLE, share)
    kinds = (np.flatnonzero(left & fake), np.flatnonzero(left & ~fake))
    return np.concatenate([rng.choice(kinds[0], k), rng.choice(kinds[1], PEOPLE - k)])


def told(name: str, found: Sequence[tuple[float, Estimate | None]]) -> None:
    kept = [(truth, each) for truth, each in found if each is not None]
    held = sum(each.low <= truth <= each.high for truth, each in kept)
    error = np.mean([abs(each.value - truth) for truth, each in kept])
    bias = np.mean([each.value - truth for truth, each in kept])
    width = np.mean([each.high - each.low for _, each in kept])
    sure = wilson(held, len(kept), 0.95)
    print(
        f"{name:34} n {len(kept):4d}  held {held / len(kept):6.1%}"
        f" ({float(sure.low):.1%} to {float(sure.high):.1%})"
        f"  mean error {error:.3f}  bias {bias:+.3f}  width {width:.3f}"
        f"  abstained {1 - len(kept) / len(found):.1%}",
        flush=True,
    )


def estimate(result: Audience) -> Estimate | None:
    return result.share if isinstance(result.share, Estimate) else None


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", required=True)
    parser.add_argument("--audiences", type=int, default=1000)
    parser.add_argument("--short", action="store_true", help="a tenth of the audiences")
    given = parser.parse_args()
    n = given.audiences // 10 if given.short else given.audiences
    table = pa_csv.read_csv(given.data)
    fake = np.asarray(table["is_fake"]) == 1
    columns = {name: np.asarray(table[name], float) for name in table.column_names if name != "is_fake"}
    print(f"{len(fake)} people, {fake.sum()} judged fake; {n} audiences of {PEOPLE}; 90 % intervals")

    shares = np.random.default_rng(SEED).uniform(0.05, 0.6, n)
    pooled: dict[str, list[tuple[float, Estimate | None]]] = {}
    for number, share in enumerate(shares):
        rng = np.random.default_rng([SEED, number])
        chosen = halves(fake, rng)
        reference = learned(table.take(np.flatnonzero(chosen)), rng)
        rows = drawn(share, fake, ~chosen, rng)
        result = audience(pa.table({k: v[rows] for k, v in columns.items()}), reference, rng)
        pooled.setdefault("corrected", []).append((share, estimate(result)))
        pooled.setdefault("flags counted", []).append((share, result.counted))
        labels = np.full(PEOPLE, np.nan)
        looked = rng.choice(PEOPLE, LABELS, replace=False)
        labels[looked] = fake[rows[looked]]
        result = audience(pa.table({k: v[rows] for k, v in columns.items()}), reference, rng, labels=labels)
        pooled.setdefault(f"with {LABELS} labels", []).append((share, estimate(result)))
        result = audience(pa.table({k: v[rows] for k, v in columns.items()}), None, rng, labels=labels)
        pooled.setdefault(f"{LABELS} labels alone", []).append((share, estimate(result)))
        everybody = np.ones(len(fake), bool)
        judged = rng.permutation(drawn(fake.mean(), fake, everybody, rng))[: int(chosen.sum())]
        whole = smooth(judged, columns, rng) | {"is_fake": fake[judged].astype(float)}
        world = smooth(drawn(share, fake, everybody, rng), columns, rng)
        result = audience(pa.table(world), learned(pa.table(whole), rng), rng)
        pooled.setdefault("corrected, endless world", []).append((share, estimate(result)))
    for name, found in pooled.items():
        told(name, found)
    for low in (0.0, 0.15, 0.3, 0.45):
        told(
            f"corrected, share {low:.0%} to {low + 0.15:.0%}",
            [pair for pair in pooled["corrected"] if low <= pair[0] < low + 0.15],
        )

    without = []
    for number in range(n):
        rng = np.random.default_rng([SEED + 1, number])
        chosen = halves(fake, rng)
        rows = drawn(0.0, fake, ~chosen, rng)
        reference = learned(table.take(np.flatnonzero(chosen)), rng)
        without.append(
            (0.0, estimate(audience(pa.table({k: v[rows] for k, v in columns.items()}), reference, rng)))
        )
    told("no fakes at all (the low end is 0)", without)

    print("foreign platforms: share of audiences for which it abstains")
    each = max(n // 10, 10)
    total = 0
    for name, change in FOREIGN.items():
        silent = 0
        for number in range(each):
            rng = np.random.default_rng([SEED + 2, number])
            chosen = halves(fake, rng)
            rows = drawn(float(rng.uniform(0.05, 0.6)), fake, ~chosen, rng)
            reference = learned(table.take(np.flatnonzero(chosen)), rng)
            other = change({k: v[rows] for k, v in columns.items()}, rng)
            silent += estimate(audience(pa.table(other), reference, rng)) is None
        total += silent
        print(f"{name:44} {silent / each:6.1%} of {each}", flush=True)
    print(f"{'all':44} {total / (each * len(FOREIGN)):6.1%}")


if __name__ == "__main__":
    main()
