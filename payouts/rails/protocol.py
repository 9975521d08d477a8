"""What every way of paying must offer. A rail never sees the database: frozen facts in, bytes or answers out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Beneficiary:
    """The version of an agency's bank details frozen in its settlement."""

    name: str
    account_no: str
    ifsc: str
    email: str = ""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One payout as the rail needs it. `ref` is ours and unique for ever: the bank's duplicate check works on it."""

    ref: str
    amount_minor: int
    currency: str
    beneficiary: Beneficiary
    remark: str


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

    @property
    def total_minor(self) -> int:
        return sum(each.amount_minor for each in self.instructions)


@dataclass(frozen=True, slots=True)
class Prepared:
    """The frozen request: what will go to the bank, byte for byte."""

    data: bytes
    name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """One payout's fate as the bank states it. `status`: paid | returned."""

    line_no: int
    ref: str
    amount_minor: int
    status: str
    utr: str
    reason: str


class PayoutRail(Protocol):
    """A way of paying, chosen by name."""

    @property
    def name(self) -> str:
        """As the `--rail` option and the batch's row have it."""
        ...

    def prepare(self, batch: BatchFacts) -> Prepared:
        """The request bytes of a batch. Raises Invalid with everything the bank would refuse."""
        ...

    def read_answer(self, data: bytes) -> list[AnswerRecord]:
        """The bank's answer. Raises Invalid with every problem of the file."""
        ...
