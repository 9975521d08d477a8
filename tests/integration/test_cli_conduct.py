"""Commands for the fraud register, visits called back, staff, requests and a change of agent: the services' rules, told as JSON."""

from __future__ import annotations

import secrets
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from allocations.agencies.models import Agency, Agent
from allocations.placements.models import Allocation
from portal.kernel.db import PortalSession, unit_of_work
from tests.factories.empanelled import FIT
from tests.factories.world import a_user, an_account, an_agency, an_allocation
from tests.integration.test_visit_audits import a_visit

MAKER, CHECKER = "maker@bank.example", "checker@bank.example"
REASON = ("--reason", "As agreed with the office.")


@pytest.fixture
def held(bank_session: PortalSession) -> Allocation:
    """LN1 with SHAKTI until the end of the year; A1 may work it, A2's certificate has run out; RIVAL has an agent of its own."""
    with unit_of_work(bank_session) as session:
        agency, rival = an_agency(session, "SHAKTI"), an_agency(session, "RIVAL")
        for email, role in ((MAKER, "bank_operator"), (CHECKER, "bank_approver")):
            a_user(session, email, role)
        for firm, code, until in ((agency, "A1", None), (agency, "A2", date(2026, 11, 9)), (rival, "B1", None)):
            session.add(Agent(agency_id=firm.id, code=code, name=f"Agent {code}", **FIT, certificate_until=until))
        return an_allocation(session, an_account(session, "LN1"), agency)


def test_a_case_of_fraud_from_suspicion_to_its_end(cli: Any, held: Allocation) -> None:
    told = (
        "--kind",
        "fake_receipt",
        "--words",
        "Two receipts bear one number.",
        "--agency",
        "SHAKTI",
        "--account",
        "LN1",
    )
    opened = cli("fraud", "open", *told, "--amount", "42,000.50", as_email=MAKER).json["cases"][0]
    assert (opened["amount"], opened["holding"], opened["status"]) == ("42000.50", True, "suspected")
    early = cli("fraud", "propose", opened["ref"], "--finding", "fraud", *REASON, as_email=MAKER)
    assert early.exit_code == 1 and "show-cause" in early.json["error"]["message"]
    for email, *step in (
        (MAKER, "notify", opened["ref"], "--notice", "Two receipts. Say why."),
        (MAKER, "propose", opened["ref"], "--finding", "no_fraud", *REASON),
        (CHECKER, "return", opened["ref"], "--reason", "Show me the books."),
        (MAKER, "propose", opened["ref"], "--finding", "no_fraud", *REASON),
    ):
        done = cli("fraud", *step, as_email=email)
        assert done.exit_code == 0, done.out
    assert cli("fraud", "decide", opened["ref"], "--finding", "no_fraud", as_email=MAKER).exit_code == 1
    ended = cli("fraud", "decide", opened["ref"], "--finding", "no_fraud", as_email=CHECKER).json["cases"][0]
    assert (ended["status"], ended["holding"]) == ("cleared", False)
    assert cli("fraud", "report", opened["ref"], "--number", "FMR-1", as_email=MAKER).exit_code == 1
    assert cli("fraud", "list", as_email=MAKER).json["cases"] == []
    listed = cli("fraud", "list", "--state", "all", as_email=MAKER)
    assert "Two receipts" not in listed.out and len(listed.json["cases"]) == 1
    assert cli("fraud", "open", *told, "--amount", "much", as_email=MAKER).exit_code == 2


def test_visits_are_drawn_called_back_and_proposed(cli: Any, held: Allocation, bank_session: PortalSession) -> None:
    with unit_of_work(bank_session) as session:
        for number in range(4):
            a_visit(session, held, number, "A1")
    asked = ("--period", "2026-10", "--count", "1", "--seed", "monsoon")
    drawn = cli("visit-audits", "draw", *asked, as_email=MAKER).json["samples"][0]
    assert (drawn["visits"], drawn["drawn"], drawn["caller"], drawn["seed"]) == (4, 1, MAKER, "monsoon")
    assert cli("visit-audits", "draw", "--period", "2026-10", "--share", "x", as_email=MAKER).exit_code == 2
    [visit] = cli("visit-audits", "show", drawn["ref"], as_email=MAKER).json["samples"][0]["visits_drawn"]
    answer = (drawn["ref"], visit["visit"], "--result", "confirmed")
    assert cli("visit-audits", "record", *answer, as_email=CHECKER).exit_code == 1, "another was asked to call"
    [rate] = cli("visit-audits", "record", *answer, as_email=MAKER).json["samples"][0]["agencies"]
    assert (rate["agency"], rate["percent"], rate["low"], rate["waiting"]) == ("SHAKTI", "100.0", "20.7", 0)
    made = cli("visit-audits", "propose", drawn["ref"], "--agency", "SHAKTI", as_email=MAKER).json
    assert (made["value"], made["status"]) == ("100.00", "proposed")
    assert len(cli("visit-audits", "list", as_email=CHECKER).json["samples"]) == 1
    assert cli("visit-audits", "record", drawn["ref"], "K-NONE", "--result", "confirmed", as_email=MAKER).exit_code == 1


def test_staff_are_kept_given_accounts_and_sum_to_the_portfolio(cli: Any, held: Allocation) -> None:
    given: tuple[str, ...] = ("--name", "Tara", "--role", "territory_manager", "--email", "Tara@bank.example")
    assert cli("staff", "save", "TM1", *given, as_email=MAKER).exit_code == 0
    given = ("--name", "Esha", "--pincodes", "400, 411", "--manager", "TM1", "--capacity", "1")
    made = cli("staff", "save", "CE1", *given, as_email=MAKER).json["staff"][0]
    assert (made["manager"], made["pincodes"], made["capacity"]) == ("TM1", ["400", "411"], 1)
    kept = cli("staff", "save", "CE1", "--capacity", "0", "--inactive", as_email=MAKER).json["staff"][0]
    assert (kept["name"], kept["pincodes"], kept["capacity"], kept["active"]) == ("Esha", ["400", "411"], None, False)
    assert cli("staff", "hand-over", "LN1", "--to", "CE1", as_email=MAKER).exit_code == 1, "not active"
    cli("staff", "save", "CE1", "--active", as_email=MAKER)
    assert cli("staff", "hand-over", "LN1", "--to", "CE1", as_email=MAKER).json["from"] == "2026-11-10"
    books = cli("staff", "books", as_email=MAKER).json
    assert [(row["code"], row["accounts"]) for row in books["by_staff"]] == [("CE1", 1)]
    assert [row["code"] for row in cli("staff", "list", as_email=MAKER).json["staff"]] == ["TM1", "CE1"]
    assert cli("staff", "save", "CE2", "--name", "X", "--manager", "NOBODY", as_email=MAKER).exit_code == 2


def test_requests_are_asked_by_one_and_done_by_another(cli: Any, held: Allocation, bank_session: PortalSession) -> None:
    asked = cli("requests", "extend", "LN1", "--to", "2027-03-31", *REASON, as_email=MAKER)
    number = str(asked.json["requests"][0]["request"])
    assert cli("requests", "accept", number, as_email=MAKER).exit_code == 1, "another person decides"
    done = cli("requests", "accept", number, as_email=CHECKER).json["requests"][0]
    assert (done["status"], done["to_on"], done["decided_by"]) == ("accepted", "2027-03-31", CHECKER)
    bank_session.rollback()
    assert bank_session.get_one(Allocation, held.id).to_on == date(2027, 3, 31)
    wish = ("transfer", "LN1", "--to-agency", "RIVAL", "--last-on", "2026-11-30", *REASON)
    again = cli("requests", *wish, as_email=MAKER).json["requests"][0]
    assert (again["to_agency"], again["status"]) == ("RIVAL", "proposed")
    assert cli("requests", *wish, as_email=MAKER).exit_code == 1, "it is asked for already"
    assert [row["request"] for row in cli("requests", "list", as_email=MAKER).json["requests"]] == [again["request"]]
    taken = cli("requests", "withdraw", str(again["request"]), as_email=MAKER).json["requests"][0]
    assert taken["status"] == "withdrawn"
    late = ("transfer", "LN1", "--to-agency", "RIVAL", "--last-on", "2026-01-31", *REASON)
    assert cli("requests", *late, as_email=MAKER).json["errors"][0]["code"] == "outside_term"
    assert cli("requests", "extend", "LN9", "--to", "2027-04-30", *REASON, as_email=MAKER).exit_code == 1


def test_an_account_changes_its_agent_by_command_and_on_the_page(
    cli: Any, browse: Any, held: Allocation, bank_session: PortalSession
) -> None:
    def change(code: str) -> Any:
        return cli("allocations", "change-agent", "LN1", "--agent", code, *REASON, as_email=MAKER)

    assert [change(code).exit_code for code in ("A2", "B1", "A1", "A1")] == [2, 2, 0, 1]
    with unit_of_work(bank_session) as session:
        agency = session.scalars(select(Agency).where(Agency.code == "SHAKTI")).one()
        session.add(Agent(agency_id=agency.id, code="A3", name="Agent A3", **FIT))
    path, who = f"/bank/requests/ask/{held.id}", browse(MAKER)
    page = who.get(path).text
    listed = [f"Agent {code}, {code}" in page for code in ("A1", "A2", "A3", "B1")]
    assert listed == [False, False, True, False], "who may not, or has it, is no choice"
    typed = {"agent": "A3", "reason": "Her round", "once": secrets.token_urlsafe(18)}
    assert who.post(f"{path}/agent", typed).status_code == 302
    bank_session.rollback()
    now = select(Agent.code).join(Allocation, Allocation.agent_id == Agent.id).where(Allocation.id == held.id)
    assert bank_session.scalar(now) == "A3"
    assert who.post(f"{path}/agent", typed | {"agent": "A2", "once": secrets.token_urlsafe(18)}).status_code == 422
