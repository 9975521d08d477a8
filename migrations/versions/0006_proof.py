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
    add_row_prints()


def downgrade() -> None:
    op.drop_table("row_prints")
    op.drop_column("paying_stops", "lost_since")
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


def add_row_prints() -> None:
    """What every row of a printed table was when the portal last left it; filled by what is derived from the models."""
    op.create_table(
        "row_prints",
        sa.Column("of_table", sa.Text(), nullable=False),
        sa.Column("of_row", sa.Text(), nullable=False),
        sa.Column("print", postgresql.BYTEA(), nullable=False),
        sa.PrimaryKeyConstraint("of_table", "of_row", name=op.f("pk_row_prints")),
    )
