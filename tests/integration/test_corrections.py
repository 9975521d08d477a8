"""A receipt told otherwise: proposed, decided by somebody else, both versions kept, and nothing of it hidden from verification."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from allocations.agencies.models import Agency
from allocations.collections.models import Collection, CollectionCorrection, CollectionVersion
from allocations.collections.receipts.deposits import record_deposit
from allocations.collections.uploads.corrections import (
    accept_correction,
    decline_correction,
    load_correction,
    withdraw_correction,
)
from allocations.collections.uploads.importing import UploadResult, import_collections
from allocations.reconciliation.running.locks import lock_for_run
from payouts.verify import verify
from portal.kernel.audit import Actor
from portal.kernel.db import PortalSession, bank_scope
from portal.kernel.errors import Invalid, NotFound, Refused, Stale
from tests.factories.world import an_account, an_agency, an_allocation

HEADER = "receipt_no,loan_account_no,amount,collected_on,mode,instrument_ref,agent_code"
TODAY = date(2026, 11, 10)
ACCOUNTANT = Actor(5, "accounts@shakti.example", "agency_accountant", 1, via="web")
MAKER = Actor(6, "maker@bank.example", "bank_operator", via="web")
Load = Callable[..., UploadResult]


@pytest.fixture
def shakti(bank_session: PortalSession) -> Agency:
    shakti = an_agency(bank_session, "SHAKTI")
    for no in ("LN1", "LN2"):
        an_allocation(bank_session, an_account(bank_session, no), shakti)
    return shakti


@pytest.fixture
def load(bank_session: PortalSession, file_store: Any, now: datetime, shakti: Agency) -> Load:
    def load(*rows: str, header: str = HEADER) -> UploadResult:
        data = "\n".join([header, *rows]).encode()
        given = {"agency": shakti, "file_name": "a.csv", "actor": ACCOUNTANT, "now": now, "today": TODAY}
        return import_collections(bank_session, file_store, data, **given)

    return load


def receipt(session: PortalSession) -> Collection:
    return session.scalars(select(Collection).execution_options(populate_existing=True)).one()


def proposed(session: PortalSession) -> CollectionCorrection:
    ref = session.scalars(select(CollectionCorrection.ref).where(CollectionCorrection.status == "proposed")).one()
    return load_correction(session, ref)


def codes(result: UploadResult) -> list[str]:
    return [problem.code for problem in result.problems]


FIRST = "R1,LN1,100,2026-10-05,cash,,A1"


@pytest.mark.parametrize(
    ("row", "changed"),
    [
        ("R1,LN1,101,2026-10-05,cash,,A1", {"amount_minor": 10_100}),
        ("R1,LN2,100,2026-10-05,cash,,A1", {"loan_account_no": "LN2"}),
        ("R1,LN1,100,2026-10-06,cash,,A1", {"collected_on": "2026-10-06"}),
        ("R1,LN1,100,2026-10-05,upi,UTR 77,A1", {"mode": "upi", "instrument_ref": "UTR 77", "instrument_key": "UTR77"}),
        ("R1,LN1,100,2026-10-05,cash,,A2", {"agent_code": "A2"}),
    ],
)
def test_what_was_told_otherwise_becomes_the_receipts_own_once_the_bank_agrees(
    load: Load, bank_session: PortalSession, file_store: Any, now: datetime, row: str, changed: dict[str, Any]
) -> None:
    load(FIRST)
    result = load(row)
    assert (result.created, result.duplicates, result.rejected, len(result.corrections)) == (0, 0, 0, 1)
    correction = proposed(bank_session)
    assert correction.proposed == changed
    accept_correction(bank_session, correction, reason="As on the slip", actor=MAKER, now=now)
    bank_session.commit()
    after = receipt(bank_session)
    told = {name: getattr(after, name) for name in changed}
    assert {name: v.isoformat() if isinstance(v, date) else v for name, v in told.items()} == changed
    (before,) = bank_session.scalars(select(CollectionVersion))
    assert (after.version, before.version, before.body["amount_minor"]) == (2, 1, 10_000)
    assert (correction.status, correction.decided_by) == ("accepted", MAKER.email)
    assert after.allocation_id == bank_session.scalar(
        text("select id from allocations where loan_account_no = :no"), {"no": after.loan_account_no}
    )
    assert verify(bank_session, file_store).differences == []


@pytest.mark.parametrize("row", [FIRST, "r-1,LN1,100.00,05-Oct-2026,CASH,,a1", "R1,LN1,100,2026-10-05,cash,,"])
def test_a_blank_or_another_spelling_tells_nothing_otherwise(load: Load, row: str) -> None:
    load(FIRST)
    result = load(row, "R2,LN1,1,2026-10-05,cash,,")
    assert (result.created, result.duplicates, result.corrections) == (1, 1, [])


def test_the_same_correction_again_is_harmless_and_another_one_waits_its_turn(load: Load, bank_session: Any) -> None:
    load(FIRST)
    load("R1,LN1,101,2026-10-05,cash,,A1")
    again = load("R1,LN1,101,2026-10-05,cash,,A1", "R2,LN1,1,2026-10-05,cash,,")
    assert (again.created, again.duplicates, again.rejected, again.corrections) == (1, 1, 0, [])
    other = load("R1,LN1,102,2026-10-05,cash,,A1")
    assert codes(other) == ["correction_open"] and "COR-SHAKTI-20261110-0001" in other.problems[0].message


def test_what_the_bank_declined_is_not_proposed_again(load: Load, bank_session: PortalSession, now: datetime) -> None:
    load(FIRST)
    load("R1,LN1,101,2026-10-05,cash,,A1")
    correction = proposed(bank_session)
    with pytest.raises(Invalid):
        decline_correction(bank_session, correction, reason=" ", actor=MAKER, now=now)
    decline_correction(bank_session, correction, reason="The slip says 100", actor=MAKER, now=now)
    again = load("R1,LN1,101,2026-10-05,cash,,A1")
    assert codes(again) == ["correction_declined"] and "The slip says 100" in again.problems[0].message
    assert len(load("R1,LN1,102,2026-10-05,cash,,A1").corrections) == 1
    assert receipt(bank_session).amount_minor == 10_000


def test_a_withdrawn_correction_makes_room_for_another(load: Load, bank_session: PortalSession, now: datetime) -> None:
    load(FIRST)
    load("R1,LN1,101,2026-10-05,cash,,A1")
    correction = proposed(bank_session)
    withdraw_correction(bank_session, correction, actor=ACCOUNTANT, now=now)
    with pytest.raises(Refused, match="withdrawn"):
        accept_correction(bank_session, correction, actor=MAKER, now=now)
    assert len(load("R1,LN1,102,2026-10-05,cash,,A1").corrections) == 1


def test_a_receipt_with_money_tied_to_it_is_neither_proposed_nor_corrected(
    load: Load, bank_session: PortalSession, now: datetime
) -> None:
    load(FIRST)
    load("R1,LN1,101,2026-10-05,cash,,A1")
    bank_session.execute(text("update collections set linked_minor = 1"))
    correction = proposed(bank_session)
    with pytest.raises(Refused, match="Money at the bank is tied"):
        accept_correction(bank_session, correction, actor=MAKER, now=now)
    withdraw_correction(bank_session, correction, actor=ACCOUNTANT, now=now)
    again = load("R1,LN1,105,2026-10-05,cash,,A1")
    assert codes(again) == ["receipt_differs"] and "₹100.00 on 2026-10-05 for LN1" in again.problems[0].message


def test_who_proposed_does_not_decide_and_the_database_agrees(
    load: Load, bank_session: PortalSession, now: datetime
) -> None:
    load(FIRST)
    load("R1,LN1,101,2026-10-05,cash,,A1")
    with pytest.raises(Refused, match="does not decide"):
        accept_correction(bank_session, proposed(bank_session), actor=ACCOUNTANT, now=now)
    with pytest.raises(DBAPIError, match="maker_is_not_checker"):
        bank_session.execute(text("update collection_corrections set status = 'accepted', decided_by = proposed_by"))


def test_a_receipt_that_changed_meanwhile_is_looked_at_again(
    load: Load, bank_session: PortalSession, now: datetime
) -> None:
    load(FIRST)
    load("R1,LN1,101,2026-10-05,cash,,A1")
    correction = proposed(bank_session)
    bank_session.execute(text("update collections set amount_minor = 9900"))
    with pytest.raises(Stale):
        accept_correction(bank_session, correction, actor=MAKER, now=now)


def test_a_day_on_which_the_account_was_elsewhere_by_now_is_refused(
    load: Load, bank_session: PortalSession, now: datetime
) -> None:
    load(FIRST)
    load("R1,LN1,100,2026-10-09,cash,,A1")
    bank_session.execute(text("update allocations set to_on = '2026-10-06'"))
    bank_session.expire_all()
    with pytest.raises(Refused, match="did not hold LN1 on 2026-10-09"):
        accept_correction(bank_session, proposed(bank_session), actor=MAKER, now=now)


def test_a_row_on_an_account_that_is_not_held_is_an_error_and_no_correction(load: Load) -> None:
    load(FIRST)
    result = load("R1,LN9,100,2026-10-05,cash,,A1")
    assert codes(result) == ["unknown_account"] and result.corrections == []


def test_two_corrections_in_turn_keep_three_versions_and_verify(
    load: Load, bank_session: PortalSession, file_store: Any, now: datetime, database: Any
) -> None:
    load(FIRST)
    for amount in (101, 102):
        load(f"R1,LN1,{amount},2026-10-05,cash,,A1")
        accept_correction(bank_session, proposed(bank_session), actor=MAKER, now=now)
        bank_session.commit()
    versions = bank_session.scalars(select(CollectionVersion).order_by(CollectionVersion.version)).all()
    assert [each.body["amount_minor"] for each in versions] == [10_000, 10_100]
    assert verify(bank_session, file_store).differences == []
    bank_session.commit()
    database.execute(
        "update collection_versions set body = jsonb_set(body, '{amount_minor}', '9900') where version = 1"
    )
    found = {(each.table, each.field) for each in verify(bank_session, file_store).differences}
    assert ("collection_versions", "seal") in found
    bank_session.commit()
    database.execute("delete from collection_versions where version = 1")
    found = {(each.table, each.field) for each in verify(bank_session, file_store).differences}
    assert {("collections", "version"), ("collection_corrections", "status")} <= found


def test_an_edit_by_hand_keeps_the_old_seal_and_is_found(
    load: Load, bank_session: PortalSession, file_store: Any, database: Any
) -> None:
    load(FIRST)
    bank_session.commit()
    database.execute("update collections set amount_minor = 1, version = version + 1")
    assert ("collections", "version") in {(d.table, d.field) for d in verify(bank_session, file_store).differences}


def test_another_agency_sees_nothing_of_it(
    load: Load, bank_session: PortalSession, agency_session: Any, shakti: Agency
) -> None:
    load(FIRST)
    load("R1,LN1,101,2026-10-05,cash,,A1")
    ref, other = proposed(bank_session).ref, an_agency(bank_session, "OTHER")
    bank_session.commit()
    assert load_correction(agency_session(shakti.id), ref, agency_id=shakti.id).ref == ref
    with pytest.raises(NotFound):
        load_correction(agency_session(other.id), ref, agency_id=other.id)


def test_the_command_lists_accepts_and_declines(
    cli: Any, bank_session: PortalSession, load: Load, tmp_path: Any
) -> None:
    from tests.factories.world import a_user

    a_user(bank_session, MAKER.email, "bank_operator")
    load(FIRST, "R2,LN2,5,2026-10-05,cash,,")
    bank_session.commit()
    path = tmp_path / "b.csv"
    path.write_text(f"{HEADER}\nR1,LN1,101,2026-10-05,cash,,A1\nR2,LN2,6,2026-10-05,cash,,\n")
    done = cli("collections", "import", path, "--agency", "SHAKTI")
    assert done.exit_code == 0 and done.json["errors"] == []
    assert done.json["corrections"][0] == {
        "receipt_no": "R1",
        "row": 2,
        "was": {"amount": "100.00"},
        "proposed": {"amount": "101.00"},
    }
    refs = [each["ref"] for each in cli("corrections", "list", "--status", "proposed").json["corrections"]]
    assert len(refs) == 2 and cli("corrections", "accept", refs[0]).exit_code == 1
    accepted = cli("corrections", "accept", refs[0], as_email=MAKER.email)
    assert accepted.exit_code == 0 and accepted.json["corrections"][0]["status"] == "accepted"
    assert cli("corrections", "decline", refs[1], as_email=MAKER.email).exit_code == 2
    declined = cli("corrections", "decline", refs[1], "--reason", "No slip", as_email=MAKER.email)
    assert declined.json["corrections"][0]["reason"] == "No slip"
    assert cli("corrections", "accept", "COR-NONE", as_email=MAKER.email).exit_code == 1


# --- what no receipt could have been reported as


@pytest.mark.parametrize(
    ("first", "row", "code"),
    [
        ("R1,LN1,1500,2026-10-05,upi,U1,A1", "R1,LN1,500000,2026-10-05,cash,,A1", "cash_limit"),
        ("R1,LN1,150000,2026-10-05,upi,U1,A1", "R1,LN1,150000,2026-10-05,cash,,A1", "cash_limit"),
        ("R1,LN1,150000,2026-10-04,cash,,A1", "R1,LN1,150000,2026-10-05,cash,,A1", "cash_limit"),
        ("R1,LN2,150000,2026-10-05,cash,,A1", "R1,LN1,150000,2026-10-05,cash,,A1", "cash_limit"),
        ("R1,LN1,90000,2026-10-05,cash,,A1", "R1,LN1,100000,2026-10-05,cash,,A1", "cash_limit"),
    ],
)
def test_no_correction_takes_a_borrower_over_the_limit_of_cash_in_a_day(
    load: Load, bank_session: PortalSession, now: datetime, first: str, row: str, code: str
) -> None:
    assert codes(load("R2,LN1,100000,2026-10-05,cash,,A2", first)) == []
    load(row)
    with pytest.raises(Refused) as no:
        accept_correction(bank_session, proposed(bank_session), actor=MAKER, now=now)
    assert no.value.code == code


def test_cash_just_below_the_limit_may_be_corrected_to(load: Load, bank_session: PortalSession, now: datetime) -> None:
    load("R1,LN1,99999,2026-10-05,cash,,A1", "R2,LN1,100000,2026-10-05,cash,,A2")
    load("R1,LN1,99999.99,2026-10-05,cash,,A1")
    accept_correction(bank_session, proposed(bank_session), actor=MAKER, now=now)


def test_parts_never_come_to_more_than_a_corrected_amount(
    load: Load, bank_session: PortalSession, now: datetime
) -> None:
    load("R1,LN1,100,2026-10-05,upi,U1,A1,90", header=HEADER + ",component_principal")
    load("R1,LN1,50,2026-10-05,upi,U1,A1")
    with pytest.raises(Refused, match="components"):
        accept_correction(bank_session, proposed(bank_session), actor=MAKER, now=now)


@pytest.mark.parametrize(
    "row", ["R1,LN1,900,2026-10-05,cash,,A1", "R1,LN1,100,2026-10-05,upi,U1,A1", "R1,LN1,100,2026-10-08,cash,,A1"]
)
def test_what_went_in_on_a_slip_is_not_corrected_away_from_it(
    load: Load, bank_session: PortalSession, file_store: Any, shakti: Agency, now: datetime, row: str
) -> None:
    load(FIRST)
    slip: dict[str, Any] = {"slip_no": "S1", "deposited_on": date(2026, 10, 6), "amount_minor": None, "client_id": None}
    ids = [receipt(bank_session).id]
    record_deposit(
        bank_session, agency=shakti, collection_ids=ids, agent_code="A1", actor=MAKER, now=now, today=TODAY, **slip
    )
    load(row)
    with pytest.raises(Refused):
        accept_correction(bank_session, proposed(bank_session), actor=MAKER, now=now)
    assert verify(bank_session, file_store).differences == []


def test_what_was_withdrawn_a_moment_ago_is_not_accepted(
    load: Load, bank_session: PortalSession, agency_session: Any, shakti: Agency, now: datetime
) -> None:
    load(FIRST)
    load("R1,LN1,101,2026-10-05,cash,,A1")
    bank_session.commit()
    seen = bank_session.scalars(select(CollectionCorrection)).one()  # on the page of the bank
    theirs = agency_session(shakti.id)
    withdraw_correction(theirs, load_correction(theirs, seen.ref, agency_id=shakti.id), actor=ACCOUNTANT, now=now)
    theirs.commit()
    with pytest.raises(Refused, match="withdrawn"):
        accept_correction(bank_session, load_correction(bank_session, seen.ref), actor=MAKER, now=now)


def test_a_correction_waits_for_a_run_that_has_read_the_receipt(
    load: Load, bank_session: PortalSession, database: Any, now: datetime
) -> None:
    load(FIRST)
    load("R1,LN1,100,2026-10-06,cash,,A1")
    bank_session.commit()
    with database.logins.session(bank_scope(TODAY)) as run:
        lock_for_run(run)
        correction = proposed(bank_session)
        bank_session.execute(text("set local lock_timeout = '200ms'"))
        with pytest.raises(DBAPIError, match="lock timeout"):
            accept_correction(bank_session, correction, actor=MAKER, now=now)
