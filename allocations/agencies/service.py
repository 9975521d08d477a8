"""What changes an agency: empanelment, its agreement and status, its people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.agencies.identifiers import gstin_fault, pan_fault
from allocations.agencies.lifecycle import REPORTING
from allocations.agencies.models import AGENCY_STATUSES, Agency, Agent, Lender
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, Problem, Refused, Stale

FIELDS = (
    "legal_name",
    "pan",
    "gstin",
    "state",
    "udyam_no",
    "msme_class",
    "agreement_from",
    "agreement_to",
    "email",
    "phone",
    "country",
    "currency",
    "capacity",
    "exposure_cap_minor",
    "licensed_states",
    "licensed_pincodes",
    "licensed_products",
    "status",
)
PERSONAL = {"email", "phone", "pan"}  # changed, but not what to: the audit log keeps no personal data


def lender(session: Session) -> Lender:
    """The bank that runs this portal."""
    return session.scalars(select(Lender).order_by(Lender.id)).first() or Lender(
        name="", country="IN", currency="INR", entity_type="bank", state="", gstin=""
    )


def agency_problems(values: Mapping[str, Any]) -> Iterable[Problem]:
    """Everything wrong with an agency's facts; `column` names the field."""
    if values.get("country", "IN") == "IN":
        yield from _indian_problems(values)
    start, end = values.get("agreement_from"), values.get("agreement_to")
    if start and end and end < start:
        yield Problem(
            "agreement_dates", f"The agreement ends ({end}) before it begins ({start}).", "Correct one of the dates.",
            column="agreement_to", value=str(end),
        )  # fmt: skip
    if values.get("status") not in (None, *AGENCY_STATUSES):
        cure = f"Use one of: {', '.join(AGENCY_STATUSES)}."
        yield Problem("not_a_status", f"{values['status']} is not a status.", cure, column="status")


def _indian_problems(values: Mapping[str, Any]) -> Iterable[Problem]:
    pan, gstin = values.get("pan"), values.get("gstin")
    if pan and (fault := pan_fault(pan)):
        yield Problem("bad_pan", fault, "Copy it from the PAN card.", column="pan", value=pan)
        pan = None
    if gstin and (fault := gstin_fault(gstin, pan)):
        yield Problem("bad_gstin", fault, "Copy it from the registration certificate.", column="gstin", value=gstin)


def empanel(
    session: Session, code: str, values: Mapping[str, Any], *, actor: Actor, now: datetime, file: str = ""
) -> Agency:
    """Add an agency. Raises Invalid with every fault; a taken code is one of them."""
    problems = list(agency_problems(values))
    if session.scalar(select(Agency.id).where(Agency.code == code)):
        problems.append(
            Problem("agency_exists", f"There is an agency {code} already.", "Choose another code.", column="code")
        )
    if problems:
        raise Invalid(problems)
    bank = lender(session)
    given = {name: value for name, value in values.items() if name in FIELDS and value not in (None, "")}
    agency = Agency(**{"code": code, "country": bank.country, "currency": bank.currency, "created_at": now, **given})
    session.add(agency)
    session.flush()
    data = {"after": seen(given), **({"file": file} if file else {})}
    _record(session, AuditTag.AGENCY_CREATED, agency, actor, now, data)
    return agency


def change_agency(
    session: Session,
    agency: Agency,
    values: Mapping[str, Any],
    *,
    reason: str,
    actor: Actor,
    now: datetime,
    expected_version: int | None = None,
) -> bool:
    """Change an agency's facts but its status; False when they are all as they were.

    Raises Stale when another change came first. The status is changed by moves alone (`moves`), two people's act.
    """
    if expected_version is not None and expected_version != agency.lock_version:
        raise Stale()
    before = {name: getattr(agency, name) for name in FIELDS}
    after = {**before, **{name: value for name, value in values.items() if name in FIELDS}}
    problems = list(agency_problems(after))
    if after["status"] != before["status"]:
        cure = "Propose it on the agency's page; another person accepts it."
        problems.append(Problem("status_by_move", "A status changes by two people's word.", cure, column="status"))
    if problems:
        raise Invalid(problems)
    return _apply(session, agency, before, after, reason, actor, now)


def follow_move(session: Session, agency: Agency, to: str, *, reason: str, actor: Actor, now: datetime) -> None:
    """Give an agency the status a move that was accepted leads to. Called by `moves` alone."""
    before = {name: getattr(agency, name) for name in FIELDS}
    _apply(session, agency, before, {**before, "status": to}, reason, actor, now)


def _apply(
    session: Session,
    agency: Agency,
    before: dict[str, Any],
    after: dict[str, Any],
    reason: str,
    actor: Actor,
    now: datetime,
) -> bool:
    changed = {name for name in FIELDS if before[name] != after[name]}
    if not changed:
        return False
    for name in changed:
        setattr(agency, name, after[name])
    agency.lock_version += 1
    data = {"before": seen(before, changed), "after": seen(after, changed), "reason": reason}
    _record(session, AuditTag.AGENCY_CHANGED, agency, actor, now, data)
    session.flush()
    return True


def seen(values: Mapping[str, Any], names: Iterable[str] | None = None) -> dict[str, Any]:
    """Facts as the audit log may carry them: personal ones by name only."""
    chosen = values if names is None else {name: values[name] for name in names}
    return {name: "(kept private)" if name in PERSONAL and value else value for name, value in chosen.items()}


def _record(session: Session, tag: AuditTag, agency: Agency, actor: Actor, now: datetime, data: dict[str, Any]) -> None:
    record_event(
        session,
        tag,
        actor=actor,
        subject_type="agency",
        subject_ref=agency.code,
        agency_id=agency.id,
        now=now,
        data=data,
    )


# --- its people

AGENT_FIELDS = ("name", "mobile", "certificate_no", "certificate_until", "verified_until", "is_active")


def save_agent(
    session: Session, agency: Agency, code: str, values: Mapping[str, Any], *, actor: Actor, now: datetime
) -> Agent:
    """Add an agent or change the one with this code."""
    agent = session.scalars(select(Agent).where(Agent.agency_id == agency.id, Agent.code == code)).first()
    before = {name: getattr(agent, name) for name in AGENT_FIELDS} if agent else {}
    if agent is None:
        agent = Agent(agency_id=agency.id, code=code, name=str(values.get("name") or code), is_active=True)
        session.add(agent)
    for name in AGENT_FIELDS:
        if name in values:
            setattr(agent, name, values[name])
    session.flush()
    after = {name: getattr(agent, name) for name in AGENT_FIELDS}
    changed = [name for name in AGENT_FIELDS if before.get(name) != after[name]]
    private = {"name", "mobile", "certificate_no"}
    data = {
        side: {n: "(kept private)" if n in private else v.get(n) for n in changed}
        for side, v in (("before", before), ("after", after))
    }
    record_event(
        session, AuditTag.AGENT_CHANGED, actor=actor, subject_type="agent", subject_ref=f"{agency.code}/{code}",
        agency_id=agency.id, now=now, data=data,
    )  # fmt: skip
    return agent


SIGNS_IN = text("select id, role from users where agency_id = :agency and email = :email")


def tie_agent(
    session: Session, agency: Agency, agent: Agent, email: str | None, *, actor: Actor, now: datetime
) -> bool:
    """Say which user an agent is, or with no e-mail that they are none; False when that is how it was.

    Raises Invalid when there is no such field agent at the agency, Refused when that user is another agent already.
    """
    user_id = None
    if email:
        user = session.execute(SIGNS_IN, {"agency": agency.id, "email": email.strip().lower()}).first()
        if user is None or user.role != "field_agent":
            message = f"{email} does not sign in as a field agent of {agency.legal_name}."
            raise Invalid(Problem("unknown_user", message, "Add them as one first.", column="user"))
        user_id = user.id
        query = select(Agent.code).where(Agent.agency_id == agency.id, Agent.user_id == user_id, Agent.id != agent.id)
        if taken := session.scalar(query):
            raise Refused(f"{email} is agent {taken} already.", code="user_is_an_agent", cure="Untie them there first.")
    before = agent.user_id
    if before == user_id:
        return False
    agent.user_id = user_id
    session.flush()
    record_event(
        session, AuditTag.AGENT_CHANGED, actor=actor, subject_type="agent", subject_ref=f"{agency.code}/{agent.code}",
        agency_id=agency.id, now=now, data={"before": {"user_id": before}, "after": {"user_id": user_id}},
    )  # fmt: skip
    return True


def refuse_shut(agency: Agency, what: str) -> None:
    """Refused when the agency may not report `what` any more, or not yet."""
    if agency.status not in REPORTING:
        status = agency.status.replace("_", " ")
        raise Refused(f"{agency.legal_name} may not report {what}: {status}.", code="agency_shut")
