"""A collections file on the real database: what is stored, what is known already, what comes back and why."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from allocations.agencies.models import Agency, Agent
from allocations.collections.models import Collection, Upload, UploadProblem
from allocations.collections.uploads.importing import UploadResult, import_collections
from portal.kernel.db import PortalSession
from portal.kernel.errors import Invalid, Refused
from portal.kernel.files import StoredFile
from tests.factories.world import SYSTEM, an_account, an_agency, an_allocation

HEADER = "receipt_no,loan_account_no,amount,collected_on,mode,instrument_ref"
TODAY = date(2026, 11, 10)
Load = Callable[..., UploadResult]


@pytest.fixture
def shakti(bank_session: PortalSession) -> Agency:
    """Shakti holds LN1 and LN2 from October; LN3 is another agency's; LN4 was Shakti's in September only."""
    shakti, other = an_agency(bank_session, "SHAKTI"), an_agency(bank_session, "OTHER")
    for no, agency in (("LN1", shakti), ("LN2", shakti), ("LN3", other)):
        an_allocation(bank_session, an_account(bank_session, no), agency)
    an_allocation(bank_session, an_account(bank_session, "LN4"), shakti, date(2026, 9, 1), date(2026, 9, 30))
    return shakti


@pytest.fixture
def load(bank_session: PortalSession, file_store: Any, now: datetime, shakti: Agency) -> Load:
    def load(*rows: str, **options: Any) -> UploadResult:
        data = "\n".join([options.pop("header", HEADER), *rows]).encode()
        return import_collections(
            bank_session,
            file_store,
            data,
            agency=options.pop("agency", shakti),
            file_name="oct.csv",
            actor=SYSTEM,
            now=now,
            today=TODAY,
            **options,
        )

    return load


def codes(result: UploadResult) -> list[tuple[int | None, str]]:
    return [(problem.row, problem.code) for problem in result.problems]


def test_good_rows_are_stored_to_the_paisa_and_bad_ones_come_back_all_at_once(
    load: Load, bank_session: PortalSession
) -> None:
    result = load(
        'R-001,LN1,"1,23,456.70",2026-10-05,UPI,0426123',
        "R-002,LN3,500,2026-10-05,cash,",
        "R-003,LN9,500,2026-10-05,cash,",
        "R-004,LN4,500,2026-10-05,cash,",
        "R-005,LN2,0,2026-10-05,cash,",
        "R-006,LN2,500,2026-12-01,cash,",
        "R-007,LN2,abc,2026-10-05,magic,",
    )
    assert (result.rows, result.created, result.duplicates, result.rejected) == (7, 1, 0, 6)
    assert result.total_minor == 12_345_670
    assert codes(result)[:2] == [
        (3, "unknown_account"),
        (4, "unknown_account"),
    ]  # another agency's account is no account
    assert (5, "not_allocated") in codes(result) and (7, "future_date") in codes(result)
    assert {row for row, _ in codes(result)} == {3, 4, 5, 6, 7, 8}
    stored = bank_session.scalars(select(Collection)).one()
    assert (stored.receipt_key, stored.instrument_key, stored.mode, stored.linked_minor) == ("R001", "426123", "upi", 0)
    assert (
        b"R-004" in result.rejected_csv
        and b"not_allocated" in result.rejected_csv
        and b"R-001" not in result.rejected_csv
    )
    assert bank_session.scalar(select(func.count()).select_from(UploadProblem)) == len(result.problems)


def test_the_same_file_again_changes_nothing_and_says_so(load: Load, bank_session: PortalSession) -> None:
    rows = ("R1,LN1,100,2026-10-05,cash,", "R2,LN2,200,2026-10-06,cash,")
    first, second = load(*rows), load(*rows)
    assert (second.created, second.duplicates, second.rejected) == (0, 2, 0)
    assert second.seen_before == first.ref and second.ref == first.ref
    assert bank_session.scalar(select(func.count()).select_from(Upload)) == 1


def test_an_overlapping_file_adds_only_what_is_new(load: Load) -> None:
    load("R1,LN1,100,2026-10-05,cash,")
    result = load("r-1,LN1,100.00,2026-10-05,cash,", "R2,LN2,200,2026-10-06,cash,")
    assert (result.created, result.duplicates, result.total_minor) == (1, 1, 20_000)


def test_a_receipt_told_differently_is_proposed_as_a_correction_and_changes_nothing(
    load: Load, bank_session: PortalSession
) -> None:
    load("R1,LN1,100,2026-10-05,cash,")
    result = load("R1,LN1,101,2026-10-05,cash,")
    assert (result.created, result.duplicates, result.rejected) == (0, 0, 0)
    assert result.corrections == [
        {"receipt_no": "R1", "row": 2, "was": {"amount": "100.00"}, "proposed": {"amount": "101.00"}}
    ]
    assert bank_session.scalars(select(Collection.amount_minor)).all() == [10_000]


@pytest.mark.parametrize("second", ["r001", "R-001", "Ｒ００１"])
def test_one_receipt_in_two_spellings_within_a_file_is_one_receipt(load: Load, second: str) -> None:
    same = load("R001,LN1,100,2026-10-05,cash,", f"{second},LN1,100,2026-10-05,cash,")
    assert (same.created, same.duplicates, same.rejected) == (1, 1, 0)


def test_a_receipt_used_twice_in_a_file_for_two_things_names_the_first_row(load: Load) -> None:
    result = load("R1,LN1,100,2026-10-05,cash,", "R1,LN2,100,2026-10-05,cash,")
    assert codes(result) == [(3, "duplicate_receipt")] and "Row 2" in result.problems[0].message
    assert result.created == 1


def test_all_or_nothing_stores_nothing_when_a_row_is_wrong(load: Load, bank_session: PortalSession) -> None:
    result = load("R1,LN1,100,2026-10-05,cash,", "R2,LN9,100,2026-10-05,cash,", all_or_nothing=True)
    assert result.created == 0 and result.rejected == 1
    assert bank_session.scalar(select(func.count()).select_from(Collection)) == 0


def test_both_ends_of_a_term_are_inside_it_and_the_days_beside_them_are_not(load: Load) -> None:
    result = load(
        "R1,LN4,1,2026-08-31,cash,",
        "R2,LN4,1,2026-09-01,cash,",
        "R3,LN4,1,2026-09-30,cash,",
        "R4,LN4,1,2026-10-01,cash,",
    )
    assert codes(result) == [(2, "not_allocated"), (5, "not_allocated")]
    assert result.created == 2


def test_an_agency_uploads_in_its_own_scope_under_row_level_security(
    load: Load, bank_session: PortalSession, agency_session: Any, shakti: Agency, file_store: Any, now: datetime
) -> None:
    data = f"{HEADER}\nR1,LN1,100,2026-10-05,cash,\nR2,LN3,100,2026-10-05,cash,".encode()
    kept = {"name": "a.csv", "media_type": "text/csv", "stored_by": "x", "stored_at": now, "agency_id": shakti.id}
    bank_session.add(
        StoredFile(sha256=hashlib.sha256(data).hexdigest(), size=len(data), **kept)
    )  # it handed the file in
    bank_session.commit()
    session = agency_session(shakti.id)
    own = session.get(Agency, shakti.id)
    result = import_collections(
        session, file_store, data, agency=own, file_name="a.csv", actor=SYSTEM, now=now, today=TODAY
    )
    session.commit()
    assert (result.created, codes(result)) == (1, [(3, "unknown_account")])


def test_a_suspended_agency_goes_on_reporting(load: Load, shakti: Agency) -> None:
    shakti.status = "suspended"
    assert load("R1,LN1,100,2026-10-05,cash,").created == 1


@pytest.mark.parametrize("status", ["due_diligence", "de_empanelled"])
def test_an_agency_that_is_shut_reports_nothing(load: Load, shakti: Agency, status: str) -> None:
    shakti.status = status
    with pytest.raises(Refused, match="may not report"):
        load("R1,LN1,100,2026-10-05,cash,")


def test_a_missing_column_is_named_with_the_nearest_guess(
    load: Load, bank_session: PortalSession, file_store: Any, now: datetime, shakti: Agency
) -> None:
    data = b"receipt_no,loan_account_no,amout,collected_on,mode\nR1,LN1,1,2026-10-05,cash"
    with pytest.raises(Invalid) as refused:
        import_collections(
            bank_session, file_store, data, agency=shakti, file_name="x.csv", actor=SYSTEM, now=now, today=TODAY
        )
    assert [(p.code, p.column) for p in refused.value.problems] == [("missing_column", "amount")]
    assert "amout" in refused.value.problems[0].cure


def test_an_agent_is_one_agent_however_the_code_is_typed(
    load: Load, bank_session: PortalSession, shakti: Agency
) -> None:
    """So that nobody carries twice the cash they may as `a1` and `A1`."""
    bank_session.add(Agent(agency_id=shakti.id, code="A1", name="Asha"))
    bank_session.flush()
    header = HEADER + ",agent_code"
    first = load("R1,LN1,150000,2026-11-10,cash,,A1", header=header)
    again = load("R2,LN2,100,2026-11-10,cash,,a1", "R3,LN2,100,2026-11-10,upi,U1,a1", header=header)
    assert (first.created, codes(again)) == (1, [(2, "cash_in_hand")])
    assert set(bank_session.scalars(select(Collection.agent_code))) == {"A1"}
