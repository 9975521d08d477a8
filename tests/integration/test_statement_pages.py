"""Statements as files on the pages of both sides, and the public page that proves one to a stranger."""

from __future__ import annotations

import io
import json

import pytest

from allocations.agencies.models import Agency
from payouts.settlements.models import Settlement
from portal.access.lookups import MOST_MISSES
from portal.access.permissions import Role
from portal.kernel.db import unit_of_work
from tests.factories.paid_month import an_approved_month
from tests.factories.world import a_user

REF = "S2610-SHAKTI"
OWNER, OPERATOR, ADMIN = "owner@shakti.example", "maker@bank.example", "admin@bank.example"


@pytest.fixture
def issued(bank_session, now):
    """October's statements, and people of both sides; the settlement of Shakti."""
    an_approved_month(bank_session, now)
    with unit_of_work(bank_session):
        settlement = bank_session.query(Settlement).filter_by(ref=REF).one()
        a_user(bank_session, OWNER, Role.AGENCY_OWNER, bank_session.get_one(Agency, settlement.agency_id))
        a_user(bank_session, OPERATOR, Role.BANK_OPERATOR)
        a_user(bank_session, ADMIN, Role.BANK_ADMIN)
    return settlement


def handed_in(browser, data, name="statement.json"):
    fields = {"file": (io.BytesIO(data), name)}
    return browser.post("/verify", fields, content_type="multipart/form-data")


def test_the_agency_downloads_and_a_stranger_verifies(issued, browse):
    owner, stranger = browse(OWNER), browse()
    files = {way: owner.get(f"/agency/statements/{REF}/statement.{way}").data for way in ("pdf", "xlsx", "json")}
    assert (files["pdf"][:5], files["xlsx"][:2]) == (b"%PDF-", b"PK")
    for way in ("json", "pdf"):
        answer = handed_in(stranger, files[way], f"s.{way}")
        assert answer.status_code == 200, answer.text
        for shown in ("This statement is genuine", "₹78,400.00", REF, "Shakti"):
            assert shown in answer.text, shown
    altered = files["json"].replace(b"78400.00", b"98400.00")
    answer = handed_in(stranger, altered)
    assert answer.status_code == 422
    for shown in ("This statement was altered", "Totals: net was changed", "The total net says 98400.00"):
        assert shown in answer.text, shown
    assert "No statement is to be found" in handed_in(stranger, b"<script>alert(1)</script>").text
    much = {"data": b"x" * (12 * 2**20 + 1), "content_type": "multipart/form-data; boundary=x"}
    assert stranger.client.post("/verify", **much).status_code == 413


def test_what_the_qr_code_opens_says_who_and_how_much_and_no_more(issued, browse):
    page = browse().get(f"/verify/{issued.hash}")
    assert page.status_code == 200
    for shown in ("This statement was issued", REF, "₹78,400.00", "₹1,600.00"):
        assert shown in page.text, shown
    for private in ("50100123", "LN2610", "R-2610"):
        assert private not in page.text
    assert browse().get(f"/verify/{'0' * 64}").status_code == 404
    assert browse().get("/verify/no-hash").status_code == 404


def test_who_guesses_waits(issued, browse):
    stranger = browse()
    for _ in range(MOST_MISSES):
        stranger.get(f"/verify/{'0' * 64}")
    assert stranger.get(f"/verify/{issued.hash}").status_code == 429
    assert handed_in(stranger, b"{}").status_code == 429


def test_a_new_key_is_made_on_a_page_and_all_are_published(issued, browse):
    stranger, admin = browse(), browse(ADMIN)
    before = stranger.get("/.well-known/statement-keys.json").json["keys"]
    assert "Make a new key" not in browse(OPERATOR).get("/admin/keys").text
    assert browse(OPERATOR).post("/admin/keys/rotate", {"once": "x" * 24}).status_code == 403
    assert admin.post("/admin/keys/rotate", {"once": "y" * 24}).status_code == 302
    after = stranger.get("/.well-known/statement-keys.json").json["keys"]
    assert [row["key_id"] for row in after][1:] == [row["key_id"] for row in before]
    assert before[0]["key_id"] in admin.get("/admin/keys").text
    file = browse(OWNER).get(f"/agency/statements/{REF}/statement.json").data
    assert handed_in(stranger, file).status_code == 200, "the old key goes on verifying"


def test_the_page_groups_as_the_statement_does_and_offers_the_files(issued, browse):
    for who, path in ((OWNER, f"/agency/statements/{REF}"), (OPERATOR, f"/bank/settlements/{REF}")):
        page = browse(who).get(f"{path}?sums=1").text
        for shown in ("PL-2026 v1", "Counted on", "statement.pdf", "statement.xlsx", "This year so far", issued.hash):
            assert shown in page, (who, shown)
    said = json.loads(browse(OPERATOR).get(f"/bank/settlements/{REF}/statement.json").data)["statement"]
    assert [(group["kind"], group["lines"], group["amount"]) for group in said["groups"]] == [
        ("commission", 2, "80000.00"),
        ("withholding", 1, "-1600.00"),
    ]
    assert said["year_to_date"]["net"] == "78400.00"
