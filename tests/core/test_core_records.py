"""Records have one shape as dataclass and as Arrow schema, and stable ids."""

from __future__ import annotations

from dataclasses import fields

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entregent import records
from entregent.records import TABLES, join_id, schema, split_id, stable_id

CLASSES = {
    "posts": records.Post,
    "accounts": records.Account,
    "interactions": records.Interaction,
    "observations": records.Observation,
    "tombstones": records.Tombstone,
    "raw": records.Raw,
}
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00\x1f"), max_size=12)


def test_every_table_has_a_class() -> None:
    assert tuple(CLASSES) == TABLES


@pytest.mark.parametrize("table", TABLES)
def test_schema_and_class_have_the_same_fields_in_the_same_order(table: str) -> None:
    assert schema(table).names == [field.name for field in fields(CLASSES[table])]


@pytest.mark.parametrize("table", TABLES)
def test_times_are_utc_microseconds(table: str) -> None:
    for field in schema(table):
        if pa.types.is_timestamp(field.type):
            assert field.type == pa.timestamp("us", tz="UTC"), field.name


@given(words.filter(lambda word: ":" not in word), words)
def test_an_id_can_be_taken_apart(network: str, native: str) -> None:
    assert split_id(join_id(network, native)) == (network, native)


@given(words, st.none() | words, words, st.none() | words, st.none() | st.integers(0, 2**60))
def test_the_engine_computes_the_same_stable_id(
    network: str, actor: str | None, kind: str, object: str | None, micros: int | None
) -> None:
    texts = [network, actor or "", kind, object or "", "" if micros is None else str(micros)]
    with duckdb.connect() as con:
        ((digest,),) = con.execute("SELECT md5(concat_ws(chr(31), ?, ?, ?, ?, ?))", texts).fetchall()
    assert stable_id(network, actor, kind, object, micros) == f"{network}:~{digest}"


def test_different_acts_have_different_ids() -> None:
    ids = {
        stable_id("file", actor, kind, object, micros)
        for actor in ("a", "b", None)
        for kind in ("like", "repost")
        for object in ("a", "ab", None)
        for micros in (0, 1, None)
    }
    assert len(ids) == 3 * 2 * 3 * 3
