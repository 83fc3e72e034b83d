from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables_reading import RECEIVED, Read, read

from entregent.clock import to_micros
from entregent.sources.files import tables_rows


def times(*written: str, **options: object) -> Read:
    rows = "".join(f'a,x,"{text}"\n' for text in written)
    return read(f"account,text,time\n{rows}", **options)


def moments(found: Read) -> list[str | None]:
    return [post["time"].strftime("%Y-%m-%d %H:%M:%S") if post["time"] else None for post in found.posts]


@pytest.mark.parametrize(
    ("written", "read_as", "code"),
    [
        ("1600000000", "2020-09-13 12:26:40", None),
        ("1600000000123", "2020-09-13 12:26:40", None),
        ("1600000000123456", "2020-09-13 12:26:40", None),
        ("1600000000123456789", "2020-09-13 12:26:40", None),
        ("1600000000,5", "2020-09-13 12:26:40", None),
        ("1.6E+09", "2020-09-13 12:26:40", None),
        ("20240501", "2024-05-01 00:00:00", "time.day_only"),
        ("20240501103000", "2024-05-01 10:30:00", "time.no_zone"),
        ("45413,5", "2024-05-01 12:00:00", "time.serial"),
        ("2024-05-01", "2024-05-01 00:00:00", "time.day_only"),
        ("2024-05-01 10:00", "2024-05-01 10:00:00", "time.no_zone"),
        ("2024-05-01T10:00:00Z", "2024-05-01 10:00:00", None),
        ("2024-05-01T10:00:00.123+0200", "2024-05-01 08:00:00", None),
        ("2024-05-01 10:00:00 -05:00", "2024-05-01 15:00:00", None),
        ("2024-05-01 10:00:00 EDT", "2024-05-01 14:00:00", None),
        ("2024-05-01 10:00:00 Europe/Paris", "2024-05-01 08:00:00", None),
        ("2024/05/01 10:00", "2024-05-01 10:00:00", "time.no_zone"),
        ("31/12/2024 23:15", "2024-12-31 23:15:00", "time.no_zone"),
        ("31/12/24 à 23h15", "2024-12-31 23:15:00", "time.no_zone"),
        ("12/31/2024 3:04 PM", "2024-12-31 15:04:00", "time.no_zone"),
        ("12/31/2024 12:04:05 am", "2024-12-31 00:04:05", "time.no_zone"),
        ("31.12.2024", "2024-12-31 00:00:00", "time.day_only"),
        ("Mon Apr 06 22:19:45 +0000 2009", "2009-04-06 22:19:45", None),
        ("Mon Apr 06 22:19:45 PDT 2009", "2009-04-07 05:19:45", None),
        ("Sat, 06 Apr 2024 22:19:45 +0200", "2024-04-06 20:19:45", None),
        ("Sat, 06 Apr 2024 22:19:45 GMT", "2024-04-06 22:19:45", None),
        ("6 avril 2024 10:30", "2024-04-06 10:30:00", "time.no_zone"),
        ("mar. 5 mars 2024 à 10:00", "2024-03-05 10:00:00", "time.no_zone"),
        ("1er août 2024", "2024-08-01 00:00:00", "time.day_only"),
        ("May 1, 2024, 3:04 PM", "2024-05-01 15:04:00", "time.no_zone"),
        ("2024-02-30", None, "time.impossible"),
        ("99/99/2024", None, "time.impossible"),
        ("2031-01-01", None, "time.impossible"),
        ("1850-01-01", None, "time.impossible"),
        ("hier soir", None, "time.impossible"),
        ("infinity", None, "time.impossible"),
        ("0", None, "time.impossible"),
        ("1e400", None, "time.impossible"),
        ("9" * 30, None, "time.impossible"),
    ],
)
def test_known_times(written: str, read_as: str | None, code: str | None) -> None:
    found = times(written)
    assert moments(found) == [read_as]
    codes = {name for name in found.notices if name.startswith("time.") and name != "time.day_first"}
    assert codes == ({code} if code else set())


def test_nothing_is_no_trouble() -> None:
    found = times("", "NA", "null", "  ")
    assert moments(found) == [None] * 4
    assert not any(code.startswith("time.") for code in found.notices)


def test_the_column_decides_which_comes_first() -> None:
    assert moments(times("01/02/2024", "31/01/2024")) == ["2024-02-01 00:00:00", "2024-01-31 00:00:00"]
    assert moments(times("01/02/2024", "01/31/2024")) == ["2024-01-02 00:00:00", "2024-01-31 00:00:00"]
    open_question = times("01/02/2024", "03/04/2024")
    assert moments(open_question) == ["2024-02-01 00:00:00", "2024-04-03 00:00:00"]
    assert open_question.notices["time.day_first"] == 1


def test_the_last_row_of_many_blocks_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables_rows, "BLOCK", 2_000)
    rows = "".join(f"a{n},x,01/02/2024\n" for n in range(600))
    found = read(f"account,text,time\n{rows}b,x,01/31/2024\n")
    assert len(found.batches) > 1
    assert {post["time"].month for post in found.posts} == {1}
    assert [post["account"] for post in found.posts[:2]] == ["file:a0", "file:a1"]
    assert "time.day_first" not in found.notices


def test_stray_days_of_spreadsheets_stay_seconds() -> None:
    # 45413 alone in a column of epoch seconds is a second of 1970, not a day of 2024.
    found = times("1600000000", "45413")
    assert moments(found) == ["2020-09-13 12:26:40", None]


def test_relative_times_are_kept_as_they_are() -> None:
    found = times("0", "1.5", "48358445", "2024-05-01", "1e300", relative_time=True)
    assert [post["time"] and post["time"].timestamp() for post in found.posts] == [
        0,
        1.5,
        48358445,
        None,
        None,
    ]
    assert found.notices["time.relative"] == 1
    assert found.notices["time.impossible"] == 2


def test_impossible_times_name_their_lines() -> None:
    found = times("2024-05-01T10:00:00Z", "hier", "demain")
    assert found.where["time.impossible"] == ("t.csv:3", "t.csv:4")


EARLIEST, LATEST = datetime(1990, 1, 2), datetime(2025, 12, 30)  # noqa: DTZ001 - hypothesis wants them bare


@settings(max_examples=30)
@given(st.datetimes(EARLIEST, LATEST), st.sampled_from(["s", "ms", "us", "iso", "slash"]))
def test_what_is_written_is_read(naive: datetime, form: str) -> None:
    moment = naive.replace(microsecond=naive.microsecond // 1000 * 1000, tzinfo=UTC)
    micros = to_micros(moment)
    written = {
        "s": str(micros // 1_000_000),
        "ms": str(micros // 1_000),
        "us": str(micros),
        "iso": moment.isoformat(),
        "slash": moment.strftime("%d/%m/%Y %H:%M:%S"),
    }[form]
    (post,) = times(written).posts
    expected = moment.replace(microsecond=0) if form in ("s", "slash") else moment
    if form in ("s", "ms", "us") and post["time"] is None:
        # Shorter numbers are times in a larger unit that is out of range.
        assert micros < 10**15
        return
    assert post["time"] == expected


@settings(max_examples=25)
@given(
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters='"\0\r\n'), max_size=20),
        max_size=5,
    )
)
def test_any_text_is_a_time_or_none(written: list[str]) -> None:
    found = times(*written)
    for post in found.posts:
        assert post["time"] is None or post["time"] <= RECEIVED.replace(day=2)
