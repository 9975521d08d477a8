"""A real portfolio runs six months through placement, outcomes and scorecards, and every figure equals the truth of its source.

The suite walks a few hundred clients. PORTAL_REAL_MONTH=30000 walks all of them (`-m slow -s` prints what came out and what it took).
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from allocations.agencies.models import Agency, Agent
from allocations.placements.curve_queries import curves, flows
from allocations.scorecards.queries import find_run, read_off
from allocations.scorecards.schemes import decide_scheme, propose_scheme
from portal.demo.files import sheet
from portal.kernel.audit import Actor
from portal.kernel.db import bank_scope, unit_of_work
from portal.kernel.periods import month_of
from tests.real_data.six_months import ENDS, MONTHS, Month, SixMonths, build
from tests.real_data.six_scores import TERMS, TICKETS, scores_of
from tests.real_data.six_telling import say_before, say_curves, say_month, say_outcomes, say_scores
from tests.real_data.six_truth import SixTruth
from tests.real_data.uci_month import BANK_ACCOUNT, SOURCE, agencies_csv
from tests.real_data.uci_world import FIRMS, Money
from tests.real_data.walking import CHECKER, MAKER, REFUSED, Walk, minor, open_the_bank

pytestmark = pytest.mark.real_data

SIZE = 450
SEED = 2005
CARD = Path(__file__).with_name("six_months.toml")
PLACING = Path(__file__).with_name("six_months_strategy.toml")
SOMEBODY_FIT: dict[str, Any] = {
    "code": "FIT",
    "name": "Certified and verified",
    "certificate_no": "DRA-1",
    "verified_until": date(2099, 12, 31),
}
STRATEGY, CHAMPIONS, CHALLENGER, PERCENT = "LATE-CARDS", ("SHAKTI", "NILGIRI"), "YAMUNA", 25


@dataclass
class Half:
    """The walk, what lives, and what must come out. `scored`: month → the hashes of its scoring."""

    walk: Walk
    world: SixMonths
    truth: SixTruth
    client_of: Callable[[str], Any]
    scored: dict[str, tuple[str, str]] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    @property
    def regions(self) -> dict[str, str]:
        return {each.no: each.region for each in self.world.people}

    def run(self, day: date, *words: object, as_email: str | None = None) -> dict[str, Any]:
        return self.walk.run(day, *words, as_email=as_email)

    def write(self, name: str, data: bytes) -> Path:
        path = self.walk.file(name)
        path.write_bytes(data)
        return path


@pytest.fixture
def half(
    cli: Any, clock: Any, database: Any, tmp_path: Path, real_data: Path, client_of: Callable[[str], Any]
) -> Callable[[int], Half]:
    def begin(size: int) -> Half:
        begun = time.perf_counter()
        world = build(real_data / SOURCE, size, SEED)
        truth = SixTruth(real_data / SOURCE, [each.no for each in world.people])
        walk = Walk(cli, clock, database, tmp_path, [("generate", time.perf_counter() - begun)])
        return Half(walk, world, truth, client_of)

    return begin


@pytest.mark.timeout(300)  # a hundred commands, each waiting its turn where others work
def test_six_months_of_real_accounts_equal_their_truth(half: Callable[[int], Half]) -> None:
    six_months_equal_their_truth(half(SIZE))


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.skipif(
    "PORTAL_REAL_MONTH" not in os.environ, reason="set PORTAL_REAL_MONTH=30000 to walk the whole portfolio"
)
def test_six_months_of_the_whole_portfolio_equal_their_truth(half: Callable[[int], Half]) -> None:
    months = half(int(os.environ["PORTAL_REAL_MONTH"]))
    try:
        six_months_equal_their_truth(months)
    finally:
        print("\n" + "\n".join(months.told))
        print("\n".join(f"{seconds:8.1f} s  {name}" for name, seconds in months.walk.took))


def six_months_equal_their_truth(half: Half) -> None:
    the_bank_opens(half)
    for month in MONTHS:
        late_accounts_are_placed(half, month)
        money_comes_in(half, month)
        outcomes_equal_their_truth(half, month)
        commission_is_accrued(half, month)
        scores_equal_their_truth(half, month)
        cured_accounts_are_recalled(half, month)
    every_month_is_scored_again(half)
    arms_are_read_off(half)
    curves_equal_their_truth(half)
    every_page_of_it_opens(half)


def the_bank_opens(half: Half) -> None:
    day = ENDS[0]
    half.write("agencies.csv", agencies_csv())
    open_the_bank(half.walk, day)
    with half.walk.database.logins.session(bank_scope(day)) as session, unit_of_work(session):
        session.add_all(Agent(agency_id=each, **SOMEBODY_FIT) for each in session.scalars(select(Agency.id)))
    accounts_are_told(half, 0)
    card = half.run(day, "rate-card", "import", CARD, as_email=MAKER)
    version = ("--version", card["version"], "--comment", "One rate, as agreed.")
    assert half.run(day, "rate-card", "approve", card["card"], *version, as_email=CHECKER)["status"] == "approved"
    now, reason = half.walk.clock.now(), "Only what the source tells."
    with half.walk.database.logins.session(bank_scope(day)) as session, unit_of_work(session):
        proposed = propose_scheme(
            session, TERMS, effective_from=MONTHS[0].first, reason=reason, actor=acting(MAKER), now=now
        )
        decide_scheme(session, proposed, approve=True, actor=acting(CHECKER), now=now)
    told = half.run(day, "strategies", "import", PLACING, "--reason", reason, as_email=MAKER)
    half.run(day, "strategies", "approve", f"{told['strategy']}/{told['version']}", as_email=CHECKER)


def acting(email: str) -> Actor:
    return Actor(None, email, "bank_operator" if email == MAKER else "bank_approver")


def accounts_are_told(half: Half, end: int) -> None:
    day, many = ENDS[end], len(half.world.people)
    file = half.write(f"accounts-{day}.csv", half.world.accounts_csv(end))
    told = half.run(day, "accounts", "import", file, "--as-of", day)
    assert (told["rows"], told["rejected"]) == (many, 0)
    assert (told["created"] if end == 0 else told["updated"]) == many


def late_accounts_are_placed(half: Half, month: Month) -> None:
    """Whoever is late and with nobody is placed, and never with the agency that held the account last.

    A challenger is alone in its arm: what is drawn for it and was with it last waits a month, and says why.
    """
    eligible, before = half.truth.eligible(month.number), dict(half.truth.before)
    given, waiting = place(half, month)
    assert set(given) | waiting == eligible and not set(given) & waiting
    assert all(before.get(no) != code for no, code in given.items())
    assert all(before[no] == CHALLENGER for no in waiting)
    drawn = len(waiting) + sum(code == CHALLENGER for code in given.values())
    assert drawn == int(Fraction(len(eligible) * PERCENT, 100) + Fraction(1, 2))
    half.truth.place(month.number, given)
    stored = half.walk.rows(
        "select loan_account_no, g.code from allocations a join agencies g on g.id = a.agency_id"
        f" where term @> date '{month.first}'"
    )
    assert dict(stored) == half.truth.holders(month.number)
    half.told.append(f"{month.label}: {len(given)} placed, {len(waiting)} wait for another agency")


def place(half: Half, month: Month) -> tuple[dict[str, str], set[str]]:
    """The month's placement drawn, handed in and approved by another: account → agency, and late accounts nobody takes yet."""
    asked = (
        "strategies",
        "run",
        STRATEGY,
        "--as-of",
        month.first,
        "--to",
        month.term_end,
        "--seed",
        SEED + month.number,
    )
    run = half.run(month.first, *asked, as_email=MAKER)
    again = half.run(month.first, *asked, "--preview")
    assert {**again, "run": run["run"], "status": "draft"} == run
    half.run(month.first, "strategies", "submit", run["run"], as_email=MAKER)
    half.walk.run(month.first, "strategies", "approve", run["run"], fine=REFUSED, as_email=MAKER)
    half.run(month.first, "strategies", "approve", run["run"], as_email=CHECKER)
    rows = half.walk.rows(
        "select loan_account_no, taker, reason from strategy_choices c join strategy_runs r on r.id = c.run_id"
        f" where r.ref = '{run['run']}'"
    )
    assert {reason for _, _, reason in rows} <= {"", "same_again", "already_allocated", "no_rule", "nothing_owed"}
    return {no: taker for no, taker, _ in rows if taker}, {no for no, _, reason in rows if reason == "same_again"}


def money_comes_in(half: Half, month: Month) -> None:
    """What agencies report, the bank sees and core banking books; what came late or never is the only break."""
    world, day = half.world, month.done_on
    world.live(month, half.truth.holders(month.number))
    paid = half.truth.paid(month.number)
    for firm in FIRMS:
        file = half.write(f"collections-{month.label}-{firm.code}.csv", world.collections_csv(month, firm))
        told = half.run(day, "collections", "import", file, "--agency", firm.code)
        assert (told["rejected"], minor(told["total"])) == (0, paid.get(firm.code, 0))
    (statement,) = half.run(day, "bank", "import", half.write(f"statement-{month.label}.xml", world.statement(month)))[
        "statements"
    ]
    assert (statement["account"], statement["status"], statement["flags"]) == (BANK_ACCOUNT, "proved", [])
    told = half.run(day, "postings", "import", half.write(f"postings-{month.label}.csv", world.postings_csv(month)))
    assert told["rejected"] == 0
    told = half.run(day, "reconcile", "--through", month.last)
    missing = [each for _, each in world.missing(month)]
    breaks = {code: (each["count"], minor(each["amount"])) for code, each in told["breaks"].items()}
    assert breaks == {"R01": (len(missing), sum(each.amount for each in missing))}
    assert (minor(told["suspense"]), told["suggested"]) == (0, 0)


def seen(half: Half, month: Month) -> list[Money]:
    """Receipts the bank saw in the month: those of the month that came, and the late ones of the month before."""
    missing = {each.receipt_no for some in (half.world.late, half.world.undeposited) for each in some[month.number]}
    own = [each for each in half.world.reported[month.number] if each.receipt_no not in missing]
    return [*own, *half.world.late.get(month.number - 1, [])]


def outcomes_equal_their_truth(half: Half, month: Month) -> None:
    """By agency, opening and closing bucket, to the account and the minor unit of principal; read again, nothing changes."""
    accounts_are_told(half, month.number)
    told = half.run(month.done_on, "outcomes", "freeze", "--period", month.label)
    (stored,) = half.walk.rows(
        f"select summary -> 'cells' from outcome_sets where is_current and period_start = '{month.first}'"
    )
    cells = {(firm, was, now, what): (many, pos) for firm, was, now, what, _, many, pos in stored[0]}
    truth = half.truth.cells(month.number)
    assert cells == truth
    assert told["not_measured"] == 0 and not told["unknown_buckets"]
    assert told["resolved_percent"] == cut(resolved(truth))
    for firm, sums in told["by_agency"].items():
        assert sums["resolved_percent"] == cut(resolved(truth, firm))
    for sums in (told, *told["by_agency"].values(), *told["by_bucket"].values()):
        for kind in ("percent_of_accounts", "percent_of_principal"):
            assert sum(Decimal(each[kind]) for each in sums["outcomes"].values()) == 100
    rolled = {
        (was, now): (each["accounts"], minor(each["principal"]))
        for was, row in told["roll_rates"].items()
        for now, each in row.items()
    }
    assert rolled == matrix(truth)
    assert all(sum(Decimal(each["percent"]) for each in row.values()) == 100 for row in told["roll_rates"].values())
    again = half.run(month.done_on, "outcomes", "freeze", "--period", month.label)
    assert again["created"] is False and {**again, "created": True} == told
    say_outcomes(half.told, month, told)
    say_before(half.told, half.truth.judged(month.number), half.truth.held)


Cells = dict[tuple[str, str, str, str], tuple[int, int]]


def resolved(cells: Cells, firm: str | None = None) -> Fraction:
    own = {key: pos for key, (_, pos) in cells.items() if firm in (None, key[0])}
    return Fraction(100 * sum(pos for key, pos in own.items() if key[3] != "rolled_forward"), sum(own.values()))


def matrix(cells: Cells) -> dict[tuple[str, str], tuple[int, int]]:
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for (_, was, now, _), (many, pos) in cells.items():
        had = found.get((was, now), (0, 0))
        found[was, now] = had[0] + many, had[1] + pos
    return found


def cut(percent: Fraction) -> str:
    """Two decimals, cut off: what is not reached is not shown as reached."""
    return f"{Decimal(int(percent * 100)).scaleb(-2)}"


def commission_is_accrued(half: Half, month: Month) -> None:
    told = half.run(month.done_on, "accrue", "--period", month.label)
    truth = half.truth.fees(seen(half, month))
    assert {code: minor(each["total"]) for code, each in told["by_agency"].items()} == truth
    say_month(half.told, half.world.reported[month.number], seen(half, month), truth)


def scores_equal_their_truth(half: Half, month: Month) -> None:
    """Raw numbers, values like for like, points and places; computed twice it is the same; another person publishes."""
    words = ("scores", "--period", month.label)
    told = half.run(month.done_on, *words, as_email=MAKER)
    again = half.run(month.done_on, *words, as_email=MAKER)
    assert again == told and told["version"] == 1
    cards = {card["agency"]: card for card in told["scorecards"]}
    raws = half.truth.raws(month.number, half.world.reported[month.number], seen(half, month))
    assert {code: measured(card) for code, card in cards.items()} == raws
    scores = scores_of(raws, half.truth.adjusted(month.number, half.regions, TICKETS))
    assert {code: card["score"] for code, card in cards.items()} == {
        code: f"{score:.2f}" for code, score in scores.items()
    }
    places = {code: 1 + sum(other > score for other in scores.values()) for code, score in scores.items()}
    assert {code: card["place"] for code, card in cards.items()} == places
    half.walk.run(month.done_on, *words, "--publish", fine=REFUSED, as_email=MAKER)
    published = half.run(month.done_on, *words, "--publish", as_email=CHECKER)
    assert published["published"] and published["result_hash"] == told["result_hash"]
    half.scored[month.label] = told["input_hash"], told["result_hash"]
    champions_are_told_from_the_challenger(half, month)
    say_scores(half.told, cards)


def champions_are_told_from_the_challenger(half: Half, month: Month) -> None:
    """Each champion against the challenger on what both had, as the page reads it off."""
    period = month_of(month.first)
    with half.walk.database.logins.session(bank_scope(month.done_on)) as session:
        run = find_run(session, period)
        for champion in CHAMPIONS:
            truth = half.truth.against(month.number, half.regions, TICKETS, champion, CHALLENGER)
            for measure, ahead in truth.items():
                told = read_off(session, run.id, champion, CHALLENGER, measure)
                assert told is not None and told.difference == ahead
                half.told.append(f"  {champion} to {CHALLENGER}, {measure}: {float(ahead):+.2f}, chance {told.chance}")


def measured(card: dict[str, Any]) -> dict[str, tuple[int, int, int]]:
    return {each["code"]: (each["numerator"], each["denominator"], each["cases"]) for each in card["measures"]}


def cured_accounts_are_recalled(half: Half, month: Month) -> None:
    """Nobody works an account that is no longer late: its last day was the month's last."""
    back, day = half.truth.normalised(month.number), month.done_on
    if back:
        file = half.write(f"recall-{month.label}.csv", sheet(["loan_account_no"], ([no] for no in sorted(back))))
        words = ("allocations", "recall", file, "--on", month.last, "--reason", "Nothing is due any more.")
        told = half.run(day, *words, as_email=MAKER)
        assert (told["accounts"], told["left"]) == (len(back), [])
        open_money = half.truth.open_money(back, month.number, half.world.missing(month))
        assert {each["agency"]: minor(each["not_seen_at_bank"]) for each in told["agencies"]} == open_money
    half.truth.recall(month.number)


def every_month_is_scored_again(half: Half) -> None:
    """With all that happened since, each month comes out as it did; and nothing that is stored contradicts anything."""
    day = MONTHS[-1].done_on
    for label, hashes in half.scored.items():
        told = half.run(day, "scores", "--period", label, as_email=MAKER)
        assert (told["input_hash"], told["result_hash"]) == hashes and told["published"]
    assert half.run(day, "verify")["differences"] == []


def arms_are_read_off(half: Half) -> None:
    """Of each run, how many accounts each arm still had in a month and what was resolved of their principal."""
    for placed in MONTHS:
        run = half.run(MONTHS[-1].done_on, "strategies", "show", f"{STRATEGY}-{placed.first:%Y%m%d}-1")
        told = {each["period"]: (each["accounts"], each["resolved_percent"]) for each in run["months"]}
        assert told == {
            month.label: half.truth.arms(placed.number, month.number, CHALLENGER)
            for month in MONTHS[placed.number - 1 : placed.number + 2]
        }
        half.told.append(
            f"{placed.label}: " + ", ".join(f"{each['difference']} ({each['chance']})" for each in run["months"])
        )


def curves_equal_their_truth(half: Half) -> None:
    """What each month's placements brought in month by month, and how much of each bucket flowed on."""
    paid = [
        (number, each)
        for number, months in half.world.reported.items()
        for each in months
        if each.credit_on and each.credit_on <= MONTHS[-1].last
    ]
    truth = half.truth.vintages(paid)
    with half.walk.database.logins.session(bank_scope(MONTHS[-1].done_on)) as session:
        found, flowed = curves(session, month_of(MONTHS[-1].first)), flows(session, month_of(MONTHS[-1].first))
    told = {each.month.month - 4: (each.accounts, each.placed_minor, list(each.cash_minor)) for each in found.vintages}
    assert told == truth
    for at, row in enumerate(found.liquidation):
        reached = [(owed, cash[at]) for _, owed, cash in truth.values() if len(cash) > at]
        assert (row.placed_minor, row.cash_minor) == (
            sum(owed for owed, _ in reached),
            sum(cash for _, cash in reached),
        )
    on = {(each.bucket, each.month.month - 4): each.forward_minor for row in flowed.values() for each in row}
    forward: Counter[tuple[str, int]] = Counter()
    for month in MONTHS:
        for (_, was, _, what), (_, pos) in half.truth.cells(month.number).items():
            forward[was, month.number] += pos * (what == "rolled_forward")
    assert on == forward
    say_curves(half.told, found)


PAGES = (
    *(
        "/bank/outcomes?period=2026-10",
        "/bank/outcomes?period=2026-10&agency=SHAKTI",
        "/bank/outcomes/2026-10/accounts",
    ),
    *(
        "/bank/curves?period=2026-10",
        "/bank/curves/2026-08/accounts?on_book=2",
        "/bank/curves/export.csv?period=2026-10",
    ),
    *(
        "/bank/scorecards?period=2026-10",
        "/bank/scorecards/2026-10/YAMUNA",
        "/bank/scorecards/2026-10/SHAKTI/against/YAMUNA",
    ),
    *(
        "/bank/scorecards/2026-10/export.csv",
        f"/bank/placements/{STRATEGY}-20261001-1",
        f"/bank/strategy-runs/{STRATEGY}-20260801-1",
    ),
)


def every_page_of_it_opens(half: Half) -> None:
    browser = half.client_of(CHECKER)
    for page in PAGES:
        begun = time.perf_counter()
        assert browser.get(page).status_code == 200, page
        half.walk.took.append((page, time.perf_counter() - begun))
