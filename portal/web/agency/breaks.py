"""What the bank could not tie of what an agency reported, with the reason and the cure; never a word of anybody else."""

from __future__ import annotations

from fractions import Fraction

from flask import Blueprint, render_template, request

from allocations.reconciliation.bench import own_breaks as queries
from allocations.reconciliation.matching.reasons import KINDS
from payouts import closing
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.access.policy import may
from portal.kernel.money import half_up
from portal.kernel.periods import month_of
from portal.web.agency.accounts import own_agency, own_agency_id, own_sight
from portal.web.edge import clock, db_session, identity_here, page_of, wants_sums

bp = Blueprint("agency_breaks", __name__, url_prefix="/agency/breaks")


@bp.get("")
@permission(Permission.OWN_BREAK_READ)
def index() -> str:
    session, agency_id, sight = db_session(), own_agency_id(), own_sight()
    chosen = {name: request.args.get(name, "")[:10] for name in ("code", "owner")}
    is_summed = wants_sums() and sight.everyone
    sums = queries.own_sums(session, agency_id) if is_summed else []
    page = page_of(
        lambda after, limit: queries.own_breaks(
            session, agency_id, now=clock().now(), sight=sight, after=after, limit=limit, **chosen
        ),
        lambda row: (row.found.due_on, row.found.id),
    )
    return render_template(
        "agency/breaks/index.html",
        page=page,
        sums=sums,
        is_summed=is_summed,
        may_sum=sight.everyone,
        totals=totals_of(sums),
        kinds=KINDS,
        earns=what_it_earns() if wants_sums() and may(identity_here(), Permission.OWN_STATEMENT_READ) else None,
        held_back=lambda minor, share: half_up(minor * share),
        currency=own_agency().currency,
    )


def totals_of(sums: list[queries.OwnSum]) -> list[tuple[str, int]]:
    """(currency, minor units) of what is not tied; numbers of a book have no amount."""
    found: dict[str, int] = {}
    for each in sums:
        found[each.currency] = found.get(each.currency, 0) + each.amount_minor
    return [(currency, minor) for currency, minor in sorted(found.items()) if minor]


def what_it_earns() -> Fraction | None:
    """What a rupee the bank has seen has earned this agency this month, or last month; None before anything was earned.

    The card prices each line by itself: this tells what is at stake, not what will be paid.
    """
    month = month_of(clock().today())
    for period in (month, month.previous()):
        standing = closing.standing(db_session(), period, own_agency_id())
        if standing.earned_minor and standing.collections.confirmed_minor:
            return Fraction(standing.earned_minor, standing.collections.confirmed_minor)
    return None
