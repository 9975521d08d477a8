"""Agencies' accounts at a provider: opened by the bank, filled in by the agency on the provider's page, payable when both agree.

The provider is never asked inside a transaction: plan, ask, keep.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.rails.connected_protocol import AccountPlan, AccountState, Provider
from payouts.rails.provider_models import ConnectedAccount
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Forbidden, NotFound, Refused


def live_account(session: Session, provider: str, agency_id: int) -> ConnectedAccount | None:
    """The agency's account there that is not closed, within the session's sight."""
    query = select(ConnectedAccount).where(
        ConnectedAccount.provider == provider,
        ConnectedAccount.agency_id == agency_id,
        ConnectedAccount.closed_at.is_(None),
    )
    return session.scalars(query).one_or_none()


def account_of(session: Session, provider: str, account_id: str, *, locked: bool = False) -> ConnectedAccount:
    """NotFound for one that is none of ours."""
    query = select(ConnectedAccount).where(
        ConnectedAccount.provider == provider, ConnectedAccount.account_id == account_id
    )
    if locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFound("There is no such account.")
    return found


def plan_account(session: Session, agency_code: str, provider: Provider, *, actor: Actor) -> AccountPlan:
    """What is to be opened for an agency. Refused where the provider does not pay out, or when it has an account already."""
    _refuse_agency(actor)
    agency = session.scalars(select(Agency).where(Agency.code == agency_code)).one_or_none()
    if agency is None:
        raise NotFound(f"There is no agency {agency_code}.")
    if agency.status != "empanelled":
        raise Refused(f"{agency.legal_name} is not empanelled.", code="not_empanelled")
    if why := provider.why_not(agency.country, agency.currency):
        raise Refused(why, code="not_paid_there", cure="Pay it by file.")
    if live_account(session, provider.name, agency.id):
        raise Refused(f"{agency.legal_name} has an account there already.", code="has_account")
    of_agency = select(func.count()).where(ConnectedAccount.agency_id == agency.id)
    before = session.scalar(of_agency.where(ConnectedAccount.provider == provider.name))
    return AccountPlan(
        agency_id=agency.id,
        agency_code=agency.code,
        legal_name=agency.legal_name,
        email=agency.email or "",
        country=agency.country,
        currency=agency.currency,
        key=f"account:{agency.code}:{before}",
    )


def keep_account(
    session: Session, plan: AccountPlan, state: AccountState, provider: Provider, *, actor: Actor, now: datetime
) -> ConnectedAccount:
    """The account as the provider opened it. Refused when it is another agency's, or not what was asked for."""
    _refuse_agency(actor)
    query = select(ConnectedAccount).where(
        ConnectedAccount.provider == provider.name, ConnectedAccount.account_id == state.account_id
    )
    kept = session.scalars(query).one_or_none()
    if kept is not None and kept.agency_id == plan.agency_id and kept.closed_at is None:
        return kept
    if kept is not None:
        raise Refused("That account belongs to somebody else here.", code="account_taken")
    asked, given = (plan.country, plan.currency, provider.is_live), (state.country, state.currency, state.is_live)
    if asked != given:
        raise Refused("The provider opened another account than was asked for.", code="other_account")
    account = ConnectedAccount(
        agency_id=plan.agency_id,
        provider=provider.name,
        account_id=state.account_id,
        currency=state.currency,
        country=state.country,
        is_live=state.is_live,
        made_by=actor.email,
        made_at=now,
    )
    session.add(account)
    session.flush()
    _record(session, account, "opened", actor, now)
    return told(session, account, state, actor=actor, now=now)


def told(
    session: Session, account: ConnectedAccount, state: AccountState, *, actor: Actor, now: datetime
) -> ConnectedAccount:
    """What the provider says of it now. It is payable only while it is still the account that was opened, under the agency's name."""
    agency = session.get_one(Agency, account.agency_id)
    owed = [*state.owed, *_differs(account, agency, state)]
    can_be_paid = state.can_be_paid and account.closed_at is None and owed == list(state.owed)
    before = (account.can_be_paid, account.owed)
    account.can_be_paid, account.owed, account.told_at = can_be_paid, owed, now
    session.flush()
    if before != (can_be_paid, owed):
        _record(session, account, "told", actor, now)
    return account


def lost(session: Session, account: ConnectedAccount, *, actor: Actor, now: datetime) -> ConnectedAccount:
    """The provider does not let us at it any more: nothing is sent there."""
    was, account.can_be_paid, account.told_at = account.can_be_paid, False, now
    account.owed = ["not_ours_any_more"]
    session.flush()
    if was:
        _record(session, account, "lost", actor, now)
    return account


def close_account(session: Session, provider: str, account_id: str, *, actor: Actor, now: datetime) -> ConnectedAccount:
    """Stop paying to it. The provider keeps it; another may be opened for the agency."""
    _refuse_agency(actor)
    account = account_of(session, provider, account_id, locked=True)
    if account.closed_at is None:
        account.can_be_paid, account.closed_at = False, now
        session.flush()
        _record(session, account, "closed", actor, now)
    return account


def _differs(account: ConnectedAccount, agency: Agency, state: AccountState) -> list[str]:
    """What of the account is not what was opened for this agency, in the provider's way of naming what it asks for."""
    odd = []
    if (state.country, state.currency) != (account.country, account.currency):
        odd.append("country_or_currency_changed")
    if state.is_live != account.is_live:
        odd.append("other_mode")
    if state.name and _plain(state.name) != _plain(agency.legal_name):
        odd.append("name_differs")
    return odd


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())


def _record(session: Session, account: ConnectedAccount, action: str, actor: Actor, now: datetime) -> None:
    record_event(
        session,
        AuditTag.CONNECTED_MOVED,
        actor=actor,
        subject_type="connected_account",
        subject_ref=account.account_id,
        now=now,
        agency_id=account.agency_id,
        data={
            "action": action,
            "provider": account.provider,
            "account": account.account_id,
            "can_be_paid": account.can_be_paid,
        },
    )


def _refuse_agency(actor: Actor) -> None:
    if actor.agency_id is not None:
        raise Forbidden("The bank opens and closes these accounts.", code="not_the_bank")
