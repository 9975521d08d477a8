"""The accounts an agency holds: its worklist, and one account with everything that happened to it."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from flask import Blueprint, render_template, request, url_for

from allocations.agencies.models import Agency
from allocations.agencies.queries import Sight, sight_of
from allocations.casework.notes import notes_of
from allocations.collections.field.promises import STATES
from allocations.placements import own_queries
from allocations.placements.borrower_notice_queries import OPEN
from allocations.placements.hold_rules import EFFECT_WORDS
from allocations.placements.outcome_queries import outcomes_of_allocation
from allocations.placements.outcome_sums import WORD_OF
from allocations.placements.queries import bucket_choices
from allocations.reconciliation.bench.direct_queries import SIGNS
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import NotFound
from portal.kernel.money import shown
from portal.web.contact_story import contact_events, promise_events
from portal.web.edge import clock, current_actor, db_session, identity_here, page_of, wants_sums
from portal.web.notes_form import note_events
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


def own_sight() -> Sight:
    """Whose accounts the person who asks sees: the office all of the agency's, a field agent their own round."""
    return sight_of(db_session(), current_actor())


@bp.get("")
@permission(Permission.OWN_ACCOUNT_READ)
def index() -> str:
    today, agency_id, sight = clock().today(), own_agency_id(), own_sight()
    chosen = {name: request.args.get(name, "")[:100] for name in ("text", "bucket", "product")}
    page = page_of(
        lambda after, limit: own_queries.worklist(
            db_session(), agency_id, today=today, sight=sight, after=after, limit=limit, **chosen
        ),
        lambda row: (row.loan_account_no, row.id),
    )
    return render_template(
        "agency/accounts/index.html",
        page=page,
        held=own_queries.held_today(db_session(), agency_id, today, sight) if wants_sums() else None,
        currency=own_agency().currency,
        buckets=bucket_choices(db_session()),
    )


@bp.get("/<int:allocation_id>")
@permission(Permission.OWN_ACCOUNT_READ)
def show(allocation_id: int) -> str:
    today = clock().today()
    found = own_queries.own_account(db_session(), own_agency_id(), allocation_id, today=today, sight=own_sight())
    return render_template(
        "agency/accounts/show.html",
        found=found,
        events=story(found, today),
        today=today,
        holds=[hold for hold in found.holds if hold.runs_on(today)],
        effect_words=EFFECT_WORDS,
        untold=found.notices[0] if found.notices and found.notices[0].status in OPEN else None,
        states=STATES,
        outcomes=outcomes_of_allocation(db_session(), found.allocation.id),
        outcome_words=WORD_OF,
    )


def story(found: own_queries.OwnAccount, today: date) -> list[dict[str, Any]]:
    """One timeline, newest first: contacts and promises, money, holds, what the bank told, when the account came and went."""
    events = [
        *contact_events(found.contacts, found.promises),
        *promise_events(found.promises),
        *taken(found),
        *paid_direct(found, today),
        *paused(found, today),
        *told(found),
        *came_and_went(found),
        *noted(found),
    ]
    return sorted(events, key=moment, reverse=True)


def moment(event: dict[str, Any]) -> datetime:
    """When an event stands in the timeline; one that only knows its day stands at the day's beginning."""
    at = event["at"]
    return at if isinstance(at, datetime) else datetime.combine(at, time(), BANK_ZONE)


def taken(found: own_queries.OwnAccount) -> list[dict[str, Any]]:
    return [
        {
            "at": row.collected_on,
            "what": f"{shown(row.amount_minor, row.currency)} "
            + (
                f"paid direct to the bank, {row.receipt_no}"
                if row.source == "direct"
                else f"collected, receipt {row.receipt_no}"
            ),
            "note": f"{mode(row.mode)}{f', reference {row.instrument_ref}' if row.instrument_ref else ''}",
            "tone": "good" if row.linked_minor >= row.amount_minor else "waiting",
            "href": url_for("agency_collections.show", collection_id=row.id),
        }
        for row in found.collections
        if row.source != "direct" or row.written_off_minor < row.amount_minor
    ]


def paid_direct(found: own_queries.OwnAccount, today: date) -> list[dict[str, Any]]:
    """What the borrower paid the bank itself; once it is counted, or reported, the receipt tells of it."""
    return [
        {
            "at": row.value_on,
            "what": f"{shown(row.amount_minor, row.currency)} paid direct to the bank",
            "note": f"{SIGNS.get(row.sign, '')}; "
            + (
                f"yours to report until {row.claim_until:%d %b %Y}"
                if row.claim_until >= today
                else "counted at the next reconciliation"
            ),
            "tone": "waiting",
            "href": url_for("agency_direct.index", text=row.loan_account_no),
        }
        for row in found.direct
        if row.status == "found"
    ]


def told(found: own_queries.OwnAccount) -> list[dict[str, Any]]:
    currency = found.allocation.currency
    return [
        {
            "at": row.as_of,
            "what": f"{row.dpd_days} days past due, {shown(row.overdue_minor, currency)} overdue",
            "note": f"bucket {row.bucket}, {shown(row.total_minor, currency)} owed in all",
        }
        for row in found.snapshots
    ]


def paused(found: own_queries.OwnAccount, today: date) -> list[dict[str, Any]]:
    """When holds began and ended; one of a day to come is not told yet."""
    events: list[dict[str, Any]] = []
    for hold in found.holds:
        if hold.from_on <= today:
            events.append(
                {"at": hold.from_on, "what": "Put on hold by the bank", "note": hold.words, "tone": "blocked"}
            )
        if hold.to_on is not None and hold.to_on < today:
            events.append({"at": hold.to_on, "what": "The hold ended", "note": hold.words})
    return events


def noted(found: own_queries.OwnAccount) -> list[dict[str, Any]]:
    """The agency's own notes and those the bank shares, while it holds the account."""
    return note_events(notes_of(db_session(), found.account.id), at_bank=False) if found.account else []


def came_and_went(found: own_queries.OwnAccount) -> list[dict[str, Any]]:
    allocation = found.allocation
    events: list[dict[str, Any]] = [
        {"at": allocation.from_on, "what": "Allocated to you", "note": f"bucket {allocation.opening_bucket}"}
    ]
    if allocation.recalled_at:
        events.append({"at": allocation.recalled_at, "what": "Recalled by the bank", "note": allocation.recall_reason})
    return events
