"""A statement keeps what was known when it was drafted: late evidence, new names and a newer format do not change it."""

from __future__ import annotations

import hashlib
from datetime import date

import pytest

from allocations.agencies.models import Agency
from allocations.collections.field_models import Evidence
from payouts.settlements.content import statement_text
from payouts.settlements.documents import document_of
from payouts.settlements.drafting import draft
from payouts.settlements.envelope import verify_envelope
from payouts.settlements.frozen import tax_year
from payouts.settlements.papers import paper_of
from payouts.settlements.service import approve, load, submit
from payouts.settlements.statement import hash_of, read_text
from payouts.verify import verify
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Refused
from portal.kernel.periods import month_of
from tests.factories.month import CHECKER, MAKER, OCTOBER, SYSTEM, a_month

REF = "S2610-SHAKTI"
SEPTEMBER = OCTOBER.previous()


def a_file(session, collection, word, now):
    """A photo behind a receipt; its sha256."""
    sha256 = hashlib.sha256(word.encode()).hexdigest()
    session.add(
        Evidence(
            agency_id=collection.agency_id,
            ref=f"E-{word}",
            kind="receipt",
            collection_id=collection.id,
            file_name="a.jpg",
            sha256=sha256,
            size=1,
            media_type="image/jpeg",
            received_at=now,
            received_by="agent",
        )
    )
    session.flush()
    return sha256


def drafted(session, now, period=OCTOBER):
    with unit_of_work(session):
        return draft(session, period, actor=SYSTEM, now=now).settlements


def through(session, now, ref=REF):
    with unit_of_work(session):
        submit(session, ref, actor=MAKER, now=now)
        approve(session, ref, actor=CHECKER, now=now)
    return load(session, ref)


def test_evidence_is_named_line_by_line_and_what_comes_late_changes_nothing(bank_session, now):
    with unit_of_work(bank_session):
        month = a_month(bank_session)
        early = a_file(bank_session, month.collections["SHAKTI"][0], "early", now)
    [settlement, *_] = drafted(bank_session, now)
    with unit_of_work(bank_session):
        late = a_file(bank_session, month.collections["SHAKTI"][1], "late", now)
    issued = through(bank_session, now)
    said = read_text(issued.statement_text)
    assert [line.get("evidence") for line in said["lines"]] == [[early], []]
    assert late not in issued.statement_text
    assert statement_text(bank_session, settlement) == issued.statement_text


def test_a_name_changed_before_the_approval_stops_it_and_after_it_changes_nothing(bank_session, now, file_store):
    with unit_of_work(bank_session):
        a_month(bank_session)
    drafted(bank_session, now)
    agency = bank_session.query(Agency).filter_by(code="SHAKTI").one()
    with unit_of_work(bank_session):
        agency.legal_name = "Shakti Two"
    with pytest.raises(Refused) as refusal:
        through(bank_session, now)
    assert refusal.value.code == "basis_changed"
    bank_session.rollback()
    assert drafted(bank_session, now)[0].ref == f"{REF}-2"
    issued = through(bank_session, now, f"{REF}-2")
    with unit_of_work(bank_session):
        agency.legal_name = "Shakti Three"
    assert "Shakti Two" in issued.statement_text
    found = [each for each in verify(bank_session, file_store).differences if each.check == "issued"]
    assert found == []


def test_a_statement_of_the_first_format_keeps_its_builder_its_signature_and_its_papers(bank_session, now, file_store):
    with unit_of_work(bank_session):
        a_month(bank_session)
    [settlement, *_] = drafted(bank_session, now)
    with unit_of_work(bank_session):
        settlement.frozen = {}  # as it was kept before there was a second format
        settlement.hash = hash_of(statement_text(bank_session, settlement))
    issued = through(bank_session, now)
    said = read_text(issued.statement_text)
    assert said["format"] == "agency-statement/1"
    document = document_of(bank_session, issued, "http://localhost")
    assert verify_envelope(document.as_json()).is_valid
    assert document.as_pdf()[:5] == b"%PDF-"
    assert [group.amount_minor for group in paper_of(said).groups] == [8_000_00]
    found = [each for each in verify(bank_session, file_store).differences if each.check == "issued"]
    assert found == []


def test_the_year_runs_as_the_agencys_country_counts_it(bank_session, now):
    with unit_of_work(bank_session):
        for period in (SEPTEMBER, OCTOBER):
            a_month(bank_session, period, {"VEGA": [3_00_000_00]})
    drafted(bank_session, now, SEPTEMBER)
    [october] = drafted(bank_session, now)
    year = read_text(statement_text(bank_session, october))["year_to_date"]
    assert (year["from"], year["to"], year["before"]) == ("2026-04-01", "2027-03-31", ["S2609-VEGA"])
    assert (year["gross"], year["withholding"], year["net"]) == ("30000.00", "600.00", "29400.00")
    agency = bank_session.get_one(Agency, october.agency_id)
    agency.country = "KE"
    assert tax_year(bank_session, october).start == date(2026, 1, 1)
    assert month_of(tax_year(bank_session, october).last_day).start == date(2026, 12, 1)
    bank_session.rollback()


def test_a_draft_is_made_anew_when_the_year_before_it_is_another(bank_session, now):
    with unit_of_work(bank_session):
        a_month(bank_session, OCTOBER, {"VEGA": [1_00_000_00]})
    [first] = drafted(bank_session, now)
    with unit_of_work(bank_session):
        a_month(bank_session, SEPTEMBER, {"VEGA": [1_00_000_00]})
    drafted(bank_session, now, SEPTEMBER)
    [again] = drafted(bank_session, now)
    assert (first.ref, again.ref) == ("S2610-VEGA", "S2610-VEGA-2")
    assert drafted(bank_session, now)[0].ref == "S2610-VEGA-2"
