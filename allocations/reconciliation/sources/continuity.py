"""Whether an account's statements follow on from each other: balances, days and numbers. What does not is told as flags.

A flag refuses nothing: a statement may be missing, or be on its way. Flags of a statement are made again when one before it comes in.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.reconciliation.models import BankStatement
from allocations.reconciliation.sources import proof
from portal.kernel.money import plain, shown

# Interim reports and advices tell parts of a day again: they take no part in the chain of statements.
OUT_OF_THE_CHAIN = ("mt942", "camt052", "camt054")
SHEETS = ("csv", "xlsx")  # they name no period of their own: their days are those of their lines
CODES = frozenset({"gap", "days_gap", "number_gap", "overlap", "ends"})
LONGEST_PAUSE = 5  # working days without a line that nobody asks about, where a file names no period
NUMBER = re.compile(r"^0*([0-9]{1,9})(?:/0*([0-9]{1,9}))?$")
Flag = dict[str, Any]


def refresh_flags(session: Session, statement: BankStatement) -> None:
    """Make the flags of a statement again, and of those that may now follow on from it."""
    for each in (statement, *_those_after(session, statement)):
        kept = [flag for flag in each.flags if flag.get("code") not in CODES]
        found = kept + continuity_flags(session, each)
        if found != each.flags:
            each.flags = found
    session.flush()


def continuity_flags(session: Session, statement: BankStatement) -> list[Flag]:
    """What keeps a statement from following on from the one before it, and what days it tells again."""
    if statement.status == proof.REFUSED or statement.format in OUT_OF_THE_CHAIN or statement.from_on is None:
        return []
    before = statements_before(session, statement)
    gap, days = _gap(statement, before), _days_gap(statement, before)
    if gap and days:  # one thing missing, told once
        gap, days = {**gap, "message": f"{gap['message']} {days['message']}"}, None
    flags = [gap, days, _number_gap(statement, before)]
    if any(flag.get("code") == "twin" for flag in statement.flags):  # known already, in other words
        return [flag for flag in flags if flag]
    if _ends_are_derived(statement) and not gap and not _meets(statement, before):
        message = (
            "The file prints no opening balance: it was worked out from the first line."
            " A line missing before that one would not show until the statement before it is here."
        )
        flags.append({"code": "ends", "message": message})
    flags += [_overlap(statement, other) for other in overlapping(session, statement)[:3]]
    return [flag for flag in flags if flag]


def chained(account_id: int) -> Any:
    """Believed statements of an account that take part in its chain."""
    return (
        select(BankStatement)
        .where(BankStatement.bank_account_id == account_id, BankStatement.status != proof.REFUSED)
        .where(BankStatement.format.not_in(OUT_OF_THE_CHAIN), BankStatement.from_on.is_not(None))
    )


def statements_before(session: Session, statement: BankStatement) -> Sequence[BankStatement]:
    """The believed statements on whose last day, or after it, this one begins; only the latest of them, one or several pages."""
    query = chained(statement.bank_account_id).where(
        BankStatement.to_on <= statement.from_on, BankStatement.id != statement.id
    )
    found = list(session.scalars(query.order_by(BankStatement.to_on.desc(), BankStatement.id.desc()).limit(20)))
    not_before = (_comes_after, _is_the_same, _shares_its_last_day)
    pages = [each for each in found if not any(test(each, statement) for test in not_before)]
    return [each for each in pages if each.to_on == pages[0].to_on]


def _comes_after(other: BankStatement, statement: BankStatement) -> bool:
    """Of two statements of one day: whether the other opens where this one closes, or was numbered or downloaded later."""
    if other.to_on != statement.from_on or other.from_on != statement.from_on or other.to_on != statement.to_on:
        return False
    if statement.opening_minor is not None and statement.opening_minor == other.closing_minor:
        return False
    return other.opening_minor == statement.closing_minor or other.id > statement.id


def _is_the_same(other: BankStatement, statement: BankStatement) -> bool:
    """Whether both tell the same days: one download in two formats."""
    if other.format == statement.format and other.number != statement.number:
        return False
    ours = (statement.to_on, statement.opening_minor, statement.closing_minor)
    return ours == (other.to_on, other.opening_minor, other.closing_minor) and statement.opening_minor is not None


def _shares_its_last_day(other: BankStatement, statement: BankStatement) -> bool:
    """Whether the other ends on the day this one begins, which this one tells again: they overlap, and neither is before the other."""
    meets = statement.opening_minor is not None and statement.opening_minor == other.closing_minor
    return bool(statement.duplicates) and other.to_on == statement.from_on and not meets


def _those_after(session: Session, statement: BankStatement) -> Sequence[BankStatement]:
    """The believed statements that begin next, on or after the day this one ends."""
    if statement.to_on is None:
        return []
    query = chained(statement.bank_account_id).where(
        BankStatement.from_on >= statement.to_on, BankStatement.id != statement.id
    )
    found = list(session.scalars(query.order_by(BankStatement.from_on, BankStatement.id).limit(20)))
    return [each for each in found if each.from_on in (found[0].from_on, statement.to_on)]


def _meets(statement: BankStatement, before: Sequence[BankStatement]) -> bool:
    closings = {each.closing_minor for each in before} - {None}
    return statement.opening_minor is not None and statement.opening_minor in closings


def _gap(statement: BankStatement, before: Sequence[BankStatement]) -> Flag | None:
    """It opens elsewhere than the one before it closed; one that prints no opening balance must get from there to its closing."""
    known = [each for each in before if each.closing_minor is not None]
    if not known or _meets(statement, known):
        return None
    last, currency = known[0], statement.currency
    if statement.opening_minor is not None:
        return proof.gap(statement.opening_minor, last.closing_minor, last.ref, currency)
    if statement.closing_minor is None or last.closing_minor is None:
        return None
    leads_to = last.closing_minor + statement.credits_minor - statement.debits_minor
    if leads_to == statement.closing_minor or statement.duplicates:
        return None
    message = (
        f"From where {last.ref} closed its lines lead to {shown(leads_to, currency)}, but it closes at"
        f" {shown(statement.closing_minor, currency)}. A statement between them, or a line, may be missing."
    )
    sums = {"expected": plain(leads_to, currency), "found": plain(statement.closing_minor, currency)}
    return {"code": "gap", "message": message, "previous": last.ref, **sums}


def _names_a_day(statement: BankStatement) -> bool:
    """Whether its number is a day it tells of, or the one after: 20261029."""
    if len(statement.number) != 8 or statement.from_on is None or statement.to_on is None:
        return False
    first, last = (f"{day:%Y%m%d}" for day in (statement.from_on, statement.to_on + timedelta(days=1)))
    return first <= statement.number <= last


def _number_gap(statement: BankStatement, before: Sequence[BankStatement]) -> Flag | None:
    """A statement number left out. Numbers begin again with a year; some banks give all the same, some count by days."""
    ours, theirs = NUMBER.match(statement.number), [NUMBER.match(each.number) for each in before]
    known = [(match, each) for match, each in zip(theirs, before, strict=True) if match]
    if not ours or not known or _names_a_day(statement):
        return None
    number = int(ours[1])
    numbers = {int(match[1]) for match, _each in known}
    if number in {1, *numbers, *(each + 1 for each in numbers)}:
        return None
    days = (statement.to_on - before[0].to_on).days if statement.to_on and before[0].to_on else 0
    if _meets(statement, before) and number - max(numbers) == days:
        return None
    last = max(known, key=lambda pair: int(pair[0][1]))[1]
    message = f"It is number {statement.number}, and {last.ref} before it is number {last.number}."
    return {"code": "number_gap", "message": f"{message} One between them may be missing.", "previous": last.ref}


def numbers_follow(one: str, other: str) -> bool:
    """Whether two statement numbers are neighbours, whichever comes first: 7/1 and 8/1, or pages 7/1 and 7/2."""
    found = NUMBER.match(one), NUMBER.match(other)
    if found[0] is None or found[1] is None:
        return False
    (first, first_page), (second, second_page) = ((int(each[1]), int(each[2] or 1)) for each in found if each)
    return abs(first - second) == 1 or (first == second and abs(first_page - second_page) == 1)


def _days_gap(statement: BankStatement, before: Sequence[BankStatement]) -> Flag | None:
    """Working days no statement tells of. A sheet's days are its lines': where balances meet, a pause of its is none."""
    if not before or statement.from_on is None or before[0].to_on is None:
        return None
    missing = working_days_between(before[0].to_on, statement.from_on)
    is_sheet = statement.format in SHEETS or before[0].format in SHEETS
    if not missing or (is_sheet and (_meets(statement, before) or len(missing) <= LONGEST_PAUSE)):
        return None
    days = f"{missing[0]:%-d %B %Y}" + (f" to {missing[-1]:%-d %B %Y}" if len(missing) > 1 else "")
    message = f"No statement tells of {days}, between {before[0].ref} and this one."
    return {"code": "days_gap", "message": message, "previous": before[0].ref}


def working_days_between(last: date, first: date) -> list[date]:
    """Mondays to Fridays strictly between two days, at most the first hundred and the last."""
    days = [last + timedelta(days=at) for at in range(1, min((first - last).days, 140))]
    days = [day for day in days if day.weekday() < 5]
    return [*days[:100], *([first - timedelta(days=1)] if (first - last).days > 140 else [])]


def overlapping(session: Session, statement: BankStatement) -> Sequence[BankStatement]:
    """Earlier imported statements that tell some of the same days, beyond the day on which one ends and the other begins."""
    if statement.format in OUT_OF_THE_CHAIN or statement.from_on is None or statement.to_on is None:
        return []
    query = (
        chained(statement.bank_account_id)
        .where(BankStatement.id < statement.id)
        .where(BankStatement.from_on <= statement.to_on, BankStatement.to_on >= statement.from_on)
    )
    found = session.scalars(query.order_by(BankStatement.id.desc()).limit(50)).all()
    return [each for each in found if _overlap_is_real(statement, each)]


def _overlap_is_real(one: BankStatement, other: BankStatement) -> bool:
    if one.from_on is None or one.to_on is None or other.from_on is None or other.to_on is None:
        return False
    follows = one.opening_minor is not None and one.opening_minor == other.closing_minor
    precedes = one.closing_minor is not None and one.closing_minor == other.opening_minor
    if min(one.to_on, other.to_on) > max(one.from_on, other.from_on):
        return True
    same_days = (one.from_on, one.to_on) == (other.from_on, other.to_on) or one.from_on == other.to_on
    return same_days and bool(one.duplicates) and not follows and not precedes


def _overlap(statement: BankStatement, other: BankStatement) -> Flag | None:
    if statement.from_on is None or statement.to_on is None or other.from_on is None or other.to_on is None:
        return None
    first, last = max(statement.from_on, other.from_on), min(statement.to_on, other.to_on)
    days = f"{first:%-d %B %Y}" + (f" to {last:%-d %B %Y}" if last != first else "")
    message = f"It tells {days} again, as {other.ref} did. Lines known from there were not stored twice."
    return {"code": "overlap", "message": message, "previous": other.ref}


def _ends_are_derived(statement: BankStatement) -> bool:
    return any(flag.get("code") == "read_as" and flag.get("derived") for flag in statement.flags)
