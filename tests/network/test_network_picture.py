"""The picture can be read: circles and names apart, communities apart, the same for the same seed."""

from itertools import combinations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entregent.errors import InputError
from entregent.network import Picture, build, communities, in_degree, picture, radius
from entregent.network.layout import HEIGHT, LETTER, LINE, WIDTH, anchors, layout
from entregent.results import CannotTell


def boxes_of(px, py, size, names, sides):
    boxes = []
    for x, y, r, name, side in zip(px, py, size, names, sides, strict=True):
        wide = LETTER * min(len(name), 24)
        corner = {
            "right": (x + r + 3, y - LINE / 2),
            "left": (x - r - 3 - wide, y - LINE / 2),
            "below": (x - wide / 2, y + r + 2),
            "above": (x - wide / 2, y - r - 2 - LINE),
        }.get(side)
        if corner:
            boxes.append((corner[0], corner[1], corner[0] + wide, corner[1] + LINE))
    return boxes


def meet(a, b):
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


@pytest.fixture(scope="module")
def six():
    rng = np.random.default_rng(5)
    label = np.repeat(np.arange(6), 50)
    loud = rng.lognormal(0, 1, len(label))
    chance = np.where(label[:, None] == label[None, :], 0.15, 0.004) * loud[None, :] / loud.mean()
    pairs = np.argwhere(rng.random(chance.shape) < chance)
    graph = build(pa.array([f"x:{a:03}" for a in pairs[:, 0]]), pa.array([f"x:{b:03}" for b in pairs[:, 1]]))
    return graph, communities(graph, np.random.default_rng(0)).labels


@pytest.fixture(scope="module")
def drawn(six):
    graph, labels = six
    names = [f"@account_{k}" for k in range(graph.n)]
    found = picture(graph, labels, np.random.default_rng(3), names=names)
    assert isinstance(found, Picture)
    return found, [names[i] for i in found.node]


def test_circles_stay_on_the_paper_and_apart(drawn):
    found, _ = drawn
    size = radius(found.listeners)
    px, py = found.x * WIDTH, found.y * HEIGHT
    assert (px - size >= 0).all()
    assert (px + size <= WIDTH).all()
    assert (py - size >= 0).all()
    assert (py + size <= HEIGHT).all()
    far = np.hypot(px[:, None] - px, py[:, None] - py) - size[:, None] - size
    assert (far[np.triu_indices(len(px), 1)] > -1.0).all()


def test_names_do_not_meet_and_the_loudest_are_named(drawn):
    found, names = drawn
    size = radius(found.listeners)
    boxes = boxes_of(found.x * WIDTH, found.y * HEIGHT, size, names, found.anchor)
    assert len(boxes) > 20
    assert not [pair for pair in combinations(boxes, 2) if meet(*pair)]
    assert all(box[0] >= 0 and box[2] <= WIDTH and box[1] >= 0 and box[3] <= HEIGHT for box in boxes)
    assert sum(map(bool, found.anchor[:8])) >= 6


def test_communities_stand_apart(drawn):
    found, _ = drawn
    points = np.stack([found.x * WIDTH, found.y * HEIGHT], axis=1)
    far = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    np.fill_diagonal(far, np.inf)
    nearest = far.argmin(axis=1)
    assert (found.community[nearest] == found.community).mean() > 0.9


def test_chosen_are_those_listened_to_with_arcs_among_them(six, drawn):
    graph, labels = six
    found, _ = drawn
    assert len(found.node) <= 120
    assert len(found.arc_from) <= 360
    assert (np.diff(found.listeners) <= 0).all()
    assert (found.listeners == in_degree(graph)[found.node]).all()
    assert found.node[0] == np.argmax(in_degree(graph))
    assert set(found.community) == set(range(6))
    assert (found.community == labels[found.node]).all()
    arcs = {(i, int(j)) for i in range(graph.n) for j in graph.indices[graph.indptr[i] : graph.indptr[i + 1]]}
    for tail, head in zip(found.arc_from, found.arc_to, strict=True):
        assert (found.node[tail], found.node[head]) in arcs


def test_the_same_seed_gives_the_same_picture(six, drawn):
    graph, labels = six
    again = picture(graph, labels, np.random.default_rng(3), names=[f"@account_{k}" for k in range(graph.n)])
    assert isinstance(again, Picture)
    assert (again.x == drawn[0].x).all()
    assert again.anchor == drawn[0].anchor


def test_names_default_to_ids_without_their_network(six):
    graph, labels = six
    found = picture(graph, labels, np.random.default_rng(3), nodes=20)
    assert isinstance(found, Picture)
    assert len(found.node) <= 20


def test_speakers_that_nobody_links_cannot_be_drawn():
    stars = build(pa.array([f"fan{k}" for k in range(60)]), pa.array([f"star{k % 3}" for k in range(60)]))
    found = picture(stars, np.zeros(stars.n, np.int32), np.random.default_rng(0))
    assert isinstance(found, CannotTell)
    assert found.code == "network.no_links"
    with pytest.raises(InputError, match="labels"):
        picture(stars, np.zeros(3, np.int32), np.random.default_rng(0))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 40), st.integers(0, 2**32 - 1), st.booleans())
def test_any_graph_is_placed_inside(n, seed, lonely):
    rng = np.random.default_rng(seed)
    m = 0 if lonely or n < 2 else 2 * n
    tail, head = rng.integers(0, max(n, 1), (2, m))
    group = rng.integers(-1, 3, n)
    x, y = layout(tail, head, rng.random(m), group, np.full(n, 6.0), rng, steps=40)
    assert x.shape == y.shape == (n,)
    assert ((x >= 0) & (x <= 1) & (y >= 0) & (y <= 1)).all()
    sides = anchors(x, y, np.full(n, 6.0), ["name"] * n)
    assert not [
        pair
        for pair in combinations(boxes_of(x * WIDTH, y * HEIGHT, [6.0] * n, ["name"] * n, sides), 2)
        if meet(*pair)
    ]


def test_area_grows_with_listeners():
    sizes = radius(np.array([0, 25, 100]))
    assert sizes[0] < sizes[1] < sizes[2]
    assert (sizes[1] - sizes[0]) * 2 == pytest.approx(sizes[2] - sizes[0])
    assert radius(np.array([50]), 100)[0] < radius(np.array([50]))[0]
    assert radius(np.array([], dtype=int)).shape == (0,)
