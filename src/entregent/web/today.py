"""The first page: what waits for this person now."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

__all__ = ["today"]


def today(request: HttpRequest) -> HttpResponse:
    """Show what waits."""
    return render(request, "today.html")
