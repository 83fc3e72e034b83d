"""What is kept of the team."""

from __future__ import annotations

from typing import Any, ClassVar
from zoneinfo import available_timezones

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _
from simple_history.models import HistoricalRecords

__all__ = ["Invitation", "Note", "Role", "Token", "User", "Users", "check_zone"]


class Role(models.TextChoices):
    """What a person of the team is here for."""

    DIRECTOR = "director", _("Director")
    MANAGER = "manager", _("Manager")
    AGENT = "agent", _("Agent")
    ANALYST = "analyst", _("Analyst")
    AUDITOR = "auditor", _("Auditor")


def check_zone(value: str) -> None:
    """Refuse a zone that does not exist."""
    if value not in available_timezones():
        raise ValidationError(_("There is no time zone of this name."))


class Users(BaseUserManager["User"]):
    """Makes people of the team."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Make one; without a password only a passkey or a reset lets them in."""
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.full_clean()
        user.save()
        return user


class User(AbstractBaseUser, PermissionsMixin):
    """A person of the team."""

    email = models.EmailField(_("e-mail"), unique=True)
    name = models.CharField(_("name"), max_length=120)
    role = models.CharField(_("role"), max_length=20, choices=Role.choices, default=Role.AGENT)
    language = models.CharField(_("language"), max_length=2, choices=settings.LANGUAGES, default="fr")
    zone = models.CharField(_("time zone"), max_length=64, default="Europe/Paris", validators=[check_zone])
    is_active = models.BooleanField(_("may sign in"), default=True)
    joined_at = models.DateTimeField(auto_now_add=True)

    history = HistoricalRecords(excluded_fields=["password", "last_login"])
    objects: ClassVar[Users] = Users()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.name or self.email


class Invitation(models.Model):
    """A link that lets one person in, once. Only the digest of its secret is kept."""

    digest = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=20, choices=Role.choices)
    email = models.EmailField(blank=True)
    made_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.email or self.role


class Token(models.Model):
    """A key to the API: whose, for what, until when. Only its digest is kept."""

    digest = models.CharField(max_length=64, unique=True)
    name = models.CharField(_("name"), max_length=80)
    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens")
    scopes = models.JSONField(_("may"), default=list)
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Note(models.Model):
    """What somebody did: the journal that an auditor reads. Rows are only ever added."""

    at = models.DateTimeField(db_index=True)
    by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    kind = models.CharField(max_length=60)
    about = models.CharField(max_length=200, blank=True)
    words = models.JSONField(default=dict)

    class Meta:
        ordering: ClassVar[list[str]] = ["-at", "-id"]

    def __str__(self) -> str:
        return self.kind
