"""Compiling loops for this machine, kept for the next run where there is a place to keep them."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

__all__ = ["compiled", "compiled_for_threads"]

_Function = TypeVar("_Function", bound=Callable[..., Any])


def compiled(function: _Function) -> _Function:
    """Compile a loop that behaves as Python does, errors of division included."""
    return _kept(function)


def compiled_for_threads(function: _Function) -> _Function:
    """Compile a loop that lets other threads run, with numpy's infinities in place of errors."""
    return _kept(function, nogil=True, error_model="numpy")


def _kept(function: _Function, **options: Any) -> _Function:
    try:
        return cast(_Function, numba.njit(cache=True, **options)(function))
    except RuntimeError as error:
        warnings.warn(f"compiling anew each time, no place to keep it: {error}", stacklevel=3)
        return cast(_Function, numba.njit(**options)(function))
