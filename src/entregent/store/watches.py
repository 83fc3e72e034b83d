"""Watches, the posts they matched, and the alerts they raised.

Functions over a connection, so that what a batch matches is written in the
transaction that keeps the batch, and an alert with the deliveries it is owed.
Counts of time are not kept: they are counted from the mentions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import sqlalchemy as sa

from entregent.clock import from_micros, to_micros
from entregent.errors import InputError
from entregent.store.watch_tables import alerts, deliveries, heard, mentions, watch_versions, watches

__all__ = [
    "SLOT",
    "Mention",
    "Watch",
    "add",
    "add_mentions",
    "change",
    "counts",
    "counts_heard",
    "forget_before",
    "forget_posts",
    "hear",
    "judged",
    "listed",
    "mentions_of",
    "mute",
    "named",
    "or_ignore",
    "remove",
    "reviewed",
    "versions",
]

SLOT = 300_000_000
"""Microseconds of a slot in which posts are counted."""

_MOST_AT_ONCE = 500


@dataclass(frozen=True)
class Watch:
    """What is watched.

    Parameters
    ----------
    id : str
    name : str
    query : str
    lang : str or None
        Only posts of this language.
    budget : float
        False alerts a week that are accepted.
    hours : tuple of int
        Lengths over which counts are summed.
    made_at : datetime
    muted_until : datetime or None
        Until then alerts are kept and nobody is told.
    known_from : datetime or None
        Its counts are whole from then on; None before its first post.
    judged_to : datetime or None
        Up to where alerts were looked for.
    """

    id: str
    name: str
    query: str
    lang: str | None
    budget: float
    hours: tuple[int, ...]
    made_at: datetime
    muted_until: datetime | None = None
    known_from: datetime | None = None
    judged_to: datetime | None = None


@dataclass(frozen=True)
class Mention:
    """A post that a watch matched, and the stretches of its text that made it so."""

    watch: str
    post: str
    time: datetime | None
    spans: tuple[tuple[int, int], ...]


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def _watch(row: Any) -> Watch:
    return Watch(
        row.id,
        row.name,
        row.query,
        row.lang,
        row.budget,
        tuple(json.loads(row.hours)),
        from_micros(row.made_at),
        _moment(row.muted_until),
        _moment(row.known_from),
        _moment(row.judged_to),
    )


def add(
    con: sa.Connection,
    name: str,
    query: str,
    *,
    lang: str | None,
    budget: float,
    hours: Sequence[int],
    now: datetime,
) -> Watch:
    """Add a watch.

    Parameters
    ----------
    con : sqlalchemy.Connection
        In a transaction that writes.
    name : str
        Of its own.
    query : str
        That was understood.
    lang : str or None
    budget : float
    hours : sequence of int
    now : datetime

    Returns
    -------
    Watch

    Raises
    ------
    InputError
        Where the name is empty, holds control characters, or is taken.
    """
    name = name.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise InputError(f"{name!r} is no name of a watch.", valid=("1 to 100 letters, no line breaks",))
    if con.scalar(sa.select(watches.c.id).where(watches.c.name == name)) is not None:
        raise InputError(
            f"There is a watch {name!r} already.",
            do="Choose another name, or give --replace.",
        )
    made = Watch(hashlib.sha256(name.encode()).hexdigest()[:12], name, query, lang, budget, tuple(hours), now)
    con.execute(
        sa.insert(watches),
        {
            "id": made.id,
            "name": name,
            "query": query,
            "lang": lang,
            "budget": budget,
            "hours": json.dumps(made.hours),
            "made_at": to_micros(now),
        },
    )
    _enter_version(con, made, now)
    return made


def _enter_version(con: sa.Connection, watch: Watch, now: datetime) -> None:
    last = con.scalar(
        sa.select(sa.func.max(watch_versions.c.number)).where(watch_versions.c.watch == watch.id)
    )
    row = {"watch": watch.id, "number": int(last or 0) + 1, "at": to_micros(now), "query": watch.query}
    row |= {"lang": watch.lang, "budget": watch.budget, "hours": json.dumps(watch.hours)}
    con.execute(sa.insert(watch_versions), row)


def change(
    con: sa.Connection,
    watch: Watch,
    query: str,
    *,
    lang: str | None,
    budget: float,
    hours: Sequence[int],
    now: datetime,
) -> Watch:
    """Change what a watch asks. What it matched is forgotten, what it asked and raised is kept.

    Parameters
    ----------
    con : sqlalchemy.Connection
    watch : Watch
    query, lang, budget, hours
        As for :func:`add`.
    now : datetime

    Returns
    -------
    Watch
    """
    changed = Watch(watch.id, watch.name, query, lang, budget, tuple(hours), watch.made_at, watch.muted_until)
    con.execute(
        sa.update(watches)
        .where(watches.c.id == watch.id)
        .values(
            query=query,
            lang=lang,
            budget=budget,
            hours=json.dumps(changed.hours),
            known_from=None,
            judged_to=None,
        )
    )
    con.execute(sa.delete(mentions).where(mentions.c.watch == watch.id))
    _enter_version(con, changed, now)
    return changed


def remove(con: sa.Connection, watch: Watch) -> None:
    """Remove a watch with what it matched and raised.

    Parameters
    ----------
    con : sqlalchemy.Connection
    watch : Watch
    """
    mine = sa.select(alerts.c.id).where(alerts.c.watch == watch.id)
    con.execute(sa.delete(deliveries).where(deliveries.c.alert.in_(mine)))
    con.execute(sa.delete(alerts).where(alerts.c.watch == watch.id))
    con.execute(sa.delete(mentions).where(mentions.c.watch == watch.id))
    con.execute(sa.delete(watch_versions).where(watch_versions.c.watch == watch.id))
    con.execute(sa.delete(watches).where(watches.c.id == watch.id))


def listed(con: sa.Connection) -> tuple[Watch, ...]:
    """Return all watches by name."""
    return tuple(_watch(row) for row in con.execute(sa.select(watches).order_by(watches.c.name)))


def named(con: sa.Connection, name: str) -> Watch:
    """Return a watch by its name or id.

    Parameters
    ----------
    con : sqlalchemy.Connection
    name : str

    Returns
    -------
    Watch

    Raises
    ------
    InputError
        Where there is none; it names those there are.
    """
    row = con.execute(sa.select(watches).where(sa.or_(watches.c.name == name, watches.c.id == name))).first()
    if row is None:
        known = list(con.scalars(sa.select(watches.c.name).order_by(watches.c.name).limit(20)))
        raise InputError(f"There is no watch {name!r}.", valid=known or ("none was added",))
    return _watch(row)


def reviewed(con: sa.Connection) -> tuple[int, int]:
    """Return what changes whenever a watch is added, changed or removed: versions, and watches."""
    number = con.scalar(sa.select(sa.func.count()).select_from(watches))
    last = con.execute(
        sa.select(sa.func.count(), sa.func.max(watch_versions.c.at)).select_from(watch_versions)
    ).one()
    return int(number or 0) + 1_000_003 * int(last[0] or 0), int(last[1] or 0)


def versions(con: sa.Connection, watch: Watch) -> tuple[tuple[datetime, str], ...]:
    """Return when a watch asked what, oldest first.

    Parameters
    ----------
    con : sqlalchemy.Connection
    watch : Watch

    Returns
    -------
    tuple of tuple of datetime, str
    """
    query = sa.select(watch_versions).where(watch_versions.c.watch == watch.id)
    rows = con.execute(query.order_by(watch_versions.c.number))
    return tuple((from_micros(row.at), row.query) for row in rows)


def mute(con: sa.Connection, watch: Watch, until: datetime | None) -> None:
    """Tell nobody of a watch's alerts until a moment, or again where None.

    Parameters
    ----------
    con : sqlalchemy.Connection
    watch : Watch
    until : datetime, optional
    """
    value = None if until is None else to_micros(until)
    con.execute(sa.update(watches).where(watches.c.id == watch.id).values(muted_until=value))


# Mentions


def _parts(rows: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (rows[start : start + _MOST_AT_ONCE] for start in range(0, len(rows), _MOST_AT_ONCE))


def or_ignore(con: sa.Connection, table: sa.Table) -> Any:
    """Return an insert that leaves what is there already.

    Parameters
    ----------
    con : sqlalchemy.Connection
    table : sa.Table

    Returns
    -------
    Any
    """
    if con.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table).on_conflict_do_nothing()
    return sa.insert(table).prefix_with("OR IGNORE")


def add_mentions(con: sa.Connection, found: Iterable[tuple[str, str, int | None, str]]) -> int:
    """Keep what watches matched; what is known already stays as it is.

    Parameters
    ----------
    con : sqlalchemy.Connection
    found : iterable of (str, str, int or None, str)
        Watch, post, time in microseconds, spans as JSON.

    Returns
    -------
    int
        Mentions that were given.
    """
    rows = [
        {"watch": watch, "post": post, "time": time, "spans": spans} for watch, post, time, spans in found
    ]
    if rows:
        con.execute(or_ignore(con, mentions), rows)
    return len(rows)


def mentions_of(
    con: sa.Connection, watch: str, since: datetime | None = None, until: datetime | None = None
) -> tuple[Mention, ...]:
    """Return what a watch matched from `since` to before `until`, in order of time.

    Parameters
    ----------
    con : sqlalchemy.Connection
    watch : str
    since : datetime, optional
    until : datetime, optional

    Returns
    -------
    tuple of Mention
    """
    query = sa.select(mentions).where(mentions.c.watch == watch).order_by(mentions.c.time, mentions.c.post)
    if since is not None:
        query = query.where(mentions.c.time >= to_micros(since))
    if until is not None:
        query = query.where(mentions.c.time < to_micros(until))
    return tuple(
        Mention(row.watch, row.post, _moment(row.time), tuple((a, b) for a, b in json.loads(row.spans)))
        for row in con.execute(query)
    )


def counts(con: sa.Connection, watch: str, since: int | None = None) -> dict[int, int]:
    """Return how many posts a watch matched in each slot, by the number of the slot since 1970.

    Parameters
    ----------
    con : sqlalchemy.Connection
    watch : str
    since : int, optional

    Returns
    -------
    dict of int to int
    """
    # Whole numbers are divided into whole numbers by SQLite and PostgreSQL alike; SQLAlchemy would not.
    slot: sa.ColumnElement[int] = sa.literal_column(f"mentions.time / {SLOT}", sa.BigInteger)
    query = sa.select(slot, sa.func.count()).where(mentions.c.watch == watch, mentions.c.time.is_not(None))
    if since is not None:
        query = query.where(mentions.c.time >= since * SLOT)
    return {int(number): int(count) for number, count in con.execute(query.group_by(slot))}


def forget_posts(con: sa.Connection, posts: Sequence[str]) -> int:
    """Remove what watches matched of posts that are deleted, and return how many mentions went.

    Parameters
    ----------
    con : sqlalchemy.Connection
    posts : sequence of str

    Returns
    -------
    int
    """
    gone = 0
    for part in _parts(list(posts)):
        gone += con.execute(sa.delete(mentions).where(mentions.c.post.in_(part))).rowcount
    return gone


def forget_before(con: sa.Connection, network: str, micros: int) -> int:
    """Remove what watches matched of a network's posts from before a moment, and return how many went.

    Parameters
    ----------
    con : sqlalchemy.Connection
    network : str
    micros : int
        Microseconds since 1970.

    Returns
    -------
    int
    """
    mine = mentions.c.post.startswith(f"{network}:", autoescape=True)
    return con.execute(sa.delete(mentions).where(mine, mentions.c.time < micros)).rowcount


# What was heard at all


def hear(con: sa.Connection, times: pa.ChunkedArray) -> None:
    """Count posts of any kind by slot, so that a time without a single one is known as such.

    Parameters
    ----------
    con : sqlalchemy.Connection
    times : pyarrow.ChunkedArray of timestamp
    """
    micros = times.cast(pa.int64()).drop_null().to_numpy()
    slots, numbers = np.unique(micros // SLOT, return_counts=True)
    rows = [{"s": int(slot), "n": int(number)} for slot, number in zip(slots, numbers, strict=True)]
    if rows:
        con.execute(
            sa.text(
                "INSERT INTO heard (slot, posts) VALUES (:s, :n) "
                "ON CONFLICT (slot) DO UPDATE SET posts = heard.posts + excluded.posts"
            ),
            rows,
        )


def counts_heard(con: sa.Connection, since: int | None = None) -> dict[int, int]:
    """Return how many posts of any kind came in each slot, by the number of the slot since 1970.

    Parameters
    ----------
    con : sqlalchemy.Connection
    since : int, optional

    Returns
    -------
    dict of int to int
    """
    query = sa.select(heard.c.slot, heard.c.posts)
    if since is not None:
        query = query.where(heard.c.slot >= since)
    return {int(slot): int(posts) for slot, posts in con.execute(query)}


def judged(con: sa.Connection, watch: str, to: datetime, known_from: datetime | None = None) -> None:
    """Note up to where alerts of a watch were looked for, and from where on its counts are whole.

    Parameters
    ----------
    con : sqlalchemy.Connection
    watch : str
    to : datetime
    known_from : datetime, optional
    """
    values = {"judged_to": to_micros(to)}
    if known_from is not None:
        values["known_from"] = to_micros(known_from)
    con.execute(sa.update(watches).where(watches.c.id == watch).values(**values))
