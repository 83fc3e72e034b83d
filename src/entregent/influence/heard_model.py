"""The model behind *heard*: how many distinct people act on a post of an account.

On a grid of log rates. The count of post j of account i in block b of time is

    y ~ Poisson(theta_i * D_ib * e_j * B_j)

with ``theta`` the account's rate, ``D`` its drift from block to block
(log-normal, mean 1), ``e`` the share of acts that post could have gathered by
the end of the data, and ``B`` the luck of one post: a gamma of size `size`
times an inverse gamma of index ``1 / tail``, mean 1. With ``tail`` 0 counts
are negative binomial but for one post in a thousand; above, more go viral, as
a power law.

On a log grid a multiplier is a convolution, so drift and luck are kernels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, sparse, special, stats

__all__ = ["Counts", "Grid", "HeardModel", "Shape", "counts", "fit", "predict", "rates", "summary", "take"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Singles = NDArray[np.float32]

FINE = 0.05
COARSE = 0.1
LEAST_EXPOSURE = 0.1
# Luck beyond 3,000 times the usual is not extrapolated; below 1/20 it is as good as none.
LUCK_LOW, LUCK_HIGH = -3.0, 8.0
# One post in a thousand may go viral in any world, so that a single one never makes a rate.
VIRAL, VIRAL_TAIL = 0.001, 0.7
LUCKS = 16_384
SMOOTH = 0.3
# Nobody's next stretch of time is promised closer than this, however much they have posted.
LEAST_DRIFT = 0.05
FIT_ACCOUNTS = 1500
CHUNK = 8192
PRIOR_ACCOUNTS = 10_000
FLOOR = 1e-30
# Below these, single precision would go through slow denormal numbers to the same result.
LEAST_LOG = np.float32(-60.0)
LEAST_PRIOR = np.float32(1e-10)


@dataclass(frozen=True)
class Shape:
    """How counts vary around an account's rate.

    Parameters
    ----------
    size : float
        Size of the negative binomial; small is bursty.
    tail : float
        Inverse of the power-law index of viral posts; 0 is none.
    drift : float
        Standard deviation of the log rate from block to block.
    """

    size: float
    tail: float
    drift: float


@dataclass(frozen=True)
class Grid:
    """Log rates at equal steps, ``first + step * arange(n)``."""

    first: float
    step: float
    n: int

    @property
    def rates(self) -> Floats:
        """Rates, in people per post."""
        return np.asarray(np.exp(self.first + self.step * np.arange(self.n)))


@dataclass(frozen=True)
class Counts:
    """Posts as the model reads them.

    Parameters
    ----------
    account : ndarray of int64, shape (n_rows,)
        Account of each row, increasing; a row is an account in a block.
    posts : scipy.sparse.csr_array, shape (n_rows, n_kinds)
        How many posts of each kind.
    people, exposure : ndarray of float64, shape (n_kinds,)
        Distinct people and share of acts that could be seen, of each kind.
    """

    account: Ints
    posts: sparse.csr_array
    people: Floats
    exposure: Floats


@dataclass(frozen=True)
class HeardModel:
    """A fitted model.

    Parameters
    ----------
    shape : Shape
    grid : Grid
    prior : ndarray of float64, shape (grid.n,)
        Weight of each rate across accounts; sums to 1.
    """

    shape: Shape
    grid: Grid
    prior: Floats


def counts(account: Ints, block: Ints, people: Ints, exposure: Floats) -> Counts:
    """Gather posts by account, block and kind.

    Parameters
    ----------
    account, block, people : ndarray of int64, shape (n_posts,)
        Codes, and distinct people who acted.
    exposure : ndarray of float64, shape (n_posts,)
        In [LEAST_EXPOSURE, 1].

    Returns
    -------
    Counts
        Above 300 people, counts are rounded to about 1 %; exposure to one
        step of the grid.
    """
    y = people.astype(np.float64)
    many = y > 300
    y[many] = np.round(np.exp(np.round(np.log(y[many]) / 0.01) * 0.01))
    lag = np.round(-np.log(exposure) / FINE).astype(np.int64)
    wide = int(lag.max(initial=0)) + 1
    kinds, kind = np.unique(y.astype(np.int64) * wide + lag, return_inverse=True)
    blocks = int(block.max(initial=0)) + 1
    keys, row = np.unique(account * blocks + block, return_inverse=True)
    posts = sparse.csr_array((np.ones(y.size), (row, kind)), shape=(keys.size, kinds.size))
    return Counts(keys // blocks, posts, (kinds // wide).astype(np.float64), np.exp(-FINE * (kinds % wide)))


def take(data: Counts, accounts: Ints) -> Counts:
    """Return the rows of some accounts."""
    rows = np.flatnonzero(np.isin(data.account, accounts))
    return Counts(data.account[rows], data.posts[rows], data.people, data.exposure)


def _some(data: Counts, most: int, rng: np.random.Generator) -> Counts:
    accounts = np.unique(data.account)
    return data if accounts.size <= most else take(data, rng.choice(accounts, most, replace=False))


def _starts(data: Counts) -> Ints:
    """First row of each account."""
    return np.flatnonzero(np.concatenate([[True], np.diff(data.account) > 0]))


def _parts(data: Counts, size: int) -> Iterator[Counts]:
    """Yield the data of `size` accounts at a time: likelihoods are dense."""
    edges = np.append(_starts(data), data.account.size)
    for start in range(0, edges.size - 1, size):
        rows = slice(int(edges[start]), int(edges[min(start + size, edges.size - 1)]))
        yield Counts(data.account[rows], data.posts[rows], data.people, data.exposure)


def _grid(data: Counts, step: float) -> Grid:
    total = np.asarray(data.posts @ data.people)
    n = np.asarray(data.posts @ data.exposure)
    edges = _starts(data)
    top = float(np.max(np.add.reduceat(total, edges) / np.add.reduceat(n, edges)))
    mean = (float(total.sum()) + 0.5) / float(n.sum())
    first = np.log(mean) - 8.0
    return Grid(first, step, int(np.ceil((np.log(max(top, 4 * mean)) + 1.0 - first) / step)) + 1)


def _luck(tail: float, step: float) -> tuple[int, Floats, float]:
    """Kernel of the luck beyond the gamma on the grid: its first cell, weights, and log of its mean."""
    first, last = round(LUCK_LOW / step), round(LUCK_HIGH / step)
    edges = (np.arange(first, last + 2) - 0.5) * step
    weights = np.zeros(edges.size - 1)
    for share, heavy in ((1 - VIRAL, max(tail, 0.002)), (VIRAL, VIRAL_TAIL)):
        index = 1 / heavy
        part = np.diff(special.gammaincc(index, (index - 1) * np.exp(-edges)))
        weights += share * part / part.sum()
    return first, weights, float(np.log(weights @ np.exp(step * np.arange(first, last + 1))))


def _drift(drift: float, step: float, n: int) -> Singles:
    """Matrix that spreads a function of the log rate over a block's log rate, mean of the rate kept."""
    kernel = np.diff(stats.norm.cdf((np.arange(-n, n + 2) - 0.5) * step, -drift * drift / 2, drift))
    kernel[np.abs(np.arange(-n, n + 1) * step) > 6 * drift + step] = 0.0
    matrix = kernel[np.arange(n)[None, :] - np.arange(n)[:, None] + n]
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True), dtype=np.float32)


def _table(data: Counts, shape: Shape, grid: Grid) -> Singles:
    """Log likelihood of each kind of post at each rate."""
    first, luck, mean = _luck(shape.tail, grid.step)
    lags = np.round(-np.log(data.exposure) / grid.step).astype(np.int64)
    most = int(lags.max(initial=0))
    width = grid.n + most
    log_rate = grid.first - mean + grid.step * (np.arange(width + luck.size - 1) - most + first)
    y, kind = np.unique(data.people, return_inverse=True)
    r = shape.size
    spread = np.logaddexp(np.log(r), log_rate)
    logs = (special.gammaln(y + r) - special.gammaln(r) - special.gammaln(y + 1))[:, None] + (
        r * (np.log(r) - spread)[None, :] + y[:, None] * (log_rate - spread)[None, :]
    )
    top = logs.max(axis=1, keepdims=True)
    column = np.arange(width)
    kernel = np.zeros((log_rate.size, width))
    for i, weight in enumerate(luck):
        kernel[column + i, column] = weight
    logs = np.log(np.maximum(np.exp(logs - top) @ kernel, 1e-300)) + top
    columns = np.arange(grid.n)[None, :] + most - lags[:, None]
    return np.asarray(logs[kind[:, None], columns], dtype=np.float32)


def _likelihood(data: Counts, table: Singles, drift: Singles) -> tuple[Singles, Floats]:
    """Likelihood of each account on the grid, scaled to a maximum of 1, and the log of the scale."""
    logs = np.asarray(data.posts.astype(np.float32) @ table)
    top = logs.max(axis=1, keepdims=True)
    # Transposed: for each long-run rate, the mean over what the block's rate may then be.
    logs = np.log(np.exp(np.maximum(logs - top, LEAST_LOG)) @ drift.T) + top
    starts = np.append(_starts(data), data.account.size)
    ones = np.ones(data.account.size, dtype=np.float32)
    logs = sparse.csr_array((ones, np.arange(ones.size), starts)) @ logs
    top = logs.max(axis=1, keepdims=True)
    return np.exp(np.maximum(logs - top, LEAST_LOG)), top.ravel().astype(np.float64)


def _smooth(grid: Grid) -> Singles:
    offset = (np.arange(grid.n)[:, None] - np.arange(grid.n)[None, :]) * grid.step
    kernel = np.exp(-0.5 * (offset / SMOOTH) ** 2)
    return np.asarray(kernel / kernel.sum(axis=0, keepdims=True), dtype=np.float32)


def _prior(likelihood: Singles, smooth: Singles, start: Singles, turns: int) -> tuple[Singles, Floats]:
    """Smoothed expectation-maximisation of the distribution of rates; also each account's evidence."""
    prior = start
    for _ in range(turns):
        evidence = likelihood @ prior
        prior = smooth @ (prior * ((1 / np.maximum(evidence, FLOOR)) @ likelihood) / likelihood.shape[0])
        prior = np.maximum(prior / prior.sum(), LEAST_PRIOR)
    return prior, np.maximum(likelihood @ prior, FLOOR).astype(np.float64)


def fit(data: Counts, rng: np.random.Generator, start: Shape | None = None, blocks: int = 1) -> HeardModel:
    """Fit shape and prior by marginal likelihood.

    Parameters
    ----------
    data : Counts
        At least one row.
    rng : numpy.random.Generator
        Picks the accounts fitted to: at most 1,500 for the shape, 10,000 for
        the prior.
    start : Shape, optional
        Where to start, from a fit of earlier data.
    blocks : int
        Blocks of time in `data`; with one, drift cannot be told from luck
        and stays at the start's.

    Returns
    -------
    HeardModel

    Notes
    -----
    The prior has no family: it is fitted by expectation-maximisation with a
    smoothing step. Weak penalties hold the shape where data say little: a
    drift of 20 % is what is assumed until they say otherwise.

    References
    ----------
    Silverman, B. W. et al. (1990), A smoothed EM approach to indirect
    estimation problems. doi:10.1111/j.2517-6161.1990.tb01788.x
    """
    fine = _grid(data, FINE)
    many = _some(data, PRIOR_ACCOUNTS, rng)
    some = _some(many, FIT_ACCOUNTS, rng)
    grid = _grid(some, COARSE)
    smooth = _smooth(grid)
    prior = np.full(grid.n, 1 / grid.n, dtype=np.float32)
    turns = 40

    def loss(x: Floats) -> float:
        nonlocal prior, turns
        shape = Shape(float(np.exp(x[0])), float(x[1]), float(x[2]))
        table, drift = _table(some, shape, grid), _drift(shape.drift, grid.step, grid.n)
        likelihood, scale = _likelihood(some, table, drift)
        prior, evidence = _prior(likelihood, smooth, prior, turns)
        turns = 12
        weak = (x[0] / 2) ** 2 / 2 + (x[1] / 0.4) ** 2 / 2 + (np.log(x[2] / 0.2) / 0.7) ** 2 / 2
        return float(weak - np.sum(np.log(evidence) + scale))

    first = start or Shape(1.0, 0.2, 0.2)
    x0 = np.array([np.log(first.size), first.tail, first.drift])
    low, high = np.array([np.log(0.03), 0.0, LEAST_DRIFT]), np.array([np.log(50.0), 0.75, 1.5])
    if blocks < 2:
        low[2] = high[2] = x0[2]
    steps = np.diag([0.6, 0.15, 0.15]) if start is None else np.diag([0.25, 0.08, 0.08])
    found = optimize.minimize(
        loss,
        x0,
        method="Nelder-Mead",
        bounds=optimize.Bounds(low, high),
        options={
            "initial_simplex": np.clip(np.vstack([x0, x0 + steps]), low, high),
            "maxfev": 50,
            "xatol": 0.02,
            "fatol": 0.05,
        },
    )
    shape = Shape(float(np.exp(found.x[0])), float(found.x[1]), float(found.x[2]))
    return HeardModel(shape, fine, _full_prior(many, shape, fine))


def _full_prior(data: Counts, shape: Shape, grid: Grid) -> Floats:
    """Prior on the fine grid."""
    table, drift = _table(data, shape, grid), _drift(shape.drift, grid.step, grid.n)
    likelihood = np.concatenate([_likelihood(part, table, drift)[0] for part in _parts(data, CHUNK)])
    prior, _ = _prior(likelihood, _smooth(grid), np.full(grid.n, 1 / grid.n, np.float32), 60)
    weights = prior.astype(np.float64)
    return np.asarray(weights / weights.sum())


def rates(model: HeardModel, data: Counts, size: int = 8192) -> Iterator[tuple[Ints, Singles]]:
    """Posterior of each account's rate in the next block of time, `size` accounts at a time.

    Parameters
    ----------
    model : HeardModel
    data : Counts
    size : int
        Accounts in one answer: it is dense.

    Yields
    ------
    accounts : ndarray of int64, shape (n,)
    weights : ndarray of float32, shape (n, model.grid.n)
        Rows sum to 1; drift to the next block included.
    """
    table = _table(data, model.shape, model.grid)
    drift = _drift(model.shape.drift, model.grid.step, model.grid.n)
    prior = model.prior.astype(np.float32)
    for part in _parts(data, size):
        weights = _likelihood(part, table, drift)[0] * prior
        weights /= np.maximum(weights.sum(axis=1, keepdims=True), FLOOR)
        weights = weights @ drift
        yield np.unique(part.account), weights / weights.sum(axis=1, keepdims=True)


def summary(weights: Singles, grid: Grid, level: float) -> tuple[Floats, Floats, Floats]:
    """Mean and equal-tailed interval of each posterior.

    Parameters
    ----------
    weights : ndarray of float32, shape (n, grid.n)
    grid : Grid
    level : float

    Returns
    -------
    value, low, high : ndarray of float64, shape (n,)
        In people per post. A mean outside its interval (mass near zero and a
        long tail) is moved to its end.
    """
    cdf = np.cumsum(weights, axis=1, dtype=np.float64)
    cdf /= cdf[:, -1:]
    low, high = (_quantile(cdf, grid, q) for q in ((1 - level) / 2, (1 + level) / 2))
    mean = weights.astype(np.float64) @ grid.rates
    return np.clip(mean, low, high), low, high


def _quantile(cdf: Floats, grid: Grid, q: float) -> Floats:
    """Quantiles, weights taken as flat within a cell of the log grid."""
    place = np.minimum((cdf < q).sum(axis=1), grid.n - 1)
    row = np.arange(cdf.shape[0])
    before = np.where(place > 0, cdf[row, np.maximum(place - 1, 0)], 0.0)
    inside = (q - before) / np.maximum(cdf[row, place] - before, 1e-12)
    return np.asarray(np.exp(grid.first + grid.step * (place - 0.5 + np.clip(inside, 0, 1))))


def predict(
    model: HeardModel,
    weights: Singles,
    row: Ints,
    exposure: Floats,
    rng: np.random.Generator,
    draws: int,
) -> Ints:
    """Draw what the next block may show: people over all its posts, for each account.

    Parameters
    ----------
    model : HeardModel
    weights : ndarray of float32, shape (n, model.grid.n)
        Posterior of the rate in that block.
    row : ndarray of int64, shape (n_posts,)
        Row of `weights` of each post of the block, increasing, each present.
    exposure : ndarray of float64, shape (n_posts,)
    rng : numpy.random.Generator
    draws : int

    Returns
    -------
    ndarray of int64, shape (draws, n)
    """
    grid, shape = model.grid, model.shape
    first, luck, mean = _luck(shape.tail, grid.step)
    cdf = np.cumsum(weights, axis=1, dtype=np.float64)
    cdf /= cdf[:, -1:]
    lucks = first + np.searchsorted(np.cumsum(luck), (np.arange(LUCKS) + 0.5) / LUCKS).clip(0, luck.size - 1)
    edges = np.flatnonzero(np.concatenate([[True], np.diff(row) > 0]))
    out = np.empty((draws, weights.shape[0]), dtype=np.int64)
    flat = (cdf + np.arange(cdf.shape[0])[:, None]).ravel()
    for i in range(draws):
        u = rng.random(cdf.shape[0])
        cell = np.searchsorted(flat, u + np.arange(cdf.shape[0])) - np.arange(cdf.shape[0]) * grid.n
        cell = np.clip(cell, 0, grid.n - 1)
        log_rate = grid.first + grid.step * (cell + rng.random(cell.size) - 0.5)
        lucky = lucks[rng.integers(0, LUCKS, row.size)]
        post = np.exp(log_rate[row] + grid.step * lucky - mean) * exposure
        post *= rng.standard_gamma(shape.size, row.size) / shape.size
        out[i] = np.add.reduceat(rng.poisson(np.minimum(post, 1e15)), edges)
    return out
