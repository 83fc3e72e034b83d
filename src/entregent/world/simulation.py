"""Run the world, and run it again without one person's influence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from entregent.clock import to_micros
from entregent.errors import InputError
from entregent.progress import Progress, Quiet, check
from entregent.world import kernels
from entregent.world.agenda import Agenda, agree
from entregent.world.kernels import ORIGIN, POST, REPOST
from entregent.world.keys import hash_of, unit
from entregent.world.population import Population, populate
from entregent.world.settings import WorldSettings

__all__ = [
    "KINDS",
    "REASONS",
    "Acts",
    "Effect",
    "Likes",
    "World",
    "effects",
    "extra_adoptions",
    "simulate",
    "warm",
]

KINDS = ("post", "reply", "quote", "repost")
REASONS = ("origin", "own", "seen", "influenced", "fan", "coordinated", "advocate", "care")
_CHUNKS = 64


class Acts(NamedTuple):
    """Every act on an item in order of time, shape (n_acts,). A post is the act that made it.

    Parameters
    ----------
    item, actor : ndarray of int32
        A person acts at most once on an item.
    time : ndarray of int64
        Microseconds since 1970.
    kind, reason : ndarray of int8
        Places in :data:`KINDS` and :data:`REASONS`.
    object : ndarray of int32
        The act that made the post which is reposted, quoted or replied to; -1 for a post.
    cause : ndarray of int32
        The act whose influence brought this one about; -1 where nobody's did.
    seen : ndarray of int32
        How many acts on the item by followed accounts the actor had seen by then.
    mention : ndarray of int32
        Account named in the text; -1 for none.
    deleted : ndarray of int64
        When the author deleted the post; 0 for never.
    uid : ndarray of uint64
        The same for the same act in any run of the same world.
    """

    item: NDArray[np.int32]
    actor: NDArray[np.int32]
    time: NDArray[np.int64]
    kind: NDArray[np.int8]
    reason: NDArray[np.int8]
    object: NDArray[np.int32]
    cause: NDArray[np.int32]
    seen: NDArray[np.int32]
    mention: NDArray[np.int32]
    deleted: NDArray[np.int64]
    uid: NDArray[np.uint64]


class Likes(NamedTuple):
    """Likes in order of time, shape (n_likes,); `object` is the act that made the liked post."""

    actor: NDArray[np.int32]
    object: NDArray[np.int32]
    time: NDArray[np.int64]
    uid: NDArray[np.uint64]


@dataclass(frozen=True)
class World:
    """A conversation and all that is true about it.

    Parameters
    ----------
    settings : WorldSettings
    without : int or None
        The person whose influence was set to 0.
    population : Population
    agenda : Agenda
    acts : Acts
    likes : Likes
    exposures : int
        How often a followed account's act was seen.
    """

    settings: WorldSettings
    without: int | None
    population: Population
    agenda: Agenda
    acts: Acts
    likes: Likes
    exposures: int

    @property
    def events(self) -> int:
        """Number of acts, likes and follows."""
        return int(self.acts.item.size + self.likes.actor.size + self.population.follows.follower.size)

    def adoptions(self) -> NDArray[np.int64]:
        """Return the number of adoptions of every item, its origin left out."""
        return np.bincount(self.acts.item, minlength=self.agenda.size) - 1

    def caused(self) -> NDArray[np.int64]:
        """Return how many adoptions each person's influence brought about at once.

        "Who caused it" is not the counterfactual: some of them would have
        acted later anyway, and those moved others in turn. See :func:`effects`.
        """
        causes = self.acts.cause[self.acts.cause >= 0]
        return np.bincount(self.acts.actor[causes], minlength=self.population.people)


@dataclass(frozen=True)
class Effect:
    """What one person's influence changed, in truth.

    Parameters
    ----------
    person : int
    total : int
        Adoptions with the person's influence minus adoptions without, all that
        followed from them included.
    direct : int
        Those of them that the person's own acts brought about.
    items : ndarray of int64
        Items on which the person acted; no other item can differ.
    extra : ndarray of int64
        The total by item.
    """

    person: int
    total: int
    direct: int
    items: NDArray[np.int64]
    extra: NDArray[np.int64]


def simulate(
    settings: WorldSettings, *, without: int | None = None, progress: Progress | None = None
) -> World:
    """Simulate the conversation.

    Parameters
    ----------
    settings : WorldSettings
    without : int, optional
        Set the influence of this person to 0 and keep every other draw
        (common random numbers): all that does not follow from the person's
        influence stays as it is, to the microsecond.
    progress : Progress, optional

    Returns
    -------
    World

    Raises
    ------
    InputError
        Where `without` is no person, or influence is so strong that more than
        ``settings.most_events`` acts would follow.
    Cancelled
        Where `progress` says so.

    Notes
    -----
    An item (a post, a link, a hashtag) starts with its author's post. People
    find it by themselves at a rate given by their taste, or see it when
    somebody they follow posts or reposts it. Who sees it acts of their own
    taste, or under the influence of who showed it, with a probability of
    influence x susceptibility x tie x 2^(-wait / half-life). Alike people
    follow each other, so they adopt alike whether influenced or not: the
    confounder that fools counting (Shalizi and Thomas 2011).

    To score an estimator of influence: run it on the written conversation,
    then compare its answer for a person with ``effects(world, [person])``.

    References
    ----------
    Shalizi, Thomas 2011, https://doi.org/10.1177/0049124111404820

    Examples
    --------
    >>> world = simulate(WorldSettings(people=200, days=10, influence=0.0))
    >>> int((world.acts.cause >= 0).sum())
    0
    """
    progress = progress or Quiet()
    progress.step("Prepare the simulation (compiled on first use, some twenty seconds)")
    warm()
    check(progress)
    progress.step("Draw the people")
    population = populate(settings)
    check(progress)
    agenda = agree(settings, population)
    influence = _influence(population, without)
    progress.step("Let the conversation run", agenda.size, "items")
    parts = []
    acts = events = exposures = 0
    for items in np.array_split(np.arange(agenda.size), min(_CHUNKS, max(1, agenda.size))):
        part = _spread(settings, population, agenda, influence, items, settings.most_events - events)
        for pointer in (part.object, part.cause, part.liked):
            pointer[pointer >= 0] += acts
        acts += part.item.size
        events += part.item.size + part.liker.size
        exposures += part.exposures
        parts.append(part)
        progress.advance(items.size, f"{events:,} acts")
        check(progress)
    return _world(settings, without, population, agenda, parts, exposures)


def effects(world: World, persons: Iterable[int], *, progress: Progress | None = None) -> tuple[Effect, ...]:
    """Return the true effect of each person: with minus without, by running the world again.

    Parameters
    ----------
    world : World
        Run with everybody's influence.
    persons : iterable of int
    progress : Progress, optional

    Returns
    -------
    tuple of Effect

    Notes
    -----
    Items do not touch each other, so only those on which the person acted run
    again; the answer is that of two whole runs (see :func:`extra_adoptions`).
    """
    progress = progress or Quiet()
    persons = list(persons)
    if world.without is not None:
        raise InputError(
            f"This world ran without person {world.without}.", do="Give the world that ran with everybody."
        )
    progress.step("Run the world again without each person", len(persons), "people")
    acts, people = world.acts, world.population.people
    adopted = world.adoptions() + 1
    found = []
    for person in persons:
        influence = _influence(world.population, person)
        items = np.unique(acts.item[acts.actor == person]).astype(np.int64)
        if world.population.influence[person] == 0.0 or not items.size:
            found.append(Effect(person, 0, 0, items, np.zeros(items.size, dtype=np.int64)))
        else:
            part = _spread(world.settings, world.population, world.agenda, influence, items)
            extra = adopted[items] - np.bincount(part.item, minlength=world.agenda.size)[items]
            caused = np.flatnonzero(acts.cause >= 0)
            caused = caused[acts.actor[acts.cause[caused]] == person]
            anyway = part.item.astype(np.int64) * people + part.actor
            pairs = acts.item[caused].astype(np.int64) * people + acts.actor[caused]
            direct = int((~np.isin(pairs, anyway)).sum())
            found.append(Effect(person, int(extra.sum()), direct, items, extra))
        progress.advance(1)
        check(progress)
    return tuple(found)


@cache
def warm() -> None:
    """Compile the kernels now, so that nobody waits for it later."""
    tiny = WorldSettings(people=50, days=1, buyers=0, groups=0, fast_fans=0, advocates=0)
    population = populate(tiny)
    agenda = agree(tiny, population)
    _spread(tiny, population, agenda, population.influence, np.arange(min(1, agenda.size)))


def extra_adoptions(settings: WorldSettings, person: int) -> int:
    """Return the adoptions that a person's influence adds, downstream included: two whole runs.

    Parameters
    ----------
    settings : WorldSettings
    person : int
        0 (the brand) up to but not including ``settings.people``.

    Returns
    -------
    int
    """
    return int(simulate(settings).acts.item.size - simulate(settings, without=person).acts.item.size)


def _influence(population: Population, without: int | None) -> NDArray[np.float64]:
    if without is None:
        return population.influence
    if not 0 <= without < population.people:
        raise InputError(f"There is no person {without}.", valid=(f"0 to {population.people - 1}",))
    influence = population.influence.copy()
    influence[without] = 0.0
    return influence


class _Part(NamedTuple):
    item: NDArray[np.int32]
    actor: NDArray[np.int32]
    time: NDArray[np.int64]
    kind: NDArray[np.int8]
    reason: NDArray[np.int8]
    object: NDArray[np.int32]
    cause: NDArray[np.int32]
    seen: NDArray[np.int32]
    liker: NDArray[np.int32]
    liked: NDArray[np.int32]
    like_time: NDArray[np.int64]
    exposures: int


def _spread(
    settings: WorldSettings,
    population: Population,
    agenda: Agenda,
    influence: NDArray[np.float64],
    items: NDArray[np.int64],
    most: int | None = None,
) -> _Part:
    people, follows = population.people, population.follows
    most = settings.most_events if most is None else most
    answer: Sequence[Any] = kernels.spread(
        np.uint64(settings.seed),
        items,
        to_micros(settings.ends_at),
        agenda.author,
        agenda.time,
        agenda.topic,
        agenda.lang,
        agenda.kind,
        agenda.own,
        agenda.pull,
        agenda.seed_span,
        agenda.seed_person,
        agenda.seed_time,
        agenda.seed_reason,
        population.finders,
        influence[:people],
        population.susceptibility[:people],
        population.attention[:people],
        np.sqrt(population.activity[:people]),
        population.taste,
        population.lang,
        population.offset[:people],
        follows.indptr,
        follows.follower,
        follows.tie,
        follows.since,
        follows.fan,
        float(settings.own_accord),
        settings.half_life_hours * 3600e6,
        float(settings.reaction_minutes),
        float(settings.fan_seconds),
        most,
    )
    if answer[12]:
        raise InputError(
            f"The conversation explodes: more than {settings.most_events:,} acts.",
            where="world",
            do="Lower influence, susceptibility, follows or own_accord, or raise most_events.",
        )
    return _Part(*answer[:12])


def _world(
    settings: WorldSettings,
    without: int | None,
    population: Population,
    agenda: Agenda,
    parts: list[_Part],
    exposures: int,
) -> World:
    columns: list[Any] = [np.concatenate([part[at] for part in parts]) for at in range(11)]
    joined = _Part._make([*columns, exposures])
    order = np.argsort(joined.time, kind="stable").astype(np.int32)
    place = np.empty(order.size, dtype=np.int32)
    place[order] = np.arange(order.size, dtype=np.int32)

    def moved(pointer: NDArray[np.int32]) -> NDArray[np.int32]:
        return np.where(pointer >= 0, place[np.maximum(pointer, 0)], np.int32(-1)) if place.size else pointer

    item, actor, kind = joined.item[order], joined.actor[order], joined.kind[order]
    time, reason = joined.time[order], joined.reason[order]
    uid = hash_of(settings.seed, 21, item, actor)
    draw = unit(hash_of(settings.seed, 22, item, actor))
    wait = np.exp(1.8 + 3.0 * (unit(hash_of(settings.seed, 23, item, actor)) - 0.5)) * 3600e6
    gone = (draw < settings.deletions) & (kind != REPOST)
    author = agenda.author[item] if item.size else item
    via = (kind == POST) & (reason != ORIGIN) & (unit(hash_of(settings.seed, 24, item, actor)) < 0.25)
    named = np.where(via, author, np.int32(-1))
    origin = reason == ORIGIN
    named[origin] = agenda.mention[item[origin]]
    acts = Acts(
        item=item,
        actor=actor,
        time=time,
        kind=kind,
        reason=reason,
        object=moved(joined.object[order]),
        cause=moved(joined.cause[order]),
        seen=joined.seen[order],
        mention=named,
        deleted=np.where(gone, time + wait.astype(np.int64), 0),
        uid=uid,
    )
    late = np.argsort(joined.like_time, kind="stable")
    liker, liked = joined.liker[late], moved(joined.liked[late])
    likes = Likes(liker, liked, joined.like_time[late], hash_of(settings.seed, 25, acts.item[liked], liker))
    return World(settings, without, population, agenda, acts, likes, exposures)
