"""Profiles that people judged, and a plain model of how the fake ones differ.

A logistic regression with a penalty on a handful of traits: each has one
weight that can be read. Scores of the judged people come from models that did
not see them, so that error rates are those for strangers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit

from entregent.authenticity.audience_profiles import LABEL, Profiles, labels_of, profiles
from entregent.errors import InputError
from entregent.results import Notice

__all__ = ["PENALTY", "Reference", "learned"]

PENALTY = 10.0
"""Squared weights of standardised traits count so much against each unit of log-likelihood."""

FOLDS = 10
LEAST_FAKE, LEAST_GENUINE = 30, 60
_STEPS = 60

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reference:
    """What was learned from people who were judged.

    Parameters
    ----------
    traits : tuple of str
        What is looked at.
    values : ndarray of float64, shape (n, k)
        Traits of the judged.
    fake : ndarray of bool, shape (n,)
        What was judged.
    evidence : ndarray of float64, shape (n,)
        For each of them the log of how much likelier the profile is among
        fakes, said by models that did not see this person.
    weights : mapping of str to float
        Change of the evidence for one standard deviation of a trait.
    auc : float
        Chance that a fake has more evidence than a genuine person, for strangers.
    notices : tuple of Notice
    """

    traits: tuple[str, ...]
    values: Floats
    fake: NDArray[np.bool_]
    evidence: Floats
    weights: Mapping[str, float]
    auc: float
    centre: Floats
    spread: Floats
    slopes: Floats
    intercept: float
    notices: tuple[Notice, ...] = ()

    def weigh(self, values: Floats) -> Floats:
        """Return the evidence for profiles, shape (n,), from their traits, shape (n, k)."""
        return self.intercept + ((values - self.centre) / self.spread) @ self.slopes


def learned(table: pa.Table, rng: np.random.Generator, *, traits: tuple[str, ...] | None = None) -> Reference:
    """Learn from profiles that people judged.

    Parameters
    ----------
    table : pa.Table
        As :func:`~entregent.authenticity.audience_profiles.profiles` takes,
        with a column ``is_fake``; people whom nobody judged are left out.
    rng : numpy.random.Generator
        Splits the people into ten parts.
    traits : tuple of str, optional
        Only these.

    Returns
    -------
    Reference

    Raises
    ------
    InputError
        For fewer than 30 fake or 60 genuine people, or impossible values.

    Notes
    -----
    Logistic regression with a ridge penalty. Scores are made by ten models,
    each blind to a tenth of the people, then set on the scale of a log
    likelihood ratio by a logistic regression of the judgement on them in which
    both kinds weigh the same (Platt).

    References
    ----------
    Platt, J. (1999), Probabilistic outputs for support vector machines.
    """
    judged = labels_of(table, LABEL)
    known = np.flatnonzero(~np.isnan(judged))
    found = profiles(table.take(pa.array(known)), traits)
    if found.impossible:
        name, value = next(iter(found.impossible.items()))
        raise InputError(
            f"{name} is {value:g}, which no profile has.", where="reference", do="Correct the table."
        )
    fake = judged[known][found.kept] == 1.0
    n_fake, n_genuine = int(fake.sum()), int((~fake).sum())
    if n_fake < LEAST_FAKE or n_genuine < LEAST_GENUINE:
        raise InputError(
            f"The reference has {n_fake} people judged fake and {n_genuine} judged genuine.",
            where="reference",
            valid=(f"at least {LEAST_FAKE} and {LEAST_GENUINE}",),
            do="Judge more profiles of this platform.",
        )
    return _learned(found, fake, rng)


def _learned(found: Profiles, fake: NDArray[np.bool_], rng: np.random.Generator) -> Reference:
    varied = np.ptp(found.values, axis=0) > 0
    values, traits = found.values[:, varied], tuple(np.array(found.traits)[varied].tolist())
    part = _parts(fake, rng)
    blind = np.empty(len(fake))
    for k in range(FOLDS):
        seen = part != k
        blind[~seen] = _score(values[~seen], *_fitted(values[seen], fake[seen]))
    centre, spread, slopes, intercept = _fitted(values, fake)
    scale, shift = _likelihood_ratio(blind, fake)
    slopes, intercept = slopes * scale, intercept * scale + shift
    ranks = stats.rankdata(blind)
    n_fake = int(fake.sum())
    auc = (ranks[fake].sum() - n_fake * (n_fake + 1) / 2) / (n_fake * (len(fake) - n_fake))
    return Reference(
        traits=traits,
        values=values,
        fake=fake,
        evidence=blind * scale + shift,
        weights=dict(zip(traits, slopes.tolist(), strict=True)),
        auc=float(auc),
        centre=centre,
        spread=spread,
        slopes=slopes,
        intercept=intercept,
        notices=found.notices,
    )


def _parts(fake: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return a part for each person, each with its share of both kinds."""
    part = np.empty(len(fake), np.int64)
    for kind in (True, False):
        rows = rng.permutation(np.flatnonzero(fake == kind))
        part[rows] = np.arange(len(rows)) % FOLDS
    return part


def _fitted(
    values: Floats, fake: NDArray[np.bool_], penalty: float = PENALTY, weight: Floats | None = None
) -> tuple[Floats, Floats, Floats, float]:
    """Return centre, spread, slopes and intercept of a penalised logistic regression (Newton)."""
    centre, spread = values.mean(axis=0), values.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    design = np.column_stack([np.ones(len(values)), (values - centre) / spread])
    ridge = np.full(design.shape[1], penalty)
    ridge[0] = 1e-6
    w = np.ones(len(values)) if weight is None else weight
    beta = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        chance = expit(design @ beta)
        gradient = design.T @ (w * (chance - fake)) + ridge * beta
        curve = (design * (w * chance * (1 - chance) + 1e-9)[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(curve, gradient)
        # A full step may overshoot where the two kinds are nearly apart.
        beta = beta - step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-8:
            break
    return centre, spread, beta[1:], float(beta[0])


def _score(values: Floats, centre: Floats, spread: Floats, slopes: Floats, intercept: float) -> Floats:
    return intercept + ((values - centre) / spread) @ slopes


def _likelihood_ratio(blind: Floats, fake: NDArray[np.bool_]) -> tuple[float, float]:
    """Return scale and shift that make a score the log of a likelihood ratio."""
    n = len(fake)
    weight = np.where(fake, n / (2 * fake.sum()), n / (2 * (~fake).sum()))
    centre, spread, slopes, intercept = _fitted(blind[:, None], fake, 1e-2, weight)
    scale = float(slopes[0] / spread[0])
    return scale, float(intercept - scale * centre[0])
