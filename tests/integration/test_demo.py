"""The demo bank is the whole path, walked by commands: its books tie, verify is clean, and it is made once."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from allocations.reconciliation.bench.act_queries import list_acts
from allocations.reconciliation.bench.suspense_queries import contested_lines
from allocations.reconciliation.models import Break, MatchLink
from payouts.ledger.models import JournalLine
from payouts.ledger.queries import journal_as_beancount
from payouts.rails.debit_queries import awaited
from payouts.rails.models import Payout
from payouts.settlements.models import Settlement
from payouts.verify import verify
from portal.config import Settings
from portal.demo.loading import load_demo
from portal.demo.world import World
from portal.kernel.clock import FixedClock
from portal.kernel.db import PortalSession
from portal.kernel.errors import Refused
from portal.kernel.files import LocalFileStore
from portal.kernel.periods import parse_month
from tests.conftest import TestDatabase
from tests.factories.world import an_agency


def settings_for(database: TestDatabase, home: Path) -> Settings:
    return Settings(home=home, env="test").with_database(database.bank_url, database.agency_url, database.owner_url)


@pytest.fixture
def settings(database: TestDatabase, tmp_path: Path) -> Settings:
    return settings_for(database, tmp_path)


def test_four_months_tie_from_the_bank_line_to_the_payout(
    settings: Settings, bank_session: PortalSession, clock: FixedClock
) -> None:
    loaded = load_demo(settings, clock, size=90)
    assert loaded.periods == ["2026-08", "2026-09", "2026-10", "2026-11"] and loaded.fresh
    assert verify(bank_session, LocalFileStore(settings.files_folder)).differences == []
    paid = bank_session.execute(
        select(func.sum(Settlement.net_minor - Settlement.disputed_minor), func.sum(Payout.amount_minor))
        .join(Payout, Payout.settlement_id == Settlement.id)
        .where(Settlement.status == "paid", Payout.status == "paid")
    ).one()
    assert paid[0] == paid[1] > 0
    debit, credit = bank_session.execute(
        select(func.sum(JournalLine.debit_minor), func.sum(JournalLine.credit_minor))
    ).one()
    assert debit == credit > 0
    assert bank_session.scalar(select(func.count()).select_from(Break).where(Break.status == "open"))
    confirmed = bank_session.scalar(select(func.count()).select_from(Collection).where(Collection.linked_minor > 0))
    assert confirmed
    left_to_people(bank_session)
    the_books_go_out(bank_session, settings.home)
    again = load_demo(settings, clock, size=90)
    assert (again.periods, again.fresh) == (loaded.periods, False)


def left_to_people(session: PortalSession) -> None:
    """Each page of reconciliation has something real to decide."""
    rules = select(MatchLink.rule).where(MatchLink.status == "suggested", MatchLink.bank_line_id.is_not(None))
    assert "reference_misread" in set(session.scalars(rules))
    assert len(contested_lines(session)[0].claims) == 2
    waiting = {(row.what, row.act.amount_minor > 50_000_00) for row in list_acts(session)}
    assert {("Link", True), ("Return to the payer", False)} <= waiting


def the_books_go_out(session: PortalSession, folder: Path) -> None:
    """The whole journal as a file that the real `bean-check` accepts; all payments but one were seen leaving our account."""
    file = folder / "journal.beancount"
    pieces = journal_as_beancount(session, date(1900, 1, 1), date(2027, 1, 1), "Demo")
    file.write_text("".join(pieces))
    checked = subprocess.run(
        [Path(sys.executable).parent / "bean-check", file], capture_output=True, text=True, timeout=60, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")
    (unseen,) = awaited(session, today=date(2027, 1, 1))
    assert [line.description for line in unseen.candidates] == ["NEFT DR BULK UPLOAD"]


def test_it_never_touches_a_database_that_holds_somebodys_rows(
    settings: Settings, bank_session: PortalSession, clock: FixedClock
) -> None:
    an_agency(bank_session)
    bank_session.commit()
    with pytest.raises(Refused, match="not our own"):
        load_demo(settings, clock, size=30)
    assert bank_session.scalar(select(func.count()).select_from(Agency)) == 1


def test_the_invented_portfolio_is_the_same_every_time() -> None:
    def told() -> list[Any]:
        world = World(50, parse_month("2026-08"))
        month = world.live(parse_month("2026-08"), parse_month("2026-08").last_day)
        return [(row.receipt_no, row.amount, row.on, row.fault) for row in month.paid] + list(month.lines)

    assert told() == told()
