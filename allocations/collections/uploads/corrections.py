"""A receipt reported again with other facts: proposed by a file, decided by the bank, both versions kept.

Money that is tied to a receipt, or a correction that is still open, stands in the way of another one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from allocations.collections.models import Collection, CollectionCorrection
from allocations.collections.receipts.cash_queries import lock_collections
from allocations.collections.uploads.correction_checks import refuse_impossible
from allocations.placements.models import Allocation
from allocations.placements.tails import tail_days
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.db import scope_of
from portal.kernel.errors import Invalid, NotFound, Problem, Refused, Stale

LONGEST_REASON = 500
RUNS = 7_266_321  # the lock a reconciliation holds alone (allocations/reconciliation/running/locks.py)
TRANSITIONS: dict[tuple[str, str], str] = {
    ("proposed", "accept"): "accepted",
    ("proposed", "decline"): "declined",
    ("proposed", "withdraw"): "withdrawn",
}

# What a place in the world changes: these decide under which allocation a receipt counts.
PLACED_BY = {"loan_account_no", "collected_on"}


def move(correction: CollectionCorrection, action: str) -> None:
    """Refused for a move that the lifecycle does not know."""
    to = TRANSITIONS.get((correction.status, action))
    if to is None:
        raise Refused(f"{correction.ref} is {correction.status}; it cannot be changed any more.", code="not_open")
    correction.status = to


def load_correction(session: Session, ref: str, *, agency_id: int | None = None) -> CollectionCorrection:
    """The correction, locked. NotFound for another agency's as for none."""
    query = select(CollectionCorrection).where(CollectionCorrection.ref == ref).with_for_update()
    if agency_id is not None:
        query = query.where(CollectionCorrection.agency_id == agency_id)
    found = session.scalars(query.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound("There is no such correction.")
    return found


def accept_correction(
    session: Session, correction: CollectionCorrection, *, reason: str = "", actor: Actor, now: datetime
) -> Collection:
    """Make the proposed facts the receipt's own; the database keeps the row as it was. `correction` is loaded by load_correction.

    Refused when money is tied to the receipt, when it changed since, when its account was not with the agency on that day, when no
    receipt could have been reported like that (correction_checks.py), or when the decider proposed it.
    """
    # A run that read the receipt as it was would tie money to what it no longer says.
    session.execute(select(func.pg_advisory_xact_lock_shared(RUNS)))
    lock_collections(session, correction.agency_id)
    collection = collection_of(session, correction)
    refuse_stale(correction, collection, actor)
    values = values_of(session, correction, collection)
    refuse_impossible(session, collection, values)
    move(correction, "accept")
    decided(correction, reason, actor, now)
    session.flush()
    apply(session, correction, collection, values)
    tell(session, correction, "accepted", actor, now)
    return collection


def decline_correction(
    session: Session, correction: CollectionCorrection, *, reason: str, actor: Actor, now: datetime
) -> None:
    """The receipt stays as it was reported. The agency reads the reason."""
    if len(reason.strip()) < 3:
        raise Invalid(Problem("reason_needed", "Say why it is declined.", "The agency reads it.", column="reason"))
    if actor.email == correction.proposed_by:
        raise Refused("Who proposed a correction does not decide on it.", code="is_not_the_maker")
    move(correction, "decline")
    decided(correction, reason, actor, now)
    tell(session, correction, "declined", actor, now)


def withdraw_correction(session: Session, correction: CollectionCorrection, *, actor: Actor, now: datetime) -> None:
    """The agency thinks better of it."""
    move(correction, "withdraw")
    tell(session, correction, "withdrawn", actor, now)


def decided(correction: CollectionCorrection, reason: str, actor: Actor, now: datetime) -> None:
    correction.decided_by, correction.decided_at = actor.email, now
    correction.decision_reason = reason.strip()[:LONGEST_REASON] or None


def collection_of(session: Session, correction: CollectionCorrection) -> Collection:
    query = select(Collection).where(Collection.id == correction.collection_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def refuse_stale(correction: CollectionCorrection, collection: Collection, actor: Actor) -> None:
    if actor.email == correction.proposed_by:
        raise Refused("Who proposed a correction does not decide on it.", code="is_not_the_maker")
    if collection.linked_minor or collection.written_off_minor:
        message = f"Money at the bank is tied to {collection.receipt_no}; what it stands for cannot change."
        raise Refused(message, code="receipt_linked", cure="Take the link apart first, or decline the correction.")
    for name, was in correction.was.items():
        stands = getattr(collection, name)
        if (stands.isoformat() if hasattr(stands, "isoformat") else stands) != was:
            raise Stale(f"{collection.receipt_no} has changed since this correction was proposed.")


def values_of(session: Session, correction: CollectionCorrection, collection: Collection) -> dict[str, Any]:
    """The columns to set; another account or day means another allocation."""
    values = dict(correction.proposed)
    if not PLACED_BY & set(values):
        return values
    account = values.get("loan_account_no", collection.loan_account_no)
    day = values.get("collected_on", collection.collected_on)
    tail = tail_days(session, correction.agency_id, scope_of(session).today)
    held = Allocation.term.contains(func.date(day))
    ended_shortly = (func.date(day) - Allocation.to_on).between(1, tail)
    found = session.scalars(
        select(Allocation)
        .where(
            Allocation.agency_id == correction.agency_id,
            Allocation.loan_account_no == account,
            held | ended_shortly,
        )
        .order_by(held.desc(), Allocation.stream, Allocation.to_on.desc(), Allocation.id)
        .limit(1)
    ).first()
    if found is None:
        raise Refused(f"The agency did not hold {account} on {day}.", code="not_allocated")
    return values | {"allocation_id": found.id, "loan_account_id": found.loan_account_id}


KINDS = {"collected_on": "date", "collected_time": "time"}


def apply(session: Session, correction: CollectionCorrection, collection: Collection, values: dict[str, Any]) -> None:
    """Change the row under the correction's name: the database checks it, keeps the old row and seals the new one."""
    session.execute(text("select set_config('portal.correction', :id, true)"), {"id": str(correction.id)})
    assigned = ", ".join(
        f"{name} = cast(:{name} as {KINDS[name]})" if name in KINDS else f"{name} = :{name}" for name in values
    )
    session.execute(
        text(f"update collections set {assigned}, version = version + 1 where id = :this_collection"),
        {**values, "this_collection": collection.id},
    )
    session.execute(text("select set_config('portal.correction', '', true)"))
    session.refresh(collection)


def tell(session: Session, correction: CollectionCorrection, decision: str, actor: Actor, now: datetime) -> None:
    record_event(
        session,
        AuditTag.CORRECTION_MOVED,
        actor=actor,
        subject_type="correction",
        subject_ref=correction.ref,
        agency_id=correction.agency_id,
        now=now,
        data={
            "decision": decision,
            "facts": sorted(correction.proposed),
            "collection": correction.collection_id,
            "reason": correction.decision_reason or "",
        },
    )
