"""Trial after trial: settlements are approved and paid and files imported while processes die, until the world is quiet; then judged.

A trial does what operations would: it looks where things stand, presses what is to be pressed, lets a worker come, delivers what the
provider has to tell, and once nothing else helps, waits a day and asks the provider.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from payouts.rails.bank_answer import compose_answer
from payouts.rails.profiles import ENET_CSV
from tests.chaos import acts, judge
from tests.chaos.ground import RAIL, Ground
from tests.chaos.judge import Found
from tests.chaos.killing import Act, Death, settle_memory
from tests.chaos.marks import COMMITTING, MARKS, PLANTED
from tests.chaos.provider import LIFE
from tests.factories.handed_in import HEADER

FAULTY = 0.25  # of the provider's answers
DEADLY = 0.8  # of the acts, while a trial is stormy
TWINS = 0.1  # of the acts, that happen twice at once
STORMY, MOST_ACTS = 80, 260  # acts until the sky clears, and until a trial is given up
GOOD_ROWS = 25
REHEARSAL = 9_000_000
FILE_RAIL = "bank_file:enet_csv"


@dataclass
class Storm:
    """`bank_paid`: what the bank paid by file, by our reference; `mailbox`: what the provider still has to tell us."""

    ground: Ground
    seed: int
    dice: random.Random = field(init=False)
    mailbox: list[str] = field(default_factory=list)
    bank_paid: dict[str, int] = field(default_factory=dict)
    fates: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)
    told: deque[str] = field(default_factory=lambda: deque(maxlen=80))  # the last acts, for whoever has to find out
    deadly: float = DEADLY
    faulty: float = FAULTY
    is_stormy: bool = False
    in_process: bool = False
    is_planted: bool = False
    is_urgent: bool = False  # a payment came back weeks late: nobody waits days with asking
    times_sent_back: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)

    # --- acts, and who dies of them

    def do(self, kind: str, act: Act) -> int:
        """One act in a process of its own, which may be killed; what it answered, 0 when it died."""
        if self.in_process:
            return self._rehearsed(kind, act)
        moment = self.dice.uniform(-0.08, 1.0) if self.is_stormy and self.dice.random() < self.deadly else None
        twin = act if self.is_stormy and self.dice.random() < TWINS else None
        return self.outlived(kind, self.ground.killer.run(kind, act, moment=moment, twin=twin))

    def die(self, kind: str, act: Act, letter: str, nth: int = 1) -> None:
        """A placed death: at the nth of these marks; where no defect is planted, at its commit instead."""
        death_at = (letter, nth) if letter != PLANTED or self.is_planted else (COMMITTING, 2)
        death = self.ground.killer.run(kind, act, die_at=death_at)
        if not death.killed:
            raise AssertionError(f"{kind} never came to {death_at}: it went {MARKS.read()}")
        self.outlived(kind, death)

    def outlived(self, kind: str, death: Death) -> int:
        """What its surroundings do about a process that has ended, killed or not; what it answered, 0 when it died."""
        self.told.append(f"{kind}: {f'killed {death.where}' if death.killed else death.answer}, {death.seconds:.3f} s")
        if death.broke:
            self.judged([Found("broke", kind, "the process ended with a defect")])
        if death.answer >= 500:
            self.judged([Found("broke", kind, f"answered {death.answer}")])
        if death.killed:
            if self.dice.random() < 0.7:
                self.ground.wait_for_the_dead()
            self.judged(judge.at_any_moment(self.ground, self.bank_paid))
            self.ground.time_heals()
        return 0 if death.killed else death.answer

    def _rehearsed(self, kind: str, act: Act) -> int:
        """Here, in this process: what is slow the first time has been done once before anybody is forked."""
        began = time.monotonic()
        answer = act() or 0
        self.ground.killer.lasted[kind].append(time.monotonic() - began)
        if answer >= 400:
            self.found.append(Found("broke", kind, f"answered {answer} in the rehearsal"))
        return answer

    def judged(self, found: list[Found]) -> None:
        self.found += [each for each in found if each not in self.found]

    def once(self) -> str:
        return f"once-{self.dice.getrandbits(96):024x}"

    # --- paying

    def pay(self, refs: list[str], rail: str) -> None:
        """These settlements from submitted to paid, whatever happens."""
        done = self.until_quiet(lambda: self.step_of_paying(refs, rail))
        if not done:
            self.found.append(Found("not_quiet", ", ".join(refs)))

    def until_quiet(self, step: Any) -> bool:
        self.is_urgent = False
        self.is_stormy = self.deadly > 0 and not self.in_process
        self.ground.provider.tell("weather", share=self.faulty if self.is_stormy else 0.0)
        nights = 0
        for number in range(MOST_ACTS):
            if number == STORMY:
                self.clear_up()
            if step():
                continue
            nights += 1
            if nights == 2:
                return True
            self.clear_up()
            self.do("sync", acts.sync(self.ground))  # the night, in which everything is asked about once more
            self.do("worker", acts.Work(self.ground))
        return False

    def clear_up(self) -> None:
        """From here on nobody dies and every request is answered."""
        self.is_stormy = False
        self.ground.provider.tell("weather", share=0.0)

    def step_of_paying(self, refs: list[str], rail: str) -> bool:
        """The next thing somebody would do; False when there is nothing to be done but to wait."""
        return (
            self.approve(refs)
            or self.batches()
            or self.make(rail)
            or self.work()
            or self.bank_answers()
            or self.deliver()
            or self.settle()
            or self.ask_after_a_day()
        )

    def approve(self, refs: list[str]) -> bool:
        query = "select ref, hash from settlements where status = 'submitted' and ref = any(%s) order by ref"
        waiting = self.ground.rows(query, refs)
        for ref, hash_ in waiting[:1]:
            self.do("approve", acts.approve(self.ground, ref, hash_, self.once()))
        return bool(waiting)

    def make(self, rail: str) -> bool:
        query = (
            "select count(*) from settlements where status in ('approved', 'returned') and net_minor > disputed_minor"
        )
        if self.ground.rows(query)[0][0] == 0:
            return False
        self.do("make", acts.make_batch(self.ground, rail, self.once()))
        return True

    def batches(self) -> bool:
        """Approve what was made; send what was approved, and press once more when it did not seem to work."""
        open_ = self.ground.rows(
            """select b.ref, b.status, b.file_sha256, bool_or(p.status = 'queued') from payout_batches b
                 join payouts p on p.batch_id = b.id where b.status in ('made', 'approved') group by b.id order by b.id"""
        )
        for ref, status, sha256, has_queued in open_:
            if status == "made":
                requests = "select p.request from payouts p join payout_batches b on b.id = p.batch_id where b.ref = %s order by p.id"
                texts = "\n".join(row[0] for row in self.ground.rows(requests, ref))
                signs = sha256 or hashlib.sha256(texts.encode()).hexdigest()
                self.do("approve batch", acts.approve_batch(self.ground, ref, signs, self.once()))
                return True
            if has_queued or sha256 or self.dice.random() < 0.2:
                self.do("send", acts.send(self.ground, ref, self.once()))
                return True
        return False

    def work(self) -> bool:
        jobs = self.ground.rows("select 1 from queue.procrastinate_jobs where status in ('todo', 'doing') limit 1")
        if not jobs:
            return False
        self.ground.time_heals()
        self.do("worker", acts.Work(self.ground))
        return True

    def settle(self) -> bool:
        """The provider's bank decides about one payment, and the provider has something to tell."""
        for ref, there in self.ground.provider.tell("state").items():
            status = there["payouts"][-1] if there["payouts"] else ""
            late = status == "paid" and self.dice.random() < 0.04 and self.is_fresh(ref) and self.may_send_back(ref)
            if status == "pending" or late:
                back = late or (self.dice.random() < 0.25 and self.may_send_back(ref))
                self.ground.provider.tell("settle", ref=ref, status="failed" if back else "paid")
                self.is_urgent |= bool(late)
                kinds = self.dice.sample(LIFE, self.dice.randint(0, 4))
                told = self.ground.provider.tell("deliveries", ref=ref, kinds=kinds)
                self.mailbox += told + told[: self.dice.randint(0, 1)]
                self.dice.shuffle(self.mailbox)
                return True
        return False

    def is_fresh(self, ref: str) -> bool:
        """What was paid is asked about for two weeks; banks send back within days."""
        paid = self.ground.rows("select updated_at from payouts where ref = %s and status = 'paid'", ref)
        return bool(paid) and self.ground.clock.now() - paid[0][0] < timedelta(days=4)

    def may_send_back(self, ref: str) -> bool:
        """A settlement comes back a few times and is paid in the end."""
        settlement = self.ground.rows("select settlement_id from payouts where ref = %s", ref)[0][0]
        self.times_sent_back[settlement] += 1
        return self.is_stormy and self.times_sent_back[settlement] <= 4

    def deliver(self) -> bool:
        if not self.mailbox:
            return False
        told = self.mailbox[0]
        if self.do("webhook", acts.Deliver(self.ground, told.encode())) == 200:
            self.mailbox.remove(told)
        return True

    def bank_answers(self, *, again: bool = False) -> bool:
        """The bank takes each file of the outbox once, pays or sends back, and answers; the answer is handed in, now and then twice.
        `again`: what was answered before is answered once more."""
        query = (
            "select ref, file_name from payout_batches where status = any(%s) and file_sha256 is not null order by id"
        )
        for _, name in self.ground.rows(query, ["sent", "closed"] if again else ["sent"]):
            data = (self.ground.outbox / name).read_bytes()
            for ref, amount in self.ground.rows("select ref, amount_minor from payouts where status = 'sent'"):
                if ref.encode() in data and ref not in self.fates:
                    back = self.dice.random() < 0.3 and self.may_send_back(ref)
                    self.fates[ref] = ("returned", "", "Account closed") if back else ("paid", f"UTR{ref[-4:]}", "")
                    self.bank_paid |= {} if back else {ref: amount}
            fates = {ref: fate for ref, fate in self.fates.items() if ref.encode() in data}
            said = compose_answer(data, ENET_CSV, fates)
            for _ in range(self.dice.choice((1, 1, 2))):
                self.do("confirm", acts.answer(self.ground, said, self.once()))
            return True
        return False

    def ask_after_a_day(self) -> bool:
        """Nobody told us what became of some: the provider is asked, and a day later again."""
        query = "select 1 from payouts where status in ('sending', 'sent', 'unknown') limit 1"
        waiting = "select 1 from provider_events where done_at is null limit 1"
        if not self.ground.rows(query) and not self.ground.rows(waiting):
            return False
        if self.dice.random() < 0.5:  # what comes back late is asked about within days: time goes on, in smaller steps
            self.ground.pass_time(2 if self.is_urgent else 25)
            self.told.append("hours pass" if self.is_urgent else "a day passes")
        self.do("sync", acts.sync(self.ground))
        return True

    # --- importing

    def a_file(self, number: int) -> bytes:
        """Good rows, and one that cannot be stored."""
        rows = "\n".join(f"T{number}X{n},LN{n % 20},{n + 1}.50,2026-11-09,upi,U{number}x{n}" for n in range(GOOD_ROWS))
        return f"{HEADER}\n{rows}\nT{number}bad,LN-nobody,5,2026-11-09,upi,X\n".encode()

    def bring(self, number: int) -> None:
        """One file of collections, by the page and the worker or by the command."""
        data = self.a_file(number)
        step = self.step_of_page if self.dice.random() < 0.6 else self.step_of_command
        if not self.until_quiet(lambda: step(number, data)):
            self.found.append(Found("not_quiet", f"file {number}"))
        there = self.ground.rows("select count(*) from collections where receipt_no like %s", f"T{number}X%")[0][0]
        if there != GOOD_ROWS:
            self.found.append(Found("lost", f"file {number}", f"{there} of {GOOD_ROWS} rows"))

    def step_of_page(self, number: int, data: bytes) -> bool:
        query = "select ref, status, progress_id from uploads where file_sha256 = %s order by id desc limit 1"
        there = self.ground.rows(query, hashlib.sha256(data).hexdigest())
        if not there:
            self.do("hand in", acts.hand_in(self.ground, data, self.once()))
            return True
        ref, status, progress = there[0]
        if status == "checked":
            self.do("store", acts.store(self.ground, ref, self.once()))
            return True
        if status not in ("reading", "storing", "failed"):
            return self.work()
        given_up = self.ground.rows("select 1 from job_progress where id = %s and status = 'failed'", progress)
        if given_up:
            self.do("check again", acts.check_again(self.ground, ref, self.once()))
            return True
        return self.work()

    def step_of_command(self, number: int, data: bytes) -> bool:
        path = self.ground.home / f"november-{number}.csv"
        path.write_bytes(data)
        if self.ground.rows("select 1 from uploads where file_sha256 = %s", hashlib.sha256(data).hexdigest()):
            return self.work()
        self.do("import", acts.import_file(self.ground, path))
        return True


def storm(ground: Ground, *, kills: int, seed: int) -> dict[str, Any]:
    """Trials until so many were killed; worlds are begun anew when their settlements run out. What came of it, as JSON."""
    began, trials, world = time.monotonic(), 0, 0
    found: list[Found] = []
    each: Storm | None = None
    dice = random.Random(seed)
    refs: list[str] = []
    while ground.killer.kills < kills:
        if each is None or len(refs) < 2:
            found += finish(each)
            world += 1
            ground.begin(dice.getrandbits(32))
            each = Storm(ground, dice.getrandbits(32))
            refs = [
                row[0] for row in ground.rows("select ref from settlements where status = 'submitted' order by ref")
            ]
            if world == 1:
                rehearse(each, refs)
        trials += 1
        each.bring(trials)
        rail = RAIL if each.dice.random() < 0.7 else FILE_RAIL
        each.pay([refs.pop() for _ in range(each.dice.choice((1, 1, 2)))], rail)
        ground.wait_for_the_dead()
        each.judged(judge.at_rest(ground, each.bank_paid))
    found += finish(each)
    weather = ground.provider.tell("weather")
    killer = ground.killer
    return {
        "seed": seed,
        "kills": killer.kills,
        "trials": trials,
        "worlds": world,
        "acts": killer.runs,
        "seconds": round(time.monotonic() - began, 1),
        "provider": weather,
        "landed": sorted((kind, where, count) for (kind, where), count in killer.landed.items()),
        "found": [str(one) for one in found],
        "last_acts": list(each.told) if found and each else [],
    }


def rehearse(each: Storm, refs: list[str]) -> None:
    """Every kind of act once in this process, so that the forks find everything loaded and compiled."""
    each.in_process = True
    each.bring(REHEARSAL)
    each.until_quiet(lambda: each.step_of_command(REHEARSAL + 1, f"{HEADER}\nZ1,LN1,5,2026-11-09,upi,UZ\n".encode()))
    for rail in (RAIL, FILE_RAIL):
        each.pay([refs.pop()], rail)
    each.in_process = False
    if each.found:
        raise RuntimeError(f"the rehearsal failed: {each.found}")
    each.ground.database.logins.dispose()
    settle_memory()


def finish(each: Storm | None) -> list[Found]:
    if each is None:
        return []
    each.judged(judge.at_the_end(each.ground, each.bank_paid))
    return each.found
