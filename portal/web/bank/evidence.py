"""The reviewer's day: the evidence that came, one piece at a time beside what it is for, accepted or questioned."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for

from allocations.agencies.queries import agency_choices, agency_names, find_agency
from allocations.collections.evidence import queries
from allocations.collections.evidence.required import needed_by
from allocations.collections.evidence.review import hold, review
from allocations.collections.field.contact_facts import dispositions_on
from allocations.collections.field.dispositions import KIND_WORDS as CONTACT_WORDS
from allocations.collections.field.dispositions import PERSON_WORDS, spoken
from allocations.collections.field_models import Evidence
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, NotFound
from portal.web.bank.evidence_forms import HoldForm, ReviewForm
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of
from portal.web.evidence_story import (
    FLAG_CHOICES,
    KIND_WORDS,
    STATE_CHOICES,
    Flagged,
    claims_of,
    flag_seen,
    flag_words,
    kinds_spoken,
    show,
    show_all,
)

bp = Blueprint("bank_evidence", __name__, url_prefix="/bank/evidence")
FILTERS = ("day", "agency", "state", "flagged")


def chosen_here() -> queries.Chosen:
    """Which pieces the address asks for; without a day, those of the last day on which any came."""
    session, given = db_session(), request.args
    try:
        day = date.fromisoformat(given.get("day", ""))
    except ValueError:
        day = queries.latest_day(session) or clock().today()
    agency_id = None
    if code := given.get("agency", "")[:60]:
        try:
            agency_id = find_agency(session, code).id
        except NotFound:
            agency_id = 0  # a filter that fits nothing
    flagged = given.get("flagged", "")
    return queries.Chosen(day, agency_id, given.get("state", "")[:20], flagged if flagged in ("yes", "no") else "")


def same_filters(**more: Any) -> dict[str, Any]:
    """The list's filters, to carry from page to page."""
    return {name: request.args[name] for name in FILTERS if request.args.get(name)} | more


@bp.get("")
@permission(Permission.EVIDENCE_READ)
def index() -> str:
    session, chosen = db_session(), chosen_here()
    page = page_of(
        lambda after, limit: queries.list_day(session, chosen, after=after, limit=limit),
        lambda row: (row.received_at, row.id),
    )
    return render_template(
        "bank/evidence/index.html",
        page=page,
        shown={each.evidence.id: each for each in show_all(page.rows)},
        flags={key: [(code, flag_words(code)) for code in codes] for key, codes in flags(page.rows).items()},
        first=queries.first_waiting(session, chosen),
        elsewhere=queries.waiting_elsewhere(session, chosen.day),
        chosen=chosen,
        names=agency_names(session),
        agencies=agency_choices(session),
        states=STATE_CHOICES,
        flag_choices=FLAG_CHOICES,
        filters=same_filters(),
        narrowed=any(request.args.get(name) for name in FILTERS[1:]),
    )


def flags(pieces: Any) -> dict[int, list[str]]:
    return queries.flags_of(db_session(), pieces)


@bp.get("/<ref>")
@permission(Permission.EVIDENCE_READ)
def piece(ref: str) -> str:
    return page_of_piece(queries.evidence_by_ref(db_session(), ref), ReviewForm(), HoldForm())


def page_of_piece(evidence: Evidence, form: ReviewForm, hold_form: HoldForm, problems: Any = ()) -> str:
    session, chosen = db_session(), chosen_here()
    if not request.args.get("day"):
        chosen = queries.Chosen(queries.day_of(evidence), chosen.agency_id, chosen.state, chosen.flagged)
    before, behind = queries.neighbours(session, chosen, evidence)
    subject = queries.subject_of(session, evidence)
    form.seen.data, form.next.data = evidence.review, behind or ""
    return render_template(
        "bank/evidence/piece.html",
        piece=show(evidence, is_open=True),
        subject=subject,
        claims=claims_of(evidence, subject),
        flags=flagged_of(evidence),
        needed=kinds_spoken(needed_by(session, subject.collection)) if subject.collection else "",
        others=[each for each in pieces_beside(evidence) if each.evidence.id != evidence.id],
        before=before,
        behind=behind,
        form=form,
        hold_form=hold_form,
        problems=problems,
        filters=same_filters(day=chosen.day.isoformat()),
        contact_words=CONTACT_WORDS,
        came_of=lambda code: spoken(code, dispositions_on(session, clock().today())),
        persons=PERSON_WORDS,
        kinds=KIND_WORDS,
    )


def pieces_beside(evidence: Evidence) -> list[Any]:
    """What else was handed in for the same thing."""
    given = {name: getattr(evidence, name) for name in ("collection_id", "contact_id", "deposit_id")}
    first = next(((name, number) for name, number in given.items() if number is not None), None)
    return show_all(queries.pieces_of(db_session(), **dict([first]), limit=12)) if first else []


def flagged_of(evidence: Evidence) -> list[Flagged]:
    """The piece's flags in words, each with the other piece and whose it is."""
    session, names = db_session(), agency_names(db_session())
    found = []
    for flag in queries.flags_with_others(session, evidence):
        about: dict[str, Any] = {}
        if flag.other is not None:
            subject = queries.subject_of(session, flag.other)
            about = {"agency": names.get(flag.other.agency_id, ("", ""))[1], "subject": subject}
        found.append(flag_seen(flag, about))
    return found


@bp.post("/<ref>/accept")
@permission(Permission.EVIDENCE_REVIEW)
def accept(ref: str) -> Any:
    return decide(ref, "accept", "Accepted {ref}.")


@bp.post("/<ref>/question")
@permission(Permission.EVIDENCE_REVIEW)
def question(ref: str) -> Any:
    return decide(ref, "question", "Questioned {ref}; the agency reads the reason.")


def decide(ref: str, action: str, words: str) -> Any:
    """Decide, then go on to the next piece; what is wrong with the form stands on the same page."""
    session, form = db_session(), ReviewForm()
    evidence = queries.evidence_by_ref(session, ref)
    check(identity_here(), Permission.EVIDENCE_REVIEW, evidence)
    if not form.validate_on_submit():
        return page_of_piece(evidence, form, HoldForm()), 422
    go_on, seen = form.next.data or "", form.seen.data or ""
    try:
        with unit_of_work(session):
            once(form, session)
            review(
                session,
                evidence.id,
                action,
                reason=form.reason.data or "" if action == "question" else "",
                seen=seen,
                actor=current_actor(),
                now=clock().now(),
            )
    except Invalid as refused:
        return page_of_piece(evidence, form, HoldForm(), refused.problems), 422
    flash(words.format(ref=ref), "success")
    if go_on:
        return redirect(url_for(".piece", ref=go_on[:100], **same_filters()))
    flash("That was the last of them.", "info")
    return redirect(url_for(".index", **same_filters()))


@bp.post("/<ref>/hold")
@permission(Permission.EVIDENCE_HOLD)
def legal_hold(ref: str) -> Any:
    """Put a piece on legal hold, or take it off."""
    session, form = db_session(), HoldForm()
    evidence = queries.evidence_by_ref(session, ref)
    check(identity_here(), Permission.EVIDENCE_HOLD, evidence)
    if not form.validate_on_submit():
        return page_of_piece(evidence, ReviewForm(), form), 422
    held = request.form.get("held") == "yes"
    try:
        with unit_of_work(session):
            once(form, session)
            reason = form.hold_reason.data or ""
            hold(session, evidence.id, held=held, reason=reason, actor=current_actor(), now=clock().now())
    except Invalid as refused:
        return page_of_piece(evidence, ReviewForm(), form, refused.problems), 422
    flash("On legal hold: it is kept until somebody lets it go." if held else "No longer on hold.", "success")
    return redirect(url_for(".piece", ref=ref, **same_filters()))
