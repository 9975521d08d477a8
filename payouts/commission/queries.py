"""Reads for pages: which run holds whose month, and a month by agency, by rule and by reason.

They work in the bank's scope and in an agency's: an agency sees its own rows, and of runs only when each was made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select, tuple_
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.commission.models import AccrualLine, AccrualRun, UnpaidCollection
from payouts.commission.reasons import REASONS
from payouts.settlements.models import Settlement
from portal.kernel.db import scope_of
from portal.kernel.periods import Period, month_of

OPEN_STATUSES = ("draft", "void")
Rows = type[AccrualLine] | type[UnpaidCollection]
HEAD = (AccrualRun.id, AccrualRun.period_start, AccrualRun.version, AccrualRun.currency, AccrualRun.run_at)


@dataclass(frozen=True, slots=True)
class RunHead:
    """A run of a month, as everyone may know it."""

    id: int
    period: Period
    version: int
    currency: str
    run_at: datetime
    is_current: bool = True


@dataclass(frozen=True, slots=True)
class Sum:
    """A row of a board: code and words, how many lines or receipts, how much."""

    code: str
    label: str
    count: int
    minor: int
    base_minor: int = 0
    owner: str = ""
    cure: str = ""
    is_settled: bool = False


@dataclass(frozen=True, slots=True)
class Board:
    """A month: what was earned by agency and by rule, what was not by reason."""

    run: RunHead
    by_agency: list[Sum]
    by_rule: list[Sum]
    unpaid: list[Sum]

    @property
    def total_minor(self) -> int:
        return sum(each.minor for each in self.by_agency)

    @property
    def lines(self) -> int:
        return sum(each.count for each in self.by_agency)

    @property
    def unpaid_minor(self) -> int:
        return sum(each.minor for each in self.unpaid)


# --- which run holds what


def head_of(row: Any) -> RunHead:
    return RunHead(row.id, month_of(row.period_start), row.version, row.currency, row.run_at, row.is_current)


def run_in_force(session: Session, period: Period) -> RunHead | None:
    query = select(*HEAD, AccrualRun.is_current).where(AccrualRun.period_start == period.start, AccrualRun.is_current)
    row = session.execute(query).one_or_none()
    return head_of(row) if row else None


def run_numbered(session: Session, period: Period, version: int) -> RunHead | None:
    """A run of a month by its number, in force or superseded."""
    query = select(*HEAD, AccrualRun.is_current).where(
        AccrualRun.period_start == period.start, AccrualRun.version == min(max(version, 0), 2**31 - 1)
    )
    row = session.execute(query).one_or_none()
    return head_of(row) if row else None


def accrued_periods(session: Session, limit: int = 24) -> list[Period]:
    """Months that have been accrued, newest first."""
    starts = select(AccrualRun.period_start).where(AccrualRun.is_current).order_by(AccrualRun.period_start.desc())
    return [month_of(start) for start in session.scalars(starts.limit(limit))]


def frozen_runs(session: Session, run: RunHead) -> dict[int, int]:
    """Agency id → the run its month was settled from, where that was so when the run was made; for the bank's scope.

    Of the run in force it is asked what is settled now: a settlement may have been submitted since.
    """
    if run.is_current:
        rows = session.execute(
            select(Settlement.agency_id, Settlement.accrual_run_id).where(
                Settlement.period_start == run.period.start,
                Settlement.status.not_in(OPEN_STATUSES),
                Settlement.accrual_run_id.is_not(None),
            )
        )
        return {agency_id: run_id for agency_id, run_id in rows if run_id is not None}
    told = session.scalar(select(AccrualRun.summary["frozen"]).where(AccrualRun.id == run.id))
    return {int(agency_id): run_id for agency_id, run_id in (told or {}).items()}


def run_of_agency(session: Session, run: RunHead, agency_id: int) -> int:
    """The run that holds one agency's rows of the month as the given run stood.

    An agency may not see that its month is settled, so in its scope it is the newest run up to this one with rows of it.
    """
    if scope_of(session).role == "bank":
        return frozen_runs(session, run).get(agency_id, run.id)
    of_run = [
        select(table.id).where(table.run_id == AccrualRun.id, table.agency_id == agency_id).limit(1).exists()
        for table in (AccrualLine, UnpaidCollection)
    ]
    query = (
        select(AccrualRun.id)
        .where(AccrualRun.period_start == run.period.start, AccrualRun.version <= run.version, or_(*of_run))
        .order_by(AccrualRun.version.desc())
        .limit(1)
    )
    return session.scalar(query) or run.id


def rows_of(session: Session, table: Rows, run: RunHead, agency_id: int | None = None) -> Any:
    """Rows of the month as the run stood: of one agency, or of all, each from the run that holds its month."""
    if agency_id is not None:
        return and_(table.agency_id == agency_id, table.run_id == run_of_agency(session, run, agency_id))
    settled = frozen_runs(session, run)
    frozen = [and_(table.agency_id == agency, table.run_id == of_run) for agency, of_run in settled.items()]
    return or_(and_(table.run_id == run.id, table.agency_id.not_in(list(settled))), *frozen)


def noted_days(session: Session, run: RunHead) -> dict[str, Any]:
    """What a run noted of each credited day (ISO): lines, total_minor, hash. Empty for a run that noted none; the bank's to read."""
    return session.scalar(select(AccrualRun.summary["days"]).where(AccrualRun.id == run.id)) or {}


# --- the board


def board(session: Session, run: RunHead) -> Board:
    """Sums of a month in one pass over its lines and one over what earns nothing."""
    settled, cells = frozen_runs(session, run), cells_of(session, run)
    return Board(run, _by_agency(session, cells, settled), by_rule(cells), unpaid_sums(session, run))


@dataclass(frozen=True, slots=True)
class Cell:
    """What one agency earned under one rule: lines, money counted, money earned, the versions that priced it."""

    agency_id: int
    kind: str
    rule_id: str
    count: int
    base_minor: int
    minor: int
    versions: frozenset[int]


def cells_of(session: Session, run: RunHead, agency_id: int | None = None) -> list[Cell]:
    line = AccrualLine
    query = (
        select(
            *(line.agency_id, line.kind, line.rule_id, func.count()),
            *(
                func.sum(line.base_minor),
                func.sum(line.amount_minor),
                func.array_agg(line.rate_card_version_id.distinct()),
            ),
        )
        .where(rows_of(session, line, run, agency_id))
        .group_by(line.agency_id, line.kind, line.rule_id)
    )
    return [
        Cell(agency, kind, rule, count, int(base), int(minor), frozenset(each for each in versions if each))
        for agency, kind, rule, count, base, minor, versions in session.execute(query)
    ]


def _by_agency(session: Session, cells: Iterable[Cell], settled: Iterable[int]) -> list[Sum]:
    sums: dict[int, tuple[int, int]] = {}
    for cell in cells:
        count, minor = sums.get(cell.agency_id, (0, 0))
        sums[cell.agency_id] = (count + cell.count, minor + cell.minor)
    names = agency_names(session, sums)
    found = [
        Sum(*names[agency_id], count, minor, is_settled=agency_id in settled)
        for agency_id, (count, minor) in sums.items()
    ]
    return sorted(found, key=lambda each: (-each.minor, each.code))


def agency_names(session: Session, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
    """(code, legal name) of agencies by id."""
    query = select(Agency.id, Agency.code, Agency.legal_name).where(Agency.id.in_(list(ids)))
    return {key: (code, name) for key, code, name in session.execute(query)}


def agency_called(session: Session, code: str) -> Agency | None:
    return session.scalars(select(Agency).where(Agency.code == code)).one_or_none()


def by_rule(cells: Iterable[Cell]) -> list[Sum]:
    """Cells of every agency joined, the most money first."""
    sums: dict[tuple[str, str], tuple[int, int, int]] = {}
    for cell in cells:
        count, minor, base = sums.get((cell.kind, cell.rule_id), (0, 0, 0))
        sums[cell.kind, cell.rule_id] = (count + cell.count, minor + cell.minor, base + cell.base_minor)
    found = [Sum(kind, rule, *three) for (kind, rule), three in sums.items()]
    return sorted(found, key=lambda each: (-each.minor, each.code, each.label))


def unpaid_sums(session: Session, run: RunHead, agency_id: int | None = None) -> list[Sum]:
    """What earned nothing, by reason, the most money first."""
    query = (
        select(UnpaidCollection.code, func.count(), func.sum(UnpaidCollection.amount_minor))
        .where(rows_of(session, UnpaidCollection, run, agency_id))
        .group_by(UnpaidCollection.code)
        .order_by(func.sum(UnpaidCollection.amount_minor).desc(), UnpaidCollection.code)
    )
    return [_reason_sum(code, count, int(minor)) for code, count, minor in session.execute(query)]


def not_measured(session: Session, run: RunHead) -> dict[tuple[int, str], int]:
    """How many receipts, accounts and events wait until a month is measured, by agency and the kind of line they may become."""
    unpaid = UnpaidCollection
    query = select(unpaid.agency_id, func.count()).where(rows_of(session, unpaid, run), unpaid.code == "not_measured")
    found = {(agency_id, "commission"): count for agency_id, count in session.execute(query.group_by(unpaid.agency_id))}
    told = session.scalar(select(AccrualRun.summary["untaken"]).where(AccrualRun.id == run.id)) or []
    ids = {code: agency_id for agency_id, code in session.execute(select(Agency.id, Agency.code))} if told else {}
    for each in told:
        if each["code"] == "not_measured" and each["agency"] in ids:
            found[ids[each["agency"]], f"{each['what']}_fee"] = each["count"]
    return found


def _reason_sum(code: str, count: int, minor: int) -> Sum:
    reason = REASONS.get(code)
    if reason is None:
        return Sum(code, code.replace("_", " ").capitalize(), count, minor)
    return Sum(code, reason.meaning, count, minor, owner=reason.owner, cure=reason.cure)


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run of a month in the bank's sight: all it and the settled agencies come to, and who asked for it."""

    head: RunHead
    lines: int
    total_minor: int
    run_by: str
    change_minor: int | None


def runs_of(session: Session, period: Period) -> list[RunRow]:
    """Every run of a month, newest first, each with the difference to the run before it."""
    query = select(
        *(*HEAD, AccrualRun.is_current, AccrualRun.lines, AccrualRun.total_minor, AccrualRun.run_by),
        AccrualRun.summary["frozen"].label("frozen"),
    )
    rows = session.execute(query.where(AccrualRun.period_start == period.start).order_by(AccrualRun.version)).all()
    settled = _settled_sums(session, {(run, int(agency)) for row in rows for agency, run in (row.frozen or {}).items()})
    found: list[RunRow] = []
    for row in rows:
        apart = [settled.get((run, int(agency)), (0, 0)) for agency, run in (row.frozen or {}).items()]
        total = row.total_minor + sum(minor for minor, _ in apart)
        change = total - found[-1].total_minor if found else None
        found.append(RunRow(head_of(row), row.lines + sum(lines for _, lines in apart), total, row.run_by, change))
    return found[::-1]


def _settled_sums(session: Session, pairs: Collection[tuple[int, int]]) -> dict[tuple[int, int], tuple[int, int]]:
    """(run id, agency id) → (minor units, lines) of months that were settled when a later run was made."""
    line = AccrualLine
    query = (
        select(line.run_id, line.agency_id, func.sum(line.amount_minor), func.count())
        .where(tuple_(line.run_id, line.agency_id).in_(list(pairs)))
        .group_by(line.run_id, line.agency_id)
    )
    return {(run, agency): (int(minor), lines) for run, agency, minor, lines in session.execute(query)} if pairs else {}
