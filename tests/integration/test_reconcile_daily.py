"""A run over what has changed comes to the same as a run over everything, whatever came when and whoever had a hand in it."""

import os
import random
import threading
from datetime import date, timedelta

import pytest
from sqlalchemy import select, text

from allocations.reconciliation.models import MatchLink
from allocations.reconciliation.running import changed
from allocations.reconciliation.running.reconcile import reconcile
from portal.kernel.audit import Actor
from portal.kernel.db import bank_scope, unit_of_work
from tests.factories.recon import ReconBook

ACTOR = Actor(None, "system", "system")
FIRST = date(2026, 10, 1)
STANDING = """
    select 'link', l.collection_id, coalesce(l.bank_line_id, 0), coalesce(l.posting_id, 0), l.amount_minor, l.status, l.rule, ''
      from match_links l where l.status in ('suggested', 'confirmed')
    union all
    select 'break', coalesce(b.collection_id, 0), coalesce(b.bank_line_id, 0), coalesce(b.posting_id, 0), b.amount_minor, b.code,
           b.owner, b.opened_on || ' ' || b.due_on
      from breaks b where b.status = 'open'
    order by 1, 2, 3, 4, 5, 6, 7, 8
"""


@pytest.fixture(autouse=True)
def _always_a_part(monkeypatch):
    monkeypatch.setattr(changed, "SHARE", 0.001)


class Days:
    """Adds random rows that collide: few amounts, references, slips, accounts, agencies and days."""

    def __init__(self, session, seed):
        self.book, self.random, self.number = ReconBook(session), random.Random(seed), 0

    def some(self, how_many):
        for _ in range(how_many):
            self.random.choices([self.receipt, self.line, self.debit, self.posting], [5, 5, 1, 3])[0]()

    def day(self):
        return (FIRST + timedelta(days=self.random.randrange(12))).isoformat()

    def amount(self):
        return self.random.choice([500_00, 750_00, 1000_00, 1250_00, 1749_37, 999_60])

    def reference(self):
        return self.random.choice(["HDFCN2610000{}", "SBINR5202610{}", "77120{}", "6283123456{:02}"]).format(
            self.random.randrange(9)
        )

    def account(self):
        return f"LN{self.random.randrange(1, 9):06}"

    def receipt(self):
        self.number += 1
        rows = self.random
        agency = rows.choice(["SHAKTI", "SHAKTI", "VEGA"])
        mode = rows.choice(["upi", "neft", "cash", "cash", "cheque"])
        more = {"mode": mode, "agency": agency}
        if mode == "cash" and rows.random() < 0.6:
            more["slip"] = f"SLIP-{rows.randrange(5)}"
        elif mode != "cash" and rows.random() < 0.8:
            more["utr"] = self.reference()
        account = self.account()
        self.book.allocate(agency, account, **({} if agency == "SHAKTI" else {"stream": "tele"}))
        self.book.receipt(f"R{self.number}", self.amount(), self.day(), account, **more)

    def line(self, **more):
        words = [
            self.reference(),
            f"SLIP-{self.random.randrange(5)}",
            f"RECEIPT R{self.random.randrange(1, 30)}",
            self.account(),
            "CASH DEPOSIT SHAKTI",
            f"UPI/{self.random.randrange(5)}ravi@okhdfc",
        ]
        said = " ".join(self.random.sample(words, self.random.choice([1, 1, 2])))
        total = sum(self.amount() for _ in range(self.random.choice([1, 1, 1, 2, 3])))
        self.book.line(total, self.day(), f"{said} HDFC0001234", **more)

    def debit(self):
        self.line(side="debit", is_reversal=self.random.random() < 0.5)

    def posting(self):
        self.number += 1
        account = self.account()
        self.book.allocate("SHAKTI", account)
        more = self.random.choice([{}, {"no": f"R{self.random.randrange(1, 30)}"}, {"utr": self.reference()}])
        self.book.posting(f"P{self.number}", self.amount(), self.day(), account, **more)

    def by_hand(self, session):
        """What the desk does: refuse, confirm, take apart; the database queues what it touched."""
        links = session.scalars(select(MatchLink).where(MatchLink.status.in_(("suggested", "confirmed")))).all()
        for link in self.random.sample(links, min(len(links), 2)):
            if link.status == "suggested":
                link.status = self.random.choice(["rejected", "confirmed"])
                link.confirmed_by = "maker@bank.example" if link.status == "confirmed" else None
            else:
                link.status, link.undone_by, link.undone_at = (
                    "undone",
                    "maker@bank.example",
                    self.book.statement.imported_at,
                )
            session.flush()


def run(session, now, through, **more):
    result = reconcile(session, through=through, actor=ACTOR, now=now, **more)
    session.expire_all()
    return result, session.execute(text(STANDING)).all()


@pytest.mark.parametrize("seed", range(3 if os.environ.get("CI") else 8))  # CI has twenty minutes for everything
def test_a_part_comes_to_the_same_as_the_whole(bank_session, now, seed):
    days = Days(bank_session, seed)
    days.some(25)
    through = FIRST + timedelta(days=8)
    assert run(bank_session, now, through)[0].mode == "full"
    for step in range(5):
        days.some(days.random.randrange(1, 7))
        if step % 2:
            days.by_hand(bank_session)
        through += timedelta(days=days.random.randrange(2))
        with bank_session.begin_nested() as kept:
            whole, wanted = run(bank_session, now, through, full=True)
            kept.rollback()
        bank_session.expire_all()
        part, found = run(bank_session, now, through)
        assert part.mode == "daily"
        assert found == wanted, f"step {step}"
        assert part.result_hash == whole.result_hash
        assert part.currencies == whole.currencies


@pytest.mark.parametrize("first", ["line", "receipt"])
@pytest.mark.parametrize(
    ("written", "seen"), [("\u041dDFCN26100123", "HDFCN26100123"), ("5BINR52O26I00123", "SBINR52026100123")]
)
def test_a_reference_in_letters_taken_for_others_is_found_by_a_daily_run_too(bank_session, now, first, written, seen):
    book = ReconBook(bank_session)
    adds = {
        "line": lambda: book.line(5000_00, "2026-10-06", f"NEFT {seen}"),
        "receipt": lambda: book.receipt("R1", 5000_00, "2026-10-05", "LN000001", utr=written, mode="neft"),
    }
    adds.pop(first)()
    run(bank_session, now, date(2026, 10, 12))
    next(iter(adds.values()))()
    part, found = run(bank_session, now, date(2026, 10, 12))
    assert part.mode == "daily" and [row[6] for row in found if row[0] == "link"] == ["reference_misread"]


def test_two_daily_runs_at_once_end_as_one_does(bank_session, database, now, clock):
    days, through = Days(bank_session, 3), FIRST + timedelta(days=11)
    days.some(25)
    run(bank_session, now, through)
    days.some(8)
    with bank_session.begin_nested() as kept:
        alone, wanted = run(bank_session, now, through)
        kept.rollback()
    bank_session.commit()
    results = []

    def one():
        with database.logins.session(bank_scope(clock.today())) as session, unit_of_work(session):
            results.append(reconcile(session, through=through, actor=ACTOR, now=now))

    threads = [threading.Thread(target=one) for _ in range(2)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert alone.mode == "daily" and wanted
    assert [each.result_hash for each in results] == [alone.result_hash] * 2
    assert sorted(each.is_new for each in results) == [False, True]
    assert bank_session.execute(text(STANDING)).all() == wanted


def test_a_daily_run_fills_no_slip_that_a_far_receipt_would_fill_as_well(bank_session, now):
    book, through = ReconBook(bank_session), date(2026, 10, 12)
    book.receipt("R1", 1000_37, "2026-10-05", "LN000001", mode="cash", slip="SLIP-7001")
    book.receipt("R2", 500_11, "2026-10-05", "LN000002", mode="cash")
    book.receipt("R3", 1500_48, "2026-10-05", "LN000003", mode="cash")
    run(bank_session, now, through)
    book.line(1500_48, "2026-10-06", "CASH DEPOSIT SLIP-7001")
    part, found = run(bank_session, now, through)
    assert part.mode == "daily" and [row for row in found if row[0] == "link"] == []


def test_a_daily_run_fills_a_slip_once_the_far_receipt_is_another_credits(bank_session, now):
    book, through = ReconBook(bank_session), date(2026, 10, 12)
    book.receipt("R1", 1000_37, "2026-10-05", "LN000001", mode="cash", slip="SLIP-7001")
    book.receipt("R2", 500_11, "2026-10-05", "LN000002", mode="cash")
    book.receipt("RC9988776655", 1500_48, "2026-10-05", "LN000003", mode="cash")
    book.line(1500_48, "2026-10-06", "CASH DEPOSIT SLIP-7001")
    _, found = run(bank_session, now, through)
    assert [row for row in found if row[0] == "link"] == []
    book.line(1500_48, "2026-10-06", "CASH RC9988776655")
    part, found = run(bank_session, now, through)
    assert part.mode == "daily"
    links = [row for row in found if row[0] == "link"]
    whole = reconcile(bank_session, through=through, actor=ACTOR, now=now, full=True)
    assert (whole.mode, whole.result_hash) == ("full", part.result_hash)
    assert len(links) == 3


def test_how_far_a_feed_has_come_is_known_to_a_run_that_sees_none_of_its_last_rows(bank_session, now):
    """Money seen today and not booked is a break (R08) though no posting touches it, and what stood stays so when an old one does."""
    book, through = ReconBook(bank_session), date(2026, 10, 25)
    book.allocate("SHAKTI", "LN000009")
    book.posting("P9", 700_00, "2026-10-20", "LN000009")
    run(bank_session, now, through)
    book.receipt("R1", 555_00, "2026-10-10", "LN000001", utr="SBINR52026100777", mode="neft")
    book.line(555_00, "2026-10-10", "NEFT SBINR52026100777")
    book.line(310_00, "2026-10-24", "BY TRANSFER")
    part, found = run(bank_session, now, through)
    assert part.mode == "daily" and [row[5] for row in found if row[0] == "break" and row[1]] == ["R08"]
    book.posting("P1", 80_00, "2026-10-02", "LN000001")
    part, found = run(bank_session, now, through)
    assert part.mode == "daily" and sorted(row[5] for row in found if row[0] == "break") == ["R02", "R07", "R07", "R08"]
    assert run(bank_session, now, through, full=True)[0].result_hash == part.result_hash


def test_what_only_days_to_come_hold_makes_no_run_new(bank_session, now):
    book, through = ReconBook(bank_session), date(2026, 10, 25)
    book.receipt("R1", 555_00, "2026-10-10", "LN000001", utr="SBINR52026100777", mode="neft")
    book.line(555_00, "2026-10-26", "NEFT SBINR52026100777")
    first, _ = run(bank_session, now, through)
    again, _ = run(bank_session, now, through)
    assert (again.is_new, again.run_id, again.input_hash) == (False, first.run_id, first.input_hash)
    later, found = run(bank_session, now, through + timedelta(days=1))
    assert later.is_new and [row[0] for row in found] == ["link"]


def test_a_receipt_that_may_have_meant_the_reference_is_asked_by_a_daily_run_too(bank_session, now):
    """Two credits make up a receipt under its reference; a receipt of the same amount elsewhere may have slipped by a digit."""
    book, through = ReconBook(bank_session), date(2026, 10, 25)
    book.receipt("R1", 900_00, "2026-10-10", "LN000001", utr="SBINR52026100777", mode="neft")
    twin = book.receipt("R2", 900_00, "2026-10-10", "LN000002", utr="SBINR52026100717", mode="neft", agency="VEGA")
    run(bank_session, now, through)
    for amount in (400_00, 500_00):
        book.line(amount, "2026-10-11", "NEFT SBINR52026100777")
    part, found = run(bank_session, now, through)
    assert part.mode == "daily" and [row for row in found if row[0] == "link"] == []
    book.line(900_00, "2026-10-11", "NEFT SBINR52026100717")
    part, found = run(bank_session, now, through)
    links = [(row[1] == twin.id, row[6]) for row in found if row[0] == "link"]
    assert part.mode == "daily"
    assert sorted(links) == [(False, "reference_parts"), (False, "reference_parts"), (True, "reference_amount")]
