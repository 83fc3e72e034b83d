"""From records to adoptions: SQL text, run on a connection that is passed in.

Four kinds of item:

- ``posts``: the tree of a post: its author's post, and every repost, quote and
  reply of it, or of a quote or reply of it, and so on;
- ``hashtags`` and ``links``: every post that carries it, and every repost of
  such a post;
- ``objects``: whatever acts name as their object, for records without posts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from entregent.errors import InputError

if TYPE_CHECKING:
    import duckdb

__all__ = ["FOLLOWS", "ITEMS", "LISTENING", "gather"]

TREES = """
with recursive parents as (
  select id as post, any_value(coalesce(quoted, parent)) as above from posts group by id
),
tree(post, root, depth) as (
  select p.post, p.post, 0 from parents p
  where p.above is null or not exists (select 1 from posts o where o.id = p.above)
  union all
  select p.post, t.root, t.depth + 1 from parents p join tree t on p.above = t.post where t.depth < 200
)
select p.account, t.root as item, p.time, p.kind <> 'reply' as shows, p.id as evidence
from posts p join tree t on t.post = p.id
union all
select i.actor, t.root, i.time, true, i.id
from interactions i join tree t on t.post = i.object
where i.kind in ('repost', 'share') and i.actor is not null
"""

LABELS = """
with carried as (select id, account, time, kind, unnest({column}) as item from posts)
select account, item, time, kind <> 'reply' as shows, id as evidence from carried
union all
select i.actor, c.item, i.time, true, i.id
from interactions i join (select distinct id, item from carried) c on c.id = i.object
where i.kind in ('repost', 'share') and i.actor is not null
"""

OBJECTS = """
select actor as account, object as item, time, kind <> 'reply' as shows, id as evidence
from interactions
where kind in ('repost', 'quote', 'reply', 'share') and actor is not null and object is not null
"""

ITEMS = {
    "posts": TREES,
    "hashtags": LABELS.format(column="hashtags"),
    "links": LABELS.format(column="links"),
    "objects": OBJECTS,
}
"""Adoptions (`account`, `item`, `time`, `shows`, `evidence`) by kind of item, from the views
``posts`` (``id``, ``account``, ``time``, ``kind``, ``parent``, ``quoted``, ``hashtags``,
``links``) and ``interactions`` (``id``, ``kind``, ``actor``, ``object``, ``target``, ``time``)."""

FOLLOWS = """
select actor, target, min(time) as time from interactions
where kind = 'follow' and actor is not null and target is not null
group by actor, target order by actor, target
"""
"""Who follows whom. A follow without time counts as older than everything."""

LISTENING = """
select actor, target, min(time) as time from interactions
where kind in ('repost', 'quote', 'reply', 'share') and actor <> target and time is not null
group by actor, target order by actor, target
"""
"""Who first acted on whose post when."""


def gather(connection: duckdb.DuckDBPyConnection, *items: str) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Read adoptions, follows and earlier acts on one another.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With the views that :data:`ITEMS` names.
    *items : {"posts", "hashtags", "links", "objects"}
        Kinds of item; ``"posts"`` unless told. Their ids are prefixed with the
        kind, so that a link and a hashtag never meet.

    Returns
    -------
    adoptions, follows, interactions : pyarrow.Table
        Ready for :func:`entregent.influence.cascades.cascades`; `adoptions`
        has the id of the post or act as `evidence` and the kind of item as
        `group`.

    Raises
    ------
    InputError
        For a kind of item that is not known.
    """
    kinds = items or ("posts",)
    for kind in kinds:
        if kind not in ITEMS:
            raise InputError(f"There is no kind of item {kind!r}.", where="cascades", valid=tuple(ITEMS))
    parts = [
        f"select account, '{kind}:' || item as item, time, shows, evidence, '{kind}' as \"group\" "
        f"from ({ITEMS[kind]}) where account is not null and item is not null and time is not null"
        for kind in kinds
    ]
    union = " union all ".join(parts)
    adoptions = connection.sql(
        f"select * from ({union}) order by item, time, account, evidence"
    ).to_arrow_table()
    return adoptions, connection.sql(FOLLOWS).to_arrow_table(), connection.sql(LISTENING).to_arrow_table()
