"""Which money is tied to which receipt, which is only suggested, and which is left to a person."""

import pandas as pd
import pytest

from allocations.reconciliation.matching.breaks import find_breaks
from allocations.reconciliation.matching.matcher import match
from tests.unit.reconciliation.worlds import line, link, posting, receipt, world

LAKH = 100_000_00


def bank_links(frame: pd.DataFrame) -> set[tuple[int, int, int]]:
    rows = frame[frame["line_id"] > 0]
    return set(zip(rows["collection_id"], rows["line_id"], rows["amount"], strict=True))


def codes(matches) -> set[tuple[str, str, int]]:
    found = find_breaks(matches)
    return set(zip(found["code"], found["side"], found["subject_id"], strict=True))


# --- reference, slip and receipt number


def test_reference_and_amount_confirm():
    matches = match(
        world(
            [receipt(1, 5000_00, "2026-10-05", utr="hdfcn-520261001")],
            [line(7, 5000_00, "2026-10-06", "NEFT HDFCN520261001 RAVI")],
        )
    )
    assert bank_links(matches.confirmed) == {(1, 7, 5000_00)}
    assert codes(matches) == set()


@pytest.mark.parametrize(
    ("credit", "linked"), [(4999_60, 4999_60), (5000_40, 5000_00), (5001_00, 5000_00), (4999_00, 4999_00)]
)
def test_a_rupee_of_rounding_confirms_what_was_seen_and_no_more_than_was_reported(credit, linked):
    matches = match(
        world([receipt(1, 5000_00, "2026-10-05", utr="UTR123456789")], [line(7, credit, "2026-10-06", "UTR123456789")])
    )
    assert bank_links(matches.confirmed) == {(1, 7, linked)}
    assert codes(matches) == set()


@pytest.mark.parametrize("credit", [4998_99, 5001_01])
def test_more_than_a_rupee_is_a_difference(credit):
    matches = match(
        world([receipt(1, 5000_00, "2026-10-05", utr="UTR123456789")], [line(7, credit, "2026-10-06", "UTR123456789")])
    )
    assert len(matches.confirmed) == 0
    found = find_breaks(matches).iloc[0]
    assert (found["code"], found["amount"], found["detail"]["difference_minor"]) == ("R03", 5000_00, credit - 5000_00)


def test_a_slip_pays_for_all_its_receipts_in_one_credit():
    receipts = [receipt(i, 1000_00 * i, "2026-10-05", slip="S-77", mode="cash") for i in (1, 2, 3)]
    matches = match(world(receipts, [line(7, 6000_00, "2026-10-06", "CASH DEP SLIP S-77")]))
    assert bank_links(matches.confirmed) == {(1, 7, 1000_00), (2, 7, 2000_00), (3, 7, 3000_00)}


def test_a_slip_short_by_rounding_takes_it_off_the_largest_receipt():
    receipts = [receipt(i, 1000_00 * i, "2026-10-05", slip="S-70077", mode="cash") for i in (1, 2, 3)]
    matches = match(world(receipts, [line(7, 5999_50, "2026-10-06", "S-70077")]))
    assert bank_links(matches.confirmed) == {(1, 7, 1000_00), (2, 7, 2000_00), (3, 7, 2999_50)}


def test_a_slip_with_a_receipt_missing_from_the_credit_is_a_difference_on_each():
    receipts = [receipt(i, 1000_00 * i, "2026-10-05", slip="S-77", mode="cash") for i in (1, 2, 3)]
    matches = match(world(receipts, [line(7, 3000_00, "2026-10-06", "S-77")]))
    assert codes(matches) == {("R03", "collection", i) for i in (1, 2, 3)}


def test_one_reference_pays_for_several_receipts_of_one_agency():
    receipts = [receipt(i, 1000_00 * i, "2026-10-05", utr="UTR123456789") for i in (1, 2)]
    matches = match(world(receipts, [line(7, 3000_00, "2026-10-06", "UTR123456789")]))
    assert bank_links(matches.confirmed) == {(1, 7, 1000_00), (2, 7, 2000_00)}


def test_a_receipt_number_in_the_narrative_confirms():
    matches = match(
        world([receipt(1, 5000_00, "2026-10-05", no="R-100042")], [line(7, 5000_00, "2026-10-06", "CMS RCPT r-100042")])
    )
    assert bank_links(matches.confirmed) == {(1, 7, 5000_00)}


def test_another_currency_is_another_payment():
    matches = match(
        world(
            [receipt(1, 5000_00, "2026-10-05", utr="UTR123456789")],
            [line(7, 5000_00, "2026-10-06", "UTR123456789", currency="USD")],
        )
    )
    assert len(matches.confirmed) == 0


def test_amount_and_date_alone_tie_nothing():
    matches = match(world([receipt(1, 5000_00, "2026-10-05")], [line(7, 5000_00, "2026-10-05", "CASH DEPOSIT")]))
    assert len(matches.confirmed) == len(matches.suggested) == 0
    assert codes(matches) == {("R01", "collection", 1), ("R02", "bank", 7)}


def test_a_short_number_ties_only_inside_the_date_window():
    near = world(
        [receipt(1, 5000_00, "2026-10-05", utr="0451", mode="cheque")], [line(7, 5000_00, "2026-10-08", "CHQ 000451")]
    )
    far = world(
        [receipt(1, 5000_00, "2026-10-05", utr="0451", mode="cheque")], [line(7, 5000_00, "2026-11-20", "CHQ 000451")]
    )
    assert len(match(near).confirmed) == 1
    assert len(match(far).confirmed) == 0


def test_a_key_on_many_credits_names_no_payment():
    lines = [line(i, 5000_00 + i, "2026-10-06", "BRANCH01") for i in range(10, 40)]
    matches = match(world([receipt(1, 5010_00, "2026-10-05", utr="BRANCH01")], lines))
    assert len(matches.confirmed) == 0


# --- rivals


def test_two_receipts_of_one_agency_on_one_credit_are_left_to_a_person():
    receipts = [receipt(i, 5000_00, "2026-10-05", utr="UTR123456789") for i in (1, 2)]
    matches = match(world(receipts, [line(7, 5000_00, "2026-10-06", "UTR123456789")]))
    assert len(matches.confirmed) == 0
    assert codes(matches) == {("R04", "collection", 1), ("R04", "collection", 2)}


def test_two_credits_that_fit_one_receipt_are_left_to_a_person():
    lines = [line(i, 5000_00, "2026-10-06", "UTR123456789") for i in (7, 8)]
    matches = match(world([receipt(1, 5000_00, "2026-10-05", utr="UTR123456789")], lines))
    assert len(matches.confirmed) == 0
    assert codes(matches) == {("R01", "collection", 1), ("R02", "bank", 7), ("R02", "bank", 8)}


def test_a_credit_two_agencies_claim_goes_to_the_one_that_held_the_account_on_the_value_date():
    first = receipt(
        1, 5000_00, "2026-10-05", utr="UTR123456789", account=500, agency=1, term=("2026-09-01", "2026-09-30")
    )
    second = receipt(2, 5000_00, "2026-10-05", utr="UTR123456789", account=500, agency=2, term=("2026-10-01", None))
    matches = match(world([first, second], [line(7, 5000_00, "2026-10-06", "UTR123456789")]))
    assert bank_links(matches.confirmed) == {(2, 7, 5000_00)}
    assert ("R04", "collection", 1) in codes(matches)
    assert ("R04", "collection", 2) not in codes(matches)


def test_a_credit_two_agencies_claim_with_equal_right_goes_to_neither_and_neither_learns_of_the_other():
    receipts = [receipt(i, 5000_00, "2026-10-05", utr="UTR123456789", agency=i) for i in (1, 2)]
    matches = match(world(receipts, [line(7, 5000_00, "2026-10-06", "UTR123456789")]))
    assert len(matches.confirmed) == 0
    assert codes(matches) == {("R04", "collection", 1), ("R04", "collection", 2)}
    for row in find_breaks(matches).itertuples():
        other = "A2" if row.agency_id == 1 else "A1"
        assert other not in f"{row.cure} {row.detail}" and "agenc" not in f"{row.cure} {row.detail}".lower()


def test_a_rival_whose_money_is_found_elsewhere_contests_no_more():
    receipts = [
        receipt(1, 5000_00, "2026-10-05", utr="UTR123456789", no="R-70077"),
        receipt(2, 5000_00, "2026-10-05", utr="UTR123456789", agency=2),
    ]
    lines = [line(7, 5000_00, "2026-10-06", "UTR123456789"), line(8, 5000_00, "2026-10-06", "RCPT R-70077")]
    assert bank_links(match(world(receipts, lines)).confirmed) == {(1, 8, 5000_00), (2, 7, 5000_00)}


def test_a_reference_that_two_agencies_report_with_different_amounts_is_left_to_a_person():
    """The amount agrees with one of them; that one may as well be the liar."""
    receipts = [
        receipt(1, 5000_00, "2026-10-05", utr="UTR123456789"),
        receipt(2, 5200_00, "2026-10-05", utr="UTR123456789", agency=2),
    ]
    matches = match(world(receipts, [line(7, 5000_00, "2026-10-06", "UTR123456789")]))
    assert len(matches.confirmed) == 0
    found = find_breaks(matches)
    assert list(found["code"]) == ["R04", "R04"]
    assert all("500000" not in str(detail) for detail in found["detail"])


def test_cheque_numbers_that_meet_by_chance_are_told_apart_by_amount():
    receipts = [
        receipt(1, 5000_00, "2026-10-05", utr="123456", mode="cheque"),
        receipt(2, 7000_00, "2026-10-05", utr="123456", mode="cheque", agency=2),
    ]
    lines = [line(7, 5000_00, "2026-10-08", "CHQ 123456"), line(8, 7000_00, "2026-10-08", "CHQ 123456")]
    assert bank_links(match(world(receipts, lines)).confirmed) == {(1, 7, 5000_00), (2, 8, 7000_00)}


def test_one_receipt_reported_by_two_agencies_is_a_duplicate_even_without_money():
    receipts = [receipt(i, 5000_00, "2026-10-05", no="R-9", account=500, agency=i) for i in (1, 2)]
    assert codes(match(world(receipts))) == {("R04", "collection", 1), ("R04", "collection", 2)}


def test_equal_receipt_numbers_of_two_agencies_alone_prove_nothing():
    receipts = [receipt(1, 5000_00, "2026-10-05", no="R-9"), receipt(2, 6000_00, "2026-10-06", no="R-9", agency=2)]
    assert codes(match(world(receipts))) == {("R01", "collection", 1), ("R01", "collection", 2)}


# --- suggestions


def test_the_loan_number_in_the_narrative_confirms_what_no_cash_receipt_claims():
    credit = [line(7, 5000_00, "2026-10-08", "BY TRF LAN500")]
    electronic = match(world([receipt(1, 5000_00, "2026-10-05", account=500)], credit))
    assert bank_links(electronic.confirmed) == {(1, 7, 5000_00)} and codes(electronic) == set()
    cash = match(world([receipt(1, 5000_00, "2026-10-05", account=500, mode="cash")], credit))
    assert bank_links(cash.suggested) == {(1, 7, 5000_00)} and len(cash.confirmed) == 0


def test_a_posting_with_the_credits_reference_gives_the_account():
    matches = match(
        world(
            [receipt(1, 5000_00, "2026-10-05", account=500)],
            [line(7, 5000_00, "2026-10-06", "UTR123456789")],
            [posting(3, 5000_00, "2026-10-06", 500, utr="UTR123456789")],
        )
    )
    assert bank_links(matches.suggested) == {(1, 7, 5000_00)}


def test_several_candidates_are_never_suggested():
    receipts = [receipt(i, 5000_00, "2026-10-05", account=500, no=f"X-{i}") for i in (1, 2)]
    matches = match(world(receipts, [line(7, 5000_00, "2026-10-06", "LAN500")]))
    assert len(matches.suggested) == 0
    assert codes(matches) == {("R01", "collection", 1), ("R01", "collection", 2), ("R02", "bank", 7)}


def test_outside_the_usual_days_it_is_suggested_as_late_and_finance_is_asked_for_the_month():
    matches = match(
        world([receipt(1, 60000_00, "2026-10-31", account=500)], [line(7, 60000_00, "2026-11-04", "LAN500")])
    )
    assert list(matches.suggested["rule"]) == ["account_amount_late"]
    assert codes(matches) == {("R05", "collection", 1)}


def test_a_pair_a_person_refused_is_not_suggested_again():
    refused = [{"collection_id": 1, "line_id": 7, "posting_id": 0}]
    matches = match(
        world(
            [receipt(1, 5000_00, "2026-10-05", account=500)],
            [line(7, 5000_00, "2026-10-06", "LAN500")],
            rejected=refused,
        )
    )
    assert len(matches.suggested) == 0


# --- what was confirmed stays, unless the money goes back


def test_a_confirmed_link_is_not_contested_by_a_later_claim():
    receipts = [receipt(i, 5000_00, "2026-10-05", utr="UTR123456789", agency=i) for i in (1, 2)]
    matches = match(
        world(receipts, [line(7, 5000_00, "2026-10-06", "UTR123456789")], links=[link(1, 1, 5000_00, line=7)])
    )
    assert bank_links(matches.standing) == {(1, 7, 5000_00)}
    assert len(matches.confirmed) == 0
    assert codes(matches) == {("R04", "collection", 2)}


def test_a_bounced_cheque_undoes_its_link_and_reopens_the_receipt():
    lines = [
        line(7, 5000_00, "2026-10-06", "CHQ 123456"),
        line(8, 5000_00, "2026-10-09", "RET CHQ 123456", side="debit"),
    ]
    matches = match(
        world(
            [receipt(1, 5000_00, "2026-10-05", utr="123456", mode="cheque")], lines, links=[link(1, 1, 5000_00, line=7)]
        )
    )
    assert list(matches.undone["id"]) == [1]
    assert len(matches.confirmed) == len(matches.standing) == 0
    assert codes(matches) == {("R09", "collection", 1)}


def test_a_bounce_seen_in_the_same_run_never_confirms():
    lines = [
        line(7, 5000_00, "2026-10-06", "CHQ 123456"),
        line(8, 5000_00, "2026-10-09", "CHQ 123456", side="debit", is_reversal=True),
    ]
    matches = match(world([receipt(1, 5000_00, "2026-10-05", utr="123456", mode="cheque")], lines))
    assert len(matches.confirmed) == 0
    assert codes(matches) == {("R09", "collection", 1)}


def test_a_cheque_presented_again_after_bouncing_is_confirmed():
    lines = [
        line(7, 5000_00, "2026-10-06", "CHQ 123456"),
        line(8, 5000_00, "2026-10-08", "CHQ 123456", side="debit"),
        line(9, 5000_00, "2026-10-10", "CHQ 123456"),
    ]
    matches = match(world([receipt(1, 5000_00, "2026-10-05", utr="123456", mode="cheque")], lines))
    assert bank_links(matches.confirmed) == {(1, 9, 5000_00)}
    assert codes(matches) == set()


def test_a_return_without_its_credit_still_marks_the_receipt():
    lines = [line(8, 5000_00, "2026-10-09", "RETURN 123456", side="debit", is_reversal=True)]
    matches = match(world([receipt(1, 5000_00, "2026-10-05", utr="123456", mode="cheque")], lines))
    assert codes(matches) == {("R09", "collection", 1)}


def test_bank_charges_are_nobodys_break():
    assert codes(match(world([], [line(8, 590_00, "2026-10-09", "SMS CHARGES OCT26", side="debit")]))) == set()


def test_the_reversal_of_a_charge_is_no_borrowers_money():
    matches = match(
        world(
            [receipt(1, 590_00, "2026-10-05", utr="CHG12345")],
            [line(8, 590_00, "2026-10-06", "CHG12345", is_reversal=True)],
        )
    )
    assert len(matches.confirmed) == 0


# --- the golden set


def test_the_golden_set_of_the_domain_notes():
    """Eight receipts against five bank lines (domain notes 5.3). R7 is void: it never becomes a collection."""
    receipts = [
        receipt(1, 12000_00, "2026-10-05", no="R1", slip="SLIP-501", mode="cash"),
        receipt(2, 8000_00, "2026-10-05", no="R2", slip="SLIP-501", mode="cash", account=500),
        receipt(3, 8000_00, "2026-10-05", no="R2", mode="cash", account=500, agency=2),
        receipt(4, 25000_00, "2026-10-06", no="R4", utr="445566", mode="cheque"),
        receipt(5, 4999_60, "2026-10-07", no="R5", utr="AXISN52026100", mode="neft"),
        receipt(6, 60000_00, "2026-10-30", no="R6", mode="neft", account=600),
        receipt(8, 15000_00, "2026-10-09", no="R8", utr="628312345678"),
    ]
    lines = [
        line(1, 20000_00, "2026-10-06", "CASH DEPOSIT SLIP-501"),
        line(2, 5000_00, "2026-10-07", "NEFT AXISN52026100"),
        line(3, 60000_00, "2026-11-03", "TRF LAN600"),
        line(4, 15000_00, "2026-10-09", "UPI/628312345678/ravi@okbank"),
        line(5, 7500_00, "2026-10-11", "BY TRANSFER"),
    ]
    matches = match(world(receipts, lines))
    assert bank_links(matches.confirmed) == {(1, 1, 12000_00), (2, 1, 8000_00), (5, 2, 4999_60), (8, 4, 15000_00)}
    assert bank_links(matches.suggested) == {(6, 3, 60000_00)}
    assert codes(matches) == {("R04", "collection", 3), ("R01", "collection", 4), ("R02", "bank", 5)}
    back = line(6, 25000_00, "2026-10-14", "CHQ RETURN 445566 INSUFFICIENT", side="debit", is_reversal=True)
    assert ("R09", "collection", 4) in codes(match(world(receipts, [*lines, back])))
