"""What a person found out about a payout: at the bank's desk, on its screen, in a letter. Another person agrees, and then it counts.

It is how the manual rail is confirmed, and a person's way out of `unknown`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.ledger.service import bank_day
from payouts.rails.fate_models import FINDINGS, PayoutFinding
from payouts.rails.lifecycle import PAYOUT_TRANSITIONS
from payouts.rails.models import Payout
from payouts.rails.moves import close_batches, conclude, load_payout, move_payout
from payouts.settlements.service import refuse_machine
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Forbidden, Invalid, Problem, Refused
from portal.kernel.persons import same_person
from portal.kernel.proposals import Proposals, reason_problems

ACTIONS = {"paid": "confirm", "returned": "return", "failed": "fail", "sent": "sent"}
SAYS = {
    "paid": "It was paid",
    "returned": "It came back",
    "failed": "It never left",
    "sent": "The bank has it",
}
LONGEST_REFERENCE = 60

PROPOSALS = Proposals(
    PayoutFinding,
    "a finding",
    AuditTag.FINDING_MOVED,
    "payout_finding",
    ref=lambda row: f"F{row.id}",
    facts=lambda row: {
        "payout": row.payout_id,
        "says": row.says,
        "provider_ref": row.provider_ref,
        "day": row.on_day.isoformat() if row.on_day else None,
        "note": row.note,
    },
)


@dataclass(frozen=True, slots=True)
class Found:
    """What the person says. `provider_ref` is the bank's reference of the payment, `on_day` the day it was paid."""

    says: str
    note: str
    provider_ref: str = ""
    on_day: date | None = None


def may_say(status: str) -> list[str]:
    """What may be found out about a payout that stands there."""
    return [says for says in FINDINGS if (status, ACTIONS[says]) in PAYOUT_TRANSITIONS and status != "sending"]


def propose_finding(session: Session, payout_ref: str, found: Found, *, actor: Actor, now: datetime) -> PayoutFinding:
    """One person says what became of a payout. Invalid with every problem; Refused while another finding waits."""
    refuse_machine(actor, "say what became of a payout")
    payout = load_payout(session, payout_ref, locked=True)
    if problems := list(_problems(payout, found, bank_day(now))):
        raise Invalid(problems)
    if waiting_finding(session, payout.id) is not None:
        raise Refused(
            f"A finding about {payout.ref} waits already.", code="already_waiting", cure="Decide on it first."
        )
    made = PayoutFinding(
        payout_id=payout.id,
        says=found.says,
        provider_ref=found.provider_ref.strip(),
        on_day=found.on_day,
        note=found.note.strip(),
    )
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def _problems(payout: Payout, found: Found, today: date) -> Iterator[Problem]:
    if found.says not in may_say(payout.status):
        lawful = ", ".join(SAYS[each].lower() for each in may_say(payout.status)) or "nothing more"
        message = f"{payout.ref} is {payout.status}; what may be said of it: {lawful}."
        yield Problem("illegal_step", message, column="says")
    if found.says == "paid":
        if not found.provider_ref.strip():
            yield Problem("missing_utr", "A payment has the bank's reference.", "Give it.", column="provider_ref")
        if found.on_day is None:
            yield Problem("missing_day", "Say on which day it was paid.", column="on_day")
    if len(found.provider_ref) > LONGEST_REFERENCE:
        message = f"A reference has room for {LONGEST_REFERENCE} characters."
        yield Problem("too_long", message, column="provider_ref")
    if found.on_day is not None and not bank_day(payout.created_at) <= found.on_day <= today:
        message = f"It was made on {bank_day(payout.created_at)}, and today is {today}."
        yield Problem("bad_day", message, "Give a day between.", column="on_day")
    yield from reason_problems(found.note, "Say how you know.", "Who said so, or where it stands.", column="note")


def waiting_finding(session: Session, payout_id: int) -> PayoutFinding | None:
    return session.scalars(
        select(PayoutFinding).where(PayoutFinding.payout_id == payout_id, PayoutFinding.status == "proposed")
    ).one_or_none()


def findings_of(session: Session, payout_id: int) -> list[PayoutFinding]:
    """Oldest first."""
    return list(
        session.scalars(select(PayoutFinding).where(PayoutFinding.payout_id == payout_id).order_by(PayoutFinding.id))
    )


def list_findings(session: Session, *, status: str = "", limit: int = 1_000) -> list[tuple[str, PayoutFinding]]:
    """(payout's reference, finding), the newest first."""
    query = select(Payout.ref, PayoutFinding).join(Payout, Payout.id == PayoutFinding.payout_id)
    query = query.where(PayoutFinding.status == status) if status else query
    return [(ref, row) for ref, row in session.execute(query.order_by(PayoutFinding.id.desc()).limit(limit))]


def decide_finding(
    session: Session, finding_id: int, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> Payout:
    """A second person agrees, and the payout moves with its books; or does not. Refused when the payout moved on meanwhile."""
    refuse_machine(actor, "decide what became of a payout")
    found = PROPOSALS.load(session, id=finding_id)
    payout = session.get_one(Payout, found.payout_id, with_for_update=True, populate_existing=True)
    if same_person(session, found.proposed_by, actor.email):
        message = f"{found.proposed_by} said so: another person agrees."
        raise Forbidden(message, code="maker_is_checker", cure="Ask somebody else in finance, or an approver.")
    action = "accept" if accept else "reject"
    PROPOSALS.decide(session, found, action, reason=reason, actor=actor, now=now)
    if accept:
        if found.says not in may_say(payout.status):
            message = f"{payout.ref} is {payout.status} by now."
            raise Refused(message, code="illegal_step", cure="Turn the finding down, and look at the payout again.")
        _apply(session, payout, found, actor, now)
    return payout


def _apply(session: Session, payout: Payout, found: PayoutFinding, actor: Actor, now: datetime) -> None:
    payout.looked_up_at = now
    if found.says == "sent":
        move_payout(session, payout, "sent", actor=actor, now=now, reason=None)
        return
    conclude(
        session,
        payout,
        ACTIONS[found.says],
        utr=found.provider_ref,
        reason=found.note,
        paid_on=found.on_day,
        actor=actor,
        now=now,
    )
    close_batches(session, {payout.batch_id}, actor=actor, now=now)


def lose(session: Session, payout_ref: str, reason: str, *, actor: Actor, now: datetime) -> Payout:
    """A person says that nobody knows what became of a payout: it waits for a look-up or a finding, and is not paid again."""
    refuse_machine(actor, "call a payout's outcome unknown")
    if problems := list(reason_problems(reason, "Say why nobody knows.")):
        raise Invalid(problems)
    payout = load_payout(session, payout_ref, locked=True)
    return move_payout(session, payout, "lose", actor=actor, now=now, reason=reason.strip())
