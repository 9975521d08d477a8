"""MT940 end-of-day statements and MT942 interim reports, in the loose dialects banks really send.

Fields are split here, so that every problem has its line; the grammar of a field is the mt-940 package's. The sign is
ours: RC (a credit taken back: a bounced cheque) leaves the account, RD (a debit given back) comes in.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

from mt940.tags import BalanceBase, Statement

from allocations.reconciliation.sources.readers.amounts import short_year, swift_minor
from allocations.reconciliation.sources.readers.faults import Faults
from allocations.reconciliation.sources.readers.references import tells_of_a_return
from allocations.reconciliation.sources.readers.statement import ReadLine, ReadStatement, Side, span_of
from allocations.reconciliation.sources.readers.text import one_line

KNOWN = frozenset({"13", "20", "21", "25", "28", "34", "60", "61", "62", "64", "65", "86", "90", "NS"})
TAG = re.compile(r"^:(?P<tag>[0-9]{2}|NS)(?P<option>[A-Z])?:(?P<value>.*)$")
LOOKS_LIKE = re.compile(r"^(?:\{1:|:(?:20|25|28C?|60[FM]?|61|62[FM]?|64|86|NS|940):)", re.MULTILINE)
END_OF_MESSAGE = re.compile(r"^-(?:\}.*|[A-Z]{3})?$")
ENVELOPE = re.compile(r"^\{[1-5]:")
DECIMAL_POINT = re.compile(r"^(\d{6}(?:\d{4}|\s{4})?R?[DCdc][A-Za-z]?[\n ]?\d+)\.(\d)")
EXPECTED = re.compile(r"^\d{6}(?:\d{4}|\s{4})?E[DC]")  # money announced, not booked
TOTAL = re.compile(r"^(?P<count>\d{1,5})(?P<currency>[A-Z]{3})(?P<amount>[\d,]{1,15})$")  # 90D, 90C: count and sum
FULL_LINE = 65  # SWIFT breaks narrative here, in the middle of a word if need be
FULL_SUBFIELD = 27  # and German banks within ?20 to ?29
ACCOUNT_CURRENCY = re.compile(r"(?:/|(?<=\d))([A-Z]{3})$")
STRUCTURED = re.compile(
    r"^\d{0,3}(?P<mark>[?<>~^])\d{2}"
)  # `?` by the standard; Polish and older German banks use others
# A line's references may be longer than SWIFT's 16 and 23: an RTGS number has 22 characters. What has a blank in it is prose.
REFERENCES = re.compile(
    r"^(?P<head>\d{6}(?:\d{4}|\s{4})?R?[DC][A-Z]?[\n ]?[\d,]{1,15}(?:[A-Z][A-Z0-9 ]{3})?)"
    r"(?P<customer>(?:(?!//)\S){0,70})(?://(?P<bank>\S{0,70}))?(?P<rest>\n.*)?$",
    re.IGNORECASE | re.DOTALL,
)

LINE_GRAMMAR = Statement().re
BALANCE_GRAMMAR = BalanceBase().re


@dataclass(frozen=True, slots=True)
class Field:
    tag: str
    option: str
    value: str
    row: int


@dataclass(slots=True)
class Draft:
    """One message while its fields come in; currency is only known once all of them are."""

    row: int
    ref: str = ""
    account: str = ""
    number: str = ""
    is_interim: bool = False
    opening: Field | None = None
    closing: Field | None = None
    currency: str = ""
    movements: list[tuple[Field, list[str]]] = field(default_factory=list)
    expected: int = 0
    totals: list[Field] = field(default_factory=list)

    @property
    def says_something(self) -> bool:
        return bool(self.opening or self.closing or self.movements)


def looks_like(text: str) -> bool:
    return bool(LOOKS_LIKE.search(text))


def read(text: str, faults: Faults) -> list[ReadStatement]:
    """Every statement of the file, in order; a message with neither balance nor movement is none."""
    drafts = list(_drafts(_fields(text), faults))
    statements = [_finish(draft, faults) for draft in drafts if draft.says_something]
    faults.refuse()
    return statements


def _fields(text: str) -> Iterator[Field]:
    """Tagged fields with their continuation lines; text outside a message belongs to none."""
    current: tuple[str, str, int] | None = None
    lines: list[str] = []
    for row, raw in enumerate(text.split("\n"), 1):
        line = raw.rstrip()
        match = TAG.match(line)
        if match and match["tag"] in KNOWN:
            if current:
                yield Field(current[0], current[1], "\n".join(lines), current[2])
            current, lines = (match["tag"], match["option"] or "", row), [match["value"]]
        elif END_OF_MESSAGE.match(line) or ENVELOPE.match(line):
            if current:
                yield Field(current[0], current[1], "\n".join(lines), current[2])
            current, lines = None, []
        elif current and line:
            lines.append(line)
    if current:
        yield Field(current[0], current[1], "\n".join(lines), current[2])


def _drafts(fields: Iterator[Field], faults: Faults) -> Iterator[Draft]:
    """A :20: begins a message; so does a second opening balance where a bank leaves the :20: out."""
    draft: Draft | None = None
    narrative_of_line = False
    for item in fields:
        if item.tag == "20" or draft is None or (item.tag == "60" and draft.opening and draft.closing):
            if draft:
                yield draft
            draft = Draft(item.row)
        is_line = item.tag == "61" and not EXPECTED.match(item.value.strip())
        narrative_of_line = is_line or (narrative_of_line and item.tag in ("86", "NS"))
        _file_field(draft, item, narrative_of_line, faults)
    if draft:
        yield draft


def _file_field(draft: Draft, item: Field, narrative_of_line: bool, faults: Faults) -> None:
    value = item.value.strip()
    match item.tag:
        case "20":
            draft.ref = value.split("\n")[0]
        case "25":
            draft.account = value.split("\n")[0]
        case "28":
            draft.number = value.split("\n")[0]
        case "34":
            draft.is_interim, draft.currency = True, draft.currency or value[:3]
        case "60":
            draft.opening = draft.opening or item
        case "62":
            if draft.closing is not None:
                faults.add(
                    "two_closings",
                    "A second closing balance in one statement.",
                    "Ask the bank to send it again.",
                    row=item.row,
                )
            draft.closing = item
        case "61" if EXPECTED.match(value):
            draft.expected += 1
        case "61":
            draft.movements.append((item, []))
        case "90":
            draft.totals.append(item)
        case "86" | "NS" if narrative_of_line:
            draft.movements[-1][1].append(item.value)


def _finish(draft: Draft, faults: Faults) -> ReadStatement:
    opening, opened_on, currency = _balance(draft.opening, faults)
    closing, closed_on, closing_currency = _balance(draft.closing, faults)
    named = ACCOUNT_CURRENCY.search(draft.account)
    currency = currency or closing_currency or draft.currency or (named[1] if named else "")
    flaws: tuple[str, ...] = ()
    if closing_currency and closing_currency != currency:
        flaws = (f"It opens in {currency} and closes in {closing_currency}.",)
    lines = _lines(draft, currency, faults)
    flaws += tuple(_totals_that_differ(draft, lines, currency))
    from_on, to_on = span_of(lines, opened_on, closed_on)
    return ReadStatement(
        account=draft.account,
        currency=currency,
        number=draft.number,
        ref=draft.ref,
        opening_minor=opening,
        closing_minor=closing,
        from_on=opened_on or from_on,
        to_on=closed_on or to_on,
        lines=lines,
        format="mt942" if draft.is_interim and not draft.opening and not draft.closing else "mt940",
        flaws=flaws,
        notes=(f"{draft.expected} movements are only expected and were left out.",) if draft.expected else (),
        continues=draft.opening is not None and draft.opening.option == "M",
    )


def _totals_that_differ(draft: Draft, lines: list[ReadLine], currency: str) -> Iterator[str]:
    """An interim report says how many debits and credits it holds and their sums (:90D:, :90C:)."""
    for item in draft.totals:
        match = TOTAL.match(item.value.strip())
        side = {"D": "debit", "C": "credit"}.get(item.option)
        if not match or side is None or match["currency"] != currency:
            continue
        told = [line.amount_minor for line in lines if line.side == side]
        try:
            differs = (int(match["count"]), swift_minor(match["amount"], currency)) != (len(told), sum(told))
        except ValueError:
            differs = True
        if differs:
            yield f"It says {match['count']} {side}s of {match['amount']} {currency}; its lines are others."


def _balance(item: Field | None, faults: Faults) -> tuple[int | None, date | None, str]:
    if item is None:
        return None, None, ""
    match = BALANCE_GRAMMAR.match(item.value.strip())
    if not match:
        faults.add(
            "bad_balance",
            f":{item.tag}{item.option}: is not a balance.",
            "It reads C or D, YYMMDD, currency, amount.",
            row=item.row,
            value=item.value,
        )
        return None, None, ""
    parts = match.groupdict()
    currency = parts["currency"].upper()
    try:
        amount = swift_minor(item.value.strip()[10:].split("\n")[0].strip().replace(".", ","), currency)
    except ValueError as error:
        faults.add(
            "bad_amount",
            f"Balance {error}.",
            "Ask the bank for the file again.",
            row=item.row,
            column=f":{item.tag}{item.option}:",
            value=item.value,
        )
        return None, None, currency
    day = _day(parts["year"], parts["month"], parts["day"], item, faults)
    return (amount if parts["status"].upper() == "C" else -amount), day, currency


def _day(year: str, month: str, day: str, item: Field, faults: Faults) -> date | None:
    """A YYMMDD day. 29 and 30 February exist in 30/360 calendars: they are that month's last day."""
    at_year, at_month, at_day = short_year(year), int(month), int(day)
    try:
        if at_month == 2 and at_day in (29, 30):
            at_day = min(at_day, calendar.monthrange(at_year, 2)[1])
        return date(at_year, at_month, at_day)
    except ValueError:
        faults.add(
            "bad_date",
            f"{year}{month}{day} is not a day (YYMMDD).",
            "Ask the bank for the file again.",
            row=item.row,
            column=f":{item.tag}{item.option}:",
            value=item.value,
        )
        return None


def _lines(draft: Draft, currency: str, faults: Faults) -> list[ReadLine]:
    lines: list[ReadLine] = []
    for item, narrative in draft.movements:
        line = _line(item, narrative, len(lines) + 1, currency, faults)
        if line:
            lines.append(line)
    return lines


def _line(item: Field, narrative: list[str], line_no: int, currency: str, faults: Faults) -> ReadLine | None:
    value = DECIMAL_POINT.sub(r"\1,\2", item.value.strip())
    longer = REFERENCES.match(value)
    match = LINE_GRAMMAR.match(longer["head"] if longer else value)
    if not match:
        faults.add(
            "bad_line",
            ":61: is not a statement line.",
            "It reads date, D or C, amount, type, references.",
            row=item.row,
            column=":61:",
            value=item.value,
        )
        return None
    parts = match.groupdict()
    try:
        amount = swift_minor(parts["amount"], currency)
    except ValueError as error:
        faults.add(
            "bad_amount",
            f"Amount {error}.",
            "Ask the bank for the file again.",
            row=item.row,
            column=":61:",
            value=item.value,
        )
        return None
    value_on = _day(parts["year"], parts["month"], parts["day"], item, faults)
    if value_on is None:
        return None
    booked_on = _entry_day(parts["entry_month"], parts["entry_day"], value_on, item, faults)
    mark = parts["status"].upper()
    if longer:
        parts |= {
            "customer_reference": longer["customer"],
            "bank_reference": longer["bank"],
            "extra_details": longer["rest"],
        }
    bank_ref, customer_ref = (parts["bank_reference"] or "").strip(), (parts["customer_reference"] or "").strip()
    side: Side = "credit" if mark in ("C", "RD") else "debit"
    story = one_line(parts["extra_details"], *(_narrative(text) for text in narrative))
    is_return = (parts["id"] or "")[1:] == "RTI" or (side == "debit" and tells_of_a_return(story))
    return ReadLine(
        line_no=line_no,
        value_on=value_on,
        booked_on=booked_on,
        amount_minor=amount,
        side=side,
        is_reversal=mark.startswith("R") or is_return,
        bank_ref=bank_ref,
        customer_ref="" if customer_ref == "NONREF" else customer_ref,
        description=story,
    )


def _entry_day(month: str | None, day: str | None, value_on: date, item: Field, faults: Faults) -> date:
    """MMDD in the year that brings it nearest to the value date; the value date itself where none is given."""
    if not (month and day and month.isdigit() and day.isdigit()):
        return value_on
    booked = _day(f"{value_on.year % 100:02d}", month, day, item, faults)
    if booked is None:
        return value_on
    if booked - value_on > timedelta(days=183):
        return booked.replace(year=booked.year - 1, day=min(booked.day, 28) if booked.month == 2 else booked.day)
    if value_on - booked > timedelta(days=183):
        return booked.replace(year=booked.year + 1, day=min(booked.day, 28) if booked.month == 2 else booked.day)
    return booked


def _narrative(text: str) -> str:
    """One text of a field's lines: a full line was broken by force and goes on without a space; ?NN sub-fields are parts."""
    lines = text.strip().split("\n")
    whole = "".join(lines)
    if found := STRUCTURED.match(whole):
        parts = re.split(re.escape(found["mark"]) + r"\d{2}", whole)[1:]
        return _joined([part for part in parts if part.strip()], FULL_SUBFIELD)
    return _joined(lines, FULL_LINE)


def _joined(parts: list[str], full: int) -> str:
    joined = parts[0] if parts else ""
    for before, part in pairwise(parts):
        joined += part if len(before) >= full else " " + part
    return joined
