"""Month-end outcomes at the bank: what became of the allocated accounts, by agency and bucket, and what each reading changed."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from allocations.agencies.queries import agency_choices
from allocations.placements import outcome_queries
from allocations.placements.outcome_queries import NO_SNAPSHOT, Asked, Reading
from allocations.placements.outcome_sets import freeze_outcomes, snapshots_since
from allocations.placements.outcome_sums import WORD_OF, Sums, change_words
from allocations.placements.outcomes import Outcome
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.kernel.periods import parse_month
from portal.web.charts import share
from portal.web.edge import clock, current_actor, db_session, once, page_of
from portal.web.month_form import MonthForm, month_asked
from portal.web.period import chosen_period, recent_periods

bp = Blueprint("bank_outcomes", __name__, url_prefix="/bank/outcomes")
MEANT = {
    "normalised": "Back to no day past due",
    "rolled_back": "In a better bucket than at the opening",
    "stabilised": "In the bucket it was allocated in",
    "rolled_forward": "In a worse bucket, or nobody can say",
}
# From the best to the worst, as the bar is drawn.
ORDER = (Outcome.NORMALISED, Outcome.ROLLED_BACK, Outcome.STABILISED, Outcome.ROLLED_FORWARD)


@bp.get("")
@permission(Permission.OUTCOME_READ)
def index() -> str:
    """A month's outcomes; sums come from what the set says of itself, so that a million accounts cost no more than ten."""
    session, period = db_session(), chosen_period()
    found = outcome_queries.reading(session, period, request.args.get("version", type=int))
    agency = request.args.get("agency", "").strip()[:60]
    return render_template(
        "bank/outcomes/index.html",
        period=period,
        periods=recent_periods(),
        found=found,
        agency=agency if found and agency in found.by_agency else "",
        versions=outcome_queries.list_versions(session, period),
        newer=snapshots_since(session, found.head) if found and found.head.is_current else [],
        is_over=period.last_day < clock().today(),
        form=MonthForm(period=period.label),
        **words(),
    )


def words() -> dict[str, Any]:
    return {
        "order": ORDER,
        "word_of": WORD_OF,
        "meant": MEANT,
        "segments": segments,
        "change_words": change_words,
        "no_snapshot": NO_SNAPSHOT,
    }


def segments(sums: Sums) -> list[dict[str, str]]:
    """Each outcome's stretch of a bar over all the principal; what nobody could judge is drawn apart, at the end."""
    stretches = [(outcome.value, sums.principal_minor[outcome]) for outcome in ORDER]
    name, forward = stretches.pop()
    stretches += [(name, forward - sums.unmeasured_minor), ("unmeasured", sums.unmeasured_minor)]
    found, before = [], 0
    for outcome, minor in stretches:
        stretch = {"x": share(before, sums.total_minor), "width": share(minor, sums.total_minor)}
        found.append({"outcome": outcome} | stretch)
        before += minor
    return found


@bp.post("")
@permission(Permission.OUTCOME_FREEZE)
def freeze() -> Response:
    """Read the month's snapshots now; the same ones change nothing."""
    session, form = db_session(), MonthForm()
    period = month_asked(form)
    if isinstance(period, Response):
        return period
    with unit_of_work(session):
        once(form, session)
        had = {version.id for version in outcome_queries.list_versions(session, period)}
        made = freeze_outcomes(session, period, actor=current_actor(), now=clock().now())
        created, said = made.id not in had, change_words(made.summary["difference"])
        version, accounts = made.version, made.accounts
    if not created:
        flash("Nothing changed since the last reading.", "info")
    else:
        flash(" ".join([f"Version {version}: {accounts:,} accounts judged.", *said]), "success")
    return redirect(url_for(".index", period=period.label))


def reading_or_404(month: str) -> Reading:
    """The set the address names: of its month the one in force, or `?version=`."""
    try:
        period = parse_month(month)
    except ValueError as wrong:
        raise NotFound() from wrong
    return outcome_queries.find_reading(db_session(), period, request.args.get("version", type=int))


@bp.get("/<month>/accounts")
@permission(Permission.OUTCOME_READ)
def accounts(month: str) -> str:
    """The accounts behind a sum."""
    session, found = db_session(), reading_or_404(month)
    asked = Asked(**{key: request.args.get(key, "").strip()[:60] for key in ("agency", "bucket", "closing", "outcome")})
    page = page_of(
        lambda after, limit: outcome_queries.list_accounts(session, found, asked, after, limit),
        lambda row: (row.agency_id, row.allocation_id),
    )
    return render_template(
        "bank/outcomes/accounts.html",
        found=found,
        page=page,
        sums=outcome_queries.sums_asked(found, asked),
        agencies=agency_choices(session),
        buckets=[(code, code) for code in [*found.buckets, *found.unknown_buckets]],
        **words(),
    )


@bp.get("/<month>/changes")
@permission(Permission.OUTCOME_READ)
def changes(month: str) -> str:
    """The accounts a reading judged otherwise than the one before it."""
    session, newer = db_session(), reading_or_404(month)
    difference = newer.head.summary["difference"]
    if not difference:
        raise NotFound()
    older = outcome_queries.find_reading(session, newer.period, difference["since"])
    page = page_of(
        lambda after, limit: outcome_queries.list_changes(session, older.head, newer.head, after, limit),
        lambda row: (row.agency_id, row.allocation_id),
    )
    return render_template("bank/outcomes/changes.html", found=newer, older=older, page=page, **words())
