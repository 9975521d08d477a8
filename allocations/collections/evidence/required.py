"""Which evidence receipts and visits must have by the rules of their day, and which of it is not there.

A piece counts once it has been examined and as long as nobody questions it. It counts for a receipt when it was handed in for the receipt
itself, for the deposit its money went in with, for the contact it was taken at, or as the deposit slip of another receipt on the same
slip.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol, TypeVar

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.agencies.models import DatedSetting
from allocations.collections.evidence.rules import Required, kinds_needed, read_required
from portal.kernel.clock import BANK_ZONE

T = TypeVar("T")
RECEIPTS, VISITS = "evidence.required", "evidence.required_for_visits"


class Receipt(Protocol):
    """What decides which evidence a receipt needs; a Collection is one."""

    @property
    def id(self) -> int: ...
    @property
    def mode(self) -> str: ...
    @property
    def amount_minor(self) -> int: ...
    @property
    def collected_on(self) -> date: ...


class Visit(Protocol):
    """A contact, as far as its evidence goes."""

    @property
    def id(self) -> int: ...
    @property
    def kind(self) -> str: ...
    @property
    def at(self) -> datetime: ...


@dataclass(frozen=True)
class Facts:
    """A receipt read from elsewhere than its own table."""

    id: int
    mode: str
    amount_minor: int
    collected_on: date


# Kinds of evidence at hand for receipts, by every way a piece may speak for one.
AT_HAND = text("""
select c.id, e.kind from collections c join evidence e on e.collection_id = c.id
 where c.id = any(:ids) and e.status = 'ready' and e.review <> 'questioned'
union
select i.collection_id, e.kind from deposit_items i join evidence e on e.deposit_id = i.deposit_id
 where i.collection_id = any(:ids) and e.status = 'ready' and e.review <> 'questioned'
union
select k.collection_id, e.kind from contacts k join evidence e on e.contact_id = k.id
 where k.collection_id = any(:ids) and e.status = 'ready' and e.review <> 'questioned'
union
select c.id, e.kind from collections c
  join collections o on o.agency_id = c.agency_id and o.slip_key = c.slip_key and o.id <> c.id
  join evidence e on e.collection_id = o.id and e.kind = 'deposit_slip'
 where c.id = any(:ids) and c.slip_key <> '' and e.status = 'ready' and e.review <> 'questioned'
""")
AT_HAND_OF_VISITS = text("""
select e.contact_id, e.kind from evidence e
 where e.contact_id = any(:ids) and e.status = 'ready' and e.review <> 'questioned'
""")


def missing_of_receipts(session: Session, receipts: Sequence[Receipt]) -> dict[int, tuple[str, ...]]:
    """Receipt id → the kinds it lacks; receipts that lack nothing are left out. Asks for no evidence while no rule needs any."""
    rules = _rules(session, RECEIPTS, read_required)
    needed = {each.id: _needed(rules, each) for each in receipts} if rules else {}
    return _lacking(session, AT_HAND, needed)


def missing_of_visits(session: Session, visits: Sequence[Visit]) -> dict[int, tuple[str, ...]]:
    """Contact id → the kinds it lacks by the rules of its day."""
    rules = _rules(session, VISITS, _read_visits)
    needed: dict[int, tuple[str, ...]] = {}
    for each in visits if rules else ():
        kinds: tuple[str, ...] = _on(rules, each.at.astimezone(BANK_ZONE).date()) or ()
        needed[each.id] = kinds if each.kind == "visit" else ()
    return _lacking(session, AT_HAND_OF_VISITS, needed)


def needed_by(session: Session, receipt: Receipt) -> tuple[str, ...]:
    """The kinds a receipt must have, at hand or not."""
    return _needed(_rules(session, RECEIPTS, read_required), receipt)


def earliest_rule(session: Session, code: str = RECEIPTS) -> date | None:
    """Since when anything is required; None while nothing is."""
    query = select(DatedSetting.effective_from).where(DatedSetting.code == code)
    query = query.where(text("value <> '[]'::jsonb")).order_by(DatedSetting.effective_from).limit(1)
    return session.scalar(query)


@dataclass(frozen=True)
class _Dated:
    since: date
    until: date | None
    value: Any


def _rules(session: Session, code: str, read: Callable[[Any], T]) -> list[_Dated]:
    """Every row of the setting, the newest first; empty when none of them asks for anything."""
    query = select(DatedSetting).where(DatedSetting.code == code).order_by(DatedSetting.effective_from.desc())
    rows = session.scalars(query).all()
    if not any(row.value for row in rows):
        return []
    return [_Dated(row.effective_from, row.effective_to, read(row.value)) for row in rows]


def _on(rules: Iterable[_Dated], day: date) -> Any:
    """What is in force on a day; None when nothing is."""
    for each in rules:
        if each.since <= day and (each.until is None or each.until >= day):
            return each.value
    return None


def _needed(rules: Iterable[_Dated], receipt: Receipt) -> tuple[str, ...]:
    required: tuple[Required, ...] = _on(rules, receipt.collected_on) or ()
    return kinds_needed(required, receipt.mode, receipt.amount_minor)


def _read_visits(value: Any) -> tuple[str, ...]:
    return tuple(sorted(str(kind) for kind in value))


def _lacking(session: Session, query: Any, needed: Mapping[int, tuple[str, ...]]) -> dict[int, tuple[str, ...]]:
    ids = [each for each, kinds in needed.items() if kinds]
    if not ids:
        return {}
    there: dict[int, set[str]] = defaultdict(set)
    for id_, kind in session.execute(query, {"ids": ids}):
        there[id_].add(kind)
    lacking = {each: tuple(kind for kind in needed[each] if kind not in there[each]) for each in ids}
    return {each: kinds for each, kinds in lacking.items() if kinds}
