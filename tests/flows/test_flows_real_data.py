"""The main job on the real data sets, where they are."""

import pytest
from small_conversation import NOW

from entregent.flows.study import StudyRequest, run_study
from entregent.results import CannotTell, Estimate

pytestmark = pytest.mark.data


def test_retweet_actions(shared_data):
    path = shared_data / "coordination_ru" / "russian_coord_tweets.parquet"
    study = run_study(StudyRequest((str(path),)), now=NOW)
    assert study.said.interactions == 35_085
    assert study.said.accounts == 9_509
    assert isinstance(study.people_reason, CannotTell)


def test_classic_twitter(shared_data):
    study = run_study(StudyRequest((str(shared_data / "tweets-v11-sample" / "tweets.jsonl"),)), now=NOW)
    assert {s.key: s.count for s in study.said.kinds}["repost"] == 47
    assert study.said.posts == 359 - 47  # the 17 originals are in the file themselves


def test_cascades_with_a_graph(shared_data):
    folder = shared_data / "cascades-stackexchange"
    edges = str(folder / "android.edges.csv")
    request = StudyRequest((str(folder / "android.csv"),), relative_time=True, edges=edges)
    study = run_study(request, now=NOW)
    assert study.said.interactions == 28_343
    assert isinstance(study.people[0].heard, Estimate)
    assert study.people[0].known.basis == "seen"
