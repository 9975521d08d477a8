"""Legal cases: what each needs, until when, and what stands in its way; its facts, steps and filing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from allocations.casework.legal import queries, service
from allocations.casework.legal.catalogue import KINDS, TITLES
from allocations.casework.legal.judging import AMOUNT, DAY, YES_NO, Fact
from allocations.casework.legal.lifecycle import AT_COUNSEL, WORDS, may_follow
from allocations.casework.legal.models import LegalCase
from allocations.casework.letters.queries import letters_of_case
from allocations.casework.letters.starting import KINDS as LETTER_KINDS
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import NotFound, Problem
from portal.kernel.money import shown
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.bank.legal_forms import (
    CaseForm,
    CloseTaskForm,
    ConfirmFilingForm,
    FactForm,
    FilingForm,
    HoldAccountForm,
    MoveForm,
    RejectFilingForm,
)
from portal.web.edge import ActForm, clock, current_actor, db_session, identity_here, once, page_of
from portal.web.filters import iso_day
from portal.web.handed_files import PAPERS, handed_out, kept_file
from portal.web.typed import kept_on_page, minor_typed

bp = Blueprint("bank_legal", __name__, url_prefix="/bank/legal")
Answer = Response | tuple[str, int]


def chosen() -> dict[str, Any]:
    found = {name: request.args.get(name, "").strip()[:60] for name in ("tab", "step", "account")}
    return found | {"tab": found["tab"] if found["tab"] in queries.TABS else "open"}


@bp.get("")
@permission(Permission.LEGAL_READ)
def index() -> str:
    session, asked, today = db_session(), chosen(), clock().today()
    page = page_of(
        lambda after, limit: queries.list_cases(session, today, **asked, after=after, limit=limit), queries.key_of
    )
    filters = {name: value for name, value in asked.items() if value}
    counts = queries.counts(session)
    kinds = list(TITLES.items())
    given: dict[str, Any] = {"tabs": queries.TABS, "tab": asked["tab"], "titles": TITLES, "counts": counts}
    return render_template("bank/legal/index.html", page=page, filters=filters, kinds=kinds, **given)


EXPORTED = (
    *("case", "loan_account_no", "step", "status", "standing", "next", "due_on", "counsel"),
    *("opened_by", "opened_at", "closed_on", "outcome"),
)


@bp.get("/export.<kind>")
@permission(Permission.LEGAL_READ)
def download(kind: str) -> Response:
    rows = queries.list_cases(db_session(), clock().today(), **chosen(), limit=MOST_ROWS)
    return export("legal-cases", kind, EXPORTED, [in_a_row(row) for row in rows], chosen())


def in_a_row(row: queries.CaseRow) -> list[Any]:
    case, found = row.case, row.standing
    told = [row.ref, row.loan_account_no, TITLES[case.kind], case.status, found.state]
    rest = [found.next.label if found.next else "", case.due_on, case.counsel, case.opened_by, case.opened_at]
    return [*told, *rest, case.closed_on, case.outcome]


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.LEGAL_EDIT)
def new() -> str | Answer:
    session, form = db_session(), CaseForm(loan_account_no=request.args.get("account", "")[:60])
    problems: list[Problem] = []
    if form.validate_on_submit():
        with kept_on_page(problems):
            with unit_of_work(session):
                once(form, session)
                reason = form.reason.data or ""
                made = service.open_case(
                    session, form.loan_account_no.data or "", form.kind.data or "", reason=reason, **by_whom()
                ).id
            flash("Opened. The checklist says what it needs.", "success")
            return redirect(url_for(".show", case_id=made))
    page = render_template("bank/legal/new.html", form=form, problems=problems)
    return (page, 422) if form.errors or problems else page


def by_whom() -> dict[str, Any]:
    return {"actor": current_actor(), "now": clock().now(), "today": clock().today()}


@bp.get("/<int:case_id>")
@permission(Permission.LEGAL_READ)
def show(case_id: int) -> str:
    return case_page(case_id)


def case_page(case_id: int, problems: list[Problem] | None = None, **forms: Any) -> str:
    session = db_session()
    row = queries.case_row(session, case_id, clock().today())
    acts = {
        "move_form": move_form(row.case, formdata=None),
        "filing_form": FilingForm(formdata=None),
        "confirm_form": ConfirmFilingForm(formdata=None),
        "reject_form": RejectFilingForm(formdata=None),
        "hold_form": HoldAccountForm(formdata=None),
    }
    return render_template(
        "bank/legal/show.html",
        row=row,
        case=row.case,
        kind=KINDS[row.case.kind],
        facts=queries.facts_entered(session, case_id),
        fact_word=lambda fact: fact_shown(row.case, fact.code, fact.value),
        filings=queries.filings_of(session, case_id),
        tasks=queries.tasks_of(session, case_id),
        letters=letters_of_case(session, case_id),
        letter_words=LETTER_KINDS,
        at_counsel=AT_COUNSEL,
        close_form=lambda: CloseTaskForm(formdata=None),
        problems=problems or [],
        **acts | forms,
    )


def fact_shown(case: LegalCase, code: str, value: str) -> tuple[str, str]:
    """A fact in words: its label and its value."""
    fact = KINDS[case.kind].fact(code)
    label = fact.label if fact else code
    if not value:
        return label, "taken back"
    if fact and fact.answer == AMOUNT:
        return label, shown(int(value), "INR")
    if fact and fact.answer == DAY:
        return label, iso_day(value)
    return label, value.capitalize() if fact and fact.answer == YES_NO else value


def move_form(case: LegalCase, **given: Any) -> MoveForm:
    form = MoveForm(**given)
    steps = [each for each in may_follow(case.status) if each != "file"]
    form.action.choices = [SelectChoice("", "Choose"), *(SelectChoice(each, WORDS[each]) for each in steps)]
    return form


def acted(case_id: int, form: ActForm, act: Callable[[LegalCase], object], said: str, **forms: Any) -> Answer:
    """Do one thing to a locked case in one transaction; what is wrong is said on its page."""
    session, problems = db_session(), list[Problem]()
    queries.case_row(session, case_id, clock().today())
    if not form.validate_on_submit():
        return case_page(case_id, **forms), 422
    with kept_on_page(problems, "not_ready", "not_filed", "needs_two", "waits_already", "held_already", "bad_step"):
        with unit_of_work(session):
            once(form, session)
            act(service.load_case(session, case_id))
        flash(said, "success")
        return redirect(url_for(".show", case_id=case_id))
    return case_page(case_id, problems, **forms), 422


@bp.post("/<int:case_id>/move")
@permission(Permission.LEGAL_EDIT)
def move(case_id: int) -> Answer:
    form = move_form(queries.case_row(db_session(), case_id, clock().today()).case)
    given: dict[str, Any] = {"reason": form.reason.data or "", "counsel": form.counsel.data or ""}

    def act(case: LegalCase) -> None:
        service.move_case(db_session(), case, form.action.data or "", **given, **by_whom())

    return acted(case_id, form, act, "Done.", move_form=form)


@bp.post("/<int:case_id>/hold")
@permission(Permission.LEGAL_EDIT)
def hold(case_id: int) -> Answer:
    form = HoldAccountForm()

    def act(case: LegalCase) -> None:
        given = {"effect": form.effect.data, "reason": form.reason.data or ""}
        service.hold_account(db_session(), case, **given, **by_whom())

    return acted(case_id, form, act, "The account is on hold until the case ends.", hold_form=form)


@bp.post("/<int:case_id>/filings")
@permission(Permission.LEGAL_EDIT)
def file(case_id: int) -> Answer:
    """Say that it was filed; another person confirms it."""
    form = FilingForm()

    def act(case: LegalCase) -> None:
        kept = kept_file(form.file, None, PAPERS)
        assert form.filed_on.data is not None
        service.propose_filing(
            db_session(),
            case,
            forum=form.forum.data or "",
            number=form.number.data or "",
            filed_on=form.filed_on.data,
            note=form.note.data or "",
            paper=kept,
            **by_whom(),
        )

    return acted(case_id, form, act, "Entered. It counts once another person confirms it.", filing_form=form)


@bp.post("/<int:case_id>/filings/<int:filing_id>/confirm")
@permission(Permission.LEGAL_DECIDE)
def confirm(case_id: int, filing_id: int) -> Answer:
    return decide(case_id, filing_id, ConfirmFilingForm(), accept=True)


@bp.post("/<int:case_id>/filings/<int:filing_id>/reject")
@permission(Permission.LEGAL_DECIDE)
def reject(case_id: int, filing_id: int) -> Answer:
    return decide(case_id, filing_id, RejectFilingForm(), accept=False)


def decide(case_id: int, filing_id: int, form: ConfirmFilingForm | RejectFilingForm, *, accept: bool) -> Answer:
    session, problems = db_session(), list[Problem]()
    forms = {"confirm_form" if accept else "reject_form": form}
    found = service.FILINGS.load(session, locked=False, id=filing_id, case_id=case_id)
    check(identity_here(), Permission.LEGAL_DECIDE, found)
    if not form.validate_on_submit():
        return case_page(case_id, **forms), 422
    with kept_on_page(problems, "is_not_the_maker"):
        with unit_of_work(session):
            once(form, session)
            found = service.FILINGS.load(session, id=filing_id, case_id=case_id)
            service.decide_filing(session, found, accept=accept, reason=form.reason.data or "", **by_whom())
        flash("Confirmed: the case is filed." if accept else "Rejected: the case stays with counsel.", "success")
        return redirect(url_for(".show", case_id=case_id))
    return case_page(case_id, problems, **forms), 422


@bp.get("/<int:case_id>/filings/<int:filing_id>/copy")
@permission(Permission.LEGAL_READ)
def filing_copy(case_id: int, filing_id: int) -> Response:
    found = service.FILINGS.load(db_session(), locked=False, id=filing_id, case_id=case_id)
    return handed_out(found.file_sha256, found.file_name)


# --- facts


@bp.route("/<int:case_id>/facts/<code>", methods=["GET", "POST"])
@permission(Permission.LEGAL_EDIT)
def fact(case_id: int, code: str) -> str | Answer:
    """Enter one fact of the checklist, with the paper that shows it."""
    session, problems = db_session(), list[Problem]()
    row = queries.case_row(session, case_id, clock().today())
    asked = KINDS[row.case.kind].fact(code)
    if asked is None:
        raise NotFound("This case has no such fact.")
    form = FactForm()
    if form.validate_on_submit():
        with kept_on_page(problems, "not_open"):
            with unit_of_work(session):
                once(form, session)
                case = service.load_case(session, case_id)
                kept = kept_file(form.file, None, PAPERS)
                given: dict[str, Any] = {"note": form.note.data or "", "paper": kept}
                service.enter_fact(session, case, code, value_typed(form, asked), **given, **by_whom())
            flash(f"{asked.label}: entered.", "success")
            return redirect(url_for(".show", case_id=case_id))
    page = render_template("bank/legal/fact.html", row=row, case=row.case, asked=asked, form=form, problems=problems)
    return (page, 422) if form.errors or problems else page


def value_typed(form: FactForm, asked: Fact) -> str:
    """What was typed for this fact, as facts are kept."""
    if asked.answer == DAY:
        return form.day.data.isoformat() if form.day.data else ""
    if asked.answer == YES_NO:
        return form.answer.data or ""
    if asked.answer == AMOUNT:
        minor = minor_typed(form.amount.data, "INR")
        return "" if minor is None else str(minor)
    return form.words.data or ""


@bp.get("/<int:case_id>/facts/<int:fact_id>/paper")
@permission(Permission.LEGAL_READ)
def fact_paper(case_id: int, fact_id: int) -> Response:
    found = queries.fact_file(db_session(), case_id, fact_id)
    return handed_out(found.file_sha256, found.file_name)
