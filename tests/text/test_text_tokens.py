from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entregent.text.folding import unaccent
from entregent.text.tokens import scan, streams, tokens

WORDS = [
    "L’été",
    "aujourd'hui",
    "c'est",
    "1,5",
    "10h30",
    "東京",
    "СлаваТруду",
    "(x)",
    "x_y",
    "e\u0301te\u0301",
    "ΟΔΟΣ",
]
TAGS = ["#GrèveSNCF", "#été_2024", "#СлаваТруду", "l'#été", "@a.b", "@u@m.social", "a@b.fr", "👍🏽", "🇫🇷🇧🇪"]
LINKS = ["https://www.ex.org/É?utm_x=1#y", "www.a.fr", "https://a.b/l'x#été"]
PIECES = st.sampled_from([*WORDS, *TAGS, *LINKS, "'", "’", "#", "@", "\n", "\x00"])
TEXTS = st.lists(PIECES | st.text(max_size=6), max_size=12).map(" ".join) | st.text(max_size=60)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("L’été aujourd'hui", ["l'", "ete", "aujourd'hui"]),
        ("#GrèveSNCF", ["#grevesncf", "greve", "sncf"]),
        (
            "#SNCFGrève #été_2024 #JO2024",
            ["#sncfgreve", "sncf", "greve", "#ete_2024", "ete", "2024", "#jo2024", "jo", "2024"],
        ),
        ("#СлаваТруду", ["#славатруду", "слава", "труду"]),
        ("#2024 n°1", ["2024", "n", "1"]),
        ("@Marie.bsky.social @u@mastodon.social.", ["@marie.bsky.social", "@u@mastodon.social"]),
        ("👍🏽🇫🇷🇧🇪 👨‍👩‍👧❤️", ["👍🏽", "🇫🇷", "🇧🇪", "👨‍👩‍👧", "❤"]),
        ("(https://www.Ex.org/A_(b)?utm_source=x#f),", ["https://ex.org/A_(b)"]),
        ("1,5 et 3.14 à 10h30", ["1,5", "et", "3.14", "a", "10h30"]),
        ("écrire à a.b@c.fr", ["ecrire", "a", "a.b@c.fr"]),
        ("東京タ", ["東", "京", "タ"]),
        ("peut-être 'cité' don't", ["peut", "etre", "cite", "don't"]),
        ("", []),
        ("… !? #", []),
    ],
)
def test_known_tokens(text: str, found: list[str]) -> None:
    assert tokens(text) == found


@given(TEXTS)
def test_the_streams_say_what_the_tokens_say(text: str) -> None:
    found = list(scan(unaccent(text)))
    words = [word.text for token in found for word in (token.parts or (token,))]
    assert streams(text) == (
        " ".join(["", *words, ""]) if words else " ",
        " ".join(["", *(token.text for token in found), ""]) if found else " ",
    )


@given(TEXTS)
def test_tokens_stand_where_they_say(text: str) -> None:
    bare = unaccent(text)
    end = 0
    for token in scan(bare):
        assert end <= token.start < token.end <= len(bare)
        assert " " not in token.text
        end = token.end
        for part in token.parts:
            assert token.start < part.start < part.end <= token.end


def test_a_text_without_end_is_read_once() -> None:
    # Quadratic patterns would take hours.
    for text in (
        "a." * 500_000,
        "#" * 1_000_000,
        "@" * 1_000_000,
        "1," * 500_000,
        "l'" * 500_000,
        "a" * 3_000_000,
    ):
        tokens(text)
