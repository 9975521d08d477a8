"""Promises as they are stored, with the terms of their day and the confirmed money that judges them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from sqlalchemy import ARRAY, BigInteger, any_, literal, select, text
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import list_settings
from allocations.collections.field.promises import Given, Judged, Terms, judge, terms_from
from allocations.collections.field_models import Contact, Promise

# Money of these accounts that the bank has seen: what an agency collected, by the value date of the bank line it was found in.
CONFIRMED = text("""
select c.agency_id, c.loan_account_id, b.value_on, sum(m.amount_minor)
  from collections c
  join match_links m on m.collection_id = c.id and m.status = 'confirmed' and m.bank_line_id is not null
  join bank_lines b on b.id = m.bank_line_id
 where c.loan_account_id = any(:accounts) and c.agency_id = any(:agencies) and b.value_on >= :since
 group by 1, 2, 3
""")


class TermsByDay:
    """The terms in force on any day, read once."""

    def __init__(self, session: Session) -> None:
        self.rows = [row for row in list_settings(session) if row.code.startswith("promise.")]
        self.known: dict[date, Terms] = {}

    def __call__(self, day: date) -> Terms:
        if day not in self.known:
            on = [r for r in self.rows if r.effective_from <= day and (r.effective_to is None or r.effective_to >= day)]
            newest = sorted(on, key=lambda row: row.effective_from)
            self.known[day] = terms_from({row.code: row.value for row in newest})
        return self.known[day]


def as_given(promise: Promise, terms: TermsByDay) -> Given:
    return Given(
        promise.id,
        promise.amount_minor,
        promise.made_on,
        promise.due_on,
        promise.replaced_on,
        terms(promise.made_on),
    )


def promises_of(session: Session, contact: Contact) -> list[Promise]:
    """What was promised in a contact, in order of the due day."""
    query = select(Promise).where(Promise.agency_id == contact.agency_id, Promise.contact_id == contact.id)
    return list(session.scalars(query.order_by(Promise.position)))


def given_of(
    session: Session, agency_id: int, loan_account_id: int, made_on: date
) -> tuple[dict[int, tuple[Promise, Given]], date | None]:
    """An account's promises made up to a day, not replaced yet; and the day of the first one made after it, which replaces it."""
    query = select(Promise).where(Promise.agency_id == agency_id, Promise.loan_account_id == loan_account_id)
    terms = TermsByDay(session)
    older: dict[int, tuple[Promise, Given]] = {}
    newer: list[date] = []
    for promise in session.scalars(query):
        if promise.made_on > made_on:
            newer.append(promise.made_on)
        elif promise.replaced_on is None:
            older[promise.id] = promise, as_given(promise, terms)
    return older, min(newer, default=None)


def judged(session: Session, promises: Sequence[Promise], today: date) -> dict[int, Judged]:
    """Promise id → verdict, for these promises; all others of the same accounts take part, so that no rupee counts twice."""
    accounts = sorted({promise.loan_account_id for promise in promises})
    agencies = sorted({promise.agency_id for promise in promises})
    if not accounts:
        return {}
    these = Promise.loan_account_id == any_(
        literal(accounts, ARRAY(BigInteger))
    )  # one parameter: a month has more than 65,535
    query = select(Promise).where(these, Promise.agency_id.in_(agencies))
    terms = TermsByDay(session)
    given: dict[tuple[int, int], list[Given]] = defaultdict(list)
    for row in session.scalars(query):
        given[row.agency_id, row.loan_account_id].append(as_given(row, terms))
    money = confirmed_money(session, agencies, accounts, _first_day(given.values()))
    wanted = {promise.id for promise in promises}
    verdicts = (each for key, rows in given.items() for each in judge(rows, money.get(key, ()), today))
    return {each.promise.id: each for each in verdicts if each.promise.id in wanted}


def _first_day(groups: Iterable[Sequence[Given]]) -> date:
    return min(promise.made_on for rows in groups for promise in rows)


def confirmed_money(
    session: Session, agencies: Sequence[int], accounts: Sequence[int], since: date
) -> Mapping[tuple[int, int], list[tuple[date, int]]]:
    """(agency, account) → [(bank value date, minor units)] from a day on."""
    asked = {"agencies": list(agencies), "accounts": list(accounts), "since": since}
    money: dict[tuple[int, int], list[tuple[date, int]]] = defaultdict(list)
    for agency_id, account_id, value_on, amount in session.execute(CONFIRMED, asked):
        money[agency_id, account_id].append((value_on, int(amount)))
    return money
