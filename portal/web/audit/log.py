"""The audit log: every act, who, when, by which way, narrowed by the address."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, render_template, request

from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.audit_log import head_of_chain, known_tags, list_events
from portal.web.edge import db_session, page_of

bp = Blueprint("audit_log", __name__, url_prefix="/audit/log")


def day_asked(name: str) -> date | None:
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return None


@bp.get("")
@permission(Permission.AUDIT_READ)
def index() -> str:
    session = db_session()
    asked = {name: request.args.get(name, "").strip().replace("\0", "")[:200] for name in ("tag", "actor", "subject")}
    page = page_of(
        lambda after, limit: list_events(
            session, since=day_asked("since"), until=day_asked("until"), after=after, limit=limit, **asked
        ),
        lambda event: (event.id,),
    )
    return render_template("audit/log/index.html", page=page, tags=known_tags(), head=head_of_chain(session))
