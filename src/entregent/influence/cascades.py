"""Cascades: who took an item up, when, and whose earlier acts they could have seen.

An item is whatever can be passed on: a repost tree, a hashtag, a link, any
object. A person counts once per item, at their first act on it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entregent.errors import InputError
from entregent.i18n import N, T
from entregent.network.graph import Graph, encode
from entregent.results import Notice

__all__ = ["ALWAYS", "FOLLOWS", "PAST", "UNKNOWN", "Cascades", "cascades", "split"]

FOLLOWS, PAST, UNKNOWN = "follows", "past", "unknown"
"""Where exposure is known from: follows, past acts of the listener, or nothing."""

ALWAYS = int(np.iinfo(np.int64).min)
"""Time of a follow that has none: it held before everything."""

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Cascades:
    """Adoptions by item in order of time, and who listens to whom.

    Parameters
    ----------
    accounts : pyarrow.Array of string, shape (n_accounts,)
        Sorted; the code of an account is its place.
    items : pyarrow.Array of string, shape (n_items,)
        Sorted; the code of an item is its place.
    groups : pyarrow.Array of string, shape (n_groups,)
        Kinds or subjects of items, where given; sorted.
    group : ndarray of int32, shape (n_items,)
        Group of each item, -1 where not known.
    indptr : ndarray of int64, shape (n_items + 1,)
        Adoptions of item i are at ``indptr[i]:indptr[i + 1]``, sorted by time;
        the first one started it.
    account : ndarray of int32, shape (n_adoptions,)
        Who adopted; no account twice in an item.
    time : ndarray of int64, shape (n_adoptions,)
        Microseconds since 1970.
    shows : ndarray of bool, shape (n_adoptions,)
        Whether the act was shown to those who listen to the account. A reply
        is often shown to nobody.
    row : ndarray of int64, shape (n_adoptions,)
        Place in the given rows: the evidence.
    exposure : Graph or None
        An arc from a to b says that a listens to b, and so could see b's acts.
        All weights are 1: how often is known only afterwards.
    since : ndarray of int64, shape (n_arcs,)
        From when each arc holds; :data:`ALWAYS` where it held before everything.
    exposure_kind : {"follows", "past", "unknown"}
    start, end : int
        Observed period, microseconds; who had not adopted by `end` had not by then.
    notices : tuple of Notice
    """

    accounts: pa.Array
    items: pa.Array
    groups: pa.Array
    group: Codes
    indptr: Ints
    account: Codes
    time: Ints
    shows: Bools
    row: Ints
    exposure: Graph | None
    since: Ints
    exposure_kind: str
    start: int
    end: int
    notices: tuple[Notice, ...] = ()

    @property
    def n_items(self) -> int:
        """Number of items."""
        return self.indptr.size - 1

    @property
    def n_accounts(self) -> int:
        """Number of accounts."""
        return len(self.accounts)

    @property
    def n_adoptions(self) -> int:
        """Number of adoptions, starts included."""
        return self.account.size

    def item(self) -> Codes:
        """Return the item of every adoption."""
        return np.repeat(np.arange(self.n_items, dtype=np.int32), np.diff(self.indptr))

    def starters(self) -> Codes:
        """Return the account that started each item."""
        return self.account[self.indptr[:-1]]

    def started(self) -> Ints:
        """Return when each item started."""
        return self.time[self.indptr[:-1]]


def cascades(
    adoptions: pa.Table,
    follows: pa.Table | None = None,
    interactions: pa.Table | None = None,
    *,
    end: int | None = None,
) -> Cascades:
    """Put adoptions in order and say who could have seen what.

    Parameters
    ----------
    adoptions : pyarrow.Table
        One row per act, in any order: `account` and `item` (string), `time`
        (timestamp, or int64 microseconds); optionally `group` (string, the
        kind or subject of the item) and `shows` (bool, whether listeners were
        shown the act; true unless told).
    follows : pyarrow.Table, optional
        `actor` follows `target`; optionally `time`, from when.
    interactions : pyarrow.Table, optional
        Acts of `actor` on what `target` published, with `time`. Used where
        there are no follows: whoever acted on somebody's post listens to them
        *after that act*, and not before.
    end : int, optional
        Until when acts were observed, microseconds; the last time in
        `adoptions` unless told. Later rows are left out.

    Returns
    -------
    Cascades
        With notices on rows that could not be used, and on what cannot be
        learned where nothing tells who could see whom.

    Raises
    ------
    InputError
        Where a column is missing or of another kind, or no row can be used.

    Notes
    -----
    Exposure here is opportunity: whether somebody read a post is nobody's to
    know. Arcs from past acts are learned by the very acts that one wants to
    explain, which is why they serve only for what comes later.

    Examples
    --------
    >>> acts = pa.table({"account": ["b", "a", "a", "c"], "item": ["x"] * 4, "time": [5, 2, 9, 7]})
    >>> known = cascades(acts, pa.table({"actor": ["b", "b"], "target": ["a", "b"]}))
    >>> known.accounts.take(pa.array(known.account)).to_pylist(), known.time.tolist(), known.exposure_kind
    (['a', 'b', 'c'], [2, 5, 7], 'follows')
    """
    _named(adoptions, "adoptions", ("account", "item", "time"))
    for table, name in ((follows, "follows"), (interactions, "interactions")):
        if table is not None:
            _named(table, name, ("actor", "target"))
    notices: list[Notice] = []
    columns = [adoptions["account"]]
    arcs, kind = _arcs(follows, interactions)
    if arcs is not None:
        columns += [arcs["actor"], arcs["target"]]
    accounts, codes = encode(*columns)
    items, (item,) = encode(adoptions["item"])
    time, dated = _micros(adoptions["time"], "adoptions.time")
    account = codes[0]
    used = dated & (account >= 0) & (item >= 0)
    if end is not None:
        used &= time <= end
    if not used.any():
        raise InputError(
            f"None of {len(used)} adoptions has an account, an item and a time"
            + (" before the end." if end is not None else "."),
            where="cascades",
            do="Give rows with all three.",
        )
    if left := int((~used).sum()):
        text = N(
            "{n} act without account, item or time, or after the end, was left out of the cascades.",
            "{n} acts without account, item or time, or after the end, were left out of the cascades.",
            left,
        )
        notices.append(Notice("cascades.incomplete", text, left))
    rows = np.flatnonzero(used)
    # Row number breaks ties, so that the answer does not depend on the sort.
    order = rows[np.lexsort((rows, time[rows], account[rows], item[rows]))]
    first = np.ones(order.size, dtype=np.bool_)
    first[1:] = (np.diff(item[order]) != 0) | (np.diff(account[order]) != 0)
    order = order[first]
    order = order[np.lexsort((order, time[order], item[order]))]

    present, dense = np.unique(item[order], return_inverse=True)
    indptr = np.concatenate(([0], np.cumsum(np.bincount(dense, minlength=present.size)))).astype(np.int64)
    groups, group = _groups(adoptions, order, indptr)
    last = int(time[order].max()) if end is None else int(end)
    graph, since = _graph(accounts, codes, arcs, last, notices)
    if graph is None:
        kind = UNKNOWN
        notices.append(
            Notice(
                "cascades.no_exposure",
                T(
                    "Nothing tells who could see whose acts (no follows, no earlier acts on one another). "
                    "How often people act can be learned, but not who moved whom."
                ),
            )
        )
    shows = np.ones(order.size, dtype=np.bool_)
    if "shows" in adoptions.column_names:
        shows = adoptions["shows"].fill_null(True).to_numpy(zero_copy_only=False)[order].astype(np.bool_)
    return Cascades(
        accounts=accounts,
        items=items.take(pa.array(present)),
        groups=groups,
        group=group,
        indptr=indptr,
        account=account[order],
        time=time[order],
        shows=shows,
        row=order.astype(np.int64),
        exposure=graph,
        since=since,
        exposure_kind=kind,
        start=int(time[order].min()),
        end=last,
        notices=tuple(notices),
    )


def split(known: Cascades, at: int) -> tuple[Cascades, Cascades]:
    """Split by the time at which items started, never at random.

    Parameters
    ----------
    known : Cascades
    at : int
        Microseconds.

    Returns
    -------
    earlier : Cascades
        Items that started before `at`, as they were known then: acts and arcs
        from `at` on are not in it.
    later : Cascades
        Items that started at `at` or after, whole. Arcs keep the time since
        which they hold.

    Notes
    -----
    Account codes stay the same in both, item codes do not.
    """
    fresh = known.started() >= at
    started_before = ~np.repeat(fresh, np.diff(known.indptr))
    before = _kept(known, ~fresh, started_before & (known.time < at), min(known.end, at - 1))
    if known.exposure is not None:
        before = _arcs_until(before, known.exposure, at)
    after = _kept(known, fresh, ~started_before, known.end)
    return before, replace(after, start=max(known.start, min(at, known.end)))


def _kept(known: Cascades, items: Bools, adoptions: Bools, end: int) -> Cascades:
    counts = np.bincount(known.item()[adoptions], minlength=known.n_items)[items]
    return replace(
        known,
        items=known.items.filter(pa.array(items)),
        group=known.group[items],
        indptr=np.concatenate(([0], np.cumsum(counts))).astype(np.int64),
        account=known.account[adoptions],
        time=known.time[adoptions],
        shows=known.shows[adoptions],
        row=known.row[adoptions],
        end=end,
    )


def _arcs_until(known: Cascades, graph: Graph, at: int) -> Cascades:
    held = known.since < at
    tail = np.repeat(np.arange(graph.n), np.diff(graph.indptr))[held]
    indptr = np.concatenate(([0], np.cumsum(np.bincount(tail, minlength=graph.n)))).astype(np.int64)
    cut = Graph(graph.ids, indptr, graph.indices[held], graph.weights[held], graph.self_loops, graph.nulls)
    return replace(known, exposure=cut, since=known.since[held])


def _named(table: pa.Table, name: str, needed: tuple[str, ...]) -> None:
    for column in needed:
        if column not in table.column_names:
            raise InputError(
                f"There is no column {column!r} in {name}.",
                where="cascades",
                valid=needed,
                do=f"Columns given: {', '.join(table.column_names) or 'none'}.",
            )


def _micros(column: pa.ChunkedArray, name: str) -> tuple[Ints, Bools]:
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False).cast(pa.int64())
    elif not pa.types.is_integer(column.type):
        raise InputError(
            f"{name} is of type {column.type}.", where="cascades", valid=("timestamp", "int64 microseconds")
        )
    known = column.is_valid().to_numpy(zero_copy_only=False).astype(np.bool_)
    return column.fill_null(0).cast(pa.int64()).to_numpy(zero_copy_only=False), known


def _arcs(follows: pa.Table | None, interactions: pa.Table | None) -> tuple[pa.Table | None, str]:
    if follows is not None and follows.num_rows:
        return follows, FOLLOWS
    if interactions is not None and interactions.num_rows:
        _named(interactions, "interactions", ("actor", "target", "time"))
        return interactions, PAST
    return None, UNKNOWN


def _graph(
    accounts: pa.Array, codes: list[Codes], arcs: pa.Table | None, end: int, notices: list[Notice]
) -> tuple[Graph | None, Ints]:
    none = np.empty(0, dtype=np.int64)
    if arcs is None:
        return None, none
    tail, head = codes[1].astype(np.int64), codes[2].astype(np.int64)
    since = np.full(tail.size, ALWAYS)
    if "time" in arcs.column_names:
        moment, dated = _micros(arcs["time"], "time of arcs")
        since = np.where(dated, moment, ALWAYS)
    known = (tail >= 0) & (head >= 0)
    different = tail != head
    loops, nulls = int((known & ~different).sum()), int((~known).sum())
    if loops + nulls:
        text = N(
            "{n} follow or act between accounts that are the same, or not known, was left out.",
            "{n} follows or acts between accounts that are the same, or not known, were left out.",
            loops + nulls,
        )
        notices.append(Notice("cascades.no_pair", text, loops + nulls))
    kept = np.flatnonzero(known & different & (since <= end))
    if not kept.size:
        return None, none
    n = len(accounts)
    pair = tail[kept] * n + head[kept]
    order = np.lexsort((since[kept], pair))
    pair, moment = pair[order], since[kept][order]
    first = np.flatnonzero(np.concatenate(([True], np.diff(pair) != 0)))
    indptr = np.concatenate(([0], np.cumsum(np.bincount(pair[first] // n, minlength=n)))).astype(np.int64)
    heads = (pair[first] % n).astype(np.int32)
    return Graph(accounts, indptr, heads, np.ones(heads.size), loops, nulls), moment[first]


def _groups(adoptions: pa.Table, order: Ints, indptr: Ints) -> tuple[pa.Array, Codes]:
    if "group" not in adoptions.column_names:
        return pa.array([], pa.string()), np.full(indptr.size - 1, -1, dtype=np.int32)
    groups, (code,) = encode(adoptions["group"])
    # The group that the item's acts name first.
    ordered: NDArray[Any] = code[order]
    known = np.where(ordered >= 0, np.arange(ordered.size), ordered.size)
    first = np.minimum.reduceat(known, indptr[:-1])
    inside = first < indptr[1:]
    found = np.where(inside, ordered[np.minimum(first, ordered.size - 1)], -1)
    return groups, found.astype(np.int32)
