"""The debits in our own account: expected and unseen, seen and unexpected; tied by reference, or by a person."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from payouts.rails import debits
from payouts.rails.debit_queries import OVERDUE_DAYS, awaited, awaited_sums, recent_days, unexpected
from payouts.rails.lifecycle import PAYOUT_SHOWN
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Refused
from portal.web.edge import Page, clock, current_actor, db_session, once, page_of
from portal.web.finance.payouts_forms import LookForm, TieForm, UntieForm

bp = Blueprint("finance_debits", __name__, url_prefix="/finance/debits")
TABS = {"": "Expected, not seen", "unexpected": "Seen, not expected"}


@bp.get("")
@permission(Permission.BATCH_READ)
def index() -> str:
    return debits_page()


def debits_page(form: TieForm | None = None, refused: Refused | None = None) -> str:
    session, today = db_session(), clock().today()
    tab = "unexpected" if request.args.get("tab") == "unexpected" else ""
    page: Page[Any]
    if tab:
        page = page_of(
            lambda after, limit: unexpected(session, since=recent_days(today), after=place(after), limit=limit),
            lambda line: (line.value_on.isoformat(), line.id),
        )
    else:
        page = page_of(
            lambda after, limit: awaited(session, today=today, after=after, limit=limit), lambda row: (row.ref,)
        )
    return render_template(
        "finance/debits/index.html",
        page=page,
        tab=tab,
        tabs=TABS,
        sums=awaited_sums(session),
        late_days=OVERDUE_DAYS,
        words=PAYOUT_SHOWN,
        look_form=LookForm(formdata=None),
        tie_form=form or TieForm(formdata=None),
        refused=refused,
    )


def place(after: tuple[object, ...] | None) -> tuple[object, ...] | None:
    return (date.fromisoformat(str(after[0])), after[1]) if after else None


@bp.post("/look")
@permission(Permission.PAYOUT_SYNC)
def look() -> Response | tuple[str, int]:
    """Look through the bank's lines for every payout that is not seen yet."""
    session, form = db_session(), LookForm()
    if not form.validate_on_submit():
        return debits_page(), 422
    with unit_of_work(session):
        once(form, session)
        seen = debits.tie_debits(session, actor=current_actor(), now=clock().now())
        tied, moved = len(seen.tied), len(seen.moved)
    went_on = f"{moved} {'payout' if moved == 1 else 'payouts'} moved on because of it"
    flash(f"{tied} found in the bank's statements; {went_on}.", "success" if tied else "info")
    return redirect(url_for(".index"))


@bp.post("/tie")
@permission(Permission.PAYOUT_SYNC)
def tie() -> Response | tuple[str, int]:
    session, form = db_session(), TieForm()
    if not form.validate_on_submit():
        return debits_page(form), 422
    payout, line, reason = (str(each.data or "").strip() for each in (form.payout, form.line, form.reason))
    try:
        with unit_of_work(session):
            once(form, session)
            debits.tie_by_hand(session, payout, line, reason=reason, actor=current_actor(), now=clock().now())
    except Refused as refused:
        return debits_page(form, refused), 409
    flash(f"{line} is the debit of {payout}.", "success")
    return redirect(url_for("finance_payout.show", ref=payout))


@bp.post("/<int:tie_id>/untie")
@permission(Permission.PAYOUT_SYNC)
def untie(tie_id: int) -> Response | tuple[str, int]:
    session, form = db_session(), UntieForm()
    if not form.validate_on_submit():
        return debits_page(), 422
    with unit_of_work(session):
        once(form, session)
        reason = form.reason.data or ""
        debits.untie(session, tie_id, reason=reason, actor=current_actor(), now=clock().now())
    flash("The tie is taken apart; it stays on record.", "info")
    return redirect(url_for(".index"))
