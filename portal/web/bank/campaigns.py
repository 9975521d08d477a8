"""Campaigns: an offer to a segment, counted before it is approved, held against a control group, and read out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.agencies.service import lender
from allocations.casework.campaigns import members, queries, service
from allocations.casework.campaigns.letter_jobs import ask_worker
from allocations.casework.campaigns.letters import ask_letters, run_of
from allocations.casework.campaigns.lift import cost_per_rupee
from allocations.casework.campaigns.models import Campaign
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem
from portal.kernel.jobs import progress_of
from portal.web.bank.campaigns_forms import (
    CHANNEL_WORDS,
    OFFER_WORDS,
    ApproveCampaignForm,
    CampaignForm,
    CancelForm,
    CloseForm,
    LettersForm,
    RejectCampaignForm,
    StartForm,
)
from portal.web.bank.exports import export
from portal.web.bank.legal import by_whom
from portal.web.bank.segment_form import segment_in, with_choices
from portal.web.edge import ActForm, clock, current_actor, db_session, identity_here, once, page_of
from portal.web.typed import as_choices, kept_on_page, minor_typed

bp = Blueprint("bank_campaigns", __name__, url_prefix="/bank/campaigns")
Answer = Response | tuple[str, int]
STATUSES = ("proposed", "approved", "running", "closed", "rejected", "withdrawn", "cancelled")
KEPT = (
    *("not_its_days", "nobody", "not_over", "not_open", "is_not_the_maker"),
    *("other_channel", "asked_already", "no_template", "bad_count"),
)
LEFT_OUT = {
    "on_hold": "On hold: complaint, death, court",
    "reached_enough": "Contacted often enough this week",
    "in_another": "In another campaign lately",
    "not_overdue": "Nothing overdue",
}


@bp.get("")
@permission(Permission.CAMPAIGN_READ)
def index() -> str:
    session, status = db_session(), request.args.get("status", "")[:20]
    page = page_of(
        lambda after, limit: queries.list_campaigns(session, status=status, after=after, limit=limit),
        lambda row: (row.id,),
    )
    given: dict[str, Any] = {"statuses": as_choices(STATUSES), "offers": OFFER_WORDS, "channels": CHANNEL_WORDS}
    return render_template("bank/campaigns/index.html", page=page, narrowed=bool(status), **given)


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.CAMPAIGN_PROPOSE)
def new() -> str | Answer:
    """Plan one: count its segment as often as one likes, then propose it."""
    session, form, problems = db_session(), CampaignForm(), list[Problem]()
    with_choices(form)
    seen = None
    if request.method == "POST" and request.form.get("act") == "count":
        with kept_on_page(problems):
            seen = members.preview(session, segment_in(form), clock().today())
    elif form.validate_on_submit():
        with kept_on_page(problems):
            with unit_of_work(session):
                once(form, session)
                code = service.propose_campaign(session, plan_in(form), **by_whom()).code
            flash("Proposed. Another person approves it, and its text.", "success")
            return redirect(url_for(".show", campaign_code=code))
    given: dict[str, Any] = {"problems": problems, "seen": seen, "words": LEFT_OUT}
    page = render_template("bank/campaigns/new.html", form=form, currency=lender(session).currency, **given)
    return (page, 422) if form.errors or problems else page


def plan_in(form: CampaignForm) -> service.Plan:
    currency = lender(db_session()).currency
    assert form.from_on.data is not None and form.to_on.data is not None
    return service.Plan(
        code=form.code.data or "",
        name=form.name.data or "",
        segment=segment_in(form),
        offer=form.offer.data or "",
        channel=form.channel.data or "",
        from_on=form.from_on.data,
        to_on=form.to_on.data,
        budget_minor=minor_typed(form.budget.data, currency) or 0,
        target_minor=minor_typed(form.target.data, currency) or 0,
        control_percent=form.control_percent.data or 0,
        seed=form.seed.data or "",
        creative=form.creative.data or "",
        reason=form.reason.data or "",
    )


@bp.get("/<campaign_code>")
@permission(Permission.CAMPAIGN_READ)
def show(campaign_code: str) -> str:
    return campaign_page(campaign_code)


def campaign_page(code: str, problems: list[Problem] | None = None, **forms: Any) -> str:
    session = db_session()
    found = queries.find_campaign(session, code)
    acts = {
        "accept_form": ApproveCampaignForm(formdata=None),
        "reject_form": RejectCampaignForm(formdata=None),
        "start_form": StartForm(formdata=None),
        "cancel_form": CancelForm(formdata=None),
        "close_form": CloseForm(formdata=None),
        "letters_form": LettersForm(formdata=None),
    }
    result = queries.result_of(session, found) if found.started_at else None
    given: dict[str, Any] = {"found": found, "result": result, "words": LEFT_OUT, "today": clock().today()}
    cost = cost_per_rupee(found.spent_minor, result.treated) if result and found.status == "closed" else None
    run = run_of(session, found)
    given |= {"run": run, "progress": progress_of(session, run.progress_id) if run and run.progress_id else None}
    words: dict[str, Any] = {"cost": cost, "offers": OFFER_WORDS, "channels": CHANNEL_WORDS}
    return render_template("bank/campaigns/show.html", problems=problems or [], **given, **words, **acts | forms)


def acted(code: str, form: ActForm, needed: Permission, act: Callable[[Campaign], None], said: str) -> Answer:
    """Do one thing to a locked campaign in one transaction; what is wrong is said on its page."""
    session, problems = db_session(), list[Problem]()
    check(identity_here(), needed, queries.find_campaign(session, code))
    if not form.validate_on_submit():
        return campaign_page(code, [Problem("bad_form", "Something is missing.", "Fill the form in.")]), 422
    with kept_on_page(problems, *KEPT):
        with unit_of_work(session):
            once(form, session)
            act(service.PROPOSALS.load(session, code=code.upper()))
        flash(said, "success")
        return redirect(url_for(".show", campaign_code=code))
    return campaign_page(code, problems), 422


def told() -> dict[str, Any]:
    return {"actor": current_actor(), "now": clock().now()}


@bp.post("/<campaign_code>/approve")
@permission(Permission.CAMPAIGN_DECIDE)
def approve(campaign_code: str) -> Answer:
    form = ApproveCampaignForm()

    def act(found: Campaign) -> None:
        service.decide_campaign(db_session(), found, approve=True, reason=form.reason.data or "", **told())

    return acted(campaign_code, form, Permission.CAMPAIGN_DECIDE, act, "Approved, with its text.")


@bp.post("/<campaign_code>/reject")
@permission(Permission.CAMPAIGN_DECIDE)
def reject(campaign_code: str) -> Answer:
    form = RejectCampaignForm()

    def act(found: Campaign) -> None:
        service.decide_campaign(db_session(), found, approve=False, reason=form.reason.data or "", **told())

    return acted(campaign_code, form, Permission.CAMPAIGN_DECIDE, act, "Rejected.")


@bp.post("/<campaign_code>/start")
@permission(Permission.CAMPAIGN_RUN)
def start(campaign_code: str) -> Answer:
    """Freeze its members."""

    def act(found: Campaign) -> None:
        service.start_campaign(db_session(), found, **by_whom())

    return acted(campaign_code, StartForm(), Permission.CAMPAIGN_RUN, act, "Started: its members are frozen.")


@bp.post("/<campaign_code>/cancel")
@permission(Permission.CAMPAIGN_RUN)
def cancel(campaign_code: str) -> Answer:
    form = CancelForm()

    def act(found: Campaign) -> None:
        service.cancel_campaign(db_session(), found, reason=form.reason.data or "", **told())

    return acted(campaign_code, form, Permission.CAMPAIGN_RUN, act, "Cancelled.")


@bp.post("/<campaign_code>/close")
@permission(Permission.CAMPAIGN_RUN)
def close(campaign_code: str) -> Answer:
    """It is over, and cost this much."""
    form = CloseForm()

    def act(found: Campaign) -> None:
        spent = minor_typed(form.spent.data, found.currency) or 0
        service.close_campaign(db_session(), found, spent_minor=spent, **by_whom())

    return acted(campaign_code, form, Permission.CAMPAIGN_RUN, act, "Closed.")


@bp.post("/<campaign_code>/letters")
@permission(Permission.LETTER_MAKE)
def write(campaign_code: str) -> Answer:
    """Ask for one letter to each that is addressed; a worker makes them."""
    form = LettersForm()

    def act(found: Campaign) -> None:
        made = ask_letters(db_session(), found, form.language.data or "en", **by_whom())
        ask_worker(db_session(), made, **told())

    said = "Asked for. A worker makes them; accounts put on hold since are left out."
    return acted(campaign_code, form, Permission.LETTER_MAKE, act, said)


@bp.get("/<campaign_code>/lines-<int:part>.csv")
@permission(Permission.CAMPAIGN_RUN)
def lines(campaign_code: str, part: int) -> Response:
    """Whom to send it to, for the house that does: the treated alone."""
    session = db_session()
    found = queries.find_campaign(session, campaign_code)
    rows = queries.lines_of(session, found, clock().today(), part=min(max(part, 1), 10_000))
    filters = {"campaign": found.code, "part": str(part)[:10]}
    return export(f"campaign-{found.code.lower()}", "csv", queries.HEADER, rows, filters)
