"""Effect of access that was given to units in steps: each against those not reached yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entregent.errors import InputError
from entregent.i18n import T
from entregent.influence.without_exposure import finite
from entregent.results import CannotTell, Estimate
from entregent.stats.intervals import check_level

__all__ = ["Staggered", "staggered"]

LEAST_UNITS = 8
_DRAWS = 1_999

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Staggered:
    """Effect of access given in steps.

    Parameters
    ----------
    effect : Estimate
        Per unit and period with access; bootstrap over units.
    before : Estimate or CannotTell
        The same number for the period before access, where it should be 0: where
        its interval does not hold 0, units were on different ways already.
    p : float
        Share of dealings of the starting periods to the units anew with an effect as far
        from 0; a proof only where the starts were drawn at random.
    units, never : int
        Units, and those of them that never got access.
    """

    effect: Estimate
    before: Estimate | CannotTell
    p: float
    units: int
    never: int


def staggered(
    outcomes: pa.Table,
    starts: Mapping[str, int],
    *,
    rng: np.random.Generator,
    level: float = 0.9,
    draws: int = _DRAWS,
) -> Staggered | CannotTell:
    """Effect of access given to units at different times: each against those not yet reached.

    Parameters
    ----------
    outcomes : pyarrow.Table
        unit (string), period (int), outcome (number), a row for each unit and period.
    starts : mapping of str to int
        First period with access, by unit; units that are not named never got it.
    rng : numpy.random.Generator
        For the bootstrap and the dealings.
    level : float
        Level of the intervals.
    draws : int
        Bootstrap samples, and dealings.

    Returns
    -------
    Staggered or CannotTell
        The latter below eight units, or where nobody was reached or everybody from the start.

    Raises
    ------
    InputError
        For missing or doubled rows, or a start of a unit that is not there.

    Notes
    -----
    For each unit i reached at g and each period t from g on, the change of i
    since g - 1 less the mean change of the units not reached by t (Callaway
    and Sant'Anna 2021, weights by cell). It assumes that without access all
    would have changed alike; `before` looks at whether they did.

    References
    ----------
    Callaway, Sant'Anna 2021, https://doi.org/10.1016/j.jeconom.2020.12.001

    Examples
    --------
    >>> rng = np.random.default_rng(4)
    >>> starts = {f"u{i}": 3 + i % 4 for i in range(12)}
    >>> rows = [(f"u{i}", t, 5 + t + 2 * (t >= starts.get(f"u{i}", 99)) + rng.normal(0, 1.0))
    ...         for i in range(16) for t in range(8)]
    >>> unit, period, outcome = zip(*rows)
    >>> found = staggered(pa.table({"unit": unit, "period": period, "outcome": outcome}), starts, rng=rng)
    >>> found.effect.low < 2 < found.effect.high, found.p < 0.01
    (True, True)
    """
    level = check_level(level)
    values, units, periods = _panel(outcomes)
    strangers = sorted(set(starts) - set(units))
    if strangers:
        raise InputError(
            f"{strangers[0]!r} has a start and no outcomes.", where="staggered", valid=units[:10]
        )
    if draws < 99:
        raise InputError(f"draws is {draws}.", where="staggered", valid=("a whole number from 99",))
    place = {period: at for at, period in enumerate(periods)}
    begin = np.array([_at(starts.get(unit), place, periods) for unit in units])
    fits = (begin >= 1) & (begin < len(periods))
    if len(units) < LEAST_UNITS or not fits.any() or not (begin > begin[fits].min()).any():
        return CannotTell(
            "staggered.nothing_to_compare",
            T(
                "Units: {units}; reached within the period: {reached}.",
                units=len(units),
                reached=int(fits.sum()),
            ),
            T(
                "At least {least} units, some reached later than others or never, and a period before.",
                least=LEAST_UNITS,
            ),
        )
    value = _effect(values, begin)
    sampled, leads = [], []
    for _ in range(draws):
        chosen = rng.integers(len(units), size=len(units))
        sampled.append(_effect(values[chosen], begin[chosen]))
        leads.append(_lead(values[chosen], begin[chosen]))
    lead = _lead(values, begin)
    dealt = np.array([_effect(values, rng.permutation(begin)) for _ in range(draws)])
    p = (1 + int((np.abs(dealt) >= abs(value) - 1e-12).sum())) / (draws + 1)
    none = CannotTell(
        "staggered.no_period_before",
        T("No unit has two periods before access."),
        T("Outcomes of two periods before the first start."),
    )
    return Staggered(
        _bootstrapped(value, np.array(sampled), level, len(units)),
        none if np.isnan(lead) else _bootstrapped(lead, np.array(leads), level, len(units)),
        p, len(units), int((begin >= len(periods)).sum()),
    )  # fmt: skip


def _panel(outcomes: pa.Table) -> tuple[Floats, list[str], list[int]]:
    missing = [name for name in ("unit", "period", "outcome") if name not in outcomes.column_names]
    if missing:
        raise InputError(f"The outcomes have no column {missing[0]!r}.", where="staggered",
                         valid=("unit", "period", "outcome"))  # fmt: skip
    unit, period = outcomes["unit"].to_pylist(), outcomes["period"].to_pylist()
    units, periods = sorted(set(unit)), sorted(set(period))
    rows = {name: at for at, name in enumerate(units)}
    columns = {moment: at for at, moment in enumerate(periods)}
    values = np.full((len(units), len(periods)), np.nan)
    for name, moment, value in zip(
        unit, period, finite(outcomes["outcome"].to_numpy(), "outcome"), strict=True
    ):
        if not np.isnan(values[rows[name], columns[moment]]):
            raise InputError(
                f"{name!r} has two rows for period {moment}.", where="staggered", valid=("one row",)
            )
        values[rows[name], columns[moment]] = value
    if np.isnan(values).any():
        at, when = np.argwhere(np.isnan(values))[0]
        raise InputError(f"{units[at]!r} has no row for period {periods[when]}.", where="staggered",
                         do="Give each unit a row for each period, 0 where nothing happened.")  # fmt: skip
    return values, units, periods


def _at(start: int | None, place: Mapping[int, int], periods: list[int]) -> int:
    """Return the place of a start among the periods; their number where there is none within them."""
    if start is None:
        return len(periods)
    return place.get(start, int(np.searchsorted(periods, start)))


def _effect(values: Floats, begin: NDArray[np.int64]) -> float:
    """Return the mean change since just before access, over cells, less that of units not reached yet."""
    total, cells = 0.0, 0
    for start in np.unique(begin[(begin >= 1) & (begin < values.shape[1])]):
        mine = begin == start
        for moment in range(start, values.shape[1]):
            others = begin > moment
            if others.any():
                change = values[:, moment] - values[:, start - 1]
                total += float((change[mine] - change[others].mean()).sum())
                cells += int(mine.sum())
    return total / cells if cells else float("nan")


def _lead(values: Floats, begin: NDArray[np.int64]) -> float:
    """Return the same for the period before access, when there was none yet."""
    total, cells = 0.0, 0
    for start in np.unique(begin[(begin >= 2) & (begin < values.shape[1])]):
        mine, others = begin == start, begin > start
        if others.any():
            change = values[:, start - 1] - values[:, start - 2]
            total += float((change[mine] - change[others].mean()).sum())
            cells += int(mine.sum())
    return total / cells if cells else float("nan")


def _bootstrapped(value: float, sampled: Floats, level: float, n: int) -> Estimate:
    tail = (1 - level) / 2
    # Few units: the spread of resampled means is too small by n / (n - 1).
    wider = value + (sampled[np.isfinite(sampled)] - value) * np.sqrt(n / (n - 1))
    low, high = np.quantile(wider, (tail, 1 - tail))
    return Estimate.around(value, low, high, level, n, "staggered access, bootstrap over units")
