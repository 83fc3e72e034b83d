"""What is delivered, and what delivers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from entregent.i18n import N, T, Text, Translator

__all__ = ["Alert", "Channel", "letter", "payload"]

_SHOWN = 5


@dataclass(frozen=True)
class Alert:
    """An alert as others are told of it.

    Parameters
    ----------
    id : str
        The same however often it is told.
    watch : str
        Name of the watch.
    since, raised : datetime
        Begin and end of the hours that raised it.
    seen, usual : float
        Posts in those hours, and in the same hours of the days before; None
        where that is not known.
    new : sequence of str
        Hashtags, links and words that more people say than before.
    starters, posts : sequence of str
        Who began, and posts to read: ids.
    people : int
        Who wrote in those hours.
    facts : mapping
        All that is known, as plain values.
    """

    id: str
    watch: str
    since: datetime
    raised: datetime
    seen: float
    usual: float | None
    new: Sequence[str] = ()
    starters: Sequence[str] = ()
    posts: Sequence[str] = ()
    people: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)


class Channel(Protocol):
    """A way to tell of alerts."""

    name: str

    async def tell(self, alert: Alert) -> None:
        """Tell of an alert; when this returns, it is told.

        Raises
        ------
        TransientError
            Where trying again later may succeed.
        PermanentError
            Where it will not.
        """


def payload(alert: Alert) -> dict[str, Any]:
    """Return what programs are told of an alert.

    Parameters
    ----------
    alert : :class:`~entregent.delivery.base.Alert`

    Returns
    -------
    dict
    """
    return {
        "id": alert.id,
        "watch": alert.watch,
        "text": str(_subject(alert)),
        **{key: value for key, value in alert.facts.items() if key not in ("id", "watch", "text")},
        "since": alert.since.isoformat(),
        "raised": alert.raised.isoformat(),
    }


def _subject(alert: Alert) -> Text:
    if alert.usual is None:
        return N(
            "“{watch}”: {n} post, what is usual is not known yet",
            "“{watch}”: {n} posts, what is usual is not known yet",
            round(alert.seen),
            watch=alert.watch,
        )
    return N(
        "“{watch}”: {n} post, usually {usual}",
        "“{watch}”: {n} posts, usually {usual}",
        round(alert.seen),
        watch=alert.watch,
        usual=round(alert.usual),
    )


def letter(alert: Alert, reader: Translator) -> tuple[str, str]:
    """Return subject and body for people.

    Parameters
    ----------
    alert : :class:`~entregent.delivery.base.Alert`
    reader : Translator

    Returns
    -------
    subject, body : str

    Examples
    --------
    >>> from datetime import UTC
    >>> day = datetime(2026, 1, 1, tzinfo=UTC)
    >>> letter(Alert("a1", "Rail", day, day.replace(hour=6), 60, 12), Translator("en"))[0]
    '“Rail”: 60 posts, usually 12'
    """
    lines = [
        T("From {since} to {raised}.", since=alert.since, raised=alert.raised),
        N("{n} person wrote.", "{n} people wrote.", alert.people),
    ]
    if alert.new:
        lines.append(T("New: {things}", things=", ".join(alert.new[:_SHOWN])))
    if alert.starters:
        lines.append(T("Began: {people}", people=", ".join(alert.starters[:_SHOWN])))
    if alert.posts:
        lines.append(T("To read: {posts}", posts=", ".join(alert.posts[:_SHOWN])))
    lines.append(T("Alert {id}, from Entregent.", id=alert.id))
    return reader.text(_subject(alert)), "\n".join(map(reader.text, lines)) + "\n"
