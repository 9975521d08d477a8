"""Approving many settlements: every difference to the month before on one page, one act for each, and what became of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, render_template, request
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from payouts.settlements.bulk import MOST, comparisons
from payouts.settlements.queries import settled_periods
from payouts.settlements.service import approve, load
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import PortalError, Refused
from portal.web.bank.settlements import period_asked, said_of
from portal.web.edge import ActForm, clock, current_actor, db_session, identity_here, once

bp = Blueprint("bank_settlements_bulk", __name__, url_prefix="/bank/settlements/bulk")


@dataclass(frozen=True)
class Result:
    """What became of one settlement. `status`: approved, checked or refused."""

    ref: str
    status: str
    said: str


@bp.get("")
@permission(Permission.SETTLEMENT_READ)
def index() -> str:
    return page()


def page(results: list[Result] | None = None) -> str:
    session, period = db_session(), period_asked()
    rows = comparisons(session, period, actor=current_actor(), now=clock().now())
    return render_template(
        "bank/settlements/bulk.html",
        rows=rows,
        open=[each for each in rows if not each.refusal],
        period=period,
        settled=settled_periods(session),
        form=ActForm(formdata=None),
        results=results,
        most=MOST,
    )


@bp.post("")
@permission(Permission.SETTLEMENT_APPROVE)
def approve_chosen() -> str | Response | tuple[str, int]:
    """Each chosen settlement in a transaction of its own, under the hash that stood beside its box."""
    session, form = db_session(), ActForm()
    chosen = list(dict.fromkeys(request.form.getlist("chosen")))[:MOST]
    if not form.validate_on_submit() or not chosen:
        flash("Choose at least one settlement.", "error")
        return page(), 422
    with unit_of_work(session):
        once(form, session)
    results = [approved(session, ref, request.form.get(f"hash/{ref}", "")) for ref in chosen]
    return page(results)


def approved(session: Session, ref: str, shown_hash: str) -> Result:
    """One approval, or why not; what is refused leaves the others alone."""
    try:
        with unit_of_work(session):
            check(identity_here(), Permission.SETTLEMENT_APPROVE, load(session, ref))
            comment = request.form.get("comment", "").strip()[:500]
            given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "comment": comment}
            done = approve(session, ref, expected_hash=shown_hash, **given)
            result = Result(ref, done.status, said_of(done))
    except PortalError as refused:
        cure = refused.cure if isinstance(refused, Refused) else ""
        return Result(ref, "refused", f"{refused} {cure}".strip())
    return result
