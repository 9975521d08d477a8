"""The fee of an account measured after its month was settled: what that month would have paid for it, and nothing twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from payouts.commission.bulk import Group, group_lines, price_group
from payouts.commission.fact_lines import line_of
from payouts.commission.inputs import AccountFact
from payouts.commission.late_pricing import LateMonth, account_of, drivers_of, late_lines, stands_alone
from payouts.commission.models import AccrualLine
from payouts.commission.outcome import NewLine
from payouts.commission.rebuilding import is_measured_late, is_of_a_group
from payouts.commission.taking_back import Settled
from payouts.rate_cards.parsing import examine
from payouts.rate_cards.versions import Version

LAST = date(2026, 10, 31)
COUNTED = {
    "id": "saved",
    "earns_on": "account",
    "driver": "account_count",
    "mode": "marginal",
    "slabs": [{"from": 0, "amount": "10.00"}, {"from": 2, "amount": "30.00"}],
}
SHARED = {
    "id": "saved",
    "earns_on": "account",
    "driver": "resolution_pct_pos",
    "driver_scope": "agency+product",
    "slabs": [{"from": 0, "rate": "0.01"}, {"from": 50, "rate": "0.02"}],
}


def version(rule: dict[str, Any], **more: Any) -> Version:
    card, problems = examine({"code": "T", "currency": "INR", "effective_from": "2026-04-01", "rule": [rule]} | more)
    assert problems == []
    return Version(7, "T", 1, card, "sha")


def account(n: int) -> AccountFact:
    facts = {
        "earns_on": "account",
        "loan_account_no": f"LN{n}",
        "source": "agency",
        "settlement_kind": "none",
        "product": "PL",
        "outcome": "stabilised",
        "principal_outstanding": "1000.00",
        "allocated_on": "2026-10-01",
        "stream": "field",
    }
    return AccountFact(n, 1, f"LN{n}", "INR", LAST, LAST, True, facts)


def stored(lines: Sequence[NewLine]) -> list[AccrualLine]:
    """Lines as the database holds them."""
    return [
        AccrualLine(
            ref=f"A{place}",
            agency_id=line.agency_id,
            kind=line.kind,
            rule_id=line.rule_id,
            rate_card_version_id=line.version_id,
            base_minor=line.base_minor,
            amount_minor=line.amount_minor,
            currency=line.currency,
            credited_on=line.credited_on,
            facts=dict(line.facts),
            steps=list(line.steps),
        )
        for place, line in enumerate(lines, 1)
    ]


def settled(terms: Version, accounts: int, drivers: dict[str, dict[str, str]]) -> Settled:
    rule = terms.card.rules[0].id
    facts = [(each, {**each.facts}) for each in map(account, range(accounts))]
    if terms.card.rules[0].slabs[0].rate is not None:
        facts = [(each, {**own, "amount": own["principal_outstanding"]}) for each, own in facts]
    members = [(each, line_of(own, "INR", rule=rule, position=n)) for n, (each, own) in enumerate(facts, 1)]
    group = Group(1, terms, accounts=members)
    lines, _ = group_lines(group, price_group(group, drivers))
    return Settled(terms, stored(lines), drivers)


def late(month: Settled, *accounts: int, drivers: Any = None, earlier: Sequence[AccrualLine] = ()) -> LateMonth:
    members = [(account(n), month.version.card.rules[0]) for n in accounts]
    return LateMonth(month, earlier, 1, "S2610-X", "2026-10", 2, members, drivers or {})


def amounts(lines: Sequence[NewLine]) -> list[int]:
    return [line.amount_minor for line in lines]


def test_slabs_go_on_where_the_settled_month_and_earlier_late_fees_left_off() -> None:
    month = settled(version(COUNTED), 1, {})
    first = late_lines(late(month, 11, 12))
    assert amounts(first) == [1_000, 3_000]
    assert [line.facts["position"] for line in first] == [2, 3]
    again = late_lines(late(month, 13, earlier=stored(first)))
    assert (amounts(again), again[0].facts["position"]) == ([3_000], 4)


@pytest.mark.parametrize(
    ("more", "brought"),
    [
        ({"agency": {"cap": "45.00"}}, 2_500),  # 20.00 settled and 60.00 new are 35.00 above it
        ({"agency": {"qualifier": {"driver": "score", "at_least": 60}}}, 0),
        ({"bonus": [{"id": "much", "condition": {"driver": "score", "at_least": 40}, "amount": "99.00"}]}, 6_000),
        ({"bonus": [{"id": "many", "condition": {"driver": "account_count", "at_least": 4}, "amount": "5.00"}]}, 6_500),
    ],
)
def test_the_whole_month_decides_what_new_fees_bring(more: dict[str, Any], brought: int) -> None:
    score = {"score": {"": "50"}}
    lines = late_lines(late(settled(version(COUNTED, **more), 2, score), 11, 12))
    assert sum(amounts(lines)) == brought
    assert amounts(lines)[:2] == [3_000, 3_000]
    assert [(line.kind, line.rule_id) for line in lines[2:]] == [("adjustment", "measured_late")] * (brought != 6_000)


def test_a_fee_is_priced_by_the_measures_of_now_and_settled_lines_stay_as_they_were() -> None:
    terms = version(SHARED, agency={"cap": "99999.00"})
    month = settled(terms, 2, {"resolution_pct_pos": {"PL": "40"}})
    lines = late_lines(late(month, 11, drivers={"resolution_pct_pos": {"PL": "60", "": "60"}}))
    assert amounts(lines) == [2_000]
    assert lines[0].facts["drivers"] == {"resolution_pct_pos": {"PL": "60"}}
    assert lines[0].steps[0] == {"step": "measured_late", "month": "2026-10", "of": "S2610-X", "outcomes": 2}


def test_stored_fees_come_out_again_to_the_last_byte() -> None:
    terms = version(SHARED)
    month = Settled(terms, [], {})
    lines = late_lines(late(month, 11, 12, drivers={"resolution_pct_pos": {"PL": "60"}}))
    kept = stored(lines)
    assert all(is_measured_late(line) and not is_of_a_group(line) for line in kept)
    members = [account_of(line, terms.card) for line in kept]
    again = late_lines(LateMonth(month, [], 1, "S2610-X", "2026-10", 2, members, drivers_of(kept)))
    assert [(line.facts_text, line.steps_text) for line in again] == [
        (line.facts_text, line.steps_text) for line in lines
    ]
    kept[0].rule_id = "gone"
    with pytest.raises(LookupError):
        account_of(kept[0], terms.card)


@pytest.mark.parametrize(
    ("rule", "more", "alone"),
    [
        (SHARED, {}, True),
        (SHARED | {"cap": {"per": "line", "amount": "5.00"}}, {}, True),
        (SHARED | {"cap": {"per": "rule", "amount": "5.00"}}, {}, False),
        (COUNTED, {}, False),
        (SHARED, {"agency": {"cap": "5.00"}}, False),
        (SHARED, {"bonus": [{"id": "b", "condition": {"driver": "score", "at_least": 1}, "amount": "1.00"}]}, False),
        (SHARED, {"agency": {"holdback": {"rate": "0.05", "release_after_days": 60}}}, True),
    ],
)
def test_what_hangs_on_the_rest_of_the_month_is_known(rule: dict[str, Any], more: dict[str, Any], alone: bool) -> None:
    card = version(rule, **more).card
    assert stands_alone(card, card.rules) is alone
