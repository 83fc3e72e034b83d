"""What every live source is: something that is followed, and never ends by itself.

All live sources of one process share one event loop. A source yields
:class:`entregent.sources.base.Batch` after batch, each with the cursor to go
on from; whoever follows it commits a batch with its cursor in one transaction
before asking for the next one, so a source that is started again with the
last cursor loses nothing, and what it brings twice is known by its ids.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Protocol, TypeVar

from entregent.sources.base import Batch

__all__ = ["LiveSource", "gathered"]

Message = TypeVar("Message")


class LiveSource(Protocol):
    """A place that posts keep coming from.

    `name` is the key of its cursor: the name of its table in the settings.
    `network` is the first part of the ids it brings.
    """

    name: str
    network: str

    def follow(self, cursor: str | None) -> AsyncIterator[Batch]:
        """Yield what came after `cursor`, from now on where None, in order.

        A batch without records says that the server was heard and had nothing
        new; its cursor counts all the same. What is known to be lost is told
        in :attr:`Batch.gaps`. The iterator is closed by ``aclose`` or by
        cancelling the task; it frees its connection then.

        Raises
        ------
        TransientError
            Where trying again later, from the last cursor, may succeed;
            `retry_after` is the wait that the server asks for.
        PermanentError
            Where it will not: a name, a right, a secret is wrong.
        """


async def gathered(
    messages: AsyncIterator[Message], *, most: int = 2000, within: float = 1.0
) -> AsyncIterator[list[Message]]:
    """Put messages together, so that a busy stream is written in few large pieces and a quiet one soon.

    Parameters
    ----------
    messages : async iterator
        Closed when the gathering is closed.
    most : int
        Messages at which a piece is complete.
    within : float
        Seconds after which whatever came is passed on.

    Yields
    ------
    list
        In order; empty where nothing came in that time, so that whoever
        reads can tell a quiet stream from a stuck one.

    Raises
    ------
    Exception
        What `messages` raised, after all that came before it.

    Examples
    --------
    >>> async def three():
    ...     for number in range(3):
    ...         yield number
    >>> async def pieces():
    ...     return [piece async for piece in gathered(three(), most=2)]
    >>> asyncio.run(pieces())
    [[0, 1], [2]]
    """
    queue: asyncio.Queue[Message] = asyncio.Queue(maxsize=most)

    async def pump() -> None:
        async for message in messages:
            await queue.put(message)

    loop = asyncio.get_running_loop()
    pumping = asyncio.create_task(pump())
    try:
        while True:
            piece: list[Message] = []
            until = loop.time() + within
            while len(piece) < most:
                if not queue.empty():
                    piece.append(queue.get_nowait())
                    continue
                left = until - loop.time()
                if pumping.done() or left <= 0:
                    break
                waiting = asyncio.create_task(queue.get())
                await asyncio.wait({waiting, pumping}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                if waiting.done():
                    piece.append(waiting.result())
                else:
                    waiting.cancel()
                    with suppress(asyncio.CancelledError):
                        await waiting
            over = pumping.done() and queue.empty()
            if piece or not over:
                yield piece
            if over:
                pumping.result()
                return
    finally:
        pumping.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await pumping
        close = getattr(messages, "aclose", None)
        if close is not None:
            await close()
