"""Legal readiness, letters, campaigns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("segment", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("offer", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("budget_minor", sa.BigInteger(), nullable=False),
        sa.Column("target_minor", sa.BigInteger(), nullable=False),
        sa.Column("spent_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("control_percent", sa.Integer(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("creative", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("preview", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("started_by", sa.Text(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("members", sa.Integer(), server_default="0", nullable=False),
        sa.Column("controls", sa.Integer(), server_default="0", nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('approved','rejected','running','cancelled','closed')) = (decided_by is not null)",
            name=op.f("ck_campaigns_decided"),
        ),
        sa.CheckConstraint(
            "(status in ('running','closed')) = (started_at is not null)", name=op.f("ck_campaigns_started")
        ),
        sa.CheckConstraint("channel in ('sms', 'letter', 'email', 'call', 'visit')", name=op.f("ck_campaigns_channel")),
        sa.CheckConstraint("offer in ('waiver', 'ots', 'step_up', 'reminder')", name=op.f("ck_campaigns_offer")),
        sa.CheckConstraint(
            "status in ('proposed','approved','rejected','withdrawn','running','cancelled','closed')",
            name=op.f("ck_campaigns_status"),
        ),
        sa.CheckConstraint(
            "budget_minor >= 0 and target_minor >= 0 and spent_minor >= 0", name=op.f("ck_campaigns_amounts")
        ),
        sa.CheckConstraint("control_percent between 0 and 50", name=op.f("ck_campaigns_control_percent")),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_campaigns_maker_is_not_checker")
        ),
        sa.CheckConstraint("to_on >= from_on", name=op.f("ck_campaigns_term")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaigns")),
        sa.UniqueConstraint("code", name=op.f("uq_campaigns_code")),
    )
    op.create_table(
        "letter_templates",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
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
            "(status in ('approved','rejected')) = (decided_by is not null)", name=op.f("ck_letter_templates_decided")
        ),
        sa.CheckConstraint("language in ('en', 'hi')", name=op.f("ck_letter_templates_language")),
        sa.CheckConstraint(
            "status in ('proposed','approved','rejected','withdrawn')", name=op.f("ck_letter_templates_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_letter_templates_maker_is_not_checker")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter_templates")),
        sa.UniqueConstraint("kind", "language", "version", name=op.f("uq_letter_templates_kind_language_version")),
    )
    op.create_table(
        "campaign_members",
        sa.Column("campaign_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("is_control", sa.Boolean(), nullable=False),
        sa.Column("overdue_minor", sa.BigInteger(), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaigns.id"], name=op.f("fk_campaign_members_campaign_id")),
        sa.ForeignKeyConstraint(
            ["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_campaign_members_loan_account_id")
        ),
        sa.PrimaryKeyConstraint("campaign_id", "loan_account_id", name=op.f("pk_campaign_members")),
    )
    op.create_table(
        "legal_cases",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="opened", nullable=False),
        sa.Column("counsel", sa.Text(), server_default="", nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('decided', 'settled', 'withdrawn')) = (closed_on is not null)",
            name=op.f("ck_legal_cases_closed"),
        ),
        sa.CheckConstraint(
            "kind in ('demand_notice', 's138', 'sarfaesi', 'lok_adalat', 'arbitration', 'civil_suit', 'drt')",
            name=op.f("ck_legal_cases_kind"),
        ),
        sa.CheckConstraint(
            "status in ('opened', 'ready', 'sent_to_counsel', 'filed', 'decided', 'settled', 'withdrawn')",
            name=op.f("ck_legal_cases_status"),
        ),
        sa.ForeignKeyConstraint(["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_legal_cases_loan_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_cases")),
    )
    op.create_index("ix_legal_cases_account", "legal_cases", ["loan_account_id", "id"], unique=False)
    op.create_index(
        "ix_legal_cases_due",
        "legal_cases",
        ["due_on", "id"],
        unique=False,
        postgresql_where=sa.text("status in ('opened', 'ready', 'sent_to_counsel', 'filed')"),
    )
    op.create_index("ix_legal_cases_status", "legal_cases", ["status", "id"], unique=False)
    op.create_index(
        "uq_legal_cases_one_open",
        "legal_cases",
        ["loan_account_id", "kind"],
        unique=True,
        postgresql_where=sa.text("status in ('opened', 'ready', 'sent_to_counsel', 'filed') and kind <> 's138'"),
    )
    op.create_table(
        "letter_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("template_id", sa.BigInteger(), nullable=False),
        sa.Column("segment", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("progress_id", sa.Integer(), nullable=True),
        sa.Column("letters", sa.Integer(), server_default="0", nullable=False),
        sa.Column("left_out", sa.Integer(), server_default="0", nullable=False),
        sa.Column("zip_sha256", sa.Text(), nullable=True),
        sa.Column("csv_sha256", sa.Text(), nullable=True),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status = 'done') = (zip_sha256 is not null and csv_sha256 is not null)", name=op.f("ck_letter_runs_files")
        ),
        sa.CheckConstraint("status in ('waiting','done')", name=op.f("ck_letter_runs_status")),
        sa.ForeignKeyConstraint(["template_id"], ["letter_templates.id"], name=op.f("fk_letter_runs_template_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter_runs")),
    )
    op.create_table(
        "legal_facts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["legal_cases.id"], name=op.f("fk_legal_facts_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_facts")),
    )
    op.create_index("ix_legal_facts_case", "legal_facts", ["case_id", "code", "id"], unique=False)
    op.create_table(
        "legal_filings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("forum", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("filed_on", sa.Date(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
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
            "(status in ('accepted','rejected')) = (decided_by is not null)", name=op.f("ck_legal_filings_decided")
        ),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn')", name=op.f("ck_legal_filings_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_legal_filings_maker_is_not_checker")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["legal_cases.id"], name=op.f("fk_legal_filings_case_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_filings")),
    )
    op.create_index("ix_legal_filings_case", "legal_filings", ["case_id", "id"], unique=False)
    op.create_index(
        "uq_legal_filings_waiting",
        "legal_filings",
        ["case_id"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.create_table(
        "legal_tasks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("paper", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("(status = 'open') = (closed_by is null)", name=op.f("ck_legal_tasks_closed")),
        sa.CheckConstraint("status in ('open', 'accepted', 'withdrawn')", name=op.f("ck_legal_tasks_status")),
        sa.CheckConstraint("(closed_by is null) = (closed_at is null)", name=op.f("ck_legal_tasks_closed_at")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_legal_tasks_agency_id")),
        sa.ForeignKeyConstraint(["case_id"], ["legal_cases.id"], name=op.f("fk_legal_tasks_case_id")),
        sa.ForeignKeyConstraint(["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_legal_tasks_loan_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_tasks")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_legal_tasks_agency_id_id")),
    )
    op.create_index("ix_legal_tasks_agency", "legal_tasks", ["agency_id", "status", "id"], unique=False)
    op.create_index("ix_legal_tasks_case", "legal_tasks", ["case_id", "id"], unique=False)
    op.create_table(
        "letters",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("template_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("case_id", sa.BigInteger(), nullable=True),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("to_name", sa.Text(), nullable=False),
        sa.Column("to_address", sa.Text(), nullable=False),
        sa.Column("told", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["legal_cases.id"], name=op.f("fk_letters_case_id")),
        sa.ForeignKeyConstraint(["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_letters_loan_account_id")),
        sa.ForeignKeyConstraint(["run_id"], ["letter_runs.id"], name=op.f("fk_letters_run_id")),
        sa.ForeignKeyConstraint(["template_id"], ["letter_templates.id"], name=op.f("fk_letters_template_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letters")),
        sa.UniqueConstraint("year", "number", name=op.f("uq_letters_year_number")),
    )
    op.create_index("ix_letters_account", "letters", ["loan_account_id", "id"], unique=False)
    op.create_index("ix_letters_case", "letters", ["case_id", "id"], unique=False)
    op.create_index("ix_letters_run", "letters", ["run_id", "id"], unique=False)
    op.create_table(
        "legal_task_papers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("task_id", sa.BigInteger(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("handed_by", sa.Text(), nullable=False),
        sa.Column("handed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id", "task_id"],
            ["legal_tasks.agency_id", "legal_tasks.id"],
            name=op.f("fk_legal_task_papers_agency_id_task_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_task_papers")),
    )
    op.create_index("ix_legal_task_papers_task", "legal_task_papers", ["task_id", "id"], unique=False)
    op.create_table(
        "letter_dispatches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("letter_id", sa.BigInteger(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("tracking_no", sa.Text(), server_default="", nullable=False),
        sa.Column("sent_on", sa.Date(), nullable=False),
        sa.Column("proof_sha256", sa.Text(), nullable=True),
        sa.Column("proof_name", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("outcome_on", sa.Date(), nullable=True),
        sa.Column("outcome_note", sa.Text(), server_default="", nullable=False),
        sa.Column("outcome_sha256", sa.Text(), nullable=True),
        sa.Column("outcome_name", sa.Text(), nullable=True),
        sa.Column("outcome_by", sa.Text(), nullable=True),
        sa.Column("entered_by", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "channel in ('post', 'courier', 'email', 'hand')", name=op.f("ck_letter_dispatches_channel")
        ),
        sa.CheckConstraint("outcome in ('delivered','returned')", name=op.f("ck_letter_dispatches_outcome")),
        sa.CheckConstraint("(outcome is null) = (outcome_on is null)", name=op.f("ck_letter_dispatches_outcome_on")),
        sa.CheckConstraint("outcome_on >= sent_on", name=op.f("ck_letter_dispatches_order")),
        sa.ForeignKeyConstraint(["letter_id"], ["letters.id"], name=op.f("fk_letter_dispatches_letter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter_dispatches")),
    )
    op.create_index("ix_letter_dispatches_letter", "letter_dispatches", ["letter_id", "id"], unique=False)
    op.create_index("ix_letter_dispatches_tracking", "letter_dispatches", ["tracking_no"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_letter_dispatches_tracking", table_name="letter_dispatches")
    op.drop_index("ix_letter_dispatches_letter", table_name="letter_dispatches")
    op.drop_table("letter_dispatches")
    op.drop_index("ix_legal_task_papers_task", table_name="legal_task_papers")
    op.drop_table("legal_task_papers")
    op.drop_index("ix_letters_run", table_name="letters")
    op.drop_index("ix_letters_case", table_name="letters")
    op.drop_index("ix_letters_account", table_name="letters")
    op.drop_table("letters")
    op.drop_index("ix_legal_tasks_case", table_name="legal_tasks")
    op.drop_index("ix_legal_tasks_agency", table_name="legal_tasks")
    op.drop_table("legal_tasks")
    op.drop_index(
        "uq_legal_filings_waiting", table_name="legal_filings", postgresql_where=sa.text("status = 'proposed'")
    )
    op.drop_index("ix_legal_filings_case", table_name="legal_filings")
    op.drop_table("legal_filings")
    op.drop_index("ix_legal_facts_case", table_name="legal_facts")
    op.drop_table("legal_facts")
    op.drop_table("letter_runs")
    op.drop_index(
        "uq_legal_cases_one_open",
        table_name="legal_cases",
        postgresql_where=sa.text("status in ('opened', 'ready', 'sent_to_counsel', 'filed') and kind <> 's138'"),
    )
    op.drop_index("ix_legal_cases_status", table_name="legal_cases")
    op.drop_index(
        "ix_legal_cases_due",
        table_name="legal_cases",
        postgresql_where=sa.text("status in ('opened', 'ready', 'sent_to_counsel', 'filed')"),
    )
    op.drop_index("ix_legal_cases_account", table_name="legal_cases")
    op.drop_table("legal_cases")
    op.drop_table("campaign_members")
    op.drop_table("letter_templates")
    op.drop_table("campaigns")
