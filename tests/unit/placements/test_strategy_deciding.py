"""A strategy decided in columns: as the plain reference says, whatever order the accounts come in."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from allocations.placements.strategies.deciding import Decision, decide
from allocations.placements.strategies.draw import parts_of
from allocations.placements.strategies.facts import (
    TEXT,
    Accounts,
    TakerFacts,
    Words,
    accounts_from,
    input_hash,
    taker_from,
)
from allocations.placements.strategies.terms import ARMS, Rule, Taker, Terms
from allocations.placements.strategies.wording import bound_words
from tests.unit.placements.strategy_reference import Reference, Row, by_largest_remainder

CODES = ("A1", "B2", "C3", "D4")
STATES, PRODUCTS, PINCODES = ("27", "29", ""), ("CC", "PL"), ("400001", "400700", "560001", "")


def row(no: str, **values: Any) -> Row:
    return {"no": no, "dpd": 45, "minor": 100_00, **dict.fromkeys(TEXT, ""), **values}


def table(rows: list[Row]) -> pa.Table:
    whole: dict[str, Any] = {
        "loan_account_id": [int(each["no"][2:]) for each in rows],
        "loan_account_no": [each["no"] for each in rows],
        "dpd_days": [each["dpd"] for each in rows],
        "principal_minor": [each["minor"] for each in rows],
    }
    for name in TEXT:
        whole[name] = pa.array([each[name] for each in rows], pa.string())
    return pa.table(whole)


def answers(accounts: Accounts, made: Decision) -> dict[str, tuple[int, str, str, str]]:
    found = made.columns()
    words = {
        name: [column.words[at] for at in column.codes] for name, column in found.items() if isinstance(column, Words)
    }
    return {
        no: (int(made.rule[at]), words["arm"][at], words["taker"][at], words["reason"][at])
        for at, no in enumerate(accounts.numbers)
    }


def taken(made: Decision, accounts: Accounts) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for no, (_, _, taker, _) in answers(accounts, made).items():
        found.setdefault(taker, []).append(no)
    return found


rows_of = st.lists(
    st.fixed_dictionaries(
        {
            "minor": st.one_of(st.integers(-5, 40), st.sampled_from([0, 10**12])),
            "dpd": st.sampled_from([0, 31, 91]),
            "state": st.sampled_from(STATES),
            "product": st.sampled_from(PRODUCTS),
            "pincode": st.sampled_from(PINCODES),
            "bucket": st.sampled_from(["1-30", "31-60"]),
            "region": st.sampled_from(["N", "S"]),
            "before": st.sampled_from(["", *CODES, "Z9"]),
            "stop": st.sampled_from(["", "", "", "", "on_hold"]),
        }
    ),
    max_size=25,
)
maybe = st.none() | st.integers(0, 8)
areas = st.none() | st.frozensets(st.sampled_from(STATES[:2]), max_size=2)
starts = st.none() | st.sampled_from([("400",), ("4007", "5"), ()])
worlds = st.fixed_dictionaries(
    {
        code: st.builds(
            TakerFacts,
            code=st.just(code),
            stops=st.sampled_from([(), (), (("agency_shut", "It is suspended."),)]),
            score=st.sampled_from([None, "69.99", "70.00"]),
            accounts=maybe,
            minor=st.none() | st.integers(0, 60),
            states=areas.map(lambda found: None if found is None else tuple(sorted(found))),
            pincodes=starts,
            products=st.sampled_from([None, None, ("PL",)]),
        )
        for code in CODES
    }
)
taker_sets = st.dictionaries(
    st.sampled_from(CODES),
    st.tuples(
        st.integers(1, 60),
        st.sampled_from(ARMS),
        maybe,
        st.none() | st.integers(0, 60),
        areas,
        starts,
        st.sampled_from([None, None, Decimal(70)]),
    ),
    min_size=1,
)
rules = st.builds(
    lambda takers, words, low, challenger, pincodes: Rule(
        name="R",
        takers=tuple(
            Taker(code, share, arm, capacity, cap, states, pins, None, score)
            for code, (share, arm, capacity, cap, states, pins, score) in takers.items()
        ),
        words=words,
        pincodes=pincodes,
        dpd_from=low,
        challenger=challenger,
    ),
    taker_sets,
    st.sampled_from([{}, {"product": frozenset({"PL"})}, {"state": frozenset({"27", ""})}]),
    st.sampled_from([None, None, 31]),
    st.sampled_from([0, 20, 50]),
    st.sampled_from([(), (), ("400",)]),
)
strategies_of = st.builds(
    Terms,
    kind=st.just("agencies"),
    stream=st.just("field"),
    measure=st.sampled_from(["accounts", "rupees"]),
    mode=st.sampled_from(["sticky", "rotating", "any"]),
    rules=st.lists(rules, min_size=1, max_size=3).map(tuple),
    bands=st.sampled_from([(), (10, 20)]),
)


@settings(max_examples=150, deadline=None)
@given(rows_of, worlds, strategies_of, st.integers(0, 2**31))
def test_columns_say_what_the_reference_says(
    drawn: list[Row], world: dict[str, TakerFacts], terms: Terms, seed: int
) -> None:
    rows = [row(f"LN{at}", **values) for at, values in enumerate(drawn)]
    accounts = accounts_from(table(rows))
    made = decide(terms, accounts, list(world.values()), seed)
    assert answers(accounts, made) == Reference(terms, world, seed).decide(sorted(rows, key=lambda each: each["no"]))
    mixed = rows[:]
    random.Random(seed).shuffle(mixed)
    again = accounts_from(table(mixed))
    last = decide(terms, again, list(world.values())[::-1], seed)
    assert last.result_hash(again.numbers) == made.result_hash(accounts.numbers)
    known = {"terms_sha256": "x", "seed": seed, "from_on": date(2026, 11, 1), "to_on": None}
    ordered = sorted(world.values(), key=lambda each: each.code)
    kept = [taker_from(each.as_json()) for each in ordered]
    assert input_hash(accounts, ordered, **known) == input_hash(again, kept, **known)  # type: ignore[arg-type]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**15), st.lists(st.integers(0, 10_000), min_size=1, max_size=8))
def test_parts_by_largest_remainder_sum_up(total: int, shares: list[int]) -> None:
    parts = parts_of(total, shares)
    assert parts == by_largest_remainder(total, shares)
    assert sum(parts) == (total if any(shares) else 0)


def simple(*takers: Taker, **values: Any) -> Terms:
    rule = Rule(name="All", takers=takers, challenger=values.pop("challenger", 0))
    given_values = {"kind": "agencies", "stream": "field", "measure": "accounts", "mode": "any", "rules": (rule,)}
    return Terms(**{**given_values, **values})


def test_shares_are_met_to_the_account_and_to_the_rupee() -> None:
    accounts = accounts_from(table([row(f"LN{at}", minor=100 + 7 * at) for at in range(100)]))
    world = [TakerFacts("A1"), TakerFacts("B2")]
    made = decide(simple(Taker("A1", 60), Taker("B2", 40)), accounts, world, 7)
    assert {code: len(found) for code, found in taken(made, accounts).items()} == {"A1": 60, "B2": 40}
    made = decide(simple(Taker("A1", 60), Taker("B2", 40), measure="rupees"), accounts, world, 7)
    portions = made.arms[0].portions
    assert sum(each.asked for each in portions) == sum(100 + 7 * at for at in range(100))
    assert all(abs(each.asked - each.given) <= 800 and not each.bound for each in portions)


def test_what_bounds_a_share_is_told() -> None:
    accounts = accounts_from(table([row(f"LN{at}", state="27" if at < 10 else "29") for at in range(100)]))
    world = [
        TakerFacts("A1", accounts=20), TakerFacts("B2", states=("27",)), TakerFacts("C3"),
        TakerFacts("D4", stops=(("agency_shut", "It is suspended."),)),
    ]  # fmt: skip
    made = decide(simple(*(Taker(code, 25) for code in CODES)), accounts, world, 1)
    bound = {each.code: (each.accounts, each.bound) for each in made.arms[0].portions}
    assert bound == {"A1": (20, ("capacity_full",)), "B2": (10, ("area",)), "C3": (70, ()), "D4": (0, ("agency_shut",))}
    assert made.placed == 100


def test_a_share_that_rotation_cuts_is_not_put_down_to_the_area() -> None:
    accounts = accounts_from(table([row(f"LN{at}", before="A1" if at < 70 else "") for at in range(100)]))
    terms = replace(simple(Taker("A1", 60), Taker("B2", 40)), mode="rotating")
    made = decide(terms, accounts, [TakerFacts("A1"), TakerFacts("B2")], 1)
    assert [(each.asked, each.given, each.bound) for each in made.arms[0].portions] == [
        (60, 30, ("same_again",)),
        (40, 70, ()),
    ]
    assert bound_words(("same_again",)) == "it has just held too many of them"


def test_challengers_are_drawn_alike_from_each_kind_of_account() -> None:
    kinds = [("PL", "31-60"), ("PL", "61-90"), ("CC", "31-60")]
    rows = [row(f"LN{at}", product=kinds[at % 3][0], bucket=kinds[at % 3][1]) for at in range(300)]
    accounts = accounts_from(table(rows))
    terms = simple(Taker("A1"), Taker("B2", arm="challenger"), challenger=20)
    found = {}
    for seed in (1, 2):
        made = decide(terms, accounts, [TakerFacts("A1"), TakerFacts("B2")], seed)
        found[seed] = set(taken(made, accounts)["B2"])
        by_kind = [sum(int(no[2:]) % 3 == kind for no in found[seed]) for kind in range(3)]
        assert by_kind == [20, 20, 20]
    assert found[1] != found[2]
