"""Every hold there is: in force, ending soon, to come, ended; and the file many of them come in."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.placements import hold_queries
from allocations.placements.hold_rules import CAUSE_WORDS, EFFECT_WORDS
from allocations.placements.import_holds import HOLDS, import_holds
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.bank.imports import ImportForm, header_file, import_page
from portal.web.edge import clock, db_session, page_of

bp = Blueprint("bank_holds", __name__, url_prefix="/bank/holds")
FILTERS = ("state", "cause", "effect", "q")
STATE_WORDS = {"in_force": "In force", "ends_soon": "Ends within a week", "coming": "To come", "ended": "Ended"}


def chosen() -> dict[str, str]:
    asked = {name: request.args.get(name, "").strip()[:60] for name in FILTERS}
    if asked["state"] not in STATE_WORDS:
        asked["state"] = "in_force"
    return asked


@bp.get("")
@permission(Permission.ACCOUNT_READ)
def index() -> str:
    session, today, asked = db_session(), clock().today(), chosen()
    page = page_of(
        lambda after, limit: hold_queries.list_holds(session, after, limit, today=today, **asked),
        lambda row: (row.Hold.from_on, row.Hold.id),
    )
    return render_template(
        "bank/holds/index.html",
        page=page,
        counts=hold_queries.count_holds(session, today),
        chosen=asked,
        states=STATE_WORDS,
        causes=CAUSE_WORDS,
        effects=EFFECT_WORDS,
        today=today,
    )


EXPORTED = (
    *("loan_account_no", "customer_name", "cause", "cause_ref", "reason", "effect", "from_on", "to_on", "days"),
    *("created_by", "created_at", "lifted_by", "lifted_at", "lift_reason"),
)


@bp.get("/export.<kind>")
@permission(Permission.ACCOUNT_READ)
def download(kind: str) -> Response:
    today = clock().today()
    rows = hold_queries.list_holds(db_session(), None, MOST_ROWS, today=today, **chosen())
    return export("holds", kind, EXPORTED, [in_a_row(row, today) for row in rows], chosen())


def in_a_row(row: Any, today: Any) -> list[Any]:
    hold = row.Hold
    days = max(0, (min(hold.to_on or today, today) - hold.from_on).days + 1)
    about = [row.loan_account_no, row.customer_name, hold.cause, hold.cause_ref, hold.reason, hold.effect]
    return [
        *about,
        *(hold.from_on, hold.to_on, days, hold.created_by, hold.created_at, hold.lifted_by, hold.lifted_at),
        hold.lift_reason,
    ]


@bp.route("/import", methods=["GET", "POST"])
@permission(Permission.ALLOCATION_RECALL)
def new() -> Any:
    return import_page(ImportForm(), import_holds, HOLDS, "bank/holds/new.html", url_for(".index"))


@bp.get("/import/template.csv")
@permission(Permission.ACCOUNT_READ)
def template() -> Response:
    return header_file(HOLDS)
