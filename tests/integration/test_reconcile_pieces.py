"""Links that go in piece by piece while the ladder is still climbed come to what a run in turn comes to."""

from datetime import date

import numpy as np
import pytest
from sqlalchemy import text

from allocations.reconciliation.running import handing, writing
from allocations.reconciliation.running.reconcile import reconcile
from portal.kernel.audit import Actor
from tests.factories.recon import ReconBook

ACTOR = Actor(None, "system", "system")
LINKS = text("""
    select agency_id, collection_id, bank_line_id, posting_id, amount_minor, status, rule, rule_version, score, evidence::text,
           rivals::text, mark
      from match_links order by collection_id, bank_line_id, posting_id
""")
SUMS = text(
    "select 'c', id, linked_minor from collections union all select 'b', id, linked_minor from bank_lines order by 1, 2"
)


@pytest.fixture
def come_to(bank_session, now):
    """Runs, and takes it all back again: hashes, links, sums on both sides."""
    book = ReconBook(bank_session)
    book.golden()
    book.receipt("R9", 7000_00, "2026-10-05", "LN0009", utr="900000000777", mode="upi")
    for day in ("2026-10-06", "2026-10-20"):  # of two credits that fit, the nearer
        book.line(7000_00, day, "UPI/900000000777/asha@okbank")

    def run():
        with bank_session.begin_nested() as before:
            result = reconcile(bank_session, through=date(2026, 11, 9), actor=ACTOR, now=now)
            found = (
                (result.input_hash, result.result_hash, result.confirmed),
                [tuple(row) for row in bank_session.execute(LINKS)],
                [tuple(row) for row in bank_session.execute(SUMS)],
            )
            before.rollback()
        return found

    return run


@pytest.fixture
def soon(monkeypatch):
    """Every link that may go in early does, two at a time."""
    handed: list[int] = []
    add = handing.add_links

    def counted(session, rows, *rest):
        handed.append(rows.rows)
        add(session, rows, *rest)

    monkeypatch.setattr(handing, "SOON", 1)
    monkeypatch.setattr(handing, "add_links", counted)
    monkeypatch.setattr(writing, "PIECE", 2)
    return handed


def test_links_that_go_in_early_are_the_same_links(come_to, soon, monkeypatch):
    with monkeypatch.context() as in_turn:
        in_turn.setattr(handing, "SOON", 1_000_000)
        expected = come_to()
        assert soon == []
    assert come_to() == expected
    assert len(soon) > 1 and max(soon) <= 2


def test_what_went_in_too_soon_is_taken_back_and_done_in_turn(come_to, soon, monkeypatch):
    """Should a link ever be thought done with that a candidate is refused beside, the run starts over and says who was refused."""
    expected = come_to()
    with_rivals = [row for row in expected[1] if row[-2] != "[]"]
    assert with_rivals
    monkeypatch.setattr(handing, "without_rivals", lambda _book, links: np.ones(len(links), dtype=bool))
    assert come_to() == expected


def test_a_run_over_everything_takes_links_back_and_makes_others(bank_session, now, run):
    book = ReconBook(bank_session)
    book.receipt("R1", 5000_00, "2026-10-05", "LN0001", utr="HDFCN26100123", mode="neft")
    book.line(5000_00, "2026-10-06", "NEFT HDFCN26100123")
    run()
    book.line(5000_00, "2026-10-08", "RTN HDFCN26100123", side="debit", is_reversal=True)
    book.receipt("R2", 700_00, "2026-10-07", "LN0002", utr="HDFCN26100456", mode="neft")
    book.line(700_00, "2026-10-07", "NEFT HDFCN26100456")
    result = reconcile(bank_session, through=date(2026, 11, 10), actor=ACTOR, now=now, full=True)
    assert (result.mode, result.confirmed, result.undone) == ("full", 1, 1)
