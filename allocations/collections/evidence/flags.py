"""Raising flags on a piece of evidence: what else of any agency is the same file or picture, and what its claims do not fit.

Runs in the bank's scope, since a picture may have been used by two agencies and neither may learn so. A flag refuses nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from allocations.collections.evidence.rules import (
    Bounds,
    Piece,
    Sighting,
    claimed_place,
    digits_of,
    is_after_month_end,
    signs_of,
)
from allocations.collections.field.places import Place
from allocations.collections.field_models import Contact, Evidence, EvidenceFlag
from allocations.collections.models import Collection, Deposit
from allocations.placements.models import Allocation, LoanAccount
from portal.kernel.clock import BANK_ZONE

LOCK = "evidence.flags"  # two pieces examined at once would not see each other
MOST_OTHERS = 10  # one printed form may resemble hundreds of others; the nearest will do
AROUND = timedelta(hours=12)  # how far back and ahead the agent's other sightings are looked at

# The same file or picture for another subject. What was taken at a visit may stand for the receipt given there too, and a deposit slip
# for its deposit and each receipt it covers: that is no reuse.
REUSED = """
   and o.id <> :id and o.status <> 'refused'
   and not (o.agency_id = :agency and (coalesce(o.collection_id = :collection, false)
            or coalesce(o.contact_id = :contact, false) or coalesce(o.deposit_id = :deposit, false)
            or exists (select 1 from contacts k where (k.id = o.contact_id and k.collection_id = :collection)
                       or (k.id = :contact and k.collection_id = o.collection_id))
            or (o.kind = 'deposit_slip' and :kind = 'deposit_slip' and coalesce(:slip, '') <> ''
                and (exists (select 1 from collections c where c.id = o.collection_id and c.slip_key = :slip)
                     or exists (select 1 from deposits d where d.id = o.deposit_id and d.slip_key = :slip)))))
"""
SAME_FILE = text(f"select o.id from evidence o where o.sha256 = :sha256 {REUSED} order by o.id limit {MOST_OTHERS}")
SAME_PIXELS = text(
    f"select o.id from evidence o where o.pixels_sha256 = :pixels {REUSED} order by o.id limit {MOST_OTHERS}"
)
LOOKS_ALIKE = text(f"""
select o.id, bit_count(o.look # cast(:look as bit(256))) as bits from evidence o
 where bit_count(o.look # cast(:look as bit(256))) <= :most {REUSED} order by 2, 1 limit {MOST_OTHERS}
""")


@dataclass(frozen=True)
class Flag:
    """A flag to be raised; `other_id` is the piece it was compared with, the older of the two."""

    code: str
    evidence_id: int
    other_id: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def raise_flags(session: Session, evidence: Evidence, *, now: datetime) -> list[str]:
    """Compare a piece with all others and with what we know; returns the codes raised. Doing it again adds nothing twice."""
    session.flush()
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext(LOCK))))
    bounds = bounds_on(session, evidence.received_at.astimezone(BANK_ZONE).date())
    reuse = _reuse(session, evidence, bounds)
    signs = signs_of(piece_of(session, evidence), bounds)
    flags = [*reuse, *(Flag(sign.code, evidence.id, None, sign.detail | {"words": sign.words}) for sign in signs)]
    for flag in flags:
        values = {"code": flag.code, "other_id": flag.other_id, "detail": dict(flag.detail)}
        row = insert(EvidenceFlag).values(evidence_id=flag.evidence_id, raised_at=now, **values)
        session.execute(row.on_conflict_do_nothing())
    return [flag.code for flag in flags]


def bounds_on(session: Session, day: date) -> Bounds:
    """The bounds in force on a day. KeyError when there are none."""
    return Bounds(**{name: int(value) for name, value in setting_on(session, "evidence.signs", day).items()})


def _reuse(session: Session, evidence: Evidence, bounds: Bounds) -> list[Flag]:
    """One flag for each other piece, the strongest: same bytes before same pixels before a likeness.

    It is raised on the newer of the two, whichever is looked at first.
    """
    given = _subject_of(session, evidence)
    found: dict[int, tuple[str, dict[str, Any]]] = {
        row.id: ("same_file", {}) for row in session.execute(SAME_FILE, given)
    }
    if evidence.pixels_sha256:
        for row in session.execute(SAME_PIXELS, given | {"pixels": evidence.pixels_sha256}):
            found.setdefault(row.id, ("same_pixels", {}))
    if evidence.look:
        for row in session.execute(LOOKS_ALIKE, given | {"look": evidence.look, "most": bounds.alike_bits}):
            found.setdefault(row.id, ("looks_alike", {"bits": int(row.bits), "of": 256}))
    return [
        Flag(code, max(other_id, evidence.id), min(other_id, evidence.id), detail)
        for other_id, (code, detail) in sorted(found.items())
    ]


def _subject_of(session: Session, evidence: Evidence) -> dict[str, Any]:
    slip = session.scalar(select(Collection.slip_key).where(Collection.id == evidence.collection_id))
    slip = slip or session.scalar(select(Deposit.slip_key).where(Deposit.id == evidence.deposit_id))
    return {
        "id": evidence.id,
        "agency": evidence.agency_id,
        "collection": evidence.collection_id,
        "contact": evidence.contact_id,
        "deposit": evidence.deposit_id,
        "kind": evidence.kind,
        "slip": slip or "",
        "sha256": evidence.sha256,
    }


# --- a piece beside what we know


def piece_of(session: Session, evidence: Evidence) -> Piece:
    """What the rules look at, read from the database."""
    taken_at = file_taken_at(evidence) or evidence.taken_at
    received_on = _bank_day(evidence.received_at)
    happened_on = happened_on_of(session, evidence)
    return Piece(
        received_at=evidence.received_at,
        received_on=received_on,
        file_taken_at=file_taken_at(evidence),
        phone_taken_at=evidence.taken_at,
        file_place=file_place(evidence.claims),
        phone_place=phone_place(evidence),
        account_place=_account_place(session, evidence),
        loan_account_id=evidence.loan_account_id,
        allocated_on=_allocated_on(session, evidence),
        happened_on=happened_on,
        taken_on=_bank_day(taken_at) if taken_at else None,
        software=software_of(evidence.claims),
        others=_sightings(session, evidence, taken_at or evidence.received_at),
        same_digits=_same_digits(session, evidence),
        late_siblings=_late_siblings(session, evidence, received_on)
        if is_after_month_end(received_on, happened_on)
        else 0,
    )


def file_claims(claims: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the file says of itself; empty when it says nothing."""
    found = claims.get("file")
    return found if isinstance(found, Mapping) else {}


def file_taken_at(evidence: Evidence) -> datetime | None:
    """The file's own time; one without an offset is taken for the bank's, where its phones are."""
    try:
        taken_at = datetime.fromisoformat(str(file_claims(evidence.claims)["taken_at"]))
    except (KeyError, ValueError):
        return None
    return taken_at if taken_at.tzinfo else taken_at.replace(tzinfo=BANK_ZONE)


def software_of(claims: Mapping[str, Any]) -> str:
    """Whatever program says it saved the file."""
    said = file_claims(claims)
    return ", ".join(str(said[name]) for name in ("software", "created_with") if said.get(name))


def file_place(claims: Mapping[str, Any]) -> Place | None:
    said = file_claims(claims)
    place = _place(said)
    try:
        radius = int(Decimal(str(said["accuracy"])))
    except (KeyError, InvalidOperation, ValueError):
        return place
    return place and Place(place.latitude, place.longitude, max(radius, 0))


def phone_place(evidence: Evidence) -> Place | None:
    """With all the digits the phone sent."""
    whole = _place(evidence.claims.get("phone") or {})
    if whole is not None:
        return Place(whole.latitude, whole.longitude, max(evidence.accuracy_m or 0, 0))
    return claimed_place(evidence.latitude, evidence.longitude, evidence.accuracy_m)


def place_key(evidence: Evidence) -> str | None:
    """The claimed place to seven digits, the phone's before the file's: what `_same_digits` meets on."""
    place = phone_place(evidence) or file_place(evidence.claims)
    return None if place is None else "{} {}".format(*digits_of(place))


def _place(claims: Mapping[str, Any]) -> Place | None:
    try:
        return claimed_place(Decimal(str(claims["latitude"])), Decimal(str(claims["longitude"])))
    except (KeyError, InvalidOperation):
        return None


def _bank_day(moment: datetime) -> date:
    return moment.astimezone(BANK_ZONE).date()


def happened_on_of(session: Session, evidence: Evidence) -> date | None:
    """The day of what the piece supports."""
    if evidence.collection_id is not None:
        return session.scalar(select(Collection.collected_on).where(Collection.id == evidence.collection_id))
    if evidence.contact_id is not None:
        at = session.scalar(select(Contact.at).where(Contact.id == evidence.contact_id))
        return _bank_day(at) if at else None
    return session.scalar(select(Deposit.deposited_on).where(Deposit.id == evidence.deposit_id))


def _account_place(session: Session, evidence: Evidence) -> Place | None:
    query = select(LoanAccount.latitude, LoanAccount.longitude).where(LoanAccount.id == evidence.loan_account_id)
    row = session.execute(query).first()
    return claimed_place(row.latitude, row.longitude) if row else None


def _allocated_on(session: Session, evidence: Evidence) -> date | None:
    """The first day the account was with the agency; an earlier term of the same agency counts."""
    if evidence.loan_account_id is None:
        return None
    query = select(func.min(Allocation.from_on)).where(
        Allocation.agency_id == evidence.agency_id, Allocation.loan_account_id == evidence.loan_account_id
    )
    return session.scalar(query)


def _sightings(session: Session, evidence: Evidence, at: datetime) -> list[Sighting]:
    """Where else the same agent was about that time. Without an agent's code there is nobody to follow."""
    if evidence.agent_code is None:
        return []
    since, until = at - AROUND, at + AROUND
    contacts = select(Contact.ref, Contact.at, Contact.latitude, Contact.longitude, Contact.accuracy_m).where(
        Contact.agency_id == evidence.agency_id,
        Contact.agent_code == evidence.agent_code,
        Contact.at.between(since, until),
        Contact.latitude.is_not(None),
    )
    seen = [
        Sighting(row.ref, row.at, place)
        for row in session.execute(contacts.order_by(Contact.at, Contact.id))
        if (place := claimed_place(row.latitude, row.longitude, row.accuracy_m))
    ]
    pieces = select(Evidence).where(
        Evidence.agency_id == evidence.agency_id,
        Evidence.agent_code == evidence.agent_code,
        Evidence.id != evidence.id,
        func.coalesce(Evidence.taken_at, Evidence.received_at).between(since, until),
    )
    return seen + list(_seen_by_pieces(session.scalars(pieces.order_by(Evidence.id))))


def _seen_by_pieces(pieces: Iterable[Evidence]) -> Iterable[Sighting]:
    for each in pieces:
        if place := phone_place(each) or file_place(each.claims):
            yield Sighting(each.ref, file_taken_at(each) or each.taken_at or each.received_at, place)


def _same_digits(session: Session, evidence: Evidence) -> Sequence[str]:
    """Pieces of any agency about another account, from the very same spot; the same picture again has a flag of its own."""
    if evidence.place_key is None or evidence.loan_account_id is None:
        return []
    query = select(Evidence.ref).where(
        Evidence.place_key == evidence.place_key,
        Evidence.loan_account_id != evidence.loan_account_id,
        Evidence.sha256 != evidence.sha256,
        Evidence.pixels_sha256.is_distinct_from(evidence.pixels_sha256) | Evidence.pixels_sha256.is_(None),
    )
    return session.scalars(query.order_by(Evidence.id).limit(MOST_OTHERS)).all()


LATE_SIBLINGS = text("""
select count(*) from evidence e
  left join collections c on c.id = e.collection_id
  left join contacts k on k.id = e.contact_id
  left join deposits d on d.id = e.deposit_id
 where e.agency_id = :agency and e.received_by = :by and e.received_at >= :since and e.received_at < :until
   and coalesce(c.collected_on, (k.at at time zone :zone)::date, d.deposited_on) < :month
""")


def _late_siblings(session: Session, evidence: Evidence, day: date) -> int:
    since = datetime.combine(day, time(), BANK_ZONE)
    given = {
        "agency": evidence.agency_id,
        "by": evidence.received_by,
        "since": since,
        "until": since + timedelta(days=1),
        "month": day.replace(day=1),
        "zone": BANK_ZONE.key,
    }
    return int(session.scalar(LATE_SIBLINGS, given) or 0)
