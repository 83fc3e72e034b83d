"""Few or many, for a study or a command: prices in, the kinds compared out."""

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
from entregent.influence.seeding import FewOrMany, Group, Prices, few_or_many
from entregent.progress import Progress
from entregent.report.influence import SeedingFlip, SeedingGroup, SeedingPart
from entregent.results import CannotTell, Notice

__all__ = ["SeedingRequest", "seeding_of", "seeding_table"]

FEWEST_PEOPLE = 50
_STARS_PAID = 5
_RANGE = (0.1, 30.0)
_FEWEST_PAID = 5


@dataclass(frozen=True)
class SeedingRequest:
    """Prices and a budget; without prices, both are counted in the price of one follower.

    Parameters
    ----------
    fixed, per_follower, budget : float or None
    fixed_range : tuple of float or None
        Fixed prices to try; a tenth to a hundred times the fixed price unless told.
    quotes : mapping of str to float
        Prices by person, which replace the rule.
    weights : mapping of str to float
    stars : float
    ordinary : tuple of float
    thresholds : float or None
        For the model ``threshold``: the share of those listened to who must act first.
    steps, draws, memory_mb, threads : int
    """

    fixed: float | None = None
    per_follower: float | None = None
    budget: float | None = None
    fixed_range: tuple[float, float] | None = None
    quotes: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    stars: float = 0.01
    ordinary: tuple[float, float] = (0.5, 0.9)
    thresholds: float | None = None
    steps: int = 7
    draws: int = 200
    memory_mb: int = 1024
    threads: int = 1


def seeding_of(
    moved: Moved,
    names: Names,
    followers: NDArray[np.float64],
    request: SeedingRequest,
    rng: np.random.Generator,
    progress: Progress | None = None,
) -> SeedingPart | CannotTell:
    """Compare stars, ordinary people, anybody and a circle at one budget.

    Parameters
    ----------
    moved : Moved
    names : Names
    followers : float64 array, shape (n,)
    request : SeedingRequest
    rng : numpy.random.Generator
    progress : Progress, optional

    Raises
    ------
    InputError
        For a budget below every price, or prices without a budget.
    """
    if moved.graph.n < FEWEST_PEOPLE:
        return CannotTell(
            "seeding.too_few",
            T("There are too few people here to compare stars with many: {people}.", people=moved.graph.n),
            T("At least {least} people who act on each other.", least=FEWEST_PEOPLE),
        )
    priced = request.fixed is not None or request.per_follower is not None or bool(request.quotes)
    if priced and request.budget is None:
        raise InputError("There are prices and no budget.", do="Give --budget, in the same unit.")
    star = float(np.quantile(followers, 1 - request.stars))
    fixed, each = request.fixed or 0.0, request.per_follower or 0.0
    if not priced:
        fixed, each = max(float(np.median(followers)), 1.0), 1.0
    budget = request.budget if request.budget is not None else _STARS_PAID * (fixed + each * star)
    span = request.fixed_range
    if span is None and fixed > 0:
        span = (fixed * _RANGE[0], min(fixed * _RANGE[1], budget / _FEWEST_PAID))
        span = span if span[0] < span[1] else None
    quotes: NDArray[np.float64] | None = None
    notices: tuple[Notice, ...] = ()
    if request.quotes:
        quotes, missing = names.values(request.quotes, np.nan, where="quotes")
        notices = absent("seeding.unknown_quote", missing)
    worth, more = audience_of(names, request.weights)
    found = few_or_many(
        moved.graph,
        moved.chance,
        followers,
        Prices(fixed, each, span, quotes),
        budget,
        rng,
        model="threshold" if request.thresholds is not None else moved.moves.model,
        thresholds=request.thresholds,
        audience=worth,
        stars=request.stars,
        ordinary=request.ordinary,
        steps=request.steps,
        draws=request.draws,
        threads=request.threads,
        memory_mb=request.memory_mb,
        progress=progress,
    )
    return _part(found, moved, fixed, each, not priced, (*moved.notices, *notices, *more, *found.notices))


def _part(
    found: FewOrMany,
    moved: Moved,
    fixed: float,
    per_follower: float,
    in_followers: bool,
    notices: tuple[Notice, ...],
) -> SeedingPart:
    return SeedingPart(
        tuple(_group(group) for group in found.groups),
        tuple(_group(group) for group in found.sweep),
        found.best,
        tuple(SeedingFlip(flip.cheaper, flip.dearer, flip.price) for flip in found.flips),
        found.budget,
        fixed,
        per_follower,
        in_followers,
        found.limits,
        moved.moves,
        notices,
    )


def _group(group: Group) -> SeedingGroup:
    return SeedingGroup(
        group.kind,
        group.fixed,
        group.people,
        group.spent,
        group.extra,
        group.mean_error,
        tuple(group.draws.tolist()),
    )


def seeding_table(part: SeedingPart | CannotTell | None) -> pa.Table:
    """Return one row for each kind at each fixed price."""
    groups = (*part.groups, *part.sweep) if isinstance(part, SeedingPart) else ()
    asked = len(part.groups) if isinstance(part, SeedingPart) else 0
    number = pa.float64()
    return pa.table(
        {
            "kind": pa.array([g.kind for g in groups], pa.string()),
            "fixed_price": pa.array([g.fixed for g in groups], number),
            "asked": pa.array([place < asked for place in range(len(groups))], pa.bool_()),
            "people": pa.array([g.people for g in groups], number),
            "spent": pa.array([g.spent for g in groups], number),
            "extra": pa.array([g.extra.value for g in groups], number),
            "extra_low": pa.array([g.extra.low for g in groups], number),
            "extra_high": pa.array([g.extra.high for g in groups], number),
            "mean_error": pa.array([g.mean_error for g in groups], number),
            "draws": pa.array([g.extra.n for g in groups], pa.int64()),
        }
    )
