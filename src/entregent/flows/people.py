"""Who is heard, who is known: every account of the conversation, in three columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import numpy as np
import pyarrow as pa

from entregent.clock import from_micros
from entregent.flows.said import NATIVE
from entregent.influence.heard_sql import gather
from entregent.influence.rank import NO_POST, Heard, heard
from entregent.progress import Progress
from entregent.report.effect import EffectPart
from entregent.report.model import CoverageCheck, Evidence, Known, Person
from entregent.results import CannotTell, Estimate, Notice

__all__ = ["Ranked", "evidence_table", "people_table", "persons", "rank"]

POSTS_SHOWN = 5
ON_POSTS = "('repost', 'quote', 'reply', 'share')"
SELECTED = 0.95
FEWEST_OLD = 10


@dataclass(frozen=True)
class Ranked:
    """Every account that spoke or was acted on, in the default order.

    Parameters
    ----------
    reason : CannotTell or None
        Why nobody's number can be told.
    check : CoverageCheck or CannotTell
    notices : tuple of Notice
    accounts : tuple of str
        Ids in order: by the lower end of heard, then by listeners.
    estimates : mapping of str to Estimate or CannotTell
        Of the accounts with a post that counts.
    ahead : mapping of str to float
        Probability of being ahead of the next in the list.
    """

    reason: CannotTell | None
    check: CoverageCheck | CannotTell
    notices: tuple[Notice, ...]
    accounts: tuple[str, ...]
    estimates: Mapping[str, Estimate | CannotTell]
    ahead: Mapping[str, float]


def _collection_start(con: duckdb.DuckDBPyConnection) -> int | None:
    """Return the moment before which posts are known only because somebody acted on them, if there is one.

    A stream of reposts brings the originals along, however old. Where nearly
    all posts from before the first bare act were acted on, they were selected
    by that and would make everybody look heard.
    """
    ((first,),) = con.sql(
        "SELECT epoch_us(min(time)) FROM study.interactions WHERE kind IN ('repost', 'like', 'share')"
    ).fetchall()
    if first is None:
        return None
    ((before, acted_on),) = con.sql(
        f"""
        WITH acted AS (SELECT DISTINCT object AS id FROM study.interactions WHERE object IS NOT NULL)
        SELECT count(*), count(acted.id) FROM study.posts p LEFT JOIN acted USING (id)
        WHERE epoch_us(p.time) < {first}
        """
    ).fetchall()
    return first if before >= FEWEST_OLD and acted_on >= SELECTED * before else None


def _check(found: Heard) -> CoverageCheck | CannotTell:
    c = found.coverage
    if isinstance(c, CannotTell):
        return c
    return CoverageCheck(c.held, c.checked, c.low, c.high, c.level, c.blocks)


def rank(con: duckdb.DuckDBPyConnection, rng: np.random.Generator, *, progress: Progress) -> Ranked:
    """Estimate who is heard and put every account in order."""
    gathered = gather(con)
    ((last,),) = con.sql(
        "SELECT epoch_us(max(time)) FROM (SELECT time FROM study.posts UNION ALL "
        "SELECT time FROM study.interactions WHERE kind <> 'follow')"
    ).fetchall()
    found = heard(gathered.acts, rng, since=_collection_start(con), end=last, progress=progress)
    rest = [
        row[0]
        for row in con.sql(
            """
            WITH spoke AS (SELECT account AS id, count(*) AS posts FROM study.posts GROUP BY account),
                 acted AS (SELECT target AS id, count(DISTINCT actor) AS listeners
                           FROM study.acts GROUP BY target)
            SELECT id FROM spoke FULL JOIN acted USING (id) WHERE id IS NOT NULL
            ORDER BY coalesce(listeners, 0) DESC, coalesce(posts, 0) DESC, id
            """
        ).fetchall()
    ]
    if isinstance(found, CannotTell):
        return Ranked(found, found, (), tuple(rest), {}, {})
    names = gathered.accounts.take(pa.array(found.order)).to_pylist()
    estimates = {name: found.estimate(int(code)) for name, code in zip(names, found.order, strict=True)}
    ahead = {name: float(p) for name, p in zip(names, found.ahead_of_next, strict=True) if not np.isnan(p)}
    ordered = dict.fromkeys((*names, *rest))
    return Ranked(None, _check(found), found.notices, tuple(ordered), estimates, ahead)


ABOUT = f"""
    WITH wanted AS (SELECT unnest($accounts::VARCHAR[]) AS id),
    spoke AS (SELECT account AS id, count(*) AS posts FROM study.posts GROUP BY account),
    acted AS (
        SELECT target AS id, count(DISTINCT actor) AS listeners FROM study.acts GROUP BY target
    ),
    shown AS (
        SELECT subject AS id, value, seen_at FROM main.latest_observations
        WHERE subject_kind = 'account' AND metric = 'followers'
    ),
    follows AS (
        SELECT target AS id, count(DISTINCT actor) AS followers FROM study.interactions
        WHERE kind = 'follow' AND target IS NOT NULL GROUP BY target
    )
    SELECT w.id, coalesce(a.handle, {NATIVE.format("w.id")}) AS handle, a.name,
           coalesce(a.network, split_part(w.id, ':', 1)) AS network, a.url, a.declared,
           coalesce(spoke.posts, 0) AS posts, coalesce(acted.listeners, 0) AS listeners,
           coalesce(shown.value, follows.followers) AS known,
           CASE WHEN shown.value IS NULL AND (follows.followers IS NOT NULL OR shown.id IS NULL) THEN 'seen'
                ELSE 'shown' END AS basis,
           CASE WHEN shown.value IS NOT NULL THEN epoch_us(shown.seen_at) END AS seen_at
    FROM wanted w LEFT JOIN main.accounts a USING (id) LEFT JOIN spoke USING (id)
         LEFT JOIN acted USING (id) LEFT JOIN shown USING (id) LEFT JOIN follows USING (id)
"""


def _evidence(con: duckdb.DuckDBPyConnection, accounts: Sequence[str], most: int) -> pa.Table:
    """Return the posts that carry the numbers of some accounts, the most acted on first."""
    return con.sql(
        f"""
        WITH wanted AS (SELECT unnest($accounts::VARCHAR[]) AS account),
        own AS (SELECT s.account, s.id AS post FROM study.posts s SEMI JOIN wanted USING (account)
                UNION
                SELECT i.target, i.object FROM study.interactions i SEMI JOIN wanted w ON w.account = i.target
                WHERE i.object IS NOT NULL AND i.kind IN {ON_POSTS}),
        kinds AS (
            SELECT i.object AS post, i.kind, count(DISTINCT i.actor) AS people
            FROM study.interactions i JOIN own ON own.post = i.object AND i.actor <> own.account
            GROUP BY i.object, i.kind
        ),
        counted AS (
            SELECT i.object AS post, count(DISTINCT i.actor) AS people
            FROM study.interactions i JOIN own ON own.post = i.object AND i.actor <> own.account
            WHERE i.kind IN {ON_POSTS} GROUP BY i.object
        ),
        per_post AS (SELECT post, map(list(kind ORDER BY kind), list(people ORDER BY kind)) AS kinds
                     FROM kinds GROUP BY post)
        SELECT own.account, own.post, p.time, p.text, p.url, coalesce(c.people, 0) AS people, k.kinds
        FROM own LEFT JOIN counted c USING (post) LEFT JOIN per_post k USING (post)
             LEFT JOIN main.posts p ON p.id = own.post
        QUALIFY row_number() OVER (
            PARTITION BY own.account ORDER BY coalesce(c.people, 0) DESC, p.time DESC NULLS LAST, own.post
        ) <= {most}
        ORDER BY own.account, people DESC, p.time DESC NULLS LAST, own.post
        """,
        params={"accounts": list(accounts)},
    ).to_arrow_table()


def _moment(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def persons(
    con: duckdb.DuckDBPyConnection,
    ranked: Ranked,
    communities: Mapping[str, int],
    effects: Mapping[str, EffectPart],
    *,
    shown: int,
) -> tuple[Person, ...]:
    """Return the people of the page, in the default order, with the posts behind their numbers."""
    accounts = ranked.accounts[:shown]
    about = {row[0]: row[1:] for row in con.sql(ABOUT, params={"accounts": list(accounts)}).fetchall()}
    evidence: dict[str, list[Evidence]] = {}
    for row in _evidence(con, accounts, POSTS_SHOWN).to_pylist():
        evidence.setdefault(row["account"], []).append(
            Evidence(
                row["post"], row["time"], row["text"], row["url"], row["people"], dict(row["kinds"] or ())
            )
        )
    found = []
    for place, account in enumerate(accounts, 1):
        handle, name, network, url, declared, posts, listeners, known, basis, seen_at = about[account]
        found.append(
            Person(
                rank=place,
                id=account,
                handle=handle,
                name=name,
                network=network,
                url=url,
                declared=declared,
                posts=posts,
                listeners=listeners,
                known=Known(known, basis, _moment(seen_at)),
                heard=ranked.estimates.get(account) or ranked.reason or NO_POST,
                effect=effects.get(account),
                ahead_of_next=ranked.ahead.get(account),
                community=communities.get(account),
                evidence=tuple(evidence.get(account, ())),
            )
        )
    return tuple(found)


def people_table(
    con: duckdb.DuckDBPyConnection,
    ranked: Ranked,
    communities: Mapping[str, int],
    effects: Mapping[str, EffectPart],
) -> pa.Table:
    """Return every account with its three columns, in the default order."""
    parts = [effects.get(account) for account in ranked.accounts]
    changed = [part.total if part and isinstance(part.total, Estimate) else None for part in parts]
    placebo = [part.placebo if part and isinstance(part.placebo, Estimate) else None for part in parts]
    found = [ranked.estimates.get(account) for account in ranked.accounts]
    told = [e if isinstance(e, Estimate) else None for e in found]
    number = pa.float64()
    con.register(
        "ranked",
        pa.table(
            {
                "rank": pa.array(range(1, len(found) + 1), pa.int64()),
                "id": pa.array(ranked.accounts, pa.string()),
                "heard": pa.array([e and e.value for e in told], number),
                "heard_low": pa.array([e and e.low for e in told], number),
                "heard_high": pa.array([e and e.high for e in told], number),
                "heard_level": pa.array([e and e.level for e in told], number),
                "heard_posts": pa.array([e and e.n for e in told], pa.int64()),
                "ahead_of_next": pa.array([ranked.ahead.get(a) for a in ranked.accounts], number),
                "effective": pa.array([e and e.value for e in changed], number),
                "effective_low": pa.array([e and e.low for e in changed], number),
                "effective_high": pa.array([e and e.high for e in changed], number),
                "effective_level": pa.array([e and e.level for e in changed], number),
                "placebo": pa.array([e and e.value for e in placebo], number),
                "community": pa.array([communities.get(a) for a in ranked.accounts], pa.int64()),
            }
        ),
    )
    about = con.sql(ABOUT, params={"accounts": list(ranked.accounts)}).to_arrow_table()
    con.register("about", about)
    table = con.sql(
        """
        SELECT r.rank, r.id AS account, a.handle, a.name, a.network, a.url, a.declared, a.posts, a.listeners,
               a.known, a.basis AS known_basis, make_timestamptz(a.seen_at) AS known_at,
               r.heard, r.heard_low, r.heard_high, r.heard_level, r.heard_posts, r.ahead_of_next, r.effective,
               r.effective_low, r.effective_high, r.effective_level, r.placebo, r.community
        FROM ranked r JOIN about a USING (id) ORDER BY r.rank
        """
    ).to_arrow_table()
    con.unregister("ranked")
    con.unregister("about")
    return table


def evidence_table(con: duckdb.DuckDBPyConnection, ranked: Ranked, *, shown: int) -> pa.Table:
    """Return all posts of the people of the page with the acts on them, one column a kind of act."""
    table = _evidence(con, ranked.accounts[:shown], 1_000_000)
    con.register("evidence", table)
    kinds = ("repost", "quote", "reply", "share", "like")
    columns = ", ".join(f"coalesce(kinds['{kind}'], 0) AS {kind}" for kind in kinds)
    table = con.sql(
        f"SELECT account, post, time, people, {columns}, text, url FROM evidence"
    ).to_arrow_table()
    con.unregister("evidence")
    return table
