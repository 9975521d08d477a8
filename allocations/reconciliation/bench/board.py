"""The close board: rupees that are not tied, by reason and owner, how old they are, what is due, and which way it goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.orm import Session

from allocations.reconciliation.matching.reasons import KINDS
from allocations.reconciliation.models import Break, ReconRun
from portal.kernel.clock import BANK_ZONE

# Age bands in days since the break counts, half-open: (word, from, below).
BANDS: tuple[tuple[str, int, int | None], ...] = (
    ("up to 1 day", 0, 2),
    ("2 to 7 days", 2, 8),
    ("8 to 30 days", 8, 31),
    ("over 30 days", 31, None),
)


@dataclass(frozen=True)
class Blocked:
    """Open breaks of one reason, owner and currency. `bands`: minor units by age band."""

    code: str
    owner: str
    currency: str
    count: int
    amount_minor: int
    bands: tuple[int, ...]
    due_count: int
    due_minor: int
    overdue_count: int
    overdue_minor: int

    @property
    def meaning(self) -> str:
        return KINDS[self.code].meaning


@dataclass(frozen=True)
class Trend:
    """What the breaks of each code came to at an earlier run: (currency, code) → minor units."""

    run_at: datetime
    amounts: dict[tuple[str, str], int]
    totals: dict[str, int]


@dataclass(frozen=True, slots=True)
class AtRun:
    """Where the money of a currency stood when a run ended, as the run stored it: no row is read for it.

    credits = matched + suspense + returned + settled. `codes`: (code, breaks, minor units), the most money first.
    """

    currency: str
    codes: tuple[tuple[str, int, int], ...]
    matched_minor: int
    suspense_minor: int
    returned_minor: int
    settled_minor: int
    credits_minor: int

    @property
    def count(self) -> int:
        return sum(count for _code, count, _minor in self.codes)

    @property
    def minor(self) -> int:
        return sum(minor for _code, _count, minor in self.codes)


def at_run(run: ReconRun | None) -> list[AtRun]:
    """What a run stored, by currency. Nothing before the first run."""
    names = ("matched_minor", "suspense_minor", "returned_minor", "settled_minor", "credits_minor")
    return [
        AtRun(currency, _codes(sums.get("breaks") or {}), **{name: int(sums.get(name) or 0) for name in names})
        for currency, sums in (run.summary if run else {}).items()
    ]


def _codes(breaks: dict[str, list[int]]) -> tuple[tuple[str, int, int], ...]:
    listed = [(code, int(pair[0]), int(pair[1])) for code, pair in breaks.items()]
    return tuple(sorted(listed, key=lambda each: (-each[2], each[0])))


def stand_open(session: Session) -> list[tuple[str, int, int]]:
    """(currency, breaks, minor units) of what stands open now. Grows with the list: asked for once the page is there."""
    query = (
        select(Break.currency, func.count(), func.sum(Break.amount_minor))
        .where(Break.status == "open")
        .group_by(Break.currency)
        .order_by(Break.currency)
    )
    return [(currency, count, int(minor)) for currency, count, minor in session.execute(query)]


def blocked(session: Session, today: date) -> list[Blocked]:
    """Open breaks by reason, owner and currency, the most money first."""
    total = func.sum(Break.amount_minor)
    age = today - Break.opened_on
    bands = [func.sum(case((_inside(age, low, high), Break.amount_minor), else_=0)) for _word, low, high in BANDS]
    due, late = Break.due_on == today, Break.due_on < today
    counted = [
        func.count().filter(due),
        func.coalesce(total.filter(due), 0),
        func.count().filter(late),
        func.coalesce(total.filter(late), 0),
    ]
    query = (
        select(Break.code, Break.owner, Break.currency, func.count(), total, *bands, *counted)
        .where(Break.status == "open")
        .group_by(Break.code, Break.owner, Break.currency)
        .order_by(total.desc(), Break.code, Break.owner)
    )
    return [_blocked([*row]) for row in session.execute(query)]


def _inside(age: Any, low: int, high: int | None) -> Any:
    floor = age >= low if low else age >= -100_000
    return floor if high is None else floor & (age < high)


def _blocked(row: list[Any]) -> Blocked:
    code, owner, currency, count, amount, *rest = row
    bands, due = rest[: len(BANDS)], [int(each) for each in rest[len(BANDS) :]]
    return Blocked(code, owner, currency, count, int(amount), tuple(int(each) for each in bands), *due)


def trend_before(session: Session, today: date) -> Trend | None:
    """Where the breaks stood at the last run of an earlier day. None before the second day."""
    morning = datetime.combine(today, time(), BANK_ZONE)
    query = select(ReconRun).where(ReconRun.run_at < morning).order_by(ReconRun.id.desc()).limit(1)
    run = session.scalars(query).first()
    if run is None:
        return None
    amounts = {
        (currency, code): int(pair[1])
        for currency, sums in run.summary.items()
        for code, pair in (sums.get("breaks") or {}).items()
    }
    totals: dict[str, int] = dict.fromkeys(run.summary, 0)
    for (currency, _code), minor in amounts.items():
        totals[currency] += minor
    return Trend(run.run_at, amounts, totals)


def owners_of(rows: list[Blocked]) -> list[tuple[str, str, int, int, int]]:
    """(owner, currency, breaks, minor units, minor units overdue), the most money first."""
    found: dict[tuple[str, str], tuple[int, int, int]] = {}
    for row in rows:
        count, minor, late = found.get((row.owner, row.currency), (0, 0, 0))
        found[row.owner, row.currency] = (count + row.count, minor + row.amount_minor, late + row.overdue_minor)
    listed = [(owner, currency, *sums) for (owner, currency), sums in found.items()]
    return sorted(listed, key=lambda each: (-each[3], each[0]))


def band_days(word: str, today: date) -> tuple[date | None, date | None]:
    """The days a band of ages covers, [from, to]: for a list of its rows. (None, None) for a word that is no band."""
    for said, low, high in BANDS:
        if said == word:
            first = None if high is None else today - timedelta(days=high - 1)
            return first, today - timedelta(days=low) if low else None
    return None, None
