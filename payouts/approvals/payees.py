"""Who changes where an agency is paid does not also let the first money go there."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from allocations.agencies.models import AgencyBankDetail
from portal.kernel.audit import Actor
from portal.kernel.errors import Forbidden
from portal.kernel.persons import same_person

PAID_TO = text("select 1 from payouts where bank_detail_id = :detail and status = 'paid' limit 1")


def refuse_payee_changer(session: Session, bank_detail_ids: Iterable[int | None], actor: Actor) -> None:
    """Forbidden for whoever proposed or approved bank details nothing was paid to yet."""
    if refusal := why_not_payee(session, bank_detail_ids, actor):
        raise refusal


def why_not_payee(session: Session, bank_detail_ids: Iterable[int | None], actor: Actor) -> Forbidden | None:
    """Why this person may not approve paying to these bank details; None when they may."""
    ids = {each for each in bank_detail_ids if each is not None}
    for detail in session.scalars(select(AgencyBankDetail).where(AgencyBankDetail.id.in_(ids))):
        hands = [each for each in (detail.approved_by, detail.proposed_by) if same_person(session, each, actor.email)]
        if hands and session.scalar(PAID_TO, {"detail": detail.id}) is None:
            deed = "approved" if hands[0] == detail.approved_by else "proposed"
            message = f"You {deed} the bank details (version {detail.version}) this is the first money for."
            return Forbidden(
                message, code="changed_the_payee", cure="Another person approves the first payment to them."
            )
    return None
