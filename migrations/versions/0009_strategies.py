"""Who gets which accounts: strategies, their runs, the bank's own staff."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

ROLES_BEFORE = (
    "agency_owner",
    "agency_accountant",
    "field_agent",
    "bank_operator",
    "bank_approver",
    "bank_admin",
    "finance",
    "auditor",
    "system",
)
ROLES = (
    "agency_owner",
    "agency_accountant",
    "field_agent",
    "bank_operator",
    "bank_approver",
    "bank_admin",
    "territory_manager",
    "finance",
    "auditor",
    "system",
)


def upgrade() -> None:
    op.drop_constraint(op.f("ck_users_role"), "users", type_="check")
    op.create_check_constraint(op.f("ck_users_role"), "users", f"role in {ROLES}")
    op.create_table(
        "staff_members",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("manager_id", sa.BigInteger(), nullable=True),
        sa.Column("pincodes", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("branches", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default="true", nullable=False),
        sa.Column("lock_version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("role in ('territory_manager', 'collection_executive')", name=op.f("ck_staff_members_role")),
        sa.CheckConstraint("capacity > 0", name=op.f("ck_staff_members_capacity")),
        sa.CheckConstraint("manager_id <> id", name=op.f("ck_staff_members_not_their_own_manager")),
        sa.ForeignKeyConstraint(["manager_id"], ["staff_members.id"], name=op.f("fk_staff_members_manager_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_members")),
        sa.UniqueConstraint("code", name=op.f("uq_staff_members_code")),
    )
    op.create_table(
        "strategies",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
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
            "(status in ('approved','rejected')) = (decided_by is not null)", name=op.f("ck_strategies_decided")
        ),
        sa.CheckConstraint("kind in ('agencies', 'staff')", name=op.f("ck_strategies_kind")),
        sa.CheckConstraint(
            "status in ('proposed','approved','rejected','withdrawn')", name=op.f("ck_strategies_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_strategies_maker_is_not_checker")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategies")),
        sa.UniqueConstraint("code", "version", name=op.f("uq_strategies_code_version")),
    )
    op.create_index(
        "uq_strategies_from",
        "strategies",
        ["code", "effective_from"],
        unique=True,
        postgresql_where=sa.text("status = 'approved'"),
    )
    op.create_table(
        "strategy_runs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("strategy_id", sa.BigInteger(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("takers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("summary", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("placed", sa.Integer(), nullable=False),
        sa.Column("input_hash", sa.Text(), nullable=False),
        sa.Column("result_hash", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placement_id", sa.BigInteger(), nullable=True),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("(placement_id is null) or status = 'approved'", name=op.f("ck_strategy_runs_placement")),
        sa.CheckConstraint(
            "(status in ('approved','rejected')) = (decided_by is not null)", name=op.f("ck_strategy_runs_decided")
        ),
        sa.CheckConstraint(
            "status in ('draft','proposed','withdrawn','approved','rejected')", name=op.f("ck_strategy_runs_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_strategy_runs_maker_is_not_checker")
        ),
        sa.CheckConstraint("to_on is null or to_on >= from_on", name=op.f("ck_strategy_runs_term")),
        sa.ForeignKeyConstraint(["placement_id"], ["placements.id"], name=op.f("fk_strategy_runs_placement_id")),
        sa.ForeignKeyConstraint(["strategy_id"], ["strategies.id"], name=op.f("fk_strategy_runs_strategy_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategy_runs")),
        sa.UniqueConstraint("ref", name=op.f("uq_strategy_runs_ref")),
    )
    op.create_index("ix_strategy_runs_status", "strategy_runs", ["status", "id"], unique=False)
    op.create_table(
        "staff_allocations",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("staff_id", sa.BigInteger(), nullable=False),
        sa.Column("manager_id", sa.BigInteger(), nullable=True),
        sa.Column("run_id", sa.BigInteger(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column(
            "term",
            postgresql.DATERANGE(),
            sa.Computed("daterange(from_on, to_on, '[]')", persisted=True),
            nullable=False,
        ),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.literal_column("int8range(loan_account_id, loan_account_id, '[]')"), "&&"),
            (sa.literal_column("term"), "&&"),
            using="gist",
            name="excl_staff_allocations_one_executive_a_day",
        ),
        sa.CheckConstraint("to_on is null or to_on >= from_on", name=op.f("ck_staff_allocations_term")),
        sa.ForeignKeyConstraint(
            ["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_staff_allocations_loan_account_id")
        ),
        sa.ForeignKeyConstraint(["manager_id"], ["staff_members.id"], name=op.f("fk_staff_allocations_manager_id")),
        sa.ForeignKeyConstraint(["run_id"], ["strategy_runs.id"], name=op.f("fk_staff_allocations_run_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff_members.id"], name=op.f("fk_staff_allocations_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_allocations")),
    )
    op.create_index("ix_staff_allocations_staff", "staff_allocations", ["staff_id", "loan_account_id"], unique=False)
    op.create_table(
        "strategy_choices",
        sa.Column("run_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_no", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("bucket", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=False),
        sa.Column("pincode", sa.Text(), nullable=False),
        sa.Column("branch_code", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("risk_grade", sa.Text(), nullable=False),
        sa.Column("dpd_days", sa.Integer(), nullable=False),
        sa.Column("principal_minor", sa.BigInteger(), nullable=False),
        sa.Column("opening_on", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("stop", sa.Text(), nullable=False),
        sa.Column("rule", sa.Integer(), nullable=False),
        sa.Column("arm", sa.Text(), nullable=False),
        sa.Column("taker", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["strategy_runs.id"], name=op.f("fk_strategy_choices_run_id")),
        sa.PrimaryKeyConstraint("run_id", "loan_account_id", name=op.f("pk_strategy_choices")),
    )
    op.create_index(
        "ix_strategy_choices_reason",
        "strategy_choices",
        ["run_id", "reason", "loan_account_id"],
        unique=False,
        postgresql_where=sa.text("taker = ''"),
    )
    op.add_column("agencies", sa.Column("exposure_cap_minor", sa.BigInteger(), nullable=True))
    op.add_column("agencies", sa.Column("licensed_states", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("agencies", sa.Column("licensed_pincodes", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("agencies", sa.Column("licensed_products", postgresql.JSONB(astext_type=sa.Text()), nullable=True))
    op.add_column("loan_accounts", sa.Column("language", sa.Text(), nullable=True))
    op.add_column("loan_accounts", sa.Column("risk_grade", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("loan_accounts", "risk_grade")
    op.drop_column("loan_accounts", "language")
    for name in ("licensed_products", "licensed_pincodes", "licensed_states", "exposure_cap_minor"):
        op.drop_column("agencies", name)
    op.drop_table("strategy_choices")
    op.drop_table("staff_allocations")
    op.drop_table("strategy_runs")
    op.drop_table("strategies")
    op.drop_table("staff_members")
    op.drop_constraint(op.f("ck_users_role"), "users", type_="check")
    op.create_check_constraint(op.f("ck_users_role"), "users", f"role in {ROLES_BEFORE}")
