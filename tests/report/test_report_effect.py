"""The effective column and the effect of a person on the page: numbers, checks, evidence, silence."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from study_builder import study

from entregent.i18n import T, Translator
from entregent.report import pseudonymise
from entregent.report.data import study_data
from entregent.report.effect import EffectPart
from entregent.report.effect_texts import (
    design_text,
    direct_text,
    effect_text,
    fallbacks,
    placebo_text,
    sensitivity_text,
)
from entregent.report.model import Person
from entregent.report.page import render
from entregent.results import CannotTell, Estimate


def _by_account(number: int) -> Person:
    return next(person for person in study(46).people if person.id.endswith(f"{number:04d}"))


def _part(number: int) -> EffectPart:
    part = _by_account(number).effect
    assert part is not None
    return part


def _row(page: str, person: Person) -> str:
    return page.split(f'<tr role="row" data-rank="{person.rank}"')[1].split("</tr>")[0]


def _drawer(page: str, person: Person) -> str:
    return page.split(f'id="p-{person.rank}"')[1].split("</section>")[0]


def test_the_column_holds_the_number_its_placebo_and_the_lower_end() -> None:
    page, person = render(study(46), lang="en"), _by_account(0)
    assert isinstance(person.effective, Estimate)
    row = _row(page, person)
    assert f'data-effective="{person.effective.low:.9g}"' in row
    assert "placebo 0.4" in row
    assert "≠ 0" not in row
    assert "≠ 0" in _row(page, _by_account(2))
    assert 'data-key="effective"><button' in page


def test_what_cannot_be_told_says_what_is_missing_and_sorts_last() -> None:
    page, person = render(study(46), lang="en"), _by_account(3)
    row = _row(page, person)
    assert 'data-effective=""' in row
    assert "There is one item. Four more items." in row
    assert all(str(way).replace("'", "&#39;") in page for way in fallbacks())


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_the_drawer_shows_checks_posts_and_people(lang: str) -> None:
    told, person = Translator(lang), _by_account(0)
    drawer = _drawer(render(study(46), lang=lang), person).replace("&#39;", "'")
    part = _part(0)
    for text in (effect_text(part), direct_text(part), design_text(part), placebo_text(part)):
        assert text is not None
        assert told.text(text) in drawer
    for one in part.moved:
        assert one.handle in drawer
    assert ("transmis" if lang == "fr" else "passed on") in drawer


def test_an_interval_that_holds_0_and_a_check_that_disagrees_are_said() -> None:
    assert "an effect is not shown" in str(effect_text(_part(1)))
    assert "an effect is not shown" not in str(effect_text(_part(0)))
    assert "disagrees" in str(design_text(_part(5)))
    assert "cannot be made" in str(design_text(_part(8)))
    assert sensitivity_text(_part(8)) is None
    assert "reaches 0 already" in str(sensitivity_text(_part(0)))
    endless = replace(_part(1), sensitivity=float("inf"), sensitivity_low=2.0)
    assert "2 times" in str(sensitivity_text(endless))
    assert "not fair" in str(placebo_text(_part(2)))
    near = replace(_part(2), placebo=Estimate(-0.9, -2.7, -0.001, 0.9, 40, "design"))
    assert "-0.9 (-2.7 to 0)" in str(placebo_text(near))


def test_a_silent_part_says_the_same_everywhere() -> None:
    why = CannotTell("effect.no_act", T("No act."), T("An act."))
    part = EffectPart.silent("x:1", "a", why)
    assert part.total is part.direct is part.design is part.placebo is why
    assert str(effect_text(part)) == "Cannot tell. No act. An act."
    assert direct_text(part) is placebo_text(part) is None


def test_nobody_moved_is_named_in_a_shared_study() -> None:
    made = study(46)
    shared = pseudonymise(made, b"k" * 16)
    page, person = render(shared, lang="en"), _by_account(0)
    drawer = _drawer(page, next(p for p in shared.people if p.rank == person.rank))
    part = _part(0)
    for one in (*part.moved, part):
        assert one.id not in drawer
        assert one.handle not in drawer
    assert all(
        post.id not in drawer and (post.text is None or post.text not in drawer) for post in part.posts
    )
    assert "text left out" in drawer


def test_the_record_counts_those_told() -> None:
    record = json.loads(json.dumps(study_data(study(46), "en")))["effect"]
    assert record == {
        "asked": 30,
        "told": 23,
        "shown": 7,
        "exposure": "follows",
        "cannot_tell": {"effect.too_few_items": 7},
    }
    bare = replace(study(12), people=tuple(replace(person, effect=None) for person in study(12).people))
    assert study_data(bare, "en")["effect"] is None
