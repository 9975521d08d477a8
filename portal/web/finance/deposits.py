"""Withheld tax paid to the government: entered from its receipt by one person, accepted by another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.agencies.service import lender
from payouts.settlements import tax_deposits as deposits
from payouts.settlements.tax_deductions import MonthDue, deductions, month_dues
from payouts.settlements.tax_deposits import NUMBER_WORDS, NewDeposit
from payouts.tax.due_dates import part_of_year
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import plain
from portal.kernel.periods import Period, month_of, parse_month
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of
from portal.web.finance.deposits_forms import (
    AcceptDepositForm,
    CancelDepositForm,
    DepositForm,
    KeepDepositForm,
    RejectDepositForm,
    WithdrawDepositForm,
)
from portal.web.typed import as_choices, minor_typed

bp = Blueprint("finance_deposits", __name__, url_prefix="/finance/tax/deposits")
Answer = Response | tuple[str, int]
STATUSES = ("proposed", "accepted", "rejected", "withdrawn", "cancelled")
MONTHS_BACK = 12


@bp.get("")
@permission(Permission.TAX_READ)
def index() -> str:
    session, status = db_session(), request.args.get("status", "").strip()[:20]
    page = page_of(
        lambda after, limit: deposits.list_deposits(session, status=status, after=after, limit=limit),
        lambda row: (row.id,),
    )
    return render_template(
        "finance/deposits/index.html",
        page=page,
        statuses=as_choices(STATUSES),
        asked=bool(status),
        open=[row for row in recent_dues() if row.open_minor],
        number_word=number_word(),
        today=clock().today(),
    )


def recent_dues() -> list[MonthDue]:
    """The last year's months by code."""
    session, today = db_session(), clock().today()
    first = month_of(today)
    for _ in range(MONTHS_BACK):
        first = first.previous()
    months = Period(first.start, month_of(today).end)
    return month_dues(session, lender(session).country, months, deposits.deposited_of(session, months), today)


def number_word() -> str:
    return NUMBER_WORDS.get(lender(db_session()).country, "Number")


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.TAX_DEPOSIT_PROPOSE)
def new() -> str | Answer:
    """`?month=` and `&code=` say of what; without them, what is open is listed to choose from."""
    session, form = db_session(), DepositForm()
    form.challan_no.label.text = number_word()
    chosen = next((row for row in recent_dues() if is_asked(row)), None)
    problems: list[Problem] = []
    if chosen and request.method == "GET":
        form.amount.data = plain(chosen.open_minor, chosen.currency)
    if chosen and form.validate_on_submit():
        try:
            with unit_of_work(session):
                once(form, session)
                given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "today": clock().today()}
                ref = deposits.propose_deposit(session, typed(form, chosen), **given).ref
            flash("The deposit is entered. It is in the books once another person has accepted it.", "success")
            return redirect(url_for(".show", ref=ref))
        except Invalid as wrong:
            problems = wrong.problems
    page = render_template(
        "finance/deposits/new.html",
        form=form,
        problems=problems,
        chosen=chosen,
        open=[row for row in recent_dues() if row.open_minor],
        rows=deposits.open_deductions(session, chosen.month, chosen.code) if chosen else [],
        ticked=request.form.getlist("settlement") if request.method == "POST" else None,
        country=lender(session).country,
        today=clock().today(),
    )
    return (page, 422) if form.errors or problems else page


def is_asked(row: MonthDue) -> bool:
    return (row.month.label, row.code) == (request.args.get("month", ""), request.args.get("code", ""))


def typed(form: DepositForm, chosen: MonthDue) -> NewDeposit:
    """What the form says. Invalid when a sum cannot be read, or no statement is ticked."""
    refs = tuple(request.form.getlist("settlement")[:1000])
    if not refs:
        raise Invalid(Problem("nothing_ticked", "No statement is ticked.", "Tick what the deposit covers."))
    return NewDeposit(
        chosen.month,
        chosen.code,
        form.challan_no.data or "",
        form.bank_code.data or "",
        form.deposited_on.data,
        minor_typed(form.amount.data, chosen.currency) or 0,
        minor_typed(form.interest.data, chosen.currency) or 0,
        refs,
    )


@bp.get("/<ref>")
@permission(Permission.TAX_READ)
def show(ref: str) -> str:
    return deposit_page(ref)


def deposit_page(ref: str, **forms: Any) -> str:
    session = db_session()
    found = deposits.load_deposit(session, ref, locked=False)
    month = parse_month(f"{found.period_start:%Y-%m}")
    covered = {line.settlement_id for line in deposits.lines_of(session, found)}
    acts = {
        "accept_form": AcceptDepositForm(formdata=None),
        "reject_form": RejectDepositForm(formdata=None),
        "withdraw_form": WithdrawDepositForm(formdata=None),
        "cancel_form": CancelDepositForm(formdata=None),
        "keep_form": KeepDepositForm(formdata=None),
        "me": current_actor().email,
    }
    return render_template(
        "finance/deposits/show.html",
        made=found,
        month=month,
        rows=[row for row in deductions(session, month) if row.code == found.code and row.settlement_id in covered],
        quarter=part_of_year(month.start, 3, found.country).code,
        number_word=NUMBER_WORDS.get(found.country, "Number"),
        **acts | forms,
    )


@bp.post("/<ref>/accept")
@permission(Permission.TAX_DEPOSIT_DECIDE)
def accept(ref: str) -> Answer:
    return decide(ref, AcceptDepositForm(), accept=True)


@bp.post("/<ref>/reject")
@permission(Permission.TAX_DEPOSIT_DECIDE)
def reject(ref: str) -> Answer:
    return decide(ref, RejectDepositForm(), accept=False)


def decide(ref: str, form: AcceptDepositForm | RejectDepositForm, *, accept: bool) -> Answer:
    session = db_session()
    check(identity_here(), Permission.TAX_DEPOSIT_DECIDE, deposits.load_deposit(session, ref, locked=False))
    if not form.validate_on_submit():
        return deposit_page(ref, **{"accept_form" if accept else "reject_form": form}), 422
    with unit_of_work(session):
        once(form, session)
        found = deposits.load_deposit(session, ref)
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        deposits.decide_deposit(session, found, accept=accept, **given)
    flash(f"{ref} is {'accepted and in the books' if accept else 'rejected'}.", "success")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/withdraw")
@permission(Permission.TAX_DEPOSIT_PROPOSE)
def withdraw(ref: str) -> Answer:
    session, form = db_session(), WithdrawDepositForm()
    deposits.load_deposit(session, ref, locked=False)
    if not form.validate_on_submit():
        return deposit_page(ref), 422
    with unit_of_work(session):
        once(form, session)
        deposits.withdraw_deposit(
            session, deposits.load_deposit(session, ref), actor=current_actor(), now=clock().now()
        )
    flash(f"{ref} is withdrawn.", "info")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/ask-cancel")
@permission(Permission.TAX_DEPOSIT_PROPOSE)
def ask_cancel(ref: str) -> Answer:
    """It was entered wrongly: one person says so, and it stays in the books until another agrees."""
    said = f"Another person cancels {ref} now; until then it stays in the books."
    return _in_the_books(ref, CancelDepositForm(), "cancel_form", deposits.ask_to_cancel, said)


@bp.post("/<ref>/keep")
@permission(Permission.TAX_DEPOSIT_PROPOSE)
def keep(ref: str) -> Answer:
    return _in_the_books(ref, KeepDepositForm(), "keep_form", deposits.keep_deposit, f"{ref} stays as it is.")


def _in_the_books(ref: str, form: Any, name: str, act: Callable[..., None], said: str) -> Answer:
    """Something is said, with a reason, of a deposit that stays in the books."""
    session = db_session()
    deposits.load_deposit(session, ref, locked=False)
    if not form.validate_on_submit():
        return deposit_page(ref, **{name: form}), 422
    with unit_of_work(session):
        once(form, session)
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        act(session, deposits.load_deposit(session, ref), **given)
    flash(said, "info")
    return redirect(url_for(".show", ref=ref))


@bp.post("/<ref>/cancel")
@permission(Permission.TAX_DEPOSIT_DECIDE)
def cancel(ref: str) -> Answer:
    """Another person than who asked, and than its maker, takes it out of the books again."""
    session, form = db_session(), WithdrawDepositForm()
    check(identity_here(), Permission.TAX_DEPOSIT_DECIDE, deposits.load_deposit(session, ref, locked=False))
    if not form.validate_on_submit():
        return deposit_page(ref), 422
    with unit_of_work(session):
        once(form, session)
        deposits.cancel_deposit(session, deposits.load_deposit(session, ref), actor=current_actor(), now=clock().now())
    flash(f"{ref} is cancelled: its entries are reversed.", "info")
    return redirect(url_for(".show", ref=ref))
