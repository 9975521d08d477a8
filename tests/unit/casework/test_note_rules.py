"""Numbers that say who somebody is are kept out of notes; those that only look alike are not."""

from __future__ import annotations

from allocations.casework.note_rules import note_problems, private_kinds


def test_numbers_of_people_are_found_however_they_are_written() -> None:
    assert private_kinds("PAN abcpk 1234 f") == ["PAN"]
    assert private_kinds("his id 2341 2341 2346") == private_kinds("id 234123412346.") == ["Aadhaar number"]
    for text in ("9820012345", "+91 98200 12345", "0-98200", "(98200-12345)", "091 9820012345"):
        assert private_kinds(f"call {text} after six") == ([] if text == "0-98200" else ["phone number"]), text


def test_what_only_looks_alike_may_stay() -> None:
    for text in ("UTR 426900112233", "LN9820012345", "receipt 5120012345X", "paid 98,200 on 12.11.2026", "ID …2346"):
        assert private_kinds(text) == [], text


def test_every_fault_of_a_note_is_told() -> None:
    found = [each.code for each in note_problems("  ok ")]
    assert found == ["bad_length"] and list(note_problems("Will pay on Friday.")) == []
    assert [each.code for each in note_problems("ABCPK1234F and 9820012345")] == ["private_number", "private_number"]
