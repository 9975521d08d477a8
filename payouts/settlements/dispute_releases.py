"""What was kept of a statement while a line was disputed, and is owed in a later one: the lines a draft takes up."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, func, or_, select, text
from sqlalchemy.orm import Session, aliased

from payouts.rails.lifecycle import PAYABLE_AGAIN
from payouts.rails.models import Payout
from payouts.settlements.dispute_models import Dispute
from payouts.settlements.lifecycle import IN_THE_LEDGER
from payouts.settlements.models import Settlement, SettlementLine
from portal.kernel.periods import Period

# Nobody argues about it any more, and it did not go back to its own statement before that was paid.
ENDED = ("decided", "withdrawn")


def releases(session: Session, agency_id: int, period: Period) -> list[tuple[int, str, int]]:
    """(dispute id, description, amount in minor units) of money kept of statements before a month that no other month took up.

    An agency's session writes disputes: nothing is paid out of a statement whose disputes do not come to what was kept of it, nor
    of one that was paid whole.
    """
    taken = (
        select(SettlementLine.dispute_id)
        .join(Settlement, Settlement.id == SettlementLine.settlement_id)
        .where(SettlementLine.agency_id == agency_id, SettlementLine.dispute_id.is_not(None))
        .where(Settlement.status != "void", Settlement.period_start != period.start)
    )
    query = (
        select(Dispute.id, Dispute.ref, Dispute.held_minor, Dispute.complaint_ref, Settlement.ref.label("settlement"))
        .join(Settlement, Settlement.id == Dispute.settlement_id)
        .where(Dispute.agency_id == agency_id, Dispute.status.in_(ENDED), Dispute.held_minor > 0)
        .where(Dispute.freed_at.is_(None), Settlement.status.in_(IN_THE_LEDGER))
        .where(Settlement.period_start < period.start, Dispute.id.not_in(taken))
        .where(_kept_of(Settlement.id).scalar_subquery() == Settlement.disputed_minor)
        .where(_paid_of(Settlement.id).scalar_subquery() + Settlement.disputed_minor <= Settlement.net_minor)
        .order_by(Dispute.id)
    )
    return [
        (row.id, f"Released: kept of {row.settlement} during {_matter(row)}", row.held_minor)
        for row in session.execute(query)
    ]


def _matter(row: Any) -> str:
    return f"complaint {row.complaint_ref}" if row.complaint_ref else f"dispute {row.ref}"


def kept_minor(session: Session, settlement_id: int) -> int:
    """What the disputes of a statement keep of it, or kept until a later one paid it out, in minor units."""
    return session.scalar(_kept_of(settlement_id)) or 0


def _kept_of(settlement_id: Any) -> Select[int]:
    kept, live = aliased(Dispute), aliased(Settlement)
    released = select(SettlementLine.id).join(live, live.id == SettlementLine.settlement_id)
    released = released.where(SettlementLine.dispute_id == kept.id, live.status != "void")
    query = select(func.coalesce(func.sum(kept.held_minor), 0)).where(kept.settlement_id == settlement_id)
    return query.where(or_(kept.freed_at.is_(None), released.exists()))


def _paid_of(settlement_id: Any) -> Select[int]:
    """What payouts have taken of a statement, or may have."""
    query = select(func.coalesce(func.sum(Payout.amount_minor), 0)).where(Payout.settlement_id == settlement_id)
    return query.where(Payout.status.not_in(PAYABLE_AGAIN))


RELEASED = text("""
select d.id, s.ref from disputes d
  join settlement_lines l on l.dispute_id = d.id
  join settlements s on s.id = l.settlement_id and s.status <> 'void'
 where d.id = any(:disputes)
""")


def released_in(session: Session, dispute_ids: list[int]) -> dict[int, str]:
    """Dispute id → the settlement whose line pays out what was kept."""
    return {row.id: row.ref for row in session.execute(RELEASED, {"disputes": dispute_ids})}
