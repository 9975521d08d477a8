"""Entries of a camt file: what moved, which way, when, and under which references.

An entry is one booking. Where the bank lists the transactions of a batch with amounts that add up to it, each is a movement of its
own (so that each meets its own receipt); where not, the entry stays one movement that carries the references of all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from allocations.reconciliation.sources.readers.amounts import is_plausible, minor_of
from allocations.reconciliation.sources.readers.faults import Faults
from allocations.reconciliation.sources.readers.references import tells_of_a_return
from allocations.reconciliation.sources.readers.statement import Side
from allocations.reconciliation.sources.readers.text import one_line
from allocations.reconciliation.sources.readers.xml_nodes import Node

SIDES: dict[str, Side] = {"CRDT": "credit", "DBIT": "debit"}
BOOKED = {"", "BOOK"}
CURE = "Ask the bank for the file again."
NO_REFERENCE = {"NOTPROVIDED", "NOTPROVIDEDNOTPROVIDED", "NONREF"}
REFERENCES = tuple(f"Refs/{name}" for name in ("EndToEndId", "ChqNb", "TxId", "InstrId", "UETR", "MndtId"))
# Sub-families of the ISO 20022 bank transaction codes that take back something booked before: returned, unpaid, cancelled.
TAKEN_BACK = frozenset({"ARET", "AREV", "CQRV", "PRDD", "RPCR", "RRTN", "UPCQ", "UPCT", "UPDD"})
ACCOUNT = ("IBAN", "Othr/Id", "PrtryAcct/Id", "BBAN")  # ways to write an account's number
TOLD = 20  # transactions of one entry whose narrative is kept; references are kept of all


@dataclass(slots=True)
class Movement:
    """An entry, or one transaction of a batch entry, before the statement's currency is known."""

    row: int
    amount: str
    currency: str
    side: Side
    is_reversal: bool
    booked_on: date
    value_on: date
    bank_ref: str
    customer_ref: str
    description: str


@dataclass(slots=True)
class Draft:
    """The entries of one statement as they come in; `sums` are the booked entries' own amounts: side → [(amount, currency)]."""

    movements: list[Movement] = field(default_factory=list)
    entries: int = 0
    pending: int = 0
    sums: dict[Side, list[tuple[str, str]]] = field(default_factory=lambda: {"credit": [], "debit": []})
    notes: list[str] = field(default_factory=list)
    account: str = ""


def take_entry(draft: Draft, entry: Node, faults: Faults) -> None:
    """Add what a booked entry moves to the draft; one that is only expected is counted and left out."""
    draft.entries += 1
    if entry.said("Sts/Cd", "Sts") not in BOOKED:
        draft.pending += 1
        return
    try:
        booked_on, value_on = day_of_choice(entry.first("BookgDt")), day_of_choice(entry.first("ValDt"))
    except ValueError:
        faults.add("bad_date", "An entry's booking or value date is not a day.", CURE, row=entry.row)
        return
    side = SIDES.get(entry.said("CdtDbtInd"))
    amount, currency = amount_of(entry)
    first, second = booked_on or value_on, value_on or booked_on
    if first is None or second is None:
        faults.add("no_date", "An entry without booking and value date.", CURE, row=entry.row)
    elif side is None:
        faults.add("no_side", "An entry that is neither CRDT nor DBIT.", CURE, row=entry.row, column="CdtDbtInd")
    elif not amount:
        faults.add("no_amount", "An entry without amount.", CURE, row=entry.row, column="Amt")
    else:
        draft.sums[side].append((amount, currency))
        draft.movements += _movements(draft, entry, side, (amount, currency), (first, second))


def day_of_choice(node: Node | None) -> date | None:
    """The calendar day of a DateAndDateTime choice, as its own zone writes it."""
    text = node.said("Dt", "DtTm") if node else ""
    return plain_day(text) if text else None


def plain_day(text: str) -> date:
    """The day of an ISO date or time; ValueError for one no bank can mean."""
    day = date.fromisoformat(text[:10])
    if not is_plausible(day):
        raise ValueError(f"{text[:10]} is not a day")
    return day


def amount_of(node: Node) -> tuple[str, str]:
    """Amount text and currency of an entry or transaction; older versions put a transaction's under AmtDtls."""
    for path in ("Amt", "AmtDtls/TxAmt/Amt"):
        found = node.first(path)
        if found is not None and found.text:
            return found.text, found.currency
    return "", ""


def transactions_of(entry: Node) -> list[Node]:
    """The transactions an entry is made of; the first version has them beside the entry's own fields."""
    return [tx for block in entry.all("NtryDtls") for tx in block.all("TxDtls")] or entry.all("TxDtls")


def _movements(
    draft: Draft, entry: Node, side: Side, money: tuple[str, str], days: tuple[date, date]
) -> Iterator[Movement]:
    details = transactions_of(entry)
    is_reversal = entry.said("RvslInd") in ("true", "1") or _is_taken_back(entry)
    parts = _batch_parts(draft, entry, details, side, money) if len(details) > 1 else []
    if not parts:
        yield _movement(draft, entry, details, money, side, is_reversal, days)
    for detail, amount, of_side in parts:
        yield _movement(
            draft, entry, [detail], (amount, money[1]), of_side, is_reversal or _is_taken_back(detail), days
        )


def _movement(
    draft: Draft,
    entry: Node,
    details: Sequence[Node],
    money: tuple[str, str],
    side: Side,
    is_reversal: bool,
    days: tuple[date, date],
) -> Movement:
    detail = details[0] if details else None
    bank_ref = (detail.said("Refs/AcctSvcrRef") if detail else "") or entry.said("AcctSvcrRef", "NtryRef")
    customer_ref = _customer_ref(detail)
    if len(details) == 1 and detail is not None:
        is_reversal = is_reversal or _is_taken_back(detail)
    paid_into = [] if side == "debit" else [_virtual_account(each, draft.account) for each in details]
    story = one_line(_description(entry, details, (bank_ref, customer_ref)), *paid_into)
    return Movement(
        row=entry.row or 0, amount=money[0], currency=money[1], side=side,
        is_reversal=is_reversal or (side == "debit" and tells_of_a_return(story)),
        booked_on=days[0], value_on=days[1], bank_ref=bank_ref, customer_ref=customer_ref, description=story,
    )  # fmt: skip


def _virtual_account(detail: Node, own: str) -> str:
    """The account a payer named, where it is not the one the money is booked on."""
    parties = detail.first("RltdPties")
    named = parties.said(*(f"CdtrAcct/Id/{way}" for way in ACCOUNT)) if parties else ""
    return f"VA {named}" if named and named.upper() != own.upper() else ""


def _is_taken_back(node: Node) -> bool:
    """Whether an entry or a transaction says that it returns or reverses another."""
    return bool(node.children.get("RtrInf")) or node.said("BkTxCd/Domn/Fmly/SubFmlyCd") in TAKEN_BACK


def _batch_parts(
    draft: Draft, entry: Node, details: Sequence[Node], side: Side, money: tuple[str, str]
) -> list[tuple[Node, str, Side]]:
    """Each transaction with its own amount and side; nothing unless they add up to the entry in its own currency."""
    parts, total, known = [], 0, 0
    for detail in details:
        text, currency = amount_of(detail)
        of_side = SIDES.get(detail.said("CdtDbtInd"), side)
        try:
            minor = minor_of(text, currency) if currency == money[1] else -1
        except ValueError:
            minor = -1
        if minor >= 0:
            known += 1
            total += minor if of_side == side else -minor
            parts.append((detail, text, of_side))
    try:
        adds_up = known == len(details) and total == minor_of(money[0], money[1])
    except ValueError:
        return []
    announced = entry.said("Btch/NbOfTxs", "NtryDtls/Btch/NbOfTxs")
    if known and not adds_up:
        draft.notes.append(f"The transactions of an entry (row {entry.row}) do not add up to it; it stays one line.")
    elif (
        announced.isdecimal()
        and len(announced) < 19
        and int(announced) != len(details)
        and len(entry.all("NtryDtls")) <= 1
    ):
        draft.notes.append(f"An entry (row {entry.row}) says {announced} transactions and lists {len(details)}.")
    return parts if adds_up else []


def _customer_ref(detail: Node | None) -> str:
    if detail is None:
        return ""
    candidates = (detail.said(path) for path in REFERENCES)
    return next((text for text in candidates if text and text.replace(" ", "").upper() not in NO_REFERENCE), "")


def _description(entry: Node, details: Sequence[Node], already: tuple[str, str]) -> str:
    """What a person would read: remittance, names, and every other reference the bank gives."""
    texts: list[str] = []
    others: list[str] = []
    party = "Dbtr" if entry.said("CdtDbtInd") == "CRDT" else "Cdtr"
    for at, detail in enumerate(details):
        for remittance in detail.all("RmtInf")[:1] if at < TOLD else ():
            texts += [node.text for node in remittance.all("Ustrd")]
            for structured in remittance.all("Strd"):
                texts += [structured.said("CdtrRefInf/Ref"), structured.said("AddtlRmtInf")]
        if at < TOLD:
            parties = detail.first("RltdPties")
            texts.append(parties.said(f"{party}/Nm", f"{party}/Pty/Nm") if parties else "")
            texts += [detail.said("AddtlTxInf"), detail.said("RtrInf/AddtlInf")]
        for refs in detail.all("Refs")[:1]:
            found = (node.text for node in refs.leaves() if node.name != "Tp")
            others += [text for text in found if text not in already and text not in NO_REFERENCE]
        if at >= TOLD:
            others += [
                structured.said("CdtrRefInf/Ref") for rem in detail.all("RmtInf") for structured in rem.all("Strd")
            ]
    entry_ref = entry.said("NtryRef")
    return one_line(*texts, *others, entry.said("AddtlNtryInf"), entry_ref if entry_ref not in already else "")
