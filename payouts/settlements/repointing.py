"""The way out for a settlement that stands on bank details of before and cannot be taken back: two people point it to the new ones.

The statement is issued and stays as it is. What is signed is a text of its own, chained to the statement's hash; keys, limits and the
third person are those of an approval, and whoever had a hand in the change of the bank details puts no key to it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies import bank_details
from allocations.agencies.models import Agency, AgencyBankDetail
from payouts.approvals.payees import refuse_payee_changer, why_not_payee
from payouts.approvals.service import KeyState, turn_key, why_not
from payouts.rails.lifecycle import PAYABLE_AGAIN
from payouts.rails.models import Payout
from payouts.settlements.destination import detail_id_of, hash_of_repointing, pointed
from payouts.settlements.lifecycle import PAYABLE, shown_status
from payouts.settlements.models import Settlement
from payouts.settlements.queries import payable_minor
from payouts.settlements.repointing_models import SettlementRepointing
from payouts.settlements.service import LOCK, load, refuse_machine
from payouts.settlements.statement import masked
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Forbidden, Invalid, Refused, Stale
from portal.kernel.notice_jobs import ask_to_send
from portal.kernel.notices import notices_about, tell
from portal.kernel.proposals import Proposals, reason_problems

WAITING = ("proposed", "checked")


def _facts(found: SettlementRepointing) -> dict[str, Any]:
    return {"from": found.from_detail_id, "to": found.to_detail_id, "amount": found.amount_minor, "hash": found.hash}


PROPOSALS = Proposals(
    *(SettlementRepointing, "a re-pointing", AuditTag.SETTLEMENT_REPOINTED, "settlement_repointing"),
    ref=lambda found: found.ref,
    named=lambda found: f"Re-pointing {found.ref}",
    facts=_facts,
    reason_cure="Whoever proposed it reads it.",
)


def why_not_repoint(session: Session, settlement: Settlement, *, now: datetime) -> tuple[str, str] | None:
    """(why a settlement cannot be pointed to its agency's bank details, what to do); None when it can."""
    if settlement.status not in PAYABLE or payable_minor(settlement) <= 0:
        said = shown_status(settlement.status, settlement.net_minor).lower()
        return f"{settlement.ref} is {said}.", "Only what is approved and still to be paid is pointed elsewhere."
    live = select(Payout.ref).where(Payout.settlement_id == settlement.id, Payout.status.not_in(PAYABLE_AGAIN))
    if payout := session.scalar(live.limit(1)):
        return f"{payout} pays {settlement.ref} already.", "Wait for the bank's answer, or take its batch back."
    current = bank_details.current(session, settlement.agency_id)
    if current is None:
        return "The agency has no approved bank details.", "Approve them first."
    if current.id == detail_id_of(session, settlement):
        return f"{settlement.ref} is paid to the agency's bank details already.", ""
    if resting := bank_details.why_not_usable(session, settlement.agency_id, now=now):
        return resting, "Point the settlement to them then."
    return None


def propose_repointing(
    session: Session, ref: str, *, reason: str, actor: Actor, now: datetime, expected_version: int | None = None
) -> SettlementRepointing:
    """Ask that an approved settlement be paid to the agency's bank details of now. Invalid without a reason.

    Refused while they rest, once a payout is under way, and while another such proposal waits; Stale when other bank details were
    shown (`expected_version`: theirs).
    """
    refuse_machine(actor, "point a settlement to other bank details")
    if problems := list(reason_problems(reason, "Say why it is paid elsewhere.", "The agency reads it.")):
        raise Invalid(problems)
    settlement = _locked(session, ref)
    if why := why_not_repoint(session, settlement, now=now):
        raise Refused(why[0], code="not_to_be_repointed", cure=why[1])
    target = bank_details.current(session, settlement.agency_id)
    assert target is not None
    if expected_version is not None and expected_version != target.version:
        raise Stale(f"The agency's bank details are of version {target.version} by now. Open {ref} again.")
    if there := waiting_of(session, settlement.id):
        raise Refused(f"{there.ref} waits for a decision.", code="waits", cure="Decide on it, or take it back, first.")
    made = _made(session, settlement, target, reason.strip())
    PROPOSALS.propose(session, made, actor=actor, now=now)
    _key(session, made, "submitted", actor=actor, now=now)
    return made


def _made(session: Session, settlement: Settlement, target: AgencyBankDetail, reason: str) -> SettlementRepointing:
    query = select(func.count()).where(SettlementRepointing.settlement_id == settlement.id)
    number = (session.scalar(query) or 0) + 1
    made = SettlementRepointing(
        ref=f"RP-{settlement.ref}-{number}",
        agency_id=settlement.agency_id,
        settlement_id=settlement.id,
        number=number,
        statement_hash=settlement.hash,
        from_detail_id=detail_id_of(session, settlement),
        to_detail_id=target.id,
        amount_minor=payable_minor(settlement),
        currency=settlement.currency,
        reason=reason,
    )
    made.hash = hash_of_repointing(session, made, _before(session, settlement))
    return made


def _before(session: Session, settlement: Settlement) -> str:
    last = pointed(session, settlement.id)[-1:]
    return last[0].hash if last else settlement.hash


def waiting_of(session: Session, settlement_id: int) -> SettlementRepointing | None:
    """The re-pointing of a settlement that waits for a person."""
    query = select(SettlementRepointing).where(
        SettlementRepointing.settlement_id == settlement_id, SettlementRepointing.status.in_(WAITING)
    )
    return session.scalars(query).first()


def accept_repointing(
    session: Session, ref: str, *, actor: Actor, now: datetime, expected_hash: str | None = None, comment: str = ""
) -> SettlementRepointing:
    """Another person's key; with the last one the settlement is paid to the new bank details, and the agency is told.

    Forbidden for whoever proposed it, proposed or approved the bank details, or whose limit is lower; Stale when another text was
    shown; Refused when the bank details changed once more.
    """
    refuse_machine(actor, "accept a re-pointing")
    found, settlement = _both(session, ref)
    if expected_hash is not None and expected_hash != found.hash:
        raise Stale(f"{ref} is not what your page showed. Open it again and decide anew.")
    PROPOSALS.next_status(found, "accept")
    if why := why_not_repoint(session, settlement, now=now):
        raise Refused(why[0], code="not_to_be_repointed", cure=why[1])
    _refuse_changed(session, found, settlement)
    if not _key(session, found, "approved", actor=actor, now=now, comment=comment).done:
        found.checked_by, found.checked_at = actor.email, now
        PROPOSALS.decide(session, found, "check", reason=comment, actor=actor, now=now)
        return found
    PROPOSALS.decide(session, found, "accept", reason=comment, actor=actor, now=now)
    settlement.lock_version += 1
    session.flush()
    _tell_agency(session, found, settlement, actor=actor, now=now)
    return found


def _refuse_changed(session: Session, found: SettlementRepointing, settlement: Settlement) -> None:
    """What was proposed must be what stands here: the statement, the account of now, and what it is changed from."""
    current = bank_details.current(session, settlement.agency_id)
    stands = (settlement.hash, detail_id_of(session, settlement), current.id if current else None)
    again = hash_of_repointing(session, found, _before(session, settlement))
    amount = payable_minor(settlement)
    if stands != (found.statement_hash, found.from_detail_id, found.to_detail_id) or again != found.hash:
        message = f"What {found.ref} stands on has changed since it was proposed."
        raise Refused(message, code="basis_changed", cure="Turn it down, and propose anew.")
    if amount > found.amount_minor:
        message = f"More is payable by now than when {found.ref} was proposed."
        raise Refused(message, code="basis_changed", cure="Turn it down, and propose anew.")


def reject_repointing(session: Session, ref: str, *, reason: str, actor: Actor, now: datetime) -> None:
    """Another person turns it down, with a reason: it is paid to neither account until somebody proposes anew."""
    refuse_machine(actor, "reject a re-pointing")
    found, _ = _both(session, ref)
    PROPOSALS.decide(session, found, "reject", reason=reason, actor=actor, now=now)


def withdraw_repointing(session: Session, ref: str, *, actor: Actor, now: datetime) -> None:
    """Whoever proposed it takes it back before anybody agreed."""
    found, _ = _both(session, ref)
    if actor.email != found.proposed_by:
        raise Forbidden("Whoever proposed it takes it back.", code="not_the_maker", cure="Turn it down instead.")
    PROPOSALS.move(session, found, "withdraw", actor=actor, now=now)


def why_not_accept(session: Session, found: SettlementRepointing, *, actor: Actor, now: datetime) -> Forbidden | None:
    """Why this person's key would be refused for who they are; None when it would be taken."""
    if refusal := why_not_payee(session, [found.to_detail_id], actor):
        return refusal
    amounts: dict[str, Any] = {"amount_minor": found.amount_minor, "currency": found.currency}
    return why_not(session, "settlement", found.ref, 1, actor=actor, now=now, never=(found.proposed_by,), **amounts)


def _key(
    session: Session, found: SettlementRepointing, act: str, *, actor: Actor, now: datetime, comment: str = ""
) -> KeyState:
    """One person's key; limits and the third person are a settlement's."""
    approves = act == "approved"
    if approves:
        refuse_payee_changer(session, [found.to_detail_id], actor)
    return turn_key(
        session,
        "settlement",
        found.ref,
        1,
        act,
        actor=actor,
        signed=found.hash,
        amount_minor=found.amount_minor,
        currency=found.currency,
        comment=comment,
        now=now,
        never=(found.proposed_by,) if approves else (),
    )


def _locked(session: Session, ref: str) -> Settlement:
    settlement = load(session, ref, locked=True)
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, settlement.agency_id)))
    return settlement


def _both(session: Session, ref: str) -> tuple[SettlementRepointing, Settlement]:
    """The re-pointing and its settlement, both locked, the settlement first."""
    shown = PROPOSALS.load(session, locked=False, ref=ref)
    settlement = _locked(session, session.get_one(Settlement, shown.settlement_id).ref)
    return PROPOSALS.load(session, ref=ref), settlement


def _tell_agency(
    session: Session, found: SettlementRepointing, settlement: Settlement, *, actor: Actor, now: datetime
) -> None:
    """A letter to everybody who was ever written to about either account, and to the agency's address of today."""
    agency = session.get_one(Agency, found.agency_id)
    details = [session.get_one(AgencyBankDetail, each) for each in (found.from_detail_id, found.to_detail_id) if each]
    old, new = details[0] if len(details) > 1 else None, details[-1]
    told = {
        notice.to_address
        for detail in details
        for notice in notices_about(session, bank_details.notice_ref(agency, detail))
    }
    was = f"to {masked(old.account_no)} (version {old.version})" if old else "nowhere"
    body = (
        f"The statement {settlement.ref} for {settlement.period_start:%B %Y} was to be paid {was}. Two people at the bank agreed that"
        f" it is paid to {masked(new.account_no)} ({new.ifsc}), your bank details of version {new.version}.\n\n"
        f"Reason: {found.reason}\n\nThe statement itself does not change. Fingerprint of the change: {found.hash}\n\n"
        f"{bank_details.ALARM}"
    )
    to = [agency.email, *session.scalars(bank_details.OWNERS, {"agency": agency.id}), *told]
    about: dict[str, Any] = {"about_ref": settlement.ref, "agency_id": agency.id, "now": now}
    subject = f"Statement {settlement.ref} is paid to your new account"
    if tell(session, f"repointed:{found.ref}", to, subject, body, **about):
        ask_to_send(session, actor=actor, now=now)
