"""Cash and cheques of several receipts paid in on one slip, recorded after the receipts themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.agencies.queries import agent_of
from allocations.collections.models import Collection, Deposit, DepositItem
from allocations.collections.receipts.cash_queries import PAID_IN_BY_SLIP, lock_collections
from allocations.collections.receipts.entries import CLIENT_ID, clean
from allocations.keys import normalise_reference
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, Problem, Refused, Stale
from portal.kernel.money import shown

LONGEST_SLIP = 60
MOST_RECEIPTS = 5_000


@dataclass(frozen=True)
class RecordedDeposit:
    """The stored deposit, and whether it was there before."""

    deposit: Deposit
    was_there: bool


@dataclass(frozen=True)
class Slip:
    """What somebody says of a slip; `amount_minor` None: as much as its receipts."""

    no: str
    key: str
    deposited_on: date
    amount_minor: int | None
    collection_ids: tuple[int, ...]
    agent_code: str | None


def record_deposit(
    session: Session,
    *,
    agency: Agency,
    slip_no: str,
    deposited_on: date,
    amount_minor: int | None,
    collection_ids: Sequence[int],
    agent_code: str | None,
    client_id: str | None,
    actor: Actor,
    now: datetime,
    today: date,
    upload_id: int | None = None,
) -> RecordedDeposit:
    """Record that these receipts' money went in on this slip; the same slip again with the same facts is found, not added.

    An agency that is shut may still pay in what it carries. Raises Invalid with every problem; Refused when the slip or the
    `client_id` came before with other facts, or when a field agent pays in for somebody else.
    """
    lock_collections(session, agency.id)
    agent_code = paying_in(session, agency, actor, agent_code)
    no, ids = clean(slip_no), tuple(sorted(set(collection_ids)))
    slip = Slip(no, normalise_reference(no), deposited_on, amount_minor, ids, agent_code)
    if known := recorded_before(session, agency, slip, client_id, is_own_only=actor.role == "field_agent"):
        return RecordedDeposit(known, True)
    receipts = receipts_of(session, agency, ids, agent_code if actor.role == "field_agent" else None)
    if problems := slip_faults(slip, client_id, today) + receipt_faults(session, slip, receipts):
        raise Invalid(problems)
    deposit = Deposit(
        agency_id=agency.id,
        slip_no=no,
        slip_key=slip.key,
        deposited_on=deposited_on,
        amount_minor=sum(row.amount_minor for row in receipts),
        currency=receipts[0].currency,
        agent_code=agent_code,
        upload_id=upload_id,
        client_id=client_id or None,
        recorded_by=actor.email,
        recorded_at=now,
    )
    keep(session, deposit, receipts)
    record_event(
        session,
        AuditTag.DEPOSIT_RECORDED,
        actor=actor,
        subject_type="deposit",
        subject_ref=no,
        agency_id=agency.id,
        now=now,
        data={"amount": deposit.amount_minor, "on": deposited_on, "receipts": len(receipts)},
    )
    return RecordedDeposit(deposit, False)


def paying_in(session: Session, agency: Agency, actor: Actor, agent_code: str | None) -> str | None:
    """Whose slip it is: a field agent's own, else whom the office names."""
    if actor.role != "field_agent":
        return agent_code or None
    agent = agent_of(session, actor.user_id, agency.id)
    if agent is None or (agent_code and agent_code != agent.code):
        raise Refused("A field agent pays in their own receipts only.", code="other_agent", cure="Ask your office.")
    return agent.code


def recorded_before(
    session: Session, agency: Agency, slip: Slip, client_id: str | None, *, is_own_only: bool = False
) -> Deposit | None:
    """The same deposit, recorded earlier under this client_id or this slip. Refused when it says something else now.

    `is_own_only`: of somebody else's slip nothing is told but that its number is taken.
    """
    mine = select(Deposit).where(Deposit.agency_id == agency.id)
    by_client = session.scalars(mine.where(Deposit.client_id == client_id)).first() if client_id else None
    stored = by_client or session.scalars(mine.where(Deposit.slip_key == slip.key)).first()
    if stored is None:
        return None
    items = session.scalars(select(DepositItem.collection_id).where(DepositItem.deposit_id == stored.id)).all()
    same = (stored.slip_key, stored.deposited_on, tuple(sorted(items))) == (
        slip.key,
        slip.deposited_on,
        slip.collection_ids,
    )
    if same and slip.amount_minor in (None, stored.amount_minor):
        return stored
    if is_own_only and stored.agent_code != slip.agent_code:
        raise Refused("This slip was recorded before.", code="slip_used", cure="Give the number of the other slip.")
    raise Refused(
        f"Slip {stored.slip_no} was recorded before: {shown(stored.amount_minor, stored.currency)} on"
        f" {stored.deposited_on}, {len(items)} receipts.",
        code="slip_used",
        cure="Give the number of the other slip, or ask the bank to look at this one.",
    )


def receipts_of(
    session: Session, agency: Agency, ids: Sequence[int], agent_code: str | None = None
) -> Sequence[Collection]:
    """The receipts with these ids; with an agent's code theirs and those that name nobody, so that ids tell nothing of a colleague."""
    mine = select(Collection).where(Collection.agency_id == agency.id, Collection.id.in_(ids))
    if agent_code is not None:
        mine = mine.where(Collection.agent_code.is_(None) | (Collection.agent_code == agent_code))
    return session.scalars(mine.order_by(Collection.id)).all()


def slip_faults(slip: Slip, client_id: str | None, today: date) -> list[Problem]:
    """Faults of the slip itself."""
    found = []
    if not slip.key:
        message = "The slip has no number." if not slip.no else "The slip number has no letter or digit."
        found.append(Problem("bad_slip_no", message, "Give the number printed on it.", column="slip_no"))
    if len(slip.no) > LONGEST_SLIP:
        found.append(
            Problem("too_long", f"At most {LONGEST_SLIP} characters fit here.", "Shorten it.", column="slip_no")
        )
    if slip.deposited_on > today:
        message = f"The deposit is dated after today ({today})."
        found.append(Problem("future_date", message, "Correct the date.", column="deposited_on"))
    if not slip.collection_ids:
        found.append(Problem("no_receipts", "No receipt is on this slip.", "Tick what was paid in.", column="receipts"))
    if len(slip.collection_ids) > MOST_RECEIPTS:
        message = f"At most {MOST_RECEIPTS} receipts go on one slip."
        found.append(Problem("too_many", message, "Record it as several slips.", column="receipts"))
    if client_id and not CLIENT_ID.fullmatch(client_id):
        found.append(Problem("bad_client_id", "The id is 8 to 64 letters, digits and dashes.", column="client_id"))
    return found


def receipt_faults(session: Session, slip: Slip, receipts: Sequence[Collection]) -> list[Problem]:
    """Faults of what is on it: not yours, not cash, paid in before, collected later, not adding up."""
    found = []
    if len(receipts) < len(slip.collection_ids):
        missing = len(slip.collection_ids) - len(receipts)
        message = f"{missing} of these receipts {'is' if missing == 1 else 'are'} not yours."
        found.append(Problem("unknown_receipt", message, "Open the list again.", column="receipts"))
    on_slips = slips_of(session, [row.id for row in receipts])
    for row in receipts:
        found += faults_of(row, slip, row.deposit_slip_no or on_slips.get(row.id))
    if len({row.currency for row in receipts}) > 1:
        found.append(Problem("mixed_currencies", "The receipts are of several currencies.", column="receipts"))
    total = sum(row.amount_minor for row in receipts)
    if receipts and slip.amount_minor is not None and slip.amount_minor != total:
        currency = receipts[0].currency
        message = (
            f"The receipts add up to {shown(total, currency)}, the slip says {shown(slip.amount_minor, currency)}."
        )
        found.append(
            Problem("slip_differs", message, "Tick exactly what went in, or correct the amount.", column="amount")
        )
    return found


def faults_of(row: Collection, slip: Slip, earlier_slip: str | None) -> list[Problem]:
    """What keeps one receipt off this slip."""
    found = []

    def say(code: str, message: str, cure: str) -> None:
        found.append(
            Problem(code, f"Receipt {row.receipt_no}: {message}", cure, column="receipts", value=row.receipt_no)
        )

    if row.mode not in PAID_IN_BY_SLIP:
        say("not_by_slip", "only cash, cheques and drafts are paid in on a slip.", "Leave it out.")
    if earlier_slip:
        say("deposited_before", f"it is on slip {earlier_slip} already.", "Leave it out.")
    elif row.linked_minor >= row.amount_minor:
        say("seen_at_bank", "the bank has seen this money already.", "Leave it out; it needs no slip.")
    if row.collected_on > slip.deposited_on:
        say(
            "deposit_before_collection", f"it was collected on {row.collected_on}, after this slip.", "Correct the day."
        )
    if slip.agent_code and row.agent_code and row.agent_code != slip.agent_code:
        say("other_agent", f"it is {row.agent_code}'s, not {slip.agent_code}'s.", "Record a slip for each agent.")
    return found


def slips_of(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """Collection id → the number of the slip it was recorded on."""
    query = (
        select(DepositItem.collection_id, Deposit.slip_no)
        .join(Deposit, Deposit.id == DepositItem.deposit_id)
        .where(DepositItem.collection_id.in_(ids))
    )
    return {row[0]: row[1] for row in session.execute(query)}


def keep(session: Session, deposit: Deposit, receipts: Sequence[Collection]) -> None:
    """Insert the deposit and its items; a receipt that went onto another slip meanwhile makes it Stale."""
    try:
        with session.begin_nested():
            session.add(deposit)
            session.flush()
            session.add_all(
                DepositItem(
                    collection_id=row.id,
                    deposit_id=deposit.id,
                    agency_id=deposit.agency_id,
                    amount_minor=row.amount_minor,
                )
                for row in receipts
            )
    except IntegrityError as error:
        if "deposit_items" not in str(error.orig):
            raise
        raise Stale() from error
