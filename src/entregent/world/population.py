"""Who lives in the world: tastes, standing, influence, and who follows whom."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from entregent.clock import to_micros
from entregent.world.kernels import follow_pairs
from entregent.world.settings import WorldSettings

__all__ = ["BRAND", "DAY", "ENGLISH", "FRENCH", "Follows", "Population", "populate"]

FRENCH, ENGLISH = 0, 1
BRAND = 0
"""The account of the brand is the first of all."""

DAY = 86_400_000_000
"""Microseconds."""
_BASE_INFLUENCE = 0.05


@dataclass(frozen=True)
class Follows:
    """Who follows whom, by the followed: rows `indptr[v]` to `indptr[v + 1]` are the followers of v.

    Parameters
    ----------
    indptr : ndarray of int64, shape (n_accounts + 1,)
    follower : ndarray of int32, shape (n_follows,)
    tie : ndarray of float32, shape (n_follows,)
        Strength in (0, 1]; returned follows are stronger.
    since : ndarray of int64, shape (n_follows,)
        Microseconds since 1970.
    fan : ndarray of bool, shape (n_follows,)
        Whether the follower is a fast fan of the followed.
    """

    indptr: NDArray[np.int64]
    follower: NDArray[np.int32]
    tie: NDArray[np.float32]
    since: NDArray[np.int64]
    fan: NDArray[np.bool_]

    def followed(self) -> NDArray[np.int32]:
        """Return the followed account of every row."""
        return np.repeat(np.arange(self.indptr.size - 1, dtype=np.int32), np.diff(self.indptr))


@dataclass(frozen=True)
class Population:
    """All accounts: real people first (the brand is person 0), then bought accounts.

    Arrays have the shape (n_accounts,), `taste` (people, topics).
    """

    people: int
    lang: NDArray[np.int8]
    community: NDArray[np.int32]
    taste: NDArray[np.float32]
    standing: NDArray[np.float64]
    activity: NDArray[np.float64]
    attention: NDArray[np.float64]
    influence: NDArray[np.float64]
    susceptibility: NDArray[np.float64]
    offset: NDArray[np.int64]
    joined: NDArray[np.int64]
    group: NDArray[np.int32]
    fan: NDArray[np.bool_]
    advocate: NDArray[np.bool_]
    buyer: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    follows: Follows

    @property
    def size(self) -> int:
        """Number of accounts."""
        return int(self.lang.size)

    @property
    def bought(self) -> NDArray[np.bool_]:
        """Whether each account was bought."""
        return np.arange(self.size) >= self.people

    @cached_property
    def finders(self) -> NDArray[np.float64]:
        """Cumulated chances of finding an item by oneself, shape (topics * 2, people).

        Row ``2 * topic + language``; by taste and activity, whoever follows whom.
        """
        people, topics = self.taste.shape
        rows = np.empty((topics * 2, people))
        weight = np.sqrt(self.activity[:people])
        weight[BRAND] = 0.0
        for topic in range(topics):
            fond = weight * self.taste[:, topic].astype(np.float64) ** 2
            for lang in (FRENCH, ENGLISH):
                fluent = np.where(self.lang[:people] == lang, 1.0, 0.12)
                rows[topic * 2 + lang] = np.cumsum(fond * fluent)
        return rows

    def audience(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the numbers of real and of bought followers of every account."""
        total = np.diff(self.follows.indptr)
        fake = np.concatenate(([0], np.cumsum(self.follows.follower >= self.people)))
        bought = fake[self.follows.indptr[1:]] - fake[self.follows.indptr[:-1]]
        return total - bought, bought


def populate(settings: WorldSettings) -> Population:
    """Draw everybody and the graph of follows.

    Parameters
    ----------
    settings : WorldSettings

    Returns
    -------
    Population
    """
    rng = np.random.default_rng([settings.seed, 1])
    people, topics = settings.people, settings.topics
    fakes = round(settings.bought_share * people) if settings.buyers else 0
    size = people + fakes

    lang = (rng.random(size) >= settings.french).astype(np.int8)
    lang[BRAND] = FRENCH if settings.french > 0 else ENGLISH
    # Communities of unequal size, none so small that it has no people to follow.
    shares = 1.0 / np.sqrt(np.arange(1, topics + 1))
    community = rng.choice(topics, size=size, p=shares / shares.sum()).astype(np.int32)
    own = 0.45 + 0.4 * rng.random((people, 1))
    rest = rng.dirichlet(np.full(topics, 0.5), size=people)
    taste = ((1.0 - own) * rest).astype(np.float32)
    taste[np.arange(people), community[:people]] += own[:, 0].astype(np.float32)

    standing = np.minimum(rng.pareto(1.5, people) + 1.0, 0.15 * people**0.85 + 5.0)
    standing[BRAND] = standing.max() * 1.5
    level = (np.argsort(np.argsort(standing)) + 0.5) / people
    activity = np.exp(1.2 * (0.25 * ndtri(level) + np.sqrt(1 - 0.25**2) * rng.standard_normal(people)))
    activity = np.minimum(activity / activity.mean(), 60.0)
    attention = rng.beta(2.0, 4.5, people)
    clock = np.where(lang[:people] == FRENCH, 75, np.where(rng.random(people) < 0.5, 0, -300))
    offset = (clock + rng.normal(0.0, 50.0, people)).astype(np.int64)
    offset[BRAND] = 60

    parts = _parts(settings, rng, level)
    follows = _graph(settings, rng, lang[:people], community[:people], standing, parts, size)
    real = np.bincount(follows.followed()[follows.follower < people], minlength=size)[:people]

    rank = (np.argsort(np.argsort(real + rng.random(people))) + 0.5) / people
    tilt = settings.influence_audience
    draw = tilt * ndtri(rank) + np.sqrt(1.0 - tilt**2) * rng.standard_normal(people)
    spread = settings.influence_spread
    influence = settings.influence * _BASE_INFLUENCE * np.exp(spread * draw - spread**2 / 2)
    influence[rng.random(people) < settings.ineffective] = 0.0
    susceptibility = settings.susceptibility * np.exp(0.6 * rng.standard_normal(people) - 0.18)

    start = to_micros(settings.starts_at)
    first_follow = np.full(size, start, dtype=np.int64)
    np.minimum.at(first_follow, follows.follower, follows.since)
    age = np.where(np.arange(size) < people, 2 + 60 * rng.random(size), 1 + 40 * rng.random(size))
    hidden = np.zeros(size, dtype=bool)
    hidden[:people] = rng.random(people) < settings.hidden
    hidden[BRAND] = False

    def whole(values: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate((values, np.zeros(fakes, dtype=values.dtype)))

    return Population(
        people=people,
        lang=lang,
        community=community,
        taste=taste,
        standing=whole(standing),
        activity=whole(activity),
        attention=whole(attention),
        influence=whole(influence),
        susceptibility=whole(susceptibility),
        offset=whole(offset),
        joined=first_follow - (age * DAY).astype(np.int64),
        group=np.concatenate((parts.group, np.full(fakes, -1, dtype=np.int32))),
        fan=whole(parts.fan),
        advocate=whole(parts.advocate),
        buyer=whole(parts.buyer),
        hidden=hidden,
        follows=follows,
    )


@dataclass(frozen=True)
class _Parts:
    group: NDArray[np.int32]
    fan: NDArray[np.bool_]
    advocate: NDArray[np.bool_]
    buyer: NDArray[np.bool_]
    pairs: NDArray[np.int64]
    fan_pairs: NDArray[np.int64]


def _parts(settings: WorldSettings, rng: np.random.Generator, level: NDArray[np.float64]) -> _Parts:
    """Give the special parts to different people, and the follows that come with them."""
    people = settings.people
    free = np.ones(people, dtype=bool)
    free[BRAND] = False

    def cast(count: int, low: float, high: float) -> NDArray[np.int64]:
        fit = np.flatnonzero(free & (level >= low) & (level <= high))
        if fit.size < count:
            fit = np.flatnonzero(free)
        chosen = rng.choice(fit, size=count, replace=False)
        free[chosen] = False
        return chosen

    buyer = np.zeros(people, dtype=bool)
    buyer[cast(settings.buyers, 0.7, 0.95)] = True
    group = np.full(people, -1, dtype=np.int32)
    for number in range(settings.groups):
        group[cast(settings.group_size, 0.1, 0.8)] = number
    fan = np.zeros(people, dtype=bool)
    fans = cast(settings.fast_fans, 0.1, 0.8)
    fan[fans] = True
    advocate = np.zeros(people, dtype=bool)
    advocates = cast(settings.advocates, 0.2, 0.9)
    advocate[advocates] = True

    pairs = [np.stack((advocates, np.full(advocates.size, BRAND)), axis=1)]
    # Few authors for many fans, so that fans meet on the same posts without any agreement.
    idols = np.argsort(-level)[1 : 2 + max(2, settings.fast_fans // 4)]
    liked = [rng.choice(idols, size=min(3, idols.size), replace=False) for _ in fans]
    fan_pairs = np.array(
        [(one, idol) for one, few in zip(fans, liked, strict=True) for idol in few if one != idol]
    )
    fan_pairs = fan_pairs.reshape(-1, 2).astype(np.int64)
    return _Parts(group, fan, advocate, buyer, np.concatenate((*pairs, fan_pairs)), fan_pairs)


def _graph(
    settings: WorldSettings,
    rng: np.random.Generator,
    lang: NDArray[np.int8],
    community: NDArray[np.int32],
    standing: NDArray[np.float64],
    parts: _Parts,
    size: int,
) -> Follows:
    people = settings.people
    degree = np.exp(np.log(settings.follows * 0.6) + 0.9 * rng.standard_normal(people))
    degree = np.clip(degree.round(), 1, people // 2).astype(np.int64)
    circle = lang.astype(np.int64) * settings.topics + community
    order = np.argsort(circle, kind="stable").astype(np.int32)
    circles = 2 * settings.topics
    bounds = np.searchsorted(circle[order], np.arange(circles + 1))
    tastes = np.stack((bounds[:-1], bounds[1:]), axis=1)
    languages = np.array([(bounds[0], bounds[settings.topics]), (bounds[settings.topics], bounds[-1])])
    follower, followed = follow_pairs(
        np.uint64(settings.seed),
        degree,
        standing,
        order,
        np.cumsum(standing[order]),
        languages.astype(np.int64),
        tastes.astype(np.int64),
        circle,
        lang,
        settings.homophily,
        settings.reciprocity,
    )
    extra = _bought_pairs(settings, rng, parts, standing, size)
    source = np.concatenate((follower, parts.pairs[:, 0], extra[:, 0])).astype(np.int64)
    target = np.concatenate((followed, parts.pairs[:, 1], extra[:, 1])).astype(np.int64)
    other = source != target
    arcs = np.unique(target[other] * size + source[other])
    target, source = np.divmod(arcs, size)

    returned = np.isin(source * size + target, arcs, assume_unique=True)
    draw = rng.random(arcs.size)
    tie = np.where(returned, 0.5 + 0.5 * draw, 0.15 + 0.85 * draw**2).astype(np.float32)
    fan_arcs = parts.fan_pairs[:, 1] * size + parts.fan_pairs[:, 0]

    start, span = to_micros(settings.starts_at), settings.days * DAY
    old = start - (rng.exponential(250.0, arcs.size) % 700.0 * DAY).astype(np.int64) - 1
    new = start + (rng.random(arcs.size) * span).astype(np.int64)
    since = np.where(rng.random(arcs.size) < 0.06, new, old)
    # Bought followers come all at once: one delivery per buyer, within two days.
    delivery = start + (span * (0.15 + 0.7 * rng.random(people))).astype(np.int64)
    fake = source >= people
    ordered = delivery[np.where(fake, target, 0)] + (rng.random(arcs.size) * 2 * DAY).astype(np.int64)
    since = np.where(fake & parts.buyer[np.minimum(target, people - 1)], ordered, since)
    indptr = np.concatenate(([0], np.cumsum(np.bincount(target, minlength=size)))).astype(np.int64)
    return Follows(indptr, source.astype(np.int32), tie, since, np.isin(arcs, fan_arcs))


def _bought_pairs(
    settings: WorldSettings,
    rng: np.random.Generator,
    parts: _Parts,
    standing: NDArray[np.float64],
    size: int,
) -> NDArray[np.int64]:
    """Bought accounts follow most buyers, and a few known accounts so as to look ordinary."""
    people = settings.people
    fakes = np.arange(people, size)
    buyers = np.flatnonzero(parts.buyer)
    if not fakes.size:
        return np.empty((0, 2), dtype=np.int64)
    bought = np.stack(np.meshgrid(fakes, buyers, indexing="ij"), axis=-1).reshape(-1, 2)
    bought = bought[rng.random(len(bought)) < 0.7]
    known = rng.choice(people, size=(fakes.size, 4), p=standing / standing.sum())
    shown = np.stack((np.repeat(fakes, 4), known.ravel()), axis=1)
    shown = shown[~parts.buyer[shown[:, 1]]]
    return np.concatenate((bought, shown)).astype(np.int64)
