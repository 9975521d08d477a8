"""The rules of matching as data: versions proposed, tried, approved by a second person. A run climbs the approved one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.reconciliation.bench.ladder_words import unraised
from allocations.reconciliation.bench_models import MatchLadder
from allocations.reconciliation.matching.ladder import default_ladder, ladder_body, ladder_sha256, parse_ladder
from allocations.reconciliation.matching.matcher import match
from allocations.reconciliation.matching.rungs import Ladder, Rung
from allocations.reconciliation.running.reading import read_world
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Forbidden, Invalid, NotFound, Problem, Refused, Stale

LADDER_LOCK = 7_266_322  # versions are counted one after the other
DEFAULT = 0


def ladder_on(session: Session) -> Ladder:
    """The ladder runs climb: the newest approved version, or the one every lender starts with (version 0)."""
    row = approved_row(session)
    return parse_ladder(row.body, row.version) if row else default_ladder()


def approved_row(session: Session) -> MatchLadder | None:
    query = select(MatchLadder).where(MatchLadder.status == "approved").order_by(MatchLadder.version.desc()).limit(1)
    return session.scalars(query).first()


def list_ladders(session: Session, limit: int = 50) -> Sequence[MatchLadder]:
    """Versions, the newest first."""
    return session.scalars(select(MatchLadder).order_by(MatchLadder.version.desc()).limit(limit)).all()


def load_ladder(session: Session, version: int) -> MatchLadder:
    row = session.scalars(select(MatchLadder).where(MatchLadder.version == version)).first()
    if row is None:
        raise NotFound("There is no such version of the rules.")
    return row


def ladder_before(session: Session, row: MatchLadder) -> Ladder:
    """What a version is compared with: the one approved before it was proposed."""
    query = (
        select(MatchLadder)
        .where(MatchLadder.status == "approved", MatchLadder.version < row.version)
        .order_by(MatchLadder.version.desc())
        .limit(1)
    )
    before = session.scalars(query).first()
    return parse_ladder(before.body, before.version) if before else default_ladder()


def propose_ladder(
    session: Session, body: Mapping[str, Any], *, reason: str, actor: Actor, now: datetime
) -> MatchLadder:
    """A new version, as a draft. Raises Invalid with every fault of lint at once; Refused when it says what is in force already."""
    problems = [] if reason.strip() else [Problem("reason_missing", "Say why the rules change.", column="reason")]
    try:
        ladder = parse_ladder(body)
    except Invalid as wrong:
        raise Invalid([*problems, *wrong.problems]) from None
    session.execute(select(func.pg_advisory_xact_lock(LADDER_LOCK)))
    if problems := problems + unraised(_known_rules(session), ladder):
        raise Invalid(problems)
    plain = ladder_body(ladder)
    if ladder_sha256(plain) == ladder_sha256(ladder_body(ladder_on(session))):
        raise Refused("These are the rules in force already.", code="nothing_changes")
    last = session.scalar(select(func.coalesce(func.max(MatchLadder.version), 0))) or 0
    row = MatchLadder(
        version=last + 1,
        body=plain,
        sha256=ladder_sha256(plain),
        status="draft",
        reason=reason.strip(),
        proposed_by=actor.email,
        proposed_at=now,
    )
    session.add(row)
    session.flush()
    _tell(session, row, "propose", reason, actor, now)
    return row


def _known_rules(session: Session) -> dict[str, Rung]:
    """The newest meaning of every rule that a link may bear: of the default ladder and of every approved version."""
    known = {rung.name: rung for rung in default_ladder().rungs}
    query = select(MatchLadder).where(MatchLadder.status == "approved").order_by(MatchLadder.version)
    for row in session.scalars(query):
        known |= {rung.name: rung for rung in parse_ladder(row.body).rungs}
    return known


def decide_ladder(
    session: Session,
    version: int,
    *,
    approve: bool,
    reason: str = "",
    actor: Actor,
    now: datetime,
    expected_sha256: str | None = None,
) -> MatchLadder:
    """A second person's word on a draft. Approved, the next run climbs it; what is confirmed stays confirmed.

    Raises Forbidden for its maker, Stale when it was decided meanwhile, is not what was shown, or a newer one is in force.
    """
    session.execute(select(func.pg_advisory_xact_lock(LADDER_LOCK)))
    row = load_ladder(session, version)
    session.refresh(row)
    if row.status != "draft" or (expected_sha256 is not None and expected_sha256 != row.sha256):
        raise Stale()
    if row.proposed_by == actor.email:
        raise Forbidden("Somebody else decides on what you proposed.", code="own_act")
    in_force = approved_row(session)
    if approve and in_force is not None and in_force.version > version:
        raise Stale(f"Version {in_force.version} is in force by now. Propose this change on top of it.")
    if not approve and not reason.strip():
        raise Invalid(Problem("reason_missing", "Say why not.", column="reason"))
    if approve:
        parse_ladder(row.body)  # lint may have grown since it was proposed
    row.status = "approved" if approve else "rejected"
    row.decided_by, row.decided_at, row.decision_reason = actor.email, now, reason.strip() or None
    session.flush()
    _tell(session, row, "approve" if approve else "reject", reason, actor, now)
    return row


def _tell(session: Session, row: MatchLadder, action: str, reason: str, actor: Actor, now: datetime) -> None:
    record_event(
        session,
        AuditTag.LADDER_MOVED,
        actor=actor,
        subject_type="match_ladder",
        subject_ref=str(row.version),
        now=now,
        data={"action": action, "version": row.version, "sha256": row.sha256, "reason": reason.strip()},
    )


# --- tried on what is open


@dataclass(frozen=True, slots=True)
class Tried:
    """What one rule would do on the open items, under the ladder in force and under the draft: links and minor units."""

    currency: str
    rule: str
    outcome: str
    before_count: int
    before_minor: int
    after_count: int
    after_minor: int


def try_ladder(session: Session, draft: Ladder, *, through: date) -> list[Tried]:
    """A dry run of both ladders on the world as it is; nothing is written. Rules alike in both are left out."""
    world = read_world(session, through)
    before, after = (_told(match(world, each)) for each in (ladder_on(session), draft))
    nothing = (0, 0)
    return [
        Tried(*key, *before.get(key, nothing), *after.get(key, nothing))
        for key in sorted({*before, *after})
        if before.get(key) != after.get(key)
    ]


def _told(matches: Any) -> dict[tuple[str, str, str], tuple[int, int]]:
    """(currency, rule, confirmed or suggested) → (links, minor units)."""
    coll = matches.book.coll
    currency = pd.Series(coll["currency"].to_numpy(), index=coll["id"])
    found: dict[tuple[str, str, str], tuple[int, int]] = {}
    for outcome, links in (("confirmed", matches.confirmed), ("suggested", matches.suggested)):
        if links.empty:
            continue
        table = links.assign(currency=links["collection_id"].map(currency))
        for (code, rule), rows in table.groupby(["currency", "rule"]):
            found[str(code), str(rule), outcome] = (len(rows), int(rows["amount"].sum()))
    return found
