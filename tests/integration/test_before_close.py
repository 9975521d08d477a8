"""What is open under R04, R07 and R09 is named on an agency's settlement before it is submitted."""

from datetime import date

import pytest
from sqlalchemy import select

from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from allocations.reconciliation.bench.before_close import open_before_close
from allocations.reconciliation.models import Break, Posting
from portal.kernel.db import unit_of_work
from portal.kernel.periods import parse_month
from tests.factories.month import OCTOBER, a_month
from tests.factories.world import MADE_AT, a_user
from tests.integration.test_settlements_pages import act

MAKER = "maker@bank.example"


@pytest.fixture
def month(bank_session):
    with unit_of_work(bank_session):
        a_user(bank_session, MAKER, "bank_operator")
        return a_month(bank_session, OCTOBER, {"SHAKTI": [10_00_000_00, 6_00_000_00], "VEGA": [1_00_000_00]})


def a_break(session, code, minor, agency="SHAKTI", **changes):
    receipt = session.scalars(
        select(Collection).join(Agency, Agency.id == Collection.agency_id).where(Agency.code == agency).limit(1)
    ).one()
    values = {
        "side": "collection", "ref": receipt.receipt_no, "collection_id": receipt.id, "agency_id": receipt.agency_id,
        "amount_minor": minor, "currency": "INR", "opened_on": date(2026, 10, 20), "owner": "fraud_review", "cure": "Look.",
    }  # fmt: skip
    row = Break(code=code, **values | changes)
    session.add(row)
    session.flush()
    return receipt


def told(session, agency="SHAKTI", month="2026-10"):
    agency_id = session.scalars(select(Agency.id).where(Agency.code == agency)).one()
    return [(each.code, each.amount_minor) for each in open_before_close(session, agency_id, parse_month(month))]


def test_open_breaks_of_the_agency_and_the_month_are_told_and_no_others(month, bank_session):
    a_break(bank_session, "R04", 5000_00)
    a_break(bank_session, "R09", 700_00)
    a_break(bank_session, "R01", 900_00)  # neither blocks nor warns
    a_break(bank_session, "R04", 900_00, status="closed")
    a_break(bank_session, "R04", 800_00, agency="VEGA")
    assert told(bank_session) == [("R04", 5000_00), ("R09", 700_00)]
    assert told(bank_session, "VEGA") == [("R04", 800_00)]
    assert told(bank_session, month="2026-09") == []


@pytest.mark.parametrize(("day", "counts"), [(date(2026, 10, 31), True), (date(2026, 11, 1), False)])
def test_a_posting_without_money_counts_with_the_agency_that_held_its_account(month, bank_session, day, counts):
    receipt = a_break(bank_session, "R01", 1)
    posting = Posting(
        posting_no="P-77", loan_account_id=receipt.loan_account_id, loan_account_no=receipt.loan_account_no, amount_minor=400_00,
        currency="INR", posted_on=day, file_sha256="", imported_at=MADE_AT,
    )  # fmt: skip
    bank_session.add(posting)
    bank_session.flush()
    nobodys = {"side": "posting", "collection_id": None, "agency_id": None, "posting_id": posting.id}
    a_break(bank_session, "R07", 400_00, opened_on=day, **nobodys)
    assert told(bank_session) == ([("R07", 400_00)] if counts else [])
    assert told(bank_session, "VEGA") == []


def test_the_settlements_page_says_so_before_it_is_submitted_and_not_after(month, bank_session, browse):
    with unit_of_work(bank_session):
        a_break(bank_session, "R04", 5000_00)
    maker = browse(MAKER)
    act(maker, "/bank/settlements", "/bank/settlements/draft", period="2026-10")
    page = maker.get("/bank/settlements/S2610-SHAKTI").text
    assert "Still open in this month" in page and "₹5,000.00" in page
    assert "/bank/breaks?code=R04&amp;agency=SHAKTI" in page
    assert "Still open in this month" not in maker.get("/bank/settlements/S2610-VEGA").text
    act(maker, "/bank/settlements/S2610-SHAKTI", "/bank/settlements/S2610-SHAKTI/submit")
    assert "Still open in this month" not in maker.get("/bank/settlements/S2610-SHAKTI").text
