"""The platform under test: a home of its own, a database in memory, people by role."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable

import django
import pytest

# Only while Django reads its settings: no other test may see them.
_HOME = tempfile.mkdtemp(prefix="entregent-web-")
_GIVEN = {
    "ENTREGENT_HOME": _HOME,
    "ENTREGENT_ZONE": "Europe/Paris",
    "ENTREGENT_SECRET_KEY": "a key for tests that protects nothing",
}
os.environ["DJANGO_SETTINGS_MODULE"] = "entregent.web.settings"
os.environ |= _GIVEN
try:
    django.setup()
finally:
    for _name in (*_GIVEN, "DJANGO_SETTINGS_MODULE"):
        del os.environ[_name]

from django.test import Client  # noqa: E402

from entregent.web.team.models import Role, User  # noqa: E402

PASSWORD = "une phrase assez longue"


@pytest.fixture(autouse=True)
def _quick_and_apart(settings, db) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}


@pytest.fixture
def person() -> Callable[..., User]:
    """Makes people of the team."""

    def make(role: str = Role.DIRECTOR, name: str = "", **fields: object) -> User:
        shown = name or f"{role.capitalize()} Martin"
        email = f"{shown.lower().replace(' ', '.')}@example.org"
        return User.objects.create_user(email, PASSWORD, name=shown, role=role, language="en", **fields)

    return make


@pytest.fixture
def browser(person: Callable[..., User]) -> Callable[..., Client]:
    """Opens a browser in which somebody of a role is signed in."""

    def opened(role: str | None = Role.DIRECTOR, *, user: User | None = None, language: str = "en") -> Client:
        client = Client(headers={"accept-language": language})
        if user is not None or role is not None:
            client.force_login(user or person(role), "allauth.account.auth_backends.AuthenticationBackend")
        return client

    return opened
