"""Effects, who together, few or many: the parts of a study that rest on who moves whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import duckdb
import numpy as np

from entregent.flows.circles import CircleRequest, circle_of
from entregent.flows.effects import Effects, effects_of, too_many_chances
from entregent.flows.moves import Learned, learned, moved
from entregent.flows.names import Names, reaches
from entregent.flows.request import StudyRequest
from entregent.flows.seeding import SeedingRequest, seeding_of
from entregent.progress import Progress, check
from entregent.report.effect import EffectPart
from entregent.report.influence import CirclePart, SeedingPart
from entregent.results import CannotTell, Estimate, Notice

__all__ = ["Together", "who_together"]

MOST_CHANCES = 20_000_000
MOST_EFFECT_CHANCES = 1_500_000
MOST_EFFECTS = 50
MOST_COMPARED = 20
_OWN_STREAM, _EFFECT_STREAM, _WITHOUT_STREAM = 1, 2, 4
_SAMPLES = 2**21
_STEPS, _DRAWS = 5, 100


@dataclass(frozen=True)
class Together:
    """The parts that were made, each None where it was left out."""

    circle: CirclePart | CannotTell | None
    seeding: SeedingPart | CannotTell | None
    effects: Effects | None = None
    notices: tuple[Notice, ...] = ()

    @property
    def by_person(self) -> dict[str, EffectPart]:
        """Effects by account."""
        return {part.id: part for part in self.effects.parts} if self.effects is not None else {}


def who_together(
    con: duckdb.DuckDBPyConnection,
    accounts: Sequence[str],
    membership: Mapping[str, int],
    request: StudyRequest,
    progress: Progress,
    *,
    acting_together: Sequence[str] = (),
) -> Together:
    """Learn who moves whom; then the effects of `accounts`, a circle, few or many, in the time of a study.

    Where accounts are `acting_together`, effects of those on top are told without their acts too.
    """
    wants_circle, wants_seeding = ("circle" not in request.without), ("seeding" not in request.without)
    wants_effect = "effect" not in request.without
    if not (wants_circle or wants_seeding or wants_effect):
        return Together(None, None)
    # A stream of its own: what else is random in a study does not depend on these parts.
    rng = np.random.default_rng([request.seed, _OWN_STREAM])
    taught = learned(con, rng, progress, most_chances=MOST_CHANCES)
    effects = _effects(con, taught, accounts, request, progress) if wants_effect else None
    if effects is not None and acting_together:
        effects = _without(con, effects, acting_together, request, progress)
    found = moved(con, taught, rng)
    if isinstance(found, CannotTell):
        return Together(found if wants_circle else None, found if wants_seeding else None, effects)
    names = Names(found.graph.ids, con)
    threads = request.config.threads or 1
    circle: CirclePart | CannotTell | None = None
    seeding: SeedingPart | CannotTell | None = None
    if wants_circle:
        progress.step("Who together")
        wanted = CircleRequest(
            k=min(request.circle, found.graph.n),
            most_samples=_SAMPLES,
            memory_mb=request.config.memory_mb,
            threads=threads,
        )
        circle = circle_of(found, names, wanted, rng, membership=membership, progress=progress)
        check(progress)
    if wants_seeding:
        asked = SeedingRequest(
            fixed=request.fixed,
            per_follower=request.per_follower,
            budget=request.budget,
            steps=_STEPS,
            draws=_DRAWS,
            memory_mb=request.config.memory_mb,
            threads=threads,
        )
        seeding = seeding_of(found, names, reaches(found, names, con), asked, rng, progress)
    return Together(circle, seeding, effects)


def _without(
    con: duckdb.DuckDBPyConnection,
    told: Effects,
    members: Sequence[str],
    request: StudyRequest,
    progress: Progress,
) -> Effects:
    """Add the effects of those on top without what members of groups did."""
    asked = [
        part.id for part in told.parts if isinstance(part.total, Estimate) and part.id not in set(members)
    ][:MOST_COMPARED]
    if not asked:
        return told
    rng = np.random.default_rng([request.seed, _WITHOUT_STREAM])
    taught = learned(con, rng, progress, most_chances=MOST_EFFECT_CHANCES, leave_out=members)
    again = {part.id: part.total for part in effects_of(con, taught, asked, rng, progress=progress).parts}
    parts = tuple(replace(part, without_groups=again.get(part.id)) for part in told.parts)
    return replace(told, parts=parts)


def _effects(
    con: duckdb.DuckDBPyConnection,
    taught: Learned,
    accounts: Sequence[str],
    request: StudyRequest,
    progress: Progress,
) -> Effects:
    why = too_many_chances(taught, MOST_EFFECT_CHANCES)
    if why is not None:
        taught = replace(taught, model=why)
    rng = np.random.default_rng([request.seed, _EFFECT_STREAM])
    # Where nothing can be told, that is told of everybody: it takes no time.
    most = len(accounts) if isinstance(taught.model, CannotTell) else MOST_EFFECTS
    return effects_of(con, taught, accounts[:most], rng, progress=progress)
