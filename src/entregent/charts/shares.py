"""Parts of a whole as horizontal bars: languages, kinds of acts, anything countable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from entregent.charts.label import KINDS
from entregent.charts.spec import HATCH, Chart, Column, Role
from entregent.errors import InputError
from entregent.i18n import N, T, Text

__all__ = ["bars", "kinds", "languages"]

_MOST_BARS = 8
OTHER = "*"
"""Code of the bar that holds all that have none of their own."""


def bars(
    id: str,
    key: Column,
    codes: Sequence[str | None],
    counts: Sequence[int],
    *,
    title: Text,
    alt: Text,
    unit: Text,
    source: Text | None = None,
    most: int = _MOST_BARS,
) -> Chart:
    """Draw counts and shares, largest first, the rest in one bar, unknown hatched and last.

    Parameters
    ----------
    id : str
        Name of the chart.
    key : Column
        How codes are shown.
    codes : sequence of str or None, shape (n_parts,)
        None is unknown: it counts in the whole and is drawn open and hatched.
    counts : sequence of int, shape (n_parts,)
    title, alt, unit, source : Text
        As in :class:`~entregent.charts.spec.Chart`.
    most : int
        Most bars besides "other" and unknown.

    Returns
    -------
    Chart
        Shares in [0, 1] of the sum of `counts`.
    """
    if len(codes) != len(counts):
        raise InputError(f"{len(codes)} codes were given for {len(counts)} counts.")
    known = sorted(
        ((code, count) for code, count in zip(codes, counts, strict=True) if code is not None),
        key=lambda part: (-part[1], part[0]),
    )
    unknown = sum(count for code, count in zip(codes, counts, strict=True) if code is None)
    kept: list[tuple[str | None, int]] = [*known[:most]]
    if len(known) == most + 1:
        kept.append(known[most])
    elif len(known) > most + 1:
        kept.append((OTHER, sum(count for _, count in known[most:])))
    if unknown:
        kept.append((None, unknown))
    whole = sum(counts) or 1
    data = pa.table(
        {
            key.name: pa.array([code for code, _ in kept], pa.string()),
            "count": pa.array([count for _, count in kept], pa.int64()),
            "share": pa.array([count / whole for _, count in kept], pa.float64()),
            "unknown": pa.array([code is None for code, _ in kept], pa.bool_()),
        }
    )
    return Chart(
        id=id,
        title=title,
        alt=alt,
        unit=unit,
        source=source,
        columns=(key, Column("count", T("count"), "count"), Column("share", T("share"), "share")),
        data=data,
        view=_view(key, data.num_rows),
    )


def languages(codes: Sequence[str | None], counts: Sequence[int], *, source: Text | None = None) -> Chart:
    """Draw the languages of posts.

    Parameters
    ----------
    codes : sequence of str or None, shape (n_languages,)
        BCP 47 codes; None where the language is not known.
    counts : sequence of int, shape (n_languages,)
        Posts.
    source : Text, optional

    Returns
    -------
    Chart
    """
    known = [count for code, count in zip(codes, counts, strict=True) if code is not None]
    title = (
        N(
            "All posts whose language is known are in one language",
            "{n} languages: the first one carries {percent}%",
            len(known),
            percent=round(100 * max(known) / sum(known)),
        )
        if sum(known)
        else T("No language is known")
    )
    return bars(
        "languages",
        Column("language", T("language"), "language"),
        codes,
        counts,
        title=title,
        alt=T("Horizontal bars: posts by language. The numbers are in the table beside."),
        unit=T("posts, and their share of all posts"),
        source=source,
    )


def kinds(codes: Sequence[str | None], counts: Sequence[int], *, source: Text | None = None) -> Chart:
    """Draw the kinds of acts.

    Parameters
    ----------
    codes : sequence of str or None, shape (n_kinds,)
        Kinds of :mod:`entregent.records`.
    counts : sequence of int, shape (n_kinds,)
        Acts.
    source : Text, optional

    Returns
    -------
    Chart
    """
    parts = [(count, code) for code, count in zip(codes, counts, strict=True) if code is not None]
    largest = max(parts, default=(0, ""))
    title = (
        T(
            "Mostly {kind}: {percent}%",
            percent=round(100 * largest[0] / sum(counts)),
            kind=KINDS.get(largest[1], largest[1]),
        )
        if largest[0]
        else T("Nobody acted on what was said")
    )
    return bars(
        "kinds",
        Column("kind", T("kind of act"), "label", KINDS),
        codes,
        counts,
        title=title,
        alt=T("Horizontal bars: acts by kind. The numbers are in the table beside."),
        unit=T("acts, and their share of all acts"),
        source=source,
    )


def _view(key: Column, rows: int) -> dict[str, Any]:
    row = {"field": "row", "type": "ordinal", "sort": None}
    return {
        "width": "container",
        "height": 28 * rows,
        "data": {"name": "main"},
        "encoding": {
            "y": {
                **row,
                "axis": {
                    "title": None,
                    "domain": False,
                    "ticks": False,
                    "labelLimit": 150,
                    "labelExpr": "data('main')[datum.value][names[0]]",
                    "labelColor": Role("ink"),
                },
            },
            "x": {
                "field": "share",
                "type": "quantitative",
                "axis": None,
                "scale": {"domainMin": 0, "nice": False, "range": [0, {"expr": "width - 96"}]},
            },
            "tooltip": [
                {"field": key.name, "type": "nominal", "title": key.header},
                {"field": "count", "type": "quantitative", "format": ",", "title": T("count")},
                {"field": "share", "type": "quantitative", "format": ".1%", "title": T("share")},
            ],
        },
        "params": [{"name": "names", "value": [key.name]}],
        "layer": [
            {
                "mark": {"type": "bar", "height": 14, "tooltip": True},
                "encoding": {
                    "fill": {
                        "condition": {"test": "datum.unknown", "value": HATCH},
                        "value": Role("bar"),
                    },
                    "stroke": {
                        "condition": {"test": "datum.unknown", "value": Role("muted")},
                        "value": None,
                    },
                },
            },
            {
                "mark": {
                    "type": "text",
                    "align": "left",
                    "dx": 8,
                    "color": Role("muted"),
                    "text": {
                        "expr": "(datum.share > 0 && datum.share < 0.005 ? '<\u00a0' : '')"
                        " + format(max(datum.share, datum.count > 0 ? 0.01 : 0), '.0%')"
                        " + ' \u00b7 ' + format(datum.count, ',')"
                    },
                }
            },
        ],
    }
