"""A past conversation from files, played as if it came now: to try watches, and to show how it works."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from entregent import clock
from entregent.errors import ConfigError, InputError, PermanentError
from entregent.progress import Quiet
from entregent.sources import registry
from entregent.sources.base import Batch
from entregent.sources.files import Files
from entregent.sources.files.format import Options

__all__ = ["Replay", "ReplaySettings", "open_source"]

STEP_MICROS = 60_000_000
_MINUTES_OF_A_DAY = 1440
ALIVE_SECONDS = 1.0
_UNTIMED = int(np.iinfo(np.int64).min)
_TIMES = {"posts": "time", "interactions": "time", "tombstones": "time", "observations": "seen_at"}


class ReplaySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What stands under a source of kind ``replay``.

    Parameters
    ----------
    paths : list of str
        Files, folders or patterns, as for ``entregent study``.
    speed : float
        Seconds of the conversation in one second; 0 plays as fast as it can.
    pace_from : datetime, optional
        Moment of the conversation at which the speed begins to count; all
        before it is played as fast as it can.
    play_until : datetime, optional
        Moment of the conversation at which it stops; with a speed only.
    format : str, optional
        Format of the files; found out from their content unless told.
    """

    paths: list[str]
    speed: float = 0.0
    pace_from: datetime | None = None
    play_until: datetime | None = None
    format: str | None = None


def _times(batch: Batch) -> dict[str, npt.NDArray[np.int64]]:
    """Return the moment of each row, in microseconds; rows without one stand with the first that has one."""
    found = {}
    for name, column in _TIMES.items():
        micros = getattr(batch, name)[column].combine_chunks().cast(pa.int64())
        found[name] = micros.fill_null(_UNTIMED).to_numpy()
    return found


def _sliced(batch: Batch, earliest: int, played: int) -> Iterator[tuple[int, bool, int, Batch]]:
    """Yield the minutes of a batch from its first post on; what is older or told comes with the first.

    Beside each piece stand how many minutes are played with it, whether it is
    the last, and its moment. Minutes before `earliest` come a day at a time,
    those that were `played` not at all.
    """
    times = {name: values // STEP_MICROS for name, values in _times(batch).items()}
    spoken = times["posts"][times["posts"] > _UNTIMED // STEP_MICROS]
    if not spoken.size:
        yield 1, True, 0, batch
        return
    known = np.unique(np.concatenate(list(times.values())))
    known = known[known >= spoken.min()]
    pieces = np.where(known * STEP_MICROS < earliest, -(known // _MINUTES_OF_A_DAY) - 1, known)
    starts = np.flatnonzero(np.diff(pieces, prepend=pieces[0] - 1))
    for k, end in zip(starts.tolist(), [*starts[1:].tolist(), known.size], strict=True):
        if end <= played:
            continue
        k, last = max(k, played), end == known.size
        parts = {
            name: getattr(batch, name).filter(
                pa.array(((values >= known[k]) | (k == 0)) & (values <= known[end - 1]))
            )
            for name, values in times.items()
        }
        rows = sum(part.num_rows for part in parts.values())
        moment = int(known[k]) * STEP_MICROS
        finished = batch.finished if last else ()
        if k == 0:
            yield end, last, moment, replace(batch, finished=finished, rows=rows, **parts)
        else:
            yield end, last, moment, Batch(finished=finished, rows=rows, **parts)


class Replay:
    """The files of a past conversation as a live source that ends.

    Parameters
    ----------
    name : str
    settings : ReplaySettings

    Notes
    -----
    The cursor counts what was played: pieces of the files, and minutes of the
    piece after them. Files are taken in the order of their names and rows in
    the order of the file; a file that is not in order of time is played in
    the order that it has. The speed counts from the first post, since people
    and follows are often far older.
    """

    network = "files"

    def __init__(self, name: str, settings: ReplaySettings) -> None:
        self.name = name
        self.settings = settings

    @property
    def _earliest(self) -> int:
        pace_from = self.settings.pace_from
        return _UNTIMED if pace_from is None else clock.to_micros(_aware(pace_from))

    def _stops(self, moment: int) -> bool:
        until = self.settings.play_until
        return bool(self.settings.speed) and until is not None and moment >= clock.to_micros(_aware(until))

    def _pieces(self, played: tuple[int, int]) -> Iterator[tuple[str, int, Batch]]:
        """Yield cursor, moment and rows of what was not yet played."""
        options = Options(received_at=clock.now())
        files = Files(self.settings.paths, format=self.settings.format, options=options)
        for number, batch in enumerate(files.batches(None, Quiet())):
            if number < played[0]:
                continue
            if not self.settings.speed:
                yield f"{number + 1}.0", 0, batch
                continue
            before = played[1] if number == played[0] else 0
            for end, last, moment, piece in _sliced(batch, self._earliest, before):
                yield f"{number + 1}.0" if last else f"{number}.{end}", moment, piece

    async def follow(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Yield the conversation, see :class:`entregent.sources.live.LiveSource`."""
        pieces = self._pieces(_read_cursor(cursor, self.name))
        speed, earliest = self.settings.speed, self._earliest
        loop = asyncio.get_running_loop()
        origin: tuple[float, int] | None = None
        place = cursor
        while True:
            try:
                found = await asyncio.to_thread(next, pieces, None)
            except InputError as error:
                raise PermanentError(error.what, where=error.where, valid=error.valid, do=error.do) from error
            if found is None:
                return
            following, moment, batch = found
            if self._stops(moment):
                return
            if speed and origin is None and moment >= earliest and batch.posts.num_rows:
                origin = loop.time(), moment
            if origin is not None:
                due = origin[0] + (moment - origin[1]) / 1e6 / speed
                while (wait := due - loop.time()) > 0:
                    await asyncio.sleep(min(wait, ALIVE_SECONDS))
                    if wait > ALIVE_SECONDS:
                        # So that a quiet night of the conversation is not taken for a fault.
                        yield Batch(cursor=place)
            place = following
            yield replace(batch, cursor=following)


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=clock.EPOCH.tzinfo)


def _read_cursor(cursor: str | None, name: str) -> tuple[int, int]:
    if cursor is None:
        return 0, 0
    found = re.fullmatch(r"(\d+)\.(\d+)", cursor)
    if not found:
        raise PermanentError(
            f"The cursor {cursor!r} is none of a replay.", where=name, do="Give the source a new name."
        )
    return int(found[1]), int(found[2])


def open_source(name: str, table: Mapping[str, Any], where: str) -> Replay:
    """Make the source of its settings.

    Parameters
    ----------
    name : str
    table : mapping
        See :class:`ReplaySettings`.
    where : str
        ``sources.NAME``, for messages.

    Returns
    -------
    Replay

    Raises
    ------
    ConfigError
        Where the settings are no good.
    """
    settings = registry.settings(ReplaySettings, table, where)
    if not settings.paths:
        raise ConfigError("paths is empty.", where=where, do="Name at least one file.")
    if not 0 <= settings.speed < float("inf"):
        raise ConfigError(f"speed is {settings.speed}.", where=where, valid=("0 or more",))
    return Replay(name, settings)
