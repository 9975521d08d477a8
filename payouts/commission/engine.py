"""From facts to accrual lines, agency by agency. Pure: the same inputs in any order give the same lines and the same hashes."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from fractions import Fraction
from typing import Any

from payouts.commission.bulk import Bulk, Group, facts_of_account, group_lines, price_group, unpaid_of
from payouts.commission.corrections import adjusted_lines, clawbacks, repriced_lines
from payouts.commission.extras import group_extras, taken_away
from payouts.commission.fact_lines import line_of
from payouts.commission.hashing import canonical
from payouts.commission.inputs import (
    AccountFact,
    Adjusted,
    EventFact,
    HeldBack,
    Inputs,
    Money,
    Repriced,
    Returned,
    Waiting,
)
from payouts.commission.judging import Judged, judge, judge_account, judge_event
from payouts.commission.outcome import Earned, NewLine, Outcome, Unpaid, Untaken
from payouts.commission.pools import MEASURED_UNITS, Pools
from payouts.commission.promises import Promise, promise_lines, release_lines
from payouts.commission.run_hashes import input_hash, result_hash
from payouts.rate_cards.terms import DRIVER_UNITS
from payouts.rate_cards.versions import Version

KIND_ORDER = {  # what concerns many lines comes after them
    "commission": 0,
    "account_fee": 1,
    "event_fee": 2,
    "clawback": 3,
    "penalty": 4,
    "separate_recovery": 5,
    "guarantee": 7,
    "holdback": 8,
    "holdback_release": 9,
}
OTHERS = 6


def compute(inputs: Inputs) -> Outcome:
    """Price every agency's facts, take back what was returned, and say why the rest earns nothing."""
    earned = list(compute_agencies(inputs))
    lines = [line for each in earned for line in each.lines]
    unpaid = [each for one in earned for each in one.unpaid]
    return Outcome(
        lines,
        unpaid,
        [group for each in earned for group in each.groups],
        input_hash(inputs),
        result_hash(inputs.agencies, lines, unpaid),
        [each for one in earned for each in one.untaken],
        [promise for each in earned for promise in each.promises],
    )


def compute_agencies(inputs: Inputs) -> Iterator[Earned]:
    """One agency's month after the other, by code. Nothing of one is looked at for another."""
    facts = facts_by_agency(inputs)
    for agency_id in sorted(inputs.agencies, key=lambda each: inputs.agencies[each]):
        if agency_id in facts:
            yield Agency(inputs, agency_id, facts[agency_id]).earn()


@dataclass(slots=True)
class AgencyFacts:
    """One agency's share of the inputs."""

    money: list[Money] = field(default_factory=list)
    accounts: list[AccountFact] = field(default_factory=list)
    events: list[EventFact] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    returned: list[Returned] = field(default_factory=list)
    repriced: list[Repriced] = field(default_factory=list)
    held_back: list[HeldBack] = field(default_factory=list)
    adjusted: list[Adjusted] = field(default_factory=list)
    measured_late: list[NewLine] = field(default_factory=list)
    late_untaken: list[Untaken] = field(default_factory=list)


def facts_by_agency(inputs: Inputs) -> dict[int, AgencyFacts]:
    found: dict[int, AgencyFacts] = defaultdict(AgencyFacts)
    for part in fields(AgencyFacts):
        for each in getattr(inputs, part.name):
            getattr(found[each.agency_id], part.name).append(each)
    for agency_id in inputs.guaranteed:
        found[agency_id]
    return found


class Agency:
    """One agency on its way through a month: facts into groups, groups into lines."""

    def __init__(self, inputs: Inputs, agency_id: int, facts: AgencyFacts) -> None:
        self.inputs, self.agency_id, self.facts = inputs, agency_id, facts
        events = sum(each.facts.get("count", 1) for each in facts.events if not each.told_before)
        self.pools = Pools(inputs.drivers.get(agency_id, {}), inputs.months.get(agency_id), events)
        self.groups: dict[str, Group] = {}
        self.lines: list[NewLine] = []
        self.unpaid: list[Unpaid] = []
        self.untaken: list[Untaken] = []

    def earn(self) -> Earned:
        self.take()
        drivers = self.needed()
        return self.settle(drivers, {name: price_group(self.groups[name], drivers[name]) for name in drivers})

    def take(self) -> None:
        """Every fact into the group of the version that prices it; positions run through money, accounts and events."""
        for each in self.facts.waiting:
            row = (each.agency_id, each.collection_id, each.receipt_no, each.code, each.amount_minor, each.currency)
            self.unpaid.append(Unpaid(*row))
        self._group_money()
        self._group_accounts()
        self._group_events()

    def needed(self) -> dict[str, dict[str, dict[str, str]]]:
        """The drivers each group is priced with, by the name of its version."""
        groups = sorted(self.groups.items())
        return {name: self.pools.needed(group.version.card, group.lines) for name, group in groups}

    def settle(self, drivers: Mapping[str, dict[str, dict[str, str]]], bulks: Mapping[str, Bulk]) -> Earned:
        """Priced groups into lines and reasons, then what is promised and corrected."""
        came_to = [self._price(group, bulks[name]) for name, group in sorted(self.groups.items())]
        promises = self._promises(came_to)
        self._correct()
        code = self.inputs.agencies[self.agency_id]
        return Earned(
            self.agency_id,
            sorted(self.lines, key=line_order),
            sorted(self.unpaid, key=lambda each: (each.receipt_no, each.code, each.amount_minor)),
            sorted(self.untaken, key=lambda each: (each.what, each.ref, each.code)),
            [{"agency": code, "card": name, "drivers": drivers[name]} for name in sorted(self.groups)],
            promises,
        )

    def _group_money(self) -> None:
        """Confirmed money under the version that prices it, in order; what no rule takes is unpaid."""
        for money in sorted(self.facts.money, key=lambda each: each.order):
            line = line_of(money.facts, money.currency)
            judged = judge(self.inputs, money, line, self.pools)
            if judged.version is None or judged.rule is None:
                detail = {"kinds": list(money.evidence_missing)} if judged.code == "evidence_missing" else {}
                self.unpaid += [] if money.told_before else [unpaid_of(money, judged.code, **detail)]
                continue
            group = self._group(judged.version)
            group.money.append((money, replace(line, rule=judged.rule.id, position=group.size + 1)))

    def _group_accounts(self) -> None:
        for account in sorted(self.facts.accounts, key=_account_order):
            judged = judge_account(self.inputs, account, line_of(account.facts, account.currency), self.pools)
            if judged.version is None or judged.rule is None:
                self._untaken("account", account.loan_account_no, judged)
                continue
            group = self._group(judged.version)
            facts = facts_of_account(account, judged.version.card, judged.rule.id)
            line = line_of(facts, account.currency, rule=judged.rule.id, position=group.size + 1)
            group.accounts.append((account, line))

    def _group_events(self) -> None:
        for event in sorted(self.facts.events, key=lambda each: (each.occurred_on, each.ref)):
            line = line_of(event.facts, event.currency)
            judged = judge_event(self.inputs, event, line, self.pools)
            if judged.version is None:
                if not event.told_before:
                    self._untaken("event", event.ref, judged)
                continue
            group = self._group(judged.version)
            rule = judged.rule.id if judged.rule else None
            group.events.append((event, replace(line, rule=rule, position=group.size + 1)))

    def _untaken(self, what: str, ref: str, judged: Judged) -> None:
        if judged.code:
            self.untaken.append(Untaken(self.agency_id, what, ref, judged.code))

    def _group(self, version: Version) -> Group:
        return self.groups.setdefault(version.name, Group(self.agency_id, version))

    def _price(self, group: Group, bulk: Bulk) -> tuple[Version, int, bool]:
        """Lines of the group, and what it came to: (version, fee, whether the qualifier was met)."""
        lines, nothing = group_lines(group, bulk)
        extras = group_extras(group, bulk, self.inputs.period.last_day)
        self.lines += [*lines, *extras.lines]
        self.unpaid += [*nothing, *taken_away(group, bulk, extras)]
        return group.version, extras.fee_minor, extras.qualified

    def _promises(self, came_to: Iterable[tuple[Version, int, bool]]) -> list[dict[str, Any]]:
        """Guarantee and holdback, once a card: its newest version of those that priced says what is promised."""
        without = [each for each in self.inputs.guaranteed.get(self.agency_id, ()) if each.name not in self.groups]
        found: dict[str, Promise] = {}
        for version, fee, qualified in [*came_to, *((each, 0, self._qualifies(each)) for each in without)]:
            known = found.get(version.code)
            advance = self.inputs.advances.get((self.agency_id, version.code), 0)
            if known is None:
                found[version.code] = Promise(self.agency_id, version, fee, advance, qualified)
            elif _newness(known.version) < _newness(version):
                found[version.code] = Promise(self.agency_id, version, known.fee_minor + fee, advance, qualified)
            else:
                found[version.code] = replace(known, fee_minor=known.fee_minor + fee)
        kept = [each for _, each in sorted(found.items()) if _keeps(each.version)]
        for each in kept:
            self.lines += promise_lines(each, self.inputs.period.last_day)
        return [{"agency": self.inputs.agencies[self.agency_id], **each.summary} for each in kept]

    def _qualifies(self, version: Version) -> bool:
        """Whether a month without any money under the version meets its qualifier; not while that, or the score, is unknown."""
        if not self.pools.knows_agency(version.card):
            return False
        qualifier = version.card.agency.qualifier
        if qualifier is None:
            return True
        if DRIVER_UNITS[qualifier.driver] not in MEASURED_UNITS:
            return qualifier.met(0)
        value = self.pools.of_agency(qualifier.driver)
        return value is not None and qualifier.met(Fraction(value))

    def _correct(self) -> None:
        self.lines += clawbacks(self.facts.returned, self.inputs.clawback_windows)
        self.lines += repriced_lines(self.facts.repriced)
        self.lines += release_lines(self.facts.held_back)
        self.lines += adjusted_lines(self.facts.adjusted)
        self.lines += self.facts.measured_late
        self.untaken += self.facts.late_untaken


def _account_order(account: AccountFact) -> tuple[object, ...]:
    """An account may be with one agency in both streams at once."""
    return (account.loan_account_no, account.allocated_on, str(account.facts.get("stream", "")))


def _newness(version: Version) -> tuple[object, ...]:
    return (version.card.effective_from, version.version)


def _keeps(version: Version) -> bool:
    return bool(version.card.agency.guarantee or version.card.agency.holdback)


def line_order(line: NewLine) -> tuple[object, ...]:
    """An agency's lines: payments in the order they were priced, then what concerns many of them."""
    facts = line.facts
    named = (str(facts.get("of", "")), str(facts.get("about", "")), str(facts.get("loan_account_no", "")))
    position = int(facts.get("position", 0))
    kind = OTHERS if line.adjustment_id is not None else KIND_ORDER.get(line.kind, OTHERS)
    return (kind, line.version_name, position, *named, canonical(line.steps))


def untaken_sums(untaken: Iterable[Untaken], codes: Mapping[int, str]) -> list[dict[str, Any]]:
    """How many accounts and events of each agency earn nothing, by reason, with the first few names."""
    counts: Counter[tuple[str, str, str]] = Counter()
    refs: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for each in untaken:
        key = (codes[each.agency_id], each.what, each.code)
        counts[key] += 1
        if len(refs[key]) < 20:
            refs[key].append(each.ref)
    return [
        {"agency": agency, "what": what, "code": code, "count": count, "refs": refs[agency, what, code]}
        for (agency, what, code), count in sorted(counts.items())
    ]
