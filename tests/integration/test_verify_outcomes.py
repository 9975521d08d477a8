"""Verify holds a month's outcomes against their facts, and names the row after a hand has been at it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy.orm import Session

from allocations.placements.outcome_sets import freeze_outcomes
from payouts.difference import Findings
from payouts.verify_outcomes import check_outcomes
from portal.kernel.periods import parse_month
from tests.factories.world import SYSTEM, a_snapshot, an_account, an_agency, an_allocation

OCTOBER = parse_month("2026-10")


@pytest.fixture
def read(bank_session: Session, now: datetime) -> None:
    agency = an_agency(bank_session)
    for no, dpd in (("A1", 0), ("A2", 45), ("A3", None)):
        account = an_account(bank_session, no)
        an_allocation(bank_session, account, agency)
        if dpd is not None:
            a_snapshot(bank_session, account, date(2026, 10, 31), dpd_days=dpd)
    freeze_outcomes(bank_session, OCTOBER, actor=SYSTEM, now=now)
    bank_session.commit()


def found(session: Session) -> list[tuple[str, str, str]]:
    findings = Findings()
    check_outcomes(session, findings, OCTOBER)
    assert findings.checked["outcomes"] >= 3
    return [(each.table, each.ref, each.field) for each in findings.differences]


def test_an_honest_reading_verifies(read: None, bank_session: Session) -> None:
    assert found(bank_session) == []


def test_a_month_corrected_by_a_late_snapshot_verifies_in_both_versions(
    read: None, bank_session: Session, now: datetime
) -> None:
    account = an_account(bank_session, "A4", as_of=None)
    an_allocation(
        bank_session, account, an_agency(bank_session, "VEGA", pan="AAPFU0940F"), opening_as_of=date(2026, 9, 30)
    )
    freeze_outcomes(bank_session, OCTOBER, actor=SYSTEM, now=now)
    bank_session.commit()
    assert found(bank_session) == []


HASH = ("outcome_sets", "2026-10 version 1", "result_hash")
SUMS = ("outcome_sets", "2026-10 version 1", "summary.cells")


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        ("update account_outcomes set outcome = 'normalised' where loan_account_no = 'A2'", ("account_outcomes", "A2", "outcome")),
        ("update account_outcomes set outcome = 'normalised' where loan_account_no = 'A2'", HASH),
        ("update account_outcomes set outcome = 'normalised' where loan_account_no = 'A2'", SUMS),
        ("update account_outcomes set closing_dpd_days = 1 where loan_account_no = 'A2'", ("account_outcomes", "A2", "closing_dpd_days")),
        ("update account_outcomes set opening_principal_minor = 1 where loan_account_no = 'A1'", ("account_outcomes", "A1", "opening")),
        ("delete from account_outcomes where loan_account_no = 'A3'", ("outcome_sets", "2026-10 version 1", "accounts")),
        ("update outcome_sets set result_hash = 'x'", HASH),
        ("update outcome_sets set summary = summary || jsonb_build_object('cells', '[]'::jsonb)", SUMS),
    ],
)  # fmt: skip
def test_an_edit_is_named(
    read: None, bank_session: Session, database: Any, edit: str, named: tuple[str, str, str]
) -> None:
    database.execute(f"do $do$ begin set local session_replication_role = replica; {edit}; end $do$")
    assert named in found(bank_session)
