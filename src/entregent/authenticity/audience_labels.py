"""The share of fakes from followers whom the team itself labelled, sharpened by what a model guesses."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from entregent.i18n import T
from entregent.results import CannotTell, Estimate, Notice

__all__ = ["LEAST_LABELS", "labelled_share"]

LEAST_LABELS = 50
DRAWS = 4000
STRATA = (0.3, 0.6, 0.8, 0.92)
"""Where the strata end, as shares of the sample by rising evidence: finer where fakes are likely."""

_LEAST_P = 0.01
# A guess nearer to 0 or 1 would make a stratum without a fake look surely free of them.
_LEAST_OPEN = (0.1, 0.9)

Floats = NDArray[np.float64]


def labelled_share(
    labels: Floats,
    evidence: Floats | None,
    guess: Floats | None,
    rng: np.random.Generator,
    level: float = 0.9,
    as_of: datetime | None = None,
) -> tuple[Estimate | CannotTell, tuple[Notice, ...]]:
    """Estimate a share from labels of a random part of a sample.

    Parameters
    ----------
    labels : ndarray of float64, shape (n,)
        1 fake, 0 not, NaN not looked at.
    evidence : ndarray of float64, shape (n,), optional
        By which the sample is sorted into strata; any order will do, a good
        one makes the interval short.
    guess : ndarray of float64, shape (n,), optional
        Chance of each to be fake; counts as much as one label a stratum.
    rng : numpy.random.Generator
    level : float
    as_of : datetime, optional

    Returns
    -------
    share : Estimate or CannotTell
        It cannot be told from fewer than 50 labels.
    notices : tuple of Notice

    Notes
    -----
    Post-stratification: the share of each stratum has a beta posterior from
    its labels, and its weight a Dirichlet posterior from the whole sample. The
    interval needs no resemblance to any reference, only that the labelled
    were drawn at random.

    References
    ----------
    Holt, D. and Smith, T. M. F. (1979), Post stratification. doi:10.2307/2344652
    """
    known = ~np.isnan(labels)
    n_known = int(known.sum())
    if n_known < LEAST_LABELS:
        return (
            CannotTell(
                "audience.few_labels",
                T("{n} followers are labelled.", n=n_known),
                T(
                    "At least {least} labels of followers drawn at random; 200 are better.",
                    least=LEAST_LABELS,
                ),
            ),
            (),
        )
    n = len(labels)
    stratum = np.zeros(n, np.int64)
    notices: tuple[Notice, ...] = ()
    if evidence is not None:
        stratum = np.searchsorted(np.unique(np.quantile(evidence, STRATA)), evidence, side="left")
        stratum = _merged(stratum, known)
        if n_known < n and stats.ks_2samp(evidence[known], evidence[~known]).pvalue < _LEAST_P:
            notices = (
                Notice(
                    "audience.labels_not_random",
                    T("The labelled followers differ from the others: they seem not to be drawn at random."),
                    n_known,
                ),
            )
    size = int(stratum.max()) + 1
    fakes = np.bincount(stratum[known], labels[known], size)
    seen = np.bincount(stratum[known], minlength=size).astype(np.float64)
    held = np.bincount(stratum, minlength=size).astype(np.float64)
    overall = np.clip(labels[known].mean(), 0.5 / (n_known + 1), (n_known + 0.5) / (n_known + 1))
    centre = np.full(size, overall) if guess is None else np.bincount(stratum, guess, size) / held
    centre = np.clip(centre, *_LEAST_OPEN)
    value = float(np.average((fakes + centre) / (seen + 1.0), weights=held))
    shares = rng.beta(fakes + centre, seen - fakes + 1.0 - centre, (DRAWS, size))
    drawn = (rng.dirichlet(held, DRAWS) * shares).sum(axis=1)
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    if not fakes.any():
        low = np.float64(0.0)
    if fakes.sum() == n_known:
        high = np.float64(1.0)
    method = "labels, post-stratified" if size > 1 else "labels"
    return Estimate.around(value, low, high, level, n_known, method, as_of), notices


def _merged(stratum: NDArray[np.int64], known: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return strata of which each holds labels, those that hold too few joined to the one below."""
    merged = np.zeros_like(stratum)
    number, held = 0, 0
    for each in range(int(stratum.max()) + 1):
        rows = stratum == each
        labelled = int(known[rows].sum())
        if held >= _LEAST_A_STRATUM and labelled >= _LEAST_A_STRATUM:
            number, held = number + 1, 0
        merged[rows] = number
        held += labelled
    return merged


_LEAST_A_STRATUM = 8
