"""Payment files for a bank's upload page, from a profile. Pure: the same facts give the same bytes for ever."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass

from payouts.rails.bank_answer import amount_text, lines_hash, read_answer
from payouts.rails.profiles import PROFILES, Column, Profile
from payouts.rails.protocol import AnswerRecord, BatchFacts, Instruction, Prepared
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import plain

IFSC = re.compile(r"[A-Z]{4}0[A-Z0-9]{6}")
ACCOUNT_NO = re.compile(r"[A-Z0-9]{4,34}")
RTGS_FROM_MINOR = 2_00_000_00  # RTGS takes ₹2,00,000 and more; NEFT carries the rest

# A text may be cut to its column; a reference, an account or an amount that does not fit is refused.
MAY_BE_CUT = frozenset({"name", "remark", "email", "control"})


@dataclass(frozen=True)
class BankFileRail:
    """Pays by a file that a person uploads at the bank, and reads the file the bank gives back."""

    profile: Profile

    @property
    def name(self) -> str:
        return "bank_file"

    @property
    def profile_name(self) -> str:
        return self.profile.name

    @property
    def profile_version(self) -> int | None:
        return self.profile.version

    def prepare(self, batch: BatchFacts) -> Prepared:
        return payment_file(batch, self.profile)

    def read_answer(self, data: bytes, currency: str = "INR") -> list[AnswerRecord]:
        return read_answer(data, self.profile, currency)


def bank_file_rail(profile: str) -> BankFileRail:
    """The rail with a built-in profile; Invalid when there is none of that name."""
    if profile not in PROFILES:
        known = ", ".join(sorted(PROFILES))
        raise Invalid(
            Problem("unknown_profile", f"No bank file profile is called {profile!r}.", f"Use one of: {known}.")
        )
    return BankFileRail(PROFILES[profile])


def payment_file(batch: BatchFacts, profile: Profile) -> Prepared:
    """The file's bytes and name. Raises Invalid with every field the bank would refuse."""
    if problems := check_batch(batch, profile):
        raise Invalid(problems)
    records = [_line(profile, profile.record, facts_of(batch, each, profile)) for each in batch.instructions]
    totals = _control_facts(batch, records, profile)
    lines = [_line(profile, profile.header, totals)] if profile.header else []
    lines += records
    lines += [_line(profile, profile.trailer, totals)] if profile.trailer else []
    data = "".join(line + profile.line_end for line in lines).encode("ascii")
    if len(data) > profile.max_bytes:
        message = f"The file would be {len(data):,} bytes; {profile.label} takes {profile.max_bytes:,}."
        raise Invalid(Problem("file_too_large", message, "Make two batches."))
    return Prepared(data, f"{batch.ref}.{profile.extension}", profile.media_type)


def facts_of(batch: BatchFacts, each: Instruction, profile: Profile) -> dict[str, str]:
    """Every fact a record column may name, as the text that goes into the file."""
    return {
        "ref": each.ref,
        "amount": amount_text(each.amount_minor, each.currency, profile.amount_format),
        "currency": each.currency,
        "name": plain_ascii(each.beneficiary.name),
        "account_no": each.beneficiary.account_no.strip().upper(),
        "ifsc": each.beneficiary.ifsc.strip().upper(),
        "email": plain_ascii(each.beneficiary.email),
        "remark": plain_ascii(each.remark),
        "debit_account": batch.debit_account,
        "debit_ifsc": batch.debit_ifsc,
        "payment_type": "RTGS" if each.amount_minor >= RTGS_FROM_MINOR else "NEFT",
        "value_date": batch.made_on.strftime(profile.date_format),
    }


def _control_facts(batch: BatchFacts, records: list[str], profile: Profile) -> dict[str, str]:
    """Header and trailer facts: the count, the control total, and the sha256 of the records as written."""
    count, total = str(len(records)), amount_text(batch.total_minor, batch.currency, profile.amount_format)
    digest = lines_hash(records)
    return {
        "batch": batch.ref,
        "value_date": batch.made_on.strftime(profile.date_format),
        "corporate_id": batch.corporate_id,
        "serial": str(batch.serial),
        "count": count,
        "total": total,
        "hash": digest,
        "control": f"{batch.ref} N={count} T={total} H={digest}",
    }


def check_batch(batch: BatchFacts, profile: Profile) -> list[Problem]:
    """Everything wrong with a batch before it becomes a file of this layout."""
    problems = check_instructions(batch)
    for source, value in (("debit_account", batch.debit_account), ("debit_ifsc", batch.debit_ifsc)):
        if not value and any(column.source == source and column.is_required for column in profile.record):
            problems.append(missing_setting(source))
    for row, each in enumerate(batch.instructions, start=1):
        problems += _check_columns(batch, each, profile, row)
    return problems


def missing_setting(name: str) -> Problem:
    """Our own account, which the file is to name, is not known."""
    label = {"debit_account": "debit account", "debit_ifsc": "debit bank"}[name]
    return Problem("missing_setting", f"The lender's {label} is not set.", "Set it under Settings.", column=label)


def check_instructions(batch: BatchFacts) -> list[Problem]:
    """Everything wrong with a batch whatever the file: nothing in it, two currencies, a reference twice, an impossible payee."""
    problems: list[Problem] = []
    if not batch.instructions:
        return [Problem("empty_batch", "There is nothing to pay in this batch.", "Approve a settlement first.")]
    if len({each.currency for each in batch.instructions}) > 1:
        problems.append(
            Problem("mixed_currencies", "One file carries one currency.", "Make a batch for each currency.")
        )
    for ref, times in Counter(each.ref for each in batch.instructions).items():
        if times > 1:
            problems.append(Problem("duplicate_reference", f"{ref} stands {times} times in the batch.", value=ref))
    for row, each in enumerate(batch.instructions, start=1):
        problems += _check_payee(each, row)
    return problems


def _check_payee(each: Instruction, row: int) -> list[Problem]:
    problems: list[Problem] = []
    ifsc, account_no = each.beneficiary.ifsc.strip().upper(), each.beneficiary.account_no.strip().upper()

    def refuse(code: str, column: str, value: str, message: str, cure: str) -> None:
        problems.append(Problem(code, f"{each.ref}: {message}", cure, row=row, column=column, value=value))

    if each.amount_minor <= 0:
        amount = plain(each.amount_minor, each.currency)
        refuse("bad_amount", "amount", amount, "a payout is more than nothing.", "Carry the settlement forward.")
    if each.currency == "INR" and not IFSC.fullmatch(ifsc):
        refuse("bad_ifsc", "ifsc", ifsc, f"{ifsc!r} is not an IFSC.", "Correct the agency's bank details.")
    if not ACCOUNT_NO.fullmatch(account_no):
        cure = "Correct the bank details."
        refuse("bad_account", "account_no", account_no, "the account number is missing or malformed.", cure)
    return problems


def _check_columns(batch: BatchFacts, each: Instruction, profile: Profile, row: int) -> list[Problem]:
    """What does not fit into the layout's columns."""
    facts = facts_of(batch, each, profile)
    problems: list[Problem] = []

    def refuse(code: str, column: str, message: str, cure: str) -> None:
        problems.append(
            Problem(code, f"{each.ref}: {message}", cure, row=row, column=column, value=facts.get(column, ""))
        )

    for column in profile.record:
        text = _text(column, facts)
        if column.is_required and not text and not column.source.startswith("debit_"):
            refuse("missing", column.source, f"{column.name} is empty.", "Complete the agency's record.")
        elif len(text) > column.width and column.source not in MAY_BE_CUT:
            refuse("too_long", column.source, f"{column.name} has room for {column.width} characters.", "Shorten it.")
        elif profile.separator and profile.separator in text and column.source not in MAY_BE_CUT:
            refuse("separator", column.source, f"{column.name} contains {profile.separator!r}.", "Take it out.")
    return problems


def _line(profile: Profile, columns: tuple[Column, ...], facts: dict[str, str]) -> str:
    return profile.separator.join(_field(profile, column, facts) for column in columns)


def _field(profile: Profile, column: Column, facts: dict[str, str]) -> str:
    text = _text(column, facts)
    if profile.separator:
        return text.replace(profile.separator, " ")[: column.width].rstrip()
    text = text[: column.width]
    return text.rjust(column.width, column.fill) if column.align == "right" else text.ljust(column.width, column.fill)


def _text(column: Column, facts: dict[str, str]) -> str:
    return column.source[1:] if column.source.startswith("=") else facts.get(column.source, "")


def plain_ascii(text: str) -> str:
    """Text as banks take it: accents dropped, other scripts and control characters gone, no leading formula sign."""
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode("ascii")
    return re.sub(r"\s+", " ", re.sub(r"[^\x20-\x7e]|[\"|;]", " ", bare)).strip().lstrip("=+-@ ")
