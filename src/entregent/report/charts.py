"""The charts of the page, from the numbers of a study."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from entregent.charts.people import known_heard
from entregent.charts.shares import kinds, languages
from entregent.charts.spec import Chart
from entregent.charts.volume import volume
from entregent.report.groups_view import group_charts
from entregent.report.influence_view import seeding_charts
from entregent.report.model import Person, Study

__all__ = ["charts_of"]


def charts_of(study: Study, people: Sequence[Person], origin: datetime | None) -> dict[str, Chart]:
    """Return the charts that the numbers allow, by name.

    Parameters
    ----------
    study : Study
    people : sequence of Person
        Who is on the page.
    origin : datetime or None
        Start of day 1 where times are relative.

    Returns
    -------
    dict of str to Chart
        Of ``volume``, ``languages``, ``kinds``, ``known_heard``,
        ``seeding_reached``, ``seeding_prices`` and ``bursts_1``, ``bursts_2``...
        those that have something to show.
    """
    said = study.said
    charts: dict[str, Chart] = {}
    if said.slots:
        series = {
            "posts": [slot.posts for slot in said.slots],
            "interactions": [slot.interactions for slot in said.slots],
        }
        charts["volume"] = volume(
            [slot.start for slot in said.slots],
            {name: counts for name, counts in series.items() if any(counts)} or series,
            end=said.slots[-1].start + timedelta(seconds=said.slot_seconds),
            gaps=[(gap.start, gap.end) for gap in said.gaps],
            origin=origin,
        )
    if said.languages:
        charts["languages"] = languages(
            [share.key for share in said.languages], [share.count for share in said.languages]
        )
    if said.kinds:
        charts["kinds"] = kinds([share.key for share in said.kinds], [share.count for share in said.kinds])
    scatter = known_heard(
        [person.name or person.handle for person in people],
        [person.known.value for person in people],
        [person.heard for person in people],
    )
    if scatter is not None:
        charts["known_heard"] = scatter
    return {**charts, **seeding_charts(study.seeding), **group_charts(study.groups, origin)}
