"""Reading a table of a test as the reader does."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from entregent.progress import Quiet
from entregent.records import TABLES
from entregent.sources.base import Batch
from entregent.sources.files.format import Format, Opened, Options
from entregent.sources.files.tables import Csv

RECEIVED = datetime(2026, 1, 1, tzinfo=UTC)


class Read:
    """What came out, all batches together."""

    def __init__(self, batches: list[Batch]) -> None:
        self.batches = batches
        for table in TABLES:
            rows = pa.concat_tables([getattr(batch, table) for batch in batches]).to_pylist()
            setattr(self, table, rows)
        self.notices: dict[str, int] = {}
        self.where: dict[str, tuple[str, ...]] = {}
        self.texts: dict[str, str] = {}
        for batch in batches:
            for notice in batch.notices:
                self.notices[notice.code] = self.notices.get(notice.code, 0) + notice.count
                self.where.setdefault(notice.code, notice.where)
                self.texts.setdefault(notice.code, str(notice.text))

    posts: list[dict[str, Any]]
    accounts: list[dict[str, Any]]
    interactions: list[dict[str, Any]]
    observations: list[dict[str, Any]]
    raw: list[dict[str, Any]]


def read(content: str | bytes, form: Format | None = None, name: str = "t.csv", **options: Any) -> Read:
    data = content.encode() if isinstance(content, str) else content
    opened = Opened(name, data[:65_536], io.BytesIO(data))
    found = (form or Csv()).read(opened, Options(RECEIVED, **options), Quiet())
    return Read(list(found))
