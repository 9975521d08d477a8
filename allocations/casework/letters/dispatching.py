"""The register of dispatch: how a letter went out, and what became of it. A notice of a legal case enters its day there by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.taking_in import NO_FILE, KeptFile
from allocations.casework.legal.catalogue import KINDS
from allocations.casework.legal.lifecycle import OPEN
from allocations.casework.legal.service import enter_fact, load_case
from allocations.casework.letters.models import CHANNELS, Letter, LetterDispatch, LetterTemplate
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, NotFound, Problem, Refused

OUTCOMES = ("delivered", "returned")
LONGEST = 120


def dispatch(
    session: Session,
    letter: Letter,
    channel: str,
    *,
    sent_on: date,
    tracking_no: str = "",
    proof: KeptFile = NO_FILE,
    actor: Actor,
    now: datetime,
    today: date,
) -> LetterDispatch:
    """Say how a letter went out. Raises Invalid; a notice's day becomes a fact of its case, with the proof or the letter as paper."""
    problems = list(_problems(letter, channel, sent_on, tracking_no, today))
    if problems:
        raise Invalid(problems)
    made = LetterDispatch(
        letter_id=letter.id,
        channel=channel,
        tracking_no=tracking_no.strip(),
        sent_on=sent_on,
        proof_sha256=proof.sha256,
        proof_name=proof.name,
        entered_by=actor.email,
        entered_at=now,
    )
    session.add(made)
    session.flush()
    paper = proof if proof.sha256 else KeptFile(letter.sha256, f"{letter.ref}.pdf")
    _tell_case(session, letter, "notice_sent_on", sent_on, paper, actor=actor, now=now, today=today)
    told = {"action": "send", "channel": channel, "on": sent_on, "file": proof.sha256}
    _record(session, letter, told, actor, now)
    return made


def _problems(letter: Letter, channel: str, sent_on: date, tracking_no: str, today: date) -> Iterator[Problem]:
    if channel not in CHANNELS:
        cure = f"Use one of: {', '.join(CHANNELS)}."
        yield Problem("bad_channel", f"{channel or 'Nothing'} is no way to send a letter.", cure, column="channel")
    if not letter.made_on <= sent_on <= today:
        cure = f"Give a day from {letter.made_on} to {today}."
        yield Problem("bad_day", "It was sent after it was made, and not in the future.", cure, column="sent_on")
    if channel == "courier" and not tracking_no.strip():
        yield Problem("tracking_needed", "A courier gives a number.", "Enter it.", column="tracking_no")
    if len(tracking_no.strip()) > LONGEST:
        yield Problem("too_long", "The number is too long.", f"{LONGEST} letters.", column="tracking_no")


def load_dispatch(session: Session, dispatch_id: int) -> LetterDispatch:
    """One line of the register, locked. NotFound when there is none."""
    query = select(LetterDispatch).where(LetterDispatch.id == dispatch_id).with_for_update()
    found = session.scalars(query.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound("There is no such dispatch.")
    return found


def note_outcome(
    session: Session,
    found: LetterDispatch,
    outcome: str,
    *,
    on: date,
    note: str = "",
    proof: KeptFile = NO_FILE,
    actor: Actor,
    now: datetime,
    today: date,
) -> None:
    """Delivered, or come back; said once. Delivery of a notice becomes the day of service of its case."""
    if found.outcome is not None:
        raise Refused(f"It was {found.outcome} on {found.outcome_on}; that stands.", code="not_open")
    problems = []
    if outcome not in OUTCOMES:
        problems.append(Problem("not_a_choice", "Say what became of it.", "delivered or returned.", column="outcome"))
    if not found.sent_on <= on <= today:
        cure = f"Give a day from {found.sent_on} to {today}."
        problems.append(Problem("bad_day", "Not before it was sent, and not in the future.", cure, column="on"))
    if problems:
        raise Invalid(problems)
    found.outcome, found.outcome_on, found.outcome_note = outcome, on, note.strip()[:500]
    found.outcome_sha256, found.outcome_name, found.outcome_by = proof.sha256, proof.name, actor.email
    session.flush()
    letter = session.get_one(Letter, found.letter_id)
    if outcome == "delivered":
        _tell_case(session, letter, "notice_served_on", on, proof, actor=actor, now=now, today=today)
    told = {"action": outcome, "channel": found.channel, "on": on, "file": proof.sha256}
    _record(session, letter, told, actor, now)


def _tell_case(session: Session, letter: Letter, code: str, on: date, paper: KeptFile, **given: Any) -> None:
    """Enter the day into the letter's case, while it runs and knows the fact."""
    if letter.case_id is None:
        return
    case = load_case(session, letter.case_id)
    kind = KINDS[case.kind]
    written = session.get_one(LetterTemplate, letter.template_id).kind
    if case.status in OPEN and written in kind.letters and kind.fact(code):
        enter_fact(session, case, code, on.isoformat(), note=f"By letter {letter.ref}.", paper=paper, **given)


def _record(session: Session, letter: Letter, data: dict[str, Any], actor: Actor, now: datetime) -> None:
    given: dict[str, Any] = {"subject_type": "letter", "subject_ref": letter.ref, "now": now, "data": data}
    record_event(session, AuditTag.LETTER_DISPATCHED, actor=actor, **given)
