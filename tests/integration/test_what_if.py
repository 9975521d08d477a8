"""Terms tried on closed months: hand-worked differences, the same terms giving the same money, and books nobody touched."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.commission.what_if import WhatIf, simulate
from payouts.rate_cards.parsing import read_card
from payouts.rate_cards.service import assign_terms
from portal.kernel.errors import Invalid, Refused
from tests.factories.accrual import CARD, NOVEMBER, OCTOBER, World
from tests.factories.earning import CARDS, a_measure, an_adjustment, an_event, card_file, ended_at
from tests.factories.month import MAKER

BOOKS = (
    *("accrual_runs", "accrual_lines", "unpaid_collections", "settlements", "settlement_lines", "journal_lines"),
    *("audit_events", "outcome_sets", "account_outcomes", "match_links", "collections"),
)
FOREIGN = ("f_contingency.toml", "g_kenya.json")  # not in rupees
HEAD = 'code = "T"\ncurrency = "INR"\neffective_from = 2026-04-01\n'
WHOLE = (
    HEAD
    + """
[[rule]]
id = "cash"
driver = "resolution_pct_pos"
driver_scope = "agency+opening_bucket"
mode = "whole"
slabs = [ {{from = 0, rate = "{low}"}}, {{from = 80, rate = "{high}"}} ]
"""
)


def tried(world: World, source: str, first: Any = OCTOBER, last: Any = None, **more: Any) -> WhatIf:
    return simulate(world.session, read_card(source), first, last or first, **more)


def a_card(rate: str = "0.05", code: str = "T", more: str = "") -> str:
    return CARD.format(code=code, rate=rate, start="2026-04-01", by="allocation", more=more)


def agencies_of(found: WhatIf) -> dict[str, tuple[int, int]]:
    return {each["agency"]: (each["was_minor"], each["would_be_minor"]) for each in found.payload["agencies"]}


def books(session: Session) -> list[str]:
    """One hash over every row of what a what-if must not touch."""
    query = "select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {} t"
    return [session.scalar(text(query.format(name))) or "" for name in BOOKS]


def test_a_higher_rate_pays_every_agency_the_difference(world: World, agency: Agency, rival: Agency) -> None:
    world.card("0.05")
    world.earn(agency, 1000)
    world.earn(agency, 2000)
    world.earn(rival, 500)
    world.accrue()
    found = tried(world, a_card("0.08"))
    assert agencies_of(found) == {agency.code: (150_00, 240_00), "VEGA": (25_00, 40_00)}
    assert (found.was_minor, found.would_be_minor, found.delta_minor) == (175_00, 280_00, 105_00)
    assert found.payload["total"]["percent"] == "+60.0"
    assert [(each["was_rule"], each["rule"], each["delta_minor"]) for each in found.payload["rules"]] == [
        ("cash", "cash", 105_00)
    ]
    assert [(each["bucket"], each["lines"]) for each in found.payload["buckets"]] == [("31-60", 3)]


def test_the_books_are_as_they_were(world: World, agency: Agency) -> None:
    world.card("0.05")
    world.earn(agency, 1000)
    world.accrue()
    before = books(world.session)
    first = tried(world, a_card("0.08"))
    second = tried(world, a_card("0.08"))
    assert books(world.session) == before
    assert first.result_hash == second.result_hash


def test_a_what_if_could_not_write_if_it_wanted(world: World, agency: Agency, monkeypatch: pytest.MonkeyPatch) -> None:
    world.card()
    world.earn(agency, 1000)
    world.accrue()

    def spoil(place: int, total: int, message: str) -> None:
        world.session.execute(text("update accrual_runs set is_current = false"))

    with pytest.raises(DBAPIError, match="read-only"):
        tried(world, a_card(), tell=spoil)
    world.card(code="STILL-WRITABLE")


def test_money_no_rule_was_for_gets_its_chance(world: World, agency: Agency) -> None:
    world.card("0.05")
    world.earn(agency, 1000)
    world.earn(agency, 3000, allocation=world.allocation(agency, bucket="61-90", dpd_days=70))
    world.earn(agency, 700, mode="auto_debit")
    world.accrue()
    wider = a_card("0.05").replace('["31-60"]', '["31-60", "61-90"]')
    found = tried(world, wider)
    assert agencies_of(found) == {agency.code: (50_00, 200_00)}
    assert found.payload["nothing"]["found"] == {
        "was_minor": 0,
        "would_be_minor": 150_00,
        "delta_minor": 150_00,
        "lines": 1,
        "money_minor": 3000_00,
    }
    codes = {each["code"]: (each["was"], each["now"]) for each in found.payload["nothing"]["codes"]}
    assert codes == {"auto_debit": (1, 1), "no_rule": (1, 0)}


def test_lines_that_would_earn_nothing_say_why_and_which(world: World, agency: Agency) -> None:
    world.card("0.05")
    world.earn(agency, 1000)
    world.accrue()
    found = tried(world, a_card("0.05").replace('["31-60"]', '["1-30"]'))
    assert agencies_of(found) == {agency.code: (50_00, 0)}
    (example,) = found.payload["nothing"]["examples"]
    assert (example["code"], example["money_minor"]) == ("no_rule", 1000_00)
    assert found.payload["nothing"]["lost"]["was_minor"] == 50_00


def test_pools_the_old_terms_did_not_need_are_measured_as_of_then(world: World, agency: Agency) -> None:
    world.card("0.05")
    resolved, worse = world.allocation(agency), world.allocation(agency)
    ended_at(world, resolved, 0)
    ended_at(world, worse, 0)
    world.earn(agency, 1000, allocation=resolved)
    world.accrue()
    ended_at(world, worse, 95, date(2026, 10, 30))  # comes late: the run did not know it
    found = tried(world, WHOLE.format(low="0.04", high="0.10"))
    assert agencies_of(found) == {agency.code: (50_00, 100_00)}


def test_cliffs_say_how_near_and_what_the_edge_was_worth(world: World, agency: Agency) -> None:
    world.card("0.05")
    for dpd in (0, 0, 0, 95):
        allocation = world.allocation(agency)
        ended_at(world, allocation, dpd)
        world.earn(agency, 1000, allocation=allocation)
    world.accrue()
    (cliff,) = tried(world, WHOLE.format(low="0.04", high="0.10")).payload["cliffs"]
    assert (cliff["value"], cliff["edge"], cliff["pool"]) == ("75", "80", "31-60")
    assert cliff["gain_minor"] == 4000_00 * 6 // 100
    principal = sum(each.opening_principal_minor for each in world.session.scalars(text_of_allocations()))
    assert cliff["missing_minor"] == principal * 5 // 100


def text_of_allocations() -> Any:
    from sqlalchemy import select

    from allocations.placements.models import Allocation

    return select(Allocation)


def test_a_neighbour_on_other_terms_is_left_alone(world: World, agency: Agency, rival: Agency) -> None:
    world.card("0.05")
    world.card("0.50", code="OTHER")
    for whose, code in ((agency, "T"), (rival, "OTHER")):
        assign_terms(world.session, whose, code, from_on=date(2026, 4, 1), actor=MAKER, now=world.now)
        world.earn(whose, 1000)
    world.accrue()
    found = tried(world, a_card("0.08"))
    assert agencies_of(found) == {agency.code: (50_00, 80_00)}
    assert found.payload["others"] == ["VEGA"]


def test_a_card_of_a_new_code_stands_in_for_all_terms(world: World, agency: Agency, rival: Agency) -> None:
    world.card("0.05")
    world.earn(agency, 1000)
    world.earn(rival, 1000)
    world.accrue()
    found = tried(world, a_card("0.01", code="NEW"), agencies=["VEGA"])
    assert agencies_of(found) == {"VEGA": (50_00, 10_00)}
    assert found.payload["replaces"] == ""


def test_settled_months_are_tried_as_they_were_settled(world: World, agency: Agency) -> None:
    world.card("0.05")
    world.earn(agency, 1000)
    world.accrue()
    world.settle()
    late = world.earn(agency, 400, day=date(2026, 10, 20))
    world.accrue(NOVEMBER)
    found = tried(world, a_card("0.10"), OCTOBER, NOVEMBER)
    assert late.amount_minor == 400_00
    assert [
        (each["month"], each["was_minor"], each["would_be_minor"], each["open"]) for each in found.payload["months"]
    ] == [
        ("2026-10", 50_00, 100_00, False),
        ("2026-11", 20_00, 40_00, True),
    ]


def test_what_corrects_other_months_stays_as_it_is(world: World, agency: Agency) -> None:
    world.card("0.05")
    world.earn(agency, 1000)
    an_adjustment(world, agency, "bonus", 70_00)
    world.accrue()
    assert agencies_of(tried(world, a_card("0.10"))) == {agency.code: (120_00, 170_00)}


def test_events_and_accounts_are_priced_by_the_tried_terms_too(world: World, agency: Agency) -> None:
    world.card("0.05")
    world.earn(agency, 1000)
    an_event(world, agency, "late_deposit")
    account = world.allocation(agency)
    ended_at(world, account, 0)
    world.accrue()
    more = """
[[penalty]]
id = "late"
event = "late_deposit"
amount = 30
[[rule]]
id = "each"
earns_on = "account"
when = { outcome = ["normalised"] }
slabs = [ {from = 0, amount = 200} ]
"""
    assert agencies_of(tried(world, a_card("0.05", more=more))) == {agency.code: (50_00, 220_00)}


def test_a_lift_to_the_guarantee_is_recovered_in_the_months_after(world: World, agency: Agency) -> None:
    assign = {"from_on": date(2026, 4, 1), "actor": MAKER, "now": world.now}
    world.card("0.05")
    assign_terms(world.session, agency, "T", **assign)  # type: ignore[arg-type]
    world.earn(agency, 1000)
    world.accrue()
    world.earn(agency, 9000, day=date(2026, 11, 5))
    world.accrue(NOVEMBER)
    promise = '[agency]\nminimum_guarantee = {amount = "200.00", recoverable = true}\n'
    found = tried(world, a_card("0.05", more=promise), OCTOBER, NOVEMBER)
    # 50 lifted to 200; then 450 less the lift of 150.
    assert [each["would_be_minor"] for each in found.payload["months"]] == [200_00, 300_00]


# --- the same terms again


@pytest.mark.parametrize("name", sorted(path.name for path in Path(CARDS).iterdir() if path.name not in FOREIGN))
def test_a_card_tried_on_its_own_month_changes_nothing(world: World, agency: Agency, rival: Agency, name: str) -> None:
    card_file(world, name)
    for place, (whose, bucket, dpd) in enumerate(
        (whose, bucket, dpd)
        for whose in (agency, rival)
        for bucket, dpd in (("1-30", 12), ("31-60", 45), ("61-90", 75), ("91-120", 100))
    ):
        allocation = world.allocation(whose, bucket=bucket, dpd_days=dpd)
        ended_at(world, allocation, (0, dpd, dpd + 40)[place % 3])
        for paid in range(3):
            world.earn(
                whose, 4000 + 731 * place + paid * 1300, date(2026, 10, 3 + place + 5 * paid), allocation=allocation
            )
    an_event(world, agency, "late_deposit")
    a_measure(world, agency, "score", "82")
    a_measure(world, agency, "grade", "A")
    world.accrue()
    source = (CARDS / name).read_text()
    found = tried(world, source)
    assert all(each["delta_minor"] == 0 for each in found.payload["agencies"]), found.payload
    assert all(each["was_minor"] == each["would_be_minor"] for each in found.payload["rules"])
    assert all(each["was"] == each["now"] for each in found.payload["nothing"]["codes"])


# --- what cannot be tried


def test_a_month_never_accrued_is_refused(world: World, agency: Agency) -> None:
    with pytest.raises(Refused, match="has not been accrued"):
        tried(world, a_card())


def test_months_the_wrong_way_round_and_unknown_agencies_are_named(world: World, agency: Agency) -> None:
    with pytest.raises(Invalid, match="is after"):
        tried(world, a_card(), NOVEMBER, OCTOBER)
    with pytest.raises(Invalid, match="no agency NOBODY"):
        tried(world, a_card(), agencies=["NOBODY"])


def test_terms_in_another_currency_are_refused(world: World, agency: Agency) -> None:
    world.card()
    world.earn(agency, 1000)
    world.accrue()
    with pytest.raises(Invalid, match="KES"):
        tried(world, a_card(code="K").replace('"INR"', '"KES"'))
