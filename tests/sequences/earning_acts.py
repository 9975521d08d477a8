"""Money comes in, is tied, goes back and is counted: what agencies report, banks send and people at the bench decide; time passes."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from allocations.collections.receipts.entries import Entry
from allocations.collections.receipts.reporting import report_collection
from allocations.collections.uploads.corrections import (
    accept_correction,
    decline_correction,
    load_correction,
    withdraw_correction,
)
from allocations.collections.uploads.importing import import_collections
from allocations.reconciliation.bench.acts import decide_act, withdraw_act
from allocations.reconciliation.bench.by_hand import link_by_hand, undo_link, write_off
from allocations.reconciliation.bench.rows import open_of
from allocations.reconciliation.models import BankLine
from allocations.reconciliation.running.reconcile import reconcile
from allocations.reconciliation.sources.postings import import_postings
from allocations.reconciliation.sources.statements import import_statement
from payouts.commission.adjustments import (
    Entry as Adjusting,
)
from payouts.commission.adjustments import (
    decide_adjustment,
    load_adjustment,
    propose_adjustment,
    withdraw_adjustment,
)
from payouts.commission.service import accrue as accrue_month
from portal.kernel.money import plain
from portal.kernel.periods import month_of
from tests.factories.month import CHECKER, MAKER, SYSTEM
from tests.sequences.acts import operation
from tests.sequences.cast import terms
from tests.sequences.stage import Stage

AMOUNTS = (12_345_67, 40_000_00, 45_500_50, 1_80_000_00, 3_00_000_00, 8_00_000_01)
HEADER = "receipt_no,loan_account_no,amount,collected_on,mode,instrument_ref"


# --- time


@operation(weight=0.4)
def days_pass(stage: Stage, dice: random.Random, _: int) -> None:
    """Some days, never beyond the month: it ends by an act of its own."""
    left = (stage.month.last_day - stage.today).days
    stage.later(timedelta(days=min(dice.randint(1, 6), left)))


@operation(
    "select 1 where :this < '2027-01-01' and (select count(*) from match_links where status = 'confirmed') > 1",
    weight=1.2,
)
def month_begins(stage: Stage, dice: random.Random, _: int) -> None:
    stage.later(timedelta(days=(stage.month.end - stage.today).days + 1))


# --- what agencies say


@operation("select id from agencies where (select count(*) from collections where linked_minor = 0) < 3", weight=1.2)
def report(stage: Stage, dice: random.Random, agency_id: int) -> None:
    """A collection comes in, told by the agency itself."""
    number = stage.value("select count(*) + 1 from collections")
    account = dice.choice(
        stage.rows("select loan_account_no from allocations where agency_id = :a order by 1", a=agency_id)
    )[0]
    entry = Entry(account, f"R{number:05d}", dice.choice(AMOUNTS), "upi", stage.now, instrument_ref=f"UTR{number:07d}")
    _report(stage, agency_id, entry)


@operation("select id from collections where source = 'page'", weight=0.2)
def report_again(stage: Stage, dice: random.Random, collection_id: int) -> None:
    """The same receipt once more: known, and nothing new."""
    row = _collection(stage, collection_id)
    if row.version > 1:
        return
    at = stage.now.replace(year=row.collected_on.year, month=row.collected_on.month, day=row.collected_on.day)
    entry = Entry(
        row.loan_account_no, row.receipt_no, row.amount_minor, row.mode, at, instrument_ref=row.instrument_ref
    )
    assert _report(stage, row.agency_id, entry), "a receipt told twice was stored twice"


def _report(stage: Stage, agency_id: int, entry: Entry) -> bool:
    owner = owner_of(stage, agency_id)
    with stage.agency(agency_id) as session:
        agency = session.get_one(Agency, agency_id)
        told: dict[str, Any] = {"agency": agency, "actor": owner, "now": stage.now, "today": stage.today}
        return report_collection(session, entry, **told, source="page").was_there


def owner_of(stage: Stage, agency_id: int) -> Any:
    return next(owner for each, owner in stage.agencies.values() if each == agency_id)


def _collection(stage: Stage, collection_id: int) -> Any:
    return stage.rows("select * from collections where id = :id", id=collection_id)[0]


UNCORRECTED = """
select id from collections c where version = 1
   and not exists (select from collection_corrections k where k.collection_id = c.id and k.status = 'proposed')
"""


@operation(UNCORRECTED, weight=0.25)
def tell_otherwise(stage: Stage, dice: random.Random, collection_id: int) -> None:
    """A file says another amount of a receipt: a correction is proposed."""
    row = _collection(stage, collection_id)
    amount = plain(dice.choice(AMOUNTS) + 100, "INR")
    line = f"{row.receipt_no},{row.loan_account_no},{amount},{row.collected_on},{row.mode},{row.instrument_ref}"
    with stage.bank() as session:
        given: dict[str, Any] = {"agency": session.get_one(Agency, row.agency_id), "file_name": "again.csv"}
        given |= {"actor": owner_of(stage, row.agency_id), "now": stage.now, "today": stage.today}
        import_collections(session, stage.store, f"{HEADER}\n{line}\n".encode(), **given)


@operation("select id from collection_corrections where status = 'proposed'", weight=1)
def decide_correction(stage: Stage, dice: random.Random, correction_id: int) -> None:
    ref, agency_id = stage.rows("select ref, agency_id from collection_corrections where id = :id", id=correction_id)[0]
    if dice.random() < 0.15:
        with stage.agency(agency_id) as session:
            found = load_correction(session, ref)
            withdraw_correction(session, found, actor=owner_of(stage, agency_id), now=stage.now)
        return
    with stage.bank() as session:
        found = load_correction(session, ref)
        if dice.random() < 0.7:
            accept_correction(session, found, reason="As on the slip.", actor=MAKER, now=stage.now)
        else:
            decline_correction(session, found, reason="The slip says so.", actor=MAKER, now=stage.now)


# --- what the bank sees


UNSEEN = """
select id from collections c where linked_minor = 0
   and not exists (select from bank_lines b where b.ref_keys @> array[c.instrument_key])
"""


@operation(UNSEEN, weight=1.8)
def bank_line(stage: Stage, dice: random.Random, collection_id: int) -> None:
    """A bank statement with the money of a receipt: all of it, less, or more; sometimes beside money nobody told of."""
    row = _collection(stage, collection_id)
    whole, charged = row.amount_minor, row.amount_minor - 5_00
    amount = dice.choice((whole, whole, whole, whole, charged, whole * 3 // 5, whole + 500_00))
    credits = [(amount, row.instrument_ref)]
    if dice.random() < 0.2:
        credits.append((7_777_00, f"NOBODY{stage.value('select count(*) from bank_lines')}"))
    with stage.bank() as session:
        data = statement(stage, credits)
        import_statement(
            session, stage.store, data, file_name="bank.sta", actor=MAKER, now=stage.now, register_accounts=True
        )


def statement(stage: Stage, credits: list[tuple[int, str]]) -> bytes:
    """An MT940 of today that begins where the last one ended."""
    opening = stage.value("select closing_minor from bank_statements order by id desc limit 1") or 1_000_00
    number = stage.value("select count(*) + 1 from bank_statements")
    day = f"{stage.today:%y%m%d}"
    body = [f":20:S{number}", ":25:IN001", f":28C:{number}/1", f":60F:C{day}INR{_comma(opening)}"]
    for amount, reference in credits:
        body += [f":61:{day}{day[2:]}C{_comma(amount)}NTRF{reference}", f":86:UPI/{reference}/REPAYMENT"]
    closing = opening + sum(amount for amount, _ in credits)
    return ("\n".join([*body, f":62F:C{day}INR{_comma(closing)}", "-"]) + "\n").encode()


def _comma(minor: int) -> str:
    return f"{minor // 100},{minor % 100:02d}"


@operation(
    "select id from collections where not exists (select from postings p where p.receipt_key = collections.receipt_key)",
    weight=0.2,
)
def posting(stage: Stage, dice: random.Random, collection_id: int) -> None:
    """Core banking credits the loan."""
    row = _collection(stage, collection_id)
    line = f"PN{row.id},{row.loan_account_no},{plain(row.amount_minor, 'INR')},{row.collected_on},{row.receipt_no}"
    with stage.bank() as session:
        data = f"posting_no,loan_account_no,amount,posted_on,receipt_no\n{line}\n".encode()
        import_postings(session, stage.store, data, file_name="postings.csv", actor=MAKER, now=stage.now)


# --- people at the bench


TIED_TO_BE = """
select c.id from collections c join bank_lines b on b.ref_keys @> array[c.instrument_key]
 where c.amount_minor > c.linked_minor + c.written_off_minor and b.amount_minor > b.linked_minor + b.settled_minor
   and not exists (select from hand_acts h where h.collection_id = c.id and h.status = 'proposed')
"""


@operation(TIED_TO_BE, weight=4)
def link(stage: Stage, dice: random.Random, collection_id: int) -> None:
    """A person ties a receipt to its credit, whole or in part; a large amount waits for a second person."""
    line_id = stage.value(
        "select min(b.id) from bank_lines b join collections c on b.ref_keys @> array[c.instrument_key]"
        " where c.id = :id and b.amount_minor > b.linked_minor + b.settled_minor",
        id=collection_id,
    )
    with stage.bank() as session:
        line, receipt = session.get_one(BankLine, line_id), session.get_one(Collection, collection_id)
        both = (open_of(receipt), open_of(line))
        amount = min(both) if dice.random() < 0.9 else max(1, min(both) // 2)
        link_by_hand(
            session, collection_id, line_id, amount, reason="The same money.", actor=MAKER, now=stage.now, expected=both
        )


@operation("select id from hand_acts where status = 'proposed'", weight=6)
def decide_hand_act(stage: Stage, dice: random.Random, act_id: int) -> None:
    chance = dice.random()
    with stage.bank() as session:
        if chance < 0.05:
            withdraw_act(session, act_id, actor=MAKER, now=stage.now)
        else:
            approve = chance > 0.12
            decide_act(session, act_id, approve=approve, reason="Looked at.", actor=CHECKER, now=stage.now)


@operation("select id from match_links where status = 'confirmed' and bank_line_id is not null", weight=0.7)
def money_goes_back(stage: Stage, dice: random.Random, link_id: int) -> None:
    """A link is taken apart: the money was not this receipt's, or went back."""
    with stage.bank() as session:
        undo_link(session, link_id, reason="The cheque bounced.", actor=MAKER, now=stage.now)


@operation(
    "select id from collections where linked_minor > 0 and amount_minor - linked_minor - written_off_minor between 1 and 100000",
    weight=1.5,
)
def forgive(stage: Stage, dice: random.Random, collection_id: int) -> None:
    """A small difference of a receipt is written off."""
    with stage.bank() as session:
        left = open_of(session.get_one(Collection, collection_id))
        write_off(
            session, collection_id=collection_id, amount_minor=left, reason="Charges.", actor=MAKER, now=stage.now
        )


@operation("select 1 where exists (select from recon_queue)", weight=0.04)
def reconcile_all(stage: Stage, dice: random.Random, _: int) -> None:
    """The nightly run itself."""
    with stage.bank() as session:
        reconcile(session, through=stage.today, actor=SYSTEM, now=stage.now)


# --- what it earns


@operation("select 1 where exists (select from match_links)", weight=0.9)
def accrue(stage: Stage, dice: random.Random, _: int) -> None:
    """A month is accrued: mostly the one that is over."""
    period = stage.month.previous() if dice.random() < 0.8 else stage.month
    with stage.bank() as session:
        accrue_month(session, max(period, month_of(date(2026, 10, 1))), actor=SYSTEM, now=stage.now)


@operation(
    "select id from agencies where (select count(*) from manual_adjustments where status = 'proposed') < 2", weight=0.5
)
def adjust(stage: Stage, dice: random.Random, agency_id: int) -> None:
    """A bonus, a penalty or a correction by hand is proposed, large enough now and then to bring a month below zero."""
    kind, amount = dice.choice(
        (("bonus", 2_500_00), ("penalty", -1_200_50), ("adjustment", -700_00), ("penalty", -45_000_00))
    )
    period = max(dice.choice((stage.month, stage.month.previous())), month_of(date(2026, 10, 1)))
    with stage.bank() as session:
        agency = session.get_one(Agency, agency_id)
        told = Adjusting(period, kind, amount, "Agreed by letter.")
        propose_adjustment(session, told, agency=agency, actor=MAKER, now=stage.now)


@operation("select id from manual_adjustments where status = 'proposed'", weight=1.5)
def decide_on_adjustment(stage: Stage, dice: random.Random, adjustment_id: int) -> None:
    ref, chance = stage.value("select ref from manual_adjustments where id = :id", id=adjustment_id), dice.random()
    with stage.bank() as session:
        found = load_adjustment(session, ref)
        if chance < 0.1:
            withdraw_adjustment(session, found, actor=MAKER, now=stage.now)
        else:
            given: dict[str, Any] = {"accept": chance > 0.25, "reason": "Looked at.", "actor": CHECKER}
            decide_adjustment(session, found, **given, now=stage.now)


@operation(
    "select 1 where not exists (select from rate_card_versions where effective_from > '2026-11-01')", weight=0.25
)
def new_terms(stage: Stage, dice: random.Random, _: int) -> None:
    """From December on another rate is agreed."""
    with stage.bank() as session:
        terms(session, stage, date(2026, 12, 1), None, dice.choice(("0.04", "0.07", "0.0725")))
