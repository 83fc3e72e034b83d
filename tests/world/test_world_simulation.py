from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entregent.clock import to_micros
from entregent.errors import Cancelled, InputError
from entregent.progress import Quiet
from entregent.world import Burst, World, WorldSettings, effects, extra_adoptions, simulate
from entregent.world.kernels import POST, REPLY, REPOST
from entregent.world.simulation import REASONS

SMALL = WorldSettings(people=400, days=30, items_per_day=1.0, seed=11)


@cache
def run(**dials: object) -> World:
    return simulate(replace(SMALL, **dials))  # type: ignore[arg-type]


def same(one: World, other: World) -> bool:
    pairs = [*zip(one.acts, other.acts, strict=True), *zip(one.likes, other.likes, strict=True)]
    return all(np.array_equal(mine, theirs) for mine, theirs in pairs)


def table(world: World) -> dict[tuple[int, int], tuple[int, ...]]:
    """Item and actor of every act to what is true of it, places in the table left out."""
    acts = world.acts
    key = list(zip(acts.item.tolist(), acts.actor.tolist(), strict=True))
    objects = [key[at] if at >= 0 else (-1, -1) for at in acts.object.tolist()]
    columns = zip(
        acts.time.tolist(), acts.kind.tolist(), acts.reason.tolist(), acts.seen.tolist(), objects,
        acts.uid.tolist(), acts.deleted.tolist(), acts.mention.tolist(), strict=True,
    )  # fmt: skip
    return dict(zip(key, columns, strict=True))


def of_reason(world: World, reason: str) -> np.ndarray:
    return np.flatnonzero(world.acts.reason == REASONS.index(reason))


def test_the_same_seed_gives_the_same_world_and_another_seed_another() -> None:
    assert same(run(), simulate(SMALL))
    assert not same(run(), run(seed=12))


def test_acts_are_in_order_once_per_person_and_item_within_the_period() -> None:
    acts, dials = run().acts, run().settings
    assert (np.diff(acts.time) >= 0).all()
    pairs = acts.item.astype(np.int64) * dials.people + acts.actor
    assert np.unique(pairs).size == pairs.size
    assert acts.time.min() >= to_micros(dials.starts_at)
    assert acts.time.max() < to_micros(dials.ends_at)


def test_objects_and_causes_come_before_and_belong_to_the_same_item() -> None:
    acts, likes = run().acts, run().likes
    for pointer in (acts.object, acts.cause):
        mine = np.flatnonzero(pointer >= 0)
        assert mine.size
        assert (acts.time[pointer[mine]] < acts.time[mine]).all()
        assert (acts.item[pointer[mine]] == acts.item[mine]).all()
    assert ((acts.object < 0) == (acts.kind == POST)).all()
    made = acts.object[acts.object >= 0]
    assert (acts.kind[made] != REPOST).all()
    assert (acts.kind[likes.object] != REPOST).all()
    assert (likes.time > acts.time[likes.object]).all()


def test_a_cause_is_a_followed_account_that_was_seen() -> None:
    world = run()
    follows = world.population.follows
    pairs = set(zip(follows.follower.tolist(), follows.followed().tolist(), strict=True))
    caused = np.flatnonzero(world.acts.cause >= 0)
    by = world.acts.actor[world.acts.cause[caused]]
    assert (world.acts.seen[caused] >= 1).all()
    assert all(pair in pairs for pair in zip(world.acts.actor[caused].tolist(), by.tolist(), strict=True))
    assert (world.acts.kind[world.acts.cause[caused]] != REPLY).all()
    assert (world.population.influence[by] > 0).all()


def test_without_influence_nothing_has_a_cause_and_nobody_has_an_effect() -> None:
    world = run(influence=0.0)
    assert (world.acts.cause < 0).all()
    assert not of_reason(world, "influenced").size
    assert same(world, simulate(world.settings, without=17))
    assert [effect.total for effect in effects(world, range(20))] == [0] * 20


def test_influence_raises_adoptions() -> None:
    totals = [run(influence=scale).acts.item.size for scale in (0.0, 1.0, 2.0)]
    assert totals[0] < totals[1] < totals[2]


def test_without_susceptibility_nobody_is_influenced() -> None:
    world = run(susceptibility=0.0)
    assert world.population.influence.max() > 0
    assert (world.acts.cause < 0).all()


def test_without_a_person_all_that_does_not_follow_from_the_person_stays() -> None:
    world = run(influence=2.0)
    person = int(np.argmax(world.caused()))
    other = simulate(world.settings, without=person)
    with_, without = table(world), table(other)
    moved = world.acts.cause[world.acts.cause >= 0]
    touched = set(world.acts.item[moved[world.acts.actor[moved] == person]].tolist())
    changed = {key for key in with_.keys() | without.keys() if with_.get(key) != without.get(key)}
    assert changed
    assert {item for item, _ in changed} <= touched
    acts = world.acts
    first = {int(acts.item[at]): int(acts.time[at]) for at in np.flatnonzero(acts.actor == person)[::-1]}
    for item, actor in changed:
        moments = [rows[(item, actor)][0] for rows in (with_, without) if (item, actor) in rows]
        assert min(moments) > first[item]
    # Planned and own acts of others are there in both, at the latest when they were planned.
    own = {key for key, row in with_.items() if REASONS[row[2]] in ("origin", "own", "coordinated", "care")}
    assert own <= without.keys()


def test_the_effect_of_some_items_again_is_that_of_two_whole_runs() -> None:
    world = run(influence=1.5)
    top = np.argsort(-world.caused())[:3].tolist()
    for effect in effects(world, top):
        assert effect.total == extra_adoptions(world.settings, effect.person) == effect.extra.sum()
        assert effect.total > 0
        assert 0 < effect.direct <= world.caused()[effect.person]


def test_an_effect_needs_a_whole_world_and_a_person_in_it() -> None:
    with pytest.raises(InputError, match="without person 3"):
        effects(simulate(SMALL, without=3), [3])
    with pytest.raises(InputError, match="no person 400"):
        simulate(SMALL, without=400)


def alikeness(world: World) -> float:
    """Correlation of a follower's and the followed's tastes, topic by topic, over real people."""
    people, follows = world.population, world.population.follows
    followed = follows.followed()
    real = follows.follower < people.people
    one, other = people.taste[follows.follower[real]], people.taste[followed[real]]
    one, other = one - one.mean(axis=0), other - other.mean(axis=0)
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum()))


def test_homophily_raises_the_correlation_of_tastes_along_follows() -> None:
    dials = {"people": 1500, "days": 2}
    none, some, much = (alikeness(run(**dials, homophily=share)) for share in (0.0, 0.5, 0.95))
    assert abs(none) < 0.05
    assert 0.15 < some < much
    assert much > 0.4


def after_a_followed(world: World) -> float:
    """Share of adoptions after an adoption of a followed account: what counting calls influence."""
    adopted = world.acts.seen[world.acts.reason != 0]
    return float((adopted > 0).mean())


def test_homophily_alone_makes_people_act_after_those_they_follow() -> None:
    dials = {"people": 1500, "influence": 0.0, "item_reach": 0.05, "own_accord": 2.0, "topics": 12}
    alone, alike = run(**dials, homophily=0.0), run(**dials, homophily=0.9)
    assert after_a_followed(alike) > 1.3 * after_a_followed(alone) > 0


def test_influence_is_not_audience_unless_asked() -> None:
    def correlation(tilt: float) -> float:
        people = run(people=2000, days=2, influence_audience=tilt, ineffective=0.0).population
        real, _ = people.audience()
        return float(np.corrcoef(np.log(people.influence[:2000]), np.log(1 + real[:2000]))[0, 1])

    assert abs(correlation(0.0)) < 0.1
    assert correlation(0.8) > 0.6
    assert correlation(-0.8) < -0.6


def test_some_known_people_move_nobody() -> None:
    people = run(people=2000, days=2, ineffective=0.3).population
    share = (people.influence[:2000] == 0).mean()
    assert 0.25 < share < 0.35
    real, _ = people.audience()
    stars = np.argsort(-real[:2000])[:60]
    assert (people.influence[stars] == 0).any()


def test_bought_accounts_follow_the_buyers_in_one_delivery_and_do_nothing() -> None:
    world = run(buyers=2, bought_share=0.1)
    people = world.population
    assert people.bought.sum() == 40
    assert not np.isin(np.flatnonzero(people.bought), world.acts.actor).any()
    _, bought = people.audience()
    assert (bought[people.buyer] > 15).all()
    follows = people.follows
    for buyer in np.flatnonzero(people.buyer):
        rows = slice(follows.indptr[buyer], follows.indptr[buyer + 1])
        since = follows.since[rows][follows.follower[rows] >= people.people]
        assert since.max() - since.min() < 2 * 86_400_000_000
    assert (follows.since >= people.joined[follows.follower]).all()
    assert not run(buyers=0).population.bought.any()


def test_coordinated_groups_repost_the_same_posts_within_the_jitter() -> None:
    world = run(groups=3, group_size=4, co_actions=6, jitter_seconds=20.0)
    acts, group = world.acts, world.population.group
    together = of_reason(world, "coordinated")
    for number in range(3):
        mine = together[group[acts.actor[together]] == number]
        spans = [np.ptp(acts.time[mine[acts.item[mine] == item]]) for item in np.unique(acts.item[mine])]
        assert len(spans) >= 4
        assert max(spans) <= 20_000_000
    assert (acts.kind[together] == REPOST).all()
    assert not of_reason(run(groups=0), "coordinated").size


def test_camouflage_adds_innocent_acts_of_the_group() -> None:
    def innocent(share: float) -> int:
        world = run(camouflage=share, co_actions=10)
        return int((world.population.group[world.acts.actor[of_reason(world, "own")]] >= 0).sum())

    assert innocent(0.0) + 30 < innocent(0.7)


def test_fast_fans_react_at_once_and_belong_to_no_group() -> None:
    world = run(fast_fans=20, fan_seconds=15.0, posts_per_month=3.0)
    acts, people = world.acts, world.population
    quick = of_reason(world, "fan")
    assert quick.size > 30
    wait = (acts.time[quick] - acts.time[acts.object[quick]]) / 1e6
    assert 8 < np.median(wait) < 60
    assert people.fan[acts.actor[quick]].all()
    assert (people.group[people.fan] == -1).all()
    assert (acts.cause[quick] == -1).all()


def test_a_burst_brings_talk_on_its_day() -> None:
    world = run(bursts=(Burst(10.0, "outage", 8.0, 5.0),))
    start = to_micros(world.settings.starts_at)
    day = (world.agenda.time - start) // 86_400_000_000
    count = np.bincount(day, minlength=30)
    assert count[10] > 3 * np.median(count)


def test_people_sleep() -> None:
    world = run()
    adopted = np.flatnonzero((world.acts.reason == REASONS.index("own")) & (world.acts.actor != 0))
    minute = world.acts.time[adopted] // 60_000_000 + world.population.offset[world.acts.actor[adopted]]
    assert ((minute % 1440) >= 385).all()


def test_languages_and_deletions_have_ends_of_scale() -> None:
    assert (run(french=1.0).agenda.lang == 0).all()
    assert (run(french=0.0).agenda.lang == 1).all()
    assert (run(deletions=0.0).acts.deleted == 0).all()
    gone = run(deletions=1.0).acts
    assert ((gone.deleted > 0) == (gone.kind != REPOST)).all()


def test_an_explosion_is_an_error_with_a_way_out() -> None:
    dials = replace(SMALL, influence=20.0, susceptibility=20.0, follows=100.0, most_events=20_000)
    with pytest.raises(InputError, match="Lower influence"):
        simulate(dials)


def test_a_world_can_be_silent() -> None:
    world = run(posts_per_month=0.0, items_per_day=0.0, topics=1)
    assert world.acts.item.size == world.likes.actor.size == world.agenda.size == 0
    assert world.population.follows.follower.size


def test_cancelled_work_stops() -> None:
    class Impatient(Quiet):
        def cancelled(self) -> bool:
            return True

    with pytest.raises(Cancelled):
        simulate(SMALL, progress=Impatient())


@given(
    homophily=st.floats(0, 1),
    influence=st.floats(0, 2),
    topics=st.integers(1, 12),
    french=st.floats(0, 1),
    seed=st.integers(0, 2**63 - 1),
)
@settings(max_examples=15, deadline=None)
def test_any_dials_give_a_sound_world(
    homophily: float, influence: float, topics: int, french: float, seed: int
) -> None:
    world = simulate(
        WorldSettings(
            people=80, days=5, homophily=homophily, influence=influence, topics=topics, french=french,
            seed=seed, fast_fans=4, advocates=2, buyers=1,
        )
    )  # fmt: skip
    acts = world.acts
    assert acts.actor.size == 0 or acts.actor.max() < 80
    assert (acts.object < np.arange(acts.object.size)).all()
    assert np.isfinite(world.population.influence).all()
    assert (world.population.follows.tie <= 1).all()
