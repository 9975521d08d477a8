"""Rules in force on a day, and a lender's own position in front of the shipped one."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest

from payouts.tax.packs import NATURES, SALES_TAX_RULES, WITHHOLDING_RULES, nature_of
from payouts.tax.rules import Override, first_in_force, overridden
from payouts.tax.withholding import rule_on, withhold

INDIAN = [rule for rule in WITHHOLDING_RULES if (rule.country, rule.nature) == ("IN", "commission")]


@pytest.mark.parametrize("country", sorted(NATURES))
def test_of_every_nature_rules_follow_each_other_without_gap_or_overlap(country):
    for nature in NATURES[country]:
        rules = [rule for rule in WITHHOLDING_RULES if (rule.country, rule.nature) == (country, nature)]
        assert rules and rules[-1].effective_to is None
        for before, after in pairwise(rules):
            assert before.effective_to is not None
            assert (after.effective_from - before.effective_to).days == 1


def test_every_rule_names_its_source():
    assert all(rule.source for rule in (*WITHHOLDING_RULES, *SALES_TAX_RULES))


def ten_percent(since, until=None, rate="0.10"):
    return Override(since, until, "Board note 7", {"rate": Decimal(rate), "section": "194J"})


@pytest.mark.parametrize(
    ("day", "rate", "is_own"),
    [
        (date(2025, 6, 30), "0.02", False),
        (date(2025, 7, 1), "0.10", True),
        (date(2026, 3, 31), "0.10", True),
        (date(2026, 4, 1), "0.10", True),
        (date(2026, 6, 30), "0.10", True),
        (date(2026, 7, 1), "0.12", True),
        (date(2026, 9, 30), "0.12", True),
        (date(2026, 10, 1), "0.10", True),
    ],
)
def test_the_newest_position_that_holds_stands_first(day, rate, is_own):
    newer = ten_percent(date(2026, 7, 1), date(2026, 9, 30), "0.12")
    rules = overridden(INDIAN, [ten_percent(date(2025, 7, 1)), newer])
    rule = rule_on("IN", day, rules)
    assert rule is not None
    assert (str(rule.rate), rule.is_own, rule.source == "Board note 7") == (rate, is_own, is_own)


def test_a_position_keeps_what_it_does_not_change():
    rules = overridden(INDIAN, [ten_percent(date(2024, 1, 1))])
    september, october = (rule_on("IN", day, rules) for day in (date(2024, 9, 30), date(2025, 4, 1)))
    assert september is not None and october is not None
    assert (september.threshold_minor, october.threshold_minor) == (15_000_00, 20_000_00)
    assert withhold(15_001_00, date(2024, 9, 30), has_tax_id=True, rules=rules).amount_minor == 1_500_00


def test_a_position_that_says_what_the_rule_says_is_the_rule():
    rules = overridden(INDIAN, [Override(date(2026, 4, 1), None, "Again", {"rate": Decimal("0.02")})])
    assert not rules[0].is_own and rules[0].source == INDIAN[-1].source


def test_rules_of_other_countries_are_no_rules_here():
    assert first_in_force(SALES_TAX_RULES, "US", date(2026, 4, 1)) is None
    assert (nature_of("US"), nature_of("KE"), nature_of("IN", "contractual")) == ("", "agency", "commission")
