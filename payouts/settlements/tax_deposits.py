"""Tax withheld and paid to the government: entered from the challan by one person, accepted by another, then in the books.

What was entered wrongly leaves the books as it came in: one person asks, and another, who did not enter it either, cancels.

A deposit is of one month and one code, and covers whole statements: its amount is what they withheld, to the unit. India pays with a
challan (the branch's BSR code, its serial number, the day), Kenya with a payment registration number.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.service import lender
from payouts.ledger.journal import deposit_interest_lines, deposited_lines
from payouts.ledger.models import JournalEntry
from payouts.ledger.service import post, reverse
from payouts.settlements.models import Settlement
from payouts.settlements.tax_deductions import Deduction, Key, deductions
from payouts.tax.models import WithholdingDeposit, WithholdingDepositLine
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.money import plain, shown
from portal.kernel.periods import Period, month_of
from portal.kernel.persons import same_person
from portal.kernel.proposals import Proposals, reason_problems

LIVE = ("proposed", "accepted")
LOCK = 0x4445_504F  # deposits are entered and decided one after the other
# What a country calls the two numbers, and how they look.
NUMBERS = {"IN": re.compile(r"\d{1,5}"), "KE": re.compile(r"[A-Z0-9]{6,20}")}
BRANCHES = {"IN": re.compile(r"\d{7}")}
NUMBER_WORDS = {"IN": "Challan serial number", "KE": "Payment registration number"}


def _facts(found: WithholdingDeposit) -> dict[str, Any]:
    tax, interest = (plain(minor, found.currency) for minor in (found.amount_minor, found.interest_minor))
    month = month_of(found.period_start).label
    told = {"month": month, "code": found.code, "amount": tax, "interest": interest}
    return told | {"challan": found.challan_no, "bank_code": found.bank_code, "on": found.deposited_on}


PROPOSALS = Proposals(
    *(WithholdingDeposit, "a deposit", AuditTag.DEPOSIT_MOVED, "withholding_deposit"),
    ref=lambda found: found.ref,
    named=lambda found: f"Deposit {found.ref}",
    facts=_facts,
    reason_cure="Whoever entered it reads it.",
)


@dataclass(frozen=True, slots=True)
class NewDeposit:
    """A deposit as its receipt says it. `refs`: the settlements it covers; empty for all of the month and code that are open."""

    month: Period
    code: str
    challan_no: str
    bank_code: str
    deposited_on: date
    amount_minor: int
    interest_minor: int = 0
    refs: tuple[str, ...] = ()


def propose_deposit(
    session: Session, new: NewDeposit, *, actor: Actor, now: datetime, today: date
) -> WithholdingDeposit:
    """Enter a deposit. Invalid with everything that is wrong with it, first of all when it is not what was withheld."""
    _one_by_one(session)
    country, number = lender(session).country, re.sub(r"\s+", "", new.challan_no).upper()
    covered = [each for each in open_deductions(session, new.month, new.code) if not new.refs or each.ref in new.refs]
    problems = [*_number_problems(country, number, new.bank_code), *_day_problems(new, today)]
    problems += [*_amount_problems(new, covered, lender(session).currency), *_known(session, new, number)]
    if problems:
        raise Invalid(problems)
    made = WithholdingDeposit(
        ref=f"WD-{new.month.start:%y%m}-{secrets.token_hex(3).upper()}",
        country=country,
        section=covered[0].section,
        code=new.code,
        period_start=new.month.start,
        amount_minor=new.amount_minor,
        interest_minor=new.interest_minor,
        currency=covered[0].currency,
        bank_code=new.bank_code.strip(),
        challan_no=number,
        deposited_on=new.deposited_on,
    )
    PROPOSALS.propose(session, made, actor=actor, now=now)
    session.add_all(_line(made, each) for each in covered)
    session.flush()
    return made


def _line(deposit: WithholdingDeposit, each: Deduction) -> WithholdingDepositLine:
    return WithholdingDepositLine(
        deposit_id=deposit.id,
        agency_id=each.agency_id,
        settlement_id=each.settlement_id,
        amount_minor=each.amount_minor,
        currency=each.currency,
    )


def _number_problems(country: str, number: str, bank_code: str) -> Iterator[Problem]:
    word = NUMBER_WORDS.get(country, "Number")
    if not NUMBERS.get(country, NUMBERS["KE"]).fullmatch(number):
        cure = "Up to five digits, as on the challan." if country == "IN" else "6 to 20 letters and digits."
        yield Problem("bad_number", f"{word}: {number or 'nothing'} is none.", cure, column="challan_no", value=number)
    pattern = BRANCHES.get(country)
    if pattern and not pattern.fullmatch(bank_code.strip()):
        cure = "Seven digits: the branch that took the money."
        yield Problem("bad_bank_code", "That is no BSR code.", cure, column="bank_code", value=bank_code)
    if not pattern and bank_code.strip():
        yield Problem("bad_bank_code", "There is no BSR code outside India.", "Leave it empty.", column="bank_code")


def _day_problems(new: NewDeposit, today: date) -> Iterator[Problem]:
    if new.deposited_on > today:
        yield Problem("future_date", "That day is still to come.", "Enter it once it is paid.", column="deposited_on")
    elif new.deposited_on < new.month.last_day:
        message = f"The fees were credited on {new.month.last_day:%-d %B %Y}, after that day."
        yield Problem("early_date", message, "Copy the day from the receipt.", column="deposited_on")


def _amount_problems(new: NewDeposit, covered: Sequence[Deduction], currency: str) -> Iterator[Problem]:
    if unknown := set(new.refs) - {each.ref for each in covered}:
        message = f"{', '.join(sorted(unknown))}: nothing of that month and code is open there."
        yield Problem("nothing_open", message, "Choose among what is open.", column="settlement")
    total = sum(each.amount_minor for each in covered)
    if not covered:
        message = f"Nothing withheld under {new.code} in {new.month.start:%B %Y} waits to be deposited."
        yield Problem("nothing_open", message, "Look at the register: month and code.", column="code")
    elif new.amount_minor != total:
        message = f"{shown(total, currency)} was withheld, not {shown(new.amount_minor, currency)}."
        cure = "Name the statements it covers, or correct the amount; interest is entered beside it."
        yield Problem("wrong_amount", message, cure, column="amount")
    if new.interest_minor < 0:
        yield Problem("bad_amount", "Interest is not below nothing.", column="interest")


def _known(session: Session, new: NewDeposit, number: str) -> Iterator[Problem]:
    query = select(WithholdingDeposit.ref).where(
        WithholdingDeposit.challan_no == number,
        WithholdingDeposit.bank_code == new.bank_code.strip(),
        WithholdingDeposit.deposited_on == new.deposited_on,
        WithholdingDeposit.period_start == new.month.start,
        WithholdingDeposit.code == new.code,
        WithholdingDeposit.status.in_(LIVE),
    )
    if ref := session.scalar(query.limit(1)):
        message = f"{ref} has this number already."
        yield Problem("deposit_exists", message, "Look at it first.", column="challan_no", value=number)


def open_deductions(session: Session, month: Period, code: str) -> list[Deduction]:
    """What was withheld in a month under a code and stands in no deposit that waits or was accepted."""
    taken = deposited_of(session, month)
    return [each for each in deductions(session, month) if each.code == code and each.key not in taken]


def deposited_of(session: Session, months: Period, statuses: Sequence[str] = LIVE) -> dict[Key, WithholdingDeposit]:
    """(settlement id, code) → the deposit it stands in, of fees credited in these months."""
    query = (
        select(WithholdingDepositLine.settlement_id, WithholdingDeposit)
        .join(WithholdingDeposit, WithholdingDeposit.id == WithholdingDepositLine.deposit_id)
        .where(WithholdingDeposit.status.in_(statuses))
        .where(WithholdingDeposit.period_start >= months.start, WithholdingDeposit.period_start < months.end)
    )
    return {(settlement_id, found.code): found for settlement_id, found in session.execute(query)}


def lines_of(session: Session, deposit: WithholdingDeposit) -> list[WithholdingDepositLine]:
    query = select(WithholdingDepositLine).where(WithholdingDepositLine.deposit_id == deposit.id)
    return list(session.scalars(query.order_by(WithholdingDepositLine.id)))


def load_deposit(session: Session, ref: str, *, locked: bool = True) -> WithholdingDeposit:
    """NotFound when there is none."""
    return PROPOSALS.load(session, ref=ref, locked=locked)


def decide_deposit(
    session: Session, found: WithholdingDeposit, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> None:
    """A second person's word; accepted, it is in the books. Refused when a statement it covers says something else by now."""
    _one_by_one(session)
    action = "accept" if accept else "reject"
    PROPOSALS.may_decide(found, action, reason=reason, actor=actor)
    if accept:
        _refuse_changed(session, found)
    PROPOSALS.decide(session, found, action, reason=reason, actor=actor, now=now)
    if accept:
        _post(session, found, actor, now)


def _refuse_changed(session: Session, found: WithholdingDeposit) -> None:
    lines = lines_of(session, found)
    covered = select(Settlement.id).where(Settlement.id.in_([line.settlement_id for line in lines]))
    session.execute(covered.order_by(Settlement.id).with_for_update(read=True))  # none is taken back meanwhile
    stands = {each.key: each.amount_minor for each in deductions(session, month_of(found.period_start))}
    for line in lines:
        if stands.get((line.settlement_id, found.code)) != line.amount_minor:
            message = "A statement it covers was taken back since it was entered."
            raise Refused(message, code="basis_changed", cure="Reject it, and enter it anew.")


def _post(session: Session, found: WithholdingDeposit, actor: Actor, now: datetime) -> None:
    """An entry an agency whose tax it is, and one of what being late has cost."""
    by_agency: dict[int, int] = {}
    for line in lines_of(session, found):
        by_agency[line.agency_id] = by_agency.get(line.agency_id, 0) + line.amount_minor
    given: dict[str, Any] = {"kind": "withholding_deposit", "subject_ref": found.ref, "currency": found.currency}
    given |= {"narration": f"Tax withheld in {found.period_start:%B %Y}, {_told(found)}", "actor": actor, "now": now}
    for agency_id, minor in sorted(by_agency.items()):
        post(session, f"J-{found.ref}-{agency_id}", deposited_lines(minor), agency_id=agency_id, **given)
    interest = deposit_interest_lines(found.interest_minor)
    post(session, f"J-{found.ref}-interest", interest, agency_id=None, **given)


def _told(found: WithholdingDeposit) -> str:
    return f"challan {found.bank_code} {found.challan_no}" if found.bank_code else f"PRN {found.challan_no}"


def withdraw_deposit(session: Session, found: WithholdingDeposit, *, actor: Actor, now: datetime) -> None:
    PROPOSALS.move(session, found, "withdraw", actor=actor, now=now)


def ask_to_cancel(session: Session, found: WithholdingDeposit, *, reason: str, actor: Actor, now: datetime) -> None:
    """An accepted deposit was entered wrongly, says one person. It stays in the books until another cancels it."""
    _one_by_one(session)
    if problems := [*reason_problems(reason, "Say what is wrong with it.", "Whoever cancels it reads it.")]:
        raise Invalid(problems)
    PROPOSALS.next_status(found, "cancel")
    if found.cancel_asked_by:
        message = f"{found.cancel_asked_by} has asked for {found.ref} to be cancelled."
        raise Refused(message, code="asked_already", cure="Another person cancels it, or keeps it.")
    found.cancel_asked_by, found.cancel_asked_at = actor.email, now
    _say(session, found, "ask_to_cancel", reason, actor, now)


def keep_deposit(session: Session, found: WithholdingDeposit, *, reason: str, actor: Actor, now: datetime) -> None:
    """It stays as it is: whoever asked thinks better of it, or somebody else says why not."""
    _one_by_one(session)
    _asked(found)
    if problems := [*reason_problems(reason, "Say why it stays.", "Whoever asked reads it.")]:
        raise Invalid(problems)
    found.cancel_asked_by, found.cancel_asked_at = None, None
    _say(session, found, "keep", reason, actor, now)


def cancel_deposit(session: Session, found: WithholdingDeposit, *, actor: Actor, now: datetime) -> None:
    """Another person than who asked, and than who entered it: its entries are reversed, and what it covered is open again."""
    _one_by_one(session)
    _asked(found)
    for who, deed in ((found.cancel_asked_by, "asked for it"), (found.proposed_by, "entered it")):
        if same_person(session, actor.email, who):
            raise Refused(f"You {deed}: another person cancels it.", code="is_not_the_maker")
    found.cancelled_by = actor.email
    PROPOSALS.move(session, found, "cancel", actor=actor, now=now)
    entries = select(JournalEntry.ref).where(
        JournalEntry.subject_ref == found.ref, JournalEntry.kind == "withholding_deposit"
    )
    for ref in session.scalars(entries.order_by(JournalEntry.id)).all():
        reverse(session, ref, narration=f"Deposit {found.ref} cancelled", actor=actor, now=now)


def _asked(found: WithholdingDeposit) -> None:
    PROPOSALS.next_status(found, "cancel")
    if not found.cancel_asked_by:
        message = f"Nobody has asked for {found.ref} to be cancelled."
        raise Refused(message, code="not_asked", cure="Ask for it first, and say why; another person cancels.")


def _say(session: Session, found: WithholdingDeposit, action: str, reason: str, actor: Actor, now: datetime) -> None:
    """What is said of it while it stays in the books."""
    found.decision_reason = reason.strip()
    session.flush()
    PROPOSALS.tell(session, found, action, found.status, actor, now)


def _one_by_one(session: Session) -> None:
    session.scalar(select(func.pg_advisory_xact_lock(LOCK)))


def deposit_of_settlement(session: Session, settlement_id: int) -> str | None:
    """The reference of a deposit, waiting or accepted, that pays over this settlement's tax."""
    query = (
        select(WithholdingDeposit.ref)
        .join(WithholdingDepositLine, WithholdingDepositLine.deposit_id == WithholdingDeposit.id)
        .where(WithholdingDepositLine.settlement_id == settlement_id, WithholdingDeposit.status.in_(LIVE))
    )
    return session.scalar(query.limit(1))


def list_deposits(
    session: Session, *, status: str = "", after: tuple[Any, ...] | None = None, limit: int = 51
) -> list[WithholdingDeposit]:
    """Deposits, the last entered first; `after` is the (id,) of the last one seen."""
    query = select(WithholdingDeposit).order_by(WithholdingDeposit.id.desc()).limit(limit)
    if status:
        query = query.where(WithholdingDeposit.status == status)
    return list(session.scalars(query.where(WithholdingDeposit.id < after[0]) if after else query))
