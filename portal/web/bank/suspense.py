"""Suspense: money nobody claims, whose it might be, and what is done with it; credits that several agencies claim."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from allocations.reconciliation.bench import suspense_queries as queries
from allocations.reconciliation.bench.act_queries import list_acts, refunds_near
from allocations.reconciliation.bench.by_hand import link_by_hand
from allocations.reconciliation.bench.candidates import text_of
from allocations.reconciliation.bench.suspense import Part, money_explained, return_credit, split_credit
from allocations.reconciliation.bench_models import HandAct
from allocations.reconciliation.matching.reasons import MISSES
from allocations.reconciliation.models import BankLine
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import Money, plain, shown
from portal.web.bank.suspense_forms import MOST_PARTS, NOT_SEEN, AssignForm, ClaimForm, ReturnForm
from portal.web.edge import clock, current_actor, db_session, once, page_of, wants_sums
from portal.web.filters import day

bp = Blueprint("bank_suspense", __name__, url_prefix="/bank/suspense")
Answer = Response | tuple[str, int]


@bp.get("")
@permission(Permission.SUSPENSE_READ)
def index() -> str:
    session, today = db_session(), clock().today()
    stage, wanted = request.args.get("stage", "")[:20], request.args.get("q", "")[:80]
    page = page_of(
        lambda after, limit: queries.unclaimed_page(
            session, today=today, stage=stage, wanted=wanted, after=after, limit=limit
        ),
        lambda row: (row.opened_on, row.break_id),
    )
    return render_template(
        "bank/suspense/index.html",
        page=page,
        stages=queries.stages_on(session, today),
        explained=money_explained(session) if wants_sums() else None,
        sums=queries.unclaimed_sums(session, today=today) if wants_sums() else None,
        tab="unclaimed",
    )


@bp.get("/contested")
@permission(Permission.SUSPENSE_READ)
def contested() -> str:
    session = db_session()
    page = page_of(
        lambda after, limit: queries.contested_lines(session, after=after, limit=limit),
        lambda row: (row.line.value_on, row.line.id),
    )
    return render_template("bank/suspense/contested.html", page=page, tab="contested")


@bp.get("/returns")
@permission(Permission.SUSPENSE_READ)
def returns() -> str:
    """Returns no debit shows yet."""
    session = db_session()
    page = page_of(
        lambda after, limit: list_acts(session, show="all", under_way=True, after=after, limit=limit),
        lambda row: (row.act.id,),
    )
    return render_template("bank/suspense/returns.html", page=page, tab="returns")


@bp.get("/<int:line_id>")
@permission(Permission.SUSPENSE_READ)
def show(line_id: int) -> str:
    return credit_page(line_id)


def credit_page(line_id: int, problems: Any = (), **forms: Any) -> str:
    session = db_session()
    story = queries.credit_story(session, line_id, today=clock().today())
    given = {"assign_form": assign_form(story), "return_form": return_form(story.line, story)}
    return render_template(
        "bank/suspense/show.html",
        story=story,
        line=story.line,
        said=text_of(story.line),
        acts=list_acts(session, show="all", line_id=line_id),
        misses=misses_in_words(story),
        problems=problems,
        **given | forms,
    )


def assign_form(story: queries.CreditStory) -> AssignForm:
    form = AssignForm(formdata=None, expected=str(story.open_minor))
    form.parts[0].amount.data = Decimal(plain(max(story.free_minor, 0), story.line.currency))
    return form


def return_form(line: BankLine, story: queries.CreditStory | None = None) -> ReturnForm:
    form = ReturnForm() if story is None else ReturnForm(formdata=None, expected=str(story.open_minor))
    if story is not None:
        form.amount.data = Decimal(plain(max(story.free_minor, 0), line.currency))
    form.debit.choices = [NOT_SEEN] + [
        SelectChoice(each.id, f"{shown(each.amount_minor, each.currency)} on {day(each.value_on)}, {each.ref}")
        for each in refunds_near(db_session(), line)
    ]
    return form


def misses_in_words(story: queries.CreditStory) -> list[dict[str, Any]]:
    """Receipts that came nearest at the last run, and what speaks against each."""
    found = story.found.misses if story.found is not None else []
    return [each | {"says": MISSES.get(each.get("why", ""), "")} for each in found]


@bp.post("/<int:line_id>/assign")
@permission(Permission.SUSPENSE_EDIT)
def assign(line_id: int) -> Answer:
    """The credit, or parts of it, are money for these accounts."""
    session, form = db_session(), AssignForm()
    line = queries.credit_story(session, line_id, today=clock().today()).line
    if not form.validate_on_submit():
        return credit_page(line_id, assign_form=form), 422
    try:
        parts = [
            Part(row.account.data.strip(), minor(row.amount.data, line.currency))
            for row in form.parts
            if (row.account.data or "").strip()
        ]
        with unit_of_work(session):
            once(form, session)
            given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "expected": whole(form)}
            made = split_credit(session, line_id, parts, reason=form.reason.data or "", **given)
            said = told(made, "assigned")
    except Invalid as wrong:
        return credit_page(line_id, wrong.problems, assign_form=kept(form)), 422
    flash(*said)
    return redirect(url_for(".show", line_id=line_id))


@bp.post("/<int:line_id>/return")
@permission(Permission.SUSPENSE_EDIT)
def give_back(line_id: int) -> Answer:
    """Propose to return money to its payer; a second person always decides."""
    session = db_session()
    line = queries.credit_story(session, line_id, today=clock().today()).line
    form = return_form(line)
    if not form.validate_on_submit():
        return credit_page(line_id, return_form=form), 422
    try:
        with unit_of_work(session):
            once(form, session)
            made = return_credit(
                session,
                line_id,
                amount_minor=minor(form.amount.data, line.currency),
                debit_line_id=form.debit.data or None,
                reason=form.reason.data or "",
                actor=current_actor(),
                now=clock().now(),
                expected=whole(form),
            )
            said = told([made], "returned")
    except Invalid as wrong:
        return credit_page(line_id, wrong.problems, return_form=form), 422
    flash(*said)
    return redirect(url_for(".show", line_id=line_id))


@bp.get("/<int:line_id>/claims")
@permission(Permission.SUSPENSE_READ)
def claims(line_id: int) -> str:
    return claims_page(line_id)


def claims_page(line_id: int, problems: Any = ()) -> str:
    """Who claims a credit, side by side; nobody but the bank sees this page."""
    session = db_session()
    story = queries.credit_story(session, line_id, today=clock().today())
    return render_template(
        "bank/suspense/claims.html",
        story=story,
        line=story.line,
        said=text_of(story.line),
        claims=queries.claims_of(session, story.line),
        acts=list_acts(session, show="waiting", line_id=line_id),
        problems=problems,
        form=ClaimForm(formdata=None),
    )


@bp.post("/<int:line_id>/claims")
@permission(Permission.MATCH_CONFIRM)
def decide_claim(line_id: int) -> Answer:
    """The credit pays this receipt; the others keep their breaks, in their own words."""
    session, form = db_session(), ClaimForm()
    line = queries.credit_story(session, line_id, today=clock().today()).line
    if not form.validate_on_submit():
        flash(" ".join(str(error) for errors in form.errors.values() for error in errors), "error")
        return claims_page(line_id), 422
    try:
        with unit_of_work(session):
            once(form, session)
            made = link_by_hand(
                session,
                number(form.collection_id.data),
                line_id,
                minor(form.amount.data, line.currency),
                reason=form.reason.data or "",
                actor=current_actor(),
                now=clock().now(),
                expected=pair(form.expected.data),
            )
            made_id, said = made.id, told([made], "linked")
    except Invalid as wrong:
        return claims_page(line_id, wrong.problems), 422
    flash(*said)
    return redirect(url_for("bank_acts.show", act_id=made_id))


# --- what forms carry


def told(made: list[HandAct], verb: str) -> tuple[str, str]:
    """What was done, or waits, for the person who did it."""
    waits = [act for act in made if act.status == "proposed"]
    total = shown(sum(act.amount_minor for act in waits or made), made[0].currency)
    if waits:
        return f"{total} waits for a second person; nothing happens until then.", "info"
    direct = any(act.direct_payment_id for act in made)
    more = " The agency that held the account is told: it counts as paid direct." if direct else ""
    return f"{total} {verb}.{more}", "success"


def kept(form: AssignForm) -> AssignForm:
    """The same form with a token that has not been spent."""
    again = AssignForm(formdata=None, expected=form.expected.data, reason=form.reason.data)
    for place in range(MOST_PARTS):
        again.parts[place].account.data = form.parts[place].account.data
        again.parts[place].amount.data = form.parts[place].amount.data
    return again


def minor(amount: Decimal | None, currency: str) -> int:
    """Minor units of what was typed. Invalid when it has more decimals than the currency."""
    try:
        return Money.from_major(amount or 0, currency).minor
    except ValueError:
        say = f"{amount} has more decimals than {currency}."
        raise Invalid(Problem("bad_amount", say, column="amount", value=str(amount))) from None


def whole(form: AssignForm | ReturnForm) -> int:
    return number(form.expected.data)


def number(said: str | None) -> int:
    if not (said or "").isdecimal() or len(said or "") > 18:
        raise BadRequest()
    return int(said or "")


def pair(said: str | None) -> tuple[int, int]:
    parts = (said or "").split("/")
    if len(parts) != 2:
        raise BadRequest()
    return number(parts[0]), number(parts[1])
