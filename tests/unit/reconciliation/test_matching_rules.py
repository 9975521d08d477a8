"""Each rule of the ladder on both sides of its boundaries: which links it makes, and what it leaves alone."""

import pytest

from allocations.reconciliation.matching.matcher import match
from tests.unit.reconciliation.worlds import line, link, posting, receipt, world


def linked(matches, which="confirmed") -> set[tuple[int, int, int, str]]:
    frame = getattr(matches, which)
    rows = frame[frame["line_id"] > 0]
    return set(zip(rows["collection_id"], rows["line_id"], rows["amount"], rows["rule"], strict=True))


def rules(matches, which="confirmed") -> set[str]:
    return {rule for *_, rule in linked(matches, which)}


def cash(id, amount, on="2026-10-05", **more):
    return receipt(id, amount, on, mode="cash", **more)


# --- references and numbers


@pytest.mark.parametrize(
    ("day", "rule"), [("2026-10-15", {"reference_amount"}), ("2026-10-16", set()), ("2026-10-02", {"reference_amount"})]
)
def test_a_cheque_number_confirms_in_the_usual_days_alone(day, rule):
    facts = world(
        [receipt(1, 5000_00, "2026-10-05", utr="123456", mode="cheque")], [line(7, 5000_00, day, "CHQ 123456")]
    )
    assert rules(match(facts)) == rule
    assert rules(match(facts), "suggested") == (set() if rule else {"reference_late"})


def test_a_long_reference_confirms_whenever_it_is_seen():
    facts = [line(7, 5000_00, "2026-12-30", "NEFT UTIBN26274100001")]
    assert rules(match(world([receipt(1, 5000_00, "2026-10-05", utr="UTIBN26274100001")], facts))) == {
        "reference_amount"
    }


@pytest.mark.parametrize("written", ["5000", "500000", "06102026", "HDFC0001234", "PL1000001", "ravi@okhdfc", "PARB88"])
def test_amounts_dates_branches_accounts_and_payers_are_no_references(written):
    lie = receipt(1, 5000_00, "2026-10-06", utr=written, account=500, va="PARB88")
    lie["loan_key"] = "PL1000001"
    credit = line(7, 5000_00, "2026-10-20", f"UPI/CR/627400000001/ANIL/{written}/EMI")
    assert linked(match(world([lie], [credit]))) == set()


def test_a_short_receipt_number_is_no_cash_receipts():
    credit = [line(7, 5000_00, "2026-10-06", "TRF 123456 AGCY01")]
    assert linked(match(world([cash(1, 5000_00, no="123456")], credit))) == set()
    assert rules(match(world([receipt(1, 5000_00, "2026-10-05", no="123456")], credit))) == {"receipt_amount"}


# --- what speaks against a reference


def test_a_credit_that_names_another_loan_is_not_the_receipts():
    lie = receipt(1, 5000_00, "2026-10-05", utr="627400000001", account=500)
    assert linked(match(world([lie], [line(7, 5000_00, "2026-10-05", "UPI/627400000001/LAN999")]))) == set()
    both = [line(7, 5000_00, "2026-10-05", "UPI/627400000001/LAN999 LAN500")]
    assert rules(match(world([lie], both))) == {"reference_amount"}


def test_one_transfer_for_two_accounts_may_name_one_of_them():
    pair = [receipt(i, 5000_00, "2026-10-05", utr="UTIBN26274100001", account=500 + i) for i in (1, 2)]
    credit = [line(7, 10000_00, "2026-10-05", "NEFT UTIBN26274100001 LAN501")]
    assert len(linked(match(world(pair, credit)))) == 2


def test_a_reference_booked_on_another_account_is_left_to_a_person():
    lie = receipt(1, 5000_00, "2026-10-05", utr="UTIBN26274100001", account=500)
    credit, away = [line(7, 5000_00, "2026-10-05", "UTIBN26274100001")], {"utr": "UTIBN26274100001"}
    assert linked(match(world([lie], credit, [posting(3, 5000_00, "2026-10-06", 501, **away)]))) == set()
    booked = [posting(3, 5000_00, "2026-10-06", 501, **away), posting(4, 5000_00, "2026-10-06", 500, **away)]
    assert rules(match(world([lie], credit, booked))) == {"reference_amount"}


def test_a_short_number_on_a_credit_that_came_another_way_is_chance():
    cheque = [receipt(1, 5000_00, "2026-10-05", utr="123456", mode="cheque")]
    assert linked(match(world(cheque, [line(7, 5000_00, "2026-10-06", "SLIP 123456", mode="cash")]))) == set()
    assert rules(match(world(cheque, [line(7, 5000_00, "2026-10-06", "123456", mode="dd")]))) == {"reference_amount"}


def test_a_misread_twin_speaks_against_the_receipt_that_is_well_written():
    credit = [line(7, 5000_00, "2026-10-06", "NEFT HDFCN26010123456")]
    well = receipt(1, 5000_00, "2026-10-05", utr="HDFCN26010123456", fold="HDFCN26010123456")
    badly = receipt(2, 5000_00, "2026-10-05", utr="HDFCN26O1O123456", fold="HDFCN26010123456", agency=2)
    assert linked(match(world([well, badly], credit))) == set()
    own = line(8, 5000_00, "2026-10-06", "NEFT HDFCN26O1O123456")
    assert len(linked(match(world([well, badly], [*credit, own])))) == 2


# --- several credits


def test_parts_that_a_rival_copied_well_and_the_owner_miswrote_are_left_to_a_person():
    parts = [line(i, amount, "2026-10-06", "UTIBN26274100001") for i, amount in ((7, 3000_00), (8, 2000_00))]
    rival = receipt(1, 5000_00, "2026-10-05", utr="UTIBN26274100001", agency=2)
    owner = receipt(2, 5000_00, "2026-10-05", utr="UTIBN26274100010")
    assert linked(match(world([rival, owner], parts))) == set()
    assert len(linked(match(world([rival, owner | {"amount": 5100_00}], parts)))) == 2


def test_a_receipt_paid_in_parts_under_one_reference():
    parts = [line(i, amount, "2026-10-06", "UTIBN26274100001") for i, amount in ((7, 3000_00), (8, 2000_00))]
    paid = [receipt(1, 5000_00, "2026-10-05", utr="UTIBN26274100001")]
    rule = "reference_parts"
    assert linked(match(world(paid, parts))) == {(1, 7, 3000_00, rule), (1, 8, 2000_00, rule)}
    assert linked(match(world(paid, [parts[0], line(8, 1998_00, "2026-10-06", "UTIBN26274100001")]))) == set()


def test_a_slip_paid_in_by_parts_pays_for_its_receipts_one_after_the_other():
    slip = [cash(i, 1000_00 * i, slip="DS-7-000123") for i in (1, 2, 3)]
    parts = [line(i, amount, "2026-10-06", "SLIP DS-7-000123") for i, amount in ((7, 2500_00), (8, 3500_00))]
    found = linked(match(world(slip, parts)))
    assert {(coll, credit, amount) for coll, credit, amount, _ in found} == {
        (1, 7, 1000_00),
        (2, 7, 1500_00),
        (2, 8, 500_00),
        (3, 8, 3000_00),
    }


def test_parts_that_only_name_the_loan_need_the_receipts_reference_on_one():
    paid = [receipt(1, 5000_00, "2026-10-05", utr="UTIBN26274100001", account=500)]
    own = line(7, 3000_00, "2026-10-05", "NEFT UTIBN26274100001 LAN500")
    other, stray = (line(i, a, "2026-10-06", f"NEFT UTIBN2627410000{i} LAN500") for i, a in ((8, 2000_00), (9, 700_00)))
    rule = "account_parts"
    assert linked(match(world(paid, [own, other]))) == {(1, 7, 3000_00, rule), (1, 8, 2000_00, rule)}
    assert linked(match(world(paid, [own, other, stray]))) == {(1, 7, 3000_00, rule), (1, 8, 2000_00, rule)}
    nameless = line(7, 3000_00, "2026-10-05", "NEFT UTIBN26274100009 LAN500")
    assert linked(match(world(paid, [nameless, other]))) == set()


# --- slips that do not add up


def test_a_slip_short_of_one_receipt_is_suggested_without_it_if_that_is_the_one_way():
    slip = [cash(i, amount, slip="DS-7-000123") for i, amount in ((1, 1000_00), (2, 2100_00), (3, 3300_00))]
    short = match(world(slip, [line(7, 4300_00, "2026-10-06", "DS-7-000123")]))
    assert linked(short) == set()
    assert linked(short, "suggested") == {(1, 7, 1000_00, "slip_short"), (3, 7, 3300_00, "slip_short")}
    twice = [*slip, cash(4, 2100_00, slip="DS-7-000123")]
    assert linked(match(world(twice, [line(7, 6400_00, "2026-10-06", "DS-7-000123")])), "suggested") == set()


@pytest.mark.parametrize(
    ("written", "found"), [("DS-7-O00123", True), ("DS-7-00123", True), ("DS-7-000124", False), ("DS-9-555123", False)]
)
def test_a_slip_is_filled_up_by_the_receipt_whose_slip_was_misread_but_not_by_the_next_slips(written, found):
    slip = [cash(1, 1000_00, slip="DS-7-000123"), cash(2, 2117_00, slip="DS-7-000123"), cash(3, 2211_00, slip=written)]
    matches = match(world(slip, [line(7, 5328_00, "2026-10-06", "DS-7-000123")]))
    assert (rules(matches) == {"slip_filled"}) is found and len(linked(matches)) == 3 * found


def test_a_receipt_without_slip_fills_up_its_agents_slip_unless_its_sum_is_round_or_another_would_do():
    def filled(amount, on="2026-10-05", agent="X-1"):
        slip = [cash(1, 1000_00, slip="DS-7-000123", agent="X-1"), cash(3, amount, on, agent=agent)]
        return len(linked(match(world(slip, [line(7, 1000_00 + amount, "2026-10-06", "DS-7-000123")]))))

    assert filled(12211_00) == 2
    assert filled(2211_00) == 0  # a sum as small as this comes about by chance
    assert filled(20000_00) == 0
    assert filled(12211_00, agent="X-2") == 0
    assert filled(12211_00, on="2026-10-03") == 0


# --- deposits without a slip


POOL = [(1, 2311_00), (2, 3517_00), (3, 4129_00)]


def pooled(total, *, says="AGENT X-1", receipts=POOL, which="confirmed", day="2026-10-06", **more):
    pool = [cash(i, amount, agent="X-1", **more) for i, amount in receipts]
    return linked(match(world(pool, [line(7, total, day, f"BY CASH DEPOSIT {says}")])), which)


def test_all_an_agent_took_that_day_is_confirmed_where_the_deposit_names_him():
    assert {rule for *_, rule in pooled(9957_00)} == {"batch_without_slip"}
    assert pooled(9957_00, says="THANE") == set()
    assert pooled(9957_00, day="2026-10-08") and not pooled(9957_00, day="2026-10-09")


def test_a_part_of_it_is_suggested_only():
    assert pooled(5828_00) == set()
    assert {rule for *_, rule in pooled(5828_00, which="suggested")} == {"batch_guess"}


def test_a_sum_that_several_sets_make_up_is_nobodys():
    twins = [*POOL, (4, 2311_00)]
    assert pooled(5828_00, receipts=twins) == pooled(5828_00, receipts=twins, which="suggested") == set()
    assert pooled(2311_00 + 3517_00, receipts=[*POOL, (4, 5828_00)], which="suggested") == set()


def test_round_sums_meet_by_chance():
    assert pooled(6000_00, receipts=[(1, 1000_00), (2, 2000_00), (3, 3000_00)]) == set()


def test_a_pool_of_more_than_twenty_is_not_tried():
    many = [(i, 1000_00 + 2**i) for i in range(1, 22)]
    assert pooled(sum(amount for _, amount in many), receipts=many) == set()
    few = [(i, 1000_37 + 1000 * i * i) for i in range(1, 21)]
    assert len(pooled(sum(amount for _, amount in few), receipts=few)) == 20


# --- accounts and second signs


def test_the_virtual_account_confirms_for_what_is_no_cash():
    credit = [line(7, 5000_00, "2026-10-10", "NEFT UTIBN26274100001 RAVI PARB8800001")]
    va = {"va": "PARB8800001", "account": 500}
    assert rules(match(world([receipt(1, 5000_00, "2026-10-05", mode="neft", **va)], credit))) == {
        "virtual_account_amount"
    }
    assert linked(match(world([cash(1, 5000_00, **va)], credit))) == set()
    assert linked(match(world([receipt(1, 5000_00, "2026-10-04", mode="neft", **va)], credit))) == set()


def test_a_receipt_with_a_reference_of_its_own_is_not_paid_under_another():
    credit = [line(7, 5000_00, "2026-10-06", "NEFT UTIBN26274100001 LAN500")]
    other, near = (
        receipt(1, 5000_00, "2026-10-05", utr=u, account=500) for u in ("UTIBN26274955123", "UTIBN26274100010")
    )
    assert linked(match(world([other], credit))) == set()
    assert rules(match(world([other], credit)), "suggested") == {"account_amount_window"}
    assert rules(match(world([near], credit))) == {"loan_number_amount"}


@pytest.mark.parametrize(
    ("more", "credit_mode", "confirmed"),
    [
        ({}, "", False),
        ({}, "upi", True),
        ({}, "neft", False),
        ({"emi": 1000_00}, "", False),
        ({"emi": 1700_00, "amount": 5137_00}, "", True),
        ({"emi": 5137_00, "amount": 5137_00}, "", False),
        ({"utr": "627400000013"}, "", True),
    ],
)
def test_account_amount_and_days_confirm_only_with_a_second_sign(more, credit_mode, confirmed):
    """The account is known by a posting that has the credit's reference and amount."""
    amount = more.pop("amount", 5000_00)
    paid = [receipt(1, amount, "2026-10-05", account=500, **more)]
    credit = [line(7, amount, "2026-10-06", "UPI/627400000031", mode=credit_mode)]
    booked = [posting(3, amount, "2026-10-06", 500, utr="627400000031")]
    matches = match(world(paid, credit, booked))
    assert rules(matches) == ({"account_amount_sign"} if confirmed else set())
    assert confirmed or rules(matches, "suggested") == {"account_amount_window"}


def test_an_approved_payer_names_the_account_and_is_a_second_sign():
    credit = [line(7, 5000_00, "2026-10-06", "UPI/CR/RAVI/HDFC/ravi@okhdfc/EMI")]
    paid, rule = [receipt(1, 5000_00, "2026-10-05", account=500)], [{"key": "VPA:RAVI@OKHDFC", "loan_account_id": 500}]
    assert linked(match(world(paid, credit))) == linked(match(world(paid, credit)), "suggested") == set()
    assert rules(match(world(paid, credit, payers=rule))) == {"account_amount_sign"}


def test_a_misread_reference_alone_is_suggested():
    paid = [receipt(1, 5000_00, "2026-10-05", utr="UT1BN26O00123456", fold="UT1BN26000123456")]
    matches = match(world(paid, [line(7, 5000_00, "2026-10-06", "NEFT UT1BN26000123456")]))
    assert linked(matches) == set() and rules(matches, "suggested") == {"reference_misread"}


# --- counts, scores, rivals


def test_a_key_that_is_known_to_be_common_names_no_payment():
    paid, credit = [receipt(1, 5000_00, "2026-10-05", utr="BRANCH001")], [line(7, 5000_00, "2026-10-06", "BRANCH001")]
    assert linked(match(world(paid, credit, common=[{"key": "BRANCH001"}]))) == set()


def test_the_score_falls_with_rounding_and_unusual_days():
    def score(amount, day):
        paid = [receipt(1, 5000_00, "2026-10-05", utr="UTIBN26274100001")]
        return int(match(world(paid, [line(7, amount, day, "UTIBN26274100001")])).confirmed["score"].iloc[0])

    assert [score(5000_00, "2026-10-06"), score(5000_40, "2026-10-06"), score(5000_00, "2026-11-06")] == [100, 98, 95]


def test_a_link_tells_whom_it_was_preferred_to_and_why():
    mine = receipt(1, 5000_00, "2026-10-05", utr="UTIBN26274100001", account=500)
    theirs = receipt(2, 5000_00, "2026-10-05", utr="UTIBN26274100001", account=500, agency=2, term=("2026-11-01", None))
    credits = [line(7, 5000_00, "2026-10-06", "UTIBN26274100001"), line(8, 900_00, "2026-10-07", "UTIBN26274100001")]
    found = match(world([mine, theirs], credits)).rivals
    columns = ["collection_id", "line_id", "of_collection_id", "of_line_id", "why", "gap_minor", "days"]
    assert set(found[columns].itertuples(index=False, name=None)) == {
        (1, 7, 2, 0, "held", 0, 1),
        (1, 7, 0, 8, "amount", -4100_00, 2),
    }


def test_where_all_is_clear_there_are_no_rivals():
    facts = world(
        [receipt(1, 5000_00, "2026-10-05", utr="UTIBN26274100001")],
        [line(7, 5000_00, "2026-10-06", "UTIBN26274100001")],
    )
    assert match(facts).rivals.empty


# --- what went back in part


def test_one_bounced_cheque_of_a_batch_reopens_its_receipt_alone():
    batch = [
        receipt(i, 1000_00 * i, "2026-10-05", utr=f"55512{i}", slip="DS-7-000123", mode="cheque") for i in (1, 2, 3)
    ]
    credit = line(7, 6000_00, "2026-10-06", "CHQ DEP SLIP DS-7-000123")
    back = line(8, 2000_00, "2026-10-09", "CHQ RTN 555122", side="debit")
    links = [link(i, i, 1000_00 * i, line=7, rule="slip_total") for i in (1, 2, 3)]
    again = match(world(batch, [credit, back], links=links))
    assert list(again.undone["collection_id"]) == [2] and set(again.standing["collection_id"]) == {1, 3}
    at_once = match(world(batch, [credit, back]))
    assert {coll for coll, *_ in linked(at_once)} == {1, 3}
    for matches in (again, at_once):
        assert matches.book.line["returned"].iloc[0] == 2000_00 and matches.book.line["open"].iloc[0] == 0


def test_a_reversal_of_part_of_a_transfer_undoes_its_link():
    credit = line(7, 5000_00, "2026-10-06", "NEFT UTIBN26274100001")
    back = line(8, 2000_00, "2026-10-09", "RETURN UTIBN26274100001", side="debit", is_reversal=True)
    paid, links = [receipt(1, 5000_00, "2026-10-05", utr="UTIBN26274100001")], [link(1, 1, 5000_00, line=7)]
    matches = match(world(paid, [credit, back], links=links))
    assert list(matches.undone["why"]) == ["returned"] and matches.book.line["open"].iloc[0] == 3000_00


def test_what_people_settled_is_not_matched():
    paid = [receipt(1, 5000_00, "2026-10-05", utr="UTIBN26274100001")]
    assert linked(match(world(paid, [line(7, 5000_00, "2026-10-06", "UTIBN26274100001", settled=5000_00)]))) == set()
