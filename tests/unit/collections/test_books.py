"""Receipt books without a database: numbers, keys, states, gaps, what is used twice."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from allocations.collections.receipts.books import (
    GAP,
    Claim,
    Marks,
    Place,
    Series,
    gaps,
    key_intervals,
    look_alikes,
    next_free,
    number_in,
    place_of,
    prefix_key,
    printed_key,
    receipt_no,
    reused,
    runs,
    spellings,
    standing,
    states,
    stretches,
)
from allocations.keys import receipt_fold, receipt_key

BOOK = Series(1, "R-", "R", 4, 1, 100)


def a_series(prefix: str, width: int, first: int, last: int, id: int = 1) -> Series:
    return Series(id, prefix, prefix_key(prefix), width, first, last)


prefixes = st.text(st.sampled_from("ABRZ09-/ _é"), max_size=6)
series = st.builds(
    lambda prefix, first, count, more: a_series(prefix, len(str(first + count)) + more, first, first + count),
    prefixes,
    st.integers(0, 10**6),
    st.integers(0, 500),
    st.integers(0, 4),
)


@given(series, st.data())
def test_every_number_of_a_book_is_found_again_by_its_key(book: Series, data: st.DataObject) -> None:
    number = data.draw(st.integers(book.first_no, book.last_no))
    key = receipt_key(receipt_no(book.prefix, book.width, number))
    assert place_of(key, [book]) == Place(1, number)


@given(series, st.data())
def test_spellings_are_the_keys_of_what_people_write(book: Series, data: st.DataObject) -> None:
    number = data.draw(st.integers(book.first_no, book.last_no))
    written = {receipt_key(receipt_no(book.prefix, width, number)) for width in range(1, book.width + 3)}
    assert spellings(book, number) == written
    assert printed_key(book, number) == receipt_key(receipt_no(book.prefix, book.width, number))


@given(series, st.data())
def test_no_other_number_is_in_the_book(book: Series, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, 10**7))
    assume(not book.first_no <= number <= book.last_no)
    key = receipt_key(receipt_no(book.prefix, len(str(number)), number))
    found = place_of(key, [book])
    assert found is None or book.prefix_key == ""  # without a prefix, the digits of one could be read into it


@given(series, st.data())
def test_every_spelling_of_a_number_lies_between_the_keys_asked_for(book: Series, data: st.DataObject) -> None:
    number = data.draw(st.integers(book.first_no, book.last_no))
    intervals = key_intervals(book, book.first_no, book.last_no)
    for key in spellings(book, number):
        assert number_in(key, book) == number
        assert any(len(low) == len(key) and low <= key <= high for low, high in intervals)


@pytest.mark.parametrize("text", ["R-0017", "r17", "Ｒ－００１７", " R 017", "R/00017", "R١٧"])
def test_zeros_dashes_and_wide_letters_are_one_leaf(text: str) -> None:
    assert place_of(receipt_key(text), [BOOK]) == Place(1, 17)


@pytest.mark.parametrize("text", ["R-0101", "R-0000", "R", "S-0017", "R-17A", "", "R-" + "9" * 40])
def test_what_is_in_no_book_is_in_no_book(text: str) -> None:
    assert place_of(receipt_key(text), [BOOK]) is None


def test_of_two_books_that_fit_the_printed_number_decides() -> None:
    wide, narrow = a_series("A", 4, 1000, 1999, id=1), a_series("A1", 3, 1, 999, id=2)
    assert place_of("A1017", [wide, narrow]) == Place(1, 1017)
    assert place_of("A1017", [a_series("A", 6, 1000, 1999, id=1), narrow]) == Place(2, 17)


def test_what_speaks_against_a_number() -> None:
    marks = Marks({Place(1, 5): ("void", True), Place(1, 6): ("lost", True), Place(1, 7): ("void", False)})
    found = [standing(receipt_key(f"R-{n:04d}"), [BOOK], marks) for n in (4, 5, 6, 7, 101)]
    assert found == ["ok", "void", "lost", "proposed", "unissued"]


# --- states and gaps


def test_numbers_below_the_highest_used_one_are_gaps_unless_void_or_lost() -> None:
    book = a_series("R", 2, 1, 10)
    found = states(book, [1, 2, 6], {4: "void", 5: "proposed"})
    assert [found[n] for n in range(1, 8)] == ["used", "used", GAP, "void", "proposed", "used", "unused"]
    assert gaps(book, [1, 2, 6], {4: "void"}) == [3, 5]


def test_each_agent_has_gaps_in_their_own_numbers_only() -> None:
    book = a_series("R", 2, 1, 20)
    assert gaps(book, [2, 12], {}, [(1, 10), (11, 20)]) == [1, 11]
    assert gaps(book, [12], {}, [(11, 20)]) == [11]


@given(
    series,
    st.sets(st.integers(0, 1_000_600)),
    st.dictionaries(st.integers(0, 1_000_600), st.sampled_from(["void", "lost"])),
)
def test_every_number_has_one_state_and_gaps_lie_below_a_used_one(
    book: Series, used: set[int], marks: dict[int, str]
) -> None:
    found = states(book, used, marks)
    assert list(found) == list(range(book.first_no, book.last_no + 1))
    top = max((n for n in used if n in found), default=-1)
    for number, state in found.items():
        assert (state == "used") == (number in used)
        assert (state == GAP) == (number < top and number not in used and number not in marks)
    assert [n for first, last, _ in stretches(found) for n in range(first, last + 1)] == list(found)


def test_stretches_end_where_numbers_change_hands() -> None:
    found = stretches(states(a_series("R", 2, 1, 10), [1], {}), [(3, 5)])
    assert found == [(1, 1, "used"), (2, 2, "unused"), (3, 5, "unused"), (6, 10, "unused")]


@given(st.sets(st.integers(0, 60)))
def test_runs_are_the_same_numbers(numbers: set[int]) -> None:
    found = runs(numbers)
    assert {n for first, last in found for n in range(first, last + 1)} == numbers
    assert all(after[0] > before[1] + 1 for before, after in pairwise(found))


@given(st.integers(0, 30), st.integers(0, 30), st.sets(st.integers(0, 70)))
def test_the_next_number_is_free_and_behind_what_was_written(first: int, more: int, spent: set[int]) -> None:
    last = first + more
    found = next_free(first, last, spent)
    inside = {n for n in spent if first <= n <= last}
    if found is None:
        assert inside == set(range(first, last + 1))
    else:
        assert first <= found <= last and found not in spent
        assert found > max(inside, default=-1) or last in inside


# --- used twice


def claim(ref: int, text: str) -> Claim:
    key = receipt_key(text)
    return Claim(ref, key, receipt_fold(key))


def test_one_leaf_in_two_spellings_is_used_twice() -> None:
    found = reused([claim(1, "R-0007"), claim(2, "R7"), claim(3, "R-0008"), claim(4, "R-7777")], [BOOK])
    assert [[each.ref for each in group] for group in found] == [[1, 2]]


def test_letters_taken_for_digits_are_look_alikes() -> None:
    found = look_alikes([claim(1, "R-0017"), claim(2, "R-OO17"), claim(3, "R-0018"), claim(4, "r 0017")])
    assert [[each.ref for each in group] for group in found] == [[1, 2, 4]]
