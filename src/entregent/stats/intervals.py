"""Intervals for shares, ratios of shares and any statistic of a sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from entregent.errors import InputError
from entregent.i18n import T
from entregent.results import CannotTell, Estimate

__all__ = ["Interval", "bootstrap", "check_level", "ratio", "wilson"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """Ends of intervals, elementwise.

    Parameters
    ----------
    value, low, high : ndarray of float64
        Estimate and ends, of one shape.
    level : float
        Level of each interval.
    """

    value: Floats
    low: Floats
    high: Floats
    level: float


def check_level(level: float) -> float:
    """Return `level`, or raise InputError where it is not between 0 and 1."""
    if not 0.0 < level < 1.0:
        raise InputError(
            f"The level of an interval is {level!r}.", valid=("a number between 0 and 1, as 0.9",)
        )
    return float(level)


def wilson(successes: ArrayLike, trials: ArrayLike, level: float = 0.9) -> Interval:
    """Score interval of a share, elementwise.

    Parameters
    ----------
    successes, trials : array_like of int, broadcast together
        Counts with ``0 <= successes <= trials``.
    level : float
        Level of the interval.

    Returns
    -------
    Interval
        Shares in [0, 1]; without trials the share is NaN and the interval
        is [0, 1].

    Raises
    ------
    InputError
        For more successes than trials, or a negative count.

    References
    ----------
    Wilson, E. B. (1927), Probable inference, the law of succession, and
    statistical inference. doi:10.1080/01621459.1927.10502953

    Examples
    --------
    >>> result = wilson(81, 263, level=0.95)
    >>> round(float(result.low), 4), round(float(result.high), 4)
    (0.2553, 0.3662)
    """
    done = np.asarray(successes, dtype=np.float64)
    n = np.asarray(trials, dtype=np.float64)
    if np.any(done < 0) or np.any(done > n):
        raise InputError("A share needs 0 <= successes <= trials.", do="Check which count is which.")
    z = float(stats.norm.ppf(0.5 + check_level(level) / 2))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = done / n
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
        low = np.where(n > 0, np.where(done == 0, 0.0, middle - half), 0.0)
        high = np.where(n > 0, np.where(done == n, 1.0, middle + half), 1.0)
    return Interval(share, np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0), level)


def ratio(a: int, trials_a: int, b: int, trials_b: int, level: float = 0.9) -> Estimate | CannotTell:
    """Ratio of two shares with its interval.

    Parameters
    ----------
    a, trials_a : int
        Successes and trials above the line.
    b, trials_b : int
        Successes and trials below it.
    level : float
        Level of the interval.

    Returns
    -------
    Estimate or CannotTell
        The interval is on the log scale; it cannot be told where a count of
        successes is 0.

    References
    ----------
    Katz, D. et al. (1978), Obtaining confidence intervals for the risk ratio
    in cohort studies. doi:10.2307/2530610
    """
    if min(a, b) < 1 or a > trials_a or b > trials_b:
        return CannotTell(
            "stats.ratio_of_nothing",
            T("One of the two shares is zero, so their ratio has no interval."),
            T("At least one case on each side."),
        )
    found = stats.contingency.relative_risk(a, trials_a, b, trials_b)
    ends = found.confidence_interval(check_level(level))
    value = float(found.relative_risk)
    return Estimate.around(value, ends.low, ends.high, level, trials_a + trials_b, "katz")


def bootstrap(
    sample: ArrayLike,
    statistic: Callable[..., Any],
    rng: np.random.Generator,
    *,
    level: float = 0.9,
    method: str = "BCa",
    resamples: int = 2000,
    as_of: datetime | None = None,
) -> Estimate | CannotTell:
    """Bootstrap interval of a statistic of independent observations.

    Parameters
    ----------
    sample : array_like, shape (n,)
        Observations; they must be independent (resample clusters upstream).
    statistic : callable
        Takes ``(sample, axis=...)``, as ``numpy.mean`` does.
    rng : numpy.random.Generator
        Source of the resamples.
    level : float
        Level of the interval.
    method : {"BCa", "percentile"}
        Bias-corrected and accelerated, or plain percentiles.
    resamples : int
        How many times the sample is drawn again.
    as_of : datetime, optional
        End of the data, passed on to the result.

    Returns
    -------
    Estimate or CannotTell
        It cannot be told below 3 observations. A constant sample gives an
        interval of no width. Where BCa is not defined, percentiles are used
        and ``method`` of the result says so.

    References
    ----------
    Efron, B. (1987), Better bootstrap confidence intervals.
    doi:10.1080/01621459.1987.10478410
    """
    values = np.asarray(sample, dtype=np.float64)
    if method not in ("BCa", "percentile"):
        raise InputError(f"{method!r} is not a bootstrap.", valid=("BCa", "percentile"))
    if values.size < 3 or not np.all(np.isfinite(values)):
        return CannotTell(
            "stats.sample_too_small",
            T("There are fewer than three observations."),
            T("At least three observations, all of them numbers."),
        )
    value = float(statistic(values, axis=0))
    if np.all(values == values[0]):
        return Estimate(value, value, value, check_level(level), values.size, "bootstrap constant", as_of)
    used = method
    with np.errstate(all="ignore"):
        spread = np.ptp(_jackknife(values, statistic)) if method == "BCa" else 1.0
    if spread == 0.0:
        used = "percentile"
    ends = stats.bootstrap(
        (values,),
        statistic,
        n_resamples=resamples,
        batch=max(1, 5_000_000 // values.size),
        vectorized=True,
        axis=0,
        confidence_level=check_level(level),
        method=used,
        rng=rng,
    ).confidence_interval
    low, high = float(ends.low), float(ends.high)
    if not (np.isfinite(low) and np.isfinite(high)):
        return bootstrap(
            values, statistic, rng, level=level, method="percentile", resamples=resamples, as_of=as_of
        )
    return Estimate.around(value, low, high, level, values.size, f"bootstrap {used}", as_of)


def _jackknife(values: Floats, statistic: Callable[..., Any]) -> Floats:
    """Statistic without each of the first observations: BCa needs these to differ."""
    index = np.arange(min(values.size, 200))
    return np.array([float(statistic(np.delete(values, i), axis=0)) for i in index])
