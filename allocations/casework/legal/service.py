"""What is done with a legal case: opened, its facts entered, its steps taken, filed by two people, put on hold, ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.taking_in import NO_FILE, KeptFile
from allocations.casework.legal.catalogue import KINDS
from allocations.casework.legal.gathering import readiness_of
from allocations.casework.legal.judging import AMOUNT, DAY, DONE, FILE, YES_NO, Fact, Readiness
from allocations.casework.legal.lifecycle import ENDED, OPEN, after
from allocations.casework.legal.models import LegalCase, LegalFact, LegalFiling
from allocations.placements.models import Hold, LoanAccount
from allocations.placements.service import lift_holds_of, put_on_hold
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.proposals import Proposals, reason_problems

FIRST_DAY = date(1950, 1, 1)
LONGEST_TEXT = 500
NEEDS_REASON = frozenset({"reopen", "take_back", "decide", "settle", "withdraw"})
CAUSE = "litigation"


FILINGS = Proposals(
    *(LegalFiling, "a filing", AuditTag.LEGAL_FILING_MOVED, "legal_filing"),
    ref=lambda row: f"{ref_of(row.case_id)}/{row.id}",
    facts=lambda row: {"on": row.filed_on, "file": row.file_sha256},
    reason_cure="The case stays with counsel.",
)


def ref_of(case_id: int) -> str:
    return f"LC{case_id}"


def open_case(
    session: Session, loan_account_no: str, kind: str, *, reason: str, actor: Actor, now: datetime, today: date
) -> LegalCase:
    """Open a case on an account. Raises Invalid with every problem: no such account or kind, or one that runs already."""
    account_no = loan_account_no.strip()
    account = session.scalars(select(LoanAccount).where(LoanAccount.loan_account_no == account_no)).first()
    if account is not None:  # two who open a case on it at once take turns: the second is told of the first
        session.scalar(select(func.pg_advisory_xact_lock(func.hashtext(f"legal case {account.id}"))))
    problems = list(reason_problems(reason, "Say why the case is opened.", "Name the default or the decision."))
    if account is None:
        said = Problem("unknown_account", "There is no such loan account.", "Check it.", column="loan_account_no")
        problems.append(said)
    if kind not in KINDS:
        cure = f"Use one of: {', '.join(KINDS)}."
        problems.append(Problem("bad_kind", f"{kind or 'Nothing'} is no legal step.", cure, column="kind"))
    elif account is not None:
        problems += _running_already(session, account, kind)
    if problems or account is None:
        raise Invalid(problems)
    made = LegalCase(loan_account_id=account.id, kind=kind, reason=reason.strip(), opened_by=actor.email, opened_at=now)
    session.add(made)
    session.flush()
    refresh(session, made, today)
    _tell(session, made, "open", "", reason.strip(), actor, now)
    return made


def _running_already(session: Session, account: LoanAccount, kind: str) -> Iterator[Problem]:
    """One case of a kind at a time; but every returned cheque is a case of its own."""
    query = select(LegalCase.id).where(
        LegalCase.loan_account_id == account.id, LegalCase.kind == kind, LegalCase.status.in_(OPEN)
    )
    running = session.scalar(query.limit(1)) if kind != "s138" else None
    if running:
        message = f"{KINDS[kind].title} runs on this account already: {ref_of(running)}."
        yield Problem("runs_already", message, "Go on with that one.", column="kind")


def load_case(session: Session, case_id: int, *, locked: bool = True) -> LegalCase:
    """The case, locked unless it is only shown. NotFound when there is none."""
    query = select(LegalCase).where(LegalCase.id == case_id)
    if locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = session.scalars(query).first()
    if found is None:
        raise NotFound("There is no such legal case.")
    return found


def enter_fact(
    session: Session,
    case: LegalCase,
    code: str,
    value: str,
    *,
    note: str = "",
    paper: KeptFile = NO_FILE,
    actor: Actor,
    now: datetime,
    today: date,
) -> LegalFact:
    """Enter a fact of a case that `load_case` locked: a day as 2026-11-08, yes or no, minor units. An empty value takes it back.

    Nothing is overwritten: the fact entered last counts. Raises Invalid; Refused once the case has ended.
    """
    if case.status in ENDED:
        raise Refused(f"The case is {case.status}; no fact is added.", code="not_open", cure="Open a new one.")
    fact = KINDS[case.kind].fact(code)
    problems = list(_fact_problems(fact, code, value.strip(), note, today))
    if problems:
        raise Invalid(problems)
    made = LegalFact(
        case_id=case.id,
        code=code,
        value=value.strip(),
        note=note.strip(),
        file_sha256=paper.sha256,
        file_name=paper.name,
        entered_by=actor.email,
        entered_at=now,
    )
    session.add(made)
    session.flush()
    refresh(session, case, today)
    data = {"fact": code, "file": paper.sha256, "due_on": case.due_on}
    _record(session, AuditTag.LEGAL_FACT_ENTERED, case, data, actor, now)
    return made


def _fact_problems(fact: Fact | None, code: str, value: str, note: str, today: date) -> Iterator[Problem]:
    if fact is None:
        yield Problem("unknown_fact", f"{code or 'Nothing'} is no fact of this case.", "Choose one.", column="code")
        return
    if len(note) > LONGEST_TEXT or len(value) > LONGEST_TEXT:
        yield Problem("too_long", "This is too long.", f"{LONGEST_TEXT} letters are the most.", column="value")
        return
    if not value:
        if len(note.strip()) < 3:
            yield Problem("reason_needed", "Say why it is taken back.", "Or enter what it is.", column="note")
        return
    if fact.answer == DAY:
        yield from _day_problems(fact, value, today)
    elif fact.answer == YES_NO and value not in ("yes", "no"):
        yield Problem("not_a_choice", f"{value} is neither yes nor no.", "Say yes or no.", column="value")
    elif fact.answer == AMOUNT and not (value.isascii() and value.isdigit() and 0 < int(value) < 10**15):
        yield Problem("bad_amount", "That is no sum of money.", "Give it in rupees and paise.", column="value")


def _day_problems(fact: Fact, value: str, today: date) -> Iterator[Problem]:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        yield Problem("bad_day", f"{value} is no day.", "Write it as 2026-11-08.", column="value")
        return
    if day < FIRST_DAY:
        yield Problem("bad_day", "That day is too long ago.", "Check the year.", column="value")
    elif day > today and not fact.ahead:
        yield Problem("in_the_future", "That day has not come yet.", "Enter it once it has happened.", column="value")


def move_case(
    session: Session,
    case: LegalCase,
    action: str,
    *,
    reason: str = "",
    counsel: str = "",
    actor: Actor,
    now: datetime,
    today: date,
) -> None:
    """Take a case that `load_case` locked a step on; filing goes through `propose_filing`. Ending it ends its holds.

    Raises Refused when the step leads nowhere from here or it is not ready, Invalid without a reason or counsel's name.
    """
    to = after(case.status, action)
    if action == "file":
        raise Refused("A filing is entered by one person and confirmed by another.", code="needs_two")
    if action in NEEDS_REASON and (problems := list(reason_problems(reason, "Say why, for the record."))):
        raise Invalid(problems)
    if action == "prepare":
        _refuse_unready(readiness_of(session, [case], today)[case.id])
    if action == "send":
        _to_counsel(case, counsel)
    before, case.status = case.status, to
    if to in ENDED:
        case.closed_on, case.outcome = today, reason.strip()
        lift_holds_of(session, CAUSE, ref_of(case.id), on=today, actor=actor, now=now, reason=f"The case is {to}.")
    session.flush()
    _tell(session, case, action, before, reason.strip(), actor, now)


def _refuse_unready(found: Readiness) -> None:
    """Say the first thing that stands in the way, and how many more there are."""
    if found.is_ready:
        return
    stands = [found.dead] if found.dead else [*found.blocked] or [each for each in found.items if each.is_undone]
    first = next(each for each in stands if each is not None)
    more = f" (and {len(stands) - 1} more)" if len(stands) > 1 else ""
    raise Refused(f"{first.label}: {first.says}{more}", code="not_ready", cure=first.cure)


def _to_counsel(case: LegalCase, counsel: str) -> None:
    if not KINDS[case.kind].is_filed:
        cure = "Open the step that follows it, or settle it."
        raise Refused(f"{KINDS[case.kind].title} is filed nowhere.", code="not_filed", cure=cure)
    if not 3 <= len(counsel.strip()) <= 200:
        raise Invalid(Problem("counsel_needed", "Name counsel.", "Whoever files it.", column="counsel"))
    case.counsel = counsel.strip()


def propose_filing(
    session: Session,
    case: LegalCase,
    *,
    forum: str,
    number: str,
    filed_on: date,
    note: str = "",
    paper: KeptFile = NO_FILE,
    actor: Actor,
    now: datetime,
    today: date,
) -> LegalFiling:
    """Say that a case that `load_case` locked was filed. Raises Invalid with every problem, a day out of time among them."""
    after(case.status, "file")
    problems = list(_filing_problems(session, case, forum, number, filed_on, today))
    if paper.sha256 is None:
        problems.append(Problem("paper_needed", "The stamped copy is missing.", "Add it.", column="file"))
    if problems:
        raise Invalid(problems)
    waiting = select(LegalFiling.id).where(LegalFiling.case_id == case.id, LegalFiling.status == "proposed")
    if session.scalar(waiting) is not None:
        raise Refused("A filing of this case waits for another person already.", code="waits_already")
    made = LegalFiling(
        case_id=case.id,
        forum=forum.strip(),
        number=number.strip(),
        filed_on=filed_on,
        note=note.strip(),
        file_sha256=paper.sha256,
        file_name=paper.name,
    )
    return FILINGS.propose(session, made, actor=actor, now=now)


def _filing_problems(
    session: Session, case: LegalCase, forum: str, number: str, filed_on: date, today: date
) -> Iterator[Problem]:
    for column, value in (("forum", forum), ("number", number)):
        if not 2 <= len(value.strip()) <= 200:
            yield Problem("missing_value", f"The {column} is missing.", "Give it.", column=column)
    if filed_on > today:
        yield Problem("in_the_future", "That day has not come yet.", "Check the day.", column="filed_on")
        return
    found = readiness_of(session, [case], today, filed_on={case.id: filed_on})[case.id]
    file = next((each for each in found.items if each.code == FILE), None)
    if file is not None and file.state != DONE:
        yield Problem("out_of_time", f"{file.label}: {file.says}", file.cure, column="filed_on")


def decide_filing(
    session: Session, found: LegalFiling, *, accept: bool, reason: str = "", actor: Actor, now: datetime, today: date
) -> None:
    """Confirm or reject a filing that `FILINGS.load` locked; confirmed, the case is filed. Refused to who entered it.

    Invalid when, by the facts as they stand now, its day is out of time.
    """
    action = "accept" if accept else "reject"
    FILINGS.may_decide(found, action, reason=reason, actor=actor)
    case = load_case(session, found.case_id)
    to = after(case.status, "file") if accept else case.status
    if accept and (problems := list(_filing_problems(session, case, found.forum, found.number, found.filed_on, today))):
        raise Invalid(problems)
    FILINGS.decide(session, found, action, reason=reason, actor=actor, now=now)
    if accept:
        before, case.status = case.status, to
        refresh(session, case, today)
        _tell(session, case, "file", before, reason.strip(), actor, now)


def hold_account(
    session: Session, case: LegalCase, *, effect: str, reason: str, actor: Actor, now: datetime, today: date
) -> Hold:
    """Put the account on hold for as long as the case runs. Refused when it has one of its own already, or has ended."""
    if case.status in ENDED:
        raise Refused("The case has ended; it holds nothing.", code="not_open")
    ref = ref_of(case.id)
    query = select(Hold.id).where(Hold.cause == CAUSE, Hold.cause_ref == ref, Hold.to_on.is_(None))
    if session.scalar(query) is not None:
        raise Refused("The account is on hold for this case already.", code="held_already")
    account = session.get_one(LoanAccount, case.loan_account_id)
    given: dict[str, Any] = {"cause": CAUSE, "cause_ref": ref, "actor": actor, "now": now}
    return put_on_hold(session, account, reason=reason, from_on=today, to_on=None, effect=effect, **given)


def refresh(session: Session, case: LegalCase, today: date) -> None:
    """Keep the first day something runs out beside the case, for lists and letters."""
    case.due_on = readiness_of(session, [case], today)[case.id].due_on if case.status in OPEN else None
    session.flush()


def _tell(
    session: Session, case: LegalCase, action: str, before: str, reason: str, actor: Actor, now: datetime
) -> None:
    data = {"action": action, "kind": case.kind, "before": before, "after": case.status, "reason": reason}
    _record(session, AuditTag.LEGAL_MOVED, case, data, actor, now)


def _record(
    session: Session, tag: AuditTag, case: LegalCase, data: dict[str, Any], actor: Actor, now: datetime
) -> None:
    given: dict[str, Any] = {"subject_type": "legal_case", "subject_ref": ref_of(case.id), "now": now, "data": data}
    record_event(session, tag, actor=actor, **given)
