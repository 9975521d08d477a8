"""What every way of paying must offer. A rail never sees the database: frozen facts in, bytes or answers out.

A file rail writes a batch into one file that a person uploads, and reads the file the bank gives back. An online rail is asked
payout by payout: its request is frozen before anything is sent, and the same bytes go out under the same key at every attempt.
A manual rail pays outside the portal; people say what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, runtime_checkable

from portal.kernel.errors import PortalError


@dataclass(frozen=True, slots=True)
class Beneficiary:
    """The version of an agency's bank details frozen in its settlement, or that it was pointed to since."""

    name: str
    account_no: str
    ifsc: str
    email: str = ""
    country: str = "IN"


@dataclass(frozen=True, slots=True)
class Instruction:
    """One payout as the rail needs it. `ref` is ours and unique for ever: the bank's duplicate check works on it.

    `destination` is an account at an online provider; `provider_ref` what the provider called it, once it has said so; `pointed_by`
    the hash of what two people signed where it goes elsewhere than the statement says.
    """

    ref: str
    amount_minor: int
    currency: str
    beneficiary: Beneficiary
    remark: str
    destination: str = ""
    provider_ref: str = ""
    pointed_by: str = ""


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """Everything a payment file is made of; the same facts give the same bytes for ever."""

    ref: str
    serial: int
    made_on: date
    debit_account: str
    debit_ifsc: str
    corporate_id: str
    instructions: tuple[Instruction, ...]
    made_at: datetime | None = None  # with the bank's own offset
    debtor_name: str = ""

    @property
    def total_minor(self) -> int:
        return sum(each.amount_minor for each in self.instructions)

    @property
    def currency(self) -> str:
        return self.instructions[0].currency if self.instructions else ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """The frozen request: what will go to the bank, byte for byte."""

    data: bytes
    name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """One payout's fate as the bank states it. `status`: paid | returned | failed (never left) | pending (nothing final yet).

    `amount_minor` is None where an answer may leave it out.
    """

    line_no: int
    ref: str
    amount_minor: int | None
    status: str
    utr: str
    reason: str


class PayoutRail(Protocol):
    """A way of paying, chosen by name."""

    @property
    def name(self) -> str:
        """As the batch's row has it: bank_file, pain001, manual, stripe_connect."""
        ...

    @property
    def profile_name(self) -> str:
        """Which layout or version of the rail; empty when it has none. A batch keeps it with `profile_version`."""
        ...

    @property
    def profile_version(self) -> int | None: ...


@runtime_checkable
class FileRail(PayoutRail, Protocol):
    """Pays by a file that a person uploads at the bank."""

    def prepare(self, batch: BatchFacts) -> Prepared:
        """The request bytes of a batch. Raises Invalid with everything the bank would refuse."""
        ...

    def read_answer(self, data: bytes, currency: str = "INR") -> list[AnswerRecord]:
        """The bank's answer. Raises Invalid with every problem of the file."""
        ...


@dataclass(frozen=True, slots=True)
class Sent:
    """The provider took it: what it calls the payment. `status` is sent, or paid when it was done at once."""

    provider_ref: str
    status: str = "sent"


@dataclass(frozen=True, slots=True)
class Fate:
    """What a look-up found: absent (never arrived) | sent | paid | failed | returned.

    The provider's amount, currency and destination, where it tells them, must be those of the intent: else it is not ours.
    """

    status: str
    provider_ref: str = ""
    reason: str = ""
    paid_on: date | None = None
    amount_minor: int | None = None
    currency: str = ""
    destination: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """Money a provider moved for us: its own name for it, our reference as it was told ("" where it has none), what has not come back."""

    provider_ref: str
    ref: str
    amount_minor: int
    currency: str
    destination: str
    made_at: datetime


class Unknown(PortalError):
    """Nobody knows whether the request arrived: a time-out, a reset, a 5xx, a 429. Only a look-up or a person leads out."""


class Declined(PortalError):
    """The provider said no, finally, before anything moved: the payout has failed."""


@runtime_checkable
class OnlineRail(PayoutRail, Protocol):
    """Pays by asking a provider, payout by payout, after the intent is committed and never inside a transaction."""

    def request_of(self, instruction: Instruction) -> str:
        """The bytes of the request, canonical: frozen in the payout's row before anything is sent.

        Raises Invalid with everything the provider would refuse (currency, destination, amount).
        """
        ...

    def send(self, instruction: Instruction, request: str, key: str) -> Sent:
        """Send these very bytes under this key. Raises Unknown or Declined; sending the same again within 24 h is one payment."""
        ...

    def look_up(self, instruction: Instruction) -> Fate:
        """What the provider knows of this payout, by our reference or by its own. Raises Unknown when it cannot be asked."""
        ...

    def made_since(self, since: datetime) -> list[Made]:
        """All the provider moved for us from this instant on and has not taken back. Raises Unknown when it cannot be asked."""
        ...


OnlineRails = Mapping[str, OnlineRail]  # by name, as the composition root made them
