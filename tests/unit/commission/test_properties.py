"""What holds of every month, whatever is in it: order does not matter, splitting does not pay, nothing is lost."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from payouts.commission.engine import compute
from payouts.commission.fact_lines import line_of
from payouts.commission.inputs import AccountFact, Adjusted, EventFact, HeldBack, Inputs, Money
from payouts.commission.measuring import Month
from payouts.rate_cards.agency_level import price
from payouts.rate_cards.facts import Facts, read_drivers
from payouts.rate_cards.parsing import examine
from payouts.rate_cards.versions import Version
from payouts.settlements.composition import EARNED_KINDS
from portal.kernel.money import plain
from portal.kernel.periods import parse_month

OCTOBER = parse_month("2026-10")
FIRST = date(2026, 10, 1)
AGENCIES = {1: "SHAKTI", 2: "VEGA"}
BUCKETS = ("1-30", "31-60", "61-90", "91+")
CARD = {
    "code": "T", "currency": "INR", "effective_from": "2026-04-01",
    "rule": [
        {"id": "early", "when": {"opening_bucket": ["1-30"]}, "driver": "running_total", "mode": "marginal",
         "driver_scope": "agency+opening_bucket", "slabs": [{"from": 0, "rate": "0.015"}, {"from": 2000, "rate": "0.0225"}]},
        {"id": "middle", "when": {"opening_bucket": ["31-60"]}, "driver": "resolution_pct_pos",
         "slabs": [{"from": 0, "rate": "0.04"}, {"from": 55, "rate": "0.0625"}], "cap": {"per": "account", "amount": "150"}},
        {"id": "scored", "when": {"opening_bucket": ["61-90"]}, "driver": "score", "slabs": [{"from": 0, "rate": "0.01"}]},
        {"id": "saved", "earns_on": "account", "when": {"outcome": ["stabilised"]}, "driver": "account_count",
         "mode": "marginal", "slabs": [{"from": 0, "amount": "75"}, {"from": 2, "amount": "40"}]},
        {"id": "visit", "earns_on": "event", "when": {"event": ["visit"]}, "slabs": [{"amount": "150"}]},
    ],
    "bonus": [{"id": "much", "condition": {"driver": "confirmed_amount", "at_least": 5000}, "rate": "0.01"}],
    "penalty": [{"id": "late", "event": "late", "amount": "500"},
                {"id": "lost", "event": "lost", "amount": "300", "treatment": "separate_recovery"}],
    "agency": {"blended_cap_rate": "0.10", "minimum_guarantee": {"amount": "700", "recoverable": True},
               "holdback": {"rate": "0.05", "release_after_days": 60}},
}  # fmt: skip


def card(**changes: Any) -> Version:
    read, problems = examine(CARD | changes)
    assert problems == []
    return Version(1, "T", 1, read, "sha")


THE_CARD = card()


def money(n: int, minor: int, bucket: str, agency: int, day: int) -> Money:
    on = FIRST + timedelta(days=day)
    facts = {
        "earns_on": "cash",
        "loan_account_no": f"LN{n % 5}",
        "amount": plain(minor, "INR"),
        "mode": "upi",
        "source": "agency",
        "settlement_kind": "none",
        "opening_bucket": bucket,
        "lag_days": 0,
    }
    return Money(n, n, agency, minor, "INR", FIRST, on, on, f"R{n}", f"B{n}", "upi", True, False, facts)


def account(n: int, agency: int, outcome: str, measured: bool) -> AccountFact:
    facts = {"earns_on": "account", "loan_account_no": f"LN{n}", "source": "agency", "opening_bucket": "31-60"}
    facts |= {"outcome": outcome} if measured else {}
    return AccountFact(n, agency, f"LN{n}", "INR", FIRST, OCTOBER.last_day, measured, facts)


def event(n: int, agency: int, what: str, day: int, count: int) -> EventFact:
    on = FIRST + timedelta(days=day)
    facts = {"earns_on": "event", "event": what, "ref": f"E{n}", "count": count, "days": 1}
    return EventFact(n, agency, f"E{n}", "INR", on, FIRST, facts)


NUMBERS = st.integers(1, 10**6)
AGENCY = st.sampled_from([1, 2])
DAY = st.integers(0, 30)
MONEYS = st.lists(
    st.builds(money, NUMBERS, st.integers(1, 10**7), st.sampled_from(BUCKETS), AGENCY, DAY),
    max_size=12,
    unique_by=lambda each: each.link_id,
)
ACCOUNTS = st.lists(
    st.builds(account, NUMBERS, AGENCY, st.sampled_from(["stabilised", "normalised"]), st.booleans()),
    max_size=6,
    unique_by=lambda each: each.allocation_id,
)
EVENTS = st.lists(
    st.builds(event, NUMBERS, AGENCY, st.sampled_from(["visit", "late", "lost", "odd"]), DAY, st.integers(1, 9)),
    max_size=6,
    unique_by=lambda each: each.event_id,
)


@st.composite
def months(draw: Any) -> Inputs:
    score = draw(st.sampled_from([None, "70"]))
    drivers: dict[int, Any] = {1: {"resolution_pct_pos": {"": "55"}}, 2: {"resolution_pct_pos": {"": "54"}}}
    if score:
        drivers[1]["score"] = {"": score}
    return Inputs(
        period=OCTOBER,
        agencies=AGENCIES,
        money=draw(MONEYS),
        waiting=[],
        returned=[],
        drivers=drivers,
        cards_of=lambda agency_id, day: [[THE_CARD]],
        accounts=draw(ACCOUNTS),
        events=draw(EVENTS),
        adjusted=[Adjusted(1, 2, "J1", "bonus", 100, "INR", OCTOBER.last_day, "Agreed.")]
        if draw(st.booleans())
        else [],
        held_back=[HeldBack(1, "A1", "S1", 500, "INR", FIRST, 1, "T v1")] if draw(st.booleans()) else [],
        months={1: Month(), 2: Month()},
        guaranteed={2: [THE_CARD]},
        advances={(1, "T"): 30_000},
    )


@given(months(), st.randoms(use_true_random=False))
def test_rows_in_any_order_give_the_same_lines_and_hashes(month: Inputs, chance: Any) -> None:
    shuffled = {}
    for name in ("money", "accounts", "events", "adjusted", "held_back"):
        rows = list(getattr(month, name))
        chance.shuffle(rows)
        shuffled[name] = rows
    one, other = compute(month), compute(replace(month, **shuffled))
    assert (one.input_hash, one.result_hash) == (other.input_hash, other.result_hash)
    assert one.lines == other.lines
    assert one.untaken == other.untaken


@given(months())
def test_every_rupee_is_in_a_lines_base_or_told_with_its_reason(month: Inputs) -> None:
    outcome = compute(month)
    in_lines: dict[int, int] = defaultdict(int)
    for line in outcome.lines:
        if line.kind == "commission":
            in_lines[line.collection_id or 0] += line.base_minor
    told = {each.collection_id: each.amount_minor for each in outcome.unpaid}
    for each in month.money:
        assert in_lines.get(each.collection_id) == each.amount_minor or told[each.collection_id] == each.amount_minor
    assert sum(in_lines.values()) + sum(
        minor for collection, minor in told.items() if collection not in in_lines
    ) == sum(each.amount_minor for each in month.money)


@given(months())
def test_every_account_and_event_earns_costs_or_is_told(month: Inputs) -> None:
    outcome = compute(month)
    events = {line.event_id for line in outcome.lines if line.event_id}
    accounts = {line.facts["loan_account_no"] for line in outcome.lines if line.kind == "account_fee"}
    untaken = {(each.what, each.ref) for each in outcome.untaken}
    assert all(each.event_id in events or ("event", each.ref) in untaken for each in month.events)
    assert all(
        each.loan_account_no in accounts or ("account", each.loan_account_no) in untaken for each in month.accounts
    )


@given(months())
def test_lines_add_up_and_promises_hold_whatever_happens(month: Inputs) -> None:
    outcome = compute(month)
    assert outcome.total_minor == sum(line.amount_minor for line in outcome.lines)
    for agency_id in AGENCIES:
        lines = [line for line in outcome.lines if line.agency_id == agency_id and line.version_name]
        fee = sum(
            line.amount_minor
            for line in lines
            if line.kind not in ("holdback", "holdback_release", "separate_recovery")
        )
        if any(line.kind in EARNED_KINDS | {"penalty"} for line in lines) or agency_id == 2:
            assert fee >= 70_000
        held = -sum(line.amount_minor for line in lines if line.kind == "holdback")
        assert 0 <= held <= max(fee, 0) // 20 + 1


@given(months())
def test_an_accrual_is_what_a_quote_of_the_same_facts_says(month: Inputs) -> None:
    outcome = compute(month)
    drivers = {each["agency"]: each["drivers"] for each in outcome.groups}
    for agency_id, code in AGENCIES.items():
        lines = [line for line in outcome.lines if line.agency_id == agency_id and line.version_name]
        own = [line for line in lines if line.kind != "holdback_release"]
        if code not in drivers:
            continue
        priced = [
            line_of(line.facts, "INR", rule=line.facts["rule"], position=place)
            for place, line in enumerate(own, 1)
            if line.kind in ("commission", "account_fee")
        ]
        events = {line.event_id: line_of(line.facts, "INR") for line in own if line.event_id}
        read = read_drivers(drivers[code], THE_CARD.card)
        quote = price(
            THE_CARD.card, Facts(read, tuple(priced), tuple(events.values()), month.advances.get((agency_id, "T"), 0))
        )
        assert quote.total_minor == sum(line.amount_minor for line in own if line.kind != "holdback")
        assert quote.held_minor == -sum(line.amount_minor for line in own if line.kind == "holdback")


@given(st.integers(1, 10**8), st.lists(st.integers(1, 10**7), max_size=8))
def test_any_split_of_one_amount_earns_the_same_on_a_running_total_of_whole_rates(whole: int, cuts: list[int]) -> None:
    """Rates that leave no fraction of a paisa: what is left of a difference is rounding, once a line."""
    rules = [{"id": "r", "driver": "running_total", "mode": "marginal",
              "slabs": [{"from": 0, "rate": "0.01"}, {"from": 3000, "rate": "0.02"}, {"from": 50000, "rate": "0.05"}]}]  # fmt: skip
    plain_card = card(rule=rules, bonus=[], penalty=[], agency={})
    hundreds = whole * 100
    parts, rest = [], hundreds
    for cut in cuts:
        if cut * 100 < rest:
            parts.append(cut * 100)
            rest -= cut * 100
    parts.append(rest)
    totals = []
    for amounts in ([hundreds], parts):
        lines = [money(n, minor, "1-30", 1, 0) for n, minor in enumerate(amounts, 1)]
        world = Inputs(OCTOBER, AGENCIES, lines, [], [], {}, lambda agency_id, day: [[plain_card]])
        totals.append(compute(world).total_minor)
    assert totals[0] == totals[1]
