"""One's own agency's account at Stripe: what Stripe still asks for, and the way to Stripe's own page to answer it.

The address Stripe sends the owner back to carries a mark bound to person, agency and account; it changes nothing by itself.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import Blueprint, render_template, request, url_for
from itsdangerous import BadData, URLSafeSerializer
from werkzeug.exceptions import NotFound

from payouts.rails.choosing import ONLINE_RAIL, WHY_A_FILE
from payouts.rails.connected import live_account
from payouts.rails.provider_models import ConnectedAccount
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.db import unit_of_work
from portal.web.agency.accounts import own_agency, own_agency_id
from portal.web.edge import clock, db_session, identity_here, once, online_rails, settings
from portal.web.finance.connect import provider_here
from portal.web.finance.connect_forms import AccountForm

bp = Blueprint("agency_connect", __name__, url_prefix="/agency/company/stripe")
MARK_LASTS = timedelta(hours=2)
LONGEST_MARK = 500


@bp.get("")
@permission(Permission.OWN_COMPANY_READ)
def index() -> str:
    return page()


def page(link: str = "", came_back: str = "") -> str:
    agency, provider = own_agency(), online_rails().get(ONLINE_RAIL)
    return render_template(
        "agency/connect/index.html",
        agency=agency,
        account=live_account(db_session(), ONLINE_RAIL, agency.id),
        form=AccountForm(formdata=None),
        link=link,
        came_back=came_back,
        why_not=provider.why_not(agency.country, agency.currency) if provider else WHY_A_FILE,
        has_provider=provider is not None,
    )


@bp.post("")
@permission(Permission.OWN_BANK_DETAIL_PROPOSE)
def go_on() -> str | tuple[str, int]:
    """A fresh link to Stripe's page, asked for outside any transaction; it is good once and for minutes."""
    session, form, provider = db_session(), AccountForm(), provider_here()
    if not form.validate_on_submit():
        return page(), 422
    with unit_of_work(session):
        once(form, session)
        account = live_account(session, ONLINE_RAIL, own_agency_id())
        if account is None:
            raise NotFound()
        account_id, mark = account.account_id, mark_of(account, clock().now())
    there = settings().public_url + url_for(".back", mark=mark)
    link = provider.onboarding_link(account_id, return_url=there, refresh_url=f"{there}&again=1")
    return page(link=link)


@bp.get("/back")
@permission(Permission.OWN_COMPANY_READ)
def back() -> str:
    """The owner comes back from Stripe: the same person, of the same agency, about the account the agency has now."""
    account = live_account(db_session(), ONLINE_RAIL, own_agency_id())
    if account is None or not is_our_mark(request.args.get("mark", ""), account, clock().now()):
        raise NotFound()
    return page(came_back="again" if request.args.get("again") else "done")


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(settings().secret_key, salt="agency_connect")


def mark_of(account: ConnectedAccount, now: datetime) -> str:
    until = int((now + MARK_LASTS).timestamp())
    return str(_signer().dumps([identity_here().user_id, account.agency_id, account.account_id, until]))


def is_our_mark(text: str, account: ConnectedAccount, now: datetime) -> bool:
    """Whether this person was sent to Stripe about this account, not long ago."""
    try:
        user_id, agency_id, account_id, until = _signer().loads(text[:LONGEST_MARK])
    except (BadData, ValueError, TypeError):
        return False
    ours = (identity_here().user_id, account.agency_id, account.account_id)
    return (user_id, agency_id, account_id) == ours and now.timestamp() <= until
