"""Where an agency may be paid now, and what proves it where that is not what the statement says."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from allocations.agencies import bank_details
from payouts.rails.models import Payout
from payouts.settlements.destination import Pointed, detail_id_of, hash_of_repointing, pointed
from payouts.settlements.models import Settlement
from payouts.settlements.repointing_models import SettlementRepointing


def last_pointed(session: Session, settlement: Settlement) -> Pointed | None:
    """The re-pointing that says where a settlement is paid; None when its statement does."""
    return next(reversed(pointed(session, settlement.id)), None)


def proof_of(session: Session, payout: Payout) -> str:
    """The hash of the re-pointing a payout goes by; empty when it goes where the statement says."""
    return session.get_one(SettlementRepointing, payout.repointing_id).hash if payout.repointing_id else ""


def why_not_usable(session: Session, settlement: Settlement, *, now: datetime) -> str:
    """Why nothing may be paid on a settlement to where it points; empty when that is the agency's account and has waited its time."""
    if why := why_not_proved(session, settlement):
        return why
    found = bank_details.current(session, settlement.agency_id)
    if found is None or detail_id_of(session, settlement) != found.id:
        return (
            "The agency's bank details changed after approval: take the approval back, and the month is drafted anew;"
            " or, where that cannot be, point it to the new ones."
        )
    return bank_details.why_not_usable(session, settlement.agency_id, now=now)


def why_not_proved(session: Session, settlement: Settlement) -> str:
    """Why its re-pointings do not lead from the statement to where it is paid; empty when they do, or there are none."""
    before, stands = settlement.hash, settlement.bank_detail_id
    for each in pointed(session, settlement.id):
        row = session.get_one(SettlementRepointing, each.id)
        signed = (each.statement_hash, each.from_detail_id, hash_of_repointing(session, row, before))
        if signed != (settlement.hash, stands, each.hash):
            return f"{each.ref} is not what two people signed. Run: portal verify"
        before, stands = each.hash, each.to_detail_id
    return ""
