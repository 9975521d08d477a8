"""Reads for the pages of suspense: credits nobody claims with their age and who is asked, and credits that agencies contest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Date, cast, func, or_, select, text, tuple_
from sqlalchemy.orm import Session, undefer

from allocations.agencies.dated_settings import setting_on
from allocations.agencies.models import Agency
from allocations.collections.models import Collection, Deposit, DepositItem
from allocations.placements.models import Allocation
from allocations.reconciliation.bench.candidates import text_of
from allocations.reconciliation.bench.rows import open_of, with_agencies
from allocations.reconciliation.bench_models import DirectPayment, HandAct
from allocations.reconciliation.models import BankLine, BankStatement, Break, MatchLink
from portal.kernel.errors import NotFound

OPEN = BankLine.amount_minor - BankLine.linked_minor - BankLine.settled_minor - BankLine.returned_minor
STAGES = ("new", "escalate", "general_ledger", "board")


@dataclass(frozen=True, slots=True)
class Stage:
    """How far an unclaimed credit has been passed on: from which day of its age, in words, and who is asked."""

    code: str
    from_days: int
    word: str
    asked: str


@dataclass(frozen=True, slots=True)
class SuspenseRow:
    """A credit nobody claims, for a list. Amounts in minor units; `waiting_minor` is proposed and waits for a second person."""

    line: BankLine
    break_id: int
    opened_on: date
    age_days: int
    stage: Stage
    assigned_to: str
    waiting_minor: int
    agency_minor: int

    @property
    def open_minor(self) -> int:
        return open_of(self.line)

    @property
    def text(self) -> str:
        return text_of(self.line)


@dataclass(frozen=True, slots=True)
class Claim:
    """A receipt that claims a contested credit. For the bank's eyes only. `held`: its agency held the account on the value date."""

    collection: Collection
    agency_code: str
    agency_name: str
    keys: list[str]
    held: bool
    break_id: int | None

    @property
    def open_minor(self) -> int:
        return open_of(self.collection)


def stages_on(session: Session, day: date) -> list[Stage]:
    """The stages of suspense by the rule of a day, the youngest first."""
    days = setting_on(session, "suspense.days", day)
    return [
        Stage("new", 0, "New", "Bank operations"),
        Stage("escalate", int(days["escalate"]), "Escalated", "Head of collections"),
        Stage("general_ledger", int(days["general_ledger"]), "General ledger", "Finance, for the general ledger"),
        Stage("board", int(days["board"]), "Board", "The board, in its report"),
    ]


def stage_of(stages: Sequence[Stage], age_days: int) -> Stage:
    """A stage begins the day after its days are over."""
    return max((each for each in stages if age_days > each.from_days or not each.from_days), key=lambda s: s.from_days)


def unclaimed_page(
    session: Session,
    *,
    today: date,
    stage: str = "",
    wanted: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 50,
) -> list[SuspenseRow]:
    """Unclaimed credits, the oldest first; `after` is (day, break id) of the last one shown."""
    stages = stages_on(session, today)
    query = _unclaimed().options(undefer(Break.assigned_to))
    if stage in STAGES:
        query = query.where(*_within(stages, stage, today))
    if wanted:
        like = f"%{wanted.strip()}%"
        query = query.where(
            or_(BankLine.description.ilike(like), BankLine.bank_ref.ilike(like), BankLine.ref == wanted)
        )
    if after:
        query = query.where(tuple_(Break.opened_on, Break.id) > tuple_(cast(after[0], Date), after[1]))
    rows = session.execute(query.order_by(Break.opened_on, Break.id).limit(limit)).all()
    waiting, told = _per_line(session, [line.id for _, line in rows])
    return [
        SuspenseRow(
            line,
            found.id,
            found.opened_on,
            age := max((today - line.value_on).days, 0),
            stage_of(stages, age),
            found.assigned_to or "",
            waiting.get(line.id, 0),
            told.get(line.id, 0),
        )
        for found, line in rows
    ]


def unclaimed_sums(session: Session, *, today: date) -> list[tuple[Stage, str, int, int]]:
    """(stage, currency, count, amount) of what is unclaimed, the oldest stage first."""
    stages = stages_on(session, today)
    sums: dict[tuple[str, str], list[int]] = {}
    for currency, day, count, amount in unclaimed_by_day(session):
        entry = sums.setdefault((stage_of(stages, (today - day).days).code, currency), [0, 0])
        entry[0] += count
        entry[1] += int(amount)
    return [
        (stage, currency, sums[stage.code, currency][0], sums[stage.code, currency][1])
        for stage in reversed(stages)
        for currency in sorted({code for _, code in sums})
        if (stage.code, currency) in sums
    ]


def unclaimed_by_day(session: Session) -> list[tuple[str, date, int, int]]:
    """(currency, value date, count, amount in minor units) of what is unclaimed now, the oldest day first."""
    rows = session.execute(
        _unclaimed()
        .with_only_columns(BankLine.currency, BankLine.value_on, func.count(), func.sum(OPEN))
        .group_by(BankLine.currency, BankLine.value_on)
        .order_by(BankLine.value_on, BankLine.currency)
    )
    return [(currency, day, count, int(amount)) for currency, day, count, amount in rows]


def _unclaimed() -> Any:
    """Open breaks R02 of credits with money left on them that no suggestion waits for."""
    suggested = select(MatchLink.id).where(MatchLink.bank_line_id == BankLine.id, MatchLink.status == "suggested")
    return (
        select(Break, BankLine)
        .join(BankLine, BankLine.id == Break.bank_line_id)
        .join(BankStatement, BankStatement.id == BankLine.statement_id)
        .where(Break.status == "open", Break.code == "R02", BankLine.side == "credit", OPEN > 0)
        .where(BankStatement.status != "refused", ~suggested.exists())
    )


def _within(stages: Sequence[Stage], code: str, today: date) -> list[Any]:
    place = STAGES.index(code)
    first = stages[place].from_days
    conditions = [Break.opened_on < today - timedelta(days=first)] if first else []
    if place + 1 < len(stages):
        conditions.append(Break.opened_on >= today - timedelta(days=stages[place + 1].from_days))
    return conditions


def _per_line(session: Session, ids: Sequence[int]) -> tuple[dict[int, int], dict[int, int]]:
    """Line → what waits for a second person, and what stands with agencies."""
    waiting = (
        select(HandAct.bank_line_id, func.sum(HandAct.amount_minor))
        .where(
            HandAct.bank_line_id.in_(ids), HandAct.status == "proposed", HandAct.kind.in_(("link", "return", "assign"))
        )
        .group_by(HandAct.bank_line_id)
    )
    told = (
        select(DirectPayment.bank_line_id, func.sum(DirectPayment.amount_minor))
        .where(DirectPayment.bank_line_id.in_(ids), DirectPayment.status == "found")
        .group_by(DirectPayment.bank_line_id)
    )
    return tuple({line: int(total) for line, total in session.execute(each)} for each in (waiting, told))  # type: ignore[return-value]


# --- one credit


@dataclass(frozen=True)
class CreditStory:
    """A credit and all that is known of whose it might be."""

    line: BankLine
    statement: BankStatement
    found: Break | None
    age_days: int
    stage: Stage
    links: Sequence[Any]
    agency_minor: int

    @property
    def open_minor(self) -> int:
        return open_of(self.line)

    @property
    def free_minor(self) -> int:
        """What may be assigned to any account, or returned."""
        return self.open_minor - self.agency_minor


def credit_story(session: Session, line_id: int, *, today: date) -> CreditStory:
    line = session.get(BankLine, line_id)
    if line is None or line.side != "credit":
        raise NotFound("There is no such credit.")
    query = select(Break).where(Break.bank_line_id == line.id, Break.status == "open", Break.code == "R02")
    found = session.scalars(query.options(undefer(Break.misses), undefer(Break.assigned_to))).first()
    age = max((today - line.value_on).days, 0)
    return CreditStory(
        line,
        session.get_one(BankStatement, line.statement_id),
        found,
        age,
        stage_of(stages_on(session, today), age),
        _links(session, line.id),
        with_agencies(session, line.id),
    )


def _links(session: Session, line_id: int) -> Sequence[Any]:
    query = (
        select(MatchLink, Collection.receipt_no, Collection.loan_account_no, Agency.code)
        .join(Collection, Collection.id == MatchLink.collection_id)
        .join(Agency, Agency.id == MatchLink.agency_id)
        .where(MatchLink.bank_line_id == line_id)
        .order_by(MatchLink.id.desc())
        .limit(50)
    )
    return session.execute(query).all()


# --- credits that agencies contest

# Whatever else speaks against one of the claims: two agencies that doubt over the same money are a case for a person.
CONTESTED = text("""
    select (m->>'id')::bigint as line_id
      from breaks b cross join lateral jsonb_array_elements(b.misses) m
     where b.status = 'open' and b.code = 'R04' and b.collection_id is not null
       and m->>'other' = 'bank' and (m->>'why' = 'contested' or (m->>'gap_minor')::bigint = 0)
     group by 1 having bool_or(m->>'why' = 'contested') or count(distinct b.agency_id) > 1
""")


@dataclass(frozen=True, slots=True)
class Contest:
    """A contested credit for a list: who claims it, by agency's code and receipt number."""

    line: BankLine
    claims: list[tuple[str, str]]

    @property
    def open_minor(self) -> int:
        return open_of(self.line)


def contested_lines(session: Session, *, after: tuple[Any, ...] | None = None, limit: int = 50) -> list[Contest]:
    """Credits with money left that receipts of several agencies claim and the terms could not decide; the oldest first.

    `after` is (value date, id) of the last one shown. One whose other claims were settled meanwhile is told with what is left.
    """
    ids = session.scalars(CONTESTED).all()
    query = select(BankLine).where(BankLine.id.in_(ids), OPEN > 0)
    if after:
        query = query.where(tuple_(BankLine.value_on, BankLine.id) > tuple_(cast(after[0], Date), after[1]))
    lines = session.scalars(query.order_by(BankLine.value_on, BankLine.id).limit(limit)).all()
    return [
        Contest(line, [(agency.code, receipt.receipt_no) for receipt, agency in _claiming(session, line)])
        for line in lines
    ]


def claims_of(session: Session, line: BankLine) -> list[Claim]:
    """Open receipts, of whatever agency, that share a reference, number or slip with a credit."""
    return [_claim(session, line, receipt, agency) for receipt, agency in _claiming(session, line)]


def _claiming(session: Session, line: BankLine) -> Sequence[Any]:
    keys = list(line.ref_keys)
    slips = (
        select(DepositItem.collection_id)
        .join(Deposit, Deposit.id == DepositItem.deposit_id)
        .where(Deposit.slip_key.in_(keys))
    )
    left = Collection.amount_minor - Collection.linked_minor - Collection.written_off_minor
    shares = or_(
        Collection.instrument_key.in_(keys),
        Collection.receipt_key.in_(keys),
        Collection.slip_key.in_(keys),
        Collection.id.in_(slips),
    )
    query = (
        select(Collection, Agency)
        .join(Agency, Agency.id == Collection.agency_id)
        .where(shares, left > 0, Collection.currency == line.currency)
        .order_by(Agency.code, Collection.receipt_no, Collection.id)
        .limit(40)
    )
    return session.execute(query).all()


def _claim(session: Session, line: BankLine, receipt: Collection, agency: Agency) -> Claim:
    own = (receipt.instrument_key, receipt.receipt_key, receipt.slip_key)
    known = select(Break.id).where(Break.collection_id == receipt.id, Break.status == "open", Break.code == "R04")
    held = select(Allocation.id).where(
        Allocation.agency_id == receipt.agency_id,
        Allocation.loan_account_id == receipt.loan_account_id,
        Allocation.from_on <= line.value_on,
        or_(Allocation.to_on.is_(None), Allocation.to_on >= line.value_on),
    )
    return Claim(
        receipt,
        agency.code,
        agency.legal_name,
        [key for key in own if key and key in line.ref_keys],
        session.scalar(held.limit(1)) is not None,
        session.scalar(known.limit(1)),
    )
