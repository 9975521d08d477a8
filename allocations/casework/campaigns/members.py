"""Whom a campaign goes to: its segment without those who may not be bothered, counted first, then frozen with their draw."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, insert, literal, or_, select, text
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from allocations.casework.campaigns.models import Campaign, CampaignMember
from allocations.casework.segments import Segment, accounts_in, not_on_hold, read_segment
from allocations.collections.field_models import Contact
from allocations.placements.models import LoanAccount
from portal.kernel.clock import BANK_ZONE

REST_DAYS = "campaigns.rest_days"
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Preview:
    """Accounts of a segment and what is overdue on those that may be addressed; the others by the first reason against them."""

    accounts: int
    on_hold: int
    reached_enough: int
    in_another: int
    not_overdue: int
    eligible: int
    overdue_minor: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def preview(session: Session, segment: Segment, today: date) -> Preview:
    """Count a segment as it stands, in one pass over the portfolio."""
    reasons = _reasons(session, today)
    first = case(*[(bad, literal(name)) for name, bad in reasons], else_=literal(""))
    query = select(first.label("why"), LoanAccount.latest_overdue_minor.label("overdue")).where(
        *accounts_in(segment, today)
    )
    part = query.subquery()
    found = {
        why: (count, int(overdue or 0))
        for why, count, overdue in session.execute(
            select(part.c.why, func.count(), func.sum(part.c.overdue)).group_by(part.c.why)
        )
    }
    counts = {name: found.get(name, (0, 0))[0] for name, _ in reasons}
    eligible, overdue = found.get("", (0, 0))
    return Preview(accounts=eligible + sum(counts.values()), eligible=eligible, overdue_minor=overdue, **counts)


def _reasons(session: Session, today: date) -> list[tuple[str, ColumnElement[bool]]]:
    """Why an account is left out, the gravest first."""
    per_week = int(setting_on(session, "contact.attempts", today)["per_week"])
    since = datetime.combine(today, time(), BANK_ZONE) - WEEK
    often = (
        select(Contact.loan_account_id)
        .where(Contact.at >= since)
        .group_by(Contact.loan_account_id)
        .having(func.count() >= per_week)
    )
    rest = today - timedelta(days=int(setting_on(session, REST_DAYS, today)))
    lately = and_(
        Campaign.started_at >= datetime.combine(rest, time(), BANK_ZONE), CampaignMember.is_control.is_(False)
    )
    # Who is left alone for comparison is left alone by all, until that campaign's last day has passed.
    compared = and_(Campaign.status == "running", Campaign.to_on >= today, CampaignMember.is_control)
    other = (
        select(CampaignMember.loan_account_id)
        .join(Campaign, Campaign.id == CampaignMember.campaign_id)
        .where(or_(lately, compared))
    )
    return [
        ("on_hold", ~not_on_hold(today)),
        ("reached_enough", LoanAccount.id.in_(often)),
        ("in_another", LoanAccount.id.in_(other)),
        ("not_overdue", func.coalesce(LoanAccount.latest_overdue_minor, 0) <= 0),
    ]


def eligible(session: Session, segment: Segment, today: date) -> list[ColumnElement[bool]]:
    return [*accounts_in(segment, today), *(~bad for _, bad in _reasons(session, today))]


def control_drawn(seed: str, percent: int) -> ColumnElement[bool]:
    """As drawing.is_control, in SQL."""
    words = func.convert_to(literal(f"{seed}:").op("||")(LoanAccount.loan_account_no), "UTF8")
    digits = func.substr(func.encode(func.sha256(words), "hex"), 1, 8)
    number = literal("x").op("||")(digits).op("::")(text("bit(32)")).op("::")(text("bigint"))
    return number.op("%")(100) < percent


def freeze(session: Session, found: Campaign, today: date) -> tuple[int, int]:
    """Write the members in one statement: (how many, how many of them left alone)."""
    rows = select(
        literal(found.id),
        LoanAccount.id,
        control_drawn(found.seed, found.control_percent),
        LoanAccount.latest_overdue_minor,
    ).where(*eligible(session, read_segment(found.segment), today))
    columns = ["campaign_id", "loan_account_id", "is_control", "overdue_minor"]
    session.execute(insert(CampaignMember).from_select(columns, rows))
    counts = select(func.count(), func.count().filter(CampaignMember.is_control)).where(
        CampaignMember.campaign_id == found.id
    )
    count, controls = session.execute(counts).one()
    return count, controls
