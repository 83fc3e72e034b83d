"""What is behind an alert: what is new, who began, which posts carry it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import pyarrow as pa
import pyarrow.compute as pc

from entregent.listening.alerts import Alert
from entregent.listening.series import Rising, rising
from entregent.text.folding import small_letters
from entregent.text.links import clean_link
from entregent.text.tokens import tokens

__all__ = ["Causes", "causes", "same_event"]

PAST = timedelta(days=7)
SHOWN = 5
KINDS = ("hashtags", "links", "words")
LEAST_LETTERS = 3


@dataclass(frozen=True)
class Causes:
    """What is behind an alert.

    Parameters
    ----------
    posts, people : int
        In the hours that raised it.
    hashtags, links, words : tuple of Rising
        Said by more people than their own past lets expect, surest first.
    first_posts : tuple of str
        Ids of the earliest posts that say something of what is new, or of the
        earliest ones where nothing is.
    carrying_posts : tuple of str
        Ids of the posts most answered and quoted within those hours.
    starters : tuple of str
        Who wrote the earliest ones, in that order.
    """

    posts: int
    people: int
    hashtags: tuple[Rising, ...]
    links: tuple[Rising, ...]
    words: tuple[Rising, ...]
    first_posts: tuple[str, ...]
    carrying_posts: tuple[str, ...]
    starters: tuple[str, ...]


def causes(alert: Alert, posts: pa.Table) -> Causes:
    """Say what is behind an alert.

    Parameters
    ----------
    alert : :class:`~entregent.listening.alerts.Alert`
    posts : pyarrow.Table
        Posts that the watch matches, of the hours of the alert and of the
        seven days before, with the columns of the record of a post.

    Returns
    -------
    Causes
        A hashtag, link or word counts once for each person who says it, so
        that one account alone makes nothing new.
    """
    times = posts.column("time")
    moment = pa.scalar(alert.raised, times.type)
    since = pa.scalar(alert.since, times.type)
    past = pa.scalar(alert.since - PAST, times.type)
    now = posts.filter(pc.and_(pc.greater_equal(times, since), pc.less(times, moment))).sort_by("time")
    before = posts.filter(pc.and_(pc.greater_equal(times, past), pc.less(times, since)))
    rows = now.select(["id", "account", "text", "hashtags", "links"]).to_pylist()
    people = {row["account"] for row in rows}
    said, said_before = (
        _said(rows),
        _said(before.select(["account", "text", "hashtags", "links"]).to_pylist()),
    )
    people_before = _people(before)
    new = {
        kind: rising(said[kind], said_before[kind], now_total=len(people), before_total=people_before)
        for kind in KINDS
    }
    fresh = {kind: {one.key for one in found} for kind, found in new.items()}
    telling = [row for row in rows if any(_things(row)[kind] & fresh[kind] for kind in fresh)] or rows
    answered = Counter(
        target
        for column in ("parent", "quoted", "root")
        for target in now.column(column).to_pylist()
        if target is not None
    )
    ids = {row["id"] for row in rows}
    carrying = [target for target, _ in sorted(answered.items(), key=lambda pair: (-pair[1], pair[0]))]
    starters = list(dict.fromkeys(row["account"] for row in telling if row["account"] is not None))
    return Causes(
        len(rows),
        len(people),
        new["hashtags"][:SHOWN],
        new["links"][:SHOWN],
        new["words"][:SHOWN],
        tuple(row["id"] for row in telling[:SHOWN]),
        tuple([target for target in carrying if target in ids][:SHOWN]),
        tuple(starters[:SHOWN]),
    )


def _people(posts: pa.Table) -> int:
    return int(pc.count_distinct(posts.column("account")).as_py())


def _things(row: dict[str, object]) -> dict[str, set[str]]:
    words = {word for word in tokens(str(row["text"] or "")) if len(word) >= LEAST_LETTERS and word.isalpha()}
    return {
        "hashtags": {small_letters(tag) for tag in _list(row["hashtags"])},
        "links": {clean_link(link) for link in _list(row["links"])},
        "words": words,
    }


def _list(value: object) -> Iterable[str]:
    return value if isinstance(value, list) else ()


def _said(rows: list[dict[str, object]]) -> dict[str, dict[str, int]]:
    """Return by how many people each thing is said."""
    people: dict[str, dict[str, set[object]]] = {kind: defaultdict(set) for kind in KINDS}
    for row in rows:
        for kind, things in _things(row).items():
            for thing in things:
                people[kind][thing].add(row["account"])
    return {kind: {thing: len(who) for thing, who in found.items()} for kind, found in people.items()}


def same_event(one: Alert, other: Alert, posts: set[str], others: set[str]) -> bool:
    """Say whether alerts of two watches are about one event, so that people are told once.

    Parameters
    ----------
    one, other : :class:`~entregent.listening.alerts.Alert`
    posts, others : set of str
        Ids of the posts of the hours that raised each.

    Returns
    -------
    bool
        Whether their hours overlap and half the posts of the smaller one are
        posts of the other.
    """
    overlap = one.since < other.until and other.since < one.until
    least = min(len(posts), len(others))
    return overlap and least > 0 and 2 * len(posts & others) >= least
