"""Telling what is owed: each alert to each channel, again and again until it has it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from entregent.clock import now as clock_now
from entregent.delivery.base import Alert, Channel
from entregent.errors import ConfigError, PermanentError, StoreError, TransientError
from entregent.store import outbox
from entregent.store.outbox import Delivery, KeptAlert
from entregent.store.state import State

__all__ = ["MOST_TRIES", "Telling", "alert_of"]

MOST_TRIES = 12
FIRST_WAIT, LONGEST_WAIT = 5.0, 3600.0
_LOOK_SECONDS = 1.0
_log = logging.getLogger(__name__)


def alert_of(kept: KeptAlert) -> Alert:
    """Return a kept alert as channels are told of it.

    Parameters
    ----------
    kept : KeptAlert

    Returns
    -------
    :class:`~entregent.delivery.base.Alert`
    """
    facts = kept.facts
    usual = facts["usual"]
    return Alert(
        kept.id,
        kept.name,
        datetime.fromisoformat(facts["since"]),
        kept.raised,
        facts["seen"],
        None if usual is None else usual["value"],
        [
            mark + one["key"]
            for kind, mark in (("hashtags", "#"), ("links", ""), ("words", ""))
            for one in facts[kind]
        ],
        facts["starters"],
        [*facts["first_posts"], *facts["carrying_posts"]],
        facts["people"],
        facts,
    )


class Telling:
    """Tells channels of the alerts that they are owed.

    Parameters
    ----------
    state : State
    channels : sequence of Channel
    now : callable, optional
        The clock.

    Notes
    -----
    What is owed stands in the database. A process that is killed after a
    channel was told and before that was noted tells it once more, under the
    same id: a file holds it once all the same, a webhook has its id as
    ``Idempotency-Key``, a letter its ``Message-ID``.
    """

    def __init__(
        self, state: State, channels: Sequence[Channel], *, now: Callable[[], datetime] = clock_now
    ) -> None:
        self._state = state
        self._channels = {channel.name: channel for channel in channels}
        self._now = now

    async def run(self, stop: asyncio.Event) -> None:
        """Tell until `stop` is set, and once more then.

        Parameters
        ----------
        stop : asyncio.Event
        """
        while not stop.is_set():
            await self._tried()
            try:
                await asyncio.wait_for(stop.wait(), _LOOK_SECONDS)
            except TimeoutError:
                continue
        await self._tried()

    async def _tried(self) -> None:
        try:
            await self.once()
        except StoreError as error:
            _log.warning("Alerts could not be delivered yet: %s", error)

    async def once(self) -> int:
        """Tell what is owed by now, each channel in turn and channels side by side.

        Returns
        -------
        int
            Deliveries that succeeded.
        """
        owed = await asyncio.to_thread(self._owed)
        queues: dict[str, list[tuple[Delivery, KeptAlert]]] = {}
        for delivery, alert in owed:
            queues.setdefault(delivery.channel, []).append((delivery, alert))
        done = await asyncio.gather(*(self._told(name, queue) for name, queue in queues.items()))
        return sum(done)

    def _owed(self) -> list[tuple[Delivery, KeptAlert]]:
        with self._state.read() as con:
            return [
                (delivery, alert)
                for delivery in outbox.due(con, self._now())
                if delivery.channel in self._channels
                for alert in outbox.kept_alerts(con, id=delivery.alert)
            ]

    async def _told(self, name: str, queue: list[tuple[Delivery, KeptAlert]]) -> int:
        done = 0
        for delivery, alert in queue:
            trouble, again = "", None
            try:
                await self._channels[name].tell(alert_of(alert))
            except TransientError as error:
                trouble, again = str(error), self._again(delivery.tries, error.retry_after)
            except (PermanentError, ConfigError) as error:
                trouble = str(error)
            await asyncio.to_thread(self._noted, delivery, trouble, again)
            done += not trouble
        return done

    def _again(self, tries: int, asked: float | None) -> datetime | None:
        if tries + 1 >= MOST_TRIES:
            return None
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0**tries)
        return self._now() + timedelta(seconds=max(wait, asked or 0.0))

    def _noted(self, delivery: Delivery, trouble: str, again: datetime | None) -> None:
        with self._state.begin() as con:
            if not trouble:
                outbox.delivered(con, delivery.alert, delivery.channel)
                return
            outbox.failed(con, delivery.alert, delivery.channel, trouble, again)
        later = "it is not tried again" if again is None else f"again at {again:%H:%M:%S} UTC"
        _log.warning("%s was not told of %s (%s): %s", delivery.channel, delivery.alert, later, trouble)
