"""Settlements with borrowers as tests make them: brought by an agency, recommended, told of, approved."""

from __future__ import annotations

from datetime import date
from typing import Any

from allocations.agencies.models import Agency, DatedSetting
from allocations.casework.offer_models import CompromiseOffer
from allocations.casework.offers import (
    Offered,
    View,
    acknowledge,
    approve_offer,
    load_offer,
    propose_offer,
    recommend_offer,
)
from allocations.casework.schedules import even
from allocations.placements.models import Allocation
from portal.kernel.audit import Actor
from tests.factories.accrual import World
from tests.factories.month import CHECKER, MAKER
from tests.factories.world import an_account, an_allocation

OWNER = Actor(201, "owner@shakti.example", "agency_owner", None)
TODAY = date(2026, 11, 10)
NPA: dict[str, Any] = {"dpd_days": 200, "asset_class": "substandard", "bucket": "181-365"}


def offered(number: str, major: int = 95_000, count: int = 3, **changes: Any) -> Offered:
    """95,000 on the factory's 1,10,000 (1,00,000 of it principal), in instalments from 20 November on."""
    given: dict[str, Any] = {
        "loan_account_no": number,
        "offer_minor": major * 100,
        "charges_minor": 2_000_00,
        "from_on": TODAY,
        "valid_until": date(2026, 12, 31),
        "schedule": even(major * 100, count, date(2026, 11, 20)),
        "reason": "Lost the shop in a fire; the brother pays.",
    }
    return Offered(**given | changes)


def view(**changes: Any) -> View:
    given: dict[str, Any] = {
        "words": "More than the security would bring.",
        "security_minor": None,
        "sanctioned_level": 1,
        "sanctioned_by": "R. Menon, Pune branch",
    }
    return View(**given | changes)


def an_npa(world: World, agency: Agency) -> Allocation:
    """An account of the kind the policy settles, held by an agency: 1,10,000 owed, 1,00,000 of it principal, 200 days past due."""
    world.made += 1
    return an_allocation(world.session, an_account(world.session, f"NPA{world.made:05d}", **NPA), agency)


def brought(world: World, number: str, agency_id: int | None = None, **changes: Any) -> CompromiseOffer:
    actor = OWNER if agency_id else MAKER
    return propose_offer(world.session, offered(number, **changes), agency_id=agency_id, actor=actor, now=world.now)


def recommended(world: World, number: str, agency_id: int | None = None, **changes: Any) -> CompromiseOffer:
    """An offer the maker recommends and whose borrower was told."""
    found = brought(world, number, agency_id, **changes)
    recommend_offer(world.session, found, view(), actor=MAKER, now=world.now)
    told: dict[str, Any] = {"told_on": TODAY, "how": "letter", "proof": "Letter 12/2026"}
    acknowledge(world.session, found, **told, actor=MAKER, now=world.now)
    return found


def approved_offer(world: World, number: str, agency_id: int | None = None, **changes: Any) -> CompromiseOffer:
    found = recommended(world, number, agency_id, **changes)
    approve_offer(world.session, load_offer(world.session, found.id), reason="Agreed.", actor=CHECKER, now=world.now)
    return found


def a_setting(world: World, code: str, value: Any, since: date = TODAY) -> None:
    world.session.add(DatedSetting(code=code, value=value, effective_from=since, source="The test's."))
    world.session.flush()
