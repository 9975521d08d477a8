"""Bank statements come in: read, proved, stored once. One that does not prove itself waits for a second person's word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from allocations.reconciliation.models import BankAccount, BankLine, BankStatement
from allocations.reconciliation.sources import proof
from allocations.reconciliation.sources.bank_accounts import AccountBook, lock_account
from allocations.reconciliation.sources.continuity import refresh_flags
from allocations.reconciliation.sources.overlaps import (
    changed_since,
    earlier_pages,
    new_lines,
    same_money,
)
from allocations.reconciliation.sources.proof import NumberedLine
from allocations.reconciliation.sources.readers.archive import GZIP, ZIP
from allocations.reconciliation.sources.readers.detect import read_statements
from allocations.reconciliation.sources.readers.profiles import Profile
from allocations.reconciliation.sources.readers.references import reference_keys
from allocations.reconciliation.sources.readers.statement import ReadStatement
from allocations.reconciliation.sources.retold import Retold, compare
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import Forbidden, Invalid, Problem, Refused
from portal.kernel.files import FileDamaged, FileStore, store_file
from portal.kernel.money import plain
from portal.kernel.tables.bulk import copy_rows

UNPROVED_SETTING = "statements.unproved"
MEDIA_TYPES = {
    "csv": "text/csv", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "mt940": "text/plain",
    "mt942": "text/plain", "camt052": "application/xml", "camt053": "application/xml", "camt054": "application/xml",
    "bai2": "text/plain", "ofx": "application/x-ofx",
}  # fmt: skip
LINE_COLUMNS = (
    "ref", "statement_id", "bank_account_id", "line_no", "value_on", "booked_on", "amount_minor", "currency", "side",
    "is_reversal", "bank_ref", "customer_ref", "description", "ref_keys", "fingerprint", "occurrence",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImportedStatement:
    """What became of one statement of a file. `created` lines are new; `is_known`: the very statement was there already."""

    ref: str
    account: str
    currency: str
    number: str
    status: str
    opening_minor: int | None
    closing_minor: int | None
    credits_minor: int
    debits_minor: int
    difference_minor: int | None
    balanced: bool | None
    lines: int
    created: int
    duplicates: int
    is_known: bool
    is_new_account: bool
    reasons: tuple[str, ...] = ()
    flags: tuple[dict[str, Any], ...] = ()


@dataclass(slots=True)
class StatementImport:
    """What became of a file; `problems` names every statement refused, with its difference."""

    file_name: str
    sha256: str
    statements: list[ImportedStatement] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def lines(self) -> int:
        return sum(each.lines for each in self.statements)

    @property
    def created(self) -> int:
        return sum(each.created for each in self.statements)

    @property
    def duplicates(self) -> int:
        return sum(each.duplicates for each in self.statements)

    @property
    def refused(self) -> list[ImportedStatement]:
        return [each for each in self.statements if each.status == proof.REFUSED]


def import_statement(
    session: Session,
    store: FileStore,
    data: bytes,
    *,
    file_name: str,
    actor: Actor,
    now: datetime,
    format: str = "auto",
    profile: str | Profile | None = None,
    expected_account: str | None = None,
    register_accounts: bool = False,
) -> StatementImport:
    """Take in a bank's file. The same file, or a part of it again, adds nothing twice.

    A statement whose opening + lines ≠ closing is stored as refused: its bytes are kept, none of its lines count.
    `expected_account` refuses another account's statement. `register_accounts` adds an account met for the first time;
    without it an unknown account is refused. Raises Invalid (unreadable, every problem) and Refused (account, currency).
    """
    read = read_statements(data, file_name, format=format, profile=profile)
    if not read:
        raise Invalid(
            Problem(
                "no_statement",
                "The file holds neither balance nor movement.",
                "Ask the bank for the whole file.",
                file_name,
            )
        )
    accounts = AccountBook(session, file_name, expected_account, register_accounts, actor, now)
    placed = list(zip(read, accounts.all_of(read), strict=True))
    stored = store_file(
        session, store, data, name=file_name, media_type=_media_type(data, read[0]), agency_id=None, actor=actor, now=now,
    )  # fmt: skip
    result = StatementImport(file_name, stored.sha256)
    source = _Source(file_name, stored.sha256, _read_as(format, profile, expected_account))
    for at, (statement, account) in enumerate(placed):
        earlier = earlier_pages(placed, at)
        outcome = _take_in(session, statement, account, source, earlier, accounts.is_new(account), actor, now)
        result.statements.append(outcome)
        if outcome.status == proof.REFUSED:
            result.problems.append(_refusal(outcome, file_name))
    return result


def _media_type(data: bytes, statement: ReadStatement) -> str:
    if data.startswith(GZIP):
        return "application/gzip"
    return "application/zip" if data.startswith(ZIP) and statement.format != "xlsx" else MEDIA_TYPES[statement.format]


def accept_statement(
    session: Session, store: FileStore, statement: BankStatement, *, actor: Actor, reason: str, now: datetime
) -> int:
    """A second person takes a refused statement as it is, with a reason; its lines count from now on. Returns how many.

    Raises Forbidden for the person who imported it, Refused when it is not (or no longer) refused, Invalid without a reason.
    """
    locked = session.get_one(BankStatement, statement.id, with_for_update=True, populate_existing=True)
    if locked.status != proof.REFUSED:
        raise Refused(f"{locked.ref} is {locked.status}: there is nothing to accept.", code="not_refused")
    if actor.email == locked.imported_by:
        raise Forbidden("You imported this statement; a different person must accept it.", code="maker_is_checker")
    if len(reason.strip()) < 3:
        raise Invalid(
            Problem(
                "reason_missing", "Say why this statement is accepted as it is.", "Write a sentence.", column="reason"
            )
        )
    account = session.get_one(BankAccount, locked.bank_account_id)
    lock_account(session, account.account_no)
    found = read_again(store, locked, account)
    fresh = new_lines(session, found, account, {})
    retold = compare(session, found, account, fresh, _moving(found) - len(fresh))
    created = _insert_lines(session, locked, account, retold.fresh)
    locked.status, locked.accepted_by, locked.accepted_at = "accepted", actor.email, now
    locked.accept_reason = reason.strip()
    difference = plain(locked.difference_minor, locked.currency)
    record_event(
        session, AuditTag.STATEMENT_ACCEPTED, actor=actor, subject_type="bank_statement", subject_ref=locked.ref, now=now,
        data={"reason": locked.accept_reason, "difference": difference},
    )  # fmt: skip
    session.flush()
    refresh_flags(session, locked)
    return created


@dataclass(frozen=True, slots=True)
class _Source:
    """The file a statement came from, and how it was read."""

    file_name: str
    sha256: str
    read_as: dict[str, Any]


def _read_as(format: str, profile: str | Profile | None, expected_account: str | None) -> dict[str, Any]:
    spelled = asdict(profile) if isinstance(profile, Profile) else profile
    return {"code": "read_as", "format": format, "profile": spelled, "account": expected_account}


def read_again(store: FileStore, statement: BankStatement, account: BankAccount) -> ReadStatement:
    """A stored statement read from its own bytes: what a refused one says. Refused when they changed."""
    how: dict[str, Any] = next((flag for flag in statement.flags if flag.get("code") == "read_as"), {})
    profile = how.get("profile")
    if isinstance(profile, dict):
        columns = {word: tuple(names) for word, names in profile["columns"].items()}
        lists = {name: tuple(profile[name]) for name in ("date_formats", "required")}
        profile = Profile(**{**profile, **lists, "columns": columns})
    try:
        data = store.read(statement.file_sha256)
    except FileDamaged:
        message = f"The stored file of {statement.ref} is not the one that was imported."
        raise Refused(message, code="file_changed") from None
    for found in read_statements(data, statement.file_name, format=how.get("format", "auto"), profile=profile):
        if _ref_of(found, account) == statement.ref:
            return found
    raise Refused(f"The stored file of {statement.ref} no longer reads as it did.", code="file_changed")


def _ref_of(statement: ReadStatement, account: BankAccount) -> str:
    digest = proof.statement_digest(statement, proof.account_key(account.account_no))
    return proof.statement_ref(statement, digest)


def _take_in(
    session: Session,
    statement: ReadStatement,
    account: BankAccount,
    source: _Source,
    earlier: Mapping[str, int],
    is_new_account: bool,
    actor: Actor,
    now: datetime,
) -> ImportedStatement:
    lock_account(session, account.account_no)
    ref = _ref_of(statement, account)
    verdict = proof.prove(statement)
    known = session.scalar(select(BankStatement).where(BankStatement.ref == ref))
    moving = _moving(statement)
    if known is not None:
        duplicates = moving if known.status != proof.REFUSED else 0
        return _outcome(
            statement, account, known, verdict, created=0, duplicates=duplicates, is_known=True, is_new_account=False
        )
    verdict = proof.unless_taken_on_trust(verdict, asks_two(session, now))
    verdict = proof.unless_rewritten(verdict, changed_since(session, statement, account))
    fresh = new_lines(session, statement, account, earlier)
    twin = same_money(session, statement, account) if fresh and len(fresh) == moving else None
    retold = Retold([]) if twin else compare(session, statement, account, fresh, moving - len(fresh))
    if retold.is_rewritten:
        verdict = proof.unless_retold(verdict, retold.of, retold.gone, retold.added)
    row = _row(session, statement, account, source, ref, verdict, moving - len(retold.fresh), actor, now)
    row.flags = row.flags + _twin_flag(twin) + retold.flags() + _trust_flag(row)
    created = _insert_lines(session, row, account, retold.fresh) if verdict.status != proof.REFUSED else 0
    refresh_flags(session, row)
    record_event(
        session, AuditTag.STATEMENT_IMPORTED, actor=actor, subject_type="bank_statement", subject_ref=ref, now=now,
        data={
            "file": source.sha256, "format": statement.format, "lines": row.lines, "duplicates": row.duplicates,
            "status": row.status, "difference": plain(verdict.difference_minor, row.currency),
        },
    )  # fmt: skip
    return _outcome(
        statement,
        account,
        row,
        verdict,
        created=created,
        duplicates=row.duplicates,
        is_known=False,
        is_new_account=is_new_account,
    )


def _moving(statement: ReadStatement) -> int:
    """How many lines move money; those of 0 are for information."""
    return sum(1 for line in statement.lines if line.amount_minor)


def _row(
    session: Session,
    statement: ReadStatement,
    account: BankAccount,
    source: _Source,
    ref: str,
    verdict: proof.Verdict,
    duplicates: int,
    actor: Actor,
    now: datetime,
) -> BankStatement:
    row = BankStatement(
        ref=ref,
        bank_account_id=account.id,
        number=statement.number,
        currency=account.currency,
        opening_minor=statement.opening_minor,
        closing_minor=statement.closing_minor,
        credits_minor=statement.credits_minor,
        debits_minor=statement.debits_minor,
        from_on=statement.from_on,
        to_on=statement.to_on,
        format=statement.format,
        file_sha256=source.sha256,
        file_name=source.file_name,
        status=verdict.status,
        difference_minor=verdict.difference_minor,
        flags=_flags(statement, source, verdict),
        lines=len(statement.lines),
        duplicates=duplicates,
        imported_by=actor.email,
        imported_at=now,
    )
    session.add(row)
    session.flush()
    return row


def _flags(statement: ReadStatement, source: _Source, verdict: proof.Verdict) -> list[dict[str, Any]]:
    """How it was read, and what the file itself gives to tell; what its neighbours give comes after."""
    flags: list[dict[str, Any]] = [
        {**source.read_as, "derived": statement.opening_is_derived, "layout": statement.layout}
    ]
    flags += [{"code": "refused", "message": reason} for reason in verdict.reasons]
    flags += [{"code": "note", "message": note} for note in statement.notes]
    without_money = sum(1 for line in statement.lines if not line.amount_minor)
    if without_money:
        said = f"{without_money} lines of 0 are for information and were not stored."
        flags.append({"code": "note", "message": said})
    if not proof.in_time(statement.lines):
        flags.append({"code": "order", "message": "Its lines are not in the order of their days."})
    return flags


def asks_two(session: Session, now: datetime) -> bool:
    """Whether a statement without balances waits for a second person. Where no rule says so it is taken, and says what it is."""
    try:
        return bool(setting_on(session, UNPROVED_SETTING, now.astimezone(BANK_ZONE).date()) == "second_person")
    except KeyError:
        return False


def _trust_flag(row: BankStatement) -> list[dict[str, Any]]:
    if row.status != proof.UNPROVED:
        return []
    message = (
        f"It carries no balances: nothing proves that it is whole, and its lines count on the word of {row.imported_by} alone."
        f" The setting {UNPROVED_SETTING} asks for a second person."
    )
    return [{"code": "unproved", "message": message}]


def _twin_flag(twin: str | None) -> list[dict[str, Any]]:
    if twin is None:
        return []
    return [
        {"code": "twin", "message": f"{twin} tells the same days and totals in other words. No line was stored twice."}
    ]


def _insert_lines(session: Session, row: BankStatement, account: BankAccount, fresh: Sequence[NumberedLine]) -> int:
    if not fresh:
        return 0
    values = [
        (
            proof.line_ref(row.ref, item.line.line_no), row.id, account.id, item.line.line_no, item.line.value_on,
            item.line.booked_on, item.line.amount_minor, account.currency, item.line.side, item.line.is_reversal,
            item.line.bank_ref, item.line.customer_ref, item.line.description,
            reference_keys(item.line.bank_ref, item.line.customer_ref, item.line.description),
            item.fingerprint, item.occurrence,
        )
        for item in fresh
    ]  # fmt: skip
    return copy_rows(session, BankLine.__table__, LINE_COLUMNS, values)  # type: ignore[arg-type]


def _outcome(
    statement: ReadStatement,
    account: BankAccount,
    row: BankStatement,
    verdict: proof.Verdict,
    *,
    created: int,
    duplicates: int,
    is_known: bool,
    is_new_account: bool,
) -> ImportedStatement:
    return ImportedStatement(
        ref=row.ref,
        account=account.account_no,
        currency=account.currency,
        number=statement.number,
        status=row.status,
        opening_minor=statement.opening_minor,
        closing_minor=statement.closing_minor,
        credits_minor=statement.credits_minor,
        debits_minor=statement.debits_minor,
        difference_minor=statement.difference_minor,
        balanced=statement.balanced,
        lines=len(statement.lines),
        created=created,
        duplicates=duplicates,
        is_known=is_known,
        is_new_account=is_new_account,
        reasons=verdict.reasons,
        flags=tuple(flag for flag in row.flags if flag.get("message")),
    )


def _refusal(outcome: ImportedStatement, file_name: str) -> Problem:
    return Problem(
        "statement_differs" if outcome.difference_minor else "statement_unproved",
        f"Statement {outcome.ref} of {outcome.account} is refused. " + " ".join(outcome.reasons),
        f"Ask the bank for a correct file; or an approver accepts it with a reason: portal bank accept {outcome.ref} --as … --reason …",
        file_name,
        value=plain(outcome.difference_minor, outcome.currency) if outcome.difference_minor else "",
    )
