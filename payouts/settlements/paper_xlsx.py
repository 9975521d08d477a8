"""A statement as a workbook: numbers that are numbers, no formula, sheets for the summary, the lines and what was not paid."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import xlsxwriter

from payouts.settlements.papers import Paper, paper_of, tax_facts
from portal.kernel.money import Money, exponent, plain
from portal.kernel.tables.out import guarded

OPTIONS = {
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
LINE_HEADER = (
    *("line", "group", "kind", "description", "receipt_no", "loan_account_no", "rate_card", "rule", "credited_on"),
    *("base", "amount", "currency", "accrual", "bank_line", "evidence_sha256"),
)


def workbook(content: Mapping[str, Any], sha256: str) -> bytes:
    """The same bytes for the same statement."""
    paper, file = paper_of(content), io.BytesIO()
    with xlsxwriter.Workbook(file, OPTIONS) as book:
        book.set_properties({"title": content["settlement"], "created": _made_at(content)})
        sheets = _Sheets(book, paper)
        sheets.summary(sha256)
        sheets.lines()
        sheets.unpaid()
    return file.getvalue()


def _made_at(content: Mapping[str, Any]) -> datetime:
    """When it was drafted, so that the file does not change with the hour it is asked for."""
    text = content.get("drafted_at") or f"{content['period']}-01T00:00:00+00:00"
    return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


class _Sheets:
    """Writes one sheet after the other."""

    def __init__(self, book: xlsxwriter.Workbook, paper: Paper) -> None:
        self.book, self.paper, self.content = book, paper, paper.content
        decimals = "." + "0" * exponent(paper.currency) if exponent(paper.currency) else ""
        formats = ({"bold": True}, {"num_format": f"#,##0{decimals}"}, {"num_format": f"#,##0{decimals}", "bold": True})
        self.bold, self.money, self.sum = (book.add_format(each) for each in formats)
        self.day = book.add_format({"num_format": "yyyy-mm-dd"})

    def summary(self, sha256: str) -> None:
        sheet, content = self.book.add_worksheet("Statement"), self.content
        sheet.set_column(0, 0, 34)
        sheet.set_column(1, 1, 30)
        sheet.set_column(2, 4, 18)
        bank = content.get("bank_details") or {}
        lender, agency = content.get("lender") or {}, content["agency"]
        facts: list[tuple[object, ...]] = [
            ("Statement", content["settlement"]),
            ("Month", content["period"]),
            ("From", lender.get("name", "")),
            ("To", f"{agency['legal_name']} ({agency['code']})"),
            ("Currency", content["currency"]),
            ("Paid into", f"{bank.get('account', '')} {bank.get('ifsc', '')}".strip() or "no approved bank details"),
            ("Pay by", _day(content.get("pay_by_on"))),
            ("SHA-256 of the statement", sha256),
            (),
            ("What", "Terms", "Lines", "Counted on", "Amount"),
        ]
        for word, groups in self.paper.sections:
            facts += [
                (
                    f"{word}: {group.title}",
                    group.terms,
                    len(group.lines),
                    self._money(group.base_minor),
                    self._money(group.amount_minor),
                )
                for group in groups
            ]
        facts += [(), ("Totals",)]
        facts += [
            (name.replace("_", " ").capitalize(), "", None, None, self._major(amount))
            for name, amount in self.paper.totals.items()
        ]
        facts += [(), ("Tax",), *tax_facts(self.paper)]
        if year := content.get("year_to_date"):
            facts += [(), (f"Year to date, {year['from']} to {year['to']}",)]
            facts += [
                (name.replace("_", " ").capitalize(), "", None, None, self._major(year[name]))
                for name in ("gross", "adjustments", "sales_tax", "withholding", "net")
            ]
        headings = {"What", "Totals", "Tax"}
        for at, row in enumerate(facts):
            is_heading = bool(row) and (row[0] in headings or str(row[0]).startswith("Year to date"))
            self._row(sheet, at, row, self.bold if is_heading else None)

    def lines(self) -> None:
        sheet = self.book.add_worksheet("Lines")
        sheet.freeze_panes(1, 0)
        sheet.set_column(3, 3, 48)
        sheet.set_column(9, 10, 16)
        self._row(sheet, 0, LINE_HEADER, self.bold)
        for at, line in enumerate(self.content["lines"], start=1):
            cells = (
                *(line["position"], line.get("group"), line["kind"], line["description"], line.get("receipt_no")),
                *(line.get("loan_account_no"), line.get("rate_card"), line.get("rule"), _day(line.get("credited_on"))),
                *(self._major(line.get("base")), self._major(line["amount"]), self.paper.currency, line.get("accrual")),
                *(line.get("bank_line"), " ".join(line.get("evidence", ()))),
            )
            self._row(sheet, at, cells)

    def unpaid(self) -> None:
        sheet = self.book.add_worksheet("Not paid")
        sheet.set_column(0, 1, 28)
        sheet.set_column(4, 4, 60)
        self._row(sheet, 0, ("code", "why", "receipts", "collected", "what cures it"), self.bold)
        for at, row in enumerate(self.content.get("unpaid", ()), start=1):
            cells = (row["code"], row.get("meaning", ""), row["count"], self._major(row["amount"]), row["cure"])
            self._row(sheet, at, cells)

    def _money(self, minor: int | None) -> Money | None:
        return Money(minor, self.paper.currency) if minor is not None else None

    def _major(self, text: str | None) -> Money | None:
        return Money.from_major(text, self.paper.currency) if text is not None else None

    def _row(self, sheet: Any, at: int, cells: Sequence[object], style: Any = None) -> None:
        for column, value in enumerate(cells):
            if isinstance(value, Money):
                sheet.write_number(at, column, Decimal(plain(value.minor, value.currency)), style or self.money)
            elif isinstance(value, int):
                sheet.write_number(at, column, value, style)
            elif isinstance(value, date):
                sheet.write_datetime(at, column, value, self.day)
            elif value not in (None, ""):
                sheet.write_string(at, column, guarded(str(value)), style)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
