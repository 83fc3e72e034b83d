"""Places for accounts and their names, so that communities stand apart and names can be read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["HEIGHT", "LETTER", "LINE", "WIDTH", "anchors", "layout", "radius"]

WIDTH, HEIGHT = 960.0, 600.0
"""Units of the drawing that places are made for."""
LINE, LETTER = 14.0, 7.0
"""Height of a name and mean width of a letter, in these units."""

Points = npt.NDArray[np.float64]
Codes = npt.NDArray[np.int64]

_SMALLEST, _LARGEST = 3.5, 16.0
_MARGIN = 26.0
_GAP = 9.0
_EVEN = 0.2
_COHESION = 0.25
_BORDER = 1.7
_FIRST = 12
_SIDES = ("right", "left", "below", "above")


def radius(listeners: npt.NDArray[np.number], most: float | None = None) -> npt.NDArray[np.float64]:
    """Return the radius of circles whose area grows with the number of listeners.

    Parameters
    ----------
    listeners : array, shape (n,)
    most : float, optional
        Listeners of the largest circle; the largest of `listeners` unless told.

    Returns
    -------
    float64 array, shape (n,), in units of the drawing
    """
    top = float(most if most is not None else np.max(listeners, initial=1.0)) or 1.0
    area = np.clip(np.asarray(listeners, dtype=np.float64) / top, 0.0, 1.0)
    return np.asarray(_SMALLEST + (_LARGEST - _SMALLEST) * np.sqrt(area), dtype=np.float64)


def _settle(
    points: Points, tail: Codes, head: Codes, pull: Points, group: Codes, mass: Points, steps: int
) -> Points:
    """Move points until attraction along arcs and repulsion between all are in balance."""
    members = np.bincount(group).astype(np.float64)
    crowd = np.where(members[group] > 1, _COHESION, 0.0)[:, None] * mass[:, None]
    # Strangers repel more than members, so that borders open.
    push = np.outer(mass, mass) * np.where(group[:, None] == group[None, :], 1.0, _BORDER)
    # The drawing is wide: up and down the pull to the middle is stronger.
    gravity = mass[:, None] * np.array([0.16, 0.36])
    for step in range(steps):
        across = points[:, None, :] - points[None, :, :]
        near = np.einsum("ijk,ijk->ij", across, across) + 1e-4
        move = np.einsum("ijk,ij->ik", across, push / near)
        along = points[tail] - points[head]
        far = np.sqrt((along**2).sum(axis=1, keepdims=True)) + 1e-4
        # Attraction that grows with the logarithm of distance draws clusters
        # tighter than the linear one (Noack 2007).
        drag = along * (pull[:, None] * np.log1p(far) / far)
        np.subtract.at(move, tail, drag)
        np.add.at(move, head, drag)
        middle = np.stack([np.bincount(group, weights=points[:, k]) / members for k in (0, 1)], axis=1)
        move -= crowd * (points - middle[group]) + gravity * points
        heat = (1.0 - step / steps) ** 1.5 + 0.002
        length = np.sqrt((move**2).sum(axis=1, keepdims=True)) + 1e-9
        points = points + move / length * np.minimum(length * 0.02, heat)
    return points


def _part(points: Points, size: Points, gap: float, rounds: int = 150) -> Points:
    """Push circles apart that overlap, each by half of the way."""
    apart = size[:, None] + size[None, :] + gap
    for _ in range(rounds):
        across = points[:, None, :] - points[None, :, :]
        far = np.sqrt((across**2).sum(axis=2))
        short = np.maximum(apart - far, 0.0)
        np.fill_diagonal(short, 0.0)
        if short.max(initial=0.0) < 0.01:
            break
        points = points + 0.5 * np.einsum("ijk,ij->ik", across, short / np.maximum(far, 1e-6)) * 0.8
    return points


def layout(
    tail: npt.NDArray[np.integer],
    head: npt.NDArray[np.integer],
    weight: npt.NDArray[np.float64],
    group: npt.NDArray[np.integer],
    size: npt.NDArray[np.float64],
    rng: np.random.Generator,
    *,
    steps: int = 400,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Place points so that linked ones are near, groups apart and circles do not overlap.

    Parameters
    ----------
    tail, head : integer array, shape (m,)
        Arcs between points.
    weight : float64 array, shape (m,)
    group : integer array, shape (n,)
        Community of a point; -1 for none.
    size : float64 array, shape (n,)
        Radii in units of a drawing of :data:`WIDTH` by :data:`HEIGHT`.
    rng : numpy.random.Generator
        Places to start from; the same state gives the same picture.
    steps : int

    Returns
    -------
    x, y : float64 array, shape (n,)
        In [0, 1] of width and height; y grows downwards.

    Notes
    -----
    Every pair repels, so work grows with the square of n: made for some
    hundreds of points.

    References
    ----------
    Noack, A. (2007). Energy models for graph clustering. Journal of Graph
    Algorithms and Applications 11, 453-480. doi 10.7155/jgaa.00154
    """
    n = len(group)
    if n == 0:
        return np.empty(0), np.empty(0)
    # Whoever has no community is a group alone, so that nothing draws strangers together.
    own = np.asarray(group, dtype=np.int64).copy()
    alone = own < 0
    own[alone] = own.max(initial=-1) + 1 + np.arange(int(alone.sum()))
    groups, own = np.unique(own, return_inverse=True)
    turn = np.arange(len(groups)) * 2.399963
    reach = np.sqrt(np.arange(len(groups)) + 0.5)
    start = np.stack([1.6 * reach * np.cos(turn), reach * np.sin(turn)], axis=1)[own]
    start += rng.normal(0, 0.4, (n, 2))
    pull = np.log1p(np.asarray(weight, dtype=np.float64))
    pull = pull / (pull.mean() if len(pull) and pull.mean() > 0 else 1.0)
    tails, heads = np.asarray(tail, dtype=np.int64), np.asarray(head, dtype=np.int64)
    degree = np.bincount(np.concatenate([tails, heads]), minlength=n)
    points = _settle(start, tails, heads, pull, own, 0.6 + 0.4 * np.sqrt(1.0 + degree), steps)
    for _ in range(4):
        points = _part(_spread(points, size), size, _GAP)
    points = _spread(points, size)
    return points[:, 0] / WIDTH, points[:, 1] / HEIGHT


def _spread(points: Points, size: Points) -> Points:
    """Fill the drawing: partly true to distance, partly to order, so that nobody afar squeezes the rest."""
    room = _MARGIN + float(size.max())
    extent = np.array([WIDTH, HEIGHT]) - 2 * room
    low, high = points.min(axis=0), points.max(axis=0)
    true = np.where(high - low > 1e-9, (points - low) / np.maximum(high - low, 1e-9), 0.5)
    order = np.argsort(np.argsort(points, axis=0), axis=0) / max(len(points) - 1, 1)
    return room + ((1 - _EVEN) * true + _EVEN * order) * extent


def anchors(
    x: Points,
    y: Points,
    size: Points,
    names: Sequence[str],
    *,
    most: int = 40,
    letters: int = 24,
) -> tuple[str, ...]:
    """Choose which names to draw, and on which side of their circle, so that none covers another.

    Parameters
    ----------
    x, y : float64 array, shape (n,)
        As :func:`layout` gives them, in order of importance: the first are named first.
    size : float64 array, shape (n,)
        Radii.
    names : sequence of str, shape (n,)
    most : int
        Most names.
    letters : int
        Letters drawn of a long name.

    Returns
    -------
    tuple of str, shape (n,)
        ``right``, ``left``, ``above`` or ``below``; empty where no name fits.
    """
    px, py = x * WIDTH, y * HEIGHT
    circles = np.stack([px - size, py - size, px + size, py + size], axis=1)
    taken = np.empty((0, 4))
    chosen = [""] * len(px)
    for i in range(len(px)):
        if len(taken) >= most:
            break
        wide = LETTER * min(len(names[i]), letters)
        others = np.delete(circles, i, axis=0)
        # The most important are named even over smaller circles; their circles come first in `circles`.
        free: list[tuple[int, str, Points]] = []
        for side in _SIDES:
            box = _box(px[i], py[i], size[i], wide, side)
            inside = box[0] >= 2 and box[1] >= 2 and box[2] <= WIDTH - 2 and box[3] <= HEIGHT - 2
            if inside and not _meets(box, taken, 2.0).any():
                covered = int(_meets(box, others, 0.0).sum())
                if covered == 0 or (i < _FIRST and not _meets(box, others[:i], 0.0).any()):
                    free.append((covered, side, box))
        if free:
            _, chosen[i], box = min(free, key=lambda place: place[0])
            taken = np.vstack([taken, box])
    return tuple(chosen)


def _box(x: float, y: float, size: float, wide: float, side: str) -> npt.NDArray[np.float64]:
    if side == "right":
        corner = (x + size + 3, y - LINE / 2)
    elif side == "left":
        corner = (x - size - 3 - wide, y - LINE / 2)
    elif side == "below":
        corner = (x - wide / 2, y + size + 2)
    else:
        corner = (x - wide / 2, y - size - 2 - LINE)
    return np.array([corner[0], corner[1], corner[0] + wide, corner[1] + LINE])


def _meets(box: Points, boxes: Points, apart: float) -> npt.NDArray[np.bool_]:
    meets: npt.NDArray[np.bool_] = (
        (boxes[:, 0] < box[2] + apart)
        & (boxes[:, 2] > box[0] - apart)
        & (boxes[:, 1] < box[3] + apart)
        & (boxes[:, 3] > box[1] - apart)
    )
    return meets
