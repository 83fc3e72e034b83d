"""The compiled loops: who follows whom, and how an item spreads.

Functions that call each other share this file, because a cached kernel does
not notice that a callee elsewhere has changed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from entregent.compiling import compiled

__all__ = [
    "ADVOCATE",
    "CARE",
    "COORDINATED",
    "FAN",
    "HASHTAG",
    "INFLUENCED",
    "LINK",
    "ORIGIN",
    "OWN",
    "PLAIN",
    "POST",
    "QUOTE",
    "REPLY",
    "REPOST",
    "SEEN",
    "follow_pairs",
    "spread",
]

POST, REPLY, QUOTE, REPOST = 0, 1, 2, 3
"""Kinds of act; all but a repost make a post."""

ORIGIN, OWN, SEEN, INFLUENCED, FAN, COORDINATED, ADVOCATE, CARE = range(8)
"""Why an act happened: it starts an item; own accord without having seen it;
own taste on seeing it; influence of who showed it; habit of a fast fan; an
agreed action; a declared advocate; the brand answers a customer."""

_LIKE = 100

PLAIN, LINK, HASHTAG = 0, 1, 2
"""Kinds of item: an ordinary post, a link, a hashtag."""


_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_S11, _S27, _S30, _S31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)
_ONE = np.uint64(1)
_HOUR = 3_600_000_000
_MINUTE = 60_000_000


@compiled
def _mixed(value: Any) -> Any:
    value = (value ^ (value >> _S30)) * _FIRST
    value = (value ^ (value >> _S27)) * _SECOND
    return value ^ (value >> _S31)


@compiled
def _key(value: Any, key: int) -> Any:
    return _mixed(value + (np.uint64(key) + _ONE) * _STEP)


@compiled
def _unit(value: Any) -> float:
    return float(value >> _S11) * 1.1102230246251565e-16


@compiled
def _normal(value: Any) -> float:
    first = _unit(_mixed(value ^ _FIRST))
    return math.sqrt(-2.0 * math.log(1.0 - first)) * math.cos(6.283185307179586 * _unit(value))


@compiled
def _awake(moment: int, offset: int, value: Any) -> int:
    # Between midnight and 6:30 by their own clock people sleep; they read after getting up.
    minute = (moment // _MINUTE + offset) % 1440
    if minute < 390:
        wait = 390 - minute - 40.0 * math.log(1.0 - _unit(value))
        return moment + int(wait * _MINUTE)
    return moment


@compiled
def _place(table: Any, first: int, last: int, value: float) -> int:
    # The place in table[first:last], rising, of the first number above value.
    last -= 1
    while first < last:
        middle = (first + last) >> 1
        if table[middle] > value:
            last = middle
        else:
            first = middle + 1
    return first


@compiled
def _grown(old: Any) -> Any:
    new = np.empty(max(16, 2 * old.shape[0]), old.dtype)
    # A loop, because assigning a slice takes a second to compile.
    for at in range(old.shape[0]):
        new[at] = old[at]
    return new


@compiled
def follow_pairs(
    seed: Any,
    degree: Any,
    popularity: Any,
    order: Any,
    cumulative: Any,
    language_span: Any,
    taste_span: Any,
    group: Any,
    language: Any,
    homophily: float,
    reciprocity: float,
) -> Any:
    """Draw who follows whom; pairs may repeat and a pair may be of one with itself."""
    count = 0
    cap = max(16, int(degree.sum() * 1.5))
    follower = np.empty(cap, np.int32)
    followed = np.empty(cap, np.int32)
    base = _key(_key(seed, 0), 11)
    people = degree.shape[0]
    for u in range(people):
        mine = _key(base, u)
        for j in range(degree[u]):
            draw = _key(mine, j)
            mode = _unit(draw)
            if mode < homophily:
                first, last = taste_span[group[u], 0], taste_span[group[u], 1]
            elif _unit(_mixed(draw ^ _FIRST)) < 0.85:
                first, last = language_span[language[u], 0], language_span[language[u], 1]
            else:
                first, last = 0, people
            low = cumulative[first - 1] if first > 0 else 0.0
            high = cumulative[last - 1]
            v = order[_place(cumulative, first, last, low + (high - low) * _unit(_mixed(draw ^ _SECOND)))]
            if count + 2 > follower.shape[0]:
                follower = _grown(follower)
                followed = _grown(followed)
            follower[count] = u
            followed[count] = v
            count += 1
            likely = reciprocity * min(1.0, popularity[u] / popularity[v])
            if _unit(_mixed(draw ^ _STEP)) < likely:
                follower[count] = v
                followed[count] = u
                count += 1
    return follower[:count], followed[:count]


@compiled
def _pushed(times: Any, slots: Any, size: int, moment: int, slot: int) -> None:
    at = size
    while at > 0:
        up = (at - 1) >> 1
        if times[up] <= moment:
            break
        times[at] = times[up]
        slots[at] = slots[up]
        at = up
    times[at] = moment
    slots[at] = slot


@compiled
def _popped(times: Any, slots: Any, size: int) -> None:
    # Removes the root of a heap of that size: the last takes its place and sinks.
    size -= 1
    moment, slot = times[size], slots[size]
    at = 0
    while True:
        down = 2 * at + 1
        if down >= size:
            break
        if down + 1 < size and times[down + 1] < times[down]:
            down += 1
        if times[down] >= moment:
            break
        times[at] = times[down]
        slots[at] = slots[down]
        at = down
    times[at] = moment
    slots[at] = slot


@compiled
def _kind(item_kind: int, reason: int, chance: float) -> int:
    if reason in (FAN, COORDINATED):
        return REPOST
    if reason == CARE:
        return REPLY
    if reason == ADVOCATE:
        return REPOST if chance < 0.65 else QUOTE
    if item_kind == PLAIN:
        if chance < 0.62:
            return REPOST
        return QUOTE if chance < 0.74 else REPLY
    if reason == OWN:
        if chance < 0.6:
            return POST
        return REPOST if chance < 0.9 else QUOTE
    if chance < 0.35:
        return POST
    if chance < 0.78:
        return REPOST
    return QUOTE if chance < 0.89 else REPLY


@compiled
def spread(
    seed: Any,
    items: Any,
    end: int,
    item_author: Any,
    item_time: Any,
    item_topic: Any,
    item_lang: Any,
    item_kind: Any,
    item_own: Any,
    item_pull: Any,
    seed_span: Any,
    seed_person: Any,
    seed_time: Any,
    seed_reason: Any,
    finders: Any,
    influence: Any,
    susceptibility: Any,
    attention: Any,
    eagerness: Any,
    taste: Any,
    lang: Any,
    offset: Any,
    indptr: Any,
    follower: Any,
    tie: Any,
    since: Any,
    fan: Any,
    own_accord: float,
    half_life: float,
    reaction: float,
    fan_seconds: float,
    most: int,
) -> Any:
    """Let each of `items` spread, one after the other, in the order of time within each.

    Items do not touch each other, which is why some of them can be run again alone.
    """
    people = attention.shape[0]
    cap = 4096
    a_item, a_actor, a_object = np.empty(cap, np.int32), np.empty(cap, np.int32), np.empty(cap, np.int32)
    a_cause, a_seen = np.empty(cap, np.int32), np.empty(cap, np.int32)
    a_time = np.empty(cap, np.int64)
    a_kind, a_reason = np.empty(cap, np.int8), np.empty(cap, np.int8)
    acts = 0
    l_actor, l_object, l_time = np.empty(cap, np.int32), np.empty(cap, np.int32), np.empty(cap, np.int64)
    likes = 0
    h_time, h_slot = np.empty(cap, np.int64), np.empty(cap, np.int32)
    s_person, s_reason, s_source = np.empty(cap, np.int32), np.empty(cap, np.int8), np.empty(cap, np.int32)
    e_person, e_time = np.empty(cap, np.int32), np.empty(cap, np.int64)
    act_stamp, like_stamp = np.zeros(people, np.int32), np.zeros(people, np.int32)
    act_of = np.zeros(people, np.int32)
    root_key = _key(_key(seed, 0), 12)
    exposed = 0
    full = False
    for position in range(items.shape[0]):
        i = items[position]
        stamp = position + 1
        base = _key(root_key, i)
        begin = acts
        exposures = 0
        heap = 0
        slots = 0
        topic = item_topic[i]
        s_person[0], s_reason[0], s_source[0] = item_author[i], ORIGIN, -1
        _pushed(h_time, h_slot, heap, item_time[i], 0)
        heap, slots = 1, 1

        # Finders: a Poisson number of people, drawn by taste, who come upon it by themselves.
        mean = item_own[i]
        draw = _key(base, 1)
        found = 0
        if mean > 30.0:
            found = max(0, int(mean + math.sqrt(mean) * _normal(draw) + 0.5))
        elif mean > 0.0:
            limit = math.exp(-mean)
            product = _unit(draw)
            while product > limit:
                found += 1
                draw = _mixed(draw + _STEP)
                product *= _unit(draw)
        row = finders[topic * 2 + item_lang[i]]
        middle = 14.0 if item_kind[i] != PLAIN else 3.0
        planned = seed_span[i + 1] - seed_span[i]
        for j in range(found + planned):
            if j < found:
                draw = _key(_key(base, 2), j)
                person = _place(row, 0, people, row[people - 1] * _unit(draw))
                wait = middle * math.exp(1.1 * _normal(_mixed(draw ^ _SECOND)))
                moment = item_time[i] + int(wait * _HOUR)
                moment = _awake(moment, offset[person], _mixed(draw ^ _STEP))
                reason = OWN
            else:
                at = seed_span[i] + j - found
                person, moment, reason = seed_person[at], seed_time[at], seed_reason[at]
            if moment >= end:
                continue
            if slots == s_person.shape[0]:
                s_person, s_reason, s_source = _grown(s_person), _grown(s_reason), _grown(s_source)
            if heap == h_time.shape[0]:
                h_time, h_slot = _grown(h_time), _grown(h_slot)
            s_person[slots], s_reason[slots], s_source[slots] = person, reason, -1
            _pushed(h_time, h_slot, heap, moment, slots)
            heap += 1
            slots += 1

        while heap > 0:
            now, slot = h_time[0], h_slot[0]
            _popped(h_time, h_slot, heap)
            heap -= 1
            p, reason, source = s_person[slot], s_reason[slot], s_source[slot]
            if reason == _LIKE:
                if like_stamp[p] != stamp:
                    like_stamp[p] = stamp
                    if likes == l_actor.shape[0]:
                        l_actor, l_object, l_time = _grown(l_actor), _grown(l_object), _grown(l_time)
                    l_actor[likes], l_object[likes], l_time[likes] = p, source, now
                    likes += 1
                continue
            if act_stamp[p] == stamp:
                continue
            act_stamp[p] = stamp
            act_of[p] = acts
            if acts == a_item.shape[0]:
                a_item, a_actor, a_object = _grown(a_item), _grown(a_actor), _grown(a_object)
                a_cause, a_seen, a_time = _grown(a_cause), _grown(a_seen), _grown(a_time)
                a_kind, a_reason = _grown(a_kind), _grown(a_reason)
            kind = POST
            if reason != ORIGIN:
                kind = _kind(item_kind[i], reason, _unit(_key(_key(base, 3), p)))
            shown = begin
            if source >= 0:
                shown = a_object[source] if a_kind[source] == REPOST else source
            a_item[acts], a_actor[acts], a_time[acts] = i, p, now
            a_kind[acts], a_reason[acts] = kind, reason
            a_object[acts] = -1 if kind == POST else shown
            a_cause[acts] = source if reason == INFLUENCED else -1
            a_seen[acts] = 0
            act = acts
            acts += 1
            if acts + likes > most:
                full = True
                break
            if kind == REPLY:
                continue
            shown = a_object[act] if kind == REPOST else act
            mine = _key(_key(base, 4), p)
            for edge in range(indptr[p], indptr[p + 1]):
                u = follower[edge]
                if u >= people or act_stamp[u] == stamp or since[edge] > now:
                    continue
                draw = _key(mine, u)
                if fan[edge] and _unit(_mixed(draw ^ _FIRST)) < 0.7:
                    quick = fan_seconds * math.exp(0.5 * _normal(_mixed(draw + _FIRST)))
                    moment = now + int(quick * 1e6)
                    if (moment // _MINUTE + offset[u]) % 1440 >= 390:
                        if slots == s_person.shape[0]:
                            s_person, s_reason, s_source = (
                                _grown(s_person),
                                _grown(s_reason),
                                _grown(s_source),
                            )
                        if heap == h_time.shape[0]:
                            h_time, h_slot = _grown(h_time), _grown(h_slot)
                        if moment < end:
                            s_person[slots], s_reason[slots], s_source[slots] = u, FAN, act
                            _pushed(h_time, h_slot, heap, moment, slots)
                            heap += 1
                            slots += 1
                            if exposures == e_person.shape[0]:
                                e_person, e_time = _grown(e_person), _grown(e_time)
                            e_person[exposures], e_time[exposures] = u, moment
                            exposures += 1
                        continue
                if _unit(draw) >= attention[u]:
                    continue
                wait = reaction * math.exp(1.3 * _normal(_mixed(draw ^ _SECOND)))
                moment = _awake(now + int(wait * _MINUTE), offset[u], _mixed(draw + _SECOND))
                if moment >= end:
                    continue
                if exposures == e_person.shape[0]:
                    e_person, e_time = _grown(e_person), _grown(e_time)
                e_person[exposures], e_time[exposures] = u, moment
                exposures += 1
                fits = taste[u, topic] * (1.0 if lang[u] == item_lang[i] else 0.15)
                mood = _key(_key(base, 5), u)
                outcome = -1
                if _unit(mood) < min(0.9, own_accord * 0.05 * eagerness[u] * fits * item_pull[i]):
                    outcome = SEEN
                else:
                    lost = math.exp2(-float(moment - now) / half_life)
                    pull = influence[p] * susceptibility[u] * tie[edge] * lost
                    if _unit(_mixed(draw ^ _STEP)) < min(0.95, pull):
                        outcome = INFLUENCED
                if outcome >= 0:
                    if slots == s_person.shape[0]:
                        s_person, s_reason, s_source = _grown(s_person), _grown(s_reason), _grown(s_source)
                    if heap == h_time.shape[0]:
                        h_time, h_slot = _grown(h_time), _grown(h_slot)
                    s_person[slots], s_reason[slots], s_source[slots] = u, outcome, act
                    _pushed(h_time, h_slot, heap, moment, slots)
                    heap += 1
                    slots += 1
                if like_stamp[u] != stamp and _unit(_mixed(mood ^ _FIRST)) < min(
                    0.9, own_accord * 0.6 * fits
                ):
                    if slots == s_person.shape[0]:
                        s_person, s_reason, s_source = _grown(s_person), _grown(s_reason), _grown(s_source)
                    if heap == h_time.shape[0]:
                        h_time, h_slot = _grown(h_time), _grown(h_slot)
                    s_person[slots], s_reason[slots], s_source[slots] = u, _LIKE, shown
                    _pushed(h_time, h_slot, heap, moment, slots)
                    heap += 1
                    slots += 1
        for e in range(exposures):
            u = e_person[e]
            if act_stamp[u] == stamp and e_time[e] <= a_time[act_of[u]]:
                a_seen[act_of[u]] += 1
        exposed += exposures
        if full:
            break
    return (
        a_item[:acts],
        a_actor[:acts],
        a_time[:acts],
        a_kind[:acts],
        a_reason[:acts],
        a_object[:acts],
        a_cause[:acts],
        a_seen[:acts],
        l_actor[:likes],
        l_object[:likes],
        l_time[:likes],
        exposed,
        full,
    )
