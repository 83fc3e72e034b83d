"""Times as tables write them, as SQL: numbers by their size, ISO 8601, dates with slashes, dates in words."""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["Reading", "day_first", "define", "moment", "shape_of"]

EARLIEST = "TIMESTAMPTZ '1990-01-01 00:00:00+00'"
_NUMBER = r"[+-]?[0-9]+([.,][0-9]+)?([eE][+-]?[0-9]+)?"
_ISO = r"[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}([Tt ].*)?"
_SLASH = (
    r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4}|[0-9]{2})"
    r"(?:(?:,? +|T)(?:[aà@] +|at +)?([0-9]{1,2})[:hH]([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]+)?)?"
    r" *([AaPp])?(?:\.?[Mm]\.?)?)? *(Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})?"
)
_ZONED = (
    r"(.*:.*[0-9] ?(Z|z|[+-][0-9]{2}(:?[0-9]{2})?)|.*[A-Z][a-z]+/[A-Z][A-Za-z_]+"
    r"|.*[0-9] ([A-LN-Z][A-Z]*[A-LN-Z]|[A-Z]{3,5}|[+-][0-9]{4})( [0-9]{4})?)"
)
_DIGITS = r"^[0-9]{9,10}$|^[0-9]{13}$|^[0-9]{16}$|^[0-9]{19}$"
_COMPACT = r"^(19|20)[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])([0-9]{6})?$"
# Days from 1990 to 2099 as spreadsheets count them.
_SERIAL = r"^(3[3-9]|[4-6][0-9]|7[0-2])[0-9]{3}([.,][0-9]+)?$"
_PLAIN_ISO = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:?[0-9]{2})$"
)
_PLAIN_SLASH = r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{4}( [0-9]{1,2}:[0-9]{2}(:[0-9]{2})?)?"
# Beyond the year 9999 no calendar of ours goes.
_MOST_SECONDS = 250_000_000_000
_ZONES = {
    **dict.fromkeys(("UTC", "GMT", "Z", "UT"), "+0000"),
    "EST": "-0500", "EDT": "-0400", "CST": "-0600", "CDT": "-0500", "MST": "-0700", "MDT": "-0600",
    "PST": "-0800", "PDT": "-0700", "CET": "+0100", "CEST": "+0200", "WEST": "+0100", "BST": "+0100",
}  # fmt: skip
_MONTHS = {
    r"janv(ier)?": "jan", r"fevr?(ier)?": "feb", r"mars": "mar", r"avr(il)?": "apr", r"mai": "may",
    r"juin": "jun", r"juil(let)?": "jul", r"aout": "aug", r"sept(embre)?": "sep", r"octobre": "oct",
    r"novembre": "nov", r"decembre": "dec", r"december": "dec", r"november": "nov", r"october": "oct",
    r"september": "sep", r"august": "aug", r"july": "jul", r"june": "jun", r"april": "apr",
    r"march": "mar", r"february": "feb", r"january": "jan",
}  # fmt: skip
_DAYS = (
    r"\b(mon|tue|tues|wed|thu|thur|thurs|fri|sat|sun|lun|mar|mer|jeu|ven|sam|dim"
    r"|(mon|tues|wednes|thurs|fri|satur|sun)day|(lun|mar|mercre|jeu|vendre|same)di|dimanche)\.?,? +"
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")


@dataclass(frozen=True)
class Reading:
    """How the times of a table are read.

    Parameters
    ----------
    relative : bool
        Numbers are seconds from an unknown origin.
    day_first : bool
        ``01/02/2024`` is the first of February.
    latest : int
        Microseconds since 1970 after which a time is impossible.
    """

    relative: bool
    day_first: bool
    latest: int


def _turned(*order: int) -> str:
    turned = "-".join(f"\\{group}" for group in order)
    # The common form costs one replacement; parts_of(x) costs a struct.
    return (
        f"CASE WHEN regexp_full_match(x, '{_PLAIN_SLASH}') THEN"
        f" try_cast(regexp_replace(x, '^([0-9]+)/([0-9]+)/([0-9]+)', '{turned}') AS TIMESTAMPTZ) END"
    )


def define(con: duckdb.DuckDBPyConnection) -> None:
    """Teach an engine, whose time zone is UTC, the macros that :func:`moment` uses."""
    spelled = "regexp_replace(strip_accents(lower(x)), '[ \\t]+', ' ', 'g')"
    zoned_iso = "lower(x)"
    for name, number in _ZONES.items():
        spelled = f"regexp_replace({spelled}, '\\b{name.lower()}\\b', '{number}')"
        zoned_iso = f"regexp_replace({zoned_iso}, '\\b{name.lower()}$', '{number}')"
    # "mar" is a Tuesday where a figure follows and a month elsewhere: "mar 5 mars" has both.
    spelled = f"regexp_replace({spelled}, '^{_DAYS}([0-9]+ [a-z])', '\\4')"
    spelled = f"regexp_replace({spelled}, '^(mon|tue|wed|thu|fri|sat|sun),? +', '')"
    for french, short in _MONTHS.items():
        spelled = f"regexp_replace({spelled}, '\\b{french}\\b\\.?', '{short}')"
    spelled = f"replace(regexp_replace({spelled}, ' (at|a|@|·) ', ' '), ',', ' ')"
    spelled = f"trim(regexp_replace({spelled}, ' +', ' ', 'g'))"
    spelled = f"regexp_replace({spelled}, '([0-9])(st|nd|rd|th|er)\\b', '\\1')"
    dates = ("%d %b %Y", "%b %d %Y", "%d-%b-%Y", "%d-%b-%y", "%Y %b %d")
    naive = [date + clock for date in dates for clock in _CLOCKS] + ["%b %d %H:%M:%S %Y"]
    zoned = [f"{form} %z" for form in naive] + ["%b %d %H:%M:%S %z %Y"]
    turned = _turned(3, 2, 1), _turned(3, 1, 2)
    macros = rf"""
seconds_of(x) AS try_cast(replace(x, ',', '.') AS DOUBLE);
by_size(v) AS CASE WHEN abs(v) < 100000000000 THEN v * 1000000 WHEN abs(v) < 100000000000000 THEN v * 1000
    WHEN abs(v) < 100000000000000000 THEN v ELSE v // 1000 END;
micros_of(x) AS CASE WHEN regexp_full_match(x, '[+-]?[0-9]{{1,18}}') THEN by_size(try_cast(x AS BIGINT))
    WHEN regexp_full_match(x, '[+-]?[0-9]{{19}}') THEN try_cast(x AS BIGINT) // 1000
    ELSE try_cast(round(by_size(seconds_of(x))) AS BIGINT) END;
serial_of(x) AS make_timestamptz(try_cast(round((seconds_of(x) - 25569) * 86400) AS BIGINT) * 1000000);
compact_of(x) AS timezone('UTC', CASE WHEN length(x) = 8 THEN try_strptime(x, '%Y%m%d')
    ELSE try_strptime(x, '%Y%m%d%H%M%S') END);
hyphened(x) AS regexp_replace(x, '^([0-9]{{4}})[./]([0-9]{{1,2}})[./]([0-9]{{1,2}})', '\1-\2-\3');
tight(x) AS replace(regexp_replace(hyphened(upper(x)), ' +([+-][0-9])', '\1'), ',', '.');
zoned(x) AS upper(regexp_replace({zoned_iso}, ' +([+-])', '\1'));
iso_of(x) AS coalesce(
    try_cast(x AS TIMESTAMPTZ), try_cast(tight(x) AS TIMESTAMPTZ), try_cast(zoned(x) AS TIMESTAMPTZ));
parts_of(x) AS regexp_extract(x, '{_SLASH}', ['a', 'b', 'y', 'h', 'm', 's', 'p', 'z']);
hour_of(p) AS CASE lower(p.p) WHEN 'p' THEN try_cast(p.h AS INTEGER) % 12 + 12
    WHEN 'a' THEN try_cast(p.h AS INTEGER) % 12 ELSE try_cast(p.h AS INTEGER) END;
clock_of(p) AS CASE WHEN p.h = '' THEN ' 00:00:00' ELSE ' ' || lpad(hour_of(p)::VARCHAR, 2, '0') || ':' || p.m
    || ':' || CASE WHEN p.s = '' THEN '00' ELSE p.s END END;
zone_of(p) AS CASE WHEN p.z IN ('UTC', 'GMT') THEN 'Z' ELSE p.z END;
year_of(p) AS CASE WHEN length(p.y) = 2 THEN '20' ELSE '' END || p.y;
slash_at(p, day, month) AS try_cast(
    year_of(p) || '-' || month || '-' || day || clock_of(p) || zone_of(p) AS TIMESTAMPTZ);
slash_by_day(x) AS coalesce({turned[0]}, slash_at(parts_of(x), parts_of(x).a, parts_of(x).b));
slash_by_month(x) AS coalesce({turned[1]}, slash_at(parts_of(x), parts_of(x).b, parts_of(x).a));
spelled_of(x) AS coalesce(
    try_strptime(x, ['%a %b %d %H:%M:%S %z %Y', '%a, %d %b %Y %H:%M:%S %z']),
    try_strptime({spelled}, {zoned}), timezone('UTC', try_strptime({spelled}, {naive})))
"""
    for macro in macros.split(";\n"):
        con.execute(f"CREATE MACRO {macro.strip()}").fetchall()


def shape_of(times: pa.Array) -> str | None:
    """Return the form that all times of a column have, where it is one that must not be told value by value.

    Parameters
    ----------
    times : pa.Array of string

    Returns
    -------
    {"digits", "iso", "compact", "serial", None}
        The first two read fast; ``20240501`` and ``45413.5`` are dates only
        where the whole column is such.
    """
    shapes = (("digits", _DIGITS), ("iso", _PLAIN_ISO), ("compact", _COMPACT), ("serial", _SERIAL))
    for shape, pattern in shapes:
        if len(times) and pc.all(pc.match_substring_regex(times, pattern), skip_nulls=True).as_py():
            return shape
    return None


def moment(column: str, reading: Reading, shape: str | None = None) -> tuple[str, str, str]:
    """Return expressions for the time of a text column, and for what is to be said of how it was read.

    Parameters
    ----------
    column : str
        Trimmed texts, null where empty.
    reading : Reading
    shape : str, optional
        Of :func:`shape_of`.

    Returns
    -------
    read : str
        TIMESTAMPTZ, to be named ``read_as``.
    time : str
        The same over ``read_as``, null where impossible; to be named ``time``.
    remark : str
        Over ``time``: ``impossible``, ``no_zone``, ``day_only``, ``serial``, or null.
    """
    x = column
    number = f"regexp_full_match({x}, '{_NUMBER}')"
    possible = f"CASE WHEN read_as BETWEEN {EARLIEST} AND make_timestamptz({reading.latest}) THEN read_as END"
    impossible = f"WHEN {x} IS NOT NULL AND time IS NULL THEN 'impossible'"
    if shape is not None and not reading.relative:
        read = {
            "digits": f"make_timestamptz(by_size(CAST({x} AS BIGINT)))",
            "iso": f"try_cast({x} AS TIMESTAMPTZ)",
            "compact": f"compact_of({x})",
            "serial": f"serial_of({x})",
        }[shape]
        remark = {
            "compact": f"CASE {impossible} WHEN length({x}) = 8 THEN 'day_only'"
            f" WHEN length({x}) = 14 THEN 'no_zone' END",
            "serial": f"CASE {impossible} WHEN {x} IS NOT NULL THEN 'serial' END",
        }.get(shape, f"CASE {impossible} END")
        return read, possible, remark
    if reading.relative:
        # An unknown origin leaves nothing by which the size of a number could be judged.
        seconds = f"CAST(round(seconds_of({x}) * 1000000) AS BIGINT)"
        sane = f"{number} AND abs(seconds_of({x})) < {_MOST_SECONDS}"
        read = f"CASE WHEN {sane} THEN make_timestamptz({seconds}) END"
        return read, "read_as", f"CASE {impossible} END"
    iso = f"regexp_full_match({x}, '{_ISO}')"
    slash = f"regexp_full_match({x}, '{_SLASH}')"
    read = (
        f"CASE WHEN {number} THEN try(make_timestamptz(micros_of({x}))) WHEN {iso} THEN iso_of({x})"
        f" WHEN {slash} THEN slash_by_{'day' if reading.day_first else 'month'}({x})"
        f" WHEN {x} IS NOT NULL THEN spelled_of({x}) END"
    )
    day = rf"regexp_full_match({x}, '[0-9]{{1,4}}[-/.][0-9]{{1,2}}[-/.][0-9]{{1,4}}|[^:]*[g-zG-Z][^:]*')"
    remark = (
        f"CASE {impossible} WHEN {number} THEN NULL"
        f" WHEN {day} AND NOT regexp_matches({x}, '[0-9][hH][0-9]') THEN 'day_only'"
        f" WHEN NOT regexp_full_match({x}, '{_ZONED}') THEN 'no_zone' END"
    )
    return read, possible, remark


def day_first(con: duckdb.DuckDBPyConnection, relation: str, column: str) -> tuple[bool, bool, bool]:
    """Say what the dates with slashes of a relation show.

    Returns
    -------
    any, day, month : bool
        Whether there are any; whether one can only be read day first, and
        only month first.
    """
    x = f"trim({column})"
    ((some, first, second),) = con.sql(
        f"SELECT count(*), max(try_cast(regexp_extract({x}, '{_SLASH}', 1) AS INTEGER)),"
        f" max(try_cast(regexp_extract({x}, '{_SLASH}', 2) AS INTEGER))"
        f" FROM {relation} WHERE regexp_full_match({x}, '{_SLASH}')"
    ).fetchall()
    return some > 0, (first or 0) > 12, (second or 0) > 12
