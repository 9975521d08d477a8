"""Schemes of scoring at the bank: what counts how much, from where to where; changed on a page, approved by another person."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.scorecards import schemes
from allocations.scorecards.catalogue import MEASURES
from allocations.scorecards.models import ScoreScheme
from allocations.scorecards.scheme import CONSEQUENCES, MIXED, read_scheme
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem
from portal.kernel.periods import month_of
from portal.web.bank.scorecards_forms import AcceptForm, OneClickForm, RejectForm, SchemeForm
from portal.web.edge import clock, current_actor, db_session, identity_here, once
from portal.web.typed import kept_on_page

bp = Blueprint("bank_score_schemes", __name__, url_prefix="/bank/score-schemes")
Answer = str | Response | tuple[str, int]
SPARE = 2  # empty rows for more gates and bands


@bp.get("")
@permission(Permission.SCORE_READ)
def index() -> str:
    session = db_session()
    found = schemes.list_schemes(session)
    return render_template(
        "bank/score_schemes/index.html", found=found, in_force=schemes.scheme_on(session, clock().today())
    )


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.SCHEME_PROPOSE)
def new() -> Answer:
    """The scheme in force as a form; what is sent is the whole of the next one."""
    session, form, problems = db_session(), SchemeForm(), list[Problem]()
    terms = terms_sent() if request.method == "POST" else dict(schemes.scheme_on(session, clock().today()).terms)
    if request.method == "GET":
        form.effective_from.data = month_of(clock().today()).start
    if form.validate_on_submit() and form.effective_from.data:
        with kept_on_page(problems):
            with unit_of_work(session):
                once(form, session)
                given: dict[str, Any] = {"actor": current_actor(), "now": clock().now()}
                day, reason = form.effective_from.data, form.reason.data or ""
                version = schemes.propose_scheme(session, terms, effective_from=day, reason=reason, **given).version
            flash("Proposed. It holds once another person approves it.", "success")
            return redirect(url_for(".show", version=version))
    page = render_template(
        "bank/score_schemes/new.html",
        form=form,
        problems=problems,
        terms=terms,
        rows={each["code"]: each for each in terms["measures"]},
        gates=[*terms["gates"], *({} for _ in range(SPARE))],
        bands=[*terms["bands"], *({} for _ in range(SPARE))],
        **words(),
    )
    return (page, 422) if form.errors or problems else page


def words() -> dict[str, Any]:
    return {"measures": MEASURES, "mixed": MIXED, "consequences": CONSEQUENCES}


def terms_sent() -> dict[str, Any]:
    """The terms as the page sent them; empty rows are left out, what is wrong with the others is said by the scheme's reader."""
    sent = request.form
    measures = []
    for code in MEASURES:
        row = {name: sent.get(f"{code}.{name}", "").strip() for name in ("weight", "floor", "target", "least")}
        if any(row.values()):
            whole = {"weight": as_whole(row["weight"] or "0"), "least": as_whole(row["least"] or "1")}
            mixed = {"like_for_like": True} if sent.get(f"{code}.like_for_like") else {}
            measures.append({"code": code, **row, **whole, **mixed})
    return {
        "measures": measures,
        "gates": rows_sent("gate", ("code", "below", "above", "says", "measure", "consequence"), 4),
        "bands": rows_sent("band", ("from", "grade", "consequence"), 2),
        "tickets": [as_whole(each) for each in sent.get("tickets", "").replace(",", " ").split()],
        "least_weight": as_whole(sent.get("least_weight", "").strip() or "0"),
        **({"held_before": True} if sent.get("held_before") else {}),
    }


def rows_sent(kind: str, names: tuple[str, ...], typed: int) -> list[dict[str, str]]:
    """Rows of which anything was typed: the first so many names are typed, the others chosen, and those are never empty."""
    columns = {name: [each.strip()[:200] for each in request.form.getlist(f"{kind}.{name}")] for name in names}
    found = [dict(zip(columns, row, strict=False)) for row in zip(*columns.values(), strict=False)]
    return [
        {name: value for name, value in row.items() if value}
        for row in found
        if any(row[name] for name in names[:typed])
    ]


def as_whole(text: str) -> int | str:
    """Whole numbers as such; anything else as it was typed, for the reader to refuse."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 13 else text


@bp.get("/<int:version>")
@permission(Permission.SCORE_READ)
def show(version: int) -> str:
    return scheme_page(version)


def scheme_page(version: int, **forms: Any) -> str:
    session = db_session()
    found = find(version)
    before = next(
        (each for each in schemes.list_schemes(session) if each.status == "approved" and each.version < version), None
    )
    acts = {
        "accept_form": AcceptForm(formdata=None),
        "reject_form": RejectForm(formdata=None),
        "withdraw_form": OneClickForm(formdata=None),
    }
    return render_template(
        "bank/score_schemes/show.html",
        found=found,
        scheme=read_scheme(found.terms),
        before={each.code: each for each in read_scheme(before.terms).measures} if before else {},
        in_force=schemes.scheme_on(session, clock().today()).version,
        **words() | acts | forms,
    )


def find(version: int) -> ScoreScheme:
    return schemes.PROPOSALS.load(db_session(), locked=False, version=version)


@bp.post("/<int:version>/approve")
@permission(Permission.SCHEME_DECIDE)
def approve(version: int) -> Answer:
    return decide(version, AcceptForm(), approve=True)


@bp.post("/<int:version>/reject")
@permission(Permission.SCHEME_DECIDE)
def reject(version: int) -> Answer:
    return decide(version, RejectForm(), approve=False)


def decide(version: int, form: AcceptForm | RejectForm, *, approve: bool) -> Answer:
    session = db_session()
    check(identity_here(), Permission.SCHEME_DECIDE, find(version))
    if not form.validate_on_submit():
        return scheme_page(version, **{"accept_form" if approve else "reject_form": form}), 422
    with unit_of_work(session):
        once(form, session)
        locked = schemes.PROPOSALS.load(session, version=version)
        given: dict[str, Any] = {"reason": form.reason.data or "", "actor": current_actor(), "now": clock().now()}
        schemes.decide_scheme(session, locked, approve=approve, **given)
    flash("Approved." if approve else "Rejected.", "success")
    return redirect(url_for(".show", version=version))


@bp.post("/<int:version>/withdraw")
@permission(Permission.SCHEME_PROPOSE)
def withdraw(version: int) -> Answer:
    session, form = db_session(), OneClickForm()
    if not form.validate_on_submit():
        return scheme_page(version), 422
    with unit_of_work(session):
        once(form, session)
        found = schemes.PROPOSALS.load(session, version=version)
        schemes.PROPOSALS.move(session, found, "withdraw", actor=current_actor(), now=clock().now())
    flash("Withdrawn.", "info")
    return redirect(url_for(".index"))
