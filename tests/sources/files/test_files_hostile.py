"""Bad input, format by format: nothing but counted notices or one clear error, and no other line lost."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import zstandard
from files_samples import POST_IDS, SAMPLES, Read, lines, read_bytes, read_values

from entregent.errors import InputError, UnknownFormat

FORMATS = list(SAMPLES)


def other(name: str, value: Any = None) -> dict[str, Any]:
    """Return the sample with another id, so that two posts can be told apart."""
    text = json.dumps(SAMPLES[name] if value is None else value)
    for old in ("445917982051179127", "1391677057810288641", "3l3qo2vuowo2b", "103270115826048975"):
        text = text.replace(old, old[:-2] + "99")
    changed: dict[str, Any] = json.loads(text)
    return changed


def edited(name: str, **fields: Any) -> dict[str, Any]:
    """Return the sample with fields of its post changed."""
    value = copy.deepcopy(other(name))
    holder = {
        "twitter-v1": lambda: value,
        "x-v2": lambda: value["data"][0],
        "jetstream": lambda: value["commit"]["record"],
        "mastodon": lambda: value,
        "activitystreams": lambda: value["object"],
    }[name]()
    holder |= fields
    return value


def again(name: str, times: int = 1) -> dict[str, int]:
    """Return what is counted where a record is given again; Jetstream's are left to the archive."""
    return {} if name == "jetstream" else {"record.duplicate": times}


TEXT = {name: "content" if name in ("mastodon", "activitystreams") else "text" for name in FORMATS}
TIME = {
    "twitter-v1": "created_at",
    "x-v2": "created_at",
    "jetstream": "createdAt",
    "mastodon": "created_at",
    "activitystreams": "published",
}


def both(name: str, found: Read) -> bool:
    """Whether the good post was read."""
    return POST_IDS[name] in {post["id"] for post in found.posts}


@pytest.fixture(params=FORMATS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class TestBrokenLines:
    def test_in_the_middle(self, name: str) -> None:
        good = lines(SAMPLES[name])
        found = read_bytes(good + good[: len(good) // 2] + b"\n" + lines(other(name)))
        assert len({post["id"] for post in found.posts}) == 2
        assert found.notice("file.broken_line").where == ("<stdin>:2",)
        assert found.codes == {"file.broken_line": 1}

    def test_truncated_last_line(self, name: str) -> None:
        good = lines(SAMPLES[name])
        found = read_bytes(good + good[: len(good) // 2])
        assert both(name, found)
        assert found.codes == {"file.truncated": 1}
        assert found.notice("file.truncated").where == ("<stdin>:2",)

    def test_truncated_document(self, name: str) -> None:
        data = json.dumps([SAMPLES[name], other(name), SAMPLES[name]], indent=1).encode()
        found = read_bytes(data[: len(data) * 5 // 6])
        assert len({post["id"] for post in found.posts}) == 2
        assert found.codes["file.truncated"] == 1

    def test_first_line_is_broken(self, name: str) -> None:
        found = read_bytes(b'{"garbage": \n' + lines(SAMPLES[name], other(name)))
        assert len({post["id"] for post in found.posts}) == 2
        assert found.codes == {"file.broken_line": 1}

    def test_several_are_counted_and_the_first_five_named(self, name: str) -> None:
        found = read_bytes(lines(SAMPLES[name]) + b"{nonsense\n" * 9 + lines(other(name)))
        assert found.notice("file.broken_line").count == 9
        assert found.notice("file.broken_line").where == tuple(f"<stdin>:{n}" for n in range(2, 7))

    def test_blank_lines_are_nothing(self, name: str) -> None:
        junk = b"\n\r\n   \n\t\n\n\n\x00\x00\x00\n"
        found = read_bytes(junk + lines(SAMPLES[name]) + junk + lines(other(name)) + junk)
        assert len({post["id"] for post in found.posts}) == 2
        assert found.notices == ()

    def test_line_ends_of_windows(self, name: str) -> None:
        found = read_bytes(lines(SAMPLES[name], other(name)).replace(b"\n", b"\r\n"), keep_raw_days=1)
        assert len({post["id"] for post in found.posts}) == 2
        assert found.notices == ()
        assert not any(raw["payload"].endswith(("\r", "\n")) for raw in found.raw)

    def test_values_that_are_no_records(self, name: str) -> None:
        junk = [None, 5, "text", [], {}, True, [1, 2], [[[]]], {"a": {}}, {"status": 5}]
        found = read_bytes(lines(SAMPLES[name], *junk, other(name)))
        assert len({post["id"] for post in found.posts}) == 2
        assert set(found.codes) <= {"row.unknown"}

    def test_slips_are_put_right(self, name: str) -> None:
        good = lines(SAMPLES[name]).strip()
        found = read_bytes(lines(SAMPLES[name]) + good + b",\n" + good + lines(other(name)))
        assert len({post["id"] for post in found.posts}) == 2
        assert found.codes == {"file.mended_line": 2} | again(name, 2)

    def test_deep_nesting(self, name: str) -> None:
        deep = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
        brackets = b"[" * 10_000 + b"]" * 10_000
        found = read_bytes(
            lines(SAMPLES[name])
            + deep
            + b"\n"
            + brackets
            + b"\n"
            + b"[" * 10_000
            + b"\n"
            + lines(other(name))
        )
        assert len({post["id"] for post in found.posts}) == 2
        assert set(found.codes) <= {"row.unknown", "file.broken_line"}
        assert sum(found.codes.values()) == 3

    def test_a_field_that_is_nested_deeply(self, name: str) -> None:
        text = json.dumps(edited(name, extra=0)).replace('"extra": 0', '"extra": ' + "[" * 5000 + "]" * 5000)
        found = read_bytes(lines(SAMPLES[name]) + text.encode() + b"\n")
        assert len({post["id"] for post in found.posts}) == 2


class TestEncodings:
    def test_windows_1252(self, name: str) -> None:
        value = edited(name, **{TEXT[name]: "déjà annulé à l’heure"})
        data = lines(SAMPLES[name]) + json.dumps(value, ensure_ascii=False).encode("cp1252") + b"\n"
        found = read_bytes(data)
        assert "déjà annulé à l’heure" in {post["text"] for post in found.posts}
        assert both(name, found)
        assert found.codes == {"file.encoding": 1}
        assert found.notice("file.encoding").where == ("<stdin>:2",)

    @pytest.mark.parametrize(
        ("name", "encoding"),
        list(zip(FORMATS, ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"], strict=True)),
    )
    def test_others(self, name: str, encoding: str) -> None:
        value = edited(name, **{TEXT[name]: "déjà 🚆"})
        text = lines(SAMPLES[name], value).decode()
        found = read_bytes(text.encode(encoding))
        assert "déjà 🚆" in {post["text"] for post in found.posts}
        assert len(found.posts) == 2
        assert found.notices == ()

    def test_half_of_a_surrogate_pair(self, name: str) -> None:
        text = json.dumps(edited(name, **{TEXT[name]: "SLOT"})).replace(
            "SLOT", r"a\ud83d b\ud83d\ude84 c\ude84"
        )
        found = read_bytes(lines(SAMPLES[name]) + text.encode() + b"\n")
        assert "a\ufffd b🚄 c\ufffd" in {post["text"] for post in found.posts}
        assert found.codes == {"file.mended_line": 1}

    def test_zero_characters(self, name: str) -> None:
        found = read_values(edited(name, **{TEXT[name]: "a\0b"}))
        assert {post["text"] for post in found.posts} == {"ab"}
        raw = lines(edited(name, **{TEXT[name]: "SLOT"})).replace(b"SLOT", b"a\0b")
        assert {post["text"] for post in read_bytes(lines(SAMPLES[name]) + raw).posts} >= {"ab"}

    def test_ten_megabytes_of_text(self, name: str) -> None:
        found = read_values(SAMPLES[name], edited(name, **{TEXT[name]: "é" * 5_000_000}))
        assert sorted(len(post["text"]) for post in found.posts)[-1] == 5_000_000
        assert found.notices == ()


NOT_TEXT: list[Any] = [5, 1.5, True, {"a": 1}, ["a"], [], {}]
NOT_COUNTS: list[Any] = ["3", "many", {"a": 1}, [1], True, -4, 1e300, float("nan"), 10**30]
NOT_DATES = ["1969-01-01T00:00:00Z", "2124-01-01T00:00:00Z", "99999999", "hier", "0000-00-00", "Infinity"]
NOT_STRUCTURES: list[Any] = [5, [], {}, "x", [None], [5], ["x"], [[]], [{}], [{"a": []}], True]


def numbered(name: str, number: int, **fields: Any) -> dict[str, Any]:
    """Return an edited sample with an id of its own."""
    text = json.dumps(edited(name, **fields))
    for tail in ("4459179820511791", "13916770578102886", "3l3qo2vuowo", "1032701158260489"):
        text = text.replace(tail + "99", f"{tail}{number:04}")
    changed: dict[str, Any] = json.loads(text)
    return changed


def read_all(name: str, field: str, values: list[Any]) -> Read:
    """Read the good sample, and one more for each value of a field; all must arrive."""
    found = read_values(
        SAMPLES[name], *(numbered(name, 1000 + place, **{field: value}) for place, value in enumerate(values))
    )
    assert both(name, found)
    assert found.rows == 1 + len(values)
    return found


class TestFields:
    def test_text_of_another_type(self, name: str) -> None:
        found = read_all(name, TEXT[name], NOT_TEXT)
        assert len({post["id"] for post in found.posts}) == 1 + len(NOT_TEXT)
        texts = [post["text"] for post in found.posts]
        assert all(one is None or one == "" or one.startswith("Le train") for one in texts)
        assert found.codes == {"field.wrong_type": len(NOT_TEXT)}
        assert found.notice("field.wrong_type").where == tuple(f"<stdin>:{n}" for n in range(2, 7))

    def test_counts_of_another_type_or_that_cannot_be(self, name: str) -> None:
        field, wrap = {
            "twitter-v1": ("retweet_count", lambda value: value),
            "x-v2": ("public_metrics", lambda value: {"retweet_count": value}),
            "mastodon": ("reblogs_count", lambda value: value),
            "activitystreams": ("shares", lambda value: {"totalItems": value}),
            "jetstream": ("langs", lambda value: value),
        }[name]
        found = read_all(name, field, [wrap(value) for value in NOT_COUNTS])
        assert len({post["id"] for post in found.posts}) == 1 + len(NOT_COUNTS)
        assert not any((one["value"] or 0) < 0 or (one["value"] or 0) > 10**18 for one in found.observations)

    def test_dates_that_cannot_be(self, name: str) -> None:
        found = read_all(name, TIME[name], list(NOT_DATES))
        assert len({post["id"] for post in found.posts}) == 1 + len(NOT_DATES)
        assert found.codes == {"time.impossible": len(NOT_DATES)}

    @pytest.mark.parametrize(
        ("name", "field"),
        [
            ("twitter-v1", "entities"),
            ("twitter-v1", "user"),
            ("x-v2", "entities"),
            ("jetstream", "facets"),
            ("jetstream", "embed"),
            ("jetstream", "tags"),
            ("mastodon", "mentions"),
            ("mastodon", "account"),
            ("mastodon", "tags"),
            ("activitystreams", "tag"),
        ],
    )
    def test_structures_of_another_type(self, name: str, field: str) -> None:
        found = read_all(name, field, NOT_STRUCTURES)
        for post in found.posts:
            assert not any(one[:1] in "{[" for one in post["hashtags"] + post["links"] + post["mentions"])

    def test_a_key_twice(self, name: str) -> None:
        text = json.dumps(edited(name, zz=1)).replace('"zz": 1', f'"{TEXT[name]}": "again"')
        assert len(read_bytes(lines(SAMPLES[name]) + text.encode() + b"\n").posts) == 2

    def test_no_author(self, name: str) -> None:
        value = edited(name)
        if name == "jetstream":
            del value["did"]
        elif name == "activitystreams":
            del value["actor"], value["object"]["attributedTo"]
        else:
            field = {"twitter-v1": "user", "x-v2": "author_id", "mastodon": "account"}[name]
            value = edited(name, **{field: None})
        if name == "mastodon":
            value["uri"] = "https://a.example/notes/1"
        found = read_values(SAMPLES[name], value)
        assert len(found.posts) == 1
        assert set(found.codes) <= {"row.incomplete", "row.unknown"}
        assert found.codes


class TestMixtures:
    def test_a_line_of_another_format_is_read_as_that(self, name: str) -> None:
        strangers = [one for one in FORMATS if one != name]
        found = read_values(SAMPLES[name], other(name), *(SAMPLES[one] for one in strangers), other(name))
        assert set(POST_IDS.values()) <= {post["id"] for post in found.posts}
        assert found.files[0].format == name
        assert found.codes == {"file.mixed_formats": 4} | again(name)
        mixed = [notice for notice in found.notices if notice.code == "file.mixed_formats"]
        places = {place for notice in mixed for place in notice.where}
        assert places == {f"<stdin>:{line}" for line in (3, 4, 5, 6)}

    def test_duplicates(self, name: str) -> None:
        found = read_values(*[SAMPLES[name]] * 50)
        assert {post["id"] for post in found.posts} == {POST_IDS[name]}
        assert found.codes == again(name, 49)

    def test_lines_that_hold_arrays(self, name: str) -> None:
        found = read_bytes(lines([SAMPLES[name]], [other(name), SAMPLES[name]]))
        assert len({post["id"] for post in found.posts}) == 2
        assert found.codes == again(name)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 10, "PNG"),
        (b"\x00\x01\x02" * 100, "binary"),
        (b'<!DOCTYPE html><html><body>{"id_str": 1}</body></html>', "web page"),
        (b'{"name": "left-pad", "version": "1.0.0", "dependencies": {}}', "name, version, dependencies"),
        (b"[1, 2, 3]", "JSON without"),
        (b'{"a": 1}\n{"a": 2}\n', "fields a"),
        (b"Once upon a time there was a train that was late.\n" * 3, "Once upon"),
        (b'[build-system]\nrequires = ["hatchling"]\n', "[build-system]"),
        (b"%PDF-1.7 ....", "PDF"),
        (b"PK\x03\x04....", "ZIP"),
        (b'"just a text"', "just a text"),
        (b"{" * 1000, "JSON without"),
        (b'{"compilerOptions": {"strict": true}, "text": "x", "user": {"id": 1}}', "compilerOptions"),
    ],
)
def test_files_that_are_no_conversation(data: bytes, expected: str) -> None:
    with pytest.raises(UnknownFormat) as caught:
        read_bytes(data)
    message = str(caught.value)
    assert expected in message
    assert message.startswith("<stdin>")
    assert "jetstream" in message or "Unpack" in message


@pytest.mark.parametrize("data", [b"", b"   \n\n  ", b"\n" * 60_000, b"\xef\xbb\xbf", bytes(50)])
def test_an_empty_file(data: bytes) -> None:
    with pytest.raises(InputError, match="Nothing could be read"):
        read_bytes(data)


def test_a_format_forced_on_a_file_that_is_none_gives_nothing() -> None:
    with pytest.raises(InputError, match="Nothing could be read"):
        read_bytes(b'{"a": 1}\n{"a": 2}\n', format="jetstream")


def test_a_format_that_does_not_exist() -> None:
    with pytest.raises(UnknownFormat, match="twitter-v1, x-v2"):
        read_bytes(b"{}", format="twitter")


def test_a_compressed_file_cut_before_its_first_value_is_damaged_not_empty() -> None:
    whole = zstandard.compress(lines(SAMPLES["twitter-v1"]))
    with pytest.raises(InputError, match="damaged or cut off"):
        read_bytes(whole[:-8])


def test_a_personal_archive_is_named_as_what_it_is() -> None:
    with pytest.raises(UnknownFormat, match="personal archive of X"):
        read_bytes(b'window.YTD.tweets.part0 = [ {"tweet" : {"id" : "1", "full_text" : "a"}} ]')
