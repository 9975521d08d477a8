"""What was paid to an agency, and what is on its way."""

from __future__ import annotations

from flask import Blueprint, render_template

from payouts.rails.queries import list_payouts
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.web.edge import db_session, page_of

bp = Blueprint("agency_payouts", __name__, url_prefix="/agency/payouts")


@bp.get("")
@permission(Permission.OWN_PAYOUT_READ)
def index() -> str:
    page = page_of(
        lambda after, limit: list_payouts(db_session(), newest_first=True, after=after, limit=limit),
        lambda row: (row.id,),
    )
    return render_template("agency/payouts/index.html", page=page)
