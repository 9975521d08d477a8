"""What legal cases are judged by, read for many at once: facts entered, the books, holds, filings, numbers of the day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import settings_on
from allocations.casework.legal.catalogue import KINDS, SHARED
from allocations.casework.legal.judging import AMOUNT, DAY, YES_NO, Account, Given, Kind, Readiness, judged
from allocations.casework.legal.models import LegalCase, LegalFact, LegalFiling
from allocations.placements.asset_class import AssetClass
from allocations.placements.models import Hold, LoanAccount

STAYS = ("insolvency",)  # causes of holds that stop legal steps


def read_value(answer: str, value: str) -> Any:
    """A fact as it was kept, as what it is: a day, a truth, minor units, or words."""
    if answer == DAY:
        return date.fromisoformat(value)
    if answer == YES_NO:
        return value == "yes"
    return int(value) if answer == AMOUNT else value


def latest_facts(session: Session, case_ids: Iterable[int]) -> dict[int, dict[str, LegalFact]]:
    """Case id → code → the fact that counts: the one entered last."""
    query = (
        select(LegalFact)
        .where(LegalFact.case_id.in_(list(case_ids)))
        .ext(distinct_on(LegalFact.case_id, LegalFact.code))
        .order_by(LegalFact.case_id, LegalFact.code, LegalFact.id.desc())
    )
    found: dict[int, dict[str, LegalFact]] = {}
    for each in session.scalars(query):
        found.setdefault(each.case_id, {})[each.code] = each
    return found


def readiness_of(
    session: Session, cases: Sequence[LegalCase], today: date, *, filed_on: Mapping[int, date] | None = None
) -> dict[int, Readiness]:
    """Case id → how it stands. `filed_on`: filings taken as if they were confirmed already."""
    accounts = _accounts(session, {case.loan_account_id for case in cases}, today)
    facts = latest_facts(session, [case.id for case in cases])
    filed = {**_filed(session, [case.id for case in cases]), **(filed_on or {})}
    numbers: dict[date, dict[str, Any]] = {}
    found = {}
    for case in cases:
        kind, entered = KINDS[case.kind], facts.get(case.id, {})
        values = _values(kind, entered)
        day = _numbers_day(kind, values, today)
        if day not in numbers:
            numbers[day] = settings_on(session, "legal.", day)
        found[case.id] = judged(
            kind,
            Given(
                today=today,
                account=accounts[case.loan_account_id],
                facts=values,
                numbers=_numbers(session, kind, numbers[day], today),
                proved=frozenset(code for code, fact in entered.items() if fact.file_sha256),
                filed_on=filed.get(case.id),
            ),
        )
    return found


def _values(kind: Kind, entered: Mapping[str, LegalFact]) -> dict[str, Any]:
    """What was entered, of the facts the kind knows. An empty value takes a fact back."""
    known = {fact.code: fact.answer for fact in kind.facts}
    return {code: read_value(known[code], fact.value) for code, fact in entered.items() if code in known and fact.value}


def _numbers_day(kind: Kind, values: Mapping[str, Any], today: date) -> date:
    """The law of the day a clock began; today's until then."""
    anchor = values.get(kind.anchor)
    return min(anchor, today) if isinstance(anchor, date) else today


def _numbers(session: Session, kind: Kind, settings: Mapping[str, Any], today: date) -> dict[str, Any]:
    """A day from before the first row of a rule is judged by today's."""
    codes = [code for code in (kind.setting, *SHARED.values()) if code]
    if any(code not in settings for code in codes):
        settings = {**settings_on(session, "legal.", today), **settings}
    return {**settings.get(kind.setting, {}), **{name: settings[code] for name, code in SHARED.items()}}


def _accounts(session: Session, ids: set[int], today: date) -> dict[int, Account]:
    stays = _stays(session, ids, today)
    rows = session.scalars(select(LoanAccount).where(LoanAccount.id.in_(ids)))
    return {row.id: _account(row, stays.get(row.id, ())) for row in rows}


def _account(row: LoanAccount, stays: tuple[str, ...]) -> Account:
    known = row.latest_asset_class
    return Account(
        currency=row.currency,
        as_of=row.latest_as_of,
        is_npa=row.npa_on is not None or AssetClass(known).is_npa if known else None,
        secured=row.secured,
        total_minor=row.latest_total_minor,
        overdue_minor=row.latest_overdue_minor,
        stays=stays,
    )


def _stays(session: Session, ids: set[int], today: date) -> dict[int, tuple[str, ...]]:
    query = (
        select(Hold.loan_account_id, Hold.cause)
        .distinct()
        .where(Hold.loan_account_id.in_(ids), Hold.cause.in_(STAYS), Hold.from_on <= today)
        .where(or_(Hold.to_on.is_(None), Hold.to_on >= today))
        .order_by(Hold.loan_account_id, Hold.cause)
    )
    found: dict[int, tuple[str, ...]] = {}
    for account_id, cause in session.execute(query):
        found[account_id] = (*found.get(account_id, ()), cause)
    return found


def _filed(session: Session, case_ids: Sequence[int]) -> dict[int, date]:
    query = select(LegalFiling.case_id, LegalFiling.filed_on).where(
        LegalFiling.case_id.in_(case_ids), LegalFiling.status == "accepted"
    )
    return {row.case_id: row.filed_on for row in session.execute(query)}
