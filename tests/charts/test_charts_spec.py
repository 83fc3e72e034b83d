"""What charts say, and that missing is never zero."""

import json
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from entregent import charts
from entregent.charts.spec import HATCH, Role, spec
from entregent.charts.theme import COLOURS, ROLES, SHAPES, THEMES, colour, locale
from entregent.errors import InputError
from entregent.i18n import Text, Translator
from entregent.results import CannotTell

EN = Translator("en", ZoneInfo("Europe/Paris"))


def nodes(node):
    yield node
    for child in node.values() if isinstance(node, dict) else node if isinstance(node, list | tuple) else ():
        yield from nodes(child)


@pytest.mark.parametrize("theme", THEMES)
def test_every_chart_is_plain_data_without_addresses(samples, theme):
    for chart in samples.values():
        drawn = spec(chart, EN, theme=theme)
        text = json.dumps(drawn, allow_nan=False)
        assert "http" not in text
        assert "$schema" not in text
        assert not [node for node in nodes(drawn) if isinstance(node, Text | Role)]
        colours = set(re.findall(r"var\(--([a-z]+)\)", text))
        assert colours <= set(ROLES)
        assert bool(colours) == (theme == "page")
        assert drawn["description"] == EN.text(chart.alt)


def test_missing_is_null_in_data_hatched_in_view_and_a_dash_in_the_table(samples):
    drawn = charts.page_spec(samples["volume"], EN)
    rows = drawn["datasets"]["main"]
    assert rows[10]["posts"] is None
    assert rows[20]["interactions"] == 0
    layers = [layer for panel in drawn["vconcat"] for layer in panel["layer"]]
    assert [layer["mark"]["fill"] for layer in layers].count(HATCH) == 2
    bars = [layer for layer in layers if layer["mark"]["fill"] == "var(--bar)"]
    assert [bar["transform"] for bar in bars] == [
        [{"filter": "isValid(datum.posts)"}],
        [{"filter": "isValid(datum.interactions)"}],
    ]
    table = charts.table(samples["volume"], EN)
    assert table.headers == ("from", "posts", "reposts, likes and shares")
    assert table.rows[10][1:] == ("\u2013", "\u2013")
    assert table.rows[20][2] == "0"
    assert table.numeric == (False, True, True)


def test_times_are_the_hands_of_the_readers_clock(samples):
    rows = charts.page_spec(samples["volume"], EN)["datasets"]["main"]
    # 20 March 23:00 UTC is midnight in Paris; a day later in summer time it is 01:00.
    assert rows[0]["start"] == datetime(2021, 3, 21, tzinfo=UTC).timestamp() * 1000
    assert rows[0]["start_text"] == "21 March 2021"
    assert rows[9]["start"] == datetime(2021, 3, 30, 1, tzinfo=UTC).timestamp() * 1000
    assert charts.page_spec(samples["volume"], Translator("en"))["datasets"]["main"][0]["start_text"] == (
        "20 March 2021"
    )


def test_without_a_calendar_times_are_days(samples):
    drawn = charts.page_spec(samples["days"], EN)
    assert drawn["datasets"]["main"][0]["start"] == 3.0
    assert charts.table(samples["days"], EN).rows[0][0] == "day 3"
    assert EN.text(samples["days"].title).startswith("Peak on day 7: 400 posts in one day, ")


def test_finding_of_volume_names_the_peak_in_the_readers_calendar(samples):
    assert EN.text(samples["volume"].title) == (
        "At most 196 reposts, likes and shares in one day, on 5 April 2021"
    )
    start = datetime(2024, 5, 1, 8, tzinfo=UTC)
    hours = [start + timedelta(hours=k) for k in range(4)]
    chart = charts.volume(hours, {"posts": [3, 4, 3, 3]}, end=hours[-1] + timedelta(hours=1))
    assert EN.text(chart.title) == "At most 4 posts in one hour, on 1 May 2024, 11:00"
    assert "hatched" not in EN.text(chart.unit)
    assert "hatched" in EN.text(samples["volume"].unit)


def test_volume_without_times_says_so():
    chart = charts.volume([], {"posts": []}, end=datetime(2024, 1, 1, tzinfo=UTC))
    assert EN.text(chart.title) == "No volume to draw: nothing here carries a time"
    assert charts.table(chart, EN).rows == ()
    json.dumps(charts.page_spec(chart, EN))


def test_shares_have_the_rest_and_the_unknown_last():
    chart = charts.languages(["fr", None, *(f"x{k}" for k in range(12))], [100, 50, *range(12, 0, -1)])
    rows = charts.table(chart, EN).rows
    assert [row[0] for row in rows][-2:] == ["other languages", "language not known"]
    assert len(rows) == 10
    assert sum(chart.data["count"].to_pylist()) == 228
    assert sum(chart.data["share"].to_pylist()) == pytest.approx(1)
    assert EN.text(chart.title) == "13 languages: the first one carries 56%"
    assert charts.table(charts.languages(["fr", "pt_BR"], [3, 1]), Translator("en")).rows == (
        ("French", "3", "75.0%"),
        ("Portuguese", "1", "25.0%"),
    )


def test_empty_shares_say_so():
    assert EN.text(charts.languages([], []).title) == "No language is known"
    assert EN.text(charts.languages([None], [3]).title) == "No language is known"
    assert EN.text(charts.kinds([], []).title) == "Nobody acted on what was said"
    assert EN.text(charts.languages(["fr"], [3]).title) == (
        "All posts whose language is known are in one language"
    )


def test_kinds_not_known_here_keep_their_code(samples):
    assert [row[0] for row in charts.table(samples["kinds"], EN).rows] == ["reposts", "replies", "new_kind"]
    assert EN.text(samples["kinds"].title) == "Mostly reposts: 75%"


def test_heard_keeps_the_order_the_interval_and_who_cannot_be_told(samples):
    rows = charts.page_spec(samples["heard"], EN)["datasets"]["main"]
    assert [row["row"] for row in rows] == list(range(9))
    assert rows[2]["name"] == rows[3]["name"]
    assert rows[0]["low"] < rows[0]["value"] < rows[0]["high"]
    assert rows[8]["value"] is None
    assert EN.text(samples["heard"].title) == (
        "@mairie_de_saint_étienne comes first, but the interval of 1 other reaches as high"
    )
    assert charts.table(samples["heard"], EN).rows[8] == ("@nobody", *["\u2013"] * 4)


def test_known_beside_heard_keeps_hidden_audiences_apart(samples):
    chart = samples["known-heard"]
    rows = charts.page_spec(chart, EN)["datasets"]["main"]
    assert len(rows) == 8
    hidden = [row for row in rows if row["known"] is None]
    assert [row["name"] for row in hidden] == ["@bob"]
    assert hidden[0]["at"] < min(row["at"] for row in rows if row["known"] is not None)
    assert any(row["known"] == 0 for row in rows)
    assert EN.text(chart.title) == "Of the 3 people most heard, 2 are among the 3 best known"
    assert "not known" in json.dumps(charts.page_spec(chart, EN))
    few = [CannotTell("x", chart.title, chart.title)] * 9
    assert charts.known_heard(["a"] * 9, [1] * 9, few) is None


def test_three_columns_have_their_own_colour_and_shape(samples):
    assert len(set(SHAPES.values())) == 3
    for name in ("volume", "languages", "kinds"):
        text = json.dumps(charts.page_spec(samples[name], EN))
        assert not re.search(r"--(known|heard|effective|alert)\)", text)
    assert '"square"' in json.dumps(charts.page_spec(samples["heard"], EN))
    assert not re.search(r"--(known|effective|alert)\)", json.dumps(charts.page_spec(samples["heard"], EN)))


def luminance(value):
    parts = [int(value[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_stand_out_from_the_paper(theme):
    # WCAG 2.2, 1.4.3: 4.5 for text; 1.4.11: 3 for graphics.
    def contrast(role):
        pair = sorted((luminance(colour(role, theme)), luminance(colour("paper", theme))))
        return (pair[1] + 0.05) / (pair[0] + 0.05)

    for role in ("ink", "muted", "known", "heard", "effective", "alert"):
        assert contrast(role) >= 4.5, role
    assert contrast("bar") >= 3
    assert set(COLOURS[theme]) == set(ROLES)


def test_notation_follows_the_language():
    french = locale("fr")
    assert (french["number"]["decimal"], french["number"]["thousands"]) == (",", "\u202f")
    for lang in ("fr", "en"):
        times = locale(lang)["time"]
        assert [len(times[name]) for name in ("days", "shortDays", "months", "shortMonths")] == [7, 7, 12, 12]
    assert charts.language_name("zz", "fr") == "zz"


def test_wrong_lengths_and_series_stop():
    day = datetime(2024, 1, 1, tzinfo=UTC)
    with pytest.raises(InputError, match="no series 'clicks'"):
        charts.volume([day], {"clicks": [1]}, end=day)
    with pytest.raises(InputError, match="2 values for 1 slots"):
        charts.volume([day], {"posts": [1, 2]}, end=day)
    with pytest.raises(InputError):
        charts.heard(["a"], [])
    with pytest.raises(InputError):
        charts.known_heard(["a"], [], [])
    with pytest.raises(InputError):
        charts.bars(
            "b",
            samples_column := charts.Column("k", Text("k"), "text"),
            ["a"],
            [],
            title=samples_column.header,
            alt=samples_column.header,
            unit=samples_column.header,
        )
