"""`portal accounts import`: loan accounts and what each owed on one day, a million rows at a time.

The rows are copied into a temporary table and moved by a few set-based statements. A stored snapshot is never edited: a row that says
something else about a day already stored comes back.
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from allocations.agencies.service import lender
from allocations.keys import normalise_references
from allocations.placements.asset_class import asset_class
from allocations.placements.buckets import Scheme, scheme_from, scheme_on
from allocations.placements.models import AccountSnapshot, BucketScheme
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, Problem
from portal.kernel.tables.bulk import stage
from portal.kernel.tables.dates import DateOrder
from portal.kernel.tables.limits import Limits
from portal.kernel.tables.result import ImportResult
from portal.kernel.tables.sheet import Sheet, read_sheet
from portal.kernel.tables.spec import Column, SheetSpec

VIRTUAL = (
    *("VAN", "VA", "VA No", "VA Number", "Virtual A/c", "Virtual A/c No", "Virtual A/c Number", "Virtual Account"),
    *("Virtual Account Number", "Virtual Acc No", "Virtual Acct No", "Virtual Account ID"),
)
ACCOUNTS = SheetSpec(
    "accounts",
    (
        Column("loan_account_no", needed=True, max_len=60),
        Column("customer_name", needed=True),
        Column("mobile", max_len=40),
        Column("email"),
        Column("address", max_len=500),
        Column("city"),
        Column("pincode", max_len=20),
        Column("state", max_len=60),
        Column("region", max_len=60),
        Column("branch_code", max_len=60),
        Column("language", max_len=40),
        Column("risk_grade", max_len=20),
        Column("product", needed=True, max_len=60),
        Column("sanctioned_on", "date"),
        Column("emi_amount", "amount", needed=True, into="emi_minor"),
        Column("principal_outstanding", "amount", needed=True, into="principal_minor"),
        Column("total_outstanding", "amount", needed=True, into="total_minor"),
        Column("overdue_amount", "amount", needed=True, into="overdue_minor"),
        Column("dpd_days", "int", needed=True, most=36_500),
        Column("npa_on", "date"),
        Column("written_off_on", "date"),
        Column("secured", "bool"),
        Column("security_value", "amount"),
        Column("interest_rate", "decimal", most=999),
        Column("currency", max_len=3),
        Column("latitude", "decimal", signed=True, least=-90, most=90),
        Column("longitude", "decimal", signed=True, least=-180, most=180),
        Column("virtual_account_no", max_len=60, aliases=VIRTUAL),
    ),
)

MASTER = {
    "customer_name": "text",
    "mobile": "text",
    "email": "text",
    "address": "text",
    "city": "text",
    "pincode": "text",
    "state": "text",
    "region": "text",
    "branch_code": "text",
    "language": "text",
    "risk_grade": "text",
    "product": "text",
    "sanctioned_on": "date",
    "npa_on": "date",
    "written_off_on": "date",
    "secured": "boolean",
    "security_value_minor": "bigint",
    "interest_rate": "numeric(9,6)",
    "latitude": "numeric(9,6)",
    "longitude": "numeric(9,6)",
    "virtual_account_no": "text",
    "virtual_account_key": "text",
}
FIGURES = {
    "emi_minor": "bigint",
    "principal_minor": "bigint",
    "total_minor": "bigint",
    "overdue_minor": "bigint",
    "dpd_days": "integer",
    "bucket": "text",
    "asset_class": "text",
}
A_FEW = 1_000
STAGED = {"pos": "bigint", "loan_account_no": "text", **MASTER, **FIGURES}


def import_accounts(
    session: Session,
    data: bytes,
    *,
    as_of: date,
    file_name: str,
    actor: Actor,
    now: datetime,
    date_order: DateOrder | None = None,
    all_or_nothing: bool = False,
    limits: Limits | None = None,
) -> ImportResult:
    """Store accounts and their snapshot at the end of `as_of`. The same file again changes nothing.

    Raises Invalid when the file as a whole cannot be read. Facts of an earlier day never overwrite those of a later one.
    """
    session.scalar(select(func.pg_advisory_xact_lock(0x41434354)))
    currency = lender(session).currency
    sheet = read_sheet(data, file_name, ACCOUNTS, currency=currency, date_order=date_order, limits=limits)
    scheme = scheme_for(session, as_of)
    check_rows(sheet, as_of, currency)
    check_virtual_accounts(sheet)
    classify(sheet, scheme, as_of)
    stage(session, "staged_accounts", sheet.good_frame(), STAGED, keys=["loan_account_no"])
    plan_for(session, len(sheet))
    refuse_changed_days(session, sheet, as_of)
    refuse_taken_virtual_accounts(session, sheet)
    result = ImportResult(
        len(sheet), unknown_columns=sheet.unknown_columns, file_sha256=hashlib.sha256(data).hexdigest()
    )
    if not (all_or_nothing and sheet.rejected):
        store(session, sheet, result, as_of, scheme.version, currency)
        result.unchanged = len(sheet) - sheet.rejected - result.created - result.updated
    session.execute(text("drop table pg_temp.staged_accounts"))
    session.execute(text("set local enable_nestloop to default"))
    session.execute(text("set local work_mem to default"))
    result.rejected, result.problems, result.rejected_csv = (
        sheet.rejected,
        sheet.sorted_problems(),
        sheet.rejected_csv(),
    )
    if not result.changed_nothing:
        _record(session, result, as_of, actor, now)
    return result


def plan_for(session: Session, rows: int) -> None:
    """Whole tables are joined by hash. Right after a first import they have no statistics yet, and a loop over both would never end."""
    if rows > A_FEW:
        session.execute(text("set local enable_nestloop to off"))
        session.execute(
            text("set local work_mem to '256MB'")
        )  # one hash table, so that rows go in in the order of the file
    else:
        session.execute(text("create index on staged_accounts (loan_account_no)"))


def load_schemes(session: Session) -> list[Scheme]:
    """Every version of the lender's buckets."""
    rows = session.scalars(select(BucketScheme).order_by(BucketScheme.version))
    return [scheme_from(row.version, row.effective_from, row.buckets) for row in rows]


def scheme_for(session: Session, day: date) -> Scheme:
    """The bucket scheme in force on a day. Invalid when none is."""
    try:
        return scheme_on(load_schemes(session), day)
    except LookupError as error:
        cure = "Give a later day, or add a bucket scheme."
        raise Invalid(Problem("no_bucket_scheme", f"{error}.", cure, value=str(day))) from None


def check_rows(sheet: Sheet, as_of: date, currency: str) -> None:
    """Reject what a row shows to be wrong by itself, and the second of two rows for one account."""
    frame = sheet.frame
    other = frame["currency"].notna() & (frame["currency"].str.upper() != currency)
    message = f"This portal keeps its accounts in {currency}."
    sheet.reject(other & sheet.good, "other_currency", message, "Leave the row out.", "currency")
    for name in ("npa_on", "written_off_on", "sanctioned_on"):
        late = (frame[name] > pd.Timestamp(as_of)) & sheet.good
        message = f"{name} lies after the day the file speaks of ({as_of})."
        sheet.reject(late, "date_after_as_of", message, "Correct the date, or the day given with the file.", name)
    numbers = frame["loan_account_no"]
    again = numbers.duplicated(keep="first") & numbers.notna() & sheet.good
    if again.any():
        first = frame.drop_duplicates("loan_account_no").set_index("loan_account_no").index
        where = dict(zip(first, sheet.row_no[frame.drop_duplicates("loan_account_no").index], strict=True))
        said = [f"Row {where[number]} of this file is the same account." for number in numbers[again]]
        sheet.reject(again, "duplicate_account", said, "Keep one row for each account.", "loan_account_no")


def check_virtual_accounts(sheet: Sheet) -> None:
    """Add the key a bank's narrative is searched for, and reject the second account with the same one: money on it would be anybody's."""
    frame = sheet.frame
    keys = normalise_references(frame["virtual_account_no"])
    frame["virtual_account_key"] = keys.where(keys != "")
    again = frame["virtual_account_key"].duplicated(keep="first") & frame["virtual_account_key"].notna() & sheet.good
    if again.any():
        first = frame.drop_duplicates("virtual_account_key").set_index("virtual_account_key")["loan_account_no"]
        said = [f"Account {first[key]} of this file has the same virtual account." for key in keys[again]]
        sheet.reject(again, "virtual_account_twice", said, ONE_VIRTUAL, "virtual_account_no")


ONE_VIRTUAL = "Give each account a virtual account of its own; if it moved, take it off the other account first."
TAKEN_VIRTUAL = """
    select s.pos, l.loan_account_no from staged_accounts s
    join loan_accounts l on l.virtual_account_key = s.virtual_account_key and l.loan_account_no <> s.loan_account_no
    order by s.pos
"""


def refuse_taken_virtual_accounts(session: Session, sheet: Sheet) -> None:
    """Reject rows whose virtual account is stored at another account, and take them off the staged table."""
    rows = session.execute(text(TAKEN_VIRTUAL)).all()
    if rows:
        said = [f"Account {row.loan_account_no} has this virtual account." for row in rows]
        at = np.array([row.pos for row in rows])
        sheet.reject(at, "virtual_account_taken", said, ONE_VIRTUAL, "virtual_account_no")
        session.execute(text("delete from staged_accounts where pos = any(:at)"), {"at": at.tolist()})


def classify(sheet: Sheet, scheme: Scheme, as_of: date) -> None:
    """Add position, bucket and asset class to the sheet's frame; rules are asked once per distinct set of facts."""
    frame = sheet.frame
    frame["pos"] = np.arange(len(frame))
    dpd = frame["dpd_days"].fillna(0).to_numpy(dtype=np.int64)
    frame["bucket"] = pd.Series(scheme.codes_of(dpd), dtype="str")
    facts = pd.DataFrame({"dpd": dpd, "npa": frame["npa_on"], "off": frame["written_off_on"]})
    groups = facts.groupby(["dpd", "npa", "off"], dropna=False, sort=False)
    classes = [str(asset_class(as_of, int(d), _day(n), _day(o))) for d, n, o in groups.size().index]
    frame["asset_class"] = pd.Series(np.array(classes, dtype=object)[groups.ngroup().to_numpy()], dtype="str")


def _day(value: Any) -> date | None:
    return None if pd.isna(value) else pd.Timestamp(value).date()


DIFFERING = f"""
    select s.pos, {", ".join(f"x.{name} as was_{name}" for name in ("total_minor", "dpd_days"))}
    from staged_accounts s
    join loan_accounts l on l.loan_account_no = s.loan_account_no
    join account_snapshots x on x.loan_account_id = l.id and x.as_of = :as_of
    where ({", ".join(f"x.{name}" for name in list(FIGURES)[:5])})
      is distinct from ({", ".join(f"s.{name}" for name in list(FIGURES)[:5])})
    order by s.pos
"""  # fmt: skip


def refuse_changed_days(session: Session, sheet: Sheet, as_of: date) -> None:
    """Reject rows that contradict a snapshot already stored for this very day, and take them off the staged table."""
    if not session.scalar(select(select(AccountSnapshot).where(AccountSnapshot.as_of == as_of).exists())):
        return
    rows = session.execute(text(DIFFERING), {"as_of": as_of}).all()
    if not rows:
        return
    message = f"Other figures are stored for this account and {as_of}; a day once stored is not changed."
    at = np.array([row.pos for row in rows])
    sheet.reject(at, "snapshot_differs", message, "Hand in the correction with a later day.", "loan_account_no")
    session.execute(text("delete from staged_accounts where pos = any(:at)"), {"at": at.tolist()})


def store(
    session: Session, sheet: Sheet, result: ImportResult, as_of: date, scheme_version: int, currency: str
) -> None:
    """Insert new accounts, bring known ones up to date, add the day's snapshots."""
    values = {"as_of": as_of, "scheme": scheme_version, "currency": currency}
    result.created = _count(session, INSERT_ACCOUNTS, values)
    known = len(sheet) - sheet.rejected - result.created
    if known:
        result.updated = _count(session, update_accounts(sheet), values)
        result.updated += _count(session, INSERT_SNAPSHOTS + OF_AN_EARLIER_DAY, values)
    _count(session, INSERT_SNAPSHOTS, values)


def _count(session: Session, statement: str, values: dict[str, Any]) -> int:
    return session.execute(text(statement), values).rowcount  # type: ignore[attr-defined]


LATEST = [f"latest_{name}" for name in FIGURES]
INSERT_ACCOUNTS = f"""
    insert into loan_accounts (loan_account_no, {", ".join(MASTER)}, currency, latest_as_of, {", ".join(LATEST)})
    select s.loan_account_no, {", ".join(f"s.{name}" for name in MASTER)}, :currency, :as_of,
           {", ".join(f"s.{name}" for name in FIGURES)}
    from staged_accounts s
    where not exists (select from loan_accounts l where l.loan_account_no = s.loan_account_no)
"""
INSERT_SNAPSHOTS = f"""
    insert into account_snapshots (loan_account_id, as_of, {", ".join(FIGURES)}, scheme_version)
    select l.id, :as_of, {", ".join(f"s.{name}" for name in FIGURES)}, :scheme
    from staged_accounts s join loan_accounts l on l.loan_account_no = s.loan_account_no
    where not exists (select from account_snapshots x where x.loan_account_id = l.id and x.as_of = :as_of)
"""
OF_AN_EARLIER_DAY = " and l.latest_as_of > :as_of"


def update_accounts(sheet: Sheet) -> str:
    """Bring accounts up to date whose newest facts are not newer than the file's; columns the file lacks stay."""
    columns = {column.field_name for column in sheet.spec.columns if column.name in sheet.header_of}
    if "virtual_account_no" in columns:
        columns.add("virtual_account_key")
    given = [name for name in MASTER if name in columns]
    pairs = [(name, name) for name in given] + list(zip(LATEST, FIGURES, strict=True))
    return f"""
        update loan_accounts l set latest_as_of = :as_of, {", ".join(f"{mine} = s.{theirs}" for mine, theirs in pairs)}
        from staged_accounts s
        where l.loan_account_no = s.loan_account_no and (l.latest_as_of is null or l.latest_as_of <= :as_of)
          and (l.latest_as_of, {", ".join(f"l.{mine}" for mine, _ in pairs)})
            is distinct from (:as_of, {", ".join(f"s.{theirs}" for _, theirs in pairs)})
    """


def _record(session: Session, result: ImportResult, as_of: date, actor: Actor, now: datetime) -> None:
    data = {
        "file": result.file_sha256,
        "as_of": as_of,
        "rows": result.rows,
        "created": result.created,
        "updated": result.updated,
        "rejected": result.rejected,
    }
    record_event(
        session,
        AuditTag.ACCOUNTS_IMPORTED,
        actor=actor,
        subject_type="accounts",
        subject_ref=as_of.isoformat(),
        now=now,
        data=data,
    )
