"""What a set of accounts would do together without agreement: popularity, bursts, tastes, speeds, hours.

An act of a member is thought to fall on one of the times at which the object
was acted on anyway. Which one depends on how fast the member habitually is,
and, for long windows, on the hours at which the member is awake. Who acts on
what is taken as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from entregent.authenticity.groups_kernels import drawn_pairs, pairs_near
from entregent.authenticity.kernels import sorted_by
from entregent.authenticity.objects import Actions

__all__ = ["Background", "Drawn", "Speeds", "background", "drawn_anew", "speeds"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_HOUR, _DAY = 3_600_000_000, 86_400_000_000
_TURNS = 4
_LEAST_SHARERS = 4
_LIKE_OTHERS = 24.0  # acts that everybody's hours weigh against one's own
_MOST_ODD = 4.0
_STOP = 10
_LONG_WINDOW = 600_000_000


@dataclass(frozen=True)
class Speeds:
    """How fast accounts habitually are, on the scale of normal scores of ranks; low is early.

    Parameters
    ----------
    speed, doubt : ndarray of float64, shape (n_accounts,)
        Posterior mean and standard deviation.
    noise : float
        Standard deviation from one act of an account to its next.
    mean, spread : ndarray of float64, shape (n_objects,)
        Of those who act on the object, from one act to the next included.
    """

    speed: Floats
    doubt: Floats
    noise: float
    mean: Floats
    spread: Floats


@dataclass(frozen=True)
class Background:
    """First acts in order of object and time, and what is habitual.

    Parameters
    ----------
    account, object : ndarray of int32, shape (n,)
    time : ndarray of int64, shape (n,)
        Microseconds since 1970.
    starts : ndarray of int64, shape (n_objects + 1,)
        Where the acts on an object begin.
    rows : ndarray of int32, shape (n,)
        Rows of each account, in order of object.
    begins : ndarray of int64, shape (n_accounts + 1,)
        Where those of an account begin.
    speeds : Speeds
    window : int
        Microseconds.
    hours : ndarray of float64, shape (n_accounts, 24)
        Acts by hour of the day; without rows for short windows.
    """

    account: NDArray[np.int32]
    object: NDArray[np.int32]
    time: Ints
    starts: Ints
    rows: NDArray[np.int32]
    begins: Ints
    speeds: Speeds
    window: int
    hours: Floats


@dataclass(frozen=True)
class Drawn:
    """Pairs that were seen on some objects, and pairs in draws by chance.

    Parameters
    ----------
    observed : int
    p : float
        Share of draws with at least as many pairs, what was seen included.
    pairs : ndarray of int64, shape (n_draws,)
        Of each draw.
    by_object : ndarray of int64, shape (k,)
        Pairs seen on each object.
    objects : ndarray of int64, shape (k,)
        Codes of objects that can tell: two members or more act, and somebody else.
    mute : int
        Objects on which nobody but members acted: they cannot tell.
    """

    observed: int
    p: float
    pairs: Ints
    by_object: Ints
    objects: Ints
    mute: int


def background(actions: Actions, window: int) -> Background:
    """Learn what is habitual.

    Parameters
    ----------
    actions : Actions
        First acts, in order of object and time.
    window : int
        Microseconds.

    Returns
    -------
    Background
    """
    n_accounts, n_objects = len(actions.accounts), len(actions.objects)
    starts = np.concatenate(([0], np.cumsum(np.bincount(actions.object, minlength=n_objects))))
    rows = sorted_by(actions.account, n_accounts, np.arange(len(actions.account), dtype=np.int32))
    begins = np.concatenate(([0], np.cumsum(np.bincount(actions.account, minlength=n_accounts))))
    hours = np.zeros((0, 24))
    if window > _LONG_WINDOW:
        hour = actions.time % _DAY // _HOUR
        hours = (
            np.bincount(actions.account * 24 + hour, minlength=n_accounts * 24).reshape(-1, 24).astype(float)
        )
    learned = speeds(actions.account, actions.object, starts, n_accounts)
    return Background(
        actions.account, actions.object, actions.time, starts, rows, begins, learned, window, hours
    )


def speeds(account: NDArray[np.int32], object_: NDArray[np.int32], starts: Ints, n_accounts: int) -> Speeds:
    """Learn how fast accounts are from their ranks among those who act on the same object.

    Parameters
    ----------
    account, object_ : ndarray of int32, shape (n,)
        In order of object and time.
    starts : ndarray of int64, shape (n_objects + 1,)
    n_accounts : int

    Returns
    -------
    Speeds

    Notes
    -----
    The normal score of a rank is an account's speed plus noise, seen through
    the mean and spread of the speeds of those who act on the object. Variances
    come from the analysis of variance with one random effect, speeds from
    their posterior, means of objects from the speeds, in turn.

    References
    ----------
    Searle, S. R., Casella, G. and McCulloch, C. E. (1992), Variance
    Components. doi:10.1002/9780470316856
    """
    sharers = np.diff(starts)
    n_objects = len(sharers)
    within = (np.arange(len(account)) - starts[object_] + 0.5) / np.maximum(sharers[object_], 1)
    score = ndtri(within)
    used = sharers[object_] >= _LEAST_SHARERS
    who, what = account[used], object_[used]
    times = np.bincount(who, minlength=n_accounts)
    several = times >= 2
    mean, spread = np.zeros(n_objects), np.ones(n_objects)
    speed, doubt, noise, between = np.zeros(n_accounts), np.zeros(n_accounts), 1.0, 0.0
    if several.sum() < 2:
        return Speeds(speed, doubt, noise, mean, spread)
    for _ in range(_TURNS):
        z = mean[what] + spread[what] * score[used]
        own = np.bincount(who, z, n_accounts) / np.maximum(times, 1)
        inside = several[who]
        left = int(times[several].sum() - several.sum())
        noise2 = max(float(((z - own[who])[inside] ** 2).sum()) / left, 1e-3)
        grand = float(z[inside].mean())
        n = int(times[several].sum())
        n0 = (n - float((times[several] ** 2).sum()) / n) / (several.sum() - 1)
        mean_square = float((times[several] * (own[several] - grand) ** 2).sum()) / (several.sum() - 1)
        between = max((mean_square - noise2) / n0, 0.0)
        # The scale is that on which an act of anybody has variance 1.
        total = between + noise2
        between, noise2, z = between / total, noise2 / total, z / np.sqrt(total)
        own = np.bincount(who, z, n_accounts) / np.maximum(times, 1)
        centre = float(own[several].mean())
        trust = times * between / (times * between + noise2)
        speed = centre + trust * (own - centre)
        doubt = np.sqrt(between * (1 - trust))
        noise = float(np.sqrt(noise2))
        weight = np.maximum(np.bincount(object_, minlength=n_objects), 1)
        mean = np.bincount(object_, speed[account], n_objects) / weight
        square = np.bincount(object_, speed[account] ** 2 + doubt[account] ** 2, n_objects) / weight
        spread = np.sqrt(np.maximum(square - mean**2, 0) + noise2)
    return Speeds(speed, doubt, noise, mean, spread)


def drawn_anew(
    ground: Background,
    members: NDArray[np.int32],
    kept: NDArray[np.bool_],
    most: int,
    rng: np.random.Generator,
    stop: int = _STOP,
) -> Drawn:
    """Count pairs of members, and draw what chance gives on the same objects.

    Parameters
    ----------
    ground : Background
    members : ndarray of int32, shape (m,)
        Codes.
    kept : ndarray of bool, shape (n_objects,)
        Objects that count.
    most : int
        Draws at most.
    rng : numpy.random.Generator
    stop : int
        Draw no more once so many draws have reached what was seen.

    Returns
    -------
    Drawn

    Notes
    -----
    The times at which an object was acted on anyway are those of others, and
    of each burst of members the first: the group does not hide in a crowd that
    it makes itself. Objects on which nobody else acted do not count.

    References
    ----------
    Besag, J. and Clifford, P. (1991), Sequential Monte Carlo p-values.
    doi:10.1093/biomet/78.2.301
    """
    rows = np.concatenate([ground.rows[ground.begins[one] : ground.begins[one + 1]] for one in members])
    place = np.repeat(np.arange(len(members), dtype=np.int32), np.diff(ground.begins)[members])
    inside = kept[ground.object[rows]]
    rows, place = rows[inside], place[inside]
    order = np.argsort(rows, kind="stable")
    rows, place = rows[order], place[order]
    objects, first, count = np.unique(ground.object[rows], return_index=True, return_counts=True)
    sharers = np.diff(ground.starts)[objects]
    speaking = (count >= 2) & (sharers > count)
    mute = int(((count >= 2) & (sharers <= count)).sum())
    acts: list[NDArray[np.int64]] = []
    slots: list[NDArray[np.int64]] = []
    for code, begin, n in zip(objects[speaking], first[speaking], count[speaking], strict=True):
        own = rows[begin : begin + n]
        start, end = int(ground.starts[code]), int(ground.starts[code + 1])
        stays = np.ones(end - start, np.bool_)
        stays[own[1:][np.diff(ground.time[own]) <= ground.window] - start] = False
        acts.append(np.arange(begin, begin + n))
        slots.append(start + np.flatnonzero(stays))
    if not acts:
        none = np.zeros(0, np.int64)
        return Drawn(0, 1.0, none, none, none, mute)
    chosen = np.concatenate(acts)
    begins = np.concatenate(([0], np.cumsum(count[speaking])))
    slot_rows = np.concatenate(slots)
    slot_begins = np.concatenate(([0], np.cumsum([len(part) for part in slots])))
    by_object = pairs_near(ground.time[rows[chosen]], begins, ground.window)
    observed = int(by_object.sum())
    codes = objects[speaking].astype(np.int64)
    out = np.empty(most, np.int64)
    at = ground.time[slot_rows]
    known = ground.speeds
    above, draws = drawn_pairs(
        place[chosen], begins, at, slot_begins, known.mean[codes], known.spread[codes],
        known.speed[members], known.doubt[members], known.noise, (at % _DAY // _HOUR).astype(np.int8),
        _habits(ground.hours, members), ground.window, observed, stop, rng, out
    )  # fmt: skip
    p = above / draws if above >= stop else (above + 1) / (draws + 1)
    return Drawn(observed, p, out[:draws], by_object, codes, mute)


def _habits(hours: Floats, members: NDArray[np.int32]) -> Floats:
    """Return the chance with which each member keeps an act at each hour."""
    if len(hours) == 0:
        return hours
    everybody = (hours.sum(axis=0) + 1) / (hours.sum() + 24)
    mine = hours[members]
    share = (mine + _LIKE_OTHERS * everybody) / (mine.sum(axis=1, keepdims=True) + _LIKE_OTHERS)
    odd = np.clip(share / everybody, 1 / _MOST_ODD, _MOST_ODD)
    return np.asarray(odd / odd.max(axis=1, keepdims=True))
