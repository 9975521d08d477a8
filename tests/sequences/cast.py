"""The small world a sequence begins in: two agencies, their accounts, terms of two months, and people with keys and limits."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies.models import Agency, Lender
from payouts.approvals.delegations import NewDelegation, decide_delegation, propose_delegation
from payouts.approvals.limits import NewLimit, decide_limit, propose_limit
from payouts.rails.provider_models import ConnectedAccount
from payouts.rate_cards.service import approve as approve_card
from payouts.rate_cards.service import import_card
from payouts.settlements.signing import rotate
from portal.access.person_ties import decide_tie, propose_tie
from portal.access.users import find_user
from portal.kernel.audit import Actor
from tests.factories.disputed import GSTIN, LENDER_GSTIN
from tests.factories.month import CHECKER, FINANCE, MAKER, SECOND_CHECKER, SYSTEM, a_bank_detail
from tests.factories.world import a_user, an_account, an_agency, an_allocation
from tests.sequences.stage import Stage

ADMIN = Actor(105, "admin@bank.example", "bank_admin")
OTHER_ADMIN = Actor(106, "admin2@bank.example", "bank_admin")
TWIN = Actor(107, "checker.again@bank.example", "bank_approver")  # the checker's second account
DEPUTY = Actor(108, "deputy@bank.example", "bank_approver")  # stands in for the second checker
JUNIOR = Actor(109, "junior@bank.example", "bank_approver")  # approves next to nothing
APPROVERS = (CHECKER, SECOND_CHECKER, DEPUTY, TWIN)
PAYERS = (CHECKER, SECOND_CHECKER, DEPUTY)

THIRD_KEY_MINOR = 30_000_00
BATCH_THIRD_KEY_MINOR = 60_000_00
JUNIOR_MINOR = 10_00
ENDS = date(2027, 1, 15)

CARD = """
code = "T"
currency = "INR"
effective_from = {start}
{end}
effective_by = "collection"
[[rule]]
id = "cash"
when = {{ source = ["agency"], opening_bucket = ["31-60"] }}
slabs = [ {{from = 0, rate = "{rate}"}} ]
[agency]
holdback = {{ rate = "0.10", release_after_days = 20 }}
"""


def set_up(stage: Stage) -> Stage:
    """Fill an empty database with the cast; SHAKTI bills its tax and is paid by file, VEGA has an account at the provider too."""
    with stage.bank() as session:
        session.scalars(select(Lender)).one().gstin = LENDER_GSTIN
        for code in ("SHAKTI", "VEGA"):
            stage.agencies[code] = _an_agency(session, code)
        _people(session, stage.now)
        _keys(session, stage)
        terms(session, stage, date(2026, 4, 1), date(2026, 10, 31), "0.05")
        terms(session, stage, date(2026, 11, 1), date(2026, 11, 30), "0.06")
        vega = stage.agencies["VEGA"][0]
        session.add(
            ConnectedAccount(
                agency_id=vega,
                provider="stripe_connect",
                account_id="acct_vega",
                currency="INR",
                country="IN",
                is_live=False,
                can_be_paid=True,
                made_by="f",
                made_at=stage.now,
            )
        )
        rotate(session, actor=SYSTEM, now=stage.now)
    stage.ask_constraints()
    stage.later()
    return stage


def _an_agency(session: Session, code: str) -> tuple[int, Actor]:
    own = {"pan": "AAPFU0939F", "gstin": GSTIN} if code == "SHAKTI" else {"pan": "AAVFV1234K"}
    agency: Agency = an_agency(session, code, email=f"{code.lower()}@agency.example", **own)
    a_bank_detail(session, agency)
    for number in (1, 2):
        account = an_account(session, f"LN-{code}-{number}")
        an_allocation(session, account, agency, from_on=date(2026, 10, 1), to_on=date(2027, 3, 31))
    return agency.id, a_user(session, f"owner@{code.lower()}.example", "agency_owner", agency)


def _people(session: Session, now: datetime) -> None:
    for each in (CHECKER, TWIN, SECOND_CHECKER, DEPUTY, JUNIOR, MAKER, FINANCE):
        a_user(session, each.email, each.role)
    twin = find_user(session, TWIN.email)
    tie = propose_tie(session, twin, CHECKER.email, reason="She has two accounts.", actor=ADMIN, now=now)
    decide_tie(session, tie, accept=True, actor=OTHER_ADMIN, now=now)


def _keys(session: Session, stage: Stage) -> None:
    """From some amount on three people; one who may approve hardly anything; one who stands in for another."""
    now, today = stage.now, stage.today
    for subject, role, above in (
        ("settlement", "bank_approver", THIRD_KEY_MINOR),
        ("batch", "bank_approver", BATCH_THIRD_KEY_MINOR),
    ):
        new = NewLimit(subject, role, "INR", today, "House rule.", third_key_above_minor=above)
        decide_limit(
            session, propose_limit(session, new, actor=ADMIN, now=now, today=today),
            accept=True, actor=OTHER_ADMIN, now=now,
        )  # fmt: skip
    for subject in ("settlement", "batch"):
        small = NewLimit(
            subject, "bank_approver", "INR", today, "New here.", email=JUNIOR.email, up_to_minor=JUNIOR_MINOR
        )
        decide_limit(
            session, propose_limit(session, small, actor=ADMIN, now=now, today=today),
            accept=True, actor=OTHER_ADMIN, now=now,
        )  # fmt: skip
    stands_in = NewDelegation(SECOND_CHECKER.email, DEPUTY.email, today, ENDS, "Holidays.")
    decide_delegation(
        session, propose_delegation(session, stands_in, actor=ADMIN, now=now, today=today),
        accept=True, actor=OTHER_ADMIN, now=now,
    )  # fmt: skip


def terms(session: Session, stage: Stage, start: date, end: date | None, rate: str) -> None:
    """A version of the card for these days, imported by one and approved by another."""
    until = f"effective_to = {end}" if end else ""
    version = import_card(session, CARD.format(start=start, end=until, rate=rate), actor=MAKER, now=stage.now)
    approve_card(session, "T", version.version, actor=CHECKER, now=stage.now, comment="As agreed.")
