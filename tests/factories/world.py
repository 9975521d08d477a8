"""Rows a test stands on: agencies, accounts, allocations, made directly, with everything optional."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.placements.models import AccountSnapshot, Allocation, LoanAccount, Placement
from portal.access.models import User
from portal.kernel.audit import Actor

MADE_AT = datetime(2026, 1, 1, tzinfo=UTC)
SYSTEM = Actor(None, "system", "system")


def an_agency(session: Session, code: str = "SHAKTI", **changes: Any) -> Agency:
    values: dict[str, Any] = {
        "code": code,
        "legal_name": f"{code.title()} Recovery",
        "pan": "AAPFU0939F",
        "state": "27",
        "agreement_from": date(2024, 4, 1),
        "agreement_to": date(2028, 3, 31),
        "created_at": MADE_AT,
    }
    agency = Agency(**values | changes)
    session.add(agency)
    session.flush()
    return agency


def a_user(session: Session, email: str, role: str, agency: Agency | None = None, **changes: Any) -> Actor:
    """A user, and the Actor they are in a service."""
    values = {"name": email.split("@")[0].title(), "created_at": MADE_AT}
    user = User(email=email, role=role, agency_id=agency.id if agency else None, **values | changes)
    session.add(user)
    session.flush()
    return Actor(user.id, email, role, user.agency_id)


def an_account(
    session: Session, no: str = "LN0001", *, as_of: date | None = date(2026, 9, 30), **changes: Any
) -> LoanAccount:
    """A loan account, with a snapshot of `as_of` unless that is None. 45 days past due, 1,00,000.00 owed."""
    owed = {
        "dpd_days": 45,
        "bucket": "31-60",
        "asset_class": "sma_1",
        "principal_minor": 10_000_000,
        "total_minor": 11_000_000,
        "overdue_minor": 1_500_000,
        "emi_minor": 750_000,
    }
    owed |= {key: changes.pop(key) for key in list(changes) if key in owed}
    values: dict[str, Any] = {
        "customer_name": f"Borrower {no}",
        "product": "PL",
        "currency": "INR",
        "region": "West",
        "state": "27",
    }
    account = LoanAccount(loan_account_no=no, **values | changes)
    if as_of:
        account.latest_as_of = as_of
        for key, value in owed.items():
            setattr(account, f"latest_{key}", value)
    session.add(account)
    session.flush()
    if as_of:
        session.add(AccountSnapshot(loan_account_id=account.id, as_of=as_of, scheme_version=1, **owed))
        session.flush()
    return account


def a_snapshot(session: Session, account: LoanAccount, as_of: date, **changes: Any) -> AccountSnapshot:
    values = {
        "dpd_days": account.latest_dpd_days,
        "bucket": account.latest_bucket,
        "asset_class": account.latest_asset_class,
        "principal_minor": account.latest_principal_minor,
        "total_minor": account.latest_total_minor,
        "overdue_minor": account.latest_overdue_minor,
        "emi_minor": account.latest_emi_minor,
    }
    snapshot = AccountSnapshot(loan_account_id=account.id, as_of=as_of, scheme_version=1, **values | changes)
    session.add(snapshot)
    session.flush()
    return snapshot


def an_allocation(
    session: Session,
    account: LoanAccount,
    agency: Agency,
    from_on: date = date(2026, 10, 1),
    to_on: date | None = date(2026, 12, 31),
    **changes: Any,
) -> Allocation:
    placement = session.scalars(select(Placement).where(Placement.code == "P1")).first()
    if placement is None:
        placement = Placement(code="P1", created_by="system", created_at=MADE_AT)
        session.add(placement)
        session.flush()
    values: dict[str, Any] = {
        "placement_id": placement.id,
        "loan_account_id": account.id,
        "agency_id": agency.id,
        "from_on": from_on,
        "to_on": to_on,
        "opening_as_of": account.latest_as_of or from_on,
        "opening_bucket": account.latest_bucket or "31-60",
        "opening_asset_class": account.latest_asset_class or "sma_1",
        "opening_dpd_days": account.latest_dpd_days or 45,
        "opening_emi_minor": account.latest_emi_minor or 0,
        "opening_principal_minor": account.latest_principal_minor or 0,
        "opening_total_minor": account.latest_total_minor or 0,
        "opening_overdue_minor": account.latest_overdue_minor or 0,
        "currency": account.currency,
        "loan_account_no": account.loan_account_no,
        "customer_name": account.customer_name,
        "product": account.product,
        "region": account.region,
        "state": account.state,
        "created_at": MADE_AT,
    }
    allocation = Allocation(**values | changes)
    session.add(allocation)
    session.flush()
    return allocation
