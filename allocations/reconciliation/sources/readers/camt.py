"""ISO 20022 camt.052 (intraday), camt.053 (statement) and camt.054 (advice), versions 1 to 13, whatever the namespace.

One streaming pass: entries are dropped as soon as they are read. A document type definition is refused outright, so no
entity is ever expanded and nothing is ever fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from itertools import chain

from lxml import etree

from allocations.reconciliation.sources.readers.amounts import minor_of
from allocations.reconciliation.sources.readers.camt_entries import (
    ACCOUNT,
    CURE,
    SIDES,
    Draft,
    amount_of,
    day_of_choice,
    plain_day,
    take_entry,
)
from allocations.reconciliation.sources.readers.faults import Faults
from allocations.reconciliation.sources.readers.statement import ReadLine, ReadStatement, span_of
from allocations.reconciliation.sources.readers.xml_nodes import Node, local_name

CONTAINERS = {"Stmt": "camt053", "Rpt": "camt052", "Ntfctn": "camt054"}
ROOTS = re.compile(rb"camt\.05[234]\.|BkToCstmr(?:Stmt|AcctRpt|DbtCdtNtfctn)|:tech:xsd:camt")
FORBIDDEN = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
PAGE = ("StmtPgntn/PgNb", "RptPgntn/PgNb", "NtfctnPgntn/PgNb")


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
    draft, page = Draft(), ""
    events = etree.iterparse(
        BytesIO(data), events=("end",), tag=["{*}Ntry", "{*}GrpHdr", *(f"{{*}}{name}" for name in CONTAINERS)],
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False,
    )  # fmt: skip
    for _event, element in events:
        if element.getroottree().docinfo.doctype:
            faults.stop("dtd_refused", "The file carries a document type declaration.", "Do not trust this file.")
        match local_name(element):
            case "Ntry":
                draft.account = draft.account or _account_around(element)
                take_entry(draft, Node(element), faults)
            case "GrpHdr":  # the first three versions say here which page this is
                page = Node(element).said("MsgPgntn/PgNb")
            case _:
                yield _finish(draft, Node(element), page, faults)
                draft = Draft()
        _forget(element)


def _forget(element: etree._Element) -> None:
    """Free an entry already taken; balances and account stay until their statement ends."""
    before = element.getprevious()
    if before is not None and local_name(before) == local_name(element):
        before.getparent().remove(before)  # type: ignore[union-attr]
    element.clear()


def _account_around(entry: etree._Element) -> str:
    """The account an entry is booked on: it stands before the entries of its statement."""
    statement = entry.getparent()
    found = statement.find("{*}Acct") if statement is not None else None
    return Node(found).said(*(f"Id/{way}" for way in ACCOUNT)) if found is not None else ""


def _finish(draft: Draft, statement: Node, page: str, faults: Faults) -> ReadStatement:
    page = statement.said(*PAGE) or page
    balances = _balances(statement, faults)
    opening, closing = _opening_and_closing(balances)
    currency = (
        statement.said("Acct/Ccy")
        or next((ccy for found in (opening, closing) if found for ccy in [found[1]]), "")
        or next((movement.currency for movement in draft.movements), "")
    )
    lines = list(_lines(draft, currency, faults))
    flaws = [
        f"Its {word} balance is in {found[1]}, the account in {currency}."
        for word, found in (("opening", opening), ("closing", closing)) if found and found[1] != currency
    ]  # fmt: skip
    if not page:
        flaws += _summary_flaws(draft, statement)
    try:
        from_on, to_on = _span(statement, opening, closing, lines)
    except ValueError:
        faults.add("bad_date", "The statement's period is not made of days.", CURE, row=statement.row, column="FrToDt")
        from_on = to_on = None
    pending = [f"{draft.pending} entries are not booked yet and were left out."] if draft.pending else []
    return ReadStatement(
        account=statement.said(*(f"Acct/Id/{way}" for way in ACCOUNT)),
        currency=currency,
        number=statement.said("ElctrncSeqNb", "LglSeqNb"),
        ref=statement.said("Id"),
        opening_minor=opening[0] if opening else None,
        closing_minor=closing[0] if closing else None,
        from_on=from_on,
        to_on=to_on,
        lines=lines,
        format=CONTAINERS[statement.name],
        flaws=tuple(flaws),
        notes=(*pending, *draft.notes),
        continues=page not in ("", "0", "1"),
    )


def _summary_flaws(draft: Draft, statement: Node) -> list[str]:
    """Where the statement's own summary (counts and sums of its entries) says something else than its entries."""
    counted = statement.said("TxsSummry/TtlNtries/NbOfNtries")
    flaws = []
    if counted.isdecimal() and len(counted) < 19 and int(counted) != draft.entries:
        flaws.append(f"It says {counted} entries and holds {draft.entries}.")
    if draft.pending:  # the sums below may or may not include what is not booked yet
        return flaws
    for side, name in (("credit", "TtlCdtNtries"), ("debit", "TtlDbtNtries")):
        said, told = statement.said(f"TxsSummry/{name}/Sum"), draft.sums["credit" if side == "credit" else "debit"]
        try:
            total = sum(minor_of(amount, currency) for amount, currency in told)
            if (said and told and minor_of(said, told[0][1]) != total) or (said and not told and minor_of(said, "")):
                flaws.append(f"It says its {side}s add up to {said}; they do not.")
        except ValueError:
            continue  # an unreadable amount is told with its row
    return flaws


def _span(
    statement: Node, opening: Balance | None, closing: Balance | None, lines: list[ReadLine]
) -> tuple[date | None, date | None]:
    first, last = statement.said("FrToDt/FrDtTm", "FrToDt/FrDt"), statement.said("FrToDt/ToDtTm", "FrToDt/ToDt")
    from_on, to_on = span_of(lines, *(found[2] for found in (opening, closing) if found))
    return (plain_day(first) if first else from_on, plain_day(last) if last else to_on)


Balance = tuple[int, str, date | None]  # signed minor units, currency, day


def _balances(statement: Node, faults: Faults) -> list[tuple[str, Balance]]:
    """Every balance with its code, in the file's order; the first version has the code right under the type."""
    found: list[tuple[str, Balance]] = []
    for node in statement.all("Bal"):
        text, currency = amount_of(node)
        side = SIDES.get(node.said("CdtDbtInd"), "credit")
        try:
            minor, day = minor_of(text, currency), day_of_choice(node.first("Dt"))
        except ValueError as error:
            faults.add("bad_balance", f"Balance: {error}.", CURE, row=node.row, column="Bal")
            continue
        code = node.said("Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry", "Tp/Cd", "Tp/Prtry")
        found.append((code, (minor if side == "credit" else -minor, currency, day)))
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
