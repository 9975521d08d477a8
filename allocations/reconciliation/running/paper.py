"""Breaks that no money shows but paper does: numbers not accounted for (R11), splits that differ (R13), hours and days (R14)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, time
from typing import Any

import pandas as pd
from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.collections.field.contact_rules import Rules, rules_from
from allocations.collections.receipts.cash_queries import dated
from allocations.reconciliation.matching.breaks import COLUMNS
from allocations.reconciliation.matching.ladder import LADDER
from allocations.reconciliation.matching.reasons import KINDS
from allocations.reconciliation.running.columns import as_array
from allocations.reconciliation.running.paper_books import missing_numbers, numbers_not_issued
from allocations.reconciliation.running.paper_touching import Leafed
from portal.kernel.clock import BANK_ZONE

PaperRows = list[dict[str, Any]]
COMPONENTS = ("principal", "interest", "charges")
# How a receipt is named everywhere in a run.
RECEIPT = """
    c.id, g.code || '/' || c.receipt_key as ref, c.agency_id, c.amount_minor as amount, c.currency, c.collected_on
"""
# Taken by a person of the agency: not drawn by a mandate, not paid to the bank itself.
TAKEN = "c.source <> 'direct' and c.mode <> 'auto_debit' and c.collected_on <= :through and (:all or c.id = any(:ids))"
BEFORE = f"""
    select {RECEIPT}, a.from_on
      from collections c join agencies g on g.id = c.agency_id join allocations a on a.id = c.allocation_id
     where {TAKEN} and c.collected_on < a.from_on
"""
HOURS = f"""
    select {RECEIPT}, c.collected_time, l.state
      from collections c join agencies g on g.id = c.agency_id join loan_accounts l on l.id = c.loan_account_id
     where {TAKEN} and (c.collected_time < :first or c.collected_time > :last
                        or (c.collected_time is not null and l.state = any(:zoned)))
"""
SPLIT = ", ".join(f"c.component_{name}_minor as {name}" for name in COMPONENTS)
SPLITS = f"""
    select {RECEIPT}, {SPLIT}
      from collections c join agencies g on g.id = c.agency_id
     where c.source <> 'direct' and c.collected_on <= :through and (:all or c.id = any(:ids))
       and num_nonnulls(c.component_principal_minor, c.component_interest_minor, c.component_charges_minor) > 0
"""
BOOKED_SPLITS = f"""
    select c.id, c.posting_no, c.amount_minor as amount, {SPLIT} from postings c
     where c.posted_on <= :through and c.id = any(:ids)
       and num_nonnulls(c.component_principal_minor, c.component_interest_minor, c.component_charges_minor) > 0
"""
LINKED = """
    select collection_id, posting_id from match_links
     where posting_id is not null and status = 'confirmed' and (:all or collection_id = any(:ids))
"""


def paper_breaks(
    session: Session,
    *,
    through: date,
    collection_ids: Sequence[int] | None,
    booked: pd.DataFrame | None = None,
    known: PaperRows | None = None,
) -> pd.DataFrame:
    """Breaks R11, R13 and R14 as they stand on `through`, with the columns of breaks.COLUMNS.

    `collection_ids` None: everything; else only what concerns these receipts and the books they stand in. `booked`: links of
    receipts and postings (collection_id, posting_id) that stand or are being made; None: those stored. `known`: paper_rows of the
    same, where they were asked for before.
    """
    rows = paper_rows(session, through=through, collection_ids=collection_ids) if known is None else known
    rows = [*rows, *other_splits(session, _asked(through, collection_ids), booked)]
    if not rows:
        return pd.DataFrame(columns=COLUMNS)
    return pd.DataFrame(rows)[COLUMNS].drop_duplicates(["code", "side", "subject_id"], ignore_index=True)


def paper_rows(
    session: Session, *, through: date, collection_ids: Sequence[int] | None, leafed: Leafed | None = None
) -> PaperRows:
    """Those of paper_breaks that no link has a part in, some of them twice. `leafed`: the books to look through; None: those the
    receipts stand in."""
    asked = _asked(through, collection_ids)
    numbered = _asked(through, {*(collection_ids or ()), *leafed.collection_ids}) if leafed else asked
    return [
        *numbers_not_issued(session, numbered),
        *missing_numbers(session, asked, leafed.book_ids if leafed else None),
        *taken_too_early(session, asked),
        *taken_at_odd_hours(session, asked),
    ]


def _asked(through: date, collection_ids: Collection[int] | None) -> dict[str, Any]:
    return {"through": through, "all": collection_ids is None, "ids": as_array(collection_ids or ())}


def receipt_break(code: str, row: Any, why: str, **more: Any) -> dict[str, Any]:
    """A break about one receipt; `more` is evidence, but for `amount` and `cure`."""
    kind = KINDS[code]
    day = row.collected_on.toordinal()
    return {
        "code": code,
        "side": "collection",
        "subject_id": row.id,
        "ref": row.ref,
        "agency_id": row.agency_id,
        "amount": more.pop("amount", row.amount),
        "currency": row.currency,
        "day": day,
        "due": day + kind.days,
        "owner": kind.owner,
        "cure": more.pop("cure", kind.cure),
        "detail": {"why": why, "collected_on": row.collected_on.isoformat(), **more},
        "misses": "[]",
    }


def taken_too_early(session: Session, asked: dict[str, Any]) -> list[dict[str, Any]]:
    why = "Dated before the account was allocated."
    return [
        receipt_break("R14", row, why, allocated_on=row.from_on.isoformat())
        for row in session.execute(text(BEFORE), asked)
    ]


def taken_at_odd_hours(session: Session, asked: dict[str, Any]) -> list[dict[str, Any]]:
    """Receipts whose hour, at the borrower's, lies outside the hours of contact of their day. Both ends are inside."""
    hours = dated(session, "contact.hours")
    if not hours.rows:
        return []
    all_rules = [rules_from({"contact.hours": value}) for _from, _to, value in hours.rows]
    bounds = {
        "first": max(rules.first or time.min for rules in all_rules),
        "last": min(rules.last or time.max for rules in all_rules),
        "zoned": sorted({state for rules in all_rules for state in rules.zones}),
    }
    found = []
    for row in session.execute(text(HOURS), asked | bounds):
        rules = rules_from({"contact.hours": hours.on(row.collected_on)})
        clock = hour_outside(row.collected_on, row.collected_time, row.state, rules)
        if clock is not None:
            why = "Taken outside the hours of contact."
            allowed = f"{rules.first:%H:%M} to {rules.last:%H:%M}"
            found.append(receipt_break("R14", row, why, taken_at=f"{clock:%H:%M}", hours=allowed))
    return found


def hour_outside(day: date, at: time, state: str | None, rules: Rules) -> time | None:
    """The hour at the borrower's when it lies outside the rule's; None within, and without a rule about visits."""
    if rules.first is None or rules.last is None or "visit" not in rules.hours_kinds:
        return None
    clock = datetime.combine(day, at, BANK_ZONE).astimezone(rules.zone_of(state)).time()
    return None if rules.first <= clock <= rules.last else clock


def other_splits(session: Session, asked: dict[str, Any], booked: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Receipts and their postings of the same amount that name principal, interest or charges otherwise, by more than rounding."""
    receipts = {row.id: row for row in session.execute(text(SPLITS), asked)}
    if not receipts:
        return []
    if booked is None:
        booked = pd.DataFrame(session.execute(text(LINKED), asked).all(), columns=["collection_id", "posting_id"])
    pairs = booked.loc[booked["posting_id"].gt(0) & booked["collection_id"].isin(receipts)]
    ids = sorted(int(each) for each in pairs["posting_id"].unique())
    postings = {row.id: row for row in session.execute(text(BOOKED_SPLITS), {"through": asked["through"], "ids": ids})}
    found = []
    for collection_id, posting_id in sorted(zip(pairs["collection_id"], pairs["posting_id"], strict=True)):
        row, posting = receipts[int(collection_id)], postings.get(int(posting_id))
        if posting is not None and posting.amount == row.amount and (parts := differing_parts(row, posting)):
            moved = max(sum(max(said - seen, 0) for said, seen in parts.values()), 1)
            evidence = {f"{name}_reported_minor": said for name, (said, _seen) in parts.items()}
            evidence |= {f"{name}_booked_minor": seen for name, (_said, seen) in parts.items()}
            found.append(receipt_break("R13", row, "Split otherwise in core banking.", amount=moved, **evidence))
    return found


def differing_parts(row: Any, posting: Any) -> dict[str, tuple[int, int]]:
    """Component → (as reported, as booked), of those both sides name and that differ by more than rounding."""
    both = {name: (getattr(row, name), getattr(posting, name)) for name in COMPONENTS}
    slack = LADDER.tolerance(row.currency)
    return {
        name: (said, seen)
        for name, (said, seen) in both.items()
        if said is not None and seen is not None and abs(said - seen) > slack
    }
