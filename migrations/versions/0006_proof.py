"""What was still missing around paying: a settlement pointed to other bank details, one person's accounts, challans."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("paying_stops", sa.Column("lost_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("paying_stops", "lost_since")
