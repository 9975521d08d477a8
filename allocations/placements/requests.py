"""Returns, extensions, transfers and proposed recalls: asked by one person, decided by another, done in the same transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import ARRAY, BigInteger, any_, literal, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.placements.models import Allocation
from allocations.placements.moves import extend, transfer, transfer_problems
from allocations.placements.request_models import AllocationRequest
from allocations.placements.request_rules import KIND_WORDS, Asked, Term, problems_of, reason_words
from allocations.placements.service import recall
from portal.kernel.audit import Actor, AuditTag, forget_events, pending_events
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import Invalid, Refused
from portal.kernel.proposals import Proposals


def _facts(row: AllocationRequest) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "side": row.side,
        "code": row.reason_code,
        "last_on": row.last_on,
        "to_on": row.to_on,
        "to_agency": row.to_agency_id,
    }


PROPOSALS = Proposals(
    AllocationRequest,
    "a request",
    AuditTag.ALLOCATION_REQUEST_MOVED,
    "allocation_request",
    ref=lambda row: f"{row.loan_account_no}/{row.allocation_id}/{row.id}",
    facts=_facts,
    reason_cure="Whoever asked reads it.",
)


def ask(
    session: Session, allocation: Allocation, asked: Asked, *, side: str, actor: Actor, now: datetime, today: date
) -> AllocationRequest:
    """Keep what somebody wants to happen to an allocation. Nothing happens before another person says so.

    Raises Invalid with every fault, a transfer's shut gates among them; Refused while the same is asked already.
    """
    term = Term(allocation.from_on, allocation.to_on, allocation.recalled_at is not None)
    problems = list(problems_of(asked, side, term, today))
    if asked.kind == "transfer" and not problems and asked.last_on is not None:
        receiver = session.get_one(Agency, asked.to_agency_id)
        first = asked.last_on.fromordinal(asked.last_on.toordinal() + 1)
        problems += transfer_problems(session, allocation, receiver, first, asked.to_on)
    if problems:
        raise Invalid(problems)
    _refuse_twice(session, allocation, asked.kind)
    made = AllocationRequest(
        agency_id=allocation.agency_id,
        allocation_id=allocation.id,
        loan_account_no=allocation.loan_account_no,
        kind=asked.kind,
        side=side,
        reason_code=asked.reason_code,
        reason=asked.reason.strip(),
        last_on=None if asked.kind == "extension" else asked.last_on,
        to_on=asked.to_on if asked.kind in ("extension", "transfer") else None,
        to_agency_id=asked.to_agency_id if asked.kind == "transfer" else None,
    )
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def _refuse_twice(session: Session, allocation: Allocation, kind: str) -> None:
    waiting = select(AllocationRequest.id).where(
        AllocationRequest.agency_id == allocation.agency_id,
        AllocationRequest.allocation_id == allocation.id,
        AllocationRequest.kind == kind,
        AllocationRequest.status == "proposed",
    )
    if session.scalar(waiting) is not None:
        message = f"{KIND_WORDS[kind]} of this account is asked for already."
        raise Refused(message, code="waits", cure="Wait for the answer, or take it back.")


def decide_request(
    session: Session, found: AllocationRequest, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """Accept or reject one that `PROPOSALS.load` locked. Accepted, it happens at once; what else waited on the account is withdrawn.

    Raises what `may_decide` raises, and what recalling, extending or transferring raises: then nothing is decided.
    """
    action = "accept" if accept else "reject"
    PROPOSALS.may_decide(found, action, reason=reason, actor=actor)
    PROPOSALS.decide(session, found, action, reason=reason, actor=actor, now=now)
    if accept:
        _do(session, found, actor=actor, now=now)
        if found.kind != "extension":
            withdraw_waiting(session, [found.allocation_id], actor=actor, now=now)


def _do(session: Session, found: AllocationRequest, *, actor: Actor, now: datetime) -> None:
    allocation = session.get_one(Allocation, found.allocation_id)
    given: dict[str, Any] = {"actor": actor, "now": now}
    why = f"{reason_words(found.kind, found.reason_code)}: {found.reason}"
    if found.kind == "extension":
        assert found.to_on is not None  # kept so by the database
        extend(session, allocation, to_on=found.to_on, reason=found.reason, **given)
        return
    assert found.last_on is not None
    today = now.astimezone(BANK_ZONE).date()
    if found.kind == "transfer":
        if found.last_on < today:
            message = f"Its last day, {found.last_on:%d %b %Y}, has passed: the agency went on working."
            raise Refused(message, code="day_passed", cure="Reject it, and ask for a day to come.")
        receiver = session.get_one(Agency, found.to_agency_id)
        terms: dict[str, Any] = {"last_on": found.last_on, "to_on": found.to_on, "reason": found.reason}
        transfer(session, allocation, receiver, **terms, **given)
    else:
        said = f"Returned by the agency. {why}" if found.kind == "return" else why
        # Decided late, it holds from the decision on: until then the agency worked the account.
        recall(session, allocation, on=max(found.last_on, today), reason=said, **given)


def withdraw_waiting(session: Session, allocation_ids: Sequence[int], *, actor: Actor, now: datetime) -> None:
    """What is still asked of allocations that went back asks for nothing any more."""
    gone = literal(list(allocation_ids), ARRAY(BigInteger))  # one value, however many there are
    waiting = select(AllocationRequest).where(
        AllocationRequest.status == "proposed", AllocationRequest.allocation_id == any_(gone)
    )
    for each in session.scalars(waiting.order_by(AllocationRequest.id).with_for_update()).all():
        PROPOSALS.move(session, each, "withdraw", actor=actor, now=now)


def withdraw(session: Session, found: AllocationRequest, *, actor: Actor, now: datetime) -> None:
    """Take back what one's own side asked."""
    PROPOSALS.move(session, found, "withdraw", actor=actor, now=now)


def accept_many(
    session: Session, ids: Sequence[int], *, actor: Actor, now: datetime
) -> tuple[int, list[tuple[AllocationRequest, str]]]:
    """Accept each of these requests by itself: how many were done, and those that could not be, with the reason."""
    done, left = 0, []
    for request_id in ids:
        found, mark = PROPOSALS.load(session, id=request_id), pending_events(session)
        try:
            with session.begin_nested():
                decide_request(session, found, accept=True, actor=actor, now=now)
            done += 1
        except (Invalid, Refused) as error:
            forget_events(session, mark)
            session.refresh(found)
            left.append((found, str(error)))
    return done, left
