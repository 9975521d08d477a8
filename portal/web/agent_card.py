"""An agent's identity card as a PDF the size of a bank card: photo, name, agency, validity, and a QR code to check it by."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from flask import url_for
from sqlalchemy.orm import Session

from allocations.agencies.empanelment_models import AgentPaper
from allocations.agencies.models import Agency, Agent
from allocations.agencies.service import lender
from payouts.settlements.paper_pdf import typeset
from portal.kernel.files import FileStore
from portal.web.edge import settings

JPEG = b"\xff\xd8"  # what a picture of ours begins with
TEMPLATE = Path(__file__).with_name("agent_card.typ")


def address_of(paper: AgentPaper) -> str:
    """Where anybody checks a card: what its QR code holds."""
    return f"{settings().public_url}{url_for('public_agents.show', token=paper.token)}"


def card_pdf(session: Session, store: FileStore, agency: Agency, agent: Agent, paper: AgentPaper) -> bytes:
    """The card of a paper in force. FileNotFoundError when its photo is not in the store, or is none."""
    address, photo = address_of(paper), store.read(paper.photo_sha256 or "")
    if not photo.startswith(JPEG):
        raise FileNotFoundError(paper.photo_sha256)
    told: dict[str, Any] = {
        "bank": lender(session).name,
        "agency": agency.legal_name,
        "name": agent.name,
        "code": agent.code,
        "number": paper.number,
        "issued": f"{paper.issued_on:%-d %B %Y}",
        "until": f"{paper.valid_until:%-d %B %Y}" if paper.valid_until else "further notice",
        "made": [paper.issued_on.year, paper.issued_on.month, paper.issued_on.day],
        "photo": list(photo),
        "qr": _qr(address),
        "address": address,
    }
    return typeset(TEMPLATE.read_bytes(), told)


def _qr(address: str) -> str:
    import segno

    file = io.BytesIO()
    segno.make(address, error="m", micro=False).save(file, kind="svg", border=0, xmldecl=False)
    return file.getvalue().decode()
