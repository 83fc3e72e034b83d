"""Each format: what of a published shape becomes which record."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from files_samples import (
    CREATE,
    DID,
    NOTE,
    OTHER_DID,
    PAGE_V2,
    POST_IDS,
    RECEIVED,
    SAMPLES,
    SKEET,
    TOOT,
    TWEET_V1,
    TWEET_V2,
    USER_V2,
    commit,
    read,
    read_bytes,
    read_values,
)

from entregent.records import stable_id

TWEETS = Path(__file__).parents[3] / "../shared/data/tweets-v11-sample/tweets.jsonl"


@pytest.mark.parametrize("name", SAMPLES)
def test_one_post_of_each_format(name: str) -> None:
    found = read_values(SAMPLES[name])
    assert found.notices == ()
    assert found.files[0].format == name
    (post,) = found.posts
    assert post["id"] == POST_IDS[name]
    assert post["text"].startswith("Le train est en retard #SNCF")
    assert post["lang"] == "fr"
    assert post["kind"] == "post"
    assert post["hashtags"] == ["SNCF"]
    assert post["links"] == ["https://exemple.fr/retard"]
    assert len(post["mentions"]) == 1
    assert post["time"].tzinfo is not None
    assert post["version"] == 0


@pytest.mark.parametrize("name", ["twitter-v1", "x-v2", "mastodon"])
def test_author_and_counts(name: str) -> None:
    found = read_values(SAMPLES[name])
    (account,) = found.accounts
    assert account["id"] == found.posts[0]["account"]
    assert account["name"] == "Ana"
    seen = {(one["subject_kind"], one["metric"]): one["value"] for one in found.observations}
    assert seen["account", "followers"] == 47
    assert seen["account", "following"] == 90
    assert seen["post", "reposts"] in (1, 3, 6)


def test_the_same_post_in_both_formats_of_the_fediverse_has_one_id_one_author_and_one_mention() -> None:
    (one,), (other,) = read_values(TOOT).posts, read_values(CREATE).posts
    for field in ("id", "account", "mentions", "hashtags", "links", "text", "lang", "url", "kind"):
        assert one[field] == other[field], field


class TestTwitterV1:
    @pytest.mark.data
    def test_real_statuses(self) -> None:
        if not TWEETS.exists():
            pytest.skip("the data set tweets-v11-sample is not here")
        found = read(TWEETS)
        assert found.rows == 359
        assert len(found.interactions) == 47
        assert len({one["object"] for one in found.interactions}) == 17
        assert len(found.accounts) == 339
        posts = {one["id"] for one in found.posts}
        assert len(posts) == len(found.posts) == 312
        assert {one["object"] for one in found.interactions} <= posts
        assert found.notices == ()

    def test_a_retweet_is_an_interaction_and_its_original_a_post(self) -> None:
        retweet = {
            **copy.deepcopy(TWEET_V1),
            "id_str": "500",
            "id": 500,
            "text": "RT @ana: Le train",
            "user": {"id": 9, "id_str": "9", "screen_name": "bob"},
            "retweeted_status": TWEET_V1,
        }
        found = read_values(retweet)
        assert [post["id"] for post in found.posts] == ["x:445917982051179127"]
        (act,) = found.interactions
        assert (act["id"], act["kind"], act["actor"]) == ("x:500", "repost", "x:9")
        assert (act["object"], act["target"]) == ("x:445917982051179127", "x:2047829595")
        assert {account["handle"] for account in found.accounts} == {"ana", "bob"}

    def test_a_quote_and_what_a_retweet_quotes(self) -> None:
        quote = {**copy.deepcopy(TWEET_V1), "id_str": "600", "quoted_status_id_str": "700"}
        quote["quoted_status"] = {**copy.deepcopy(TWEET_V1), "id_str": "700", "user": {"id_str": "3"}}
        quote["entities"]["urls"] = [{"expanded_url": "https://twitter.com/x/status/700"}]
        retweet = {**copy.deepcopy(TWEET_V1), "id_str": "601", "retweeted_status": quote}
        posts = {post["id"]: post for post in read_values(retweet).posts}
        assert posts.keys() == {"x:600", "x:700"}
        assert posts["x:600"]["kind"] == "quote"
        assert (posts["x:600"]["quoted"], posts["x:600"]["quoted_account"]) == ("x:700", "x:3")
        assert posts["x:600"]["links"] == []

    def test_long_text_wins_over_short(self) -> None:
        tweet = {**copy.deepcopy(TWEET_V1), "text": "Le tr…", "truncated": True}
        tweet["extended_tweet"] = {
            "full_text": "Le train entier",
            "entities": {"hashtags": [{"text": "entier"}]},
        }
        (post,) = read_values(tweet).posts
        assert (post["text"], post["hashtags"]) == ("Le train entier", ["entier"])
        (post,) = read_values({**TWEET_V1, "full_text": "tout"}).posts
        assert post["text"] == "tout"

    def test_numeric_ids_are_exact(self) -> None:
        tweet = {key: value for key, value in TWEET_V1.items() if key != "id_str"}
        (post,) = read_values({**tweet, "id": 18446744073709551615, "user": {"id": 9007199254740993}}).posts
        assert (post["id"], post["account"]) == ("x:18446744073709551615", "x:9007199254740993")

    def test_a_rounded_id_is_told_of(self) -> None:
        tweet = {key: value for key, value in TWEET_V1.items() if key != "id_str"}
        assert read_values({**tweet, "id": 4.45917982051179e17}).codes["id.rounded"] == 1

    def test_reply_and_deletion(self) -> None:
        reply = {**TWEET_V1, "in_reply_to_status_id_str": "1", "in_reply_to_user_id_str": "2"}
        delete = {
            "delete": {"status": {"id": 7, "id_str": "7", "user_id": 3}, "timestamp_ms": "1405781619000"}
        }
        found = read_values(reply, delete)
        assert found.posts[0]["kind"] == "reply"
        assert (found.posts[0]["parent"], found.posts[0]["parent_account"]) == ("x:1", "x:2")
        assert found.tombstones == [
            {"id": "x:7", "kind": "post", "time": datetime(2014, 7, 19, 14, 53, 39, tzinfo=UTC)}
        ]

    def test_array_and_search_result(self) -> None:
        for value in (
            [TWEET_V1, {**TWEET_V1, "id_str": "8"}],
            {"statuses": [TWEET_V1, {**TWEET_V1, "id_str": "8"}]},
        ):
            for indent in (None, 2):
                found = read_bytes(json.dumps(value, indent=indent).encode())
                assert len(found.posts) == 2, (value, indent)
                assert found.notices == ()


class TestXV2:
    def test_page_as_one_document_array_and_single_object(self) -> None:
        single = {**PAGE_V2, "data": TWEET_V2}
        for value in (PAGE_V2, [PAGE_V2], [PAGE_V2, PAGE_V2], single):
            for indent in (None, 1):
                found = read_bytes(json.dumps(value, indent=indent).encode())
                assert {post["id"] for post in found.posts} == {"x:1391677057810288641"}
                twice = isinstance(value, list) and len(value) == 2
                assert found.codes == ({"record.duplicate": 1} if twice else {})

    def test_retweet_in_includes(self) -> None:
        retweet = {
            **TWEET_V2,
            "id": "2",
            "author_id": "9",
            "referenced_tweets": [{"type": "retweeted", "id": TWEET_V2["id"]}],
        }
        page = {"data": [retweet], "includes": {"users": [USER_V2], "tweets": [TWEET_V2]}}
        found = read_values(page)
        assert [post["id"] for post in found.posts] == ["x:1391677057810288641"]
        (act,) = found.interactions
        assert (act["object"], act["target"], act["actor"]) == (
            "x:1391677057810288641",
            "x:1380086327023169540",
            "x:9",
        )

    def test_quote_reply_and_author_that_is_not_included(self) -> None:
        tweet = {
            **TWEET_V2,
            "id": "3",
            "author_id": "77",
            "in_reply_to_user_id": "5",
            "conversation_id": "1",
            "referenced_tweets": [{"type": "quoted", "id": "4"}, {"type": "replied_to", "id": "2"}],
        }
        (post,) = read_values({"data": [tweet]}).posts
        assert (post["kind"], post["parent"], post["parent_account"]) == ("reply", "x:2", "x:5")
        assert (post["quoted"], post["root"], post["account"]) == ("x:4", "x:1", "x:77")

    def test_flattened_lines(self) -> None:
        tweet = {
            **TWEET_V2,
            "author": USER_V2,
            "referenced_tweets": [
                {"type": "quoted", **TWEET_V2, "id": "4", "author_id": "6", "author": {**USER_V2, "id": "6"}}
            ],
        }
        found = read_values(tweet)
        assert {post["id"] for post in found.posts} == {"x:1391677057810288641", "x:4"}
        assert {account["id"] for account in found.accounts} == {"x:1380086327023169540", "x:6"}
        by_id = {post["id"]: post for post in found.posts}
        assert by_id["x:1391677057810288641"]["quoted_account"] == "x:6"

    def test_an_edit_is_a_version_of_the_first(self) -> None:
        history = ["10", "11"]
        first = {**TWEET_V2, "id": "10", "edit_history_tweet_ids": history}
        second = {**TWEET_V2, "id": "11", "text": "corrigé", "edit_history_tweet_ids": history}
        answer = {**TWEET_V2, "id": "12", "referenced_tweets": [{"type": "replied_to", "id": "11"}]}
        found = read_values({"data": [second, answer], "includes": {"tweets": [first], "users": [USER_V2]}})
        versions = {
            (post["id"], post["version"]): post["text"] for post in found.posts if post["kind"] == "post"
        }
        assert versions["x:10", 1] == "corrigé"
        assert ("x:10", 0) in versions
        assert next(post["parent"] for post in found.posts if post["kind"] == "reply") == "x:10"

    def test_page_of_errors_only(self) -> None:
        found = read_values(PAGE_V2, {"errors": [{"title": "Not Found Error", "resource_id": "1"}]})
        assert found.codes == {"page.errors": 1}
        assert found.rows == 2

    def test_mention_without_id_is_found_by_its_name(self) -> None:
        tweet = {**TWEET_V2, "entities": {"mentions": [{"username": "ANA"}, {"username": "nobody"}]}}
        (post,) = read_values({"data": [tweet], "includes": {"users": [USER_V2]}}).posts
        assert post["mentions"] == ["x:1380086327023169540"]

    def test_long_post(self) -> None:
        tweet = {
            **TWEET_V2,
            "note_tweet": {"text": "bien plus long", "entities": {"hashtags": [{"tag": "long"}]}},
        }
        (post,) = read_values({"data": [tweet]}).posts
        assert (post["text"], post["hashtags"]) == ("bien plus long", ["long"])


class TestJetstream:
    def test_acts(self) -> None:
        subject = {"cid": "bafy", "uri": f"at://{OTHER_DID}/app.bsky.feed.post/3l3pte3p2e325"}
        when = "2024-09-09T19:46:02.102Z"
        found = read_values(
            commit("app.bsky.feed.like", {"createdAt": when, "subject": subject}, rkey="a"),
            commit("app.bsky.feed.repost", {"createdAt": when, "subject": subject}, rkey="b"),
            commit("app.bsky.graph.follow", {"createdAt": when, "subject": OTHER_DID}, rkey="c"),
            commit("app.bsky.graph.block", {"createdAt": when, "subject": OTHER_DID}, rkey="d"),
        )
        acts = {act["kind"]: act for act in found.interactions}
        assert acts.keys() == {"like", "repost", "follow"}
        assert acts["like"]["id"] == f"bluesky:at://{DID}/app.bsky.feed.like/a"
        for kind in ("like", "repost"):
            assert acts[kind]["object"] == f"bluesky:at://{OTHER_DID}/app.bsky.feed.post/3l3pte3p2e325"
        assert acts["follow"]["object"] is None
        assert {act["target"] for act in acts.values()} == {f"bluesky:{OTHER_DID}"}
        assert acts["like"]["time"] == datetime(2024, 9, 9, 19, 46, 2, 102000, UTC)
        assert found.rows == 4
        assert found.notices == ()

    def test_deletions(self) -> None:
        found = read_values(
            commit("app.bsky.feed.post", None, "delete", "p"),
            commit("app.bsky.graph.follow", None, "delete", "f"),
        )
        assert {(one["id"].rpartition("/")[2], one["kind"]) for one in found.tombstones} == {
            ("p", "post"),
            ("f", "interaction"),
        }

    def test_reply_quote_media_and_edit(self) -> None:
        event = copy.deepcopy(SKEET)
        record = event["commit"]["record"]
        record["reply"] = {
            "root": {"uri": f"at://{OTHER_DID}/app.bsky.feed.post/r"},
            "parent": {"uri": f"at://{DID}/app.bsky.feed.post/q"},
        }
        record["embed"] = {
            "$type": "app.bsky.embed.recordWithMedia",
            "media": {"$type": "app.bsky.embed.video", "video": {"ref": {}}},
            "record": {"record": {"uri": f"at://{OTHER_DID}/app.bsky.feed.post/k"}},
        }
        event["commit"]["operation"] = "update"
        (post,) = read_values(event).posts
        assert post["kind"] == "reply"
        assert post["parent_account"] == f"bluesky:{DID}"
        assert post["root"].endswith("/r")
        assert post["quoted_account"] == f"bluesky:{OTHER_DID}"
        assert post["media"] == 1
        assert post["version"] == 1725911162329308

    def test_a_list_is_no_quoted_post(self) -> None:
        event = copy.deepcopy(SKEET)
        event["commit"]["record"]["embed"] = {"record": {"uri": f"at://{OTHER_DID}/app.bsky.graph.list/k"}}
        (post,) = read_values(event).posts
        assert (post["kind"], post["quoted"]) == ("post", None)

    @pytest.mark.parametrize("written", ["2124-01-01T00:00:00Z", "1969-12-31T00:00:00Z", "hier", "infinity"])
    def test_an_impossible_date_gives_way_to_the_arrival(self, written: str) -> None:
        event = copy.deepcopy(SKEET)
        event["commit"]["record"]["createdAt"] = written
        found = read_values(event)
        assert found.posts[0]["time"] == datetime(2024, 9, 9, 19, 46, 2, 329308, UTC)
        assert found.codes == {"time.impossible": 1}

    def test_offsets_of_dates_are_honoured(self) -> None:
        event = copy.deepcopy(SKEET)
        event["commit"]["record"]["createdAt"] = "2024-09-09T21:46:02.102+02:00"
        assert read_values(event).posts[0]["time"] == datetime(2024, 9, 9, 19, 46, 2, 102000, UTC)

    def test_identity_profile_and_account_events(self) -> None:
        head = {"did": DID, "time_us": 1725516665234703}
        found = read_values(
            {**head, "kind": "identity", "identity": {"did": DID, "handle": "ana.bsky.social", "seq": 1}},
            commit("app.bsky.actor.profile", {"displayName": "Ana", "description": "voyageuse"}, rkey="self"),
            {**head, "kind": "account", "account": {"active": True, "did": DID}},
        )
        assert {(one["handle"], one["name"]) for one in found.accounts} == {
            ("ana.bsky.social", None),
            (None, "Ana"),
        }
        assert found.notices == ()


class TestMastodon:
    def test_boost(self) -> None:
        boost = {**TOOT, "id": "2", "uri": "https://piaille.fr/users/b/statuses/2/activity", "content": ""}
        boost |= {
            "account": {"id": "3", "acct": "b@piaille.fr", "url": "https://piaille.fr/@b"},
            "reblog": TOOT,
        }
        found = read_values(boost)
        assert [post["id"] for post in found.posts] == [POST_IDS["mastodon"]]
        (act,) = found.interactions
        assert act["id"] == "fediverse:https://piaille.fr/users/b/statuses/2/activity"
        assert act["actor"] == "fediverse:https://piaille.fr/users/b"
        assert act["object"] == POST_IDS["mastodon"]
        assert act["target"] == "fediverse:https://mastodon.social/users/ana"
        assert {account["handle"] for account in found.accounts} == {"ana@mastodon.social", "b@piaille.fr"}

    @pytest.mark.parametrize("order", [1, -1])
    def test_parent_in_the_same_file_wherever_it_stands(self, order: int) -> None:
        reply = {
            **TOOT,
            "id": "9",
            "uri": "https://mastodon.social/users/c/statuses/9",
            "account": {"id": "4", "acct": "c", "url": "https://mastodon.social/@c"},
        }
        reply |= {"in_reply_to_id": TOOT["id"], "in_reply_to_account_id": "1", "mentions": []}
        posts = {post["id"]: post for post in read_values(*[TOOT, reply][::order]).posts}
        assert len(posts) == 2
        post = posts["fediverse:https://mastodon.social/users/c/statuses/9"]
        assert (post["kind"], post["parent"]) == ("reply", POST_IDS["mastodon"])
        assert post["parent_account"] == "fediverse:https://mastodon.social/users/ana"

    def test_parent_elsewhere(self) -> None:
        reply = {**TOOT, "in_reply_to_id": "55", "in_reply_to_account_id": "7"}
        (post,) = read_values(reply).posts
        assert (post["kind"], post["parent"]) == ("reply", None)
        assert post["parent_account"] == "fediverse:https://piaille.fr/users/sncf"

    @pytest.mark.parametrize("hidden", [-1, None, "-1"])
    def test_a_hidden_count_is_null(self, hidden: object) -> None:
        found = read_values({**TOOT, "account": {**TOOT["account"], "followers_count": hidden}})
        counts = [one["value"] for one in found.observations if one["metric"] == "followers"]
        assert counts in ([None], [])

    def test_edit_quote_and_warning(self) -> None:
        toot = {**TOOT, "edited_at": "2019-12-08T04:00:00.000Z", "spoiler_text": "Train <3"}
        toot["quote"] = {
            "state": "accepted",
            "quoted_status": {**TOOT, "uri": "https://a.example/users/z/statuses/1"},
        }
        toot["quote"]["quoted_status"]["account"] = {"url": "https://a.example/@z"}
        posts = {post["id"]: post for post in read_values(toot).posts}
        post = posts[POST_IDS["mastodon"]]
        assert post["version"] == 1575777600000000
        assert post["text"].startswith("Train <3\n")
        assert post["kind"] == "quote"
        assert post["quoted"] == "fediverse:https://a.example/users/z/statuses/1"
        assert post["quoted_account"] == "fediverse:https://a.example/users/z"
        assert len(posts) == 2

    def test_notifications_search_and_thread(self) -> None:
        notification = {
            "id": "1",
            "type": "mention",
            "created_at": "2020-01-01T00:00:00Z",
            "account": TOOT["account"],
        }
        for value in (
            {**notification, "status": TOOT},
            {"accounts": [], "statuses": [TOOT], "hashtags": []},
            {"ancestors": [], "descendants": [TOOT]},
        ):
            assert [post["id"] for post in read_values(value).posts] == [POST_IDS["mastodon"]]

    def test_direct_messages_stay_private(self) -> None:
        found = read_values(
            TOOT, {**TOOT, "uri": "https://mastodon.social/users/b/statuses/5", "visibility": "direct"}
        )
        assert len(found.posts) == 1
        assert found.codes == {"row.private": 1}


class TestActivityStreams:
    def test_bare_note_collection_and_page(self) -> None:
        outbox = {
            "@context": "https://www.w3.org/ns/activitystreams",
            "type": "OrderedCollection",
            "totalItems": 1,
            "orderedItems": [CREATE],
        }
        paged = {"type": "Collection", "first": {"type": "CollectionPage", "items": [NOTE]}}
        for value in (NOTE, outbox, paged, [CREATE], [NOTE, NOTE]):
            for indent in (None, 2):
                found = read_bytes(json.dumps(value, indent=indent).encode())
                assert [post["id"] for post in found.posts] == [POST_IDS["activitystreams"]], (value, indent)

    def test_activities(self) -> None:
        ana, bob = "https://mastodon.social/users/ana", "https://piaille.fr/users/bob"
        announce = {
            "type": "Announce",
            "id": f"{bob}/1",
            "actor": {"id": bob, "type": "Person"},
            "object": NOTE["id"],
        }
        found = read_values(
            CREATE,
            announce,
            {"type": "Like", "actor": bob, "object": {"id": NOTE["id"]}, "published": "2020-01-01T00:00:00Z"},
            {"type": "Follow", "id": f"{bob}/2", "actor": bob, "object": ana},
            {"type": "Delete", "actor": bob, "object": {"id": f"{bob}/gone", "type": "Tombstone"}},
            {"type": "Undo", "actor": bob, "object": announce},
            {"type": "Delete", "actor": bob, "object": bob},
        )
        acts = {act["kind"]: act for act in found.interactions}
        assert acts.keys() == {"repost", "like", "follow"}
        assert {act["actor"] for act in acts.values()} == {f"fediverse:{bob}"}
        assert {act["target"] for act in acts.values()} == {f"fediverse:{ana}"}
        assert acts["follow"]["object"] is None
        micros = 1577836800000000
        assert acts["like"]["id"] == stable_id("fediverse", bob, "like", NOTE["id"], micros)
        assert {(one["id"], one["kind"]) for one in found.tombstones} == {
            (f"fediverse:{bob}/gone", "post"),
            (f"fediverse:{bob}/1", "interaction"),
        }

    def test_content_map_alone_and_the_other_shapes_of_fields(self) -> None:
        note = {
            **NOTE,
            "content": None,
            "contentMap": {"de": "<p>Zug</p>"},
            "attributedTo": [{"id": "https://a.example/users/z", "type": "Person"}],
            "tag": {"type": "Hashtag", "name": "#Bahn"},
            "url": [{"type": "Link", "mediaType": "text/html", "href": "https://a.example/1"}],
            "inReplyTo": {"id": "https://a.example/0"},
            "attachment": {"type": "Image"},
            "type": ["Note"],
        }
        (post,) = read_values(note).posts
        assert (post["text"], post["lang"], post["hashtags"]) == ("Zug", "de", ["Bahn"])
        assert (post["account"], post["parent"]) == (
            "fediverse:https://a.example/users/z",
            "fediverse:https://a.example/0",
        )
        assert (post["url"], post["media"], post["kind"]) == ("https://a.example/1", 1, "reply")

    def test_an_update_is_a_later_version(self) -> None:
        update = {
            **CREATE,
            "type": "Update",
            "object": {**NOTE, "content": "neu", "updated": "2020-01-01T00:00:00Z"},
        }
        found = read_values(CREATE, update)
        latest = max(found.posts, key=lambda post: post["version"])
        assert (latest["text"], latest["version"]) == ("neu", 1577836800000000)

    def test_only_followers_may_read_and_direct(self) -> None:
        ana = "https://mastodon.social/users/ana"
        followers = {**NOTE, "id": f"{ana}/2", "to": [f"{ana}/followers"], "cc": []}
        direct = {**NOTE, "id": f"{ana}/3", "to": ["https://piaille.fr/users/bob"], "cc": []}
        bare = {key: value for key, value in NOTE.items() if key not in ("to", "cc")} | {"id": f"{ana}/4"}
        found = read_values(followers, direct, bare)
        assert {post["id"][-1] for post in found.posts} == {"2", "4"}
        assert found.codes == {"row.private": 1}


def test_raw_payloads_are_kept_only_when_asked_and_until_a_date() -> None:
    assert read_values(TWEET_V1).raw == []
    (raw,) = read_values(TWEET_V1, keep_raw_days=30).raw
    assert raw["id"] == "x:445917982051179127"
    assert json.loads(raw["payload"]) == TWEET_V1
    assert (raw["keep_until"] - RECEIVED).days == 30


@pytest.mark.parametrize(
    ("edits", "found"),
    [
        (["3", "5"], ("x:3", 1)),
        (["5"], ("x:5", 0)),
        ([False, None], ("x:5", 0)),
        (["3", "4"], ("x:5", 0)),
        ({"5": 5}, ("x:5", 0)),
    ],
)
def test_a_post_on_x_is_known_by_its_first_version_where_the_history_is_one(edits, found):
    tweet = {"id": "5", "text": "a", "author_id": "1", "created_at": "2024-01-01T00:00:00.000Z"}
    got = read_values({"data": [{**tweet, "edit_history_tweet_ids": edits}]}, format="x-v2")
    (post,) = got.posts
    assert (post["id"], post["version"]) == found


def test_a_trailing_comma_beside_a_wrong_type_is_no_fault_of_ours():
    line = json.dumps({**TWEET_V1, "text": {"a": 1}, "entities": 7})[:-1] + ",}"
    got = read_bytes(line.encode() + b"\n" + json.dumps(TWEET_V1).encode() + b"\n", format="twitter-v1")
    assert got.rows == 2
    assert got.codes["field.wrong_type"] >= 1


def test_pages_nested_in_pages_are_all_read():
    def creates(first, last):
        return [{**copy.deepcopy(CREATE), **_create(n)} for n in range(first, last)]

    def _create(n):
        note = {**copy.deepcopy(CREATE["object"]), "id": f"https://example.org/notes/{n}"}
        return {"id": f"https://example.org/notes/{n}/activity", "object": note}

    last = {"type": "OrderedCollectionPage", "orderedItems": creates(10, 30)}
    first = {"type": "OrderedCollectionPage", "orderedItems": creates(0, 10), "next": last}
    outbox = {"type": "OrderedCollection", "id": "https://example.org/outbox", "first": first}
    assert len(read_bytes(json.dumps(outbox).encode()).posts) == 30
