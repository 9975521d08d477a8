"""The ladder is data: it comes back as it was written, and one that would confirm on too little is refused, with every fault."""

from copy import deepcopy

import pytest

from allocations.reconciliation.matching.ladder import (
    LADDER,
    default_body,
    default_ladder,
    ladder_body,
    ladder_sha256,
    parse_ladder,
    rule_says,
)
from portal.kernel.errors import Invalid


def faults(body) -> set[tuple[int | None, str, str]]:
    with pytest.raises(Invalid) as refused:
        parse_ladder(body)
    return {(each.row, each.column, each.code) for each in refused.value.problems}


def with_rule(name: str, **fields):
    """The default ladder with one rule altered; its place counts from 1."""
    body = deepcopy(default_body())
    place = next(at for at, rule in enumerate(body["rules"]) if rule["name"] == name)
    body["rules"][place] |= fields
    return body, place + 1


def test_the_default_ladder_comes_back_as_it_was_written():
    body = ladder_body(default_ladder())
    assert parse_ladder(body) == default_ladder()
    assert ladder_body(parse_ladder(body)) == body
    assert ladder_sha256(body) == ladder_sha256({name: body[name] for name in reversed(list(body))})
    assert ladder_sha256(body) != ladder_sha256(with_rule("slip_total", score=1)[0])


def test_a_ladder_of_ones_own_bears_its_version():
    assert parse_ladder(default_body(), 7).version == 7


def test_rules_are_said_in_words():
    assert "deposit slip" in rule_says("slip_total")
    assert rule_says("by_hand") == "Linked by a person."
    own = parse_ladder(with_rule("slip_total", says="Our words.")[0])
    assert rule_says("slip_total", own) == "Our words."


@pytest.mark.parametrize(
    ("rule", "fields", "column", "code"),
    [
        ("reference_amount", {"key": "amount"}, "key", "amount_and_date"),
        ("reference_amount", {"key": "colour"}, "key", "unknown_key"),
        ("reference_amount", {"colour": 1}, "colour", "unknown_field"),
        ("reference_amount", {"window": [5, -1]}, "window", "window"),
        ("reference_amount", {"window": [-50, 10]}, "reach", "window"),
        ("reference_amount", {"window": "soon"}, "window", "wrong_kind"),
        ("reference_amount", {"score": 101}, "score", "score"),
        ("reference_amount", {"score": True}, "score", "wrong_kind"),
        ("reference_amount", {"version": 0}, "version", "version"),
        ("reference_amount", {"tolerance_major": 2}, "tolerance_major", "tolerance"),
        ("reference_amount", {"share_of_credit": 5}, "share_of_credit", "tolerance"),
        ("reference_amount", {"direction": "n:m"}, "direction", "direction"),
        ("reference_amount", {"side": "moon"}, "side", "side"),
        ("reference_amount", {"modes": ["barter"]}, "modes", "unknown_mode"),
        ("reference_amount", {"needs_money": True}, "needs_money", "needs_money"),
        ("reference_amount", {"says": " "}, "says", "wrong_kind"),
        ("receipt_amount", {"window": [-20, 40], "reach": [-40, 120]}, "window", "window"),
        ("receipt_amount", {"reach": [-400, 400]}, "reach", "window"),
        ("posting_account_money", {"reach": [-20, 20]}, "reach", "window"),
        ("account_amount_sign", {"second": []}, "second", "second_sign"),
        ("account_amount_sign", {"second": ["a feeling"]}, "second", "unknown_sign"),
        ("account_amount_sign", {"reach": [-20, 20]}, "reach", "window"),
        ("account_amount_window", {"confirms": True}, "second", "second_sign"),
        ("account_amount_window", {"tolerance_major": 11}, "tolerance_major", "tolerance"),
        ("batch_without_slip", {"pool": 21}, "pool", "pool_too_big"),
        ("batch_without_slip", {"pool": 0}, "pool", "pool"),
        ("batch_without_slip", {"chance": 10}, "chance", "chance"),
        ("batch_without_slip", {"tolerance_major": 1}, "tolerance_major", "tolerance"),
        ("slip_filled", {"fills_in": 4}, "fills_in", "fills_in"),
        ("slip_short", {"leaves_out": 4}, "leaves_out", "leaves_out"),
        ("slip_short", {"confirms": True}, "confirms", "leaves_out"),
        ("reference_misread", {"confirms": True}, "confirms", "misread"),
        ("slip_parts", {"alone": True}, "alone", "alone"),
        ("posting_account_money", {"needs_money": False}, "needs_money", "second_sign"),
        ("posting_receipt", {"key": "slip_key"}, "key", "posting_key"),
    ],
)
def test_a_rule_that_goes_too_far_is_refused(rule, fields, column, code):
    body, row = with_rule(rule, **fields)
    assert (row, column, code) in faults(body)


@pytest.mark.parametrize(
    ("name", "value"), [("shortest_number", 2), ("weak_number", 3), ("season_number", 6), ("most_lines_per_key", 101)]
)
def test_measures_never_make_any_number_a_name(name, value):
    body = default_body()
    body["measures"][name] = value
    assert name in {column for _row, column, _code in faults(body)}


def test_what_lies_on_the_boundary_is_let_through():
    body, _ = with_rule("batch_without_slip", pool=20, chance=1000)
    assert parse_ladder(body).rung("batch_without_slip").pool == 20
    body, _ = with_rule("account_amount_sign", reach=[-4, 10])
    assert parse_ladder(body).rung("account_amount_sign").reach == (-4, 10)


def test_every_fault_is_told_at_once():
    body, row = with_rule("slip_total", window=[5, 1], colour="red")
    body["measures"]["speed"] = 3
    body["measures"]["share_of_credit"] = 0
    body["rules"].append(deepcopy(body["rules"][0]))
    body["rules"].append("no rule")
    del body["rules"][2]["says"]
    found = faults(body | {"format": 9, "mood": "good"})
    assert {
        (row, "window", "window"),
        (row, "colour", "unknown_field"),
        (3, "says", "missing_field"),
        (None, "name", "repeated_name"),
        (len(body["rules"]), "", "not_a_rule"),
        (None, "speed", "unknown_measure"),
        (None, "share_of_credit", "zero"),
        (None, "format", "format"),
        (None, "mood", "unknown_field"),
    } <= found


def test_a_ladder_without_rules_is_none():
    assert (None, "rules", "no_rules") in faults({"format": 1, "rules": []})


def test_no_rule_that_confirms_stands_on_amount_and_date():
    for rung in LADDER.rungs:
        assert rung.key not in ("amount", "date")
        if rung.confirms and rung.key == "account" and rung.side == "bank":
            assert rung.second or rung.direction == "1:n"
