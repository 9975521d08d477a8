"""Contacts with borrowers, for the bank: by day and agency, what was outside the rules, and how often."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.agencies.queries import agency_choices, agency_names
from allocations.casework.conduct.contact_cases import cases_of
from allocations.collections.field import contact_queries
from allocations.collections.field.contact_facts import dispositions_on
from allocations.collections.field.contact_rules import FLAGS
from allocations.collections.field.dispositions import KIND_WORDS, PERSON_WORDS, spoken
from allocations.collections.field_models import Contact
from payouts.conduct.complaints import open_from_contact
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.periods import Period
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.contact_story import FLAG_CHOICES, chosen_days, flags_of
from portal.web.edge import ActForm, clock, current_actor, db_session, once, page_of, wants_sums
from portal.web.period import chosen_period, recent_periods

bp = Blueprint("bank_contacts", __name__, url_prefix="/bank/contacts")
FILTERS = ("text", "agency", "kind", "flag", "disposition")


class CaseForm(ActForm):
    """One click."""


@bp.get("")
@permission(Permission.CONTACT_READ)
def index() -> str:
    session, period, days, asked = db_session(), chosen_period(), chosen_days(), chosen()
    page = page_of(
        lambda after, limit: contact_queries.list_contacts(session, period=days, after=after, limit=limit, **asked),
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
        narrowed=any(asked.values()),
        filters=in_force(asked, days, period),
        cases=cases_of(session, [row.id for row in page.rows]),
        case_form=CaseForm(formdata=None),
    )


def chosen() -> dict[str, Any]:
    return {name: request.args.get(name, "").strip()[:100] for name in FILTERS}


def in_force(asked: dict[str, Any], days: Period, month: Period) -> dict[str, Any]:
    """The filters as an address takes them, for the files."""
    when = {"day": days.start.isoformat()} if days.days == 1 else {"period": month.label}
    return when | {name: value for name, value in asked.items() if value}


EXPORTED = (
    *("contact", "loan_account_no", "at", "told_at", "agency", "agent", "reported_by", "what", "with", "outcome"),
    *("remarks", "flags", "why", "case"),
)


@bp.get("/export.<layout>")
@permission(Permission.CONTACT_READ)
def download(layout: str) -> Response:
    """The rows the filters show, as CSV or XLSX."""
    session, days, asked = db_session(), chosen_days(), chosen()
    rows = contact_queries.list_contacts(session, period=days, limit=MOST_ROWS, **asked)
    names, known = agency_names(session), dispositions_on(session, clock().today())
    cases = cases_of(session, [row.id for row in rows if row.flags])
    lines = [in_a_row(row, names[row.agency_id][0], spoken(row.disposition, known), cases) for row in rows]
    return export("contacts", layout, EXPORTED, lines, in_force(asked, days, chosen_period()))


def in_a_row(row: Contact, agency: str, outcome: str, cases: dict[int, str]) -> list[Any]:
    flags = flags_of(row)
    told = [row.ref, row.loan_account_no, row.at, row.received_at, agency, row.agent_code, row.reported_by]
    said = [KIND_WORDS[row.kind], PERSON_WORDS[row.person], outcome, row.remarks]
    why = ["; ".join(flag["word"] for flag in flags), " ".join(flag["words"] for flag in flags)]
    return [*told, *said, *why, cases.get(row.id, "")]


@bp.post("/<ref>/case")
@permission(Permission.COMPLAINT_OPEN)
def make_case(ref: str) -> Response:
    """One click: the contact becomes a case of the complaints' register."""
    session, form = db_session(), CaseForm()
    if form.validate_on_submit():
        with unit_of_work(session):
            once(form, session)
            given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "today": clock().today()}
            made = open_from_contact(session, ref, **given).ref
        flash(f"{made} is in the register: its account rests and the agency’s money for it waits.", "success")
    return redirect(url_for(".index", **in_force(chosen(), chosen_days(), chosen_period())))
