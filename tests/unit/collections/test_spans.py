"""When an account was held, as people count it."""

from __future__ import annotations

from datetime import date

import pytest

from allocations.collections.receipts.reporting import spans
from allocations.placements.models import Allocation

AUG, SEP, OCT = (
    (date(2026, 8, 1), date(2026, 8, 31)),
    (date(2026, 9, 1), date(2026, 9, 30)),
    (date(2026, 10, 1), None),
)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ([], []),
        ([SEP, AUG], [(AUG[0], SEP[1])]),
        ([AUG, OCT], [AUG, OCT]),
        ([AUG, SEP, OCT], [(AUG[0], None)]),
        ([OCT, (date(2026, 11, 1), date(2026, 11, 5))], [OCT]),
        ([AUG, (date(2026, 8, 5), date(2026, 8, 9))], [AUG]),
        ([(date(2026, 8, 1), date(2026, 8, 30)), SEP], [(date(2026, 8, 1), date(2026, 8, 30)), SEP]),
    ],
)
def test_terms_that_adjoin_are_one(
    terms: list[tuple[date, date | None]], expected: list[tuple[date, date | None]]
) -> None:
    assert spans(Allocation(from_on=start, to_on=end) for start, end in terms) == expected
