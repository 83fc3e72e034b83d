from __future__ import annotations

import socket
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables_reading import Read, read

from entregent.errors import InputError
from entregent.sources.files.feeds import Feeds

RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>Le Journal</title><link>https://www.journal.fr/</link><language>fr-FR</language>
<item><title>Grève &amp; trains</title><link>/a/1</link><guid isPermaLink="false">123</guid>
<pubDate>Sat, 06 Apr 2024 22:19:45 +0200</pubDate><dc:creator>Marie Durand</dc:creator>
<category>SNCF</category><category>#Été</category>
<enclosure url="http://x/y.jpg" length="1" type="image/jpeg"/>
<description>&lt;p&gt;Un &lt;a href="/b?x=1"&gt;lien&lt;/a&gt;&lt;script&gt;alert(1)&lt;/script&gt;&lt;/p&gt;
&lt;p&gt;Deux&lt;/p&gt;</description></item>
<item><title>B</title><link>https://www.journal.fr/b</link><pubDate>n'importe quoi</pubDate>
<author>a@b.fr</author></item>
<item><title>C</title><pubDate>Sat, 06 Apr 1910 22:19:45 GMT</pubDate></item>
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><title>T</title><link href="https://t.org/"/>
<id>urn:x</id><entry><id>tag:t.org,2024:1</id><title type="html">A &lt;b&gt;b&lt;/b&gt;</title>
<published>2024-05-01T00:00:00Z</published><updated>2024-05-02T00:00:00Z</updated>
<author><name>Bob</name><uri>/bob</uri></author><link href="p/1"/>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Hi</p></div></content></entry></feed>"""
RDF = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns="http://purl.org/rss/1.0/">
<channel rdf:about="u"><title>t</title><link>http://l.org</link></channel>
<item rdf:about="http://l.org/1"><title>x</title><link>http://l.org/1</link></item></rdf:RDF>"""


def feed(content: str | bytes, **options: object) -> Read:
    return read(content, Feeds(), "f.xml", **options)


def test_rss() -> None:
    found = feed(RSS)
    first, second, third = found.posts
    assert first["id"] == "web:https://www.journal.fr/#123"
    assert first["account"] == "web:https://www.journal.fr/#marie durand"
    assert first["text"] == "Grève & trains\n\nUn lien\n\nDeux"
    assert first["time"] == datetime(2024, 4, 6, 20, 19, 45, tzinfo=UTC)
    assert (first["url"], first["links"]) == ("https://www.journal.fr/a/1", ["https://www.journal.fr/b?x=1"])
    assert (first["hashtags"], first["lang"], first["media"]) == (["SNCF", "Été"], "fr", 1)
    assert second["account"] == third["account"] == "web:https://www.journal.fr/"
    assert second["time"] is third["time"] is None
    assert found.notices == {"time.impossible": 2}
    accounts = {row["id"]: row for row in found.accounts}
    assert accounts["web:https://www.journal.fr/"]["handle"] == "journal.fr"
    assert accounts["web:https://www.journal.fr/#marie durand"]["name"] == "Marie Durand"
    assert "a@b.fr" not in str(found.accounts)


def test_atom_and_rss_1() -> None:
    (post,) = feed(ATOM).posts
    assert (post["id"], post["account"], post["url"]) == (
        "web:tag:t.org,2024:1",
        "web:https://t.org/bob",
        "https://t.org/p/1",
    )
    assert (post["text"], post["lang"]) == ("A b\n\nHi", "en")
    assert post["time"] == datetime(2024, 5, 1, tzinfo=UTC)
    assert post["version"] == int(datetime(2024, 5, 2, tzinfo=UTC).timestamp()) * 1_000_000
    (post,) = feed(RDF).posts
    assert (post["id"], post["account"]) == ("web:http://l.org/1", "web:http://l.org")


def test_reading_again_gives_the_same_ids() -> None:
    assert [post["id"] for post in feed(RSS).posts] == [post["id"] for post in feed(RSS).posts]
    assert len({post["id"] for post in feed(RSS).posts}) == 3


@pytest.mark.parametrize(
    ("content", "posts", "code"),
    [
        (RSS[: RSS.index("<enclosure")], 1, "feed.not_well_formed"),
        (RSS.replace("</item>", "", 1), 3, "feed.not_well_formed"),
        (RSS.encode("latin-1"), 3, "file.encoding"),
        ('<rss version="2.0"><channel><title>t</title></channel></rss>', 0, "feed.empty"),
        ('<rss version="2.0"><channel><item/></channel></rss>', 0, "row.empty"),
    ],
)
def test_what_can_be_read_is_read(content: str | bytes, posts: int, code: str) -> None:
    found = feed(content)
    assert len(found.posts) == posts
    assert found.notices[code] == 1
    if posts:
        assert found.posts[0]["text"].startswith("Grève & trains")


@pytest.mark.parametrize(
    "content", ["", "<html><body>x</body></html>", "prose", "{}", "http://localhost:9/feed", "/etc/passwd"]
)
def test_what_is_no_feed_is_refused(content: str) -> None:
    assert Feeds().sniff(content.encode(), "f.xml") < 0.5
    with pytest.raises(InputError, match=r"f\.xml: This is no feed"):
        feed(content)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entity_bombs_stay_small(encoding: str) -> None:
    entities = '<!ENTITY l0 "lol">' + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    bomb = (
        f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE r [{entities}]><rss version="2.0"><channel>'
        "<title>t</title><item><title>&l11;</title><link>http://a.b/1</link></item></channel></rss>"
    )
    (post,) = feed(bomb.encode(encoding)).posts
    assert len(post["text"] or "") < 100


def test_files_of_the_machine_are_not_read() -> None:
    found = feed(
        '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        '<rss version="2.0"><channel>'
        "<title>t</title><item><title>a&x;b</title><link>http://a.b/1</link></item></channel></rss>"
    )
    assert "root:" not in str(found.posts)


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    feed(RSS)
    feed('<?xml-stylesheet href="http://a.b/x"?><!DOCTYPE rss SYSTEM "http://a.b/rss.dtd">' + ATOM)


def test_scripts_and_odd_addresses_do_not_pass() -> None:
    found = feed(
        '<rss version="2.0"><channel><link>javascript:alert(1)</link><item><title>t</title>'
        "<link>javascript:alert(1)</link><guid>g</guid><description>&lt;a href='javascript:x'&gt;x&lt;/a&gt;"
        "&lt;style&gt;p{}&lt;/style&gt;</description></item></channel></rss>"
    )
    (post,) = found.posts
    assert (post["url"], post["links"]) == (None, [])
    assert found.accounts[0]["url"] is None
    assert "{" not in post["text"]


def test_payloads_are_kept_where_asked() -> None:
    assert len(feed(RSS, keep_raw_days=1).raw) == 3
    assert '"title": "B"' in feed(RSS, keep_raw_days=1).raw[1]["payload"]


def test_recognition() -> None:
    for content in (RSS, ATOM, RDF, "<!-- a --><rss version='2.0'>"):
        assert Feeds().sniff(content.encode(), "x") > 0.9
    assert Feeds().sniff(RSS.encode("utf-16"), "x") > 0.9
    assert Feeds().sniff(b"<html><head></head><body><feed ></body>", "x") < 0.5


@settings(max_examples=80)
@given(
    st.integers(0, len(RSS)),
    st.binary(max_size=20) | st.sampled_from([b"&x;", b"<item>", b"]]>", b"<!DOCTYPE x ["]),
)
def test_a_broken_feed_raises_nothing_else(at: int, junk: bytes) -> None:
    data = RSS.encode()
    with suppress(InputError):
        feed(data[:at] + junk + data[at:])
