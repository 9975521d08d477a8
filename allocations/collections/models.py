"""What agencies say they collected, the files they said it in, and the numbered paper behind it."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    Numeric,
    Text,
    Time,
    UniqueConstraint,
    literal_column,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from allocations.vocabulary import MODES
from portal.kernel.db import Base, Sealed, WithId
from portal.kernel.proposals import Proposed, two_people

SOURCES = ("file", "page", "phone", "direct")  # direct: the borrower paid the bank itself; nobody took a receipt
UPLOAD_STATUSES = (
    "reading",  # the file is kept; a job finds out its layout and checks every row
    "asking",  # a question about the layout or the dates stands between us and its rows
    "checked",  # the dry run is there to be looked at; nothing is stored yet
    "storing",
    "stored",
    "stored_in_part",
    "refused",  # no row of it is fit to be stored
    "failed",  # a defect of ours; the file is still here
    "dropped",  # its uploader thought better of it
)

# A reference as it reads with letters taken for digits read as digits (keys.LOOK_ALIKES); in an index, where it is not as written.
READ_AS = "translate(instrument_key, 'OILSZBАВЕЅІКМНОРСТУХΑΒΕΖΗΙΚΜΝΟΡΤΥΧ', '011528A8E51KMH0PCTYXA8E2H1KMN0PTYX')"


class Upload(WithId, Base):
    """A collections file handed in by an agency: what it held and what became of it.

    `layout` is how it is read (header row, columns, order of dates); `totals` what its rows add up to, by mode and by day, beside the
    file's own total. Its grade: `rows` less `rejected` were right first time, `late` came after the day they should have, `duplicates`
    were known already, `corrections` say again what was said otherwise before.
    """

    __tablename__ = "uploads"
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        UniqueConstraint("ref"),
        CheckConstraint(f"status in {UPLOAD_STATUSES}", name="status"),
        Index("ix_uploads_agency", "agency_id", "id"),
    )

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    ref: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text, default="collections", server_default="collections")
    file_sha256: Mapped[str] = mapped_column(Text)
    file_name: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text)
    rows: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    created: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    duplicates: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    rejected: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    late: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    corrections: Mapped[int] = mapped_column(Integer, default=0, server_default="0")
    total_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    currency: Mapped[str] = mapped_column(Text)
    layout: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    totals: Mapped[dict[str, Any]] = mapped_column(JSONB, default=dict, server_default="{}")
    notes: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default="[]")
    all_or_nothing: Mapped[bool] = mapped_column(Boolean, default=False, server_default="false")
    progress_id: Mapped[int | None] = mapped_column(BigInteger)
    checked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    stored_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    rejected_sha256: Mapped[str | None] = mapped_column(Text)
    unknown_columns: Mapped[list[Any]] = mapped_column(JSONB, default=list, server_default="[]")
    uploaded_by: Mapped[str] = mapped_column(Text)
    uploaded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class UploadProblem(WithId, Base):
    """One thing wrong with one row of an upload."""

    __tablename__ = "upload_problems"
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "upload_id"], ["uploads.agency_id", "uploads.id"]),
        Index("ix_upload_problems_upload", "upload_id", "id"),
    )

    agency_id: Mapped[int] = mapped_column(BigInteger)
    upload_id: Mapped[int] = mapped_column(BigInteger)
    row_no: Mapped[int | None] = mapped_column(Integer)
    column_name: Mapped[str] = mapped_column(Text, default="", server_default="")
    code: Mapped[str] = mapped_column(Text)
    message: Mapped[str] = mapped_column(Text)
    cure: Mapped[str] = mapped_column(Text, default="", server_default="")
    value: Mapped[str] = mapped_column(Text, default="", server_default="")


class UploadLayout(WithId, Base):
    """How an agency's files with this header are read, as somebody of the agency settled it once."""

    __tablename__ = "upload_layouts"
    __table_args__ = (UniqueConstraint("agency_id", "kind", "header_key"),)

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    kind: Mapped[str] = mapped_column(Text, default="collections", server_default="collections")
    header_key: Mapped[str] = mapped_column(Text)
    layout: Mapped[dict[str, Any]] = mapped_column(JSONB)
    used_by: Mapped[str] = mapped_column(Text)
    used_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


# Kept, for an index may not name the sum of links itself: it is written beside the row, not into every index.
PARTLY_TIED = "linked_minor + written_off_minor > 0 and linked_minor < amount_minor"


class Collection(WithId, Sealed, Base):
    """Money taken from a borrower, as the agency reports it. `linked_minor` is the sum of its live confirmed bank links.

    Changed in one way only: an accepted correction, before any money is linked, which leaves the row as it was in
    `collection_versions` and raises `version` (schema.py, portal_correct_collection). `client_id` is made on the phone that reported it,
    so that sending twice is harmless; `check_code` is printed on the receipt; `receipt_fold` is its number with look-alike letters
    made one.
    """

    __tablename__ = "collections"
    __table_args__ = (
        UniqueConstraint("agency_id", "receipt_key"),
        UniqueConstraint("agency_id", "id"),
        ForeignKeyConstraint(["agency_id", "allocation_id"], ["allocations.agency_id", "allocations.id"]),
        ForeignKeyConstraint(["agency_id", "upload_id"], ["uploads.agency_id", "uploads.id"]),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("linked_minor between 0 and amount_minor", name="never_linked_beyond_its_amount"),
        CheckConstraint(
            "written_off_minor >= 0 and linked_minor + written_off_minor <= amount_minor", name="never_spent_twice"
        ),
        CheckConstraint(f"mode in {MODES}", name="mode"),
        Index("ix_collections_agency_day", "agency_id", "collected_on", "id"),
        Index("ix_collections_agency_account", "agency_id", "loan_account_no"),
        Index("ix_collections_day", "collected_on", "id"),
        Index("ix_collections_account", "loan_account_id", "collected_on"),
        Index("ix_collections_receipt_key", "receipt_key"),
        Index("ix_collections_upload", "upload_id", "row_no"),
        Index("ix_collections_instrument", "instrument_key", postgresql_where=text("instrument_key is not null")),
        Index("ix_collections_slip", "slip_key", postgresql_where=text("slip_key is not null")),
        Index("ix_collections_read_as", text(READ_AS), postgresql_where=text(f"{READ_AS} <> instrument_key")),
        Index("ix_collections_amount", "amount_minor", "collected_on"),
        Index("ix_collections_agency_amount", "agency_id", "collected_on", "amount_minor"),
        Index("ix_collections_partly_tied", "agency_id", "collected_on", postgresql_where=text("is_partly_tied")),
        Index("ix_collections_fold", "agency_id", "receipt_fold"),
        Index(
            "ix_collections_cash",
            "agency_id",
            "agent_code",
            postgresql_where=text("mode = 'cash' and slip_key is null"),
        ),
        Index(
            "uq_collections_client",
            "agency_id",
            "client_id",
            unique=True,
            postgresql_where=text("client_id is not null"),
        ),
        Index("uq_collections_check_code", "check_code", unique=True, postgresql_where=text("check_code is not null")),
        CheckConstraint(f"source in {SOURCES}", name="source"),
    )
    __sealed__ = (
        "agency_id",
        "allocation_id",
        "loan_account_id",
        "receipt_no",
        "amount_minor",
        "currency",
        "collected_on",
        "collected_time",
        "mode",
        "instrument_ref",
        "agent_code",
        "deposit_slip_no",
        "deposited_on",
        "component_principal_minor",
        "component_interest_minor",
        "component_charges_minor",
        "upload_id",
        "row_no",
    )

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    allocation_id: Mapped[int] = mapped_column(BigInteger)
    loan_account_id: Mapped[int] = mapped_column(ForeignKey("loan_accounts.id"))
    loan_account_no: Mapped[str] = mapped_column(Text)
    receipt_no: Mapped[str] = mapped_column(Text)
    receipt_key: Mapped[str] = mapped_column(Text)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    collected_on: Mapped[date] = mapped_column(Date)
    collected_time: Mapped[time | None] = mapped_column(Time)
    mode: Mapped[str] = mapped_column(Text)
    instrument_ref: Mapped[str | None] = mapped_column(Text)
    instrument_key: Mapped[str | None] = mapped_column(Text)
    agent_code: Mapped[str | None] = mapped_column(Text)
    deposit_slip_no: Mapped[str | None] = mapped_column(Text)
    slip_key: Mapped[str | None] = mapped_column(Text)
    deposited_on: Mapped[date | None] = mapped_column(Date)
    component_principal_minor: Mapped[int | None] = mapped_column(BigInteger)
    component_interest_minor: Mapped[int | None] = mapped_column(BigInteger)
    component_charges_minor: Mapped[int | None] = mapped_column(BigInteger)
    latitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    longitude: Mapped[Decimal | None] = mapped_column(Numeric(9, 6))
    remarks: Mapped[str | None] = mapped_column(Text)
    upload_id: Mapped[int | None] = mapped_column(BigInteger)
    row_no: Mapped[int | None] = mapped_column(Integer)
    linked_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    written_off_minor: Mapped[int] = mapped_column(BigInteger, default=0, server_default="0")
    is_partly_tied: Mapped[bool] = mapped_column(Boolean, Computed(PARTLY_TIED, persisted=True), deferred=True)
    reported_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    reported_by: Mapped[str | None] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text, default="file", server_default="file")
    version: Mapped[int] = mapped_column(Integer, default=1, server_default="1")
    client_id: Mapped[str | None] = mapped_column(Text)
    check_code: Mapped[str | None] = mapped_column(Text)
    receipt_fold: Mapped[str | None] = mapped_column(Text)
    accuracy_m: Mapped[int | None] = mapped_column(Integer)


# What a correction may change; everything else of a collection stays as it was reported.
CORRECTABLE = (
    *("loan_account_id", "loan_account_no", "allocation_id", "amount_minor", "collected_on", "collected_time", "mode"),
    *("instrument_ref", "instrument_key", "agent_code", "component_principal_minor", "component_interest_minor"),
    "component_charges_minor",
)


class CollectionVersion(Base):
    """A collection as it was before a correction: its whole row, seal and all, written by the database."""

    __tablename__ = "collection_versions"
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "collection_id"], ["collections.agency_id", "collections.id"]),
        ForeignKeyConstraint(
            ["agency_id", "correction_id"], ["collection_corrections.agency_id", "collection_corrections.id"]
        ),
    )

    collection_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    version: Mapped[int] = mapped_column(Integer, primary_key=True)
    agency_id: Mapped[int] = mapped_column(BigInteger)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    correction_id: Mapped[int] = mapped_column(BigInteger)


class CollectionCorrection(WithId, Proposed, Base):
    """A receipt reported again with other facts. It changes nothing until a bank user accepts it; declined, it stays on record."""

    __tablename__ = "collection_corrections"
    __moves__ = {
        ("proposed", "accept"): "accepted",
        ("proposed", "decline"): "declined",
        ("proposed", "withdraw"): "withdrawn",
    }
    __table_args__ = (
        *two_people(__moves__),
        UniqueConstraint("agency_id", "id"),
        UniqueConstraint("ref"),
        ForeignKeyConstraint(["agency_id", "collection_id"], ["collections.agency_id", "collections.id"]),
        ForeignKeyConstraint(["agency_id", "upload_id"], ["uploads.agency_id", "uploads.id"]),
        Index(
            "uq_collection_corrections_open",
            "agency_id",
            "collection_id",
            unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
        Index("ix_collection_corrections_status", "status", "id"),
        Index("ix_collection_corrections_agency", "agency_id", "id"),
        Index("ix_collection_corrections_upload", "upload_id"),
    )

    agency_id: Mapped[int] = mapped_column(BigInteger)
    collection_id: Mapped[int] = mapped_column(BigInteger)
    ref: Mapped[str] = mapped_column(Text)
    upload_id: Mapped[int | None] = mapped_column(BigInteger)
    row_no: Mapped[int | None] = mapped_column(Integer)
    was: Mapped[dict[str, Any]] = mapped_column(JSONB)
    proposed: Mapped[dict[str, Any]] = mapped_column(JSONB)


class ReceiptBook(WithId, Base):
    """A range of receipt numbers the bank issued to an agency: a paper book, or a series for receipts given by phone."""

    __tablename__ = "receipt_books"
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        UniqueConstraint("ref"),
        CheckConstraint("kind in ('paper','electronic')", name="kind"),
        CheckConstraint("first_no >= 0 and last_no >= first_no and last_no - first_no < 100000", name="range"),
        CheckConstraint("width between 1 and 18", name="width"),
        CheckConstraint("(returned_on is null) = (returned_by is null)", name="returned"),
        ExcludeConstraint(
            (literal_column("int8range(slot, slot, '[]')"), "&&"),
            (literal_column("int8range(first_no, last_no, '[]')"), "&&"),
            using="gist",
            name="excl_receipt_books_a_number_is_issued_once",
        ),
        Index("ix_receipt_books_agency", "agency_id", "id"),
    )

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    ref: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    prefix: Mapped[str] = mapped_column(Text, default="", server_default="")
    prefix_key: Mapped[str] = mapped_column(Text, default="", server_default="")
    slot: Mapped[int] = mapped_column(
        BigInteger, Computed("hashtextextended(agency_id::text || ':' || prefix_key, 0)", persisted=True)
    )
    width: Mapped[int] = mapped_column(Integer)
    first_no: Mapped[int] = mapped_column(BigInteger)
    last_no: Mapped[int] = mapped_column(BigInteger)
    issued_on: Mapped[date] = mapped_column(Date)
    issued_by: Mapped[str] = mapped_column(Text)
    issued_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    returned_on: Mapped[date | None] = mapped_column(Date)
    returned_by: Mapped[str | None] = mapped_column(Text)


class ReceiptRange(WithId, Base):
    """The part of a book an agency handed to one of its agents."""

    __tablename__ = "receipt_ranges"
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        ForeignKeyConstraint(["agency_id", "book_id"], ["receipt_books.agency_id", "receipt_books.id"]),
        ForeignKeyConstraint(["agency_id", "agent_id"], ["agents.agency_id", "agents.id"]),
        CheckConstraint("last_no >= first_no", name="range"),
        CheckConstraint("(returned_on is null) = (returned_by is null)", name="returned"),
        ExcludeConstraint(
            (literal_column("int8range(book_id, book_id, '[]')"), "&&"),
            (literal_column("int8range(first_no, last_no, '[]')"), "&&"),
            using="gist",
            where=text("returned_on is null"),
            name="excl_receipt_ranges_a_number_is_with_one_agent",
        ),
        Index("ix_receipt_ranges_agent", "agency_id", "agent_id"),
    )

    agency_id: Mapped[int] = mapped_column(BigInteger)
    book_id: Mapped[int] = mapped_column(BigInteger)
    agent_id: Mapped[int] = mapped_column(BigInteger)
    first_no: Mapped[int] = mapped_column(BigInteger)
    last_no: Mapped[int] = mapped_column(BigInteger)
    handed_on: Mapped[date] = mapped_column(Date)
    handed_by: Mapped[str] = mapped_column(Text)
    returned_on: Mapped[date | None] = mapped_column(Date)
    returned_by: Mapped[str | None] = mapped_column(Text)


class ReceiptMark(WithId, Base):
    """That a number of a book is void or lost: said by one person with a reason, confirmed by another."""

    __tablename__ = "receipt_marks"
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        ForeignKeyConstraint(["agency_id", "book_id"], ["receipt_books.agency_id", "receipt_books.id"]),
        CheckConstraint("state in ('void','lost')", name="state"),
        CheckConstraint("status in ('proposed','confirmed','declined')", name="status"),
        CheckConstraint("(status = 'proposed') = (decided_by is null)", name="decided"),
        CheckConstraint("decided_by is null or decided_by <> proposed_by", name="maker_is_not_checker"),
        Index(
            "uq_receipt_marks_number",
            "agency_id",
            "book_id",
            "number",
            unique=True,
            postgresql_where=text("status <> 'declined'"),
        ),
        Index("ix_receipt_marks_agency", "agency_id", "status", "id"),
        Index("ix_receipt_marks_key", "agency_id", "receipt_key"),
    )

    agency_id: Mapped[int] = mapped_column(BigInteger)
    book_id: Mapped[int] = mapped_column(BigInteger)
    number: Mapped[int] = mapped_column(BigInteger)
    receipt_no: Mapped[str] = mapped_column(Text)
    receipt_key: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    status: Mapped[str] = mapped_column(Text, default="proposed", server_default="proposed")
    proposed_by: Mapped[str] = mapped_column(Text)
    proposed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    decided_by: Mapped[str | None] = mapped_column(Text)
    decided_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Deposit(WithId, Sealed, Base):
    """Cash or cheques of several receipts paid in together on one slip, said after the receipts themselves were reported."""

    __tablename__ = "deposits"
    __table_args__ = (
        UniqueConstraint("agency_id", "id"),
        UniqueConstraint("agency_id", "slip_key"),
        CheckConstraint("amount_minor > 0", name="amount"),
        Index("ix_deposits_agency_day", "agency_id", "deposited_on", "id"),
        Index(
            "uq_deposits_client", "agency_id", "client_id", unique=True, postgresql_where=text("client_id is not null")
        ),
    )
    __sealed__ = ("agency_id", "slip_no", "deposited_on", "amount_minor", "currency", "agent_code")

    agency_id: Mapped[int] = mapped_column(ForeignKey("agencies.id"))
    slip_no: Mapped[str] = mapped_column(Text)
    slip_key: Mapped[str] = mapped_column(Text)
    deposited_on: Mapped[date] = mapped_column(Date)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(Text)
    agent_code: Mapped[str | None] = mapped_column(Text)
    upload_id: Mapped[int | None] = mapped_column(BigInteger)
    client_id: Mapped[str | None] = mapped_column(Text)
    recorded_by: Mapped[str] = mapped_column(Text)
    recorded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class DepositItem(Base):
    """A receipt whose money went in with a deposit; each receipt once."""

    __tablename__ = "deposit_items"
    __table_args__ = (
        ForeignKeyConstraint(["agency_id", "deposit_id"], ["deposits.agency_id", "deposits.id"]),
        ForeignKeyConstraint(["agency_id", "collection_id"], ["collections.agency_id", "collections.id"]),
        Index("ix_deposit_items_deposit", "deposit_id"),
    )

    collection_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    deposit_id: Mapped[int] = mapped_column(BigInteger)
    agency_id: Mapped[int] = mapped_column(BigInteger)
    amount_minor: Mapped[int] = mapped_column(BigInteger)
