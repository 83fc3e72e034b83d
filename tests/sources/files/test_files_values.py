"""Cutting bytes into JSON values: whatever the layout and wherever blocks end, the same values come out."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entregent.sources.files import values
from entregent.sources.files.values import Scan, layout, mend

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.text('\\"{}[],', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text('ab"\\{', max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
RECORDS = st.lists(
    st.dictionaries(st.text(max_size=4), ANYTHING, min_size=1, max_size=4), min_size=1, max_size=6
)


def scanned(data: bytes, block: int, monkeypatch: pytest.MonkeyPatch) -> tuple[list[Any], list[int], Scan]:
    with monkeypatch.context() as patch:
        patch.setattr(values, "BLOCK", block)
        patch.setattr(values, "FIRST_BLOCK", block)
        scan = Scan(io.BytesIO(data), data[:65536])
        batches = list(scan)
    texts = [json.loads(text) for batch in batches for text in batch.texts.to_pylist()]
    return texts, [int(number) for batch in batches for number in batch.numbers], scan


@given(RECORDS, st.sampled_from([None, 1, "\t"]), st.booleans(), st.integers(1, 400), st.booleans())
def test_arrays_and_sequences_of_values(
    records: list[Any], indent: int | str | None, array: bool, block: int, plain: bool
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        if array:
            data = json.dumps(records, indent=indent, ensure_ascii=plain).encode("utf-8", "replace")
        else:
            data = " ".join(json.dumps(one, indent=indent, ensure_ascii=plain) for one in records).encode(
                "utf-8", "replace"
            )
        found, numbers, scan = scanned(data, block, monkeypatch)
        if scan.unit == "line":
            # A short text may fit on the one line that is looked at first.
            found = found[0] if array else found
        assert found == json.loads(json.dumps(records))
        assert scan.truncated is None
        if scan.unit == "item":
            assert numbers == list(range(1, len(records) + 1))


@given(RECORDS, st.integers(1, 400), st.sampled_from(["\n", "\r\n", "\n\n"]), st.booleans())
def test_lines(records: list[Any], block: int, end: str, last: bool) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        texts = [json.dumps(one) for one in records]
        data = (end.join(texts) + (end if last else "")).encode()
        # The layout is told by the first block, which in earnest holds many lines.
        found, numbers, scan = scanned(data, max(block, data.find(b"\n") + 2), monkeypatch)
        assert found == json.loads(json.dumps(records))
        if scan.unit == "line":
            step = 2 if end == "\n\n" else 1
            assert numbers == [1 + step * place for place in range(len(records))]


@given(RECORDS, st.data())
def test_a_truncated_array_keeps_its_whole_values(records: list[Any], data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        whole = json.dumps(records, indent=1).encode()
        cut = data.draw(st.integers(2, len(whole) - 1))
        found, _, scan = scanned(whole[:cut], 64, monkeypatch)
        assert found == json.loads(json.dumps(records))[: len(found)]
        assert scan.truncated is not None


def test_an_endless_line_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MOST_LINE", 1000)
    data = b'{"a": 1}\n{"a": "' + b"x" * 5000 + b'"}\n{"a": 2}\n'
    found, numbers, scan = scanned(data, 100, monkeypatch)
    assert (found, numbers, scan.too_long) == ([{"a": 1}, {"a": 2}], [1, 3], [2])


def test_an_endless_value_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MOST_DOCUMENT", 1000)
    data = b'[{"a": 1},\n{"a": "' + b"x" * 5000 + b'"},\n{"a": 2}]'
    found, numbers, scan = scanned(data, 100, monkeypatch)
    assert (found, numbers, scan.too_long) == ([{"a": 1}, {"a": 2}], [1, 3], [2])


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"a": 1}', "lines"),
        (b'{"a": 1}\n{"a', "lines"),
        (b'{\n "a": 1\n}\n{\n "a": 2\n}', "document"),
        (b'[\n{"a": 1},\n{"a": 2}\n]', "document"),
        (b'{"items": [\n{"a": 1},\n{"a": 2}\n]}', "document"),
        (b'[{"a": 1}]\n[{"a": 2}]', "lines"),
        (b'{"broken\n{"a": 1}\n{"a": 2}\n', "lines"),
        (b'\n\n  {"a": 1}\n  {"a": 2}\n', "lines"),
    ],
)
def test_layout(data: bytes, expected: str) -> None:
    assert layout(data, True) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b'{"a": 1}{"b": 2}', ([b'{"a": 1}', b'{"b": 2}'], "mended")),
        (b'\x1e{"a": 1}\n', ([b'{"a": 1}'], "mended")),
        (b'\xef\xbb\xbf{"a": 1}', ([b'{"a": 1}'], "mended")),
        (b'{"a": "\xe9"}', (['{"a": "é"}'.encode()], "encoding")),
        (rb'{"a": "\ud83d\ude84"}', ([rb'{"a": "\ud83d\ude84"}'], "mended")),
        (rb'{"a": "\\ud83d"}', ([rb'{"a": "\\ud83d"}'], "mended")),
        (rb'{"a": "\\\ud83d"}', ([rb'{"a": "\\\ufffd"}'], "mended")),
        (b"  \n", ([], "blank")),
        (b'{"a": ', ([], None)),
    ],
)
def test_mend(text: bytes, expected: tuple[list[bytes], str | None]) -> None:
    assert mend(text) == expected
