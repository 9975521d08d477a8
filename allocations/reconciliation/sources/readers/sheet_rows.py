"""The rows of a bank's sheet, one by one: a movement, a balance, the rest of a narrative, a total, or a bank's closing words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date

from allocations.reconciliation.sources.readers.amounts import day_of, written_minor
from allocations.reconciliation.sources.readers.faults import Faults
from allocations.reconciliation.sources.readers.patterns import first_group
from allocations.reconciliation.sources.readers.profiles import Profile, plain_header
from allocations.reconciliation.sources.readers.references import tells_of_a_return
from allocations.reconciliation.sources.readers.statement import ReadLine, Side
from allocations.reconciliation.sources.readers.text import one_line

OPENING = re.compile(r"(?i)^\W*(opening bal|balance b/?f|b/?f\b|brought forward)")
CLOSING = re.compile(r"(?i)^\W*(closing bal|balance c/?f|c/?f\b|carried forward)")
FOOTER = re.compile(r"(?i)\b(total|summary|statement|generated|page \d+|end of|legend|note)\b|^\W*$")
SUMMARY = re.compile(r"(?i)\b(statement summary|end of statement|legends?|computer generated|system generated)\b")
BEHIND = re.compile(r"[^A-Za-z0-9]{0,8}([A-Za-z0-9]+(?:-[A-Za-z0-9]+){0,6})")
FLAGS: dict[str, Side] = {
    **dict.fromkeys(("CR", "C", "CREDIT", "CRDT", "CREDITED", "DEPOSIT"), "credit"),
    **dict.fromkeys(("DR", "D", "DB", "DEBIT", "DBIT", "DEBITED", "WITHDRAWAL"), "debit"),
}  # fmt: skip
AMOUNT = "Write it like 1,23,456.70 or 123456.70."
LOST = {
    "#formula": "Open the file in Excel, let it calculate, and save it.",
    "#error": "Mend the cell in Excel and save the file.",
}
# Names of what a summary below or above the table tells: our word → headers, plain.
SUMMED = {
    "opening": ("openingbalance", "openingbal"),
    "closing": ("closingbalance", "closingbal"),
    "debits": ("debits", "totaldebits", "totaldebit", "totalwithdrawals", "withdrawals", "debitamount"),
    "credits": ("credits", "totalcredits", "totalcredit", "totaldeposits", "deposits", "creditamount"),
}


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
    """The movements of a sheet, and the balances and sums it prints of itself."""

    rows: list[Row]
    opening: int | None = None
    closing: int | None = None
    debits: int | None = None
    credits: int | None = None
    notes: list[str] = field(default_factory=list)


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
        header: Sequence[str] = (),
    ) -> None:
        self.profile, self.places, self.formats, self.account = profile, places, formats, account
        self.faults, self.table = faults, table
        self.header = list(header)
        self.is_over = False  # a summary below the table began: what is no movement there is no fault either
        self.summary: dict[str, int] = {}  # where the columns of a printed summary stand, once its header was met

    def cell(self, cells: Sequence[str], word: str) -> str:
        at = self.places.get(word)
        return cells[at] if at is not None and at < len(cells) else ""

    def take(self, row: int, cells: list[str]) -> None:
        if not any(map(str.isalnum, "".join(cells))) or self.take_summary(
            cells
        ):  # a rule of stars or dashes says nothing
            return None
        when, story = self.cell(cells, "booked_on"), self.cell(cells, "description")
        currency = (self.cell(cells, "currency") or self.profile.currency).upper()
        moves = any(self.cell(cells, word) for word in ("debit", "credit", "amount"))
        if self._balance_row(row, cells, f"{when} {story}".strip(), currency, moves):
            return None
        if not moves and not self.cell(cells, "balance"):
            return self._wrapped_or_footer(row, cells, when)
        if self._is_no_movement(cells, when):
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

    def take_summary(self, cells: Sequence[str]) -> bool:
        """A bank's own summary: names side by side with their values below, or a name with its value beside it."""
        if self.summary:
            places, self.summary = self.summary, {}
            values = {word: self._if_money(cells[at]) for word, at in places.items() if at < len(cells)}
            for word, minor in values.items():
                if minor is not None:
                    setattr(self.table, word, minor)
            return any(minor is not None for minor in values.values())
        names = [plain_header(cell) for cell in cells]
        found = {word: names.index(name) for word, known in SUMMED.items() for name in known if name in names}
        if {"opening", "closing"} <= found.keys():
            self.summary = found
            return True
        if "opening" in found and not self.table.rows:
            beside = [cell for cell in cells[found["opening"] + 1 :] if cell.strip(" :")]
            minor = self._if_money(beside[0].strip(" :")) if len(beside) == 1 else None
            self.table.opening = minor if minor is not None else self.table.opening
        return False

    def _if_money(self, text: str) -> int | None:
        try:
            return written_minor(text, self.profile.currency)
        except ValueError:
            return None

    def _balance_row(self, row: int, cells: list[str], words: str, currency: str, moves: bool) -> bool:
        """An "Opening balance" or "Closing balance" row that moves nothing."""
        story = self.cell(cells, "description") or words
        kind = "opening" if OPENING.search(story) else "closing" if CLOSING.search(story) else ""
        text = self.cell(cells, "balance")
        if not kind or moves or not text:
            return False
        minor = self._money(row, "balance", text, currency)
        if kind == "opening" and self.table.rows and minor is not None and minor == self.table.closing:
            self.table.closing = None  # carried forward and brought forward: a page ended and the next began
        else:
            setattr(self.table, kind, minor)
        return True

    def _wrapped_or_footer(self, row: int, cells: list[str], when: str) -> None:
        """A row without money: the rest of a narrative too long for its cell, or a bank's closing words."""
        story = self.cell(cells, "description")
        self.is_over = self.is_over or bool(self.table.rows and SUMMARY.search(" ".join(cells)))
        if when and not self.is_over and self._is_day(when):
            self.table.notes.append(f"Row {row} names a day and no amount; it was left out.")
        if self.table.rows and not self.is_over and not when and story and not FOOTER.search(" ".join(cells)):
            last = self.table.rows[-1]
            line = replace(last.line, description=one_line(last.line.description, story))
            self.table.rows[-1] = replace(last, line=line)

    def _is_no_movement(self, cells: Sequence[str], when: str) -> bool:
        """A total, a bank's closing words, or the headings once more, as at the top of each printed page."""
        if self.header and list(cells[: len(self.header)]) == self.header:
            return True
        is_footer = bool(FOOTER.search(when or " ".join(cells))) or self.is_over
        return is_footer and not (when and self._is_day(when))

    def _is_day(self, text: str) -> bool:
        try:
            return bool(day_of(text, self.formats))
        except ValueError:
            return False

    def _day(self, row: int, column: str, text: str) -> date | None:
        try:
            return day_of(text, self.formats)
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
            self.faults.add("bad_amount", f"{error}.", LOST.get(text, AMOUNT), row=row, column=column, value=text)
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
        customer_ref = _blank_dash(self.cell(cells, "customer_ref"))
        virtual_account = self.cell(cells, "virtual_account")
        return ReadLine(
            line_no=len(self.table.rows) + 1,
            value_on=value_on,
            booked_on=booked_on,
            amount_minor=abs(signed),
            side="credit" if signed >= 0 else "debit",
            is_reversal=signed < 0 and tells_of_a_return(story),
            bank_ref=_blank_dash(self.cell(cells, "bank_ref")),
            customer_ref=customer_ref or self._reference_in(story),
            description=one_line(story, f"VA {virtual_account}" if virtual_account else ""),
        )

    def _reference_in(self, story: str) -> str:
        """The reference inside a narrative, where the layout says it stands."""
        if self.profile.reference_after:
            return _after(story, self.profile.reference_after)
        if self.profile.reference_digits:
            numbers = re.findall(r"[0-9]+", story)
            longest = max(numbers, key=len, default="")
            return longest if len(longest) >= self.profile.reference_digits else ""
        return first_group(self.profile.reference, story) if self.profile.reference else ""


def _after(story: str, words: str) -> str:
    """The first run of letters and digits behind these words, whatever their case; dashes inside it stay."""
    at = story.casefold().find(words.casefold())
    match = BEHIND.match(story[at + len(words) :]) if at >= 0 else None
    return match[1] if match else ""


def _blank_dash(text: str) -> str:
    """Banks print a dash for nothing."""
    return "" if text.strip() in {"-", "--"} else text
