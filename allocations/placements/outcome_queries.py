"""Reads of month-end outcomes: a month's sums and roll rates, its versions, the accounts behind them, one account over months."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any

from sqlalchemy import select, text, tuple_
from sqlalchemy.orm import Session

from allocations.agencies.queries import agency_names
from allocations.placements.models import Allocation
from allocations.placements.outcome_models import AccountOutcome, OutcomeSet
from allocations.placements.outcome_sums import (
    Cell,
    RollRates,
    Sums,
    by_product,
    cells_of,
    roll_rates,
    sums_by,
    sums_of,
)
from portal.kernel.errors import NotFound
from portal.kernel.periods import Period


@dataclass(frozen=True)
class Reading:
    """One version of a month's outcomes with everything its summary says; no row of an account is read for it."""

    head: OutcomeSet
    period: Period
    cells: list[Cell]
    agencies: dict[int, tuple[str, str]]  # id → (code, name)

    @property
    def currency(self) -> str:
        return str(self.head.summary["currency"])

    @cached_property
    def names(self) -> dict[str, str]:
        return dict(self.agencies.values())

    @property
    def through(self) -> date | None:
        """The newest snapshot that was read."""
        day = self.head.summary["through"]
        return date.fromisoformat(day) if day else None

    @property
    def sums(self) -> Sums:
        return sums_of(self.cells)

    @property
    def by_agency(self) -> dict[str, Sums]:
        return dict(sorted(sums_by(self.cells, lambda cell: cell.agency).items()))

    @property
    def by_product(self) -> dict[str, Sums]:
        return by_product(self.head.summary["products"])

    @property
    def buckets(self) -> list[str]:
        return list(self.head.summary["buckets"])

    @property
    def unknown_buckets(self) -> dict[str, int]:
        """Accounts by opening bucket that the month's scheme does not know: nobody can judge them."""
        sums = sums_by(self.cells, lambda cell: cell.opening_bucket)
        return {code: each.total for code, each in sorted(sums.items()) if code not in self.buckets}

    @property
    def without_snapshot(self) -> int:
        return sum(cell.accounts for cell in self.cells if cell.closing_bucket is None)

    def roll_rates(self, agency: str = "") -> RollRates:
        """Opening by closing bucket, of all or of one agency."""
        return roll_rates((cell for cell in self.cells if not agency or cell.agency == agency), self.buckets)


def reading(session: Session, period: Period, version: int | None = None) -> Reading | None:
    """A month's outcomes: the set in force, or one of its versions. None when there is no such set."""
    query = select(OutcomeSet).where(OutcomeSet.period_start == period.start)
    query = query.where(OutcomeSet.version == version) if version else query.where(OutcomeSet.is_current)
    head = session.scalars(query).first()
    if head is None:
        return None
    return Reading(head, period, cells_of(head.summary["cells"]), agency_names(session))


def find_reading(session: Session, period: Period, version: int | None = None) -> Reading:
    """The same; NotFound when there is none."""
    found = reading(session, period, version)
    if found is None:
        what = f"There is no version {version} of the outcomes" if version else "Nobody has read the outcomes"
        raise NotFound(
            f"{what} of {period.label}. They are read when the month is accrued, or when asked to freeze them."
        )
    return found


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a month's outcomes and what it changed against the one before; `difference` as the set keeps it."""

    id: int
    version: int
    is_current: bool
    scheme_version: int
    accounts: int
    made_by: str
    made_at: datetime
    through: str | None
    difference: dict[str, Any]


def list_versions(session: Session, period: Period) -> list[Version]:
    """Every version of a month's outcomes, the newest first; their sums stay where they are."""
    query = (
        select(
            *(OutcomeSet.id, OutcomeSet.version, OutcomeSet.is_current, OutcomeSet.scheme_version, OutcomeSet.accounts),
            *(
                OutcomeSet.made_by,
                OutcomeSet.made_at,
                OutcomeSet.summary["through"].astext,
                OutcomeSet.summary["difference"],
            ),
        )
        .where(OutcomeSet.period_start == period.start)
        .order_by(OutcomeSet.version.desc())
    )
    return [Version(*row) for row in session.execute(query)]


# --- the accounts behind the sums

NO_SNAPSHOT = "none"  # how a filter names the accounts without a closing bucket
FEW = 20  # agencies a rare question is narrowed to, so that it does not read the whole set


@dataclass(frozen=True, slots=True)
class Asked:
    """Which accounts of a set: each "" for any. `closing` may be NO_SNAPSHOT."""

    agency: str = ""
    bucket: str = ""
    closing: str = ""
    outcome: str = ""

    def fits(self, cell: Cell) -> bool:
        return (
            self.agency in ("", cell.agency)
            and self.bucket in ("", cell.opening_bucket)
            and self.closing in ("", cell.closing_bucket or NO_SNAPSHOT)
            and self.outcome in ("", cell.outcome.value)
        )


def sums_asked(found: Reading, asked: Asked) -> Sums:
    """What the accounts asked for come to, from the set's own sums."""
    return sums_of(cell for cell in found.cells if asked.fits(cell))


def list_accounts(
    session: Session, found: Reading, asked: Asked, after: tuple[Any, ...] | None, limit: int
) -> Sequence[AccountOutcome]:
    """One page of a set's accounts, agency by agency in the order they were allocated. What the sums say is nowhere is not looked for."""
    codes = {cell.agency for cell in found.cells if asked.fits(cell)}
    if not codes:
        return []
    row = AccountOutcome
    query = select(row).where(row.outcome_set_id == found.head.id)
    if len(codes) <= FEW:
        query = query.where(row.agency_id.in_([id_ for id_, each in found.agencies.items() if each[0] in codes]))
    if asked.bucket:
        query = query.where(row.opening_bucket == asked.bucket)
    if asked.closing:
        closing = row.closing_bucket
        query = query.where(closing.is_(None) if asked.closing == NO_SNAPSHOT else closing == asked.closing)
    if asked.outcome:
        query = query.where(row.outcome == asked.outcome)
    if after:
        query = query.where(tuple_(row.agency_id, row.allocation_id) > after)
    return session.scalars(query.order_by(row.agency_id, row.allocation_id).limit(limit)).all()


CHANGES = """
  select n.allocation_id, n.loan_account_no, n.agency_id, n.opening_bucket, n.opening_principal_minor,
         w.closing_bucket as was_bucket, w.outcome as was, w.is_measured as was_measured,
         n.closing_bucket as now_bucket, n.outcome as now, n.is_measured as now_measured
    from account_outcomes n
    left join account_outcomes w on w.outcome_set_id = :old and w.allocation_id = n.allocation_id
   where n.outcome_set_id = :new and (n.agency_id, n.allocation_id) > (:agency, :after)
     and (w.outcome, w.is_measured) is distinct from (n.outcome, n.is_measured)
   order by n.agency_id, n.allocation_id limit :limit
"""
LEFT = """
  select w.allocation_id, w.loan_account_no, w.agency_id, w.opening_bucket, w.opening_principal_minor,
         w.closing_bucket, w.outcome, w.is_measured, cast(null as text), cast(null as text), cast(null as boolean)
    from account_outcomes w
   where w.outcome_set_id = :old and (w.agency_id, w.allocation_id) > (:agency, :after)
     and not exists (select from account_outcomes n where n.outcome_set_id = :new and n.allocation_id = w.allocation_id)
   order by w.agency_id, w.allocation_id limit :limit
"""
BOTH = f"select * from ({CHANGES}) c union all select * from ({LEFT}) l order by agency_id, allocation_id limit :limit"


def list_changes(
    session: Session, older: OutcomeSet, newer: OutcomeSet, after: tuple[Any, ...] | None, limit: int
) -> Sequence[Any]:
    """Accounts whose outcome differs between two versions of a month, with what it was and what it is; None where it is not in one."""
    agency, behind = after or (0, 0)
    keys = {"old": older.id, "new": newer.id, "agency": agency, "after": behind, "limit": limit}
    told = newer.summary["difference"]
    none_left = told and told["since"] == older.version and not told["left"]["accounts"]
    return session.execute(text(CHANGES if none_left else BOTH), keys).all()


# --- one account over months


def outcomes_of_account(session: Session, loan_account_id: int, months: int = 24) -> Sequence[Any]:
    """What became of an account each month, as the sets in force say, the newest first: (AccountOutcome, month's first day, version)."""
    return _over_months(session, Allocation.loan_account_id == loan_account_id, months)


def outcomes_of_allocation(session: Session, allocation_id: int, months: int = 24) -> Sequence[Any]:
    """The same of one allocation: what its agency may see."""
    return _over_months(session, Allocation.id == allocation_id, months)


def _over_months(session: Session, which: Any, months: int) -> Sequence[Any]:
    query = (
        select(AccountOutcome, OutcomeSet.period_start, OutcomeSet.version, Allocation.currency)
        .join(OutcomeSet, OutcomeSet.id == AccountOutcome.outcome_set_id)
        .join(Allocation, Allocation.id == AccountOutcome.allocation_id)
        .where(which, OutcomeSet.is_current)
        .order_by(OutcomeSet.period_start.desc(), AccountOutcome.id)
        .limit(months)
    )
    return session.execute(query).all()
