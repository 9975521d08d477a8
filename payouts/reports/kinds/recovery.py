"""Recovery against target: by agency, bucket and product, money seen at the bank on allocated accounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.orm import Session

from payouts.reports.asking import Asked, Report, rows_of
from payouts.reports.shape import Column, Row, Section, count, money, rate, text_column
from portal.kernel.money import Money

# Money tied to receipts and seen at the bank within the month, by the allocation it was taken under.
CAME = """
with came as (select c.allocation_id, sum(m.amount_minor) as minor, count(distinct c.id) as receipts
                from match_links m join bank_lines b on b.id = m.bank_line_id join collections c on c.id = m.collection_id
               where m.status = 'confirmed' and b.value_on >= :since and b.value_on < :until group by 1)
"""
IN_FORCE = "a.from_on < :until and (a.to_on is null or a.to_on >= :since)"
MINE = "(cast(:agency as bigint) is null or a.agency_id = :agency)"
FOUND = f"""{CAME}
select g.code, g.legal_name as name, a.opening_bucket as bucket, a.product, a.currency, count(*) filter (where {IN_FORCE}) as accounts,
       coalesce(sum(a.opening_principal_minor) filter (where {IN_FORCE}), 0)::bigint as principal,
       count(a.target_minor) filter (where {IN_FORCE}) as targeted,
       coalesce(sum(a.target_minor) filter (where {IN_FORCE}), 0)::bigint as target,
       coalesce(sum(m.minor), 0)::bigint as came,
       coalesce(sum(m.minor) filter (where {IN_FORCE} and a.target_minor is not null), 0)::bigint as on_target
  from allocations a join agencies g on g.id = a.agency_id left join came m on m.allocation_id = a.id
 where {MINE} and (({IN_FORCE}) or m.minor is not null)
 group by 1, 2, 3, 4, 5 order by 1, 3, 4, 5
"""
OFF_BOOKS = f"""{CAME}
select g.code, g.legal_name as name, a.product, a.currency, count(*) filter (where {IN_FORCE}) as accounts,
       coalesce(sum(a.opening_principal_minor) filter (where {IN_FORCE}), 0)::bigint as principal,
       coalesce(sum(m.minor), 0)::bigint as came
  from allocations a join agencies g on g.id = a.agency_id left join came m on m.allocation_id = a.id
 where a.opening_asset_class = 'written_off' and {MINE} and (({IN_FORCE}) or m.minor is not null)
 group by 1, 2, 3, 4 order by 1, 3, 4
"""
SUMS = ("accounts", "principal", "targeted", "target", "came", "on_target")
NUMBERS = (
    count("accounts", "Accounts", "accounts allocated for some day of the month"),
    money("principal", "Principal placed", "their principal outstanding at the opening of the allocation"),
    money("came", "Recovered", "money tied to receipts on these accounts and seen at the bank in the month"),
    rate("recovery", "Recovery", "recovered ÷ principal placed", "came", "principal"),
    count("targeted", "With a target", "accounts for which a target was given with the allocation"),
    money("target", "Target", "sum of their targets"),
    money("on_target", "Recovered of these", "recovered on accounts with a target"),
    rate("reached", "Target reached", "recovered on accounts with a target ÷ target", "on_target", "target"),
)
LATE = "Money that came in this month on accounts no longer held stands with the agency that took it; its account is not counted again."


def gather(session: Session, asked: Asked) -> list[Section]:
    found = rows_of(session, FOUND, asked)
    named = [(row, f"{row.name} ({row.code})") for row in found]
    ways: Sequence[tuple[str, str, str, Callable[[Any, str], str]]] = (
        ("By agency", "Agency", "who held the accounts", lambda row, name: name),
        ("By bucket", "Bucket", "days past due when the account was allocated", lambda row, name: str(row.bucket)),
        ("By product", "Product", "kind of loan", lambda row, name: str(row.product)),
    )
    return [
        Section(
            title,
            (text_column("what", word, meaning), *NUMBERS),
            _summed([(key(row, name), row) for row, name in named]),
            note=LATE if title == "By agency" else "",
            picture="came",
            empty="No account was allocated.",
        )
        for title, word, meaning, key in ways
    ]


def _summed(keyed: Sequence[tuple[str, Any]]) -> list[Row]:
    sums: dict[tuple[str, str], dict[str, int]] = defaultdict(lambda: dict.fromkeys(SUMS, 0))
    for key, row in keyed:
        for name in SUMS:
            sums[key, row.currency][name] += getattr(row, name)
    amounts = ("principal", "target", "came", "on_target")
    return [
        {"what": key, **{name: Money(value, currency) if name in amounts else value for name, value in found.items()}}
        for (key, currency), found in sorted(sums.items())
    ]


WRITTEN_OFF: tuple[Column, ...] = (
    text_column("agency", "Agency", "who held the accounts"),
    text_column("product", "Product", "kind of loan"),
    *NUMBERS[:4],
)


def gather_written_off(session: Session, asked: Asked) -> list[Section]:
    rows: list[Row] = [
        {
            "agency": f"{row.name} ({row.code})",
            "product": row.product,
            "accounts": row.accounts,
            "principal": Money(row.principal, row.currency),
            "came": Money(row.came, row.currency),
        }
        for row in rows_of(session, OFF_BOOKS, asked)
    ]
    note = (
        "Accounts that stood written off when they were allocated: the claim lives on, and what comes in is income. "
        + LATE
    )
    return [
        Section(
            "Recovered from accounts written off",
            WRITTEN_OFF,
            rows,
            note=note,
            picture="came",
            empty="No written-off account was allocated.",
        )
    ]


REPORT = Report(
    "recovery",
    "Recovery against target",
    "What came in on allocated accounts in a month, beside the targets given for them, by agency, bucket and product.",
    "month",
    gather,
)
WRITE_OFFS = Report(
    "written-off",
    "Recovery of written-off accounts",
    "What a month brought in on accounts that had been written off before they were allocated.",
    "month",
    gather_written_off,
)
