"""Agencies judged: schemes, a month's scoring, scorecards, what agencies contest and what follows."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_constraint(op.f("ck_agency_measures_measure"), "agency_measures", type_="check")
    op.create_check_constraint(
        op.f("ck_agency_measures_measure"), "agency_measures", "measure in ('score','grade','audit')"
    )
    op.create_table(
        "score_schemes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("terms", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('approved','rejected')) = (decided_by is not null)", name=op.f("ck_score_schemes_decided")
        ),
        sa.CheckConstraint(
            "status in ('proposed','approved','rejected','withdrawn')", name=op.f("ck_score_schemes_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_score_schemes_maker_is_not_checker")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_schemes")),
        sa.UniqueConstraint("version", name=op.f("uq_score_schemes_version")),
    )
    op.create_index(
        "uq_score_schemes_from",
        "score_schemes",
        ["effective_from"],
        unique=True,
        postgresql_where=sa.text("status = 'approved'"),
    )
    op.create_table(
        "score_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_current", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("input_hash", sa.Text(), nullable=False),
        sa.Column("result_hash", sa.Text(), nullable=False),
        sa.Column("scheme_id", sa.BigInteger(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by", sa.Text(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("summary", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.CheckConstraint("(published_by is null) = (published_at is null)", name=op.f("ck_score_runs_published")),
        sa.CheckConstraint(
            "published_by is null or published_by <> made_by", name=op.f("ck_score_runs_maker_is_not_checker")
        ),
        sa.ForeignKeyConstraint(["scheme_id"], ["score_schemes.id"], name=op.f("fk_score_runs_scheme_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_runs")),
        sa.UniqueConstraint("period_start", "version", name=op.f("uq_score_runs_period_start_version")),
    )
    op.create_index(
        "uq_score_runs_current", "score_runs", ["period_start"], unique=True, postgresql_where=sa.text("is_current")
    )
    op.create_table(
        "scorecards",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("score", sa.Numeric(precision=5, scale=2), nullable=True),
        sa.Column("grade", sa.Text(), server_default="", nullable=False),
        sa.Column("gates", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("place", sa.Integer(), nullable=True),
        sa.Column("places", sa.Integer(), server_default="0", nullable=False),
        sa.Column("inputs", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("measures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("result_hash", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("score between 0 and 100", name=op.f("ck_scorecards_score")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_scorecards_agency_id")),
        sa.ForeignKeyConstraint(["run_id"], ["score_runs.id"], name=op.f("fk_scorecards_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scorecards")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_scorecards_agency_id_id")),
        sa.UniqueConstraint("run_id", "agency_id", name=op.f("uq_scorecards_run_id_agency_id")),
    )
    op.create_index("ix_scorecards_agency", "scorecards", ["agency_id", "period_start"], unique=False)
    op.create_table(
        "score_consequences",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("scorecard_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('accepted','rejected')) = (decided_by is not null)", name=op.f("ck_score_consequences_decided")
        ),
        sa.CheckConstraint("kind in ('share_up', 'watch_list', 'suspend')", name=op.f("ck_score_consequences_kind")),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn')", name=op.f("ck_score_consequences_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_score_consequences_maker_is_not_checker")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "scorecard_id"],
            ["scorecards.agency_id", "scorecards.id"],
            name=op.f("fk_score_consequences_agency_id_scorecard_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_consequences")),
        sa.UniqueConstraint("scorecard_id", "kind", name=op.f("uq_score_consequences_scorecard_id_kind")),
    )
    op.create_index("ix_score_consequences_status", "score_consequences", ["status", "id"], unique=False)
    op.create_table(
        "score_disputes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("scorecard_id", sa.BigInteger(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("corrected", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("(corrected is not null) = (status = 'accepted')", name=op.f("ck_score_disputes_corrected")),
        sa.CheckConstraint(
            "(status in ('accepted','rejected')) = (decided_by is not null)", name=op.f("ck_score_disputes_decided")
        ),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn')", name=op.f("ck_score_disputes_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_score_disputes_maker_is_not_checker")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "scorecard_id"],
            ["scorecards.agency_id", "scorecards.id"],
            name=op.f("fk_score_disputes_agency_id_scorecard_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_disputes")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_score_disputes_agency_id_id")),
    )
    op.create_index("ix_score_disputes_status", "score_disputes", ["status", "id"], unique=False)
    op.create_index(
        "uq_score_disputes_waiting",
        "score_disputes",
        ["agency_id", "scorecard_id", "measure"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.add_column("agents", sa.Column("joined_on", sa.Date(), nullable=True))
    op.add_column("agents", sa.Column("left_on", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("agents", "left_on")
    op.drop_column("agents", "joined_on")
    op.drop_index(
        "uq_score_disputes_waiting", table_name="score_disputes", postgresql_where=sa.text("status = 'proposed'")
    )
    op.drop_index("ix_score_disputes_status", table_name="score_disputes")
    op.drop_table("score_disputes")
    op.drop_index("ix_score_consequences_status", table_name="score_consequences")
    op.drop_table("score_consequences")
    op.drop_index("ix_scorecards_agency", table_name="scorecards")
    op.drop_table("scorecards")
    op.drop_index("uq_score_runs_current", table_name="score_runs", postgresql_where=sa.text("is_current"))
    op.drop_table("score_runs")
    op.drop_index("uq_score_schemes_from", table_name="score_schemes", postgresql_where=sa.text("status = 'approved'"))
    op.drop_table("score_schemes")
    op.drop_constraint(op.f("ck_agency_measures_measure"), "agency_measures", type_="check")
    op.create_check_constraint(op.f("ck_agency_measures_measure"), "agency_measures", "measure in ('score','grade')")
