"""Events: proposed, decided by another person, handed in again once; only then a line of the accrual."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.commission.event_bulk import accept_events
from payouts.commission.event_import import import_events
from payouts.commission.event_models import EarningEvent
from payouts.commission.event_queries import Asked, lines_of, list_events, selection
from payouts.commission.event_rules import Told
from payouts.commission.event_worth import worth_of
from payouts.commission.events import decide_event, load_event, propose_event, resubmit_event, withdraw_event
from payouts.trace import trace
from portal.kernel.audit import Actor
from portal.kernel.errors import Invalid, NotFound, Refused, Stale
from tests.factories.accrual import NOVEMBER, OCTOBER, World
from tests.factories.earning import HEAD, a_measure, an_adjustment, approved, card_file
from tests.factories.month import CHECKER, MAKER
from tests.factories.world import a_user, an_agency

TODAY = date(2026, 11, 10)


def owner_of(agency: Agency) -> Actor:
    return Actor(501, "owner@shakti.example", "agency_owner", agency.id)


def proposed(session: Session, agency: Agency, now: datetime, told: Told, **changes: Any) -> EarningEvent:
    given: dict[str, Any] = {"agency": agency, "source": "bank", "actor": MAKER, "now": now, "today": TODAY}
    return propose_event(session, told, **given | changes)


def decide(session: Session, event: EarningEvent, now: datetime, accept: bool = True, **changes: Any) -> None:
    given: dict[str, Any] = {"accept": accept, "reason": "As agreed.", "actor": CHECKER, "now": now}
    decide_event(session, load_event(session, event.ref), **given | changes)


# --- a proposal and its decision


def test_an_event_earns_nothing_until_another_person_accepts_it(world: World, agency: Agency) -> None:
    card_file(world, "d_field.toml")
    allocation = world.allocation(agency, product="2W")
    told = Told("repossession", date(2026, 10, 12), allocation.loan_account_no)
    event = proposed(world.session, agency, world.now, told)
    assert event.allocation_id == allocation.id and world.lines(world.accrue().run) == []
    with pytest.raises(Refused, match="does not decide"):
        decide(world.session, event, world.now, actor=MAKER)
    decide(world.session, event, world.now)
    (line,) = world.lines(world.accrue().run)
    assert (line.kind, line.event_id, line.amount_minor) == ("event_fee", event.id, 350_000)
    (became,) = lines_of(world.session, event_id=event.id)
    assert (became.ref, became.rule_id, became.period, became.settlement_ref) == (line.ref, "repo-2w", OCTOBER, None)


def test_what_was_decided_does_not_move_again(world: World, agency: Agency) -> None:
    event = proposed(world.session, agency, world.now, Told("visit", date(2026, 10, 12)))
    decide(world.session, event, world.now, accept=False)
    for act in (True, False):
        with pytest.raises(Refused, match="rejected"):
            decide(world.session, event, world.now, accept=act)
    with pytest.raises(Refused):
        withdraw_event(world.session, event, actor=MAKER, now=world.now)


def test_a_rejection_needs_its_reason(world: World, agency: Agency) -> None:
    event = proposed(world.session, agency, world.now, Told("visit", date(2026, 10, 12)))
    with pytest.raises(Invalid, match="Say why"):
        decide(world.session, event, world.now, accept=False, reason=" ")


def test_every_fault_of_a_proposal_is_told_with_the_accounts(world: World, agency: Agency) -> None:
    with pytest.raises(Invalid) as refused:
        proposed(world.session, agency, world.now, Told("", date(2026, 12, 1), "NOPE", count=0))
    assert {p.code for p in refused.value.problems} == {"bad_event", "in_the_future", "bad_count", "unknown_account"}
    allocation = world.allocation(agency)
    with pytest.raises(Invalid) as refused:
        proposed(world.session, agency, world.now, Told("visit", date(2026, 9, 30), allocation.loan_account_no))
    assert [p.code for p in refused.value.problems] == ["not_allocated"]


def test_the_same_event_of_an_account_and_day_is_refused_while_one_stands(world: World, agency: Agency) -> None:
    told = Told("visit", date(2026, 10, 12), world.allocation(agency).loan_account_no)
    event = proposed(world.session, agency, world.now, told)
    with pytest.raises(Refused, match=event.ref):
        proposed(world.session, agency, world.now, told)
    withdraw_event(world.session, event, actor=MAKER, now=world.now)
    assert proposed(world.session, agency, world.now, told).ref != event.ref


def test_an_event_of_a_settled_month_comes_in_with_the_next_open_one(world: World, agency: Agency) -> None:
    card_file(world, "d_field.toml")
    early = proposed(world.session, agency, world.now, Told("visit", date(2026, 10, 2)))
    decide(world.session, early, world.now)
    world.accrue()
    world.settle()
    late = proposed(world.session, agency, world.now, Told("visit", date(2026, 10, 30), count=2))
    decide(world.session, late, world.now)
    assert [line.event_id for line in world.lines(world.accrue(NOVEMBER).run)] == [late.id]
    assert lines_of(world.session, event_id=early.id)[0].settlement_ref is not None


# --- an agency's own


def test_an_agency_claims_withdraws_and_hands_in_again_once(
    world: World, agency: Agency, agency_session: Callable[..., Any]
) -> None:
    allocation = world.allocation(agency)
    world.session.commit()
    own, owner = agency_session(agency.id), owner_of(agency)
    mine = own.get_one(Agency, agency.id)
    told = Told("visit", date(2026, 10, 12), allocation.loan_account_no)
    claim = proposed(own, mine, world.now, told, source="agency", actor=owner)
    other = proposed(own, mine, world.now, Told("parking_day", date(2026, 10, 13)), source="agency", actor=owner)
    withdraw_event(own, load_event(own, other.ref, agency_id=agency.id), actor=owner, now=world.now)
    with pytest.raises(Refused, match="proposed"):
        resubmit_event(own, claim, note="Here it is again.", actor=owner, now=world.now)
    own.commit()
    decide(world.session, claim, world.now, accept=False, reason="No photo.")
    world.session.commit()
    own.expire_all()
    again = resubmit_event(own, load_event(own, claim.ref), note="The photo is in now.", actor=owner, now=world.now)
    own.commit()
    assert (again.status, again.resubmits_id, again.detail) == ("proposed", claim.id, {"resubmits": claim.ref})
    with pytest.raises(Refused, match=again.ref):
        resubmit_event(own, load_event(own, claim.ref), note="And again.", actor=owner, now=world.now)
    decide(world.session, again, world.now, accept=False, reason="Still none.")
    world.session.commit()
    own.expire_all()
    with pytest.raises(Refused, match="once is all"):
        resubmit_event(own, load_event(own, again.ref), note="A third time.", actor=owner, now=world.now)


def test_an_agency_cannot_accept_its_own_claim_in_the_database(
    world: World, agency: Agency, agency_session: Callable[..., Any]
) -> None:
    world.session.commit()
    own = agency_session(agency.id)
    claim = proposed(
        own, own.get_one(Agency, agency.id), world.now, Told("visit", TODAY), source="agency", actor=owner_of(agency)
    )
    claim.decided_by, claim.status = "checker@bank.example", "accepted"
    with pytest.raises(ProgrammingError):
        own.flush()


def test_another_agencys_event_is_as_good_as_none(
    world: World, agency: Agency, agency_session: Callable[..., Any]
) -> None:
    rival = an_agency(world.session, "VEGA", pan="AAPFU0940F")
    event = proposed(world.session, agency, world.now, Told("visit", date(2026, 10, 12)))
    world.session.commit()
    with pytest.raises(NotFound):
        load_event(agency_session(rival.id), event.ref)


# --- many at once


def test_a_selection_is_accepted_as_it_was_shown_or_not_at_all(world: World, agency: Agency) -> None:
    card_file(world, "d_field.toml")
    for day in (1, 2, 3):
        proposed(world.session, agency, world.now, Told("visit", date(2026, 10, day)))
    mine = proposed(world.session, agency, world.now, Told("visit", date(2026, 10, 4)), actor=CHECKER)
    shown = selection(world.session, Asked(event="visit"), for_email=CHECKER.email)
    worth = worth_of(world.session, shown.events)
    assert (len(shown.events), shown.own, worth.total_minor, worth.untold) == (3, 1, 45_000, {})
    extra = proposed(world.session, agency, world.now, Told("visit", date(2026, 10, 5)))
    given: dict[str, Any] = {"expected": shown.sha256, "actor": CHECKER, "now": world.now}
    with pytest.raises(Stale):
        accept_events(world.session, Asked(event="visit"), **given)
    withdraw_event(world.session, extra, actor=MAKER, now=world.now)
    assert accept_events(world.session, Asked(event="visit"), **given) == 3
    assert mine.status == "proposed"
    with pytest.raises(Refused, match="No proposed event"):
        accept_events(world.session, Asked(event="visit"), **given)


def test_the_worth_says_of_which_events_nobody_can_tell(world: World, agency: Agency) -> None:
    approved(
        world,
        HEAD
        + '[[rule]]\nid = "v"\nearns_on = "event"\nwhen = { event = ["visit"], agency_grade = ["A"] }\n'
        + 'slabs = [ {amount = "150.00"} ]\n[agency]\nqualifier = { driver = "score", at_least = 50 }\n',
    )
    visit = proposed(world.session, agency, world.now, Told("visit", date(2026, 10, 4), count=2))
    dance = proposed(world.session, agency, world.now, Told("dance", date(2026, 10, 4)))
    assert worth_of(world.session, [visit, dance]).untold == {visit.id: "not_measured", dance.id: "no_rule"}
    a_measure(world, agency, "grade", "A")
    worth = worth_of(world.session, [visit, dance])
    assert (worth.by_event, worth.untold) == ({visit.id: 30_000}, {dance.id: "no_rule"})
    assert worth_of(world.session, []).total_minor == 0


# --- a file

GOOD = """agency_code,event,loan_account_no,occurred_on,count,days,amount,note
SHAKTI,Late deposit,,2026-10-09,1,3,"1,000.00",
SHAKTI,repossession,LN1,2026-10-12,,,,By tow
"""
BAD = """agency_code,event,loan_account_no,occurred_on,count,days,amount,note
NOPE,visit,,2026-10-12,,,,
SHAKTI,visit,LN9,2026-10-12,,,,
SHAKTI,visit,LN1,2026-09-12,,,,
SHAKTI,vi!sit,,2026-10-12,,,,
SHAKTI,visit,LN1,2027-01-12,,,,
SHAKTI,visit,LN1,2026-10-12,0,,,
SHAKTI,visit,LN1,2026-10-13,,,,
SHAKTI,visit,LN1,2026-10-13,,,,
"""


def take_in(session: Session, now: datetime, text: str, **changes: Any) -> Any:
    given: dict[str, Any] = {"file_name": "e.csv", "actor": MAKER, "now": now, "today": TODAY}
    return import_events(session, text.encode(), **given | changes)


def test_a_file_of_events_is_harmless_twice(world: World, agency: Agency) -> None:
    world.allocation(agency, "LN1")
    first, again = take_in(world.session, world.now, GOOD), take_in(world.session, world.now, GOOD)
    assert (first.created, first.rejected, again.created, again.unchanged) == (2, 0, 0, 2)
    rows = [row.event for row in list_events(world.session, Asked())]
    assert [(e.event, e.loan_account_no, e.days, e.amount_minor) for e in rows] == [
        ("repossession", "LN1", 1, None),
        ("late_deposit", None, 3, 100_000),
    ]


def test_every_bad_row_is_told_with_its_column_and_cure(world: World, agency: Agency) -> None:
    world.allocation(agency, "LN1")
    result = take_in(world.session, world.now, BAD)
    told = {(p.row, p.column, p.code) for p in result.problems}
    assert told >= {
        (2, "agency_code", "unknown_agency"),
        (3, "loan_account_no", "unknown_account"),
        (4, "occurred_on", "not_allocated"),
        (5, "event", "bad_event"),
        (6, "occurred_on", "in_the_future"),
        (9, "event", "event_twice"),
    }
    assert any(row == 7 and column == "count" for row, column, _ in told)
    assert all(p.cure for p in result.problems) and (result.created, result.rejected) == (1, 7)


def test_a_file_of_one_agency_names_no_other(world: World, agency: Agency) -> None:
    an_agency(world.session, "VEGA", pan="AAPFU0940F")
    text = "agency_code,event,occurred_on\n,visit,2026-10-12\nVEGA,visit,2026-10-12\n"
    result = take_in(world.session, world.now, text, agency_code="SHAKTI")
    assert [(p.row, p.code) for p in result.problems] == [(3, "other_agency")] and result.created == 1
    assert take_in(world.session, world.now, text, all_or_nothing=True, agency_code="SHAKTI").created == 0
    assert world.session.scalar(select(func.count()).select_from(EarningEvent)) == 1


# --- the command


def test_the_command_finds_imports_lists_accepts_and_rejects(
    world: World, agency: Agency, cli: Callable[..., Any], tmp_path: Any
) -> None:
    card_file(world, "d_field.toml")
    a_user(world.session, MAKER.email, "bank_operator")
    a_user(world.session, CHECKER.email, "bank_approver")
    slip = {"deposit_slip_no": "S1", "slip_key": "S1", "deposited_on": date(2026, 10, 9)}
    world.collection(agency, 1_000, date(2026, 10, 5), mode="cash", **slip)
    world.session.commit()
    assert cli("events", "find", "--period", "2026-10").json["by_event"] == {"late_deposit": 1}
    file = tmp_path / "events.csv"
    file.write_text("event,occurred_on,count\nvisit,2026-10-12,4\nvisit,2026-10-40,\n")
    result = cli("events", "import", file, "--agency", "SHAKTI", as_email=MAKER.email)
    assert (result.exit_code, result.json["created"], result.json["rejected"]) == (3, 1, 1)
    assert cli("events", "import", file, "--agency", "SHAKTI", as_email=MAKER.email).json["unchanged"] == 1
    listed = cli("events", "list", "--status", "proposed").json["events"]
    assert [(each["event"], each["count"]) for each in listed] == [("visit", 4), ("late_deposit", 1)]
    assert cli("events", "accept", "--passing", "--period", "2026-10").exit_code == 1  # the machine accepts nothing
    tried = cli("events", "accept", "--passing", "--event", "visit", "--dry-run", as_email=CHECKER.email).json
    assert (tried["accepted"], tried["chosen"], tried["would_pay"]) == (0, 1, "600.00")
    assert cli("events", "accept", listed[0]["ref"], as_email=CHECKER.email).json["accepted"] == 1
    refused = cli("events", "reject", listed[1]["ref"], "--reason", "The branch was shut.", as_email=CHECKER.email)
    assert refused.json["events"][0]["status"] == "rejected"
    assert cli("events", "accept", as_email=CHECKER.email).exit_code == 2
    assert cli("events", "accept", "E-NONE", as_email=CHECKER.email).exit_code == 1


# --- the trace


def test_a_line_leads_to_its_event_or_adjustment_and_back(world: World, agency: Agency) -> None:
    card_file(world, "d_field.toml")
    event = proposed(world.session, agency, world.now, Told("visit", date(2026, 10, 12), count=2))
    decide(world.session, event, world.now)
    ref = an_adjustment(world, agency, "bonus", 5_000)
    lines = world.lines(world.accrue().run)
    by_event = {line.event_id: line.ref for line in lines}
    for start in (event.ref, by_event[event.id]):
        found = trace(world.session, start)
        assert {"earning_event", "accrual_line", "rate_card_version"} <= set(found.types)
        assert {event.ref, by_event[event.id]} <= {node.ref for node in found.chain}
    for start in (ref, by_event[None]):
        assert trace(world.session, start).types == ["accrual_line", "adjustment"]
