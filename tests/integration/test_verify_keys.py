"""Keys and bank details are held against what they belong to: every edit behind the portal's back is found and named."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from allocations.agencies.bank_details import decide_bank_detail, propose_bank_detail
from allocations.agencies.models import Agency
from payouts.difference import Findings
from payouts.verify_keys import check_keys
from portal.kernel.db import unit_of_work
from tests.factories.month import CHECKER, MAKER
from tests.factories.paid_month import an_approved_month

# What is done to the rows, and (table, field) of what is found.
TAMPERED = {
    "a key is taken away": ("delete from item_acts where act = 'approved'", {("settlements", "approved by")}),
    "another name on the settlement": (
        "update settlements set approved_by = 'nobody@x'",
        {("settlements", "approved by")},
    ),
    "another hash": ("update settlements set hash = repeat('0', 64)", {("settlements", "signed")}),
    "one person under two names": (
        "update item_acts set stood_for = 'maker@bank.example' where act = 'approved'",
        {("item_acts", "person")},
    ),
    "a rest cut short": ("update agency_bank_details set usable_from = null", {("agency_bank_details", "usable_from")}),
    "decided by nobody": (
        "update agency_bank_details set status = 'proposed'",
        {("agency_bank_details", "status")},
    ),
    "a name that fits after all": (
        "update agency_bank_details set name_check = 'exact'",
        {("agency_bank_details", "name_check")},
    ),
}


def test_what_was_changed_behind_the_portals_back_is_named(bank_session, now, database):
    with unit_of_work(bank_session):
        an_approved_month(bank_session, now - timedelta(days=1))
    with unit_of_work(bank_session):
        agency = bank_session.scalars(select(Agency).where(Agency.code == "VEGA")).one()
        propose_bank_detail(bank_session, agency, "0917", "UTIB0000917", "Vega", actor=MAKER, now=now)
        given: dict[str, Any] = {"actor": CHECKER, "now": now, "reason": "Called back."}
        decide_bank_detail(bank_session, agency, 2, approve=True, **given)

    def found() -> set[tuple[str, str]]:
        findings = Findings()
        check_keys(bank_session, findings)
        bank_session.rollback()
        return {(each.table, each.field) for each in findings.differences}

    assert found() == set()
    for what, (sql, expected) in TAMPERED.items():
        tables = {table: f"kept_{table}" for table in ("item_acts", "settlements", "agency_bank_details")}
        for table, kept in tables.items():
            database.execute(f"create table {kept} as table {table}")
        database.execute(f"set session_replication_role = replica; {sql}")
        assert found() == expected, what
        for table, kept in tables.items():
            database.execute(
                f"set session_replication_role = replica; delete from {table};"
                f" insert into {table} overriding system value table {kept}; drop table {kept}"
            )
    assert found() == set()
