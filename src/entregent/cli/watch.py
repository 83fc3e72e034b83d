"""``entregent watch``: what is watched, tried on what is stored before it goes live."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from entregent import clock
from entregent.cli.listing import plain, print_json, print_rows
from entregent.cli.settings import list_format, settings, with_flags
from entregent.errors import InputError

if TYPE_CHECKING:
    from entregent.listening.query import Query
    from entregent.store.archive import Archive
    from entregent.store.watches import Watch

__all__ = [
    "add",
    "asked",
    "backtest",
    "budget_of",
    "listed",
    "open_archive",
    "remove",
    "tried",
    "watch",
    "why",
]

_PER = {"day": 7.0, "week": 1.0, "month": 7 / 30}
_HOURS = (1, 3, 6, 12)
_SHOWN = 10
_MARK = ("\x1b[1m", "\x1b[0m")


def budget_of(text: str) -> float:
    """Return alerts a week of ``1/week``, ``2/day``, ``1/month``.

    >>> budget_of("1/week"), budget_of("0.5/week")
    (1.0, 0.5)
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(?:/|a|per)\s*(day|week|month)", text.strip())
    budget = float(found[1]) * _PER[found[2]] if found else 0.0
    if not 0 < budget <= 7:
        raise InputError(
            f"{text!r} is no budget of false alerts.", valid=("1/week", "2/month", "1/day at most")
        )
    return budget


def open_archive(home: Path, memory_mb: int, threads: int) -> Archive:
    """Open the archive of a home for reading; it is made where it is not there yet.

    Parameters
    ----------
    home : Path
    memory_mb, threads : int

    Returns
    -------
    Archive
    """
    from entregent.store.archive import Archive
    from entregent.store.state import State

    # Brings an older database up to date, and takes the lock of no writer.
    State.open(home).close()
    return Archive.open(home, writer=False, memory_mb=memory_mb, threads=threads)


def asked(archive: Archive, what: str, lang: str | None = None) -> tuple[Query, Watch | None]:
    """Return the query of a watch of this name, or understand a query.

    Parameters
    ----------
    archive : Archive
    what : str
    lang : str, optional
        Only posts of this language.

    Returns
    -------
    Query
    Watch or None
    """
    from entregent.flows.watched import compiled
    from entregent.store import watches

    with archive.state.read() as con:
        for one in watches.listed(con):
            if what in (one.name, one.id):
                return compiled(one.query, lang or one.lang, name=one.name), one
    return compiled(what, lang), None


def _advise(query: Query, archive: Archive, lang: str) -> int:
    from entregent.flows.watched import shares_of
    from entregent.i18n import Translator
    from entregent.listening.linter import lint

    advice = lint(query, shares_of(archive))
    for one in advice:
        click.echo(f"Advice    {Translator(lang).text(one.text)}", err=True)
        click.echo(f"          {query.typed}", err=True)
        click.echo(f"          {' ' * one.start}{'^' * max(one.end - one.start, 1)}", err=True)
        if one.fix:
            click.echo(f"          perhaps: {one.fix}", err=True)
    return len(advice)


@click.group()
def watch() -> None:
    """Watches: queries that every post is matched against as it comes.

    \b
    Examples:
      entregent watch test 'greve NEAR/5 sncf' "La grève à la SNCF continue"
      entregent watch backtest 'sncf OR "gare de lyon"' --budget 1/week
      entregent watch add Rail 'sncf OR "gare de lyon"' --budget 1/week
      entregent watch list
    """


_BUDGET = click.option(
    "--budget", default="1/week", show_default=True, help="False alerts that are accepted, as 1/week."
)
_SPOKEN = click.option("--only-lang", metavar="CODE", help="Only posts of this language, such as fr.")
_LENGTHS = click.option(
    "--hours",
    multiple=True,
    type=click.Choice([str(hours) for hours in _HOURS]),
    help="Length of the sums that are compared, 6 unless told; repeatable. Short ones call sooner.",
)


@watch.command("add")
@click.argument("name")
@click.argument("query")
@_BUDGET
@_SPOKEN
@_LENGTHS
@click.option("--replace", is_flag=True, help="Change the watch of this name; its history is kept.")
@settings("home", "lang", "memory_mb", "threads")
def add(
    name: str,
    query: str,
    budget: str,
    only_lang: str | None,
    hours: tuple[str, ...],
    replace: bool,
    home: Path | None,
    lang: str | None,
    memory_mb: int | None,
    threads: int | None,
) -> None:
    """Add a watch. What is stored already is matched too, so that it knows its past.

    A process that listens takes it up with the next batch.

    \b
    Examples:
      entregent watch add Rail 'sncf OR "gare de lyon"' --budget 1/week
      entregent watch add Rail 'sncf OR ratp' --replace
    """
    settled = with_flags(home=home, lang=lang, memory_mb=memory_mb, threads=threads)
    from entregent.flows import watched
    from entregent.store import watches
    from entregent.store.state import State

    understood = watched.compiled(query, only_lang)
    lengths = tuple(sorted({int(text) for text in hours})) or (6,)
    weekly = budget_of(budget)
    with (
        State.open(settled.home) as state,
        open_archive(settled.home, settled.memory_mb, settled.threads) as archive,
    ):
        _advise(understood, archive, settled.lang)
        told: dict[str, Any] = {"lang": only_lang, "budget": weekly, "hours": lengths, "now": clock.now()}
        with state.begin() as con:
            known = [one for one in watches.listed(con) if one.name == name.strip()]
            if replace and known:
                made = watches.change(con, known[0], query, **told)
            else:
                made = watches.add(con, name, query, **told)
        found = watched.fill(archive, state, made)
    click.echo(f"Watch     {made.name} ({made.id}): false alerts accepted: {budget}")
    click.echo(f"Past      {found:,} stored posts match")


@watch.command("list")
@settings("home")
@list_format
def listed(home: Path | None, form: str) -> None:
    """List the watches.

    \b
    Examples:
      entregent watch list
      entregent watch list --format json
    """
    settled = with_flags(home=home)
    from entregent.store import watches
    from entregent.store.state import State

    columns = ("name", "query", "only_lang", "budget", "hours", "muted_until", "judged_to", "id")
    rows = []
    if settled.home.exists():
        with State.open(settled.home) as state, state.read() as con:
            found = watches.listed(con)
        rows = [
            {
                "name": one.name,
                "query": one.query,
                "only_lang": one.lang,
                "budget": f"{one.budget:.3g}/week",
                "hours": list(one.hours),
                "muted_until": one.muted_until and one.muted_until.isoformat(),
                "judged_to": one.judged_to and one.judged_to.isoformat(),
                "id": one.id,
            }
            for one in found
        ]
    print_rows(columns, rows, form)


@watch.command("remove")
@click.argument("name")
@settings("home")
def remove(name: str, home: Path | None) -> None:
    """Remove a watch with its mentions and alerts. Posts stay.

    \b
    Examples:
      entregent watch remove Rail
    """
    settled = with_flags(home=home)
    from entregent.store import watches
    from entregent.store.state import State

    with State.open(settled.home) as state, state.begin() as con:
        gone = watches.named(con, name)
        watches.remove(con, gone)
    click.echo(f"Removed   {gone.name}")


@watch.command("test")
@click.argument("what", metavar="NAME|QUERY")
@click.argument("texts", nargs=-1, metavar="[TEXT]...")
@_SPOKEN
@settings("home", "lang", "memory_mb", "threads")
def tried(
    what: str,
    texts: tuple[str, ...],
    only_lang: str | None,
    home: Path | None,
    lang: str | None,
    memory_mb: int | None,
    threads: int | None,
) -> None:
    """Try a query on texts, or on the latest stored posts where none is given.

    \b
    Examples:
      entregent watch test 'greve NEAR/5 sncf' "La grève à la SNCF" "SNCF : bilan"
      entregent watch test Rail
    """
    settled = with_flags(home=home, lang=lang, memory_mb=memory_mb, threads=threads)
    from entregent.flows.watched import latest_matches

    with open_archive(settled.home, settled.memory_mb, settled.threads) as archive:
        query, _ = asked(archive, what, only_lang)
        _advise(query, archive, settled.lang)
        if not texts:
            found = latest_matches(archive, query, _SHOWN)
            for row in found:
                click.echo(f"{row['time']:%Y-%m-%d %H:%M}  {row['id']}")
                click.echo(f"    {_marked(plain(row['text'] or ''), query.spans(plain(row['text'] or '')))}")
            click.echo(f"Matches   {len(found)} of the latest stored posts that match are shown")
            return
    for text in texts:
        why = query.why(text)
        click.echo(f"{'yes' if why.matched else 'no '}  {_marked(plain(text), why.spans)}")


def _marked(text: str, spans: Any) -> str:
    """Put what matched between markers that terminals show in bold; others get brackets."""
    import sys

    left, right = _MARK if sys.stdout.isatty() else ("[", "]")
    for start, end in sorted(spans, reverse=True):
        text = f"{text[:start]}{left}{text[start:end]}{right}{text[end:]}"
    return text


@watch.command("why")
@click.argument("what", metavar="NAME|QUERY")
@click.argument("post", metavar="POST")
@click.option("--json", "as_json", is_flag=True, help="All of it, for programs.")
@settings("home", "memory_mb", "threads")
def why(
    what: str, post: str, as_json: bool, home: Path | None, memory_mb: int | None, threads: int | None
) -> None:
    """Say why a stored post matches a query, or why it does not.

    \b
    Examples:
      entregent watch why Rail x:1234567890
    """
    settled = with_flags(home=home, memory_mb=memory_mb, threads=threads)
    from entregent.flows.watched import stored_post
    from entregent.listening.columns import candidates_of

    with open_archive(settled.home, settled.memory_mb, settled.threads) as archive:
        query, _ = asked(archive, what)
        row = stored_post(archive, post)
    if not row.num_rows:
        raise InputError(f"There is no post {post!r} here.", valid=("network:native-id of a stored post",))
    (candidate,) = candidates_of(row)
    told = query.why(candidate)
    if as_json:
        print_json(
            {
                "post": post,
                "matched": told.matched,
                "spans": told.spans,
                "reasons": [
                    {"typed": one.typed, "found": one.found, "spans": one.spans, "said": one.said}
                    for one in told.reasons
                ],
            }
        )
        return
    click.echo(f"Matches   {'yes' if told.matched else 'no'}")
    click.echo(f"Text      {_marked(plain(candidate.text or ''), told.spans)}")
    for one in told.reasons:
        said = f" ({', '.join(map(plain, one.said))})" if one.said else ""
        click.echo(f"{'found' if one.found else 'missing':<10}{one.typed}{said}")


@watch.command("backtest")
@click.argument("what", metavar="NAME|QUERY")
@click.option("--since", metavar="DATE", help="Only stored posts from this day or moment on.")
@click.option("--until", metavar="DATE", help="Only stored posts until the end of this day, or this moment.")
@_BUDGET
@_SPOKEN
@_LENGTHS
@settings("home", "lang", "zone", "memory_mb", "threads")
@list_format
def backtest(
    what: str,
    since: str | None,
    until: str | None,
    budget: str,
    only_lang: str | None,
    hours: tuple[str, ...],
    home: Path | None,
    lang: str | None,
    zone: str | None,
    memory_mb: int | None,
    threads: int | None,
    form: str,
) -> None:
    """Say what a watch would have matched in the stored past, and which alerts it would have raised.

    Each moment is judged with what was known then.

    \b
    Examples:
      entregent watch backtest 'sncf OR ratp' --budget 1/week
      entregent watch backtest Rail --since 2024-05-01 --hours 1 --hours 6
    """
    settled = with_flags(home=home, lang=lang, zone=zone, memory_mb=memory_mb, threads=threads)
    tz = clock.zone(settled.zone)
    from entregent.flows import watched
    from entregent.i18n import Translator
    from entregent.listening.alerts import Rule, alerts
    from entregent.results import CannotTell

    reader = Translator(settled.lang, tz)
    lengths = tuple(timedelta(hours=int(text)) for text in sorted(set(hours), key=int))
    with open_archive(settled.home, settled.memory_mb, settled.threads) as archive:
        query, known = asked(archive, what, only_lang)
        rule = watched.rule_of(known) if known else Rule(budget_of(budget), lengths or Rule.lengths)
        _advise(query, archive, settled.lang)
        past = watched.past_of(
            archive,
            clock.parse_moment(since, tz) if since else None,
            clock.parse_moment(until, tz, end=True) if until else None,
        )
        if past is None:
            raise InputError("No post of that time is stored here.", do="Listen first: entregent listen.")
        series, posts, looked = watched.series_of(archive, query, past, watched.SLOT_TIME)
    found = alerts(series, rule, watch=known.id if known else what)
    click.echo(f"Posts     {posts:,} of {looked:,} match", err=form != "table")
    rows = [
        {
            "raised": reader.moment(one.raised),
            "until": reader.moment(one.until),
            "seen": round(one.seen),
            "usual": "" if isinstance(one.expected, CannotTell) else round(one.expected.value),
            "id": one.id,
        }
        for one in found.alerts
    ]
    print_rows(("raised", "until", "seen", "usual", "id"), rows, form)
    if form == "table":
        rate = found.per_week
        if isinstance(rate, CannotTell):
            click.echo(f"A week    not known: {reader.text(rate.reason)}")
        else:
            click.echo(
                f"A week    {rate.value:.2f} alerts (between {rate.low:.2f} and {rate.high:.2f}); "
                f"{rule.budget:.3g} false ones are accepted"
            )
        click.echo(
            f"Ready     from {reader.moment(found.ready)}; "
            f"the promise rests on the watch alone from {reader.moment(found.settled)}"
        )
