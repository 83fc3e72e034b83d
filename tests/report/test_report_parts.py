from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from study_builder import empty_study, study

from entregent.errors import InputError
from entregent.i18n import Translator
from entregent.report.facts import stand_out
from entregent.report.glyph import Scale, interval_glyph, open_glyph
from entregent.report.labels import kind_label
from entregent.report.model import Gap, NetworkPicture, Study
from entregent.report.picture import HEIGHT, WIDTH, drawing
from entregent.report.pseudonyms import pseudonym, pseudonymise
from entregent.report.reader import Reader
from entregent.results import Estimate

KEY = bytes(range(32))
POSITIVE = st.floats(1e-6, 1e9)


@pytest.fixture(scope="module")
def rich() -> Study:
    return study()


@pytest.fixture(scope="module")
def empty() -> Study:
    return empty_study()


@given(st.lists(POSITIVE, min_size=1, max_size=20), POSITIVE, POSITIVE)
def test_scale_keeps_order_and_stays_inside(values: list[float], one: float, two: float) -> None:
    scale = Scale.of(Estimate(value, value / 2, value * 2, 0.9, 3, "m") for value in values)
    low, high = sorted((one, two))
    assert 0 <= scale.place(low) <= scale.place(high) <= 1
    ticks = scale.ticks()
    assert ticks[0] == 0
    places = [scale.place(tick) for tick in ticks]
    assert all(b - a >= 0.18 for a, b in pairwise(places))


def test_scale_of_nothing_works() -> None:
    assert Scale.of([]).place(0.5) > 0
    assert Scale.of([Estimate(0, 0, 0, 0.9, 1, "m")]).place(0) == 0


def test_even_scale_is_even() -> None:
    assert Scale.even().place(0.25) == pytest.approx(0.25, abs=1e-4)
    assert Scale.even(0.5).place(0.75) == pytest.approx(0.5, abs=1e-4)


def test_glyph_places_interval_around_tick() -> None:
    glyph = str(interval_glyph(0.2, 0.5, 0.8, Scale.even()))
    low, tick, high = (float(number) for number in re.findall(r"--\w:([\d.]+)%", glyph))
    assert low < tick < high
    assert "--t" not in str(open_glyph())


def test_picture_keeps_dots_in_the_frame(rich: Study) -> None:
    assert isinstance(rich.network, NetworkPicture)
    dots, arcs = drawing(rich.network, {rich.people[0].id: 1}, {0: 1, 1: 2})
    assert len(dots) == len(rich.network.nodes)
    assert all(0 <= dot.x <= WIDTH and 0 <= dot.y <= HEIGHT for dot in dots)
    assert len(arcs) == len(rich.network.arcs)
    assert [dot.rank for dot in dots].count(1) == 1
    assert {dot.colour for dot in dots} == {1, 2, 9}


def test_picture_without_nodes_or_weight(rich: Study) -> None:
    assert isinstance(rich.network, NetworkPicture)
    assert drawing(replace(rich.network, nodes=(), arcs=()), {}, {}) == ((), ())
    nodes = tuple(replace(node, listeners=0) for node in rich.network.nodes[:2])
    dots, arcs = drawing(replace(rich.network, nodes=nodes, arcs=((0, 1, 0.0),)), {}, {})
    assert len(dots) == 2
    assert len(arcs) == 1


def test_facts_come_from_the_numbers(rich: Study) -> None:
    told = [str(fact) for fact in stand_out(rich)]
    assert (
        told[0] == f"{rich.said.posts:,} posts and {rich.said.interactions:,} interactions by 1,873 accounts."
    )
    assert any("14 April 2024" in fact for fact in told)
    assert any("262 of 297 people" in fact for fact in told)
    assert any("2 gaps" in fact for fact in told)


def test_facts_of_nothing_are_none(empty: Study) -> None:
    assert stand_out(empty) == ()


def test_unsettled_first_place_is_said(rich: Study) -> None:
    def first(chance: float) -> str:
        people = (replace(rich.people[0], ahead_of_next=chance), *rich.people[1:])
        return " ".join(str(fact) for fact in stand_out(replace(rich, people=people)))

    assert "not settled" in first(0.62)
    assert "not settled" not in first(0.97)
    assert "100%" not in first(1.0)


def test_short_gap_is_told_in_hours(rich: Study) -> None:
    start = rich.said.slots[0].start
    said = replace(rich.said, gaps=(Gap(start, start + timedelta(hours=9)),))
    assert any("1 gap, 9 hours" in str(fact) for fact in stand_out(replace(rich, said=said)))


def test_language_of_facts_is_the_readers(rich: Study) -> None:
    told = " ".join(Reader("fr").text(fact) for fact in stand_out(rich))
    assert "français (65\u00a0%)" in told


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_kinds_have_words(lang: str) -> None:
    told = Translator(lang)
    for kind in ("repost", "quote", "reply", "mention", "like", "follow", "share", None):
        assert re.match(r"\d", told.text(kind_label(kind, 2)))
    assert "dance" in told.text(kind_label("dance", 2))


def test_pseudonyms_depend_on_the_key_and_only_on_the_account() -> None:
    assert pseudonym("a", KEY) == pseudonym("a", KEY)
    assert pseudonym("a", KEY) != pseudonym("b", KEY)
    assert pseudonym("a", KEY) != pseudonym("a", KEY[::-1])
    assert re.fullmatch(r"p-[a-z2-7]{8}", pseudonym("é" * 100, KEY))


def test_short_key_is_refused() -> None:
    with pytest.raises(InputError, match="16 bytes"):
        pseudonym("a", b"short")


def test_tables_lose_texts_and_keep_links_between_rows(rich: Study) -> None:
    tables = pseudonymise(rich, KEY).tables
    people, posts = tables["people"], tables["posts"]
    assert people.column_names == ["account", "handle", "known", "network"]
    assert people["account"].to_pylist() == people["handle"].to_pylist()
    assert posts.column_names == ["post", "account", "time", "hashtags", "lang"]
    assert posts["account"][0] == people["account"][0]
    assert people["known"].equals(rich.tables["people"]["known"])


def test_unknown_text_columns_are_dropped(rich: Study) -> None:
    table = pa.table(
        {"note": ["Léa"], "n": [1], "speakers": pa.array([["Léa"]]), "member": pa.array([["x", None]])}
    )
    got = pseudonymise(replace(rich, tables={"t": table}), KEY).tables["t"]
    assert got.column_names == ["n", "member"]
    assert got["member"].to_pylist() == [[pseudonym("x", KEY), None]]


def test_one_account_has_one_pseudonym_everywhere(rich: Study) -> None:
    hidden = pseudonymise(rich, KEY)
    assert hidden.overlap.handles[0] == hidden.people[0].handle
    assert hidden.said.top_speakers[0].handle == hidden.people[0].handle
    by_id = {node.id: node.handle for node in hidden.network.nodes}
    assert by_id[hidden.people[0].id] == hidden.people[0].handle
