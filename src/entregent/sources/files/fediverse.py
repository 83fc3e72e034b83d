"""What the two formats of the Fediverse agree on, so that one post has one id in both."""

from __future__ import annotations

__all__ = ["actor", "anchor_links", "handle", "hashtag"]


def actor(uri: str, url: str) -> str:
    """Return SQL of an account's address: its `uri`, else its profile page in the form of one.

    Mastodon's profile pages are ``https://host/@name`` where its actors are
    ``https://host/users/name``; where only the page is given (as for mentions)
    it is written as the actor, so that both meet.
    """
    page = f"regexp_replace({url}, '^(https?://[^/]+)/@([^/@]+)$', '\\1/users/\\2')"
    return f"coalesce(filled({uri}), filled({page}))"


def handle(address: str) -> str:
    """Return SQL of ``name@host`` as far as an address gives it away."""
    pattern = r"^https?://([^/]+)/(?:@|users/|u/|user/|profile/|accounts/|ap/users/)([^/@]+)/?$"
    return f"filled(regexp_replace(regexp_extract({address}, '{pattern}', 0), '{pattern}', '\\2@\\1'))"


def hashtag(name: str) -> str:
    """Return SQL of a hashtag without its ``#``."""
    return f"ltrim({name}, '#')"


def anchor_links(markup: str) -> str:
    """Return SQL of the addresses that an HTML fragment links to, mentions and hashtags left out."""
    return (
        f"list_transform(list_filter(regexp_extract_all({markup}, '<a\\s[^>]*>'),"
        " lambda x: NOT regexp_matches(x, 'class=\"[^\"]*(mention|hashtag)')),"
        " lambda x: replace(regexp_extract(x, 'href=\"(https?://[^\"]*)\"', 1), '&amp;', '&'))"
    )
