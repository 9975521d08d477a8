"""Bank statements: what came in, whether each ties, its lines, and the word of a second person on one that does not."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from allocations.reconciliation.models import BankStatement
from allocations.reconciliation.sources import bank_queries as queries
from allocations.reconciliation.sources.bank_accounts import add_bank_account
from allocations.reconciliation.sources.bank_profiles import named_profile, profiles
from allocations.reconciliation.sources.statements import (
    StatementImport,
    accept_statement,
    import_statement,
    read_again,
)
from payouts.rails.debit_jobs import ask_to_look
from portal.access.guard import check, permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Invalid, Problem, Refused, Stale
from portal.web.bank.statements_forms import AcceptForm, AccountForm, StatementUploadForm
from portal.web.downloads import attachment
from portal.web.edge import Page, clock, current_actor, db_session, file_store, identity_here, once, page_of, wants_sums

bp = Blueprint("bank_statements", __name__, url_prefix="/bank/statements")


@bp.get("")
@permission(Permission.BANK_STATEMENT_READ)
def index() -> str:
    session = db_session()
    status, account = request.args.get("status", ""), request.args.get("account", "")[:60]
    page = page_of(
        lambda after, limit: queries.statements_page(session, after, limit, status=status, account_no=account),
        lambda row: (row.BankStatement.id,),
    )
    return render_template(
        "bank/statements/index.html",
        page=page,
        accounts=queries.bank_accounts(session),
        statuses=queries.STATUSES,
        refused=queries.refused_count(session),
    )


@bp.route("/new", methods=["GET", "POST"])
@permission(Permission.BANK_STATEMENT_IMPORT)
def new() -> str | Response | tuple[str, int]:
    """Hand in a bank's file. An account not known here is refused: an admin adds it."""
    form = StatementUploadForm()
    form.offer(queries.bank_accounts(db_session()), profiles(db_session()))
    problems: list[Problem] = []
    if form.validate_on_submit():
        try:
            return said(take_in(form))
        except Invalid as wrong:
            problems = wrong.problems
        except Stale:
            raise
        except Refused as refused:
            problems = [Problem(refused.code, refused.message, refused.cure)]
    page = render_template("bank/statements/new.html", form=form, problems=problems)
    return page, 422 if problems or form.errors else 200


def take_in(form: StatementUploadForm) -> StatementImport:
    session = db_session()
    with unit_of_work(session):
        once(form, session)
        result = import_statement(
            session,
            file_store(),
            form.file.data.read(),
            file_name=(form.file.data.filename or "statement")[:200],
            profile=named_profile(session, form.profile.data) if form.profile.data else None,
            expected_account=form.account.data or None,
            actor=current_actor(),
            now=clock().now(),
        )
        if result.created:
            ask_to_look(session, now=clock().now())
        return result


def said(result: StatementImport) -> Response:
    """What the page says after a file came in, and where it goes on."""
    for problem in result.problems:
        flash(problem.message, "error")
    if not result.created and not result.problems:
        flash(f"All {result.duplicates} lines of this file were here already. Nothing changed.", "info")
    elif result.created:
        known = f" {result.duplicates} were here already." if result.duplicates else ""
        flash(f"{result.created} of {result.lines} lines stored.{known}", "success")
    if len(result.statements) == 1:
        return redirect(url_for(".show", ref=result.statements[0].ref))
    told = sum(1 for each in result.statements if any(flag["code"] not in ("note", "refused") for flag in each.flags))
    if told:
        flash(f"{told} of {len(result.statements)} statements have something to look at.", "warning")
    return redirect(url_for(".index"))


@bp.route("/accounts", methods=["GET", "POST"])
@permission(Permission.SETTING_EDIT)
def accounts() -> str | Response | tuple[str, int]:
    """The bank accounts whose statements are taken in; an admin adds one."""
    form = AccountForm()
    if form.validate_on_submit():
        try:
            added = add_account(form)
        except Invalid as wrong:
            form.account_no.errors = [problem.message for problem in wrong.problems]
        except Stale:
            raise
        except Refused as refused:
            form.account_no.errors = [refused.message]
        else:
            flash(f"Statements of {added} are taken in from now on.", "success")
            return redirect(url_for(".accounts"))
    page = render_template("bank/statements/accounts.html", form=form, accounts=queries.bank_accounts(db_session()))
    return page, 422 if form.errors else 200


def add_account(form: AccountForm) -> str:
    session = db_session()
    with unit_of_work(session):
        once(form, session)
        number, currency, name = form.account_no.data or "", form.currency.data, form.name.data or ""
        account = add_bank_account(session, number, currency, name=name, actor=current_actor(), now=clock().now())
        return account.account_no


@bp.get("/<ref>")
@permission(Permission.BANK_STATEMENT_READ)
def show(ref: str) -> str:
    return shown(queries.statement_by_ref(db_session(), ref), AcceptForm())


@bp.get("/<ref>/file")
@permission(Permission.BANK_STATEMENT_READ)
def file(ref: str) -> Response:
    """The bank's own bytes, as they were handed in."""
    statement = queries.statement_by_ref(db_session(), ref)
    data, media_type = queries.original_file(db_session(), file_store(), statement)
    return attachment(data, statement.file_name, media_type)


@bp.post("/<ref>/accept")
@permission(Permission.BANK_STATEMENT_ACCEPT)
def accept(ref: str) -> Response | tuple[str, int]:
    """Take a refused statement as it is; never the person who imported it."""
    session = db_session()
    statement = queries.statement_by_ref(session, ref)
    check(identity_here(), Permission.BANK_STATEMENT_ACCEPT, statement)
    form = AcceptForm()
    if not form.validate_on_submit():
        return shown(statement, form), 422
    with unit_of_work(session):
        once(form, session)
        created = accept_statement(
            session, file_store(), statement, actor=current_actor(), reason=form.reason.data or "", now=clock().now()
        )
        ask_to_look(session, now=clock().now())
    lines = "1 line counts" if created == 1 else f"{created} lines count"
    flash(f"{ref} is accepted. {lines} from now on.", "success")
    return redirect(url_for(".show", ref=ref))


def shown(statement: BankStatement, form: AcceptForm) -> str:
    session = db_session()
    account = queries.account_of(session, statement)
    computed = None
    if statement.opening_minor is not None:
        computed = statement.opening_minor + statement.credits_minor - statement.debits_minor
    return render_template(
        "bank/statements/show.html",
        statement=statement,
        account=account,
        computed=computed,
        page=refused_lines(statement) if statement.status == "refused" else stored_lines(statement),
        linked=queries.linked_sums(session, statement) if wants_sums() else None,
        form=form,
    )


def stored_lines(statement: BankStatement) -> Page[Any]:
    session = db_session()
    narrowed = request.args.get("show", "")
    return page_of(
        lambda after, limit: queries.lines_page(session, statement, after, limit, show=narrowed),
        lambda line: (line.line_no, line.id),
    )


def refused_lines(statement: BankStatement) -> Page[Any]:
    """The lines of a refused statement are not stored: they are read from its file."""
    sent = read_again(file_store(), statement, queries.account_of(db_session(), statement)).lines
    return page_of(
        lambda after, limit: [line for line in sent if after is None or line.line_no > after[0]][:limit],
        lambda line: (line.line_no,),
    )
