"""BAI2 cash reports: comma-separated records 01 to 99, continued by 88. Amounts are whole minor units already.

The trailers' control totals and record counts are checked: a file cut short or edited does not pass.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date

from allocations.reconciliation.sources.readers.amounts import short_year
from allocations.reconciliation.sources.readers.faults import Faults
from allocations.reconciliation.sources.readers.references import tells_of_a_return
from allocations.reconciliation.sources.readers.statement import ReadLine, ReadStatement, Side
from allocations.reconciliation.sources.readers.text import one_line
from portal.kernel.money import MAX_MINOR

LOOKS_LIKE = re.compile(r"^01,[^,\n]*,[^,\n]*,\d{6},")
OPENING_LEDGER, CLOSING_LEDGER = "010", "015"
# Detail codes that take back something booked before: reversals (252, 552), corrections (254, 554), items returned unpaid
# (255, 555; 266, 566), ACH returned or reversed (257, 258, 557, 558), rejected (261, 561), return adjustments (268, 568).
TAKEN_BACK = frozenset(
    {"252", "254", "255", "257", "258", "261", "266", "268", "552", "554", "555", "557", "558", "561", "566", "568"}
)
OWN_CREDITS, OWN_DEBITS = range(920, 960), range(960, 1000)  # a bank's own codes
INTEGER = re.compile(r"[+-]?\d+")
CURE = "Ask the bank for the file again."


@dataclass(slots=True)
class Record:
    """A record with its 88 continuations joined; `pieces` counts the physical records the trailer counts."""

    code: str
    fields: list[str]
    text: str
    row: int
    pieces: int = 1


@dataclass(slots=True)
class Account:
    number: str
    currency: str
    on: date | None
    balances: dict[str, int] = field(default_factory=dict)
    lines: list[ReadLine] = field(default_factory=list)
    total: int = 0
    records: int = 0


def looks_like(text: str) -> bool:
    return bool(LOOKS_LIKE.match(text.lstrip()))


def read(text: str, faults: Faults) -> list[ReadStatement]:
    """One statement an account and day (03 … 49). The totals of account, group and file must be the sums they claim to be."""
    records = _records(text, faults)
    if not records or records[-1].code != "99":
        faults.add("truncated", "The file has no closing 99 record.", CURE)
    statements: list[ReadStatement] = []
    group_day: date | None = None
    group_currency, account, group_total, file_total = "USD", None, 0, 0
    for record in records:
        match record.code:
            case "02":
                group_day = _day(_at(record, 3), record, faults)
                group_currency, group_total = _at(record, 5) or "USD", 0
            case "03":
                account = _open(record, group_day, group_currency, faults)
            case "16" if account:
                _take(account, record, faults)
            case "49" if account:
                group_total += _integer(_at(record, 0), record, faults)
                statements.append(_close(account, record, faults))
                account = None
            case "98":
                file_total += _integer(_at(record, 0), record, faults)
                _compare(record, group_total, "group's control total is not the sum of its accounts", faults)
            case "99":
                _compare(record, file_total, "file's control total is not the sum of its groups", faults)
            case "16" | "49":
                faults.add("out_of_place", f"A {record.code} record outside an account.", CURE, row=record.row)
    if account:
        faults.add("truncated", f"Account {account.number} has no closing 49 record.", CURE)
    faults.refuse()
    return statements


def _compare(record: Record, total: int, said: str, faults: Faults) -> None:
    if _integer(_at(record, 0), record, faults) != total:
        faults.add("control_total", f"The {said}.", CURE, row=record.row)


def _records(text: str, faults: Faults) -> list[Record]:
    records: list[Record] = []
    for row, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line:
            continue
        code, _, rest = line.partition(",")
        if code == "88" and records:
            before = records[-1]
            before.text += "\n" + rest
            before.pieces += 1
        elif code in {"01", "02", "03", "16", "49", "98", "99"}:
            records.append(Record(code, [], rest, row))
        else:
            faults.add("unknown_record", f"A BAI2 record does not begin with {code[:10]!r}.", CURE, row=row)
    for record in records:
        record.fields = _split(record.text)
    return records


def _split(text: str) -> list[str]:
    """Fields of a record: a `/` ends a line, a continuation goes on with the next field."""
    joined = ",".join(part.rstrip().removesuffix("/") for part in text.split("\n"))
    return [part.strip() for part in joined.split(",")]


def _at(record: Record, position: int) -> str:
    return record.fields[position] if position < len(record.fields) else ""


def _integer(text: str, record: Record, faults: Faults) -> int:
    if not text:
        return 0
    if not INTEGER.fullmatch(text) or len(text) > 30 or abs(int(text)) > MAX_MINOR * 1000:
        told = text[:40]
        faults.add("bad_amount", f"{told!r} is not a whole number of minor units.", CURE, row=record.row, value=told)
        return 0
    return int(text)


def _day(text: str, record: Record, faults: Faults) -> date | None:
    try:
        if not re.fullmatch(r"\d{6}", text):
            raise ValueError(text)
        return date(short_year(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        faults.add("bad_date", f"{text!r} is not a day (YYMMDD).", CURE, row=record.row, value=text)
        return None


def _open(record: Record, day: date | None, currency: str, faults: Faults) -> Account:
    """03: account, currency, then summaries of (type, amount, item count, funds type …)."""
    account = Account(_at(record, 0), _at(record, 1) or currency, day, records=record.pieces)
    at = 2
    while at < len(record.fields):
        code, amount = _at(record, at), _integer(_at(record, at + 1), record, faults)
        account.total += amount
        if code and _at(record, at + 1):  # a balance without an amount is not told; it is not 0
            account.balances[code] = amount
        at += 3 + _funds_width(record, at + 3)
    return account


def _funds_width(record: Record, at: int) -> int:
    """How many fields a funds type takes: itself, and what V (value date), S and D (availability) carry behind them."""
    match _at(record, at).upper():
        case "V":
            return 3
        case "S":
            return 4
        case "D":
            count = _at(record, at + 1)
            return 2 + 2 * (int(count) if count.isdecimal() and len(count) < 19 else 0)
    return 1


def _take(account: Account, record: Record, faults: Faults) -> None:
    """16: type, amount, funds type …, bank reference, customer reference, text."""
    code, amount = _at(record, 0), _integer(_at(record, 1), record, faults)
    account.records += record.pieces
    account.total += amount
    after = 2 + _funds_width(record, 2)
    value_on = _day(_at(record, 3), record, faults) if _at(record, 2).upper() == "V" else account.on
    side = _side_of(code)
    if side is None:
        if not re.fullmatch(
            r"7[0-9]{2}|890|90[0-9]|91[0-9]", code
        ):  # loans, plain text, a bank's own states: no money here
            message = f"{code!r} is neither a credit (100–399, 920–959) nor a debit (400–699, 960–999)."
            faults.add("bad_type", message, CURE, row=record.row)
        return
    if value_on is None or account.on is None:
        return
    story = one_line(", ".join(record.fields[after + 2 :]))
    other: Side = "debit" if side == "credit" else "credit"
    moves: Side = side if amount >= 0 else other
    account.lines.append(
        ReadLine(
            line_no=len(account.lines) + 1,
            value_on=value_on,
            booked_on=account.on,
            amount_minor=abs(amount),
            side=moves,
            is_reversal=code in TAKEN_BACK or amount < 0 or (moves == "debit" and tells_of_a_return(story)),
            bank_ref=_at(record, after),
            customer_ref=_at(record, after + 1),
            description=story,
        )
    )


def _side_of(code: str) -> Side | None:
    if not re.fullmatch(r"[0-9]{3}", code):
        return None
    number = int(code)
    if 100 <= number <= 399 or number in OWN_CREDITS:
        return "credit"
    return "debit" if 400 <= number <= 699 or number in OWN_DEBITS else None


def _close(account: Account, record: Record, faults: Faults) -> ReadStatement:
    total, counted = _integer(_at(record, 0), record, faults), _integer(_at(record, 1), record, faults)
    if total != account.total:
        faults.add(
            "control_total",
            f"Account {account.number}: control total {total}, its records add up to {account.total}.",
            CURE,
            row=record.row,
        )
    if counted and counted != account.records + record.pieces:
        faults.add(
            "record_count",
            f"Account {account.number}: {counted} records announced, {account.records + record.pieces} present.",
            CURE,
            row=record.row,
        )
    return ReadStatement(
        account=account.number,
        currency=account.currency.upper(),
        number="",
        ref=f"{account.number}/{account.on:%Y%m%d}" if account.on else account.number,
        opening_minor=account.balances.get(OPENING_LEDGER),
        closing_minor=account.balances.get(CLOSING_LEDGER),
        from_on=account.on,
        to_on=account.on,
        lines=account.lines,
        format="bai2",
    )
