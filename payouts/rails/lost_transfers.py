"""What a provider made in the time a restore lost, and nobody here knows of: for people to settle before the stop is lifted.

Payouts the backup has are looked up one by one (`open_intents`). One that was made and sent since the backup is not in it, so nobody
would ask; the provider has it all the same. Nothing is entered by itself: what the list names was paid, and is recorded by hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.rails.models import Payout
from payouts.rails.protocol import Made
from payouts.rails.provider_models import ConnectedAccount


@dataclass(frozen=True, slots=True)
class LostTransfer:
    """Money that left, under a reference no payout here has, or one that was taken back unsent. `agency_id` by its account, if known."""

    made: Made
    agency_id: int | None


def lost_transfers(session: Session, made: Iterable[Made]) -> list[LostTransfer]:
    """Of what a provider made since the backup, what no payout here stands for; the oldest first."""
    told: Sequence[Made] = sorted(made, key=lambda each: (each.made_at, each.provider_ref))
    refs = {each.ref for each in told if each.ref}
    known = set(session.scalars(select(Payout.ref).where(Payout.ref.in_(refs), Payout.status != "void")))
    accounts = {each.destination for each in told}
    rows = select(ConnectedAccount.account_id, ConnectedAccount.agency_id)
    agencies = {
        row.account_id: row.agency_id for row in session.execute(rows.where(ConnectedAccount.account_id.in_(accounts)))
    }
    return [LostTransfer(each, agencies.get(each.destination)) for each in told if each.ref not in known]


def began(lost_since: Iterable[datetime | None]) -> datetime | None:
    """Where the lost time begins: the oldest backup a standing stop is of; None when nothing is lost."""
    return min((each for each in lost_since if each is not None), default=None)
