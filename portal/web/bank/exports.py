"""Lists as files: exactly the rows the filter shows, as CSV or XLSX, and a line in the audit log that they went out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from werkzeug.wrappers import Response

from portal.kernel.audit import AuditTag, record_event
from portal.kernel.db import unit_of_work
from portal.kernel.errors import NotFound
from portal.kernel.tables.out import write_csv, write_xlsx
from portal.web.downloads import attachment
from portal.web.edge import clock, current_actor, db_session

MOST_ROWS = 100_000
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def export(
    what: str, kind: str, header: Sequence[str], rows: Iterable[Sequence[Any]], filters: dict[str, str]
) -> Response:
    """A file of rows; `kind` is csv or xlsx, anything else is NotFound."""
    if kind not in ("csv", "xlsx"):
        raise NotFound("There is no such file.")
    lines = list(rows)
    data = write_csv(header, lines) if kind == "csv" else write_xlsx(header, lines, sheet=what)
    told = {"what": what, "filters": {name: value for name, value in filters.items() if value}, "rows": len(lines)}
    with unit_of_work(db_session()) as session:
        record_event(
            session,
            AuditTag.EXPORTED,
            actor=current_actor(),
            subject_type="export",
            subject_ref=what,
            now=clock().now(),
            data=told,
        )
    return attachment(data, f"{what}.{kind}", "text/csv" if kind == "csv" else XLSX)
