"""Groups on the page: evidence beside chance, innocent reasons, nothing that names anybody when shared."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from study_builder import START, study

from entregent.authenticity.groups import EXPLANATIONS, DeclaredControl, ShuffledControl, Signal
from entregent.i18n import T
from entregent.report.data import study_data
from entregent.report.groups import Burst, GroupAct, GroupMember, GroupsPart, GroupTie, SeenGroup
from entregent.report.page import render
from entregent.report.pseudonyms import pseudonymise
from entregent.results import CannotTell, Estimate

KEY = b"0123456789abcdef"
VERDICTS = re.compile(r"\bbots?\b|\bfraud|\bcheat|\bguilty|\btrich|\bfraude|\bcoupable", re.IGNORECASE)


def group(tie: str | None = None) -> SeenGroup:
    names = ("ann", "bob", "cleo")
    return SeenGroup(
        window=60.0,
        members=tuple(GroupMember(f"x:{name}", f"@{name}", tie) for name in names),
        ties=(GroupTie(0, 1, 5), GroupTie(0, 2, 3), GroupTie(1, 2, 4)),
        bursts=tuple(
            Burst(f"repost:x:{n}", f"a text <{n}>", "javascript:alert(1)", START + timedelta(hours=n), 2, 0.2)
            for n in range(15)
        ),
        acts=tuple(
            GroupAct(f"x:{name}", f"repost:x:{n}", START + timedelta(hours=n))
            for n in range(15)
            for name in names
        ),
        observed=30,
        expected=Estimate(3.0, 1.0, 6.0, 0.9, 100, "draws"),
        times_chance=Estimate(9.0, 4.0, 20.0, 0.9, 15, "unseen halves"),
        q=0.004,
        confirmed=8,
        splits=10,
        signals=(Signal("time", 15, Estimate(9.0, 4.0, 20.0, 0.9, 15, "unseen halves")),),
        grade="to look at",
        lacks=(T("A second family of signals, as near copies of text."),),
        explanations=EXPLANATIONS,
    )


def part(*groups: SeenGroup) -> GroupsPart:
    return GroupsPart(
        windows=(60.0,),
        groups=groups,
        tried=4,
        silent=((600.0, CannotTell("groups.few_objects", T("Too few."), T("More."))),),
        shuffled=((60.0, ShuffledControl(5, 0, 0)),),
        declared=DeclaredControl(3, 3, 3, 0),
        acts=1000,
        accounts=100,
        objects=50,
    )


def section(html: str) -> str:
    return html.split('<section id="groups"')[1].split("</section>")[0]


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_a_group_is_shown_with_chance_and_reasons_and_no_verdict(lang: str) -> None:
    html = section(render(replace(study(12), groups=part(group())), lang=lang))
    assert not VERDICTS.search(html)
    assert html.count("<circle") == 3
    assert html.count("<line") == 3
    assert html.count("chart-bursts-1") == 1
    assert "javascript:" not in html
    assert "a text &lt;3&gt;" in html
    for each in EXPLANATIONS:
        assert each.text.msgid.split(":")[0] in html or lang == "fr"
    assert ("the times of all" in html) is (lang == "en")


def test_who_declared_a_tie_is_called_declared() -> None:
    html = section(render(replace(study(12), groups=part(group("employee"))), lang="en"))
    assert '<span class="tag">declared</span>' in html
    assert "employee" in html


@pytest.mark.parametrize(
    ("groups", "told"),
    [
        (None, "--without groups"),
        (CannotTell("groups.few_accounts", T("Fewer than three."), T("More accounts.")), "Fewer than three."),
        (part(), "No group of accounts acts together"),
    ],
    ids=["left out", "cannot tell", "none found"],
)
def test_where_there_is_none_the_page_says_why(groups, told: str) -> None:
    assert told in section(render(replace(study(12), groups=groups), lang="en"))


def test_a_shared_study_names_nobody_of_a_group() -> None:
    shared = pseudonymise(replace(study(12), groups=part(group("Maison Dupont"))), KEY)
    html = section(render(shared, lang="en"))
    for word in ("ann", "bob", "cleo", "Dupont", "a text", "x:3"):
        assert not re.search(rf"\b{re.escape(word)}\b", html), word
    assert html.count('<span class="tag">declared</span>') == 1


def test_the_record_counts_and_lists_nobody() -> None:
    told = study_data(replace(study(12), groups=part(group())), "en")["groups"]
    assert (told["groups"], told["tried"], told["shuffled"][0]["with_groups"]) == (1, 4, 0)
    assert "x:" not in json.dumps(told)


def test_an_effect_is_told_without_the_acts_of_groups_too() -> None:
    made = study(12)
    place = next(n for n, person in enumerate(made.people) if person.effect and person.effect.posts)
    person = made.people[place]
    without = Estimate(7.04, 2.0, 11.0, 0.9, 40, "removal")
    told = replace(person, effect=replace(person.effect, without_groups=without))
    people = (*made.people[:place], told, *made.people[place + 1 :])
    html = render(replace(made, people=people), lang="en")
    assert html.count("Without the acts of groups that act together: 7 (2 to 11).") == 1
    assert "Without the acts of groups" not in render(made, lang="en")
