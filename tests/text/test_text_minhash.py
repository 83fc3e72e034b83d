from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entregent.text.minhash import jaccard, near_duplicates, signatures

SIZE = 256


def texts_with_similarity(shared: int, alone: int) -> tuple[str, str, float]:
    """Two texts of words in runs of one, with a known Jaccard similarity."""
    common = [f"commun{n}" for n in range(shared)]
    one = [f"un{n}" for n in range(alone)]
    other = [f"deux{n}" for n in range(alone)]
    return " ".join(common + one), " ".join(common + other), shared / (shared + 2 * alone)


@pytest.mark.parametrize(("shared", "alone"), [(50, 0), (60, 20), (40, 40), (10, 60), (0, 50)])
def test_the_estimate_errs_as_broder_says(shared: int, alone: int) -> None:
    # Broder (1997): each place agrees with probability equal to the similarity.
    one, other, truth = texts_with_similarity(shared, alone)
    errors = []
    for seed in range(40):
        signed = signatures([one, other], size=SIZE, shingle=1, seed=seed)
        errors.append(float(jaccard(signed[0], signed[1])) - truth)
    expected = np.sqrt(truth * (1 - truth) / SIZE)
    assert abs(np.mean(errors)) <= 4 * expected / np.sqrt(40) + 1e-12
    assert np.std(errors) <= 1.5 * expected + 1e-12


@settings(max_examples=50)
@given(st.lists(st.text(max_size=30), max_size=5), st.integers(0, 100))
def test_signatures_depend_on_words_only(texts: list[str], seed: int) -> None:
    signed = signatures(texts, size=8, seed=seed)
    assert signed.shape == (len(texts), 8)
    assert np.array_equal(signed, signatures([f" {text}  !" for text in texts], size=8, seed=seed))


def test_accents_and_capitals_do_not_count() -> None:
    signed = signatures(["L’Été À PARIS commence", "l'ete a paris, commence..."])
    assert jaccard(signed[0], signed[1]) == 1


def test_texts_without_words_are_like_nothing() -> None:
    signed = signatures(["", "!?", None, "un mot"])
    assert jaccard(signed[0], signed[1]) == 0
    assert len(near_duplicates(signed).pairs) == 0


def test_near_duplicates_are_found_and_strangers_are_not() -> None:
    rng = np.random.default_rng(7)
    vocabulary = [f"mot{n}" for n in range(3_000)]
    texts = [" ".join(rng.choice(vocabulary, 40)) for _ in range(400)]
    changed = [text + " fin" for text in texts[:100]]
    same = [texts[399]] * 5
    found = near_duplicates(signatures([*texts, *changed, *same]), threshold=0.8)
    pairs = {tuple(pair) for pair in found.pairs.tolist()}
    expected = {(n, 400 + n) for n in range(100)} | {(399, 500 + n) for n in range(5)}
    assert pairs <= expected
    assert len(pairs & expected) >= 0.98 * len(expected)
    assert (found.similarity >= 0.8).all()
    assert found.buckets_cut == 0
    assert found.pairs.tolist() == sorted(found.pairs.tolist())


def test_many_equal_texts_make_a_star() -> None:
    found = near_duplicates(signatures(["le même texte partout"] * 3_000))
    assert found.pairs.shape == (2_999, 2)
    assert (found.pairs[:, 0] == 0).all()


def test_a_threshold_outside_its_range_is_refused() -> None:
    with pytest.raises(ValueError, match="threshold"):
        near_duplicates(signatures(["a"]), threshold=0)
    assert near_duplicates(signatures([])).pairs.shape == (0, 2)
