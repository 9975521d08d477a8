"""Payout batches: made by one person, approved by another who sees count, total and file hash. Intent first, always.

Making a batch writes, in one transaction, the payouts with their keys, the settlements' step, the ledger's hold, the file's
bytes and the audit events. Nothing leaves here before that is committed.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, AgencyBankDetail, Lender
from payouts.approvals.payees import refuse_payee_changer
from payouts.approvals.service import KeyState, turn_key
from payouts.ledger.journal import sent_lines
from payouts.ledger.service import bank_day, post, reverse
from payouts.rails.choosing import rail_named
from payouts.rails.destinations import destination_of
from payouts.rails.freezing import frozen_batch, frozen_instruction
from payouts.rails.lifecycle import next_batch_status
from payouts.rails.models import Payout, PayoutBatch
from payouts.rails.moves import load_batch, move_batch, move_payout, payouts_of, tell_batch
from payouts.rails.payees import last_pointed, proof_of
from payouts.rails.protocol import BatchFacts, Beneficiary, FileRail, Instruction, OnlineRail, OnlineRails
from payouts.rails.rechecks import refuse_changed, why_not_payable
from payouts.rails.stops import refuse_while_stopped, restore_mark
from payouts.settlements.complaint_lines import keep_of_month
from payouts.settlements.lifecycle import PAYABLE
from payouts.settlements.lifecycle import next_status as next_settlement_status
from payouts.settlements.models import Settlement
from payouts.settlements.queries import payable_minor
from payouts.settlements.service import move, refuse_machine
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import Invalid, Problem, Refused, Stale
from portal.kernel.files import FileDamaged, FileStore, store_file
from portal.kernel.periods import Period

NO_ONLINE_RAILS: OnlineRails = {}


@dataclass
class MadeBatch:
    """A new batch and the settlements that had to stay out of it, each with its reason."""

    batch: PayoutBatch
    skipped: list[dict[str, str]] = field(default_factory=list)


def make_batch(
    session: Session,
    store: FileStore,
    period: Period,
    rail_name: str,
    *,
    actor: Actor,
    now: datetime,
    online: OnlineRails = NO_ONLINE_RAILS,
) -> MadeBatch:
    """Every payable settlement of the month into one batch, with its file or its requests. Refused when nothing is payable.

    `online`: the providers there are, by name. Whatever is sent later is frozen here, byte for byte.
    """
    refuse_machine(actor, "pay")
    refuse_while_stopped(session, rail_name)
    rail = online.get(rail_name) or rail_named(session, rail_name, bank_day(now))
    session.execute(text("select pg_advisory_xact_lock(hashtext('payout batches'))"))
    keep_of_month(session, period.start, actor=actor, now=now)
    ready, skipped = _payable(session, period, rail, now)
    if not ready:
        message = f"Nothing of {period.label} is waiting to be paid."
        reasons = " ".join(f"{each['settlement']}: {each['reason']}" for each in skipped)
        raise Refused(message, code="nothing_to_pay", cure=reasons or "Approve a settlement first.")
    serial = (session.scalar(select(func.count()).select_from(PayoutBatch)) or 0) + 1
    batch = PayoutBatch(
        ref=_batch_ref(session, period),
        period_start=period.start,
        rail=rail.name,
        profile=rail.profile_name,
        profile_version=rail.profile_version,
        count=len(ready),
        total_minor=sum(payable_minor(settlement) for settlement in ready),
        currency=ready[0].currency,
        made_by=actor.email,
        made_at=now,
    )
    session.add(batch)
    session.flush()
    payouts = _queue(session, batch, ready, period, actor, now)
    if isinstance(rail, FileRail):
        _write_file(session, store, rail, batch, payouts, serial, actor, now)
    else:
        _freeze_requests(session, rail, payouts)
    session.flush()
    _key(session, batch, "made", actor, now)
    data = {"rail": rail_name, "count": batch.count, "total": batch.total_minor, "period": period.label}
    tell_batch(session, AuditTag.BATCH_MADE, batch, data, actor, now)
    return MadeBatch(batch, skipped)


def _write_file(
    session: Session,
    store: FileStore,
    rail: FileRail,
    batch: PayoutBatch,
    payouts: list[Payout],
    serial: int,
    actor: Actor,
    now: datetime,
) -> None:
    """The file, stored; and what it was made of, so that it can be written again to the same bytes."""
    facts = batch_facts(session, batch, payouts, serial)
    prepared = rail.prepare(facts)
    kept: dict[str, Any] = {
        "name": prepared.name,
        "media_type": prepared.media_type,
        "agency_id": None,
        "actor": actor,
        "now": now,
    }
    batch.file_sha256 = store_file(session, store, prepared.data, **kept).sha256
    batch.file_name, batch.request = prepared.name, frozen_batch(facts)
    for payout, each in zip(payouts, facts.instructions, strict=True):
        payout.request = frozen_instruction(each)


def _freeze_requests(session: Session, rail: OnlineRail, payouts: list[Payout]) -> None:
    """What each request to the provider will be; every refusal of the provider's at once."""
    problems: list[Problem] = []
    for payout in payouts:
        payout.destination = destination_of(session, rail.name, payout.agency_id)
        try:
            payout.request = rail.request_of(instruction_of(session, payout))
        except Invalid as wrong:
            problems += wrong.problems
    if problems:
        raise Invalid(problems)


def _payable(
    session: Session, period: Period, rail: FileRail | OnlineRail, now: datetime
) -> tuple[list[Settlement], list[dict[str, str]]]:
    """The month's settlements that may be paid, locked, and those that may not with the reason."""
    query = (
        select(Settlement)
        .where(Settlement.period_start == period.start, Settlement.status.in_(PAYABLE))
        .where(Settlement.net_minor - Settlement.disputed_minor > 0)
        .order_by(Settlement.ref)
        .with_for_update()
    )
    ready: list[Settlement] = []
    skipped: list[dict[str, str]] = []
    for settlement in session.scalars(query):
        reason = why_not_payable(session, settlement, now=now)
        if (
            not reason
            and not isinstance(rail, FileRail)
            and not destination_of(session, rail.name, settlement.agency_id)
        ):
            reason = f"The agency has no account at {rail.name} that can be paid."
        if not reason and ready and settlement.currency != ready[0].currency:
            reason = f"It is in {settlement.currency}; one batch carries one currency. Make another batch for it."
        if reason:
            skipped.append({"settlement": settlement.ref, "reason": reason})
        else:
            ready.append(settlement)
    return ready, skipped


def _batch_ref(session: Session, period: Period) -> str:
    made = session.scalar(select(func.count()).select_from(PayoutBatch).where(PayoutBatch.period_start == period.start))
    return f"B{period.start:%y%m}-{restore_mark(session)}{(made or 0) + 1:02d}"


def _queue(
    session: Session, batch: PayoutBatch, ready: list[Settlement], period: Period, actor: Actor, now: datetime
) -> list[Payout]:
    """Write the intents: payout and key, settlement under way, the ledger's hold."""
    prefix, mark = f"P{period.start:%y%m}-", restore_mark(session)
    made = session.scalar(select(func.count()).select_from(Payout).where(Payout.ref.startswith(prefix))) or 0
    payouts = []
    for number, settlement in enumerate(ready, start=made + 1):
        ref = f"{prefix}{mark}{number:03d}" if mark else f"{prefix}{number:04d}"
        moved = last_pointed(session, settlement)
        payout = Payout(
            ref=ref,
            batch_id=batch.id,
            agency_id=settlement.agency_id,
            settlement_id=settlement.id,
            bank_detail_id=moved.to_detail_id if moved else settlement.bank_detail_id,
            repointing_id=moved.id if moved else None,
            amount_minor=payable_minor(settlement),
            currency=settlement.currency,
            idempotency_key=f"payout:{ref}",
            created_at=now,
            updated_at=now,
        )
        session.add(payout)
        move(session, settlement, "pay", next_settlement_status(settlement.status, "pay"), actor=actor, now=now)
        hold(session, payout, settlement.ref, actor, now)
        payouts.append(payout)
    session.flush()
    return payouts


def hold(session: Session, payout: Payout, settlement_ref: str, actor: Actor, now: datetime) -> None:
    """The ledger's hold: no longer payable, under way."""
    post(
        session,
        f"J-{payout.ref}",
        sent_lines(payout.amount_minor),
        kind="payout",
        subject_ref=payout.ref,
        narration=f"Payout of {settlement_ref}",
        agency_id=payout.agency_id,
        currency=payout.currency,
        actor=actor,
        now=now,
    )


def batch_facts(session: Session, batch: PayoutBatch, payouts: list[Payout], serial: int) -> BatchFacts:
    """What the file is made of, as the rows stand when the batch is made."""
    lender = session.scalars(select(Lender).order_by(Lender.id)).first()
    if lender is None:
        raise Invalid(Problem("missing_setting", "The lender is not set.", "Set it under Settings."))
    return BatchFacts(
        ref=batch.ref,
        serial=serial,
        made_on=bank_day(batch.made_at),
        debit_account=lender.debit_account_no,
        debit_ifsc=lender.debit_ifsc,
        corporate_id=_corporate_id(lender.name),
        instructions=tuple(instruction_of(session, payout) for payout in payouts),
        made_at=batch.made_at.astimezone(BANK_ZONE),
        debtor_name=lender.name,
    )


def _corporate_id(name: str) -> str:
    return "".join(letter for letter in name.upper() if letter.isascii() and letter.isalnum())[:20]


def instruction_of(session: Session, payout: Payout) -> Instruction:
    """The payout as its rail needs it."""
    detail = session.get_one(AgencyBankDetail, payout.bank_detail_id)
    agency = session.get_one(Agency, payout.agency_id)
    settlement = session.get_one(Settlement, payout.settlement_id)
    return Instruction(
        ref=payout.ref,
        amount_minor=payout.amount_minor,
        currency=payout.currency,
        beneficiary=Beneficiary(
            detail.account_holder, detail.account_no, detail.ifsc, agency.email or "", agency.country
        ),
        remark=f"{settlement.ref} commission {settlement.period_start:%B %Y}",
        destination=payout.destination,
        pointed_by=proof_of(session, payout),
        provider_ref=payout.provider_ref or "",
    )


def approve_batch(
    session: Session,
    store: FileStore,
    ref: str,
    *,
    actor: Actor,
    now: datetime,
    expected_file: str | None = None,
) -> PayoutBatch:
    """A second person approves count, total and file hash as shown. The file is read and hashed again before it counts.

    Above the amount that asks for three people, the batch waits as `checked` for one more.
    """
    refuse_machine(actor, "approve a payout batch")
    batch = load_batch(session, ref)
    refuse_while_stopped(session, batch.rail)
    session.refresh(batch, with_for_update={"key_share": True})
    after = next_batch_status(batch.status, "approve")
    if expected_file is not None and expected_file != signed_of(session, batch):
        raise Stale()
    _refuse_altered(session, store, batch)
    refuse_changed(session, batch, now=now)
    refuse_payee_changer(session, [payout.bank_detail_id for payout in payouts_of(session, batch)], actor)
    if not _key(session, batch, "approved", actor, now).done:
        checked: dict[str, Any] = {"checked_by": actor.email, "checked_at": now}
        return move_batch(
            session, batch, "check", next_batch_status(batch.status, "check"), actor=actor, now=now, **checked
        )
    return move_batch(session, batch, "approve", after, actor=actor, now=now, approved_by=actor.email, approved_at=now)


def _key(session: Session, batch: PayoutBatch, act: str, actor: Actor, now: datetime) -> KeyState:
    """One person's key to a batch; a batch has one round, since what is wrong is made anew."""
    return turn_key(
        session,
        "batch",
        batch.ref,
        1,
        act,
        actor=actor,
        signed=signed_of(session, batch),
        amount_minor=batch.total_minor,
        currency=batch.currency,
        now=now,
        never=(batch.made_by,) if act == "approved" else (),
    )


def signed_of(session: Session, batch: PayoutBatch) -> str:
    """What an approver signs: the file's hash; without a file the hash of every frozen request in its order."""
    if batch.file_sha256:
        return batch.file_sha256
    requests = [payout.request for payout in payouts_of(session, batch)]
    return hashlib.sha256("\n".join(requests).encode()).hexdigest()


def _refuse_altered(session: Session, store: FileStore, batch: PayoutBatch) -> None:
    """The file and the payouts must still be what the batch says."""
    payouts = payouts_of(session, batch)
    sums = (len(payouts), sum(payout.amount_minor for payout in payouts))
    try:
        whole = not batch.file_sha256 or bool(store.read(batch.file_sha256))
    except (OSError, FileDamaged):
        whole = False
    if not whole or sums != (batch.count, batch.total_minor):
        message = f"{batch.ref} is not what was made: its file or its payouts changed."
        raise Refused(message, code="altered", cure="Reject it and run: portal verify")


def reject_batch(session: Session, ref: str, *, actor: Actor, now: datetime, reason: str) -> PayoutBatch:
    """Take a batch back before it is sent: its settlements are payable again."""
    refuse_machine(actor, "reject a payout batch")
    if not reason.strip():
        raise Invalid(Problem("missing_reason", "A rejection needs a reason.", "Say what is wrong.", column="reason"))
    batch = load_batch(session, ref)
    after = next_batch_status(batch.status, "reject")
    move_batch(session, batch, "reject", after, actor=actor, now=now)
    for payout in payouts_of(session, batch):
        move_payout(session, payout, "cancel", actor=actor, now=now, reason=reason.strip())
        reverse(session, f"J-{payout.ref}", narration=f"Batch {batch.ref} rejected", actor=actor, now=now)
        settlement = session.get_one(Settlement, payout.settlement_id)
        back = next_settlement_status(settlement.status, "cancel")
        move(session, settlement, "cancel", back, actor=actor, now=now, comment=reason.strip())
    return batch
