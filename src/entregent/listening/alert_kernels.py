"""The compiled loops of alerts: how far counts leave their own past, and when that is rare.

Functions that call each other share this file, because a cached kernel does
not notice that a callee elsewhere has changed.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from entregent.compiling import compiled_for_threads

__all__ = ["departures", "peaks_apart", "raised"]

SUB_BLOCKS = 4
"""Blocks per least distance of two peaks, of which the highest slot is remembered."""


@compiled_for_threads
def departures(counts: Any, length: int, day: int, step: int, band: int, days: int, least: int) -> Any:
    """Say of each slot how far the sum of the last slots is from the same time of the days before.

    Gives the sum (scaled up where at most half of its slots are unknown),
    what the past days had on average, and the distance in units of their
    spread; NaN where too little is known.
    """
    n = len(counts)
    sums = np.full(n, np.nan)
    total, known = 0.0, 0
    for slot in range(n):
        if not np.isnan(counts[slot]):
            total += counts[slot]
            known += 1
        if slot >= length and not np.isnan(counts[slot - length]):
            total -= counts[slot - length]
            known -= 1
        if slot >= length - 1 and 2 * known >= length and not np.isnan(counts[slot]):
            sums[slot] = max(total, 0.0) * length / known
    expected = np.full(n, np.nan)
    distance = np.full(n, np.nan)
    for slot in range(n):
        if np.isnan(sums[slot]):
            continue
        number, mean, squares = 0, 0.0, 0.0
        for back in range(1, days + 1):
            for aside in range(-band, band + 1):
                place = slot - back * day + aside * step
                # The near side of yesterday must not reach into the sum that is judged.
                if 0 <= place <= slot - length and not np.isnan(sums[place]):
                    number += 1
                    off = sums[place] - mean
                    mean += off / number
                    squares += off * (sums[place] - mean)
        if number >= least:
            expected[slot] = mean
            spread = np.sqrt(squares / number)
            distance[slot] = (sums[slot] - mean) / (spread + np.sqrt(mean + 1.0))
    return sums, expected, distance


@compiled_for_threads
def peaks_apart(values: Any, places: Any, apart: int) -> Any:
    """Return the highest values that lie at least so far apart, highest first."""
    order = np.argsort(-values)
    kept = np.zeros(len(values), np.bool_)
    found = np.empty(len(values))
    count = 0
    for number in order:
        free = True
        for side in (-1, 1):
            other = number + side
            while free and 0 <= other < len(values) and abs(places[other] - places[number]) < apart:
                free = not kept[other]
                other += side
        if free:
            kept[number] = True
            found[count] = values[number]
            count += 1
    return found[:count]


@compiled_for_threads
def _threshold(own: Any, calm: Any, calm_weight: float, wanted: float) -> float:
    """Return the height that so many peaks (own, and calm ones of a weight each) rise above."""
    total = len(own) + calm_weight * len(calm)
    wanted *= (total + 1.0) / max(total, 1.0)
    at, other = 0, 0
    before, before_height = 0.0, np.inf
    weight = 0.0
    height = np.inf
    while weight < wanted and (at < len(own) or other < len(calm)):
        before, before_height = weight, height
        if other >= len(calm) or (at < len(own) and own[at] >= calm[other]):
            height = own[at]
            weight += 1.0
            at += 1
        else:
            height = calm[other]
            weight += calm_weight
            other += 1
    if np.isinf(before_height) or weight <= before:
        return height
    share = min((wanted - before) / (weight - before), 1.0)
    return before_height + share * (height - before_height)


@compiled_for_threads
def raised(
    score: Any,
    first: int,
    apart: int,
    dip: int,
    week: int,
    history: int,
    budget: float,
    calm: Any,
    calm_per_week: float,
) -> Any:
    """Go through the scores in time and raise alarms as often as the budget says.

    Gives for each alarm its slot and the last slot above the threshold before
    the event was over, and the threshold of every slot.
    """
    n = len(score)
    block = max(apart // SUB_BLOCKS, 1)
    heights = np.empty(n // block + 2)
    places = np.empty(n // block + 2, np.int64)
    filled, oldest = 0, 0
    starts = np.empty(n, np.int64)
    ends = np.empty(n, np.int64)
    count = 0
    last_start, last_above = -(10**9), -(10**9)
    thresholds = np.full(n, np.inf)
    known = np.zeros(n + 1, np.int64)
    for slot in range(n):
        known[slot + 1] = known[slot] + (0 if np.isnan(score[slot]) else 1)
    weeks = history / week
    for start in range(first, n, block):
        while oldest < filled and places[oldest] < start - history:
            oldest += 1
        own = peaks_apart(heights[oldest:filled], places[oldest:filled], apart)
        begin = max(start - history, first)
        seen = (known[start] - known[begin]) / week
        unseen = weeks - (start - begin) / week
        weight = unseen * calm_per_week / len(calm)
        threshold = _threshold(own, calm, weight, budget * (seen + unseen))
        highest, at = -np.inf, -1
        for slot in range(start, min(start + block, n)):
            thresholds[slot] = threshold
            if np.isnan(score[slot]):
                continue
            if score[slot] > highest:
                highest, at = score[slot], slot
            if score[slot] > threshold:
                if slot - last_start >= apart and slot - last_above >= dip:
                    starts[count] = slot
                    last_start = slot
                    count += 1
                last_above = slot
                ends[count - 1] = slot
        if at >= 0:
            heights[filled] = highest
            places[filled] = at
            filled += 1
    return starts[:count], ends[:count], thresholds
