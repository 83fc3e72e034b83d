"""Texts are rendered where somebody reads, by the rules of the reader's language."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entregent.clock import zone
from entregent.errors import InputError
from entregent.i18n import LANGUAGES, N, T, Text, Translator

EN = Translator("en", zone("America/Montreal"))


def test_a_text_renders_in_english_by_itself() -> None:
    assert str(T("{n} posts of {name}", n=12345, name="Zoé")) == "12,345 posts of Zoé"


def test_plural_follows_the_count() -> None:
    assert [str(N("{n} post", "{n} posts", n)) for n in (0, 1, 2, 1000)] == [
        "0 posts",
        "1 post",
        "2 posts",
        "1,000 posts",
    ]


def test_a_text_in_a_text_is_rendered_too() -> None:
    assert str(T("see: {inner}", inner=T("{n} posts", n=2))) == "see: 2 posts"


def test_braces_in_a_parameter_are_data() -> None:
    assert str(T("name: {name}", name="{0.__class__} {x}")) == "name: {0.__class__} {x}"


def test_an_unknown_language_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="Valid: fr, en"):
        Translator("de")


def test_equal_texts_have_one_key_and_counts_do_not_matter() -> None:
    assert N("{n} post", "{n} posts", 1).key() == N("{n} post", "{n} posts", 9).key()
    assert T("{a}", a=1).key() != T("{a}", a=2).key()
    assert T("a").key() != T("b").key()


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (1234567, None, "1,234,567"),
        (0.126, None, "0.13"),
        (2.0, None, "2"),
        (2.5, 0, "2"),
        (-3.14159, 3, "-3.142"),
    ],
)
def test_numbers(value: float, digits: int | None, shown: str) -> None:
    assert EN.number(value, digits) == shown


def test_french_numbers_have_a_comma_and_narrow_spaces() -> None:
    pytest.importorskip("babel")
    from babel.numbers import format_decimal

    assert format_decimal(1234.5, locale="fr_FR") == "1\u202f234,5"


def test_percentages() -> None:
    assert (EN.percent(0.256), EN.percent(0.256, 1), EN.percent(1)) == ("26%", "25.6%", "100%")


def test_dates_are_in_the_zone_of_the_reader() -> None:
    moment = datetime(2024, 5, 1, 2, 0, tzinfo=UTC)
    assert EN.day(moment) == "30 April 2024"
    assert EN.day(date(2024, 5, 1)) == "1 May 2024"
    assert EN.moment(moment) == "30 Apr 2024, 22:00"


@given(st.text(max_size=30))
def test_any_parameter_can_be_shown(name: str) -> None:
    assert Translator("en").text(Text("<{name}>", {"name": name})) == f"<{name}>"


def test_french_is_a_language() -> None:
    assert LANGUAGES == ("fr", "en")
