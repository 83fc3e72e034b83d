"""Many tests at once: which findings stand when the share of false ones is bounded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from entregent.errors import InputError
from entregent.stats.intervals import check_level

__all__ = ["Discoveries", "discoveries"]


@dataclass(frozen=True)
class Discoveries:
    """Which hypotheses are rejected.

    Parameters
    ----------
    rejected : ndarray of bool
        True where the finding stands.
    adjusted : ndarray of float64
        Smallest false discovery rate at which it would; NaN stays NaN.
    rate : float
        Bound on the expected share of false findings among those that stand.
    dependent : bool
        Whether the bound holds under any dependence.
    """

    rejected: NDArray[np.bool_]
    adjusted: NDArray[np.float64]
    rate: float
    dependent: bool


def discoveries(p: ArrayLike, rate: float = 0.05, *, dependent: bool = False) -> Discoveries:
    """Benjamini-Hochberg step-up (Benjamini-Yekutieli where `dependent`).

    Parameters
    ----------
    p : array_like of float, any shape
        P values in [0, 1]; NaN is a test that was not made and counts for nothing.
    rate : float
        False discovery rate.
    dependent : bool
        Bound it under any dependence between tests, at a price in power.

    Returns
    -------
    Discoveries

    Raises
    ------
    InputError
        For a p value outside [0, 1].

    Notes
    -----
    Without `dependent` the tests must be independent or positively dependent.

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995), Controlling the false discovery
    rate. doi:10.1111/j.2517-6161.1995.tb02031.x

    Examples
    --------
    >>> discoveries([0.01, 0.04, 0.03, 0.5], rate=0.06).rejected.tolist()
    [True, True, True, False]
    """
    values = np.asarray(p, dtype=np.float64)
    made = ~np.isnan(values)
    if np.any((values[made] < 0) | (values[made] > 1)):
        raise InputError("A p value is outside [0, 1].", do="Check that these are p values, not statistics.")
    adjusted = np.full(values.shape, np.nan)
    if made.any():
        adjusted[made] = stats.false_discovery_control(values[made], method="by" if dependent else "bh")
    rejected = np.zeros(values.shape, dtype=np.bool_)
    rejected[made] = adjusted[made] <= check_level(rate)
    return Discoveries(rejected, adjusted, rate, dependent)
