"""What no receipt could have been reported as is not accepted as a correction of one either."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.collections.models import Collection, Deposit, DepositItem
from allocations.collections.receipts.cash import DAY_LIMIT, reaches_day_limit
from allocations.collections.receipts.cash_queries import borrower_cash, dated
from portal.kernel.errors import Refused
from portal.kernel.money import shown

PARTS = ("component_principal_minor", "component_interest_minor", "component_charges_minor")
CASH_BY = {"amount_minor", "mode", "loan_account_no", "collected_on"}


def refuse_impossible(session: Session, collection: Collection, values: dict[str, Any]) -> None:
    """`values` are the columns to set. Refused when they do not fit what stays, the receipt's slip, or the rule about cash.

    The caller holds the agency's lock, so that sums of cash hold.
    """
    names = ("amount_minor", "loan_account_no", "mode", *PARTS)
    facts = {name: values.get(name, getattr(collection, name)) for name in names}
    day = date.fromisoformat(values["collected_on"]) if "collected_on" in values else collection.collected_on
    refuse_parts_beyond(collection, facts)
    refuse_against_slip(session, collection, values, day)
    if facts["mode"] == "cash" and CASH_BY & set(values):
        refuse_too_much_cash(session, collection, facts, day)


def refuse_parts_beyond(collection: Collection, facts: dict[str, Any]) -> None:
    if sum(facts[name] or 0 for name in PARTS) > facts["amount_minor"]:
        message = f"The components of {collection.receipt_no} would add up to more than its amount."
        cure = "Decline it; the agency tells amount and components together."
        raise Refused(message, code="components_exceed_amount", cure=cure)


def refuse_against_slip(session: Session, collection: Collection, values: dict[str, Any], day: date) -> None:
    """A slip that was recorded does not change: its receipts keep their amount and their way of paying."""
    query = select(Deposit.slip_no, Deposit.deposited_on).join(DepositItem, DepositItem.deposit_id == Deposit.id)
    slip = session.execute(query.where(DepositItem.collection_id == collection.id)).first()
    if slip and {"amount_minor", "mode"} & set(values):
        message = f"{collection.receipt_no} went in as it stands on slip {slip.slip_no}."
        raise Refused(message, code="receipt_deposited", cure="Decline it: a recorded slip does not change.")
    deposited_on = slip.deposited_on if slip else collection.deposited_on
    if "collected_on" in values and deposited_on and day > deposited_on:
        message = f"{collection.receipt_no} was paid in on {deposited_on}, before the day that is proposed."
        raise Refused(message, code="deposit_before_collection", cure="Decline it.")


def refuse_too_much_cash(session: Session, collection: Collection, facts: dict[str, Any], day: date) -> None:
    """The limit of a borrower and day holds for what a receipt becomes; one that takes less than before is let through."""
    account, limit = facts["loan_account_no"], dated(session, DAY_LIMIT).on(day)
    stored = borrower_cash(session, collection.agency_id, account, day)
    is_counted = (collection.mode, collection.loan_account_no, collection.collected_on) == ("cash", account, day)
    others = stored - (collection.amount_minor if is_counted else 0)
    if others + facts["amount_minor"] > stored and reaches_day_limit(others, facts["amount_minor"], limit):
        message = f"In cash one borrower may pay less than {shown(limit, collection.currency)} in a day."
        raise Refused(message, code="cash_limit", cure="Decline it, and take it up with the agency.")
