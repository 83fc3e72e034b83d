"""Circles and few or many for a study or a command: people by name in, people by name out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entregent.errors import InputError
from entregent.flows.moves import Moved
from entregent.flows.names import Names, absent, audience_of
from entregent.i18n import T
from entregent.influence.judge import forward, judge
from entregent.influence.spread import circle, prepare
from entregent.network.communities import communities
from entregent.progress import Progress, Quiet
from entregent.report.influence import CircleMember, CirclePart
from entregent.results import CannotTell, Notice

__all__ = ["CircleRequest", "circle_of", "circle_overlap_table", "circle_table", "prices_of"]

Floats = NDArray[np.float64]

JUDGED_RUNS = 2_000


@dataclass(frozen=True)
class CircleRequest:
    """Limits of a circle, people named by account or handle.

    Parameters
    ----------
    k : int or None
        Most people.
    budget : float or None
    price : float or None
        Of everybody who has no price of their own.
    prices : mapping of str to float
    keep, exclude : tuple of str
    only : tuple of str
        The only candidates, where given.
    one_per_community : bool
    weights : mapping of str to float
        Worth of reaching each; whoever is missing counts nothing. Empty: all count 1.
    tolerance : float
    most_samples, memory_mb, threads : int
    """

    k: int | None = 10
    budget: float | None = None
    price: float | None = None
    prices: Mapping[str, float] = field(default_factory=dict)
    keep: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    one_per_community: bool = False
    weights: Mapping[str, float] = field(default_factory=dict)
    tolerance: float = 0.004
    most_samples: int = 2**22
    memory_mb: int = 1024
    threads: int = 1


def prices_of(names: Names, request: CircleRequest) -> tuple[Floats | None, tuple[Notice, ...]]:
    """Return the price of each person, infinite for whoever has none, or None where nothing costs."""
    if request.price is None and not request.prices:
        if request.budget is not None:
            raise InputError("There is a budget and no price.", do="Give --price, or a table with --prices.")
        return None, ()
    otherwise = np.inf if request.price is None else request.price
    prices, missing = names.values(request.prices, otherwise, where="prices")
    wrong = np.isnan(prices) | (prices < 0)
    if wrong.any():
        first = int(np.argmax(wrong))
        raise InputError(
            f"The price of {names.handles[first]} is {prices[first]}.", valid=("a number from 0",)
        )
    return prices, absent("circle.unknown_price", missing)


def circle_of(
    moved: Moved,
    names: Names,
    request: CircleRequest,
    rng: np.random.Generator,
    *,
    membership: Mapping[str, int] | None = None,
    progress: Progress | None = None,
) -> CirclePart | CannotTell:
    """Choose people who together reach most, and let an independent simulation judge them.

    Parameters
    ----------
    moved : Moved
    names : Names
    request : CircleRequest
    rng : numpy.random.Generator
    membership : mapping of str to int, optional
        Community of each account; searched for where one per community is asked.
    progress : Progress, optional
        Where it says that the caller cancelled, the best circle so far is returned.

    Raises
    ------
    InputError
        For people who are not there, or limits that nobody can satisfy.
    """
    graph = moved.graph
    if request.k is not None and request.k > graph.n:
        raise InputError(f"{request.k} people were asked for, of {graph.n}.", valid=(f"1 to {graph.n}",))
    keep = names.codes(request.keep, where="keep")
    left_out = set(names.codes(request.exclude, where="exclude"))
    prices, notices = prices_of(names, request)
    if prices is not None:
        left_out |= set(np.flatnonzero(np.isinf(prices)).tolist())
        prices = np.where(np.isinf(prices), 0.0, prices)
    only = names.codes(request.only, where="only")
    candidates = np.isin(np.arange(graph.n), only) if only else moved.acted
    left_out |= set(np.flatnonzero(~candidates).tolist())
    left_out -= set(keep)
    if len(left_out) >= graph.n:
        return CannotTell(
            "circle.nobody",
            T("Nobody is left who could be chosen."),
            T("People who acted in these data, with a price where there is a budget."),
        )
    of = np.array([(membership or {}).get(account, -1) for account in names.ids], dtype=np.int64)
    if request.one_per_community and membership is None:
        found = communities(graph, rng)
        if isinstance(found, CannotTell):
            raise InputError(f"There are no communities to choose from. {found.reason} {found.needs}")
        of = found.labels.astype(np.int64)
    worth, more = audience_of(names, request.weights)
    sampler = prepare(graph, moved.chance, model=moved.moves.model, audience=worth, threads=request.threads)
    best = circle(
        sampler,
        rng,
        k=request.k,
        cost=prices,
        budget=request.budget,
        include=keep,
        exclude=sorted(left_out),
        community=of if request.one_per_community else None,
        tolerance=request.tolerance,
        most_samples=request.most_samples,
        memory_mb=request.memory_mb,
        threads=request.threads,
        progress=progress,
    )
    # The judge is short and comes after a stop too: an answer without it is not checked.
    judged = judge(
        forward(graph, moved.chance, model=moved.moves.model, audience=worth),
        best.people.tolist(),
        rng,
        n_runs=JUDGED_RUNS,
        threads=request.threads,
        progress=Quiet(),
    )
    members = tuple(
        CircleMember(
            names.ids[code],
            names.handles[code],
            float(best.own[place]),
            min(float(best.own_low[place]), float(best.own[place])),
            max(float(best.own_high[place]), float(best.own[place])),
            float(best.added[place]),
            float(prices[code]) if prices is not None else None,
            int(of[code]) if of[code] >= 0 else None,
        )
        for place, code in enumerate(best.people[: len(best.own)].tolist())
    )
    return CirclePart(
        members,
        best.reach,
        judged,
        best.lower,
        best.upper,
        best.confidence,
        tuple(tuple(row) for row in best.share.tolist()),
        worth is not None,
        best.cost if prices is not None else None,
        request.budget,
        best.stopped,
        best.samples,
        moved.moves,
        (*moved.notices, *notices, *more, *best.notices),
    )


def circle_table(part: CirclePart | CannotTell | None) -> pa.Table:
    """Return one row for each person of a circle."""
    members = part.members if isinstance(part, CirclePart) else ()
    number = pa.float64()
    return pa.table(
        {
            "place": pa.array(range(1, len(members) + 1), pa.int64()),
            "account": pa.array([m.id for m in members], pa.string()),
            "handle": pa.array([m.handle for m in members], pa.string()),
            "reach": pa.array([m.own for m in members], number),
            "reach_low": pa.array([m.low for m in members], number),
            "reach_high": pa.array([m.high for m in members], number),
            "added": pa.array([m.added for m in members], number),
            "price": pa.array([m.price for m in members], number),
            "community": pa.array([m.community for m in members], pa.int64()),
        }
    )


def circle_overlap_table(part: CirclePart | CannotTell | None) -> pa.Table:
    """Return one row for each pair of people of a circle."""
    rows = (
        [
            (one.id, other.id, part.share[i][j])
            for i, one in enumerate(part.members)
            for j, other in enumerate(part.members)
            if i != j
        ]
        if isinstance(part, CirclePart)
        else []
    )
    columns = list(zip(*rows, strict=True)) or [(), (), ()]
    return pa.table(
        {
            "speaker": pa.array(columns[0], pa.string()),
            "with": pa.array(columns[1], pa.string()),
            "share_of_reach": pa.array(columns[2], pa.float64()),
        }
    )
