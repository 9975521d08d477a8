"""Empanelment through pages and commands: who may press what, and that each act does what its page says."""

from __future__ import annotations

import io
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from allocations.agencies.empanelment_models import AgencyMove, AgencyPaper, AgentPaper, FindingAnswer, Inspection
from allocations.agencies.models import Agency
from portal.kernel.db import PortalSession
from portal.kernel.files import StoredFile
from tests.factories.browser import once_in
from tests.factories.empanelled import an_agent, papers_in_force
from tests.factories.honest_files import encoded, pdf, photo, saved
from tests.factories.worker import run_jobs
from tests.factories.world import a_user, an_account, an_agency, an_allocation

MAKER, CHECKER, AUDITOR, OWNER = (
    "maker@bank.example",
    "checker@bank.example",
    "auditor@bank.example",
    "owner@shakti.example",
)
AT = "/bank/agencies/SHAKTI"


@pytest.fixture
def shakti(bank_session: PortalSession) -> Agency:
    for email, role in ((MAKER, "bank_operator"), (CHECKER, "bank_approver"), (AUDITOR, "auditor")):
        a_user(bank_session, email, role)
    agency = an_agency(bank_session)
    a_user(bank_session, OWNER, "agency_owner", agency)
    bank_session.commit()
    return agency


def press(who: Any, page: str, path: str = "", **fields: Any) -> Any:
    return who.post(path or page, {"once": once_in(who.get(page).text), **fields}, follow_redirects=True)


def a_pdf() -> tuple[io.BytesIO, str]:
    return io.BytesIO(saved(pdf())), "paper.pdf"


def test_a_paper_goes_from_the_owner_to_the_bank_and_back(
    shakti: Agency, browse: Any, bank_session: PortalSession
) -> None:
    owner, checker = browse(OWNER), browse(CHECKER)
    told = {"kind": "insurance", "number": "FID/1", "issued_on": "2026-04-01", "valid_until": "2026-12-01"}
    assert press(owner, "/agency/papers/new", **told).status_code == 422  # the paper itself
    wrong = press(owner, "/agency/papers/new", **told | {"valid_until": ""}, file=a_pdf())
    assert wrong.status_code == 422 and "until when is it valid?" in wrong.text
    hostile = press(owner, "/agency/papers/new", **told, file=(io.BytesIO(b"<script>alert(1)</script>"), "p.pdf"))
    assert hostile.status_code == 422
    assert "To be looked at" in press(owner, "/agency/papers/new", **told, file=a_pdf()).text
    paper = bank_session.scalars(select(AgencyPaper)).one()
    page = f"{AT}/papers/{paper.id}"
    assert browse(AUDITOR).get(page).status_code == 200 and browse(AUDITOR).post(f"{page}/accept").status_code == 403
    assert press(checker, page, f"{page}/reject", reason="").status_code == 422
    assert "Runs out soon" in press(checker, page, f"{page}/accept").text
    file = owner.get(f"/agency/papers/{paper.id}/file")
    assert file.data.startswith(b"%PDF") and "attachment" in file.headers["Content-Disposition"]
    assert "Running out" in owner.get("/agency/company").text


def test_an_agent_has_a_card_to_print_and_one_not_fit_is_named_with_the_cure(
    shakti: Agency, browse: Any, bank_session: PortalSession
) -> None:
    agent = an_agent(bank_session, shakti, certificate_until=date(2026, 11, 9))
    bank_session.commit()
    owner, checker = browse(OWNER), browse(CHECKER)
    team = owner.get("/agency/team").text
    assert "Not fit to work" in team and "Hand in the renewed certificate" in team
    face = (io.BytesIO(encoded(photo(3, (240, 320)))), "face.jpg")
    told = {"kind": "id_card", "number": "C-1", "issued_on": "2026-11-01", "valid_until": "2027-10-31"}
    assert "Handed in." in press(owner, f"/agency/papers/agents/{agent.id}/new", **told, file=face).text
    card = bank_session.scalars(select(AgentPaper)).one()
    assert card.token is None and card.photo_sha256 not in (None, card.file_sha256)
    page = f"{AT}/agent-papers/{card.id}"
    assert "Accepted." in press(checker, page, f"{page}/accept").text
    bank_session.refresh(card)
    printed = owner.get(f"/agency/papers/agents/{agent.id}/card.pdf")
    assert printed.data.startswith(b"%PDF")
    assert browse().get(f"/verify-agent/{card.token}/photo").status_code == 404  # the certificate is over
    agent.certificate_until = None
    bank_session.commit()
    assert browse().get(f"/verify-agent/{card.token}/photo").mimetype == "image/jpeg"
    assert "Taken back" in press(browse(MAKER), page, f"{page}/revoke", reason="Lost on a train.").text


def test_a_visit_is_recorded_approved_answered_and_closed(
    shakti: Agency, browse: Any, bank_session: PortalSession
) -> None:
    a_user(bank_session, "checker2@bank.example", "bank_approver")
    bank_session.commit()
    maker, checker, owner = browse(MAKER), browse(CHECKER), browse(OWNER)
    visit = {"visited_on": "2026-11-02", "inspected_by": "Ravi", "score": "81.5", "summary": "Fine."}
    half = press(maker, f"{AT}/inspections/new", **visit, **{"findings-0-found": "No list of fees"})
    assert half.status_code == 422 and "Finding 1 is not complete" in half.text
    whole = {"severity": "minor", "found": "No list of fees", "action_asked": "Hang one up", "due_on": "2026-11-20"}
    finding = {f"findings-0-{name}": value for name, value in whole.items()}
    assert "It waits for another person" in press(maker, f"{AT}/inspections/new", **visit, **finding).text
    assert "No list of fees" not in owner.get("/agency/papers").text
    page = f"{AT}/inspections/{bank_session.scalars(select(Inspection.id)).one()}"
    assert "Approved, and its audit score" in press(checker, page, f"{page}/accept").text
    seen = owner.get("/agency/papers").text
    assert "No list of fees" in seen and "81.50" in seen
    at = seen.split('href="/agency/papers/findings/')[1].split('"')[0]
    assert "Said to be done" in press(owner, f"/agency/papers/findings/{at}", done="It hangs.").text
    answer = f"{AT}/answers/{bank_session.scalars(select(FindingAnswer.id)).one()}"
    assert "The finding is closed." in press(checker, answer, f"{answer}/accept").text
    assert "Closed" in owner.get("/agency/papers").text


def test_all_that_ends_is_shown_before_and_done_at_once(
    shakti: Agency, browse: Any, bank_session: PortalSession, app: Any
) -> None:
    account = an_account(bank_session, "LN1", as_of=date(2026, 9, 30), customer_name="=Meera()")
    an_allocation(bank_session, account, shakti)
    bank_session.commit()
    maker, checker, owner = browse(MAKER), browse(CHECKER), browse(OWNER)
    assert owner.get("/agency").status_code == 200
    told = {"action": "end", "from_on": "2026-11-10", "reason": "Proved harassment."}
    assert "It waits for another person" in press(maker, f"{AT}/status", f"{AT}/moves", **told, file=a_pdf()).text
    assert bank_session.scalars(select(StoredFile.agency_id)).all() == [
        None
    ]  # no session of the agency has a line of it
    page = f"{AT}/moves/{bank_session.scalars(select(AgencyMove.id)).one()}"
    assert maker.post(f"{page}/accept").status_code == 403
    before = checker.get(page).text
    assert "Accounts that come back" in before and "Every open account is recalled" in before
    assert "Accepted; it holds from now on." in press(checker, page, f"{page}/accept").text
    assert owner.get("/agency").status_code == 302
    moving = checker.get(page).text
    assert "Recalling its accounts" in moving and f'data-job="{page}/state"' in moving
    run_jobs(app)
    assert "What it did" in checker.get(page).text
    assert "LN1" in checker.get(f"{page}/borrowers").text
    sheet = checker.get(f"{page}/borrowers.csv").text
    assert "LN1" in sheet and "\n=Meera" not in sheet and ",=Meera" not in sheet
    held = checker.get("/finance/paying-stop").text
    assert "One agency&#39;s money on hold" in held and "Payments may be made" in held


def test_the_commands_propose_accept_and_list(
    shakti: Agency, cli: Any, bank_session: PortalSession, now: datetime, tmp_path: Path
) -> None:
    shakti.status = "due_diligence"
    bank_session.commit()
    made = cli("agencies", "propose", "SHAKTI", "empanel", "--reason", "As decided.", as_email=MAKER).json
    refused = cli("agencies", "accept", made["move"], as_email=CHECKER)
    assert refused.exit_code != 0 and len(cli("agencies", "papers", "SHAKTI").json["missing"]) == 5
    scan = tmp_path / "insurance.pdf"
    scan.write_bytes(saved(pdf()))
    days = ("--issued", "2026-04-01", "--until", "2027-03-31", "--number", "F1")
    paper = cli("agencies", "hand-in", "SHAKTI", "insurance", scan, *days, as_email=MAKER).json
    assert cli("agencies", "accept-paper", paper["paper"], as_email=MAKER).exit_code != 0
    assert cli("agencies", "accept-paper", paper["paper"], as_email=CHECKER).json["status"] == "accepted"
    papers_in_force(bank_session, shakti, now)
    bank_session.commit()
    assert cli("agencies", "accept", made["move"], as_email=CHECKER).json["to"] == "empanelled"
    assert [each["status"] for each in cli("agencies", "moves").json["moves"]] == ["accepted"]
    assert [each["code"] for each in cli("agencies", "public-list").json["agencies"]] == ["SHAKTI"]
