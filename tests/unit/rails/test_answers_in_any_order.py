"""Whatever a bank answers, in whichever order, twice, about payouts sent again: no money moves twice, and the books balance.

The rules alone, as the services use them: the judge, the lives of payout and settlement, and the journal's lines.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from payouts.ledger.journal import Line, balances, paid_lines, returned_lines, sent_lines, settlement_lines
from payouts.rails.bank_answer import Expected, judge
from payouts.rails.lifecycle import IN_FLIGHT, PAYABLE_AGAIN, next_payout_status
from payouts.rails.moves import SETTLEMENT_STEP
from payouts.rails.protocol import AnswerRecord
from payouts.settlements.lifecycle import PAYABLE, next_status
from portal.kernel.errors import Refused

AMOUNTS = (78_400_00, 5_000_00, 1)


@dataclass
class Paid:
    """A settlement, its payouts newest last, and how often the bank has really paid it."""

    amount: int
    status: str = "approved"
    payouts: list[str] = field(default_factory=list)


class AnswersInAnyOrder(RuleBasedStateMachine):
    @initialize()
    def approved(self):
        self.settlements = [Paid(amount) for amount in AMOUNTS]
        self.payouts: dict[str, Expected] = {}
        self.owner: dict[str, Paid] = {}
        self.lines: list[Line] = []
        for each in self.settlements:
            self.lines += settlement_lines([("commission", each.amount)])

    @rule()
    def make_and_send(self):
        """Whatever is payable goes into a new payout; one live payout a settlement, as the database's index has it."""
        for each in self.settlements:
            if each.status in PAYABLE:
                assert all(self.payouts[ref].status in PAYABLE_AGAIN for ref in each.payouts)
                ref = f"P{len(self.payouts) + 1}"
                each.status = next_status(each.status, "pay")
                each.payouts.append(ref)
                self.owner[ref] = each
                self.lines += sent_lines(each.amount)
                status = next_payout_status(next_payout_status("queued", "start"), "sent")
                self.payouts[ref] = Expected(each.amount, "INR", status)

    @rule(data=st.data())
    def lose(self, data):
        if waiting := [ref for ref, each in self.payouts.items() if each.status == "sent"]:
            ref = data.draw(st.sampled_from(waiting))
            self.payouts[ref] = replace(self.payouts[ref], status=next_payout_status("sent", "lose"))

    @rule(data=st.data())
    def answer(self, data):
        """A file with any answers about any payouts, right and wrong ones: all of it counts, or nothing."""
        refs = data.draw(st.lists(st.sampled_from([*self.payouts, "P999"]), max_size=4))
        records = [
            AnswerRecord(
                row,
                ref,
                data.draw(st.sampled_from([self.payouts[ref].amount_minor, None, 7] if ref in self.payouts else [7])),
                data.draw(st.sampled_from(["paid", "returned", "failed", "pending"])),
                data.draw(st.sampled_from([f"UTR-{ref}", "OTHER"])),
                "",
            )
            for row, ref in enumerate(refs, start=1)
        ]
        verdicts, problems = judge(records, self.payouts)
        if problems:
            return
        for verdict in verdicts:
            if verdict.action != "known":
                self.conclude(verdict.ref, verdict.action, verdict.utr)

    def conclude(self, ref: str, action: str, utr: str):
        payout, settlement = self.payouts[ref], self.owner[ref]
        was_paid = payout.status == "paid"
        self.payouts[ref] = replace(payout, status=next_payout_status(payout.status, action), provider_ref=utr)
        self.lines += (
            paid_lines(payout.amount_minor)
            if action == "confirm"
            else returned_lines(payout.amount_minor, was_paid=was_paid)
        )
        settlement.status = next_status(settlement.status, SETTLEMENT_STEP[action])

    @invariant()
    def the_books_say_what_the_payouts_say(self):
        totals = balances(self.lines)

        def of(*statuses):
            return sum(each.amount_minor for each in self.payouts.values() if each.status in statuses)

        assert sum(totals.values()) == 0
        assert -totals.get("bank", 0) == of("paid")
        assert -totals.get("payout_clearing", 0) == of(*IN_FLIGHT)
        assert -totals.get("payable_to_agency", 0) == sum(
            each.amount for each in self.settlements if each.status in PAYABLE
        )

    @invariant()
    def no_settlement_is_paid_twice(self):
        for each in self.settlements:
            live = [ref for ref in each.payouts if self.payouts[ref].status not in PAYABLE_AGAIN]
            assert len(live) <= 1
            assert (each.status == "paid") == any(self.payouts[ref].status == "paid" for ref in live)


AnswersInAnyOrder.TestCase.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
TestAnswersInAnyOrder = AnswersInAnyOrder.TestCase


def test_what_is_concluded_again_is_refused_by_its_life():
    for status in ("returned", "failed", "void"):
        for action in ("confirm", "return", "fail"):
            try:
                next_payout_status(status, action)
            except Refused:
                continue
            raise AssertionError(f"{status} takes the step {action}")
