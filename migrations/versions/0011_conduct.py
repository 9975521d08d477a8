"""Conduct: complaints, audits of visits, fraud, early warnings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "conduct_flags",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("agent_code", sa.Text(), server_default="", nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("facts", postgresql.JSONB(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("case_ref", sa.Text(), server_default="", nullable=False),
        sa.Column("moved_by", sa.Text(), nullable=True),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("(status = 'open') or moved_by is not null", name=op.f("ck_conduct_flags_moved")),
        sa.CheckConstraint("status in ('open','taken_up','explained','case')", name=op.f("ck_conduct_flags_status")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_conduct_flags_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conduct_flags")),
        sa.UniqueConstraint("rule", "key", name=op.f("uq_conduct_flags_rule_key")),
    )
    op.create_index("ix_conduct_flags_agency", "conduct_flags", ["agency_id", "id"], unique=False)
    op.create_index("ix_conduct_flags_status", "conduct_flags", ["status", "id"], unique=False)
    op.create_table(
        "complaints",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("complainant", sa.Text(), server_default="", nullable=False),
        sa.Column("complainant_contact", sa.Text(), server_default="", nullable=False),
        sa.Column("told_account_no", sa.Text(), server_default="", nullable=False),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=True),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("agent_id", sa.BigInteger(), nullable=True),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_holding", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("told_agency", sa.Text(), server_default="", nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agency_due_on", sa.Date(), nullable=True),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.Column("compensation_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("currency", sa.Text(), server_default="INR", nullable=False),
        sa.Column("root_cause", sa.Text(), server_default="", nullable=False),
        sa.Column("action", sa.Text(), server_default="", nullable=False),
        sa.Column("proposal_reason", sa.Text(), nullable=True),
        sa.Column("proposed_by", sa.Text(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), server_default="received", nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('decided','closed')) = (decided_by is not null)", name=op.f("ck_complaints_decided")
        ),
        sa.CheckConstraint(
            "(status in ('proposed','decided','closed')) = (finding is not null)", name=op.f("ck_complaints_found")
        ),
        sa.CheckConstraint(
            "category in ('behaviour', 'hours', 'third_party', 'wrong_amount', 'receipt_dispute', 'data_breach', 'other')",
            name=op.f("ck_complaints_category"),
        ),
        sa.CheckConstraint(
            "channel in ('branch', 'phone', 'email', 'letter', 'portal', 'ombudsman', 'police', 'regulator')",
            name=op.f("ck_complaints_channel"),
        ),
        sa.CheckConstraint(
            "finding in ('substantiated', 'not_substantiated', 'frivolous')", name=op.f("ck_complaints_finding")
        ),
        sa.CheckConstraint("not is_holding or status not in ('closed','set_aside')", name=op.f("ck_complaints_holds")),
        sa.CheckConstraint("severity in ('low', 'medium', 'high', 'critical')", name=op.f("ck_complaints_severity")),
        sa.CheckConstraint(
            "status in ('received', 'acknowledged', 'set_aside', 'investigating', 'answered', 'proposed', 'decided', 'closed')",
            name=op.f("ck_complaints_status"),
        ),
        sa.CheckConstraint("agency_id is null or loan_account_id is not null", name=op.f("ck_complaints_about")),
        sa.CheckConstraint("compensation_minor >= 0", name=op.f("ck_complaints_compensation")),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_complaints_maker_is_not_checker")
        ),
        sa.CheckConstraint("told_at is null or agency_id is not null", name=op.f("ck_complaints_told")),
        sa.ForeignKeyConstraint(
            ["agency_id", "agent_id"], ["agents.agency_id", "agents.id"], name=op.f("fk_complaints_agency_id_agent_id")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_complaints_agency_id")),
        sa.ForeignKeyConstraint(["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_complaints_loan_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaints")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_complaints_agency_id_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_complaints_ref")),
    )
    op.create_index("ix_complaints_account", "complaints", ["loan_account_id"], unique=False)
    op.create_index("ix_complaints_agency", "complaints", ["agency_id", "id"], unique=False)
    op.create_index(
        "ix_complaints_holding",
        "complaints",
        ["agency_id", "loan_account_id"],
        unique=False,
        postgresql_where=sa.text("is_holding"),
    )
    op.create_index("ix_complaints_status", "complaints", ["status", "due_on", "id"], unique=False)
    op.create_table(
        "complaint_messages",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("complaint_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("for_agency", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("side = 'bank' or agency_id is not null", name=op.f("ck_complaint_messages_whose")),
        sa.CheckConstraint("side in ('bank','agency')", name=op.f("ck_complaint_messages_side")),
        sa.ForeignKeyConstraint(
            ["agency_id", "complaint_id"],
            ["complaints.agency_id", "complaints.id"],
            name=op.f("fk_complaint_messages_agency_id_complaint_id"),
        ),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_complaint_messages_complaint_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_messages")),
    )
    op.create_index("ix_complaint_messages_agency", "complaint_messages", ["agency_id", "id"], unique=False)
    op.create_index("ix_complaint_messages_complaint", "complaint_messages", ["complaint_id", "id"], unique=False)
    op.add_column("disputes", sa.Column("complaint_ref", sa.Text(), server_default="", nullable=False))
    op.drop_index("uq_disputes_line", table_name="disputes")
    op.create_index(
        "uq_disputes_line",
        "disputes",
        ["agency_id", "settlement_line_id", "complaint_ref"],
        unique=True,
        postgresql_where=sa.text("status <> 'withdrawn'"),
    )
    op.create_index(
        "ix_disputes_complaint",
        "disputes",
        ["complaint_ref"],
        unique=False,
        postgresql_where=sa.text("complaint_ref <> ''"),
    )
    op.create_check_constraint(
        op.f("ck_disputes_of_a_complaint"), "disputes", "complaint_ref = '' or status in ('open','withdrawn')"
    )
    op.create_table(
        "visit_samples",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("per_agency", sa.Integer(), nullable=True),
        sa.Column("share", sa.Text(), nullable=True),
        sa.Column("visits", sa.Integer(), nullable=False),
        sa.Column("drawn", sa.Integer(), nullable=False),
        sa.Column("visits_hash", sa.Text(), nullable=False),
        sa.Column("assigned_to", sa.Text(), nullable=False),
        sa.Column("drawn_by", sa.Text(), nullable=False),
        sa.Column("drawn_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("(per_agency is null) <> (share is null)", name=op.f("ck_visit_samples_how_many")),
        sa.CheckConstraint("visits >= drawn and drawn > 0", name=op.f("ck_visit_samples_drawn")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_samples")),
        sa.UniqueConstraint("ref", name=op.f("uq_visit_samples_ref")),
    )
    op.create_table(
        "visit_checks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sample_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=False),
        sa.Column("stratum", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("called_by", sa.Text(), nullable=True),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("(result = '') = (called_by is null)", name=op.f("ck_visit_checks_called")),
        sa.CheckConstraint(
            "result in ('','confirmed','not_confirmed','unreachable')", name=op.f("ck_visit_checks_result")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "contact_id"],
            ["contacts.agency_id", "contacts.id"],
            name=op.f("fk_visit_checks_agency_id_contact_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_visit_checks_agency_id")),
        sa.ForeignKeyConstraint(["sample_id"], ["visit_samples.id"], name=op.f("fk_visit_checks_sample_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_checks")),
        sa.UniqueConstraint("sample_id", "contact_id", name=op.f("uq_visit_checks_sample_id_contact_id")),
    )
    op.create_index("ix_visit_checks_contact", "visit_checks", ["contact_id"], unique=False)
    op.create_table(
        "fraud_cases",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("agent_code", sa.Text(), server_default="", nullable=False),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=True),
        sa.Column("receipts", sa.Text(), server_default="", nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_holding", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("status", sa.Text(), server_default="suspected", nullable=False),
        sa.Column("notice", sa.Text(), server_default="", nullable=False),
        sa.Column("notice_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reply_until", sa.Date(), nullable=True),
        sa.Column("finding", sa.Text(), nullable=True),
        sa.Column("proposal_reason", sa.Text(), nullable=True),
        sa.Column("proposed_by", sa.Text(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report_due_on", sa.Date(), nullable=True),
        sa.Column("reported_by", sa.Text(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report_ref", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('classified','cleared')) = (decided_by is not null)", name=op.f("ck_fraud_cases_decided")
        ),
        sa.CheckConstraint("finding in ('fraud', 'no_fraud')", name=op.f("ck_fraud_cases_finding")),
        sa.CheckConstraint(
            "kind in ('fake_receipt', 'undeposited_cash', 'impersonation', 'collusion', 'forged_letter', 'evidence', 'other')",
            name=op.f("ck_fraud_cases_kind"),
        ),
        sa.CheckConstraint(
            "status <> 'classified' or (finding = 'fraud' and notice_at is not null)", name=op.f("ck_fraud_cases_heard")
        ),
        sa.CheckConstraint(
            "status in ('suspected', 'notice_sent', 'proposed', 'replied', 'classified', 'cleared')",
            name=op.f("ck_fraud_cases_status"),
        ),
        sa.CheckConstraint("(notice_at is null) = (reply_until is null)", name=op.f("ck_fraud_cases_notice")),
        sa.CheckConstraint("(reported_at is null) = (reported_by is null)", name=op.f("ck_fraud_cases_reported")),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_fraud_cases_amount")),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_fraud_cases_maker_is_not_checker")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_fraud_cases_agency_id")),
        sa.ForeignKeyConstraint(["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_fraud_cases_loan_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fraud_cases")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_fraud_cases_agency_id_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_fraud_cases_ref")),
    )
    op.create_index("ix_fraud_cases_agency", "fraud_cases", ["agency_id", "id"], unique=False)
    op.create_index("ix_fraud_cases_status", "fraud_cases", ["status", "id"], unique=False)
    op.create_table(
        "fraud_replies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id", "case_id"],
            ["fraud_cases.agency_id", "fraud_cases.id"],
            name=op.f("fk_fraud_replies_agency_id_case_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_fraud_replies_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fraud_replies")),
    )
    op.create_index("ix_fraud_replies_case", "fraud_replies", ["case_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_constraint(op.f("ck_disputes_of_a_complaint"), "disputes", type_="check")
    op.drop_index("ix_disputes_complaint", table_name="disputes")
    op.drop_index("uq_disputes_line", table_name="disputes")
    op.create_index(
        "uq_disputes_line",
        "disputes",
        ["agency_id", "settlement_line_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'withdrawn'"),
    )
    op.drop_column("disputes", "complaint_ref")
    op.drop_table("fraud_replies")
    op.drop_table("fraud_cases")
    op.drop_table("visit_checks")
    op.drop_table("visit_samples")
    op.drop_table("complaint_messages")
    op.drop_table("complaints")
    op.drop_table("conduct_flags")
