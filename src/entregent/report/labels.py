"""What codes are called by people: kinds of interaction, networks, formats of files."""

from __future__ import annotations

from entregent.i18n import N, T, Text

__all__ = [
    "Language",
    "basis_label",
    "format_label",
    "kind_label",
    "network_label",
    "table_label",
]

_NETWORKS = {
    "bluesky": "Bluesky",
    "fediverse": "Fediverse",
    "file": "",
    "mastodon": "Mastodon",
    "twitter": "X (Twitter)",
    "x": "X",
}
_FORMATS = {
    "activitystreams": "ActivityStreams 2.0",
    "csv": "CSV",
    "feed": "RSS / Atom",
    "jetstream": "Bluesky Jetstream",
    "mastodon": "Mastodon",
    "parquet": "Parquet",
    "twitter-v1": "Twitter v1.1",
    "x-v2": "X API v2",
}


class Language(str):
    """A language code (BCP 47) that a reader sees as the name of the language."""

    __slots__ = ()


def kind_label(kind: str | None, n: int) -> Text:
    """Return what `n` interactions of a kind are called, with their number.

    >>> str(kind_label("repost", 3))
    '3 reposts'
    """
    match kind:
        case "repost":
            return N("{n} repost", "{n} reposts", n)
        case "quote":
            return N("{n} quote", "{n} quotes", n)
        case "reply":
            return N("{n} reply", "{n} replies", n)
        case "mention":
            return N("{n} mention", "{n} mentions", n)
        case "like":
            return N("{n} like", "{n} likes", n)
        case "follow":
            return N("{n} follow", "{n} follows", n)
        case "share":
            return N("{n} share", "{n} shares", n)
        case None:
            return N("{n} act of unknown kind", "{n} acts of unknown kind", n)
    return N("{n} act “{kind}”", "{n} acts “{kind}”", n, kind=kind)


def basis_label(basis: str) -> Text:
    """Return where the size of an audience comes from."""
    match basis:
        case "shown":
            return T("shown by the network")
        case "seen":
            return T("at least: follows seen in the data")
    return T("from “{basis}”", basis=basis)


def network_label(network: str) -> str:
    """Return the proper name of a network; nothing for files that name none."""
    return _NETWORKS.get(network, network)


def format_label(name: str) -> str:
    """Return the proper name of a format of files."""
    return _FORMATS.get(name, name)


def table_label(name: str) -> Text:
    """Return what a table of the study holds."""
    match name:
        case "people":
            return T("People: the three columns, one row an account")
        case "evidence":
            return T("Evidence: the posts that carry each number")
        case "effects":
            return T("Effects: what would not have been without each person, with the checks")
        case "moved":
            return T("Moved: each act after one of a person's, and the chance that it was theirs")
        case "volume":
            return T("Volume over time")
        case "posts":
            return T("Posts")
        case "acts":
            return T("Acts: who reposted, answered, quoted or shared what")
        case "shared_posts":
            return T("Most shared posts")
        case "shared_links":
            return T("Most shared links")
        case "shared_hashtags":
            return T("Most shared hashtags")
        case "languages":
            return T("Languages")
        case "kinds":
            return T("Kinds of interaction")
        case "speakers":
            return T("Who speaks most")
        case "communities":
            return T("Communities")
        case "members":
            return T("Members of the communities")
        case "overlap":
            return T("Shared audiences")
        case "circle":
            return T("The circle")
        case "circle_overlap":
            return T("Whom the people of the circle reach twice")
        case "seeding":
            return T("Few or many: each kind at each price")
        case "listening":
            return T("Who listens to whom")
        case "gaps":
            return T("Gaps in the data")
        case "notices":
            return T("Notices about the data")
    return T("Table “{name}”", name=name)
