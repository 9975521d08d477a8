"""Casework: notes, compromises in full, repayment plans, referrals."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_notes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("is_hidden", sa.Boolean(), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "words",
            postgresql.TSVECTOR(),
            sa.Computed("to_tsvector('simple'::regconfig, body)", persisted=True),
            nullable=False,
        ),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("agency_id is null or is_shared", name=op.f("ck_case_notes_shared")),
        sa.CheckConstraint("length(body) between 3 and 2000", name=op.f("ck_case_notes_body")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_case_notes_agency_id")),
        sa.ForeignKeyConstraint(["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_case_notes_loan_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_notes")),
    )
    op.create_index("ix_case_notes_account", "case_notes", ["loan_account_id", "id"], unique=False)
    op.create_index(op.f("ix_case_notes_agency_id"), "case_notes", ["agency_id"], unique=False)
    op.create_index("ix_case_notes_words", "case_notes", ["words"], unique=False, postgresql_using="gin")
    op.create_table(
        "compromise_offers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("principal_minor", sa.BigInteger(), nullable=False),
        sa.Column("interest_minor", sa.BigInteger(), nullable=False),
        sa.Column("charges_minor", sa.BigInteger(), nullable=False),
        sa.Column("offer_minor", sa.BigInteger(), nullable=False),
        sa.Column("waived_principal_minor", sa.BigInteger(), nullable=False),
        sa.Column("waived_interest_minor", sa.BigInteger(), nullable=False),
        sa.Column("waived_charges_minor", sa.BigInteger(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("schedule", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence_sha256", sa.Text(), nullable=True),
        sa.Column("evidence_name", sa.Text(), nullable=True),
        sa.Column("decided_level", sa.Integer(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("closed_by", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('approved','rejected','fulfilled','broken')) = (decided_by is not null)",
            name=op.f("ck_compromise_offers_decided"),
        ),
        sa.CheckConstraint(
            "(status in ('fulfilled','broken')) = (closed_on is not null)", name=op.f("ck_compromise_offers_closed")
        ),
        sa.CheckConstraint(
            "status in ('proposed','recommended','rejected','withdrawn','lapsed','approved','fulfilled','broken')",
            name=op.f("ck_compromise_offers_status"),
        ),
        sa.CheckConstraint(
            "(evidence_sha256 is null) = (evidence_name is null)", name=op.f("ck_compromise_offers_evidence")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_compromise_offers_maker_is_not_checker")
        ),
        sa.CheckConstraint("offer_minor > 0 and offer_minor < total_minor", name=op.f("ck_compromise_offers_offer")),
        sa.CheckConstraint(
            "total_minor - offer_minor = waived_principal_minor + waived_interest_minor + waived_charges_minor and waived_principal_minor between 0 and principal_minor and waived_interest_minor between 0 and interest_minor and waived_charges_minor between 0 and charges_minor",
            name=op.f("ck_compromise_offers_sacrifice_ties"),
        ),
        sa.CheckConstraint(
            "total_minor = principal_minor + interest_minor + charges_minor and principal_minor >= 0 and interest_minor >= 0 and charges_minor >= 0",
            name=op.f("ck_compromise_offers_owed_ties"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_compromise_offers_agency_id")),
        sa.ForeignKeyConstraint(
            ["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_compromise_offers_loan_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compromise_offers")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_compromise_offers_agency_id_id")),
    )
    op.create_index("ix_compromise_offers_account", "compromise_offers", ["loan_account_id", "id"], unique=False)
    op.create_index("ix_compromise_offers_agency", "compromise_offers", ["agency_id", "id"], unique=False)
    op.create_index("ix_compromise_offers_status", "compromise_offers", ["status", "id"], unique=False)
    op.create_table(
        "referrals",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("partner", sa.Text(), nullable=False),
        sa.Column("consent_on", sa.Date(), nullable=False),
        sa.Column("consent_how", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("hold_cause", sa.Text(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("(status = 'closed') = (outcome is not null)", name=op.f("ck_referrals_outcome")),
        sa.CheckConstraint(
            "(status in ('accepted','rejected','closed')) = (decided_by is not null)", name=op.f("ck_referrals_decided")
        ),
        sa.CheckConstraint(
            "consent_how in ('letter', 'in_person', 'recorded_call', 'message')", name=op.f("ck_referrals_consent")
        ),
        sa.CheckConstraint(
            "hold_cause is null or hold_cause in ('medical', 'calamity')", name=op.f("ck_referrals_hold")
        ),
        sa.CheckConstraint("kind in ('counselling', 'hardship')", name=op.f("ck_referrals_kind")),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn','closed')", name=op.f("ck_referrals_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_referrals_maker_is_not_checker")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_referrals_agency_id")),
        sa.ForeignKeyConstraint(["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_referrals_loan_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referrals")),
    )
    op.create_index("ix_referrals_account", "referrals", ["loan_account_id", "id"], unique=False)
    op.create_index("ix_referrals_agency", "referrals", ["agency_id", "id"], unique=False)
    op.create_index("ix_referrals_status", "referrals", ["status", "id"], unique=False)
    op.create_table(
        "repayment_plans",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("dues_minor", sa.BigInteger(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("schedule", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("most_missed", sa.Integer(), nullable=False),
        sa.Column("needs_approver", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('active','rejected','kept','broken','cancelled')) = (decided_by is not null)",
            name=op.f("ck_repayment_plans_decided"),
        ),
        sa.CheckConstraint(
            "(status in ('kept','broken','cancelled')) = (closed_on is not null)",
            name=op.f("ck_repayment_plans_closed"),
        ),
        sa.CheckConstraint(
            "mode in ('cash', 'cheque', 'dd', 'upi', 'neft', 'rtgs', 'imps', 'card', 'wallet', 'mobile_money', 'auto_debit')",
            name=op.f("ck_repayment_plans_mode"),
        ),
        sa.CheckConstraint(
            "status in ('proposed','active','rejected','withdrawn','kept','broken','cancelled')",
            name=op.f("ck_repayment_plans_status"),
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_repayment_plans_maker_is_not_checker")
        ),
        sa.CheckConstraint("dues_minor > 0", name=op.f("ck_repayment_plans_dues")),
        sa.CheckConstraint("grace_days >= 0 and most_missed >= 0", name=op.f("ck_repayment_plans_rule")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_repayment_plans_agency_id")),
        sa.ForeignKeyConstraint(
            ["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_repayment_plans_loan_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repayment_plans")),
    )
    op.create_index("ix_repayment_plans_account", "repayment_plans", ["loan_account_id", "id"], unique=False)
    op.create_index("ix_repayment_plans_agency", "repayment_plans", ["agency_id", "id"], unique=False)
    op.create_index("ix_repayment_plans_status", "repayment_plans", ["status", "id"], unique=False)
    op.create_table(
        "compromise_assessments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("offer_id", sa.BigInteger(), nullable=False),
        sa.Column("compromise_id", sa.BigInteger(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sanctioned_level", sa.Integer(), nullable=False),
        sa.Column("sanctioned_by", sa.Text(), nullable=True),
        sa.Column("needed_level", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("recommended_by", sa.Text(), nullable=False),
        sa.Column("recommended_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("sanctioned_level >= 1 and needed_level > 0", name=op.f("ck_compromise_assessments_levels")),
        sa.ForeignKeyConstraint(
            ["compromise_id"], ["one_time_settlements.id"], name=op.f("fk_compromise_assessments_compromise_id")
        ),
        sa.ForeignKeyConstraint(
            ["offer_id"], ["compromise_offers.id"], name=op.f("fk_compromise_assessments_offer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compromise_assessments")),
        sa.UniqueConstraint("compromise_id", name=op.f("uq_compromise_assessments_compromise_id")),
        sa.UniqueConstraint("offer_id", name=op.f("uq_compromise_assessments_offer_id")),
    )
    op.create_index("ix_compromise_assessments_level", "compromise_assessments", ["needed_level"], unique=False)
    op.create_table(
        "compromise_breaches",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("offer_id", sa.BigInteger(), nullable=False),
        sa.Column("instalment", sa.Integer(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("found", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('accepted','rejected')) = (decided_by is not null)",
            name=op.f("ck_compromise_breaches_decided"),
        ),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn')", name=op.f("ck_compromise_breaches_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_compromise_breaches_maker_is_not_checker")
        ),
        sa.ForeignKeyConstraint(["offer_id"], ["compromise_offers.id"], name=op.f("fk_compromise_breaches_offer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compromise_breaches")),
    )
    op.create_index("ix_compromise_breaches_offer", "compromise_breaches", ["offer_id", "id"], unique=False)
    op.create_index(
        "uq_compromise_breaches_waiting",
        "compromise_breaches",
        ["offer_id"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.create_table(
        "credit_acknowledgements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("offer_id", sa.BigInteger(), nullable=False),
        sa.Column("told_on", sa.Date(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("proof", sa.Text(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "how in ('letter', 'in_person', 'recorded_call', 'message')", name=op.f("ck_credit_acknowledgements_how")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "offer_id"],
            ["compromise_offers.agency_id", "compromise_offers.id"],
            name=op.f("fk_credit_acknowledgements_agency_id_offer_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_credit_acknowledgements_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credit_acknowledgements")),
    )
    op.create_index("ix_credit_acknowledgements_offer", "credit_acknowledgements", ["offer_id", "id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_credit_acknowledgements_offer", table_name="credit_acknowledgements")
    op.drop_table("credit_acknowledgements")
    op.drop_index(
        "uq_compromise_breaches_waiting",
        table_name="compromise_breaches",
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.drop_index("ix_compromise_breaches_offer", table_name="compromise_breaches")
    op.drop_table("compromise_breaches")
    op.drop_index("ix_compromise_assessments_level", table_name="compromise_assessments")
    op.drop_table("compromise_assessments")
    op.drop_index("ix_repayment_plans_status", table_name="repayment_plans")
    op.drop_index("ix_repayment_plans_agency", table_name="repayment_plans")
    op.drop_index("ix_repayment_plans_account", table_name="repayment_plans")
    op.drop_table("repayment_plans")
    op.drop_index("ix_referrals_status", table_name="referrals")
    op.drop_index("ix_referrals_agency", table_name="referrals")
    op.drop_index("ix_referrals_account", table_name="referrals")
    op.drop_table("referrals")
    op.drop_index("ix_compromise_offers_status", table_name="compromise_offers")
    op.drop_index("ix_compromise_offers_agency", table_name="compromise_offers")
    op.drop_index("ix_compromise_offers_account", table_name="compromise_offers")
    op.drop_table("compromise_offers")
    op.drop_index("ix_case_notes_words", table_name="case_notes", postgresql_using="gin")
    op.drop_index(op.f("ix_case_notes_agency_id"), table_name="case_notes")
    op.drop_index("ix_case_notes_account", table_name="case_notes")
    op.drop_table("case_notes")
