"""Compromise settlements of a quarter by the level that approved them: what was owed, what was agreed, what was given up.

Source: RBI framework for compromise settlements of 8-Jun-2023 (at least quarterly, to the next higher authority, by delegation level).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from payouts.reports.asking import Asked, Report, rows_of
from payouts.reports.shape import Row, Section, count, money, rate, text_column
from portal.kernel.money import Money

SUMS = """
       count(*) as offers, sum(o.total_minor)::bigint as owed, sum(o.offer_minor)::bigint as agreed,
       sum(o.waived_principal_minor)::bigint as principal, sum(o.waived_interest_minor)::bigint as interest,
       sum(o.waived_charges_minor)::bigint as charges
"""
OF_QUARTER = """
  from compromise_offers o
 where o.status in ('approved', 'fulfilled', 'broken') and o.decided_at >= :began and o.decided_at < :ended
   and (cast(:agency as bigint) is null or o.agency_id = :agency)
"""
BY_LEVEL = f"select o.decided_level as level, o.currency, {SUMS} {OF_QUARTER} group by 1, 2 order by 1 nulls last, 2"
BY_STATE = f"select o.status, o.currency, {SUMS} {OF_QUARTER} group by 1, 2 order by 1, 2"
NUMBERS = (
    count(
        "offers", "Compromises", "offers of borrowers that were approved in the quarter, whatever became of them since"
    ),
    money("owed", "Owed", "all that was owed on the day the offer was frozen"),
    money("agreed", "Agreed", "what the borrower is to pay"),
    money("principal", "Principal given up", "part of the sacrifice that was principal"),
    money("interest", "Interest given up", "part of the sacrifice that was interest"),
    money("charges", "Charges given up", "part of the sacrifice that was charges"),
    rate("share", "Agreed of owed", "agreed ÷ owed", "agreed", "owed"),
)
STATES = {"approved": "Being paid", "fulfilled": "Paid in full", "broken": "Broken: the dues are restored"}


def gather(session: Session, asked: Asked) -> list[Section]:
    empty = "No compromise was approved."
    return [
        Section(
            "By level of approval",
            (
                text_column("level", "Level", "of whoever approved, on that day; a higher number is a higher level"),
                *NUMBERS,
            ),
            [{"level": _level(row.level), **_numbers(row)} for row in rows_of(session, BY_LEVEL, asked)],
            picture="agreed",
            empty=empty,
        ),
        Section(
            "What became of them",
            (text_column("state", "State", "as it stands when the report is asked"), *NUMBERS),
            [{"state": STATES[row.status], **_numbers(row)} for row in rows_of(session, BY_STATE, asked)],
            empty=empty,
        ),
    ]


def _level(level: int | None) -> str:
    return f"Level {level}" if level is not None else "No level kept"


def _numbers(row: Any) -> Row:
    amounts = ("owed", "agreed", "principal", "interest", "charges")
    return {"offers": row.offers, **{name: Money(getattr(row, name), row.currency) for name in amounts}}


REPORT = Report(
    "compromises",
    "Compromise settlements",
    "What was agreed with borrowers in a quarter and what was given up, by the level that approved it.",
    "quarter",
    gather,
)
