"""Verification of records: seals, the audit chain, files, statements, links. Bulk work is done where the rows are."""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import BigInteger, cast, func, or_, select, text
from sqlalchemy.orm import Mapper, Session

from allocations.collections.models import Collection, CollectionVersion, Upload
from allocations.placements.models import AccountSnapshot, LoanAccount
from allocations.reconciliation.models import BankLine, BankStatement, MatchLink, Posting
from payouts.difference import Findings
from payouts.verify_evidence import NOT_EVIDENCE
from portal.kernel.db import Base, Sealed
from portal.kernel.files import FileDamaged, FileStore, StoredFile

REFS = ("ref", "posting_no", "receipt_no", "loan_account_no", "code", "description")


def check_seals(session: Session, findings: Findings) -> None:
    """Every sealed row's immutable columns against the seal the database set when it was inserted.

    One question for all tables, since most hold; those that do not are asked which rows.
    """
    sealed = {str(each.local_table): each for each in Base.registry.mappers if issubclass(each.class_, Sealed)}
    asked = (
        f"select '{table}', count(*), coalesce(bool_or(t.seal is distinct from seal_of(t)), false) from {table} t"
        for table in sorted(sealed)
    )
    for table, rows, is_broken in session.execute(text(" union all ".join(asked))).all():
        findings.count("seals", rows)
        if is_broken:
            check_seals_of(session, findings, sealed[table])


def check_seals_of(session: Session, findings: Findings, mapper: Mapper[Any]) -> None:
    """The rows of one sealed table that do not hold, with their amounts."""
    table = str(mapper.local_table)
    keys = " || '/' || ".join(f"t.{column.name}::text" for column in mapper.primary_key)
    named = next((f"t.{name}" for name in REFS if name in mapper.columns), "''")
    amounts = [name for name in mapper.class_.__sealed__ if name.endswith("_minor")]
    shown = " || ' ' || ".join(f"'{name}=' || coalesce(t.{name}::text, '-')" for name in amounts) or "''"
    query = (
        f"select {keys}, {named}, {shown}, encode(t.seal, 'hex'),"
        f" encode(seal_of(t), 'hex') from {table} t where t.seal is distinct from seal_of(t) order by 1"
    )
    for id_, ref, values, stored, again in session.execute(text(query)):
        label = "seal" + (f" ({values})" if values else "")
        findings.differs("seals", table, id_, str(ref or ""), label, stored[:16], again[:16])


def check_audit_chain(session: Session, findings: Findings) -> None:
    """Each event's hash over the one before and its own text; no gap; columns as in the text; the head is the last."""
    zero = "0" * 64
    findings.count("audit", session.scalar(text("select count(*) from audit_events")) or 0)
    query = """
        select id, subject_ref, problem, stored, again from (
          select id, subject_ref, hash, prev_hash,
                 encode(sha256(convert_to(prev_hash || chr(10) || body, 'UTF8')), 'hex') as rehashed,
                 lag(hash, 1, :zero) over (order by id) as before,
                 body::jsonb as doc, tag, actor, subject_type, at, agency_id
            from audit_events) e
        cross join lateral (values
          ('hash', hash, rehashed),
          ('prev_hash', prev_hash, before),
          ('tag', tag, doc->>'tag'), ('actor', actor, doc->>'actor'),
          ('subject_type', subject_type, doc->>'subject_type'), ('subject_ref', subject_ref, doc->>'subject_ref'),
          ('at', at::text, ((doc->>'at')::timestamptz)::text), ('agency_id', agency_id::text, doc->>'agency_id')
        ) as c(problem, stored, again)
        where stored is distinct from again order by id
    """
    for id_, ref, name, stored, again in session.execute(text(query), {"zero": zero}):
        findings.differs("audit", "audit_events", id_, ref, name, stored, again)
    head = session.execute(text("select last_id, last_hash from audit_head where id = 1")).one()
    last = session.execute(text("select id, hash from audit_events order by id desc limit 1")).one_or_none()
    found = (last.id, last.hash) if last else (0, zero)
    if tuple(head) != found:
        findings.differs("audit", "audit_head", 1, "", "last_id, last_hash", tuple(head), found)


def check_files(session: Session, store: FileStore, findings: Findings) -> None:
    """Every kept file read and hashed again; what was evidence is looked at piece by piece (check_evidence)."""
    for row in session.scalars(select(StoredFile).where(NOT_EVIDENCE).order_by(StoredFile.id)):
        try:
            again = hashlib.sha256(store.read(row.sha256)).hexdigest()
        except OSError:
            again = "missing"
        except FileDamaged as damaged:
            again = damaged.found or "damaged"
        findings.compare("files", "stored_files", row.id, row.name, "sha256", row.sha256, again)


def check_statements(session: Session, findings: Findings) -> None:
    """Opening + lines = closing − the difference on record, where no line was left out as known already."""
    moved = func.sum(BankLine.amount_minor).filter(BankLine.side == "credit")
    back = func.sum(BankLine.amount_minor).filter(BankLine.side == "debit")
    query = (
        select(BankStatement, func.coalesce(moved, 0) - func.coalesce(back, 0), func.count(BankLine.id))
        .outerjoin(BankLine, BankLine.statement_id == BankStatement.id)
        .where(BankStatement.duplicates == 0)
        .group_by(BankStatement.id)
        .order_by(BankStatement.id)
    )
    for row, net, lines in session.execute(query):
        if row.opening_minor is None or row.closing_minor is None or not lines:
            continue
        again = row.closing_minor - row.opening_minor - int(net)
        findings.compare(
            "statements", "bank_statements", row.id, row.ref, "difference_minor", row.difference_minor, again
        )


def check_links(session: Session, findings: Findings) -> None:
    """`linked_minor` of collections, bank lines and postings is the sum of their live links, and never above the amount."""
    for model, key, name in (
        (Collection, MatchLink.collection_id, "receipt_no"),
        (BankLine, MatchLink.bank_line_id, "ref"),
        (Posting, MatchLink.posting_id, "posting_no"),
    ):
        _check_linked(session, findings, model, key, name)


def _check_linked(session: Session, findings: Findings, model: Any, key: Any, name: str) -> None:
    table = model.__tablename__
    live = select(key.label("id"), func.sum(MatchLink.amount_minor).label("total")).where(
        MatchLink.status == "confirmed", key.is_not(None)
    )
    if model is Collection:
        live = live.where(MatchLink.bank_line_id.is_not(None))
    sums = live.group_by(key).subquery()
    total = func.coalesce(sums.c.total, 0)
    findings.count("links", session.scalar(select(func.count()).select_from(model)) or 0)
    query = (
        select(model.id, getattr(model, name), model.linked_minor, total, model.amount_minor)
        .outerjoin(sums, sums.c.id == model.id)
        .where((model.linked_minor != total) | (total > model.amount_minor))
        .order_by(model.id)
    )
    for id_, ref, linked, again, amount in session.execute(query):
        if linked != int(again):
            findings.differs("links", table, id_, ref, "linked_minor", linked, int(again))
        if int(again) > amount:
            findings.differs("links", table, id_, ref, "amount_minor", amount, f"at least {int(again)}")


def check_uploads(session: Session, findings: Findings) -> None:
    """An upload's count and total are those of the collections it made, as they were before any correction."""
    at_first = func.coalesce(
        cast(CollectionVersion.body["amount_minor"].as_string(), BigInteger), Collection.amount_minor
    )
    made = (
        select(
            Collection.upload_id.label("id"),
            func.count().label("made"),
            func.sum(at_first).label("total"),
        )
        .outerjoin(
            CollectionVersion,
            (CollectionVersion.collection_id == Collection.id) & (CollectionVersion.version == 1),
        )
        .where(Collection.upload_id.is_not(None))
        .group_by(Collection.upload_id)
        .subquery()
    )
    query = (
        select(Upload, func.coalesce(made.c.made, 0), func.coalesce(made.c.total, 0))
        .outerjoin(made, made.c.id == Upload.id)
        .where(Upload.kind == "collections", Upload.status != "waiting")
        .order_by(Upload.id)
    )
    for row, count, total in session.execute(query):
        findings.compare("uploads", "uploads", row.id, row.ref, "created", row.created, count)
        findings.compare("uploads", "uploads", row.id, row.ref, "total_minor", row.total_minor, int(total))


LATEST = tuple(
    (f"latest_{name}", name)
    for name in ("principal_minor", "total_minor", "overdue_minor", "emi_minor", "dpd_days", "bucket", "asset_class")
)


def check_accounts(session: Session, findings: Findings) -> None:
    """An account's `latest_…` are copies of its snapshot of that day."""
    findings.count("accounts", session.scalar(select(func.count()).select_from(LoanAccount)) or 0)
    differs = or_(*(getattr(LoanAccount, ours).is_distinct_from(getattr(AccountSnapshot, its)) for ours, its in LATEST))
    query = (
        select(LoanAccount, AccountSnapshot)
        .join(
            AccountSnapshot,
            (AccountSnapshot.loan_account_id == LoanAccount.id) & (AccountSnapshot.as_of == LoanAccount.latest_as_of),
        )
        .where(differs)
        .order_by(LoanAccount.id)
    )
    for account, snapshot in session.execute(query):
        for ours, its in LATEST:
            stored, again = getattr(account, ours), getattr(snapshot, its)
            if stored != again:
                findings.differs("accounts", "loan_accounts", account.id, account.loan_account_no, ours, stored, again)
