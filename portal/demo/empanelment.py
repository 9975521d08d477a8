"""The demo bank's agencies with their papers, a visit with findings, agents' cards, a change of status that waits, and an applicant."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from PIL import Image, ImageDraw
from sqlalchemy import select
from sqlalchemy.orm import Session

from allocations.agencies import agent_papers, inspections, moves, papers
from allocations.agencies.inspections import Found, Visit
from allocations.agencies.models import Agency, Agent
from allocations.agencies.paper_rules import AgentHanded, Handed
from allocations.agencies.service import empanel
from allocations.agencies.taking_in import KeptFile
from allocations.scorecards import inspected
from portal.demo.keys import CHECKER, MAKER
from portal.demo.scores import person
from portal.demo.world import AGENCIES
from portal.kernel.audit import Actor
from portal.kernel.db import Database, bank_scope, unit_of_work
from portal.kernel.files import FileStore, store_file

YEAR = timedelta(days=365)


@dataclass
class EmpanelmentLife:
    """What people did about the agencies, in one transaction of a day."""

    database: Database
    files: FileStore
    day: date

    def live(self) -> None:
        with self.database.session(bank_scope(self.day)) as session, unit_of_work(session):
            self.maker, self.checker = person(session, MAKER), person(session, CHECKER)
            for number, known in enumerate(AGENCIES):
                agency = session.scalars(select(Agency).where(Agency.code == known.code)).one()
                self.hand_in_all(session, agency, number)
                self.carry(session, agency, number)
            self.visit(session, session.scalars(select(Agency).where(Agency.code == AGENCIES[0].code)).one())
            self.watch(session, session.scalars(select(Agency).where(Agency.code == AGENCIES[-1].code)).one())
            self.apply(session)

    @property
    def now(self) -> datetime:
        return datetime.combine(self.day, time(9), UTC)

    def by(self, who: Actor) -> dict[str, Any]:
        return {"actor": who, "now": self.now}

    def scan(self, session: Session, agency: Agency, title: str, number: int) -> KeptFile:
        """A drawn paper, small and nobody's."""
        out = io.BytesIO()
        picture = Image.new("RGB", (300, 400), (246, 243, 235 - number % 20))
        ImageDraw.Draw(picture).text((20, 40), f"{title}\n\n{agency.legal_name}\n\n{number}", fill=(30, 40, 60))
        picture.save(out, "JPEG", quality=60)
        name = f"{title.lower().replace(' ', '-')}.jpg"
        told: dict[str, Any] = {"name": name, "media_type": "image/jpeg", "agency_id": agency.id, **self.by(self.maker)}
        return KeptFile(store_file(session, self.files, out.getvalue(), **told).sha256, name)

    def hand_in_all(self, session: Session, agency: Agency, number: int) -> None:
        """Everything that is asked for; of the second agency the insurance runs out, of the third one paper still waits."""
        issued, until = self.day - YEAR, self.day + YEAR
        soon = self.day + timedelta(days=20) if number == 1 else until
        told = [
            Handed("agreement", f"AG/{agency.code}/1", issued, agency.agreement_to or until),
            Handed("board_approval", f"RC/{number + 11}", issued),
            Handed("police_verification", f"PV/{number + 41}", issued, until),
            Handed("deposit", f"FD{number + 7001}", issued, amount_minor=10_000_000),
            Handed("insurance", f"FID/{number + 301}", issued, soon),
        ]
        if agency.pan:
            told.append(Handed("pan", agency.pan, issued))
        for at, each in enumerate(told):
            file = self.scan(session, agency, each.kind.replace("_", " ").capitalize(), 100 * number + at)
            made = papers.hand_in(session, agency, each, file, **self.by(self.maker))
            if not (number == len(AGENCIES) - 1 and each.kind == "insurance"):
                papers.decide_paper(session, made, accept=True, **self.by(self.checker))

    def carry(self, session: Session, agency: Agency, number: int) -> None:
        """The first two agents of each agency have a card."""
        query = select(Agent).where(Agent.agency_id == agency.id, Agent.is_active).order_by(Agent.code).limit(2)
        for at, agent in enumerate(session.scalars(query).all()):
            photo = self.scan(session, agency, agent.name, 900 + 10 * number + at)
            card = AgentHanded("id_card", f"{agency.code}-{agent.code}", self.day - timedelta(days=90), self.day + YEAR)
            made = agent_papers.hand_in(session, agent, card, photo, photo, **self.by(self.maker))
            agent_papers.decide_paper(session, made, accept=True, **self.by(self.checker))

    def visit(self, session: Session, agency: Agency) -> None:
        """Two findings: one the agency has answered, one that is overdue."""
        on = max(self.day - timedelta(days=12), self.day.replace(day=1))
        findings = (
            Found("major", "Cash of two days in an agent's bag", "Deposit every evening", on),
            Found("minor", "No list of fees on the wall", "Hang one up", self.day + timedelta(days=14)),
        )
        visit = Visit(on, "R. Kulkarni, branch audit", Decimal("78"), "Orderly office, good registers.", findings)
        made = inspected.record_inspection(session, agency, visit, **self.by(self.maker))
        inspected.decide_inspection(session, made, approve=True, **self.by(self.checker))
        rows = inspections.findings_of(session, agency, self.day, inspection=made)
        owner = person(session, f"owner@{agency.code.lower()}.example")
        inspections.answer_finding(session, rows[-1].finding, "It hangs by the door.", **self.by(owner))

    def watch(self, session: Session, agency: Agency) -> None:
        reason = "Three late deposits in a month."
        moves.propose_move(session, agency, "watch", reason=reason, from_on=self.day, **self.by(self.maker))

    def apply(self, session: Session) -> None:
        facts = {"legal_name": "Northline Recovery", "state": "27", "agreement_from": self.day, "status": "applicant"}
        agency = empanel(session, "NORTH", facts, **self.by(self.maker))
        reason = "Papers are complete, references called."
        moves.propose_move(session, agency, "examine", reason=reason, from_on=self.day, **self.by(self.maker))
