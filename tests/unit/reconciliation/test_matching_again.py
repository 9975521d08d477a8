"""What was suggested yesterday is still suggested today: tying the posting to the receipt takes no sign away."""

from allocations.reconciliation.matching.matcher import match
from tests.unit.reconciliation.worlds import line, link, posting, receipt, world


def test_a_suggestion_stands_after_its_posting_has_been_tied_to_the_receipt():
    sides = (
        [receipt(1, 5000_00, "2026-10-05", account=500, no="R-77")],
        [line(7, 5000_00, "2026-10-06", "UTR123456789")],
        [posting(3, 5000_00, "2026-10-06", 500, utr="UTR123456789", no="R-77")],
    )
    first = match(world(*sides))
    assert list(first.suggested["line_id"]) == [7] and list(first.confirmed["posting_id"]) == [3]
    again = match(world(*sides, links=[link(1, 1, 5000_00, posting=3, rule="posting_receipt")]))
    assert list(again.suggested["line_id"]) == [7] and len(again.confirmed) == 0


def test_a_reversed_posting_gives_no_account():
    matches = match(
        world(
            [receipt(1, 5000_00, "2026-10-05", account=500)],
            [line(7, 5000_00, "2026-10-06", "UTR123456789")],
            [
                posting(3, 5000_00, "2026-10-06", 500, utr="UTR123456789"),
                posting(4, 5000_00, "2026-10-07", 500, reverses="P3"),
            ],
        )
    )
    assert len(matches.suggested) == 0
