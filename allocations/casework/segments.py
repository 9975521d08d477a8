"""A part of the portfolio, said in filters: whom letters and campaigns go to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_, select

from allocations.agencies.models import Agency
from allocations.placements.models import Allocation, Hold, LoanAccount
from portal.kernel.errors import Invalid, Problem

TEXTS = ("product", "bucket", "state", "region", "agency")
NUMBERS = ("dpd_from", "dpd_to", "owed_from_minor", "owed_to_minor")
FLAGS = ("secured", "unsecured", "npa", "not_npa", "no_agency")


@dataclass(frozen=True, slots=True)
class Segment:
    """Filters that all hold; an empty one asks nothing. `agency` is a code; `owed_*` bounds what is owed in all; both ends included."""

    product: str = ""
    bucket: str = ""
    state: str = ""
    region: str = ""
    agency: str = ""
    dpd_from: int | None = None
    dpd_to: int | None = None
    owed_from_minor: int | None = None
    owed_to_minor: int | None = None
    flags: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Only what is asked, so that the same segment has the same text."""
        return {
            name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items() if v not in ("", None, ())
        }

    @property
    def is_everything(self) -> bool:
        return not self.as_json()


def read_segment(given: Mapping[str, Any]) -> Segment:
    """A segment from names and values. Raises Invalid with everything that is wrong."""
    problems = list(segment_problems(given))
    if problems:
        raise Invalid(problems)
    kept = {name: value for name, value in given.items() if value not in ("", None, [], ())}
    if "flags" in kept:
        kept["flags"] = tuple(sorted(set(kept["flags"])))
    return Segment(**kept)


def segment_problems(given: Mapping[str, Any]) -> Iterator[Problem]:
    for name, value in given.items():
        if name in TEXTS:
            if not isinstance(value or "", str) or len(value or "") > 60:
                yield Problem("bad_filter", f"{name} is no short text.", "Correct it.", column=name)
        elif name in NUMBERS:
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 10**15):
                yield Problem("bad_filter", f"{name} is no whole number.", "Correct it.", column=name)
        elif name == "flags":
            for flag in value or ():
                if flag not in FLAGS:
                    yield Problem("bad_filter", f"There is no {flag}.", f"Use {', '.join(FLAGS)}.", column=name)
        else:
            cure = f"Use {', '.join((*TEXTS, *NUMBERS, 'flags'))}."
            yield Problem("bad_filter", f"There is no filter called {name}.", cure, column=name)
    for low, high in (("dpd_from", "dpd_to"), ("owed_from_minor", "owed_to_minor")):
        least, most = given.get(low), given.get(high)
        if isinstance(least, int) and isinstance(most, int) and least > most:
            yield Problem("backwards", f"{low} lies above {high}.", "Turn them round.", column=low)


def accounts_in(segment: Segment, today: date) -> list[ColumnElement[bool]]:
    """The conditions on loan accounts, as they stand today."""
    account = LoanAccount
    found: list[ColumnElement[bool]] = [account.latest_as_of.is_not(None)]
    for column, text in (
        (account.product, segment.product),
        (account.latest_bucket, segment.bucket),
        (account.state, segment.state),
        (account.region, segment.region),
    ):
        if text:
            found.append(column == text)
    for number, low, high in (
        (account.latest_dpd_days, segment.dpd_from, segment.dpd_to),
        (account.latest_total_minor, segment.owed_from_minor, segment.owed_to_minor),
    ):
        if low is not None:
            found.append(number >= low)
        if high is not None:
            found.append(number <= high)
    if segment.agency:
        found.append(_held(today, Agency.code == segment.agency))
    return [*found, *_flagged(segment, today)]


def _flagged(segment: Segment, today: date) -> Iterator[ColumnElement[bool]]:
    npa = LoanAccount.latest_asset_class.not_in(("standard", "sma_0", "sma_1", "sma_2"))
    asked: dict[str, ColumnElement[bool]] = {
        "secured": LoanAccount.secured.is_(True),
        "unsecured": LoanAccount.secured.is_(False),
        "npa": npa,
        "not_npa": ~npa,
        "no_agency": ~_held(today),
    }
    for flag in segment.flags:
        yield asked[flag]


def _held(today: date, *where: ColumnElement[bool]) -> ColumnElement[bool]:
    query = (
        select(Allocation.id)
        .join(Agency, Agency.id == Allocation.agency_id)
        .where(Allocation.loan_account_id == LoanAccount.id, Allocation.from_on <= today)
        .where(or_(Allocation.to_on.is_(None), Allocation.to_on >= today), *where)
    )
    return exists(query)


def not_on_hold(today: date) -> ColumnElement[bool]:
    """No hold of any cause keeps it from being worked: complaints, deaths and courts are such holds."""
    running = and_(Hold.from_on <= today, or_(Hold.to_on.is_(None), Hold.to_on >= today), Hold.effect != "no_accrual")
    return ~exists(select(Hold.id).where(Hold.loan_account_id == LoanAccount.id, running))
