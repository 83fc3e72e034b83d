"""What moved whom: own accord, taste on sight and influence, learned from who acted and who did not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import optimize, special

from entregent.errors import InputError
from entregent.i18n import T
from entregent.influence.cascades import Cascades, cascades
from entregent.influence.diffusion_chances import MOST_BEFORE, Chances, chances_of, reached, returned
from entregent.influence.diffusion_kernels import attribute, grid_likelihood, weigh
from entregent.influence.diffusion_taste import Taste, circles, learn_taste
from entregent.network.graph import Graph
from entregent.progress import Progress, Quiet, check
from entregent.results import CannotTell, Notice

__all__ = ["Causes", "Diffusion", "causes", "chances", "fit", "warm"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_FOLLOWED = 30
_GRID = 24
_TASTE_TURNS = (5, 12)
# Influence must explain what taste does not: taste goes first.
_TASTE_ALONE = 8
_LEAST_TURNS = 20
PRIOR_DELAYS = 20.0
_HOUR = 3_600_000_000


@dataclass(frozen=True)
class Diffusion:
    """A fitted model of who moves whom; made by :func:`fit`.

    The chance that an act of b moves a, who listens to b and sees it, is
    about ``influence[b] * susceptibility[a] * tie[arc]``, spread over time by
    `spread`. Whether a would have acted anyway is the sum of two rates of
    taste: on finding the item alone, and on merely seeing it.

    Parameters
    ----------
    exposure : Graph
        An arc from a to b says that a listens to b; codes as in the cascades.
    influence, influence_low, influence_high : float64 array, shape (n_accounts,)
        Posterior mean, and the ends of the interval at `level`.
    posterior : float32 array, shape (n_accounts, n_grid)
        Posterior of the influence of each account over `grid`.
    grid, prior : float64 array, shape (n_grid,)
        Values of influence, the first one 0, and their shares among accounts.
    susceptibility : float64 array, shape (n_accounts,)
        1 on average.
    tie : float64 array, shape (n_arcs,)
        Strength of each arc of `exposure`, 1 on average.
    activity : float64 array, shape (n_accounts,)
        Shares of the adoptions of own accord.
    sight : float64 array, shape (n_accounts,)
        Chance to adopt an item of average affinity on merely seeing it.
    appeal, own : float64 array, shape (n_items,)
        How far items are taken up on sight, 1 on average; adoptions of own
        accord expected of each item.
    taste : Taste
    age_edges, age_spread : int64 array (n_ages + 1,), float64 array (n_ages,)
        Ages of items, microseconds, and the share of the adoptions of own accord in each.
    edges : int64 array, shape (n_bins + 1,)
        Delays, microseconds; the last one is the window.
    spread, sight_spread : float64 arrays, shape (n_bins,)
        Share of the influence of an act, and of the taste on seeing it, that
        falls within each delay.
    again : float64 array, shape (8,)
        What is left of the taste on sight at the first, second... chance to
        see the same item, 1 at the first; the last one holds for all later ones.
    shapes : dict of str to float
        Shapes of the gamma priors of the multipliers; the larger, the less people differ.
    half_life : float
        Hours after which half of the effect of an act is over.
    exposures, followed : float64 array, shape (n_accounts,)
        Chances that each account's acts gave to others, and how many of those
        were followed by an adoption within the window: the naive count.
    log_likelihood : tuple of float
        By turn.
    converged : bool
    n_chances, n_adoptions : int
        Chances to be moved, those not taken included, and adoptions that were no start.
    level : float
    notices : tuple of Notice
    """

    exposure: Graph
    influence: Floats
    influence_low: Floats
    influence_high: Floats
    posterior: NDArray[np.float32]
    grid: Floats
    prior: Floats
    susceptibility: Floats
    tie: Floats
    activity: Floats
    sight: Floats
    appeal: Floats
    own: Floats
    taste: Taste
    age_edges: Ints
    age_spread: Floats
    edges: Ints
    spread: Floats
    sight_spread: Floats
    again: Floats
    shapes: dict[str, float]
    half_life: float
    exposures: Floats
    followed: Floats
    log_likelihood: tuple[float, ...]
    converged: bool
    n_chances: int
    n_adoptions: int
    level: float
    notices: tuple[Notice, ...] = ()

    @property
    def turns(self) -> int:
        """Number of turns of the fit."""
        return len(self.log_likelihood)

    def check(self, known: Cascades, where: str) -> None:
        """Refuse cascades that the model was not fitted to.

        Raises
        ------
        InputError
            Named as coming from `where`.
        """
        if known.n_items != self.own.size or known.n_adoptions != self.taste.event.size:
            raise InputError(
                f"The model was fitted to {self.own.size} items, these are {known.n_items}.",
                where=where,
                do="Give the cascades that the model was fitted to.",
            )


@dataclass(frozen=True)
class Causes:
    """Shares of what brought each adoption about; made by :func:`causes`.

    Parameters
    ----------
    own : float64 array, shape (n_adoptions,)
        Of own accord without having seen it; 1 for starts.
    sight : float64 array, shape (n_adoptions,)
        Of own taste on seeing it, whoever showed it.
    indptr : int64 array, shape (n_adoptions + 1,)
    act : int32 array, shape (n_followed,)
        Earlier adoptions by accounts that the adopter listens to; those of
        adoption j are at ``indptr[j]:indptr[j + 1]``.
    share : float64 array, shape (n_followed,)
        Share of the influence of each of them. With `own` and `sight` they
        sum to 1 for every adoption.
    """

    own: Floats
    sight: Floats
    indptr: Ints
    act: NDArray[np.int32]
    share: Floats


class _State:
    """Parameters in the making."""

    def __init__(self, known: Cascades, rows: Chances, level: float) -> None:
        self.known, self.rows, self.level = known, rows, level
        self.own: Floats
        self.age_spread: Floats
        n, graph = known.n_accounts, known.exposure
        if graph is None:
            raise InputError("Nothing tells who could see whose acts.", where="diffusion")
        self.graph, self.n = graph, n
        self.item = known.item()
        self.starts = known.indptr[:-1]
        self.source = known.account[rows.act]
        self.hit_arc, self.hit_span = rows.arc[rows.rows], rows.span[rows.rows]
        self.hit_event, self.hit_before = rows.event[rows.rows], rows.before[rows.rows]
        self.hit_source = self.source[rows.rows]
        self.n_bins = rows.edges.size - 1
        width = np.diff(rows.edges) / _HOUR
        self.width = width
        self.spread = np.full(self.n_bins, 1.0 / self.n_bins)
        self.sight_spread = self.spread
        self.again: Floats = np.power(0.5, np.arange(MOST_BEFORE + 1.0))
        age = (known.time - np.repeat(known.started(), np.diff(known.indptr))).astype(np.float64)
        later = np.ones(age.size, dtype=np.bool_)
        later[self.starts] = False
        self.later = later
        top = max(float(age.max(initial=0.0)), float(known.end - known.start), 1.0)
        self.age_edges = np.unique(
            np.concatenate(([0], np.geomspace(max(top * 1e-5, 1.0), top + 1, 24))).astype(np.int64)
        )
        last = self.age_edges.size - 2
        self.age_bin = np.clip(np.searchsorted(self.age_edges, age, side="left") - 1, 0, last)
        self.age_width = np.diff(self.age_edges) / _HOUR
        self.age_spread = 0.5 + np.bincount(self.age_bin[later], minlength=last + 1).astype(np.float64)
        self.age_spread = self.age_spread / self.age_spread.sum()
        self.watched = np.clip(known.end - known.started(), 0, self.age_edges[-1])
        rate = max(rows.rows.size, 1) / max(rows.size, 1)
        self.grid = np.concatenate(([0.0], rate * np.geomspace(2.0**-3, 2.0**7, _GRID - 1)))
        self.prior = np.concatenate(([0.3], np.full(_GRID - 1, 0.7 / (_GRID - 1))))
        self.posterior = np.tile(self.prior, (n, 1))
        self.influence = np.zeros(n)
        self.susceptibility, self.tie = np.ones(n), np.ones(graph.m)
        self.reciprocal = returned(graph)
        self.activity = (np.bincount(known.account[later], minlength=n) + 0.5) / (later.sum() + 0.5 * n)
        self.sight, self.appeal = np.full(n, rate), np.ones(known.n_items)
        self.own = 0.1 + 0.5 * np.bincount(self.item[later], minlength=known.n_items).astype(np.float64)
        self.shape = {
            "susceptibility": 3.0,
            "tie": 3.0,
            "sight": 2.0,
            "appeal": 2.0,
            "activity": 1.0,
            "own": 1.0,
        }
        self.share_own = np.where(later, 0.5, 1.0)

    def learn(self, taste: Taste) -> None:
        """Take on a new taste."""
        self.taste = taste
        self.fit = taste.of_chances(self.rows, self.item)

    def pull(self) -> Floats:
        """Chance by arc."""
        return self.influence[self.graph.indices] * self.susceptibility[self.rows.tail] * self.tie

    def shares(self) -> tuple[Floats, Floats, Floats, Floats]:
        """Own accord by adoption; influence and taste on sight by chance taken; rate by adoption."""
        known, rows = self.known, self.rows
        own = (
            self.own[self.item] * self.activity[known.account] * self.taste.event
            * (self.age_spread / self.age_width)[self.age_bin]
        )  # fmt: skip
        own[self.starts] = 1.0
        moved, seen, total = np.empty(rows.rows.size), np.empty(rows.rows.size), np.empty(own.size)
        density = np.append(self.spread / self.width, 0.0)
        sight_density = np.append(self.sight_spread / self.width, 0.0)
        attribute(
            rows.pointer, rows.rows, rows.arc, rows.span, rows.before, self.item, known.account, self.pull(),
            self.sight, self.appeal, self.taste.event, density, sight_density, self.again, own, moved, seen,
            total,
        )  # fmt: skip
        return own, moved, seen, total

    def turn(self, number: int) -> float:
        """One turn of expectation and maximisation; returns the log likelihood before it."""
        known, rows = self.known, self.rows
        own, moved, seen, total = self.shares()
        by_arc = _added(rows.arc, reached(self.spread)[rows.span], self.graph.m)
        tail, head = rows.tail, self.graph.indices
        by_account, by_item, by_before = np.zeros(self.n), np.zeros(known.n_items), np.zeros(MOST_BEFORE + 1)
        weigh(
            rows.act, rows.arc, rows.span, rows.before, self.item, tail, self.fit,
            reached(self.sight_spread), self.again, self.sight, self.appeal,
            by_account, by_item, by_before,
        )  # fmt: skip
        mass = np.concatenate(([0.0], np.cumsum(self.age_spread)))
        watched = np.interp(self.watched, self.age_edges, mass)
        expected = float((self.own * watched).sum() + (self.sight * by_account).sum() + self.pull() @ by_arc)
        value = float(np.log(np.maximum(total[self.later], 1e-300)).sum()) - expected

        later_own = np.where(self.later, own, 0.0)
        self._own(later_own, watched)
        if number >= _TASTE_ALONE:
            self._influence(moved, total, by_arc)
        moved_by_arc = _added(self.hit_arc, moved, self.graph.m)
        drive = self.influence[head] * self.tie * by_arc
        self.susceptibility = self._gamma(
            "susceptibility",
            _added(tail, moved_by_arc, self.n),
            _added(tail, drive, self.n),
        )
        drive = self.influence[head] * self.susceptibility[tail] * by_arc
        mean = np.ones(self.graph.m)
        for kind in (self.reciprocal, ~self.reciprocal):
            if kind.any():
                mean[kind] = (moved_by_arc[kind].sum() + 1.0) / (drive[kind].sum() + 1.0)
        self.tie = mean * self._gamma("tie", moved_by_arc, drive * mean)
        held = float((self.tie * by_arc).sum() / max(by_arc.sum(), 1e-300))
        if held > 0:
            self.tie /= held
            self.influence = self.influence * held
        seen_by = _added(known.account[self.hit_event], seen, self.n)
        seen_item = _added(self.item[self.hit_event], seen, known.n_items)
        if number % 2 == 0:
            base = (seen_by.sum() + 1e-9) / max(by_account.sum(), 1e-9)
            self.sight = base * self._gamma("sight", seen_by, base * by_account)
        else:
            self.appeal = self._gamma("appeal", seen_item, by_item)
        self._again(seen, by_before)
        self._spreads(moved, seen, later_own)
        self.share_own = np.minimum(own + _added(self.hit_event, seen, own.size), 1.0)
        return value

    def _own(self, own: Floats, watched: Floats) -> None:
        known = self.known
        group, n_groups = known.group + 1, int(known.group.max(initial=-1)) + 2
        by_item = _added(self.item, own, known.n_items)
        base = (_added(group, by_item, n_groups) + 0.01) / (_added(group, watched, n_groups) + 0.01)
        self.own = base[group] * self._gamma("own", by_item, base[group] * watched)
        load = self.taste.account * self.taste.scale
        drive = load @ (self.taste.item * (self.own * watched)[:, None]).sum(axis=0)
        by_account = _added(known.account, own, self.n)
        base_rate = (by_account.sum() + 0.01) / max(drive.sum(), 1e-9)
        self.activity = base_rate * self._gamma("activity", by_account, base_rate * drive)
        self.activity /= self.activity.sum()

    def _gamma(self, name: str, count: Floats, expected: Floats) -> Floats:
        """Posterior mean of multipliers with mean 1, and their common shape by marginal likelihood."""
        k = self.shape[name]
        touched = expected > 1e-12
        mean = np.where(touched, (k + count) / (k + expected), 1.0)
        if touched.any():
            c, e = count[touched], expected[touched]

            def loss(log_shape: float) -> float:
                s = np.exp(log_shape)
                terms = special.gammaln(s + c) - special.gammaln(s) + s * np.log(s) - (s + c) * np.log(s + e)
                return -float(terms.sum())

            best = optimize.minimize_scalar(loss, bounds=(np.log(0.2), np.log(100.0)), method="bounded")
            self.shape[name] = float(np.exp(0.5 * np.log(k) + 0.5 * best.x))
        return np.asarray(mean, dtype=np.float64)

    def _influence(self, moved: Floats, total: Floats, by_arc: Floats) -> None:
        weight = self.susceptibility[self.rows.tail] * self.tie
        exposed = _added(self.graph.indices, weight * by_arc, self.n)
        unit = weight[self.hit_arc] * (self.spread / self.width)[self.hit_span]
        likelihood = np.empty((self.n, self.grid.size))
        grid_likelihood(self.hit_source, unit, moved, total, self.hit_event, exposed, self.grid, likelihood)
        likelihood += np.log(np.maximum(self.prior, 1e-12))
        likelihood -= likelihood.max(axis=1, keepdims=True)
        self.posterior = np.exp(likelihood)
        self.posterior /= self.posterior.sum(axis=1, keepdims=True)
        told = exposed > 0
        if told.any():
            self.prior = (self.posterior[told].sum(axis=0) + 0.02) / (told.sum() + 0.02 * self.grid.size)
        self.influence = self.posterior @ self.grid

    def _again(self, seen: Floats, expected: Floats) -> None:
        """How much of the taste is left at the second, third... chance: never more than before."""
        found = _added(self.hit_before, seen, MOST_BEFORE + 1)
        left = (found + self.again) / (expected * found.sum() / max(float(expected @ self.again), 1e-9) + 1.0)
        self.again = np.asarray(np.minimum.accumulate(left / left[0]), dtype=np.float64)

    def _spreads(self, moved: Floats, seen: Floats, own: Floats) -> None:
        both = _added(self.hit_span, moved + seen, self.n_bins) + 1e-3
        both *= PRIOR_DELAYS / both.sum()
        for name, caused in (("spread", moved), ("sight_spread", seen)):
            counts = _added(self.hit_span, caused, self.n_bins) + both
            setattr(self, name, counts / counts.sum())
        ages = _added(self.age_bin, own, self.age_spread.size) + 1e-3
        self.age_spread = ages / ages.sum()


def _added(codes: NDArray[Any], values: Floats, size: int) -> Floats:
    return np.bincount(codes, weights=values, minlength=size).astype(np.float64)


def fit(
    known: Cascades,
    *,
    rng: np.random.Generator,
    window: int | None = None,
    turns: int = 150,
    tolerance: float = 1e-4,
    level: float = 0.9,
    most_chances: int = 100_000_000,
    progress: Progress | None = None,
) -> Diffusion | CannotTell:
    """Learn who moves whom from what people took up, and what they saw and did not.

    Parameters
    ----------
    known : Cascades
    rng : numpy.random.Generator
        For the search of communities.
    window : int, optional
        Microseconds within which an act can move somebody; by default the age
        below which nine in ten adoptions of an item fall.
    turns : int
        Most turns.
    tolerance : float
        Stop where a turn raises the log likelihood by less than this per adoption.
    level : float
        Level of the intervals of influence.
    most_chances : int
        More chances than this are an error.
    progress : Progress, optional

    Returns
    -------
    Diffusion or CannotTell
        The latter where nothing tells who could see whom, or fewer than 30
        adoptions followed a chance to see the item.

    Raises
    ------
    InputError
        For a value out of its range, or too many chances.
    Cancelled
        Where `progress` says so.

    Notes
    -----
    An adoption of item i by u at time t has the rate ``own(i) activity(u)
    affinity(u, i) a(age)`` plus, for the n-th earlier act by a p that u
    listens to, ``sight(u) appeal(i) affinity(u, i) again(n) s(t - t_p) +
    influence(p) susceptibility(u) tie(u, p) g(t - t_p)``: a Hawkes process with
    one adoption per person and item. The integral of the rate counts everything
    seen and not taken up.
    Influence has a prior of free form over a grid that includes 0, fitted to
    all accounts (nonparametric empirical Bayes); the other multipliers have
    gamma priors of mean 1, their shapes by marginal likelihood.

    Taste on sight and influence are told apart by assumption: the first is in
    proportion to affinity, the same whoever shows the item, and less at each
    further sight; the second depends on who shows it, adds up, and does not
    depend on affinity. The fit starts without any influence, which then has to
    explain what taste does not: started from both, it may end where influence
    has taken the place of all taste, at a lower likelihood. Taste that no adoption and no
    community shows can still pass for influence (Shalizi and Thomas 2011).

    References
    ----------
    Saito, Nakano, Kimura 2008, https://doi.org/10.1007/978-3-540-85567-5_9
    Goyal, Bonchi, Lakshmanan 2010, https://doi.org/10.1145/1718487.1718518
    Aral, Muchnik, Sundararajan 2009, https://doi.org/10.1073/pnas.0908800106
    Shalizi, Thomas 2011, https://doi.org/10.1177/0049124111404820

    Examples
    --------
    >>> import pyarrow as pa
    >>> from entregent.influence.cascades import cascades
    >>> alone = cascades(pa.table({"account": ["a", "b"], "item": ["x", "x"], "time": [1, 2]}))
    >>> fit(alone, rng=np.random.default_rng(1)).code
    'diffusion.no_exposure'
    """
    if turns < 1 or not 0 < level < 1 or tolerance < 0:
        raise InputError(
            f"turns is {turns}, tolerance {tolerance}, level {level}.", where="diffusion",
            valid=("turns from 1", "tolerance from 0", "level between 0 and 1"),
        )  # fmt: skip
    progress = progress or Quiet()
    if known.exposure is None or known.exposure.m == 0:
        return CannotTell(
            "diffusion.no_exposure",
            T("Nothing tells who could see whose acts."),
            T("Who follows whom, or dated acts of people on the posts of others."),
        )
    rows = chances_of(known, progress, window=window, most=most_chances)
    if rows.rows.size < LEAST_FOLLOWED:
        return CannotTell(
            "diffusion.too_few",
            T(
                "Adoptions after a chance to see the item: {found}, of {chances} chances.",
                found=int(rows.rows.size), chances=rows.size,
            ),
            T("At least {least} adoptions by people who listen to an earlier one.", least=LEAST_FOLLOWED),
        )  # fmt: skip
    progress.step("Look for circles of taste")
    state = _State(known, rows, level)
    community = circles(known, rng)
    check(progress)
    state.learn(learn_taste(known, community, np.ones(known.n_adoptions)))
    check(progress)
    progress.step("Learn who moves whom", turns, "turns")
    values: list[float] = []
    converged = False
    for number in range(turns):
        values.append(state.turn(number))
        if number in _TASTE_TURNS:
            state.learn(learn_taste(known, community, state.share_own, state.taste))
        progress.advance(1, f"log likelihood {values[-1]:,.1f}")
        check(progress)
        if number >= _LEAST_TURNS and abs(values[-1] - values[-2]) <= tolerance * max(state.later.sum(), 1):
            converged = True
            break
    return _made(state, tuple(values), converged)


def _made(state: _State, values: tuple[float, ...], converged: bool) -> Diffusion:
    rows, n = state.rows, state.n
    cumulative = np.cumsum(state.posterior, axis=1)
    tail = (1 - state.level) / 2
    mean = state.posterior @ state.grid
    low = state.grid[(cumulative >= tail).argmax(axis=1)]
    high = state.grid[(cumulative >= 1 - tail).argmax(axis=1)]
    whole = np.concatenate(([0.0], np.cumsum(state.spread)))
    notices: tuple[Notice, ...] = state.known.notices
    if not converged:
        text = T("The fit had not settled after {turns} turns.", turns=len(values))
        notices = (*notices, Notice("diffusion.not_settled", text))
    return Diffusion(
        exposure=state.graph,
        influence=mean,
        influence_low=np.minimum(low, mean),
        influence_high=np.maximum(high, mean),
        posterior=state.posterior.astype(np.float32),
        grid=state.grid,
        prior=state.prior,
        susceptibility=state.susceptibility,
        tie=state.tie,
        activity=state.activity,
        sight=state.sight,
        appeal=state.appeal,
        own=state.own,
        taste=state.taste,
        age_edges=state.age_edges,
        age_spread=state.age_spread,
        edges=rows.edges,
        spread=state.spread,
        sight_spread=state.sight_spread,
        again=state.again,
        shapes=dict(state.shape),
        half_life=float(np.interp(0.5, whole, rows.edges / _HOUR)),
        exposures=np.bincount(state.source, minlength=n).astype(np.float64),
        followed=np.bincount(state.hit_source, minlength=n).astype(np.float64),
        log_likelihood=values,
        converged=converged,
        n_chances=rows.size,
        n_adoptions=int(state.later.sum()),
        level=state.level,
        notices=notices,
    )


def chances(model: Diffusion, graph: Graph) -> Floats:
    """Return the chance that one act moves a listener, by arc.

    Parameters
    ----------
    model : Diffusion
    graph : Graph
        With the accounts of the model in the same order. Arcs that the model
        does not know get an average tie.

    Returns
    -------
    float64 array, shape (m,)
        For an arc from a to b, that an act of b moves a; in [0, 1).

    Raises
    ------
    InputError
        Where the accounts differ.
    """
    if graph.n != model.exposure.n or not graph.ids.equals(model.exposure.ids):
        raise InputError(
            f"The graph has {graph.n} accounts and the model {model.exposure.n}, or others.",
            where="diffusion",
            do="Give a graph of the accounts that the model was fitted to, sorted.",
        )
    n = graph.n
    tail = np.repeat(np.arange(n, dtype=np.int64), np.diff(graph.indptr))
    ours = (
        np.repeat(np.arange(n, dtype=np.int64), np.diff(model.exposure.indptr)) * n + model.exposure.indices
    )
    wanted = tail * n + graph.indices
    place = np.minimum(np.searchsorted(ours, wanted), max(ours.size - 1, 0))
    tie = np.where(ours[place] == wanted, model.tie[place], 1.0) if ours.size else np.ones(wanted.size)
    pull = model.influence[graph.indices] * model.susceptibility[tail] * tie
    return np.asarray(-np.expm1(-pull), dtype=np.float64)


def causes(model: Diffusion, known: Cascades) -> Causes:
    """Share each adoption between own accord, taste on sight, and earlier acts.

    Parameters
    ----------
    model : Diffusion
    known : Cascades
        The cascades that the model was fitted to.

    Returns
    -------
    Causes

    Raises
    ------
    InputError
        For other cascades.
    """
    model.check(known, "diffusion")
    rows = chances_of(known, Quiet(), window=int(model.edges[-1]))
    state = _State(known, rows, model.level)
    for name in (
        "influence",
        "susceptibility",
        "tie",
        "activity",
        "sight",
        "appeal",
        "own",
        "taste",
        "spread",
        "sight_spread",
        "again",
        "age_spread",
    ):
        setattr(state, name, getattr(model, name))
    own, moved, seen, _ = state.shares()
    sight = _added(state.hit_event, seen, own.size)
    return Causes(own, sight, rows.pointer, rows.act[rows.rows], moved)


def warm() -> None:
    """Compile the loops of diffusion now, so that nobody waits for it later."""
    acts = range(2 * LEAST_FOLLOWED)
    rows = {
        "account": [("shows", "follows")[act % 2] for act in acts],
        "item": [str(act // 2) for act in acts],
        "time": acts,
    }
    known = cascades(pa.table(rows), pa.table({"actor": ["follows"], "target": ["shows"]}))
    fit(known, rng=np.random.default_rng(1), turns=_TASTE_ALONE + 1)
