"""Forms of the team's pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from entregent.web.team.models import Role, User
from entregent.web.team.service import SCOPES

__all__ = ["ChangeForm", "InviteForm", "ProfileForm", "TokenForm", "WelcomeForm"]

if TYPE_CHECKING:
    _UserForm = forms.ModelForm[User]
else:
    _UserForm = forms.ModelForm

_DAYS = ((30, _("30 days")), (90, _("90 days")), (365, _("A year")))


def _zones() -> list[tuple[str, str]]:
    named = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/"))
    return [("UTC", "UTC"), *((zone, zone.replace("_", " ")) for zone in named)]


class WelcomeForm(forms.Form):
    """What a person says who enters by a link."""

    name = forms.CharField(label=_("Your name"), max_length=120)
    email = forms.EmailField(label=_("E-mail"))
    password = forms.CharField(
        label=_("Password"),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("At least 12 characters. A sentence is easy to remember and hard to guess."),
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    zone = forms.ChoiceField(label=_("Time zone"), choices=_zones)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs |= {"autocomplete": "name", "autofocus": True}
        self.fields["email"].widget.attrs["autocomplete"] = "username"


class InviteForm(forms.Form):
    """Whom to invite, and as what."""

    email = forms.EmailField(label=_("E-mail"))
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class ChangeForm(_UserForm):
    """What a person of the team may do."""

    class Meta:
        model = User
        fields = ("role", "is_active")


class ProfileForm(_UserForm):
    """How a person wants to read the platform."""

    zone = forms.ChoiceField(label=_("Time zone"), choices=_zones)

    class Meta:
        model = User
        fields = ("name", "language", "zone")


class TokenForm(forms.Form):
    """What a key to the API is for."""

    name = forms.CharField(label=_("What is it for"), max_length=80)
    scopes = forms.MultipleChoiceField(
        label=_("It may"), choices=[(scope, scope) for scope in SCOPES], widget=forms.CheckboxSelectMultiple
    )
    days = forms.TypedChoiceField(label=_("It ends after"), choices=_DAYS, coerce=int)
