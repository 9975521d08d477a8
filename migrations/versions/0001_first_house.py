"""The house as first built."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from portal.kernel.queue_schema import create_queue, drop_queue

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "accrual_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_current", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("input_hash", sa.Text(), nullable=False),
        sa.Column("result_hash", sa.Text(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("summary", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("run_by", sa.Text(), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accrual_runs")),
        sa.UniqueConstraint("period_start", "version", name=op.f("uq_accrual_runs_period_start_version")),
    )
    op.create_index(
        "uq_accrual_runs_current", "accrual_runs", ["period_start"], unique=True, postgresql_where=sa.text("is_current")
    )
    op.create_table(
        "agencies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("legal_name", sa.Text(), nullable=False),
        sa.Column("pan", sa.Text(), nullable=True),
        sa.Column("gstin", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("udyam_no", sa.Text(), nullable=True),
        sa.Column("msme_class", sa.Text(), nullable=True),
        sa.Column("agreement_from", sa.Date(), nullable=False),
        sa.Column("agreement_to", sa.Date(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("country", sa.Text(), server_default="IN", nullable=False),
        sa.Column("currency", sa.Text(), server_default="INR", nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("status", sa.Text(), server_default="empanelled", nullable=False),
        sa.Column("lock_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status in ('applicant', 'due_diligence', 'empanelled', 'watch_list', 'suspended', 'de_empanelled')",
            name=op.f("ck_agencies_status"),
        ),
        sa.CheckConstraint(
            "agreement_to is null or agreement_to >= agreement_from", name=op.f("ck_agencies_agreement_dates")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agencies")),
        sa.UniqueConstraint("code", name=op.f("uq_agencies_code")),
    )
    op.create_table(
        "audit_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_ref", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
        sa.UniqueConstraint("hash", name=op.f("uq_audit_events_hash")),
    )
    op.create_index(op.f("ix_audit_events_agency_id"), "audit_events", ["agency_id"], unique=False)
    op.create_index("ix_audit_events_subject_ref", "audit_events", ["subject_ref", "id"], unique=False)
    op.create_index("ix_audit_events_tag", "audit_events", ["tag", "id"], unique=False)
    op.create_index("ix_audit_events_actor", "audit_events", ["actor", "id"], unique=False)
    op.create_table(
        "audit_head",
        sa.Column("id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.Column("last_hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "bank_accounts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("account_no", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_accounts")),
        sa.UniqueConstraint("account_no", name=op.f("uq_bank_accounts_account_no")),
    )
    op.create_table(
        "bank_answers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("read_by", sa.Text(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_answers")),
        sa.UniqueConstraint("file_sha256", name=op.f("uq_bank_answers_file_sha256")),
    )
    op.create_table(
        "bucket_schemes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("buckets", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bucket_schemes")),
        sa.UniqueConstraint("effective_from", name=op.f("uq_bucket_schemes_effective_from")),
        sa.UniqueConstraint("version", name=op.f("uq_bucket_schemes_version")),
    )
    op.create_table(
        "dated_settings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("source", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dated_settings")),
        sa.UniqueConstraint("code", "effective_from", name=op.f("uq_dated_settings_code_effective_from")),
    )
    op.create_table(
        "job_progress",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("done", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("total", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status in ('waiting','running','done','failed')", name=op.f("ck_job_progress_status")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job_progress")),
    )
    op.create_index(op.f("ix_job_progress_agency_id"), "job_progress", ["agency_id"], unique=False)
    op.create_table(
        "journal_entries",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("posted_on", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_ref", sa.Text(), nullable=False),
        sa.Column("narration", sa.Text(), server_default="", nullable=False),
        sa.Column("posted_by", sa.Text(), nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_entries")),
        sa.UniqueConstraint("ref", name=op.f("uq_journal_entries_ref")),
    )
    op.create_index("ix_journal_entries_posted_on", "journal_entries", ["posted_on", "id"], unique=False)
    op.create_index(op.f("ix_journal_entries_subject_ref"), "journal_entries", ["subject_ref"], unique=False)
    op.create_table(
        "lenders",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), server_default="IN", nullable=False),
        sa.Column("currency", sa.Text(), server_default="INR", nullable=False),
        sa.Column("entity_type", sa.Text(), server_default="bank", nullable=False),
        sa.Column("state", sa.Text(), server_default="", nullable=False),
        sa.Column("gstin", sa.Text(), server_default="", nullable=False),
        sa.Column("debit_account_no", sa.Text(), server_default="", nullable=False),
        sa.Column("debit_ifsc", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lenders")),
    )
    op.create_table(
        "loan_accounts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("loan_account_no", sa.Text(), nullable=False),
        sa.Column("customer_name", sa.Text(), nullable=False),
        sa.Column("mobile", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("address", sa.Text(), nullable=True),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("pincode", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("branch_code", sa.Text(), nullable=True),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("sanctioned_on", sa.Date(), nullable=True),
        sa.Column("npa_on", sa.Date(), nullable=True),
        sa.Column("written_off_on", sa.Date(), nullable=True),
        sa.Column("secured", sa.Boolean(), nullable=True),
        sa.Column("security_value_minor", sa.BigInteger(), nullable=True),
        sa.Column("interest_rate", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("latest_as_of", sa.Date(), nullable=True),
        sa.Column("latest_dpd_days", sa.Integer(), nullable=True),
        sa.Column("latest_bucket", sa.Text(), nullable=True),
        sa.Column("latest_asset_class", sa.Text(), nullable=True),
        sa.Column("latest_principal_minor", sa.BigInteger(), nullable=True),
        sa.Column("latest_total_minor", sa.BigInteger(), nullable=True),
        sa.Column("latest_overdue_minor", sa.BigInteger(), nullable=True),
        sa.Column("latest_emi_minor", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_loan_accounts")),
        sa.UniqueConstraint("loan_account_no", name=op.f("uq_loan_accounts_loan_account_no")),
    )
    op.create_index("ix_loan_accounts_bucket_no", "loan_accounts", ["latest_bucket", "loan_account_no"], unique=False)
    op.create_index("ix_loan_accounts_product_no", "loan_accounts", ["product", "loan_account_no"], unique=False)
    op.create_table(
        "payout_batches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=True),
        sa.Column("rail", sa.Text(), nullable=False),
        sa.Column("profile", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.Text(), server_default="made", nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("lock_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status in ('approved','sent','closed')) <= (approved_by is not null)",
            name=op.f("ck_payout_batches_approved_by"),
        ),
        sa.CheckConstraint(
            "status in ('made','approved','sent','closed','void')", name=op.f("ck_payout_batches_status")
        ),
        sa.CheckConstraint(
            "approved_by is null or approved_by <> made_by", name=op.f("ck_payout_batches_maker_is_not_checker")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_batches")),
        sa.UniqueConstraint("ref", name=op.f("uq_payout_batches_ref")),
    )
    op.create_table(
        "placements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_placements")),
        sa.UniqueConstraint("code", name=op.f("uq_placements_code")),
    )
    op.create_table(
        "rate_cards",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rate_cards")),
        sa.UniqueConstraint("code", name=op.f("uq_rate_cards_code")),
    )
    op.create_table(
        "recon_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("through_on", sa.Date(), nullable=False),
        sa.Column("input_hash", sa.Text(), nullable=False),
        sa.Column("result_hash", sa.Text(), nullable=False),
        sa.Column("summary", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("run_by", sa.Text(), nullable=False),
        sa.Column("run_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recon_runs")),
    )
    op.create_table(
        "sign_in_attempts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("email_hash", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("succeeded", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_attempts")),
    )
    op.create_index("ix_sign_in_attempts_address_at", "sign_in_attempts", ["address", "at"], unique=False)
    op.create_index("ix_sign_in_attempts_email_hash_at", "sign_in_attempts", ["email_hash", "at"], unique=False)
    op.create_table(
        "spent_tokens",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("spent_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_spent_tokens")),
    )
    op.create_table(
        "stored_files",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("stored_by", sa.Text(), nullable=False),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_files")),
        sa.UniqueConstraint(
            "sha256", "agency_id", name=op.f("uq_stored_files_sha256_agency_id"), postgresql_nulls_not_distinct=True
        ),
    )
    op.create_index(op.f("ix_stored_files_agency_id"), "stored_files", ["agency_id"], unique=False)
    op.create_table(
        "account_snapshots",
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("emi_minor", sa.BigInteger(), nullable=False),
        sa.Column("principal_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("overdue_minor", sa.BigInteger(), nullable=False),
        sa.Column("dpd_days", sa.Integer(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("asset_class", sa.Text(), nullable=False),
        sa.Column("scheme_version", sa.Integer(), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("dpd_days >= 0", name=op.f("ck_account_snapshots_dpd_days")),
        sa.ForeignKeyConstraint(
            ["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_account_snapshots_loan_account_id")
        ),
        sa.PrimaryKeyConstraint("loan_account_id", "as_of", name=op.f("pk_account_snapshots")),
    )
    op.create_index("ix_account_snapshots_as_of", "account_snapshots", ["as_of"], unique=False)
    op.create_table(
        "agency_bank_details",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("account_no", sa.Text(), nullable=False),
        sa.Column("ifsc", sa.Text(), nullable=False),
        sa.Column("account_holder", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="approved", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("status in ('proposed','approved','rejected')", name=op.f("ck_agency_bank_details_status")),
        sa.CheckConstraint(
            "approved_by is null or approved_by <> proposed_by",
            name=op.f("ck_agency_bank_details_maker_is_not_checker"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_agency_bank_details_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency_bank_details")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_agency_bank_details_agency_id_id")),
        sa.UniqueConstraint("agency_id", "version", name=op.f("uq_agency_bank_details_agency_id_version")),
    )
    op.create_table(
        "agency_terms",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("rate_card_id", sa.BigInteger(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_agency_terms_agency_id")),
        sa.ForeignKeyConstraint(["rate_card_id"], ["rate_cards.id"], name=op.f("fk_agency_terms_rate_card_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency_terms")),
        sa.UniqueConstraint(
            "agency_id", "rate_card_id", "from_on", name=op.f("uq_agency_terms_agency_id_rate_card_id_from_on")
        ),
    )
    op.create_table(
        "agents",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("mobile", sa.Text(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("certificate_no", sa.Text(), nullable=True),
        sa.Column("certificate_until", sa.Date(), nullable=True),
        sa.Column("verified_until", sa.Date(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_agents_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agents")),
        sa.UniqueConstraint("agency_id", "code", name=op.f("uq_agents_agency_id_code")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_agents_agency_id_id")),
    )
    op.create_table(
        "bank_statements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("bank_account_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text(), server_default="", nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("opening_minor", sa.BigInteger(), nullable=True),
        sa.Column("closing_minor", sa.BigInteger(), nullable=True),
        sa.Column("credits_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("debits_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("from_on", sa.Date(), nullable=True),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("difference_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("flags", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("duplicates", sa.Integer(), server_default="0", nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_by", sa.Text(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accept_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status = 'accepted') = (accepted_by is not null)", name=op.f("ck_bank_statements_accepted_by")
        ),
        sa.CheckConstraint(
            "status in ('proved','unproved','refused','accepted')", name=op.f("ck_bank_statements_status")
        ),
        sa.CheckConstraint(
            "accepted_by is null or accepted_by <> imported_by", name=op.f("ck_bank_statements_maker_is_not_checker")
        ),
        sa.ForeignKeyConstraint(
            ["bank_account_id"], ["bank_accounts.id"], name=op.f("fk_bank_statements_bank_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_statements")),
        sa.UniqueConstraint("ref", name=op.f("uq_bank_statements_ref")),
    )
    op.create_index("ix_bank_statements_account", "bank_statements", ["bank_account_id", "from_on", "id"], unique=False)
    op.create_index("ix_bank_statements_file", "bank_statements", ["file_sha256"], unique=False)
    op.create_index(
        "ix_bank_statements_refused",
        "bank_statements",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status = 'refused'"),
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("effect", sa.Text(), server_default="both", nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("effect in ('no_work','no_accrual','both')", name=op.f("ck_holds_effect")),
        sa.CheckConstraint("to_on is null or to_on >= from_on", name=op.f("ck_holds_term")),
        sa.ForeignKeyConstraint(["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_holds_loan_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index("ix_holds_account", "holds", ["loan_account_id", "from_on"], unique=False)
    op.create_table(
        "journal_lines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("entry_id", sa.BigInteger(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("debit_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("credit_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("(debit_minor = 0) <> (credit_minor = 0)", name=op.f("ck_journal_lines_one_side")),
        sa.CheckConstraint("debit_minor >= 0 and credit_minor >= 0", name=op.f("ck_journal_lines_not_negative")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_journal_lines_agency_id")),
        sa.ForeignKeyConstraint(["entry_id"], ["journal_entries.id"], name=op.f("fk_journal_lines_entry_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_lines")),
    )
    op.create_index("ix_journal_lines_account", "journal_lines", ["account", "id"], unique=False)
    op.create_index("ix_journal_lines_agency", "journal_lines", ["agency_id", "account", "id"], unique=False)
    op.create_index("ix_journal_lines_entry", "journal_lines", ["entry_id"], unique=False)
    op.create_table(
        "postings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("posting_no", sa.Text(), nullable=False),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_no", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("posted_on", sa.Date(), nullable=False),
        sa.Column("value_on", sa.Date(), nullable=True),
        sa.Column("mode", sa.Text(), nullable=True),
        sa.Column("instrument_ref", sa.Text(), nullable=True),
        sa.Column("instrument_key", sa.Text(), nullable=True),
        sa.Column("receipt_no", sa.Text(), nullable=True),
        sa.Column("receipt_key", sa.Text(), nullable=True),
        sa.Column("reverses_posting_no", sa.Text(), nullable=True),
        sa.Column("linked_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_postings_amount")),
        sa.CheckConstraint(
            "linked_minor between 0 and amount_minor", name=op.f("ck_postings_never_linked_beyond_its_amount")
        ),
        sa.ForeignKeyConstraint(["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_postings_loan_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_postings")),
        sa.UniqueConstraint("posting_no", name=op.f("uq_postings_posting_no")),
    )
    op.create_index("ix_postings_account", "postings", ["loan_account_id", "posted_on"], unique=False)
    op.create_index("ix_postings_posted_on", "postings", ["posted_on", "id"], unique=False)
    op.create_index("ix_postings_reverses", "postings", ["reverses_posting_no"], unique=False)
    op.create_table(
        "rate_card_versions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rate_card_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("effective_by", sa.Text(), nullable=False),
        sa.Column("source_text", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("lint", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_comment", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("(status = 'draft') = (decided_by is null)", name=op.f("ck_rate_card_versions_decided")),
        sa.CheckConstraint("status in ('draft','approved','rejected')", name=op.f("ck_rate_card_versions_status")),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> imported_by", name=op.f("ck_rate_card_versions_maker_is_not_checker")
        ),
        sa.CheckConstraint(
            "effective_to is null or effective_to >= effective_from", name=op.f("ck_rate_card_versions_effective")
        ),
        sa.ForeignKeyConstraint(["rate_card_id"], ["rate_cards.id"], name=op.f("fk_rate_card_versions_rate_card_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rate_card_versions")),
        sa.UniqueConstraint("rate_card_id", "version", name=op.f("uq_rate_card_versions_rate_card_id_version")),
    )
    op.create_table(
        "uploads",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="collections", nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created", sa.Integer(), server_default="0", nullable=False),
        sa.Column("duplicates", sa.Integer(), server_default="0", nullable=False),
        sa.Column("rejected", sa.Integer(), server_default="0", nullable=False),
        sa.Column("total_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("rejected_sha256", sa.Text(), nullable=True),
        sa.Column("unknown_columns", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("uploaded_by", sa.Text(), nullable=False),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status in ('waiting','stored','stored_in_part','refused')", name=op.f("ck_uploads_status")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_uploads_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_uploads")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_uploads_agency_id_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_uploads_ref")),
    )
    op.create_index("ix_uploads_agency", "uploads", ["agency_id", "id"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("is_enabled", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("session_epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(role in ('agency_owner', 'agency_accountant', 'field_agent')) = (agency_id is not null)",
            name=op.f("ck_users_agency_of_role"),
        ),
        sa.CheckConstraint(
            "role in ('agency_owner', 'agency_accountant', 'field_agent', 'bank_operator', 'bank_approver', 'bank_admin', 'finance', 'auditor', 'system')",
            name=op.f("ck_users_role"),
        ),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_users_email_lower")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_users_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
    )
    op.create_index(op.f("ix_users_agency_id"), "users", ["agency_id"], unique=False)
    op.create_table(
        "allocations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("placement_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=True),
        sa.Column("stream", sa.Text(), server_default="field", nullable=False),
        sa.Column(
            "slot",
            sa.BigInteger(),
            sa.Computed("loan_account_id * 2 + (case stream when 'tele' then 1 else 0 end)", persisted=True),
            nullable=False,
        ),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column(
            "term",
            postgresql.DATERANGE(),
            sa.Computed("daterange(from_on, to_on, '[]')", persisted=True),
            nullable=False,
        ),
        sa.Column("recalled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recall_reason", sa.Text(), nullable=True),
        sa.Column("opening_as_of", sa.Date(), nullable=False),
        sa.Column("opening_bucket", sa.Text(), nullable=False),
        sa.Column("opening_asset_class", sa.Text(), nullable=False),
        sa.Column("opening_dpd_days", sa.Integer(), nullable=False),
        sa.Column("opening_emi_minor", sa.BigInteger(), nullable=False),
        sa.Column("opening_principal_minor", sa.BigInteger(), nullable=False),
        sa.Column("opening_total_minor", sa.BigInteger(), nullable=False),
        sa.Column("opening_overdue_minor", sa.BigInteger(), nullable=False),
        sa.Column("target_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("loan_account_no", sa.Text(), nullable=False),
        sa.Column("customer_name", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=True),
        sa.Column("pincode", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.literal_column("int8range(slot, slot, '[]')"), "&&"),
            (sa.literal_column("term"), "&&"),
            using="gist",
            name="excl_allocations_one_agency_a_day_a_stream",
        ),
        sa.CheckConstraint("stream in ('field', 'tele')", name=op.f("ck_allocations_stream")),
        sa.CheckConstraint(
            "(recalled_at is null) = (recall_reason is null)", name=op.f("ck_allocations_recall_reason")
        ),
        sa.CheckConstraint("to_on is null or to_on >= from_on", name=op.f("ck_allocations_term")),
        sa.ForeignKeyConstraint(
            ["agency_id", "agent_id"], ["agents.agency_id", "agents.id"], name=op.f("fk_allocations_agency_id_agent_id")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_allocations_agency_id")),
        sa.ForeignKeyConstraint(["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_allocations_loan_account_id")),
        sa.ForeignKeyConstraint(["placement_id"], ["placements.id"], name=op.f("fk_allocations_placement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_allocations")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_allocations_agency_id_id")),
    )
    op.create_index("ix_allocations_account", "allocations", ["loan_account_id", "from_on"], unique=False)
    op.create_index("ix_allocations_agency_no", "allocations", ["agency_id", "loan_account_no", "id"], unique=False)
    op.create_index("ix_allocations_placement", "allocations", ["placement_id", "id"], unique=False)
    op.create_table(
        "bank_lines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("statement_id", sa.BigInteger(), nullable=False),
        sa.Column("bank_account_id", sa.BigInteger(), nullable=False),
        sa.Column("line_no", sa.Integer(), nullable=False),
        sa.Column("value_on", sa.Date(), nullable=False),
        sa.Column("booked_on", sa.Date(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("is_reversal", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("bank_ref", sa.Text(), server_default="", nullable=False),
        sa.Column("customer_ref", sa.Text(), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("ref_keys", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("occurrence", sa.Integer(), server_default="1", nullable=False),
        sa.Column("linked_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("side in ('credit','debit')", name=op.f("ck_bank_lines_side")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_bank_lines_amount")),
        sa.CheckConstraint(
            "linked_minor between 0 and amount_minor", name=op.f("ck_bank_lines_never_linked_beyond_its_amount")
        ),
        sa.ForeignKeyConstraint(["bank_account_id"], ["bank_accounts.id"], name=op.f("fk_bank_lines_bank_account_id")),
        sa.ForeignKeyConstraint(["statement_id"], ["bank_statements.id"], name=op.f("fk_bank_lines_statement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_lines")),
        sa.UniqueConstraint(
            "bank_account_id",
            "fingerprint",
            "occurrence",
            name=op.f("uq_bank_lines_bank_account_id_fingerprint_occurrence"),
        ),
        sa.UniqueConstraint("ref", name=op.f("uq_bank_lines_ref")),
    )
    op.create_index(
        "ix_bank_lines_open",
        "bank_lines",
        ["value_on", "id"],
        unique=False,
        postgresql_where=sa.text("side = 'credit' and linked_minor < amount_minor"),
    )
    op.create_index("ix_bank_lines_statement", "bank_lines", ["statement_id", "line_no"], unique=False)
    op.create_index("ix_bank_lines_value_on", "bank_lines", ["value_on", "id"], unique=False)
    op.create_index("ix_bank_lines_ref_keys", "bank_lines", ["ref_keys"], unique=False, postgresql_using="gin")
    op.create_table(
        "one_time_links",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind in ('setup','reset')", name=op.f("ck_one_time_links_kind")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_one_time_links_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_one_time_links_token_hash")),
    )
    op.create_index(op.f("ix_one_time_links_user_id"), "one_time_links", ["user_id"], unique=False)
    op.create_table(
        "settlements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("adjustments_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("withholding_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("tax", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("bank_detail_id", sa.BigInteger(), nullable=True),
        sa.Column("accrual_run_id", sa.BigInteger(), nullable=True),
        sa.Column("pay_by_on", sa.Date(), nullable=True),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("statement_text", sa.Text(), nullable=True),
        sa.Column("lock_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("drafted_by", sa.Text(), nullable=False),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_by", sa.Text(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(status in ('approved','paying','paid','returned')) <= (approved_by is not null)",
            name=op.f("ck_settlements_approved_by"),
        ),
        sa.CheckConstraint(
            "status in ('draft', 'submitted', 'approved', 'paying', 'paid', 'returned', 'void')",
            name=op.f("ck_settlements_status"),
        ),
        sa.CheckConstraint(
            "approved_by is null or approved_by <> submitted_by", name=op.f("ck_settlements_maker_is_not_checker")
        ),
        sa.CheckConstraint(
            "net_minor = gross_minor + adjustments_minor - withholding_minor", name=op.f("ck_settlements_net")
        ),
        sa.ForeignKeyConstraint(["accrual_run_id"], ["accrual_runs.id"], name=op.f("fk_settlements_accrual_run_id")),
        sa.ForeignKeyConstraint(
            ["agency_id", "bank_detail_id"],
            ["agency_bank_details.agency_id", "agency_bank_details.id"],
            name=op.f("fk_settlements_agency_id_bank_detail_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_settlements_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlements")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_settlements_agency_id_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_settlements_ref")),
    )
    op.create_index("ix_settlements_period", "settlements", ["period_start", "agency_id"], unique=False)
    op.create_index(
        "uq_settlements_live",
        "settlements",
        ["agency_id", "period_start"],
        unique=True,
        postgresql_where=sa.text("status <> 'void'"),
    )
    op.create_table(
        "upload_problems",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("upload_id", sa.BigInteger(), nullable=False),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("column_name", sa.Text(), server_default="", nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("cure", sa.Text(), server_default="", nullable=False),
        sa.Column("value", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id", "upload_id"],
            ["uploads.agency_id", "uploads.id"],
            name=op.f("fk_upload_problems_agency_id_upload_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload_problems")),
    )
    op.create_index("ix_upload_problems_upload", "upload_problems", ["upload_id", "id"], unique=False)
    op.create_table(
        "user_sessions",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("address", sa.Text(), server_default="", nullable=False),
        sa.Column("browser", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_user_sessions_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_user_sessions_token_hash")),
    )
    op.create_index(op.f("ix_user_sessions_user_id"), "user_sessions", ["user_id"], unique=False)
    op.create_table(
        "collections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("allocation_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_no", sa.Text(), nullable=False),
        sa.Column("receipt_no", sa.Text(), nullable=False),
        sa.Column("receipt_key", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("collected_on", sa.Date(), nullable=False),
        sa.Column("collected_time", sa.Time(), nullable=True),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("instrument_ref", sa.Text(), nullable=True),
        sa.Column("instrument_key", sa.Text(), nullable=True),
        sa.Column("agent_code", sa.Text(), nullable=True),
        sa.Column("deposit_slip_no", sa.Text(), nullable=True),
        sa.Column("slip_key", sa.Text(), nullable=True),
        sa.Column("deposited_on", sa.Date(), nullable=True),
        sa.Column("component_principal_minor", sa.BigInteger(), nullable=True),
        sa.Column("component_interest_minor", sa.BigInteger(), nullable=True),
        sa.Column("component_charges_minor", sa.BigInteger(), nullable=True),
        sa.Column("latitude", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("longitude", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("remarks", sa.Text(), nullable=True),
        sa.Column("upload_id", sa.BigInteger(), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("linked_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "mode in ('cash', 'cheque', 'dd', 'upi', 'neft', 'rtgs', 'imps', 'card', 'wallet', 'mobile_money', 'auto_debit')",
            name=op.f("ck_collections_mode"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_collections_amount")),
        sa.CheckConstraint(
            "linked_minor between 0 and amount_minor", name=op.f("ck_collections_never_linked_beyond_its_amount")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "allocation_id"],
            ["allocations.agency_id", "allocations.id"],
            name=op.f("fk_collections_agency_id_allocation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "upload_id"],
            ["uploads.agency_id", "uploads.id"],
            name=op.f("fk_collections_agency_id_upload_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_collections_agency_id")),
        sa.ForeignKeyConstraint(["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_collections_loan_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collections")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_collections_agency_id_id")),
        sa.UniqueConstraint("agency_id", "receipt_key", name=op.f("uq_collections_agency_id_receipt_key")),
    )
    op.create_index("ix_collections_account", "collections", ["loan_account_id", "collected_on"], unique=False)
    op.create_index("ix_collections_agency_day", "collections", ["agency_id", "collected_on", "id"], unique=False)
    op.create_index("ix_collections_agency_account", "collections", ["agency_id", "loan_account_no"], unique=False)
    op.create_index("ix_collections_day", "collections", ["collected_on", "id"], unique=False)
    op.create_index("ix_collections_receipt_key", "collections", ["receipt_key"], unique=False)
    op.create_index("ix_collections_upload", "collections", ["upload_id", "row_no"], unique=False)
    op.create_table(
        "payouts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("settlement_id", sa.BigInteger(), nullable=False),
        sa.Column("bank_detail_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("provider_ref", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "status in ('queued', 'sending', 'sent', 'paid', 'failed', 'returned', 'unknown', 'void')",
            name=op.f("ck_payouts_status"),
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payouts_amount")),
        sa.ForeignKeyConstraint(
            ["agency_id", "bank_detail_id"],
            ["agency_bank_details.agency_id", "agency_bank_details.id"],
            name=op.f("fk_payouts_agency_id_bank_detail_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "settlement_id"],
            ["settlements.agency_id", "settlements.id"],
            name=op.f("fk_payouts_agency_id_settlement_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_payouts_agency_id")),
        sa.ForeignKeyConstraint(["batch_id"], ["payout_batches.id"], name=op.f("fk_payouts_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payouts")),
        sa.UniqueConstraint("idempotency_key", name=op.f("uq_payouts_idempotency_key")),
        sa.UniqueConstraint("ref", name=op.f("uq_payouts_ref")),
    )
    op.create_index("ix_payouts_agency", "payouts", ["agency_id", "id"], unique=False)
    op.create_index("ix_payouts_batch", "payouts", ["batch_id", "id"], unique=False)
    op.create_index(
        "uq_payouts_live",
        "payouts",
        ["settlement_id"],
        unique=True,
        postgresql_where=sa.text("status not in ('failed','returned','void')"),
    )
    op.create_table(
        "breaks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=True),
        sa.Column("bank_line_id", sa.BigInteger(), nullable=True),
        sa.Column("posting_id", sa.BigInteger(), nullable=True),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("cure", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("status in ('open','closed')", name=op.f("ck_breaks_status")),
        sa.CheckConstraint(
            "num_nonnulls(collection_id, bank_line_id, posting_id) = 1", name=op.f("ck_breaks_one_side")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "collection_id"],
            ["collections.agency_id", "collections.id"],
            name=op.f("fk_breaks_agency_id_collection_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_breaks_agency_id")),
        sa.ForeignKeyConstraint(["bank_line_id"], ["bank_lines.id"], name=op.f("fk_breaks_bank_line_id")),
        sa.ForeignKeyConstraint(["posting_id"], ["postings.id"], name=op.f("fk_breaks_posting_id")),
        sa.ForeignKeyConstraint(["run_id"], ["recon_runs.id"], name=op.f("fk_breaks_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_breaks")),
    )
    op.create_index("ix_breaks_agency", "breaks", ["agency_id", "status", "code", "id"], unique=False)
    op.create_index("ix_breaks_bank_line", "breaks", ["bank_line_id"], unique=False)
    op.create_index("ix_breaks_collection", "breaks", ["collection_id"], unique=False)
    op.create_index("ix_breaks_open", "breaks", ["status", "code", "id"], unique=False)
    op.create_index("ix_breaks_posting", "breaks", ["posting_id"], unique=False)
    op.create_table(
        "match_links",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("bank_line_id", sa.BigInteger(), nullable=True),
        sa.Column("posting_id", sa.BigInteger(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undo_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("(status = 'undone') = (undone_at is not null)", name=op.f("ck_match_links_undone")),
        sa.CheckConstraint(
            "status in ('suggested','confirmed','rejected','undone')", name=op.f("ck_match_links_status")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_match_links_amount")),
        sa.CheckConstraint("num_nonnulls(bank_line_id, posting_id) = 1", name=op.f("ck_match_links_one_counterpart")),
        sa.ForeignKeyConstraint(
            ["agency_id", "collection_id"],
            ["collections.agency_id", "collections.id"],
            name=op.f("fk_match_links_agency_id_collection_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_match_links_agency_id")),
        sa.ForeignKeyConstraint(["bank_line_id"], ["bank_lines.id"], name=op.f("fk_match_links_bank_line_id")),
        sa.ForeignKeyConstraint(["posting_id"], ["postings.id"], name=op.f("fk_match_links_posting_id")),
        sa.ForeignKeyConstraint(["run_id"], ["recon_runs.id"], name=op.f("fk_match_links_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_links")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_match_links_agency_id_id")),
    )
    op.create_index("ix_match_links_bank_line", "match_links", ["bank_line_id"], unique=False)
    op.create_index("ix_match_links_collection", "match_links", ["collection_id"], unique=False)
    op.create_index(
        "ix_match_links_open",
        "match_links",
        ["status", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'suggested'"),
    )
    op.create_index("ix_match_links_posting", "match_links", ["posting_id"], unique=False)
    op.create_table(
        "unpaid_collections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("cure", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id", "collection_id"],
            ["collections.agency_id", "collections.id"],
            name=op.f("fk_unpaid_collections_agency_id_collection_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_unpaid_collections_agency_id")),
        sa.ForeignKeyConstraint(["run_id"], ["accrual_runs.id"], name=op.f("fk_unpaid_collections_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unpaid_collections")),
    )
    op.create_index("ix_unpaid_collections_collection", "unpaid_collections", ["collection_id"], unique=False)
    op.create_index(
        "ix_unpaid_collections_run_agency", "unpaid_collections", ["run_id", "agency_id", "id"], unique=False
    )
    op.create_table(
        "accrual_lines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=True),
        sa.Column("link_id", sa.BigInteger(), nullable=True),
        sa.Column("rate_card_version_id", sa.BigInteger(), nullable=True),
        sa.Column("rule_id", sa.Text(), nullable=False),
        sa.Column("base_minor", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("credited_on", sa.Date(), nullable=False),
        sa.Column("clawback_of_id", sa.BigInteger(), nullable=True),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("steps", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "kind in ('commission','clawback','cap','bonus','penalty','adjustment','holdback')",
            name=op.f("ck_accrual_lines_kind"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "collection_id"],
            ["collections.agency_id", "collections.id"],
            name=op.f("fk_accrual_lines_agency_id_collection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "link_id"],
            ["match_links.agency_id", "match_links.id"],
            name=op.f("fk_accrual_lines_agency_id_link_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_accrual_lines_agency_id")),
        sa.ForeignKeyConstraint(
            ["rate_card_version_id"], ["rate_card_versions.id"], name=op.f("fk_accrual_lines_rate_card_version_id")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["accrual_runs.id"], name=op.f("fk_accrual_lines_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accrual_lines")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_accrual_lines_agency_id_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_accrual_lines_ref")),
    )
    op.create_index("ix_accrual_lines_agency", "accrual_lines", ["agency_id", "id"], unique=False)
    op.create_index("ix_accrual_lines_card", "accrual_lines", ["agency_id", "rate_card_version_id"], unique=False)
    op.create_index("ix_accrual_lines_collection", "accrual_lines", ["collection_id"], unique=False)
    op.create_index("ix_accrual_lines_link", "accrual_lines", ["link_id"], unique=False)
    op.create_index("ix_accrual_lines_run_agency", "accrual_lines", ["run_id", "agency_id", "id"], unique=False)
    op.create_table(
        "settlement_lines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("settlement_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("accrual_line_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id", "accrual_line_id"],
            ["accrual_lines.agency_id", "accrual_lines.id"],
            name=op.f("fk_settlement_lines_agency_id_accrual_line_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "settlement_id"],
            ["settlements.agency_id", "settlements.id"],
            name=op.f("fk_settlement_lines_agency_id_settlement_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_settlement_lines_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_lines")),
        sa.UniqueConstraint("settlement_id", "position", name=op.f("uq_settlement_lines_settlement_id_position")),
    )
    op.create_index("ix_settlement_lines_accrual_line", "settlement_lines", ["accrual_line_id"], unique=False)
    op.create_index("ix_settlement_lines_kind", "settlement_lines", ["settlement_id", "kind", "position"], unique=False)

    create_queue(op.get_bind())


def downgrade() -> None:
    drop_queue(op.get_bind())
    op.drop_index("ix_settlement_lines_kind", table_name="settlement_lines")
    op.drop_index("ix_settlement_lines_accrual_line", table_name="settlement_lines")
    op.drop_table("settlement_lines")
    op.drop_index("ix_accrual_lines_run_agency", table_name="accrual_lines")
    op.drop_index("ix_accrual_lines_link", table_name="accrual_lines")
    op.drop_index("ix_accrual_lines_collection", table_name="accrual_lines")
    op.drop_index("ix_accrual_lines_card", table_name="accrual_lines")
    op.drop_index("ix_accrual_lines_agency", table_name="accrual_lines")
    op.drop_table("accrual_lines")
    op.drop_index("ix_unpaid_collections_run_agency", table_name="unpaid_collections")
    op.drop_index("ix_unpaid_collections_collection", table_name="unpaid_collections")
    op.drop_table("unpaid_collections")
    op.drop_index("ix_match_links_posting", table_name="match_links")
    op.drop_index("ix_match_links_open", table_name="match_links", postgresql_where=sa.text("status = 'suggested'"))
    op.drop_index("ix_match_links_collection", table_name="match_links")
    op.drop_index("ix_match_links_bank_line", table_name="match_links")
    op.drop_table("match_links")
    op.drop_index("ix_breaks_posting", table_name="breaks")
    op.drop_index("ix_breaks_open", table_name="breaks")
    op.drop_index("ix_breaks_collection", table_name="breaks")
    op.drop_index("ix_breaks_bank_line", table_name="breaks")
    op.drop_index("ix_breaks_agency", table_name="breaks")
    op.drop_table("breaks")
    op.drop_index(
        "uq_payouts_live", table_name="payouts", postgresql_where=sa.text("status not in ('failed','returned','void')")
    )
    op.drop_index("ix_payouts_batch", table_name="payouts")
    op.drop_index("ix_payouts_agency", table_name="payouts")
    op.drop_table("payouts")
    op.drop_index("ix_collections_upload", table_name="collections")
    op.drop_index("ix_collections_receipt_key", table_name="collections")
    op.drop_index("ix_collections_day", table_name="collections")
    op.drop_index("ix_collections_agency_account", table_name="collections")
    op.drop_index("ix_collections_agency_day", table_name="collections")
    op.drop_index("ix_collections_account", table_name="collections")
    op.drop_table("collections")
    op.drop_index(op.f("ix_user_sessions_user_id"), table_name="user_sessions")
    op.drop_table("user_sessions")
    op.drop_index("ix_upload_problems_upload", table_name="upload_problems")
    op.drop_table("upload_problems")
    op.drop_index("uq_settlements_live", table_name="settlements", postgresql_where=sa.text("status <> 'void'"))
    op.drop_index("ix_settlements_period", table_name="settlements")
    op.drop_table("settlements")
    op.drop_index(op.f("ix_one_time_links_user_id"), table_name="one_time_links")
    op.drop_table("one_time_links")
    op.drop_index("ix_bank_lines_ref_keys", table_name="bank_lines", postgresql_using="gin")
    op.drop_index("ix_bank_lines_value_on", table_name="bank_lines")
    op.drop_index("ix_bank_lines_statement", table_name="bank_lines")
    op.drop_index(
        "ix_bank_lines_open",
        table_name="bank_lines",
        postgresql_where=sa.text("side = 'credit' and linked_minor < amount_minor"),
    )
    op.drop_table("bank_lines")
    op.drop_index("ix_allocations_placement", table_name="allocations")
    op.drop_index("ix_allocations_agency_no", table_name="allocations")
    op.drop_index("ix_allocations_account", table_name="allocations")
    op.drop_table("allocations")
    op.drop_index(op.f("ix_users_agency_id"), table_name="users")
    op.drop_table("users")
    op.drop_index("ix_uploads_agency", table_name="uploads")
    op.drop_table("uploads")
    op.drop_table("rate_card_versions")
    op.drop_index("ix_postings_reverses", table_name="postings")
    op.drop_index("ix_postings_posted_on", table_name="postings")
    op.drop_index("ix_postings_account", table_name="postings")
    op.drop_table("postings")
    op.drop_index("ix_journal_lines_entry", table_name="journal_lines")
    op.drop_index("ix_journal_lines_agency", table_name="journal_lines")
    op.drop_index("ix_journal_lines_account", table_name="journal_lines")
    op.drop_table("journal_lines")
    op.drop_index("ix_holds_account", table_name="holds")
    op.drop_table("holds")
    op.drop_index(
        "ix_bank_statements_refused", table_name="bank_statements", postgresql_where=sa.text("status = 'refused'")
    )
    op.drop_index("ix_bank_statements_file", table_name="bank_statements")
    op.drop_index("ix_bank_statements_account", table_name="bank_statements")
    op.drop_table("bank_statements")
    op.drop_table("agents")
    op.drop_table("agency_terms")
    op.drop_table("agency_bank_details")
    op.drop_index("ix_account_snapshots_as_of", table_name="account_snapshots")
    op.drop_table("account_snapshots")
    op.drop_index(op.f("ix_stored_files_agency_id"), table_name="stored_files")
    op.drop_table("stored_files")
    op.drop_table("spent_tokens")
    op.drop_index("ix_sign_in_attempts_email_hash_at", table_name="sign_in_attempts")
    op.drop_index("ix_sign_in_attempts_address_at", table_name="sign_in_attempts")
    op.drop_table("sign_in_attempts")
    op.drop_table("recon_runs")
    op.drop_table("rate_cards")
    op.drop_table("placements")
    op.drop_table("payout_batches")
    op.drop_index("ix_loan_accounts_product_no", table_name="loan_accounts")
    op.drop_index("ix_loan_accounts_bucket_no", table_name="loan_accounts")
    op.drop_table("loan_accounts")
    op.drop_table("lenders")
    op.drop_index(op.f("ix_journal_entries_subject_ref"), table_name="journal_entries")
    op.drop_index("ix_journal_entries_posted_on", table_name="journal_entries")
    op.drop_table("journal_entries")
    op.drop_index(op.f("ix_job_progress_agency_id"), table_name="job_progress")
    op.drop_table("job_progress")
    op.drop_table("dated_settings")
    op.drop_table("bucket_schemes")
    op.drop_table("bank_answers")
    op.drop_table("bank_accounts")
    op.drop_table("audit_head")
    op.drop_index("ix_audit_events_actor", table_name="audit_events")
    op.drop_index("ix_audit_events_tag", table_name="audit_events")
    op.drop_index("ix_audit_events_subject_ref", table_name="audit_events")
    op.drop_index(op.f("ix_audit_events_agency_id"), table_name="audit_events")
    op.drop_table("audit_events")
    op.drop_table("agencies")
    op.drop_index("uq_accrual_runs_current", table_name="accrual_runs", postgresql_where=sa.text("is_current"))
    op.drop_table("accrual_runs")
