"""Bank files become exact statements: every format, either proof outcome, and nothing lost on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from xml.sax.saxutils import escape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocations.reconciliation.sources.proof import prove
from allocations.reconciliation.sources.readers.detect import detect, read_statements
from allocations.reconciliation.sources.readers.references import reference_keys
from allocations.reconciliation.sources.readers.statement import ReadLine
from portal.kernel.errors import Invalid
from portal.kernel.money import plain

REFERENCE = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=16).filter(
    lambda text: text != "NONREF"
)
WORDS = st.lists(st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=1, max_size=12), min_size=1, max_size=9).map(
    " ".join
)
DAYS = st.dates(date(2020, 1, 1), date(2030, 12, 28))


@st.composite
def movements(draw):
    day = draw(DAYS)
    return [
        ReadLine(
            at, day, day + timedelta(days=draw(st.integers(0, 3))), draw(st.integers(1, 10**11)),
            draw(st.sampled_from(["credit", "debit"])), draw(st.booleans()), draw(REFERENCE), draw(REFERENCE), draw(WORDS),
        )
        for at in range(1, draw(st.integers(0, 6)) + 1)
    ]  # fmt: skip


def closing_of(opening, lines):
    return opening + sum(line.signed_minor for line in lines)


def swift(minor):
    return plain(abs(minor), "INR").replace(".", ",")


def as_mt940(lines, opening):
    mark = {("credit", False): "C", ("debit", False): "D", ("debit", True): "RC", ("credit", True): "RD"}
    sign = lambda minor: "D" if minor < 0 else "C"  # noqa: E731
    rows = [":20:REF1", ":25:5010001", ":28C:7/1", f":60F:{sign(opening)}251231INR{swift(opening)}"]
    for line in lines:
        money = f"{mark[line.side, line.is_reversal]}{swift(line.amount_minor)}"
        rows.append(f":61:{line.value_on:%y%m%d}{line.booked_on:%m%d}{money}NTRF{line.customer_ref}//{line.bank_ref}")
        rows.append(":86:" + "\n".join(line.description[at : at + 65] for at in range(0, len(line.description), 65)))
    closing = closing_of(opening, lines)
    return "\n".join([*rows, f":62F:{sign(closing)}260131INR{swift(closing)}", "-", ""]).encode()


def as_camt(lines, opening, version=8):
    def balance(code, minor):
        side = "DBIT" if minor < 0 else "CRDT"
        return (
            f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='INR'>{plain(abs(minor), 'INR')}</Amt>"
            f"<CdtDbtInd>{side}</CdtDbtInd><Dt><Dt>2026-01-31</Dt></Dt></Bal>"
        )

    def entry(line):
        status = "<Sts><Cd>BOOK</Cd></Sts>" if version >= 8 else "<Sts>BOOK</Sts>"
        return (
            f"<Ntry><Amt Ccy='INR'>{plain(line.amount_minor, 'INR')}</Amt>"
            f"<CdtDbtInd>{'CRDT' if line.side == 'credit' else 'DBIT'}</CdtDbtInd>"
            f"<RvslInd>{'true' if line.is_reversal else 'false'}</RvslInd>{status}"
            f"<BookgDt><Dt>{line.booked_on}</Dt></BookgDt><ValDt><DtTm>{line.value_on}T00:00:00+05:30</DtTm></ValDt>"
            f"<AcctSvcrRef>{line.bank_ref}</AcctSvcrRef><NtryDtls><TxDtls><Refs><EndToEndId>{line.customer_ref}</EndToEndId></Refs>"
            f"<RmtInf><Ustrd>{escape(line.description)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>"
        )

    return (
        f"<?xml version='1.0' encoding='UTF-8'?><Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version:02d}'>"
        "<BkToCstmrStmt><GrpHdr><MsgId>M</MsgId></GrpHdr><Stmt><Id>S1</Id><ElctrncSeqNb>7</ElctrncSeqNb>"
        "<Acct><Id><Othr><Id>5010001</Id></Othr></Id><Ccy>INR</Ccy></Acct>"
        + balance("OPBD", opening) + balance("CLBD", closing_of(opening, lines)) + "".join(entry(line) for line in lines)
        + "</Stmt></BkToCstmrStmt></Document>"
    ).encode()  # fmt: skip


def as_csv(lines, opening):
    rows, balance = ["Date,Value Date,Description,Bank Ref,Reference,Debit,Credit,Balance"], opening
    for line in lines:
        balance += line.signed_minor
        amounts = ["", ""]
        amounts[line.side == "credit"] = plain(line.amount_minor, "INR")
        rows.append(
            f"{line.booked_on},{line.value_on},{line.description},{line.bank_ref},{line.customer_ref},{','.join(amounts)},"
            + plain(balance, "INR")
        )
    return "\n".join([*rows, ""]).encode()


@given(movements(), st.integers(-(10**12), 10**12))
def test_mt940_gives_back_the_lines_it_was_written_from(lines, opening):
    (statement,) = read_statements(as_mt940(lines, opening), "s.sta")
    assert statement.lines == lines
    assert (statement.account, statement.currency, statement.number) == ("5010001", "INR", "7/1")
    assert (statement.opening_minor, statement.closing_minor) == (opening, closing_of(opening, lines))
    assert statement.balanced


@given(movements(), st.integers(-(10**12), 10**12), st.integers(2, 13))
def test_camt_gives_back_the_lines_it_was_written_from(lines, opening, version):
    (statement,) = read_statements(as_camt(lines, opening, version), "s.xml")
    assert statement.lines == lines
    assert (statement.opening_minor, statement.closing_minor) == (opening, closing_of(opening, lines))
    assert statement.balanced
    assert statement.format == "camt053"


@given(movements().filter(len), st.integers(0, 10**12))
def test_a_sheet_gives_back_the_lines_it_was_written_from(lines, opening):
    in_time = sorted(lines, key=lambda line: line.booked_on)
    lines = [replace(line, line_no=at, is_reversal=False) for at, line in enumerate(in_time, 1)]
    (statement,) = read_statements(as_csv(lines, opening), "s.csv")
    assert statement.lines == lines
    assert (statement.opening_minor, statement.closing_minor) == (opening, closing_of(opening, lines))
    assert statement.balanced


@settings(max_examples=60)
@given(movements().filter(len), st.data())
def test_any_other_amount_in_a_line_is_refused_with_exactly_that_difference(lines, data):
    at = data.draw(st.integers(0, len(lines) - 1))
    other = data.draw(st.integers(1, 10**11).filter(lambda minor: minor != lines[at].amount_minor))
    whole = as_camt(lines, 1000)
    written = f"<Amt Ccy='INR'>{plain(lines[at].amount_minor, 'INR')}</Amt>".encode()
    head, *entries = whole.split(b"<Ntry>")
    entries[at] = entries[at].replace(written, f"<Amt Ccy='INR'>{plain(other, 'INR')}</Amt>".encode(), 1)
    (statement,) = read_statements(b"<Ntry>".join([head, *entries]), "s.xml")
    moved = other - lines[at].amount_minor
    assert statement.difference_minor == (-moved if lines[at].side == "credit" else moved)
    verdict = prove(statement)
    assert (verdict.status, verdict.difference_minor) == ("refused", statement.difference_minor)


@settings(max_examples=150, deadline=None)
@given(movements(), st.sampled_from([as_mt940, as_camt, as_csv]), st.data())
def test_a_mangled_file_is_read_or_refused_with_reasons_never_a_crash(lines, write, data):
    from portal.kernel.errors import Invalid

    whole = bytearray(write(lines, 500))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        if data.draw(st.booleans()):
            del whole[at : at + data.draw(st.integers(1, 40))]
        else:
            whole[at] = data.draw(st.integers(0, 255))
        if not whole:
            whole = bytearray(b"x")
    try:
        read_statements(bytes(whole), "s")
    except Invalid as refused:
        assert all(problem.code and problem.message for problem in refused.problems)


# --- MT940


def mt940(*rows, opening=":60F:C260101INR100,00", closing=":62F:C260131INR100,00"):
    return "\n".join([":20:R", ":25:A1", ":28C:1", opening, *rows, closing, "-"]).encode()


def test_a_reversed_credit_leaves_the_account_and_a_reversed_debit_comes_back():
    data = mt940(":61:260105RC40,00NCHK123", ":61:260106RD15,00NTRF9", closing=":62F:C260131INR75,00")
    (statement,) = read_statements(data, "s")
    assert [(line.side, line.is_reversal, line.signed_minor) for line in statement.lines] == [
        ("debit", True, -4000), ("credit", True, 1500),
    ]  # fmt: skip
    assert statement.balanced


@pytest.mark.parametrize(
    ("line", "amount"),
    [("9,", 900), ("0,05", 5), ("1234,5", 123450), ("500", 50000), ("000000012,00", 1200), ("12.50", 1250)],
)
def test_amounts_in_the_dialects_of_banks_are_exact(line, amount):
    (statement,) = read_statements(mt940(f":61:260105C{line}NTRFX"), "s")
    assert statement.lines[0].amount_minor == amount


def test_yen_have_no_decimals_and_dinars_three():
    assert (
        read_statements(mt940(":61:260105C500,NTRFX", opening=":60F:C260101JPY100,"), "s")[0].lines[0].amount_minor
        == 500
    )
    (dinars,) = read_statements(
        mt940(":61:260105C5,125NTRFX", opening=":60F:C260101KWD1,000", closing=":62F:C260131KWD6,125"), "s"
    )
    assert (dinars.lines[0].amount_minor, dinars.balanced) == (5125, True)


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (":61:260105C1.234,56NTRFX", "bad_amount"),
        (":61:260105C12,345NTRFX", "bad_amount"),
        (":61:261305C12,00NTRFX", "bad_date"),
        (":61:260431C12,00NTRFX", "bad_date"),
        (":61:nonsense", "bad_line"),
    ],
)
def test_a_bad_line_is_named_with_its_row(row, code):
    problems = problems_of(mt940(row, ":61:bad"))
    assert [(problem.row, problem.code) for problem in problems] == [(5, code), (6, "bad_line")]
    assert all(problem.file == "s" and problem.cure for problem in problems)


def test_the_thirtieth_of_february_is_the_last_day_of_that_month():
    assert read_statements(mt940(":61:260230C1,00NTRFX"), "s")[0].lines[0].value_on == date(2026, 2, 28)


def test_an_entry_date_in_another_year_is_the_nearest_one():
    (statement,) = read_statements(mt940(":61:2601021231C1,00NTRFX", ":61:2512310102C1,00NTRFX"), "s")
    assert [line.booked_on for line in statement.lines] == [date(2025, 12, 31), date(2026, 1, 2)]


def test_an_envelope_and_several_statements_are_taken_apart():
    one = mt940(":61:260105C1,00NTRFX").decode()
    whole = "{1:F01BANKINBBAXXX0000000000}{2:I940BANKINBBXXXXN}{4:\n" + one.removesuffix("-") + "-}\n" + one
    assert [len(statement.lines) for statement in read_statements(whole.encode(), "s")] == [1, 1]


def problems_of(data, **options):
    from portal.kernel.errors import Invalid

    with pytest.raises(Invalid) as refused:
        read_statements(data, "s", **options)
    return refused.value.problems


# --- BAI2 and OFX

BAI2 = """01,BANK,LENDER,260131,0900,1,80,,2/
02,LENDER,BANK,1,260131,0900,INR,2/
03,5010001,INR,010,100000,,,015,145000,,/
16,165,50000,0,UTR0001,LN1,NEFT RAVI/
88,second line of text/
16,555,5000,V,260130,,RET1,CHQ9,CHEQUE RETURNED/
49,300000,5/
98,300000,1,7/
99,300000,1,9/
"""


def test_bai2_gives_exact_lines_and_balances():
    (statement,) = read_statements(BAI2.encode(), "s")
    assert (statement.account, statement.currency, statement.opening_minor, statement.closing_minor) == (
        "5010001",
        "INR",
        100000,
        145000,
    )
    credit, back = statement.lines
    assert (credit.amount_minor, credit.side, credit.bank_ref, credit.customer_ref) == (
        50000,
        "credit",
        "UTR0001",
        "LN1",
    )
    assert credit.description == "NEFT RAVI, second line of text"
    assert (back.side, back.is_reversal, back.value_on, back.booked_on) == (
        "debit",
        True,
        date(2026, 1, 30),
        date(2026, 1, 31),
    )
    assert statement.balanced


def test_bai2_balances_may_go_on_in_a_continuation():
    split = BAI2.replace("010,100000,,,015,145000,,/", "010,100000,,/\n88,015,145000,,/").replace(
        "300000,5/", "300000,6/"
    )
    (statement,) = read_statements(split.encode(), "s")
    assert (statement.opening_minor, statement.closing_minor, statement.balanced) == (100000, 145000, True)


def test_bai2_control_totals_catch_an_edited_or_shortened_file():
    assert {p.code for p in problems_of(BAI2.replace("165,50000", "165,50001").encode())} == {"control_total"}
    assert "truncated" in {p.code for p in problems_of(BAI2.split("49,")[0].encode())}


OFX = """OFXHEADER:100
DATA:OFXSGML
VERSION:102

<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20260131<LANGUAGE>ENG</SONRS></SIGNONMSGSRSV1>
<BANKMSGSRSV1><STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>INR
<BANKACCTFROM><BANKID>HDFC<ACCTID>5010001<ACCTTYPE>CHECKING</BANKACCTFROM>
<BANKTRANLIST><DTSTART>20260101<DTEND>20260131
<STMTTRN><TRNTYPE>CREDIT<DTPOSTED>20260105120000[+5:IST]<TRNAMT>500.00<FITID>F1<NAME>RAVI &amp; CO<MEMO>UTR0001</STMTTRN>
<STMTTRN><TRNTYPE>CHECK<DTPOSTED>20260106<TRNAMT>-20.50<FITID>F2<CHECKNUM>000123<NAME>CHEQUE</STMTTRN>
</BANKTRANLIST><LEDGERBAL><BALAMT>1479.50<DTASOF>20260131</LEDGERBAL></STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>
"""


def test_ofx_gives_exact_lines_and_a_closing_balance():
    (statement,) = read_statements(OFX.encode(), "s")
    assert (statement.account, statement.currency, statement.opening_minor, statement.closing_minor) == (
        "5010001",
        "INR",
        None,
        147950,
    )
    assert [(line.amount_minor, line.side, line.bank_ref, line.customer_ref) for line in statement.lines] == [
        (50000, "credit", "F1", ""), (2050, "debit", "F2", "000123"),
    ]  # fmt: skip
    assert statement.lines[0].description == "RAVI & CO UTR0001"
    assert statement.balanced is None


@pytest.mark.parametrize("write", [as_mt940, as_camt])
def test_a_narrative_that_speaks_of_ofx_makes_no_ofx_file(write):
    day = date(2026, 1, 1)
    line = ReadLine(1, day, day, 100_00, "credit", False, "R1", "OFXHEADER", "OFXHEADER")
    assert read_statements(write([line], 1000), "s.txt")[0].lines[0].amount_minor == 100_00


def test_an_ofx_file_cut_short_is_refused():
    assert problems_of(OFX[:-30].encode())[0].code == "truncated"


# --- what it is


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty_file"),
        (b" \n ", "empty_file"),
        (b"\x89PNG\r\n", "wrong_format"),
        (b"%PDF-1.7", "wrong_format"),
        (b"\xd0\xcf\x11\xe0rest", "old_excel"),
        (b"<html><table></table></html>", "wrong_format"),
        (b"<invoice/>", "wrong_format"),
        (b"hello", "wrong_format"),
        (b"\0\1\2\3" * 20, "not_text"),
        (b"PK\x03\x04rubbish", "not_a_workbook"),
    ],
)
def test_what_is_no_statement_is_refused_with_a_cure(data, code):
    (problem,) = problems_of(data)
    assert (problem.code, problem.file) == (code, "s")
    assert problem.cure


def test_a_named_format_must_be_the_files_own():
    assert problems_of(OFX.encode(), format="mt940")[0].code == "wrong_format"
    assert problems_of(OFX.encode(), format="exotic")[0].code == "unknown_format"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_every_usual_encoding_is_read(encoding):
    text = mt940(":61:260105C1,00NTRFX", ":86:Müller").decode()
    assert detect(text.encode(encoding), "s") == "mt940"
    (statement,) = read_statements(text.encode(encoding), "s")
    assert statement.lines[0].description == "Müller"


def test_references_in_a_narrative_become_keys():
    keys = reference_keys("", "000123", "UPI/CR/412345678901/RAVI/LN-0042 CHQ000777 UTRNO:AXISN12345")
    assert {"123", "412345678901", "LN0042", "777", "AXISN12345"} <= set(keys)


LONG_BAI2 = """01,SENDER,RECV,261101,1200,1,80,1,2/
02,RECV,SENDER,1,261101,1200,INR,2/
03,50100000001,INR,010,{opening},,,015,1000,,/
16,165,{amount},{funds},REF,CUST,TEXT/
49,2000,3/
98,2000,1,5/
99,2000,1,7/
"""


@pytest.mark.parametrize(
    "told",
    [{"opening": "1" * 5000}, {"amount": "9" * 5000}, {"funds": "D," + "9" * 5000}, {"funds": "D,²"}, {"amount": "²"}],
)
def test_numbers_without_end_or_value_are_refused_in_words(told):
    text = LONG_BAI2.format(**{"opening": "1000", "amount": "100", "funds": "Z"} | told)
    with pytest.raises(Invalid):
        read_statements(text.encode(), "x.bai")
