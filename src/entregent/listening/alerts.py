"""Alerts within a promised budget of false ones.

A count is compared with what the same time of day had in the week before;
how far it is off is compared with how far it has ever been off in the eight
weeks before. The height that calls is the one that would have called as often
as the budget says. See :doc:`/explanation/alerts`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entregent.clock import Period, to_micros
from entregent.errors import InputError
from entregent.i18n import T, Text
from entregent.listening.alert_kernels import departures, raised
from entregent.listening.query import Query
from entregent.listening.series import Series, count_slots
from entregent.results import CannotTell, Estimate

__all__ = ["Alert", "Alerts", "BackTest", "QuietHours", "Rule", "alerts", "back_test", "surprise", "warm"]

DAY = timedelta(days=1)
WEEK = timedelta(weeks=1)
LEVEL = 0.9
DAYS_BEFORE = 7
AROUND = timedelta(minutes=90)
STEPS_AROUND = 6
LEAST_BEFORE = STEPS_AROUND * 2 + 1
DIP = 0.25
SPREADS = {
    timedelta(hours=1): 2.05,
    timedelta(hours=3): 1.73,
    timedelta(hours=6): 1.52,
    timedelta(hours=12): 1.42,
}
"""Lengths to sum over, and the distance that one day in ten of a calm watch goes beyond.

Like the two below measured on simulated calm watches: ``benchmarks/alerts.py --calm``.
"""
# fmt: off
CALM = np.array((
    1.252, 0.982, 0.858, 0.773, 0.706, 0.657, 0.611, 0.563, 0.518, 0.473,
    0.432, 0.394, 0.354, 0.301, 0.257, 0.201, 0.145, 0.069, -0.033, -0.178,
))
# fmt: on
"""Heights of the peaks of a calm watch that lie half a day apart, at twenty even chances."""
CALM_PER_WEEK = 9.7


@dataclass(frozen=True)
class QuietHours:
    """When nobody is to be woken.

    Parameters
    ----------
    start, end : time
        In the team's zone; may pass midnight.
    zone : tzinfo
    """

    start: time
    end: time
    zone: tzinfo

    def delivery(self, moment: datetime) -> datetime:
        """Return when an alert of this moment is told.

        >>> from datetime import UTC
        >>> night = QuietHours(time(22), time(7), UTC)
        >>> night.delivery(datetime(2026, 1, 1, 23, tzinfo=UTC))
        datetime.datetime(2026, 1, 2, 7, 0, tzinfo=datetime.timezone.utc)
        """
        local = moment.astimezone(self.zone)
        clock = local.time()
        if self.start <= self.end:
            quiet, tomorrow = self.start <= clock < self.end, False
        else:
            quiet, tomorrow = clock >= self.start or clock < self.end, clock >= self.start
        if not quiet:
            return moment
        day = local.date() + (DAY if tomorrow else timedelta(0))
        return datetime.combine(day, self.end, self.zone).astimezone(moment.tzinfo)


@dataclass(frozen=True)
class Rule:
    """When to alert.

    Parameters
    ----------
    budget : float
        False alerts a week that are accepted, above 0 and at most 7.
    lengths : tuple of timedelta
        The last hours are summed over each of these lengths; keys of
        :data:`SPREADS`.
    history : timedelta
        How far back the watch is compared with itself.
    apart : timedelta
        Two alerts of one watch are at least so far apart; what goes on is
        the same event.
    quiet : QuietHours, optional
    """

    budget: float = 1.0
    lengths: tuple[timedelta, ...] = (timedelta(hours=6),)
    history: timedelta = 8 * WEEK
    apart: timedelta = DAY / 2
    quiet: QuietHours | None = None

    def __post_init__(self) -> None:
        if not 0 < self.budget <= 7:
            raise InputError(
                f"A budget of {self.budget} false alerts a week.", valid=("above 0 and at most 7",)
            )
        if not self.lengths or set(self.lengths) - set(SPREADS):
            raise InputError(
                f"Sums over {[str(length) for length in self.lengths]}.", valid=[str(key) for key in SPREADS]
            )
        if self.history < WEEK or self.apart < timedelta(hours=1):
            raise InputError(
                f"A history of {self.history}, alerts {self.apart} apart.",
                valid=("a history of a week at least", "an hour apart at least"),
            )


@dataclass(frozen=True)
class Alert:
    """One event that a watch calls for.

    Parameters
    ----------
    id : str
        The same whenever the same event is found again.
    watch : str
    raised : datetime
        End of the slot that raised it.
    until : datetime
        End of the last slot in which it went on.
    since : datetime
        Where the hours that were summed begin.
    seen : float
        Posts in those hours, scaled up where a part of them is unknown.
    expected : Estimate or CannotTell
        Median of the same hours of the seven days before, and the 0.9
        interval of those days.
    height, threshold : float
        How unusual the hours are, and what would have been passed as often as
        the budget says.
    tell_at : datetime
        When to tell people: `raised`, or the end of the quiet hours.
    """

    id: str
    watch: str
    raised: datetime
    until: datetime
    since: datetime
    seen: float
    expected: Estimate | CannotTell
    height: float
    threshold: float
    tell_at: datetime

    @property
    def text(self) -> Text:
        """What happened, for people."""
        if isinstance(self.expected, CannotTell):
            return T(
                "“{watch}”: {seen} posts since {since}; what is usual is not known yet",
                watch=self.watch,
                seen=round(self.seen),
                since=self.since,
            )
        return T(
            "“{watch}”: {seen} posts since {since}; the same hours of the days before had {usual}, "
            "mostly between {low} and {high}",
            watch=self.watch,
            seen=round(self.seen),
            since=self.since,
            usual=round(self.expected.value),
            low=round(self.expected.low),
            high=round(self.expected.high),
        )


@dataclass(frozen=True)
class Alerts:
    """What a rule says of a series.

    Parameters
    ----------
    alerts : tuple of :class:`~entregent.listening.alerts.Alert`
        In order.
    heights, thresholds : ndarray of float64, shape (n_slots,)
        How unusual each slot is, and the height that calls; NaN and infinity
        where it cannot be told.
    ready : datetime
        Before this nothing is raised: less than a day is known.
    settled : datetime
        Before this a part of the past is borrowed from simulated calm
        watches, and the budget is a promise about watches like those.
    per_week : Estimate or CannotTell
        Alerts a week, with the 0.9 interval of a Poisson count.
    """

    alerts: tuple[Alert, ...]
    heights: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    ready: datetime
    settled: datetime
    per_week: Estimate | CannotTell


def surprise(series: Series, lengths: Sequence[timedelta]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Say how unusual each slot is, and which length of the sums says so.

    Parameters
    ----------
    series : Series
        Slots of at most an hour that divide a day.
    lengths : sequence of timedelta
        Keys of :data:`SPREADS`.

    Returns
    -------
    heights : ndarray of float64, shape (n_slots,)
        Distance of the last hours from the same hours of the seven days
        before, an hour and a half around included, in units of their spread;
        1 is passed on one calm day in ten. NaN where too little is known.
        Each slot knows only what was before it ended.
    which : ndarray of int64, shape (n_slots,)
        Number of the length that is farthest off.
    """
    if series.slot > min(lengths) or DAY % series.slot or any(length % series.slot for length in lengths):
        raise InputError(
            f"Slots of {series.slot} do not fit sums over {[str(length) for length in lengths]}.",
            valid=("1, 5, 10, 15, 20 or 30 minutes, an hour",),
        )
    heights = np.array([_departures(series, length)[2] / SPREADS[length] for length in lengths])
    filled = np.where(np.isnan(heights), -np.inf, heights)
    which = filled.argmax(axis=0)
    return np.where(np.isnan(heights).all(axis=0), np.nan, filled.max(axis=0)), which


def _departures(series: Series, length: timedelta) -> tuple[NDArray[np.float64], ...]:
    step = max(AROUND // STEPS_AROUND // series.slot, 1)
    band = max(int(AROUND / series.slot) // step, 1)
    least = min(LEAST_BEFORE, 2 * band + 1)
    found = departures(
        series.counts, length // series.slot, DAY // series.slot, step, band, DAYS_BEFORE, least
    )
    return tuple(found)


def alerts(series: Series, rule: Rule | None = None, *, watch: str = "") -> Alerts:
    """Go through a series in time and raise alerts within the budget.

    Parameters
    ----------
    series : Series
        Missing slots are neither calm nor loud.
    rule : Rule, optional
        One false alert a week unless told.
    watch : str
        Name or key of the watch.

    Returns
    -------
    Alerts
        Each depends only on slots that end no later than it was raised: the
        same call on a series that goes on longer finds the same alerts.

    Notes
    -----
    The peaks of the past eight weeks that lie half a day apart are put in
    order, and the threshold is the height that as many of them pass as the
    budget allows for that time. If the peaks to come are exchangeable with
    those of the past, the next one passes the k-th highest of n with chance
    k / (n + 1), whatever their distribution (Vovk, Gammerman & Shafer, 2005).
    Real events stay in the past that later ones are compared with, so after a
    great event the watch is less easily moved for eight weeks. In the first
    weeks what is missing of the past is borrowed from simulated calm watches.

    References
    ----------
    Vovk V., Gammerman A., Shafer G. (2005). Algorithmic Learning in a Random
    World. Springer. doi:10.1007/b106715

    Examples
    --------
    >>> from datetime import UTC
    >>> counts = np.random.default_rng(1).poisson(5.0, 21 * 288).astype(float)
    >>> counts[20 * 288 : 20 * 288 + 24] += 15
    >>> series = Series(datetime(2026, 1, 1, tzinfo=UTC), timedelta(minutes=5), counts)
    >>> [alert.raised.isoformat() for alert in alerts(series).alerts if alert.raised.day == 21]
    ['2026-01-21T00:30:00+00:00']
    """
    rule = rule or Rule()
    heights, which = surprise(series, rule.lengths)
    slot = series.slot
    first = int((DAY + AROUND + max(rule.lengths)) / slot)
    apart = int(rule.apart / slot)
    starts, ends, thresholds = raised(
        heights,
        first,
        apart,
        int(rule.apart * DIP / slot),
        int(WEEK / slot),
        int(rule.history / slot),
        rule.budget,
        CALM,
        CALM_PER_WEEK,
    )
    found = tuple(
        _alert(series, rule, watch, int(start), int(end), heights, thresholds, rule.lengths[which[start]])
        for start, end in zip(starts, ends, strict=True)
    )
    known = float(np.isfinite(heights[first:]).sum() * (slot / WEEK))
    return Alerts(
        found,
        heights,
        thresholds,
        series.time(first),
        series.time(first) + rule.history,
        _per_week(len(found), known, series.end),
    )


def _alert(
    series: Series,
    rule: Rule,
    watch: str,
    start: int,
    end: int,
    heights: NDArray[np.float64],
    thresholds: NDArray[np.float64],
    length: timedelta,
) -> Alert:
    moment = series.time(start + 1)
    name = f"{watch}\x1f{to_micros(moment)}"
    slots = length // series.slot
    seen, usual = _seen_and_usual(series, start, slots)
    return Alert(
        hashlib.sha256(name.encode()).hexdigest()[:16],
        watch,
        moment,
        series.time(end + 1),
        series.time(start + 1 - slots),
        seen,
        usual,
        float(heights[start]),
        float(thresholds[start]),
        rule.quiet.delivery(moment) if rule.quiet else moment,
    )


def _seen_and_usual(series: Series, start: int, slots: int) -> tuple[float, Estimate | CannotTell]:
    """Return the sum that raised an alert and what the same hours had on the days before."""
    day = DAY // series.slot
    aside = max(int(AROUND / series.slot), 1)

    def total(last: int) -> float:
        part = series.counts[last + 1 - slots : last + 1]
        known = np.isfinite(part)
        return float(part[known].sum() * slots / known.sum()) if 2 * known.sum() >= slots else np.nan

    places = [start - back * day + off for back in range(1, DAYS_BEFORE + 1) for off in (-aside, 0, aside)]
    sums = np.array([total(place) for place in places if place >= slots - 1 and place <= start - slots])
    sums = sums[np.isfinite(sums)]
    if len(sums) < 3:
        needs = T("A day that was listened to without a gap")
        return total(start), CannotTell(
            "alert.no_past", T("Nothing is known of this time of day before"), needs
        )
    low, middle, high = np.quantile(sums, [(1 - LEVEL) / 2, 0.5, (1 + LEVEL) / 2])
    usual = Estimate(
        float(middle), float(low), float(high), LEVEL, len(sums), "alerts.same_hours", series.time(start + 1)
    )
    return total(start), usual


def _per_week(number: int, weeks: float, as_of: datetime) -> Estimate | CannotTell:
    if weeks < 1:
        return CannotTell(
            "alert.too_short",
            T("Less than a week was listened to"),
            T("A week of posts at least, eight for a promise that rests on the watch alone"),
        )
    from scipy import stats

    tail = (1 - LEVEL) / 2
    low = float(stats.gamma.ppf(tail, number)) if number else 0.0
    high = float(stats.gamma.ppf(1 - tail, number + 1))
    return Estimate(number / weeks, low / weeks, high / weeks, LEVEL, number, "alerts.per_week", as_of)


@dataclass(frozen=True)
class BackTest:
    """What a watch would have found and called.

    Parameters
    ----------
    posts : int
        Posts that match.
    of : int
        Posts that were looked at.
    series : Series
    alerts : Alerts
    """

    posts: int
    of: int
    series: Series
    alerts: Alerts


def back_test(
    query: Query,
    posts: pa.Table,
    period: Period,
    *,
    rule: Rule | None = None,
    slot: timedelta = timedelta(minutes=5),
    gaps: Sequence[Period] = (),
    watch: str = "",
) -> BackTest:
    """Try a watch and its alerts on stored posts before it goes live.

    Parameters
    ----------
    query : Query
    posts : pyarrow.Table
        Columns of :class:`~entregent.listening.atoms.Candidate`, and ``time``.
    period : Period
        What was listened to.
    rule : Rule, optional
    slot : timedelta
    gaps : sequence of Period
        When nobody listened.
    watch : str
        Name or key of the watch.

    Returns
    -------
    BackTest
        With the alerts that would have been raised live.
    """
    matched = query.match_table(posts)
    series = count_slots(posts.column("time").filter(matched), period, slot, gaps)
    return BackTest(matched.true_count, len(posts), series, alerts(series, rule, watch=watch))


def warm() -> None:
    """Compile the loops of alerts now, so that nobody waits for it later."""
    alerts(Series(datetime(2026, 1, 1, tzinfo=UTC), timedelta(hours=1), np.ones(72)))
