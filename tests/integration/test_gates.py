"""The gates at an import: for each, the one row it stops comes back, and the rows beside it go in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select

from allocations.agencies.empanelment_models import AgencyPaper
from allocations.agencies.models import Agency, Agent
from allocations.placements.gates import GATES
from allocations.placements.import_allocations import import_allocations
from allocations.placements.models import Allocation
from allocations.placements.service import put_on_hold
from portal.kernel.db import PortalSession
from tests.factories.world import SYSTEM, an_account, an_agency, an_allocation

DAY = date(2026, 10, 1)
HEAD = "LAN,Agency,From,To\n"
ELSEWHERE = {"no_snapshot", "already_allocated"}  # shown in test_import_allocations


@pytest.fixture
def firm(bank_session: PortalSession) -> Agency:
    an_agency(bank_session, "OTHER")
    return an_agency(bank_session, "SHAKTI", agreement_from=date(2026, 4, 1), agreement_to=date(2027, 3, 31))


def by_firm(**values: Any) -> Callable[[PortalSession, Agency], None]:
    def change(session: PortalSession, firm: Agency) -> None:
        for name, value in values.items():
            setattr(firm, name, value)

    return change


def by_agents(session: PortalSession, firm: Agency) -> None:
    lapsed = {"certificate_until": date(2026, 9, 30)}
    session.add(Agent(agency_id=firm.id, code="A1", name="A", **lapsed))
    other = session.scalars(select(Agency).where(Agency.code == "OTHER")).one()
    session.add_all([Agent(agency_id=other.id, code="A1", name="A", **lapsed)])
    session.add_all([Agent(agency_id=other.id, code="A2", name="B", certificate_until=DAY, verified_until=DAY)])


def a_paper(session: PortalSession, firm: Agency, kind: str, until: date | None) -> None:
    at = datetime(2026, 4, 1, tzinfo=UTC)
    given: dict[str, Any] = {
        "agency_id": firm.id,
        "kind": kind,
        "version": 1,
        "issued_on": at.date(),
        "valid_until": until,
    }
    decided = {"status": "accepted", "proposed_by": "a", "proposed_at": at, "decided_by": "b", "decided_at": at}
    session.add(AgencyPaper(**given, **decided))


def by_papers(session: PortalSession, firm: Agency) -> None:
    """Its police verification ended the day before; of the other one the guarantee did, whose deposit stands."""
    other = session.scalars(select(Agency).where(Agency.code == "OTHER")).one()
    for each, kind, until in (
        (firm, "police_verification", date(2026, 9, 30)),
        (other, "police_verification", DAY),
        (other, "guarantee", date(2026, 9, 30)),
        (other, "deposit", None),
    ):
        a_paper(session, each, kind, until)


AGENCY = {
    "papers_lapsed": by_papers,
    "agency_shut": by_firm(status="suspended"),
    "agreement_not_in_force": by_firm(agreement_to=date(2026, 12, 30)),
    "no_certified_agent": by_agents,
}
ROW = {
    "outside_states": by_firm(licensed_states=["27"]),
    "outside_pincodes": by_firm(licensed_pincodes=["400"]),
    "outside_products": by_firm(licensed_products=["PL"]),
    "capacity_full": by_firm(capacity=2),
    "exposure_full": by_firm(exposure_cap_minor=25_000_000),
}
HOLDS = {"open_complaint": "complaint", "fraud_suspected": "fraud", "in_litigation": "litigation",
         "borrower_deceased": "deceased", "on_hold": "manual"}  # fmt: skip


def given(session: PortalSession, now: datetime, *rows: str) -> list[tuple[str, str]]:
    """(account, code) of what came back; the rest went in."""
    data = (HEAD + "\n".join(f"{row},2026-10-01,2026-12-31" for row in rows)).encode()
    result = import_allocations(session, data, placement="P", file_name="p.csv", actor=SYSTEM, now=now)
    assert result.created == len(rows) - result.rejected
    assert all(problem.cure for problem in result.problems)
    return [(rows[(problem.row or 0) - 2].split(",")[0], problem.code) for problem in result.problems]


def test_every_gate_is_shown() -> None:
    assert set(GATES) == {*AGENCY, *ROW, *HOLDS, *ELSEWHERE}


@pytest.mark.parametrize("code", AGENCY)
def test_a_gate_stops_one_agency_and_not_its_neighbour(
    bank_session: PortalSession, now: datetime, firm: Agency, code: str
) -> None:
    for no in ("LN1", "LN2"):
        an_account(bank_session, no)
    AGENCY[code](bank_session, firm)
    bank_session.flush()
    assert given(bank_session, now, "LN1,SHAKTI", "LN2,OTHER") == [("LN1", code)]


@pytest.mark.parametrize("code", ROW)
def test_a_gate_stops_one_row_and_not_its_neighbours(
    bank_session: PortalSession, now: datetime, firm: Agency, code: str
) -> None:
    """LN1 and LN2 are what the agency may work and has room for; LN3 lies elsewhere and is one too many."""
    for no in ("LN1", "LN2"):
        an_account(bank_session, no, state="27", pincode="400001", product="PL")
    for no in ("LN3", "LN4"):
        an_account(bank_session, no, state="29", pincode="560001", product="TW")
    ROW[code](bank_session, firm)
    bank_session.flush()
    assert given(bank_session, now, "LN1,SHAKTI", "LN2,SHAKTI", "LN3,SHAKTI", "LN4,OTHER") == [("LN3", code)]


def test_what_an_agency_holds_that_day_takes_up_room(bank_session: PortalSession, now: datetime, firm: Agency) -> None:
    an_allocation(bank_session, an_account(bank_session, "OLD"), firm, date(2026, 9, 1), date(2026, 9, 30))
    an_allocation(bank_session, an_account(bank_session, "NOW"), firm, date(2026, 9, 1), DAY)
    for no in ("LN1", "LN2"):
        an_account(bank_session, no)
    firm.capacity = 2
    bank_session.flush()
    assert given(bank_session, now, "LN1,SHAKTI", "LN2,SHAKTI") == [("LN2", "capacity_full")]
    data = b"LAN,Agency,From,To\nLN2,SHAKTI,2026-10-02,2026-12-31\n"  # a day later one has gone
    result = import_allocations(bank_session, data, placement="P", file_name="p.csv", actor=SYSTEM, now=now)
    assert (result.created, bank_session.query(Allocation).count()) == (1, 4)


def test_each_hold_stops_its_account_alone(bank_session: PortalSession, now: datetime, firm: Agency) -> None:
    effects = dict.fromkeys(HOLDS, "no_accrual") | {"on_hold": "no_work"}
    for code, cause in HOLDS.items():
        account = an_account(bank_session, code.upper())
        put_on_hold(
            bank_session, account, reason="Said so.", from_on=DAY, to_on=None, effect=effects[code], cause=cause,
            actor=SYSTEM, now=now,
        )  # fmt: skip
    unpaid = an_account(bank_session, "UNPAID")
    put_on_hold(
        bank_session, unpaid, reason="Rate", from_on=DAY, to_on=None, effect="no_accrual", actor=SYSTEM, now=now
    )
    an_account(bank_session, "FREE")
    rows = [f"{code.upper()},SHAKTI" for code in HOLDS]
    stopped = given(bank_session, now, *rows, "UNPAID,SHAKTI", "FREE,SHAKTI")
    assert sorted(stopped) == sorted((code.upper(), code) for code in HOLDS)
