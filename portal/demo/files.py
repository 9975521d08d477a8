"""The files a bank and its agencies would exchange, written as text: sheets, camt.053, MT940 and a bank's CSV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from xml.sax.saxutils import escape

from portal.kernel.money import plain
from portal.kernel.tables.out import write_csv

CAMT = "urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"


@dataclass(frozen=True)
class Line:
    """One line of a statement; `amount_minor` positive, `is_credit` says which way."""

    value_on: date
    amount_minor: int
    is_credit: bool
    reference: str
    narrative: str
    is_reversal: bool = False


@dataclass(frozen=True)
class StatementText:
    """What a statement says; the closing balance follows from the lines."""

    account_no: str
    number: str
    currency: str
    opening_minor: int
    from_on: date
    to_on: date
    lines: tuple[Line, ...]

    @property
    def closing_minor(self) -> int:
        return self.opening_minor + sum(
            line.amount_minor if line.is_credit else -line.amount_minor for line in self.lines
        )


def sheet(header: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A CSV upload; None is an empty cell."""
    return write_csv(header, rows, bom=False)


def camt053(statement: StatementText) -> bytes:
    """A camt.053.001.08 document of one statement."""
    body = "".join(camt_entry(line, statement.currency) for line in statement.lines)
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="{CAMT}"><BkToCstmrStmt><GrpHdr><MsgId>{statement.number}</MsgId>\
<CreDtTm>{statement.to_on}T23:00:00Z</CreDtTm></GrpHdr><Stmt><Id>{statement.number}</Id>\
<ElctrncSeqNb>{int("".join(filter(str.isdigit, statement.number)) or 1)}</ElctrncSeqNb>\
<CreDtTm>{statement.to_on}T23:00:00Z</CreDtTm><FrToDt><FrDtTm>{statement.from_on}T00:00:00Z</FrDtTm>\
<ToDtTm>{statement.to_on}T23:59:59Z</ToDtTm></FrToDt>\
<Acct><Id><Othr><Id>{statement.account_no}</Id></Othr></Id><Ccy>{statement.currency}</Ccy></Acct>\
{camt_balance("OPBD", statement.opening_minor, statement.currency, statement.from_on)}\
{camt_balance("CLBD", statement.closing_minor, statement.currency, statement.to_on)}
{body}</Stmt></BkToCstmrStmt></Document>
"""
    return text.encode()


def camt_balance(code: str, minor: int, currency: str, day: date) -> str:
    side = "CRDT" if minor >= 0 else "DBIT"
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>"
        f'<Amt Ccy="{currency}">{plain(abs(minor), currency)}</Amt><CdtDbtInd>{side}</CdtDbtInd>'
        f"<Dt><Dt>{day}</Dt></Dt></Bal>"
    )


def camt_entry(line: Line, currency: str) -> str:
    side = "CRDT" if line.is_credit else "DBIT"
    reversal = "<RvslInd>true</RvslInd>" if line.is_reversal else ""
    return (
        f'<Ntry><Amt Ccy="{currency}">{plain(line.amount_minor, currency)}</Amt><CdtDbtInd>{side}</CdtDbtInd>{reversal}'
        f"<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{line.value_on}</Dt></BookgDt><ValDt><Dt>{line.value_on}</Dt></ValDt>"
        f"<AcctSvcrRef>{escape(line.reference)}</AcctSvcrRef><BkTxCd/>"
        f"<NtryDtls><TxDtls><RmtInf><Ustrd>{escape(line.narrative)}</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>\n"
    )


def mt940(statement: StatementText) -> bytes:
    """A SWIFT MT940 message."""
    rows = [
        f":20:{statement.number[:16]}",
        f":25:{statement.account_no}",
        ":28C:1/1",
        f":60F:{swift_balance(statement.opening_minor, statement.currency, statement.from_on)}",
    ]
    for line in statement.lines:
        mark = {(True, False): "C", (False, False): "D", (True, True): "RD", (False, True): "RC"}[
            (line.is_credit, line.is_reversal)
        ]
        amount = plain(line.amount_minor, statement.currency).replace(".", ",")
        reference = line.reference[:16] or "NONREF"
        rows.append(f":61:{line.value_on:%y%m%d}{line.value_on:%m%d}{mark}{amount}NTRF{reference}//{reference}")
        rows.append(f":86:{line.narrative[:65]}")
    rows.append(f":62F:{swift_balance(statement.closing_minor, statement.currency, statement.to_on)}")
    return ("\r\n".join(rows) + "\r\n-\r\n").encode()


def swift_balance(minor: int, currency: str, day: date) -> str:
    amount = plain(abs(minor), currency).replace(".", ",")
    return f"{'C' if minor >= 0 else 'D'}{day:%y%m%d}{currency}{amount}"


def hdfc_csv(statement: StatementText) -> bytes:
    """The layout HDFC's net banking gives: separate columns, running balance."""
    balance = statement.opening_minor
    rows = []
    for line in statement.lines:
        balance += line.amount_minor if line.is_credit else -line.amount_minor
        amount = plain(line.amount_minor, statement.currency)
        rows.append(
            [
                f"{line.value_on:%d/%m/%Y}",
                line.narrative,
                line.reference,
                f"{line.value_on:%d/%m/%Y}",
                "" if line.is_credit else amount,
                amount if line.is_credit else "",
                plain(balance, statement.currency),
            ]
        )
    header = ["Date", "Narration", "Chq./Ref.No.", "Value Dt", "Withdrawal Amt.", "Deposit Amt.", "Closing Balance"]
    return sheet(header, rows)
