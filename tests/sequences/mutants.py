"""Faults planted in the product, each at a place in a story where it can begin to do harm. The walk must find every one of them."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest import MonkeyPatch
from sqlalchemy import text

from payouts.commission import corrections, gathering_columns, paid_before
from payouts.rails import moves, online
from payouts.settlements import dispute_releases, drafting
from tests.sequences.stage import Stage
from tests.sequences.story import ONLINE, Telling, tell
from tests.sequences.walking import Broken, hunt

Plant = Callable[[MonkeyPatch, Stage], None]


@dataclass(frozen=True)
class Mutant:
    """A fault: where in the story it is planted, how, and within how many sequences it must be found."""

    name: str
    place: str
    plant: Plant
    around: tuple[str, ...]
    within: int
    first: Sequence[Telling] = ()

    def hunted(self, stage: Stage, seed: int) -> tuple[Broken | None, int]:
        """(how it was found, after how many sequences), with the fault planted where the stage stands."""
        with stage.branch(), MonkeyPatch.context() as patch:
            tell(stage, random.Random(seed), self.first)
            self.plant(patch, stage)
            return hunt(stage, seed, self.within, self.around)


MUTANTS: list[Mutant] = []


def mutant(
    name: str, place: str, *around: str, within: int = 25, first: Sequence[Telling] = ()
) -> Callable[[Plant], Plant]:
    def added(plant: Plant) -> Plant:
        MUTANTS.append(Mutant(name, place, plant, around, within, first))
        return plant

    return added


def nothing(*_: Any, **__: Any) -> None:
    return None


# --- the faults


@mutant("money tied beyond what is open", "earned", "more_is_tied_than_is_open")
def _beyond(patch: MonkeyPatch, stage: Stage) -> None:
    patch.setattr("allocations.reconciliation.bench.effects._more_than", lambda *_: (False, "", "", ""))
    for table in ("collections", "bank_lines"):
        stage.connection.execute(text(f"alter table {table} drop constraint ck_{table}_never_linked_beyond_its_amount"))


@mutant("sums of links not kept", "earned", "money_goes_back")
def _sums(patch: MonkeyPatch, stage: Stage) -> None:
    stage.connection.execute(text("alter table match_links disable trigger links_moved"))


@mutant("withholding forgotten in the net", "over", "draft")
def _withholding(patch: MonkeyPatch, stage: Stage) -> None:
    patch.setattr("payouts.settlements.composition.tax_lines", lambda *_: ())


@mutant("the maker may approve", "submitted", "maker_approves")
def _maker(patch: MonkeyPatch, stage: Stage) -> None:
    patch.setattr("payouts.approvals.service._why_not", nothing)


@mutant("the third key is not asked for", "submitted", "turn_a_key")
def _third(patch: MonkeyPatch, stage: Stage) -> None:
    patch.setattr("payouts.approvals.service.is_above", lambda *_: False)


@mutant("a stale page approves", "submitted", "a_stale_page_approves")
def _stale(patch: MonkeyPatch, stage: Stage) -> None:
    patch.setattr("payouts.settlements.service._refuse_stale", nothing)


@mutant("the approval posts nothing", "submitted", "turn_a_key")
def _journal(patch: MonkeyPatch, stage: Stage) -> None:
    patch.setattr("payouts.settlements.service._post_journal", nothing)


@mutant("a recall leaves the ledger as it was", "issued", "take_approval_back")
def _recall(patch: MonkeyPatch, stage: Stage) -> None:
    patch.setattr("payouts.settlements.recalling.reverse", nothing)


@mutant("one agency sees the other's statements", "issued", "other_agency_accepts")
def _tenancy(patch: MonkeyPatch, stage: Stage) -> None:
    stage.connection.execute(text("alter policy agency on settlements using (true) with check (true)"))


@mutant("kept money is paid all the same", "contested", "gather")
def _kept(patch: MonkeyPatch, stage: Stage) -> None:
    patch.setattr("payouts.rails.batches.payable_minor", lambda settlement: settlement.net_minor)


@mutant("a dispute frees money that is under way", "sent", "give_in", within=40)
def _freed(patch: MonkeyPatch, stage: Stage) -> None:
    everywhere = frozenset({"approved", "paying", "paid", "returned"})
    patch.setattr("payouts.settlements.disputes.PAYABLE", everywhere)


@mutant("what came back is not posted", "sent", "bank_answers", "money_returns", within=60)
def _returned(patch: MonkeyPatch, stage: Stage) -> None:
    post = moves.post
    patch.setattr(moves, "post", lambda *a, **k: None if k["kind"] in ("returned", "failed") else post(*a, **k))


@mutant("payouts move without a word in the log", "gathered", "approve_payment", "begin_sending")
def _silent(patch: MonkeyPatch, stage: Stage) -> None:
    patch.setattr(moves, "record_event", nothing)


@mutant(
    "what is lost is sent again under a new key",
    "issued",
    "ask_provider",
    within=60,
    first=(("gather", ONLINE), "approve_payment", "approve_payment", "begin_sending"),
)
def _new_key(patch: MonkeyPatch, stage: Stage) -> None:
    ask, asked = online.ask, iter(range(10**6))
    patch.setattr(online, "may_send", lambda payout, now: payout.status in ("sending", "unknown"))
    patch.setattr(online, "ask", lambda rail, attempt: ask(rail, replace(attempt, key=f"{attempt.key}/{next(asked)}")))


@mutant("the clawback takes today's rate", "paid", "money_goes_back", "decide_hand_act", "accrue", within=60)
def _clawback(patch: MonkeyPatch, stage: Stage) -> None:
    taken = corrections._clawback

    def at_six(each: Any) -> Any:
        line = taken(each)
        return replace(line, amount_minor=line.base_minor * 6 // 100)

    patch.setattr(corrections, "_clawback", at_six)


@mutant("a debt is forgotten by the next month", "third month", "accrue", "draft", "hand_to_checkers", within=60)
def _debt(patch: MonkeyPatch, stage: Stage) -> None:
    patch.setattr(drafting, "debt_of", lambda *_: [])


@mutant("the same money earns in two months", "next month", "accrue", "draft", "hand_to_checkers", within=60)
def _twice(patch: MonkeyPatch, stage: Stage) -> None:
    again = text(str(gathering_columns.LINKS).replace("q.link_id not in", "true or q.link_id not in"))
    patch.setattr(gathering_columns, "LINKS", again)
    patch.setattr("payouts.settlements.service.settled_elsewhere", lambda *_: ())


@mutant("what is held back is released twice", "third month", "accrue", "draft", "hand_to_checkers", within=60)
def _held(patch: MonkeyPatch, stage: Stage) -> None:
    always = text(str(paid_before.HELD_BACK).replace("and not exists", "or false and not exists"))
    patch.setattr(paid_before, "HELD_BACK", always)
    patch.setattr("payouts.settlements.service.settled_elsewhere", lambda *_: ())


@mutant("what a dispute kept is released twice", "third month", "accrue", "draft", "hand_to_checkers", within=60)
def _released(patch: MonkeyPatch, stage: Stage) -> None:
    query = text("""
        select d.id, 'Released', d.held_minor from disputes d join settlements s on s.id = d.settlement_id
         where d.agency_id = :agency and d.status in ('decided', 'withdrawn') and d.held_minor > 0 and d.freed_at is null
           and s.period_start < :start and s.status in ('approved', 'paying', 'paid', 'returned') order by d.id""")

    def releases(session: Any, agency_id: int, period: Any) -> list[tuple[int, str, int]]:
        return [tuple(row) for row in session.execute(query, {"agency": agency_id, "start": period.start})]

    assert dispute_releases.releases is drafting.releases
    patch.setattr(drafting, "releases", releases)
    patch.setattr("payouts.settlements.service.settled_elsewhere", lambda *_: ())
