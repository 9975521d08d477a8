"""Reports in a browser: an auditor asks, sees picture and table, takes files, and has the pack of the month made."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy.orm import Session

from payouts.reports.pack_check import problems_of, read_pack
from portal.stores import file_store_of
from tests.factories.paid_month import a_paid_month
from tests.factories.worker import run_jobs
from tests.factories.world import a_user

AUDITOR = "auditor@bank.example"


@pytest.fixture
def month(bank_session: Session, now: datetime, tmp_path: Path, settings: Any) -> None:
    """October of two agencies, paid."""
    a_user(bank_session, AUDITOR, "auditor")
    a_paid_month(bank_session, file_store_of(settings), now, tmp_path)
    bank_session.commit()


def taken(page: Page, word: str, into: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_role("link", name=word).click()
    path = into / download.value.suggested_filename
    download.value.save_as(path)
    return path


def test_an_auditor_asks_takes_files_and_has_the_pack_made(
    month: None, open_page: Callable[..., Any], look: Callable[..., None], app: Any, tmp_path: Path
) -> None:
    page = open_page("/bank/reports", email=AUDITOR)
    page.get_by_role("link", name="Commission cost").click()
    page.get_by_label("Month").select_option("2026-10")
    expect(page.get_by_role("img", name="By agency, cost: ")).to_be_visible()
    expect(page.get_by_role("rowheader", name="Shakti Recovery (SHAKTI)")).to_be_visible()
    expect(page.get_by_role("rowheader", name="All", exact=True)).to_be_visible()
    page.get_by_role("button", name="Keep this answer").click()
    expect(page.get_by_text("Kept.")).to_be_visible()
    assert taken(page, "XLSX", tmp_path).read_bytes().startswith(b"PK")
    assert taken(page, "PDF", tmp_path).read_bytes().startswith(b"%PDF")
    page.get_by_role("link", name="Ask the same again").click()
    expect(page.get_by_text("answered the same today")).to_be_visible()

    page.goto(page.url.split("/bank/")[0] + "/bank/reports/packs")
    page.get_by_label("Month").select_option("2026-10")
    page.get_by_role("button", name="Make the pack").click()
    run_jobs(app)
    page.reload()
    pack = read_pack(taken(page, "audit-pack-2026-10.zip", tmp_path))
    assert problems_of(pack) == [] and "outputs/statements/S2610-SHAKTI.json" in pack

    look("/bank/reports", "reports", email=AUDITOR)
    look("/bank/reports/recovery?month=2026-10", "report-recovery", email=AUDITOR)
    look("/bank/reports/packs", "report-packs", email=AUDITOR)
