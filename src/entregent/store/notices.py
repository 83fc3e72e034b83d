"""Notices kept as rows: a text and its parameters as JSON, counts added up."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from entregent.i18n import Text
from entregent.results import Notice, merge_notices
from entregent.store.state import notices as table

__all__ = ["add", "read"]


def _plain(value: Any) -> Any:
    if isinstance(value, Text):
        return {"text": [value.msgid, _plain(value.params), value.plural, value.n]}
    if isinstance(value, datetime):
        return {"moment": value.isoformat()}
    if isinstance(value, date):
        return {"day": value.isoformat()}
    if isinstance(value, dict):
        return {"map": [[name, _plain(item)] for name, item in value.items()]}
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)


def _rich(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, held),) = value.items()
    if kind == "text":
        msgid, params, plural, n = held
        return Text(msgid, _rich(params), plural, n)
    if kind == "map":
        return {name: _rich(item) for name, item in held}
    return datetime.fromisoformat(held) if kind == "moment" else date.fromisoformat(held)


def _words(text: Text) -> str:
    return json.dumps(_plain(text), ensure_ascii=False)


def add(con: sa.Connection, source: str, notices: Iterable[Notice]) -> None:
    """Add notices of a source to those it has, in the transaction of `con`."""
    of_source = table.c.source == source
    for code in sorted({notice.code for notice in notices}):
        fresh = tuple(notice for notice in notices if notice.code == code)
        rows = con.execute(sa.select(table).where(of_source, table.c.code == code)).all()
        con.execute(sa.delete(table).where(of_source, table.c.code == code))
        merged = merge_notices((*(_notice(row) for row in rows), *fresh))
        con.execute(
            sa.insert(table),
            [
                {
                    "source": source,
                    "code": code,
                    "words": _words(notice.text),
                    "n": notice.count,
                    "places": json.dumps(notice.where, ensure_ascii=False),
                }
                for notice in merged
            ],
        )


def _notice(row: Any) -> Notice:
    return Notice(row.code, _rich(json.loads(row.words)), row.n, tuple(json.loads(row.places)))


def read(con: sa.Connection, source: str | None = None) -> tuple[Notice, ...]:
    """Return the notices of a source, or of all, merged."""
    query = sa.select(table).order_by(table.c.source, table.c.code, table.c.words)
    if source is not None:
        query = query.where(table.c.source == source)
    return merge_notices(tuple(_notice(row) for row in con.execute(query)))
