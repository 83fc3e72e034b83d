"""Accounts that engage each other: more than their habits of answering let expect, or not.

Some people answer everybody. So the question about a set of accounts is not
how many of its pairs engage each other, but whether that many would, if each
account had as many mutual partners as it has, whoever they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from entregent.errors import InputError
from entregent.i18n import N, T, Text
from entregent.results import CannotTell, Estimate, Notice
from entregent.stats.intervals import check_level, wilson

__all__ = ["Reciprocal", "reciprocal"]

LEAST_MEMBERS = 3
LEAST_PAIRS = 20
_STEPS = 10_000
_CLOSE = 1e-9

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Reciprocal:
    """Mutual engagement within a set of accounts.

    Parameters
    ----------
    members : int
        Of the set, who act or are acted on.
    pairs : int
        Pairs of them.
    mutual : int
        Pairs of which each engaged the other at least once.
    chance : Estimate or CannotTell
        Mutual pairs to expect if each account had its number of mutual
        partners and no preference; the interval holds that of chance.
    times : float
        Observed over expected; NaN where it cannot be told.
    p : float
        Chance of at least as many.
    inside, outside : Estimate or None
        Of pairs with any engagement, the share in which it is mutual: within
        the set, and between the set and everybody else. None without such pairs.
    innocent : tuple of Text
    notices : tuple of Notice
    """

    members: int
    pairs: int
    mutual: int
    chance: Estimate | CannotTell
    times: float
    p: float
    inside: Estimate | None
    outside: Estimate | None
    innocent: tuple[Text, ...]
    notices: tuple[Notice, ...] = ()


def reciprocal(interactions: pa.Table, members: Iterable[str], *, level: float = 0.9) -> Reciprocal:
    """Compare mutual engagement within a set of accounts with chance.

    Parameters
    ----------
    interactions : pa.Table
        Columns actor and target: who engaged whom, all that is known and not
        only those of the set.
    members : iterable of str
        Accounts of the set, chosen for another reason than that they engage
        each other.
    level : float
        Level of the intervals.

    Returns
    -------
    Reciprocal
        Chance cannot be told for fewer than three members or fewer than
        twenty mutual pairs in all.

    Raises
    ------
    InputError
        For a table without these columns.

    Notes
    -----
    Mutual pairs form an undirected graph. The null is the random graph of
    largest entropy in which every account keeps its number of mutual partners
    on average: two accounts are partners with chance ``x y / (1 + x y)``.
    Mutual pairs within the set then are a sum of independent events, of which
    the tail is computed exactly. It knows nothing of who shares a subject, a
    place or an employer, all of which bring mutual engagement.

    References
    ----------
    Squartini, T. and Garlaschelli, D. (2011), Analytical maximum-likelihood
    method to detect patterns in real networks. doi:10.1088/1367-2630/13/8/083001
    """
    for name in ("actor", "target"):
        if name not in interactions.column_names:
            raise InputError(f"There is no column {name!r}.", valid=interactions.column_names)
    level = check_level(level)
    actor, target = interactions["actor"], interactions["target"]
    whole = pc.and_(actor.is_valid(), target.is_valid())
    lost = len(actor) - int(pc.sum(whole).as_py() or 0)
    notices: tuple[Notice, ...] = ()
    if lost:
        notices = (
            Notice(
                "reciprocal.incomplete",
                N(
                    "{n} act without both ends was left out.",
                    "{n} acts without both ends were left out.",
                    lost,
                ),
                lost,
            ),
        )
    n = 0
    codes = np.empty((2, 0), np.int64)
    names: list[str] = []
    if len(actor) > lost:
        both = pa.concat_arrays(
            [column.filter(whole).combine_chunks().cast(pa.string()) for column in (actor, target)]
        ).dictionary_encode()
        names = both.dictionary.to_pylist()
        codes = both.indices.to_numpy().astype(np.int64).reshape(2, -1)
        n = len(names)
    arcs = np.unique(codes[0][codes[0] != codes[1]] * n + codes[1][codes[0] != codes[1]])
    tail, head = arcs // max(n, 1), arcs % max(n, 1)
    back = np.isin(head * n + tail, arcs)
    chosen = set(members)
    inside = np.array([name in chosen for name in names], bool)
    first = tail < head
    answered = back & first
    degree = np.bincount(np.concatenate((tail[answered], head[answered])), minlength=n).astype(np.float64)
    mutual = int((answered & inside[tail] & inside[head]).sum())
    size = int(inside.sum())
    chance: Estimate | CannotTell
    times = p = float("nan")
    if size < LEAST_MEMBERS or int(answered.sum()) < LEAST_PAIRS:
        chance = CannotTell(
            "reciprocal.too_few",
            T(
                "{members} accounts of the set act here, and {pairs} pairs engage each other in all.",
                members=size,
                pairs=int(answered.sum()),
            ),
            T("At least three accounts of the set, and all that is known of who engages whom."),
        )
    else:
        weight = _weights(degree)[inside]
        product = np.outer(weight, weight)[np.triu_indices(size, 1)]
        law = _law(product / (1.0 + product))
        upto = np.cumsum(law)
        expected = float((product / (1.0 + product)).sum())
        low, high = (float(np.searchsorted(upto, end)) for end in ((1 - level) / 2, (1 + level) / 2))
        chance = Estimate.around(expected, low, high, level, int(answered.sum()), "mutual partners kept")
        p = float(min(law[mutual:].sum(), 1.0))
        times = mutual / expected if expected > 0 else float("nan")
    within, across = inside[tail] & inside[head], inside[tail] != inside[head]
    return Reciprocal(
        members=size,
        pairs=size * (size - 1) // 2,
        mutual=mutual,
        chance=chance,
        times=times,
        p=p,
        inside=_share(within, back, level),
        outside=_share(across, back, level),
        innocent=_INNOCENT,
        notices=notices,
    )


def _weights(degree: Floats) -> Floats:
    """Return for each account the x of the largest entropy that keeps degrees, shape (n,)."""
    classes, place, held = np.unique(degree, return_inverse=True, return_counts=True)
    x = classes / np.sqrt(max(float(degree.sum()), 1.0))
    for _ in range(_STEPS):
        # Everybody else: one of its own class less.
        others = held[None, :] * x[None, :] / (1.0 + x[:, None] * x[None, :])
        total = others.sum(axis=1) - x / (1.0 + x * x)
        after = np.divide(classes, total, out=np.zeros_like(x), where=total > 0)
        moved = np.abs(after - x) / np.maximum(x, 1e-12)
        # Half-way steps: whole ones may swing where some know nearly everybody.
        x = np.sqrt(x * after)
        if moved.max(initial=0.0) < _CLOSE:
            break
    weights: Floats = x[place]
    return weights


def _law(chances: Floats) -> Floats:
    """Return the chances of 0, 1, 2, ... of independent events."""
    law = np.zeros(len(chances) + 1)
    law[0] = 1.0
    for k, chance in enumerate(chances, 1):
        law[1 : k + 1] = law[1 : k + 1] * (1.0 - chance) + law[:k] * chance
        law[0] *= 1.0 - chance
    return law


def _share(arcs: NDArray[np.bool_], back: NDArray[np.bool_], level: float) -> Estimate | None:
    mutual = int((arcs & back).sum()) // 2
    pairs = mutual + int((arcs & ~back).sum())
    if pairs == 0:
        return None
    found = wilson(mutual, pairs, level)
    return Estimate(float(found.value), float(found.low), float(found.high), level, pairs, "wilson")


_INNOCENT = (
    T("Friends, colleagues and neighbours engage each other: any small circle does."),
    T("People of one subject, one language or one region meet under the same posts."),
    T("Members of an association or a team are asked to support each other, and may say so."),
)
