"""What happens to an allocation: returns, extensions, transfers, holds with a cause, letters to borrowers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Holds say what brought them about and who ended them."""
    op.add_column("holds", sa.Column("cause", sa.Text(), server_default="manual", nullable=False))
    op.add_column("holds", sa.Column("cause_ref", sa.Text(), server_default="", nullable=False))
    told = (
        "case when cause in ('litigation', 'deceased', 'insolvency', 'ots', 'calamity', 'restructured', 'paid')"
        " then cause else '' end"
    )
    op.add_column("holds", sa.Column("told_cause", sa.Text(), sa.Computed(told, persisted=True), nullable=False))
    op.add_column("holds", sa.Column("file_sha256", sa.Text(), nullable=True))
    op.add_column("holds", sa.Column("lifted_by", sa.Text(), nullable=True))
    op.add_column("holds", sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("holds", sa.Column("lift_reason", sa.Text(), server_default="", nullable=False))
    op.create_check_constraint(op.f("ck_holds_cause"), "holds", "cause <> ''")
    op.create_check_constraint(
        op.f("ck_holds_lifted"),
        "holds",
        "(lifted_at is null) = (lifted_by is null) and (lifted_at is null or to_on is not null)",
    )
    op.create_index("ix_holds_cause", "holds", ["cause", "cause_ref"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_holds_cause", table_name="holds")
    op.drop_constraint(op.f("ck_holds_lifted"), "holds", type_="check")
    op.drop_constraint(op.f("ck_holds_cause"), "holds", type_="check")
    for column in ("lift_reason", "lifted_at", "lifted_by", "file_sha256", "told_cause", "cause_ref", "cause"):
        op.drop_column("holds", column)
