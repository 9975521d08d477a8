"""The auditor's first page: prove it."""

from __future__ import annotations

from flask import Blueprint, render_template

from payouts.ties import ledger_ties
from payouts.verify_job import verifications
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.audit_log import head_of_chain, list_events
from portal.web.edge import db_session

bp = Blueprint("audit_home", __name__, url_prefix="/audit")


@bp.get("")
@permission(Permission.AUDIT_HOME_READ)
def index() -> str:
    session = db_session()
    last = verifications(session, limit=1)
    return render_template(
        "audit/home/index.html",
        ties=ledger_ties(session),
        last=last[0] if last else None,
        head=head_of_chain(session),
        events=list_events(session, limit=10),
    )
