"""Watches over what comes live: matched with each batch, judged slot by slot, alerts explained.

What a batch matches is written in the transaction that keeps the batch. Alerts
are judged from counts that are stored, so a process that was killed goes on
where it was; an alert has the same id whenever it is found, and is kept once.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from entregent.clock import Period, from_micros, to_micros
from entregent.clock import now as clock_now
from entregent.errors import EntregentError
from entregent.flows import watched
from entregent.flows.watched import HISTORY, SLOT_TIME
from entregent.listening.alerts import Alert, alerts
from entregent.listening.atoms import Reading
from entregent.listening.causes import Causes, causes
from entregent.listening.columns import candidates_of
from entregent.listening.match import Matcher
from entregent.listening.query import Query
from entregent.listening.series import Series
from entregent.results import CannotTell
from entregent.sources.base import Batch
from entregent.sources.live import LiveSource
from entregent.store import outbox, watches
from entregent.store.archive import Appended, Archive
from entregent.store.outbox import KeptAlert
from entregent.store.watches import SLOT, Watch

__all__ = ["Watching", "facts"]

LATE = timedelta(hours=1)
"""A live source whose latest post is older has nothing to say, and holds nobody up."""

_DAY = timedelta(days=1)
_log = logging.getLogger(__name__)


def facts(alert: Alert, found: Causes) -> dict[str, Any]:
    """Return what is known of an alert as plain values.

    Parameters
    ----------
    alert : :class:`~entregent.listening.alerts.Alert`
    found : Causes

    Returns
    -------
    dict
    """
    usual = alert.expected
    things = {
        kind: [
            {"key": one.key, "seen": one.seen, "expected": round(one.expected, 3), "chance": one.chance}
            for one in getattr(found, kind)
        ]
        for kind in ("hashtags", "links", "words")
    }
    return {
        "since": alert.since.isoformat(),
        "raised": alert.raised.isoformat(),
        "seen": alert.seen,
        "usual": None
        if isinstance(usual, CannotTell)
        else {"value": usual.value, "low": usual.low, "high": usual.high, "level": usual.level},
        "height": alert.height,
        "threshold": alert.threshold,
        "posts": found.posts,
        "people": found.people,
        **things,
        "first_posts": list(found.first_posts),
        "carrying_posts": list(found.carrying_posts),
        "starters": list(found.starters),
    }


class Watching:
    """All watches of a home, over all that its listener brings.

    Parameters
    ----------
    archive : Archive
        Open for writing.
    channels : sequence of str
        Names of the channels that are told of alerts.
    told : callable, optional
        Called with each alert that was raised, once it is kept.
    told_from : datetime, optional
        Alerts of before are kept and nobody is told.
    shares : mapping of str to float, optional
        In which share of posts a word stands: the answers are the same without
        it, and come more slowly where there are thousands of watches.
    now : callable, optional
        The clock.

    Notes
    -----
    "Now" is the moment that every source has reached: of a replay the time of
    its conversation, of a live source the clock, or its latest post while it
    is catching up.
    """

    def __init__(
        self,
        archive: Archive,
        *,
        channels: Sequence[str] = (),
        told: Callable[[KeptAlert], None] | None = None,
        told_from: datetime | None = None,
        shares: Mapping[str, float] | None = None,
        now: Callable[[], datetime] = clock_now,
    ) -> None:
        self.archive = archive
        self.channels = tuple(channels)
        self.raised = 0
        self._told = told
        self._told_from = told_from
        self._now = now
        self._review: tuple[int, int] | None = None
        self._watches: dict[str, Watch] = {}
        self._queries: dict[str, Query] = {}
        self._matcher = Matcher(shares=shares)
        self._touched: set[str] = set()
        self._fronts: dict[str, datetime] = {}
        self._judged = 0

    def __len__(self) -> int:
        return len(self._watches)

    def within(self, con: sa.Connection, new: Mapping[str, pa.Table]) -> None:
        """Match what is new of a batch, in the transaction that keeps it.

        Parameters
        ----------
        con : sqlalchemy.Connection
        new : mapping of str to pyarrow.Table
            By kind of record.
        """
        self._reload(con)
        graves = new.get("tombstones")
        if graves is not None and graves.num_rows:
            watches.forget_posts(con, graves.column("id").to_pylist())
        posts = new.get("posts")
        if posts is None or not posts.num_rows:
            return
        watches.hear(con, posts.column("time"))
        edited = posts.filter(pc.greater(posts.column("version"), 0)).column("id").to_pylist()
        if edited:
            watches.forget_posts(con, edited)
        if not self._watches:
            return
        found = self._matcher.match(posts)
        if not len(found.rows):
            return
        self._touched.update(found.watches)
        rows = np.unique(found.rows)
        mine = posts.take(pa.array(rows))
        readings = [Reading(post) for post in candidates_of(mine)]
        ids = mine.column("id").to_pylist()
        times = mine.column("time").cast(pa.int64()).to_pylist()
        places = np.searchsorted(rows, found.rows).tolist()
        watches.add_mentions(
            con,
            (
                (watch, ids[at], times[at], json.dumps(self._queries[watch].why(readings[at]).spans))
                for at, watch in zip(places, found.watches, strict=True)
            ),
        )

    def _reload(self, con: sa.Connection) -> None:
        """Take up watches that were added, changed or removed meanwhile, by whichever process."""
        review = watches.reviewed(con)
        if review == self._review:
            return
        present = {watch.id: watch for watch in watches.listed(con)}
        for id in set(self._watches) - set(present):
            self._matcher.drop(id)
            del self._queries[id]
        for id, watch in present.items():
            known = self._watches.get(id)
            if known is None or (known.query, known.lang) != (watch.query, watch.lang):
                self._queries[id] = watched.compiled(watch.query, watch.lang, name=watch.name)
                self._matcher.put(id, self._queries[id])
            if known is None:
                # What was matched before a crash may not have been judged.
                self._touched.add(id)
        self._watches, self._review = present, review

    def after(self, source: LiveSource, batch: Batch, appended: Appended) -> None:  # noqa: ARG002
        """Judge the slots that are over, once a batch is kept.

        Parameters
        ----------
        source : LiveSource
        batch : Batch
        appended : Appended
        """
        self._fronts[source.name] = self._front(source, batch)
        try:
            self.advance(min(self._fronts.values()))
        except EntregentError as error:
            # Listening goes on; the same slots are judged again with the next batch.
            _log.warning("Alerts could not be judged: %s", error)

    def _front(self, source: LiveSource, batch: Batch) -> datetime:
        now = self._now()
        latest = pc.max(batch.posts.column("time")).as_py() if batch.posts.num_rows else None
        if source.network == "files":
            before = self._fronts.get(source.name)
            known = [moment for moment in (before, latest) if moment is not None]
            return min(max(known), now) if known else from_micros(0)
        return now if latest is None else min(max(latest, now - LATE), now)

    def advance(self, front: datetime) -> tuple[KeptAlert, ...]:
        """Judge all slots that ended by a moment, of the watches that something came for.

        Parameters
        ----------
        front : datetime

        Returns
        -------
        tuple of KeptAlert
            Those raised now.
        """
        end = to_micros(front) // SLOT
        if end <= self._judged or not self._touched:
            return ()
        since = end - HISTORY // SLOT_TIME
        with self.archive.state.read() as con:
            heard = watches.counts_heard(con, since)
            present = {watch.id: watch for watch in watches.listed(con)}
        begun = [slot for slot in heard if slot < end]
        raised: list[KeptAlert] = []
        if begun:
            first = min(begun)
            gaps = self.archive.gaps(since=from_micros(first * SLOT), until=from_micros(end * SLOT))
            missing = [Period(gap.start, gap.end) for gap in gaps if gap.end > gap.start]
            missing += watched.silences(heard, first, end)
            for id in sorted(self._touched & set(present)):
                raised += self._judge(present[id], first, end, missing)
        self._touched.clear()
        self._judged = end
        self.raised += sum(alert.state == "new" for alert in raised)
        for alert in raised:
            if self._told is not None and alert.state == "new":
                self._told(alert)
        return tuple(raised)

    def _judge(self, watch: Watch, first: int, end: int, missing: Sequence[Period]) -> list[KeptAlert]:
        with self.archive.state.read() as con:
            counted = watches.counts(con, watch.id, first)
            latest = outbox.kept_alerts(con, watch=watch.id, most=1)
        series = Series(from_micros(first * SLOT), SLOT_TIME, np.zeros(end - first))
        for slot, posts in counted.items():
            if slot < end:
                series.counts[slot - first] = posts
        for gap in missing:
            if gap.start is None or gap.end is None:
                continue
            begin = max(to_micros(gap.start) // SLOT - first, 0)
            series.counts[begin : max(-(-to_micros(gap.end) // SLOT) - first, 0)] = np.nan
        rule = watched.rule_of(watch)
        last = latest[0].raised if latest else None
        kept = []
        for alert in alerts(series, rule, watch=watch.id).alerts:
            if watch.judged_to is not None and alert.raised <= watch.judged_to:
                continue
            if last is not None and alert.raised - last < rule.apart:
                continue
            last = alert.raised
            one = self._keep(watch, alert)
            if one is not None:
                kept.append(one)
        with self.archive.state.begin() as con:
            watches.judged(con, watch.id, from_micros(end * SLOT))
        return kept

    def _keep(self, watch: Watch, alert: Alert) -> KeptAlert | None:
        period = Period(alert.since - 7 * _DAY, alert.raised)
        posts = watched.posts_of(self.archive, watch.id, period)
        told = facts(alert, causes(alert, posts))
        now = self._now()
        with self.archive.state.begin() as con:
            mine = {one.post for one in watches.mentions_of(con, watch.id, alert.since, alert.raised)}
            other = self._same(con, watch, alert, mine)
            muted = watch.muted_until is not None and now < watch.muted_until
            past = self._told_from is not None and alert.raised < self._told_from
            state = "past" if past else "joined" if other else "muted" if muted else "new"
            if other is not None:
                told["same_event"] = other
            kept = KeptAlert(alert.id, watch.id, watch.name, alert.raised, told, now, state)
            new = outbox.raise_alert(con, kept, self.channels if state == "new" else (), now)
        return kept if new else None

    def _same(self, con: sa.Connection, watch: Watch, alert: Alert, mine: set[str]) -> str | None:
        """Return the alert of another watch that is about the same event, so that people are told once."""
        for other in outbox.kept_alerts(con, most=50):
            if other.watch == watch.id or other.state == "joined":
                continue
            since = datetime.fromisoformat(other.facts["since"])
            if not (since < alert.raised and alert.since < other.raised):
                continue
            theirs = {one.post for one in watches.mentions_of(con, other.watch, since, other.raised)}
            least = min(len(mine), len(theirs))
            if least and 2 * len(mine & theirs) >= least:
                return other.id
        return None
