"""Tables of posts or of acts: CSV and its kin, and Parquet.

A row with a text is a post; a row with an object and no text is an act of its
account on that object. Columns are named by ``--map ROLE=COLUMN`` or told by
their names, and what was told so is said in a notice.

=============  ==============================================================
account        who published or acted (an id; a handle where there is no id)
object         what was acted on (a post, a link, an item)
author         the account that published the object
id             of the post or the act
time, text     when, and what was said
kind           repost, quote, reply, mention, like, follow, share or post,
               in English or French; ``--map kind==repost`` for all rows.
               Where nothing says it, an act is a share
parent         the post that is answered
handle, name   of the account
followers ...  numbers that the platform showed
=============  ==============================================================

A text on an object is both a post and a share of the object, unless its kind
says otherwise: a reply has the object as its parent, a quote quotes it.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from entregent.errors import InputError, MappingError
from entregent.i18n import T
from entregent.progress import Progress, check
from entregent.records import schema
from entregent.results import InputFile
from entregent.sources.base import Batch
from entregent.sources.files.format import Opened, Options
from entregent.sources.files.opening import HEAD, open_stored
from entregent.sources.files.tables_mapping import Mapper
from entregent.sources.files.tables_roles import Roles, find_roles, looks_known
from entregent.sources.files.tables_rows import (
    LINE,
    Layout,
    Troubles,
    head_text,
    layout,
    layout_notices,
    rows,
)
from entregent.sources.files.tables_times import day_first

__all__ = ["Csv", "Parquet", "read_edges"]

ROWS_AT_ONCE = 100_000
_EXACT = 2**53
_FILE_NAME = re.compile(r"\.(csv|tsv|tab|psv)(\.\w+)?\Z", re.IGNORECASE)
_LINE_END = re.compile(rb"[\r\n]")
_NOT_TEXT = re.compile(r"[\x00-\x08\x0e-\x1b]")
_IDENTS = ("account", "object", "author", "id", "parent")


class Csv:
    """Delimited text with a header: comma, semicolon, tab or bar; any encoding that can be told."""

    name = "csv"
    title = "CSV or TSV table of posts or of acts"

    def sniff(self, head: bytes, name: str) -> float:
        """Return how sure it is, in [0, 1], that a file starting so is a table."""
        text = head_text(head)
        start = text.lstrip()
        if not start or start[0] in "{[<%" or start.startswith("window.YTD"):
            return 0.0
        if len(_NOT_TEXT.findall(text)) > len(text) / 200:
            return 0.0
        form = layout(head)
        if form is None:
            return 0.0
        named = _FILE_NAME.search(name) is not None
        known = looks_known(form.header)
        if len(form.header) == 1:
            return 0.55 if named and known else 0.1
        labels = sum(any(map(str.isalpha, cell)) and len(cell) < 60 for cell in form.header)
        if known >= 2:
            return 0.9 if form.steadiness >= 0.8 else 0.6
        if labels < len(form.header) / 2 or form.steadiness < 0.5:
            return 0.55 if named else 0.1
        return 0.6 if named else 0.55 if known else 0.3

    def read(self, opened: Opened, options: Options, progress: Progress) -> Iterator[Batch]:
        """Yield batches of the rows.

        Raises
        ------
        InputError
            Where there is no table.
        MappingError
            Where columns cannot be told apart.
        """
        if len(opened.head) >= HEAD and not _LINE_END.search(opened.head):
            raise InputError(
                f"The first line, which names the columns, is longer than {HEAD // 1024} KiB.",
                where=f"{opened.name}:1",
                do="Keep the columns that are needed, such as account, time, text, or write Parquet.",
            )
        form = layout(opened.head)
        if form is None:
            raise InputError(
                "There is no table: no line of names of columns was found.",
                where=opened.name,
                do="A table starts with a line such as account,time,text.",
            )
        troubles = Troubles(opened.name)
        roles = _roles(form.header, options, opened.name)
        notices = layout_notices(form, opened.name)
        for batch in _batches(rows(opened, form, troubles), roles, options, troubles, progress):
            yield _with(batch, notices) if notices else batch
            notices = ()


class Parquet:
    """Parquet; nested columns can be lists of texts only."""

    name = "parquet"
    title = "Parquet table of posts or of acts"

    def sniff(self, head: bytes, name: str) -> float:  # noqa: ARG002 - of the protocol
        """Return how sure it is, in [0, 1], that a file starting so is Parquet."""
        return 1.0 if head[:4] == b"PAR1" else 0.0

    def read(self, opened: Opened, options: Options, progress: Progress) -> Iterator[Batch]:
        """Yield batches of the rows.

        Raises
        ------
        InputError
            Where the file is damaged.
        MappingError
            Where columns cannot be told apart.
        """
        with tempfile.TemporaryFile() as copy:
            # The end of a Parquet file is read first, so a stream is laid down.
            if opened.path is None:
                shutil.copyfileobj(opened.stream, copy)
                copy.seek(0)
            try:
                file = pq.ParquetFile(copy if opened.path is None else opened.path)
            except (pa.ArrowException, OSError) as error:
                raise _damaged(opened.name, error) from error
            usable = [field.name for field in file.schema_arrow if _is_usable(field.type)]
            troubles = Troubles(opened.name)
            roles = _roles(usable, options, opened.name)
            read = usable if options.keep_raw_days else list(dict.fromkeys(roles.columns.values()))
            yield from _batches(
                _parquet_rows(file, read, roles, troubles), roles, options, troubles, progress
            )


def _damaged(name: str, error: Exception) -> InputError:
    return InputError(
        f"This Parquet file cannot be read: {str(error).splitlines()[0]}",
        where=name,
        do="Get the file again; a copy that stopped half-way looks like this.",
    )


def _is_usable(kind: Any) -> bool:
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _is_usable(kind.value_type)
    return not pa.types.is_nested(kind)


def _parquet_rows(
    file: pq.ParquetFile, wanted: list[str], roles: Roles, troubles: Troubles
) -> Iterator[pa.Table]:
    times = roles.columns.get("time")
    idents = {roles.columns[role] for role in _IDENTS if role in roles.columns}
    done = 0
    try:
        for part in file.iter_batches(ROWS_AT_ONCE, columns=wanted):
            table = pa.Table.from_batches([part])
            lines = np.arange(done + 1, done + 1 + table.num_rows, dtype=np.int64)
            done += table.num_rows
            columns = {}
            for name in wanted:
                column, rounded = _as_text(table.column(name).combine_chunks(), name == times)
                if rounded.any() and name in idents:
                    troubles.add(
                        "id.rounded",
                        T("Ids were rounded by a spreadsheet; different records may have become one"),
                        int(rounded.sum()),
                        lines[rounded][:5].tolist(),
                    )
                columns[name] = column
            yield pa.table({**columns, LINE: pa.array(lines)})
    except (pa.ArrowException, OSError) as error:
        raise _damaged(troubles.name, error) from error


def _as_text(column: Any, is_time: bool) -> tuple[pa.Array, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Return a column as texts, and which of its numbers are too big to be exact."""
    rounded = np.zeros(len(column), bool)
    kind = column.type
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], kind)
    if pa.types.is_dictionary(kind):
        return _as_text(column.cast(kind.value_type), is_time)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pc.binary_join(column.cast(pa.list_(pa.string())), " "), rounded
    if is_time and (pa.types.is_timestamp(kind) or pa.types.is_date(kind)):
        if pa.types.is_date(kind):
            return column.cast(pa.date32()).cast(pa.string()), rounded
        # strftime writes the time of the zone: only the zone UTC may be followed by a Z.
        moments = column.cast(pa.timestamp("us", tz="UTC" if kind.tz else None), safe=False)
        text = pc.strftime(moments, "%Y-%m-%dT%H:%M:%S")
        return pc.binary_join_element_wise(text, "Z" if kind.tz else "", ""), rounded
    if pa.types.is_floating(kind):
        values = np.asarray(column.cast(pa.float64()).fill_null(np.nan))
        known = np.isfinite(values)
        whole = known & (np.floor(values) == values) & (np.abs(values) < 2.0**63)
        rounded = known & (np.abs(values) > _EXACT)
        whole_text = pa.array(np.where(whole, values, 0).astype(np.int64)).cast(pa.string())
        other = pa.array(values, mask=~known).cast(pa.string())
        return pc.if_else(pa.array(whole), whole_text, other), rounded
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.array([_decoded(value) for value in column.to_pylist()], pa.string()), rounded
    return column.cast(pa.string()), rounded


def _decoded(value: bytes | None) -> str | None:
    return None if value is None else value.decode("utf-8", "replace")


def _roles(columns: Iterable[str], options: Options, name: str) -> Roles:
    return find_roles([column for column in columns if column != LINE], options.mapping, name)


def _batches(
    tables: Iterator[pa.Table], roles: Roles, options: Options, troubles: Troubles, progress: Progress
) -> Iterator[Batch]:
    mapper = Mapper(roles, options, troubles)
    try:
        if roles.guessed:
            pairs = ", ".join(f"{role}={roles.columns[role]}" for role in roles.guessed)
            troubles.add(
                "table.columns_guessed",
                T(
                    "Columns were told by their names: {pairs}. Where that is wrong, name them with --map",
                    pairs=pairs,
                ),
            )
        if options.relative_time and "time" in roles.columns:
            troubles.add("time.relative", T("Times count seconds from an origin that is not known"))
        empty = True
        for table in _with_day_first(tables, mapper):
            check(progress)
            yield mapper.batch(table)
            empty = False
        if empty:
            troubles.add("table.no_rows", T("A table has names of columns and no rows"))
        left = troubles.take()
        if left:
            yield Batch(notices=left)
    finally:
        mapper.close()


def _with(batch: Batch, notices: tuple[Any, ...]) -> Batch:
    return replace(batch, notices=(*notices, *batch.notices))


def _with_day_first(tables: Iterator[pa.Table], mapper: Mapper) -> Iterator[pa.Table]:
    """Pass tables on once it is known whether the day comes first in dates with slashes.

    Until then they wait in a temporary file: the whole column decides.
    """
    column = mapper.roles.columns.get("time")
    if column is None or mapper.options.relative_time:
        yield from tables
        return
    with tempfile.TemporaryFile() as waiting:
        writer: pa.ipc.RecordBatchFileWriter | None = None
        open_question = False
        for table in tables:
            mapper.con.register("asked", table.select([column]).rename_columns(["c"]))
            some, day, month = day_first(mapper.con, "asked", "c")
            mapper.con.unregister("asked")
            if not some and writer is None:
                yield table
                continue
            open_question = open_question or some
            if writer is None:
                writer = pa.ipc.new_file(waiting, table.schema)
            writer.write_table(table)
            if day or month:
                mapper.day_first = day
                open_question = False
                break
        if writer is None:
            return
        writer.close()
        if open_question:
            mapper.troubles.add(
                "time.day_first",
                T("Dates like 01/02/2024 can be read two ways; the day was taken to come first"),
            )
        waiting.seek(0)
        reader = pa.ipc.open_file(waiting)
        for number in range(reader.num_record_batches):
            yield pa.Table.from_batches([reader.get_batch(number)])
    yield from tables


_FROM = ("from_user", "follower", "follower_id", "from", "source", "src", "from_id", "abonne")
_TO = ("to_user", "followed", "followee", "followed_id", "to", "target", "dst", "to_id", "suivi")


def read_edges(path: str, options: Options) -> Iterator[Batch]:
    """Read a user graph: who follows whom.

    Parameters
    ----------
    path : str
        Table with two columns, from whom to whom; plain or compressed.
    options : Options
        `network` is that of the accounts.

    Yields
    ------
    Batch
        Interactions of the kind ``follow``, without a time; the last batch
        has the digest of the file and no rows.

    Raises
    ------
    InputError
        Where it cannot be read.
    MappingError
        Where the two columns cannot be told.
    """
    opened, stored, _ = open_stored(path, Path(path))
    with stored:
        troubles = Troubles(path)
        tables, ends = _edges_of(opened, troubles)
        troubles.add(
            "edges.direction",
            T("In {file}, {first} was taken to follow {second}", file=path, first=ends[0], second=ends[1]),
        )
        roles = Roles({"account": ends[0], "author": ends[1]}, {"kind": "follow"}, (), False, False)
        mapper = Mapper(roles, options, troubles)
        count = 0
        try:
            for table in tables:
                batch = mapper.batch(table)
                yield Batch(
                    interactions=batch.interactions.cast(schema("interactions")),
                    notices=batch.notices,
                    rows=batch.rows,
                )
                count += batch.rows
        finally:
            mapper.close()
        kind = "parquet" if opened.head[:4] == b"PAR1" else "csv"
        yield Batch(finished=(InputFile(path, stored.drain(), stored.bytes, count, kind),))


def _edges_of(opened: Opened, troubles: Troubles) -> tuple[Iterator[pa.Table], tuple[str, str]]:
    if opened.head[:4] == b"PAR1":
        if opened.path is None:
            raise InputError("A compressed Parquet file of edges is not read.", where=opened.name)
        try:
            file = pq.ParquetFile(opened.path)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(opened.name, error) from error
        ends = _ends([field.name for field in file.schema_arrow if _is_usable(field.type)], opened.name)
        roles = Roles({"account": ends[0], "author": ends[1]}, {}, (), False, False)
        return _parquet_rows(file, list(ends), roles, troubles), ends
    form = layout(opened.head)
    if form is None or len(form.header) < 2:
        raise InputError(
            "There is no table of edges.",
            where=opened.name,
            do="It has a line of names, such as from_user,to_user, and a line for each edge.",
        )
    if all(cell.lstrip("-").isdigit() for cell in form.header):
        # Edges without a line of names: the first line is an edge.
        form = Layout(form.delimiter, form.escape, form.skip, form.header, 0, (), form.steadiness, form.rows)
    return rows(opened, form, troubles), _ends(form.header, opened.name)


def _ends(columns: Iterable[str], name: str) -> tuple[str, str]:
    listed = list(columns)
    small = {column.strip().casefold(): column for column in listed}
    first = next((small[word] for word in _FROM if word in small), None)
    second = next((small[word] for word in _TO if word in small), None)
    if first and second:
        return first, second
    if len(listed) == 2:
        return listed[0], listed[1]
    raise MappingError(
        f"It cannot be told who follows whom. Columns found: {', '.join(listed)}.",
        where=name,
        valid=("from_user,to_user", "follower,followed", "source,target"),
        do="Name the two columns from_user,to_user.",
    )
