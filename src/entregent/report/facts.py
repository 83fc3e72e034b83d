"""What stands out: sentences made from the numbers of a study, and only from them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from statistics import median

from entregent.charts.volume import slot_text
from entregent.i18n import N, T, Text
from entregent.report.labels import Language
from entregent.report.model import CoverageCheck, Person, Study
from entregent.report.reader import shorten
from entregent.results import Estimate

__all__ = ["stand_out"]

_TOP = 10
_DAY = 86_400
_LEAD, _SECOND = 0.4, 0.1
_MANY = 5


def stand_out(study: Study) -> tuple[Text, ...]:
    """Return the sentences that open the page, the most general first.

    Parameters
    ----------
    study : Study

    Returns
    -------
    tuple of Text
        At most nine. Numbers about people come with what bounds them.

    Notes
    -----
    Every sentence is left out where its numbers are missing: nothing is
    rounded up to a finding.
    """
    return (*_what(study), *_peak(study), *_languages(study), *_shared(study), *_people(study), *_gaps(study))


def _what(study: Study) -> Iterator[Text]:
    said = study.said
    if said.interactions and not said.posts:
        yield T(
            "{interactions} by {accounts}.",
            interactions=N("{n} interaction", "{n} interactions", said.interactions),
            accounts=N("{n} account", "{n} accounts", said.accounts),
        )
    elif said.posts:
        yield T(
            "{posts} and {interactions} by {accounts}.",
            posts=N("{n} post", "{n} posts", said.posts),
            interactions=N("{n} interaction", "{n} interactions", said.interactions),
            accounts=N("{n} account", "{n} accounts", said.accounts),
        )


def _peak(study: Study) -> Iterator[Text]:
    slots = study.said.slots
    counts = [(slot.posts or 0) + (slot.interactions or 0) for slot in slots if slot.posts is not None]
    if len(counts) < 5:
        return
    middle = median(counts)
    peak = max(
        (slot for slot in slots if slot.posts is not None),
        key=lambda slot: (slot.posts or 0) + (slot.interactions or 0),
    )
    top = (peak.posts or 0) + (peak.interactions or 0)
    if middle > 0 and top >= 2 * middle:
        yield T(
            "The liveliest moment: {when} ({slot}), with {count}, {times} times the median of the period.",
            slot=slot_text(study.said.slot_seconds),
            when=_day_or_hour(study, peak.start),
            count=N("{n} post or interaction", "{n} posts and interactions", top),
            times=round(top / middle, 1),
        )


def _day_or_hour(study: Study, start: datetime) -> date:
    if study.relative_time or study.said.slot_seconds < _DAY:
        return start
    # Noon of a day that starts at midnight in the reader's zone is the same date in UTC.
    return (start + timedelta(hours=12)).date()


def _languages(study: Study) -> Iterator[Text]:
    known = [share for share in study.said.languages if share.key not in (None, "", "und")]
    total = sum(share.count for share in known)
    if total < 20:
        return
    first, *others = sorted(known, key=lambda share: -share.count)
    if first.count / total < _LEAD:
        yield T(
            "No language leads: the most used, {first}, has {first_share}%, "
            "of the posts whose language could be told.",
            first=Language(first.key or ""),
            first_share=round(100 * first.count / total),
        )
    elif others and others[0].count / total >= _SECOND:
        yield T(
            "Two languages lead: {first} ({first_share}%) and {second} ({second_share}%), "
            "of the posts whose language could be told.",
            first=Language(first.key or ""),
            first_share=round(100 * first.count / total),
            second=Language(others[0].key or ""),
            second_share=round(100 * others[0].count / total),
        )
    else:
        yield T(
            "One language leads: {first} ({first_share}%), of the posts whose language could be told.",
            first=Language(first.key or ""),
            first_share=round(100 * first.count / total),
        )


def _shared(study: Study) -> Iterator[Text]:
    if study.said.top_hashtags and study.said.top_hashtags[0].people >= _MANY:
        top = study.said.top_hashtags[0]
        yield T(
            "The hashtag shared most: {tag}, by {people}.",
            tag="#" + shorten((top.text or top.key).lstrip("#"), 48),
            people=N("{n} distinct person", "{n} distinct people", top.people),
        )


def _people(study: Study) -> Iterator[Text]:
    told = [person for person in study.people if isinstance(person.heard, Estimate)]
    if not told:
        return
    yield from _first(told)
    known = sorted(
        (person for person in study.people if person.known.value is not None),
        key=lambda person: -(person.known.value or 0),
    )
    if len(known) > 2 * _TOP and len(told) >= _TOP:
        loud = {person.id for person in known[:_TOP]}
        both = sum(person.id in loud for person in told[:_TOP])
        yield N(
            "Being known is not being heard: {n} of the ten people most heard is among the ten most known.",
            "Being known is not being heard: {n} of the ten people most heard are among the ten most known.",
            both,
        )
    if isinstance(study.heard_check, CoverageCheck) and study.heard_check.checked:
        check = study.heard_check
        yield T(
            "Checked on what came next: the interval held for {held} of {checked} people, "
            "where {expected}% was promised.",
            held=check.held,
            checked=check.checked,
            expected=round(100 * check.level),
        )


def _first(told: list[Person]) -> Iterator[Text]:
    first = told[0]
    if len(told) < 2 or first.ahead_of_next is None:
        return
    names = {"first": first.name or first.handle, "second": told[1].name or told[1].handle}
    chance = min(99, round(100 * first.ahead_of_next))
    if first.ahead_of_next >= 0.9:
        yield T(
            "{first} is heard more than {second}, with a probability of {chance}%.", chance=chance, **names
        )
    else:
        yield T(
            "Who is heard most is not settled: {first} is before {second} "
            "with a probability of only {chance}%.",
            chance=chance,
            **names,
        )


def _gaps(study: Study) -> Iterator[Text]:
    gaps = study.said.gaps
    if gaps:
        hours = sum((gap.end - gap.start).total_seconds() for gap in gaps) / 3600
        length = (
            N("{n} day", "{n} days", round(hours / 24))
            if hours >= 36
            else N("{n} hour", "{n} hours", max(1, round(hours)))
        )
        yield N(
            "The data have {n} gap, {length} in all: what was said then is not known, and not zero.",
            "The data have {n} gaps, {length} in all: what was said then is not known, and not zero.",
            len(gaps),
            length=length,
        )
