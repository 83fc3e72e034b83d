"""The tables behind a study, as they are written beside the page."""

from __future__ import annotations

import duckdb
import pyarrow as pa

from entregent.flows.circles import circle_overlap_table, circle_table
from entregent.flows.effects import effects_table, moved_table
from entregent.flows.groups import group_acts_table, group_bursts_table, groups_table
from entregent.flows.listeners import Listeners, overlap_table
from entregent.flows.people import Ranked, evidence_table, people_table
from entregent.flows.seeding import seeding_table
from entregent.flows.together import Together
from entregent.report.groups import GroupsPart
from entregent.report.model import Said, TopItem
from entregent.results import CannotTell

__all__ = ["tables"]

WHEN = pa.timestamp("us", tz="UTC")


def _volume(said: Said) -> pa.Table:
    return pa.table(
        {
            "start": pa.array([slot.start for slot in said.slots], WHEN),
            "posts": pa.array([slot.posts for slot in said.slots], pa.int64()),
            "interactions": pa.array([slot.interactions for slot in said.slots], pa.int64()),
        }
    )


def _gaps(said: Said) -> pa.Table:
    return pa.table(
        {
            "start": pa.array([gap.start for gap in said.gaps], WHEN),
            "end": pa.array([gap.end for gap in said.gaps], WHEN),
        }
    )


def _top(items: tuple[TopItem, ...], column: str) -> pa.Table:
    return pa.table(
        {
            column: pa.array([item.key for item in items], pa.string()),
            "people": pa.array([item.people for item in items], pa.int64()),
            "acts": pa.array([item.acts for item in items], pa.int64()),
        }
    )


def tables(
    con: duckdb.DuckDBPyConnection,
    said: Said,
    ranked: Ranked,
    circle: Listeners,
    together: Together,
    groups: GroupsPart | CannotTell | None,
    *,
    shown: int,
) -> dict[str, pa.Table]:
    """Return the tables by name; each is documented in the reference."""
    posts = con.sql(
        """
        SELECT s.id AS post, s.account, s.time, s.kind, s.lang, s.lang_detected, s.parent, s.quoted,
               s.hashtags, s.links, p.text, p.url
        FROM study.posts s JOIN main.posts p USING (id) ORDER BY s.time, s.id
        """
    ).to_arrow_table()
    return {
        "people": people_table(con, ranked, circle.membership, together.by_person),
        "evidence": evidence_table(con, ranked, shown=shown),
        "effects": effects_table(together.effects.parts if together.effects else ()),
        "moved": moved_table(together.effects),
        "posts": posts,
        "acts": con.sql("SELECT * FROM study.acts ORDER BY time, actor, object").to_arrow_table(),
        "volume": _volume(said),
        "gaps": _gaps(said),
        "languages": pa.table(
            {
                "language": pa.array([share.key for share in said.languages], pa.string()),
                "posts": pa.array([share.count for share in said.languages], pa.int64()),
            }
        ),
        "kinds": pa.table(
            {
                "kind": pa.array([share.key for share in said.kinds], pa.string()),
                "interactions": pa.array([share.count for share in said.kinds], pa.int64()),
            }
        ),
        "shared_posts": _top(said.top_posts, "post"),
        "shared_links": _top(said.top_links, "link"),
        "shared_hashtags": _top(said.top_hashtags, "hashtag"),
        "listening": circle.arcs,
        "overlap": overlap_table(circle.overlap),
        "circle": circle_table(together.circle),
        "circle_overlap": circle_overlap_table(together.circle),
        "seeding": seeding_table(together.seeding),
        "groups": groups_table(groups),
        "group_bursts": group_bursts_table(groups),
        "group_acts": group_acts_table(groups),
    }
