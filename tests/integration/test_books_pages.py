"""Pages about receipt books, single receipts, slips and cash: for the agency's office, its agents, and the bank."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import func, select

from allocations.agencies.models import Agency
from allocations.collections.models import Collection, Deposit, ReceiptBook, ReceiptMark, ReceiptRange
from allocations.collections.receipts import books_service
from allocations.placements.models import LoanAccount
from portal.kernel.db import PortalSession
from tests.factories.browser import once_in
from tests.factories.firm import NOW, TODAY, Firm, a_firm, a_receipt
from tests.factories.world import SYSTEM, a_user, an_allocation

OWNER, ACCOUNTANT, ASHA = "owner@shakti.example", "accountant@shakti.example", "asha@shakti.example"
MAKER = "maker@bank.example"


@pytest.fixture
def firm(bank_session: PortalSession, agency_session: Any) -> Firm:
    """Shakti has a paper book, its first forty numbers with Asha; OTHER has one too."""
    firm, other = a_firm(bank_session), a_firm(bank_session, "OTHER")
    a_user(bank_session, MAKER, "bank_operator")
    for each, prefix in ((firm, "SHK-"), (other, "OTH-")):
        a_book(bank_session, each, prefix)
    bank_session.commit()
    session = agency_session(firm.agency.id)
    book = session.scalars(select(ReceiptBook)).one()
    books_service.hand_out(session, book, firm.a1, first_no=1, last_no=40, actor=firm.owner, now=NOW, today=TODAY)
    session.commit()
    return firm


def a_book(session: PortalSession, firm: Firm, prefix: str) -> ReceiptBook:
    options: dict[str, Any] = {"kind": "paper", "width": 4, "actor": SYSTEM, "now": NOW, "today": TODAY}
    return books_service.issue_book(session, firm.agency, prefix=prefix, first_no=1, last_no=100, **options)


def send(who: Any, path: str, **values: Any) -> Any:
    """Open the page, fill its form, send it."""
    return who.post(path, {"once": once_in(who.get(path).text), **values})


def act(who: Any, page: str, path: str, **values: Any) -> Any:
    return who.post(path, {"once": once_in(who.get(page).text), **values})


def count(session: PortalSession, table: Any) -> int:
    session.rollback()
    return session.scalar(select(func.count()).select_from(table)) or 0


# --- one receipt


def receipt(**changes: Any) -> dict[str, Any]:
    values = {
        "amount": "1,250.50",
        "mode": "cash",
        "at": "2026-11-10T11:30",
        "agent_code": "A1",
        "receipt_no": "SHK-0001",
    }
    return values | changes


def test_the_accountant_chooses_an_account_and_stores_a_receipt(
    browse: Any, firm: Firm, bank_session: PortalSession
) -> None:
    who = browse(ACCOUNTANT)
    chosen = who.get("/agency/collections/new?text=SHAKTI").text
    assert "SHAKTI1" in chosen and "OTHER1" not in chosen
    form = who.get("/agency/collections/new?allocation=1").text
    assert "Asha Rao · A1 · next SHK-0001" in form and "2026-11-10T12:00" in form
    answer = send(who, "/agency/collections/new?allocation=1", **receipt())
    assert answer.status_code == 302
    page = who.get(answer.headers["Location"]).text
    stored = bank_session.scalars(select(Collection)).one()
    assert stored.check_code and stored.check_code[:5] in page and "₹1,250.50" in page and "Asha Rao" in page
    assert (stored.amount_minor, stored.source, stored.reported_by) == (125_050, "page", ACCOUNTANT)
    assert who.get(f"/check/{stored.check_code}").status_code == 200
    assert "SHK-0001" in who.get("/agency/collections?period=2026-11").text


def test_a_receipt_that_cannot_be_says_all_that_is_wrong(browse: Any, firm: Firm, bank_session: PortalSession) -> None:
    who = browse(ACCOUNTANT)
    answer = send(who, "/agency/collections/new?allocation=1", **receipt(amount="2,00,000.00", at="2026-11-11T09:00"))
    assert answer.status_code == 422
    assert "cash_limit" in answer.text and "future_date" in answer.text
    answer = send(who, "/agency/collections/new?allocation=1", **receipt(amount="lots"))
    assert answer.status_code == 422 and count(bank_session, Collection) == 0


def test_a_field_agent_writes_their_own_next_number(browse: Any, firm: Firm, bank_session: PortalSession) -> None:
    who = browse(ASHA)
    form = who.get("/agency/collections/new?allocation=1").text
    assert 'value="SHK-0001"' in form and 'name="agent_code"' not in form
    values = receipt()
    del values["agent_code"]
    answer = send(who, "/agency/collections/new?allocation=1", **values)
    assert answer.status_code == 302
    assert bank_session.scalars(select(Collection.agent_code)).one() == "A1"


def test_another_agencys_receipt_account_slip_and_book_are_not_there(
    browse: Any, firm: Firm, bank_session: PortalSession
) -> None:
    other = bank_session.scalars(select(ReceiptBook).where(ReceiptBook.prefix == "OTH-")).one()
    who = browse(OWNER)
    for path in (
        "/agency/collections/new?allocation=3",
        "/agency/collections/999",
        "/agency/deposits/999",
        f"/agency/books/{other.ref}",
    ):
        assert who.get(path).status_code == 404, path


# --- slips


def test_a_slip_is_recorded_with_what_was_ticked(browse: Any, firm: Firm, bank_session: PortalSession) -> None:
    first, second = a_receipt(bank_session, firm, "SHK-0001", 30_000), a_receipt(bank_session, firm, "SHK-0002", 20_000)
    bank_session.commit()
    who = browse(ACCOUNTANT)
    page = who.get("/agency/deposits").text
    assert "₹500.00" in page and "Asha Rao" in page
    wrong = send(
        who, "/agency/deposits/new?agent=A1", receipts=[first.id], slip_no="S-77", deposited_on=TODAY, amount="1"
    )
    assert wrong.status_code == 422 and "slip_differs" in wrong.text
    answer = send(
        who,
        "/agency/deposits/new?agent=A1",
        receipts=[first.id, second.id],
        slip_no="S-77",
        deposited_on=TODAY,
        amount="500",
    )
    assert answer.status_code == 302
    slip = who.get(answer.headers["Location"]).text
    assert "SHK-0001" in slip and "SHK-0002" in slip and "The bank has not seen it yet" in slip
    assert "S-77" in who.get(f"/agency/collections/{first.id}").text
    assert "All cash is paid in" in who.get("/agency/deposits").text
    assert count(bank_session, Deposit) == 1


def test_a_field_agent_sees_their_own_cash_and_slips(browse: Any, firm: Firm, bank_session: PortalSession) -> None:
    a_receipt(bank_session, firm, "SHK-0001", 30_000)
    a_receipt(bank_session, firm, "X-2", 70_000, agent_code="A2")
    bank_session.commit()
    page = browse(ASHA).get("/agency/deposits").text
    assert "₹300.00" in page and "₹700.00" not in page and "₹1,000.00" not in page
    assert "X-2" not in browse(ASHA).get("/agency/deposits/new").text


def test_the_bank_sees_who_carries_what(browse: Any, firm: Firm, bank_session: PortalSession) -> None:
    a_receipt(bank_session, firm, "SHK-0001", 10_000_001)
    bank_session.commit()
    page = browse(MAKER).get("/bank/cash").text
    assert "₹1,00,000.01" in page and "Over the limit" in page


# --- books


def test_the_bank_issues_a_book_and_takes_it_back(browse: Any, firm: Firm, bank_session: PortalSession) -> None:
    who = browse(MAKER)
    values = {"agency": "SHAKTI", "kind": "electronic", "prefix": "E", "first_no": "1", "last_no": "900", "width": "5"}
    answer = send(who, "/bank/books/new", **values)
    assert answer.status_code == 302
    page = who.get(answer.headers["Location"]).text
    assert "E00001 to E00900" in page and "Take RB-SHAKTI-0002 back" in page
    again = send(who, "/bank/books/new", **values)
    assert again.status_code == 422 and "issued to this agency before" in again.text
    assert act(who, answer.headers["Location"], f"{answer.headers['Location']}/return").status_code == 302
    assert "Shakti Recovery" in who.get("/bank/books").text


def test_the_office_hands_numbers_out_and_takes_them_back(browse: Any, firm: Firm, bank_session: PortalSession) -> None:
    who, page = browse(OWNER), "/agency/books/RB-SHAKTI-0001"
    taken = act(who, page, f"{page}/hand", agent="A2", from_no="40", to_no="60")
    assert taken.status_code == 409 and "in other hands" in taken.text
    assert act(who, page, f"{page}/hand", agent="A2", from_no="41", to_no="60").status_code == 302
    assert "SHK-0041 to SHK-0060" in who.get(page).text and "SHK-0041 to SHK-0060" in who.get("/agency/books").text
    handed = bank_session.scalars(select(ReceiptRange).where(ReceiptRange.first_no == 41)).one()
    assert act(who, page, f"/agency/books/ranges/{handed.id}/take-back").status_code == 302
    assert browse(ASHA).post(f"{page}/hand", {}).status_code == 403


def test_one_says_void_and_another_confirms(browse: Any, firm: Firm, bank_session: PortalSession) -> None:
    page = "/agency/books/RB-SHAKTI-0001"
    who = browse(ACCOUNTANT)
    said = act(who, page, f"{page}/mark", state="void", first_no="7", last_no="", reason="Torn")
    assert said.status_code == 302 and "Another person confirms" in who.get("/agency/books").text
    mark = bank_session.scalars(select(ReceiptMark)).one()
    assert act(who, page, f"/agency/books/marks/{mark.id}/confirm").status_code == 403
    owner = browse(OWNER)
    assert "It is void" in owner.get("/agency/books").text
    assert act(owner, "/agency/books", f"/agency/books/marks/{mark.id}/confirm").status_code == 302
    assert "Torn" in owner.get(page).text
    wrong = act(who, page, f"{page}/mark", state="lost", first_no="7", last_no="8", reason="")
    assert wrong.status_code == 422
    wrong = act(who, page, f"{page}/mark", state="lost", first_no="7", last_no="8", reason="Stolen")
    assert wrong.status_code == 422 and "SHK-0007 was said to be void or lost before" in wrong.text


def test_a_field_agent_sees_their_own_numbers(browse: Any, firm: Firm, bank_session: PortalSession) -> None:
    who, page = browse(ASHA), "/agency/books/RB-SHAKTI-0001"
    assert "SHK-0001 to SHK-0040" in who.get("/agency/books").text
    assert "SHK-0041" not in who.get(page).text
    wrong = act(who, page, f"{page}/mark", state="void", first_no="41", last_no="41", reason="Torn")
    assert wrong.status_code == 422 and "not handed to you" in wrong.text


def test_what_stands_out_is_one_list(browse: Any, firm: Firm, bank_session: PortalSession, agency_session: Any) -> None:
    a_receipt(bank_session, firm, "SHK-0001", 100)
    a_receipt(bank_session, firm, "SHK-0004", 200, agent_code="A2")
    a_receipt(bank_session, firm, "ZZ-1", 300)
    a_receipt(bank_session, firm, "SHK-OOO4", 400)
    a_receipt(bank_session, firm, "SHK-0009", 500, mode="upi", instrument_ref="1")
    bank_session.commit()
    session = agency_session(firm.agency.id)
    book = session.scalars(select(ReceiptBook)).one()
    (mark,) = books_service.propose_mark(
        session, book, first_no=8, last_no=8, state="void", reason="Torn", actor=firm.accountant, now=NOW
    )
    books_service.decide_mark(session, mark, confirm=True, actor=firm.owner, now=NOW)
    session.commit()
    a_receipt(bank_session, firm, "SHK-0008", 600, mode="upi", instrument_ref="2")
    bank_session.commit()
    page = browse(MAKER).get("/bank/books/attention").text
    for words in ("Used though void", "In no book", "Looks like another number", "Another agent&#39;s number"):
        assert words in page, words
    assert "SHK-0002 to SHK-0003" in page and "handed to A1" in page and "beside SHK-0004" in page
    only = browse(MAKER).get("/bank/books/attention?code=unissued&agency=SHAKTI").text
    assert "ZZ-1" in only and "SHK-0002 to SHK-0003" not in only
    assert "Nothing stands out" in browse(MAKER).get("/bank/books/attention?period=2026-01&code=unissued").text


def test_the_commands_issue_list_and_show_what_stands_out(cli: Any, firm: Firm, bank_session: PortalSession) -> None:
    made = cli("books", "issue", "--agency", "SHAKTI", "--prefix", "Q", "--first", 1, "--last", 50, as_email=MAKER)
    assert made.exit_code == 0 and made.json["ref"] == "RB-SHAKTI-0002" and made.json["left"] == 50
    again = cli("books", "issue", "--agency", "SHAKTI", "--prefix", "q", "--first", 50, "--last", 60, as_email=MAKER)
    assert again.exit_code == 1 and again.json["error"]["code"] == "overlap"
    assert cli("books", "issue", "--agency", "SHAKTI", "--first", 1, "--last", 50).exit_code == 1  # needs a person
    assert [row["ref"] for row in cli("books", "list", "--agency", "SHAKTI").json["books"]] == [
        "RB-SHAKTI-0002",
        "RB-SHAKTI-0001",
    ]
    a_receipt(bank_session, firm, "ZZ-1", 300)
    bank_session.commit()
    (row,) = cli("books", "attention", "--agency", "SHAKTI").json["rows"]
    assert (row["code"], row["receipt"], row["amount"]) == ("unissued", "ZZ-1", "3.00")
    assert "In no book: ZZ-1" in cli("books", "attention", text=True).out


def test_two_agencies_together_may_not_take_what_one_may_not(
    bank_session: PortalSession, browse: Any, firm: Firm
) -> None:
    """The borrower's account is with two agencies, one in each stream; each took less than the limit."""
    account = firm.agency.code + "1"
    other = bank_session.scalars(select(Agency).where(Agency.code == "OTHER")).one()
    loan = bank_session.scalars(select(LoanAccount).where(LoanAccount.loan_account_no == account)).one()
    an_allocation(bank_session, loan, other, stream="tele")
    a_receipt(bank_session, firm, "SHK-0001", 15_000_000)
    a_receipt(
        bank_session, Firm(other, *[firm.owner] * 3, firm.a1, firm.a2), "OTH-0001", 5_000_000, loan_account_no=account
    )
    bank_session.commit()
    page = browse(MAKER).get("/bank/books/attention?code=cash_across").text
    assert "₹2,00,000.00" in page and "OTHER, SHAKTI" in page
