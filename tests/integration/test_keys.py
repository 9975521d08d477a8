"""One person, one act on one round of one item: under whichever account, role or delegation, and never above their limit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from payouts.approvals.delegations import DELEGATIONS, NewDelegation, decide_delegation, propose_delegation
from payouts.approvals.limits import LIMITS, NewLimit, decide_limit, holding, limit_of, propose_limit, third_key_above
from payouts.approvals.models import ApprovalLimit, Delegation, ItemAct
from payouts.approvals.service import acts_on, turn_key
from payouts.difference import Findings
from payouts.rails import stops
from payouts.verify_decided import check_decided
from payouts.verify_keys import check_keys
from portal.access.models import User
from portal.access.person_ties import decide_tie, propose_tie, propose_untie, withdraw_tie
from portal.access.users import also_known_as
from portal.kernel.audit import Actor
from portal.kernel.db import PortalSession
from portal.kernel.errors import Forbidden, Invalid, PortalError, Refused
from tests.factories.world import a_user

TODAY = date(2026, 11, 10)
ROLES = {
    "maker": "bank_operator",
    "asha": "bank_approver",
    "asha2": "bank_approver",
    "bela": "bank_approver",
    "chitra": "bank_approver",
    "fin": "finance",
    "admin": "bank_admin",
    "admin2": "bank_admin",
}
LAKH = 1_00_000_00


@pytest.fixture
def people(bank_session: PortalSession) -> dict[str, Actor]:
    """A maker, three approvers, one of them with two accounts, finance, two admins."""
    found = {name: a_user(bank_session, f"{name}@bank.example", role) for name, role in ROLES.items()}
    session = bank_session
    session.execute(update(User).where(User.email.startswith("asha")).values(person="asha@bank.example"))
    return found


@pytest.fixture
def turn(bank_session: PortalSession, people: dict[str, Actor], now: Any) -> Callable[..., Any]:
    def key(
        name: str, act: str = "approved", *, round: int = 1, amount: int = LAKH, role: str = "", ref: str = "S1"
    ) -> Any:
        who = people[name]
        actor = Actor(who.user_id, who.email, role or who.role)
        given: dict[str, Any] = {"signed": "0" * 64, "amount_minor": amount, "currency": "INR", "now": now}
        with bank_session.begin_nested():
            return turn_key(bank_session, "settlement", ref, round, act, actor=actor, **given)

    return key


def a_limit(session: PortalSession, **given: Any) -> ApprovalLimit:
    values = {
        "ref": f"L{len(session.scalars(select(ApprovalLimit)).all())}",
        "subject": "settlement",
        "role": "bank_approver",
        "currency": "INR",
        "effective_from": TODAY - timedelta(days=1),
        "reason": "House rule",
        "status": "accepted",
        "proposed_by": "admin@bank.example",
        "proposed_at": "2026-11-01",
        "decided_by": "admin2@bank.example",
    }
    row = ApprovalLimit(**values | given)
    session.add(row)
    session.flush()
    return row


def stands_in(session: PortalSession, who: str, for_whom: str) -> None:
    values = {"reason": "On leave", "status": "accepted", "proposed_by": "admin", "proposed_at": "2026-11-01"}
    days = {"from_on": TODAY - timedelta(days=2), "to_on": TODAY, "decided_by": "admin2"}
    emails = {"to_email": f"{who}@bank.example", "from_email": f"{for_whom}@bank.example"}
    session.add(Delegation(ref=f"D-{who}", **values, **days, **emails))
    session.flush()


# What happened before (name, act, round), who stands in for whom, who approves now under which role, and the refusal.
MATRIX = {
    "another person": ([("maker", "submitted", 1)], {}, "asha", "", None),
    "the same user": ([("asha", "submitted", 1)], {}, "asha", "", "maker_is_checker"),
    "the same person, two accounts": ([("asha", "submitted", 1)], {}, "asha2", "", "maker_is_checker"),
    "the role hopped between": ([("maker", "submitted", 1)], {}, "maker", "bank_approver", "maker_is_checker"),
    "a stand-in of the maker": ([("maker", "submitted", 1)], {"bela": "maker"}, "bela", "", "maker_is_checker"),
    "made by the approver's stand-in": ([("bela", "submitted", 1)], {"bela": "asha"}, "asha", "", "maker_is_checker"),
    "and under their other account": ([("bela", "submitted", 1)], {"bela": "asha"}, "asha2", "", "maker_is_checker"),
    "a stand-in of an uninvolved one": ([("maker", "submitted", 1)], {"bela": "chitra"}, "bela", "", None),
    "approved before": ([("maker", "submitted", 1), ("asha", "approved", 1)], {}, "asha", "", "acted_before"),
    "approved before, other account": (
        [("maker", "submitted", 1), ("asha", "approved", 1)],
        {},
        "asha2",
        "",
        "acted_before",
    ),
    "approved before by who stands in": (
        [("maker", "submitted", 1), ("bela", "approved", 1)],
        {"bela": "chitra"},
        "chitra",
        "",
        "acted_before",
    ),
    "submitted in an earlier round": (
        [("asha", "submitted", 1), ("maker", "submitted", 2)],
        {},
        "asha",
        "",
        "maker_is_checker",
    ),
    "approved in an earlier round": ([("asha", "approved", 1), ("maker", "submitted", 2)], {}, "asha", "", None),
}


@pytest.mark.parametrize("case", MATRIX)
def test_nobody_acts_twice(case, turn, bank_session):
    before, stand_ins, who, role, refused = MATRIX[case]
    for name, for_whom in stand_ins.items():
        stands_in(bank_session, name, for_whom)
    for name, act, round in before:
        turn(name, act, round=round)
    newest = max(round for _, _, round in before)
    if refused is None:
        assert turn(who, role=role, round=newest).done
    else:
        with pytest.raises(Forbidden) as refusal:
            turn(who, role=role, round=newest)
        assert refusal.value.code == refused


def test_the_database_itself_keeps_two_acts_of_a_person_apart(turn, bank_session, people, now):
    turn("asha", "submitted")
    values = {
        "subject": "settlement",
        "ref": "S1",
        "round": 1,
        "act": "approved",
        "email": "x",
        "signed": "",
        "at": now,
    }
    for person, stood_for in (("asha@bank.example", None), ("x", "y"), ("z", "y")):
        row = ItemAct(person=person, stood_for=stood_for, amount_minor=1, **values)
        if person == "x":
            bank_session.add(row)
            bank_session.flush()
            continue
        with pytest.raises(IntegrityError), bank_session.begin_nested():
            bank_session.add(row)
            bank_session.flush()


@pytest.mark.parametrize(
    ("amount", "who", "stand_ins", "allowed"),
    [
        (LAKH, "bela", {}, True),
        (LAKH + 1, "bela", {}, False),
        (5 * LAKH, "chitra", {}, True),  # by name
        (5 * LAKH + 1, "chitra", {}, False),
        (5 * LAKH, "bela", {"bela": "chitra"}, True),  # with the other's limit
        (5 * LAKH + 1, "bela", {"bela": "chitra"}, False),
        (LAKH, "bela", {"bela": "maker"}, True),  # somebody without a limit lends none
        (LAKH + 1, "bela", {"bela": "maker"}, False),
        (9 * LAKH, "fin", {}, True),  # no row fits the role: its permission alone decides
    ],
)
def test_nobody_approves_above_their_limit(amount, who, stand_ins, allowed, turn, bank_session):
    a_limit(bank_session, up_to_minor=LAKH)
    a_limit(bank_session, up_to_minor=5 * LAKH, email="chitra@bank.example")
    for name, for_whom in stand_ins.items():
        stands_in(bank_session, name, for_whom)
    if allowed:
        assert turn(who, amount=amount).done
    else:
        with pytest.raises(Forbidden) as refusal:
            turn(who, amount=amount)
        assert refusal.value.code == "above_limit" and "above what you may approve" in refusal.value.message


def test_above_an_amount_a_third_person_is_asked_for_whoever_begins(turn, bank_session):
    a_limit(bank_session, third_key_above_minor=LAKH, email="chitra@bank.example")
    turn("maker", "submitted")
    assert turn("bela", amount=LAKH).done, "at the amount two are enough"
    turn("maker", "submitted", ref="S2")
    first = turn("bela", amount=LAKH + 1, ref="S2")
    assert (first.done, first.needs_third) == (False, True)
    with pytest.raises(Forbidden):
        turn("bela", amount=LAKH + 1, ref="S2")
    assert turn("asha", amount=LAKH + 1, ref="S2").done
    assert [(act.act, act.person.split("@")[0]) for act in acts_on(bank_session, "settlement", "S2")] == [
        ("submitted", "maker"),
        ("approved", "bela"),
        ("approved", "asha"),
    ]


def row(id: int, since: int, until: int | None = None, **given: Any) -> ApprovalLimit:
    end = date(2026, 11, until) if until else None
    return ApprovalLimit(id=id, role="bank_approver", effective_from=date(2026, 11, since), effective_to=end, **given)


def test_the_limit_that_began_last_decides_and_none_comes_back():
    rows = [row(1, 1, up_to_minor=1), row(2, 5, 8, up_to_minor=2), row(3, 5, up_to_minor=3, email="a@x")]
    assert [[each.id for each in holding(rows, date(2026, 11, day))] for day in (1, 4, 5, 8, 9)] == [
        [1],
        [1],
        [2, 3],
        [2, 3],
        [3],
    ]
    held = holding(rows, date(2026, 11, 5))
    assert limit_of(held, {"a@x", "b@x"}, "finance").id == 3 and limit_of(held, {"c@x"}, "bank_approver").id == 2
    assert limit_of(held, {"c@x"}, "finance") is None and third_key_above(held) is None


def test_a_limit_is_proposed_by_an_admin_and_decided_by_another_person(bank_session, people, now):
    new = {"subject": "settlement", "role": "bank_approver", "currency": "INR", "reason": "House rule"}
    given: dict[str, Any] = {"actor": people["admin"], "now": now, "today": TODAY}
    bad = NewLimit(**new | {"role": "finance", "reason": ""}, effective_from=TODAY - timedelta(days=1), up_to_minor=-1)
    with pytest.raises(Invalid) as wrong:
        propose_limit(bank_session, bad, **given)
    assert {each.code for each in wrong.value.problems} == {"bad_role", "bad_amount", "in_the_past", "reason_needed"}
    made = propose_limit(bank_session, NewLimit(**new, effective_from=TODAY, email="bela@bank.example"), **given)
    say_one_person(bank_session, people, "admin2", "admin", by="asha", second="chitra", now=now)
    for who, code in (("admin", "is_not_the_maker"), ("admin2", "is_not_the_maker"), ("bela", "about_oneself")):
        with pytest.raises(Refused) as refusal:
            decide_limit(bank_session, made, accept=True, actor=people[who], now=now)
        assert refusal.value.code == code
    decide_limit(bank_session, made, accept=True, actor=people["chitra"], now=now)
    assert (made.status, made.decided_by) == ("accepted", "chitra@bank.example")
    with pytest.raises(Refused):
        LIMITS.move(bank_session, made, "withdraw", actor=people["admin"], now=now)


def test_a_delegation_needs_another_persons_word_and_one_stands_in_for_one(bank_session, people, now):
    given: dict[str, Any] = {"actor": people["admin"], "now": now, "today": TODAY}

    def proposed(whose: str, who: str, days: int = 3) -> Delegation:
        emails = (f"{whose}@bank.example", f"{who}@bank.example")
        return propose_delegation(
            bank_session, NewDelegation(*emails, TODAY, TODAY + timedelta(days=days), "On leave"), **given
        )

    for whose, who, days, code in (
        ("asha", "asha2", 3, "one_person"),
        ("admin", "bela", 3, "unknown_user"),
        ("asha", "bela", 200, "too_long"),
        ("asha", "bela", -1, "bad_dates"),
    ):
        with pytest.raises(Invalid) as wrong:
            proposed(whose, who, days)
        assert code in {each.code for each in wrong.value.problems}
    first, second = proposed("asha", "bela"), proposed("chitra", "bela", 9)
    with pytest.raises(Refused, match="about you"):
        decide_delegation(bank_session, first, accept=True, actor=people["bela"], now=now)
    decide_delegation(bank_session, first, accept=True, actor=people["chitra"], now=now)
    with pytest.raises(Refused, match="stands in for"):
        decide_delegation(bank_session, second, accept=True, actor=people["asha"], now=now)
    with pytest.raises(IntegrityError), bank_session.begin_nested():
        second.status, second.decided_by = "accepted", "asha@bank.example"
        bank_session.flush()
    bank_session.refresh(second)
    DELEGATIONS.move(bank_session, second, "withdraw", actor=people["admin"], now=now)


def say_one_person(session, people, one: str, other: str, *, by: str, second: str, now) -> None:
    user = session.get_one(User, people[one].user_id)
    said = propose_tie(session, user, people[other].email, reason="I know them both.", actor=people[by], now=now)
    decide_tie(session, said, accept=True, actor=people[second], now=now)


def test_accounts_are_tied_and_untied_by_two_and_the_rest_stays_together(bank_session, people, now):
    def user(name: str) -> User:
        bank_session.expire_all()
        return bank_session.get_one(User, people[name].user_id)

    by: dict[str, Any] = {"reason": "Two desks, one badge.", "now": now}
    said = propose_tie(bank_session, user("bela"), "asha2@bank.example", actor=people["admin"], **by)
    assert also_known_as(bank_session, user("bela")) == [], "one person's word changes nothing"
    for who, code in (("admin", "is_not_the_maker"), ("bela", "oneself"), ("asha", "oneself")):
        with pytest.raises(PortalError) as refusal:
            decide_tie(bank_session, said, accept=True, actor=people[who], now=now)
        assert refusal.value.code == code
    for who in ("bela", "asha", "admin2"):
        with pytest.raises(Forbidden):
            withdraw_tie(bank_session, said, actor=people[who], now=now)
    decide_tie(bank_session, said, accept=True, actor=people["chitra"], now=now)
    assert also_known_as(bank_session, user("asha")) == ["asha2@bank.example", "bela@bank.example"]
    apart = propose_untie(bank_session, user("asha"), actor=people["admin"], **by)
    for who in ("asha2", "bela"):
        with pytest.raises(Forbidden):
            decide_tie(bank_session, apart, accept=True, actor=people[who], now=now)
    decide_tie(bank_session, apart, accept=True, actor=people["chitra"], now=now)
    assert also_known_as(bank_session, user("asha")) == []
    assert also_known_as(bank_session, user("bela")) == ["asha2@bank.example"]
    with pytest.raises(Refused):
        propose_untie(bank_session, user("asha"), actor=people["admin"], **by)
    with pytest.raises(Forbidden):
        propose_tie(bank_session, user("admin"), "bela@bank.example", actor=people["admin"], **by)
    bank_session.commit()
    findings = Findings()
    check_decided(bank_session, findings, None)
    check_keys(bank_session, findings)
    by_hand = {"asha2@bank.example", "bela@bank.example"}  # these people were made as one: nobody said so
    assert {each.ref for each in findings.differences if each.table in ("person_ties", "users")} <= by_hand
    bank_session.execute(update(User).where(User.email == "chitra@bank.example").values(person="bela@bank.example"))
    check_keys(bank_session, findings)
    assert "chitra@bank.example" in {each.ref for each in findings.differences if each.field == "person"}


def test_one_person_with_two_accounts_does_not_lift_the_stop_they_asked_to_lift(bank_session, people, now):
    stop = stops.stop_paying(bank_session, "A wrong account", actor=people["fin"], now=now)
    stops.ask_to_lift(bank_session, stop.id, "It was put right", actor=people["asha"], now=now)
    with pytest.raises(Forbidden):
        stops.lift(bank_session, stop.id, actor=people["asha2"], now=now)
    assert stops.lift(bank_session, stop.id, actor=people["bela"], now=now).lifted_at == now
