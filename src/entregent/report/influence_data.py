"""Circles and few or many as ``study.json`` holds them: the results in short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from entregent.report.influence import CirclePart, Moves, SeedingPart
from entregent.report.model import Person
from entregent.results import CannotTell, Estimate

__all__ = ["circle_data", "effect_data", "seeding_data"]


def _estimate(result: Estimate) -> dict[str, Any]:
    return {
        "value": result.value,
        "low": result.low,
        "high": result.high,
        "level": result.level,
        "n": result.n,
    }


def _moves(moves: Moves) -> dict[str, Any]:
    return {
        "chances": moves.chances,
        "model": moves.model,
        "not_learned": moves.not_learned.code if moves.not_learned is not None else None,
        "exposure": moves.exposure,
        "accounts": moves.accounts,
        "arcs": moves.arcs,
    }


def effect_data(people: Sequence[Person]) -> dict[str, Any] | None:
    """Return how many people were asked about and told of; each is in the table ``effects``."""
    parts = [person.effect for person in people if person.effect is not None]
    if not parts:
        return None
    silent = [part.total.code for part in parts if isinstance(part.total, CannotTell)]
    return {
        "asked": len(parts),
        "told": len(parts) - len(silent),
        "shown": sum(isinstance(part.total, Estimate) and part.total.low > 0 for part in parts),
        "exposure": parts[0].exposure,
        "cannot_tell": {code: silent.count(code) for code in sorted(set(silent))},
    }


def circle_data(part: CirclePart | CannotTell | None) -> dict[str, Any] | None:
    """Return a circle in short; its people are in the table ``circle``."""
    if part is None:
        return None
    if isinstance(part, CannotTell):
        return {"cannot_tell": part.code}
    return {
        "people": len(part.members),
        "judged": _estimate(part.judged),
        "lower": part.lower,
        "upper": part.upper,
        "confidence": part.confidence,
        "stopped": part.stopped,
        "samples": part.samples,
        "moves": _moves(part.moves),
    }


def seeding_data(part: SeedingPart | CannotTell | None) -> dict[str, Any] | None:
    """Return few or many in short; all kinds at all prices are in the table ``seeding``."""
    if part is None:
        return None
    if isinstance(part, CannotTell):
        return {"cannot_tell": part.code}
    return {
        "best": {"cannot_tell": part.best.code} if isinstance(part.best, CannotTell) else part.best,
        "flips": [
            {"cheaper": flip.cheaper, "dearer": flip.dearer, "price": _estimate(flip.price)}
            for flip in part.flips
        ],
        "budget": part.budget,
        "fixed": part.fixed,
        "per_follower": part.per_follower,
        "in_followers": part.in_followers,
        "moves": _moves(part.moves),
    }
