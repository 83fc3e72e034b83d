from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entregent.errors import InputError
from entregent.listening.atoms import Candidate
from entregent.listening.match import Matcher
from entregent.listening.query import parse

WORDS = [
    "grève",
    "Grèves",
    "SNCF",
    "l’été",
    "#GrèveSNCF",
    "#sncf",
    "@sncf",
    "@gare_nord",
    "œuvre",
    "ß",
    "東京",
]
WORDS += [
    "straße",
    "👍🏽",
    "🇫🇷",
    "©",
    "https://www.a.fr/SNCF?x=1",
    "aujourd'hui",
    "e\u0301te\u0301",
    "İstanbul",
]
WORDS += [
    "한국",
    "\u1112\u1161\u11ab",
    "jean.dupont@a.frж",
    "1,5",
    "iPhone15Pro",
    "ﬁn",
    "x",
    "gr\u00adeve",
    "ℹ",
    "жук",
]
WORDS += ["a" * 140, "ǅ", "ǆungla", "#東京GrèveЖук", "x\u0302y"]
SIGNS = [" ", "'", "’", "_", "-", "#", "@", ".", ",", ":", "!", '"', "»", "\u00a0", "\u0301", "\u200b"]
SIGNS += ["A", "é", "7", "l", "qu", "d", "www", "http://", "/", "(", ")", "…", "\u202f", "<"]
TERMS = [*WORDS, "gr*", "*ve", "gr*ve", "*ss*", '"l’été SNCF"', "#gr*", "*été", "oeuvre", "strasse", "한*"]
TERMS += [
    "raw:SNCF",
    'raw:"x y"',
    "raw:été",
    "raw:©",
    "grève NEAR/1 SNCF",
    "(x OR ete) NEAR/2f (sncf OR gr*)",
]
TERMS += [
    "lang:fr",
    "hashtag:greve*",
    "mentions:sncf",
    "followers:>10",
    "pro",
    "15",
    "aujourd*",
    "@gare_*",
    "fr",
]
QUERIES = st.recursive(
    st.sampled_from(TERMS),
    lambda inner: (
        st.builds("({} {} {})".format, inner, st.sampled_from(["AND", "OR", "", "NOT"]), inner)
        | st.builds("NOT {}".format, inner)
    ),
    max_leaves=6,
)
TEXTS = st.lists(st.sampled_from(WORDS) | st.text(max_size=4), max_size=6).map(" ".join) | st.lists(
    st.sampled_from([*WORDS, "'", "_", "-", "#", "@", ".", "A", "é", "7"]), max_size=5
).map("".join)
POSTS = st.builds(
    Candidate,
    text=st.none() | TEXTS,
    lang=st.sampled_from([None, "fr", "en"]),
    hashtags=st.sampled_from([(), ("Grève",)]),
    mentions=st.sampled_from([(), ("x:@sncf",)]),
    followers=st.sampled_from([None, 3, 11]),
)


def table_of(posts: list[Candidate]) -> pa.Table:
    texts = pa.list_(pa.string())
    return pa.table(
        {
            "text": pa.array([post.text for post in posts], pa.string()),
            "lang": pa.array([post.lang for post in posts], pa.string()),
            "hashtags": pa.array([post.hashtags for post in posts], texts),
            "mentions": pa.array([post.mentions for post in posts], texts),
            "followers": pa.array([post.followers for post in posts], pa.int64()),
        }
    )


def matched(matcher: Matcher, posts: list[Candidate]) -> set[tuple[int, str]]:
    found = matcher.match(table_of(posts))
    pairs = list(zip(found.rows.tolist(), found.watches, strict=True))
    assert len(pairs) == len(set(pairs))
    assert found.rows.tolist() == sorted(found.rows.tolist())
    return set(pairs)


@settings(max_examples=40)
@given(st.lists(QUERIES, max_size=8), st.lists(POSTS, max_size=8))
def test_many_at_once_match_as_one_at_a_time(queries: list[str], posts: list[Candidate]) -> None:
    watches = {str(number): parse(query) for number, query in enumerate(queries)}
    expected = {
        (row, key) for row, post in enumerate(posts) for key, query in watches.items() if query.matches(post)
    }
    assert matched(Matcher(watches.items()), posts) == expected


@settings(max_examples=100)
@given(st.sampled_from(TERMS), TEXTS)
def test_every_term_is_found_by_what_it_waits_for(term: str, text: str) -> None:
    query = parse(term)
    assert bool(matched(Matcher([("q", query)]), [Candidate(text=text)])) is query.matches(text)


@settings(max_examples=20)
@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.none() | QUERIES), max_size=12),
    st.lists(POSTS, max_size=4),
)
def test_watches_come_and_go(edits: list[tuple[str, str | None]], posts: list[Candidate]) -> None:
    matcher = Matcher()
    kept: dict[str, str] = {}
    for key, query in edits:
        if query is not None:
            matcher.put(key, parse(query))
            kept[key] = query
        elif key in kept:
            matcher.drop(key)
            del kept[key]
        else:
            with pytest.raises(InputError, match="no watch"):
                matcher.drop(key)
        fresh = Matcher((name, parse(typed)) for name, typed in kept.items())
        assert len(matcher) == len(kept)
        assert matched(matcher, posts) == matched(fresh, posts)


def test_thousands_of_watches_make_room_for_themselves() -> None:
    matcher = Matcher((f"w{n}", parse(f"mot{n} OR autre{n}*")) for n in range(3000))
    posts = pa.table({"text": ["mot7 et mot2999", "autre12chose", None, "", "rien"]})
    found = matcher.match(posts)
    pairs = set(zip(found.rows.tolist(), found.watches, strict=True))
    assert pairs == {(0, "w7"), (0, "w2999"), (1, "w12"), (1, "w1")}
    assert found.candidates == 0
    assert matcher.match(posts.slice(1, 1)).rows.tolist() == [0, 0]
    assert Matcher().match(posts).rows.tolist() == []
    assert matcher.match(pa.table({"lang": ["fr"]})).rows.tolist() == []


def test_only_what_letters_leave_open_is_asked() -> None:
    typed = {
        "word": "grève NOT emploi",
        "phrase": '"la grève"',
        "nowhere": '"grève générale"',
        "far": "dure NEAR/1 la",
    }
    matcher = Matcher((key, parse(query)) for key, query in typed.items())
    found = matcher.match(pa.table({"text": ["La grève dure.", "l'emploi, la grève: emploi"]}))
    assert list(zip(found.rows.tolist(), found.watches, strict=True)) == [
        (0, "word"),
        (0, "phrase"),
        (0, "far"),
        (1, "phrase"),
    ]
    assert found.candidates == 3


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("grève", 0),
        ("la grève, «grève» l’grève.", 0),
        ("la-grève", 1),
        ("@grève", 1),
        ("grève.fr", 1),
        ("d'l'grève", 1),
        ("http:grève://a", 1),
        ("gr\u00adève", 1),
    ],
)
def test_a_word_that_stands_free_needs_no_second_look(text: str, asked: int) -> None:
    query = parse("grève")
    found = Matcher([("q", query)]).match(pa.table({"text": [text]}))
    assert found.candidates == asked
    assert bool(len(found.rows)) is query.matches(text)
