"""What stands out against the books, without a database."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from allocations.collections.receipts.books import Marks, Place, Series
from allocations.collections.receipts.standing_out import KINDS, Hand, Report, held_by, oddities, placed, spelled_oddly
from allocations.keys import receipt_key

DAY = date(2026, 11, 10)
BOOK = Series(1, "R-", "R", 4, 1, 100)
MARKS = Marks({Place(1, 5): ("void", True), Place(1, 6): ("lost", True), Place(1, 7): ("lost", False)})
HANDS = [
    Hand(1, 1, 50, "A1", DAY - timedelta(days=9), DAY - timedelta(days=1)),
    Hand(1, 1, 50, "A2", DAY - timedelta(days=1), None),
]


def report(number: str, agent: str = "", day: date = DAY, id: int = 1) -> Report:
    return Report(id, receipt_key(number), agent, day)


def codes(*reports: Report) -> list[str]:
    return [code for _id, code, _detail in oddities(placed(reports, [BOOK]), MARKS, HANDS)]


def test_each_thing_has_its_code() -> None:
    found = codes(report("X1"), report("R-5"), report("R-6"), report("R-7"), report("R-8"), report("R-9", "A9"))
    assert found == ["unissued", "void_used", "lost_used", "other_hands"]
    assert set(found) <= set(KINDS)


def test_a_void_number_in_wrong_hands_is_two_things() -> None:
    assert codes(report("R-5", "A9")) == ["void_used", "other_hands"]


def test_on_the_day_numbers_change_hands_both_may_have_written() -> None:
    turn = DAY - timedelta(days=1)
    assert held_by(Place(1, 8), turn, HANDS) == {"A1", "A2"}
    assert codes(report("R-8", "A1", turn), report("R-8", "A2", turn)) == []
    assert codes(report("R-8", "A1", DAY)) == ["other_hands"]
    assert codes(report("R-8", "A2", turn - timedelta(days=1))) == ["other_hands"]


def test_numbers_nobody_has_in_hand_are_anybodys() -> None:
    assert codes(report("R-60", "A7")) == []


def test_where_there_are_no_books_nothing_stands_out() -> None:
    assert placed([report("X1")], []) == []


def test_a_number_not_written_as_printed_may_hide_another() -> None:
    found = spelled_oddly(placed([report("R-8"), report("R-0009"), report("X8")], [BOOK]), {1: BOOK})
    assert [(each.key, place.number) for each, place in found] == [("R8", 8)]


@given(
    st.lists(
        st.builds(report, st.sampled_from(["R-1", "R-5", "R-0060", "Z", "R-101"]), st.sampled_from(["", "A1", "A2"]))
    )
)
def test_the_order_of_receipts_changes_nothing(reports: list[Report]) -> None:
    one = sorted(oddities(placed(reports, [BOOK]), MARKS, HANDS))
    assert one == sorted(oddities(placed(reversed(reports), [BOOK]), MARKS, HANDS))
