"""Money leaves: batches made, approved, sent and answered; payouts lost and found; a provider asked; paying stopped and let go on."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy.orm import Session

from payouts.rails.bank_answer import compose_answer
from payouts.rails.batches import approve_batch, load_batch, make_batch, reject_batch, signed_of
from payouts.rails.findings import Found, decide_finding, lose, may_say, propose_finding
from payouts.rails.online import carry_on
from payouts.rails.profiles import ENET_CSV
from payouts.rails.sending import confirm, deliver, finish_sending, start_sending
from payouts.rails.stops import ask_to_lift, lift, stop_paying
from portal.kernel.periods import month_of
from tests.factories.month import CHECKER, FINANCE, MAKER, SECOND_CHECKER, SYSTEM
from tests.sequences.acts import operation
from tests.sequences.cast import PAYERS
from tests.sequences.stage import Stage

PAYABLE = """
select id from settlements s where status in ('approved', 'returned') and net_minor > disputed_minor
   and not exists (select from paying_stops where lifted_at is null)
"""


def rails(stage: Stage) -> dict[str, Any]:
    return {stage.provider.name: stage.provider}


@operation(PAYABLE, weight=4)
def gather(stage: Stage, dice: random.Random, settlement_id: int) -> None:
    """Everything payable of a month into a batch: a file for the bank, a list for the desk, or requests to the provider."""
    period = month_of(stage.value("select period_start from settlements where id = :id", id=settlement_id))
    rail = dice.choice(("bank_file", "bank_file", "stripe_connect", "stripe_connect", "manual", "pain001"))
    with stage.bank() as session:
        make_batch(session, stage.store, period, rail, actor=FINANCE, now=stage.now, online=rails(stage))


def batch_ref(stage: Stage, batch_id: int) -> str:
    return str(stage.value("select ref from payout_batches where id = :id", id=batch_id))


@operation("select id from payout_batches where status in ('made', 'checked')", weight=6)
def approve_payment(stage: Stage, dice: random.Random, batch_id: int) -> None:
    ref = batch_ref(stage, batch_id)
    with stage.bank() as session:
        shown = signed_of(session, load_batch(session, ref))
        approve_batch(session, stage.store, ref, actor=dice.choice(PAYERS), now=stage.now, expected_file=shown)


@operation("select id from payout_batches where status in ('made', 'checked', 'approved')", weight=0.4)
def take_batch_back(stage: Stage, dice: random.Random, batch_id: int) -> None:
    with stage.bank() as session:
        reject_batch(session, batch_ref(stage, batch_id), actor=SECOND_CHECKER, now=stage.now, reason="Not today.")


@operation("select id from payout_batches where status = 'approved'", weight=4)
def begin_sending(stage: Stage, dice: random.Random, batch_id: int) -> None:
    """First transaction: what is meant to be sent."""
    with stage.bank() as session:
        start_sending(session, actor=SYSTEM, now=stage.now, only=batch_ref(stage, batch_id))


SENDING = """
select b.id from payout_batches b where b.status = 'approved' and b.rail <> 'stripe_connect'
   and exists (select from payouts p where p.batch_id = b.id and p.status = 'sending')
"""


@operation(SENDING, weight=6)
def end_sending(stage: Stage, dice: random.Random, batch_id: int) -> None:
    """The file is laid out, and the second transaction says so."""
    ref, sha256, name = stage.rows(
        "select ref, file_sha256, file_name from payout_batches where id = :id", id=batch_id
    )[0]
    deliver(stage.store, stage.folder / "outbox", sha256, name)
    with stage.bank() as session:
        finish_sending(session, ref, actor=SYSTEM, now=stage.now)


# --- what becomes of it


ANSWERABLE = """
select b.id from payout_batches b where b.rail = 'bank_file'
   and exists (select from payouts p where p.batch_id = b.id and p.status in ('sent', 'unknown'))
"""
LATE = """
select b.id from payout_batches b where b.rail = 'bank_file'
   and exists (select from payouts p where p.batch_id = b.id and p.status = 'paid')
"""


@operation(ANSWERABLE, weight=5)
def bank_answers(stage: Stage, dice: random.Random, batch_id: int) -> None:
    """The bank's file: each payment paid, sent back, or not answered yet."""
    fates = {}
    for ref, status in stage.rows("select ref, status from payouts where batch_id = :id order by id", id=batch_id):
        said = dice.choice(("paid", "paid", "paid", "returned", ""))
        if said and status in ("sent", "unknown"):
            fates[ref] = (said, f"UTR{ref}" if said == "paid" else "", "" if said == "paid" else "Account closed")
    if fates:
        answer(stage, batch_id, fates)


@operation(LATE, weight=0.4)
def money_returns(stage: Stage, dice: random.Random, batch_id: int) -> None:
    """Days after the bank called it paid, it comes back."""
    paid = stage.rows("select ref from payouts where batch_id = :id and status = 'paid' order by id", id=batch_id)
    answer(stage, batch_id, {dice.choice(paid)[0]: ("returned", "", "Beneficiary unknown")})


def answer(stage: Stage, batch_id: int, fates: dict[str, tuple[str, str, str]]) -> None:
    sent = stage.store.read(stage.value("select file_sha256 from payout_batches where id = :id", id=batch_id))
    data = compose_answer(sent, ENET_CSV, fates)
    with stage.bank() as session:
        confirm(session, stage.store, data, name="answer.csv", actor=FINANCE, now=stage.now)


@operation("select max(id) from bank_answers having count(*) > 0", weight=0.4)
def answered_again(stage: Stage, dice: random.Random, answer_id: int) -> None:
    """The same file once more: nothing is booked twice."""
    data = stage.store.read(stage.value("select file_sha256 from bank_answers where id = :id", id=answer_id))
    before = stage.value(BOOKED)
    with stage.bank() as session:
        confirm(session, stage.store, data, name="answer.csv", actor=FINANCE, now=stage.now)
    assert stage.value(BOOKED) == before, "an answer read twice was booked twice"


BOOKED = "select count(*) from journal_lines"


@operation("select id from payouts where status in ('sending', 'sent')", weight=0.4)
def lose_sight(stage: Stage, dice: random.Random, payout_id: int) -> None:
    """Nobody knows what became of a payout."""
    ref = stage.value("select ref from payouts where id = :id", id=payout_id)
    with stage.bank() as session:
        lose(session, ref, "The bank's page hung.", actor=FINANCE, now=stage.now)


TOLD = """
select id from payouts p where not exists (select from payout_findings f where f.payout_id = p.id and f.status = 'proposed')
   and status in ({})
"""


@operation(TOLD.format("'sent', 'unknown'"), weight=0.8)
def find_out(stage: Stage, dice: random.Random, payout_id: int) -> None:
    """A person asks at the desk."""
    ref, status = stage.rows("select ref, status from payouts where id = :id", id=payout_id)[0]
    _found(stage, ref, dice.choice(may_say(status)))


@operation(TOLD.format("'paid'"), weight=0.15)
def find_out_it_came_back(stage: Stage, dice: random.Random, payout_id: int) -> None:
    _found(stage, stage.value("select ref from payouts where id = :id", id=payout_id), "returned")


def _found(stage: Stage, ref: str, says: str) -> None:
    day = stage.today if says == "paid" else None
    with stage.bank() as session:
        found = Found(says, "Told on the telephone.", f"UTR{ref}" if says == "paid" else "", day)
        propose_finding(session, ref, found, actor=FINANCE, now=stage.now)


@operation("select id from payout_findings where status = 'proposed'", weight=3)
def agree_with_finding(stage: Stage, dice: random.Random, finding_id: int) -> None:
    with stage.bank() as session:
        accept = dice.random() < 0.85
        decide_finding(session, finding_id, accept=accept, reason="Asked again.", actor=CHECKER, now=stage.now)


# --- the provider


WITH_PROVIDER = """
select p.id from payouts p join payout_batches b on b.id = p.batch_id
 where b.rail = 'stripe_connect' and p.status in ('sending', 'sent', 'unknown')
"""


@operation(WITH_PROVIDER, weight=4)
def ask_provider(stage: Stage, dice: random.Random, _: int) -> None:
    """Every payout under way is sent or looked up, between transactions; a third of the requests meets a fault."""
    stage.provider.fault = dice.choice(("", "", "", "", "lost_before", "lost_after", "declined", "down"))

    @contextmanager
    def unit() -> Iterator[Session]:
        with stage.bank() as session:
            yield session

    carry_on(unit, rails(stage), actor=SYSTEM, now=lambda: stage.now)
    stage.provider.fault = ""


@operation(WITH_PROVIDER, weight=2)
def provider_decides(stage: Stage, dice: random.Random, payout_id: int) -> None:
    """At the provider a payment is paid out, fails or comes back; we hear of it when we ask."""
    ref = stage.value("select ref from payouts where id = :id", id=payout_id)
    if ref in stage.provider.paid:
        said = dice.choice(("paid", "paid", "failed", "returned"))
        day = stage.today if said == "paid" else None
        stage.provider.paid[ref] = replace(stage.provider.paid[ref], status=said, paid_on=day)


# --- paying stops


UNSTOPPED = """
select 1 where not exists (select from paying_stops where lifted_at is null)
   and exists (select from settlements where status = 'approved')
"""


@operation(UNSTOPPED, weight=0.08)
def pull_the_stop(stage: Stage, dice: random.Random, _: int) -> None:
    with stage.bank() as session:
        stop_paying(session, "Something looks wrong.", actor=MAKER, now=stage.now)


@operation("select id from paying_stops where lifted_at is null and asked_by is null", weight=3)
def ask_to_go_on(stage: Stage, dice: random.Random, stop_id: int) -> None:
    with stage.bank() as session:
        ask_to_lift(session, stop_id, "It was a false alarm.", actor=FINANCE, now=stage.now)


@operation("select id from paying_stops where lifted_at is null and asked_by is not null", weight=4)
def let_go_on(stage: Stage, dice: random.Random, stop_id: int) -> None:
    with stage.bank() as session:
        lift(session, stop_id, actor=CHECKER, now=stage.now)
