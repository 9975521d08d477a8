"""Proposed by one person, decided by another: the columns, the checks in the database, and the moves with their record.

How a feature uses it. The table says what may become of a row, in one dict, and takes its columns and checks from here:

    class Waiver(WithId, Sealed, Proposed, Base):
        __moves__ = DECIDED_ONCE        # or a table of its own: {("proposed", "approve"): "approved", …}
        __table_args__ = (*two_people(__moves__), …)
        __sealed__ = (…, "reason", "proposed_by", "proposed_at")

The service names its kind once and keeps its own words, rules and fields:

    PROPOSALS = Proposals(
        Waiver, "a waiver", AuditTag.WAIVER_MOVED, "waiver", ref=lambda row: row.ref, facts=lambda row: {"amount": …}
    )

    def propose_waiver(session, …, *, actor, now):
        …every problem at once: raise Invalid([…])
        return PROPOSALS.propose(session, Waiver(ref=…, …), actor=actor, now=now)

    def decide_waiver(session, found, *, accept, reason="", actor, now):   # `found` comes from PROPOSALS.load: it is locked
        action = "accept" if accept else "reject"
        PROPOSALS.may_decide(found, action, reason=reason, actor=actor)
        …rules of its own that may refuse
        PROPOSALS.decide(session, found, action, reason=reason, actor=actor, now=now)

    PROPOSALS.move(session, found, "withdraw", actor=actor, now=now)        # any move that is no decision

A life that begins earlier than with the proposal ("open", "draft") begins its table there; who proposes then sets `proposed_by` and
`proposed_at` and moves on. The database says of every status but the first, "proposed" and what is withdrawn that somebody decided.
The audit tag declares `facts`, and those of action, before, after and reason that its record shall hold. What pays or costs money is
also a line of `payouts/verify_decided.py`, which holds the rows against that record. A policy that names the maker looks at
`proposed_by`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import CheckConstraint, DateTime, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Invalid, NotFound, Problem, Refused
from portal.kernel.persons import same_person

Moves = Mapping[tuple[str, str], str]  # (status, action) → the status it leads to

# Nothing that was decided moves again: what follows is another proposal.
DECIDED_ONCE: Moves = {
    ("proposed", "accept"): "accepted",
    ("proposed", "reject"): "rejected",
    ("proposed", "withdraw"): "withdrawn",
}

PROPOSED = "proposed"
WITHDRAW = "withdraw"
AGAINST = frozenset({"reject", "decline"})  # these need a reason
SHORTEST_REASON, LONGEST_REASON = 3, 500


class Proposed:
    """The columns of a row that one person proposes and another decides."""

    __moves__: ClassVar[Moves]

    status: Mapped[str] = mapped_column(Text, default=PROPOSED, server_default=PROPOSED, sort_order=800)
    proposed_by: Mapped[str] = mapped_column(Text, sort_order=801)
    proposed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), sort_order=802)
    decided_by: Mapped[str | None] = mapped_column(Text, sort_order=803)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True), sort_order=804)
    decision_reason: Mapped[str | None] = mapped_column(Text, sort_order=805)


P = TypeVar("P", bound=Proposed)


def first_of(moves: Moves) -> str:
    """The status a lifecycle begins with: its table begins there."""
    return next(iter(moves))[0]


def statuses_of(moves: Moves) -> tuple[str, ...]:
    """Every status of a lifecycle, the first one first."""
    return tuple(dict.fromkeys((first_of(moves), *moves.values())))


def two_people(moves: Moves) -> Iterator[CheckConstraint]:
    """What the database keeps of it: the statuses there are, somebody decided what is decided, and never who proposed it."""
    statuses = statuses_of(moves)
    undecided = {first_of(moves), PROPOSED, *(to for (_, action), to in moves.items() if action == WITHDRAW)}
    decided = _listed(each for each in statuses if each not in undecided)
    yield CheckConstraint(f"status in {_listed(statuses)}", name="status")
    yield CheckConstraint(f"(status in {decided}) = (decided_by is not null)", name="decided")
    yield CheckConstraint("decided_by is null or decided_by <> proposed_by", name="maker_is_not_checker")


def _listed(words: Iterable[str]) -> str:
    return "(" + ",".join(f"'{word}'" for word in words) + ")"


def reason_problems(reason: str, message: str, cure: str = "", *, column: str = "reason") -> Iterator[Problem]:
    """That a proposal says too little or too much about why."""
    if not SHORTEST_REASON <= len(reason.strip()) <= LONGEST_REASON:
        yield Problem("reason_needed", message, cure, column=column)


def message_problems(body: str, *, most: int, with_file: bool) -> Iterator[Problem]:
    """That a message between two sides says nothing, or too much."""
    if not body.strip() and not with_file:
        yield Problem("nothing_said", "Write something, or add a file.", column="body")
    if len(body.strip()) > most:
        yield Problem("too_long", "This is too long.", f"{most} letters are the most.", column="body")


@dataclass(frozen=True)
class Proposals(Generic[P]):
    """One kind of proposal.

    `a` is its name with its article ("an event"), `ref` what the audit log calls one, `facts` what its record says beside the
    move. `named` is what a refusal calls one ("E-KA01-…"; "This event" when not given), `cures` what to do instead by status,
    `reason_cure` who reads the reason of a rejection.
    """

    model: type[P]
    a: str
    tag: AuditTag
    subject_type: str
    ref: Callable[[P], str]
    facts: Callable[[P], dict[str, Any]]
    named: Callable[[P], str] | None = None
    cures: Mapping[str, str] = field(default_factory=dict)
    reason_cure: str = ""

    @property
    def noun(self) -> str:
        return self.a.partition(" ")[2]

    def load(self, session: Session, *, locked: bool = True, **by: Any) -> P:
        """The row with these columns (None: any), locked and read anew unless it is only shown. NotFound when none is in sight."""
        query = select(self.model).filter_by(**{name: value for name, value in by.items() if value is not None})
        if locked:
            query = query.with_for_update().execution_options(populate_existing=True)
        found = session.scalars(query).first()
        if found is None:
            raise NotFound(f"There is no such {self.noun}.")
        return found

    def propose(self, session: Session, made: P, *, actor: Actor, now: datetime, action: str = "propose") -> P:
        """Keep a new row as this person's proposal."""
        made.status, made.proposed_by, made.proposed_at = first_of(made.__moves__), actor.email, now
        session.add(made)
        session.flush()
        self.tell(session, made, action, "", actor, now)
        return made

    def may_decide(self, found: P, action: str, *, reason: str, actor: Actor) -> None:
        """Invalid without the reason a rejection needs; Refused to who proposed it, and once it does not wait any more."""
        if action in AGAINST and len(reason.strip()) < SHORTEST_REASON:
            to = next(status for (_, each), status in self.model.__moves__.items() if each == action)
            raise Invalid(Problem("reason_needed", f"Say why it is {to}.", self.reason_cure, column="reason"))
        self.refuse_maker(found, actor)
        self.next_status(found, action)

    def decide(self, session: Session, found: P, action: str, *, reason: str = "", actor: Actor, now: datetime) -> None:
        """A second person's word on a row that `load` locked. Raises what `may_decide` raises, also to the proposer's other accounts."""
        self.may_decide(found, action, reason=reason, actor=actor)
        if same_person(session, actor.email, found.proposed_by):
            raise Refused(
                f"You proposed {self.a} under another account: another person decides.", code="is_not_the_maker"
            )
        found.decided_by, found.decided_at = actor.email, now
        found.decision_reason = reason.strip()[:LONGEST_REASON] or None
        self.move(session, found, action, actor=actor, now=now)

    def move(self, session: Session, found: P, action: str, *, reason: str = "", actor: Actor, now: datetime) -> None:
        """Take a row a step on, and say so. Refused when the step leads nowhere from here."""
        before, found.status = found.status, self.next_status(found, action)
        session.flush()
        self.tell(session, found, action, before, actor, now, reason)

    def next_status(self, found: P, action: str) -> str:
        to = found.__moves__.get((found.status, action))
        if to is None:
            named = self.named(found) if self.named else f"This {self.noun}"
            message = f"{named} is {found.status}; that does not change any more."
            raise Refused(message, code="not_open", cure=self.cures.get(found.status, ""))
        return to

    def refuse_maker(self, found: P, actor: Actor, *, does: str = "decide on") -> None:
        if actor.email == found.proposed_by:
            raise Refused(f"Who proposed {self.a} does not {does} it.", code="is_not_the_maker")

    def tell(
        self, session: Session, found: P, action: str, before: str, actor: Actor, now: datetime, reason: str = ""
    ) -> None:
        said = reason or found.decision_reason or ""
        moved = {"action": action, "before": before, "after": found.status, "reason": said}
        record_event(
            session,
            self.tag,
            actor=actor,
            subject_type=self.subject_type,
            subject_ref=self.ref(found),
            agency_id=getattr(found, "agency_id", None),
            now=now,
            data=self.facts(found) | {name: moved[name] for name in moved.keys() & self.tag.keys},
        )
