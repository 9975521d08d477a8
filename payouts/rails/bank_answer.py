"""The bank's answer to a payment file: read it strictly, then judge it against what we asked for. Pure.

A file with any problem has no effect at all: money is not moved on half an answer. The same file again finds every
payout where it left it, which is no problem and no effect.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from payouts.rails.lifecycle import PAYOUT_TRANSITIONS, WITH_THE_BANK
from payouts.rails.profiles import AnswerLayout, Profile
from payouts.rails.protocol import AnswerRecord
from portal.kernel.errors import Invalid, Problem
from portal.kernel.money import Money, plain


@dataclass(frozen=True, slots=True)
class Expected:
    """A payout as we hold it. `provider_ref` is the UTR of an earlier answer, or empty."""

    amount_minor: int
    currency: str
    status: str
    provider_ref: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an answer does to one payout. `action`: confirm | return | fail | known (we have it already, or nothing is final yet)."""

    ref: str
    action: str
    utr: str
    reason: str


ACTION_OF = {"paid": "confirm", "returned": "return", "failed": "fail"}
WRITTEN = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?")
STATUS_WORDS = ("paid", "returned", "failed")


def read_answer(data: bytes, profile: Profile, currency: str = "INR") -> list[AnswerRecord]:
    """The records of an answer file. Raises Invalid with every problem: not text, cut off, a line of another shape."""
    layout = profile.answer
    text = answer_text(data)
    problems: list[Problem] = []
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    lines, trailer = _without_frame(lines, layout, profile, problems)
    records = [
        record
        for number, line in lines
        if (record := _record(number, fields_of(line, profile.separator, layout.widths), profile, currency, problems))
    ]
    if trailer is not None:
        problems += _check_trailer(trailer, records, lines, profile, currency)
    if problems:
        raise Invalid(problems)
    return records


def answer_text(data: bytes) -> str:
    """The file as text; Invalid when it is none."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(Problem("not_text", "This is not a text file.", "Choose the bank's answer file.")) from None
    if not text.strip():
        raise Invalid(Problem("empty_file", "The file is empty.", "Download the bank's answer again."))
    return text.strip("\r\n") + "\n"


def fields_of(line: str, separator: str, widths: Sequence[int]) -> list[str]:
    """A line's fields; one of fixed widths that is too short or too long has a field too few or too many."""
    if separator:
        return line.split(separator)
    fields, at = [], 0
    for width in widths:
        if at >= len(line):
            break
        fields.append(line[at : at + width])
        at += width
    return fields + ([line[at:]] if line[at:].strip() else [])


def _without_frame(
    lines: list[tuple[int, str]], layout: AnswerLayout, profile: Profile, problems: list[Problem]
) -> tuple[list[tuple[int, str]], tuple[int, list[str]] | None]:
    """The record lines without header and trailer, and the trailer's fields."""
    if layout.header_word and lines and lines[0][1].upper().startswith(layout.header_word.upper()):
        lines = lines[1:]
    if not layout.trailer_word:
        return lines, None
    if lines:
        number, line = lines[-1]
        fields = [field.strip() for field in (line.split(profile.separator) if profile.separator else line.split())]
        if fields[0] == layout.trailer_word:
            return lines[:-1], (number, fields)
    problems.append(
        Problem("truncated", "The last line, with count and total, is missing.", "Download the file again.")
    )
    return lines, None


def _record(
    number: int, fields: list[str], profile: Profile, currency: str, problems: list[Problem]
) -> AnswerRecord | None:
    found, layout = len(problems), profile.answer
    if len(fields) == layout.columns - 1 == layout.reason:
        fields = [*fields, ""]  # banks leave out the last, empty reason
    if len(fields) != layout.columns:
        message = f"This line has {len(fields)} fields, the layout {layout.columns}."
        problems.append(Problem("wrong_shape", message, "Use the bank's file as it came.", row=number))
        return None
    cell = [field.strip() for field in fields]
    word, utr = cell[layout.status].upper(), cell[layout.utr]
    known = {"paid": layout.paid_words, "returned": layout.returned_words, "failed": layout.failed_words}
    status = next((each for each in STATUS_WORDS if word in known[each]), "")
    if not status:
        message = f"Status {word!r} is none of {', '.join(each for words in known.values() for each in words)}."
        problems.append(Problem("bad_status", message, "Ask the bank.", row=number, column="status", value=word))
    amount = amount_of(cell[layout.amount], currency, profile.amount_format)
    if amount is None:
        message = f"{cell[layout.amount]!r} is not an amount."
        problems.append(Problem("bad_amount", message, row=number, column="amount", value=cell[layout.amount]))
    if status == "paid" and not utr:
        problems.append(Problem("missing_utr", "A payment without its UTR.", "Ask the bank.", row=number, column="utr"))
    if len(problems) > found or amount is None:
        return None
    return AnswerRecord(number, cell[layout.ref], amount, status, utr, cell[layout.reason])


def amount_of(text: str, currency: str, written_in: str = "major") -> int | None:
    if written_in == "minor":
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
    if not WRITTEN.fullmatch(text):  # no sign, no exponent: a bank states what it moved
        return None
    try:
        return Money.from_major(text, currency).minor
    except (ValueError, ArithmeticError):
        return None


def _check_trailer(
    trailer: tuple[int, list[str]],
    records: list[AnswerRecord],
    lines: list[tuple[int, str]],
    profile: Profile,
    currency: str,
) -> list[Problem]:
    """Count, control total and, where the layout has one, the hash of the record lines, as the bank wrote them."""
    number, fields = trailer
    problems = []
    stated, total = fields[1:3], sum(record.amount_minor or 0 for record in records)
    found = [str(len(records)), amount_text(total, currency, profile.amount_format)]
    if stated != found:
        message = f"The file states {' payments, total '.join(stated)}; it holds {' payments, total '.join(found)}."
        problems.append(Problem("control_total", message, "Download the file again.", row=number))
    if profile.answer.trailer_hash and fields[3:4] != [lines_hash(line for _, line in lines)]:
        message = "The lines are not those whose hash the last line states."
        problems.append(Problem("altered_file", message, "Download the file again; ask the bank.", row=number))
    return problems


def lines_hash(lines: Iterable[str]) -> str:
    """The sha256 of record lines, joined by single line feeds."""
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def amount_text(minor: int, currency: str, written_in: str = "major") -> str:
    return str(minor) if written_in == "minor" else plain(minor, currency)


def judge(records: Iterable[AnswerRecord], expected: Mapping[str, Expected]) -> tuple[list[Verdict], list[Problem]]:
    """What the answer means for each payout, and everything that contradicts what we sent."""
    verdicts: list[Verdict] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for record in records:
        if record.ref in seen:
            message = f"{record.ref} is answered twice in one file (line {seen[record.ref]})."
            problems.append(Problem("answered_twice", message, "Ask the bank which is right.", row=record.line_no))
            continue
        seen[record.ref] = record.line_no
        payout = expected.get(record.ref)
        if payout is None:
            message = f"We sent no payout {record.ref!r}."
            problems.append(
                Problem("unknown_reference", message, "Check the file.", row=record.line_no, value=record.ref)
            )
        elif problem := _contradiction(record, payout):
            problems.append(problem)
        else:
            action = "known" if _is_known(record, payout) else ACTION_OF[record.status]
            verdicts.append(Verdict(record.ref, action, record.utr, record.reason))
    return verdicts, problems


def _is_known(record: AnswerRecord, payout: Expected) -> bool:
    """We have it already; or the bank is still at work on what waits there, or says so after it told us more."""
    return payout.status == record.status or (record.status == "pending" and payout.status in WITH_THE_BANK)


def _contradiction(record: AnswerRecord, payout: Expected) -> Problem | None:
    """Another amount, another UTR for the same payment, or a step its life does not allow."""
    row, ref = record.line_no, record.ref
    if record.amount_minor is not None and record.amount_minor != payout.amount_minor:
        ours, theirs = plain(payout.amount_minor, payout.currency), plain(record.amount_minor, payout.currency)
        return Problem("altered_amount", f"{ref}: we sent {ours}, the answer says {theirs}.", "Ask the bank.", row=row)
    if _is_known(record, payout):
        if record.utr and payout.provider_ref and record.utr != payout.provider_ref:
            message = f"{ref} was answered with UTR {payout.provider_ref}, now {record.utr}."
            return Problem("altered_utr", message, "Ask the bank.", row=row, column="utr", value=record.utr)
        return None
    if (payout.status, ACTION_OF.get(record.status, "")) not in PAYOUT_TRANSITIONS:
        message = f"{ref} is {payout.status}; it cannot become {record.status}."
        return Problem("illegal_step", message, "Ask the bank.", row=row, column="status", value=record.status)
    return None


def compose_answer(
    data: bytes, profile: Profile, fates: Mapping[str, tuple[str, str, str]], currency: str = "INR"
) -> bytes:
    """An answer in the bank's layout to a payment file of ours: {ref: (paid | returned | failed, utr, reason)}.

    Payouts not named stay unanswered. For trying the round trip: the demo's bank and the tests answer with it.
    """
    layout, separator = profile.answer, profile.separator
    widths = [column.width for column in profile.record]
    lines = data.decode("ascii").splitlines()
    header = lines[:1] if profile.header else []
    answered: list[str] = []
    total = 0
    for line in lines[len(header) : len(lines) - (1 if profile.trailer else 0)]:
        fields = fields_of(line, separator, widths)
        ref = fields[layout.ref].strip()
        if ref not in fates:
            continue
        status, utr, reason = fates[ref]
        words = {"paid": layout.paid_words, "returned": layout.returned_words, "failed": layout.failed_words}[status]
        total += amount_of(fields[layout.amount].strip(), currency, profile.amount_format) or 0
        tail = {layout.utr: utr, layout.status: words[0]}
        tail[layout.reason] = reason.replace(separator, " ") if separator else reason
        told = [*fields, *(tail[position] for position in range(len(fields), layout.columns))]
        answered.append(separator.join(told) if separator else _of_widths(told, layout.widths))
    trailer = []
    if layout.trailer_word:
        ends = [layout.trailer_word, str(len(answered)), amount_text(total, currency, profile.amount_format)]
        ends += [lines_hash(answered)] if layout.trailer_hash else []
        trailer = [(separator or " ").join(ends)]
    return "".join(line + profile.line_end for line in [*header, *answered, *trailer]).encode("ascii")


def _of_widths(fields: Sequence[str], widths: Sequence[int]) -> str:
    return "".join(field[:width].ljust(width) for field, width in zip(fields, widths, strict=True)).rstrip()
