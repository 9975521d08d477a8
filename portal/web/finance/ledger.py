"""The ledger: trial balance of any day, an account's page, an entry, the journal as a file."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from payouts.ledger import queries
from payouts.ledger.accounts import ACCOUNTS
from payouts.ties import ledger_ties
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.tables.out import write_csv
from portal.web.downloads import attachment
from portal.web.edge import clock, db_session, page_of, wants_sums

bp = Blueprint("finance_ledger", __name__, url_prefix="/finance/ledger")


def day_asked(name: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return otherwise


@bp.get("")
@permission(Permission.LEDGER_READ)
def index() -> str:
    session = db_session()
    on, agency = day_asked("on", clock().today()), request.args.get("agency", "").strip().replace("\0", "")[:60]
    rows = queries.trial_balance(session, on, agency)
    sums = {
        currency: (
            sum(row.debit_minor for row in rows if row.currency == currency),
            sum(row.credit_minor for row in rows if row.currency == currency),
        )
        for currency in sorted({row.currency for row in rows})
    }
    return render_template(
        "finance/ledger/index.html", rows=rows, sums=sums, on=on, agency=agency, ties=ledger_ties(session)
    )


@bp.get("/accounts/<account>")
@permission(Permission.LEDGER_READ)
def account(account: str) -> str:
    session = db_session()
    agency = request.args.get("agency", "").strip().replace("\0", "")[:60]
    page = page_of(
        lambda after, limit: queries.account_lines(session, account, agency_code=agency, after=after, limit=limit),
        lambda line: (line.id,),
    )
    balances = None
    if wants_sums():
        balances = [row for row in queries.trial_balance(session, date.max, agency) if row.account == account]
    return render_template(
        "finance/ledger/account.html", account=account, known=ACCOUNTS.get(account), page=page, balances=balances
    )


@bp.get("/entries/<ref>")
@permission(Permission.LEDGER_READ)
def entry(ref: str) -> str:
    return render_template(
        "finance/ledger/entry.html", detail=queries.entry_detail(db_session(), ref), accounts=ACCOUNTS
    )


@bp.get("/journal.csv")
@permission(Permission.LEDGER_READ)
def journal() -> Response:
    """The journal of the days asked for, every line with its entry."""
    since, until = day_asked("since", date.min), day_asked("until", clock().today())
    data = write_csv(queries.JOURNAL_HEADER, queries.journal_rows(db_session(), max(since, date(1900, 1, 1)), until))
    return attachment(data, f"journal-{until}.csv", "text/csv")
