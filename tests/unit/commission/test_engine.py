"""The pure engine: any order, same hashes; lines sum to what is shown; terms measured as they say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocations.placements.buckets import Bucket, Scheme
from allocations.placements.outcomes import Outcome as Became
from payouts.commission.engine import compute
from payouts.commission.fact_lines import line_of
from payouts.commission.inputs import Inputs, Money, Returned, Waiting
from payouts.commission.measuring import Held, measure, outcomes, percent_text
from payouts.commission.reasons import REASONS, of_waiting
from payouts.rate_cards.facts import read_line
from payouts.rate_cards.parsing import examine, read_card
from payouts.rate_cards.readiness import unready
from payouts.rate_cards.versions import Term, Version, clash, version_for
from portal.kernel.money import plain
from portal.kernel.periods import parse_month

OCTOBER = parse_month("2026-10")
CARDS = Path(__file__).parents[2] / "cards"
FIRST = date(2026, 10, 1)
AGENCIES = {1: "SHAKTI", 2: "VEGA"}


def version(*rules: dict[str, Any], number: int = 1, **more: Any) -> Version:
    head = {"code": "T", "currency": "INR", "effective_from": "2026-04-01", "rule": list(rules)}
    card, problems = examine(head | more)
    assert problems == []
    return Version(number, "T", number, card, f"sha{number}")


RULES = (
    {"id": "early", "when": {"opening_bucket": ["1-30"]}, "driver": "confirmed_amount", "mode": "marginal",
     "driver_scope": "agency+opening_bucket", "slabs": [{"from": 0, "rate": "0.015"}, {"from": 2000, "rate": "0.0225"}]},
    {"id": "middle", "when": {"opening_bucket": ["31-60"]}, "driver": "resolution_pct_pos",
     "slabs": [{"from": 0, "rate": "0.04"}, {"from": 55, "rate": "0.0625"}], "cap": {"per": "account", "amount": "150"}},
)  # fmt: skip


def money(n: int, minor: int, bucket: str = "31-60", agency: int = 1, day: int = 0, **changes: Any) -> Money:
    on = FIRST + timedelta(days=day)
    facts = {
        "earns_on": "cash",
        "loan_account_no": f"LN{n % 3}",
        "amount": plain(minor, "INR"),
        "mode": "upi",
        "source": "agency",
        "settlement_kind": "none",
        "opening_bucket": bucket,
        "lag_days": 0,
    }
    made = Money(n, n, agency, minor, "INR", FIRST, on, on, f"R{n}", f"B{n}", "upi", True, False, facts)
    return replace(made, **changes)


def inputs(lines: list[Money], card: Version | None = None, **changes: Any) -> Inputs:
    card = card or version(*RULES)
    made = Inputs(
        period=OCTOBER,
        agencies=AGENCIES,
        money=lines,
        waiting=[],
        returned=[],
        drivers={1: {"resolution_pct_pos": {"": "55"}}, 2: {"resolution_pct_pos": {"": "54.999999"}}},
        cards_of=lambda agency_id, day: [[card]],
    )
    return replace(made, **changes)


MONEY = st.builds(
    money,
    n=st.integers(1, 10**6),
    minor=st.integers(1, 10**7),
    bucket=st.sampled_from(["1-30", "31-60", "91+"]),
    agency=st.sampled_from([1, 2]),
    day=st.integers(0, 30),
)


@given(st.lists(MONEY, max_size=30, unique_by=lambda each: each.link_id), st.randoms(use_true_random=False))
def test_the_order_of_rows_changes_neither_lines_nor_hashes(lines: list[Money], chance: Any) -> None:
    shuffled = list(lines)
    chance.shuffle(shuffled)
    one, other = compute(inputs(lines)), compute(inputs(shuffled))
    assert (one.input_hash, one.result_hash) == (other.input_hash, other.result_hash)
    assert one.lines == other.lines


@given(st.lists(MONEY, max_size=30, unique_by=lambda each: each.link_id))
def test_every_rupee_is_in_a_line_or_has_a_reason(lines: list[Money]) -> None:
    outcome = compute(inputs(lines))
    paid = {line.link_id for line in outcome.lines if line.kind == "commission"}
    told = {each.collection_id for each in outcome.unpaid}
    assert paid | told == {each.link_id for each in lines}
    assert all(line.amount_minor for line in outcome.lines if line.link_id in paid - told)
    assert outcome.total_minor == sum(line.amount_minor for line in outcome.lines)
    assert all(each.code in REASONS for each in outcome.unpaid)


def test_anything_that_bears_on_the_result_changes_the_input_hash() -> None:
    lines = [money(1, 1000), money(2, 2000, "1-30")]
    base = compute(inputs(lines)).input_hash
    others = [
        inputs([money(1, 1001), lines[1]]),
        inputs([replace(lines[0], on_hold=True), lines[1]]),
        inputs([replace(lines[0], in_term=False), lines[1]]),
        inputs([replace(lines[0], confirmed_on=FIRST + timedelta(days=1)), lines[1]]),
        inputs(lines, drivers={1: {"resolution_pct_pos": {"": "56"}}}),
        inputs(lines, version(*RULES, number=2)),
        inputs(lines, waiting=[Waiting(9, 1, "R9", 100, "INR", "no_bank_line")]),
        inputs(lines, period=OCTOBER.next()),
    ]
    hashes = [compute(each).input_hash for each in others]
    assert len({base, *hashes}) == len(others) + 1


def test_an_agency_beside_the_boundary_earns_its_own_rate() -> None:
    outcome = compute(inputs([money(1, 10000, agency=1), money(2, 10000, agency=2)]))
    assert {AGENCIES[line.agency_id]: line.amount_minor for line in outcome.lines} == {"SHAKTI": 625, "VEGA": 400}


def test_marginal_slabs_fill_within_one_agency_and_bucket() -> None:
    lines = [money(1, 150000, "1-30", day=2), money(2, 100000, "1-30", day=1), money(3, 999999, "1-30", agency=2)]
    outcome = compute(inputs(lines))
    amounts = {line.link_id: line.amount_minor for line in outcome.lines}
    assert (amounts[2], amounts[1]) == (1500, 1500 + 1125)


def test_below_the_qualifier_nothing_is_payable_and_an_unknown_one_is_not_met() -> None:
    rule = {"id": "r", "slabs": [{"rate": "0.1"}]}
    card = version(rule, agency={"qualifier": {"driver": "resolution_pct_pos", "at_least": 55}})
    outcome = compute(inputs([money(1, 10000), money(2, 10000, agency=2)], card))
    assert [(AGENCIES[line.agency_id], line.kind, line.amount_minor) for line in outcome.lines] == [
        ("SHAKTI", "commission", 1000),
        ("VEGA", "commission", 1000),
        ("VEGA", "adjustment", -1000),
    ]
    assert [each.code for each in compute(inputs([money(1, 10000)], card, drivers={})).unpaid] == ["not_measured"]


def test_a_card_in_another_currency_never_prices() -> None:
    outcome = compute(inputs([money(1, 1000)], version(*RULES, currency="KES")))
    assert [each.code for each in outcome.unpaid] == ["no_rule"]


def test_a_clawback_follows_the_version_that_paid() -> None:
    back = Returned(
        5, 6, 1, 7, "A2609.1-00001", "S2609-SHAKTI", 1, "middle", 10000, 400, "INR", date(2026, 9, 20), FIRST, "R", ""
    )
    windows: dict[int, int | None] = {1: 11}
    (line,) = compute(inputs([], returned=[back], clawback_windows=windows)).lines
    assert (line.kind, line.amount_minor, line.base_minor, line.clawback_of_id) == ("clawback", -400, -10000, 7)
    assert compute(inputs([], returned=[back], clawback_windows={1: 10})).lines == []


@given(
    st.fixed_dictionaries(
        {
            "earns_on": st.just("cash"),
            "loan_account_no": st.text("LN01", min_size=1),
            "amount": st.integers(1, 10**12).map(lambda minor: plain(minor, "INR")),
            "mode": st.sampled_from(["cash", "upi", "auto_debit"]),
            "source": st.sampled_from(["agency", "auto_debit"]),
            "settlement_kind": st.just("none"),
            "lag_days": st.integers(0, 400),
        },
        optional={
            "product": st.sampled_from(["PL", "CC"]),
            "opening_bucket": st.just("31-60"),
            "outcome": st.sampled_from([each.value for each in Became]),
            "dpd_days": st.integers(0, 999),
            "npa_age_months": st.integers(0, 200),
            "principal_outstanding": st.integers(0, 10**12).map(lambda minor: plain(minor, "INR")),
            "component_principal": st.integers(0, 10**9).map(lambda minor: plain(minor, "INR")),
            "collected_on": st.just("2026-10-10"),
            "confirmed_on": st.just("2026-10-11"),
            "receipt_no": st.text("R0", min_size=1),
        },
    )
)
def test_the_short_way_to_a_line_is_the_careful_way(facts: dict[str, Any]) -> None:
    assert line_of(facts, "INR") == read_line(facts, version(*RULES).card)


# --- versions


def test_each_version_is_picked_by_its_own_date_on_both_sides_of_the_boundary() -> None:
    old = version(*RULES, effective_to="2026-09-30")
    new = version(*RULES, number=2, effective_from="2026-10-01", effective_by="confirmation")
    days = {"allocation": date(2026, 9, 30), "collection": date(2026, 9, 30), "confirmation": date(2026, 9, 30)}
    assert version_for([old, new], days) == old
    assert version_for([old, new], days | {"confirmation": FIRST}) == new
    assert version_for([old, new], dict.fromkeys(days, date(2026, 3, 31))) is None
    late = {"allocation": FIRST, "collection": FIRST, "confirmation": date(2026, 9, 30)}
    assert version_for([old, new], late) is None


def test_an_open_version_gives_way_to_the_next_and_days_are_never_shared() -> None:
    opened, ended = Term(1, date(2026, 4, 1), None), Term(1, date(2026, 4, 1), date(2026, 9, 30))
    assert clash(Term(2, FIRST, None), [opened]) is None
    assert clash(Term(2, FIRST, None), [ended]) is None
    assert clash(Term(2, date(2026, 9, 30), None), [ended]) == ended
    assert clash(Term(2, date(2026, 4, 1), None), [opened]) == opened
    assert clash(Term(2, date(2026, 3, 1), date(2026, 4, 1)), [opened]) == opened
    assert clash(Term(2, date(2026, 3, 1), date(2026, 3, 31)), [opened]) is None


# --- measures

SPANS = (("X", 0, 0), ("1-30", 1, 30), ("31-60", 31, 60), ("61+", 61, None))
SCHEME = Scheme(1, date(2020, 1, 1), tuple(Bucket(*span, "") for span in SPANS))


def held(number: int, dpd: int | None, principal: int = 100, product: str = "PL", bucket: str = "31-60") -> Held:
    return Held(number, product, bucket, principal, 1000, dpd)


@pytest.mark.parametrize(
    ("dpd", "became"),
    [(0, Became.NORMALISED), (1, Became.ROLLED_BACK), (30, Became.ROLLED_BACK), (31, Became.STABILISED),
     (60, Became.STABILISED), (61, Became.ROLLED_FORWARD), (None, None)],
)  # fmt: skip
def test_an_account_is_judged_on_its_frozen_opening(dpd: int | None, became: Became | None) -> None:
    assert outcomes([held(1, dpd)], SCHEME) == {1: became}


def test_pools_weigh_opening_principal_and_count_what_nobody_saw_as_lost() -> None:
    pool = [held(1, 0, 300), held(2, 20, 100), held(3, 45, 200), held(4, 90, 100), held(5, None, 300, "CC")]
    drivers = measure(pool, outcomes(pool, SCHEME), {("PL", "31-60"): 2500, ("CC", "31-60"): 100})
    assert drivers["resolution_pct_pos"] == {"": "60", "31-60": "60", "PL": percent_text(Fraction(600, 7))}
    assert drivers["rollback_pct_pos"][""] == "40"
    assert drivers["resolution_pct_count"][""] == "60"
    assert drivers["collection_efficiency_pct"] == {"": "52", "31-60": "52", "PL": "62.5", "CC": "10"}


def test_a_pool_nobody_saw_is_not_measured() -> None:
    pool = [held(1, None)]
    assert "resolution_pct_pos" not in measure(pool, outcomes(pool, SCHEME), {})


@given(st.integers(0, 10**9), st.integers(1, 10**9), st.decimals(0, 100, places=6))
def test_a_percentage_in_text_meets_thresholds_exactly_as_the_true_share(part: int, whole: int, at: Any) -> None:
    share = min(Fraction(part * 100, whole), Fraction(100))
    assert (Fraction(percent_text(share)) >= Fraction(at)) == (share >= Fraction(at))


# --- reasons and readiness


def test_a_waiting_suggestion_comes_first_and_a_return_before_the_rest() -> None:
    assert of_waiting(suggested=True, breaks=frozenset({"R09"}), undone=True) == "suggestion_waits"
    assert of_waiting(suggested=False, breaks=frozenset({"R01", "R09", "R04"}), undone=False) == "reversed"
    assert of_waiting(suggested=False, breaks=frozenset({"R12", "R01"}), undone=False) == "not_allocated"
    assert of_waiting(suggested=False, breaks=frozenset(), undone=True) == "reversed"
    assert of_waiting(suggested=False, breaks=frozenset({"R10"}), undone=False) == "no_bank_line"


def test_every_reason_names_owner_and_cure() -> None:
    assert all(reason.meaning and reason.owner and reason.cure.endswith(".") for reason in REASONS.values())


@pytest.mark.parametrize(
    "more",
    [
        {"rule": [{"id": "a", "earns_on": "event", "when": {"event": ["visit"], "outcome": ["normalised"]}, "slabs": [{"amount": "5"}]}]},
        {"rule": [{"id": "a", "earns_on": "account", "when": {"mode": ["cash"]}, "slabs": [{"amount": "5"}]}]},
        {"rule": [{"id": "a", "earns_on": "account", "when": {"lag_days": [0, 2]}, "slabs": [{"amount": "5"}]}]},
        {"rule": [{"id": "a", "earns_on": "account", "driver": "balance_before", "slabs": [{"from": 0, "amount": "5"}]}]},
        {"rule": [{"id": "a", "earns_on": "event", "slabs": [{"amount": "5"}], "lag": [{"factor": "1"}]}]},
        {"bonus": [{"id": "b", "condition": {"driver": "line_amount", "at_least": 80}, "rate": "0.01"}]},
        {"agency": {"qualifier": {"driver": "balance_before", "at_least": 60}}},
        {"agency": {"multiplier": {"driver": "line_amount", "slabs": [{"from": 0, "factor": "1"}]}}},
    ],
)  # fmt: skip
def test_what_no_accrual_could_apply_is_named(more: dict[str, Any]) -> None:
    rules = more.pop("rule", [{"id": "a", "slabs": [{"rate": "0.1"}]}])
    assert len(unready(version(*rules, **more).card)) == 1
    assert unready(version(*RULES).card) == []


@pytest.mark.parametrize("name", ["a_whole.toml", "b_written_off.toml", "c_bank_npa.toml", "d_field.toml", "e_quality.toml",
                                  "f_contingency.toml", "g_kenya.json", "house.toml", "payments.toml"])  # fmt: skip
def test_every_card_of_ours_can_be_accrued_by(name: str) -> None:
    assert unready(read_card((CARDS / name).read_text())) == []


def test_missing_evidence_takes_the_place_of_the_line_and_older_hashes_hold() -> None:
    lines = [money(1, 100_00), money(2, 200_00)]
    without = compute(inputs(lines))
    assert without.input_hash == OF_ISSUE_TWO
    outcome = compute(inputs([lines[0], replace(lines[1], evidence_missing=("receipt",))]))
    assert [(each.code, each.detail) for each in outcome.unpaid] == [("evidence_missing", {"kinds": ["receipt"]})]
    assert [line.collection_id for line in outcome.lines] == [1]
    assert outcome.input_hash != without.input_hash


# The hash of these two receipts as it was computed before evidence could be required.
OF_ISSUE_TWO = "cb3c84985a96a94023f55f6a808a99eb448f3bb438cef8b8695acb575f75c19b"
