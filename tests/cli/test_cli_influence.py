"""``entregent influence``: from files or a graph to lines, JSON and tables; what can stop it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from entregent.cli.main import run

ARCS = "listener,speaker,chance\na,star,1\nb,star,1\nc,star,0.5\ne,d,1\nstar,star,1\na,star,1\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "arcs.csv").write_text(ARCS, encoding="utf-8")
    return tmp_path


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    status = run(["influence", *arguments, "--json", "-q"])
    out, err = capsys.readouterr()
    assert status == 0, err
    return json.loads(out)


def _refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    status = run(["influence", *arguments, "-q"])
    out, err = capsys.readouterr()
    assert status in (2, 4), err
    assert not out
    return err


def test_circle_of_a_graph_with_chances(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = _json(capsys, "circle", "--graph", "arcs.csv", "--k", "2", "--out", "tables")
    assert [member["id"] for member in found["members"]] == ["star", "d"]
    # star, a, b surely, c half the time; d and e.
    assert found["judged"]["value"] == pytest.approx(5.5, abs=0.1)
    assert found["lower"] <= 5.5 <= found["upper"]
    assert found["moves"]["chances"] == "given"
    assert {path.name for path in (here / "tables").iterdir()} == {
        "circle.csv",
        "circle.parquet",
        "circle_overlap.csv",
        "circle_overlap.parquet",
    }


def test_circle_keeps_to_its_limits(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = _json(capsys, "circle", "--graph", "arcs.csv", "--k", "2", "--keep", "c", "--exclude", "star")
    assert [member["id"] for member in kept["members"]] == ["c", "d"]
    (here / "prices.csv").write_text("account;price\nstar;90,5\nd;10\n", encoding="utf-8")
    dear = _json(capsys, "circle", "--graph", "arcs.csv", "--prices", "prices.csv", "--budget", "50")
    assert [member["id"] for member in dear["members"]] == ["d"]
    assert dear["cost"] == 10
    (here / "weights.csv").write_text("account,weight\ne,7\n", encoding="utf-8")
    worth = _json(capsys, "circle", "--graph", "arcs.csv", "--k", "1", "--weights", "weights.csv")
    assert worth["judged"]["value"] == 7


def test_circle_of_a_graph_in_pieces(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "pieces.csv").write_text(
        "listener,speaker,chance\na,b,1\nc,d,1\ne,d,1\nf,g,0\n", encoding="utf-8"
    )
    found = _json(capsys, "circle", "--graph", "pieces.csv", "--k", "2")
    assert [member["id"] for member in found["members"]] == ["d", "b"]
    assert found["judged"]["value"] == 5


def test_circle_in_words(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["influence", "circle", "--graph", "arcs.csv", "--k", "2", "-q", "--lang", "fr"]) == 0
    out, err = capsys.readouterr()
    assert "2 personnes" in out
    assert "données avec le graphe" in out
    assert "graph.self_loops" in err
    assert "Traceback" not in err


def test_textbook_chances_are_named(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "bare.csv").write_text("listener,speaker\na,b\nc,b\n", encoding="utf-8")
    assert run(["influence", "circle", "--graph", "bare.csv", "--k", "1", "-q"]) == 0
    assert "textbook rule" in capsys.readouterr().out
    linear = _json(capsys, "circle", "--graph", "bare.csv", "--k", "1", "--linear-threshold")
    assert linear["moves"]["chances"] == "shares-of-acts"
    half = _json(
        capsys, "circle", "--graph", "bare.csv", "--k", "1", "--chances", "uniform", "--chance", "0.5"
    )
    assert half["judged"]["value"] == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("circle",), "FILE or --graph"),
        (("circle", "--graph", "arcs.csv", "--k", "20"), "20 people were asked for, of 6"),
        (("circle", "--graph", "arcs.csv", "--keep", "stra"), "'star'"),
        (("circle", "--graph", "arcs.csv", "--budget", "1"), "no price"),
        (("circle", "--graph", "arcs.csv", "--budget", "1", "--price", "3"), "below every price"),
        (("circle", "--graph", "none.csv"), "no such file"),
        (("circle", "--graph", "loops.csv"), "no arc between two people"),
        (("circle", "--graph", "empty.csv"), "no arc between two people"),
        (("circle", "--graph", "arcs.csv", "--chances", "uniform", "--chance", "1.5"), "outside [0, 1]"),
        (("circle", "--graph", "arcs.csv", "--chances", "uniform", "--chance", "-1"), "outside [0, 1]"),
        (("circle", "--graph", "arcs.csv", "--budget", "nan", "--price", "3"), "budget is nan"),
        (("circle", "--graph", "arcs.csv", "--budget", "5", "--price", "-3"), "-3"),
        (("seeding", "--graph", "loops.csv"), "no arc between two people"),
        (("effect", "empty.csv"), "do not say who did what"),
        (("effect", "arcs.csv", "--draws", "3"), "50<=x"),
        (("circle", "--graph", "arcs.csv", "--chances", "uniform", "--weights", "arcs.csv"), "'account'"),
        (("seeding", "--graph", "arcs.csv"), "too few people"),
        (("seeding", "--graph", "arcs.csv", "--ordinary", "0.9", "0.5"), "too few people"),
    ],
)
def test_what_cannot_be_used(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    (here / "loops.csv").write_text("listener,speaker\na,a\nb,b\n", encoding="utf-8")
    (here / "empty.csv").write_text("listener,speaker\n", encoding="utf-8")
    assert says.strip("'") in _refused(capsys, *arguments)


@pytest.mark.parametrize("cell", ["1.5", "-0.1", "much"])
def test_a_chance_outside_of_0_and_1(here: Path, capsys: pytest.CaptureFixture[str], cell: str) -> None:
    (here / "bad.csv").write_text(f"listener,speaker,chance\na,b,{cell}\n", encoding="utf-8")
    assert (
        "bad.csv" in (err := _refused(capsys, "circle", "--graph", "bad.csv", "--k", "1")) or "row 1" in err
    )


def test_seeding_of_a_graph(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [f"p{k},star{k % 4},0.3" for k in range(120)] + [
        f"p{k},p{(k * 7 + 1) % 120},0.05" for k in range(120)
    ]
    (here / "many.csv").write_text("listener,speaker,chance\n" + "\n".join(rows) + "\n", encoding="utf-8")
    prices = ("--fixed", "10", "--per-follower", "0", "--budget", "30", "--draws", "40", "--steps", "3")
    found = _json(capsys, "seeding", "--graph", "many.csv", "--stars", "0.04", *prices, "--out", "tables")
    by_kind = {group["kind"]: group for group in found["groups"]}
    # Everybody costs the same: three stars of four, each with thirty listeners.
    assert by_kind["stars"]["people"] == 3
    assert by_kind["stars"]["extra"]["value"] > 5 * by_kind["random"]["extra"]["value"]
    assert (here / "tables" / "seeding.csv").is_file()
    assert "below every price" in _refused(
        capsys, "seeding", "--graph", "many.csv", "--fixed", "10", "--budget", "3"
    )
    assert "no budget" in _refused(capsys, "seeding", "--graph", "many.csv", "--fixed", "10")
    assert run(["influence", "seeding", "--graph", "many.csv", "-q", "--draws", "20", "--steps", "2"]) == 0
    assert "price of one follower" in capsys.readouterr().out


def _acts(here: Path) -> list[str]:
    lines = (
        f"user{n % 23},item{n % 41},2024-05-{n % 28 + 1:02}T{n % 24:02}:{n % 60:02}:00Z" for n in range(900)
    )
    (here / "acts.csv").write_text("who,what,when\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return ["acts.csv", "--map", "account=who", "--map", "object=what", "--map", "time=when"]


def test_acts_that_tell_no_exposure(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = _acts(here)
    assert "who listens to whom" in _refused(capsys, "circle", *files)
    assert "cannot be learned" in _refused(capsys, "circle", *files, "--chances", "learned")


def test_rank_says_why_it_cannot_tell(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = _json(capsys, "rank", *_acts(here))
    assert found["cannot_tell"]["code"].startswith("heard.")


def _followed(here: Path) -> list[str]:
    """Forty things that star shows and three of ten followers take up an hour later; twenty of their own."""
    rows, follows = [], ["listener,speaker"]
    for n in range(40):
        day = f"2024-05-{n % 28 + 1:02}"
        rows.append(f"star,shown{n},{day}T10:00:00Z")
        rows += [f"fan{(n * 3 + k) % 10},shown{n},{day}T11:0{k}:00Z" for k in range(3)]
    for n in range(20):
        day = f"2024-05-{n + 1:02}"
        rows += [f"other{(n + k) % 9},own{n},{day}T1{k}:30:00Z" for k in range(4)]
        rows += [f"fan{n % 10},own{n},{day}T20:00:00Z"]
    follows += [f"fan{n},star" for n in range(10)] + [f"other{n},other{(n + 1) % 9}" for n in range(9)]
    follows += ["fan1,fan1", "fan2,star", "fan2,star"]
    (here / "acts.csv").write_text("who,what,when\n" + "\n".join(rows) + "\n", encoding="utf-8")
    (here / "follows.csv").write_text("\n".join(follows) + "\n", encoding="utf-8")
    columns = ("--map", "account=who", "--map", "object=what", "--map", "time=when")
    return ["acts.csv", "--edges", "follows.csv", *columns]


def test_effect_with_the_posts_and_people_behind_it(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = _followed(here)
    found = _json(capsys, "effect", *files, "--person", "star", "--person", "fan0", "--out", "tables")
    star, fan = found["people"]
    assert star["handle"] == "star"
    assert star["total"]["low"] <= star["total"]["value"] <= star["total"]["high"]
    assert star["total"]["value"] > 60
    assert (star["acted_after"], star["people"], star["exposure"]) == (120, 10, "follows")
    assert all(person["handle"].startswith("fan") for person in star["moved"])
    assert all(
        post["id"].endswith(tuple(map(str, range(40)))) and post["own"] is False for post in star["posts"]
    )
    assert fan["total"]["code"] == "effect.no_listeners"
    rows = (here / "tables" / "moved.csv").read_text(encoding="utf-8").splitlines()
    assert len(rows) == 1 + 120
    assert (here / "tables" / "effects.parquet").is_file()


def test_effect_in_words(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = _followed(here)
    assert run(["influence", "effect", *files, "--person", "star", "-q", "--lang", "fr"]) == 0
    out, _ = capsys.readouterr()
    assert "n’auraient pas eu lieu sans l’influence" in out
    assert "Personnes entraînées" in out
    assert "fan" in out
    assert run(["influence", "effect", *files, "--top", "4", "-q"]) == 0
    out, _ = capsys.readouterr()
    assert "star" in out
    assert run(["influence", "effect", *files, "--person", "fan0", "-q"]) == 0
    out, _ = capsys.readouterr()
    assert "Nobody is known to listen" in out
    assert "need not know who saw what" in out


def test_effect_without_exposure_names_other_ways(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = _acts(here)
    assert run(["influence", "effect", *files, "--person", "user3", "-q"]) == 0
    out, _ = capsys.readouterr()
    assert "Nothing tells who could see whose acts." in out
    assert "Who told you?" in out
    (person,) = _json(capsys, "effect", *files, "--person", "user3")["people"]
    assert person["total"]["code"] == "diffusion.no_exposure"
    assert "user33" not in _refused(capsys, "effect", *files, "--person", "nobody at all")
    assert "Valid: file:user3" in _refused(capsys, "effect", *files, "--person", "file:usr3")


def test_effect_of_people_with_one_item_or_alone(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "acts.csv").write_text(
        "who,what,when\na,x,2024-05-01T10:00:00Z\nb,x,2024-05-01T11:00:00Z\n", encoding="utf-8"
    )
    (here / "follows.csv").write_text("listener,speaker\nb,a\n", encoding="utf-8")
    columns = ("--map", "account=who", "--map", "object=what", "--map", "time=when")
    files = ("acts.csv", "--edges", "follows.csv", *columns)
    (person,) = _json(capsys, "effect", *files, "--person", "a")["people"]
    assert person["total"]["code"] == "diffusion.too_few"
    (here / "follows.csv").write_text("listener,speaker\na,a\n", encoding="utf-8")
    (person,) = _json(capsys, "effect", *files, "--person", "a")["people"]
    assert person["total"]["code"] == "diffusion.no_exposure"


def test_effect_with_and_without_some(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = (*_followed(here), "--person", "star")
    some = [part for n in range(5) for part in ("--leave-out", f"fan{n}")]
    (star,) = _json(capsys, "effect", *files, *some, "--out", "tables")["people"]
    assert (star["acted_after"], star["people"]) == (60, 5)
    assert {person["handle"] for person in star["moved"]} <= {f"fan{n}" for n in range(5, 10)}
    assert "fan0" not in (here / "tables" / "moved.csv").read_text(encoding="utf-8")
    assert "'nobody'" in _refused(capsys, "effect", *files, "--leave-out", "nobody")
    everybody = [
        part for n in range(10) for part in ("--leave-out", f"fan{n}", "--leave-out", f"other{n % 9}")
    ]
    (star,) = _json(capsys, "effect", *files, *everybody)["people"]
    assert star["total"]["code"] == "diffusion.no_exposure"
