"""Questions to a server, no faster than it allows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any

from entregent.sources.web.answer import Answer
from entregent.sources.web.client import Web

__all__ = ["Paced"]


class Paced:
    """A client that waits where a server said that no more may be asked.

    Parameters
    ----------
    web : Web
    now : callable
        The clock.
    """

    def __init__(self, web: Web, now: Callable[[], datetime]) -> None:
        self.web = web
        self._now = now
        self._free_at: dict[str, float] = {}

    async def get(
        self,
        address: str,
        params: Mapping[str, Any] | None = None,
        *,
        allowance: str = "",
        accept: Collection[int] = (),
    ) -> Answer:
        """Ask for something, see :meth:`entregent.sources.web.Web.request`.

        Parameters
        ----------
        address : str
        params : mapping, optional
        allowance : str
            What the server counts together.
        accept : collection of int
            Statuses of 300 and above that the caller reads itself.

        Returns
        -------
        Answer

        Raises
        ------
        TransientError, PermanentError
        """
        loop = asyncio.get_running_loop()
        wait = self._free_at.get(allowance, 0.0) - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        answer = await self.web.get(address, params, accept=accept)
        if answer.allowance is not None:
            self._free_at[allowance] = loop.time() + answer.allowance.wait(self._now())
        return answer
