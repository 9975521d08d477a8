"""Two ways of writing one reference meet on one key, alone or in a column."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocations.keys import (
    NARRATIVE_STEPS,
    compose,
    normalise_reference,
    normalise_references,
    read_again,
    receipt_fold,
    receipt_folds,
    receipt_key,
    receipt_keys,
    reference_keys,
    tokens_of,
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


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("ICICN52O26I00512", "ICICN52026100512"),
        ("1CICR52026100512", "ICICR52026100512"),
        ("UTIBR52026100512345OI2", "UTIBR52026100512345012"),
        ("UTIBN52026100512", "UTIBN52026100512"),
        ("6283I234567O", "628312345670"),
        ("O01234", "001234"),
    ],
)
def test_a_reference_read_again_keeps_the_letters_of_its_bank(written, meant):
    assert read_again(written) == meant


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


# --- keys out of narratives, step by step


def by_step(name: str, text: str) -> set[str]:
    upper = compose(text).upper()
    return set(dict(NARRATIVE_STEPS)[name](upper, tokens_of(upper)))


@pytest.mark.parametrize(
    ("step", "narrative", "keys"),
    [
        ("pieces", "neft-axisn12345-ravi", {"NEFT", "AXISN12345", "RAVI", "NEFTAXISN12345RAVI"}),
        ("labelled", "BY CLG CHQ000123 RAVI", {"000123"}),
        ("labelled", "SLIP NO S 77 ANDHERI", {"S77"}),
        ("labelled", "RCPTNO: R 001 THANKS", {"R001"}),
        ("labelled", "LOAN A/C 00123 456", {"00123456"}),
        ("labelled", "VA KPORT 0001 2345", {"KPORT0001", "KPORT00012345"}),
        ("labelled", "BY TRANSFER", set()),
        ("broken_numbers", "NEFT HDFCN5202611 01123 RAVI", set()),
        ("broken_numbers", "NEFT-HDFCN52 026110112-RAVI", {"HDFCN52026110112"}),
        ("broken_numbers", "RTGS HDFCR52026 110112345678", {"HDFCR52026110112345678"}),
        ("broken_numbers", "UPI 4123 4567 8901 RAVI", {"412345678901"}),
        ("numbers_inside", "P2A628312345678RAVI", {"628312345678"}),
        ("numbers_inside", "HDFCN52026110112345", set()),
        ("payers", "UPI/412345678901/ravi@okhdfc/EMI", {"VPA:RAVI@OKHDFC"}),
        ("payers", "UPI-RAVI KUMAR-RAVI@OKHDFC-HDFC0000123-412345678901", {"VPA:RAVI@OKHDFC"}),
        ("payers", "VPA: ravi.k-1@ybl.", {"VPA:RAVI.K-1@YBL"}),
        ("payers", "mail ravi@gmail.com or a@b@c", set()),
    ],
)  # fmt: skip
def test_a_narrative_is_read_by_named_steps(step: str, narrative: str, keys: set[str]) -> None:
    assert by_step(step, narrative) == keys


@pytest.mark.parametrize(
    ("narrative", "key"),
    [
        ("NEFT CR-YESB0000001-LENDER-RAVI-HDFCN52026110112", "HDFCN52026110112"),
        ("RTGS/HDFCR52026110112345678/LENDER", "HDFCR52026110112345678"),
        ("IMPS/P2A/628312345678/RAVI/HDFC", "628312345678"),
        ("UPI412345678901", "412345678901"),
        ("INW CLG CHQ NO 000123 MICR 400240015", "123"),
        ("CASH DEP SLIP:S-77", "S77"),
        ("EMI LN0001234", "LN0001234"),
        ("VAN LENDER00012345 CR", "LENDER00012345"),
    ],
)
def test_every_kind_of_reference_is_found_in_a_narrative(narrative: str, key: str) -> None:
    assert key in reference_keys(narrative)


@given(st.text(max_size=60))
def test_any_narrative_gives_canonical_keys_only(text: str) -> None:
    for key in reference_keys(text):
        assert key.startswith("VPA:") or key == normalise_reference(key)
        assert 1 < len(key) <= 64


@pytest.mark.parametrize("text", ["A" * 200_000, "A-" * 100_000, "a@" * 100_000, "A1 " * 60_000, "CHQ " * 50_000])
def test_a_hostile_narrative_takes_no_time(text: str) -> None:
    import time

    started = time.perf_counter()
    reference_keys(text)
    assert time.perf_counter() - started < 2
