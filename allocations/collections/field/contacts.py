"""Recording a contact: a visit, call, message or letter, what came of it and what was promised. Never edited afterwards.

What is outside the rules of its day is recorded all the same, flagged at once, and counted.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Agent
from allocations.agencies.queries import Sight, sight_of
from allocations.agencies.service import refuse_shut
from allocations.collections.field.contact_facts import allocation_for, contact_facts, dispositions_on, rules_on
from allocations.collections.field.contact_rules import Flag, Rules, flags_of
from allocations.collections.field.dispositions import KIND_WORDS, PERSON_WORDS, Disposition
from allocations.collections.field.promises import Given, replaced_by
from allocations.collections.field.promises_service import given_of, promises_of
from allocations.collections.field_models import Contact, Promise
from allocations.collections.models import SOURCES, Collection
from allocations.placements.borrower_notice_rules import BEFORE_NOTICE
from allocations.placements.models import Allocation
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import Invalid, Problem, Refused

MOST_INSTALMENTS = 60
LONGEST_AHEAD = timedelta(days=3660)  # a promise for later than ten years is a slip of the hand
LONGEST_REMARK = 2000
FIRST_YEAR = 2000


@dataclass(frozen=True)
class PromiseMade:
    amount_minor: int
    due_on: date


@dataclass(frozen=True)
class ContactEntry:
    """One contact as it is reported. `at` carries its zone; `client_id` is made on the phone, so that sending twice is harmless."""

    loan_account_no: str
    kind: str
    at: datetime
    person: str
    disposition: str
    client_id: str | None = None
    agent_code: str | None = None
    remarks: str | None = None
    next_on: date | None = None
    latitude: Decimal | None = None
    longitude: Decimal | None = None
    accuracy_m: int | None = None
    collection_id: int | None = None
    promises: tuple[PromiseMade, ...] = ()


@dataclass(frozen=True)
class RecordedContact:
    """The stored contact with its promises; `was_there` when the same report came before. `flags` in words, to be shown at once."""

    contact: Contact
    promises: list[Promise]
    was_there: bool

    @property
    def flags(self) -> list[Flag]:
        return [Flag(each["code"], each["words"]) for each in self.contact.flags]


def record_contact(
    session: Session, entry: ContactEntry, *, agency: Agency, actor: Actor, now: datetime, today: date, source: str
) -> RecordedContact:
    """Store a contact with its flags and promises; a newer promise replaces what is still open of older ones.

    Raises Invalid with every problem; Refused when the agency may not report any more, when the borrower was not told of it and the
    bank has that refused, or when this client_id came before with other facts. The account must be, or have been, the agency's, and in
    a field agent's own round.
    """
    refuse_shut(agency, "contacts")
    if entry.client_id and (known := _known(session, agency, entry)):
        return known
    sight = sight_of(session, actor)
    day = _day_of(entry.at, today)
    disposition = dispositions_on(session, day).get(entry.disposition)
    allocation = allocation_for(session, agency.id, entry.loan_account_no.strip(), day, sight)
    code = entry.agent_code or sight.agent_code
    agent = session.scalars(select(Agent).where(Agent.agency_id == agency.id, Agent.code == code)).first()
    if problems := [
        *_problems(entry, disposition, source, today),
        *_problems_of_others(session, entry, agency, allocation, agent, sight),
        *_promise_problems(entry, disposition, day),
    ]:
        raise Invalid(problems)
    assert allocation is not None and disposition is not None
    _one_at_a_time(session, allocation)
    rules = rules_on(session, day)
    flags = flags_of(contact_facts(session, entry, allocation, disposition, agent, rules, now), rules)
    _refuse_too_early(flags, rules)
    contact = _stored(session, entry, agency, allocation, agent, flags, actor, now, source)
    made, replaced = _promises(session, entry, agency, contact, allocation, day, actor, now)
    _record(session, contact, made, replaced, actor, now)
    return RecordedContact(contact, made, was_there=False)


def _refuse_too_early(flags: Iterable[Flag], rules: Rules) -> None:
    """Where the bank has it so, nobody meets a borrower who does not know who will come."""
    words = next((flag.words for flag in flags if flag.code == BEFORE_NOTICE), None)
    if words and rules.before_notice == "refuse":
        raise Refused(words, code=BEFORE_NOTICE, cure="Wait until the bank's notice has gone out.")


def _known(session: Session, agency: Agency, entry: ContactEntry) -> RecordedContact | None:
    """The contact this client_id brought before; two reports of one id wait for each other."""
    key = f"{agency.id}:{entry.client_id}"
    session.scalar(select(func.pg_advisory_xact_lock(func.hashtextextended(key, 0x434F4E54))))
    query = select(Contact).where(Contact.agency_id == agency.id, Contact.client_id == entry.client_id)
    contact = session.scalars(query).first()
    if contact is None:
        return None
    found = promises_of(session, contact)
    stored = (contact.loan_account_no, contact.kind, contact.at, contact.person, contact.disposition)
    given = (entry.loan_account_no.strip(), entry.kind, entry.at, entry.person, entry.disposition)
    promised = [(p.amount_minor, p.due_on) for p in found]
    if stored != given or promised != sorted(((p.amount_minor, p.due_on) for p in entry.promises), key=lambda p: p[1]):
        message = "This contact was sent before with other facts. What came first is kept."
        raise Refused(message, code="client_id_reused", cure="Record it as a new contact.")
    return RecordedContact(contact, found, was_there=True)


def _one_at_a_time(session: Session, allocation: Allocation) -> None:
    """Contacts with one account are counted, and their promises replaced, one after the other."""
    session.scalar(select(func.pg_advisory_xact_lock(0x434F4E54, allocation.loan_account_id % 2**31)))


# --- what may be wrong


def _is_plausible(at: datetime, today: date) -> bool:
    """A time with a zone, of a year in which contacts happen; a clock that is merely wrong is flagged, not refused."""
    return at.tzinfo is not None and FIRST_YEAR <= at.year <= today.year + 2


def _day_of(at: datetime, today: date) -> date:
    """The day at the bank whose rules hold; no later than today."""
    return min(at.astimezone(BANK_ZONE).date(), today) if _is_plausible(at, today) else today


def _problems(entry: ContactEntry, disposition: Disposition | None, source: str, today: date) -> Iterable[Problem]:
    """What an entry shows by itself."""
    if source not in SOURCES:
        raise ValueError(f"a contact comes from one of {SOURCES}, not {source!r}")
    for column, value, choices in (("kind", entry.kind, KIND_WORDS), ("person", entry.person, PERSON_WORDS)):
        if value not in choices:
            yield Problem(
                "not_a_choice", f"{value or 'Nothing'} is no {column}.", f"Use {', '.join(choices)}.", column=column
            )
    if not _is_plausible(entry.at, today):
        cure = "Send it with its offset, as 2026-11-10T09:30+05:30."
        yield Problem("bad_time", "That is no time of a contact.", cure, column="at", value=str(entry.at))
    if disposition is None:
        yield Problem("unknown_disposition", f"{entry.disposition or 'Nothing'} is no outcome.", column="disposition")
    elif not disposition.fits(entry.kind, entry.person) and entry.kind in KIND_WORDS and entry.person in PERSON_WORDS:
        said = f"{KIND_WORDS[entry.kind]} with: {PERSON_WORDS[entry.person].lower()}"
        message = f"“{disposition.words}” does not go with this ({said})."
        yield Problem("disposition_does_not_fit", message, "Choose another outcome or person.", column="disposition")
    elif "next_on" in disposition.wants and entry.next_on is None:
        yield Problem("missing_value", f"“{disposition.words}”: when?", "Give the day.", column="next_on")
    if len(entry.remarks or "") > LONGEST_REMARK:
        yield Problem("too_long", f"Remarks hold at most {LONGEST_REMARK} letters.", "Shorten them.", column="remarks")
    yield from _place_problems(entry)


def _place_problems(entry: ContactEntry) -> Iterable[Problem]:
    for column, value, most in (("latitude", entry.latitude, 90), ("longitude", entry.longitude, 180)):
        if value is not None and not -most <= value <= most:
            yield Problem("bad_place", f"A {column} lies between -{most} and {most}.", column=column, value=str(value))
    if (entry.latitude is None) != (entry.longitude is None):
        yield Problem(
            "half_a_place", "A place has a latitude and a longitude.", "Give both or none.", column="latitude"
        )
    if entry.accuracy_m is not None and entry.accuracy_m < 0:
        yield Problem("bad_place", "An accuracy is not negative.", column="accuracy_m", value=str(entry.accuracy_m))


def _problems_of_others(
    session: Session,
    entry: ContactEntry,
    agency: Agency,
    allocation: Allocation | None,
    agent: Agent | None,
    sight: Sight,
) -> Iterable[Problem]:
    """What only the database shows: the account, the agent, the receipt it goes with."""
    if allocation is None:
        message = "This account was never allocated to you."
        yield Problem("unknown_account", message, "Check the loan account number.", column="loan_account_no")
    if entry.agent_code and not sight.everyone and entry.agent_code != sight.agent_code:
        yield Problem("not_your_code", "You report under your own agent code.", column="agent_code")
    elif entry.agent_code and agent is None:
        message = f"You have no agent {entry.agent_code}."
        yield Problem("unknown_agent", message, "Ask the bank to add the agent.", column="agent_code")
    if entry.collection_id is not None:
        query = select(Collection.loan_account_no).where(
            Collection.agency_id == agency.id, Collection.id == entry.collection_id
        )
        if session.scalar(query) != entry.loan_account_no.strip():
            yield Problem("unknown_collection", "There is no such receipt on this account.", column="collection_id")


def _promise_problems(entry: ContactEntry, disposition: Disposition | None, day: date) -> Iterable[Problem]:
    wanted = disposition is not None and "promise" in disposition.wants
    if wanted and not entry.promises:
        yield Problem("missing_value", "How much was promised, and by when?", "Give both.", column="promises")
    if entry.promises and disposition is not None and not wanted:
        message = f"“{disposition.words}” is no promise."
        yield Problem("promise_without_ptp", message, "Choose “Promised to pay”.", column="disposition")
    if len(entry.promises) > MOST_INSTALMENTS:
        yield Problem("too_many", f"A plan has at most {MOST_INSTALMENTS} instalments.", column="promises")
    if any(promise.amount_minor <= 0 for promise in entry.promises):
        yield Problem("bad_amount", "A promised amount is more than nothing.", "Give it.", column="promises")
    if any(promise.due_on < day for promise in entry.promises):
        yield Problem(
            "due_in_past", f"A promise is due on {day:%d %b %Y} or later.", "Give a later day.", column="promises"
        )
    if any(promise.due_on - day > LONGEST_AHEAD for promise in entry.promises):
        yield Problem("due_too_late", "A promise is due within ten years.", "Check the year.", column="promises")
    if len({promise.due_on for promise in entry.promises}) < len(entry.promises):
        yield Problem("due_twice", "Two instalments are due on one day.", "Add them up.", column="promises")


# --- what is stored


def _made_up(kind: str, agency: Agency, now: datetime) -> str:
    """A name of our own, with the agency's code inside, so that no two agencies can meet on one."""
    return f"{kind}-{agency.code}-{now:%y%m%d}-{secrets.token_hex(4).upper()}"


def _stored(
    session: Session,
    entry: ContactEntry,
    agency: Agency,
    allocation: Allocation,
    agent: Agent | None,
    flags: Iterable[Flag],
    actor: Actor,
    now: datetime,
    source: str,
) -> Contact:
    contact = Contact(
        agency_id=allocation.agency_id,
        ref=_made_up("C", agency, now),
        allocation_id=allocation.id,
        loan_account_id=allocation.loan_account_id,
        loan_account_no=allocation.loan_account_no,
        agent_code=agent.code if agent else None,
        kind=entry.kind,
        at=entry.at,
        received_at=now,
        person=entry.person,
        disposition=entry.disposition,
        remarks=(entry.remarks or "").strip() or None,
        next_on=entry.next_on,
        latitude=entry.latitude,
        longitude=entry.longitude,
        accuracy_m=entry.accuracy_m,
        flags=[flag.as_dict() for flag in flags],
        collection_id=entry.collection_id,
        source=source,
        client_id=entry.client_id,
        reported_by=actor.email,
    )
    session.add(contact)
    session.flush()
    return contact


def _promises(
    session: Session,
    entry: ContactEntry,
    agency: Agency,
    contact: Contact,
    allocation: Allocation,
    day: date,
    actor: Actor,
    now: datetime,
) -> tuple[list[Promise], int]:
    """The instalments in order of their day, and how many older promises they replace."""
    if not entry.promises:
        return [], 0
    older, newer_on = given_of(session, contact.agency_id, contact.loan_account_id, day)
    plan_ref = _made_up("P", agency, now)
    made = [
        Promise(
            agency_id=contact.agency_id,
            allocation_id=allocation.id,
            loan_account_id=contact.loan_account_id,
            loan_account_no=contact.loan_account_no,
            contact_id=contact.id,
            plan_ref=plan_ref,
            position=position,
            amount_minor=promise.amount_minor,
            currency=allocation.currency,
            due_on=promise.due_on,
            made_on=day,
            made_by=actor.email,
            agent_code=contact.agent_code,
            recorded_at=now,
            replaced_on=newer_on,
        )
        for position, promise in enumerate(sorted(entry.promises, key=lambda promise: promise.due_on), start=1)
    ]
    replaced = _replace(session, older, day)
    session.add_all(made)
    session.flush()
    return made, replaced


def _replace(session: Session, older: dict[int, tuple[Promise, Given]], day: date) -> int:
    """Say of every older promise whose time is not over that a newer one took its place."""
    ids = replaced_by((given for _, given in older.values()), day)
    for promise_id in ids:
        older[promise_id][0].replaced_on = day
    session.flush()
    return len(ids)


def _record(
    session: Session, contact: Contact, made: list[Promise], replaced: int, actor: Actor, now: datetime
) -> None:
    data = {
        "kind": contact.kind,
        "disposition": contact.disposition,
        "flags": [flag["code"] for flag in contact.flags],
        "promises": len(made),
        "replaced": replaced,
        "source": contact.source,
    }
    record_event(
        session,
        AuditTag.CONTACT_RECORDED,
        actor=actor,
        subject_type="contact",
        subject_ref=contact.ref,
        agency_id=contact.agency_id,
        now=now,
        data=data,
    )
