"""A job that does one thing once says which: while it waits or runs, the same is not queued a second time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("job_progress", sa.Column("about", sa.Text(), server_default="", nullable=False))
    op.create_index(
        "uq_job_progress_under_way",
        "job_progress",
        ["kind", "about", "agency_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("about <> '' and status in ('waiting','running')"),
    )


def downgrade() -> None:
    op.drop_index("uq_job_progress_under_way", table_name="job_progress")
    op.drop_column("job_progress", "about")
