"""``entregent search``: the posts of the archive that a query matches."""

from __future__ import annotations

from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from entregent import clock
from entregent.cli.listing import plain, print_rows
from entregent.cli.settings import list_format, quiet, settings, with_flags

if TYPE_CHECKING:
    from entregent.flows.search import Results
    from entregent.listening.query import Why
    from entregent.store.archive import Archive

__all__ = ["search"]

COLUMNS = ("id", "time", "network", "author", "kind", "lang", "text", "url")
SHOWN = ("time", "author", "text")
WIDTH = 88
GAPS_SHOWN = 3


@click.command("search")
@click.argument("query", metavar="QUERY")
@click.option("--since", metavar="DATE", help="First day or moment.")
@click.option("--until", metavar="DATE", help="Last day or moment.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="How many posts to show, newest first; 0 shows all.",
)
@click.option("--why", is_flag=True, help="Show what decided of each post.")
@list_format
@settings("home", "lang", "zone", "memory_mb", "threads")
@quiet
def search(
    query: str,
    since: str | None,
    until: str | None,
    limit: int,
    why: bool,
    form: str,
    home: Path | None,
    lang: str | None,
    zone: str | None,
    memory_mb: int | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Show the posts of the archive that a query matches, newest first.

    The same query language as for topics and watches, and the same answer: words are folded
    (greve finds Grève), "..." is a phrase, grev* a wildcard, and author:, lang:, hashtag: and
    others ask what the network says. It can be asked while entregent listen runs. The first
    search after much has come in takes longer: it indexes words.

    \b
    Examples:
      entregent search "grève NEAR/5 sncf"
      entregent search "#nighttrain -lang:de" --since 2024-05-01 --limit 100
      entregent search "author:sncf has:link" --why
      entregent search "train OR bus" --limit 0 --format csv > posts.csv
    """
    settled = with_flags(home=home, lang=lang, zone=zone, memory_mb=memory_mb, threads=threads)
    tz = clock.zone(settled.zone)
    period = clock.Period(
        clock.parse_moment(since, tz) if since else None,
        clock.parse_moment(until, tz, end=True) if until else None,
    )
    from entregent.cli.progress import CommandProgress
    from entregent.flows.search import search as find
    from entregent.listening.query import parse
    from entregent.store.archive import Archive

    asked = parse(query)
    with Archive.open(
        settled.home, writer=False, memory_mb=settled.memory_mb, threads=settled.threads
    ) as archive:
        with CommandProgress(quiet=quiet) as progress:
            found = find(archive, asked, period, progress=progress)
        rows = _rows(found, limit or None, why, form, tz)
        columns = SHOWN if form == "table" else COLUMNS
        print_rows((*columns, "why") if why else columns, rows, form)
        _tell(archive, found, len(rows), period, tz)


def _rows(found: Results, most: int | None, why: bool, form: str, tz: tzinfo) -> list[dict[str, Any]]:
    posts = found.posts(most)
    reasons = found.why(posts) if why else []
    rows = []
    for number, post in enumerate(posts.to_pylist()):
        at = None if post["time"] is None else post["time"].astimezone(tz)
        author = f"@{post['handle'].lstrip('@')}" if post["handle"] else post["account"]
        row = {**post, "author": author, "time": at and at.isoformat()}
        if why:
            row["why"] = _why(reasons[number], form)
        if form == "table":
            row["time"] = f"{at:%Y-%m-%d %H:%M}" if at else ""
            row["text"] = _short(post["text"] or "")
        rows.append(row)
    return rows


def _short(text: str) -> str:
    line = " ".join(plain(text).split())
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def _why(why: Why, form: str) -> Any:
    if form == "json":
        return [
            {"asked": reason.typed, "found": reason.found, "spans": reason.spans, "said": reason.said}
            for reason in why.reasons
        ]
    return ", ".join(
        (reason.typed if reason.found else f"no {reason.typed}")
        + (f" ({', '.join(reason.said)})" if reason.said else "")
        for reason in why.reasons
    )


def _tell(archive: Archive, found: Results, shown: int, period: clock.Period, tz: tzinfo) -> None:
    """Say how many there are, and of which times nothing is known."""
    total = len(found)
    word = "post matches" if total == 1 else "posts match"
    rest = f"; the newest {shown:,} are shown (--limit)" if shown < total else ""
    click.echo(f"{total:,} {word}{rest}.", err=True)
    gaps = archive.gaps(since=period.start, until=period.end)
    for gap in gaps[-GAPS_SHOWN:]:
        start, end = (moment.astimezone(tz) for moment in (gap.start, gap.end))
        click.echo(
            f"Not known: nothing came from {plain(gap.source)} from {start:%Y-%m-%d %H:%M} "
            f"to {end:%Y-%m-%d %H:%M} ({plain(gap.reason)}).",
            err=True,
        )
    if len(gaps) > GAPS_SHOWN:
        click.echo(f"And {len(gaps) - GAPS_SHOWN:,} earlier gaps.", err=True)
