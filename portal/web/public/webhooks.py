"""The door for a provider's deliveries: signed, kept once, answered at once. The worker does the rest."""

from __future__ import annotations

import structlog
from flask import Blueprint, request
from werkzeug.exceptions import BadRequest

from payouts.rails.choosing import ONLINE_RAIL
from payouts.rails.connected_jobs import providers_told_us
from payouts.rails.connected_protocol import NotGenuine
from payouts.rails.webhooks import receive
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.kernel.audit import Actor
from portal.kernel.db import unit_of_work
from portal.kernel.jobs import enqueue
from portal.web.edge import bank_session, clock, online_rails
from portal.web.headers import at_most

bp = Blueprint("public_webhooks", __name__)
MOST_BYTES = 256 * 1024
PROVIDER = Actor(None, "system", "system")
log = structlog.get_logger("portal.webhooks")


@bp.post("/webhooks/stripe")
@permission(Permission.PUBLIC)
@at_most(MOST_BYTES)
def stripe() -> tuple[str, int]:
    """200 for a genuine delivery, the first time and every other; 400 for everything else, with no effect and no reason given."""
    payload, header, now = request.get_data(), request.headers.get("Stripe-Signature", ""), clock().now()
    provider = online_rails().get(ONLINE_RAIL)
    try:
        if provider is None:
            raise NotGenuine("There is no provider here.")
        heard = provider.hear(payload, header, now=now)
        with bank_session() as session, unit_of_work(session):
            if receive(session, provider, heard, now=now):
                enqueue(session, providers_told_us, {}, actor=PROVIDER, now=now, lock="providers")
    except NotGenuine as not_genuine:
        log.warning("delivery_refused", why=str(not_genuine), size=len(payload))
        raise BadRequest() from None
    return "", 200
