"""What pages read about evidence: the pieces of a thing, an agency's list, the reviewer's day, and whether a file may be seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select, true, tuple_
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.agencies.queries import OFFICE, Sight
from allocations.collections.evidence.required import (
    RECEIPTS,
    VISITS,
    earliest_rule,
    missing_of_receipts,
    missing_of_visits,
)
from allocations.collections.field_models import Contact, Evidence, EvidenceFlag
from allocations.collections.models import Collection, Deposit
from allocations.collections.queries import in_period, reported_in
from allocations.placements.models import Allocation, LoanAccount
from allocations.placements.queries import held_on
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import NotFound
from portal.kernel.periods import Period

MOST_LOOKED_AT = 2_000  # receipts of a month searched for missing pieces; the page shows far fewer


def handed_in(sight: Sight) -> ColumnElement[bool]:
    """That a piece is one this person of an agency sees: all, or what they handed in or took themselves."""
    if sight.everyone:
        return true()
    own = Evidence.received_by == (sight.email or "")
    return own | (Evidence.agent_code == sight.agent_code) if sight.agent_code else own


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """The first instant of a day at the bank, and of the next."""
    since = datetime.combine(day, time(), BANK_ZONE)
    return since, since + timedelta(days=1)


def in_state(state: str) -> ColumnElement[bool]:
    """A piece's state as people see it: one that could not be used, or else its review."""
    if state == "refused":
        return Evidence.status == "refused"
    if state in ("waiting", "accepted", "questioned"):
        return (Evidence.review == state) & (Evidence.status != "refused")
    return true()


def evidence_by_ref(session: Session, ref: str, sight: Sight = OFFICE) -> Evidence:
    """NotFound for another agency's as for none."""
    found = session.scalars(select(Evidence).where(Evidence.ref == ref, handed_in(sight))).first()
    if found is None:
        raise NotFound("There is no such evidence.")
    return found


def pieces_of(
    session: Session,
    *,
    collection_id: int | None = None,
    contact_id: int | None = None,
    deposit_id: int | None = None,
    sight: Sight = OFFICE,
    limit: int = 200,
) -> Sequence[Evidence]:
    """The pieces handed in for one thing, newest first."""
    given = {"collection_id": collection_id, "contact_id": contact_id, "deposit_id": deposit_id}
    wanted = [getattr(Evidence, field) == number for field, number in given.items() if number is not None]
    query = select(Evidence).where(*wanted, handed_in(sight))
    return session.scalars(query.order_by(Evidence.received_at.desc(), Evidence.id.desc()).limit(limit)).all()


def list_own(
    session: Session,
    agency_id: int,
    *,
    period: Period,
    state: str = "",
    text: str = "",
    sight: Sight = OFFICE,
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> Sequence[Evidence]:
    """An agency's pieces received within days, newest first; `text` is a piece's reference or a loan account number."""
    since, until = day_bounds(period.start)[0], day_bounds(period.end)[0]
    query = select(Evidence).where(
        Evidence.agency_id == agency_id,
        Evidence.received_at >= since,
        Evidence.received_at < until,
        in_state(state),
        handed_in(sight),
    )
    if text:
        query = query.where((Evidence.ref == text.upper()) | (Evidence.loan_account_no == text.upper()))
    if after:
        query = query.where(tuple_(Evidence.received_at, Evidence.id) < after)
    return session.scalars(query.order_by(Evidence.received_at.desc(), Evidence.id.desc()).limit(limit)).all()


@dataclass(frozen=True)
class Missing:
    """A receipt or a visit, and the kinds of evidence it lacks."""

    kinds: tuple[str, ...]
    collection: Collection | None = None
    contact: Contact | None = None


def missing_in(
    session: Session, agency_id: int, period: Period, *, sight: Sight = OFFICE, limit: int = 50
) -> list[Missing]:
    """Receipts, then visits, of some days that lack required evidence, newest first, at most `limit` of each."""
    receipts = select(Collection).where(Collection.agency_id == agency_id, in_period(period), reported_in(sight))
    receipts = receipts.order_by(Collection.collected_on.desc(), Collection.id.desc())
    since, until = day_bounds(period.start)[0], day_bounds(period.end)[0]
    visits = select(Contact).where(
        Contact.agency_id == agency_id,
        Contact.at >= since,
        Contact.at < until,
        Contact.kind == "visit",
        told_in(sight),
    )
    visits = visits.order_by(Contact.at.desc(), Contact.id.desc())
    found = [Missing(kinds, collection=row) for row, kinds in _lacking(session, receipts, missing_of_receipts, limit)]
    return found + [Missing(kinds, contact=row) for row, kinds in _lacking(session, visits, missing_of_visits, limit)]


def _lacking(session: Session, query: Any, ask: Any, limit: int) -> list[tuple[Any, tuple[str, ...]]]:
    """Rows that lack something, a few hundred looked at in one go; nothing is read where no rule asks for anything."""
    found: list[tuple[Any, tuple[str, ...]]] = []
    for start in range(0, MOST_LOOKED_AT, 200):
        rows = session.scalars(query.offset(start).limit(200)).all()
        lacking = ask(session, rows)
        found += [(row, lacking[row.id]) for row in rows if row.id in lacking]
        if len(found) >= limit or len(rows) < 200:
            break
    return found[:limit]


def asks_for_evidence(session: Session) -> bool:
    """Whether any rule, of any day, asks for evidence; while none does the list of what is missing is not made."""
    return any(earliest_rule(session, code) for code in (RECEIPTS, VISITS))


# --- the reviewer's day


@dataclass(frozen=True)
class Chosen:
    """Which pieces a reviewer looks at: of a day, an agency, in a state, with or without flags."""

    day: date
    agency_id: int | None = None
    state: str = ""
    flagged: str = ""

    @property
    def conditions(self) -> list[ColumnElement[bool]]:
        since, until = day_bounds(self.day)
        wanted = [Evidence.received_at >= since, Evidence.received_at < until, in_state(self.state)]
        if self.agency_id is not None:
            wanted.append(Evidence.agency_id == self.agency_id)
        if self.flagged:
            raised = exists().where(EvidenceFlag.evidence_id == Evidence.id)
            wanted.append(raised if self.flagged == "yes" else ~raised)
        return wanted


def list_day(
    session: Session, chosen: Chosen, *, after: tuple[Any, ...] | None = None, limit: int = 51
) -> Sequence[Evidence]:
    """The pieces a reviewer chose, in the order they came."""
    query = select(Evidence).where(*chosen.conditions)
    if after:
        query = query.where(tuple_(Evidence.received_at, Evidence.id) > after)
    return session.scalars(query.order_by(Evidence.received_at, Evidence.id).limit(limit)).all()


def neighbours(session: Session, chosen: Chosen, evidence: Evidence) -> tuple[str | None, str | None]:
    """The references of the piece before and the one after, among those chosen."""
    here = (evidence.received_at, evidence.id)
    key = tuple_(Evidence.received_at, Evidence.id)
    query = select(Evidence.ref).where(*chosen.conditions)
    before = query.where(key < here).order_by(Evidence.received_at.desc(), Evidence.id.desc()).limit(1)
    behind = query.where(key > here).order_by(Evidence.received_at, Evidence.id).limit(1)
    return session.scalar(before), session.scalar(behind)


def day_of(evidence: Evidence) -> date:
    """The day at the bank on which a piece came."""
    return evidence.received_at.astimezone(BANK_ZONE).date()


def first_waiting(session: Session, chosen: Chosen) -> str | None:
    """The reference of the first of the chosen pieces that waits for a person."""
    query = select(Evidence.ref).where(*chosen.conditions, in_state("waiting"), Evidence.status == "ready")
    return session.scalar(query.order_by(Evidence.received_at, Evidence.id).limit(1))


def waiting_elsewhere(session: Session, day: date) -> tuple[int, date | None]:
    """How many pieces of other days wait for a person, and the oldest of those days."""
    since, until = day_bounds(day)
    query = select(func.count(), func.min(Evidence.received_at)).where(
        in_state("waiting"),
        Evidence.status == "ready",
        (Evidence.received_at < since) | (Evidence.received_at >= until),
    )
    count, oldest = session.execute(query).one()
    return count, oldest.astimezone(BANK_ZONE).date() if oldest else None


def latest_day(session: Session) -> date | None:
    """The last day on which any evidence came."""
    moment = session.scalar(select(Evidence.received_at).order_by(Evidence.received_at.desc()).limit(1))
    return moment.astimezone(BANK_ZONE).date() if moment else None


@dataclass(frozen=True)
class FlagSeen:
    """A flag as a reviewer sees it: its code and numbers, and the other piece, if there is one."""

    code: str
    detail: dict[str, Any]
    other: Evidence | None
    is_newer: bool = False  # the other piece came later: it carries the flag


def flags_of(session: Session, pieces: Iterable[Evidence]) -> dict[int, list[str]]:
    """Piece id → codes of its flags, each once."""
    query = select(EvidenceFlag.evidence_id, EvidenceFlag.code).where(
        EvidenceFlag.evidence_id.in_([piece.id for piece in pieces])
    )
    found: dict[int, list[str]] = defaultdict(list)
    for evidence_id, code in session.execute(query.order_by(EvidenceFlag.id)):
        if code not in found[evidence_id]:
            found[evidence_id].append(code)
    return found


def flags_with_others(session: Session, evidence: Evidence) -> list[FlagSeen]:
    """The piece's own flags, then those of later pieces that resemble it."""
    mine = select(EvidenceFlag).where(EvidenceFlag.evidence_id == evidence.id).order_by(EvidenceFlag.id)
    theirs = select(EvidenceFlag).where(EvidenceFlag.other_id == evidence.id).order_by(EvidenceFlag.id).limit(20)
    rows = [(row, row.other_id, False) for row in session.scalars(mine)]
    rows += [(row, row.evidence_id, True) for row in session.scalars(theirs)]
    ids = [other_id for _, other_id, _ in rows if other_id is not None]
    others = {piece.id: piece for piece in session.scalars(select(Evidence).where(Evidence.id.in_(ids)))}
    return [FlagSeen(row.code, row.detail, others.get(other_id or 0), newer) for row, other_id, newer in rows]


@dataclass(frozen=True)
class Subject:
    """What a piece is about, as far as it is known."""

    agency: Agency | None
    collection: Collection | None
    contact: Contact | None
    deposit: Deposit | None
    account: LoanAccount | None
    allocation: Allocation | None


def subject_of(session: Session, evidence: Evidence) -> Subject:
    """The rows a piece points at, within the session's scope: an agency sees no account it does not hold."""

    def get(model: Any, key: int | None) -> Any:
        return session.get(model, key) if key is not None else None

    return Subject(
        get(Agency, evidence.agency_id),
        get(Collection, evidence.collection_id),
        get(Contact, evidence.contact_id),
        get(Deposit, evidence.deposit_id),
        get(LoanAccount, evidence.loan_account_id),
        get(Allocation, evidence.allocation_id),
    )


# --- may its file be seen


def is_open_to_agency(session: Session, evidence: Evidence, sight: Sight, today: date) -> bool:
    """Whether an agency's person may see the file now: the piece is in their sight, and its account is (still) the agency's.

    A piece about no account, a deposit's, has nobody's data in it but the agency's own.
    """
    if (
        not sight.everyone
        and session.scalar(select(Evidence.id).where(Evidence.id == evidence.id, handed_in(sight))) is None
    ):
        return False
    return evidence.loan_account_id is None or bool(open_accounts(session, [evidence], today))


def open_accounts(session: Session, pieces: Iterable[Evidence], today: date) -> set[int]:
    """Of the pieces' accounts, those their agency holds today."""
    wanted = {(piece.agency_id, piece.loan_account_id) for piece in pieces if piece.loan_account_id is not None}
    if not wanted:
        return set()
    pair = tuple_(Allocation.agency_id, Allocation.loan_account_id)
    return set(session.scalars(select(Allocation.loan_account_id).where(pair.in_(wanted), held_on(today))))


# --- what an agency hands a piece in for


def own_receipt(session: Session, agency_id: int, collection_id: int, sight: Sight) -> Collection:
    """A receipt in this person's sight. NotFound otherwise."""
    query = select(Collection).where(
        Collection.agency_id == agency_id, Collection.id == collection_id, reported_in(sight)
    )
    if (found := session.scalars(query).first()) is None:
        raise NotFound("There is no such receipt.")
    return found


def own_contact(session: Session, agency_id: int, contact_id: int, sight: Sight) -> Contact:
    """A contact in this person's sight. NotFound otherwise."""
    query = select(Contact).where(Contact.agency_id == agency_id, Contact.id == contact_id, told_in(sight))
    if (found := session.scalars(query).first()) is None:
        raise NotFound("There is no such contact.")
    return found


def own_deposit(session: Session, agency_id: int, deposit_id: int, sight: Sight) -> Deposit:
    """A deposit in this person's sight: a field agent's own. NotFound otherwise."""
    query = select(Deposit).where(Deposit.agency_id == agency_id, Deposit.id == deposit_id)
    if not sight.everyone:
        query = query.where(Deposit.agent_code == (sight.agent_code or ""))
    if (found := session.scalars(query).first()) is None:
        raise NotFound("There is no such deposit.")
    return found


def told_in(sight: Sight) -> ColumnElement[bool]:
    """That a contact is one this person of an agency sees: all, or what they did or reported themselves."""
    if sight.everyone:
        return true()
    own = Contact.reported_by == (sight.email or "")
    return own | (Contact.agent_code == sight.agent_code) if sight.agent_code else own
