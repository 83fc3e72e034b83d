"""The commands of evidence: what they print, in both languages, and that they name nobody."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as parquet
import pytest

from entregent.cli.main import run

TRAITS = ("posts", "following", "followers", "username_digits")
VERDICTS = re.compile(r"\bbots?\b|\bfraud|\bcheat|\bguilty|\btrich|\bfraude|\bcoupable", re.IGNORECASE)


def made(n_fake: int, n: int, rng: np.random.Generator) -> pa.Table:
    fake = rng.permutation(np.repeat([1, 0], [n_fake, n - n_fake]))
    level = {"posts": (1, 4.5), "following": (7.5, 6), "followers": (4, 6), "username_digits": (1, 0.2)}
    columns = {
        name: np.round(np.exp(rng.normal(np.where(fake, *level[name]), 1.0))).astype(int) for name in TRAITS
    }
    return pa.table({"id": [f"person{k:04d}" for k in range(n)], **columns, "is_fake": fake})


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(4)
    csv.write_csv(made(100, 400, rng), "judged.csv")
    sample = made(200, 600, rng)
    csv.write_csv(sample.drop_columns("is_fake"), "followers.csv")
    parquet.write_table(sample.drop_columns("is_fake"), "followers.parquet")
    rows = sample.drop_columns("is_fake").to_pylist()
    Path("followers.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    csv.write_csv(sample.select(["id", "is_fake"]).take(pa.array(rng.choice(600, 150, False))), "ours.csv")
    gains = rng.poisson(30, 60)
    gains[40] = 900
    counts = 5000 + np.cumsum(gains)
    lines = [f"{np.datetime64('2026-01-01') + k},{counts[k]}" for k in range(60)]
    Path("counts.csv").write_text("date;followers\n" + "\n".join(lines).replace(",", ";"), encoding="utf-8")
    Path("events.csv").write_text("date,name\n2026-02-09,Interview à la radio\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("file", ["followers.csv", "followers.parquet", "followers.jsonl"])
def test_an_audience_is_a_share_with_its_cautions(place: Path, file: str, capsys) -> None:
    assert run(["authenticity", "audience", file, "--reference", "judged.csv", "--json"]) == 0
    said = capsys.readouterr().out
    record = json.loads(said)
    assert record["share"]["low"] <= 1 / 3 <= record["share"]["high"]
    assert record["flags_counted"]["method"] == "flags counted"
    assert len(record["cautions"]) == 4
    assert record["innocent_explanations"]
    assert "person0" not in said


def test_labels_of_the_team(place: Path, capsys) -> None:
    command = ["authenticity", "audience", "followers.csv", "--reference", "judged.csv"]
    assert run([*command, "--labels", "ours.csv", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["labelled"] == record["share"]["n"] == 150
    assert run(["authenticity", "audience", "followers.csv", "--labels", "ours.csv"]) == 0
    assert "150 labelled by your team" in capsys.readouterr().out


@pytest.mark.parametrize(("lang", "words"), [("en", "between"), ("fr", "entre")])
def test_it_speaks_both_languages_and_accuses_nobody(place: Path, lang: str, words: str, capsys) -> None:
    assert (
        run(["authenticity", "audience", "followers.csv", "--reference", "judged.csv", "--lang", lang]) == 0
    )
    said = capsys.readouterr().out
    assert words in said
    assert run(["authenticity", "growth", "counts.csv", "--events", "events.csv", "--lang", lang]) == 0
    said += capsys.readouterr().out
    assert "Interview à la radio" in said
    assert not VERDICTS.search(said)


def test_growth_for_programs(place: Path, capsys) -> None:
    assert run(["authenticity", "growth", "counts.csv", "--events", "events.csv", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert [jump["events"] for jump in record["jumps"]] == [["Interview à la radio"]]
    assert len(record["series"]) == 59
    assert record["cautions"]


def test_a_map_of_followers(place: Path, capsys) -> None:
    rng = np.random.default_rng(1)
    day = np.datetime64("2015-01-01")
    made_on = [str(day + int(k)) for k in rng.integers(0, 3000, 300)]
    made_on[150:210] = [str(day + 2900 + int(k)) for k in rng.integers(0, 5, 60)]
    Path("map.csv").write_text("created_at\n" + "\n".join(made_on), encoding="utf-8")
    assert run(["authenticity", "growth", "map.csv", "--map", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert any(block["first"] <= 180 <= block["last"] for block in record["blocks"])
    assert run(["authenticity", "growth", "map.csv", "--map", "--lang", "fr"]) == 0
    assert "comptes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["audience", "none.csv"], 4, "no such file"),
        (["audience", "followers.csv"], 4, "neither a reference nor a label"),
        (["audience", "followers.csv", "--labels", "events.csv"], 4, "which follower a label is about"),
        (["growth", "followers.csv"], 4, "no column 'time'"),
        (["growth", "events.csv"], 4, "no column 'followers'"),
        (["growth", "odd.csv"], 4, "odd.csv:3"),
        (["growth", "counts.csv", "--map", "--events", "events.csv"], 2, "not with --map"),
        (["audience", "notes.txt"], 4, "is no table"),
        (["audience", "empty.csv"], 4, "no rows"),
    ],
)
def test_errors_name_the_place(place: Path, arguments: list[str], code: int, words: str, capsys) -> None:
    Path("odd.csv").write_text("date,followers\n2026-01-01,12\nyesterday,14\n", encoding="utf-8")
    Path("notes.txt").write_text("x", encoding="utf-8")
    Path("empty.csv").write_text("", encoding="utf-8")
    assert run(["authenticity", *arguments]) == code
    assert words in capsys.readouterr().err


def test_a_finding_is_kept_answered_and_reversed(place: Path, capsys) -> None:
    home = ["--home", str(place / "home")]
    assert run(["authenticity", "findings", *home]) == 0
    assert "No finding was kept here yet" in capsys.readouterr().err
    assert not (place / "home").exists()
    whose = ["--about", "x:12345678", *home, "--json"]
    assert run(["authenticity", "audience", "followers.csv", "--reference", "judged.csv", *whose]) == 0
    id = json.loads(capsys.readouterr().out)["finding"]
    assert run(["authenticity", "growth", "counts.csv", "--events", "events.csv", *whose]) == 0
    capsys.readouterr()
    decided = ["decide", id, "watch", "--by", "Claire", "--words", "No campaign known."]
    replied = ["reply", id, "--account", "x:12345678", "--words", "Ask my agency."]
    reversed_ = ["reverse", id, "1", "--by", "Paul", "--words", "The agency explained it."]
    for command in (decided, replied, reversed_):
        assert run(["authenticity", *command, *home]) == 0
    capsys.readouterr()
    assert run(["authenticity", "findings", "--about", "x:12345678", "--json", "--lang", "fr", *home]) == 0
    said = capsys.readouterr().out
    assert "12345678" not in said
    assert "radio" not in said
    audience, growth = json.loads(said)
    assert [event["kind"] for event in audience["events"]] == ["decision", "reply", "reversal"]
    assert audience["standing"] is None
    assert len(audience["cautions"]) == 8
    assert growth["seen"]["jumps"][0]["events"] == 1
    assert run(["authenticity", "reverse", id, "1", "--by", "Paul", "--words", "Again.", *home]) == 4
    assert run(["authenticity", "findings", *home]) == 0
    assert id in capsys.readouterr().out
