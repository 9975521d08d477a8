"""An agency's own breaks in its own words: what happened to which receipt, what it can do, until when. Never a word of anybody else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, or_, select, true, tuple_
from sqlalchemy.orm import Session

from allocations.agencies.queries import OFFICE, Sight
from allocations.collections.models import Collection
from allocations.collections.queries import reported_in
from allocations.collections.receipts.cash import DEPOSIT_DAYS, Dated
from allocations.collections.receipts.cash_queries import dated, has_no_slip
from allocations.reconciliation.matching.ageing import Carried, carried
from allocations.reconciliation.matching.reasons import FAMILY, KINDS
from allocations.reconciliation.models import Break
from portal.kernel.clock import BANK_ZONE
from portal.kernel.money import grouped, shown

NOTHING_TO_DO = "Nothing for you to do: the bank settles it."
ELECTRONIC = {  # what cures it where nothing is paid in over a counter
    "R01": "Compare the payment reference with the payer's own message. Correct the receipt if it differs, or attach the message to it.",
    "R03": "Compare the receipt with the payer's own message. Correct the amount, or have the rest paid.",
}


@dataclass(frozen=True, slots=True)
class OwnBreak:
    """One open break. `receipt` is None where it is about numbers of a book; `carried` where it is cash that nobody paid in."""

    found: Break
    receipt: Collection | None
    today: date
    carried: Carried | None = None

    @property
    def told(self) -> str:
        return "Cash that is not paid in yet" if self.carried else KINDS[self.found.code].told

    @property
    def why(self) -> str:
        """What the bank's books say of it, as far as it is the agency's own money."""
        if self.carried:
            return said_of_cash(self.carried)
        try:
            return SAID.get(self.found.code, lambda detail, currency: "")(self.found.detail, self.found.currency)
        except KeyError:  # an older run noted less: the reason is told without its figures
            return ""

    @property
    def asks(self) -> str:
        kind = KINDS[self.found.code]
        if self.found.cure != kind.cure:
            return self.found.cure
        is_electronic = self.receipt is not None and self.receipt.mode not in FAMILY
        return (ELECTRONIC.get(self.found.code) if is_electronic else None) or kind.asks or NOTHING_TO_DO

    @property
    def is_yours(self) -> bool:
        return self.found.owner == "agency"

    @property
    def is_overdue(self) -> bool:
        if self.carried:
            return self.carried.is_overdue
        return self.found.due_on is not None and self.found.due_on < self.today

    @property
    def blocks_money(self) -> bool:
        """Whether commission waits for it: money that is not confirmed whole earns nothing on the rest."""
        open_minor = self.receipt.amount_minor - self.receipt.linked_minor if self.receipt else 0
        return KINDS[self.found.code].blocks_money and open_minor > 0


def said_of_cash(cash: Carried) -> str:
    hours = f"{'at least ' if cash.at_least else ''}{grouped(str(cash.hours), indian=True)} hour{'' if cash.hours == 1 else 's'}"
    days = f" ({cash.hours // 24} days)" if cash.hours > 72 else ""
    return f"Carried for {hours}{days}; it {'was' if cash.is_overdue else 'is'} due by {_moment(cash.due_at)}."


def _moment(at: datetime) -> str:
    """A moment as people say it: midnight is the end of the day before."""
    local = at.astimezone(BANK_ZONE)
    if local.time() == time():
        last = local - timedelta(days=1)
        return f"the end of {last.day} {last:%b}"
    return f"{local.day} {local:%b, %H:%M}"


def _day(text: Any) -> str:
    day = date.fromisoformat(str(text))
    return f"{day.day} {day:%b %Y}"


def _other_amount(detail: dict[str, Any], currency: str) -> str:
    """By how much only where the run noted it: where the number is one that nobody guesses (break_money.proven)."""
    if "difference_minor" not in detail:
        return "A credit with this number shows a different amount."
    difference = int(detail["difference_minor"])
    than = f"{shown(abs(difference), currency)} {'more' if difference > 0 else 'less'} than you reported"
    return f"A credit with this number shows {than}."


def _in_doubt(detail: dict[str, Any], currency: str) -> str:
    """Why it is in doubt is the bank's to know: it may be about somebody else."""
    why = str(detail.get("why", ""))
    return why if "direct" in why else "The bank cannot be sure yet that this money is this receipt's."


def _numbers(detail: dict[str, Any], currency: str) -> str:
    said = []
    if detail.get("missing"):
        said.append(f"Missing: {detail['missing']}.")
    if detail.get("void_without_approval"):
        said.append(f"Void or lost, not confirmed by a second person: {detail['void_without_approval']}.")
    return " ".join(said) or str(detail.get("why", ""))


def _hours(detail: dict[str, Any], currency: str) -> str:
    if "taken_at" in detail:
        return f"Taken at {detail['taken_at']}, the borrower's time; contact is allowed from {detail['hours']}."
    return f"Dated {_day(detail['collected_on'])}; the account came to you on {_day(detail['allocated_on'])}."


def _split(detail: dict[str, Any], currency: str) -> str:
    names = [name.removesuffix("_reported_minor") for name in detail if name.endswith("_reported_minor")]
    parts = [
        f"{name} {shown(detail[f'{name}_reported_minor'], currency)}, booked {shown(detail[f'{name}_booked_minor'], currency)}"
        for name in names
    ]
    return f"You reported {'; '.join(parts)}." if parts else ""


SAID = {
    "R01": lambda detail, currency: str(detail.get("why", "")),
    "R03": _other_amount,
    "R04": _in_doubt,
    "R05": lambda detail, currency: f"Credited on {_day(detail['credited_on'])}.",
    "R09": lambda detail, currency: (
        f"Returned on {_day(detail['returned_on'])}." if "returned_on" in detail else str(detail.get("why", ""))
    ),
    "R10": lambda detail, currency: "The bank booked it under another way of paying.",
    "R11": _numbers,
    "R13": _split,
    "R14": _hours,
}


def own_breaks(
    session: Session,
    agency_id: int,
    *,
    now: datetime,
    sight: Sight = OFFICE,
    code: str = "",
    owner: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> Sequence[OwnBreak]:
    """Open breaks of an agency, what is due first; `after` is (due_on, id) of the last one shown. `owner`: "yours" or "banks"."""
    no_slip = has_no_slip().label("no_slip")
    query = (
        select(Break, Collection, no_slip)
        .outerjoin(Collection, Collection.id == Break.collection_id)
        .where(Break.agency_id == agency_id, Break.status == "open", seen_by(sight))
    )
    if code:
        query = query.where(Break.code == code.upper())
    if owner:
        query = query.where(Break.owner == "agency" if owner == "yours" else Break.owner != "agency")
    if after:
        query = query.where(tuple_(Break.due_on, Break.id) > after)
    within, today = dated(session, DEPOSIT_DAYS), now.astimezone(BANK_ZONE).date()
    rows = session.execute(query.order_by(Break.due_on, Break.id).limit(limit))
    return [_own(found, receipt, bare, within, now, today) for found, receipt, bare in rows]


def seen_by(sight: Sight) -> ColumnElement[bool]:
    """The office sees all; a field agent what they took themselves."""
    return true() if sight.everyone else or_(Break.collection_id.is_not(None) & reported_in(sight))


def _own(
    found: Break, receipt: Collection | None, no_slip: bool, within: Dated, now: datetime, today: date
) -> OwnBreak:
    carries = receipt is not None and found.code == "R01" and receipt.mode == "cash" and no_slip
    return OwnBreak(found, receipt, today, carried_cash(receipt, within, now) if carries and receipt else None)


def carried_cash(receipt: Collection, within: Dated, now: datetime) -> Carried:
    """How long the cash of a receipt has been carried, under the rule of its day."""
    days = within.on(receipt.collected_on, 1)
    return carried(receipt.collected_on, receipt.collected_time, days, now=now, zone=BANK_ZONE)


@dataclass(frozen=True, slots=True)
class OwnSum:
    code: str
    currency: str
    count: int
    amount_minor: int
    yours: int


def own_sums(session: Session, agency_id: int) -> list[OwnSum]:
    """Open breaks by code and currency, the most money first; `yours`: how many lie with the agency."""
    total = func.sum(Break.amount_minor)
    query = (
        select(Break.code, Break.currency, func.count(), total, func.count().filter(Break.owner == "agency"))
        .where(Break.agency_id == agency_id, Break.status == "open")
        .group_by(Break.code, Break.currency)
        .order_by(total.desc(), Break.code)
    )
    return [OwnSum(row[0], row[1], row[2], int(row[3]), row[4]) for row in session.execute(query)]
