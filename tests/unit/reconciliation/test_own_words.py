"""What an agency reads of its own breaks, whatever a run noted."""

from __future__ import annotations

from datetime import date

import pytest

from allocations.reconciliation.bench.own_breaks import OwnBreak
from allocations.reconciliation.matching.reasons import KINDS
from allocations.reconciliation.models import Break


@pytest.mark.parametrize("code", KINDS)
def test_a_break_of_which_little_was_noted_is_told_all_the_same(code: str) -> None:
    found = Break(code=code, detail={}, currency="INR", owner="agency", cure=KINDS[code].cure, amount_minor=1)
    row = OwnBreak(found, None, date(2026, 11, 10))
    assert row.told and row.asks and "KeyError" not in row.why
