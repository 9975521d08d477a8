"""Verification of re-pointings: each is signed over the statement and the one before it, and payouts go where the last one said."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.difference import Findings
from payouts.rails.models import Payout
from payouts.settlements.destination import hash_of_repointing
from payouts.settlements.models import Settlement
from payouts.settlements.repointing_models import SettlementRepointing

WAITED = timedelta(minutes=5)


def check_repointed(session: Session, findings: Findings) -> None:
    """From the bank details the statement names, step by step to those of the last accepted one."""
    query = (
        select(SettlementRepointing, Settlement)
        .join(Settlement, Settlement.id == SettlementRepointing.settlement_id)
        .order_by(SettlementRepointing.settlement_id, SettlementRepointing.number)
    )
    stood: dict[int, tuple[str, int | None]] = {}
    for found, settlement in session.execute(query):
        findings.count("repointings", 1)
        before, stands = stood.get(settlement.id, (settlement.hash, settlement.bank_detail_id))
        args = ("repointings", "settlement_repointings", found.id, found.ref)
        findings.compare(*args, "statement_hash", found.statement_hash, settlement.hash)
        findings.compare(*args, "from_detail_id", found.from_detail_id, stands)
        findings.compare(*args, "hash", found.hash, hash_of_repointing(session, found, before))
        if found.status == "accepted":
            stood[settlement.id] = (found.hash, found.to_detail_id)


def meant_for(session: Session, payout: Payout, settlement: Settlement) -> tuple[int | None, int | None]:
    """(bank details, re-pointing) a payout should name: of the last one accepted before it was made, or the statement's and none."""
    # Both instants are of the click: a batch that waited for a re-pointing's locks goes by one that was clicked a little later.
    waited = (SettlementRepointing.id == payout.repointing_id) & (
        SettlementRepointing.decided_at <= payout.created_at + WAITED
    )
    query = (
        select(SettlementRepointing.to_detail_id, SettlementRepointing.id)
        .where(SettlementRepointing.settlement_id == settlement.id, SettlementRepointing.status == "accepted")
        .where((SettlementRepointing.decided_at <= payout.created_at) | waited)
        .order_by(SettlementRepointing.number.desc())
        .limit(1)
    )
    moved = session.execute(query).first()
    return (moved.to_detail_id, moved.id) if moved else (settlement.bank_detail_id, None)
