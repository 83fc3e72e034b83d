"""From actions to codes and back: what is read, why nothing can be said, and the rows behind a group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from entregent.authenticity.groups_confirm import Confirmed, times_chance
from entregent.authenticity.groups_null import Background, Drawn, drawn_anew
from entregent.authenticity.groups_result import Group, Signal
from entregent.authenticity.objects import Actions
from entregent.authenticity.objects import actions as coded
from entregent.errors import InputError
from entregent.i18n import T
from entregent.results import CannotTell, Estimate, Notice

__all__ = ["LEAST_ACCOUNTS", "Given", "given_actions", "group_of", "signals_of", "unable"]

LEAST_ACCOUNTS = 3
_LEAST_OBJECTS = 4
_LEAST_SHARERS = 3
_REPORT_DRAWS = 2000
_FAMILY_DRAWS = 400


@dataclass(frozen=True)
class Given:
    """Actions in codes, and where they come from.

    Parameters
    ----------
    actions : Actions
    rows : ndarray of int64, shape (n,)
        The row of each in the table.
    family : pa.Array of string, shape (n_objects,), optional
        Of each object, where families are told apart.
    notices : tuple of Notice
        Besides those of the actions.
    """

    actions: Actions
    rows: NDArray[np.int64]
    family: pa.Array | None
    notices: tuple[Notice, ...]


def given_actions(actions: pa.Table) -> Given:
    """Return actions of a table with columns account, object, time and perhaps family, in codes."""
    wanted = ("account", "object", "time")
    lacking = [name for name in wanted if name not in actions.column_names]
    if lacking:
        raise InputError(f"The actions have no column {', '.join(lacking)}.", valid=wanted)
    shared = coded(*(actions[name] for name in wanted))
    valid = pc.and_(pc.and_(*(actions[name].is_valid() for name in wanted[:2])), actions["time"].is_valid())
    rows = np.flatnonzero(np.asarray(valid.combine_chunks() if isinstance(valid, pa.ChunkedArray) else valid))
    notices = []
    kind = actions["time"].type
    if pa.types.is_timestamp(kind) and kind.tz is None:
        notices.append(
            Notice(
                "groups.no_zone",
                T(
                    "Times carry no zone and are taken as universal time. Where they come from several "
                    "zones, acts at the same moment seem hours apart."
                ),
            )
        )
    family = None
    if "family" in actions.column_names:
        of_row = pc.fill_null(actions["family"].cast(pa.string()), "time").take(pa.array(rows))
        names, code = np.unique(np.asarray(of_row, dtype=object).astype(str), return_inverse=True)
        of_object = np.full(len(shared.objects), -1, np.int64)
        of_object[shared.object] = code
        if (of_object[shared.object] != code).any():
            wrong = int(shared.object[np.flatnonzero(of_object[shared.object] != code)[0]])
            raise InputError(
                f"The object {shared.objects[wrong].as_py()!r} belongs to two families.",
                do="Give it a name of its own in each family.",
            )
        family = pa.array(names[of_object])
    return Given(shared, rows, family, tuple(notices))


def unable(first: Actions, micros: int, notices: tuple[Notice, ...]) -> CannotTell | None:
    """Return why groups cannot be looked for, if so."""
    if len(np.unique(first.account)) < LEAST_ACCOUNTS:
        return CannotTell(
            "groups.few_accounts",
            T("Fewer than three accounts act here: that is no group."),
            T("Acts of at least three accounts on the same objects."),
        )
    if micros < first.resolution:
        return CannotTell(
            "groups.coarse_times",
            T(
                "{known} Within a shorter window nobody can be seen to act together.",
                known=next(notice.text for notice in notices if notice.code == "coaction.coarse_times"),
            ),
            T("Times to the second, or a longer window."),
        )
    if any(notice.code == "coaction.same_instant" for notice in notices):
        return CannotTell(
            "groups.same_times",
            T("Half of the acts or more carry the very same time, which is not when they were done."),
            T("The times of the acts themselves."),
        )
    sharers = np.bincount(first.object)
    if int((sharers >= _LEAST_SHARERS).sum()) < _LEAST_OBJECTS:
        return CannotTell(
            "groups.few_objects",
            T(
                "Fewer than four objects were acted on by three accounts or more: "
                "what one half shows cannot be tested on the other."
            ),
            T("More objects that several accounts act on."),
        )
    return None


def signals_of(
    ground: Background, one: Confirmed, family: pa.Array | None, rng: np.random.Generator
) -> tuple[Signal, ...]:
    """Return what each family shows on unseen halves."""
    names = ["time"] if family is None else sorted(set(family.to_pylist()))
    signals = []
    for name in names:
        drawn: list[Drawn] = [part for *_, part in one.unseen]
        if len(names) > 1:
            of_it = np.asarray(pc.equal(family, name))
            drawn = [
                drawn_anew(ground, members, unseen & of_it, _FAMILY_DRAWS, rng, stop=_FAMILY_DRAWS)
                for members, unseen, _ in one.unseen
            ]
        codes = [part.objects[part.by_object > 0] for part in drawn]
        signals.append(Signal(name, len(np.unique(np.concatenate(codes))), times_chance(drawn)))
    return tuple(signals)


def group_of(
    given: Given,
    ground: Background,
    one: Confirmed,
    times: Estimate,
    signals: tuple[Signal, ...],
    splits: int,
    declared: Mapping[str, str],
    rng: np.random.Generator,
) -> Group:
    """Return a group with its rows and what chance gives on all objects."""
    shared = given.actions
    every = np.ones(len(shared.objects), np.bool_)
    drawn = drawn_anew(ground, one.members, every, _REPORT_DRAWS, rng, stop=_REPORT_DRAWS)
    objects = np.sort(drawn.objects[drawn.by_object > 0])
    accounts = shared.accounts.take(pa.array(one.members))
    mean = float(drawn.pairs.mean())
    low, high = np.quantile(drawn.pairs, [0.05, 0.95])
    return Group(
        accounts,
        shared.objects.take(pa.array(objects)),
        ground.window / 1e6,
        drawn.observed,
        Estimate.around(mean, low, high, 0.9, len(drawn.pairs), "draws", times.as_of),
        times,
        one.q,
        one.stood,
        splits,
        signals,
        _evidence(given, ground.window, one.members, objects),
        tuple((name, declared[name]) for name in accounts.to_pylist() if name in declared),
    )


def _evidence(given: Given, window: int, members: NDArray[np.int32], objects: NDArray[np.int64]) -> pa.Table:
    """Return the first acts of members that lie within the window of another member's."""
    shared = given.actions
    places = np.flatnonzero(np.isin(shared.account, members) & np.isin(shared.object, objects))
    places = places[np.lexsort((places, shared.time[places], shared.account[places], shared.object[places]))]
    who = np.stack((shared.object[places], shared.account[places]))
    again = np.concatenate(([False], (who[:, 1:] == who[:, :-1]).all(axis=0)))[: len(places)]
    places = places[~again]
    places = places[np.lexsort((shared.account[places], shared.time[places], shared.object[places]))]
    close = (np.diff(shared.time[places]) <= window) & (np.diff(shared.object[places]) == 0)
    near = np.concatenate(([False], close)) | np.concatenate((close, [False]))
    places = places[near]
    return pa.table(
        {
            "row": pa.array(given.rows[places]),
            "account": shared.accounts.take(pa.array(shared.account[places])),
            "object": shared.objects.take(pa.array(shared.object[places])),
            "time": pa.array(shared.time[places], pa.timestamp("us", "UTC")),
        }
    )
