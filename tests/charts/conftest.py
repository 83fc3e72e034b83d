"""Charts with the awkward cases: gaps, hidden audiences, too little data, long and foreign names."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from entregent import charts
from entregent.charts.spec import Chart
from entregent.i18n import T
from entregent.results import CannotTell, Estimate

NAMES = (
    "@mairie_de_saint_étienne",
    "@Élodie",
    "@bob",
    "@bob",
    "@محمد",
    "@cats 🐈",
    "@</script>",
    "@x1",
    "@nobody",
)


def estimates():
    told = [
        Estimate(value, value * 0.6, value * 1.7, 0.9, 10 + k, "test")
        for k, value in enumerate((90.0, 40.0, 11.0, 8.0, 5.0, 2.0, 0.9, 0.2))
    ]
    return [*told, CannotTell("heard.few", T("one post"), T("more posts"))]


@pytest.fixture
def samples() -> dict[str, Chart]:
    start = datetime(2021, 3, 20, 23, tzinfo=UTC)
    days = [start + timedelta(days=k) for k in range(30)]
    posts = [int(n) for n in np.random.default_rng(0).poisson(20, 30)]
    acts: list[int | None] = [7 * n for n in posts]
    posts[4] = 400
    known = [None if k in (10, 11) else n for k, n in enumerate(posts)]
    acts[10] = acts[11] = None
    acts[20] = 0
    found = {
        "volume": charts.volume(
            days,
            {"posts": known, "interactions": acts},
            end=days[-1] + timedelta(days=1),
            gaps=[(days[10], days[12])],
            source=T("two files"),
        ),
        "days": charts.volume(
            days, {"posts": known}, end=days[-1] + timedelta(days=1), origin=days[0] - timedelta(days=2)
        ),
        "languages": charts.languages(["fr", "en", None, "pt-BR", "ar"], [700, 200, 90, 6, 4]),
        "kinds": charts.kinds(["repost", "reply", "new_kind"], [30, 9, 1]),
        "heard": charts.heard(NAMES, estimates()),
    }
    both = charts.known_heard(NAMES, [100, 90_000, None, 40, 7_000, 0, 12, 5, 3], estimates())
    assert both is not None
    return {**found, "known-heard": both}
