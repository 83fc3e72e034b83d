"""``entregent series``: how much was said, slot by slot, with what was not heard left open."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from entregent import clock
from entregent.cli.listen import duration
from entregent.cli.listing import print_rows
from entregent.cli.settings import list_format, settings, with_flags
from entregent.cli.watch import asked, open_archive
from entregent.errors import InputError

if TYPE_CHECKING:
    from datetime import datetime

    from entregent.store.archive import Archive

__all__ = ["series"]


@click.command("series")
@click.argument("what", nargs=-1, metavar="[WATCH|QUERY]...")
@click.option("--trending", "trends", is_flag=True, help="Hashtags that gather speed, in place of counts.")
@click.option("--slot", default="1h", show_default=True, metavar="DURATION", help="Width: 15m, 1h, 1d.")
@click.option("--since", metavar="DATE", help="From this day or moment on.")
@click.option("--until", metavar="DATE", help="Until the end of this day, or this moment.")
@settings("home", "zone", "memory_mb", "threads")
@list_format
def series(
    what: tuple[str, ...],
    trends: bool,
    slot: str,
    since: str | None,
    until: str | None,
    home: Path | None,
    zone: str | None,
    memory_mb: int | None,
    threads: int | None,
    form: str,
) -> None:
    """Count stored posts by slots of time, of one or more watches or queries.

    A slot in which nobody listened, in whole or in part, is missing, never
    zero. Of more than one, the share of voice of each stands beside its count.
    With --trending: the hashtags that more people use in the last three hours
    than in the week before, tested against all others.

    \b
    Examples:
      entregent series Rail --slot 1h --since 2024-05-01
      entregent series sncf ratp --slot 1d --format csv
      entregent series --trending
    """
    settled = with_flags(home=home, zone=zone, memory_mb=memory_mb, threads=threads)
    tz = clock.zone(settled.zone)
    if trends:
        with open_archive(settled.home, settled.memory_mb, settled.threads) as archive:
            _trending(archive, clock.parse_moment(until, tz, end=True) if until else None, form)
        return
    if not what:
        raise InputError("Nothing was asked for.", valid=("a watch", "a query", "--trending"))
    seconds = duration(slot)
    if seconds < 60:
        raise InputError(f"A slot of {slot} is too short.", valid=("a minute and more",))
    import numpy as np

    from entregent.flows import watched
    from entregent.listening.series import share_of_voice

    width = timedelta(seconds=seconds)
    with open_archive(settled.home, settled.memory_mb, settled.threads) as archive:
        queries = [asked(archive, one)[0] for one in what]
        past = watched.past_of(
            archive,
            clock.parse_moment(since, tz) if since else None,
            clock.parse_moment(until, tz, end=True) if until else None,
        )
        if past is None:
            raise InputError("No post of that time is stored here.", do="Listen first: entregent listen.")
        past = watched.aligned(past, width)
        counted = [watched.series_of(archive, query, past, width)[0] for query in queries]
    shares = share_of_voice(counted)
    rows: list[dict[str, Any]] = []
    for at in range(len(counted[0].counts)):
        row: dict[str, Any] = {"time": counted[0].time(at).astimezone(tz).isoformat(timespec="minutes")}
        for name, one, share in zip(what, counted, shares, strict=True):
            known = bool(np.isfinite(one.counts[at]))
            row[name] = int(one.counts[at]) if known else ("missing" if form == "table" else None)
            if len(what) > 1:
                row[f"share of {name}"] = round(float(share[at]), 3) if np.isfinite(share[at]) else None
        rows.append(row)
    print_rows(tuple(rows[0]) if rows else ("time", *what), rows, form)


def _trending(archive: Archive, until: datetime | None, form: str) -> None:
    from entregent.flows.watched import past_of, recent_hashtags
    from entregent.listening.trending import trending

    past = past_of(archive, None, until)
    if past is None:
        raise InputError("No post of that time is stored here.", do="Listen first: entregent listen.")
    found = trending(recent_hashtags(archive, past.end), past.end)
    rows = [
        {
            "hashtag": "#" + one.hashtag,
            "people": one.people,
            "expected": round(one.expected, 1),
            "momentum": round(one.momentum, 1),
            "chance": f"{one.chance:.1g}",
        }
        for one in found
    ]
    print_rows(("hashtag", "people", "expected", "momentum", "chance"), rows, form)
