"""What the page asks of groups beyond their fields: who stands where in the picture, and charts."""

from __future__ import annotations

import math
from datetime import datetime
from typing import NamedTuple

from entregent.charts.bursts import bursts
from entregent.charts.spec import Chart
from entregent.report.groups import GroupsPart, SeenGroup
from entregent.report.reader import shorten
from entregent.results import CannotTell

__all__ = ["MOST_GROUPS", "GroupDot", "GroupLine", "GroupView", "group_charts", "group_views"]

MOST_GROUPS = 12
"""Groups on the page; the tables hold all."""

MOST_OBJECTS = 12
_SIZE, _RADIUS, _LETTERS = 320.0, 92.0, 18
_NARROWEST, _WIDEST = 1.0, 7.0


class GroupDot(NamedTuple):
    """A member in the picture; `anchor` is how its label stands to `label_x`."""

    x: float
    y: float
    label_x: float
    label_y: float
    anchor: str
    label: str
    handle: str
    declared: bool


class GroupLine(NamedTuple):
    """Two members who acted together on `objects`."""

    x1: float
    y1: float
    x2: float
    y2: float
    width: float
    objects: int
    one: str
    other: str


class GroupView:
    """A group as it is drawn: members on a circle, lines as wide as they act together often."""

    def __init__(self, place: int, group: SeenGroup) -> None:
        self.place = place
        self.group = group
        self.size = round(_SIZE)
        n = len(group.members)
        turns = [2 * math.pi * at / n - math.pi / 2 for at in range(n)]
        middle = _SIZE / 2
        self.dots = tuple(
            GroupDot(
                round(middle + _RADIUS * math.cos(turn), 1),
                round(middle + _RADIUS * math.sin(turn), 1),
                round(middle + (_RADIUS + 14) * math.cos(turn), 1),
                round(middle + (_RADIUS + 14) * math.sin(turn) + 4, 1),
                "start" if math.cos(turn) > 0.2 else "end" if math.cos(turn) < -0.2 else "middle",
                shorten(member.handle, _LETTERS),
                member.handle,
                member.tie is not None,
            )
            for member, turn in zip(group.members, turns, strict=True)
        )
        most = max((tie.objects for tie in group.ties), default=1)
        self.lines = tuple(
            GroupLine(
                self.dots[tie.one].x,
                self.dots[tie.one].y,
                self.dots[tie.other].x,
                self.dots[tie.other].y,
                round(_NARROWEST + (_WIDEST - _NARROWEST) * tie.objects / most, 1),
                tie.objects,
                self.dots[tie.one].handle,
                self.dots[tie.other].handle,
            )
            for tie in group.ties
        )
        self.shown = tuple(sorted(group.bursts, key=lambda burst: -burst.observed)[:MOST_OBJECTS])
        self.more = len(group.bursts) - len(self.shown)


def group_views(part: GroupsPart | CannotTell | None) -> tuple[GroupView, ...]:
    """Return the groups that the page shows."""
    groups = part.groups if isinstance(part, GroupsPart) else ()
    return tuple(GroupView(place, group) for place, group in enumerate(groups[:MOST_GROUPS], 1))


def group_charts(part: GroupsPart | CannotTell | None, origin: datetime | None) -> dict[str, Chart]:
    """Return a chart of bursts for each group on the page, by name."""
    return {
        f"bursts_{view.place}": bursts(
            f"bursts-{view.place}",
            [burst.at for burst in view.group.bursts],
            [burst.observed for burst in view.group.bursts],
            [burst.expected for burst in view.group.bursts],
            origin=origin,
        )
        for view in group_views(part)
    }
