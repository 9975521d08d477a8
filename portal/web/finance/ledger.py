"""The ledger: trial balance of any day, an account's page, an entry, the journal as a file."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, render_template, request
from werkzeug.wrappers import Response

from allocations.agencies.queries import agency_choices
from payouts.ledger import queries
from payouts.ledger.accounts import ACCOUNTS
from payouts.ties import ledger_ties
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.tables.out import write_csv
from portal.web.downloads import attachment
from portal.web.edge import clock, db_session, page_of

FIRST_DAY = date(1900, 1, 1)
bp = Blueprint("finance_ledger", __name__, url_prefix="/finance/ledger")


def text_asked(name: str) -> str:
    return request.args.get(name, "").strip().replace("\0", "")[:60]


def day_or_none(name: str) -> date | None:
    day = day_asked(name, date.max)
    return None if day == date.max else day


def day_asked(name: str, otherwise: date) -> date:
    try:
        return date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return otherwise


@bp.get("")
@permission(Permission.LEDGER_READ)
def index() -> str:
    session = db_session()
    on, agency = day_asked("on", clock().today()), text_asked("agency")
    rows = queries.trial_balance(session, on, agency)
    sums = {
        currency: (
            sum(row.debit_minor for row in rows if row.currency == currency),
            sum(row.credit_minor for row in rows if row.currency == currency),
        )
        for currency in sorted({row.currency for row in rows})
    }
    return render_template(
        "finance/ledger/index.html",
        rows=rows,
        sums=sums,
        on=on,
        agency=agency,
        agencies=agency_choices(session),
        ties=ledger_ties(session),
    )


@bp.get("/accounts/<account>")
@permission(Permission.LEDGER_READ)
def account(account: str) -> str:
    session = db_session()
    asked = queries.AccountFilter(
        agency_code=text_asked("agency"),
        kind=text_asked("kind"),
        since=day_or_none("since"),
        until=day_or_none("until"),
    )
    page = page_of(
        lambda after, limit: queries.account_lines(session, account, asked, after=after, limit=limit),
        lambda line: (line.id,),
    )
    until = asked.until or date.max
    balances = [row for row in queries.trial_balance(session, until, asked.agency_code) if row.account == account]
    return render_template(
        "finance/ledger/account.html",
        account=account,
        known=ACCOUNTS.get(account),
        page=page,
        balances=balances,
        asked=asked,
        kinds=[(kind, kind.replace("_", " ").capitalize()) for kind in queries.kinds_of_entries(session)],
        agencies=agency_choices(session),
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
    since, until = days_asked()
    data = write_csv(queries.JOURNAL_HEADER, queries.journal_rows(db_session(), since, until))
    return attachment(data, f"journal-{until}.csv", "text/csv")


@bp.get("/journal.beancount")
@permission(Permission.LEDGER_READ)
def beancount() -> Response:
    """The same for beancount: `bean-check` proves that every entry balances and that the end is what we say it is."""
    since, until = days_asked()
    pieces = queries.journal_as_beancount(db_session(), since, until, "Agency Partner Portal")
    return attachment("".join(pieces).encode(), f"journal-{until}.beancount", "text/plain")


def days_asked() -> tuple[date, date]:
    since, until = day_asked("since", FIRST_DAY), day_asked("until", clock().today())
    return max(since, FIRST_DAY), min(until, date(9000, 1, 1))
