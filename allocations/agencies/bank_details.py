"""Where an agency is paid: versions proposed by one person and decided by another, looked up at the bank, and rested before first use.

Nothing is paid to a version before `usable_from`. The contacts the agency had before are told of every proposal and decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from allocations.agencies.call_backs import why_not_called
from allocations.agencies.dated_settings import setting_on
from allocations.agencies.identifiers import ifsc_fault
from allocations.agencies.models import NAME_CHECKS, Agency, AgencyBankDetail, Lender
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import Invalid, NotFound, Problem, Refused, Stale
from portal.kernel.notice_jobs import ask_to_send
from portal.kernel.notices import tell
from portal.kernel.persons import same_person
from portal.kernel.proposals import LONGEST_REASON, SHORTEST_REASON

COOLING, FIRST_COOLING = "bank_detail.cooling_hours", "bank_detail.first_cooling_hours"
OWNERS = text("select email from users where agency_id = :agency and role = 'agency_owner' and is_enabled")
FOUND = tuple(each for each in NAME_CHECKS if each != "not_attempted")
NEEDS_REASON: Mapping[str, str] = {
    "not_attempted": "Nobody asked the bank whose account it is.",
    "mismatch": "The bank knows the account under another name.",
    "failed": "The bank could not say whose account it is.",
}


def bank_detail_problems(account_no: str, ifsc: str, account_holder: str, country: str) -> Iterable[Problem]:
    """Everything wrong with where an agency wants to be paid; all three parts belong together."""
    parts = {"bank_account_no": account_no, "ifsc": ifsc, "account_holder": account_holder}
    for name, value in parts.items():
        if not value:
            message = f"{name} is empty although other bank details are given."
            yield Problem("bank_details_incomplete", message, "Give all three or none.", column=name)
    if ifsc and country == "IN" and (fault := ifsc_fault(ifsc)):
        yield Problem("bad_ifsc", fault, "Copy it from a cheque of that account.", column="ifsc", value=ifsc)


def versions(session: Session, agency_id: int) -> list[AgencyBankDetail]:
    """Every version, the newest first."""
    query = select(AgencyBankDetail).where(AgencyBankDetail.agency_id == agency_id)
    return list(session.scalars(query.order_by(AgencyBankDetail.version.desc())))


def current(session: Session, agency_id: int) -> AgencyBankDetail | None:
    """The newest approved version, rested or not."""
    return next((each for each in versions(session, agency_id) if each.status == "approved"), None)


def usable_detail(session: Session, agency_id: int, *, now: datetime) -> AgencyBankDetail | None:
    """The version that may be paid to now: the newest approved one, once it has rested. None when there is none."""
    found = current(session, agency_id)
    return found if found and is_rested(found, now) else None


def why_not_usable(session: Session, agency_id: int, *, now: datetime) -> str:
    """Why an agency cannot be paid now; empty when it can."""
    found = current(session, agency_id)
    if found is None:
        return "The agency has no approved bank details."
    if is_rested(found, now) or found.usable_from is None:
        return ""
    until = found.usable_from.astimezone(BANK_ZONE)
    return f"Its bank details changed: version {found.version} may be paid to from {until:%d %b %Y, %H:%M} on."


def is_rested(detail: AgencyBankDetail, now: datetime) -> bool:
    return detail.usable_from is None or detail.usable_from <= now


# --- proposing


def propose_bank_detail(
    session: Session,
    agency: Agency,
    account_no: str,
    ifsc: str,
    account_holder: str,
    *,
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> AgencyBankDetail | None:
    """Add a version of an agency's bank details; None when the newest one says the same.

    The first version a bank enters comes with the empanelment and holds at once; every later one, and every one an agency proposes
    itself, waits for a checker. Raises Invalid.
    """
    problems = list(bank_detail_problems(account_no, ifsc, account_holder, agency.country))
    if len(reason) > LONGEST_REASON:
        problems.append(Problem("too_long", f"At most {LONGEST_REASON} letters.", column="reason"))
    if problems:
        raise Invalid(problems)
    known = versions(session, agency.id)
    newest = known[0] if known else None
    same = newest and (newest.account_no, newest.ifsc, newest.account_holder) == (account_no, ifsc, account_holder)
    if same and newest is not None and newest.status != "rejected":
        return None
    holds = newest is None and actor.agency_id is None
    detail = AgencyBankDetail(
        agency_id=agency.id,
        version=newest.version + 1 if newest else 1,
        account_no=account_no,
        ifsc=ifsc,
        account_holder=account_holder,
        status="approved" if holds else "proposed",
        proposed_by=actor.email,
        proposed_at=now,
        reason=reason.strip(),
        usable_from=now + _cooling(session, FIRST_COOLING, now) if holds else None,
    )
    session.add(detail)
    session.flush()
    _record(session, agency, detail, actor, now)
    if not holds:
        _tell(session, agency, detail, "proposed", actor, now)
    return detail


def _cooling(session: Session, code: str, now: datetime) -> timedelta:
    try:
        hours = setting_on(session, code, now.astimezone(BANK_ZONE).date())
    except KeyError:
        hours = 0
    return timedelta(hours=int(hours))


# --- what the bank says of it


def record_name_check(
    session: Session, agency: Agency, version: int, result: str, name_at_bank: str, *, actor: Actor, now: datetime
) -> AgencyBankDetail:
    """Keep what the beneficiary's bank said of account and name. Refused once it is decided: then it says what was known."""
    if result not in FOUND:
        raise Invalid(Problem("bad_result", f"{result!r} is no answer of a bank.", column="result"))
    name = " ".join(name_at_bank.split())
    if result in ("partial", "mismatch", "exact") and not name:
        cure = "Copy it as the look-up shows it."
        raise Invalid(Problem("missing_name", "Give the name at the bank.", cure, column="name_at_bank"))
    detail = waiting(session, agency, version)
    detail.name_check, detail.name_at_bank = result, name
    detail.name_checked_at, detail.name_checked_by = now, actor.email
    session.flush()
    _record(session, agency, detail, actor, now)
    return detail


@dataclass(frozen=True, slots=True)
class Sharer:
    """Somebody else with the same account: an agency, or the lender itself (no code)."""

    code: str
    name: str


def shared_with(session: Session, detail: AgencyBankDetail) -> list[Sharer]:
    """Other agencies that are or want to be paid to the same account of the same bank, and the lender if it is its own."""
    number, bank = account_key(detail.account_no), detail.ifsc[:4].upper()
    theirs = func.ltrim(func.regexp_replace(AgencyBankDetail.account_no, "[^0-9A-Za-z]", "", "g"), "0")
    query = (
        select(Agency.code, Agency.legal_name)
        .join(AgencyBankDetail, AgencyBankDetail.agency_id == Agency.id)
        .where(AgencyBankDetail.agency_id != detail.agency_id, AgencyBankDetail.status != "rejected")
        .where(func.upper(theirs) == number, func.upper(func.substr(AgencyBankDetail.ifsc, 1, 4)) == bank)
        .distinct()
        .order_by(Agency.code)
    )
    found = [Sharer(code, name) for code, name in session.execute(query)]
    for lender in session.scalars(select(Lender)):
        if account_key(lender.debit_account_no) == number and lender.debit_ifsc[:4].upper() == bank:
            found.append(Sharer("", lender.name))
    return found


def account_key(account_no: str) -> str:
    """An account number as it is compared: letters and digits alone, without leading zeros."""
    return "".join(each for each in account_no if each.isascii() and each.isalnum()).lstrip("0").upper()


# --- deciding


def waiting(session: Session, agency: Agency, version: int) -> AgencyBankDetail:
    """A proposed version, locked. NotFound when there is none such, Stale when it is decided."""
    query = select(AgencyBankDetail).where(AgencyBankDetail.agency_id == agency.id, AgencyBankDetail.version == version)
    detail = session.scalars(query.with_for_update().execution_options(populate_existing=True)).first()
    if detail is None:
        raise NotFound("There are no such bank details.")
    if detail.status != "proposed":
        raise Stale("These bank details no longer wait for a decision.")
    return detail


def decide_bank_detail(
    session: Session, agency: Agency, version: int, *, approve: bool, reason: str = "", actor: Actor, now: datetime
) -> AgencyBankDetail:
    """Another person accepts or turns down proposed bank details; accepted ones rest until `usable_from`.

    Refused to who proposed them, under any account, and where something stands against them; Invalid without the reason that a
    rejection, a name that does not fit, or an account somebody else is paid to asks for.
    """
    detail = waiting(session, agency, version)
    if same_person(session, detail.proposed_by, actor.email):
        raise Refused("You proposed these bank details; a different person must approve them.", code="is_not_the_maker")
    if approve:
        _refuse_unfit(session, agency, detail)
    first = current(session, agency.id) is None
    wanting = why_not_called(session, detail, now.astimezone(BANK_ZONE).date(), is_first=first) if approve else None
    if wanting:
        raise Refused(wanting[0], code="not_called_back", cure=wanting[1])
    if problems := list(_reason_problems(session, detail, approve, reason)):
        raise Invalid(problems)
    detail.status = "approved" if approve else "rejected"
    detail.approved_by, detail.approved_at = actor.email, now
    detail.decision_reason = reason.strip() or None
    if approve:
        detail.usable_from = now + _cooling(session, FIRST_COOLING if first else COOLING, now)
    session.flush()
    _record(session, agency, detail, actor, now)
    _tell(session, agency, detail, detail.status, actor, now)
    return detail


def _refuse_unfit(session: Session, agency: Agency, detail: AgencyBankDetail) -> None:
    newest = versions(session, agency.id)[0]
    if newest.version != detail.version:
        message = f"Version {newest.version} was proposed since."
        raise Refused(message, code="not_the_newest", cure="Turn this one down, and decide on the newer one.")
    if detail.name_check == "inactive":
        cure = "Turn it down, and ask the agency for another account."
        raise Refused("The bank says that this account is not in use.", code="inactive_account", cure=cure)


def _reason_problems(session: Session, detail: AgencyBankDetail, approve: bool, reason: str) -> Iterator[Problem]:
    if SHORTEST_REASON <= len(reason.strip()) <= LONGEST_REASON:
        return
    cure = f"3 to {LONGEST_REASON} letters, for the record."
    if not approve:
        yield Problem("reason_needed", "Say why they are turned down.", cure, column="reason")
    elif why := why_reason(session, detail):
        yield Problem("reason_needed", f"{why} Say why you approve it all the same.", cure, column="reason")


def why_reason(session: Session, detail: AgencyBankDetail) -> str:
    """Why an approval of this version needs a reason; empty when it needs none."""
    if sharers := shared_with(session, detail):
        return f"{', '.join(each.name for each in sharers)} has the same account."
    return NEEDS_REASON.get(detail.name_check, "")


# --- its record


def _record(session: Session, agency: Agency, detail: AgencyBankDetail, actor: Actor, now: datetime) -> None:
    record_event(
        session,
        AuditTag.AGENCY_BANK_DETAIL_CHANGED,
        actor=actor,
        subject_type="agency",
        subject_ref=agency.code,
        agency_id=agency.id,
        now=now,
        data={
            "version": detail.version,
            "status": detail.status,
            "name_check": detail.name_check,
            "usable_from": detail.usable_from,
            "reason": detail.decision_reason or detail.reason,
        },
    )


LETTERS = {
    "proposed": (
        "Somebody wants your bank details changed",
        "asks that {agency} be paid to the account {account} ({ifsc}) from now on. Another person at the bank decides.",
    ),
    "approved": (
        "Your bank details have changed",
        "approved that {agency} is paid to the account {account} ({ifsc}), from {usable} on.",
    ),
    "rejected": (
        "Your bank details stay as they are",
        "turned down that {agency} be paid to the account {account} ({ifsc}). Reason: {reason}",
    ),
}
ALARM = "If this is not of your doing, call the bank at once, on the number you have always used.\n"


def _tell(session: Session, agency: Agency, detail: AgencyBankDetail, event: str, actor: Actor, now: datetime) -> None:
    """A letter to every contact from before the change: the agency's own address and its owners'. Never the whole number."""
    subject, said = LETTERS[event]
    usable = (detail.usable_from or now).astimezone(BANK_ZONE)
    words = said.format(
        agency=agency.legal_name,
        account="•••• " + detail.account_no[-4:],
        ifsc=detail.ifsc,
        usable=f"{usable:%d %B %Y, %H:%M}",
        reason=detail.decision_reason or "none given",
    )
    body = f"{actor.email} {words}\n\n{ALARM}"
    to = [agency.email, *session.scalars(OWNERS, {"agency": agency.id})]
    about, key = notice_ref(agency, detail), f"bank-detail:{agency.code}:{detail.version}:{event}"
    if tell(session, key, to, subject, body, about_ref=about, agency_id=agency.id, now=now):
        ask_to_send(session, actor=actor, now=now)


def notice_ref(agency: Agency, detail: AgencyBankDetail) -> str:
    """What letters about a version are filed under."""
    return f"{agency.code}/bank-details/{detail.version}"
