"""The journal: who did what, when."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_noop

from entregent.clock import now
from entregent.web.team.models import Note, User

__all__ = ["KINDS", "connect", "note", "said"]

KINDS = {
    "session.signed_in": gettext_noop("signed in"),
    "session.signed_out": gettext_noop("signed out"),
    "session.refused": gettext_noop("was refused at the door"),
    "team.invited": gettext_noop("invited"),
    "team.joined": gettext_noop("joined"),
    "team.changed": gettext_noop("changed what somebody may do"),
    "token.made": gettext_noop("made a key"),
    "token.revoked": gettext_noop("ended a key"),
}
"""Kinds of notes, in words."""


def said(kind: str) -> str:
    """Return a kind of note in the reader's language.

    Parameters
    ----------
    kind : str

    Returns
    -------
    str
    """
    return gettext(KINDS[kind]) if kind in KINDS else kind


def note(by: User | None, kind: str, about: str = "", **words: Any) -> None:
    """Write into the journal.

    Parameters
    ----------
    by : User, optional
    kind : str
        A dotted code: ``team.invited``.
    about : str
        Whom or what it is about.
    **words
        What more there is to know; no secret and no text of a message.
    """
    Note.objects.create(at=now(), by=by, kind=kind, about=about[:200], words=words)


def _in(user: User, **_: Any) -> None:
    note(user, "session.signed_in")


def _out(user: User | None, **_: Any) -> None:
    if user is not None:
        note(user, "session.signed_out")


def _failed(credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any) -> None:  # noqa: ARG001
    note(None, "session.refused", str(credentials.get("email") or credentials.get("username") or ""))


def connect() -> None:
    """Listen for sign-ins."""
    user_logged_in.connect(_in, dispatch_uid="journal")
    user_logged_out.connect(_out, dispatch_uid="journal")
    user_login_failed.connect(_failed, dispatch_uid="journal")
