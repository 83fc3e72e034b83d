"""Addresses of the team's pages."""

from __future__ import annotations

from django.urls import path

from entregent.web.team import pages

__all__ = ["urlpatterns"]

urlpatterns = [
    path("welcome/<str:secret>", pages.welcome, name="welcome"),
    path("", pages.team, name="team"),
    path("invite", pages.invite, name="invite"),
    path("team/<int:pk>", pages.member, name="member"),
    path("me", pages.profile, name="profile"),
    path("tokens", pages.tokens, name="tokens"),
    path("tokens/<int:pk>/end", pages.token, name="token_end"),
    path("journal", pages.journal, name="journal"),
]
