"""Computing a stored run again, from the facts and the card text it stored. Nothing else is read, so nothing else can explain it."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import NoResultFound
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from payouts.commission.event_models import ManualAdjustment
from payouts.commission.hashing import canonical, digest, line_text, unpaid_text
from payouts.commission.measured_late import LateGroup, groups_of, late_again, not_as_measured
from payouts.commission.models import AccrualLine, AccrualRun, UnpaidCollection
from payouts.commission.outcome import NewLine
from payouts.commission.promises import Promise, promise_lines
from payouts.commission.rebuilding import group_of, is_measured_late, is_of_a_group, pairs, priced_again
from payouts.commission.repricing import fee_without
from payouts.commission.run_hashes import Day
from payouts.commission.taking_back import runs_of, settled_of
from payouts.rate_cards.models import RateCard, RateCardVersion
from payouts.rate_cards.parsing import read_card
from payouts.rate_cards.versions import Version
from portal.kernel.errors import Invalid
from portal.kernel.money import Money
from portal.kernel.periods import month_of

NOT_PRICEABLE = (Invalid, LookupError, TypeError, ValueError, ArithmeticError, NoResultFound)


@dataclass(frozen=True, slots=True)
class Difference:
    """A stored value that does not come out again: of which row, which field."""

    ref: str
    field: str
    stored: str
    computed: str


Versions = dict[int, tuple[Version | None, list[Difference]]]


@dataclass(slots=True)
class Again:
    """A run computed again: each stored line's text as it comes out now (by line id), and every difference."""

    texts: dict[int, str] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)


def recompute(session: Session, run: AccrualRun) -> list[Difference]:
    """Every difference between a stored run and the same run computed now; empty when it comes out to the last byte.

    One agency's lines after the other: nothing of one is looked at for another.
    """
    codes = agency_codes(session)
    known: Versions = {}
    found: list[Difference] = []
    told = Told()
    for agency_id, lines in _agencies(session, run):
        again = compute_again(session, run, lines, codes, of={agency_id}, known=known)
        found += again.differences
        told.add(lines, codes)
    without = {agency_id for agency_id, code in codes.items() if agency_id not in told.agencies}
    found += compute_again(session, run, [], codes, of=without, known=known).differences
    return [*found, *_run_differences(session, run, told, codes)]


def _agencies(session: Session, run: AccrualRun) -> Iterator[tuple[int, list[AccrualLine]]]:
    """Each agency's lines, in the run's order."""
    first = select(AccrualLine.agency_id).where(AccrualLine.run_id == run.id).group_by(AccrualLine.agency_id)
    for agency_id in session.scalars(first.order_by(func.min(AccrualLine.id))).all():
        query = select(AccrualLine).where(AccrualLine.run_id == run.id, AccrualLine.agency_id == agency_id)
        yield agency_id, list(session.scalars(query.order_by(AccrualLine.id)))


@dataclass
class Told:
    """What a run's stored lines come to, agency after agency."""

    agencies: set[int] = field(default_factory=set)
    lines: int = 0
    total_minor: int = 0
    days: dict[str, Day] = field(default_factory=lambda: defaultdict(Day))
    hash: Any = field(default_factory=hashlib.sha256)

    def add(self, lines: Sequence[AccrualLine], codes: Mapping[int, str]) -> None:
        for line in lines:
            text = stored_text(line, codes)
            self.agencies.add(line.agency_id)
            self.lines += 1
            self.total_minor += line.amount_minor
            self.days[line.credited_on.isoformat()].add(text, line.amount_minor)
            self.hash.update(text.encode() + b"\n")


def lines_of(session: Session, run: AccrualRun) -> list[AccrualLine]:
    return list(session.scalars(select(AccrualLine).where(AccrualLine.run_id == run.id).order_by(AccrualLine.id)))


class Codes(dict[int, str]):
    """Agency id → code. A line may have been given to an agency there is none of: that is told, not stumbled over."""

    def __missing__(self, agency_id: int) -> str:
        return f"no agency {agency_id}"


def agency_codes(session: Session) -> dict[int, str]:
    return Codes({row.id: row.code for row in session.execute(select(Agency.id, Agency.code))})


def compute_again(
    session: Session,
    run: AccrualRun,
    lines: Sequence[AccrualLine],
    codes: Mapping[int, str],
    *,
    of: Set[int] | None = None,
    known: Versions | None = None,
) -> Again:
    """Every line of a run priced again with its whole group, because slabs, caps and bonuses look at all of it.

    `of`: the agencies whose lines these are, all of each; without it the run's every agency. `known` keeps versions once read.
    """
    again = Again()
    known = {} if known is None else known
    last_day = month_of(run.period_start).last_day
    drivers = {(each["agency"], each["card"]): each["drivers"] for each in run.summary.get("groups", [])}
    came_to: dict[tuple[int, str], int] = defaultdict(int)
    for (agency_id, version_id), members in sorted(_groups(lines).items()):
        if version_id not in known:
            known[version_id] = version_of(session, version_id)
        version, wrong = known[version_id]
        again.differences += wrong
        if version is None:
            continue
        of_lines = [line for line in members if line.kind not in ("guarantee", "holdback")]
        try:
            computed: list[NewLine] = []
            fee = 0
            if of_lines:
                stated = drivers.get((codes[agency_id], version.name), {})
                computed, extras = priced_again(group_of(version, of_lines), stated, last_day)
                fee = extras.fee_minor
        except NOT_PRICEABLE as error:
            where = members[0].ref
            again.differences.append(
                Difference(where, "facts", "lines that can be priced", f"{type(error).__name__}: {error}")
            )
            continue
        came_to[agency_id, version.code] += fee
        _compare(again, of_lines, computed, codes)
    _promises(session, run, lines, codes, came_to, again, codes.keys() if of is None else of)
    _measured_late(session, run, [line for line in lines if is_measured_late(line)], codes, known, again)
    _corrections(session, lines, codes, again)
    return again


def _groups(lines: Sequence[AccrualLine]) -> dict[tuple[int, int], list[AccrualLine]]:
    groups: dict[tuple[int, int], list[AccrualLine]] = defaultdict(list)
    for line in lines:
        if is_of_a_group(line):
            groups[line.agency_id, line.rate_card_version_id or 0].append(line)
    return groups


def version_of(session: Session, version_id: int) -> tuple[Version | None, list[Difference]]:
    """The version read from its stored text, and what is wrong with the text itself."""
    code, row = session.execute(
        select(RateCard.code, RateCardVersion)
        .join(RateCardVersion, RateCardVersion.rate_card_id == RateCard.id)
        .where(RateCardVersion.id == version_id)
    ).one()
    name = f"{code} v{row.version}"
    sha256 = hashlib.sha256(row.source_text.encode()).hexdigest()
    wrong = [] if sha256 == row.sha256 else [Difference(name, "sha256", row.sha256, sha256)]
    try:
        return Version(row.id, code, row.version, read_card(row.source_text), row.sha256), wrong
    except Invalid as error:
        return None, [*wrong, Difference(name, "source_text", "a card", str(error))]


def _compare(
    again: Again, stored: Sequence[AccrualLine], computed: Sequence[NewLine], codes: Mapping[int, str]
) -> None:
    for old, new in pairs(stored, computed):
        if old is None:
            assert new is not None
            again.differences.append(Difference(f"{new.kind} {new.rule_id}", "line", "none", str(new.amount_minor)))
        elif new is None:
            again.differences.append(Difference(old.ref, "line", str(old.amount_minor), "none"))
        else:
            again.texts[old.id] = line_text(codes[old.agency_id], new, new.facts_text, new.steps_text)
            again.differences += _differ(old.ref, "amount_minor", old.amount_minor, new.amount_minor)
            again.differences += _differ(old.ref, "base_minor", old.base_minor, new.base_minor)
            again.differences += _differ(old.ref, "rule_id", old.rule_id, new.rule_id)
            again.differences += _differ(old.ref, "credited_on", old.credited_on, new.credited_on)
            again.differences += _differ(old.ref, "facts", canonical(old.facts), new.facts_text)
            again.differences += _differ(old.ref, "steps", canonical(old.steps), new.steps_text)


def _promises(
    session: Session,
    run: AccrualRun,
    lines: Sequence[AccrualLine],
    codes: Mapping[int, str],
    came_to: Mapping[tuple[int, str], int],
    again: Again,
    of: Set[int],
) -> None:
    """Guarantees and holdbacks, from what the month's lines came to and what the run noted of earlier months."""
    agencies = {code: agency_id for agency_id, code in codes.items()}
    last_day = month_of(run.period_start).last_day
    computed: list[NewLine] = []
    for noted in run.summary.get("promises", []):
        agency_id = agencies.get(noted["agency"])
        if agency_id is None or agency_id not in of:
            continue
        version, _ = version_of(session, noted["version"])
        if version is not None:
            fee = came_to.get((agency_id, version.code), 0)
            computed += promise_lines(Promise(agency_id, version, fee, noted["advance"], noted["qualified"]), last_day)
    stored = [line for line in lines if line.kind in ("guarantee", "holdback")]
    _compare(again, stored, computed, codes)


def _measured_late(
    session: Session,
    run: AccrualRun,
    lines: Sequence[AccrualLine],
    codes: Mapping[int, str],
    known: Versions,
    again: Again,
) -> None:
    """Fees for accounts of settled months: priced with the month again, and measured by its outcomes as they say."""
    for members in groups_of(lines):
        version_id = members[0].rate_card_version_id or 0
        if version_id not in known:
            known[version_id] = version_of(session, version_id)
            again.differences += known[version_id][1]
        version, _ = known[version_id]
        if version is None:
            continue
        group = LateGroup(version, members)
        try:
            computed = late_again(session, group, run.period_start)
            for line, said in not_as_measured(session, group.fees) if group.fees else ():
                again.differences.append(Difference(line.ref, "outcome", str(line.facts.get("outcome")), said))
        except NOT_PRICEABLE as error:
            told = f"{type(error).__name__}: {error}"
            again.differences.append(Difference(members[0].ref, "facts", "fees that can be priced", told))
            continue
        _compare(again, members, computed, codes)


def _corrections(session: Session, lines: Sequence[AccrualLine], codes: Mapping[int, str], again: Again) -> None:
    """A clawback takes back exactly what its link was paid, a release pays what was held, a line by hand what was accepted."""
    claws = {line.clawback_of_id for line in lines if line.kind == "clawback"}
    held = {line.facts.get("of") for line in lines if line.kind == "holdback_release"}
    by_hand = {line.adjustment_id for line in lines if line.adjustment_id is not None}
    due: dict[Any, int] = {}
    if claws or held:
        query = select(AccrualLine.id, AccrualLine.ref, AccrualLine.amount_minor)
        for row in session.execute(query.where(AccrualLine.id.in_(claws) | AccrualLine.ref.in_(held))):
            due["clawback", row.id] = due["holdback_release", row.ref] = -row.amount_minor
    if by_hand:
        adjusted = select(ManualAdjustment.id, ManualAdjustment.amount_minor).where(ManualAdjustment.id.in_(by_hand))
        due |= {("by hand", id_): amount for id_, amount in session.execute(adjusted)}
    for line in lines:
        if is_of_a_group(line) or is_measured_late(line):
            continue
        again.texts[line.id] = line_text(codes[line.agency_id], line, canonical(line.facts), canonical(line.steps))
        try:
            amount = _corrected_again(session, line, due)
        except NOT_PRICEABLE as error:
            told = f"{type(error).__name__}: {error}"
            again.differences.append(Difference(line.ref, "facts", "a correction that can be computed", told))
            continue
        again.differences += _differ(line.ref, "amount_minor", line.amount_minor, amount)


def _corrected_again(session: Session, line: AccrualLine, due: Mapping[Any, int]) -> int:
    if line.adjustment_id is not None:
        return due.get(("by hand", line.adjustment_id), 0)
    if line.kind == "clawback" and "brought" in line.steps[0]:
        return _brought_again(session, line)
    if line.kind == "clawback":
        return due.get(("clawback", line.clawback_of_id), 0)
    if line.kind == "holdback_release":
        return due.get(("holdback_release", line.facts.get("of")), 0)
    return _repriced_again(session, line)


def _repriced_again(session: Session, line: AccrualLine) -> int:
    """What repricing a settled month comes to, from its stored lines and what this line says was taken back already."""
    version, _ = version_of(session, line.rate_card_version_id or 0)
    if version is None:
        return 0
    run_id = int(line.facts["run"])
    settled = settled_of(session, line.agency_id, run_id, version)
    last_day = month_of(session.get_one(AccrualRun, run_id).period_start).last_day
    would_be = fee_without(settled, line.facts["without"], last_day)
    back = Money.from_major(line.steps[0]["taken_back"], line.currency).minor
    return would_be - sum(each.amount_minor for each in settled.lines) + back


def _brought_again(session: Session, line: AccrualLine) -> int:
    """What a settled line brought to its group, summed again with and without it."""
    version, _ = version_of(session, line.rate_card_version_id or 0)
    if version is None or line.clawback_of_id is None:
        return 0
    run_id = runs_of(session, [line.clawback_of_id])[line.clawback_of_id]
    settled = settled_of(session, line.agency_id, run_id, version)
    return -settled.brought(line.clawback_of_id, set(line.facts["gone"]))


def _run_differences(session: Session, run: AccrualRun, told: Told, codes: Mapping[int, str]) -> Iterator[Difference]:
    name = f"accrual {run.period_start:%Y-%m} v{run.version}"
    yield from _differ(name, "lines", run.lines, told.lines)
    yield from _differ(name, "total_minor", run.total_minor, told.total_minor)
    unpaid = session.execute(
        select(UnpaidCollection.agency_id, Collection.receipt_no, UnpaidCollection.code, UnpaidCollection.amount_minor)
        .join(Collection, Collection.id == UnpaidCollection.collection_id)
        .where(UnpaidCollection.run_id == run.id)
        .order_by(UnpaidCollection.id)
        .execution_options(yield_per=10_000)
    )
    reasons = digest(
        unpaid_text(codes[agency_id], receipt, code, amount) for agency_id, receipt, code, amount in unpaid
    )
    yield from _differ(name, "result_hash", run.result_hash, digest([told.hash.hexdigest(), reasons]))
    if "days" in run.summary:
        days = {day: each.summary for day, each in told.days.items()}
        for day in sorted({*days, *run.summary["days"]}):
            yield from _differ(f"{name} {day}", "day", run.summary["days"].get(day), days.get(day))


def stored_text(line: AccrualLine, codes: Mapping[int, str]) -> str:
    return line_text(codes[line.agency_id], line, canonical(line.facts), canonical(line.steps))


def _differ(ref: str, field: str, stored: Any, computed: Any) -> Iterator[Difference]:
    if stored != computed:
        yield Difference(ref, field, str(stored)[:200], str(computed)[:200])


def count_lines(session: Session, run: AccrualRun) -> int:
    """How many rows a recomputation of the run looks at."""
    return session.scalar(select(func.count()).select_from(AccrualLine).where(AccrualLine.run_id == run.id)) or 0
