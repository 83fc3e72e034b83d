"""Taste: what people would take up by themselves, learned from what they and those like them took up.

Subjects are latent. Each account has shares of interest over them, each item
shares of subjects. Accounts with few adoptions lean on their community in the
graph of who listens to whom, because alike people listen to each other; that
is the very reason why taste must not be taken for influence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from entregent.influence.cascades import Cascades
from entregent.influence.diffusion_chances import Chances
from entregent.influence.diffusion_kernels import affinities, taste_turn
from entregent.network.communities import communities
from entregent.network.graph import Graph
from entregent.results import CannotTell

__all__ = ["Taste", "circles", "learn_taste"]

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]

MOST_SUBJECTS = 24
_LEAST_SHARE = 0.005
_ACCOUNT_PRIOR = 4.0
_ITEM_PRIOR = 2.0
_TURNS = 30


@dataclass(frozen=True)
class Taste:
    """Interests of accounts and subjects of items.

    Parameters
    ----------
    account : float64 array, shape (n_accounts, n_subjects)
        Shares of interest; rows sum to 1.
    item : float64 array, shape (n_items, n_subjects)
        Shares of subjects; rows sum to 1.
    scale : float64 array, shape (n_subjects,)
        1 over the interest of everybody together, activity weighted.
    event : float64 array, shape (n_adoptions,)
        Affinity of each adopter to the item, learned without that adoption.
    """

    account: Floats
    item: Floats
    scale: Floats
    event: Floats

    def affinity(self, accounts: Codes, items: Codes) -> Floats:
        """Return how well items fit accounts.

        Parameters
        ----------
        accounts, items : int32 array, shape (n_pairs,)

        Returns
        -------
        float64 array, shape (n_pairs,)
            1 where an item fits as it fits everybody.
        """
        fit = np.einsum("ij,ij->i", self.account[accounts], self.item[items] * self.scale)
        return np.asarray(fit, dtype=np.float64)

    def of_chances(self, rows: Chances, item: Codes) -> NDArray[np.float32]:
        """Return how well the item of each chance fits who could see it.

        Parameters
        ----------
        rows : Chances
        item : int32 array, shape (n_adoptions,)
            Of every adoption.

        Returns
        -------
        float32 array, shape (n_chances,)
        """
        fit = np.empty(rows.size, dtype=np.float32)
        mine, its = self.account.astype(np.float32), (self.item * self.scale).astype(np.float32)
        affinities(rows.act, rows.arc, item, rows.tail, mine, its, fit)
        return fit


def circles(known: Cascades, rng: np.random.Generator) -> Codes:
    """Return a community for each account, from who listens to whom.

    Parameters
    ----------
    known : Cascades
    rng : numpy.random.Generator

    Returns
    -------
    int32 array, shape (n_accounts,)
        All 0 where none stand out.
    """
    none = np.zeros(known.n_accounts, dtype=np.int32)
    graph = known.exposure
    if graph is None:
        return none
    found = communities(Graph(graph.ids, graph.indptr, graph.indices, np.ones(graph.m)), rng, runs=2)
    if isinstance(found, CannotTell):
        return none
    big = np.flatnonzero(found.sizes >= max(3, _LEAST_SHARE * known.n_accounts))[: MOST_SUBJECTS - 1]
    place = np.full(len(found.sizes) + 1, big.size, dtype=np.int32)
    place[big] = np.arange(big.size, dtype=np.int32)
    return place[np.where(found.labels < 0, len(found.sizes), found.labels)]


def learn_taste(known: Cascades, community: Codes, weight: Floats, start: Taste | None = None) -> Taste:
    """Learn interests and subjects.

    Parameters
    ----------
    known : Cascades
    community : int32 array, shape (n_accounts,)
    weight : float64 array, shape (n_adoptions,)
        How far each adoption counts as of own accord, 0 to 1.
    start : Taste, optional
        To go on from.

    Returns
    -------
    Taste

    References
    ----------
    Hofmann 2001, https://doi.org/10.1023/A:1007617005950
    """
    item, n, topics = known.item(), known.n_accounts, int(community.max()) + 1
    active = np.bincount(known.account, weights=weight, minlength=n) + 0.1
    starter = known.starters()
    if start is None:
        mine = np.full((n, topics), 0.4 / topics)
        mine[np.arange(n), community] += 0.6
        its = mine[starter]
    else:
        mine, its = start.account, start.item
    common = mine.copy()
    for _ in range(_TURNS):
        scale = active.sum() / np.maximum(active @ mine, 1e-9)
        by_account, by_item = np.zeros((n, topics)), np.zeros((known.n_items, topics))
        taste_turn(known.account, item, weight, mine, its, scale, by_account, by_item)
        # What a community takes up is what its members lean on.
        shares = np.zeros((topics, topics))
        np.add.at(shares, community, by_account)
        shares = (shares + 1.0 / topics) / (shares.sum(axis=1, keepdims=True) + 1.0)
        common = shares[community]
        mine = (by_account + _ACCOUNT_PRIOR * common) / (
            by_account.sum(axis=1, keepdims=True) + _ACCOUNT_PRIOR
        )
        its = (by_item + _ITEM_PRIOR * mine[starter]) / (by_item.sum(axis=1, keepdims=True) + _ITEM_PRIOR)
    scale = active.sum() / np.maximum(active @ mine, 1e-9)
    event = _without_itself(known, item, weight, mine, its, scale, by_account, by_item, common)
    return Taste(mine, its, scale, event)


def _without_itself(
    known: Cascades,
    item: Codes,
    weight: Floats,
    mine: Floats,
    its: Floats,
    scale: Floats,
    by_account: Floats,
    by_item: Floats,
    common: Floats,
) -> Floats:
    """Affinity of each adoption with its own trace taken out, or taste would explain whatever happened."""
    out = np.empty(item.size)
    starter = known.starters()
    for first in range(0, item.size, 1 << 18):
        part = slice(first, first + (1 << 18))
        u, i, w = known.account[part], item[part], weight[part, None]
        share = mine[u] * its[i] * scale
        share *= w / np.maximum(share.sum(axis=1, keepdims=True), 1e-300)
        left, right = np.maximum(by_account[u] - share, 0.0), np.maximum(by_item[i] - share, 0.0)
        a = (left + _ACCOUNT_PRIOR * common[u]) / (left.sum(axis=1, keepdims=True) + _ACCOUNT_PRIOR)
        b = (right + _ITEM_PRIOR * mine[starter[i]]) / (right.sum(axis=1, keepdims=True) + _ITEM_PRIOR)
        out[part] = (a * b * scale).sum(axis=1)
    return out
