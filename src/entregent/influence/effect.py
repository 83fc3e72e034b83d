"""Effect of a person: the adoptions there were, minus those without the person's influence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entregent.clock import from_micros
from entregent.errors import InputError
from entregent.i18n import N, T
from entregent.influence.cascades import Cascades, cascades
from entregent.influence.diffusion import Diffusion, fit
from entregent.influence.effect_design import Comparison, Design, e_value
from entregent.influence.effect_posterior import Removal, removals
from entregent.progress import Progress, Quiet, check
from entregent.results import CannotTell, Estimate, Notice
from entregent.stats.intervals import check_level

__all__ = ["LEAST_FOLLOWED", "LEAST_ITEMS", "METHOD", "Effect", "effects", "warm"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

METHOD = "removal from fitted cascades"
DESIGN = "exposed against comparable others"
LEAST_ITEMS = 5
"""Items with known exposure below which nothing is told of a person."""

LEAST_FOLLOWED = 5
"""Adoptions after a chance to see an act of the person, below which nothing is told."""

LEAST_ELSEWHERE = 3
"""Adoptions on other items that half of those who followed must have, or their taste is not known."""

DRAWS = 200
_RESAMPLES = 1000


@dataclass(frozen=True)
class Effect:
    """What one person's influence changed in the period.

    Parameters
    ----------
    account : str
    total : Estimate or CannotTell
        Extra adoptions, downstream included: those there were, minus those
        there would have been had the person acted without influence.
    direct : Estimate or CannotTell
        Those of them that the person's own acts brought about.
    design : Estimate or CannotTell
        The direct part once more, by comparing people who were shown the
        person's acts with comparable others who were not.
    placebo : Estimate or CannotTell
        The same comparison around acts that the person did not do; about 0
        where the comparison is fair.
    agree : bool or None
        Whether the intervals of `direct` and `design` meet; None where one is missing.
    sensitivity : float or None
        E-value of `design`: with what risk ratio something unseen would have to
        be tied to exposure and to adopting to explain it away.
    sensitivity_low : float or None
        The same for the lower end of the interval; 1 where it holds 0.
    naive : int
        People and items that acted after an act of the person that they could see.
    items, people : int
        Items with known exposure, and different people who were exposed and acted.
    adoption, act : int64 arrays, shape (n_followed,)
        The evidence: adoptions after an act of the person, and that act, as
        places in the cascades.
    moved : float64 array, shape (n_followed,)
        Chance that the act brought the adoption about.
    notices : tuple of Notice
    """

    account: str
    total: Estimate | CannotTell
    direct: Estimate | CannotTell
    design: Estimate | CannotTell
    placebo: Estimate | CannotTell
    agree: bool | None
    sensitivity: float | None
    sensitivity_low: float | None
    naive: int
    items: int
    people: int
    adoption: Ints
    act: Ints
    moved: Floats
    notices: tuple[Notice, ...] = ()


def effects(
    known: Cascades,
    model: Diffusion | CannotTell,
    accounts: Sequence[str],
    *,
    rng: np.random.Generator,
    level: float = 0.9,
    draws: int = DRAWS,
    progress: Progress | None = None,
) -> tuple[Effect, ...]:
    """Estimate what each person's influence changed: with minus without.

    Parameters
    ----------
    known : Cascades
    model : Diffusion or CannotTell
        What :func:`entregent.influence.diffusion.fit` gave for them.
    accounts : sequence of str
        Ids of accounts.
    rng : numpy.random.Generator
    level : float
        Level of the intervals.
    draws : int
        Draws of what caused what; at least 50.
    progress : Progress, optional

    Returns
    -------
    tuple of Effect
        One for each of `accounts`, in the order given.

    Raises
    ------
    InputError
        For an account that is not in the cascades, another `level` or `draws`,
        or a model of other cascades.
    Cancelled
        Where `progress` says so.

    Notes
    -----
    The estimand is what happened minus what would have happened had the person
    done the same acts without any influence: people would still have seen
    them, and taken up what suits their own taste. Removal draws the causes of
    every adoption from their posterior (a Gibbs sampler over influence,
    susceptibility, ties and taste), takes out what the person moved, and all
    that came by it, unless another cause would have come later.

    The model can miss taste. How far it does is read off a placebo of its own: for
    many accounts, what their listeners did on items of like subject that the
    account never touched, against what the model expects there. The interval
    lets what people did of their own taste vary by as much.

    The comparison is doubly robust: a Poisson regression of adopting among
    those who were not exposed, and a logistic regression of being exposed, on
    taste, activity, exposures to others before and after, and usual hour; the
    item and the moment are the same by design. Being shown an act also lets
    people follow their own taste: that part is taken off with the number that
    the draws give. Its interval draws the items again.

    None of this proves an effect. Alike people listen to each other, and taste
    that shows in no adoption passes for influence (Shalizi and Thomas 2011).

    References
    ----------
    Aral, Muchnik, Sundararajan 2009, https://doi.org/10.1073/pnas.0908800106
    Shalizi, Thomas 2011, https://doi.org/10.1177/0049124111404820
    Robins, Rotnitzky, Zhao 1994, https://doi.org/10.1080/01621459.1994.10476818
    VanderWeele, Ding 2017, https://doi.org/10.7326/M16-2607

    Examples
    --------
    >>> import pyarrow as pa
    >>> from entregent.influence.cascades import cascades
    >>> from entregent.influence.diffusion import fit
    >>> alone = cascades(pa.table({"account": ["a", "b"], "item": ["x", "x"], "time": [1, 2]}))
    >>> rng = np.random.default_rng(1)
    >>> effects(alone, fit(alone, rng=rng), ["a"], rng=rng)[0].total.code
    'diffusion.no_exposure'
    """
    check_level(level)
    if draws < 50:
        raise InputError(f"draws is {draws}.", where="effect", valid=("50 or more",))
    progress = progress or Quiet()
    persons = _codes(known, accounts)
    if isinstance(model, CannotTell):
        return tuple(
            _untold(known, str(account), int(person), model)
            for account, person in zip(accounts, persons, strict=True)
        )
    removal = removals(known, model, persons, rng=rng, draws=draws, progress=progress)
    design = Design(known, model)
    progress.step("Compare the exposed with others", persons.size, "people")
    found = []
    for place, account in enumerate(accounts):
        found.append(_effect(known, removal, design, place, int(persons[place]), account, level, rng))
        progress.advance(1)
        check(progress)
    return tuple(found)


def _codes(known: Cascades, accounts: Sequence[str]) -> Ints:
    places = {name: code for code, name in enumerate(known.accounts.to_pylist())}
    for account in accounts:
        if account not in places:
            raise InputError(
                f"There is no account {account!r} in the cascades.",
                where="effect",
                do="Name an account that took an item up, or listens to one that did.",
            )
    return np.array([places[account] for account in accounts], dtype=np.int64)


def _untold(known: Cascades, account: str, person: int, why: CannotTell) -> Effect:
    none, number = np.empty(0, dtype=np.int64), int((known.account == person).sum())
    return Effect(
        account, why, why, why, why, None, None, None, 0, number, 0, none, none, np.empty(0, dtype=np.float64)
    )


def _effect(
    known: Cascades,
    removal: Removal,
    design: Design,
    place: int,
    person: int,
    account: str,
    level: float,
    rng: np.random.Generator,
) -> Effect:
    as_of = from_micros(known.end)
    mine = known.account[removal.act] == person
    event, act, moved = removal.event[mine], removal.act[mine], removal.moved[mine]
    reached = _exposing(known, design, person)
    followers = known.account[event]
    naive, people = int(event.size), int(np.unique(followers).size)
    listens = int(design.pointer[person + 1] - design.pointer[person])
    missing = _missing(listens, reached.size, naive, _elsewhere(known, event))
    evidence = (naive, int(reached.size), people, event, act, moved)
    if missing is not None:
        return Effect(account, missing, missing, missing, missing, None, None, None, *evidence)
    tail = (1 - level) / 2

    def interval(values: Floats, value: float, n: int, method: str) -> Estimate:
        low, high = np.quantile(values, [tail, 1 - tail], method="inverted_cdf")
        return Estimate.around(value, low, high, level, n, method, as_of)

    total, direct = removal.total[:, place], removal.direct[:, place]
    seen = removal.seen[:, place].astype(np.float64)
    wide_total, wide_direct = _widened(total, direct, naive, removal.misfit, rng)
    whole = interval(wide_total, float(total.mean()), naive, METHOD)
    part = interval(wide_direct, float(direct.mean()), naive, METHOD)

    def compared(found: Comparison | None, taste: Floats) -> Estimate | CannotTell:
        if found is None or found.item.size < LEAST_ITEMS:
            return _too_few_items(0 if found is None else found.item.size)
        values = found.resampled(rng, _RESAMPLES) - rng.choice(taste, _RESAMPLES)
        return interval(values, found.total - float(taste.mean()), found.exposed, DESIGN)

    comparison = design.person(person, rng)
    checked = compared(comparison, seen)
    fake = design.placebo(person, rng)
    placebo = compared(fake, np.zeros(1))
    agree = sensitivity = sensitivity_low = None
    notices: list[Notice] = []
    if isinstance(checked, Estimate) and comparison is not None:
        agree = checked.low <= part.high and part.low <= checked.high
        adopted = max(float(comparison.adopted.sum()), 1e-9)
        sensitivity = e_value(adopted, checked.value)
        sensitivity_low = e_value(adopted, checked.low)
        if not agree:
            text = T(
                "The fitted model and the comparison of exposed with other people do not agree: "
                "{model} against {design} extra adoptions at once.",
                model=round(part.value), design=round(checked.value),
            )  # fmt: skip
            notices.append(Notice("effect.disagree", text))
    if isinstance(placebo, Estimate) and not placebo.low <= 0 <= placebo.high:
        text = T(
            "The placebo is not 0: those who listen to this person act alike where the person did nothing."
        )
        notices.append(Notice("effect.placebo", text))
    return Effect(
        account, whole, part, checked, placebo, agree, sensitivity, sensitivity_low, *evidence, tuple(notices)
    )


def _widened(
    total: Ints, direct: Ints, naive: int, misfit: float, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Draws in which what people did of their own taste is larger or smaller than the model holds."""
    factor = np.exp(misfit * rng.standard_normal(direct.size) - misfit * misfit / 2)
    part = np.clip(direct - (naive - direct) * (factor - 1.0), 0.0, naive)
    usual = total.sum() / direct.sum() if direct.sum() else 1.0
    return part * np.where(direct > 0, total / np.maximum(direct, 1), usual), part


def _exposing(known: Cascades, design: Design, person: int) -> Ints:
    """Acts of the person that somebody who listens was shown and had not adopted before."""
    acts = np.flatnonzero((known.account == person) & known.shows)
    since = design.since[design.pointer[person] : design.pointer[person + 1]]
    first = since.min() if since.size else np.iinfo(np.int64).max
    return acts[known.time[acts] > first]


def _elsewhere(known: Cascades, event: Ints) -> float:
    """Adoptions on other items of those who followed, the middle one."""
    if not event.size:
        return 0.0
    counts = np.bincount(known.account, minlength=known.n_accounts)
    return float(np.median(counts[known.account[event]] - 1))


def _too_few_items(items: int) -> CannotTell:
    lacking = LEAST_ITEMS - items
    return CannotTell(
        "effect.too_few_items",
        N(
            "There is {n} item on which somebody could see what this person did.",
            "There are {n} items on which somebody could see what this person did.",
            items,
        ),
        N("{n} more item with known exposure.", "{n} more items with known exposure.", lacking),
    )


def _missing(listens: int, items: int, naive: int, elsewhere: float) -> CannotTell | None:
    if not listens:
        return CannotTell(
            "effect.no_listeners",
            T("Nobody is known to listen to this person."),
            T(
                "Who follows the person; or links, codes or answers to “who told you?”, "
                "which need no exposure."
            ),
        )
    if items < LEAST_ITEMS:
        return _too_few_items(items)
    if naive < LEAST_FOLLOWED:
        return CannotTell(
            "effect.too_few_followed",
            N(
                "{n} adoption followed a chance to see what this person did.",
                "{n} adoptions followed a chance to see what this person did.",
                naive,
            ),
            N("{n} more such adoption.", "{n} more such adoptions.", LEAST_FOLLOWED - naive),
        )
    if elsewhere < LEAST_ELSEWHERE:
        return CannotTell(
            "effect.taste_unknown",
            T(
                "Most of those who acted after this person acted on hardly anything else, "
                "so their taste is not known."
            ),
            T("A longer period or a wider topic, so that people who act are seen more than once."),
        )
    return None


def warm() -> None:
    """Compile the loops of effects now, so that nobody waits for it later."""
    acts = range(80)
    rows = {
        "account": [("shows", "follows")[act % 2] for act in acts],
        "item": [str(act // 2) for act in acts],
        "time": acts,
    }
    arcs = {"actor": ["follows", "other"], "target": ["shows", "follows"]}
    known = cascades(pa.table(rows), pa.table(arcs))
    rng = np.random.default_rng(1)
    effects(known, fit(known, rng=rng, turns=9), ["shows"], rng=rng, draws=50)
