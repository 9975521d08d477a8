"""Evidence of an agency: what is missing first, what was handed in, and one more piece for a receipt, a visit or a deposit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest

from allocations.collections.evidence import queries
from allocations.collections.evidence.required import missing_of_receipts, missing_of_visits
from allocations.collections.evidence.service import AddedEvidence, add_evidence
from allocations.collections.field_models import Contact
from allocations.collections.models import Collection, Deposit
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.web.agency.accounts import own_agency, own_agency_id, own_sight
from portal.web.agency.evidence_forms import EvidenceForm
from portal.web.edge import clock, current_actor, db_session, file_store, once, page_of
from portal.web.evidence_story import KIND_WORDS, STATE_CHOICES, kinds_spoken, show, show_all
from portal.web.period import chosen_period, recent_periods

bp = Blueprint("agency_evidence", __name__, url_prefix="/agency/evidence")


@bp.get("")
@permission(Permission.OWN_EVIDENCE_READ)
def index() -> str:
    session, period, sight = db_session(), chosen_period(), own_sight()
    state, text = request.args.get("state", "")[:20], request.args.get("text", "").strip()[:100]
    page = page_of(
        lambda after, limit: queries.list_own(
            session, own_agency_id(), period=period, state=state, text=text, sight=sight, after=after, limit=limit
        ),
        lambda row: (row.received_at, row.id),
    )
    asked = queries.asks_for_evidence(session) and not page.after and not state and not text
    return render_template(
        "agency/evidence/index.html",
        page=page,
        shown={each.evidence.id: each for each in show_all(page.rows)},
        missing=queries.missing_in(session, own_agency_id(), period, sight=sight) if asked else [],
        asks=queries.asks_for_evidence(session),
        period=period,
        periods=recent_periods(),
        states=STATE_CHOICES,
        kinds_spoken=kinds_spoken,
        narrowed=bool(state or text),
    )


@bp.get("/<ref>")
@permission(Permission.OWN_EVIDENCE_READ)
def piece(ref: str) -> str:
    """One piece: its picture, where it stands, and why it was questioned."""
    session, sight = db_session(), own_sight()
    evidence = queries.evidence_by_ref(session, ref, sight)
    is_open = queries.is_open_to_agency(session, evidence, sight, clock().today())
    return render_template(
        "agency/evidence/piece.html",
        piece=show(evidence, is_open=is_open),
        subject=queries.subject_of(session, evidence),
    )


@dataclass(frozen=True)
class Target:
    """What a piece is handed in for: a row, the words for it, and the kinds of evidence it lacks."""

    row: Collection | Contact | Deposit
    given: dict[str, int]
    words: str
    account: str | None
    missing: tuple[str, ...]
    back: str


@bp.route("/add", methods=["GET", "POST"])
@permission(Permission.OWN_EVIDENCE_ADD)
def add() -> Any:
    """Hand in a file for a receipt (`?collection=`), a visit (`?contact=`) or a deposit (`?deposit=`)."""
    target, form = target_here(), EvidenceForm()
    problems: list[Problem] = []
    if not form.is_submitted():
        asked = request.args.get("kind", "")
        form.kind.data = asked if asked in KIND_WORDS else next(iter(target.missing), usual_kind(target))
    elif form.validate():
        try:
            added = take_in(form, target)
        except Invalid as refused:
            problems = refused.problems
        else:
            flash("Handed in. It is looked into now; that takes a moment.", "success")
            return redirect(url_for(".piece", ref=added.evidence.ref))
    session = db_session()
    pieces = queries.pieces_of(session, **target.given, sight=own_sight())
    return render_template(
        "agency/evidence/add.html",
        form=form,
        target=target,
        problems=problems,
        pieces=show_all(pieces),
        kinds_spoken=kinds_spoken,
        **{name: target.given.get(name) for name in GIVEN},
    ), 422 if problems or form.errors else 200


def take_in(form: EvidenceForm, target: Target) -> AddedEvidence:
    session = db_session()
    with unit_of_work(session):
        once(form, session)
        return add_evidence(
            session,
            file_store(),
            form.file.data.read(),
            name=form.file.data.filename or "file",
            kind=form.kind.data,
            agency=own_agency(),
            actor=current_actor(),
            now=clock().now(),
            **target.given,  # type: ignore[arg-type]
        )


GIVEN = ("collection_id", "contact_id", "deposit_id")


def target_here() -> Target:
    """What the address names. BadRequest when it names nothing; NotFound when it is not in this person's sight."""
    session, agency_id, sight = db_session(), own_agency_id(), own_sight()
    if (number := request.args.get("collection", type=int)) is not None:
        receipt = queries.own_receipt(session, agency_id, number, sight)
        missing = missing_of_receipts(session, [receipt]).get(receipt.id, ())
        back = url_for("agency_collections.show", collection_id=receipt.id)
        words = f"receipt {receipt.receipt_no}"
        return Target(receipt, {"collection_id": receipt.id}, words, receipt.loan_account_no, missing, back)
    if (number := request.args.get("contact", type=int)) is not None:
        visit = queries.own_contact(session, agency_id, number, sight)
        missing = missing_of_visits(session, [visit]).get(visit.id, ())
        back = url_for("agency_accounts.show", allocation_id=visit.allocation_id)
        return Target(visit, {"contact_id": visit.id}, f"the {visit.kind}", visit.loan_account_no, missing, back)
    if (number := request.args.get("deposit", type=int)) is not None:
        deposit = queries.own_deposit(session, agency_id, number, sight)
        back = url_for("agency_deposits.show", deposit_id=deposit.id)
        return Target(deposit, {"deposit_id": deposit.id}, f"deposit slip {deposit.slip_no}", None, (), back)
    raise BadRequest()


def usual_kind(target: Target) -> str:
    if isinstance(target.row, Deposit):
        return "deposit_slip"
    if isinstance(target.row, Contact):
        return {"call": "call", "letter": "letter"}.get(target.row.kind, "premises")
    return "receipt"


def panel_of(*, collection_id: int | None = None, deposit_id: int | None = None) -> dict[str, Any]:
    """What a receipt's or a slip's page shows of its evidence: the pieces, the kinds it lacks, the way to add one."""
    session = db_session()
    pieces = queries.pieces_of(session, collection_id=collection_id, deposit_id=deposit_id, sight=own_sight())
    row = session.get(Collection, collection_id) if collection_id is not None else None
    return {
        "pieces": show_all(pieces),
        "missing": missing_of_receipts(session, [row]).get(row.id, ()) if row else (),
        "spoken": kinds_spoken,
        "add": url_for("agency_evidence.add", collection=collection_id, deposit=deposit_id),
    }
