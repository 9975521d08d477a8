"""Agencies taken on, watched and let go: moves, papers, inspections, agents' papers; a stop for one agency's money."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_unique_constraint(op.f("uq_agency_measures_agency_id_id"), "agency_measures", ["agency_id", "id"])
    op.create_table(
        "agency_moves",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("from_status", sa.Text(), nullable=False),
        sa.Column("to_status", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), server_default="bank", nullable=False),
        sa.Column("source_ref", sa.Text(), server_default="", nullable=False),
        sa.Column("effect", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('accepted','rejected')) = (decided_by is not null)", name=op.f("ck_agency_moves_decided")
        ),
        sa.CheckConstraint(
            "action in ('examine', 'decline', 'empanel', 'send_back', 'watch', 'suspend', 'end', 'clear', 'reinstate', 'apply_again')",
            name=op.f("ck_agency_moves_action"),
        ),
        sa.CheckConstraint(
            "from_status in ('applicant', 'due_diligence', 'empanelled', 'watch_list', 'suspended', 'de_empanelled')",
            name=op.f("ck_agency_moves_from_status"),
        ),
        sa.CheckConstraint("source in ('bank', 'file', 'scorecard')", name=op.f("ck_agency_moves_source")),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn')", name=op.f("ck_agency_moves_status")
        ),
        sa.CheckConstraint(
            "to_status in ('applicant', 'due_diligence', 'empanelled', 'watch_list', 'suspended', 'de_empanelled') and to_status <> from_status",
            name=op.f("ck_agency_moves_to_status"),
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_agency_moves_maker_is_not_checker")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_agency_moves_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency_moves")),
    )
    op.create_index("ix_agency_moves_agency", "agency_moves", ["agency_id", "id"], unique=False)
    op.create_index(
        "uq_agency_moves_waiting",
        "agency_moves",
        ["agency_id"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.create_table(
        "agency_papers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), server_default="", nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), server_default="bank", nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('accepted','rejected','replaced')) = (decided_by is not null)",
            name=op.f("ck_agency_papers_decided"),
        ),
        sa.CheckConstraint(
            "kind in ('agreement', 'pan', 'gstin', 'udyam', 'incorporation', 'deposit', 'guarantee', 'insurance', 'police_verification', 'board_approval')",
            name=op.f("ck_agency_papers_kind"),
        ),
        sa.CheckConstraint("source in ('bank','agency')", name=op.f("ck_agency_papers_source")),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn','replaced')", name=op.f("ck_agency_papers_status")
        ),
        sa.CheckConstraint("(amount_minor is null) = (currency is null)", name=op.f("ck_agency_papers_currency")),
        sa.CheckConstraint("amount_minor is null or amount_minor > 0", name=op.f("ck_agency_papers_amount")),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_agency_papers_maker_is_not_checker")
        ),
        sa.CheckConstraint("valid_until is null or valid_until >= issued_on", name=op.f("ck_agency_papers_dates")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_agency_papers_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency_papers")),
        sa.UniqueConstraint("agency_id", "kind", "version", name=op.f("uq_agency_papers_agency_id_kind_version")),
    )
    op.create_index(
        "uq_agency_papers_accepted",
        "agency_papers",
        ["agency_id", "kind"],
        unique=True,
        postgresql_where=sa.text("status = 'accepted'"),
    )
    op.create_index(
        "uq_agency_papers_waiting",
        "agency_papers",
        ["agency_id", "kind"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.create_table(
        "agency_inspections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("visited_on", sa.Date(), nullable=False),
        sa.Column("inspected_by", sa.Text(), nullable=False),
        sa.Column("score", sa.Numeric(precision=5, scale=2), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("measure_id", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('approved','rejected')) = (decided_by is not null)", name=op.f("ck_agency_inspections_decided")
        ),
        sa.CheckConstraint(
            "status in ('proposed','approved','rejected','withdrawn')", name=op.f("ck_agency_inspections_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_agency_inspections_maker_is_not_checker")
        ),
        sa.CheckConstraint("score between 0 and 100", name=op.f("ck_agency_inspections_score")),
        sa.ForeignKeyConstraint(
            ["agency_id", "measure_id"],
            ["agency_measures.agency_id", "agency_measures.id"],
            name=op.f("fk_agency_inspections_agency_id_measure_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_agency_inspections_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency_inspections")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_agency_inspections_agency_id_id")),
    )
    op.create_index("ix_agency_inspections_agency", "agency_inspections", ["agency_id", "visited_on"], unique=False)
    op.create_table(
        "agent_papers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), server_default="", nullable=False),
        sa.Column("certificate_type", sa.Text(), server_default="", nullable=False),
        sa.Column("training_hours", sa.Integer(), nullable=True),
        sa.Column("exempt_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("areas", sa.Text(), server_default="", nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("photo_sha256", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), server_default="bank", nullable=False),
        sa.Column("token", sa.Text(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by", sa.Text(), nullable=True),
        sa.Column("revoke_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('accepted','rejected','replaced','revoked')) = (decided_by is not null)",
            name=op.f("ck_agent_papers_decided"),
        ),
        sa.CheckConstraint(
            "certificate_type in ('','dra','dra_tele','exempt')", name=op.f("ck_agent_papers_certificate_type")
        ),
        sa.CheckConstraint(
            "kind in ('certificate', 'police_verification', 'id_card', 'authorisation')",
            name=op.f("ck_agent_papers_kind"),
        ),
        sa.CheckConstraint("source in ('bank','agency')", name=op.f("ck_agent_papers_source")),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn','replaced','revoked')",
            name=op.f("ck_agent_papers_status"),
        ),
        sa.CheckConstraint("token is null or kind = 'id_card'", name=op.f("ck_agent_papers_token")),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_agent_papers_maker_is_not_checker")
        ),
        sa.CheckConstraint(
            "training_hours is null or training_hours between 0 and 1000", name=op.f("ck_agent_papers_training_hours")
        ),
        sa.CheckConstraint("valid_until is null or valid_until >= issued_on", name=op.f("ck_agent_papers_dates")),
        sa.ForeignKeyConstraint(
            ["agency_id", "agent_id"],
            ["agents.agency_id", "agents.id"],
            name=op.f("fk_agent_papers_agency_id_agent_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_agent_papers_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agent_papers")),
        sa.UniqueConstraint(
            "agency_id", "agent_id", "kind", "version", name=op.f("uq_agent_papers_agency_id_agent_id_kind_version")
        ),
        sa.UniqueConstraint("agency_id", "token", name=op.f("uq_agent_papers_agency_id_token")),
    )
    op.create_index(
        "ix_agent_papers_token", "agent_papers", ["token"], unique=False, postgresql_where=sa.text("token is not null")
    )
    op.create_index(
        "uq_agent_papers_accepted",
        "agent_papers",
        ["agency_id", "agent_id", "kind"],
        unique=True,
        postgresql_where=sa.text("status = 'accepted'"),
    )
    op.create_index(
        "uq_agent_papers_waiting",
        "agent_papers",
        ["agency_id", "agent_id", "kind"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.create_table(
        "inspection_findings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("inspection_id", sa.BigInteger(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("action_asked", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("severity in ('minor', 'major', 'critical')", name=op.f("ck_inspection_findings_severity")),
        sa.ForeignKeyConstraint(
            ["agency_id", "inspection_id"],
            ["agency_inspections.agency_id", "agency_inspections.id"],
            name=op.f("fk_inspection_findings_agency_id_inspection_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_inspection_findings_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspection_findings")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_inspection_findings_agency_id_id")),
    )
    op.create_index("ix_inspection_findings_inspection", "inspection_findings", ["inspection_id", "id"], unique=False)
    op.create_table(
        "finding_answers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("finding_id", sa.BigInteger(), nullable=False),
        sa.Column("done", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('accepted','rejected')) = (decided_by is not null)", name=op.f("ck_finding_answers_decided")
        ),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn')", name=op.f("ck_finding_answers_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_finding_answers_maker_is_not_checker")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "finding_id"],
            ["inspection_findings.agency_id", "inspection_findings.id"],
            name=op.f("fk_finding_answers_agency_id_finding_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_finding_answers_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding_answers")),
    )
    op.create_index(
        "uq_finding_answers_accepted",
        "finding_answers",
        ["agency_id", "finding_id"],
        unique=True,
        postgresql_where=sa.text("status = 'accepted'"),
    )
    op.create_index(
        "uq_finding_answers_waiting",
        "finding_answers",
        ["agency_id", "finding_id"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.add_column("paying_stops", sa.Column("agency_id", sa.BigInteger(), nullable=True))
    op.create_index(
        "uq_paying_stops_agency",
        "paying_stops",
        ["agency_id"],
        unique=True,
        postgresql_where=sa.text("lifted_at is null"),
    )
    op.create_foreign_key(op.f("fk_paying_stops_agency_id"), "paying_stops", "agencies", ["agency_id"], ["id"])


def downgrade() -> None:
    op.drop_constraint(op.f("fk_paying_stops_agency_id"), "paying_stops", type_="foreignkey")
    op.drop_index("uq_paying_stops_agency", table_name="paying_stops", postgresql_where=sa.text("lifted_at is null"))
    op.drop_column("paying_stops", "agency_id")
    op.drop_index(
        "uq_finding_answers_waiting", table_name="finding_answers", postgresql_where=sa.text("status = 'proposed'")
    )
    op.drop_index(
        "uq_finding_answers_accepted", table_name="finding_answers", postgresql_where=sa.text("status = 'accepted'")
    )
    op.drop_table("finding_answers")
    op.drop_index("ix_inspection_findings_inspection", table_name="inspection_findings")
    op.drop_table("inspection_findings")
    op.drop_index("uq_agent_papers_waiting", table_name="agent_papers", postgresql_where=sa.text("status = 'proposed'"))
    op.drop_index(
        "uq_agent_papers_accepted", table_name="agent_papers", postgresql_where=sa.text("status = 'accepted'")
    )
    op.drop_index("ix_agent_papers_token", table_name="agent_papers", postgresql_where=sa.text("token is not null"))
    op.drop_table("agent_papers")
    op.drop_index("ix_agency_inspections_agency", table_name="agency_inspections")
    op.drop_table("agency_inspections")
    op.drop_index(
        "uq_agency_papers_waiting", table_name="agency_papers", postgresql_where=sa.text("status = 'proposed'")
    )
    op.drop_index(
        "uq_agency_papers_accepted", table_name="agency_papers", postgresql_where=sa.text("status = 'accepted'")
    )
    op.drop_table("agency_papers")
    op.drop_index("uq_agency_moves_waiting", table_name="agency_moves", postgresql_where=sa.text("status = 'proposed'"))
    op.drop_index("ix_agency_moves_agency", table_name="agency_moves")
    op.drop_table("agency_moves")
    op.drop_constraint(op.f("uq_agency_measures_agency_id_id"), "agency_measures", type_="unique")
