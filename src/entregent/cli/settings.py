"""Options that several commands share, and settings in their order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from entregent import config
from entregent.i18n import LANGUAGES

__all__ = ["SETTING_FLAGS", "list_format", "quiet", "settings", "with_flags"]

Command = TypeVar("Command", bound=Callable[..., Any])

SETTING_FLAGS: dict[str, tuple[str, dict[str, Any]]] = {
    "home": (
        "--home",
        {"type": click.Path(file_okay=False, path_type=Path), "help": "Where Entregent keeps its data."},
    ),
    "lang": ("--lang", {"type": click.Choice(LANGUAGES), "help": "Language of what readers see."}),
    "zone": ("--zone", {"metavar": "NAME", "help": "Time zone of days and dates, such as Europe/Paris."}),
    "memory_mb": (
        "--memory-mb",
        {"type": click.IntRange(min=128), "help": "Most memory that the query engine may use."},
    ),
    "threads": (
        "--threads",
        {"type": click.IntRange(min=0), "help": "Most threads of the query engine; 0 means all cores."},
    ),
}
"""Settings that have a flag of the same name."""


def settings(*names: str) -> Callable[[Command], Command]:
    """Add flags for the settings of these names to a command."""

    def decorate(command: Command) -> Command:
        for name in reversed(names):
            flag, parameters = SETTING_FLAGS[name]
            command = click.option(flag, name, **parameters)(command)
        return command

    return decorate


def with_flags(**flags: Any) -> config.Config:
    """Return the settings: flags that were given, then environment, file and defaults."""
    given = {name: value for name, value in flags.items() if value is not None}
    if "zone" in given:
        from entregent.clock import zone

        zone(given["zone"])
    return replace(config.load(), **given)


def list_format(command: Command) -> Command:
    """Add ``--format table|csv|json`` to a command that prints a list."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(("table", "csv", "json")),
        default="table",
        show_default=True,
        help="How to print the list.",
    )(command)


def quiet(command: Command) -> Command:
    """Add ``--quiet`` to a command that takes long."""
    return click.option("--quiet", "-q", is_flag=True, help="No progress on standard error.")(command)
