"""Many suggestions of one rule at once: shown first, accepted as shown or not at all, and taken back as one within the day.

A preview is named by the sha256 of exactly the links and amounts it would accept. Left out, and said so: pairs a run saw rivals of,
amounts that need a second person, receipts whose credit is shared with suggestions outside the filter.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import cast, func, select
from sqlalchemy.dialects.postgresql import JSONPATH
from sqlalchemy.orm import Session

from allocations.reconciliation.bench.by_hand import confirm_suggestion, undo_link
from allocations.reconciliation.bench.limits import limits_on
from allocations.reconciliation.bench.worklist import Narrowed, suggestion_rows, whom
from allocations.reconciliation.models import MatchLink
from allocations.reconciliation.running.reconcile import lock_for_hand
from portal.kernel.audit import Actor, AuditEvent, AuditTag, record_event
from portal.kernel.clock import BANK_ZONE
from portal.kernel.errors import Invalid, NotFound, Problem, Refused, Stale

AT_ONCE = 200  # more are accepted by a worker
MOST = 20_000  # pairs of one preview; the next ones come with the next
LARGEST = 10
# refused for its amount, a candidate was never the same money: it makes nobody doubt the pair
TRUE_RIVALS = cast('$[*] ? (@.why != "amount")', JSONPATH)
SECOND = "A second person has to agree to such an amount."
BULK = "bulk_of_links"
Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Pair:
    """One suggestion of a preview."""

    link_id: int
    receipt_no: str
    other: str
    agency: str
    amount_minor: int
    currency: str
    day: date
    line_id: int | None
    left_out: str = ""


@dataclass(frozen=True)
class Preview:
    """What one click would accept, and what it leaves out with the reason. `sha256` names exactly these links and amounts."""

    rule: str
    pairs: Sequence[Pair]
    left_out: Sequence[Pair]
    sha256: str

    @property
    def count(self) -> int:
        return len(self.pairs)

    @property
    def amounts(self) -> list[tuple[str, int]]:
        """(currency, minor units), by currency."""
        return _sums((each.currency, each.amount_minor) for each in self.pairs)

    @property
    def by_agency(self) -> list[tuple[str, str, int, int]]:
        """(agency, currency, pairs, minor units), the most money first."""
        counted: dict[tuple[str, str], list[int]] = {}
        for each in self.pairs:
            row = counted.setdefault((each.agency, each.currency), [0, 0])
            row[0], row[1] = row[0] + 1, row[1] + each.amount_minor
        found = [(agency, currency, count, minor) for (agency, currency), (count, minor) in counted.items()]
        return sorted(found, key=lambda row: (-row[3], row[0]))

    @property
    def largest(self) -> list[Pair]:
        return sorted(self.pairs, key=lambda each: (-each.amount_minor, each.link_id))[:LARGEST]

    @property
    def oldest(self) -> Pair | None:
        return min(self.pairs, key=lambda each: (each.day, each.link_id), default=None)

    @property
    def reasons(self) -> list[tuple[str, int, list[tuple[str, int]]]]:
        """(why left out, pairs, [(currency, minor units)])."""
        kinds = dict.fromkeys(each.left_out for each in self.left_out)
        return [
            (why, len(rows), _sums((row.currency, row.amount_minor) for row in rows))
            for why in kinds
            for rows in [[each for each in self.left_out if each.left_out == why]]
        ]


@dataclass(frozen=True, slots=True)
class Bulk:
    """A bulk act that was done: what an undo needs to take it back."""

    event_id: int
    sha256: str
    rule: str
    count: int
    by: str
    at: datetime
    link_ids: list[int] = field(default_factory=list)


def preview_bulk(session: Session, *, rule: str, asked: Narrowed, now: datetime) -> Preview:
    """What accepting every suggestion of a rule (as narrowed) would do now. Invalid when no rule is named."""
    if not rule:
        raise Invalid(Problem("rule_missing", "Choose the rule whose suggestions you accept.", column="rule"))
    today = now.astimezone(BANK_ZONE).date()
    asked = replace(asked, show="suggestions", rule=rule)
    found = whom(session, asked)
    query = suggestion_rows(session, asked, found, today).add_columns(
        func.jsonb_path_exists(MatchLink.rivals, TRUE_RIVALS)
    )
    limit = limits_on(session, now).second_person_minor
    pairs: list[Pair] = []
    for link, receipt, agency, line_ref, posting_no, has_rivals in session.execute(
        query.order_by(MatchLink.id).limit(MOST)
    ):
        why = "A run saw rivals: look at each." if has_rivals else ""
        why = SECOND if link.amount_minor >= limit else why
        pairs.append(
            Pair(
                link.id,
                receipt.receipt_no,
                line_ref or posting_no or "",
                agency,
                link.amount_minor,
                receipt.currency,
                receipt.collected_on,
                link.bank_line_id,
                why,
            )
        )
    return _preview(rule, _whole_credits(session, rule, _within(limit, pairs)))


def _within(limit: int, pairs: list[Pair]) -> list[Pair]:
    """Parts are no way around a limit: what is linked to one credit is added up."""
    total: dict[int, int] = {}
    for each in pairs:
        if each.line_id is not None:
            total[each.line_id] = total.get(each.line_id, 0) + each.amount_minor
    return [
        replace(each, left_out=SECOND) if not each.left_out and total.get(each.line_id or 0, 0) >= limit else each
        for each in pairs
    ]


def _whole_credits(session: Session, rule: str, pairs: list[Pair]) -> list[Pair]:
    """Receipts that make a credit up together are accepted together or not at all."""
    chosen = {each.line_id: 0 for each in pairs if each.line_id is not None}
    for each in pairs:
        if each.line_id is not None and not each.left_out:
            chosen[each.line_id] += 1
    query = select(MatchLink.bank_line_id, func.count()).where(MatchLink.status == "suggested", MatchLink.rule == rule)
    here = MatchLink.bank_line_id.in_(list(chosen))
    whole = {row[0]: row[1] for row in session.execute(query.where(here).group_by(MatchLink.bank_line_id))}
    said = "Its credit is shared with suggestions that are left out."
    return [
        replace(each, left_out=said)
        if not each.left_out and each.line_id is not None and chosen[each.line_id] != whole.get(each.line_id)
        else each
        for each in pairs
    ]


def _preview(rule: str, pairs: list[Pair]) -> Preview:
    taken = [each for each in pairs if not each.left_out]
    text = "\n".join([rule, *(f"{each.link_id}|{each.amount_minor}|{each.currency}" for each in taken)])
    return Preview(rule, taken, [each for each in pairs if each.left_out], hashlib.sha256(text.encode()).hexdigest())


def accept_bulk(
    session: Session,
    *,
    rule: str,
    asked: Narrowed,
    expected: str,
    actor: Actor,
    now: datetime,
    tell: Tell | None = None,
) -> Bulk:
    """Accept exactly what the preview with this sha256 showed. Stale, and nothing accepted, when it is not the same any more."""
    lock_for_hand(session)
    preview = preview_bulk(session, rule=rule, asked=asked, now=now)
    if preview.sha256 != expected:
        raise Stale("These suggestions have changed since the preview. Look at the new one; nothing was accepted.")
    if not preview.pairs:
        raise Refused("There is nothing to accept.", code="nothing_to_accept")
    for done, pair in enumerate(preview.pairs, start=1):
        link = confirm_suggestion(session, pair.link_id, actor=actor, now=now)
        if link.status != "confirmed":
            raise Refused(f"{pair.receipt_no} needs a second person; decide on it by itself.", code="needs_second")
        if tell is not None:
            tell(done, preview.count)
    record_event(
        session,
        AuditTag.LINKS_ACCEPTED,
        actor=actor,
        subject_type=BULK,
        subject_ref=preview.sha256,
        now=now,
        data={
            "action": "accept",
            "rule": rule,
            "count": preview.count,
            "amounts": dict(preview.amounts),
            "sha256": preview.sha256,
            "links": packed(each.link_id for each in preview.pairs),
        },
    )
    return Bulk(0, preview.sha256, rule, preview.count, actor.email, now, [each.link_id for each in preview.pairs])


def bulk_of(session: Session, sha256: str) -> Bulk:
    """The bulk act of a preview, as the audit log has it. NotFound when nothing was accepted under this hash."""
    query = select(AuditEvent).where(AuditEvent.subject_ref == sha256, AuditEvent.subject_type == BULK)
    events = session.scalars(query.order_by(AuditEvent.id.desc()).limit(1)).all()
    if not events:
        raise NotFound("There is no such bulk act.")
    data = _data(events[0])
    if data["action"] != "accept":
        raise Refused("It has been taken back already.", code="taken_back")
    at, by = events[0].at, events[0].actor
    return Bulk(events[0].id, sha256, data["rule"], data["count"], by, at, unpacked(data["links"]))


def undo_bulk(
    session: Session, sha256: str, *, reason: str, actor: Actor, now: datetime, tell: Tell | None = None
) -> int:
    """Take a bulk act of today back as one; returns how many links. What was taken apart since is left as it is.

    The pairs are not held against each other: the next run may suggest them again.
    """
    lock_for_hand(session)
    bulk = bulk_of(session, sha256)
    if now - bulk.at > timedelta(days=1) or now.astimezone(BANK_ZONE).date() != bulk.at.astimezone(BANK_ZONE).date():
        cure = "Take single links apart, each with its reason."
        raise Refused("A bulk act is taken back as one on its own day.", code="too_late", cure=cure)
    undone = 0
    for done, link_id in enumerate(bulk.link_ids, start=1):
        link = session.get_one(MatchLink, link_id, populate_existing=True)
        if link.status == "confirmed" and link.confirmed_at == bulk.at:
            undo_link(session, link_id, reason=reason, actor=actor, now=now)
            session.refresh(link)
            link.undone_by, link.undo_reason = None, f"Taken back with its bulk by {actor.email}: {reason}"
            undone += 1
        if tell is not None:
            tell(done, bulk.count)
    record_event(
        session,
        AuditTag.LINKS_ACCEPTED,
        actor=actor,
        subject_type=BULK,
        subject_ref=sha256,
        now=now,
        data={"action": "undo", "rule": bulk.rule, "count": undone, "sha256": sha256, "reason": reason},
    )
    return undone


def recent_bulk(session: Session, actor: str, now: datetime) -> list[Bulk]:
    """Bulk acts of somebody's last hours that can still be taken back, the newest first."""
    query = select(AuditEvent).where(AuditEvent.tag == AuditTag.LINKS_ACCEPTED.text, AuditEvent.actor == actor)
    events = session.scalars(query.order_by(AuditEvent.id.desc()).limit(20)).all()
    gone, found = set(), []
    for event in events:
        data = _data(event)
        if data["action"] == "undo":
            gone.add(event.subject_ref)
        elif (
            event.subject_ref not in gone and event.at.astimezone(BANK_ZONE).date() == now.astimezone(BANK_ZONE).date()
        ):
            found.append(Bulk(event.id, event.subject_ref, data["rule"], data["count"], event.actor, event.at))
    return found


def packed(ids: Iterable[int]) -> str:
    """Ids as runs, ascending: 1-4,7. Suggestions of one run lie beside each other."""
    runs: list[list[int]] = []
    for each in sorted(ids):
        if runs and each == runs[-1][1] + 1:
            runs[-1][1] = each
        else:
            runs.append([each, each])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def unpacked(text: str) -> list[int]:
    found: list[int] = []
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.extend(range(int(first), int(last or first) + 1))
    return found


def _sums(pairs: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    total: dict[str, int] = {}
    for currency, minor in pairs:
        total[currency] = total.get(currency, 0) + minor
    return sorted(total.items())


def _data(event: AuditEvent) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(event.body)["data"]
    return data
