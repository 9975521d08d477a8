"""Settlements at the bank: the queue, and one settlement with what will happen before it does."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as BaseResponse

from allocations.agencies.bank_details import why_not_usable
from allocations.reconciliation.bench.before_close import open_before_close
from payouts.approvals.limits import in_force, third_key_above
from payouts.approvals.service import acts_on
from payouts.ledger.queries import entries_about
from payouts.rails.queries import payouts_of_settlement
from payouts.settlements import queries
from payouts.settlements.complaint_lines import kept_of_statement, kept_on_approval
from payouts.settlements.dispute_queries import disputes_of
from payouts.settlements.drafting import draft as draft_settlements
from payouts.settlements.lifecycle import PAYABLE, SHOWN
from payouts.settlements.models import Settlement
from payouts.settlements.recalling import has_outdated_payee, why_not_recall
from payouts.settlements.recalling import recall as recall_settlement
from payouts.settlements.service import approve as approve_settlement
from payouts.settlements.service import load, why_not_approve
from payouts.settlements.service import reject as reject_settlement
from payouts.settlements.service import submit as submit_settlement
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.money import Money, shown
from portal.kernel.periods import Period, parse_month
from portal.kernel.tables.out import write_csv
from portal.web.bank import repointing_panel
from portal.web.bank.settlements_forms import ApproveForm, DraftForm, RecallForm, RejectForm, SubmitForm
from portal.web.downloads import attachment
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of, wants_sums
from portal.web.period import recent_periods

bp = Blueprint("bank_settlements", __name__, url_prefix="/bank/settlements")

WAITING = ("submitted", "checked")


def period_asked() -> Period | None:
    """One month, or all of them."""
    try:
        return parse_month(request.args.get("period", ""))
    except ValueError:
        return None


@bp.get("")
@permission(Permission.SETTLEMENT_READ)
def index() -> str:
    session, period = db_session(), period_asked()
    status, agency = request.args.get("status", "")[:20], request.args.get("agency", "").strip()[:60]
    page = page_of(
        lambda after, limit: queries.list_settlements(
            session, period=period, status=status, agency_code=agency, after=after, limit=limit
        ),
        lambda row: (row.period_start, row.ref),
    )
    form = DraftForm()
    form.offer(recent_periods())
    return render_template(
        "bank/settlements/index.html",
        page=page,
        sums=queries.sums_by_status(session, period),
        period=period,
        settled=queries.settled_periods(session),
        statuses=SHOWN,
        form=form,
    )


@bp.post("/draft")
@permission(Permission.SETTLEMENT_DRAFT)
def draft() -> BaseResponse:
    """Draft a month; again is harmless."""
    session, form = db_session(), DraftForm()
    form.offer(recent_periods())
    if not form.validate_on_submit():
        flash("Choose a month.", "error")
        return redirect(url_for(".index"))
    period = parse_month(form.period.data)
    with unit_of_work(session):
        once(form, session)
        outcome = draft_settlements(session, period, actor=current_actor(), now=clock().now())
    if outcome.created:
        flash(f"{outcome.created} settlements of {period.start:%B %Y} drafted.", "success")
    else:
        flash(f"Nothing new for {period.start:%B %Y}: what stands still holds.", "info")
    return redirect(url_for(".index", period=period.label))


@bp.get("/<ref>")
@permission(Permission.SETTLEMENT_READ)
def show(ref: str) -> str:
    return settlement_page(ref)


def settlement_page(ref: str, **forms: Any) -> str:
    session = db_session()
    detail = queries.settlement_detail(session, ref, sums=wants_sums())
    settlement, kind = detail.settlement, request.args.get("kind", "")[:40]
    payouts = payouts_of_settlement(session, settlement.id)
    page = page_of(
        lambda after, limit: queries.list_lines(session, settlement, kind=kind, after=after, limit=limit),
        lambda line: (line.position,),
    )
    acts: dict[str, Any] = {
        "submit_form": SubmitForm(expected_hash=settlement.hash),
        "approve_form": ApproveForm(expected_hash=settlement.hash),
        "reject_form": RejectForm(),
        "recall_form": RecallForm(expected_version=str(settlement.lock_version)),
    }
    contested = disputes_of(session, settlement.id)
    named = [*(payout.ref for payout in payouts), *(row.dispute.ref for row in contested)]
    return render_template(
        "bank/settlements/show.html",
        detail=detail,
        page=page,
        payouts=payouts,
        open_before=open_before_close(session, settlement.agency_id, detail.period)
        if settlement.status == "draft"
        else [],
        entries=entries_about(session, [settlement.ref, *named]),
        disputes=contested,
        complained=[*kept_on_approval(session, settlement), *kept_of_statement(session, settlement)],
        today=clock().today(),
        moved=(moved := repointing_panel.panel(session, settlement) if settlement.status in PAYABLE else {}),
        moved_forms=repointing_panel.forms_of(moved) | forms,
        **keys_and_recall(session, settlement),
        **acts | forms,
    )


def keys_and_recall(session: Session, settlement: Settlement) -> dict[str, Any]:
    """Who has turned a key, who still must, what stands in this person's way, and whether the approval can be taken back."""
    now = clock().now()
    waits, issued = settlement.status in WAITING, settlement.status in PAYABLE
    limits = in_force(session, "settlement", settlement.currency, clock().today()) if waits else []
    return {
        "keys": acts_on(session, "settlement", settlement.ref),
        "third_above": third_key_above(limits),
        "refusal": why_not_approve(session, settlement, actor=current_actor(), now=now) if waits else None,
        "recall_why": why_not_recall(session, settlement) if issued else None,
        "outdated": issued and has_outdated_payee(session, settlement),
        "resting": why_not_usable(session, settlement.agency_id, now=now) if issued else "",
    }


@bp.post("/<ref>/submit")
@permission(Permission.SETTLEMENT_SUBMIT)
def submit(ref: str) -> BaseResponse | tuple[str, int]:
    session, form = db_session(), SubmitForm()
    load(session, ref)
    if not form.validate_on_submit():
        return settlement_page(ref, submit_form=form), 422
    with unit_of_work(session):
        once(form, session)
        submit_settlement(session, ref, actor=current_actor(), now=clock().now(), expected_hash=form.expected_hash.data)
    flash(f"{ref} waits for an approver.", "success")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/approve")
@permission(Permission.SETTLEMENT_APPROVE)
def approve(ref: str) -> BaseResponse | tuple[str, int]:
    """Approve exactly what was shown; never by its maker."""
    session, form = db_session(), ApproveForm()
    check(identity_here(), Permission.SETTLEMENT_APPROVE, load(session, ref))
    if not form.validate_on_submit():
        return settlement_page(ref, approve_form=form), 422
    with unit_of_work(session):
        once(form, session)
        done = approve_settlement(
            session,
            ref,
            actor=current_actor(),
            now=clock().now(),
            expected_hash=form.expected_hash.data,
            comment=form.comment.data or "",
        )
        said = said_of(done)
    flash(said, "success")
    return redirect(url_for(".show", ref=ref))


def said_of(done: Settlement) -> str:
    if done.status == "checked":
        return f"Your key to {done.ref} is turned. A third person must agree: {shown(done.net_minor, done.currency)}."
    return f"{done.ref} is approved: {shown(done.net_minor, done.currency)} to be paid."


@bp.post("/<ref>/recall")
@permission(Permission.SETTLEMENT_RECALL)
def recall(ref: str) -> BaseResponse | tuple[str, int]:
    """Take an approval back before anything is paid; the month is drafted anew."""
    session, form = db_session(), RecallForm()
    load(session, ref)
    if not form.validate_on_submit():
        return settlement_page(ref, recall_form=form), 422
    with unit_of_work(session):
        once(form, session)
        given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "reason": form.reason.data or ""}
        version = int(form.expected_version.data or 0)
        fresh = recall_settlement(session, ref, expected_version=version, **given)
        after = fresh.ref if fresh else ref
    flash(f"The approval of {ref} is taken back." + (f" {after} takes its place." if after != ref else ""), "info")
    return redirect(url_for(".show", ref=after))


@bp.post("/<ref>/reject")
@permission(Permission.SETTLEMENT_APPROVE)
def reject(ref: str) -> BaseResponse | tuple[str, int]:
    session, form = db_session(), RejectForm()
    check(identity_here(), Permission.SETTLEMENT_APPROVE, load(session, ref))
    if not form.validate_on_submit():
        return settlement_page(ref, reject_form=form), 422
    with unit_of_work(session):
        once(form, session)
        reject_settlement(session, ref, actor=current_actor(), now=clock().now(), reason=form.reason.data or "")
    flash(f"{ref} went back to its maker.", "info")
    return redirect(url_for(".show", ref=ref))


LINE_HEADER = ("line", "kind", "description", "receipt_no", "loan_account_no", "rule", "base", "amount", "currency")


@bp.get("/<ref>/lines.csv")
@permission(Permission.SETTLEMENT_READ)
def lines(ref: str) -> BaseResponse:
    """Every line as a sheet."""
    return attachment(lines_as_csv(ref), f"{ref}-lines.csv", "text/csv")


def lines_as_csv(ref: str) -> bytes:
    session = db_session()
    settlement = load(session, ref)
    rows = (
        (
            line.position,
            line.kind,
            line.description,
            line.receipt_no,
            line.loan_account_no,
            line.rule,
            Money(line.base_minor, line.currency) if line.base_minor is not None else None,
            Money(line.amount_minor, line.currency),
            line.currency,
        )
        for line in queries.list_lines(session, settlement)
    )
    return write_csv(LINE_HEADER, rows)
