"""Circles: seconds, judged spread and bounds, on graphs made here; beside pynetim where it is installed.

    python benchmarks/spread.py                             75,000 people, 811,000 arcs, 20 seeds
    python benchmarks/spread.py --large                     1 million people, 10.5 million arcs as well
    python benchmarks/spread.py --peer /tmp/peer/bin/python pynetim IMM beside it, on the same graph

The peer lives in an environment of its own, never in that of the project:

    python -m venv /tmp/peer && /tmp/peer/bin/pip install pynetim==0.5.5 numpy

All groups are judged by one forward simulation that shares no code with
their choice. Seconds are of the processor, because machines are shared; wall
time is printed for threads, where nothing else makes sense.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from entregent.influence.judge import Forward, forward, judge
from entregent.influence.spread import Circle, Sampler, circle, prepare
from entregent.influence.spread_chances import threshold_weights, weighted_cascade
from entregent.network.graph import Graph

PEER = """
import json, sys, time
import numpy as np
from pynetim.algorithms.ris.imm_algorithm import IMMAlgorithm
from pynetim import IMGraph
arcs = np.load(sys.argv[1])
graph = IMGraph([(int(a), int(b)) for a, b in zip(arcs["tails"], arcs["heads"])],
                weights=arcs["chance"].tolist(), directed=True, renumber=False)
begin = time.process_time()
people = IMMAlgorithm(graph, "IC", 0.1, random_seed=1).run(int(sys.argv[2]))
print(json.dumps({"seconds": time.process_time() - begin, "people": [int(v) for v in people]}))
"""


def made(n: int, m: int, seed: int = 1) -> Graph:
    """Return a directed graph with heavy tails: who is listened to (Pareto 1.3), who listens (1.8)."""
    rng = np.random.default_rng(seed)
    heard = np.cumsum(np.minimum(rng.pareto(1.3, n) + 1, 20_000))
    listening = np.cumsum(np.minimum(rng.pareto(1.8, n) + 1, 2_000))
    heads = np.searchsorted(heard, rng.random(m) * heard[-1]).clip(0, n - 1)
    tails = np.searchsorted(listening, rng.random(m) * listening[-1]).clip(0, n - 1)
    codes = np.unique(tails[tails != heads] * n + heads[tails != heads])
    indptr = np.concatenate([[0], np.cumsum(np.bincount(codes // n, minlength=n))]).astype(np.int64)
    ids = pa.array(np.arange(n)).cast(pa.string())
    return Graph(ids, indptr, (codes % n).astype(np.int32), np.ones(len(codes)))


def spread_of(values: list[float]) -> str:
    return f"{np.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def timed(sampler: Sampler, seed: int, k: int, threads: int = 1) -> tuple[Circle, float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    found = circle(sampler, np.random.default_rng(seed), k=k, threads=threads)
    return found, time.process_time() - cpu, time.perf_counter() - wall


def measure(name: str, sampler: Sampler, arcs: Forward, seeds: int, k: int, runs: int) -> tuple[float, float]:
    """Print one row; return the median seconds and the mean judged spread."""
    best = circle(sampler, np.random.default_rng(99), k=k, tolerance=1e-9, most_samples=2**19)
    top = judge(arcs, best.people, np.random.default_rng(7), n_runs=runs).value
    found = [timed(sampler, seed, k) for seed in range(seeds)]
    judged = [
        judge(arcs, circle_.people, np.random.default_rng(7), n_runs=runs) for circle_, _, _ in found[:5]
    ]
    loss = [1 - one.value / top for one in judged]
    error = (judged[0].high - judged[0].low) / 2 / top
    outside = sum(not c.lower <= j.value <= c.upper for (c, _, _), j in zip(found, judged, strict=False))
    print(
        f"{name}: CPU s {spread_of([cpu for _, cpu, _ in found])}, samples "
        f"{int(np.median([c.samples for c, _, _ in found])):,}, "
        f"ratio {spread_of([c.ratio for c, _, _ in found])}, "
        f"judged {np.mean([j.value for j in judged]):,.0f} of {top:,.0f} (long search), "
        f"loss {100 * float(np.mean(loss)):.2f} % (worst {100 * max(loss):.2f}, 90 % +- {100 * error:.2f}), "
        f"{outside} of {len(judged)} judged outside the bounds",
        flush=True,
    )
    return float(np.median([cpu for _, cpu, _ in found])), float(np.mean([j.value for j in judged]))


def beside(
    peer: str, graph: Graph, chance: np.ndarray, arcs: Forward, k: int, ours: tuple[float, float]
) -> None:
    """Run pynetim IMM in its own environment on the same graph; print the ratio of seconds."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "arcs.npz"
        # A listener is reached from whom he or she listens to.
        heads = np.repeat(np.arange(graph.n), np.diff(graph.indptr))
        np.savez(path, tails=graph.indices, heads=heads, chance=chance)
        done = subprocess.run(
            [peer, "-c", PEER, str(path), str(k)], capture_output=True, text=True, check=False
        )
    if done.returncode:
        print(f"pynetim did not run: {done.stderr.strip().splitlines()[-1:]}")
        return
    told = json.loads(done.stdout.strip().splitlines()[-1])
    judged = judge(arcs, told["people"], np.random.default_rng(7), n_runs=1000).value
    print(
        f"pynetim IMM: {told['seconds']:.1f} CPU s, judged {judged:,.0f}; "
        f"{told['seconds'] / ours[0]:,.0f} times our seconds, "
        f"ours reaches {100 * (ours[1] / judged - 1):+.2f} %"
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--k", type=int, default=50)
    options.add_argument("--runs", type=int, default=1000, help="runs of the judge")
    options.add_argument("--large", action="store_true")
    options.add_argument("--peer", help="a Python that has pynetim")
    options.add_argument("--short", action="store_true", help="two seeds, few runs of the judge")
    asked = options.parse_args()
    if asked.short:
        asked.seeds, asked.runs = 2, 50

    begin = time.process_time()
    small = made(200, 1000)
    circle(prepare(small, weighted_cascade(small)), np.random.default_rng(1), k=3)
    print(f"first call: {time.process_time() - begin:.1f} CPU s (compiling, or reading what was compiled)")

    for n, m in [(75_877, 831_000), (1_000_000, 10_600_000)][: 1 + asked.large]:
        graph = made(n, m)
        equal = weighted_cascade(graph)
        unequal = np.minimum(equal * np.random.default_rng(2).exponential(1, graph.m), 1)
        print(f"\n{graph.n:,} people, {graph.m:,} arcs, k = {asked.k}, {asked.seeds} seeds, one thread")
        measured = {}
        for name, chance, model in (
            ("weighted cascade", equal, "independent_cascade"),
            ("unequal", unequal, "independent_cascade"),
            ("linear threshold", threshold_weights(graph), "linear_threshold"),
        ):
            cpu = time.process_time()
            sampler = prepare(graph, chance, model=model)
            print(f"{name}: arranged in {time.process_time() - cpu:.3f} CPU s")
            arcs = forward(graph, chance, model=model)
            runs = asked.runs if n < 500_000 else max(asked.runs // 10, 20)
            measured[name] = measure(name, sampler, arcs, asked.seeds, asked.k, runs)
            if name == "unequal":
                walls = {t: [timed(sampler, s, asked.k, t)[2] for s in range(5)] for t in (1, 2)}
                print(f"two threads: {np.median(walls[1]) / np.median(walls[2]):.2f} times one (wall)")
            if name == "weighted cascade" and asked.peer and n < 500_000:
                beside(asked.peer, graph, chance, arcs, asked.k, measured[name])
        ratio = measured["unequal"][0] / measured["weighted cascade"][0]
        print(f"unequal / equal: {ratio:.2f} times the seconds")
    if not asked.peer:
        print("\npynetim was not run: see --help for how to get it, then give --peer")


if __name__ == "__main__":
    main()
