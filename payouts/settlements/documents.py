"""A statement as files: the signed JSON, the PDF that carries it, the workbook. All three are made from its one text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from payouts.settlements.content import statement_text
from payouts.settlements.envelope import envelope_text, published_keys
from payouts.settlements.models import Settlement
from payouts.settlements.paper_pdf import pdf_of
from payouts.settlements.paper_xlsx import workbook
from payouts.settlements.signing import key_by_id, signature_of, signing_keys
from payouts.settlements.statement import hash_of, read_text

VERIFY_PATH = "/verify"


@dataclass(frozen=True)
class Document:
    """A statement as it stands. `envelope` is its signed file, empty while it is not issued; `verify_url` where anybody may check it."""

    ref: str
    status: str
    text: str
    envelope: str
    verify_url: str

    @property
    def sha256(self) -> str:
        return hash_of(self.text)

    @property
    def is_signed(self) -> bool:
        return bool(self.envelope)

    @property
    def content(self) -> dict[str, Any]:
        return dict(read_text(self.text))

    def as_json(self) -> bytes:
        """The signed file; of a draft its text alone."""
        return (self.envelope or self.text).encode()

    def as_pdf(self) -> bytes:
        return pdf_of(self.content, self.sha256, envelope=self.envelope, verify_url=self.verify_url)

    def as_xlsx(self) -> bytes:
        return workbook(self.content, self.sha256)


WAYS: dict[str, tuple[Callable[[Document], bytes], str]] = {
    "json": (Document.as_json, "application/json"),
    "pdf": (Document.as_pdf, "application/pdf"),
    "xlsx": (Document.as_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
}


def document_of(session: Session, settlement: Settlement, public_url: str) -> Document:
    """An issued settlement's statement as it was issued; any other as its rows stand now."""
    text = settlement.statement_text or statement_text(session, settlement)
    signature = signature_of(session, settlement.id) if settlement.statement_text else None
    key = key_by_id(session, signature.key_id) if signature else None
    envelope = envelope_text(text, key.key_id, key.public_key, signature.signature) if signature and key else ""
    return Document(settlement.ref, settlement.status, text, envelope, public_url + VERIFY_PATH)


def keys_published(session: Session) -> dict[str, Any]:
    """Every public key there has been, as they are published."""
    rows = signing_keys(session)
    current = next((row.key_id for row in rows if row.retired_at is None), "")
    return published_keys({row.key_id: row.public_key for row in rows}, current)
