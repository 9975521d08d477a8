"""The bank's reads: the portfolio, one account with its whole story, placements and their allocations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Select, and_, func, or_, select, text, true
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Agent
from allocations.agencies.queries import Sight
from allocations.collections.models import Collection
from allocations.placements.import_accounts import load_schemes
from allocations.placements.models import AccountSnapshot, Allocation, Hold, LoanAccount, Placement
from portal.kernel.errors import NotFound
from portal.kernel.files import StoredFile

STORY = 60  # how many of each kind an account's page shows


def held_on(day: date) -> Any:
    """That an allocation's term has the day in it, said so that the planner knows how many do.

    `term @> day` says the same, but its estimate is far too low, and the planner then walks the whole index that keeps two agencies apart.
    """
    return and_(Allocation.from_on <= day, or_(Allocation.to_on.is_(None), Allocation.to_on >= day))


def in_sight(sight: Sight) -> Any:
    """That an allocation is one this person of an agency sees: all of them, or their own and those given to nobody in particular."""
    if sight.everyone:
        return true()
    nobodys = Allocation.agent_id.is_(None)
    return nobodys if sight.agent_id is None else or_(nobodys, Allocation.agent_id == sight.agent_id)


def round_of(agency_id: int, sight: Sight, today: date) -> Select[int]:
    """Ids of the loan accounts an agency holds today in this person's sight: what a field agent may look at follows that."""
    return select(Allocation.loan_account_id).where(Allocation.agency_id == agency_id, held_on(today), in_sight(sight))


def begins_with(column: Any, start: str) -> Any:
    """That a text begins so, in a form an index serves.

    LIKE may see values before the row's policy has spoken, so behind row-level security no index is used for it; a comparison is
    allowed to. The upper bound is wide where need be and right under any collation; LIKE then has the last word.
    """
    bounds = [column >= start, column.startswith(start, autoescape=True)]
    upper = first_beyond(start)
    return and_(*bounds, column < upper) if upper else and_(*bounds)


def first_beyond(start: str) -> str:
    """A text behind everything that begins so: "LN19" gives "LN2". Empty when plain letters and digits give none.

    >>> first_beyond("LN0001"), first_beyond("LN-9"), first_beyond("99")
    ('LN0002', 'LO', '')
    """
    for at in range(len(start) - 1, -1, -1):
        char = start[at]
        if char.isascii() and char.isalnum() and char not in "9Zz":
            return start[:at] + chr(ord(char) + 1)
    return ""


# --- the portfolio


def list_accounts(
    session: Session,
    after: tuple[Any, ...] | None,
    limit: int,
    *,
    today: date,
    q: str = "",
    product: str = "",
    bucket: str = "",
    agency: str = "",
) -> Sequence[LoanAccount]:
    """One page of accounts by number; `q` is how a number begins, `agency` whoever holds it today."""
    key = Allocation.loan_account_no if agency else LoanAccount.loan_account_no
    query = _held_by(agency, today) if agency else select(LoanAccount)
    if after:
        query = query.where(key > after[0])
    if q:
        query = query.where(begins_with(key, q))
    if product:
        query = query.where(LoanAccount.product == product)
    if bucket:
        query = query.where(LoanAccount.latest_bucket == bucket)
    return session.scalars(query.order_by(key).limit(limit)).all()


def _held_by(agency: str, today: date) -> Select[LoanAccount]:
    """Driven from the agency's own allocations, whose index is in the order of the list."""
    held = select(Agency.id).where(Agency.code == agency).scalar_subquery()
    # An agency that holds an account in both streams has two rows of it, and the list still one.
    once = select(LoanAccount).ext(distinct_on(Allocation.loan_account_no))
    joined = once.join(Allocation, Allocation.loan_account_id == LoanAccount.id)
    return joined.where(Allocation.agency_id == held, held_on(today))


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds an account in one stream."""

    code: str
    name: str
    stream: str


def holders(session: Session, accounts: Iterable[LoanAccount], today: date) -> dict[int, list[Holder]]:
    """Who holds each of these accounts today."""
    query = (
        select(Allocation.loan_account_id, Agency.code, Agency.legal_name, Allocation.stream)
        .join(Agency, Agency.id == Allocation.agency_id)
        .where(Allocation.loan_account_id.in_([account.id for account in accounts]), held_on(today))
        .order_by(Allocation.stream)
    )
    found: dict[int, list[Holder]] = {}
    for account_id, code, name, stream in session.execute(query):
        found.setdefault(account_id, []).append(Holder(code, name, stream))
    return found


PRODUCTS = text("""
    with recursive one as (
      (select product from loan_accounts order by product limit 1)
      union all
      select (select l.product from loan_accounts l where l.product > one.product order by l.product limit 1)
      from one where one.product is not null)
    select product from one where product is not null limit 100
""")


def products(session: Session) -> list[str]:
    """Every product there is, found by hopping along the index."""
    return list(session.scalars(PRODUCTS))


def bucket_choices(session: Session) -> list[tuple[str, str]]:
    """Code and label of the buckets of the newest scheme."""
    schemes = load_schemes(session)
    return [(bucket.code, bucket.label) for bucket in schemes[-1].buckets] if schemes else []


def has_accounts(session: Session) -> bool:
    return bool(session.scalar(select(select(LoanAccount.id).exists())))


# --- one account


@dataclass(frozen=True)
class AccountStory:
    """All that is known of an account, each list the newest first."""

    account: LoanAccount
    snapshots: Sequence[AccountSnapshot]
    allocations: Sequence[Any]
    holds: Sequence[Hold]
    collections: Sequence[Any]


def find_account(session: Session, loan_account_no: str) -> LoanAccount:
    """The account with this number. NotFound when there is none in sight."""
    account = session.scalars(select(LoanAccount).where(LoanAccount.loan_account_no == loan_account_no)).first()
    if account is None:
        raise NotFound("There is no such account.")
    return account


def account_story(session: Session, account: LoanAccount) -> AccountStory:
    snapshots = select(AccountSnapshot).where(AccountSnapshot.loan_account_id == account.id)
    allocations = (
        select(Allocation, Agency.code, Agency.legal_name, Placement.code.label("placement"))
        .join(Agency, Agency.id == Allocation.agency_id)
        .join(Placement, Placement.id == Allocation.placement_id)
        .where(Allocation.loan_account_id == account.id)
    )
    taken = (
        select(Collection, Agency.code, Agency.legal_name)
        .join(Agency, Agency.id == Collection.agency_id)
        .where(Collection.loan_account_id == account.id)
    )
    holds = select(Hold).where(Hold.loan_account_id == account.id)
    return AccountStory(
        account,
        session.scalars(snapshots.order_by(AccountSnapshot.as_of.desc()).limit(STORY)).all(),
        session.execute(allocations.order_by(Allocation.from_on.desc(), Allocation.id.desc()).limit(STORY)).all(),
        session.scalars(holds.order_by(Hold.from_on.desc(), Hold.id.desc()).limit(STORY)).all(),
        session.execute(taken.order_by(Collection.collected_on.desc(), Collection.id.desc()).limit(STORY)).all(),
    )


def find_hold(session: Session, account: LoanAccount, hold_id: int) -> Hold:
    hold = session.scalars(select(Hold).where(Hold.id == hold_id, Hold.loan_account_id == account.id)).first()
    if hold is None:
        raise NotFound("There is no such hold.")
    return hold


def kept_name(session: Session, hold: Hold) -> str | None:
    """What the file a hold rests on was called."""
    query = select(StoredFile.name).where(StoredFile.sha256 == hold.file_sha256, StoredFile.agency_id.is_(None))
    return session.scalars(query).first()


# --- placements


def list_placements(session: Session, after: tuple[Any, ...] | None, limit: int) -> Sequence[Placement]:
    """One page of placements, the newest first."""
    query = select(Placement).order_by(Placement.id.desc()).limit(limit)
    return session.scalars(query.where(Placement.id < after[0]) if after else query).all()


def find_placement(session: Session, code: str) -> Placement:
    placement = session.scalars(select(Placement).where(Placement.code == code)).first()
    if placement is None:
        raise NotFound("There is no such placement.")
    return placement


@dataclass(frozen=True, slots=True)
class AgencyShare:
    """What a placement gave to one agency."""

    code: str
    name: str
    accounts: int
    recalled: int
    principal_minor: int
    overdue_minor: int
    currency: str


def placement_shares(session: Session, placement: Placement) -> list[AgencyShare]:
    """By agency: how many accounts, how many were recalled, what they owed at the opening."""
    query = (
        select(
            Agency.code,
            Agency.legal_name,
            func.count(),
            func.count(Allocation.recalled_at),
            func.sum(Allocation.opening_principal_minor),
            func.sum(Allocation.opening_overdue_minor),
            func.min(Allocation.currency),
        )
        .join(Agency, Agency.id == Allocation.agency_id)
        .where(Allocation.placement_id == placement.id)
        .group_by(Agency.code, Agency.legal_name)
        .order_by(Agency.code)
    )
    return [AgencyShare(c, n, a, r, int(p), int(o), cur) for c, n, a, r, p, o, cur in session.execute(query)]


def list_allocations(
    session: Session, placement: Placement, after: tuple[Any, ...] | None, limit: int, *, q: str = "", agency: str = ""
) -> Sequence[Any]:
    """One page of a placement's allocations in the order of its file, each with its agency and agent."""
    query = (
        select(Allocation, Agency.code, Agency.legal_name, Agent.code.label("agent"))
        .join(Agency, Agency.id == Allocation.agency_id)
        .outerjoin(Agent, Agent.id == Allocation.agent_id)
        .where(Allocation.placement_id == placement.id)
        .order_by(Allocation.id)
        .limit(limit)
    )
    if after:
        query = query.where(Allocation.id > after[0])
    if q:
        query = query.where(begins_with(Allocation.loan_account_no, q))
    if agency:
        query = query.where(Allocation.agency_id == select(Agency.id).where(Agency.code == agency).scalar_subquery())
    return session.execute(query).all()


def find_allocation(session: Session, placement: Placement, allocation_id: int) -> tuple[Allocation, Agency]:
    query = (
        select(Allocation, Agency)
        .join(Agency, Agency.id == Allocation.agency_id)
        .where(Allocation.id == allocation_id, Allocation.placement_id == placement.id)
    )
    row = session.execute(query).first()
    if row is None:
        raise NotFound("There is no such allocation.")
    return row[0], row[1]


def held_accounts(session: Session, agency: Agency, day: date) -> int:
    """How many accounts an agency holds on a day."""
    query = select(func.count()).select_from(Allocation).where(Allocation.agency_id == agency.id, held_on(day))
    return session.scalar(query) or 0


def rejected_file(session: Session, sha256: str, agency_id: int | None = None) -> StoredFile:
    """Rows that an import of the bank, or of an agency, gave back, as they were kept. NotFound for any other file."""
    query = select(StoredFile).where(
        StoredFile.sha256 == sha256,
        StoredFile.agency_id.is_not_distinct_from(agency_id),
        StoredFile.name.startswith("rejected-"),
    )
    file = session.scalars(query).first()
    if file is None:
        raise NotFound("There is no such file.")
    return file
