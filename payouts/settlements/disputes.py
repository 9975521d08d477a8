"""Disputes of single lines: opened and taken back by the agency, decided at the bank by two people. Money follows in the same act."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session, load_only

from allocations.agencies.dated_settings import setting_on
from allocations.agencies.models import Agency
from allocations.agencies.taking_in import NO_FILE, KeptFile
from payouts.commission.models import AccrualLine, AccrualRun, UnpaidCollection
from payouts.settlements import dispute_money
from payouts.settlements.answering import OPEN_STATUSES, answer, locked_statement, open_disputes, why_not_disputable
from payouts.settlements.dispute_messages import write
from payouts.settlements.dispute_models import Dispute
from payouts.settlements.dispute_rules import FOLLOWS, claim_problems, decision_problems
from payouts.settlements.lifecycle import PAYABLE
from payouts.settlements.models import Settlement, SettlementLine
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.money import plain, shown
from portal.kernel.notices import tell
from portal.kernel.persons import same_person
from portal.kernel.proposals import Proposals

ANSWER_DAYS = "dispute.answer_days"


def _facts(found: Dispute) -> dict[str, Any]:
    amounts = {"line": found.line_minor, "claimed": found.claimed_minor, "held": found.held_minor}
    told: dict[str, Any] = {name: plain(minor, found.currency) for name, minor in amounts.items()}
    granted = found.granted_minor
    return told | {"granted": None if granted is None else plain(granted, found.currency)}


PROPOSALS = Proposals(
    *(Dispute, "a dispute", AuditTag.DISPUTE_MOVED, "dispute"),
    ref=lambda found: found.ref,
    named=lambda found: f"Dispute {found.ref}",
    facts=_facts,
)
# What an agency's session may read of a dispute: all but what is only proposed at the bank, and by whom.
AGENCY_COLUMNS: tuple[InstrumentedAttribute[Any], ...] = (
    *(Dispute.id, Dispute.ref, Dispute.agency_id, Dispute.settlement_id, Dispute.settlement_line_id),
    *(Dispute.collection_id, Dispute.reason, Dispute.line_minor, Dispute.claimed_minor, Dispute.held_minor),
    *(Dispute.currency, Dispute.due_on, Dispute.status, Dispute.opened_by, Dispute.opened_at, Dispute.granted_minor),
    *(Dispute.decision_reason, Dispute.decided_at, Dispute.adjustment_ref, Dispute.freed_at, Dispute.complaint_ref),
)
OWN = load_only(*AGENCY_COLUMNS, raiseload=True)


@dataclass(frozen=True, slots=True)
class Claim:
    """What an agency says of a line (by its position) or of a receipt that earned nothing (by its id); what it should come to, and why."""

    reason: str
    comment: str
    claimed_minor: int | None
    position: int | None = None
    collection_id: int | None = None


@dataclass(frozen=True, slots=True)
class About:
    """What a dispute is about, and what the statement says it comes to."""

    line_minor: int
    settlement_line_id: int | None = None
    collection_id: int | None = None


def about(session: Session, settlement: Settlement, position: int | None, collection_id: int | None) -> About:
    """The line or the receipt. NotFound when the statement has none such; Refused where it follows from other lines."""
    if position is not None:
        query = select(SettlementLine).where(
            SettlementLine.settlement_id == settlement.id, SettlementLine.position == position
        )
        line = session.scalars(query).one_or_none()
        if line is None:
            raise NotFound(f"{settlement.ref} has no line {position}.")
        if line.kind in FOLLOWS:
            raise Refused(f"Line {position} is not disputed by itself.", code="follows", cure=FOLLOWS[line.kind])
        return About(line.amount_minor, settlement_line_id=line.id)
    unpaid = select(UnpaidCollection.id).where(
        UnpaidCollection.run_id == settlement.accrual_run_id,
        UnpaidCollection.agency_id == settlement.agency_id,
        UnpaidCollection.collection_id == collection_id,
    )
    if session.scalar(unpaid) is None:
        raise NotFound(f"{settlement.ref} names no such receipt that earned nothing.")
    return About(0, collection_id=collection_id)


def open_dispute(
    session: Session, ref: str, claim: Claim, *, file: KeptFile = NO_FILE, actor: Actor, now: datetime, today: date
) -> Dispute:
    """An agency disputes a line of statement `ref`, in its own scope.

    What the line is above the claim is kept of what is still to be paid. Invalid with every problem of the claim; Refused once the
    days to answer are over, the statement was accepted, or the line is disputed already.
    """
    settlement = locked_statement(session, ref)
    if refusal := why_not_disputable(settlement, today):
        raise refusal
    subject = about(session, settlement, claim.position, claim.collection_id)
    currency = settlement.currency
    problems = claim_problems(claim.reason, claim.comment, subject.line_minor, claim.claimed_minor, currency)
    if found := list(problems):
        raise Invalid(found)
    assert claim.claimed_minor is not None
    _refuse_twice(session, settlement, subject)
    held = 0
    if not _is_kept(session, subject):
        held = dispute_money.to_hold(settlement, subject.line_minor, claim.claimed_minor)
    dispute = Dispute(
        ref=_new_ref(session, settlement, now),
        agency_id=settlement.agency_id,
        settlement_id=settlement.id,
        settlement_line_id=subject.settlement_line_id,
        collection_id=subject.collection_id,
        reason=claim.reason,
        line_minor=subject.line_minor,
        claimed_minor=claim.claimed_minor,
        held_minor=held,
        currency=settlement.currency,
        due_on=today + timedelta(days=int(setting_on(session, ANSWER_DAYS, today))),
        status="open",
        opened_by=actor.email,
        opened_at=now,
    )
    session.add(dispute)
    session.flush()
    dispute_money.hold(session, settlement, dispute, actor=actor, now=now)
    PROPOSALS.tell(session, dispute, "open", "", actor, now)
    write(session, dispute, claim.comment, side="agency", file=file, actor=actor, now=now)
    if settlement.answer != "disputed":
        answer(session, settlement, "disputed", "dispute", actor=actor, now=now)
    return dispute


def _refuse_twice(session: Session, settlement: Settlement, subject: About) -> None:
    query = select(Dispute.ref).where(
        Dispute.settlement_id == settlement.id,
        Dispute.settlement_line_id.is_not_distinct_from(subject.settlement_line_id),
        Dispute.collection_id.is_not_distinct_from(subject.collection_id),
        Dispute.status != "withdrawn",
        Dispute.complaint_ref == "",
    )
    if there := session.scalar(query.limit(1)):
        message = f"This is disputed already, as {there}."
        raise Refused(message, code="disputed_already", cure="Write to that dispute.")


def _is_kept(session: Session, subject: About) -> bool:
    """Whether a complaint keeps the line already: what is kept beside that would be of other lines."""
    query = select(Dispute.id).where(
        Dispute.settlement_line_id == subject.settlement_line_id, Dispute.complaint_ref != "", Dispute.status == "open"
    )
    return session.scalar(query.limit(1)) is not None


def _new_ref(session: Session, settlement: Settlement, now: datetime) -> str:
    code = session.scalar(select(Agency.code).where(Agency.id == settlement.agency_id))
    return f"D-{code}-{now:%y%m%d}-{secrets.token_hex(3).upper()}"


def load_own(session: Session, ref: str) -> Dispute:
    """A dispute in an agency's sight, locked: without what is only proposed at the bank. NotFound otherwise."""
    query = select(Dispute).where(Dispute.ref == ref).options(OWN).with_for_update()
    found = session.scalars(query.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound("There is no such dispute.")
    return found


def withdraw_dispute(session: Session, ref: str, *, actor: Actor, now: datetime) -> Dispute:
    """The agency takes it back: the line stands. What was kept goes back to the statement, or, once that is paid, into the next one."""
    settlement_ref = session.scalar(
        select(Settlement.ref).join(Dispute, Dispute.settlement_id == Settlement.id).where(Dispute.ref == ref)
    )
    if settlement_ref is None:
        raise NotFound("There is no such dispute.")
    settlement = locked_statement(session, settlement_ref)
    found = load_own(session, ref)
    refuse_of_complaint(found)
    PROPOSALS.next_status(found, "withdraw")
    PROPOSALS.move(session, found, "withdraw", actor=actor, now=now)
    if found.held_minor and settlement.status in PAYABLE:
        dispute_money.free(session, settlement, found, actor=actor, now=now)
    if not _was_disputed(session, settlement):
        answer(session, settlement, "", "withdraw", actor=actor, now=now)
    return found


def _was_disputed(session: Session, settlement: Settlement) -> bool:
    """Whether a dispute of it is open, or was decided."""
    if open_disputes(session, settlement.id):
        return True
    query = select(Dispute.id).where(Dispute.settlement_id == settlement.id, Dispute.status == "decided")
    return session.scalar(query.limit(1)) is not None


# --- at the bank


def load_dispute(session: Session, ref: str) -> Dispute:
    """A dispute, locked, in the bank's scope. NotFound when there is none."""
    return PROPOSALS.load(session, ref=ref)


def propose_decision(
    session: Session, found: Dispute, granted_minor: int | None, reason: str, *, actor: Actor, now: datetime
) -> None:
    """One person says what the line comes to, and why. Invalid with every problem; Refused when the receipt earned by itself since."""
    refuse_of_complaint(found)
    PROPOSALS.next_status(found, "propose")
    bounds = (found.line_minor, found.claimed_minor, found.currency)
    if problems := list(decision_problems(granted_minor, reason, *bounds)):
        raise Invalid(problems)
    _refuse_altered(session, found)
    if granted_minor and (line := earned_since(session, found)):
        message = f"The receipt has earned by itself since: {line}."
        raise Refused(message, code="earned_since", cure="Decide on nothing; it would be paid twice.")
    found.proposed_minor, found.proposal_reason = granted_minor, reason.strip()
    found.proposed_by, found.proposed_at = actor.email, now
    PROPOSALS.move(session, found, "propose", reason=reason.strip(), actor=actor, now=now)


def _refuse_altered(session: Session, found: Dispute) -> None:
    """An agency's session writes what its line came to; what follows from it is counted from the line itself."""
    line = session.get(SettlementLine, found.settlement_line_id) if found.settlement_line_id else None
    says = (line.settlement_id, line.amount_minor) if line else (found.settlement_id, 0)
    if says != (found.settlement_id, found.line_minor):
        message = f"Dispute {found.ref} is about another amount than its line has."
        raise Refused(message, code="altered", cure="Run: portal verify")


def earned_since(session: Session, found: Dispute) -> str | None:
    """The accrual line that a receipt which had earned nothing has by now, in a run in force or settled."""
    if found.collection_id is None:
        return None
    settled = (
        select(SettlementLine.accrual_line_id)
        .join(Settlement, Settlement.id == SettlementLine.settlement_id)
        .where(SettlementLine.agency_id == found.agency_id, Settlement.status != "void")
    )
    query = select(AccrualLine.ref).where(
        AccrualLine.collection_id == found.collection_id,
        AccrualLine.agency_id == found.agency_id,
        AccrualLine.amount_minor > 0,
        AccrualLine.run_id.in_(select(AccrualRun.id).where(AccrualRun.is_current)) | AccrualLine.id.in_(settled),
    )
    return session.scalar(query.order_by(AccrualLine.id).limit(1))


def send_back(session: Session, found: Dispute, reason: str, *, actor: Actor, now: datetime) -> None:
    """The second person does not agree: somebody proposes anew. The reason is for the bank's people."""
    PROPOSALS.next_status(found, "return")
    if len(reason.strip()) < 3:
        raise Invalid(Problem("reason_needed", "Say what must change.", "Who proposed it reads it.", column="reason"))
    _refuse_proposer(session, found, actor)
    found.proposal_reason = f"Sent back by {actor.email}: {reason.strip()[:450]}"
    found.proposed_minor = found.proposed_by = found.proposed_at = None
    PROPOSALS.move(session, found, "return", reason=reason.strip()[:450], actor=actor, now=now)


def decide_dispute(
    session: Session, found: Dispute, *, expected_minor: int, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Another person makes the proposed decision; its money lands in the agency's next statement.

    `expected_minor` is the amount that was shown: Refused when another one is proposed by now. Without words of its own the decision
    carries the proposal's.
    """
    PROPOSALS.next_status(found, "decide")
    _refuse_proposer(session, found, actor)
    if found.proposed_minor != expected_minor:
        raise Refused("Another amount is proposed by now.", code="stale", cure="Open it again and decide anew.")
    if expected_minor and (line := earned_since(session, found)):
        message = f"The receipt has earned by itself since: {line}."
        raise Refused(message, code="earned_since", cure="Send it back; it would be paid twice.")
    said = reason.strip() or found.proposal_reason or ""
    adjustment = dispute_money.adjust(session, found, expected_minor, said, actor=actor, now=now)
    with session.no_autoflush:  # amount and status are one step
        found.granted_minor, found.adjustment_ref = expected_minor, adjustment
        PROPOSALS.decide(session, found, "decide", reason=said, actor=actor, now=now)
    comes_to = shown(expected_minor, found.currency)
    _tell_agency(session, found, "decided", f"is decided: it comes to {comes_to}", said, now=now)


def answer_agency(session: Session, found: Dispute, body: str, *, file: KeptFile, actor: Actor, now: datetime) -> None:
    """The bank writes to a dispute; whoever opened it gets a letter."""
    message = write(session, found, body, side="bank", file=file, actor=actor, now=now)
    _tell_agency(session, found, f"answered:{message.id}", "has an answer from the bank", message.body, now=now)


def _tell_agency(session: Session, found: Dispute, key: str, what: str, said: str, *, now: datetime) -> None:
    body = f"Your dispute {found.ref} {what}.\n\n{said}\n\nYou find it under Disputes.\n"
    about = {"about_ref": found.ref, "agency_id": found.agency_id, "now": now}
    tell(session, f"dispute:{found.ref}:{key}", [found.opened_by], f"Dispute {found.ref} {what}", body, **about)  # type: ignore[arg-type]


def refuse_of_complaint(found: Dispute) -> None:
    """What is kept while a complaint is open goes with the complaint, and neither side argues about it here."""
    if found.complaint_ref:
        message = f"This money is kept while complaint {found.complaint_ref} is open."
        raise Refused(message, code="of_a_complaint", cure="It is let go with the complaint.")


def _refuse_proposer(session: Session, found: Dispute, actor: Actor) -> None:
    if same_person(session, actor.email, found.proposed_by):
        message = "You proposed this decision; another person makes it."
        raise Refused(message, code="is_not_the_maker", cure="Ask another approver.")


def is_open(found: Dispute) -> bool:
    return found.status in OPEN_STATUSES
