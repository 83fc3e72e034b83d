"""The simulated world with known truth.

A French and English conversation about a brand that does not exist, written
as a network would give it, beside a truth that no observer of a network ever
sees: tastes, influence, who caused what, bought followers, coordination.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from entregent.world.settings import FORMATS, Burst, WorldSettings

if TYPE_CHECKING:
    from entregent.world.observer import collected
    from entregent.world.simulation import Effect, World, effects, extra_adoptions, simulate, warm
    from entregent.world.writing import Written, write

__all__ = [
    "FORMATS",
    "Burst",
    "Effect",
    "World",
    "WorldSettings",
    "Written",
    "collected",
    "effects",
    "extra_adoptions",
    "simulate",
    "warm",
    "write",
]

_PLACES = {
    "Effect": "simulation",
    "collected": "observer",
    "World": "simulation",
    "effects": "simulation",
    "extra_adoptions": "simulation",
    "simulate": "simulation",
    "warm": "simulation",
    "Written": "writing",
    "write": "writing",
}


def __getattr__(name: str) -> Any:
    # The command line asks for the dials to show its help; numba must not load for that.
    if name in _PLACES:
        from importlib import import_module

        return getattr(import_module(f"entregent.world.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
