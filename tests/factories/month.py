"""A month whose collections are matched and accrued, made directly: what settlements, payouts, trace and verify stand on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, AgencyBankDetail
from allocations.collections.models import Collection
from allocations.keys import reference_keys
from allocations.reconciliation.models import BankAccount, BankLine, BankStatement, MatchLink, Posting
from payouts.commission.models import AccrualLine, AccrualRun, UnpaidCollection
from payouts.commission.service import accrue
from payouts.rate_cards.models import RateCardVersion
from payouts.rate_cards.service import approve as approve_card
from payouts.rate_cards.service import import_card
from portal.kernel.audit import Actor
from portal.kernel.periods import Period, month_of
from tests.factories.world import MADE_AT, an_account, an_agency, an_allocation

OCTOBER = month_of(date(2026, 10, 1))
MAKER = Actor(101, "maker@bank.example", "bank_operator")
CHECKER = Actor(102, "checker@bank.example", "bank_approver")
SECOND_CHECKER = Actor(103, "checker2@bank.example", "bank_approver")
FINANCE = Actor(104, "finance@bank.example", "finance")
SYSTEM = Actor(None, "system", "system")
FILE = hashlib.sha256(b"statement").hexdigest()


@dataclass
class Month:
    """The accrual run of a month and the collections under its lines, by agency code."""

    run: AccrualRun
    version: RateCardVersion
    collections: dict[str, list[Collection]]
    made: int = 0


def a_bank_detail(session: Session, agency: Agency, version: int = 1, **changes: Any) -> AgencyBankDetail:
    values: dict[str, Any] = {
        "agency_id": agency.id,
        "version": version,
        "account_no": f"5010012345{agency.id:04d}",
        "ifsc": "HDFC0001234",
        "account_holder": agency.legal_name,
        "proposed_by": "admin@bank.example",
        "proposed_at": MADE_AT,
    }
    detail = AgencyBankDetail(**values | changes)
    session.add(detail)
    session.flush()
    return detail


CARD = """
code = "PL-2026"
name = "Personal loans 2026-27"
currency = "INR"
effective_from = 2026-04-01
effective_by = "allocation"
rounding = "half_up"

[[rule]]
id = "cash"
earns_on = "cash"
when = { product = ["PL"] }
slabs = [ {from = 0, rate = "0.05"} ]
"""


def a_rate_card(session: Session) -> RateCardVersion:
    """Five per cent of confirmed cash, imported and approved by two people."""
    now = datetime(2026, 4, 1, tzinfo=UTC)
    version = import_card(session, CARD, actor=MAKER, now=now)
    if version.status == "draft":
        approve_card(session, "PL-2026", version.version, actor=CHECKER, now=now, comment="Plain terms.")
    return version


def a_run(session: Session, period: Period = OCTOBER, *, lines: int = 0, total_minor: int = 0) -> AccrualRun:
    """A new current run of the month; the one before is current no longer."""
    runs = session.scalars(select(AccrualRun).where(AccrualRun.period_start == period.start)).all()
    for old in runs:
        old.is_current = False
    session.flush()
    run = AccrualRun(
        period_start=period.start,
        version=len(runs) + 1,
        input_hash="in",
        result_hash="out",
        lines=lines,
        total_minor=total_minor,
        currency="INR",
        run_by="system",
        run_at=MADE_AT,
    )
    session.add(run)
    session.flush()
    return run


def a_month(
    session: Session, period: Period = OCTOBER, amounts: dict[str, list[int]] | None = None, **agency_changes: Any
) -> Month:
    """`amounts` are collected minor units by agency code; each is confirmed at the bank and earns five per cent."""
    version = a_rate_card(session)
    collections: dict[str, list[Collection]] = {}
    for code, collected in (amounts or {"SHAKTI": [100_000_00, 60_000_00], "VEGA": [80_000_00]}).items():
        agency = session.scalars(select(Agency).where(Agency.code == code)).first()
        if agency is None:
            pan = f"AAPF{code[0]}{sum(map(ord, code)) % 10000:04d}F"
            agency = an_agency(
                session, code, **{"pan": pan, "email": f"{code.lower()}@agency.example"} | agency_changes
            )
            a_bank_detail(session, agency)
        collections[code] = [
            a_confirmed_collection(session, agency, period, number, amount)
            for number, amount in enumerate(collected, start=1)
        ]
    run = accrue(session, period, actor=SYSTEM, now=MADE_AT).run
    return Month(run, version, collections, made=run.lines)


def an_accrual(
    session: Session, month: Month, agency: Agency, amount_minor: int, *, kind: str = "commission"
) -> AccrualLine:
    """A line beside the computed ones: a clawback, a bonus."""
    month.made += 1
    line = AccrualLine(
        ref=f"A{month.run.period_start:%y%m}.{month.run.version}-{month.made:05d}",
        run_id=month.run.id,
        agency_id=agency.id,
        kind=kind,
        rate_card_version_id=month.version.id,
        rule_id="b2-cash",
        base_minor=0,
        amount_minor=amount_minor,
        currency="INR",
        credited_on=month_of(month.run.period_start).last_day,
        facts={},
        steps=[],
    )
    session.add(line)
    session.flush()
    return line


def an_unpaid(session: Session, month: Month, collection: Collection, amount_minor: int) -> UnpaidCollection:
    row = UnpaidCollection(
        run_id=month.run.id,
        agency_id=collection.agency_id,
        collection_id=collection.id,
        code="not_confirmed",
        amount_minor=amount_minor,
        currency="INR",
        cure="Wait for the bank line.",
        owner="bank",
    )
    session.add(row)
    session.flush()
    return row


def a_confirmed_collection(session: Session, agency: Agency, period: Period, number: int, amount: int) -> Collection:
    """An account, its allocation, a receipt, the bank line and the posting of the same money, and the links."""
    key = f"{period.start:%y%m}{agency.id:03d}{number:03d}"
    account = an_account(session, f"LN{key}")
    allocation = an_allocation(session, account, agency, from_on=period.start, to_on=period.last_day)
    collection = Collection(
        agency_id=agency.id,
        allocation_id=allocation.id,
        loan_account_id=account.id,
        loan_account_no=account.loan_account_no,
        receipt_no=f"R-{key}",
        receipt_key=f"R{key}",
        amount_minor=amount,
        currency="INR",
        collected_on=period.start,
        mode="upi",
        instrument_ref=f"UTR{key}",
        instrument_key=f"UTR{key}",
        reported_at=MADE_AT,
    )
    session.add(collection)
    session.flush()
    line, posting = (
        a_bank_line(session, key, amount, period.start),
        a_posting(session, key, account, amount, period.start),
    )
    a_link(session, collection, amount, bank_line_id=line.id)
    a_link(session, collection, amount, posting_id=posting.id)
    session.refresh(collection)
    return collection


def a_bank_line(session: Session, key: str, amount: int, day: date, status: str = "proved", **changes: Any) -> BankLine:
    account = session.scalars(select(BankAccount)).first()
    if account is None:
        account = BankAccount(account_no="000111222333", currency="INR", added_by="maker", added_at=MADE_AT)
        session.add(account)
        session.flush()
    statement = BankStatement(
        ref=f"BS-{key}",
        bank_account_id=account.id,
        currency="INR",
        opening_minor=amount if changes.get("side") == "debit" else 0,
        closing_minor=0 if changes.get("side") == "debit" else amount,
        from_on=day,
        to_on=day,
        format="csv",
        file_sha256=FILE,
        file_name="bank.csv",
        status=status,
        lines=1,
        imported_by="maker@bank.example",
        imported_at=MADE_AT,
    )
    session.add(statement)
    session.flush()
    values: dict[str, Any] = {
        "ref": f"BL-{key}",
        "statement_id": statement.id,
        "bank_account_id": account.id,
        "line_no": 1,
        "value_on": day,
        "amount_minor": amount,
        "currency": "INR",
        "side": "credit",
        "bank_ref": f"BR{key}",
        "customer_ref": f"UTR{key}",
        "ref_keys": reference_keys(f"BR{key}", f"UTR{key}"),
        "fingerprint": key,
    }
    line = BankLine(**values | changes)
    session.add(line)
    session.flush()
    return line


def a_posting(session: Session, key: str, account: Any, amount: int, day: date) -> Posting:
    posting = Posting(
        posting_no=f"PN{key}",
        loan_account_id=account.id,
        loan_account_no=account.loan_account_no,
        amount_minor=amount,
        currency="INR",
        posted_on=day,
        file_sha256=FILE,
        imported_at=MADE_AT,
    )
    session.add(posting)
    session.flush()
    return posting


def a_link(session: Session, collection: Collection, amount: int, **counterpart: int) -> MatchLink:
    link = MatchLink(
        agency_id=collection.agency_id,
        collection_id=collection.id,
        amount_minor=amount,
        status="confirmed",
        rule="reference_and_amount",
        rule_version=1,
        evidence={"key": collection.instrument_key},
        created_at=MADE_AT,
        confirmed_by="matcher",
        confirmed_at=datetime(2026, 10, 31, tzinfo=UTC),
        **counterpart,
    )
    session.add(link)
    session.flush()
    return link
