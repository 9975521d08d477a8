"""What happens to an allocation: returns, extensions, transfers, holds with a cause, letters to borrowers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _holds()
    _requests()
    _notices()


def _holds() -> None:
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


def _requests() -> None:
    op.create_table(
        "allocation_requests",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("allocation_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_no", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), server_default="bank", nullable=False),
        sa.Column("reason_code", sa.Text(), server_default="other", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=True),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("to_agency_id", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("(kind = 'extension') = (last_on is null)", name=op.f("ck_allocation_requests_last_day")),
        sa.CheckConstraint(
            "(kind = 'transfer') = (to_agency_id is not null)", name=op.f("ck_allocation_requests_to_agency")
        ),
        sa.CheckConstraint(
            "(status in ('accepted','rejected')) = (decided_by is not null)",
            name=op.f("ck_allocation_requests_decided"),
        ),
        sa.CheckConstraint(
            "kind in ('return', 'extension', 'transfer', 'recall')", name=op.f("ck_allocation_requests_kind")
        ),
        sa.CheckConstraint(
            "side = 'bank' or kind in ('return','extension')", name=op.f("ck_allocation_requests_agency_asks")
        ),
        sa.CheckConstraint("side in ('agency', 'bank')", name=op.f("ck_allocation_requests_side")),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn')", name=op.f("ck_allocation_requests_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_allocation_requests_maker_is_not_checker")
        ),
        sa.CheckConstraint("to_agency_id <> agency_id", name=op.f("ck_allocation_requests_another_agency")),
        sa.ForeignKeyConstraint(
            ["agency_id", "allocation_id"],
            ["allocations.agency_id", "allocations.id"],
            name=op.f("fk_allocation_requests_agency_id_allocation_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_allocation_requests_agency_id")),
        sa.ForeignKeyConstraint(["to_agency_id"], ["agencies.id"], name=op.f("fk_allocation_requests_to_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allocation_requests")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_allocation_requests_agency_id_id")),
    )
    op.create_index("ix_allocation_requests_status", "allocation_requests", ["status", "id"], unique=False)
    op.create_index(
        "uq_allocation_requests_waiting",
        "allocation_requests",
        ["agency_id", "allocation_id", "kind"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )


def _notices() -> None:
    op.create_table(
        "borrower_notices",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("allocation_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_no", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("agency_name", sa.Text(), nullable=False),
        sa.Column("agent_name", sa.Text(), server_default="", nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), server_default="due", nullable=False),
        sa.Column("batch_ref", sa.Text(), server_default="", nullable=False),
        sa.Column("exported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.Text(), server_default="", nullable=False),
        sa.Column("answer_sha256", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "cause in ('allocated', 'agent_changed', 'agency_ended')", name=op.f("ck_borrower_notices_cause")
        ),
        sa.CheckConstraint("channel in ('letter', 'sms', 'email')", name=op.f("ck_borrower_notices_channel")),
        sa.CheckConstraint("status <> 'due' or sent_at is null", name=op.f("ck_borrower_notices_sent")),
        sa.CheckConstraint("status in ('due', 'sent', 'delivered', 'failed')", name=op.f("ck_borrower_notices_status")),
        sa.CheckConstraint(
            "status not in ('sent','delivered') or sent_at is not null", name=op.f("ck_borrower_notices_sent_when")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "allocation_id"],
            ["allocations.agency_id", "allocations.id"],
            name=op.f("fk_borrower_notices_agency_id_allocation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_borrower_notices_loan_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_borrower_notices")),
    )
    op.create_index("ix_borrower_notices_allocation", "borrower_notices", ["allocation_id", "id"], unique=False)
    op.create_index(
        "ix_borrower_notices_batch",
        "borrower_notices",
        ["batch_ref", "id"],
        unique=False,
        postgresql_where=sa.text("batch_ref <> ''"),
    )
    op.create_index(
        "ix_borrower_notices_open",
        "borrower_notices",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status in ('due','failed')"),
    )


def downgrade() -> None:
    op.drop_table("borrower_notices")
    op.drop_table("allocation_requests")
    op.drop_index("ix_holds_cause", table_name="holds")
    op.drop_constraint(op.f("ck_holds_lifted"), "holds", type_="check")
    op.drop_constraint(op.f("ck_holds_cause"), "holds", type_="check")
    for column in ("lift_reason", "lifted_at", "lifted_by", "file_sha256", "told_cause", "cause_ref", "cause"):
        op.drop_column("holds", column)
