"""One registration for GST in force for each state, instead of one in all."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

PLACE = "case when kind = 'gstin' then left(number, 2) else '' end"
INDEXES = {"uq_agency_papers_accepted": "status = 'accepted'", "uq_agency_papers_waiting": "status = 'proposed'"}


def upgrade() -> None:
    op.add_column("agency_papers", sa.Column("place", sa.Text(), sa.Computed(PLACE, persisted=True), nullable=False))
    _remade("agency_id", "kind", "place")


def downgrade() -> None:
    # The newest stays in force; the others keep their place in the story.
    op.execute(
        "update agency_papers p set status = 'replaced' where status = 'accepted' and exists (select from agency_papers n"
        " where n.agency_id = p.agency_id and n.kind = p.kind and n.status = 'accepted' and n.version > p.version)"
    )
    op.execute(
        "update agency_papers p set status = 'withdrawn' where status = 'proposed' and exists (select from agency_papers n"
        " where n.agency_id = p.agency_id and n.kind = p.kind and n.status = 'proposed' and n.version > p.version)"
    )
    _remade("agency_id", "kind")
    op.drop_column("agency_papers", "place")


def _remade(*columns: str) -> None:
    for name, where in INDEXES.items():
        op.drop_index(name, table_name="agency_papers")
        op.create_index(name, "agency_papers", list(columns), unique=True, postgresql_where=sa.text(where))
