"""Exposed against comparable people who were not: a check of effects beside the fitted model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from entregent.influence.cascades import Cascades
from entregent.influence.diffusion import Diffusion
from entregent.influence.diffusion_chances import listeners
from entregent.influence.effect_kernels import compare

__all__ = ["Comparison", "Design", "e_value"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

MOST_ROWS = 400_000
LEAST_POOL = 1500
_CONTROLS = 8
_RIDGE = 1.0
_MOST_WEIGHT = 10.0
_STEPS = 12
_HOUR = 3_600_000_000


@dataclass(frozen=True)
class Comparison:
    """What exposure to somebody's acts changed, by item.

    Parameters
    ----------
    item : int64 array, shape (n_items,)
        Items on which exposed and comparable others could be compared.
    extra : float64 array, shape (n_items,)
        Adoptions among the exposed beyond those of comparable others.
    adopted : float64 array, shape (n_items,)
        Adoptions among the exposed.
    expected : float
        Adoptions expected of the exposed, had they not been.
    exposed, others : int
        Pairs of person and item that were exposed, and that were not.
    """

    item: Ints
    extra: Floats
    adopted: Floats
    expected: float
    exposed: int
    others: int

    @property
    def total(self) -> float:
        """Adoptions among the exposed beyond those of comparable others."""
        return float(self.extra.sum())

    def resampled(self, rng: np.random.Generator, draws: int) -> Floats:
        """Totals with the items drawn again, shape (draws,); never closer together than chance alone."""
        n = self.extra.size
        totals = rng.multinomial(n, np.full(n, 1.0 / max(n, 1)), size=draws) @ self.extra
        # Where nobody, or next to nobody, adopted, drawing items again shows no spread.
        lacking = max(self.expected - float(totals.var()), 0.0)
        return np.asarray(totals + np.sqrt(lacking) * rng.standard_normal(draws), dtype=np.float64)


class Design:
    """Comparisons of the exposed with others, for one person after the other.

    Parameters
    ----------
    known : Cascades
    model : Diffusion
        Gives taste and activity to compare by, and the window.
    """

    def __init__(self, known: Cascades, model: Diffusion) -> None:
        self.known, self.model = known, model
        self.pointer, self.who, _, self.since = listeners(known)
        self.item = known.item()
        self.window = int(model.edges[-1])
        self.active = np.flatnonzero(np.bincount(known.account, minlength=known.n_accounts) > 0)
        self.mean_hour = _hours(known)

    def person(self, person: int, rng: np.random.Generator) -> Comparison | None:
        """Compare those whom the person's acts were shown with others, act by act.

        Parameters
        ----------
        person : int
        rng : numpy.random.Generator
            Draws the others.

        Returns
        -------
        Comparison or None
            None where nobody was exposed, or nobody else was at risk.
        """
        acts = np.flatnonzero((self.known.account == person) & self.known.shows)
        return self._compared(person, acts, self.known.time[acts], rng)

    def placebo(self, person: int, rng: np.random.Generator) -> Comparison | None:
        """Compare the same people around acts that the person did not do.

        Parameters
        ----------
        person : int
        rng : numpy.random.Generator
            Deals the person's acts out again.

        Returns
        -------
        Comparison or None
            Each act of the person is dealt to another item of like subject on
            which the person never acted, at the time of somebody else's act.

        Notes
        -----
        The person can have caused nothing there. What the comparison finds is
        what alike people who follow alike people do anyway.
        """
        known, taste = self.known, self.model.taste
        mine = np.flatnonzero((known.account == person) & known.shows)
        if not mine.size:
            return None
        free = np.ones(known.n_items, dtype=np.bool_)
        free[self.item[known.account == person]] = False
        if not free.any():
            return None
        subject = taste.item[self.item[mine]].mean(axis=0)
        close = np.where(free, taste.item @ subject, 0.0) + 1e-9 * free
        items = rng.choice(known.n_items, size=min(mine.size, int(free.sum())), p=close / close.sum(),
                           replace=False)  # fmt: skip
        # A start for a start, a later act for a later one.
        started = np.isin(mine, known.indptr[:-1])[: items.size]
        length = np.diff(known.indptr)[items]
        late = np.minimum(1 + (rng.random(items.size) * (length - 1)).astype(np.int64), length - 1)
        acts = known.indptr[items] + np.where(started, 0, late)
        return self._compared(person, acts, known.time[acts], rng)

    def _compared(self, person: int, acts: Ints, when: Ints, rng: np.random.Generator) -> Comparison | None:
        known, model = self.known, self.model
        span = self.who[self.pointer[person] : self.pointer[person + 1]]
        if not acts.size or not span.size:
            return None
        others = np.setdiff1d(self.active, np.append(span, person))
        size = max(LEAST_POOL, _CONTROLS * span.size)
        if others.size > size:
            others = np.sort(rng.choice(others, size=size, replace=False))
        pool = np.concatenate((span, others)).astype(np.int64)
        most = max(MOST_ROWS // pool.size, 1)
        if acts.size > most:
            chosen = np.sort(rng.choice(acts.size, size=most, replace=False))
            scale, acts, when = acts.size / most, acts[chosen], when[chosen]
        else:
            scale = 1.0
        place = np.full(known.n_accounts, -1, dtype=np.int64)
        place[pool] = np.arange(pool.size)
        shape = (acts.size, pool.size)
        before, after = np.zeros(shape, dtype=np.int32), np.zeros(shape, dtype=np.int32)
        at_risk, exposed, adopted = (np.zeros(shape, dtype=np.bool_) for _ in range(3))
        compare(
            person, acts, when, self.window, self.item, known.indptr, known.account, known.time, known.shows,
            self.pointer, self.who, self.since, pool, place, before, after, at_risk, exposed, adopted,
        )  # fmt: skip
        act, column = np.nonzero(at_risk)
        shown, y = exposed[act, column], adopted[act, column].astype(np.float64)
        if not shown.any() or shown.all():
            return None
        who, item = pool[column], self.item[acts[act]]
        fit = model.taste.affinity(who.astype(np.int32), item)
        # Taste that has seen the outcome would explain it away.
        fit = self._unseen(fit, who, item, y)
        gap = np.abs((when[act] / _HOUR % 24) - self.mean_hour[who] + 12) % 24 - 12
        b, a = before[act, column], after[act, column]
        covariates = np.column_stack(
            [
                np.log(fit + 1e-3), np.log(model.activity[who] * known.n_accounts + 1e-3),
                np.log(model.sight[who] + 1e-6), np.log1p(b), np.log1p(a), b > 0, np.abs(gap) / 12,
                np.log(model.own[item] + 1e-3), np.log(model.susceptibility[who]),
            ]
        )  # fmt: skip
        spread = covariates[~shown].std(axis=0)
        covariates = (covariates - covariates[~shown].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
        covariates = np.column_stack([np.ones(y.size), np.clip(covariates, -5, 5)])
        expected = np.exp(np.clip(covariates @ _regression(covariates[~shown], y[~shown], "poisson"), -30, 0))
        odds = np.exp(
            np.clip(covariates @ _regression(covariates, shown.astype(np.float64), "logistic"), -9, 9)
        )
        rest = y - expected
        weight = np.where(shown, 0.0, np.minimum(odds, np.quantile(odds[shown], 0.99)))
        # Nobody stands for more than ten: few who look exposed would decide all.
        weight = np.minimum(weight * shown.sum() / weight.sum(), _MOST_WEIGHT)
        weight *= shown.sum() / weight.sum()
        each = scale * np.where(shown, rest, -weight * rest)
        items, code = np.unique(item, return_inverse=True)
        return Comparison(
            items.astype(np.int64),
            np.bincount(code, each).astype(np.float64),
            np.bincount(code, scale * y * shown).astype(np.float64),
            float(scale * expected[shown].sum()),
            int(shown.sum()),
            int((~shown).sum()),
        )

    def _unseen(self, fit: Floats, who: Ints, item: NDArray[np.int32], y: Floats) -> Floats:
        hit = np.flatnonzero(y)
        if not hit.size:
            return fit
        code = self.item.astype(np.int64) * self.known.n_accounts + self.known.account
        order = np.argsort(code)
        wanted = item[hit].astype(np.int64) * self.known.n_accounts + who[hit]
        found = order[np.searchsorted(code, wanted, sorter=order)]
        fit = fit.copy()
        fit[hit] = self.model.taste.event[found]
        return fit


def e_value(adopted: float, extra: float) -> float:
    """Strength that an unseen confounder would need to explain an effect away.

    Parameters
    ----------
    adopted : float
        Adoptions among the exposed.
    extra : float
        Those of them that the exposure is said to have brought.

    Returns
    -------
    float
        Risk ratio, 1 where there is nothing to explain, with which the
        confounder would have to be tied both to being exposed and to adopting,
        beyond all that was compared by. Infinite where all adoptions are extra.

    References
    ----------
    VanderWeele and Ding 2017, Sensitivity analysis in observational research:
    introducing the E-value, https://doi.org/10.7326/M16-2607

    Examples
    --------
    >>> round(e_value(39.0, 29.0), 2)
    7.26
    """
    if extra <= 0 or adopted <= 0:
        return 1.0
    if extra >= adopted:
        return float("inf")
    ratio = adopted / (adopted - extra)
    return float(ratio + np.sqrt(ratio * (ratio - 1.0)))


def _hours(known: Cascades) -> Floats:
    """Hour of the day around which each account acts; the middle of all where it never does."""
    angle = (known.time / _HOUR % 24) * (2 * np.pi / 24)
    n = known.n_accounts
    east = np.bincount(known.account, np.cos(angle), n) + np.cos(angle).mean()
    north = np.bincount(known.account, np.sin(angle), n) + np.sin(angle).mean()
    return np.asarray(np.arctan2(north, east) * 24 / (2 * np.pi) % 24, dtype=np.float64)


def _regression(x: Floats, y: Floats, family: str) -> Floats:
    """Poisson or logistic regression with a ridge on all but the constant, by Newton's steps."""
    beta = np.zeros(x.shape[1])
    mean = float(np.clip(y.mean(), 1e-6, 1 - 1e-6))
    beta[0] = np.log(mean) if family == "poisson" else np.log(mean / (1 - mean))
    ridge = np.full(x.shape[1], _RIDGE)
    ridge[0] = 1e-6
    for _ in range(_STEPS):
        line = np.clip(x @ beta, -30, 3 if family == "poisson" else 30)
        fitted = np.exp(line) if family == "poisson" else 1 / (1 + np.exp(-line))
        weight = fitted if family == "poisson" else fitted * (1 - fitted)
        slope = x.T @ (y - fitted) - ridge * beta
        step = np.linalg.solve((x * weight[:, None]).T @ x + np.diag(ridge + 1e-9), slope)
        beta = beta + np.clip(step, -1.5, 1.5)
        if np.abs(step).max() < 1e-6:
            break
    return np.asarray(beta, dtype=np.float64)
