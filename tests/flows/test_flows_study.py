"""The main job on a real format, end to end."""

import io
import json
from dataclasses import replace
from datetime import timedelta

import pyarrow.parquet as pq
import pytest
from small_conversation import GAP, NOW, PEOPLE, START, did

from entregent.clock import Period, parse_moment
from entregent.config import Config
from entregent.errors import Cancelled, InputError, OutputError, QueryError
from entregent.flows.study import StudyRequest, publish, run_study
from entregent.progress import Quiet
from entregent.report.model import CoverageCheck, NetworkPicture, Overlap
from entregent.results import CannotTell, Estimate
from entregent.store.archive import Archive
from entregent.store.erase import erase
from entregent.store.state import State


def _plain(path):
    return str(pq.read_table(path).to_pylist()).encode() if path.suffix == ".parquet" else path.read_bytes()


SLOT = timedelta(hours=6)


@pytest.fixture(scope="module")
def study(jetstream):
    return run_study(StudyRequest((str(jetstream),), seed=5), now=NOW)


def test_every_event_is_accounted_for(study, jetstream):
    lines = jetstream.read_text(encoding="utf-8").splitlines()
    reposts = sum("feed.repost" in line for line in lines)
    assert study.said.posts == len(lines) - reposts
    assert study.said.interactions == reposts
    assert {share.key: share.count for share in study.said.kinds} == {"repost": reposts}
    assert sum(slot.posts or 0 for slot in study.said.slots) == study.said.posts
    (file,) = study.provenance.inputs
    assert file.rows == len(lines)


def test_the_gap_is_stated_and_never_counted_as_zero(study):
    (gap,) = study.said.gaps
    assert (gap.start - START).days < GAP[0] <= (gap.end - START).days <= GAP[1]
    unknown = [slot for slot in study.said.slots if slot.posts is None]
    covered = [s for s in study.said.slots if gap.start <= s.start and s.start + SLOT <= gap.end]
    assert unknown == covered
    assert len(unknown) > 5
    assert all(slot.interactions is None for slot in unknown)


def test_languages_are_completed_from_texts_and_said_to_be(study):
    assert study.said.languages[0].key == "fr"
    assert 0.4 * study.said.posts < study.said.languages_detected < 0.6 * study.said.posts


def test_shared_links_and_hashtags_count_people(study):
    assert study.said.top_links[0].key == "https://example.org/a"
    assert study.said.top_links[0].people == PEOPLE
    assert study.said.top_hashtags[0].key == "GrèveRail"


def test_the_order_is_that_of_the_lower_end_and_finds_who_is_heard(study):
    lows = [p.heard.low for p in study.people if isinstance(p.heard, Estimate)]
    assert lows == sorted(lows, reverse=True)
    top = [int(p.id[-2:]) for p in study.people[:8]]
    assert min(top) > PEOPLE / 2
    assert all(p.effective is not None for p in study.people[:20])
    assert all(p.known.value is None for p in study.people)
    assert isinstance(study.heard_check, CoverageCheck)


def test_the_evidence_carries_the_number(study):
    first = study.people[0]
    acts = study.tables["acts"].to_pylist()
    for item in first.evidence:
        assert item.people == len({a["actor"] for a in acts if a["object"] == item.id})
        assert item.kinds["repost"] == item.people
        assert item.text


def test_who_listens_to_whom(study):
    assert isinstance(study.network, NetworkPicture)
    assert isinstance(study.overlap, Overlap)
    handles = study.overlap.handles
    assert len(handles) == 12
    assert all(study.overlap.shared[i][i] >= study.overlap.shared[i][j] for i in range(12) for j in range(12))


def test_the_same_seed_gives_the_same_study(study, jetstream):
    again = run_study(StudyRequest((str(jetstream),), seed=5), now=NOW)
    assert again.people == study.people
    assert again.network == study.network
    assert all(again.tables[name].equals(table) for name, table in study.tables.items())


def test_a_topic_keeps_what_matches_and_the_acts_on_it(study, jetstream):
    found = run_study(StudyRequest((str(jetstream),), topic="café SAUF train"), now=NOW)
    assert 0 < found.said.posts < 0.4 * study.said.posts
    kept = set(found.tables["posts"].column("post").to_pylist())
    assert {a["object"] for a in found.tables["acts"].to_pylist()} <= kept
    assert all("café" in text for text in found.tables["posts"].column("text").to_pylist())


def test_a_topic_may_ask_what_the_network_says(study, jetstream):
    found = run_study(StudyRequest((str(jetstream),), topic="café lang:fr"), now=NOW)
    posts = found.tables["posts"].to_pylist()
    wanted = [p for p in study.tables["posts"].to_pylist() if "café" in p["text"] and p["lang"] == "fr"]
    assert {post["post"] for post in posts} == {post["post"] for post in wanted}
    assert any(post["lang_detected"] for post in posts)
    author = posts[0]["account"]
    found = run_study(StudyRequest((str(jetstream),), topic=f"author:{author}"), now=NOW)
    assert {post["account"] for post in found.tables["posts"].to_pylist()} == {author}


def test_a_period_is_half_open(jetstream):
    period = Period(parse_moment("2024-03-03"), parse_moment("2024-03-05", end=True))
    found = run_study(StudyRequest((str(jetstream),), period=period), now=NOW)
    times = found.tables["posts"].column("time").to_pylist()
    assert {t.day for t in times} == {3, 4, 5}


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"topic": "licorne"}, InputError, "Widen --topic"),
        ({"topic": "(train"}, QueryError, "not closed"),
        ({"period": Period(parse_moment("2030-01-01"))}, InputError, "They date from"),
        ({"paths": ("nowhere.jsonl",)}, InputError, "nowhere.jsonl"),
        ({"paths": ()}, InputError, "standard input"),
        ({"people": 0}, InputError, "1 to 200"),
        ({"format": "telepathy"}, InputError, "jetstream"),
    ],
)
def test_what_cannot_be_done_is_said(jetstream, change, error, says):
    with pytest.raises(error, match=says):
        run_study(replace(StudyRequest((str(jetstream),)), **change), now=NOW)


def test_a_pseudonymised_study_names_nobody(jetstream, tmp_path):
    home = tmp_path / "home"
    request = StudyRequest((str(jetstream),), pseudonymise=True, config=Config(home=home))
    made = publish(request, tmp_path / "out", now=NOW)
    told = json.loads((tmp_path / "out/study.json").read_text(encoding="utf-8"))
    assert told["seed"] == request.seed or told["provenance"]["seed"] == request.seed
    for path in made.files:
        data = _plain(path)
        assert b"did:plc" not in data, path
        assert "équipe".encode() not in data, path
    with State.open(home) as state:
        (entry,) = state.studies_holding("bluesky:" + did(20))
        assert entry == made.entry
        assert state.studies_holding("bluesky:did:plc:nobody") == ()


def test_an_erased_person_is_in_no_later_study(jetstream, tmp_path):
    home = tmp_path / "home"
    with Archive.open(home, writer=True) as archive:
        erase(archive, "bluesky:" + did(29), NOW)
    made = publish(StudyRequest((str(jetstream),), config=Config(home=home)), tmp_path / "out", now=NOW)
    for path in made.files:
        data = (
            str(pq.read_table(path).to_pylist()).encode() if path.suffix == ".parquet" else path.read_bytes()
        )
        assert did(29).encode() not in data, path


def test_nothing_is_left_where_the_place_is_taken(jetstream, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError):
        publish(StudyRequest((str(jetstream),), config=Config(home=tmp_path / "home")), out, now=NOW)
    assert [path.name for path in out.iterdir()] == ["thesis.txt"]


def test_a_stop_is_heard(jetstream, tmp_path):
    class Stop(Quiet):
        def cancelled(self):
            return True

    out = tmp_path / "out"
    with pytest.raises(Cancelled):
        publish(
            StudyRequest((str(jetstream),), config=Config(home=tmp_path / "home")),
            out,
            now=NOW,
            progress=Stop(),
        )
    assert not out.exists()


def test_standard_input(jetstream):
    stdin = io.BytesIO(jetstream.read_bytes())
    found = run_study(StudyRequest(("-",), stdin=stdin), now=NOW)
    assert found.said.posts > 400


def test_bare_actions_cannot_tell_who_is_heard(tmp_path):
    path = tmp_path / "acts.csv"
    rows = [f"o{n % 40},a{n % 25},{1_700_000_000 + 600 * n}" for n in range(400)]
    path.write_text("object_id,account_id,timestamp_share\n" + "\n".join(rows) + "\n", encoding="utf-8")
    found = run_study(StudyRequest((str(path),)), now=NOW)
    assert isinstance(found.people_reason, CannotTell)
    assert found.people == ()
    assert found.said.top_posts[0].people > 1
    assert isinstance(found.network, CannotTell)


def test_why_nothing_is_left_is_said(tmp_path):
    path = tmp_path / "nobody.jsonl"
    status = {"id_str": "1", "created_at": "Wed May 01 10:00:00 +0000 2024", "full_text": "x", "user": None}
    path.write_text("".join(json.dumps(status | {"id_str": str(n)}) + "\n" for n in range(9)))
    with pytest.raises(InputError, match=r"without an author was left out.*9 x.*nobody\.jsonl:1"):
        run_study(StudyRequest((str(path),)), now=NOW)


def test_a_title_from_a_terminal_without_utf8_is_readable(jetstream, tmp_path):
    told = "été".encode().decode("ascii", "surrogateescape")
    request = StudyRequest((str(jetstream),), title=told, config=Config(home=tmp_path / "home"))
    assert publish(request, tmp_path / "made", now=NOW).study.title == "été"
