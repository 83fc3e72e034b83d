"""Co-action while it happens: the same counts, kept up to date act by act.

The kernels share this file with what calls them, because a cached kernel does
not notice that a callee elsewhere has changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from entregent.authenticity.coaction import MOST_PAIRS, MOST_PER_OBJECT, Capped, Coaction, window_micros
from entregent.compiling import compiled
from entregent.errors import InputError
from entregent.i18n import N, T
from entregent.results import Notice

__all__ = ["CoactionStream", "warm"]

_EMPTY = -1
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)
_S27, _S30, _S31 = np.uint64(27), np.uint64(30), np.uint64(31)

# Places in the array of counters.
_NEWEST, _FREE, _NODES, _SEEN, _PAIRS, _LATE, _REPEATED, _TAKEN = range(8)


@compiled
def _slot(keys: Any, key: int) -> int:
    """Return where a key is, or where it would go."""
    value = np.uint64(key)
    value = (value ^ (value >> _S30)) * _FIRST
    value = (value ^ (value >> _S27)) * _SECOND
    last = len(keys) - 1
    slot = np.int64(value ^ (value >> _S31)) & last
    while keys[slot] != key and keys[slot] != _EMPTY:
        slot = (slot + 1) & last
    return int(slot)


@compiled
def _freed(node: int, following: Any, counters: Any) -> int:
    """Give a list of nodes back; return how many there were."""
    freed = 0
    while node >= 0:
        after = following[node]
        following[node] = counters[_FREE]
        counters[_FREE] = node
        node = after
        freed += 1
    counters[_NODES] -= freed
    return freed


@compiled
def _taken(
    account: Any,
    object_: Any,
    time: Any,
    row: int,
    windows: Any,
    late: int,
    forget: int,
    most_per_object: int,
    counters: Any,
    head: Any,
    live: Any,
    latest: Any,
    opened: Any,
    sharers: Any,
    fitting: Any,
    within: Any,
    node_account: Any,
    node_time: Any,
    following: Any,
    seen: Any,
    seen_at: Any,
    pairs: Any,
    counts: Any,
) -> int:
    """Take actions from `row` on; return the first that the table of pairs has no room for."""
    for step in range(row, len(account)):
        one, shared, now = account[step], object_[step], time[step]
        if 5 * (counters[_PAIRS] + live[shared]) > 3 * len(pairs):
            return step
        if now < counters[_NEWEST] - late:
            counters[_LATE] += 1
            continue
        counters[_NEWEST] = max(counters[_NEWEST], now)
        if sharers[shared] and now - latest[shared] > forget:
            _freed(head[shared], following, counters)
            head[shared], live[shared], opened[shared] = -1, 0, counters[_TAKEN]
        latest[shared] = max(latest[shared], now)
        key = (shared << 32) | one
        slot = _slot(seen, key)
        if seen[slot] == key:
            if seen_at[slot] >= opened[shared]:
                counters[_REPEATED] += 1
                continue
        else:
            counters[_SEEN] += 1
            seen[slot] = key
        seen_at[slot] = counters[_TAKEN]
        counters[_TAKEN] += 1
        sharers[shared] += 1
        fits = fitting[shared]
        if fits == 0:
            continue
        longest = windows[fits - 1]
        before = -1
        node = head[shared]
        while node >= 0:
            if node_time[node] < counters[_NEWEST] - longest - 2 * late:
                live[shared] -= _freed(node, following, counters)
                if before < 0:
                    head[shared] = -1
                else:
                    following[before] = -1
                break
            gap = abs(now - node_time[node])
            if gap <= longest:
                inside = 0
                while gap > windows[inside]:
                    inside += 1
                two = node_account[node]
                key = (min(one, two) << 32) | max(one, two)
                slot = _slot(pairs, key)
                if pairs[slot] == _EMPTY:
                    pairs[slot] = key
                    counters[_PAIRS] += 1
                for window in range(inside, fits):
                    counts[slot, window] += 1
                    within[shared, window] += 1
            before = node
            node = following[node]
        while fits > 0 and within[shared, fits - 1] > most_per_object:
            fits -= 1
        fitting[shared] = fits
        node = counters[_FREE]
        counters[_FREE] = following[node]
        counters[_NODES] += 1
        node_account[node], node_time[node], following[node] = one, now, head[shared]
        head[shared] = node
        live[shared] += 1
    return len(account)


@compiled
def _swept(head: Any, live: Any, latest: Any, before: int, following: Any, counters: Any) -> None:
    for shared in range(len(head)):
        if head[shared] >= 0 and latest[shared] < before:
            _freed(head[shared], following, counters)
            head[shared], live[shared] = -1, 0


@compiled
def _still_open(keys: Any, latest: Any, before: int) -> Any:
    kept = np.empty(len(keys), np.bool_)
    for slot in range(len(keys)):
        kept[slot] = keys[slot] != _EMPTY and latest[keys[slot] >> 32] >= before
    return kept


@compiled
def _moved(keys: Any, new: Any) -> Any:
    places = np.empty(len(keys), np.int64)
    for number in range(len(keys)):
        places[number] = _slot(new, keys[number])
        new[places[number]] = keys[number]
    return places


@compiled
def _most(codes: Any) -> int:
    """Return the highest, or -1 where one is negative."""
    most = 0
    for code in codes:
        if code < 0:
            return -1
        most = max(most, code)
    return most


class CoactionStream:
    """Counts of co-action, kept up to date while acts come in.

    Parameters
    ----------
    windows : sequence of float
        Seconds, from 1 to 86,400.
    most_per_object : int
        When an object has brought more pairs of actions within a window, it
        stops counting for that window; what it has brought stays.
    most_pairs : int
        Where more pairs have been met, the weakest are dropped and `missing` rises.
    late : float
        Seconds by which an act may come after a later one; acts that come later
        still are left out and counted.
    forget : float
        Seconds without an act after which an object is closed; acts on it
        from then on are acts on a new object.

    Attributes
    ----------
    missing : int
        Most objects that the count of a pair may lack, because pairs were dropped.

    Raises
    ------
    InputError
        For a window out of range, a bound below 1, or a negative time.

    Notes
    -----
    An account's first act on an object to arrive counts. Where no object is
    capped, closed or late, the counts are those of
    :func:`~entregent.authenticity.coaction.coaction` over the same acts.

    Each object keeps its acts within the longest window, and an act is compared
    with those. Memory grows with acts on objects that are open, with pairs up to
    `most_pairs`, and by some 50 bytes for every object ever met. Dropping is
    lossy counting (Manku and Motwani).

    References
    ----------
    Manku, G. S. and Motwani, R. (2002), Approximate frequency counts over data
    streams. doi:10.1016/B978-155860869-6/50038-X

    Examples
    --------
    >>> stream = CoactionStream([60])
    >>> stream.update([0, 1], [7, 7], [5_000_000, 9_000_000])
    2
    >>> stream.update(2, 7, 10_000_000)
    1
    >>> found = stream.result(least=1)
    >>> found.a.tolist(), found.b.tolist(), found.count[:, 0].tolist()
    ([0, 0, 1], [1, 2, 2], [1, 1, 1])
    """

    def __init__(
        self,
        windows: Sequence[float],
        *,
        most_per_object: int = MOST_PER_OBJECT,
        most_pairs: int = MOST_PAIRS,
        late: float = 0.0,
        forget: float = 7 * 86_400.0,
    ) -> None:
        self._seconds, self._windows = window_micros(windows)
        for name, bound in (("most_per_object", most_per_object), ("most_pairs", most_pairs)):
            if bound < 1:
                raise InputError(f"{name} is {bound}.", valid=("a whole number from 1",))
        for name, span in (("late", late), ("forget", forget)):
            if not 0 <= span < 1e10:
                raise InputError(f"{name} is {span}.", valid=("seconds from 0",))
        if forget < self._seconds[-1]:
            raise InputError(
                f"Objects are forgotten after {forget:g} s, within the window of {self._seconds[-1]:g} s.",
                valid=(f"seconds from {self._seconds[-1]:g}",),
            )
        self.missing = 0
        self._most_per_object, self._most_pairs = most_per_object, most_pairs
        self._late, self._forget = round(late * 1e6), round(forget * 1e6)
        self._parameters = {
            "windows": [float(second) for second in self._seconds],
            "acts": "first",
            "most_per_object": most_per_object,
            "most_pairs": most_pairs,
            "late": float(late),
            "forget": float(forget),
        }
        n_windows = len(self._windows)
        self._counters = np.zeros(8, np.int64)
        self._counters[_NEWEST] = -(1 << 62)
        self._counters[_FREE] = -1
        self._met = np.zeros(0, np.bool_)
        self._head = np.zeros(0, np.int32)
        self._live = np.zeros(0, np.int32)
        self._latest = np.zeros(0, np.int64)
        self._opened = np.zeros(0, np.int64)
        self._sharers = np.zeros(0, np.int32)
        self._fitting = np.zeros(0, np.int16)
        self._within = np.zeros((0, n_windows), np.int64)
        self._node_account = np.zeros(0, np.int32)
        self._node_time = np.zeros(0, np.int64)
        self._following = np.zeros(0, np.int32)
        self._seen = np.full(1024, _EMPTY, np.int64)
        self._seen_at = np.zeros(1024, np.int64)
        self._pairs = np.full(1024, _EMPTY, np.int64)
        self._counts = np.zeros((1024, n_windows), np.int32)

    def update(self, account: ArrayLike, object: ArrayLike, time: ArrayLike) -> int:
        """Take acts, in the order in which they came.

        Parameters
        ----------
        account, object : array_like of int, shape (n,) or ()
            Dense codes from 0, the same for the life of the stream; those of a dict do:
            ``codes.setdefault(name, len(codes))``.
        time : array_like of int, shape (n,) or ()
            Microseconds since 1970.

        Returns
        -------
        int
            Acts that counted: neither late nor repeated.

        Raises
        ------
        InputError
            Where lengths differ, or codes are negative or no whole numbers.
        """
        who, what, when = _column("account", account), _column("object", object), _column("time", time)
        if not len(who) == len(what) == len(when):
            raise InputError(
                f"There are {len(who)} accounts, {len(what)} objects and {len(when)} times.",
                do="Give one of each for every act.",
            )
        if len(who) == 0:
            return 0
        accounts, objects = _most(who), _most(what)
        for name, most in (("account", accounts), ("object", objects)):
            if not 0 <= most < 1 << 31:
                raise InputError(
                    f"A code of {name} is {f'{most}' if most > 0 else 'negative'}.",
                    valid=("whole numbers from 0 to 2147483647",),
                )
        if not 0 <= _most(when + (1 << 61)) < 1 << 62:
            raise InputError("A time is out of range.", valid=("microseconds since 1970",))
        taken = int(self._counters[_TAKEN])
        self._make_room(accounts + 1, objects + 1, len(who))
        self._met[who] = True
        row = 0
        while row < len(who):
            row = _taken(
                who, what, when, row, self._windows, self._late, self._forget, self._most_per_object,
                self._counters, self._head, self._live, self._latest, self._opened, self._sharers,
                self._fitting, self._within, self._node_account, self._node_time, self._following,
                self._seen, self._seen_at, self._pairs, self._counts,
            )  # fmt: skip
            if row < len(who):
                self._widen_pairs(int(self._live[what[row]]))
        return int(self._counters[_TAKEN]) - taken

    def _make_room(self, accounts: int, objects: int, acts: int) -> None:
        if accounts > len(self._met):
            self._met = _longer(self._met, accounts)
        if objects > len(self._head):
            self._head = _longer(self._head, objects, -1)
            self._live = _longer(self._live, objects)
            self._latest = _longer(self._latest, objects)
            self._opened = _longer(self._opened, objects)
            self._sharers = _longer(self._sharers, objects)
            self._fitting = _longer(self._fitting, objects, len(self._windows))
            self._within = _longer(self._within, objects)
        newest = int(self._counters[_NEWEST])
        if self._counters[_NODES] + acts > len(self._following):
            idle = newest - int(self._windows[-1]) - 2 * self._late
            _swept(self._head, self._live, self._latest, idle, self._following, self._counters)
            # Half of them free at least, or the next sweep would come at once.
            if 2 * (self._counters[_NODES] + acts) > len(self._following):
                self._widen_nodes(2 * (int(self._counters[_NODES]) + acts))
        if 5 * (self._counters[_SEEN] + acts) > 3 * len(self._seen):
            kept = _still_open(self._seen, self._latest, newest - self._forget - self._late)
            keys, at = self._seen[kept], self._seen_at[kept]
            self._seen = np.full(_power(2 * (len(keys) + acts)), _EMPTY, np.int64)
            self._seen_at = np.zeros(len(self._seen), np.int64)
            self._seen_at[_moved(keys, self._seen)] = at
            self._counters[_SEEN] = len(keys)

    def _widen_nodes(self, least: int) -> None:
        old = len(self._following)
        self._node_account = _longer(self._node_account, least)
        self._node_time = _longer(self._node_time, least)
        self._following = _longer(self._following, least)
        new = len(self._following)
        self._following[old:] = np.arange(old + 1, new + 1)
        self._following[new - 1] = self._counters[_FREE]
        self._counters[_FREE] = old

    def _widen_pairs(self, more: int) -> None:
        kept = np.flatnonzero(self._pairs != _EMPTY)
        if len(kept) + more > self._most_pairs:
            strongest = self._counts[kept].max(axis=1)
            above = np.append(np.cumsum(np.bincount(strongest)[::-1])[::-1], 0)
            # Down to half, so that dropping, which looks at all, is rare.
            floor = int(np.argmax(above <= self._most_pairs // 2))
            if floor > 1:
                kept = kept[strongest >= floor]
                self.missing += floor - 1
        keys, counts = self._pairs[kept], self._counts[kept]
        self._pairs = np.full(_power(2 * (len(keys) + more)), _EMPTY, np.int64)
        self._counts = np.zeros((len(self._pairs), len(self._windows)), np.int32)
        self._counts[_moved(keys, self._pairs)] = counts
        self._counters[_PAIRS] = len(keys)

    def result(self, least: int = 2) -> Coaction:
        """Return the counts of now.

        Parameters
        ----------
        least : int
            Pairs that share fewer objects in every window are left out.

        Returns
        -------
        Coaction
            `capped` holds for each object the pairs it brought until it was stopped.
        """
        if least < 1:
            raise InputError(f"least is {least}.", valid=("a whole number from 1",))
        kept = np.flatnonzero(self._pairs != _EMPTY)
        kept = kept[self._counts[kept].max(axis=1) >= least]
        kept = kept[np.argsort(self._pairs[kept], kind="stable")]
        keys = self._pairs[kept]
        over = np.flatnonzero(self._fitting < len(self._windows)).astype(np.int32)
        return Coaction(
            self._seconds,
            (keys >> 32).astype(np.int32),
            (keys & 0xFFFFFFFF).astype(np.int32),
            self._counts[kept],
            least,
            int(self._counters[_TAKEN]),
            int(self._met.sum()),
            int((self._sharers >= 2).sum()),
            Capped(over, self._fitting[over], self._within[over].max(axis=1, initial=0)),
            {**self._parameters, "least": least},
            self._notices(len(over)),
        )

    def _notices(self, capped: int) -> tuple[Notice, ...]:
        notices = []
        late = int(self._counters[_LATE])
        if late:
            notices.append(
                Notice(
                    "coaction.late",
                    N(
                        "{n} act came too late and was left out.",
                        "{n} acts came too late and were left out.",
                        late,
                    ),
                    late,
                )
            )
        if capped:
            notices.append(
                Notice(
                    "coaction.object_stopped",
                    N(
                        "{n} object had so many acts at once that it stopped counting for some windows.",
                        "{n} objects had so many acts at once that they stopped counting for some windows.",
                        capped,
                    ),
                    capped,
                )
            )
        if self.missing:
            notices.append(
                Notice(
                    "coaction.pairs_dropped",
                    T(
                        "So many pairs co-act that weak ones were dropped: "
                        "a count may lack up to {most} objects.",
                        most=self.missing,
                    ),
                )
            )
        return tuple(notices)


def _column(name: str, values: ArrayLike) -> NDArray[np.int64]:
    column = np.asarray(values)
    if column.ndim == 0:
        column = column.reshape(1)
    if column.ndim != 1 or not (column.dtype.kind in "iu" or column.size == 0):
        raise InputError(
            f"{name} is of type {column.dtype} and shape {column.shape}.", valid=("a list of whole numbers",)
        )
    return column.astype(np.int64, copy=False)


def _longer(old: NDArray[Any], least: int, value: int = 0) -> NDArray[Any]:
    """Return a copy with room for `least`, or twice as many as before, filled up with a value."""
    new = np.full((max(least, 2 * len(old), 1024), *old.shape[1:]), value, old.dtype)
    new[: len(old)] = old
    return new


def _power(least: int) -> int:
    return 1 << max(10, (least - 1).bit_length())


def warm() -> None:
    """Compile the loops of the stream now, so that nobody waits for it later."""
    stream = CoactionStream([1.0])
    codes = np.arange(1000)
    stream.update(codes % 2, codes // 2, codes)
    stream.update(codes % 2, codes // 2 + 1000, codes + 1000)
