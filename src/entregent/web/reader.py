"""In which language and zone a page is written: the person's own, otherwise the browser's."""

from __future__ import annotations

from collections.abc import Callable
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from entregent.i18n import LANGUAGES, Translator

__all__ = ["ReadersLanguage", "translator"]


class ReadersLanguage:
    """Activates the reader's language and zone for the time of one request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        user = request.user
        if user.is_authenticated:
            language, zone = user.language, user.zone
        else:
            language, zone = _asked_for(request), settings.TIME_ZONE
        translation.activate(language)
        timezone.activate(ZoneInfo(zone))
        request.LANGUAGE_CODE = language
        try:
            response = self.get_response(request)
        finally:
            translation.deactivate()
            timezone.deactivate()
        response.headers.setdefault("Content-Language", language)
        return response


def _asked_for(request: HttpRequest) -> str:
    asked = request.GET.get("lang")
    if asked in LANGUAGES:
        return asked
    language = translation.get_language_from_request(request)[:2]
    return language if language in LANGUAGES else settings.LANGUAGE_CODE


def translator() -> Translator:
    """Return what writes the library's texts, numbers and dates for the reader of this request.

    Returns
    -------
    Translator
    """
    language = (translation.get_language() or settings.LANGUAGE_CODE)[:2]
    return Translator(language if language in LANGUAGES else "en", timezone.get_current_timezone())
