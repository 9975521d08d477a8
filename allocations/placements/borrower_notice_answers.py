"""What the letter house says became of notices: one row a notice, taken in whole files, harmless the second time."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import text
from sqlalchemy.orm import Session

from allocations.agencies.service import lender
from allocations.placements.borrower_notice_rules import MOVES, STATUSES
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.clock import BANK_ZONE
from portal.kernel.tables.bulk import stage
from portal.kernel.tables.dates import DateOrder
from portal.kernel.tables.result import ImportResult
from portal.kernel.tables.sheet import Sheet, read_sheet
from portal.kernel.tables.spec import Column, SheetSpec

NOTICES = SheetSpec(
    "notices",
    (
        Column("notice_id", "int", needed=True, least=1),
        Column("loan_account_no", needed=True, max_len=60),
        Column(
            "status",
            "choice",
            needed=True,
            choices=STATUSES[1:],
            choice_aliases={"ok": "delivered", "read": "delivered", "undelivered": "failed", "returned": "failed"},
        ),
        Column("sent_on", "date", aliases=("Sent", "Sent Date", "Dispatched On", "Dispatch Date")),
        Column("sent_time", "time"),
        Column("failure", max_len=200, aliases=("Reason", "Error", "Failure Reason")),
    ),
)
STAGED = {
    "pos": "bigint",
    "notice_id": "bigint",
    "loan_account_no": "text",
    "status": "text",
    "sent_on": "date",
    "sent_time": "time",
    "failure": "text",
}
FOUND = text("""
  select s.pos, n.id, n.status as was, n.loan_account_no = s.loan_account_no as is_same, s.status as said,
         n.batch_ref <> '' as went_out, coalesce(n.answer_sha256 = :sha, false) as is_read
    from staged_answers s left join borrower_notices n on n.id = s.notice_id order by s.pos
""")
APPLY = text("""
  update borrower_notices n
     set status = s.status,
         -- When one that came back was sent says nothing of the next one.
         sent_at = coalesce((s.sent_on + coalesce(s.sent_time, time '00:00')) at time zone :zone,
                            case when n.status <> 'failed' then n.sent_at end,
                            case when s.status <> 'failed' then :now end),
         failure = case when s.status = 'failed' then coalesce(s.failure, '') else '' end,
         batch_ref = case when s.status = 'failed' then '' else n.batch_ref end,
         answer_sha256 = :sha
    from staged_answers s
   where n.id = s.notice_id and s.pos = any(:good)
""")


def import_answers(
    session: Session,
    data: bytes,
    *,
    file_name: str,
    actor: Actor,
    now: datetime,
    date_order: DateOrder | None = None,
    all_or_nothing: bool = False,
) -> ImportResult:
    """Say of each notice that it was sent, delivered or came back. What came back is due again.

    Rows that lead nowhere (another account, never sent out, delivered already and now failed) are rejected with their reason.
    """
    sheet = read_sheet(data, file_name, NOTICES, currency=lender(session).currency, date_order=date_order)
    sheet.frame["pos"] = np.arange(len(sheet.frame))
    twice = sheet.frame.duplicated("notice_id") & sheet.frame["notice_id"].notna()
    sheet.reject(twice, "twice_in_file", "This notice stands in the file twice.", "Keep its last word.", "notice_id")
    late = sheet.frame["sent_on"].gt(np.datetime64(now.astimezone(BANK_ZONE).date()))
    sheet.reject(late.fillna(False), "in_future", "It was sent on a day to come.", "Correct the day.", "sent_on")
    stage(session, "staged_answers", sheet.good_frame(), STAGED)
    sha256 = hashlib.sha256(data).hexdigest()
    known = _judge(session, sheet, sha256)
    result = ImportResult(len(sheet), unknown_columns=sheet.unknown_columns, file_sha256=sha256)
    result.unchanged = len(known)
    if not (all_or_nothing and sheet.rejected):
        _apply(session, sheet, result, known, actor, now)
    session.execute(text("drop table pg_temp.staged_answers"))
    result.rejected, result.problems = sheet.rejected, sheet.sorted_problems()
    result.rejected_csv = sheet.rejected_csv()
    return result


def _judge(session: Session, sheet: Sheet, sha256: str) -> set[int]:
    """Reject what cannot be; gives the rows that say what is known already. One that was sent again and came back again is news."""
    known: set[int] = set()
    faults: dict[tuple[str, str, str, str], list[int]] = {}
    for row in session.execute(FOUND, {"sha": sha256}):
        if fault := _fault(row):
            faults.setdefault(fault, []).append(row.pos)
        elif row.was == row.said and (row.is_read or not (row.said == "failed" and row.went_out)):
            known.add(row.pos)
    for (code, message, cure, column), at in faults.items():
        sheet.reject(np.array(at), code, message, cure, column)
    return known


def _fault(row: Any) -> tuple[str, str, str, str] | None:
    if row.id is None:
        return "unknown_notice", "There is no such notice.", "Send back the number we sent out.", "notice_id"
    if not row.is_same:
        return "another_account", "That notice is of another account.", "Check the number.", "loan_account_no"
    if row.was != row.said and (row.was, row.said) not in MOVES:
        return "cannot_be", f"It is {row.was}; it cannot be {row.said} now.", "Check the row.", "status"
    if row.was != row.said and not row.went_out:
        return "not_sent_out", "It has not been sent out.", "Export it first.", "notice_id"
    return None


def _apply(session: Session, sheet: Sheet, result: ImportResult, known: set[int], actor: Actor, now: datetime) -> None:
    frame = sheet.good_frame()
    good = [int(pos) for pos in frame["pos"] if int(pos) not in known]
    if not good:
        return
    asked = {"good": good, "zone": str(BANK_ZONE), "sha": result.file_sha256, "now": now}
    result.updated = int(session.execute(APPLY, asked).rowcount)  # type: ignore[attr-defined]
    data = {
        "file": result.file_sha256,
        "rows": result.rows,
        "changed": result.updated,
        "rejected": sheet.rejected,
    }
    record_event(
        session,
        AuditTag.BORROWER_NOTICES_ANSWERED,
        actor=actor,
        subject_type="borrower_notices",
        subject_ref=result.file_sha256[:12],
        now=now,
        data=data,
    )
