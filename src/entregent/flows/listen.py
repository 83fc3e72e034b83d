"""Following all live sources in one process, for as long as it runs.

One event loop follows; one thread writes. A source waits until what it brought
is kept, so memory stays bounded and the cursor that is kept is never ahead of
the posts. A source that fails is opened anew from its kept cursor, and never
stops the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pyarrow.compute as pc

from entregent.clock import now as clock_now
from entregent.errors import (
    ConfigError,
    InputError,
    PermanentError,
    StoreError,
    TransientError,
)
from entregent.sources.base import Batch
from entregent.sources.live import LiveSource
from entregent.store.archive import Appended, Archive, Within

__all__ = ["Listener", "Standing"]

RATE_SECONDS = 60.0
FIRST_WAIT, LONGEST_WAIT = 1.0, 300.0
_STEADY_SECONDS = 60.0
_REST = timedelta(minutes=1)
_EXPIRED_EVERY = timedelta(days=1)

_log = logging.getLogger(__name__)
Result = TypeVar("Result")


@dataclass(frozen=True)
class Standing:
    """How one source is doing.

    `state` is ``starting``, ``live``, ``waiting`` (for `retry_at`), ``stopped``
    (for good; `trouble` says why) or ``ended`` (it had no more). `posts` and
    `rows` count what was new and what came, since the process started; `rate`
    is rows a second over the last minute; `lag` how far behind its
    publication the last post was kept, None before the first one; `budget`
    how much of what it may spend is spent, where it spends.
    """

    name: str
    network: str
    state: str = "starting"
    posts: int = 0
    rows: int = 0
    rate: float = 0.0
    heard_at: datetime | None = None
    last_post: datetime | None = None
    lag: timedelta | None = None
    gaps: int = 0
    trouble: str | None = None
    retry_at: datetime | None = None
    budget: str | None = None


class Listener:
    """Follows live sources and keeps what they bring.

    Parameters
    ----------
    archive : Archive
        Open for writing.
    sources : sequence of LiveSource
        With names of their own.
    rng : numpy.random.Generator
        For the spread of waits, so that sources that failed together do not
        come back together.
    within : callable, optional
        What is done in the transaction that keeps a batch.
    after : callable, optional
        Called in the writing thread once a batch is kept, with the source, the
        batch and what of it was new.
    keep_days : mapping of str to int, optional
        By network, for how many days its posts are kept; older ones go once a day.
    now : callable, optional
        The clock.

    Examples
    --------
    See :mod:`entregent.cli.listen`.
    """

    def __init__(
        self,
        archive: Archive,
        sources: Sequence[LiveSource],
        *,
        rng: np.random.Generator,
        within: Within | None = None,
        after: Callable[[LiveSource, Batch, Appended], None] | None = None,
        keep_days: Mapping[str, int] | None = None,
        now: Callable[[], datetime] = clock_now,
    ) -> None:
        names = [source.name for source in sources]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(f"Two sources are named {twice[0]!r}.", do="Give each a name of its own.")
        self.archive = archive
        self.sources = tuple(sources)
        self._rng = rng
        self._within = within
        self._after = after
        self._now = now
        self._standing = {source.name: Standing(source.name, source.network) for source in sources}
        self._recent: dict[str, deque[tuple[float, int]]] = {name: deque() for name in names}
        self._keep_days = keep_days or {}
        self._rest_until = self._expires_at = datetime.min.replace(tzinfo=UTC)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="entregent-writer")

    def standings(self) -> tuple[Standing, ...]:
        """Return how each source is doing, in the order given."""
        moment = asyncio.get_running_loop().time()
        return tuple(
            replace(standing, rate=self._rate(standing.name, moment)) for standing in self._standing.values()
        )

    async def run(self, stop: asyncio.Event) -> tuple[Standing, ...]:
        """Follow until `stop` is set or no source goes on.

        Whatever was handed over is kept before it returns; connections are
        closed.

        Returns
        -------
        tuple of Standing
            How each source ended.
        """
        following = [
            asyncio.create_task(self._follow(source), name=f"follow {source.name}") for source in self.sources
        ]
        stopping = asyncio.create_task(stop.wait())
        over = asyncio.create_task(asyncio.wait(following)) if following else stopping
        try:
            await asyncio.wait({stopping, over}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            over.cancel()
            for task in following:
                task.cancel()
            await asyncio.gather(*following, return_exceptions=True)
            try:
                await self._write(partial(self._upkeep, last=True))
            finally:
                self._writer.shutdown(wait=True)
        return tuple(self._standing.values())

    async def _follow(self, source: LiveSource) -> None:
        loop = asyncio.get_running_loop()
        tries = 0
        while True:
            opened = loop.time()
            try:
                cursor = await self._write(partial(self.archive.cursor, source.name))
                async with aclosing(source.follow(cursor)) as batches:  # type: ignore[type-var]
                    async for batch in batches:
                        await self._keep(source, batch)
                self._stands(source, state="ended", trouble=None, retry_at=None)
                return
            except (TransientError, StoreError) as error:
                # A source that held for a while starts counting anew: it did come back.
                tries = 1 if loop.time() - opened > _STEADY_SECONDS else tries + 1
                wait = self._wait(tries, getattr(error, "retry_after", None))
                at = self._now() + timedelta(seconds=wait)
                self._stands(source, state="waiting", trouble=str(error), retry_at=at)
                await asyncio.sleep(wait)
            except (PermanentError, ConfigError, InputError) as error:
                self._stands(source, state="stopped", trouble=str(error), retry_at=None)
                return
            except Exception as error:
                # A fault in one source must not silence the others.
                _log.exception("The source %s failed unexpectedly.", source.name)
                told = f"Unexpected {type(error).__name__}: {error}. This is a fault of Entregent."
                self._stands(source, state="stopped", trouble=told, retry_at=None)
                return

    def _wait(self, tries: int, asked: float | None) -> float:
        """Return seconds to wait: what the server asks for, otherwise twice as long each time, spread."""
        if asked is not None:
            return asked + float(self._rng.uniform(0, 1))
        longest = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** (tries - 1))
        return float(self._rng.uniform(longest / 2, longest))

    async def _keep(self, source: LiveSource, batch: Batch) -> None:
        appended = await self._write(partial(self._append, source, batch))
        moment = self._now()
        before = self._standing[source.name]
        last_post, lag = before.last_post, before.lag
        if batch.posts.num_rows:
            latest = pc.max(batch.posts["time"]).as_py()
            if latest is not None:
                last_post, lag = latest, moment - latest
        self._recent[source.name].append((asyncio.get_running_loop().time(), batch.rows))
        self._stands(
            source,
            state="live",
            posts=before.posts + appended.new.get("posts", 0),
            rows=before.rows + batch.rows,
            heard_at=moment,
            last_post=last_post,
            lag=lag,
            gaps=before.gaps + len(batch.gaps),
            budget=batch.budget or before.budget,
            trouble=None,
            retry_at=None,
        )

    def _append(self, source: LiveSource, batch: Batch) -> Appended:
        appended = self.archive.append(batch, source=source.name, live=True, within=self._within)
        if self._after is not None:
            self._after(source, batch, appended)
        self._upkeep()
        return appended

    def _upkeep(self, *, last: bool = False) -> None:
        """Turn what has gathered into segments when it is time, and at the end."""
        moment = self._now()
        if moment < self._rest_until or not (last or self.archive.roll_due(moment)):
            return
        try:
            self.archive.roll()
            old = bool(self._keep_days) and moment >= self._expires_at
            if old or self.archive.compact_due():
                self.archive.compact(moment, keep_days=self._keep_days)
                self._expires_at = moment + _EXPIRED_EVERY
        except StoreError as error:
            # Nothing is lost: the rows stay where they are, and the sources go on.
            _log.warning("What was heard could not be written as segments yet: %s", error)
            self._rest_until = moment + _REST

    async def _write(self, work: Callable[[], Result]) -> Result:
        """Do something in the writing thread, to its end even where the task is cancelled meanwhile."""
        done = asyncio.get_running_loop().run_in_executor(self._writer, work)
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            await asyncio.wait({done})
            raise

    def _stands(self, source: LiveSource, **changes: Any) -> None:
        self._standing[source.name] = replace(self._standing[source.name], **changes)

    def _rate(self, name: str, moment: float) -> float:
        recent = self._recent[name]
        while recent and recent[0][0] < moment - RATE_SECONDS:
            recent.popleft()
        if not recent:
            return 0.0
        return sum(rows for _, rows in recent) / min(RATE_SECONDS, max(1.0, moment - recent[0][0]))
