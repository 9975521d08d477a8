"""Reconciliation by hand and by rule: acts with a second person, rules as data, payers learned, money paid direct."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

OLD_SOURCES = "source in ('file', 'page', 'phone')"
SOURCES = "source in ('file', 'page', 'phone', 'direct')"
OLD_SIDES = "num_nonnulls(collection_id, bank_line_id, posting_id) = 1"
ONE_SIDE = "num_nonnulls(collection_id, bank_line_id, posting_id, receipt_range_id) = 1"

# What the bench looks up while a person works: (name, table, columns, only where).
BENCH_INDEXES = (
    ("ix_collections_instrument", "collections", ["instrument_key"], "instrument_key is not null"),
    ("ix_collections_slip", "collections", ["slip_key"], "slip_key is not null"),
    ("ix_collections_amount", "collections", ["amount_minor", "collected_on"], None),
    ("ix_postings_instrument", "postings", ["instrument_key"], "instrument_key is not null"),
    ("ix_postings_receipt", "postings", ["receipt_key"], "receipt_key is not null"),
    (
        "ix_bank_lines_credit_amount",
        "bank_lines",
        ["amount_minor", "value_on"],
        "side = 'credit'",
    ),
    ("ix_match_links_rule", "match_links", ["rule", "id"], "status = 'suggested'"),
    ("ix_match_links_agency", "match_links", ["agency_id", "rule", "id"], "status = 'suggested'"),
    ("ix_breaks_unclaimed", "breaks", ["opened_on", "id"], "status = 'open' and code = 'R02'"),
    ("ix_breaks_owner", "breaks", ["owner", "code", "id"], "status = 'open'"),
    ("ix_breaks_side", "breaks", ["side", "code", "id"], "status = 'open'"),
    ("ix_breaks_assigned", "breaks", ["assigned_to", "code", "id"], "status = 'open' and assigned_to is not null"),
)


def upgrade() -> None:
    # Never read by anything: tolerances and windows stand in the rules of matching.
    op.execute("delete from dated_settings where code like 'match.%'")
    op.create_table(
        "bank_profiles",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_profiles")),
        sa.UniqueConstraint("code", "version", name=op.f("uq_bank_profiles_code_version")),
    )
    op.create_table(
        "match_ladders",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="draft", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(status in ('approved','rejected')) = (decided_by is not null)", name=op.f("ck_match_ladders_decided")
        ),
        sa.CheckConstraint("status in ('draft','approved','rejected')", name=op.f("ck_match_ladders_status")),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_match_ladders_maker_is_not_checker")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_match_ladders")),
        sa.UniqueConstraint("version", name=op.f("uq_match_ladders_version")),
    )
    op.create_table(
        "recon_queue",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("row_id", sa.BigInteger(), nullable=False),
        sa.Column("last_id", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "kind in ('collection','line','posting','account','statement')", name=op.f("ck_recon_queue_kind")
        ),
        sa.CheckConstraint("last_id >= row_id", name=op.f("ck_recon_queue_range")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recon_queue")),
    )
    op.create_table(
        "common_keys",
        sa.Column("key", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_common_keys")),
    )
    op.create_table(
        "saved_filters",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("page", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_saved_filters_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_filters")),
        sa.UniqueConstraint("user_id", "page", "name", name=op.f("uq_saved_filters_user_id_page_name")),
    )
    op.create_table(
        "direct_payments",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("allocation_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_no", sa.Text(), nullable=False),
        sa.Column("bank_line_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("value_on", sa.Date(), nullable=False),
        sa.Column("sign", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="found", nullable=False),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.Column("claim_until", sa.Date(), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=True),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status <> 'counted' or collection_id is not null", name=op.f("ck_direct_payments_counted")),
        sa.CheckConstraint("status in ('found','claimed','counted','dropped')", name=op.f("ck_direct_payments_status")),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_direct_payments_amount")),
        sa.ForeignKeyConstraint(
            ["agency_id", "allocation_id"],
            ["allocations.agency_id", "allocations.id"],
            name=op.f("fk_direct_payments_agency_id_allocation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "collection_id"],
            ["collections.agency_id", "collections.id"],
            name=op.f("fk_direct_payments_agency_id_collection_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_direct_payments_agency_id")),
        sa.ForeignKeyConstraint(["bank_line_id"], ["bank_lines.id"], name=op.f("fk_direct_payments_bank_line_id")),
        sa.ForeignKeyConstraint(
            ["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_direct_payments_loan_account_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_direct_payments")),
        sa.UniqueConstraint(
            "bank_line_id", "loan_account_id", name=op.f("uq_direct_payments_bank_line_id_loan_account_id")
        ),
    )
    op.create_index("ix_direct_payments_agency", "direct_payments", ["agency_id", "value_on", "id"], unique=False)
    op.create_index(
        "ix_direct_payments_open",
        "direct_payments",
        ["claim_until", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'found'"),
    )
    op.create_table(
        "hand_acts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=True),
        sa.Column("bank_line_id", sa.BigInteger(), nullable=True),
        sa.Column("debit_line_id", sa.BigInteger(), nullable=True),
        sa.Column("link_id", sa.BigInteger(), nullable=True),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=True),
        sa.Column("direct_payment_id", sa.BigInteger(), nullable=True),
        sa.Column("undoes_id", sa.BigInteger(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("expected", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "kind in ('link', 'unlink', 'write_off', 'return', 'assign', 'undo')", name=op.f("ck_hand_acts_kind")
        ),
        sa.CheckConstraint(
            "status <> 'rejected' or decided_by is not null", name=op.f("ck_hand_acts_rejected_by_somebody")
        ),
        sa.CheckConstraint(
            "status in ('proposed', 'done', 'rejected', 'withdrawn', 'undone')", name=op.f("ck_hand_acts_status")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_hand_acts_amount")),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_hand_acts_maker_is_not_checker")
        ),
        sa.CheckConstraint(
            "num_nonnulls(collection_id, bank_line_id, link_id) >= 1", name=op.f("ck_hand_acts_about_something")
        ),
        sa.ForeignKeyConstraint(["bank_line_id"], ["bank_lines.id"], name=op.f("fk_hand_acts_bank_line_id")),
        sa.ForeignKeyConstraint(["collection_id"], ["collections.id"], name=op.f("fk_hand_acts_collection_id")),
        sa.ForeignKeyConstraint(["debit_line_id"], ["bank_lines.id"], name=op.f("fk_hand_acts_debit_line_id")),
        sa.ForeignKeyConstraint(["link_id"], ["match_links.id"], name=op.f("fk_hand_acts_link_id")),
        sa.ForeignKeyConstraint(["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_hand_acts_loan_account_id")),
        sa.ForeignKeyConstraint(
            ["direct_payment_id"], ["direct_payments.id"], name=op.f("fk_hand_acts_direct_payment_id")
        ),
        sa.ForeignKeyConstraint(["undoes_id"], ["hand_acts.id"], name=op.f("fk_hand_acts_undoes_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hand_acts")),
    )
    op.create_index("ix_hand_acts_collection", "hand_acts", ["collection_id"], unique=False)
    op.create_index("ix_hand_acts_line", "hand_acts", ["bank_line_id"], unique=False)
    op.create_index("ix_hand_acts_link", "hand_acts", ["link_id"], unique=False)
    op.create_index(
        "ix_hand_acts_proposed", "hand_acts", ["id"], unique=False, postgresql_where=sa.text("status = 'proposed'")
    )
    op.create_index(
        "uq_hand_acts_waiting", "hand_acts", ["link_id"], unique=True, postgresql_where=sa.text("status = 'proposed'")
    )
    op.create_index(
        "uq_hand_acts_undoes",
        "hand_acts",
        ["undoes_id"],
        unique=True,
        postgresql_where=sa.text("status in ('proposed','done')"),
    )
    op.create_table(
        "payer_rules",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("payer_key", sa.Text(), nullable=False),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("learned_from", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.CheckConstraint("(status = 'proposed') = (decided_by is null)", name=op.f("ck_payer_rules_decided")),
        sa.CheckConstraint(
            "status in ('proposed','approved','rejected','retired')", name=op.f("ck_payer_rules_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_payer_rules_maker_is_not_checker")
        ),
        sa.ForeignKeyConstraint(["learned_from"], ["match_links.id"], name=op.f("fk_payer_rules_learned_from")),
        sa.ForeignKeyConstraint(["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_payer_rules_loan_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payer_rules")),
    )
    op.create_index(
        "uq_payer_rules_live",
        "payer_rules",
        ["payer_key", "loan_account_id"],
        unique=True,
        postgresql_where=sa.text("status in ('proposed','approved')"),
    )
    op.add_column("bank_lines", sa.Column("settled_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("breaks", sa.Column("receipt_range_id", sa.BigInteger(), nullable=True))
    op.add_column(
        "breaks", sa.Column("misses", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False)
    )
    op.add_column("breaks", sa.Column("assigned_to", sa.Text(), nullable=True))
    op.create_index(
        "ix_breaks_range",
        "breaks",
        ["receipt_range_id"],
        unique=False,
        postgresql_where=sa.text("receipt_range_id is not null"),
    )
    op.create_foreign_key(
        op.f("fk_breaks_agency_id_receipt_range_id"),
        "breaks",
        "receipt_ranges",
        ["agency_id", "receipt_range_id"],
        ["agency_id", "id"],
    )
    op.add_column("collections", sa.Column("written_off_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("loan_accounts", sa.Column("virtual_account_no", sa.Text(), nullable=True))
    op.add_column("loan_accounts", sa.Column("virtual_account_key", sa.Text(), nullable=True))
    op.add_column(
        "loan_accounts",
        sa.Column(
            "loan_account_key",
            sa.Text(),
            sa.Computed(
                "regexp_replace(upper(regexp_replace(loan_account_no, '[^A-Za-z0-9]', '', 'g')), '^0+(.)', '\\1')",
                persisted=True,
            ),
            nullable=False,
        ),
    )
    op.create_index("ix_loan_accounts_key", "loan_accounts", ["loan_account_key"], unique=False)
    op.create_index(
        "uq_loan_accounts_virtual_account",
        "loan_accounts",
        ["virtual_account_key"],
        unique=True,
        postgresql_where=sa.text("virtual_account_key is not null"),
    )
    op.add_column("match_links", sa.Column("score", sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "match_links", sa.Column("rivals", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False)
    )
    op.add_column("postings", sa.Column("component_principal_minor", sa.BigInteger(), nullable=True))
    op.add_column("postings", sa.Column("component_interest_minor", sa.BigInteger(), nullable=True))
    op.add_column("postings", sa.Column("component_charges_minor", sa.BigInteger(), nullable=True))
    op.add_column("recon_runs", sa.Column("mode", sa.Text(), server_default="full", nullable=False))
    op.add_column("recon_runs", sa.Column("ladder_version", sa.Integer(), server_default="1", nullable=False))
    op.add_column(
        "recon_runs", sa.Column("marks", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column("bank_lines", sa.Column("returned_minor", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("match_links", sa.Column("mark", postgresql.BYTEA(), nullable=True))
    op.add_column("breaks", sa.Column("mark", postgresql.BYTEA(), nullable=True))
    write_links_fast()
    op.drop_constraint(op.f("ck_breaks_one_side"), "breaks")
    op.create_check_constraint(op.f("ck_breaks_one_side"), "breaks", ONE_SIDE)
    op.drop_constraint(op.f("ck_collections_source"), "collections")
    op.create_check_constraint(op.f("ck_collections_source"), "collections", SOURCES)
    op.create_check_constraint(
        op.f("ck_collections_never_spent_twice"),
        "collections",
        "written_off_minor >= 0 and linked_minor + written_off_minor <= amount_minor",
    )
    op.create_check_constraint(
        op.f("ck_bank_lines_never_spent_twice"),
        "bank_lines",
        "settled_minor >= 0 and linked_minor + settled_minor <= amount_minor",
    )
    for name, table, columns, where in BENCH_INDEXES:
        op.create_index(name, table, columns, unique=False, postgresql_where=sa.text(where) if where else None)


# Both sides of a link and its run are looked at once a statement, not once a row and key (portal_links_added); what remains are
# these of one row, which the sums of links are kept by, and the room to write the new sum beside the old.
SIDES = {
    "agency_id_collection_id": ("collections", ["agency_id", "collection_id"], ["agency_id", "id"]),
    "agency_id": ("agencies", ["agency_id"], ["id"]),
    "bank_line_id": ("bank_lines", ["bank_line_id"], ["id"]),
    "posting_id": ("postings", ["posting_id"], ["id"]),
    "run_id": ("recon_runs", ["run_id"], ["id"]),
}
LINKED = ("collections", "bank_lines", "postings")
OPEN_LINES = "side = 'credit' and linked_minor < amount_minor"


def write_links_fast() -> None:
    for name in SIDES:
        op.drop_constraint(op.f(f"fk_match_links_{name}"), "match_links", type_="foreignkey")
    for table in LINKED:
        op.execute(f"alter table {table} set (fillfactor = 50)")
    op.drop_index("ix_bank_lines_open", table_name="bank_lines")
    back = sa.text("returned_minor > 0")
    op.create_index("ix_bank_lines_returned", "bank_lines", ["id"], postgresql_where=back)
    for column in ("bank_line", "posting"):
        op.drop_index(f"ix_match_links_{column}", table_name="match_links")
        where = sa.text(f"{column}_id is not null")
        op.create_index(f"ix_match_links_{column}", "match_links", [f"{column}_id"], postgresql_where=where)


def write_links_as_before() -> None:
    op.drop_index("ix_bank_lines_returned", table_name="bank_lines")
    for column in ("bank_line", "posting"):
        op.drop_index(f"ix_match_links_{column}", table_name="match_links")
        op.create_index(f"ix_match_links_{column}", "match_links", [f"{column}_id"])
    op.create_index("ix_bank_lines_open", "bank_lines", ["value_on", "id"], postgresql_where=sa.text(OPEN_LINES))
    for table in LINKED:
        op.execute(f"alter table {table} reset (fillfactor)")
    for name, (table, ours, theirs) in SIDES.items():
        op.create_foreign_key(op.f(f"fk_match_links_{name}"), "match_links", table, ours, theirs)


def downgrade() -> None:
    write_links_as_before()
    op.drop_column("bank_lines", "returned_minor")
    op.drop_column("breaks", "mark")
    op.drop_column("match_links", "mark")
    op.drop_column("recon_runs", "marks")
    for name, table, _columns, _where in reversed(BENCH_INDEXES):
        op.drop_index(name, table_name=table)

    op.drop_constraint(op.f("ck_bank_lines_never_spent_twice"), "bank_lines")
    op.drop_constraint(op.f("ck_collections_never_spent_twice"), "collections")
    op.drop_constraint(op.f("ck_collections_source"), "collections")
    op.create_check_constraint(op.f("ck_collections_source"), "collections", OLD_SOURCES)
    op.execute("delete from breaks where receipt_range_id is not null")
    op.drop_constraint(op.f("ck_breaks_one_side"), "breaks")
    op.create_check_constraint(op.f("ck_breaks_one_side"), "breaks", OLD_SIDES)
    op.drop_column("recon_runs", "ladder_version")
    op.drop_column("recon_runs", "mode")
    op.drop_column("postings", "component_charges_minor")
    op.drop_column("postings", "component_interest_minor")
    op.drop_column("postings", "component_principal_minor")
    op.drop_column("match_links", "rivals")
    op.drop_column("match_links", "score")
    op.drop_index(
        "uq_loan_accounts_virtual_account",
        table_name="loan_accounts",
        postgresql_where=sa.text("virtual_account_key is not null"),
    )
    op.drop_index("ix_loan_accounts_key", table_name="loan_accounts")
    op.drop_column("loan_accounts", "loan_account_key")
    op.drop_column("loan_accounts", "virtual_account_key")
    op.drop_column("loan_accounts", "virtual_account_no")
    op.drop_column("collections", "written_off_minor")
    op.drop_constraint(op.f("fk_breaks_agency_id_receipt_range_id"), "breaks", type_="foreignkey")
    op.drop_index("ix_breaks_range", table_name="breaks", postgresql_where=sa.text("receipt_range_id is not null"))
    op.drop_column("breaks", "assigned_to")
    op.drop_column("breaks", "misses")
    op.drop_column("breaks", "receipt_range_id")
    op.drop_column("bank_lines", "settled_minor")
    op.drop_index(
        "uq_payer_rules_live", table_name="payer_rules", postgresql_where=sa.text("status in ('proposed','approved')")
    )
    op.drop_table("payer_rules")
    op.drop_index(
        "uq_hand_acts_undoes", table_name="hand_acts", postgresql_where=sa.text("status in ('proposed','done')")
    )
    op.drop_index("uq_hand_acts_waiting", table_name="hand_acts", postgresql_where=sa.text("status = 'proposed'"))
    op.drop_index("ix_hand_acts_proposed", table_name="hand_acts", postgresql_where=sa.text("status = 'proposed'"))
    op.drop_index("ix_hand_acts_link", table_name="hand_acts")
    op.drop_index("ix_hand_acts_line", table_name="hand_acts")
    op.drop_index("ix_hand_acts_collection", table_name="hand_acts")
    op.drop_table("hand_acts")
    op.drop_index("ix_direct_payments_open", table_name="direct_payments", postgresql_where=sa.text("status = 'found'"))
    op.drop_index("ix_direct_payments_agency", table_name="direct_payments")
    op.drop_table("direct_payments")
    op.drop_table("saved_filters")
    op.drop_table("common_keys")
    op.drop_table("recon_queue")
    op.drop_table("match_ladders")
    op.drop_table("bank_profiles")
