"""Reads of runs: lists, what was chosen account by account, and how the arms of a run did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.placements.queries import begins_with
from allocations.placements.strategies.models import Strategy, StrategyChoice, StrategyRun
from allocations.placements.strategies.terms import ARMS
from allocations.scorecards.mix import Contest, Stratum, contest, merged, parts_alike
from portal.kernel.errors import NotFound

IN_PARTS = 50_000  # rows of a file at a time


def list_runs(
    session: Session, after: tuple[Any, ...] | None, limit: int, *, code: str = "", status: str = ""
) -> Sequence[Any]:
    """One page of runs, the newest first, each with its strategy."""
    query = select(StrategyRun, Strategy).join(Strategy, Strategy.id == StrategyRun.strategy_id)
    if code:
        query = query.where(Strategy.code == code)
    if status:
        query = query.where(StrategyRun.status == status)
    if after:
        query = query.where(StrategyRun.id < after[0])
    return session.execute(query.order_by(StrategyRun.id.desc()).limit(limit)).all()


def find_run(session: Session, ref: str) -> tuple[StrategyRun, Strategy]:
    query = select(StrategyRun, Strategy).join(Strategy, Strategy.id == StrategyRun.strategy_id)
    row = session.execute(query.where(StrategyRun.ref == ref)).first()
    if row is None:
        raise NotFound("There is no such run.")
    return row[0], row[1]


def list_choices(
    session: Session,
    run: StrategyRun,
    after: tuple[Any, ...] | None,
    limit: int,
    *,
    q: str = "",
    taker: str = "",
    reason: str = "",
) -> Sequence[StrategyChoice]:
    """One page of a run's accounts in the order they were stored in: by number of the run's reading."""
    query = select(StrategyChoice).where(StrategyChoice.run_id == run.id)
    if q:
        query = query.where(begins_with(StrategyChoice.loan_account_no, q))
    if taker:
        query = query.where(StrategyChoice.taker == taker)
    if reason:
        query = query.where(StrategyChoice.reason == reason, StrategyChoice.taker == "")
    if after:
        query = query.where(StrategyChoice.loan_account_id > after[0])
    return session.scalars(query.order_by(StrategyChoice.loan_account_id).limit(limit)).all()


def every_choice(session: Session, run: StrategyRun, **asked: str) -> Iterator[StrategyChoice]:
    """All of them, some thousands in memory at a time."""
    after: tuple[Any, ...] | None = None
    while rows := list_choices(session, run, after, IN_PARTS, **asked):
        yield from rows
        after = (rows[-1].loan_account_id,)


# --- champion and challenger


@dataclass(frozen=True)
class ReadOut:
    """One month of a run's two arms: accounts and principal (minor units) of each, what was resolved of it, and the comparison
    like for like; None where the arms had nothing of the same kind."""

    period_start: date
    accounts: dict[str, int]
    minor: dict[str, int]
    resolved: dict[str, int]
    contest: Contest | None

    def percent(self, arm: str) -> float | None:
        whole = self.minor.get(arm, 0)
        return None if not whole else 100 * self.resolved[arm] / whole


ARM_OUTCOMES = text("""
    select s.period_start, c.arm, o.opening_bucket, o.product, c.region, c.rule, count(*) as accounts,
           sum(o.opening_principal_minor)::bigint as weight,
           sum(o.opening_principal_minor::numeric * o.opening_principal_minor) as squares,
           coalesce(sum(o.opening_principal_minor) filter (where o.outcome <> 'rolled_forward'), 0)::bigint as resolved
    from strategy_choices c
    join allocations a on a.placement_id = :placement and a.loan_account_id = c.loan_account_id
    join account_outcomes o on o.allocation_id = a.id and o.is_measured
    join outcome_sets s on s.id = o.outcome_set_id and s.is_current
    where c.run_id = :run and c.arm <> '' and c.taker <> ''
      and c.rule in (select rule from strategy_choices where run_id = :run and arm = 'challenger' and taker <> '')
    group by 1, 2, 3, 4, 5, 6 order by 1, 2, 3, 4, 5, 6
""")


def read_out(session: Session, run: StrategyRun) -> list[ReadOut]:
    """Month by month, how the accounts of the challengers did beside the champions' of the same rules. Empty before the first month-end."""
    if run.placement_id is None:
        return []
    rows = session.execute(ARM_OUTCOMES, {"run": run.id, "placement": run.placement_id}).all()
    months: dict[date, dict[str, list[Stratum]]] = {}
    for row in rows:
        kind = (row.opening_bucket, row.product, str(row.rule), row.region)
        each = Stratum(kind, row.accounts, row.weight, int(row.squares), row.resolved)
        months.setdefault(row.period_start, {arm: [] for arm in ARMS})[row.arm].append(each)
    return [_month(start, arms) for start, arms in sorted(months.items())]


def _month(start: date, arms: dict[str, list[Stratum]]) -> ReadOut:
    parts = parts_alike(arms)
    first, second = (merged(arms[arm], parts) for arm in ARMS) if parts else ([], [])
    return ReadOut(
        start,
        {arm: sum(each.accounts for each in strata) for arm, strata in arms.items()},
        {arm: sum(each.weight for each in strata) for arm, strata in arms.items()},
        {arm: sum(each.reached for each in strata) for arm, strata in arms.items()},
        contest(second, first) if parts else None,
    )
