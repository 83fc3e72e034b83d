"""Who together, and few or many: the parts of a study that rest on who moves whom."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import numpy as np

from entregent.flows.circles import CircleRequest, circle_of
from entregent.flows.moves import learned, moved
from entregent.flows.names import Names, reaches
from entregent.flows.request import StudyRequest
from entregent.flows.seeding import SeedingRequest, seeding_of
from entregent.progress import Progress, check
from entregent.report.influence import CirclePart, SeedingPart
from entregent.results import CannotTell, Notice

__all__ = ["Together", "who_together"]

MOST_CHANCES = 20_000_000
_OWN_STREAM = 1
_SAMPLES = 2**21
_STEPS, _DRAWS = 5, 100


@dataclass(frozen=True)
class Together:
    """The parts that were made, each None where it was left out."""

    circle: CirclePart | CannotTell | None
    seeding: SeedingPart | CannotTell | None
    notices: tuple[Notice, ...] = ()


def who_together(
    con: duckdb.DuckDBPyConnection,
    membership: Mapping[str, int],
    request: StudyRequest,
    progress: Progress,
) -> Together:
    """Learn who moves whom, choose a circle and compare few with many, within the time of a study."""
    wants_circle, wants_seeding = ("circle" not in request.without), ("seeding" not in request.without)
    if not (wants_circle or wants_seeding):
        return Together(None, None)
    # A stream of its own: what else is random in a study does not depend on these parts.
    rng = np.random.default_rng([request.seed, _OWN_STREAM])
    found = moved(con, learned(con, rng, progress, most_chances=MOST_CHANCES), rng)
    if isinstance(found, CannotTell):
        return Together(found if wants_circle else None, found if wants_seeding else None)
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
    return Together(circle, seeding)
