"""Pages of the team: welcome, people of the team, one's own settings, keys, the journal."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from entregent.web.team import service
from entregent.web.team.access import LABELS, PERMISSIONS, me, requires
from entregent.web.team.forms import ChangeForm, InviteForm, ProfileForm, TokenForm, WelcomeForm
from entregent.web.team.models import Invitation, Note, Role, Token, User
from entregent.web.team.notes import said

__all__ = ["invite", "journal", "member", "profile", "team", "token", "tokens", "welcome"]

NOTES_A_PAGE = 50


@never_cache
@sensitive_post_parameters("password")
def welcome(request: HttpRequest, secret: str) -> HttpResponse:
    """Let a person in by a link."""
    invitation = service.waiting(secret)
    if invitation is None:
        return render(request, "team/link_over.html", {"has_owner": service.has_owner()}, status=410)
    start = {"email": invitation.email, "language": get_language(), "zone": "Europe/Paris"}
    form = WelcomeForm(request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        try:
            user = service.join(secret, **form.cleaned_data)
        except ValidationError as error:
            for field, said in getattr(error, "error_dict", {"password": error.error_list}).items():
                form.add_error(field if field in form.fields else None, said)
        else:
            login(request, user, backend="allauth.account.auth_backends.AuthenticationBackend")
            return redirect("today")
    first = invitation.made_by_id is None
    return render(request, "team/welcome.html", {"form": form, "invitation": invitation, "first": first})


@requires("team.view")
def team(request: HttpRequest) -> HttpResponse:
    """Show who works here."""
    people = User.objects.order_by("-is_active", "name")
    pending = Invitation.objects.filter(used_at=None, made_by__isnull=False).order_by("-made_at")
    rights = [
        {"label": _(LABELS[name]), "roles": [Role(role) for role in roles]}
        for name, roles in PERMISSIONS.items()
    ]
    return render(
        request,
        "team/team.html",
        {"people": people, "pending": pending, "rights": rights, "form": InviteForm(), "roles": list(Role)},
    )


@requires("team.manage")
def invite(request: HttpRequest) -> HttpResponse:
    """Make a link for one person and show it, once."""
    form = InviteForm(request.POST or None)
    link = None
    if request.method == "POST" and form.is_valid():
        try:
            secret = service.invite(me(request), form.cleaned_data["role"], form.cleaned_data["email"])
        except ValidationError as error:
            form.add_error("email", error)
        else:
            link = request.build_absolute_uri(reverse("welcome", args=[secret]))
    return render(request, "team/invite.html", {"form": form, "link": link})


@requires("team.manage")
def member(request: HttpRequest, pk: int) -> HttpResponse:
    """Change what a person of the team may do."""
    person = get_object_or_404(User, pk=pk)
    form = ChangeForm(request.POST or None, instance=get_object_or_404(User, pk=pk))
    if request.method == "POST" and form.is_valid():
        try:
            service.change(me(request), person, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("team")
    return render(request, "team/member.html", {"person": person, "form": form})


def profile(request: HttpRequest) -> HttpResponse:
    """Show one's own settings."""
    form = ProfileForm(request.POST or None, instance=User.objects.get(pk=me(request).pk))
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, _("Saved."))
        return redirect("profile")
    return render(request, "team/profile.html", {"form": form})


@requires("team.tokens")
def tokens(request: HttpRequest) -> HttpResponse:
    """Show one's keys to the API, and make one."""
    form = TokenForm(request.POST or None)
    secret = None
    if request.method == "POST" and form.is_valid():
        secret = service.make_token(me(request), **form.cleaned_data)
        form = TokenForm()
    mine = me(request).tokens.order_by("-made_at")
    return render(request, "team/tokens.html", {"form": form, "tokens": mine, "secret": secret})


@requires("team.tokens")
def token(request: HttpRequest, pk: int) -> HttpResponse:
    """End a key."""
    found = get_object_or_404(Token, pk=pk, owner=me(request))
    if request.method == "POST":
        service.revoke_token(me(request), found)
        messages.success(request, _("The key has ended."))
    return redirect("tokens")


@requires("team.audit")
def journal(request: HttpRequest) -> HttpResponse:
    """Show what was done, the latest first."""
    before = request.GET.get("before", "")
    notes = Note.objects.select_related("by")
    if before.isdigit():
        notes = notes.filter(pk__lt=int(before[:18]))
    found = list(notes.order_by("-pk")[: NOTES_A_PAGE + 1])
    shown = found[:NOTES_A_PAGE]
    rows = [{"at": one.at, "by": one.by, "said": said(one.kind), "about": one.about} for one in shown]
    more = shown[-1].pk if len(found) > NOTES_A_PAGE else None
    return render(request, "team/journal.html", {"notes": rows, "oldest": more, "more": more is not None})
