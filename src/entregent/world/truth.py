"""The truth of a world as tables, with the ids that the conversation is written with."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entregent.records import join_id
from entregent.world.agenda import INTENTS
from entregent.world.kernels import HASHTAG, LINK, ORIGIN
from entregent.world.population import BRAND
from entregent.world.simulation import KINDS, REASONS, World
from entregent.world.speech import Speech
from entregent.world.wire import Network

__all__ = ["truth_tables"]

_ITEM_KINDS = ("post", "link", "hashtag")


def truth_tables(world: World, network: Network) -> dict[str, pa.Table]:
    """Return the truth by file name.

    Parameters
    ----------
    world : World
    network : Network
        The format that the conversation is written in.

    Returns
    -------
    dict of str to pyarrow.Table
        ``truth`` (one row per account), ``truth_adoptions`` (per act),
        ``truth_items``, ``truth_groups``. Ids are those of
        :mod:`entregent.records`, ``network:native-id``.
    """
    accounts = _full(network.prefix, network.account_ids())
    acts = _full(network.prefix, network.act_ids())
    return {
        "truth": _people(world, network, accounts),
        "truth_adoptions": _adoptions(world, accounts, acts),
        "truth_items": _items(world, network, accounts, acts),
        "truth_groups": _groups(world, accounts),
    }


def _full(prefix: str, native: pa.Array) -> pa.Array:
    import pyarrow.compute as pc

    start = pa.scalar(join_id(prefix, ""), pa.large_string())
    return pc.binary_join_element_wise(start, native, pa.scalar("", pa.large_string()))


def _named(names: tuple[str, ...], codes: NDArray[np.int8]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int8)), pa.array(names))


def _moments(micros: NDArray[np.int64], absent: NDArray[np.bool_] | None = None) -> pa.Array:
    return pa.array(micros, pa.int64(), mask=absent).cast(pa.timestamp("us", tz="UTC"))


def _people(world: World, network: Network, accounts: pa.Array) -> pa.Table:
    people = world.population
    real, bought = people.audience()
    size, fakes = people.size, people.size - people.people
    taste = np.vstack((people.taste, np.zeros((fakes, people.taste.shape[1]), dtype=np.float32)))
    flat = pa.array(taste.ravel(), pa.float32())
    return pa.table(
        {
            "person": pa.array(np.arange(size, dtype=np.int32)),
            "id": accounts,
            "handle": pa.array(network.handles()),
            "language": _named(("fr", "en"), people.lang),
            "community": pa.array(people.community),
            "taste": pa.FixedSizeListArray.from_arrays(flat, taste.shape[1]),
            "activity": pa.array(people.activity),
            "attention": pa.array(people.attention),
            "influence": pa.array(people.influence),
            "susceptibility": pa.array(people.susceptibility),
            "followers": pa.array(real),
            "followers_bought": pa.array(bought),
            "caused": pa.array(np.concatenate((world.caused(), np.zeros(fakes, dtype=np.int64)))),
            "is_bought": pa.array(people.bought),
            "bought_followers": pa.array(people.buyer),
            "coordinated_group": pa.array(people.group, mask=people.group < 0),
            "fast_fan": pa.array(people.fan),
            "advocate": pa.array(people.advocate),
            "brand": pa.array(np.arange(size) == BRAND),
            "followers_hidden": pa.array(people.hidden),
            "joined": _moments(people.joined),
        }
    )


def _adoptions(world: World, accounts: pa.Array, records: pa.Array) -> pa.Table:
    acts = world.acts
    none = acts.cause < 0
    cause = pa.array(acts.cause, mask=none)
    by = pa.array(acts.actor[np.maximum(acts.cause, 0)], mask=none)
    return pa.table(
        {
            "id": records,
            "item": pa.array(acts.item),
            "account": accounts.take(pa.array(acts.actor)),
            "time": _moments(acts.time),
            "kind": _named(KINDS, acts.kind),
            "object": records.take(pa.array(acts.object, mask=acts.object < 0)),
            "reason": _named(REASONS, acts.reason),
            "cause": records.take(cause),
            "cause_account": accounts.take(by),
            "exposures": pa.array(acts.seen),
            "deleted": _moments(acts.deleted, acts.deleted == 0),
        }
    )


def _items(world: World, network: Network, accounts: pa.Array, records: pa.Array) -> pa.Table:
    agenda = world.agenda
    speech = Speech(world, network.handles())
    kinds = agenda.kind.tolist()
    keys = [
        speech.link(item) if kind == LINK else speech.hashtag(item) if kind == HASHTAG else None
        for item, kind in enumerate(kinds)
    ]
    roots = np.flatnonzero(world.acts.reason == ORIGIN)
    first = np.empty(agenda.size, dtype=np.int64)
    first[world.acts.item[roots]] = roots
    return pa.table(
        {
            "item": pa.array(np.arange(agenda.size, dtype=np.int32)),
            "kind": _named(_ITEM_KINDS, agenda.kind),
            "key": pa.array(keys, pa.string()),
            "root": records.take(pa.array(first)),
            "account": accounts.take(pa.array(agenda.author)),
            "time": _moments(agenda.time),
            "topic": pa.array(agenda.topic),
            "language": _named(("fr", "en"), agenda.lang),
            "intent": _named(INTENTS, agenda.intent),
            "adoptions": pa.array(world.adoptions()),
        }
    )


def _groups(world: World, accounts: pa.Array) -> pa.Table:
    settings, group = world.settings, world.population.group
    members = [np.flatnonzero(group == number) for number in range(settings.groups)]
    acts = world.acts
    together = acts.reason == REASONS.index("coordinated")
    targets = [
        int(np.unique(acts.item[together & (group[acts.actor] == number)]).size)
        for number in range(settings.groups)
    ]
    return pa.table(
        {
            "group": pa.array(np.arange(settings.groups, dtype=np.int32)),
            "members": pa.array(
                [accounts.take(pa.array(each)).to_pylist() for each in members], pa.list_(pa.string())
            ),
            "items": pa.array(targets, pa.int64()),
            "jitter_seconds": pa.array([float(settings.jitter_seconds)] * settings.groups, pa.float64()),
        }
    )
