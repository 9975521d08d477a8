"""What an agency says to its statement: accept it, dispute a line or a receipt that earned nothing, hand in the tax invoice."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import UnprocessableEntity
from werkzeug.wrappers import Response

from payouts.settlements import answering, dispute_queries, disputes, invoices
from payouts.settlements.complaint_lines import Kept, kept_of_statement
from payouts.settlements.dispute_queries import DisputeRow
from payouts.settlements.dispute_rules import FOLLOWS
from payouts.settlements.invoice_carrying import left_behind
from payouts.settlements.invoice_queries import list_invoices
from payouts.settlements.invoice_rules import Told
from payouts.settlements.models import Settlement
from payouts.settlements.queries import SettlementDetail, line_ref, settlement_detail
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import NotFound, Problem
from portal.kernel.money import plain
from portal.web.agency.accounts import own_agency, own_agency_id
from portal.web.agency.answers_forms import AcceptForm, DisputeForm, InvoiceForm, TakeBackForm
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of
from portal.web.handed_files import PAPERS, handed_out, kept_file
from portal.web.typed import kept_on_page, minor_typed

bp = Blueprint("agency_answers", __name__, url_prefix="/agency/statements")
Answer = Response | tuple[str, int]


@dataclass(frozen=True)
class Panel:
    """Where the agency's answer to a statement stands, for the head of its page."""

    is_issued: bool
    can_accept: bool
    can_dispute: bool
    days_left: int | None
    disputes: list[DisputeRow]
    complained: list[Kept]
    by_position: dict[int, DisputeRow]
    form: AcceptForm
    follows = FOLLOWS

    @property
    def open(self) -> list[DisputeRow]:
        return [each for each in self.disputes if each.is_open]


def panel_of(settlement: Settlement, today: date) -> Panel:
    issued = settlement.status in answering.IN_THE_LEDGER
    rows = dispute_queries.disputes_of(db_session(), settlement.id) if issued else []
    refused = answering.why_not_disputable(settlement, today)
    left = (settlement.answer_by_on - today).days if settlement.answer_by_on else None
    return Panel(
        is_issued=issued,
        can_accept=issued and not settlement.answer and (left is None or left >= 0),
        can_dispute=issued and refused is None,
        days_left=left,
        disputes=rows,
        complained=kept_of_statement(db_session(), settlement) if issued else [],
        by_position=dispute_queries.by_position(rows),
        form=AcceptForm(formdata=None, expected_hash=settlement.hash),
    )


def invoice_box(settlement: Settlement) -> dict[str, Any]:
    """What the statement wants of an invoice, and those there are, the newest first."""
    session = db_session()
    rows = list_invoices(session, settlement_id=settlement.id)
    live = next((row.invoice for row in rows if row.invoice.status in invoices.LIVE), None)
    form = TakeBackForm(formdata=None)
    return {"need": invoices.need_of(settlement, own_agency()), "rows": rows, "live": live, "form": form} | {
        "cancelled": left_behind(session, settlement, ("cancelled",))
    }


def own_statement(ref: str) -> SettlementDetail:
    """An issued statement of this agency. NotFound otherwise."""
    detail = settlement_detail(db_session(), ref, sums=False)
    if detail.settlement.status not in answering.IN_THE_LEDGER:
        raise NotFound("This statement was not issued.")
    return detail


@bp.post("/<ref>/accept")
@permission(Permission.OWN_STATEMENT_ANSWER)
def accept(ref: str) -> Response:
    """Agree to all of it."""
    session, form = db_session(), AcceptForm()
    check(identity_here(), Permission.OWN_STATEMENT_ANSWER, own_statement(ref).settlement)
    if not form.validate_on_submit():
        raise UnprocessableEntity()
    with unit_of_work(session):
        once(form, session)
        given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
        answering.accept_statement(session, ref, expected_hash=form.expected_hash.data, **given)
    flash(f"You have accepted {ref}.", "success")
    return redirect(url_for("agency_statements.show", ref=ref))


# --- a line, or a receipt that earned nothing


@dataclass(frozen=True)
class Subject:
    """What a dispute would be about, as the page shows it."""

    given: dict[str, int]
    title: str
    said: str
    line_minor: int
    line_ref: str | None
    refusal: str = ""


def subject_here(settlement: Settlement) -> Subject:
    """What the address names. NotFound when it names nothing of this statement."""
    session = db_session()
    if (number := request.args.get("line", type=int)) is not None:
        line = dispute_queries.line_at(session, settlement, number)
        given, named = {"position": number}, line_ref(settlement.ref, number)
        return Subject(given, f"Line {number}", line.description, line.amount_minor, named, FOLLOWS.get(line.kind, ""))
    number = request.args.get("receipt", type=int) or 0
    found = dispute_queries.unpaid_receipts(session, settlement, collection_id=number, limit=1) if number else []
    if not found:
        raise NotFound("This statement has no such line.")
    said = f"{found[0].meaning}: {found[0].loan_account_no}, {found[0].collected_on:%-d %B %Y}"
    return Subject({"collection_id": number}, f"Receipt {found[0].receipt_no}", said, 0, None)


@bp.route("/<ref>/dispute", methods=["GET", "POST"])
@permission(Permission.OWN_STATEMENT_ANSWER)
def dispute(ref: str) -> str | Answer:
    """Dispute a line (`?line=`) or a receipt that earned nothing (`?receipt=`)."""
    detail, form = own_statement(ref), DisputeForm()
    subject = subject_here(detail.settlement)
    problems: list[Problem] = []
    if form.validate_on_submit():
        with kept_on_page(problems, "disputed_already", "too_late", "accepted", "follows"):
            made = opened(form, detail, subject)
            flash(f"Disputed as {made}. The bank has your words now.", "success")
            return redirect(url_for("agency_disputes.show", ref=made))
    over = answering.why_not_disputable(detail.settlement, clock().today())
    page = render_template(
        "agency/answers/dispute.html",
        detail=detail,
        subject=subject,
        form=form,
        problems=problems,
        refusal=over.message if over else subject.refusal,
        today=clock().today(),
    )
    return (page, 422) if form.errors or problems else page


def opened(form: DisputeForm, detail: SettlementDetail, subject: Subject) -> str:
    session, settlement = db_session(), detail.settlement
    claimed = minor_typed(form.claimed.data, settlement.currency, signed=True)
    claim = disputes.Claim(form.reason.data, form.comment.data or "", claimed, **subject.given)
    with unit_of_work(session):
        once(form, session)
        file = kept_file(form.file, settlement.agency_id)
        given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "today": clock().today()}
        return disputes.open_dispute(session, settlement.ref, claim, file=file, **given).ref


@bp.get("/<ref>/unpaid")
@permission(Permission.OWN_STATEMENT_READ)
def unpaid(ref: str) -> str:
    """The receipts that earned nothing on a statement, each to be disputed."""
    session, detail = db_session(), own_statement(ref)
    code, text = request.args.get("code", "")[:60], request.args.get("text", "").strip()[:60]
    page = page_of(
        lambda after, limit: dispute_queries.unpaid_receipts(
            session, detail.settlement, code=code, text=text, after=after, limit=limit
        ),
        lambda row: (row.id,),
    )
    panel = panel_of(detail.settlement, clock().today())
    return render_template(
        "agency/answers/unpaid.html", detail=detail, page=page, narrowed=bool(code or text), answers=panel
    )


# --- the tax invoice


@bp.route("/<ref>/invoice", methods=["GET", "POST"])
@permission(Permission.OWN_INVOICE_ADD)
def invoice(ref: str) -> str | Answer:
    """Hand in the tax invoice of a statement."""
    detail, agency = own_statement(ref), own_agency()
    expected = invoices.expected_of(detail.settlement, agency)
    currency = detail.settlement.currency
    form = InvoiceForm(
        taxable=plain(expected.taxable_minor, currency),
        tax=plain(expected.tax_minor, currency),
        tax_id=expected.tax_id,
        reverse_charge="yes" if expected.is_reverse_charge else "no",
    )
    form.tax_id.label.text = "Your GSTIN on it" if agency.country == "IN" else "Your tax number on it"
    problems: list[Problem] = []
    if form.validate_on_submit():
        with kept_on_page(problems, "invoice_there", "no_invoice_wanted"):
            number = taken_in(form, ref, currency)
            flash(f"{number} is handed in. The bank looks at it.", "success")
            return redirect(url_for("agency_statements.show", ref=ref))
    page = render_template(
        "agency/answers/invoice.html",
        detail=detail,
        form=form,
        expected=expected,
        box=invoice_box(detail.settlement),
        problems=problems,
    )
    return (page, 422) if form.errors or problems else page


def taken_in(form: InvoiceForm, ref: str, currency: str) -> str:
    session = db_session()
    told = Told(
        form.invoice_no.data or "",
        form.invoiced_on.data,
        minor_typed(form.taxable.data, currency),
        minor_typed(form.tax.data, currency),
        form.tax_id.data or "",
        form.reverse_charge.data == "yes",
    )
    with unit_of_work(session):
        once(form, session)
        file = kept_file(form.file, own_agency_id(), PAPERS)
        given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "today": clock().today()}
        return invoices.hand_in(session, ref, told, file=file, **given).invoice_no


@bp.post("/<ref>/invoice/withdraw")
@permission(Permission.OWN_INVOICE_ADD)
def withdraw_invoice(ref: str) -> Response:
    """Take the invoice back before it is decided."""
    session, form = db_session(), TakeBackForm()
    settlement = own_statement(ref).settlement
    if not form.validate_on_submit():
        raise UnprocessableEntity()
    with unit_of_work(session):
        once(form, session)
        there = invoices.live_invoice(session, settlement.id)
        if there is None or there.source != "agency":
            raise NotFound("There is no invoice to take back.")
        found = invoices.load_invoice(session, there.id)
        invoices.withdraw_invoice(session, found, actor=current_actor(), now=clock().now())
    flash(f"{found.invoice_no} is taken back.", "info")
    return redirect(url_for("agency_statements.show", ref=ref))


@bp.get("/<ref>/invoice/file")
@permission(Permission.OWN_STATEMENT_READ)
def invoice_file(ref: str) -> Response:
    """The newest invoice of a statement, as it was handed in."""
    rows = list_invoices(db_session(), settlement_id=own_statement(ref).settlement.id, limit=1)
    if not rows or rows[0].invoice.file_sha256 is None:
        raise NotFound("There is no such file.")
    return handed_out(rows[0].invoice.file_sha256, rows[0].invoice.file_name)
