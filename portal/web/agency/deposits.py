"""Cash an agency carries, and the slips it was paid in on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from flask import Blueprint, flash, redirect, render_template, request, url_for
from wtforms import DateField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length, Optional

from allocations.agencies.queries import list_agents
from allocations.collections.models import Collection
from allocations.collections.receipts import deposit_queries as queries
from allocations.collections.receipts.cash import DEPOSIT_DAYS, HAND_LIMIT, is_late
from allocations.collections.receipts.cash_queries import cash_in_hand, dated
from allocations.collections.receipts.deposits import LONGEST_SLIP, RecordedDeposit, record_deposit
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import shown
from portal.kernel.tables.dates import Fault
from portal.kernel.tables.values import parse_amount
from portal.web.agency.accounts import own_agency, own_agency_id, own_sight
from portal.web.agency.evidence import panel_of
from portal.web.edge import ActForm, clock, current_actor, db_session, once, page_of

bp = Blueprint("agency_deposits", __name__, url_prefix="/agency/deposits")


class DepositForm(ActForm):
    """The slip and the receipts on it."""

    receipts = SelectMultipleField("Receipts on this slip", coerce=int, validate_choice=False)
    slip_no = StringField("Slip number", [InputRequired("Give the number on the slip."), Length(max=LONGEST_SLIP)])
    deposited_on = DateField("Paid in on", [InputRequired("Say when it was paid in.")])
    amount = StringField("Amount on the slip", [Optional(), Length(max=40)])


@bp.get("")
@permission(Permission.OWN_COLLECTION_READ)
def index() -> str:
    session, agency_id, agent = db_session(), own_agency_id(), own_code()
    page = page_of(
        lambda after, limit: queries.list_deposits(
            session, agency_id=agency_id, agent_code=agent, after=after, limit=limit
        ),
        lambda row: (row.deposit.id,),
    )
    today = clock().today()
    carried = cash_in_hand(session, agency_id, today=today)
    return render_template(
        "agency/deposits/index.html",
        page=page,
        carried=[each for each in carried if agent is None or each.agent_code == agent],
        names=names(),
        limit=dated(session, HAND_LIMIT).on(today),
        within=dated(session, DEPOSIT_DAYS).on(today),
        today=today,
        currency=own_agency().currency,
    )


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.OWN_DEPOSIT_ADD)
def new() -> Any:
    """Tick what went in on one slip."""
    form, problems = DepositForm(), cast(list[Problem], [])
    if not form.is_submitted():
        form.deposited_on.data = clock().today()
    if form.validate_on_submit():
        try:
            recorded = take_in(form)
        except Invalid as refused:
            problems = refused.problems
        else:
            deposit = recorded.deposit
            words = f"Slip {deposit.slip_no} over {shown(deposit.amount_minor, deposit.currency)} is recorded."
            flash(words if not recorded.was_there else "This slip was recorded before; nothing was added.", "success")
            return redirect(url_for(".show", deposit_id=deposit.id))
    return shown_form(form, problems), 422 if problems or form.errors else 200


def shown_form(form: DepositForm, problems: list[Problem]) -> str:
    session = db_session()
    agent = own_code() if own_code() is not None else request.args.get("agent")
    rows = queries.open_receipts(session, own_agency_id(), agent if agent is not None else None, own_sight())
    return render_template(
        "agency/deposits/new.html",
        form=form,
        problems=problems,
        rows=rows,
        late=late_ones(rows),
        ticked=set(form.receipts.data or []),
        agents=[] if own_code() is not None else [*names().items()],
        most=queries.MOST_OPEN,
        currency=own_agency().currency,
    )


def late_ones(rows: Sequence[Collection]) -> set[int]:
    """Cash that is late by now, by id."""
    within, today = dated(db_session(), DEPOSIT_DAYS), clock().today()
    return {
        row.id
        for row in rows
        if row.mode == "cash" and is_late(row.collected_on, None, today=today, within_days=within.on(row.collected_on))
    }


def take_in(form: DepositForm) -> RecordedDeposit:
    session, agency = db_session(), own_agency()
    text = (form.amount.data or "").strip()
    amount = parse_amount(text, agency.currency) if text else None
    if isinstance(amount, Fault):
        raise Invalid(Problem(amount.code, amount.message, amount.cure, column="amount"))
    assert form.deposited_on.data is not None
    with unit_of_work(session):
        once(form, session)
        return record_deposit(
            session,
            agency=agency,
            slip_no=form.slip_no.data or "",
            deposited_on=form.deposited_on.data,
            amount_minor=amount,
            collection_ids=form.receipts.data or [],
            agent_code=request.args.get("agent") or None,
            client_id=None,
            actor=current_actor(),
            now=clock().now(),
            today=clock().today(),
        )


@bp.get("/<int:deposit_id>")
@permission(Permission.OWN_COLLECTION_READ)
def show(deposit_id: int) -> str:
    session = db_session()
    deposit = queries.deposit_by_id(session, own_agency_id(), deposit_id, own_code())
    (row,) = queries.with_lags(session, [deposit])
    return render_template(
        "agency/deposits/show.html",
        row=row,
        deposit=deposit,
        receipts=queries.receipts_on(session, deposit),
        names=names(),
        evidence=panel_of(deposit_id=deposit.id),
    )


def own_code() -> str | None:
    """The agent whose slips alone the person sees; None for the office."""
    sight = own_sight()
    return None if sight.everyone else sight.agent_code or ""


def names() -> dict[str, str]:
    """Agent code → name, of everybody the agency ever had."""
    return {agent.code: agent.name for agent in list_agents(db_session(), own_agency())}
