"""Co-action beside a self-join on DuckDB and beside coordination-network-toolkit, on the same actions.

    python benchmarks/coaction.py [--data russian_coord_tweets.parquet] [--copies 29]
        [--peer PYTHON] [--short]

`--data` is the set of retweets of Kulichkina, Righetti and Waldherr (2024); it
is copied, and the accounts of each copy are drawn anew from a pool five times
as large: the bursts are real, a million actions. Without it a set of the same
size is made up. `--peer` is the Python of an environment that holds the peer,
which is no part of this project's:

    python -m venv PEER && PEER/bin/pip install coordination-network-toolkit==1.5.2

All three are given each account's first act on each object and count pairs
with two objects or more; that they find the same is checked. Times are CPU
seconds of one core, the best of three for ours; loading into the peer's
database is told apart.
"""

from __future__ import annotations

import argparse
import csv
import resource
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from entregent.authenticity.coaction import coaction, first_acts, shuffled
from entregent.authenticity.objects import Actions, actions
from entregent.authenticity.stream import CoactionStream

SECOND = 1_000_000
WINDOWS = (60, 3600)
SEED = 2021

LOAD = """
import csv, sys
from coordination_network_toolkit.preprocess import preprocess_data
with open(sys.argv[2]) as file:
    rows = enumerate(csv.reader(file))
    preprocess_data(sys.argv[1], ((i, a, a, o, '', '', t, ()) for i, (a, o, t) in rows))
"""

COMPUTE = """
import sys
from coordination_network_toolkit.compute_networks import compute_co_retweet_parallel
compute_co_retweet_parallel(sys.argv[1], int(sys.argv[2]), n_threads=1, min_edge_weight=2)
"""

JOIN = """
SELECT x.account AS a, y.account AS b, count(*) AS n
FROM acts x JOIN acts y ON x.object = y.object
    AND y.time BETWEEN x.time - {micros} AND x.time + {micros} AND x.account < y.account
GROUP BY ALL HAVING n >= 2 ORDER BY a, b
"""


def _best(work: Callable[[], Any], times: int = 3) -> tuple[Any, float]:
    result, spent = None, []
    for _ in range(times):
        begun = time.process_time()
        result = work()
        spent.append(time.process_time() - begun)
    return result, min(spent)


def real(path: Path, copies: int) -> tuple[Actions, Actions]:
    """Return the set, and copies of it with accounts drawn anew, in the order of time."""
    table = pq.read_table(path)
    micros = pa.array(table["timestamp_share"].to_numpy() * SECOND)
    one = actions(table["account_id"], table["object_id"], micros, kind="repost")
    rng = np.random.default_rng(SEED)
    n_accounts, n_objects = len(one.accounts), len(one.objects)
    account = [rng.permutation(5 * n_accounts)[:n_accounts][one.account] for _ in range(copies)]
    object_ = [one.object + n_objects * copy for copy in range(copies)]
    return one, _coded(np.concatenate(account), np.concatenate(object_), np.tile(one.time, copies))


def made_up(n: int) -> Actions:
    """Return actions in bursts: popularity and delays with heavy tails."""
    rng = np.random.default_rng(SEED)
    popularity = rng.pareto(1.2, n // 5) + 0.1
    object_ = rng.choice(len(popularity), n, p=popularity / popularity.sum())
    begun = rng.integers(0, 200 * 86_400, len(popularity))
    seconds = begun[object_] + rng.lognormal(8, 2, n).astype(np.int64)
    return _coded(rng.integers(0, n // 20, n), object_, seconds * SECOND)


def _coded(account: np.ndarray, object_: np.ndarray, micros: np.ndarray) -> Actions:
    order = np.argsort(micros, kind="stable")

    def names(codes: np.ndarray) -> pa.Array:
        return pa.array(np.arange(int(codes.max()) + 1)).cast(pa.string())

    return Actions(
        names(account),
        names(object_),
        account[order].astype(np.int32),
        object_[order].astype(np.int32),
        micros[order],
    )


def known(one: Actions) -> None:
    """Print pairs with two shares in common, as they are and with times shuffled."""
    rng = np.random.default_rng(SEED)
    for window in (10, 60, 600, 3600):
        pairs = len(coaction(one, [window]).a)
        chance = [len(coaction(shuffled(one, rng), [window]).a) for _ in range(20)]
        print(
            f"two in common within {window:>5} s: {pairs:>6,} pairs; times shuffled (seed {SEED}, 20 runs) "
            f"{np.mean(chance):,.1f} ({min(chance):,} to {max(chance):,})"
        )


def _program(python: str, code: str, *arguments: str) -> float:
    """Run a program to its end; return CPU seconds, those of its workers with them."""

    def used() -> float:
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime

    begun = used()
    subprocess.run([python, "-c", code, *arguments], check=True, capture_output=True)
    return used() - begun


def peer(python: str, first: Actions) -> tuple[float, dict[int, tuple[float, set[tuple[int, int, int]]]]]:
    """Run the peer; return CPU seconds of loading, and of each window with what it found."""
    with tempfile.TemporaryDirectory() as folder:
        rows, database = f"{folder}/rows.csv", f"{folder}/edges.db"
        columns = (first.account, first.object, first.time // SECOND)
        with Path(rows).open("w", newline="") as file:
            csv.writer(file).writerows(zip(*(column.tolist() for column in columns), strict=True))
        loaded = _program(python, LOAD, database, rows)
        found = {}
        for window in WINDOWS:
            cpu = _program(python, COMPUTE, database, str(window))
            with closing(sqlite3.connect(database)) as con:
                edges = con.execute("SELECT user_1, user_2, weight FROM co_retweet_network").fetchall()
            # Theirs have a direction; ours do not.
            found[window] = (cpu, {(int(a), int(b), n) for a, b, n in edges if int(a) < int(b)})
        return loaded, found


def beside(many: Actions, python: str | None) -> None:
    """Print CPU seconds of the three and their ratios."""
    first = first_acts(many)
    loaded, others = peer(python, first) if python else (0.0, {})
    if others:
        print(f"peer: loading {loaded:.2f} CPU s")
    acts = pa.table({"account": first.account, "object": first.object, "time": first.time})
    for window in WINDOWS:
        found, spent = _best(lambda window=window: coaction(many, [window]))
        with duckdb.connect(config={"threads": 1}) as con:
            con.register("acts", acts)
            sql = JOIN.format(micros=window * SECOND)
            rows, joined = _best(lambda con=con, sql=sql: con.sql(sql).fetchnumpy(), 1)
        same = all(np.array_equal(rows[x], y) for x, y in zip("abn", found.linked(window), strict=True))
        line = (
            f"{window:>5} s: entregent {spent:.3f} CPU s, {len(found.a):,} pairs; "
            f"self-join {joined:.2f} ({joined / spent:.0f} times), same: {same}"
        )
        if window in others:
            cpu, pairs = others[window]
            ours = set(zip(*(column.tolist() for column in found.linked(window)), strict=True))
            line += (
                f"; peer {cpu:.1f} ({cpu / spent:.0f} times, {(cpu + loaded) / spent:.0f} with loading), "
                f"same: {pairs == ours}"
            )
        print(line)
    rng = np.random.default_rng(SEED)
    order = rng.permutation(len(many.time))
    mixed = Actions(many.accounts, many.objects, many.account[order], many.object[order], many.time[order])
    for name, given, windows, least in (
        ("four windows in one pass", many, (10, 60, 600, 3600), 2),
        ("3600 s, rows not in order", mixed, (3600,), 2),
        ("3600 s, pairs with one object too", many, (3600,), 1),
        ("a day", many, (86_400,), 2),
    ):
        found, spent = _best(lambda given=given, w=windows, n=least: coaction(given, w, least=n))
        print(f"{name}: {spent:.3f} CPU s, {len(found.a):,} pairs")


def crowd(n: int) -> None:
    """Print what a million actions on one object cost."""
    codes = np.arange(n)
    shared = _coded(codes, np.zeros(n, np.int64), codes * SECOND // 20)
    found, spent = _best(lambda: coaction(shared, [1, 60, 3600]))
    print(f"{n:,} actions on one object: {spent:.3f} CPU s; {found.notices[0].text}")


def streaming(many: Actions, n: int) -> None:
    """Print microseconds an action, one by one and in parts of a thousand."""
    for windows in ((60,), (60, 3600)):
        for size, some in ((1, min(n, 50_000)), (1000, n)):
            stream = CoactionStream(windows)
            stream.update(many.account[:1], many.object[:1], many.time[:1])
            begun = time.process_time()
            for start in range(1, some, size):
                part = slice(start, min(start + size, some))
                stream.update(many.account[part], many.object[part], many.time[part])
            spent = time.process_time() - begun
            print(f"stream, windows {windows}, parts of {size:>4}: {1e6 * spent / some:.2f} µs an action")


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path)
    parser.add_argument("--copies", type=int, default=29)
    parser.add_argument("--peer")
    parser.add_argument("--short", action="store_true")
    given = parser.parse_args()
    if given.data:
        one, many = real(given.data, 3 if given.short else given.copies)
        known(one)
    else:
        many = made_up(100_000 if given.short else 1_000_000)
    print(f"{len(many.time):,} actions, {len(many.accounts):,} accounts, {len(many.objects):,} objects")
    text = [names.take(pa.array(codes)) for names, codes in
            ((many.accounts, many.account), (many.objects, many.object))]  # fmt: skip
    coded, spent = _best(lambda: actions(*text, pa.array(many.time)), 1)
    print(f"text to codes: {spent:.3f} CPU s ({len(coded.time) / spent:,.0f} rows/s)")
    coaction(coded, [60])
    beside(many, given.peer)
    crowd(100_000 if given.short else 1_000_000)
    streaming(many, len(many.time))
    print(f"peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main()
