"""Letters: a text approved by a second person, a PDF kept under its hash, its dispatch, and what that tells the legal case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.casework.legal import service
from allocations.casework.legal.gathering import latest_facts
from allocations.casework.letters import making, templates
from allocations.casework.letters.models import Letter, LetterDispatch, LetterTemplate
from allocations.placements.models import LoanAccount
from portal.kernel.audit import Actor
from portal.kernel.errors import Refused
from portal.kernel.files import FileStore
from tests.integration.test_legal import CHECKER, FACTS, MAKER, NOW, TODAY, a_case, a_file, maker, press

Browse = Callable[..., Any]
__all__ = ["maker"]


def approved(session: Session, kind: str, language: str = "en") -> LetterTemplate:
    """The starting text, approved by the checker."""
    query = select(LetterTemplate).where(LetterTemplate.kind == kind, LetterTemplate.language == language)
    found = session.scalars(query.order_by(LetterTemplate.version)).first()
    assert found is not None
    checker = Actor(None, CHECKER, "bank_approver")
    templates.decide_template(session, found, approve=True, actor=checker, now=NOW)
    account = session.scalars(select(LoanAccount)).one()
    account.address, account.city, account.pincode = "1, MG Road", "Pune", "411001"
    session.commit()
    return found


def test_no_letter_is_made_from_a_text_nobody_approved(maker: Actor, browse: Browse, bank_session: Session) -> None:
    with pytest.raises(Refused) as refused:
        templates.current(bank_session, "demand_notice", "en")
    assert refused.value.code == "no_template"
    who, url = browse(MAKER), "/bank/letter-templates/new"
    words = {"kind": "demand_notice", "language": "en", "subject": "Please pay", "reason": "Shorter."}
    wrong = press(who, url, url, **words, body="Dear {borrower},\n\npay {} now.")
    assert wrong.status_code == 422 and "There is no {borrower}." in wrong.text and "stands alone" in wrong.text
    done = press(who, url, url, **words, body="Dear {borrower_name},\r\n\r\nplease pay {overdue}.")
    assert "version 2" in done.text
    made = bank_session.scalars(select(LetterTemplate).where(LetterTemplate.version == 2)).one()
    page = f"/bank/letter-templates/{made.id}"
    assert who.post(f"{page}/approve", {}).status_code == 403
    assert "Approved: letters are made" in press(browse(CHECKER), page, f"{page}/approve").text
    bank_session.expire_all()
    assert templates.current(bank_session, "demand_notice", "en").id == made.id


def test_a_notice_is_made_sent_and_served_and_its_case_knows(
    maker: Actor, browse: Browse, bank_session: Session, store: FileStore
) -> None:
    first = dict(list(FACTS.items())[:5])
    case = a_case(bank_session, maker, facts={**first, "memo_on": "2026-11-02"})
    template = approved(bank_session, "s138_notice")
    who, url = browse(MAKER), f"/bank/letters/new?account=LN0001&case={case.id}"
    asked = {"kind": "s138_notice", "language": "en", "loan_account_no": "LN0001", "case": case.id}
    nothing = press(who, url, "/bank/letters/new", **{**asked, "language": "hi"})
    assert nothing.status_code == 422 and "is approved" in nothing.text
    made = press(who, url, "/bank/letters/new", **asked)
    assert "Enter how it goes out." in made.text
    letter = bank_session.scalars(select(Letter)).one()
    assert (
        letter.ref == "L2026-000001" and letter.told["memo_on"] == "02.11.2026" and letter.told["days_to_pay"] == "15"
    )
    assert store.read(letter.sha256) == making.rendered(template, letter)
    page = f"/bank/letters/{letter.id}"
    assert who.get(f"{page}/letter.pdf").data == store.read(letter.sha256)
    bad = press(who, page, f"{page}/dispatches", channel="courier", sent_on="2026-11-09")
    assert bad.status_code == 422 and "A courier gives a number." in bad.text and "sent after it was made" in bad.text
    sent = press(who, page, f"{page}/dispatches", channel="post", sent_on="2026-11-10", tracking_no="=EM1 IN")
    assert "It is under way." in sent.text
    facts = latest_facts(bank_session, [case.id])[case.id]
    assert facts["notice_sent_on"].value == "2026-11-10" and facts["notice_sent_on"].file_sha256 == letter.sha256
    line = bank_session.scalars(select(LetterDispatch)).one()
    told = press(who, page, f"{page}/dispatches/{line.id}/outcome", outcome="delivered", on="2026-11-10", file=a_file())
    assert "It was delivered." in told.text
    served = latest_facts(bank_session, [case.id])[case.id]["notice_served_on"]
    assert served.value == "2026-11-10" and served.file_sha256
    assert who.get(f"{page}/dispatches/{line.id}/acknowledgement").status_code == 200
    assert who.get(f"{page}/dispatches/{line.id}/proof").status_code == 404
    assert "'=EM1 IN" in who.get("/bank/letters/export.csv?letter=s138_notice").text
    assert letter.ref in who.get(f"/bank/legal/{case.id}").text and letter.ref in who.get("/bank/accounts/LN0001").text


def test_a_letter_says_every_value_it_lacks(maker: Actor, browse: Browse, bank_session: Session) -> None:
    case = a_case(bank_session, maker, facts={"memo_on": "2026-11-02"})
    approved(bank_session, "s138_notice")
    who = browse(MAKER)
    asked = {"kind": "s138_notice", "language": "en", "loan_account_no": "LN0001"}
    page = press(who, "/bank/letters/new", "/bank/letters/new", **asked, case=case.id)
    assert page.status_code == 422 and "The sum of the cheque or debit is not known." in page.text
    bank_session.scalars(select(LoanAccount)).one().address = None
    bank_session.commit()
    page = press(who, "/bank/letters/new", "/bank/letters/new", **asked)
    assert "Days to pay, by the setting of the step is not known." in page.text
    given: dict[str, Any] = {"actor": maker, "now": NOW, "today": TODAY}
    service.move_case(bank_session, case, "withdraw", reason="Paid.", **given)
    assert bank_session.scalars(select(Letter)).first() is None
