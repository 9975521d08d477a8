"""Defects as people make them, planted for a moment: what the judge must find, and with what the world provokes it.

Each stands in for one line of care in the product; none of it is reachable outside these tests.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pytest import MonkeyPatch

from allocations.collections.uploads import work as importing
from payouts.approvals.service import KeyState
from payouts.ledger.journal import paid_lines
from payouts.rails import batches, online, sending
from payouts.rails.batches import instruction_of
from payouts.rails.moves import conclude, load_batch, load_payout, payouts_of
from payouts.rails.protocol import Sent
from payouts.rails.provider_models import ProviderEvent
from payouts.rails.stripe_connect import StripeConnect
from payouts.settlements import service as settlements
from portal.web.public import webhooks
from tests.chaos import acts
from tests.chaos.ground import RAIL, Ground
from tests.chaos.marks import ANSWERED, PLANTED, mark
from tests.chaos.storm import FILE_RAIL, Storm

DAY_AND_MORE = 25
LOST_ON_THE_WAY_BACK = True


@dataclass(frozen=True)
class Defect:
    """`plant` patches; `provoke` gives the world its chance; `finding` is what the judge must say."""

    finding: str
    plant: Callable[[MonkeyPatch, Ground], None]
    provoke: Callable[[Storm, list[str]], None]


def approved_batch(storm: Storm, refs: list[str], rail: str = RAIL) -> str:
    while storm.approve(refs):
        pass
    storm.make(rail)
    storm.batches()
    return str(storm.ground.rows("select ref from payout_batches order by id desc limit 1")[0][0])


def sent(storm: Storm, refs: list[str]) -> None:
    storm.do("send", acts.send(storm.ground, approved_batch(storm, refs), storm.once()))


def plan(storm: Storm, path: str, kind: str, after: bool) -> None:
    storm.ground.provider.tell("weather", planned=[[path, kind, after]])


def go_on(storm: Storm, refs: list[str], rail: str = RAIL) -> None:
    """Until quiet, or for a while: what is broken may never come to rest."""
    for _ in range(25):
        if not storm.step_of_paying(refs, rail):
            return


# --- paying


def new_key_per_attempt(patch: MonkeyPatch, _: Ground) -> None:
    right = StripeConnect.send

    def send(self: StripeConnect, instruction: Any, request: str, key: str) -> Sent:
        return right(self, instruction, request, f"{key}:{uuid.uuid4()}")

    patch.setattr(StripeConnect, "send", send)


def a_lost_request(storm: Storm, refs: list[str]) -> None:
    plan(storm, "/v1/transfers", "reset", not LOST_ON_THE_WAY_BACK)
    sent(storm, refs)
    storm.work()
    storm.do("sync", acts.sync(storm.ground))
    storm.work()


def naive_send(self: StripeConnect, instruction: Any, request: str, key: str) -> Sent:
    """Without looking whether it is there already."""
    asked = json.loads(request)
    self._made(lambda: self._v1.transfers.create(asked["transfer"], {"idempotency_key": f"{key}:transfer"}))
    options: Any = {"idempotency_key": f"{key}:payout", "stripe_account": instruction.destination}
    return Sent(self._made(lambda: self._v1.payouts.create(asked["payout"], options)).id)


def retry_without_a_look(patch: MonkeyPatch, _: Ground) -> None:
    patch.setattr(StripeConnect, "send", naive_send)
    patch.setattr(online, "may_send", lambda payout, now: payout.status == "sending")


def a_day_after_a_death(storm: Storm, refs: list[str]) -> None:
    sent(storm, refs)
    storm.die("worker", acts.Work(storm.ground), ANSWERED, 2)
    storm.ground.pass_time(DAY_AND_MORE)
    storm.work()


def call_before_record(patch: MonkeyPatch, ground: Ground) -> None:
    right = sending.start_sending

    def start_sending(session: Any, *, only: str, **given: Any) -> Any:
        for payout in payouts_of(session, load_batch(session, only)):
            instruction = instruction_of(session, payout)
            ground.rails[RAIL].send(instruction, payout.request, payout.idempotency_key)
        mark(PLANTED)
        return right(session, only=only, **given)

    patch.setattr(sending, "start_sending", start_sending)


def a_death_while_sending(storm: Storm, refs: list[str]) -> None:
    ref = approved_batch(storm, refs)
    storm.die("send", acts.send(storm.ground, ref, storm.once()), PLANTED)


def unknown_is_failed(patch: MonkeyPatch, _: Ground) -> None:
    right = online.ask

    def ask(rail: Any, attempt: Any) -> Any:
        outcome = right(rail, attempt)
        return online.Outcome("failed", reason=outcome.reason) if outcome.status == "unknown" else outcome

    patch.setattr(online, "ask", ask)


def a_lost_answer(storm: Storm, refs: list[str]) -> None:
    plan(storm, "/v1/payouts", "reset", LOST_ON_THE_WAY_BACK)
    sent(storm, refs)
    go_on(storm, refs)


def one_settlement_many_payouts(patch: MonkeyPatch, ground: Ground) -> None:
    ground.rows("drop index uq_payouts_live")
    patch.setattr(batches, "move", lambda *_, **__: None)  # the settlement is not taken out of what is payable


def pressed_twice(storm: Storm, refs: list[str]) -> None:
    while storm.approve(refs):
        pass
    for _ in range(2):
        storm.make(FILE_RAIL)


# --- approving


def read_then_write(patch: MonkeyPatch, _: Ground) -> None:
    """Looks whether it may be approved, takes its time, and writes: no lock, no version, no key that exists once."""
    load, post = settlements.load, settlements._post_journal

    def set_anyway(session: Any, row: Any, seen: Any, **values: Any) -> bool:
        time.sleep(0.4)
        for name, value in values.items():
            setattr(row, name, value)
        session.flush()
        return True

    def posted_by_the_first(session: Any, settlement: Any, *given: Any) -> None:
        if (
            not session.connection()
            .exec_driver_sql("select 1 from journal_entries where subject_ref = %s", (settlement.ref,))
            .all()
        ):
            post(session, settlement, *given)

    patch.setattr(settlements, "load", lambda session, ref, **_: load(session, ref))
    patch.setattr(settlements, "compare_and_set", set_anyway)
    patch.setattr(settlements, "key", lambda *_, **__: KeyState(True, False))
    patch.setattr(settlements, "_post_journal", posted_by_the_first)


def four_at_once(storm: Storm, refs: list[str]) -> None:
    ((ref, hash_),) = storm.ground.rows("select ref, hash from settlements where ref = %s", refs[0])
    storm.ground.killer.together([acts.approve(storm.ground, ref, hash_, storm.once()) for _ in range(4)])


def alone(ground: Ground, right: Callable[..., Any]) -> Callable[..., Any]:
    """The same in a transaction of its own, committed at once."""

    def by_itself(_: Any, *given: Any, **named: Any) -> Any:
        with ground.unit() as session:
            right(session, *given, **named)
        mark(PLANTED)

    return by_itself


def ledger_by_itself(patch: MonkeyPatch, ground: Ground) -> None:
    patch.setattr(settlements, "post", alone(ground, settlements.post))


def audit_by_itself(patch: MonkeyPatch, ground: Ground) -> None:
    patch.setattr(settlements, "record_event", alone(ground, settlements.record_event))


def a_death_while_approving(storm: Storm, refs: list[str]) -> None:
    ((ref, hash_),) = storm.ground.rows("select ref, hash from settlements where ref = %s", refs[0])
    storm.die("approve", acts.approve(storm.ground, ref, hash_, storm.once()), PLANTED)


# --- what comes in


def every_delivery_counts(patch: MonkeyPatch, ground: Ground) -> None:
    ground.rows("alter table provider_events drop constraint uq_provider_events_provider_event_id")

    def receive(session: Any, provider: Any, heard: Any, *, now: Any) -> bool:
        values = {name: getattr(heard, name) for name in ("event_id", "kind", "object_id", "account_id", "body")}
        session.add(ProviderEvent(provider=provider.name, received_at=now, **values))
        return True

    patch.setattr(webhooks, "receive", receive)


def told_twice(storm: Storm, refs: list[str]) -> None:
    sent(storm, refs)
    storm.work()
    for ref in storm.ground.provider.tell("state"):
        storm.mailbox += 2 * storm.ground.provider.tell("deliveries", ref=ref, kinds=["payout.created"])
    while storm.deliver():
        pass
    storm.work()


def every_answer_posts(patch: MonkeyPatch, _: Ground) -> None:
    def confirm(session: Any, store: Any, data: bytes, *, name: str, actor: Any, now: Any) -> sending.Answer:
        for record in sending.records_of(session, data):
            payout = load_payout(session, record.ref)
            given: dict[str, Any] = {"actor": actor, "now": now}
            if payout.status == "sent":
                conclude(session, payout, "confirm", utr=record.utr, **given)
            else:
                words: dict[str, Any] = {
                    "kind": "paid",
                    "subject_ref": payout.ref,
                    "narration": "Paid",
                    "currency": payout.currency,
                }
                lines, ref = paid_lines(payout.amount_minor), f"J-{payout.ref}-paid-{uuid.uuid4()}"
                batches.post(session, ref, lines, agency_id=payout.agency_id, **words, **given)
        return sending.Answer()

    patch.setattr(sending, "confirm", confirm)


def answered_twice(storm: Storm, refs: list[str]) -> None:
    ref = approved_batch(storm, refs, FILE_RAIL)
    storm.do("send", acts.send(storm.ground, ref, storm.once()))
    storm.bank_answers()
    storm.bank_answers(again=True)


def commit_as_it_goes(patch: MonkeyPatch, _: Ground) -> None:
    right = importing.store_judged

    def store_judged(session: Any, *given: Any, **named: Any) -> Any:
        stored = right(session, *given, **named)
        session.commit()
        mark(PLANTED)
        return stored

    patch.setattr(importing, "store_judged", store_judged)


def a_death_while_storing(storm: Storm, _: list[str]) -> None:
    data = storm.a_file(1)
    storm.do("hand in", acts.hand_in(storm.ground, data, storm.once()))
    storm.work()
    ((ref,),) = storm.ground.rows("select ref from uploads order by id desc limit 1")
    storm.do("store", acts.store(storm.ground, ref, storm.once()))
    storm.die("worker", acts.Work(storm.ground), PLANTED)


DEFECTS: dict[str, Defect] = {
    "a new key for every attempt": Defect("second_key", new_key_per_attempt, a_lost_request),
    "the provider is called before the intent is recorded": Defect(
        "unknown_to_us", call_before_record, a_death_while_sending
    ),
    "an approval reads, then writes": Defect("audit_differs", read_then_write, four_at_once),
    "the ledger's entry in a transaction of its own": Defect("unposted", ledger_by_itself, a_death_while_approving),
    "the audit event in a transaction of its own": Defect("audit_differs", audit_by_itself, a_death_while_approving),
    "a delivery counts every time": Defect("delivery_twice", every_delivery_counts, told_twice),
    "nothing holds a settlement to one payout": Defect("two_payouts", one_settlement_many_payouts, pressed_twice),
    "tried again after a day without a look": Defect("paid_twice", retry_without_a_look, a_day_after_a_death),
    "unknown is taken for failed": Defect("paid_twice", unknown_is_failed, a_lost_answer),
    "an answer posts every time it is handed in": Defect("posted_twice", every_answer_posts, answered_twice),
    "an import commits as it goes": Defect("import_in_part", commit_as_it_goes, a_death_while_storing),
}
