"""One thing on the bench, as a person needs it to decide: both sides, the best candidate, the near misses and rivals with what speaks
against each, what was tried before, and what was seen, so that nobody decides on yesterday's picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, undefer

from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from allocations.reconciliation.bench.act_queries import ActRow, waiting_on
from allocations.reconciliation.bench.candidates import (
    Candidate,
    credits_for,
    names_of,
    receipts_for,
    rivals_of,
    text_of,
)
from allocations.reconciliation.bench.rows import open_of
from allocations.reconciliation.bench.words import ago, state_says, why_not
from allocations.reconciliation.bench.worklist import Found, Narrowed, whom
from allocations.reconciliation.bench_models import HandAct
from allocations.reconciliation.matching.ladder import rule_says
from allocations.reconciliation.models import BankLine, Break, MatchLink, Posting
from portal.kernel.audit import AuditEvent
from portal.kernel.errors import NotFound

OTHER_ACTS = 12  # links of the past shown
MOST_WAITING = 12


@dataclass(frozen=True, slots=True)
class Rival:
    """A candidate a run refused: its reference, day, amount, and why."""

    kind: str
    ref: str
    note: str
    day: date | None
    amount_minor: int | None
    why: str


@dataclass(frozen=True, slots=True)
class Past:
    """A link one of the two sides had: with what, how much, what became of it."""

    link_id: int
    receipt_no: str
    other: str
    amount_minor: int
    status: str
    says: str


@dataclass(frozen=True)
class Item:
    """What the bench shows of one suggestion or break. `state` is empty while it can still be decided; `seen` names what is shown;
    `waiting`: what people have proposed to do with either side, which reserves nothing until a second person agrees."""

    key: str
    link: MatchLink | None
    found: Break | None
    receipt: Collection | None
    line: BankLine | None
    posting: Posting | None
    agency: str
    amount_minor: int
    currency: str
    why: str
    state: str
    seen: str
    together: Sequence[tuple[MatchLink, Collection, str]] = ()
    candidates: Sequence[Candidate] = ()
    rivals: Sequence[Rival] = ()
    twins: Sequence[tuple[Collection, str]] = ()
    past: Sequence[Past] = ()
    waiting: Sequence[ActRow] = ()
    names: dict[str, str] = field(default_factory=dict)

    @property
    def is_open(self) -> bool:
        return not self.state

    @property
    def left_minor(self) -> int:
        """What is open on the side the person looks from."""
        row = self.receipt if self.receipt is not None else self.line
        return open_of(row) if row is not None else 0

    @property
    def line_text(self) -> str:
        return text_of(self.line) if self.line is not None else ""


def link_item(session: Session, link_id: int, *, now: datetime, look: str = "") -> Item:
    """A suggestion, or what became of it; `look` as for a break. NotFound when there is no such link."""
    link = session.scalars(
        select(MatchLink)
        .where(MatchLink.id == link_id)
        .options(undefer(MatchLink.rivals))
        .execution_options(populate_existing=True)
    ).first()
    if link is None:
        raise NotFound("There is no such link.")
    receipt = _fresh(session, Collection, link.collection_id)
    line = _fresh(session, BankLine, link.bank_line_id) if link.bank_line_id else None
    posting = _fresh(session, Posting, link.posting_id) if link.posting_id else None
    agency = session.scalar(select(Agency.code).where(Agency.id == receipt.agency_id)) or ""
    together = together_with(session, link)
    waits, names = link.status == "suggested", names_of(session, receipt)
    acts = proposed_on(session, receipt, line, link=link.id) if waits else []
    without = [link.bank_line_id] if link.bank_line_id else []
    return Item(
        f"link-{link.id}",
        link,
        None,
        receipt,
        line,
        posting,
        agency,
        sum(each.amount_minor for each, _receipt, _agency in together) if together else link.amount_minor,
        receipt.currency,
        rule_says(link.rule),
        _waits_says(link, acts, now) or state_says(link, _refused_by(session, link), now),
        seen_of(link, receipt, line or posting, together),
        together,
        credits_for(session, receipt, also=looked_for(session, look).lines, without=without, names=names)
        if waits and line is not None
        else [],
        rivals_told(session, [_as_miss(each, link) for each in link.rivals or []], receipt.currency),
        rivals_of(session, receipt) if waits else [],
        past_of(session, receipt, line or posting, now, but=link.id),
        [row for row in acts if row.act.link_id != link.id],
        names,
    )


def looked_for(session: Session, text: str) -> Found:
    """What a person looks for by hand: a receipt, a bank line, a reference, an account."""
    return whom(session, Narrowed(text=text)) or Found()


def break_item(session: Session, break_id: int, *, now: datetime, look: str = "") -> Item:
    """A receipt or credit that stands open, or what became of it; `look`: what else a person wants to see beside it.

    NotFound when there is no such break."""
    found = session.scalars(
        select(Break)
        .where(Break.id == break_id)
        .options(undefer(Break.misses), undefer(Break.assigned_to))
        .execution_options(populate_existing=True)
    ).first()
    if found is None:
        raise NotFound("There is no such break.")
    receipt = _fresh(session, Collection, found.collection_id) if found.collection_id else None
    line = _fresh(session, BankLine, found.bank_line_id) if found.bank_line_id else None
    posting = _fresh(session, Posting, found.posting_id) if found.posting_id else None
    agency = session.scalar(select(Agency.code).where(Agency.id == found.agency_id)) if found.agency_id else ""
    is_open = found.status == "open"
    subject = receipt or line or posting
    candidates = _candidates(session, found, receipt, line, looked_for(session, look)) if is_open else []
    shown = {each.ref for each in candidates}
    return Item(
        f"break-{found.id}",
        None,
        found,
        receipt,
        line,
        posting,
        agency or "",
        found.amount_minor,
        found.currency,
        str(found.detail.get("why", "")),
        "" if is_open else _closed_says(session, found, now),
        "",
        (),
        candidates,
        [each for each in rivals_told(session, found.misses or [], found.currency) if each.ref not in shown],
        rivals_of(session, receipt) if receipt is not None and is_open else [],
        past_of(session, subject, None, now) if subject is not None else [],
        proposed_on(session, receipt, line) if is_open else [],
    )


def _candidates(
    session: Session, found: Break, receipt: Collection | None, line: BankLine | None, looked: Found
) -> list[Candidate]:
    if receipt is not None and open_of(receipt) > 0:
        noted = [int(each["id"]) for each in found.misses or [] if each.get("other") == "bank"]
        return credits_for(session, receipt, also=[*noted, *looked.lines])
    if line is not None and line.side == "credit" and open_of(line) > 0 and not line.returned_minor:
        return receipts_for(session, line, also=looked.collections)
    return []


def proposed_on(
    session: Session, receipt: Collection | None, line: BankLine | None, *, link: int | None = None
) -> list[ActRow]:
    """Acts on a receipt, a credit or a link that wait for a second person: the link's own first, then the oldest first."""
    about = [(HandAct.collection_id, receipt and receipt.id), (HandAct.bank_line_id, line and line.id)]
    sides = [column == row_id for column, row_id in [*about, (HandAct.link_id, link)] if row_id is not None]
    return waiting_on(session, or_(*sides), link or 0, MOST_WAITING) if sides else []


def _fresh(session: Session, kind: Any, row_id: int | None) -> Any:
    return session.get_one(kind, row_id, populate_existing=True)


def together_with(session: Session, link: MatchLink) -> list[tuple[MatchLink, Collection, str]]:
    """All suggestions of one rule and agency on one credit: its receipts make the credit up together. Empty for a pair of its own."""
    if link.bank_line_id is None or link.status != "suggested":
        return []
    query = (
        select(MatchLink, Collection, Agency.code)
        .join(Collection, Collection.id == MatchLink.collection_id)
        .join(Agency, Agency.id == MatchLink.agency_id)
        .where(
            MatchLink.bank_line_id == link.bank_line_id,
            MatchLink.rule == link.rule,
            MatchLink.agency_id == link.agency_id,
            MatchLink.status == "suggested",
        )
        .order_by(MatchLink.id)
    )
    rows = [(row[0], row[1], row[2]) for row in session.execute(query)]
    return rows if len(rows) > 1 else []


def seen_of(
    link: MatchLink,
    receipt: Collection,
    other: BankLine | Posting | None,
    together: Sequence[tuple[MatchLink, Any, str]],
) -> str:
    """What a person saw, as text for a form: the link's state, what is open on both sides, and what goes with it."""
    left = other.amount_minor - other.linked_minor - getattr(other, "settled_minor", 0) if other is not None else 0
    ids = "-".join(str(each[0].id) for each in together) or str(link.id)
    return f"{link.status}/{open_of(receipt)}/{left}/{ids}"


def _waits_says(link: MatchLink, acts: Sequence[ActRow], now: datetime) -> str:
    """That a suggestion was confirmed by one person and waits for a second."""
    act = next((row.act for row in acts if row.act.link_id == link.id), None)
    return f"Proposed by {act.proposed_by} {ago(act.proposed_at, now)}; a second person decides." if act else ""


def _refused_by(session: Session, link: MatchLink) -> str:
    if link.status != "rejected":
        return ""
    query = select(AuditEvent.actor).where(
        AuditEvent.subject_ref == str(link.id), AuditEvent.subject_type == "match_link"
    )
    return session.scalar(query.order_by(AuditEvent.id.desc()).limit(1)) or ""


def _closed_says(session: Session, found: Break, now: datetime) -> str:
    """What closed a break: the newest link of its row, a person's word, or the run."""
    if found.detail.get("accepted_by"):
        return f"Accepted by {found.detail['accepted_by']} {ago(found.closed_at, now) if found.closed_at else ''}."
    column, row_id = (
        (MatchLink.collection_id, found.collection_id)
        if found.collection_id
        else (MatchLink.bank_line_id, found.bank_line_id)
        if found.bank_line_id
        else (MatchLink.posting_id, found.posting_id)
    )
    query = select(MatchLink).where(column == row_id, MatchLink.status == "confirmed")
    link = session.scalars(query.order_by(MatchLink.confirmed_at.desc()).limit(1)).first() if row_id else None
    if link is not None:
        return state_says(link, "", now)
    return f"Closed {ago(found.closed_at, now)}." if found.closed_at else "Closed."


def _as_miss(rival: dict[str, Any], link: MatchLink) -> dict[str, Any]:
    """A refused pair beside a link, told as the side of it that is not the link's."""
    line, receipt = rival.get("of_line_id") or 0, rival.get("of_collection_id") or 0
    other = ("bank", line) if line and line != link.bank_line_id else ("collection", receipt)
    return {**rival, "other": other[0], "id": other[1]}


def rivals_told(session: Session, noted: Sequence[dict[str, Any]], currency: str) -> list[Rival]:
    """The refused candidates a run wrote down ({other, id, why, gap_minor, days}), in words. A side that is gone is left out."""
    rows: dict[str, dict[int, Any]] = {
        other: _by_id(session, kind, [each.get("id") for each in noted if each.get("other") == other])
        for other, kind in (("bank", BankLine), ("collection", Collection), ("posting", Posting))
    }
    told = []
    for each in noted:
        row = rows.get(str(each.get("other")), {}).get(int(each.get("id") or 0))
        days = each.get("days")
        why = why_not(str(each.get("why", "")), int(each.get("gap_minor") or 0), int(days) if days else None, currency)
        if isinstance(row, BankLine):
            told.append(Rival("credit", row.ref, text_of(row), row.value_on, row.amount_minor, why))
        elif isinstance(row, Collection):
            told.append(Rival("receipt", row.receipt_no, row.loan_account_no, row.collected_on, row.amount_minor, why))
        elif isinstance(row, Posting):
            told.append(Rival("posting", row.posting_no, row.loan_account_no, row.posted_on, row.amount_minor, why))
    return told


def _by_id(session: Session, kind: Any, ids: Sequence[Any]) -> dict[int, Any]:
    wanted = {int(each) for each in ids if each}
    return {row.id: row for row in session.scalars(select(kind).where(kind.id.in_(wanted)))} if wanted else {}


def past_of(session: Session, row: Any, other: Any, now: datetime, but: int = 0) -> list[Past]:
    """Links either side has or had, the newest first."""
    column = {Collection: MatchLink.collection_id, BankLine: MatchLink.bank_line_id, Posting: MatchLink.posting_id}
    sides = [column[type(each)] == each.id for each in (row, other) if each is not None]
    query = (
        select(MatchLink, Collection.receipt_no, BankLine.ref, Posting.posting_no)
        .join(Collection, Collection.id == MatchLink.collection_id)
        .outerjoin(BankLine, BankLine.id == MatchLink.bank_line_id)
        .outerjoin(Posting, Posting.id == MatchLink.posting_id)
        .where(or_(*sides), MatchLink.id != but, MatchLink.status != "suggested")
        .order_by(MatchLink.id.desc())
        .limit(OTHER_ACTS)
    )
    return [
        Past(link.id, receipt_no, ref or posting_no or "", link.amount_minor, link.status, state_says(link, "", now))
        for link, receipt_no, ref, posting_no in session.execute(query)
    ]
