"""Everything but the door is for people who are signed in."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url

__all__ = ["SignedInOnly"]

_OPEN = ("/account/", "/settings/welcome/", "/health", "/static/", "/shared/", "/api/")


class SignedInOnly:
    """Sends everybody else to the door; an address that is asked by script is told so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated or request.path.startswith(_OPEN):
            return self.get_response(request)
        door = resolve_url(settings.LOGIN_URL)
        if getattr(request, "htmx", False):
            # A part of a page cannot hold the door: the whole page goes there.
            return HttpResponse(status=401, headers={"HX-Redirect": door})
        return redirect_to_login(request.get_full_path(), door)
