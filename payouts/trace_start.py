"""What a reference names: the row, or rows, a trace starts from."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.collections.models import Collection
from allocations.keys import normalise_reference, receipt_key
from allocations.reconciliation.models import BankLine, MatchLink, Posting
from payouts.commission.event_models import EarningEvent, ManualAdjustment
from payouts.commission.models import AccrualLine
from payouts.rails.models import Payout, PayoutBatch
from payouts.rate_cards.models import RateCard, RateCardVersion
from payouts.settlements.dispute_models import Dispute
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.repointing_models import SettlementRepointing
from payouts.trace_shared import own_keys, own_shares
from portal.kernel.db import scope_of
from portal.kernel.errors import NotFound

MOST = 20  # rows of one reference: a receipt number of several agencies, a bank reference on several lines
MOST_LOOKED_AT = 500  # an agency's own lines of one reference


@dataclass(frozen=True, slots=True)
class Start:
    type: str
    ref: str
    ids: tuple[int, ...]


def find_start(session: Session, ref: str) -> Start:
    """The first kind of thing that goes by this reference in the session's sight; NotFound when nothing does."""
    text = ref.strip()
    if text and len(text) <= 200 and "\0" not in text:
        for type_, find in FINDERS.items():
            if ids := find(session, text):
                return Start(type_, text, tuple(ids[:MOST]))
    raise NotFound(f"Nothing here goes by the reference {text[:60]!r}.")


def _payouts(session: Session, text: str) -> list[int]:
    """By our reference, or by the bank's UTR of the payment."""
    return list(session.scalars(select(Payout.id).where((Payout.ref == text.upper()) | (Payout.provider_ref == text))))


def _batches(session: Session, text: str) -> list[int]:
    if scope_of(session).role != "bank":
        return []
    return list(session.scalars(select(PayoutBatch.id).where(PayoutBatch.ref == text.upper())))


def _settlements(session: Session, text: str) -> list[int]:
    return list(session.scalars(select(Settlement.id).where(Settlement.ref == text)))


def _statement_lines(session: Session, text: str) -> list[int]:
    settlement, slash, position = text.rpartition("/")
    if not slash or not re.fullmatch(r"\d{1,9}", position):
        return []
    query = (
        select(SettlementLine.id)
        .join(Settlement, Settlement.id == SettlementLine.settlement_id)
        .where(Settlement.ref == settlement, SettlementLine.position == int(position))
    )
    return list(session.scalars(query))


def _disputes(session: Session, text: str) -> list[int]:
    return list(session.scalars(select(Dispute.id).where(Dispute.ref == text)))


def _repointings(session: Session, text: str) -> list[int]:
    return list(session.scalars(select(SettlementRepointing.id).where(SettlementRepointing.ref == text)))


def _accruals(session: Session, text: str) -> list[int]:
    return list(session.scalars(select(AccrualLine.id).where(AccrualLine.ref == text)))


def _events(session: Session, text: str) -> list[int]:
    return list(session.scalars(select(EarningEvent.id).where(EarningEvent.ref == text)))


def _adjustments(session: Session, text: str) -> list[int]:
    return list(session.scalars(select(ManualAdjustment.id).where(ManualAdjustment.ref == text)))


def _receipts(session: Session, text: str) -> list[int]:
    exact = list(session.scalars(select(Collection.id).where(Collection.receipt_no == text).limit(MOST)))
    if exact or not (key := receipt_key(text)):
        return exact
    return list(session.scalars(select(Collection.id).where(Collection.receipt_key == key).limit(MOST)))


def _bank_lines(session: Session, text: str) -> list[int]:
    """By our reference, or by any reference the line carries, in any spelling; an agency by its own receipts' alone."""
    if exact := list(session.scalars(select(BankLine.id).where(BankLine.ref == text))):
        return exact
    if not (key := normalise_reference(text)):
        return []
    named = select(BankLine).where(BankLine.ref_keys.contains([key])).order_by(BankLine.id)
    if scope_of(session).role == "bank":
        return [line.id for line in session.scalars(named.limit(MOST))]
    return _own_among(session, list(session.scalars(named.limit(MOST_LOOKED_AT))), key)


def _own_among(session: Session, lines: list[BankLine], key: str) -> list[int]:
    """Of credits that pay others' receipts too, those that bear this key for a receipt of the agency's own. In the agency's scope."""
    shared = own_shares(session, lines)
    keys = own_keys(session, shared) if shared else {}
    return [line.id for line in lines if line.id not in shared or key in keys.get(line.id, ())]


def _postings(session: Session, text: str) -> list[int]:
    return list(session.scalars(select(Posting.id).where(Posting.posting_no == text)))


def _links(session: Session, text: str) -> list[int]:
    match = re.fullmatch(r"L(\d{1,18})", text)
    return list(session.scalars(select(MatchLink.id).where(MatchLink.id == int(match[1])))) if match else []


def _versions(session: Session, text: str) -> list[int]:
    """`CODE v2`, `CODE@2`, `CODE/2`, or `CODE` for its newest version; or the sha256 of its terms."""
    match = re.fullmatch(r"(.+?)\s*(?:[ @/]v?(\d{1,6}))?", text)
    if not match:
        return []
    query = select(RateCardVersion.id).join(RateCard, RateCard.id == RateCardVersion.rate_card_id)
    newest = query.where(RateCard.code == text).order_by(RateCardVersion.version.desc()).limit(1)
    if ids := list(session.scalars(newest)):
        return ids
    if match[2]:
        return list(session.scalars(query.where(RateCard.code == match[1], RateCardVersion.version == int(match[2]))))
    return list(session.scalars(query.where(RateCardVersion.sha256 == text.lower())))


FINDERS: dict[str, Callable[[Session, str], list[int]]] = {
    "payout": _payouts,
    "payout_batch": _batches,
    "settlement": _settlements,
    "statement_line": _statement_lines,
    "dispute": _disputes,
    "repointing": _repointings,
    "accrual_line": _accruals,
    "earning_event": _events,
    "adjustment": _adjustments,
    "collection": _receipts,
    "bank_line": _bank_lines,
    "posting": _postings,
    "match_link": _links,
    "rate_card_version": _versions,
}
