"""``entregent world``: a simulated conversation with known truth, as files that ``study`` reads."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click

from entregent.cli.progress import CommandProgress, amount_of
from entregent.cli.settings import quiet
from entregent.world.settings import FORMATS, WorldSettings

__all__ = ["dials", "world"]

_ENTRY = re.compile(r"^    (?P<names>[a-z_]+(?:, [a-z_]+)*) : .*\n(?P<text>(?:^        .*\n)+)", re.MULTILINE)


def _meanings() -> Iterator[tuple[str, str]]:
    """Yield each dial with the first sentence of its description, which is written once, in the docstring."""
    for entry in _ENTRY.finditer(WorldSettings.__doc__ or ""):
        sentence = re.split(r"(?<=\.)\s", " ".join(entry["text"].split()))[0].replace("`", "")
        names = entry["names"].split(", ")
        # An entry for several dials describes them in the same order.
        parts = re.split(r",\s+(?:and\s+)?", sentence.rstrip("."))
        for k, name in enumerate(names):
            part = parts[k] + "." if 1 < len(names) == len(parts) else sentence
            yield name, part[0].upper() + part[1:]


def dials(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add a flag for each dial of the world that is a number or a date."""
    meanings = dict(_meanings())
    for dial in reversed(fields(WorldSettings)):
        if dial.default is MISSING or dial.default is None:
            continue
        default: Any = dial.default
        kind = click.DateTime(["%Y-%m-%d"]) if isinstance(default, date) else type(default)
        command = click.option(
            f"--{dial.name.replace('_', '-')}",
            dial.name,
            type=kind,
            default=str(default) if isinstance(default, date) else default,
            show_default=True,
            help=meanings.get(dial.name),
        )(command)
    return command


@click.command("world")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("world"),
    show_default=True,
    help="Folder to write to.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="jetstream",
    show_default=True,
    help="Network whose files are imitated.",
)
@click.option(
    "--name",
    default="conversation.jsonl",
    show_default=True,
    help="File name of the conversation; .zst or .gz at its end compresses.",
)
@dials
@quiet
def world(out: Path, form: str, name: str, quiet: bool, **turned: Any) -> None:
    """Simulate a conversation about a brand that does not exist, with known truth.

    Writes the conversation as a network would give it, and the truth beside
    it: tastes, influence, who caused what, bought followers, coordinated
    groups. The same dials and seed give the same world.

    \b
    Examples:
      entregent world
      entregent world --people 5000 --days 90 --seed 7 --format x --out demo
      entregent world --influence 0 --homophily 0.9 --out alike
    """
    start = turned["start"]
    settings = WorldSettings(**{**turned, "start": start.date() if isinstance(start, datetime) else start})
    with CommandProgress(quiet=quiet) as progress:
        progress.step("Starting")
        from entregent.world import simulate, write

        written = write(simulate(settings, progress=progress), out, form, name=name, progress=progress)
    edges = f" --edges {shlex.quote(str(written.edges))}" if written.edges else ""
    click.echo(f"World     {written.lines:,} lines of {form}, {amount_of(written.bytes, 'bytes')}")
    click.echo(
        f"Truth     {len([f for f in written.files if f.suffix == '.parquet'])} tables in {written.directory}"
    )
    click.echo(f"Study it  entregent study {shlex.quote(str(written.conversation))}{edges}")
