"""From files of profiles and counts to what they show of an audience."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from typing import Any

import numpy as np
import pyarrow as pa

from entregent.authenticity.audience import Audience, audience
from entregent.authenticity.audience_model import learned
from entregent.authenticity.audience_profiles import LABEL, labels_of, profiles
from entregent.authenticity.growth import Event, FollowerMap, Growth, follower_map, growth
from entregent.clock import parse_moment
from entregent.errors import InputError
from entregent.sources.plain import read_table

__all__ = ["AudienceRequest", "GrowthRequest", "study_audience", "study_followers", "study_growth"]

SEED = 2026
KEYS = ("id", "username", "handle")
"""Columns by which labels find their followers, the first that both files have."""


@dataclass(frozen=True)
class AudienceRequest:
    """A sample of an audience and what to judge it by.

    Parameters
    ----------
    path : str
        File of follower profiles.
    reference : str, optional
        File of profiles of the same platform that people judged.
    labels : str, optional
        File of ``id`` and ``is_fake`` of followers drawn at random from the sample.
    level : float
    seed : int
    as_of : datetime, optional
        When the sample was taken.
    """

    path: str
    reference: str | None = None
    labels: str | None = None
    level: float = 0.9
    seed: int = SEED
    as_of: datetime | None = None


@dataclass(frozen=True)
class GrowthRequest:
    """A series of counts and what is known to have happened.

    Parameters
    ----------
    path : str
        File with columns ``time`` (or ``date``) and ``followers``.
    events : str, optional
        File with columns ``time`` (or ``date``) and ``name``.
    zone : tzinfo
        Of times that name none.
    """

    path: str
    events: str | None = None
    zone: tzinfo = field(default=UTC)


def study_audience(request: AudienceRequest) -> Audience:
    """Return what the sample shows.

    Raises
    ------
    InputError
        For a file or column that cannot be used, or neither reference nor labels.
    """
    table = read_table(request.path)
    rng = np.random.default_rng(request.seed)
    labels = None
    if request.labels is not None:
        labels = _joined(table, read_table(request.labels), request)
    elif LABEL in table.column_names:
        labels = labels_of(table)
    reference = None
    if request.reference is not None:
        judged = read_table(request.reference)
        shared = tuple(name for name in profiles(judged).traits if name in profiles(table).traits)
        reference = learned(judged, rng, traits=shared)
    return audience(table, reference, rng, labels=labels, level=request.level, as_of=request.as_of)


def _joined(
    table: pa.Table, labels: pa.Table, request: AudienceRequest
) -> np.ndarray[Any, np.dtype[np.float64]]:
    keys = [name for name in KEYS if name in table.column_names and name in labels.column_names]
    if not keys:
        raise InputError(
            "Nothing says which follower a label is about.",
            where=request.labels,
            valid=KEYS,
            do=f"Give both files one of these columns, and {LABEL} to the labels.",
        )
    key = keys[0]
    judged = labels_of(labels)
    known = dict(zip(map(str, labels[key].to_pylist()), judged.tolist(), strict=True))
    found = np.array([known.get(str(name), np.nan) for name in table[key].to_pylist()], np.float64)
    if np.isnan(found).all():
        raise InputError(
            f"None of the {len(known)} labels is about a follower of the sample.",
            where=request.labels,
            do=f"Check the column {key} of both files.",
        )
    return found


def study_growth(request: GrowthRequest) -> Growth:
    """Return the jumps of a series.

    Raises
    ------
    InputError
        For a file, column or time that cannot be used.
    """
    table = read_table(request.path)
    times = _moments(table, ("time", "date", "day"), request.path, request.zone)
    if "followers" not in table.column_names:
        raise InputError("There is no column 'followers'.", where=request.path, valid=table.column_names)
    counts = [_count(value, request.path, row) for row, value in enumerate(table["followers"].to_pylist(), 2)]
    events: list[Event] = []
    if request.events is not None:
        listed = read_table(request.events)
        if "name" not in listed.column_names:
            raise InputError("There is no column 'name'.", where=request.events, valid=listed.column_names)
        when = _moments(listed, ("time", "date", "day"), request.events, request.zone)
        events = [
            Event(time, str(name))
            for time, name in zip(when, listed["name"].to_pylist(), strict=True)
            if time
        ]
    timed = [(time, count) for time, count in zip(times, counts, strict=True) if time is not None]
    return growth([time for time, _ in timed], [count for _, count in timed], events)


def study_followers(path: str, zone: tzinfo = UTC) -> FollowerMap:
    """Return the map of followers of a file.

    Parameters
    ----------
    path : str
        One row a follower: ``created_at``, and ``followed_at`` unless the first
        row is the first follower.
    zone : tzinfo
        Of times that name none.

    Returns
    -------
    FollowerMap

    Raises
    ------
    InputError
        For a file, column or time that cannot be used.
    """
    table = read_table(path)
    created = _moments(table, ("created_at",), path, zone)
    if "followed_at" in table.column_names:
        followed = _moments(table, ("followed_at",), path, zone)
        timed = [(when, made) for when, made in zip(followed, created, strict=True) if when is not None]
        created = [made for _, made in sorted(timed, key=lambda pair: pair[0])]
    return follower_map(created)


def _moments(table: pa.Table, names: tuple[str, ...], path: str, zone: tzinfo) -> list[datetime | None]:
    name = next((name for name in names if name in table.column_names), None)
    if name is None:
        raise InputError(
            f"There is no column {names[0]!r}.",
            where=path,
            valid=table.column_names,
            do="Rename the one that it is.",
        )
    return [_moment(value, f"{path}:{row}", zone) for row, value in enumerate(table[name].to_pylist(), 2)]


def _moment(value: Any, where: str, zone: tzinfo) -> datetime | None:
    if value is None or value == "":
        return None
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=zone)
    try:
        return parse_moment(str(value), zone)
    except InputError as error:
        raise InputError(error.what, where=where, valid=error.valid, do=error.do) from error


def _count(value: Any, path: str, row: int) -> int | None:
    if value is None or value == "":
        return None
    try:
        return int(value)
    except ValueError as error:
        raise InputError(
            f"{value!r} is no count.",
            where=f"{path}:{row}",
            valid=("whole numbers", "nothing, where it is hidden"),
        ) from error
