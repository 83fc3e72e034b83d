"""Who is heard, and later who changes what others do."""

from __future__ import annotations

__all__: list[str] = []
