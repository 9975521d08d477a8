"""Pages of disputes and invoices: what goes wrong is said on the page, what was added is handed out as a file and nothing else."""

from __future__ import annotations

import io
import secrets

import pytest

from payouts.settlements.dispute_messages import messages_of
from payouts.settlements.dispute_queries import list_disputes
from payouts.settlements.invoice_queries import list_invoices
from portal.kernel.db import unit_of_work
from tests.factories.disputed import GSTIN, SHAKTI, Issued, an_issued_statement
from tests.factories.honest_files import pdf, saved
from tests.factories.world import a_user

OWNER, MAKER = "owner@shakti.example", "maker@bank.example"
STATEMENT = f"/agency/statements/{SHAKTI}"


@pytest.fixture
def issued(bank_session, agency_session, now) -> Issued:
    found = an_issued_statement(bank_session, agency_session, now)
    with unit_of_work(bank_session):
        a_user(bank_session, OWNER, "agency_owner", found.shakti())
        a_user(bank_session, MAKER, "bank_operator")
    return found


def send(browser, path, told):
    return browser.post(path, {"once": secrets.token_urlsafe(18), **told})


def test_a_dispute_is_opened_with_a_file_that_both_sides_can_take(issued, browse):
    agency, bank = browse(OWNER), browse(MAKER)
    told = {"reason": "wrong_rate", "claimed": "50,000", "comment": "Six per cent."}
    wrong = send(agency, f"{STATEMENT}/dispute?line=1", told)
    assert wrong.status_code == 422 and "is what the statement says already" in wrong.text
    assert "is not disputed by itself" not in wrong.text and agency.get(f"{STATEMENT}/dispute").status_code == 404
    assert "The tax withheld follows from the fee" in agency.get(f"{STATEMENT}/dispute?line=3").text
    paper = (io.BytesIO(saved(pdf())), "../slip<1>.pdf")
    sent = send(agency, f"{STATEMENT}/dispute?line=1", told | {"claimed": "60,000", "file": paper})
    assert sent.status_code == 302
    (row,) = list_disputes(issued.bank)
    (message,) = messages_of(issued.bank, row.dispute.id)
    for browser, side in ((agency, "agency"), (bank, "bank")):
        file = browser.get(f"/{side}/disputes/{row.dispute.ref}/files/{message.id}")
        assert file.headers["Content-Disposition"] == "attachment; filename=slip-1-.pdf"
        assert "sandbox" in file.headers["Content-Security-Policy"] and file.data.startswith(b"%PDF-")
    hostile = (io.BytesIO(b"<script>alert(1)</script>"), "slip.pdf")
    refused = send(bank, f"/bank/disputes/{row.dispute.ref}/write", {"body": "Here.", "file": hostile})
    assert refused.status_code == 422 and "This file is a web page" in refused.text


def test_an_invoice_is_handed_in_on_the_statements_page(issued, browse):
    agency = browse(OWNER)
    page = agency.get(f"{STATEMENT}/invoice").text
    assert 'value="80000.00"' in page and f'value="{GSTIN}"' in page
    told = {"invoice_no": "SH/42", "invoiced_on": "2026-11-02", "taxable": "80,000.00", "tax": "14,400"}
    told |= {"tax_id": GSTIN, "reverse_charge": "no"}
    wrong = send(agency, f"{STATEMENT}/invoice", told | {"file": (io.BytesIO(saved(pdf())), "a.pdf")})
    assert wrong.status_code == 422 and "Charge no tax" in wrong.text and "Say so on the invoice" in wrong.text
    right = told | {"tax": "0", "reverse_charge": "yes", "file": (io.BytesIO(saved(pdf())), "a.pdf")}
    assert send(agency, f"{STATEMENT}/invoice", right).status_code == 302
    assert "The bank looks at it" in agency.get(STATEMENT).text
    assert agency.get(f"{STATEMENT}/invoice/file").data.startswith(b"%PDF-")
    assert [row.invoice.invoice_no for row in list_invoices(issued.bank)] == ["SH/42"]


def test_a_statement_is_accepted_with_one_click_and_only_as_it_was_shown(issued, browse):
    agency = browse(OWNER)
    assert "until 25 Nov 2026" in agency.get(STATEMENT).text
    assert send(agency, f"{STATEMENT}/accept", {"expected_hash": "1" * 64}).status_code == 409
    assert send(agency, f"{STATEMENT}/accept", {"expected_hash": "0" * 64}).status_code == 302
    page = agency.get(STATEMENT).text
    assert "You have accepted this statement" in page and "Dispute line" not in page
