"""Payout batches: made by one person, approved by another who sees count, total and file hash. Intent first, always.

Making a batch writes, in one transaction, the payouts with their keys, the settlements' step, the ledger's hold, the file's
bytes and the audit events. Nothing leaves here before that is committed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, AgencyBankDetail, Lender
from payouts.ledger.journal import sent_lines
from payouts.ledger.service import bank_day, post, reverse
from payouts.rails.bank_file import BankFileRail, bank_file_rail
from payouts.rails.lifecycle import next_batch_status, next_payout_status
from payouts.rails.models import Payout, PayoutBatch
from payouts.rails.profiles import PROFILES
from payouts.rails.protocol import BatchFacts, Beneficiary, Instruction
from payouts.settlements.drafting import current_bank_detail
from payouts.settlements.lifecycle import PAYABLE
from payouts.settlements.lifecycle import next_status as next_settlement_status
from payouts.settlements.models import Settlement
from payouts.settlements.service import move, refuse_machine
from payouts.settlements.statement import hash_of
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Forbidden, Invalid, NotFound, Problem, Refused, Stale
from portal.kernel.files import FileDamaged, FileStore, store_file
from portal.kernel.periods import Period

DEFAULT_PROFILE = "enet_csv"


@dataclass
class MadeBatch:
    """A new batch and the settlements that had to stay out of it, each with its reason."""

    batch: PayoutBatch
    skipped: list[dict[str, str]] = field(default_factory=list)


def rail_named(name: str) -> BankFileRail:
    """`bank_file` (the default layout), `bank_file:enet_csv`, or a layout's own name. Invalid for any other."""
    rail, _, profile = name.strip().partition(":")
    if rail == "bank_file":
        return bank_file_rail(profile or DEFAULT_PROFILE)
    if rail in PROFILES:
        return bank_file_rail(rail)
    cure = f"Use bank_file, or bank_file:PROFILE with one of: {', '.join(sorted(PROFILES))}."
    raise Invalid(Problem("unknown_rail", f"There is no rail {name!r} here.", cure, column="rail", value=name))


def load_batch(session: Session, ref: str) -> PayoutBatch:
    batch = session.scalars(select(PayoutBatch).where(PayoutBatch.ref == ref)).one_or_none()
    if batch is None:
        raise NotFound(f"There is no payout batch {ref}.")
    return batch


def payouts_of(session: Session, batch: PayoutBatch) -> list[Payout]:
    return list(session.scalars(select(Payout).where(Payout.batch_id == batch.id).order_by(Payout.id)))


def make_batch(
    session: Session, store: FileStore, period: Period, rail_name: str, *, actor: Actor, now: datetime
) -> MadeBatch:
    """Every payable settlement of the month into one batch with its file. Refused when nothing is payable."""
    refuse_machine(actor, "pay")
    rail = rail_named(rail_name)
    session.execute(text("select pg_advisory_xact_lock(hashtext('payout batches'))"))
    ready, skipped = _payable(session, period)
    if not ready:
        message = f"Nothing of {period.label} is waiting to be paid."
        reasons = " ".join(f"{each['settlement']}: {each['reason']}" for each in skipped)
        raise Refused(message, code="nothing_to_pay", cure=reasons or "Approve a settlement first.")
    serial = (session.scalar(select(func.count()).select_from(PayoutBatch)) or 0) + 1
    batch = PayoutBatch(
        ref=_batch_ref(session, period),
        period_start=period.start,
        rail=rail.name,
        profile=rail.profile.name,
        count=len(ready),
        total_minor=sum(settlement.net_minor for settlement in ready),
        currency=ready[0].currency,
        made_by=actor.email,
        made_at=now,
    )
    session.add(batch)
    session.flush()
    payouts = _queue(session, batch, ready, period, actor, now)
    prepared = rail.prepare(batch_facts(session, batch, payouts, serial))
    stored = store_file(
        session,
        store,
        prepared.data,
        name=prepared.name,
        media_type=prepared.media_type,
        agency_id=None,
        actor=actor,
        now=now,
    )
    batch.file_sha256, batch.file_name = stored.sha256, prepared.name
    session.flush()
    data = {"rail": rail_name, "count": batch.count, "total": batch.total_minor, "period": period.label}
    _record(session, AuditTag.BATCH_MADE, batch, data, actor, now)
    return MadeBatch(batch, skipped)


def _payable(session: Session, period: Period) -> tuple[list[Settlement], list[dict[str, str]]]:
    """The month's settlements that may be paid, locked, and those that may not with the reason."""
    query = (
        select(Settlement)
        .where(Settlement.period_start == period.start, Settlement.status.in_(PAYABLE), Settlement.net_minor > 0)
        .order_by(Settlement.ref)
        .with_for_update()
    )
    ready: list[Settlement] = []
    skipped: list[dict[str, str]] = []
    for settlement in session.scalars(query):
        reason = _why_not(session, settlement)
        if not reason and ready and settlement.currency != ready[0].currency:
            reason = f"It is in {settlement.currency}; one batch carries one currency. Make another batch for it."
        if reason:
            skipped.append({"settlement": settlement.ref, "reason": reason})
        else:
            ready.append(settlement)
    return ready, skipped


def _why_not(session: Session, settlement: Settlement) -> str:
    """What was approved must still be what is paid: the same text, the same bank account."""
    if settlement.statement_text is None or hash_of(settlement.statement_text) != settlement.hash:
        return "Its statement is not the one that was approved. Run: portal verify"
    if settlement.bank_detail_id != current_bank_detail(session, settlement.agency_id):
        return "The agency's bank details changed after approval."
    agency = session.get_one(Agency, settlement.agency_id)
    return "The agency is suspended." if agency.status == "suspended" else ""


def _batch_ref(session: Session, period: Period) -> str:
    made = session.scalar(select(func.count()).select_from(PayoutBatch).where(PayoutBatch.period_start == period.start))
    return f"B{period.start:%y%m}-{(made or 0) + 1:02d}"


def _queue(
    session: Session, batch: PayoutBatch, ready: list[Settlement], period: Period, actor: Actor, now: datetime
) -> list[Payout]:
    """Write the intents: payout and key, settlement under way, the ledger's hold."""
    prefix = f"P{period.start:%y%m}-"
    made = session.scalar(select(func.count()).select_from(Payout).where(Payout.ref.startswith(prefix))) or 0
    payouts = []
    for number, settlement in enumerate(ready, start=made + 1):
        ref = f"{prefix}{number:04d}"
        payout = Payout(
            ref=ref,
            batch_id=batch.id,
            agency_id=settlement.agency_id,
            settlement_id=settlement.id,
            bank_detail_id=settlement.bank_detail_id,
            amount_minor=settlement.net_minor,
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
    """What the file is made of, from rows that never change."""
    lender = session.scalars(select(Lender).order_by(Lender.id)).first()
    missing = [
        Problem("missing_setting", f"The lender's {label} is not set.", "Set it under Settings.", column=label)
        for label, value in (
            ("debit account", lender.debit_account_no if lender else ""),
            ("debit IFSC", lender.debit_ifsc if lender else ""),
        )
        if not value and batch.profile != DEFAULT_PROFILE
    ]
    if missing or lender is None:
        raise Invalid(missing)
    return BatchFacts(
        ref=batch.ref,
        serial=serial,
        made_on=bank_day(batch.made_at),
        debit_account=lender.debit_account_no,
        debit_ifsc=lender.debit_ifsc,
        corporate_id=_corporate_id(lender.name),
        instructions=tuple(_instruction(session, payout) for payout in payouts),
    )


def _corporate_id(name: str) -> str:
    return "".join(letter for letter in name.upper() if letter.isascii() and letter.isalnum())[:20]


def _instruction(session: Session, payout: Payout) -> Instruction:
    detail = session.get_one(AgencyBankDetail, payout.bank_detail_id)
    agency = session.get_one(Agency, payout.agency_id)
    settlement = session.get_one(Settlement, payout.settlement_id)
    return Instruction(
        ref=payout.ref,
        amount_minor=payout.amount_minor,
        currency=payout.currency,
        beneficiary=Beneficiary(detail.account_holder, detail.account_no, detail.ifsc, agency.email or ""),
        remark=f"{settlement.ref} commission {settlement.period_start:%B %Y}",
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
    """A second person approves count, total and file hash as shown. The file is read and hashed again before it counts."""
    refuse_machine(actor, "approve a payout batch")
    batch = load_batch(session, ref)
    after = next_batch_status(batch.status, "approve")
    if batch.made_by == actor.email:
        raise Forbidden(
            f"{batch.ref} was made by {batch.made_by}: another person approves it.",
            code="maker_is_checker",
            cure="Ask another approver.",
        )
    if expected_file is not None and expected_file != batch.file_sha256:
        raise Stale()
    _refuse_altered(session, store, batch)
    return move_batch(session, batch, "approve", after, actor=actor, now=now, approved_by=actor.email, approved_at=now)


def _refuse_altered(session: Session, store: FileStore, batch: PayoutBatch) -> None:
    """The file and the payouts must still be what the batch says."""
    payouts = payouts_of(session, batch)
    sums = (len(payouts), sum(payout.amount_minor for payout in payouts))
    try:
        store.read(batch.file_sha256 or "")
        whole = True
    except (OSError, FileDamaged):
        whole = False
    if not whole or sums != (batch.count, batch.total_minor):
        message = f"{batch.ref} is not what was made: its file or its payouts changed."
        raise Refused(message, code="altered", cure="Reject it and run: portal verify")


def reject_batch(session: Session, ref: str, *, actor: Actor, now: datetime, reason: str) -> PayoutBatch:
    """Take a batch back before it is approved: its settlements are payable again."""
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


def move_batch(
    session: Session, batch: PayoutBatch, action: str, after: str, *, actor: Actor, now: datetime, **values: Any
) -> PayoutBatch:
    """Compare and set, with its audit event; Stale when someone was faster."""
    before, version = batch.status, batch.lock_version
    moved = session.execute(
        update(PayoutBatch)
        .where(PayoutBatch.id == batch.id, PayoutBatch.lock_version == version, PayoutBatch.status == before)
        .values(status=after, lock_version=version + 1, **values)
        .execution_options(synchronize_session=False)
        .returning(PayoutBatch.id)
    ).all()
    if not moved:
        raise Stale(f"{batch.ref} changed while you were looking at it. Open it again and decide anew.")
    session.refresh(batch)
    data = {
        "action": action,
        "before": before,
        "after": after,
        "file": batch.file_sha256,
        "count": batch.count,
        "total": batch.total_minor,
    }
    _record(session, AuditTag.BATCH_MOVED, batch, data, actor, now)
    return batch


def move_payout(session: Session, payout: Payout, action: str, *, actor: Actor, now: datetime, **values: Any) -> Payout:
    """One step of a payout, compare and set, with its audit event."""
    before = payout.status
    after = next_payout_status(before, action)
    moved = session.execute(
        update(Payout)
        .where(Payout.id == payout.id, Payout.status == before)
        .values(status=after, updated_at=now, **values)
        .execution_options(synchronize_session=False)
        .returning(Payout.id)
    ).all()
    if not moved:
        raise Stale(f"{payout.ref} moved on while it was being handled. Look at it again.")
    session.refresh(payout)
    record_event(
        session,
        AuditTag.PAYOUT_MOVED,
        actor=actor,
        subject_type="payout",
        subject_ref=payout.ref,
        now=now,
        agency_id=payout.agency_id,
        data={
            "action": action,
            "before": before,
            "after": after,
            "amount": payout.amount_minor,
            "provider_ref": payout.provider_ref,
            "reason": payout.reason,
        },
    )
    return payout


def _record(
    session: Session, tag: AuditTag, batch: PayoutBatch, data: dict[str, Any], actor: Actor, now: datetime
) -> None:
    record_event(session, tag, actor=actor, subject_type="payout_batch", subject_ref=batch.ref, now=now, data=data)
