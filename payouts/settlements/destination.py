"""Where an issued settlement is paid: the bank details its statement names, or those it was pointed to since by two people.

Read by the bank and, of what was accepted, by the agency: the session's scope decides.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import AgencyBankDetail
from payouts.rate_cards.spelling import canonical
from payouts.settlements.models import Settlement
from payouts.settlements.repointing_models import SettlementRepointing
from payouts.settlements.statement import bank_detail_facts, masked

FORMAT = "settlement-repointing/1"


@dataclass(frozen=True, slots=True)
class Pointed:
    """An accepted re-pointing, as anyone may read it."""

    id: int
    ref: str
    from_detail_id: int | None
    to_detail_id: int
    statement_hash: str
    hash: str
    decided_at: datetime


def _accepted() -> Any:
    return select(
        SettlementRepointing.id,
        SettlementRepointing.ref,
        SettlementRepointing.from_detail_id,
        SettlementRepointing.to_detail_id,
        SettlementRepointing.statement_hash,
        SettlementRepointing.hash,
        SettlementRepointing.decided_at,
    ).where(SettlementRepointing.status == "accepted")


def pointed(session: Session, settlement_id: int) -> list[Pointed]:
    """Every accepted re-pointing of a settlement, the oldest first."""
    query = _accepted().where(SettlementRepointing.settlement_id == settlement_id)
    return [Pointed(*row) for row in session.execute(query.order_by(SettlementRepointing.number))]


def detail_id_of(session: Session, settlement: Settlement) -> int | None:
    """The bank details a settlement is paid to now."""
    last = pointed(session, settlement.id)[-1:]
    return last[0].to_detail_id if last else settlement.bank_detail_id


@dataclass(frozen=True, slots=True)
class Move:
    """One re-pointing for pages: what the statement named, what is paid to since, masked."""

    id: int
    ref: str
    hash: str
    at: datetime
    was: str
    now_is: str
    now_version: int


def moves_of(session: Session, settlement_id: int) -> list[Move]:
    """The accepted re-pointings of a settlement in words, the oldest first."""
    made = []
    for each in pointed(session, settlement_id):
        old = session.get(AgencyBankDetail, each.from_detail_id) if each.from_detail_id else None
        new = session.get_one(AgencyBankDetail, each.to_detail_id)
        was = f"{masked(old.account_no)}, version {old.version}" if old else "none on record"
        made.append(Move(each.id, each.ref, each.hash, each.decided_at, was, masked(new.account_no), new.version))
    return made


def hash_of_repointing(session: Session, found: SettlementRepointing, before: str) -> str:
    """The sha256 of what a re-pointing says; `before` is the hash of the settlement's last accepted one, or of its statement."""

    def facts(detail_id: int | None) -> dict[str, object] | None:
        row = session.get(AgencyBankDetail, detail_id) if detail_id else None
        return bank_detail_facts(row.version, row.account_no, row.ifsc, row.account_holder) if row else None

    text = canonical(
        {
            "format": FORMAT,
            "ref": found.ref,
            "statement": found.statement_hash,
            "before": before,
            "from": facts(found.from_detail_id),
            "to": facts(found.to_detail_id),
            "reason": found.reason,
        }
    )
    return hashlib.sha256(text.encode()).hexdigest()
