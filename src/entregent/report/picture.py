"""The network picture as SVG: what the layout chose, in the units that it chose it for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from entregent.network.layout import HEIGHT, WIDTH, radius
from entregent.report.model import NetworkPicture

__all__ = ["COLOURS", "HEIGHT", "WIDTH", "Arc", "Dot", "drawing"]

COLOURS = 8
"""Communities with a colour of their own; the rest are grey."""

_LETTERS = 22
_MOST_ARCS = 700
_BASELINE = 4.5


@dataclass(frozen=True)
class Dot:
    """An account in the picture, in the units of the drawing; `label` is None where none fits.

    `colour` counts from 1; :data:`COLOURS` + 1 is the grey of the rest.
    """

    index: int
    handle: str
    x: float
    y: float
    radius: float
    colour: int
    community: int | None
    rank: int | None
    label: str | None
    label_x: float
    label_y: float
    anchor: str


@dataclass(frozen=True)
class Arc:
    """Who listens (`listener`) to whom (`speaker`), as an SVG path."""

    listener: int
    speaker: int
    path: str
    width: float


def drawing(
    picture: NetworkPicture, ranks: Mapping[str, int], groups: Mapping[int, int]
) -> tuple[tuple[Dot, ...], tuple[Arc, ...]]:
    """Return the dots and arcs to draw.

    Parameters
    ----------
    picture : NetworkPicture
    ranks : mapping of str to int
        Rank on the page by account id, for those who have evidence there.
    groups : mapping of int to int
        Number shown to the reader, from 1, by number of the community.

    Returns
    -------
    tuple of Dot, tuple of Arc
        Dots in the order of the picture's nodes; arcs the strongest last.
    """
    sizes = radius(np.array([node.listeners for node in picture.nodes]))
    dots = []
    for index, node in enumerate(picture.nodes):
        x, y, size = node.x * WIDTH, node.y * HEIGHT, float(sizes[index])
        label_x, label_y, anchor = _beside(x, y, size, node.anchor)
        dots.append(
            Dot(
                index=index,
                handle=node.handle,
                x=x,
                y=y,
                radius=size,
                colour=min(groups.get(node.community, COLOURS + 1), COLOURS + 1),
                community=groups.get(node.community),
                rank=ranks.get(node.id),
                label=_short(node.handle) if node.anchor else None,
                label_x=label_x,
                label_y=label_y,
                anchor=anchor,
            )
        )
    return tuple(dots), _arcs(picture, dots)


def _short(handle: str) -> str:
    return handle if len(handle) <= _LETTERS else handle[: _LETTERS - 1].rstrip() + "…"


def _beside(x: float, y: float, size: float, side: str) -> tuple[float, float, str]:
    if side == "left":
        return x - size - 3, y + _BASELINE, "end"
    if side == "above":
        return x, y - size - 5, "middle"
    if side == "below":
        return x, y + size + 13, "middle"
    return x + size + 3, y + _BASELINE, "start"


def _arcs(picture: NetworkPicture, dots: list[Dot]) -> tuple[Arc, ...]:
    strongest = sorted(picture.arcs, key=lambda arc: -arc[2])[:_MOST_ARCS]
    heaviest = max((weight for _, _, weight in strongest), default=1.0) or 1.0
    arcs = []
    for listener, speaker, weight in reversed(strongest):
        one, two = dots[listener], dots[speaker]
        # Bent to one side of the way from listener to speaker, so that two directions are two lines.
        across = (one.x + two.x) / 2 + (two.y - one.y) * 0.12
        down = (one.y + two.y) / 2 - (two.x - one.x) * 0.12
        arcs.append(
            Arc(
                listener,
                speaker,
                f"M{one.x:.0f} {one.y:.0f}Q{across:.0f} {down:.0f} {two.x:.0f} {two.y:.0f}",
                0.6 + 2.4 * math.sqrt(max(weight, 0.0) / heaviest),
            )
        )
    return tuple(arcs)
