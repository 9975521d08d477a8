"""One credit pays receipts of two agencies: each reads the words and the money that are its own."""

import pytest
from sqlalchemy.orm import Session

from allocations.reconciliation.models import MatchLink
from payouts.trace import trace
from portal.kernel.errors import NotFound
from tests.factories.recon import AT, ReconBook


def shared_credit(session: Session) -> ReconBook:
    """A slip of two agencies, paid in as one."""
    book = ReconBook(session)
    seen = book.line(8000_00, "2026-10-06", "CASH DEP SLIP-7001 LN00077 LN00500 VEGA")
    for agency, account, number, amount in (
        ("SHAKTI", "LN00077", "RS-10001", 5000_00),
        ("VEGA", "LN00500", "RV-10001", 3000_00),
    ):
        row = book.receipt(number, amount, "2026-10-05", account, agency=agency, mode="cash", slip="SLIP-7001")
        link = MatchLink(
            agency_id=row.agency_id, collection_id=row.id, bank_line_id=seen.id, amount_minor=amount, status="confirmed",
            rule="slip_total", rule_version=3, created_at=AT,
        )  # fmt: skip
        session.add(link)
    session.commit()
    return book


def test_each_agency_reads_of_a_shared_credit_what_is_its_own(bank_session, agency_session):
    book = shared_credit(bank_session)

    def told(session, number):
        (node,) = [each for each in trace(session, number).as_dict()["chain"] if each["type"] == "bank_line"]
        return node["facts"]["description"], node["facts"]["linked"]

    assert told(bank_session, "RS-10001") == ("CASH DEP SLIP-7001 LN00077 LN00500 VEGA", "8000.00")
    for agency, number, wanted in (
        ("SHAKTI", "RS-10001", ("… SLIP-7001 LN00077 …", "5000.00")),
        ("VEGA", "RV-10001", ("… SLIP-7001 … LN00500 VEGA", "3000.00")),
    ):
        assert told(agency_session(book.agency(agency).id), number) == wanted


def test_an_agency_finds_a_shared_credit_by_its_own_numbers_alone(bank_session, agency_session):
    book = shared_credit(bank_session)
    for agency, own, foreign in (("SHAKTI", "LN00077", "ln 00500"), ("VEGA", "LN00500", "LN00077")):
        session = agency_session(book.agency(agency).id)
        assert trace(session, own).type == trace(session, "slip 7001").type == "bank_line"
        with pytest.raises(NotFound):
            trace(session, foreign)
        assert trace(bank_session, foreign).type == "bank_line"
