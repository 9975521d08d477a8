"""Signs, batches and archives: what takes money back in every format, what a batch entry carries, what comes zipped."""

from __future__ import annotations

import gzip
import io
import zipfile

import pytest

from allocations.reconciliation.sources.proof import prove
from allocations.reconciliation.sources.readers.detect import read_statements
from allocations.reconciliation.sources.readers.references import reference_keys
from portal.kernel.errors import Invalid


def mt940(*rows: str, closing: str = "100,00", head: tuple[str, ...] = ()) -> bytes:
    body = [":20:R", ":25:A1", ":28C:1", *head, ":60F:C260101INR100,00", *rows, f":62F:C260131INR{closing}", "-"]
    return "\n".join(body).encode()


def camt(body: str, version: int = 2) -> bytes:
    return (
        f"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version:02d}'><BkToCstmrStmt><Stmt><Id>S</Id>"
        f"<Acct><Id><IBAN>NL1</IBAN></Id><Ccy>EUR</Ccy></Acct>{body}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def entry(amount: str, side: str, more: str = "") -> str:
    return (
        f"<Ntry><Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>{side}</CdtDbtInd><Sts>BOOK</Sts>"
        f"<BookgDt><Dt>2026-01-05</Dt></BookgDt><ValDt><Dt>2026-01-06</Dt></ValDt>{more}</Ntry>"
    )


def bai2(code: str, text: str = "X") -> bytes:
    return (
        f"01,B,L,260131,0900,1,80,,2/\n02,L,B,1,260131,0900,INR,2/\n03,A1,INR,010,1000,,,015,1000,,/\n"
        f"16,{code},500,0,U1,C1,{text}/\n49,2500,3/\n98,2500,1,5/\n99,2500,1,7/\n"
    ).encode()


def ofx(more: str, amount: str = "-20.50") -> bytes:
    return (
        "OFXHEADER:100\n\n<OFX><STMTRS><CURDEF>INR<BANKACCTFROM><ACCTID>A1</BANKACCTFROM><BANKTRANLIST><STMTTRN>"
        f"<TRNTYPE>DEBIT<DTPOSTED>20260106<TRNAMT>{amount}<FITID>F2{more}</STMTTRN></BANKTRANLIST></STMTRS></OFX>"
    ).encode()


SHEET = "Date,Description,Ref No.,Debit,Credit,Balance\n15/01/2026,{},123,{},800.00\n"


def first_line(data: bytes):
    return read_statements(data, "s")[0].lines[0]


@pytest.mark.parametrize(
    ("data", "side", "is_reversal"),
    [
        (mt940(":61:260105C40,00NTRF1"), "credit", False),
        (mt940(":61:260105D40,00NTRF1"), "debit", False),
        (mt940(":61:260105RC40,00NTRF1"), "debit", True),
        (mt940(":61:260105RD40,00NTRF1"), "credit", True),
        (mt940(":61:260105D40,00NRTI123"), "debit", True),
        (mt940(":61:260105D40,00NTRF123", ":86:CHQ RETURN 000123 FUNDS INSUFFICIENT"), "debit", True),
        (camt(entry("5.00", "CRDT")), "credit", False),
        (camt(entry("5.00", "DBIT", "<RvslInd>true</RvslInd>")), "debit", True),
        (camt(entry("5.00", "CRDT", "<RvslInd>1</RvslInd>")), "credit", True),
        (camt(entry("5.00", "DBIT", "<RvslInd>false</RvslInd>")), "debit", False),
        (
            camt(entry("5.00", "DBIT", "<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><SubFmlyCd>UPCQ</SubFmlyCd></Fmly></Domn></BkTxCd>")),
            "debit",
            True,
        ),
        (
            camt(entry("5.00", "DBIT", "<NtryDtls><TxDtls><RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf></TxDtls></NtryDtls>")),
            "debit",
            True,
        ),
        (bai2("165"), "credit", False),
        (bai2("475"), "debit", False),
        (bai2("252"), "credit", True),
        (bai2("552"), "debit", True),
        (bai2("555"), "debit", True),
        (bai2("557"), "debit", True),
        (bai2("258"), "credit", True),
        (bai2("920"), "credit", False),
        (bai2("960"), "debit", False),
        (ofx(""), "debit", False),
        (ofx("", "20.50"), "credit", False),
        (ofx("<CORRECTFITID>F1"), "debit", True),
        (ofx("<MEMO>CHQ RET 000123"), "debit", True),
        (SHEET.format("NACH RTN RAVI", "200.00,").encode(), "debit", True),
        (SHEET.format("NEFT RAVI", ",200.00").encode(), "credit", False),
    ],
)  # fmt: skip
def test_every_format_tells_which_way_money_went_and_what_was_taken_back(data, side, is_reversal):
    line = first_line(data)
    assert (line.side, line.is_reversal) == (side, is_reversal)
    assert line.signed_minor == (line.amount_minor if side == "credit" else -line.amount_minor)


def test_money_only_expected_is_left_out_and_mentioned():
    (statement,) = read_statements(mt940(":61:260105EC40,00NTRF1", ":86:LATER", ":61:260105C0,00NTRF2"), "s")
    assert [line.customer_ref for line in statement.lines] == ["2"]
    assert statement.lines[0].description == ""
    assert "only expected" in statement.notes[0]
    assert statement.balanced


def test_the_totals_of_an_interim_report_are_checked():
    rows = (
        ":20:R\n:25:A1\n:28C:1\n:34F:INR0,00\n:13D:2601051200+0530\n:61:260105C40,00NTRF1\n:90D:0INR0,00\n:90C:1INR{}\n"
    )
    (statement,) = read_statements(rows.format("40,00").encode(), "s")
    assert (statement.format, statement.balanced, prove(statement).status) == ("mt942", None, "unproved")
    (statement,) = read_statements(rows.format("41,00").encode(), "s")
    assert (statement.balanced, prove(statement).status) == (False, "refused")


def test_the_sums_of_a_camt_summary_are_checked():
    summary = "<TxsSummry><TtlNtries><NbOfNtries>1</NbOfNtries></TtlNtries><TtlCdtNtries><Sum>{}</Sum></TtlCdtNtries></TxsSummry>"
    assert read_statements(camt(summary.format("5.00") + entry("5.00", "CRDT")), "s")[0].flaws == ()
    (flaw,) = read_statements(camt(summary.format("6.00") + entry("5.00", "CRDT")), "s")[0].flaws
    assert "credits add up to 6.00" in flaw
    assert read_statements(camt(summary.format("5.00")), "s")[0].flaws != ()


def test_the_control_total_of_a_bai2_file_is_checked():
    with pytest.raises(Invalid) as refused:
        read_statements(bai2("165").replace(b"99,2500", b"99,2501"), "s")
    assert [problem.code for problem in refused.value.problems] == ["control_total"]


def test_value_and_booking_dates_are_kept_apart():
    line = first_line(camt(entry("5.00", "CRDT")))
    assert (line.booked_on.isoformat(), line.value_on.isoformat()) == ("2026-01-05", "2026-01-06")


# --- batches


def transactions(*refs: str, amount: str = "") -> str:
    money = f"<Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>" if amount else ""
    return "".join(f"<TxDtls><Refs><EndToEndId>{ref}</EndToEndId></Refs>{money}</TxDtls>" for ref in refs)


def test_a_batch_without_amounts_is_one_credit_that_carries_every_reference():
    refs = [f"REF{at:04d}" for at in range(150)]
    data = camt(entry("5.00", "CRDT", f"<NtryDtls>{transactions(*refs)}</NtryDtls>"))
    (line,) = read_statements(data, "s")[0].lines
    assert line.amount_minor == 500
    assert set(refs) <= set(reference_keys(line.bank_ref, line.customer_ref, line.description))


def test_a_batch_that_does_not_add_up_stays_one_line_and_says_so():
    data = camt(entry("5.00", "CRDT", f"<NtryDtls>{transactions('E1', 'E2', amount='3.00')}</NtryDtls>"))
    (statement,) = read_statements(data, "s")
    (line,) = statement.lines
    assert line.amount_minor == 500
    assert {"E1", "E2"} <= set(reference_keys(line.bank_ref, line.customer_ref, line.description))
    assert "do not add up" in statement.notes[0]


def test_the_first_version_has_its_transactions_beside_the_entry_and_its_codes_under_the_type():
    balance = (
        "<Bal><Tp><Cd>{}</Cd></Tp><Amt Ccy='EUR'>{}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-01-05</Dt></Dt></Bal>"
    )
    body = balance.format("OPBD", "1.00") + balance.format("CLBD", "6.00") + entry("5.00", "CRDT", transactions("E1"))
    (statement,) = read_statements(camt(body, 1).replace(b"BkToCstmrStmt", b"BkToCstmrStmtV01"), "s")
    assert statement.lines[0].customer_ref == "E1"
    assert statement.balanced


# --- archives


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name.replace("_in_", "/"), data)
    return buffer.getvalue()


def codes_of(data: bytes, name: str = "s.zip") -> list[str]:
    with pytest.raises(Invalid) as refused:
        read_statements(data, name)
    return [problem.code for problem in refused.value.problems]


def test_zipped_statements_are_read_one_or_several_and_in_any_mix():
    one = mt940(":61:260105C1,00NTRF1", closing="101,00")
    other = camt(entry("5.00", "CRDT"))
    assert [s.format for s in read_statements(zipped(a=one), "s.zip")] == ["mt940"]
    mixed = zipped(b=other, a=one, sub_in_c=SHEET.format("NEFT RAVI", ",200.00").encode(), __MACOSX_in_x=b"\0")
    assert [s.format for s in read_statements(mixed, "s.zip")] == ["mt940", "camt053", "csv"]
    assert len(read_statements(gzip.compress(one), "s.sta.gz")) == 1


def test_what_is_wrong_inside_an_archive_is_told_with_the_files_name():
    with pytest.raises(Invalid) as refused:
        read_statements(zipped(a=b"hello", b=b"%PDF", c=mt940()), "s.zip")
    assert [(p.file, p.code) for p in refused.value.problems] == [
        ("s.zip/a", "wrong_format"),
        ("s.zip/b", "wrong_format"),
    ]


def test_an_archive_in_an_archive_a_damaged_or_an_empty_one_is_refused():
    assert codes_of(zipped(a=zipped(b=mt940()))) == ["archive_in_archive"]
    assert codes_of(zipped(a=gzip.compress(mt940()))) == ["archive_in_archive"]
    assert codes_of(zipped()) == ["empty_file"]
    whole = zipped(a=mt940())
    assert codes_of(whole[:-30]) == ["bad_archive"]
    assert codes_of(gzip.compress(mt940())[:-9], "s.gz") == ["bad_archive"]
    broken = bytearray(whole)
    broken[40] ^= 0xFF
    assert codes_of(bytes(broken)) == ["bad_archive"]


def test_an_archive_that_unpacks_to_more_than_a_file_may_have_is_refused(monkeypatch):
    from allocations.reconciliation.sources.readers import detect
    from portal.kernel.tables.limits import Limits

    monkeypatch.setattr(detect, "LIMITS", Limits(max_bytes=10_000))
    assert codes_of(zipped(a=b"x" * 20_000)) == ["file_too_large"]
    assert codes_of(gzip.compress(b"x" * 20_000), "s.gz") == ["file_too_large"]
