"""Effects of people for a study or a command: people by account in, people, posts and reasons out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import duckdb
import numpy as np
import pyarrow as pa

from entregent.clock import from_micros
from entregent.flows.listeners import handles
from entregent.flows.moves import Learned
from entregent.i18n import T
from entregent.influence.cascades import Cascades
from entregent.influence.effect import Effect, effects
from entregent.progress import Progress
from entregent.report.effect import CarryingPost, EffectPart, MovedPerson
from entregent.results import CannotTell, Estimate

__all__ = ["Effects", "effects_of", "effects_table", "most_followed", "moved_table", "too_many_chances"]

Moved = TypeVar("Moved", CarryingPost, MovedPerson)

POSTS_SHOWN = 5
MOVED_SHOWN = 10
DRAWS = 200
LEAST_MOVED = 0.05
"""Below this share of an act, a post or a person is no evidence and is left to the table."""

_NO_ACT = CannotTell(
    "effect.no_act",
    T("This person took nothing up here, and nobody is known to listen to them."),
    T("Dated acts of the person, and who follows them or acts on their posts."),
)


@dataclass(frozen=True)
class Effects:
    """Effects by person, and every act that followed one of theirs.

    Parameters
    ----------
    parts : tuple of EffectPart
        In the order asked for.
    followed : pyarrow.Table
        ``account``, ``post``, ``listener``, ``object``, ``time``, ``moved``.
    """

    parts: tuple[EffectPart, ...]
    followed: pa.Table


def too_many_chances(found: Learned, most: int) -> CannotTell | None:
    """Return why effects take longer than a study may, or None where they do not."""
    if isinstance(found.model, CannotTell) or found.model.n_chances <= most:
        return None
    return CannotTell(
        "effect.too_many",
        T("There are more chances to see an act here than a study has time for."),
        T("A topic or a shorter period, or the command entregent influence effect, which takes its time."),
    )


def most_followed(found: Learned, most: int) -> list[str]:
    """Return the people whose acts were followed most, or who act most where nothing tells who saw them.

    Records of acts on things of nobody's tell of nobody who is heard.
    """
    if found.cascades is None:
        return []
    known, model = found.cascades, found.model
    acts = np.bincount(known.account, minlength=known.n_accounts).astype(np.float64)
    counts = acts if isinstance(model, CannotTell) else model.followed
    order = np.lexsort((np.arange(counts.size), -acts, -counts))[:most]
    return [str(name) for name in known.accounts.take(pa.array(order)).to_pylist()]


def effects_of(
    con: duckdb.DuckDBPyConnection,
    found: Learned,
    accounts: Sequence[str],
    rng: np.random.Generator,
    *,
    draws: int = DRAWS,
    progress: Progress,
) -> Effects:
    """Estimate what each person's influence changed, with the posts and the people behind it.

    Parameters
    ----------
    con : duckdb.DuckDBPyConnection
        With the conversation under study.
    found : Learned
        What was learned from it.
    accounts : sequence of str
        Ids; somebody who is not in the cascades is told why there is no number.
    rng : numpy.random.Generator
    draws : int
    progress : Progress

    Raises
    ------
    InputError
        For too few `draws`.
    Cancelled
        Where `progress` says so.
    """
    names = handles(con, pa.array(accounts, pa.string()))
    known, model = found.cascades, found.model
    if known is None or isinstance(model, CannotTell):
        why = model if isinstance(model, CannotTell) else _NO_ACT
        kind = known.exposure_kind if known is not None else "unknown"
        return Effects(tuple(EffectPart.silent(a, names[a], why, kind) for a in accounts), _followed([]))
    inside = set(known.accounts.to_pylist())
    asked = [account for account in accounts if account in inside]
    told = dict(
        zip(asked, effects(known, model, asked, rng=rng, draws=draws, progress=progress), strict=True)
    )
    posts = _posts(con, found, known, told.values())
    people = known.accounts
    listeners = {code for effect in told.values() for code in known.account[effect.adoption].tolist()}
    chosen = people.take(pa.array(sorted(listeners), pa.int64()))
    listening = handles(con, chosen)
    parts, rows = [], []
    for account in accounts:
        effect = told.get(account)
        if effect is None:
            parts.append(EffectPart.silent(account, names[account], _NO_ACT, known.exposure_kind))
            continue
        mine = _rows(effect, known, found, posts)
        rows += mine
        parts.append(_part(effect, names[account], known, posts, mine, listening))
    return Effects(tuple(parts), _followed(rows))


def _posts(
    con: duckdb.DuckDBPyConnection, found: Learned, known: Cascades, told: Iterable[Effect]
) -> dict[str, tuple[str, str | None, str | None]]:
    """Return post, text and address by the record of each act: the post itself, or what it passed on."""
    acts = sorted({act for effect in told for act in effect.act.tolist()})
    wanted = found.evidence.take(pa.array(known.row[acts], pa.int64()))
    rows = con.sql(
        """
        WITH wanted AS (SELECT unnest($ids::VARCHAR[]) AS id),
        passed AS (SELECT i.id, any_value(i.object) AS object FROM study.interactions i
                   SEMI JOIN wanted USING (id) GROUP BY i.id)
        SELECT w.id, coalesce(own.id, p.object, w.id), coalesce(own.text, other.text),
               coalesce(own.url, other.url)
        FROM wanted w LEFT JOIN main.posts own ON own.id = w.id LEFT JOIN passed p ON p.id = w.id
             LEFT JOIN main.posts other ON other.id = p.object
        """,
        params={"ids": wanted.to_pylist()},
    ).fetchall()
    return {record: (post, text, url) for record, post, text, url in rows}


def _rows(
    effect: Effect, known: Cascades, found: Learned, posts: dict[str, tuple[str, str | None, str | None]]
) -> list[dict[str, Any]]:
    """Return every act that followed one of the person's, the likeliest to be their doing first."""
    records = found.evidence.take(pa.array(known.row[effect.act], pa.int64())).to_pylist()
    listeners = known.accounts.take(pa.array(known.account[effect.adoption], pa.int64())).to_pylist()
    items = known.items.take(pa.array(known.item()[effect.adoption], pa.int64())).to_pylist()
    order = np.argsort(-effect.moved, kind="stable").tolist()
    return [
        {
            "account": effect.account,
            "post": posts[records[k]][0],
            "listener": listeners[k],
            "object": items[k].split(":", 1)[1],
            "time": from_micros(int(known.time[effect.adoption[k]])),
            "moved": float(effect.moved[k]),
            "record": records[k],
            "shown_at": from_micros(int(known.time[effect.act[k]])),
        }
        for k in order
    ]


def _part(
    effect: Effect,
    handle: str,
    known: Cascades,
    posts: dict[str, tuple[str, str | None, str | None]],
    rows: Sequence[dict[str, Any]],
    names: dict[str, str],
) -> EffectPart:
    by_post: dict[str, list[dict[str, Any]]] = {}
    by_listener: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_post.setdefault(row["record"], []).append(row)
        by_listener.setdefault(row["listener"], []).append(row)
    carrying = []
    for record, found in by_post.items():
        post, text, url = posts[record]
        moved = sum(row["moved"] for row in found)
        carrying.append(
            CarryingPost(post, found[0]["shown_at"], post == record, text, url, moved, len(found))
        )
    people = [
        MovedPerson(listener, names[listener], sum(row["moved"] for row in found), len(found))
        for listener, found in by_listener.items()
    ]
    return EffectPart(
        effect.account,
        handle,
        effect.total,
        effect.direct,
        effect.design,
        effect.placebo,
        effect.agree,
        effect.sensitivity,
        effect.sensitivity_low,
        effect.naive,
        effect.items,
        effect.people,
        known.exposure_kind,
        tuple(_most_moved(carrying, POSTS_SHOWN)),
        tuple(_most_moved(people, MOVED_SHOWN)),
        effect.notices,
    )


def _most_moved(found: Sequence[Moved], most: int) -> list[Moved]:
    ordered = sorted(found, key=lambda one: (-one.moved, one.id))
    return [one for one in ordered if one.moved >= LEAST_MOVED][:most]


def _followed(rows: Sequence[dict[str, Any]]) -> pa.Table:
    text = pa.string()
    schema = pa.schema(
        [
            ("account", text),
            ("post", text),
            ("listener", text),
            ("object", text),
            ("time", pa.timestamp("us", tz="UTC")),
            ("moved", pa.float64()),
        ]
    )
    return pa.Table.from_pylist(list(rows), schema=schema)


def effects_table(parts: Sequence[EffectPart]) -> pa.Table:
    """Return one row for each person asked about."""
    columns: dict[str, pa.Array] = {
        "account": pa.array([part.id for part in parts], pa.string()),
        "handle": pa.array([part.handle for part in parts], pa.string()),
    }
    for name, results in (
        ("effective", [part.total for part in parts]),
        ("direct", [part.direct for part in parts]),
        ("design", [part.design for part in parts]),
        ("placebo", [part.placebo for part in parts]),
        ("without_groups", [part.without_groups for part in parts]),
    ):
        told = [result if isinstance(result, Estimate) else None for result in results]
        for ending, field in (("", "value"), ("_low", "low"), ("_high", "high")):
            values = [None if one is None else getattr(one, field) for one in told]
            columns[name + ending] = pa.array(values, pa.float64())
    levels = [part.total.level if isinstance(part.total, Estimate) else None for part in parts]
    columns |= {
        "level": pa.array(levels, pa.float64()),
        "agree": pa.array([part.agree for part in parts], pa.bool_()),
        "e_value": pa.array([part.sensitivity for part in parts], pa.float64()),
        "e_value_low": pa.array([part.sensitivity_low for part in parts], pa.float64()),
        "acted_after": pa.array([part.acted_after for part in parts], pa.int64()),
        "items": pa.array([part.items for part in parts], pa.int64()),
        "people": pa.array([part.people for part in parts], pa.int64()),
        "exposure": pa.array([part.exposure for part in parts], pa.string()),
        "cannot_tell": pa.array(
            [part.total.code if isinstance(part.total, CannotTell) else None for part in parts], pa.string()
        ),
    }
    return pa.table(columns)


def moved_table(found: Effects | None) -> pa.Table:
    """Return one row for each act that followed one of a person's, with the chance that it was theirs."""
    return found.followed if found is not None else _followed([])
