"""What the questions about influence have in common: a graph with chances, and how to print."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from entregent import clock
from entregent.cli.listing import print_json
from entregent.cli.reading import request_of

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pyarrow as pa

    from entregent.config import Config
    from entregent.flows.moves import Moved
    from entregent.flows.names import Names
    from entregent.progress import Progress
    from entregent.report.influence import CirclePart, SeedingPart
    from entregent.results import CannotTell

__all__ = [
    "BUDGET",
    "FIXED",
    "PER_FOLLOWER",
    "TABLE",
    "WEIGHTS",
    "Asked",
    "answered",
    "asked",
    "chances",
    "output",
    "plain_data",
    "tell",
    "write_tables",
]

Command = TypeVar("Command", bound=Callable[..., Any])
Told = TypeVar("Told")

TABLE = click.Path(dir_okay=False, path_type=Path)
BUDGET = click.option("--budget", type=float, help="What may be spent, in the unit of the prices.")
FIXED = click.option("--fixed", type=float, help="Price of anybody.")
PER_FOLLOWER = click.option("--per-follower", type=float, help="On top, for each follower.")
WEIGHTS = click.option(
    "--weights", type=TABLE, help="Table with account and weight: who counts, and how much; nobody else does."
)


def chances(command: Command) -> Command:
    """Add the options that say where the chances that one person moves another come from."""
    for option in reversed(
        (
            click.option(
                "--graph",
                type=TABLE,
                help="Instead of FILE: a table (CSV, Parquet) with listener, speaker and, if known, chance.",
            ),
            click.option(
                "--chances",
                "rule",
                type=click.Choice(("auto", "learned", "weighted-cascade", "uniform", "trivalency")),
                default="auto",
                show_default=True,
                help="Learned from who acted after whom, or a textbook rule; auto learns where it can.",
            ),
            click.option(
                "--chance",
                type=float,
                default=0.01,
                show_default=True,
                help="Chance of every arc, for --chances uniform.",
            ),
            click.option(
                "--linear-threshold",
                is_flag=True,
                help="People act once those they listen to add up, by shares of acts; nothing is learned.",
            ),
        )
    ):
        command = option(command)
    return command


def output(command: Command) -> Command:
    """Add ``--json`` and ``--out``."""
    for option in reversed(
        (
            click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
            click.option(
                "--out",
                type=click.Path(file_okay=False, path_type=Path),
                help="Folder for the tables, as Parquet and CSV.",
            ),
        )
    ):
        command = option(command)
    return command


@dataclass(frozen=True)
class Asked:
    """A graph with chances, its people by name, and the records where there are any."""

    moved: Moved
    names: Names
    con: duckdb.DuckDBPyConnection | None
    rng: np.random.Generator


@contextmanager
def asked(
    settled: Config,
    progress: Progress,
    *,
    files: tuple[str, ...],
    graph: Path | None,
    rule: str,
    chance: float,
    linear_threshold: bool,
    **read: Any,
) -> Iterator[Asked]:
    """Open files or a graph and find the chances.

    Raises
    ------
    InputError
        Where nothing tells who listens to whom.
    """
    progress.step("Starting")
    import numpy as np

    from entregent.cli.summary import print_notices
    from entregent.errors import InputError
    from entregent.flows.moves import LINEAR, learned, moved, moved_by_arcs
    from entregent.flows.names import Names

    if bool(files) == (graph is not None):
        raise click.UsageError("Give FILE or --graph, and not both.")
    model = LINEAR if linear_threshold else "independent_cascade"
    rng = np.random.default_rng(read["seed"])
    if graph is not None:
        from entregent.sources.given import given

        table = given(graph, ("listener", "speaker"), ("chance", "weight"), ("chance", "weight"))
        if "chance" not in table.column_names and rule == "learned":
            raise InputError("A graph alone teaches nothing.", where=str(graph), do="Give a column chance.")
        found = moved_by_arcs(table, rng, rule=rule, chance=chance, model=model)
        yield Asked(found, Names(found.graph.ids), None, rng)
        return
    from entregent.flows.opened import opened_here

    request = request_of(settled, files=files, **read)
    with opened_here(request, clock.now(), progress) as opened:
        print_notices((*opened.collected.notices, *opened.notices))
        wants = rule in ("auto", "learned") and not linear_threshold
        taught = learned(opened.con, rng, progress) if wants else None
        result = answered(moved(opened.con, taught, rng, rule=rule, chance=chance, model=model))
        yield Asked(result, Names(result.graph.ids, opened.con), opened.con, rng)


def plain_data(value: Any) -> Any:
    """Return a result as plain values that JSON knows, texts in English with their code."""
    from dataclasses import fields, is_dataclass
    from math import isfinite

    from entregent.i18n import Text

    if isinstance(value, Text):
        return str(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain_data(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: plain_data(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [plain_data(part) for part in value]
    if isinstance(value, float) and not isfinite(value):
        return None  # JSON has no infinity.
    return value.isoformat() if hasattr(value, "isoformat") else value


def answered(part: Told | CannotTell) -> Told:
    """Return what could be told.

    Raises
    ------
    InputError
        With the reason, where it could not.
    """
    from entregent.errors import InputError
    from entregent.results import CannotTell

    if isinstance(part, CannotTell):
        raise InputError(f"{part.reason} {part.needs}")
    return part


def tell(
    part: CirclePart | SeedingPart,
    tables: Mapping[str, pa.Table],
    lines: Callable[[], Sequence[str]],
    *,
    as_json: bool,
    out: Path | None,
) -> None:
    """Print notices and the result, as JSON or as `lines`, and write the tables where asked."""
    from entregent.cli.summary import print_notices

    print_notices(part.notices)
    write_tables(tables, out)
    if as_json:
        print_json(plain_data(part))
        return
    for line in lines():
        click.echo(line)


def write_tables(tables: Mapping[str, pa.Table], out: Path | None) -> None:
    """Write tables into a folder and say so on standard error.

    Raises
    ------
    OutputError
        Where it cannot be written.
    """
    if out is None:
        return
    from entregent.errors import OutputError
    from entregent.report.tables import write_table

    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, table in tables.items():
            for path in write_table(table, out / name):
                click.echo(f"Written   {path}", err=True)
    except OSError as error:
        raise OutputError(f"It cannot be written: {error.strerror or error}.", where=str(out)) from error
