"""Findings: cautions travel along, people decide, reply, reverse; nobody is listed, erasure reaches all."""

from __future__ import annotations

import inspect
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from entregent.errors import InputError
from entregent.i18n import T
from entregent.store import findings
from entregent.store.archive import Archive
from entregent.store.erase import erase
from entregent.store.findings import (
    Finding,
    decide,
    exported,
    forget_expired,
    keep,
    kept,
    reply,
    reverse,
)
from entregent.store.state import State

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STAR, FAN, OTHER = "x:1234567890123", "x:2345678901234", "x:3456789012345"
SEEN: dict[str, Any] = {
    "share": {"value": 0.31, "low": 0.25, "high": 0.37},
    "people": 1000,
    "note": "a sample",
}
CAUTIONS = (T("Old accounts that nobody uses any more look like fake ones."),)


def kept_one(state: State, **more: Any) -> str:
    told: dict[str, Any] = {
        "about": STAR,
        "method": "graded adjusted count",
        "version": "0.1.0",
        "seed": 7,
        "now": NOW,
    }
    return keep(state, "audience", more.pop("seen", SEEN), more.pop("cautions", CAUTIONS), **(told | more))


@pytest.fixture
def state(tmp_path: Path):
    with State.open(tmp_path) as opened:
        yield opened


def test_a_finding_holds_what_was_seen_when_and_by_which_version(state: State) -> None:
    id = kept_one(state)
    (found,) = kept(state, about=STAR)
    assert isinstance(found, Finding)
    assert (found.id, found.kind, found.seen, found.people) == (id, "audience", SEEN, 1)
    assert (found.version, found.method, found.seed, found.made_at) == (
        "0.1.0",
        "graded adjusted count",
        7,
        NOW,
    )
    assert found.expires == NOW + timedelta(days=180)
    assert found.cautions["fr"][0].startswith("D’anciens comptes")
    assert kept(state, about=FAN) == ()


def test_decision_reply_and_reversal_stay_on_record(state: State) -> None:
    id = kept_one(state)
    first = decide(
        state, id, "act", by="Claire M.", words="Contract is paused; no prize draw known.", now=NOW
    )
    reply(state, id, account=STAR, words="I was on television that day.", now=NOW + timedelta(days=1))
    (found,) = kept(state, id=id)
    assert found.standing is not None
    assert found.standing.decision == "act"
    later = NOW + timedelta(days=2)
    reverse(state, id, first, by="Paul D.", words="Television explains it.", now=later)
    (found,) = kept(state, id=id)
    assert found.standing is None
    assert [event.kind for event in found.events] == ["decision", "reply", "reversal"]
    assert found.events[2].reverses == first
    assert found.events[0].words == "Contract is paused; no prize draw known."
    with pytest.raises(InputError, match="no decision that stands"):
        reverse(state, id, first, by="Paul D.", words="Again.", now=later)
    decide(state, id, "explained", by="Paul D.", words="Television.", now=later)
    (found,) = kept(state, id=id)
    assert found.standing is not None
    assert found.standing.decision == "explained"


def test_nothing_edits_an_event() -> None:
    """Only an erasure changes what was added."""
    writers = {
        name
        for name, function in inspect.getmembers(findings, inspect.isfunction)
        if "sa.update" in inspect.getsource(function)
    }
    assert writers == {"forget_person"}


def test_a_program_decides_nothing_and_reasons_are_given(state: State) -> None:
    id = kept_one(state)
    for arguments, words in (
        ({"by": " ", "words": "because"}, "Nobody is named"),
        ({"by": "Claire", "words": " "}, "no reason"),
    ):
        with pytest.raises(InputError, match=words):
            decide(state, id, "watch", now=NOW, **arguments)
    with pytest.raises(InputError, match="no decision"):
        decide(state, id, "ban", by="Claire", words="because", now=NOW)
    with pytest.raises(InputError, match="expired"):
        decide(state, id, "watch", by="Claire", words="because", now=NOW + timedelta(days=181))
    with pytest.raises(InputError, match="There is no finding"):
        decide(state, "none", "watch", by="Claire", words="because", now=NOW)
    with pytest.raises(InputError, match="concerns this account"):
        reply(state, id, account=FAN, words="It was not me.", now=NOW)


def test_no_caution_no_finding(state: State) -> None:
    with pytest.raises(InputError, match="verdict"):
        kept_one(state, cautions=())
    with pytest.raises(InputError, match="no kind"):
        keep(state, "bots", SEEN, CAUTIONS, method="m", version="1", seed=1, now=NOW)


@pytest.mark.parametrize(
    "seen",
    [
        {"bots": [FAN, OTHER]},
        {"worst": {FAN: 0.99}},
        {"who": FAN.split(":")[1]},
        {"deep": [{"rows": [["a", "bluesky:did:plc:abc"]]}]},
    ],
)
def test_a_list_of_accounts_cannot_be_kept(state: State, seen: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="names somebody"):
        kept_one(state, seen=seen, members=(FAN, OTHER))
    assert kept(state) == ()


def test_no_list_of_accounts_can_be_exported(state: State, tmp_path: Path) -> None:
    group = kept_one(state, about=None, members=(FAN, OTHER, "mastodon:@bob@example.org"))
    kept_one(state)
    reply(state, group, account=FAN, words="We are colleagues.", now=NOW)
    for about in (None, FAN, STAR):
        for lang in ("fr", "en"):
            for record in exported(state, lang, about=about):
                assert record["cautions"]
                text = json.dumps(record)
                for name in (STAR, FAN, OTHER, "bob"):
                    assert name not in text
                    assert name.partition(":")[2] not in text or ":" not in name
    state.scrub()
    # Not in the database either: whoever copies it holds no list.
    with sqlite3.connect(tmp_path / "state.sqlite") as con:
        whole = "\n".join(con.iterdump())
    con.close()
    assert not any(name.partition(":")[2] in whole for name in (STAR, FAN, OTHER))


def test_what_expired_goes(state: State) -> None:
    id = kept_one(state)
    reply(state, id, account=STAR, words="No.", now=NOW)
    assert forget_expired(state, NOW + timedelta(days=179)) == 0
    assert forget_expired(state, NOW + timedelta(days=180)) == 1
    with state.read() as con:
        for table in (findings.findings, findings.finding_people, findings.finding_events):
            assert con.execute(table.select()).all() == []


def test_erasure_reaches_findings(tmp_path: Path) -> None:
    with Archive.open(tmp_path, writer=True) as archive:
        state = archive.state
        mine = kept_one(state)
        group = kept_one(state, about=None, members=(STAR, FAN))
        decide(state, mine, "watch", by="Claire", words="To see.", now=NOW)
        reply(state, group, account=STAR, words="It was my birthday.", now=NOW)
        decide(state, group, "explained", by="Claire", words=f"{STAR} and the other are colleagues.", now=NOW)
        erase(archive, STAR, NOW + timedelta(days=1))
        (left,) = kept(state)
        assert left.id == group
        assert left.people == 1
        assert [event.kind for event in left.events] == ["reply", "decision", "erasure"]
        assert left.events[0].words == "[erased]"
        assert "1234567890123" not in left.events[1].words
        assert kept(state, about=STAR) == ()
        assert [found.id for found in kept(state, about=FAN)] == [group]
    assert b"birthday" not in (tmp_path / "state.sqlite").read_bytes()
