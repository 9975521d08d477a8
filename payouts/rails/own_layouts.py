"""The lender's own payment-file layouts: a version is proposed by one person with a preview of its file, and decided by another."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from payouts.rails.bank_file import payment_file
from payouts.rails.layouts import profile_of
from payouts.rails.protocol import BatchFacts, Beneficiary, Instruction
from payouts.rails.provider_models import PayoutProfile
from payouts.settlements.service import refuse_machine
from portal.kernel.audit import Actor, AuditTag
from portal.kernel.errors import Invalid, NotFound, Problem
from portal.kernel.proposals import Proposals

LONGEST_TEXT = 60_000
PROPOSALS = Proposals(
    PayoutProfile,
    "a layout",
    AuditTag.PROFILE_MOVED,
    "payout_profile",
    ref=lambda row: f"{row.name} v{row.version}",
    facts=lambda row: {"profile": row.name, "version": row.version},
    named=lambda row: f"{row.name} version {row.version}",
    reason_cure="Who proposed it reads it.",
)


def read_layout(text: str) -> Mapping[str, Any]:
    """A layout typed as TOML or JSON. Invalid when it is neither."""
    if len(text) > LONGEST_TEXT:
        raise Invalid(Problem("too_long", f"A layout has room for {LONGEST_TEXT:,} characters.", column="layout"))
    try:
        data = json.loads(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        where = str(error).splitlines()[0][:200]
        message = f"The layout cannot be read: {where}"
        raise Invalid(Problem("unreadable", message, "Write it as TOML or JSON.", column="layout")) from None
    return dict(data)


def preview(name: str, layout: Mapping[str, Any], *, on: date) -> str:
    """The file this layout would write for three made-up payments. Invalid with everything wrong with it."""
    return payment_file(sample_batch(on), profile_of(name, None, layout)).data.decode("ascii")


def sample_batch(on: date) -> BatchFacts:
    """Made-up payments that try a layout: a small one, a large one, a long name with an accent and a comma."""
    payees = (
        (1_424_92_00, Beneficiary("Shakti Recovery Services", "50100123456789", "HDFC0001234", "pay@shakti.example")),
        (12_50_000_50, Beneficiary("Nivéditâ, Iyer & Associates LLP", "001234567890", "SBIN0000300")),
        (5_000_00, Beneficiary("Vega", "917020034999888", "UTIB0000373", "accounts@vega.example")),
    )
    return BatchFacts(
        ref=f"B{on:%y%m}-01",
        serial=1,
        made_on=on,
        debit_account="000111222333",
        debit_ifsc="UBIN0000001",
        corporate_id="OURBANK",
        debtor_name="Our Bank",
        instructions=tuple(
            Instruction(f"P{on:%y%m}-{number:04d}", amount, "INR", payee, f"S{on:%y%m}-A{number} commission {on:%B %Y}")
            for number, (amount, payee) in enumerate(payees, start=1)
        ),
    )


def propose_layout(
    session: Session, name: str, layout: Mapping[str, Any], *, effective_from: date, actor: Actor, now: datetime
) -> PayoutProfile:
    """A new version of a layout, waiting for another person. Invalid with everything wrong with it, a file it cannot write included."""
    refuse_machine(actor, "propose a layout")
    name = name.strip().lower()
    preview(name, layout, on=effective_from)
    newest = session.scalar(select(func.max(PayoutProfile.version)).where(PayoutProfile.name == name)) or 0
    made = PayoutProfile(name=name, version=newest + 1, layout=dict(layout), effective_from=effective_from)
    return PROPOSALS.propose(session, made, actor=actor, now=now)


def load_layout(session: Session, name: str, version: int) -> PayoutProfile:
    """NotFound when there is none of that name and version."""
    query = select(PayoutProfile).where(PayoutProfile.name == name, PayoutProfile.version == version)
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFound(f"There is no version {version} of a layout {name}.")
    return found


def decide_layout(
    session: Session, name: str, version: int, *, accept: bool, reason: str = "", actor: Actor, now: datetime
) -> PayoutProfile:
    """A second person's word. Accepted, batches made from its day on may use it; older ones keep the version they were written with."""
    refuse_machine(actor, "decide on a layout")
    found = PROPOSALS.load(session, name=name, version=version)
    PROPOSALS.decide(session, found, "accept" if accept else "reject", reason=reason, actor=actor, now=now)
    return found


def withdraw_layout(session: Session, name: str, version: int, *, actor: Actor, now: datetime) -> PayoutProfile:
    found = PROPOSALS.load(session, name=name, version=version)
    PROPOSALS.move(session, found, "withdraw", actor=actor, now=now)
    return found


def list_layouts(session: Session) -> list[PayoutProfile]:
    """Every version of every layout, by name, the newest first."""
    return list(session.scalars(select(PayoutProfile).order_by(PayoutProfile.name, PayoutProfile.version.desc())))
