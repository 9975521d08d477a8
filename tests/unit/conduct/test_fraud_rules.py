"""The life of a fraud case, and that nobody is classified unheard."""

from __future__ import annotations

from datetime import date

from allocations.casework.conduct.fraud_rules import MOVES, OPEN, case_problems, why_not_propose

STATUSES = (*OPEN, "classified", "cleared")
ACTS = ("notify", "reply", "propose", "return", "return_unnotified", "classify", "clear")
MATRIX = {
    "suspected": {"notify": "notice_sent", "propose": "proposed"},
    "notice_sent": {"reply": "replied", "propose": "proposed"},
    "replied": {"propose": "proposed"},
    "proposed": {"return": "replied", "return_unnotified": "suspected", "classify": "classified", "clear": "cleared"},
    "classified": {},
    "cleared": {},
}
LAST = date(2026, 11, 30)


def test_every_step_is_in_the_matrix_and_no_other():
    for status in STATUSES:
        for act in ACTS:
            assert MOVES.get((status, act)) == MATRIX[status].get(act), (status, act)


def test_nobody_is_classified_without_the_notice_and_its_answer_or_its_last_day():
    def may(finding, noticed, replied, today):
        until = LAST if noticed else None
        return why_not_propose(finding, noticed=noticed, replied=replied, reply_until=until, today=today) is None

    assert not may("fraud", False, False, date(2027, 1, 1))
    assert not may("fraud", True, False, LAST)
    assert may("fraud", True, False, date(2026, 12, 1))
    assert may("fraud", True, True, date(2026, 11, 2))
    assert may("no_fraud", False, False, LAST)


def test_everything_wrong_with_a_suspicion_is_said_at_once():
    assert [each.column for each in case_problems("theft", "short", -1)] == ["kind", "words", "amount"]
