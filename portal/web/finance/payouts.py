"""Payout batches: make one, approve another's, send it, hand in the bank's answer."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from allocations.agencies.service import lender
from payouts.rails import batches, sending
from payouts.rails.choosing import NOT_PAID_ONLINE, ONLINE_LABEL, ONLINE_RAIL, WHY_A_FILE, offers, online_offers
from payouts.rails.connected_jobs import providers_carry_on
from payouts.rails.debit_queries import awaited_sums, debits_of
from payouts.rails.lifecycle import BATCH_SHOWN, PAYOUT_SHOWN
from payouts.rails.models import PayoutBatch
from payouts.rails.moves import payouts_of
from payouts.rails.profiles import PROFILES
from payouts.rails.queries import list_batches, list_payouts, payable_sums, recent_answers
from payouts.rails.rechecks import why_not_payout
from payouts.rails.stops import what_stands
from payouts.settlements.queries import settled_periods
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.kernel.jobs import enqueue
from portal.kernel.money import shown
from portal.kernel.periods import parse_month
from portal.web.downloads import attachment
from portal.web.edge import (
    clock,
    current_actor,
    db_session,
    file_store,
    identity_here,
    once,
    online_rails,
    page_of,
    settings,
)
from portal.web.finance.payouts_forms import AnswerForm, ApproveBatchForm, MakeBatchForm, RejectBatchForm, SendForm

bp = Blueprint("finance_payouts", __name__, url_prefix="/finance/payouts")


@bp.get("")
@permission(Permission.BATCH_READ)
def index() -> str:
    return list_page(make_form())


def make_form() -> MakeBatchForm:
    form = MakeBatchForm()
    session = db_session()
    rails = [*offers(session, lender(session).currency, clock().today()), *online_offers(online_rails())]
    form.offer(settled_periods(session), rails)
    return form


def list_page(form: MakeBatchForm, problems: list[Problem] | None = None) -> str:
    session = db_session()
    status = request.args.get("status", "")[:20]
    page = page_of(
        lambda after, limit: list_batches(session, status=status, after=after, limit=limit), lambda row: (row.id,)
    )
    return render_template(
        "finance/payouts/index.html",
        page=page,
        form=form,
        problems=problems or [],
        words=BATCH_SHOWN,
        payout_words=PAYOUT_SHOWN,
        layout_word=layout_word,
        payable=payable_sums(session),
        why_a_file=WHY_A_FILE if lender(session).currency in NOT_PAID_ONLINE else "",
        stops=what_stands(session),
        unknown=list_payouts(session, status="unknown", limit=20),
        unseen=awaited_sums(session),
    )


def layout_word(batch: PayoutBatch) -> str:
    """How a batch is paid, in words."""
    if batch.rail == "pain001":
        return f"ISO 20022 pain.001.001.{batch.profile.removeprefix('pain001_')}"
    if batch.profile_version is not None:
        return f"{batch.profile}, version {batch.profile_version}"
    if batch.profile in PROFILES:
        return PROFILES[batch.profile].label
    if batch.rail == ONLINE_RAIL:
        return ONLINE_LABEL
    return "By hand" if batch.rail == "manual" else (batch.profile or batch.rail).replace("_", " ").capitalize()


@bp.post("")
@permission(Permission.BATCH_MAKE)
def make() -> Response | tuple[str, int]:
    """Put a month's payable settlements into one batch with its file."""
    session, form = db_session(), make_form()
    if not form.validate_on_submit():
        return list_page(form), 422
    try:
        with unit_of_work(session):
            once(form, session)
            made = batches.make_batch(
                session,
                file_store(),
                parse_month(form.period.data),
                form.rail.data,
                actor=current_actor(),
                now=clock().now(),
                online=online_rails(),
            )
            ref, count, total = made.batch.ref, made.batch.count, shown(made.batch.total_minor, made.batch.currency)
    except Invalid as wrong:
        return list_page(form, wrong.problems), 422
    flash(f"{ref}: {count} payouts, {total}. Another person approves it.", "success")
    for each in made.skipped:
        flash(f"{each['settlement']} stayed out: {each['reason']}", "warning")
    return redirect(url_for(".show", ref=ref))


@bp.get("/<ref>")
@permission(Permission.BATCH_READ)
def show(ref: str) -> str:
    return batch_page(ref)


def batch_page(ref: str, **given: Any) -> str:
    session = db_session()
    batch = batches.load_batch(session, ref)
    page = page_of(
        lambda after, limit: list_payouts(session, batch=batch, after=after, limit=limit), lambda row: (row.id,)
    )
    forms = {
        "approve_form": ApproveBatchForm(expected_file=batches.signed_of(session, batch)),
        "reject_form": RejectBatchForm(),
        "send_form": SendForm(),
    }
    return render_template(
        "finance/payouts/show.html",
        batch=batch,
        page=page,
        batch_word=BATCH_SHOWN.get(batch.status, batch.status),
        payout_words=PAYOUT_SHOWN,
        layout_word=layout_word,
        stops=what_stands(session),
        changed=changed_since(session, batch),
        seen={
            each.payout_ref: each for each in debits_of(session, [row.id for row in page.rows]) if each.side == "debit"
        },
        **forms | given,
    )


def changed_since(session: Session, batch: PayoutBatch) -> list[tuple[str, str]]:
    """Payouts of a batch that may not leave as they are, with the reason."""
    if batch.status not in ("made", "checked", "approved"):
        return []
    now = clock().now()
    payouts = [each for each in payouts_of(session, batch) if each.status == "queued"]
    return [(each.ref, why) for each in payouts if (why := why_not_payout(session, each, now=now))]


@bp.post("/<ref>/approve")
@permission(Permission.BATCH_APPROVE)
def approve(ref: str) -> Response | tuple[str, int]:
    """Count, total and file as shown; never by its maker."""
    session, form = db_session(), ApproveBatchForm()
    check(identity_here(), Permission.BATCH_APPROVE, batches.load_batch(session, ref))
    if not form.validate_on_submit():
        return batch_page(ref, approve_form=form), 422
    with unit_of_work(session):
        once(form, session)
        batches.approve_batch(
            session,
            file_store(),
            ref,
            actor=current_actor(),
            now=clock().now(),
            expected_file=form.expected_file.data,
        )
    third = batches.load_batch(session, ref).status == "checked"
    flash(
        f"{ref} has your key; a third person approves it." if third else f"{ref} is approved. Finance sends it.",
        "success",
    )
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/reject")
@permission(Permission.BATCH_APPROVE)
def reject(ref: str) -> Response | tuple[str, int]:
    session, form = db_session(), RejectBatchForm()
    check(identity_here(), Permission.BATCH_APPROVE, batches.load_batch(session, ref))
    if not form.validate_on_submit():
        return batch_page(ref, reject_form=form), 422
    with unit_of_work(session):
        once(form, session)
        batches.reject_batch(session, ref, actor=current_actor(), now=clock().now(), reason=form.reason.data or "")
    flash(f"{ref} is taken back; its settlements are payable again.", "info")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/send")
@permission(Permission.BATCH_SEND)
def send(ref: str) -> Response | tuple[str, int]:
    """Intent, then the file, then the record: each in its own step, so that a crash between them is taken up again."""
    session, form, actor = db_session(), SendForm(), current_actor()
    batches.load_batch(session, ref)
    if not form.validate_on_submit():
        return batch_page(ref), 422
    with unit_of_work(session):
        once(form, session)
        batch = sending.start_sending(session, actor=actor, now=clock().now(), only=ref)[0]
        if batch.rail in online_rails():
            enqueue(session, providers_carry_on, {}, actor=actor, now=clock().now(), lock="providers")
        sha256, name, by_hand = batch.file_sha256 or "", batch.file_name or ref, batch.rail == "manual"
    if not sha256:  # a provider is asked by the worker, payout by payout
        flash(f"{ref} is on its way.", "success")
        return redirect(url_for(".show", ref=ref))
    sending.deliver(file_store(), settings().home / "outbox" / "bank", sha256, name)
    with unit_of_work(session):
        sending.finish_sending(session, ref, actor=actor, now=clock().now())
    then = "pay each, then enter its reference" if by_hand else f"upload {name} at the bank, then hand in its answer"
    flash(f"{ref} is sent: {then}.", "success")
    return redirect(url_for(".show", ref=ref))


@bp.get("/<ref>/file")
@permission(Permission.BATCH_READ)
def file(ref: str) -> Response:
    """The payment file, the same bytes for ever; only once two people have agreed to it."""
    batch = batches.load_batch(db_session(), ref)
    if batch.status not in ("approved", "sent", "closed") or not batch.file_sha256:
        raise NotFound()
    return attachment(file_bytes(batch), batch.file_name or f"{ref}.txt", "text/plain")


def file_bytes(batch: PayoutBatch) -> bytes:
    try:
        return file_store().read(batch.file_sha256 or "")
    except OSError:
        raise NotFound() from None


@bp.route("/answer", methods=["GET", "POST"])
@permission(Permission.BATCH_CONFIRM)
def answer() -> str | tuple[str, int]:
    """Hand in the bank's answer; the page itself says what became of it: every problem at once, or every payout's fate."""
    form, problems = AnswerForm(), list[Problem]()
    done, rows = None, []
    if form.validate_on_submit():
        try:
            done = take_in(form)
            rows = list_payouts(db_session(), refs=[payout.ref for payout in done.moved])
        except Invalid as wrong:
            problems = wrong.problems
    page = render_template(
        "finance/payouts/answer.html",
        form=AnswerForm(formdata=None) if done else form,
        problems=problems,
        done=done,
        rows=rows,
        payout_words=PAYOUT_SHOWN,
        answers=recent_answers(db_session()),
    )
    return page, 422 if problems or form.errors else 200


def take_in(form: AnswerForm) -> sending.Answer:
    session = db_session()
    with unit_of_work(session):
        once(form, session)
        return sending.confirm(
            session,
            file_store(),
            form.file.data.read(),
            name=(form.file.data.filename or "answer")[:200],
            actor=current_actor(),
            now=clock().now(),
        )
