"""This payer is this account: learned from a link by hand, offered, proposed, and believed once a second person has approved it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from allocations.collections.models import Collection
from allocations.keys import PAYER
from allocations.placements.models import LoanAccount
from allocations.reconciliation.bench_models import PayerRule
from allocations.reconciliation.models import BankLine, MatchLink
from portal.kernel.audit import Actor, AuditTag, record_event
from portal.kernel.errors import Forbidden, Invalid, NotFound, Problem, Refused, Stale

LIVE = ("proposed", "approved")


@dataclass(frozen=True, slots=True)
class Paid:
    """An account a payer has paid for: how often, and how much in minor units."""

    loan_account_no: str
    times: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class PayerOffer:
    """What could be learned from a link. `others`: accounts this payer has paid for besides; then the rule is of little use."""

    link_id: int
    payer_key: str
    loan_account_id: int
    loan_account_no: str
    currency: str
    times: int
    others: list[Paid] = field(default_factory=list)

    @property
    def payer(self) -> str:
        return payer_shown(self.payer_key)


def payer_shown(payer_key: str) -> str:
    """A payer's handle as people write it."""
    return payer_key.removeprefix(PAYER).lower()


def offered_payer(session: Session, link: MatchLink) -> PayerOffer | None:
    """The rule a confirmed link suggests; None when its credit names no single payer, or the rule is there or was refused already."""
    if link.status != "confirmed" or link.bank_line_id is None:
        return None
    line = session.get_one(BankLine, link.bank_line_id)
    payers = [key for key in line.ref_keys if key.startswith(PAYER)]
    if len(payers) != 1:
        return None
    account_id, number = session.execute(
        select(Collection.loan_account_id, Collection.loan_account_no).where(Collection.id == link.collection_id)
    ).one()
    known = select(PayerRule.id).where(PayerRule.payer_key == payers[0], PayerRule.loan_account_id == account_id)
    if session.scalar(known.where(PayerRule.status.in_((*LIVE, "rejected")))) is not None:
        return None
    paid = paid_for(session, payers[0])
    own = next((each.times for each in paid if each.loan_account_no == number), 0)
    others = [each for each in paid if each.loan_account_no != number]
    return PayerOffer(link.id, payers[0], account_id, number, line.currency, own, others)


def paid_for(session: Session, payer_key: str) -> list[Paid]:
    """The accounts whose receipts credits of this payer are linked to, the most frequent first."""
    times, amount = func.count(), func.sum(MatchLink.amount_minor)
    query = (
        select(Collection.loan_account_no, times, amount)
        .join(MatchLink, MatchLink.collection_id == Collection.id)
        .join(BankLine, BankLine.id == MatchLink.bank_line_id)
        .where(BankLine.ref_keys.contains([payer_key]), MatchLink.status == "confirmed")
        .group_by(Collection.loan_account_no)
        .order_by(times.desc(), Collection.loan_account_no)
    )
    return [Paid(number, count, int(total)) for number, count, total in session.execute(query)]


def propose_payer(session: Session, link_id: int, *, reason: str, actor: Actor, now: datetime) -> PayerRule:
    """Propose the rule a link offers. Refused when it offers none any more."""
    link = session.get(MatchLink, link_id)
    if link is None:
        raise NotFound("There is no such link.")
    offer = offered_payer(session, link)
    if offer is None:
        raise Refused("This link teaches nothing about its payer.", code="nothing_to_learn")
    if offer.others and not reason.strip():
        say = "This payer has paid for other accounts too. Say why it is this one's."
        raise Invalid(Problem("reason_missing", say, column="reason"))
    rule = PayerRule(
        payer_key=offer.payer_key,
        loan_account_id=offer.loan_account_id,
        learned_from=link.id,
        status="proposed",
        reason=reason.strip(),
        proposed_by=actor.email,
        proposed_at=now,
    )
    session.add(rule)
    session.flush()
    _tell(session, rule, "propose", reason, actor, now)
    return rule


def decide_payer(
    session: Session, rule_id: int, *, approve: bool, reason: str = "", actor: Actor, now: datetime
) -> PayerRule:
    """A second person's word. Approved, runs take the payer for a sign of the account; it never confirms by itself."""
    rule = _locked(session, rule_id)
    if rule.status != "proposed":
        raise Stale()
    if rule.proposed_by == actor.email:
        raise Forbidden("Somebody else decides on what you proposed.", code="own_act")
    if not approve and not reason.strip():
        raise Invalid(Problem("reason_missing", "Say why not.", column="reason"))
    rule.status = "approved" if approve else "rejected"
    rule.decided_by, rule.decided_at, rule.decision_reason = actor.email, now, reason.strip() or None
    session.flush()
    _tell(session, rule, "approve" if approve else "reject", reason, actor, now)
    return rule


def withdraw_payer(session: Session, rule_id: int, *, actor: Actor, now: datetime) -> PayerRule:
    """Its maker thinks better of it while nobody has decided. It may be offered again."""
    rule = _locked(session, rule_id)
    if rule.proposed_by != actor.email:
        raise Forbidden("Only the person who proposed it withdraws it.", code="not_yours")
    if rule.status != "proposed":
        raise Stale()
    rule.status = "withdrawn"
    session.flush()
    _tell(session, rule, "withdraw", "", actor, now)
    return rule


def retire_payer(session: Session, rule_id: int, *, reason: str, actor: Actor, now: datetime) -> PayerRule:
    """Believe it no longer. What it helped to tie stays."""
    rule = _locked(session, rule_id)
    if rule.status != "approved":
        raise Stale()
    if not reason.strip():
        raise Invalid(Problem("reason_missing", "Say why it no longer holds.", column="reason"))
    rule.status, rule.decision_reason = "retired", reason.strip()
    session.flush()
    _tell(session, rule, "retire", reason, actor, now)
    return rule


def _locked(session: Session, rule_id: int) -> PayerRule:
    query = select(PayerRule).where(PayerRule.id == rule_id).with_for_update().execution_options(populate_existing=True)
    rule = session.scalars(query).first()
    if rule is None:
        raise NotFound("There is no such rule.")
    return rule


def _tell(session: Session, rule: PayerRule, action: str, reason: str, actor: Actor, now: datetime) -> None:
    account = session.get_one(LoanAccount, rule.loan_account_id)
    record_event(
        session,
        AuditTag.PAYER_RULE_MOVED,
        actor=actor,
        subject_type="payer_rule",
        subject_ref=str(rule.id),
        now=now,
        data={
            "action": action,
            "account": account.loan_account_no,
            "status": rule.status,
            "reason": reason.strip(),
        },
    )


# --- reads for the page


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule with its account, how often the payer has paid for it, and for which others."""

    rule: PayerRule
    loan_account_no: str
    customer: str
    currency: str
    paid: list[Paid]

    @property
    def payer(self) -> str:
        return payer_shown(self.rule.payer_key)

    @property
    def times(self) -> int:
        return sum(each.times for each in self.paid if each.loan_account_no == self.loan_account_no)

    @property
    def others(self) -> list[Paid]:
        return [each for each in self.paid if each.loan_account_no != self.loan_account_no]


def list_payers(
    session: Session, *, status: str = "", after: tuple[Any, ...] | None = None, limit: int = 50
) -> list[RuleRow]:
    """Rules, the newest first; `after` is (id,) of the last one shown."""
    query = select(PayerRule, LoanAccount).join(LoanAccount, LoanAccount.id == PayerRule.loan_account_id)
    if status:
        query = query.where(PayerRule.status == status)
    if after:
        query = query.where(PayerRule.id < after[0])
    rows: Sequence[Any] = session.execute(query.order_by(PayerRule.id.desc()).limit(limit)).all()
    return [_rule_row(session, rule, account) for rule, account in rows]


def payer_row(session: Session, rule_id: int) -> RuleRow:
    rule = session.get(PayerRule, rule_id)
    if rule is None:
        raise NotFound("There is no such rule.")
    return _rule_row(session, rule, session.get_one(LoanAccount, rule.loan_account_id))


def _rule_row(session: Session, rule: PayerRule, account: LoanAccount) -> RuleRow:
    paid = paid_for(session, rule.payer_key)
    return RuleRow(rule, account.loan_account_no, account.customer_name, account.currency, paid)
