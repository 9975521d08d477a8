"""What has to be found out before paying goes on: payouts that a provider or a bank may have, and payments nobody here knows of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Lender
from allocations.reconciliation.models import BankAccount, BankLine, BankStatement
from payouts.ledger.service import bank_day
from payouts.rails.choosing import ONLINE_RAIL
from payouts.rails.debits import LOOK_BACK, OUR_REFERENCE
from payouts.rails.fate_models import PayoutDebit, PayoutFinding
from payouts.rails.lifecycle import IN_FLIGHT
from payouts.rails.models import Payout, PayoutBatch
from payouts.rails.provider_models import PayingStop

# The one thing to do about each. `{batch}`: the batch it is in.
NEXT_ACTS = {
    "look_up": "Look it up at the provider: portal payouts sync",
    "agree": "Another person agrees to what was found out about it.",
    "say": "Ask the bank, say what became of it, and have another person agree.",
    "answer": "Hand in the bank's answer (portal payouts confirm FILE), or say what became of it.",
    "reject": "Reject the batch {batch} once the bank says that it never came.",
    "send": "Approve and send the batch {batch}, which was paid by hand; then say what became of it.",
}


# A payout's or batch's own: of a month there is, in as many figures, with the mark of a restore before them if there was one. Another
# firm's "P2024-15" is none, and nobody could tie it.
GIVEN_BY_US = re.compile(
    r"P\d\d(0[1-9]|1[0-2])-(\d{4,}|[0-9A-Z]{6}\d{3,})|B\d\d(0[1-9]|1[0-2])-(\d{2,}|[0-9A-Z]{6}\d{2,})"
)


@dataclass(frozen=True, slots=True)
class OpenIntent:
    """A payout whose fate has to be found out, and its one next act."""

    ref: str
    batch_ref: str
    rail: str
    status: str
    agency_name: str
    amount_minor: int
    currency: str
    act: str

    @property
    def next_act(self) -> str:
        return NEXT_ACTS[self.act].format(batch=self.batch_ref)


@dataclass(frozen=True, slots=True)
class UnknownDebit:
    """A debit of our account that names a payout or batch there is none of: it was made in the time that was lost."""

    line_ref: str
    value_on: date
    amount_minor: int
    currency: str
    names: str
    description: str


def open_intents(session: Session, stop: PayingStop) -> list[OpenIntent]:
    """Every payout to be found out about before this stop is lifted, oldest first.

    A provider is asked about all that is under way. After a restore files count too: the bank may have got them since the backup.
    """
    waiting = select(PayoutFinding.payout_id).where(PayoutFinding.status == "proposed")
    query = (
        select(Payout, PayoutBatch, Agency.legal_name, Payout.id.in_(waiting))
        .join(PayoutBatch, PayoutBatch.id == Payout.batch_id)
        .join(Agency, Agency.id == Payout.agency_id)
        .where(Payout.status.in_(["queued", *IN_FLIGHT]))
        .order_by(Payout.id)
    )
    return [
        OpenIntent(
            *(payout.ref, batch.ref, batch.rail, payout.status, name, payout.amount_minor, payout.currency),
            "agree" if has_finding else act,
        )
        for payout, batch, name, has_finding in session.execute(query)
        if (act := _act_of(payout, batch, stop))
    ]


def _act_of(payout: Payout, batch: PayoutBatch, stop: PayingStop) -> str:
    """What is to be done about a payout under way; empty when nothing is."""
    if batch.rail == ONLINE_RAIL:
        stale = payout.looked_up_at is None or payout.looked_up_at < stop.stopped_at
        return "look_up" if stale else ""
    if stop.lost_since is None:
        return ""
    is_new = payout.created_at > stop.stopped_at  # recorded by hand while the stop stands
    if payout.status == "queued":
        return "send" if is_new else "reject"
    if payout.status == "sent" and payout.updated_at > stop.stopped_at and not is_new:
        return ""  # somebody has asked since, and the bank has it
    return "answer" if payout.status == "sent" and batch.rail != "manual" else "say"


def unknown_debits(session: Session, stop: PayingStop) -> list[UnknownDebit]:
    """Debits since the backup that carry a reference of ours which nothing here has, or only what was taken back unsent, and that no
    payout is tied to."""
    if stop.lost_since is None:
        return []
    told = BankLine.bank_ref + " " + BankLine.customer_ref + " " + BankLine.description
    spoken_for = select(PayoutDebit.id).where(PayoutDebit.bank_line_id == BankLine.id, PayoutDebit.undone_at.is_(None))
    query = (
        select(BankLine, told)
        .join(BankStatement, BankStatement.id == BankLine.statement_id)
        .where(BankStatement.status != "refused", BankLine.side == "debit")
        .where(
            BankLine.value_on >= bank_day(stop.lost_since) - LOOK_BACK, told.regexp_match(r"[PB]\d{4}-[0-9A-Z]{2}", "i")
        )
        .where(~spoken_for.exists())
        .order_by(BankLine.value_on, BankLine.id)
    )
    named = [
        (line, list(filter(GIVEN_BY_US.fullmatch, OUR_REFERENCE.findall(text.upper()))))
        for line, text in session.execute(query)
    ]
    known = set(_known(session, {ref for _, refs in named for ref in refs}))
    return [
        UnknownDebit(line.ref, line.value_on, line.amount_minor, line.currency, refs[0], line.description)
        for line, refs in named
        if refs and not known.intersection(refs)
    ]


def _known(session: Session, refs: set[str]) -> Iterator[str]:
    """Of these, what was let go as far as is known here: a void one never was, and its debit is a payment all the same."""
    for model in (Payout, PayoutBatch):
        yield from session.scalars(select(model.ref).where(model.ref.in_(refs), model.status != "void"))


def statements_reach(session: Session) -> date | None:
    """The last day of the account we pay from whose bank statement is here; None when there is none at all."""
    query = (
        select(func.max(BankStatement.to_on))
        .join(BankAccount, BankAccount.id == BankStatement.bank_account_id)
        .where(BankAccount.account_no.in_(select(Lender.debit_account_no)), BankStatement.status != "refused")
    )
    return session.scalar(query)
