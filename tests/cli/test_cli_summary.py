"""The ten lines of a study: plain, in order, safe for a terminal."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from entregent.cli.summary import print_notices, summary_lines
from entregent.clock import Period
from entregent.i18n import N, T
from entregent.report.effect import EffectPart
from entregent.report.model import CoverageCheck, Gap, Known, Person, Said, Share, Study, TopItem
from entregent.results import CannotTell, Estimate, Notice, Provenance

START = datetime(2024, 5, 1, tzinfo=UTC)
TOO_FEW = CannotTell("heard.too_few", T("There are too few posts."), T("At least 20 accounts."))


def person(rank: int, handle: str, heard: Estimate | CannotTell, known: Known) -> Person:
    return Person(
        rank, f"x:{rank}", handle, None, "x", None, None, 34, 5, known, heard, None, None, None, evidence=()
    )


STUDY = Study(
    title="Night trains",
    purpose="",
    made_at=START,
    expires=date(2024, 11, 1),
    topic="train",
    period=Period(),
    relative_time=False,
    pseudonymised=False,
    provenance=Provenance("0.1.0", START, 1),
    said=Said(
        posts=12_345,
        interactions=40_210,
        accounts=3_002,
        first=START,
        last=START + timedelta(days=30),
        slot_seconds=86400,
        slots=(),
        gaps=(Gap(START, START + timedelta(hours=14)),),
        languages=(Share("fr", 61), Share("en", 38), Share(None, 1)),
        languages_detected=5,
        kinds=tuple(Share(kind, 1) for kind in ("repost", "reply", "quote", "mention", "like")),
        top_posts=(TopItem("x:1", 320, 400, text="Line one\n\x1b[31mline two " + "long " * 30),),
        top_links=(),
        top_hashtags=(TopItem("NightTrain", 210, 300),),
        top_speakers=(),
    ),
    people=(
        person(1, "@zoé", Estimate(12.34, 10.2, 14.9, 0.9, 34, "heard"), Known(1234, "shown")),
        person(2, "@max\u202egnp", Estimate(3.0, 1.0, 6.0, 0.9, 7, "heard"), Known(None, "shown")),
        person(3, "@ada", TOO_FEW, Known(5, "seen")),
        person(4, "@fourth", TOO_FEW, Known(None, "seen")),
    ),
    people_reason=None,
    heard_check=CoverageCheck(412, 460, 0.86, 0.92, 0.9, 3),
    communities=(),
    network=TOO_FEW,
    overlap=TOO_FEW,
    notices=(),
)


def test_there_are_ten_lines() -> None:
    assert summary_lines(STUDY, UTC) == [
        "Study     Night trains (topic: train)",
        "Said      12,345 posts and 40,210 other acts by 3,002 accounts,"
        " 2024-05-01 00:00 to 2024-05-31 00:00",
        "Languages fr 61%, en 38%, unknown 1%",
        "Acts      repost 20%, reply 20%, quote 20%, mention 20%, 1 more",
        "Shared    Line one [31mline two long long long long long … (320 people); #NightTrain (210 people)",
        "Gaps      1 without data, 14 hours in all",
        "Heard     @zoé: 12 people a post (10 to 15), 34 posts; known: 1,234",
        "Heard     @max gnp: 3 people a post (1 to 6), 7 posts; known: hidden",
        "Heard     @ada: cannot tell: There are too few posts.; known: at least 5",
        "Check     intervals of 90% held 412 of 460 times on the next block of time (90%; 86% to 92%)",
    ]


def test_relative_time_shows_days() -> None:
    said = replace(STUDY.said, first=datetime(1970, 1, 1, tzinfo=UTC), last=datetime(1970, 1, 12, tzinfo=UTC))
    lines = summary_lines(replace(STUDY, relative_time=True, said=said), UTC)
    assert lines[1].endswith("day 1 to day 12")


def test_what_cannot_be_told_is_said() -> None:
    said = replace(STUDY.said, first=None, last=None, gaps=(), languages=(), top_posts=(), top_hashtags=())
    empty = replace(STUDY, people=(), people_reason=TOO_FEW, heard_check=TOO_FEW, topic=None, said=said)
    assert summary_lines(empty, UTC) == [
        "Study     Night trains (topic: everything)",
        "Said      12,345 posts and 40,210 other acts by 3,002 accounts, no times",
        "Languages none",
        "Acts      repost 20%, reply 20%, quote 20%, mention 20%, 1 more",
        "Shared    nothing",
        "Gaps      none found",
        "Heard     cannot tell: There are too few posts. At least 20 accounts.",
        "Check     cannot tell: There are too few posts.",
    ]


def test_notices_go_to_standard_error_with_count_and_places(capsys: pytest.CaptureFixture[str]) -> None:
    print_notices(
        (
            Notice("file.broken_line", N("{n} line", "{n} lines", 1200), 1200, ("a.jsonl:1", "b\x1b[2J:9")),
            Notice("file.empty", T("{name} is empty", name="c"), 1),
        )
    )
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "entregent: warning: 1,200 lines [file.broken_line, 1,200 times; first: a.jsonl:1, b [2J:9]",
        "entregent: warning: c is empty [file.empty, once]",
    ]


def test_large_rates_are_no_powers_of_ten() -> None:
    heard = Estimate(187.4, 55.0, 1450.0, 0.9, 3, "gamma", START)
    shown = replace(STUDY, people=(person(1, "@zoé", heard, Known(1234, "shown")),))
    assert any("187 people a post (55 to 1,450), 3 posts" in line for line in summary_lines(shown, UTC))


def test_effects_take_a_line_where_they_were_asked_for() -> None:
    def line(*effects: EffectPart | None) -> str:
        people = tuple(replace(one, effect=effect) for one, effect in zip(STUDY.people, effects, strict=True))
        return summary_lines(replace(STUDY, people=people), UTC)[-1]

    silent = EffectPart.silent("x:1", "@zoé", TOO_FEW)
    some = replace(silent, total=Estimate(60.4, 51.0, 66.0, 0.9, 80, "removal"))
    none = replace(silent, total=Estimate(4.0, 0.0, 90.0, 0.9, 80, "removal"))
    assert line(silent, silent, None, None) == (
        "Effective cannot tell: There are too few posts. At least 20 accounts."
    )
    assert line(none, some, silent, None) == (
        "Effective 1 of 3 people asked about surely moved others, 1 cannot be told; "
        "first @max gnp: 60 acts (51 to 66)"
    )
    assert line(none, silent, None, None).endswith(
        "0 of 2 people asked about surely moved others, 1 cannot be told"
    )
