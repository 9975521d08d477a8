"""An approved settlement whose account changed, and which cannot be taken back: two people point it to the new one, and it is paid."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from allocations.agencies.bank_details import decide_bank_detail, propose_bank_detail
from allocations.agencies.models import AgencyBankDetail
from payouts.approvals.models import ApprovalLimit
from payouts.difference import Findings
from payouts.rails.batches import approve_batch, make_batch
from payouts.rails.freezing import thawed_instruction
from payouts.rails.models import Payout
from payouts.rails.rechecks import why_not_payable
from payouts.rails.sending import start_sending
from payouts.settlements.destination import moves_of
from payouts.settlements.dispute_models import Dispute
from payouts.settlements.recalling import has_outdated_payee, recall_outdated
from payouts.settlements.repointing import (
    accept_repointing,
    propose_repointing,
    reject_repointing,
    why_not_accept,
    withdraw_repointing,
)
from payouts.settlements.repointing_models import SettlementRepointing
from payouts.trace import trace
from payouts.verify import verify
from payouts.verify_decided import check_decided
from payouts.verify_keys import check_keys
from payouts.verify_payouts import check_payouts
from payouts.verify_repointed import check_repointed
from portal.kernel.audit import Actor
from portal.kernel.db import unit_of_work
from portal.kernel.errors import Forbidden, Invalid, Refused, Stale
from portal.kernel.notices import Notice
from tests.factories.browser import once_in
from tests.factories.disputed import SHAKTI, Issued, an_issued_month
from tests.factories.month import CHECKER, FINANCE, MAKER, OCTOBER, SECOND_CHECKER, SYSTEM
from tests.factories.world import a_user

THIRD = Actor(109, "checker3@bank.example", "bank_approver")
CHANGER = Actor(110, "operator2@bank.example", "bank_operator")
WHY = "The agency moved its account while a line is contested."


def change_account(issued: Issued, number: str = "0917", version: int = 2) -> None:
    """Proposed by an operator, approved by the second checker, and rested."""
    with unit_of_work(issued.bank):
        agency = issued.shakti()
        propose_bank_detail(issued.bank, agency, number, "UTIB0000917", "Shakti", actor=CHANGER, now=issued.now)
        given = {"approve": True, "reason": "Called back.", "actor": SECOND_CHECKER, "now": issued.now}
        decide_bank_detail(issued.bank, agency, version, **given)
        _, kept = recall_outdated(issued.bank, agency.id, actor=SECOND_CHECKER, now=issued.now)
        assert [ref for ref, _ in kept] == [SHAKTI], "a line is contested: the approval stands"


@pytest.fixture
def stuck(bank_session, agency_session, now) -> Issued:
    """Disputed, and its account changed since: neither to be recalled nor to be paid. `now` is when the new account has rested."""
    issued = an_issued_month(bank_session, agency_session, now)
    issued.dispute(issued.claim(claimed=45_000_00))
    change_account(issued)
    issued.now = now + timedelta(hours=72)
    return issued


def propose(issued: Issued, by: Actor = MAKER, at: datetime | None = None, **given: object) -> SettlementRepointing:
    with unit_of_work(issued.bank):
        told = {"reason": WHY} | given
        return propose_repointing(issued.bank, SHAKTI, actor=by, now=at or issued.now, **told)  # type: ignore[arg-type]


def accept(issued: Issued, ref: str, by: Actor = CHECKER, **given: str) -> SettlementRepointing:
    with unit_of_work(issued.bank):
        return accept_repointing(issued.bank, ref, actor=by, now=issued.now, **given)


def pay(issued: Issued, store) -> Payout:
    with unit_of_work(issued.bank):
        batch = make_batch(issued.bank, store, OCTOBER, "bank_file", actor=FINANCE, now=issued.now).batch.ref
    with unit_of_work(issued.bank):
        approve_batch(issued.bank, store, batch, actor=THIRD, now=issued.now)
    with unit_of_work(issued.bank):
        start_sending(issued.bank, actor=SYSTEM, now=issued.now)
    query = select(Payout).where(Payout.settlement_id == issued.settlement().id).order_by(Payout.id.desc())
    return issued.bank.scalars(query).first()


def found(issued: Issued) -> set[tuple[str, str]]:
    findings = Findings()
    check_repointed(issued.bank, findings)
    check_payouts(issued.bank, findings, None)
    check_keys(issued.bank, findings)
    check_decided(issued.bank, findings, None)
    return {(each.ref, each.field) for each in findings.differences}


def test_two_people_point_it_to_the_new_account_and_it_is_paid_there(stuck, file_store):
    statement, issued_hash = stuck.settlement().statement_text, stuck.settlement().hash
    assert "point it to the new ones" in why_not_payable(stuck.bank, stuck.settlement(), now=stuck.now)
    made = propose(stuck, expected_version=2)
    assert (made.ref, made.status, made.statement_hash, made.amount_minor) == (
        f"RP-{SHAKTI}-1",
        "proposed",
        issued_hash,
        73_400_00,
    )
    assert accept(stuck, made.ref, expected_hash=made.hash).status == "accepted"
    assert (stuck.settlement().statement_text, stuck.settlement().hash) == (statement, issued_hash), "issued is issued"
    assert not has_outdated_payee(stuck.bank, stuck.settlement())
    payout = pay(stuck, file_store)
    to = stuck.bank.get_one(AgencyBankDetail, payout.bank_detail_id)
    assert (payout.status, payout.amount_minor, to.account_no, payout.repointing_id) == (
        "sending",
        73_400_00,
        "0917",
        made.id,
    )
    frozen = thawed_instruction(payout.request)
    assert (frozen.beneficiary.account_no, frozen.pointed_by) == ("0917", made.hash)
    assert verify(stuck.bank, file_store).differences == []
    dispute = stuck.bank.scalar(select(Dispute.ref))
    for start in (made.ref, dispute, payout.ref):
        nodes = {node.ref: node for node in trace(stuck.bank, start).chain}
        assert {made.ref, dispute, payout.ref, SHAKTI} <= nodes.keys(), start
        assert f"repointing:{made.ref}" in nodes[payout.ref].down and f"settlement:{SHAKTI}" in nodes[made.ref].down
        assert nodes[dispute].down == [f"statement_line:{SHAKTI}/1"]
    seen = {node.ref: node.facts for node in trace(stuck.agency, dispute).chain}
    assert seen[made.ref]["sha256"] == made.hash and "proposed_by" not in seen[made.ref]
    assert b"0917" in file_store.read(stuck.bank.scalar(text("select file_sha256 from payout_batches")))


def test_the_agency_is_told_at_every_address_either_account_was_ever_told_to(stuck):
    with unit_of_work(stuck.bank):
        stuck.shakti().email = "new@shakti.example"
    made = propose(stuck)
    accept(stuck, made.ref)
    told = stuck.bank.scalars(select(Notice).where(Notice.key.startswith("repointed:"))).all()
    before = stuck.bank.scalars(select(Notice.to_address).where(Notice.key.startswith("bank-detail:"))).all()
    assert {"new@shakti.example", *before} == {each.to_address for each in told} and before
    (body,) = {each.body for each in told}
    assert made.hash in body and WHY in body and "••••" in body and "•0917" not in body.replace("••0917", "")
    (seen,) = moves_of(stuck.agency, stuck.settlement().id)
    assert (seen.ref, seen.hash, seen.now_version) == (made.ref, made.hash, 2), "its own pages say so too"
    with pytest.raises(DBAPIError, match="denied"):
        stuck.agency.execute(text("select proposed_by from settlement_repointings"))


def test_nobody_with_a_hand_in_the_change_of_the_account_agrees_nor_anybody_alone(stuck):
    made = propose(stuck)
    for who, code in (
        (MAKER, "maker_is_checker"),
        (SECOND_CHECKER, "changed_the_payee"),
        (CHANGER, "changed_the_payee"),
    ):
        refusal = why_not_accept(stuck.bank, made, actor=who, now=stuck.now)
        assert refusal is not None and refusal.code == code
        with pytest.raises(Forbidden) as same:
            accept(stuck, made.ref, by=who)
        assert same.value.code == code
    with pytest.raises(Forbidden):
        accept(stuck, made.ref, by=stuck.owner)
    with pytest.raises(IntegrityError, match="maker_is_not_checker"), stuck.bank.begin_nested():
        stuck.bank.execute(text("update settlement_repointings set status = 'accepted', decided_by = proposed_by"))


def test_the_limits_of_an_approval_are_its_limits_and_a_large_one_takes_three(stuck):
    with unit_of_work(stuck.bank):
        limit = {"subject": "settlement", "role": "bank_approver", "currency": "INR"}
        two = {"proposed_by": "a", "decided_by": "b", "status": "accepted", "proposed_at": stuck.now, "reason": "House"}
        day = stuck.now.date()
        stuck.bank.add(ApprovalLimit(ref="L1", third_key_above_minor=50_000_00, effective_from=day, **limit, **two))
        low = {"email": THIRD.email, "up_to_minor": 1_00, "effective_from": day}
        stuck.bank.add(ApprovalLimit(ref="L2", **low, **limit, **two))
    made = propose(stuck)
    with pytest.raises(Forbidden) as low_limit:
        accept(stuck, made.ref, by=THIRD)
    assert low_limit.value.code == "above_limit"
    assert accept(stuck, made.ref).status == "checked"
    assert why_not_payable(stuck.bank, stuck.settlement(), now=stuck.now) != ""
    with pytest.raises(Forbidden):
        accept(stuck, made.ref)
    last = Actor(111, "checker4@bank.example", "bank_approver")
    done = accept(stuck, made.ref, by=last)
    assert (done.status, done.checked_by, done.decided_by) == ("accepted", CHECKER.email, last.email)
    assert why_not_payable(stuck.bank, stuck.settlement(), now=stuck.now) == ""
    assert made.ref not in {ref for ref, _ in found(stuck)}


def test_what_was_shown_is_what_is_signed(stuck):
    with pytest.raises(Stale):
        propose(stuck, expected_version=1)
    with pytest.raises(Invalid):
        propose(stuck, reason="  ")
    made = propose(stuck)
    with pytest.raises(Stale):
        accept(stuck, made.ref, expected_hash="0" * 64)
    with pytest.raises(Refused, match="waits for a decision"):
        propose(stuck)
    with unit_of_work(stuck.bank):
        withdraw_repointing(stuck.bank, made.ref, actor=MAKER, now=stuck.now)
    again = propose(stuck)
    assert (again.ref, again.hash != made.hash) == (f"RP-{SHAKTI}-2", True)
    with unit_of_work(stuck.bank):
        reject_repointing(stuck.bank, again.ref, reason="Ask the agency once more.", actor=CHECKER, now=stuck.now)
    assert found(stuck) == set()


def test_while_the_new_account_rests_or_changes_once_more_nothing_is_pointed_to_it(stuck):
    early = stuck.now - timedelta(hours=1)
    with pytest.raises(Refused, match="may be paid to from"):
        propose(stuck, at=early)
    made = propose(stuck)
    change_account(stuck, "0918", version=3)
    with pytest.raises(Refused):
        accept(stuck, made.ref)
    stuck.now += timedelta(hours=72)
    with pytest.raises(Refused) as changed:
        accept(stuck, made.ref)
    assert changed.value.code == "basis_changed"


def test_it_may_be_pointed_a_second_time_and_each_is_chained_to_the_one_before(stuck, file_store):
    first = accept(stuck, propose(stuck).ref)
    change_account(stuck, "0918", version=3)
    assert has_outdated_payee(stuck.bank, stuck.settlement())
    stuck.now += timedelta(hours=72)
    second = accept(stuck, propose(stuck).ref)
    assert (second.from_detail_id, second.number) == (first.to_detail_id, 2)
    payout = pay(stuck, file_store)
    assert (payout.bank_detail_id, payout.repointing_id, found(stuck)) == (second.to_detail_id, second.id, set())
    assert verify(stuck.bank, file_store).is_clean


def test_a_batch_that_waited_for_a_re_pointing_clicked_a_moment_later_is_no_difference(stuck, file_store):
    stuck.now += timedelta(seconds=2)
    made = accept(stuck, propose(stuck).ref)
    stuck.now -= timedelta(seconds=2)
    assert (pay(stuck, file_store).repointing_id, found(stuck)) == (made.id, set())


def test_an_edited_re_pointing_pays_nothing_and_is_named(stuck, database):
    def edited(change: str, back: str) -> tuple[set[str], str]:
        database.execute(f"update settlement_repointings set {change}")
        stuck.bank.expire_all()
        named = {field for ref, field in found(stuck) if ref == made.ref}
        why = why_not_payable(stuck.bank, stuck.settlement(), now=stuck.now)
        database.execute(f"update settlement_repointings set {back}")
        stuck.bank.expire_all()
        return named, why

    made = propose(stuck)
    by_hand = "status = 'accepted', decided_by = 'x@bank.example', decided_at = now()"
    named, _ = edited(by_hand, "status = 'proposed', decided_by = null, decided_at = null")
    assert {"status", "decided_by", "approved by"} <= named, "nobody's key, and no act on record"
    accept(stuck, made.ref)
    named, why = edited("hash = repeat('0', 64)", f"hash = '{made.hash}'")
    assert {"hash", "signed"} <= named and "portal verify" in why
    with unit_of_work(stuck.bank):
        other = propose_bank_detail(
            stuck.bank, stuck.shakti(), "666", "UTIB0000917", "Mallory", actor=CHANGER, now=stuck.now
        )
        elsewhere = other.id if other else 0
    named, why = edited(f"to_detail_id = {elsewhere}", f"to_detail_id = {made.to_detail_id}")
    assert {"hash", "to_on"} <= named and "portal verify" in why
    assert (found(stuck), why_not_payable(stuck.bank, stuck.settlement(), now=stuck.now)) == (set(), "")


def hidden(page: str, name: str) -> str:
    return re.search(rf'name="{name}"[^>]*value="([^"]*)"', page)[1]  # type: ignore[index]


def test_the_pages_lead_from_a_stuck_settlement_to_its_payment(stuck, clock, browse, file_store):
    clock.instant = stuck.now
    with unit_of_work(stuck.bank):
        for who in (MAKER, CHECKER, SECOND_CHECKER, FINANCE):
            a_user(stuck.bank, who.email, who.role)
        a_user(stuck.bank, stuck.owner.email, stuck.owner.role, stuck.shakti())
    maker, checker, path = browse(MAKER.email), browse(CHECKER.email), f"/bank/settlements/{SHAKTI}"
    page = maker.get(path).text
    assert "Propose that ₹73,400.00 goes to" in page and "two people point it to the new ones" in page
    given = {"once": once_in(page), "expected_version": "2"}
    assert maker.post(f"{path}/repointing", given | {"reason": ""}).status_code == 422
    assert checker.post(f"{path}/repointing", given | {"reason": WHY}).status_code == 403
    assert maker.post(f"{path}/repointing", given | {"reason": WHY}).status_code == 302
    assert "Take it back" in maker.get(path).text
    blocked = browse(SECOND_CHECKER.email)
    assert "You approved the bank details" in blocked.get(path).text
    page = checker.get(path).text
    signed = {"once": once_in(page), "expected_hash": hidden(page.split("repointing/accept")[1], "expected_hash")}
    assert blocked.post(f"{path}/repointing/accept", signed).status_code == 403
    assert maker.post(f"{path}/repointing/accept", signed).status_code == 403
    assert checker.post(f"{path}/repointing/accept", signed).status_code == 302
    payout = pay(stuck, file_store)
    for who, where in (
        (MAKER, path),
        (FINANCE, f"/finance/payout/{payout.ref}"),
        (stuck.owner, f"/agency/statements/{SHAKTI}"),
    ):
        assert f"RP-{SHAKTI}-1" in browse(who.email).get(where).text, where
