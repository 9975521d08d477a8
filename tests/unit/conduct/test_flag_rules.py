"""Rules of early warning on both sides of their limits, and what their pages say."""

from __future__ import annotations

import pytest

from allocations.agencies.setting_shapes import faults
from allocations.casework.conduct.flag_facts import SQL
from allocations.casework.conduct.flag_rules import GROUPS, RULES, sentence, settings_rows
from payouts.conduct.flag_facts import SQL as MONEY_SQL

COSTLY = {"cash_minor": 100_000, "others_commission_minor": 5_000, "others_cash_minor": 100_000}
CASES = [
    ("voids", {"void": 2, "receipts": 100}, {"void": 3, "receipts": 100}),
    ("voids", {"void": 19, "receipts": 19}, {"void": 20, "receipts": 20}),
    ("same_minute", {"receipts": 2}, {"receipts": 3}),
    ("round_sums", {"round": 8, "receipts": 10}, {"round": 9, "receipts": 10}),
    ("below_cap", {"receipts": 1}, {"receipts": 2}),
    (
        "cash_share",
        {"receipts": 20, "cash_minor": 80, "total_minor": 100},
        {"receipts": 20, "cash_minor": 81, "total_minor": 100},
    ),
    (
        "cash_share",
        {"receipts": 19, "cash_minor": 100, "total_minor": 100},
        {"receipts": 20, "cash_minor": 100, "total_minor": 100},
    ),
    ("receipt_hours", {"receipts": 0}, {"receipts": 1}),
    ("back_dated", {"receipts": 4}, {"receipts": 5}),
    ("deposit_lag", {"receipts": 2}, {"receipts": 3}),
    ("one_reference", {"accounts": 2}, {"accounts": 3}),
    ("same_place", {"accounts": 2}, {"accounts": 3}),
    ("bulk_after_end", {"pieces": 19}, {"pieces": 20}),
    ("late_promises", {"late": 5, "promises": 10}, {"late": 6, "promises": 10}),
    ("costly", COSTLY | {"commission_minor": 10_000}, COSTLY | {"commission_minor": 10_001}),
    ("payee_changed", {"days": 7}, {"days": 6}),
    ("clawbacks", {"clawbacks": 4}, {"clawbacks": 5}),
]


@pytest.mark.parametrize(("code", "within", "beyond"), CASES)
def test_a_rule_holds_beyond_its_limit_and_not_at_it(code, within, beyond):
    rule = RULES[code]
    assert (rule.holds(within, rule.limits), rule.holds(beyond, rule.limits)) == (False, True)


def test_every_rule_has_a_finder_a_group_and_a_setting_of_its_shape():
    assert set(SQL) | set(MONEY_SQL) | {"gap"} == set(RULES)
    assert {rule.group for rule in RULES.values()} == set(GROUPS)
    for code, value in settings_rows().items():
        assert faults(code, value) == []
        assert faults(code, value | {"on": "perhaps"}) and faults(code, value | {"more": 1})


def test_a_sentence_writes_money_and_shares_as_people_do():
    found = {
        "commission_minor": 1_234_56,
        "cash_minor": 10_000_00,
        "others_commission_minor": 0,
        "others_cash_minor": 0,
    }
    assert sentence(RULES["costly"].says, found, {}).startswith("₹1,234.56 was earned on ₹10,000.00")
    assert sentence(RULES["voids"].against, {}, RULES["voids"].limits) == "More than 2 % of at least 20."
