"""Cancelling a tax deposit that is in the books takes two people: one asks, another one cancels."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("withholding_deposits", sa.Column("cancel_asked_by", sa.Text(), nullable=True))
    op.add_column("withholding_deposits", sa.Column("cancel_asked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("withholding_deposits", sa.Column("cancelled_by", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("ck_withholding_deposits_asked_to_cancel"),
        "withholding_deposits",
        "(cancel_asked_by is null) = (cancel_asked_at is null)",
    )
    # Those cancelled before two people did it have no one's name here; the audit log has it.
    op.create_check_constraint(
        op.f("ck_withholding_deposits_two_people_cancel"),
        "withholding_deposits",
        "cancelled_by is null or (status = 'cancelled' and cancel_asked_by is not null"
        " and cancelled_by <> cancel_asked_by and cancelled_by <> proposed_by)",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("ck_withholding_deposits_two_people_cancel"), "withholding_deposits")
    op.drop_constraint(op.f("ck_withholding_deposits_asked_to_cancel"), "withholding_deposits")
    op.drop_column("withholding_deposits", "cancelled_by")
    op.drop_column("withholding_deposits", "cancel_asked_at")
    op.drop_column("withholding_deposits", "cancel_asked_by")
