"""The whole chain of a rupee, from any of its ends: payout ↔ batch ↔ settlement ↔ statement line ↔ accrual ↔ terms ↔ collection ↔
link ↔ bank line ↔ posting. What the session's scope may not see is simply not in the chain."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from allocations.reconciliation.models import MatchLink
from payouts.commission.models import AccrualLine, AccrualRun
from payouts.rails.fate_models import PayoutDebit
from payouts.rails.models import Payout, PayoutBatch
from payouts.settlements.models import Settlement, SettlementLine
from payouts.trace_contested import add_around, add_contested
from payouts.trace_nodes import build_nodes
from payouts.trace_shape import Ids, Node
from payouts.trace_start import Start, find_start
from portal.kernel.db import scope_of

LIMIT = 50  # statement lines of one settlement, or accruals of one version, in a chain


@dataclass(frozen=True)
class Trace:
    """`chain` runs from the payout down to the posting; `left_out` counts statement lines or accruals beyond the limit."""

    ref: str
    type: str
    chain: list[Node] = field(default_factory=list)
    left_out: int = 0

    @property
    def types(self) -> list[str]:
        return list(dict.fromkeys(node.type for node in self.chain))

    def as_dict(self) -> dict[str, Any]:
        return {
            "ref": self.ref,
            "type": self.type,
            "left_out": self.left_out,
            "chain": [node.as_dict() for node in self.chain],
        }


def trace(session: Session, ref: str, *, limit: int = LIMIT) -> Trace:
    """The chain through a payout, batch, settlement, statement line (`S2610-X/3`), dispute, re-pointing, accrual, receipt, bank line,
    posting or rate-card version (`CODE v2`). Raises NotFound when nothing in sight has that reference."""
    start = find_start(session, ref)
    ids, left_out = collect(session, start, limit)
    return Trace(ref=start.ref, type=start.type, chain=build_nodes(session, ids), left_out=left_out)


def collect(session: Session, start: Start, limit: int) -> tuple[Ids, int]:
    """Every row of the chain: first down to the accruals and collections, then up and down from there."""
    ids = Ids()
    left_out = 0
    ids.add(start.type, start.ids)
    add_contested(session, ids)
    if start.type == "payout_batch":
        ids.add("payout", _scalars(session, select(Payout.id).where(Payout.batch_id.in_(start.ids))))
    if start.type in ("payout_batch", "payout"):
        settlements = select(Payout.settlement_id).where(Payout.id.in_(ids["payout"]))
        ids.add("settlement", _scalars(session, settlements))
    if start.type in ("payout_batch", "payout", "repointing", "settlement"):
        lines = select(SettlementLine.id).where(SettlementLine.settlement_id.in_(ids["settlement"]))
        left_out = _add_some(session, ids, "statement_line", lines.order_by(SettlementLine.id), limit)
    if start.type == "rate_card_version":
        accruals = _standing(session).where(AccrualLine.rate_card_version_id.in_(start.ids))
        left_out = _add_some(session, ids, "accrual_line", accruals.order_by(AccrualLine.id), limit)
    if ids["statement_line"]:
        accruals_of = select(SettlementLine.accrual_line_id).where(SettlementLine.id.in_(ids["statement_line"]))
        ids.add("accrual_line", _scalars(session, accruals_of))
    if start.type in ("match_link", "bank_line", "posting"):
        _add_collections_of(session, ids)
    if ids["accrual_line"]:
        collections = select(AccrualLine.collection_id).where(AccrualLine.id.in_(ids["accrual_line"]))
        ids.add("collection", _scalars(session, collections))
    if start.type == "bank_line":
        _add_paid_by(session, ids)
    _add_entered(session, ids, start)
    if start.type in ("collection", "match_link", "bank_line", "posting"):
        accruals = _standing(session).where(AccrualLine.collection_id.in_(ids["collection"]))
        ids.add("accrual_line", _scalars(session, accruals))
    _go_up(session, ids)
    add_around(session, ids)
    _go_down(session, ids)
    return ids, left_out


def _standing(session: Session) -> Select[int]:
    """Accrual lines that count: of a current run, or frozen in a settlement that was not taken back."""
    settled = (
        select(SettlementLine.accrual_line_id)
        .join(Settlement, Settlement.id == SettlementLine.settlement_id)
        .where(Settlement.status != "void", SettlementLine.accrual_line_id == AccrualLine.id)
    )
    current = select(AccrualRun.id).where(AccrualRun.id == AccrualLine.run_id, AccrualRun.is_current)
    return select(AccrualLine.id).where(settled.exists() | current.exists())


def _add_some(session: Session, ids: Ids, kind: str, query: Select[int], limit: int) -> int:
    """At most `limit` of them; returns how many stay out."""
    total = session.scalar(select(func.count()).select_from(query.order_by(None).subquery())) or 0
    ids.add(kind, _scalars(session, query.limit(limit)))
    return max(0, total - limit)


def _add_collections_of(session: Session, ids: Ids) -> None:
    links = select(MatchLink.id, MatchLink.collection_id).where(
        MatchLink.id.in_(ids["match_link"])
        | MatchLink.bank_line_id.in_(ids["bank_line"])
        | MatchLink.posting_id.in_(ids["posting"]),
        MatchLink.status == "confirmed",
    )
    for link in session.execute(links):
        ids.add("match_link", [link.id])
        ids.add("collection", [link.collection_id])


def _add_entered(session: Session, ids: Ids, start: Start) -> None:
    """What people proposed and accepted: the events and adjustments of accruals, and the accruals of those."""
    for kind, column in (("earning_event", AccrualLine.event_id), ("adjustment", AccrualLine.adjustment_id)):
        if start.type == kind:
            ids.add("accrual_line", _scalars(session, _standing(session).where(column.in_(start.ids))))
        if ids["accrual_line"]:
            ids.add(kind, _scalars(session, select(column).where(AccrualLine.id.in_(ids["accrual_line"]))))


def _go_up(session: Session, ids: Ids) -> None:
    """From accruals to what they became."""
    if ids["accrual_line"]:
        lines = (
            select(SettlementLine.id)
            .join(Settlement, Settlement.id == SettlementLine.settlement_id)
            .where(SettlementLine.accrual_line_id.in_(ids["accrual_line"]), Settlement.status != "void")
        )
        ids.add("statement_line", _scalars(session, lines))
    if ids["statement_line"]:
        settlements = select(SettlementLine.settlement_id).where(SettlementLine.id.in_(ids["statement_line"]))
        ids.add("settlement", _scalars(session, settlements))
    if ids["settlement"] and not ids["payout"]:
        ids.add("payout", _scalars(session, select(Payout.id).where(Payout.settlement_id.in_(ids["settlement"]))))
    if ids["payout"] and scope_of(session).role == "bank":
        batches = select(PayoutBatch.id).join(Payout, Payout.batch_id == PayoutBatch.id)
        ids.add("payout_batch", _scalars(session, batches.where(Payout.id.in_(ids["payout"]))))


def _go_down(session: Session, ids: Ids) -> None:
    """From accruals and collections to the terms, the bank and core banking."""
    if ids["accrual_line"]:
        versions = select(AccrualLine.rate_card_version_id).where(AccrualLine.id.in_(ids["accrual_line"]))
        ids.add("rate_card_version", _scalars(session, versions))
        ids.add(
            "match_link", _scalars(session, select(AccrualLine.link_id).where(AccrualLine.id.in_(ids["accrual_line"])))
        )
    ends = select(MatchLink.id, MatchLink.bank_line_id, MatchLink.posting_id)
    live = ends.where(MatchLink.collection_id.in_(ids["collection"]), MatchLink.status == "confirmed")
    links = [*session.execute(live), *session.execute(ends.where(MatchLink.id.in_(ids["match_link"])))]
    ids.add("match_link", [link.id for link in links])
    ids.add("bank_line", [link.bank_line_id for link in links])
    ids.add("posting", [link.posting_id for link in links])
    _close_circle(session, ids)


def _add_paid_by(session: Session, ids: Ids) -> None:
    """From a debit of our own account to the payouts it shows, and their settlements."""
    if scope_of(session).role == "bank":
        tied = select(PayoutDebit.payout_id).where(
            PayoutDebit.bank_line_id.in_(ids["bank_line"]), PayoutDebit.undone_at.is_(None)
        )
        ids.add("payout", _scalars(session, tied))
        ids.add("settlement", _scalars(session, select(Payout.settlement_id).where(Payout.id.in_(ids["payout"]))))


def _close_circle(session: Session, ids: Ids) -> None:
    """Where the payouts of the chain were seen in our own account: the lender's accounts are the bank's alone to see."""
    if ids["payout"] and scope_of(session).role == "bank":
        ties = select(PayoutDebit.id, PayoutDebit.bank_line_id).where(
            PayoutDebit.payout_id.in_(ids["payout"]), PayoutDebit.undone_at.is_(None)
        )
        for tie in session.execute(ties):
            ids.add("payout_debit", [tie.id])
            ids.add("bank_line", [tie.bank_line_id])


def _scalars(session: Session, query: Select[Any]) -> Iterable[int]:
    return [value for value in session.scalars(query) if value is not None]
