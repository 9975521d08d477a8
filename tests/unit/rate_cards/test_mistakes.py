"""A card with every kind of mistake: all of them are listed at once, each with its place, and nothing is priced by it."""

from __future__ import annotations

import pytest

from payouts.rate_cards.checking import check_card
from payouts.rate_cards.parsing import read_card
from portal.kernel.errors import Invalid

EVERY_KIND = """
code = "a card"
currency = "rupees"
effective_from = 2026-04-01
effective_to = 2026-03-01
effective_by = "birthday"
rounding = "down"
colour = "red"
rule = [
  {id = "one", driver = "resolution", slabs = [ {from = 5, rate = "1.5"}, {from = 3, rate = "-0.1"}, {from = 3} ]},
  {id = "one", mode = "marginal", driver = "score", slabs = [ {from = 0, rate = "0.1"} ]},
  {id = "two", cap = {per = "line", amount = "-5"}, floor = {per = "planet", amount = "USD 5"}, slabs = [ {rate = "0.1", amount = "5"} ]},
  {id = "three", lag = [ {within_days = 3, factor = "1"}, {within_days = 1, factor = "90"} ], slabs = [ {rate = "five"} ]},
  {id = "four", when = { outcome = ["cured"], dpd_days = [60, 30], prodct = ["PL"] }, slabs = [ {from = 0, to = 5, rate = "0.1"} ]},
  {id = "five", earns_on = "account", components = ["principal"], slabs = [ {from = 0, amount = "1.001"}, {from = 9, amount = "2"} ]},
]
[[bonus]]
id = "b"
condition = { driver = "score" }
[[penalty]]
id = "p"
amount = "5"
treatment = "shouting"
[agency]
qualifier = { driver = "score", at_least = 101 }
multiplier = { driver = "score", slabs = [] }
cap = "-1"
blended_cap_rate = "25"
minimum_guarantee = { recoverable = "yes" }
holdback = { rate = "0.05", release_after_days = 2.5 }
clawback = { rate = "current" }
[[case]]
name = "nothing expected"
facts = {}
expect = {}
"""
EXPECTED = {
    ("bad_code", "code"),
    ("bad_currency", "currency"),
    ("dates_out_of_order", "effective_to"),
    ("unknown_value", "effective_by"),
    ("unknown_value", "rounding"),
    ("unknown_key", "colour"),
    ("duplicate_id", "rule[one]"),
    ("unknown_driver", "rule[one].driver"),
    ("gap", "rule[one].slabs[1].from"),
    ("rate_above_one", "rule[one].slabs[1].rate"),
    ("from_out_of_order", "rule[one].slabs[2].from"),
    ("negative", "rule[one].slabs[2].rate"),
    ("from_out_of_order", "rule[one].slabs[3].from"),
    ("rate_or_amount", "rule[one].slabs[3]"),
    ("marginal_unit", "rule[one].mode"),
    ("negative", "rule[two].cap.amount"),
    ("unknown_value", "rule[two].floor.per"),
    ("mixed_currency", "rule[two].floor.amount"),
    ("rate_or_amount", "rule[two].slabs[1]"),
    ("from_out_of_order", "rule[three].lag[2].within_days"),
    ("factor_too_high", "rule[three].lag[2].factor"),
    ("bad_number", "rule[three].slabs[1].rate"),
    ("unknown_value", "rule[four].when.outcome"),
    ("from_out_of_order", "rule[four].when.dpd_days"),
    ("unknown_key", "rule[four].when.prodct"),
    ("gap", "rule[four].slabs[1].to"),
    ("components_without_cash", "rule[five].components"),
    ("bad_amount", "rule[five].slabs[1].amount"),
    ("no_driver", "rule[five].slabs"),
    ("rate_or_amount", "bonus[b]"),
    ("missing", "bonus[b].condition.at_least"),
    ("missing", "penalty[p].event"),
    ("unknown_value", "penalty[p].treatment"),
    ("out_of_range", "agency.qualifier.at_least"),
    ("missing", "agency.multiplier.slabs"),
    ("negative", "agency.cap"),
    ("rate_above_one", "agency.blended_cap_rate"),
    ("missing", "agency.minimum_guarantee.amount"),
    ("bad_flag", "agency.minimum_guarantee.recoverable"),
    ("not_whole", "agency.holdback.release_after_days"),
    ("unknown_value", "agency.clawback.rate"),
    ("missing", "case[nothing expected].expect.total"),
}


def test_every_kind_of_mistake_is_listed_at_once_with_its_place() -> None:
    found = check_card(EVERY_KIND)
    assert {(problem.code, problem.column) for problem in found.problems} == EXPECTED
    assert {finding.field for finding in found.findings} == {place for _, place in EXPECTED}
    assert not found.ok
    assert not any(case["ok"] for case in found.cases)


def test_such_a_card_is_never_priced_by() -> None:
    with pytest.raises(Invalid) as refused:
        read_card(EVERY_KIND)
    assert len(refused.value.problems) >= len(EXPECTED)
