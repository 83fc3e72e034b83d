"""Groups of accounts that act together more than habit and chance explain, with the rows behind.

What is found on one half of the objects is tested on the other, against draws
that know how popular each object is and when it was acted on, who acts on what,
how fast each account habitually is, and, for windows above ten minutes, at
which hours it is awake. A group is a place to look at with care. It names
nobody a machine, and what is declared is called declared.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from entregent.authenticity.coaction import coaction, first_acts, shuffled, window_micros
from entregent.authenticity.groups_confirm import confirmed, times_chance
from entregent.authenticity.groups_evidence import LEAST_ACCOUNTS, given_actions, group_of, signals_of, unable
from entregent.authenticity.groups_find import ties
from entregent.authenticity.groups_kernels import pairs_near
from entregent.authenticity.groups_null import background
from entregent.authenticity.groups_result import (
    EXPLANATIONS,
    Explanation,
    Grade,
    Group,
    GroupsResult,
    Signal,
)
from entregent.authenticity.objects import actions as coded
from entregent.clock import from_micros
from entregent.errors import InputError
from entregent.i18n import N, T
from entregent.progress import Progress, Quiet
from entregent.results import CannotTell, Estimate

__all__ = [
    "EXPLANATIONS",
    "DeclaredControl",
    "Explanation",
    "Grade",
    "Group",
    "GroupsResult",
    "ShuffledControl",
    "Signal",
    "control_declared",
    "control_shuffled",
    "find_groups",
    "recount",
    "warm",
]


def find_groups(
    actions: pa.Table,
    *,
    window: float,
    rng: np.random.Generator,
    declared: Mapping[str, str] | None = None,
    rate: float = 0.05,
    least_times: float = 2.0,
    splits: int = 5,
    most_draws: int = 4000,
    most_per_object: int = 1_000_000,
    progress: Progress | None = None,
) -> GroupsResult:
    """Find groups of accounts that act together more than habit and chance explain.

    Parameters
    ----------
    actions : pa.Table
        Columns account, object (text) and time (timestamps, or whole microseconds since 1970), and
        where there is one, family: the kind of signal (``"time"`` unless told; ``"text"`` for near
        copies). An object belongs to one family. First acts of an account on an object count.
    window : float
        Seconds within which acts are together, from 1 to 86,400.
    rng : numpy.random.Generator
        Of the halves and the draws: the same gives the same.
    declared : mapping of str to str, optional
        Accounts with a tie that is known to all, and the tie: ``{"ann": "employee advocate"}``.
    rate : float
        Bound on the expected share of false groups among those returned.
    least_times : float
        Groups whose pairs on unseen objects are not surely this many times chance are left out.
    splits : int
        How often objects are split in halves; each half finds once and tests once.
    most_draws : int
        Draws of a test.
    most_per_object : int
        Objects with more pairs of acts within the window do not count.
    progress : Progress, optional

    Returns
    -------
    GroupsResult
        Intervals hold 90 %.

    Raises
    ------
    InputError
        Where a column is missing, or a number is out of range.

    Notes
    -----
    It is assumed that without agreement the acts of one account fall
    independently of those of another, given object, speed and hour. News that
    reaches some of those who act on an object and not others breaks that: that is what the
    explanations of a group are for.

    References
    ----------
    Meinshausen, N., Meier, L. and Buehlmann, P. (2009), p-values for
    high-dimensional regression. doi:10.1198/jasa.2009.tm08647

    Examples
    --------
    >>> few = pa.table({"account": ["ann", "bob"], "object": ["x", "x"], "time": [0, 5_000_000]})
    >>> result = find_groups(few, window=60, rng=np.random.default_rng(1))
    >>> result.groups, result.cannot_tell.code
    ((), 'groups.few_accounts')
    """
    given = given_actions(actions)
    seconds, micros = window_micros([window])
    if not (0 < rate < 1 and splits >= 1 and most_draws >= 100 and least_times >= 0):
        raise InputError(
            f"rate is {rate}, splits {splits}, most_draws {most_draws}, least_times {least_times}.",
            valid=("rate between 0 and 1", "splits from 1", "most_draws from 100", "least_times from 0"),
        )
    report = progress or Quiet()
    parameters = {
        "window": float(seconds[0]), "rate": rate, "least_times": least_times, "splits": splits,
        "most_draws": most_draws, "most_per_object": most_per_object,
    }  # fmt: skip
    near = coaction(given.actions, [window], most_per_object=most_per_object, progress=report)
    notices = (*given.notices, *near.notices)
    first = first_acts(given.actions)
    capped = np.isin(first.object, near.capped.object[near.capped.windows == 0])
    first = replace(
        first, account=first.account[~capped], object=first.object[~capped], time=first.time[~capped]
    )
    reason = unable(first, micros[0], notices)
    if reason:
        return GroupsResult((), reason, 0, parameters, notices)
    ground = background(first, int(micros[0]))
    tested = confirmed(ground, ties(ground, near.a, near.b), splits, most_draws, rng, report)
    as_of = from_micros(int(first.time.max()))
    groups = []
    for one in tested:
        times = times_chance([drawn for *_, drawn in one.unseen])
        if one.q <= rate and isinstance(times, Estimate) and times.low >= least_times:
            times = replace(times, as_of=as_of)
            signals = signals_of(ground, one, given.family, rng)
            groups.append(group_of(given, ground, one, times, signals, 2 * splits, declared or {}, rng))
    return GroupsResult(tuple(groups), None, len(tested), parameters, notices)


def recount(group: Group, actions: pa.Table) -> int:
    """Count the pairs of a group again, from the actions alone.

    Parameters
    ----------
    group : :class:`~entregent.authenticity.groups_result.Group`
    actions : pa.Table
        Those in which it was found.

    Returns
    -------
    int
        `observed` of the group, where the actions are the same.
    """
    inside = pc.and_(
        pc.is_in(actions["account"], group.accounts.cast(actions["account"].type)),
        pc.is_in(actions["object"], group.objects.cast(actions["object"].type)),
    )
    first = first_acts(coded(*(actions.filter(inside)[name] for name in ("account", "object", "time"))))
    micros = round(group.window * 1e6)
    begins = np.searchsorted(first.object, np.arange(len(first.objects) + 1))
    return int(pairs_near(first.time, begins, micros).sum())


@dataclass(frozen=True)
class ShuffledControl:
    """What is found in the same actions with times shuffled: it should be nothing.

    Parameters
    ----------
    runs : int
    with_groups : int
        Runs in which a group was found.
    groups : int
        Found in all runs together.
    cannot_tell : CannotTell, optional
        Why nothing can be found in these actions, shuffled or not.
    """

    runs: int
    with_groups: int
    groups: int
    cannot_tell: CannotTell | None = None


def control_shuffled(
    actions: pa.Table, *, window: float, rng: np.random.Generator, runs: int = 20, **more: Any
) -> ShuffledControl:
    """Look for groups where there are none: each object's times are dealt out anew to those who acted on it.

    Parameters
    ----------
    actions : pa.Table
        As :func:`find_groups` takes them.
    window : float
        Seconds.
    rng : numpy.random.Generator
    runs : int
        Times to shuffle.
    **more
        As for :func:`find_groups`.

    Returns
    -------
    ShuffledControl
    """
    if runs < 1:
        raise InputError(f"runs is {runs}.", valid=("a whole number from 1",))
    shared = given_actions(actions).actions
    counts = []
    for _ in range(runs):
        mixed = shuffled(shared, rng)
        table = pa.table(
            {
                "account": mixed.accounts.take(pa.array(mixed.account)),
                "object": mixed.objects.take(pa.array(mixed.object)),
                "time": pa.array(mixed.time),
            }
        )
        result = find_groups(table, window=window, rng=rng, **more)
        if result.cannot_tell:
            return ShuffledControl(0, 0, 0, result.cannot_tell)
        counts.append(len(result.groups))
    return ShuffledControl(runs, sum(count > 0 for count in counts), sum(counts))


@dataclass(frozen=True)
class DeclaredControl:
    """Whether those who declared a tie are found, and are labelled declared.

    Parameters
    ----------
    declared : int
        Accounts with a tie that act here.
    found : int
        Those of them in a group.
    labelled : int
        Those of them in a group of declared accounts only.
    others : int
        Accounts in groups with declared ones that declared nothing.
    """

    declared: int
    found: int
    labelled: int
    others: int


def control_declared(
    actions: pa.Table, result: GroupsResult, declared: Mapping[str, str]
) -> DeclaredControl | CannotTell:
    """Look whether declared accounts were found: who acts together openly should be.

    Parameters
    ----------
    actions : pa.Table
        Those in which groups were found.
    result : GroupsResult
        Found with the same `declared`.
    declared : mapping of str to str
        Accounts and their ties.

    Returns
    -------
    DeclaredControl or CannotTell
        It cannot be told where fewer than three declared accounts act.
    """
    acting = {name for name in pc.unique(actions["account"]).to_pylist() if name in declared}
    if len(acting) < LEAST_ACCOUNTS:
        return CannotTell(
            "groups.few_declared",
            N(
                "{n} account with a declared tie acts here, which is too few.",
                "{n} accounts with a declared tie act here, which is too few.",
                len(acting),
            ),
            T("At least three declared accounts that act on the same objects."),
        )
    found: set[str] = set()
    labelled: set[str] = set()
    others: set[str] = set()
    for group in result.groups:
        tied = {name for name, _ in group.declared}
        found |= tied
        if group.is_declared:
            labelled |= tied
        elif tied:
            others |= set(group.accounts.to_pylist()) - tied
    return DeclaredControl(len(acting), len(found), len(labelled), len(others))


def warm() -> None:
    """Compile the loops of groups now, so that nobody waits for it later."""
    crowd = [(f"u{number}", f"o{number % 24}", 3_600 * number) for number in range(96)]
    group = [(f"g{one}", f"o{shared}", 3_600 * 24 + one) for shared in range(24) for one in range(3)]
    account, shared_object, second = zip(*crowd, *group, strict=True)
    acts = pa.table(
        {"account": account, "object": shared_object, "time": [1_000_000 * moment for moment in second]}
    )
    find_groups(acts, window=60, rng=np.random.default_rng(1), splits=1, most_draws=200)
