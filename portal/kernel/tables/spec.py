"""What a sheet should hold: its columns, and how an uploader's header finds them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from difflib import get_close_matches
from typing import Literal

from portal.kernel.errors import Problem

Kind = Literal["text", "amount", "date", "time", "int", "decimal", "choice", "bool"]

# Other people's names for our columns; written in normal form by `normal()`, so "Loan A/c No." needs one entry.
ALIASES: dict[str, tuple[str, ...]] = {
    "loan_account_no": (
        "LAN", "Loan A/c No", "Loan Account", "Loan Account Number", "Loan No", "Loan Number", "Account No",
        "Account Number", "A/c No", "Agreement No", "Agreement Number", "Contract No", "Loan ID", "LAN No",
    ),
    "instrument_ref": (
        "UTR", "UTR No", "UTR Number", "RRN", "RRN No", "Ref No", "Reference No", "Reference Number", "Reference",
        "Cheque No", "Cheque Number", "Chq No", "Chq/Ref No", "Txn ID", "Transaction ID", "Transaction Ref", "UPI Ref",
        "DD No", "Instrument No", "Instrument Number", "Payment Ref",
    ),
    "receipt_no": ("Rcpt No", "Receipt", "Receipt Number", "Rcpt Number", "MR No", "Money Receipt No", "Receipt ID"),
    "amount": (
        "Amt", "Amount Collected", "Collected Amount", "Collection Amount", "Paid Amount", "Payment Amount",
        "Receipt Amount", "Amount INR", "Amount Rs", "Txn Amount",
    ),
    "collected_on": (
        "Collection Date", "Collected Date", "Receipt Date", "Payment Date", "Paid On", "Date of Collection", "Rcpt Date",
        "Paid Date", "Date",
    ),
    "collected_time": ("Collection Time", "Receipt Time", "Time"),
    "mode": ("Payment Mode", "Payment Type", "Receipt Mode", "Mode of Payment", "Pay Mode", "Instrument Type", "Collection Mode"),
    "agent_code": ("Agent", "Agent ID", "FOS Code", "FOS ID", "FE Code", "Executive Code", "Collector Code"),
    "deposit_slip_no": ("Slip No", "Deposit Slip", "Pay In Slip No", "PIS No", "Payin Slip"),
    "deposited_on": ("Deposit Date", "Deposited Date", "Date of Deposit", "Banked On"),
    "component_principal": ("Principal", "Principal Component", "Principal Collected"),
    "component_interest": ("Interest", "Interest Component", "Interest Collected"),
    "component_charges": ("Charges", "Charges Component", "Charges Collected", "Penal", "Penalty"),
    "latitude": ("Lat",),
    "longitude": ("Long", "Lng", "Lon"),
    "remarks": ("Remark", "Comments", "Comment", "Notes", "Narration"),
    "posting_no": ("Posting Number", "Posting ID", "Journal No", "Voucher No", "GL Ref", "CBS Ref", "Posting Ref"),
    "posted_on": ("Posting Date", "Posted Date", "Entry Date", "Txn Date", "Transaction Date"),
    "value_on": ("Value Date", "Value Dt"),
    "reverses_posting_no": ("Reverses", "Reversal Of", "Reversed Posting No", "Original Posting No"),
    "agency_code": ("Agency", "Agency ID", "Vendor Code", "DCA Code", "Agency Cd"),
    "legal_name": ("Agency Name", "Name", "Firm Name", "Legal Entity Name"),
    "pan": ("PAN No", "PAN Number"),
    "gstin": ("GST", "GST No", "GSTIN No", "GST Number"),
    "udyam_no": ("Udyam", "Udyam Registration No", "MSME No"),
    "msme_class": ("MSME", "MSME Category", "MSME Type"),
    "agreement_from": ("Agreement Start", "Agreement Start Date", "Agreement Date", "Valid From", "Contract From"),
    "agreement_to": ("Agreement End", "Agreement End Date", "Valid To", "Valid Till", "Contract To", "Expiry Date"),
    "email": ("Email ID", "E-mail", "Mail", "Email Address"),
    "phone": ("Phone No", "Telephone", "Contact No", "Contact Number"),
    "mobile": ("Mobile No", "Mobile Number", "Cell", "Phone", "Contact No"),
    "bank_account_no": ("Bank A/c No", "Bank Account", "Bank Account Number", "Beneficiary Account"),
    "ifsc": ("IFSC Code", "IFS Code"),
    "account_holder": ("Account Holder Name", "Beneficiary Name", "A/c Holder"),
    "currency": ("Ccy", "Curr"),
    "capacity": ("Capacity Accounts", "Max Accounts"),
    "customer_name": ("Borrower", "Borrower Name", "Customer", "Name", "Client Name", "Applicant Name"),
    "pincode": ("PIN", "Pin Code", "Postal Code", "Zip"),
    "branch_code": ("Branch", "Branch ID", "Sol ID"),
    "product": ("Product Code", "Product Type", "Loan Type", "Scheme"),
    "sanctioned_on": ("Sanction Date", "Disbursed On", "Disbursal Date", "Loan Date"),
    "emi_amount": ("EMI", "Instalment", "Installment", "Instalment Amount", "Minimum Due"),
    "principal_outstanding": ("POS", "Principal O/S", "Principal OS", "Pos Amount", "Principal Balance"),
    "total_outstanding": ("TOS", "Total O/S", "Total OS", "Outstanding", "Total Balance", "Balance"),
    "overdue_amount": ("Overdue", "Overdue Amt", "Arrears", "Total Overdue", "Amount Overdue"),
    "dpd_days": ("DPD", "Days Past Due", "Overdue Days"),
    "npa_on": ("NPA Date", "Date of NPA"),
    "written_off_on": ("Write Off Date", "Written Off Date", "WO Date"),
    "security_value": ("Collateral Value",),
    "interest_rate": ("ROI", "Rate of Interest", "Rate"),
    "from_on": ("From", "From Date", "Start Date", "Allocated From", "Allocation Date"),
    "to_on": ("To", "To Date", "End Date", "Allocated To", "Allocation End Date"),
    "target_amount": ("Target", "Target Amt"),
    "stream": ("Channel", "Allocation Type"),
}  # fmt: skip

LONGEST_WORD = 120

# What we add to rejected rows: known on the way back in, and dropped without a word.
ERROR_COLUMNS = ("error_code", "error_column", "error", "cure")


def normal(header: str) -> str:
    """A header or choice without case, spaces, dots, slashes, dashes and underscores.

    >>> normal("Loan A/c No.") == normal("LOAN_AC_NO")
    True
    """
    folded = unicodedata.normalize("NFKC", header).casefold()
    return "".join(char for char in folded if char.isalnum())


@dataclass(frozen=True)
class Column:
    """One column of a sheet.

    `amount` columns arrive in the frame as `<name>_minor` (Int64, minor units), everything else under its own name unless
    `into` says otherwise. `signed` lets amounts, ints and decimals be negative; `positive` refuses zero; `least` and `most`
    bound ints and decimals; `choices` lists the canonical words and `choice_aliases` other people's words for them.
    """

    name: str
    kind: Kind = "text"
    needed: bool = False
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    choice_aliases: Mapping[str, str] = field(default_factory=dict)
    max_len: int = 200
    pattern: str = ""  # RE2 syntax; the whole cell must fit
    pattern_hint: str = ""
    signed: bool = False
    positive: bool = False
    least: int | Decimal | None = None
    most: int | Decimal | None = None
    into: str = ""

    @property
    def field_name(self) -> str:
        """The name this column has in the parsed frame."""
        return self.into or (f"{self.name}_minor" if self.kind == "amount" else self.name)

    def known_as(self, extra: Mapping[str, Sequence[str]]) -> set[str]:
        """Every normal form this column answers to besides its own name."""
        return {normal(word) for word in self.spoken(extra)[1:]}

    def spoken(self, extra: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
        """Its own name and every other, as people write them."""
        return (self.name, *self.aliases, *ALIASES.get(self.name, ()), *extra.get(self.name, ()))


@dataclass(frozen=True)
class SheetSpec:
    """A kind of sheet: its name for messages ("collections") and its columns."""

    name: str
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column:
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True)
class HeaderMatch:
    """Which position of the file feeds which column; what was left over; what is wrong with the header."""

    positions: dict[str, int]
    unknown: list[int]
    problems: list[Problem]


class Vocabulary:
    """Every word a spec's columns answer to, put into normal form once: how well many rows would do for a header."""

    def __init__(self, spec: SheetSpec, extra: Mapping[str, Sequence[str]], told: Iterable[str] = ()) -> None:
        self.words = [{normal(column.name)} | column.known_as(extra) for column in spec.columns]
        self.told = {normal(word) for word in told if word}
        self.all = self.told.union(*self.words)

    def score(self, cells: Sequence[str]) -> int:
        """How many columns a row names; words that were told count once more."""
        forms = {normal(cell) for cell in cells if len(cell) <= LONGEST_WORD} & self.all
        return min(sum(not forms.isdisjoint(words) for words in self.words), len(forms)) + len(forms & self.told)


def match_header(
    header: Sequence[str], spec: SheetSpec, extra: Mapping[str, Sequence[str]] | None = None
) -> HeaderMatch:
    """Find each column in a header row. A column's own name beats an alias; two claims to one column are a problem."""
    forms = [normal(cell) for cell in header]
    taken: dict[str, int] = {}
    problems: list[Problem] = []
    used = {at for at, form in enumerate(forms) if form in {normal(name) for name in ERROR_COLUMNS}}
    for by_name in (True, False):
        for column in spec.columns:
            if column.name in taken:
                continue
            words = {normal(column.name)} if by_name else column.known_as(extra or {})
            found = [at for at, form in enumerate(forms) if at not in used and form in words]
            if len(found) > 1:
                problems.append(_twice(column, [header[at] for at in found]))
            if found:
                taken[column.name] = found[0]
                used.update(found)
    unknown = [at for at, cell in enumerate(header) if at not in used and cell.strip()]
    leftovers = [header[at] for at in unknown]
    problems += [_missing(column, leftovers) for column in spec.columns if column.needed and column.name not in taken]
    return HeaderMatch(taken, unknown, problems)


def _twice(column: Column, cells: list[str]) -> Problem:
    listed = " and ".join(f"“{cell}”" for cell in cells)
    return Problem(
        "duplicate_column",
        f"{listed} would both be {column.name}.",
        "Keep one of them, or rename the other.",
        row=1,
        column=column.name,
    )


def _missing(column: Column, leftovers: list[str]) -> Problem:
    forms = {normal(cell): cell for cell in leftovers}
    wanted = [normal(column.name), *column.known_as({})]
    near = next((hit for word in wanted for hit in get_close_matches(word, forms, n=1, cutoff=0.75)), None)
    cure = f"Did you mean “{forms[near]}”? Name it {column.name}." if near else f"Add a column named {column.name}."
    return Problem("missing_column", f"The column {column.name} is missing.", cure, row=1, column=column.name)
