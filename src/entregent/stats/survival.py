"""How long things take when some had not ended, or could not be seen to, at the end of the data."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from entregent.errors import InputError
from entregent.stats.intervals import Floats, check_level

__all__ = ["Delays", "Survival", "survival", "truncated_delays"]


@dataclass(frozen=True)
class Survival:
    """Share that lasts beyond each time, Kaplan-Meier.

    Parameters
    ----------
    times : ndarray of float64, shape (k,)
        Distinct durations, increasing, in the unit given.
    alive, low, high : ndarray of float64, shape (k,)
        Share lasting beyond each time, with pointwise intervals.
    level : float
        Level of the intervals.
    median : float or None
        First time at which half has ended; None where fewer than half have.
    median_low, median_high : float or None
        Its interval; an end that is not reached is None.
    n, ended : int
        Observations, and those that had ended.
    """

    times: Floats
    alive: Floats
    low: Floats
    high: Floats
    level: float
    median: float | None
    median_low: float | None
    median_high: float | None
    n: int
    ended: int

    def at(self, time: float) -> float:
        """Return the share that lasts beyond `time`."""
        place = int(np.searchsorted(self.times, time, side="right"))
        return 1.0 if place == 0 else float(self.alive[place - 1])


def _half(times: Floats, share: Floats) -> float | None:
    below = np.flatnonzero(share <= 0.5)
    return float(times[below[0]]) if below.size else None


def survival(durations: ArrayLike, ended: ArrayLike, level: float = 0.9) -> Survival:
    """Kaplan-Meier estimate of how long things last.

    Parameters
    ----------
    durations : array_like of float, shape (n,)
        Time until the end or until it was last seen going on; not negative.
    ended : array_like of bool, shape (n,)
        True where the end was seen.
    level : float
        Level of the intervals (complementary log-log, Greenwood's variance).

    Returns
    -------
    Survival

    Raises
    ------
    InputError
        For no observation, or a duration that is negative or not a number.

    Notes
    -----
    What cut an observation short must not depend on how long it would have lasted.

    References
    ----------
    Kaplan, E. L. and Meier, P. (1958), Nonparametric estimation from
    incomplete observations. doi:10.1080/01621459.1958.10501452

    Examples
    --------
    >>> survival([1, 2, 2, 3], [True, True, False, True]).alive.tolist()
    [0.75, 0.5, 0.0]
    """
    spent = np.asarray(durations, dtype=np.float64)
    seen = np.asarray(ended, dtype=np.bool_)
    check_level(level)
    if spent.ndim != 1 or spent.shape != seen.shape or spent.size == 0:
        raise InputError("Durations and their ends must be two lists of one length, not empty.")
    if not np.all(spent >= 0):
        raise InputError("A duration is negative or not a number.", do="Leave such rows out and count them.")
    if not seen.any():
        times = np.unique(spent)
        ones = np.ones(times.size)
        return Survival(times, ones, np.zeros(times.size), ones, level, None, None, None, spent.size, 0)
    curve = stats.ecdf(stats.CensoredData(uncensored=spent[seen], right=spent[~seen])).sf
    # Greenwood's variance is not defined where the curve is 1 or 0; SciPy warns and gives NaN there.
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        ends = curve.confidence_interval(confidence_level=level, method="log-log")
    times, alive = np.asarray(curve.quantiles), np.asarray(curve.probabilities)
    low = np.nan_to_num(np.asarray(ends.low.probabilities), nan=0.0)
    high = np.asarray(ends.high.probabilities)
    high = np.minimum.accumulate(np.where(np.isnan(high), 1.0, high))
    return Survival(
        times,
        alive,
        low,
        high,
        level,
        _half(times, alive),
        _half(times, low),
        _half(times, high),
        int(spent.size),
        int(seen.sum()),
    )


@dataclass(frozen=True)
class Delays:
    """Distribution of delays that could be seen only up to a window each.

    Parameters
    ----------
    times : ndarray of float64, shape (k,)
        Distinct delays, increasing.
    share : ndarray of float64, shape (k,)
        Share of delays up to each, 1 at the longest seen.
    n : int
        Delays behind it.
    """

    times: Floats
    share: Floats
    n: int

    def at(self, ages: ArrayLike) -> NDArray[np.float64]:
        """Return the share of delays that are no longer than each age."""
        place = np.searchsorted(self.times, np.asarray(ages, dtype=np.float64), side="right")
        return np.concatenate([[0.0], self.share])[place]


def truncated_delays(delays: ArrayLike, windows: ArrayLike, least: int = 1) -> Delays:
    """Estimate a distribution of delays from those short enough to be seen.

    A reaction is seen only where its delay is no longer than the time from
    its post to the end of the data, so quick ones are seen too often. The
    product-limit estimate in reversed time corrects that.

    Parameters
    ----------
    delays, windows : array_like of float, shape (n,)
        Each delay with the longest delay that could have been seen there;
        ``0 <= delay <= window``.
    least : int
        Delays for which fewer than this many were at risk are not used: the
        curve reaches 1 there. One late reaction to one old post would
        otherwise move the whole curve.

    Returns
    -------
    Delays
        Relative to the longest delay used, which is its last: what comes
        later is not known of.

    Raises
    ------
    InputError
        For no delay, or one outside its window.

    Notes
    -----
    Delays and windows must be independent.

    References
    ----------
    Lagakos, S. W., Barraj, L. M. and De Gruttola, V. (1988), Nonparametric
    analysis of truncated survival data. doi:10.1093/biomet/75.3.515

    Examples
    --------
    >>> truncated_delays([1, 1, 3], [2, 4, 4]).share.round(3).tolist()
    [0.5, 1.0]
    """
    spent, limit = np.asarray(delays, dtype=np.float64), np.asarray(windows, dtype=np.float64)
    if spent.ndim != 1 or spent.shape != limit.shape or spent.size == 0:
        raise InputError("Delays and their windows must be two lists of one length, not empty.")
    if not np.all((spent >= 0) & (spent <= limit)):
        raise InputError("A delay is negative, longer than its window, or not a number.")
    times, ends = np.unique(spent, return_counts=True)
    at_risk = np.searchsorted(np.sort(spent), times, side="right") - np.searchsorted(
        np.sort(limit), times, side="left"
    )
    used = np.flatnonzero(at_risk >= min(least, int(at_risk.max())))
    times, left = times[: used[-1] + 1], (1.0 - ends / at_risk)[: used[-1] + 1]
    # A risk set that empties says only that nothing shorter was at risk with it.
    left[left <= 0.0] = 1.0
    beyond = np.cumprod(left[::-1])[::-1]
    return Delays(times, np.concatenate([beyond[1:], [1.0]]), int(spent.size))
