"""The one place that chooses which online providers there are. Stripe's library is loaded only where there is a key for it."""

from __future__ import annotations

from payouts.rails.connected_protocol import Provider
from portal.config import Settings


def online_rails_of(settings: Settings) -> dict[str, Provider]:
    """Providers by name; empty without a key, and then paying goes by file."""
    if not settings.stripe_key:
        return {}
    from payouts.rails.stripe_connect import StripeConnect

    rail = StripeConnect(settings.stripe_key, settings.stripe_webhook_secrets, is_live=settings.stripe_mode == "live")
    return {rail.name: rail}
