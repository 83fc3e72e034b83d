"""Estimates hold their value; notices add up."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entregent.i18n import N, T
from entregent.results import MOST_PLACES, Estimate, Notice, merge_notices


def test_an_interval_holds_its_value() -> None:
    Estimate(1.0, 1.0, 1.0, 0.9, 3, "mean")
    for value, low, high in [(0.0, 1.0, 2.0), (3.0, 1.0, 2.0), (1.5, 2.0, 1.0), (math.nan, 0.0, 1.0)]:
        with pytest.raises(ValueError, match="interval"):
            Estimate(value, low, high, 0.9, 3, "mean")


def test_the_same_notice_adds_up_and_keeps_the_first_places() -> None:
    first = Notice("file.broken_line", N("{n} line", "{n} lines", 2), 2, ("a:1", "a:2"))
    other = Notice("file.empty", T("{name} is empty", name="b"), 1, ("b",))
    more = Notice("file.broken_line", N("{n} line", "{n} lines", 5), 5, tuple(f"c:{k}" for k in range(5)))
    merged = merge_notices((first, other, more))
    assert [(notice.code, notice.count) for notice in merged] == [("file.broken_line", 7), ("file.empty", 1)]
    assert merged[0].where == ("a:1", "a:2", "c:0", "c:1", "c:2")
    assert len(merged[0].where) == MOST_PLACES


def test_other_parameters_are_another_notice() -> None:
    one, two = (Notice("field.wrong_type", T("{field}", field=name)) for name in ("id", "text"))
    assert len(merge_notices((one, two, one))) == 2


notices = st.lists(
    st.builds(
        Notice,
        st.sampled_from(["a.b", "c.d"]),
        st.sampled_from([T("x"), T("y")]),
        st.integers(1, 100),
        st.lists(st.text(max_size=3), max_size=4).map(tuple),
    ),
    max_size=12,
).map(tuple)


@given(notices, notices)
def test_merging_loses_no_count_and_can_be_done_in_parts(
    some: tuple[Notice, ...], others: tuple[Notice, ...]
) -> None:
    whole = merge_notices(some + others)
    assert sum(n.count for n in whole) == sum(n.count for n in some + others)
    assert merge_notices(merge_notices(some) + others) == whole
    assert merge_notices(whole) == whole


def test_the_text_of_a_merged_notice_shows_the_merged_count() -> None:
    one = Notice("file.broken_line", N("{n} line", "{n} lines", 1), 1, ("a:1",))
    assert str(merge_notices((one, one))[0].text) == "2 lines"
