"""The pages of what happens to an allocation, as both sides use them."""

from __future__ import annotations

import io
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, text

from allocations.placements.borrower_notices import queue_notices
from allocations.placements.models import Allocation, Hold
from allocations.placements.outcome_sets import freeze_outcomes
from allocations.placements.request_models import AllocationRequest
from portal.kernel.db import PortalSession, unit_of_work
from portal.kernel.periods import parse_month
from tests.factories.browser import once_in
from tests.factories.empanelled import FIT, an_agent
from tests.factories.honest_files import encoded, photo
from tests.factories.world import MADE_AT, SYSTEM, a_snapshot, a_user, an_account, an_agency, an_allocation

MAKER, CHECKER, OWNER = "maker@bank.example", "checker@bank.example", "owner@shakti.example"


@pytest.fixture
def held(bank_session: PortalSession, now: Any) -> list[int]:
    """SHAKTI holds LN1 and LN2; their notices are due."""
    a_user(bank_session, MAKER, "bank_operator")
    a_user(bank_session, CHECKER, "bank_approver")
    shakti = an_agency(bank_session, "SHAKTI")
    an_agent(bank_session, an_agency(bank_session, "NILGIRI"), **FIT)
    a_user(bank_session, OWNER, "agency_owner", shakti)
    accounts = [an_account(bank_session, f"LN{n}", mobile="98") for n in (1, 2)]
    held = [an_allocation(bank_session, account, shakti) for account in accounts]
    queue_notices(bank_session, held[0].placement_id, since=MADE_AT, now=now)
    bank_session.commit()
    return [each.id for each in held]


def send(who: Any, path: str, form_at: str = "", **fields: Any) -> Any:
    return who.post(path, {"once": once_in(who.get(form_at or path).text), **fields})


def test_an_owner_asks_and_a_checker_answers(browse: Any, held: list[int], bank_session: PortalSession) -> None:
    owner, checker = browse(OWNER), browse(CHECKER)
    ask = f"/agency/requests/ask/{held[0]}"
    wrong = send(owner, f"{ask}/return", ask, reason_code="untraceable", last_on="2026-11-01", reason="Nobody there")
    assert wrong.status_code == 422 and "The last day lies between 10 Nov 2026" in wrong.text
    term = {"reason_code": "untraceable", "last_on": "2026-11-10", "reason": "Nobody there"}
    assert send(owner, f"{ask}/return", ask, **term).status_code == 302
    twice = send(owner, f"{ask}/return", ask, **term)
    assert twice.status_code == 422 and "asked for already" in twice.text
    assert send(owner, f"{ask}/extension", ask, to_on="2027-01-31", reason="Nearly paid").status_code == 302
    assert "Nobody there" in owner.get("/agency/requests").text
    returned, longer = bank_session.scalars(select(AllocationRequest).order_by(AllocationRequest.id)).all()
    assert "Untraceable" in checker.get("/bank/requests").text
    page = f"/bank/requests/{returned.id}"
    assert send(checker, f"{page}/reject", page).status_code == 422
    assert send(checker, f"{page}/accept", page).status_code == 302
    assert "Accepted" in checker.get(page).text
    assert "Withdrawn" in owner.get("/agency/requests").text  # more time makes no sense any more
    assert checker.get("/bank/requests/export.csv?status=all").data.count(b"LN1") == 2
    bank_session.rollback()
    assert bank_session.scalars(select(Allocation.to_on).order_by(Allocation.id)).all()[0] == date(2026, 11, 10)
    assert longer.id > returned.id


def test_a_maker_hands_on_and_a_checker_agrees(browse: Any, held: list[int], bank_session: PortalSession) -> None:
    maker, checker = browse(MAKER), browse(CHECKER)
    ask = f"/bank/requests/ask/{held[1]}"
    assert send(maker, f"{ask}/extension", ask, reason="No day given").status_code == 422
    late = send(maker, f"{ask}/extension", ask, to_on="2026-11-30", reason="Not later at all")
    assert late.status_code == 422 and "Choose a day after 31 Dec 2026" in late.text
    wish = {"to_agency": "NILGIRI", "last_on": "2026-11-20", "reason": "Two languages needed"}
    assert send(maker, f"{ask}/transfer", ask, **wish | {"to_agency": "SHAKTI"}).status_code == 422
    assert send(maker, f"{ask}/transfer", ask, **wish).status_code == 302
    made = bank_session.scalars(select(AllocationRequest)).one()
    page = f"/bank/requests/{made.id}"
    assert "It waits for another person" in maker.get(page).text
    done = send(checker, f"{page}/accept", page)
    assert done.status_code == 302 and "Nilgiri Recovery" in checker.get(page).text
    bank_session.rollback()
    assert len(bank_session.scalars(select(Allocation).where(Allocation.loan_account_no == "LN2")).all()) == 2


def test_many_are_shown_and_then_taken_back(browse: Any, held: list[int], bank_session: PortalSession) -> None:
    maker = browse(MAKER)
    any_: dict[str, str] = dict.fromkeys(("agency", "bucket", "product"), "")
    chosen = {**any_, "agency": "SHAKTI", "on": "2026-11-15", "reason": "End of the drive", "numbers": "LN1\nLN2, LN9"}
    nothing = send(maker, "/bank/recalls", **{**any_, "on": "2026-11-15", "reason": "End of the drive", "step": "look"})
    assert nothing.status_code == 422 and "Nothing is chosen" in nothing.text
    shown = send(maker, "/bank/recalls", **chosen, step="look")
    assert "Take 2 accounts back" in shown.text and "Nobody holds it beyond" in shown.text
    digest = shown.text.split('name="digest"')[1].split('value="')[1].split('"')[0]
    again = {"once": once_in(shown.text), "step": "confirm"}
    asked = {**any_, "on": "2026-11-15", "reason": "End of the drive", "step": "look"}
    by_file = send(maker, "/bank/recalls", **asked, file=(io.BytesIO(b"loan_account_no\nLN1\nLN2\nLN9\n"), "r.csv"))
    assert "Take 2 accounts back" in by_file.text
    other = maker.post("/bank/recalls", {**chosen, **again, "digest": "0" * 64})
    assert other.status_code == 422 and "changed since they were shown" in other.text
    assert maker.post("/bank/recalls", {**chosen, **again, "digest": digest}).status_code == 302
    bank_session.rollback()
    assert set(bank_session.scalars(select(Allocation.to_on))) == {date(2026, 11, 15)}


def test_holds_and_notices_have_their_lists(browse: Any, held: list[int], bank_session: PortalSession) -> None:
    maker, owner = browse(MAKER), browse(OWNER)
    paper = {
        "file": (io.BytesIO(b"%PDF-nothing"), "letter.pdf"),
        "reason": "Letter",
        "effect": "no_work",
        "cause": "litigation",
    }
    refused = send(maker, "/bank/accounts/LN2/hold", "/bank/accounts/LN2", **paper)
    assert refused.status_code == 422 and bank_session.scalars(select(Hold)).all() == []
    paper["file"] = (io.BytesIO(encoded(photo(1))), "letter.jpg")
    assert send(maker, "/bank/accounts/LN2/hold", "/bank/accounts/LN2", **paper).status_code == 302
    bank_session.rollback()
    resting = bank_session.scalars(select(Hold)).one()
    link = f"/bank/accounts/LN2/holds/{resting.id}/file"
    assert link in maker.get("/bank/accounts/LN2").text and maker.get(link).data == encoded(photo(1))
    rows = "loan_account_no,cause,reason,from_on,to_on,effect\nLN1,complaint,Borrower LN1 complained,2026-11-01,,both\n"
    file = {"file": (io.BytesIO(rows.encode()), "h.csv")}
    assert send(maker, "/bank/holds/import", **file).status_code == 302
    listed = maker.get("/bank/holds?cause=complaint").text
    assert "Borrower LN1 complained" in listed and "May not be worked and earns nothing" in listed
    assert "LN1" in maker.get("/bank/holds/export.csv").text
    told = owner.get(f"/agency/accounts/{held[0]}").text
    assert "On hold: may not be worked" in told and "complained" not in told and "has not been told yet" in told
    hold = bank_session.scalars(select(Hold).where(Hold.cause == "complaint")).one()
    lifted = send(maker, f"/bank/accounts/LN1/holds/{hold.id}/lift", "/bank/accounts/LN1", reason="Settled")
    assert lifted.status_code == 302 and "ended by maker" in maker.get("/bank/accounts/LN1").text

    assert send(maker, "/bank/borrower-notices/export", "/bank/borrower-notices").status_code == 302
    batch = bank_session.scalar(text("select max(batch_ref) from borrower_notices"))
    sent = maker.get(f"/bank/borrower-notices/batches/{batch}.csv").text
    assert "Shakti Recovery" in sent and sent.count("Borrower LN") == 2
    assert batch in maker.get(f"/bank/borrower-notices?batch={batch}").text
    first = bank_session.scalar(text("select min(id) from borrower_notices"))
    answer = f"notice_id,loan_account_no,status,sent_on\n{first},LN1,delivered,2026-11-09\n"
    assert send(maker, "/bank/borrower-notices/import", file=(io.BytesIO(answer.encode()), "a.csv")).status_code == 302
    assert "has not been told yet" not in owner.get(f"/agency/accounts/{held[0]}").text


def test_curves_say_what_placements_brought_in(
    browse: Any, held: list[int], bank_session: PortalSession, now: Any
) -> None:
    maker = browse(MAKER)
    allocations = bank_session.scalars(select(Allocation)).all()
    for allocation in allocations:
        allocation.opening_bucket = "31-60"
    a_snapshot(bank_session, bank_session.get_one(type(an_account(bank_session, "LN7")), allocations[0].loan_account_id),
               date(2026, 10, 31), dpd_days=70, bucket="61-90")  # fmt: skip
    bank_session.commit()
    with unit_of_work(bank_session):
        freeze_outcomes(bank_session, parse_month("2026-10"), actor=SYSTEM, now=now)
    page = maker.get("/bank/curves?period=2026-11").text
    assert "By the month of placement" in page and "₹2,20,000.00" in page  # placed in October: 2 × 1,10,000.00
    assert "100.00" in page.split('id="flow"')[1]  # one rolled on, one has no snapshot: both forward
    assert "LN1" in maker.get("/bank/curves/2026-10/accounts").text
    assert "No account here" in maker.get("/bank/curves/2026-10/accounts?on_book=1").text
    assert maker.get("/bank/curves/export.csv?period=2026-11").text.count("2026-10") == 2  # two months on the book
    assert maker.get("/bank/curves?period=never").status_code == 422
