"""What was approved must still be what is paid: asked when a batch is made, when it is approved, and when it is sent."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.ledger.service import bank_day
from payouts.rails.models import Payout, PayoutBatch
from payouts.rails.moves import payouts_of
from payouts.rails.payees import why_not_usable
from payouts.rails.stops import stop_of_agency
from payouts.settlements.destination import detail_id_of
from payouts.settlements.dispute_releases import kept_minor
from payouts.settlements.invoices import why_payment_waits
from payouts.settlements.models import Settlement
from payouts.settlements.queries import payable_minor
from payouts.settlements.statement import hash_of
from portal.kernel.errors import Refused


def why_not_payable(session: Session, settlement: Settlement, *, now: datetime) -> str:
    """Why a settlement may not be paid now; empty when it may. The same statement, the same account, no stop of the agency's money."""
    if settlement.statement_text is None or hash_of(settlement.statement_text) != settlement.hash:
        return "Its statement is not the one that was approved. Run: portal verify"
    if settlement.disputed_minor != kept_minor(session, settlement.id):
        return "What is kept of it is not what its disputes keep. Run: portal verify"
    if stop := stop_of_agency(session, settlement.agency_id):
        return f"The agency's money is held: {stop.reason}"
    if waits := why_payment_waits(session, settlement, bank_day(now)):
        return waits
    return why_not_usable(session, settlement, now=now)


def why_not_payout(session: Session, payout: Payout, *, now: datetime) -> str:
    """Why a payout may not leave now: what its settlement says, and that it still is what was made."""
    settlement = session.get_one(Settlement, payout.settlement_id, populate_existing=True)
    if settlement.status != "paying":
        return f"Its settlement is {settlement.status}."
    if payout.amount_minor != payable_minor(settlement):
        return "Another amount is payable now."
    if payout.bank_detail_id != detail_id_of(session, settlement):
        return "It would go to other bank details than the settlement's."
    return why_not_payable(session, settlement, now=now)


def refuse_changed(session: Session, batch: PayoutBatch, *, now: datetime) -> None:
    """Refused with every payout of the batch that may not leave as it is."""
    said = [
        f"{payout.ref}: {why}"
        for payout in payouts_of(session, batch)
        if payout.status == "queued" and (why := why_not_payout(session, payout, now=now))
    ]
    if said:
        cure = f"Take {batch.ref} back and make a new batch; the others go on."
        raise Refused(" ".join(said), code="basis_changed", cure=cure)


def agencies_of(session: Session, batch: PayoutBatch) -> list[Agency]:
    """Whom a batch pays."""
    ids = select(Payout.agency_id).where(Payout.batch_id == batch.id)
    return list(session.scalars(select(Agency).where(Agency.id.in_(ids)).order_by(Agency.id)))
