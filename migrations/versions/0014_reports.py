"""Reports kept with the day and the hash of what they were made of."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "report_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(), nullable=False),
        sa.Column("question_sha256", sa.Text(), nullable=False),
        sa.Column("content_sha256", sa.Text(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_runs")),
        sa.UniqueConstraint(
            "question_sha256", "content_sha256", name=op.f("uq_report_runs_question_sha256_content_sha256")
        ),
    )
    op.create_index("ix_report_runs_report", "report_runs", ["report", "id"], unique=False)
    op.create_table(
        "report_schedules",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("report", sa.Text(), nullable=False),
        sa.Column("agency_code", sa.Text(), server_default="", nullable=False),
        sa.Column("day_of_month", sa.Integer(), nullable=False),
        sa.Column("recipients", postgresql.JSONB(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("(ended_by is null) = (ended_at is null)", name=op.f("ck_report_schedules_ended")),
        sa.CheckConstraint("day_of_month between 1 and 28", name=op.f("ck_report_schedules_day")),
        sa.CheckConstraint("format in ('page','xlsx','pdf')", name=op.f("ck_report_schedules_format")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_schedules")),
    )
    op.create_table(
        "report_deliveries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("schedule_id", sa.BigInteger(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("problem", sa.Text(), server_default="", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="1", nullable=False),
        sa.Column("tried_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(run_id is null) = (problem <> '')", name=op.f("ck_report_deliveries_kept_or_not")),
        sa.ForeignKeyConstraint(["run_id"], ["report_runs.id"], name=op.f("fk_report_deliveries_run_id")),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["report_schedules.id"], name=op.f("fk_report_deliveries_schedule_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_deliveries")),
        sa.UniqueConstraint("schedule_id", "period_start", name=op.f("uq_report_deliveries_schedule_id_period_start")),
    )
    op.create_table(
        "audit_packs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("members", sa.Integer(), nullable=False),
        sa.Column("holds", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_packs")),
        sa.UniqueConstraint("period_start", "sha256", name=op.f("uq_audit_packs_period_start_sha256")),
    )


def downgrade() -> None:
    op.drop_table("audit_packs")
    op.drop_table("report_deliveries")
    op.drop_table("report_schedules")
    op.drop_index("ix_report_runs_report", table_name="report_runs")
    op.drop_table("report_runs")
