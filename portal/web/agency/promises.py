"""Promises to pay: today's first, then those overdue, then those to come; what became of them by confirmed money."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from allocations.collections.field import promise_queries
from allocations.collections.field.promise_queries import Standing
from allocations.collections.field.promises import ALIVE, STATES
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.web.agency.accounts import own_agency, own_agency_id, own_sight
from portal.web.edge import Page, clock, db_session, page_of
from portal.web.period import chosen_period

bp = Blueprint("agency_promises", __name__, url_prefix="/agency/promises")
VIEWS = (("", "To look after"), ("coming", "Coming"), ("ended", "By month"))


@bp.get("")
@permission(Permission.OWN_CONTACT_READ)
def index() -> str:
    session, today, sight = db_session(), clock().today(), own_sight()
    view = request.args.get("view", "")
    asked: dict[str, Any] = {"sight": sight, "text": request.args.get("text", "").strip()[:100]}
    due: list[Standing] = []
    late: list[Standing] = []
    page: Page[Standing] | None = None
    if view not in ("coming", "ended"):
        due = promise_queries.promises_today(session, own_agency_id(), today, **asked)
        late = promise_queries.promises_overdue(session, own_agency_id(), today, **asked)
    elif view == "coming":
        page = page_of(lambda after, limit: promise_queries.promises_coming(
            session, own_agency_id(), today, after=after, limit=limit, **asked), key_of)  # fmt: skip
    else:
        page = page_of(lambda after, limit: promise_queries.promises_due(
            session, own_agency_id(), chosen_period(), today, after=after, limit=limit, **asked), key_of)  # fmt: skip
    return render_template(
        "agency/promises/index.html",
        view=view if page else "",
        views=VIEWS,
        due=due,
        late=late,
        page=page,
        missing_minor=sum(each.verdict.missing_minor for each in due if each.state in ALIVE),
        alive=sum(each.state in ALIVE for each in due),
        states=STATES,
        currency=own_agency().currency,
        today=today,
        period=chosen_period(),
    )


def key_of(each: Standing) -> tuple[object, ...]:
    return each.promise.due_on, each.promise.id
