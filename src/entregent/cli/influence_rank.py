"""``entregent influence rank``: who is heard, by the lower end of the interval."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from entregent import clock
from entregent.cli.influence_options import output, plain_data, write_tables
from entregent.cli.listing import print_json, print_rows
from entregent.cli.progress import CommandProgress
from entregent.cli.reading import reading, request_of
from entregent.cli.settings import quiet, settings, with_flags

__all__ = ["rank"]

_TOP = (
    click.option(
        "--top",
        type=click.IntRange(1),
        default=20,
        show_default=True,
        help="People printed; --out holds all.",
    ),
)
_NOT_ASKED = (
    "effective",
    "effective_low",
    "effective_high",
    "effective_level",
    "placebo",
    "community",
)
_PRINTED = ("rank", "handle", "heard", "heard_low", "heard_high", "heard_posts", "ahead_of_next", "known")


@click.command("rank")
@reading(before=_TOP)
@output
@settings("lang", "zone", "home", "memory_mb", "threads")
@quiet
def rank(
    top: int,
    as_json: bool,
    out: Path | None,
    quiet: bool,
    lang: str | None,
    zone: str | None,
    home: Path | None,
    memory_mb: int | None,
    threads: int | None,
    **read: Any,
) -> None:
    """List who is heard: distinct people who act, per post, with an interval that is checked.

    The order is that of the lower end: who is firmly heard comes first.

    \b
    Examples:
      entregent influence rank posts.jsonl --top 20
      entregent influence rank posts.jsonl --topic train --json
      entregent influence rank posts.jsonl --out tables
    """
    settled = with_flags(lang=lang, zone=zone, home=home, memory_mb=memory_mb, threads=threads)
    with CommandProgress(quiet=quiet) as progress:
        progress.step("Starting")
        import numpy as np

        from entregent.cli.summary import print_notices
        from entregent.flows import people
        from entregent.flows.opened import opened_here
        from entregent.i18n import Translator

        request = request_of(settled, **read)
        with opened_here(request, clock.now(), progress) as opened:
            found = people.rank(opened.con, np.random.default_rng(request.seed), progress=progress)
            table = people.people_table(opened.con, found, {}, {})
            table = table.drop_columns([*_NOT_ASKED])
            notices = (*opened.collected.notices, *opened.notices, *found.notices)
    print_notices(notices)
    write_tables({"people": table}, out)
    rows = table.slice(0, top).to_pylist()
    if as_json:
        print_json(plain_data({"cannot_tell": found.reason, "check": found.check, "people": rows}))
        return
    told = Translator(settled.lang)
    if found.reason is not None:
        click.echo(f"{told.text(found.reason.reason)} {told.text(found.reason.needs)}")
    for row in rows:
        for name in ("heard", "heard_low", "heard_high", "ahead_of_next"):
            row[name] = None if row[name] is None else told.number(row[name], 2)
    print_rows(_PRINTED, rows, "table")
