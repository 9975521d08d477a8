"""Fraud cases: suspected, put to the agency, answered, and classified or cleared by two people. Agencies see the notice alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from allocations.agencies.dated_settings import setting_on
from allocations.agencies.models import Agency
from allocations.agencies.taking_in import NO_FILE, KeptFile
from allocations.casework.conduct.flags import load as load_flag
from allocations.casework.conduct.flags import move_flag
from allocations.casework.conduct.fraud_models import FraudCase, FraudReply
from allocations.casework.conduct.fraud_rules import FINDINGS, OPEN, case_problems, why_not_propose
from allocations.placements.models import LoanAccount
from allocations.placements.service import lift_holds_of, put_on_hold
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.money import plain
from portal.kernel.notices import tell
from portal.kernel.persons import same_person
from portal.kernel.proposals import Proposals, message_problems, reason_problems

CAUSE, REPLY_DAYS, REPORT_DAYS = "fraud", "fraud.reply_days", "fraud.report_days"
NUMBERED = text("select pg_advisory_xact_lock(hashtext('fraud numbers'))")


def _facts(found: FraudCase) -> dict[str, Any]:
    amount = plain(found.amount_minor, found.currency) if found.amount_minor else None
    return {"kind": found.kind, "amount": amount, "finding": found.finding, "until": found.reply_until}


PROPOSALS = Proposals(
    *(FraudCase, "a fraud case", AuditTag.FRAUD_MOVED, "fraud_case"),
    ref=lambda found: found.ref,
    named=lambda found: f"Case {found.ref}",
    facts=_facts,
)


@dataclass(frozen=True, slots=True)
class Told:
    """A suspicion as it is written down; the amount in minor units."""

    kind: str
    words: str
    agency_code: str
    agent_code: str = ""
    account_no: str = ""
    receipts: str = ""
    amount_minor: int | None = None


def open_case(
    session: Session, told: Told, *, flag_id: int | None = None, actor: Actor, now: datetime, today: date
) -> FraudCase:
    """Write a suspicion down; its account, if one is named, rests. From a flag, the flag becomes this case. Invalid with every problem."""
    problems = list(case_problems(told.kind, told.words, told.amount_minor))
    agency = session.scalars(select(Agency).where(Agency.code == told.agency_code.strip())).first()
    if agency is None:
        problems.append(Problem("unknown_agency", "There is no such agency.", "Give its code.", column="agency"))
    account = None
    if told.account_no.strip():
        account = session.scalars(
            select(LoanAccount).where(LoanAccount.loan_account_no == told.account_no.strip())
        ).first()
        if account is None:
            problems.append(Problem("unknown_account", "There is no such account.", "Check it.", column="account"))
    if problems:
        raise Invalid(problems)
    assert agency is not None
    made = FraudCase(
        ref=_next_ref(session, today),
        kind=told.kind,
        words=told.words.strip(),
        agency_id=agency.id,
        agent_code=told.agent_code.strip(),
        loan_account_id=account.id if account else None,
        receipts=told.receipts.strip(),
        amount_minor=told.amount_minor or 0,
        currency=agency.currency,
        opened_by=actor.email,
        opened_at=now,
        is_holding=account is not None,
    )
    session.add(made)
    session.flush()
    PROPOSALS.tell(session, made, "suspect", "", actor, now)
    if account:
        held: dict[str, Any] = {
            "from_on": today,
            "to_on": None,
            "effect": "no_work",
            "cause": CAUSE,
            "cause_ref": made.ref,
        }
        put_on_hold(session, account, reason=f"Case {made.ref}", **held, actor=actor, now=now)
    if flag_id is not None:
        if load_flag(session, flag_id).status == "open":
            move_flag(session, flag_id, "take_up", actor=actor, now=now)
        move_flag(session, flag_id, "make_case", f"Case {made.ref}", case_ref=made.ref, actor=actor, now=now)
    return made


def _next_ref(session: Session, today: date) -> str:
    session.execute(NUMBERED)
    prefix = f"F-{today.year}-"
    return f"{prefix}{(session.scalar(select(func.count()).where(FraudCase.ref.startswith(prefix))) or 0) + 1:05d}"


def load(session: Session, ref: str, *, locked: bool = True) -> FraudCase:
    return PROPOSALS.load(session, locked=locked, ref=ref)


def notify(session: Session, found: FraudCase, notice: str, *, actor: Actor, now: datetime, today: date) -> None:
    """Put it to the agency: the show-cause notice, and until when it may be answered."""
    PROPOSALS.next_status(found, "notify")
    cure = "Say what is alleged and what it rests on; the agency reads exactly this."
    if problems := list(reason_problems(notice[:500], "The notice is empty.", cure, column="notice")):
        raise Invalid(problems)
    days = int(setting_on(session, REPLY_DAYS, today))
    found.notice, found.notice_at, found.reply_until = notice.strip()[:4000], now, today + timedelta(days=days)
    with session.no_autoflush:
        PROPOSALS.move(session, found, "notify", actor=actor, now=now)
    agency = session.get_one(Agency, found.agency_id)
    subject = f"Show-cause notice {found.ref}: your answer is due by {found.reply_until:%-d %B %Y}"
    about = {"about_ref": found.ref, "agency_id": agency.id, "now": now}
    # What is alleged is for the owner alone, on the page.
    body = "Sign in as the agency's owner; it stands under Complaints, Notices, and is answered there.\n"
    tell(session, f"fraud:{found.ref}:notice", [agency.email], subject, body, **about)  # type: ignore[arg-type]


def reply(
    session: Session, ref: str, body: str, *, file: KeptFile = NO_FILE, actor: Actor, now: datetime, today: date
) -> FraudReply:
    """An agency answers its notice, in its own scope. Refused after the last day; Invalid when nothing is said."""
    found = own_notice(session, ref)
    if found.status not in ("notice_sent", "replied") or today > found.reply_until:
        raise Refused("This notice is not answered any more.", code="too_late", cure="Write to the bank.")
    if problems := list(message_problems(body, most=4000, with_file=file.sha256 is not None)):
        raise Invalid(problems)
    told: dict[str, Any] = {"author": actor.email, "body": body.strip(), "at": now}
    told |= {"file_sha256": file.sha256, "file_name": file.name}
    made = FraudReply(case_id=found.id, agency_id=found.agency_id, **told)
    session.add(made)
    session.flush()
    record_event(
        session,
        AuditTag.FRAUD_MOVED,
        actor=actor,
        subject_type="fraud_case",
        subject_ref=ref,
        agency_id=found.agency_id,
        now=now,
        data={"action": "reply", "before": found.status, "after": "replied"},
    )
    return made


def propose(
    session: Session, found: FraudCase, finding: str, reason: str, *, actor: Actor, now: datetime, today: date
) -> None:
    """One person says what it was. Fraud only after the notice, and its answer or its last day; Refused before."""
    PROPOSALS.next_status(found, "propose")
    problems = list(reason_problems(reason, "Say what that rests on."))
    if finding not in FINDINGS:
        problems.append(Problem("not_a_choice", "Say what was found.", "Choose fraud or no_fraud.", column="finding"))
    if problems:
        raise Invalid(problems)
    heard = {"noticed": found.notice_at is not None, "replied": found.status == "replied"}
    if why := why_not_propose(finding, **heard, reply_until=found.reply_until, today=today):
        raise Refused(why[0], code="not_heard", cure=why[1])
    found.finding, found.proposal_reason = finding, reason.strip()
    found.proposed_by, found.proposed_at = actor.email, now
    with session.no_autoflush:
        PROPOSALS.move(session, found, "propose", reason=reason.strip(), actor=actor, now=now)


def send_back(session: Session, found: FraudCase, reason: str, *, actor: Actor, now: datetime) -> None:
    action = "return" if found.notice_at else "return_unnotified"
    PROPOSALS.next_status(found, action)
    if problems := list(reason_problems(reason, "Say what must be looked at again.")):
        raise Invalid(problems)
    _refuse_proposer(session, found, actor)
    found.finding = found.proposed_by = found.proposed_at = None
    found.proposal_reason = f"Sent back by {actor.email}: {reason.strip()[:450]}"
    with session.no_autoflush:
        PROPOSALS.move(session, found, action, reason=reason.strip(), actor=actor, now=now)


def decide(
    session: Session, found: FraudCase, *, expected: str, reason: str = "", actor: Actor, now: datetime, today: date
) -> None:
    """Another person agrees to what was proposed and shown. Classified: the clock of the report runs. Cleared: the hold ends."""
    action = "classify" if found.finding == "fraud" else "clear"
    PROPOSALS.next_status(found, action)
    _refuse_proposer(session, found, actor)
    if found.finding != expected:
        raise Refused("Something else is proposed by now.", code="stale", cure="Open it again and decide anew.")
    if action == "classify":
        found.report_due_on = today + timedelta(days=int(setting_on(session, REPORT_DAYS, today)))
    with session.no_autoflush:
        said = reason.strip() or found.proposal_reason or ""
        PROPOSALS.decide(session, found, action, reason=said, actor=actor, now=now)
    if action == "clear" and found.is_holding:
        found.is_holding = False
        lift_holds_of(session, CAUSE, found.ref, on=today, reason=f"Case {found.ref} cleared", actor=actor, now=now)


def record_report(session: Session, found: FraudCase, report_ref: str, *, actor: Actor, now: datetime) -> None:
    """The regulator has been told: under which number. Refused before it is classified, and twice."""
    if found.status != "classified" or found.reported_at is not None:
        raise Refused(f"{found.ref} has no report to enter.", code="no_report")
    if problems := list(reason_problems(report_ref, "Give the report's number.", column="report_ref")):
        raise Invalid(problems)
    found.report_ref, found.reported_by, found.reported_at = report_ref.strip(), actor.email, now
    session.flush()
    PROPOSALS.tell(session, found, "report", found.status, actor, now, report_ref.strip())


def _refuse_proposer(session: Session, found: FraudCase, actor: Actor) -> None:
    if same_person(session, actor.email, found.proposed_by):
        raise Refused(
            "You proposed this; another person decides.", code="is_not_the_maker", cure="Ask another approver."
        )


# --- reading


@dataclass(frozen=True, slots=True)
class Row:
    """A case with the names of what it is about."""

    case: FraudCase
    agency_name: str
    account_no: str | None


def _rows() -> Any:
    return (
        select(FraudCase, Agency.legal_name, LoanAccount.loan_account_no)
        .join(Agency, Agency.id == FraudCase.agency_id)
        .outerjoin(LoanAccount, LoanAccount.id == FraudCase.loan_account_id)
    )


def list_cases(
    session: Session, *, tab: str = "open", after: tuple[Any, ...] | None = None, limit: int = 51
) -> list[Row]:
    """In the bank's scope, the newest first; `after` is (id,)."""
    query = _rows().order_by(FraudCase.id.desc()).limit(limit)
    if tab == "open":
        query = query.where(FraudCase.status.in_(OPEN))
    elif tab == "to_report":
        query = query.where(FraudCase.status == "classified", FraudCase.reported_at.is_(None))
    return [Row(*row) for row in session.execute(query.where(FraudCase.id < after[0]) if after else query)]


def case_row(session: Session, ref: str) -> Row:
    row = session.execute(_rows().where(FraudCase.ref == ref)).first()
    if row is None:
        raise NotFound("There is no such case.")
    return Row(*row)


def replies_of(session: Session, case_id: int) -> Sequence[FraudReply]:
    return session.scalars(select(FraudReply).where(FraudReply.case_id == case_id).order_by(FraudReply.id)).all()


def own_notices(session: Session) -> Sequence[Any]:
    """In an agency's scope: its notices, the newest first, and nothing else of their cases."""
    return session.execute(_own().order_by(FraudCase.id.desc()).limit(200)).all()


def own_notice(session: Session, ref: str) -> Any:
    row = session.execute(_own().where(FraudCase.ref == ref)).first()
    if row is None:
        raise NotFound("There is no such notice.")
    return row


def _own() -> Any:
    found = FraudCase
    return select(found.id, found.ref, found.agency_id, found.notice, found.notice_at, found.reply_until, found.status)
