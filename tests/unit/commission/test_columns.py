"""A month by the column is the month line by line: the same lines to the last byte, the same reasons, the same promises."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from payouts.commission.bulk import group_lines, price_group
from payouts.commission.columns.again import columns_bulk, payments_of
from payouts.commission.columns.agencies import earn_all
from payouts.commission.columns.money import columns_of, facts_texts
from payouts.commission.columns.tables import agency_table
from payouts.commission.engine import Agency, compute_agencies, facts_by_agency
from payouts.commission.extras import group_extras
from payouts.commission.hashing import canonical, line_text
from payouts.commission.inputs import AccountFact, EventFact, Inputs, Money, Waiting
from payouts.commission.outcome import Earned
from payouts.rate_cards.parsing import examine
from payouts.rate_cards.pricing_columns.lines import Unfit
from payouts.rate_cards.versions import Version
from portal.kernel.errors import Invalid
from portal.kernel.money import plain
from portal.kernel.periods import parse_month
from tests.unit.rate_cards.random_cards import BUCKETS, COMPONENTS, PRODUCTS, STATES, cards

OCTOBER = parse_month("2026-10")
FIRST = date(2026, 10, 1)
AGENCIES = {7: "SHAKTI", 2: "VEGA", 5: 'A"1'}


@st.composite
def money(draw: Any, place: int) -> Money:
    collected = FIRST + timedelta(days=draw(st.integers(-3, 29)))
    confirmed = collected + timedelta(days=draw(st.integers(0, 5)))
    allocated = FIRST - timedelta(days=draw(st.integers(0, 40)))
    minor = draw(st.integers(1, 900_000))
    mode = draw(st.sampled_from(("upi", "cash", "auto_debit")))
    receipt, ref = f"R{draw(st.integers(1, 9))}-{place}", f'B"{draw(st.integers(1, 30))}'
    facts: dict[str, Any] = {
        "earns_on": "cash",
        "loan_account_no": draw(st.sampled_from(("L1", 'L"2', "L3", "é"))),
        "receipt_no": receipt,
        "bank_ref": ref,
        "amount": plain(minor, "INR"),
        "mode": mode,
        "source": "auto_debit" if mode == "auto_debit" else draw(st.sampled_from(("agency", "direct"))),
        "settlement_kind": draw(st.sampled_from(("none", "ots"))),
        "product": draw(st.sampled_from(PRODUCTS)),
        "opening_bucket": draw(st.sampled_from(BUCKETS)),
        "principal_outstanding": plain(draw(st.integers(0, 10**7)), "INR"),
        "allocated_on": allocated.isoformat(),
        "collected_on": collected.isoformat(),
        "confirmed_on": confirmed.isoformat(),
        "lag_days": (confirmed - collected).days,
    }
    for key, values in (("state", st.sampled_from(STATES)), ("dpd_days", st.integers(0, 120))):
        if draw(st.booleans()):
            facts[key] = draw(values)
    if draw(st.integers(0, 3)) == 0:
        facts |= {"balance_before": plain(draw(st.integers(0, 10**6)), "INR"), "balance_as_of": "2026-09-30"}
    if draw(st.booleans()):
        facts |= {f"component_{name}": plain(draw(st.integers(0, 9_000)), "INR") for name in COMPONENTS}
    rarely = st.integers(0, 9).map(lambda drawn: drawn == 0)
    return Money(
        *(place, place % 7, draw(st.sampled_from(sorted(AGENCIES))), minor, "INR", allocated, collected, confirmed),
        *(receipt, ref, mode, not draw(rarely), draw(rarely), facts),
        told_before=draw(rarely),
        evidence_missing=("photo", "slip") if draw(rarely) else (),
        days_after_term=draw(st.integers(0, 9)) if draw(rarely) else 0,
        before_term=draw(rarely),
        certificate_lapsed=draw(rarely),
    )


@st.composite
def versions(draw: Any, code: str, first: int) -> list[Version]:
    found = []
    for number in range(1, draw(st.integers(1, 2)) + 1):
        data = draw(cards()) | {
            "currency": "INR",
            "effective_by": draw(st.sampled_from(("allocation", "confirmation"))),
        }
        data["effective_from"] = "2026-04-01" if number == 1 else draw(st.sampled_from(("2026-09-20", "2026-10-12")))
        if draw(st.integers(0, 2)) == 0:
            data["agency"] = data["agency"] | {"tail_days": 5}
        card, problems = examine(data)
        assert problems == []
        found.append(Version(first + number, code, number, card, f"sha{code}{number}"))
    return found


@st.composite
def inputs(draw: Any) -> Inputs:
    one, two = draw(versions("C", 0)), draw(versions("B", 10))
    own = draw(st.sampled_from(([[*one]], [[*two], [*one]], [])))
    percent = {
        "resolution_pct_pos": {"": "40", "PL": "70.5"},
        "score": {"": "66"},
        "collection_efficiency_pct": {"": "9"},
    }
    drivers = {each: percent if draw(st.booleans()) else {} for each in AGENCIES}
    count = draw(st.integers(0, 25))
    return Inputs(
        period=OCTOBER,
        agencies=AGENCIES,
        money=[draw(money(place)) for place in range(count)],
        waiting=[Waiting(90, 2, "R90", 100, "INR", "no_bank_line")] if draw(st.booleans()) else [],
        returned=[],
        drivers=drivers,
        cards_of=lambda agency_id, day: own if agency_id == 2 else [[*two], [*one]],
        accounts=[_account(place) for place in range(draw(st.integers(0, 3)))],
        events=[
            _event(place, draw(st.sampled_from(("visit", "complaint")))) for place in range(draw(st.integers(0, 3)))
        ],
        guaranteed={2: [one[0]]} if one[0].card.agency.guarantee and draw(st.booleans()) else {},
        advances={(2, "C"): 5_000},
    )


def _account(place: int) -> AccountFact:
    facts = {"earns_on": "account", "loan_account_no": f"L{place}", "source": "agency", "product": PRODUCTS[place % 3]}
    facts |= {"settlement_kind": "none", "principal_outstanding": "1000.00", "opening_bucket": BUCKETS[0]}
    return AccountFact(place, 7, f"L{place}", "INR", FIRST, OCTOBER.last_day, place != 2, facts)


def _event(place: int, what: str) -> EventFact:
    facts = {"earns_on": "event", "event": what, "ref": f"E{place}", "amount": "100.00", "count": place}
    facts |= {"source": "agency", "settlement_kind": "none"}
    return EventFact(place, 7, f"E{place}", "INR", FIRST, FIRST, facts)


@settings(max_examples=150, deadline=None)
@given(inputs())
def test_columns_say_what_the_engine_says(given_inputs: Inputs) -> None:
    try:
        expected = {each.agency_id: each for each in compute_agencies(given_inputs)}
    except Invalid:
        with pytest.raises(Invalid):
            list(by_columns(given_inputs))
        return
    found = list(by_columns(given_inputs))
    for each, paid in found:
        same(expected.pop(each.agency_id, Earned(each.agency_id, [], [])), each, paid)
    assert not expected


def by_columns(whole: Inputs) -> Any:
    order = sorted(AGENCIES, key=lambda each: AGENCIES[each])
    columns = columns_of(whole.money).ordered({each: place for place, each in enumerate(order)})
    rest = replace(whole, money=[])
    for each in earn_all(rest, facts_by_agency(rest), order, columns):
        yield each.earned, agency_table(each.paid, each.earned.lines, AGENCIES[each.earned.agency_id])


def same(expected: Earned, found: Earned, table: Any) -> None:
    code = AGENCIES[expected.agency_id]
    texts = [line_text(code, line, line.facts_text, line.steps_text) + "\n" for line in expected.lines]
    assert table["text"].to_pylist() == texts
    for row, line in zip(table.to_pylist(), expected.lines, strict=True):
        assert (row["facts"], row["steps"]) == (line.facts_text, line.steps_text)
        named = (line.kind, line.rule_id, line.link_id, line.collection_id, line.version_id, line.event_id)
        assert (
            tuple(
                row[name]
                for name in ("kind", "rule_id", "link_id", "collection_id", "rate_card_version_id", "event_id")
            )
            == named
        )
        sums = (line.agency_id, line.base_minor, line.amount_minor, line.currency, line.credited_on)
        assert (
            tuple(row[name] for name in ("agency_id", "base_minor", "amount_minor", "currency", "credited_on")) == sums
        )
    assert list(found.unpaid) == list(expected.unpaid)
    for name in ("untaken", "groups", "promises"):
        assert list(getattr(found, name)) == list(getattr(expected, name))


@settings(deadline=None)
@given(st.lists(st.integers(0, 99), min_size=1, max_size=9).flatmap(lambda many: st.tuples(*(money(n) for n in many))))
def test_facts_are_written_alike_and_come_back_as_they_were(many: tuple[Money, ...]) -> None:
    columns = columns_of(many)
    assert columns.money() == list(many)
    assert facts_texts(columns, {}).to_pylist() == [canonical(each.facts) for each in many]


def test_facts_that_columns_cannot_hold_are_unfit() -> None:
    base = Money(1, 1, 7, 100, "INR", FIRST, FIRST, FIRST, "R", "B", "upi", True, False, {})
    facts = {
        "allocated_on": "2026-10-01",
        "collected_on": "2026-10-01",
        "confirmed_on": "2026-10-01",
        "receipt_no": "R",
    }
    facts |= {"bank_ref": "B", "amount": "1.00", "mode": "upi"}
    columns_of([replace(base, facts=facts)])
    for odd in ({"amount": "2.00"}, {"mode": "cash"}, {"unheard_of": "x"}, {"amount": "1.0"}, {"dpd_days": "3"}):
        with pytest.raises(Unfit):
            columns_of([replace(base, facts=facts | odd)])
    with pytest.raises(Unfit):
        columns_of([replace(base, facts=facts), replace(base, facts=facts, currency="KES")])


@settings(max_examples=60, deadline=None)
@given(inputs())
def test_stored_groups_are_priced_again_alike_by_both_engines(given_inputs: Inputs) -> None:
    """Payments of one group again: by lines, and as columns."""
    for agency_id, own in facts_by_agency(given_inputs).items():
        agency = Agency(given_inputs, agency_id, own)
        agency.take()
        for name, drivers in agency.needed().items():
            group = agency.groups[name]
            try:
                scalar = price_group(group, drivers)
            except Invalid:
                continue
            bulk = columns_bulk(group, drivers)
            again = [*payments_of(group, bulk), *group_lines(replace(group, money=[]), bulk)[0]]
            expected = group_lines(group, scalar)[0]
            assert [line_text("", line, line.facts_text, line.steps_text) for line in again] == [
                line_text("", line, line.facts_text, line.steps_text) for line in expected
            ]
            extras = [group_extras(group, each, OCTOBER.last_day) for each in (bulk, scalar)]
            assert extras[0] == extras[1]


@settings(max_examples=40, deadline=None)
@given(inputs(), st.randoms(use_true_random=False))
def test_rows_in_any_order_give_the_same_lines(given_inputs: Inputs, chance: Any) -> None:
    shuffled = list(given_inputs.money)
    chance.shuffle(shuffled)
    try:
        one, other = (list(by_columns(replace(given_inputs, money=each))) for each in (given_inputs.money, shuffled))
    except Invalid:
        return
    assert [table["text"].to_pylist() for _, table in one] == [table["text"].to_pylist() for _, table in other]
