"""Every report there is, in the order of the list. A new one is a module of kinds with a `Report`, and a line here."""

from __future__ import annotations

from payouts.reports.asking import Report
from payouts.reports.kinds import (
    compromises,
    conduct,
    cost,
    coverage,
    dues,
    fraud,
    portfolio,
    productivity,
    recovery,
    register,
    scores,
    suspense,
    visits,
)
from portal.kernel.errors import NotFound

REPORTS: dict[str, Report] = {
    report.code: report
    for report in (
        portfolio.REPORT,
        recovery.REPORT,
        recovery.WRITE_OFFS,
        productivity.REPORT,
        cost.REPORT,
        conduct.REPORT,
        fraud.REPORT,
        visits.REPORT,
        scores.REPORT,
        register.REPORT,
        coverage.REPORT,
        compromises.REPORT,
        suspense.REPORT,
        dues.REPORT,
    )
}


def find_report(code: str) -> Report:
    """NotFound when there is none of that code."""
    if code not in REPORTS:
        raise NotFound(f"There is no report {code[:40]}.")
    return REPORTS[code]
