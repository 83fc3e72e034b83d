"""Circles and few or many on the page: the numbers, what is not known, and what was left out."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from study_builder import MOVES, empty_study, study

from entregent.i18n import Translator
from entregent.report import influence_texts, pseudonymise
from entregent.report.data import study_data
from entregent.report.influence import CirclePart, SeedingPart
from entregent.report.page import render
from entregent.results import CannotTell


def _section(page: str, name: str) -> str:
    return page.split(f'<section id="{name}"', 1)[1].split("</section>", 1)[0]


def test_a_circle_shows_bounds_people_and_overlap() -> None:
    made = study(24)
    part = made.circle
    assert isinstance(part, CirclePart)
    text = _section(render(made, lang="en"), "circle")
    # 59.1 of 68.4 is 86.4 %: a lower bound is cut, never rounded up.
    assert "86%" in text
    assert "more than 68" in text
    assert "Chances are learned from who acted after whom" in text
    assert text.count('class="cell self"') == len(part.members)
    assert 'href="#p-' in text
    assert "2,500" in text
    assert "budget of 4,000" in text


def test_a_textbook_rule_is_said_before_its_numbers() -> None:
    made = study(24)
    assert isinstance(made.circle, CirclePart)
    reason = made.heard_check if isinstance(made.heard_check, CannotTell) else empty_study().people_reason
    assert isinstance(reason, CannotTell)
    moves = replace(MOVES, chances="weighted-cascade", not_learned=reason)
    text = _section(render(replace(made, circle=replace(made.circle, moves=moves)), lang="en"), "circle")
    assert text.index("textbook rule") < text.index('class="members"')
    assert str(reason.reason) in text.replace("&#39;", "'")


def test_few_or_many_shows_charts_flips_and_limits() -> None:
    text = _section(render(study(24), lang="en"), "seeding")
    assert "Cannot tell which kind reaches more." in text
    assert "Below a fixed price of 620 (410 to 900), more are reached by a circle" in text
    assert 'id="chart-seeding-reached"' in text
    assert 'id="chart-seeding-prices"' in text
    assert "not what it is worth" in text


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_what_cannot_be_told_and_what_was_left_out(lang: str) -> None:
    silent = render(empty_study(), lang=lang)
    told = Translator(lang)
    without = render(replace(study(12), circle=None, seeding=None), lang=lang)
    reason = empty_study().circle
    assert isinstance(reason, CannotTell)
    for name in ("circle", "seeding"):
        assert told.text(reason.needs) in _section(silent, name)
        assert f"--without {name}" in _section(without, name)


def test_only_flips_of_the_lead_are_told() -> None:
    part = study(24).seeding
    assert isinstance(part, SeedingPart)
    (flip,) = part.flips
    behind = replace(flip, cheaper="ordinary", dearer="random")
    vague = replace(flip, price=replace(flip.price, low=5.0, high=900.0))
    assert influence_texts.firm_flips(replace(part, flips=(flip, behind, vague))) == (flip,)


def test_nobody_of_a_circle_is_named_in_a_shared_study() -> None:
    made = study(24)
    assert isinstance(made.circle, CirclePart)
    page = render(pseudonymise(made, b"k" * 16), lang="en")
    for member in made.circle.members:
        assert member.handle not in _section(page, "circle")


def test_the_record_holds_them_in_short() -> None:
    record = json.loads(json.dumps(study_data(study(24), "en")))
    assert record["circle"]["lower"] == 59.1
    assert record["circle"]["moves"]["chances"] == "learned"
    assert record["seeding"]["best"] == {"cannot_tell": "seeding.overlap"}
    assert study_data(empty_study(), "en")["circle"] == {"cannot_tell": "heard.no_target"}
    assert study_data(replace(study(12), circle=None), "en")["circle"] is None
