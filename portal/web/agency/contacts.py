"""Contacts of an agency: the list with what stands out, and the desk's form for one on an account's page."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

from flask import Blueprint, flash, redirect, render_template, request, url_for

from allocations.agencies.queries import list_agents
from allocations.collections.field import contact_queries
from allocations.collections.field.contact_facts import dispositions_on, rules_on
from allocations.collections.field.contact_rules import FLAGS
from allocations.collections.field.contacts import ContactEntry, PromiseMade, RecordedContact, record_contact
from allocations.collections.field.dispositions import KIND_WORDS, PERSON_WORDS, spoken
from allocations.collections.field.promises import instalments
from allocations.placements.models import Allocation
from allocations.placements.own_queries import own_allocation
from allocations.placements.queries import round_of
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.clock import BANK_ZONE
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import shown
from portal.kernel.tables.dates import Fault
from portal.kernel.tables.values import parse_amount
from portal.web.agency.accounts import own_agency, own_agency_id, own_sight
from portal.web.agency.contacts_forms import ContactForm
from portal.web.contact_story import FLAG_CHOICES, chosen_days, flags_of
from portal.web.edge import clock, current_actor, db_session, once, page_of, wants_sums
from portal.web.period import chosen_period, recent_periods

bp = Blueprint("agency_contacts", __name__, url_prefix="/agency")
LAST_YEAR = 2200  # beyond it the calendar ends before a plan does
FILTERS = ("text", "kind", "flag", "disposition", "agent")


@bp.get("/contacts")
@permission(Permission.OWN_CONTACT_READ)
def index() -> str:
    session, days, sight = db_session(), chosen_days(), own_sight()
    chosen: dict[str, Any] = {name: request.args.get(name, "").strip()[:100] for name in FILTERS}
    own_round = None if sight.everyone else round_of(own_agency_id(), sight, clock().today())
    page = page_of(
        lambda after, limit: contact_queries.list_contacts(
            session, agency_id=own_agency_id(), round_=own_round, period=days, after=after, limit=limit, **chosen
        ),
        lambda row: (row.at, row.id),
    )
    known = dispositions_on(session, clock().today())
    return render_template(
        "agency/contacts/index.html",
        page=page,
        borrowers=contact_queries.borrowers_of(session, page.rows),
        period=chosen_period(),
        days=days,
        periods=recent_periods(),
        counts=contact_queries.flag_counts(session, own_agency_id(), days) if wants_sums() and sight.everyone else None,
        sees_all=sight.everyone,
        kinds=list(KIND_WORDS.items()),
        flags=FLAG_CHOICES,
        dispositions=[(each.code, each.words) for each in known.values()],
        agents=[(each.code, f"{each.name} · {each.code}") for each in list_agents(session, own_agency())],
        words=FLAGS,
        said=lambda code: spoken(code, known),
        persons=PERSON_WORDS,
        kind_words=KIND_WORDS,
        flags_of=flags_of,
        narrowed=any(chosen.values()),
    )


@bp.route("/accounts/<int:allocation_id>/contact", methods=["GET", "POST"])
@permission(Permission.OWN_CONTACT_ADD)
def new(allocation_id: int) -> Any:
    """Log a contact with the borrower of one account; what is outside the rules is stored and told at once."""
    session, sight = db_session(), own_sight()
    allocation = own_allocation(session, own_agency_id(), allocation_id, sight)
    form = ContactForm()
    form.offer(
        dispositions_on(session, clock().today()),
        list_agents(session, own_agency()) if sight.everyone else [],
        clock().now().astimezone(BANK_ZONE),
    )
    problems: list[Problem] = []
    if form.validate_on_submit():
        try:
            recorded = take_in(form, allocation)
        except Invalid as refused:
            problems = refused.problems
        else:
            for words, tone in said(recorded):
                flash(words, tone)
            return redirect(url_for("agency_accounts.show", allocation_id=allocation.id))
    return shown_form(form, allocation, problems), 422 if problems or form.errors else 200


def shown_form(form: ContactForm, allocation: Allocation, problems: list[Problem]) -> str:
    rules = rules_on(db_session(), clock().today())
    return render_template(
        "agency/contacts/new.html",
        form=form,
        allocation=allocation,
        problems=problems,
        rules=rules,
        is_office=own_sight().everyone,
    )


def take_in(form: ContactForm, allocation: Allocation) -> RecordedContact:
    session = db_session()
    entry = entry_of(form, allocation)
    with unit_of_work(session):
        once(form, session)
        return record_contact(
            session,
            entry,
            agency=own_agency(),
            actor=current_actor(),
            now=clock().now(),
            today=clock().today(),
            source="page",
        )


def entry_of(form: ContactForm, allocation: Allocation) -> ContactEntry:
    """The form as a contact; a promise is read when an amount or a day of one is given."""
    at = cast(datetime, form.at.data)
    return ContactEntry(
        loan_account_no=allocation.loan_account_no,
        kind=form.kind.data or "",
        at=at.replace(tzinfo=BANK_ZONE),
        person=form.person.data or "",
        disposition=form.disposition.data or "",
        agent_code=form.agent_code.data or None,
        remarks=form.remarks.data,
        next_on=form.next_on.data,
        promises=promises_of(form, allocation.currency),
    )


def promises_of(form: ContactForm, currency: str) -> tuple[PromiseMade, ...]:
    text, first = (form.amount.data or "").strip(), form.due_on.data
    if not text and first is None:
        return ()
    amount = (
        parse_amount(text, currency) if text else Fault("missing_value", "How much was promised?", "Give the amount.")
    )
    problems = []
    if isinstance(amount, Fault):
        problems.append(Problem(amount.code, amount.message, amount.cure, column="amount"))
    if first is None:
        problems.append(Problem("missing_value", "By when was it promised?", "Give the day.", column="due_on"))
    elif first.year > LAST_YEAR:
        problems.append(Problem("due_too_late", "That is too far ahead.", "Check the year.", column="due_on"))
    if problems or isinstance(amount, Fault) or first is None:
        raise Invalid(problems)
    return tuple(PromiseMade(*each) for each in instalments(amount, first, form.instalments.data or 1, form.every.data))


def said(recorded: RecordedContact) -> list[tuple[str, str]]:
    """What the page says after a contact was recorded: that it is stored, what was promised, and every flag."""
    promised = recorded.promises
    total = shown(sum(each.amount_minor for each in promised), promised[0].currency) if promised else ""
    words = f"Recorded, with a promise of {total}." if promised else "Recorded."
    if not recorded.flags:
        return [(words, "success")]
    reasons = " ".join(flag.words for flag in recorded.flags)
    return [(words, "success"), (f"It is outside the rules and flagged to the bank: {reasons}", "warning")]
