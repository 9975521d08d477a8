"""What an agency reported: the list, with what the bank has seen of each."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from allocations.collections import queries
from allocations.collections.models import MODES, Collection
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.money import Money
from portal.kernel.tables.out import write_csv
from portal.web.agency.accounts import own_agency, own_agency_id, own_sight
from portal.web.downloads import attachment
from portal.web.edge import db_session, page_of, wants_sums
from portal.web.period import chosen_period, recent_periods
from portal.web.spoken import mode

bp = Blueprint("agency_collections", __name__, url_prefix="/agency/collections")
LONGEST_EXPORT = 100_000


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
