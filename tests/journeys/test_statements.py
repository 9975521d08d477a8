"""An agency downloads its statement; a stranger, with nothing but the file, learns that it is genuine, and where a copy was altered."""

from __future__ import annotations

from typing import Any

import pytest

from allocations.agencies.models import Agency
from portal.kernel.db import unit_of_work
from tests.factories.paid_month import an_approved_month
from tests.factories.world import a_user

OWNER, ADMIN = "owner@shakti.example", "admin@bank.example"
PAGE = "/agency/statements/S2610-SHAKTI"


@pytest.mark.timeout(300)
def test_an_agency_downloads_and_a_stranger_verifies(
    bank_session: Any, now: Any, open_page: Any, look: Any, tmp_path: Any
) -> None:
    an_approved_month(bank_session, now)
    with unit_of_work(bank_session):
        agency = bank_session.query(Agency).filter_by(code="SHAKTI").one()
        a_user(bank_session, OWNER, "agency_owner", agency)
        a_user(bank_session, ADMIN, "bank_admin")
    owner = open_page(PAGE, email=OWNER)
    files = {}
    for word, name in (("PDF", "statement.pdf"), ("Signed JSON", "statement.json")):
        with owner.expect_download() as download:
            owner.get_by_role("link", name=word, exact=True).click()
        download.value.save_as(files.setdefault(word, tmp_path / name))

    stranger = open_page("/verify")
    stranger.set_input_files("#file", files["PDF"])
    stranger.get_by_role("button", name="Verify it").click()
    stranger.get_by_role("heading", name="This statement is genuine").wait_for()
    stranger.get_by_text("₹78,400.00").first.wait_for()
    altered = tmp_path / "altered.json"
    altered.write_text(files["Signed JSON"].read_text().replace("78400.00", "98400.00"))
    stranger.set_input_files("#file", altered)
    stranger.get_by_role("button", name="Verify it").click()
    stranger.get_by_role("heading", name="This statement was altered").wait_for()
    stranger.get_by_text("Totals: net was changed.").wait_for()

    owner.get_by_role("link", name="check it").click()
    owner.get_by_role("heading", name="This statement was issued").wait_for()
    look("/verify", "verify-statement")
    look(PAGE, "agency-statement", email=OWNER)
    look("/admin/keys", "signing-keys", email=ADMIN)
