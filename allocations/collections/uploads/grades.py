"""How well an agency reports: rows right the first time, rows that came late, repeats, corrections. Summed from its uploads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from fractions import Fraction

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import Upload
from allocations.collections.uploads.lifecycle import ENDED
from portal.kernel.clock import BANK_ZONE
from portal.kernel.periods import Period


@dataclass(frozen=True)
class Grade:
    """Counts over the files an agency handed in during a period and that came to something.

    A row that came back and comes again right counts once as wrong and once as right: the first time was wrong.
    """

    uploads: int = 0
    rows: int = 0
    stored: int = 0
    rejected: int = 0
    late: int = 0
    duplicates: int = 0
    corrections: int = 0

    @property
    def right_first_time(self) -> Fraction | None:
        """Of the rows that said something new, the share that needed neither rejecting nor correcting; None without any."""
        told = self.rows - self.duplicates
        return Fraction(told - self.rejected - self.corrections, told) if told > 0 else None

    @property
    def late_share(self) -> Fraction | None:
        """Of the rows stored, the share that came later than the rule of their day allows; None without any."""
        return Fraction(self.late, self.stored) if self.stored else None


SUMS = (
    func.count(),
    *(
        func.coalesce(func.sum(column), 0)
        for column in (
            Upload.rows,
            Upload.created,
            Upload.rejected,
            Upload.late,
            Upload.duplicates,
            Upload.corrections,
        )
    ),
)


def handed_in_during(period: Period) -> ColumnElement[bool]:
    """Uploads handed in on the days of a period, at the bank's wall clock, that came to something."""
    start, end = (datetime.combine(day, time(), BANK_ZONE) for day in (period.start, period.end))
    return and_(Upload.uploaded_at >= start, Upload.uploaded_at < end, Upload.status.in_(ENDED))


def grade(session: Session, agency_id: int, period: Period) -> Grade:
    """One agency's grade for a period."""
    query = select(*SUMS).where(Upload.agency_id == agency_id, handed_in_during(period))
    return Grade(*map(int, session.execute(query).one()))


@dataclass(frozen=True)
class AgencyGrade:
    """A grade and whose it is."""

    code: str
    name: str
    grade: Grade


def grades(session: Session, period: Period) -> Sequence[AgencyGrade]:
    """Every agency that handed in a file in the period, by code."""
    query = select(Agency.code, Agency.legal_name, *SUMS).join(Agency, Agency.id == Upload.agency_id)
    query = query.where(handed_in_during(period)).group_by(Agency.code, Agency.legal_name).order_by(Agency.code)
    return [AgencyGrade(code, name, Grade(*map(int, sums))) for code, name, *sums in session.execute(query)]
