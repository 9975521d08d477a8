"""What becomes of a flag: a person takes it up, explains it with a reason, or makes it a case. No rule punishes anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.casework.conduct.flag_rules import RULES, Rule, sentence
from allocations.casework.conduct.models import ConductFlag
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, NotFound, Refused
from portal.kernel.proposals import reason_problems

TABS = {
    "open": ("open",),
    "taken_up": ("taken_up",),
    "explained": ("explained",),
    "case": ("case",),
    "all": (),
}
NEED_A_REASON = frozenset({"explain", "make_case", "reopen"})


def move_flag(
    session: Session, flag_id: int, action: str, reason: str = "", *, case_ref: str = "", actor: Actor, now: datetime
) -> ConductFlag:
    """One step. Invalid without the reason that explaining, reopening and making a case need; Refused where it leads nowhere."""
    found = load(session, flag_id)
    after = ConductFlag.__moves__.get((found.status, action))
    if after is None:
        message = f"This flag is {found.status.replace('_', ' ')}; it cannot {action.replace('_', ' ')}."
        raise Refused(message, code="illegal_step", cure="Open it again: someone may have acted on it before you.")
    if action in NEED_A_REASON:
        cure = "Whoever looks at it next reads it."
        if problems := list(reason_problems(reason, "Say what you found.", cure)):
            raise Invalid(problems)
    before, found.status = found.status, after
    found.reason, found.case_ref = reason.strip(), case_ref
    found.moved_by, found.moved_at = actor.email, now
    session.flush()
    data = {"action": action, "before": before, "after": after, "reason": reason.strip(), "case": case_ref}
    record_event(
        session,
        AuditTag.FLAG_MOVED,
        actor=actor,
        subject_type="conduct_flag",
        subject_ref=f"{found.rule}:{found.key}",
        agency_id=found.agency_id,
        now=now,
        data=data,
    )
    return found


def load(session: Session, flag_id: int) -> ConductFlag:
    """A flag, locked. NotFound when there is none."""
    query = select(ConductFlag).where(ConductFlag.id == flag_id).with_for_update()
    found = session.scalars(query.execution_options(populate_existing=True)).first()
    if found is None:
        raise NotFound("There is no such flag.")
    return found


# --- reading


@dataclass(frozen=True, slots=True)
class Row:
    """A flag with its rule and the agency it is about, if it is about one."""

    flag: ConductFlag
    agency_code: str | None
    agency_name: str | None

    @property
    def rule(self) -> Rule:
        return RULES[self.flag.rule]

    @property
    def compares(self) -> str:
        return sentence(self.rule.compares, self.found, self.limits)

    @property
    def against(self) -> str:
        return sentence(self.rule.against, self.found, self.limits)

    @property
    def found(self) -> Mapping[str, Any]:
        return self.flag.facts["found"]

    @property
    def limits(self) -> Mapping[str, Any]:
        return self.flag.facts["limits"]

    @property
    def rows(self) -> Sequence[str]:
        return self.flag.facts["rows"]


def _rows() -> Any:
    return select(ConductFlag, Agency.code, Agency.legal_name).outerjoin(Agency, Agency.id == ConductFlag.agency_id)


def list_flags(
    session: Session,
    *,
    tab: str = "open",
    group: str = "",
    rule: str = "",
    agency: str = "",
    after: tuple[Any, ...] | None = None,
    limit: int = 51,
) -> list[Row]:
    """Flags in the bank's scope, the newest first; `after` is (id,)."""
    query = _rows().order_by(ConductFlag.id.desc()).limit(limit)
    if TABS[tab]:
        query = query.where(ConductFlag.status.in_(TABS[tab]))
    if group:
        query = query.where(ConductFlag.rule.in_([code for code, each in RULES.items() if each.group == group]))
    for column, value in ((ConductFlag.rule, rule), (Agency.code, agency)):
        query = query.where(column == value) if value else query
    if after:
        query = query.where(ConductFlag.id < after[0])
    return [Row(*row) for row in session.execute(query)]


def flag_row(session: Session, flag_id: int) -> Row:
    row = session.execute(_rows().where(ConductFlag.id == flag_id)).first()
    if row is None:
        raise NotFound("There is no such flag.")
    return Row(*row)


def counts(session: Session) -> dict[str, int]:
    """How many flags there are by status."""
    query = select(ConductFlag.status, func.count()).group_by(ConductFlag.status)
    return {row.status: row[1] for row in session.execute(query)}
