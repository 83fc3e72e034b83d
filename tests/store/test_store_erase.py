"""After an erasure the disk holds neither the id nor the texts of the person, and they do not come back."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from store_batches import START, account, act, batch, grave, hour, payload, post, seen

from entregent.errors import InputError
from entregent.i18n import T
from entregent.results import Notice
from entregent.sources.base import Batch
from entregent.store import fulltext
from entregent.store.archive import Archive
from entregent.store.erase import erase
from entregent.store.state import StudyEntry
from entregent.store.watch_tables import mentions

NOW = datetime(2024, 6, 1, tzinfo=UTC)
SECRET = "ce que j’ai écrit ce soir-là"

PEOPLE = {
    "x": ("x:445917982051", "x:{}", "x:4459179820519"),
    "bluesky": (
        "bluesky:did:plc:ann2345",
        "bluesky:at://did:plc:ann2345/app.bsky.feed.post/{}",
        "bluesky:did:plc:ann23456",
    ),
    "mastodon": (
        "mastodon:https://piaille.example/users/ann",
        "mastodon:https://piaille.example/users/ann/statuses/{}",
        "mastodon:https://piaille.example/users/ann-marie",
    ),
    "short": ("file:a", "file:p{}", "file:ab"),
}


def conversation(person: str, pattern: str, other: str) -> Batch:
    """Return a person's records, and those of others that touch them in every way."""
    own = [pattern.format(n) for n in range(3)]
    native = person.partition(":")[2]
    posts = [
        post(0, person, id=own[0], text=SECRET),
        post(1, person, id=own[1], text=SECRET + " encore"),
        post(30, other, id="x:reply", parent=own[0], parent_account=person, root=own[0], text="a reply"),
        post(31, other, id="x:quote", quoted=own[1], quoted_account=person, text="a quote"),
        post(
            32,
            other,
            id="x:mention",
            mentions=[person, "x:third", person.partition(":")[0] + ":@ann"],
            text="a mention",
        ),
        post(33, other, id="x:apart", text="apart from all that"),
        post(
            34,
            other,
            id="x:words",
            text=f"look at {native}, yes {native} there",
            links=[f"https://w.example/{native}"],
        ),
    ]
    return batch(
        posts=posts,
        accounts=[
            account(person, handle="ann"),
            account(other),
            account("x:third", description=f"friend of {native}"),
        ],
        interactions=[
            act("own", person, object="x:apart"),
            act("towards", other, object=own[0]),
            act("follow", other, kind="follow", target=person),
            act("apart", other, object="x:apart"),
        ],
        observations=[
            seen(person, "followers", 5, START),
            seen(own[0], "likes", 5, START, "post"),
            seen(other, "followers", 6, START),
        ],
        tombstones=[grave(pattern.format(2)), grave("x:gone")],
        raw=[
            payload(own[0], json.dumps({"text": SECRET, "by": native})),
            payload("x:itowards", json.dumps({"of": {"user": native, "text": SECRET}}).replace("/", "\\/")),
            payload("x:iapart", json.dumps({"by": other, "n": 12})),
        ],
    )


def traces(home: Path, *secrets: str) -> Iterator[str]:
    """Yield where a text is on disk: in the bytes of any file, or in what a Parquet file holds."""
    for path in sorted(home.rglob("*")):
        if not path.is_file():
            continue
        held = [path.read_bytes().decode("utf-8", "replace")]
        if path.name == "state.sqlite":
            with closing(sqlite3.connect(path)) as con:
                for (rows,) in con.execute("SELECT held FROM hot"):
                    table = pa.ipc.open_stream(rows).read_all()
                    held.append(json.dumps(table.to_pylist(), default=str, ensure_ascii=False))
        if path.suffix == ".parquet":
            held.append(json.dumps(pq.read_table(path).to_pylist(), default=str, ensure_ascii=False))
        for secret in secrets:
            if any(secret in text for text in held):
                yield f"{path.relative_to(home)}: {secret}"


@pytest.fixture(params=PEOPLE)
def told(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    return PEOPLE[request.param]


@pytest.mark.parametrize("live", [False, True])
def test_the_disk_holds_nothing_afterwards(
    archive: Archive, told: tuple[str, str, str], live: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fulltext, "INDEX_FROM", 1)
    person, pattern, other = told
    whole = conversation(*told)
    archive.append(whole, source="s", live=live)
    archive.append(batch(posts=[post(0, person, id=pattern.format(0), text=SECRET + " v2", version=1)]))
    note = Notice("file.odd", T("Record {id} is odd", id=person), where=("f:1",))
    archive.append(Batch(notices=(note,), cursor=person), source="author")
    for n in range(3):
        archive.append(batch(posts=[post(100 + n, other)]), live=live)
    fulltext.index(archive.home, archive.state, archive.segments("posts"))
    with archive.state.begin() as con:
        row = {"watch": "w", "post": pattern.format(0), "time": 0, "spans": "[]"}
        con.execute(sa.insert(mentions), [row, row | {"post": "x:apart"}])
    assert live or any(b"ecrit" in path.read_bytes() for path in archive.home.rglob("*.words"))
    assert any(traces(archive.home, person)), "the test must see what is there"
    assert any(traces(archive.home, SECRET))
    done = erase(archive, person, NOW)
    assert not any(b"ecrit" in path.read_bytes() for path in archive.home.rglob("*") if path.is_file())
    with archive.state.read() as con:
        assert con.scalars(sa.select(mentions.c.post)).all() == ["x:apart"]
    native = person.partition(":")[2]
    # A short id is part of other words; a longer one must be nowhere but in longer ids.
    left = list(traces(archive.home, SECRET, f'"{person}"', f'"{native}"', f" {native} ", f"/{native}/"))
    assert [trace for trace in left if native != "a" or SECRET in trace or person in trace] == []
    assert done.removed["posts"] == 3
    assert done.removed["accounts"] == 1
    assert done.removed["raw"] == 2

    archive.compact(START)
    assert not any(traces(archive.home, SECRET))
    found = {row["id"]: row for row in archive.scan("posts").read_all().to_pylist()}
    assert {"x:reply", "x:quote", "x:mention", "x:apart", "x:words"} <= set(found)
    assert found["x:apart"]["text"] == "apart from all that"
    assert found["x:mention"]["mentions"] == ["x:third"]
    for name in ("parent", "parent_account", "root", "quoted", "quoted_account"):
        assert found["x:reply"][name] is None
        assert found["x:quote"][name] is None
    acts = archive.scan("interactions").read_all().column("id").to_pylist()
    assert sorted(acts) == ["x:iapart", "x:mention#mention:x:third"]
    assert archive.scan("observations").read_all().column("subject").to_pylist() == [other]
    assert archive.scan("raw").read_all().column("id").to_pylist() == ["x:iapart"]
    assert archive.cursor("s") is None
    assert archive.notices() == () or native == "a"


def test_a_longer_id_is_somebody_else(archive: Archive, told: tuple[str, str, str]) -> None:
    person, _, other = told
    native = other.partition(":")[2]
    theirs = batch(
        posts=[post(0, other, text=f"I am {native}.", url=f"https://w.example/{native}")],
        interactions=[act(1, other, object="x:p5", target="x:third")],
        accounts=[account(other)],
        raw=[payload("x:p0", json.dumps({"by": native}))],
    )
    archive.append(theirs)
    before = archive.scan("posts").read_all()
    assert erase(archive, person, NOW).removed == {}
    assert archive.scan("posts").read_all() == before
    assert archive.append(theirs).refused == dict.fromkeys(archive.append(theirs).refused, 0)


def test_an_erased_person_does_not_come_back(archive: Archive, told: tuple[str, str, str]) -> None:
    person, pattern, _ = told
    archive.append(conversation(*told))
    erase(archive, person, NOW)
    before = {
        view: archive.scan(view).read_all().num_rows for view in ("posts", "interactions", "accounts", "raw")
    }
    for _ in range(2):
        again = archive.append(conversation(*told))
        assert again.refused["posts"] == 2
        assert again.refused["accounts"] == 1
        assert again.refused["interactions"] == 3
        assert again.refused["raw"] == 2
        late = batch(
            posts=[
                post(50, person, id=pattern.format(7), text=SECRET),
                post(51, "x:new", parent=pattern.format(0)),
            ],
            interactions=[act("late", "x:new", object=pattern.format(0))],
            raw=[payload(pattern.format(7), SECRET), payload("x:p51", SECRET), payload("x:~page-1", SECRET)],
        )
        archive.append(late)
    after = {view: archive.scan(view).read_all().num_rows for view in before}
    assert after == {**before, "posts": before["posts"] + 1}
    assert not any(traces(archive.home, SECRET))


def test_the_studies_that_hold_the_person_are_named(archive: Archive) -> None:
    entry = StudyEntry("s", "t", "p", NOW, date(2025, 1, 1), ("out",), "ab", 1, False, "0.1.0")
    archive.state.register_study(entry, ["x:445917982051", "x:bob"])
    assert erase(archive, "x:445917982051", NOW).studies == (entry,)
    assert erase(archive, "x:nobody", NOW).studies == ()


def test_erasing_twice_changes_nothing_more(archive: Archive) -> None:
    archive.append(conversation(*PEOPLE["bluesky"]))
    erase(archive, PEOPLE["bluesky"][0], NOW)
    done = erase(archive, PEOPLE["bluesky"][0], NOW)
    assert (done.removed, sum(done.changed.values())) == ({}, 0)


def test_tombstones_stay_in_force_after_an_erasure(archive: Archive) -> None:
    archive.append(conversation(*PEOPLE["x"]))
    archive.append(batch(posts=[post(1)], tombstones=[grave("x:p2")]))
    archive.compact(NOW)
    erase(archive, PEOPLE["x"][0], NOW)
    archive.append(batch(posts=[post(2), post(3)]))
    ids = archive.scan("posts", ["id"]).read_all().column("id").to_pylist()
    assert "x:p2" not in ids
    assert "x:p3" in ids


@pytest.mark.parametrize("id", ["", "x:", ":1", "ann"])
def test_what_is_no_account_id_is_refused(archive: Archive, id: str) -> None:
    with pytest.raises(InputError, match="not the id of an account"):
        erase(archive, id, hour(1))
