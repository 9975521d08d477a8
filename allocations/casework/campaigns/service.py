"""Campaigns: proposed by one person with a preview, approved by another, started with their members frozen, closed, and read out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.agencies.service import lender
from allocations.casework.campaigns import members
from allocations.casework.campaigns.models import CHANNELS, OFFERS, Campaign
from allocations.casework.letters.words import HOLE, LONGEST_BODY, faults, holes
from allocations.casework.segments import Segment, read_segment
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.money import plain
from portal.kernel.proposals import Proposals, reason_problems

MOST_CONTROL = 50
LOCK = text("select pg_advisory_xact_lock(hashtext('campaigns start'))")
# What a campaign's text may name: what every account has.
CAMPAIGN_NAMES = frozenset(
    {"borrower_name", "loan_account_no", "product", "overdue", "total_due", "balance_on", "lender_name", "today"}
)


def _facts(row: Campaign) -> dict[str, Any]:
    counts = {"members": row.members, "controls": row.controls} if row.started_at else {}
    return {"seed": row.seed, "spent": plain(row.spent_minor, row.currency), **counts}


PROPOSALS = Proposals(
    *(Campaign, "a campaign", AuditTag.CAMPAIGN_MOVED, "campaign"),
    ref=lambda row: row.code,
    facts=_facts,
    named=lambda row: row.code,
    reason_cure="Whoever proposed it reads this.",
)


@dataclass(frozen=True, slots=True)
class Plan:
    """A campaign as it is entered. Amounts in minor units; `control_percent` of the segment are left alone, drawn by `seed`."""

    code: str
    name: str
    segment: Segment
    offer: str
    channel: str
    from_on: date
    to_on: date
    budget_minor: int
    target_minor: int
    control_percent: int
    seed: str
    creative: str
    reason: str


def propose_campaign(session: Session, plan: Plan, *, actor: Actor, now: datetime, today: date) -> Campaign:
    """Propose a campaign with what its segment holds today. Raises Invalid with every problem."""
    problems = list(problems_of(session, plan, today))
    seen = members.preview(session, plan.segment, today)
    if not seen.eligible:
        problems.append(Problem("nobody", "No account is left in this segment.", "Widen it.", column="segment"))
    if problems:
        raise Invalid(problems)
    made = Campaign(
        code=plan.code.strip().upper(),
        name=plan.name.strip(),
        segment=plan.segment.as_json(),
        offer=plan.offer,
        channel=plan.channel,
        from_on=plan.from_on,
        to_on=plan.to_on,
        budget_minor=plan.budget_minor,
        target_minor=plan.target_minor,
        currency=lender(session).currency,
        control_percent=plan.control_percent,
        seed=plan.seed.strip(),
        creative=plan.creative.replace("\r\n", "\n").strip(),
        reason=plan.reason.strip(),
        preview=seen.as_json(),
    )
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def problems_of(session: Session, plan: Plan, today: date) -> Iterator[Problem]:
    code = plan.code.strip().upper()
    if not (2 <= len(code) <= 40 and code.replace("-", "").isalnum() and code.isascii()):
        yield Problem("bad_code", "A code is 2 to 40 letters, digits and dashes.", "Correct it.", column="code")
    elif session.scalar(select(Campaign.id).where(Campaign.code == code)) is not None:
        yield Problem("code_taken", f"There is a campaign {code} already.", "Choose another code.", column="code")
    for column, value, choices in (("offer", plan.offer, OFFERS), ("channel", plan.channel, CHANNELS)):
        if value not in choices:
            yield Problem("not_a_choice", f"{value or 'Nothing'} is no {column}.", "Choose one.", column=column)
    if not 3 <= len(plan.name.strip()) <= 200:
        yield Problem("missing_value", "The name is missing.", "Give it one.", column="name")
    if plan.to_on < plan.from_on or plan.to_on < today:
        yield Problem("bad_day", "It ends before it begins, or has ended.", "Correct the days.", column="to_on")
    if not 0 <= plan.control_percent <= MOST_CONTROL:
        cure = f"0 to {MOST_CONTROL} percent; without one its effect cannot be told."
        yield Problem("bad_share", "The control group is too large.", cure, column="control_percent")
    if min(plan.budget_minor, plan.target_minor) < 0:
        yield Problem("bad_amount", "An amount lies below nothing.", "Correct it.", column="budget")
    if not 4 <= len(plan.seed.strip()) <= 80:
        yield Problem("bad_seed", "A seed has 4 to 80 letters.", "Any words will do.", column="seed")
    for name in set(holes(plan.creative)) - CAMPAIGN_NAMES:
        cure = f"Use one of: {', '.join(sorted(CAMPAIGN_NAMES))}."
        yield Problem("unknown_placeholder", f"There is no {{{name}}} in a campaign.", cure, column="creative")
    for each in faults("-", HOLE.sub("", plan.creative)[: LONGEST_BODY + 1]):
        yield Problem(each.code, each.message.replace("body", "text"), each.cure, column="creative")
    yield from reason_problems(plan.reason, "Say what it is for.")


def decide_campaign(
    session: Session, found: Campaign, *, approve: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Approve (its text too) or reject one that `PROPOSALS.load` locked."""
    PROPOSALS.decide(session, found, "approve" if approve else "reject", reason=reason, actor=actor, now=now)


def start_campaign(session: Session, found: Campaign, *, actor: Actor, now: datetime, today: date) -> None:
    """Freeze its members, drawn as the seed says. Refused before its first day and after its last, and when nobody is left."""
    PROPOSALS.next_status(found, "start")
    if not found.from_on <= today <= found.to_on:
        cure = "Start it on one of its days, or cancel it."
        raise Refused(f"It runs from {found.from_on} to {found.to_on}.", code="not_its_days", cure=cure)
    session.execute(LOCK)  # or two that start at once would both take the same accounts
    found.members, found.controls = members.freeze(session, found, today)
    if not found.members:
        raise Refused("No account is left in its segment today.", code="nobody", cure="Cancel it.")
    found.started_by, found.started_at = actor.email, now
    PROPOSALS.move(session, found, "start", actor=actor, now=now)


def cancel_campaign(session: Session, found: Campaign, *, reason: str, actor: Actor, now: datetime) -> None:
    """An approved one that is not to start."""
    _need_reason(reason)
    PROPOSALS.move(session, found, "cancel", reason=reason.strip(), actor=actor, now=now)


def withdraw_campaign(session: Session, found: Campaign, *, actor: Actor, now: datetime) -> None:
    PROPOSALS.move(session, found, "withdraw", actor=actor, now=now)


def close_campaign(
    session: Session, found: Campaign, *, spent_minor: int, actor: Actor, now: datetime, today: date
) -> None:
    """It is over and cost this much. Refused before its last day has passed."""
    PROPOSALS.next_status(found, "close")
    if today <= found.to_on:
        raise Refused(f"It runs to {found.to_on}.", code="not_over", cure="Close it the day after.")
    if spent_minor < 0:
        raise Invalid(Problem("bad_amount", "It cannot have cost less than nothing.", "Correct it.", column="spent"))
    found.spent_minor = spent_minor
    PROPOSALS.move(session, found, "close", actor=actor, now=now)


def _need_reason(reason: str) -> None:
    if problems := list(reason_problems(reason, "Say why, for the record.")):
        raise Invalid(problems)


def segment_of(found: Campaign) -> Segment:
    return read_segment(found.segment)
