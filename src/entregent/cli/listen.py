"""``entregent listen``: follow all live sources, for as long as it runs."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from entregent import clock
from entregent.cli.settings import quiet, settings, with_flags
from entregent.errors import ConfigError, InputError, PermanentError

if TYPE_CHECKING:
    from entregent.flows.listen import Listener, Standing
    from entregent.flows.telling import Telling
    from entregent.flows.watching import Watching
    from entregent.sources.live import LiveSource
    from entregent.sources.replay import ReplaySettings
    from entregent.store.outbox import KeptAlert

__all__ = ["duration", "keep_days", "listen"]

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_FRAMES = 0.5
SECONDS_TO_TELL = 30.0
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_EXAMPLE = """No source is set up yet. Put one into entregent.toml, such as

  [sources.news]
  kind = "replay"
  paths = ["posts.jsonl"]

or play a file: entregent listen --replay posts.jsonl"""


def duration(text: str) -> float:
    """Return the seconds of ``90``, ``90s``, ``5m``, ``2h``, ``1d``.

    >>> duration("5m")
    300.0
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    if not found:
        raise InputError(f"{text!r} is no duration.", valid=("90s", "5m", "2h", "1d"))
    return float(found[1]) * _UNITS[found[2] or "s"]


def _sources(
    configured: Any, only: Sequence[str], replayed: Sequence[str], pace: ReplaySettings
) -> list[LiveSource]:
    import msgspec

    from entregent.sources.registry import live_source
    from entregent.sources.replay import Replay

    unknown = [name for name in only if name not in configured]
    if unknown:
        raise ConfigError(
            f"There is no source {unknown[0]!r}.",
            valid=sorted(configured) or ("none is set up",),
            do="Set it up under [sources.NAME] in entregent.toml.",
        )
    # Who plays a file wants to see that file, not all that is set up beside it.
    names = only or (() if replayed else tuple(configured))
    made = [live_source(name, configured[name]) for name in names]
    for number, path in enumerate(replayed):
        name = "replay" if number == 0 else f"replay-{number + 1}"
        made.append(Replay(name, msgspec.structs.replace(pace, paths=[path])))
    if not made:
        raise ConfigError(_EXAMPLE)
    return made


def keep_days(configured: Any, sources: Sequence[LiveSource]) -> dict[str, int]:
    """Return how long posts of each network are kept: the longest that one of its sources asks for."""
    asked: dict[str, list[int]] = {}
    for source in sources:
        days = configured.get(source.name, {}).get("keep_days", 0)
        if not isinstance(days, int) or isinstance(days, bool) or days < 0:
            raise ConfigError(
                f"keep_days is {days!r}.",
                where=f"sources.{source.name}",
                valid=("days; 0 keeps them for good",),
            )
        if days and source.network == "files":
            raise ConfigError(
                "Files hold posts of any network: keep_days cannot tell which are theirs.",
                where=f"sources.{source.name}",
                do="Take it out.",
            )
        asked.setdefault(source.network, []).append(days)
    return {network: max(days) for network, days in asked.items() if all(days)}


@click.command("listen")
@click.option("--source", "only", multiple=True, metavar="NAME", help="Only this source; repeatable.")
@click.option(
    "--replay", "replayed", multiple=True, metavar="FILE", help="Play a file as if it came now; repeatable."
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0),
    default=0.0,
    show_default=True,
    help="Seconds of a replay in one second; 0 is as fast as it can.",
)
@click.option("--pace-from", metavar="TIME", help="Moment of a replay at which the speed begins to count.")
@click.option("--play-until", metavar="TIME", help="Moment of a replay at which it stops; with --speed.")
@click.option("--for", "lasting", metavar="DURATION", help="Stop after 90s, 5m, 2h, 1d.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the spread of waits.")
@settings("home", "lang", "zone", "memory_mb", "threads")
@quiet
def listen(
    only: tuple[str, ...],
    replayed: tuple[str, ...],
    speed: float,
    pace_from: str | None,
    play_until: str | None,
    lasting: str | None,
    seed: int,
    home: Path | None,
    lang: str | None,
    zone: str | None,
    memory_mb: int | None,
    threads: int | None,
    quiet: bool,
) -> None:
    """Follow the live sources of entregent.toml and keep what they bring.

    One process for all sources. It shows a line per source: how it is doing,
    posts a minute, how far behind, the last post, gaps; and each alert that a
    watch raises, with what is behind it. Ctrl-C or SIGTERM
    stops it cleanly; after a crash or a power failure it goes on where it was,
    with no post lost or doubled.

    \b
    Examples:
      entregent listen
      entregent listen --source bluesky --for 10m
      entregent listen --replay posts.jsonl --speed 60
      entregent listen --replay posts.jsonl --speed 600 --pace-from 2024-05-01T08:00
    """
    settled = with_flags(home=home, lang=lang, zone=zone, memory_mb=memory_mb, threads=threads)
    tz = clock.zone(settled.zone)
    from entregent.sources.replay import ReplaySettings

    seconds = duration(lasting) if lasting else None
    start = clock.parse_moment(pace_from, tz) if pace_from else None
    end = clock.parse_moment(play_until, tz) if play_until else None
    if end is not None and not speed:
        raise InputError("--play-until goes with --speed.", do="Give both.")
    sources = _sources(settled.sources, only, replayed, ReplaySettings([], speed, start, end))
    import numpy as np

    from entregent.cli.alerts import told
    from entregent.delivery import channel
    from entregent.flows.listen import Listener
    from entregent.flows.telling import Telling
    from entregent.flows.watching import Watching
    from entregent.i18n import Translator
    from entregent.store.archive import Archive

    reader = Translator(settled.lang, tz)
    channels = [channel(name, table) for name, table in settled.delivery.items()]

    def tell(alert: KeptAlert) -> None:
        click.echo("\n".join(told(alert, reader)))

    with Archive.open(
        settled.home, writer=True, memory_mb=settled.memory_mb, threads=settled.threads
    ) as archive:
        days = keep_days(settled.sources, sources)
        watching = Watching(archive, channels=[one.name for one in channels], told=tell, told_from=start)
        telling = Telling(archive.state, channels)
        listener = Listener(
            archive,
            sources,
            rng=np.random.default_rng(seed),
            keep_days=days,
            within=watching.within,
            after=watching.after,
        )
        ended = asyncio.run(_listened(listener, watching, telling, seconds, quiet=quiet))
    stopped = [one for one in ended if one.state == "stopped"]
    for one in ended:
        click.echo(f"{one.name}: {one.posts:,} new posts, {one.rows:,} rows, {one.gaps} gaps")
    if stopped and all(one.state in ("stopped", "ended") for one in ended):
        raise PermanentError("; ".join(f"{one.name}: {one.trouble}" for one in stopped))


async def _listened(
    listener: Listener, watching: Watching, telling: Telling, seconds: float | None, *, quiet: bool
) -> tuple[Standing, ...]:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if seconds is not None:
        loop.call_later(seconds, stop.set)
    over = asyncio.Event()
    delivering = asyncio.create_task(telling.run(over))
    showing = None if quiet else asyncio.create_task(_show(listener, watching))
    try:
        return await listener.run(stop)
    finally:
        over.set()
        with suppress(TimeoutError):
            await asyncio.wait_for(delivering, SECONDS_TO_TELL)
        if showing is not None:
            showing.cancel()
            with suppress(asyncio.CancelledError):
                await showing
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _show(listener: Listener, watching: Watching) -> None:
    """Show how the sources are doing: a table that is drawn anew on a terminal, lines elsewhere."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.live import Live

        with Live(
            _table(listener.standings(), watching), console=Console(stderr=True), auto_refresh=False
        ) as live:
            try:
                while True:
                    await asyncio.sleep(SECONDS_BETWEEN_FRAMES)
                    live.update(_table(listener.standings(), watching), refresh=True)
            finally:
                live.update(_table(listener.standings(), watching), refresh=True)
    told: dict[str, str] = {}
    waited = 0.0
    while True:
        await asyncio.sleep(SECONDS_BETWEEN_FRAMES)
        waited += SECONDS_BETWEEN_FRAMES
        for standing in listener.standings():
            changed = told.get(standing.name) != f"{standing.state} {standing.trouble}"
            if changed or waited >= SECONDS_BETWEEN_LINES:
                told[standing.name] = f"{standing.state} {standing.trouble}"
                name, *cells = _cells(standing)
                click.echo(f"{name}: {', '.join(cell for cell in cells if cell)}", err=True)
        if waited >= SECONDS_BETWEEN_LINES and len(watching):
            click.echo(f"alerts: {_watched(watching)}", err=True)
        waited = 0.0 if waited >= SECONDS_BETWEEN_LINES else waited


def _ago(lag: timedelta | None) -> str:
    if lag is None:
        return ""
    seconds = lag.total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} behind"
    return f"{max(0.0, seconds):.1f} s behind"


def _cells(standing: Standing) -> tuple[str, ...]:
    state = standing.state
    if standing.state == "waiting" and standing.retry_at is not None:
        # A source that spent what it may waits for days.
        far = standing.retry_at - clock.now() > timedelta(days=1)
        state = f"waiting until {standing.retry_at:{'%Y-%m-%d %H:%M' if far else '%H:%M:%S'}} UTC"
    return (
        standing.name,
        state,
        f"{standing.posts:,} new posts",
        f"{standing.rate:,.0f} rows/s",
        _ago(standing.lag),
        "" if standing.last_post is None else f"last post {standing.last_post:%Y-%m-%d %H:%M:%S} UTC",
        f"{standing.gaps} gaps" if standing.gaps else "",
        standing.budget or "",
        standing.trouble or "",
    )


def _watched(watching: Watching) -> str:
    many = "watch" if len(watching) == 1 else "watches"
    return f"{watching.raised} raised, {len(watching)} {many}"


def _table(standings: Sequence[Standing], watching: Watching) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, show_header=False)
    for number in range(9):
        table.add_column(overflow="fold", no_wrap=number < 8)
    for standing in standings:
        table.add_row(*_cells(standing))
    if len(watching):
        table.add_row("alerts", _watched(watching))
    return table
