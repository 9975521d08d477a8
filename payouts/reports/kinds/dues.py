"""Unpaid dues to micro and small firms: against 45 days from acceptance, with the interest that being late costs."""

from __future__ import annotations

from sqlalchemy.orm import Session

from payouts.reports.asking import Asked, Report
from payouts.reports.shape import Row, Section, count, day_column, money, text_column
from payouts.settlements.paying_clock import Clocked, clocked
from portal.kernel.money import Money

MOST_DAYS = 45  # MSMED Act 2006 s.15; beyond it a company files form MSME-1
STANDING = ("Within 45 days", "Beyond 45 days")
SUMS = (
    text_column(
        "standing", "Standing", "days from acceptance to the day asked about: 45 at most by law, whatever was agreed"
    ),
    count("firms", "Firms", "micro and small firms with something unpaid", summed=False),
    count("statements", "Statements", "approved settlements of protected firms that were not paid on that day"),
    money("due", "Unpaid", "net of the statement less what is kept because it is contested"),
    money(
        "interest",
        "Interest so far",
        "three times the bank rate with monthly rests from the pay-by day (MSMED Act 2006 s.16)",
    ),
)
LINES = (
    text_column("statement", "Statement", "the settlement"),
    text_column("firm", "Firm", "the agency, protected by the Act"),
    text_column("class", "Class", "micro or small, as Udyam has it"),
    text_column("udyam", "Udyam number", "its registration"),
    day_column("accepted", "Accepted", "when the month's service counts as accepted"),
    day_column("pay_by", "Pay by", "the last day without interest"),
    count("late", "Days late", "days after the pay-by day", summed=False),
    money("due", "Unpaid", "net less what is kept because it is contested"),
    money("interest", "Interest so far", "what being late has cost up to the day asked about"),
)


def gather(session: Session, asked: Asked) -> list[Section]:
    found = [
        row
        for row in clocked(session, asked.day)
        if row.is_protected and row.paid_on is None and row.accepted_on <= asked.day
        if asked.agency_id in (None, row.agency_id)
    ]
    groups: dict[tuple[str, str], list[Clocked]] = {}
    for row in found:
        is_over = (asked.day - row.accepted_on).days > MOST_DAYS
        groups.setdefault((row.currency, STANDING[is_over]), []).append(row)
    sums: list[Row] = [
        {
            "standing": standing,
            "firms": len({row.agency_id for row in rows}),
            "statements": len(rows),
            "due": Money(sum(row.due_minor for row in rows), currency),
            "interest": Money(sum(row.interest_minor for row in rows), currency),
        }
        for (currency, standing), rows in sorted(
            groups.items(), key=lambda item: (item[0][0], STANDING.index(item[0][1]))
        )
    ]
    lines: list[Row] = [
        {
            "statement": row.ref,
            "firm": f"{row.agency_name} ({row.agency_code})",
            "class": row.msme_class.capitalize(),
            "udyam": row.udyam_no,
            "accepted": row.accepted_on,
            "pay_by": row.pay_by_on,
            "late": row.late_days,
            "due": Money(row.due_minor, row.currency),
            "interest": Money(row.interest_minor, row.currency),
        }
        for row in found
    ]
    empty = "No micro or small firm waited for money."
    return [
        Section("By standing", SUMS, sums, picture="due", empty=empty),
        Section("Statements", LINES, lines, note="The nearest pay-by day first.", empty=empty),
    ]


REPORT = Report(
    "msme-dues",
    "Unpaid dues to micro and small firms",
    "What protected firms waited for on a day, how long, and what being late has cost.",
    "day",
    gather,
)
