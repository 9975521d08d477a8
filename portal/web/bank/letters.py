"""Letters to borrowers: made from an approved text, kept as a PDF, and the register of how they went out."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.casework.legal.service import load_case, ref_of
from allocations.casework.letters import dispatching, making, queries
from allocations.casework.letters.models import LetterDispatch
from allocations.casework.letters.starting import KINDS
from allocations.casework.letters.templates import current
from allocations.placements.queries import find_account
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, NotFound, Problem
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.bank.legal import by_whom
from portal.web.bank.letters_forms import DispatchForm, LetterForm, OutcomeForm
from portal.web.edge import clock, current_actor, db_session, file_store, once, page_of
from portal.web.handed_files import PAPERS, handed_out, kept_file
from portal.web.typed import kept_on_page

bp = Blueprint("bank_letters", __name__, url_prefix="/bank/letters")
Answer = Response | tuple[str, int]


def chosen() -> dict[str, Any]:
    return {name: request.args.get(name, "").strip()[:60] for name in ("letter", "account", "run")}


@bp.get("")
@permission(Permission.LETTER_READ)
def index() -> str:
    session, asked = db_session(), chosen()
    page = page_of(
        lambda after, limit: queries.list_letters(session, **asked, after=after, limit=limit),
        lambda row: (row.letter.id,),
    )
    filters = {name: value for name, value in asked.items() if value}
    runs = queries.list_runs(session)
    given: dict[str, Any] = {"kinds": list(KINDS.items()), "words": KINDS, "runs": runs}
    return render_template("bank/letters/index.html", page=page, filters=filters, **given)


EXPORTED = (
    *("letter", "kind", "language", "loan_account_no", "made_on", "sha256", "state"),
    *("channel", "tracking_no", "sent_on", "outcome", "outcome_on"),
)


@bp.get("/export.<kind>")
@permission(Permission.LETTER_READ)
def download(kind: str) -> Response:
    """The register of dispatch, a line each way a letter went."""
    rows = queries.list_letters(db_session(), **chosen(), limit=MOST_ROWS)
    lines = [line for row in rows for line in in_rows(row)]
    return export("letters", kind, EXPORTED, lines, chosen())


def in_rows(row: queries.LetterRow) -> list[list[Any]]:
    letter = row.letter
    told = [letter.ref, row.kind, row.language, row.loan_account_no, letter.made_on, letter.sha256, row.state]
    sent: list[LetterDispatch | None] = [*row.dispatches] or [None]
    return [
        [
            *told,
            *((each.channel, each.tracking_no, each.sent_on, each.outcome, each.outcome_on) if each else [None] * 5),
        ]
        for each in sent
    ]


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.LETTER_MAKE)
def new() -> str | Answer:
    """One letter to one borrower."""
    session = db_session()
    case = request.args.get("case", "")
    form = LetterForm(
        loan_account_no=request.args.get("account", "")[:60],
        case=int(case) if case.isascii() and case.isdigit() and len(case) < 12 else None,
    )
    problems: list[Problem] = []
    if form.validate_on_submit():
        with kept_on_page(problems, "no_template"):
            with unit_of_work(session):
                once(form, session)
                made = made_from(form)
            flash("Made. Enter how it goes out.", "success")
            return redirect(url_for(".show", letter_id=made))
    page = render_template("bank/letters/new.html", form=form, problems=problems)
    return (page, 422) if form.errors or problems else page


def made_from(form: LetterForm) -> int:
    session = db_session()
    template = current(session, form.kind.data or "", form.language.data or "en")
    case = load_case(session, form.case.data, locked=False) if form.case.data else None
    try:
        account = find_account(session, (form.loan_account_no.data or "").strip())
    except NotFound:
        said = Problem("unknown_account", "There is no such loan account.", "Check it.", column="loan_account_no")
        raise Invalid(said) from None
    if case is not None and case.loan_account_id != account.id:
        said = Problem("another_account", f"{ref_of(case.id)} is of another account.", "Check both.", column="case")
        raise Invalid(said)
    desk = making.Desk(file_store(), current_actor(), clock().now(), clock().today())
    return making.make_letter(session, template, account, desk, case=case).id


@bp.get("/<int:letter_id>")
@permission(Permission.LETTER_READ)
def show(letter_id: int) -> str:
    return letter_page(letter_id)


def letter_page(letter_id: int, problems: list[Problem] | None = None, **forms: Any) -> str:
    row = queries.letter_row(db_session(), letter_id)
    acts = {"dispatch_form": DispatchForm(formdata=None), "outcome_form": OutcomeForm(formdata=None)}
    words = KINDS.get(row.kind, row.kind)
    case_ref = ref_of(row.letter.case_id) if row.letter.case_id else ""
    given: dict[str, Any] = {"row": row, "letter": row.letter, "word": words, "case_ref": case_ref}
    return render_template("bank/letters/show.html", problems=problems or [], **given, **acts | forms)


@bp.get("/<int:letter_id>/letter.pdf")
@permission(Permission.LETTER_READ)
def pdf(letter_id: int) -> Response:
    letter = making.find_letter(db_session(), letter_id)
    return handed_out(letter.sha256, f"{letter.ref}.pdf")


@bp.post("/<int:letter_id>/dispatches")
@permission(Permission.LETTER_DISPATCH)
def send(letter_id: int) -> Answer:
    """Say how it went out."""
    session, form, problems = db_session(), DispatchForm(), list[Problem]()
    letter = making.find_letter(session, letter_id)
    if not form.validate_on_submit():
        return letter_page(letter_id, dispatch_form=form), 422
    with kept_on_page(problems):
        with unit_of_work(session):
            once(form, session)
            kept = kept_file(form.file, None, PAPERS)
            assert form.sent_on.data is not None
            given: dict[str, Any] = {"sent_on": form.sent_on.data, "tracking_no": form.tracking_no.data or ""}
            dispatching.dispatch(session, letter, form.channel.data or "", proof=kept, **given, **by_whom())
        flash("Entered into the register.", "success")
        return redirect(url_for(".show", letter_id=letter_id))
    return letter_page(letter_id, problems, dispatch_form=form), 422


@bp.post("/<int:letter_id>/dispatches/<int:dispatch_id>/outcome")
@permission(Permission.LETTER_DISPATCH)
def outcome(letter_id: int, dispatch_id: int) -> Answer:
    """Say that it was delivered or came back."""
    session, form, problems = db_session(), OutcomeForm(), list[Problem]()
    if not form.validate_on_submit():
        return letter_page(letter_id, outcome_form=form), 422
    with kept_on_page(problems, "not_open"):
        with unit_of_work(session):
            once(form, session)
            found = dispatching.load_dispatch(session, dispatch_id)
            if found.letter_id != letter_id:
                raise NotFound("There is no such dispatch.")
            kept = kept_file(form.file, None, PAPERS)
            assert form.on.data is not None
            given: dict[str, Any] = {"on": form.on.data, "note": form.note.data or ""}
            dispatching.note_outcome(session, found, form.outcome.data or "", proof=kept, **given, **by_whom())
        flash("Entered.", "success")
        return redirect(url_for(".show", letter_id=letter_id))
    return letter_page(letter_id, problems, outcome_form=form), 422


@bp.get("/<int:letter_id>/dispatches/<int:dispatch_id>/proof")
@permission(Permission.LETTER_READ)
def proof(letter_id: int, dispatch_id: int) -> Response:
    """Proof that it was sent."""
    found = line_of(letter_id, dispatch_id)
    return handed_out(found.proof_sha256, found.proof_name)


@bp.get("/<int:letter_id>/dispatches/<int:dispatch_id>/acknowledgement")
@permission(Permission.LETTER_READ)
def acknowledgement(letter_id: int, dispatch_id: int) -> Response:
    """Proof of what became of it."""
    found = line_of(letter_id, dispatch_id)
    return handed_out(found.outcome_sha256, found.outcome_name)


def line_of(letter_id: int, dispatch_id: int) -> LetterDispatch:
    row = queries.letter_row(db_session(), letter_id)
    found = next((each for each in row.dispatches if each.id == dispatch_id), None)
    if found is None:
        raise NotFound("There is no such dispatch.")
    return found
