"""What the JSON formats share: recognition, batches, and care for values that are not as they should be.

Whatever the fast path cannot take (a broken line, an array, a line of another
format) is taken out, looked at one by one, and goes through the same statements.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import ClassVar

import duckdb
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from entregent.i18n import T, Text
from entregent.progress import Progress, check
from entregent.records import TABLES, schema
from entregent.results import MOST_PLACES, Notice
from entregent.sources.base import Batch
from entregent.sources.files.format import Opened, Options
from entregent.sources.files.reading import Check, Reading
from entregent.sources.files.values import Scan, Values, mend, utf8

__all__ = ["JsonFormat", "Run"]

SURE = 0.5
MOST_NESTED = 4
MOST_LINES = 50


class JsonFormat:
    """A format of JSON values, made of what tells it apart and of how it is read."""

    name: str
    title: str
    markers: ClassVar[Sequence[tuple[str, float]]]
    """Patterns of fields, each with how much it says."""
    reading: ClassVar[type[Reading]]

    def claim(self, text: bytes) -> float:
        """Return how sure it is, in [0, 1], that a value or the head of a file is of this format."""
        weights = (weight for pattern, weight in _compiled(tuple(self.markers)) if pattern.search(text))
        return min(1.0, sum(weights))

    def sniff(self, head: bytes, name: str) -> float:  # noqa: ARG002
        """Return how sure it is, in [0, 1], that a file starting so is of this format."""
        text = utf8(head)
        if not _LOOKS_LIKE_JSON.search(text) or text.lstrip()[:1] == b"<":
            return 0.0
        lines = [line for line in text.splitlines()[:MOST_LINES] if line.lstrip()[:1] in (b"{", b"[")]
        share = sum(self.claim(line) >= SURE for line in lines) / len(lines) if lines else 0.0
        # Of two formats in one file, the one with more lines is the file's.
        return self.claim(text) * (0.8 + 0.2 * share)

    def read(self, opened: Opened, options: Options, progress: Progress) -> Iterator[Batch]:
        """Yield batches; `progress` is advanced by the opener, in bytes of the file."""
        with self.opened(opened.name, options) as run:
            scan = Scan(opened.stream, opened.head)
            for values in scan:
                check(progress)
                run.unit = scan.unit
                yield run.batch(values, scan.open_ended)
            yield run.end(scan)

    def opened(self, name: str, options: Options) -> Run:
        """Return what reads values of this format, one batch after another; to be closed."""
        return Run(self, name, options)


_LOOKS_LIKE_JSON = re.compile(rb"(^|\n)\s*[\[{]")


@cache
def _compiled(markers: tuple[tuple[str, float], ...]) -> tuple[tuple[re.Pattern[bytes], float], ...]:
    return tuple((re.compile(rb"(?<!\\)" + pattern.encode()), weight) for pattern, weight in markers)


class Run:
    """One file or stream on its way through its own format, and through others for the odd line."""

    def __init__(self, form: JsonFormat, name: str, options: Options) -> None:
        self.form = form
        self.name = name
        self.options = options
        self.unit = "line"
        self.readings: dict[str, Reading] = {}
        self.counts: Counter[str] = Counter()
        self.places: defaultdict[str, list[str]] = defaultdict(list)
        self.texts: dict[str, Text] = {}

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the engines."""
        for reading in self.readings.values():
            reading.close()

    def _of(self, form: JsonFormat) -> Reading:
        if form.name not in self.readings:
            self.readings[form.name] = form.reading(self.options)
        return self.readings[form.name]

    def note(self, code: str, text: Text, count: int, numbers: Sequence[int] = ()) -> None:
        key = f"{code} {text.key()}"
        self.counts[key] += count
        self.texts[key] = text
        room = MOST_PLACES - len(self.places[key])
        at = ":" if self.unit == "line" else ": item "
        self.places[key] += [f"{self.name}{at}{number}" for number in numbers[:room]]

    def _notices(self) -> tuple[Notice, ...]:
        notices = tuple(
            Notice(key.partition(" ")[0], self.texts[key], count, tuple(self.places[key]))
            for key, count in self.counts.items()
        )
        self.counts.clear()
        self.places.clear()
        self.texts.clear()
        return notices

    def received(self, texts: Sequence[bytes], numbers: Sequence[int], at: datetime) -> Batch:
        """Return what came as single messages: their JSON texts, their numbers, and when they came."""
        self.unit = "item"
        for reading in (self._of(self.form), *self.readings.values()):
            reading.at(at)
        batch = self.batch(Values.of(texts, numbers), final=False)
        # A stream has no end at which to give what was held back.
        held = [(table, rows) for one in self.readings.values() for table, rows in one.last().items()]
        for table, rows in held:
            whole = pa.concat_tables([getattr(batch, table), rows.cast(schema(table))])
            batch = replace(batch, **{table: whole})
        return batch

    def batch(self, values: Values, final: bool) -> Batch:
        found: defaultdict[str, list[pa.Table]] = defaultdict(list)
        rows = self._take(self.form, values, found, final, 0)
        return self._batch(found, rows)

    def _batch(self, found: Mapping[str, list[pa.Table]], rows: int) -> Batch:
        tables = {table: pa.concat_tables(parts) for table, parts in found.items() if table in TABLES}
        return Batch(**tables, rows=rows, notices=self._notices())

    def end(self, scan: Scan) -> Batch:
        self.unit = scan.unit
        if scan.truncated is not None:
            self.note("file.truncated", _TRUNCATED, 1, [scan.truncated])
        for number in scan.too_long:
            self.note("file.value_too_long", _TOO_LONG, 1, [number])
        found: defaultdict[str, list[pa.Table]] = defaultdict(list)
        for reading in self.readings.values():
            for table, rows in reading.last().items():
                found[table].append(rows.cast(schema(table)))
        return self._batch(found, 0)

    def _take(
        self,
        form: JsonFormat,
        values: Values,
        found: defaultdict[str, list[pa.Table]],
        final: bool,
        depth: int,
    ) -> int:
        reading = self._of(form)
        try:
            reading.parse(values)
        except duckdb.InvalidInputException:
            values = self._mended(reading, values, final)
            if not len(values):
                return 0
            reading.parse(values)
        original, left = self._fitting(reading, values, values)
        rows = len(original)
        if rows:
            self._checked(reading)
            for table, part in reading.tables(original).items():
                found[table].append(part)
        return rows + sum(self._others(form, part, found, depth) for part in left if len(part))

    def _fitting(self, reading: Reading, original: Values, values: Values) -> tuple[Values, list[Values]]:
        """Leave in ``parsed`` what the format can read; return that as it came, and the rest."""
        left: list[Values] = []
        scrubbed = False
        while True:
            taken = reading.taken()
            if not taken.all():
                left.append(original.where(~taken))
                original, values = original.where(taken), values.where(taken)
                if not len(values):
                    return original, left
                reading.parse(values)
            mistyped = [] if scrubbed else reading.mistyped()
            if not mistyped:
                return original, left
            # Without a field of the wrong type, a value may be none of this format any more.
            values = self._scrubbed(reading, values, mistyped)
            reading.parse(values)
            scrubbed = True

    def _checked(self, reading: Reading) -> None:
        for step in reading.steps():
            reading.con.execute(step).fetchall()
        by_source: defaultdict[str, list[Check]] = defaultdict(list)
        for one in reading.checks():
            by_source[one.source].append(one)
        for source, checks in by_source.items():
            listed = ", ".join(f"count(*) FILTER ({one.where})" for one in checks)
            (counts,) = reading.con.sql(f"SELECT {listed} FROM {source}").fetchall()
            for one, count in zip(checks, counts, strict=True):
                if count:
                    numbers = reading.con.sql(
                        f"SELECT n FROM {source} WHERE {one.where} ORDER BY n LIMIT {MOST_PLACES}"
                    ).fetchall()
                    self.note(one.code, one.text, count, [number for (number,) in numbers])

    def _mended(self, reading: Reading, values: Values, final: bool) -> Values:
        reading.con.register("lines", pa.table({"l": values.texts}))
        valid = reading.con.sql("SELECT json_valid(l) AS yes FROM lines").to_arrow_table()["yes"]
        good = np.asarray(valid.to_numpy(), bool)
        bad = values.where(~good)
        texts: list[bytes] = []
        numbers: list[int] = []
        told: defaultdict[str, list[int]] = defaultdict(list)
        for place, (text, number) in enumerate(
            zip(bad.texts.cast(pa.large_binary()).to_pylist(), bad.numbers.tolist(), strict=True)
        ):
            saved, how = mend(text)
            texts += saved
            numbers += [number] * len(saved)
            if how is None:
                last = final and place == len(bad) - 1 and not good[-1]
                how = "truncated" if last else "broken"
            told[how].append(number)
        for how, text in _BROKEN.items():
            if told[how]:
                self.note(text[0], text[1], len(told[how]), told[how])
        if not texts:
            return values.where(good)
        more = Values.of(texts, numbers)
        kept = values.where(good)
        return Values(
            pa.concat_arrays([kept.texts, more.texts]), np.concatenate([kept.numbers, more.numbers])
        )

    def _scrubbed(self, reading: Reading, values: Values, mistyped: list[tuple[int, str]]) -> Values:
        by_row: defaultdict[int, list[str]] = defaultdict(list)
        numbers: defaultdict[str, list[int]] = defaultdict(list)
        for row, path in mistyped:
            by_row[row].append(path)
            numbers[path].append(int(values.numbers[row]))
        texts = values.texts.to_pylist() if len(by_row) > 1000 else None
        changed: dict[int, bytes] = {}
        for row, paths in by_row.items():
            text = texts[row] if texts is not None else values.texts[row].as_py()
            changed[row] = _without(text, paths, reading)
        for path, at in numbers.items():
            self.note(
                "field.wrong_type",
                T(
                    "The field {field} was not a {kind}, and was left out.",
                    field=path[2:],
                    kind=_NAMES[reading.types[path]],
                ),
                len(at),
                at,
            )
        rows = sorted(changed)
        mask = np.zeros(len(values), bool)
        mask[rows] = True
        fresh = Values.of([changed[row] for row in rows], values.numbers[rows])
        return Values(_replaced(values.texts, mask, fresh.texts), values.numbers)

    def _others(
        self, form: JsonFormat, left: Values, found: defaultdict[str, list[pa.Table]], depth: int
    ) -> int:
        """Look at values that `form` cannot read: holders of values, other formats, or nothing at all."""
        from entregent.sources.files.registry import json_formats

        forms = [form, *(other for other in json_formats() if other.name != form.name)]
        wrappers = list(dict.fromkeys(key for other in forms for key in other.reading.wrappers))
        inner: defaultdict[str, tuple[list[bytes], list[int]]] = defaultdict(lambda: ([], []))
        unknown: list[int] = []
        others: defaultdict[str, list[int]] = defaultdict(list)
        for text, number in zip(
            left.texts.cast(pa.large_binary()).to_pylist(), left.numbers.tolist(), strict=True
        ):
            held = _held(text, wrappers) if depth < MOST_NESTED else None
            if held is not None:
                inner[form.name][0].extend(held)
                # Of one document that holds everything, count what it holds.
                alone = depth == 0 and self.unit == "item" and len(left) == number == 1
                inner[form.name][1].extend(range(1, len(held) + 1) if alone else [number] * len(held))
                continue
            best = max(forms[1:], key=lambda other: other.claim(text))
            if depth < MOST_NESTED and best.claim(text) >= SURE:
                others[best.name].append(number)
                inner[best.name][0].append(text)
                inner[best.name][1].append(number)
            else:
                unknown.append(number)
        named = {other.name: other for other in forms}
        rows = 0
        for name, (texts, numbers) in inner.items():
            if texts:
                rows += self._take(named[name], Values.of(texts, numbers), found, False, depth + 1)
        for name, numbers in others.items():
            self.note(
                "file.mixed_formats",
                T("Lines of another format were read as that: {format}.", format=named[name].title),
                len(numbers),
                numbers,
            )
        if unknown:
            self.note(
                "row.unknown",
                T("This is nothing that {format} knows, and was left out.", format=form.title),
                len(unknown),
                unknown,
            )
        return rows


_TRUNCATED = T("The file ends in the middle of a value: it was cut off. What came before was read.")
_TOO_LONG = T("A value was passed over because it is longer than can be read in one piece.")
_BROKEN = {
    "broken": ("file.broken_line", T("A line is no valid JSON, and was left out.")),
    "truncated": ("file.truncated", _TRUNCATED),
    "encoding": ("file.encoding", T("A line is not in UTF-8; it was read as Windows-1252.")),
    "mended": ("file.mended_line", T("A slip in the JSON of a line was put right.")),
}
_NAMES = {
    "text": T("text"),
    "id": T("text or number"),
    "number": T("number"),
    "object": T("group of fields"),
    "list": T("list"),
    "some": T("list or group of fields"),
}


def _held(text: bytes, wrappers: Sequence[str]) -> list[bytes] | None:
    """Return the values that an array or a wrapping object holds, or None where it is neither."""
    try:
        if text.lstrip()[:1] == b"[":
            return [bytes(raw) for raw in msgspec.json.decode(text, type=list[msgspec.Raw])]
        fields = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        held: list[bytes] = []
        for raw in (bytes(fields[key]) for key in wrappers if key in fields):
            if raw[:1] == b"[":
                held += [bytes(one) for one in msgspec.json.decode(raw, type=list[msgspec.Raw])]
            elif raw[:1] == b"{":
                held.append(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return held or None


def _without(text: str, paths: Sequence[str], reading: Reading) -> bytes:
    """Return a JSON text with the fields at `paths` set to null."""
    try:
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            # The engine also takes a comma before a closing bracket, and does not write it.
            ((plain,),) = reading.con.execute("SELECT json(?)::VARCHAR", [text]).fetchall()
            value = json.loads(plain)
    except (ValueError, RecursionError):
        return text.encode()
    for path in paths:
        *way, leaf = path[2:].split(".")
        holder = value
        for key in way:
            holder = holder.get(key) if isinstance(holder, dict) else None
        if isinstance(holder, dict):
            holder[leaf] = None
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")


def _replaced(texts: pa.Array, mask: np.ndarray, fresh: pa.Array) -> pa.Array:
    return pc.replace_with_mask(texts, pa.array(mask), fresh)
