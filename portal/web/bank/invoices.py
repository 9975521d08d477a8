"""Tax invoices at the bank: those handed in are accepted or rejected, those the lender owes itself are issued in time."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import UnprocessableEntity
from werkzeug.wrappers import Response

from allocations.agencies.models import Agency
from allocations.agencies.queries import agency_choices
from payouts.settlements import invoice_queries as queries
from payouts.settlements import invoices
from payouts.settlements.service import load as load_settlement
from payouts.settlements.tax_papers import paper_of_settlement
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.web.bank.invoices_forms import AcceptInvoiceForm, RaiseForm, RejectInvoiceForm
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of
from portal.web.handed_files import handed_out

bp = Blueprint("bank_invoices", __name__, url_prefix="/bank/invoices")
Answer = Response | tuple[str, int]
TABS = {
    "proposed": "To decide",
    "accepted": "Accepted",
    "rejected": "Rejected",
    "withdrawn": "Taken back",
    "cancelled": "Cancelled",
    "carried": "Carried over",
    "": "All",
}


@bp.get("")
@permission(Permission.INVOICE_READ)
def index() -> str:
    session = db_session()
    status, agency = request.args.get("state", "proposed"), request.args.get("agency", "").strip()[:60]
    status = status if status in TABS else "proposed"
    page = page_of(
        lambda after, limit: queries.list_invoices(session, status=status, agency=agency, after=after, limit=limit),
        lambda row: (row.invoice.id,),
    )
    missing = queries.wanted(session)
    return render_template(
        "bank/invoices/index.html",
        page=page,
        tab=status,
        tabs=TABS,
        agencies=agency_choices(session),
        own=[each for each in missing if each.need.whose == "self"],
        missing=[each for each in missing if each.need.whose == "agency"],
        raise_form=RaiseForm(formdata=None),
        today=clock().today(),
    )


@bp.get("/<int:invoice_id>")
@permission(Permission.INVOICE_READ)
def show(invoice_id: int) -> str:
    return invoice_page(invoice_id)


def invoice_page(invoice_id: int, **forms: Any) -> str:
    session = db_session()
    row = queries.invoice_row(session, invoice_id)
    settlement = load_settlement(session, row.settlement_ref)
    agency = session.get_one(Agency, row.invoice.agency_id)
    acts = {
        "accept_form": AcceptInvoiceForm(formdata=None),
        "reject_form": RejectInvoiceForm(formdata=None),
        "withdraw_form": RaiseForm(formdata=None),
    }
    return render_template(
        "bank/invoices/show.html",
        row=row,
        invoice=row.invoice,
        settlement=settlement,
        agency=agency,
        lender=queries.lender_of(session),
        tax=settlement.tax.get("sales_tax") or {},
        need=invoices.need_of(settlement, agency),
        expected=invoices.expected_of(settlement, agency),
        paper=paper_of_settlement(session, settlement.id) if row.invoice.source == "self" else None,
        **acts | forms,
    )


@bp.post("/<int:invoice_id>/accept")
@permission(Permission.INVOICE_DECIDE)
def accept(invoice_id: int) -> Answer:
    return decide(invoice_id, AcceptInvoiceForm(), accept=True)


@bp.post("/<int:invoice_id>/reject")
@permission(Permission.INVOICE_DECIDE)
def reject(invoice_id: int) -> Answer:
    return decide(invoice_id, RejectInvoiceForm(), accept=False)


def decide(invoice_id: int, form: AcceptInvoiceForm | RejectInvoiceForm, *, accept: bool) -> Answer:
    session = db_session()
    check(identity_here(), Permission.INVOICE_DECIDE, queries.invoice_row(session, invoice_id).invoice)
    if not form.validate_on_submit():
        return invoice_page(invoice_id, **{"accept_form" if accept else "reject_form": form}), 422
    with unit_of_work(session):
        once(form, session)
        found = invoices.load_invoice(session, invoice_id)
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        invoices.decide_invoice(session, found, accept=accept, **given)
        said = f"{found.invoice_no} is {'accepted' if accept else 'rejected'}."
    flash(said, "success")
    return redirect(url_for(".show", invoice_id=invoice_id))


@bp.post("/<int:invoice_id>/withdraw")
@permission(Permission.INVOICE_PROPOSE)
def withdraw(invoice_id: int) -> Answer:
    """Take back an invoice of our own before it is decided."""
    session, form = db_session(), RaiseForm()
    row = queries.invoice_row(session, invoice_id)
    if not form.validate_on_submit() or row.invoice.source != "self":
        raise UnprocessableEntity()
    with unit_of_work(session):
        once(form, session)
        found = invoices.load_invoice(session, invoice_id)
        invoices.withdraw_invoice(session, found, actor=current_actor(), now=clock().now())
    flash(f"{row.invoice.invoice_no} is taken back; its number stays used.", "info")
    return redirect(url_for(".index"))


@bp.post("/raise/<settlement_ref>")
@permission(Permission.INVOICE_PROPOSE)
def raise_own(settlement_ref: str) -> Response:
    """Write the lender's own invoice for a statement."""
    session, form = db_session(), RaiseForm()
    load_settlement(session, settlement_ref)
    if not form.validate_on_submit():
        raise UnprocessableEntity()
    with unit_of_work(session):
        once(form, session)
        made = invoices.raise_self_invoice(session, settlement_ref, actor=current_actor(), now=clock().now())
        number, place = made.invoice_no, made.id
    flash(f"{number} is issued.", "success")
    return redirect(url_for(".show", invoice_id=place))


@bp.get("/<int:invoice_id>/file")
@permission(Permission.INVOICE_READ)
def file(invoice_id: int) -> Response:
    found = invoices.file_of(db_session(), invoice_id)
    return handed_out(found.file_sha256, found.file_name)
