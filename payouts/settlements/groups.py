"""A statement's lines grouped as the card groups them: one group for each rule, bonus, penalty or step, by version of the card."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payouts.commission.models import AccrualLine
from payouts.rate_cards.models import RateCard, RateCardVersion
from payouts.settlements.kind_words import SECTIONS, kind_word, section_of
from payouts.settlements.models import SettlementLine

Key = tuple[str, str, str]  # kind, card and version, rule


class LineGroup(NamedTuple):
    """Lines priced by one rule of one version; `base_minor` is the money they are counted on, None where there is none."""

    kind: str
    rate_card: str  # "PL-2026 v3"; empty for what no card says
    rule: str
    lines: int
    base_minor: int | None
    amount_minor: int

    @property
    def key(self) -> Key:
        return (self.kind, self.rate_card, self.rule)

    @property
    def section(self) -> str:
        return section_of(self.kind)

    @property
    def word(self) -> str:
        return kind_word(self.kind)


def key_of(kind: str, code: str | None, version: int | None, rule_id: str | None) -> Key:
    return (kind, f"{code} v{version}" if code else "", rule_id or "")


def line_groups(session: Session, settlement_id: int) -> list[LineGroup]:
    """Section by section, and within one in the order of the lines."""
    columns = (SettlementLine.kind, RateCard.code, RateCardVersion.version, AccrualLine.rule_id)
    query = (
        select(
            *columns,
            func.count().label("lines"),
            func.sum(AccrualLine.base_minor).label("base"),
            func.sum(SettlementLine.amount_minor).label("amount"),
        )
        .outerjoin(AccrualLine, AccrualLine.id == SettlementLine.accrual_line_id)
        .outerjoin(RateCardVersion, RateCardVersion.id == AccrualLine.rate_card_version_id)
        .outerjoin(RateCard, RateCard.id == RateCardVersion.rate_card_id)
        .where(SettlementLine.settlement_id == settlement_id)
        .group_by(*columns)
        .order_by(func.min(SettlementLine.position))
    )
    groups = [_group(row) for row in session.execute(query)]
    return sorted(groups, key=lambda group: SECTIONS.index(group.section))


def _group(row: Any) -> LineGroup:
    key = key_of(row.kind, row.code, row.version, row.rule_id)
    return LineGroup(*key, row.lines, int(row.base) if row.base is not None else None, int(row.amount))
