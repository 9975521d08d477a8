"""Which rail a name means, which one a country's money takes by default, and what is offered."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from payouts.rails.bank_file import BankFileRail, bank_file_rail
from payouts.rails.layouts import profile_of
from payouts.rails.manual import ManualRail
from payouts.rails.pain001 import DEFAULT_VERSION, VERSIONS, Pain001Rail
from payouts.rails.profiles import PROFILES
from payouts.rails.protocol import FileRail
from payouts.rails.provider_models import PayoutProfile
from portal.kernel.errors import Invalid, Problem

DEFAULT_PROFILE = "enet_csv"
DEFAULT_RAILS = {"INR": f"bank_file:{DEFAULT_PROFILE}"}  # India: a file for the bank's own upload page
ELSEWHERE = f"pain001:{DEFAULT_VERSION}"
ONLINE_RAIL = "stripe_connect"
ONLINE_LABEL = "Stripe, to the agency's account there"
NOT_PAID_ONLINE = frozenset({"INR"})
WHY_A_FILE = "Stripe does not pay out in Indian rupees: in India a file goes to the bank."


def default_rail(currency: str) -> str:
    """The rail offered first for a currency."""
    return DEFAULT_RAILS.get(currency, ELSEWHERE)


@dataclass(frozen=True, slots=True)
class Offer:
    """A rail a person may choose: its name for the command, and its label."""

    name: str
    label: str


def offers(session: Session, currency: str, on: date) -> list[Offer]:
    """Every file and manual rail, the default of the currency first."""
    own = [Offer(f"bank_file:{row.name}", _own_label(row)) for row in own_profiles(session, on).values()]
    known = [
        *own,
        *(Offer(f"bank_file:{each.name}", f"File: {each.label}") for each in PROFILES.values()),
        *(Offer(f"pain001:{each}", f"File: ISO 20022 pain.001.001.{each}") for each in reversed(VERSIONS)),
        Offer("manual", "By hand, outside the portal"),
    ]
    return sorted(known, key=lambda each: each.name != default_rail(currency))


def online_offers(rails: Collection[str]) -> list[Offer]:
    """Providers a person may choose: those there is a key for."""
    return [Offer(ONLINE_RAIL, ONLINE_LABEL)] if ONLINE_RAIL in rails else []


def _own_label(row: PayoutProfile) -> str:
    return f"File: {row.layout.get('label', row.name)}, version {row.version}"


def own_profiles(session: Session, on: date) -> dict[str, PayoutProfile]:
    """The lender's own layouts in force on a day, by name: of each the newest accepted version that has begun."""
    query = (
        select(PayoutProfile)
        .where(PayoutProfile.status == "accepted", PayoutProfile.effective_from <= on)
        .order_by(PayoutProfile.name, PayoutProfile.version)
    )
    return {row.name: row for row in session.scalars(query)}


def rail_named(session: Session, name: str, on: date) -> FileRail:
    """`bank_file` (the default layout), `bank_file:LAYOUT`, `pain001` (.09), `pain001:03`, `manual`, or a layout's own name.

    The lender's own layout goes before a built-in one of its name. Invalid for any other.
    """
    rail, _, part = name.strip().partition(":")
    if rail == "manual" and not part:
        return ManualRail()
    if rail == "pain001" and part in ("", *VERSIONS):
        return Pain001Rail(part or DEFAULT_VERSION)
    layout = part or (DEFAULT_PROFILE if rail == "bank_file" else rail)
    if rail == "bank_file" or not part:
        own = own_profiles(session, on)
        if layout in own:
            return BankFileRail(profile_of(layout, own[layout].version, own[layout].layout))
        if layout in PROFILES:
            return bank_file_rail(layout)
    cure = f"Use one of: {', '.join(each.name for each in offers(session, 'INR', on))}."
    raise Invalid(Problem("unknown_rail", f"There is no rail {name!r} here.", cure, column="rail", value=name))


def rail_of(session: Session, rail: str, profile: str, version: int | None) -> FileRail:
    """The rail a batch was written with: its own version of the layout, whatever is in force today."""
    if rail == "manual":
        return ManualRail()
    if rail == "pain001":
        return Pain001Rail(profile.removeprefix("pain001_"))
    if version is None:
        return bank_file_rail(profile)
    query = select(PayoutProfile).where(PayoutProfile.name == profile, PayoutProfile.version == version)
    row = session.scalars(query).one_or_none()
    if row is None:
        raise Invalid(Problem("unknown_profile", f"There is no version {version} of the layout {profile!r}."))
    return BankFileRail(profile_of(profile, version, row.layout))
