"""The share of fakes: it holds its truth, abstains where it should, and names nobody."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pyarrow as pa
import pytest
from judged import people

from entregent.authenticity.audience import Audience, audience
from entregent.authenticity.audience_labels import labelled_share
from entregent.authenticity.audience_model import Reference, learned
from entregent.authenticity.audience_profiles import labels_of, profiles
from entregent.authenticity.audience_resemblance import effective
from entregent.errors import InputError
from entregent.results import CannotTell, Estimate


@pytest.fixture(scope="module")
def reference() -> Reference:
    return learned(people(120, 400, np.random.default_rng(1)), np.random.default_rng(2))


def test_intervals_hold_over_worlds_with_references_of_their_own() -> None:
    held, errors, naive, told = 0, [], 0, 0
    for seed in range(50):
        rng = np.random.default_rng(seed)
        share = float(rng.uniform(0.05, 0.6))
        fakes = int(rng.binomial(1000, share))
        known = learned(people(60, 240, rng), rng)
        found = audience(people(fakes, 1000 - fakes, rng), known, rng)
        if not isinstance(found.share, Estimate) or found.counted is None:
            continue
        told += 1
        held += found.share.low <= share <= found.share.high
        naive += found.counted.low <= share <= found.counted.high
        errors.append(abs(found.share.value - share))
    assert told >= 45
    # Of 50 at 90 %: 0.77 is three standard errors below.
    assert held / told >= 0.77
    assert naive / told < held / told - 0.2
    assert np.mean(errors) < 0.04


def test_no_fakes_gives_an_interval_that_reaches_zero(reference: Reference) -> None:
    low = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        share = audience(people(0, 1000, rng), reference, rng).share
        low.append(isinstance(share, CannotTell) or share.low == 0.0)
    assert np.mean(low) >= 0.8


@pytest.mark.parametrize("change", ["scale", "shuffle", "exchange"])
def test_it_abstains_on_a_foreign_platform(reference: Reference, change: str) -> None:
    silent = 0
    for seed in range(20):
        rng = np.random.default_rng([5, seed])
        table = people(300, 700, rng, scale=4.0 if change == "scale" else 1.0)
        if change == "shuffle":
            table = pa.table({c: rng.permutation(np.asarray(table[c])) for c in table.column_names})
        if change == "exchange":
            table = table.rename_columns(
                [{"followers": "following", "following": "followers"}.get(c, c) for c in table.column_names]
            )
        share = audience(table, reference, rng).share
        silent += isinstance(share, CannotTell) and share.code == "audience.unlike_reference"
    assert silent >= 19


def test_labels_of_the_team_serve_where_the_reference_does_not(reference: Reference) -> None:
    rng = np.random.default_rng(7)
    table = people(300, 700, rng, scale=10.0)
    labels = np.full(1000, np.nan)
    looked = rng.choice(1000, 200, replace=False)
    labels[looked] = np.asarray(table["is_fake"])[looked]
    found = audience(table, reference, rng, labels=labels)
    assert isinstance(found.share, Estimate)
    assert found.share.low <= 0.3 <= found.share.high
    assert found.labelled == found.share.n == 200
    alone = audience(table, None, rng, labels=labels)
    assert isinstance(alone.share, Estimate)
    assert found.share.high - found.share.low < alone.share.high - alone.share.low


def test_labels_hold_their_truth() -> None:
    held = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        truth = float(rng.uniform(0.05, 0.6))
        fake = rng.random(1000) < truth
        evidence = np.where(fake, 1.0, -1.0) + rng.normal(0, 1, 1000)
        labels = np.full(1000, np.nan)
        looked = rng.choice(1000, 200, replace=False)
        labels[looked] = fake[looked]
        share, _ = labelled_share(labels, evidence, None, rng)
        assert isinstance(share, Estimate)
        held += share.low <= truth <= share.high
    assert 0.81 <= held / 100 <= 0.97


def test_labels_that_were_picked_are_noticed() -> None:
    rng = np.random.default_rng(3)
    evidence = rng.normal(0, 1, 1000)
    labels = np.full(1000, np.nan)
    labels[np.argsort(evidence)[-200:]] = 1.0
    _, notices = labelled_share(labels, evidence, None, rng)
    assert [notice.code for notice in notices] == ["audience.labels_not_random"]


def test_the_same_profile_many_times_says_no_more_than_once(reference: Reference) -> None:
    rng = np.random.default_rng(11)
    few = people(30, 70, rng)
    many = few.take(pa.array(np.tile(np.arange(100), 10)))
    distinct = people(300, 700, rng)
    wide, narrow = (audience(t, reference, np.random.default_rng(1)).share for t in (many, distinct))
    assert isinstance(wide, Estimate)
    assert isinstance(narrow, Estimate)
    assert wide.high - wide.low > 1.2 * (narrow.high - narrow.low)
    assert effective(np.ones(100), np.repeat(np.arange(10), 10)) == pytest.approx(10.0)


def test_nobody_is_named_or_scored(reference: Reference) -> None:
    rng = np.random.default_rng(5)
    table = people(200, 800, rng).append_column("username", pa.array([f"name{k:04d}" for k in range(1000)]))
    found = audience(table, reference, rng)
    assert "name0" not in repr(found)
    long = [
        field.name
        for field in fields(Audience)
        if hasattr(value := getattr(found, field.name), "__len__") and len(value) > 20
    ]
    assert long == []


def test_too_few_hidden_and_impossible(reference: Reference) -> None:
    rng = np.random.default_rng(6)
    share = audience(people(30, 100, rng), reference, rng).share
    assert isinstance(share, CannotTell)
    assert share.code == "audience.small_sample"
    table = people(200, 800, rng)
    odd = table.set_column(4, "is_private", pa.array([7] * 1000))
    share = audience(odd, reference, rng).share
    assert isinstance(share, CannotTell)
    assert share.code == "audience.impossible_value"
    hidden = table.set_column(0, "posts", pa.array([None] * 500 + [3] * 500, pa.int64()))
    found = profiles(hidden)
    assert "posts" not in found.traits
    assert [notice.code for notice in found.notices] == ["audience.trait_hidden"]
    gaps = table.set_column(0, "posts", pa.array([None] * 50 + [3] * 950, pa.int64()))
    assert len(profiles(gaps).values) == 950


def test_errors_say_what_to_do() -> None:
    rng = np.random.default_rng(8)
    with pytest.raises(InputError, match="10 people judged fake"):
        learned(people(10, 100, rng), rng)
    with pytest.raises(InputError, match="neither a reference nor a label"):
        audience(people(100, 200, rng), None, rng)
    with pytest.raises(InputError, match="'perhaps' says neither"):
        labels_of(pa.table({"is_fake": ["1", "perhaps"]}))
    with pytest.raises(InputError, match="have 1 of the traits"):
        profiles(pa.table({"posts": [1, 2]}))
    with pytest.raises(InputError, match="column posts"):
        profiles(pa.table({"posts": ["many"], "followers": [1], "following": [1]}))


def test_traits_of_a_name() -> None:
    table = pa.table({"username": ["@anna_12", None], "posts": [1, 2], "followers": [0, 9]})
    found = profiles(table, ("posts", "username_length", "username_digits", "username_letters_share"))
    assert found.values[0].tolist() == pytest.approx([np.log(2), 7.0, np.log(3), 4 / 7])
    assert [notice.code for notice in found.notices] == ["audience.incomplete"]


@pytest.mark.data
def test_real_followers(shared_data) -> None:
    import pyarrow.csv as csv

    path = shared_data / "followers_srf" / "labelled_followers.csv"
    if not path.is_file():
        pytest.skip(f"{path.name} is not there")
    table = csv.read_csv(path)
    fake = np.asarray(table["is_fake"]) == 1
    held, told = 0, 0
    for seed in range(30):
        rng = np.random.default_rng(seed)
        chosen = rng.random(len(fake)) < 0.5
        share = float(rng.uniform(0.05, 0.6))
        k = int(rng.binomial(1000, share))
        rows = np.concatenate(
            [
                rng.choice(np.flatnonzero(fake & ~chosen), k),
                rng.choice(np.flatnonzero(~fake & ~chosen), 1000 - k),
            ]
        )
        found = audience(table.take(rows), learned(table.take(np.flatnonzero(chosen)), rng), rng).share
        if isinstance(found, Estimate):
            told += 1
            held += found.low <= share <= found.high
    assert told >= 24
    assert held / told >= 0.73
