"""``entregent alerts``: what was raised, what is behind it, who has seen it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from entregent import clock
from entregent.cli.listen import duration
from entregent.cli.listing import plain, print_json, print_rows
from entregent.cli.settings import list_format, settings, with_flags
from entregent.errors import InputError

if TYPE_CHECKING:
    from entregent.i18n import Translator
    from entregent.store.outbox import KeptAlert
    from entregent.store.state import State

__all__ = ["ack", "alerts", "listed", "mute", "show", "told"]

_THINGS = (("hashtags", "#"), ("links", ""), ("words", ""))


def told(alert: KeptAlert, reader: Translator) -> list[str]:
    """Return an alert as lines for people.

    Parameters
    ----------
    alert : KeptAlert
    reader : Translator

    Returns
    -------
    list of str
    """
    known = alert.facts
    since = datetime.fromisoformat(known["since"])
    usual = known["usual"]
    lines = [
        f"Alert     {plain(alert.name)}: {known['seen']:.0f} posts from {reader.moment(since)} "
        f"to {reader.moment(alert.raised)} ({alert.id})"
    ]
    lines.append(
        "Usual     not known yet"
        if usual is None
        else f"Usual     {usual['value']:.0f} in the same hours of the days before, "
        f"mostly {usual['low']:.0f} to {usual['high']:.0f}; {known['height'] / known['threshold']:.1f} times "
        "the height that calls"
    )
    for kind, mark in _THINGS:
        if known[kind]:
            new = ", ".join(f"{mark}{plain(one['key'])} ({one['seen']} people)" for one in known[kind])
            lines.append(f"New       {kind}: {new}")
    if known["starters"]:
        lines.append(f"Began     {', '.join(map(plain, known['starters']))}")
    for name, label in (("first_posts", "First"), ("carrying_posts", "Carried")):
        if known[name]:
            lines.append(f"{label:<10}{', '.join(map(plain, known[name][:3]))}")
    lines.append(f"People    {known['people']} people wrote {known['posts']} posts")
    return lines


@click.group()
def alerts() -> None:
    """Alerts that watches raised, with what is behind each.

    \b
    Examples:
      entregent alerts list
      entregent alerts show 3f2a
      entregent alerts ack 3f2a
      entregent alerts mute Rail 2d
    """


def _one(state: State, id: str) -> KeptAlert:
    from entregent.store import outbox

    with state.read() as con:
        found = outbox.kept_alerts(con, id=id)
    if len(found) != 1 or not id:
        raise InputError(
            f"{'No' if not found else 'More than one'} alert begins with {id!r}.",
            do="See: entregent alerts list.",
        )
    return found[0]


@alerts.command("list")
@click.option("--watch", "name", metavar="NAME", help="Only of this watch.")
@click.option("--most", type=click.IntRange(min=1), default=50, show_default=True, help="Latest ones.")
@settings("home", "lang", "zone")
@list_format
def listed(
    name: str | None, most: int, home: Path | None, lang: str | None, zone: str | None, form: str
) -> None:
    """List alerts, latest first.

    \b
    Examples:
      entregent alerts list
      entregent alerts list --watch Rail --format json
    """
    settled = with_flags(home=home, lang=lang, zone=zone)
    from entregent.i18n import Translator
    from entregent.store import outbox, watches
    from entregent.store.state import State

    reader = Translator(settled.lang, clock.zone(settled.zone))
    columns = ("raised", "watch", "seen", "usual", "new", "state", "id")
    rows: list[dict[str, Any]] = []
    if settled.home.exists():
        with State.open(settled.home) as state, state.read() as con:
            mine = None if name is None else watches.named(con, name).id
            found = outbox.kept_alerts(con, watch=mine, most=most)
        for one in found:
            usual = one.facts["usual"]
            new = [mark + thing["key"] for kind, mark in _THINGS for thing in one.facts[kind]]
            rows.append(
                {
                    "raised": one.raised.isoformat() if form == "json" else reader.moment(one.raised),
                    "watch": one.name,
                    "seen": round(one.facts["seen"]),
                    "usual": None if usual is None else round(usual["value"]),
                    "new": new[:3],
                    "state": one.state,
                    "id": one.id,
                }
            )
    print_rows(columns, rows, form)


@alerts.command("show")
@click.argument("id")
@click.option("--json", "as_json", is_flag=True, help="All that is known of it.")
@settings("home", "lang", "zone")
def show(id: str, as_json: bool, home: Path | None, lang: str | None, zone: str | None) -> None:
    """Show an alert: what is new, who began, which posts, how unusual, since when, who was told.

    \b
    Examples:
      entregent alerts show 3f2a
      entregent alerts show 3f2a --json
    """
    settled = with_flags(home=home, lang=lang, zone=zone)
    from entregent.i18n import Translator
    from entregent.store import outbox
    from entregent.store.state import State

    with State.open(settled.home) as state:
        alert = _one(state, id)
        with state.read() as con:
            owed = [one for one in outbox.due(con) if one.alert == alert.id]
    deliveries = [
        {"channel": one.channel, "state": one.state, "tries": one.tries, "trouble": one.trouble}
        for one in owed
    ]
    if as_json:
        known = {"id": alert.id, "watch": alert.name, "state": alert.state, **alert.facts}
        print_json({**known, "deliveries": deliveries})
        return
    for line in told(alert, Translator(settled.lang, clock.zone(settled.zone))):
        click.echo(line)
    click.echo(f"State     {alert.state}")
    for one in deliveries:
        trouble = f": {plain(str(one['trouble']))}" if one["trouble"] else ""
        click.echo(f"Told      {one['channel']} {one['state']}, {one['tries']} tries{trouble}")


@alerts.command("ack")
@click.argument("id")
@settings("home")
def ack(id: str, home: Path | None) -> None:
    """Note that somebody has seen an alert; what is still owed of it is told to nobody.

    \b
    Examples:
      entregent alerts ack 3f2a
    """
    settled = with_flags(home=home)
    from entregent.store import outbox
    from entregent.store.state import State

    with State.open(settled.home) as state:
        alert = _one(state, id)
        with state.begin() as con:
            outbox.acknowledge(con, alert.id)
    click.echo(f"Seen      {alert.id}")


@alerts.command("mute")
@click.argument("name")
@click.argument("lasting", metavar="DURATION")
@settings("home")
def mute(name: str, lasting: str, home: Path | None) -> None:
    """Tell nobody of a watch's alerts for some time (90m, 2h, 3d; 0 ends it). They are kept all the same.

    \b
    Examples:
      entregent alerts mute Rail 2d
      entregent alerts mute Rail 0
    """
    settled = with_flags(home=home)
    seconds = duration(lasting)
    from entregent.store import watches
    from entregent.store.state import State

    until = clock.now() + timedelta(seconds=seconds) if seconds else None
    with State.open(settled.home) as state, state.begin() as con:
        watch = watches.named(con, name)
        watches.mute(con, watch, until)
    if until is None:
        click.echo(f"Told      {watch.name}: people are told again")
    else:
        click.echo(f"Muted     {watch.name} until {until:%Y-%m-%d %H:%M} UTC")
