"""Intervals, shrinkage, survival and multiple testing, on arrays.

SciPy does the work where it has it; this room gives it one shape: frozen
results, a level of 0.9 unless told, and an answer for samples that are empty,
constant or huge.
"""

from __future__ import annotations

__all__: list[str] = []
