"""Alerts that were raised, and who is still owed them.

An alert and the deliveries that it is owed are written in one transaction;
a delivery is crossed off once its channel has it. Whatever happens between,
it is tried again, under the same id.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from entregent.clock import from_micros, to_micros
from entregent.store import watches
from entregent.store.watch_tables import alerts, deliveries
from entregent.store.watches import or_ignore

__all__ = [
    "Delivery",
    "KeptAlert",
    "acknowledge",
    "delivered",
    "due",
    "failed",
    "forget_text",
    "kept_alerts",
    "raise_alert",
]


@dataclass(frozen=True)
class KeptAlert:
    """An alert that was raised.

    Parameters
    ----------
    id, watch, name : str
        Its own id, and id and name of the watch.
    raised : datetime
    facts : mapping
        What was seen and what is behind it, as plain values.
    made_at : datetime
        When it was found.
    state : {"new", "muted", "joined", "past", "acknowledged"}
        ``joined`` is about the event of another watch's alert, ``past`` was
        found in what was no news any more: of both, and of what is muted,
        nobody is told.
    """

    id: str
    watch: str
    name: str
    raised: datetime
    facts: Mapping[str, Any]
    made_at: datetime
    state: str


@dataclass(frozen=True)
class Delivery:
    """An alert that somebody is still owed, or was told."""

    alert: str
    channel: str
    state: str
    tries: int
    due: datetime
    trouble: str | None


def raise_alert(con: sa.Connection, alert: KeptAlert, channels: Sequence[str], tell_at: datetime) -> bool:
    """Keep an alert, with the deliveries it is owed; one that is known stays as it is.

    Parameters
    ----------
    con : sqlalchemy.Connection
    alert : KeptAlert
    channels : sequence of str
    tell_at : datetime
        From when on the channels may be told.

    Returns
    -------
    bool
        Whether it is new.
    """
    row = {"id": alert.id, "watch": alert.watch, "name": alert.name, "raised": to_micros(alert.raised)}
    row |= {"made_at": to_micros(alert.made_at), "state": alert.state}
    row["facts"] = json.dumps(alert.facts, ensure_ascii=False)
    if not con.execute(or_ignore(con, alerts), row).rowcount:
        return False
    for channel in channels:
        owed = {"alert": alert.id, "channel": channel, "state": "waiting", "tries": 0}
        con.execute(or_ignore(con, deliveries), {**owed, "due": to_micros(tell_at)})
    return True


def kept_alerts(
    con: sa.Connection, *, watch: str | None = None, id: str | None = None, most: int | None = None
) -> tuple[KeptAlert, ...]:
    """Return alerts, latest first.

    Parameters
    ----------
    con : sqlalchemy.Connection
    watch : str, optional
        Id of a watch.
    id : str, optional
        Only the one whose id begins so.
    most : int, optional

    Returns
    -------
    tuple of KeptAlert
    """
    query = sa.select(alerts).order_by(alerts.c.raised.desc(), alerts.c.id)
    if watch is not None:
        query = query.where(alerts.c.watch == watch)
    if id is not None:
        query = query.where(alerts.c.id.startswith(id, autoescape=True))
    if most is not None:
        query = query.limit(most)
    return tuple(
        KeptAlert(
            row.id,
            row.watch,
            row.name,
            from_micros(row.raised),
            json.loads(row.facts),
            from_micros(row.made_at),
            row.state,
        )
        for row in con.execute(query)
    )


def acknowledge(con: sa.Connection, alert: str) -> None:
    """Note that somebody has seen an alert: what is still owed of it is told to nobody.

    Parameters
    ----------
    con : sqlalchemy.Connection
    alert : str
    """
    con.execute(sa.update(alerts).where(alerts.c.id == alert).values(state="acknowledged"))
    waiting = (deliveries.c.alert == alert, deliveries.c.state == "waiting")
    con.execute(sa.update(deliveries).where(*waiting).values(state="dropped"))


def due(con: sa.Connection, now: datetime | None = None) -> tuple[Delivery, ...]:
    """Return deliveries that are owed by now, oldest first; all that were ever owed where `now` is None.

    Parameters
    ----------
    con : sqlalchemy.Connection
    now : datetime, optional

    Returns
    -------
    tuple of Delivery
    """
    query = sa.select(deliveries).order_by(deliveries.c.due, deliveries.c.alert, deliveries.c.channel)
    if now is not None:
        query = query.where(deliveries.c.state == "waiting", deliveries.c.due <= to_micros(now))
    return tuple(
        Delivery(row.alert, row.channel, row.state, row.tries, from_micros(row.due), row.trouble)
        for row in con.execute(query)
    )


def delivered(con: sa.Connection, alert: str, channel: str) -> None:
    """Note that a channel has an alert.

    Parameters
    ----------
    con : sqlalchemy.Connection
    alert : str
    channel : str
    """
    mine = (deliveries.c.alert == alert, deliveries.c.channel == channel)
    con.execute(
        sa.update(deliveries).where(*mine).values(state="done", tries=deliveries.c.tries + 1, trouble=None)
    )


def failed(con: sa.Connection, alert: str, channel: str, trouble: str, again: datetime | None) -> None:
    """Note that a channel could not be told, and when to try again; never where None.

    Parameters
    ----------
    con : sqlalchemy.Connection
    alert : str
    channel : str
    trouble : str
    again : datetime, optional
    """
    mine = (deliveries.c.alert == alert, deliveries.c.channel == channel)
    values: dict[str, Any] = {"tries": deliveries.c.tries + 1, "trouble": trouble}
    values |= {"state": "failed"} if again is None else {"due": to_micros(again)}
    con.execute(sa.update(deliveries).where(*mine).values(**values))


def forget_text(con: sa.Connection, pattern: str, posts: Sequence[str], removed: str) -> None:
    """Remove an erased person from mentions and alerts, inside the transaction of the erasure.

    Parameters
    ----------
    con : sqlalchemy.Connection
    pattern : str
        Regular expression of the person's id within texts.
    posts : sequence of str
        Ids of the person's posts.
    removed : str
        What stands in their place.
    """
    telling = re.compile(pattern)
    watches.forget_posts(con, posts)
    gone = set(posts)
    for row in con.execute(sa.select(alerts.c.id, alerts.c.facts)).all():
        struck = json.dumps(_struck(json.loads(row.facts), telling, gone, removed), ensure_ascii=False)
        if struck != row.facts:
            con.execute(sa.update(alerts).where(alerts.c.id == row.id).values(facts=struck))


def _struck(value: Any, telling: Any, gone: set[str], removed: str) -> Any:
    if isinstance(value, dict):
        return {key: _struck(inner, telling, gone, removed) for key, inner in value.items()}
    if isinstance(value, list):
        return [_struck(inner, telling, gone, removed) for inner in value]
    if isinstance(value, str):
        return removed if value in gone else telling.sub(removed + r"\1", value)
    return value
