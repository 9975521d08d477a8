"""`portal tax deposit|months|papers|paper|near|interest`: tax paid over, the lender's own documents, days that are near."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from allocations.agencies.service import lender
from payouts.settlements import tax_deposits as deposits
from payouts.settlements.late_interest import propose_interest
from payouts.settlements.tax_alerts import alerts_on
from payouts.settlements.tax_deductions import MonthDue, month_dues
from payouts.settlements.tax_deposits import NewDeposit
from payouts.settlements.tax_paper_pdf import paper_pdf
from payouts.settlements.tax_papers import PaperRow, find_paper, list_papers
from payouts.tax.due_dates import parse_part, part_of_year
from payouts.tax.models import WithholdingDeposit
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalCommand, PortalGroup, money, money_or_none, output_file, with_edge
from portal.cli.limits import minor_of
from portal.cli.settlements import read_month
from portal.kernel.errors import Invalid, Problem
from portal.kernel.periods import Period, month_of

DAY = click.DateTime(["%Y-%m-%d"])
OUT = click.Path(path_type=Path)


@click.group("deposit", cls=PortalGroup)
def deposit() -> None:
    """Tax withheld and paid to the government: entered from its receipt by one person, accepted by another."""


def deposit_json(row: WithholdingDeposit) -> dict[str, Any]:
    return {
        "ref": row.ref,
        "month": month_of(row.period_start).label,
        "section": row.section,
        "code": row.code,
        "amount": money(row.amount_minor, row.currency),
        "interest": money(row.interest_minor, row.currency),
        "currency": row.currency,
        "bank_code": row.bank_code or None,
        "challan": row.challan_no,
        "on": row.deposited_on,
        "status": row.status,
        "proposed_by": row.proposed_by,
        "decided_by": row.decided_by,
        "cancel_asked_by": row.cancel_asked_by,
        "cancelled_by": row.cancelled_by,
    }


def show_deposits(edge: Edge, rows: list[dict[str, Any]]) -> None:
    said = [
        f"{row['ref']}  {row['month']} {row['code']}  {row['amount']}  {row['on']}  {row['status']}" for row in rows
    ]
    edge.show({"deposits": rows}, "\n".join(said) or "None.")


@deposit.command("list")
@click.option("--status", default="")
@with_edge
def list_(edge: Edge, status: str) -> None:
    """Deposits, the last entered first."""
    with edge.reading() as session:
        edge.actor(session, Permission.TAX_READ)
        rows = [deposit_json(row) for row in deposits.list_deposits(session, status=status, limit=1_000)]
    show_deposits(edge, rows)


@deposit.command("propose")
@click.argument("month", callback=read_month, metavar="YYYY-MM")
@click.argument("code")
@click.option("--amount", required=True, help="The tax, as on the receipt: what the statements withheld.")
@click.option("--interest", default=None, help="What was paid on top for being late.")
@click.option("--challan", required=True, help="Challan serial number, or payment registration number (Kenya).")
@click.option("--bsr", default="", help="BSR code of the branch (India).")
@click.option("--on", "paid_on", type=DAY, required=True)
@click.option("--settlement", "refs", multiple=True, help="Only these statements; all that are open if not given.")
@with_edge
def propose(
    edge: Edge,
    month: Period,
    code: str,
    amount: str,
    interest: str | None,
    challan: str,
    bsr: str,
    paid_on: datetime,
    refs: tuple[str, ...],
) -> None:
    """Enter a deposit of a month's tax under a code (needs --as)."""
    with edge.unit() as session:
        actor, currency = edge.actor(session, Permission.TAX_DEPOSIT_PROPOSE), lender(session).currency
        minor, extra = minor_of(amount, currency, "amount") or 0, minor_of(interest, currency, "interest") or 0
        new = NewDeposit(month, code, challan, bsr, paid_on.date(), minor, extra, refs)
        row = deposit_json(deposits.propose_deposit(session, new, actor=actor, now=edge.now, today=edge.today))
    show_deposits(edge, [row])


@deposit.command("accept")
@click.argument("ref")
@click.option("--reason", default="")
@with_edge
def accept(edge: Edge, ref: str, reason: str) -> None:
    """Accept a deposit somebody else entered: it is in the books (needs --as)."""
    decide(edge, ref, accept=True, reason=reason)


@deposit.command("reject")
@click.argument("ref")
@click.option("--reason", required=True)
@with_edge
def reject(edge: Edge, ref: str, reason: str) -> None:
    """Reject a deposit somebody else entered (needs --as)."""
    decide(edge, ref, accept=False, reason=reason)


def decide(edge: Edge, ref: str, *, accept: bool, reason: str) -> None:
    with edge.unit() as session:
        actor = edge.actor(session, Permission.TAX_DEPOSIT_DECIDE)
        found = deposits.load_deposit(session, ref)
        deposits.decide_deposit(session, found, accept=accept, reason=reason, actor=actor, now=edge.now)
        row = deposit_json(found)
    show_deposits(edge, [row])


@deposit.command("withdraw")
@click.argument("ref")
@with_edge
def withdraw(edge: Edge, ref: str) -> None:
    """Take a deposit back before it is decided (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.TAX_DEPOSIT_PROPOSE)
        found = deposits.load_deposit(session, ref)
        deposits.withdraw_deposit(session, found, actor=actor, now=edge.now)
        row = deposit_json(found)
    show_deposits(edge, [row])


@deposit.command("ask-cancel")
@click.argument("ref")
@click.option("--reason", required=True)
@with_edge
def ask_cancel(edge: Edge, ref: str, reason: str) -> None:
    """Say that an accepted deposit was entered wrongly; another person cancels it (needs --as)."""
    say(edge, ref, reason, deposits.ask_to_cancel)


@deposit.command("keep")
@click.argument("ref")
@click.option("--reason", required=True)
@with_edge
def keep(edge: Edge, ref: str, reason: str) -> None:
    """Leave a deposit that somebody asked to cancel as it is (needs --as)."""
    say(edge, ref, reason, deposits.keep_deposit)


def say(edge: Edge, ref: str, reason: str, act: Callable[..., None]) -> None:
    with edge.unit() as session:
        actor = edge.actor(session, Permission.TAX_DEPOSIT_PROPOSE)
        found = deposits.load_deposit(session, ref)
        act(session, found, reason=reason, actor=actor, now=edge.now)
        row = deposit_json(found)
    show_deposits(edge, [row])


@deposit.command("cancel")
@click.argument("ref")
@with_edge
def cancel(edge: Edge, ref: str) -> None:
    """Take a deposit out of the books that somebody else asked to cancel (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.TAX_DEPOSIT_DECIDE)
        found = deposits.load_deposit(session, ref)
        deposits.cancel_deposit(session, found, actor=actor, now=edge.now)
        row = deposit_json(found)
    show_deposits(edge, [row])


@click.command("months", cls=PortalCommand)
@click.option("--quarter", default="", metavar="2026-Q3", help="Of the tax year; the one today lies in if not given.")
@with_edge
def months(edge: Edge, quarter: str) -> None:
    """Each month's withheld tax by code: paid over, open, late, and what being late costs."""
    with edge.reading() as session:
        edge.actor(session, Permission.TAX_READ)
        country = lender(session).country
        try:
            part = parse_part(quarter, 3, country) if quarter else part_of_year(edge.today, 3, country)
        except ValueError as wrong:
            raise Invalid(Problem("bad_part", f"That is no quarter: {wrong}.", value=quarter)) from None
        known = deposits.deposited_of(session, part.period)
        rows = [month_json(row) for row in month_dues(session, country, part.period, known, edge.today)]
    said = [f"{row['month']} {row['code']}  {row['withheld']}  by {row['deposit_by']}  {row['state']}" for row in rows]
    edge.show({"quarter": part.code, "months": rows}, "\n".join(said) or "None.")


def month_json(row: MonthDue) -> dict[str, Any]:
    sums = {
        "withheld": row.deducted_minor,
        "deposited": row.deposited_minor,
        "waiting": row.waiting_minor,
        "open": row.open_minor,
        "interest": row.interest_minor,
    }
    return {
        "month": row.month.label,
        "section": row.section,
        "code": row.code,
        **{name: money(minor, row.currency) for name, minor in sums.items()},
        "currency": row.currency,
        "deposit_by": row.deposit_by,
        "state": row.state,
        "deposits": [each.ref for each in row.deposits],
    }


@click.command("papers", cls=PortalCommand)
@with_edge
def papers(edge: Edge) -> None:
    """Self-invoices and payment vouchers, the last issued first."""
    with edge.reading() as session:
        edge.actor(session, Permission.TAX_READ)
        rows = [paper_json(row) for row in list_papers(session, limit=None)]
    said = [f"{row['number']}  {row['agency']}  {row['settlement']}  {row['on']}" for row in rows]
    edge.show({"papers": rows}, "\n".join(said) or "None.")


def paper_json(row: PaperRow) -> dict[str, Any]:
    paper = row.paper
    return {
        "number": paper.number,
        "kind": paper.kind,
        "registration": paper.registration,
        "agency": row.agency_code,
        "settlement": row.settlement_ref,
        "payout": paper.payout_ref,
        "on": paper.issued_on,
        "sha256": paper.sha256,
        "cancelled": row.is_cancelled,
    }


@click.command("paper", cls=PortalCommand)
@click.argument("number")
@click.option("--pdf", type=OUT, callback=output_file, help="Write it as a PDF.")
@click.option("--json-out", "json_out", type=OUT, callback=output_file, help="Write its canonical text.")
@with_edge
def paper(edge: Edge, number: str, pdf: Path | None, json_out: Path | None) -> None:
    """One document, as files."""
    with edge.reading() as session:
        edge.actor(session, Permission.TAX_READ)
        found = find_paper(session, number)
        text, sha256 = found.text, found.sha256
    if pdf:
        pdf.write_bytes(paper_pdf(text))
    if json_out:
        json_out.write_text(text, encoding="utf-8")
    files = [str(each) for each in (pdf, json_out) if each]
    said = f"{number}  sha256 {sha256}" + "".join(f"\nWritten to {each}." for each in files)
    edge.show({"number": number, "sha256": sha256, "files": files}, said)


@click.command("near", cls=PortalCommand)
@with_edge
def near(edge: Edge) -> None:
    """Statements and taxes whose day is near or past: what finance is written letters about."""
    with edge.reading() as session:
        edge.actor(session, Permission.TAX_READ)
        found = alerts_on(session, edge.today)
    rows = [
        {
            "what": each.what,
            "about": each.about_ref,
            "amount": money_or_none(each.amount_minor, each.currency),
            "currency": each.currency,
            "due_on": each.due_on,
            "stage": each.stage,
        }
        for each in found
    ]
    said = [f"{row['due_on']}  {row['stage']}  {row['what']}  {row['amount']}" for row in rows]
    edge.show({"near": rows}, "\n".join(said) or "Nothing is near its day.")


@click.command("interest", cls=PortalCommand)
@click.argument("ref")
@with_edge
def interest(edge: Edge, ref: str) -> None:
    """Propose what a late payment to a small firm costs as an adjustment (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.ADJUSTMENT_PROPOSE)
        made = propose_interest(session, ref, actor=actor, now=edge.now, today=edge.today)
        payload = {"adjustment": made.ref, "settlement": ref, "amount": money(made.amount_minor, made.currency)}
    edge.show(payload, f"{payload['adjustment']} over {payload['amount']} is proposed.")


COMMANDS: tuple[click.Command, ...] = (deposit, months, papers, paper, near, interest)
