"""Tables of watches, what they matched and what is owed; part of the state database."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

__all__ = ["alerts", "deliveries", "heard", "mentions", "watch_versions", "watches"]

_metadata = sa.MetaData()


def _text(name: str, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.Text, nullable=more.pop("nullable", False), **more)


def _count(name: str, **more: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger, nullable=more.pop("nullable", False), **more)


watches = sa.Table(
    "watches",
    _metadata,
    _text("id", primary_key=True),
    _text("name"),
    _text("query"),
    _text("lang", nullable=True),
    sa.Column("budget", sa.Double, nullable=False),
    _text("hours"),
    _count("made_at"),
    _count("muted_until", nullable=True),
    _count("known_from", nullable=True),
    _count("judged_to", nullable=True),
)
watch_versions = sa.Table(
    "watch_versions",
    _metadata,
    _text("watch", primary_key=True),
    _count("number", primary_key=True),
    _count("at"),
    _text("query"),
    _text("lang", nullable=True),
    sa.Column("budget", sa.Double, nullable=False),
    _text("hours"),
)
mentions = sa.Table(
    "mentions",
    _metadata,
    _text("watch", primary_key=True),
    _text("post", primary_key=True),
    _count("time", nullable=True),
    _text("spans"),
)
heard = sa.Table("heard", _metadata, _count("slot", primary_key=True), _count("posts"))
alerts = sa.Table(
    "alerts",
    _metadata,
    _text("id", primary_key=True),
    _text("watch"),
    _text("name"),
    _count("raised"),
    _text("facts"),
    _count("made_at"),
    _text("state"),
)
deliveries = sa.Table(
    "deliveries",
    _metadata,
    _text("alert", primary_key=True),
    _text("channel", primary_key=True),
    _text("state"),
    _count("tries"),
    _count("due"),
    _text("trouble", nullable=True),
)
