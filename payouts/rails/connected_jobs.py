"""What the worker does with providers: send and ask, work off what they told us, and every night ask what no delivery said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from payouts.rails.batches import instruction_of
from payouts.rails.connected import account_of, lost, told
from payouts.rails.connected_protocol import Provider
from payouts.rails.models import Payout, PayoutBatch
from payouts.rails.online import Attempt, ask, carry_on, record
from payouts.rails.protocol import OnlineRails
from payouts.rails.provider_models import ConnectedAccount
from payouts.rails.webhooks import work_off
from portal.kernel.errors import Refused, Unavailable
from portal.kernel.jobs import JobRun, job

MAY_COME_BACK = timedelta(days=14)  # a bank returns a payment within days of saying it was paid


@job("providers_carry_on")
def providers_carry_on(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """Send what is to be sent and ask about what is under way; run again, it takes up where it was."""
    rails: OnlineRails = run.services.rails
    return {"asked": dict(carry_on(run.transaction, rails, actor=run.actor, now=run.clock.now))}


@job("providers_told_us")
def providers_told_us(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """Work off what was delivered; tried again later when a provider cannot be asked."""
    done: dict[str, str] = {}
    for provider in _providers(run):
        done |= work_off(run.transaction, provider, actor=run.actor, now=run.clock.now)
    return {"effects": done}


@job("providers_daily", nightly=True)
def providers_daily(run: JobRun, **arguments: Any) -> dict[str, Any]:
    """As if no delivery ever came: everything under way, what was paid of late, and every account, asked anew."""
    rails: OnlineRails = run.services.rails
    asked = dict(carry_on(run.transaction, rails, actor=run.actor, now=run.clock.now))
    for provider in _providers(run):
        asked |= recheck_paid(run, provider)
        refresh_accounts(run, provider)
        work_off(run.transaction, provider, actor=run.actor, now=run.clock.now)
    return {"asked": asked}


def _providers(run: JobRun) -> list[Provider]:
    return [each for each in run.services.rails.values() if isinstance(each, Provider)]


def recheck_paid(run: JobRun, provider: Provider) -> dict[str, str]:
    """Payouts paid of late, looked up once more: the bank may have sent one back. (payout → status) of those that moved."""
    since = run.clock.now() - MAY_COME_BACK
    query = (
        select(Payout)
        .join(PayoutBatch, PayoutBatch.id == Payout.batch_id)
        .where(PayoutBatch.rail == provider.name, Payout.status == "paid", Payout.updated_at >= since)
        .order_by(Payout.id)
    )
    with run.transaction() as session:
        attempts = [
            Attempt(each.ref, provider.name, "look_up", instruction_of(session, each), "", "")
            for each in session.scalars(query)
        ]
    moved = {}
    for attempt in attempts:
        outcome = ask(provider, attempt)
        if outcome.status == "returned":
            with run.transaction() as session:
                moved[attempt.ref] = record(session, attempt.ref, outcome, actor=run.actor, now=run.clock.now()).status
    return moved


def refresh_accounts(run: JobRun, provider: Provider) -> None:
    """What the provider says today of every account that is not closed. One that cannot be asked keeps what was said last."""
    query = select(ConnectedAccount.account_id).where(
        ConnectedAccount.provider == provider.name, ConnectedAccount.closed_at.is_(None)
    )
    with run.transaction() as session:
        ids = list(session.scalars(query.order_by(ConnectedAccount.id)))
    for account_id in ids:
        ask_account(run, provider, account_id)


def ask_account(run: JobRun, provider: Provider, account_id: str) -> None:
    try:
        state = provider.account_state(account_id)
    except Unavailable:
        return
    except Refused:
        state = None
    with run.transaction() as session:
        account = account_of(session, provider.name, account_id, locked=True)
        given: dict[str, Any] = {"actor": run.actor, "now": run.clock.now()}
        told(session, account, state, **given) if state else lost(session, account, **given)
