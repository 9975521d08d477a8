"""One receipt comes in, from a page or a phone: the checks of a file's row, the rules about cash and books, exactly once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Agent
from allocations.agencies.queries import agent_of
from allocations.agencies.service import refuse_shut
from allocations.collections.models import Collection, CollectionVersion
from allocations.collections.receipts import book_queries, books, cash, cash_queries
from allocations.collections.receipts.entries import Entry, make_check_code, own_faults, tidy
from allocations.keys import normalise_reference, receipt_fold, receipt_key
from allocations.placements.models import Allocation
from allocations.placements.tails import tail_days
from allocations.vocabulary import MODES
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.money import shown

__all__ = ["Entry", "Reported", "report_collection"]

SAME = ("loan_account_no", "receipt_key", "amount_minor", "mode", "collected_on", "instrument_key")


@dataclass(frozen=True)
class Reported:
    """The stored collection, and whether it was there before."""

    collection: Collection
    was_there: bool


def report_collection(
    session: Session, entry: Entry, *, agency: Agency, actor: Actor, now: datetime, today: date, source: str
) -> Reported:
    """Store one receipt, or find it stored already: by its `client_id`, or by its number and the same facts.

    A field agent reports for themselves; others may name an agent. Raises Invalid with every problem; Refused when the agency may
    not report any more, when the person is tied to no agent, or when the same `client_id` comes with other facts.
    """
    refuse_shut(agency, "collections")
    entry = tidy(entry)
    cash_queries.lock_collections(session, agency.id)
    agent = agent_reporting(session, agency, actor, entry.agent_code)
    facts = facts_of(replace(entry, agent_code=agent.code if agent else entry.agent_code))
    if sent := sent_before(session, agency, entry, facts):
        return Reported(sent, True)
    problems = own_faults(entry, modes=MODES, collected_on=facts["collected_on"], today=today)
    if entry.agent_code and agent is None:
        problems.append(
            Problem("unknown_agent", "You have no such agent.", "Choose one of yours.", column="agent_code")
        )
    stored = same_number(session, agency, facts["receipt_key"]) if facts["receipt_key"] else None
    if stored and not problems and all(getattr(stored, name) == facts[name] for name in SAME):
        return Reported(stored, True)
    if stored:
        problems.append(told_otherwise(stored, is_ours=is_in_sight(stored, actor, agent)))
    allocation = place(session, agency, actor, agent, facts, problems, today=today)
    if not stored:
        problems += number_problems(session, agency, facts, today, actor, agent)
    if entry.mode == "cash" and entry.amount_minor > 0:
        problems += cash_problems(session, agency, facts, today)
    if problems or allocation is None:
        raise Invalid(problems)
    return Reported(store(session, entry, facts, allocation, agency, actor, now, source), False)


def agent_reporting(session: Session, agency: Agency, actor: Actor, code: str | None) -> Agent | None:
    """Who took the money: a field agent themselves, else whom the office names. None when that is nobody we know."""
    if actor.role != "field_agent":
        named = select(Agent).where(Agent.agency_id == agency.id, Agent.code == code)
        return session.scalars(named).first() if code else None
    agent = agent_of(session, actor.user_id, agency.id)
    if agent is None:
        raise Refused(
            "You are not on your agency's list of agents yet.",
            code="no_agent",
            cure="Ask your office to have the bank tie your sign-in to your agent code.",
        )
    if code and code != agent.code:
        raise Refused("A field agent reports their own receipts only.", code="other_agent", cure="Ask your office.")
    return agent


def facts_of(entry: Entry) -> dict[str, Any]:
    """The entry as columns: its keys, and its moment as day and time on the bank's wall clock."""
    if entry.collected_at.tzinfo is None:
        raise ValueError("collected_at knows its zone")
    local = entry.collected_at.astimezone(BANK_ZONE)
    key = receipt_key(entry.receipt_no)
    return {
        "loan_account_no": entry.loan_account_no,
        "receipt_no": entry.receipt_no,
        "receipt_key": key,
        "receipt_fold": receipt_fold(key),
        "amount_minor": entry.amount_minor,
        "mode": entry.mode,
        "collected_on": local.date(),
        "collected_time": local.time().replace(microsecond=0),
        "instrument_ref": entry.instrument_ref,
        "instrument_key": normalise_reference(entry.instrument_ref) or None,
        "agent_code": entry.agent_code,
        "deposit_slip_no": entry.deposit_slip_no,
        "slip_key": normalise_reference(entry.deposit_slip_no) or None,
        "deposited_on": entry.deposited_on,
    }


def sent_before(session: Session, agency: Agency, entry: Entry, facts: dict[str, Any]) -> Collection | None:
    """What came under this client_id before, even if it was corrected meanwhile. Refused when it says something else now."""
    if not entry.client_id:
        return None
    mine = (Collection.agency_id == agency.id) & (Collection.client_id == entry.client_id)
    stored = session.scalars(select(Collection).where(mine)).first()
    if stored and any(getattr(stored, name) != facts[name] for name in SAME) and not said_first(session, stored, facts):
        raise Refused(
            f"This was sent before as receipt {stored.receipt_no} with other facts.",
            code="client_id_differs",
            cure="Nothing was changed. To correct a stored receipt, ask your office.",
        )
    return stored


def said_first(session: Session, stored: Collection, facts: dict[str, Any]) -> bool:
    """Whether a receipt that was corrected said just this when it came in."""
    first = session.get(CollectionVersion, (stored.id, 1))
    told = facts | {"collected_on": facts["collected_on"].isoformat()}
    return first is not None and all(first.body[name] == told[name] for name in SAME)


def same_number(session: Session, agency: Agency, key: str) -> Collection | None:
    mine = (Collection.agency_id == agency.id) & (Collection.receipt_key == key)
    return session.scalars(select(Collection).where(mine)).first()


def is_in_sight(stored: Collection, actor: Actor, agent: Agent | None) -> bool:
    """Whether this person may be told what a stored receipt says: a colleague's is a field agent's business by its number alone."""
    return actor.role != "field_agent" or (agent is not None and stored.agent_code == agent.code)


def told_otherwise(stored: Collection, *, is_ours: bool = True) -> Problem:
    if not is_ours:
        return Problem("receipt_used", "This number is used.", "Give a new receipt number.", column="receipt_no")
    amount = shown(stored.amount_minor, stored.currency)
    message = f"You reported this receipt before as {amount} on {stored.collected_on} for {stored.loan_account_no}."
    cure = "Give a new receipt number, or ask the bank to correct the stored one."
    return Problem("receipt_differs", message, cure, column="receipt_no")


def place(
    session: Session,
    agency: Agency,
    actor: Actor,
    agent: Agent | None,
    facts: dict[str, Any],
    problems: list[Problem],
    *,
    today: date,
) -> Allocation | None:
    """The agency's allocation of the account on that day, or the last that ended so shortly before that its terms still let the
    money earn; a problem says why there is none."""
    account, day = facts["loan_account_no"], facts["collected_on"]
    if not account:
        return None
    own = select(Allocation).where(Allocation.agency_id == agency.id, Allocation.loan_account_no == account)
    if actor.role == "field_agent" and agent:  # a colleague's account is as good as unknown
        own = own.where(Allocation.agent_id.is_(None) | (Allocation.agent_id == agent.id))
    terms = session.scalars(own.order_by(Allocation.stream, Allocation.id)).all()
    held = [each for each in terms if each.from_on <= day and (each.to_on is None or day <= each.to_on)]
    if held:
        return held[0]
    if ended := _ended_shortly(terms, day, tail_days(session, agency.id, today) if terms else 0):
        return ended
    if not terms:
        message, cure = "This account was never allocated to you.", "Check the loan account number."
        problems.append(Problem("unknown_account", message, cure, column="loan_account_no"))
        return None
    held_it = ", ".join(f"{start} to {end or 'now'}" for start, end in spans(terms))
    message = f"You did not hold this account on {day}; you held it {held_it}."
    cure = "Correct the date, or ask the bank about the allocation."
    problems.append(Problem("not_allocated", message, cure, column="loan_account_no"))
    return None


def _ended_shortly(terms: Iterable[Allocation], day: date, tail: int) -> Allocation | None:
    ended = [each for each in terms if each.to_on is not None and 0 < (day - each.to_on).days <= tail]
    return max(ended, key=lambda each: (each.to_on or day, -each.id), default=None)


def spans(terms: Iterable[Allocation]) -> list[tuple[date, date | None]]:
    """When an account was held, as people count it: terms that adjoin are one."""
    joined: list[tuple[date, date | None]] = []
    for start, end in sorted(((each.from_on, each.to_on) for each in terms), key=lambda term: term[0]):
        if joined and ((last := joined[-1][1]) is None or start <= last + timedelta(days=1)):
            later = None if last is None or end is None else max(last, end)
            joined[-1] = (joined[-1][0], later)
        else:
            joined.append((start, end))
    return joined


def number_problems(
    session: Session, agency: Agency, facts: dict[str, Any], today: date, actor: Actor, agent: Agent | None
) -> list[Problem]:
    """What speaks against a number nobody used yet: another spelling of a used one, a look-alike saying the same, the books."""
    series = book_queries.agency_series(session, agency.id)
    leaf = books.place_of(facts["receipt_key"], series)
    found = []
    if twin := book_queries.same_leaf(session, agency.id, leaf, series) or book_queries.same_look(
        session, agency.id, facts
    ):
        if is_in_sight(twin, actor, agent):
            amount = shown(twin.amount_minor, twin.currency)
            found.append(books.used_already(twin.receipt_no, amount, twin.collected_on))
        else:
            found.append(told_otherwise(twin, is_ours=False))
    if series and cash_queries.dated(session, books.UNISSUED_SETTING).on(today) == "refuse":
        marks = book_queries.agency_marks(session, agency.id)
        found += books.refused_number(books.standing(facts["receipt_key"], series, marks))
    return found


def cash_problems(session: Session, agency: Agency, facts: dict[str, Any], today: date) -> list[Problem]:
    """Too much from one borrower in a day; an agent who carries too much already. A slip on the receipt says it is paid in."""
    found = []
    limit = cash_queries.dated(session, cash.DAY_LIMIT).on(facts["collected_on"])
    before = cash_queries.borrower_cash(session, agency.id, facts["loan_account_no"], facts["collected_on"])
    if cash.reaches_day_limit(before, facts["amount_minor"], limit):
        found.append(
            cash.day_limit_problem(shown(limit, agency.currency), shown(before, agency.currency) if before else "")
        )
    if facts["agent_code"] and not facts["slip_key"]:
        limit = cash_queries.dated(session, cash.HAND_LIMIT).on(today)
        held = cash_queries.held_by(session, agency.id, facts["agent_code"])
        if cash.is_over_hand_limit(held, limit):
            found.append(
                cash.hand_limit_problem(
                    facts["agent_code"], shown(held, agency.currency), shown(limit, agency.currency)
                )
            )
    return found


def store(
    session: Session,
    entry: Entry,
    facts: dict[str, Any],
    allocation: Allocation,
    agency: Agency,
    actor: Actor,
    now: datetime,
    source: str,
) -> Collection:
    collection = Collection(
        **facts,
        agency_id=agency.id,
        allocation_id=allocation.id,
        loan_account_id=allocation.loan_account_id,
        currency=agency.currency,
        remarks=entry.remarks,
        latitude=entry.latitude,
        longitude=entry.longitude,
        accuracy_m=entry.accuracy_m,
        client_id=entry.client_id,
        check_code=entry.check_code or make_check_code(),
        source=source,
        reported_at=now,
        reported_by=actor.email,
    )
    try:
        with session.begin_nested():
            session.add(collection)
    except IntegrityError as error:
        if "uq_collections_check_code" not in str(error.orig):
            raise
        message = "This check code stands on another receipt."
        raise Invalid(Problem("check_code_taken", message, "Make the receipt again.", column="check_code")) from error
    record_event(
        session,
        AuditTag.COLLECTION_REPORTED,
        actor=actor,
        subject_type="collection",
        subject_ref=collection.receipt_no,
        agency_id=agency.id,
        now=now,
        data={"amount": collection.amount_minor, "mode": entry.mode, "on": collection.collected_on, "source": source},
    )
    return collection
