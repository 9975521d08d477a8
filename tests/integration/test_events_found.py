"""Events that are found: visits with what speaks against them, late deposits, receipts that are missing from a book."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.field_models import Evidence
from allocations.collections.models import Deposit, DepositItem, ReceiptBook, ReceiptMark
from payouts.commission.event_bulk import accept_events
from payouts.commission.event_queries import Asked, list_events, selection
from payouts.commission.events import decide_event
from payouts.commission.finding import find_events
from tests.factories.accrual import NOVEMBER, OCTOBER, World
from tests.factories.earning import HEAD, approved
from tests.factories.evidence import HOME, Field
from tests.factories.month import CHECKER, MAKER, SYSTEM
from tests.factories.world import MADE_AT

TODAY = date(2026, 11, 10)
LATE = (
    HEAD
    + """
[[rule]]
id = "c"
slabs = [ {rate = "0.01"} ]
[[penalty]]
id = "late"
event = "late_deposit"
amount = "500.00"
per_day = true
"""
)


def test_visits_are_proposed_once_with_every_reason_against_them(
    world: World, bank_session: Session, file_store: Any
) -> None:
    field = Field(bank_session, file_store, world.now)
    at = datetime.fromisoformat("2026-10-12T10:00+05:30")
    good = field.visit(at=at, disposition="RPC", latitude=HOME[0], longitude=HOME[1], accuracy_m=10)
    bare = field.visit(at=at, disposition="RPC")
    field.visit(at=datetime.fromisoformat("2026-09-30T23:59+05:30"), disposition="RPC")
    field.visit(at=at, disposition="RPC", kind="call")
    bank_session.add(a_picture(good.agency_id, good.id, world.now))
    bank_session.flush()
    found = find_events(bank_session, OCTOBER, actor=SYSTEM, now=world.now, today=TODAY)
    assert (dict(found.by_event), found.failing) == ({"visit": 2}, 1)
    rows = {row.event.source_key: row for row in list_events(bank_session, Asked(period=OCTOBER))}
    assert rows[f"contact:{good.id}"].reasons == []
    assert rows[f"contact:{good.id}"].event.occurred_on == date(2026, 10, 12)
    assert [each["code"] for each in rows[f"contact:{bare.id}"].reasons] == ["no_place", "no_photo"]
    assert find_events(bank_session, OCTOBER, actor=MAKER, now=world.now, today=TODAY).total == 0
    assert [r.event.source_key for r in list_events(bank_session, Asked(gate="failed"))] == [f"contact:{bare.id}"]
    assert [r.event.source_key for r in list_events(bank_session, Asked(gate="passed"))] == [f"contact:{good.id}"]


def test_what_waits_is_judged_again_when_it_is_listed_and_accepted(
    world: World, bank_session: Session, file_store: Any
) -> None:
    field = Field(bank_session, file_store, world.now)
    at = datetime.fromisoformat("2026-10-12T10:00+05:30")
    bare, good = (
        field.visit(at=at.replace(day=day), disposition="RPC", latitude=HOME[0], longitude=HOME[1], accuracy_m=10)
        for day in (12, 13)
    )
    taken = a_picture(good.agency_id, good.id, world.now)
    bank_session.add(taken)
    bank_session.flush()
    find_events(bank_session, OCTOBER, actor=SYSTEM, now=world.now, today=TODAY)
    # The photo of one came in since; that of the other was questioned.
    later = a_picture(bare.agency_id, bare.id, world.now)
    later.ref, later.sha256, taken.review = "EV2", "b" * 64, "questioned"
    taken.reviewed_by = CHECKER.email
    bank_session.add(later)
    bank_session.flush()
    asked = Asked(status="proposed", gate="passed")
    assert [row.event.source_key for row in list_events(bank_session, asked)] == [f"contact:{bare.id}"]
    failed = list_events(bank_session, Asked(gate="failed"))
    assert [[each["code"] for each in row.reasons] for row in failed] == [["photo_questioned"]]
    chosen = selection(bank_session, asked, for_email=CHECKER.email)
    assert ([event.source_key for event in chosen.events], chosen.left, chosen.failing) == (
        [f"contact:{bare.id}"],
        0,
        set(),
    )
    assert accept_events(bank_session, asked, expected=chosen.sha256, actor=CHECKER, now=world.now) == 1
    # What was found stays on record, and with an event that is decided.
    (accepted,) = list_events(bank_session, Asked(status="accepted"))
    assert [each["code"] for each in accepted.reasons] == ["no_photo"]


def a_picture(agency_id: int, contact_id: int, now: datetime) -> Evidence:
    return Evidence(
        agency_id=agency_id,
        ref="EV1",
        kind="premises",
        contact_id=contact_id,
        file_name="a.jpg",
        sha256="a" * 64,
        size=10,
        media_type="image/jpeg",
        status="ready",
        received_at=now,
        received_by="agent@x.example",
    )


def test_late_cash_is_one_event_a_slip_with_its_days_and_amount(world: World, agency: Agency) -> None:
    approved(world, LATE)
    for no, day in (("S1", 5), ("S1", 6), ("S1", 8), ("S2", 8)):
        slip = {"deposit_slip_no": no, "slip_key": no, "deposited_on": date(2026, 10, 9)}
        world.collection(agency, 1_000, date(2026, 10, day), mode="cash", **slip)
    world.collection(agency, 1_000, date(2026, 10, 5), mode="cheque", deposited_on=date(2026, 10, 9))
    found = find_events(world.session, OCTOBER, actor=SYSTEM, now=world.now, today=TODAY)
    (row,) = list_events(world.session, Asked())
    event = row.event
    assert dict(found.by_event) == {"late_deposit": 1}
    assert (event.occurred_on, event.days, event.amount_minor) == (date(2026, 10, 9), 3, 200_000)
    assert (event.detail["slip"], event.detail["receipts"]) == ("S1", 2)
    decide_event(world.session, event, accept=True, reason="As agreed.", actor=CHECKER, now=world.now)
    (line,) = world.lines(world.accrue().run)
    assert (line.kind, line.amount_minor, line.event_id) == ("penalty", -150_000, event.id)


def test_a_slip_recorded_afterwards_is_found_too(world: World, agency: Agency) -> None:
    receipt = world.collection(agency, 700, date(2026, 10, 5), mode="cash")
    deposit = Deposit(
        agency_id=agency.id,
        slip_no="D-1",
        slip_key="D1",
        deposited_on=date(2026, 10, 8),
        amount_minor=70_000,
        currency="INR",
        recorded_by="owner@shakti.example",
        recorded_at=MADE_AT,
    )
    world.session.add(deposit)
    world.session.flush()
    item = DepositItem(collection_id=receipt.id, deposit_id=deposit.id, agency_id=agency.id, amount_minor=70_000)
    world.session.add(item)
    world.session.flush()
    find_events(world.session, OCTOBER, actor=SYSTEM, now=world.now, today=TODAY)
    assert [(row.event.days, row.event.source_key) for row in list_events(world.session, Asked())] == [
        (2, "slip:D1:2026-10-08")
    ]


def test_leaves_lost_or_passed_over_are_found_once_each(world: World, agency: Agency) -> None:
    book = ReceiptBook(
        agency_id=agency.id,
        ref="BK-1",
        kind="paper",
        prefix="P-",
        prefix_key="P",
        width=3,
        first_no=1,
        last_no=20,
        issued_on=date(2026, 4, 1),
        issued_by="maker@bank.example",
        issued_at=MADE_AT,
    )
    world.session.add(book)
    world.session.flush()
    for number in (1, 4):
        no = f"P-{number:03d}"
        world.collection(agency, 500, date(2026, 10, 10 + number), receipt_no=no, receipt_key=f"P{number:03d}")
    mark = ReceiptMark(
        agency_id=agency.id,
        book_id=book.id,
        number=2,
        receipt_no="P-002",
        receipt_key="P002",
        state="lost",
        reason="Left in the bus.",
        status="confirmed",
        proposed_by="agent@x.example",
        proposed_at=world.now,
        decided_by="owner@x.example",
        decided_at=datetime.fromisoformat("2026-10-20T10:00+05:30"),
    )
    world.session.add(mark)
    world.session.flush()
    find_events(world.session, OCTOBER, actor=SYSTEM, now=world.now, today=TODAY)
    told = [(row.event.detail["leaf"], row.event.detail["state"], row.event.occurred_on.day) for row in leaves(world)]
    assert sorted(told) == [("P-002", "lost", 20), ("P-003", "gap", 14)]
    assert find_events(world.session, NOVEMBER, actor=SYSTEM, now=world.now, today=TODAY).total == 0


def leaves(world: World) -> list[Any]:
    return list_events(world.session, Asked(event="missing_receipt"))
