"""What a study says of the effect of one person: the contract between flow, page and command line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from entregent.results import CannotTell, Estimate, Notice

__all__ = ["CarryingPost", "EffectPart", "MovedPerson"]


@dataclass(frozen=True)
class CarryingPost:
    """A post that carries an effect: the person wrote it (`own`) or passed it on.

    `moved` is how many people it is likely to have moved at once, out of the
    `followed` who acted after it and could see it.
    """

    id: str
    time: datetime
    own: bool
    text: str | None
    url: str | None
    moved: float
    followed: int


@dataclass(frozen=True)
class MovedPerson:
    """Somebody who acted after the person, `followed` times, of which `moved` by the person's doing."""

    id: str
    handle: str
    moved: float
    followed: int


@dataclass(frozen=True)
class EffectPart:
    """The effect of one person, as :class:`entregent.influence.effect.Effect` tells it, with names.

    Parameters
    ----------
    id, handle : str
    total, direct, design, placebo : Estimate or CannotTell
    agree : bool or None
    sensitivity, sensitivity_low : float or None
    acted_after, items, people : int
        Acts after an act of the person that could be seen; items with known
        exposure; different people who acted after.
    exposure : {"follows", "past", "unknown"}
        What tells who could see whom.
    posts : tuple of CarryingPost
    moved : tuple of MovedPerson
        Those most moved first, as far as shown.
    without_groups : Estimate, CannotTell or None
        The effect where the acts of groups that act together are left out; None
        where there is no such group, or nobody asked.
    notices : tuple of Notice
    """

    id: str
    handle: str
    total: Estimate | CannotTell
    direct: Estimate | CannotTell
    design: Estimate | CannotTell
    placebo: Estimate | CannotTell
    agree: bool | None = None
    sensitivity: float | None = None
    sensitivity_low: float | None = None
    acted_after: int = 0
    items: int = 0
    people: int = 0
    exposure: str = "unknown"
    posts: tuple[CarryingPost, ...] = ()
    moved: tuple[MovedPerson, ...] = ()
    notices: tuple[Notice, ...] = ()
    without_groups: Estimate | CannotTell | None = None

    @classmethod
    def silent(cls, account: str, handle: str, why: CannotTell, exposure: str = "unknown") -> EffectPart:
        """Return what is told of a person of whom nothing can be told."""
        return cls(account, handle, why, why, why, why, exposure=exposure)
