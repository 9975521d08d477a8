"""What an agency contests, and where its money goes instead: disputes and re-pointings as nodes of a trace."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.commission.event_models import ManualAdjustment
from payouts.settlements.dispute_models import Dispute
from payouts.settlements.disputes import AGENCY_COLUMNS
from payouts.settlements.models import SettlementLine
from payouts.settlements.repointing_models import SettlementRepointing
from payouts.trace_shape import Ids, Node, facts_of
from portal.kernel.money import plain

OPEN_OF_A_DISPUTE = AGENCY_COLUMNS
OPEN_OF_A_REPOINTING = (
    *(SettlementRepointing.id, SettlementRepointing.ref, SettlementRepointing.agency_id, SettlementRepointing.status),
    *(SettlementRepointing.settlement_id, SettlementRepointing.number, SettlementRepointing.reason),
    *(SettlementRepointing.statement_hash, SettlementRepointing.hash, SettlementRepointing.decided_at),
    *(SettlementRepointing.from_detail_id, SettlementRepointing.to_detail_id),
)


def add_contested(session: Session, ids: Ids) -> None:
    """From disputes to the lines they are about and those that pay them out; or from settlements to their disputes and re-pointings."""
    if ids["repointing"]:
        query = select(SettlementRepointing.settlement_id).where(SettlementRepointing.id.in_(ids["repointing"]))
        ids.add("settlement", session.scalars(query))
    if ids["dispute"]:
        about = select(Dispute.settlement_id, Dispute.settlement_line_id, Dispute.collection_id, Dispute.adjustment_ref)
        for row in session.execute(about.where(Dispute.id.in_(ids["dispute"]))):
            ids.add("settlement", [row.settlement_id])
            ids.add("statement_line", [row.settlement_line_id])
            ids.add("collection", [row.collection_id])
            entered = select(ManualAdjustment.id).where(ManualAdjustment.ref == row.adjustment_ref)
            ids.add("adjustment", session.scalars(entered))
        released = select(SettlementLine.id).where(SettlementLine.dispute_id.in_(ids["dispute"]))
        ids.add("statement_line", session.scalars(released))


def add_around(session: Session, ids: Ids) -> None:
    """The disputes of the chain's lines, and what says where its settlements are paid."""
    if ids["statement_line"]:
        paid_out = select(SettlementLine.dispute_id).where(SettlementLine.id.in_(ids["statement_line"]))
        about = select(Dispute.id).where(
            Dispute.settlement_line_id.in_(ids["statement_line"]) | Dispute.id.in_(paid_out),
            Dispute.status != "withdrawn",
        )
        ids.add("dispute", session.scalars(about.order_by(Dispute.id)))
    if ids["settlement"]:
        moved = select(SettlementRepointing.id).where(
            SettlementRepointing.settlement_id.in_(ids["settlement"]), SettlementRepointing.status == "accepted"
        )
        ids.add("repointing", session.scalars(moved.order_by(SettlementRepointing.id)))


def contested_edges(rows: dict[str, dict[int, Any]]) -> Iterable[tuple[tuple[str, int], tuple[str, Any]]]:
    """Pairs of (what it became, what it stands on)."""
    for row in rows.get("payout", {}).values():
        yield ("payout", row.id), ("repointing", row.repointing_id)
    for row in rows.get("repointing", {}).values():
        yield ("repointing", row.id), ("settlement", row.settlement_id)
    adjustments = {row.ref: id_ for id_, row in rows.get("adjustment", {}).items()}
    for row in rows.get("dispute", {}).values():
        yield ("dispute", row.id), ("statement_line", row.settlement_line_id)
        yield ("dispute", row.id), ("collection", row.collection_id)
        if row.adjustment_ref in adjustments:
            yield ("adjustment", adjustments[row.adjustment_ref]), ("dispute", row.id)
    for row in rows.get("statement_line", {}).values():
        yield ("statement_line", row.id), ("dispute", row.dispute_id)


def dispute_node(row: Dispute, names: Any) -> Node:
    def money(minor: int | None) -> str | None:
        return None if minor is None else plain(minor, row.currency)

    facts = facts_of(
        status=row.status,
        agency=names.agency(row.agency_id),
        reason=row.decision_reason or row.reason,
        line=money(row.line_minor),
        claimed=money(row.claimed_minor),
        kept=money(row.held_minor),
        granted=money(row.granted_minor),
        opened_by=row.opened_by,
        opened_at=row.opened_at,
        due_on=row.due_on,
        decided_by=row.decided_by if names.at_bank else None,
        decided_at=row.decided_at,
        adjustment=row.adjustment_ref,
    )
    return Node("dispute", row.ref, row.claimed_minor, row.currency, facts)


def repointing_node(row: SettlementRepointing, names: Any) -> Node:
    settlement = names.settlements[row.settlement_id]
    facts = facts_of(
        status=row.status,
        settlement=settlement.ref,
        reason=row.reason,
        statement_sha256=row.statement_hash,
        sha256=row.hash,
        proposed_by=row.proposed_by if names.at_bank else None,
        decided_by=row.decided_by if names.at_bank else None,
        decided_at=row.decided_at,
    )
    return Node("repointing", row.ref, row.amount_minor if names.at_bank else None, settlement.currency, facts)
