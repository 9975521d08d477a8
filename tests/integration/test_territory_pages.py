"""What a territory manager's pages leave out: notes, settlements, steps of law, where an agency is paid."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from allocations.casework.notes import write_note
from portal.kernel.db import PortalSession, unit_of_work
from tests.factories.month import MAKER
from tests.factories.world import a_user, an_account, an_agency, an_allocation

MANAGER = "priya@bank.example"


def test_an_account_and_an_agency_show_a_territory_manager_no_more_than_the_policy_says(
    bank_session: PortalSession, browse: Callable[..., Any], now: datetime
) -> None:
    with unit_of_work(bank_session):
        account = an_account(bank_session, "LN777")
        an_allocation(bank_session, account, an_agency(bank_session))
        a_user(bank_session, MAKER.email, "bank_operator")
        a_user(bank_session, MANAGER, "territory_manager")
        write_note(bank_session, account, "Under treatment since June.", actor=MAKER, now=now)
    manager, maker = browse(MANAGER), browse(MAKER.email)
    for who, sees in ((maker, True), (manager, False)):
        assert ("Under treatment" in who.get("/bank/accounts/LN777").text) is sees
        assert ("Where it is paid" in who.get("/bank/agencies/SHAKTI").text) is sees
        assert who.get("/bank/agencies/SHAKTI/bank-details").status_code == (200 if sees else 403)
