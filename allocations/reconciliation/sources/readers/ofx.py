"""OFX bank and card statements, SGML (1.x) and XML (2.x). The tag soup is ofxtools' work; money and days are ours.

OFX carries a closing ledger balance but no opening one: such a statement cannot prove itself.
"""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from xml.etree.ElementTree import Element

from ofxtools.Parser import ParseError, TreeBuilder

from allocations.reconciliation.sources.readers.amounts import is_plausible, minor_of, swift_minor
from allocations.reconciliation.sources.readers.faults import Faults
from allocations.reconciliation.sources.readers.references import tells_of_a_return
from allocations.reconciliation.sources.readers.statement import ReadLine, ReadStatement, span_of
from allocations.reconciliation.sources.readers.text import one_line

TAG = re.compile(r"</?[A-Za-z0-9._]+>")
BODY = re.compile(r"<OFX>.*", re.DOTALL | re.IGNORECASE)
FORBIDDEN = re.compile(r"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
CURE = "Download the file from the bank again."


def looks_like(text: str) -> bool:
    head = text[:2000].lstrip().upper()
    return head.startswith(("OFXHEADER", "<")) and ("OFXHEADER" in head or "<OFX>" in head)


def read(text: str, faults: Faults) -> list[ReadStatement]:
    """One statement an account (STMTRS, CCSTMTRS)."""
    if FORBIDDEN.search(text):
        faults.stop("dtd_refused", "The file carries a document type declaration.", "Do not trust this file.")
    body = BODY.search(text)
    if not body or "</OFX>" not in text.upper():
        faults.stop("truncated", "The file has no complete <OFX> … </OFX>.", CURE)
    builder = TreeBuilder()
    try:
        builder.feed(TAG.sub(lambda tag: tag[0].upper(), body[0]))
        root = builder.close()
    except (
        ParseError,
        SyntaxError,
        AssertionError,
        ValueError,
        IndexError,
    ) as error:  # ElementTree raises a SyntaxError
        faults.stop("bad_ofx", f"The OFX tags do not nest: {str(error)[:120]}.", CURE)
    if root is None:
        faults.stop("bad_ofx", "There are no OFX tags in this file.", CURE)
    found = [node for name in ("STMTRS", "CCSTMTRS") for node in root.iter(name)]
    if not found:
        faults.stop("no_statement", "No bank or card statement in this file.", CURE)
    statements = [_statement(node, faults) for node in found]
    faults.refuse()
    return statements


def _text(node: Element, *paths: str) -> str:
    return next((unescape(text).strip() for path in paths if (text := node.findtext(path))), "")


def _day(text: str) -> date | None:
    """YYYYMMDD with an optional time and zone behind."""
    try:
        day = date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return None
    return day if is_plausible(day) else None


def _minor(text: str, currency: str) -> int:
    """OFX allows a decimal comma in place of the point."""
    return minor_of(text, currency) if "." in text else swift_minor(text, currency)


def _statement(node: Element, faults: Faults) -> ReadStatement:
    currency = _text(node, "CURDEF").upper()
    lines = [line for at, tx in enumerate(node.iter("STMTTRN"), 1) if (line := _line(at, tx, currency, faults))]
    closing = _text(node, "LEDGERBAL/BALAMT")
    closing_minor = None
    if closing:
        try:
            closing_minor = _minor(closing, currency)
        except ValueError as error:
            faults.add("bad_balance", f"LEDGERBAL: {error}.", CURE, column="BALAMT")
    from_on, to_on = span_of(lines, _day(_text(node, "BANKTRANLIST/DTSTART")), _day(_text(node, "BANKTRANLIST/DTEND")))
    return ReadStatement(
        account=_text(node, "BANKACCTFROM/ACCTID", "CCACCTFROM/ACCTID"),
        currency=currency,
        number="",
        ref="",
        opening_minor=None,
        closing_minor=closing_minor,
        from_on=from_on,
        to_on=to_on,
        lines=lines,
        format="ofx",
    )


def _line(at: int, tx: Element, currency: str, faults: Faults) -> ReadLine | None:
    booked_on = _day(_text(tx, "DTPOSTED"))
    if booked_on is None:
        faults.add("bad_date", f"Transaction {at} has no readable DTPOSTED.", CURE, row=at, column="DTPOSTED")
        return None
    own = _text(tx, "CURRENCY/CURSYM").upper()  # ORIGCURRENCY only says what was converted
    if own and own != currency:
        message = f"Transaction {at} is in {own}, the statement in {currency}."
        faults.add("currency_mixed", message, CURE, row=at, column="CURSYM", value=own)
        return None
    try:
        minor = _minor(_text(tx, "TRNAMT"), currency)
    except ValueError as error:
        faults.add("bad_amount", f"Transaction {at}: {error}.", CURE, row=at, column="TRNAMT")
        return None
    story = one_line(_text(tx, "NAME", "PAYEE/NAME"), _text(tx, "MEMO"), _text(tx, "REFNUM"))
    return ReadLine(
        line_no=at,
        value_on=_day(_text(tx, "DTAVAIL")) or booked_on,
        booked_on=booked_on,
        amount_minor=abs(minor),
        side="credit" if minor >= 0 else "debit",
        is_reversal=bool(_text(tx, "CORRECTFITID")) or (minor < 0 and tells_of_a_return(story)),
        bank_ref=_text(tx, "FITID"),
        customer_ref=_text(tx, "CHECKNUM", "REFNUM"),
        description=story,
    )
