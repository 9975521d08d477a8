"""When, where, how often and to whom a borrower may be spoken: what a contact is flagged for under the rules of its day.

A contact outside the rules can always be recorded; it is flagged and counted. Rules are dated settings (`contact.…`); one without a
value on the day does not hold. The RBI's circular of 12-Aug-2022 speaks of calls "before 8:00 a.m. and after 7:00 p.m.": both ends of
the window are therefore inside it, a second later is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from allocations.collections.field.dispositions import PERSON_WORDS, Disposition
from allocations.collections.field.places import Place, metres_between, said_distance, speed_kmh, surely_apart_m
from allocations.placements.borrower_notice_rules import BEFORE_NOTICE, is_too_early, too_early_words
from allocations.placements.hold_rules import told_words

HOME_ZONE = "Asia/Kolkata"
COUNTED_KINDS = ("visit", "call", "message")  # a letter disturbs nobody's dinner


@dataclass(frozen=True, slots=True)
class FlagKind:
    """What a flag is called, and whether it says that a rule was broken or only that somebody should look."""

    words: str
    is_breach: bool = True


FLAGS: dict[str, FlagKind] = {
    "outside_hours": FlagKind("Outside the hours"),
    "blackout_day": FlagKind("On a blackout day"),
    "deceased_hold": FlagKind("On hold: a death"),
    "complaint_hold": FlagKind("On hold: a complaint"),
    "on_hold": FlagKind("On hold"),
    "too_many_day": FlagKind("Too many in a day"),
    "too_many_week": FlagKind("Too many in a week"),
    "third_party_disclosure": FlagKind("Spoke of the debt to a third party"),
    "third_party": FlagKind("Spoke to a third party"),
    "before_allocation": FlagKind("Before the account was allocated"),
    "after_allocation": FlagKind("After the allocation ended"),
    BEFORE_NOTICE: FlagKind("Before the borrower was told who will call"),
    "agent_inactive": FlagKind("By an agent who is not active"),
    "agent_lapsed": FlagKind("By an agent with a lapsed certificate"),
    "far_from_account": FlagKind("Far from the account's place", is_breach=False),
    "impossible_speed": FlagKind("Too soon after another visit far away", is_breach=False),
    "reported_late": FlagKind("Reported late", is_breach=False),
    "in_future": FlagKind("Dated in the future", is_breach=False),
}


@dataclass(frozen=True, slots=True)
class Flag:
    """Why a contact stands out: a code of FLAGS and one sentence for the person who reported it. No personal data."""

    code: str
    words: str

    def as_dict(self) -> dict[str, str]:
        return {"code": self.code, "words": self.words}


@dataclass(frozen=True, slots=True)
class Blackout:
    """A day on which nobody is contacted: one date, or a day of every year ("01-26"); in some states or in all."""

    on: str
    name: str
    states: frozenset[str] = frozenset()

    def is_on(self, day: date, state: str | None) -> bool:
        return self.on in (day.isoformat(), f"{day:%m-%d}") and (not self.states or (state or "") in self.states)


@dataclass(frozen=True)
class Rules:
    """The rules of one day; None where there is no rule."""

    first: time | None = None
    last: time | None = None
    hours_kinds: frozenset[str] = frozenset(COUNTED_KINDS)
    zone: str = HOME_ZONE
    zones: Mapping[str, str] = field(default_factory=dict)
    blackouts: tuple[Blackout, ...] = ()
    per_day: int | None = None
    per_week: int | None = None
    persons: frozenset[str] | None = None
    far_m: int | None = None
    speed_kmh: int | None = None
    late_hours: int | None = None
    before_notice: str = "ignore"
    future_minutes: int = 5

    def zone_of(self, state: str | None) -> ZoneInfo:
        """Where the borrower's clock runs."""
        return ZoneInfo(self.zones.get(state or "", self.zone))


def rules_from(settings: Mapping[str, Any]) -> Rules:
    """Code → value in force on the day → its rules.

    `contact.hours` {from, to, kinds?, zone?, zones?: {state: zone}}; `contact.blackout` [{on, name, states?}]; `contact.attempts`
    {per_day, per_week}; `contact.persons` {allowed: […]}; `contact.far_m`, `contact.speed_kmh`, `contact.late_hours` numbers;
    `contact.before_notice` ignore, flag or refuse.
    """
    hours = settings.get("contact.hours") or {}
    attempts = settings.get("contact.attempts") or {}
    persons = settings.get("contact.persons")
    return Rules(
        first=time.fromisoformat(hours["from"]) if "from" in hours else None,
        last=time.fromisoformat(hours["to"]) if "to" in hours else None,
        hours_kinds=frozenset(hours.get("kinds", COUNTED_KINDS)),
        zone=hours.get("zone", HOME_ZONE),
        zones=hours.get("zones", {}),
        blackouts=tuple(
            Blackout(each["on"], each.get("name", ""), frozenset(each.get("states", ())))
            for each in settings.get("contact.blackout") or ()
        ),
        per_day=attempts.get("per_day"),
        per_week=attempts.get("per_week"),
        persons=frozenset(persons["allowed"]) if persons else None,
        far_m=settings.get("contact.far_m"),
        speed_kmh=settings.get("contact.speed_kmh"),
        late_hours=settings.get("contact.late_hours"),
        before_notice=settings.get("contact.before_notice", "ignore"),
    )


@dataclass(frozen=True, slots=True)
class AgentFacts:
    code: str
    is_active: bool = True
    certificate_until: date | None = None
    verified_until: date | None = None


@dataclass(frozen=True, slots=True)
class NoticeFacts:
    """What the borrower had to be told by then: whether it went out, and when."""

    status: str
    due_on: date
    sent_at: datetime | None = None


@dataclass(frozen=True)
class ContactFacts:
    """All that the rules look at. Times carry their zone; counts are of other contacts by the same agency.

    `hold_causes`: one a hold that forbids work, as far as an agency may know it ("" where it may not).

    `others_that_day` on the borrower's calendar day, `others_that_week` on the seven days that end with it; `neighbours` are the same
    agent's nearest visits before and after, where their places are known.
    """

    kind: str
    at: datetime
    received_at: datetime
    person: str
    disposition: Disposition
    held_from: date
    held_to: date | None = None
    state: str | None = None
    hold_causes: tuple[str, ...] = ()
    notice: NoticeFacts | None = None
    others_that_day: int = 0
    others_that_week: int = 0
    place: Place | None = None
    account_place: Place | None = None
    neighbours: tuple[tuple[datetime, Place], ...] = ()
    agent: AgentFacts | None = None


def flags_of(facts: ContactFacts, rules: Rules) -> tuple[Flag, ...]:
    """Every flag, in the order of FLAGS."""
    local = facts.at.astimezone(rules.zone_of(facts.state))
    found = [
        *_of_the_hour(facts, rules, local),
        *_of_the_account(facts, rules, local.date()),
        *_of_the_person(facts, rules),
        *_of_the_agent(facts, local.date()),
        *_of_the_place(facts, rules),
        *_of_the_report(facts, rules),
    ]
    order = list(FLAGS)
    return tuple(sorted(found, key=lambda flag: order.index(flag.code)))


def _of_the_hour(facts: ContactFacts, rules: Rules, local: datetime) -> Iterable[Flag]:
    clock = local.time()
    if rules.first and rules.last and facts.kind in rules.hours_kinds and not rules.first <= clock <= rules.last:
        said = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
        words = f"It was {said} at the borrower's; contact is allowed from {rules.first:%H:%M} to {rules.last:%H:%M}."
        yield Flag("outside_hours", words)
    if facts.kind == "letter":
        return
    for blackout in rules.blackouts:
        if blackout.is_on(local.date(), facts.state):
            name = f" ({blackout.name})" if blackout.name else ""
            yield Flag("blackout_day", f"Nobody is contacted on {local:%d %b %Y}{name}.")
            return


HOLD_CODES = {"deceased": "deceased_hold"}  # every other cause an agency knows of, or does not, is simply a hold


def _of_the_account(facts: ContactFacts, rules: Rules, day: date) -> Iterable[Flag]:
    told: dict[str, str] = {}  # each flag once, with a cause to name where one is known
    for cause in sorted(facts.hold_causes, reverse=True):
        told.setdefault(HOLD_CODES.get(cause, "on_hold"), cause)
    for code, cause in told.items():
        why = f" ({told_words(cause).lower()})" if cause else ""
        yield Flag(code, f"The account was on hold{why}: it may not be worked.")
    if facts.kind in COUNTED_KINDS:
        if rules.per_day is not None and facts.others_that_day >= rules.per_day:
            number = facts.others_that_day + 1
            yield Flag("too_many_day", f"Contact no. {number} that day; {rules.per_day} are allowed.")
        if rules.per_week is not None and facts.others_that_week >= rules.per_week:
            number = facts.others_that_week + 1
            yield Flag("too_many_week", f"Contact no. {number} within seven days; {rules.per_week} are allowed.")
    yield from _of_the_notice(facts, rules)
    if day < facts.held_from:
        yield Flag("before_allocation", f"The account came to you on {facts.held_from:%d %b %Y}.")
    if facts.held_to is not None and day > facts.held_to:
        yield Flag("after_allocation", f"You held the account until {facts.held_to:%d %b %Y}.")


def _of_the_notice(facts: ContactFacts, rules: Rules) -> Iterable[Flag]:
    notice = facts.notice
    if notice is None or rules.before_notice == "ignore" or facts.kind not in COUNTED_KINDS:
        return
    if is_too_early(notice.status, notice.sent_at, facts.at):
        yield Flag(BEFORE_NOTICE, too_early_words(notice.sent_at, notice.due_on))


def _of_the_person(facts: ContactFacts, rules: Rules) -> Iterable[Flag]:
    if rules.persons is None or facts.person == "nobody" or facts.person in rules.persons:
        return
    who = PERSON_WORDS.get(facts.person, facts.person).lower()
    if facts.disposition.discloses:
        words = f"“{facts.disposition.words}” with a third party ({who}) speaks of the debt to somebody who does not owe it."
        yield Flag("third_party_disclosure", words)
    else:
        yield Flag("third_party", f"A third party was spoken to ({who}).")


def _of_the_agent(facts: ContactFacts, day: date) -> Iterable[Flag]:
    agent = facts.agent
    if agent is None:
        return
    if not agent.is_active:
        yield Flag("agent_inactive", f"Agent {agent.code} is not active.")
    papers = (("certificate", agent.certificate_until), ("verification", agent.verified_until))
    lapsed = [f"{word} ended on {until:%d %b %Y}" for word, until in papers if until and until < day]
    if lapsed:
        yield Flag("agent_lapsed", f"Agent {agent.code}'s {' and '.join(lapsed)}.")


def _of_the_place(facts: ContactFacts, rules: Rules) -> Iterable[Flag]:
    if facts.kind != "visit" or facts.place is None:
        return
    if facts.account_place is not None and rules.far_m is not None:
        apart = metres_between(facts.place, facts.account_place)
        if apart > rules.far_m + facts.place.accuracy_m + facts.account_place.accuracy_m:
            yield Flag("far_from_account", f"The place noted is {said_distance(apart)} from the account's.")
    if rules.speed_kmh is None:
        return
    for at, place in facts.neighbours:
        apart = surely_apart_m(facts.place, place)
        if apart > (rules.far_m or 0) and speed_kmh(apart, facts.at, at) > rules.speed_kmh:
            minutes = round(abs((facts.at - at).total_seconds()) / 60)
            words = (
                f"Another visit {said_distance(apart)} away was {minutes} minute{'' if minutes == 1 else 's'} apart."
            )
            yield Flag("impossible_speed", words)
            return


def _of_the_report(facts: ContactFacts, rules: Rules) -> Iterable[Flag]:
    if rules.late_hours is not None and facts.received_at - facts.at > timedelta(hours=rules.late_hours):
        hours = int((facts.received_at - facts.at).total_seconds() // 3600)
        yield Flag("reported_late", f"It reached us {_said_hours(hours)} after it happened.")
    if facts.at - facts.received_at > timedelta(minutes=rules.future_minutes):
        yield Flag("in_future", "It is dated after it reached us. Check the phone's clock.")


def _said_hours(hours: int) -> str:
    return f"{hours} hours" if hours < 72 else f"{hours // 24} days"


def attempts_left(rules: Rules, today: int, week: int) -> int | None:
    """How many more contacts the day allows, given those of today and of the seven days that end today; None without a rule."""
    left = [most - done for most, done in ((rules.per_day, today), (rules.per_week, week)) if most is not None]
    return max(0, min(left)) if left else None
