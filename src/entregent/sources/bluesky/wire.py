"""What the two streams of the network have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from entregent.errors import SourceError
from entregent.records import Gap
from entregent.results import Notice
from entregent.sources.bluesky.place import Place
from entregent.sources.web import Web

__all__ = ["Heard", "Wire"]


@dataclass(frozen=True)
class Heard:
    """What some messages said.

    Parameters
    ----------
    events : sequence of bytes
        As Jetstream writes them.
    notices : tuple of Notice
    gaps : tuple of Gap
    trouble : SourceError, optional
        Where the server says that it will not go on.
    """

    events: Sequence[bytes] = ()
    notices: tuple[Notice, ...] = ()
    gaps: tuple[Gap, ...] = ()
    trouble: SourceError | None = None


class Wire(Protocol):
    """One connection to a stream: what is asked of the server, and what it says.

    `place` is where to go on after all that was heard.
    """

    subprotocol: str | None
    """What the websocket is asked to speak."""

    @property
    def place(self) -> Place | None: ...
    @property
    def deflate(self) -> bool: ...

    async def prepare(self, web: Web) -> None:
        """Ask the server what must be known before the stream is opened."""

    def url(self) -> str:
        """Return what is opened."""

    def hello(self) -> str | None:
        """Return what is sent first, None where nothing is."""

    def refused(self, error: str, moment: datetime) -> Heard | None:
        """Return what follows of an error with which a server refuses to open, None where nothing does."""

    def hear(self, messages: Sequence[bytes], moment: datetime) -> Heard:
        """Return what messages said that came until `moment`."""

    def skip(self, times: int, moment: datetime) -> Heard:
        """Go on behind a message that is too long, met there for the `times`-th time in a row."""
