"""What a settlement's page says of where it is paid once that is no longer the account of its statement, with its forms."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session
from wtforms import HiddenField, TextAreaField
from wtforms.validators import InputRequired, Length

from allocations.agencies.bank_details import current
from allocations.agencies.models import AgencyBankDetail
from payouts.settlements import repointing
from payouts.settlements.destination import detail_id_of
from payouts.settlements.models import Settlement
from payouts.settlements.recalling import has_outdated_payee
from payouts.settlements.repointing_models import SettlementRepointing
from payouts.settlements.statement import masked
from portal.web.edge import ActForm, clock, current_actor

WORDS = [InputRequired("Say why."), Length(min=3, max=500)]


class RepointForm(ActForm):
    expected_version = HiddenField(validators=[InputRequired()])
    reason = TextAreaField("Why is it paid elsewhere?", WORDS, description="The agency reads it.", id="repoint-reason")


class AcceptRepointingForm(ActForm):
    expected_hash = HiddenField(validators=[InputRequired()], id="repointing-hash")
    comment = TextAreaField("A word for the record", [Length(max=500)], id="repointing-comment")


class RejectRepointingForm(ActForm):
    reason = TextAreaField("Why not?", WORDS, description="Whoever proposed it reads it.", id="repointing-reject")


class WithdrawRepointingForm(ActForm):
    pass


def panel(session: Session, settlement: Settlement) -> dict[str, Any]:
    """What a settlement's page says of where it is paid: what waits, what may be proposed, and what stands in this person's way."""
    waiting = repointing.waiting_of(session, settlement.id)
    outdated = has_outdated_payee(session, settlement)
    if not waiting and not outdated:
        return {}
    now, new = clock().now(), current(session, settlement.agency_id)
    stands = waiting.from_detail_id if waiting else detail_id_of(session, settlement)
    to = session.get_one(AgencyBankDetail, waiting.to_detail_id) if waiting else new
    return {
        "was": _facts(session.get(AgencyBankDetail, stands) if stands else None),
        "to": _facts(to),
        "version": to.version if to else "",
        "waiting": waiting,
        "why_not": None if waiting else repointing.why_not_repoint(session, settlement, now=now),
        "refusal": repointing.why_not_accept(session, waiting, actor=current_actor(), now=now) if waiting else None,
    }


def _facts(detail: AgencyBankDetail | None) -> str:
    return f"{masked(detail.account_no)}, {detail.ifsc}, version {detail.version}" if detail else "none on record"


def forms_of(found: dict[str, Any]) -> dict[str, ActForm]:
    """The panel's forms, filled with what is shown."""
    waiting: SettlementRepointing | None = found.get("waiting")
    return {
        "repoint_form": RepointForm(formdata=None, expected_version=str(found.get("version", ""))),
        "accept_repointing_form": AcceptRepointingForm(formdata=None, expected_hash=waiting.hash if waiting else ""),
        "reject_repointing_form": RejectRepointingForm(formdata=None),
        "withdraw_repointing_form": WithdrawRepointingForm(formdata=None),
    }
