"""Reconciles what agencies report with what the bank saw and core banking booked: reads, matches, writes, in one transaction.

Incremental by nature: what is confirmed stays, open items keep their age, and a run that finds nothing new writes nothing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.collections.receipts.cash import DEPOSIT_DAYS
from allocations.collections.receipts.cash_queries import dated
from allocations.reconciliation.matching.breaks import find_breaks
from allocations.reconciliation.matching.hashes import input_hash, result_hash
from allocations.reconciliation.matching.ladder import LADDER, Ladder
from allocations.reconciliation.matching.matcher import Matches, match, totals
from allocations.reconciliation.models import ReconRun
from allocations.reconciliation.running.direct import find_direct_payments
from allocations.reconciliation.running.paper import paper_breaks
from allocations.reconciliation.running.reading import read_world
from allocations.reconciliation.running.writing import (
    fresh_suggestions,
    undo_links,
    without_accepted,
    write_breaks,
    write_links,
)
from portal.kernel.audit import Actor, AuditTag, record_event

RECONCILE_LOCK = 7_266_321  # one reconciliation at a time; acts by hand share it, a run has it alone


@dataclass(frozen=True, slots=True)
class CurrencySummary:
    """Where the money of one currency stands, in minor units and counts. `breaks`: code → [count, amount]."""

    currency: str
    matched_count: int = 0
    matched_minor: int = 0
    suggested_count: int = 0
    suggested_minor: int = 0
    suspense_count: int = 0
    suspense_minor: int = 0
    returned_minor: int = 0
    credits_minor: int = 0
    breaks: dict[str, list[int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReconResult:
    """What a run found. `is_new` is False when nothing had changed since the last run; then nothing was written."""

    through: date
    input_hash: str
    result_hash: str
    currencies: list[CurrencySummary]
    confirmed: int
    undone: int
    is_new: bool
    run_id: int


def reconcile(session: Session, *, through: date, actor: Actor, now: datetime, ladder: Ladder = LADDER) -> ReconResult:
    """Match everything up to and including `through`, and store links, breaks and the run. Two at once do it once.

    When money paid direct was counted, or gave way to a receipt, what was found is found once more with it.
    """
    lock_for_run(session)
    result = run_once(session, through=through, actor=actor, now=now, ladder=ladder)
    direct = find_direct_payments(session, through=through, run_id=result.run_id, actor=actor, now=now)
    if not direct.moved_links:
        return result
    again = run_once(session, through=through, actor=actor, now=now, ladder=ladder)
    return replace(
        again, confirmed=result.confirmed + again.confirmed, undone=result.undone + again.undone, is_new=True
    )


def run_once(session: Session, *, through: date, actor: Actor, now: datetime, ladder: Ladder) -> ReconResult:
    world = read_world(session, through)
    matches = match(world, ladder)
    found = every_break(session, matches, ladder, through)
    hashes = input_hash(world, ladder), result_hash(world, matches, found)
    breaks = without_accepted(session, found)
    currencies = summarise(matches, breaks)
    suggestions, withdrawn = fresh_suggestions(matches)
    last = session.scalars(select(ReconRun).order_by(ReconRun.id.desc()).limit(1)).first()
    moved = len(matches.confirmed) + len(matches.undone) + len(suggestions) + len(withdrawn)
    if last and not moved and (last.input_hash, last.result_hash, last.through_on) == (*hashes, through):
        return ReconResult(through, *hashes, currencies, 0, 0, False, last.id)
    run = store_run(session, through, hashes, currencies, actor, now)
    undo_links(session, matches, withdrawn, now)
    write_links(session, matches, matches.confirmed, "confirmed", run.id, now)
    write_links(session, matches, suggestions, "suggested", run.id, now)
    write_breaks(session, breaks, through=through, run_id=run.id, now=now)
    return ReconResult(through, *hashes, currencies, len(matches.confirmed), len(matches.undone), True, run.id)


def every_break(session: Session, matches: Matches, ladder: Ladder, through: date) -> pd.DataFrame:
    """What money shows, and what paper shows."""
    columns = ["collection_id", "posting_id"]
    booked = pd.concat([matches.standing[columns], matches.confirmed[columns]])
    parts = [
        find_breaks(matches, ladder, dated(session, DEPOSIT_DAYS)),
        paper_breaks(session, through=through, collection_ids=None, booked=booked),
    ]
    filled = [each for each in parts if len(each)]
    return pd.concat(filled, ignore_index=True) if filled else parts[0]


def lock_for_run(session: Session) -> None:
    session.execute(select(func.pg_advisory_xact_lock(RECONCILE_LOCK)))


def lock_for_hand(session: Session) -> None:
    """Acts by hand wait while a run is under way, but not for each other: rows are locked one by one."""
    session.execute(select(func.pg_advisory_xact_lock_shared(RECONCILE_LOCK)))


def store_run(
    session: Session,
    through: date,
    hashes: tuple[str, str],
    currencies: list[CurrencySummary],
    actor: Actor,
    now: datetime,
) -> ReconRun:
    summary: dict[str, Any] = {each.currency: asdict(each) for each in currencies}
    run = ReconRun(
        through_on=through,
        input_hash=hashes[0],
        result_hash=hashes[1],
        summary=summary,
        run_by=actor.email,
        run_at=now,
    )
    session.add(run)
    session.flush()
    record_event(
        session,
        AuditTag.RECONCILED,
        actor=actor,
        subject_type="recon_run",
        subject_ref=str(run.id),
        now=now,
        data={
            "through": through,
            "matched": {each.currency: each.matched_minor for each in currencies},
            "suggested": {each.currency: each.suggested_minor for each in currencies},
            "breaks": {each.currency: each.breaks for each in currencies},
            "input_hash": hashes[0],
            "result_hash": hashes[1],
        },
    )
    return run


def summarise(matches: Matches, breaks: pd.DataFrame) -> list[CurrencySummary]:
    """One summary a currency, by currency code."""
    coll, line = matches.book.coll, matches.book.line
    sums = totals(matches)
    bank = pd.concat([matches.standing, matches.confirmed])[["collection_id", "line_id", "amount"]]
    matched = _by_currency(bank[bank["line_id"] > 0], coll)
    suggested = _by_currency(matches.suggested[matches.suggested["line_id"] > 0], coll)
    open_lines = line[line["open"] > 0].groupby("currency")["id"].count()
    codes = breaks.groupby(["currency", "code"])["amount"].agg(["count", "sum"]) if len(breaks) else pd.DataFrame()
    found = []
    for currency in sorted({*coll["currency"], *line["currency"], *matches.book.posting["currency"]}):
        total = sums.get(currency)
        rows = codes.loc[currency].iterrows() if len(codes) and currency in codes.index else ()
        found.append(
            CurrencySummary(
                currency,
                *matched.get(currency, (0, 0)),
                *suggested.get(currency, (0, 0)),
                int(open_lines.get(currency, 0)),
                total.suspense if total else 0,
                total.returned if total else 0,
                total.credits if total else 0,
                {str(code): [int(row["count"]), int(row["sum"])] for code, row in rows},
            )
        )
    return found


def _by_currency(links: pd.DataFrame, coll: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """Currency → (receipts, amount) of links."""
    if links.empty:
        return {}
    currency = links["collection_id"].map(pd.Series(coll["currency"].to_numpy(), index=coll["id"]))
    table = links.groupby(currency).agg(receipts=("collection_id", "nunique"), amount=("amount", "sum"))
    return {str(name): (int(row["receipts"]), int(row["amount"])) for name, row in table.iterrows()}
