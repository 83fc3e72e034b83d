from __future__ import annotations

from datetime import date, datetime

import pytest

from entregent.errors import ConfigError
from entregent.world import Burst, WorldSettings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("people", 3),
        ("people", 100.0),
        ("people", True),
        ("days", 0),
        ("seed", -1),
        ("french", 1.2),
        ("topics", 13),
        ("homophily", -0.1),
        ("homophily", float("nan")),
        ("influence", "strong"),
        ("camouflage", 1.0),
        ("influence_audience", -1.5),
        ("start", "2025-01-01"),
        ("start", date(2001, 1, 1)),
        ("start", datetime(2025, 1, 1)),  # noqa: DTZ001
        ("group_size", 1),
    ],
)
def test_a_bad_dial_names_itself_its_value_and_what_is_valid(name: str, value: object) -> None:
    with pytest.raises(ConfigError) as caught:
        WorldSettings(**{name: value})  # type: ignore[arg-type]
    assert name in str(caught.value)
    assert caught.value.valid


def test_more_special_people_than_half_is_refused() -> None:
    with pytest.raises(ConfigError, match="more than half of 60"):
        WorldSettings(people=60, fast_fans=40)


@pytest.mark.parametrize(
    "burst", [Burst(99.0, "outage"), Burst(1.0, "party"), Burst(1.0, "launch", hours=0.0)]
)
def test_a_bad_burst_is_refused(burst: Burst) -> None:
    with pytest.raises(ConfigError):
        WorldSettings(days=30, bursts=(burst,))


def test_the_gap_lies_in_the_period_and_can_be_closed() -> None:
    settings = WorldSettings(days=10, gap_hours=500.0)
    assert settings.gap is not None
    assert settings.starts_at < settings.gap[0] < settings.gap[1] == settings.ends_at
    assert WorldSettings(gap_hours=0.0).gap is None


def test_settings_are_plain_data_for_the_manifest() -> None:
    values = WorldSettings().as_json()
    assert values["start"] == "2025-03-03"
    assert {burst["kind"] for burst in values["bursts"]} == {"launch", "outage"}
