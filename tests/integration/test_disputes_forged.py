"""What an agency's session could write past the program moves no money: the bank's side counts for itself before it pays."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import make_transient

from payouts.commission.event_models import ManualAdjustment
from payouts.difference import Findings
from payouts.ledger.journal import undisputed_lines
from payouts.ledger.service import post
from payouts.rails.batches import make_batch, reject_batch
from payouts.rails.rechecks import why_not_payable
from payouts.settlements.dispute_releases import releases
from payouts.settlements.disputes import withdraw_dispute
from payouts.settlements.drafting import draft
from payouts.settlements.recalling import recall
from payouts.settlements.twice import settled_elsewhere
from payouts.verify_disputes import check_disputes
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Refused
from portal.kernel.periods import parse_month
from tests.factories.disputed import SHAKTI, Issued, an_issued_month, an_issued_statement, an_unpaid_receipt
from tests.factories.month import CHECKER, FINANCE, MAKER, OCTOBER, SYSTEM, a_run, an_accrual

NOVEMBER = parse_month("2026-11")
FORGED = """
insert into disputes (ref, agency_id, settlement_id, settlement_line_id, reason, line_minor, claimed_minor, held_minor,
                      currency, due_on, status, opened_by, opened_at)
select 'D-FORGED', s.agency_id, s.id, l.id, 'other', 3000000, 0, 3000000, 'INR', '2026-11-30', :status, 'x', now()
  from settlements s join settlement_lines l on l.settlement_id = s.id and l.position = 2
"""
KEPT = "not what its disputes keep"


@pytest.fixture
def lived(bank_session, agency_session, now) -> Issued:
    return an_issued_month(bank_session, agency_session, now)


def forge(issued: Issued, statement: str, **given: str | None) -> None:
    with unit_of_work(issued.agency):
        issued.agency.execute(text(statement), given)


def released(issued: Issued) -> list[int]:
    return [amount for _, _, amount in releases(issued.bank, issued.settlement().agency_id, NOVEMBER)]


def why_not(issued: Issued) -> str:
    return why_not_payable(issued.bank, issued.settlement(), now=issued.now)


KEEP, FREE = "select portal_keep_disputed('{}', 'x', now())", "select portal_free_disputed('{}', 'x', now())"


def refused(issued: Issued, statement: str, why: str, **given: str | None) -> None:
    with pytest.raises(DBAPIError, match=why):
        forge(issued, statement, **given)


def test_a_dispute_nobody_kept_money_for_pays_nothing_out(lived, file_store, database):
    assert why_not(lived) == ""
    refused(lived, FORGED, "row-level security", status="withdrawn")
    forge(lived, FORGED, status="open")
    forge(lived, "update disputes set status = 'withdrawn'")
    assert released(lived) == [] and KEPT in why_not(lived)
    refused(lived, KEEP.format("D-FORGED"), "keeps another amount")
    refused(lived, FREE.format("D-FORGED"), "nothing to give back")
    database.execute("update settlements set disputed_minor = 3000000 where ref like '%SHAKTI'")
    assert (released(lived), why_not(lived)) == ([3_000_000], ""), "as if it had been kept: it comes to the same money"
    database.execute("update settlements set disputed_minor = 0")
    database.execute("update disputes set freed_at = now()")
    with unit_of_work(lived.bank):
        make_batch(lived.bank, file_store, OCTOBER, "bank_file", actor=FINANCE, now=lived.now)
    database.execute("update settlements set disputed_minor = 3000000 where ref like '%SHAKTI'")
    database.execute("update disputes set freed_at = null")
    assert released(lived) == [], "the whole of it is paid"


def test_no_dispute_keeps_more_than_its_line_and_what_is_kept_is_the_lines(lived):
    forge(lived, FORGED.replace("3000000, 0, 3000000", "9000000, 0, 7000000"), status="open")
    refused(lived, KEEP.format("D-FORGED"), "keeps another amount")
    forge(lived, FORGED.replace("D-FORGED", "D-WHOLE").replace("l.position = 2", "l.position = 1"), status="open")
    refused(lived, KEEP.format("D-WHOLE"), "keeps another amount")
    assert lived.settlement().disputed_minor == 0
    findings = Findings()
    check_disputes(lived.bank, findings)
    assert ("J-D-FORGED", "lines") in {(each.ref, each.field) for each in findings.differences}, "nothing was kept"


def test_a_pair_nobody_asked_for_is_named(lived, database):
    ref = lived.dispute(lived.claim(claimed=45_000_00))
    with unit_of_work(lived.bank):
        given = {"kind": "dispute", "subject_ref": ref, "narration": "", "currency": "INR", "actor": CHECKER}
        agency = lived.settlement().agency_id
        post(lived.bank, f"J-{ref}-W", undisputed_lines(5_000_00), agency_id=agency, now=lived.now, **given)
    findings = Findings()
    check_disputes(lived.bank, findings)
    assert {(each.ref, each.field) for each in findings.differences} == {(f"J-{ref}-W", "lines")}


def test_money_given_back_is_not_kept_once_more(lived, database):
    ref = lived.dispute(lived.claim(claimed=45_000_00))
    with unit_of_work(lived.agency):
        withdraw_dispute(lived.agency, ref, actor=lived.owner, now=lived.now)
    assert (released(lived), why_not(lived)) == ([], "")
    refused(lived, FREE.format(ref), "nothing to give back")
    database.execute("update disputes set freed_at = null")
    refused(lived, FREE.format(ref), "uq_journal_entries_ref")
    assert released(lived) == [] and KEPT in why_not(lived)


def test_money_that_a_later_statement_pays_out_is_given_back_in_no_other_way(lived, file_store, database):
    ref = lived.dispute(lived.claim(claimed=45_000_00))
    with unit_of_work(lived.bank):
        batch = make_batch(lived.bank, file_store, OCTOBER, "bank_file", actor=FINANCE, now=lived.now).batch.ref
    with unit_of_work(lived.agency):
        withdraw_dispute(lived.agency, ref, actor=lived.owner, now=lived.now)
    with unit_of_work(lived.bank):
        reject_batch(lived.bank, batch, actor=CHECKER, now=lived.now, reason="Another day.")
    assert (lived.settlement().status, released(lived), why_not(lived)) == ("approved", [5_000_00], "")
    with pytest.raises(Refused) as refusal, unit_of_work(lived.bank):
        recall(lived.bank, SHAKTI, actor=CHECKER, now=lived.now, reason="A wrong slab.")
    assert (refusal.value.code, ref in refusal.value.message) == ("not_to_be_recalled", True)
    with unit_of_work(lived.bank):
        a_run(lived.bank, NOVEMBER)
        draft(lived.bank, NOVEMBER, actor=SYSTEM, now=lived.now)
    refused(lived, FREE.format(ref), "nothing to give back")
    database.execute("update disputes set freed_at = now()")
    database.execute("update settlements set disputed_minor = 0")
    assert KEPT in why_not(lived)


def test_a_decision_is_held_against_the_line_itself(lived):
    forge(lived, FORGED.replace("3000000, 0, 3000000", "0, 3000000, 0"), status="open")
    with pytest.raises(Refused) as refusal:
        lived.propose("D-FORGED", 2_000_000)
    assert refusal.value.code == "altered"
    findings = Findings()
    check_disputes(lived.bank, findings)
    assert ("D-FORGED", "line_minor") in {(each.ref, each.field) for each in findings.differences}


def test_a_receipt_that_was_granted_does_not_earn_by_itself_as_well(bank_session, agency_session, now):
    issued = an_issued_statement(bank_session, agency_session, now)
    receipt = an_unpaid_receipt(issued)
    ref = issued.dispute(issued.claim(None, 600_00, collection_id=receipt, reason="not_counted"))
    issued.propose(ref, 600_00)
    issued.decide(ref, 600_00)
    with unit_of_work(issued.bank):
        month = replace(issued.month, run=a_run(issued.bank, NOVEMBER))
        line = an_accrual(issued.bank, month, issued.shakti(), 600_00)
        make_transient(line)
        line.id, line.collection_id = None, receipt
        line.ref = late = f"{line.ref}-R"
        issued.bank.add(line)
        (drafted,) = draft(issued.bank, NOVEMBER, actor=SYSTEM, now=now, agency_id=issued.shakti().id).settlements
    (found,) = settled_elsewhere(issued.bank, drafted)
    assert (found[0], ref in found[1]) == (late, True)
    back = ManualAdjustment(ref="J-1", agency_id=drafted.agency_id, period_start=NOVEMBER.start, kind="adjustment")
    back.amount_minor, back.currency, back.reason, back.about_ref = -600_00, "INR", "Granted before.", late
    back.status, back.proposed_by, back.proposed_at = "accepted", MAKER.email, now
    back.decided_by, back.decided_at = CHECKER.email, now
    with unit_of_work(issued.bank):
        issued.bank.add(back)
    assert list(settled_elsewhere(issued.bank, drafted)) == []


def test_an_agency_accepts_neither_its_invoice_nor_its_event(lived):
    invoice = """
    insert into tax_invoices (agency_id, settlement_id, source, invoice_no, invoiced_on, year_start, taxable_minor, tax_minor,
                              currency, is_reverse_charge, proposed_by, proposed_at, status, decided_by, decided_at)
    select agency_id, id, 'agency', 'X-1', '2026-11-02', '2026-04-01', 1, 0, 'INR', true, 'x', now(), :status, :by, now()
      from settlements"""
    event = """
    insert into earning_events (ref, agency_id, event, occurred_on, currency, source, source_key, proposed_by, proposed_at,
                                status, decided_by, decided_at)
    select 'E-1', id, 'visit', '2026-10-12', 'INR', 'agency', 'hand:1', 'x', now(), :status, :by, now() from agencies"""
    for statement, status, by in (
        (invoice, "accepted", "checker@bank.example"),
        (invoice, "accepted", None),
        (event, "accepted", "checker@bank.example"),
    ):
        with pytest.raises(DBAPIError, match="row-level security"):
            forge(lived, statement, status=status, by=by)
    refused(lived, invoice, "row-level security", status="proposed", by=None)
    forge(lived, invoice.replace("now()", "null", 2).replace("'x', null", "'x', now()"), status="proposed", by=None)
    with pytest.raises(DBAPIError, match="row-level security"):
        forge(lived, "update tax_invoices set status = 'accepted'")


def test_an_agency_writes_no_letter_that_tells_of_a_decision_about_its_account(lived):
    letter = """
    insert into notices (key, agency_id, to_address, subject, body, about_ref, made_at)
    select :key, id, 'owner@shakti.example', 'News', 'None.', 'SHAKTI', now() from agencies"""
    for key in ("SHAKTI:2:approved:owner@shakti.example", "VEGA:2:proposed:owner@vega.example"):
        with pytest.raises(DBAPIError, match="row-level security"):
            forge(lived, letter, key=f"bank-detail:{key}")
    forge(lived, letter, key="bank-detail:SHAKTI:2:proposed:owner@shakti.example")
