"""The codes a contact may end in."""

from __future__ import annotations

import pytest

from allocations.collections.field.dispositions import (
    ANY,
    BY_CODE,
    EVERYBODY,
    PARTIES,
    disposition_faults,
    dispositions_under,
    offered,
    spoken,
)
from allocations.vocabulary import CONTACT_KINDS, PERSONS


def test_kinds_and_persons_are_those_of_the_table():
    assert set(CONTACT_KINDS) == ANY and set(PERSONS) == EVERYBODY


@pytest.mark.parametrize("kind", CONTACT_KINDS)
def test_every_kind_of_contact_has_an_outcome_for_nobody_met(kind):
    assert any(each.fits(kind, "nobody") for each in BY_CODE.values())


@pytest.mark.parametrize("person", sorted(set(PERSONS) - {"nobody"}))
@pytest.mark.parametrize("kind", ["visit", "call"])
def test_whoever_was_spoken_to_there_is_an_outcome(kind, person):
    assert any(each.fits(kind, person) and each.made for each in BY_CODE.values())


@pytest.mark.parametrize("each", BY_CODE.values(), ids=list(BY_CODE))
def test_an_outcome_is_consistent_with_itself(each):
    assert each.kinds <= ANY and each.persons <= EVERYBODY and each.kinds and each.persons
    assert each.wants <= {"promise", "amount", "next_on"}
    if each.made:
        assert "nobody" not in each.persons
    if each.discloses:
        assert each.made
    assert all(each.reaches(person) is each.made for person in PARTIES)
    assert not each.reaches("family")


def test_a_lender_may_change_words_hide_codes_and_add_its_own():
    setting = {
        "words": {"RPC": "Spoke to the customer"},
        "hide": ["LANGUAGE"],
        "add": [
            {
                "code": "YARD",
                "words": "Vehicle brought to the yard",
                "kinds": ["visit"],
                "made": True,
                "wants": ["amount"],
            }
        ],
    }
    found = dispositions_under(setting)
    assert spoken("RPC", found) == "Spoke to the customer" and spoken("RPC") == "Spoke to the right person"
    assert found["LANGUAGE"].is_hidden and "LANGUAGE" not in [each.code for each in offered(found)]
    assert found["YARD"].fits("visit", "borrower") and not found["YARD"].fits("call", "borrower")
    assert [each.code for each in offered(found, "letter")] == ["LFT", "SENT", "RETURNED", "SKIP", "DECEASED"]
    assert spoken("OLD_CODE") == "Old code"


@pytest.mark.parametrize(
    ("setting", "faults"),
    [
        ({}, 0),
        ({"words": {"RPC": "Spoke"}, "hide": ["LANGUAGE"], "add": [{"code": "YARD", "words": "In the yard"}]}, 0),
        ([], 1),
        ({"rename": {}}, 1),
        ({"words": {"NOPE": "x"}}, 1),
        ({"words": {"RPC": ""}}, 1),
        ({"words": []}, 1),
        ({"hide": ["NOPE"]}, 1),
        ({"hide": "RPC"}, 1),
        ({"add": {}}, 1),
        ({"add": ["YARD"]}, 1),
        (
            {
                "add": [
                    {
                        "code": "yard",
                        "words": " ",
                        "kinds": ["fax"],
                        "persons": [],
                        "wants": ["money"],
                        "made": 1,
                        "x": 1,
                    }
                ]
            },
            7,
        ),
    ],
)
def test_a_lenders_own_codes_are_checked_before_they_hold(setting, faults):
    assert len(list(disposition_faults(setting))) == faults
    if not faults:
        assert dispositions_under(setting)
