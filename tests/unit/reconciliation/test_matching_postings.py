"""Which booking in core banking is tied to which receipt, and what is told of money without booking and booking without money."""

from allocations.reconciliation.matching.breaks import find_breaks
from allocations.reconciliation.matching.matcher import match
from tests.unit.reconciliation.worlds import line, link, posting, receipt, world


def posting_links(frame) -> set[tuple[int, int]]:
    rows = frame[frame["posting_id"] > 0]
    return set(zip(rows["collection_id"], rows["posting_id"], strict=True))


def codes(matches) -> set[tuple[str, str, int]]:
    found = find_breaks(matches)
    return set(zip(found["code"], found["side"], found["subject_id"], strict=True))


def test_money_and_posting_close_the_triangle():
    matches = match(
        world(
            [receipt(1, 5000_00, "2026-10-05", utr="UTR123456789", account=500)],
            [line(7, 5000_00, "2026-10-06", "UTR123456789")],
            [posting(3, 5000_00, "2026-10-06", 500, no="R-001", mode="upi")],
        )
    )
    assert posting_links(matches.confirmed) == {(1, 3)}
    assert codes(matches) == set()


def test_a_posting_without_references_is_tied_when_the_money_is_seen_and_suggested_when_it_is_not():
    facts = [receipt(1, 5000_00, "2026-10-05", utr="UTR123456789", account=500)]
    booked = [posting(3, 5000_00, "2026-10-06", 500)]
    seen = match(world(facts, [line(7, 5000_00, "2026-10-06", "UTR123456789")], booked))
    assert posting_links(seen.confirmed) == {(1, 3)}
    unseen = match(world(facts, [], booked))
    assert posting_links(unseen.suggested) == {(1, 3)}
    assert posting_links(unseen.confirmed) == set()


def test_a_posting_two_receipts_fit_is_tied_to_neither():
    facts = [receipt(i, 5000_00, "2026-10-05", utr=f"UTR12345678{i}", account=500) for i in (1, 2)]
    matches = match(
        world(facts, [line(7, 5000_00, "2026-10-06", "UTR123456781")], [posting(3, 5000_00, "2026-10-06", 500)])
    )
    assert posting_links(matches.confirmed) == posting_links(matches.suggested) == set()


def test_money_without_posting_is_told_once_the_feed_has_reached_its_day():
    facts = (
        [receipt(1, 5000_00, "2026-10-05", utr="UTR123456789", account=500)],
        [line(7, 5000_00, "2026-10-06", "UTR123456789")],
    )
    other = posting(3, 10_00, "2026-10-06", 900, no="Z-9")
    assert codes(match(world(*facts))) == set()
    assert ("R08", "collection", 1) in codes(match(world(*facts, [other])))


def test_a_posting_without_money_is_told():
    facts = ([receipt(1, 5000_00, "2026-10-05", account=500)], [line(7, 10_00, "2026-10-20", "OTHER99")])
    found = codes(match(world(*facts, [posting(3, 5000_00, "2026-10-06", 500, no="R-001")])))
    assert found == {("R01", "collection", 1), ("R07", "posting", 3), ("R02", "bank", 7)}


def test_a_posting_whose_credit_is_in_dispute_is_no_false_posting():
    facts = [receipt(i, 5000_00, "2026-10-05", utr="UTR123456789", account=500) for i in (1, 2)]
    credits = [line(7, 5000_00, "2026-10-06", "UTR123456789"), line(8, 10_00, "2026-10-20", "OTHER99")]
    booked = [posting(3, 5000_00, "2026-10-06", 500, utr="UTR123456789", no="R-001")]
    assert codes(match(world(facts, credits, booked))) == {
        ("R04", "collection", 1),
        ("R04", "collection", 2),
        ("R02", "bank", 8),
    }


def test_a_posting_on_another_account_is_told():
    matches = match(
        world(
            [receipt(1, 5000_00, "2026-10-05", utr="UTR123456789", account=500)],
            [line(7, 5000_00, "2026-10-06", "UTR123456789")],
            [posting(3, 5000_00, "2026-10-06", 501, utr="UTR123456789", no="R-001")],
        )
    )
    assert codes(matches) == {("R06", "collection", 1)}


def test_a_reversed_posting_undoes_its_link_until_it_is_booked_again():
    facts = (
        [receipt(1, 5000_00, "2026-10-05", utr="UTR123456789", account=500)],
        [line(7, 5000_00, "2026-10-06", "UTR123456789")],
    )
    booked = posting(3, 5000_00, "2026-10-06", 500, no="R-001")
    back = posting(4, 5000_00, "2026-10-08", 500, reverses="P3")
    again = posting(5, 5000_00, "2026-10-09", 500, no="R-001")
    links = [link(1, 1, 5000_00, posting=3, rule="posting_receipt")]
    gone = match(world(*facts, [booked, back], links=links))
    assert list(gone.undone["id"]) == [1]
    assert codes(gone) == {("R09", "collection", 1)}
    assert codes(match(world(*facts, [booked, back, again], links=links))) == set()


def test_cash_booked_as_a_transfer_is_another_way_of_paying():
    matches = match(
        world(
            [receipt(1, 5000_00, "2026-10-05", slip="S-77", account=500, mode="cash")],
            [line(7, 5000_00, "2026-10-06", "S-77")],
            [posting(3, 5000_00, "2026-10-06", 500, no="R-001", mode="upi")],
        )
    )
    assert codes(matches) == {("R10", "collection", 1)}


def test_a_receipt_outside_its_allocation_is_told_even_when_the_money_is_seen():
    matches = match(
        world(
            [receipt(1, 5000_00, "2026-10-05", utr="UTR123456789", term=("2026-09-01", "2026-09-30"))],
            [line(7, 5000_00, "2026-10-06", "UTR123456789")],
        )
    )
    assert len(matches.confirmed) == 1
    assert codes(matches) == {("R12", "collection", 1)}
