"""What was still missing around paying: a settlement pointed to other bank details, one person's accounts, challans."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("paying_stops", sa.Column("lost_since", sa.DateTime(timezone=True), nullable=True))
    add_repointings()
    add_person_ties()
    add_call_backs()
    op.add_column("user_sessions", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    add_row_prints()
    add_tax_papers()


def downgrade() -> None:
    drop_tax_papers()
    op.drop_table("row_prints")
    op.drop_column("paying_stops", "lost_since")
    op.drop_table("bank_detail_call_backs")
    op.drop_column("user_sessions", "confirmed_at")
    op.drop_table("person_ties")
    drop_repointings()


def add_repointings() -> None:
    """A settlement pointed to other bank details than its statement names, and the payouts that go there."""
    op.create_table(
        "settlement_repointings",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("settlement_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("statement_hash", sa.Text(), nullable=False),
        sa.Column("from_detail_id", sa.BigInteger(), nullable=True),
        sa.Column("to_detail_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("checked_by", sa.Text(), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "status in ('proposed','accepted','checked','rejected','withdrawn')",
            name=op.f("ck_settlement_repointings_status"),
        ),
        sa.CheckConstraint(
            "(status in ('accepted','checked','rejected')) = (decided_by is not null)",
            name=op.f("ck_settlement_repointings_decided"),
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by",
            name=op.f("ck_settlement_repointings_maker_is_not_checker"),
        ),
        sa.CheckConstraint(
            "from_detail_id is distinct from to_detail_id", name=op.f("ck_settlement_repointings_to_another")
        ),
        sa.CheckConstraint(
            "checked_by is null or (checked_by <> proposed_by and (status <> 'accepted' or checked_by <> decided_by))",
            name=op.f("ck_settlement_repointings_three_people"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "settlement_id"],
            ["settlements.agency_id", "settlements.id"],
            name=op.f("fk_settlement_repointings_agency_id_settlement_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "from_detail_id"],
            ["agency_bank_details.agency_id", "agency_bank_details.id"],
            name=op.f("fk_settlement_repointings_agency_id_from_detail_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "to_detail_id"],
            ["agency_bank_details.agency_id", "agency_bank_details.id"],
            name=op.f("fk_settlement_repointings_agency_id_to_detail_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_settlement_repointings_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_settlement_repointings")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_settlement_repointings_agency_id_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_settlement_repointings_ref")),
        sa.UniqueConstraint("settlement_id", "number", name=op.f("uq_settlement_repointings_settlement_id_number")),
    )
    op.create_index("ix_settlement_repointings_agency", "settlement_repointings", ["agency_id", "id"], unique=False)
    op.create_index(
        "uq_settlement_repointings_waiting",
        "settlement_repointings",
        ["settlement_id"],
        unique=True,
        postgresql_where=sa.text("status in ('proposed','checked')"),
    )
    op.add_column("payouts", sa.Column("repointing_id", sa.BigInteger(), nullable=True))
    op.create_foreign_key(
        op.f("fk_payouts_agency_id_repointing_id"),
        "payouts",
        "settlement_repointings",
        ["agency_id", "repointing_id"],
        ["agency_id", "id"],
    )


def drop_repointings() -> None:
    op.drop_constraint(op.f("fk_payouts_agency_id_repointing_id"), "payouts", type_="foreignkey")
    op.drop_column("payouts", "repointing_id")
    op.drop_table("settlement_repointings")


def add_tax_papers() -> None:
    """Tax paid to the government, and the lender's own numbered documents under reverse charge."""
    op.drop_constraint(op.f("ck_tax_invoices_status"), "tax_invoices", type_="check")
    statuses = "status in ('proposed','accepted','rejected','withdrawn','cancelled','carried')"
    op.create_check_constraint(op.f("ck_tax_invoices_status"), "tax_invoices", statuses)
    number_tax_invoices(["agency_id", "source", "year_start", "gstin", "invoice_no"])
    op.create_table(
        "withholding_deposits",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("section", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("period_start", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("interest_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("bank_code", sa.Text(), server_default="", nullable=False),
        sa.Column("challan_no", sa.Text(), nullable=False),
        sa.Column("deposited_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn','cancelled')",
            name=op.f("ck_withholding_deposits_status"),
        ),
        sa.CheckConstraint(
            "(status in ('accepted','rejected','cancelled')) = (decided_by is not null)",
            name=op.f("ck_withholding_deposits_decided"),
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_withholding_deposits_maker_is_not_checker")
        ),
        sa.CheckConstraint("amount_minor > 0 and interest_minor >= 0", name=op.f("ck_withholding_deposits_amounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withholding_deposits")),
        sa.UniqueConstraint("ref", name=op.f("uq_withholding_deposits_ref")),
    )
    op.create_index("ix_withholding_deposits_period", "withholding_deposits", ["period_start", "id"], unique=False)
    op.create_index(
        "uq_withholding_deposits_challan",
        "withholding_deposits",
        ["bank_code", "challan_no", "deposited_on", "period_start", "code"],
        unique=True,
        postgresql_where=sa.text("status in ('proposed','accepted')"),
    )
    op.create_table(
        "withholding_deposit_lines",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("deposit_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("settlement_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_withholding_deposit_lines_amount")),
        sa.ForeignKeyConstraint(
            ["deposit_id"], ["withholding_deposits.id"], name=op.f("fk_withholding_deposit_lines_deposit_id")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_withholding_deposit_lines_agency_id")),
        sa.ForeignKeyConstraint(
            ["agency_id", "settlement_id"],
            ["settlements.agency_id", "settlements.id"],
            name=op.f("fk_withholding_deposit_lines_agency_id_settlement_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withholding_deposit_lines")),
        sa.UniqueConstraint(
            "deposit_id", "settlement_id", name=op.f("uq_withholding_deposit_lines_deposit_id_settlement_id")
        ),
    )
    op.create_index(
        "ix_withholding_deposit_lines_settlement", "withholding_deposit_lines", ["settlement_id"], unique=False
    )
    add_numbered_papers()


def add_numbered_papers() -> None:
    op.create_table(
        "tax_papers",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("settlement_id", sa.BigInteger(), nullable=False),
        sa.Column("payout_ref", sa.Text(), nullable=True),
        sa.Column("registration", sa.Text(), nullable=False),
        sa.Column("year_start", sa.Date(), nullable=False),
        sa.Column("serial", sa.Integer(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("issued_by", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("kind in ('self_invoice','payment_voucher')", name=op.f("ck_tax_papers_kind")),
        sa.CheckConstraint("(kind = 'payment_voucher') = (payout_ref is not null)", name=op.f("ck_tax_papers_payout")),
        sa.CheckConstraint("serial > 0", name=op.f("ck_tax_papers_serial")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_tax_papers_agency_id")),
        sa.ForeignKeyConstraint(
            ["agency_id", "settlement_id"],
            ["settlements.agency_id", "settlements.id"],
            name=op.f("fk_tax_papers_agency_id_settlement_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tax_papers")),
        sa.UniqueConstraint(
            "kind",
            "registration",
            "year_start",
            "serial",
            name=op.f("uq_tax_papers_kind_registration_year_start_serial"),
        ),
    )
    op.create_index(
        "uq_tax_papers_invoice",
        "tax_papers",
        ["settlement_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'self_invoice'"),
    )
    op.create_index(
        "uq_tax_papers_voucher",
        "tax_papers",
        ["payout_ref"],
        unique=True,
        postgresql_where=sa.text("payout_ref is not null"),
    )


def number_tax_invoices(columns: list[str]) -> None:
    op.drop_index("uq_tax_invoices_no", table_name="tax_invoices")
    live = sa.text("status in ('proposed','accepted')")
    op.create_index("uq_tax_invoices_no", "tax_invoices", columns, unique=True, postgresql_where=live)


def drop_tax_papers() -> None:
    op.drop_table("tax_papers")
    op.drop_table("withholding_deposit_lines")
    op.drop_table("withholding_deposits")
    op.execute("update tax_invoices set status = 'withdrawn' where status in ('cancelled','carried')")
    op.drop_constraint(op.f("ck_tax_invoices_status"), "tax_invoices", type_="check")
    statuses = "status in ('proposed','accepted','rejected','withdrawn')"
    op.create_check_constraint(op.f("ck_tax_invoices_status"), "tax_invoices", statuses)
    number_tax_invoices(["agency_id", "source", "year_start", "invoice_no"])


def add_row_prints() -> None:
    """What every row of a printed table was when the portal last left it; filled by what is derived from the models."""
    op.create_table(
        "row_prints",
        sa.Column("of_table", sa.Text(), nullable=False),
        sa.Column("of_row", sa.Text(), nullable=False),
        sa.Column("print", postgresql.BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("of_table", "of_row", name=op.f("pk_row_prints")),
    )


def add_person_ties() -> None:
    """Two people's word on which accounts are one human being's."""
    op.create_table(
        "person_ties",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("other_email", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "status in ('proposed','accepted','rejected','withdrawn')", name=op.f("ck_person_ties_status")
        ),
        sa.CheckConstraint(
            "(status in ('accepted','rejected')) = (decided_by is not null)", name=op.f("ck_person_ties_decided")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_person_ties_maker_is_not_checker")
        ),
        sa.CheckConstraint("kind in ('tie','untie')", name=op.f("ck_person_ties_kind")),
        sa.CheckConstraint("(kind = 'tie') = (other_email is not null)", name=op.f("ck_person_ties_other")),
        sa.CheckConstraint(
            "decided_by is null or (decided_by <> email and decided_by is distinct from other_email)",
            name=op.f("ck_person_ties_not_about_oneself"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_ties")),
    )
    op.create_index(
        "uq_person_ties_waiting",
        "person_ties",
        ["email"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )


def add_call_backs() -> None:
    """Calls to an agency about new bank details."""
    op.create_table(
        "bank_detail_call_backs",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("bank_detail_id", sa.BigInteger(), nullable=False),
        sa.Column("spoke_to", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("known_from", sa.Text(), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("called_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint(
            "outcome in ('confirmed', 'denied', 'not_reached')", name=op.f("ck_bank_detail_call_backs_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "bank_detail_id"],
            ["agency_bank_details.agency_id", "agency_bank_details.id"],
            name=op.f("fk_bank_detail_call_backs_agency_id_bank_detail_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_bank_detail_call_backs_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_detail_call_backs")),
    )
    op.create_index(
        "ix_bank_detail_call_backs_detail", "bank_detail_call_backs", ["bank_detail_id", "id"], unique=False
    )
