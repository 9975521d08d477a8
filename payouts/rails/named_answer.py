"""An answer whose first line names its columns: what a treasury system exports when it is not the bank's own reverse file. Pure."""

from __future__ import annotations

import csv
import io
import re

from payouts.rails.bank_answer import amount_of
from payouts.rails.protocol import AnswerRecord
from portal.kernel.errors import Invalid, Problem

ALIASES = {
    "ref": {"ref", "reference", "payout", "payoutref", "payoutreference", "ourref", "endtoendid", "customerreference"},
    "amount": {"amount", "txnamount", "paidamount"},
    "status": {"status", "txnstatus", "result"},
    "utr": {"utr", "utrno", "bankref", "bankreference", "providerref", "rrn"},
    "reason": {"reason", "rejectreason", "remarks", "message"},
}
NEEDED = ("ref", "amount", "status")
PAID_WORDS = frozenset({"e", "paid", "executed", "success", "successful", "processed", "credited"})
RETURNED_WORDS = frozenset({"r", "returned", "rejected", "reversed", "failed", "failure"})


def named_columns(first_line: str) -> dict[str, int] | None:
    """Where each fact stands, if the line is a header that names reference and status; else None."""
    names = [re.sub(r"[^a-z]", "", name.lower()) for name in next(csv.reader([first_line]), [])]
    found = {fact: position for fact, words in ALIASES.items() for position, name in enumerate(names) if name in words}
    return found if {"ref", "status"} <= set(found) else None


def read_named_answer(text: str, currency: str = "INR") -> list[AnswerRecord]:
    """The records. Raises Invalid with every problem of the file."""
    first_line = text.splitlines()[0]
    columns = named_columns(first_line) or {}
    if missing := [name for name in NEEDED if name not in columns]:
        raise Invalid([Problem("missing_column", f"There is no column {name}.", column=name) for name in missing])
    problems: list[Problem] = []
    records: list[AnswerRecord] = []
    for row, fields in enumerate(csv.reader(io.StringIO(text)), start=1):
        if row == 1 or not any(field.strip() for field in fields):
            continue
        cell = {fact: fields[at].strip() if at < len(fields) else "" for fact, at in columns.items()}
        if record := _record(row, cell, currency, problems):
            records.append(record)
    if problems:
        raise Invalid(problems)
    return records


def _record(row: int, cell: dict[str, str], currency: str, problems: list[Problem]) -> AnswerRecord | None:
    found = len(problems)
    word = cell["status"].lower()
    status = "paid" if word in PAID_WORDS else "returned" if word in RETURNED_WORDS else ""
    amount = amount_of(cell["amount"], currency)
    utr = cell.get("utr", "")
    if not status:
        problems.append(Problem("bad_status", f"{cell['status']!r} is not a status we know.", row=row, column="status"))
    if amount is None:
        problems.append(Problem("bad_amount", f"{cell['amount']!r} is not an amount.", row=row, column="amount"))
    if status == "paid" and not utr:
        problems.append(Problem("missing_utr", "A payment without its UTR.", "Ask the bank.", row=row, column="utr"))
    if len(problems) > found or amount is None:
        return None
    return AnswerRecord(row, cell["ref"], amount, status, utr, cell.get("reason", ""))
