"""The bank's own collectors, and the portfolio by agency and by staff: both come to the same total."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from allocations.agencies.service import lender
from allocations.placements.strategies import books as holdings
from allocations.placements.strategies import staff
from allocations.placements.strategies.models import StaffMember
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem
from portal.kernel.money import Money
from portal.web.bank.exports import export
from portal.web.bank.strategies import Answer
from portal.web.bank.strategies_forms import MemberForm
from portal.web.charts import share
from portal.web.edge import clock, current_actor, db_session, once, page_of
from portal.web.typed import kept_on_page

bp = Blueprint("bank_staff", __name__, url_prefix="/bank/staff")


@bp.get("/books")
@permission(Permission.STAFF_READ)
def books() -> str:
    """Agency-wise beside staff-wise. It stops rather than show a book that does not sum."""
    session = db_session()
    found = holdings.books_on(session, clock().today())
    return render_template(
        "bank/staff/books.html",
        found=found,
        of_all=lambda minor: share(minor, found.total.minor),
        currency=lender(session).currency,
    )


@bp.get("/books.<kind>")
@permission(Permission.STAFF_READ)
def books_file(kind: str) -> Response:
    session = db_session()
    found, currency = holdings.books_on(session, clock().today()), lender(session).currency
    rows = [
        [book, row.above, row.code or "nobody", row.name, row.accounts, Money(row.minor, currency)]
        for book, held in (("agencies", found.by_agency), ("staff", found.by_staff))
        for row in held
    ]
    return export("books", kind, ("book", "answers_to", "code", "name", "accounts", "principal"), rows, {})


@bp.get("")
@permission(Permission.STAFF_READ)
def members() -> str:
    found = staff.list_members(db_session())
    return render_template("bank/staff/index.html", found=found, by_id={each.id: each for each in found})


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.STAFF_EDIT)
def new() -> Answer:
    return edit_page(None)


@bp.route("/<code>", methods=["GET", "POST"])
@permission(Permission.STAFF_EDIT)
def edit(code: str) -> Answer:
    return edit_page(staff.find_member(db_session(), code))


@bp.get("/<code>/accounts")
@permission(Permission.STAFF_READ)
def accounts(code: str) -> str:
    """The accounts an executive holds today; those of nobody under the code “nobody”."""
    session, today = db_session(), clock().today()
    member = None if code == "nobody" else staff.find_member(session, code)
    page = page_of(
        lambda after, limit: holdings.staff_accounts(session, member.code if member else "", today, after, limit),
        lambda account: (account.loan_account_no,),
    )
    return render_template("bank/staff/accounts.html", member=member, page=page)


def edit_page(member: StaffMember | None) -> Answer:
    session, problems = db_session(), list[Problem]()
    form = MemberForm(data=_shown(member) if member else {"is_active": True})
    managers = [each for each in staff.list_members(session) if each.role == "territory_manager" and each is not member]
    named = (SelectChoice(each.code, f"{each.name}, {each.code}") for each in managers)
    form.manager.choices = [SelectChoice("", "Nobody"), *named]
    if form.validate_on_submit():
        code = member.code if member else (form.code.data or "").strip()
        ids = {each.code: each.id for each in managers}
        with kept_on_page(problems):
            if member is None and any(each.code == code for each in staff.list_members(session)):
                problems.append(Problem("code_taken", f"There is a {code} already.", "Choose another.", column="code"))
            else:
                with unit_of_work(session):
                    once(form, session)
                    _save(form, code, ids, member)
                flash(f"{code} is saved.", "success")
                return redirect(url_for(".members"))
    page = render_template("bank/staff/edit.html", form=form, member=member, problems=problems)
    return (page, 422) if form.errors or problems else page


def _save(form: MemberForm, code: str, ids: dict[str, int], member: StaffMember | None) -> None:
    values: dict[str, Any] = {
        "name": (form.name.data or "").strip(),
        "role": form.role.data,
        "email": (form.email.data or "").strip().lower() or None,
        "manager_id": ids.get(form.manager.data or ""),
        "pincodes": sorted(set((form.pincodes.data or "").replace(",", " ").split())),
        "branches": sorted(set((form.branches.data or "").replace(",", " ").split())),
        "capacity": form.capacity.data,
        "is_active": bool(form.is_active.data),
    }
    seen = request.form.get("version", type=int) if member else None
    given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "expected_version": seen}
    staff.save_member(db_session(), code, values, **given)


def _shown(member: StaffMember) -> dict[str, Any]:
    above = {each.id: each.code for each in staff.list_members(db_session())}
    same = {name: getattr(member, name) for name in ("code", "name", "role", "email", "capacity", "is_active")}
    lists = {"pincodes": " ".join(member.pincodes), "branches": " ".join(member.branches)}
    return {**same, **lists, "manager": above.get(member.manager_id or 0, "")}
