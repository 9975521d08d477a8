"""Breaks: what cannot be tied, by reason, owner and agency; one break with its evidence, its cure and who may do what next."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.collections.models import Collection
from allocations.reconciliation.bench import board, queries
from allocations.reconciliation.bench.act_queries import list_acts
from allocations.reconciliation.bench.assigning import assign_break
from allocations.reconciliation.bench.by_hand import ACCEPTABLE, accept_break
from allocations.reconciliation.bench.candidates import slip_of
from allocations.reconciliation.bench.items import Item, break_item
from allocations.reconciliation.bench.rows import open_of
from allocations.reconciliation.bench.stands import stands_now
from allocations.reconciliation.matching.ageing import Carried
from allocations.reconciliation.matching.reasons import KINDS
from allocations.vocabulary import MODES
from portal.access.guard import permission
from portal.access.permissions import Permission, Role
from portal.access.users import list_users
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Stale
from portal.kernel.money import shown
from portal.web.bank.bench_asked import asked_here, kept_filters
from portal.web.bank.reconciliation_forms import AssignForm, DecideForm, ReasonForm
from portal.web.edge import clock, current_actor, db_session, once, page_of, wants_sums
from portal.web.filters import age, count, day, words

bp = Blueprint("bank_breaks", __name__, url_prefix="/bank/breaks")
OWNERS = sorted({kind.owner for kind in KINDS.values()} | {"bank_ops"})
NARROWING = (
    "code",
    "owner",
    "agency",
    "account",
    "mode",
    "currency",
    "assigned",
    "text",
    "at_least_minor",
    "at_most_minor",
    "days",
)
SIDES = {
    "collection": "Receipt",
    "bank": "Bank line",
    "posting": "Posting",
    "range": "Receipt book",
    "book": "Receipt book",
}
DESKS = {  # whose next step it is, in words
    "agency": "The agency sees this in its own list, with the cure.",
    "bank_ops": "Whoever works the bench: link it, or assign the money.",
    "fraud_review": "Fraud review asks for the proof; nothing is linked before.",
    "finance": "Finance decides which month it counts in.",
    "ops": "Operations books or reverses in core banking; the next import closes it.",
    "audit": "Audit asks for the leaf or the approval.",
    "commercial": "The agency's manager at the bank decides whether it counts.",
    "conduct": "Conduct asks the agency to explain the visit.",
}  # fmt: skip


@bp.get("")
@permission(Permission.BREAK_READ)
def index() -> str:
    session, today = db_session(), clock().today()
    asked = asked_here()
    wanted: dict[str, Any] = {name: getattr(asked, name) for name in NARROWING}
    status = "closed" if request.args.get("status") == "closed" else "open"
    due = request.args.get("due", "") if request.args.get("due") in ("today", "overdue") else ""
    opened = board.band_days(request.args.get("band", ""), today)
    page = page_of(
        lambda after, limit: queries.breaks_page(
            session, today=today, after=after, limit=limit, status=status, due=due, opened=opened, **wanted
        ),
        lambda row: (row.code, row.id),
    )
    return render_template(
        "bank/breaks/index.html",
        page=page,
        run=(run := queries.last_run(session)),
        stored=board.at_run(run),
        now_open=board.stand_open(session) if wants_sums() else None,
        kinds=KINDS,
        owners=OWNERS,
        modes=MODES,
        bands=board.BANDS,
        asked=asked,
        hands=queries.hands_of(session, [row.id for row in page.rows]),
        carried=carried_words(page.rows),
        sides=SIDES,
        agencies=queries.agency_codes(session),
        kept=kept_filters("/bank/breaks", "bank_breaks.index"),
        form=DecideForm(formdata=None),
        today=today,
    )


@bp.get("/<int:break_id>")
@permission(Permission.BREAK_READ)
def show(break_id: int) -> str:
    return page_of_break(break_id, ReasonForm())


@bp.post("/<int:break_id>/accept")
@permission(Permission.BREAK_EDIT)
def accept(break_id: int) -> Response | tuple[str, int]:
    """Let a remark on money that is seen stand, with a reason."""
    session, form = db_session(), ReasonForm()
    if not form.validate_on_submit():
        return page_of_break(break_id, form), 422
    with unit_of_work(session):
        once(form, session)
        found = accept_break(session, break_id, reason=form.reason.data or "", actor=current_actor(), now=clock().now())
    flash(f"{found.code} on {found.ref} is accepted.", "success")
    return redirect(url_for(".index", code=found.code))


@bp.post("/<int:break_id>/assign")
@permission(Permission.BREAK_EDIT)
def assign(break_id: int) -> Response | tuple[str, int]:
    """Give it to a person; when somebody else did so meanwhile, the page says so instead."""
    session, form = db_session(), AssignForm()
    to = str(form.to.data or "")
    if not form.validate_on_submit() or (to and to not in people()):
        return page_of_break(break_id, ReasonForm(formdata=None), "Choose somebody of the bank's operations."), 422
    try:
        with unit_of_work(session):
            once(form, session)
            seen = str(form.seen.data or "")
            assign_break(session, break_id, to=to, seen=seen, actor=current_actor(), now=clock().now())
    except Stale:
        session.rollback()
        return page_of_break(break_id, ReasonForm(formdata=None), "It has changed hands meanwhile."), 409
    flash(f"It is in {to}'s hands." if to else "It is in nobody's hands.", "success")
    return redirect(url_for(".show", break_id=break_id))


def people() -> list[str]:
    """Who may be given a break: enabled people of the bank's operations."""
    rows = [
        row
        for role in (Role.BANK_OPERATOR, Role.BANK_APPROVER)
        for row in list_users(db_session(), role=role.value, limit=200)
    ]
    return sorted(row[0].email for row in rows if row[0].is_enabled)


def page_of_break(break_id: int, form: ReasonForm, notice: str = "") -> str:
    session = db_session()
    found, row = queries.break_of(session, break_id, today=clock().today())
    item = break_item(session, break_id, now=clock().now())
    assigning = AssignForm(formdata=None, seen=found.assigned_to or "", to=found.assigned_to or "")
    assigning.to.choices = [("", "Nobody"), *((each, each) for each in people())]
    return render_template(
        "bank/breaks/show.html",
        found=found,
        row=row,
        item=item,
        subject=queries.subject_of(session, found),
        slip=slip_of(session, item.receipt) if isinstance(item.receipt, Collection) else None,
        evidence=evidence(found.detail, row.currency),
        acceptable=found.code in ACCEPTABLE and found.status == "open",
        next_steps=next_steps(item),
        waiting=list_acts(session, collection_id=found.collection_id, line_id=found.bank_line_id)
        if found.collection_id or found.bank_line_id
        else [],
        desk=DESKS.get(found.owner, ""),
        open_of=open_of,
        again=stands_now(session, "break", break_id) if found.status != "open" else None,
        form=form,
        assigning=assigning,
        today=clock().today(),
        now=clock().now(),
        age_words=age_words(queries.carried_of(session, [break_id], clock().now()).get(break_id), row.age_days),
        notice=notice,
        token=form.once.data,
        next_key="",
        query="",
    )


def carried_words(rows: Sequence[queries.BreakRow]) -> dict[int, str]:
    """Of these breaks, the cash on no slip: how long it has been carried."""
    days = {row.id: row.age_days for row in rows}
    found = queries.carried_of(db_session(), list(days), clock().now())
    return {break_id: age_words(each, days[break_id]) for break_id, each in found.items()}


def age_words(carried: Carried | None, days: int) -> str:
    """How long it has stood. Cash that is on no slip ages by the hour: it is in somebody's pocket."""
    if carried is None:
        return age(days)
    least = "at least " if carried.at_least else ""
    hours = f"{least}{count(carried.hours)} hour{'' if carried.hours == 1 else 's'}"
    return f"{hours} ({age(days)})" if carried.hours > 72 else hours


def next_steps(item: Item) -> list[str]:
    """Who may do what next, in words."""
    found = item.found
    if found is None or found.status != "open":
        return []
    steps = [DESKS.get(found.owner, "")]
    if item.candidates:
        steps.append("On the bench it can be linked by hand, whole or in part; above the limit a second person agrees.")
    if found.code in ACCEPTABLE:
        steps.append("An operator may let it stand, with a reason.")
    if item.line is not None:
        steps.append("The money can be assigned to an account or sent back from suspense.")
    return [each for each in steps if each]


def evidence(detail: dict[str, Any], currency: str) -> list[tuple[str, str]]:
    """What the matcher noted, in words: money shown, days written out."""
    pairs = []
    for name, value in detail.items():
        if name.endswith("_minor"):
            pairs.append((words(name.removesuffix("_minor")), shown(int(value), currency)))
        elif name.endswith("_on"):
            pairs.append((words(name.removesuffix("_on")), day(date.fromisoformat(value))))
        elif name != "why":
            said = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            pairs.append(("Reference" if name == "key" else words(name), said))
    return pairs
