"""``entregent authenticity findings`` and what people make of them: decide, reply, reverse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from entregent import clock
from entregent.cli.listing import print_json, print_rows
from entregent.cli.settings import list_format, settings, with_flags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from entregent.i18n import Text
    from entregent.store.state import State

__all__ = ["decide", "findings", "keep_finding", "keep_group", "reply", "reverse"]

COLUMNS = ("made_at", "kind", "standing", "people", "expires", "id")


def keep_finding(
    home: Path,
    kind: str,
    seen: Mapping[str, Any],
    cautions: Sequence[Text],
    about: str,
    method: str,
    seed: int,
) -> str:
    """Keep a finding about an account in a home, and return its id.

    Parameters
    ----------
    home : Path
    kind, method : str
    seen : mapping
        Figures.
    cautions : sequence of Text
    about : str
        ``network:native-id``.
    seed : int

    Returns
    -------
    str
    """
    return _keep(home, kind, seen, cautions, method=method, seed=seed, about=about)


def keep_group(
    home: Path,
    seen: Mapping[str, Any],
    cautions: Sequence[Text],
    members: Sequence[str],
    seed: int,
    *,
    kind: str = "group",
) -> str:
    """Keep a finding about several accounts in a home, and return its id.

    Parameters
    ----------
    home : Path
    seen : mapping
        Figures.
    cautions : sequence of Text
    members : sequence of str
        Accounts; kept as keyed digests only.
    seed : int
    kind : str

    Returns
    -------
    str
    """
    return _keep(home, kind, seen, cautions, method=kind, seed=seed, members=members)


def _keep(
    home: Path, kind: str, seen: Mapping[str, Any], cautions: Sequence[Text], *, seed: int, **more: Any
) -> str:
    import entregent
    from entregent.store.findings import keep

    version = entregent.__version__
    with _written(home) as state:
        return keep(state, kind, seen, cautions, version=version, seed=seed, now=clock.now(), **more)


@contextmanager
def _written(home: Path) -> Iterator[State]:
    """Open what is kept for writing; findings past their time go first."""
    from entregent.store.findings import forget_expired
    from entregent.store.state import State

    with State.open(home) as state:
        forget_expired(state, clock.now())
        yield state


@click.command("findings")
@click.option("--about", metavar="ACCOUNT", help="Only those that concern this account, such as x:12345.")
@click.option("--json", "as_json", is_flag=True, help="All of each finding, with its cautions and history.")
@settings("home", "lang")
@list_format
def findings(about: str | None, as_json: bool, home: Path | None, lang: str | None, form: str) -> None:
    """List the findings that were kept here, and what people decided and replied.

    A finding names no account: one can ask what concerns an account, never
    whom findings concern. It expires after 180 days.

    \b
    Examples:
      entregent authenticity findings --about x:12345
      entregent authenticity findings --about x:12345 --json --lang fr
    """
    settled = with_flags(home=home, lang=lang)
    from entregent.store.findings import exported
    from entregent.store.state import State

    if not settled.home.exists():
        # A question must not make a home.
        print_rows(COLUMNS, [], form)
        click.echo(f"No finding was kept here yet: there is no {settled.home.absolute()}.", err=True)
        return
    with State.open(settled.home, writable=False) as state:
        found = exported(state, settled.lang, about=about)
    if as_json:
        print_json(found)
    else:
        print_rows(COLUMNS, found, form)


_WORDS = click.option("--words", required=True, metavar="TEXT", help="Why, or what was said.")


@click.command("decide")
@click.argument("finding", metavar="FINDING")
@click.argument("decision", metavar="DECISION")
@click.option("--by", required=True, metavar="NAME", help="Who decides: a person of the team.")
@_WORDS
@settings("home")
def decide(finding: str, decision: str, by: str, words: str, home: Path | None) -> None:
    """Record what somebody of the team decided on reading a finding.

    DECISION is nothing_to_do, explained, watch or act. No program decides.

    \b
    Examples:
      entregent authenticity decide 3f2a watch --by "Claire M." --words "No event known; asked the agency."
    """
    settled = with_flags(home=home)
    from entregent.store.findings import decide as add

    with _written(settled.home) as state:
        number = add(state, finding, decision, by=by, words=words, now=clock.now())
    click.echo(f"Decision  {number} of finding {finding}")


@click.command("reply")
@click.argument("finding", metavar="FINDING")
@click.option("--account", required=True, metavar="ACCOUNT", help="Who replies, such as x:12345.")
@_WORDS
@settings("home")
def reply(finding: str, account: str, words: str, home: Path | None) -> None:
    """Record what a person whom a finding concerns replied; it travels with the finding.

    \b
    Examples:
      entregent authenticity reply 3f2a --account x:12345 --words "I was on television that day."
    """
    settled = with_flags(home=home)
    from entregent.store.findings import reply as add

    with _written(settled.home) as state:
        number = add(state, finding, account=account, words=words, now=clock.now())
    click.echo(f"Reply     {number} of finding {finding}")


@click.command("reverse")
@click.argument("finding", metavar="FINDING")
@click.argument("number", metavar="NUMBER", type=int)
@click.option("--by", required=True, metavar="NAME", help="Who reverses it: a person of the team.")
@_WORDS
@settings("home")
def reverse(finding: str, number: int, by: str, words: str, home: Path | None) -> None:
    """Reverse a decision, by its number. It stays on record and no longer stands.

    \b
    Examples:
      entregent authenticity reverse 3f2a 1 --by "Paul D." --words "Television explains it."
    """
    settled = with_flags(home=home)
    from entregent.store.findings import reverse as add

    with _written(settled.home) as state:
        event = add(state, finding, number, by=by, words=words, now=clock.now())
    click.echo(f"Reversal  {event} of finding {finding}")
