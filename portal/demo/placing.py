"""What happens to the demo bank's allocations: borrowers told before anybody calls, accounts held, given back, prolonged, handed on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency
from allocations.collections.models import Collection
from allocations.placements.borrower_notice_answers import import_answers
from allocations.placements.borrower_notices import export_due
from allocations.placements.models import Allocation, Hold, LoanAccount, Placement
from allocations.placements.recall_jobs import propose_recalls
from allocations.placements.request_rules import Asked
from allocations.placements.requests import ask
from allocations.placements.service import put_on_hold
from portal.demo.keys import MAKER
from portal.demo.scores import person
from portal.kernel.audit import Actor
from portal.kernel.db import Database, bank_scope, unit_of_work
from portal.kernel.periods import Period

OWNER = "owner@shakti.example"
UNREACHED = 3  # whose message came back, each month
HOLDS = (
    ("litigation", "Suit 118/26 before the civil court", "no_work"),
    ("deceased", "Death certificate handed in at the branch", "no_work"),
    ("calamity", "Flood in the district", "no_work"),
)


class PlacingLife:
    """A month's part of it, on its own days."""

    def __init__(self, database: Database, period: Period) -> None:
        self.database, self.period = database, period

    @contextmanager
    def on(self, day: date, hour: int = 4) -> Iterator[tuple[Session, dict[str, Any]]]:
        now = datetime.combine(day, time(hour), UTC)
        with self.database.session(bank_scope(day)) as session, unit_of_work(session):
            yield session, {"actor": person(session, MAKER), "now": now}

    def tell_borrowers(self) -> None:
        """The letter house answers the same morning: all but a few messages arrived."""
        day = self.period.start
        with self.on(day) as (session, given):
            batch = export_due(session, **given)
            rows = [
                f"{row[0]},{row[6]},{'failed' if at < UNREACHED else 'delivered'},{day},{'Number switched off' if at < UNREACHED else ''}"
                for at, row in enumerate(batch.rows)
            ]
            data = "\n".join(["notice_id,loan_account_no,status,sent_on,failure", *rows]).encode()
            import_answers(session, data, file_name=f"answer-{batch.ref}.csv", **given)

    def leave_open(self, through: date) -> None:
        """What a maker and a checker find in the morning."""
        with self.on(through, 5) as (session, given):
            quiet = self.quiet(session)
            for (cause, reason, effect), allocation in zip(HOLDS, quiet, strict=False):
                account = session.get_one(LoanAccount, allocation.loan_account_id)
                term: dict[str, Any] = {
                    "from_on": through,
                    "to_on": through + timedelta(days=5) if cause == "calamity" else None,
                }
                put_on_hold(session, account, reason=reason, effect=effect, cause=cause, **term, **given)
            self.ask_for(session, quiet[len(HOLDS) :], through, given)
        with self.on(through, 20) as (session, given):
            propose_recalls(session, through, actor=Actor(None, "system", "system"), now=given["now"])

    def quiet(self, session: Session) -> list[Allocation]:
        """Shakti's accounts of the month that nobody has paid on and nobody holds back."""
        query = (
            select(Allocation)
            .join(Placement, Placement.id == Allocation.placement_id)
            .join(Agency, Agency.id == Allocation.agency_id)
            .where(Placement.code == f"P-{self.period.label}", Agency.code == "SHAKTI")
            .where(~select(Collection.id).where(Collection.loan_account_id == Allocation.loan_account_id).exists())
            .where(~select(Hold.id).where(Hold.loan_account_id == Allocation.loan_account_id).exists())
        )
        return list(session.scalars(query.order_by(Allocation.loan_account_no.desc()).limit(6)))

    def ask_for(self, session: Session, quiet: list[Allocation], day: date, given: dict[str, Any]) -> None:
        """The agency gives one back and wants another longer; the bank wants one in other hands."""
        last = self.period.last_day
        nilgiri = session.scalars(select(Agency.id).where(Agency.code == "NILGIRI")).one()
        wishes = (
            ("agency", Asked("return", "Moved away; neighbours know no new address", "untraceable", last_on=day)),
            ("agency", Asked("extension", "Pays when the harvest is sold", to_on=last + timedelta(days=31))),
            ("bank", Asked("transfer", "Speaks Tamil only", last_on=last, to_agency_id=nilgiri)),
        )
        for (side, wish), allocation in zip(wishes, quiet, strict=False):
            if wish.kind == "extension" and allocation.to_on is None:
                continue
            if wish.kind == "transfer" and allocation.to_on is not None and allocation.to_on < last:
                continue
            who = person(session, OWNER) if side == "agency" else given["actor"]
            ask(session, allocation, wish, side=side, actor=who, now=given["now"], today=day)
