"""Who did the same thing at nearly the same time, and how often.

An *action* is an account acting on an object at a time. Two accounts
*co-act* on an object within a window of ``w`` seconds where an action of one
and an action of the other lie at most ``w`` seconds apart. The *count* of a
pair is the number of distinct objects on which it does: an object counts once
for a pair, however often both act on it. A pair has no direction and nobody
pairs with themselves. In SQL, for one window::

    SELECT x.account, y.account, count(DISTINCT object)
    FROM actions x JOIN actions y USING (object)
    WHERE x.account < y.account AND abs(x.time - y.time) <= w
    GROUP BY ALL

Counts say nothing by themselves: colleagues, fans and people with alerts on
co-act too. :func:`shuffled` shows how many pairs there would be if everybody
had shared the same things at other sharers' times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entregent.authenticity.kernels import arranged, counted, reached, sorted_by
from entregent.authenticity.objects import Actions, actions
from entregent.errors import InputError
from entregent.i18n import N, T
from entregent.progress import Progress, Quiet, check
from entregent.results import MOST_PLACES, Notice

__all__ = [
    "Capped",
    "Coaction",
    "Evidence",
    "coaction",
    "evidence",
    "first_acts",
    "shuffled",
    "warm",
    "window_micros",
]

SHORTEST, LONGEST = 1.0, 86_400.0
"""Seconds of a window."""

MOST_PER_OBJECT = 10_000_000
MOST_PAIRS = 10_000_000
_AT_ONCE = 50_000_000
_ROOM = 1 << 16

_Pairs = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]


@dataclass(frozen=True)
class Capped:
    """Objects with so many actions at once that they do not count for every window.

    Parameters
    ----------
    object : ndarray of int32, shape (k,)
        Codes.
    windows : ndarray of int16, shape (k,)
        In how many of the windows, the shortest first, it still counts.
    pairs : ndarray of int64, shape (k,)
        Pairs of actions within the longest window.
    """

    object: NDArray[np.int32]
    windows: NDArray[np.int16]
    pairs: NDArray[np.int64]


@dataclass(frozen=True)
class Coaction:
    """Pairs of accounts and the number of objects they share within each window.

    Parameters
    ----------
    windows : ndarray of float64, shape (w,)
        Seconds, rising.
    a, b : ndarray of int32, shape (m,)
        Codes of accounts, ``a < b``, in order.
    count : ndarray of int32, shape (m, w)
        Distinct objects on which both acted within each window.
    least : int
        Pairs with fewer objects in every window are not listed. Higher than
        asked for where there would have been too many pairs.
    actions, accounts, objects : int
        What was compared: actions, accounts that act, and objects on which at
        least two accounts act.
    capped : Capped
        Objects left out of some windows.
    parameters : dict
        What was asked for, enough to count again.
    notices : tuple of Notice
    """

    windows: NDArray[np.float64]
    a: NDArray[np.int32]
    b: NDArray[np.int32]
    count: NDArray[np.int32]
    least: int
    actions: int
    accounts: int
    objects: int
    capped: Capped
    parameters: dict[str, Any]
    notices: tuple[Notice, ...] = ()

    def linked(self, window: float, least: int | None = None) -> tuple[NDArray[np.int32], ...]:
        """Return a, b and count, each of shape (k,), of pairs with at least `least` objects in a window.

        Parameters
        ----------
        window : float
            Seconds, one of `windows`.
        least : int, optional
            That of the result unless told; not below it.

        Returns
        -------
        tuple of ndarray of int32

        Raises
        ------
        InputError
            For another window, or for pairs that were not kept.
        """
        found = np.flatnonzero(self.windows == window)
        if len(found) == 0:
            raise InputError(
                f"A window of {window:g} s was not counted.",
                valid=[f"{seconds:g}" for seconds in self.windows],
            )
        if least is not None and least < self.least:
            raise InputError(
                f"Pairs with {least} objects in common were not kept.",
                valid=(f"a number from {self.least}",),
                do="Count again with a smaller `least`.",
            )
        within = self.count[:, found[0]]
        kept = within >= (self.least if least is None else least)
        return self.a[kept], self.b[kept], within[kept]


@dataclass(frozen=True)
class Evidence:
    """The rows behind a pair: for each shared object its two nearest actions.

    Parameters
    ----------
    object : ndarray of int32, shape (k,)
        Codes, by time of the earlier action.
    time_a, time_b : ndarray of int64, shape (k,)
        Microseconds since 1970.
    """

    object: NDArray[np.int32]
    time_a: NDArray[np.int64]
    time_b: NDArray[np.int64]


def coaction(
    actions: Actions,
    windows: Sequence[float],
    *,
    acts: Literal["first", "all"] = "first",
    least: int = 2,
    most_per_object: int = MOST_PER_OBJECT,
    most_pairs: int = MOST_PAIRS,
    progress: Progress | None = None,
) -> Coaction:
    """Count for each pair of accounts the objects that both acted on within each window.

    Parameters
    ----------
    actions : Actions
        In any order.
    windows : sequence of float
        Seconds, from 1 to 86,400 (a day), ends included. One pass serves all.
    acts : {"first", "all"}
        Whether an account's first act on an object counts, or each.
    least : int
        Pairs that share fewer objects in every window are not kept.
    most_per_object : int
        An object with more pairs of actions within a window does not count
        for that window (nor for longer ones): what everybody does at once says
        nothing about anybody, and its cost grows with the square.
    most_pairs : int
        Most pairs to keep. Where there are more, `least` is raised until the
        strongest fit, and a notice says so.
    progress : Progress, optional
        Asked between chunks whether to stop.

    Returns
    -------
    Coaction
        Exact: what the self-join of the module's text gives, capped objects left out.

    Raises
    ------
    InputError
        For a window out of range, or a number below 1.

    Notes
    -----
    Actions are put in order of object and time by counting sorts; two pointers
    give each action its neighbours. Accounts are then done one by one: the
    partners of one are counted in a table with a place for each account, so
    nothing is sorted or hashed a pair at a time. Time grows with the number of
    pairs of actions within the longest window, memory with the number of
    actions, accounts times windows, and pairs kept.

    Examples
    --------
    >>> from entregent.authenticity.objects import actions
    >>> seconds = [0, 40, 9000, 100, 130]
    >>> shared = actions(
    ...     pa.array(["ann", "bob", "cid", "ann", "bob"]),
    ...     pa.array(["x", "x", "x", "y", "y"]),
    ...     pa.array([1_000_000 * second for second in seconds]),
    ... )
    >>> found = coaction(shared, [30, 60], least=1)
    >>> found.a.tolist(), found.b.tolist(), found.count.tolist()
    ([0], [1], [[1, 2]])
    """
    seconds, micros = window_micros(windows)
    if acts not in ("first", "all"):
        raise InputError(f"acts is {acts!r}.", valid=("first", "all"))
    for name, value in (("least", least), ("most_per_object", most_per_object), ("most_pairs", most_pairs)):
        if value < 1:
            raise InputError(f"{name} is {value}.", valid=("a whole number from 1",))
    _check_range(actions.time)
    parameters = {
        "kind": actions.kind,
        "windows": [float(second) for second in seconds],
        "acts": acts,
        "least": least,
        "most_per_object": most_per_object,
        "most_pairs": most_pairs,
    }
    report = progress or Quiet()
    n_accounts, n_objects = len(actions.accounts), len(actions.objects)
    if len(actions.time) == 0:
        capped = Capped(np.empty(0, np.int32), np.empty(0, np.int16), np.empty(0, np.int64))
        return _result(actions, seconds, _none(len(seconds)), least, 0, 0, capped, parameters)
    account, object_, time, starts, repeated, shared = arranged(
        actions.account, actions.object, actions.time, n_accounts, n_objects, acts == "first"
    )
    back, ahead, fitting, within = reached(time, starts, micros, most_per_object)
    over = np.flatnonzero(fitting < len(seconds)).astype(np.int32)
    capped = Capped(over, fitting[over], within[over])
    near = np.flatnonzero(ahead - back > 1).astype(np.int32)
    rows = sorted_by(account, n_accounts, near)
    work = np.bincount(account[near], (ahead - back)[near], n_accounts).astype(np.int64)
    begins = np.concatenate(([0], np.cumsum(np.bincount(account[near], minlength=n_accounts))))
    distinct = acts == "first" or repeated == 0
    table = _Table(len(seconds), least, most_pairs)
    tally = np.zeros((n_accounts, len(seconds) + 1), np.int32)
    best = np.zeros(0 if distinct else n_accounts, np.int16)
    best_object = np.full(0 if distinct else n_accounts, -1, np.int32)
    done = np.cumsum(work)
    report.step("pairs of accounts", n_accounts, "accounts")
    one = 0
    while one < n_accounts:
        check(report)
        before = done[one - 1] if one else 0
        end = min(max(int(np.searchsorted(done, before + _AT_ONCE)), one + 1), n_accounts)
        reached_to, table.filled = counted(
            account, object_, time, back, ahead, fitting, micros, rows, begins, work, one, end, distinct,
            len(over) == 0, table.least, tally, best, best_object, table.a, table.b, table.count, table.filled
        )  # fmt: skip
        report.advance(reached_to - one)
        one = reached_to
        if one < end:
            table.make_room(min(int(work[one]), n_accounts))
    table.fit()
    return _result(
        actions, seconds, table.pairs(n_accounts), table.least, len(time), shared, capped, parameters
    )


class _Table:
    """Pairs that are kept, in arrays that grow up to a bound."""

    def __init__(self, n_windows: int, least: int, most: int) -> None:
        self.least = least
        self.most = most
        self.filled = 0
        self.a = np.empty(_ROOM, np.int32)
        self.b = np.empty(_ROOM, np.int32)
        self.count = np.empty((_ROOM, n_windows), np.int32)

    def make_room(self, more: int) -> None:
        """Make room for `more` pairs, dropping the weakest where the bound is met."""
        # Half as many again, so that dropping, which looks at all, is rare.
        if self.filled > self.most + self.most // 2:
            self.fit()
        needed = self.filled + more
        if needed > len(self.a):
            room = max(needed, min(2 * len(self.a), self.most + self.most // 2))
            self.a, self.b = _grown(self.a, self.filled, room), _grown(self.b, self.filled, room)
            self.count = _grown(self.count, self.filled, room)

    def fit(self) -> None:
        """Raise `least` until at most `most` pairs are left."""
        if self.filled <= self.most:
            return
        strongest = self.count[: self.filled].max(axis=1)
        above = np.cumsum(np.bincount(strongest)[::-1])[::-1]
        self.least = int(np.argmax(np.append(above, 0) <= self.most))
        kept = np.flatnonzero(strongest >= self.least)
        self.filled = len(kept)
        for column in (self.a, self.b, self.count):
            column[: self.filled] = column[kept]

    def pairs(self, n_accounts: int) -> _Pairs:
        """Return the pairs in order."""
        a, b, count = self.a[: self.filled], self.b[: self.filled], self.count[: self.filled]
        by_b = sorted_by(b, n_accounts, np.arange(self.filled, dtype=np.int32))
        order = sorted_by(a, n_accounts, by_b)
        return a[order], b[order], count[order]


def _grown(old: NDArray[np.int32], filled: int, room: int) -> NDArray[np.int32]:
    new = np.empty((room, *old.shape[1:]), np.int32)
    new[:filled] = old[:filled]
    return new


def window_micros(windows: Sequence[float]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return windows in seconds and in microseconds, rising, each once.

    Parameters
    ----------
    windows : sequence of float
        Seconds, from 1 to 86,400.

    Returns
    -------
    seconds : ndarray of float64, shape (w,)
    micros : ndarray of int64, shape (w,)

    Raises
    ------
    InputError
        For none, or one out of range.
    """
    given = np.atleast_1d(np.asarray(windows, np.float64))
    if given.size == 0:
        raise InputError("No window was given.", valid=("seconds from 1 to 86400",))
    wrong = given[~((given >= SHORTEST) & (given <= LONGEST))]
    if wrong.size:
        raise InputError(
            f"A window of {wrong[0]:g} s was asked for.", valid=("seconds from 1 to 86400 (a day)",)
        )
    seconds = np.unique(given)
    return seconds, np.round(seconds * 1e6).astype(np.int64)


def _check_range(time: NDArray[np.int64]) -> None:
    if len(time) and int(time.max()) - int(time.min()) >= 1 << 62:
        raise InputError(
            f"The times reach from {int(time.min())} to {int(time.max())} microseconds.",
            do="Give microseconds since 1970.",
        )


def _none(n_windows: int) -> _Pairs:
    return np.empty(0, np.int32), np.empty(0, np.int32), np.empty((0, n_windows), np.int32)


def _result(
    actions: Actions,
    seconds: NDArray[np.float64],
    pairs: _Pairs,
    least: int,
    n_actions: int,
    shared: int,
    capped: Capped,
    parameters: dict[str, Any],
) -> Coaction:
    notices = list(actions.notices)
    if len(actions.accounts) == 1:
        notices.append(
            Notice("coaction.one_account", T("Only one account acts here: nobody can act together with it."))
        )
    if len(capped.object):
        names = tuple(actions.objects.take(pa.array(capped.object[:MOST_PLACES])).to_pylist())
        notices.append(
            Notice(
                "coaction.object_capped",
                N(
                    "{n} object had so many acts at once that it does not count for every window.",
                    "{n} objects had so many acts at once that they do not count for every window.",
                    len(capped.object),
                ),
                len(capped.object),
                names,
            )
        )
    if least > parameters["least"]:
        notices.append(
            Notice(
                "coaction.least_raised",
                T(
                    "So many pairs co-act that only those with at least {least} objects in common were kept.",
                    least=least,
                ),
            )
        )
    finest = actions.resolution / 1e6
    meaningless = int((seconds < finest).sum())
    if meaningless:
        notices.append(
            Notice(
                "coaction.window_too_short",
                N(
                    "{n} window is shorter than what times are known to: its counts mean nothing.",
                    "{n} windows are shorter than what times are known to: their counts mean nothing.",
                    meaningless,
                ),
                meaningless,
                tuple(f"{second:g} s" for second in seconds[:meaningless][:MOST_PLACES]),
            )
        )
    a, b, count = pairs
    accounts = len(actions.accounts)
    return Coaction(
        seconds, a, b, count, least, n_actions, accounts, shared, capped, parameters, tuple(notices)
    )


def first_acts(actions: Actions) -> Actions:
    """Keep each account's first act on each object.

    Parameters
    ----------
    actions : Actions

    Returns
    -------
    Actions
        In order of object and time, with the same codes.
    """
    if len(actions.time) == 0:
        return actions
    account, object_, time, *_ = arranged(
        actions.account, actions.object, actions.time, len(actions.accounts), len(actions.objects), True
    )
    return replace(actions, account=account, object=object_, time=time)


def shuffled(actions: Actions, rng: np.random.Generator) -> Actions:
    """Give the times of each object's first acts to its sharers anew, at random.

    Who shared what, how popular each object is and how its shares burst stay
    as they are; who shared *together* does not. What is still found there is
    chance: the standing negative control.

    Parameters
    ----------
    actions : Actions
    rng : numpy.random.Generator

    Returns
    -------
    Actions
        First acts only, with the same codes.

    Examples
    --------
    >>> from entregent.authenticity.objects import actions
    >>> shared = actions(pa.array(["ann", "bob"]), pa.array(["x", "x"]), pa.array([5, 9]))
    >>> sorted(shuffled(shared, np.random.default_rng(1)).time.tolist())
    [5, 9]
    """
    first = first_acts(actions)
    drawn = np.lexsort((rng.random(len(first.time)), first.object))
    return replace(first, account=first.account[drawn])


def evidence(actions: Actions, a: int, b: int, window: float) -> Evidence:
    """Return the rows behind the count of a pair, from all acts.

    Parameters
    ----------
    actions : Actions
        Those that were counted (:func:`first_acts` of them, where only first ones did).
    a, b : int
        Codes of two accounts.
    window : float
        Seconds.

    Returns
    -------
    Evidence
        One row an object on which both acted within the window: their two
        nearest acts. As many as the count of the pair, and capped objects besides.

    Raises
    ------
    InputError
        For a window out of range.
    """
    _, micros = window_micros([window])
    sides = []
    for code in (a, b):
        rows = np.flatnonzero(actions.account == code)
        order = rows[np.lexsort((actions.time[rows], actions.object[rows]))]
        sides.append((actions.object[order], actions.time[order]))
    (object_a, time_a), (object_b, time_b) = sides
    found = []
    for code in np.intersect1d(object_a, object_b):
        mine, theirs = time_a[object_a == code], time_b[object_b == code]
        gaps = np.abs(mine[:, None] - theirs[None, :])
        one, other = np.unravel_index(int(gaps.argmin()), gaps.shape)
        if gaps[one, other] <= micros[0]:
            found.append((int(code), int(mine[one]), int(theirs[other])))
    found.sort(key=lambda row: min(row[1:]))
    columns = np.array(found, np.int64).reshape(-1, 3)
    return Evidence(columns[:, 0].astype(np.int32), columns[:, 1], columns[:, 2])


def warm() -> None:
    """Compile the loops of co-action now, so that nobody waits for it later."""
    tiny = actions(pa.array(["a", "b", "a"]), pa.array(["x", "x", "x"]), pa.array([0, 1, 2]))
    coaction(tiny, [1.0, 2.0], acts="all", least=1)
