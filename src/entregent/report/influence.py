"""What a study says of circles and of few or many: the contract between flow, page and command line."""

from __future__ import annotations

from dataclasses import dataclass

from entregent.i18n import Text
from entregent.results import CannotTell, Estimate, Notice

__all__ = ["CircleMember", "CirclePart", "Moves", "SeedingFlip", "SeedingGroup", "SeedingPart"]


@dataclass(frozen=True)
class Moves:
    """Where the chances that one person moves another come from.

    Parameters
    ----------
    chances : str
        ``learned`` from who acted after whom, ``given``, or the name of a
        textbook rule: ``weighted-cascade``, ``uniform``, ``trivalency``,
        ``shares-of-acts``.
    model : {"independent_cascade", "linear_threshold"}
    not_learned : CannotTell or None
        Why they could not be learned.
    exposure : {"follows", "past", "unknown"}
        What tells who could see whom.
    accounts, arcs : int
        People, and who listens to whom.
    mean : float
        Mean chance of an arc.
    """

    chances: str
    model: str
    not_learned: CannotTell | None
    exposure: str
    accounts: int
    arcs: int
    mean: float


@dataclass(frozen=True)
class CircleMember:
    """One person of a circle: reach alone with its interval, and what is added to those before."""

    id: str
    handle: str
    own: float
    low: float
    high: float
    added: float
    price: float | None
    community: int | None


@dataclass(frozen=True)
class CirclePart:
    """People chosen together.

    Parameters
    ----------
    members : tuple of CircleMember
        Those to be kept first, then in the order of choice.
    reach : Estimate
        From samples not used for the choice.
    judged : Estimate
        The same from a simulation that shares no code with the choice.
    lower, upper, confidence : float
        The circle reaches at least `lower` and no group within the same limits
        more than `upper`, with this confidence.
    share : tuple of tuple of float
        Row i, column j: of those whom i reaches, the share that j reaches too.
    weighted : bool
        Whether people count differently.
    cost, budget : float or None
    stopped : {"settled", "samples", "memory", "cancelled"}
    samples : int
    moves : Moves
    notices : tuple of Notice
    """

    members: tuple[CircleMember, ...]
    reach: Estimate
    judged: Estimate
    lower: float
    upper: float
    confidence: float
    share: tuple[tuple[float, ...], ...]
    weighted: bool
    cost: float | None
    budget: float | None
    stopped: str
    samples: int
    moves: Moves
    notices: tuple[Notice, ...] = ()

    @property
    def ratio(self) -> float:
        """At least this share of what the best group could reach."""
        return self.lower / self.upper if self.upper > 0 else 0.0


@dataclass(frozen=True)
class SeedingGroup:
    """What one kind of people reaches for the budget, at one fixed price.

    `extra` is the mean over draws with the interval of single campaigns;
    `draws` the outcome of each.
    """

    kind: str
    fixed: float
    people: float
    spent: float
    extra: Estimate
    mean_error: float
    draws: tuple[float, ...]


@dataclass(frozen=True)
class SeedingFlip:
    """The fixed price at which two kinds change places."""

    cheaper: str
    dearer: str
    price: Estimate


@dataclass(frozen=True)
class SeedingPart:
    """Few or many.

    Parameters
    ----------
    groups : tuple of SeedingGroup
        At the fixed price.
    sweep : tuple of SeedingGroup
        At the fixed prices tried, in order.
    best : str or CannotTell
    flips : tuple of SeedingFlip
    budget, fixed, per_follower : float
    in_followers : bool
        Nobody gave prices: they are counted in the price of one follower.
    limits : tuple of Text
        What the result does not show.
    moves : Moves
    notices : tuple of Notice
    """

    groups: tuple[SeedingGroup, ...]
    sweep: tuple[SeedingGroup, ...]
    best: str | CannotTell
    flips: tuple[SeedingFlip, ...]
    budget: float
    fixed: float
    per_follower: float
    in_followers: bool
    limits: tuple[Text, ...]
    moves: Moves
    notices: tuple[Notice, ...] = ()
