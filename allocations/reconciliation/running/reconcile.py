"""Reconciles what agencies report with what the bank saw and core banking booked: reads, matches, writes, in one transaction.

A run looks at what has changed since the last one and at all that touches it; the first run, a run by other rules and a run that is
asked to look at everything. Both come to the same: what is confirmed stays, open items keep their age, and a run that finds nothing
new writes nothing.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime

import pandas as pd
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from allocations.collections.receipts.cash import DEPOSIT_DAYS
from allocations.collections.receipts.cash_queries import dated
from allocations.reconciliation.bench.ladders import ladder_on
from allocations.reconciliation.matching.breaks import find_breaks
from allocations.reconciliation.matching.hashes import as_text, break_marks, input_hash, total
from allocations.reconciliation.matching.matcher import Matches, match
from allocations.reconciliation.matching.rungs import Ladder
from allocations.reconciliation.models import ReconRun
from allocations.reconciliation.running.break_writing import stage_breaks, without_accepted, write_breaks
from allocations.reconciliation.running.changed import Changed, ladder_mark, look_at, take_queue, what_changed
from allocations.reconciliation.running.direct import find_direct_payments
from allocations.reconciliation.running.locks import lock_for_hand, lock_for_run
from allocations.reconciliation.running.paper import paper_breaks
from allocations.reconciliation.running.reading import feed_marks, read_world
from allocations.reconciliation.running.standing import clear_marks, keep_common, keep_returned, marks_before
from allocations.reconciliation.running.summary import (
    CurrencySummary,
    Summaries,
    as_stored,
    replaced,
    stored_summary,
    summarise,
)
from allocations.reconciliation.running.telling import Tell, quietly
from allocations.reconciliation.running.writing import LinkChanges, link_changes, stage_links, write_links
from portal.kernel.audit import Actor, AuditTag, record_event

__all__ = ["CurrencySummary", "ReconResult", "lock_for_hand", "lock_for_run", "reconcile"]
ROOM = "set local work_mem = '128MB'"  # a run sorts and joins whole tables, and is alone in it


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
    mode: str = "full"


@dataclass(frozen=True)
class Run:
    """What one pass works with."""

    session: Session
    through: date
    actor: Actor
    now: datetime
    ladder: Ladder
    tell: Tell
    last: ReconRun | None

    @property
    def is_back(self) -> bool:
        """Whether an earlier run already looked further: what came later stands, and this one says nothing of it."""
        return self.last is not None and self.through < date.fromisoformat(
            self.last.marks.get("furthest", "0001-01-01")
        )


def reconcile(
    session: Session,
    *,
    through: date,
    actor: Actor,
    now: datetime,
    ladder: Ladder | None = None,
    full: bool = False,
    tell: Tell = quietly,
) -> ReconResult:
    """Match everything up to and including `through`, and store links, breaks and the run. Two at once do it once.

    `ladder` None: the approved one. `full`: look at everything, whatever has changed. When money paid direct was counted, or gave
    way to a receipt, what was found is found once more with it.
    """
    lock_for_run(session)
    session.execute(text(ROOM))
    ladder = ladder or ladder_on(session)

    def passes(full: bool) -> tuple[ReconResult, Changed]:
        run = Run(session, through, actor, now, ladder, tell, last_run(session))
        return run_once(run, full)

    result, changed = passes(full)
    direct = find_direct_payments(
        session, through=through, run_id=result.run_id, actor=actor, now=now, line_ids=changed.line_ids
    )
    if not direct.moved_links:
        return result
    again, _ = passes(False)
    return replace(
        again,
        confirmed=result.confirmed + again.confirmed,
        undone=result.undone + again.undone,
        is_new=True,
        mode=result.mode,
    )


def last_run(session: Session) -> ReconRun | None:
    return session.scalars(select(ReconRun).order_by(ReconRun.id.desc()).limit(1)).first()


def run_once(run: Run, full: bool) -> tuple[ReconResult, Changed]:
    session, last = run.session, run.last
    changed = what_changed(session, run.through, run.ladder, last, full=full)
    if changed.is_nothing and last is not None:
        return as_before(run, last), changed
    reconciling(session, True)
    if changed.part and last is not None:
        changed = look_at(session, changed, run.through, run.ladder, last)
    result = worked_out(run, changed)
    take_queue(session, changed, run.through)
    reconciling(session, False)
    return result, changed


def reconciling(session: Session, on: bool) -> None:
    """While a run writes, the database's triggers do not ask for another one."""
    session.execute(select(func.set_config("portal.reconciling", "on" if on else "off", True)))


def as_before(run: Run, last: ReconRun) -> ReconResult:
    currencies = [CurrencySummary(**each) for each in last.summary.values()]
    return ReconResult(run.through, last.input_hash, last.result_hash, currencies, 0, 0, False, last.id, last.mode)


def worked_out(run: Run, changed: Changed) -> ReconResult:
    session, last, part = run.session, run.last, changed.part
    run.tell(0, 5, "Reading receipts, bank lines and postings.")
    world = read_world(session, run.through, part=part)
    read = f"{len(world.collections):,} receipts, {len(world.lines):,} bank lines and {len(world.postings):,} postings"
    run.tell(1, 5, f"Matching {read}.")
    cash_days = dated(session, DEPOSIT_DAYS)
    with ThreadPoolExecutor(1) as aside:
        before = aside.submit(stood_before, run) if part else None
        matches = match(world, run.ladder)
        run.tell(2, 5, f"Finding what does not fit among {read}.")
        of_money = find_breaks(matches, run.ladder, cash_days)
        stood = before.result() if before else None
    breaks = without_accepted(session, with_paper(run, matches, of_money, part))
    run.tell(3, 5, f"Comparing with what stands, and adding up, {read}.")
    changes, marks = link_changes(matches), break_marks(breaks)
    value = changes.value + total(marks)
    gone_by = last.input_hash if part and last else ""
    with ThreadPoolExecutor(1) as aside:
        hashed = aside.submit(input_hash, world, run.ladder, gone_by)
        stage_links(session, matches, changes)
        stage_breaks(session, breaks, marks)
        base = int(last.result_hash, 16) - stood.marks if stood and last else 0
        hashes = hashed.result(), as_text(base + value)
    found = summarise(matches, breaks)
    summaries = replaced(stood.whole, stood.part, found) if stood else found
    currencies = [summaries[name] for name in sorted(summaries)]
    counted = (len(matches.confirmed), len(matches.undone))
    if last and not part and not changes.moved and unchanged(run, last, hashes):
        clear_marks(session, part)
        return ReconResult(run.through, *hashes, currencies, 0, 0, False, last.id)
    run.tell(4, 5, f"Writing {len(changes.new):,} links and {len(breaks):,} breaks.")
    looked_at = len(world.collections) + len(world.lines) + len(world.postings)
    stored = store_run(run, changed, hashes, summaries, feed_marks(world), looked_at)
    write(run, matches, changes, stored.id, part)
    return ReconResult(run.through, *hashes, currencies, *counted, True, stored.id, stored.mode)


def unchanged(run: Run, last: ReconRun, hashes: tuple[str, str]) -> bool:
    """Whether a run over everything came to what the last one came to; what that one read, part by part, has a hash of its own."""
    same = (last.result_hash, last.through_on, last.ladder_version) == (hashes[1], run.through, run.ladder.version)
    return same and (last.mode != "full" or last.input_hash == hashes[0])


def write(run: Run, matches: Matches, changes: LinkChanges, run_id: int, part: bool) -> None:
    session = run.session
    clear_marks(session, part)
    write_links(session, changes, run_id, run.now, marking=not run.is_back)
    keep_returned(session, matches, part)
    if not part:
        keep_common(session, matches)
    run.tell(4, 5, "Writing breaks.")
    write_breaks(session, through=run.through, run_id=run_id, now=run.now, part=part)


def with_paper(run: Run, matches: Matches, of_money: pd.DataFrame, part: bool) -> pd.DataFrame:
    """What money shows, and what paper shows."""
    columns = ["collection_id", "posting_id"]
    booked = pd.concat([matches.standing[columns], matches.confirmed[columns]])
    ids = matches.book.coll["id"].tolist() if part else None
    on_paper = paper_breaks(run.session, through=run.through, collection_ids=ids, booked=booked)
    filled = [each for each in (of_money, on_paper) if len(each)]
    return pd.concat(filled, ignore_index=True) if filled else of_money


@dataclass(frozen=True, slots=True)
class Stood:
    """Where all money stood before a run over a part, and that of the part; the sum of the marks that stood there."""

    whole: Summaries
    part: Summaries
    marks: int


def stood_before(run: Run) -> Stood:
    """Asked of the server while the matcher works: nobody else uses the session then."""
    whole, part = (stored_summary(run.session, run.through, run.ladder, part=each) for each in (False, True))
    return Stood(whole, part, marks_before(run.session))


def store_run(
    run: Run, changed: Changed, hashes: tuple[str, str], summaries: Summaries, feeds: dict[str, int], looked_at: int
) -> ReconRun:
    known = dict(run.last.marks) if run.last and changed.part else {}
    furthest = max(
        run.through, date.fromisoformat(run.last.marks.get("furthest", "0001-01-01")) if run.last else run.through
    )
    rows = known.get("rows", 0) + len(changed.taken) if changed.part else looked_at
    reached = {name: max(day, known.get(name, 0)) for name, day in feeds.items()}
    row = ReconRun(
        mode="daily" if changed.part else "full",
        ladder_version=run.ladder.version,
        through_on=run.through,
        input_hash=hashes[0],
        result_hash=hashes[1],
        summary=as_stored(summaries),
        marks={
            **reached,
            "rows": rows,
            "ladder": ladder_mark(run.ladder),
            "furthest": furthest.isoformat(),
            "is_back": run.is_back,
        },
        run_by=run.actor.email,
        run_at=run.now,
    )
    run.session.add(row)
    run.session.flush()
    record_event(
        run.session,
        AuditTag.RECONCILED,
        actor=run.actor,
        subject_type="recon_run",
        subject_ref=str(row.id),
        now=run.now,
        data={
            "through": run.through,
            "matched": {each.currency: each.matched_minor for each in summaries.values()},
            "suggested": {each.currency: each.suggested_minor for each in summaries.values()},
            "breaks": {each.currency: each.breaks for each in summaries.values()},
            "input_hash": hashes[0],
            "result_hash": hashes[1],
        },
    )
    return row
