"""Two ways of writing one reference meet on one key, alone or in a column."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocations.keys import (
    normalise_reference,
    normalise_references,
    receipt_fold,
    receipt_folds,
    receipt_key,
    receipt_keys,
    reference_keys,
)


@pytest.mark.parametrize("written", ["R-001", "r001 ", "Ｒ００１", " r 0 0 1", "R/001", "R_001"])
def test_a_receipt_number_is_the_same_however_it_is_written(written):
    assert receipt_key(written) == "R001"


@pytest.mark.parametrize(
    ("written", "key"),
    [("000123", "123"), ("0", "0"), ("000", "0"), ("", ""), (None, ""), ("--", ""), ("hdfcn 2202", "HDFCN2202")],
)
def test_a_reference_is_stripped_by_named_steps(written, key):
    assert normalise_reference(written) == key


def test_zeros_inside_a_key_stay():
    assert normalise_reference("R-001") != normalise_reference("R-1")


@given(st.text(max_size=30))
def test_normalising_twice_changes_nothing(text):
    assert normalise_reference(normalise_reference(text)) == normalise_reference(text)


@given(st.lists(st.text(max_size=12) | st.none(), min_size=1, max_size=8))
def test_a_column_is_normalised_as_each_of_its_texts(texts):
    column = pd.Series(texts, dtype="object")
    assert list(normalise_references(column)) == [normalise_reference(text) for text in texts]


def test_a_narrative_gives_the_references_in_it():
    keys = reference_keys("NEFT CR-HDFCN52026110112345-RAVI KUMAR/LAN 00123/Slip: S-77")
    assert {"HDFCN52026110112345", "123", "S77"} <= set(keys)


def test_words_alone_are_no_keys():
    assert reference_keys("BY CASH DEPOSIT", None, "") == []


def test_a_reference_field_written_with_spaces_gives_the_whole():
    assert "CMS00123" in reference_keys("CMS 00 123")


@pytest.mark.parametrize("typed", ["R-१२३", "r १२३", "R-١٢٣", "Ｒ－１２３", "R-১২৩", "R\u200b123"])
def test_digits_of_any_script_are_the_same_number(typed: str) -> None:
    assert receipt_key(typed) == "R123"
    assert list(receipt_keys(pd.Series([typed, "R-123"]))) == ["R123", "R123"]


@pytest.mark.parametrize("typed", ["РО01", "PΟ01", "POO1", "P0OІ"])
def test_letters_of_other_scripts_look_like_ours(typed: str) -> None:
    assert receipt_fold(receipt_key(typed)) == receipt_fold("P001")
    assert list(receipt_folds(pd.Series([receipt_key(typed)]))) == ["P001"]
