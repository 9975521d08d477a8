"""The life of an agency as a whole table, which papers are missing, and when people are told that one runs out."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from allocations.agencies.identifiers import udyam_fault
from allocations.agencies.lifecycle import (
    ACTION_WORDS,
    ENDED,
    MEANS,
    MOVES,
    REPORTING,
    WORKING,
    action_between,
    leads_to,
)
from allocations.agencies.models import AGENCY_STATUSES
from allocations.agencies.paper_rules import (
    AgentHanded,
    Handed,
    Held,
    Rules,
    agent_paper_problems,
    missing,
    paper_problems,
    standing,
    warning_stage,
)

DAY = date(2026, 11, 10)
RULES = Rules(
    needed=(("agreement",), ("pan",), ("deposit", "guarantee")),
    expiring=frozenset({"agreement", "guarantee"}),
    least_minor={"deposit": 10_000_000, "guarantee": 10_000_000},
    warn_days=(60, 30, 7),
)

# From, along: what every action leads to from applicant, due_diligence, empanelled, watch_list, suspended, de_empanelled.
MATRIX = {
    "examine": ("due_diligence", None, None, None, None, None),
    "decline": ("de_empanelled", "de_empanelled", None, None, None, None),
    "empanel": (None, "empanelled", None, None, None, None),
    "send_back": (None, "applicant", None, None, None, None),
    "watch": (None, None, "watch_list", None, "watch_list", None),
    "suspend": (None, None, "suspended", "suspended", None, None),
    "end": (None, None, "de_empanelled", "de_empanelled", "de_empanelled", None),
    "clear": (None, None, None, "empanelled", None, None),
    "reinstate": (None, None, None, None, "empanelled", None),
    "apply_again": (None, None, None, None, None, "applicant"),
}


def test_the_whole_matrix_of_an_agencys_life() -> None:
    assert set(MATRIX) == set(ACTION_WORDS)
    found = {action: tuple(leads_to(status, action) for status in AGENCY_STATUSES) for action in ACTION_WORDS}
    assert found == MATRIX
    for (status, action), to in MOVES.items():
        assert action_between(status, to) == action  # from one status to another leads one action alone
    assert set(MEANS) == set(AGENCY_STATUSES) == {*REPORTING, "applicant", "due_diligence", ENDED}
    assert set(WORKING) < set(REPORTING)


def test_each_missing_paper_is_named_with_its_cure() -> None:
    held = [
        Held("agreement", DAY - timedelta(days=1)),
        Held("pan", None),
        Held("deposit", None, 9_999_999),
    ]
    found = missing(held, RULES, DAY, "IN")
    assert [(each.kinds[0], each.code) for each in found] == [
        ("agreement", "paper_expired"),
        ("deposit", "amount_too_small"),
    ]
    assert all(each.cure for each in found)
    enough = [Held("agreement", DAY), Held("pan", None), Held("guarantee", DAY, 10_000_000)]
    assert missing(enough, RULES, DAY, "IN") == []
    assert [each.code for each in missing([], RULES, DAY, "IN")] == ["paper_missing"] * 3
    assert [each.kinds[0] for each in missing([], RULES, DAY, "KE")] == ["agreement", "deposit"]


def test_a_paper_that_falls_short_says_everything_at_once() -> None:
    bad = Handed("guarantee", "", DAY + timedelta(days=1), note="x" * 301)
    codes = {each.code for each in paper_problems(bad, RULES, DAY, by_agency=False)}
    assert codes == {"issued_later", "expiry_needed", "amount_needed", "too_long"}
    assert [each.code for each in paper_problems(Handed("visa", "", DAY), RULES, DAY, by_agency=False)] == ["bad_kind"]
    own = paper_problems(Handed("board_approval", "", DAY), RULES, DAY, by_agency=True)
    assert [each.code for each in own] == ["banks_own"]
    ended = paper_problems(Handed("insurance", "", date(2025, 1, 1), DAY - timedelta(1)), RULES, DAY, by_agency=False)
    assert [each.code for each in ended] == ["ended"]


def test_a_certificate_takes_its_hours_or_a_reason() -> None:
    def codes(**facts: object) -> list[str]:
        told = AgentHanded("certificate", **{"number": "DRA1", "issued_on": DAY, **facts})  # type: ignore[arg-type]
        return [each.code for each in agent_paper_problems(told, frozenset(), {"graduate": 50, "other": 100}, DAY)]

    assert codes(certificate_type="dra", training_hours=50) == []
    assert codes(certificate_type="dra", training_hours=49) == ["too_few_hours"]
    assert codes(certificate_type="exempt", number="") == ["reason_needed"]
    assert codes(certificate_type="exempt", number="", exempt_reason="Retired officer") == []
    card = AgentHanded("id_card", "C1", DAY)
    assert [each.code for each in agent_paper_problems(card, frozenset({"id_card"}), {}, DAY)] == ["expiry_needed"]


@settings(max_examples=60)
@given(left=st.integers(-400, 400))
def test_people_are_told_at_each_stage_and_never_before(left: int) -> None:
    until = DAY + timedelta(days=left)
    stage, look = warning_stage(until, RULES.warn_days, DAY), standing(until, RULES.warn_days, DAY)
    expected = None if left < 0 or left > 60 else 7 if left <= 7 else 30 if left <= 30 else 60
    assert stage == expected
    assert look == ("expired" if left < 0 else "running_out" if left <= 60 else "in_force")


def test_a_udyam_number_has_its_form() -> None:
    assert udyam_fault("UDYAM-KR-03-0001234") is None
    for bad in ("UDYAM-KR-3-0001234", "udyam-kr-03-0001234", "KR-03-0001234", "UDYAM-KR-03-00012345", ""):
        assert udyam_fault(bad), bad
