"""What is said of a group: what was seen, what chance would give, and what else could explain it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import pyarrow as pa

from entregent.errors import InputError
from entregent.i18n import T, Text
from entregent.results import CannotTell, Estimate, Notice

__all__ = ["EXPLANATIONS", "Explanation", "Grade", "Group", "GroupsResult", "Signal"]

Grade = Literal["strong", "strong, unread", "to look at"]

_STRONG_Q = 0.01
_STRONG_TIMES = 3.0
_STRONG_ACCOUNTS = 3
_STRONG_OBJECTS = 4
_STRONG_FAMILIES = 2


@dataclass(frozen=True)
class Explanation:
    """An innocent reason why accounts may act at the same time.

    Parameters
    ----------
    code : str
        Stable, for programs.
    text : Text
        What to check, for people.
    """

    code: str
    text: Text


EXPLANATIONS = (
    Explanation("alerts", T("Alerts: they may all be told at once when this source publishes.")),
    Explanation("embargo", T("Embargo: the hour may have been set by a press release or an agenda.")),
    Explanation("fans", T("Fan club: people who like the same person wait for the same posts.")),
    Explanation("scheduled", T("Scheduled posts: tools publish on the full hour or at proposed times.")),
    Explanation("button", T("Share button: a page or a newsletter may have proposed text and link.")),
    Explanation(
        "employer", T("Same employer or association: colleagues pass on what their house publishes.")
    ),
    Explanation("prize", T("Prize draw: reposting may have been the condition for taking part.")),
)
"""What to check before anything is said about a group."""


@dataclass(frozen=True)
class Signal:
    """What one family of signals shows on objects that were not used to find the group.

    Parameters
    ----------
    family : str
    objects : int
        On which members acted within the window.
    times_chance : Estimate or CannotTell
        Pairs seen over pairs expected.
    """

    family: str
    objects: int
    times_chance: Estimate | CannotTell

    @property
    def holds(self) -> bool:
        """Whether the signal is at least three times chance, at the low end, on two objects or more."""
        return (
            isinstance(self.times_chance, Estimate)
            and self.times_chance.low >= _STRONG_TIMES
            and self.objects >= 2
        )


@dataclass(frozen=True)
class Group:
    """Accounts that act together more than habit and chance explain. No verdict on anybody.

    Parameters
    ----------
    accounts : pa.Array of string
        Members, sorted.
    objects : pa.Array of string
        On which at least two members acted within the window, and others acted too.
    window : float
        Seconds.
    observed : int
        Pairs of members within the window on these objects, each pair once an object.
    expected : Estimate
        Pairs by chance on all objects that members share; the interval holds 90 % of draws.
    times_chance : Estimate
        Pairs seen over pairs expected on objects not used to find the group, 90 % interval;
        `n` counts objects.
    q : float
        Share of false groups to be expected among those at least as clear.
    confirmed : int
        Splits into halves, of `splits`, in which the group was found in one half and stood the test
        in the other.
    splits : int
        Two for each time that objects were split.
    signals : tuple of Signal
        By family.
    rows : pa.Table
        The evidence: row (place in the actions given), account, object, time, in order of object and time.
    declared : tuple of (str, str)
        Members who declared a tie, and the tie.
    explanations : tuple of Explanation
        To be looked at before anything is said.
    read_by : str
        Who has read the rows and looked at the explanations; empty for nobody.
    """

    accounts: pa.Array
    objects: pa.Array
    window: float
    observed: int
    expected: Estimate
    times_chance: Estimate
    q: float
    confirmed: int
    splits: int
    signals: tuple[Signal, ...]
    rows: pa.Table
    declared: tuple[tuple[str, str], ...] = ()
    explanations: tuple[Explanation, ...] = EXPLANATIONS
    read_by: str = ""

    @property
    def is_declared(self) -> bool:
        """Whether all members have declared a tie."""
        return len(self.declared) == len(self.accounts)

    @property
    def lacks(self) -> tuple[Text, ...]:
        """What is lacking for strong evidence, a reader left out."""
        families = sum(signal.holds for signal in self.signals)
        wanted = (
            (families >= _STRONG_FAMILIES, T("A second family of signals, as near copies of text.")),
            (self.q <= _STRONG_Q, T("A share of false groups of at most 1 %.")),
            (self.times_chance.low >= _STRONG_TIMES, T("At least three times chance at the low end.")),
            (len(self.accounts) >= _STRONG_ACCOUNTS, T("At least three accounts.")),
            (len(self.objects) >= _STRONG_OBJECTS, T("At least four objects.")),
        )
        return tuple(text for met, text in wanted if not met)

    @property
    def grade(self) -> Grade:
        """How far the evidence goes. Only what a person has read can be strong."""
        if self.lacks:
            return "to look at"
        return "strong" if self.read_by else "strong, unread"

    def read(self, reader: str) -> Group:
        """Return the group as read by a person, who has looked at rows and explanations."""
        if not reader.strip():
            raise InputError("A reader has no name.", do="Say who has read the rows.")
        return replace(self, read_by=reader.strip())


@dataclass(frozen=True)
class GroupsResult:
    """Groups that were found, or why it cannot be told.

    Parameters
    ----------
    groups : tuple of :class:`~entregent.authenticity.groups_result.Group`
        The clearest first. None is an answer too.
    cannot_tell : CannotTell, optional
        Why nothing can be said; `groups` is then empty.
    tried : int
        Tight clusters that were tested.
    parameters : dict
        What was asked for.
    notices : tuple of Notice
    """

    groups: tuple[Group, ...]
    cannot_tell: CannotTell | None
    tried: int
    parameters: dict[str, Any]
    notices: tuple[Notice, ...]
