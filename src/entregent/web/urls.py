"""Addresses of the platform."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from entregent.web import today

__all__ = ["health", "urlpatterns"]


def health(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Say that the process answers, to whoever watches over it."""
    return HttpResponse("ok", content_type="text/plain")


urlpatterns = [
    path("", today.today, name="today"),
    path("health", health, name="health"),
    path("account/", include("allauth.urls")),
    path("settings/", include("entregent.web.team.urls")),
]
