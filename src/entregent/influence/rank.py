"""Who is heard: voluntary acts of others on the topic, with an interval that is checked.

Heard is the number of distinct people who repost, quote, reply to or mention
an account, per post of that account on the topic. Likes are no speech and do
not count; neither do acts on oneself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from entregent.clock import from_micros
from entregent.i18n import N, T
from entregent.influence.acts import UNKNOWN, Acts
from entregent.influence.heard_check import Checked, Coverage, block_edges, check, coverage, settle
from entregent.influence.heard_model import (
    LEAST_EXPOSURE,
    Counts,
    HeardModel,
    Shape,
    counts,
    fit,
    rates,
    summary,
    take,
)
from entregent.progress import Progress, Quiet
from entregent.progress import check as check_progress
from entregent.results import CannotTell, Estimate, Notice
from entregent.stats.intervals import check_level

__all__ = ["LEAST_ACCOUNTS", "LEAST_ACTS", "METHOD", "NO_POST", "Heard", "heard"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

METHOD = "heard.people_per_post"
LEAST_ACCOUNTS = 20
LEAST_ACTS = 50
MOST_BLOCKS = 6
POSTS_PER_BLOCK = 100
CHECKS = 3
NEIGHBOURS = 2000
NO_POST = CannotTell(
    "heard.no_post",
    T("This account has no post on the topic that is old enough to have been answered."),
    T("At least one post on the topic."),
)


@dataclass(frozen=True)
class Heard:
    """Who is heard.

    Parameters
    ----------
    value, low, high : ndarray of float64, shape (n_accounts,)
        Distinct people per on-topic post to be expected in a stretch of time
        like those seen, and its interval; NaN for accounts without posts that count.
    level : float
        Level that the interval keeps.
    nominal : float
        Level at which it was computed; above `level` where earlier blocks of
        time showed that the model alone was too sure.
    n_posts, n_people : ndarray of int64, shape (n_accounts,)
        On-topic posts that count, and distinct people who acted on them.
    order : ndarray of int64, shape (n_listed,)
        Accounts by the lower end, best heard first.
    ahead_of_next : ndarray of float64, shape (n_listed,)
        Probability that each account in the list has a greater rate than the
        next; NaN for the last and below place 2,000.
    model : HeardModel
    coverage : Coverage or CannotTell
        Check of the intervals on the last block of time.
    as_of : datetime or None
    notices : tuple of Notice
    """

    value: Floats
    low: Floats
    high: Floats
    level: float
    nominal: float
    n_posts: Ints
    n_people: Ints
    order: Ints
    ahead_of_next: Floats
    model: HeardModel
    coverage: Coverage | CannotTell
    as_of: datetime | None
    notices: tuple[Notice, ...]

    def estimate(self, account: int) -> Estimate | CannotTell:
        """Return what is known of one account, by its code; `n` counts its posts."""
        if self.n_posts[account] == 0:
            return NO_POST
        return Estimate(
            float(self.value[account]),
            float(self.low[account]),
            float(self.high[account]),
            self.level,
            int(self.n_posts[account]),
            METHOD,
            self.as_of,
        )


def heard(
    data: Acts,
    rng: np.random.Generator,
    *,
    level: float = 0.9,
    since: int | None = None,
    end: int | None = None,
    blocks: int | None = None,
    progress: Progress | None = None,
) -> Heard | CannotTell:
    """Estimate how many people act on a post of each account.

    Parameters
    ----------
    data : Acts
        On-topic posts and the distinct people who acted on each
        (:func:`entregent.influence.heard_sql.gather` reads them).
    rng : numpy.random.Generator
        For the accounts used in fits and the draws of the check.
    level : float
        Level of the intervals.
    since : int, optional
        Start of collection, microseconds. Posts before it are known only
        because somebody acted on them: they do not count.
    end : int, optional
        End of the data, microseconds; the last time in it unless told.
    blocks : int, optional
        Blocks of time, for drift and for the check; at most 6, by the number
        of posts, unless told.
    progress : Progress, optional

    Returns
    -------
    Heard or CannotTell
        It cannot be told without authors, without acts, or below 20 accounts
        with 2 posts and 50 acts.

    Raises
    ------
    InputError
        For a level outside (0, 1).
    Cancelled
        Where the caller asked to stop.

    Notes
    -----
    Accounts share one distribution of rates and one shape of luck between
    posts; both are learnt (:mod:`entregent.influence.heard_model`). Each
    account is drawn towards the others, the more so the less it has posted.
    Posts too young to have gathered a tenth of their acts do not count;
    others count by the share they could have gathered. The level is kept by
    widening, where blocks of time before the one reported ask for it.

    References
    ----------
    Efron, B. and Morris, C. (1975), Data analysis using Stein's estimator.
    doi:10.1080/01621459.1975.10479864
    Czado, C., Gneiting, T. and Held, L. (2009), Predictive model assessment
    for count data. doi:10.1111/j.1541-0420.2009.01191.x
    """
    check_level(level)
    progress = progress or Quiet()
    if data.account.size == 0:
        return CannotTell(
            "heard.no_author",
            T("The data do not say who published what people acted on."),
            T("Posts with their authors, or acts that name the author of their object."),
        )
    until = end if end is not None else data.end()
    delays = data.delays(until, rng) if until is not None else None
    seen = data.reached(until, delays) if until is not None else np.ones(data.account.size)
    counted = data.counted(None, delays)
    known = data.time != UNKNOWN
    old = known & (data.time < since) if since is not None else np.zeros(known.size, dtype=np.bool_)
    young = ~old & (seen < LEAST_EXPOSURE)
    used = ~old & ~young
    people = data.people(counted)
    n_posts = np.bincount(data.account[used], minlength=data.n_accounts).astype(np.int64)
    enough, acts = int((n_posts >= 2).sum()), int(people[used].sum())
    if acts == 0:
        return CannotTell(
            "heard.nobody_acted",
            T("Nobody reposted, quoted, replied to or mentioned anybody here."),
            T("Data that hold reposts, quotes, replies or mentions."),
        )
    if enough < LEAST_ACCOUNTS or acts < LEAST_ACTS:
        return CannotTell(
            "heard.too_few",
            T(
                "Two posts on the topic: {accounts}; reactions of others: {acts}.",
                accounts=N("{n} account", "{n} accounts", enough),
                acts=acts,
            ),
            T(
                "At least {accounts} accounts with two posts each, and {acts} acts.",
                accounts=LEAST_ACCOUNTS,
                acts=LEAST_ACTS,
            ),
        )
    dated = data.time[used & known]
    wanted = blocks or int(np.clip(dated.size // POSTS_PER_BLOCK, 2, MOST_BLOCKS))
    edges = block_edges(dated, wanted) if dated.size else np.zeros(0, dtype=np.int64)
    kept = data if not old.any() else _without(data, old)
    progress.step("Who is heard", CHECKS + 2)
    checks, shape = _checks(kept, edges, until, rng, progress)
    nominal = settle(checks[:-1], level)
    covered = coverage(checks[-1] if checks and checks[-1].blocks == edges.size - 1 else None, nominal, level)

    block = np.searchsorted(edges, data.time[used]).clip(0, max(edges.size - 1, 0))
    all_posts = counts(data.account[used], block, people[used], seen[used])
    model = fit(all_posts, rng, shape, blocks=max(edges.size, 1))
    progress.advance(1)
    value, low, high = (np.full(data.n_accounts, np.nan) for _ in range(3))
    for accounts, weights in rates(model, all_posts):
        check_progress(progress)
        value[accounts], low[accounts], high[accounts] = summary(weights, model.grid, nominal)
    listed = np.flatnonzero(n_posts)
    order = listed[np.lexsort((listed, -n_posts[listed], -value[listed], -low[listed]))]
    counted &= used[data.post]
    pairs = np.unique(data.account[data.post[counted]] * data.n_accounts + data.actor[counted])
    progress.advance(1)
    return Heard(
        value,
        low,
        high,
        level,
        nominal,
        n_posts,
        np.bincount(pairs // data.n_accounts, minlength=data.n_accounts).astype(np.int64),
        order,
        _ahead(model, all_posts, order),
        model,
        covered,
        from_micros(until) if until is not None else None,
        _notices(data, used, old, young, people, nominal, level),
    )


def _without(data: Acts, gone: NDArray[np.bool_]) -> Acts:
    """Leave posts and the acts on them out."""
    code = np.cumsum(~gone) - 1
    stay = ~gone[data.post]
    return Acts(
        data.account[~gone],
        data.time[~gone],
        code[data.post[stay]],
        data.actor[stay],
        data.acted[stay],
        data.n_accounts,
    )


def _checks(
    data: Acts, edges: Ints, until: int | None, rng: np.random.Generator, progress: Progress
) -> tuple[list[Checked], Shape | None]:
    checks: list[Checked] = []
    shape: Shape | None = None
    if until is None:
        return checks, shape
    for learnt in range(max(1, edges.size - CHECKS), edges.size):
        check_progress(progress)
        at = until if learnt == edges.size - 1 else int(edges[learnt])
        one = check(data, edges, learnt, at, shape, rng)
        if one is not None:
            checks.append(one)
            shape = one.shape
        progress.advance(1)
    return checks, shape


def _ahead(model: HeardModel, data: Counts, order: Ints) -> Floats:
    """Probability that each account of the list is ahead of the next, from independent posteriors."""
    out = np.full(order.size, np.nan)
    top = order[:NEIGHBOURS]
    dense = np.empty((top.size, model.grid.n))
    place = np.argsort(top)
    ranked = top[place]
    for accounts, weights in rates(model, take(data, top)):
        dense[place[np.searchsorted(ranked, accounts)]] = weights
    below = np.cumsum(dense, axis=1) - dense / 2
    out[: max(top.size - 1, 0)] = np.clip(np.sum(dense[:-1] * below[1:], axis=1), 0, 1)
    return out


def _notices(
    data: Acts,
    used: NDArray[np.bool_],
    old: NDArray[np.bool_],
    young: NDArray[np.bool_],
    people: Ints,
    nominal: float,
    level: float,
) -> tuple[Notice, ...]:
    start = data.time[data.post]
    both = (start != UNKNOWN) & (data.acted != UNKNOWN)
    found = (
        (
            "heard.older_posts",
            int(old.sum()),
            N(
                "{n} post from before the collection, known only by the acts on it, does not count.",
                "{n} posts from before the collection, known only by the acts on them, do not count.",
                int(old.sum()),
            ),
        ),
        (
            "heard.young_posts",
            int(young.sum()),
            N(
                "{n} post is too young to have been answered and does not count yet.",
                "{n} posts are too young to have been answered and do not count yet.",
                int(young.sum()),
            ),
        ),
        (
            "heard.posts_without_time",
            int((data.time == UNKNOWN).sum()),
            T("Posts without a time count, but not in the check against time."),
        ),
        (
            "heard.acts_without_time",
            int((data.acted == UNKNOWN).sum()),
            T("Acts without a time count, but not in the check against time."),
        ),
        (
            "heard.acts_before_post",
            int((both & (data.acted < start)).sum()),
            T("Some acts are dated before the post they act on; they count as done at once."),
        ),
        (
            "heard.no_silent_post",
            int(people[used].min() > 0),
            T(
                "Every post in the data was acted on: posts that nobody answered seem to be missing, "
                "so the rates are per answered post."
            ),
        ),
        (
            "heard.widened",
            int(nominal > level),
            T(
                "Earlier stretches of time showed that the intervals were too narrow; "
                "they were widened until they held."
            ),
        ),
    )
    return tuple(Notice(code, text, count) for code, count, text in found if count)
