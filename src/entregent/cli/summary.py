"""The ten lines of a study that matter, and the warnings about its data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, tzinfo

import click

from entregent.cli.listing import plain
from entregent.report.model import CoverageCheck, Known, Person, Said, Share, Study, TopItem
from entregent.results import CannotTell, Estimate, Notice

__all__ = ["print_notices", "print_summary", "summary_lines"]

MOST_SHARES = 4
TOP_PEOPLE = 3
MOST_LETTERS = 48


def print_notices(notices: Iterable[Notice]) -> None:
    """Print counted warnings about the data on standard error."""
    for notice in notices:
        times = f"{notice.count:,} times" if notice.count != 1 else "once"
        places = f"; first: {', '.join(notice.where)}" if notice.where else ""
        click.echo(plain(f"entregent: warning: {notice.text} [{notice.code}, {times}{places}]"), err=True)


def _short(text: str) -> str:
    line = " ".join(plain(text).split())
    return line if len(line) <= MOST_LETTERS else line[: MOST_LETTERS - 1] + "…"


def _shares(shares: Sequence[Share]) -> str:
    whole = sum(share.count for share in shares)
    if not whole:
        return "none"
    shown = [f"{share.key or 'unknown'} {share.count / whole:.0%}" for share in shares[:MOST_SHARES]]
    rest = len(shares) - MOST_SHARES
    return ", ".join(shown) + (f", {rest} more" if rest > 0 else "")


def _when(moment: datetime, zone: tzinfo, relative: bool) -> str:
    if relative:
        return f"day {int(moment.timestamp() // 86400) + 1}"
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _gaps(said: Said) -> str:
    if not said.gaps:
        return "none found"
    hours = sum((gap.end - gap.start).total_seconds() for gap in said.gaps) / 3600
    return f"{len(said.gaps)} without data, {hours:,.0f} hours in all"


def _shared(said: Said) -> str:
    def most(items: Sequence[TopItem], mark: str = "") -> list[str]:
        return (
            [f"{mark}{_short(items[0].text or items[0].key)} ({items[0].people:,} people)"] if items else []
        )

    tops = most(said.top_posts) + most(said.top_links) + most(said.top_hashtags, "#")
    return "; ".join(tops) or "nothing"


def _figure(value: float) -> str:
    """Return a number to two figures, never as a power of ten."""
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}" if value >= 0.01 else f"{value:.3f}"


def _known(known: Known) -> str:
    if known.value is None:
        return "hidden" if known.basis == "shown" else "not in the data"
    return f"{known.value:,}" if known.basis == "shown" else f"at least {known.value:,}"


def _person(person: Person) -> str:
    if isinstance(person.heard, Estimate):
        e = person.heard
        value, low, high = map(_figure, (e.value, e.low, e.high))
        heard = f"{value} people a post ({low} to {high}), {e.n:,} posts"
    else:
        heard = f"cannot tell: {person.heard.reason}"
    return f"{_short(person.handle)}: {heard}; known: {_known(person.known)}"


def _people(study: Study) -> Iterator[str]:
    if study.people_reason is not None:
        yield f"cannot tell: {study.people_reason.reason} {study.people_reason.needs}"
        return
    for person in study.people[:TOP_PEOPLE]:
        yield _person(person)


def _effective(study: Study) -> Iterator[str]:
    asked = [person for person in study.people if person.effective is not None]
    if not asked:
        return
    told = [(e, person) for person in asked if isinstance(e := person.effective, Estimate)]
    if not told:
        silent = asked[0].effective
        if isinstance(silent, CannotTell):
            yield f"cannot tell: {silent.reason} {silent.needs}"
        return
    surely = sum(e.low > 0 for e, _ in told)
    line = f"{surely:,} of {len(asked):,} people asked about surely moved others"
    line += f", {len(asked) - len(told):,} cannot be told"
    best, person = max(told, key=lambda pair: pair[0].low)
    if best.low > 0:
        value, low, high = map(_figure, (best.value, best.low, best.high))
        line += f"; first {_short(person.handle)}: {value} acts ({low} to {high})"
    yield line


def _check(check: CoverageCheck | CannotTell) -> str:
    if isinstance(check, CannotTell):
        return f"cannot tell: {check.reason}"
    share = check.held / check.checked if check.checked else 0.0
    return (
        f"intervals of {check.level:.0%} held {check.held:,} of {check.checked:,} times on the next block"
        f" of time ({share:.0%}; {check.low:.0%} to {check.high:.0%})"
    )


def summary_lines(study: Study, zone: tzinfo) -> list[str]:
    """Return the lines, in plain English.

    Parameters
    ----------
    study : Study
    zone : tzinfo
        Zone in which times are shown.

    Returns
    -------
    list of str
    """
    said = study.said
    time = "no times"
    if said.first and said.last:
        first, last = (_when(moment, zone, study.relative_time) for moment in (said.first, said.last))
        time = f"{first} to {last}"
    size = f"{said.posts:,} posts and {said.interactions:,} other acts by {said.accounts:,} accounts"
    lines = [
        ("Study", f"{plain(study.title)} (topic: {plain(study.topic or 'everything')})"),
        ("Said", f"{size}, {time}"),
        ("Languages", _shares(said.languages)),
        # Who follows whom is a state that outnumbers everything, not an act of this conversation.
        ("Acts", _shares([share for share in said.kinds if share.key != "follow"])),
        ("Shared", _shared(said)),
        ("Gaps", _gaps(said)),
        *(("Heard", line) for line in _people(study)),
        ("Check", _check(study.heard_check)),
        *(("Effective", line) for line in _effective(study)),
    ]
    return [f"{label:<10}{plain(text)}" for label, text in lines]


def print_summary(study: Study, zone: tzinfo) -> None:
    """Print :func:`summary_lines` on standard output."""
    for line in summary_lines(study, zone):
        click.echo(line)
