"""The end of an agency's work as one act: counted before, whole when it happens, nothing of it when it fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, text

from allocations.agencies import moves
from allocations.agencies.models import Agency
from allocations.placements.borrower_notice_queries import notices_due_for_agency
from allocations.placements.models import Allocation
from allocations.placements.moves import extend
from allocations.placements.taking_back import borrowers_to_tell
from payouts import ending
from payouts.rails import stops
from payouts.rails.batches import make_batch
from payouts.rails.moves import payouts_of
from portal.access.models import UserSession
from portal.kernel.audit import AuditEvent
from portal.kernel.db import PortalSession
from portal.kernel.errors import Forbidden, Invalid, Refused
from tests.factories.browser import once_in
from tests.factories.month import CHECKER, FINANCE, MAKER, OCTOBER, SECOND_CHECKER
from tests.factories.paid_month import an_approved_month
from tests.factories.worker import run_jobs
from tests.factories.world import a_user, an_account, an_agency, an_allocation

TODAY = date(2026, 11, 10)


def the_end(session: PortalSession, agency: Agency, now: datetime) -> moves.AgencyMove:
    given: dict[str, Any] = {"reason": "Harassment, proved twice.", "from_on": TODAY, "actor": MAKER, "now": now}
    return moves.propose_move(session, agency, "end", **given)


def test_accounts_come_back_money_is_held_and_doors_shut_in_one_act(
    bank_session: PortalSession, store: Any, now: datetime, browse: Any
) -> None:
    an_approved_month(bank_session, now)
    shakti = bank_session.scalars(select(Agency).where(Agency.code == "SHAKTI")).one()
    an_allocation(bank_session, an_account(bank_session, "LN1", as_of=date(2026, 9, 30)), shakti)
    owner = a_user(bank_session, "owner@shakti.example", "agency_owner", shakti)
    bank_session.commit()
    browser = browse(owner.email)
    assert browser.get("/agency/papers").status_code == 200
    move = the_end(bank_session, shakti, now)
    before = ending.what_ends(bank_session, shakti, TODAY)
    assert (before.accounts > 0, before.users, [each.ref for each in before.statements]) == (True, 1, ["S2610-SHAKTI"])
    assert before.held_minor == 78_400_00
    with pytest.raises(Refused, match="does not decide"):
        ending.decide(bank_session, move, accept=True, actor=MAKER, now=now)
    bank_session.commit()
    assert browser.get("/agency/papers").status_code == 200  # nothing of it happened
    move = moves.PROPOSALS.load(bank_session, id=move.id)
    done = ending.decide(bank_session, move, accept=True, reason="Heard them.", actor=CHECKER, now=now)
    bank_session.commit()
    assert done == before
    assert (shakti.status, ending.is_unfinished(move)) == ("de_empanelled", True)  # doors and money at once
    with pytest.raises(Refused, match="It is being done"):
        ending.carry_on(bank_session, move, actor=CHECKER, now=now)
    bank_session.rollback()
    in_parts(bank_session, move, now)
    assert (shakti.status, move.effect["accounts"], move.effect["held_minor"]) == (
        "de_empanelled",
        before.accounts,
        78_400_00,
    )
    assert browser.get("/agency/papers").status_code == 302  # to sign in
    assert all(bank_session.scalars(select(UserSession.revoked_at).where(UserSession.user_id == owner.user_id)))
    rows = bank_session.scalars(select(Allocation).where(Allocation.agency_id == shakti.id)).all()
    assert {each.to_on for each in rows if each.recalled_at} == {TODAY}
    told = borrowers_to_tell(bank_session, shakti.id, now)
    assert len(told) == before.accounts and all(each.customer_name for each in told)
    notices = notices_due_for_agency(bank_session, shakti.id)
    assert move.effect["borrowers_to_tell"] == sum(each.cause == "agency_ended" for each in notices) == before.accounts
    batch = make_batch(bank_session, store, OCTOBER, "bank_file", actor=FINANCE, now=now)
    assert [each.amount_minor for each in payouts_of(bank_session, batch.batch)] == [5_000_00]  # the other agency's
    stop = stops.stop_of_agency(bank_session, shakti.id)
    assert stop is not None and "Harassment" in stop.reason and stops.standing_stops(bank_session) == []


def in_parts(session: PortalSession, move: moves.AgencyMove, now: datetime) -> dict[str, Any]:
    """What the job does, in this session."""

    @contextmanager
    def transaction() -> Iterator[PortalSession]:
        yield session
        session.commit()

    session.commit()
    return ending.carry_out(transaction, move.id, actor=CHECKER, now=now)


def test_an_end_that_was_cut_short_goes_on_where_it_stopped_and_is_counted_whole(
    bank_session: PortalSession, now: datetime, monkeypatch: pytest.MonkeyPatch, app: Any, browse: Any
) -> None:
    monkeypatch.setattr(ending, "PART", 2)
    shakti = an_agency(bank_session)
    accounts = [an_account(bank_session, f"LN{no}", as_of=date(2026, 9, 30)) for no in range(5)]
    held = [an_allocation(bank_session, each, shakti) for each in accounts]
    a_user(bank_session, MAKER.email, MAKER.role)
    move = the_end(bank_session, shakti, now)
    ending.decide(bank_session, move, accept=True, actor=CHECKER, now=now)
    assert ending._recall_part(bank_session, move, CHECKER, now) == 2  # and then its worker was killed
    write = "update job_progress set status = 'failed', message = 'Its worker stopped.' where kind = 'agency_end'"
    bank_session.execute(text(write))
    bank_session.commit()
    page, door = f"/bank/agencies/SHAKTI/moves/{move.id}", browse(MAKER.email)
    assert "It stopped before everything was done" in door.get(page).text
    with pytest.raises(Invalid, match="does not work for the bank"):  # nothing goes on with what it still holds
        extend(bank_session, held[-1], to_on=date(2027, 1, 31), reason="x", actor=MAKER, now=now)
    bank_session.rollback()
    given: dict[str, Any] = {"reason": "Reformed.", "from_on": TODAY, "actor": MAKER, "now": now}
    again = moves.propose_move(bank_session, shakti, "apply_again", **given)
    with pytest.raises(Refused, match="still coming back"):
        ending.decide(bank_session, again, accept=True, actor=CHECKER, now=now)
    bank_session.rollback()
    assert door.post(f"{page}/carry-on", {"once": once_in(door.get(page).text)}).status_code == 302
    run_jobs(app)
    bank_session.expire_all()
    assert move.effect["is_done"] and (move.effect["accounts"], move.effect["borrowers_to_tell"]) == (5, 5)
    assert "Accounts recalled" in door.get(page).text and door.get(f"{page}/state").json["status"] == "done"
    assert {each.to_on for each in held} == {TODAY} and {each.recalled_at for each in held} == {now}
    assert in_parts(bank_session, move, now)["accounts"] == 5  # done again, nothing more
    told = select(func.count(AuditEvent.id)).where(AuditEvent.tag == "allocations:recalled")
    assert bank_session.scalar(told) == 3


def test_money_on_hold_is_let_go_by_two_people(bank_session: PortalSession, now: datetime) -> None:
    shakti = an_agency(bank_session)
    account = an_account(bank_session, "LN1", as_of=date(2026, 9, 30))
    later = an_allocation(bank_session, account, shakti, date(2026, 11, 20), None)
    move = the_end(bank_session, shakti, now)
    ending.decide(bank_session, move, accept=True, actor=CHECKER, now=now)
    in_parts(bank_session, move, now)
    bank_session.refresh(later)
    assert (later.from_on, later.to_on) == (date(2026, 11, 20), date(2026, 11, 20))  # it never runs on
    [(stop, name)] = stops.agency_stops(bank_session)
    assert name == shakti.legal_name
    stops.ask_to_lift(bank_session, stop.id, "The exit settlement is agreed.", actor=FINANCE, now=now)
    with pytest.raises(Forbidden, match="another person lifts it"):
        stops.lift(bank_session, stop.id, actor=CHECKER, now=now)
    stops.lift(bank_session, stop.id, actor=SECOND_CHECKER, now=now)
    assert stops.agency_stops(bank_session) == []
    bank_session.commit()
    data = bank_session.scalars(select(AuditEvent.tag)).all()
    assert {"agency:moved", "allocations:recalled", "paying:stopped"} <= set(data)


def test_an_applicant_is_declined_with_nothing_to_hold(bank_session: PortalSession, now: datetime) -> None:
    firm = an_agency(bank_session, status="applicant")
    given: dict[str, Any] = {"reason": "No office.", "from_on": TODAY, "actor": MAKER, "now": now}
    move = moves.propose_move(bank_session, firm, "decline", **given)
    ending.decide(bank_session, move, accept=True, actor=CHECKER, now=now)
    assert (firm.status, stops.agency_stops(bank_session)) == ("de_empanelled", [])


def test_a_suspended_agency_is_paid(bank_session: PortalSession, store: Any, now: datetime) -> None:
    an_approved_month(bank_session, now)
    bank_session.scalars(select(Agency).where(Agency.code == "SHAKTI")).one().status = "suspended"
    batch = make_batch(bank_session, store, OCTOBER, "bank_file", actor=FINANCE, now=now).batch
    assert sorted(each.amount_minor for each in payouts_of(bank_session, batch)) == [5_000_00, 78_400_00]
