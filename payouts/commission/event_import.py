"""`portal events import`: a file of events, of many agencies or of one. Every row is proposed; another person accepts."""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.agencies.service import lender
from allocations.placements.models import Allocation
from payouts.commission.event_models import EarningEvent
from payouts.commission.event_rules import MOST, MOST_DAYS, Told, problems_of
from payouts.commission.events import LOCK, event_ref
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Problem
from portal.kernel.tables.dates import DateOrder
from portal.kernel.tables.result import ImportResult
from portal.kernel.tables.sheet import Sheet, read_sheet
from portal.kernel.tables.spec import Column, SheetSpec

EVENTS = SheetSpec(
    "events",
    (
        Column("agency_code", max_len=30),
        Column("event", needed=True, max_len=40),
        Column("loan_account_no", max_len=60),
        Column("occurred_on", "date", needed=True, aliases=("Date", "Day", "Event Date")),
        Column("count", "int", least=1, most=MOST, aliases=("Number", "Qty", "Quantity")),
        Column("days", "int", most=MOST_DAYS),
        Column("amount", "amount", positive=True),
        Column("note", max_len=500, aliases=("Remarks", "Comment")),
    ),
)
AT_ONCE = 500
Row = dict[str, Any]


def import_events(
    session: Session,
    data: bytes,
    *,
    file_name: str,
    actor: Actor,
    now: datetime,
    today: date,
    agency_code: str = "",
    date_order: DateOrder | None = None,
    all_or_nothing: bool = False,
) -> ImportResult:
    """Propose the events of a file. A row that was proposed before, by this file or another, changes nothing.

    `agency_code` is whose file it is: rows may leave their agency out, and none may name another. An agency's person hands in
    claims of the agency's own. Raises Invalid when the file as a whole cannot be read.
    """
    session.scalar(select(func.pg_advisory_xact_lock(LOCK, 0)))
    sheet = read_sheet(data, file_name, EVENTS, currency=lender(session).currency, date_order=date_order)
    rows = [_values(sheet, at) for at in range(len(sheet))]
    agencies = {agency.code: agency for agency in session.scalars(select(Agency))}
    _check(session, sheet, rows, agencies, agency_code, today)
    result = ImportResult(
        len(sheet), unknown_columns=sheet.unknown_columns, file_sha256=hashlib.sha256(data).hexdigest()
    )
    if not (all_or_nothing and sheet.rejected):
        good = [rows[at] for at in np.flatnonzero(sheet.good)]
        for at in range(0, len(good), AT_ONCE):
            result.created += _store(session, good[at : at + AT_ONCE], actor, now)
        result.unchanged = len(good) - result.created
    result.rejected, result.problems = sheet.rejected, sheet.sorted_problems()
    result.rejected_csv = sheet.rejected_csv()
    if result.created:
        _tell(session, result, actor, now)
    return result


def _values(sheet: Sheet, at: int) -> Row:
    row = sheet.frame.iloc[at]
    values = {name: _plain(row[name]) for name in sheet.frame.columns}
    values["event"] = (values["event"] or "").lower().replace(" ", "_").replace("-", "_")
    return values


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.date()
    return int(value) if isinstance(value, np.integer) else value


def _check(
    session: Session, sheet: Sheet, rows: list[Row], agencies: dict[str, Agency], only: str, today: date
) -> None:
    """Reject what a row shows to be wrong, by itself, against the allocations, and against the rows before it."""
    terms = _terms(session, rows)
    first: dict[str, int] = {}
    for at, row in enumerate(rows):
        if not sheet.good[at]:
            continue
        code = row["agency_code"] or only
        agency = agencies.get(code)
        told = told_of(row)
        problems = [*_agency_problems(row["agency_code"], only, agency), *problems_of(told, today)]
        if agency is not None:
            problems += _account_problems(told, terms.get((agency.id, told.loan_account_no), []), row)
            row |= {"agency": agency, "source_key": f"row:{_digest(agency, told)}"}
        for problem in problems:
            sheet.reject(np.array([at]), problem.code, problem.message, problem.cure, problem.column)
        if problems:
            continue
        if (earlier := first.setdefault(row["source_key"], int(sheet.row_no[at]))) != int(sheet.row_no[at]):
            message = f"Row {earlier} of this file says the same."
            sheet.reject(np.array([at]), "event_twice", message, "Give them as one row with their count.", "event")


def told_of(row: Row) -> Told:
    return Told(
        event=row["event"],
        occurred_on=row["occurred_on"],
        loan_account_no=(row["loan_account_no"] or "").strip(),
        count=row["count"] if row["count"] is not None else 1,
        days=row["days"] if row["days"] is not None else 1,
        amount_minor=row["amount_minor"],
        note=row["note"] or "",
    )


def _digest(agency: Agency, told: Told) -> str:
    """What makes two rows the same event."""
    facts = (agency.code, told.event, told.loan_account_no, told.occurred_on, told.count, told.days, told.amount_minor)
    return hashlib.sha256("\x1f".join(map(str, (*facts, told.note.strip()))).encode()).hexdigest()[:32]


def _agency_problems(given: str | None, only: str, agency: Agency | None) -> list[Problem]:
    if given and only and given != only:
        message = f"This is {only}'s file; the row names {given}."
        return [
            Problem("other_agency", message, "Leave the row out, or hand it in for its agency.", column="agency_code")
        ]
    if not given and not only:
        return [Problem("missing_value", "Whose event is it?", "Give the agency's code.", column="agency_code")]
    if agency is None:
        return [
            Problem("unknown_agency", f"There is no agency {given or only}.", "Check the code.", column="agency_code")
        ]
    return []


def _terms(session: Session, rows: list[Row]) -> dict[tuple[int, str], list[Any]]:
    """(agency, account) → the allocations there ever were."""
    numbers = sorted({row["loan_account_no"].strip() for row in rows if row["loan_account_no"]})
    query = select(
        Allocation.id, Allocation.agency_id, Allocation.loan_account_no, Allocation.from_on, Allocation.to_on
    ).where(Allocation.loan_account_no.in_(numbers))
    found: dict[tuple[int, str], list[Any]] = {}
    for row in session.execute(query.order_by(Allocation.from_on.desc(), Allocation.id)) if numbers else ():
        found.setdefault((row.agency_id, row.loan_account_no), []).append(row)
    return found


def _account_problems(told: Told, terms: list[Any], row: Row) -> list[Problem]:
    """Sets the row's allocation; a problem when the agency never held the account, or not on that day."""
    row["allocation_id"] = None
    if not told.loan_account_no:
        return []
    if not terms:
        message = "This account was never allocated to the agency."
        return [Problem("unknown_account", message, "Check the number.", column="loan_account_no")]
    held = [t for t in terms if t.from_on <= told.occurred_on and (t.to_on is None or told.occurred_on <= t.to_on)]
    if not held:
        message = f"The agency did not hold this account on {told.occurred_on}."
        return [Problem("not_allocated", message, "Check the day.", column="occurred_on")]
    row["allocation_id"] = held[0].id
    return []


def _store(session: Session, rows: list[Row], actor: Actor, now: datetime) -> int:
    values = []
    for row in rows:
        told, agency = told_of(row), row["agency"]
        values.append(
            {
                "agency_id": agency.id,
                "ref": event_ref(agency, now),
                "event": told.event,
                "allocation_id": row["allocation_id"],
                "loan_account_no": told.loan_account_no or None,
                "occurred_on": told.occurred_on,
                "count": told.count,
                "days": told.days,
                "amount_minor": told.amount_minor,
                "currency": agency.currency,
                "source": "bank" if actor.agency_id is None else "agency",
                "source_key": row["source_key"],
                "detail": {},
                "note": told.note.strip(),
                "status": "proposed",
                "proposed_by": actor.email,
                "proposed_at": now,
            }
        )
    stored = session.execute(
        insert(EarningEvent)
        .values(values)
        .on_conflict_do_nothing(index_elements=["agency_id", "source_key"], index_where=text("resubmits_id is null"))
        .returning(EarningEvent.id)
    )
    return len(stored.all())


def _tell(session: Session, result: ImportResult, actor: Actor, now: datetime) -> None:
    data = {
        "file": result.file_sha256,
        "rows": result.rows,
        "created": result.created,
        "unchanged": result.unchanged,
        "rejected": result.rejected,
    }
    record_event(
        session,
        AuditTag.EVENTS_IMPORTED,
        actor=actor,
        subject_type="file",
        subject_ref=result.file_sha256,
        agency_id=actor.agency_id,
        now=now,
        data=data,
    )
