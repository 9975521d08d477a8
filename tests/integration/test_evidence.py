"""Evidence from the moment it is handed in: kept, examined, compared with all other evidence, and nobody's secret told."""

from __future__ import annotations

import hashlib
import io
from datetime import date, timedelta
from decimal import Decimal

import pytest
from PIL import Image
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from allocations.collections.evidence.service import PhoneClaim, add_evidence
from allocations.collections.field_models import Evidence, EvidenceFlag
from allocations.collections.models import Deposit
from portal.kernel.audit import Actor
from portal.kernel.errors import Invalid, Refused
from tests.factories.evidence import a_photo, at_home

PHOTO = a_photo(1, taken_at="2026:11:10 11:50:00", software="G991BXX", latitude=19.0761, longitude=72.8777)


def codes_of(session, evidence):
    rows = session.scalars(
        select(EvidenceFlag).where(EvidenceFlag.evidence_id == evidence.id).order_by(EvidenceFlag.id)
    )
    return [row.code for row in rows]


# --- handing in


def test_the_original_is_kept_untouched_under_its_sha256(field, store):
    piece = field.hand_in(PHOTO)
    assert piece.sha256 == hashlib.sha256(PHOTO).hexdigest()
    assert store.read(piece.sha256) == PHOTO
    assert (piece.status, piece.review, piece.media_type, piece.size) == (
        "waiting",
        "waiting",
        "image/jpeg",
        len(PHOTO),
    )


def test_what_it_supports_says_which_account_it_is_about(field):
    visit = field.visit(agent_code="A7")
    piece = field.hand_in(PHOTO, visit, kind="premises")
    assert (piece.loan_account_no, piece.allocation_id, piece.agent_code) == (
        visit.loan_account_no,
        visit.allocation_id,
        "A7",
    )


def test_everything_wrong_is_told_at_once(field, bank_session, now):
    agency, foreign = field.agency(), field.receipt("VEGA")
    with pytest.raises(Invalid) as refused:
        add_evidence(
            bank_session,
            field.store,
            b"MZ\x90\x00 a program",
            name="x.jpg",
            kind="selfie",
            agency=agency,
            actor=Actor(None, "a@x.example", "field_agent", agency.id),
            now=now,
            collection_id=foreign.id,
            contact_id=12345,
            claim=PhoneClaim(latitude=Decimal("91"), longitude=Decimal("1"), accuracy_m=-1),
        )
    codes = [problem.code for problem in refused.value.problems]
    assert codes == ["no_such_collection", "no_such_contact", "program_file", "bad_kind", "bad_place", "bad_accuracy"]


def test_a_foreign_receipt_is_as_missing_as_none(field):
    foreign, own = field.receipt("VEGA"), field.receipt("SHAKTI")

    def told(number):
        with pytest.raises(Invalid) as refused:
            field.add(PHOTO, own, collection_id=number)
        return [str(problem) for problem in refused.value.problems]

    assert told(foreign.id) == told(999_999_999)


def test_a_file_that_supports_nothing_is_refused(field):
    with pytest.raises(Invalid, match="supports_nothing"):
        field.add(PHOTO, field.receipt(), collection_id=None)


def test_a_file_is_held_to_the_size_of_its_day(field, database):
    database.execute(
        "update dated_settings set value = to_jsonb(%s::int) where code = 'evidence.max_bytes'", len(PHOTO)
    )
    assert field.hand_in(PHOTO).size == len(PHOTO)
    with pytest.raises(Invalid, match="too_large"):
        field.add(PHOTO + b"\0")


def test_sending_twice_adds_one_piece(field):
    receipt = field.receipt()
    first = field.add(PHOTO, receipt, client_id="phone-1")
    again = field.add(PHOTO, receipt, client_id="phone-1")
    assert (first.was_there, again.was_there, again.evidence.id) == (False, True, first.evidence.id)
    with pytest.raises(Refused, match="sent before"):
        field.add(a_photo(2), receipt, client_id="phone-1")
    with pytest.raises(Refused, match="sent before"):
        field.add(PHOTO, field.receipt(), client_id="phone-1")
    assert field.add(PHOTO, field.receipt("VEGA"), client_id="phone-1").was_there is False


def test_two_connections_that_send_the_same_piece_at_once_add_one(field, bank_session, agency_session, store, now):
    receipt = field.receipt()
    agency = field.agency()
    bank_session.commit()
    actor = Actor(None, "agent@x.example", "field_agent", agency.id)
    one, other = agency_session(agency.id), agency_session(agency.id)
    given = {"name": "a.jpg", "kind": "receipt", "agency": agency, "actor": actor, "now": now}
    given |= {"collection_id": receipt.id, "client_id": "phone-9"}
    first = add_evidence(one, store, PHOTO, **given)
    one.commit()
    second = add_evidence(other, store, PHOTO, **given)
    other.commit()
    assert second.was_there and second.evidence.ref == first.evidence.ref


# --- the examination


def test_people_are_shown_a_copy_that_says_nothing_of_itself(field, work, store):
    piece = field.hand_in(PHOTO)
    work()
    assert piece.status == "ready"
    copy = Image.open(io.BytesIO(store.read(piece.copy_sha256)))
    assert copy.size == (400, 300)
    assert not copy.getexif()
    assert store.read(piece.sha256) == PHOTO
    thumbnail = Image.open(io.BytesIO(store.read(piece.thumbnail_sha256)))
    assert max(thumbnail.size) <= 320


def test_what_the_file_says_of_itself_is_kept_as_a_claim(field, work):
    piece = field.hand_in(PHOTO, claim=at_home())
    work()
    said = piece.claims["file"]
    assert (said["taken_at"], said["software"]) == ("2026-11-10T11:50:00", "G991BXX")
    assert said["latitude"].startswith("19.0761")
    assert piece.place_key == "19.0760000 72.8777000"  # the phone's word, to seven digits
    assert len(piece.look) == 256


def test_a_file_that_turns_out_unusable_is_refused_with_the_reason(field, work):
    piece = field.hand_in(PHOTO[: len(PHOTO) // 2])
    work()
    assert piece.status == "refused"
    assert "damaged or not complete" in piece.refusal


def test_an_agencys_own_job_writes_back_what_the_agency_may_not(field, bank_session, agency_session, work, store, now):
    receipt, agency = field.receipt(), field.agency()
    bank_session.commit()
    session = agency_session(agency.id)
    actor = Actor(None, "agent@x.example", "field_agent", agency.id)
    piece = add_evidence(
        session,
        store,
        PHOTO,
        name="a.jpg",
        kind="receipt",
        agency=agency,
        actor=actor,
        now=now,
        collection_id=receipt.id,
    ).evidence
    session.commit()
    work()
    assert bank_session.get(Evidence, piece.id).status == "ready"
    with pytest.raises(DBAPIError, match="permission denied"):
        session.execute(Evidence.__table__.update().values(review="accepted", reviewed_by="me"))


def test_examining_twice_changes_nothing(field, work, bank_session, database, clock, settings):
    from allocations.collections.evidence.jobs import examine_evidence
    from portal.kernel.jobs import enqueue

    receipt = field.receipt()
    field.hand_in(PHOTO, receipt)
    piece = field.hand_in(PHOTO)
    work()
    before = (piece.copy_sha256, codes_of(bank_session, piece))
    enqueue(
        bank_session, examine_evidence, {"evidence_id": piece.id}, actor=Actor(None, "x", "system"), now=clock.now()
    )
    work()
    assert (piece.copy_sha256, codes_of(bank_session, piece)) == before


# --- the same thing twice


def test_the_same_file_for_another_agencys_receipt_is_flagged(field, work, bank_session):
    first = field.hand_in(PHOTO, field.receipt("SHAKTI"))
    second = field.hand_in(PHOTO, field.receipt("VEGA"))
    work()
    assert (codes_of(bank_session, first), codes_of(bank_session, second)) == ([], ["same_file"])
    assert bank_session.scalars(select(EvidenceFlag.other_id)).all() == [first.id]
    assert second.status == "ready" and second.review == "waiting"  # never refused by a machine


def test_the_same_picture_with_other_words_in_its_file_is_flagged(field, work, bank_session):
    field.hand_in(a_photo(3, taken_at="2026:11:10 11:50:00"))
    second = field.hand_in(a_photo(3, taken_at="2026:11:10 12:00:00"))
    work()
    assert codes_of(bank_session, second) == ["same_pixels"]


def test_a_near_copy_is_flagged_and_another_picture_is_not(field, work, bank_session):
    field.hand_in(a_photo(4))
    small = field.hand_in(a_photo(4, quality=35))
    other = field.hand_in(a_photo(5))
    work()
    assert codes_of(bank_session, small) == ["looks_alike"]
    assert codes_of(bank_session, other) == []


def test_one_file_for_one_receipt_twice_is_no_reuse(field, work, bank_session):
    receipt = field.receipt()
    field.hand_in(PHOTO, receipt)
    again = field.hand_in(PHOTO, receipt)
    work()
    assert codes_of(bank_session, again) == []


def test_one_slip_for_each_receipt_it_covers_is_no_reuse(field, work, bank_session):
    one, two = (field.receipt(slip_key="S77", deposit_slip_no="S77") for _ in range(2))
    stranger = field.receipt(slip_key="S78", deposit_slip_no="S78")
    field.hand_in(PHOTO, one, kind="deposit_slip")
    second = field.hand_in(PHOTO, two, kind="deposit_slip")
    third = field.hand_in(PHOTO, stranger, kind="deposit_slip")
    work()
    assert codes_of(bank_session, second) == []
    assert codes_of(bank_session, third) == ["same_file", "same_file"]


def test_one_slip_for_its_deposit_and_its_receipt_is_no_reuse(field, work, bank_session, now):
    row = field.receipt(slip_key="S77", deposit_slip_no="S77")
    given = {"agency_id": row.agency_id, "slip_no": "S77", "slip_key": "S77", "amount_minor": 1, "currency": "INR"}
    slip = Deposit(**given, deposited_on=date(2026, 11, 10), recorded_by="x", recorded_at=now)
    bank_session.add(slip)
    bank_session.flush()
    field.hand_in(PHOTO, row, kind="deposit_slip")
    second = field.hand_in(PHOTO, row, kind="deposit_slip", collection_id=None, deposit_id=slip.id)
    work()
    assert codes_of(bank_session, second) == []


def test_a_photo_of_a_visit_may_stand_for_the_receipt_given_there(field, work, bank_session):
    row = field.receipt()
    visit = field.visit(collection_id=row.id)
    field.hand_in(PHOTO, row)
    at_the_visit = field.hand_in(PHOTO, visit, kind="premises")
    elsewhere = field.hand_in(PHOTO, field.visit(), kind="premises")
    work()
    assert codes_of(bank_session, at_the_visit) == []
    assert codes_of(bank_session, elsewhere) == ["same_file", "same_file"]


def test_claims_that_do_not_fit_are_flagged(field, work, bank_session):
    receipt = field.receipt(agent_code="A1")
    field.visit(
        agent_code="A1", at=field.now - timedelta(minutes=10), latitude=Decimal("18.5204"), longitude=Decimal("73.8567")
    )
    said = at_home(taken_at=field.now + timedelta(minutes=11))
    piece = field.hand_in(a_photo(6, software="Snapseed"), receipt, claim=said)
    far = field.hand_in(a_photo(7, taken_at="2026:09:30 10:00:00", latitude=18.5204, longitude=73.8567))
    work()
    assert codes_of(bank_session, piece) == ["too_fast", "from_the_future", "edited"]
    assert codes_of(bank_session, far) == ["far_from_address", "before_allocation", "before_the_event"]


def test_the_very_same_coordinates_for_another_account_are_flagged(field, work, bank_session):
    field.hand_in(a_photo(8), claim=at_home())
    same = field.hand_in(a_photo(9), claim=at_home())
    near = field.hand_in(a_photo(10), claim=at_home(latitude=Decimal("19.076001")))
    work()
    assert codes_of(bank_session, same) == ["same_place_elsewhere"]
    assert codes_of(bank_session, near) == []


def test_many_pieces_after_the_month_are_flagged_from_the_twentieth_on(field, work, bank_session, clock):
    october = [field.receipt(day=date(2026, 10, 20)) for _ in range(21)]
    pieces = [field.hand_in(a_photo(20 + n), row) for n, row in enumerate(october)]
    today = field.hand_in(a_photo(19))
    work()
    assert codes_of(bank_session, today) == []
    assert {code for piece in pieces for code in codes_of(bank_session, piece)} == {"after_month_end"}


# --- whose it is


def test_an_agency_sees_its_own_pieces_and_no_flag(field, work, bank_session, agency_session):
    field.hand_in(PHOTO, field.receipt("SHAKTI"))
    mine = field.hand_in(PHOTO, field.receipt("VEGA"))
    work()
    session = agency_session(field.agency("VEGA").id)
    assert session.scalars(select(Evidence.ref)).all() == [mine.ref]
    with pytest.raises(DBAPIError, match="permission denied"):
        session.execute(select(EvidenceFlag))
