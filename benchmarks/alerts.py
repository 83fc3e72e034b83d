"""Alerts: false ones against the promised budget, delay and hits against simple peers, real windows.

    python benchmarks/alerts.py [--short] [--nab DIRECTORY] [--calm]

``--nab`` names a folder with counts as ``timestamp,value`` and ``windows.json``
of the Numenta Anomaly Benchmark (https://github.com/numenta/NAB, MIT). The
scoring follows its description: Lavin A., Ahmad S. (2015). Evaluating
real-time anomaly detection algorithms. ICMLA. doi:10.1109/ICMLA.2015.141.
``--calm`` measures the constants of the library on simulated calm watches.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from scipy import signal, stats

from entregent.listening.alert_kernels import departures, peaks_apart
from entregent.listening.alerts import CALM, CALM_PER_WEEK, SPREADS, Rule, alerts
from entregent.listening.series import Series

START = datetime(2026, 1, 5, tzinfo=UTC)
SLOT = timedelta(minutes=5)
DAY, WEEK = 288, 2016
KINDS = ("even", "season", "week", "bursts", "drift", "gaps")


def world(kind: str, rng: np.random.Generator, weeks: int) -> np.ndarray:
    """Draw a calm watch: how people talk when nothing happens."""
    slots = np.arange(weeks * WEEK)
    rate = float(rng.choice([2, 8, 30, 100]))
    if kind == "even":
        return rng.poisson(np.full(len(slots), rate)).astype(float)
    level = rate * np.exp(0.8 * np.sin(2 * np.pi * slots / DAY))
    if kind == "week":
        level = level * np.where(slots // DAY % 7 >= 5, 0.5, 1)
    if kind == "drift":
        level = level * np.exp(np.repeat(np.cumsum(rng.normal(0, 0.05, weeks * 7)), DAY))
    if kind == "bursts":
        # A slow wave, and threads that flare up and fade within hours, their size heavy-tailed.
        wave = signal.lfilter([1.0], [1, -np.exp(-1 / 24)], rng.normal(0, 0.1, len(slots)))
        flares = np.where(rng.random(len(slots)) < 1 / 500, 3 * rng.pareto(1.8, len(slots)), 0)
        level = level * np.exp(wave) * (1 + np.convolve(flares, np.exp(-np.arange(144) / 24))[: len(slots)])
    counts = rng.poisson(level * rng.gamma(5, 0.2, len(slots))).astype(float)
    if kind == "gaps":
        for _ in range(weeks):
            first = rng.integers(len(slots))
            counts[first : first + rng.integers(6, DAY)] = np.nan
    return counts


def ours(counts: np.ndarray, budget: float, lengths: tuple[int, ...] = (6,)) -> np.ndarray:
    """Return the slots in which the library raises an alert."""
    rule = Rule(budget=budget, lengths=tuple(timedelta(hours=hours) for hours in lengths))
    found = alerts(Series(START, SLOT, counts), rule).alerts
    return np.array([round((alert.raised - START) / SLOT) - 1 for alert in found], int)


def cooled(above: np.ndarray, apart: int = 144) -> np.ndarray:
    """Return the first slot above of each half day."""
    kept: list[int] = []
    for slot in np.flatnonzero(above):
        if not kept or slot - kept[-1] >= apart:
            kept.append(int(slot))
    return np.array(kept, int)


def blind(counts: np.ndarray, budget: float) -> np.ndarray:
    """An alarm as often as the budget, whatever is said."""
    return np.arange(0, len(counts), round(WEEK / budget))


def hourly(counts: np.ndarray) -> np.ndarray:
    padded = np.concatenate([[0.0], np.cumsum(np.nan_to_num(counts))])
    return padded[12:] - padded[:-12]


def sigmas(counts: np.ndarray, budget: float) -> np.ndarray:
    """An hour above mean and so many deviations of the week before, as dashboards do; normal tail."""
    hours = hourly(counts)
    sums = np.concatenate([[0.0], np.cumsum(hours)])
    squares = np.concatenate([[0.0], np.cumsum(hours**2)])
    above = np.zeros(len(counts), bool)
    width = stats.norm.isf(budget / 168)
    for slot in range(WEEK, len(hours)):
        mean = (sums[slot - 12] - sums[max(slot - WEEK, 0)]) / (WEEK - 12)
        spread = np.sqrt(max((squares[slot - 12] - squares[max(slot - WEEK, 0)]) / (WEEK - 12) - mean**2, 0))
        above[slot + 11] = hours[slot] > mean + width * spread
    return cooled(above)


def negative_binomial(counts: np.ndarray, budget: float) -> np.ndarray:
    """An hour in the tail of a negative binomial fitted by moments to the same hours of the week before."""
    hours = hourly(counts)
    above = np.zeros(len(counts), bool)
    for slot in range(WEEK, len(hours)):
        past = np.concatenate(
            [hours[max(slot - back * DAY - 18, 0) : slot - back * DAY + 19] for back in range(1, 8)]
        )
        mean, variance = max(past.mean(), 0.1), past.var()
        if variance > mean * 1.01:
            size = mean**2 / (variance - mean)
            tail = stats.nbinom.sf(hours[slot] - 1, size, size / (size + mean)) if hours[slot] > mean else 1.0
        else:
            tail = stats.poisson.sf(hours[slot] - 1, mean) if hours[slot] > mean else 1.0
        above[slot + 11] = tail < budget / 168
    return cooled(above)


PEERS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "blind": blind,
    "mean + sigmas": sigmas,
    "negative binomial": negative_binomial,
    "entregent": ours,
    "entregent, 1 and 6 h": lambda counts, budget: ours(counts, budget, (1, 6)),
}


def false_alarms(watches: int, weeks: int) -> None:
    print(
        f"\nFalse alarms of calm watches: alarms a week for one promised ({watches} watches of {weeks} weeks,"
    )
    print("the first eight weeks apart), 0.9 interval; ratio to the promise should be within 0.8 and 1.2")
    print(f"{'watches':10} {'promised':>8} {'alarms':>7} {'ratio':>6} {'0.9':>12} {'first 8 weeks':>14}")
    pooled = expected = 0.0
    for kind in KINDS:
        late = early = 0
        known = 0.0
        for seed in range(watches):
            counts = world(kind, np.random.default_rng((7, seed)), weeks)
            raised = ours(counts, 1.0)
            late += int((raised >= 8 * WEEK + 378).sum())
            early += int((raised < 8 * WEEK + 378).sum())
            known += np.isfinite(counts[8 * WEEK + 378 :]).sum() / WEEK
        promised = known
        low, high = stats.gamma.ppf(0.05, max(late, 1)), stats.gamma.ppf(0.95, late + 1)
        print(
            f"{kind:10} {promised:8.0f} {late:7d} {late / promised:6.2f} "
            f"{low / promised:5.2f}-{high / promised:5.2f} {early / (watches * 8):12.2f}",
            flush=True,
        )
        pooled, expected = pooled + late, expected + promised
    print(f"{'together':10} {expected:8.0f} {pooled:7.0f} {pooled / expected:6.2f}")


def events(watches: int, weeks: int) -> None:
    print("\nEvents put into the same watches (one of 3 hours in the last week):")
    print("hits within 12 hours, median delay, and false alarms a week of the same rule in the weeks before")
    print(f"{'size':>5} {'rule':21} {'hits':>6} {'delay, min':>11} {'false a week':>13}")
    for size in (1.5, 2.0, 3.0, 5.0):
        rows: dict[str, list[float]] = {name: [] for name in PEERS}
        false: dict[str, float] = dict.fromkeys(PEERS, 0.0)
        number = 0
        for kind in ("season", "week", "bursts"):
            for seed in range(watches):
                rng = np.random.default_rng((11, seed))
                counts = world(kind, rng, weeks)
                begin = int(rng.integers((weeks - 1) * WEEK, weeks * WEEK - 200))
                counts[begin : begin + 36] += rng.poisson(counts[begin : begin + 36] * (size - 1))
                number += 1
                for name, rule in PEERS.items():
                    raised = rule(counts, 1.0)
                    hit = raised[(raised >= begin) & (raised < begin + 144)]
                    rows[name] += [float((hit[0] - begin + 1) * 5)] if len(hit) else []
                    false[name] += ((raised >= 2 * WEEK) & (raised < begin)).sum() / (begin / WEEK - 2)
        for name, delays in rows.items():
            delay = f"{np.median(delays):.0f}" if delays else "-"
            print(
                f"x{size:4} {name:21} {len(delays) / number:6.2f} {delay:>11} {false[name] / number:13.2f}",
                flush=True,
            )


def scaled_sigmoid(place: float) -> float:
    return -1.0 if place > 3 else 2 / (1 + float(np.exp(5 * place))) - 1


def nab_score(n_slots: int, windows: list[tuple[int, int]], raised: np.ndarray) -> tuple[float, int, int]:
    """Return the raw score of one file, its false points and the windows hit, by the standard profile."""
    unscored = min(int(0.15 * n_slots), 750)
    best = dict.fromkeys(windows, -1.0)
    points, false = 0.0, 0
    for slot in raised:
        if slot < unscored:
            continue
        inside = [window for window in windows if window[0] <= slot <= window[1]]
        if inside:
            ((first, last),) = inside
            value = scaled_sigmoid(-(last - slot + 1) / (last - first + 1)) / scaled_sigmoid(-1.0)
            best[first, last] = max(best[first, last], value)
            continue
        before = [window for window in windows if window[1] < slot]
        place = (slot - before[-1][1]) / (before[-1][1] - before[-1][0]) if before else 4.0
        points += 0.11 * scaled_sigmoid(place)
        false += 1
    return points + sum(best.values()), false, sum(value > -1 for value in best.values())


def nab(folder: Path) -> None:
    labels = json.loads((folder / "windows.json").read_text(encoding="utf-8"))
    files = {}
    for name, spans in labels.items():
        with (folder / name).open(encoding="utf-8") as lines:
            rows = list(csv.DictReader(lines))
        place = {row["timestamp"]: number for number, row in enumerate(rows)}
        windows = [(place[first[:19]], place[last[:19]]) for first, last in spans]
        files[name] = (np.array([float(row["value"]) for row in rows]), windows)
    print(f"\nNumenta's benchmark, {len(files)} companies, {sum(len(w) for _, w in files.values())} windows:")
    print("normalised score (0 nothing raised, 100 each window at its first slot and nothing else)")
    print(f"{'rule':32} {'score':>6} {'hits':>5} {'false':>6}")
    cases: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "blind, every 42 hours": lambda counts: np.arange(0, len(counts), 504),
        "mean + sigmas, one a week": lambda counts: sigmas(counts, 1.0),
        "negative binomial, one a week": lambda counts: negative_binomial(counts, 1.0),
        "entregent, one a week (frozen)": lambda counts: ours(counts, 1.0),
    }
    for budget in (0.5, 0.75, 1.5, 2.0):
        cases[f"entregent, {budget} a week"] = lambda counts, budget=budget: ours(counts, budget)
    cases["entregent, 1 and 6 hours"] = lambda counts: ours(counts, 1.0, (1, 6))
    cases["entregent, 6 and 12 hours"] = lambda counts: ours(counts, 1.0, (6, 12))
    cases["entregent, 1, 3, 6 and 12 hours"] = lambda counts: ours(counts, 1.0, (1, 3, 6, 12))
    for name, rule in cases.items():
        scores = [nab_score(len(counts), windows, rule(counts)) for counts, windows in files.values()]
        number = sum(len(windows) for _, windows in files.values())
        normal = 100 * (sum(score for score, _, _ in scores) + number) / (2 * number)
        hits, false = sum(hit for _, _, hit in scores), sum(wrong for _, wrong, _ in scores)
        print(f"{name:32} {normal:6.1f} {hits:5d} {false:6d}", flush=True)


def calm_constants() -> None:
    print("\nConstants of the library, on simulated calm watches")
    rates = [2.0, 10.0, 50.0] * 10
    slots = np.arange(8 * WEEK)
    watches = [
        np.random.default_rng(number)
        .poisson(
            rate
            * np.exp(0.5 * np.sin(2 * np.pi * slots / DAY))
            * np.random.default_rng((1, number)).gamma(10, 0.1, len(slots))
        )
        .astype(float)
        for number, rate in enumerate(rates)
    ]
    for length, spread in SPREADS.items():
        days = []
        for counts in watches:
            heights = departures(counts, length // SLOT, DAY, 3, 6, 7, 13)[2]
            days += [heights[at : at + DAY].max() for at in range(WEEK, len(heights) - DAY, DAY)]
        print(f"{length}: spread {np.quantile(days, 0.9):.2f} (in the library {spread})")
        if length == timedelta(hours=6):
            peaks = []
            for counts in watches:
                heights = departures(counts, 72, DAY, 3, 6, 7, 13)[2][WEEK:] / spread
                places = [at + int(heights[at : at + 36].argmax()) for at in range(0, len(heights) - 36, 36)]
                peaks.append(peaks_apart(heights[places], np.array(places), 144))
            found = np.concatenate(peaks)
            print(f"peaks a week {len(found) / (7 * len(watches)):.1f} (in the library {CALM_PER_WEEK})")
            print("heights", np.quantile(found, 1 - (np.arange(20) + 0.5) / 20).round(2).tolist())
            print("library", CALM.round(2).tolist())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--nab", type=Path)
    parser.add_argument("--calm", action="store_true")
    options = parser.parse_args()
    begin = time.process_time()
    if options.calm:
        calm_constants()
        return
    if options.nab:
        nab(options.nab)
    false_alarms(*((4, 16) if options.short else (24, 26)))
    events(*((2, 10) if options.short else (10, 14)))
    print(f"\n{time.process_time() - begin:.0f} s of processor")


if __name__ == "__main__":
    main()
