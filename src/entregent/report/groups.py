"""What a study says of groups that act together: the contract between flow, page and command line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from entregent.authenticity.groups import DeclaredControl, Explanation, Grade, ShuffledControl, Signal
from entregent.i18n import Text
from entregent.results import CannotTell, Estimate, Notice

__all__ = ["Burst", "GroupAct", "GroupMember", "GroupTie", "GroupsPart", "SeenGroup"]


@dataclass(frozen=True)
class GroupMember:
    """An account of a group, and the tie that it declared."""

    id: str
    handle: str
    tie: str | None


@dataclass(frozen=True)
class GroupTie:
    """Two members, by their places in the group, and on how many objects they acted together."""

    one: int
    other: int
    objects: int


@dataclass(frozen=True)
class Burst:
    """What members did on one object.

    Parameters
    ----------
    object : str
        ``kind:id``.
    text, url : str or None
        Of the post, or the page that was linked.
    at : datetime
        First act of a member.
    observed : int
        Pairs of members within the window.
    expected : float
        Pairs, had members acted at the times of just anybody who acted on it.
    """

    object: str
    text: str | None
    url: str | None
    at: datetime
    observed: int
    expected: float


@dataclass(frozen=True)
class GroupAct:
    """One row of the evidence: a member's first act on an object."""

    account: str
    object: str
    time: datetime


@dataclass(frozen=True)
class SeenGroup:
    """Accounts that act together more than habit and chance explain. No verdict on anybody.

    Parameters
    ----------
    window : float
        Seconds.
    members : tuple of GroupMember
    ties : tuple of GroupTie
    bursts : tuple of Burst
        In order of time.
    acts : tuple of GroupAct
        All of the evidence.
    observed : int
        Pairs within the window, each once an object.
    expected : Estimate
        Pairs by chance and habit; the interval holds 90 % of draws.
    times_chance : Estimate
        On objects not used to find the group, 90 % interval.
    q : float
        Share of false groups to be expected among those at least as clear.
    confirmed, splits : int
    signals : tuple of Signal
    grade : str
    lacks : tuple of Text
        What is lacking for strong evidence.
    explanations : tuple of Explanation
        Innocent reasons to look at first.
    """

    window: float
    members: tuple[GroupMember, ...]
    ties: tuple[GroupTie, ...]
    bursts: tuple[Burst, ...]
    acts: tuple[GroupAct, ...]
    observed: int
    expected: Estimate
    times_chance: Estimate
    q: float
    confirmed: int
    splits: int
    signals: tuple[Signal, ...]
    grade: Grade
    lacks: tuple[Text, ...]
    explanations: tuple[Explanation, ...]

    @property
    def is_declared(self) -> bool:
        """Whether all members have declared a tie."""
        return all(member.tie is not None for member in self.members)


@dataclass(frozen=True)
class GroupsPart:
    """Groups that act together.

    Parameters
    ----------
    windows : tuple of float
        Seconds, of those that could be looked at.
    groups : tuple of SeenGroup
        The clearest first; of groups that share half of their members only the clearest.
    tried : int
        Tight clusters that were tested, over all windows.
    silent : mapping of float to CannotTell
        Windows that could not be looked at, and why.
    shuffled : mapping of float to ShuffledControl
        The same data with times shuffled: nothing should be found.
    declared : DeclaredControl, CannotTell or None
        Whether those who declared a tie were found and labelled; None where nobody did.
    acts, accounts, objects : int
        That were looked at.
    notices : tuple of Notice
    """

    windows: tuple[float, ...]
    groups: tuple[SeenGroup, ...]
    tried: int
    silent: tuple[tuple[float, CannotTell], ...]
    shuffled: tuple[tuple[float, ShuffledControl], ...]
    declared: DeclaredControl | CannotTell | None
    acts: int
    accounts: int
    objects: int
    notices: tuple[Notice, ...] = ()

    @property
    def accounts_in_groups(self) -> tuple[str, ...]:
        """Members of all groups, each once."""
        return tuple(dict.fromkeys(member.id for group in self.groups for member in group.members))
