"""The bank's answer to a payment file: read it strictly, then judge it against what we asked for. Pure.

A file with any problem has no effect at all: money is not moved on half an answer. The same file again finds every
payout where it left it, which is no problem and no effect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from payouts.rails.lifecycle import PAYOUT_TRANSITIONS
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
    """What an answer does to one payout. `action`: confirm | return | known (an answer we already have)."""

    ref: str
    action: str
    utr: str
    reason: str


ACTION_OF = {"paid": "confirm", "returned": "return"}


def read_answer(data: bytes, profile: Profile, currency: str = "INR") -> list[AnswerRecord]:
    """The records of an answer file. Raises Invalid with every problem: not text, cut off, a line of another shape."""
    layout = profile.answer
    text = answer_text(data)
    problems: list[Problem] = []
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    lines, trailer = _without_frame(lines, layout, profile.separator, problems)
    records = [
        record
        for number, line in lines
        if (record := _record(number, line.split(profile.separator), layout, currency, problems))
    ]
    if trailer is not None:
        problems += _check_trailer(trailer, records, currency)
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


def _without_frame(
    lines: list[tuple[int, str]], layout: AnswerLayout, separator: str, problems: list[Problem]
) -> tuple[list[tuple[int, str]], tuple[int, list[str]] | None]:
    """The record lines without header and trailer, and the trailer's fields."""
    if layout.has_header and lines and lines[0][1].upper().startswith("FILEHDR"):
        lines = lines[1:]
    if not layout.trailer_word:
        return lines, None
    if lines and lines[-1][1].split(separator)[0].strip() == layout.trailer_word:
        number, line = lines[-1]
        return lines[:-1], (number, line.split(separator))
    problems.append(
        Problem("truncated", "The last line, with count and total, is missing.", "Download the file again.")
    )
    return lines, None


def _record(
    number: int, fields: list[str], layout: AnswerLayout, currency: str, problems: list[Problem]
) -> AnswerRecord | None:
    found = len(problems)
    if len(fields) == layout.columns - 1 == layout.reason:
        fields = [*fields, ""]  # banks leave out the last, empty reason
    if len(fields) != layout.columns:
        message = f"This line has {len(fields)} fields, the layout {layout.columns}."
        problems.append(Problem("wrong_shape", message, "Use the bank's file as it came.", row=number))
        return None
    cell = [field.strip() for field in fields]
    word, utr = cell[layout.status].upper(), cell[layout.utr]
    status = "paid" if word in layout.paid_words else "returned" if word in layout.returned_words else ""
    if not status:
        message = f"Status {word!r} is none of {', '.join(layout.paid_words + layout.returned_words)}."
        problems.append(Problem("bad_status", message, "Ask the bank.", row=number, column="status", value=word))
    amount = amount_of(cell[layout.amount], currency)
    if amount is None:
        message = f"{cell[layout.amount]!r} is not an amount."
        problems.append(Problem("bad_amount", message, row=number, column="amount", value=cell[layout.amount]))
    if status == "paid" and not utr:
        problems.append(Problem("missing_utr", "A payment without its UTR.", "Ask the bank.", row=number, column="utr"))
    if len(problems) > found or amount is None:
        return None
    return AnswerRecord(number, cell[layout.ref], amount, status, utr, cell[layout.reason])


def amount_of(text: str, currency: str) -> int | None:
    try:
        return Money.from_major(text, currency).minor
    except (ValueError, ArithmeticError):
        return None


def _check_trailer(trailer: tuple[int, list[str]], records: list[AnswerRecord], currency: str) -> list[Problem]:
    """Count and control total, as the bank counted them."""
    number, fields = trailer
    stated = [field.strip() for field in fields[1:3]]
    found = [str(len(records)), plain(sum(record.amount_minor for record in records), currency)]
    if stated == found:
        return []
    message = f"The file states {' payments, total '.join(stated)}; it holds {' payments, total '.join(found)}."
    return [Problem("control_total", message, "Download the file again.", row=number)]


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
    return payout.status == record.status


def _contradiction(record: AnswerRecord, payout: Expected) -> Problem | None:
    """Another amount, another UTR for the same payment, or a step its life does not allow."""
    row, ref = record.line_no, record.ref
    if record.amount_minor != payout.amount_minor:
        ours, theirs = plain(payout.amount_minor, payout.currency), plain(record.amount_minor, payout.currency)
        return Problem("altered_amount", f"{ref}: we sent {ours}, the answer says {theirs}.", "Ask the bank.", row=row)
    if _is_known(record, payout):
        if record.utr and payout.provider_ref and record.utr != payout.provider_ref:
            message = f"{ref} was answered with UTR {payout.provider_ref}, now {record.utr}."
            return Problem("altered_utr", message, "Ask the bank.", row=row, column="utr", value=record.utr)
        return None
    if (payout.status, ACTION_OF[record.status]) not in PAYOUT_TRANSITIONS:
        message = f"{ref} is {payout.status}; it cannot become {record.status}."
        return Problem("illegal_step", message, "Ask the bank.", row=row, column="status", value=record.status)
    return None


def compose_answer(data: bytes, profile: Profile, fates: Mapping[str, tuple[str, str, str]]) -> bytes:
    """An answer in the bank's layout to a payment file of ours: {ref: (paid | returned, utr, reason)}.

    Payouts not named stay unanswered. For trying the round trip: the demo's bank and the tests answer with it.
    """
    layout, separator = profile.answer, profile.separator
    lines = data.decode("ascii").splitlines()
    header = lines[:1] if profile.header else []
    answered: list[str] = []
    total = 0
    for line in lines[len(header) : len(lines) - (1 if profile.trailer else 0)]:
        fields = line.split(separator)
        if fields[layout.ref] not in fates:
            continue
        status, utr, reason = fates[fields[layout.ref]]
        total += Money.from_major(fields[layout.amount], "INR").minor
        tail = {layout.utr: utr, layout.status: (layout.paid_words if status == "paid" else layout.returned_words)[0]}
        tail[layout.reason] = reason.replace(separator, " ")
        answered.append(separator.join([*fields, *(tail[position] for position in range(len(fields), layout.columns))]))
    trailer = (
        [separator.join([layout.trailer_word, str(len(answered)), plain(total, "INR")])] if layout.trailer_word else []
    )
    return "".join(line + profile.line_end for line in [*header, *answered, *trailer]).encode("ascii")
