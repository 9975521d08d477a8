"""Why an amount moved between two months: the parts always sum to the change."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from payouts.commission.movers import parts_of
from payouts.commission.queries import Cell

CELL = st.builds(
    Cell,
    agency_id=st.just(1),
    kind=st.just("commission"),
    rule_id=st.just("r"),
    count=st.integers(1, 50),
    base_minor=st.integers(-1000, 10**9),
    minor=st.integers(-(10**6), 10**8),
    versions=st.frozensets(st.integers(1, 3), max_size=2),
)
KINDS = st.sampled_from(["commission", "account_fee", "clawback", "guarantee"])


def cell(base: int, minor: int, version: int = 1, count: int = 10) -> Cell:
    return Cell(1, "commission", "r", count, base, minor, frozenset({version}))


@given(st.none() | CELL, st.none() | CELL, KINDS, st.integers(0, 2))
def test_the_parts_sum_to_the_change(was: Cell | None, now: Cell | None, kind: str, waiting: int) -> None:
    if was is None and now is None:
        return
    parts = list(parts_of(was, now, kind, "INR", waiting))
    assert sum(part.minor for part in parts) == (now.minor if now else 0) - (was.minor if was else 0)
    assert all(part.sentence.endswith(".") for part in parts)


def test_more_money_at_the_same_rate_is_all_money() -> None:
    (part,) = parts_of(cell(100_000, 5_000), cell(300_000, 15_000), "commission", "INR")
    assert (part.minor, part.sentence) == (10_000, "₹2,000.00 more confirmed money.")


def test_another_slab_of_the_same_terms_is_told_from_other_terms() -> None:
    (slab,) = parts_of(cell(100_000, 5_000), cell(100_000, 6_000), "commission", "INR")
    assert slab.sentence == "6 % instead of 5 % on average (slabs and mix, the same terms)."
    (terms,) = parts_of(cell(100_000, 5_000), cell(100_000, 6_000, version=2), "commission", "INR")
    assert terms.sentence == "6 % instead of 5 % on average (other terms)."


def test_money_and_rate_are_told_apart() -> None:
    more, rate = parts_of(cell(100_000, 5_000), cell(200_000, 12_000), "commission", "INR")
    assert (more.minor, rate.minor) == (5_000, 2_000)


def test_corrections_and_what_is_new_say_so() -> None:
    (new,) = parts_of(None, cell(100, 5), "commission", "INR")
    assert new.sentence == "10 lines this month, none the month before."
    (back,) = parts_of(cell(-100, -5), cell(-300, -15, count=1), "clawback", "INR")
    assert back.sentence == "One line instead of 10 (taken back)."


def test_a_rule_without_a_line_while_the_month_is_not_measured_says_so() -> None:
    (part,) = parts_of(cell(1_000, 100), None, "commission", "INR", waiting=3)
    assert part.sentence == (
        "10 lines the month before, none yet: 3 receipts of the agency wait until the month is measured."
    )
    (part,) = parts_of(cell(0, 100, count=1), None, "account_fee", "INR", waiting=1)
    assert part.sentence.endswith("none yet: one account of the agency waits until the month is measured.")
    (part,) = parts_of(cell(1_000, 100), None, "commission", "INR")
    assert part.sentence == "10 lines the month before, none now."
