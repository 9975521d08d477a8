"""What a settled payment really brought: its line, with its share in what was done to its whole group.

A cap may have taken a line away again, a bonus added to it, a qualifier left nothing of it: taking back the line alone would take what
was never paid, or leave what was. So the group is summed once with the line and once without: each line's own amount stays as it was
priced, measures stay as they were taken, and the difference is what comes back. The guarantee and the holdback stay as they were
settled: a lift is recovered by itself where it is recoverable, and a share held back is released on its day.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from payouts.commission.bulk import Bulk, price_group
from payouts.commission.closed import CLOSED
from payouts.commission.extras import without_promises
from payouts.commission.inputs import Drivers, Returned
from payouts.commission.models import AccrualLine, AccrualRun
from payouts.commission.rebuilding import group_of, is_of_a_group
from payouts.rate_cards.agency_level import LineSums, Tally, finish
from payouts.rate_cards.versions import Version

# Lines of a settled run whose money went back and was taken back in a settlement since; and those that were gone when others were
# taken back, though a cap had left nothing of them to take: what was found gone once stays gone.
GONE = text(f"""
with taken as (select o.ref, x.facts from accrual_lines o
  join accrual_lines x on x.clawback_of_id = o.id and x.kind = 'clawback'
  join settlement_lines sl on sl.accrual_line_id = x.id
  join settlements s on s.id = sl.settlement_id and {CLOSED}
 where o.run_id = :run and o.agency_id = :agency and o.rate_card_version_id = :version)
select ref from taken
union select jsonb_array_elements_text(facts -> 'gone') from taken where facts ? 'gone'
""")
OVER_MANY = frozenset({"cap", "bonus", "adjustment"})


@dataclass(frozen=True)
class Settled:
    """The lines one version came to for an agency in a settled run: its own, without promises and corrections of other months."""

    version: Version
    lines: Sequence[AccrualLine]
    drivers: Drivers

    @property
    def is_plain(self) -> bool:
        """Whether nothing was done to the group as a whole, so that each line brought what it says."""
        return all(line.kind not in OVER_MANY for line in self.lines)

    def brought(self, line_id: int, gone: Collection[str]) -> int:
        """Minor units the line brought to the group's fee, where the lines named in `gone` are gone already. Never below zero."""
        line = next(each for each in self.lines if each.id == line_id)
        if self.is_plain:
            return line.amount_minor
        return max(self._fee(frozenset(gone)) - self._fee(frozenset({*gone, line.ref})), 0)

    @cached_property
    def _bulk(self) -> Bulk:
        return price_group(group_of(self.version, self.lines), self.drivers)

    @cached_property
    def _fees(self) -> dict[frozenset[str], int]:
        return {}

    def _fee(self, gone: frozenset[str]) -> int:
        """What the group comes to without some of its lines; asked for in a row, the last answer is the next one's beginning."""
        if gone not in self._fees:
            away = {int(line.facts["position"]) for line in self.lines if line.ref in gone}
            sums = self._bulk.sums
            assert isinstance(sums, LineSums)
            left = [pair for pair in zip(sums.priced, sums.chosen, strict=True) if pair[0].position not in away]
            rest = LineSums([priced for priced, _ in left], [chosen for _, chosen in left], sums.measures)
            tally = Tally(without_promises(self.version.card), fee=sum(line.amount_minor for line in rest.priced))
            finish(tally, rest, replace(self._bulk.facts, lines=()))
            self._fees[gone] = tally.fee
        return self._fees[gone]


def effective(session: Session, returned: Sequence[Returned], versions: Sequence[Version]) -> list[Returned]:
    """The returned money with what each line really brought, one after the other where several of a group went back."""
    by_id = {version.id: version for version in versions}
    runs = runs_of(session, [each.line_id for each in returned])
    groups: dict[tuple[int, int, int], tuple[Settled, set[str]]] = {}
    found = []
    for each in sorted(returned, key=lambda each: each.line_id):
        version = by_id.get(each.rate_card_version_id or 0)
        if version is None or not in_window(each, version):
            found.append(each)
            continue
        key = (each.agency_id, runs[each.line_id], version.id)
        if key not in groups:
            groups[key] = settled_of(session, key[0], key[1], version), gone_before(session, *key)
        settled, gone = groups[key]
        found.append(_brought(each, settled, gone))
        gone.add(each.line_ref)
    return found


def _brought(each: Returned, settled: Settled, gone: set[str]) -> Returned:
    if settled.is_plain:
        return each
    brought = settled.brought(each.line_id, gone)
    return replace(each, paid_minor=brought, line_minor=each.paid_minor, gone=tuple(sorted(gone)))


def in_window(each: Returned, version: Version) -> bool:
    window = version.card.agency.clawback.window_days
    return window is None or (each.returned_on - each.paid_on).days <= window


def runs_of(session: Session, line_ids: Sequence[int]) -> dict[int, int]:
    rows = session.execute(select(AccrualLine.id, AccrualLine.run_id).where(AccrualLine.id.in_(line_ids)))
    return {row.id: row.run_id for row in rows}


def gone_before(session: Session, agency_id: int, run_id: int, version_id: int) -> set[str]:
    return set(session.scalars(GONE, {"agency": agency_id, "run": run_id, "version": version_id}))


def settled_of(session: Session, agency_id: int, run_id: int, version: Version) -> Settled:
    """The group as it was settled, with the drivers its run noted."""
    run = session.get_one(AccrualRun, run_id)
    code = session.scalars(select(Agency.code).where(Agency.id == agency_id)).one()
    groups = (each for each in run.summary.get("groups", []) if each["agency"] == code and each["card"] == version.name)
    drivers: Drivers = next((each["drivers"] for each in groups), {})
    return Settled(version, settled_lines(session, agency_id, run_id, version.id), drivers)


def settled_lines(session: Session, agency_id: int, run_id: int, version_id: int) -> list[AccrualLine]:
    query = select(AccrualLine).where(
        AccrualLine.run_id == run_id,
        AccrualLine.agency_id == agency_id,
        AccrualLine.rate_card_version_id == version_id,
        AccrualLine.kind.not_in(("guarantee", "holdback", "separate_recovery")),
    )
    return [line for line in session.scalars(query.order_by(AccrualLine.id)) if is_of_a_group(line)]
