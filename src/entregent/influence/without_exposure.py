"""What can be said of a person's effect where nobody knows who saw what.

Three ways, from the weakest to the strongest: own links and codes, what people
say brought them, and access given at random or in steps. Only the last
compares with what would have happened otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from entregent.errors import InputError
from entregent.i18n import T
from entregent.results import CannotTell, Estimate
from entregent.stats.intervals import check_level, wilson

__all__ = ["Declared", "by_code", "declared_source", "finite", "randomised"]

LEAST_ANSWERS = 20
LEAST_GROUP = 10

Floats = NDArray[np.float64]


def by_code(
    used: int, *, would_have_anyway: int | None = None, answered: int | None = None, level: float = 0.9
) -> Estimate | CannotTell:
    """Count what a person's own link or code brought that would not have come anyway.

    Parameters
    ----------
    used : int
        Acts (orders, sign-ups) with the person's link or code.
    would_have_anyway, answered : int, optional
        Of those asked after the act, how many answered, and how many of these
        would have done the same without the person.
    level : float
        Level of the interval.

    Returns
    -------
    Estimate or CannotTell
        Extra acts among `used`: that number times the share who would not have
        come anyway, with its score interval (Wilson 1927). Without answers the
        extra acts lie anywhere between none and all: cannot tell.

    Raises
    ------
    InputError
        For counts that do not fit each other.

    Notes
    -----
    A code is also used by people who found it elsewhere, and not used by
    people who were moved and came another way: the first raises the number,
    the second lowers it. People say kindly of themselves that nobody moved them.

    Examples
    --------
    >>> round(by_code(200, would_have_anyway=30, answered=60).value)
    100
    """
    level = check_level(level)
    if used < 0:
        raise InputError(f"used is {used}.", where="by_code", valid=("a whole number from 0",))
    if (would_have_anyway is None) != (answered is None):
        raise InputError(
            "would_have_anyway and answered belong together.", where="by_code", do="Give both, or neither."
        )
    if would_have_anyway is None or answered is None:
        return CannotTell(
            "by_code.nobody_asked",
            T(
                "{used} acts came by the link or code; how many would have come anyway is not known.",
                used=used,
            ),
            T("Ask those who used it whether they would have come without the person."),
        )
    if not 0 <= would_have_anyway <= answered <= used:
        raise InputError(
            f"{would_have_anyway} of {answered} answers, of {used} acts, cannot be.",
            where="by_code",
            valid=("would_have_anyway at most answered, answered at most used",),
        )
    if answered < LEAST_ANSWERS:
        return CannotTell(
            "by_code.few_answers",
            T("Answers: {answered}.", answered=answered),
            T("At least {least} answers.", least=LEAST_ANSWERS),
        )
    share = wilson(answered - would_have_anyway, answered, level)
    value = used * (answered - would_have_anyway) / answered
    method = "code users who would not have come anyway, Wilson"
    return Estimate.around(value, used * float(share.low), used * float(share.high), level, answered, method)


@dataclass(frozen=True)
class Declared:
    """What people say brought them.

    Parameters
    ----------
    shares : dict of str to Estimate
        Share of those who answered, by source; all intervals hold at once.
    least, most : dict of str to float
        Share of all who were asked, were none or all of the silent to name the source.
    answered, asked : int
    """

    shares: dict[str, Estimate]
    least: dict[str, float]
    most: dict[str, float]
    answered: int
    asked: int


def declared_source(
    answers: Mapping[str, int], *, asked: int | None = None, level: float = 0.9
) -> Declared | CannotTell:
    """Share of people who name each source when asked "Who told you?".

    Parameters
    ----------
    answers : mapping of str to int
        How many named each source, one each.
    asked : int, optional
        How many were asked; those who answered unless told.
    level : float
        Level at which all intervals hold together.

    Returns
    -------
    Declared or CannotTell
        The latter below twenty answers.

    Raises
    ------
    InputError
        For negative counts, or more answers than people asked.

    Notes
    -----
    Score intervals, adjusted by Bonferroni over the sources (Goodman 1965). The
    bounds for those who did not answer assume nothing about them (Manski 1989).
    People name the last source they remember, and rather a person than an
    advertisement.

    References
    ----------
    Goodman 1965, https://doi.org/10.1080/00401706.1965.10490252
    Manski 1989, https://doi.org/10.2307/145818

    Examples
    --------
    >>> declared = declared_source({"Ana": 30, "a shop": 30, "do not know": 40}, asked=200)
    >>> round(declared.shares["Ana"].low, 2), declared.least["Ana"], declared.most["Ana"]
    (0.21, 0.15, 0.65)
    """
    level = check_level(level)
    wrong = [(name, count) for name, count in answers.items() if count < 0]
    if wrong:
        raise InputError(f"{wrong[0][1]} people named {wrong[0][0]!r}.", where="declared_source",
                         valid=("whole numbers from 0",))  # fmt: skip
    answered = sum(answers.values())
    asked = answered if asked is None else asked
    if asked < answered:
        raise InputError(
            f"{answered} answers of {asked} people asked.",
            where="declared_source",
            valid=("one answer each",),
        )
    if answered < LEAST_ANSWERS:
        return CannotTell(
            "declared_source.few_answers",
            T("Answers: {answered}.", answered=answered),
            T("At least {least} answers.", least=LEAST_ANSWERS),
        )
    each = 1 - (1 - level) / len(answers)
    shares, least, most = {}, {}, {}
    for name, count in answers.items():
        ends = wilson(count, answered, each)
        method = "declared source, simultaneous Wilson"
        shares[name] = Estimate.around(
            count / answered, float(ends.low), float(ends.high), level, answered, method
        )
        least[name] = count / asked
        most[name] = (count + asked - answered) / asked
    return Declared(shares, least, most, answered, asked)


def randomised(treated: ArrayLike, control: ArrayLike, *, level: float = 0.9) -> Estimate | CannotTell:
    """Effect of access that was given at random: difference of means, with Welch's interval.

    Parameters
    ----------
    treated, control : array_like of float, shapes (n,) and (m,)
        What units (shops, towns, weeks, people) did that were drawn, and that were not.
    level : float
        Level of the interval.

    Returns
    -------
    Estimate or CannotTell
        Per unit; the latter below ten units a side.

    Raises
    ------
    InputError
        For values that are not finite.

    References
    ----------
    Welch 1947, https://doi.org/10.1093/biomet/34.1-2.28

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> effect = randomised(rng.poisson(12, 40), rng.poisson(10, 40))
    >>> effect.low < 2 < effect.high
    True
    """
    level = check_level(level)
    one, two = finite(treated, "treated"), finite(control, "control")
    if min(len(one), len(two)) < LEAST_GROUP:
        return CannotTell(
            "randomised.few_units",
            T("Units with access: {one}, without: {two}.", one=len(one), two=len(two)),
            T("At least {least} on each side, drawn at random.", least=LEAST_GROUP),
        )
    value = float(one.mean() - two.mean())
    if one.var() == 0 and two.var() == 0:
        low = high = value
    else:
        low, high = stats.ttest_ind(one, two, equal_var=False).confidence_interval(level)
    return Estimate.around(value, low, high, level, len(one) + len(two), "randomised access, Welch")


def finite(values: ArrayLike, name: str) -> Floats:
    """Return values as numbers.

    Parameters
    ----------
    values : array_like of float, shape (n,)
    name : str
        What an error calls them.

    Returns
    -------
    float64 array, shape (n,)

    Raises
    ------
    InputError
        Where one is not finite.
    """
    array = np.asarray(values, dtype=np.float64).ravel()
    wrong = np.flatnonzero(~np.isfinite(array))
    if wrong.size:
        raise InputError(
            f"{name}[{wrong[0]}] is {array[wrong[0]]}.", where="influence", valid=("finite numbers",)
        )
    return array
