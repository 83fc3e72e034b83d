"""What there is to talk about: posts, links and hashtags, and acts that somebody planned."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from entregent.clock import to_micros
from entregent.world.kernels import ADVOCATE, CARE, COORDINATED, HASHTAG, LINK, OWN, PLAIN
from entregent.world.population import BRAND, DAY, ENGLISH, FRENCH, Population
from entregent.world.settings import WorldSettings

__all__ = ["INTENTS", "Agenda", "agree"]

INTENTS = ("chatter", "praise", "complaint", "request", "question", "news", "launch", "outage")
_CHATTER, _PRAISE, _COMPLAINT, _REQUEST, _QUESTION, _NEWS, _LAUNCH, _OUTAGE = range(8)
_MINUTE = 60_000_000
_ORDINARY = (0.27, 0.17, 0.17, 0.13, 0.14, 0.12, 0.0, 0.0)
_IN_BURST = {
    "launch": (0.05, 0.3, 0.08, 0.0, 0.2, 0.05, 0.32, 0.0),
    "outage": (0.0, 0.0, 0.35, 0.12, 0.18, 0.0, 0.0, 0.35),
}


@dataclass(frozen=True)
class Agenda:
    """Items in order of time, shape (n_items,), and planned acts by item.

    Rows ``seed_span[i]`` to ``seed_span[i + 1]`` of the ``seed_`` arrays are
    the planned acts on item i. `own` is the expected number of people who find
    the item by themselves, `pull` how strongly it speaks to a taste.
    """

    author: NDArray[np.int32]
    time: NDArray[np.int64]
    topic: NDArray[np.int32]
    lang: NDArray[np.int8]
    kind: NDArray[np.int8]
    intent: NDArray[np.int8]
    own: NDArray[np.float64]
    pull: NDArray[np.float64]
    mention: NDArray[np.int32]
    seed_span: NDArray[np.int64]
    seed_person: NDArray[np.int32]
    seed_time: NDArray[np.int64]
    seed_reason: NDArray[np.int8]

    @property
    def size(self) -> int:
        """Number of items."""
        return int(self.author.size)


def agree(settings: WorldSettings, population: Population) -> Agenda:
    """Draw the items and the planned acts.

    Parameters
    ----------
    settings : WorldSettings
    population : Population

    Returns
    -------
    Agenda
    """
    rng = np.random.default_rng([settings.seed, 2])
    people, days = settings.people, settings.days
    start, end = to_micros(settings.starts_at), to_micros(settings.ends_at)
    activity = population.activity[:people]

    each = rng.poisson(activity * settings.posts_per_month * days / 30.0)
    each[BRAND] = rng.poisson(1.2 * days) if settings.posts_per_month else 0
    authors = [np.repeat(np.arange(people), each)]
    times = [_moments(rng, settings, population.offset[authors[0]])]
    kinds = [np.full(authors[0].size, PLAIN)]
    intents = [rng.choice(8, size=authors[0].size, p=_ORDINARY)]
    forced = [np.full(authors[0].size, -1)]

    daily = authors[0].size / days
    share = activity / activity.sum()
    for burst in settings.happenings:
        count = rng.poisson(daily * burst.strength)
        free = rng.poisson(min(4.0, settings.items_per_day) * 1.5)
        authors.append(rng.choice(people, size=count + free, p=share))
        wait = rng.exponential(burst.hours * 3600e6, count + free)
        times.append(
            _up(rng, start + (burst.day * DAY + wait).astype(np.int64), population.offset[authors[-1]])
        )
        kinds.append(np.r_[np.full(count, PLAIN), rng.choice((LINK, HASHTAG), size=free)])
        intents.append(rng.choice(8, size=count + free, p=_IN_BURST[burst.kind]))
        forced.append(np.full(count + free, (4 if burst.kind == "launch" else 0) % settings.topics))

    free = rng.poisson(settings.items_per_day * days)
    known = population.standing[:people] ** 0.8
    authors.append(rng.choice(people, size=free, p=known / known.sum()))
    times.append(_moments(rng, settings, population.offset[authors[-1]]))
    kinds.append(rng.choice((LINK, HASHTAG), size=free, p=(0.6, 0.4)))
    intents.append(np.where(kinds[-1] == LINK, _NEWS, rng.choice((_CHATTER, _PRAISE), size=free)))
    forced.append(np.full(free, -1))

    author, time = np.concatenate(authors), np.concatenate(times)
    kept = np.flatnonzero((time >= start) & (time < end))
    kept = kept[np.argsort(time[kept], kind="stable")]
    author, time = author[kept].astype(np.int32), time[kept]
    kind = np.concatenate(kinds)[kept].astype(np.int8)
    intent = np.concatenate(intents)[kept].astype(np.int8)
    topic = np.concatenate(forced)[kept]
    taste = np.cumsum(population.taste[author], axis=1)
    by_taste = (rng.random((author.size, 1)) * taste[:, -1:] >= taste).sum(axis=1)
    topic = np.where(topic >= 0, topic, np.minimum(by_taste, settings.topics - 1)).astype(np.int32)

    brand = author == BRAND
    intent[brand & (kind == PLAIN)] = rng.choice(
        (_NEWS, _CHATTER, _LAUNCH), size=int((brand & (kind == PLAIN)).sum())
    )
    topic[brand] = rng.integers(0, settings.topics, int(brand.sum()))
    lang = population.lang[author].copy()
    if 0 < settings.french < 1:
        lang[brand] = np.where(rng.random(int(brand.sum())) < settings.french, FRENCH, ENGLISH)

    appeal = np.exp(0.8 * rng.standard_normal(author.size) - 0.32)
    plain = kind == PLAIN
    own = settings.own_accord * appeal * np.where(plain, 0.12, settings.item_reach * people)
    asks = np.isin(intent, (_COMPLAINT, _REQUEST, _QUESTION))
    named = rng.random(author.size) < np.where(asks, 0.75, 0.12)
    mention = np.where(named & ~brand, BRAND, -1)
    other = rng.random(author.size) < 0.06
    friend = rng.choice(people, size=author.size, p=known / known.sum())
    mention = np.where(other & (friend != author), friend, mention).astype(np.int32)

    items = Agenda(
        author=np.asarray(author, dtype=np.int32),
        time=time,
        topic=topic,
        lang=lang,
        kind=kind,
        intent=intent,
        own=own,
        pull=np.minimum(appeal, 4.0),
        mention=mention,
        seed_span=np.zeros(author.size + 1, dtype=np.int64),
        seed_person=np.empty(0, dtype=np.int32),
        seed_time=np.empty(0, dtype=np.int64),
        seed_reason=np.empty(0, dtype=np.int8),
    )
    return _with_plans(settings, population, items, asks & (mention == BRAND))


def _moments(
    rng: np.random.Generator, settings: WorldSettings, offset: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Days with quieter week-ends, hours with the peaks of commuting, lunch and evening."""
    size = offset.size
    week = np.array([1.1, 1.1, 1.1, 1.1, 1.15, 0.75, 0.7])
    weight = week[(settings.start.weekday() + np.arange(settings.days)) % 7]
    day = rng.choice(settings.days, size=size, p=weight / weight.sum())
    peak = rng.choice(4, size=size, p=(0.3, 0.2, 0.35, 0.15))
    minute = np.array([495.0, 765.0, 1110.0, 1290.0])[peak]
    minute += np.array([70.0, 60.0, 100.0, 70.0])[peak] * rng.standard_normal(size)
    moment = ((day * 1440 + minute - offset) * _MINUTE).astype(np.int64) + rng.integers(0, _MINUTE, size)
    moment %= settings.days * DAY
    return np.asarray(moment + to_micros(settings.starts_at), dtype=np.int64)


def _up(rng: np.random.Generator, moment: NDArray[np.int64], offset: NDArray[np.int64]) -> NDArray[np.int64]:
    """Put off what falls into the night until after getting up."""
    minute = (moment // _MINUTE + offset) % 1440
    wait = np.where(minute < 390, 390 - minute + rng.exponential(40.0, moment.size), 0.0)
    return moment + (wait * _MINUTE).astype(np.int64)


def _with_plans(
    settings: WorldSettings, population: Population, items: Agenda, asks: NDArray[np.bool_]
) -> Agenda:
    rng = np.random.default_rng([settings.seed, 3])
    start, span = to_micros(settings.starts_at), settings.days * DAY
    plans: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], int]] = []

    # Coordinated groups: the same posts, within the jitter, at an hour when somebody is up.
    within = np.flatnonzero((items.time > start + 0.05 * span) & (items.time < start + 0.93 * span))
    within = within[items.author[within] != BRAND]
    for number in range(settings.groups):
        members = np.flatnonzero(population.group == number)
        targets = rng.permutation(within)[: settings.co_actions]
        wait = ((0.1 + rng.exponential(2.0, targets.size)) * 3600e6).astype(np.int64)
        base = _up(rng, items.time[targets] + wait, np.repeat(population.offset[members[0]], targets.size))
        takes = rng.random((targets.size, members.size)) < 0.85
        takes[:, : min(3, members.size)] = True
        at, who = np.nonzero(takes)
        late = (rng.random(at.size) * settings.jitter_seconds * 1e6).astype(np.int64)
        plans.append((targets[at], members[who], base[at] + late, COORDINATED))
        innocent = round(settings.co_actions * settings.camouflage / (1.0 - settings.camouflage))
        if innocent and items.size:
            chosen = rng.integers(0, items.size, size=(members.size, innocent)).ravel()
            wait = np.exp(np.log(3.0) + 1.1 * rng.standard_normal(chosen.size)) * 3600e6
            actor = np.repeat(members, innocent)
            when = _up(rng, items.time[chosen] + wait.astype(np.int64), population.offset[actor])
            plans.append((chosen, actor, when, OWN))

    # Advocates get the brand's news at nine and share within the morning.
    of_brand = np.flatnonzero(items.author == BRAND)
    advocates = np.flatnonzero(population.advocate)
    at, who = np.nonzero(rng.random((of_brand.size, advocates.size)) < 0.4)
    chosen, actor = of_brand[at], advocates[who]
    minute = (items.time[chosen] // _MINUTE + population.offset[actor]) % 1440
    wait = (540 - minute) % 1440 + np.exp(np.log(25.0) + 0.8 * rng.standard_normal(chosen.size))
    plans.append((chosen, actor, items.time[chosen] + (wait * _MINUTE).astype(np.int64), ADVOCATE))

    answered = np.flatnonzero(asks & (items.author != BRAND) & (rng.random(items.size) < 0.7))
    wait = np.exp(np.log(38.0) + 0.9 * rng.standard_normal(answered.size)) * _MINUTE
    desk = np.full(answered.size, BRAND)
    when = _up(rng, items.time[answered] + wait.astype(np.int64), population.offset[desk])
    plans.append((answered, desk, when, CARE))

    item = np.concatenate([plan[0] for plan in plans])
    person = np.concatenate([plan[1] for plan in plans])
    moment = np.concatenate([plan[2] for plan in plans])
    reason = np.concatenate([np.full(plan[0].size, plan[3]) for plan in plans])
    kept = items.author[item] != person
    item, person, moment, reason = item[kept], person[kept], moment[kept], reason[kept]
    order = np.lexsort((moment, item))
    spans = np.concatenate(([0], np.cumsum(np.bincount(item, minlength=items.size))))
    return replace(
        items,
        seed_span=spans.astype(np.int64),
        seed_person=person[order].astype(np.int32),
        seed_time=moment[order],
        seed_reason=reason[order].astype(np.int8),
    )
