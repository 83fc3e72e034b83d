import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entregent.errors import InputError
from entregent.stats.multiple import discoveries

# Benjamini and Hochberg (1995), section 3.2: 15 ordered p values, four rejected at 0.05.
PAPER = [
    0.0001,
    0.0004,
    0.0019,
    0.0095,
    0.0201,
    0.0278,
    0.0298,
    0.0344,
    0.0459,
    0.3240,
    0.4262,
    0.5719,
    0.6528,
    0.7590,
    1.0,
]


def test_known_answer_of_the_paper():
    assert discoveries(PAPER, 0.05).rejected.tolist() == [True] * 4 + [False] * 11


def test_any_dependence_costs_power():
    loose, strict = discoveries(PAPER), discoveries(PAPER, dependent=True)
    assert strict.rejected.sum() < loose.rejected.sum()


def test_tests_that_were_not_made_count_for_nothing():
    holed = discoveries([*PAPER, float("nan")])
    assert holed.rejected[:-1].tolist() == discoveries(PAPER).rejected.tolist()
    assert not holed.rejected[-1]
    assert np.isnan(holed.adjusted[-1])


def test_no_test_at_all():
    assert discoveries([]).rejected.size == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_adjusted_keep_the_order_and_never_shrink(p):
    found = discoveries(p)
    order = np.argsort(p, kind="stable")
    assert np.all(np.diff(found.adjusted[order]) >= 0)
    assert np.all(found.adjusted >= np.asarray(p) - 1e-12)


def test_refuses_what_is_no_p_value():
    with pytest.raises(InputError, match="p value"):
        discoveries([0.2, 1.2])
