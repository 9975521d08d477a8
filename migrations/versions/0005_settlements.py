"""Settlements agreed and paid: disputes, invoices, keys and limits, signatures, certificates, layouts, providers, notices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# (table, name, before, after): a check that is new has nothing before.
CHECKS = (
    (
        "settlements",
        "status",
        "status in ('draft','submitted','approved','paying','paid','returned','void')",
        "status in ('draft', 'submitted', 'checked', 'approved', 'paying', 'paid', 'returned', 'void')",
    ),
    (
        "settlements",
        "net",
        "net_minor = gross_minor + adjustments_minor - withholding_minor",
        "net_minor = gross_minor + adjustments_minor - withholding_minor + sales_tax_minor",
    ),
    ("settlements", "disputed", None, "disputed_minor between 0 and greatest(net_minor, 0)"),
    ("settlements", "answer", None, "answer in ('','accepted','disputed','deemed')"),
    ("settlements", "answered", None, "(answer = '') = (answered_at is null)"),
    (
        "settlements",
        "three_people",
        None,
        "checked_by is null or (checked_by <> submitted_by and checked_by is distinct from approved_by)",
    ),
    (
        "payout_batches",
        "status",
        "status in ('made','approved','sent','closed','void')",
        "status in ('made','checked','approved','sent','closed','void')",
    ),
    (
        "payout_batches",
        "three_people",
        None,
        "checked_by is null or (checked_by <> made_by and checked_by is distinct from approved_by)",
    ),
    (
        "agency_bank_details",
        "name_check",
        None,
        "name_check in ('not_attempted', 'exact', 'partial', 'mismatch', 'inactive', 'failed')",
    ),
)


def upgrade() -> None:
    op.create_unique_constraint(op.f("uq_settlement_lines_agency_id_id"), "settlement_lines", ["agency_id", "id"])
    op.create_table(
        "approval_limits",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("up_to_minor", sa.BigInteger(), nullable=True),
        sa.Column("third_key_above_minor", sa.BigInteger(), nullable=True),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("effective_to", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('accepted','rejected')) = (decided_by is not null)", name=op.f("ck_approval_limits_decided")
        ),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn')", name=op.f("ck_approval_limits_status")
        ),
        sa.CheckConstraint("subject in ('settlement', 'batch')", name=op.f("ck_approval_limits_subject")),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_approval_limits_maker_is_not_checker")
        ),
        sa.CheckConstraint(
            "effective_to is null or effective_to >= effective_from", name=op.f("ck_approval_limits_dates")
        ),
        sa.CheckConstraint(
            "third_key_above_minor is null or third_key_above_minor >= 0", name=op.f("ck_approval_limits_third_key")
        ),
        sa.CheckConstraint("up_to_minor is null or up_to_minor >= 0", name=op.f("ck_approval_limits_up_to")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_limits")),
        sa.UniqueConstraint("ref", name=op.f("uq_approval_limits_ref")),
    )
    op.create_index("ix_approval_limits_day", "approval_limits", ["subject", "effective_from"], unique=False)
    op.create_table(
        "delegations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("from_email", sa.Text(), nullable=False),
        sa.Column("to_email", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('accepted','rejected')) = (decided_by is not null)", name=op.f("ck_delegations_decided")
        ),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn')", name=op.f("ck_delegations_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_delegations_maker_is_not_checker")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> to_email", name=op.f("ck_delegations_not_decided_by_who_stands_in")
        ),
        sa.CheckConstraint("from_email <> to_email", name=op.f("ck_delegations_two_people")),
        postgresql.ExcludeConstraint(
            (sa.literal_column("int8range(hashtext(to_email), hashtext(to_email), '[]')"), "&&"),
            (sa.literal_column("daterange(from_on, to_on, '[]')"), "&&"),
            using="gist",
            where=sa.text("status = 'accepted'"),
            name="excl_delegations_one_stands_in_for_one",
        ),
        sa.CheckConstraint("to_on >= from_on", name=op.f("ck_delegations_dates")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delegations")),
        sa.UniqueConstraint("ref", name=op.f("uq_delegations_ref")),
    )
    op.create_index("ix_delegations_to", "delegations", ["to_email", "from_on"], unique=False)
    op.create_table(
        "item_acts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("stood_for", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("signed", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("comment", sa.Text(), server_default="", nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("act in ('made','submitted','approved')", name=op.f("ck_item_acts_act")),
        sa.CheckConstraint("subject in ('settlement', 'batch')", name=op.f("ck_item_acts_subject")),
        sa.CheckConstraint("stood_for is null or stood_for <> person", name=op.f("ck_item_acts_stood_for")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_acts")),
        sa.UniqueConstraint("subject", "ref", "round", "person", name=op.f("uq_item_acts_subject_ref_round_person")),
    )
    op.create_index(
        "uq_item_acts_stood_for",
        "item_acts",
        ["subject", "ref", "round", "stood_for"],
        unique=True,
        postgresql_where=sa.text("stood_for is not null"),
    )
    op.create_table(
        "notices",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=True),
        sa.Column("to_address", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("about_ref", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notices")),
        sa.UniqueConstraint("key", name=op.f("uq_notices_key")),
    )
    op.create_index("ix_notices_about", "notices", ["about_ref", "id"], unique=False)
    op.create_index(op.f("ix_notices_agency_id"), "notices", ["agency_id"], unique=False)
    op.create_index("ix_notices_waiting", "notices", ["id"], unique=False, postgresql_where=sa.text("sent_at is null"))
    op.create_table(
        "paying_stops",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("stopped_by", sa.Text(), nullable=False),
        sa.Column("stopped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.Text(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lift_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "lifted_by is null or lifted_by <> stopped_by", name=op.f("ck_paying_stops_maker_is_not_checker")
        ),
        sa.CheckConstraint(
            "lifted_by is null or lifted_by is distinct from asked_by", name=op.f("ck_paying_stops_two_people_lift")
        ),
        sa.CheckConstraint("lifted_by is null or asked_by is not null", name=op.f("ck_paying_stops_asked")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paying_stops")),
    )
    op.create_index(
        "ix_paying_stops_standing", "paying_stops", ["id"], unique=False, postgresql_where=sa.text("lifted_at is null")
    )
    op.create_table(
        "payout_findings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("payout_id", sa.BigInteger(), nullable=False),
        sa.Column("says", sa.Text(), nullable=False),
        sa.Column("provider_ref", sa.Text(), server_default="", nullable=False),
        sa.Column("on_day", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('accepted','rejected')) = (decided_by is not null)", name=op.f("ck_payout_findings_decided")
        ),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn')", name=op.f("ck_payout_findings_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_payout_findings_maker_is_not_checker")
        ),
        sa.CheckConstraint("says in ('paid', 'returned', 'failed', 'sent')", name=op.f("ck_payout_findings_says")),
        sa.CheckConstraint(
            "says <> 'paid' or (provider_ref <> '' and on_day is not null)",
            name=op.f("ck_payout_findings_paid_names_reference"),
        ),
        sa.ForeignKeyConstraint(["payout_id"], ["payouts.id"], name=op.f("fk_payout_findings_payout_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_findings")),
    )
    op.create_index("ix_payout_findings_payout", "payout_findings", ["payout_id", "id"], unique=False)
    op.create_index(
        "uq_payout_findings_waiting",
        "payout_findings",
        ["payout_id"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.create_table(
        "payout_debits",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("payout_id", sa.BigInteger(), nullable=False),
        sa.Column("bank_line_id", sa.BigInteger(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("tied_by", sa.Text(), nullable=False),
        sa.Column("tied_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undo_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payout_debits_amount")),
        sa.CheckConstraint("side in ('debit','credit')", name=op.f("ck_payout_debits_side")),
        sa.CheckConstraint("rule in ('reference', 'utr', 'batch', 'person')", name=op.f("ck_payout_debits_rule")),
        sa.ForeignKeyConstraint(["payout_id"], ["payouts.id"], name=op.f("fk_payout_debits_payout_id")),
        sa.ForeignKeyConstraint(["bank_line_id"], ["bank_lines.id"], name=op.f("fk_payout_debits_bank_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_debits")),
        sa.UniqueConstraint("payout_id", "bank_line_id", name=op.f("uq_payout_debits_payout_id_bank_line_id")),
    )
    op.create_index("ix_payout_debits_line", "payout_debits", ["bank_line_id"], unique=False)
    op.create_index(
        "uq_payout_debits_seen",
        "payout_debits",
        ["payout_id", "side"],
        unique=True,
        postgresql_where=sa.text("undone_at is null"),
    )
    op.create_table(
        "payout_profiles",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("layout", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('accepted','rejected')) = (decided_by is not null)", name=op.f("ck_payout_profiles_decided")
        ),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn')", name=op.f("ck_payout_profiles_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_payout_profiles_maker_is_not_checker")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payout_profiles")),
        sa.UniqueConstraint("name", "version", name=op.f("uq_payout_profiles_name_version")),
    )
    op.create_table(
        "provider_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), server_default="", nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("effect", sa.Text(), server_default="", nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_provider_events")),
        sa.UniqueConstraint("provider", "event_id", name=op.f("uq_provider_events_provider_event_id")),
    )
    op.create_index(
        "ix_provider_events_waiting",
        "provider_events",
        ["id"],
        unique=False,
        postgresql_where=sa.text("done_at is null"),
    )
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_keys")),
        sa.UniqueConstraint("key_id", name=op.f("uq_signing_keys_key_id")),
    )
    op.create_index(
        "uq_signing_keys_current",
        "signing_keys",
        [sa.literal_column("(retired_at is null)")],
        unique=True,
        postgresql_where=sa.text("retired_at is null"),
    )
    op.create_table(
        "connected_accounts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("is_live", sa.Boolean(), nullable=False),
        sa.Column("can_be_paid", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("owed", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_connected_accounts_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connected_accounts")),
        sa.UniqueConstraint("provider", "account_id", name=op.f("uq_connected_accounts_provider_account_id")),
    )
    op.create_index(
        "uq_connected_accounts_live",
        "connected_accounts",
        ["agency_id", "provider"],
        unique=True,
        postgresql_where=sa.text("closed_at is null"),
    )
    op.create_table(
        "tax_certificates",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("certificate_no", sa.Text(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("limit_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_to", sa.Date(), nullable=False),
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
            "(status in ('accepted','rejected','ended')) = (decided_by is not null)",
            name=op.f("ck_tax_certificates_decided"),
        ),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn','ended')", name=op.f("ck_tax_certificates_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_tax_certificates_maker_is_not_checker")
        ),
        sa.CheckConstraint("limit_minor > 0", name=op.f("ck_tax_certificates_limit")),
        sa.CheckConstraint("rate >= 0 and rate < 1", name=op.f("ck_tax_certificates_rate")),
        sa.CheckConstraint("valid_to >= valid_from", name=op.f("ck_tax_certificates_dates")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_tax_certificates_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tax_certificates")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_tax_certificates_agency_id_id")),
        sa.UniqueConstraint("agency_id", "ref", name=op.f("uq_tax_certificates_agency_id_ref")),
    )
    op.create_index("ix_tax_certificates_agency", "tax_certificates", ["agency_id", "valid_from"], unique=False)
    op.create_table(
        "statement_signatures",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("settlement_id", sa.BigInteger(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("statement_hash", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id", "settlement_id"],
            ["settlements.agency_id", "settlements.id"],
            name=op.f("fk_statement_signatures_agency_id_settlement_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_statement_signatures_agency_id")),
        sa.ForeignKeyConstraint(["key_id"], ["signing_keys.key_id"], name=op.f("fk_statement_signatures_key_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_signatures")),
        sa.UniqueConstraint("settlement_id", "key_id", name=op.f("uq_statement_signatures_settlement_id_key_id")),
    )
    op.create_table(
        "tax_invoices",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("settlement_id", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("invoice_no", sa.Text(), nullable=False),
        sa.Column("invoiced_on", sa.Date(), nullable=False),
        sa.Column("year_start", sa.Date(), nullable=False),
        sa.Column("taxable_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("gstin", sa.Text(), server_default="", nullable=False),
        sa.Column("is_reverse_charge", sa.Boolean(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("findings", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("source in ('agency','self')", name=op.f("ck_tax_invoices_source")),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn')", name=op.f("ck_tax_invoices_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_tax_invoices_maker_is_not_checker")
        ),
        sa.CheckConstraint("taxable_minor >= 0 and tax_minor >= 0", name=op.f("ck_tax_invoices_amounts")),
        sa.ForeignKeyConstraint(
            ["agency_id", "settlement_id"],
            ["settlements.agency_id", "settlements.id"],
            name=op.f("fk_tax_invoices_agency_id_settlement_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_tax_invoices_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tax_invoices")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_tax_invoices_agency_id_id")),
    )
    op.create_index("ix_tax_invoices_agency", "tax_invoices", ["agency_id", "id"], unique=False)
    op.create_index(
        "uq_tax_invoices_no",
        "tax_invoices",
        ["agency_id", "source", "year_start", "invoice_no"],
        unique=True,
        postgresql_where=sa.text("status in ('proposed','accepted')"),
    )
    op.create_index(
        "uq_tax_invoices_settlement",
        "tax_invoices",
        ["agency_id", "settlement_id"],
        unique=True,
        postgresql_where=sa.text("status in ('proposed','accepted')"),
    )
    op.create_table(
        "disputes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("settlement_id", sa.BigInteger(), nullable=False),
        sa.Column("settlement_line_id", sa.BigInteger(), nullable=True),
        sa.Column("collection_id", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("line_minor", sa.BigInteger(), nullable=False),
        sa.Column("claimed_minor", sa.BigInteger(), nullable=False),
        sa.Column("held_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_minor", sa.BigInteger(), nullable=True),
        sa.Column("proposal_reason", sa.Text(), nullable=True),
        sa.Column("proposed_by", sa.Text(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("granted_minor", sa.BigInteger(), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("adjustment_ref", sa.Text(), nullable=True),
        sa.Column("freed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("(status = 'decided') = (decided_by is not null)", name=op.f("ck_disputes_decided")),
        sa.CheckConstraint("(status = 'decided') = (granted_minor is not null)", name=op.f("ck_disputes_granted")),
        sa.CheckConstraint("status in ('open', 'proposed', 'decided', 'withdrawn')", name=op.f("ck_disputes_status")),
        sa.CheckConstraint(
            "freed_at is null or (status = 'withdrawn' and held_minor > 0)", name=op.f("ck_disputes_freed")
        ),
        sa.CheckConstraint(
            "(settlement_line_id is null) <> (collection_id is null)", name=op.f("ck_disputes_about_one")
        ),
        sa.CheckConstraint("claimed_minor <> line_minor", name=op.f("ck_disputes_claim")),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_disputes_maker_is_not_checker")
        ),
        sa.CheckConstraint("held_minor >= 0", name=op.f("ck_disputes_held")),
        sa.ForeignKeyConstraint(
            ["agency_id", "collection_id"],
            ["collections.agency_id", "collections.id"],
            name=op.f("fk_disputes_agency_id_collection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "settlement_id"],
            ["settlements.agency_id", "settlements.id"],
            name=op.f("fk_disputes_agency_id_settlement_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "settlement_line_id"],
            ["settlement_lines.agency_id", "settlement_lines.id"],
            name=op.f("fk_disputes_agency_id_settlement_line_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_disputes_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disputes")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_disputes_agency_id_id")),
        sa.UniqueConstraint("agency_id", "ref", name=op.f("uq_disputes_agency_id_ref")),
    )
    op.create_index("ix_disputes_agency", "disputes", ["agency_id", "id"], unique=False)
    op.create_index(
        "ix_disputes_open",
        "disputes",
        ["due_on", "id"],
        unique=False,
        postgresql_where=sa.text("status in ('open','proposed')"),
    )
    op.create_index("ix_disputes_settlement", "disputes", ["settlement_id", "id"], unique=False)
    op.create_index(
        "uq_disputes_line",
        "disputes",
        ["agency_id", "settlement_line_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'withdrawn'"),
    )
    op.create_index(
        "uq_disputes_receipt",
        "disputes",
        ["agency_id", "settlement_id", "collection_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'withdrawn'"),
    )
    op.create_table(
        "dispute_messages",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("dispute_id", sa.BigInteger(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("file_sha256", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("side in ('agency','bank')", name=op.f("ck_dispute_messages_side")),
        sa.ForeignKeyConstraint(
            ["agency_id", "dispute_id"],
            ["disputes.agency_id", "disputes.id"],
            name=op.f("fk_dispute_messages_agency_id_dispute_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_dispute_messages_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_messages")),
    )
    op.create_index("ix_dispute_messages_dispute", "dispute_messages", ["dispute_id", "id"], unique=False)
    op.add_column("agency_bank_details", sa.Column("decision_reason", sa.Text(), nullable=True))
    op.add_column("agency_bank_details", sa.Column("reason", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "agency_bank_details", sa.Column("name_check", sa.Text(), server_default="not_attempted", nullable=False)
    )
    op.add_column("agency_bank_details", sa.Column("name_at_bank", sa.Text(), server_default="", nullable=False))
    op.add_column("agency_bank_details", sa.Column("name_checked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("agency_bank_details", sa.Column("name_checked_by", sa.Text(), nullable=True))
    op.add_column("agency_bank_details", sa.Column("usable_from", sa.DateTime(timezone=True), nullable=True))
    op.add_column("payout_batches", sa.Column("request", sa.Text(), server_default="", nullable=False))
    op.add_column("payout_batches", sa.Column("profile_version", sa.Integer(), nullable=True))
    op.add_column("payout_batches", sa.Column("checked_by", sa.Text(), nullable=True))
    op.add_column("payout_batches", sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("payouts", sa.Column("request", sa.Text(), server_default="", nullable=False))
    op.add_column("payouts", sa.Column("destination", sa.Text(), server_default="", nullable=False))
    op.add_column("payouts", sa.Column("first_sent_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("payouts", sa.Column("looked_up_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("settlement_lines", sa.Column("dispute_id", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_settlement_lines_dispute",
        "settlement_lines",
        ["dispute_id"],
        unique=False,
        postgresql_where=sa.text("dispute_id is not null"),
    )
    op.create_foreign_key(
        op.f("fk_settlement_lines_agency_id_dispute_id"),
        "settlement_lines",
        "disputes",
        ["agency_id", "dispute_id"],
        ["agency_id", "id"],
        use_alter=True,
    )
    op.add_column("settlements", sa.Column("sales_tax_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("settlements", sa.Column("disputed_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("settlements", sa.Column("round", sa.Integer(), server_default="1", nullable=False))
    op.add_column(
        "settlements", sa.Column("frozen", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column("settlements", sa.Column("checked_by", sa.Text(), nullable=True))
    op.add_column("settlements", sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("settlements", sa.Column("answer", sa.Text(), server_default="", nullable=False))
    op.add_column("settlements", sa.Column("answered_by", sa.Text(), nullable=True))
    op.add_column("settlements", sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("settlements", sa.Column("answer_by_on", sa.Date(), nullable=True))
    op.add_column("users", sa.Column("person", sa.Text(), nullable=True))
    for table, name, before, after in CHECKS:
        if before is not None:
            op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, after)


def downgrade() -> None:
    for table, name, before, _ in reversed(CHECKS):
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
        if before is not None:
            op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, before)
    op.drop_column("users", "person")
    op.drop_column("settlements", "answer_by_on")
    op.drop_column("settlements", "answered_at")
    op.drop_column("settlements", "answered_by")
    op.drop_column("settlements", "answer")
    op.drop_column("settlements", "checked_at")
    op.drop_column("settlements", "checked_by")
    op.drop_column("settlements", "frozen")
    op.drop_column("settlements", "round")
    op.drop_column("settlements", "disputed_minor")
    op.drop_column("settlements", "sales_tax_minor")
    op.drop_constraint(op.f("fk_settlement_lines_agency_id_dispute_id"), "settlement_lines", type_="foreignkey")
    op.drop_index(
        "ix_settlement_lines_dispute", table_name="settlement_lines", postgresql_where=sa.text("dispute_id is not null")
    )
    op.drop_column("settlement_lines", "dispute_id")
    op.drop_column("payouts", "looked_up_at")
    op.drop_column("payouts", "first_sent_at")
    op.drop_column("payouts", "destination")
    op.drop_column("payouts", "request")
    op.drop_column("payout_batches", "checked_at")
    op.drop_column("payout_batches", "checked_by")
    op.drop_column("payout_batches", "profile_version")
    op.drop_column("payout_batches", "request")
    op.drop_column("agency_bank_details", "usable_from")
    op.drop_column("agency_bank_details", "name_checked_by")
    op.drop_column("agency_bank_details", "name_checked_at")
    op.drop_column("agency_bank_details", "name_at_bank")
    op.drop_column("agency_bank_details", "name_check")
    op.drop_column("agency_bank_details", "reason")
    op.drop_column("agency_bank_details", "decision_reason")
    op.drop_index("ix_dispute_messages_dispute", table_name="dispute_messages")
    op.drop_table("dispute_messages")
    op.drop_index("uq_disputes_receipt", table_name="disputes", postgresql_where=sa.text("status <> 'withdrawn'"))
    op.drop_index("uq_disputes_line", table_name="disputes", postgresql_where=sa.text("status <> 'withdrawn'"))
    op.drop_index("ix_disputes_settlement", table_name="disputes")
    op.drop_index("ix_disputes_open", table_name="disputes", postgresql_where=sa.text("status in ('open','proposed')"))
    op.drop_index("ix_disputes_agency", table_name="disputes")
    op.drop_table("disputes")
    op.drop_index(
        "uq_tax_invoices_settlement",
        table_name="tax_invoices",
        postgresql_where=sa.text("status in ('proposed','accepted')"),
    )
    op.drop_index(
        "uq_tax_invoices_no", table_name="tax_invoices", postgresql_where=sa.text("status in ('proposed','accepted')")
    )
    op.drop_index("ix_tax_invoices_agency", table_name="tax_invoices")
    op.drop_table("tax_invoices")
    op.drop_table("statement_signatures")
    op.drop_index("ix_tax_certificates_agency", table_name="tax_certificates")
    op.drop_table("tax_certificates")
    op.drop_index(
        "uq_connected_accounts_live", table_name="connected_accounts", postgresql_where=sa.text("closed_at is null")
    )
    op.drop_table("connected_accounts")
    op.drop_index("uq_signing_keys_current", table_name="signing_keys", postgresql_where=sa.text("retired_at is null"))
    op.drop_table("signing_keys")
    op.drop_index(
        "ix_provider_events_waiting", table_name="provider_events", postgresql_where=sa.text("done_at is null")
    )
    op.drop_table("provider_events")
    op.drop_table("payout_profiles")
    op.drop_index("uq_payout_debits_seen", table_name="payout_debits", postgresql_where=sa.text("undone_at is null"))
    op.drop_index("ix_payout_debits_line", table_name="payout_debits")
    op.drop_table("payout_debits")
    op.drop_index(
        "uq_payout_findings_waiting", table_name="payout_findings", postgresql_where=sa.text("status = 'proposed'")
    )
    op.drop_index("ix_payout_findings_payout", table_name="payout_findings")
    op.drop_table("payout_findings")
    op.drop_index("ix_paying_stops_standing", table_name="paying_stops", postgresql_where=sa.text("lifted_at is null"))
    op.drop_table("paying_stops")
    op.drop_index("ix_notices_waiting", table_name="notices", postgresql_where=sa.text("sent_at is null"))
    op.drop_index(op.f("ix_notices_agency_id"), table_name="notices")
    op.drop_index("ix_notices_about", table_name="notices")
    op.drop_table("notices")
    op.drop_index("uq_item_acts_stood_for", table_name="item_acts", postgresql_where=sa.text("stood_for is not null"))
    op.drop_table("item_acts")
    op.drop_index("ix_delegations_to", table_name="delegations")
    op.drop_table("delegations")
    op.drop_index("ix_approval_limits_day", table_name="approval_limits")
    op.drop_table("approval_limits")
    op.drop_constraint(op.f("uq_settlement_lines_agency_id_id"), "settlement_lines", type_="unique")
