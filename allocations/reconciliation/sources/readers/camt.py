"""ISO 20022 camt.052 (intraday), camt.053 (statement) and camt.054 (advice), versions 2 to 13, whatever the namespace.

One streaming pass: entries are dropped as soon as they are read. A document type definition is refused outright, so no
entity is ever expanded and nothing is ever fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from io import BytesIO
from itertools import chain
from typing import Any

from lxml import etree

from allocations.reconciliation.sources.readers.amounts import minor_of
from allocations.reconciliation.sources.readers.faults import Faults
from allocations.reconciliation.sources.readers.statement import ReadLine, ReadStatement, Side, span_of
from allocations.reconciliation.sources.readers.text import one_line

CONTAINERS = {"Stmt": "camt053", "Rpt": "camt052", "Ntfctn": "camt054"}
ROOTS = re.compile(rb"camt\.05[234]\.|BkToCstmr(?:Stmt|AcctRpt|DbtCdtNtfctn)|:tech:xsd:camt")
FORBIDDEN = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
SIDES: dict[str, Side] = {"CRDT": "credit", "DBIT": "debit"}
BOOKED = {"", "BOOK"}
CURE = "Ask the bank for the file again."
NO_REFERENCE = {"NOTPROVIDED", "NOTPROVIDEDNOTPROVIDED", "NONREF"}


@dataclass(slots=True)
class Movement:
    """An entry, or one transaction of a batch entry, before the statement's currency is known."""

    row: int
    amount: str
    currency: str
    side: Side
    is_reversal: bool
    booked_on: date
    value_on: date
    bank_ref: str
    customer_ref: str
    description: str


@dataclass(slots=True)
class Draft:
    movements: list[Movement] = field(default_factory=list)
    entries: int = 0
    pending: int = 0


def looks_like(head: bytes) -> bool:
    return bool(ROOTS.search(head.replace(b"\0", b"")))


def read(data: bytes, faults: Faults) -> list[ReadStatement]:
    """Every statement, report or notification of the document."""
    if FORBIDDEN.search(data.replace(b"\0", b"") if b"\0" in data[:200] else data):
        faults.stop(
            "dtd_refused",
            "The file carries a document type or entity declaration.",
            "A bank's camt file has none: do not trust this one.",
        )
    statements: list[ReadStatement] = []
    try:
        for statement in _statements(data, faults):
            statements.append(statement)
    except etree.XMLSyntaxError as error:
        faults.stop("bad_xml", f"The XML breaks off or is damaged: {error.msg}.", CURE, row=error.lineno or None)
    faults.refuse()
    if not statements:
        faults.stop(
            "no_statement", "No statement, report or notification in this file.", "Send camt.053, camt.052 or camt.054."
        )
    return statements


def _statements(data: bytes, faults: Faults) -> Iterator[ReadStatement]:
    draft = Draft()
    events = etree.iterparse(
        BytesIO(data), events=("end",), tag=["{*}Ntry", *(f"{{*}}{name}" for name in CONTAINERS)],
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
    )  # fmt: skip
    for _event, element in events:
        if element.getroottree().docinfo.doctype:
            faults.stop("dtd_refused", "The file carries a document type declaration.", "Do not trust this file.")
        if _name(element) == "Ntry":
            _take_entry(draft, element, faults)
        else:
            yield _finish(draft, element, faults)
            draft = Draft()
        _forget(element)


def _forget(element: etree._Element) -> None:
    """Free an entry already taken; balances and account stay until their statement ends."""
    before = element.getprevious()
    if before is not None and _name(before) == _name(element):
        before.getparent().remove(before)  # type: ignore[union-attr]
    element.clear()


def _name(element: etree._Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _row(element: etree._Element) -> int | None:
    """The line in the file."""
    line: Any = element.sourceline
    return line or None


def _child(element: etree._Element | None, path: str) -> etree._Element | None:
    """The first element down a path of local names ("Acct/Id/IBAN")."""
    for name in path.split("/"):
        if element is None:
            return None
        element = next((child for child in element if _name(child) == name), None)
    return element


def _text(element: etree._Element | None, *paths: str) -> str:
    """The text of the first path that has any."""
    for path in paths:
        found = _child(element, path)
        if found is not None and found.text and found.text.strip():
            return found.text.strip()
    return ""


def _all(element: etree._Element, name: str) -> list[etree._Element]:
    return [child for child in element if _name(child) == name]


def _day(element: etree._Element | None) -> date | None:
    """The calendar day of a DateAndDateTime choice, as its own zone writes it."""
    text = _text(element, "Dt", "DtTm")
    if not text:
        return None
    return date.fromisoformat(text[:10])


def _take_entry(draft: Draft, entry: etree._Element, faults: Faults) -> None:
    draft.entries += 1
    status = _text(entry, "Sts/Cd", "Sts")
    if status not in BOOKED:
        draft.pending += 1
        return
    row = _row(entry)
    try:
        booked_on, value_on = _day(_child(entry, "BookgDt")), _day(_child(entry, "ValDt"))
    except ValueError:
        faults.add("bad_date", "An entry's booking or value date is not a day.", CURE, row=row)
        return
    side = SIDES.get(_text(entry, "CdtDbtInd"))
    amount, currency = _amount(entry)
    if booked_on is None and value_on is None:
        faults.add("no_date", "An entry without booking and value date.", CURE, row=row)
    elif side is None:
        faults.add("no_side", "An entry that is neither CRDT nor DBIT.", CURE, row=row, column="CdtDbtInd")
    elif not amount:
        faults.add("no_amount", "An entry without amount.", CURE, row=row, column="Amt")
    else:
        days = (booked_on or value_on, value_on or booked_on)
        draft.movements += _movements(entry, side, amount, currency, days)  # type: ignore[arg-type]


def _amount(element: etree._Element) -> tuple[str, str]:
    """Amount text and currency of an entry or transaction; older versions put a transaction's under AmtDtls."""
    for path in ("Amt", "AmtDtls/TxAmt/Amt"):
        found = _child(element, path)
        if found is not None and found.text:
            return found.text.strip(), found.get("Ccy", "")
    return "", ""


def _movements(
    entry: etree._Element, side: Side, amount: str, currency: str, days: tuple[date, date]
) -> Iterator[Movement]:
    """One movement an entry; one a transaction where a batch's own amounts add up to the entry's."""
    details = [tx for block in _all(entry, "NtryDtls") for tx in _all(block, "TxDtls")]
    is_reversal = _text(entry, "RvslInd") in ("true", "1")
    parts: list[tuple[etree._Element | None, str, Side]] = []
    if len(details) > 1:
        parts += _batch_parts(details, side, amount, currency)
    if not parts:
        parts = [(details[0] if details else None, amount, side)]
    for detail, part, part_side in parts:
        others = details if len(parts) == 1 else [detail]
        bank_ref = _text(detail, "Refs/AcctSvcrRef") or _text(entry, "AcctSvcrRef", "NtryRef")
        customer_ref = _customer_ref(detail)
        yield Movement(
            row=_row(entry) or 0, amount=part, currency=currency, side=part_side, is_reversal=is_reversal,
            booked_on=days[0], value_on=days[1], bank_ref=bank_ref, customer_ref=customer_ref,
            description=_description(entry, [tx for tx in others if tx is not None], (bank_ref, customer_ref)),
        )  # fmt: skip


def _batch_parts(
    details: list[etree._Element], side: Side, amount: str, currency: str
) -> list[tuple[etree._Element, str, Side]]:
    """Each transaction with its own amount and side; nothing unless they add up to the entry in its own currency."""
    parts, total = [], 0
    for detail in details:
        text, of_currency = _amount(detail)
        part_side = SIDES.get(_text(detail, "CdtDbtInd"), side)
        if not text or of_currency != currency:
            return []
        try:
            minor = minor_of(text, currency)
        except ValueError:
            return []
        total += minor if part_side == side else -minor
        parts.append((detail, text, part_side))
    try:
        return parts if total == minor_of(amount, currency) else []
    except ValueError:
        return []


def _customer_ref(detail: etree._Element | None) -> str:
    names = ("EndToEndId", "ChqNb", "TxId", "InstrId", "UETR", "MndtId")
    candidates = (_text(detail, f"Refs/{name}") for name in names)
    return next((text for text in candidates if text and text.replace(" ", "").upper() not in NO_REFERENCE), "")


def _description(entry: etree._Element, details: list[etree._Element], already: tuple[str, str]) -> str:
    """What a person would read: remittance, names, and every other reference the bank gives."""
    texts: list[str] = []
    others: list[str] = []
    for detail in details[:20]:
        remittance = _child(detail, "RmtInf")
        if remittance is not None:
            texts += [node.text for node in _all(remittance, "Ustrd") if node.text]
            for structured in _all(remittance, "Strd"):
                texts += [_text(structured, "CdtrRefInf/Ref"), _text(structured, "AddtlRmtInf")]
        parties = _child(detail, "RltdPties")
        side = "Dbtr" if _text(entry, "CdtDbtInd") == "CRDT" else "Cdtr"
        texts += [
            _text(parties, f"{side}/Nm", f"{side}/Pty/Nm"),
            _text(detail, "AddtlTxInf"),
            _text(detail, "RtrInf/AddtlInf"),
        ]
        refs = _child(detail, "Refs")
        if refs is not None:
            found = (
                node.text for node in refs.iter() if isinstance(node.tag, str) and _name(node) != "Tp" and node.text
            )
            others += [text for text in found if text not in already and text not in NO_REFERENCE]
    entry_ref = _text(entry, "NtryRef")
    return one_line(*texts, *others, _text(entry, "AddtlNtryInf"), entry_ref if entry_ref not in already else "")


def _finish(draft: Draft, element: etree._Element, faults: Faults) -> ReadStatement:
    row = _row(element)
    balances = _balances(element, faults)
    opening, closing = _opening_and_closing(balances)
    currency = (
        _text(element, "Acct/Ccy")
        or next((ccy for found in (opening, closing) if found for ccy in [found[1]]), "")
        or next((movement.currency for movement in draft.movements), "")
    )
    lines = list(_lines(draft, currency, faults))
    flaws = [
        f"Its {word} balance is in {found[1]}, the account in {currency}."
        for word, found in (("opening", opening), ("closing", closing)) if found and found[1] != currency
    ]  # fmt: skip
    counted = _text(element, "TxsSummry/TtlNtries/NbOfNtries")
    if counted.isdigit() and int(counted) != draft.entries and not _text(element, "StmtPgntn/PgNb", "RptPgntn/PgNb"):
        flaws.append(f"It says {counted} entries and holds {draft.entries}.")
    try:
        from_on, to_on = _span(element, opening, closing, lines)
    except ValueError:
        faults.add("bad_date", "The statement's period is not made of days.", CURE, row=row, column="FrToDt")
        from_on = to_on = None
    return ReadStatement(
        account=_text(element, "Acct/Id/IBAN", "Acct/Id/Othr/Id", "Acct/Id/PrtryAcct/Id", "Acct/Id/BBAN"),
        currency=currency,
        number=_text(element, "ElctrncSeqNb", "LglSeqNb"),
        ref=_text(element, "Id"),
        opening_minor=opening[0] if opening else None,
        closing_minor=closing[0] if closing else None,
        from_on=from_on,
        to_on=to_on,
        lines=lines,
        format=CONTAINERS[_name(element)],
        flaws=tuple(flaws),
        notes=(f"{draft.pending} entries are not booked yet and were left out.",) if draft.pending else (),
        continues=_text(element, "StmtPgntn/PgNb", "RptPgntn/PgNb") not in ("", "0", "1"),
    )


def _span(
    element: etree._Element, opening: Balance | None, closing: Balance | None, lines: list[ReadLine]
) -> tuple[date | None, date | None]:
    first, last = _text(element, "FrToDt/FrDtTm", "FrToDt/FrDt"), _text(element, "FrToDt/ToDtTm", "FrToDt/ToDt")
    from_on, to_on = span_of(lines, *(found[2] for found in (opening, closing) if found))
    return (date.fromisoformat(first[:10]) if first else from_on, date.fromisoformat(last[:10]) if last else to_on)


Balance = tuple[int, str, date | None]  # signed minor units, currency, day


def _balances(element: etree._Element, faults: Faults) -> list[tuple[str, Balance]]:
    """Every balance with its code, in the file's order."""
    found: list[tuple[str, Balance]] = []
    for node in _all(element, "Bal"):
        row = _row(node)
        text, currency = _amount(node)
        side = SIDES.get(_text(node, "CdtDbtInd"), "credit")
        try:
            minor, day = minor_of(text, currency), _day(_child(node, "Dt"))
        except ValueError as error:
            faults.add("bad_balance", f"Balance: {error}.", CURE, row=row, column="Bal")
            continue
        found.append(
            (
                _text(node, "Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry"),
                (minor if side == "credit" else -minor, currency, day),
            )
        )
    return found


def _opening_and_closing(balances: list[tuple[str, Balance]]) -> tuple[Balance | None, Balance | None]:
    """Booked balances only: OPBD or the day before's PRCD opens, CLBD closes; ITBD stands in on a page in between."""
    by_code: dict[str, list[Balance]] = {}
    for code, balance in balances:
        by_code.setdefault(code, []).append(balance)
    interim = by_code.get("ITBD", [])
    opening = next(chain(by_code.get("OPBD", []), by_code.get("PRCD", [])), None)
    closing = next(iter(by_code.get("CLBD", [])[-1:]), None)
    if opening is None and interim and (closing is not None or len(interim) > 1):
        opening, interim = interim[0], interim[1:]
    if closing is None and interim:
        closing = interim[-1]
    return opening, closing


def _lines(draft: Draft, currency: str, faults: Faults) -> Iterator[ReadLine]:
    for line_no, found in enumerate(draft.movements, 1):
        if found.currency != currency:
            faults.add(
                "currency_mixed",
                f"An entry in {found.currency} on an account in {currency}.",
                CURE,
                row=found.row or None,
                column="Amt",
            )
            continue
        try:
            minor = minor_of(found.amount, currency)
            if minor < 0:
                raise ValueError(f"{found.amount!r} is negative; CdtDbtInd carries the sign")
        except ValueError as error:
            faults.add("bad_amount", f"Amount: {error}.", CURE, row=found.row or None, column="Amt", value=found.amount)
            continue
        yield ReadLine(
            line_no, found.value_on, found.booked_on, minor, found.side, found.is_reversal,
            found.bank_ref, found.customer_ref, found.description,
        )  # fmt: skip
