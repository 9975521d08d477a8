"""Which user is which agent: tied by the bank, on the page and by command, one to one."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from allocations.agencies.models import Agency, Agent
from allocations.agencies.queries import Sight, agent_of, sight_of
from allocations.agencies.service import tie_agent
from allocations.placements.import_accounts import import_accounts
from allocations.placements.queries import find_account
from portal.kernel.audit import Actor
from portal.kernel.db import PortalSession
from portal.kernel.errors import Invalid, Refused
from tests.conftest import NOW
from tests.factories.browser import once_in
from tests.factories.world import SYSTEM, a_user, an_agency

BY: dict[str, Any] = {"actor": SYSTEM, "now": NOW}


@pytest.fixture
def firm(bank_session: PortalSession) -> Agency:
    shakti, other = an_agency(bank_session, "SHAKTI"), an_agency(bank_session, "OTHER")
    for code in ("A1", "A2"):
        bank_session.add(Agent(agency_id=shakti.id, code=code, name=f"Agent {code}"))
    a_user(bank_session, "asha@shakti.example", "field_agent", shakti)
    a_user(bank_session, "owner@shakti.example", "agency_owner", shakti)
    a_user(bank_session, "far@other.example", "field_agent", other)
    a_user(bank_session, "admin@bank.example", "bank_admin")
    bank_session.commit()
    return shakti


def agents(session: PortalSession) -> list[Agent]:
    return [session.get_one(Agent, number) for number in (1, 2)]


def test_a_user_is_one_agent_and_an_agent_one_user(firm: Agency, bank_session: PortalSession) -> None:
    first, second = agents(bank_session)
    assert tie_agent(bank_session, firm, first, "ASHA@shakti.example", **BY)
    assert not tie_agent(bank_session, firm, first, "asha@shakti.example", **BY)
    with pytest.raises(Refused, match="agent A1 already"):
        tie_agent(bank_session, firm, second, "asha@shakti.example", **BY)
    for stranger in ("owner@shakti.example", "far@other.example", "nobody@shakti.example"):
        with pytest.raises(Invalid):
            tie_agent(bank_session, firm, second, stranger, **BY)
    assert tie_agent(bank_session, firm, first, None, **BY)
    assert agent_of(bank_session, first.user_id, firm.id) is None


def test_the_office_sees_all_and_a_field_agent_their_own(firm: Agency, bank_session: PortalSession) -> None:
    asha = Actor(1, "asha@shakti.example", "field_agent", firm.id)
    user = bank_session.info.get("x") or agents(bank_session)[0]
    assert sight_of(bank_session, asha) == Sight(False, email="asha@shakti.example")
    user.user_id = 1
    bank_session.flush()
    assert sight_of(bank_session, asha) == Sight(False, user.id, "A1", "asha@shakti.example")
    assert sight_of(bank_session, Actor(2, "o@x.example", "agency_owner", firm.id)).everyone


def test_the_bank_ties_them_on_the_agents_page_and_the_agency_sees_it(browse: Any, firm: Agency) -> None:
    admin = browse("admin@bank.example")
    path = "/bank/agencies/SHAKTI/agents/1"
    page = admin.get(path).text
    assert "asha@shakti.example" in page and "owner@shakti.example" not in page and "far@other.example" not in page
    fields = {"code": "A1", "name": "Asha", "is_active": "y", "user": "asha@shakti.example", "once": once_in(page)}
    assert admin.post(path, fields).status_code == 302
    assert 'selected value="asha@shakti.example"' in admin.get(path).text
    team = browse("owner@shakti.example").get("/agency/team").text
    assert "agent A1" in team and "tied to no agent" not in team


def test_by_command_a_user_comes_with_their_agent(cli: Any, firm: Agency, bank_session: PortalSession) -> None:
    added = cli(
        *(
            "user",
            "add",
            "ravi@shakti.example",
            "--role",
            "field_agent",
            "--agency",
            "SHAKTI",
            "--agent",
            "A2",
            "--json",
        )
    )
    assert added.exit_code == 0 and added.json["agent"] == "A2"
    wrong = cli(
        *("user", "add", "x@shakti.example", "--role", "agency_owner", "--agency", "SHAKTI", "--agent", "A1", "--json")
    )
    assert wrong.exit_code == 2
    moved = cli("user", "agent", "ravi@shakti.example", "A1", "--agency", "SHAKTI", "--json")
    assert moved.exit_code == 0 and moved.json["agent"] == "A1"
    bank_session.expire_all()
    assert [agent.user_id is not None for agent in agents(bank_session)] == [True, False]


def test_accounts_may_come_with_their_place(bank_session: PortalSession) -> None:
    header = "loan_account_no,customer_name,product,emi_amount,principal_outstanding,total_outstanding,overdue_amount,dpd_days"
    rows = [
        "LN1,A,PL,1,1,1,1,5,19.076090,72.877426",
        "LN2,B,PL,1,1,1,1,5,,",
        "LN3,C,PL,1,1,1,1,5,-33.9,95.5",
        "LN4,D,PL,1,1,1,1,5,91,0",
    ]
    data = "\n".join([header + ",latitude,longitude", *rows]).encode()
    result = import_accounts(bank_session, data, as_of=date(2026, 10, 31), file_name="a.csv", **BY)
    assert (result.created, result.rejected) == (3, 1) and result.problems[0].column == "latitude"
    places = [(a.latitude, a.longitude) for a in (find_account(bank_session, no) for no in ("LN1", "LN2", "LN3"))]
    assert [tuple(map(str, place)) for place in places] == [
        ("19.076090", "72.877426"), ("None", "None"), ("-33.900000", "95.500000"),
    ]  # fmt: skip
