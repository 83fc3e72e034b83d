"""Communities: planted ones are found, chance is told from structure, borders are measured."""

from dataclasses import replace
from pathlib import Path

import networkit as nk
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest

from entregent.network import Communities, build, communities
from entregent.network.communities import adjusted_rand
from entregent.results import CannotTell

CASCADES = Path(__file__).parents[3] / "shared" / "data" / "cascades-stackexchange" / "android.csv"

# Zachary, W. W. (1977). An information flow model for conflict and fission in
# small groups. Journal of Anthropological Research 33, 452-473. Ties from member to later members.
KARATE = {
    1: (2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 18, 20, 22, 32),
    2: (3, 4, 8, 14, 18, 20, 22, 31),
    3: (4, 8, 9, 10, 14, 28, 29, 33),
    4: (8, 13, 14),
    5: (7, 11),
    6: (7, 11, 17),
    7: (17,),
    9: (31, 33, 34),
    10: (34,),
    14: (34,),
    15: (33, 34),
    16: (33, 34),
    19: (33, 34),
    20: (34,),
    21: (33, 34),
    23: (33, 34),
    24: (26, 28, 30, 33, 34),
    25: (26, 28, 32),
    26: (32,),
    27: (30, 34),
    28: (34,),
    29: (32, 34),
    30: (33, 34),
    31: (33, 34),
    32: (33, 34),
    33: (34,),
}


def graph_of(pairs):
    return build(pa.array([f"{a:04}" for a, _ in pairs]), pa.array([f"{b:04}" for _, b in pairs]))


def planted(rng, groups=5, each=40, inside=0.2, between=0.01):
    label = np.repeat(np.arange(groups), each)
    chance = np.where(label[:, None] == label[None, :], inside, between)
    return graph_of(np.argwhere(rng.random(chance.shape) < chance)), label


def test_planted_groups_are_found_and_firm():
    graph, label = planted(np.random.default_rng(1))
    found = communities(graph, np.random.default_rng(2))
    assert isinstance(found, Communities)
    assert adjusted_rand(found.labels, label) > 0.97
    assert found.sizes.tolist() == sorted(found.sizes, reverse=True)
    assert found.stability > 0.95
    assert found.modularity > found.chance + 0.2
    assert ((found.inside > 0) & (found.inside < 1)).all()


def test_chance_is_not_taken_for_structure():
    rng = np.random.default_rng(3)
    graph = graph_of(rng.integers(0, 400, (1200, 2)))
    found = communities(graph, rng)
    assert isinstance(found, Communities)
    assert abs(found.modularity - found.chance) < 0.03
    assert found.stability < 0.4


def test_strong_links_between_loud_people_are_not_taken_for_structure():
    # Everybody acts in proportion to how loud they are: weights vary a hundredfold, groups there are none.
    rng = np.random.default_rng(8)
    loud = 1 / np.arange(1, 201)
    acts = rng.choice(200, (20_000, 2), p=loud / loud.sum())
    found = communities(graph_of(acts), rng)
    assert isinstance(found, Communities)
    assert abs(found.modularity - found.chance) < 0.03


def test_weights_that_are_no_counts_have_a_chance_too():
    graph, _ = planted(np.random.default_rng(1))
    scaled = replace(graph, weights=graph.weights * 0.37)
    found = communities(scaled, np.random.default_rng(2))
    whole = communities(graph, np.random.default_rng(2))
    assert isinstance(found, Communities)
    assert isinstance(whole, Communities)
    assert found.modularity == pytest.approx(whole.modularity)
    assert found.chance == pytest.approx(whole.chance, abs=0.03)


def test_karate_club_reaches_the_best_known_modularity():
    # 0.4198 is the maximum: Brandes, U. et al. (2008). On modularity clustering. IEEE
    # Transactions on Knowledge and Data Engineering 20, 172-188. doi 10.1109/TKDE.2007.190689
    graph = graph_of([(a, b) for a, others in KARATE.items() for b in others])
    assert (graph.n, graph.m) == (34, 78)
    found = communities(graph, np.random.default_rng(0), runs=20)
    assert isinstance(found, Communities)
    assert found.modularity == pytest.approx(0.4198, abs=0.0005)
    assert len(found.sizes) == 4


def test_the_same_seed_gives_the_same_division_and_leaves_threads_alone():
    graph, _ = planted(np.random.default_rng(4), inside=0.1, between=0.02)
    threads = nk.getMaxNumberOfThreads()
    one = communities(graph, np.random.default_rng(9))
    other = communities(graph, np.random.default_rng(9))
    assert isinstance(one, Communities)
    assert isinstance(other, Communities)
    assert (one.labels == other.labels).all()
    assert (one.modularity, one.chance, one.stability) == (other.modularity, other.chance, other.stability)
    assert nk.getMaxNumberOfThreads() == threads


def test_small_communities_and_lonely_accounts_get_no_number():
    pairs = [(a, b) for a in range(12) for b in range(12) if a != b] + [(20, 21), (30, 30)]
    graph = graph_of(pairs)
    found = communities(graph, np.random.default_rng(0))
    assert isinstance(found, Communities)
    assert found.sizes.tolist() == [12]
    assert found.labels.tolist() == [0] * 12 + [-1] * 3
    assert found.inside.tolist() == [1.0]


def test_share_inside_counts_acts_of_and_on_members():
    ring = [(a, b) for a in range(6) for b in range(6) if a != b]
    pairs = ring + [(a + 10, b + 10) for a, b in ring] + [(0, 10)]
    found = communities(graph_of(pairs), np.random.default_rng(0))
    assert isinstance(found, Communities)
    assert found.inside.tolist() == pytest.approx([30 / 31, 30 / 31])


@pytest.mark.parametrize("pairs", [[], [(0, 1)], [(a, a + 1) for a in range(8)]])
def test_too_small_graphs_cannot_tell(pairs):
    found = communities(graph_of(pairs), np.random.default_rng(0))
    assert isinstance(found, CannotTell)
    assert found.code == "network.too_small"


def test_adjusted_rand_of_a_known_table():
    # Table 2 of Yeung, K. Y. and Ruzzo, W. L. (2001), Details of the adjusted Rand index and
    # clustering algorithms, supplement to Bioinformatics 17, 763-774: 0.313.
    a = np.array([0, 0, 1, 1, 1, 1, 2, 2, 2, 2])
    b = np.array([0, 1, 0, 1, 1, 2, 2, 2, 2, 2])
    assert adjusted_rand(a, b) == pytest.approx(0.313, abs=0.0005)
    assert adjusted_rand(a, a) == 1.0
    assert adjusted_rand(np.zeros(5, int), np.zeros(5, int)) == 1.0
    rng = np.random.default_rng(0)
    by_chance = [adjusted_rand(rng.integers(0, 4, 200), rng.integers(0, 4, 200)) for _ in range(60)]
    assert abs(np.mean(by_chance)) < 0.01


@pytest.mark.data
def test_real_answers_on_a_question_site_have_no_firm_communities():
    if not CASCADES.is_file():
        pytest.skip(f"real data are not here: {CASCADES}")
    table = pa.csv.read_csv(CASCADES)
    graph = build(table["user"].cast(pa.string()), table["root_user"].cast(pa.string()))
    found = communities(graph, np.random.default_rng(0))
    assert isinstance(found, Communities)
    assert abs(found.modularity - found.chance) < 0.02
    assert found.stability < 0.5
