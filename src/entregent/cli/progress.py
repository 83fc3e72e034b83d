"""Progress on standard error: a bar on a terminal, now and then a line elsewhere.

The first Ctrl-C (or SIGTERM) asks the work to stop at the next safe place; the
second one stops it at once.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

__all__ = ["CommandProgress", "amount_of"]

SECONDS_BETWEEN_LINES = 5.0
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def amount_of(number: int, unit: str) -> str:
    """Return a count with its unit, bytes in the size that reads best.

    >>> amount_of(1_530_000, "bytes"), amount_of(1_200, "posts")
    ('1.5 MB', '1,200 posts')
    """
    if unit != "bytes":
        return f"{number:,} {unit}".rstrip()
    size = float(number)
    for name in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size:.1f} {name}" if name != "bytes" else f"{number} bytes"
        size /= 1000
    return f"{size:,.1f} GB"


class CommandProgress:
    """What a command reports to while it runs; a context manager.

    Parameters
    ----------
    quiet : bool
        Show nothing. Ctrl-C is heard all the same.
    terminal : bool, optional
        Whether standard error is a terminal; found out unless told.
    """

    def __init__(self, *, quiet: bool = False, terminal: bool | None = None) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty() if terminal is None else terminal
        self._bar: RichProgress | None = None
        self._task: TaskID | None = None
        self._stopping = False
        self._before: dict[signal.Signals, Any] = {}
        self._name, self._total, self._unit, self._done = "", None, "", 0  # type: str, int | None, str, int
        self._told_at = 0.0

    def __enter__(self) -> Self:
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._stop)
        if self._terminal and not self._quiet:
            self._bar = _bar()
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _stop(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        if self._stopping:
            raise KeyboardInterrupt
        self._stopping = True
        # Inside a signal handler the buffered stream may be in the middle of a write.
        os.write(2, b"\nentregent: stopping at the next safe place (once more: at once)\n")

    def step(self, name: str, total: int | None = None, unit: str = "") -> None:
        """Open a step, closing the one before."""
        self._name, self._total, self._unit, self._done = name, total, unit, 0
        if self._bar is not None:
            if self._task is not None:
                # A step whose total was a guess, or unknown, still ends as done.
                done = self._bar.tasks[self._task].completed
                self._bar.update(self._task, total=done or 1, completed=done or 1)
                self._bar.stop_task(self._task)
            self._task = self._bar.add_task(name, total=total, unit=unit, note="")
        elif not self._quiet:
            size = f" ({amount_of(total, unit)})" if total else ""
            click.echo(f"{name}{size}", err=True)
            self._told_at = time.monotonic()

    def advance(self, amount: int, note: str = "") -> None:
        """Add `amount` to the open step; `note` is a short free text."""
        self._done += amount
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, advance=amount)
            if note:
                self._bar.update(self._task, note=note)
        elif not self._quiet and time.monotonic() - self._told_at >= SECONDS_BETWEEN_LINES:
            self._told_at = time.monotonic()
            share = f"{100 * self._done / self._total:.0f} %, " if self._total else ""
            extra = f", {note}" if note else ""
            click.echo(f"  {self._name}: {share}{amount_of(self._done, self._unit)}{extra}", err=True)

    def cancelled(self) -> bool:
        """Whether the work should stop at the next safe place."""
        return self._stopping


def _bar() -> RichProgress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeElapsedColumn
    from rich.text import Text

    class Amount(ProgressColumn):
        """How much is done, in the unit of the step."""

        def render(self, task: Task) -> Text:
            unit = task.fields["unit"]
            parts = [amount_of(int(task.completed), unit)] if task.completed > 1 or unit else []
            if task.fields["note"]:
                parts.append(task.fields["note"])
            return Text(", ".join(parts))

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        Amount(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
