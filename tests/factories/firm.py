"""An agency at work: accounts it holds, agents of its own, receipts reported one by one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Agent
from allocations.collections.models import Collection
from allocations.collections.receipts.reporting import Entry, report_collection
from portal.kernel.audit import Actor
from tests.factories.world import SYSTEM, a_user, an_account, an_agency, an_allocation

NOW = datetime(2026, 11, 10, 6, 30, tzinfo=UTC)
TODAY = date(2026, 11, 10)


@dataclass
class Firm:
    """An agency with an owner, an accountant and the agents A1 (who signs in) and A2."""

    agency: Agency
    owner: Actor
    accountant: Actor
    asha: Actor
    a1: Agent
    a2: Agent


def a_firm(session: Session, code: str = "SHAKTI", accounts: int = 2) -> Firm:
    """The firm holds `<code>1`, `<code>2` … from October to December."""
    agency = an_agency(session, code)
    for number in range(1, accounts + 1):
        an_allocation(session, an_account(session, f"{code}{number}"), agency)
    people = {
        name: a_user(session, f"{name}@{code.lower()}.example", role, agency)
        for name, role in (("owner", "agency_owner"), ("accountant", "agency_accountant"), ("asha", "field_agent"))
    }
    a1 = Agent(agency_id=agency.id, code="A1", name="Asha Rao", user_id=people["asha"].user_id)
    a2 = Agent(agency_id=agency.id, code="A2", name="Bala Iyer")
    session.add_all([a1, a2])
    session.flush()
    return Firm(agency, people["owner"], people["accountant"], people["asha"], a1, a2)


def a_receipt(session: Session, firm: Firm, receipt_no: str, amount_minor: int = 50_000, **changes: Any) -> Collection:
    """One receipt through the front door; cash of today on the firm's first account unless told otherwise."""
    options = {"agency": firm.agency, "actor": SYSTEM, "now": NOW, "today": TODAY, "source": "page"}
    options |= {name: changes.pop(name) for name in list(changes) if name in options}
    values: dict[str, Any] = {
        "loan_account_no": f"{firm.agency.code}1",
        "mode": "cash",
        "collected_at": NOW,
        "agent_code": "A1",
    }
    entry = Entry(receipt_no=receipt_no, amount_minor=amount_minor, **values | changes)
    return report_collection(session, entry, **options).collection
