"""Visibility that is bought, automated or coordinated: evidence against chance, never a verdict."""

from __future__ import annotations

__all__: list[str] = []
