"""The fraud register of a month: what was suspected, where each case stands, and what the regulator was told in time.

Cases by their number, kind and amount; what is alleged, the notices and the answers stay in the register.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from allocations.casework.conduct.fraud_rules import KINDS, OPEN
from payouts.reports.asking import Asked, Report, rows_of
from payouts.reports.shape import Row, Section, count, day_column, money, text_column
from portal.kernel.clock import BANK_ZONE
from portal.kernel.money import Money

MINE = "(cast(:agency as bigint) is null or f.agency_id = :agency)"
OF_MONTH = "f.opened_at >= :began and f.opened_at < :ended"
SUMS = """
       count(*) as cases, sum(f.amount_minor)::bigint as amount, count(*) filter (where f.status = any(:open)) as open,
       count(*) filter (where f.status = 'classified') as fraud, count(*) filter (where f.status = 'cleared') as cleared
"""
BY_KIND = f"select f.kind as name, f.currency, {SUMS} from fraud_cases f where {OF_MONTH} and {MINE} group by 1, 2 order by 1, 2"
BY_AGENCY = f"""
select g.legal_name || ' (' || g.code || ')' as name, g.code, f.currency, {SUMS} from fraud_cases f join agencies g on g.id = f.agency_id
 where {OF_MONTH} and {MINE} group by 1, 2, 3 order by 2, 3
"""
CASES = f"""
select f.ref, g.code, f.kind, f.agent_code, (f.opened_at at time zone :zone)::date as opened, f.amount_minor, f.currency, f.status,
       (f.notice_at at time zone :zone)::date as noticed, (f.decided_at at time zone :zone)::date as decided
  from fraud_cases f join agencies g on g.id = f.agency_id
 where {MINE} and f.opened_at < :ended and (f.decided_at is null or f.decided_at >= :began) order by f.ref
"""
REPORTED = f"""
select f.ref, g.code, f.amount_minor, f.currency, f.report_due_on as due, (f.reported_at at time zone :zone)::date as told, f.report_ref
  from fraud_cases f join agencies g on g.id = f.agency_id
 where {MINE} and f.status = 'classified' and f.decided_at < :ended
   and (f.decided_at >= :began or f.reported_at is null or f.reported_at >= :began) order by f.report_due_on, f.ref
"""
NUMBERS = (
    count("cases", "Cases", "suspicions written down in the month"),
    money("amount", "Amount", "what is said to be concerned; nothing where it is not known"),
    count("open", "Open", "of these, not decided when the report is asked"),
    count("fraud", "Fraud", "of these, classified as fraud by two persons"),
    count("cleared", "Cleared", "of these, found to be no fraud by two persons"),
)
STATUSES = {
    "suspected": "Suspected",
    "notice_sent": "Notice sent",
    "replied": "Answered",
    "proposed": "Waits for a second person",
    "classified": "Fraud",
    "cleared": "No fraud",
}
LISTED = (
    text_column("case", "Case", "its number in the register"),
    text_column("agency", "Agency", "whom it concerns"),
    text_column("agent", "Agent", "the agent's code, where one is suspected"),
    text_column("kind", "Suspected", "what kind of fraud"),
    day_column("opened", "Written down", "day at the bank"),
    money("amount", "Amount", "what is said to be concerned"),
    day_column("noticed", "Notice", "when the agency was given its show-cause notice"),
    day_column("decided", "Decided", "when the second person decided"),
    text_column("standing", "Stands", "as it stands when the report is asked"),
)
TOLD = (
    text_column("case", "Case", "its number in the register"),
    text_column("agency", "Agency", "whom it concerns"),
    money("amount", "Amount", "what is said to be concerned"),
    day_column("due", "Due", "by when the regulator is to be told"),
    day_column("told", "Told", "when it was told; none: not yet"),
    text_column("number", "Report", "the number it was told under"),
    text_column("standing", "In time", "told by its day, late, waiting, or overdue on the month's last day"),
)


def gather(session: Session, asked: Asked) -> list[Section]:
    empty, given = "No fraud was suspected.", {"open": list(OPEN)}
    kinds = [{"kind": KINDS[row.name], **_numbers(row)} for row in rows_of(session, BY_KIND, asked, **given)]
    firms = [{"agency": row.name, **_numbers(row)} for row in rows_of(session, BY_AGENCY, asked, **given)]
    zone = str(BANK_ZONE)
    return [
        Section(
            "By kind", (text_column("kind", "Suspected", "what kind"), *NUMBERS), kinds, picture="cases", empty=empty
        ),
        Section("By agency", (text_column("agency", "Agency", "whom it concerns"), *NUMBERS), firms, empty=empty),
        Section(
            "Cases",
            LISTED,
            [_case(row) for row in rows_of(session, CASES, asked, zone=zone)],
            note="Every case that was open on some day of the month.",
            empty="No case was open.",
        ),
        Section(
            "To the regulator",
            TOLD,
            [_told(row, asked) for row in rows_of(session, REPORTED, asked, zone=zone)],
            note="Classified or told of in the month, or not told of yet.",
            empty="Nothing was to be told.",
        ),
    ]


def _numbers(row: Any) -> Row:
    sums = {"cases": row.cases, "open": row.open, "fraud": row.fraud, "cleared": row.cleared}
    return {**sums, "amount": Money(row.amount, row.currency)}


def _case(row: Any) -> Row:
    days = {"opened": row.opened, "noticed": row.noticed, "decided": row.decided}
    about = {"case": row.ref, "agency": row.code, "agent": row.agent_code or None, "kind": KINDS[row.kind]}
    return {**about, **days, "amount": Money(row.amount_minor, row.currency), "standing": STATUSES[row.status]}


def _told(row: Any, asked: Asked) -> Row:
    if row.told:
        standing = "In time" if row.told <= row.due else "Late"
    else:
        standing = "Overdue" if row.due < asked.day else "Waits"
    about = {"case": row.ref, "agency": row.code, "amount": Money(row.amount_minor, row.currency)}
    return {**about, "due": row.due, "told": row.told, "number": row.report_ref or None, "standing": standing}


REPORT = Report(
    "fraud",
    "Fraud register",
    "Cases of a month by kind and agency, where each stands, and whether the regulator was told in time.",
    "month",
    gather,
)
