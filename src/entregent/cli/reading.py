"""Options of commands that read a conversation from files."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from entregent import clock
from entregent.config import Config

if TYPE_CHECKING:
    from entregent.flows.request import StudyRequest

__all__ = ["column_mapping", "reading", "request_of"]

Command = TypeVar("Command", bound=Callable[..., Any])


def column_mapping(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """Read ``ROLE=COL`` texts; ``ROLE==VALUE`` keeps ``=VALUE``, which sets one value for all rows."""
    mapping: dict[str, str] = {}
    for value in values:
        role, equals, column = value.partition("=")
        if not (role and equals and column):
            raise click.BadParameter(f"{value!r} is not ROLE=COLUMN, such as account=user_id.", ctx, param)
        if role in mapping:
            raise click.BadParameter(f"{role!r} is mapped twice.", ctx, param)
        mapping[role] = column
    return mapping


_WHAT = (
    click.option(
        "--topic",
        metavar="QUERY",
        help='Keep posts that match: words, AND, OR, NOT, "a phrase", wild*, a NEAR/5 b, lang:fr.',
    ),
    click.option("--since", metavar="DATE", help="First day or moment."),
    click.option("--until", metavar="DATE", help="Last day, which is included, or a moment, which is not."),
)
_HOW = (
    click.option(
        "--seed",
        type=click.IntRange(0, 2**63 - 1),
        default=1,
        show_default=True,
        help="Seed of what is random.",
    ),
    click.option("--format", "form", metavar="NAME", help="Format of the files, where it is not found out."),
    click.option(
        "--map",
        "mapping",
        multiple=True,
        metavar="ROLE=COLUMN",
        callback=column_mapping,
        help="What a column of a table holds; ROLE==VALUE sets one value for all rows.",
    ),
    click.option(
        "--network",
        help="Network of ids of formats that name none (tables: file; --edges: that of the files).",
    ),
    click.option("--relative-time", is_flag=True, help="Times count seconds from an unknown origin."),
    click.option("--edges", type=click.Path(dir_okay=False), help="File of a user graph, for tables."),
)


def reading(*, required: bool = True, before: tuple[Any, ...] = ()) -> Callable[[Command], Command]:
    """Add the argument FILE and what says how to read it; `before` are options shown in between."""

    def decorate(command: Command) -> Command:
        files = click.argument("files", nargs=-1, required=required, metavar="FILE...")
        for option in reversed((files, *_WHAT, *before, *_HOW)):
            command = option(command)
        return command

    return decorate


def request_of(
    settled: Config,
    *,
    files: tuple[str, ...],
    topic: str | None,
    since: str | None,
    until: str | None,
    seed: int,
    form: str | None,
    mapping: dict[str, str],
    network: str | None,
    relative_time: bool,
    edges: str | None,
    **more: Any,
) -> StudyRequest:
    """Return what the options ask for; `more` are further fields of the request."""
    from entregent.flows.request import StudyRequest

    tz = clock.zone(settled.zone)
    period = clock.Period(
        clock.parse_moment(since, tz) if since else None,
        clock.parse_moment(until, tz, end=True) if until else None,
    )
    return StudyRequest(
        paths=files,
        format=form,
        mapping=mapping,
        relative_time=relative_time,
        edges=edges,
        network=network,
        topic=topic,
        period=period,
        zone=settled.zone,
        lang=settled.lang,
        seed=seed,
        stdin=sys.stdin.buffer if "-" in files and sys.stdin else None,
        config=settled,
        **more,
    )
