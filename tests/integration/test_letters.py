"""Letters: a text approved by a second person, a PDF kept under its hash, its dispatch, and what that tells the legal case."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.casework.legal import service
from allocations.casework.legal.gathering import latest_facts
from allocations.casework.letters import bulk, making, register_file, templates
from allocations.casework.letters.models import Letter, LetterDispatch, LetterRun, LetterTemplate
from allocations.placements.models import LoanAccount
from allocations.placements.service import put_on_hold
from portal.kernel.audit import Actor
from portal.kernel.errors import Invalid, Refused
from portal.kernel.files import FileStore
from tests.factories.world import an_account, an_allocation
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


def test_letters_to_a_segment_are_made_once_and_handed_to_the_printer(
    maker: Actor, browse: Browse, bank_session: Session, store: FileStore, work: Callable[[], None]
) -> None:
    approved(bank_session, "agency_authorisation")
    agency = bank_session.scalars(select(Agency).where(Agency.code == "SHAKTI")).one()
    address = {"address": "2, MG Road", "city": "Pune", "pincode": "411001"}
    for no, changes in (("LN0002", address), ("LN0003", {}), ("LN0004", address)):
        an_allocation(bank_session, an_account(bank_session, no, **changes), agency)
    held = bank_session.scalars(select(LoanAccount).where(LoanAccount.loan_account_no == "LN0004")).one()
    when: dict[str, Any] = {"from_on": TODAY, "to_on": None, "actor": maker, "now": NOW}
    put_on_hold(bank_session, held, reason="Died.", effect="no_work", cause="deceased", **when)
    bank_session.commit()
    who, url = browse(MAKER), "/bank/letter-runs/new"
    all_of_them = press(who, url, url, kind="agency_authorisation", language="en")
    assert all_of_them.status_code == 422 and "This is the whole portfolio." in all_of_them.text
    asked = press(who, url, url, kind="agency_authorisation", language="en", agency="SHAKTI", dpd_from="1")
    assert "A worker makes them" in asked.text
    work()
    run = bank_session.scalars(select(LetterRun)).one()
    assert (run.status, run.letters, run.left_out) == ("done", 2, 1)
    with zipfile.ZipFile(io.BytesIO(store.read(run.zip_sha256 or ""))) as archive:
        assert archive.namelist() == ["L2026-000001.pdf", "L2026-000002.pdf"]
    lines = store.read(run.csv_sha256 or "").decode("utf-8-sig").splitlines()
    assert lines[1].startswith("L2026-000001,L2026-000001.pdf,Borrower LN0001,") and len(lines) == 3
    desk = making.Desk(store, maker, NOW, TODAY)
    assert bulk.make_piece(bank_session, run.id, 0, desk)[1:] == (0, 1)  # nothing is made twice
    sha256, before = run.zip_sha256, run.letters
    run.status, run.zip_sha256, run.csv_sha256 = "waiting", None, None
    again = bulk.finish(bank_session, run.id, 1, desk)
    assert (again.zip_sha256, again.letters) == (sha256, before)
    bank_session.commit()
    assert who.get(f"/bank/letter-runs/{run.id}/letters.zip").status_code == 200
    assert "addresses (CSV)" in who.get("/bank/letter-runs").text


def test_the_posts_file_is_read_line_by_line_and_twice_is_harmless(
    maker: Actor, bank_session: Session, store: FileStore
) -> None:
    template = approved(bank_session, "agency_authorisation")
    account = bank_session.scalars(select(LoanAccount)).one()
    making.make_letter(bank_session, template, account, making.Desk(store, maker, NOW, TODAY))
    given: dict[str, Any] = {"actor": maker, "now": NOW, "today": TODAY}
    head = "letter,channel,sent_on,tracking_no,outcome,outcome_on\n"
    lines = (
        "L2026-000001,post,2026-11-10,EM1,,\nL2026-000009,post,2026-11-10,,,\nL2026-000001,post,2026-11-10,EM2,lost,\n"
    )
    read = register_file.import_register(bank_session, (head + lines).encode(), **given)
    assert (read.sent, read.outcomes, [each.row for each in read.problems]) == (1, 0, [3, 4])
    back = head + "L2026-000001,post,2026-11-10,EM1,returned,2026-11-10\n"
    for sent, outcomes, unchanged in ((0, 1, 0), (0, 0, 1)):
        read = register_file.import_register(bank_session, back.encode(), **given)
        assert (read.sent, read.outcomes, read.unchanged, read.problems) == (sent, outcomes, unchanged, [])
    for data in (b"\xff\xfe", b"letter,day\n"):
        with pytest.raises(Invalid):
            register_file.import_register(bank_session, data, **given)
