"""What an agency reported: the list with what the bank has seen of each, one receipt to show, and one more by hand."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.agencies.models import Agent
from allocations.agencies.queries import agent_of, list_agents
from allocations.collections import queries
from allocations.collections.models import Collection, Upload
from allocations.collections.receipts.books_service import next_receipt_no
from allocations.collections.receipts.deposit_queries import one_receipt
from allocations.collections.receipts.reporting import Entry, Reported, report_collection
from allocations.collections.uploads.queries import list_corrections
from allocations.placements import own_queries
from allocations.placements.models import Allocation
from allocations.vocabulary import MODES
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.clock import BANK_ZONE
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import Money
from portal.kernel.tables.dates import Fault
from portal.kernel.tables.out import write_csv
from portal.kernel.tables.values import parse_amount
from portal.web.agency.accounts import own_agency, own_agency_id, own_sight
from portal.web.agency.collections_forms import CollectForm
from portal.web.agency.evidence import panel_of
from portal.web.downloads import attachment
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of, wants_sums
from portal.web.period import chosen_period, recent_periods
from portal.web.spoken import mode

bp = Blueprint("agency_collections", __name__, url_prefix="/agency/collections")
LONGEST_EXPORT = 100_000
FOUND_ACCOUNTS = 12


def filters() -> dict[str, Any]:
    return {name: request.args.get(name, "")[:100] for name in ("state", "mode", "text")}


def state_of(row: Collection) -> str:
    """Where a collection stands, for its status."""
    if row.linked_minor >= row.amount_minor:
        return "confirmed"
    return "partial" if row.linked_minor else "waiting"


@bp.get("")
@permission(Permission.OWN_COLLECTION_READ)
def index() -> str:
    period, chosen, sight = chosen_period(), filters(), own_sight()
    page = page_of(
        lambda after, limit: queries.list_collections(
            db_session(), agency_id=own_agency_id(), period=period, sight=sight, after=after, limit=limit, **chosen
        ),
        lambda row: (row.collected_on, row.id),
    )
    return render_template(
        "agency/collections/index.html",
        page=page,
        totals=queries.totals(db_session(), period, own_agency_id(), sight) if wants_sums() else None,
        period=period,
        periods=recent_periods(),
        modes=[(code, mode(code)) for code in MODES],
        state_of=state_of,
        currency=own_agency().currency,
    )


@bp.get("/export.csv")
@permission(Permission.OWN_COLLECTION_READ)
def export() -> Response:
    """Exactly what the list shows, all pages of it."""
    period, chosen = chosen_period(), filters()
    rows = queries.list_collections(
        db_session(), agency_id=own_agency_id(), period=period, sight=own_sight(), limit=LONGEST_EXPORT, **chosen
    )
    header = ["receipt_no", "loan_account_no", "amount", "collected_on", "mode", "instrument_ref", "confirmed", "state"]
    lines = (
        [
            row.receipt_no,
            row.loan_account_no,
            Money(row.amount_minor, row.currency),
            row.collected_on,
            row.mode,
            row.instrument_ref or "",
            Money(row.linked_minor, row.currency),
            state_of(row),
        ]
        for row in rows
    )
    return attachment(write_csv(header, lines), f"collections-{period.label}.csv", "text/csv")


# --- one receipt


@bp.get("/<int:collection_id>")
@permission(Permission.OWN_COLLECTION_READ)
def show(collection_id: int) -> str:
    """The receipt, to read, to print, to check by its code."""
    session = db_session()
    found = one_receipt(session, own_agency_id(), collection_id, own_sight())
    return render_template(
        "agency/collections/show.html",
        found=found,
        row=found.row,
        agency=own_agency(),
        allocation=own_queries.own_allocation(session, own_agency_id(), found.row.allocation_id),
        state=state_of(found.row),
        evidence=panel_of(collection_id=collection_id),
        corrections=list_corrections(session, agency_id=own_agency_id(), collection_id=collection_id),
        came_with=session.get(Upload, found.row.upload_id) if found.row.upload_id else None,
    )


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.OWN_COLLECTION_ADD)
def new() -> Any:
    """Choose the account, then say what was paid on it."""
    allocation_id = request.args.get("allocation", type=int)
    if allocation_id is None:
        return choose_account()
    session = db_session()
    allocation = own_queries.own_allocation(session, own_agency_id(), allocation_id, own_sight())
    form, problems = a_form(), cast(list[Problem], [])
    if form.validate_on_submit():
        try:
            reported = take_in(form, allocation)
        except Invalid as refused:
            problems = refused.problems
        else:
            known = "This receipt was stored before; nothing was added."
            flash(*((known, "info") if reported.was_there else ("The receipt is stored.", "success")))
            return redirect(url_for(".show", collection_id=reported.collection.id))
    page = render_template(
        "agency/collections/new.html",
        form=form,
        problems=problems,
        allocation=allocation,
        is_office=own_sight().everyone,
    )
    return page, 422 if problems or form.errors else 200


def choose_account() -> str:
    """Accounts held today whose number begins, or whose borrower's name holds, what was typed; a few more than fit one glance."""
    text = request.args.get("text", "").strip()[:100]
    rows = own_queries.worklist(
        db_session(), own_agency_id(), today=clock().today(), text=text, sight=own_sight(), limit=FOUND_ACCOUNTS + 1
    )
    return render_template(
        "agency/collections/choose.html",
        rows=rows[:FOUND_ACCOUNTS],
        has_more=len(rows) > FOUND_ACCOUNTS,
        text=text,
        currency=own_agency().currency,
    )


def a_form() -> CollectForm:
    """The form with the numbers that stand next in each agent's book."""
    form, session = CollectForm(), db_session()
    me = None if own_sight().everyone else agent_of(session, identity_here().user_id, own_agency_id())
    agents = [me] if me else [each for each in list_agents(session, own_agency()) if each.is_active]
    numbers = {each.code: next_number(each) for each in agents}
    words = [
        (each.code, f"{each.name} · {each.code}" + (f" · next {numbers[each.code]}" if numbers[each.code] else ""))
        for each in agents
    ]
    form.offer(words, clock().now().astimezone(BANK_ZONE), numbers[me.code] if me else None)
    return form


def next_number(agent: Agent) -> str | None:
    """What an agent writes next: in their paper book, else in their electronic series."""
    session = db_session()
    return next_receipt_no(session, agent.agency_id, agent.id, kind="paper") or next_receipt_no(
        session, agent.agency_id, agent.id
    )


def take_in(form: CollectForm, allocation: Allocation) -> Reported:
    session, agency = db_session(), own_agency()
    amount = parse_amount(form.amount.data or "", agency.currency)
    if isinstance(amount, Fault):
        raise Invalid(Problem(amount.code, amount.message, amount.cure, column="amount"))
    at = cast(datetime, form.at.data)
    entry = Entry(
        loan_account_no=allocation.loan_account_no,
        receipt_no=form.receipt_no.data or "",
        amount_minor=amount,
        mode=form.mode.data,
        collected_at=at.replace(tzinfo=BANK_ZONE),
        instrument_ref=form.instrument_ref.data,
        agent_code=form.agent_code.data or None,
        deposit_slip_no=form.deposit_slip_no.data,
        deposited_on=form.deposited_on.data,
        remarks=form.remarks.data,
    )
    with unit_of_work(session):
        once(form, session)
        actor, today = current_actor(), clock().today()
        return report_collection(
            session, entry, agency=agency, actor=actor, now=clock().now(), today=today, source="page"
        )
