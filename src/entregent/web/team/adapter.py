"""How people get in: by invitation only."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

__all__ = ["ClosedHouse"]


class ClosedHouse(DefaultAccountAdapter):  # type: ignore[misc]
    """No sign-up: a link of the house lets a person in."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Nobody signs up."""
        return False
