"""The places of the rail, for the pages that show it."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext, gettext_lazy, gettext_noop

__all__ = ["PLACES", "Place", "places"]


class Place(NamedTuple):
    """A place of the rail: where it is, its name, the key that leads to it after ``g``, who may go."""

    url: str
    name: str
    key: str
    icon: str
    permission: str


PLACES = (
    Place("today", gettext_noop("Today"), "t", "today", "team.view"),
    Place("team", gettext_noop("Settings"), "s", "settings", "team.view"),
)


def places(request: HttpRequest) -> dict[str, Any]:
    """Return what every page of the platform shows around itself."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {"house": gettext_lazy("Entregent")}
    shown = [
        {
            "url": reverse(place.url),
            "name": gettext(place.name),
            "key": place.key,
            "icon": place.icon,
            "here": request.path == reverse(place.url)
            or (place.url != "today" and request.path.startswith(reverse(place.url))),
        }
        for place in PLACES
        if user.has_perm(place.permission)
    ]
    return {"house": gettext_lazy("Entregent"), "places": shown}
