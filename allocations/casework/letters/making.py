"""Letters made: what their placeholders stand for is read, the PDF is typeset and kept, its hash stands in the register."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import settings_on
from allocations.agencies.models import Agency
from allocations.agencies.service import lender
from allocations.casework.legal.catalogue import KINDS as STEPS
from allocations.casework.legal.gathering import latest_facts, read_value
from allocations.casework.legal.judging import AMOUNT, DAY
from allocations.casework.legal.models import LegalCase
from allocations.casework.legal.service import ref_of
from allocations.casework.letters.models import Letter, LetterTemplate
from allocations.casework.letters.pdf import pdf_of, said
from allocations.casework.letters.templates import name_of
from allocations.casework.letters.words import missing
from allocations.casework.models import OneTimeSettlement
from allocations.placements.models import Allocation, LoanAccount
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, NotFound, Problem
from portal.kernel.files import FileStore, store_file
from portal.kernel.money import shown

NUMBERS_LOCK = 0x4C45_5454
# What a fact of a case is called in a letter.
OF_FACTS = {
    "memo_on": "memo_on",
    "instrument_on": "instrument_on",
    "instrument_minor": "instrument_sum",
    "security_on": "security_on",
    "sitting_on": "sitting_on",
}


@dataclass(frozen=True)
class Desk:
    """Where and by whom letters are made."""

    store: FileStore
    actor: Actor
    now: datetime
    today: date


def make_letter(
    session: Session, template: LetterTemplate, account: LoanAccount, desk: Desk, *, case: LegalCase | None = None
) -> Letter:
    """One letter. Raises Invalid with every placeholder that has no value, and without an address."""
    values = values_of(session, account, desk.today, case=case)
    problems = [*missing(template.subject, template.body, values)]
    if not address_of(account):
        problems.append(Problem("no_address", "The account has no address.", "Bring it in.", column="address"))
    if problems:
        raise Invalid(problems)
    (made,) = letters_from(session, template, [(account, values)], desk, case_id=case.id if case else None)
    data = {"kind": template.kind, "language": template.language, "version": template.version, "count": 1}
    _tell(session, made.ref, data | {"file": made.sha256}, desk)
    return made


def letters_from(
    session: Session,
    template: LetterTemplate,
    whom: list[tuple[LoanAccount, dict[str, str]]],
    desk: Desk,
    *,
    case_id: int | None = None,
    run_id: int | None = None,
) -> list[Letter]:
    """Letters to several, numbered one after the other. Every value has to be there."""
    first = _next_number(session, desk.today.year)
    made = []
    for number, (account, values) in enumerate(whom, first):
        letter = Letter(
            year=desk.today.year,
            number=number,
            template_id=template.id,
            loan_account_id=account.id,
            case_id=case_id,
            run_id=run_id,
            to_name=account.customer_name,
            to_address=address_of(account),
            told=values,
            made_on=desk.today,
            made_by=desk.actor.email,
            made_at=desk.now,
        )
        given: dict[str, Any] = {"media_type": "application/pdf", "agency_id": None, "actor": desk.actor}
        pdf = rendered(template, letter)
        kept = store_file(session, desk.store, pdf, name=f"{letter.ref}.pdf", **given, now=desk.now)
        letter.sha256 = kept.sha256
        session.add(letter)
        made.append(letter)
    session.flush()
    return made


def rendered(template: LetterTemplate, letter: Letter) -> bytes:
    """The letter's PDF, made from what is kept of it: the same bytes every time."""
    return pdf_of(
        ref=letter.ref,
        template=name_of(template),
        language=template.language,
        subject=template.subject,
        body=template.body,
        to_name=letter.to_name,
        to_address=letter.to_address,
        made_on=letter.made_on,
        values=letter.told,
    )


def _next_number(session: Session, year: int) -> int:
    session.scalar(select(func.pg_advisory_xact_lock(NUMBERS_LOCK, year)))
    return (session.scalar(select(func.max(Letter.number)).where(Letter.year == year)) or 0) + 1


def address_of(account: LoanAccount) -> str:
    place = " ".join(part for part in (account.city, account.pincode) if part)
    return "\n".join(part for part in (account.address, place) if part)


def values_of(session: Session, account: LoanAccount, today: date, *, case: LegalCase | None = None) -> dict[str, str]:
    """Everything a letter about this account can say, as text; what is not known is left out."""
    minor = {"total_due": account.latest_total_minor, "overdue": account.latest_overdue_minor}
    values = {
        "borrower_name": account.customer_name,
        "loan_account_no": account.loan_account_no,
        "product": account.product,
        "lender_name": lender(session).name,
        "today": said(today),
        "balance_on": said(account.latest_as_of) if account.latest_as_of else "",
        **{name: shown(each, account.currency) for name, each in minor.items() if each is not None},
        **_of_holder(session, account, today),
        **_of_compromise(session, account),
    }
    return {
        name: value
        for name, value in (values | (_of_case(session, case, account, today) if case else {})).items()
        if value
    }


def _of_case(session: Session, case: LegalCase, account: LoanAccount, today: date) -> dict[str, str]:
    kind = STEPS[case.kind]
    numbers = settings_on(session, "legal.", today).get(kind.setting, {})
    days = numbers.get("pay_days") or numbers.get("answer_days")
    values = {"case_ref": ref_of(case.id), "days_to_pay": str(days) if days else ""}
    for code, fact in latest_facts(session, [case.id]).get(case.id, {}).items():
        known = kind.fact(code)
        if known is None or code not in OF_FACTS or not fact.value:
            continue
        value = read_value(known.answer, fact.value)
        if known.answer == DAY:
            values[OF_FACTS[code]] = said(value)
        elif known.answer == AMOUNT:
            values[OF_FACTS[code]] = shown(value, account.currency)
    return values


def _of_holder(session: Session, account: LoanAccount, today: date) -> dict[str, str]:
    query = (
        select(Agency.legal_name, Allocation.to_on)
        .join(Agency, Agency.id == Allocation.agency_id)
        .where(Allocation.loan_account_id == account.id, Allocation.from_on <= today)
        .where(Allocation.to_on.is_(None) | (Allocation.to_on >= today))
    )
    row = session.execute(query.order_by(Allocation.stream, Allocation.id).limit(1)).first()
    if row is None:
        return {}
    return {"agency_name": row.legal_name, "agency_until": said(row.to_on) if row.to_on else ""}


def _of_compromise(session: Session, account: LoanAccount) -> dict[str, str]:
    query = select(OneTimeSettlement).where(
        OneTimeSettlement.loan_account_id == account.id, OneTimeSettlement.status == "approved"
    )
    found = session.scalars(query.order_by(OneTimeSettlement.from_on.desc()).limit(1)).first()
    if found is None:
        return {}
    return {"settled_sum": shown(found.agreed_minor, found.currency), "settled_on": said(found.from_on)}


def find_letter(session: Session, letter_id: int) -> Letter:
    found = session.get(Letter, letter_id)
    if found is None:
        raise NotFound("There is no such letter.")
    return found


def _tell(session: Session, ref: str, data: dict[str, Any], desk: Desk) -> None:
    given: dict[str, Any] = {"subject_type": "letter", "subject_ref": ref, "now": desk.now, "data": data}
    record_event(session, AuditTag.LETTERS_MADE, actor=desk.actor, **given)
