"""`portal allocations import`: a placement, each row one account with one agency for a term.

What stood at the opening (bucket, balances) is frozen from the newest snapshot on or before the first day. Overlaps are looked for on
the bank's side, where the other agency may be named; the exclusion constraint stands behind as the last word.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Row, func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from allocations.agencies.fitness import FIT, agents_fit
from allocations.agencies.service import lender
from allocations.placements.allocation_warnings import warnings
from allocations.placements.asking_again import shut_meanwhile
from allocations.placements.borrower_notices import queue_notices
from allocations.placements.gate_facts import HOLD_GATE, STOPPING, agency_facts
from allocations.placements.gates import GATES, AgencyFacts, Room, Stop, agency_stops, area_stop
from allocations.placements.models import STREAMS, Placement
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.tables.bulk import stage
from portal.kernel.tables.dates import DateOrder
from portal.kernel.tables.result import ImportResult
from portal.kernel.tables.sheet import Sheet, read_sheet
from portal.kernel.tables.spec import Column, SheetSpec

ALLOCATIONS = SheetSpec(
    "allocations",
    (
        Column("loan_account_no", needed=True, max_len=60),
        Column("agency_code", needed=True, max_len=30),
        Column("from_on", "date", needed=True),
        Column("to_on", "date"),
        Column("agent_code", max_len=40),
        Column("target_amount", "amount", into="target_minor"),
        Column(
            "stream",
            "choice",
            choices=STREAMS,
            choice_aliases={"visit": "field", "telecalling": "tele", "call": "tele"},
        ),
    ),
)
STAGED = {
    "pos": "bigint",
    "row_no": "bigint",
    "loan_account_no": "text",
    "agency_code": "text",
    "from_on": "date",
    "to_on": "date",
    "agent_code": "text",
    "target_minor": "bigint",
    "stream": "text",
}


@dataclass(frozen=True)
class Check:
    """A question to the database about the staged rows: every row it returns (`pos` and more) is rejected with this problem."""

    code: str
    column: str
    sql: str
    message: Callable[[Row[Any]], str]
    cure: str


def _term(row: Row[Any]) -> str:
    return f"{row.held_from} to {row.held_to or 'further notice'}"


CHECKS = (
    Check(
        "unknown_account",
        "loan_account_no",
        "where l.id is null",
        lambda row: f"There is no account {row.loan_account_no}.",
        "Import the account first, or correct the number.",
    ),
    Check(
        "unknown_agency",
        "agency_code",
        "where g.id is null",
        lambda row: f"There is no agency {row.agency_code}.",
        "Empanel the agency first, or correct the code.",
    ),
    Check(
        "unknown_agent",
        "agent_code",
        "where s.agent_code is not null and g.id is not null and t.id is null",
        lambda row: f"{row.agency_code} has no agent {row.agent_code}.",
        "Add the agent first, or leave the cell empty.",
    ),
    Check(
        "agent_may_not_work",
        "agent_code",
        f"where t.id is not null and not ({FIT.format(day='s.from_on', unproven_ok='s.unproven_ok')})",
        lambda row: (
            f"Agent {row.agent_code} is not active, or has no valid certificate and verification on {row.from_on}."
        ),
        "Record the certificate and police verification in force, or choose another agent.",
    ),
    Check(
        "no_snapshot",
        "from_on",
        "where l.id is not null and x.as_of is null",
        lambda row: f"Nothing is stored of what {row.loan_account_no} owed on or before {row.from_on}.",
        "Import the accounts as of a day not later than from_on.",
    ),
)

# A term without an end ends with the agency's agreement: nobody holds an account of a bank they do not work for any more.
FACTS = """
    create temporary table staged_facts on commit drop as
    select s.pos, s.row_no, s.loan_account_no, s.agency_code, s.from_on, s.agent_code, s.target_minor, s.stream,
           s.to_on is null as is_open,
           case when s.to_on is null and g.agreement_to >= s.from_on then g.agreement_to else s.to_on end as to_on,
           s.from_on = any(cast(:lax_on as date[])) as unproven_ok,
           l.id as account_id, g.id as agency_id, g.status, g.agreement_from, g.agreement_to, t.id as agent_id,
           x.as_of
    from staged_allocations s
    left join loan_accounts l on l.loan_account_no = s.loan_account_no
    left join agencies g on g.code = s.agency_code
    left join agents t on t.agency_id = g.id and t.code = s.agent_code
    left join lateral (select x.as_of from account_snapshots x where x.loan_account_id = l.id and x.as_of <= s.from_on
                       order by x.as_of desc limit 1) x on true
"""

HELD = f"""
    select s.pos, h.from_on as held_from, h.to_on as held_to, h.reason, {HOLD_GATE} as gate
    from staged_facts s join holds h on h.loan_account_id = s.account_id and {STOPPING}
     and daterange(h.from_on, h.to_on, '[]') && daterange(s.from_on, s.to_on, '[]')
    where s.pos <> all(:known) order by s.pos, h.id
"""

KNOWN = """
    select s.pos from staged_facts s
    join allocations a on a.loan_account_id = s.account_id and a.agency_id = s.agency_id and a.stream = s.stream
     and a.from_on = s.from_on
    join placements p on p.id = a.placement_id and p.code = :placement
    where s.is_open or a.to_on is not distinct from s.to_on or a.recalled_at is not null
"""

OVERLAPS = """
    select s.pos, g.code as holder, a.from_on as held_from, a.to_on as held_to, p.code as placement
    from staged_facts s
    join allocations a on a.loan_account_id = s.account_id and a.stream = s.stream
     and a.term && daterange(s.from_on, s.to_on, '[]')
    join agencies g on g.id = a.agency_id join placements p on p.id = a.placement_id
    where s.pos <> all(:known) order by s.pos, a.from_on
"""

INSERT = """
    insert into allocations (placement_id, loan_account_id, agency_id, agent_id, stream, from_on, to_on, opening_as_of,
      opening_bucket, opening_asset_class, opening_dpd_days, opening_emi_minor, opening_principal_minor, opening_total_minor,
      opening_overdue_minor, target_minor, currency, loan_account_no, customer_name, product, city, pincode, state, region,
      created_at)
    select :placement, l.id, s.agency_id, s.agent_id, s.stream, s.from_on, s.to_on, x.as_of, x.bucket, x.asset_class, x.dpd_days,
      x.emi_minor, x.principal_minor, x.total_minor, x.overdue_minor, s.target_minor, l.currency, l.loan_account_no,
      l.customer_name, l.product, l.city, l.pincode, l.state, l.region, :now
    from staged_facts s
    join loan_accounts l on l.id = s.account_id
    join account_snapshots x on x.loan_account_id = s.account_id and x.as_of = s.as_of
    where s.pos <> all(:skip) order by s.pos
"""


def import_allocations(
    session: Session,
    data: bytes,
    *,
    placement: str,
    file_name: str,
    actor: Actor,
    now: datetime,
    date_order: DateOrder | None = None,
    all_or_nothing: bool = False,
) -> ImportResult:
    """Allocate accounts to agencies under a placement's code. The same file again changes nothing.

    Raises Invalid when the file as a whole cannot be read, Refused when somebody took the same days, or shut an agency, at the same moment.
    """
    check_code(placement)
    session.scalar(select(func.pg_advisory_xact_lock(0x414C4C4F)))
    sheet = read_sheet(data, file_name, ALLOCATIONS, currency=lender(session).currency, date_order=date_order)
    prepare(sheet)
    stage_facts(session, sheet)
    known = session.scalars(text(KNOWN), {"placement": placement}).all()
    refuse_by_database(session, sheet, known)
    result = ImportResult(
        len(sheet), unknown_columns=sheet.unknown_columns, file_sha256=hashlib.sha256(data).hexdigest()
    )
    result.unchanged = int(sheet.good[known].sum()) if known else 0
    if not (all_or_nothing and sheet.rejected):
        store(session, sheet, result, known, placement, actor, now)
    session.execute(text("drop table pg_temp.staged_facts, pg_temp.staged_allocations"))
    result.rejected, result.problems, result.rejected_csv = (
        sheet.rejected,
        sheet.sorted_problems(),
        sheet.rejected_csv(),
    )
    return result


def stage_facts(session: Session, sheet: Sheet) -> None:
    stage(session, "staged_allocations", sheet.good_frame(), STAGED)
    days = session.scalars(text("select distinct from_on from staged_allocations")).all()
    lax_on = [day for day in days if agents_fit(session, day)["unproven"] == "allow"]
    session.execute(text(FACTS), {"lax_on": lax_on})
    session.execute(text("analyze staged_facts"))


def check_code(placement: str) -> None:
    if not 1 <= len(placement) <= 60 or not all(char.isalnum() or char in "-_." for char in placement):
        cure = "Use letters, digits, - _ ., at most 60."
        raise Invalid(
            Problem("bad_placement_code", f"“{placement}” is no code for a placement.", cure, value=placement[:80])
        )


def prepare(sheet: Sheet) -> None:
    """Fill in what a row leaves open and reject what it shows to be wrong by itself, or beside the other rows of the file."""
    frame = sheet.frame
    frame["pos"], frame["row_no"] = np.arange(len(frame)), sheet.row_no
    frame["stream"] = frame["stream"].fillna("field")
    backwards = frame["to_on"] < frame["from_on"]
    sheet.reject(backwards, "term_backwards", "The term ends before it begins.", "Correct from_on or to_on.", "to_on")
    refuse_overlaps_in_file(sheet)


def refuse_overlaps_in_file(sheet: Sheet) -> None:
    """Of two rows that give one account's days in one stream, the later row goes back."""
    usable = sheet.good_frame()
    usable = usable[usable.duplicated(["loan_account_no", "stream"], keep=False)]
    forever = pd.Timestamp.max.floor("D")
    for _, rows in usable.groupby(["loan_account_no", "stream"], sort=False):
        taken: list[tuple[Any, Any, int]] = []
        ends = rows["to_on"].fillna(forever)
        for start, end, line, pos in zip(rows["from_on"], ends, rows["row_no"], rows["pos"], strict=True):
            clash = next((other for first, last, other in taken if start <= last and first <= end), None)
            if clash is None:
                taken.append((start, end, line))
                continue
            message = f"Row {clash} of this file gives this account away for some of the same days."
            cure = "Keep one of the two rows, or change its term."
            sheet.reject(np.array([pos]), "overlap_in_file", message, cure, "from_on")


KNOWN_HERE = {
    "loan_account_no": text("select loan_account_no from loan_accounts where loan_account_no = any(:codes)"),
    "agency_code": text("select code from agencies where code = any(:codes)"),
}


def refuse_unknown_too(session: Session, sheet: Sheet) -> None:
    """Rows with a fault of their own are not staged; account and agency are looked up all the same, so that all faults are told at once."""
    bad = sheet.frame[~sheet.good]
    if bad.empty:
        return
    for check in CHECKS[:2]:
        codes = bad[check.column].dropna()
        known = session.scalars(KNOWN_HERE[check.column], {"codes": codes.unique().tolist()}).all()
        lost = bad.loc[codes[~codes.isin(known)].index]
        said = [check.message(row) for row in lost.itertuples()]  # type: ignore[arg-type]
        sheet.reject(lost.index.to_numpy(), check.code, said, check.cure, check.column)


def refuse_by_database(session: Session, sheet: Sheet, known: Sequence[int]) -> None:
    """Ask every check; a row of an allocation that is stored already is not asked again."""
    refuse_unknown_too(session, sheet)
    for check in CHECKS:
        sql = CHECK_FROM + check.sql + " and s.pos <> all(:known) order by s.pos"
        rows = session.execute(text(sql), {"known": list(known)}).all()
        at = np.array([row.pos for row in rows], dtype=int)
        sheet.reject(at, check.code, [check.message(row) for row in rows], check.cure, check.column)
    held = session.execute(text(HELD), {"known": list(known)}).all()
    for code in dict.fromkeys(row.gate for row in held):
        rows = [row for row in held if row.gate == code]
        said = [f"{GATES[code].words} ({row.reason}) from {_term(row)}." for row in rows]
        sheet.reject(_positions(rows), code, said, GATES[code].cure, "loan_account_no")
    taken = session.execute(text(OVERLAPS), {"known": list(known)}).all()
    said = [f"{row.holder} holds it from {_term(row)} (placement {row.placement})." for row in taken]
    cure = "Recall it first, or begin after that term."
    sheet.reject(_positions(taken), "already_allocated", said, cure, "loan_account_no")
    refuse_by_gates(session, sheet, known)


GIVEN = """
    select s.pos, s.agency_id, s.from_on, s.to_on, coalesce(l.state, '') as state, coalesce(l.pincode, '') as pincode,
           coalesce(l.product, '') as product, coalesce(x.principal_minor, 0) as principal_minor
    from staged_facts s
    left join loan_accounts l on l.id = s.account_id
    left join account_snapshots x on x.loan_account_id = s.account_id and x.as_of = s.as_of
    where s.agency_id = any(:agencies) and s.pos <> all(:known) order by s.pos
"""
TERMS = "select distinct agency_id, from_on, to_on from staged_facts where agency_id is not null and pos <> all(:known)"
Facts = Mapping[tuple[int, date], AgencyFacts]
Stopped = list[tuple[int, Stop]]


def refuse_by_gates(session: Session, sheet: Sheet, known: Sequence[int]) -> None:
    """Ask the gates about agencies and their terms, about the rows each may work, and last, row by row, whether there is room.

    Rows are fetched only of agencies that a gate stops or that have a limit.
    """
    terms = session.execute(text(TERMS), {"known": list(known)}).all()
    if not terms:
        return
    facts = agency_facts(session, {row.from_on for row in terms}, {row.agency_id for row in terms})
    stops = {tuple(row): list(_agency_stops(facts, row)) for row in terms}
    asked = {row.agency_id for row in terms if stops[tuple(row)] or _has_limits(facts[row.agency_id, row.from_on])}
    rows = session.execute(text(GIVEN), {"known": list(known), "agencies": sorted(asked)}).all()
    _refuse(sheet, [(row.pos, stop) for row in rows for stop in stops[row.agency_id, row.from_on, row.to_on]])
    areas = ((row.pos, _area_stop(facts, row)) for row in rows)
    _refuse(sheet, [(pos, stop) for pos, stop in areas if stop])
    _refuse(sheet, list(_beyond_room(facts, [row for row in rows if sheet.good[row.pos]])))


def _agency_stops(facts: Facts, row: Row[Any]) -> Iterator[Stop]:
    return agency_stops(facts[row.agency_id, row.from_on], row.from_on, row.to_on, by_file=True)


def _has_limits(facts: AgencyFacts) -> bool:
    return _has_room_to_mind(facts) or not (facts.states is facts.pincodes is facts.products is None)


def _has_room_to_mind(facts: AgencyFacts) -> bool:
    return facts.capacity is not None or facts.exposure_cap_minor is not None


def _area_stop(facts: Facts, row: Row[Any]) -> Stop | None:
    return area_stop(facts[row.agency_id, row.from_on], row.state, row.pincode, row.product)


def _beyond_room(facts: Facts, rows: Sequence[Row[Any]]) -> Iterator[tuple[int, Stop]]:
    """An agency's rows in the order of their first days; those of this file that are still held then take up room."""
    taken: dict[int, list[Row[Any]]] = {}
    rooms: dict[tuple[int, date], Room] = {}
    for row in sorted(rows, key=lambda each: (each.from_on, each.pos)):
        of = facts[row.agency_id, row.from_on]
        if not _has_room_to_mind(of):
            continue
        earlier = taken.setdefault(row.agency_id, [])
        if (row.agency_id, row.from_on) not in rooms:
            rooms[row.agency_id, row.from_on] = room = Room.of(of)
            for each in earlier:
                if each.to_on is None or each.to_on >= row.from_on:
                    room.take(each.principal_minor)
        if stop := rooms[row.agency_id, row.from_on].take(row.principal_minor):
            yield row.pos, stop
        else:
            earlier.append(row)


AT_COLUMN = {"agreement_not_in_force": "from_on"}


def _refuse(sheet: Sheet, stopped: Stopped) -> None:
    for code in dict.fromkeys(stop.code for _, stop in stopped):
        found = [(pos, stop.message) for pos, stop in stopped if stop.code == code]
        at = np.array([pos for pos, _ in found], dtype=int)
        cure = GATES[code].cure
        sheet.reject(at, code, [said for _, said in found], cure, AT_COLUMN.get(code, "agency_code"))


CHECK_FROM = """
    select s.* from staged_facts s
    left join loan_accounts l on l.id = s.account_id
    left join agencies g on g.id = s.agency_id
    left join agents t on t.agency_id = s.agency_id and t.id = s.agent_id
    left join account_snapshots x on x.loan_account_id = s.account_id and x.as_of = s.as_of
"""


def _positions(rows: Sequence[Row[Any]]) -> np.ndarray:
    return np.array([row.pos for row in rows], dtype=int)


def store(
    session: Session, sheet: Sheet, result: ImportResult, known: Sequence[int], code: str, actor: Actor, now: datetime
) -> None:
    """Insert the good rows under their placement, made now when it is new; a file that brings nothing new leaves no trace."""
    skip = sorted({*known, *np.flatnonzero(~sheet.good).tolist()})
    if len(skip) == len(sheet):
        return
    placement = session.scalars(select(Placement).where(Placement.code == code)).first()
    if placement is None:
        placement = Placement(code=code, created_by=actor.email, created_at=now)
        session.add(placement)
        session.flush()
    try:
        with session.begin_nested():
            done = session.execute(text(INSERT), {"placement": placement.id, "now": now, "skip": skip})
            terms = session.execute(text(TERMS), {"known": skip}).all()
            shut = shut_meanwhile(session, map(tuple, terms), by_file=True)
            result.warnings = warnings(session, skip)
    except IntegrityError as error:
        if "one_agency_a_day_a_stream" not in str(error.orig):
            raise
        message = "Some of these accounts were given to another agency at this very moment."
        raise Refused(message, code="already_allocated", cure="Import the file again to see which.") from error
    if shut:
        raise Refused(
            " ".join(shut), code="shut_meanwhile", cure="Import the file again to see which rows still go in."
        )
    result.created = done.rowcount  # type: ignore[attr-defined]
    queue_notices(session, placement.id, since=now, now=now)
    data = {
        "file": result.file_sha256,
        "placement": code,
        "rows": result.rows,
        "created": result.created,
        "rejected": sheet.rejected,
    }
    record_event(
        session,
        AuditTag.ALLOCATIONS_IMPORTED,
        actor=actor,
        subject_type="placement",
        subject_ref=code,
        now=now,
        data=data,
    )
