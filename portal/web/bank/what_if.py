"""What-ifs at the bank: terms tried on closed months before anyone signs them, and what came of each."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms.fields.choices import SelectChoice

from allocations.agencies.queries import agency_choices
from payouts.commission import what_if_service as service
from payouts.commission.reasons import REASONS
from payouts.commission.what_if_jobs import ask_for_it
from payouts.commission.what_if_models import Simulation
from payouts.rate_cards.models import RateCardVersion
from payouts.rate_cards.queries import list_versions
from payouts.rate_cards.service import load_version
from payouts.rate_cards.wording import in_order
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.jobs import progress_of
from portal.kernel.periods import Period, parse_month
from portal.web.bank.what_if_forms import WhatIfForm
from portal.web.edge import clock, current_actor, db_session, once, page_of

bp = Blueprint("bank_what_if", __name__, url_prefix="/bank/what-if")
KINDS = {
    "commission": "",
    "account_fee": "Per account",
    "event_fee": "Per event",
    "cap": "Cap",
    "bonus": "Bonus",
    "penalty": "Penalty",
    "separate_recovery": "Recovery",
    "adjustment": "Adjustment",
    "guarantee": "Guarantee",
    "holdback": "Holdback",
    "correction": "Corrections of other months",
}


@bp.get("")
@permission(Permission.WHAT_IF_READ)
def index() -> str:
    page = page_of(
        lambda after, limit: service.list_tried(db_session(), after, limit), lambda row: (row.asked_at, row.id)
    )
    return render_template("bank/what_if/index.html", page=page)


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.WHAT_IF_RUN)
def new() -> str | Response | tuple[str, int]:
    """Choose terms and months; a worker tries them."""
    session, form = db_session(), WhatIfForm()
    months = service.accrued_months(session, clock().today())
    fill(form, months)
    problems: list[Problem] = []
    if form.validate_on_submit():
        try:
            return asked(form)
        except Invalid as wrong:
            problems = wrong.problems
        except Refused as refused:
            problems = [Problem(refused.code, refused.message, refused.cure)]
        except NotFound:
            problems = [Problem("missing", "There is no such version any more.", "Choose another.")]
        form.once.data = WhatIfForm(formdata=None).once.data
    page = render_template("bank/what_if/new.html", form=form, months=months, problems=problems)
    return page, 422 if problems or form.errors else 200


def fill(form: WhatIfForm, months: list[Period]) -> None:
    """The choices, and on a first look what is most likely meant: the version asked about, the last three finished months."""
    session = db_session()
    rows = [row for row in list_versions(session) if row.status != "rejected"]
    named = [SelectChoice(f"{row.code}/{row.version}", f"{row.code} v{row.version}, {row.status}") for row in rows]
    form.version.choices = [SelectChoice("", "A text of my own"), *named]
    form.first.choices = form.last.choices = [
        SelectChoice(month.label, month.start.strftime("%B %Y")) for month in months
    ]
    form.agencies.choices = [SelectChoice(code, name) for code, name in agency_choices(session)]
    if request.method == "GET":
        drafts = [f"{row.code}/{row.version}" for row in rows if row.status == "draft"]
        form.version.data = request.args.get("version", drafts[0] if drafts else "")[:80]
        finished = [month for month in months if clock().today() not in month] or months
        if finished:
            form.first.data, form.last.data = finished[:3][-1].label, finished[0].label


def asked(form: WhatIfForm) -> Response:
    session = db_session()
    source = source_of(form)
    months = [month_or_problem(field.data, field.label.text) for field in (form.first, form.last)]
    with unit_of_work(session):
        once(form, session)
        row = service.ask(
            session,
            source,
            months[0],
            months[1],
            agencies=form.agencies.data or (),
            actor=current_actor(),
            now=clock().now(),
        )
        ask_for_it(session, row, actor=current_actor(), clock=clock())
        simulation_id = row.id
    return redirect(url_for(".show", number=simulation_id))


def source_of(form: WhatIfForm) -> str:
    """The pasted text, or that of the version chosen. Invalid when there is neither."""
    text = (form.text.data or "").strip()
    if text:
        return form.text.data.replace("\r\n", "\n")
    code, _, number = (form.version.data or "").rpartition("/")
    if not code or not number.isdecimal() or int(number) >= 2**31:
        raise Invalid(Problem("missing", "There are no terms to try.", "Choose a version, or paste a card."))
    return load_version(db_session(), code, int(number))[1].source_text


def month_or_problem(label: str | None, where: str) -> Period:
    try:
        return parse_month(label or "")
    except ValueError as wrong:
        raise Invalid(Problem("bad_period", f"{where}: choose a month.", "Take one of the list.")) from wrong


@bp.get("/<int:number>")
@permission(Permission.WHAT_IF_READ)
def show(number: int) -> str:
    """One what-if: how far it is, or what came of it."""
    session = db_session()
    row = service.find(session, number)
    progress_id = row.result.get("job")
    job = progress_of(session, progress_id) if progress_id and row.status != "done" else None
    return render_template(
        "bank/what_if/show.html",
        row=row,
        tried=service.tried_of(row, service.version_number(session, row)),
        found=in_bucket_order(row.result) if row.status == "done" and "total" in row.result else None,
        job=job,
        **pictured(row),
    )


def in_bucket_order(result: dict[str, Any]) -> dict[str, Any]:
    place = {bucket: number for number, bucket in enumerate(in_order(each["bucket"] for each in result["buckets"]))}
    return result | {"buckets": sorted(result["buckets"], key=lambda each: place[each["bucket"]])}


def pictured(row: Simulation) -> dict[str, Any]:
    """What the result needs beside its numbers: words, and who wins and loses, the largest first."""
    agencies = row.result.get("agencies", []) if row.status == "done" else []
    ranked = sorted(agencies, key=lambda each: (-each["delta_minor"], each["agency"]))
    return {
        "ranked": ranked,
        "winners": [each for each in ranked if each["delta_minor"] > 0],
        "losers": [each for each in ranked if each["delta_minor"] < 0],
        "kinds": KINDS,
        "reasons": REASONS,
    }


@bp.get("/<int:number>/job")
@permission(Permission.WHAT_IF_READ)
def job(number: int) -> Response:
    """How far it is, for the page's script."""
    session = db_session()
    row = service.find(session, number)
    progress_id = row.result.get("job")
    state: dict[str, Any] = {"status": row.status, "done": 0, "total": 0, "message": ""}
    if progress_id and row.status in ("queued", "running"):
        found = progress_of(session, progress_id)
        state = {"status": found.status, "done": found.done, "total": found.total, "message": found.message}
    return jsonify(state | {"href": url_for(".show", number=number)})


def for_version(version: RateCardVersion) -> dict[str, Any] | None:
    """What the version's page shows: the newest what-if of exactly this text, or that there is none."""
    row = service.latest_for(db_session(), version)
    if row is None:
        return None
    return {"row": row, "found": row.result, **pictured(row)}
