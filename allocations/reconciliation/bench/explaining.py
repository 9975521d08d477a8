"""One link explained: the rule and its version in words, what was compared, why it counted, who was refused, and every hand on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from allocations.keys import receipt_fold
from allocations.reconciliation.bench.candidates import on_the_same_credit, spoken_days
from allocations.reconciliation.bench.items import Item, link_item
from allocations.reconciliation.bench_models import HandAct
from allocations.reconciliation.matching.ladder import RUNGS
from allocations.reconciliation.models import BankLine, MatchLink, Posting, ReconRun
from portal.kernel.audit import AuditEvent
from portal.kernel.money import shown


@dataclass(frozen=True, slots=True)
class Compared:
    """One thing both sides were compared on; `agrees` None where it decides nothing."""

    what: str
    ours: str
    theirs: str
    verdict: str
    agrees: bool | None


@dataclass(frozen=True)
class Explained:
    """Everything a page says of a link."""

    item: Item
    compared: Sequence[Compared]
    shares: Sequence[tuple[MatchLink, Any, str]]
    acts: Sequence[HandAct]
    events: Sequence[AuditEvent]
    run: ReconRun | None
    confirms: bool | None

    @property
    def link(self) -> MatchLink:
        assert self.item.link is not None
        return self.item.link


def explain_link(session: Session, link_id: int, *, now: datetime) -> Explained:
    """A link with all that speaks for it and against its rivals. NotFound when there is none."""
    item = link_item(session, link_id, now=now)
    link = item.link
    assert link is not None
    acts = select(HandAct).where(or_(HandAct.link_id == link.id)).order_by(HandAct.id)
    events = (
        select(AuditEvent)
        .where(AuditEvent.subject_ref == str(link.id), AuditEvent.subject_type == "match_link")
        .order_by(AuditEvent.id)
    )
    rung = RUNGS.get(link.rule)
    return Explained(
        item,
        compare(item),
        on_the_same_credit(session, item.line) if item.line is not None else [],
        session.scalars(acts.limit(50)).all(),
        session.scalars(events.limit(50)).all(),
        session.get(ReconRun, link.run_id) if link.run_id else None,
        rung.confirms if rung else None,
    )


def compare(item: Item) -> list[Compared]:
    """Both sides beside each other: what they share, the amounts, the days, the account. Derived from the rows, which are sealed."""
    other: Any = item.line or item.posting
    if item.receipt is None or other is None:
        return []
    receipt, currency = item.receipt, item.currency
    found = _met(item)
    reported = item.amount_minor if item.together else receipt.amount_minor
    gap = other.amount_minor - reported
    verdict = "Equal" if gap == 0 else f"{shown(abs(gap), currency)} {'more' if gap > 0 else 'less'}"
    found.append(
        Compared(
            "Amounts" if item.together else "Amount",
            shown(reported, currency),
            shown(other.amount_minor, currency),
            verdict,
            gap == 0,
        )
    )
    seen_on: date = other.value_on if isinstance(other, BankLine) else other.posted_on
    days = (seen_on - receipt.collected_on).days
    rung = RUNGS.get(item.link.rule) if item.link is not None else None
    usual = rung is None or rung.window[0] <= days <= rung.window[1]
    found.append(Compared("Day", receipt.collected_on.isoformat(), seen_on.isoformat(), spoken_days(days), usual))
    if isinstance(other, Posting):
        same = other.loan_account_id == receipt.loan_account_id
        said = "The same account" if same else "Another account"
        found.append(Compared("Loan account", receipt.loan_account_no, other.loan_account_no, said, same))
    return found


def _met(item: Item) -> list[Compared]:
    receipt = item.receipt
    assert receipt is not None
    if item.line is not None:
        alike = {receipt_fold(key): key for key in sorted(item.line.ref_keys)}
        return [_named(what.capitalize(), key, set(item.line.ref_keys), alike) for key, what in item.names.items()]
    posting = item.posting
    assert posting is not None
    pairs = [
        ("Receipt number", receipt.receipt_no, posting.receipt_no, receipt.receipt_key, posting.receipt_key),
        (
            "Payment reference",
            receipt.instrument_ref,
            posting.instrument_ref,
            receipt.instrument_key,
            posting.instrument_key,
        ),
    ]
    return [
        Compared(what, ours or "–", theirs or "–", "The same" if a and a == b else "–", True if a and a == b else None)
        for what, ours, theirs, a, b in pairs
    ]


def _named(what: str, key: str, keys: set[str], alike: dict[str, str]) -> Compared:
    """One of a receipt's keys beside the credit's; `alike`: the credit's keys by what they read as, letters taken for digits."""
    if key in keys:
        return Compared(what, key, key, "The same", True)
    misread = alike.get(receipt_fold(key), "")
    if misread:
        return Compared(what, key, misread, "Reads alike, a letter for a digit", True)
    return Compared(what, key, "not in the narrative", "–", None)
