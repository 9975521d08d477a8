"""`portal agencies import`: a file that empanels agencies or brings their facts up to date."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.bank_details import bank_detail_problems, propose_bank_detail
from allocations.agencies.changes import change_by_hand, waits_problem
from allocations.agencies.lifecycle import MOVES, action_between
from allocations.agencies.models import AGENCY_STATUSES, Agency
from allocations.agencies.moves import propose_move, waiting
from allocations.agencies.service import (
    FIELDS,
    agency_problems,
    change_agency,
    empanel,
    lender,
)
from portal.kernel.audit import Actor
from portal.kernel.db import scope_of
from portal.kernel.errors import Problem
from portal.kernel.money import EXPONENTS
from portal.kernel.tables.dates import DateOrder
from portal.kernel.tables.result import ImportResult
from portal.kernel.tables.sheet import Sheet, read_sheet
from portal.kernel.tables.spec import Column, SheetSpec

AGENCIES = SheetSpec(
    "agencies",
    (
        Column(
            "agency_code", needed=True, max_len=30, pattern="[A-Za-z0-9._-]+", pattern_hint="Letters, digits, - _ ."
        ),
        Column("legal_name", needed=True),
        Column("pan", max_len=20),
        Column("gstin", max_len=20),
        Column("state", max_len=60),
        Column("udyam_no", max_len=40),
        Column("msme_class", "choice", choices=("micro", "small", "medium", "none")),
        Column("agreement_from", "date", needed=True),
        Column("agreement_to", "date", needed=True),
        Column("email", pattern=r"[^@\s]+@[^@\s]+", pattern_hint="name@firm.example"),
        Column("phone", max_len=40),
        Column("bank_account_no", max_len=40),
        Column("ifsc", max_len=20),
        Column("account_holder"),
        Column("currency", "choice", choices=tuple(EXPONENTS)),
        Column("country", max_len=2, pattern="[A-Za-z]{2}", pattern_hint="Two letters, such as IN."),
        Column("capacity", "int", most=10_000_000),
        Column("status", "choice", choices=AGENCY_STATUSES, choice_aliases={"active": "empanelled"}),
    ),
)
UPPER = ("pan", "gstin", "udyam_no", "ifsc", "country")
FIRST = "applicant"
BANK = ("bank_account_no", "ifsc", "account_holder")


def import_agencies(
    session: Session,
    data: bytes,
    *,
    file_name: str,
    actor: Actor,
    now: datetime,
    date_order: DateOrder | None = None,
    all_or_nothing: bool = False,
) -> ImportResult:
    """Take in new agencies and update known ones; columns the file does not have stay as they are.

    Raises Invalid when the file as a whole cannot be read. A new agency in a file handed in on a page begins as an applicant; by
    command, for whoever runs the installation, it comes with its status, empanelled when the file gives none (the command's
    promise). Changed bank details become a new version for a checker, another status of a known agency a move for one.
    """
    session.scalar(select(func.pg_advisory_xact_lock(0x41474E43)))
    bank = lender(session)
    sheet = read_sheet(data, file_name, AGENCIES, currency=bank.currency, date_order=date_order)
    rows = [values_of(sheet, at) for at in range(len(sheet))]
    known = {agency.code: agency for agency in session.scalars(select(Agency))}
    check_rows(session, sheet, rows, known, bank.country, actor)
    result = ImportResult(
        len(sheet), unknown_columns=sheet.unknown_columns, file_sha256=hashlib.sha256(data).hexdigest()
    )
    if not (all_or_nothing and sheet.rejected):
        for at in np.flatnonzero(sheet.good):
            store_row(session, rows[at], known, result, actor=actor, now=now)
    result.rejected, result.problems, result.rejected_csv = (
        sheet.rejected,
        sheet.sorted_problems(),
        sheet.rejected_csv(),
    )
    return result


def values_of(sheet: Sheet, at: int) -> dict[str, Any]:
    """A row's values in Python's own types, only for columns the file has; blank cells are None."""
    row = sheet.frame.iloc[at]
    values: dict[str, Any] = {name: plain(row[name]) for name in sheet.header_of}
    for name in UPPER:
        if values.get(name):
            values[name] = values[name].upper().replace(" ", "")
    return values


def plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.date()
    return int(value) if isinstance(value, np.integer) else value


def check_rows(
    session: Session, sheet: Sheet, rows: list[dict[str, Any]], known: dict[str, Agency], country: str, actor: Actor
) -> None:
    """Reject rows whose facts are wrong, and the second of two rows for one agency."""
    first_row: dict[str, int] = {}
    for at, values in enumerate(rows):
        code = values["agency_code"]
        agency = known.get(code)
        home = values.get("country") or (agency.country if agency else country)
        problems = [*row_problems(values, home), status_problem(session, agency, values.get("status"), actor)]
        if agency is not None and actor.via == "web":
            problems.append(waits_problem(session, agency, values))
        for problem in filter(None, problems):
            sheet.reject(np.array([at]), problem.code, problem.message, problem.cure, problem.column)
        if code is None:
            continue
        if code in first_row:
            message = f"Row {first_row[code]} of this file is the same agency."
            sheet.reject(np.array([at]), "duplicate_agency", message, "Keep one row for each agency.", "agency_code")
        first_row.setdefault(code, int(sheet.row_no[at]))


def row_problems(values: dict[str, Any], country: str) -> Iterable[Problem]:
    yield from agency_problems({**values, "country": country})
    account_no, ifsc, holder = (values.get(name) or "" for name in BANK)
    if account_no or ifsc or holder:
        yield from bank_detail_problems(account_no, ifsc, holder, country)


def store_row(
    session: Session,
    values: dict[str, Any],
    known: dict[str, Agency],
    result: ImportResult,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    code = values["agency_code"]
    facts = {name: values[name] for name in FIELDS if name in values}
    agency = known.get(code)
    if agency is None:
        if (
            actor.via == "web"
        ):  # a file handed in on a page empanels nobody; who runs the installation loads what it begins with
            facts["status"] = FIRST
        agency = known[code] = empanel(session, code, facts, actor=actor, now=now, file=result.file_sha256)
        result.created += 1
        _pay_to(session, agency, values, actor, now)
        return
    keep = {name: value for name, value in facts.items() if value is not None or name not in NEVER_BLANK}
    reason = f"Imported from file {result.file_sha256[:12]}"
    status = keep.pop("status", None)
    if actor.via == "web":
        changed = change_by_hand(session, agency, keep, reason=reason, actor=actor, now=now).is_anything
    else:
        changed = change_agency(session, agency, keep, reason=reason, actor=actor, now=now)
    changed = _pay_to(session, agency, values, actor, now) or changed
    changed = _propose_status(session, agency, status, result.file_sha256, actor, now) or changed
    result.updated += changed
    result.unchanged += not changed


NEVER_BLANK = {"legal_name", "agreement_from", "country", "currency", "status"}


def _pay_to(session: Session, agency: Agency, values: dict[str, Any], actor: Actor, now: datetime) -> bool:
    account_no, ifsc, holder = (values.get(name) or "" for name in BANK)
    if not account_no:
        return False
    return propose_bank_detail(session, agency, account_no, ifsc, holder, actor=actor, now=now) is not None


def status_problem(session: Session, agency: Agency | None, status: str | None, actor: Actor) -> Problem | None:
    """Why a file's status can be none: of a new agency in a page's file, any but the first; of a known one, what follows from nothing."""
    if agency is None and status not in (None, FIRST) and actor.via == "web":
        cure = "Leave it out; then propose what follows on the agency's page."
        return Problem("status_by_move", "A new agency begins as an applicant.", cure, column="status", value=status)
    if agency is None or status in (None, agency.status):
        return None
    waits = waiting(session, agency)
    if waits is not None and waits.to_status != status:
        message = f"Another change of {agency.code} waits: to {waits.to_status}, proposed by {waits.proposed_by}."
        return Problem("move_waits", message, "Decide on that one first.", column="status", value=status)
    if waits is None and action_between(agency.status, str(status)) is None:
        may = ", ".join(dict.fromkeys(to for (at, _), to in MOVES.items() if at == agency.status))
        message = f"{agency.code} is {agency.status}; {status} does not follow."
        return Problem("no_such_move", message, f"What may follow: {may}.", column="status", value=status)
    return None


def _propose_status(
    session: Session, agency: Agency, status: str | None, sha256: str, actor: Actor, now: datetime
) -> bool:
    """A file proposes a status of an agency that is known; two people of the bank give it."""
    if status in (None, agency.status) or waiting(session, agency) is not None:
        return False
    action = action_between(agency.status, str(status))
    assert action is not None
    told: dict[str, Any] = {"reason": f"Imported from file {sha256[:12]}", "from_on": scope_of(session).today}
    propose_move(session, agency, action, source="file", source_ref=sha256, actor=actor, now=now, **told)
    return True
