"""What may become of a proposal: the whole matrix of every kind there is, and what the database is told of it."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from allocations.agencies import inspections, papers
from allocations.agencies import moves as agency_moves
from allocations.agencies.empanelment_models import AgencyMove, AgencyPaper, FindingAnswer, Inspection
from allocations.casework import compromises
from allocations.casework.models import OneTimeSettlement
from allocations.collections.models import CollectionCorrection
from allocations.collections.uploads import corrections
from allocations.scorecards import measures
from allocations.scorecards.models import AgencyMeasure
from payouts.commission import adjustments, events
from payouts.commission.event_models import EarningEvent, ManualAdjustment
from portal.kernel.audit import Actor
from portal.kernel.errors import Invalid, Refused
from portal.kernel.proposals import Proposals, statuses_of, two_people

MAKER, CHECKER = Actor(1, "maker@x", "bank_operator"), Actor(2, "checker@x", "bank_approver")

ONCE = {("proposed", "accept"): "accepted", ("proposed", "withdraw"): "withdrawn"}
REJECT = {("proposed", "reject"): "rejected"}
APPROVE = {("proposed", "approve"): "approved", ("proposed", "withdraw"): "withdrawn"} | REJECT

KINDS: dict[str, tuple[Proposals[Any], Any, dict[tuple[str, str], str]]] = {
    "event": (events.PROPOSALS, EarningEvent, ONCE | REJECT),
    "adjustment": (adjustments.PROPOSALS, ManualAdjustment, ONCE | REJECT),
    "measure": (measures.PROPOSALS, AgencyMeasure, APPROVE | {("approved", "replace"): "replaced"}),
    "compromise": (compromises.PROPOSALS, OneTimeSettlement, APPROVE | {("approved", "break"): "broken"}),
    "change of status": (agency_moves.PROPOSALS, AgencyMove, ONCE | REJECT),
    "paper": (papers.PROPOSALS, AgencyPaper, ONCE | REJECT | {("accepted", "replace"): "replaced"}),
    "inspection": (inspections.PROPOSALS, Inspection, APPROVE),
    "answer": (inspections.ANSWERS, FindingAnswer, ONCE | REJECT),
    "correction": (corrections.PROPOSALS, CollectionCorrection, ONCE | {("proposed", "decline"): "declined"}),
}


def matrix() -> list[Any]:
    cells = []
    for name, (proposals, model, moves) in KINDS.items():
        for status, (_, action) in product(statuses_of(moves), moves):
            to = moves.get((status, action))
            cells.append(pytest.param(name, proposals, model, status, action, to, id=f"{name}-{status}-{action}"))
    return cells


@pytest.mark.parametrize(("name", "proposals", "model", "status", "action", "to"), matrix())
def test_every_cell_of_the_matrix(
    name: str, proposals: Proposals[Any], model: Any, status: str, action: str, to: str | None
) -> None:
    row = model(id=7, status=status, **{"ref": "X-7"} if hasattr(model, "ref") else {})
    if to is not None:
        assert proposals.next_status(row, action) == to
    else:
        with pytest.raises(Refused, match=rf"^(X-7|This {name}) is {status}; that does not change") as refused:
            proposals.next_status(row, action)
        assert refused.value.code == "not_open" and bool(refused.value.cure) == (status in proposals.cures)


@pytest.mark.parametrize(("proposals", "model", "moves"), KINDS.values(), ids=KINDS)
def test_another_person_decides_and_says_why_not(
    proposals: Proposals[Any], model: Any, moves: dict[tuple[str, str], str]
) -> None:
    row = model(id=7, status="proposed", proposed_by=MAKER.email)
    actions = {action for status, action in moves if status == "proposed"}
    (accept,), (against,) = actions & {"accept", "approve"}, actions & {"reject", "decline"}
    for action, reason in ((accept, ""), (against, "Seen.")):
        proposals.may_decide(row, action, reason=reason, actor=CHECKER)
    with pytest.raises(Invalid, match=f"Say why it is {moves['proposed', against]}"):
        proposals.may_decide(row, against, reason=" x ", actor=CHECKER)
    with pytest.raises(Refused, match=f"Who proposed {proposals.a} does not decide on it"):
        proposals.may_decide(row, accept, reason="Seen.", actor=MAKER)


def test_the_database_is_told_who_decided_what() -> None:
    checks = {str(each.name): str(each.sqltext) for each in two_people(OneTimeSettlement.__moves__)}
    assert checks == {
        "status": "status in ('proposed','approved','rejected','withdrawn','broken')",
        "decided": "(status in ('approved','rejected','broken')) = (decided_by is not null)",
        "maker_is_not_checker": "decided_by is null or decided_by <> proposed_by",
    }
