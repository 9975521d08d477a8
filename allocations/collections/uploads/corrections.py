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
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.db import scope_of
from portal.kernel.errors import Refused, Stale
from portal.kernel.proposals import Proposals

RUNS = 7_266_321  # the lock a reconciliation holds alone (allocations/reconciliation/running/locks.py)
# What a place in the world changes: these decide under which allocation a receipt counts.
PLACED_BY = {"loan_account_no", "collected_on"}


def _facts(correction: CollectionCorrection) -> dict[str, Any]:
    facts = sorted(correction.proposed)
    return {"decision": correction.status, "facts": facts, "collection": correction.collection_id}


PROPOSALS = Proposals(
    *(CollectionCorrection, "a correction", AuditTag.CORRECTION_MOVED, "correction"),
    ref=lambda correction: correction.ref,
    named=lambda correction: correction.ref,
    facts=_facts,
    reason_cure="The agency reads it.",
)


def load_correction(session: Session, ref: str, *, agency_id: int | None = None) -> CollectionCorrection:
    """The correction, locked. NotFound for another agency's as for none."""
    return PROPOSALS.load(session, ref=ref, agency_id=agency_id)


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
    PROPOSALS.may_decide(correction, "accept", reason=reason, actor=actor)
    collection = collection_of(session, correction)
    refuse_stale(correction, collection)
    values = values_of(session, correction, collection)
    refuse_impossible(session, collection, values)
    PROPOSALS.decide(session, correction, "accept", reason=reason, actor=actor, now=now)
    apply(session, correction, collection, values)
    return collection


def decline_correction(
    session: Session, correction: CollectionCorrection, *, reason: str, actor: Actor, now: datetime
) -> None:
    """The receipt stays as it was reported. The agency reads the reason."""
    PROPOSALS.decide(session, correction, "decline", reason=reason, actor=actor, now=now)


def withdraw_correction(session: Session, correction: CollectionCorrection, *, actor: Actor, now: datetime) -> None:
    """The agency thinks better of it."""
    PROPOSALS.move(session, correction, "withdraw", actor=actor, now=now)


def collection_of(session: Session, correction: CollectionCorrection) -> Collection:
    query = select(Collection).where(Collection.id == correction.collection_id).with_for_update()
    return session.scalars(query.execution_options(populate_existing=True)).one()


def refuse_stale(correction: CollectionCorrection, collection: Collection) -> None:
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
