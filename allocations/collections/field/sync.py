"""What a phone did while nobody heard it comes in: each entry once, by the id the phone gave it, or refused in words.

Entries are told apart by `kind`: `collection` (with the `contact` it was taken at), `contact` and `promise` (a visit or call, and what
was promised), `deposit`. The time an entry carries is the phone's claim; when it arrived is ours. An entry is taken in as a whole or not
at all, and the caller gives each a transaction of its own, so that one that is refused keeps no other waiting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.agencies.queries import sight_of
from allocations.collections.evidence.service import AddedEvidence, PhoneClaim, add_evidence
from allocations.collections.field.contacts import ContactEntry, PromiseMade, record_contact
from allocations.collections.field.sent_entries import KINDS, Fields
from allocations.collections.field_models import Contact
from allocations.collections.models import Collection, Deposit
from allocations.collections.receipts.deposits import record_deposit
from allocations.collections.receipts.entries import Entry
from allocations.collections.receipts.reporting import report_collection
from portal.kernel.audit import Actor
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.files import FileStore

MOST_ENTRIES = 50  # in one batch
MOST_RECEIPTS = 500
State = Literal["stored", "already", "refused", "later"]


@dataclass(frozen=True)
class TakenIn:
    """What became of one entry. `supports` names the row it became, as evidence for it must; `said` is what to know about it."""

    client_id: str
    state: State
    supports: Mapping[str, int]
    problems: Sequence[Problem] = ()
    said: Sequence[str] = ()
    check_code: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return {
            "client_id": self.client_id,
            "state": self.state,
            "supports": dict(self.supports),
            "problems": [problem.as_dict() for problem in self.problems],
            "said": list(self.said),
            "check_code": self.check_code,
        }


class NotYet(Refused):
    """It leans on something that has not arrived; the phone keeps it and sends it again."""


@dataclass(frozen=True)
class Sender:
    """Whose phone it is, and when what it sends arrives."""

    agency: Agency
    actor: Actor
    now: datetime
    today: date


def take_in(session: Session, given: object, sender: Sender) -> TakenIn:
    """Store one entry, or find it stored. Raises Invalid with every problem, Refused, or NotYet; stores nothing then."""
    fields = Fields(given)
    client_id, kind = fields.id(), fields.text("kind", needed=True)
    if kind is not None and kind not in KINDS:
        fields.fault("kind", "unknown_kind", f"{kind[:40]} is nothing a phone sends.", "Update the app.")
    fields.insist()
    assert client_id is not None
    take = {"collection": _take_collection, "deposit": _take_deposit}.get(str(kind), _take_contact)
    return take(session, fields, client_id, sender)


def refusal(given: object, error: Invalid | Refused | NotFound) -> TakenIn:
    """The same refusal as an answer to the phone."""
    client_id = str(given.get("client_id") or "")[:64] if isinstance(given, dict) else ""
    if isinstance(error, Invalid):
        return TakenIn(client_id, "refused", {}, error.problems)
    if isinstance(error, Refused):
        state: State = "later" if isinstance(error, NotYet) else "refused"
        return TakenIn(client_id, state, {}, [Problem(error.code, error.message, error.cure)])
    return TakenIn(client_id, "refused", {}, [Problem("not_found", str(error))])


# --- one kind each


def _take_collection(session: Session, fields: Fields, client_id: str, sender: Sender) -> TakenIn:
    at, amount = fields.moment("at"), fields.whole("amount_minor", needed=True)
    place = _place(fields)
    texts: dict[str, Any] = {name: fields.text(name) or "" for name in ("loan_account_no", "receipt_no", "mode")}
    more: dict[str, Any] = {name: fields.text(name) for name in ("instrument_ref", "remarks", "check_code")}
    met = fields.part("contact")
    contact = _contact_of(met, texts["loan_account_no"], at, place, more["remarks"]) if met else None
    fields.insist()
    assert at is not None and amount is not None
    entry = Entry(**texts, **more, **place, amount_minor=amount, collected_at=at, client_id=client_id)
    reported = report_collection(session, entry, **vars(sender), source="phone")
    row, said = reported.collection, []
    if contact:
        said = _record(session, contact, sender, collection_id=row.id)
    state: State = "already" if reported.was_there else "stored"
    return TakenIn(client_id, state, {"collection_id": row.id}, said=said, check_code=row.check_code)


def _take_contact(session: Session, fields: Fields, client_id: str, sender: Sender) -> TakenIn:
    at, place = fields.moment("at"), _place(fields)
    entry = _contact_of(fields, fields.text("loan_account_no", needed=True) or "", at, place, fields.text("remarks"))
    fields.insist()
    recorded = record_contact(session, entry, **vars(sender), source="phone")
    state: State = "already" if recorded.was_there else "stored"
    said = [flag.words for flag in recorded.flags]
    return TakenIn(client_id, state, {"contact_id": recorded.contact.id}, said=said)


def _take_deposit(session: Session, fields: Fields, client_id: str, sender: Sender) -> TakenIn:
    slip, on = fields.text("slip_no", needed=True), fields.day("deposited_on", needed=True)
    amount = fields.whole("amount_minor")
    items = [Fields(item, "items") for item in fields.list("items", MOST_RECEIPTS)]
    fields.problems += [problem for item in items for problem in item.problems]
    fields.insist()
    assert slip is not None and on is not None
    recorded = record_deposit(
        session,
        **vars(sender),
        slip_no=slip,
        deposited_on=on,
        amount_minor=amount,
        collection_ids=_receipts(session, items, sender.agency),
        agent_code=None if sender.actor.role != "field_agent" else sight_of(session, sender.actor).agent_code,
        client_id=client_id,
    )
    state: State = "already" if recorded.was_there else "stored"
    return TakenIn(client_id, state, {"deposit_id": recorded.deposit.id})


def _receipts(session: Session, items: Sequence[Fields], agency: Agency) -> list[int]:
    """The receipts on a slip, by our id or by the phone's. NotYet while one the phone names has not come in."""
    found = [number for item in items if (number := item.whole("id")) is not None]
    named = {text for item in items if item.given.get("id") is None and (text := item.text("client_id"))}
    mine = select(Collection.id).where(Collection.agency_id == agency.id, Collection.client_id.in_(named))
    ids = list(session.scalars(mine)) if named else []
    if len(ids) < len(named):
        raise NotYet(
            "A receipt on this slip has not been accepted yet.",
            code="receipt_not_in",
            cure="The slip follows by itself once the receipt is in.",
        )
    return found + ids


def _place(fields: Fields) -> dict[str, Any]:
    found = {"latitude": fields.degrees("latitude"), "longitude": fields.degrees("longitude")}
    return {**found, "accuracy_m": fields.whole("accuracy_m", most=2**31 - 1)}


def _contact_of(
    fields: Fields, loan_account_no: str, at: datetime | None, place: dict[str, Any], remarks: str | None
) -> ContactEntry:
    """A contact: of its own, or the part of a collection that says how the money was taken."""
    promises = [Fields(promise, "promises") for promise in fields.list("promises", 60)]
    made = [(each.whole("amount_minor", needed=True), each.day("due_on", needed=True)) for each in promises]
    fields.problems += [problem for each in promises for problem in each.problems]
    return ContactEntry(
        loan_account_no=loan_account_no,
        kind=fields.text("how", needed=True) or "",
        at=at,  # type: ignore[arg-type]  # a fault stops the entry before anybody looks
        person=fields.text("person", needed=True) or "",
        disposition=fields.text("disposition", needed=True) or "",
        client_id=fields.id(),
        remarks=remarks,
        next_on=fields.day("next_on"),
        promises=tuple(PromiseMade(amount, due_on) for amount, due_on in made if amount is not None and due_on),
        **place,
    )


def _record(session: Session, entry: ContactEntry, sender: Sender, *, collection_id: int) -> list[str]:
    """The contact at which money was taken; what to know about it, in words."""
    tied = ContactEntry(**{**vars(entry), "collection_id": collection_id})
    return [flag.words for flag in record_contact(session, tied, **vars(sender), source="phone").flags]


# --- pictures


def take_in_file(
    session: Session,
    store: FileStore,
    data: bytes,
    fields: Fields,
    *,
    name: str,
    kind: str,
    sender: Sender,
) -> AddedEvidence:
    """Keep a file of a phone with the entry it belongs to. NotYet while that has not come in; else as `add_evidence`.

    `fields`: client_id, parent_id (the entry's id), and when and where the phone says it was taken.
    """
    client_id, parent_id = fields.id(), fields.id("parent_id")
    taken_at = fields.moment("taken_at") if fields.given.get("taken_at") else None
    claim = PhoneClaim(taken_at=taken_at, **_place(fields))
    given = {column: fields.whole(column) for column in ("collection_id", "contact_id", "deposit_id")}
    fields.insist()
    assert parent_id is not None
    target = _supported(session, parent_id, given, sender)
    agency, actor, now = sender.agency, sender.actor, sender.now
    return add_evidence(
        session, store, data, name=name, kind=kind, agency=agency, actor=actor, now=now, claim=claim,
        client_id=client_id, **target,
    )  # fmt: skip


def _supported(session: Session, parent_id: str, given: Mapping[str, int | None], sender: Sender) -> dict[str, int]:
    """The row a file belongs to, in the sender's sight: by the entry's id, else by ours as an earlier answer gave it."""
    models: dict[str, Any] = {"collection_id": Collection, "contact_id": Contact, "deposit_id": Deposit}
    sight = sight_of(session, sender.actor)
    for column, model in models.items():
        mine = select(model.id).where(model.agency_id == sender.agency.id)
        if not sight.everyone:
            mine = mine.where(model.agent_code == sight.agent_code)
        named = model.client_id == parent_id
        if (number := given[column]) is not None:
            named = named | (model.id == number)
        if (found := session.scalars(mine.where(named).order_by(model.id)).first()) is not None:
            return {column: found}
    raise NotYet(
        "What this picture belongs to has not come in yet.", code="parent_not_in", cure="It follows by itself."
    )
