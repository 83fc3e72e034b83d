"""Moments, zones and half-open periods."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entregent import clock
from entregent.clock import EPOCH, Period, from_micros, parse_moment, to_micros, zone
from entregent.errors import InputError

moments = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5)), zone("Europe/Paris")]))


def test_now_is_aware_and_utc() -> None:
    assert clock.now().tzinfo is UTC


@given(moments)
def test_micros_there_and_back(moment: datetime) -> None:
    # Compared in UTC: Python holds times of a repeated hour in two zones for unequal.
    assert from_micros(to_micros(moment)) == moment.astimezone(UTC)


@given(st.integers(-(2**52), 2**52))
def test_micros_are_exact(micros: int) -> None:
    assert to_micros(from_micros(micros)) == micros


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        to_micros(datetime(2024, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="naive"):
        Period(start=datetime(2024, 1, 1))  # noqa: DTZ001


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", "/etc/localtime"])
def test_an_unknown_zone_shows_examples(name: str) -> None:
    with pytest.raises(InputError, match="Europe/Paris"):
        zone(name)


@pytest.mark.parametrize(
    ("text", "end", "expected"),
    [
        ("2024-05-01", False, "2024-04-30T22:00:00+00:00"),
        ("2024-05-01", True, "2024-05-01T22:00:00+00:00"),
        ("2024-03-31", True, "2024-03-31T22:00:00+00:00"),
        ("2024-05-01T14:30", False, "2024-05-01T12:30:00+00:00"),
        ("2024-05-01T14:30", True, "2024-05-01T12:30:00+00:00"),
        ("2024-05-01T14:30+09:00", False, "2024-05-01T05:30:00+00:00"),
        ("2024-05-01T14:30Z", False, "2024-05-01T14:30:00+00:00"),
    ],
)
def test_dates_as_people_type_them(text: str, end: bool, expected: str) -> None:
    assert parse_moment(text, zone("Europe/Paris"), end=end).isoformat() == expected


@given(st.dates(date(1970, 1, 1), date(2100, 1, 1)))
def test_a_day_until_itself_is_one_day(day: date) -> None:
    text = day.isoformat()
    assert parse_moment(text, end=True) - parse_moment(text) == timedelta(days=1)


@pytest.mark.parametrize("text", ["01/05/2024", "yesterday", "", "2024-13-01", "9999-12-31"])
def test_what_is_no_date_shows_examples(text: str) -> None:
    with pytest.raises(InputError, match="2024-05-01T14:30"):
        parse_moment(text, end=True)


@given(moments, moments, moments)
def test_a_period_is_half_open(one: datetime, two: datetime, moment: datetime) -> None:
    start, end = sorted((one, two))
    if start == end:
        with pytest.raises(InputError, match="ends"):
            Period(start, end)
        return
    period = Period(start, end)
    assert start in period
    assert end not in period
    assert (moment in period) == (start <= moment < end)


def test_an_open_period_holds_everything() -> None:
    assert EPOCH in Period()
    assert EPOCH in Period(end=EPOCH + timedelta(seconds=1))
    assert EPOCH not in Period(start=EPOCH + timedelta(seconds=1))
