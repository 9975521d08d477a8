"""The tax pages as finance uses them: a certificate entered by one and accepted by another, registers as pages and files."""

from __future__ import annotations

import csv
import io

import pytest

from payouts.settlements.drafting import draft
from payouts.settlements.service import approve, submit
from portal.kernel.db import unit_of_work
from tests.factories.browser import once_in
from tests.factories.month import CHECKER, MAKER, OCTOBER, SYSTEM, a_month
from tests.factories.world import a_user

FINANCE, APPROVER, OWNER = "finance@bank.example", "checker@bank.example", "owner@shakti.example"
NEW = "/finance/tax/certificates/new"


@pytest.fixture
def month(bank_session, now):
    with unit_of_work(bank_session):
        a_user(bank_session, FINANCE, "finance")
        a_user(bank_session, APPROVER, "bank_approver")
        month = a_month(bank_session, OCTOBER, {"SHAKTI": [20_00_000_00]}, legal_name="=HYPERLINK Recovery")
    with unit_of_work(bank_session):
        ref = draft(bank_session, OCTOBER, actor=SYSTEM, now=now).settlements[0].ref
        submit(bank_session, ref, actor=MAKER, now=now)
        approve(bank_session, ref, actor=CHECKER, now=now)
    return month


def test_a_certificate_goes_from_one_persons_hand_into_anothers(browse, month):
    finance, approver = browse(FINANCE), browse(APPROVER)
    form = {
        "agency": "SHAKTI",
        "number": "0000123AB26C",
        "section": "393(1)",
        "rate": "0,5 %",
        "limit": "2,50,000",
        "valid_from": "2026-04-01",
        "valid_to": "2027-03-31",
        "once": once_in(finance.get(NEW).text),
    }
    broken = finance.post(NEW, form | {"rate": "half", "once": once_in(finance.get(NEW).text)})
    assert broken.status_code == 422 and "That is no percentage." in broken.text
    sent = finance.post(NEW, form)
    assert sent.status_code == 302
    page = sent.location
    assert "Accept 0.5 %" not in finance.get(page).text
    shown = approver.get(page).text
    assert "Accept 0.5 % on ₹2,50,000.00" in shown
    assert finance.post(f"{page}/accept", {"once": once_in(shown)}).status_code == 403
    assert approver.post(f"{page}/accept", {"once": once_in(shown)}).status_code == 302
    assert "₹2,50,000.00" in finance.get("/finance/tax/certificates").text


def test_the_registers_are_pages_and_files_that_cannot_compute(browse, month):
    finance = browse(FINANCE)
    assert "₹2,000.00" in finance.get("/finance/tax/withheld?quarter=2026-Q3").text
    assert "In a later return" in finance.get("/finance/tax/charged?month=2026-11").text
    for path in (
        "/finance/tax",
        "/finance/tax/small-firms",
        "/finance/tax/rules",
        "/finance/tax/withheld?quarter=nonsense",
    ):
        assert finance.get(path).status_code == 200
    file = finance.get("/finance/tax/withheld.csv?quarter=2026-Q3")
    (row,) = csv.DictReader(io.StringIO(file.get_data().decode("utf-8-sig")))
    assert (row["deductee_name"], row["tax_deducted"], row["base"]) == ("'=HYPERLINK Recovery", "2000.00", "100000.00")
    assert (row["code"], row["form"], row["deposit_by"]) == ("1006", "Form 140", "2026-11-07")
    assert finance.get("/finance/tax/withheld.exe").status_code == 404


def test_the_commands_say_the_same(cli, browse, month):
    told = cli("tax", "withheld", "--quarter", "2026-Q3", "--as", FINANCE)
    assert told.exit_code == 0 and told.json["rows"][0]["tax_deducted"] == "2000.00"
    assert cli("tax", "withheld", "--quarter", "autumn", "--as", FINANCE).exit_code == 2
    made = cli(
        *(
            "tax",
            "certificate",
            "propose",
            "SHAKTI",
            "AB123",
            "--section",
            "393(1)",
            "--rate",
            "0.5",
            "--limit",
            "100000",
        ),
        *("--from", "2026-04-01", "--to", "2027-03-31", "--as", FINANCE),
    )
    ref = made.json["certificates"][0]["ref"]
    assert cli("tax", "certificate", "accept", ref, "--as", FINANCE).exit_code == 1
    assert cli("tax", "certificate", "accept", ref, "--as", APPROVER).json["certificates"][0]["status"] == "active"


def test_a_deposit_goes_from_its_receipt_into_the_books_by_two_people(browse, month):
    finance, approver = browse(FINANCE), browse(APPROVER)
    register = finance.get("/finance/tax/withheld?quarter=2026-Q3").text
    assert "Enter its receipt" in register
    new = "/finance/tax/deposits/new?month=2026-10&code=1006"
    assert "Choose the month" in finance.get("/finance/tax/deposits/new").text
    shown = finance.get(new).text
    assert 'value="2000.00"' in shown and 'value="S2610-SHAKTI" checked' in shown
    form = {
        "bank_code": "0510308",
        "challan_no": "00123",
        "deposited_on": "2026-11-06",
        "amount": "2,000",
        "settlement": "S2610-SHAKTI",
        "once": once_in(shown),
    }
    broken = finance.post(new, form | {"amount": "2,100", "once": once_in(finance.get(new).text)})
    assert broken.status_code == 422 and "was withheld, not ₹2,100.00" in broken.text
    none = finance.post(new, {**form, "settlement": [], "once": once_in(finance.get(new).text)})
    assert none.status_code == 422 and "No statement is ticked." in none.text
    page = finance.post(new, form).location
    shown = approver.get(page).text
    assert "Accept ₹2,000.00 as paid to the government" in shown
    assert finance.post(f"{page}/accept", {"once": once_in(shown)}).status_code == 403
    assert approver.post(f"{page}/accept", {"once": once_in(shown)}).status_code == 302
    assert (
        "It is in the books." in finance.get(page).text and "asks for it to be cancelled" not in finance.get(page).text
    )
    (row,) = csv.DictReader(io.StringIO(finance.get("/finance/tax/withheld.csv?quarter=2026-Q3").text))
    assert (row["challan_bsr"], row["challan_serial"], row["challan_on"]) == ("0510308", "00123", "2026-11-06")
    reason = {"reason": "The serial number is another one.", "once": once_in(finance.get(page).text)}
    assert finance.post(f"{page}/ask-cancel", reason).status_code == 302
    assert "decides." in finance.get(page).text and "Cancel it" not in finance.get(page).text
    shown = approver.get(page).text
    assert "The serial number is another one." in shown
    assert approver.post(f"{page}/cancel", {"once": once_in(shown)}).status_code == 302
    assert "Enter its receipt" in finance.get("/finance/tax/deposits").text


def test_days_that_are_near_stand_on_finances_home(browse, month):
    page = browse(FINANCE).get("/finance").text
    assert "Pay over the tax withheld for October 2026" in page
