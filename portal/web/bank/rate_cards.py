"""Rate cards at the bank: every version, one version in words, handing one in, deciding on it."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from payouts.approving_cards import approve_card, asks_for_a_what_if
from payouts.rate_cards import queries
from payouts.rate_cards.checking import Check, check_card
from payouts.rate_cards.curve import curve_of
from payouts.rate_cards.lint import case_bases
from payouts.rate_cards.parsing import read_card
from payouts.rate_cards.readiness import unready
from payouts.rate_cards.service import import_card, load_version
from payouts.rate_cards.service import reject as reject_version
from payouts.rate_cards.terms import Card
from payouts.rate_cards.wording import case_differences, differences, extras, rule_words
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem, Refused, Stale
from portal.web.bank.rate_cards_curve import CurvePicture, curve_picture
from portal.web.bank.rate_cards_forms import ApproveForm, CardForm, RejectForm
from portal.web.bank.what_if import for_version
from portal.web.downloads import attachment
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of

bp = Blueprint("bank_rate_cards", __name__, url_prefix="/bank/rate-cards")
STATUSES = {"draft": "Draft", "approved": "Approved", "rejected": "Rejected"}


@bp.get("")
@permission(Permission.RATE_CARD_READ)
def index() -> str:
    session, status = db_session(), request.args.get("status", "")[:20]
    page = page_of(
        lambda after, limit: queries.list_versions(session, after=after, limit=limit, status=status),
        lambda row: (row.code, -row.version),
    )
    waiting = queries.drafts_waiting(session)
    return render_template("bank/rate_cards/index.html", page=page, statuses=STATUSES, waiting=waiting)


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.RATE_CARD_IMPORT)
def new() -> str | Response | tuple[str, int]:
    """Hand in a card; it becomes a draft another person decides on."""
    form = CardForm()
    problems: list[Problem] = []
    if form.validate_on_submit():
        uploaded = form.file.data.read() if form.file.data else b""
        source = uploaded or (form.text.data or "").encode()
        try:
            return taken_in(form, source)
        except Invalid as wrong:
            problems = wrong.problems
    page = render_template("bank/rate_cards/new.html", form=form, problems=problems)
    return page, 422 if problems or form.errors else 200


def taken_in(form: CardForm, source: bytes) -> Response:
    session = db_session()
    with unit_of_work(session):
        once(form, session)
        version = import_card(session, source, actor=current_actor(), now=clock().now())
        code, number = queries.card_code(session, version), version.version
    flash(f"{code} version {number} is a draft; another person approves it.", "success")
    return redirect(url_for(".show", code=code, number=number))


@bp.get("/<code>/<int:number>")
@permission(Permission.RATE_CARD_READ)
def show(code: str, number: int) -> str:
    return version_page(code, number)


def version_page(code: str, number: int, problems: list[Problem] | None = None, **forms: Any) -> str:
    session = db_session()
    card, version = load_version(session, code, within(number))
    found = check_card(version.source_text)
    before = queries.version_before(session, version)
    old = read_card(before.source_text) if before else None
    acts = {
        "approve_form": ApproveForm(expected_sha256=version.sha256),
        "reject_form": RejectForm(expected_sha256=version.sha256),
    }
    shown: dict[str, Any] = acts | forms
    untried = version.status == "draft" and asks_for_a_what_if(session, version)
    shown["approve_form"].comment.flags.required = bool(found.warnings) or untried
    return render_template(
        "bank/rate_cards/show.html",
        card=card,
        version=version,
        found=found,
        rules=[rule_words(found.card, rule) for rule in found.card.rules],
        curves=curves_of(found.card),
        extras=extras(found.card),
        unready=unready(found.card),
        before=before,
        changes=differences(old, found.card) if old else [],
        examples=case_differences(old, found.card) if old else [],
        clash=queries.clashing(session, found.card, version.id) if version.status == "draft" else None,
        problems=problems or [],
        what_if=for_version(version),
        untried=untried,
        reasons=reasons_asked(found, untried),
        **shown,
    )


def reasons_asked(found: Check, untried: bool) -> str:
    """What an approval must say for the record; empty when it need not say anything."""
    asked = ["Lint warns: say why each warning is meant."] if found.warnings else []
    asked += ["Nobody tried it on closed months with every agency: say why not."] if untried else []
    return " ".join(asked)


def curves_of(card: Card) -> list[CurvePicture | None]:
    """A picture of what each rule pays, on the money of its own cases where they say how much."""
    bases = case_bases(card)
    drawn = [curve_of(card, rule, bases.get(rule.id)) for rule in card.rules]
    return [curve_picture(curve) if curve else None for curve in drawn]


def within(number: int) -> int:
    """A version number the database can hold; a larger one names nothing."""
    return number if number < 2**31 else 0


@bp.get("/<code>/<int:number>/file")
@permission(Permission.RATE_CARD_READ)
def file(code: str, number: int) -> Response:
    """The text exactly as it was handed in."""
    _, version = load_version(db_session(), code, within(number))
    ending = "json" if version.source_text.lstrip().startswith("{") else "toml"
    return attachment(version.source_text.encode(), f"{code}-v{number}.{ending}", "text/plain; charset=utf-8")


@bp.post("/<code>/<int:number>/approve")
@permission(Permission.RATE_CARD_APPROVE)
def approve(code: str, number: int) -> Response | tuple[str, int]:
    """Put exactly what was shown in force; never by its maker."""
    session, form = db_session(), ApproveForm()
    _, version = load_version(session, code, within(number))
    check(identity_here(), Permission.RATE_CARD_APPROVE, version)
    if not form.validate_on_submit():
        return version_page(code, number, approve_form=form), 422
    try:
        with unit_of_work(session):
            once(form, session)
            approve_card(
                session,
                code,
                number,
                actor=current_actor(),
                now=clock().now(),
                comment=form.comment.data or "",
                expected_sha256=form.expected_sha256.data,
            )
    except Stale:
        raise
    except Refused as refused:
        problems = [Problem(refused.code, refused.message, refused.cure)]
        return version_page(code, number, problems, approve_form=again(form)), 409
    flash(f"{code} version {number} is in force.", "success")
    return redirect(url_for(".show", code=code, number=number))


def again(form: ApproveForm) -> ApproveForm:
    """The same form with a token that has not been spent."""
    return ApproveForm(formdata=None, expected_sha256=form.expected_sha256.data, comment=form.comment.data)


@bp.post("/<code>/<int:number>/reject")
@permission(Permission.RATE_CARD_APPROVE)
def reject(code: str, number: int) -> Response | tuple[str, int]:
    session, form = db_session(), RejectForm()
    _, version = load_version(session, code, within(number))
    check(identity_here(), Permission.RATE_CARD_APPROVE, version)
    if not form.validate_on_submit():
        return version_page(code, number, reject_form=form), 422
    with unit_of_work(session):
        once(form, session)
        reject_version(
            session,
            code,
            number,
            actor=current_actor(),
            now=clock().now(),
            reason=form.reason.data or "",
            expected_sha256=form.expected_sha256.data,
        )
    flash(f"{code} version {number} is rejected; its maker reads why.", "success")
    return redirect(url_for(".show", code=code, number=number))
