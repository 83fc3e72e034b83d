"""``entregent study``: from files of public conversations to a page that can be read and acted on."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from entregent import clock
from entregent.cli.progress import CommandProgress
from entregent.cli.settings import quiet, settings, with_flags

__all__ = ["column_mapping", "study"]


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


@click.command("study")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--topic",
    metavar="QUERY",
    help='Keep posts that match: words, AND, OR, NOT, "a phrase", wild*, a NEAR/5 b, lang:fr.',
)
@click.option("--since", metavar="DATE", help="First day or moment.")
@click.option("--until", metavar="DATE", help="Last day, which is included, or a moment, which is not.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("study"),
    show_default=True,
    help="Folder of the study. An earlier study there is replaced.",
)
@click.option("--title", help="Title of the study.")
@click.option("--purpose", help="What the study is for; shown on its face.")
@click.option("--keep-days", type=click.IntRange(1, 36_500), help="Days until the study expires.")
@click.option("--pseudonymise", is_flag=True, help="Replace people by numbers, for sharing.")
@click.option(
    "--people",
    type=click.IntRange(1, 200),
    default=100,
    show_default=True,
    help="People shown on the page. The tables hold all.",
)
@click.option(
    "--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True, help="Seed of what is random."
)
@click.option("--format", "form", metavar="NAME", help="Format of the files, where it is not found out.")
@click.option(
    "--map",
    "mapping",
    multiple=True,
    metavar="ROLE=COLUMN",
    callback=column_mapping,
    help="What a column of a table holds; ROLE==VALUE sets one value for all rows.",
)
@click.option(
    "--network", help="Network of ids of formats that name none (tables: file; --edges: that of the files)."
)
@click.option("--relative-time", is_flag=True, help="Times count seconds from an unknown origin.")
@click.option("--edges", type=click.Path(dir_okay=False), help="File of a user graph, for tables.")
@settings("lang", "zone", "home", "memory_mb", "threads")
@quiet
def study(
    files: tuple[str, ...],
    topic: str | None,
    since: str | None,
    until: str | None,
    out: Path,
    title: str | None,
    purpose: str | None,
    keep_days: int | None,
    pseudonymise: bool,
    people: int,
    seed: int,
    form: str | None,
    mapping: dict[str, str],
    network: str | None,
    relative_time: bool,
    edges: str | None,
    quiet: bool,
    **flags: Any,
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
    settled = with_flags(**flags)
    tz = clock.zone(settled.zone)
    period = clock.Period(
        clock.parse_moment(since, tz) if since else None,
        clock.parse_moment(until, tz, end=True) if until else None,
    )
    with CommandProgress(quiet=quiet) as progress:
        progress.step("Starting")
        # Engines load here: they take a second, and help must not wait for them.
        from entregent.cli.summary import print_notices, print_summary
        from entregent.flows.study import StudyRequest, publish

        request = StudyRequest(
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
            title=title,
            purpose=purpose,
            keep_days=keep_days,
            pseudonymise=pseudonymise,
            people=people,
            stdin=sys.stdin.buffer if "-" in files and sys.stdin else None,
            config=settled,
        )
        made = publish(request, out, now=clock.now(), progress=progress)
    print_notices(made.study.notices)
    print_summary(made.study, tz)
    click.echo(f"Open      {made.files[0].as_uri()}")
