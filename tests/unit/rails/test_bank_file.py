"""Payment files: the same bytes for ever; and the bank's answers, read without mercy."""

from __future__ import annotations

import hashlib
import string
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payouts.rails.bank_answer import Expected, compose_answer, judge, read_answer
from payouts.rails.bank_file import bank_file_rail, payment_file, plain_ascii
from payouts.rails.profiles import ENET_CSV, PROFILES, UNION_BANK_TEXT
from payouts.rails.protocol import BatchFacts, Beneficiary, Instruction
from payouts.rails.sending import read_any_answer
from portal.kernel.errors import Invalid

SHAKTI = Beneficiary("Shakti Recovery Services", "50100123456789", "HDFC0001234", "accounts@shakti.example")
NIVEDITA = Beneficiary("Nivéditâ, Associates", "001234567890", "SBIN0000300")
BATCH = BatchFacts(
    ref="B2610-01",
    serial=1,
    made_on=date(2026, 11, 5),
    debit_account="000111222333",
    debit_ifsc="UBIN0000001",
    corporate_id="OURBANK",
    instructions=(
        Instruction("P2610-0001", 14_249_200, "INR", SHAKTI, "S2610-SHAKTI October 2026"),
        Instruction("P2610-0002", 20_000_000, "INR", NIVEDITA, "S2610-NIVEDITA, October 2026"),
    ),
)
EXPECTED = {
    "P2610-0001": Expected(14_249_200, "INR", "sent"),
    "P2610-0002": Expected(20_000_000, "INR", "sent"),
}
BOTH = {"P2610-0001": ("paid", "UTR1", ""), "P2610-0002": ("returned", "", "Account closed")}

UNION_BYTES = (
    b"FILEHDR,OURBANK,1,N,B2610-01 N=2 T=342492.00 "
    b"H=%s\r\n"
    b"NEFT,UBIN0000001,000111222333,HDFC0001234,50100123456789,INR,142492.00,S2610-SHAKTI October 2026,"
    b"Shakti Recovery Services,accounts@shakti.example,P2610-0001\r\n"
    b"RTGS,UBIN0000001,000111222333,SBIN0000300,001234567890,INR,200000.00,S2610-NIVEDITA  October 2026,"
    b"Nivedita  Associates,,P2610-0002\r\n"
)
ENET_BYTES = (
    b"P2610-0001,Shakti Recovery Services,50100123456789,HDFC0001234,10,142492.00,20261105\n"
    b"P2610-0002,Nivedita  Associates,001234567890,SBIN0000300,10,200000.00,20261105\n"
)


def codes(refusal):
    return [problem.code for problem in refusal.value.problems]


def test_the_union_bank_file_is_these_bytes():
    records = b"\n".join(UNION_BYTES.split(b"\r\n")[1:3])
    digest = hashlib.sha256(records).hexdigest().encode()
    # The header's text has room for 140 characters, more than reference, count, total and hash need.
    assert payment_file(BATCH, UNION_BANK_TEXT).data == UNION_BYTES % digest


def test_the_enet_file_is_these_bytes():
    prepared = bank_file_rail("enet_csv").prepare(BATCH)
    assert (prepared.data, prepared.name) == (ENET_BYTES, "B2610-01.csv")


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_the_same_batch_a_hundred_times_is_the_same_bytes(profile):
    assert len({payment_file(BATCH, profile).data for _ in range(100)}) == 1


def test_everything_the_bank_would_refuse_is_said_at_once():
    bad = replace(SHAKTI, ifsc="HDFC1001234", account_no="12")
    wrong = (
        Instruction("P2610-0001", 0, "INR", bad, ""),
        Instruction("P2610-0001", 5, "KES", replace(SHAKTI, name="शक्ति"), "x"),
        Instruction("P2610-000000000000000003", 5, "INR", SHAKTI, "x"),
    )
    with pytest.raises(Invalid) as refusal:
        payment_file(replace(BATCH, instructions=wrong), UNION_BANK_TEXT)
    assert set(codes(refusal)) == {
        "mixed_currencies", "duplicate_reference", "bad_amount", "bad_ifsc", "bad_account", "missing", "too_long",
    }  # fmt: skip


def test_an_empty_batch_and_an_unknown_profile_are_refused():
    with pytest.raises(Invalid):
        payment_file(replace(BATCH, instructions=()), ENET_CSV)
    with pytest.raises(Invalid):
        bank_file_rail("mystery")


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+91 98", "-5", "@sum", " =1"])
def test_no_text_starts_a_formula(text):
    assert not plain_ascii(text).startswith(("=", "+", "-", "@"))


names = st.text(alphabet=string.ascii_letters + string.digits + " ,.;|=é\t", min_size=1, max_size=90).filter(
    lambda text: any(char.isascii() and char.isalnum() for char in text)
)
paid_or_returned = st.sampled_from(["paid", "returned"])


@given(
    st.lists(st.tuples(st.integers(min_value=1, max_value=10**10), names, paid_or_returned), min_size=1, max_size=20),
    st.sampled_from(sorted(PROFILES)),
)
def test_what_we_send_comes_back_to_the_same_payouts(payments, name):
    instructions = tuple(
        Instruction(f"P2610-{number:04d}", amount, "INR", replace(SHAKTI, name=holder), holder)
        for number, (amount, holder, _) in enumerate(payments, start=1)
    )
    data = payment_file(replace(BATCH, instructions=instructions), PROFILES[name]).data
    fates = {each.ref: (payments[n][2], f"UTR{n}", "why, not") for n, each in enumerate(instructions)}
    records = read_answer(compose_answer(data, PROFILES[name], fates), PROFILES[name])
    expected = {each.ref: Expected(each.amount_minor, "INR", "sent") for each in instructions}
    verdicts, problems = judge(records, expected)
    assert not problems
    assert [(v.ref, v.action) for v in verdicts] == [
        (each.ref, "confirm" if payments[n][2] == "paid" else "return") for n, each in enumerate(instructions)
    ]


def answer(profile=UNION_BANK_TEXT, fates=BOTH):
    return compose_answer(payment_file(BATCH, profile).data, profile, fates)


def test_an_answer_pays_one_and_returns_the_other():
    verdicts, problems = judge(read_answer(answer(), UNION_BANK_TEXT), EXPECTED)
    assert not problems
    assert [(v.ref, v.action, v.utr, v.reason) for v in verdicts] == [
        ("P2610-0001", "confirm", "UTR1", ""),
        ("P2610-0002", "return", "", "Account closed"),
    ]


def test_the_same_answer_again_has_no_effect():
    now = {"P2610-0001": replace(EXPECTED["P2610-0001"], status="paid", provider_ref="UTR1")}
    now["P2610-0002"] = replace(EXPECTED["P2610-0002"], status="returned")
    verdicts, problems = judge(read_answer(answer(), UNION_BANK_TEXT), now)
    assert not problems
    assert {v.action for v in verdicts} == {"known"}


def test_a_payment_may_come_back_after_it_was_paid_but_not_the_other_way():
    records = read_answer(answer(), UNION_BANK_TEXT)
    paid = {ref: replace(payout, status="paid") for ref, payout in EXPECTED.items()}
    assert [v.action for v in judge(records, paid)[0]] == ["known", "return"]
    returned = {ref: replace(payout, status="returned") for ref, payout in EXPECTED.items()}
    assert [problem.code for problem in judge(records, returned)[1]] == ["illegal_step"]


def test_another_amount_reference_or_utr_is_named():
    records = read_answer(answer(), UNION_BANK_TEXT)
    altered = [replace(records[0], amount_minor=1), replace(records[1], ref="P9"), replace(records[1], line_no=9)]
    _, problems = judge([*altered, records[1]], EXPECTED)
    assert [problem.code for problem in problems] == ["altered_amount", "unknown_reference", "answered_twice"]
    known = {"P2610-0001": Expected(14_249_200, "INR", "paid", "UTR0")}
    assert judge(records[:1], known)[1][0].code == "altered_utr"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: data[:-40], "truncated"),
        (lambda data: b"\r\n".join(data.split(b"\r\n")[:2]) + b"\r\n", "truncated"),
        (lambda data: data.replace(b"FILETRL,2,", b"FILETRL,3,"), "control_total"),
        (lambda data: data.replace(b"142492.00", b"142493.00", 1), "control_total"),
        (lambda data: data.replace(b",E,", b",X,"), "bad_status"),
        (lambda data: data.replace(b",UTR1,", b",,"), "missing_utr"),
        (lambda data: data.replace(b"142492.00", b"lots"), "bad_amount"),
        (lambda data: data.replace(b"142492.00", b"NaN"), "bad_amount"),
        (lambda data: data.replace(b"142492.00", b"142492.001"), "bad_amount"),
        (lambda data: data.replace(b",INR,", b",INR,extra,"), "wrong_shape"),
        (lambda data: b"", "empty_file"),
        (lambda data: b"\xff\xfe\x00", "not_text"),
    ],
)
def test_a_damaged_answer_is_refused_whole(change, code):
    with pytest.raises(Invalid) as refusal:
        read_answer(change(answer()), UNION_BANK_TEXT)
    assert code in codes(refusal)


@given(st.integers(min_value=1, max_value=2000))
def test_an_answer_cut_anywhere_is_never_taken_for_whole(cut):
    data = answer()
    if cut >= len(data.rstrip()):
        return
    try:
        records = read_answer(data[:cut], UNION_BANK_TEXT)
    except Invalid:
        return
    raise AssertionError(f"{len(records)} records from a cut file")


def test_an_answer_that_names_its_columns_is_read_by_name():
    text = "Payout Ref,Status,Amount,UTR No,Reason\nP2610-0001,Paid,142492.00,U1,\nP2610-0002,Returned,200000,,Closed\n"
    records = read_any_answer(text.encode())
    assert [(each.ref, each.status, each.amount_minor, each.utr, each.reason) for each in records] == [
        ("P2610-0001", "paid", 14_249_200, "U1", ""),
        ("P2610-0002", "returned", 20_000_000, "", "Closed"),
    ]


def test_a_named_answer_says_everything_that_is_wrong():
    with pytest.raises(Invalid) as refusal:
        read_any_answer(b"ref,status,amount,utr\nP1,maybe,1.00,U\nP2,paid,x,\n")
    assert codes(refusal) == ["bad_status", "bad_amount", "missing_utr"]
    with pytest.raises(Invalid) as refusal:
        read_any_answer(b"ref,status\nP1,paid\n")
    assert codes(refusal) == ["missing_column"]


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_the_layout_of_an_answer_is_recognised(profile):
    assert [each.ref for each in read_any_answer(answer(profile))] == ["P2610-0001", "P2610-0002"]
