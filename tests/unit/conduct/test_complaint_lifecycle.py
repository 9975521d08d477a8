"""The life of a complaint and what may be written down: every pair of status and act, and every problem at once."""

from __future__ import annotations

from allocations.casework.conduct.lifecycle import ENDED, MOVES, OPEN, decision_problems, telling_problems

STATUSES = ("received", "acknowledged", "investigating", "answered", "proposed", "decided", "closed", "set_aside")
ACTS = ("acknowledge", "set_aside", "investigate", "answer", "propose", "return", "decide", "close")
MATRIX = {
    "received": {"acknowledge": "acknowledged", "set_aside": "set_aside"},
    "acknowledged": {"investigate": "investigating"},
    "investigating": {"answer": "answered", "propose": "proposed"},
    "answered": {"propose": "proposed"},
    "proposed": {"return": "investigating", "decide": "decided"},
    "decided": {"close": "closed"},
    "closed": {},
    "set_aside": {},
}


def test_every_step_is_in_the_matrix_and_no_other() -> None:
    for status in STATUSES:
        for act in ACTS:
            assert MOVES.get((status, act)) == MATRIX[status].get(act), (status, act)
    assert {status for status, _ in MOVES} | set(MOVES.values()) == set(STATUSES) == {*OPEN, *ENDED}


def test_everything_wrong_with_what_is_written_down_is_said_at_once() -> None:
    assert not list(telling_problems("phone", "hours", "low", "He called at ten at night."))
    wrong = list(telling_problems("pigeon", "", "mild", " short "))
    assert [each.column for each in wrong] == ["channel", "category", "severity", "words"]


def test_a_decision_says_what_was_found_and_pays_only_for_what_was_true() -> None:
    def columns(*told: object) -> list[str]:
        return [each.column for each in decision_problems(*told)]  # type: ignore[arg-type]

    assert columns("substantiated", 5_000_00, "No training", "Agent taken off", "The recording says so.") == []
    assert columns("not_substantiated", 0, "", "", "The call was at noon.") == []
    assert columns("frivolous", 100, "", "", "ok") == ["compensation", "reason"]
    assert columns("substantiated", None, "", "", "Heard it.") == ["compensation", "root_cause", "action"]
    assert columns("perhaps", -1, "", "", "Heard it.") == ["finding", "compensation"]
