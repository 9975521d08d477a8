"""Commission in full: month-end outcomes as facts, events, adjustments by hand, measures, compromises, what-if."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OLD_KINDS = "kind in ('commission','clawback','cap','bonus','penalty','adjustment','holdback')"
KINDS = (
    "kind in ('commission', 'account_fee', 'event_fee', 'clawback', 'cap', 'bonus', 'penalty', 'separate_recovery',"
    " 'adjustment', 'guarantee', 'holdback', 'holdback_release')"
)
# When agencies were told of money paid direct. Until now only the day was kept: what was reported on that day counts as reported before.
TOLD_AT = "update direct_payments set told_at = (found_on + 1)::timestamp at time zone 'Asia/Kolkata'"

# References that read otherwise with letters taken for digits read as digits (allocations/keys.py).
READ_AS = "translate(instrument_key, 'OILSZBАВЕЅІКМНОРСТУХΑΒΕΖΗΙΚΜΝΟΡΤΥΧ', '011528A8E51KMH0PCTYXA8E2H1KMN0PTYX')"


# Receipts of which a part is tied or written off: the others are open for their whole amount, or not at all.
PARTLY_TIED = "linked_minor + written_off_minor > 0 and linked_minor < amount_minor"

# Whoever proposed that a payer is an account may take it back before anybody decides.
PAYER_STATUS = "status in ('proposed','approved','rejected','retired','withdrawn')"
PAYER_DECIDED = "(status in ('proposed','withdrawn')) = (decided_by is null)"


# What a run has to look at again: books of receipt numbers, too.
QUEUED = "kind in ('collection','line','posting','account','statement')"
QUEUED_BOOKS = "kind in ('collection','line','posting','account','statement','book')"


# What a break is about, and its run, are looked at once a statement (portal_breaks_opened), not once a row and key.
ABOUT = {
    "agency_id_collection_id": ("collections", ["agency_id", "collection_id"], ["agency_id", "id"]),
    "agency_id": ("agencies", ["agency_id"], ["id"]),
    "bank_line_id": ("bank_lines", ["bank_line_id"], ["id"]),
    "posting_id": ("postings", ["posting_id"], ["id"]),
    "run_id": ("recon_runs", ["run_id"], ["id"]),
}


def upgrade() -> None:
    for name in ABOUT:
        op.drop_constraint(op.f(f"fk_breaks_{name}"), "breaks", type_="foreignkey")
    op.drop_constraint(op.f("ck_recon_queue_kind"), "recon_queue", type_="check")
    op.create_check_constraint(op.f("ck_recon_queue_kind"), "recon_queue", QUEUED_BOOKS)
    op.create_index(
        "ix_breaks_agency_due", "breaks", ["agency_id", "due_on", "id"], postgresql_where=sa.text("status = 'open'")
    )
    op.drop_constraint(op.f("ck_payer_rules_status"), "payer_rules", type_="check")
    op.drop_constraint(op.f("ck_payer_rules_decided"), "payer_rules", type_="check")
    op.create_check_constraint(op.f("ck_payer_rules_status"), "payer_rules", PAYER_STATUS)
    op.create_check_constraint(op.f("ck_payer_rules_decided"), "payer_rules", PAYER_DECIDED)
    op.create_index(
        "ix_collections_read_as",
        "collections",
        [sa.text(READ_AS)],
        postgresql_where=sa.text(f"{READ_AS} <> instrument_key"),
    )
    op.add_column(
        "collections",
        sa.Column("is_partly_tied", sa.Boolean(), sa.Computed(PARTLY_TIED, persisted=True), nullable=False),
    )
    op.create_index(
        "ix_collections_partly_tied",
        "collections",
        ["agency_id", "collected_on"],
        postgresql_where=sa.text("is_partly_tied"),
    )
    op.create_index("ix_collections_agency_amount", "collections", ["agency_id", "collected_on", "amount_minor"])
    op.add_column("direct_payments", sa.Column("told_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(TOLD_AT)
    op.alter_column("direct_payments", "told_at", nullable=False)
    op.create_table(
        "outcome_sets",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("is_current", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("scheme_version", sa.Integer(), nullable=False),
        sa.Column("input_hash", sa.Text(), nullable=False),
        sa.Column("result_hash", sa.Text(), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("summary", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcome_sets")),
        sa.UniqueConstraint("period_start", "version", name=op.f("uq_outcome_sets_period_start_version")),
    )
    op.create_index(
        "uq_outcome_sets_current", "outcome_sets", ["period_start"], unique=True, postgresql_where=sa.text("is_current")
    )
    op.create_table(
        "agency_measures",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("measure in ('score','grade')", name=op.f("ck_agency_measures_measure")),
        sa.CheckConstraint(
            "status in ('proposed','approved','rejected','withdrawn','replaced')",
            name=op.f("ck_agency_measures_status"),
        ),
        sa.CheckConstraint(
            "(status in ('approved','rejected','replaced')) = (decided_by is not null)",
            name=op.f("ck_agency_measures_decided"),
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_agency_measures_maker_is_not_checker")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_agency_measures_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency_measures")),
    )
    op.create_index("ix_agency_measures_period", "agency_measures", ["period_start", "agency_id"], unique=False)
    op.create_index(
        "uq_agency_measures_approved",
        "agency_measures",
        ["agency_id", "period_start", "measure"],
        unique=True,
        postgresql_where=sa.text("status = 'approved'"),
    )
    op.create_table(
        "manual_adjustments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("about_ref", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(kind = 'bonus') <= (amount_minor > 0) and (kind = 'penalty') <= (amount_minor < 0)",
            name=op.f("ck_manual_adjustments_sign"),
        ),
        sa.CheckConstraint(
            "(status in ('accepted','rejected')) = (decided_by is not null)", name=op.f("ck_manual_adjustments_decided")
        ),
        sa.CheckConstraint("kind in ('bonus','penalty','adjustment')", name=op.f("ck_manual_adjustments_kind")),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn')", name=op.f("ck_manual_adjustments_status")
        ),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_manual_adjustments_amount")),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_manual_adjustments_maker_is_not_checker")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_manual_adjustments_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_manual_adjustments")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_manual_adjustments_agency_id_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_manual_adjustments_ref")),
    )
    op.create_index(
        "ix_manual_adjustments_month", "manual_adjustments", ["period_start", "agency_id", "id"], unique=False
    )
    op.create_index(
        "ix_manual_adjustments_proposed",
        "manual_adjustments",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.create_table(
        "one_time_settlements",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("agreed_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("kind in ('ots','lok_adalat')", name=op.f("ck_one_time_settlements_kind")),
        sa.CheckConstraint(
            "status in ('proposed','approved','rejected','withdrawn','broken')",
            name=op.f("ck_one_time_settlements_status"),
        ),
        sa.CheckConstraint(
            "(status in ('approved','rejected','broken')) = (decided_by is not null)",
            name=op.f("ck_one_time_settlements_decided"),
        ),
        sa.CheckConstraint("agreed_minor > 0", name=op.f("ck_one_time_settlements_agreed")),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_one_time_settlements_maker_is_not_checker")
        ),
        sa.CheckConstraint("to_on is null or to_on >= from_on", name=op.f("ck_one_time_settlements_term")),
        sa.ForeignKeyConstraint(
            ["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_one_time_settlements_loan_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_settlements")),
    )
    op.create_index(
        "ix_one_time_settlements_account", "one_time_settlements", ["loan_account_id", "from_on"], unique=False
    )
    op.create_table(
        "simulations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("rate_card_version_id", sa.BigInteger(), nullable=True),
        sa.Column("card_code", sa.Text(), nullable=False),
        sa.Column("source_text", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("from_month", sa.Date(), nullable=False),
        sa.Column("to_month", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), server_default="queued", nullable=False),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("result_hash", sa.Text(), nullable=True),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status in ('queued','running','done','failed')", name=op.f("ck_simulations_status")),
        sa.CheckConstraint("to_month >= from_month", name=op.f("ck_simulations_months")),
        sa.ForeignKeyConstraint(
            ["rate_card_version_id"], ["rate_card_versions.id"], name=op.f("fk_simulations_rate_card_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_simulations")),
    )
    op.create_index("ix_simulations_sha256", "simulations", ["sha256"], unique=False)
    op.create_index("ix_simulations_version", "simulations", ["rate_card_version_id"], unique=False)
    op.create_table(
        "account_outcomes",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("outcome_set_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("allocation_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_no", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("opening_bucket", sa.Text(), nullable=False),
        sa.Column("opening_principal_minor", sa.BigInteger(), nullable=False),
        sa.Column("opening_overdue_minor", sa.BigInteger(), nullable=False),
        sa.Column("closing_dpd_days", sa.Integer(), nullable=True),
        sa.Column("closing_bucket", sa.Text(), nullable=True),
        sa.Column("snapshot_on", sa.Date(), nullable=True),
        sa.Column("is_measured", sa.Boolean(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "is_measured or outcome = 'rolled_forward'", name=op.f("ck_account_outcomes_unmeasured_rolled_forward")
        ),
        sa.CheckConstraint(
            "outcome in ('stabilised','rolled_back','normalised','rolled_forward')",
            name=op.f("ck_account_outcomes_outcome"),
        ),
        sa.CheckConstraint(
            "is_measured = (snapshot_on is not null)", name=op.f("ck_account_outcomes_measured_by_a_snapshot")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "allocation_id"],
            ["allocations.agency_id", "allocations.id"],
            name=op.f("fk_account_outcomes_agency_id_allocation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["outcome_set_id"], ["outcome_sets.id"], name=op.f("fk_account_outcomes_outcome_set_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_outcomes")),
        sa.UniqueConstraint(
            "allocation_id", "outcome_set_id", name=op.f("uq_account_outcomes_allocation_id_outcome_set_id")
        ),
    )
    op.create_index(
        "ix_account_outcomes_agency", "account_outcomes", ["outcome_set_id", "agency_id", "allocation_id"], unique=False
    )
    op.create_table(
        "earning_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("allocation_id", sa.BigInteger(), nullable=True),
        sa.Column("loan_account_no", sa.Text(), nullable=True),
        sa.Column("occurred_on", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), server_default="1", nullable=False),
        sa.Column("days", sa.Integer(), server_default="1", nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("resubmits_id", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "(status in ('accepted','rejected')) = (decided_by is not null)", name=op.f("ck_earning_events_decided")
        ),
        sa.CheckConstraint(
            "source in ('agency','bank','visit','deposit','receipt_book')", name=op.f("ck_earning_events_source")
        ),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn')", name=op.f("ck_earning_events_status")
        ),
        sa.CheckConstraint("count > 0 and days >= 0", name=op.f("ck_earning_events_quantity")),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_earning_events_maker_is_not_checker")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "allocation_id"],
            ["allocations.agency_id", "allocations.id"],
            name=op.f("fk_earning_events_agency_id_allocation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "resubmits_id"],
            ["earning_events.agency_id", "earning_events.id"],
            name=op.f("fk_earning_events_agency_id_resubmits_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_earning_events_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_earning_events")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_earning_events_agency_id_id")),
        sa.UniqueConstraint("agency_id", "ref", name=op.f("uq_earning_events_agency_id_ref")),
    )
    op.create_index("ix_earning_events_agency", "earning_events", ["agency_id", "id"], unique=False)
    op.create_index("ix_earning_events_allocation", "earning_events", ["allocation_id"], unique=False)
    op.create_index("ix_earning_events_month", "earning_events", ["occurred_on", "agency_id", "id"], unique=False)
    op.create_index(
        "ix_earning_events_proposed",
        "earning_events",
        ["id"],
        unique=False,
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.create_index("uq_earning_events_resubmits", "earning_events", ["agency_id", "resubmits_id"], unique=True)
    op.create_index(
        "uq_earning_events_source",
        "earning_events",
        ["agency_id", "source_key"],
        unique=True,
        postgresql_where=sa.text("resubmits_id is null"),
    )
    op.drop_index(
        "ix_accrual_lines_agency", table_name="accrual_lines"
    )  # its twin is the unique constraint over the same columns
    op.add_column("accrual_lines", sa.Column("event_id", sa.BigInteger(), nullable=True))
    op.add_column("accrual_lines", sa.Column("adjustment_id", sa.BigInteger(), nullable=True))
    op.create_index(
        "ix_accrual_lines_adjustment",
        "accrual_lines",
        ["adjustment_id"],
        unique=False,
        postgresql_where=sa.text("adjustment_id is not null"),
    )
    op.create_index(
        "ix_accrual_lines_event",
        "accrual_lines",
        ["event_id"],
        unique=False,
        postgresql_where=sa.text("event_id is not null"),
    )
    op.create_foreign_key(
        op.f("fk_accrual_lines_agency_id_adjustment_id"),
        "accrual_lines",
        "manual_adjustments",
        ["agency_id", "adjustment_id"],
        ["agency_id", "id"],
    )
    op.create_foreign_key(
        op.f("fk_accrual_lines_agency_id_event_id"),
        "accrual_lines",
        "earning_events",
        ["agency_id", "event_id"],
        ["agency_id", "id"],
    )
    op.add_column("accrual_runs", sa.Column("outcome_set_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_accrual_runs_outcome_set_id"), "accrual_runs", "outcome_sets", ["outcome_set_id"], ["id"]
    )
    op.drop_constraint(op.f("ck_accrual_lines_kind"), "accrual_lines", type_="check")
    op.create_check_constraint(op.f("ck_accrual_lines_kind"), "accrual_lines", KINDS)
    index_breaks(told=True)


def index_breaks(told: bool) -> None:
    """A break is about one of these; an index holds those that it is about (`told`), or all."""
    for column in ("collection", "bank_line", "posting"):
        op.drop_index(f"ix_breaks_{column}", table_name="breaks")
        where = sa.text(f"{column}_id is not null") if told else None
        op.create_index(f"ix_breaks_{column}", "breaks", [f"{column}_id"], postgresql_where=where)


def downgrade() -> None:
    index_breaks(told=False)
    for name, (table, ours, theirs) in ABOUT.items():
        op.create_foreign_key(op.f(f"fk_breaks_{name}"), "breaks", table, ours, theirs)
    op.execute("delete from recon_queue where kind = 'book'")
    op.drop_constraint(op.f("ck_recon_queue_kind"), "recon_queue", type_="check")
    op.create_check_constraint(op.f("ck_recon_queue_kind"), "recon_queue", QUEUED)
    op.execute("update payer_rules set status = 'proposed' where status = 'withdrawn'")
    op.drop_constraint(op.f("ck_payer_rules_status"), "payer_rules", type_="check")
    op.drop_constraint(op.f("ck_payer_rules_decided"), "payer_rules", type_="check")
    op.create_check_constraint(
        op.f("ck_payer_rules_status"), "payer_rules", "status in ('proposed','approved','rejected','retired')"
    )
    op.create_check_constraint(
        op.f("ck_payer_rules_decided"), "payer_rules", "(status = 'proposed') = (decided_by is null)"
    )
    op.drop_index("ix_breaks_agency_due", table_name="breaks", postgresql_where=sa.text("status = 'open'"))
    op.drop_index("ix_collections_read_as", table_name="collections")
    op.drop_index("ix_collections_agency_amount", table_name="collections")
    op.drop_index("ix_collections_partly_tied", table_name="collections", postgresql_where=sa.text("is_partly_tied"))
    op.drop_column("collections", "is_partly_tied")
    op.drop_column("direct_payments", "told_at")
    op.drop_constraint(op.f("ck_accrual_lines_kind"), "accrual_lines", type_="check")
    op.create_check_constraint(op.f("ck_accrual_lines_kind"), "accrual_lines", OLD_KINDS)
    op.drop_constraint(op.f("fk_accrual_runs_outcome_set_id"), "accrual_runs", type_="foreignkey")
    op.drop_column("accrual_runs", "outcome_set_id")
    op.drop_constraint(op.f("fk_accrual_lines_agency_id_event_id"), "accrual_lines", type_="foreignkey")
    op.drop_constraint(op.f("fk_accrual_lines_agency_id_adjustment_id"), "accrual_lines", type_="foreignkey")
    op.drop_index(
        "ix_accrual_lines_event", table_name="accrual_lines", postgresql_where=sa.text("event_id is not null")
    )
    op.drop_index(
        "ix_accrual_lines_adjustment", table_name="accrual_lines", postgresql_where=sa.text("adjustment_id is not null")
    )
    op.drop_column("accrual_lines", "adjustment_id")
    op.drop_column("accrual_lines", "event_id")
    op.create_index("ix_accrual_lines_agency", "accrual_lines", ["agency_id", "id"], unique=False)
    op.drop_index(
        "uq_earning_events_source", table_name="earning_events", postgresql_where=sa.text("resubmits_id is null")
    )
    op.drop_index("uq_earning_events_resubmits", table_name="earning_events")
    op.drop_index(
        "ix_earning_events_proposed", table_name="earning_events", postgresql_where=sa.text("status = 'proposed'")
    )
    op.drop_index("ix_earning_events_month", table_name="earning_events")
    op.drop_index("ix_earning_events_allocation", table_name="earning_events")
    op.drop_index("ix_earning_events_agency", table_name="earning_events")
    op.drop_table("earning_events")
    op.drop_index("ix_account_outcomes_agency", table_name="account_outcomes")
    op.drop_table("account_outcomes")
    op.drop_index("ix_simulations_version", table_name="simulations")
    op.drop_index("ix_simulations_sha256", table_name="simulations")
    op.drop_table("simulations")
    op.drop_index("ix_one_time_settlements_account", table_name="one_time_settlements")
    op.drop_table("one_time_settlements")
    op.drop_index(
        "ix_manual_adjustments_proposed",
        table_name="manual_adjustments",
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.drop_index("ix_manual_adjustments_month", table_name="manual_adjustments")
    op.drop_table("manual_adjustments")
    op.drop_index(
        "uq_agency_measures_approved", table_name="agency_measures", postgresql_where=sa.text("status = 'approved'")
    )
    op.drop_index("ix_agency_measures_period", table_name="agency_measures")
    op.drop_table("agency_measures")
    op.drop_index("uq_outcome_sets_current", table_name="outcome_sets", postgresql_where=sa.text("is_current"))
    op.drop_table("outcome_sets")
