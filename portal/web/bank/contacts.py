"""Contacts with borrowers, for the bank: by day and agency, what was outside the rules, and how often."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from allocations.agencies.queries import agency_choices, agency_names
from allocations.collections.field import contact_queries
from allocations.collections.field.contact_facts import dispositions_on
from allocations.collections.field.contact_rules import FLAGS
from allocations.collections.field.dispositions import KIND_WORDS, PERSON_WORDS, spoken
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.web.contact_story import FLAG_CHOICES, chosen_days, flags_of
from portal.web.edge import clock, db_session, page_of, wants_sums
from portal.web.period import chosen_period, recent_periods

bp = Blueprint("bank_contacts", __name__, url_prefix="/bank/contacts")
FILTERS = ("text", "agency", "kind", "flag", "disposition")


@bp.get("")
@permission(Permission.CONTACT_READ)
def index() -> str:
    session, period, days = db_session(), chosen_period(), chosen_days()
    chosen: dict[str, Any] = {name: request.args.get(name, "").strip()[:100] for name in FILTERS}
    page = page_of(
        lambda after, limit: contact_queries.list_contacts(session, period=days, after=after, limit=limit, **chosen),
        lambda row: (row.at, row.id),
    )
    names = agency_names(session)
    known = dispositions_on(session, clock().today())
    counts = contact_queries.counts_by_agency(session, days) if wants_sums() else None
    return render_template(
        "bank/contacts/index.html",
        page=page,
        period=period,
        days=days,
        periods=recent_periods(),
        names=names,
        counts=None if counts is None else sorted(counts.items(), key=lambda each: names[each[0]]),
        crowded=contact_queries.crowded_accounts(session, days) if wants_sums() else None,
        agencies=agency_choices(session),
        kinds=list(KIND_WORDS.items()),
        flags=FLAG_CHOICES,
        dispositions=[(each.code, each.words) for each in known.values()],
        words=FLAGS,
        said=lambda code: spoken(code, known),
        persons=PERSON_WORDS,
        kind_words=KIND_WORDS,
        flags_of=flags_of,
        narrowed=any(chosen.values()),
    )
