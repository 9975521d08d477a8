"""Reconciles what agencies report with what the bank saw and core banking booked: reads, matches, writes, in one transaction.

A run looks at what has changed since the last one and at all that touches it; the first run, a run by other rules and a run that is
asked to look at everything. Both come to the same: what is confirmed stays, open items keep their age, and a run that finds nothing
new writes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime

import pandas as pd
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from allocations.collections.receipts.cash import DEPOSIT_DAYS
from allocations.collections.receipts.cash_queries import dated
from allocations.reconciliation.bench.ladders import ladder_on
from allocations.reconciliation.matching.breaks import find_breaks
from allocations.reconciliation.matching.facts import World
from allocations.reconciliation.matching.hashes import as_text, input_hash
from allocations.reconciliation.matching.matcher import Matches, match
from allocations.reconciliation.matching.rungs import Ladder
from allocations.reconciliation.models import ReconRun
from allocations.reconciliation.running.break_writing import (
    KnownBreaks,
    Ready,
    all_rows,
    known_breaks,
    made_ready,
    stage_breaks,
    write_breaks,
)
from allocations.reconciliation.running.changed import Changed, ladder_mark, look_at, take_queue, what_changed
from allocations.reconciliation.running.direct import find_direct_payments
from allocations.reconciliation.running.handing import Handing
from allocations.reconciliation.running.locks import lock_for_hand, lock_for_run
from allocations.reconciliation.running.memory import give_back
from allocations.reconciliation.running.paper import PaperRows, paper_breaks, paper_rows
from allocations.reconciliation.running.paper_touching import books_changed
from allocations.reconciliation.running.reading import feed_marks, read_world
from allocations.reconciliation.running.standing import (
    clear_marks,
    common_keys,
    keep_common,
    keep_returned,
    marks_before,
)
from allocations.reconciliation.running.summary import (
    CurrencySummary,
    Summaries,
    as_stored,
    replaced,
    stored_summary,
    summarise,
)
from allocations.reconciliation.running.telling import Tell, quietly
from allocations.reconciliation.running.writing import Hasty, LinkChanges, link_changes, write_links
from portal.kernel.audit import Actor, AuditTag, record_event

__all__ = ["CurrencySummary", "ReconResult", "lock_for_hand", "lock_for_run", "reconcile"]
FINISH = text("select portal_finish_run(:run, :inputs, :results, cast(:sums as jsonb))")
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
    """Read, match, find and write. Should links of a first climb have gone in too soon, they are taken back and all is done in turn."""
    if not changed.part:
        try:
            with run.session.begin_nested():
                return side_by_side(run, changed, early=True)
        except Hasty:
            run.session.expire_all()
    return side_by_side(run, changed, early=False)


def side_by_side(run: Run, changed: Changed, *, early: bool) -> ReconResult:
    """The database works while this process thinks: what paper shows and where all money stood is asked while it matches, and links go in
    while it climbs on and looks for breaks. All on one connection and in one transaction, so never both at once with the session: what is
    asked of it goes to one thread, in turn."""
    session, last, part = run.session, run.last, changed.part
    run.tell(0, 5, "Reading receipts, bank lines and postings.")
    world = read_world(session, run.through, part=part)
    world = replace(world, fed=last.marks) if part and last else world
    give_back()
    read = f"{len(world.collections):,} receipts, {len(world.lines):,} bank lines and {len(world.postings):,} postings"
    known, cash_days = known_breaks(session), dated(session, DEPOSIT_DAYS)
    with ThreadPoolExecutor(1) as database:
        ids = world.collections["id"].tolist() if part else None
        on_paper = database.submit(paper_rows, session, through=run.through, collection_ids=ids, leafed=changed.leafed)
        before = database.submit(stood_before, run) if part else None
        run.tell(1, 5, f"Matching {read}.")
        hand = Handing(session, database, lambda: begun(run, changed, world), run.now)
        matches = match(world, run.ladder, hand if early else None)
        changes = link_changes(matches, hand.written if early else None, hand.value)
        paper = database.submit(with_splits, run, matches, on_paper, ids, known)
        writing = None
        if part or last is None or changes.moved:
            writing = database.submit(written, run, matches, changes, changed, hand)
        give_back()
        run.tell(2, 5, f"Finding what does not fit among {read}, and writing {changes.moved:,} links.")
        money = made_ready(find_breaks(matches, run.ladder, cash_days), known)
        give_back()
        common = [] if part else common_keys(matches)
        breaking = (
            database.submit(broken, run, writing, matches, common, money, paper, known, part) if writing else None
        )
        inputs = input_hash(world, run.ladder, last.input_hash if part and last else "", matches.book.key_codes)
        stood = before.result() if before else Stood({}, {}, 0)
        found = conclude(run, matches, [money, paper.result()], inputs, changes.value, stood, part)
        currencies = [found.summaries[name] for name in sorted(found.summaries)]
        if breaking is None and last and unchanged(run, last, changed, found.hashes):
            clear_marks(session, part)
            return ReconResult(run.through, *found.hashes, currencies, 0, 0, False, last.id)
        if breaking is None:
            writing = database.submit(written, run, matches, changes, changed, hand)
            breaking = database.submit(broken, run, writing, matches, common, money, paper, known, part)
        run.tell(4, 5, "Writing breaks.")
        stored = breaking.result()
    finish_run(run, stored, found)
    counted = (len(matches.confirmed), len(matches.undone))
    return ReconResult(run.through, *found.hashes, currencies, *counted, True, stored.id, stored.mode)


def unchanged(run: Run, last: ReconRun, changed: Changed, hashes: tuple[str, str]) -> bool:
    """Whether a run over everything came to what the last one came to; what that one read, part by part, has a hash of its own."""
    same = (last.result_hash, last.through_on, last.ladder_version) == (hashes[1], run.through, run.ladder.version)
    same &= last.marks.get("settings") == changed.settings and not books_changed(
        run.session, changed.taken, run.through
    )
    return same and (last.mode != "full" or last.input_hash == hashes[0])


def begun(run: Run, changed: Changed, world: World) -> ReconRun:
    """The run's row, before the first link names it."""
    stored = start_run(run, changed, world)
    clear_marks(run.session, changed.part)
    return stored


def written(run: Run, matches: Matches, changes: LinkChanges, changed: Changed, hand: Handing) -> ReconRun:
    """The run's row, and under it the links that did not go in before."""
    hand.settle()
    stored = hand.run.result() if hand.run else begun(run, changed, matches.book.world)
    write_links(run.session, matches, changes, stored.id, run.now, marking=not run.is_back)
    return stored


def broken(
    run: Run,
    writing: Future[ReconRun],
    matches: Matches,
    common: Sequence[str],
    money: Ready,
    paper: Future[Ready],
    known: KnownBreaks,
    part: bool,
) -> ReconRun:
    """Write the breaks of a run, whose row and links are there already, and what a run keeps beside them."""
    stored = writing.result()
    keep_returned(run.session, matches, part)
    if not part:
        keep_common(run.session, common)
    stage_breaks(run.session, all_rows([money, paper.result()]))
    write_breaks(run.session, through=run.through, run_id=stored.id, now=run.now, part=part, any_open=known.any_open)
    return stored


@dataclass(frozen=True)
class Stood:
    """What has to be asked before anything is written. `whole`, `part`: where all money stood, and that of the part a run looks at;
    `marks`: the sum of the marks that stood there."""

    whole: Summaries
    part: Summaries
    marks: int


def stood_before(run: Run) -> Stood:
    whole, part = (stored_summary(run.session, run.through, run.ladder, part=each) for each in (False, True))
    return Stood(whole, part, marks_before(run.session))


def with_splits(
    run: Run, matches: Matches, rows: Future[PaperRows], ids: list[int] | None, known: KnownBreaks
) -> Ready:
    """What paper shows, now that links are known."""
    columns = ["collection_id", "posting_id"]
    booked = pd.concat([matches.standing[columns], matches.confirmed[columns]])
    found = paper_breaks(run.session, through=run.through, collection_ids=ids, booked=booked, known=rows.result())
    return made_ready(found, known)


@dataclass(frozen=True)
class Found:
    """What a pass comes to. `hashes`: input and result."""

    hashes: tuple[str, str]
    summaries: Summaries


def conclude(
    run: Run, matches: Matches, ready: list[Ready], inputs: str, links: int, stood: Stood, part: bool
) -> Found:
    """Asks the database nothing. `links`: the sum of the marks of all links that stand."""
    base = int(run.last.result_hash, 16) if part and run.last else 0
    hashes = inputs, as_text(base - stood.marks + links + sum(each.value for each in ready))
    found = summarise(matches, pd.concat([each.sums for each in ready]))
    return Found(hashes, replaced(stood.whole, stood.part, found) if part else found)


def start_run(run: Run, changed: Changed, world: World) -> ReconRun:
    """The run's row, for links and breaks to name; finish_run says what it came to."""
    known = dict(run.last.marks) if run.last and changed.part else {}
    furthest = max(
        run.through, date.fromisoformat(run.last.marks.get("furthest", "0001-01-01")) if run.last else run.through
    )
    looked_at = len(world.collections) + len(world.lines) + len(world.postings)
    rows = known.get("rows", 0) + len(changed.taken) if changed.part else looked_at
    reached = {name: max(day, known.get(name, 0)) for name, day in feed_marks(world).items()}
    row = ReconRun(
        mode="daily" if changed.part else "full",
        ladder_version=run.ladder.version,
        through_on=run.through,
        input_hash="",
        result_hash="",
        summary={},
        marks={
            **reached,
            "rows": rows,
            "ladder": ladder_mark(run.ladder),
            "settings": changed.settings,
            "furthest": furthest.isoformat(),
            "is_back": run.is_back,
        },
        run_by=run.actor.email,
        run_at=run.now,
    )
    run.session.add(row)
    run.session.flush()
    return row


def finish_run(run: Run, row: ReconRun, found: Found) -> None:
    """Write down what the run came to, once and for all (see portal_finish_run), and say so in the audit log."""
    inputs, results = found.hashes
    sums = json.dumps(as_stored(found.summaries))
    run.session.execute(FINISH, {"run": row.id, "inputs": inputs, "results": results, "sums": sums})
    run.session.expire(row, ["input_hash", "result_hash", "summary"])
    summaries = found.summaries.values()
    record_event(
        run.session,
        AuditTag.RECONCILED,
        actor=run.actor,
        subject_type="recon_run",
        subject_ref=str(row.id),
        now=run.now,
        data={
            "through": run.through,
            "matched": {each.currency: each.matched_minor for each in summaries},
            "suggested": {each.currency: each.suggested_minor for each in summaries},
            "breaks": {each.currency: each.breaks for each in summaries},
            "input_hash": inputs,
            "result_hash": results,
        },
    )
