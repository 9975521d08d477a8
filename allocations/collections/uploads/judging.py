"""A whole file judged: read into temporary tables, every row checked, nothing stored. What a dry run shows and storing begins with."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from allocations.agencies.models import Agency
from allocations.collections.receipts.late_deposits import try_deposits
from allocations.collections.uploads.staged_checks import check_limits, check_staged
from allocations.collections.uploads.staged_corrections import check_changes
from allocations.collections.uploads.staging import Report, Staged, Sums, faulty_rows, no_report, stage_file
from portal.kernel.audit import Actor
from portal.kernel.tables.source import SheetSource

FRESH = text("select mode, collected_on, count(*), sum(amount_minor) from staged_collections group by 1, 2")
KINDS = text("""
    select code, column_name, count(*) as count, min(row_no) as row_no, min(message) as message, min(cure) as cure
    from staged_faults group by 1, 2 order by 3 desc, 1, 2 limit 40
""")


@dataclass
class Fresh:
    """Rows that are new: how many, how much, by mode and by day, and how many came later than they should."""

    count: int = 0
    minor: int = 0
    late: int = 0
    by_mode: Sums = field(default_factory=Sums)
    by_day: Sums = field(default_factory=Sums)

    @classmethod
    def of(cls, rows: Any, late_before: date) -> Fresh:
        """From sums by mode and day."""
        fresh = cls()
        for mode, day, count, minor in rows:
            fresh.count += count
            fresh.minor += int(minor)
            fresh.late += count if day < late_before else 0
            fresh.by_mode.add(mode, count, int(minor))
            fresh.by_day.add(day.isoformat(), count, int(minor))
        return fresh


@dataclass
class Judged:
    """What a file came to. `rows` = fresh + known + rejected + corrections. The temporary tables still hold the rows."""

    staged: Staged
    fresh: Fresh
    known: int
    rejected: int
    corrections: int
    deposits: int
    kinds: list[dict[str, Any]]

    @property
    def rows(self) -> int:
        return self.staged.rows

    @property
    def changes_nothing(self) -> bool:
        """Nothing in it is new, and nothing is wrong."""
        return not (self.fresh.count or self.rejected or self.corrections or self.deposits)

    @property
    def is_fit(self) -> bool:
        """Whether storing it would change anything."""
        return bool(self.fresh.count or self.corrections or self.deposits)


def judge(
    session: Session,
    source: SheetSource,
    agency: Agency,
    *,
    actor: Actor,
    now: datetime,
    today: date,
    report: Report = no_report,
) -> Judged:
    """Read and check every row. Raises Invalid with the source's questions while any is open."""
    staged = stage_file(session, source, today=today, report=report)
    report(staged.rows, staged.rows, "Comparing with what is stored")
    check_staged(session, agency, today)
    check_limits(session, agency, today)
    corrections = check_changes(session)
    deposits = try_deposits(session, agency, actor=actor, now=now, today=today)
    rejected = faulty_rows(session)
    kinds = [dict(row._mapping) for row in session.execute(KINDS)]
    fresh = Fresh.of(session.execute(FRESH), late_before(session, today))
    known = staged.rows - fresh.count - rejected - corrections
    return Judged(staged, fresh, known, rejected, corrections, deposits.slips, kinds)


def late_before(session: Session, today: date) -> date:
    """Money collected before this day is reported late today."""
    return today - timedelta(days=int(setting_on(session, "collections.report_within_days", today)))
