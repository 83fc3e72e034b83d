"""What the three formats share: counts, entities in texts, what a collector saw."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entregent.clock import to_micros
from entregent.progress import Progress
from entregent.world.kernels import QUOTE, REPLY, REPOST
from entregent.world.simulation import World

__all__ = ["Counts", "Entity", "Network", "View", "entities"]

_ENTITY = re.compile(r"https?://[^\s<>\"]+|(?<![\w@])@[A-Za-z0-9_][A-Za-z0-9_.\-]*[A-Za-z0-9_]|(?<!\w)#\w+")


class Entity(NamedTuple):
    """A link, mention or hashtag in a text: ends in characters, kind by its first character."""

    start: int
    end: int
    text: str


def entities(text: str) -> list[Entity]:
    """Return links, mentions and hashtags in order.

    >>> [e.text for e in entities("L’aube #ÉtoileDeNuit, via @lea_rail https://a.example/x?b=1")]
    ['#ÉtoileDeNuit', '@lea_rail', 'https://a.example/x?b=1']
    """
    if not ("#" in text or "@" in text or "://" in text):
        return []
    return [Entity(found.start(), found.end(), found.group()) for found in _ENTITY.finditer(text)]


class Counts(NamedTuple):
    """Reactions to the post of each act, shape (n_acts,)."""

    reposts: NDArray[np.int64]
    replies: NDArray[np.int64]
    quotes: NDArray[np.int64]
    likes: NDArray[np.int64]


@dataclass(frozen=True)
class View:
    """The world as a collector of a network sees it."""

    world: World

    @cached_property
    def counts(self) -> Counts:
        """Reactions to every post."""
        acts, size = self.world.acts, self.world.acts.item.size

        def of(kind: int) -> NDArray[np.int64]:
            return np.bincount(acts.object[acts.kind == kind], minlength=size)

        return Counts(of(REPOST), of(REPLY), of(QUOTE), np.bincount(self.world.likes.object, minlength=size))

    @cached_property
    def followers(self) -> NDArray[np.int64]:
        """Followers that the network shows, bought ones among them; -1 where it hides the number."""
        real, bought = self.world.population.audience()
        return np.where(self.world.population.hidden, -1, real + bought)

    @cached_property
    def following(self) -> NDArray[np.int64]:
        """Accounts that each account follows."""
        return np.bincount(self.world.population.follows.follower, minlength=self.world.population.size)

    @cached_property
    def posted(self) -> NDArray[np.int64]:
        """Posts that the network shows for each account, those before the conversation among them."""
        own = np.bincount(self.world.acts.actor, minlength=self.world.population.size)
        return own + (self.world.population.joined // 1_000_000 % 997) * (1 + own)

    def missed(self, micros: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return whether a moment fell into the outage of the collection."""
        gap = self.world.settings.gap
        if gap is None:
            return np.zeros(micros.size, dtype=bool)
        return (micros >= to_micros(gap[0])) & (micros < to_micros(gap[1]))

    def standing_acts(self) -> NDArray[np.int64]:
        """Return the acts that a collection by request shows, in order of time.

        Deleted posts, and what reposts them, are gone; what happened in the
        outage was never asked for. Posts that others quote, repost or answer
        stay visible inside those.
        """
        acts = self.world.acts
        gone = (acts.deleted > 0) & (acts.deleted < to_micros(self.world.settings.ends_at))
        lost = gone | ((acts.kind == REPOST) & gone[acts.object])
        return np.flatnonzero(~lost & ~self.missed(acts.time))


class Network(Protocol):
    """One format: ids as it writes them, and the writing."""

    prefix: str
    carries_follows: bool

    def account_ids(self) -> pa.Array:
        """Native ids of all accounts."""

    def act_ids(self) -> pa.Array:
        """Native ids of the records of all acts, as a reader of the files names them."""

    def handles(self) -> list[str]:
        """Handles of all accounts."""

    def write(self, sink: Callable[[bytes], object], progress: Progress) -> int:
        """Write all lines and return their number."""
