"""What is owed is told until a channel has it, whatever happens between."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from entregent.delivery.base import Alert
from entregent.errors import PermanentError, TransientError
from entregent.flows.telling import MOST_TRIES, Telling
from entregent.store import outbox
from entregent.store.outbox import KeptAlert
from entregent.store.state import State

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FACTS = {
    "since": NOW.isoformat(),
    "seen": 3.0,
    "usual": None,
    "hashtags": [],
    "links": [],
    "words": [],
    "starters": [],
    "first_posts": [],
    "carrying_posts": [],
    "people": 3,
}


class Ear:
    """A channel that fails as told."""

    def __init__(self, name: str, *troubles: Exception | None) -> None:
        self.name = name
        self.troubles = list(troubles)
        self.heard: list[str] = []

    async def tell(self, alert: Alert) -> None:
        trouble = self.troubles.pop(0) if self.troubles else None
        if trouble is not None:
            raise trouble
        self.heard.append(alert.id)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(tmp_path / "home") as opened:
        with opened.begin() as con:
            kept = KeptAlert("a1", "w", "Rail", NOW, FACTS, NOW, "new")
            outbox.raise_alert(con, kept, ("one", "two"), NOW)
        yield opened


def test_one_channel_that_fails_holds_up_no_other_and_is_tried_again(state: State) -> None:
    one, two = Ear("one"), Ear("two", TransientError("refused", retry_after=60))
    moment = NOW
    telling = Telling(state, (one, two), now=lambda: moment)
    assert asyncio.run(telling.once()) == 1
    moment = NOW + timedelta(seconds=59)
    assert asyncio.run(telling.once()) == 0
    moment = NOW + timedelta(seconds=60)
    assert asyncio.run(telling.once()) == 1
    assert asyncio.run(telling.once()) == 0
    assert (one.heard, two.heard) == (["a1"], ["a1"])


def test_what_will_not_succeed_is_shown_and_not_tried_for_ever(state: State) -> None:
    moment = NOW
    one = Ear("one", PermanentError("gone"))
    two = Ear("two", *[TransientError("later")] * 99)
    telling = Telling(state, (one, two), now=lambda: moment)
    for _ in range(30):
        asyncio.run(telling.once())
        moment += timedelta(hours=1)
    with state.read() as con:
        told = {delivery.channel: delivery for delivery in outbox.due(con)}
    assert (told["one"].state, told["one"].tries, told["one"].trouble) == ("failed", 1, "gone")
    assert (told["two"].state, told["two"].tries) == ("failed", MOST_TRIES)


def test_a_process_that_ends_tells_first(state: State) -> None:
    ears = Ear("one"), Ear("two")

    async def short() -> None:
        stop = asyncio.Event()
        stop.set()
        await Telling(state, ears, now=lambda: NOW).run(stop)

    asyncio.run(short())
    assert [ear.heard for ear in ears] == [["a1"], ["a1"]]
