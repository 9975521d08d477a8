"""What an agency reads of its own breaks, whatever a run noted."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from allocations.collections.models import Collection
from allocations.reconciliation.bench.own_breaks import OwnBreak, said_of_cash
from allocations.reconciliation.matching.ageing import carried
from allocations.reconciliation.matching.reasons import KINDS
from allocations.reconciliation.models import Break
from portal.kernel.clock import BANK_ZONE


@pytest.mark.parametrize("code", KINDS)
def test_a_break_of_which_little_was_noted_is_told_all_the_same(code: str) -> None:
    found = Break(code=code, detail={}, currency="INR", owner="agency", cure=KINDS[code].cure, amount_minor=1)
    row = OwnBreak(found, None, date(2026, 11, 10))
    assert row.told and row.asks and "KeyError" not in row.why


def test_money_that_is_sent_is_not_asked_to_be_paid_in() -> None:
    found = Break(code="R01", detail={}, currency="INR", owner="agency", cure=KINDS["R01"].cure, amount_minor=1)
    told = {mode: OwnBreak(found, Collection(mode=mode), date(2026, 11, 10)).asks for mode in ("upi", "cheque")}
    assert "slip" not in told["upi"] and "payment reference" in told["upi"] and "slip" in told["cheque"]


def test_cash_carried_long_is_told_in_hours_and_days_and_midnight_is_a_days_end() -> None:
    now = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)
    said = said_of_cash(carried(date(2026, 9, 30), None, 1, now=now, zone=BANK_ZONE))
    assert said == "Carried for at least 1,282 hours (53 days); it was due by the end of 1 Oct."
