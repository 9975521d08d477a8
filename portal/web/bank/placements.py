"""Placements: which accounts were handed to whom, the file they come in, and taking one back."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.agencies.queries import agency_choices
from allocations.placements import queries
from allocations.placements.import_allocations import ALLOCATIONS, import_allocations
from allocations.placements.service import recall as recall_allocation
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Refused, Stale
from portal.kernel.money import Money
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.bank.imports import PlacementForm, header_file, import_page
from portal.web.bank.placements_forms import RecallForm
from portal.web.edge import clock, current_actor, db_session, once, page_of, wants_sums

bp = Blueprint("bank_placements", __name__, url_prefix="/bank/placements")


@bp.get("")
@permission(Permission.PLACEMENT_READ)
def index() -> str:
    page = page_of(
        lambda after, limit: queries.list_placements(db_session(), after, limit), lambda placement: (placement.id,)
    )
    return render_template("bank/placements/index.html", page=page, has_accounts=queries.has_accounts(db_session()))


@bp.route("/import", methods=["GET", "POST"])
@permission(Permission.PLACEMENT_IMPORT)
def new() -> Any:
    form = PlacementForm(data={"placement": request.args.get("placement", "")[:60]})
    code = (form.placement.data or "").strip()
    there = url_for(".show", code=code) if code and form.is_submitted() else url_for(".index")
    return import_page(form, import_allocations, ALLOCATIONS, "bank/placements/new.html", there)


@bp.get("/import/template.csv")
@permission(Permission.PLACEMENT_READ)
def template() -> Response:
    return header_file(ALLOCATIONS)


@bp.get("/<code>")
@permission(Permission.PLACEMENT_READ)
def show(code: str) -> str:
    session = db_session()
    placement = queries.find_placement(session, code)
    chosen = {name: request.args.get(name, "").strip()[:100] for name in ("q", "agency")}
    page = page_of(
        lambda after, limit: queries.list_allocations(session, placement, after, limit, **chosen),
        lambda row: (row.Allocation.id,),
    )
    shares = queries.placement_shares(session, placement) if wants_sums() else None
    return render_template(
        "bank/placements/show.html",
        placement=placement,
        page=page,
        shares=shares,
        chosen={name: value for name, value in chosen.items() if value},
        agencies=agency_choices(session),
        accounts=sum(share.accounts for share in shares or ()),
        principal_minor=sum(share.principal_minor for share in shares or ()),
        currency=shares[0].currency if shares else "INR",
        today=clock().today(),
    )


@bp.get("/<code>/export.<kind>")
@permission(Permission.PLACEMENT_READ)
def download(code: str, kind: str) -> Response:
    """The allocations the filter shows, as a file; it can be imported again."""
    session = db_session()
    placement = queries.find_placement(session, code)
    chosen = {name: request.args.get(name, "").strip()[:100] for name in ("q", "agency")}
    found = queries.list_allocations(session, placement, None, MOST_ROWS, **chosen)
    return export("allocations", kind, EXPORTED, [in_a_row(row) for row in found], {**chosen, "placement": code})


EXPORTED = (
    "loan_account_no", "agency_code", "from_on", "to_on", "agent_code", "target_amount", "stream", "customer_name", "opening_as_of",
    "opening_bucket", "opening_dpd_days", "opening_principal", "opening_total", "opening_overdue", "recalled_at", "recall_reason",
)  # fmt: skip


def in_a_row(row: Any) -> list[Any]:
    a = row.Allocation
    owed = (a.opening_principal_minor, a.opening_total_minor, a.opening_overdue_minor)
    target = None if a.target_minor is None else Money(a.target_minor, a.currency)
    given = [a.loan_account_no, row.code, a.from_on, a.to_on, row.agent, target, a.stream, a.customer_name]
    opening = [a.opening_as_of, a.opening_bucket, a.opening_dpd_days, *(Money(minor, a.currency) for minor in owed)]
    return [*given, *opening, a.recalled_at, a.recall_reason]


@bp.route("/<code>/allocations/<int:allocation_id>/recall", methods=["GET", "POST"])
@permission(Permission.ALLOCATION_RECALL)
def recall(code: str, allocation_id: int) -> str | Response | tuple[str, int]:
    """Show what a recall will do, then do it."""
    session = db_session()
    allocation, agency = queries.find_allocation(session, queries.find_placement(session, code), allocation_id)
    form = RecallForm()
    if not form.is_submitted():
        form.on.data = max(clock().today(), allocation.from_on)
    refused = None
    if form.validate_on_submit():
        try:
            with unit_of_work(session):
                once(form, session)
                recall_allocation(
                    session,
                    allocation,
                    on=form.on.data or clock().today(),
                    reason=form.reason.data or "",
                    actor=current_actor(),
                    now=clock().now(),
                )
            flash(f"{allocation.loan_account_no} is taken back; the last day is {form.on.data:%d %b %Y}.", "success")
            return redirect(url_for(".show", code=code))
        except Stale:
            raise
        except Refused as error:
            refused = error
            allocation, agency = queries.find_allocation(session, queries.find_placement(session, code), allocation_id)
    page = render_template(
        "bank/placements/recall.html", code=code, allocation=allocation, agency=agency, form=form, refused=refused
    )
    return page, 409 if refused else 422 if form.errors else 200
