"""A fraud case: confidential, heard before it is classified, decided by two, reported by a day."""

from __future__ import annotations

import secrets
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from allocations.casework.conduct import flags, fraud
from allocations.casework.conduct.fraud_models import FraudCase
from allocations.casework.conduct.models import ConductFlag
from allocations.placements.models import Hold
from portal.kernel.audit import Actor, AuditEvent
from portal.kernel.errors import Invalid, NotFound, Refused
from tests.factories.accrual import World
from tests.factories.month import CHECKER, MAKER
from tests.factories.world import a_user, an_agency

TODAY = date(2026, 11, 10)
WORDS = "Six receipts of one hand and no deposit of any of them."


@pytest.fixture
def agency(bank_session):
    return an_agency(bank_session)


def told(account_no="", **changes):
    values = {"kind": "undeposited_cash", "words": WORDS, "agency_code": "SHAKTI", "amount_minor": 42_000_00}
    return fraud.Told(**values | {"account_no": account_no} | changes)


def test_it_is_heard_before_it_is_classified_and_reported_by_its_day(bank_session, agency, now, agency_session):
    session = bank_session
    account = World(session, now).allocation(agency).loan_account_no
    found = fraud.open_case(session, told(account), actor=MAKER, now=now, today=TODAY)
    hold = session.scalars(select(Hold)).one()
    assert (found.ref, hold.cause, hold.cause_ref, hold.to_on) == ("F-2026-00001", "fraud", found.ref, None)
    with pytest.raises(Refused, match="show-cause"):
        fraud.propose(session, found, "fraud", "As counted.", actor=MAKER, now=now, today=TODAY)
    session.commit()
    own = agency_session(agency.id)
    assert list(fraud.own_notices(own)) == []
    own.rollback()
    fraud.notify(session, found, "Six receipts were not paid in. Say why.", actor=MAKER, now=now, today=TODAY)
    assert found.reply_until == TODAY + timedelta(days=21)
    with pytest.raises(Refused, match="may be answered until"):
        fraud.propose(session, found, "fraud", "As counted.", actor=MAKER, now=now, today=found.reply_until)
    session.commit()
    owner = Actor(201, "owner@shakti.example", "agency_owner", agency.id)
    with pytest.raises(DBAPIError):
        own.execute(select(FraudCase.words)).all()
    own.rollback()
    fraud.reply(own, found.ref, "The slips are at the branch.", actor=owner, now=now, today=TODAY)
    own.commit()
    session.refresh(found)
    assert found.status == "replied"
    said = session.scalars(select(AuditEvent).order_by(AuditEvent.id.desc())).first().body
    assert '"reply"' in said and "owner@shakti.example" in said and "slips" not in said
    fraud.propose(session, found, "fraud", "No slip is at any branch.", actor=MAKER, now=now, today=TODAY)
    with pytest.raises(Refused, match="another person"):
        fraud.decide(session, found, expected="fraud", actor=MAKER, now=now, today=TODAY)
    fraud.decide(session, found, expected="fraud", actor=CHECKER, now=now, today=TODAY)
    assert (found.status, found.report_due_on) == ("classified", TODAY + timedelta(days=14))
    assert hold.to_on is None, "it rests until a person lifts it"
    assert [row.case.ref for row in fraud.list_cases(session, tab="to_report")] == [found.ref]
    fraud.record_report(session, found, "FMR-2026-881", actor=MAKER, now=now)
    assert fraud.list_cases(session, tab="to_report") == []
    with pytest.raises(Refused):
        fraud.record_report(session, found, "FMR-2026-882", actor=MAKER, now=now)


def test_what_is_cleared_is_let_go_and_a_flag_becomes_a_case(bank_session, agency, now):
    session = bank_session
    account = World(session, now).allocation(agency).loan_account_no
    flag = ConductFlag(
        rule="deposit_short", key="k", agency_id=agency.id, about="x", happened_on=TODAY, facts={}, found_at=now
    )
    session.add(flag)
    session.flush()
    given = {"actor": MAKER, "now": now, "today": TODAY}
    with pytest.raises(Invalid):
        fraud.open_case(session, told("LN-NONE", kind="theft", agency_code="NOBODY"), **given)
    found = fraud.open_case(session, told(account), flag_id=flag.id, **given)
    assert (flags.load(session, flag.id).status, flag.case_ref) == ("case", found.ref)
    fraud.propose(session, found, "no_fraud", "The slips were found.", **given)
    fraud.send_back(session, found, "Show them to me.", actor=CHECKER, now=now)
    assert (found.status, found.finding) == ("suspected", None)
    fraud.propose(session, found, "no_fraud", "The slips were found, and seen.", **given)
    fraud.decide(session, found, expected="no_fraud", actor=CHECKER, now=now, today=TODAY)
    assert (found.status, found.is_holding, session.scalars(select(Hold)).one().to_on) == ("cleared", False, TODAY)
    with pytest.raises(NotFound):
        fraud.case_row(session, "F-2026-99999")


def test_its_pages_say_what_stands_in_the_way(bank_session, agency, now, browse):
    a_user(bank_session, MAKER.email, "bank_operator")
    a_user(bank_session, CHECKER.email, "bank_approver")
    a_user(bank_session, "owner@shakti.example", "agency_owner", agency)
    bank_session.commit()
    maker, owner = browse(MAKER.email), browse("owner@shakti.example")

    def send(browser, path, **values):
        return browser.post(path, {"once": secrets.token_urlsafe(18), **values})

    typed = {"kind": "fake_receipt", "words": WORDS, "agency": "SHAKTI", "amount": "42,000"}
    path = send(maker, "/bank/fraud/new", **typed).headers["Location"]
    early = send(maker, f"{path}/propose", finding="fraud", reason="As counted.")
    assert early.status_code == 422 and "Nobody was given a show-cause notice" in early.text
    own = path.replace("/bank/fraud", "/agency/notices")
    assert owner.get(own).status_code == 404
    assert send(maker, f"{path}/notify", notice="Six receipts. Say why.").status_code == 302
    page = owner.get(own).text
    assert "Six receipts. Say why." in page and WORDS not in page and "42,000" not in page
    assert send(owner, f"{own}/reply", body="We look into it.").status_code == 302
    assert "We look into it." in maker.get(path).text and "F-2026-00001" in owner.get("/agency/notices").text
    assert send(maker, f"{path}/propose", finding="fraud", reason="As counted.").status_code == 302
    assert send(maker, f"{path}/decide", expected="fraud").status_code == 403
    checker = browse(CHECKER.email)
    assert send(checker, f"{path}/decide", expected="fraud").status_code == 302
    assert "Classified as fraud" in checker.get("/bank/fraud?state=to_report").text
    assert send(maker, f"{path}/report", report_ref="FMR-1").status_code == 302
