from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import zstandard

from entregent.clock import parse_moment, to_micros
from entregent.errors import ConfigError, OutputError
from entregent.world import World, WorldSettings, Written, simulate, write
from entregent.world.ids import content_ids, decentralised_ids, timestamp_ids
from entregent.world.kernels import REPOST

_TID = re.compile(r"[234567a-j][2-7a-z]{12}")
_HIDDEN_WORDS = re.compile(r"coordinated|fast_fan|is_bought|influence|susceptib|camouflage", re.IGNORECASE)


@pytest.fixture(scope="module")
def world() -> World:
    return simulate(WorldSettings(people=400, days=30, seed=5, deletions=0.1, hidden=0.2))


@pytest.fixture(scope="module", params=["jetstream", "mastodon", "x"])
def written(
    request: pytest.FixtureRequest, world: World, tmp_path_factory: pytest.TempPathFactory
) -> Written:
    return write(world, tmp_path_factory.mktemp("world") / request.param, request.param)


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def jetstream(world: World, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return lines(write(world, tmp_path_factory.mktemp("j") / "w", "jetstream").conversation)


@pytest.fixture(scope="module")
def mastodon(world: World, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return lines(write(world, tmp_path_factory.mktemp("m") / "w", "mastodon").conversation)


@pytest.fixture(scope="module")
def pages(world: World, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    return lines(write(world, tmp_path_factory.mktemp("x") / "w", "x").conversation)


def test_every_format_writes_a_conversation_a_truth_and_a_manifest(written: Written, world: World) -> None:
    names = {path.name for path in written.files}
    assert {
        "conversation.jsonl",
        "truth.parquet",
        "truth_adoptions.parquet",
        "world.json",
        "README.md",
    } <= names
    assert all(path.is_file() for path in written.files)
    assert len(lines(written.conversation)) == written.lines
    manifest = json.loads((written.directory / "world.json").read_text(encoding="utf-8"))
    assert manifest["settings"]["seed"] == 5
    assert manifest["acts"] == world.acts.item.size
    assert manifest["format"] in (written.directory / "README.md").read_text(encoding="utf-8")


def test_no_truth_is_in_the_conversation(written: Written) -> None:
    assert not _HIDDEN_WORDS.search(written.conversation.read_text(encoding="utf-8"))


def test_truth_uses_the_ids_of_the_conversation(written: Written, world: World) -> None:
    people = pq.read_table(written.directory / "truth.parquet").to_pydict()
    acts = pq.read_table(written.directory / "truth_adoptions.parquet").to_pydict()
    text = written.conversation.read_text(encoding="utf-8")
    assert len(set(people["id"])) == world.population.size
    assert len(set(acts["id"])) == world.acts.item.size
    assert set(acts["account"]) <= set(people["id"])
    assert {cause for cause in acts["cause"] if cause} <= set(acts["id"])
    found = [account.split(":", 1)[1] in text for account in people["id"][:50]]
    assert sum(found) >= 15
    assert sum(people["is_bought"]) == world.population.bought.sum()
    groups = pq.read_table(written.directory / "truth_groups.parquet").to_pydict()
    assert set(groups["members"][0]) <= set(people["id"])


def test_advocates_declare_themselves_in_their_profile(written: Written, world: World) -> None:
    text = written.conversation.read_text(encoding="utf-8")
    declared = re.findall(
        r"travaille chez|Salarié de|#employée|#employee|I work at|y travaille|I work there", text
    )
    assert declared


def test_the_gap_is_in_no_conversation(jetstream: list[Any], mastodon: list[Any], world: World) -> None:
    assert world.settings.gap is not None
    first, last = (to_micros(moment) for moment in world.settings.gap)
    arrived = np.array([line["time_us"] for line in jetstream])
    assert not ((arrived >= first) & (arrived < last)).any()
    assert (arrived > last).any()
    made = np.array([to_micros(parse_moment(status["created_at"])) for status in mastodon])
    assert not ((made >= first) & (made < last)).any()
    assert ((world.acts.time >= first) & (world.acts.time < last)).any()


def test_jetstream_lines_have_their_published_shape(jetstream: list[Any]) -> None:
    assert [line["time_us"] for line in jetstream] == sorted(line["time_us"] for line in jetstream)
    commits = [line for line in jetstream if line["kind"] == "commit"]
    kinds = Counter((line["commit"]["collection"], line["commit"]["operation"]) for line in commits)
    feed = "app.bsky.feed."
    for collection in (feed + "post", feed + "repost", feed + "like", "app.bsky.graph.follow"):
        assert kinds[collection, "create"] > 50
    assert kinds[feed + "post", "delete"] > 10
    for line in commits:
        commit = line["commit"]
        assert line["did"].startswith("did:plc:")
        assert len(line["did"]) == 32
        assert _TID.fullmatch(commit["rev"])
        if commit["operation"] == "create":
            assert commit["record"]["$type"] == commit["collection"]
            assert commit["cid"].startswith("bafyrei")
            assert len(commit["cid"]) == 59
            assert commit["record"]["createdAt"].endswith("Z")
        else:
            assert "record" not in commit
            assert "cid" not in commit


def test_jetstream_references_resolve(jetstream: list[Any], world: World) -> None:
    commits = [line for line in jetstream if line["kind"] == "commit" and "record" in line["commit"]]
    cids = {
        f"at://{line['did']}/{line['commit']['collection']}/{line['commit']['rkey']}": line["commit"]["cid"]
        for line in commits
    }
    missing = seen = 0
    for line in commits:
        record = line["commit"]["record"]
        shown = record.get("subject")
        if isinstance(shown, dict):
            seen += 1
            assert "/app.bsky.feed.post/" in shown["uri"]
            if shown["uri"] in cids:
                assert cids[shown["uri"]] == shown["cid"]
            else:
                missing += 1
    # Only what was posted during the outage is unknown.
    assert 0 < missing < 0.1 * seen


def test_jetstream_facets_point_at_bytes(jetstream: list[Any]) -> None:
    kinds = Counter()
    for line in jetstream:
        record = line.get("commit", {}).get("record", {})
        for facet in record.get("facets", ()):
            part = record["text"].encode()[facet["index"]["byteStart"] : facet["index"]["byteEnd"]].decode()
            feature = facet["features"][0]
            kind = feature["$type"].split("#")[1]
            kinds[kind] += 1
            assert {"tag": "#" + feature.get("tag", ""), "link": feature.get("uri")}.get(kind, part) == part
            assert part[0] in "#@h"
    assert min(kinds["tag"], kinds["link"], kinds["mention"]) > 20


def test_mastodon_statuses_have_their_published_shape(mastodon: list[Any]) -> None:
    fields = {"id", "created_at", "in_reply_to_id", "language", "uri", "url", "content", "reblog", "account"}
    fields |= {"tags", "mentions", "card", "media_attachments", "replies_count", "reblogs_count"}
    boosts = [status for status in mastodon if status["reblog"]]
    assert boosts
    assert all(fields <= status.keys() for status in mastodon)
    for boost in boosts:
        assert boost["content"] == ""
        assert boost["reblog"]["reblog"] is None
        assert boost["reblog"]["content"].startswith("<p>")
        assert boost["uri"].endswith("/activity")
    hidden = [status["account"]["followers_count"] is None for status in mastodon]
    assert 0.02 < np.mean(hidden) < 0.6
    by_id = {status["id"]: status["account"]["id"] for status in mastodon}
    replies = [status for status in mastodon if status["in_reply_to_id"] in by_id]
    assert replies
    assert all(by_id[reply["in_reply_to_id"]] == reply["in_reply_to_account_id"] for reply in replies)
    assert len({status["account"]["uri"].split("/")[2] for status in mastodon}) == 4
    assert any(status["tags"] for status in mastodon)


def test_x_pages_have_their_published_shape(pages: list[Any], world: World) -> None:
    assert all(page.keys() == {"data", "includes", "meta"} for page in pages)
    assert all(len(page["data"]) == page["meta"]["result_count"] <= 100 for page in pages)
    assert ["next_token" in page["meta"] for page in pages] == [True] * (len(pages) - 1) + [False]
    kinds = Counter()
    for page in pages:
        users = {user["id"]: user for user in page["includes"]["users"]}
        tweets = {tweet["id"]: tweet for tweet in page["includes"]["tweets"]}
        for tweet in page["data"]:
            assert tweet["author_id"] in users
            for other in tweet.get("referenced_tweets", ()):
                kinds[other["type"]] += 1
                assert other["id"] in tweets
                assert tweets[other["id"]]["author_id"] in users
                if other["type"] == "retweeted":
                    assert tweet["text"].startswith("RT @")
            for url in tweet.get("entities", {}).get("urls", ()):
                assert tweet["text"][url["start"] : url["end"]] == url["url"]
                assert url["expanded_url"].startswith("https://")
            for tag in tweet.get("entities", {}).get("hashtags", ()):
                assert tweet["text"][tag["start"] : tag["end"]] == "#" + tag["tag"]
            for mention in tweet.get("entities", {}).get("mentions", ()):
                assert tweet["text"][mention["start"] : mention["end"]] == "@" + mention["username"]
                assert mention["id"] in users
    assert kinds.keys() == {"retweeted", "quoted", "replied_to"}
    ids = [int(tweet["id"]) for page in pages for tweet in page["data"]]
    assert ids == sorted(ids, reverse=True)


def test_x_shows_bought_followers_as_followers_and_hides_some_counts(pages: list[Any], world: World) -> None:
    users = {user["username"]: user for page in pages for user in page["includes"]["users"]}
    assert any("public_metrics" not in user for user in users.values())
    real, bought = world.population.audience()
    shown = users["ferrolune"]["public_metrics"]["followers_count"]
    assert shown == real[0] + bought[0]


def test_deleted_posts_are_gone_from_what_is_asked_for_later(pages: list[Any], world: World) -> None:
    gone = (world.acts.deleted > 0) & (world.acts.deleted < to_micros(world.settings.ends_at))
    made = world.acts.time[gone & (world.acts.kind != REPOST)] // 1000
    ids = {int(tweet["id"]) >> 22 for page in pages for tweet in page["data"]}
    assert made.size > 20
    assert not ids & set((made - 1_288_834_974_657).tolist())


def texts(jetstream: list[Any]) -> list[tuple[str, str]]:
    records = [line.get("commit", {}).get("record", {}) for line in jetstream]
    return [(record["langs"][0], record["text"]) for record in records if "text" in record]


def test_texts_are_of_both_languages_varied_and_typed_as_people_type(jetstream: list[Any]) -> None:
    said = texts(jetstream)
    langs = Counter(lang for lang, _ in said)
    assert min(langs["fr"], langs["en"]) > 200
    french = " ".join(text for lang, text in said if lang == "fr")
    assert set("éèêàçùîôû") <= set(french.lower())
    assert re.search(r"\b[lLdDjJ]’\w", french)
    assert re.search(r"\b[lLdDjJ]'\w", french)
    every = " ".join(text for _, text in said)
    assert re.search(r"#\w*[a-zé][A-ZÉ]\w*", every)
    assert re.search("[\U0001f300-\U0001faff]", every)
    assert "?utm_source=" in every
    assert "{" not in every
    assert len({text for _, text in said}) > 0.8 * len(said)
    assert max(len(text) for _, text in said) <= 300
    assert not re.search(r"\b(de le|à le|à les|de les|que on) ", french)


def test_handles_are_unique_and_fit_every_network(pages: list[Any]) -> None:
    users = {user["id"]: user["username"] for page in pages for user in page["includes"]["users"]}
    assert len(set(users.values())) == len(users)
    assert all(re.fullmatch(r"[a-z0-9_]{1,15}", name) for name in users.values())


@pytest.mark.parametrize(("suffix", "opened"), [(".zst", zstandard.open), (".gz", gzip.open)])
def test_the_name_says_how_to_compress(world: World, tmp_path: Path, suffix: str, opened: Any) -> None:
    plain = write(world, tmp_path / "plain", "x").conversation.read_bytes()
    packed = write(world, tmp_path / "packed", "x", name="x.jsonl" + suffix)
    assert packed.bytes < len(plain) / 3
    with opened(packed.conversation, "rb") as file:
        assert file.read() == plain


def test_writing_twice_gives_the_same_bytes_and_replaces_the_earlier_world(
    world: World, tmp_path: Path
) -> None:
    one = write(world, tmp_path / "w", "jetstream").conversation.read_bytes()
    assert write(world, tmp_path / "w", "jetstream").conversation.read_bytes() == one
    assert [path.name for path in tmp_path.iterdir()] == ["w"]


def test_other_files_are_never_touched_and_nothing_half_written_stays(world: World, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(OutputError, match="no earlier world"):
        write(world, tmp_path / "mine")
    with pytest.raises(ConfigError, match="myspace"):
        write(world, tmp_path / "new", "myspace")
    with pytest.raises(ConfigError):
        write(world, tmp_path / "new", name="../x.jsonl")
    with pytest.raises(OutputError, match="is a file"):
        write(world, tmp_path / "mine" / "thesis.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert (tmp_path / "mine" / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_a_silent_world_can_be_written(tmp_path: Path) -> None:
    silent = simulate(WorldSettings(people=60, days=2, posts_per_month=0.0, items_per_day=0.0, fast_fans=2))
    for format_ in ("jetstream", "mastodon", "x"):
        assert write(silent, tmp_path / format_, format_).conversation.is_file()


def test_ids_follow_the_specifications() -> None:
    # A revision of the documentation of Jetstream, made on the 9th of September 2024 at 19:46:02 UTC.
    letters = "234567abcdefghijklmnopqrstuvwxyz"
    value = 0
    for letter in "3l3qo2vutsw2b":
        value = value * 32 + letters.index(letter)
    assert to_micros(parse_moment("2024-09-09T19:46:02")) - 1_000_000 < value >> 10
    assert value >> 10 < to_micros(parse_moment("2024-09-09T19:46:04"))
    again = timestamp_ids(np.array([value >> 10]), np.array([value & 1023], dtype=np.uint64))
    assert again.to_pylist() == ["3l3qo2vutsw2b"]
    many = content_ids(np.arange(1000, dtype=np.uint64)).to_pylist()
    assert len(set(many)) == 1000
    assert len(set(decentralised_ids(3, 500).to_pylist())) == 500
