from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entregent.text.links import clean_link, domain


@pytest.mark.parametrize(
    ("link", "clean"),
    [
        ("HTTP://Www.Example.COM:80/", "http://example.com"),
        ("https://ex.org:8443/a/", "https://ex.org:8443/a"),
        ("https://ex.org/a?utm_source=x&id=7&fbclid=Q#top", "https://ex.org/a?id=7"),
        ("https://ex.org/a?UTM_Medium=x&xtor=AL-1&at_medium=y&mc_cid=z", "https://ex.org/a"),
        ("https://ex.org/#!/page", "https://ex.org#!/page"),
        ("https://x.com/a/status/1?s=20&t=z", "https://x.com/a/status/1"),
        ("https://www.youtube.com/watch?v=1&t=30&si=k", "https://youtube.com/watch?v=1&t=30"),
        ("https://ex.org/?s=20&t=3", "https://ex.org?s=20&t=3"),
        ("https://www.fr/", "https://www.fr"),
        ("www.lemonde.fr/a", "https://lemonde.fr/a"),
        ("https://élan.fr/ü", "https://xn--lan-9la.fr/ü"),
        ("https://[::1]:443/x", "https://[::1]/x"),
        ("https://u:p@ex.org/", "https://ex.org"),
        ("not a link", "not a link"),
        ("http://[bad", "http://[bad"),
        ("http://ex.org:99999999/", "http://ex.org:99999999"),
        ("https://...", "https://..."),
        ("javascript:alert(1)", "javascript:alert(1)"),
        ("", ""),
    ],
)
def test_known_links(link: str, clean: str) -> None:
    assert clean_link(link) == clean


HOSTS = st.sampled_from(["a.org", "www.a.org", "été.fr", "x.com", "A.B:80", "[::1]", "..", "a..b"])


@given(st.text(max_size=40) | st.builds("https://{}/{}".format, HOSTS, st.text(max_size=20)))
def test_cleaning_never_fails_and_cleans_once(link: str) -> None:
    clean = clean_link(link)
    assert clean_link(clean) == clean


@pytest.mark.parametrize(
    ("link", "host"),
    [
        ("https://www.lemonde.fr/a", "lemonde.fr"),
        ("http://élan.fr", "xn--lan-9la.fr"),
        ("mailto:a@b.c", None),
        ("x", None),
    ],
)
def test_domain(link: str, host: str | None) -> None:
    assert domain(link) == host
