"""A contact outside the rules becomes a case of the complaints' register, once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

CHANNELS = ("branch", "phone", "email", "letter", "portal", "ombudsman", "police", "regulator")


def upgrade() -> None:
    op.add_column("complaints", sa.Column("contact_id", sa.BigInteger(), nullable=True))
    op.drop_constraint(op.f("ck_complaints_channel"), "complaints")
    op.create_check_constraint(op.f("ck_complaints_channel"), "complaints", f"channel in {(*CHANNELS, 'contact')}")
    own = "(channel = 'contact') = (contact_id is not null)"
    op.create_check_constraint(op.f("ck_complaints_of_contact"), "complaints", own)
    op.create_unique_constraint(op.f("uq_complaints_contact_id"), "complaints", ["contact_id"])
    op.create_foreign_key(
        op.f("fk_complaints_agency_id_contact_id"),
        "complaints",
        "contacts",
        ["agency_id", "contact_id"],
        ["agency_id", "id"],
    )


def downgrade() -> None:
    """Refused by the constraint while a case made of a contact stands: no case is thrown away unseen."""
    op.drop_constraint(op.f("fk_complaints_agency_id_contact_id"), "complaints")
    op.drop_constraint(op.f("uq_complaints_contact_id"), "complaints")
    op.drop_constraint(op.f("ck_complaints_of_contact"), "complaints")
    op.drop_constraint(op.f("ck_complaints_channel"), "complaints")
    op.create_check_constraint(op.f("ck_complaints_channel"), "complaints", f"channel in {CHANNELS}")
    op.drop_column("complaints", "contact_id")
