"""An agency with its papers: what the bank asks for, handed in by one person and accepted by another."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies import agent_papers, papers
from allocations.agencies.empanelment_models import AgencyPaper, AgentPaper
from allocations.agencies.models import Agency, Agent
from allocations.agencies.paper_rules import AgentHanded, Handed
from allocations.agencies.taking_in import KeptFile
from portal.kernel.files import StoredFile
from tests.factories.month import CHECKER, MAKER

ISSUED, UNTIL = date(2026, 4, 1), date(2028, 3, 31)
FIT: dict[str, Any] = {"certificate_no": "DRA-1", "verified_until": UNTIL}  # an agent who may work
NEEDED = (
    Handed("agreement", "AG-1", ISSUED, UNTIL),
    Handed("pan", "AAPFU0939F", ISSUED),
    Handed("board_approval", "BR-7", ISSUED),
    Handed("police_verification", "PV-3", ISSUED, UNTIL),
    Handed("deposit", "FD-9", ISSUED, amount_minor=10_000_000),
)


def a_file(session: Session, agency: Agency, name: str, now: datetime) -> KeptFile:
    """That a file came, without its bytes."""
    sha256 = f"{name}-{agency.code}"
    if session.scalar(select(StoredFile.id).where(StoredFile.sha256 == sha256)):
        return KeptFile(sha256, name)
    stored = {"size": 1, "media_type": "application/pdf", "stored_by": "x", "stored_at": now}
    session.add(StoredFile(sha256=sha256, name=name, agency_id=agency.id, **stored))
    session.flush()
    return KeptFile(sha256, name)


def a_paper(session: Session, agency: Agency, paper: Handed, now: datetime, *, accept: bool = True) -> AgencyPaper:
    file = a_file(session, agency, f"{paper.kind}-{paper.issued_on}", now)
    made = papers.hand_in(session, agency, paper, file, actor=MAKER, now=now)
    if accept:
        papers.decide_paper(session, made, accept=True, actor=CHECKER, now=now)
    return made


def papers_in_force(session: Session, agency: Agency, now: datetime) -> None:
    """Everything that is asked for."""
    for each in NEEDED:
        a_paper(session, agency, each, now)


def an_agent(session: Session, agency: Agency, code: str = "A1", name: str = "Asha Pawar", **facts: Any) -> Agent:
    agent = Agent(agency_id=agency.id, code=code, name=name, **facts)
    session.add(agent)
    session.flush()
    return agent


def a_card(session: Session, agent: Agent, now: datetime, *, photo: str = "photo", until: date = UNTIL) -> AgentPaper:
    """A card in force; `photo` the sha256 of one that is kept."""
    file = KeptFile(photo, "face.jpg")
    told = AgentHanded("id_card", f"C-{agent.code}", ISSUED, until)
    made = agent_papers.hand_in(session, agent, told, file, file, actor=MAKER, now=now)
    agent_papers.decide_paper(session, made, accept=True, actor=CHECKER, now=now)
    return made
