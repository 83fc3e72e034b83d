from __future__ import annotations

from datetime import UTC, datetime

import pytest
from tables_reading import read

from entregent.errors import MappingError
from entregent.records import stable_id
from entregent.sources.files.tables_mapping import kind_of
from entregent.sources.files.tables_roles import ROLES, find_roles

MOMENT = "1600000000"
MICROS = 1_600_000_000_000_000


def one_act(header: str, row: str, **options: object) -> dict[str, object]:
    found = read(f"{header}\n{row}\n", **options)
    assert found.posts == []
    (act,) = found.interactions
    return act


def test_bare_actions_are_shares() -> None:
    act = one_act("account_id,object_id,timestamp", f"a,o,{MOMENT}")
    assert act == {
        "id": stable_id("file", "a", "share", "o", MICROS),
        "network": "file",
        "kind": "share",
        "actor": "file:a",
        "object": "file:o",
        "target": None,
        "time": datetime(2020, 9, 13, 12, 26, 40, tzinfo=UTC),
    }


def test_ids_networks_and_authors() -> None:
    act = one_act("content_id,account_id,object_id,root_user", "i,a,o,r", network="x")
    assert (act["id"], act["network"], act["target"]) == ("x:i", "x", "x:r")


def test_a_constant_kind() -> None:
    assert one_act("account,object", "a,o", mapping={"kind": "=retweet"})["kind"] == "repost"
    with pytest.raises(MappingError, match="zut") as caught:
        read("account,object\na,o\n", mapping={"kind": "=zut"})
    assert "repost" in (caught.value.valid or ())


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("RT", "repost"), ("Retweeted", "repost"), ("reblog", "repost"), ("Partage", "share"),
        ("citation", "quote"), ("replied_to", "reply"), ("Réponse", "reply"), ("commentaire", "reply"),
        ("J’aime", "like"), ("favourite", "like"), ("abonnement", "follow"), ("mention", "mention"),
        ("Photo", "post"), ("zut", None), ("", None),
    ],
)  # fmt: skip
def test_kinds_in_two_languages(word: str, kind: str | None) -> None:
    assert kind_of(word) == kind


def test_kinds_row_by_row() -> None:
    found = read(
        "account,object,kind,time,author,text\n"
        f"a,o,partage,{MOMENT},z,\n"
        f"b,o,like,{MOMENT},z,\n"
        f"c,,follow,{MOMENT},z,\n"
        f"d,o,reply,{MOMENT},z,non\n"
        f"e,o,quote,{MOMENT},z,oui\n"
        f"f,o,reply,{MOMENT},z,\n"
        f"g,o,zut,{MOMENT},z,\n"
        f"h,,rt,{MOMENT},,\n"
        f",o,rt,{MOMENT},,\n"
        f"i,,,{MOMENT},,seul\n"
        ",,,,,\n"
        f"j,o,rt,{MOMENT},z,RT @z: oui\n"
    )
    acts = [(act["actor"], act["kind"], act["object"], act["target"]) for act in found.interactions]
    assert acts == [
        ("file:a", "share", "file:o", "file:z"),
        ("file:b", "like", "file:o", "file:z"),
        ("file:c", "follow", None, "file:z"),
        ("file:f", "reply", "file:o", "file:z"),
        ("file:g", "share", "file:o", "file:z"),
        ("file:j", "repost", "file:o", "file:z"),
    ]
    posts = {post["account"]: post for post in found.posts}
    assert posts.keys() == {"file:d", "file:e", "file:i"}
    reply, quote = posts["file:d"], posts["file:e"]
    assert (reply["kind"], reply["parent"], reply["parent_account"]) == ("reply", "file:o", "file:z")
    assert (quote["kind"], quote["quoted"], quote["quoted_account"]) == ("quote", "file:o", "file:z")
    assert found.notices["kind.unknown"] == 1
    assert found.where["row.no_object"] == ("t.csv:9",)
    assert found.where["row.no_account"] == ("t.csv:10",)
    assert "row.empty" not in found.notices or found.notices["row.empty"] == 1


def test_a_text_on_an_object_is_a_post_and_a_share() -> None:
    found = read("id,account_id,object_id,text\ni,a,o,regardez\n")
    assert [post["id"] for post in found.posts] == ["file:i"]
    assert [(act["id"], act["kind"], act["object"]) for act in found.interactions] == [
        ("file:i", "share", "file:o")
    ]


def test_posts_with_all_that_may_come() -> None:
    found = read(
        "id,author_id,username,name,created_at,text,lang,permalink,in_reply_to_id,followers_count,likes,shares\n"
        '1,7,@Anna,Anna B.,2024-05-01T10:00:00Z,"Voir http://a.b/c, #Été @Bob",fr-FR,'
        'https://n.org/1,9,"1 234","1,2k",-3\n'
    )
    (post,) = found.posts
    assert post["id"] == "file:1"
    assert (post["account"], post["lang"], post["kind"], post["parent"]) == (
        "file:7",
        "fr",
        "reply",
        "file:9",
    )
    assert (post["links"], post["hashtags"], post["mentions"]) == (["http://a.b/c"], ["Été"], [])
    assert post["url"] == "https://n.org/1"
    (account,) = found.accounts
    assert (account["id"], account["handle"], account["name"]) == ("file:7", "Anna", "Anna B.")
    seen = {(row["subject"], row["metric"]): row["value"] for row in found.observations}
    assert seen == {("file:7", "followers"): 1234, ("file:1", "likes"): 1200}


def test_accounts_known_by_handle_are_one_however_written() -> None:
    found = read("username,text\n@Anna,bonjour @BOB\nanna,salut\n")
    assert {post["account"] for post in found.posts} == {"file:anna"}
    assert found.posts[0]["mentions"] == ["file:bob"]
    assert len(found.accounts) == 1


def test_lists_in_columns() -> None:
    found = read(
        "account,text,hashtags,links\na,x,\"['Été', '#b']\",http://a.b|https://c.d\nb,#non http://e.f,,\n"
    )
    assert found.posts[0]["hashtags"] == ["Été", "b"]
    assert sorted(found.posts[0]["links"]) == ["http://a.b", "https://c.d"]
    assert found.posts[1]["hashtags"] == found.posts[1]["links"] == []


@pytest.mark.parametrize(
    ("written", "native", "rounded"),
    [
        ("445917982051179127", "445917982051179127", False),
        ("18446744073709551615", "18446744073709551615", False),
        ("123.0", "123", False),
        ("=\"445917982051179127\"", "445917982051179127", False),
        ("'445917982051179127", "445917982051179127", False),
        ("4.45918E+17", "4.45918E+17", True),
        ("4,45918E+17", "4,45918E+17", True),
        (" 12 ", "12", False),
        ("1e5a", "1e5a", False),
    ],
)  # fmt: skip
def test_ids_of_spreadsheets(written: str, native: str, rounded: bool) -> None:
    cell = '"' + written.replace('"', '""') + '"'
    found = read(f"id,user_id,text\n{cell},a,x\n")
    assert found.posts[0]["id"] == f"file:{native}"
    assert ("id.rounded" in found.notices) is rounded


def test_a_post_without_id_keeps_its_id_when_read_again() -> None:
    content = f"account,text,time\na,x,{MOMENT}\n"
    (post,) = read(content).posts
    assert post["id"] == read(content).posts[0]["id"] == stable_id("file", "a", "post", "x", MICROS)


def test_payloads_are_kept_where_asked() -> None:
    found = read('id,account,text,"odd ""name"""\n1,a,x,y\n', keep_raw_days=2)
    (raw,) = found.raw
    assert raw["id"] == "file:1"
    assert raw["payload"] == '{"id":"1","account":"a","text":"x","odd \\"name\\"":"y"}'
    assert (raw["keep_until"] - raw["received_at"]).days == 2
    assert read("id,account,text\n1,a,x\n").raw == []


def test_what_was_guessed_is_said() -> None:
    found = read("item,root_user,user,seconds\n0,158,244,48358445\n", relative_time=True)
    assert "account=user, object=item, author=root_user, time=seconds" in found.texts["table.columns_guessed"]
    mapping = {"account": "a", "object": "b"}
    assert "table.columns_guessed" not in read("a,b\n1,2\n", mapping=mapping).notices


@pytest.mark.parametrize(
    ("columns", "roles"),
    [
        ("object_id account_id content_id timestamp_share", "object account id time"),
        (
            "id author_id text created_at referenced_tweets.retweeted.id author.username",
            "id account text time object handle",
        ),
        ("Date Author Snippet Url", "time account text url"),
        ("Page_Name User_Name Facebook_Id Post_Created Message Likes", "name handle account time text likes"),
        ("Auteur Date_de_publication Texte Langue", "account time text lang"),
        ("account object author", "account object author"),
    ],
)
def test_columns_of_known_exports(columns: str, roles: str) -> None:
    found = find_roles(columns.split(), {}, "t.csv")
    assert dict(zip(roles.split(), columns.split(), strict=True)).items() <= found.columns.items()


@pytest.mark.parametrize(
    ("content", "mapping", "words"),
    [
        ("a,b\n1,2\n", {"acount": "a"}, ["no role 'acount'", "account"]),
        ("a,b\n1,2\n", {"account": "c"}, ["no column 'c'", "a, b"]),
        ("product,price\n1,2\n", {}, ["product, price", "--map account=", "--map text=", "t.csv"]),
        ("account,time\n1,2\n", {}, ["object"]),
        ("Date,date,text\n1,2,3\n", {}, ["'Date' and 'date'", "--map time=Date"]),
        ("account,text\n1,2\n", {"likes": "=3"}, ["likes"]),
    ],
)
def test_mapping_errors_say_what_to_do(content: str, mapping: dict[str, str], words: list[str]) -> None:
    with pytest.raises(MappingError) as caught:
        read(content, mapping=mapping)
    for word in words:
        assert word in str(caught.value)


def test_a_role_can_be_left_out_and_names_may_differ_in_case() -> None:
    found = read("account,object,text\na,o,x\n", mapping={"text": "", "account": "Account"})
    assert found.posts == []
    assert len(found.interactions) == 1


def test_every_role_is_found_by_its_own_name() -> None:
    for role in ROLES:
        columns = dict.fromkeys(["account", "object", "text", role])
        assert find_roles(list(columns), {}, "t.csv").columns[role] == role


def test_a_table_of_accounts_is_their_numbers_by_day() -> None:
    found = read(
        "account,name,followers,date\nann,Ann,12,2024-05-01\nann,Ann,15,2024-06-01\nbob,Bob,,2024-05-01\n",
        network="instagram",
    )
    assert [
        (row["subject"], row["metric"], row["value"], row["seen_at"].month) for row in found.observations
    ] == [("instagram:ann", "followers", 12, 5), ("instagram:ann", "followers", 15, 6)]
    assert {row["id"] for row in found.accounts} == {"instagram:ann", "instagram:bob"}
    assert found.posts == []
    assert found.interactions == []
    assert "row.empty" not in found.notices
