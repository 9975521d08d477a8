"""camt.052, 053 and 054: batches, entries that count for nothing yet, and files that are cut short or lie."""

from __future__ import annotations

import pytest

from allocations.reconciliation.sources.proof import prove
from allocations.reconciliation.sources.readers.detect import read_statements
from portal.kernel.errors import Invalid


def problems_of(data, **options):

    with pytest.raises(Invalid) as refused:
        read_statements(data, "s", **options)
    return refused.value.problems


def camt(body, kind="Stmt", root="BkToCstmrStmt", message="camt.053.001.02"):
    return (
        f"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:{message}'><{root}><{kind}>"
        "<Id>S</Id><Acct><Id><IBAN>NL1</IBAN></Id><Ccy>EUR</Ccy></Acct>"
        f"{body}</{kind}></{root}></Document>"
    ).encode()


def entry(amount="10.00", side="CRDT", extra="", details="", status="BOOK"):
    return (
        f"<Ntry><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd>{extra}<Sts>{status}</Sts><BookgDt><Dt>2026-01-05</Dt></BookgDt>"
        f"<NtryDtls>{details}</NtryDtls></Ntry>"
    )


def tx(amount, ref, side="CRDT", currency="EUR"):
    return f"<TxDtls><Refs><EndToEndId>{ref}</EndToEndId></Refs><Amt Ccy='{currency}'>{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd></TxDtls>"


def test_a_batch_entry_gives_one_line_a_transaction_when_they_add_up():
    (statement,) = read_statements(
        camt(entry("10.00", details=tx("6.00", "E1") + tx("5.00", "E2") + tx("1.00", "E3", "DBIT"))), "s"
    )
    assert [(line.amount_minor, line.side, line.customer_ref) for line in statement.lines] == [
        (600, "credit", "E1"), (500, "credit", "E2"), (100, "debit", "E3"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "details", [tx("6.00", "E1") + tx("5.00", "E2"), tx("6.00", "E1", currency="USD") + tx("4.00", "E2")]
)
def test_a_batch_entry_whose_transactions_do_not_add_up_stays_one_line(details):
    (statement,) = read_statements(camt(entry("10.00", details=details)), "s")
    assert [line.amount_minor for line in statement.lines] == [1000]


def test_pending_entries_are_left_out_and_mentioned():
    (statement,) = read_statements(
        camt(entry() + entry(status="PDNG"), "Rpt", "BkToCstmrAcctRpt", "camt.052.001.02"), "s"
    )
    assert (len(statement.lines), statement.format, statement.balanced) == (1, "camt052", None)
    assert "not booked yet" in statement.notes[0]
    assert prove(statement).status == "unproved"


def test_entities_and_document_types_are_refused():
    bomb = b"<?xml version='1.0'?><!DOCTYPE Document [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>" + camt(
        entry(extra="&x;")
    )
    assert problems_of(bomb)[0].code == "dtd_refused"
    wide = bomb.decode().encode("utf-16")
    assert problems_of(wide)[0].code == "dtd_refused"


def test_a_camt_file_cut_short_is_refused():
    assert problems_of(camt(entry())[:-40])[0].code == "bad_xml"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (entry("-5.00"), "bad_amount"),
        (entry("5,00"), "bad_amount"),
        (entry("5.001"), "bad_amount"),
        (entry(side="UP"), "no_side"),
        (entry().replace("2026-01-05", "2026-02-30"), "bad_date"),
        (entry().replace("EUR", "USD"), "currency_mixed"),
    ],
)
def test_a_bad_entry_is_named(body, code):
    assert [problem.code for problem in problems_of(camt(body))] == [code]


def test_fifty_thousand_entries_take_seconds():
    import time

    body = entry() * 50_000
    started = time.perf_counter()
    (statement,) = read_statements(camt(body), "s")
    assert len(statement.lines) == 50_000
    assert time.perf_counter() - started < 15
