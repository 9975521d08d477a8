"""How long a month's work takes: matching and pricing thirty thousand receipts, verifying it all, loading the demo. No target."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from allocations.reconciliation.running.reconcile import reconcile
from payouts.commission.service import accrue
from payouts.rate_cards.service import approve, import_card
from payouts.verify import verify
from portal.config import Settings
from portal.demo.loading import load_demo
from portal.kernel.clock import FixedClock
from portal.kernel.db import PortalSession, bank_scope, unit_of_work
from portal.kernel.embedded import EmbeddedServer
from portal.kernel.files import LocalFileStore
from tests.benchmarks.measures import stopwatch, tell
from tests.conftest import NOW, TestDatabase
from tests.factories.month import CARD, CHECKER, MAKER, OCTOBER
from tests.factories.recon import ReconBook
from tests.factories.world import SYSTEM
from tests.integration.test_reconcile_many import FILL, MANY

DEMO_ACCOUNTS = 900  # what `make demo` loads

CARD_AT = datetime(2026, 1, 1, tzinfo=UTC)


def measured(what: str, rows: int, took: list[float]) -> None:
    tell(what, rows, f"{took[0]:.1f} s", "recorded", None)


def test_a_month_of_thirty_thousand(bare_database: TestDatabase, tmp_path: Path) -> None:
    """Reconcile, reconcile again, accrue and verify the same thirty thousand receipts, one after the other."""
    with bare_database.logins.session(bank_scope(NOW.date())) as session:
        with unit_of_work(session):
            a_month(session)
        bare_database.execute("analyze")
        again: list[float] = []
        first: list[float] = []
        for took in (first, again):
            with stopwatch(took), unit_of_work(session):
                result = reconcile(session, through=date(2026, 11, 9), actor=SYSTEM, now=NOW)
        assert result.currencies[0].matched_count > MANY // 2
        measured("reconcile, first run", MANY, first)
        measured("reconcile, nothing new", MANY, again)
        priced: list[float] = []
        with stopwatch(priced), unit_of_work(session):
            lines = accrue(session, OCTOBER, actor=SYSTEM, now=NOW).lines
        measured(f"accrue a month ({lines:,} lines)", MANY, priced)
        checked: list[float] = []
        with stopwatch(checked), unit_of_work(session):
            done = verify(session, LocalFileStore(tmp_path))
        measured(f"verify ({done.checked:,} rows computed again)", MANY, checked)
    assert lines > MANY // 2


def a_month(session: PortalSession) -> None:
    """One agency, its terms, and thirty thousand receipts of October with most of their credits."""
    book = ReconBook(session)
    book.allocate("SHAKTI", "LN0001")
    card = import_card(session, CARD.replace("2026-04-01", "2026-01-01"), actor=MAKER, now=CARD_AT)
    approve(session, "PL-2026", card.version, actor=CHECKER, now=CARD_AT, comment="Plain terms.")
    for part in FILL.split(";\n"):
        session.execute(text(part), {"many": MANY} if ":many" in part else {})
    session.flush()


def test_the_demo(steady: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    """From an empty folder to four months of a bank: embedded server, migrations, people, files, settlements."""
    home = tmp_path_factory.mktemp("demo")
    settings = Settings(home=home, env="test", secret_key="a secret for tests alone, and long", log_level="ERROR")
    clock = FixedClock(datetime(2026, 11, 10, 6, 30, tzinfo=UTC))
    took: list[float] = []
    again: list[float] = []
    try:
        with stopwatch(took):
            load_demo(settings, clock, size=DEMO_ACCOUNTS)
        with stopwatch(again):
            assert not load_demo(settings, clock, size=DEMO_ACCOUNTS).fresh
    finally:
        EmbeddedServer(home).stop()
    measured("load the demo from nothing", DEMO_ACCOUNTS, took)
    measured("load the demo again (kept)", DEMO_ACCOUNTS, again)
