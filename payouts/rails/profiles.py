"""Layouts of bank payment files and of their answers, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """One field. `source` names a fact (see `bank_file.facts_of`) or, with a leading "=", is the text itself.

    In a file of fixed widths the field is filled up with `fill`, on its right or (`align` "right") on its left.
    """

    name: str
    source: str
    width: int
    is_required: bool = True
    align: str = "left"
    fill: str = " "


@dataclass(frozen=True, slots=True)
class AnswerLayout:
    """The reverse file: where (from 0) each fact stands in a line of `columns` fields, and the bank's words."""

    columns: int
    ref: int
    amount: int
    utr: int
    status: int
    reason: int
    paid_words: tuple[str, ...]
    returned_words: tuple[str, ...]
    header_word: str = ""  # how a header line begins, where there may be one
    trailer_word: str = ""  # with a trailer: word, count, control total
    trailer_hash: bool = False  # and the sha256 of the record lines
    failed_words: tuple[str, ...] = ()  # never left the bank: payable again
    widths: tuple[int, ...] = ()  # of the fields, in a file of fixed widths


@dataclass(frozen=True, slots=True)
class Profile:
    """A payment file: optional header, one record a payout, optional trailer; ASCII, one separator, one line end.

    Nothing is quoted: a separator inside a text becomes a blank. Without a separator the fields have fixed widths.
    `version` is that of the lender's own layouts; those built in have none. `amount_format`: major ("142492.00") or minor ("14249200").
    """

    name: str
    label: str
    separator: str
    line_end: str
    date_format: str
    extension: str
    media_type: str
    max_bytes: int
    header: tuple[Column, ...]
    record: tuple[Column, ...]
    trailer: tuple[Column, ...]
    answer: AnswerLayout
    source: str
    amount_format: str = "major"
    version: int | None = None


UNION_BANK_TEXT = Profile(
    name="union_bank_text",
    label="Union Bank, NEFT/RTGS text upload",
    separator=",",
    line_end="\r\n",
    date_format="%d/%m/%Y",
    extension="txt",
    media_type="text/plain",
    max_bytes=2 * 1024 * 1024,
    header=(
        Column("record", "=FILEHDR", 7),
        Column("corporate id", "corporate_id", 20),
        Column("serial", "serial", 6),
        Column("encrypted", "=N", 1),
        Column("remarks", "control", 140),
    ),
    record=(
        Column("payment type", "payment_type", 4),
        Column("payer IFSC", "debit_ifsc", 12),
        Column("debit account", "debit_account", 24),
        Column("receiver IFSC", "ifsc", 12),
        Column("beneficiary account", "account_no", 24),
        Column("currency", "currency", 3),
        Column("amount", "amount", 14),
        Column("transaction remarks", "remark", 140),
        Column("beneficiary name", "name", 40),
        Column("e-mail", "email", 80, is_required=False),
        Column("remarks", "ref", 20),
    ),
    trailer=(),
    answer=AnswerLayout(
        columns=14,
        ref=10,
        amount=6,
        utr=11,
        status=12,
        reason=13,
        paid_words=("E",),
        returned_words=("R",),
        header_word="FILEHDR",
        trailer_word="FILETRL",
    ),
    source="Union Bank of India, corporate net banking, NEFT/RTGS bulk upload; answer: UTR, E/R, reason appended",
)

ENET_CSV = Profile(
    name="enet_csv",
    label="Enet corporate banking CSV",
    separator=",",
    line_end="\n",
    date_format="%Y%m%d",
    extension="csv",
    media_type="text/csv",
    max_bytes=5 * 1024 * 1024,
    header=(),
    record=(
        Column("reference", "ref", 15),
        Column("beneficiary name", "name", 70),
        Column("beneficiary account", "account_no", 30),
        Column("IFSC", "ifsc", 11),
        Column("account type", "=10", 2),
        Column("amount", "amount", 15),
        Column("value date", "value_date", 8),
    ),
    trailer=(),
    answer=AnswerLayout(
        columns=10, ref=0, amount=5, utr=7, status=8, reason=9, paid_words=("E",), returned_words=("R",)
    ),
    source="Enet corporate upload and reverse file: bank reference, E or R, reason of rejection appended",
)

PROFILES: dict[str, Profile] = {profile.name: profile for profile in (UNION_BANK_TEXT, ENET_CSV)}
