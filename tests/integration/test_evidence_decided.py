"""What the bank decides on a piece of evidence, how long it is kept, and how its bytes and rows are proved."""

from __future__ import annotations

from datetime import timedelta

import pytest

from allocations.collections.evidence.retention import names_of, purge
from allocations.collections.evidence.review import hold, review
from allocations.collections.field_models import Evidence
from payouts.verify import verify
from portal.kernel.audit import Actor
from portal.kernel.errors import Invalid, Refused, Stale
from tests.factories.evidence import a_letter, a_photo
from tests.factories.world import a_user

PHOTO = a_photo(1, taken_at="2026:11:10 11:50:00", software="G991BXX", latitude=19.0761, longitude=72.8777)


# --- what the bank decides


CHECKER = Actor(None, "checker@bank.example", "bank_approver")
ADMIN = Actor(None, "admin@bank.example", "bank_admin")


@pytest.fixture
def ready(field, work):
    """A piece that has been examined."""
    piece = field.hand_in(PHOTO, field.receipt())
    work()
    return piece


def decide(session, piece, action, now, **given):
    given = {"seen": piece.review, "actor": CHECKER, "now": now} | given
    return review(session, piece.id, action, **given)


def test_a_piece_is_accepted_or_questioned_with_a_reason_and_may_be_decided_anew(ready, bank_session, now, database):
    with pytest.raises(Invalid, match="reason_missing"):
        decide(bank_session, ready, "question", now, reason="  ")
    decide(bank_session, ready, "question", now, reason=" The  amount cannot be read. ")
    assert (ready.review, ready.review_reason, ready.reviewed_by) == (
        "questioned",
        "The amount cannot be read.",
        "checker@bank.example",
    )
    decide(bank_session, ready, "accept", now)
    assert (ready.review, ready.review_reason) == ("accepted", None)
    bank_session.commit()
    events = database.execute("select subject_ref, tag from audit_events where tag like 'evidence:%' order by id")
    assert [tag for _, tag in events] == ["evidence:added", "evidence:reviewed", "evidence:reviewed"]
    assert {ref for ref, _ in events} == {ready.ref}


def test_what_changed_meanwhile_is_looked_at_again(ready, bank_session, now):
    decide(bank_session, ready, "accept", now)
    with pytest.raises(Stale):
        decide(bank_session, ready, "question", now, reason="Blurred.", seen="waiting")
    with pytest.raises(Refused, match="accepted already"):
        decide(bank_session, ready, "accept", now)


def test_only_what_could_be_looked_at_is_decided(field, work, bank_session, now):
    waiting = field.hand_in(PHOTO)
    with pytest.raises(Refused, match="still being looked into"):
        decide(bank_session, waiting, "accept", now)
    broken = field.hand_in(PHOTO[:5000])
    work()
    with pytest.raises(Refused, match="cannot be used"):
        decide(bank_session, broken, "accept", now)


# --- how long it is kept


YEARS = timedelta(days=2_920)


def purge_until(session, store, clock, until=None):
    return purge(session, store, until=until, today=clock.today(), actor=ADMIN, now=clock.now())


def test_evidence_goes_when_it_has_been_kept_long_enough_and_its_row_stays(ready, bank_session, store, clock, database):
    names = names_of(ready)
    assert len(names) == 3 and all(store.has(name) for name in names)
    clock.instant += YEARS  # the day it came in is the first that must still be kept
    assert purge_until(bank_session, store, clock).pieces == 0
    clock.instant += timedelta(days=1)
    done = purge_until(bank_session, store, clock)
    bank_session.commit()
    assert (done.pieces, done.files, done.held, done.shared) == (1, 3, 0, 0)
    assert not any(store.has(name) for name in names)
    assert bank_session.get(Evidence, ready.id).purged_at == clock.now()
    assert database.execute("select subject_ref from audit_events where tag = 'evidence:purged'") == [(ready.ref,)]
    assert verify(bank_session, store).is_clean
    assert purge_until(bank_session, store, clock).pieces == 0


def test_a_day_that_must_still_be_kept_is_refused(bank_session, store, clock):
    with pytest.raises(Refused, match="must still be kept"):
        purge_until(bank_session, store, clock, until=clock.today() - YEARS + timedelta(days=1))
    assert purge_until(bank_session, store, clock, until=clock.today() - YEARS).pieces == 0


def test_a_legal_hold_keeps_a_piece_beyond_its_time(ready, bank_session, store, clock, now):
    with pytest.raises(Invalid, match="reason_missing"):
        hold(bank_session, ready.id, held=True, reason="", actor=CHECKER, now=now)
    hold(bank_session, ready.id, held=True, reason="Case 12/2026", actor=CHECKER, now=now)
    with pytest.raises(Refused, match="already"):
        hold(bank_session, ready.id, held=True, reason="Case 12/2026", actor=CHECKER, now=now)
    clock.instant += YEARS + timedelta(days=1)
    done = purge_until(bank_session, store, clock)
    assert (done.pieces, done.held) == (0, 1) and store.has(ready.sha256)
    hold(bank_session, ready.id, held=False, reason="Case closed", actor=CHECKER, now=clock.now())
    assert purge_until(bank_session, store, clock).pieces == 1


@pytest.mark.parametrize("data", [PHOTO, a_letter(3)], ids=["photo", "letter of three pages"])
def test_bytes_that_another_row_still_needs_stay(field, work, bank_session, store, clock, data):
    old = field.hand_in(data, field.receipt("SHAKTI"))
    work()
    clock.instant += YEARS
    new = field.hand_in(data, field.receipt("VEGA"), now=clock.now())
    work()
    clock.instant += timedelta(days=1)
    names = names_of(bank_session.get(Evidence, new.id))
    done = purge_until(bank_session, store, clock)
    bank_session.commit()
    assert (done.pieces, done.files, done.shared) == (1, 0, len(names))
    assert store.has(old.sha256) and bank_session.get(Evidence, new.id).purged_at is None
    assert verify(bank_session, store).is_clean


def test_the_command_purges_in_the_name_of_an_admin(ready, bank_session, clock, cli, store):
    a_user(bank_session, "op@bank.example", "bank_operator")
    a_user(bank_session, "admin@bank.example", "bank_admin")
    bank_session.commit()
    clock.instant += YEARS + timedelta(days=1)
    assert cli("evidence", "purge", as_email="op@bank.example").exit_code == 1
    refused = cli("evidence", "purge", "--until", clock.today().isoformat(), as_email="admin@bank.example")
    assert refused.exit_code == 1 and "must still be kept" in refused.out + refused.err
    done = cli("evidence", "purge", as_email="admin@bank.example").json
    assert (done["pieces"], done["files"], done["held"]) == (1, 3, 0)
    assert not store.has(ready.sha256)


# --- proof


def test_verify_hashes_every_piece_again(ready, bank_session, store):
    found = verify(bank_session, store)
    assert found.is_clean and found.checks["evidence"] == 3
    store.path(ready.sha256).write_bytes(b"another photo")
    store.path(ready.copy_sha256).unlink()
    wrong = [(each.table, each.ref, each.field) for each in verify(bank_session, store).differences]
    assert wrong == [("evidence", ready.ref, "sha256"), ("evidence", ready.ref, "copy")]


def test_an_edited_row_is_found_by_its_seal(ready, bank_session, store, database):
    database.execute("update evidence set taken_at = now()")
    assert [each.ref for each in verify(bank_session, store).differences] == [ready.ref]
