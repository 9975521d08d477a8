"""Complaints and conduct: rates with the numbers behind them, agencies in the order of their codes and not of their rates."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from allocations.agencies.queries import agency_names
from allocations.agencies.service import lender
from allocations.casework.conduct.flag_rules import RULES as WARNING
from allocations.casework.conduct.lifecycle import CATEGORIES, OPEN
from allocations.collections.field.contact_queries import counts_by_agency
from allocations.collections.field.contact_rules import FLAGS
from payouts.reports.asking import Asked, Report, rows_of
from payouts.reports.shape import Column, Row, Section, count, money, rate, text_column
from portal.kernel.clock import BANK_ZONE
from portal.kernel.money import Money

MINE = "(cast(:agency as bigint) is null or c.agency_id = :agency)"
COMPLAINED = f"""
select coalesce(g.code, '') as code, coalesce(g.legal_name, '') as name, c.category, c.currency, count(*) as received,
       count(*) filter (where c.finding = 'substantiated' and c.status in ('decided', 'closed')) as found_true,
       count(*) filter (where c.finding <> 'substantiated' and c.status in ('decided', 'closed')) as found_untrue,
       count(*) filter (where c.status = any(:open)) as open,
       count(*) filter (where (c.status = any(:open) and c.due_on < :today)
                           or (c.status = 'closed' and (c.closed_at at time zone :zone)::date > c.due_on)) as late,
       count(*) filter (where c.status = 'closed') as closed,
       coalesce(sum(extract(day from c.closed_at - c.received_at)) filter (where c.status = 'closed'), 0)::bigint as days,
       coalesce(sum(c.compensation_minor) filter (where c.status in ('decided', 'closed')), 0)::bigint as paid
  from complaints c left join agencies g on g.id = c.agency_id
 where c.received_at >= :began and c.received_at < :ended and c.status <> 'set_aside' and c.channel <> 'contact' and {MINE}
 group by 1, 2, 3, 4 order by 1, 3, 4
"""
HELD = f"""
select g.code, g.legal_name as name, count(*) as held from allocations c join agencies g on g.id = c.agency_id
 where c.from_on < :until and (c.to_on is null or c.to_on >= :since) and {MINE} group by 1, 2 order by 1
"""
FLAGGED = f"""
select c.rule, count(*) as raised, count(*) filter (where c.status = 'explained') as explained,
       count(*) filter (where c.status = 'case') as cases from conduct_flags c
 where c.happened_on >= :since and c.happened_on < :until and {MINE} group by 1 order by 1
"""
NUMBERS = (
    count(
        "received",
        "Complaints",
        "received in the month, whatever became of them; not those set aside as none of ours, nor cases the bank made of contacts",
    ),
    count("found_true", "Found true", "of these, decided by two persons and found true"),
    count("found_untrue", "Not found true", "of these, decided and not found true, or frivolous"),
    count("open", "Open", "of these, still open when the report was asked"),
    count(
        "late",
        "Past their day",
        "closed after the day by which they were to be, or open though it lies before the month's end",
    ),
    count("closed", "Closed", "of these, closed"),
    count("days_sum", "Days these took", "days from received to closed, of the closed ones together"),
    rate("days", "Days to close", "days from received to closed ÷ closed", "days_sum", "closed", per=1),
    money("paid", "Compensation", "decided for these complaints"),
)
BY_AGENCY: tuple[Column, ...] = (
    text_column("agency", "Agency", "who held the account; complaints about none stand by themselves"),
    count("held", "Accounts held", "accounts allocated to it for some day of the month"),
    *NUMBERS,
    rate("rate", "True of 1,000 accounts", "found true ÷ accounts held", "found_true", "held", per=1000),
)
CONTACTS = (
    text_column("agency", "Agency", "whose contacts"),
    count("contacts", "Contacts", "visits, calls, messages and letters of the month"),
    count("breaches", "Breaches", "flags on them that say a rule was broken; one contact may break several"),
    count("looks", "For a look", "flags that only ask for a look: a far place, a late report"),
    rate("rate", "Breaches of 10,000", "breaches ÷ contacts", "breaches", "contacts", per=10_000),
)
RULES = (
    text_column("rule", "Rule", "what the contact was checked against"),
    count("raised", "Flags", "how often a contact of the month was flagged for it"),
)
WARNINGS = (
    text_column("rule", "Warning", "the early-warning rule"),
    count("raised", "Raised", "flags on something that happened in the month"),
    count("explained", "Explained", "of these, closed with an explanation"),
    count("cases", "Became a case", "of these, taken up as a case"),
)
FAIR = (
    "In the order of codes: a rate from few accounts or few contacts says little,"
    " and an agency given hard accounts is complained about more."
)


def gather(session: Session, asked: Asked) -> list[Section]:
    found = rows_of(session, COMPLAINED, asked, open=list(OPEN), today=asked.day, zone=str(BANK_ZONE))
    flags = counts_by_agency(session, asked.span, asked.agency_id)
    names = agency_names(session)
    empty = "No complaint was received."
    return [
        Section("Complaints by agency", BY_AGENCY, _agencies(session, asked, found), note=FAIR, empty=empty),
        Section(
            "Complaints by category",
            (text_column("category", "Category", "what it is about, as the bank wrote it down"), *NUMBERS),
            _summed([(CATEGORIES[row.category], row) for row in found], "category"),
            picture="received",
            empty=empty,
        ),
        Section(
            "Contacts by agency",
            CONTACTS,
            [
                {
                    "agency": "{1} ({0})".format(*names[each]),
                    "contacts": of.contacts,
                    "breaches": of.breaches,
                    "looks": sum(of.by_code.values()) - of.breaches,
                }
                for each, of in sorted(flags.items(), key=lambda item: names[item[0]][0])
            ],
            note=FAIR,
            empty="No contact was reported.",
        ),
        Section(
            "Contacts by rule",
            RULES,
            [
                {"rule": kind.words, "raised": raised}
                for code, kind in FLAGS.items()
                if (raised := sum(of.by_code.get(code, 0) for of in flags.values()))
            ],
            picture="raised",
            empty="No contact was flagged.",
        ),
        Section(
            "Early warnings",
            WARNINGS,
            [
                {**row._mapping, "rule": WARNING[row.rule].name if row.rule in WARNING else row.rule}
                for row in rows_of(session, FLAGGED, asked)
            ],
            note="A warning accuses nobody: it asks a person to look.",
            empty="No warning was raised.",
        ),
    ]


def _agencies(session: Session, asked: Asked, found: list[Any]) -> list[Row]:
    """Agencies that held accounts or were complained about; accounts are counted once, with the first currency."""
    held = {row.code: row for row in rows_of(session, HELD, asked)}
    named = {row.code: f"{row.name} ({row.code})" for row in (*held.values(), *found) if row.code}
    rows = _summed([(named.get(row.code, "No agency"), row) for row in found], "agency")
    counted = {row["agency"] for row in rows}
    currency = lender(session).currency
    rows += [{"agency": name, **_none(currency)} for code, name in named.items() if name not in counted]
    by_name = {name: code for code, name in named.items()}
    seen: set[str] = set()
    whole: list[Row] = []
    for row in sorted(rows, key=lambda row: by_name.get(str(row["agency"]), "~")):
        code = by_name.get(str(row["agency"]), "")
        whole.append({**row, "held": held[code].held if code in held and code not in seen else 0})
        seen.add(code)
    return whole


COUNTED = ("received", "found_true", "found_untrue", "open", "late", "closed", "days", "paid")


def _none(currency: str) -> dict[str, Any]:
    return {**dict.fromkeys(COUNTED, 0), "days_sum": 0, "paid": Money(0, currency)}


def _summed(keyed: list[tuple[str, Any]], name: str) -> list[Row]:
    sums: dict[tuple[str, str], dict[str, int]] = {}
    for key, row in keyed:
        found = sums.setdefault((key, row.currency), dict.fromkeys(COUNTED, 0))
        for each in COUNTED:
            found[each] += int(getattr(row, each))
    return [
        {name: key, **found, "days_sum": found["days"], "paid": Money(found["paid"], currency)}
        for (key, currency), found in sorted(sums.items())
    ]


REPORT = Report(
    "conduct",
    "Complaints and conduct",
    "Complaints of a month and what was found, contacts outside the rules, and early warnings, each rate with its numbers.",
    "month",
    gather,
    version=3,
)
