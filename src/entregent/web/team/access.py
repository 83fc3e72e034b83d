"""Who may do what: rights of roles, in one table."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_noop
from rules.permissions import add_perm, perm_exists, set_perm
from rules.predicates import Predicate, predicate

if TYPE_CHECKING:
    from entregent.web.team.models import User

__all__ = ["LABELS", "PERMISSIONS", "me", "register", "requires"]

EVERYBODY = ("director", "manager", "agent", "analyst", "auditor")
PERMISSIONS: dict[str, tuple[str, ...]] = {
    "team.view": EVERYBODY,
    "team.manage": ("director",),
    "team.audit": ("director", "auditor"),
    "team.tokens": ("director", "manager", "analyst"),
    "listen.view": EVERYBODY,
    "listen.edit": ("director", "manager", "analyst"),
    "listen.acknowledge": ("director", "manager", "agent", "analyst"),
    "people.view": EVERYBODY,
    "people.edit": ("director", "manager", "agent"),
    "people.decide": ("director", "manager"),
}
"""What may be done, and by which roles."""

LABELS = {
    "team.view": gettext_noop("See the team"),
    "team.manage": gettext_noop("Invite people and change roles"),
    "team.audit": gettext_noop("Read the journal"),
    "team.tokens": gettext_noop("Have keys to the API"),
    "listen.view": gettext_noop("See watches, mentions and alerts"),
    "listen.edit": gettext_noop("Make and change watches"),
    "listen.acknowledge": gettext_noop("Take an alert in charge"),
    "people.view": gettext_noop("See people and relations"),
    "people.edit": gettext_noop("Write into relations"),
    "people.decide": gettext_noop("Decide on findings"),
}
"""How a right is called."""

Given = ParamSpec("Given")
Page = Callable[Concatenate[HttpRequest, Given], HttpResponse]


def _in(roles: tuple[str, ...]) -> Predicate:
    def has_role(user: User) -> bool:
        return user.is_active and getattr(user, "role", None) in roles

    made: Predicate = predicate(has_role, name=f"is {' or '.join(roles)}")
    return made


def register() -> None:
    """Tell Django of the rights."""
    for name, roles in PERMISSIONS.items():
        if perm_exists(name):
            set_perm(name, _in(roles))
        else:
            add_perm(name, _in(roles))


def me(request: HttpRequest) -> User:
    """Return who asks; only for pages behind the gate.

    Parameters
    ----------
    request : HttpRequest

    Returns
    -------
    User
    """
    user = request.user
    if not user.is_authenticated:
        raise PermissionDenied
    return user


def requires(permission: str) -> Callable[[Page[Given]], Page[Given]]:
    """Let only those see a page who have a right.

    Parameters
    ----------
    permission : str
        One of :data:`PERMISSIONS`.
    """
    if permission not in PERMISSIONS:
        raise KeyError(permission)

    def decorate(page: Page[Given]) -> Page[Given]:
        @wraps(page)
        def guarded(request: HttpRequest, /, *args: Given.args, **kwargs: Given.kwargs) -> HttpResponse:
            if not request.user.has_perm(permission):
                raise PermissionDenied(permission)
            return page(request, *args, **kwargs)

        return guarded

    return decorate
