"""Numbers that anybody might write, today's date first of all, are no reference."""

import pytest

from allocations.reconciliation.matching.matcher import match
from tests.unit.reconciliation.worlds import line, receipt, world


def confirmed(slip, narrative, on="2026-11-03"):
    reported = receipt(1, 5217_00, on, no="R9", slip=slip, mode="cash", emi=2500_00)
    return len(match(world([reported], [line(1, 5217_00, "2026-11-04", narrative)])).confirmed)


@pytest.mark.parametrize("written", ["03112026", "20261103", "031126", "261103", "03-11-2026", "04122026"])
def test_a_date_for_a_slip_number_ties_nothing(written):
    assert confirmed(written, f"CASH DEP {written} BR") == 0


@pytest.mark.parametrize("written", ["45112026", "20261603", "03012027", "03112016", "7712031126"])
def test_a_number_that_is_no_day_of_those_months_is_a_slip(written):
    assert confirmed(written, f"CASH DEP {written} BR") == 1


def test_digits_of_no_value_stop_no_run():
    assert confirmed("፩፩፩፩፩፩", "CASH DEP") == 0


def test_a_receipt_number_that_is_the_date_ties_no_transfer_of_the_day():
    reported = receipt(1, 5000_00, "2026-11-03", no="20261103", utr="412345678901")
    seen = line(1, 5000_00, "2026-11-03", "UPI/498765432109/20261103/EMI")
    assert not len(match(world([reported], [seen])).confirmed)


@pytest.mark.parametrize(("utr", "ties"), [("412345678901", 0), ("498765432109", 1), ("498765432190", 1)])
def test_a_flat_that_has_the_number_of_a_receipt_pays_nobody_elses(utr, ties):
    reported = receipt(1, 5000_00, "2026-11-03", no="101", utr=utr)
    seen = line(1, 5000_00, "2026-11-05", "UPI/498765432109/FLAT 101/EMI")
    assert len(match(world([reported], [seen])).confirmed) == ties


def linked(receipts, *lines):
    matches = match(world(receipts, list(lines)))
    return [len(each) for each in (matches.confirmed, matches.suggested)]


def a_slip(amount, number="451", **more):
    return receipt(1, amount, "2026-11-03", no="R-9001", slip=number, mode="cash", emi=2500_00, **more)


@pytest.mark.parametrize(
    ("amount", "words", "found"),
    [
        (5000_00, "CASH DEP BR 451", [0, 1]),  # a branch's number and a round sum
        (2500_00, "CASH DEP BR 451", [0, 1]),
        (7517_00, "CASH DEP BR 451", [1, 0]),
        (5000_00, "CASH DEP BR 451 AGCY01", [1, 0]),
        (5000_00, "CASH DEP BR 451 LAN101", [1, 0]),
    ],
)
def test_a_short_slip_number_needs_a_second_sign(amount, words, found):
    assert linked([a_slip(amount)], line(1, amount, "2026-11-04", words)) == found


def test_a_sum_of_several_receipts_to_the_last_rupee_is_a_second_sign_of_a_short_slip():
    receipts = [
        receipt(each, 2500_00 + each * 100, "2026-11-03", slip="451", mode="cash", emi=2500_00) for each in (1, 2)
    ]
    assert linked(receipts, line(1, 5003_00, "2026-11-04", "CASH DEP BR 451")) == [2, 0]
    assert linked(receipts, line(1, 5003_50, "2026-11-04", "CASH DEP BR 451")) == [0, 2]


@pytest.mark.parametrize(("on", "found"), [("2026-11-05", [2, 0]), ("2026-11-06", [0, 2]), ("2026-11-02", [0, 2])])
def test_a_round_sum_of_several_receipts_counts_within_two_days(on, found):
    receipts = [receipt(each, 2500_00, "2026-11-03", slip="451", mode="cash", emi=2500_00) for each in (1, 2)]
    assert linked(receipts, line(1, 5000_00, on, "CASH DEP BR 451")) == found


@pytest.mark.parametrize(
    ("amount", "words", "found"),
    [
        (5000_00, "UPI/498765432109/FLAT 101/EMI", [0, 1]),
        (4317_00, "UPI/498765432109/FLAT 101/EMI", [0, 1]),  # the instalment is many borrowers'
        (5211_00, "UPI/498765432109/FLAT 101/EMI", [1, 0]),
        (5000_00, "UPI/498765432109/FLAT 101/AGCY01", [1, 0]),
    ],
)
def test_a_short_receipt_number_needs_a_second_sign(amount, words, found):
    reported = receipt(1, amount, "2026-11-03", no="101", mode="upi", emi=4317_00)
    assert linked([reported], line(1, amount, "2026-11-05", words)) == found


@pytest.mark.parametrize("own", [{"no": "LAN101"}, {"slip": "LAN101", "mode": "cash"}], ids=str)
def test_the_accounts_own_number_written_as_another_is_no_reference(own):
    assert linked([receipt(1, 5000_00, "2026-10-03", **own)], line(1, 5000_00, "2026-11-05", "TRF LAN101")) == [0, 0]


def test_a_longer_number_needs_none():
    assert linked([a_slip(5000_00, "451004510")], line(1, 5000_00, "2026-11-04", "CASH DEP 451004510")) == [1, 0]


@pytest.mark.parametrize("own", [{"utr": "P2A"}, {"slip": "P2A"}, {"no": "P2A"}, {"no": "NEFT1"}], ids=str)
def test_a_word_that_narratives_are_full_of_needs_a_second_sign(own):
    reported = receipt(1, 5000_00, "2026-11-03", mode="imps" if "slip" not in own else "cash", emi=2500_00, **own)
    seen = "IMPS/P2A/631245/EMI NEFT1" if "slip" not in own else "CASH P2A"
    assert linked([reported], line(1, 5000_00, "2026-11-04", seen))[0] == 0
    assert linked([reported], line(1, 5000_00, "2026-11-04", f"{seen} AGCY01")) == [1, 0]


@pytest.mark.parametrize("own", [{"utr": "P2A631"}, {"slip": "P2A631", "mode": "cash"}, {"no": "P2A631"}], ids=str)
def test_six_letters_and_digits_need_none(own):
    reported = receipt(1, 5000_00, "2026-11-03", **{"mode": "imps", "emi": 2500_00, **own})
    seen = "IMPS/P2A631" if "slip" not in own else "CASH P2A631"
    assert linked([reported], line(1, 5000_00, "2026-11-04", seen)) == [1, 0]


def test_a_cheques_number_is_judged_as_ever():
    reported = receipt(1, 5000_00, "2026-11-03", utr="445566", mode="cheque", emi=2500_00)
    assert linked([reported], line(1, 5000_00, "2026-11-04", "CHQ 445566")) == [1, 0]
