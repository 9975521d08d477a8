"""The engine's promises: boundaries, rounding, order of work, what is never a silent 0."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payouts.rate_cards.agency_level import Quote, price
from payouts.rate_cards.facts import read_facts
from payouts.rate_cards.parsing import examine
from payouts.rate_cards.terms import Card
from portal.kernel.errors import Invalid
from portal.kernel.money import plain

RUNNING = {
    "id": "r",
    "driver": "running_total",
    "mode": "marginal",
    "slabs": [{"from": 0, "rate": "0.05"}, {"from": 1000, "rate": "0.10"}, {"from": 5000, "rate": "0.20"}],
}


def card_of(*rules: dict[str, Any], **more: Any) -> Card:
    head = {"code": "C", "currency": "INR", "effective_from": "2026-04-01", "rule": list(rules)}
    card, problems = examine(head | more)
    assert problems == []
    return card


def quote(card: Card, *lines: dict[str, Any], **facts: Any) -> Quote:
    return price(card, read_facts({"lines": list(lines)} | facts, card))


def flat(rate: str, **more: Any) -> dict[str, Any]:
    return {"id": "r", "slabs": [{"from": 0, "rate": rate}]} | more


def totals(quoted: Quote) -> tuple[str, list[str]]:
    return plain(quoted.total_minor, "INR"), [plain(line.amount_minor, "INR") for line in quoted.lines]


@given(
    minor=st.integers(-(10**12), 10**12),
    rate=st.decimals(0, 1, allow_nan=False, places=6),
    factor=st.decimals(0, 1, places=2),
)
def test_one_line_is_rounded_half_up_once_after_everything(minor: int, rate: Decimal, factor: Decimal) -> None:
    card = card_of(flat(str(rate), lag=[{"factor": str(factor)}]))
    quoted = quote(card, {"rule": "r", "base": plain(minor, "INR"), "lag_days": 0})
    exact = abs(minor) * rate * factor
    expected = int(exact.quantize(Decimal(1), ROUND_HALF_UP)) * (1 if minor >= 0 else -1)
    assert quoted.total_minor == expected


@given(st.lists(st.integers(1, 500_000), min_size=1, max_size=12))
def test_any_split_of_an_amount_earns_the_same_on_a_running_total(rupees: list[int]) -> None:
    card = card_of(RUNNING)
    whole = quote(card, {"rule": "r", "base": sum(rupees)})
    parts = quote(card, *({"rule": "r", "base": each} for each in rupees))
    assert parts.total_minor == whole.total_minor


@given(st.lists(st.integers(1, 50_000_000), min_size=1, max_size=12))
def test_a_split_into_odd_paise_moves_the_total_by_rounding_alone(minors: list[int]) -> None:
    card = card_of(RUNNING)
    whole = quote(card, {"rule": "r", "base": plain(sum(minors), "INR")})
    parts = quote(card, *({"rule": "r", "base": plain(each, "INR")} for each in minors))
    assert abs(parts.total_minor - whole.total_minor) <= (len(minors) + 1) / 2


@given(st.integers(1, 10**9), st.integers(0, 10**9))
def test_taking_money_back_takes_back_what_it_earned(minor: int, before: int) -> None:
    card = card_of(RUNNING)
    base = plain(minor, "INR")
    drivers = {"running_total": plain(before, "INR")}
    quoted = quote(card, {"rule": "r", "base": base}, {"rule": "r", "base": "-" + base}, drivers=drivers)
    assert quoted.total_minor == 0


@given(st.lists(st.tuples(st.integers(1, 10**8), st.sampled_from(["PL", "CC", "XX"])), max_size=20))
def test_steps_and_paid_lines_sum_to_the_total(lines: list[tuple[int, str]]) -> None:
    cap = {"per": "account", "amount": "100"}
    card = card_of(
        {"id": "pl", "when": {"product": ["PL"]}, "slabs": [{"from": 0, "rate": "0.0725"}], "cap": cap},
        {"id": "cc", "when": {"product": ["CC"]}, "slabs": [{"from": 0, "rate": "0.125"}]},
        agency={"cap": "5000", "blended_cap_rate": "0.08", "holdback": {"rate": "0.05"}},
    )
    given_lines = [{"amount": plain(minor, "INR"), "product": product, "account": product} for minor, product in lines]
    quoted = quote(card, *given_lines)
    assert sum(Decimal(step["amount"]) for step in quoted.steps) == Decimal(plain(quoted.total_minor, "INR"))
    assert [line.unpaid for line in quoted.lines] == ["no_rule" if product == "XX" else None for _, product in lines]


def test_the_slab_boundary_belongs_to_the_slab_it_opens() -> None:
    slabs = [{"from": 0, "rate": "0.04"}, {"from": "70.5", "rate": "0.08"}]
    card = card_of({"id": "r", "driver": "resolution_pct_pos", "slabs": slabs})
    for value, expected in (("70.49", "4.00"), ("70.5", "8.00"), ("70.51", "8.00"), ("0", "4.00"), ("100", "8.00")):
        assert totals(quote(card, {"rule": "r", "base": 100}, drivers={"resolution_pct_pos": value}))[0] == expected


def test_the_first_rule_that_fits_prices_the_line() -> None:
    one = {"id": "one", "when": {"product": ["PL"], "dpd_days": [30, 60]}, "slabs": [{"rate": "0.1"}]}
    card = card_of(one, {"id": "two", "slabs": [{"rate": "0.2"}]})
    lines = [{"product": "PL", "amount": 100, "dpd_days": days} for days in (29, 30, 59, 60)]
    quoted = quote(card, *lines, {"product": "PL", "amount": 100}, {"product": "CC", "amount": 100, "dpd_days": 40})
    assert [line.rule_id for line in quoted.lines] == ["two", "one", "one", "two", "two", "two"]


def test_a_sum_over_many_accounts_has_no_account_cap_and_a_known_account_has() -> None:
    card = card_of(flat("0.1", cap={"per": "account", "amount": "50"}))
    assert totals(quote(card, {"rule": "r", "base": 1000}))[0] == "100.00"
    same = [{"rule": "r", "base": 400, "loan_account_no": "A"}, {"rule": "r", "base": 400, "loan_account_no": "A"}]
    quoted = quote(card, *same, {"rule": "r", "base": 400, "loan_account_no": "B"})
    assert totals(quoted) == ("90.00", ["40.00", "40.00", "40.00"])
    assert [step["amount"] for step in quoted.steps if step["step"] == "cap"] == ["-30.00"]


def test_caps_and_floors_of_rule_and_agency_are_steps_of_their_own() -> None:
    card = card_of(flat("0.1", cap={"per": "rule", "amount": "150"}, floor={"per": "rule", "amount": "20"}))
    assert totals(quote(card, {"rule": "r", "base": 1000}, {"rule": "r", "base": 1000}))[0] == "150.00"
    assert totals(quote(card, {"rule": "r", "base": 100}))[0] == "20.00"


def test_a_floor_never_pays_more_than_the_money_it_is_paid_on() -> None:
    card = card_of(flat("0.1", floor={"per": "line", "amount": "20", "at_most": "base"}))
    quoted = quote(card, *({"rule": "r", "base": base} for base in ("500", "200.10", "199.90", "20", "19.99", "0.01")))
    assert totals(quoted)[1] == ["50.00", "20.01", "20.00", "20.00", "19.99", "0.01"]


def test_below_the_qualifier_nothing_is_payable_not_even_the_guarantee() -> None:
    level = {
        "qualifier": {"driver": "resolution_pct_pos", "at_least": 60},
        "minimum_guarantee": {"amount": "500"},
    }
    card = card_of(flat("0.1"), agency=level)
    line = {"rule": "r", "base": 1000}
    assert totals(quote(card, line, drivers={"resolution_pct_pos": "59.99"}))[0] == "0.00"
    assert totals(quote(card, line, drivers={"resolution_pct_pos": "60"}))[0] == "500.00"


def test_a_separate_recovery_is_due_but_taxes_see_the_fee_without_it() -> None:
    penalty = {"id": "p", "event": "complaint", "amount": "30", "treatment": "separate_recovery"}
    quoted = quote(
        card_of(flat("0.1"), penalty=[penalty]), {"rule": "r", "base": 1000}, events=[{"event": "complaint"}]
    )
    assert (quoted.total_minor, quoted.fee_minor) == (7000, 10000)
    reduced = card_of(flat("0.1"), penalty=[penalty | {"treatment": "fee_reduction"}])
    quoted = quote(reduced, {"rule": "r", "base": 1000}, events=[{"event": "complaint"}])
    assert (quoted.total_minor, quoted.fee_minor) == (7000, 7000)


def test_a_penalty_by_rate_counts_days_when_the_card_says_so() -> None:
    penalty = {"id": "p", "event": "late_deposit", "rate": "0.01", "per_day": True}
    card = card_of(flat("0.1"), penalty=[penalty])
    quoted = quote(card, events=[{"event": "late_deposit", "amount": "1000", "days": 3}])
    assert totals(quoted)[0] == "-30.00"
    with pytest.raises(Invalid):
        quote(card, events=[{"event": "late_deposit"}])


def test_bonuses_found_among_the_lines_ask_for_their_own_facts() -> None:
    bonus = {
        "id": "b",
        "condition": {"driver": "rollback_pct_pos", "at_least": 8},
        "applies_to": {"outcome": ["rolled_back"]},
        "rate": "0.01",
    }
    card = card_of(flat("0.1"), bonus=[bonus])
    lines = [
        {"amount": 1000, "outcome": "rolled_back"},
        {"amount": 500, "outcome": "stabilised"},
        {"rule": "r", "base": 7},
    ]
    assert totals(quote(card, *lines, drivers={"rollback_pct_pos": 8}))[0] == "160.70"
    assert totals(quote(card, *lines, drivers={"rollback_pct_pos": "7.99"}))[0] == "150.70"
    assert totals(quote(card, *lines))[0] == "150.70"


def test_drivers_may_be_stated_per_pool() -> None:
    slabs = [{"from": 0, "rate": "0.1"}, {"from": 70, "rate": "0.2"}]
    rule = {"id": "r", "driver": "resolution_pct_pos", "driver_scope": "agency+opening_bucket", "slabs": slabs}
    drivers = {"resolution_pct_pos": {"31-60": 69, "61-90": 70}}
    lines = [{"amount": 100, "opening_bucket": bucket} for bucket in ("31-60", "61-90")]
    assert totals(quote(card_of(rule), *lines, drivers=drivers))[1] == ["10.00", "20.00"]
    with pytest.raises(Invalid) as refused:
        quote(card_of(rule), {"amount": 100, "opening_bucket": "91+"}, drivers=drivers)
    assert refused.value.problems[0].code == "missing_driver"
    assert refused.value.problems[0].column == "lines[1]"


def test_accounts_are_paid_per_account_and_marginally_by_their_count() -> None:
    slabs = [{"from": 0, "amount": "30"}, {"from": 10, "amount": "40"}]
    rule = {"id": "r", "earns_on": "account", "driver": "account_count", "mode": "marginal", "slabs": slabs}
    assert totals(quote(card_of(rule), {"rule": "r", "count": 12}))[0] == "380.00"
    assert totals(quote(card_of(rule | {"mode": "whole"}), {"rule": "r", "count": 12}))[0] == "480.00"
    assert totals(quote(card_of(rule), *({"rule": "r", "loan_account_no": str(n)} for n in range(12))))[0] == "380.00"


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"lines": [{"rule": "nope", "base": 1}]}, "unknown_rule"),
        ({"lines": [{"rule": "r"}]}, "missing"),
        ({"lines": [{"rule": "r", "base": "1.005"}]}, "bad_amount"),
        ({"lines": [{"rule": "r", "base": 1, "currency": "USD"}]}, "mixed_currency"),
        ({"lines": [{"amount": 1, "mode": "barter"}]}, "unknown_mode"),
        ({"drivers": {"luck": 1}}, "unknown_driver"),
        ({"drivers": {"score": 101}}, "out_of_range"),
        ({"drivers": {"account_count": "1.5"}}, "not_whole"),
        ({"linse": []}, "unknown_key"),
        ({"lines": [{"bonus": "b", "base": 1}]}, "unknown_bonus"),
    ],
)
def test_facts_that_make_no_sense_are_refused(facts: dict[str, Any], code: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_facts(facts, card_of(flat("0.1")))
    assert code in {problem.code for problem in refused.value.problems}


def test_months_of_age_are_counted_from_the_dates_of_the_line() -> None:
    rule = {"id": "r", "when": {"npa_age_months": [12, 24]}, "slabs": [{"rate": "0.1"}]}
    lines = [{"amount": 100, "npa_on": "2025-10-15", "collected_on": day} for day in ("2026-10-14", "2026-10-15")]
    assert [line.unpaid for line in quote(card_of(rule), *lines).lines] == ["no_rule", None]


def test_currencies_without_or_with_three_decimals_round_to_their_own_minor_unit() -> None:
    for currency, base, expected in (("JPY", "1005", "101"), ("KWD", "1.005", "0.101"), ("KES", "10.05", "1.01")):
        card, _ = examine({"code": "C", "currency": currency, "effective_from": "2026-04-01", "rule": [flat("0.1")]})
        assert plain(quote(card, {"rule": "r", "base": base}).total_minor, currency) == expected


def test_splitting_reaches_back_below_nothing() -> None:
    from payouts.rate_cards.pricing import split

    slabs = card_of(RUNNING).rules[0].slabs
    assert split(slabs, Fraction(-500), Fraction(100_500)) == [(slabs[0], Fraction(100_500)), (slabs[1], Fraction(500))]


def test_what_is_typed_must_not_quietly_mean_nothing() -> None:
    card = card_of(flat("0.1"))
    facts = {
        "drivers": {"resolution_pct_po": 70},
        "lines": [{"rule": "r", "base": "10.00", "opning_bucket": "31-60", "receipt_no": "R1", "zzz": 1}],
        "events": [{"event": "visit", "cuont": 2}],
    }
    with pytest.raises(Invalid) as wrong:
        read_facts(facts, card, strict=True)
    found = {problem.column: problem.cure for problem in wrong.value.problems}
    assert set(found) == {"drivers.resolution_pct_po", "lines[1].opning_bucket", "lines[1].zzz", "events[1].cuont"}
    assert found["lines[1].opning_bucket"] == "Did you mean `opening_bucket`?"
    assert found["events[1].cuont"] == "Did you mean `count`?"
    assert found["drivers.resolution_pct_po"].startswith("Did you mean 'resolution_pct_pos'?")
    # A card's own examples may say more than prices.
    del facts["drivers"]
    assert read_facts(facts, card).lines[0].base_minor == 1000
