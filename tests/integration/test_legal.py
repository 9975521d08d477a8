"""Legal cases through the pages: opened, blocked, freed by facts, filed by two people; papers asked of agencies; last days told."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.agencies.taking_in import KeptFile
from allocations.casework.legal import alerts, queries, service, tasks
from allocations.casework.legal.models import LegalCase, LegalFiling, LegalTask
from allocations.placements.models import Hold
from portal.kernel.audit import Actor
from portal.kernel.db import bank_scope
from portal.kernel.errors import Invalid, Refused
from portal.kernel.notices import Notice
from tests.factories.honest_files import pdf, saved
from tests.factories.world import a_user, an_account, an_agency, an_allocation

MAKER, CHECKER, OWNER, RIVAL = (
    *("maker@bank.example", "checker@bank.example"),
    *("owner@shakti.example", "owner@vega.example"),
)
NOW, TODAY = datetime(2026, 11, 10, 6, 30, tzinfo=UTC), date(2026, 11, 10)
ONCE = re.compile(r'name="once"[^>]*value="([^"]+)"')
Browse = Callable[..., Any]
KEPT = KeptFile("a" * 64, "memo.pdf")
FACTS = {
    "is_mandate": "no",
    "instrument_on": "2026-08-10",
    "instrument_minor": "1500000",
    "presented_on": "2026-10-01",
    "memo_on": "2026-10-03",
    "for_want_of_funds": "yes",
    "notice_sent_on": "2026-10-20",
    "notice_served_on": "2026-10-23",
}


@pytest.fixture
def maker(bank_session: Session) -> Actor:
    """The people, two agencies, and an account that the first one holds."""
    maker = a_user(bank_session, MAKER, "bank_operator")
    a_user(bank_session, CHECKER, "bank_approver")
    shakti, vega = an_agency(bank_session), an_agency(bank_session, "VEGA", pan="AAPFU0940F")
    a_user(bank_session, OWNER, "agency_owner", shakti)
    a_user(bank_session, RIVAL, "agency_owner", vega)
    an_allocation(bank_session, an_account(bank_session, as_of=date(2026, 10, 31)), shakti)
    bank_session.commit()
    return maker


def press(who: Any, page: str, url: str, **typed: Any) -> Any:
    """Send one of a page's forms, with the page's own token against sending it twice."""
    shown = who.get(page)
    token = ONCE.search(shown.text)
    assert token, (shown.status_code, shown.text[:2000])
    return who.post(url, {"once": token[1], **typed}, follow_redirects=True)


def a_file(name: str = "copy.pdf") -> tuple[io.BytesIO, str]:
    return io.BytesIO(saved(pdf())), name


def a_case(session: Session, maker: Actor, *, facts: dict[str, str] | None = None, kind: str = "s138") -> LegalCase:
    given: dict[str, Any] = {"actor": maker, "now": NOW, "today": TODAY}
    case = service.open_case(session, "LN0001", kind, reason="Three instalments came back.", **given)
    for code, value in (facts or {}).items():
        service.enter_fact(session, case, code, value, paper=KEPT, **given)
    session.commit()
    return case


def test_of_two_who_open_the_same_case_at_once_the_second_waits_and_is_told_of_the_first(
    maker: Actor, bank_session: Session, database: Any
) -> None:
    given: dict[str, Any] = {"reason": "Three came back.", "actor": maker, "now": NOW, "today": TODAY}
    service.open_case(bank_session, "LN0001", "sarfaesi", **given)
    with database.logins.session(bank_scope(TODAY)) as other:
        other.execute(text("set local lock_timeout = '50ms'"))
        with pytest.raises(OperationalError, match="lock timeout"):
            service.open_case(other, "LN0001", "sarfaesi", **given)
    bank_session.commit()
    with (
        database.logins.session(bank_scope(TODAY)) as other,
        pytest.raises(Invalid, match="runs on this account already"),
    ):
        service.open_case(other, "LN0001", "sarfaesi", **given)


def test_a_case_is_opened_blocked_and_freed_by_its_facts(maker: Actor, browse: Browse, bank_session: Session) -> None:
    who = browse(MAKER)
    wrong = press(who, "/bank/legal/new", "/bank/legal/new", loan_account_no="LN9", kind="drt", reason="Long overdue.")
    assert wrong.status_code == 422 and "There is no such loan account." in wrong.text
    opened = press(
        who, "/bank/legal/new", "/bank/legal/new", loan_account_no="LN0001", kind="s138", reason="Cheque came back."
    )
    assert "Blocked because" in opened.text and "return memo was received" in opened.text
    case = bank_session.scalars(select(LegalCase)).one()
    page = f"/bank/legal/{case.id}"
    early = press(who, page, f"{page}/move", action="prepare")
    assert early.status_code == 422 and "It is not entered." in early.text
    future = press(who, f"{page}/facts/memo_on", f"{page}/facts/memo_on", day="2026-11-11", file=a_file())
    assert future.status_code == 422 and "has not come yet" in future.text
    entered = press(who, f"{page}/facts/memo_on", f"{page}/facts/memo_on", day="2026-11-02", file=a_file())
    assert "entered." in entered.text and "2 December 2026: 22 days left" in entered.text
    bank_session.expire_all()
    assert case.due_on == date(2026, 12, 2)
    assert who.get(f"{page}/facts/nothing").status_code == 404
    assert "LC" in who.get("/bank/legal").text and "22 days left" in who.get("/bank/legal?step=s138").text
    assert "return memo" not in browse(CHECKER).get(f"{page}/facts/memo_on").text
    assert "Returned cheque" in who.get("/bank/accounts/LN0001").text
    assert who.get("/bank/legal/export.csv").text.splitlines()[1].startswith(f"LC{case.id},LN0001,")


def test_filed_by_two_people_with_its_hold_that_ends_with_the_case(
    maker: Actor, browse: Browse, bank_session: Session
) -> None:
    case = a_case(bank_session, maker, facts=FACTS)
    who, other, page = browse(MAKER), browse(CHECKER), f"/bank/legal/{case.id}"
    assert "Nothing stands in its way." in who.get(page).text
    press(who, page, f"{page}/move", action="prepare")
    nobody = press(who, page, f"{page}/move", action="send")
    assert nobody.status_code == 422 and "Name counsel." in nobody.text
    press(who, page, f"{page}/move", action="send", counsel="Rao & Co.")
    assert "on hold until the case ends" in press(who, page, f"{page}/hold", effect="no_work", reason="In court.").text
    filing = {"forum": "Magistrate, Pune", "number": "CC 12/2026", "filed_on": "2026-11-07"}
    early = press(who, page, f"{page}/filings", **filing, file=a_file())
    assert early.status_code == 422 and "before 8 November 2026" in early.text
    filing["filed_on"] = "2026-11-09"
    assert "The stamped copy is missing." in press(who, page, f"{page}/filings", **filing).text
    assert "another person confirms it" in press(who, page, f"{page}/filings", **filing, file=a_file()).text
    found = bank_session.scalars(select(LegalFiling)).one()
    url = f"{page}/filings/{found.id}"
    assert browse(MAKER).post(f"{url}/confirm", {}).status_code == 403
    given: dict[str, Any] = {"paper": KEPT, "actor": maker, "now": NOW, "today": TODAY}
    service.enter_fact(bank_session, case, "notice_served_on", "2026-10-26", **given)
    bank_session.commit()
    assert "before 11 November 2026" in press(other, page, f"{url}/confirm").text  # judged by the facts of now
    service.enter_fact(bank_session, case, "notice_served_on", "2026-10-23", **given)
    bank_session.commit()
    assert press(other, page, f"{url}/confirm").status_code == 200
    bank_session.expire_all()
    assert case.status == "filed" and found.decided_by == CHECKER
    assert other.get(f"{url}/copy").status_code == 200
    assert press(who, page, f"{page}/move", action="decide", reason="Paid in court.").status_code == 200
    bank_session.expire_all()
    hold = bank_session.scalars(select(Hold)).one()
    assert (case.status, case.due_on, hold.cause, hold.to_on) == ("decided", None, "litigation", TODAY)
    with pytest.raises(Refused):
        service.enter_fact(bank_session, case, "memo_on", "2026-10-03", actor=maker, now=NOW, today=TODAY)


def test_an_agency_hands_in_papers_of_accounts_it_holds_and_sees_nothing_else(
    maker: Actor, browse: Browse, bank_session: Session
) -> None:
    case = a_case(bank_session, maker)
    agency, rival = (
        bank_session.scalars(select(Agency).where(Agency.code == code)).one() for code in ("SHAKTI", "VEGA")
    )
    given: dict[str, Any] = {"paper": "Signed loan agreement", "due_on": TODAY, "actor": maker, "now": NOW}
    with pytest.raises(Invalid):
        tasks.ask_paper(bank_session, case, rival.id, **given, today=TODAY)
    page = f"/bank/legal/{case.id}"
    asked = press(
        browse(MAKER),
        f"{page}/tasks/new",
        f"{page}/tasks/new",
        agency=agency.id,
        paper="Signed loan agreement",
        due_on="2026-11-20",
    )
    assert "Signed loan agreement" in asked.text and "nothing yet" in asked.text
    task = bank_session.scalars(select(LegalTask)).one()
    assert bank_session.scalars(select(Notice.to_address).where(Notice.key.startswith("legal-task"))).all() == [OWNER]
    mine, url = browse(OWNER), f"/agency/legal-papers/{task.id}"
    assert "Signed loan agreement" in mine.get("/agency/legal-papers").text
    assert "Choose a file." in press(mine, url, f"{url}/papers").text
    assert "Handed in." in press(mine, url, f"{url}/papers", file=a_file("agreement.pdf")).text
    theirs = browse(RIVAL)
    assert theirs.get(url).status_code == 404 and "Signed" not in theirs.get("/agency/legal-papers").text
    assert theirs.get("/agency/legal-papers/papers/1").status_code == 404 and mine.get(page).status_code == 403
    assert "agreement.pdf" in browse(MAKER).get(page).text
    paper = tasks.papers_of(bank_session, [task.id])[task.id][0]
    assert browse(MAKER).get(f"{page}/tasks/papers/{paper.id}").status_code == 200
    done = press(browse(MAKER), page, f"{page}/tasks/{task.id}/accept")
    assert "Accepted" in done.text
    assert "The bank has what it needs." in mine.get(url).text and mine.post(f"{url}/papers", {}).status_code == 422


def test_last_days_are_told_once_a_stage_and_follow_the_settings(maker: Actor, bank_session: Session) -> None:
    a_case(bank_session, maker, facts={**dict(list(FACTS.items())[:6]), "memo_on": "2026-10-20"})
    told = []
    for day in (8, 9, 10, 15, 16, 17, 18, 19, 20):
        told.append(alerts.tell_alerts(bank_session, today=date(2026, 11, day), now=NOW))
    assert told == [
        0,
        2,
        0,
        0,
        2,
        0,
        2,
        0,
        2,
    ]  # ten, three and one day before, and once it has passed; to maker and checker
    subjects = bank_session.scalars(select(Notice.subject).order_by(Notice.id)).all()
    assert "Notice sent, 10 days left" in subjects[0] and "passed 1 day ago" in subjects[-1]
    assert alerts.refresh_open(bank_session, TODAY) == 0


def test_facts_are_never_overwritten_and_the_last_one_counts(maker: Actor, bank_session: Session) -> None:
    case = a_case(bank_session, maker, facts={"memo_on": "2026-10-03"})
    given: dict[str, Any] = {"actor": maker, "now": NOW, "today": TODAY}
    service.enter_fact(bank_session, case, "memo_on", "2026-10-13", paper=KEPT, **given)
    assert case.due_on == date(2026, 11, 12)
    with pytest.raises(Invalid):
        service.enter_fact(bank_session, case, "memo_on", "", **given)
    service.enter_fact(bank_session, case, "memo_on", "", note="Another account's memo.", **given)
    assert case.due_on is None and len(queries.facts_entered(bank_session, case.id)) == 3
    for code, value in (("memo_on", "soon"), ("is_mandate", "maybe"), ("instrument_minor", "-5"), ("nothing", "1")):
        with pytest.raises(Invalid):
            service.enter_fact(bank_session, case, code, value, **given)
    with pytest.raises(Refused):
        service.move_case(bank_session, case, "decide", reason="Too early.", **given)
    assert a_case(bank_session, maker).id != case.id  # every returned cheque is a case of its own
    a_case(bank_session, maker, kind="drt")
    with pytest.raises(Invalid):
        a_case(bank_session, maker, kind="drt")
    with pytest.raises(Refused) as refused:
        demand = a_case(
            bank_session,
            maker,
            kind="demand_notice",
            facts={"notice_sent_on": "2026-10-20", "notice_served_on": "2026-10-23"},
        )
        service.move_case(bank_session, demand, "prepare", **given)
        service.move_case(bank_session, demand, "send", counsel="Rao & Co.", **given)
    assert refused.value.code == "not_filed"
