"""Findings about visibility: what was seen, when and by which version, and what people made of it.

A finding is no verdict. It keeps figures and cautions; the people concerned are
known only as keyed digests, so that one can ask what was found about an
account and never whom findings name: there is no list of accounts to export.
What happens next is added as events that nothing edits: who decided what, what
the person replied, which decision was reversed and why.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from entregent.clock import from_micros, to_micros
from entregent.errors import InputError
from entregent.i18n import LANGUAGES, Text, Translator
from entregent.records import split_id
from entregent.store.keys import digest
from entregent.store.state import State, finding_events, finding_people, findings

__all__ = [
    "DECISIONS",
    "KINDS",
    "Finding",
    "FindingEvent",
    "decide",
    "exported",
    "forget_expired",
    "forget_person",
    "keep",
    "kept",
    "reply",
    "reverse",
]

KINDS = ("audience", "growth", "follower_map", "reciprocal", "group")
DECISIONS = ("nothing_to_do", "explained", "watch", "act")
"""What a person may decide on reading a finding."""

LIFE_DAYS = 180
ERASED = "[erased]"
_ID = re.compile(r"[a-z][a-z0-9.+-]*:\S+")
_ABOUT, _MEMBER = "about", "member"


@dataclass(frozen=True)
class FindingEvent:
    """Something that happened to a finding.

    Parameters
    ----------
    number : int
        Place among the events of the finding, from 1.
    kind : {"decision", "reply", "reversal", "erasure"}
    by : str or None
        Who decided or reversed, a member of the team; None for the others.
    decision : str or None
        Of :data:`DECISIONS`.
    reverses : int or None
        Number of the decision that no longer stands.
    words : str
        Reasons, or what the person replied.
    """

    number: int
    at: datetime
    kind: str
    by: str | None
    decision: str | None
    reverses: int | None
    words: str


@dataclass(frozen=True)
class Finding:
    """What was seen, and what people made of it.

    Parameters
    ----------
    id : str
    kind : str
        Of :data:`KINDS`.
    seen : mapping
        Figures, as plain values; no ids.
    cautions : mapping of str to tuple of str
        What must be read with it, by language; never empty.
    method, version, seed
        Enough to make it again.
    made_at, expires : datetime
    people : int
        How many accounts it concerns.
    events : tuple of FindingEvent
        In order.
    """

    id: str
    kind: str
    seen: Mapping[str, Any]
    cautions: Mapping[str, tuple[str, ...]]
    method: str
    version: str
    seed: int
    made_at: datetime
    expires: datetime
    people: int
    events: tuple[FindingEvent, ...] = field(default=())

    @property
    def standing(self) -> FindingEvent | None:
        """The last decision that was not reversed."""
        reversed_ = {event.reverses for event in self.events if event.kind == "reversal"}
        decisions = [e for e in self.events if e.kind == "decision" and e.number not in reversed_]
        return decisions[-1] if decisions else None


def keep(
    state: State,
    kind: str,
    seen: Mapping[str, Any],
    cautions: Sequence[Text],
    *,
    about: str | None = None,
    members: Iterable[str] = (),
    method: str,
    version: str,
    seed: int,
    now: datetime,
    life_days: int = LIFE_DAYS,
) -> str:
    """Keep a finding.

    Parameters
    ----------
    state : State
        Open for writing.
    kind : str
        Of :data:`KINDS`.
    seen : mapping
        Figures as plain values: numbers, texts, lists and mappings of them.
    cautions : sequence of Text
        What must be read with it, innocent explanations among it.
    about : str, optional
        Account whose audience or growth it is.
    members : iterable of str
        Accounts of a group that it concerns.
    method, version : str
    seed : int
    now : datetime
    life_days : int
        Days until it expires.

    Returns
    -------
    str
        Its id.

    Raises
    ------
    InputError
        For another kind, no caution, or an id among what was seen.
    """
    if kind not in KINDS:
        raise InputError(f"{kind!r} is no kind of finding.", valid=KINDS)
    if not cautions:
        raise InputError("A finding without cautions is a verdict.", do="Give what must be read with it.")
    people = dict.fromkeys(members, _MEMBER)
    if about is not None:
        people[about] = _ABOUT
    for account in people:
        if not all(split_id(account)):
            raise InputError(f"{account!r} is not the id of an account.", valid=("network:native-id",))
    _refuse_ids(seen, [name for account in people for name in (account, split_id(account)[1])])
    id = secrets.token_hex(8)
    told = {lang: [Translator(lang).text(text) for text in cautions] for lang in LANGUAGES}
    with state.begin() as con:
        con.execute(
            sa.insert(findings),
            {
                "id": id,
                "kind": kind,
                "seen": json.dumps(seen, ensure_ascii=False, sort_keys=True),
                "cautions": json.dumps(told, ensure_ascii=False),
                "method": method,
                "version": version,
                "seed": seed,
                "made_at": to_micros(now),
                "expires": to_micros(now + timedelta(days=life_days)),
            },
        )
        if people:
            con.execute(
                sa.insert(finding_people),
                [
                    {"finding": id, "person": digest(account, state.key), "role": role}
                    for account, role in people.items()
                ],
            )
    return id


def _refuse_ids(value: Any, names: Sequence[str]) -> None:
    """Refuse what names accounts: a finding that lists them could be exported as a list of them."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            _refuse_ids(key, names)
            _refuse_ids(inner, names)
    elif isinstance(value, str):
        if _ID.fullmatch(value) or value in names:
            raise InputError(
                f"What was seen holds {value!r}, which names somebody or something of somebody's.",
                valid=("figures and plain words",),
                do="Give accounts as `about` or `members`: they are kept as digests.",
            )
    elif isinstance(value, Iterable):
        for inner in value:
            _refuse_ids(inner, names)


def kept(state: State, *, about: str | None = None, id: str | None = None) -> tuple[Finding, ...]:
    """Return findings, oldest first.

    Parameters
    ----------
    state : State
    about : str, optional
        Only those that concern this account.
    id : str, optional
        Only this one.

    Returns
    -------
    tuple of Finding
    """
    query = sa.select(findings)
    if about is not None:
        mine = sa.select(finding_people.c.finding).where(finding_people.c.person == digest(about, state.key))
        query = query.where(findings.c.id.in_(mine))
    if id is not None:
        query = query.where(findings.c.id == id)
    asked = query.with_only_columns(findings.c.id)
    with state.read() as con:
        rows = con.execute(query.order_by(findings.c.made_at, findings.c.id)).all()
        held = (
            sa.select(finding_people.c.finding, sa.func.count().label("n"))
            .where(finding_people.c.finding.in_(asked))
            .group_by(finding_people.c.finding)
        )
        people = {row.finding: int(row.n) for row in con.execute(held)}
        events: dict[str, list[FindingEvent]] = {}
        happened = sa.select(finding_events).where(finding_events.c.finding.in_(asked))
        for row in con.execute(happened.order_by(finding_events.c.number)):
            events.setdefault(row.finding, []).append(
                FindingEvent(
                    row.number, from_micros(row.at), row.kind, row.by, row.decision, row.reverses, row.words
                )
            )
    return tuple(
        Finding(
            row.id,
            row.kind,
            json.loads(row.seen),
            {lang: tuple(texts) for lang, texts in json.loads(row.cautions).items()},
            row.method,
            row.version,
            row.seed,
            from_micros(row.made_at),
            from_micros(row.expires),
            people.get(row.id, 0),
            tuple(events.get(row.id, ())),
        )
        for row in rows
    )


def _one(state: State, id: str) -> Finding:
    found = kept(state, id=id)
    if not found:
        raise InputError(f"There is no finding {id!r}.", do="List the findings about the account.")
    return found[0]


def _add(state: State, id: str, now: datetime, kind: str, words: str, **more: str | int | None) -> int:
    with state.begin() as con:
        return _enter(con, id, to_micros(now), kind, words, **more)


def _enter(con: sa.Connection, id: str, at: int, kind: str, words: str, **more: str | int | None) -> int:
    """Enter an event behind those of a finding, and return its number."""
    last = sa.select(sa.func.max(finding_events.c.number)).where(finding_events.c.finding == id)
    number = int(con.scalar(last) or 0) + 1
    event = {"finding": id, "number": number, "at": at, "kind": kind, "words": words}
    con.execute(sa.insert(finding_events), {**event, **more})
    return number


def _somebody(by: str) -> str:
    if not by.strip():
        raise InputError(
            "Nobody is named as deciding.", do="Name the person: no program decides about people."
        )
    return by.strip()


def decide(state: State, id: str, decision: str, *, by: str, words: str, now: datetime) -> int:
    """Add what somebody of the team decided on reading a finding.

    Parameters
    ----------
    state : State
    id : str
        Of the finding.
    decision : str
        Of :data:`DECISIONS`.
    by : str
        Who decided; a person.
    words : str
        Why, with the innocent explanations that were looked at.
    now : datetime

    Returns
    -------
    int
        Number of the event, by which it can be reversed.

    Raises
    ------
    InputError
        For no such finding, another decision, an expired finding, nobody, or no reason.
    """
    found = _one(state, id)
    if decision not in DECISIONS:
        raise InputError(f"{decision!r} is no decision.", valid=DECISIONS)
    if now >= found.expires:
        raise InputError(
            f"The finding expired on {found.expires:%Y-%m-%d}.",
            do="Look anew: what was seen may no longer hold.",
        )
    if not words.strip():
        raise InputError(
            "The decision has no reason.", do="Say why, and which innocent explanations you looked at."
        )
    return _add(state, id, now, "decision", words.strip(), by=_somebody(by), decision=decision)


def reply(state: State, id: str, *, account: str, words: str, now: datetime) -> int:
    """Add what a person whom a finding concerns replied.

    Parameters
    ----------
    state : State
    id : str
        Of the finding.
    account : str
        Account of the person; kept as a digest.
    words : str
        The reply, as it was given.
    now : datetime

    Returns
    -------
    int
        Number of the event.

    Raises
    ------
    InputError
        Where the finding does not concern this account, or nothing was said.
    """
    if not words.strip():
        raise InputError("The reply is empty.")
    if not any(found.id == id for found in kept(state, about=account)):
        raise InputError(
            f"No finding {id!r} concerns this account.", do="List the findings about the account."
        )
    return _add(state, id, now, "reply", words.strip(), person=digest(account, state.key))


def reverse(state: State, id: str, number: int, *, by: str, words: str, now: datetime) -> int:
    """Reverse a decision. It stays on record, and no longer stands.

    Parameters
    ----------
    state : State
    id : str
        Of the finding.
    number : int
        Of the decision.
    by : str
        Who reverses it.
    words : str
        Why.
    now : datetime

    Returns
    -------
    int
        Number of the event.

    Raises
    ------
    InputError
        Where there is no such decision, or it was reversed before.
    """
    found = _one(state, id)
    decisions = [event.number for event in found.events if event.kind == "decision"]
    gone = {event.reverses for event in found.events}
    standing = [str(each) for each in decisions if each not in gone]
    if str(number) not in standing:
        raise InputError(f"Event {number} is no decision that stands.", valid=standing or ("none stands",))
    if not words.strip():
        raise InputError("The reversal has no reason.", do="Say why.")
    return _add(state, id, now, "reversal", words.strip(), by=_somebody(by), reverses=number)


def exported(state: State, lang: str, *, about: str | None = None) -> list[dict[str, Any]]:
    """Return findings as plain values for others, each with its cautions and its history.

    Parameters
    ----------
    state : State
    lang : {"fr", "en"}
        Language of the cautions.
    about : str, optional
        Only those that concern this account.

    Returns
    -------
    list of dict
        They name no account: not the one asked about, nor any other.
    """
    return [
        {
            "id": found.id,
            "kind": found.kind,
            "cautions": list(found.cautions[lang]),
            "seen": dict(found.seen),
            "method": found.method,
            "version": found.version,
            "seed": found.seed,
            "made_at": found.made_at.isoformat(),
            "expires": found.expires.isoformat(),
            "people": found.people,
            "standing": found.standing.decision if found.standing else None,
            "events": [{**vars(event), "at": event.at.isoformat()} for event in found.events],
        }
        for found in kept(state, about=about)
    ]


def forget_expired(state: State, now: datetime) -> int:
    """Remove findings that expired, with their history, and return how many.

    Parameters
    ----------
    state : State
    now : datetime

    Returns
    -------
    int
    """
    with state.begin() as con:
        old = list(con.scalars(sa.select(findings.c.id).where(findings.c.expires <= to_micros(now))))
        _remove(con, old)
    return len(old)


def _remove(con: sa.Connection, ids: Sequence[str]) -> None:
    con.execute(sa.delete(finding_events).where(finding_events.c.finding.in_(ids)))
    con.execute(sa.delete(finding_people).where(finding_people.c.finding.in_(ids)))
    con.execute(sa.delete(findings).where(findings.c.id.in_(ids)))


def forget_person(con: sa.Connection, key: bytes, names: Sequence[str], pattern: str, now: int) -> None:
    """Remove a person from findings, inside the transaction of an erasure.

    Parameters
    ----------
    con : sqlalchemy.Connection
        In a transaction that writes.
    key : bytes
        Of the home.
    names : sequence of str
        Ids of the person.
    pattern : str
        Regular expression of the id within texts.
    now : int
        Microseconds since 1970.

    Notes
    -----
    Findings about the person alone go entirely. Those of a group lose the
    person's place in it and what the person replied; that something was erased
    stays on record.
    """
    digests = [digest(name, key) for name in names]
    mine = con.execute(sa.select(finding_people).where(finding_people.c.person.in_(digests))).all()
    _remove(con, [row.finding for row in mine if row.role == _ABOUT])
    con.execute(sa.delete(finding_people).where(finding_people.c.person.in_(digests)))
    con.execute(
        sa.update(finding_events)
        .where(finding_events.c.person.in_(digests))
        .values(person=None, words=ERASED)
    )
    for finding in dict.fromkeys(row.finding for row in mine if row.role == _MEMBER):
        _enter(con, finding, now, "erasure", ERASED)
    telling = re.compile(pattern)
    for row in con.execute(sa.select(finding_events)).all():
        if telling.search(row.words):
            con.execute(
                sa.update(finding_events)
                .where(finding_events.c.finding == row.finding, finding_events.c.number == row.number)
                .values(words=telling.sub(ERASED + r"\1", row.words))
            )
    for row in con.execute(sa.select(findings)).all():
        if telling.search(row.seen) or telling.search(row.cautions):
            con.execute(
                sa.update(findings)
                .where(findings.c.id == row.id)
                .values(
                    seen=telling.sub(ERASED + r"\1", row.seen),
                    cautions=telling.sub(ERASED + r"\1", row.cautions),
                )
            )
