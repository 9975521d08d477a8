"""Money paid direct is priced at the card's share; what agencies collected beside it is not touched by that."""

from __future__ import annotations

from datetime import date

import pytest

from payouts.commission.verifying import recompute
from payouts.rate_cards.service import approve, import_card
from payouts.trace import trace
from tests.factories.accrual import World
from tests.factories.month import CHECKER, MAKER

CARD = """
code = "T"
currency = "INR"
effective_from = 2026-04-01
effective_by = "allocation"
[agency]
direct_pay_share = {share}
[[rule]]
id = "cash"
when = {{ source = ["agency", "direct"] }}
slabs = [ {{from = 0, rate = "0.10"}} ]
"""


def a_card(world: World, share: str) -> None:
    version = import_card(world.session, CARD.format(share=f'"{share}"'), actor=MAKER, now=world.now)
    approve(world.session, "T", version.version, actor=CHECKER, now=world.now, comment="As agreed.")


def paid_direct(world: World, agency, major: int = 1000, **changes):
    row = world.collection(agency, major, source="direct", receipt_no="DIRECT-7", receipt_key="DIRECT7", **changes)
    return world.confirm(row)


@pytest.mark.parametrize(("share", "paid_minor"), [("0.50", 50_00), ("0", 0), ("1", 100_00)])
def test_money_paid_direct_earns_the_cards_share_and_its_neighbour_the_full_rate(world, agency, share, paid_minor):
    a_card(world, share)
    direct = paid_direct(world, agency, 1000)
    own = world.earn(agency, 1000)
    result = world.accrue()
    by_link = {line.link_id: line for line in world.lines(result.run)}
    assert by_link[direct.id].amount_minor == paid_minor
    assert by_link[own.id].amount_minor == 100_00
    assert by_link[direct.id].facts["source"] == "direct"
    assert by_link[own.id].facts["source"] == "agency"
    assert recompute(world.session, result.run) == []


def test_a_mandate_is_a_mandate_even_when_nobody_reported_it(world, agency):
    a_card(world, "0.50")
    paid_direct(world, agency, mode="auto_debit")
    result = world.accrue()
    assert list(world.unpaid(result.run).values()) == ["auto_debit"]


def test_no_paper_is_asked_for_money_paid_direct(world, agency):
    from allocations.agencies.models import DatedSetting

    a_card(world, "0.50")
    rule = [{"mode": "upi", "from_minor": 1, "kinds": ["receipt"]}]
    world.session.add(
        DatedSetting(code="evidence.required", value=rule, effective_from=date(2026, 10, 1), source="a test")
    )
    world.session.flush()
    direct = paid_direct(world, agency)
    own = world.earn(agency)
    result = world.accrue()
    assert direct.collection_id not in world.unpaid(result.run)
    assert world.unpaid(result.run).get(own.collection_id) == "evidence_missing"


def test_the_trace_says_that_it_was_paid_direct(world, agency):
    a_card(world, "0.50")
    paid_direct(world, agency)
    world.accrue()
    found = trace(world.session, "DIRECT-7")
    (node,) = [node for node in found.chain if node.type == "collection"]
    assert node.facts["source"] == "paid direct to the bank"
    (line,) = [node for node in found.chain if node.type == "accrual_line"]
    assert [step["step"] for step in line.facts["steps"]] == ["base", "share", "slab", "round"]


def test_a_receipt_written_off_whole_waits_for_nothing(world, agency):
    a_card(world, "0.50")
    row = world.collection(agency, 1000)
    kept = world.collection(agency, 2000)
    row.written_off_minor = row.amount_minor
    world.session.flush()
    result = world.accrue()
    assert list(world.unpaid(result.run)) == [kept.id]
