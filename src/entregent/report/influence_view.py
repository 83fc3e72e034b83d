"""What the page asks of circles and of few or many beyond their fields."""

from __future__ import annotations

from collections.abc import Sequence

from entregent.charts import seeding
from entregent.charts.spec import Chart
from entregent.i18n import T
from entregent.influence.seeding import KINDS
from entregent.report.glyph import Scale
from entregent.report.influence import CirclePart, SeedingPart
from entregent.report.influence_texts import firm_flips, kind_text, verdict_text
from entregent.report.model import Person
from entregent.results import CannotTell, Estimate

__all__ = ["CircleView", "seeding_charts"]

MATRIX = 15


class CircleView:
    """A circle beside the people of the page.

    Parameters
    ----------
    part : CirclePart
    people : sequence of Person
        On the page; members among them lead to their evidence.
    """

    def __init__(self, part: CirclePart, people: Sequence[Person]) -> None:
        self.part = part
        self.ranks = {person.id: person.rank for person in people}
        self.names = {person.id: person.name for person in people}
        self.scale = Scale.of(
            Estimate(m.own, m.low, m.high, part.reach.level, part.reach.n, part.reach.method)
            for m in part.members
        )
        self.priced = any(member.price is not None for member in part.members)
        self.compared = part.members[:MATRIX]
        pairs = [
            part.share[i][j] for i in range(len(self.compared)) for j in range(len(self.compared)) if i != j
        ]
        self.apart = bool(pairs) and max(pairs) < 0.02


def seeding_charts(part: SeedingPart | CannotTell | None) -> dict[str, Chart]:
    """Return the charts of few or many, by name."""
    if not isinstance(part, SeedingPart):
        return {}
    names = {kind: kind_text(kind) for kind in KINDS}
    title = (
        T("For the same money, no kind of people is surely ahead")
        if isinstance(part.best, CannotTell)
        else verdict_text(part)
    )
    charts = {
        "seeding_reached": seeding.reached(
            [group.kind for group in part.groups],
            [group.people for group in part.groups],
            [group.extra for group in part.groups],
            [group.draws for group in part.groups],
            names=names,
            title=title,
        )
    }
    if part.sweep:
        flips = firm_flips(part)
        charts["seeding_prices"] = seeding.prices(
            [(group.kind, group.fixed, group.extra.value, group.mean_error) for group in part.sweep],
            [flip.price.value for flip in flips],
            names=names,
            title=T("The order turns with the price")
            if flips
            else T("No price was found at which the order surely turns"),
            unit=T(
                "people reached besides those paid, mean and its interval of 90%; "
                "prices in that of a follower"
            )
            if part.in_followers
            else T("people reached besides those paid, mean and its interval of 90%"),
            asked=part.fixed,
        )
    return charts
