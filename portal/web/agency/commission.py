"""An agency's commission: what it earned so far and how, how far the next slabs are, and why the rest earns nothing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Blueprint, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from payouts import closing
from payouts.commission import line_queries, own_queries
from payouts.commission.forecast_facts import held_on
from payouts.commission.kind_words import KINDS, kind_of, rule_of
from payouts.commission.known_on import changed_lines, difference
from payouts.commission.known_on_words import GROUP_WORDS
from payouts.commission.line_queries import Asked
from payouts.commission.queries import RunHead, Sum
from payouts.commission.reasons import REASONS
from payouts.conduct.queries import waiting_of_month
from payouts.rate_cards.wording import in_order
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.money import Money
from portal.web import commission_story as story
from portal.web.agency.accounts import own_agency, own_agency_id
from portal.web.agency.home import stages
from portal.web.bank.commission import LINE_HEADER, line_cells
from portal.web.bank.exports import MOST_ROWS, export
from portal.web.edge import clock, db_session, page_of, wants_sums
from portal.web.period import chosen_period, recent_periods

bp = Blueprint("agency_commission", __name__, url_prefix="/agency/commission")
CURED_AT = {"evidence_missing": "agency_evidence.index", "certificate_lapsed": "agency_team.index"}


@bp.get("")
@permission(Permission.OWN_COMMISSION_READ)
def index() -> str:
    """A month as it stands, or as it was known on a day."""
    session, period, agency = db_session(), chosen_period(), own_agency()
    looked, today = story.looked_at(session, period, agency.id), clock().today()
    found = own_queries.earned(session, agency.id, looked.run) if looked.run else None
    is_open = today in period and not looked.is_past
    return render_template(
        "agency/commission/index.html",
        agency=agency,
        currency=agency.currency,
        period=period,
        periods=recent_periods(),
        today=today,
        looked=looked,
        found=found,
        stages=money_line(session, period.label, found) if found and not looked.is_past else [],
        ahead=own_queries.next_slab(session, agency.id, period) if is_open and wants_sums() else None,
        is_open=is_open,
        waiting=waiting_of_month(session, agency.id, looked.run) if looked.run and not looked.is_past else [],
        reasons=[reason(each, period.label) for each in found.unpaid] if found else [],
        buckets=in_order({row.opening_bucket for row in held_on(session, agency.id, today)}) if is_open else [],
        kind_of=kind_of,
        rule_of=rule_of,
    )


def money_line(session: Session, label: str, found: own_queries.Earned) -> list[dict[str, Any]]:
    """reported → confirmed → earned → payable → paid, with what this page says was earned."""
    standing = closing.standing(session, found.run.period, own_agency_id())
    line = stages(standing, label, sees_money=True)
    return [each | {"minor": found.total_minor} if each["stage"] == "earned" else each for each in line]


def reason(each: Sum, label: str) -> dict[str, Any]:
    """Why, what cures it, where that is done if there is one place for it, and whose desk it is on."""
    endpoint = CURED_AT.get(each.code)
    return {
        "code": each.code,
        "meaning": each.label,
        "count": each.count,
        "minor": each.minor,
        "cure": each.cure,
        "cured_at": url_for(endpoint, period=label) if endpoint else "",
        "desk": "You" if each.owner == "agency" else "The bank",
    }


# --- lines


def asked_lines() -> Asked:
    rule, kind, bucket = (request.args.get(key, "").strip()[:60] for key in ("rule", "kind", "bucket"))
    return Asked(agency_id=own_agency_id(), rule=rule, kind=kind, bucket=bucket)


def run_of(month: str) -> tuple[story.Looked, RunHead]:
    looked = story.run_or_404(db_session(), month, own_agency_id())
    assert looked.run
    return looked, looked.run


@bp.get("/<month>/lines")
@permission(Permission.OWN_COMMISSION_READ)
def lines(month: str) -> str:
    session, asked, (looked, run) = db_session(), asked_lines(), run_of(month)
    page = page_of(
        lambda after, limit: line_queries.list_lines(session, run, asked, after=after, limit=limit),
        lambda row: (row.id,),
    )
    return render_template(
        "agency/commission/lines.html", run=run, looked=looked, page=page, kinds=KINDS, kind_of=kind_of, rule_of=rule_of
    )


@bp.get("/<month>/lines.<ending>")
@permission(Permission.OWN_COMMISSION_READ)
def lines_file(month: str, ending: str) -> Response:
    """Exactly the lines the filter shows, all pages of it."""
    asked, (_, run) = asked_lines(), run_of(month)
    rows = line_queries.list_lines(db_session(), run, asked, limit=MOST_ROWS)
    return as_file("commission", month, ending, LINE_HEADER, (line_cells(row) for row in rows))


def as_file(what: str, month: str, ending: str, header: tuple[str, ...], rows: Iterable[list[Any]]) -> Response:
    return export(f"{what}-{month}", ending, header, rows, {"month": month, **request.args.to_dict()})


@bp.get("/line/<ref>")
@permission(Permission.OWN_COMMISSION_READ)
def line(ref: str) -> str:
    """One line: what it is made of, step by step."""
    detail = line_queries.line_detail(db_session(), ref)
    return render_template(
        "agency/commission/line.html", detail=detail, story=story.story_of(detail), kind_of=kind_of, rule_of=rule_of
    )


# --- what earns nothing

UNPAID_HEADER = ("receipt_no", "loan_account_no", "collected_on", "why", "amount", "whose_desk", "cure")


@bp.get("/<month>/unpaid")
@permission(Permission.OWN_COMMISSION_READ)
def unpaid(month: str) -> str:
    session, (looked, run) = db_session(), run_of(month)
    code, agency_id = request.args.get("code", "").strip()[:60], own_agency_id()
    page = page_of(
        lambda after, limit: line_queries.list_unpaid(
            session, run, code=code, agency_id=agency_id, after=after, limit=limit
        ),
        lambda row: (row.id,),
    )
    return render_template("agency/commission/unpaid.html", run=run, looked=looked, page=page, reasons=REASONS)


@bp.get("/<month>/unpaid.<ending>")
@permission(Permission.OWN_COMMISSION_READ)
def unpaid_file(month: str, ending: str) -> Response:
    """Exactly the receipts the filter shows, all pages of it."""
    code, (_, run) = request.args.get("code", "").strip()[:60], run_of(month)
    rows = line_queries.list_unpaid(db_session(), run, code=code, agency_id=own_agency_id(), limit=MOST_ROWS)
    cells = (
        [
            *(row.receipt_no, row.loan_account_no, row.collected_on, row.meaning),
            *(Money(row.amount_minor, row.currency), "you" if row.owner == "agency" else "the bank", row.cure),
        ]
        for row in rows
    )
    return as_file("unpaid", month, ending, UNPAID_HEADER, cells)


# --- what changed since a day


@bp.get("/<month>/since")
@permission(Permission.OWN_COMMISSION_READ)
def since(month: str) -> str:
    """What the month says now that it did not at the end of `?on=`, cause by cause, with the lines."""
    session, (looked, earlier), agency_id = db_session(), run_of(month), own_agency_id()
    if looked.now is None or looked.on is None:
        raise NotFound()
    later = looked.now
    what, rule = (request.args.get(key, "")[:60] for key in ("what", "rule"))
    page = page_of(
        lambda after, limit: changed_lines(
            session, earlier, later, agency_id, what=what, rule=rule, after=after, limit=limit
        ),
        lambda row: (row.line_id,),
    )
    return render_template(
        "agency/commission/since.html",
        period=earlier.period,
        looked=looked,
        found=difference(session, earlier, later, agency_id),
        page=page,
        group_words=GROUP_WORDS,
        rule_of=rule_of,
    )
