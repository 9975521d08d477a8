"""Taking an approval back before anything is paid: the journal is reversed, the statement void, and the month drafted anew.

A change of an agency's bank details that is approved after a settlement was voids that approval in the same transaction
(`recall_outdated`, called by the door that decides on the change). Where that is not possible, because somebody contests a line or a
later settlement corrects one, the settlement stays approved: payouts refuse it until two people point it to the new details
(`repointing`).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.ledger.models import JournalEntry
from payouts.ledger.service import reverse
from payouts.rails.lifecycle import PAYABLE_AGAIN
from payouts.rails.models import Payout
from payouts.settlements.destination import detail_id_of
from payouts.settlements.dispute_models import Dispute
from payouts.settlements.drafting import current_bank_detail, draft, live_settlement
from payouts.settlements.invoice_carrying import cancel_left_behind
from payouts.settlements.lifecycle import PAYABLE, next_status, shown_status
from payouts.settlements.models import Settlement
from payouts.settlements.service import LOCK, load, move, refuse_machine
from payouts.settlements.tax_deposits import deposit_of_settlement
from payouts.settlements.tax_papers import cancel_self_invoice
from payouts.settlements.twice import leaning_on
from portal.kernel.audit import Actor
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.notices import tell
from portal.kernel.periods import month_of
from portal.kernel.proposals import SHORTEST_REASON

MACHINE = Actor(None, "system", "system")  # drafts anew, so that whoever takes back may approve what comes of it


def recall(
    session: Session, ref: str, *, actor: Actor, now: datetime, reason: str, expected_version: int | None = None
) -> Settlement | None:
    """Take an approval back; the month's new draft, or None when nothing is payable any more.

    Refused once money is under way or paid, while a line is contested, and when a later settlement corrects one of its lines.
    """
    refuse_machine(actor, "take an approval back")
    if len(reason.strip()) < SHORTEST_REASON:
        cure = "The agency reads it: its statement is void."
        raise Invalid(Problem("missing_reason", "Say why the approval is taken back.", cure, column="reason"))
    settlement = load(session, ref, locked=True)
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, settlement.agency_id)))
    if expected_version is not None and expected_version != settlement.lock_version:
        raise Refused(f"{ref} moved on while your page was open.", code="stale", cure="Open it again and decide anew.")
    if why := why_not_recall(session, settlement):
        raise Refused(why[0], code="not_to_be_recalled", cure=why[1])
    return _take_back(session, settlement, reason.strip(), actor, now)


def _take_back(session: Session, settlement: Settlement, reason: str, actor: Actor, now: datetime) -> Settlement | None:
    period, agency_id = month_of(settlement.period_start), settlement.agency_id
    after = next_status(settlement.status, "recall")
    move(session, settlement, "recall", after, actor=actor, now=now, comment=reason, reason=reason)
    entry = f"J-{settlement.ref}"
    if session.scalar(select(JournalEntry.id).where(JournalEntry.ref == entry)) is not None:
        reverse(session, entry, narration=f"Approval of {settlement.ref} taken back", actor=actor, now=now)
    cancel_self_invoice(session, settlement, reason=reason, actor=actor, now=now)
    _tell_agency(session, settlement, reason, now)
    draft(session, period, actor=MACHINE, now=now, agency_id=agency_id)
    fresh = live_settlement(session, agency_id, period)
    if fresh is None:
        cancel_left_behind(session, settlement, actor=actor, now=now)
    return fresh


def why_not_recall(session: Session, settlement: Settlement) -> tuple[str, str] | None:
    """(why an approval cannot be taken back, what to do instead); None when it can."""
    ref = settlement.ref
    if settlement.status not in PAYABLE:
        said = shown_status(settlement.status, settlement.net_minor).lower()
        return f"{ref} is {said}.", "Only what is approved and not under way can be taken back."
    live = select(Payout.ref).where(Payout.settlement_id == settlement.id, Payout.status.not_in(PAYABLE_AGAIN))
    if payout := session.scalar(live.limit(1)):
        return f"{payout} pays {ref} already.", "Wait for the bank's answer; a correction is a line of the next month."
    # What was taken back while a payout was under way is kept still: the next statement pays it out.
    is_kept = (Dispute.held_minor > 0) & Dispute.freed_at.is_(None)
    contested = select(Dispute.ref).where(Dispute.settlement_id == settlement.id)
    contested = contested.where((Dispute.status != "withdrawn") | is_kept)
    if dispute := session.scalar(contested.order_by(Dispute.id).limit(1)):
        return (
            f"A line of {ref} is contested in {dispute}.",
            "What is decided there lands in the next statement.",
        )
    if deposit := deposit_of_settlement(session, settlement.id):
        return f"The tax {ref} withheld was paid over in {deposit}.", "Correct it with a line of the next month."
    if later := leaning_on(session, settlement):
        return f"{', '.join(later)} corrects what stands in {ref}.", "Take the later one back first."
    return None


def has_outdated_payee(session: Session, settlement: Settlement) -> bool:
    """Whether the bank details it would be paid to are no longer the agency's."""
    stands = detail_id_of(session, settlement)
    return settlement.net_minor > 0 and stands != current_bank_detail(session, settlement.agency_id)


def recall_outdated(
    session: Session, agency_id: int, *, actor: Actor, now: datetime
) -> tuple[list[str], list[tuple[str, str]]]:
    """Void every approval that stands on bank details which are no longer the agency's: (refs taken back, (ref, why not) of others)."""
    query = select(Settlement.ref).where(Settlement.agency_id == agency_id, Settlement.status.in_(PAYABLE))
    taken: list[str] = []
    kept: list[tuple[str, str]] = []
    for ref in session.scalars(query.order_by(Settlement.period_start.desc(), Settlement.ref)).all():
        settlement = load(session, ref, locked=True)
        session.scalar(select(func.pg_advisory_xact_lock(LOCK, agency_id)))
        if not has_outdated_payee(session, settlement):
            continue
        if why := why_not_recall(session, settlement):
            kept.append((ref, why[0]))
            continue
        _take_back(session, settlement, "The agency's bank details changed after the approval.", actor, now)
        taken.append(ref)
    return taken, kept


def _tell_agency(session: Session, settlement: Settlement, reason: str, now: datetime) -> None:
    agency = session.get_one(Agency, settlement.agency_id)
    body = (
        f"The statement {settlement.ref} for {settlement.period_start:%B %Y} is void: {reason}\n\n"
        "It is drawn up again. Nothing was paid on it, and what you earned does not change by that.\n"
        "If you have handed in a tax invoice for it: it counts for the new one where the amounts are the same; where they are not, you "
        "are asked for another.\n"
    )
    subject = f"Statement {settlement.ref} is void"
    tell(
        session,
        f"recalled:{settlement.ref}",
        [agency.email],
        subject,
        body,
        about_ref=settlement.ref,
        agency_id=agency.id,
        now=now,
    )
