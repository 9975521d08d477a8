"""What borrowers paid the bank direct on accounts an agency held: told the day it is found, open to a receipt for some days."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from allocations.reconciliation.bench import direct_queries as queries
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.web.agency.accounts import own_agency_id, own_sight
from portal.web.edge import clock, db_session, page_of

bp = Blueprint("agency_direct", __name__, url_prefix="/agency/direct")


@bp.get("")
@permission(Permission.OWN_DIRECT_READ)
def index() -> str:
    session, today, agency_id, sight = db_session(), clock().today(), own_agency_id(), own_sight()
    chosen = {"status": request.args.get("status", "")[:10], "text": request.args.get("text", "").strip()[:60]}
    page = page_of(
        lambda after, limit: queries.own_direct(
            session, agency_id, sight=sight, today=today, after=after, limit=limit, **chosen
        ),
        lambda row: (row.payment.value_on, row.payment.id),
    )
    return render_template(
        "agency/direct/index.html",
        page=page,
        waiting=queries.direct_to_answer(session, agency_id, today) if sight.everyone else [],
        alone=not sight.everyone,
        statuses=queries.STATUSES,
        today=today,
    )
