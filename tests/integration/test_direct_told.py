"""An agency that was told of money paid direct earns no more by reporting it afterwards: what it was told is no proof."""

from datetime import date, timedelta
from zlib import crc32

import pytest
from sqlalchemy import select

from allocations.collections.models import Collection
from allocations.reconciliation.bench.by_hand import confirm_suggestion
from allocations.reconciliation.bench_models import DirectPayment
from allocations.reconciliation.models import Break, MatchLink
from allocations.reconciliation.running import changed
from allocations.reconciliation.running.reconcile import reconcile
from portal.kernel.audit import Actor
from tests.factories.world import an_account

ACTOR = Actor(None, "system", "system")
OPS = Actor(None, "ops@bank.example", "bank_operator")
TODAY = date(2026, 11, 10)


@pytest.fixture
def run(request, bank_session, now, monkeypatch):
    """A run `days` after the first, of everything or of what has changed; the other way, taken back, comes to the same.

    Both are run each time; which of them stays is another from test to test.
    """
    monkeypatch.setattr(changed, "SHARE", 0.001)
    whole_stays = bool(crc32(request.node.name.encode()) % 2)

    def run_on(days=0):
        def one(full):
            moment, through = now + timedelta(days=days), TODAY + timedelta(days=days)
            result = reconcile(bank_session, through=through, actor=ACTOR, now=moment, full=full)
            bank_session.expire_all()
            return result

        with bank_session.begin_nested() as kept:
            other = one(not whole_stays)
            kept.rollback()
        bank_session.expire_all()
        result = one(whole_stays)
        assert (result.result_hash, result.currencies) == (other.result_hash, other.currencies)
        return result

    return run_on


@pytest.fixture
def told(book, run, now):
    """The agency has been told of 5,000 on LN00077; gives a way to report a receipt an hour later."""
    book.allocate("SHAKTI", "LN00077")
    book.line(5000_00, "2026-11-09", "NEFT UTRX1234567890 RAVI123@OKHDFC LN00077")
    run()

    def report(number="R-1", amount=5000_00, *, days=0, at=None, account="LN00077", **more):
        at = at or now + timedelta(days=days, hours=1)
        return book.receipt(number, amount, "2026-11-09", account, reported_at=at, **more)

    return report


def links(session, status="confirmed"):
    query = (
        select(Collection.receipt_no, MatchLink.rule)
        .join(Collection, Collection.id == MatchLink.collection_id)
        .where(MatchLink.status == status)
    )
    return {tuple(row) for row in session.execute(query)}


def statuses(session):
    return [row.status for row in session.scalars(select(DirectPayment).order_by(DirectPayment.id))]


@pytest.mark.parametrize(
    "own",
    [
        {"mode": "neft"},
        {"mode": "cash"},
        {"mode": "neft", "utr": "LN00077"},
        {"mode": "neft", "number": "LN00077"},
        {"mode": "cash", "slip": "LN00077"},
        {"mode": "neft", "number": "RAVI123"},
    ],
    ids=lambda own: "-".join(own.values()),
)
def test_what_was_reported_after_the_telling_is_only_suggested(told, run, bank_session, own):
    told(**own)
    run(1)
    assert links(bank_session) == set()
    rule = "receipt_number_alone" if own.get("number") == "RAVI123" else "account_amount_told"
    assert {found for _number, found in links(bank_session, "suggested")} == {rule}
    assert statuses(bank_session) == ["found"]


def test_its_own_payment_reference_counts_as_before(told, run, bank_session):
    told(mode="neft", utr="UTRX1234567890")
    run(1)
    assert links(bank_session) == {("R-1", "reference_amount")}
    assert statuses(bank_session) == ["claimed"]


def test_a_receipt_that_reached_the_bank_before_the_telling_counts_as_before(told, run, bank_session, now):
    told(mode="neft", at=now - timedelta(hours=1))
    run(1)
    assert links(bank_session) == {("R-1", "loan_number_amount")}


def test_a_person_who_looked_may_confirm_it(told, run, bank_session, now):
    told(mode="neft")
    run(1)
    link = bank_session.scalars(select(MatchLink).where(MatchLink.status == "suggested")).one()
    confirm_suggestion(bank_session, link.id, actor=OPS, now=now)
    run(2)
    assert links(bank_session) == {("R-1", "account_amount_told")}
    assert statuses(bank_session) == ["claimed"]


@pytest.mark.parametrize("own", [{}, {"utr": "LN00077"}, {"utr": "RAVI123@OKHDFC"}, {"utr": "X9"}], ids=str)
def test_after_it_was_counted_it_takes_no_place_and_a_person_is_asked(told, run, bank_session, own):
    run(4)
    told(mode="neft", days=4, **own)
    run(5)
    assert statuses(bank_session) == ["counted"]
    assert {rule for _number, rule in links(bank_session)} == {"direct_payment"}


def test_a_late_receipt_for_money_counted_is_a_question_for_the_bank(told, run, bank_session):
    run(4)
    told(mode="neft", days=4)
    run(5)
    found = bank_session.scalars(select(Break).where(Break.status == "open")).one()
    assert (found.code, found.ref, found.owner) == ("R04", "R-1", "bank_ops")
    assert found.detail["why"] == "Its money was counted as paid direct."


def test_a_sum_of_cash_reported_afterwards_is_only_suggested(book, run, bank_session, now):
    for number in ("LN00077", "LN00078", "LN00079"):
        book.allocate("SHK01", number)
    book.line(5317_00, "2026-11-09", "CASH BNA SHK01 LN00077")
    run()
    for number, amount, account in (("R-1", 2111_00, "LN00078"), ("R-2", 3206_00, "LN00079")):
        later = now + timedelta(hours=1)
        book.receipt(number, amount, "2026-11-09", account, mode="cash", reported_at=later, agency="SHK01")
    run(1)
    assert links(bank_session) == set()
    assert {rule for _number, rule in links(bank_session, "suggested")} == {"batch_guess"}


def test_another_agency_was_told_nothing_and_is_judged_as_ever(told, book, run, bank_session):
    an_account(bank_session, "LN00500")
    told(mode="neft", utr="UTRX1234567890", agency="VEGA", account="LN00501")
    run(1)
    assert links(bank_session) <= {("R-1", "reference_amount")}
