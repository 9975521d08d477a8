"""ISO 20022 payment status reports (pain.002, any version) to our own pain.001: read strictly, every problem at once. Pure.

A report may answer for the whole group, or payment by payment, or both; what it leaves out stays as it is. A rejected payment
never left the bank. Statuses that decide nothing (received, pending, accepted for processing) are records too, without effect.
"""

from __future__ import annotations

import re

from lxml import etree

from allocations.reconciliation.sources.readers.xml_nodes import Node
from payouts.rails.bank_answer import amount_of
from payouts.rails.protocol import AnswerRecord
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import plain

FORBIDDEN = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
LOOKS_LIKE = re.compile(rb"pain\.002\.|CstmrPmtStsRpt")
LARGEST = 20 * 1024 * 1024

# ISO external payment transaction status codes.
PAID = frozenset({"ACSC", "ACCC"})
REJECTED = frozenset({"RJCT", "CANC"})
PENDING = frozenset({"RCVD", "PDNG", "ACTC", "ACCP", "ACSP", "ACWC", "ACWP", "ACFC", "PATC", "PART", "BLCK"})
WHOLE = "the whole file"


def looks_like_pain002(data: bytes) -> bool:
    return bool(LOOKS_LIKE.search(data[:4096].replace(b"\0", b"")))


def read_pain002(data: bytes, currency: str = "INR") -> list[AnswerRecord]:
    """A record for every payment the report names. Raises Invalid with everything wrong with the report.

    Where only the group has a status, one record stands for all: its `ref` is the batch's, its `utr` empty.
    """
    report = _report(data)
    problems: list[Problem] = []
    records: list[AnswerRecord] = []
    group = report.first("OrgnlGrpInfAndSts")
    for payment in report.all("OrgnlPmtInfAndSts"):
        for transaction in payment.all("TxInfAndSts"):
            if record := _record(transaction, payment, currency, problems):
                records.append(record)
        if not payment.all("TxInfAndSts") and payment.said("PmtInfSts"):
            records += _whole(payment, payment.said("OrgnlPmtInfId"), payment.said("PmtInfSts"), problems)
    for transaction in report.all("TxInfAndSts"):
        if record := _record(transaction, report, currency, problems):
            records.append(record)
    if not records and group is not None and group.said("GrpSts"):
        records += _whole(group, group.said("OrgnlMsgId"), group.said("GrpSts"), problems)
    if not records and not problems:
        problems.append(Problem("no_status", "The report names no payment and no status.", "Ask the bank."))
    for told in (group, *report.all("OrgnlPmtInfAndSts")):
        if told is not None:
            problems += _control(told, records, currency)
    if problems:
        raise Invalid(problems)
    return records


def original_message(data: bytes) -> str:
    """Which of our messages the report is about."""
    return _report(data).said("OrgnlGrpInfAndSts/OrgnlMsgId")


def _report(data: bytes) -> Node:
    cure = "Download the file again."
    if FORBIDDEN.search(data.replace(b"\0", b"")):
        raise Invalid(
            Problem("dtd_refused", "The file carries a document type declaration.", "Do not trust this file.")
        )
    if len(data) > LARGEST:
        raise Invalid(Problem("file_too_large", f"The file is larger than {LARGEST:,} bytes.", cure))
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = Node(etree.fromstring(data, parser))
    except etree.XMLSyntaxError as error:
        message = f"The XML breaks off or is damaged: {error.msg}."
        raise Invalid(Problem("truncated", message, cure, row=error.lineno or None)) from None
    report = root.first("CstmrPmtStsRpt") or root.first("pain.002.001.02")
    if report is None:
        raise Invalid(Problem("not_pain002", "This is not a payment status report.", "Choose the bank's pain.002."))
    return report


def _record(told: Node, within: Node, currency: str, problems: list[Problem]) -> AnswerRecord | None:
    ref = told.said("OrgnlEndToEndId", "OrgnlInstrId")
    row = told.row or 0
    code = told.said("TxSts") or within.said("PmtInfSts") or within.said("OrgnlGrpInfAndSts/GrpSts")
    status = _status(code)
    found = len(problems)
    if not ref:
        problems.append(Problem("missing_reference", "A payment without its reference.", "Ask the bank.", row=row))
    if not status:
        problems.append(
            Problem("bad_status", f"Status {code!r} is none we know.", "Ask the bank.", row=row, value=code)
        )
    amount = told.first("OrgnlTxRef/Amt/InstdAmt")
    minor = amount_of(amount.text, currency) if amount is not None else None
    if amount is not None and minor is None:
        problems.append(Problem("bad_amount", f"{amount.text!r} is not an amount.", row=row, value=amount.text))
    if amount is not None and amount.currency != currency:
        message = f"{ref} is answered in {amount.currency or 'no currency'}, we sent {currency}."
        problems.append(Problem("altered_currency", message, "Ask the bank.", row=row))
    if len(problems) > found:
        return None
    return AnswerRecord(row, ref, minor, status, told.said("AcctSvcrRef", "ClrSysRef"), _reason(told))


def _whole(told: Node, ref: str, code: str, problems: list[Problem]) -> list[AnswerRecord]:
    """One status for every payment of a file: only "rejected" and what decides nothing can be said of all at once."""
    status = _status(code)
    if not ref or not status:
        message = f"{WHOLE.capitalize()} has status {code!r}, its reference is {ref!r}."
        problems.append(Problem("bad_status", message, "Ask the bank.", row=told.row, value=code))
        return []
    return [AnswerRecord(told.row or 0, ref, None, status, "", _reason(told))]


def _status(code: str) -> str:
    if code in PAID:
        return "paid"
    if code in REJECTED:
        return "failed"
    return "pending" if code in PENDING else ""


def _reason(told: Node) -> str:
    said = [
        text
        for reason in told.all("StsRsnInf")
        for text in (reason.said("Rsn/Cd", "Rsn/Prtry"), reason.said("AddtlInf"))
        if text
    ]
    return ", ".join(said)[:300]


def _control(told: Node, records: list[AnswerRecord], currency: str) -> list[Problem]:
    """The count and total of each status, where the report states them, are those of the payments it names."""
    problems = []
    for stated in told.all("NbOfTxsPerSts"):
        code = stated.said("DtldSts")
        named = [each for each in records if each.status == _status(code)]
        total = sum(each.amount_minor or 0 for each in named)
        count, control = stated.said("DtldNbOfTxs"), stated.said("DtldCtrlSum")
        if not named or all(each.amount_minor is None for each in named):
            continue
        if count != str(len(named)) or (control and amount_of(control, currency) != total):
            message = f"{code}: the report states {count} over {control or '–'}; it names {len(named)} over {plain(total, currency)}."
            problems.append(Problem("control_total", message, "Download the file again.", row=stated.row))
    return problems
