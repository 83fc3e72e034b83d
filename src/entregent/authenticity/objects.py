"""What accounts can share: posts, links, hashtags, texts, anything with a name and a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from entregent.errors import InputError
from entregent.i18n import N, T, Text
from entregent.network.graph import encode
from entregent.results import Notice
from entregent.text.folding import small_letters
from entregent.text.links import clean_link
from entregent.text.minhash import near_duplicates, signatures

__all__ = ["Actions", "actions", "hashtags", "links", "replies", "reposts", "texts"]

Column: TypeAlias = pa.Array | pa.ChunkedArray

_MOST_HOPS = 10
_RESOLUTIONS = ((86_400_000_000, "day"), (3_600_000_000, "hour"), (60_000_000, "minute"))
# Times that fall on whole units by accident: less often than one data set in ten thousand.
_ACCIDENT = 1e4
_MOST_OF_THEM = 0.95
_LEAST_SAME = 10


@dataclass(frozen=True)
class Actions:
    """Who acted on what and when, in codes.

    Parameters
    ----------
    accounts, objects : pa.Array of string, shape (n_accounts,), (n_objects,)
        Distinct names, sorted; the code of one is its place here.
    account, object : ndarray of int32, shape (n,)
    time : ndarray of int64, shape (n,)
        Microseconds since 1970, in any order.
    kind : str
        What the objects are: ``"link"``.
    resolution : int
        Microseconds to which times are known: those of a day, an hour or a
        minute where nearly all times fall on whole ones, else 1.
    notices : tuple of Notice
        What was left out, and what is odd about the times.
    """

    accounts: pa.Array
    objects: pa.Array
    account: NDArray[np.int32]
    object: NDArray[np.int32]
    time: NDArray[np.int64]
    kind: str = "object"
    resolution: int = 1
    notices: tuple[Notice, ...] = ()


def actions(account: Column, object: Column, time: Column, *, kind: str = "object") -> Actions:
    """Give codes to acts on objects of any kind.

    Parameters
    ----------
    account, object : pa.Array or pa.ChunkedArray of string, shape (n,)
        Who acted on what; the hash of an image is as good an object as any.
    time : pa.Array or pa.ChunkedArray of timestamp, shape (n,)
        Whole numbers are microseconds since 1970.
    kind : str
        What the objects are.

    Returns
    -------
    Actions
        Rows without account, object or time are left out and counted.

    Raises
    ------
    InputError
        Where lengths differ or times are no times.

    Examples
    --------
    >>> shared = actions(pa.array(["ann", "bob"]), pa.array(["x", "x"]), pa.array([5_000_000, None]))
    >>> shared.accounts.to_pylist(), [notice.code for notice in shared.notices]
    (['ann'], ['coaction.no_time'])
    """
    if not len(account) == len(object) == len(time):
        raise InputError(
            f"There are {len(account)} accounts, {len(object)} objects and {len(time)} times.",
            do="Give one of each for every act.",
        )
    micros = _micros(time)
    named = pc.and_(_flat(account).is_valid(), _flat(object).is_valid())
    timed = micros.is_valid()
    kept = pc.and_(named, timed)
    nameless = len(named) - _true(named)
    timeless = _true(named) - _true(kept)
    accounts, (who,) = encode(_flat(account).filter(kept))
    objects, (what,) = encode(_flat(object).filter(kept))
    when = np.asarray(micros.filter(kept), np.int64)
    notices = []
    if nameless:
        notices.append(
            Notice(
                "coaction.incomplete",
                N(
                    "{n} act without account or object was left out.",
                    "{n} acts without account or object were left out.",
                    nameless,
                ),
                nameless,
            )
        )
    if timeless:
        notices.append(
            Notice(
                "coaction.no_time",
                N("{n} act without a time was left out.", "{n} acts without a time were left out.", timeless),
                timeless,
            )
        )
    resolution, about = _resolution(when)
    return Actions(accounts, objects, who, what, when, kind, resolution, (*notices, *about))


def reposts(interactions: pa.Table, kinds: tuple[str, ...] = ("repost", "share")) -> Actions:
    """Return acts on reposted posts.

    Parameters
    ----------
    interactions : pa.Table
        As :func:`entregent.records.schema` says, or its columns kind, actor, object and time.
    kinds : tuple of str
        Kinds of interaction that count.

    Returns
    -------
    Actions
    """
    kept = interactions.filter(pc.is_in(interactions["kind"], pa.array(kinds, pa.string())))
    return actions(kept["actor"], kept["object"], kept["time"], kind="repost")


def replies(posts: pa.Table) -> Actions:
    """Return acts on posts that were replied to.

    Parameters
    ----------
    posts : pa.Table
        Columns account, parent and time; what has no parent is no reply.

    Returns
    -------
    Actions
    """
    kept = posts.filter(posts["parent"].is_valid())
    return actions(kept["account"], kept["parent"], kept["time"], kind="reply")


def links(posts: pa.Table, redirects: Mapping[str, str] | None = None) -> Actions:
    """Return acts on pages that were linked to, by :func:`~entregent.text.links.clean_link`.

    Parameters
    ----------
    posts : pa.Table
        Columns account, links and time.
    redirects : mapping of str to str, optional
        Where short addresses are known to lead. Nothing is asked of any server.

    Returns
    -------
    Actions
    """
    known = {clean_link(short): clean_link(long) for short, long in (redirects or {}).items()}

    @cache
    def page(link: str) -> str:
        page = clean_link(link)
        for _ in range(_MOST_HOPS):
            if page not in known:
                break
            page = known[page]
        return page

    return _each(posts, "links", page, "link")


def hashtags(posts: pa.Table) -> Actions:
    """Return acts on hashtags, small letters and accents off.

    Parameters
    ----------
    posts : pa.Table
        Columns account, hashtags (with or without ``#``) and time.

    Returns
    -------
    Actions
    """
    return _each(posts, "hashtags", lambda tag: small_letters(tag).lstrip("#"), "hashtag")


def texts(posts: pa.Table, *, threshold: float = 0.8, shortest: int = 5, seed: int = 1) -> Actions:
    """Return acts on texts that are nearly the same.

    Parameters
    ----------
    posts : pa.Table
        Columns account, text and time.
    threshold : float
        Estimated Jaccard similarity over runs of three words, in (0, 1].
    shortest : int
        Texts of fewer words say too little to be a copy ("Merci !") and are left out.
    seed : int
        Of the MinHash signatures.

    Returns
    -------
    Actions
        An object is a cluster of texts, named after its first post in time:
        its place among the rows where there is no column id.

    Notes
    -----
    Clusters are connected: if one text is near a second and the second near a
    third, all three are one object, even where the first and the third differ
    more than `threshold` says.
    """
    words = pc.fill_null(pc.list_value_length(pc.utf8_split_whitespace(_flat(posts["text"]))), 0)
    kept = posts.filter(pc.greater_equal(words, shortest))
    near = near_duplicates(signatures(kept["text"].to_pylist(), seed=seed), threshold=threshold)
    n = kept.num_rows
    joined = sparse.coo_matrix((np.ones(len(near.pairs), np.int8), near.pairs.T), shape=(n, n))
    cluster = connected_components(joined, directed=False)[1] if n else np.empty(0, np.int64)
    when = np.asarray(pc.fill_null(_micros(kept["time"]), np.iinfo(np.int64).max), np.int64)
    order = np.lexsort((np.arange(n), when, cluster))
    _, first = np.unique(cluster[order], return_index=True)
    leader = order[first][cluster]
    names = kept["id"] if "id" in kept.column_names else pa.array(range(n)).cast(pa.string())
    found = actions(kept["account"], names.take(pa.array(leader)), kept["time"], kind="text")
    if near.buckets_cut:
        cut = Notice(
            "coaction.texts_cut",
            T("So many texts are alike that not all were compared: some copies may be missing."),
            near.buckets_cut,
        )
        return replace(found, notices=(*found.notices, cut))
    return found


def _each(posts: pa.Table, column: str, clean: Callable[[str], str], kind: str) -> Actions:
    lists = _flat(posts[column])
    row = pc.list_parent_indices(lists)
    encoded = pc.list_flatten(lists).dictionary_encode()
    cleaned = pa.array(
        [None if name is None else clean(name) or None for name in encoded.dictionary.to_pylist()],
        pa.string(),
    )
    names = cleaned.take(encoded.indices)
    return actions(_flat(posts["account"]).take(row), names, _flat(posts["time"]).take(row), kind=kind)


def _flat(column: Column) -> pa.Array:
    if isinstance(column, pa.ChunkedArray):
        return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    return column


def _true(mask: pa.Array) -> int:
    return int(pc.sum(mask).as_py() or 0)


def _micros(time: Column) -> pa.Array:
    column = _flat(time)
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    elif pa.types.is_date(column.type):
        column = column.cast(pa.timestamp("us"))
    elif not (pa.types.is_integer(column.type) or pa.types.is_null(column.type)):
        raise InputError(
            f"The times are of type {column.type}.",
            valid=("timestamp", "date", "whole microseconds since 1970"),
        )
    return column.cast(pa.int64())


def _resolution(time: NDArray[np.int64]) -> tuple[int, tuple[Notice, ...]]:
    """Return the unit to which times are known, and what is odd about them."""
    n = len(time)
    if n < 2:
        return 1, ()
    for unit, name in _RESOLUTIONS:
        rest = time % unit
        usual = int(np.median(rest))
        on_it = rest == usual
        units = len(np.unique(time[on_it] // unit))
        if on_it.mean() >= _MOST_OF_THEM and (unit / 1e6) ** min(units - 1, 5) >= _ACCIDENT:
            return unit, (Notice("coaction.coarse_times", _coarse(name), int(on_it.sum())),)
    _, counts = np.unique(time, return_counts=True)
    most = int(counts.max())
    if most >= _LEAST_SAME and 2 * most >= n:
        return 1, (
            Notice(
                "coaction.same_instant",
                N(
                    "{n} act of {total} carries the very same time: probably that of a copy.",
                    "{n} acts of {total} carry the very same time: probably that of a copy.",
                    most,
                    total=n,
                ),
                most,
            ),
        )
    return 1, ()


def _coarse(unit: str) -> Text:
    if unit == "day":
        return T("Times are known to the day only: acts of one day cannot be told apart by time.")
    if unit == "hour":
        return T("Times are known to the hour only: acts of one hour cannot be told apart by time.")
    return T("Times are known to the minute only: acts of one minute cannot be told apart by time.")
