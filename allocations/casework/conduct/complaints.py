"""The register of complaints: written down, attached to an account, answered by the agency, decided by two people, closed.

A complaint that is attached holds: its account may not be worked (a hold of cause "complaint"), and payouts leave its agency's money for
the account unpaid while `is_holding`. Both end with it. The account's hold stops work alone: what keeps money back is the complaint
itself, so that closing it gives back every day of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from allocations.agencies.models import Agency, Agent
from allocations.agencies.taking_in import NO_FILE, KeptFile
from allocations.casework.conduct.lifecycle import CHANNELS, ENDED, TOLD_CHANNELS, decision_problems, telling_problems
from allocations.casework.conduct.models import Complaint, ComplaintMessage
from allocations.placements.models import Allocation, LoanAccount
from allocations.placements.service import lift_holds_of, put_on_hold
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, Problem, Refused
from portal.kernel.money import plain
from portal.kernel.notices import tell
from portal.kernel.persons import same_person
from portal.kernel.proposals import Proposals, message_problems, reason_problems

CAUSE = "complaint"
ANSWER_DAYS, AGENCY_DAYS, PUBLIC_PAGE = "complaint.answer_days", "complaint.agency_days", "complaint.public_page"
NUMBERED = text("select pg_advisory_xact_lock(hashtext('complaint numbers'))")
CURES = {"closed": "Write down a new one.", "set_aside": "Write it down anew if it was one of ours after all."}


def _facts(found: Complaint) -> dict[str, Any]:
    told = {"channel": found.channel, "category": found.category, "severity": found.severity, "due": found.due_on}
    told |= {"holding": found.is_holding, "finding": found.finding}
    paid = plain(found.compensation_minor, found.currency) if found.compensation_minor else None
    return {**told, "compensation": paid}


PROPOSALS = Proposals(
    *(Complaint, "a complaint", AuditTag.COMPLAINT_MOVED, "complaint"),
    ref=lambda found: found.ref,
    named=lambda found: f"Complaint {found.ref}",
    facts=_facts,
    cures=CURES,
)


@dataclass(frozen=True, slots=True)
class Told:
    """A complaint as somebody tells it. `account_no` is what they say the account is; an agency and agent only where they are known."""

    channel: str
    category: str
    severity: str
    words: str
    complainant: str = ""
    contact: str = ""
    account_no: str = ""
    agency_code: str = ""
    agent_code: str = ""
    contact_id: int | None = None  # of the bank's own finding (contact_cases.py)


@dataclass(frozen=True, slots=True)
class About:
    """The account, agency and agent a complaint is about."""

    account: LoanAccount
    agency: Agency | None = None
    agent: Agent | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """What was found, what the borrower gets for it (minor units), why it happened and what is done about it."""

    finding: str
    reason: str
    compensation_minor: int | None = 0
    root_cause: str = ""
    action: str = ""


def open_complaint(session: Session, told: Told, *, actor: Actor, now: datetime, today: date) -> Complaint:
    """Write a complaint down; one with an account holds from this moment. Invalid with every problem."""
    channels = CHANNELS if told.contact_id else TOLD_CHANNELS
    problems = list(telling_problems(told.channel, told.category, told.severity, told.words, channels))
    about = None
    if told.account_no.strip():
        about = _about(session, told.account_no, told.agency_code, told.agent_code, today, problems)
    if problems:
        raise Invalid(problems)
    made = _keep(session, told, actor, now, today)
    if about:
        _attach(session, made, about, actor, now, today)
    PROPOSALS.tell(session, made, "receive", "", actor, now)
    return made


def receive(session: Session, told: Told, *, actor: Actor, now: datetime, today: date) -> Complaint:
    """Take a complaint in from the public page: nothing it says is looked up, and nothing is held until a person attaches it."""
    if problems := list(telling_problems(told.channel, told.category, told.severity, told.words)):
        raise Invalid(problems)
    made = _keep(session, told, actor, now, today)
    PROPOSALS.tell(session, made, "receive", "", actor, now)
    return made


def _keep(session: Session, told: Told, actor: Actor, now: datetime, today: date) -> Complaint:
    made = Complaint(
        ref=_next_ref(session, today),
        received_at=now,
        channel=told.channel,
        category=told.category,
        severity=told.severity,
        words=told.words.strip(),
        complainant=told.complainant.strip(),
        complainant_contact=told.contact.strip(),
        told_account_no=told.account_no.strip(),
        contact_id=told.contact_id,
        due_on=today + timedelta(days=int(setting_on(session, ANSWER_DAYS, today))),
        opened_by=actor.email,
        opened_at=now,
    )
    session.add(made)
    session.flush()
    return made


def _next_ref(session: Session, today: date) -> str:
    """Numbers of a year without gaps: nobody can leave a complaint out of the register unseen."""
    session.execute(NUMBERED)
    prefix = f"C-{today.year}-"
    count = session.scalar(select(func.count()).where(Complaint.ref.startswith(prefix))) or 0
    return f"{prefix}{count + 1:05d}"


def load(session: Session, ref: str, *, locked: bool = True) -> Complaint:
    """A complaint in the bank's scope; NotFound when there is none."""
    return PROPOSALS.load(session, locked=locked, ref=ref)


# --- what it is about


def attach(
    session: Session,
    found: Complaint,
    account_no: str,
    agency_code: str = "",
    agent_code: str = "",
    *,
    actor: Actor,
    now: datetime,
    today: date,
) -> None:
    """Say which account, agency and agent it is about: from now on it holds. Refused when it was said before."""
    _refuse_ended(found)
    if found.loan_account_id is not None:
        raise Refused(
            f"{found.ref} is attached already.", code="attached", cure="Have it decided, and write down a new one."
        )
    problems: list[Problem] = []
    about = _about(session, account_no, agency_code, agent_code, today, problems)
    if about is None or problems:
        raise Invalid(problems)
    _attach(session, found, about, actor, now, today)
    PROPOSALS.tell(session, found, "attach", found.status, actor, now)


def _about(
    session: Session, account_no: str, agency_code: str, agent_code: str, today: date, problems: list[Problem]
) -> About | None:
    """What the words name; every one that is unknown is a problem. Without an agency: who holds the account, or held it last."""
    account = session.scalars(select(LoanAccount).where(LoanAccount.loan_account_no == account_no.strip())).first()
    if account is None:
        cure = "Check the number; leave it out when it is not known yet."
        problems.append(
            Problem("unknown_account", "There is no such account.", cure, column="account", value=account_no)
        )
        return None
    agency = _agency(session, account, agency_code.strip(), problems)
    agent = None
    if agent_code.strip():
        query = select(Agent).where(
            Agent.code == agent_code.strip(), Agent.agency_id == (agency.id if agency else None)
        )
        agent = session.scalars(query).first()
        if agent is None:
            problems.append(
                Problem("unknown_agent", "The agency has no such agent.", "Check the code.", column="agent")
            )
    return About(account, agency, agent)


def _agency(session: Session, account: LoanAccount, code: str, problems: list[Problem]) -> Agency | None:
    held = select(Agency).join(Allocation, Allocation.agency_id == Agency.id)
    held = held.where(Allocation.loan_account_id == account.id).order_by(
        Allocation.from_on.desc(), Allocation.id.desc()
    )
    if not code:
        return session.scalars(held).first()
    agency = session.scalars(held.where(Agency.code == code)).first()
    if agency is None:
        message = f"{code} never held this account."
        problems.append(Problem("not_allocated", message, "Leave it out to name who holds it.", column="agency"))
    return agency


def _attach(session: Session, found: Complaint, about: About, actor: Actor, now: datetime, today: date) -> None:
    found.loan_account_id = about.account.id
    found.agency_id = about.agency.id if about.agency else None
    found.agent_id = about.agent.id if about.agent else None
    found.is_holding = True
    if about.agency:
        found.currency = about.agency.currency
    session.flush()
    put_on_hold(
        session,
        about.account,
        reason=f"Complaint {found.ref}",
        from_on=today,
        to_on=None,
        effect="no_work",
        cause=CAUSE,
        cause_ref=found.ref,
        actor=actor,
        now=now,
    )


def release(session: Session, found: Complaint, *, actor: Actor, now: datetime, today: date) -> None:
    """End what it holds: the account may be worked from tomorrow on, and its money is earned by the next run."""
    if found.is_holding:
        found.is_holding = False
        session.flush()
        reason = f"Complaint {found.ref} ended"
        lift_holds_of(session, CAUSE, found.ref, on=today, actor=actor, now=now, reason=reason)


# --- its steps


def acknowledge(session: Session, found: Complaint, *, actor: Actor, now: datetime) -> None:
    """Somebody read it and the complainant knows."""
    PROPOSALS.move(session, found, "acknowledge", actor=actor, now=now)


def investigate(
    session: Session, found: Complaint, told_agency: str, *, actor: Actor, now: datetime, today: date
) -> None:
    """Begin, and tell the agency what it must answer, in words that name nobody. Invalid without words where there is an agency."""
    PROPOSALS.next_status(found, "investigate")
    if found.agency_id is not None:
        cure = "Say what happened and when; leave out who complained and how to reach them."
        if problems := list(
            reason_problems(told_agency[:500], "Say what the agency must answer.", cure, column="told")
        ):
            raise Invalid(problems)
        found.told_agency, found.told_at = told_agency.strip()[:2000], now
        found.agency_due_on = min(
            today + timedelta(days=int(setting_on(session, AGENCY_DAYS, today))), max(found.due_on, today)
        )
    PROPOSALS.move(session, found, "investigate", actor=actor, now=now)
    if found.agency_id is not None:
        _tell_agency(session, found, now)


def _tell_agency(session: Session, found: Complaint, now: datetime) -> None:
    agency = session.get_one(Agency, found.agency_id)
    subject = f"Complaint {found.ref}: your answer is due by {found.agency_due_on:%-d %B %Y}"
    # What is asked stands on the page alone: a letter travels through other people's machines.
    body = "Sign in; it stands under Complaints. Until it is closed the account rests and its commission waits.\n"
    about = {"about_ref": found.ref, "agency_id": agency.id, "now": now}
    tell(session, f"complaint:{found.ref}:told", [agency.email], subject, body, **about)  # type: ignore[arg-type]


def propose_decision(session: Session, found: Complaint, decision: Decision, *, actor: Actor, now: datetime) -> None:
    """One person says what was found; another decides. Invalid with every problem."""
    PROPOSALS.next_status(found, "propose")
    told = (decision.finding, decision.compensation_minor, decision.root_cause, decision.action, decision.reason)
    if problems := list(decision_problems(*told)):
        raise Invalid(problems)
    found.finding, found.compensation_minor = decision.finding, decision.compensation_minor or 0
    found.root_cause, found.action = decision.root_cause.strip(), decision.action.strip()
    found.proposal_reason, found.proposed_by, found.proposed_at = decision.reason.strip(), actor.email, now
    with session.no_autoflush:
        PROPOSALS.move(session, found, "propose", reason=decision.reason.strip(), actor=actor, now=now)


def send_back(session: Session, found: Complaint, reason: str, *, actor: Actor, now: datetime) -> None:
    """The second person does not agree: it is looked into again."""
    PROPOSALS.next_status(found, "return")
    if problems := list(reason_problems(reason, "Say what must be looked at again.")):
        raise Invalid(problems)
    _refuse_proposer(session, found, actor)
    found.finding, found.compensation_minor, found.root_cause, found.action = None, 0, "", ""
    found.proposal_reason = f"Sent back by {actor.email}: {reason.strip()[:450]}"
    found.proposed_by = found.proposed_at = None
    with session.no_autoflush:
        PROPOSALS.move(session, found, "return", reason=reason.strip(), actor=actor, now=now)


def decide(
    session: Session, found: Complaint, *, expected: str, reason: str = "", actor: Actor, now: datetime, today: date
) -> None:
    """Another person decides what was proposed and shown (`expected` finding). What is frivolous stops holding at once."""
    PROPOSALS.next_status(found, "decide")
    _refuse_proposer(session, found, actor)
    if found.finding != expected:
        raise Refused("Something else is proposed by now.", code="stale", cure="Open it again and decide anew.")
    with session.no_autoflush:
        PROPOSALS.decide(
            session, found, "decide", reason=reason.strip() or found.proposal_reason or "", actor=actor, now=now
        )
    if found.finding == "frivolous":
        release(session, found, actor=actor, now=now, today=today)


def close(session: Session, found: Complaint, *, actor: Actor, now: datetime, today: date) -> None:
    """The complainant has the answer: everything it holds is let go."""
    PROPOSALS.next_status(found, "close")
    release(session, found, actor=actor, now=now, today=today)
    found.closed_by, found.closed_at = actor.email, now
    PROPOSALS.move(session, found, "close", actor=actor, now=now)


def set_aside(session: Session, found: Complaint, reason: str, *, actor: Actor, now: datetime, today: date) -> None:
    """It is no complaint of ours (spam, another bank's). Refused once somebody has taken it up, or while it holds: what lets go of an
    account and its money is a decision of two people."""
    PROPOSALS.next_status(found, "set_aside")
    if found.is_holding:
        cure = "Look into it; what is frivolous is decided by two people, and lets go at once."
        raise Refused(f"{found.ref} is about an account of ours, and holds.", code="holds", cure=cure)
    if problems := list(reason_problems(reason, "Say why it is none of ours.")):
        raise Invalid(problems)
    release(session, found, actor=actor, now=now, today=today)
    found.decision_reason, found.closed_by, found.closed_at = reason.strip(), actor.email, now
    PROPOSALS.move(session, found, "set_aside", reason=reason.strip(), actor=actor, now=now)


def _refuse_proposer(session: Session, found: Complaint, actor: Actor) -> None:
    if same_person(session, actor.email, found.proposed_by):
        message = "You proposed what was found; another person decides."
        raise Refused(message, code="is_not_the_maker", cure="Ask another approver.")


def _refuse_ended(found: Complaint) -> None:
    if found.status in ENDED:
        raise Refused(f"{found.ref} is {found.status.replace('_', ' ')}.", code="not_open", cure=CURES[found.status])


# --- what is said to it


@dataclass(frozen=True, slots=True)
class Subject:
    """As much of a complaint as writing to it needs: an agency's session reads no more."""

    id: int
    ref: str
    agency_id: int | None
    status: str


def subject_of(found: Complaint) -> Subject:
    return Subject(found.id, found.ref, found.agency_id, found.status)


def write(
    session: Session,
    about: Subject,
    body: str,
    *,
    side: str,
    for_agency: bool = False,
    file: KeptFile = NO_FILE,
    actor: Actor,
    now: datetime,
) -> ComplaintMessage:
    """Add words or a file. An agency's first words move its complaint to "answered"; the database does that.

    Refused once it is decided; Invalid when there is neither a word nor a file, or too many words.
    """
    if about.status in (*ENDED, "decided"):
        raise Refused(f"Complaint {about.ref} is decided; nothing is added to it.", code="not_open")
    if problems := list(message_problems(body, most=2000, with_file=file.sha256 is not None)):
        raise Invalid(problems)
    message = ComplaintMessage(
        complaint_id=about.id,
        agency_id=about.agency_id,
        side=side,
        for_agency=for_agency,
        author=actor.email,
        body=body.strip(),
        file_sha256=file.sha256,
        file_name=file.name,
        at=now,
    )
    session.add(message)
    session.flush()
    record_event(
        session,
        AuditTag.COMPLAINT_ANSWERED,
        actor=actor,
        subject_type="complaint",
        subject_ref=about.ref,
        agency_id=about.agency_id,
        now=now,
        data={"side": side, "file": file.sha256},
    )
    return message
