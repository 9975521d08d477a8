"""One link explained: why these two are the same money, who was refused, and every hand on it."""

from __future__ import annotations

from flask import Blueprint, render_template

from allocations.reconciliation.bench.explaining import explain_link
from allocations.reconciliation.matching.ladder import BY_HAND
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.web.bank.reconciliation_forms import ReasonForm
from portal.web.edge import clock, db_session

bp = Blueprint("bank_links", __name__, url_prefix="/bank/reconciliation/links")


@bp.get("/<int:link_id>")
@permission(Permission.RECONCILIATION_READ)
def show(link_id: int) -> str:
    explained = explain_link(db_session(), link_id, now=clock().now())
    return render_template(
        "bank/reconciliation/link.html",
        explained=explained,
        item=explained.item,
        link=explained.link,
        by_hand=explained.link.rule == BY_HAND,
        form=ReasonForm(),
    )
