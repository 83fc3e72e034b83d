"""The app of the team."""

from __future__ import annotations

from django.apps import AppConfig

__all__ = ["Team"]


class Team(AppConfig):
    """Registers the rights of roles when Django starts."""

    name = "entregent.web.team"
    label = "team"

    def ready(self) -> None:
        """Tell Django which role may do what, and note sign-ins."""
        from entregent.web.team import access, notes

        access.register()
        notes.connect()
