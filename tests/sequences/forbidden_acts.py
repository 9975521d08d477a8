"""What must be refused wherever a sequence has come to: the wrong person, the other agency, a stale page, more than there is."""

from __future__ import annotations

import random
from datetime import date
from typing import Any

from allocations.agencies import bank_details
from allocations.agencies.models import Agency
from allocations.reconciliation.bench.acts import decide_act
from allocations.reconciliation.bench.by_hand import link_by_hand
from payouts.commission.adjustments import decide_adjustment, load_adjustment
from payouts.commission.service import accrue as accrue_month
from payouts.rails.bank_answer import compose_answer
from payouts.rails.batches import approve_batch, make_batch
from payouts.rails.findings import decide_finding
from payouts.rails.profiles import ENET_CSV
from payouts.rails.sending import confirm, start_sending
from payouts.rails.stops import lift
from payouts.settlements.answering import accept_statement
from payouts.settlements.disputes import Claim, decide_dispute, load_dispute, open_dispute, withdraw_dispute
from payouts.settlements.drafting import draft
from payouts.settlements.recalling import recall
from payouts.settlements.service import approve, reject, submit
from portal.kernel.audit import Actor
from portal.kernel.periods import month_of
from tests.factories.month import CHECKER, FINANCE, MAKER, SECOND_CHECKER, SYSTEM
from tests.sequences.acts import forbidden
from tests.sequences.cast import DEPUTY, JUNIOR, TWIN
from tests.sequences.earning_acts import owner_of
from tests.sequences.paying_acts import ANSWERABLE, batch_ref
from tests.sequences.settling_acts import ISSUED, LINE, ref_of
from tests.sequences.stage import Stage

WAITING = "select id from settlements where status in ('submitted', 'checked')"
LINES = """
select l.id from settlement_lines l join settlements s on s.id = l.settlement_id
 where s.status in ('approved', 'paying', 'paid', 'returned') and
"""


def other_agency(stage: Stage, agency_id: int) -> tuple[int, Actor]:
    return next((each, owner) for each, owner in stage.agencies.values() if each != agency_id)


# --- the wrong person


@forbidden(WAITING)
def maker_approves(stage: Stage, dice: random.Random, settlement_id: int) -> None:
    """Whoever handed it in, and nobody in their stead."""
    ref, email = stage.rows("select ref, submitted_by from settlements where id = :id", id=settlement_id)[0]
    maker = next(each for each in (MAKER, FINANCE) if each.email == email)
    as_approver = Actor(maker.user_id, maker.email, "bank_approver")
    with stage.bank() as session:
        approve(session, ref, actor=dice.choice((maker, as_approver)), now=stage.now)


@forbidden("select id from settlements where status = 'checked'")
def same_person_approves_twice(stage: Stage, dice: random.Random, settlement_id: int) -> None:
    """Under the same account, the other account, or for whom they stand in."""
    ref, email = stage.rows("select ref, checked_by from settlements where id = :id", id=settlement_id)[0]
    pairs = ({CHECKER.email: CHECKER, TWIN.email: TWIN}, {SECOND_CHECKER.email: SECOND_CHECKER, DEPUTY.email: DEPUTY})
    with stage.bank() as session:
        people = next(pair for pair in pairs if email in pair)
        approve(session, ref, actor=dice.choice(list(people.values())), now=stage.now)


@forbidden(f"{WAITING} and net_minor > 1000")
def junior_approves(stage: Stage, dice: random.Random, settlement_id: int) -> None:
    with stage.bank() as session:
        approve(session, ref_of(stage, settlement_id), actor=JUNIOR, now=stage.now)


@forbidden("select id from settlements where status in ('draft', 'submitted', 'checked', 'approved', 'returned')")
def agency_or_machine_decides(stage: Stage, dice: random.Random, settlement_id: int) -> None:
    ref, agency_id = stage.rows("select ref, agency_id from settlements where id = :id", id=settlement_id)[0]
    actor = dice.choice((SYSTEM, owner_of(stage, agency_id)))
    given: dict[str, Any] = {"actor": actor, "now": stage.now}
    with stage.bank() as session:
        act = dice.randrange(4)
        if act == 0:
            submit(session, ref, **given)
        elif act == 1:
            approve(session, ref, **given)
        elif act == 2:
            reject(session, ref, reason="No.", **given)
        else:
            recall(session, ref, reason="No more.", **given)


@forbidden("select id from payout_batches where status in ('made', 'checked')")
def who_made_the_batch_approves_it(stage: Stage, dice: random.Random, batch_id: int) -> None:
    with stage.bank() as session:
        approve_batch(session, stage.store, batch_ref(stage, batch_id), actor=FINANCE, now=stage.now)


@forbidden("select id from disputes where status = 'proposed'")
def proposer_decides_the_dispute(stage: Stage, dice: random.Random, dispute_id: int) -> None:
    ref, amount = stage.rows("select ref, proposed_minor from disputes where id = :id", id=dispute_id)[0]
    with stage.bank() as session:
        decide_dispute(session, load_dispute(session, ref), expected_minor=amount, actor=MAKER, now=stage.now)


@forbidden("select id from manual_adjustments where status = 'proposed'")
def proposer_decides_the_adjustment(stage: Stage, dice: random.Random, adjustment_id: int) -> None:
    ref = stage.value("select ref from manual_adjustments where id = :id", id=adjustment_id)
    with stage.bank() as session:
        decide_adjustment(session, load_adjustment(session, ref), accept=True, actor=MAKER, now=stage.now)


@forbidden("select id from hand_acts where status = 'proposed'")
def proposer_decides_the_hand_act(stage: Stage, dice: random.Random, act_id: int) -> None:
    with stage.bank() as session:
        decide_act(session, act_id, approve=True, actor=MAKER, now=stage.now)


@forbidden("select id from payout_findings where status = 'proposed'")
def finder_decides_the_finding(stage: Stage, dice: random.Random, finding_id: int) -> None:
    with stage.bank() as session:
        decide_finding(session, finding_id, accept=True, actor=FINANCE, now=stage.now)


@forbidden("select id from paying_stops where lifted_at is null")
def who_stopped_paying_lifts_it(stage: Stage, dice: random.Random, stop_id: int) -> None:
    with stage.bank() as session:
        lift(session, stop_id, actor=dice.choice((MAKER, FINANCE)), now=stage.now)


@forbidden("select id from agency_bank_details where status = 'proposed'")
def proposer_decides_the_account(stage: Stage, dice: random.Random, detail_id: int) -> None:
    agency_id, version = stage.rows("select agency_id, version from agency_bank_details where id = :id", id=detail_id)[
        0
    ]
    with stage.bank() as session:
        agency, owner = session.get_one(Agency, agency_id), owner_of(stage, agency_id)
        given: dict[str, Any] = {"approve": True, "reason": "It is mine.", "actor": owner, "now": stage.now}
        bank_details.decide_bank_detail(session, agency, version, **given)


# --- the other agency


@forbidden(f"{ISSUED} and answer = ''")
def other_agency_accepts(stage: Stage, dice: random.Random, settlement_id: int) -> None:
    ref, agency_id = stage.rows("select ref, agency_id from settlements where id = :id", id=settlement_id)[0]
    other, owner = other_agency(stage, agency_id)
    with stage.agency(other) as session:
        accept_statement(session, ref, actor=owner, now=stage.now)


@forbidden(f"{LINES} l.kind = 'commission'")
def other_agency_contests(stage: Stage, dice: random.Random, line_id: int) -> None:
    ref, agency_id, position, _ = stage.rows(LINE, id=line_id)[0]
    other, owner = other_agency(stage, agency_id)
    with stage.agency(other) as session:
        claim = Claim("not_ours", "It is ours.", 1, position)
        open_dispute(session, ref, claim, actor=owner, now=stage.now, today=stage.today)


@forbidden("select id from disputes where status in ('open', 'proposed')")
def other_agency_withdraws(stage: Stage, dice: random.Random, dispute_id: int) -> None:
    ref, agency_id = stage.rows("select ref, agency_id from disputes where id = :id", id=dispute_id)[0]
    other, owner = other_agency(stage, agency_id)
    with stage.agency(other) as session:
        withdraw_dispute(session, ref, actor=owner, now=stage.now)


@forbidden(f"{LINES} l.kind in ('withholding', 'carry_forward', 'brought_forward', 'dispute_release')")
def what_follows_is_contested(stage: Stage, dice: random.Random, line_id: int) -> None:
    ref, agency_id, position, amount = stage.rows(LINE, id=line_id)[0]
    with stage.agency(agency_id) as session:
        claim = Claim("other", "Too much.", amount - 100, position)
        open_dispute(session, ref, claim, actor=owner_of(stage, agency_id), now=stage.now, today=stage.today)


# --- the stale page


@forbidden(WAITING)
def a_stale_page_approves(stage: Stage, dice: random.Random, settlement_id: int) -> None:
    ref, seen, version = stage.rows("select ref, hash, lock_version from settlements where id = :id", id=settlement_id)[
        0
    ]
    stale: dict[str, Any] = dice.choice(
        ({"expected_hash": "0" * 64}, {"expected_hash": seen, "expected_version": version - 1})
    )
    with stage.bank() as session:
        approve(session, ref, actor=DEPUTY, now=stage.now, **stale)


@forbidden("select id from payout_batches where status in ('made', 'checked')")
def another_file_is_approved(stage: Stage, dice: random.Random, batch_id: int) -> None:
    with stage.bank() as session:
        ref = batch_ref(stage, batch_id)
        approve_batch(session, stage.store, ref, actor=DEPUTY, now=stage.now, expected_file="0" * 64)


# --- more than there is, and too early


@forbidden("select c.id from collections c where exists (select from bank_lines)")
def more_is_tied_than_is_open(stage: Stage, dice: random.Random, collection_id: int) -> None:
    line_id, amount = stage.rows("select id, amount_minor from bank_lines order by id desc limit 1")[0]
    left = stage.value(
        "select amount_minor - linked_minor - written_off_minor from collections where id = :id", id=collection_id
    )
    with stage.bank() as session:
        link_by_hand(
            session, collection_id, line_id, max(left, amount) + 1, reason="All of it.", actor=MAKER, now=stage.now
        )


@forbidden("select id from accrual_runs where is_current and period_start = :this", weight=0.2)
def a_month_is_settled_before_its_end(stage: Stage, dice: random.Random, run_id: int) -> None:
    """It may be drafted on trial; nobody hands it in."""
    with stage.bank() as session:
        found = draft(session, stage.month, actor=SYSTEM, now=stage.now)
        if not found.settlements:
            submit(session, "S0000-NONE", actor=MAKER, now=stage.now)
        submit(session, found.settlements[0].ref, actor=MAKER, now=stage.now)


@forbidden("select 1", weight=0.3)
def a_month_is_accrued_before_it_begins(stage: Stage, dice: random.Random, _: int) -> None:
    with stage.bank() as session:
        accrue_month(session, stage.month.next(), actor=SYSTEM, now=stage.now)


STOPPED = "exists (select from paying_stops where lifted_at is null)"


@forbidden(f"select 1 where {STOPPED}")
def money_leaves_while_paying_is_stopped(stage: Stage, dice: random.Random, _: int) -> None:
    with stage.bank() as session:
        if dice.random() < 0.5:
            start_sending(session, actor=SYSTEM, now=stage.now)
        else:
            make_batch(session, stage.store, month_of(date(2026, 10, 1)), "manual", actor=FINANCE, now=stage.now)


@forbidden("select id from settlements where status in ('paying', 'paid')")
def it_is_paid_a_second_time(stage: Stage, dice: random.Random, settlement_id: int) -> None:
    """Nothing else of its month is payable; taking the approval back is no way around."""
    ref, start = stage.rows("select ref, period_start from settlements where id = :id", id=settlement_id)[0]
    payable = stage.value(
        "select count(*) from settlements where period_start = :start and status in ('approved', 'returned')",
        start=start,
    )
    with stage.bank() as session:
        if payable or dice.random() < 0.5:
            recall(session, ref, actor=FINANCE, now=stage.now, reason="Pay it again.")
        make_batch(session, stage.store, month_of(start), "bank_file", actor=FINANCE, now=stage.now)


@forbidden(ANSWERABLE)
def the_bank_answers_another_amount(stage: Stage, dice: random.Random, batch_id: int) -> None:
    sent = stage.store.read(stage.value("select file_sha256 from payout_batches where id = :id", id=batch_id))
    refs = stage.rows("select ref from payouts where batch_id = :id and status in ('sent', 'unknown')", id=batch_id)
    data = compose_answer(sent, ENET_CSV, {row.ref: ("paid", "UTR0", "") for row in refs})
    altered = data.replace(refs[0].ref.encode(), b"P9999-0001") if dice.random() < 0.5 else data.replace(b".", b"9.", 1)
    with stage.bank() as session:
        confirm(session, stage.store, altered, name="answer.csv", actor=FINANCE, now=stage.now)
