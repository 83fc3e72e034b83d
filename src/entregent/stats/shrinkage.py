"""Shares and rates of many, each drawn towards what the others show, the more so the less it has.

Empirical Bayes with conjugate priors: shares are beta-binomial, rates
gamma-Poisson. The prior is fitted to all by marginal likelihood.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import optimize, special, stats

from entregent.errors import InputError
from entregent.stats.intervals import Floats, Interval, check_level

__all__ = [
    "BetaPosterior",
    "BetaPrior",
    "GammaPosterior",
    "GammaPrior",
    "fit_beta",
    "fit_gamma",
    "probability_greater",
]

# Beyond this many pseudo-observations the prior is a point for every use made of it.
MOST = 1e9
LEAST = 1e-6
# A log likelihood that rises by less is no sign that accounts differ, and rounding at MOST can do as much.
GAIN = 1e-3


@dataclass(frozen=True)
class BetaPrior:
    """Shares across accounts, Beta(a, b).

    Parameters
    ----------
    a, b : float
        Pseudo-counts of successes and failures.
    n : int
        Accounts with at least one trial behind the fit.
    spread : bool
        False where the accounts differ no more than chance lets them: the
        prior is then a point, and everybody gets the common share.
    """

    a: float
    b: float
    n: int
    spread: bool

    def posterior(self, successes: ArrayLike, trials: ArrayLike, level: float = 0.9) -> BetaPosterior:
        """Return what is known of each account's share, elementwise."""
        done, n = _counts(successes, trials)
        return BetaPosterior(self.a + done, self.b + n - done, check_level(level))


@dataclass(frozen=True)
class BetaPosterior:
    """Posterior Beta(a, b) of each share."""

    a: Floats
    b: Floats
    level: float

    @property
    def interval(self) -> Interval:
        """Posterior mean with the equal-tailed interval."""
        tail = (1 - self.level) / 2
        mean = self.a / (self.a + self.b)
        low = stats.beta.ppf(tail, self.a, self.b)
        high = stats.beta.ppf(1 - tail, self.a, self.b)
        return Interval(mean, np.minimum(low, mean), np.maximum(high, mean), self.level)


@dataclass(frozen=True)
class GammaPrior:
    """Rates across accounts, Gamma(shape, rate).

    Parameters
    ----------
    shape : float
        Pseudo-count of events.
    rate : float
        Pseudo-exposure; ``shape / rate`` is the common rate.
    n : int
        Accounts with exposure behind the fit.
    spread : bool
        False where the accounts differ no more than chance lets them.
    """

    shape: float
    rate: float
    n: int
    spread: bool

    def posterior(self, counts: ArrayLike, exposure: ArrayLike, level: float = 0.9) -> GammaPosterior:
        """Return what is known of each account's rate, elementwise."""
        events, time = _exposures(counts, exposure)
        return GammaPosterior(self.shape + events, self.rate + time, check_level(level))


@dataclass(frozen=True)
class GammaPosterior:
    """Posterior Gamma(shape, rate) of each rate."""

    shape: Floats
    rate: Floats
    level: float

    @property
    def interval(self) -> Interval:
        """Posterior mean with the equal-tailed interval."""
        tail = (1 - self.level) / 2
        mean = self.shape / self.rate
        low = special.gammaincinv(self.shape, tail) / self.rate
        high = special.gammaincinv(self.shape, 1 - tail) / self.rate
        return Interval(mean, np.minimum(low, mean), np.maximum(high, mean), self.level)


def _counts(successes: ArrayLike, trials: ArrayLike) -> tuple[Floats, Floats]:
    done, n = np.broadcast_arrays(np.asarray(successes, dtype=float), np.asarray(trials, dtype=float))
    if not np.all((done >= 0) & (done <= n)) or not np.all(np.isfinite(n)):
        raise InputError("A share needs 0 <= successes <= trials.", do="Check which count is which.")
    return done, n


def _exposures(counts: ArrayLike, exposure: ArrayLike) -> tuple[Floats, Floats]:
    events, time = np.broadcast_arrays(np.asarray(counts, dtype=float), np.asarray(exposure, dtype=float))
    if not np.all((events >= 0) & np.isfinite(events)) or not np.all((time >= 0) & np.isfinite(time)):
        raise InputError("A rate needs counts and exposures that are finite and not negative.")
    if np.any((time == 0) & (events > 0)):
        raise InputError("An account has events but no exposure.", do="Give it the exposure they came from.")
    return events, time


def fit_beta(successes: ArrayLike, trials: ArrayLike) -> BetaPrior:
    """Fit the prior of shares by marginal likelihood.

    Parameters
    ----------
    successes, trials : array_like of int, shape (n_accounts,)
        Accounts without trials count for nothing.

    Returns
    -------
    BetaPrior
        With one account or none, the uniform prior Beta(1, 1).

    Raises
    ------
    InputError
        For counts that are no share.

    Notes
    -----
    Accounts are exchangeable: their share must not depend on their number of
    trials. The common share has half a success and half a failure added, so
    that "all zero" does not mean "never".

    References
    ----------
    Skellam, J. G. (1948), A probability distribution derived from the
    binomial distribution. doi:10.1111/j.2517-6161.1948.tb00014.x

    Examples
    --------
    >>> prior = fit_beta([1, 9, 4, 6, 2, 8], [10] * 6)
    >>> round(prior.a / (prior.a + prior.b), 2), prior.spread
    (0.5, True)
    """
    done, n = _counts(np.atleast_1d(successes), np.atleast_1d(trials))
    used = n > 0
    done, n = done[used], n[used]
    if done.size < 2:
        return BetaPrior(1.0, 1.0, int(done.size), True)
    common = (done.sum() + 0.5) / (n.sum() + 1.0)

    def loss(theta: NDArray[np.float64]) -> float:
        share, size = special.expit(theta[0]), np.exp(theta[1])
        a, b = share * size, (1 - share) * size
        return -float(np.sum(special.betaln(a + done, b + n - done) - special.betaln(a, b)))

    point = -float(np.sum(done) * np.log(common) + np.sum(n - done) * np.log1p(-common))
    # Method of moments: what the shares vary beyond the binomial.
    weight = n / n.sum()
    extra = float(weight @ (done / n - common) ** 2) / max(common * (1 - common), 1e-12)
    start = np.clip(1 / max(extra - float(weight @ (1 / n)), 1e-3), 0.1, 1e4)
    theta, least = _least(
        loss,
        [special.logit(common), np.log(start)],
        [(special.logit(1e-9), special.logit(1 - 1e-9)), (np.log(LEAST), np.log(MOST))],
    )
    if not least < point - GAIN:
        return BetaPrior(common * MOST, (1 - common) * MOST, int(done.size), False)
    share, size = float(special.expit(theta[0])), float(np.exp(theta[1]))
    return BetaPrior(share * size, (1 - share) * size, int(done.size), True)


def fit_gamma(counts: ArrayLike, exposure: ArrayLike) -> GammaPrior:
    """Fit the prior of rates by marginal likelihood.

    Parameters
    ----------
    counts : array_like of int, shape (n_accounts,)
        Events.
    exposure : array_like of float, shape (n_accounts,)
        What they came from (posts, days); an account with 0 counts for nothing.

    Returns
    -------
    GammaPrior
        With one account or none, Jeffreys' shape 1/2 around its own rate.

    Raises
    ------
    InputError
        For a count or exposure that is negative or not finite, or events
        without exposure.

    Notes
    -----
    Within an account events are Poisson; where they come in bursts the
    intervals are too narrow. The common rate has half an event added.

    References
    ----------
    Robbins, H. (1956), An empirical Bayes approach to statistics.
    Clayton, D. and Kaldor, J. (1987), Empirical Bayes estimates of
    age-standardized relative risks. doi:10.2307/2532003

    Examples
    --------
    >>> prior = fit_gamma([0, 2, 9, 31], [10, 10, 10, 10])
    >>> round(prior.shape / prior.rate, 2), prior.spread
    (1.05, True)
    """
    events, time = _exposures(np.atleast_1d(counts), np.atleast_1d(exposure))
    used = time > 0
    events, time = events[used], time[used]
    total = float(time.sum())
    if events.size == 0:
        return GammaPrior(0.5, 0.5, 0, True)
    common = (float(events.sum()) + 0.5) / total
    if events.size < 2:
        return GammaPrior(0.5, 0.5 / common, 1, True)

    def loss(theta: NDArray[np.float64]) -> float:
        shape = np.exp(theta[1])
        rate = shape / np.exp(theta[0])
        return -float(
            np.sum(
                special.gammaln(shape + events)
                - special.gammaln(shape)
                - shape * np.log1p(time / rate)
                + events * (np.log(time) - np.log(rate + time))
            )
        )

    point = -float(np.sum(events * np.log(common * time) - common * time))
    weight = time / total
    extra = float(weight @ (events / time - common) ** 2) - common * float(weight @ (1 / time))
    start = np.clip(common**2 / max(extra, 1e-3 * common**2), 0.05, 1e3)
    theta, least = _least(
        loss,
        [np.log(common), np.log(start)],
        [(np.log(common) - 20, np.log(common) + 20), (np.log(LEAST), np.log(MOST))],
    )
    if not least < point - GAIN:
        return GammaPrior(common * MOST, MOST, int(events.size), False)
    shape = float(np.exp(theta[1]))
    return GammaPrior(shape, shape / float(np.exp(theta[0])), int(events.size), True)


def _least(loss: object, start: list[float], bounds: list[tuple[float, float]]) -> tuple[Floats, float]:
    """Minimise from the moments and from two other spreads: the surface is flat where spread is small."""
    best: tuple[Floats, float] | None = None
    for spread in (start[1], 0.0, start[1] + 3.0):
        first = [start[0], float(np.clip(spread, *bounds[1]))]
        found = optimize.minimize(loss, first, method="L-BFGS-B", bounds=bounds)
        if best is None or found.fun < best[1]:
            best = (np.asarray(found.x), float(found.fun))
    assert best is not None  # noqa: S101 - the loop ran
    return best


def probability_greater(
    first: BetaPosterior | GammaPosterior, second: BetaPosterior | GammaPosterior
) -> NDArray[np.float64]:
    """Probability that the first share or rate is greater than the second, elementwise.

    Parameters
    ----------
    first, second : BetaPosterior or GammaPosterior
        Of one kind, independent given the prior.

    Returns
    -------
    ndarray of float64
        In [0, 1].

    Raises
    ------
    InputError
        For a share against a rate.

    Notes
    -----
    Exact for rates (a ratio of gammas is beta); for shares the mean of one
    distribution function over 2,000 quantiles of the other.

    Examples
    --------
    >>> prior = GammaPrior(1.0, 1.0, 2, True)
    >>> float(probability_greater(prior.posterior([3], [1]), prior.posterior([3], [1]))[0])
    0.5
    """
    if isinstance(first, GammaPosterior) and isinstance(second, GammaPosterior):
        share = first.rate / (first.rate + second.rate)
        return np.asarray(special.betaincc(first.shape, second.shape, share))
    if isinstance(first, BetaPosterior) and isinstance(second, BetaPosterior):
        grid = (np.arange(2000) + 0.5) / 2000
        a, b, c, d = np.broadcast_arrays(first.a, first.b, second.a, second.b)
        out = np.empty(a.shape)
        for i in np.ndindex(a.shape):
            out[i] = special.betainc(c[i], d[i], special.betaincinv(a[i], b[i], grid)).mean()
        return out
    raise InputError("A share is compared with a rate.", do="Compare shares with shares, rates with rates.")
