"""The nodes of a trace: each row with the facts a person needs to believe it, and its links up (what it became) and down."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session, load_only

from allocations.agencies.models import Agency
from allocations.collections.models import Collection, CollectionCorrection, Upload
from allocations.reconciliation.models import BankLine, BankStatement, Break, MatchLink, Posting
from payouts.commission.event_models import EarningEvent, ManualAdjustment
from payouts.commission.event_rules import SOURCE_WORDS
from payouts.commission.models import AccrualLine, UnpaidCollection
from payouts.rails.fate_models import PayoutDebit
from payouts.rails.models import Payout, PayoutBatch
from payouts.rate_cards.models import RateCard, RateCardVersion
from payouts.settlements.dispute_models import Dispute
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.repointing_models import SettlementRepointing
from payouts.trace_contested import (
    OPEN_OF_A_DISPUTE,
    OPEN_OF_A_REPOINTING,
    contested_edges,
    dispute_node,
    repointing_node,
)
from payouts.trace_shape import TYPES, Ids, Node, facts_of
from payouts.trace_shared import only_own, own_keys, own_shares
from portal.kernel.db import scope_of
from portal.kernel.money import plain


def build_nodes(session: Session, ids: Ids) -> list[Node]:
    """The chain's nodes in their order, linked both ways."""
    at_bank = scope_of(session).role == "bank"
    rows: dict[str, dict[int, Any]] = {
        kind: {
            row.id: row
            for row in session.scalars(_seen(model, at_bank).where(model.id.in_(ids[kind])).order_by(model.id))
        }
        for kind, model in MODELS.items()
        if ids[kind]
    }
    names = _Names(session, rows)
    if ids["payout_debit"]:  # edges alone: the line at the bank says the rest
        ties = session.scalars(select(PayoutDebit).where(PayoutDebit.id.in_(ids["payout_debit"])))
        rows["payout_debit"] = {row.id: row for row in ties}
    nodes: dict[tuple[str, int], Node] = {}
    for kind in TYPES:
        for id_, row in rows.get(kind, {}).items():
            nodes[(kind, id_)] = BUILDERS[kind](row, names)
    for upper, lower in _edges(rows):
        if upper in nodes and lower in nodes:
            nodes[upper].down.append(nodes[lower].key)
            nodes[lower].up.append(nodes[upper].key)
    return list(nodes.values())


def _seen(model: Any, at_bank: bool) -> Select[Any]:
    """Rows with the columns that the scope may read: who tied a link or took it apart, why, and on what evidence, is the bank's."""
    query = select(model)
    return query if at_bank or model not in OPEN else query.options(load_only(*OPEN[model], raiseload=True))


OPEN_OF_A_LINK = (
    *(MatchLink.agency_id, MatchLink.collection_id, MatchLink.bank_line_id, MatchLink.posting_id),
    *(MatchLink.amount_minor, MatchLink.status, MatchLink.rule, MatchLink.rule_version),
    *(MatchLink.confirmed_at, MatchLink.undone_at),
)
OPEN: dict[Any, tuple[Any, ...]] = {
    MatchLink: OPEN_OF_A_LINK,
    Dispute: OPEN_OF_A_DISPUTE,
    SettlementRepointing: OPEN_OF_A_REPOINTING,
}
MODELS: dict[str, Any] = {
    "payout": Payout,
    "payout_batch": PayoutBatch,
    "repointing": SettlementRepointing,
    "settlement": Settlement,
    "dispute": Dispute,
    "statement_line": SettlementLine,
    "accrual_line": AccrualLine,
    "rate_card_version": RateCardVersion,
    "earning_event": EarningEvent,
    "adjustment": ManualAdjustment,
    "collection": Collection,
    "match_link": MatchLink,
    "bank_line": BankLine,
    "posting": Posting,
}


def _edges(rows: dict[str, dict[int, Any]]) -> Iterable[tuple[tuple[str, int], tuple[str, Any]]]:
    """Pairs of (what it became, what it stands on)."""
    yield from contested_edges(rows)
    for row in rows.get("payout", {}).values():
        yield ("payout", row.id), ("payout_batch", row.batch_id)
        yield ("payout", row.id), ("settlement", row.settlement_id)
    for row in rows.get("payout_debit", {}).values():
        yield ("payout", row.payout_id), ("bank_line", row.bank_line_id)
    for row in rows.get("statement_line", {}).values():
        yield ("settlement", row.settlement_id), ("statement_line", row.id)
        yield ("statement_line", row.id), ("accrual_line", row.accrual_line_id)
    for row in rows.get("accrual_line", {}).values():
        yield ("accrual_line", row.id), ("rate_card_version", row.rate_card_version_id)
        yield ("accrual_line", row.id), ("earning_event", row.event_id)
        yield ("accrual_line", row.id), ("adjustment", row.adjustment_id)
        yield ("accrual_line", row.id), ("collection", row.collection_id)
        yield ("accrual_line", row.id), ("match_link", row.link_id)
    for row in rows.get("match_link", {}).values():
        yield ("collection", row.collection_id), ("match_link", row.id)
        yield ("match_link", row.id), ("bank_line", row.bank_line_id)
        yield ("match_link", row.id), ("posting", row.posting_id)


class _Names:
    """What the nodes need from tables beside their own, read once."""

    def __init__(self, session: Session, rows: dict[str, dict[int, Any]]) -> None:
        def of(kind: str) -> Iterable[Any]:
            return rows.get(kind, {}).values()

        agency_ids = {
            row.agency_id
            for kind in ("settlement", "collection", "payout", "match_link", "earning_event", "adjustment", "dispute")
            for row in of(kind)
        }
        self.at_bank = (
            scope_of(session).role == "bank"
        )  # who at the bank decided, and in which words, is the bank's to know
        self.shares = {} if self.at_bank else own_shares(session, of("bank_line"))
        self.own_keys = own_keys(session, self.shares) if self.shares else {}
        self.agencies = self._map(session, Agency, agency_ids)
        self.uploads = self._map(session, Upload, {row.upload_id for row in of("collection")})
        self.statements = self._map(session, BankStatement, {row.statement_id for row in of("bank_line")})
        self.cards = self._map(session, RateCard, {row.rate_card_id for row in of("rate_card_version")})
        self.versions = rows.get("rate_card_version", {})
        kinds = ("statement_line", "payout", "dispute", "repointing")
        settlement_ids = {row.settlement_id for kind in kinds for row in of(kind)}
        self.settlements = self._map(session, Settlement, settlement_ids)
        collections = [row.id for row in of("collection")]
        self.unpaid = _grouped(session, UnpaidCollection, collections)
        self.breaks = _grouped(session, Break, collections)
        self.corrections = _grouped(session, CollectionCorrection, collections)
        accruals = {row.clawback_of_id for row in of("accrual_line")}
        self.clawed_back = self._map(session, AccrualLine, accruals)

    @staticmethod
    def _map(session: Session, model: Any, ids: Iterable[int | None]) -> dict[int, Any]:
        wanted = [id_ for id_ in ids if id_ is not None]
        if not wanted:
            return {}
        return {row.id: row for row in session.scalars(select(model).where(model.id.in_(wanted)))}

    def agency(self, agency_id: int) -> str:
        return self.agencies[agency_id].code if agency_id in self.agencies else ""

    def terms(self, version_id: int | None) -> str:
        version = self.versions.get(version_id) if version_id else None
        return f"{self.cards[version.rate_card_id].code} v{version.version}" if version else ""


def _grouped(session: Session, model: Any, collection_ids: list[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in session.scalars(select(model).where(model.collection_id.in_(collection_ids)).order_by(model.id)):
        found.setdefault(row.collection_id, []).append(row)
    return found


def _payout(row: Payout, names: _Names) -> Node:
    facts = facts_of(
        status=row.status,
        agency=names.agency(row.agency_id),
        utr=row.provider_ref,
        paid_on=row.paid_on,
        attempts=row.attempts,
        reason=row.reason,
    )
    return Node("payout", row.ref, row.amount_minor, row.currency, facts)


def _batch(row: PayoutBatch, names: _Names) -> Node:
    facts = facts_of(
        status=row.status,
        rail=row.rail,
        profile=row.profile,
        count=row.count,
        file=row.file_name,
        file_sha256=row.file_sha256,
        made_by=row.made_by,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        sent_at=row.sent_at,
    )
    return Node("payout_batch", row.ref, row.total_minor, row.currency, facts)


def _settlement(row: Settlement, names: _Names) -> Node:
    facts = facts_of(
        status=row.status,
        agency=names.agency(row.agency_id),
        period=f"{row.period_start:%Y-%m}",
        gross=plain(row.gross_minor, row.currency),
        adjustments=plain(row.adjustments_minor, row.currency),
        withholding=plain(row.withholding_minor, row.currency),
        submitted_by=row.submitted_by,
        approved_by=row.approved_by,
        approved_at=row.approved_at,
        sha256=row.hash,
    )
    return Node("settlement", row.ref, row.net_minor, row.currency, facts)


def _line(row: SettlementLine, names: _Names) -> Node:
    ref = f"{names.settlements[row.settlement_id].ref}/{row.position}"
    return Node(
        "statement_line", ref, row.amount_minor, row.currency, facts_of(kind=row.kind, description=row.description)
    )


def _accrual(row: AccrualLine, names: _Names) -> Node:
    clawed = names.clawed_back.get(row.clawback_of_id) if row.clawback_of_id else None
    facts = facts_of(
        kind=row.kind,
        base=plain(row.base_minor, row.currency),
        rule=row.rule_id,
        terms=names.terms(row.rate_card_version_id),
        credited_on=row.credited_on,
        clawback_of=clawed.ref if clawed else None,
        steps=row.steps,
    )
    return Node("accrual_line", row.ref, row.amount_minor, row.currency, facts)


def _version(row: RateCardVersion, names: _Names) -> Node:
    facts = facts_of(
        status=row.status,
        effective_from=row.effective_from,
        effective_to=row.effective_to,
        imported_by=row.imported_by,
        approved_by=row.decided_by,
        sha256=row.sha256,
    )
    card = names.cards[row.rate_card_id]
    return Node("rate_card_version", f"{card.code} v{row.version}", None, card.currency, facts)


def _event(row: EarningEvent, names: _Names) -> Node:
    facts = facts_of(
        status=row.status,
        agency=names.agency(row.agency_id),
        event=row.event,
        occurred_on=row.occurred_on,
        loan_account_no=row.loan_account_no,
        count=row.count,
        days=row.days if row.days != 1 else None,
        source=SOURCE_WORDS[row.source],
        note=row.note,
        proposed_by=row.proposed_by if names.at_bank or row.source == "agency" else None,
        decided_by=row.decided_by if names.at_bank or not row.decided_by else "a person at the bank",
        decided_at=row.decided_at,
        reason=row.decision_reason,
    )
    return Node("earning_event", row.ref, row.amount_minor, row.currency, facts)


def _adjustment(row: ManualAdjustment, names: _Names) -> Node:
    facts = facts_of(
        status=row.status,
        agency=names.agency(row.agency_id),
        kind=row.kind,
        period=f"{row.period_start:%Y-%m}",
        reason=row.reason,
        about=row.about_ref,
        proposed_by=row.proposed_by if names.at_bank else None,
        decided_by=row.decided_by if names.at_bank or not row.decided_by else "a person at the bank",
        decided_at=row.decided_at,
    )
    return Node("adjustment", row.ref, row.amount_minor, row.currency, facts)


def _collection(row: Collection, names: _Names) -> Node:
    upload = names.uploads.get(row.upload_id) if row.upload_id else None
    facts = facts_of(
        agency=names.agency(row.agency_id),
        loan_account_no=row.loan_account_no,
        source="paid direct to the bank" if row.source == "direct" else None,
        collected_on=row.collected_on,
        mode=row.mode,
        instrument_ref=row.instrument_ref,
        agent=row.agent_code,
        confirmed=plain(row.linked_minor, row.currency),
        upload=upload.ref if upload else None,
        file=upload.file_name if upload else None,
        file_sha256=upload.file_sha256 if upload else None,
        row=row.row_no,
        version=row.version if row.version > 1 else None,
        corrections=[{"ref": each.ref, "status": each.status} for each in names.corrections.get(row.id, [])],
        unpaid=[
            {"code": each.code, "amount": plain(each.amount_minor, each.currency), "cure": each.cure}
            for each in names.unpaid.get(row.id, [])[-3:]
        ],
        breaks=[{"code": each.code, "status": each.status, "cure": each.cure} for each in names.breaks.get(row.id, [])],
    )
    return Node("collection", row.receipt_no, row.amount_minor, row.currency, facts)


def _link(row: MatchLink, names: _Names) -> Node:
    facts = facts_of(
        status=row.status,
        side="bank" if row.bank_line_id else "core banking",
        rule=row.rule,
        rule_version=row.rule_version,
        evidence=row.evidence if names.at_bank else None,
        confirmed_by=row.confirmed_by if names.at_bank else None,
        confirmed_at=row.confirmed_at,
        undone_at=row.undone_at,
        undo_reason=row.undo_reason if names.at_bank else None,
    )
    return Node("match_link", f"L{row.id}", row.amount_minor, names.agencies[row.agency_id].currency, facts)


def _bank_line(row: BankLine, names: _Names) -> Node:
    statement = names.statements.get(row.statement_id)
    told = {"bank_ref": row.bank_ref, "customer_ref": row.customer_ref, "description": row.description}
    if row.id in names.shares:  # others' receipts are paid by it too
        told = {name: only_own(text, names.own_keys.get(row.id, ())) for name, text in told.items()}
    facts = facts_of(
        side=row.side,
        value_on=row.value_on,
        **told,
        linked=plain(names.shares.get(row.id, row.linked_minor), row.currency),
        statement=statement.ref if statement else None,
        statement_status=statement.status if statement else None,
        line_no=row.line_no,
        file=statement.file_name if statement else None,
        file_sha256=statement.file_sha256 if statement else None,
    )
    return Node("bank_line", row.ref, row.amount_minor, row.currency, facts)


def _posting(row: Posting, names: _Names) -> Node:
    facts = facts_of(
        loan_account_no=row.loan_account_no,
        posted_on=row.posted_on,
        value_on=row.value_on,
        mode=row.mode,
        reverses=row.reverses_posting_no,
        file_sha256=row.file_sha256,
    )
    return Node("posting", row.posting_no, row.amount_minor, row.currency, facts)


BUILDERS: dict[str, Callable[[Any, _Names], Node]] = {
    "payout": _payout,
    "payout_batch": _batch,
    "repointing": repointing_node,
    "settlement": _settlement,
    "dispute": dispute_node,
    "statement_line": _line,
    "accrual_line": _accrual,
    "rate_card_version": _version,
    "earning_event": _event,
    "adjustment": _adjustment,
    "collection": _collection,
    "match_link": _link,
    "bank_line": _bank_line,
    "posting": _posting,
}
