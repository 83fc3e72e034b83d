"""What could have been: draws of causes, and of cascades without one person's influence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entregent.influence.cascades import Cascades
from entregent.influence.diffusion import Diffusion
from entregent.influence.diffusion_chances import Chances, chances_of, listeners, reached, returned
from entregent.influence.diffusion_kernels import weigh
from entregent.influence.effect_kernels import allot, count_late, draw_influence, fill_late, removed
from entregent.progress import Progress, check

__all__ = ["Removal", "removals"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BURN = 60
_HOUR = 3_600_000_000
_LEAST = 5
_AUDIENCES = 300
_EVERY = 50
_MOST_MISFIT = 1.0
_LEAST_MISFIT = 0.2
"""Taste is never trusted to better than a fifth: an audience is read off few adoptions."""
_FINER = 3
_SMOOTH = 0.5
"""Width of the smoothing of the prior, in logarithms of influence: a fitted prior of free form
is a few spikes, and intervals from spikes are too short (Laird and Louis 1987)."""


@dataclass(frozen=True)
class Removal:
    """Draws of what each person's influence changed.

    Parameters
    ----------
    misfit : float
        How far taste is missed for an audience: standard deviation of its logarithm.
    total, direct, seen : int64 array, shape (n_draws, n_persons)
        Adoptions that go with the influence of the person, downstream
        included; those that the person's acts had moved; and those that came
        of taste on seeing the person's acts, which stay.
    event, act : int64 arrays, shape (n_followed,)
        Adoptions that followed a chance to see an act, and the act.
    moved : float64 array, shape (n_followed,)
        Share of the draws in which that act moved that adoption.
    """

    misfit: float
    total: Ints
    direct: Ints
    seen: Ints
    event: Ints
    act: Ints
    moved: Floats


class _Chain:
    """One state of all that is drawn: a Gibbs sampler started at the fitted model."""

    def __init__(self, known: Cascades, model: Diffusion, rows: Chances) -> None:
        self.known, self.model, self.rows = known, model, rows
        graph = model.exposure
        n, item = known.n_accounts, known.item()
        self.n, self.item, self.head, self.tail = n, item, graph.indices, rows.tail
        self.starts = known.indptr[:-1]
        hit = rows.rows
        self.arc, self.event = rows.arc[hit], rows.event[hit]
        self.act = rows.act[hit]
        self.source = known.account[self.act]
        span, before = rows.span[hit], rows.before[hit]
        width = np.diff(rows.edges) / _HOUR
        self.density = np.append(model.spread / width, 0.0)[span]
        self.sight_density = (np.append(model.sight_spread / width, 0.0)[span]) * model.again[before]
        reach, sight_reach = reached(model.spread), reached(model.sight_spread)
        self.reach, self.sight_reach = reach, sight_reach
        self.left, self.sight_left = 1.0 - reach[span], (1.0 - sight_reach[span]) * model.again[before]
        self.by_arc = np.bincount(rows.arc, weights=reach[rows.span], minlength=graph.m)
        age = (known.time - np.repeat(known.started(), np.diff(known.indptr))).astype(np.float64)
        last = model.age_edges.size - 2
        age_bin = np.clip(np.searchsorted(model.age_edges, age, side="left") - 1, 0, last)
        per_hour = model.age_spread / (np.diff(model.age_edges) / _HOUR)
        self.own_shape = per_hour[age_bin]
        mass = np.concatenate(([0.0], np.cumsum(model.age_spread)))
        self.watched = np.interp(
            np.clip(known.end - known.started(), 0, model.age_edges[-1]), model.age_edges, mass
        )
        self.own_left = np.maximum(self.watched[item] - np.interp(age, model.age_edges, mass), 0.0)
        self.fit = model.taste.of_chances(rows, item)
        self.affinity = model.taste.affinity(known.account, item)
        self.pointer, self.who, self.by, self.since = listeners(known)
        self._late()
        self.influence = model.influence.copy()
        self.susceptibility, self.tie = model.susceptibility.copy(), model.tie.copy()
        self.sight, self.appeal = model.sight.copy(), model.appeal.copy()
        self.own, self.activity = model.own.copy(), model.activity.copy()
        self.grid, self.prior = _finer(model.grid, model.prior)
        mutual = returned(graph)
        self.tie_mean = np.ones(graph.m)
        for kind in (mutual, ~mutual):
            if kind.any():
                self.tie_mean[kind] = model.tie[kind].mean()
        order = np.argsort(self.source, kind="stable")
        self.hits = order.astype(np.int64)
        self.by_source = np.concatenate(([0], np.cumsum(np.bincount(self.source, minlength=n)))).astype(
            np.int64
        )
        self.kind = np.zeros(known.n_adoptions, dtype=np.int8)
        self.via = np.full(known.n_adoptions, -1, dtype=np.int64)

    def _late(self) -> None:
        known, pointer, who = self.known, self.pointer, self.who
        at = np.full(known.n_accounts, -1, dtype=np.int64)
        size = count_late(known.indptr, known.account, known.shows, pointer, who, at)
        event, act, by = (np.empty(size, dtype=np.int64) for _ in range(3))
        size = fill_late(
            known.indptr, known.account, known.time, known.shows, pointer, who, self.by, self.since, at,
            event, act, by,
        )  # fmt: skip
        order = np.argsort(event[:size], kind="stable")
        event, self.late_act, self.late_arc = event[:size][order], act[:size][order], by[:size][order]
        counts = np.bincount(event, minlength=known.n_adoptions)
        self.late_pointer = np.concatenate(([0], np.cumsum(counts))).astype(np.int64)
        self.late_event = event
        # Who adopted had seen the item before by as many chances as were taken.
        seen = np.minimum(np.diff(self.rows.pointer), self.model.again.size - 1)
        self.late_again = self.model.again[seen[event]]

    def rates(self) -> tuple[Floats, Floats, Floats]:
        """Own rate by adoption; rates of influence per unit of it, and of taste on sight, by chance taken."""
        known = self.known
        own = self.own[self.item] * self.activity[known.account] * self.own_shape * self.affinity
        own[self.starts] = 1.0
        unit = self.susceptibility[self.tail[self.arc]] * self.tie[self.arc] * self.density
        who, what = known.account[self.event], self.item[self.event]
        seen = self.sight[who] * self.appeal[what] * self.affinity[self.event] * self.sight_density
        return own, unit, seen

    def sweep(self, number: int, rng: np.random.Generator) -> None:
        """Draw everything once, given the rest."""
        known, model, n = self.known, self.model, self.n
        own, unit, seen = self.rates()
        total = own + np.bincount(
            self.event, weights=self.influence[self.source] * unit + seen, minlength=own.size
        )
        weight = self.susceptibility[self.tail] * self.tie * self.by_arc
        exposed = np.bincount(self.head, weights=weight, minlength=n)
        draw_influence(
            self.by_source, self.hits, self.event, unit, total, exposed, self.grid, self.prior, rng.random(n),
            self.influence,
        )  # fmt: skip
        moved = self.influence[self.source] * unit
        allot(self.rows.pointer, own, moved, seen, rng.random(own.size), self.kind, self.via)

        by_sight = self.kind == 1
        count = np.bincount(self.arc[self.via[self.kind == 2]], minlength=self.head.size)
        shapes = model.shapes
        drive = self.influence[self.head] * self.tie * self.by_arc
        self.susceptibility = _gamma(
            shapes["susceptibility"], np.bincount(self.tail, count, n), np.bincount(self.tail, drive, n), rng
        )
        drive = self.influence[self.head] * self.susceptibility[self.tail] * self.by_arc
        self.tie = self.tie_mean * _gamma(shapes["tie"], count, drive * self.tie_mean, rng)
        by_account, by_item, by_before = np.zeros(n), np.zeros(known.n_items), np.zeros(model.again.size)
        weigh(
            self.rows.act, self.rows.arc, self.rows.span, self.rows.before, self.item, self.tail, self.fit,
            self.sight_reach, model.again, self.sight, self.appeal, by_account, by_item, by_before,
        )  # fmt: skip
        if number % 2 == 0:
            found = np.bincount(known.account[by_sight], minlength=n)
            base = rng.gamma(found.sum() + 0.5) / max(float(by_account.sum()), 1e-9)
            self.sight = base * _gamma(shapes["sight"], found, base * by_account, rng)
        else:
            found = np.bincount(self.item[by_sight], minlength=known.n_items)
            self.appeal = _gamma(shapes["appeal"], found, by_item, rng)
        alone = self.kind == 0
        alone[self.starts] = False
        group, groups = known.group + 1, int(known.group.max(initial=-1)) + 2
        found = np.bincount(self.item[alone], minlength=known.n_items)
        base = (np.bincount(group, found, groups) + 0.01) / (np.bincount(group, self.watched, groups) + 0.01)
        self.own = base[group] * _gamma(shapes["own"], found, base[group] * self.watched, rng)
        load = model.taste.account * model.taste.scale
        drive = load @ (model.taste.item * (self.own * self.watched)[:, None]).sum(axis=0)
        found = np.bincount(known.account[alone], minlength=n)
        rate = (found.sum() + 0.01) / max(float(drive.sum()), 1e-9)
        activity = rate * _gamma(shapes["activity"], found, rate * drive, rng)
        self.activity = activity / activity.sum()

    def hazards(self) -> tuple[Floats, Floats, Floats, Floats, Floats]:
        """What is left after each adoption: of own accord, of acts seen before, and of later acts."""
        known = self.known
        own = self.own[self.item] * self.activity[known.account] * self.own_left * self.affinity
        pull = self.influence[self.head] * self.susceptibility[self.tail] * self.tie
        taste = self.sight[known.account] * self.appeal[self.item] * self.affinity
        return (
            own,
            pull[self.arc] * self.left,
            taste[self.event] * self.sight_left,
            pull[self.late_arc],
            taste[self.late_event] * self.late_again,
        )

    def misfit(self, rng: np.random.Generator) -> float:
        """How far the taste of audiences is missed, as a standard deviation of its logarithm.

        A placebo of the model: for many accounts, items of like subject on which
        they never acted are dealt to them, and what their listeners did there is
        set against what the model expects. What differs by more than chance is
        taste, or anything else, that the model does not know of.
        """
        known, model, taste = self.known, self.model, self.model.taste
        pointer, who = self.pointer, self.who
        acts = np.bincount(known.account, minlength=self.n)
        able = np.flatnonzero((np.diff(pointer) >= _LEAST) & (acts >= _LEAST))
        if able.size > _AUDIENCES:
            able = rng.choice(able, _AUDIENCES, replace=False)
        rows = self.rows
        pull = self.influence[self.head] * self.susceptibility[self.tail] * self.tie
        reader, what = self.tail[rows.arc], self.item[rows.act]
        rate = self.sight[reader] * self.appeal[what] * self.fit * self.sight_reach[rows.span]
        rate = rate * model.again[rows.before] + pull[rows.arc] * self.reach[rows.span]
        own = taste.item * (self.own * self.watched)[:, None] * taste.scale
        later = np.ones(known.n_adoptions, dtype=np.bool_)
        later[self.starts] = False
        found, expected = np.zeros(able.size), np.zeros(able.size)
        for place, person in enumerate(able):
            mine = self.item[known.account == person]
            close = taste.item @ taste.item[mine].mean(axis=0)
            close[mine] = 0.0
            if not close.any():
                continue
            dealt = rng.choice(close.size, min(mine.size, int((close > 0).sum())), replace=False,
                               p=close / close.sum())  # fmt: skip
            chosen, audience = np.zeros(close.size, dtype=np.bool_), np.zeros(self.n, dtype=np.bool_)
            chosen[dealt], audience[who[pointer[person] : pointer[person + 1]]] = True, True
            found[place] = (later & chosen[self.item] & audience[known.account]).sum()
            load = (taste.account[audience] * self.activity[audience, None]).sum(axis=0)
            expected[place] = rate[chosen[what] & audience[reader]].sum() + own[dealt].sum(axis=0) @ load
        if found.sum() < _LEAST:
            return _MOST_MISFIT
        expected *= found.sum() / expected.sum()
        beyond = ((found - expected) ** 2 - expected).sum() / (expected**2).sum()
        return float(np.clip(np.sqrt(max(beyond, 0.0)), _LEAST_MISFIT, _MOST_MISFIT))


def removals(
    known: Cascades,
    model: Diffusion,
    persons: Ints,
    *,
    rng: np.random.Generator,
    draws: int = 200,
    progress: Progress,
) -> Removal:
    """Draw what caused each adoption, and take each person's influence out.

    Parameters
    ----------
    known : Cascades
        Those that the model was fitted to.
    model : Diffusion
    persons : int64 array, shape (n_persons,)
        Codes of accounts.
    rng : numpy.random.Generator
    draws : int
        Draws that are kept.
    progress : Progress

    Returns
    -------
    Removal

    Raises
    ------
    InputError
        For other cascades.

    Notes
    -----
    A Gibbs sampler over influence, susceptibility, ties, taste on sight, appeal
    and own accord, started at the fitted model, whose tastes, delays and prior
    shapes stay as they are. Influence is drawn with the causes summed out.
    Given a draw of the causes, the person's influence is taken out of every
    cascade in order of time: what it moved goes, and what came by an act that
    went, unless another cause would have come later.
    """
    model.check(known, "effect")
    rows = chances_of(known, progress, window=int(model.edges[-1]))
    chain = _Chain(known, model, rows)
    spans = [_items_of(known, chain.item, int(person)) for person in persons]
    total, direct, seen = (np.zeros((draws, persons.size), dtype=np.int64) for _ in range(3))
    moved = np.zeros(chain.event.size)
    misfit = 0.0
    gone = np.zeros(known.n_adoptions, dtype=np.bool_)
    progress.step("Take each person's influence out", BURN + draws, "draws")
    for number in range(BURN + draws):
        chain.sweep(number, rng)
        kept = number - BURN
        if kept >= 0:
            if kept % _EVERY == 0:
                misfit += chain.misfit(rng)
            left = chain.hazards()
            chance = rng.random(known.n_adoptions)
            moved[chain.via[chain.kind == 2]] += 1.0
            by_sight = known.account[chain.act[chain.via[chain.kind == 1]]]
            seen[kept] = np.bincount(by_sight, minlength=known.n_accounts)[persons]
            for place, person in enumerate(persons):
                total[kept, place], direct[kept, place] = removed(
                    int(person), *spans[place], known.account, chain.kind, chain.via, chain.act, rows.pointer,
                    left[0], left[1], left[2], chain.late_pointer, chain.late_act, left[3], left[4], chance,
                    gone,
                )  # fmt: skip
        progress.advance(1)
        check(progress)
    return Removal(
        misfit / draws * _EVERY,
        total,
        direct,
        seen,
        chain.event.astype(np.int64),
        chain.act.astype(np.int64),
        moved / draws,
    )


def _items_of(known: Cascades, item: NDArray[np.int32], person: int) -> tuple[Ints, Ints]:
    items = item[known.account == person]
    return known.indptr[items], known.indptr[items + 1]


def _gamma(shape: float, count: NDArray[Any], expected: NDArray[Any], rng: np.random.Generator) -> Floats:
    return np.asarray(rng.gamma(shape + count) / (shape + expected), dtype=np.float64)


def _finer(grid: Floats, prior: Floats) -> tuple[Floats, Floats]:
    """A finer grid of influence with a smooth prior; logarithms of the prior."""
    step = np.log(grid[2] / grid[1]) / _FINER
    place = np.arange(_FINER * (grid.size - 2) + 1)
    values = grid[1] * np.exp(step * place)
    apart = (np.log(values)[:, None] - np.log(grid[1:])[None, :]) / _SMOOTH
    mass = np.exp(-0.5 * apart * apart)
    mass = (mass / mass.sum(axis=0)) @ prior[1:]
    whole = np.concatenate(([prior[0]], mass))
    return np.concatenate(([0.0], values)), np.log(np.maximum(whole, 1e-12))
