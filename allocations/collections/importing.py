"""A collections file comes in: every row is stored, known already, or given back with its reasons.

The whole file is read, checked and stored in one transaction. Rows travel as columns (a temporary table and two joins), so a million
rows cost little more than reading them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Row, func, select, text
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import MODES, Upload, UploadProblem
from allocations.keys import normalise_references, receipt_folds, receipt_keys
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Problem, Refused
from portal.kernel.files import FileStore, store_file
from portal.kernel.money import shown
from portal.kernel.tables.bulk import copy_rows, stage
from portal.kernel.tables.dates import DateOrder
from portal.kernel.tables.sheet import Sheet, read_sheet
from portal.kernel.tables.spec import Column, SheetSpec

MODE_WORDS = {
    "cheque": "cheque",
    "check": "cheque",
    "chq": "cheque",
    "demand draft": "dd",
    "draft": "dd",
    "debit card": "card",
    "credit card": "card",
    "m-pesa": "mobile_money",
    "mpesa": "mobile_money",
    "nach": "auto_debit",
    "ecs": "auto_debit",
    "e-nach": "auto_debit",
    "auto debit": "auto_debit",
    "bhim": "upi",
    "gpay": "upi",
    "phonepe": "upi",
    "paytm": "wallet",
}

COLLECTIONS = SheetSpec(
    "collections",
    (
        Column("receipt_no", needed=True, max_len=60),
        Column("loan_account_no", needed=True, max_len=60),
        Column("amount", "amount", needed=True, positive=True),
        Column("collected_on", "date", needed=True),
        Column("collected_time", "time"),
        Column("mode", "choice", needed=True, choices=MODES, choice_aliases=MODE_WORDS),
        Column("instrument_ref", max_len=80),
        Column("agent_code", max_len=40),
        Column("deposit_slip_no", max_len=60),
        Column("deposited_on", "date"),
        Column("component_principal", "amount"),
        Column("component_interest", "amount"),
        Column("component_charges", "amount"),
        Column("latitude", "decimal", signed=True, least=-90, most=90),
        Column("longitude", "decimal", signed=True, least=-180, most=180),
        Column("remarks", max_len=500),
    ),
)

STAGED = {
    "pos": "bigint",
    "row_no": "bigint",
    "receipt_no": "text",
    "receipt_key": "text",
    "receipt_fold": "text",
    "loan_account_no": "text",
    "amount_minor": "bigint",
    "collected_on": "date",
    "collected_time": "time",
    "mode": "text",
    "instrument_ref": "text",
    "instrument_key": "text",
    "agent_code": "text",
    "deposit_slip_no": "text",
    "slip_key": "text",
    "deposited_on": "date",
    "component_principal_minor": "bigint",
    "component_interest_minor": "bigint",
    "component_charges_minor": "bigint",
    "latitude": "numeric",
    "longitude": "numeric",
    "remarks": "text",
}

FIND_ALLOCATIONS = text("""
    create temporary table staged_places on commit drop as
    select distinct on (s.pos) s.pos, a.id as allocation_id, a.loan_account_id
    from staged_collections s
    join allocations a on a.agency_id = :agency and a.loan_account_no = s.loan_account_no and a.term @> s.collected_on
    order by s.pos, a.stream, a.id
""")

HOMELESS = text("""
    select s.pos, s.collected_on,
           (select string_agg(a.from_on || ' to ' || coalesce(a.to_on::text, 'now'), ', ' order by a.from_on)
            from allocations a where a.agency_id = :agency and a.loan_account_no = s.loan_account_no) as held
    from staged_collections s left join staged_places p on p.pos = s.pos where p.pos is null order by s.pos
""")

HOMELESS_TOO = text("""
    select b.pos, b.collected_on,
           (select string_agg(a.from_on || ' to ' || coalesce(a.to_on::text, 'now'), ', ' order by a.from_on)
            from allocations a where a.agency_id = :agency and a.loan_account_no = b.loan_account_no) as held
    from unnest(cast(:pos as bigint[]), cast(:accounts as text[]), cast(:days as date[]))
         as b(pos, loan_account_no, collected_on)
    where not exists (select 1 from allocations a where a.agency_id = :agency and a.loan_account_no = b.loan_account_no
                      and (b.collected_on is null or a.term @> b.collected_on))
    order by b.pos
""")

DIFFERING = text("""
    select s.pos, c.amount_minor, c.collected_on, c.loan_account_no
    from staged_collections s join collections c on c.agency_id = :agency and c.receipt_key = s.receipt_key
    where (c.amount_minor, c.collected_on, c.loan_account_no, c.mode, coalesce(c.instrument_key, ''))
       is distinct from (s.amount_minor, s.collected_on, s.loan_account_no, s.mode, coalesce(s.instrument_key, ''))
    order by s.pos
""")

INSERT = text("""
    with added as (
      insert into collections (agency_id, allocation_id, loan_account_id, loan_account_no, receipt_no, receipt_key, receipt_fold,
        amount_minor, currency, collected_on, collected_time, mode, instrument_ref, instrument_key, agent_code,
        deposit_slip_no, slip_key, deposited_on, component_principal_minor, component_interest_minor,
        component_charges_minor, latitude, longitude, remarks, upload_id, row_no, reported_at)
      select :agency, p.allocation_id, p.loan_account_id, s.loan_account_no, s.receipt_no, s.receipt_key, s.receipt_fold,
        s.amount_minor, :currency, s.collected_on, s.collected_time, s.mode, s.instrument_ref, s.instrument_key,
        s.agent_code, s.deposit_slip_no, s.slip_key, s.deposited_on, s.component_principal_minor,
        s.component_interest_minor, s.component_charges_minor, s.latitude, s.longitude, s.remarks, :upload, s.row_no, :now
      from staged_collections s join staged_places p on p.pos = s.pos
      where s.pos <> all(:refused)
      order by s.pos
      on conflict (agency_id, receipt_key) do nothing
      returning amount_minor)
    select count(*), coalesce(sum(amount_minor), 0) from added
""")


@dataclass
class UploadResult:
    """What became of a file. `total_minor` sums the rows stored now, `file_total_minor` every row that could be read."""

    ref: str | None
    rows: int
    created: int
    duplicates: int
    rejected: int
    total_minor: int
    file_total_minor: int
    currency: str
    problems: list[Problem] = field(default_factory=list)
    unknown_columns: list[str] = field(default_factory=list)
    rejected_csv: bytes = b""
    seen_before: str | None = None
    updated: int = 0


def import_collections(
    session: Session,
    store: FileStore,
    data: bytes,
    *,
    agency: Agency,
    file_name: str,
    actor: Actor,
    now: datetime,
    today: date,
    date_order: DateOrder | None = None,
    all_or_nothing: bool = False,
) -> UploadResult:
    """Store what an agency says it collected. Handing in the same file again changes nothing and says so.

    Raises Invalid when the file as a whole cannot be read, Refused when the agency may not report any more.
    """
    if agency.status in ("suspended", "de_empanelled", "applicant", "due_diligence"):
        raise Refused(
            f"{agency.legal_name} may not report collections: {agency.status.replace('_', ' ')}.", code="agency_shut"
        )
    session.scalar(select(func.pg_advisory_xact_lock(0x434F4C4C, agency.id)))
    sheet = read_sheet(data, file_name, COLLECTIONS, currency=agency.currency, date_order=date_order)
    frame = prepare(sheet, today)
    copies = repeats_in_file(sheet)
    stage(session, "staged_collections", frame[sheet.good & ~copies], STAGED)
    refused = refuse_by_database(session, sheet, agency)
    if all_or_nothing and not sheet.good.all():
        refused = list(range(len(sheet)))
    return store_rows(session, store, data, sheet, refused, agency, actor, now)


def prepare(sheet: Sheet, today: date) -> pd.DataFrame:
    """The sheet's columns with keys beside them, and every fault that a row shows by itself."""
    frame = sheet.frame
    frame["pos"] = np.arange(len(frame))
    frame["row_no"] = sheet.row_no
    frame["receipt_key"] = receipt_keys(frame["receipt_no"])
    frame["receipt_fold"] = receipt_folds(frame["receipt_key"])
    frame["instrument_key"] = normalise_references(frame["instrument_ref"]).replace("", None)
    frame["slip_key"] = normalise_references(frame["deposit_slip_no"]).replace("", None)
    empty_key = ((frame["receipt_key"] == "") & frame["receipt_no"].notna()).to_numpy()
    sheet.reject(
        empty_key, "bad_receipt_no", "The receipt number has no letter or digit.", "Give its number.", "receipt_no"
    )
    collected = frame["collected_on"]
    late = (collected > pd.Timestamp(today)).to_numpy()
    cure = "Correct the date, or hand it in on that day."
    sheet.reject(late, "future_date", f"It was collected after today ({today}).", cure, "collected_on")
    early = (frame["deposited_on"] < collected).to_numpy()
    sheet.reject(
        early,
        "deposit_before_collection",
        "The deposit is dated before the collection.",
        "Correct one of them.",
        "deposited_on",
    )
    parts = frame[["component_principal_minor", "component_interest_minor", "component_charges_minor"]]
    over = (parts.fillna(0).sum(axis=1) > frame["amount_minor"]).fillna(False).to_numpy(dtype=bool)
    sheet.reject(
        over, "components_exceed_amount", "The components add up to more than the amount.", "Correct them.", "amount"
    )
    return frame


SAME = ["amount_minor", "collected_on", "loan_account_no", "mode", "instrument_key"]


def repeats_in_file(sheet: Sheet) -> np.ndarray:
    """Rows that say again what an earlier row said (harmless); one that says it differently is refused."""
    frame = sheet.frame
    usable = frame[sheet.good]
    again = usable.duplicated("receipt_key", keep="first")
    if not again.any():
        return np.zeros(len(frame), dtype=bool)
    first = usable.drop_duplicates("receipt_key").set_index("receipt_key")
    later = usable[again]
    firsts = first.loc[later["receipt_key"]]
    same = np.ones(len(later), dtype=bool)
    for column in SAME:
        left, right = later[column].to_numpy(dtype=object), firsts[column].to_numpy(dtype=object)
        same &= np.array([a == b or (pd.isna(a) and pd.isna(b)) for a, b in zip(left, right, strict=True)], dtype=bool)
    clash = later.index[~same].to_numpy()
    rows = first.loc[later["receipt_key"], "row_no"].to_numpy()[~same]
    messages = [f"Row {row} has the same receipt number with other facts." for row in rows]
    sheet.reject(
        clash, "duplicate_receipt", messages, "Each receipt number is used once; correct one of the rows.", "receipt_no"
    )
    copies = np.zeros(len(frame), dtype=bool)
    copies[later.index[same].to_numpy()] = True
    return copies


def refuse_by_database(session: Session, sheet: Sheet, agency: Agency) -> list[int]:
    """Refuse rows on accounts this agency does not hold that day, and receipts it reported differently before."""
    session.execute(text("drop table if exists pg_temp.staged_places"))
    session.execute(FIND_ALLOCATIONS, {"agency": agency.id})
    session.execute(text("analyze staged_places"))
    homeless = session.execute(HOMELESS, {"agency": agency.id}).all()
    refuse_homeless(sheet, [*homeless, *homeless_too(session, sheet, agency)])
    differing = session.execute(DIFFERING, {"agency": agency.id}).all()
    sheet.reject(
        np.array([row.pos for row in differing], dtype=int),
        "receipt_differs",
        [said_before(row, sheet.currency) for row in differing],
        "Give a new receipt number, or ask the bank to correct the stored one.",
        "receipt_no",
    )
    return [row.pos for row in homeless] + [row.pos for row in differing]


def homeless_too(session: Session, sheet: Sheet, agency: Agency) -> Sequence[Row[Any]]:
    """Rows with a fault of their own are not staged; their account is looked up all the same, so that all faults are told at once."""
    bad = sheet.frame.loc[~sheet.good, ["pos", "loan_account_no", "collected_on"]].dropna(subset=["loan_account_no"])
    if bad.empty:
        return []
    days = [None if pd.isna(day) else day.date() for day in bad["collected_on"]]
    asked = {"pos": bad["pos"].tolist(), "accounts": bad["loan_account_no"].tolist(), "days": days}
    return session.execute(HOMELESS_TOO, {"agency": agency.id, **asked}).all()


def refuse_homeless(sheet: Sheet, homeless: Sequence[Row[Any]]) -> None:
    """Refuse rows on accounts the agency never held, or did not hold that day."""
    unknown = [row.pos for row in homeless if row.held is None]
    elsewhen = [row for row in homeless if row.held is not None]
    sheet.reject(
        np.array(unknown, dtype=int),
        "unknown_account",
        "This account was never allocated to you.",
        "Check the loan account number.",
        "loan_account_no",
    )
    sheet.reject(
        np.array([row.pos for row in elsewhen], dtype=int),
        "not_allocated",
        [f"You did not hold this account on {row.collected_on}; you held it {row.held}." for row in elsewhen],
        "Correct the date, or ask the bank about the allocation.",
        "loan_account_no",
    )


def said_before(row: Row[Any], currency: str) -> str:
    amount = shown(row.amount_minor, currency)
    return f"You reported this receipt before as {amount} on {row.collected_on} for {row.loan_account_no}."


def store_rows(
    session: Session,
    store: FileStore,
    data: bytes,
    sheet: Sheet,
    refused: list[int],
    agency: Agency,
    actor: Actor,
    now: datetime,
) -> UploadResult:
    """Insert what is new, keep the file and the problems; a file that brings nothing new and nothing wrong leaves no trace."""
    sha256 = hashlib.sha256(data).hexdigest()
    earlier = session.scalars(
        select(Upload.ref).where(Upload.agency_id == agency.id, Upload.file_sha256 == sha256).order_by(Upload.id.desc())
    ).first()
    upload = Upload(
        agency_id=agency.id,
        ref=next_ref(session, agency, now),
        file_sha256=sha256,
        file_name=sheet.name[:200],
        status="storing",
        currency=sheet.currency,
        uploaded_by=actor.email,
        uploaded_at=now,
        rows=len(sheet),
        unknown_columns=sheet.unknown_columns,
    )
    savepoint = session.begin_nested()
    session.add(upload)
    session.flush()
    added = session.execute(
        INSERT,
        {"agency": agency.id, "currency": sheet.currency, "upload": upload.id, "now": now, "refused": refused},
    ).one()
    result = UploadResult(
        ref=upload.ref,
        rows=len(sheet),
        created=added[0],
        duplicates=0 if len(refused) == len(sheet) else len(sheet) - sheet.rejected - added[0],
        rejected=sheet.rejected,
        total_minor=int(added[1]),
        file_total_minor=int(sheet.frame["amount_minor"].sum()),
        currency=sheet.currency,
        problems=sheet.sorted_problems(),
        unknown_columns=sheet.unknown_columns,
        rejected_csv=sheet.rejected_csv(),
        seen_before=earlier,
    )
    if not result.created and (earlier or not result.rejected):
        savepoint.rollback()
        result.ref = earlier
        return result
    savepoint.commit()
    keep_upload(session, store, data, upload, result, actor, now)
    return result


def keep_upload(
    session: Session,
    store: FileStore,
    data: bytes,
    upload: Upload,
    result: UploadResult,
    actor: Actor,
    now: datetime,
) -> None:
    """The upload's counts, its files, its problems and its line in the audit log."""
    upload.status = "stored" if not result.rejected else "stored_in_part" if result.created else "refused"
    upload.created, upload.duplicates, upload.rejected = result.created, result.duplicates, result.rejected
    upload.total_minor = result.total_minor
    kept: dict[str, Any] = {
        "media_type": "application/octet-stream",
        "agency_id": upload.agency_id,
        "actor": actor,
        "now": now,
    }
    store_file(session, store, data, name=upload.file_name, **kept)
    if result.rejected_csv:
        name = f"rejected-{upload.ref}.csv"
        upload.rejected_sha256 = store_file(session, store, result.rejected_csv, name=name, **kept).sha256
    session.flush()
    copy_rows(
        session,
        UploadProblem.__table__,  # type: ignore[arg-type]
        ["agency_id", "upload_id", "row_no", "column_name", "code", "message", "cure", "value"],
        [(upload.agency_id, upload.id, p.row, p.column, p.code, p.message, p.cure, p.value) for p in result.problems],
    )
    record_event(
        session,
        AuditTag.COLLECTIONS_UPLOADED,
        actor=actor,
        subject_type="upload",
        subject_ref=upload.ref,
        agency_id=upload.agency_id,
        now=now,
        data={
            "file": upload.file_sha256,
            "rows": result.rows,
            "created": result.created,
            "duplicates": result.duplicates,
            "rejected": result.rejected,
            "total": result.total_minor,
        },
    )


def next_ref(session: Session, agency: Agency, now: datetime) -> str:
    """UP-<agency>-<day>-<n>, counted under the agency's own lock."""
    count = session.scalar(select(func.count()).select_from(Upload).where(Upload.agency_id == agency.id)) or 0
    return f"UP-{agency.code}-{now:%Y%m%d}-{count + 1:04d}"
