"""Who might belong together: from a receipt to open credits, from a credit to open receipts, each with what speaks for it and what
against. Looked up afresh for the one item a person looks at. For the bank's eyes only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import Collection, Deposit, DepositItem
from allocations.keys import receipt_fold
from allocations.placements.models import Allocation, LoanAccount
from allocations.reconciliation.bench.rows import open_of
from allocations.reconciliation.bench.words import TAKEN_BACK
from allocations.reconciliation.bench_models import PayerRule
from allocations.reconciliation.matching.ladder import LADDER
from allocations.reconciliation.models import BankLine, BankStatement, MatchLink
from portal.kernel.money import shown

BEFORE, BEHIND = 14, 60  # days around a receipt in which its money may lie
ALIKE = (7, 14)  # and in which an equal amount alone is worth a look
USUAL = (-1, 3)
MOST = 9  # as many as keys 1 to 9 choose from
MOST_READ = 24
LOOKS_ALIKE = 20  # what a key that only reads alike is worth: less than any that is the same
NOT_THE_SAME = "A person has said that these are not the same money."
BACK_AGAIN = (
    "They were linked, and the link was taken back on the bench."  # which says nothing of whether they belong together
)
WEIGHTS = {
    "payment reference": 50,
    "deposit slip": 40,
    "receipt number": 40,
    "virtual account": 35,
    "payer": 30,
    "loan number": 30,
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """The other side a person may choose. `kind`: credit or receipt; `gap_minor`: open on the credit less open on the receipt;
    `days`: from the receipt to the credit. `signs` speak for it, `against` against it, in sentences."""

    kind: str
    id: int
    ref: str
    day: date
    open_minor: int
    amount_minor: int
    currency: str
    text: str
    score: int
    gap_minor: int
    days: int
    signs: tuple[str, ...]
    against: tuple[str, ...]
    shares: bool

    @property
    def why(self) -> str:
        return " ".join(self.signs)


def credits_for(
    session: Session,
    receipt: Collection,
    *,
    also: Sequence[int] = (),
    without: Sequence[int] = (),
    names: dict[str, str] | None = None,
) -> list[Candidate]:
    """Open credits that may be a receipt's money, the likeliest first. `also`: credits a run noted as near or a person asked
    for, whatever their day; `without`: not these."""
    names = names_of(session, receipt) if names is None else names
    left = open_of(receipt)
    slack = LADDER.tolerance(receipt.currency)
    near = and_(
        BankLine.amount_minor.between(max(left - slack, 1), left + slack),
        BankLine.value_on.between(
            receipt.collected_on - timedelta(ALIKE[0]), receipt.collected_on + timedelta(ALIKE[1])
        ),
    )
    named = [*lines_named(session, names), *also]
    lines = _lines(session, receipt.currency, near) | _lines(
        session, receipt.currency, BankLine.id.in_(named), len(named)
    )
    days = range(-BEFORE, BEHIND + 1)
    lines = {
        key: line
        for key, line in lines.items()
        if key not in without
        and open_of(line) > 0
        and not line.returned_minor
        and ((line.value_on - receipt.collected_on).days in days or key in also)
    }
    refused = refused_pairs(session, [receipt.id], lines)
    found = [_weigh(receipt, line, names, refused.get((receipt.id, line.id), "")) for line in lines.values()]
    facing = {each.id: each for each in found}
    return ranked([_as_credit(facing[line.id], line) for line in lines.values()])


def receipts_for(session: Session, line: BankLine, *, also: Sequence[int] = ()) -> list[Candidate]:
    """Open receipts a credit's money may belong to, the likeliest first. `also`: receipts a person asked for."""
    receipts = {each.id: each for each in _receipts(session, line)}
    if also:
        receipts |= {each.id: each for each in session.scalars(select(Collection).where(Collection.id.in_(also)))}
    receipts = {key: each for key, each in receipts.items() if open_of(each) > 0 and each.currency == line.currency}
    refused = refused_pairs(session, receipts, [line.id])
    codes = {row[0]: row[1] for row in session.execute(select(Agency.id, Agency.code))}
    held = holders(session, receipts.values(), line.value_on)
    names = names_of_all(session, list(receipts.values()))
    found = []
    for receipt in receipts.values():
        each = _weigh(receipt, line, names[receipt.id], refused.get((receipt.id, line.id), ""))
        if receipt.id not in held:
            said = f"{codes[receipt.agency_id]} did not hold the account on the credit's day."
            each = replace(each, against=(*each.against, said), score=max(each.score - 20, 1))
        found.append(_as_receipt(each, receipt, codes[receipt.agency_id]))
    return ranked(found)


def ranked(found: Iterable[Candidate]) -> list[Candidate]:
    """The likeliest first. Where several are equally likely, each says so."""
    first = sorted(found, key=lambda each: (-each.score, abs(each.gap_minor), abs(each.days), each.id))[:MOST]
    best = [each for each in first if each.score == first[0].score]
    if len(best) < 2:
        return first
    said = f"{_number(len(best) - 1)} fit{'s' if len(best) == 2 else ''} equally well."
    return [replace(each, against=(*each.against, said)) if each in best else each for each in first]


def _number(count: int) -> str:
    return "Another" if count == 1 else f"{count} others"


# --- what two sides can meet on


def names_of(session: Session, receipt: Collection) -> dict[str, str]:
    """Every key a receipt's money may bear at the bank, with what it is: its references, its account's numbers and payers."""
    return names_of_all(session, [receipt])[receipt.id]


def names_of_all(session: Session, receipts: Sequence[Collection]) -> dict[int, dict[str, str]]:
    """`names_of` for several receipts at once, by their id."""
    wanted = {each.loan_account_id for each in receipts}
    numbers = select(LoanAccount.id, LoanAccount.loan_account_key, LoanAccount.virtual_account_key)
    accounts = {row[0]: row for row in session.execute(numbers.where(LoanAccount.id.in_(wanted)))}
    approved = select(PayerRule.loan_account_id, PayerRule.payer_key).where(PayerRule.status == "approved")
    payers: dict[int, list[str]] = {}
    for account_id, key in session.execute(approved.where(PayerRule.loan_account_id.in_(wanted))):
        payers.setdefault(account_id, []).append(key)
    slips = _slips(session, receipts)
    found = {}
    for receipt in receipts:
        _id, loan_key, virtual_key = accounts[receipt.loan_account_id]
        named = dict.fromkeys(payers.get(receipt.loan_account_id, []), "payer")
        named |= {loan_key: "loan number", virtual_key or "": "virtual account", receipt.receipt_key: "receipt number"}
        named |= {slips.get(receipt.id, ""): "deposit slip", receipt.instrument_key or "": "payment reference"}
        found[receipt.id] = {key: what for key, what in named.items() if tells(key)}
    return found


def tells(key: str) -> bool:
    """Whether a key is long enough to point at one payment; a short run of digits is a date, a branch or a count."""
    return len(key) > 1 and not (key.isdigit() and len(key) < LADDER.shortest_number)


def _slips(session: Session, receipts: Sequence[Collection]) -> dict[int, str]:
    """The key of the slip each receipt names, or of the one it was recorded on afterwards."""
    named = {each.id: each.slip_key for each in receipts if each.slip_key}
    rest = [each.id for each in receipts if not each.slip_key]
    query = select(DepositItem.collection_id, Deposit.slip_key).join(Deposit, Deposit.id == DepositItem.deposit_id)
    later = (
        {row[0]: row[1] for row in session.execute(query.where(DepositItem.collection_id.in_(rest)))} if rest else {}
    )
    return later | named


def slip_of(session: Session, receipt: Collection) -> tuple[str, str] | None:
    """Number and key of the slip a receipt names, or of the one it was recorded on afterwards."""
    if receipt.slip_key:
        return receipt.deposit_slip_no or "", receipt.slip_key
    query = (
        select(Deposit.slip_no, Deposit.slip_key)
        .join(DepositItem, DepositItem.deposit_id == Deposit.id)
        .where(DepositItem.collection_id == receipt.id, DepositItem.agency_id == receipt.agency_id)
    )
    row = session.execute(query).first()
    return (row[0], row[1]) if row else None


def refused_pairs(session: Session, receipts: Iterable[int], lines: Iterable[int]) -> dict[tuple[int, int], str]:
    """Pairs a person has looked at and taken apart or refused, with the sentence that says so."""
    query = select(MatchLink.collection_id, MatchLink.bank_line_id, MatchLink.status, MatchLink.undo_reason).where(
        MatchLink.collection_id.in_(list(receipts)),
        MatchLink.bank_line_id.in_(list(lines)),
        or_(MatchLink.status == "rejected", and_(MatchLink.status == "undone", MatchLink.undone_by.is_not(None))),
    )
    rows = session.execute(query.order_by(MatchLink.id))
    return {(receipt, line or 0): _refusal(status, reason or "") for receipt, line, status, reason in rows}


def _refusal(status: str, reason: str) -> str:
    if status == "rejected":
        return NOT_THE_SAME
    return BACK_AGAIN if reason == TAKEN_BACK else f"A person took their link apart: {reason}"


def holders(session: Session, receipts: Iterable[Collection], day: date) -> set[int]:
    """Of these receipts, those whose agency held the account on a day."""
    listed = list(receipts)
    query = select(Allocation.agency_id, Allocation.loan_account_id).where(
        Allocation.loan_account_id.in_({each.loan_account_id for each in listed}),
        Allocation.from_on <= day,
        or_(Allocation.to_on.is_(None), Allocation.to_on >= day),
    )
    held = {(agency_id, account_id) for agency_id, account_id in session.execute(query)}
    return {each.id for each in listed if (each.agency_id, each.loan_account_id) in held}


def lines_named(session: Session, keys: Iterable[str], most: int = 50) -> list[int]:
    """Bank lines that bear one of these keys, the newest first."""
    given = [key for key in keys if key]
    if not given:
        return []
    return list(session.scalars(select(func.portal_lines_named(cast(given, ARRAY(Text)), most))))


def _lines(session: Session, currency: str, wanted: ColumnElement[bool], most: int = MOST_READ) -> dict[int, BankLine]:
    """Open credits under one condition by itself, so that it is served by its own index; nothing is asked for none."""
    if not most:
        return {}
    query = (
        select(BankLine)
        .join(BankStatement, BankStatement.id == BankLine.statement_id)
        .where(
            wanted,
            BankLine.side == "credit",
            BankLine.linked_minor < BankLine.amount_minor,
            BankLine.currency == currency,
            BankStatement.status != "refused",
        )
        .limit(most)
    )
    return {line.id: line for line in session.scalars(query)}


def _receipts(session: Session, line: BankLine) -> list[Collection]:
    """Receipts with an open amount that share a key, the account or the amount with a credit."""
    keys = [key for key in line.ref_keys if tells(key)]
    accounts = [
        *session.scalars(select(LoanAccount.id).where(LoanAccount.loan_account_key.in_(keys)).limit(MOST_READ)),
        *session.scalars(select(LoanAccount.id).where(LoanAccount.virtual_account_key.in_(keys)).limit(MOST_READ)),
        *session.scalars(
            select(PayerRule.loan_account_id).where(PayerRule.payer_key.in_(keys), PayerRule.status == "approved")
        ),
    ]
    left, slack = open_of(line), LADDER.tolerance(line.currency)
    days = Collection.collected_on.between(line.value_on - timedelta(BEHIND), line.value_on + timedelta(BEFORE))
    alike = Collection.collected_on.between(line.value_on - timedelta(ALIKE[1]), line.value_on + timedelta(ALIKE[0]))
    found: dict[int, Collection] = {}
    for condition in (
        Collection.instrument_key.in_(keys),
        Collection.receipt_key.in_(keys),
        Collection.slip_key.in_(keys),
        and_(Collection.loan_account_id.in_(accounts), days),
        and_(Collection.amount_minor.between(max(left - slack, 1), left + slack), alike),
    ):
        query = select(Collection).where(
            condition, Collection.linked_minor < Collection.amount_minor, Collection.currency == line.currency
        )
        found |= {each.id: each for each in session.scalars(query.limit(MOST_READ)) if open_of(each) > 0}
    return list(found.values())


# --- weighing


def _weigh(receipt: Collection, line: BankLine, names: dict[str, str], refused: str) -> Candidate:
    """What speaks for and against a pair. The score orders candidates; it never decides anything."""
    shared = sorted(((WEIGHTS[names[key]], names[key], key) for key in names.keys() & set(line.ref_keys)), reverse=True)
    alike = "" if shared else _read_alike(names, line)
    gap, days = open_of(line) - open_of(receipt), (line.value_on - receipt.collected_on).days
    slack = LADDER.tolerance(receipt.currency)
    signs = [f"Same {what}: {key}." for _weight, what, key in shared] + ([alike] if alike else [])
    signs += (
        ["Same amount."]
        if gap == 0
        else [f"{shown(abs(gap), line.currency)} apart: rounding."]
        if abs(gap) <= slack
        else []
    )
    signs += ["On the same day."] if days == 0 else [f"{spoken_days(days)}."] if days in range(1, USUAL[1] + 1) else []
    nothing = "no reference, slip, receipt, loan or virtual account number in common."
    against = [] if shared or alike else [f"Only the amount agrees: {nothing}" if gap == 0 else nothing.capitalize()]
    against += (
        [f"The credit is {shown(abs(gap), line.currency)} {'more' if gap > 0 else 'less'}."] if abs(gap) > slack else []
    )
    against += [] if USUAL[0] <= days <= USUAL[1] else [f"{spoken_days(days)}: unusual."]
    against += [refused] if refused else []
    score = sum(weight for weight, _what, _key in shared[:2]) + (LOOKS_ALIKE if alike else 0)
    score += 30 if gap == 0 else 20 if abs(gap) <= slack else 0
    score += 15 if USUAL[0] <= days <= USUAL[1] else 5 if -3 <= days <= 10 else 0
    score = 1 if refused not in ("", BACK_AGAIN) else max(min(score, 99), 1)
    kept = (tuple(signs), tuple(against), bool(shared))
    return Candidate("", line.id, "", line.value_on, 0, 0, line.currency, "", score, gap, days, *kept)


def _read_alike(names: dict[str, str], line: BankLine) -> str:
    """That one of a receipt's keys is on the credit once letters taken for digits are read as these; "" where none is."""
    folded = {receipt_fold(key): key for key in sorted(line.ref_keys)}
    for key, what in names.items():
        if other := folded.get(receipt_fold(key)):
            return f"The {what} reads alike, a letter for a digit: {other}."
    return ""


def _as_credit(found: Candidate, line: BankLine) -> Candidate:
    return replace(
        found, kind="credit", ref=line.ref, open_minor=open_of(line), amount_minor=line.amount_minor, text=text_of(line)
    )


def _as_receipt(found: Candidate, receipt: Collection, agency: str) -> Candidate:
    return replace(
        found,
        kind="receipt",
        id=receipt.id,
        ref=receipt.receipt_no,
        day=receipt.collected_on,
        open_minor=open_of(receipt),
        amount_minor=receipt.amount_minor,
        text=f"{agency}, {receipt.loan_account_no}",
    )


def text_of(line: BankLine) -> str:
    """What the bank wrote, in one line; a reference the narrative repeats is said once."""
    told = [part for part in (line.description,) if part]
    for part in (line.customer_ref, line.bank_ref):
        if part and not any(part in each for each in told):
            told.insert(0, part)
    return " · ".join(told)


def spoken_days(days: int) -> str:
    """How a credit's day lies to its receipt's, in words."""
    if days == 0:
        return "On the same day"
    many = f"{abs(days)} day{'' if abs(days) == 1 else 's'}"
    return f"Credited {many} later" if days > 0 else f"Credited {many} before the receipt"


def rivals_of(session: Session, receipt: Collection, limit: int = 8) -> Sequence[tuple[Collection, str]]:
    """Other receipts that carry the same receipt number or payment reference, with their agency's code. The bank's eyes only."""
    near = Collection.collected_on.between(receipt.collected_on - timedelta(60), receipt.collected_on + timedelta(60))
    same: list[Any] = [Collection.receipt_key == receipt.receipt_key]
    same += [and_(Collection.instrument_key == receipt.instrument_key, near)] if receipt.instrument_key else []
    query = (
        select(Collection, Agency.code)
        .join(Agency, Agency.id == Collection.agency_id)
        .where(or_(*same), Collection.id != receipt.id)
        .order_by(Collection.collected_on, Collection.id)
        .limit(limit)
    )
    return [(row[0], row[1]) for row in session.execute(query)]


def on_the_same_credit(session: Session, line: BankLine, limit: int = 20) -> list[tuple[MatchLink, Collection, str]]:
    """Every receipt a credit is linked to or waits to be, with its agency's code."""
    query = (
        select(MatchLink, Collection, Agency.code)
        .join(Collection, Collection.id == MatchLink.collection_id)
        .join(Agency, Agency.id == Collection.agency_id)
        .where(MatchLink.bank_line_id == line.id, MatchLink.status.in_(["suggested", "confirmed"]))
        .order_by(MatchLink.status, MatchLink.id)
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in session.execute(query)]
