"""An accounts file on the real database: accounts, the day's snapshots, and what a later or earlier day may change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import pytest
from sqlalchemy import func, select

from allocations.placements.import_accounts import import_accounts
from allocations.placements.models import AccountSnapshot, BucketScheme, LoanAccount
from portal.kernel.audit import AuditEvent
from portal.kernel.db import PortalSession
from portal.kernel.errors import Invalid
from portal.kernel.tables.result import ImportResult
from tests.factories.world import SYSTEM

HEAD = "LAN,Customer,Product,EMI,POS,TOS,Overdue,DPD,NPA Date,Write Off Date,Mobile,ROI\n"
SEP, OCT, AUG = date(2026, 9, 30), date(2026, 10, 31), date(2026, 8, 31)
Load = Callable[..., ImportResult]


@pytest.fixture
def load(bank_session: PortalSession, now: datetime) -> Load:
    def load(*rows: str, as_of: date = SEP, head: str = HEAD, **options: bool) -> ImportResult:
        data = (head + "\n".join(rows)).encode()
        return import_accounts(
            bank_session, data, as_of=as_of, file_name="accounts.csv", actor=SYSTEM, now=now, **options
        )

    return load


def row(no: str = "LN1", dpd: int = 45, total: str = "1,10,000.50", **more: str) -> str:
    npa, off, mobile = more.get("npa", ""), more.get("off", ""), more.get("mobile", "98")
    return f'{no},Borrower {no},PL,7500,100000,"{total}",15000,{dpd},{npa},{off},{mobile},18.5'


def counts(result: ImportResult) -> tuple[int, int, int, int]:
    return result.created, result.updated, result.unchanged, result.rejected


def account(session: PortalSession, no: str = "LN1") -> LoanAccount:
    session.expire_all()
    return session.scalars(select(LoanAccount).where(LoanAccount.loan_account_no == no)).one()


def test_accounts_and_their_snapshot_come_in_to_the_paisa(load: Load, bank_session: PortalSession) -> None:
    assert counts(load(row("00012"))) == (1, 0, 0, 0)
    stored = account(bank_session, "00012")
    assert (stored.latest_total_minor, stored.latest_bucket, stored.latest_asset_class) == (
        11_000_050,
        "31-60",
        "sma_1",
    )
    assert (stored.latest_as_of, str(stored.interest_rate), stored.currency) == (SEP, "18.500000", "INR")
    snapshot = bank_session.scalars(select(AccountSnapshot)).one()
    assert (snapshot.total_minor, snapshot.principal_minor, snapshot.emi_minor, snapshot.overdue_minor) == (
        11_000_050,
        10_000_000,
        750_000,
        1_500_000,
    )
    assert snapshot.scheme_version == 1 and len(snapshot.seal) == 32


def test_the_same_file_again_changes_nothing_and_leaves_no_trace(load: Load, bank_session: PortalSession) -> None:
    load(row("LN1"), row("LN2"))
    again = load(row("LN1"), row("LN2"))
    assert counts(again) == (0, 0, 2, 0) and again.changed_nothing
    bank_session.commit()
    assert bank_session.scalar(select(func.count()).select_from(AuditEvent)) == 1


def test_a_later_day_moves_latest_and_adds_a_snapshot(load: Load, bank_session: PortalSession) -> None:
    load(row(dpd=45))
    assert counts(load(row(dpd=76), row("LN2"), as_of=OCT)) == (1, 1, 0, 0)
    stored = account(bank_session)
    assert (stored.latest_as_of, stored.latest_dpd_days, stored.latest_bucket) == (OCT, 76, "61-90")
    days = bank_session.scalars(select(AccountSnapshot.as_of).where(AccountSnapshot.loan_account_id == stored.id))
    assert set(days) == {SEP, OCT}


def test_an_earlier_day_adds_its_snapshot_and_never_overwrites_newer_facts(
    load: Load, bank_session: PortalSession
) -> None:
    load(row(dpd=45, mobile="new"))
    assert counts(load(row(dpd=14, mobile="old"), as_of=AUG)) == (0, 1, 0, 0)
    stored = account(bank_session)
    assert (stored.latest_as_of, stored.latest_dpd_days, stored.mobile) == (SEP, 45, "new")
    assert bank_session.scalar(select(AccountSnapshot.bucket).where(AccountSnapshot.as_of == AUG)) == "1-30"
    assert counts(load(row(dpd=14, mobile="old"), as_of=AUG)) == (0, 0, 1, 0)


def test_a_day_once_stored_is_not_changed_but_facts_beside_it_are(load: Load, bank_session: PortalSession) -> None:
    load(row(), row("LN2"))
    result = load(row(total="99"), row("LN2", mobile="77"))
    assert counts(result) == (0, 1, 0, 1)
    assert [(p.row, p.code) for p in result.problems] == [(2, "snapshot_differs")]
    assert account(bank_session).latest_total_minor == 11_000_050
    assert account(bank_session, "LN2").mobile == "77"


def test_columns_the_file_lacks_stay_as_they_are(load: Load, bank_session: PortalSession) -> None:
    load(row(mobile="98765"))
    head = "LAN,Customer,Product,EMI,POS,TOS,Overdue,DPD\n"
    load("LN1,Renamed,PL,1,1,1,1,1", as_of=OCT, head=head)
    assert (account(bank_session).mobile, account(bank_session).customer_name) == ("98765", "Renamed")


@pytest.mark.parametrize(
    ("dpd", "bucket", "asset_class"),
    [
        (0, "current", "standard"),
        (30, "1-30", "sma_0"),
        (31, "31-60", "sma_1"),
        (60, "31-60", "sma_1"),
        (61, "61-90", "sma_2"),
        (90, "61-90", "sma_2"),
        (91, "91-180", "substandard"),
    ],
)
def test_classes_change_on_their_first_day(
    load: Load, bank_session: PortalSession, dpd: int, bucket: str, asset_class: str
) -> None:
    load(row(dpd=dpd))
    assert (account(bank_session).latest_bucket, account(bank_session).latest_asset_class) == (bucket, asset_class)


def test_npa_age_and_write_off_come_from_the_banks_dates(load: Load, bank_session: PortalSession) -> None:
    load(row("A", 400, npa="2025-09-30"), row("B", 400, npa="2025-09-29"), row("C", 400, off="2026-09-30"))
    classes = {a.loan_account_no: a.latest_asset_class for a in bank_session.scalars(select(LoanAccount))}
    assert classes == {"A": "substandard", "B": "doubtful_1", "C": "written_off"}


def test_the_bucket_scheme_is_the_one_in_force_that_day(load: Load, bank_session: PortalSession) -> None:
    whole = [
        {"code": "0-59", "dpd_from": 0, "dpd_to": 59, "label": ""},
        {"code": "60+", "dpd_from": 60, "dpd_to": None, "label": ""},
    ]
    bank_session.add(BucketScheme(version=2, effective_from=OCT, buckets=whole))
    bank_session.flush()
    load(row("A"), as_of=date(2026, 10, 30))
    load(row("B"), as_of=OCT)
    assert (account(bank_session, "A").latest_bucket, account(bank_session, "B").latest_bucket) == ("31-60", "0-59")
    with pytest.raises(Invalid, match="no_bucket_scheme"):
        load(row("C"), as_of=date(1999, 12, 31))


def test_every_fault_is_told_and_good_rows_stand(load: Load) -> None:
    result = load(row(), row(), row("LN3", npa="2026-10-01"), "LN4,,PL,x,-1,1,1,40000,,,,")
    assert counts(result) == (1, 0, 0, 3)
    assert {(p.row, p.column, p.code) for p in result.problems} == {
        (3, "loan_account_no", "duplicate_account"),
        (4, "npa_on", "date_after_as_of"),
        (5, "customer_name", "missing_value"),
        (5, "emi_amount", "bad_amount"),
        (5, "principal_outstanding", "amount_negative"),
        (5, "dpd_days", "number_too_large"),
    }


def test_another_currency_is_refused_row_by_row(load: Load) -> None:
    head = "LAN,Customer,Product,EMI,POS,TOS,Overdue,DPD,Ccy\n"
    result = load("A,B,PL,1,1,1,1,1,inr", "B,B,PL,1,1,1,1,1,USD", head=head)
    assert [(p.row, p.code) for p in result.problems] == [(3, "other_currency")]
    assert result.created == 1


def test_all_or_nothing_stores_nothing_when_a_row_is_bad(load: Load, bank_session: PortalSession) -> None:
    result = load(row(), row("LN2", npa="2026-12-01"), all_or_nothing=True)
    assert (result.created, result.rejected) == (0, 1)
    assert bank_session.scalar(select(func.count()).select_from(LoanAccount)) == 0


# --- virtual accounts

VAN_HEAD = HEAD.replace("ROI", "ROI,Virtual A/c")


def on_virtual(no: str, virtual: str) -> str:
    return f"{row(no)},{virtual}"


@pytest.mark.parametrize("word", ["VAN", "Virtual A/c", "Virtual Account No.", "virtual_account_no"])
def test_a_virtual_account_is_read_under_any_of_its_names_and_keyed(
    load: Load, bank_session: PortalSession, word: str
) -> None:
    load(on_virtual("LN1", "vapl-000 123"), head=HEAD.replace("ROI", f"ROI,{word}"))
    stored = account(bank_session)
    assert (stored.virtual_account_no, stored.virtual_account_key) == ("vapl-000 123", "VAPL000123")


def test_a_file_without_the_column_leaves_virtual_accounts_alone(load: Load, bank_session: PortalSession) -> None:
    load(on_virtual("LN1", "VAPL123"), head=VAN_HEAD)
    load(row("LN1", dpd=46), as_of=OCT)
    assert account(bank_session).virtual_account_key == "VAPL123"
    load(on_virtual("LN1", "VAPL124"), as_of=date(2026, 11, 30), head=VAN_HEAD)
    assert account(bank_session).virtual_account_key == "VAPL124"


def test_two_accounts_with_one_virtual_account_are_refused_with_a_cure(load: Load, bank_session: PortalSession) -> None:
    result = load(on_virtual("LN1", "VAPL-123"), on_virtual("LN2", "vapl123"), on_virtual("LN3", ""), head=VAN_HEAD)
    assert counts(result) == (2, 0, 0, 1)
    (problem,) = result.problems
    assert (problem.code, problem.row, problem.column) == ("virtual_account_twice", 3, "virtual_account_no")
    assert "LN1" in problem.message and "of its own" in problem.cure
    later = load(on_virtual("LN3", "VAPL 123"), as_of=OCT, head=VAN_HEAD)
    assert (later.rejected, later.problems[0].code) == (1, "virtual_account_taken")
    assert account(bank_session, "LN3").virtual_account_key is None


def test_a_virtual_account_may_move_once_it_is_taken_off(load: Load, bank_session: PortalSession) -> None:
    load(on_virtual("LN1", "VAPL123"), on_virtual("LN2", ""), head=VAN_HEAD)
    load(on_virtual("LN1", ""), as_of=OCT, head=VAN_HEAD)
    assert load(on_virtual("LN2", "VAPL123"), as_of=OCT, head=VAN_HEAD).rejected == 0
    assert account(bank_session, "LN2").virtual_account_key == "VAPL123"
