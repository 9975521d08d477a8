"""An agency's people and its own facts as the bank has them."""

from __future__ import annotations

from flask import Blueprint, render_template

from allocations.agencies import queries
from allocations.agencies.bank_details import versions
from allocations.agencies.fitness import fitness
from allocations.agencies.paper_warnings import ending_papers
from portal.access.guard import permission
from portal.access.permissions import Permission
from portal.web.agency.accounts import own_agency
from portal.web.bank_detail_story import told
from portal.web.edge import clock, db_session

bp = Blueprint("agency_team", __name__, url_prefix="/agency")


@bp.get("/team")
@permission(Permission.OWN_TEAM_READ)
def index() -> str:
    session, agency, today = db_session(), own_agency(), clock().today()
    agents, users = queries.list_agents(session, agency), queries.list_users(session, agency)
    return render_template(
        "agency/team/index.html",
        agents=fitness(session, agents, today),
        users=users,
        emails={user.id: user.email for user in users},
        agent_codes={agent.user_id: agent.code for agent in agents},
        today=today,
    )


@bp.get("/company")
@permission(Permission.OWN_COMPANY_READ)
def company() -> str:
    agency = own_agency()
    stories = told(versions(db_session(), agency.id), clock().now())
    ending = ending_papers(db_session(), clock().today(), agency=agency)
    paid_to = next((each for each in stories if each.is_paid_to), None)
    return render_template("agency/team/company.html", agency=agency, paid_to=paid_to, ending=ending)
