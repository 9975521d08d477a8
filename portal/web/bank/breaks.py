"""Breaks: what cannot be tied, by reason, owner and agency; one break with its evidence and its cure."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.collections.models import Collection
from allocations.reconciliation.bench import queries as queries
from allocations.reconciliation.bench.by_hand import ACCEPTABLE, accept_break
from allocations.reconciliation.matching.reasons import KINDS
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.money import shown
from portal.web.bank.reconciliation_forms import LinkForm, ReasonForm
from portal.web.edge import clock, current_actor, db_session, once, page_of
from portal.web.filters import day, words

bp = Blueprint("bank_breaks", __name__, url_prefix="/bank/breaks")
OWNERS = sorted({kind.owner for kind in KINDS.values()} | {"bank_ops"})


@bp.get("")
@permission(Permission.BREAK_READ)
def index() -> str:
    session = db_session()
    wanted = {name: request.args.get(name, "")[:40] for name in ("code", "owner", "agency")}
    status = "closed" if request.args.get("status") == "closed" else "open"
    page = page_of(
        lambda after, limit: queries.breaks_page(
            session, today=clock().today(), after=after, limit=limit, status=status, **wanted
        ),
        lambda row: (row.code, row.id),
    )
    return render_template(
        "bank/breaks/index.html",
        page=page,
        run=queries.last_run(session),
        kinds=KINDS,
        owners=OWNERS,
        agencies=queries.agency_codes(session),
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


def page_of_break(break_id: int, form: ReasonForm) -> str:
    session = db_session()
    found, row = queries.break_of(session, break_id, today=clock().today())
    subject = queries.subject_of(session, found)
    return render_template(
        "bank/breaks/show.html",
        found=found,
        row=row,
        subject=subject,
        links=queries.links_of(session, subject),
        misses=queries.near_misses(session, subject) if isinstance(subject, Collection) else [],
        rivals=queries.rivals_of(session, subject) if isinstance(subject, Collection) else [],
        is_receipt=isinstance(subject, Collection),
        slip=queries.slip_of(session, subject) if isinstance(subject, Collection) else None,
        evidence=evidence(found.detail, row.currency),
        acceptable=found.code in ACCEPTABLE and found.status == "open",
        form=form,
        link_form=LinkForm(),
    )


def evidence(detail: dict[str, Any], currency: str) -> list[tuple[str, str]]:
    """What the matcher noted, in words: money shown, days written out."""
    pairs = []
    for name, value in detail.items():
        if name.endswith("_minor"):
            pairs.append((words(name.removesuffix("_minor")), shown(int(value), currency)))
        elif name.endswith("_on"):
            pairs.append((words(name.removesuffix("_on")), day(date.fromisoformat(value))))
        elif name != "why":
            pairs.append((words(name), str(value)))
    return pairs
