"""ISO 20022 credit transfers, pain.001.001.03 and .09, from frozen facts. Pure: the same facts give the same bytes for ever.

Structure and element order after the message definitions of ISO 20022; an Indian bank is named by its IFSC as a member of
the clearing system INFSC, any other by its BIC where that is what we hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from lxml import etree
from stdnum import iban

from payouts.rails.bank_file import check_instructions, missing_setting, plain_ascii
from payouts.rails.pain002 import read_pain002
from payouts.rails.protocol import AnswerRecord, BatchFacts, Beneficiary, Instruction, Prepared
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import plain

VERSIONS = ("03", "09")
DEFAULT_VERSION = "09"
BIC = re.compile(r"[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?")
IFSC = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}")
NAME_WIDTH, TEXT_WIDTH, REF_WIDTH = 70, 140, 35  # .03 takes 140 for a name; banks cut at 70
Add = Callable[..., etree._Element]


@dataclass(frozen=True)
class Pain001Rail:
    """Pays by an ISO 20022 file that a person uploads, or a host-to-host channel takes; the answer is pain.002."""

    version: str = DEFAULT_VERSION

    @property
    def name(self) -> str:
        return "pain001"

    @property
    def profile_name(self) -> str:
        return f"pain001_{self.version}"

    @property
    def profile_version(self) -> int | None:
        return None

    def prepare(self, batch: BatchFacts) -> Prepared:
        return pain001_file(batch, self.version)

    def read_answer(self, data: bytes, currency: str = "INR") -> list[AnswerRecord]:
        return read_pain002(data, currency)


def pain001_file(batch: BatchFacts, version: str) -> Prepared:
    """The document's bytes and name. Raises Invalid with every field the schema or the bank would refuse."""
    if problems := pain001_problems(batch):
        raise Invalid(problems)
    space = f"urn:iso:std:iso:20022:tech:xsd:pain.001.001.{version}"
    document = etree.Element(f"{{{space}}}Document", nsmap={None: space})  # type: ignore[dict-item]

    def add(parent: etree._Element, name: str, text: str = "", **attributes: str) -> etree._Element:
        child = etree.SubElement(parent, f"{{{space}}}{name}", attributes)
        child.text = text or None
        return child

    body = add(document, "CstmrCdtTrfInitn")
    _group(add, body, batch)
    _payment(add, body, batch, version)
    data = etree.tostring(document, encoding="UTF-8", xml_declaration=True, pretty_print=True)
    return Prepared(data, f"{batch.ref}.xml", "application/xml")


def pain001_problems(batch: BatchFacts) -> list[Problem]:
    """What neither schema nor bank would take, all of it."""
    problems = check_instructions(batch)
    for name, value in (("debit_account", batch.debit_account), ("debit_ifsc", batch.debit_ifsc)):
        if not value:
            problems.append(missing_setting(name))
    for row, each in enumerate(batch.instructions, start=1):
        if len(each.ref) > REF_WIDTH:
            problems.append(Problem("too_long", f"{each.ref} has room for {REF_WIDTH} characters.", row=row))
        if not plain_ascii(each.beneficiary.name):
            cure = "Complete the agency's bank details in Latin letters."
            problems.append(Problem("missing", f"{each.ref}: the beneficiary has no name.", cure, row=row))
        if not each.beneficiary.ifsc.strip():
            problems.append(Problem("missing", f"{each.ref}: the beneficiary's bank is not named.", row=row))
    return problems


def _group(add: Add, body: etree._Element, batch: BatchFacts) -> None:
    head = add(body, "GrpHdr")
    add(head, "MsgId", batch.ref[:REF_WIDTH])
    made = (
        batch.made_at.replace(tzinfo=None).isoformat(timespec="seconds")
        if batch.made_at
        else f"{batch.made_on}T00:00:00"
    )
    add(head, "CreDtTm", made)
    add(head, "NbOfTxs", str(len(batch.instructions)))
    add(head, "CtrlSum", plain(batch.total_minor, batch.currency))
    add(add(head, "InitgPty"), "Nm", _debtor(batch))


def _payment(add: Add, body: etree._Element, batch: BatchFacts, version: str) -> None:
    payment = add(body, "PmtInf")
    add(payment, "PmtInfId", batch.ref[:REF_WIDTH])
    add(payment, "PmtMtd", "TRF")
    add(payment, "BtchBookg", "false")  # every payment its own debit: each can be found in the statement
    add(payment, "NbOfTxs", str(len(batch.instructions)))
    add(payment, "CtrlSum", plain(batch.total_minor, batch.currency))
    day = add(payment, "ReqdExctnDt", batch.made_on.isoformat() if version == "03" else "")
    if version != "03":
        add(day, "Dt", batch.made_on.isoformat())
    add(add(payment, "Dbtr"), "Nm", _debtor(batch))
    _account(add, add(payment, "DbtrAcct"), batch.debit_account, batch.currency)
    _bank(add, add(payment, "DbtrAgt"), batch.debit_ifsc, version)
    add(payment, "ChrgBr", "SLEV")
    for each in batch.instructions:
        _transfer(add, payment, each, version)


def _transfer(add: Add, payment: etree._Element, each: Instruction, version: str) -> None:
    transfer, to = add(payment, "CdtTrfTxInf"), each.beneficiary
    ids = add(transfer, "PmtId")
    add(ids, "InstrId", each.ref)
    add(ids, "EndToEndId", each.ref)
    add(add(transfer, "Amt"), "InstdAmt", plain(each.amount_minor, each.currency), Ccy=each.currency)
    _bank(add, add(transfer, "CdtrAgt"), to.ifsc, version)
    creditor = add(transfer, "Cdtr")
    add(creditor, "Nm", plain_ascii(to.name)[:NAME_WIDTH])
    _country(add, creditor, to)
    _account(add, add(transfer, "CdtrAcct"), to.account_no, each.currency)
    add(add(transfer, "RmtInf"), "Ustrd", (plain_ascii(each.remark) or each.ref)[:TEXT_WIDTH])


def _country(add: Add, creditor: etree._Element, to: Beneficiary) -> None:
    if re.fullmatch(r"[A-Z]{2}", to.country):
        add(add(creditor, "PstlAdr"), "Ctry", to.country)


def _account(add: Add, account: etree._Element, number: str, currency: str) -> None:
    number, id_ = re.sub(r"\s", "", number).upper(), add(account, "Id")
    if iban.is_valid(number):
        add(id_, "IBAN", number)
    else:
        add(add(id_, "Othr"), "Id", number)
    add(account, "Ccy", currency)


def _bank(add: Add, agent: etree._Element, code: str, version: str) -> None:
    code, bank = code.strip().upper(), add(agent, "FinInstnId")
    if IFSC.fullmatch(code):
        member = add(bank, "ClrSysMmbId")
        add(add(member, "ClrSysId"), "Cd", "INFSC")
        add(member, "MmbId", code)
    elif BIC.fullmatch(code):
        add(bank, "BIC" if version == "03" else "BICFI", code)
    else:
        add(add(bank, "ClrSysMmbId"), "MmbId", code[:35])


def _debtor(batch: BatchFacts) -> str:
    return (plain_ascii(batch.debtor_name) or batch.corporate_id or batch.ref)[:NAME_WIDTH]
