"""Rate cards and commission in a browser: they look right at both widths, light and dark."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from payouts.rate_cards.service import import_card
from tests.factories.accrual import World
from tests.factories.month import MAKER, a_bank_detail
from tests.factories.world import a_user, an_agency

RETAIL = (Path(__file__).parents[2] / "portal" / "demo" / "retail.toml").read_text()


@pytest.fixture
def month(bank_session: Session, now: datetime) -> None:
    a_user(bank_session, "checker@bank.example", "bank_approver")
    a_user(bank_session, "maker@bank.example", "bank_operator")
    world = World(bank_session, now)
    world.card()
    for code, name, major in (("SHAKTI", "Shakti Recovery", 184000), ("VEGA", "Vega Collections", 91500)):
        agency = an_agency(bank_session, code, legal_name=name, pan=f"AAPF{code[0]}0939F")
        a_bank_detail(bank_session, agency)
        for part in (1, 2, 5):
            world.earn(agency, major // part)
        world.collection(agency, 41000)
        world.earn(agency, 9000, mode="auto_debit")
    world.accrue()
    for text in (RETAIL, RETAIL.replace('rate = "0.10"', 'rate = "0.08"').replace("2026-04-01", "2027-04-01")):
        import_card(bank_session, text, actor=MAKER, now=now)
    bank_session.commit()


PAGES = [
    ("/bank/rate-cards", "rate-cards"),
    ("/bank/rate-cards/new", "rate-card-new"),
    ("/bank/rate-cards/RETAIL-2026/2", "rate-card-version"),
    ("/bank/commission?period=2026-10", "commission-board"),
    ("/bank/commission/2026-10/lines", "commission-lines"),
    ("/bank/commission/2026-10/unpaid", "commission-unpaid"),
    ("/bank/commission/line/A2610.1-00001", "commission-line"),
]


def test_pages_of_terms_look_right(month: None, look: Callable[..., Any]) -> None:
    for path, name in PAGES:
        look(path, name, email="maker@bank.example" if "new" in path else "checker@bank.example")
