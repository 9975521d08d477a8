"""The words of letters: placeholders are names and nothing else, values are never read again, a PDF is the same every time."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocations.casework.letters.pdf import pdf_of
from allocations.casework.letters.starting import TEXTS
from allocations.casework.letters.words import NAMES, faults, filled, holes, missing, paragraphs


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Dear {borrower_name},", []),
        ("Dear {borrower},", ["unknown_placeholder"]),
        ("Dear {{borrower_name}},", ["lone_brace"]),
        ("Dear {borrower_name!r},", ["lone_brace"]),
        ("Dear {borrower_name.__class__},", ["lone_brace"]),
        ("100 % } of it", ["lone_brace"]),
        ("", ["missing_value"]),
        ("a\x00b", ["bad_letter"]),
        ("x" * 9_000, ["too_long"]),
    ],
)
def test_anything_but_a_known_name_in_braces_is_a_fault(text, codes):
    assert [each.code for each in faults("Subject", text)] == codes


def test_every_starting_text_is_sound_in_both_languages():
    assert len({(kind, language) for kind, language, _, _ in TEXTS}) == len(TEXTS) == 14
    for kind, language, subject, body in TEXTS:
        assert list(faults(subject, body)) == [], (kind, language)
        other = next(each for each in TEXTS if each[0] == kind and each[1] != language)
        assert set(holes(subject + body)) == set(holes(other[2] + other[3])), kind


@settings(max_examples=15)
@given(st.text(max_size=40))
def test_a_value_is_put_in_as_it_is_and_never_looked_into(value):
    assert filled("to {borrower_name}!", {"borrower_name": value}) == f"to {value}!"


def test_what_has_no_value_is_named_with_its_cure():
    found = list(missing("{case_ref}", "{borrower_name} {case_ref}", {"borrower_name": " "}))
    assert [each.column for each in found] == ["case_ref", "borrower_name"] and all(each.cure for each in found)
    assert paragraphs("a\r\nb\r\n\r\n\r\nc") == [["a", "b"], ["c"]]


def test_a_letter_is_the_same_bytes_every_time_in_both_languages():
    values = dict.fromkeys(NAMES, "‹क› {today} #set [x] $1 \\ *b*")
    for kind, language, subject, body in TEXTS[:2]:
        given = {"subject": subject, "body": body, "to_name": "Asha Rao", "to_address": "1, MG Road\nPune 411001"}
        words = {"ref": "L2026-000001", "template": f"{kind}/{language} v1", "language": language}
        first = pdf_of(**words, **given, made_on=date(2026, 11, 10), values=values)
        assert first.startswith(b"%PDF") and first == pdf_of(
            **words, **given, made_on=date(2026, 11, 10), values=values
        )
        assert first != pdf_of(**words, **given, made_on=date(2026, 11, 11), values=values)
