"""The accounts an agency holds: its worklist, and one account with everything that happened to it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from allocations.agencies.models import Agency
from allocations.placements import own_queries
from allocations.placements.queries import bucket_choices
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.errors import NotFound
from portal.kernel.money import shown
from portal.web.edge import clock, db_session, identity_here, page_of, wants_sums
from portal.web.spoken import mode

bp = Blueprint("agency_accounts", __name__, url_prefix="/agency/accounts")


def own_agency_id() -> int:
    """The agency of the person who asks; these pages are marked so that there always is one."""
    agency_id = identity_here().agency_id
    assert agency_id is not None
    return agency_id


def own_agency() -> Agency:
    """The agency's own row, which is the only one its scope shows."""
    agency = db_session().get(Agency, own_agency_id())
    if agency is None:
        raise NotFound("There is no such agency.")
    return agency


@bp.get("")
@permission(Permission.OWN_ACCOUNT_READ)
def index() -> str:
    today, agency_id = clock().today(), own_agency_id()
    chosen = {name: request.args.get(name, "")[:100] for name in ("text", "bucket", "product")}
    page = page_of(
        lambda after, limit: own_queries.worklist(
            db_session(), agency_id, today=today, after=after, limit=limit, **chosen
        ),
        lambda row: (row.loan_account_no, row.id),
    )
    return render_template(
        "agency/accounts/index.html",
        page=page,
        held=own_queries.held_today(db_session(), agency_id, today) if wants_sums() else None,
        currency=own_agency().currency,
        buckets=bucket_choices(db_session()),
    )


@bp.get("/<int:allocation_id>")
@permission(Permission.OWN_ACCOUNT_READ)
def show(allocation_id: int) -> str:
    found = own_queries.own_account(db_session(), own_agency_id(), allocation_id)
    return render_template("agency/accounts/show.html", found=found, events=story(found), today=clock().today())


def story(found: own_queries.OwnAccount) -> list[dict[str, Any]]:
    """One timeline, newest first: what was collected, what the bank told, when the account came and went."""
    events: list[dict[str, Any]] = [
        {
            "at": row.collected_on,
            "what": f"{shown(row.amount_minor, row.currency)} collected, receipt {row.receipt_no}",
            "note": f"{mode(row.mode)}{f', reference {row.instrument_ref}' if row.instrument_ref else ''}",
            "tone": "good" if row.linked_minor >= row.amount_minor else "waiting",
        }
        for row in found.collections
    ]
    currency = found.allocation.currency
    events += [
        {
            "at": row.as_of,
            "what": f"{row.dpd_days} days past due, {shown(row.overdue_minor, currency)} overdue",
            "note": f"bucket {row.bucket}, {shown(row.total_minor, currency)} owed in all",
        }
        for row in found.snapshots
    ]
    allocation = found.allocation
    events.append({"at": allocation.from_on, "what": "Allocated to you", "note": f"bucket {allocation.opening_bucket}"})
    if allocation.recalled_at:
        events.append(
            {"at": allocation.recalled_at.date(), "what": "Recalled by the bank", "note": allocation.recall_reason}
        )
    return sorted(events, key=lambda event: event["at"], reverse=True)
