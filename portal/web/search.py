"""The box in the top bar: what is found, in the asker's sight; a single find opens at once."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.agencies.queries import sight_of
from payouts.search import Hit, search
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.access.policy import may
from portal.web.edge import current_actor, db_session, identity_here

bp = Blueprint("search", __name__, url_prefix="/search")


@bp.get("")
@permission(Permission.SIGNED_IN)
def index() -> str | Response:
    text = request.args.get("q", "").strip()[:100]
    session = db_session()
    hits = search(session, text, sight_of(session, current_actor())) if text else []
    found = [(hit, address_of(hit)) for hit in hits]
    if len(found) == 1 and found[0][1]:
        return redirect(found[0][1])
    return render_template("search/index.html", text=text, found=found)


def address_of(hit: Hit) -> str:
    """Where a find opens for this person; nothing when their role has no page for it."""
    who = identity_here()
    if who.is_agency:
        if hit.kind == "account":
            return url_for("agency_accounts.show", allocation_id=int(hit.ref))
        if not may(who, Permission.OWN_TRACE_READ):
            return ""
        if hit.kind == "settlement":
            return url_for("agency_statements.show", ref=hit.ref)
        return url_for("agency_statements.trace", ref=hit.ref)
    if hit.kind == "account":
        return url_for("bank_accounts.show", loan_account_no=hit.ref)
    if hit.kind == "settlement":
        return url_for("bank_settlements.show", ref=hit.ref)
    return url_for("audit_trace.index", ref=hit.ref)
