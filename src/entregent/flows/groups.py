"""Groups that act together, for a study or a command: acts from the records, people by name out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from entregent.authenticity.groups import (
    Group,
    GroupsResult,
    ShuffledControl,
    control_declared,
    control_shuffled,
    find_groups,
)
from entregent.authenticity.objects import Actions, hashtags, links, replies, reposts, texts
from entregent.clock import from_micros, to_micros
from entregent.errors import InputError
from entregent.flows.listeners import handles
from entregent.i18n import N, T
from entregent.progress import Progress, Quiet, check
from entregent.report.groups import Burst, GroupAct, GroupMember, GroupsPart, GroupTie, SeenGroup
from entregent.results import CannotTell, Notice, merge_notices

__all__ = [
    "OBJECTS",
    "GroupsRequest",
    "acts_of",
    "group_acts_table",
    "group_bursts_table",
    "groups_of",
    "groups_table",
]

OBJECTS = ("repost", "link", "text", "reply", "hashtag")
"""What accounts can act on together."""

MOST_TEXTS = 100_000
"""Posts above which near copies are not searched: each is compared with all that may be like it."""

_SAME = 0.5
"""Groups that share this part of the members of the smaller one are told once."""


@dataclass(frozen=True)
class GroupsRequest:
    """What to look for.

    Parameters
    ----------
    windows : tuple of float
        Seconds within which acts are together.
    objects : tuple of str
        Of :data:`OBJECTS`.
    declared : mapping of str to str
        Accounts (or handles) with a tie that is known to all, and the tie.
    rate : float
        Bound on the expected share of false groups.
    control_runs : int
        Times that the data are shuffled to see whether something is found where nothing is.
    """

    windows: tuple[float, ...] = (60.0, 600.0)
    objects: tuple[str, ...] = ("repost", "link", "text")
    declared: Mapping[str, str] = field(default_factory=dict)
    rate: float = 0.05
    control_runs: int = 5

    def __post_init__(self) -> None:
        if unknown := [name for name in self.objects if name not in OBJECTS]:
            raise InputError(f"{unknown[0]!r} is nothing to act on.", valid=OBJECTS)
        if not self.windows or not self.objects:
            raise InputError("There is no window or nothing to act on.", do="Give one of each at least.")
        if self.control_runs < 0:
            raise InputError(f"control_runs is {self.control_runs}.", valid=("a whole number from 0",))


def acts_of(con: duckdb.DuckDBPyConnection, objects: Sequence[str]) -> tuple[pa.Table, tuple[Notice, ...]]:
    """Return the acts of a conversation on objects of these kinds.

    Returns
    -------
    pa.Table
        Columns account, object (``kind:id``), time and family, as
        :func:`entregent.authenticity.groups.find_groups` takes them.
    tuple of Notice
    """
    found: list[Actions] = []
    notices: list[Notice] = []
    posts = con.sql(
        "SELECT id, account, parent, links, hashtags, time FROM study.posts ORDER BY time, id"
    ).to_arrow_table()
    if "repost" in objects:
        found.append(
            reposts(con.sql("SELECT kind, actor, object, time FROM study.interactions").to_arrow_table())
        )
    if "link" in objects:
        found.append(links(posts))
    if "reply" in objects:
        found.append(replies(posts))
    if "hashtag" in objects:
        found.append(hashtags(posts))
    if "text" in objects:
        written = con.sql(
            """
            SELECT s.id, s.account, s.time, p.text FROM study.posts s JOIN main.posts p USING (id)
            WHERE p.text IS NOT NULL AND s.kind <> 'repost' ORDER BY s.time, s.id
            """
        ).to_arrow_table()
        if written.num_rows > MOST_TEXTS:
            words = N(
                "There are {n} texts: near copies among them were not searched.",
                "There are {n} texts: near copies among them were not searched.",
                written.num_rows,
            )
            notices.append(Notice("groups.many_texts", words, written.num_rows))
        else:
            found.append(texts(written))
    tables = [
        pa.table(
            {
                "account": one.accounts.take(pa.array(one.account)).cast(pa.string()),
                "object": pc.binary_join_element_wise(
                    one.kind, one.objects.take(pa.array(one.object)).cast(pa.string()), ":"
                ),
                "time": pa.array(one.time, pa.int64()),
                "family": pa.array(["text" if one.kind == "text" else "time"] * len(one.time), pa.string()),
            }
        )
        for one in found
    ]
    # Times without resolution are told of again, and better, for all kinds together.
    about = [notice for one in found for notice in one.notices if notice.code != "coaction.coarse_times"]
    return pa.concat_tables(tables), (*notices, *about)


def groups_of(
    con: duckdb.DuckDBPyConnection,
    request: GroupsRequest,
    rng: np.random.Generator,
    *,
    progress: Progress | None = None,
) -> GroupsPart | CannotTell:
    """Look for groups at each window, with the standing controls.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        As :func:`entregent.flows.opened.opened` gives it.
    request : GroupsRequest
    rng : numpy.random.Generator
    progress : Progress, optional

    Returns
    -------
    GroupsPart or CannotTell
        It cannot be told where no window can be looked at.
    """
    progress = progress or Quiet()
    acts, notices = acts_of(con, request.objects)
    declared = _declared(con, acts, request.declared)
    results: list[tuple[float, GroupsResult]] = []
    controls: list[tuple[float, ShuffledControl]] = []
    for window in request.windows:
        progress.step("Who acts together")
        result = find_groups(
            acts, window=window, rng=rng, declared=declared, rate=request.rate, progress=progress
        )
        results.append((window, result))
        if result.cannot_tell is None and request.control_runs:
            mixed = control_shuffled(
                acts, window=window, rng=rng, runs=request.control_runs, rate=request.rate
            )
            controls.append((window, mixed))
        check(progress)
    silent = tuple((window, result.cannot_tell) for window, result in results if result.cannot_tell)
    if len(silent) == len(results):
        return silent[0][1]
    told = _told_once([group for _, result in results for group in result.groups])
    known = handles(con, pa.array(sorted({name for group in told for name in group.accounts.to_pylist()})))
    everything = GroupsResult(told, None, 0, {}, ())
    counted = pc.count_distinct
    return GroupsPart(
        windows=tuple(window for window, result in results if result.cannot_tell is None),
        groups=tuple(_seen(con, acts, group, known) for group in told),
        tried=sum(result.tried for _, result in results),
        silent=silent,
        shuffled=tuple(controls),
        declared=control_declared(acts, everything, declared) if declared else None,
        acts=acts.num_rows,
        accounts=counted(acts["account"]).as_py(),
        objects=counted(acts["object"]).as_py(),
        notices=merge_notices((*notices, *(each for _, result in results for each in result.notices))),
    )


def _declared(con: duckdb.DuckDBPyConnection, acts: pa.Table, given: Mapping[str, str]) -> dict[str, str]:
    """Return declared ties by account: people are named by account or by handle."""
    if not given:
        return {}
    accounts = pc.unique(acts["account"])
    by_handle = {handle.removeprefix("@"): account for account, handle in handles(con, accounts).items()}
    acting = set(accounts.to_pylist())
    found = {}
    for name, tie in given.items():
        bare = name.strip().removeprefix("@")
        account = bare if bare in acting else by_handle.get(bare)
        if account is not None:
            found[account] = tie
    if not found:
        raise InputError(
            f"None of the {len(given)} declared accounts acts in these data.",
            where="declared",
            do="Name people by account, such as x:12345, or by handle.",
        )
    return found


def _told_once(groups: Sequence[Group]) -> tuple[Group, ...]:
    """Return groups of all windows, the clearest first, those that are nearly another left out."""
    kept: list[Group] = []
    for group in sorted(groups, key=lambda group: (group.q, -group.times_chance.low, group.window)):
        members = set(group.accounts.to_pylist())
        if all(
            len(members & set(other.accounts.to_pylist())) < _SAME * min(len(members), len(other.accounts))
            for other in kept
        ):
            kept.append(group)
    return tuple(kept)


def _seen(
    con: duckdb.DuckDBPyConnection, acts: pa.Table, group: Group, known: Mapping[str, str]
) -> SeenGroup:
    accounts = group.accounts.to_pylist()
    ties = dict(group.declared)
    rows = group.rows.select(["account", "object", "time"]).to_pylist()
    window = round(group.window * 1e6)
    of_object: dict[str, dict[str, int]] = {}
    for row in rows:
        of_object.setdefault(row["object"], {})[row["account"]] = _micros(row["time"])
    together: dict[tuple[int, int], int] = {}
    for first in of_object.values():
        for one, other in combinations(sorted(first, key=accounts.index), 2):
            if abs(first[one] - first[other]) <= window:
                pair = accounts.index(one), accounts.index(other)
                together[pair] = together.get(pair, 0) + 1
    return SeenGroup(
        window=group.window,
        members=tuple(GroupMember(name, known.get(name) or name, ties.get(name)) for name in accounts),
        ties=tuple(GroupTie(*pair, count) for pair, count in sorted(together.items())),
        bursts=_bursts(con, acts, of_object, window),
        acts=tuple(
            GroupAct(row["account"], row["object"], from_micros(_micros(row["time"]))) for row in rows
        ),
        observed=group.observed,
        expected=group.expected,
        times_chance=group.times_chance,
        q=group.q,
        confirmed=group.confirmed,
        splits=group.splits,
        signals=group.signals,
        grade=group.grade,
        lacks=group.lacks,
        explanations=group.explanations,
    )


def _micros(time: object) -> int:
    return time if isinstance(time, int) else to_micros(time)  # type: ignore[arg-type]


def _bursts(
    con: duckdb.DuckDBPyConnection, acts: pa.Table, of_object: Mapping[str, Mapping[str, int]], window: int
) -> tuple[Burst, ...]:
    names = pa.array(list(of_object), pa.string())
    about = acts.filter(pc.is_in(acts["object"], names))
    times: dict[str, list[int]] = {name: [] for name in of_object}
    seen: set[tuple[str, str]] = set()
    ordered = about.sort_by("time")
    for account, name, time in zip(
        ordered["account"].to_pylist(),
        ordered["object"].to_pylist(),
        ordered["time"].to_pylist(),
        strict=True,
    ):
        if (account, name) not in seen:
            seen.add((account, name))
            times[name].append(time)
    posts = _posts(con, [name.partition(":")[2] for name in of_object])
    bursts = []
    for name, first in of_object.items():
        kind, _, id = name.partition(":")
        text, url = (None, id) if kind == "link" else posts.get(id, (None, None))
        members = np.sort(np.array(list(first.values()), np.int64))
        everybody = np.array(times[name], np.int64)
        chance = _near(everybody, window) / max(len(everybody) * (len(everybody) - 1) / 2, 1)
        bursts.append(
            Burst(
                name,
                text,
                url,
                from_micros(int(members[0])),
                int(_near(members, window)),
                float(chance * len(members) * (len(members) - 1) / 2),
            )
        )
    return tuple(sorted(bursts, key=lambda burst: (burst.at, burst.object)))


def _near(times: np.ndarray, window: int) -> int:
    """Return how many pairs of sorted times lie within the window."""
    return int((np.searchsorted(times, times + window, "right") - np.arange(len(times)) - 1).sum())


def _posts(con: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> dict[str, tuple[str | None, str | None]]:
    wanted = pa.table({"id": pa.array(ids, pa.string())})
    con.register("wanted_posts", wanted)
    try:
        found = con.sql(
            "SELECT p.id, p.text, p.url FROM main.posts p JOIN wanted_posts USING (id)"
        ).to_arrow_table()
    finally:
        con.unregister("wanted_posts")
    return {row["id"]: (row["text"], row["url"]) for row in found.to_pylist()}


def groups_table(part: GroupsPart | CannotTell | None) -> pa.Table:
    """Return one row for each member of each group, with what was seen of the group."""
    groups = part.groups if isinstance(part, GroupsPart) else ()
    rows = [
        {
            "group": place,
            "account": member.id,
            "handle": member.handle,
            "declared": member.tie is not None,
            "grade": group.grade,
            "window_seconds": group.window,
            "objects": len(group.bursts),
            "observed": group.observed,
            "expected": group.expected.value,
            "expected_low": group.expected.low,
            "expected_high": group.expected.high,
            "times_chance": group.times_chance.value,
            "times_chance_low": group.times_chance.low,
            "times_chance_high": group.times_chance.high,
            "q": group.q,
            "caution": str(_CAUTION),
        }
        for place, group in enumerate(groups, 1)
        for member in group.members
    ]
    schema = pa.schema(
        [
            ("group", pa.int64()),
            ("account", pa.string()),
            ("handle", pa.string()),
            ("declared", pa.bool_()),
            ("grade", pa.string()),
            ("window_seconds", pa.float64()),
            ("objects", pa.int64()),
            ("observed", pa.int64()),
            *((name, pa.float64()) for name in ("expected", "expected_low", "expected_high")),
            *((name, pa.float64()) for name in ("times_chance", "times_chance_low", "times_chance_high")),
            ("q", pa.float64()),
            ("caution", pa.string()),
        ]
    )
    return pa.Table.from_pylist(rows, schema=schema)


_CAUTION = T("Acting together is no proof of anything else: look at the innocent explanations first.")


def group_bursts_table(part: GroupsPart | CannotTell | None) -> pa.Table:
    """Return one row for each object of each group: pairs seen, and expected by the times of all."""
    rows = [
        (place, burst.object, burst.at, burst.observed, burst.expected)
        for place, group in enumerate(part.groups if isinstance(part, GroupsPart) else (), 1)
        for burst in group.bursts
    ]
    columns = list(zip(*rows, strict=True)) or [()] * 5
    return pa.table(
        {
            "group": pa.array(columns[0], pa.int64()),
            "object_id": pa.array(columns[1], pa.string()),
            "at": pa.array(columns[2], pa.timestamp("us", tz="UTC")),
            "observed": pa.array(columns[3], pa.int64()),
            "expected": pa.array(columns[4], pa.float64()),
        }
    )


def group_acts_table(part: GroupsPart | CannotTell | None) -> pa.Table:
    """Return the evidence: one row for each act of a member on an object of the group."""
    rows = [
        (place, act.account, act.object, act.time)
        for place, group in enumerate(part.groups if isinstance(part, GroupsPart) else (), 1)
        for act in group.acts
    ]
    columns = list(zip(*rows, strict=True)) or [()] * 4
    return pa.table(
        {
            "group": pa.array(columns[0], pa.int64()),
            "account": pa.array(columns[1], pa.string()),
            "object_id": pa.array(columns[2], pa.string()),
            "time": pa.array(columns[3], pa.timestamp("us", tz="UTC")),
        }
    )
