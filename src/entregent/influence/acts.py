"""On-topic posts and the distinct people who acted on them, as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entregent.errors import InputError
from entregent.stats.survival import Delays, truncated_delays

__all__ = ["UNKNOWN", "Acts", "acts"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

UNKNOWN = int(np.iinfo(np.int64).min)
"""Time of what has none."""

MOST_DELAYS = 200_000
LEAST_AT_RISK = 30
FEW_DELAYS = 50


@dataclass(frozen=True)
class Acts:
    """Posts and first acts on them; made by :func:`acts`.

    Parameters
    ----------
    account : ndarray of int64, shape (n_posts,)
        Author of each post, a code below `n_accounts`.
    time : ndarray of int64, shape (n_posts,)
        Microseconds since 1970, or :data:`UNKNOWN`.
    post : ndarray of int64, shape (n_acts,)
        Post acted on; each pair of post and actor once.
    actor : ndarray of int64, shape (n_acts,)
        Who acted, never the post's author.
    acted : ndarray of int64, shape (n_acts,)
        When that person first did, or :data:`UNKNOWN`.
    n_accounts : int
    """

    account: Ints
    time: Ints
    post: Ints
    actor: Ints
    acted: Ints
    n_accounts: int

    def end(self) -> int | None:
        """Return the last time in the data, or None where it holds none."""
        last = max(int(self.time.max(initial=UNKNOWN)), int(self.acted.max(initial=UNKNOWN)))
        return None if last == UNKNOWN else last

    def delays(self, until: int, rng: np.random.Generator) -> Delays | None:
        """Return how long after its post an act comes, as known at a time.

        Parameters
        ----------
        until : int
            Microseconds; acts after it are not looked at.
        rng : numpy.random.Generator
            Picks the acts used, where there are more than 200,000.

        Returns
        -------
        Delays or None
            In microseconds; None below 50 acts.
        """
        start = self.time[self.post]
        used = np.flatnonzero((start != UNKNOWN) & (self.acted != UNKNOWN) & (self.acted <= until))
        used = used[start[used] <= until]
        if used.size < FEW_DELAYS:
            return None
        if used.size > MOST_DELAYS:
            used = rng.choice(used, MOST_DELAYS, replace=False)
        delay = np.maximum(self.acted[used] - start[used], 0)
        return truncated_delays(delay, until - start[used], max(LEAST_AT_RISK, used.size // 20))

    def reached(self, until: int, delays: Delays | None) -> Floats:
        """Return the share of its acts that each post could have gathered by a time.

        Parameters
        ----------
        until : int
            Microseconds.
        delays : Delays or None
            From :meth:`delays`; without, posts gather their acts at once.

        Returns
        -------
        ndarray of float64, shape (n_posts,)
            1 for posts without time; 0 for posts not yet made.
        """
        known = self.time != UNKNOWN
        age = np.where(known, until - np.where(known, self.time, until), 0)
        share = np.ones(age.size) if delays is None else delays.at(np.maximum(age, 0))
        return np.where(known, np.where(age < 0, 0.0, share), 1.0)

    def counted(self, until: int | None, delays: Delays | None) -> NDArray[np.bool_]:
        """Return which acts count: those up to a time, within the longest delay that could be judged.

        Parameters
        ----------
        until : int or None
            Microseconds; None counts all acts, those without time included.
        delays : Delays or None
            From :meth:`delays`. Later acts came to old posts only; with them
            old posts would seem better heard.

        Returns
        -------
        ndarray of bool, shape (n_acts,)
        """
        start = self.time[self.post]
        dated = (start != UNKNOWN) & (self.acted != UNKNOWN)
        kept = np.ones(self.post.size, dtype=np.bool_) if until is None else dated & (self.acted <= until)
        if delays is None:
            return kept
        late = dated & (self.acted - np.where(dated, start, 0) > delays.times[-1])
        return np.asarray(kept & ~late)

    def people(self, counted: NDArray[np.bool_]) -> Ints:
        """Return how many distinct people acted on each post, among acts that count."""
        return np.bincount(self.post[counted], minlength=self.account.size).astype(np.int64)


def acts(
    account: ArrayLike,
    time: ArrayLike,
    post: ArrayLike,
    actor: ArrayLike,
    acted: ArrayLike,
    n_accounts: int,
) -> Acts:
    """Check and tidy posts and the acts on them.

    Parameters
    ----------
    account, time : array_like of int, shape (n_posts,)
        Author code and time of each post (microseconds or :data:`UNKNOWN`).
    post, actor, acted : array_like of int, shape (n_acts,)
        Post, actor code and time of each act. Acts of an author on their own
        posts are dropped; of several acts of one person on one post, whatever
        their kind, the first is kept.
    n_accounts : int
        Codes of authors and actors are below it.

    Returns
    -------
    Acts

    Raises
    ------
    InputError
        For arrays that do not fit together, or codes out of range.
    """
    owner, when = np.asarray(account, dtype=np.int64), np.asarray(time, dtype=np.int64)
    object, who, then = (np.asarray(x, dtype=np.int64) for x in (post, actor, acted))
    if owner.ndim != 1 or owner.shape != when.shape:
        raise InputError(f"There are {owner.size} authors for {when.size} times of posts.")
    if not object.shape == who.shape == then.shape or object.ndim != 1:
        raise InputError("Posts, actors and times of acts are not of one length.")
    for name, codes, most in (("account", owner, n_accounts), ("post", object, owner.size)):
        _in_range(name, codes, most)
    _in_range("actor", who, n_accounts)
    other = who != owner[object]
    object, who, then = object[other], who[other], then[other]
    # Unknown times sort last, so that a known first act wins.
    order = np.lexsort((np.where(then == UNKNOWN, np.iinfo(np.int64).max, then), who, object))
    object, who, then = object[order], who[order], then[order]
    first = np.ones(object.size, dtype=np.bool_)
    first[1:] = (np.diff(object) != 0) | (np.diff(who) != 0)
    return Acts(owner, when, object[first], who[first], then[first], int(n_accounts))


def _in_range(name: str, codes: Ints, most: int) -> None:
    if codes.size and (codes.min() < 0 or codes.max() >= most):
        raise InputError(
            f"A code of {name} is {int(codes.max() if codes.max() >= most else codes.min())}.",
            valid=(f"0 to {most - 1}",),
        )
