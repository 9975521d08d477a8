"""A month is settled: drafted, handed in, approved by two or three people, taken back; answered, contested and decided; billed."""

from __future__ import annotations

import random
from typing import Any

from allocations.agencies import bank_details
from allocations.agencies.models import Agency
from allocations.agencies.taking_in import KeptFile
from payouts.settlements.answering import accept_statement, deem_accepted
from payouts.settlements.disputes import (
    Claim,
    decide_dispute,
    load_dispute,
    open_dispute,
    propose_decision,
    send_back,
    withdraw_dispute,
)
from payouts.settlements.drafting import draft as draft_month
from payouts.settlements.invoice_rules import Told
from payouts.settlements.invoices import decide_invoice, hand_in, load_invoice, raise_self_invoice
from payouts.settlements.recalling import recall, recall_outdated
from payouts.settlements.service import approve, load, reject, submit
from portal.kernel.files import store_file
from portal.kernel.periods import month_of
from tests.factories.disputed import GSTIN
from tests.factories.month import CHECKER, FINANCE, MAKER, SECOND_CHECKER, SYSTEM
from tests.sequences.acts import operation
from tests.sequences.cast import APPROVERS
from tests.sequences.earning_acts import owner_of
from tests.sequences.stage import Stage

FOLLOWING = "'withholding','withholding_sales_tax','sales_tax','brought_forward','carry_forward','dispute_release'"  # of other lines


def ref_of(stage: Stage, settlement_id: int) -> str:
    return str(stage.value("select ref from settlements where id = :id", id=settlement_id))


# --- maker and checkers


@operation("select id from accrual_runs where is_current and period_start < :this", weight=1.2)
def draft(stage: Stage, dice: random.Random, run_id: int) -> None:
    """The settlements of an accrued month that is over."""
    period = month_of(stage.value("select period_start from accrual_runs where id = :id", id=run_id))
    with stage.bank() as session:
        draft_month(session, period, actor=SYSTEM if dice.random() < 0.9 else FINANCE, now=stage.now)


@operation("select id from settlements where status = 'draft' and period_start < :this", weight=5)
def hand_to_checkers(stage: Stage, dice: random.Random, settlement_id: int) -> None:
    ref = ref_of(stage, settlement_id)
    with stage.bank() as session:
        shown = load(session, ref)
        seen: dict[str, Any] = {"expected_hash": shown.hash, "expected_version": shown.lock_version}
        submit(session, ref, actor=dice.choice((MAKER, FINANCE)), now=stage.now, **seen)


@operation("select id from settlements where status in ('submitted', 'checked')", weight=8)
def turn_a_key(stage: Stage, dice: random.Random, settlement_id: int) -> None:
    """One of the checkers approves what the page shows; whoever turned a key already is refused."""
    ref = ref_of(stage, settlement_id)
    with stage.bank() as session:
        shown = load(session, ref)
        seen: dict[str, Any] = {"expected_hash": shown.hash, "expected_version": shown.lock_version}
        approve(session, ref, actor=dice.choice(APPROVERS), now=stage.now, comment="Seen.", **seen)


@operation("select id from settlements where status in ('submitted', 'checked')", weight=0.5)
def send_settlement_back(stage: Stage, dice: random.Random, settlement_id: int) -> None:
    with stage.bank() as session:
        reject(session, ref_of(stage, settlement_id), actor=SECOND_CHECKER, now=stage.now, reason="Look again.")


@operation("select id from settlements where status in ('approved', 'returned')", weight=0.35)
def take_approval_back(stage: Stage, dice: random.Random, settlement_id: int) -> None:
    with stage.bank() as session:
        recall(session, ref_of(stage, settlement_id), actor=FINANCE, now=stage.now, reason="The wrong month's terms.")


# --- the agency's word


ISSUED = "select id from settlements where status in ('approved', 'paying', 'paid', 'returned')"


@operation(f"{ISSUED} and answer = ''", weight=0.5)
def accept(stage: Stage, dice: random.Random, settlement_id: int) -> None:
    ref, agency_id, seen = stage.rows("select ref, agency_id, hash from settlements where id = :id", id=settlement_id)[
        0
    ]
    with stage.agency(agency_id) as session:
        accept_statement(session, ref, expected_hash=seen, actor=owner_of(stage, agency_id), now=stage.now)


@operation(f"select 1 where exists ({ISSUED} and answer = '' and answer_by_on < :today)", weight=0.7)
def silence_is_consent(stage: Stage, dice: random.Random, _: int) -> None:
    with stage.bank() as session:
        deem_accepted(session, stage.today, actor=SYSTEM, now=stage.now)


CONTESTABLE = f"""
select l.id from settlement_lines l join settlements s on s.id = l.settlement_id
 where s.status in ('approved', 'paying', 'paid', 'returned') and s.answer in ('', 'disputed') and l.amount_minor <> 0
   and l.kind not in ({FOLLOWING}) and (s.answer_by_on is null or s.answer_by_on >= :today)
   and not exists (select from disputes d where d.settlement_line_id = l.id and d.status <> 'withdrawn')
"""


LINE = """
select s.ref, s.agency_id, l.position, l.amount_minor from settlement_lines l join settlements s on s.id = l.settlement_id
 where l.id = :id
"""


@operation(CONTESTABLE, weight=1.2)
def contest(stage: Stage, dice: random.Random, line_id: int) -> None:
    """The agency says a line should have come to more, or to less."""
    ref, agency_id, position, amount = stage.rows(LINE, id=line_id)[0]
    claimed = amount + dice.choice((-abs(amount), -abs(amount) // 2, -100, 5_000_00, 33))
    with stage.agency(agency_id) as session:
        claim = Claim("wrong_rate", "Another rate was agreed.", claimed, position)
        given: dict[str, Any] = {"actor": owner_of(stage, agency_id), "now": stage.now, "today": stage.today}
        open_dispute(session, ref, claim, **given)


def _dispute(stage: Stage, dispute_id: int) -> Any:
    return stage.rows("select * from disputes where id = :id", id=dispute_id)[0]


@operation("select id from disputes where status = 'open'", weight=2)
def propose_verdict(stage: Stage, dice: random.Random, dispute_id: int) -> None:
    """Granted, refused, or something between."""
    row = _dispute(stage, dispute_id)
    granted = dice.choice((row.line_minor, row.claimed_minor, (row.line_minor + row.claimed_minor) // 2))
    with stage.bank() as session:
        propose_decision(
            session, load_dispute(session, row.ref), granted, "As the slab says.", actor=MAKER, now=stage.now
        )


@operation("select id from disputes where status = 'proposed'", weight=2.5)
def give_verdict(stage: Stage, dice: random.Random, dispute_id: int) -> None:
    row = _dispute(stage, dispute_id)
    with stage.bank() as session:
        found = load_dispute(session, row.ref)
        if dice.random() < 0.15:
            send_back(session, found, "Say which slab.", actor=CHECKER, now=stage.now)
        else:
            decide_dispute(session, found, expected_minor=row.proposed_minor, actor=CHECKER, now=stage.now)


@operation("select id from disputes where status in ('open', 'proposed')", weight=0.6)
def give_in(stage: Stage, dice: random.Random, dispute_id: int) -> None:
    """The agency takes its dispute back."""
    row = _dispute(stage, dispute_id)
    with stage.agency(row.agency_id) as session:
        withdraw_dispute(session, row.ref, actor=owner_of(stage, row.agency_id), now=stage.now)


# --- its invoice


UNBILLED = f"""{ISSUED} and (tax -> 'sales_tax' ->> 'base_minor')::bigint > 0 and tax -> 'sales_tax' ->> 'mode' = 'reverse_charge'
  and not exists (select from tax_invoices i where i.settlement_id = settlements.id and i.status in ('proposed', 'accepted'))"""


@operation(UNBILLED, weight=0.4)
def bill(stage: Stage, dice: random.Random, settlement_id: int) -> None:
    """The agency's invoice, or the lender's own for an agency that is not registered."""
    row = stage.rows(
        "select s.*, a.gstin from settlements s join agencies a on a.id = s.agency_id where s.id = :id",
        id=settlement_id,
    )[0]
    if not row.gstin:
        with stage.bank() as session:
            raise_self_invoice(session, row.ref, actor=FINANCE, now=stage.now)
        return
    told = Told(f"SH/{row.id}", stage.today, row.tax["sales_tax"]["base_minor"], 0, GSTIN, True)
    by: dict[str, Any] = {"actor": owner_of(stage, row.agency_id), "now": stage.now}
    with stage.agency(row.agency_id) as session:
        paper = {"name": "invoice.pdf", "media_type": "application/pdf", "agency_id": row.agency_id}
        kept = store_file(session, stage.store, f"Invoice of {row.ref}".encode(), **paper, **by)
        hand_in(session, row.ref, told, file=KeptFile(kept.sha256, "invoice.pdf"), today=stage.today, **by)


@operation("select id from tax_invoices where status = 'proposed'", weight=0.8)
def judge_invoice(stage: Stage, dice: random.Random, invoice_id: int) -> None:
    with stage.bank() as session:
        found = load_invoice(session, invoice_id)
        accept_it = dice.random() < 0.75
        decide_invoice(session, found, accept=accept_it, reason="Not signed.", actor=CHECKER, now=stage.now)


# --- where it is paid


UNMOVED = """
select id from agencies a where (select count(*) from agency_bank_details d where d.agency_id = a.id) < 4
   and not exists (select from agency_bank_details d where d.agency_id = a.id and d.status = 'proposed')
"""


@operation(UNMOVED, weight=0.25)
def move_account(stage: Stage, dice: random.Random, agency_id: int) -> None:
    """The agency wants to be paid elsewhere."""
    number = f"60020{dice.randrange(10**6):06d}"
    with stage.agency(agency_id) as session:
        agency = session.get_one(Agency, agency_id)
        bank_details.propose_bank_detail(
            session, agency, number, "HDFC0001234", agency.legal_name,
            reason="A new branch.", actor=owner_of(stage, agency_id), now=stage.now,
        )  # fmt: skip


@operation("select id from agency_bank_details where status = 'proposed'", weight=1)
def decide_account(stage: Stage, dice: random.Random, detail_id: int) -> None:
    """Looked up at the bank and decided; approvals that stand on the details of before are void in the same transaction."""
    agency_id, version = stage.rows("select agency_id, version from agency_bank_details where id = :id", id=detail_id)[
        0
    ]
    yes = dice.random() < 0.8
    given: dict[str, Any] = {"actor": CHECKER, "now": stage.now}
    with stage.bank() as session:
        agency = session.get_one(Agency, agency_id)
        bank_details.record_name_check(session, agency, version, "exact", agency.legal_name, actor=MAKER, now=stage.now)
        bank_details.decide_bank_detail(session, agency, version, approve=yes, reason="Looked up.", **given)
        if yes:
            recall_outdated(session, agency_id, **given)
