from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entregent.text.language import detect


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Le train est encore en retard ce matin, merci la compagnie", "fr"),
        ("The train is late again this morning, thanks a lot", "en"),
        ("Der Zug hat heute Morgen schon wieder Verspätung", "de"),
        ("El tren llega tarde otra vez esta mañana", "es"),
        ("今日はとても暑いですね", "ja"),
        ("RT @bob: Le train est encore en retard ce matin https://t.co/thisisenglish #TheTrainIsLate", "fr"),
    ],
)
def test_known_languages(text: str, code: str) -> None:
    assert detect([text]) == [code]


@pytest.mark.parametrize(
    "text", [None, "", "ok", "@sncf @ratp #greve", "https://ex.org/le/train", "😡😡😡", "12 345", "oui oui"]
)
def test_too_little_to_tell(text: str | None) -> None:
    assert detect([text]) == [None]


@given(st.lists(st.none() | st.text(max_size=80), max_size=6))
def test_one_answer_a_text(texts: list[str | None]) -> None:
    found = detect(texts)
    assert len(found) == len(texts)
    assert all(code is None or len(code) == 2 for code in found)
    assert detect(texts) == found


def test_a_word_of_a_million_letters_comes_to_an_end() -> None:
    assert detect(["x" * 1_000_000, "@" * 1_000_000, "Ecrire a moi@ex.org" + "@" * 300_000]) == [None] * 3
