"""Receipts after an account was recalled: taken in for as long as the agency's terms let such money earn."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from allocations.agencies.models import Agency
from allocations.collections.receipts.reporting import Entry, report_collection
from allocations.collections.uploads.importing import import_collections
from allocations.placements.models import Allocation
from payouts.rate_cards.service import approve, assign_terms, import_card
from portal.kernel.db import PortalSession
from portal.kernel.errors import Invalid
from tests.factories.month import CHECKER, MAKER
from tests.factories.world import SYSTEM, an_account, an_agency, an_allocation

TODAY = date(2026, 11, 10)
CARD = """
code = "T"
currency = "INR"
effective_from = 2026-04-01
[[rule]]
id = "r"
slabs = [ {rate = "0.10"} ]
[agency]
tail_days = 5
"""
HEADER = "receipt_no,loan_account_no,amount,collected_on,mode,instrument_ref"


@pytest.fixture
def shakti(bank_session: PortalSession, now: datetime) -> Agency:
    """Held LN1 through October, by terms with a tail of five days; its rival has no such terms."""
    shakti, rival = an_agency(bank_session, "SHAKTI"), an_agency(bank_session, "VEGA")
    for agency, no in ((shakti, "LN1"), (rival, "LN2")):
        account = an_account(bank_session, no)
        an_allocation(bank_session, account, agency, date(2026, 9, 1), date(2026, 9, 30))
        an_allocation(bank_session, account, agency, date(2026, 10, 1), date(2026, 10, 31))
    import_card(bank_session, CARD, actor=MAKER, now=now)
    approve(bank_session, "T", 1, actor=CHECKER, now=now, comment="Agreed.")
    plain = CARD.replace('"T"', '"U"').replace("tail_days = 5", "tail_days = 0")
    import_card(bank_session, plain, actor=MAKER, now=now)
    approve(bank_session, "U", 1, actor=CHECKER, now=now, comment="Agreed.")
    assign_terms(bank_session, shakti, "T", from_on=date(2026, 4, 1), actor=MAKER, now=now)
    assign_terms(bank_session, rival, "U", from_on=date(2026, 4, 1), actor=MAKER, now=now)
    return shakti


def entry(day: int, no: str = "LN1") -> Entry:
    return Entry(
        no, f"R-{no}-{day}", 50_000, "upi", datetime(2026, 11, day, 6, 30, tzinfo=UTC), instrument_ref=f"42612{day}"
    )


def test_a_receipt_of_the_tail_counts_under_the_allocation_that_ended_last(
    bank_session: PortalSession, agency_session: Any, shakti: Agency, now: datetime
) -> None:
    bank_session.commit()
    session = agency_session(shakti.id)
    own = session.get(Agency, shakti.id)
    given: dict[str, Any] = {"agency": own, "actor": replace(SYSTEM, agency_id=shakti.id), "now": now, "today": TODAY}
    stored = report_collection(session, entry(5), **given, source="page").collection
    assert session.get_one(Allocation, stored.allocation_id).to_on == date(2026, 10, 31)
    with pytest.raises(Invalid) as refused:
        report_collection(session, entry(6), **given, source="page")
    assert [problem.code for problem in refused.value.problems] == ["not_allocated"]


def test_terms_without_a_tail_take_none(bank_session: PortalSession, shakti: Agency, now: datetime) -> None:
    rival = bank_session.query(Agency).filter_by(code="VEGA").one()
    with pytest.raises(Invalid):
        report_collection(
            bank_session, entry(1, "LN2"), agency=rival, actor=SYSTEM, now=now, today=TODAY, source="page"
        )


def test_a_file_is_held_to_the_same_days(
    bank_session: PortalSession, shakti: Agency, now: datetime, file_store: Any
) -> None:
    rows = [f"R{day},LN1,100,2026-11-0{day},cash," for day in (1, 5, 6)]
    data = "\n".join([HEADER, *rows]).encode()
    given: dict[str, Any] = {"agency": shakti, "file_name": "a.csv", "actor": SYSTEM, "now": now, "today": TODAY}
    result = import_collections(bank_session, file_store, data, **given)
    assert [(each.row, each.code) for each in result.problems] == [(4, "not_allocated")]
    assert result.created == 2
