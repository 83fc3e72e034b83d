"""``entregent study``: from files of public conversations to a page that can be read and acted on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from entregent import clock
from entregent.cli.influence_options import BUDGET, PER_FOLLOWER
from entregent.cli.progress import CommandProgress
from entregent.cli.reading import column_mapping, reading, request_of
from entregent.cli.settings import quiet, settings, with_flags

__all__ = ["column_mapping", "study"]

_PAGE = (
    click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("study"),
        show_default=True,
        help="Folder of the study. An earlier study there is replaced.",
    ),
    click.option("--title", help="Title of the study."),
    click.option("--purpose", help="What the study is for; shown on its face."),
    click.option("--keep-days", type=click.IntRange(1, 36_500), help="Days until the study expires."),
    click.option("--pseudonymise", is_flag=True, help="Replace people by numbers, for sharing."),
    click.option(
        "--people",
        type=click.IntRange(1, 200),
        default=100,
        show_default=True,
        help="People shown on the page. The tables hold all.",
    ),
    click.option(
        "--without",
        multiple=True,
        type=click.Choice(("effect", "circle", "seeding", "groups")),
        help="A part to leave out, to save time; repeatable.",
    ),
    click.option(
        "--circle", type=click.IntRange(1, 50), default=10, show_default=True, help="People of the circle."
    ),
    click.option("--fixed", type=float, help="Price of anybody, for few or many."),
    PER_FOLLOWER,
    BUDGET,
)


@click.command("study")
@reading(before=_PAGE)
@settings("lang", "zone", "home", "memory_mb", "threads")
@quiet
def study(
    out: Path,
    title: str | None,
    purpose: str | None,
    keep_days: int | None,
    pseudonymise: bool,
    people: int,
    without: tuple[str, ...],
    circle: int,
    fixed: float | None,
    per_follower: float | None,
    budget: float | None,
    quiet: bool,
    lang: str | None,
    zone: str | None,
    home: Path | None,
    memory_mb: int | None,
    threads: int | None,
    **read: Any,
) -> None:
    """Study public conversations: what was said, who speaks, who is known, who is heard.

    FILE is a file, a folder, a pattern in quotes, or - for standard input;
    plain or compressed (gz, zst, bz2). The format is found out from the
    content. The study is a folder: index.html, which opens from disk, the
    tables behind it as Parquet and CSV, and study.json.

    \b
    Examples:
      entregent study posts.jsonl.gz
      entregent study 'export/*.json' --topic 'train AND (delay OR retard*)' --lang fr
      entregent study shares.csv --map account=user --map object=link --map time=when
      zcat posts.gz | entregent study - --since 2024-05-01 --until 2024-05-31
      entregent study posts.jsonl --pseudonymise --purpose "Shared with the agency"

    Ten lines that matter go to standard output; progress and warnings about
    the data go to standard error.
    """
    settled = with_flags(lang=lang, zone=zone, home=home, memory_mb=memory_mb, threads=threads)
    tz = clock.zone(settled.zone)
    with CommandProgress(quiet=quiet) as progress:
        progress.step("Starting")
        # Engines load here: they take a second, and help must not wait for them.
        from entregent.cli.summary import print_notices, print_summary
        from entregent.flows.study import publish

        request = request_of(
            settled,
            title=title,
            purpose=purpose,
            keep_days=keep_days,
            pseudonymise=pseudonymise,
            people=people,
            without=without,
            circle=circle,
            fixed=fixed,
            per_follower=per_follower,
            budget=budget,
            **read,
        )
        made = publish(request, out, now=clock.now(), progress=progress)
    print_notices(made.study.notices)
    print_summary(made.study, tz)
    click.echo(f"Open      {made.files[0].as_uri()}")
