"""Many settlements before one approver: each beside its month before, with what changed most, and decided one by one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payouts.approvals.limits import in_force, third_key_above
from payouts.approvals.service import is_above
from payouts.settlements.kind_words import KIND_WORDS
from payouts.settlements.models import Settlement, SettlementLine
from payouts.settlements.queries import SettlementRow, list_settlements
from payouts.settlements.service import load, why_not_approve
from portal.kernel.audit import Actor
from portal.kernel.clock import BANK_ZONE
from portal.kernel.periods import Period

WAITING = ("submitted", "checked")
MOST = 100  # on one page: more than a person weighs at a time
REASONS = 3


@dataclass(frozen=True, slots=True)
class KindChange:
    """One kind of line against the month before, in minor units."""

    kind: str
    was_minor: int
    now_minor: int

    @property
    def word(self) -> str:
        return KIND_WORDS.get(self.kind, self.kind.replace("_", " ").capitalize())

    @property
    def difference_minor(self) -> int:
        return self.now_minor - self.was_minor


@dataclass(frozen=True, slots=True)
class Comparison:
    """One settlement that waits. `refusal`: why this approver may not; `needs_third`: their key is not the last one."""

    row: SettlementRow
    lines: int
    lines_before: int
    changes: tuple[KindChange, ...]
    refusal: str
    needs_third: bool


def comparisons(session: Session, period: Period | None, *, actor: Actor, now: datetime) -> list[Comparison]:
    """What waits for an approver, the largest change against the month before first; at most MOST."""
    rows = [each for status in WAITING for each in list_settlements(session, period=period, status=status, limit=MOST)]
    before = _before(session, rows)
    sums = kind_sums(session, {row.id for row in rows} | set(before.values()))
    day = now.astimezone(BANK_ZONE).date()
    third = {
        each: third_key_above(in_force(session, "settlement", each, day)) for each in {row.currency for row in rows}
    }
    found = []
    for row in rows:
        was, is_now = sums.get(before.get(row.id, 0), {}), sums.get(row.id, {})
        refusal = why_not_approve(session, load(session, row.ref), actor=actor, now=now)
        found.append(
            Comparison(
                row=row,
                lines=sum(count for count, _ in is_now.values()),
                lines_before=sum(count for count, _ in was.values()),
                changes=changes(was, is_now),
                refusal=f"{refusal.message} {refusal.cure}" if refusal else "",
                needs_third=row.status == "submitted" and is_above(row.net_minor, third[row.currency]),
            )
        )
    return sorted(found, key=lambda each: (-abs(each.row.difference_minor or each.row.net_minor), each.row.ref))[:MOST]


def changes(was: dict[str, tuple[int, int]], is_now: dict[str, tuple[int, int]]) -> tuple[KindChange, ...]:
    """The kinds of line, kind → (lines, amount_minor), whose sums moved most. Pure."""
    every = [KindChange(kind, was.get(kind, (0, 0))[1], is_now.get(kind, (0, 0))[1]) for kind in {*was, *is_now}]
    moved = [each for each in every if each.difference_minor]
    return tuple(sorted(moved, key=lambda each: (-abs(each.difference_minor), each.kind))[:REASONS])


def kind_sums(session: Session, settlement_ids: Iterable[int]) -> dict[int, dict[str, tuple[int, int]]]:
    """Settlement → kind → (lines, amount_minor)."""
    query = (
        select(SettlementLine.settlement_id, SettlementLine.kind, func.count(), func.sum(SettlementLine.amount_minor))
        .where(SettlementLine.settlement_id.in_(list(settlement_ids)))
        .group_by(SettlementLine.settlement_id, SettlementLine.kind)
    )
    found: dict[int, dict[str, tuple[int, int]]] = defaultdict(dict)
    for settlement_id, kind, count, amount in session.execute(query):
        found[settlement_id][kind] = (count, int(amount))
    return found


def _before(session: Session, rows: Sequence[SettlementRow]) -> dict[int, int]:
    """Settlement → that of the same agency for the month before."""
    earlier = Settlement.__table__.alias("earlier")
    query = (
        select(Settlement.id, earlier.c.id)
        .join(earlier, earlier.c.agency_id == Settlement.agency_id)
        .where(earlier.c.period_start == Settlement.period_start - func.make_interval(0, 1), earlier.c.status != "void")
        .where(Settlement.id.in_([row.id for row in rows]))
    )
    return {row[0]: row[1] for row in session.execute(query)}
