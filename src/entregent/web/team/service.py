"""What is done with the team, and what the other apps may ask of it."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from hashlib import sha256

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from entregent.clock import now
from entregent.web.team.models import Invitation, Role, Token, User
from entregent.web.team.notes import note

__all__ = [
    "SCOPES",
    "change",
    "first_link",
    "has_owner",
    "invite",
    "join",
    "make_token",
    "owner_of_token",
    "revoke_token",
    "waiting",
]

DAYS_OF_A_LINK = 7
SCOPES = ("listen:read", "listen:write", "people:read", "people:write", "team:read")
"""What a token may be for."""


def _digest(secret: str) -> str:
    # The secrets are random and long: no slow digest is needed.
    return sha256(secret.encode()).hexdigest()


def has_owner() -> bool:
    """Say whether anybody may sign in yet.

    Returns
    -------
    bool
    """
    return User.objects.exists()


def first_link() -> str:
    """Make the link by which the owner enters; earlier ones stop to work.

    Returns
    -------
    str
        The secret: it is told once and kept nowhere.
    """
    with transaction.atomic():
        Invitation.objects.filter(made_by=None, used_at=None).delete()
        return _made(Role.DIRECTOR, "", None)


def _made(role: str, email: str, by: User | None) -> str:
    secret = secrets.token_urlsafe(32)
    moment = now()
    Invitation.objects.create(
        digest=_digest(secret),
        role=role,
        email=email,
        made_by=by,
        made_at=moment,
        expires_at=moment + timedelta(days=DAYS_OF_A_LINK),
    )
    return secret


def invite(by: User, role: str, email: str) -> str:
    """Make a link by which one person enters.

    Parameters
    ----------
    by : User
        Somebody with the right to.
    role : str
    email : str

    Returns
    -------
    str
        The secret of the link, told once.

    Raises
    ------
    ValidationError
        Where somebody with this address is in the team.
    """
    if User.objects.filter(email=email.lower()).exists():
        raise ValidationError(_("This person is in the team already."))
    with transaction.atomic():
        Invitation.objects.filter(email=email.lower(), used_at=None).delete()
        secret = _made(role, email.lower(), by)
        note(by, "team.invited", email.lower(), role=role)
    return secret


def waiting(secret: str, moment: datetime | None = None) -> Invitation | None:
    """Return the invitation of a link that still works.

    Parameters
    ----------
    secret : str
    moment : datetime, optional
        Now.

    Returns
    -------
    Invitation, or None
    """
    found = Invitation.objects.filter(
        digest=_digest(secret), used_at=None, expires_at__gt=moment or now()
    ).first()
    if found is not None and found.made_by_id is None and has_owner():
        return None
    return found


def join(secret: str, *, email: str, name: str, password: str, language: str, zone: str) -> User:
    """Let a person in by a link, which stops to work.

    Parameters
    ----------
    secret : str
    email, name, password, language, zone : str

    Returns
    -------
    User

    Raises
    ------
    ValidationError
        Where the link has been used or is too old, or something is not as it must be.
    """
    with transaction.atomic():
        found = waiting(secret)
        if found is None:
            raise ValidationError(_("This link has been used or is too old. Ask for a new one."))
        # Of two who come at once, one finds it taken.
        if not Invitation.objects.filter(pk=found.pk, used_at=None).update(used_at=now()):
            raise ValidationError(_("This link has been used or is too old. Ask for a new one."))
        validate_password(password, User(email=email, name=name))
        user = User.objects.create_user(
            email, password, name=name, role=found.role, language=language, zone=zone
        )
        note(user, "team.joined", user.email, role=found.role)
    return user


def change(by: User, person: User, *, role: str, is_active: bool) -> None:
    """Change what a person of the team may do.

    Parameters
    ----------
    by, person : User
    role : str
    is_active : bool
        Whether they may sign in; where not, their sessions end.

    Raises
    ------
    ValidationError
        Where nobody would be left who may manage the team.
    """
    with transaction.atomic():
        others = User.objects.select_for_update().filter(role=Role.DIRECTOR, is_active=True)
        stays = role == Role.DIRECTOR and is_active
        if not stays and not others.exclude(pk=person.pk).exists():
            raise ValidationError(
                _("Somebody must stay who may manage the team: name another director first.")
            )
        before = {"role": person.role, "is_active": person.is_active}
        person.role, person.is_active = role, is_active
        person.save()
        if not is_active:
            _end_sessions(person)
            person.tokens.all().delete()
        note(by, "team.changed", person.email, before=before, after={"role": role, "is_active": is_active})


def _end_sessions(person: User) -> None:
    from allauth.usersessions.models import UserSession

    for session in UserSession.objects.filter(user=person):
        session.end()


def make_token(owner: User, name: str, scopes: list[str], days: int) -> str:
    """Make a key to the API.

    Parameters
    ----------
    owner : User
    name : str
    scopes : list of str
        Of :data:`SCOPES`.
    days : int
        Until it ends.

    Returns
    -------
    str
        The key, told once.
    """
    secret = f"eg_{secrets.token_urlsafe(32)}"
    moment = now()
    with transaction.atomic():
        Token.objects.create(
            digest=_digest(secret),
            name=name,
            owner=owner,
            scopes=[scope for scope in SCOPES if scope in scopes],
            made_at=moment,
            expires_at=moment + timedelta(days=days),
        )
        note(owner, "token.made", name, scopes=scopes, days=days)
    return secret


def revoke_token(by: User, token: Token) -> None:
    """End a key to the API.

    Parameters
    ----------
    by : User
    token : Token
    """
    with transaction.atomic():
        note(by, "token.revoked", token.name, owner=token.owner.email)
        token.delete()


def owner_of_token(secret: str, scope: str) -> User | None:
    """Return whose key this is, where it may be used for this.

    Parameters
    ----------
    secret : str
    scope : str

    Returns
    -------
    User, or None
        None for a key that does not exist, has ended or is not for this.
    """
    moment = now()
    found = (
        Token.objects.select_related("owner").filter(digest=_digest(secret), expires_at__gt=moment).first()
    )
    if found is None or scope not in found.scopes or not found.owner.is_active:
        return None
    if found.used_at is None or moment - found.used_at > timedelta(minutes=1):
        Token.objects.filter(pk=found.pk).update(used_at=moment)
    return found.owner
