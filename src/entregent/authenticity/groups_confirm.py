"""Groups found on one half of the objects and tested on the other, many times, with false ones bounded."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtri

from entregent.authenticity.groups_find import Codes, Ties, candidates
from entregent.authenticity.groups_null import Background, Drawn, drawn_anew
from entregent.i18n import T
from entregent.progress import Progress, check
from entregent.results import CannotTell, Estimate
from entregent.stats.multiple import discoveries

__all__ = ["Confirmed", "confirmed", "times_chance"]

_OVERLAP = 0.5
_ALONE = 0.05
_SHARE = 0.3  # a group of few objects is found in few halves


@dataclass(frozen=True)
class Confirmed:
    """A tight cluster and what unseen objects say of it.

    Parameters
    ----------
    members : ndarray of int32
        Codes.
    q : float
        Share of false groups to be expected among those at least as clear.
    unseen : tuple of (ndarray of int32, ndarray of bool, Drawn)
        For each half in which it was found: who was found, the other half, and what that shows.
    stood : int
        In how many of them chance alone is below one in twenty.
    """

    members: Codes
    q: float
    unseen: tuple[tuple[Codes, NDArray[np.bool_], Drawn], ...]
    stood: int


@dataclass
class _Tried:
    members: Codes
    values: list[float] = field(default_factory=list)
    unseen: list[tuple[Codes, NDArray[np.bool_], Drawn]] = field(default_factory=list)


def confirmed(
    ground: Background,
    found: Ties,
    splits: int,
    most_draws: int,
    rng: np.random.Generator,
    progress: Progress,
) -> list[Confirmed]:
    """Test tight clusters on objects that were not used to find them.

    Parameters
    ----------
    ground : Background
    found : Ties
    splits : int
        How often objects are split in two at random; each half finds once and tests once.
    most_draws : int
    rng : numpy.random.Generator
    progress : Progress

    Returns
    -------
    list of Confirmed
        All that were tried, the least q first.

    Notes
    -----
    In each half, p values are multiplied by the number of clusters tried. A
    cluster of all objects takes in each half the value of the one most like
    it, or 1 where there is none: the correction covers that choice. The
    quantile of 0.3 over halves, divided by 0.3, is a p value again, whatever
    the dependence between splits. The step-up of Benjamini and Hochberg over
    these bounds the share of false groups where tests of different groups do
    not depend on each other against the grain.

    References
    ----------
    Meinshausen, N., Meier, L. and Buehlmann, P. (2009), p-values for
    high-dimensional regression. doi:10.1198/jasa.2009.tm08647
    """
    n_accounts, n_objects = len(ground.begins) - 1, len(ground.starts) - 1
    tried = [_Tried(members) for members in candidates(found, np.ones(n_objects, np.bool_), n_accounts)]
    if not tried:
        return []
    progress.step("halves of objects", 2 * splits, "halves")
    for _ in range(splits):
        half = rng.random(n_objects) < 0.5
        for seen, unseen in ((half, ~half), (~half, half)):
            check(progress)
            _tried_on(ground, found, seen, unseen, tried, most_draws, rng)
            progress.advance(1)
    combined = np.array([np.quantile(one.values, _SHARE, method="inverted_cdf") / _SHARE for one in tried])
    # They were multiplied by the number tried, and the step-up will do so.
    q = discoveries(np.minimum(combined / len(tried), 1.0)).adjusted
    return [
        Confirmed(
            tried[place].members,
            float(q[place]),
            tuple(tried[place].unseen),
            sum(drawn.p <= _ALONE for _, _, drawn in tried[place].unseen),
        )
        for place in np.argsort(combined, kind="stable")
    ]


def _tried_on(
    ground: Background,
    found: Ties,
    seen: NDArray[np.bool_],
    unseen: NDArray[np.bool_],
    tried: list[_Tried],
    most_draws: int,
    rng: np.random.Generator,
) -> None:
    clusters = candidates(found, seen, len(ground.begins) - 1)
    tests = max(len(clusters), len(tried))
    best: dict[int, tuple[float, int]] = {}
    for place, cluster in enumerate(clusters):
        alike = [
            len(np.intersect1d(cluster, one.members)) / len(np.union1d(cluster, one.members)) for one in tried
        ]
        inside = [len(np.intersect1d(cluster, one.members)) / len(cluster) for one in tried]
        most = int(np.argmax(alike))
        if inside[most] >= _OVERLAP and alike[most] > best.get(most, (0.0, 0))[0]:
            best[most] = (alike[most], place)
    for place, one in enumerate(tried):
        if place not in best:
            one.values.append(float(tests))
            continue
        cluster = clusters[best[place][1]]
        drawn = drawn_anew(ground, cluster, unseen, most_draws, rng)
        one.values.append(drawn.p * tests)
        one.unseen.append((cluster, unseen, drawn))


def times_chance(drawn: list[Drawn], level: float = 0.9) -> Estimate | CannotTell:
    """Return pairs seen over pairs expected, pooled over halves.

    Parameters
    ----------
    drawn : list of Drawn
        Of one group, on unseen halves.
    level : float
        Level of the interval.

    Returns
    -------
    Estimate or CannotTell
        `n` counts objects with pairs.

    Notes
    -----
    The gamma interval for a weighted sum of Poisson counts: an object weighs
    with the pairs on it, so that many pairs at one moment are not many observations.

    References
    ----------
    Fay, M. P. and Feuer, E. J. (1997), Confidence intervals for directly
    standardized rates.
    doi:10.1002/(SICI)1097-0258(19970415)16:7<791::AID-SIM500>3.0.CO;2-#
    """
    told = [one for one in drawn if len(one.pairs)]
    observed = sum(one.observed for one in told)
    if observed == 0:
        return CannotTell(
            "groups.nothing_unseen",
            T("Members did not act together on objects that were kept for the test."),
            T("More objects on which they act."),
        )
    # A draw more than was made keeps what chance gives above 0.
    expected = sum((float(one.pairs.sum()) + 1) / (len(one.pairs) + 1) for one in told)
    codes = np.concatenate([one.objects for one in told])
    weights = np.bincount(
        np.unique(codes, return_inverse=True)[1], np.concatenate([one.by_object for one in told])
    )
    n = float(weights.sum() ** 2 / (weights**2).sum())
    tail = (1 - level) / 2
    value = observed / expected
    low = value * float(chdtri(2 * n, 1 - tail)) / (2 * n)
    high = value * float(chdtri(2 * (n + 1), tail)) / (2 * n)
    return Estimate.around(value, low, high, level, int((weights > 0).sum()), "gamma")
