"""The graph holds every act once, in sorted rows, whatever the order in which acts came."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entregent.errors import InputError
from entregent.network import build, in_degree, out_degree, reverse, subgraph, undirected
from entregent.network.graph import matrix, to_networkit

names = st.one_of(st.none(), st.sampled_from([f"x:{k}" for k in range(7)] + ["é", ""]))
acts = st.lists(st.tuples(names, names, st.floats(0, 100)), max_size=60)


def graph_of(rows):
    return build(
        pa.array([a for a, _, _ in rows], pa.string()),
        pa.array([b for _, b, _ in rows], pa.string()),
        np.array([w for _, _, w in rows], dtype=float),
    )


@given(acts)
def test_acts_are_summed_and_left_out_ones_counted(rows):
    graph = graph_of(rows)
    expected = {}
    for a, b, w in rows:
        if a is not None and b is not None and a != b:
            expected[a, b] = expected.get((a, b), 0.0) + w
    ids = graph.ids.to_pylist()
    arcs = matrix(graph).tocoo()
    found = {(ids[i], ids[j]): w for i, j, w in zip(arcs.row, arcs.col, arcs.data, strict=True)}
    assert found == pytest.approx(expected)
    assert ids == sorted({side for a, b, _ in rows for side in (a, b) if side is not None}, key=str.encode)
    assert graph.self_loops == sum(a == b and a is not None for a, b, _ in rows)
    assert graph.nulls == sum(a is None or b is None for a, b, _ in rows)
    assert graph.indptr.dtype == np.int64
    assert graph.indices.dtype == np.int32
    for start, end in zip(graph.indptr[:-1], graph.indptr[1:], strict=True):
        assert (np.diff(graph.indices[start:end]) > 0).all()


@given(acts, st.randoms())
def test_the_order_of_acts_does_not_matter(rows, random):
    shuffled = list(rows)
    random.shuffle(shuffled)
    one, other = graph_of(rows), graph_of(shuffled)
    assert one.ids == other.ids
    assert (one.indptr == other.indptr).all()
    assert (one.indices == other.indices).all()
    assert one.weights == pytest.approx(other.weights)


def test_chunks_dictionaries_and_missing_weights():
    actor = pa.chunked_array([["a", "b"], ["a"]])
    target = pa.chunked_array([["b"], ["c", "b"]])
    graph = build(actor, target, pa.array([1.0, None, 2.0]))
    assert (graph.m, graph.weights.tolist(), graph.nulls) == (1, [3.0], 1)
    encoded = build(actor.dictionary_encode(), target)
    assert encoded.ids.to_pylist() == ["a", "b", "c"]
    assert build(pa.array([], pa.string()), pa.array([], pa.string())).n == 0


def test_degrees_reverse_subgraph_and_symmetry():
    graph = build(pa.array(["a", "a", "b", "c"]), pa.array(["b", "b", "c", "b"]))
    assert in_degree(graph).tolist() == [0, 2, 1]
    assert in_degree(graph, weighted=True).tolist() == [0, 3, 1]
    assert out_degree(graph).tolist() == [1, 1, 1]
    assert out_degree(graph, weighted=True).tolist() == [2, 1, 1]
    assert in_degree(reverse(graph)).tolist() == out_degree(graph).tolist()
    some = subgraph(graph, np.array([2, 1]))
    assert some.ids.to_pylist() == ["c", "b"]
    assert matrix(some).toarray().tolist() == [[0, 1], [1, 0]]
    both = matrix(undirected(graph)).toarray()
    assert (both == both.T).all()
    assert both[1, 2] == 2


def test_networkit_gets_the_same_weights():
    graph = build(pa.array(["a", "a", "b", "c", "c"]), pa.array(["b", "b", "c", "b", "a"]))
    loose = to_networkit(graph)
    assert (loose.numberOfNodes(), loose.numberOfEdges(), loose.totalEdgeWeight()) == (3, 3, 5.0)
    assert loose.weight(1, 2) == 2.0
    tight = to_networkit(graph, directed=True)
    assert (tight.numberOfEdges(), tight.weight(0, 1), tight.weight(1, 0)) == (4, 2.0, 0.0)


@pytest.mark.parametrize("weight", [[1.0], [-1.0, 1.0], [np.inf, 1.0]])
def test_bad_weights_stop(weight):
    with pytest.raises(InputError):
        build(pa.array(["a", "b"]), pa.array(["b", "a"]), np.array(weight))
    with pytest.raises(InputError, match="2 actors and 1 targets"):
        build(pa.array(["a", "b"]), pa.array(["b"]))
