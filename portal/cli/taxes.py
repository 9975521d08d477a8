"""`portal tax`: what is due, the registers as JSON or as the file finance hands in, and lower-deduction certificates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import click

from allocations.agencies.queries import find_agency
from allocations.agencies.service import lender
from payouts.settlements import tax_certificates as certificates
from payouts.settlements.late_interest import half_year
from payouts.settlements.tax_certificates import CertificateRow, Entry
from payouts.settlements.tax_deposits import deposited_of
from payouts.settlements.tax_overview import dues
from payouts.settlements.tax_registers import charged_rows, withheld_rows
from payouts.settlements.tax_sheets import (
    CHARGED,
    SMALL_FIRMS,
    WITHHELD,
    charged_cells,
    small_firm_cells,
    withheld_cells,
)
from payouts.tax.due_dates import Part, parse_part, part_of_year
from portal.access.permissions import Permission
from portal.cli.edge import Edge, PortalGroup, money, money_or_none, output_file, with_edge
from portal.cli.settlements import read_month
from portal.cli.tax_deposits import COMMANDS
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import Money, shown
from portal.kernel.periods import Period, month_of
from portal.kernel.tables.out import write_csv
from portal.kernel.tables.values import parse_amount

DAY = click.DateTime(["%Y-%m-%d"])
CSV = click.option(
    "--csv", "out", type=click.Path(path_type=Path), callback=output_file, help="Write the register to this file."
)


@click.group("tax", cls=PortalGroup)
def tax() -> None:
    """Tax withheld, GST or VAT, and the clock of small firms."""


@tax.command("due")
@with_edge
def due(edge: Edge) -> None:
    """What is to be paid over or handed in next, and what was due lately."""
    with edge.reading() as session:
        edge.actor(session, Permission.TAX_READ)
        found = dues(session, edge.today)
    rows = [
        {
            "kind": row.kind,
            "what": row.what,
            "amount": money_or_none(row.amount_minor, row.currency),
            "currency": row.currency,
            "due_on": row.due_on,
        }
        for row in found
    ]
    edge.show({"due": rows}, "\n".join(f"{row['due_on']}  {row['what']}  {row['amount']}" for row in rows) or "None.")


@tax.command("withheld")
@click.option("--quarter", default="", metavar="2026-Q3", help="Of the tax year; the one today lies in if not given.")
@CSV
@with_edge
def withheld(edge: Edge, quarter: str, out: Path | None) -> None:
    """Tax withheld in a quarter, with the columns of the return."""
    with edge.reading() as session:
        edge.actor(session, Permission.TAX_READ)
        part = named_part(quarter, 3, lender(session).country, edge.today)
        deposits = deposited_of(session, part.period, ("accepted",))
        rows = [withheld_cells(row, deposits) for row in withheld_rows(session, part.period)]
    show_register(edge, {"quarter": part.code}, WITHHELD, rows, out, "tax_deducted")


@tax.command("charged")
@click.option("--month", callback=read_month, metavar="YYYY-MM", help="Of the return; this month if not given.")
@click.option("--mode", type=click.Choice(["reverse_charge", "forward_charge"]), default="reverse_charge")
@CSV
@with_edge
def charged(edge: Edge, month: Period | None, mode: str, out: Path | None) -> None:
    """GST or VAT on agencies' fees in a month's return."""
    month = month or month_of(edge.today)
    with edge.reading() as session:
        edge.actor(session, Permission.TAX_READ)
        rows = [charged_cells(row) for row in charged_rows(session, month, mode)[0]]
    show_register(edge, {"month": month.label, "mode": mode}, CHARGED, rows, out, "total")


@tax.command("small-firms")
@click.option("--half", default="", metavar="2026-H1", help="Of the tax year; the one today lies in if not given.")
@CSV
@with_edge
def small_firms(edge: Edge, half: str, out: Path | None) -> None:
    """Dues to micro and small firms in a half-year, as MSME-1 lists them."""
    with edge.reading() as session:
        edge.actor(session, Permission.TAX_READ)
        part = named_part(half, 6, "IN", edge.today)
        as_of = min(edge.today, part.last_day)
        rows = [small_firm_cells(row, standing, as_of) for row, standing in half_year(session, part, edge.today)]
    show_register(edge, {"half": part.code}, SMALL_FIRMS, rows, out, "due")


def named_part(text: str, months: int, country: str, today: date) -> Part:
    """A quarter or half as it is written. Invalid otherwise."""
    try:
        return parse_part(text, months, country) if text else part_of_year(today, months, country)
    except ValueError as wrong:
        raise Invalid(Problem("bad_part", f"That is no part of a tax year: {wrong}.", value=text)) from None


def show_register(
    edge: Edge, about: dict[str, str], header: Sequence[str], rows: list[list[object]], out: Path | None, sums: str
) -> None:
    """The rows as JSON, or as a file and a line about it."""
    if out is not None:
        out.write_bytes(write_csv(header, rows))
    told = [{name: in_json(cell) for name, cell in zip(header, row, strict=True)} for row in rows]
    amounts = [cell for row in rows for name, cell in zip(header, row, strict=True) if name == sums]
    minor = sum(each.minor for each in amounts if isinstance(each, Money))
    currency = next((each.currency for each in amounts if isinstance(each, Money)), "")
    total = shown(minor, currency) if currency else "nothing"
    said = f"{', '.join(about.values())}: {len(rows)} rows, {total}." + (f" Written to {out}." if out else "")
    edge.show(about | {"rows": told, "file": str(out) if out else None}, said)


def in_json(cell: object) -> Any:
    return cell.major if isinstance(cell, Money) else str(cell) if isinstance(cell, Decimal) else cell


@tax.group("certificate", cls=PortalGroup)
def certificate() -> None:
    """Lower-deduction certificates, entered by one person and accepted by another."""


@certificate.command("propose")
@click.argument("agency_code")
@click.argument("number")
@click.option("--section", required=True, help='As on the certificate, such as "393(1)".')
@click.option("--rate", required=True, help="Per cent, such as 0.5.")
@click.option("--limit", required=True, help="For fees up to this sum.")
@click.option("--from", "valid_from", type=DAY, required=True, help="Its first day.")
@click.option("--to", "valid_to", type=DAY, required=True, help="Its last day.")
@with_edge
def propose(
    edge: Edge,
    agency_code: str,
    number: str,
    section: str,
    rate: str,
    limit: str,
    valid_from: datetime,
    valid_to: datetime,
) -> None:
    """Enter a certificate (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.TAX_CERTIFICATE_PROPOSE)
        agency = find_agency(session, agency_code)
        entry = Entry(
            number, section, fraction(rate), minor(limit, agency.currency), valid_from.date(), valid_to.date()
        )
        ref = certificates.propose_certificate(session, entry, agency=agency, actor=actor, now=edge.now).ref
        told = as_json(certificates.certificate_row(session, ref), edge.today)
    show_certificates(edge, [told])


def fraction(percent: str) -> Decimal:
    try:
        return Decimal(percent) / 100
    except InvalidOperation:
        message = f"{percent!r} is no percentage."
        raise Invalid(Problem("bad_rate", message, "Write it like 0.5.", column="rate")) from None


def minor(text: str, currency: str) -> int:
    found = parse_amount(text, currency)
    if not isinstance(found, int):
        raise Invalid(Problem(found.code, found.message, found.cure, column="limit", value=text))
    return found


@certificate.command("accept")
@click.argument("ref")
@click.option("--reason", default="", help="Goes into the audit log.")
@with_edge
def accept(edge: Edge, ref: str, reason: str) -> None:
    """Accept a certificate somebody else entered (needs --as)."""
    decide(edge, ref, accept=True, reason=reason)


@certificate.command("reject")
@click.argument("ref")
@click.option("--reason", required=True, help="Why not.")
@with_edge
def reject(edge: Edge, ref: str, reason: str) -> None:
    """Reject a certificate somebody else entered (needs --as)."""
    decide(edge, ref, accept=False, reason=reason)


def decide(edge: Edge, ref: str, *, accept: bool, reason: str) -> None:
    with edge.unit() as session:
        actor = edge.actor(session, Permission.TAX_CERTIFICATE_DECIDE)
        found = certificates.load_certificate(session, ref)
        certificates.decide_certificate(session, found, accept=accept, reason=reason, actor=actor, now=edge.now)
        told = as_json(certificates.certificate_row(session, ref), edge.today)
    show_certificates(edge, [told])


@certificate.command("end")
@click.argument("ref")
@click.option("--reason", required=True, help="Why the tax office took it back.")
@with_edge
def end(edge: Edge, ref: str, reason: str) -> None:
    """End an accepted certificate before its last day (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.TAX_CERTIFICATE_PROPOSE)
        found = certificates.load_certificate(session, ref)
        certificates.end_certificate(session, found, reason=reason, actor=actor, now=edge.now)
        told = as_json(certificates.certificate_row(session, ref), edge.today)
    show_certificates(edge, [told])


@certificate.command("withdraw")
@click.argument("ref")
@with_edge
def withdraw(edge: Edge, ref: str) -> None:
    """Take a certificate back before it is decided (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.TAX_CERTIFICATE_PROPOSE)
        found = certificates.load_certificate(session, ref)
        certificates.withdraw_certificate(session, found, actor=actor, now=edge.now)
        told = as_json(certificates.certificate_row(session, ref), edge.today)
    show_certificates(edge, [told])


@certificate.command("list")
@with_edge
def list_(edge: Edge) -> None:
    """Certificates with what is left of them, the last entered first."""
    with edge.reading() as session:
        edge.actor(session, Permission.TAX_READ)
        told = [as_json(row, edge.today) for row in certificates.list_certificates(session, limit=1_000)]
    show_certificates(edge, told)


def as_json(row: CertificateRow, today: date) -> dict[str, Any]:
    found = row.certificate
    return {
        "ref": found.ref,
        "number": found.certificate_no,
        "agency": row.agency_code,
        "section": found.section,
        "rate": str(found.rate),
        "limit": money(found.limit_minor, found.currency),
        "left": money(row.left_minor, found.currency),
        "currency": found.currency,
        "from": found.valid_from,
        "to": found.valid_to,
        "status": row.standing(today),
    }


def show_certificates(edge: Edge, told: list[dict[str, Any]]) -> None:
    said = [f"{row['ref']}  {row['number']}  {row['agency']}  {row['status']}, {row['left']} left" for row in told]
    edge.show({"certificates": told}, "\n".join(said) or "None.")


def register(portal: click.Group) -> None:
    for command in COMMANDS:
        tax.add_command(command)
    portal.add_command(tax)
