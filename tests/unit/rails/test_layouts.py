"""Layouts as data: what is built in reads back to itself, a lender's own writes its file, and everything wrong is said at once."""

from __future__ import annotations

import json
from datetime import date

import pytest

from payouts.rails.bank_answer import Expected, compose_answer, judge, read_answer
from payouts.rails.bank_file import payment_file
from payouts.rails.layouts import layout_of, profile_of
from payouts.rails.own_layouts import preview, read_layout, sample_batch
from payouts.rails.profiles import PROFILES
from portal.kernel.errors import Invalid

DAY = date(2026, 11, 5)
BATCH = sample_batch(DAY)
SENT = {each.ref: Expected(each.amount_minor, "INR", "sent") for each in BATCH.instructions}
FIXED = {
    "label": "Fixed widths",
    "separator": "",
    "line_end": "crlf",
    "date_format": "%d%m%Y",
    "amount_format": "minor",
    "header": [
        {"name": "kind", "source": "=H", "width": 1},
        {"name": "batch", "source": "batch", "width": 10},
        {"name": "count", "source": "count", "width": 6, "align": "right", "fill": "0"},
    ],
    "record": [
        {"name": "ref", "source": "ref", "width": 12},
        {"name": "amount", "source": "amount", "width": 12, "align": "right", "fill": "0"},
        {"name": "name", "source": "name", "width": 20},
        {"name": "account", "source": "account_no", "width": 18},
        {"name": "IFSC", "source": "ifsc", "width": 11},
    ],
    "trailer": [
        {"name": "kind", "source": "=T", "width": 1},
        {"name": "total", "source": "total", "width": 15, "align": "right", "fill": "0"},
        {"name": "hash", "source": "hash", "width": 64},
    ],
    "answer": {
        "columns": 8,
        "ref": 0,
        "amount": 1,
        "utr": 5,
        "status": 6,
        "reason": 7,
        "paid_words": ["OK"],
        "returned_words": ["RT"],
        "failed_words": ["RJ"],
        "header_word": "H",
        "trailer_word": "END",
        "trailer_hash": True,
        "widths": [12, 12, 20, 18, 11, 16, 2, 30],
    },
}
FATES = {
    "P2611-0001": ("paid", "UTR1", ""),
    "P2611-0002": ("failed", "", "No such account"),
    "P2611-0003": ("returned", "U3", "Back"),
}


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_what_is_built_in_reads_back_to_itself(profile):
    assert profile_of(profile.name, None, json.loads(json.dumps(layout_of(profile)))) == profile


def test_a_file_of_fixed_widths_and_its_answer():
    profile = profile_of("fixed", 3, FIXED)
    lines = payment_file(BATCH, profile).data.decode().split("\r\n")
    assert lines[0] == "HB2611-01  000003"
    assert lines[2] == "P2611-0002  000125000050Nivedita, Iyer & Ass001234567890      SBIN0000300"
    assert lines[4][:16] == "T000000139749250"
    answer = compose_answer(payment_file(BATCH, profile).data, profile, FATES)
    verdicts, problems = judge(read_answer(answer, profile), SENT)
    assert not problems
    assert [(each.action, each.utr) for each in verdicts] == [("confirm", "UTR1"), ("fail", ""), ("return", "U3")]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: data.replace(b"000014249200", b"000014249201"), "control_total"),
        (lambda data: data.replace(b"UTR1", b"UTR2"), "altered_file"),
        (lambda data: data[: data.rindex(b"END")], "truncated"),
        (lambda data: data.replace(b"END 3", b"END 2"), "control_total"),
        (lambda data: data.replace(b"P2611-0001  ", b"P2611-0001 "), "wrong_shape"),
    ],
)
def test_an_altered_answer_is_refused(change, code):
    profile = profile_of("fixed", 3, FIXED)
    with pytest.raises(Invalid) as refusal:
        read_answer(change(compose_answer(payment_file(BATCH, profile).data, profile, FATES)), profile)
    found = {problem.code for problem in refusal.value.problems}
    assert code in found or found & {"bad_status", "bad_amount"}


def test_everything_wrong_with_a_layout_is_said_at_once():
    wrong = {
        "separator": "::",
        "date_format": "%A",
        "extension": "x",
        "max_bytes": 0,
        "colour": "red",
        "record": [{"source": "salary", "width": 0}, {"source": "=a,b", "width": 5, "align": "up"}, "ref"],
        "header": [{"source": "amount", "width": 5}],
        "answer": {"columns": 2, "ref": 0, "amount": 0, "utr": 9, "status": 1, "reason": 2, "paid_words": ["E"]},
    }
    with pytest.raises(Invalid) as refusal:
        profile_of("No Good", None, wrong)
    places = {problem.column for problem in refusal.value.problems}
    assert {
        *("name", "label", "separator", "date_format", "extension", "max_bytes", "colour", "record", "record 1"),
        *("record 3", "header 1", "answer columns", "answer"),
    } <= places


def test_a_preview_is_the_file_itself_and_says_what_it_cannot_write():
    assert preview("fixed", FIXED, on=DAY) == payment_file(BATCH, profile_of("fixed", None, FIXED)).data.decode()
    narrow = FIXED | {"record": [*FIXED["record"][:3], {"source": "account_no", "width": 5}, FIXED["record"][4]]}
    with pytest.raises(Invalid) as refusal:
        preview("fixed", narrow, on=DAY)
    assert {problem.code for problem in refusal.value.problems} == {"too_long"}


@pytest.mark.parametrize("text", ["{", "a = ", "x" * 70_000, "[" * 5_000])
def test_a_text_that_is_no_layout_is_refused(text):
    with pytest.raises(Invalid):
        read_layout(text)


def test_a_layout_may_be_typed_as_toml():
    typed = 'label = "X"\nseparator = "|"\n[[record]]\nsource = "ref"\nwidth = 12\n'
    assert read_layout(typed)["record"] == [{"source": "ref", "width": 12}]
