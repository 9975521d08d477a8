"""Random small worlds in which everything collides with everything: few references, amounts and days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import strategies as st

from allocations.reconciliation.matching.facts import World
from allocations.reconciliation.matching.ladder import LADDER
from allocations.reconciliation.matching.matcher import Matches
from tests.unit.reconciliation.worlds import line, link, posting, receipt, world

FIRST = date(2026, 10, 1)
ACCOUNTS = (101, 102, 103)
REFERENCES = ["UTRAAAA00001", "UTRAAAA0000I", "445566", "0451", "S-77", "R-001", "R-002", "LAN101", "LAN102"]
VIRTUAL = {101: "PARB0101", 102: "PARB0102", 103: ""}
SIGNS = [*REFERENCES, "PARB0101", "PARB0102", "ravi@okhdfc", "AG1-A01", "AG2-A02"]
AMOUNTS = [1000_00, 1000_50, 2000_00, 2217_00, 3000_00, 4455_66, 4, 60]
MODES = ["upi", "neft", "cash", "cheque"]
days = st.integers(0, 20).map(lambda number: FIRST + timedelta(days=number))
Story = tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]


@st.composite
def stories(draw: st.DrawFn, most: int = 6, postings: int = 3) -> Story:
    """Receipts, credits, postings and terms as the builders of `worlds` write them."""
    references, signs = st.sampled_from(["", *REFERENCES]), st.sampled_from(["", *SIGNS])
    receipts = [a_receipt(draw, number, references) for number in range(1, draw(st.integers(1, most)) + 1)]
    lines = [
        line(
            number,
            draw(st.sampled_from(AMOUNTS)),
            draw(days),
            draw(signs),
            draw(signs),
            side=draw(st.sampled_from(["credit", "credit", "credit", "debit"])),
        )
        | {"mode": draw(st.sampled_from(["", "", *MODES])), "told": draw(st.sampled_from([(), (), (1,), (1, 2)]))}
        for number in range(1, draw(st.integers(0, most)) + 1)
    ]
    booked = [
        posting(
            number,
            draw(st.sampled_from(AMOUNTS)),
            draw(days),
            draw(st.sampled_from(ACCOUNTS)),
            utr=draw(references),
            no=draw(st.sampled_from(["", "R-001", "R-002"])),
            reverses=draw(st.sampled_from(["", "", "", "P1"])) if number > 1 else "",
        )
        for number in range(1, draw(st.integers(0, postings)) + 1)
    ]
    terms = [
        {
            "loan_account_id": account,
            "agency_id": draw(st.integers(1, 2)),
            "from_day": FIRST.toordinal(),
            "to_day": draw(days).toordinal(),
        }
        for account in ACCOUNTS
    ]
    return receipts, lines, booked, terms


def a_receipt(draw: st.DrawFn, number: int, references: st.SearchStrategy[str]) -> dict[str, Any]:
    agency, account = draw(st.integers(1, 2)), draw(st.sampled_from(ACCOUNTS))
    row = receipt(
        number,
        draw(st.sampled_from(AMOUNTS)),
        draw(days),
        utr=draw(references),
        slip=draw(st.sampled_from(["", "S-77", "S-78", "0451"])),
        no=draw(st.sampled_from([f"Q-{number}", "R-001", "R-002", "445566"])),
        ref=f"receipt-{number}",
        agency=agency,
        account=account,
        mode=draw(st.sampled_from(MODES)),
    )
    fold = row["instrument_key"].replace("I", "1").replace("S", "5").replace("L", "1").replace("B", "8")
    return row | {
        "va_key": VIRTUAL[account],
        "fold_key": fold if fold != row["instrument_key"] else "",
        "agency_key": f"AG{agency}",
        "agent_key": f"AG{agency}A0{agency}",
        "emi": 1000_00,
        "reported_at": draw(st.sampled_from([0, 5, 20])),
    }


OTHERS = str.maketrans("QRSALPT", "XYWHNKU")
PAYERS = [{"key": "VPA:RAVI@OKHDFC", "loan_account_id": 103}]


def world_of(story: Story, links: Any = (), through: date | None = None) -> World:
    """The world of a story; with `through`, of its lines and postings up to that day."""
    receipts, lines, postings, terms = story
    if through:
        lines = [each for each in lines if each["day"] <= through.toordinal()]
        postings = [each for each in postings if each["day"] <= through.toordinal()]
    more = {"through": through} if through else {}
    made = world(receipts, lines, postings, terms=terms, links=links, **more)
    return World.of(
        made.through,
        collections=made.collections,
        lines=made.lines,
        line_keys=made.line_keys,
        postings=made.postings,
        terms=made.terms,
        links=made.links,
        payers=PAYERS,
        told=[
            {"line_id": each["id"], "agency_id": agency, "at": 10, "loan_key": "LAN101", "va_key": "PARB0101"}
            for each in lines
            for agency in each.get("told", ())
        ],
    )


def as_facts(matches: Matches) -> list[dict[str, Any]]:
    """What a run confirmed, as links of the next."""
    found = []
    for number, row in enumerate(matches.confirmed.to_dict("records"), 1):
        ids = {"line": row["line_id"], "posting": row["posting_id"]}
        made = link(number, row["collection_id"], row["amount"], rule=row["rule"], **ids)
        found.append(made | {"rule_version": row["rule_version"]})
    return found


def beside(story: Story, step: int) -> Story:
    """The same story among other people: every id, account, agency and key is another, nothing else. Short keys stay short."""
    receipts, lines, postings, terms = story

    def key(text: str) -> str:
        if len(text) < LADDER.weak_number and not text.isdigit():
            return text.translate(OTHERS)
        return f"{text}Z{step}"

    keyed = ("loan_key", "va_key", "receipt_key", "instrument_key", "slip_key", "fold_key", "agency_key", "agent_key")
    moved = {"id": step, "loan_account_id": step, "agency_id": step}

    def other(row: dict[str, Any]) -> dict[str, Any]:
        named = {name: key(row[name]) for name in keyed if name in row}
        shifted = {name: row[name] + by for name, by in moved.items() if name in row}
        refs = {"ref": f"{row['ref']}-{step}"} if "ref" in row else {}
        keys = {"keys": [key(each) for each in row["keys"]]} if "keys" in row else {}
        back = {"reverses": f"{row['reverses']}-{step}"} if row.get("reverses") else {}
        return row | named | shifted | refs | keys | back

    return tuple([other(row) for row in rows] for rows in (receipts, lines, postings, terms))  # type: ignore[return-value]


def together(one: Story, other: Story) -> Story:
    return tuple(a + b for a, b in zip(one, other, strict=True))  # type: ignore[return-value]
