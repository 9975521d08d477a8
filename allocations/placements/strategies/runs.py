"""Runs of a strategy: drawn and kept with everything they were made from, handed in, and decided by a second person.

Approved, a run of a strategy for agencies is a placement and its allocations; one for staff is their book. Both are written in the
transaction of the approval, after every gate was asked anew.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from allocations.agencies.service import lender
from allocations.placements.models import LoanAccount
from allocations.placements.strategies.deciding import Decision, decide
from allocations.placements.strategies.facts import TEXT, Accounts, TakerFacts, Words, input_hash
from allocations.placements.strategies.gathering import accounts_on, takers_on
from allocations.placements.strategies.models import Strategy, StrategyChoice, StrategyRun
from allocations.placements.strategies.service import strategy_on, terms_of
from allocations.placements.strategies.summing import summary_of
from allocations.placements.strategies.terms import Terms
from allocations.placements.strategies.writing import check_now, write_placement, write_staff
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.persons import same_person
from portal.kernel.proposals import Proposals
from portal.kernel.tables.bulk import stage

LOCK = text("select pg_advisory_xact_lock(hashtext('strategy ' || :code))")
MOST_PREVIEWED = 50_000  # accounts a page deals while somebody waits
HIGHEST_SEED = 2**53  # as far as JSON keeps whole numbers
Report = Callable[[int, int, str], None]


def _facts(run: StrategyRun) -> dict[str, Any]:
    return {
        "from": run.from_on,
        "to": run.to_on,
        "seed": run.seed,
        "accounts": run.accounts,
        "placed": run.placed,
        "input_hash": run.input_hash,
        "result_hash": run.result_hash,
    }


PROPOSALS = Proposals(
    StrategyRun,
    "a run",
    AuditTag.STRATEGY_RUN_MOVED,
    "strategy_run",
    ref=lambda row: row.ref,
    facts=_facts,
    named=lambda row: row.ref,
    reason_cure="Whoever drew it reads this.",
)


@dataclass(frozen=True)
class Drawn:
    """A decision with everything it was made from; nothing is stored yet."""

    strategy: Strategy
    terms: Terms
    from_on: date
    to_on: date | None
    seed: int
    takers: list[TakerFacts]
    accounts: Accounts
    made: Decision
    summary: dict[str, Any]
    input_hash: str
    result_hash: str


def draw(
    session: Session,
    code: str,
    *,
    from_on: date,
    to_on: date | None = None,
    seed: int,
    report: Report = lambda done, total, said: None,
) -> Drawn:
    """Decide a strategy for a term without keeping anything. `to_on` None: as long as the terms say. Raises Invalid, Refused, NotFound."""
    check_asked(from_on, to_on, seed)
    strategy = strategy_on(session, code, from_on)
    terms = terms_of(session, strategy)
    if to_on is None and terms.term_days:
        to_on = from_on + timedelta(days=terms.term_days - 1)
    report(0, 4, "Reading the accounts")
    accounts = accounts_on(session, terms, from_on, to_on)
    takers = takers_on(session, terms, from_on, to_on)
    report(1, 4, f"Dealing {len(accounts):,} accounts")
    made = decide(terms, accounts, takers, seed)
    report(2, 4, "Summing up")
    return Drawn(
        strategy=strategy,
        terms=terms,
        from_on=from_on,
        to_on=to_on,
        seed=seed,
        takers=takers,
        accounts=accounts,
        made=made,
        summary=summary_of(terms, accounts, made, lender(session).currency),
        input_hash=input_hash(accounts, takers, terms_sha256=strategy.sha256, seed=seed, from_on=from_on, to_on=to_on),
        result_hash=made.result_hash(accounts.numbers),
    )


def preview(session: Session, terms: Terms, *, from_on: date, seed: int) -> dict[str, Any]:
    """Who would get what by terms that nobody approved yet, in sums as a run keeps them. Refused where it would take long."""
    check_asked(from_on, None, seed)
    if (session.scalar(select(func.count()).select_from(LoanAccount)) or 0) > MOST_PREVIEWED:
        message = f"A page tries at most {MOST_PREVIEWED:,} accounts."
        raise Refused(message, code="too_many", cure="Propose it; a run of it shows who would get what.")
    to_on = from_on + timedelta(days=terms.term_days - 1) if terms.term_days else None
    accounts = accounts_on(session, terms, from_on, to_on)
    made = decide(terms, accounts, takers_on(session, terms, from_on, to_on), seed)
    return summary_of(terms, accounts, made, lender(session).currency)


def check_asked(from_on: date, to_on: date | None, seed: int) -> None:
    """Raises Invalid unless a run could be drawn for this term with this seed."""
    problems = []
    if to_on is not None and to_on < from_on:
        problems.append(Problem("term_backwards", "The term ends before it begins.", "Correct a day.", column="to_on"))
    if not 0 <= seed < HIGHEST_SEED:
        cure = f"0 to {HIGHEST_SEED - 1}."
        problems.append(Problem("bad_seed", "A seed is a whole number.", cure, column="seed", value=str(seed)))
    if problems:
        raise Invalid(problems)


def draft_run(
    session: Session,
    code: str,
    *,
    from_on: date,
    to_on: date | None = None,
    seed: int,
    actor: Actor,
    now: datetime,
    report: Report = lambda done, total, said: None,
) -> StrategyRun:
    """Draw a strategy for a term and keep it as this person's draft."""
    session.execute(LOCK, {"code": code})
    drawn = draw(session, code, from_on=from_on, to_on=to_on, seed=seed, report=report)
    report(3, 4, "Keeping what was chosen")
    start = f"{code}-{from_on:%Y%m%d}-"
    before = session.scalar(
        select(func.count()).select_from(StrategyRun).where(StrategyRun.ref.startswith(start, autoescape=True))
    )
    made = StrategyRun(
        ref=f"{start}{(before or 0) + 1}",
        strategy_id=drawn.strategy.id,
        from_on=from_on,
        to_on=drawn.to_on,
        seed=seed,
        takers=[each.as_json() for each in drawn.takers],
        summary=drawn.summary,
        accounts=len(drawn.accounts),
        placed=drawn.made.placed,
        input_hash=drawn.input_hash,
        result_hash=drawn.result_hash,
        made_by=actor.email,
        made_at=now,
    )
    PROPOSALS.propose(session, made, actor=actor, now=now, action="draft")
    store_choices(session, made.id, drawn.accounts, drawn.made)
    report(4, 4, "")
    return made


CHOICES = tuple(column.name for column in StrategyChoice.__table__.columns)


def store_choices(session: Session, run_id: int, accounts: Accounts, made: Decision) -> None:
    """Keep what is known of every account and what became of it, a million at a time."""
    columns: dict[str, pa.Array] = {
        "run_id": pa.array(np.full(len(accounts), run_id, dtype=np.int64)),
        "loan_account_id": pa.array(accounts.ids),
        "loan_account_no": pa.array(accounts.numbers, pa.string()),
        "dpd_days": pa.array(accounts.dpd),
        "principal_minor": pa.array(accounts.minor),
    }
    found: dict[str, Words | np.ndarray] = {**{name: accounts.text[name] for name in TEXT}, **made.columns()}
    for name, column in found.items():
        columns[name] = _words(column) if isinstance(column, Words) else pa.array(column)
    types = {name: StrategyChoice.__table__.c[name].type.compile(session.get_bind().dialect) for name in CHOICES}
    stage(session, "staged_choices", pa.table(columns), types, keys=["loan_account_id"])
    listed = ", ".join(CHOICES)
    session.execute(text(f"insert into strategy_choices ({listed}) select {listed} from staged_choices"))
    session.execute(text("drop table pg_temp.staged_choices"))


def _words(column: Words) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(column.codes), pa.array(list(column.words), pa.string())).cast(
        pa.string()
    )


def submit_run(session: Session, run: StrategyRun, *, actor: Actor, now: datetime) -> None:
    """Hand a draft in; whoever does stands for it from then on. Refused when it places nothing, or its term has begun long ago."""
    if not run.placed:
        raise Refused("It places no account.", code="nothing_placed", cure="Look at why, and draw again.")
    PROPOSALS.next_status(run, "submit")
    run.proposed_by, run.proposed_at = actor.email, now
    PROPOSALS.move(session, run, "submit", actor=actor, now=now)


def withdraw_run(session: Session, run: StrategyRun, *, actor: Actor, now: datetime) -> None:
    PROPOSALS.move(session, run, "withdraw", actor=actor, now=now)


def may_approve(session: Session, run: StrategyRun, *, actor: Actor) -> None:
    """Raises what `decide_run` would raise of the person and the state, before a job is asked to write it."""
    _may_decide(session, run, "approve", "", actor)


def _may_decide(session: Session, run: StrategyRun, action: str, reason: str, actor: Actor) -> None:
    PROPOSALS.may_decide(run, action, reason=reason, actor=actor)
    if same_person(session, actor.email, run.made_by):
        raise Refused("Who drew a run does not decide on it.", code="is_not_the_maker")


def decide_run(
    session: Session, run: StrategyRun, *, approve: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """The second person's word on a run that `PROPOSALS.load` locked; approved, it is written at once.

    Refused to who drew it or handed it in. Stale, naming the accounts, when a gate that was open has shut since it was drawn.
    """
    action = "approve" if approve else "reject"
    _may_decide(session, run, action, reason, actor)
    if approve:
        session.scalar(select(func.pg_advisory_xact_lock(0x414C4C4F)))  # no import of allocations beside it
        strategy = session.get_one(Strategy, run.strategy_id)
        terms = terms_of(session, strategy)
        check_now(session, run, terms)
    PROPOSALS.decide(session, run, action, reason=reason, actor=actor, now=now)
    if approve:
        write = write_staff if terms.kind == "staff" else write_placement
        write(session, run, terms, actor=actor, now=now)
