"""Gates: each stops exactly what it names, and the neighbours go through."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from allocations.placements.gates import (
    GATES,
    HOLD_GATES,
    AgencyFacts,
    Room,
    agency_stops,
    area_stop,
    hold_gate,
)

DAY, LAST = date(2026, 10, 1), date(2026, 12, 31)
FINE = AgencyFacts(
    id=1,
    code="SHAKTI",
    status="empanelled",
    agreement_from=date(2026, 4, 1),
    agreement_to=LAST,
    agents=2,
    able=1,
    held=3,
    held_minor=300,
    capacity=5,
    exposure_cap_minor=500,
    states=frozenset({"27", "GOA"}),
    pincodes=("400", "403"),
    products=frozenset({"PL"}),
)


def stops(facts: AgencyFacts, from_on: date = DAY, to_on: date | None = LAST) -> list[str]:
    return [stop.code for stop in agency_stops(facts, from_on, to_on)]


def test_every_agency_gate_stops_its_own_case_and_no_other() -> None:
    assert stops(FINE) == [] == stops(replace(FINE, status="watch_list"))
    for status in ("applicant", "due_diligence", "suspended", "de_empanelled"):
        assert stops(replace(FINE, status=status)) == ["agency_shut"]
    day = timedelta(days=1)
    assert stops(FINE, FINE.agreement_from) == [] == stops(FINE, LAST, LAST)
    assert stops(FINE, LAST, None) == ["agreement_not_in_force"]  # no end at all is later than any
    assert stops(FINE, FINE.agreement_from - day) == stops(FINE, DAY, LAST + day) == ["agreement_not_in_force"]
    assert stops(FINE, LAST + day, None) == ["agreement_not_in_force"]
    assert stops(replace(FINE, agreement_to=None), LAST + day, None) == []
    assert stops(replace(FINE, able=0)) == ["no_certified_agent"]
    assert stops(replace(FINE, papers_lapsed=("insurance",))) == ["papers_lapsed"]
    every = replace(FINE, status="suspended", able=0, papers_lapsed=("insurance",))
    assert stops(every, LAST + day) == [code for code, gate in GATES.items() if gate.about == "agency"]
    assert all(stop.message and stop.cure for stop in agency_stops(every, LAST + day, None))


def test_an_agency_that_lists_nobody_is_given_accounts_as_the_lender_rules() -> None:
    nobody = replace(FINE, agents=0, able=0)
    for rule, by_file, by_hand in (("stop", 1, 1), ("files", 0, 1), ("allow", 0, 0)):
        found = replace(nobody, unlisted=rule)
        assert len(list(agency_stops(found, DAY, LAST, by_file=True))) == by_file
        assert len(list(agency_stops(found, DAY, LAST))) == by_hand


def test_where_an_agency_may_work() -> None:
    def code(state: str, pincode: str, product: str, facts: AgencyFacts = FINE) -> str | None:
        stop = area_stop(facts, state, pincode, product)
        return stop.code if stop else None

    assert code("27", "400001", "PL") is None is code(" goa ", "403999", "pl")
    assert code("29", "400001", "PL") == code("", "400001", "PL") == "outside_states"
    assert code("27", "411001", "PL") == code("27", "", "PL") == "outside_pincodes"
    assert code("27", "400001", "TW") == "outside_products"
    anywhere = replace(FINE, states=None, pincodes=None, products=None)
    assert code("", "", "TW", anywhere) is None
    nowhere = replace(FINE, states=frozenset())
    assert code("27", "400001", "PL", nowhere) == "outside_states"


def test_room_is_for_so_many_accounts_and_so_much_principal() -> None:
    room = Room.of(replace(FINE, exposure_cap_minor=None))
    assert [room.take(10**12) for _ in range(2)] == [None, None]
    assert getattr(room.take(0), "code", None) == "capacity_full"
    room = Room.of(replace(FINE, capacity=None))
    taken = [getattr(room.take(minor), "code", None) for minor in (150, 51, 50, 1, 0)]
    assert taken == [None, "exposure_full", None, "exposure_full", None]
    assert getattr(Room.of(replace(FINE, held=9)).take(0), "code", None) == "capacity_full"
    assert Room.of(replace(FINE, capacity=None, exposure_cap_minor=None)).take(10**15) is None


def test_holds_shut_the_gate_of_their_cause() -> None:
    for cause, gate in HOLD_GATES.items():
        assert {hold_gate(cause, effect) for effect in ("no_work", "no_accrual", "both")} == {gate}
        assert gate in GATES
    assert hold_gate("manual", "no_work") == hold_gate("ots", "both") == "on_hold"
    assert hold_gate("manual", "no_accrual") is None is hold_gate("dispute", "no_accrual")
