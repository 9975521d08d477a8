"""Verify is clean after honest work, and names the row after a hand has been at it."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from payouts.verify import verify
from portal.kernel.db import make_engine
from tests.factories.month import OCTOBER
from tests.factories.paid_month import a_paid_month


@pytest.fixture
def paid(bank_session, file_store, now, tmp_path):
    month = a_paid_month(bank_session, file_store, now, tmp_path)
    bank_session.rollback()
    return month


def test_honest_work_verifies(bank_session, file_store, paid):
    result = verify(bank_session, file_store)
    assert [str(each) for each in result.differences] == []
    assert result.is_clean
    assert {"seals", "audit", "files", "links", "settlements", "issued", "payouts", "batches", "ledger"} <= set(
        result.checks
    )
    assert verify(bank_session, file_store, OCTOBER).is_clean


def tampered(database, sql):
    """By someone with the superuser's hands: no trigger, no constraint, no policy stops them."""
    database.execute(f"""
        do $$ begin
          set local session_replication_role = replica;
          {sql};
        end $$""")


EDITS = [
    ("collections", "R-2610001001", "update collections set amount_minor = amount_minor + 100 where id = 1"),
    ("collections", "R-2610001001", "update collections set linked_minor = linked_minor - 100 where id = 1"),
    ("bank_lines", "BL-2610001001", "update bank_lines set amount_minor = amount_minor + 100 where id = 1"),
    ("bank_statements", "BS-2610001001", "update bank_statements set closing_minor = 1 where id = 1"),
    ("postings", "PN2610001001", "update postings set amount_minor = amount_minor + 1 where id = 1"),
    ("match_links", "1", "update match_links set amount_minor = amount_minor - 1 where id = 1"),
    ("allocations", "LN2610001001", "update allocations set opening_principal_minor = 1 where id = 1"),
    ("account_snapshots", "1/2026-09-30", "update account_snapshots set total_minor = 1 where loan_account_id = 1"),
    ("loan_accounts", "LN2610001001", "update loan_accounts set latest_total_minor = 1 where id = 1"),
    ("rate_card_versions", "1", "update rate_card_versions set sha256 = 'x' where id = 1"),
    ("accrual_lines", "A2610.1-00001", "update accrual_lines set amount_minor = amount_minor + 1 where id = 1"),
    ("accrual_lines", "A2610.1-00001", "update accrual_lines set base_minor = base_minor + 1 where id = 1"),
    ("accrual_runs", "accrual 2026-10 v1", "update accrual_runs set total_minor = total_minor + 1 where id = 1"),
    ("settlements", "S2610-SHAKTI", "update settlements set net_minor = net_minor + 1, gross_minor = gross_minor + 1 where id = 1"),
    ("settlements", "S2610-SHAKTI", "update settlements set withholding_minor = 0, net_minor = gross_minor where id = 1"),
    ("settlements", "S2610-SHAKTI", "update settlements set tax = '{}' where id = 1"),
    ("settlements", "S2610-SHAKTI", "update settlements set statement_text = replace(statement_text, '78400.00', '98400.00') where id = 1"),
    ("settlements", "S2610-SHAKTI", "update settlements set status = 'approved' where id = 1"),
    ("settlements", "S2610-SHAKTI", "update settlements set frozen = jsonb_set(frozen, '{agency,pan}', '\"X\"') where id = 1"),
    ("statement_signatures", "S2610-SHAKTI", "update statement_signatures set signature = 'AAAA' where id = 1"),
    ("settlement_lines", "S2610-SHAKTI/1", "update settlement_lines set amount_minor = amount_minor + 1 where id = 1"),
    ("settlement_lines", "S2610-SHAKTI/3", "delete from settlement_lines where position = 3"),
    ("payouts", "P2610-0001", "update payouts set amount_minor = amount_minor + 1 where id = 1"),
    ("payouts", "P2610-0001", "update payouts set status = 'returned' where id = 1"),
    ("payout_batches", "B2610-01", "update payout_batches set total_minor = total_minor + 1 where id = 1"),
    ("payout_batches", "B2610-01", "update payout_batches set count = 3 where id = 1"),
    ("journal_lines", "1", "update journal_lines set debit_minor = debit_minor + 1 where id = 1"),
    ("journal_entries", "J-S2610-SHAKTI", "update journal_entries set posted_on = '2026-01-01' where id = 1"),
    ("journal_entries", "J-S2610-SHAKTI", "delete from journal_lines where entry_id = 1"),
    ("agency_bank_details", "1", "update agency_bank_details set account_no = '999999999999' where id = 1"),
    ("audit_events", "S2610-SHAKTI", "update audit_events set body = replace(body, '78400', '98400') where subject_ref = 'S2610-SHAKTI'"),
    ("audit_events", "S2610-SHAKTI", "update audit_events set actor = 'someone' where subject_ref = 'S2610-SHAKTI'"),
    ("audit_events", "", "delete from audit_events where id = 3"),
    ("audit_head", "1", "delete from audit_events where id = (select max(id) from audit_events)"),
]  # fmt: skip


def test_every_edited_row_is_found_and_named(bank_session, file_store, paid, database):
    """Each edit by a superuser in a transaction of its own, looked at from within, and undone."""
    engine = make_engine(database.owner_url)
    unseen = []
    for table, ref, sql in EDITS:
        with Session(engine) as session:
            session.execute(text("set local session_replication_role = replica"))
            session.execute(text(sql))
            found = verify(session, file_store).differences
        if not [each for each in found if each.table == table and ref in (each.ref, each.id, "")]:
            unseen.append((sql, [str(each) for each in found]))
    engine.dispose()
    assert not unseen


def test_a_swapped_and_a_missing_file_are_found(bank_session, file_store, paid):
    sha256 = bank_session.connection().exec_driver_sql("select file_sha256 from payout_batches").scalar()
    file_store.path(sha256).write_bytes(b"another file")
    swapped = verify(bank_session, file_store).differences
    assert {each.table for each in swapped} >= {"stored_files", "payout_batches"}
    file_store.path(sha256).unlink()
    missing = verify(bank_session, file_store).differences
    assert ("payout_batches", "B2610-01", "missing") in [(each.table, each.ref, each.recomputed) for each in missing]


def test_the_command_exits_with_one_and_names_the_row(cli, paid, database, settings, file_store):
    settings.files_folder.parent.mkdir(parents=True, exist_ok=True)
    settings.files_folder.symlink_to(file_store.folder)
    clean = cli("verify")
    assert (clean.exit_code, clean.json["differences"]) == (0, [])
    assert clean.json["checked"] > 100
    tampered(database, "update settlement_lines set amount_minor = amount_minor + 1 where id = 1")
    found = cli("verify", "--period", "2026-10")
    assert found.exit_code == 1
    row = next(each for each in found.json["differences"] if each["field"] == "amount_minor")
    assert (row["table"], row["ref"], row["stored"]) == ("settlement_lines", "S2610-SHAKTI/1", "5000001")
    assert "settlement_lines S2610-SHAKTI/1" in cli("verify", text=True).out
