"""How long work tells how far it is, and learns that it should stop."""

from __future__ import annotations

from typing import Protocol

from entregent.errors import Cancelled

__all__ = ["Progress", "Quiet", "check"]


class Progress(Protocol):
    """What long work reports to. One object serves one run.

    ``step`` opens a named step; ``total`` is in ``unit`` and ``None`` where it
    is not known. ``advance`` adds to the step that is open. ``cancelled`` is
    asked between chunks of work.
    """

    def step(self, name: str, total: int | None = None, unit: str = "") -> None:
        """Open a step, closing the one before."""

    def advance(self, amount: int, note: str = "") -> None:
        """Add `amount` to the open step; `note` is a short free text."""

    def cancelled(self) -> bool:
        """Whether the work should stop at the next safe place."""


class Quiet:
    """Progress for nobody; never cancelled."""

    def step(self, name: str, total: int | None = None, unit: str = "") -> None:
        pass

    def advance(self, amount: int, note: str = "") -> None:
        pass

    def cancelled(self) -> bool:
        return False


def check(progress: Progress) -> None:
    """Raise :class:`~entregent.errors.Cancelled` where the caller asked to stop."""
    if progress.cancelled():
        raise Cancelled("Stopped as asked. Nothing half-written was left.")
