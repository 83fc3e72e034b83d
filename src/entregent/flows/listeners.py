"""Who listens to whom: communities, the picture of the network, shared audiences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import duckdb
import numpy as np
import pyarrow as pa

from entregent.flows.people import Ranked
from entregent.flows.said import NATIVE
from entregent.i18n import T
from entregent.network import build, communities, in_degree, overlap, picture
from entregent.network.communities import Communities
from entregent.network.graph import Graph
from entregent.report.model import Community, NetworkNode, NetworkPicture, Overlap, Share
from entregent.results import CannotTell, Notice

__all__ = ["Listeners", "arcs_of", "handles", "listeners", "overlap_table"]

CLEARLY = 0.05
COMPARED = 12
COMMUNITIES_SHOWN = 8
SPEAKERS_SHOWN = 5
HASHTAGS_SHOWN = 5
LANGUAGES_SHOWN = 4


@dataclass(frozen=True)
class Listeners:
    """What the graph of listening shows."""

    communities: tuple[Community, ...]
    network: NetworkPicture | CannotTell
    overlap: Overlap | CannotTell
    membership: Mapping[str, int]
    arcs: pa.Table
    notices: tuple[Notice, ...]


def arcs_of(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Return listener, speaker, weight: voluntary acts, or follows where there is no act."""
    acts = con.sql(
        "SELECT actor AS listener, target AS speaker, count(*)::DOUBLE AS weight FROM study.acts "
        "WHERE actor IS NOT NULL GROUP BY actor, target ORDER BY actor, target"
    ).to_arrow_table()
    if acts.num_rows:
        return acts
    return con.sql(
        "SELECT DISTINCT actor AS listener, target AS speaker, 1.0::DOUBLE AS weight "
        "FROM study.interactions WHERE kind = 'follow' AND target IS NOT NULL AND actor <> target "
        "ORDER BY actor, target"
    ).to_arrow_table()


def handles(con: duckdb.DuckDBPyConnection, ids: pa.Array) -> dict[str, str]:
    """Return the handle of each account, or what its network calls it."""
    rows = con.sql(
        f"""
        WITH wanted AS (SELECT unnest($ids::VARCHAR[]) AS id)
        SELECT id, coalesce(a.handle, {NATIVE.format("id")}) FROM wanted LEFT JOIN main.accounts a USING (id)
        """,
        params={"ids": ids.to_pylist()},
    ).fetchall()
    return dict(rows)


def _described(
    con: duckdb.DuckDBPyConnection, graph: Graph, found: Communities
) -> tuple[tuple[Community, ...], dict[str, int]]:
    membership = {
        account: int(label)
        for account, label in zip(graph.ids.to_pylist(), found.labels, strict=True)
        if label >= 0
    }
    con.register("members", pa.table({"account": list(membership), "community": list(membership.values())}))
    hashtags: dict[int, list[str]] = {}
    for number, tag in con.sql(
        f"""
        WITH used AS (SELECT DISTINCT m.community, s.account, unnest(s.hashtags) AS tag
                      FROM study.posts s JOIN members m USING (account)),
        size AS (SELECT community, count(*) AS members FROM members GROUP BY community),
        per AS (SELECT community, lower(tag) AS key, mode(tag) AS tag, count(*) AS people
                FROM used GROUP BY community, lower(tag)),
        everywhere AS (SELECT key, sum(people) / (SELECT count(*) FROM members) AS share
                       FROM per GROUP BY key)
        SELECT community, tag FROM per JOIN size USING (community) JOIN everywhere USING (key)
        WHERE community < {COMMUNITIES_SHOWN} AND people > 1 AND people / members > share
        QUALIFY row_number() OVER (PARTITION BY community ORDER BY people / members - share DESC, tag)
                <= {HASHTAGS_SHOWN}
        ORDER BY community, people / members - share DESC, tag
        """
    ).fetchall():
        hashtags.setdefault(number, []).append(tag)
    languages: dict[int, list[Share]] = {}
    for number, lang, count in con.sql(
        f"""
        SELECT community, lang, count(*) FROM study.posts JOIN members USING (account)
        WHERE community < {COMMUNITIES_SHOWN} GROUP BY community, lang
        QUALIFY row_number() OVER (PARTITION BY community ORDER BY count(*) DESC, lang) <= {LANGUAGES_SHOWN}
        ORDER BY community, count(*) DESC, lang
        """
    ).fetchall():
        languages.setdefault(number, []).append(Share(lang, count))
    con.unregister("members")
    degree = in_degree(graph)
    speakers: list[list[int]] = []
    for number in range(min(len(found.sizes), COMMUNITIES_SHOWN)):
        inside = np.flatnonzero(found.labels == number)
        top = inside[np.argsort(-degree[inside], kind="stable")][:SPEAKERS_SHOWN]
        speakers.append([int(code) for code in top if degree[code] > 0])
    names = handles(
        con, graph.ids.take(pa.array(sorted({code for top in speakers for code in top}), pa.int64()))
    )
    described = tuple(
        Community(
            number=number,
            size=int(found.sizes[number]),
            speakers=tuple(names[graph.ids[code].as_py()] for code in top),
            hashtags=tuple(hashtags.get(number, ())),
            languages=tuple(languages.get(number, ())),
            inside=float(found.inside[number]),
        )
        for number, top in enumerate(speakers)
    )
    return described, membership


def _drawn(
    con: duckdb.DuckDBPyConnection, graph: Graph, found: Communities, rng: np.random.Generator
) -> NetworkPicture | CannotTell:
    names = handles(con, graph.ids)
    drawn = picture(graph, found.labels, rng, names=[names[account] for account in graph.ids.to_pylist()])
    if isinstance(drawn, CannotTell):
        return drawn
    ids = graph.ids.take(pa.array(drawn.node))
    nodes = tuple(
        NetworkNode(
            account,
            names[account],
            float(drawn.x[k]),
            float(drawn.y[k]),
            int(drawn.listeners[k]),
            int(drawn.community[k]),
            drawn.anchor[k],
        )
        for k, account in enumerate(ids.to_pylist())
    )
    arcs = tuple(zip(drawn.arc_from.tolist(), drawn.arc_to.tolist(), drawn.arc_weight.tolist(), strict=True))
    return NetworkPicture(nodes, arcs, graph.n, graph.m, found.modularity, found.chance, found.stability)


def _overlap(con: duckdb.DuckDBPyConnection, arcs: pa.Table, ranked: Ranked) -> Overlap | CannotTell:
    heard = set(arcs.column("speaker").unique().to_pylist())
    compared = [account for account in ranked.accounts if account in heard][:COMPARED]
    if len(compared) < 2:
        return CannotTell(
            "overlap.too_few",
            T("Fewer than two of the people here have listeners in the data."),
            T("Reposts, quotes, replies or mentions of at least two people."),
        )
    found = overlap(arcs.column("listener"), arcs.column("speaker"), compared)
    names = handles(con, pa.array(compared, pa.string()))
    return Overlap(
        tuple(names[account] for account in compared),
        tuple(tuple(row) for row in found.shared.tolist()),
        tuple(tuple(row) for row in found.share.tolist()),
    )


def listeners(con: duckdb.DuckDBPyConnection, ranked: Ranked, rng: np.random.Generator) -> Listeners:
    """Divide those who act on each other into communities, draw them, compare audiences."""
    arcs = arcs_of(con)
    graph = build(arcs.column("listener"), arcs.column("speaker"), arcs.column("weight"))
    found = communities(graph, rng)
    if isinstance(found, CannotTell):
        return Listeners((), found, _overlap(con, arcs, ranked), {}, arcs, ())
    if found.modularity < found.chance + CLEARLY:
        # The same search finds groups in chance as well; such borders would mean nothing to a reader.
        unclear = replace(found, labels=np.full_like(found.labels, -1))
        drawn = _drawn(con, graph, unclear, rng)
        notice = Notice(
            "network.no_clear_communities",
            T(
                "No communities are shown: the division found (modularity {found}) is hardly better "
                "than where partners are drawn at random ({chance})",
                found=round(found.modularity, 2),
                chance=round(found.chance, 2),
            ),
        )
        return Listeners((), drawn, _overlap(con, arcs, ranked), {}, arcs, (notice,))
    described, membership = _described(con, graph, found)
    return Listeners(
        described, _drawn(con, graph, found, rng), _overlap(con, arcs, ranked), membership, arcs, ()
    )


def overlap_table(found: Overlap | CannotTell) -> pa.Table:
    """Return one row for each pair of people compared."""
    rows = (
        [
            (one, other, found.shared[i][j], found.share[i][j])
            for i, one in enumerate(found.handles)
            for j, other in enumerate(found.handles)
            if i != j
        ]
        if isinstance(found, Overlap)
        else []
    )
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    return pa.table(
        {
            "speaker": pa.array(columns[0], pa.string()),
            "with": pa.array(columns[1], pa.string()),
            "shared_listeners": pa.array(columns[2], pa.int64()),
            "share_of_listeners": pa.array(columns[3], pa.float64()),
        }
    )
