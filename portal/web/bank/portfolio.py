"""The portfolio: every loan account, one account with all that happened to it, and the file they come in."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.agencies.queries import agency_choices, agency_names
from allocations.casework.conduct.queries import open_matter
from allocations.casework.legal.catalogue import TITLES
from allocations.casework.legal.queries import cases_of_account
from allocations.casework.letters.queries import letters_of_account
from allocations.casework.notes import notes_of
from allocations.casework.offer_queries import offers_of_account
from allocations.collections.field.contact_queries import account_contacts
from allocations.collections.field.promise_queries import Standing, account_promises
from allocations.collections.field.promises import STATES
from allocations.placements import asset_class, queries
from allocations.placements.borrower_notice_queries import notices_of_account
from allocations.placements.borrower_notice_rules import CAUSE_WORDS as NOTICE_WORDS
from allocations.placements.hold_rules import CAUSE_WORDS, EFFECT_WORDS
from allocations.placements.import_accounts import ACCOUNTS, import_accounts
from allocations.placements.models import LoanAccount
from allocations.placements.outcome_queries import outcomes_of_account
from allocations.placements.outcome_sums import WORD_OF
from allocations.placements.service import lift_hold, put_on_hold
from allocations.reconciliation.bench.direct_queries import SIGNS, direct_of_account
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.access.policy import may
from portal.kernel.clock import BANK_ZONE
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Problem, Refused
from portal.kernel.money import Money, shown
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.bank.imports import AccountsForm, header_file, import_page
from portal.web.bank.portfolio_forms import HoldForm, LiftForm
from portal.web.contact_story import contact_events, promise_events
from portal.web.edge import clock, current_actor, db_session, identity_here, once, page_of
from portal.web.handed_files import PAPERS, handed_out, kept_file
from portal.web.notes_form import note_events
from portal.web.spoken import mode
from portal.web.typed import kept_on_page

bp = Blueprint("bank_accounts", __name__, url_prefix="/bank/accounts")
FILTERS = ("q", "product", "bucket", "agency")


@bp.get("")
@permission(Permission.ACCOUNT_READ)
def index() -> str:
    session, today = db_session(), clock().today()
    chosen = {name: request.args.get(name, "").strip()[:100] for name in FILTERS}
    page = page_of(
        lambda after, limit: queries.list_accounts(session, after, limit, today=today, **chosen),
        lambda account: (account.loan_account_no,),
    )
    return render_template(
        "bank/portfolio/index.html",
        page=page,
        holders=queries.holders(session, page.rows, today),
        products=[(name, name) for name in queries.products(session)],
        buckets=queries.bucket_choices(session),
        agencies=agency_choices(session),
        narrowed=any(chosen.values()),
        chosen={name: value for name, value in chosen.items() if value},
        class_label=asset_class.label,
    )


@bp.get("/export.<kind>")
@permission(Permission.ACCOUNT_READ)
def download(kind: str) -> Response:
    """The accounts the filter shows, as a file."""
    chosen = {name: request.args.get(name, "").strip()[:100] for name in FILTERS}
    accounts = queries.list_accounts(db_session(), None, MOST_ROWS, today=clock().today(), **chosen)
    return export("accounts", kind, EXPORTED, [in_a_row(account) for account in accounts], chosen)


EXPORTED = (
    "loan_account_no", "customer_name", "product", "branch_code", "region", "state", "city", "pincode", "as_of", "dpd_days",
    "bucket", "asset_class", "principal_outstanding", "total_outstanding", "overdue_amount", "emi_amount", "currency",
)  # fmt: skip


def in_a_row(a: LoanAccount) -> list[Any]:
    owed = (a.latest_principal_minor, a.latest_total_minor, a.latest_overdue_minor, a.latest_emi_minor)
    facts = [a.loan_account_no, a.customer_name, a.product, a.branch_code, a.region, a.state, a.city, a.pincode]
    newest = [a.latest_as_of, a.latest_dpd_days, a.latest_bucket, a.latest_asset_class]
    return [*facts, *newest, *(None if minor is None else Money(minor, a.currency) for minor in owed), a.currency]


@bp.route("/import", methods=["GET", "POST"])
@permission(Permission.ACCOUNT_IMPORT)
def new() -> Any:
    return import_page(AccountsForm(), import_accounts, ACCOUNTS, "bank/portfolio/new.html", url_for(".index"))


@bp.get("/import/template.csv")
@permission(Permission.ACCOUNT_READ)
def template() -> Response:
    return header_file(ACCOUNTS)


@bp.get("/<path:loan_account_no>")
@permission(Permission.ACCOUNT_READ)
def show(loan_account_no: str) -> str:
    return shown_account(loan_account_no, HoldForm(formdata=None))


def sees(needed: Permission) -> bool:
    """Whether this person may read more of an account than a territory manager may: notes, settlements, steps of law."""
    return may(identity_here(), needed)


def shown_account(loan_account_no: str, form: HoldForm) -> str:
    session, today = db_session(), clock().today()
    account = queries.find_account(session, loan_account_no)
    story = queries.account_story(session, account)
    promises = account_promises(session, account.id, today)
    names = {agency_id: name for agency_id, (_, name) in agency_names(session).items()}
    open_holds = [hold for hold in story.holds if hold.to_on is None or hold.to_on > today]
    return render_template(
        "bank/portfolio/show.html",
        account=account,
        story=story,
        events=in_order([*told(story), *met(account, promises, names), *noted(account)]),
        promises=promises,
        states=STATES,
        offers=offers_of_account(session, account.id) if sees(Permission.COMPROMISE_READ) else [],
        outcomes=outcomes_of_account(session, account.id),
        outcome_words=WORD_OF,
        names=names,
        holders=queries.holders(session, [account], today).get(account.id, []),
        effect_words=EFFECT_WORDS,
        cause_words=CAUSE_WORDS,
        notices=notices_of_account(session, account.id),
        notice_causes=NOTICE_WORDS,
        open_holds=open_holds,
        matters={hold.id: open_matter(session, hold.cause, hold.cause_ref) for hold in open_holds},
        form=form,
        lift_form=LiftForm(formdata=None),
        today=today,
        class_label=asset_class.label,
        legal_cases=cases_of_account(session, account.id, today) if sees(Permission.LEGAL_READ) else [],
        legal_titles=TITLES,
        letters=letters_of_account(session, account.id) if sees(Permission.LETTER_READ) else [],
    )


@bp.post("/<path:loan_account_no>/hold")
@permission(Permission.ALLOCATION_RECALL)
def hold(loan_account_no: str) -> Response | tuple[str, int]:
    """Put the account on hold: nobody is given it, and its money earns nothing, for as long as it lasts."""
    session = db_session()
    account = queries.find_account(session, loan_account_no)
    form = HoldForm()
    if not form.validate_on_submit():
        return shown_account(loan_account_no, form), 422
    problems: list[Problem] = []
    with kept_on_page(problems):
        with unit_of_work(session):
            once(form, session)
            put_on_hold(
                session,
                account,
                reason=form.reason.data or "",
                from_on=form.from_on.data or clock().today(),
                to_on=form.to_on.data,
                effect=form.effect.data,
                cause=form.cause.data or "manual",
                file_sha256=kept_file(form.file, None, PAPERS).sha256,
                actor=current_actor(),
                now=clock().now(),
            )
        flash(f"{loan_account_no} is on hold.", "success")
        return redirect(url_for(".show", loan_account_no=loan_account_no))
    session.rollback()
    form.file.errors = [str(problem) for problem in problems]
    return shown_account(loan_account_no, form), 422


@bp.get("/<path:loan_account_no>/holds/<int:hold_id>/file")
@permission(Permission.ACCOUNT_READ)
def hold_file(loan_account_no: str, hold_id: int) -> Response:
    """The file a hold rests on."""
    session = db_session()
    found = queries.find_hold(session, queries.find_account(session, loan_account_no), hold_id)
    return handed_out(found.file_sha256, queries.kept_name(session, found))


@bp.post("/<path:loan_account_no>/holds/<int:hold_id>/lift")
@permission(Permission.ALLOCATION_RECALL)
def lift(loan_account_no: str, hold_id: int) -> Response | tuple[str, int]:
    """End a hold today. Refused while the complaint or enquiry it comes from is open: that ends by two people's decision."""
    session = db_session()
    account = queries.find_account(session, loan_account_no)
    found = queries.find_hold(session, account, hold_id)
    form = LiftForm()
    if not form.validate_on_submit():
        return shown_account(loan_account_no, HoldForm(formdata=None)), 422
    with unit_of_work(session):
        once(form, session)
        if matter := open_matter(session, found.cause, found.cause_ref):
            raise Refused(f"It ends with {matter}, which is open.", code="matter_open", cure="Have that decided first.")
        given: dict[str, Any] = {"actor": current_actor(), "now": clock().now(), "reason": form.reason.data or ""}
        lift_hold(session, account, found, on=clock().today(), **given)
    flash(f"The hold on {loan_account_no} ends today.", "success")
    return redirect(url_for(".show", loan_account_no=loan_account_no))


def told(story: queries.AccountStory) -> list[dict[str, Any]]:
    """What is told of money reported, what was owed, who held it, holds."""
    return [*collected(story), *paid_direct(story.account), *owed(story), *held(story), *paused(story)]


def met(account: LoanAccount, promises: list[Standing], names: dict[int, str]) -> list[dict[str, Any]]:
    """Every agency's contacts with the borrower and the promises that ended."""
    contacts = account_contacts(db_session(), account.id)
    return [*contact_events(contacts, promises, names=names), *promise_events(promises)]


def noted(account: LoanAccount) -> list[dict[str, Any]]:
    """What anybody wrote down about it."""
    return note_events(notes_of(db_session(), account.id), at_bank=True) if sees(Permission.NOTE_READ) else []


def in_order(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One timeline, newest first; what only knows its day stands at the day's beginning."""
    return sorted(events, key=lambda event: _moment(event["at"]), reverse=True)


def _moment(at: date | datetime) -> datetime:
    return at if isinstance(at, datetime) else datetime.combine(at, time(), BANK_ZONE)


def collected(story: queries.AccountStory) -> list[dict[str, Any]]:
    return [
        {
            "at": row.Collection.collected_on,
            "what": f"{shown(row.Collection.amount_minor, row.Collection.currency)} "
            + (
                f"paid direct to the bank, counted for {row.legal_name}"
                if row.Collection.source == "direct"
                else f"reported by {row.legal_name}"
            ),
            "note": f"Receipt {row.Collection.receipt_no}, {mode(row.Collection.mode)}"
            + (f", reference {row.Collection.instrument_ref}" if row.Collection.instrument_ref else ""),
            "tone": "good" if row.Collection.linked_minor >= row.Collection.amount_minor else "waiting",
        }
        for row in story.collections
        if row.Collection.source != "direct" or row.Collection.written_off_minor < row.Collection.amount_minor
    ]


def paid_direct(account: LoanAccount) -> list[dict[str, Any]]:
    """What the borrower paid the bank itself and no receipt tells of yet."""
    return [
        {
            "at": row.value_on,
            "what": f"{shown(row.amount_minor, row.currency)} paid direct to the bank",
            "note": f"{SIGNS.get(row.sign, '')}; its agency may report a receipt until {row.claim_until:%d %b %Y}",
            "tone": "waiting",
            "href": url_for("bank_direct.index", text=account.loan_account_no),
        }
        for row in direct_of_account(db_session(), account.id)
        if row.status == "found"
    ]


def owed(story: queries.AccountStory) -> list[dict[str, Any]]:
    currency = story.account.currency
    return [
        {
            "at": row.as_of,
            "what": f"{row.dpd_days} days past due, {shown(row.overdue_minor, currency)} overdue",
            "note": f"Bucket {row.bucket}, {asset_class.label(row.asset_class)}; "
            f"{shown(row.principal_minor, currency)} principal of {shown(row.total_minor, currency)} in all",
        }
        for row in story.snapshots
    ]


def held(story: queries.AccountStory) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    for row in story.allocations:
        allocation = row.Allocation
        href = url_for("bank_placements.show", code=row.placement)
        until = f"to {allocation.to_on:%d %b %Y}" if allocation.to_on else "until further notice"
        note = f"{allocation.stream.capitalize()}, {until}; opening bucket {allocation.opening_bucket}"
        events.append({"at": allocation.from_on, "what": f"Allocated to {row.legal_name}", "note": note, "href": href})
        if allocation.recalled_at:
            what = f"Recalled from {row.legal_name}"
            events.append({"at": allocation.recalled_at, "what": what, "note": allocation.recall_reason, "href": href})
    return events


def paused(story: queries.AccountStory) -> list[dict[str, Any]]:
    return [
        {
            "at": row.from_on,
            "what": "On hold" + (f" until {row.to_on:%d %b %Y}" if row.to_on else ""),
            "note": f"{CAUSE_WORDS.get(row.cause, row.cause)}: {row.reason}. {EFFECT_WORDS[row.effect]}"
            + (f"; ended by {row.lifted_by}" if row.lifted_by else ""),
            "who": row.created_by,
            "tone": "blocked",
        }
        for row in story.holds
    ]
