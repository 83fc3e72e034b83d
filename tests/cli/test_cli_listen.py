"""``entregent listen`` as a person starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from entregent.cli.listen import duration, keep_days
from entregent.cli.main import run
from entregent.errors import ConfigError, InputError
from entregent.sources.base import Batch
from entregent.store.archive import Archive

MAIN = [sys.executable, "-c", "from entregent.cli.main import main; main()"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in tuple(os.environ):
        if name.startswith("ENTREGENT_"):
            monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def posts(here: Path) -> Path:
    lines = [
        {
            "id": f"p{number}",
            "account": "a",
            "time": f"2024-05-01T08:{number:02d}:00Z",
            "text": f"post {number}",
        }
        for number in range(60)
    ]
    path = here / "posts.csv"
    head = list(lines[0])
    rows = [",".join(head), *(",".join(str(line[name]) for name in head) for line in lines)]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def kept(home: Path) -> int:
    with Archive.open(home, writer=False) as archive:
        return archive.scan("posts", ("id",)).read_all().num_rows


def test_without_a_source_it_says_how_to_set_one_up(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["listen"]) == 3
    told = capsys.readouterr().err
    assert "[sources.news]" in told
    assert "--replay" in told


def test_a_file_is_played_and_kept(posts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["listen", "--replay", str(posts), "--quiet"]) == 0
    assert "replay: 60 new posts, 60 rows, 0 gaps" in capsys.readouterr().out
    assert kept(Path("entregent-data")) == 60


def test_a_source_of_the_settings_is_followed_and_goes_on(
    posts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("entregent.toml").write_text(
        f'[sources.past]\nkind = "replay"\npaths = [{json.dumps(str(posts))}]\n', encoding="utf-8"
    )
    assert run(["listen", "-q"]) == 0
    assert run(["listen", "-q", "--source", "past"]) == 0
    assert "past: 60 new posts" in capsys.readouterr().out.splitlines()[0]
    assert kept(Path("entregent-data")) == 60


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["--source", "nothing"], 3, "'nothing'"),
        (["--replay", "not-there.jsonl"], 6, "no such file"),
        (["--replay", "x", "--for", "soon"], 4, "'soon'"),
        (["--replay", "x", "--zone", "Paris"], 4, "Paris"),
    ],
)
def test_what_is_wrong_is_told(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, told: str
) -> None:
    assert run(["listen", "-q", *arguments]) == status
    assert told in capsys.readouterr().err


def test_sigterm_stops_it_cleanly_and_it_goes_on_later(posts: Path) -> None:
    slowly = [*MAIN, "listen", "--replay", str(posts), "--speed", "600"]
    running = subprocess.Popen(slowly, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert running.stderr is not None
    assert "replay" in running.stderr.readline()
    for _ in range(200):
        if Path("entregent-data/state.sqlite").exists() and kept(Path("entregent-data")):
            break
        time.sleep(0.1)
    running.send_signal(signal.SIGTERM)
    out, err = running.communicate(timeout=30)
    assert running.returncode == 0, err
    assert "Traceback" not in err
    assert 0 < int(out.split()[1]) <= 60
    assert run(["listen", "--replay", str(posts), "-q"]) == 0
    assert kept(Path("entregent-data")) == 60


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("1d", 86400)]
)
def test_durations(text: str, seconds: float) -> None:
    assert duration(text) == seconds


@pytest.mark.parametrize("text", ["", "m", "-5s", "5 weeks", "soon"])
def test_no_durations(text: str) -> None:
    with pytest.raises(InputError):
        duration(text)


class Known:
    def __init__(self, name: str, network: str) -> None:
        self.name, self.network = name, network

    def follow(self, cursor: str | None) -> AsyncIterator[Batch]:
        raise NotImplementedError


def test_sources_say_how_long_the_posts_of_their_network_are_kept() -> None:
    sources = [Known("a", "x"), Known("b", "x"), Known("c", "bluesky"), Known("d", "bluesky")]
    told = {"a": {"keep_days": 30}, "b": {"keep_days": 90}, "c": {"keep_days": 30}, "d": {}}
    assert keep_days(told, sources) == {"x": 90}


@pytest.mark.parametrize("days", ["long", -1, True, 1.5])
def test_a_time_that_is_no_number_of_days_is_refused(days: object) -> None:
    with pytest.raises(ConfigError, match="keep_days"):
        keep_days({"a": {"keep_days": days}}, [Known("a", "x")])


def test_posts_of_files_are_of_any_network(posts: Path, here: Path) -> None:
    table = f'[sources.spring]\nkind = "replay"\npaths = ["{posts}"]\nkeep_days = '
    (here / "entregent.toml").write_text(table + "30\n")
    assert run(["listen", "--home", str(here / "home")]) == 3
    (here / "entregent.toml").write_text(table + "0\n")
    assert run(["listen", "--home", str(here / "home"), "-q"]) == 0
    assert kept(here / "home") == 60
