"""CSV and XLSX layouts of banks as data: which column is what, how dates read, which sign means what, where the reference sits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

COLUMNS = (
    "booked_on", "value_on", "description", "bank_ref", "customer_ref",
    "debit", "credit", "amount", "dr_cr", "balance", "account", "currency", "virtual_account",
)  # fmt: skip
DAY_FIRST = ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%d-%b-%Y", "%d/%m/%y", "%d-%m-%y", "%d-%b-%y")
MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%d-%b-%Y", "%m/%d/%y", "%m-%d-%y")


PLACE = re.compile(r"#[1-9][0-9]{0,2}")  # the nth column, where a heading does not name it


def plain_header(text: str) -> str:
    """A header's name without case, spaces and punctuation: `Withdrawal Amt.` is `withdrawalamt`."""
    return re.sub(r"[\W_]+", "", text.casefold())


@dataclass(frozen=True, slots=True)
class Profile:
    """One layout. `columns` maps our words (COLUMNS) to the header names that may stand for them, best first.

    The sign rule follows from the columns present: `debit` and `credit`; or `amount` with `dr_cr`; or a signed `amount`.
    A column may also be named by its place: `#3`. `has_header` is false for a sheet whose first row is a movement already.
    Where no column carries a reference it is looked for in the narrative: behind the words `reference_after`; as the longest number
    of at least `reference_digits` digits; or as the first group of the pattern `reference`.
    `date_formats` empty means: ISO and names of months for certain, day or month first only if the file itself decides.
    """

    name: str
    columns: Mapping[str, tuple[str, ...]]
    date_formats: tuple[str, ...] = DAY_FIRST
    currency: str = "INR"
    skip_rows: int = 0
    credit_is_positive: bool = True
    reference: str = r"(?:UTR|RRN|REF(?:\s*NO)?)[\s:./-]*([A-Z0-9]{6,22})"
    account: str = ""
    required: tuple[str, ...] = field(default=("booked_on",))
    reference_after: str = ""
    reference_digits: int = 0
    has_header: bool = True

    def place(self, header: Iterable[str]) -> dict[str, int] | None:
        """Our words to column positions; None when the header does not carry what this layout needs."""
        names = [plain_header(name) for name in header]
        found: dict[str, int] = {}
        for word, aliases in self.columns.items():
            for name in aliases:
                alias = plain_header(name)
                if PLACE.fullmatch(name) and int(name[1:]) <= len(names):
                    found[word] = int(name[1:]) - 1
                elif alias in names and names.index(alias) not in found.values():
                    found[word] = names.index(alias)
                if word in found:
                    break
        has_sign = {"debit", "credit"} <= found.keys() or "amount" in found
        return found if has_sign and all(word in found for word in self.required) else None


def _columns(**aliases: str) -> dict[str, tuple[str, ...]]:
    return {word: tuple(plain_header(name) for name in names.split("|")) for word, names in aliases.items()}


SBI = Profile(
    "sbi",
    _columns(
        booked_on="Txn Date", value_on="Value Date", description="Description", customer_ref="Ref No./Cheque No.",
        debit="Debit", credit="Credit", balance="Balance",
    ),
    required=("booked_on", "customer_ref", "value_on"),
)  # fmt: skip
HDFC = Profile(
    "hdfc",
    _columns(
        booked_on="Date", value_on="Value Dt|Value Date", description="Narration", customer_ref="Chq./Ref.No.",
        debit="Withdrawal Amt.", credit="Deposit Amt.", balance="Closing Balance",
    ),
    required=("booked_on", "description", "debit", "credit"),
)  # fmt: skip
ICICI = Profile(
    "icici",
    _columns(
        value_on="Value Date", booked_on="Transaction Date", customer_ref="Cheque Number",
        description="Transaction Remarks", debit="Withdrawal Amount (INR)|Withdrawal Amount(INR )|Withdrawal Amount",
        credit="Deposit Amount (INR)|Deposit Amount", balance="Balance (INR)|Balance",
    ),
    required=("booked_on", "description", "debit", "credit"),
)  # fmt: skip
AXIS = Profile(
    "axis",
    _columns(
        booked_on="Transaction Date|Tran Date", description="Particulars", customer_ref="Cheque No.|Chq No",
        dr_cr="Dr/Cr", amount="Amount", balance="Balance", debit="Debit", credit="Credit",
    ),
    required=("booked_on", "description", "customer_ref"),
)  # fmt: skip
KOTAK = Profile(
    "kotak",
    _columns(
        booked_on="Date", description="Description", customer_ref="Ref No.|Chq / Ref number", debit="Debit",
        credit="Credit", balance="Balance",
    ),
    required=("booked_on", "description", "customer_ref"),
)  # fmt: skip
GENERIC = Profile(
    "generic",
    _columns(
        booked_on="Booked On|Booking Date|Date|Transaction Date|Txn Date|Tran Date|Post Date|Posting Date|Value Date",
        value_on="Value On|Value Date|Value Dt",
        description="Description|Narration|Narrative|Particulars|Details|Remarks|Transaction Remarks|Memo",
        bank_ref="Bank Ref|Bank Reference|Transaction Id|Tran Id|Txn Id",
        customer_ref="Customer Ref|Customer Reference|Reference|Ref No|Reference No|Ref|UTR|UTR No|RRN|Cheque No|Chq No"
        "|Cheque Number|Instrument Ref|Ref No./Cheque No.|Chq./Ref.No.|Instrument Id",
        debit="Debit|Debit Amount|Withdrawal|Withdrawals|Withdrawal Amt|Withdrawal Amount|Dr|Dr Amount|Paid Out",
        credit="Credit|Credit Amount|Deposit|Deposits|Deposit Amt|Deposit Amount|Cr|Cr Amount|Paid In",
        amount="Amount|Transaction Amount|Txn Amount",
        dr_cr="Dr/Cr|Cr/Dr|Debit/Credit|Side|Type|DC|Dr Cr Indicator|Credit Debit Indicator",
        balance="Balance|Running Balance|Closing Balance|Balance Amount|Available Balance",
        account="Account|Account No|Account Number|A/c No",
        currency="Currency|Ccy",
    ),
    date_formats=(),
)  # fmt: skip

# What else these banks hand out, under the bank's own name: the text download, the corporate portal.
VARIANTS = (
    Profile(
        "hdfc",
        _columns(
            booked_on="Date", value_on="Value Dat|Value Dt|Value Date", description="Narration", customer_ref="Chq/Ref Number",
            debit="Debit Amount", credit="Credit Amount", balance="Closing Balance",
        ),
        required=("booked_on", "value_on", "description", "customer_ref"),
    ),
    Profile(
        "icici",
        _columns(
            booked_on="Txn Posted Date", value_on="Value Date", description="Description", bank_ref="Transaction ID",
            customer_ref="ChequeNo.", dr_cr="Cr/Dr", amount="Transaction Amount(INR)|Transaction Amount",
            balance="Available Balance(INR)|Available Balance",
        ),
        required=("booked_on", "description", "amount", "dr_cr"),
    ),
    Profile(
        "axis",
        _columns(
            booked_on="Tran Date", value_on="Value Date", description="Particulars|Transaction Particulars",
            customer_ref="CHQNO|Chq No", debit="DR|Debit", credit="CR|Credit", balance="BAL|Balance",
        ),
        required=("booked_on", "description", "customer_ref", "debit", "credit"),
    ),
    Profile(
        "axis",
        _columns(
            booked_on="Tran Date|Transaction Date|Transaction Date (dd/mm/yyyy)", value_on="Value Date|Value Date (dd/mm/yyyy)",
            description="Particulars|Transaction Particulars", customer_ref="Chq No|Cheque No.|Cheque Number",
            dr_cr="DR/CR|Debit/Credit", amount="Amount(INR)", balance="Balance(INR)",
        ),
        required=("booked_on", "description", "amount", "dr_cr"),
    ),
    Profile(
        "kotak",
        _columns(
            booked_on="Date|Transaction Date", value_on="Value Date", description="Description",
            customer_ref="Chq / Ref number|Chq / Ref No.", dr_cr="Dr / Cr", amount="Amount", balance="Balance",
        ),
        required=("booked_on", "description", "customer_ref", "amount", "dr_cr"),
    ),
    Profile(
        "kotak",
        _columns(
            booked_on="Transaction Date", value_on="Value Date", description="Description",
            customer_ref="Chq / Ref No.|Chq / Ref number", debit="Debit", credit="Credit", balance="Balance",
        ),
        required=("booked_on", "value_on", "description", "customer_ref"),
    ),
)  # fmt: skip

PRESETS: dict[str, Profile] = {p.name: p for p in (SBI, HDFC, ICICI, AXIS, KOTAK, GENERIC)}


def recognise(header: Iterable[str], profiles: Iterable[Profile]) -> tuple[Profile, dict[str, int]] | None:
    """The profile that places most of a header's columns; the earlier of two equals."""
    cells = list(header)
    placed = [(profile, found) for profile in profiles if (found := profile.place(cells)) is not None]
    return max(placed, key=lambda pair: len(pair[1]), default=None)
