"""`portal compromises`, `portal plans`, `portal notes`: casework a bank would script: lists, the quarter's report, reminders, a search."""

from __future__ import annotations

from typing import Any

import click

from allocations.agencies.service import lender
from allocations.casework import notes as case_notes
from allocations.casework import offer_queries as queries
from allocations.casework import plans as repayment
from allocations.casework.offers import lapse_offers
from allocations.casework.schedules import Watch
from allocations.casework.watching import propose_breaches
from payouts.tax.due_dates import parse_part, part_of_year
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalGroup, money, with_edge
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import Invalid, Problem
from portal.kernel.jobs import NIGHT
from portal.kernel.money import shown

MOST = 10_000


@click.group("compromises", cls=PortalGroup)
def compromises() -> None:
    """Settlements with borrowers: who offered what, whether it is kept, and the quarter's report."""


@compromises.command("list")
@click.option("--status", default="", help="proposed, recommended, approved, fulfilled, broken, rejected …")
@click.option("--agency", default="", metavar="CODE", help="Only those this agency brought.")
@with_edge
def list_(edge: Edge, status: str, agency: str) -> None:
    """Settlements, the newest first."""
    with edge.reading() as session:
        edge.identity(session, Permission.COMPROMISE_READ)
        rows = queries.list_offers(session, status=status, agency=agency, limit=MOST)
        payload = [as_json(row) for row in rows]
    said = [f"{len(rows):,} settlements."]
    said += [
        f"  {row.offer.ref} {row.loan_account_no}: {shown(row.offer.offer_minor, row.offer.currency)} for"
        f" {shown(row.offer.total_minor, row.offer.currency)}, {row.offer.status}"
        for row in rows
    ]
    edge.show({"settlements": payload}, "\n".join(said))


def as_json(row: queries.OfferRow) -> dict[str, Any]:
    made = row.offer
    return {
        "ref": made.ref,
        "account": row.loan_account_no,
        "agency": row.agency_code,
        "status": made.status,
        "owed": money(made.total_minor, made.currency),
        "offer": money(made.offer_minor, made.currency),
        "given_up": money(made.sacrifice_minor, made.currency),
        "needed_level": row.needed_level,
        "decided_level": made.decided_level,
        "valid_until": made.valid_until,
        "closed_on": made.closed_on,
    }


@compromises.command("watched")
@with_edge
def watched(edge: Edge) -> None:
    """Approved settlements against money seen at the bank."""
    with edge.reading() as session:
        edge.identity(session, Permission.COMPROMISE_READ)
        rows = [
            as_json(row) | watch_json(seen, row.offer.currency) for row, seen in queries.watched(session, edge.today)
        ]
    said = [f"{len(rows):,} settlements run."]
    said += [f"  {row['ref']} {row['account']}: {row['seen']} seen, {row['missing']} missing" for row in rows]
    edge.show({"settlements": rows}, "\n".join(said))


def watch_json(seen: Watch, currency: str) -> dict[str, Any]:
    return {
        "seen": money(seen.paid_minor, currency),
        "missing": money(seen.missing_minor, currency),
        "instalments": [
            {
                "due_on": each.due_on,
                "amount": money(each.amount_minor, currency),
                "state": each.state,
                "paid_on": each.met_on,
            }
            for each in seen.instalments
        ],
    }


@compromises.command("night")
@with_edge
def night(edge: Edge) -> None:
    """Do what is done every night: offers lapse, breaches are proposed, plans are judged, borrowers are reminded."""
    given: dict[str, Any] = {"actor": NIGHT, "now": edge.now}
    with edge.unit() as session:
        done: dict[str, Any] = {
            "lapsed": lapse_offers(session, edge.today, **given),
            "breaches": propose_breaches(session, edge.today, **given),
            **{f"plans_{name}": count for name, count in repayment.judge_plans(session, edge.today, **given).items()},
            "reminders": repayment.write_reminders(session, edge.today, now=edge.now),
        }
    edge.show(done)


@compromises.command("report")
@click.option("--quarter", default="", metavar="YYYY-Qn", help="Of the tax year, as 2026-Q3; today's without it.")
@with_edge
def report(edge: Edge, quarter: str) -> None:
    """Settlements approved in a quarter by level of delegation: count, dues, sacrifice, recovered."""
    with edge.reading() as session:
        edge.identity(session, Permission.COMPROMISE_READ)
        bank = lender(session)
        try:
            part = parse_part(quarter, 3, bank.country) if quarter else part_of_year(edge.today, 3, bank.country)
        except ValueError as error:
            raise Invalid(
                Problem("bad_quarter", f"A quarter is {error}.", "Write 2026-Q3.", column="quarter")
            ) from None
        found = queries.report(session, part.period.start, part.period.end, edge.today)
        levels = [level_json(line, bank.currency) for line in found.lines]
    payload = {"quarter": part.code, "from": part.first, "to": part.last_day, "as_of": edge.today, "levels": levels}
    said = [f"{part.label}: {found.total('count'):,} settlements approved."]
    said += [
        f"  {each['level']} {each['name']}: {each['count']:,}, owed {each['owed']}, given up {each['given_up']},"
        f" recovered {each['recovered']}"
        for each in levels
    ]
    edge.show(payload, "\n".join(said))


def level_json(line: queries.LevelLine, currency: str) -> dict[str, Any]:
    return {
        "level": line.level,
        "name": line.name,
        "count": line.count,
        "owed": money(line.dues_minor, currency),
        "agreed": money(line.offered_minor, currency),
        "given_up": money(line.sacrifice_minor, currency),
        "recovered": money(line.recovered_minor, currency),
        "kept": line.kept,
        "broken": line.broken,
        "departing_from_policy": line.deviating,
    }


@click.group("plans", cls=PortalGroup)
def plans() -> None:
    """Repayment plans: all that is due, bit by bit."""


@plans.command("list")
@click.option("--status", default="", help="proposed, active, kept, broken, cancelled …")
@with_edge
def list_plans(edge: Edge, status: str) -> None:
    """Plans, the newest first, with what the bank has seen."""
    with edge.reading() as session:
        edge.identity(session, Permission.PLAN_READ)
        rows = repayment.list_plans(session, status=status, limit=MOST)
        seen = repayment.watch_plans(session, [row.plan for row in rows], edge.today)
        payload = [
            {
                "plan": row.plan.id,
                "account": row.loan_account_no,
                "agency": row.agency_code,
                "status": row.plan.status,
                "dues": money(row.plan.dues_minor, row.plan.currency),
                **watch_json(seen[row.plan.id], row.plan.currency),
            }
            for row in rows
        ]
    said = [f"{len(rows):,} plans."]
    said += [f"  {row['plan']} {row['account']}: {row['dues']}, {row['seen']} seen, {row['status']}" for row in payload]
    edge.show({"plans": payload}, "\n".join(said))


@plans.command("reminders")
@with_edge
def reminders(edge: Edge) -> None:
    """Instalments due soon, for the house that sends the bank's messages."""
    with edge.reading() as session:
        edge.identity(session, Permission.PLAN_READ)
        found = repayment.reminders(session, edge.today)
    rows = [
        {
            "account": each.loan_account_no,
            "mobile": each.mobile,
            "due_on": each.due_on,
            "amount": money(each.amount_minor, each.currency),
            "message": each.words,
        }
        for each in found
    ]
    said = [f"{len(rows):,} to remind."] + [f"  {each['account']} {each['mobile']}: {each['message']}" for each in rows]
    edge.show({"reminders": rows}, "\n".join(said))


@click.group("notes", cls=PortalGroup)
def notes() -> None:
    """Case notes on accounts."""


@notes.command("find")
@click.argument("words")
@click.option("--account", default="", help="Only on this account.")
@with_edge
def find(edge: Edge, words: str, account: str) -> None:
    """Notes in which all these words stand, the newest first."""
    with edge.reading() as session:
        edge.identity(session, Permission.NOTE_READ)
        rows: list[dict[str, Any]] = [
            {
                "account": row.loan_account_no,
                "written_at": row.note.written_at,
                "written_by": row.note.written_by,
                "agency": row.agency_name,
                "hidden_from_borrower": row.note.is_hidden,
                "note": row.note.body,
            }
            for row in case_notes.find_notes(session, words=words, account=account, limit=MOST)
        ]
    said = [f"{len(rows):,} notes."]
    said += [
        f"  {each['account']} {each['written_at'].astimezone(BANK_ZONE):%d %b %Y}: {each['note']}" for each in rows
    ]
    edge.show({"notes": rows}, "\n".join(said))


def register(portal: click.Group) -> None:
    for group in (compromises, plans, notes):
        portal.add_command(group)
