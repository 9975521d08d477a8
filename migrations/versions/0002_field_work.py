"""Work in the field: staged uploads, corrections, receipt books, deposits, contacts, promises, evidence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

OLD_STATUSES = "status in ('waiting','stored','stored_in_part','refused')"
STATUSES = (
    "status in ('reading', 'asking', 'checked', 'storing', 'stored', 'stored_in_part', 'refused', 'failed', 'dropped')"
)
SOURCES = "source in ('file', 'page', 'phone')"
# The same as allocations/keys.py makes of a receipt's key.
FOLD = (
    "update collections set receipt_fold = translate(receipt_key,"
    " 'OILSZBАВЕЅІКМНОРСТУХΑΒΕΖΗΙΚΜΝΟΡΤΥΧ', '011528A8E51KMH0PCTYXA8E2H1KMN0PTYX')"
)


def upgrade() -> None:

    op.create_table(
        "public_misses",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_misses")),
    )
    op.create_index("ix_public_misses_address_at", "public_misses", ["address", "at"], unique=False)
    op.create_table(
        "deposits",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("slip_no", sa.Text(), nullable=False),
        sa.Column("slip_key", sa.Text(), nullable=False),
        sa.Column("deposited_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("agent_code", sa.Text(), nullable=True),
        sa.Column("upload_id", sa.BigInteger(), nullable=True),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_deposits_amount")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_deposits_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deposits")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_deposits_agency_id_id")),
        sa.UniqueConstraint("agency_id", "slip_key", name=op.f("uq_deposits_agency_id_slip_key")),
    )
    op.create_index("ix_deposits_agency_day", "deposits", ["agency_id", "deposited_on", "id"], unique=False)
    op.create_index(
        "uq_deposits_client",
        "deposits",
        ["agency_id", "client_id"],
        unique=True,
        postgresql_where=sa.text("client_id is not null"),
    )
    op.create_table(
        "receipt_books",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("prefix", sa.Text(), server_default="", nullable=False),
        sa.Column("prefix_key", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "slot",
            sa.BigInteger(),
            sa.Computed("hashtextextended(agency_id::text || ':' || prefix_key, 0)", persisted=True),
            nullable=False,
        ),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("first_no", sa.BigInteger(), nullable=False),
        sa.Column("last_no", sa.BigInteger(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("issued_by", sa.Text(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("returned_on", sa.Date(), nullable=True),
        sa.Column("returned_by", sa.Text(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.literal_column("int8range(slot, slot, '[]')"), "&&"),
            (sa.literal_column("int8range(first_no, last_no, '[]')"), "&&"),
            using="gist",
            name="excl_receipt_books_a_number_is_issued_once",
        ),
        postgresql.ExcludeConstraint(
            (sa.literal_column("int8range(slot, slot, '[]')"), "&&"),
            (sa.literal_column("int8range(first_no, last_no, '[]')"), "&&"),
            using="gist",
            name="excl_receipt_books_a_number_is_issued_once",
        ),
        sa.CheckConstraint("kind in ('paper','electronic')", name=op.f("ck_receipt_books_kind")),
        sa.CheckConstraint("(returned_on is null) = (returned_by is null)", name=op.f("ck_receipt_books_returned")),
        sa.CheckConstraint(
            "first_no >= 0 and last_no >= first_no and last_no - first_no < 100000", name=op.f("ck_receipt_books_range")
        ),
        sa.CheckConstraint("width between 1 and 18", name=op.f("ck_receipt_books_width")),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_receipt_books_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt_books")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_receipt_books_agency_id_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_receipt_books_ref")),
    )
    op.create_index("ix_receipt_books_agency", "receipt_books", ["agency_id", "id"], unique=False)
    op.create_table(
        "upload_layouts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), server_default="collections", nullable=False),
        sa.Column("header_key", sa.Text(), nullable=False),
        sa.Column("layout", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("used_by", sa.Text(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_upload_layouts_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload_layouts")),
        sa.UniqueConstraint(
            "agency_id", "kind", "header_key", name=op.f("uq_upload_layouts_agency_id_kind_header_key")
        ),
    )
    op.create_table(
        "receipt_marks",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("book_id", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("receipt_no", sa.Text(), nullable=False),
        sa.Column("receipt_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(status = 'proposed') = (decided_by is null)", name=op.f("ck_receipt_marks_decided")),
        sa.CheckConstraint("state in ('void','lost')", name=op.f("ck_receipt_marks_state")),
        sa.CheckConstraint("status in ('proposed','confirmed','declined')", name=op.f("ck_receipt_marks_status")),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by", name=op.f("ck_receipt_marks_maker_is_not_checker")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "book_id"],
            ["receipt_books.agency_id", "receipt_books.id"],
            name=op.f("fk_receipt_marks_agency_id_book_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt_marks")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_receipt_marks_agency_id_id")),
    )
    op.create_index("ix_receipt_marks_agency", "receipt_marks", ["agency_id", "status", "id"], unique=False)
    op.create_index("ix_receipt_marks_key", "receipt_marks", ["agency_id", "receipt_key"], unique=False)
    op.create_index(
        "uq_receipt_marks_number",
        "receipt_marks",
        ["agency_id", "book_id", "number"],
        unique=True,
        postgresql_where=sa.text("status <> 'declined'"),
    )
    op.create_table(
        "receipt_ranges",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("book_id", sa.BigInteger(), nullable=False),
        sa.Column("agent_id", sa.BigInteger(), nullable=False),
        sa.Column("first_no", sa.BigInteger(), nullable=False),
        sa.Column("last_no", sa.BigInteger(), nullable=False),
        sa.Column("handed_on", sa.Date(), nullable=False),
        sa.Column("handed_by", sa.Text(), nullable=False),
        sa.Column("returned_on", sa.Date(), nullable=True),
        sa.Column("returned_by", sa.Text(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.literal_column("int8range(book_id, book_id, '[]')"), "&&"),
            (sa.literal_column("int8range(first_no, last_no, '[]')"), "&&"),
            where=sa.text("returned_on is null"),
            using="gist",
            name="excl_receipt_ranges_a_number_is_with_one_agent",
        ),
        sa.CheckConstraint("(returned_on is null) = (returned_by is null)", name=op.f("ck_receipt_ranges_returned")),
        postgresql.ExcludeConstraint(
            (sa.literal_column("int8range(book_id, book_id, '[]')"), "&&"),
            (sa.literal_column("int8range(first_no, last_no, '[]')"), "&&"),
            using="gist",
            where=sa.text("returned_on is null"),
            name="excl_receipt_ranges_a_number_is_with_one_agent",
        ),
        sa.CheckConstraint("last_no >= first_no", name=op.f("ck_receipt_ranges_range")),
        sa.ForeignKeyConstraint(
            ["agency_id", "agent_id"],
            ["agents.agency_id", "agents.id"],
            name=op.f("fk_receipt_ranges_agency_id_agent_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "book_id"],
            ["receipt_books.agency_id", "receipt_books.id"],
            name=op.f("fk_receipt_ranges_agency_id_book_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_receipt_ranges")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_receipt_ranges_agency_id_id")),
    )
    op.create_index("ix_receipt_ranges_agent", "receipt_ranges", ["agency_id", "agent_id"], unique=False)
    op.create_table(
        "collection_corrections",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("upload_id", sa.BigInteger(), nullable=True),
        sa.Column("row_no", sa.Integer(), nullable=True),
        sa.Column("was", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("proposed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), server_default="proposed", nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(status in ('accepted','declined')) = (decided_by is not null)",
            name=op.f("ck_collection_corrections_decided"),
        ),
        sa.CheckConstraint(
            "status in ('proposed','accepted','declined','withdrawn')", name=op.f("ck_collection_corrections_status")
        ),
        sa.CheckConstraint(
            "decided_by is null or decided_by <> proposed_by",
            name=op.f("ck_collection_corrections_maker_is_not_checker"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "collection_id"],
            ["collections.agency_id", "collections.id"],
            name=op.f("fk_collection_corrections_agency_id_collection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "upload_id"],
            ["uploads.agency_id", "uploads.id"],
            name=op.f("fk_collection_corrections_agency_id_upload_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collection_corrections")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_collection_corrections_agency_id_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_collection_corrections_ref")),
    )
    op.create_index("ix_collection_corrections_agency", "collection_corrections", ["agency_id", "id"], unique=False)
    op.create_index("ix_collection_corrections_status", "collection_corrections", ["status", "id"], unique=False)
    op.create_index("ix_collection_corrections_upload", "collection_corrections", ["upload_id"], unique=False)
    op.create_index(
        "uq_collection_corrections_open",
        "collection_corrections",
        ["agency_id", "collection_id"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.create_table(
        "contacts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("allocation_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_no", sa.Text(), nullable=False),
        sa.Column("agent_code", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("disposition", sa.Text(), nullable=False),
        sa.Column("remarks", sa.Text(), nullable=True),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.Column("latitude", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("longitude", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("accuracy_m", sa.Integer(), nullable=True),
        sa.Column("flags", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False),
        sa.Column("collection_id", sa.BigInteger(), nullable=True),
        sa.Column("source", sa.Text(), server_default="page", nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("reported_by", sa.Text(), nullable=False),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("kind in ('visit', 'call', 'message', 'letter')", name=op.f("ck_contacts_kind")),
        sa.CheckConstraint(
            "person in ('borrower', 'co_borrower', 'guarantor', 'family', 'other', 'nobody')",
            name=op.f("ck_contacts_person"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "allocation_id"],
            ["allocations.agency_id", "allocations.id"],
            name=op.f("fk_contacts_agency_id_allocation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "collection_id"],
            ["collections.agency_id", "collections.id"],
            name=op.f("fk_contacts_agency_id_collection_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_contacts_agency_id")),
        sa.ForeignKeyConstraint(["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_contacts_loan_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_contacts_agency_id_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_contacts_ref")),
    )
    op.create_index("ix_contacts_account", "contacts", ["loan_account_id", "at"], unique=False)
    op.create_index("ix_contacts_agency", "contacts", ["agency_id", "at", "id"], unique=False)
    op.create_index("ix_contacts_at", "contacts", ["at", "id"], unique=False)
    op.create_index(
        "ix_contacts_flagged", "contacts", ["at", "id"], unique=False, postgresql_where=sa.text("flags <> '[]'::jsonb")
    )
    op.create_index(
        "uq_contacts_client",
        "contacts",
        ["agency_id", "client_id"],
        unique=True,
        postgresql_where=sa.text("client_id is not null"),
    )
    op.create_table(
        "deposit_items",
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("deposit_id", sa.BigInteger(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id", "collection_id"],
            ["collections.agency_id", "collections.id"],
            name=op.f("fk_deposit_items_agency_id_collection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "deposit_id"],
            ["deposits.agency_id", "deposits.id"],
            name=op.f("fk_deposit_items_agency_id_deposit_id"),
        ),
        sa.PrimaryKeyConstraint("collection_id", name=op.f("pk_deposit_items")),
    )
    op.create_index("ix_deposit_items_deposit", "deposit_items", ["deposit_id"], unique=False)
    op.create_table(
        "collection_versions",
        sa.Column("collection_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("body", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("correction_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id", "collection_id"],
            ["collections.agency_id", "collections.id"],
            name=op.f("fk_collection_versions_agency_id_collection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "correction_id"],
            ["collection_corrections.agency_id", "collection_corrections.id"],
            name=op.f("fk_collection_versions_agency_id_correction_id"),
        ),
        sa.PrimaryKeyConstraint("collection_id", "version", name=op.f("pk_collection_versions")),
    )
    op.create_table(
        "evidence",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("allocation_id", sa.BigInteger(), nullable=True),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=True),
        sa.Column("loan_account_no", sa.Text(), nullable=True),
        sa.Column("collection_id", sa.BigInteger(), nullable=True),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("deposit_id", sa.BigInteger(), nullable=True),
        sa.Column("agent_code", sa.Text(), nullable=True),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("copy_sha256", sa.Text(), nullable=True),
        sa.Column("copy_media_type", sa.Text(), nullable=True),
        sa.Column("thumbnail_sha256", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("claims", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("latitude", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("longitude", sa.Numeric(precision=9, scale=6), nullable=True),
        sa.Column("accuracy_m", sa.Integer(), nullable=True),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_by", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("pixels_sha256", sa.Text(), nullable=True),
        sa.Column("look", postgresql.BIT(length=256), nullable=True),
        sa.Column("place_key", sa.Text(), nullable=True),
        sa.Column("review", sa.Text(), server_default="waiting", nullable=False),
        sa.Column("reviewed_by", sa.Text(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("review_reason", sa.Text(), nullable=True),
        sa.Column("legal_hold", sa.Boolean(), server_default="false", nullable=False),
        sa.Column("purged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("(review = 'waiting') = (reviewed_by is null)", name=op.f("ck_evidence_reviewed")),
        sa.CheckConstraint(
            "kind in ('receipt', 'deposit_slip', 'premises', 'letter', 'identity', 'call', 'other')",
            name=op.f("ck_evidence_kind"),
        ),
        sa.CheckConstraint("review in ('waiting','accepted','questioned')", name=op.f("ck_evidence_review")),
        sa.CheckConstraint("status in ('waiting','ready','refused')", name=op.f("ck_evidence_status")),
        sa.CheckConstraint(
            "coalesce(collection_id, contact_id, deposit_id) is not null", name=op.f("ck_evidence_supports_something")
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "allocation_id"],
            ["allocations.agency_id", "allocations.id"],
            name=op.f("fk_evidence_agency_id_allocation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "collection_id"],
            ["collections.agency_id", "collections.id"],
            name=op.f("fk_evidence_agency_id_collection_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "contact_id"],
            ["contacts.agency_id", "contacts.id"],
            name=op.f("fk_evidence_agency_id_contact_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "deposit_id"],
            ["deposits.agency_id", "deposits.id"],
            name=op.f("fk_evidence_agency_id_deposit_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_evidence_agency_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_evidence_agency_id_id")),
        sa.UniqueConstraint("ref", name=op.f("uq_evidence_ref")),
    )
    op.create_index("ix_evidence_agency", "evidence", ["agency_id", "received_at", "id"], unique=False)
    op.create_index("ix_evidence_collection", "evidence", ["collection_id"], unique=False)
    op.create_index("ix_evidence_contact", "evidence", ["contact_id"], unique=False)
    op.create_index("ix_evidence_deposit", "evidence", ["deposit_id"], unique=False)
    op.create_index("ix_evidence_pixels", "evidence", ["pixels_sha256"], unique=False)
    op.create_index("ix_evidence_place", "evidence", ["place_key"], unique=False)
    op.create_index("ix_evidence_received", "evidence", ["received_at", "id"], unique=False)
    op.create_index("ix_evidence_sha256", "evidence", ["sha256"], unique=False)
    op.create_index(
        "ix_evidence_to_review",
        "evidence",
        ["received_at", "id"],
        unique=False,
        postgresql_where=sa.text("review = 'waiting'"),
    )
    op.create_index(
        "uq_evidence_client",
        "evidence",
        ["agency_id", "client_id"],
        unique=True,
        postgresql_where=sa.text("client_id is not null"),
    )
    op.create_table(
        "promises",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("agency_id", sa.BigInteger(), nullable=False),
        sa.Column("allocation_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_id", sa.BigInteger(), nullable=False),
        sa.Column("loan_account_no", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.BigInteger(), nullable=True),
        sa.Column("plan_ref", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), server_default="1", nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("agent_code", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_on", sa.Date(), nullable=True),
        sa.Column("seal", postgresql.BYTEA(), server_default=sa.text("''::bytea"), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_promises_amount")),
        sa.CheckConstraint("due_on >= made_on", name=op.f("ck_promises_due")),
        sa.ForeignKeyConstraint(
            ["agency_id", "allocation_id"],
            ["allocations.agency_id", "allocations.id"],
            name=op.f("fk_promises_agency_id_allocation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["agency_id", "contact_id"],
            ["contacts.agency_id", "contacts.id"],
            name=op.f("fk_promises_agency_id_contact_id"),
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agencies.id"], name=op.f("fk_promises_agency_id")),
        sa.ForeignKeyConstraint(["loan_account_id"], ["loan_accounts.id"], name=op.f("fk_promises_loan_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_promises")),
        sa.UniqueConstraint("agency_id", "id", name=op.f("uq_promises_agency_id_id")),
        sa.UniqueConstraint("plan_ref", "position", name=op.f("uq_promises_plan_ref_position")),
    )
    op.create_index("ix_promises_account", "promises", ["loan_account_id", "due_on"], unique=False)
    op.create_index("ix_promises_agency_due", "promises", ["agency_id", "due_on", "id"], unique=False)
    op.create_index("ix_promises_due", "promises", ["due_on", "id"], unique=False)
    op.create_table(
        "evidence_flags",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("evidence_id", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("other_id", sa.BigInteger(), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["evidence_id"], ["evidence.id"], name=op.f("fk_evidence_flags_evidence_id")),
        sa.ForeignKeyConstraint(["other_id"], ["evidence.id"], name=op.f("fk_evidence_flags_other_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_flags")),
        sa.UniqueConstraint(
            "evidence_id",
            "code",
            "other_id",
            name=op.f("uq_evidence_flags_evidence_id_code_other_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_evidence_flags_other", "evidence_flags", ["other_id"], unique=False)
    op.add_column("collections", sa.Column("reported_by", sa.Text(), nullable=True))
    op.add_column("collections", sa.Column("source", sa.Text(), server_default="file", nullable=False))
    op.add_column("collections", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.add_column("collections", sa.Column("client_id", sa.Text(), nullable=True))
    op.add_column("collections", sa.Column("check_code", sa.Text(), nullable=True))
    op.add_column("collections", sa.Column("receipt_fold", sa.Text(), nullable=True))
    op.add_column("collections", sa.Column("accuracy_m", sa.Integer(), nullable=True))
    op.create_index(
        "ix_collections_cash",
        "collections",
        ["agency_id", "agent_code"],
        unique=False,
        postgresql_where=sa.text("mode = 'cash' and slip_key is null"),
    )
    op.create_index("ix_collections_fold", "collections", ["agency_id", "receipt_fold"], unique=False)
    op.create_index(
        "uq_collections_check_code",
        "collections",
        ["check_code"],
        unique=True,
        postgresql_where=sa.text("check_code is not null"),
    )
    op.create_index(
        "uq_collections_client",
        "collections",
        ["agency_id", "client_id"],
        unique=True,
        postgresql_where=sa.text("client_id is not null"),
    )
    op.add_column("uploads", sa.Column("late", sa.Integer(), server_default="0", nullable=False))
    op.add_column("uploads", sa.Column("corrections", sa.Integer(), server_default="0", nullable=False))
    op.add_column(
        "uploads", sa.Column("layout", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column(
        "uploads", sa.Column("totals", postgresql.JSONB(astext_type=sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column(
        "uploads", sa.Column("notes", postgresql.JSONB(astext_type=sa.Text()), server_default="[]", nullable=False)
    )
    op.add_column("uploads", sa.Column("all_or_nothing", sa.Boolean(), server_default="false", nullable=False))
    op.add_column("uploads", sa.Column("progress_id", sa.BigInteger(), nullable=True))
    op.add_column("uploads", sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("uploads", sa.Column("stored_at", sa.DateTime(timezone=True), nullable=True))
    for place in ("latitude", "longitude"):
        op.add_column("loan_accounts", sa.Column(place, sa.Numeric(precision=9, scale=6), nullable=True))
    op.drop_constraint(op.f("ck_uploads_status"), "uploads")
    op.execute("alter table uploads no force row level security")
    op.execute("update uploads set status = 'failed' where status = 'waiting'")
    op.execute("alter table uploads force row level security")
    op.create_check_constraint(op.f("ck_uploads_status"), "uploads", STATUSES)
    op.create_check_constraint(op.f("ck_collections_source"), "collections", SOURCES)
    # Row-level security is forced upon the owner too; for once it has to see every row.
    op.execute("alter table collections no force row level security")
    op.execute(FOLD)
    op.execute("alter table collections force row level security")


def downgrade() -> None:
    op.execute("alter table uploads no force row level security")
    op.execute("update uploads set status = 'refused' where status not in ('stored', 'stored_in_part')")
    op.execute("alter table uploads force row level security")
    op.drop_constraint(op.f("ck_uploads_status"), "uploads")
    op.create_check_constraint(op.f("ck_uploads_status"), "uploads", OLD_STATUSES)
    op.drop_constraint(op.f("ck_collections_source"), "collections")
    for place in ("latitude", "longitude"):
        op.drop_column("loan_accounts", place)

    op.drop_column("uploads", "stored_at")
    op.drop_column("uploads", "checked_at")
    op.drop_column("uploads", "progress_id")
    op.drop_column("uploads", "all_or_nothing")
    op.drop_column("uploads", "notes")
    op.drop_column("uploads", "totals")
    op.drop_column("uploads", "layout")
    op.drop_column("uploads", "corrections")
    op.drop_column("uploads", "late")
    op.drop_index("uq_collections_client", table_name="collections", postgresql_where=sa.text("client_id is not null"))
    op.drop_index(
        "uq_collections_check_code", table_name="collections", postgresql_where=sa.text("check_code is not null")
    )
    op.drop_index("ix_collections_fold", table_name="collections")
    op.drop_index(
        "ix_collections_cash", table_name="collections", postgresql_where=sa.text("mode = 'cash' and slip_key is null")
    )
    op.drop_column("collections", "accuracy_m")
    op.drop_column("collections", "receipt_fold")
    op.drop_column("collections", "check_code")
    op.drop_column("collections", "client_id")
    op.drop_column("collections", "version")
    op.drop_column("collections", "source")
    op.drop_column("collections", "reported_by")
    op.drop_index("ix_evidence_flags_other", table_name="evidence_flags")
    op.drop_table("evidence_flags")
    op.drop_index("ix_promises_due", table_name="promises")
    op.drop_index("ix_promises_agency_due", table_name="promises")
    op.drop_index("ix_promises_account", table_name="promises")
    op.drop_table("promises")
    op.drop_index("uq_evidence_client", table_name="evidence", postgresql_where=sa.text("client_id is not null"))
    op.drop_index("ix_evidence_to_review", table_name="evidence", postgresql_where=sa.text("review = 'waiting'"))
    op.drop_index("ix_evidence_sha256", table_name="evidence")
    op.drop_index("ix_evidence_received", table_name="evidence")
    op.drop_index("ix_evidence_place", table_name="evidence")
    op.drop_index("ix_evidence_pixels", table_name="evidence")
    op.drop_index("ix_evidence_deposit", table_name="evidence")
    op.drop_index("ix_evidence_contact", table_name="evidence")
    op.drop_index("ix_evidence_collection", table_name="evidence")
    op.drop_index("ix_evidence_agency", table_name="evidence")
    op.drop_table("evidence")
    op.drop_table("collection_versions")
    op.drop_index("ix_deposit_items_deposit", table_name="deposit_items")
    op.drop_table("deposit_items")
    op.drop_index("uq_contacts_client", table_name="contacts", postgresql_where=sa.text("client_id is not null"))
    op.drop_index("ix_contacts_flagged", table_name="contacts", postgresql_where=sa.text("flags <> '[]'::jsonb"))
    op.drop_index("ix_contacts_at", table_name="contacts")
    op.drop_index("ix_contacts_agency", table_name="contacts")
    op.drop_index("ix_contacts_account", table_name="contacts")
    op.drop_table("contacts")
    op.drop_index(
        "uq_collection_corrections_open",
        table_name="collection_corrections",
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.drop_index("ix_collection_corrections_upload", table_name="collection_corrections")
    op.drop_index("ix_collection_corrections_status", table_name="collection_corrections")
    op.drop_index("ix_collection_corrections_agency", table_name="collection_corrections")
    op.drop_table("collection_corrections")
    op.drop_index("ix_receipt_ranges_agent", table_name="receipt_ranges")
    op.drop_table("receipt_ranges")
    op.drop_index(
        "uq_receipt_marks_number", table_name="receipt_marks", postgresql_where=sa.text("status <> 'declined'")
    )
    op.drop_index("ix_receipt_marks_key", table_name="receipt_marks")
    op.drop_index("ix_receipt_marks_agency", table_name="receipt_marks")
    op.drop_table("receipt_marks")
    op.drop_table("upload_layouts")
    op.drop_index("ix_receipt_books_agency", table_name="receipt_books")
    op.drop_table("receipt_books")
    op.drop_index("uq_deposits_client", table_name="deposits", postgresql_where=sa.text("client_id is not null"))
    op.drop_index("ix_deposits_agency_day", table_name="deposits")
    op.drop_table("deposits")
    op.drop_index("ix_public_misses_address_at", table_name="public_misses")
    op.drop_table("public_misses")
