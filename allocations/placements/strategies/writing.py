"""An approved run becomes a placement, or the staff's book: every gate is asked once more, then all is written, or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from allocations.placements.asking_again import shut_meanwhile
from allocations.placements.borrower_notices import queue_notices
from allocations.placements.gates import GATES
from allocations.placements.import_allocations import HELD, INSERT, OVERLAPS
from allocations.placements.models import Placement
from allocations.placements.strategies.facts import TakerFacts, taker_from
from allocations.placements.strategies.gathering import takers_on
from allocations.placements.strategies.models import StrategyRun
from allocations.placements.strategies.staff import BOOK_LOCK
from allocations.placements.strategies.terms import Terms
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Stale

NAMED = 10  # accounts a refusal names

STAGED = """
    create temporary table staged_facts on commit drop as
    select row_number() over (order by c.loan_account_no) - 1 as pos, c.loan_account_id as account_id, g.id as agency_id,
           null::bigint as agent_id, cast(:stream as text) as stream, cast(:start as date) as from_on, cast(:end as date) as to_on,
           c.opening_on::date as as_of, null::bigint as target_minor, c.loan_account_no
    from strategy_choices c join {takers} g on g.code = c.taker
    where c.run_id = :run and c.taker <> ''
"""
# The figures it was decided on are still those of the day.
OTHER_FIGURES = """
    select s.loan_account_no from staged_facts s
    join lateral (select x.as_of from account_snapshots x where x.loan_account_id = s.account_id and x.as_of <= s.from_on
                  order by x.as_of desc limit 1) x on true
    where x.as_of <> s.as_of order by s.pos limit :most
"""
# So are what it is and where: areas and rules were asked about these. The first that differs is named.
READ_OFF = {
    "product": "product",
    "state": "state",
    "pincode": "pincode",
    "region": "region",
    "branch_code": "branch",
    "language": "language",
    "risk_grade": "risk grade",
}
_CHANGED = " ".join(f"when coalesce(l.{name}, '') <> c.{name} then '{word}'" for name, word in READ_OFF.items())
_NOW = ", ".join(f"coalesce(l.{name}, '')" for name in READ_OFF)
OTHER_FACTS = f"""
    select c.loan_account_no, case {_CHANGED} end as fact
    from strategy_choices c join loan_accounts l on l.id = c.loan_account_id
    where c.run_id = :run and c.taker <> '' and ({_NOW}) <> ({", ".join(f"c.{name}" for name in READ_OFF)})
    order by c.loan_account_no limit :most
"""
STAFF_OVERLAPS = """
    select s.loan_account_no, g.code as holder from staged_facts s
    join staff_allocations a on a.loan_account_id = s.account_id and a.term && daterange(s.from_on, s.to_on, '[]')
    join staff_members g on g.id = a.staff_id order by s.pos limit :most
"""
STAFF_INSERT = """
    insert into staff_allocations (loan_account_id, staff_id, manager_id, run_id, from_on, to_on, created_by, created_at)
    select s.account_id, m.id, m.manager_id, :run, s.from_on, s.to_on, :by, :now
    from staged_facts s join staff_members m on m.id = s.agency_id order by s.pos
"""
GIVEN = """
    select c.taker, count(*) as accounts, sum(greatest(c.principal_minor, 0)) as minor
    from strategy_choices c where c.run_id = :run and c.taker <> '' group by c.taker order by c.taker
"""


def check_now(session: Session, run: StrategyRun, terms: Terms) -> None:
    """Ask every gate anew for what would be written. Raises Stale with all that has changed, and the first accounts by number."""
    is_staff = terms.kind == "staff"
    if is_staff:
        session.execute(BOOK_LOCK)
    session.execute(text("drop table if exists pg_temp.staged_facts"))
    statement = STAGED.format(takers="staff_members" if is_staff else "agencies")
    given = {"run": run.id, "stream": terms.stream, "start": run.from_on, "end": run.to_on}
    session.execute(text(statement), given)
    session.execute(text("analyze staged_facts"))
    said = [*_takers_now(session, run, terms), *(_staff_now(session) if is_staff else _accounts_now(session))]
    said += _other_facts(session, run)
    if said:
        raise Stale(f"This has changed since it was drawn: {' '.join(said)} Draw it again.")


def _takers_now(session: Session, run: StrategyRun, terms: Terms) -> Iterator[str]:
    then = {each["code"]: taker_from(each) for each in run.takers}
    now = {each.code: each for each in takers_on(session, terms, run.from_on, run.to_on)}
    for row in session.execute(text(GIVEN), {"run": run.id}):
        here = now.get(row.taker)
        if here is None:
            yield f"{row.taker} is not there any more."
            continue
        yield from (said for _, said in here.stops)
        if _licence(here) != _licence(then[row.taker]):
            yield f"Where or what {row.taker} may work was changed."
        if here.accounts is not None and row.accounts > here.accounts:
            yield f"{row.taker} was to get {row.accounts:,} accounts and can take {here.accounts:,}."
        if here.minor is not None and row.minor > here.minor:
            yield f"{row.taker} was to get more principal than its cap leaves."


def _licence(facts: TakerFacts) -> tuple[Any, ...]:
    return (facts.states, facts.pincodes, facts.products, facts.branches)


def _accounts_now(session: Session) -> Iterator[str]:
    held = session.execute(text(f"{HELD} limit {NAMED}"), {"known": []}).all()
    taken = session.execute(text(f"{OVERLAPS} limit {NAMED}"), {"known": []}).all()
    numbers = _numbers(session, [row.pos for row in (*held, *taken)])
    for row in held:
        yield f"{numbers[row.pos]}: {GATES[row.gate].words} ({row.reason})."
    for row in taken:
        yield f"{numbers[row.pos]}: {row.holder} holds it (placement {row.placement})."
    yield from _other_figures(session)


def _other_figures(session: Session) -> Iterator[str]:
    for number in session.scalars(text(OTHER_FIGURES), {"most": NAMED}):
        yield f"{number}: newer figures came in."


def _other_facts(session: Session, run: StrategyRun) -> Iterator[str]:
    for row in session.execute(text(OTHER_FACTS), {"run": run.id, "most": NAMED}):
        yield f"{row.loan_account_no}: its {row.fact} was changed."


def _staff_now(session: Session) -> Iterator[str]:
    for row in session.execute(text(STAFF_OVERLAPS), {"most": NAMED}):
        yield f"{row.loan_account_no}: {row.holder} holds it."
    yield from _other_figures(session)


def _numbers(session: Session, places: list[int]) -> dict[int, str]:
    found = text("select pos, loan_account_no from staged_facts where pos = any(:at)")
    return {row.pos: row.loan_account_no for row in session.execute(found, {"at": places})}


def write_placement(session: Session, run: StrategyRun, terms: Terms, *, actor: Actor, now: datetime) -> None:
    """The run's accounts as allocations of a placement named after it. `check_now` has just staged and checked them."""
    placement = Placement(code=run.ref, created_by=actor.email, created_at=now)
    session.add(placement)
    session.flush()
    try:
        with session.begin_nested():
            done = session.execute(text(INSERT), {"placement": placement.id, "now": now, "skip": []})
    except IntegrityError as error:
        if "one_agency_a_day_a_stream" not in str(error.orig):
            raise
        raise Stale(
            "Some of these accounts were given to another agency at this very moment. Draw it again."
        ) from error
    if done.rowcount != run.placed:  # type: ignore[attr-defined]
        raise Stale("Some of these accounts cannot be written as they were drawn. Draw it again.")
    takers = session.scalars(text("select distinct agency_id from staged_facts"))
    if shut := shut_meanwhile(session, ((agency, run.from_on, run.to_on) for agency in takers)):
        raise Stale(f"This has changed since it was drawn: {' '.join(shut)} Draw it again.")
    queue_notices(session, placement.id, since=now, now=now)
    run.placement_id = placement.id
    session.execute(text("drop table pg_temp.staged_facts"))
    session.flush()
    record_event(
        session,
        AuditTag.ALLOCATIONS_IMPORTED,
        actor=actor,
        subject_type="placement",
        subject_ref=placement.code,
        now=now,
        data={
            "file": run.result_hash,
            "placement": placement.code,
            "rows": run.placed,
            "created": run.placed,
            "rejected": 0,
        },
    )


def write_staff(session: Session, run: StrategyRun, terms: Terms, *, actor: Actor, now: datetime) -> None:
    """The run's accounts in the book of the bank's own executives, each with the manager above as of now."""
    session.execute(text(STAFF_INSERT), {"run": run.id, "by": actor.email, "now": now})
    session.execute(text("drop table pg_temp.staged_facts"))
