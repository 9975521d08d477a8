"""Letters to a campaign's members: a run of letters says of which campaign it is, and a campaign has one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("letter_runs", sa.Column("campaign_id", sa.BigInteger(), nullable=True))
    op.create_unique_constraint(op.f("uq_letter_runs_campaign_id"), "letter_runs", ["campaign_id"])
    op.create_foreign_key(op.f("fk_letter_runs_campaign_id"), "letter_runs", "campaigns", ["campaign_id"], ["id"])


def downgrade() -> None:
    op.drop_constraint(op.f("fk_letter_runs_campaign_id"), "letter_runs")
    op.drop_constraint(op.f("uq_letter_runs_campaign_id"), "letter_runs")
    op.drop_column("letter_runs", "campaign_id")
