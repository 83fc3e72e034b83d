"""Whether an audience looks like a mixture of the fake and genuine people of the reference.

Where it does not, what was learned from the reference says nothing about it:
error rates of one platform are not those of another. The test asks whether any
share of fakes explains what is seen of each trait, of each pair of traits
together, and of the evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, logit

from entregent.authenticity.audience_model import Reference

__all__ = ["LEAST_P", "Resemblance", "effective", "resemblance"]

LEAST_P = 0.01
"""Below it the audience does not look like the reference."""

BINS = 8
_MOST_SCORE = 2.5
_NEARLY_ALL = 0.8

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Resemblance:
    """How well some mixture of the reference explains an audience.

    Parameters
    ----------
    p : float
        Of all tests together (Bonferroni): small where no mixture explains it.
    unlike : tuple of str
        What it does not explain, the worst first: traits, pairs of traits
        (``"a*b"``), traits of those who look genuine (``"genuine a"``,
        ``"spread a"``) and ``"evidence"``.
    tests : int
    """

    p: float
    unlike: tuple[str, ...]
    tests: int

    @property
    def alike(self) -> bool:
        """Whether the audience may be judged by this reference."""
        return self.p >= LEAST_P


def effective(weight: Floats, cluster: NDArray[np.int64]) -> float:
    """Return the number of independent people that a weighted sample is worth.

    Parameters
    ----------
    weight : ndarray of float64, shape (n,)
    cluster : ndarray of int64, shape (n,)
        Rows of one cluster are the same profile and say the same.

    Returns
    -------
    float

    References
    ----------
    Kish, L. (1965), Survey sampling.

    Examples
    --------
    >>> effective(np.ones(6), np.array([0, 0, 1, 1, 2, 2]))
    3.0
    """
    sums = np.bincount(cluster, weight)
    square = float((sums**2).sum())
    return float(weight.sum()) ** 2 / square if square > 0 else 0.0


def resemblance(
    values: Floats, evidence: Floats, reference: Reference, share: float, spread: float, fake: Floats,
    cluster: NDArray[np.int64],
) -> Resemblance:  # fmt: skip
    """Test whether an audience is a mixture of the reference's two kinds of people.

    Parameters
    ----------
    values : ndarray of float64, shape (n, k)
        Traits of the audience.
    evidence : ndarray of float64, shape (n,)
        That of the reference's model.
    reference : Reference
    share : float
        Share of fakes as estimated.
    spread : float
        Its standard error.
    fake : ndarray of float64, shape (n,)
        Chance of each person to be fake at that share.
    cluster : ndarray of int64, shape (n,)
        Same number for the same profile.

    Returns
    -------
    Resemblance

    Notes
    -----
    For each trait and the evidence: chi-square of counts in up to eight
    classes against the mixture, with the sampling errors of both kinds in the
    reference and in the audience (Kish's effective numbers: the same profile
    several times is one), and that of the share. For each pair of traits: the
    mean product of their standardised values in the same way, so that traits
    which are each as usual but go together otherwise are noticed; likewise the
    means and mean squares of traits weighted by the chance to be genuine. A mixture
    that differs only in how fakes differ from others is beyond any such test.
    """
    kinds = reference.fake
    n = np.array([kinds.sum(), (~kinds).sum()], np.float64)
    m = np.maximum([effective(fake, cluster), effective(1.0 - fake, cluster)], 2.0)
    part = np.array([share, 1.0 - share])
    noise = part**2 * (1.0 / n + 1.0 / m)
    p: dict[str, float] = {}
    columns = [*zip(reference.traits, values.T, reference.values.T, strict=True)]
    for name, seen, known in [*columns, ("evidence", evidence, reference.evidence)]:
        edges = _edges(known, kinds)
        if len(edges):
            p[name] = _classes(
                np.searchsorted(edges, seen), np.searchsorted(edges, known), len(edges) + 1, kinds, part,
                noise, spread, n,
            )  # fmt: skip
    centre, scale = _scale(reference.values, kinds)
    there = np.clip((reference.values - centre) / scale, -_MOST_SCORE, _MOST_SCORE)
    here = np.clip((values - centre) / scale, -_MOST_SCORE, _MOST_SCORE)
    # A mean of products with a rare flag rests on the few who have it.
    common = _common(reference.values, kinds)
    # Of those who look genuine, for whom the reference holds more people: their means and spreads.
    genuine = (1.0 - fake, 1.0 - expit(reference.evidence + logit(np.clip(share, 0.02, 0.98))))
    for k in common:
        name = reference.traits[k]
        for power, mark in ((1, "genuine "), (2, "spread ")):
            known = genuine[1] * there[:, k] ** power
            p[mark + name] = _mean(
                genuine[0] * here[:, k] ** power, known[kinds], known[~kinds], part, noise, spread, n
            )
    for i in common:
        for j in common[common < i]:
            product = there[:, i] * there[:, j]
            p[f"{reference.traits[j]}*{reference.traits[i]}"] = _mean(
                here[:, i] * here[:, j], product[kinds], product[~kinds], part, noise, spread, n
            )
    tests = len(p)
    order = sorted(p, key=lambda name: p[name])
    least = min(p.values(), default=1.0)
    return Resemblance(
        min(1.0, least * tests), tuple(name for name in order if p[name] * tests < LEAST_P), tests
    )


def _common(values: Floats, kinds: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the traits of which no value is that of nearly everybody."""
    most = [
        np.max(
            [np.unique(column[kind], return_counts=True)[1].max() / kind.sum() for kind in (kinds, ~kinds)]
        )
        for column in values.T
    ]
    return np.flatnonzero(np.array(most) < _NEARLY_ALL)


def _edges(known: Floats, kinds: NDArray[np.bool_]) -> Floats:
    """Return ends of classes that hold equal parts of both kinds, weighted alike."""
    weight = np.where(kinds, 0.5 / kinds.sum(), 0.5 / (~kinds).sum())
    order = np.argsort(known, kind="stable")
    upto = np.cumsum(weight[order])
    ends = known[order][np.searchsorted(upto, np.arange(1, BINS) / BINS - 1e-9)]
    distinct = np.unique(ends)
    # The last class must hold somebody.
    kept: Floats = distinct[distinct < known.max()]
    return kept


def _classes(
    seen: NDArray[np.int64], known: NDArray[np.int64], size: int, kinds: NDArray[np.bool_], part: Floats,
    noise: Floats, spread: float, n: Floats,
) -> float:  # fmt: skip
    q = np.bincount(seen, minlength=size) / len(seen)
    counts = np.stack([np.bincount(known[kinds], minlength=size), np.bincount(known[~kinds], minlength=size)])
    # Half a person spread over the classes, so that an empty one is not impossible.
    smooth = (counts + 0.5 / size) / (n[:, None] + 0.5)
    gap = (q - part @ smooth)[:-1]
    between = (smooth[0] - smooth[1])[:-1]
    covariance = spread**2 * np.outer(between, between)
    for k in (0, 1):
        s = smooth[k, :-1]
        covariance += noise[k] * (np.diag(s) - np.outer(s, s))
    statistic = float(gap @ np.linalg.solve(covariance + 1e-12 * np.eye(size - 1), gap))
    return float(stats.chi2.sf(statistic, size - 1))


def _scale(values: Floats, kinds: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Return centre and spread in which both kinds weigh the same."""
    both = (values[kinds].mean(axis=0), values[~kinds].mean(axis=0))
    centre = (both[0] + both[1]) / 2
    variance = (
        ((values[kinds] - centre) ** 2).mean(axis=0) + ((values[~kinds] - centre) ** 2).mean(axis=0)
    ) / 2
    scale: Floats = np.sqrt(np.maximum(variance, 1e-12))
    return centre, scale


def _mean(
    here: Floats, fake: Floats, genuine: Floats, part: Floats, noise: Floats, spread: float, n: Floats
) -> float:
    means = np.array([fake.mean(), genuine.mean()])
    variance = np.array([fake.var(ddof=1), genuine.var(ddof=1)])
    gap = here.mean() - part @ means
    parts = np.append(noise * variance, spread**2 * (means[0] - means[1]) ** 2)
    error = float(parts.sum())
    if error <= 0.0:
        return 1.0 if abs(gap) < 1e-12 else 0.0
    # Welch's degrees of freedom: the rarer kind may rest on few people.
    freedom = error**2 / max(float((parts[:2] ** 2 / (n - 1)).sum()), 1e-300)
    return float(2 * stats.t.sf(abs(gap) / np.sqrt(error), max(freedom, 1.0)))
