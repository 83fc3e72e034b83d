"""What a study holds: the contract between the flow that makes it and the page that shows it.

Three columns for people, never one score. ``known`` is what a network shows,
``heard`` is an estimate, ``effective`` compares with what would have been without the person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from entregent.clock import Period
from entregent.i18n import Text
from entregent.report.effect import EffectPart
from entregent.report.groups import GroupsPart
from entregent.report.influence import CirclePart, SeedingPart
from entregent.results import CannotTell, Estimate, Notice, Provenance

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "Community",
    "CoverageCheck",
    "Evidence",
    "Gap",
    "Known",
    "NetworkNode",
    "NetworkPicture",
    "Overlap",
    "Person",
    "Said",
    "Share",
    "Slot",
    "Speaker",
    "Study",
    "TopItem",
]


@dataclass(frozen=True)
class Slot:
    """Counts of one slot of time, from `start` for `Said.slot_seconds`; None where the data have a gap."""

    start: datetime
    posts: int | None
    interactions: int | None


@dataclass(frozen=True)
class Gap:
    """A stretch without data that is too long to be silence: what is not known is not zero."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Share:
    """One part of a whole (a language, a kind of interaction). `key` is a code or None for unknown."""

    key: str | None
    count: int


@dataclass(frozen=True)
class TopItem:
    """A post, link or hashtag and how many distinct people shared it."""

    key: str
    people: int
    acts: int
    text: str | None = None
    url: str | None = None
    account: str | None = None
    time: datetime | None = None


@dataclass(frozen=True)
class Speaker:
    """An account by how much it published: posts of its own, and reposts or shares of others' (`acts`)."""

    id: str
    handle: str
    name: str | None
    url: str | None
    posts: int
    acts: int


@dataclass(frozen=True)
class Said:
    """What was said.

    `interactions`, here and in slots, counts acts without a text of their own:
    reposts, likes, shares. `kinds` counts all, replies and quotes too.
    """

    posts: int
    interactions: int
    accounts: int
    first: datetime | None
    last: datetime | None
    slot_seconds: int
    slots: tuple[Slot, ...]
    gaps: tuple[Gap, ...]
    languages: tuple[Share, ...]
    languages_detected: int
    kinds: tuple[Share, ...]
    top_posts: tuple[TopItem, ...]
    top_links: tuple[TopItem, ...]
    top_hashtags: tuple[TopItem, ...]
    top_speakers: tuple[Speaker, ...]


@dataclass(frozen=True)
class Known:
    """Audience of an account: ``shown`` by its network, or ``seen``, counted from follows in the data.

    `value` is None where the network hides it (``shown``) or the data do not
    hold it (``seen``). A ``seen`` audience is a lower bound.
    """

    value: int | None
    basis: str
    seen_at: datetime | None = None


@dataclass(frozen=True)
class Evidence:
    """A post that carries a person's number: how many distinct people acted on it, by kind."""

    id: str
    time: datetime | None
    text: str | None
    url: str | None
    people: int
    kinds: Mapping[str, int]


@dataclass(frozen=True)
class Person:
    """One account with the three columns. `rank` is its place by the lower end of heard.

    `effect` holds what `effective` rests on, its placebo first; None where it
    was not asked for.
    """

    rank: int
    id: str
    handle: str
    name: str | None
    network: str
    url: str | None
    declared: str | None
    posts: int
    listeners: int
    known: Known
    heard: Estimate | CannotTell
    effect: EffectPart | None
    ahead_of_next: float | None
    community: int | None
    evidence: tuple[Evidence, ...]

    @property
    def effective(self) -> Estimate | CannotTell | None:
        """Acts of others that would not have been without the person; None where not asked for."""
        return None if self.effect is None else self.effect.total


@dataclass(frozen=True)
class CoverageCheck:
    """How often intervals learnt on the first blocks of time held what the next block showed."""

    held: int
    checked: int
    low: float
    high: float
    level: float
    blocks: int


@dataclass(frozen=True)
class Community:
    """A group of accounts that listen to each other more than to others.

    `hashtags` are those that it uses more than the others do.
    """

    number: int
    size: int
    speakers: tuple[str, ...]
    hashtags: tuple[str, ...]
    languages: tuple[Share, ...]
    inside: float


@dataclass(frozen=True)
class NetworkNode:
    """An account in the picture, at x, y in [0, 1]; `listeners` sets its size.

    `anchor` is the side on which its label has room (``right``, ``left``,
    ``above``, ``below``); where empty, no label is drawn.
    """

    id: str
    handle: str
    x: float
    y: float
    listeners: int
    community: int
    anchor: str = ""


@dataclass(frozen=True)
class NetworkPicture:
    """Who listens to whom: the accounts most listened to, and arcs (listener, speaker, weight).

    `modularity` is that of the communities; `chance` what the same search
    finds where partners are drawn at random; `stability` the mean adjusted
    Rand index between several searches, 1 where borders are always the same.
    """

    nodes: tuple[NetworkNode, ...]
    arcs: tuple[tuple[int, int, float], ...]
    accounts: int
    arcs_in_all: int
    modularity: float
    chance: float
    stability: float


@dataclass(frozen=True)
class Overlap:
    """Shared listeners of the people on top.

    ``shared[i][j]`` counts accounts that acted on both i and j (the diagonal:
    on i); ``share[i][j]`` is that count over the listeners of i.
    """

    handles: tuple[str, ...]
    shared: tuple[tuple[int, ...], ...]
    share: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Study:
    """A study, ready to be shown and written; a part that was left out is None."""

    title: str
    purpose: str
    made_at: datetime
    expires: date
    topic: str | None
    period: Period
    relative_time: bool
    pseudonymised: bool
    provenance: Provenance
    said: Said
    people: tuple[Person, ...]
    people_reason: CannotTell | None
    heard_check: CoverageCheck | CannotTell
    communities: tuple[Community, ...]
    network: NetworkPicture | CannotTell
    overlap: Overlap | CannotTell
    notices: tuple[Notice, ...]
    facts: tuple[Text, ...] = ()
    tables: Mapping[str, pa.Table] = field(default_factory=dict)
    circle: CirclePart | CannotTell | None = None
    seeding: SeedingPart | CannotTell | None = None
    groups: GroupsPart | CannotTell | None = None
