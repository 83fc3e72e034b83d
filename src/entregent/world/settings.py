"""The dials of the simulated world, each with its meaning and its range."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from entregent.errors import ConfigError

__all__ = ["EVENT_KINDS", "FORMATS", "MOST_TOPICS", "Burst", "WorldSettings"]

EVENT_KINDS = ("launch", "outage")
FORMATS = ("jetstream", "mastodon", "x")
MOST_TOPICS = 12


@dataclass(frozen=True)
class Burst:
    """Something happens to the brand and many talk about it.

    Parameters
    ----------
    day : float
        When, in days since the start.
    kind : {"launch", "outage"}
    strength : float
        Extra posts, in days of ordinary talk.
    hours : float
        Time after which the talk about it has fallen to about a third.
    """

    day: float
    kind: str
    strength: float = 2.0
    hours: float = 18.0


@dataclass(frozen=True)
class WorldSettings:
    """Everything that can be turned in the simulated world.

    Parameters
    ----------
    people : int
        Real people, the brand's own account among them. Bought accounts come on top.
    days : int
        Length of the conversation.
    seed : int
        The same seed and dials give the same world.
    start : date
        First day (UTC).
    french : float
        Share of people who write in French, 0 to 1; the others write in English.
    topics : int
        Topics of talk, 1 to 12; as many communities of taste.
    posts_per_month : float
        Mean number of original posts of a person in 30 days. Heavy tailed
        between people.
    items_per_day : float
        Links and hashtags that start to circulate per day.
    item_reach : float
        Share of people expected to adopt a link or hashtag of their own accord.
    own_accord : float
        Scale of all that people do because of their own taste, influenced by
        nobody: 1 is ordinary, 0 never.
    follows : float
        Mean number of accounts that a person follows.
    reciprocity : float
        Chance that a follow between people of equal standing is returned.
    homophily : float
        Share of follows that go to people of the same taste: 0 none beyond
        chance, 1 all. Alike people follow each other and adopt alike without
        any influence.
    influence : float
        Scale of influence: 0 means that nobody influences anybody, 1 is ordinary.
    influence_spread : float
        Standard deviation of the logarithm of influence between people.
    influence_audience : float
        Correlation of log influence with log audience, -1 to 1.
    ineffective : float
        Share of people without any influence, whatever their audience.
    susceptibility : float
        Mean of how easily people are influenced; 1 is ordinary.
    half_life_hours : float
        Time between a post and its reading that halves its influence.
    reaction_minutes : float
        Median time between a post and its reading, sleep left out.
    buyers, bought_share : int, float
        People who bought followers, and bought accounts as a share of `people`.
    groups, group_size, co_actions : int
        Coordinated groups, members of each, posts that each reposts together.
    jitter_seconds : float
        Largest time between the first and last repost of a coordinated action.
    camouflage : float
        Share of a coordinated account's acts that are innocent, 0 to 0.95.
    fast_fans : int
        People who react at once to a few authors but coordinate with nobody.
    fan_seconds : float
        Their median reaction time.
    advocates : int
        Employees who share the brand's posts and say in their profile that
        they work for it.
    bursts : tuple of Burst, optional
        What happens to the brand; a launch and an outage unless told.
    gap_hours : float
        Length of one outage of the collection, at three quarters of the
        period; what happens in it is in no file. 0 for none.
    deletions : float
        Share of posts that their authors delete later.
    hidden : float
        Share of people whose number of followers the network hides.
    most_events : int
        Stop with an error where more acts and likes than this would follow.

    Raises
    ------
    ConfigError
        For a value out of its range, or numbers that do not go together.
    """

    people: int = 5000
    days: int = 90
    seed: int = 7
    start: date = date(2025, 3, 3)
    french: float = 0.6
    topics: int = 8
    posts_per_month: float = 1.0
    items_per_day: float = 2.0
    item_reach: float = 0.01
    own_accord: float = 1.0
    follows: float = 25.0
    reciprocity: float = 0.3
    homophily: float = 0.6
    influence: float = 1.0
    influence_spread: float = 1.0
    influence_audience: float = 0.2
    ineffective: float = 0.3
    susceptibility: float = 1.0
    half_life_hours: float = 12.0
    reaction_minutes: float = 45.0
    buyers: int = 3
    bought_share: float = 0.04
    groups: int = 2
    group_size: int = 5
    co_actions: int = 8
    jitter_seconds: float = 30.0
    camouflage: float = 0.5
    fast_fans: int = 12
    fan_seconds: float = 20.0
    advocates: int = 6
    bursts: tuple[Burst, ...] | None = None
    gap_hours: float = 36.0
    deletions: float = 0.02
    hidden: float = 0.05
    most_events: int = 60_000_000

    def __post_init__(self) -> None:
        for name, (kind, least, most) in _RANGES.items():
            _check(name, getattr(self, name), kind, least, most)
        if not isinstance(self.start, date) or isinstance(self.start, datetime):
            raise ConfigError(
                f"start is {self.start!r}.", where="world", valid=("a date such as 2025-03-03",)
            )
        # X numbers its posts from the fourth of November 2010, Mastodon and Bluesky are younger.
        if not date(2011, 1, 1) <= self.start <= date(2090, 1, 1):
            raise ConfigError(
                f"start is {self.start.isoformat()}.", where="world", valid=("2011-01-01 to 2090-01-01",)
            )
        special = 1 + self.buyers + self.groups * self.group_size + self.fast_fans + self.advocates
        if special > self.people // 2:
            raise ConfigError(
                f"{special} people would have a special part (the brand, buyers, coordinated accounts, "
                f"fast fans, advocates), more than half of {self.people}.",
                where="world",
                do="Raise people, or lower buyers, groups, group_size, fast_fans or advocates.",
            )
        for burst in self.bursts or ():
            if burst.kind not in EVENT_KINDS:
                raise ConfigError(
                    f"A burst is of kind {burst.kind!r}.", where="world.bursts", valid=EVENT_KINDS
                )
            _check("bursts.day", burst.day, float, 0.0, float(self.days))
            _check("bursts.strength", burst.strength, float, 0.0, 1000.0)
            _check("bursts.hours", burst.hours, float, 0.1, 1000.0)

    @property
    def starts_at(self) -> datetime:
        """The first moment, aware and UTC."""
        return datetime.combine(self.start, time(), UTC)

    @property
    def ends_at(self) -> datetime:
        """The first moment after the conversation."""
        return self.starts_at + timedelta(days=self.days)

    @property
    def gap(self) -> tuple[datetime, datetime] | None:
        """Start and end of the outage of the collection, or None."""
        if not self.gap_hours:
            return None
        first = self.starts_at + timedelta(days=self.days * 0.75)
        return first, min(first + timedelta(hours=self.gap_hours), self.ends_at)

    @property
    def happenings(self) -> tuple[Burst, ...]:
        """The bursts, with the defaults filled in."""
        if self.bursts is not None:
            return self.bursts
        return (
            Burst(self.days * 0.35, "launch", 2.5, 30.0),
            Burst(self.days * 0.6, "outage", 2.0, 10.0),
        )

    def as_json(self) -> dict[str, Any]:
        """Return the dials as plain data."""
        values = asdict(self)
        values["start"] = self.start.isoformat()
        values["bursts"] = [asdict(burst) for burst in self.happenings]
        return {field.name: values[field.name] for field in fields(self)}


_RANGES: dict[str, tuple[type, float, float]] = {
    "people": (int, 50, 5_000_000),
    "days": (int, 1, 3650),
    "seed": (int, 0, 2**63 - 1),
    "french": (float, 0, 1),
    "topics": (int, 1, MOST_TOPICS),
    "posts_per_month": (float, 0, 1000),
    "items_per_day": (float, 0, 1000),
    "item_reach": (float, 0, 0.5),
    "own_accord": (float, 0, 20),
    "follows": (float, 1, 2000),
    "reciprocity": (float, 0, 1),
    "homophily": (float, 0, 1),
    "influence": (float, 0, 20),
    "influence_spread": (float, 0, 3),
    "influence_audience": (float, -1, 1),
    "ineffective": (float, 0, 1),
    "susceptibility": (float, 0, 20),
    "half_life_hours": (float, 0.01, 10_000),
    "reaction_minutes": (float, 0.1, 100_000),
    "buyers": (int, 0, 100_000),
    "bought_share": (float, 0, 2),
    "groups": (int, 0, 10_000),
    "group_size": (int, 2, 10_000),
    "co_actions": (int, 0, 10_000),
    "jitter_seconds": (float, 0, 86_400),
    "camouflage": (float, 0, 0.95),
    "fast_fans": (int, 0, 100_000),
    "fan_seconds": (float, 0.1, 86_400),
    "advocates": (int, 0, 100_000),
    "gap_hours": (float, 0, 10_000),
    "deletions": (float, 0, 1),
    "hidden": (float, 0, 1),
    "most_events": (int, 1000, 2_000_000_000),
}


def _check(name: str, value: Any, kind: type, least: float, most: float) -> None:
    right = isinstance(value, int) if kind is int else isinstance(value, int | float)
    if not right or isinstance(value, bool) or not math.isfinite(value) or not least <= value <= most:
        what = "a whole number" if kind is int else "a number"
        raise ConfigError(
            f"{name} is {value!r}.", where="world", valid=(f"{what} from {least:g} to {most:g}",)
        )
