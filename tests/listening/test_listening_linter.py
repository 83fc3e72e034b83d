from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entregent.errors import QueryError
from entregent.i18n import Translator
from entregent.listening.linter import lint
from entregent.listening.query import parse


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("grève SNCF", []),
        ("(a OR b) c", []),
        ("sncf OR ratp grève", ["query.unbalanced_or"]),
        ("sncf grève OR ratp", ["query.unbalanced_or"]),
        ("(sncf OR ratp) grève", []),
        ("sncf et ratp", ["query.small_operator"]),
        ("sncf NEAR ratp", ["query.near_without_number"]),
        ("le OR sncf", ["query.common_term"]),
        ("le sncf", []),
        ('"le train" OR sncf', []),
        ("gr* OR sncf", ["query.common_term"]),
        ("NOT sncf", ["query.always_true"]),
        ("ratp OR NOT sncf", ["query.always_true"]),
        ("ratp NOT (sncf OR tram)", []),
        ('"gare du nord" NOT nord', ["query.never_true"]),
        ("NOT nord ET gare ET nord", ["query.never_true"]),
        ("gare NOT nord", []),
        ("gare OR GARÉ", ["query.twice"]),
        ("sncf is:repost", ["query.reposts"]),
    ],
)
def test_advice(query: str, codes: list[str]) -> None:
    assert [advice.code for advice in lint(parse(query))] == codes


def test_a_measured_share_says_what_is_common() -> None:
    shares = {"sncf": 0.4, "greve": 0.001}
    assert [advice.start for advice in lint(parse("grève OR SNCF"), shares)] == [9]
    assert lint(parse("grève SNCF"), shares) == ()


@pytest.mark.parametrize("query", ["sncf ou ratp", "sncf NEAR ratp"])
def test_a_fix_is_a_query_without_that_advice(query: str) -> None:
    (advice,) = lint(parse(query))
    assert query[advice.start : advice.end] in ("ou", "NEAR")
    assert lint(parse(advice.fix)) == ()
    assert Translator("fr").text(advice.text) != Translator("en").text(advice.text)


@given(
    st.lists(st.sampled_from(["a", "b*", '"a b"', "(", ")", "OR", "NOT", "AND", "lang:fr", "ou"]), max_size=9)
)
def test_advice_stands_in_the_query(words: list[str]) -> None:
    typed = " ".join(words)
    try:
        query = parse(typed)
    except QueryError:
        return
    for advice in lint(query):
        assert 0 <= advice.start < advice.end <= len(typed)
