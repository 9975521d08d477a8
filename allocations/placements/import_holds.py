"""`portal holds import`: many accounts on hold at once, one row each. The same file again changes nothing."""

from __future__ import annotations

import hashlib
from datetime import datetime

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.agencies.service import lender
from allocations.placements.hold_rules import CAUSES, EFFECTS
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.tables.bulk import stage
from portal.kernel.tables.dates import DateOrder
from portal.kernel.tables.result import ImportResult
from portal.kernel.tables.sheet import Sheet, read_sheet
from portal.kernel.tables.spec import Column, SheetSpec

HOLDS = SheetSpec(
    "holds",
    (
        Column("loan_account_no", needed=True, max_len=60),
        Column("cause", "choice", choices=CAUSES, aliases=("Hold Cause", "Hold Type")),
        Column("reason", needed=True, max_len=300, aliases=("Hold Reason", "Remarks")),
        Column("from_on", "date", needed=True),
        Column("to_on", "date"),
        Column(
            "effect",
            "choice",
            choices=EFFECTS,
            aliases=("Hold Effect",),
            choice_aliases={"no work": "no_work", "no commission": "no_accrual"},
        ),
    ),
)
STAGED = {
    "pos": "bigint",
    "loan_account_no": "text",
    "cause": "text",
    "reason": "text",
    "from_on": "date",
    "to_on": "date",
    "effect": "text",
}
UNKNOWN = text("""
  select s.pos from staged_holds s
   where not exists (select from loan_accounts l where l.loan_account_no = s.loan_account_no) order by 1
""")
KNOWN = text("""
  select s.pos from staged_holds s join loan_accounts l on l.loan_account_no = s.loan_account_no
    join holds h on h.loan_account_id = l.id and h.cause = s.cause and h.reason = s.reason and h.from_on = s.from_on
     and h.effect = s.effect and (h.to_on is not distinct from s.to_on or h.lifted_at is not null)
""")
INSERT = text("""
  insert into holds (loan_account_id, cause, reason, from_on, to_on, effect, created_by, created_at)
  select l.id, s.cause, s.reason, s.from_on, s.to_on, s.effect, :by, :now
    from staged_holds s join loan_accounts l on l.loan_account_no = s.loan_account_no
   where s.pos <> all(:skip) order by s.pos
""")


def import_holds(
    session: Session,
    data: bytes,
    *,
    file_name: str,
    actor: Actor,
    now: datetime,
    date_order: DateOrder | None = None,
    all_or_nothing: bool = False,
) -> ImportResult:
    """Put accounts on hold; a cause left out is "manual", an effect left out "both". A hold that was lifted is not put anew."""
    sheet = read_sheet(data, file_name, HOLDS, currency=lender(session).currency, date_order=date_order)
    frame = sheet.frame
    frame["pos"] = np.arange(len(frame))
    frame["cause"], frame["effect"] = frame["cause"].fillna("manual"), frame["effect"].fillna("both")
    backwards = frame["to_on"] < frame["from_on"]
    sheet.reject(backwards, "term_backwards", "The hold ends before it begins.", "Correct from_on or to_on.", "to_on")
    twice = frame.duplicated(["loan_account_no", "cause", "reason", "from_on", "effect"])
    sheet.reject(twice, "twice_in_file", "This hold stands in the file twice.", "Keep one row.", "loan_account_no")
    stage(session, "staged_holds", sheet.good_frame(), STAGED)
    lost = np.array(session.scalars(UNKNOWN).all(), dtype=int)
    sheet.reject(lost, "unknown_account", "There is no such account.", "Correct the number.", "loan_account_no")
    result = ImportResult(
        len(sheet), unknown_columns=sheet.unknown_columns, file_sha256=hashlib.sha256(data).hexdigest()
    )
    if not (all_or_nothing and sheet.rejected):
        _store(session, sheet, result, actor, now)
    session.execute(text("drop table pg_temp.staged_holds"))
    result.rejected, result.problems = sheet.rejected, sheet.sorted_problems()
    result.rejected_csv = sheet.rejected_csv()
    return result


def _store(session: Session, sheet: Sheet, result: ImportResult, actor: Actor, now: datetime) -> None:
    known = {pos for pos in session.scalars(KNOWN) if sheet.good[pos]}
    skip = sorted({*known, *np.flatnonzero(~sheet.good).tolist()})
    done = session.execute(INSERT, {"by": actor.email, "now": now, "skip": skip})
    result.unchanged, result.created = len(known), done.rowcount  # type: ignore[attr-defined]
    if result.created:
        data = {"rows": result.rows, "created": result.created, "rejected": sheet.rejected, "file": result.file_sha256}
        record_event(
            session,
            AuditTag.HOLDS_IMPORTED,
            actor=actor,
            subject_type="holds",
            subject_ref=result.file_sha256[:12],
            now=now,
            data=data,
        )
