"""YouTube by the user's own key: the source of kind ``youtube``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from entregent.clock import now as clock_now
from entregent.sources.base import Batch
from entregent.sources.secret import Secret, secret
from entregent.sources.web import Web
from entregent.sources.youtube.asking import Asker
from entregent.sources.youtube.place import read_cursor, written_cursor
from entregent.sources.youtube.settings import YouTubeSettings, read_settings

__all__ = ["YouTube", "YouTubeSettings", "open_source"]


class YouTube:
    """Videos and comments of searches and channels as a live source.

    Parameters
    ----------
    name : str
    settings : YouTubeSettings
    key : Secret
    now : callable, optional
        The clock.

    Notes
    -----
    What is asked for is counted with the cursor, so that it survives a
    restart. At the quota of the day the source waits for the next one.
    """

    network = "youtube"

    def __init__(
        self, name: str, settings: YouTubeSettings, key: Secret, *, now: Callable[[], datetime] = clock_now
    ) -> None:
        self.name = name
        self.settings = settings
        self._key = key
        self._now = now

    async def follow(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Yield what YouTube gives, see :class:`entregent.sources.live.LiveSource`."""
        place = read_cursor(cursor, self.name)
        # In a header, so that it stands in no address.
        key = self._key.reveal()
        headers = {"X-Goog-Api-Key": key}
        private = self.settings.allow_private
        async with Web(self.name, headers=headers, secrets=[self._key], allow_private=private) as web:
            asker = Asker(web, self.settings, place, self.name, key, self._now)
            while True:
                async for batch in asker.round():
                    yield replace(batch, cursor=written_cursor(place), budget=asker.purse.told())
                await asyncio.sleep(60 * self.settings.every_minutes)


def open_source(name: str, table: Mapping[str, Any], where: str) -> YouTube:
    """Make the source of its settings.

    Parameters
    ----------
    name : str
    table : mapping
        See :class:`YouTubeSettings`.
    where : str
        ``sources.NAME``, for messages.

    Returns
    -------
    YouTube

    Raises
    ------
    ConfigError
        Where the settings are no good.
    """
    told = read_settings(table, where)
    return YouTube(name, told, secret(told.key, where=f"{where}.key"))
