"""One address for one page, however it was shared."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

__all__ = ["clean_link", "domain"]

_PREFIXES = ("utm_", "mtm_", "pk_", "piwik_", "matomo_", "hsa_", "at_", "ns_", "oly_", "vero_", "__hs", "_hs")
# fmt: off
_NAMES = frozenset((
    "__twitter_impression", "_ga", "_gl", "cmp_id", "cmpid", "dclid", "dicbo", "epik", "erid", "fbclid",
    "gbraid", "gclid", "gclsrc", "guccounter", "guce_referrer", "guce_referrer_sig", "igsh", "igshid", "ito",
    "li_fat_id", "mc_cid", "mc_eid", "mibextid", "mkt_tok", "msclkid", "ncid", "ocid", "rdid", "ref_src",
    "ref_url", "s_cid", "s_kwcid", "scm", "sfmc_id", "sfnsn", "share_id", "smid", "smtyp", "spm", "trk",
    "trkinfo", "ttclid", "twclid", "wbraid", "wt_mc", "wt_zmc", "xtnp", "xtor", "xtref", "xts", "yclid",
    "ysclid",
))
# fmt: on
# Names that mean something elsewhere (a video at a time, a page number) count only on these sites.
_NAMES_OF_SITE = {
    "twitter.com": frozenset(("s", "t", "cxt")),
    "x.com": frozenset(("s", "t", "cxt")),
    "youtube.com": frozenset(("si", "pp", "ab_channel", "feature")),
    "youtu.be": frozenset(("si",)),
    "open.spotify.com": frozenset(("si", "nd")),
    "instagram.com": frozenset(("hl", "img_index")),
    "tiktok.com": frozenset(("_r", "_t", "is_from_webapp", "sender_device", "web_id")),
    "linkedin.com": frozenset(("rcm", "lipi")),
}
_PORTS = {"http": ":80", "https": ":443"}
_SCHEME = re.compile(r"https?://", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


def _split(url: str) -> SplitResult | None:
    if _CONTROL.search(url):
        return None
    if not _SCHEME.match(url):
        if url[:4].lower() != "www.":
            return None
        url = "https://" + url
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").strip(".")
    except ValueError:
        return None
    return parts if "." in host or ":" in host or host == "localhost" else None


def _host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    if not host.isascii():
        with suppress(UnicodeError):
            host = host.encode("idna").decode()
    return host.removeprefix("www.") if host.count(".") > 1 else host


def _is_tracking(name: str, site: frozenset[str]) -> bool:
    name = name.lower()
    return name in _NAMES or name in site or name.startswith(_PREFIXES)


@lru_cache(maxsize=1 << 14)
def clean_link(url: str) -> str:
    """Return the address of a page without what only follows its readers around.

    Parameters
    ----------
    url : str

    Returns
    -------
    str
        Scheme and host in small letters, without ``www.``, default port,
        fragment (a ``#!`` is kept), tracking parameters and a slash at the
        end; an international host in its ASCII form. What is no web address
        is returned as it came.

    Notes
    -----
    Two addresses that give the same text may still be two pages on a server
    that serves its name with and without ``www.`` differently; such servers
    are rare, links shared both ways are not.

    Examples
    --------
    >>> clean_link("https://www.Example.org/a/?utm_source=x&id=7&fbclid=Q#top")
    'https://example.org/a?id=7'
    """
    parts = _split(url.strip())
    if parts is None:
        return url
    host = _host(parts)
    scheme = parts.scheme.lower()
    place = parts.netloc.rpartition("@")[2]
    port = place[place.rfind(":") :] if re.search(r":\d+\Z", place) else ""
    site = next(
        (names for end, names in _NAMES_OF_SITE.items() if host == end or host.endswith("." + end)), None
    )
    kept = [
        pair
        for pair in parts.query.split("&")
        if pair and not _is_tracking(pair.partition("=")[0], site or frozenset())
    ]
    query = "?" + "&".join(kept) if kept else ""
    fragment = "#" + parts.fragment if parts.fragment.startswith("!") else ""
    if ":" in host:
        host = f"[{host}]"
    return (
        f"{scheme}://{host}{'' if port == _PORTS[scheme] else port}{parts.path.rstrip('/')}{query}{fragment}"
    )


def domain(url: str) -> str | None:
    """Return the host of a link, without ``www.``; None for what is no web address.

    Examples
    --------
    >>> domain("https://www.lemonde.fr/planete/")
    'lemonde.fr'
    """
    parts = _split(url.strip())
    return None if parts is None else _host(parts)
