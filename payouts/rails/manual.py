"""The manual rail: paid outside the portal (a cheque, the bank's own screen). People say what became of each. Pure.

Its "file" is a list for the desk; there is no answer file. A person enters reference and day of each payment and another confirms
(`findings`).
"""

from __future__ import annotations

from dataclasses import dataclass

from payouts.rails.bank_file import check_instructions, plain_ascii
from payouts.rails.protocol import AnswerRecord, BatchFacts, Prepared
from portal.kernel.errors import Invalid, Refused
from portal.kernel.money import plain

HEADER = "reference,beneficiary,account,bank,amount,currency,for"


@dataclass(frozen=True)
class ManualRail:
    @property
    def name(self) -> str:
        return "manual"

    @property
    def profile_name(self) -> str:
        return "manual"

    @property
    def profile_version(self) -> int | None:
        return None

    def prepare(self, batch: BatchFacts) -> Prepared:
        if problems := check_instructions(batch):
            raise Invalid(problems)
        lines = [HEADER]
        for each in batch.instructions:
            to, amount = each.beneficiary, plain(each.amount_minor, each.currency)
            fields = [each.ref, to.name, to.account_no, to.ifsc, amount, each.currency, each.remark]
            lines.append(",".join(plain_ascii(field).replace(",", " ") for field in fields))
        data = "".join(f"{line}\n" for line in lines).encode("ascii")
        return Prepared(data, f"{batch.ref}-by-hand.csv", "text/csv")

    def read_answer(self, data: bytes, currency: str = "INR") -> list[AnswerRecord]:
        cure = "Enter reference and day on the payout's page; another person confirms."
        raise Refused("What was paid by hand has no answer file.", code="no_answer_file", cure=cure)
