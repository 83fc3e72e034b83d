"""From records to the arrays of *heard*: SQL text, run on a connection that is passed in.

What counts, on each on-topic post of an account:

- a repost, quote or reply of that post (and a bare ``share`` of it, where its
  author is known) by anybody else;
- a *free mention*: a post on the topic that names the account and is no reply
  to and no quote of a post of theirs. It counts on the latest on-topic post
  of the named account before it; a mention of somebody who had not yet
  posted on the topic counts nowhere.

A person counts once per post, whatever they did and how often. Where the data
hold posts, only those posts count; where they hold bare acts alone, the
objects with a known author are the posts, and an object's time is that of the
first act on it (its author's own included).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from entregent.influence.acts import UNKNOWN, Acts, acts

if TYPE_CHECKING:
    import duckdb

__all__ = ["ACCOUNTS", "ACTS", "DONE", "POSTS", "Gathered", "gather"]

POSTS = """
create or replace temp table heard_posts as
select row_number() over (order by time, id) - 1 as post, id, account, time
from (
  select id, any_value(account) as account, min(time) as time from posts where account is not null group by id
  union all
  select object, any_value(target), min(time) from interactions
  where kind in ('repost', 'quote', 'reply', 'share') and object is not null and target is not null
    and not exists (select 1 from posts)
  group by object
)
"""
"""On-topic posts with an author, numbered. Reads the views ``posts`` and ``interactions``."""

ACTS = """
create or replace temp table heard_acts as
with direct as (
  select p.post, i.actor, i.time
  from interactions i join heard_posts p on p.id = i.object
  where i.kind in ('repost', 'quote', 'reply', 'share') and i.actor is not null and i.actor <> p.account
),
free_mention as (
  select m.actor, m.target, m.time
  from interactions m
  semi join posts s on s.account = m.actor and s.time = m.time
  anti join (select actor, target, time from interactions where kind in ('reply', 'quote')) o
    on o.actor = m.actor and o.target = m.target and o.time = m.time
  where m.kind = 'mention' and m.target is not null and m.actor <> m.target
),
placed as (
  select p.post, m.actor, m.time
  from free_mention m asof join (select * from heard_posts where time is not null) p
    on p.account = m.target and m.time > p.time
)
select post, actor, min(time) as time
from (from direct union all from placed)
group by post, actor
"""
"""Each person once per post, at their first act. Reads ``posts``, ``interactions`` and ``heard_posts``."""

ACCOUNTS = """
create or replace temp table heard_accounts as
select row_number() over (order by id) - 1 as code, id
from (select account as id from heard_posts union select actor from heard_acts)
"""
"""Every author and actor, numbered in the order of their ids."""

DONE = "drop table heard_accounts; drop table heard_acts; drop table heard_posts"


@dataclass(frozen=True)
class Gathered:
    """Arrays of *heard* and what their codes stand for.

    Parameters
    ----------
    acts : Acts
    accounts : pyarrow.Array of string, shape (acts.n_accounts,)
        Id of each account code.
    posts : pyarrow.Array of string, shape (n_posts,)
        Id of each post code.
    """

    acts: Acts
    accounts: pa.Array
    posts: pa.Array


def gather(connection: duckdb.DuckDBPyConnection) -> Gathered:
    """Read posts and acts.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        With the views ``posts`` (on the topic and in the period; ``id``,
        ``account``, ``time``) and ``interactions`` (all kinds, those derived
        from posts included; ``kind``, ``actor``, ``object``, ``target``,
        ``time``). Derived rows carry the time of their post. Temporary
        tables ``heard_*`` are made and dropped.

    Returns
    -------
    Gathered
        Ready for :func:`entregent.influence.rank.heard`.
    """
    for statement in (POSTS, ACTS, ACCOUNTS):
        connection.sql(statement)
    posts = connection.sql(
        "select p.id, a.code, epoch_us(p.time) as time from heard_posts p "
        "join heard_accounts a on a.id = p.account order by p.post"
    ).to_arrow_table()
    done = connection.sql(
        "select x.post, a.code, epoch_us(x.time) as time from heard_acts x "
        "join heard_accounts a on a.id = x.actor order by x.post, a.code"
    ).to_arrow_table()
    accounts = connection.sql("select id from heard_accounts order by code").to_arrow_table()
    connection.sql(DONE)
    return Gathered(
        acts(
            _codes(posts["code"]),
            _codes(posts["time"]),
            _codes(done["post"]),
            _codes(done["code"]),
            _codes(done["time"]),
            accounts.num_rows,
        ),
        _whole(accounts["id"]),
        _whole(posts["id"]),
    )


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)


def _codes(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.int64]]:
    whole: np.ndarray[Any, np.dtype[np.int64]] = pc.fill_null(column.cast(pa.int64()), UNKNOWN).to_numpy()
    return whole
