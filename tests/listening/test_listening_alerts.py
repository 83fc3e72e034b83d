from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entregent.clock import Period
from entregent.errors import InputError
from entregent.i18n import Translator
from entregent.listening.alert_kernels import peaks_apart
from entregent.listening.alerts import SPREADS, QuietHours, Rule, alerts, back_test, surprise
from entregent.listening.causes import causes, same_event
from entregent.listening.query import parse
from entregent.listening.series import Series
from entregent.records import schema
from entregent.results import CannotTell, Estimate

START = datetime(2026, 1, 5, tzinfo=UTC)
SLOT = timedelta(minutes=10)
DAY = 144
HOURS = timedelta(hours=1)


def calm(seed: int, days: int, rate: float = 6.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    level = rate * np.exp(0.6 * np.sin(2 * np.pi * np.arange(days * DAY) / DAY))
    return rng.poisson(level * rng.gamma(5, 0.2, days * DAY)).astype(float)


def series(counts: np.ndarray) -> Series:
    return Series(START, SLOT, counts)


def test_a_calm_watch_keeps_its_budget() -> None:
    weeks = found = 0
    for seed in range(12):
        result = alerts(series(calm(seed, 7 * 16)), Rule(budget=2.0))
        late = [alert for alert in result.alerts if alert.raised >= result.settled]
        found += len(late)
        weeks += 16 - 8
    assert 0.8 * 2 * weeks < found < 1.2 * 2 * weeks


def test_one_event_gives_one_alert_that_says_what_was_seen() -> None:
    counts = calm(5, 30)
    counts[28 * DAY : 28 * DAY + 60] += 40
    result = alerts(series(counts), watch="grève")
    (alert,) = [a for a in result.alerts if a.raised >= START + timedelta(days=28)]
    assert alert.raised <= START + timedelta(days=28, hours=1)
    assert alert.until >= START + timedelta(days=28, hours=10)
    assert alert.raised - alert.since == 6 * HOURS
    first = round((alert.since - START) / SLOT)
    assert alert.seen == counts[first : first + 36].sum()
    assert isinstance(alert.expected, Estimate)
    assert alert.expected.high < alert.seen
    assert "grève" in Translator("fr").text(alert.text)
    assert isinstance(result.per_week, Estimate)
    assert result.per_week.value == pytest.approx(len(result.alerts) / ((30 - 1.3125) / 7))


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(2 * DAY, 12 * DAY))
def test_alerts_know_nothing_of_what_comes_later(seed: int, end: int) -> None:
    counts = calm(seed, 12, rate=1.0)
    counts[np.random.default_rng(seed).random(len(counts)) < 0.01] += 30
    moment = START + end * SLOT
    whole = [(a.id, a.raised, a.seen, a.height) for a in alerts(series(counts)).alerts if a.raised <= moment]
    assert whole == [(a.id, a.raised, a.seen, a.height) for a in alerts(series(counts[:end])).alerts]


def test_a_gap_is_neither_silence_nor_noise() -> None:
    whole = calm(7, 60)
    gapped = whole.copy()
    gapped[40 * DAY : 42 * DAY] = np.nan
    silent = whole.copy()
    silent[40 * DAY : 42 * DAY] = 0
    heights, _ = surprise(series(gapped), (6 * HOURS,))
    assert np.isnan(heights[40 * DAY : 42 * DAY]).all()
    assert np.isfinite(heights[42 * DAY + 36 :]).all()
    assert not [a for a in alerts(series(gapped)).alerts if 40 <= (a.raised - START).days < 42]
    # Taken for zero, the days of the gap would make those after it look loud.
    after = slice(42 * DAY + 36, 44 * DAY)
    zeros, _ = surprise(series(silent), (6 * HOURS,))
    full, _ = surprise(series(whole), (6 * HOURS,))
    assert np.abs(heights[after] - full[after]).max() < 0.8
    assert np.abs(zeros[after] - full[after]).max() > 0.8
    empty = alerts(series(np.full(20 * DAY, np.nan)))
    assert empty.alerts == ()
    assert isinstance(empty.per_week, CannotTell)


def test_a_short_past_says_so() -> None:
    counts = np.full(2 * DAY, 1.0)
    result = alerts(series(counts))
    assert result.ready == START + timedelta(hours=31.5)
    assert isinstance(result.per_week, CannotTell)
    assert result.per_week.code == "alert.too_short"


@given(st.lists(st.floats(0, 9), min_size=1, max_size=40, unique=True), st.integers(1, 9))
def test_peaks_are_the_highest_of_their_surroundings(values: list[float], apart: int) -> None:
    heights = np.array(values)
    found = peaks_apart(heights, np.arange(len(values)), apart)
    kept: list[int] = []
    for number in np.argsort(-heights):
        if all(abs(number - other) >= apart for other in kept):
            kept.append(int(number))
    assert found.tolist() == heights[kept].tolist()


@pytest.mark.parametrize("slot", [timedelta(hours=2), timedelta(minutes=7)])
def test_slots_that_do_not_fit_are_refused(slot: timedelta) -> None:
    with pytest.raises(InputError, match="do not fit"):
        alerts(Series(START, slot, np.zeros(500)), Rule(lengths=(HOURS,)))


@pytest.mark.parametrize(
    "bad",
    [
        {"budget": 0.0},
        {"budget": 8.0},
        {"lengths": ()},
        {"lengths": (2 * HOURS,)},
        {"history": timedelta(days=1)},
        {"apart": timedelta(0)},
    ],
)
def test_bad_rules_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(InputError):
        Rule(**bad)  # type: ignore[arg-type]


def test_several_lengths_together_find_short_and_long() -> None:
    counts = calm(9, 40, rate=20.0)
    counts[35 * DAY : 35 * DAY + 5] += 150
    counts[38 * DAY : 38 * DAY + 72] += 12
    found = alerts(series(counts), Rule(budget=0.5, lengths=tuple(SPREADS)))
    days = {(alert.raised - START).days for alert in found.alerts}
    assert {35, 38} <= days


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        ("2026-03-28T21:30", "2026-03-28T21:30"),
        ("2026-03-28T22:00", "2026-03-29T07:00"),
        ("2026-03-29T04:00", "2026-03-29T07:00"),
        ("2026-03-29T07:00", "2026-03-29T07:00"),
    ],
)
def test_quiet_hours_wait_for_the_morning_of_the_team(moment: str, told: str) -> None:
    paris = ZoneInfo("Europe/Paris")
    quiet = QuietHours(time(22), time(7), paris)
    at = datetime.fromisoformat(moment).replace(tzinfo=paris).astimezone(UTC)
    assert quiet.delivery(at) == datetime.fromisoformat(told).replace(tzinfo=paris)
    noon = QuietHours(time(12), time(14), UTC)
    assert noon.delivery(datetime(2026, 1, 1, 13, tzinfo=UTC)).hour == 14
    assert noon.delivery(datetime(2026, 1, 1, 11, tzinfo=UTC)).hour == 11


def posts_table(rows: list[dict[str, object]]) -> pa.Table:
    blank = dict.fromkeys(schema("posts").names)
    return pa.Table.from_pylist([{**blank, **row} for row in rows], schema("posts"))


def test_a_back_test_is_what_live_would_have_raised_and_says_what_is_behind() -> None:
    rng = np.random.default_rng(2)
    rows: list[dict[str, object]] = []
    for number in range(4000):
        moment = START + timedelta(minutes=float(rng.uniform(0, 20 * 1440)))
        text = "le train est là" if number % 2 else "rien de neuf"
        rows.append({"id": f"x:{number}", "account": f"x:u{number % 500}", "time": moment, "text": text})
    event = START + timedelta(days=18)
    for number in range(150):
        rows.append(
            {
                "id": f"x:e{number:03}",
                "account": f"x:v{number}",
                "time": event + timedelta(minutes=number),
                "text": "Train bloqué à Lyon #PanneLyon",
                "hashtags": ["PanneLyon"],
                "links": ["https://www.ex.org/panne?utm_source=x"],
                "parent": "x:e000" if number else None,
            }
        )
    table = posts_table(rows)
    period = Period(START, START + timedelta(days=20))
    query = parse("train")
    tested = back_test(query, table, period, slot=SLOT, watch="train")
    assert (tested.posts, tested.of) == (2150, 4150)
    assert tested.series.counts.sum() == 2150
    (alert,) = [a for a in tested.alerts.alerts if event <= a.raised < event + timedelta(hours=12)]
    found = causes(alert, table.filter(query.match_table(table)))
    assert [one.key for one in found.hashtags] == ["pannelyon"]
    assert [one.key for one in found.links] == ["https://ex.org/panne"]
    assert {"bloque", "lyon"} <= {one.key for one in found.words}
    assert found.first_posts[0] == "x:e000"
    assert found.starters[:2] == ("x:v0", "x:v1")
    assert found.carrying_posts == ("x:e000",)
    assert same_event(alert, alert, {"a", "b"}, {"b", "c", "d"})
    assert not same_event(alert, alert, {"a", "b"}, {"c"})


def test_mentions_of_companies(shared_data: Path) -> None:
    """Numenta's benchmark: what comes before and after the labelled windows is mostly calm."""
    folder = shared_data / "nab-realtweets"
    if not folder.is_dir():
        pytest.skip("nab-realtweets is not here")
    windows = json.loads((folder / "windows.json").read_text())
    hits = total = outside = 0
    for name, labelled in windows.items():
        rows = list(csv.reader((folder / name).read_text().splitlines()))[1:]
        start = datetime.fromisoformat(rows[0][0]).replace(tzinfo=UTC)
        counts = np.array([float(row[1]) for row in rows])
        raised = [alert.raised for alert in alerts(Series(start, timedelta(minutes=5), counts)).alerts]
        spans = [tuple(datetime.fromisoformat(end).replace(tzinfo=UTC) for end in w) for w in labelled]
        hits += sum(any(a <= moment <= b for moment in raised) for a, b in spans)
        total += len(spans)
        outside += sum(not any(a <= moment <= b for a, b in spans) for moment in raised)
    assert total == 19
    assert hits >= 17
    assert outside < 60
