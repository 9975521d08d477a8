"""What an agency is paid: its statements, their lines, the payouts, and the trace behind every line."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from payouts.rails.queries import payouts_of_settlement
from payouts.settlements import queries
from payouts.trace import trace as follow
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.web.agency.answers import invoice_box, panel_of
from portal.web.bank.settlements import lines_as_csv
from portal.web.downloads import attachment
from portal.web.edge import clock, db_session, page_of, wants_sums
from portal.web.tracing import groups_of

bp = Blueprint("agency_statements", __name__, url_prefix="/agency/statements")


@bp.get("")
@permission(Permission.OWN_STATEMENT_READ)
def index() -> str:
    page = page_of(
        lambda after, limit: queries.list_settlements(db_session(), after=after, limit=limit),
        lambda row: (row.period_start, row.ref),
    )
    return render_template("agency/statements/index.html", page=page)


@bp.get("/<ref>")
@permission(Permission.OWN_STATEMENT_READ)
def show(ref: str) -> str:
    session = db_session()
    detail = queries.settlement_detail(session, ref, sums=wants_sums())
    kind = request.args.get("kind", "")[:40]
    page = page_of(
        lambda after, limit: queries.list_lines(session, detail.settlement, kind=kind, after=after, limit=limit),
        lambda line: (line.position,),
    )
    paid = payouts_of_settlement(session, detail.settlement.id)
    return render_template(
        "agency/statements/show.html",
        detail=detail,
        page=page,
        payouts=paid,
        answers=panel_of(detail.settlement, clock().today()),
        box=invoice_box(detail.settlement),
    )


@bp.get("/<ref>/lines.csv")
@permission(Permission.OWN_STATEMENT_READ)
def lines(ref: str) -> Response:
    """Every line as a sheet."""
    return attachment(lines_as_csv(ref), f"{ref}-lines.csv", "text/csv")


@bp.get("/trace")
@permission(Permission.OWN_TRACE_READ)
def trace() -> str:
    """The whole chain behind a line, a receipt or a payout of this agency."""
    ref = request.args.get("ref", "").strip()[:200]
    found = follow(db_session(), ref)
    return render_template(
        "agency/statements/trace.html", found=found, groups=groups_of(found, "agency_statements.trace")
    )
