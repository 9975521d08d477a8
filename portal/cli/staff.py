"""`portal staff`: the bank's own collectors, the portfolio by agency and by staff, and one account moved by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import click
from sqlalchemy.orm import Session

from allocations.agencies.service import lender
from allocations.placements.queries import find_account
from allocations.placements.strategies import books as holdings
from allocations.placements.strategies import staff as service
from allocations.placements.strategies.models import STAFF_ROLES, StaffMember
from portal.access.permissions import Permission
from portal.cli.accounts import IsoDay
from portal.cli.edge import Edge, PortalGroup, money, with_edge
from portal.kernel.errors import Invalid, Problem


@click.group("staff", cls=PortalGroup)
def staff() -> None:
    """The bank's own collectors: who they are, where they work, what they hold."""


@staff.command("list")
@with_edge
def list_(edge: Edge) -> None:
    """Managers first, each list by code."""
    with edge.reading() as session:
        edge.actor(session, Permission.STAFF_READ)
        found = service.list_members(session)
        above = {each.id: each.code for each in found}
        told = [as_json(each, above) for each in found]
    edge.show({"staff": told}, "\n".join(map(as_line, told)) or "None.")


@staff.command("save")
@click.argument("code")
@click.option("--name")
@click.option("--role", type=click.Choice(list(STAFF_ROLES)))
@click.option("--email")
@click.option("--manager", metavar="CODE", help='The territory manager they answer to; "" for nobody.')
@click.option("--pincodes", help="Separated by spaces or commas; a beginning stands for all of them.")
@click.option("--branches", help="Branch codes, separated by spaces or commas.")
@click.option("--capacity", type=int, help="Most accounts; 0: no limit.")
@click.option("--active/--inactive", "is_active", default=None)
@with_edge
def save(edge: Edge, code: str, **told: Any) -> None:
    """Add somebody, or change what is given of the one with this code (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.STAFF_EDIT)
        made = service.save_member(session, code, _values(session, told), actor=actor, now=edge.now)
        shown = as_json(made, {each.id: each.code for each in service.list_members(session)})
    edge.show({"staff": [shown]}, as_line(shown))


def _values(session: Session, told: dict[str, Any]) -> dict[str, Any]:
    """What was given, as the service takes it; what was not given stays as it is."""
    values = {name: told[name] for name in ("name", "role", "is_active") if told[name] is not None}
    if told["email"] is not None:
        values["email"] = told["email"].strip().lower() or None
    if told["capacity"] is not None:
        values["capacity"] = told["capacity"] or None
    for name in ("pincodes", "branches"):
        if told[name] is not None:
            values[name] = sorted(set(told[name].replace(",", " ").split()))
    if told["manager"] is not None:
        values["manager_id"] = _manager(session, told["manager"])
    return values


def _manager(session: Session, code: str) -> int | None:
    if not code:
        return None
    found = {each.code: each.id for each in service.list_members(session)}
    if code not in found:
        message = f"There is nobody with the code {code[:40]}."
        raise Invalid(Problem("not_a_manager", message, "See: portal staff list", column="manager"))
    return found[code]


@staff.command("books")
@with_edge
def books(edge: Edge) -> None:
    """The portfolio of today by agency and by staff: both come to the same total, or it stops."""
    with edge.reading() as session:
        edge.actor(session, Permission.STAFF_READ)
        found, currency = holdings.books_on(session, edge.today), lender(session).currency
        by_agency, by_staff = ([_book(row, currency) for row in rows] for rows in (found.by_agency, found.by_staff))
        told = {
            "currency": currency,
            "total": money(found.total.minor, currency),
            "by_agency": by_agency,
            "by_staff": by_staff,
        }
    lines = [
        f"{word}  {row['code'] or 'nobody'}: {row['accounts']:,} accounts, {row['principal']}"
        for word, rows in (("agency", by_agency), ("staff", by_staff))
        for row in rows
    ]
    edge.show(told, "\n".join([*lines, f"All: {told['total']} {currency}"]))


def _book(row: Any, currency: str) -> dict[str, Any]:
    principal = money(row.minor, currency)
    return {
        "code": row.code or None,
        "name": row.name,
        "answers_to": row.above or None,
        "accounts": row.accounts,
        "principal": principal,
    }


@staff.command("hand-over")
@click.argument("account")
@click.option("--to", "code", required=True, metavar="CODE", help="The executive who gets it.")
@click.option("--on", "on", type=IsoDay(), metavar="DATE", help="From this day on; without it: today.")
@with_edge
def hand_over(edge: Edge, account: str, code: str, on: date | None) -> None:
    """Give one account to an executive; whoever holds it, holds it through the day before (needs --as)."""
    with edge.unit() as session:
        actor = edge.actor(session, Permission.STAFF_EDIT)
        given: dict[str, Any] = {"on": on or edge.today, "actor": actor, "now": edge.now}
        member = service.find_member(session, code)
        made = service.hand_over(session, find_account(session, account), member, **given)
        told = {"account": account, "staff": code, "from": made.from_on}
    edge.show(told, f"{account} is {code}'s from {told['from']} on.")


def as_json(member: StaffMember, above: dict[int, str]) -> dict[str, Any]:
    return {
        "code": member.code,
        "name": member.name,
        "role": member.role,
        "email": member.email,
        "manager": above.get(member.manager_id or 0),
        "pincodes": list(member.pincodes),
        "branches": list(member.branches),
        "capacity": member.capacity,
        "active": member.is_active,
    }


def as_line(told: dict[str, Any]) -> str:
    under = f", answers to {told['manager']}" if told["manager"] else ""
    room = f", at most {told['capacity']:,} accounts" if told["capacity"] else ""
    return f"{told['code']}  {told['name']}, {told['role'].replace('_', ' ')}{under}{room}{'' if told['active'] else ', inactive'}"


def register(portal: click.Group) -> None:
    portal.add_command(staff)
