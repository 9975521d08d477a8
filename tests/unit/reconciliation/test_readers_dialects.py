"""Files as banks really write them, beyond the letter of their standards: read right, or refused in words; never read wrong."""

from __future__ import annotations

import pytest

from allocations.reconciliation.sources.proof import prove
from allocations.reconciliation.sources.readers.detect import read_statements
from portal.kernel.errors import Invalid

RTGS = "HDFCR52026110112345678"  # 22 characters: longer than SWIFT's field for it


def read(text, name="statement"):
    (statement,) = read_statements(text.encode(), name)
    return statement


def code_of(text):
    with pytest.raises(Invalid) as refused:
        read_statements(text.encode(), "statement")
    (problem,) = refused.value.problems
    return problem.code


def mt940(fields, *, opening="C261031INR1000,00", closing="C261101INR1100,00"):
    return f":20:S1\n:25:IN001\n:28C:1/1\n:60F:{opening}\n{fields}\n:62F:{closing}\n-\n"


def camt(entry="", *, version="08", header="", before=""):
    balance = (
        '<Bal><Tp><CdOrPrtry><Cd>{}</Cd></CdOrPrtry></Tp><Amt Ccy="INR">{}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
        "<Dt><Dt>2026-11-01</Dt></Dt></Bal>"
    )
    return (
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt><GrpHdr>{header}</GrpHdr>'
        "<Stmt><Id>S1</Id><Acct><Id><Othr><Id>IN001</Id></Othr></Id><Ccy>INR</Ccy></Acct>"
        f"{balance.format('OPBD', '1000.00')}{balance.format('CLBD', '1100.00')}{before}"
        '<Ntry><Amt Ccy="INR">100.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>'
        f"<BookgDt><Dt>2026-11-01</Dt></BookgDt>{entry}</Ntry></Stmt></BkToCstmrStmt></Document>"
    )


def bai2(account, total, records):
    return (
        f"01,S,R,261101,0800,1,,,2/\n02,R,S,1,261101,,USD,2/\n{account}49,{total},{records}/\n"
        f"98,{total},1,{records + 2}/\n99,{total},1,{records + 4}/\n"
    )


def ofx(amount="100.00", more=""):
    return (
        "OFXHEADER:100\nVERSION:102\n\n<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>INR<BANKACCTFROM><ACCTID>9</BANKACCTFROM>"
        f"<BANKTRANLIST><STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20261101<TRNAMT>{amount}<FITID>F1{more}</STMTTRN></BANKTRANLIST>"
        "<LEDGERBAL><BALAMT>1100.00<DTASOF>20261101</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>\n"
    )


@pytest.mark.parametrize(
    ("tail", "customer_ref", "bank_ref", "story"),
    [
        (f"{RTGS}//{RTGS}9", RTGS, f"{RTGS}9", ""),
        (f"NONREF//{'B' * 30}\nCASH DEPOSIT\nANDHERI", "", "B" * 30, "CASH DEPOSIT ANDHERI"),
        ("REF1//B1\nSLIP 77", "REF1", "B1", "SLIP 77"),
        ("paid in words no reference", "paid in words no", "", "reference"),
    ],
)
def test_references_longer_than_the_field_stay_whole(tail, customer_ref, bank_ref, story):
    (line,) = read(mt940(f":61:2611011101C100,00NTRF{tail}")).lines
    assert (line.customer_ref, line.bank_ref, line.description) == (customer_ref, bank_ref, story)


@pytest.mark.parametrize("mark", "?<~^")
def test_sub_fields_of_a_narrative_are_told_by_any_mark(mark):
    text = "166?00CREDIT?20EREF+UTR123456789012 and?21more?32RAVI".replace("?", mark)
    (line,) = read(mt940(f":61:2611011101C100,00NTRFNONREF\n:86:{text}")).lines
    assert line.description == "CREDIT EREF+UTR123456789012 and more RAVI"


@pytest.mark.parametrize(
    ("currency", "amount", "closing", "minor"),
    [("KRW", "100,", "1100,", 100), ("JOD", "100,005", "1100,005", 100_005), ("UGX", "100", "1100", 100)],
)
def test_currencies_of_no_and_of_three_decimals_are_exact(currency, amount, closing, minor):
    statement = read(
        mt940(f":61:2611011101C{amount}NTRFA", opening=f"C261031{currency}1000,", closing=f"C261101{currency}{closing}")
    )
    assert (statement.lines[0].amount_minor, statement.balanced) == (minor, True)


@pytest.mark.parametrize(
    "text", [mt940(":61:2611011101C1,500NTRFA", closing="C261101INR2500,00"), ofx("1,500"), ofx("-12,500")]
)
def test_three_digits_behind_a_comma_are_never_taken_for_decimals(text):
    assert code_of(text) == "bad_amount"


def test_a_bai2_balance_without_amount_is_none_and_not_zero():
    statement = read(bai2("03,9,USD,010,,,,015,,,/\n", 0, 2))
    assert (statement.opening_minor, statement.closing_minor) == (None, None)
    assert prove(statement).status == "refused"


def test_ofx_tags_in_small_letters_are_tags():
    assert read(ofx().lower().replace("ofxheader", "OFXHEADER")).lines[0].amount_minor == 10_000


def test_an_ofx_transaction_in_another_currency_is_no_rupees():
    assert code_of(ofx(more="<CURRENCY><CURRATE>83<CURSYM>USD</CURRENCY>")) == "currency_mixed"
    assert read(ofx(more="<ORIGCURRENCY><CURRATE>83<CURSYM>USD</ORIGCURRENCY>")).lines[0].amount_minor == 10_000


def test_the_early_versions_say_in_the_header_which_page_they_are():
    summary = "<TxsSummry><TtlNtries><NbOfNtries>7</NbOfNtries></TtlNtries></TxsSummry>"  # of the whole statement
    pages = [
        read(camt(version="02", header=f"<MsgPgntn><PgNb>{page}</PgNb></MsgPgntn>", before=summary)) for page in (1, 2)
    ]
    assert [(page.continues, page.flaws) for page in pages] == [(False, ()), (True, ())]
    assert read(camt(version="02", before=summary)).flaws


@pytest.mark.parametrize(("paid_into", "story"), [("VA0012345", "VA VA0012345"), ("IN001", "")])
def test_the_virtual_account_a_camt_credit_was_paid_into_is_told(paid_into, story):
    parties = f"<RltdPties><CdtrAcct><Id><Othr><Id>{paid_into}</Id></Othr></Id></CdtrAcct></RltdPties>"
    assert read(camt(f"<NtryDtls><TxDtls>{parties}</TxDtls></NtryDtls>")).lines[0].description == story


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01"])
def test_days_no_bank_can_mean_are_refused(day):
    assert code_of(camt(f"<ValDt><Dt>{day}</Dt></ValDt>")) == "bad_date"
    assert code_of(ofx().replace("20261101<TRNAMT", day.replace("-", "") + "<TRNAMT")) == "bad_date"
