"""Bank statements as CSV or XLSX, read through a profile. Rows above the header and totals below the table are let be."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from allocations.reconciliation.sources.readers.amounts import day_of, written_minor
from allocations.reconciliation.sources.readers.faults import Faults
from allocations.reconciliation.sources.readers.profiles import DAY_FIRST, MONTH_FIRST, PRESETS, Profile, recognise
from allocations.reconciliation.sources.readers.references import tells_of_a_return
from allocations.reconciliation.sources.readers.statement import ReadLine, ReadStatement, Side, span_of
from allocations.reconciliation.sources.readers.text import one_line

HEADER_WITHIN = 60  # rows a bank may put above its table
ACCOUNT = re.compile(
    r"(?i)\ba(?:/c|ccount)\s*(?:no|number|num|#)?\.?\s*[:\-,]*\s*[\"'=]*([0-9X*]{6,24}|[A-Z]{2}[0-9]{2}[A-Z0-9]{8,30})\b"
)
OPENING = re.compile(r"(?i)^\W*(opening bal|balance b/?f|b/?f\b|brought forward)")
CLOSING = re.compile(r"(?i)^\W*(closing bal|balance c/?f|c/?f\b|carried forward)")
FOOTER = re.compile(r"(?i)\b(total|summary|statement|generated|page \d+|end of|legend|note)\b|^\W*$")
SUMMARY = re.compile(r"(?i)\b(statement summary|end of statement|legends?|computer generated|system generated)\b")
FLAGS: dict[str, Side] = {
    **dict.fromkeys(("CR", "C", "CREDIT", "CRDT", "CREDITED"), "credit"),
    **dict.fromkeys(("DR", "D", "DEBIT", "DBIT", "DEBITED"), "debit"),
}  # fmt: skip
SLASHED = re.compile(r"^(\d{1,2})[/.-](\d{1,2})[/.-](?:\d{4}|\d{2})(?:\s|$)")


@dataclass(frozen=True, slots=True)
class Row:
    """One movement with the running balance behind it and the sheet row it stands in."""

    line: ReadLine
    row: int
    balance: int | None
    account: str
    currency: str


@dataclass(slots=True)
class Table:
    """The movements of a sheet, and balances its own opening and closing rows give."""

    rows: list[Row]
    opening: int | None = None
    closing: int | None = None


def read(text: str, faults: Faults, *, profile: Profile | None, format: str) -> list[ReadStatement]:
    """One statement an account in the sheet (nearly always one)."""
    grid = _grid(text, faults)
    chosen, header_at, places = _find_header(grid, profile, faults)
    preamble = grid[:header_at]
    body = [(at, cells) for at, cells in enumerate(grid[header_at + 1 :], header_at + 2) if any(cells)]
    formats = chosen.date_formats or _formats_by_content(body, places, faults)
    account = _account_in(preamble) or chosen.account
    table = Table([])
    reader = RowReader(chosen, places, formats, account, faults, table)
    for at, cells in body:
        reader.take(at, cells)
    faults.refuse()
    if not table.rows and table.opening is None and table.closing is None:
        faults.stop(
            "no_rows",
            "The table has a header and no movement.",
            "Download the statement again, with its transactions.",
            row=header_at + 1,
        )
    return list(_statements(table, chosen, account, format))


def _grid(text: str, faults: Faults) -> list[list[str]]:
    csv.field_size_limit(1_000_000)
    head = "\n".join(text.split("\n", HEADER_WITHIN)[:HEADER_WITHIN])
    delimiter = max(
        (",", ";", "\t", "|"), key=lambda mark: max((line.count(mark) for line in head.split("\n")), default=0)
    )
    try:
        return [
            [cell.strip() for cell in row] for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        ]
    except csv.Error as error:
        faults.stop("broken_quotes", f"The file's quotation marks do not close: {error}.", "Download it again as CSV.")


def _find_header(
    grid: Sequence[Sequence[str]], profile: Profile | None, faults: Faults
) -> tuple[Profile, int, dict[str, int]]:
    """The first row a profile recognises as its header. A named profile is the only one tried."""
    candidates = [profile] if profile else list(PRESETS.values())
    for at, cells in enumerate(grid[:HEADER_WITHIN]):
        if profile and at < profile.skip_rows:
            continue
        if found := recognise(cells, candidates):
            return found[0], at, found[1]
    if profile:
        wanted = ", ".join("/".join(names) for names in profile.columns.values())
        faults.stop(
            "columns_missing",
            f"No row carries the columns of profile {profile.name}: {wanted}.",
            "Choose the profile of the bank the file came from.",
        )
    names = ", ".join(PRESETS)
    return faults.stop(
        "unknown_layout", "No row looks like a statement's header: a date, and amounts.", f"Name a profile: {names}."
    )


def _formats_by_content(
    body: Sequence[tuple[int, list[str]]], places: Mapping[str, int], faults: Faults
) -> tuple[str, ...]:
    """Day first or month first, as the dates themselves show; refused when every date could be read both ways."""
    texts = [
        cells[at]
        for _row, cells in body
        for word in ("booked_on", "value_on")
        if (at := places.get(word)) is not None and at < len(cells)
    ]
    pairs = [(int(match[1]), int(match[2])) for text in texts if (match := SLASHED.match(text))]
    if not pairs:
        return DAY_FIRST
    day_first, month_first = all(b <= 12 for _a, b in pairs), all(a <= 12 for a, _b in pairs)
    if day_first and month_first and any(a != b for a, b in pairs):
        example = next(text for text in texts if (match := SLASHED.match(text)) and match[1] != match[2])
        day, month = day_of(example, DAY_FIRST), day_of(example, MONTH_FIRST)
        faults.stop(
            "ambiguous_dates", f"Every date can be read two ways: {example} as {day:%-d %B %Y} or {month:%-d %B %Y}.",
            "Name the bank's profile, which says how its dates read.", value=example,
        )  # fmt: skip
    return DAY_FIRST if day_first else MONTH_FIRST


def _account_in(preamble: Sequence[Sequence[str]]) -> str:
    """The account number a bank prints above its table."""
    for cells in preamble:
        match = ACCOUNT.search(" ".join(cell for cell in cells if cell))
        if match:
            return match[1]
    return ""


class RowReader:
    """Takes sheet rows one by one: a movement, an opening or closing balance, or a footer."""

    def __init__(
        self,
        profile: Profile,
        places: Mapping[str, int],
        formats: tuple[str, ...],
        account: str,
        faults: Faults,
        table: Table,
    ) -> None:
        self.profile, self.places, self.formats, self.account = profile, places, formats, account
        self.faults, self.table = faults, table
        self.is_over = False  # a summary below the table began: what is no movement there is no fault either
        self.reference = re.compile(profile.reference, re.IGNORECASE) if profile.reference else None

    def cell(self, cells: Sequence[str], word: str) -> str:
        at = self.places.get(word)
        return cells[at] if at is not None and at < len(cells) else ""

    def take(self, row: int, cells: list[str]) -> None:
        when, story = self.cell(cells, "booked_on"), self.cell(cells, "description")
        currency = (self.cell(cells, "currency") or self.profile.currency).upper()
        moves = any(self.cell(cells, word) for word in ("debit", "credit", "amount"))
        if self._balance_row(row, cells, f"{when} {story}".strip(), currency, moves):
            return None
        if not moves and not self.cell(cells, "balance"):
            return self._wrapped_or_footer(cells, when)
        if (not when and FOOTER.search(" ".join(cells))) or (self.is_over and not self._is_day(when)):
            return None
        booked_on = self._day(row, "booked_on", when)
        value_on = (
            self._day(row, "value_on", self.cell(cells, "value_on")) if self.cell(cells, "value_on") else booked_on
        )
        signed = self._signed(row, cells, currency)
        balance = self._money(row, "balance", self.cell(cells, "balance"), currency)
        if booked_on is None or value_on is None or signed is None:
            return None
        line = self._line(cells, booked_on, value_on, signed, story)
        self.table.rows.append(Row(line, row, balance, self.cell(cells, "account") or self.account, currency))
        return None

    def _balance_row(self, row: int, cells: list[str], words: str, currency: str, moves: bool) -> bool:
        """An "Opening balance" or "Closing balance" row that moves nothing."""
        story = self.cell(cells, "description") or words
        kind = "opening" if OPENING.search(story) else "closing" if CLOSING.search(story) else ""
        text = self.cell(cells, "balance")
        if not kind or moves or not text:
            return False
        setattr(self.table, kind, self._money(row, "balance", text, currency))
        return True

    def _wrapped_or_footer(self, cells: list[str], when: str) -> None:
        """A row without money: the rest of a narrative too long for its cell, or a bank's closing words."""
        story = self.cell(cells, "description")
        self.is_over = self.is_over or bool(self.table.rows and SUMMARY.search(" ".join(cells)))
        if self.table.rows and not self.is_over and not when and story and not FOOTER.search(" ".join(cells)):
            last = self.table.rows[-1]
            line = replace(last.line, description=one_line(last.line.description, story))
            self.table.rows[-1] = replace(last, line=line)

    def _is_day(self, text: str) -> bool:
        try:
            return bool(day_of(text, self.formats))
        except ValueError:
            return False

    def _day(self, row: int, column: str, text: str) -> date | None:
        try:
            return day_of(
                text.split(" ")[0] if re.match(r"^\d{4}-\d\d-\d\d[ T]|^\d\d?/\d\d?/\d{2,4} ", text) else text,
                self.formats,
            )
        except ValueError:
            self.faults.add(
                "bad_date",
                f"{text!r} is not a date.",
                "Dates read " + ", ".join(self.formats[:2]) + " or 2026-10-31.",
                row=row,
                column=column,
                value=text,
            )
            return None

    def _money(self, row: int, column: str, text: str, currency: str) -> int | None:
        if not text:
            return None
        try:
            return written_minor(text, currency)
        except ValueError as error:
            self.faults.add(
                "bad_amount", f"{error}.", "Write it like 1,23,456.70 or 123456.70.", row=row, column=column, value=text
            )
            return None

    def _signed(self, row: int, cells: Sequence[str], currency: str) -> int | None:
        """The movement by the layout's sign rule; credits positive."""
        if "amount" in self.places:
            return self._signed_amount(row, cells, currency)
        known = len(self.faults.problems)
        debit = self._money(row, "debit", _blank_dash(self.cell(cells, "debit")), currency)
        credit = self._money(row, "credit", _blank_dash(self.cell(cells, "credit")), currency)
        if len(self.faults.problems) > known:
            return None
        if (debit or 0) < 0 or (credit or 0) < 0:
            self.faults.add(
                "negative_amount",
                "A debit or credit column holds a negative amount.",
                "Choose a profile with signed amounts, or correct the row.",
                row=row,
                column="debit" if (debit or 0) < 0 else "credit",
            )
            return None
        if debit and credit:
            self.faults.add("both_sides", "The row is debit and credit at once.", "One movement a row.", row=row)
            return None
        if debit is None and credit is None:
            self.faults.add(
                "no_amount", "The row has a balance and no amount.", "Every movement has a debit or a credit.", row=row
            )
            return None
        return (credit or 0) - (debit or 0)

    def _signed_amount(self, row: int, cells: Sequence[str], currency: str) -> int | None:
        text = self.cell(cells, "amount")
        amount = self._money(row, "amount", text, currency)
        if amount is None:
            if not text:
                self.faults.add(
                    "no_amount", "The row has no amount.", "Every movement has an amount.", row=row, column="amount"
                )
            return None
        if "dr_cr" not in self.places:
            return amount if self.profile.credit_is_positive else -amount
        flag = self.cell(cells, "dr_cr")
        side = FLAGS.get(flag.upper().strip("."))
        if side is None or amount < 0:
            self.faults.add(
                "bad_side",
                f"{flag!r} is neither Dr nor Cr." if side is None else "An amount beside Dr/Cr has no sign.",
                "Write Dr or Cr.",
                row=row,
                column="dr_cr",
                value=flag,
            )
            return None
        return amount if side == "credit" else -amount

    def _line(self, cells: Sequence[str], booked_on: date, value_on: date, signed: int, story: str) -> ReadLine:
        customer_ref = self.cell(cells, "customer_ref")
        found = self.reference.search(story) if self.reference and not customer_ref else None
        return ReadLine(
            line_no=len(self.table.rows) + 1,
            value_on=value_on,
            booked_on=booked_on,
            amount_minor=abs(signed),
            side="credit" if signed >= 0 else "debit",
            is_reversal=signed < 0 and tells_of_a_return(story),
            bank_ref=self.cell(cells, "bank_ref"),
            customer_ref=customer_ref or (found[1] if found else ""),
            description=one_line(story),
        )


def _blank_dash(text: str) -> str:
    """Banks print a dash for nothing."""
    return "" if text.strip() in {"-", "--"} else text


def _statements(table: Table, profile: Profile, account: str, format: str) -> Iterator[ReadStatement]:
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in table.rows:
        groups.setdefault((row.account, row.currency), []).append(row)
    if not groups:
        groups[(account, profile.currency)] = []
    for (of_account, currency), rows in groups.items():
        yield _statement(
            _in_time(rows), table if len(groups) == 1 else Table(rows), of_account, currency, format, profile
        )


def _chain_breaks(rows: Sequence[Row], opening: int | None = None) -> list[int]:
    """Sheet rows whose running balance does not follow from the row before."""
    broken, before = [], opening
    for row in rows:
        if before is not None and row.balance is not None and before + row.line.signed_minor != row.balance:
            broken.append(row.row)
        before = (
            row.balance if row.balance is not None else (before + row.line.signed_minor if before is not None else None)
        )
    return broken


def _in_time(rows: Sequence[Row]) -> list[Row]:
    """Oldest first. Many banks list the newest first: told by the dates, within one day by the running balance."""
    if len(rows) < 2:
        return list(rows)
    first, last = rows[0].line.booked_on, rows[-1].line.booked_on
    backwards = list(reversed(rows))
    turned = first > last or (first == last and len(_chain_breaks(backwards)) < len(_chain_breaks(rows)))
    if not turned:
        return list(rows)
    return [replace(row, line=replace(row.line, line_no=at)) for at, row in enumerate(backwards, 1)]


def _statement(
    rows: Sequence[Row], table: Table, account: str, currency: str, format: str, profile: Profile
) -> ReadStatement:
    """Opening from its own row or from the first running balance; closing from its own row or the last one."""
    lines = [row.line for row in rows]
    opening, closing = table.opening, table.closing
    if opening is None and rows and rows[0].balance is not None:
        opening = rows[0].balance - rows[0].line.signed_minor
    if closing is None and rows and rows[-1].balance is not None:
        closing = rows[-1].balance
    broken = _chain_breaks(rows, opening)
    flaws = (f"The running balance does not follow in row {', '.join(map(str, broken[:10]))}.",) if broken else ()
    from_on, to_on = span_of(lines)
    return ReadStatement(
        account=account,
        currency=currency,
        number="",
        ref="",
        opening_minor=opening,
        closing_minor=closing,
        from_on=from_on,
        to_on=to_on,
        lines=lines,
        format=format,
        flaws=flaws,
        layout=profile.name,
    )
