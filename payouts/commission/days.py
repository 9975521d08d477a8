"""One credited day of a month's accrual, computed again from the facts and the terms that were stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.commission.models import AccrualRun
from payouts.commission.run_hashes import days_of
from payouts.commission.verifying import Difference, agency_codes, compute_again, lines_of, stored_text
from portal.kernel.errors import Invalid, NotFound, Problem
from portal.kernel.periods import Period


@dataclass(frozen=True, slots=True)
class DayAgain:
    """A day as it comes out now. `stored_hash`: what the run noted when it was made; None for a run that noted no days."""

    day: date
    lines: int
    total_minor: int
    currency: str
    hash: str
    stored_hash: str | None
    differences: list[Difference] = field(default_factory=list)

    @property
    def is_same(self) -> bool:
        return not self.differences


def rebuild_day(session: Session, period: Period, day: date) -> DayAgain:
    """Compute a day's lines again, with everything of the month that bears on them, and compare byte for byte.

    Lines late for a closed month and corrections keep their own day, before or after the month. NotFound when the month has no
    run; Invalid for a day on which nothing could be credited in it.
    """
    query = select(AccrualRun).where(AccrualRun.period_start == period.start, AccrualRun.is_current)
    run = session.scalars(query).one_or_none()
    if run is None:
        raise NotFound(f"{period.label} has not been accrued.")
    lines = lines_of(session, run)
    codes = agency_codes(session)
    if not period.start <= day < period.end and all(line.credited_on != day for line in lines):
        raise Invalid(Problem("bad_day", f"{day} has no line in {period.label}.", "Name a day of the month."))
    again = compute_again(session, run, lines, codes)
    of_day = [line for line in lines if line.credited_on == day]
    refs = {line.ref for line in of_day}
    differences = [each for each in again.differences if each.ref in refs]
    texts = [again.texts.get(line.id, "") for line in of_day]
    for line, text in zip(of_day, texts, strict=True):
        stored = stored_text(line, codes)
        if text != stored and all(each.ref != line.ref for each in differences):
            differences.append(Difference(line.ref, "line", stored[:200], text[:200]))
    iso = day.isoformat()
    found = days_of((iso, text, line.amount_minor) for line, text in zip(of_day, texts, strict=True))
    told = found.get(iso, {"lines": 0, "total_minor": 0, "hash": ""})
    noted = run.summary.get("days", {})
    stored_hash = noted.get(iso, {}).get("hash", "") if "days" in run.summary else None
    if stored_hash is not None and stored_hash != told["hash"]:
        differences.append(
            Difference(f"accrual {period.label} v{run.version} {iso}", "hash", stored_hash, told["hash"])
        )
    return DayAgain(day, told["lines"], told["total_minor"], run.currency, told["hash"], stored_hash, differences)
