"""Anything at all in any field: no other error than ours, and no other line lost."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from files_samples import POST_IDS, SAMPLES, lines, read_bytes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(
        ["did:", "at://", "x:", "https://", "[]", "{}", "\ud83d", "\0", "2024-01-01", "'", '"; DROP']
    )
    | st.sampled_from([-1, 2**53 + 1, 2**64, 10**400, 1e308]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, way: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the ways to all fields of a value."""
    found = [way] if way else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        found += places(one, (*way, key))
    return found


def changed(value: Any, way: tuple[Any, ...], new: Any) -> Any:
    """Return a value with one field replaced."""
    value = copy.deepcopy(value)
    holder = value
    for key in way[:-1]:
        holder = holder[key]
    holder[way[-1]] = new
    return value


@pytest.mark.parametrize("name", SAMPLES)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_anything_in_any_field(name: str, data: st.DataObject) -> None:
    sample = SAMPLES[name]
    ways = places(sample)
    attacks = data.draw(
        st.lists(st.tuples(st.sampled_from(ways), ANYTHING), min_size=10, max_size=30),
        label="field and value",
    )
    middle = b"".join(json.dumps(changed(sample, way, new)).encode() + b"\n" for way, new in attacks)
    found = read_bytes(lines(sample) + middle + lines(sample), keep_raw_days=1)
    assert POST_IDS[name] in {post["id"] for post in found.posts}
    good = next(post for post in found.posts if post["id"] == POST_IDS[name])
    assert good["account"] is not None
    for table in ("posts", "accounts", "interactions", "tombstones", "raw"):
        assert all(row["id"] is not None and ":" in row["id"] for row in getattr(found, table)), table
    assert all(row["subject"] is not None for row in found.observations)
    assert all(row["actor"] is not None for row in found.interactions)
    assert all((row["value"] or 0) >= 0 for row in found.observations)
