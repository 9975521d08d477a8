"""Keys as numbers: equal texts have equal codes, and two sides meet as by comparing texts."""

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from allocations.reconciliation.matching.key_index import KeyIndex, begin_like, key_codes, shape_codes, spread

texts = st.lists(st.text("AB1", max_size=20) | st.text(max_size=70), max_size=12)


def column(values) -> pd.Series:
    return pd.Series(values, dtype="str")


@given(texts)
def test_codes_are_equal_where_texts_are(values):
    codes = key_codes(column(values)).tolist()
    for one, first in zip(values, codes, strict=True):
        assert (first == 0) == (one == "")
        assert [one == other for other in values] == [first == code for code in codes]


@given(texts)
def test_a_code_does_not_depend_on_its_neighbours(values):
    alone = [int(key_codes(column([each]))[0]) for each in values]
    assert key_codes(column(values)).tolist() == alone
    assert key_codes(column(["before", *values])[1:]).tolist() == alone


def test_shapes_see_no_digits_but_the_first_two_letters():
    shapes = shape_codes(
        column(["PL1000001", "PL2345678", "PX1000001", "PL100000", "", "402000123456", "402999888777"])
    )
    assert shapes[0] == shapes[1] != shapes[2] and shapes[0] != shapes[3]
    assert shapes[4] == 0 and shapes[5] == shapes[6]


numbers = st.lists(st.from_regex(r"[A-C]{0,3}[0-9]{0,3}|[A-C]{60,70}", fullmatch=True), max_size=6)


@given(numbers, numbers)
def test_a_first_look_leaves_out_nothing_of_a_shape_that_is_asked_for(values, others):
    looked = begin_like(column(values), [column(others), column([])])
    wanted = shape_codes(column(others))
    built_alike = np.isin(shape_codes(column(values)), wanted[wanted > 0])
    assert not (built_alike & ~looked).any()
    assert not looked[[each == "" for each in values]].any()


@given(texts, st.lists(st.tuples(st.integers(-1, 4), st.text("AB1", max_size=3)), max_size=12), st.integers(0, 3))
def test_two_sides_meet_as_by_comparing_texts(left, right, most):
    keys, owner = column([key for _, key in right]), np.array([who for who, _ in right], dtype=np.int64)
    codes = key_codes(column(left))
    index = KeyIndex.of(key_codes(keys), owner, codes)
    first, rows = index.meet(codes, most)
    met = {(left[at], int(owner[row])) for at, row in zip(first.tolist(), rows.tolist(), strict=True)}
    bearers = {key: {who for who, its in right if its == key and who >= 0} for key in left if key}
    assert met == {(key, who) for key, all_ in bearers.items() if not most or len(all_) <= most for who in all_}
    assert len(first) == sum(len(bearers[key]) for key in left if key and (not most or len(bearers[key]) <= most))


def test_places_are_spread_one_after_the_other():
    assert spread(np.array([5, 0, 9]), np.array([2, 0, 3])).tolist() == [5, 6, 9, 10, 11]
