"""What somebody who collects a conversation sees of a world: acts and follows, no causes."""

from __future__ import annotations

import pyarrow as pa

from entregent.world.simulation import KINDS, World

__all__ = ["collected"]


def collected(world: World) -> tuple[pa.Table, pa.Table]:
    """Return acts and follows as :func:`entregent.influence.cascades.cascades` takes them.

    Parameters
    ----------
    world : World

    Returns
    -------
    acts : pyarrow.Table
        account, item, time (microseconds), and shows: whether the act was
        shown to those who follow the account, which a reply is not.
    follows : pyarrow.Table
        actor, target, time. Accounts are named by their code in the world.

    Examples
    --------
    >>> from entregent.world import WorldSettings, simulate
    >>> acts, follows = collected(simulate(WorldSettings(people=300, days=10, seed=1)))
    >>> acts.column_names, follows.column_names
    (['account', 'item', 'time', 'shows'], ['actor', 'target', 'time'])
    """
    acts, follows = world.acts, world.population.follows
    ids = pa.array([f"{code:05d}" for code in range(world.population.size)])
    rows = {
        "account": ids.take(pa.array(acts.actor)),
        "item": pa.array(acts.item.astype(str)),
        "time": acts.time,
        "shows": acts.kind != KINDS.index("reply"),
    }
    arcs = {
        "actor": ids.take(pa.array(follows.follower)),
        "target": ids.take(pa.array(follows.followed())),
        "time": follows.since,
    }
    return pa.table(rows), pa.table(arcs)
